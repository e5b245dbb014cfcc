//! Setting up, logging in, tokens.

use axum::body::Body;
use axum::http::Request;
use eddy_store::Role;
use serde_json::{Value, json};

use super::{Answer, Rig};

/// What a browser keeps of a login: the cookie, and what to send with changes.
fn kept(answer: &Answer) -> (String, String) {
    let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie, answer.json()["csrf"].as_str().unwrap().to_owned())
}

async fn set_up(rig: &Rig) -> (String, String) {
    rig.app.ask(|store| Ok(store.invite("secret", i64::MAX)?)).await.unwrap();
    let answer = rig
        .plain(
            "POST",
            "/api/v1/setup",
            Some(json!({ "secret": "secret", "name": "anna", "password": "correct horse battery" })),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    kept(&answer)
}

#[tokio::test]
async fn the_audit_log_names_what_was_done_to_what_with_which_token() {
    let rig = Rig::new().at_work();
    let admin = rig.token(Role::Admin).await;
    let dataset = rig.upload(&admin, "a.csv", super::labelled()).await;
    let ask = json!({ "kind": "train", "dataset": dataset["id"], "name": "m", "fit": { "detector": "decision_tree" } });
    let job = rig.job(&admin, ask).await;
    let (dataset, job, model) = (&dataset["id"], &job["id"], &job["result"]["model"]);
    let alias = "/api/v1/aliases/best";
    rig.ask("PUT", alias, &admin, Some(json!({ "model": model }))).await;
    rig.ask("DELETE", alias, &admin, None).await;
    rig.ask("DELETE", &format!("/api/v1/models/{}", model.as_str().unwrap()), &admin, None).await;
    rig.ask("DELETE", &format!("/api/v1/datasets/{}", dataset.as_str().unwrap()), &admin, None).await;
    let made = json!({ "name": "ci", "scope": "viewer", "days": 1 });
    let made = rig.ask("POST", "/api/v1/tokens", &admin, Some(made)).await.json();
    let token = made["token"]["id"].as_str().unwrap();
    rig.ask("DELETE", &format!("/api/v1/tokens/{token}"), &admin, None).await;
    let viewer = made["secret"].as_str().unwrap();
    assert_eq!(rig.ask("DELETE", "/api/v1/jobs/01hzzzzzzzzzzzzzzzzzzzzzzz", viewer, None).await.status, 401);
    let log = rig.ask("GET", "/api/v1/audit", &admin, None).await.json();
    let lines: Vec<_> = log["items"].as_array().unwrap().iter().rev().collect();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (token, promoted) = (format!("{token} (ci)"), format!("best to {}", text(model)));
    let wanted = [
        ("POST /api/v1/datasets", text(dataset)),
        ("POST /api/v1/jobs", text(job)),
        ("PUT /api/v1/aliases/{alias}", promoted),
        ("DELETE /api/v1/aliases/{alias}", "best".into()),
        ("DELETE /api/v1/models/{id}", text(model)),
        ("DELETE /api/v1/datasets/{id}", text(dataset)),
        ("POST /api/v1/tokens", token.clone()),
        ("DELETE /api/v1/tokens/{id}", token),
        ("DELETE /api/v1/jobs/{id}", "01hzzzzzzzzzzzzzzzzzzzzzzz".into()),
    ];
    assert_eq!(lines.len(), wanted.len(), "{log}");
    for (line, (action, subject)) in lines.iter().zip(wanted) {
        assert_eq!((text(&line["action"]), text(&line["subject"])), (action.into(), subject), "{line}");
    }
    assert_eq!(lines[0]["detail"], "201, with the token test");
}

#[tokio::test]
async fn the_first_admin_comes_by_the_one_time_link() {
    let rig = Rig::new();
    assert_eq!(rig.plain("GET", "/api/v1", None).await.json()["needs_setup"], true);
    let wrong = json!({ "secret": "guess", "name": "eve", "password": "correct horse battery" });
    assert_eq!(rig.plain("POST", "/api/v1/setup", Some(wrong)).await.status, 403);
    let short = json!({ "secret": "secret", "name": "anna", "password": "short" });
    assert_eq!(rig.plain("POST", "/api/v1/setup", Some(short)).await.status, 422);
    set_up(&rig).await;
    let again = json!({ "secret": "secret", "name": "eve", "password": "correct horse battery" });
    assert_eq!(rig.plain("POST", "/api/v1/setup", Some(again)).await.status, 403);
    assert_eq!(rig.plain("GET", "/api/v1", None).await.json()["needs_setup"], false);
}

#[tokio::test]
async fn a_session_changes_things_only_with_its_proof() {
    let rig = Rig::new();
    let (cookie, csrf) = set_up(&rig).await;
    let asked = |method: &str, path: &str, proof: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path).header("cookie", &cookie);
        if let Some(proof) = proof {
            request = request.header("x-eddy-csrf", proof);
        }
        request.header("content-type", "application/json")
    };
    let me = rig.send(asked("GET", "/api/v1/session", None).body(Body::empty()).unwrap()).await;
    assert_eq!((me.json()["name"].as_str(), me.json()["role"].as_str()), (Some("anna"), Some("admin")));
    let token = r#"{"name":"script","scope":"viewer","days":30}"#;
    for (proof, wanted) in [(None, 403), (Some("0000"), 403), (Some(csrf.as_str()), 201)] {
        let request = asked("POST", "/api/v1/tokens", proof).body(Body::from(token)).unwrap();
        assert_eq!(rig.send(request).await.status, wanted, "{proof:?}");
    }
    let out = rig.send(asked("DELETE", "/api/v1/session", Some(&csrf)).body(Body::empty()).unwrap()).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let gone = rig.send(asked("GET", "/api/v1/session", None).body(Body::empty()).unwrap()).await;
    assert_eq!(gone.status, 401, "the session is still good after logging out");
}

#[tokio::test]
async fn cookies_are_for_this_server_alone() {
    let rig = Rig::new();
    set_up(&rig).await;
    let good = json!({ "name": "anna", "password": "correct horse battery" });
    let cookie = rig.plain("POST", "/api/v1/session", Some(good)).await.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
}

#[tokio::test]
async fn guessing_a_password_is_slow_and_says_nothing_about_names() {
    let rig = Rig::new();
    set_up(&rig).await;
    let mut statuses = Vec::new();
    for n in 0..1_000 {
        let guess = json!({ "name": "anna", "password": format!("guess number {n}") });
        statuses.push(rig.plain("POST", "/api/v1/session", Some(guess)).await.status.as_u16());
    }
    let evaluated = statuses.iter().filter(|status| **status == 401).count();
    assert!(evaluated <= 10, "{evaluated} guesses were evaluated");
    assert!(statuses[20..].iter().all(|status| *status == 429));
    let log = rig.token(Role::Admin).await;
    let log = rig.ask("GET", "/api/v1/audit?limit=1000", &log, None).await.json();
    let refused = |line: &&serde_json::Value| line["outcome"] == "refused" && line["subject"] == "anna";
    let noted = log["items"].as_array().unwrap().iter().filter(refused).count();
    assert!(noted >= 990, "{noted} of the guesses are in the audit log");

    let other = Rig::new();
    let known = json!({ "name": "anna", "password": "wrong password" });
    let unknown = json!({ "name": "nobody", "password": "wrong password" });
    set_up(&other).await;
    let (a, b) = (
        other.plain("POST", "/api/v1/session", Some(known)).await,
        other.plain("POST", "/api/v1/session", Some(unknown)).await,
    );
    assert_eq!((a.status, a.body), (b.status, b.body));
}

#[tokio::test]
async fn tokens_do_what_their_scope_allows() {
    let rig = Rig::new();
    let analyst = rig.token(Role::Analyst).await;
    let made = rig
        .ask(
            "POST",
            "/api/v1/tokens",
            &analyst,
            Some(json!({ "name": "dash", "scope": "viewer", "days": 1 })),
        )
        .await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert_eq!(rig.ask("GET", "/api/v1/datasets", &secret, None).await.status, 200);
    assert_eq!(rig.ask("POST", "/api/v1/samples/metric", &secret, None).await.status, 403);
    for body in [
        json!({ "name": "too much", "scope": "admin", "days": 1 }),
        json!({ "name": "too long", "scope": "viewer", "days": 1e9 }),
    ] {
        let status = rig.ask("POST", "/api/v1/tokens", &analyst, Some(body)).await.status;
        assert!(status == 403 || status == 422, "{status}");
    }
    let listed = rig.ask("GET", "/api/v1/tokens", &analyst, None).await.json().to_string();
    assert!(!listed.contains(&secret), "a secret is shown again");
    let id = made.json()["token"]["id"].as_str().unwrap().to_owned();
    assert_eq!(rig.ask("DELETE", &format!("/api/v1/tokens/{id}"), &analyst, None).await.status, 204);
    assert_eq!(rig.ask("GET", "/api/v1/datasets", &secret, None).await.status, 401);
}

#[tokio::test]
async fn admins_manage_people() {
    let rig = Rig::new();
    let admin = rig.token(Role::Admin).await;
    let new = json!({ "name": "bert", "password": "a long enough one", "role": "viewer" });
    let bert = rig.ask("POST", "/api/v1/users", &admin, Some(new.clone())).await;
    assert_eq!(bert.status, 201);
    assert_eq!(rig.ask("POST", "/api/v1/users", &admin, Some(new)).await.status, 409);
    let path = format!("/api/v1/users/{}", bert.json()["id"].as_str().unwrap());
    let login = json!({ "name": "bert", "password": "a long enough one" });
    assert_eq!(rig.plain("POST", "/api/v1/session", Some(login.clone())).await.status, 201);
    let out = rig.ask("PATCH", &path, &admin, Some(json!({ "disabled": true }))).await;
    assert_eq!(out.json()["disabled"], true);
    assert_eq!(rig.plain("POST", "/api/v1/session", Some(login)).await.status, 401);
    let everybody = rig.ask("GET", "/api/v1/users", &admin, None).await.json().to_string();
    assert!(!everybody.contains("argon2"), "a hash is shown");
    assert_eq!(rig.ask("DELETE", &path, &admin, None).await.status, 204);
}
