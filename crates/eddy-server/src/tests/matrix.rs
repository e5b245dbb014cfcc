//! Every route against every role.

use axum::http::Method;
use eddy_store::Role;

use super::Rig;
use crate::route::Access;
use crate::router::{Table, routes};

const ROLES: [Role; 4] = [Role::Predictor, Role::Viewer, Role::Analyst, Role::Admin];

#[tokio::test]
async fn every_route_lets_its_roles_in_and_nobody_else() {
    let rig = Rig::new();
    let mut tokens = Vec::new();
    for role in ROLES {
        tokens.push((role, rig.token(role).await));
    }
    for route in routes(true) {
        if route.path == "/api/v1/events" {
            // It never ends; who may listen is asked below.
            continue;
        }
        let path = route.path.replace("{id}", "01hzzzzzzzzzzzzzzzzzzzzzzz").replace(['{', '}'], "");
        let stranger = rig.plain(route.method.as_str(), &path, None).await;
        let refused = stranger.status == 401;
        assert_eq!(
            refused,
            matches!(route.access, Access::Role(_)),
            "{} {path}: {}",
            route.method,
            stranger.status
        );
        for (role, token) in &tokens {
            let answer = rig.ask(route.method.as_str(), &path, token, None).await;
            let needed = match route.access {
                Access::Public => None,
                Access::Role(needed) | Access::Local(needed) => Some(needed),
            };
            let lets_in = needed.is_none_or(|needed| *role >= needed);
            let turned_away = answer.status == 403;
            let own_refusal =
                turned_away && answer.json()["detail"].as_str().is_some_and(|text| text.contains("you are"));
            assert_eq!(own_refusal, !lets_in, "{} {path} as {role:?}: {}", route.method, answer.status);
            assert!(
                answer.status.as_u16() < 500 || answer.status == 503,
                "{} {path}: {}",
                route.method,
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn the_live_stream_is_for_those_who_may_see() {
    let rig = Rig::new();
    assert_eq!(rig.plain("GET", "/api/v1/events", None).await.status, 401);
    let token = rig.token(Role::Predictor).await;
    assert_eq!(rig.ask("GET", "/api/v1/events", &token, None).await.status, 403);
}

#[tokio::test]
async fn what_a_reverse_proxy_passes_on_needs_a_token() {
    use axum::body::Body;
    use axum::http::Request;
    let mut config = crate::Config::default();
    config.server.hosts = vec!["eddy.example.org".into()];
    let rig = Rig::with(config);
    let token = rig.token(Role::Admin).await;
    for route in routes(true).iter().filter(|route| matches!(route.access, Access::Local(_))) {
        let path = route.path.replace(['{', '}'], "");
        let ask =
            |name: &str, value: &str| Request::builder().method(&route.method).uri(&path).header(name, value);
        for (name, value) in
            [("host", "eddy.example.org"), ("x-forwarded-for", "192.0.2.1"), ("via", "1.1 p")]
        {
            let status = rig.send(ask(name, value).body(Body::empty()).unwrap()).await.status;
            assert_eq!(status, 401, "{path} with {name}");
            let known = ask(name, value).header("authorization", format!("Bearer {token}"));
            assert_ne!(rig.send(known.body(Body::empty()).unwrap()).await.status, 401, "{path} with {name}");
        }
        let direct = ask("host", "localhost:7700").body(Body::empty()).unwrap();
        assert_ne!(rig.send(direct).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn bodies_and_answers_are_described_for_programs_and_for_people() {
    let rig = Rig::new();
    let about = rig.plain("GET", "/api/v1/openapi.json", None).await.json();
    for (path, operations) in about["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, reply) in operation["responses"].as_object().unwrap() {
                let schema = &reply["content"]["application/json"]["schema"];
                let described = schema.is_null() || schema.is_object();
                assert!(described || path == "/api/v1/openapi.json", "{method} {path} {status}");
            }
        }
    }
    for (method, path) in [("get", "/api/v1/runs/{id}/report"), ("get", "/api/v1/jobs/{id}/result")] {
        let content = &about["paths"][path][method]["responses"]["200"]["content"];
        assert!(content["application/json"]["schema"]["$ref"].is_string(), "{path}");
    }
    let page = String::from_utf8(rig.plain("GET", "/api/v1/docs", None).await.body).unwrap();
    assert!(!page.contains('`'), "backticks are shown");
    for wanted in [
        "<code>anomaly_percentage</code> <small>number</small>",
        "<code>dataset_name</code> <small>string</small>",
        "<code>duration</code> <small>NumberOrText, may be absent</small>",
        "<code>predictions</code> <small>list of Verdict</small>",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn what_is_on_no_list_is_nobodys() {
    let table = Table::new(&routes(true));
    assert_eq!(table.entry(&Method::DELETE, "/api/v1/datasets"), None);
    assert_eq!(table.entry(&Method::GET, "/api/v2/datasets"), None);
    assert_eq!(table.methods("/api/v1/datasets"), "GET, POST");
}

#[tokio::test]
async fn other_servers_pages_and_names_are_refused() {
    use axum::body::Body;
    use axum::http::Request;
    let rig = Rig::new();
    for (name, value) in
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example:7700")]
    {
        for path in ["/predict", "/analyze", "/api/v1/session"] {
            let request = Request::post(path).header(name, value).body(Body::empty()).unwrap();
            assert_eq!(rig.send(request).await.status, 403, "{path} {name}");
        }
    }
    let request = Request::get("/api/v1").header("host", "evil.example").body(Body::empty()).unwrap();
    assert_eq!(rig.send(request).await.status, 403);
}

#[tokio::test]
async fn faults_are_problems_with_the_right_status() {
    use axum::body::Body;
    use axum::http::Request;
    let rig = Rig::new();
    let admin = rig.token(Role::Admin).await;
    let bearer = format!("Bearer {admin}");
    let make = |method: &str, path: &str, media: &str, body: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", &bearer)
            .header("content-type", media)
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let json = "application/json";
    for (method, path, media, body, wanted) in [
        ("GET", "/api/v1/nothing", json, "", 404),
        ("GET", "/api/v1/datasets/nothing", json, "", 404),
        ("DELETE", "/api/v1/datasets", json, "", 405),
        ("POST", "/api/v1/jobs", "text/plain", "{}", 415),
        ("POST", "/api/v1/jobs", json, "{", 400),
        ("POST", "/api/v1/jobs", json, "{}", 422),
        ("POST", "/api/v1/jobs", json, "{\"kind\":\"detect\",\"dataset\":\"x\"}", 404),
        ("POST", "/api/v1/datasets", "application/octet-stream", "", 422),
        ("POST", "/api/v1/datasets", "multipart/form-data", "x", 400),
        ("GET", "/api/v1/datasets?limit=0", json, "", 422),
        ("GET", "/api/v1/datasets?limit=many", json, "", 422),
        ("GET", "/api/v1/jobs?state=odd", json, "", 422),
        ("PUT", "/api/v1/aliases/..%2f..", json, "{\"model\":\"x\"}", 422),
        ("POST", "/predict", json, "{\"network_in\":1}", 409),
        ("GET", "/visualization/../../etc/passwd/scatter", json, "", 404),
    ] {
        let answer = rig.send(make(method, path, media, body)).await;
        assert_eq!(answer.status, wanted, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        let problem = answer.json();
        assert_eq!(problem["status"], wanted);
        assert!(problem["detail"].is_string() && problem["title"].is_string() && problem["type"].is_string());
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let answer = rig.send(make("DELETE", "/api/v1/datasets", json, "")).await;
    assert_eq!(answer.header("allow"), "GET, POST");
}

#[test]
fn the_description_names_every_route_and_its_role() {
    let description = crate::api_description();
    let all = routes(true);
    for route in &all {
        let operation = &description["paths"][route.path][route.method.as_str().to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", route.method, route.path);
        assert!(!route.gives.is_empty(), "{} {} gives nothing", route.method, route.path);
    }
    let ids: std::collections::HashSet<String> = all
        .iter()
        .map(|route| {
            description["paths"][route.path][route.method.as_str().to_lowercase()]["operationId"].to_string()
        })
        .collect();
    assert_eq!(ids.len(), all.len(), "operation ids are not unique");
    assert_eq!(description["openapi"], "3.1.0");
    let text = description.to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(description["components"]["schemas"][name].is_object(), "{name} is nowhere");
    }
}
