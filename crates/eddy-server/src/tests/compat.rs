//! The requests that existing clients send, to the letter.

use axum::body::Body;
use axum::http::Request;
use eddy_store::Role;
use serde_json::{Value, json};

use super::{Answer, Rig, form, labelled, metric};

async fn send_form(rig: &Rig, name: &str, content: &str) -> Answer {
    let (media, body) = form(name, content);
    rig.send(Request::post("/analyze").header("content-type", media).body(Body::from(body)).unwrap()).await
}

/// Learns a model and points the alias to it.
async fn promote(rig: &Rig, name: &str, table: String, fit: Value) -> String {
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "table.csv", table).await;
    assert_eq!(dataset["state"], "ready", "{dataset}");
    let job = rig
        .job(&token, json!({ "kind": "train", "dataset": dataset["id"], "name": name, "fit": fit, "rule": { "contamination": 0.015 } }))
        .await;
    assert_eq!(job["state"], "done", "{job}");
    let model = job["result"]["model"].as_str().unwrap().to_owned();
    let pointed = rig.ask("PUT", "/api/v1/aliases/predict", &token, Some(json!({ "model": model }))).await;
    assert_eq!(pointed.status, 200);
    model
}

#[tokio::test]
async fn the_root_tells_programs_and_shows_browsers() {
    let rig = Rig::new();
    let status = rig.plain("GET", "/", None).await;
    assert!(status.json()["message"].is_string());
    let described = rig.plain("GET", "/api/v1/openapi.json", None).await.json();
    let content = &described["paths"]["/"]["get"]["responses"]["200"]["content"];
    let schema = content["application/json"]["schema"]["$ref"].as_str().unwrap().to_owned();
    let schema = described.pointer(schema.trim_start_matches('#')).unwrap();
    let mut known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let (mut given, body) = (Vec::new(), status.json());
    given.extend(body.as_object().unwrap().keys());
    known.sort();
    given.sort();
    assert_eq!(known, given);
    let page = Request::get("/").header("accept", "text/html,*/*;q=0.8").body(Body::empty()).unwrap();
    let page = rig.send(page).await;
    assert!(page.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn network_in_is_answered_as_ever() {
    let rig = Rig::new().at_work();
    assert_eq!(rig.plain("POST", "/predict", Some(json!({ "network_in": 105 }))).await.status, 409);
    promote(&rig, "metric", metric(), json!({ "detector": "isolation_forest", "steps": [] })).await;
    let normal = rig.plain("POST", "/predict", Some(json!({ "network_in": 105 }))).await.json();
    assert_eq!(normal["network_in"].as_f64(), Some(105.0));
    assert_eq!(
        (normal["prediction"].as_i64(), normal["result"].as_str()),
        (Some(1), Some("Normal")),
        "{normal}"
    );
    assert_eq!(normal["description"], "The network traffic is classified as Normal.");
    let strange = rig.plain("POST", "/predict", Some(json!({ "network_in": 9000 }))).await.json();
    assert_eq!((strange["prediction"].as_i64(), strange["result"].as_str()), (Some(-1), Some("Anomaly")));
    let missing = rig.plain("POST", "/predict", Some(json!({}))).await;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.json()["error"], "Missing 'network_in' in request JSON");
    for wrong in [json!({ "network_in": "much" }), json!({ "network_in": null }), json!(7), json!([])] {
        let status = rig.plain("POST", "/predict", Some(wrong.clone())).await.status;
        assert_eq!(status, 422, "{wrong}");
    }
    let values =
        rig.plain("POST", "/predict", Some(json!({ "values": [100, 101, 9000, 102, 103] }))).await.json();
    assert_eq!((values["records"].as_u64(), values["anomalies"].as_u64()), (Some(5), Some(1)), "{values}");
    for extreme in [1e308, -1e308, 3.4e38, 0.0] {
        let answer = rig.plain("POST", "/predict", Some(json!({ "network_in": extreme }))).await.json();
        assert!(answer["anomaly_score"].as_f64().is_some_and(f64::is_finite), "{answer}");
    }
}

#[tokio::test]
async fn a_model_that_was_shown_no_past_says_so() {
    let rig = Rig::new().at_work();
    promote(&rig, "series", metric(), json!({ "detector": "rolling_z", "steps": [] })).await;
    let lone = rig.plain("POST", "/predict", Some(json!({ "value": 9000 }))).await.json();
    assert!(lone["note"].as_str().is_some_and(|note| note.contains("values")), "{lone}");
    assert!(lone["anomaly_score"].as_f64().is_some_and(f64::is_finite));
    let several = rig.plain("POST", "/predict", Some(json!({ "values": [100, 101, 102] }))).await.json();
    assert_eq!(several["records"], 3);
    assert!(several["predictions"][0]["note"].is_null());
}

#[tokio::test]
async fn a_lone_number_is_judged_or_refused_but_never_called_normal_unseen() {
    let rig = Rig::new().at_work();
    // The default steps look back at what came before.
    promote(&rig, "metric", metric(), json!({ "detector": "isolation_forest" })).await;
    for value in [105, 9_000_000] {
        let answer = rig.plain("POST", "/predict", Some(json!({ "network_in": value }))).await;
        assert_eq!(answer.status, 422, "{}", answer.json());
        let said = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(said.contains("`values`") && said.contains("\"steps\": []"), "{said}");
    }
    // With those before it an event is found, in the form that the refusal names.
    let mut values: Vec<u32> = (0..200).map(|n| 100 + n * 7 % 11).collect();
    values.extend([9_000; 6]);
    let several = rig.plain("POST", "/predict", Some(json!({ "values": values }))).await.json();
    let said = |at: usize| several["predictions"][at]["prediction"].as_i64();
    assert!((200..206).any(|at| said(at) == Some(-1)), "{several}");
    assert!((100..200).all(|at| said(at) == Some(1)), "{several}");
}

#[tokio::test]
async fn an_address_of_the_dashboard_without_its_mark_leads_there() {
    let rig = Rig::new();
    let ask = |path: &str| Request::get(path).header("accept", "text/html").body(Body::empty()).unwrap();
    let page = rig.send(ask("/runs/abc?tab=table")).await;
    assert_eq!((page.status.as_u16(), page.header("location")), (303, "../#/runs/abc?tab=table"));
    for nothing in ["/api/v1/nothing", "/nothing.js", "//elsewhere.example"] {
        assert_eq!(rig.send(ask(nothing)).await.status, 404, "{nothing}");
    }
    assert_eq!(
        rig.plain("GET", "/runs/abc", None).await.status,
        404,
        "a program is told that there is nothing"
    );
}

#[tokio::test]
async fn features_are_answered_with_probabilities_by_models_that_learned_from_labels() {
    let rig = Rig::new().at_work();
    promote(&rig, "attacks", labelled(), json!({ "detector": "random_forest" })).await;
    let attack = rig.plain("POST", "/predict", Some(json!({ "features": [1, 5200, "tcp"] }))).await.json();
    assert_eq!(
        (attack["prediction"].as_i64(), attack["message"].as_str()),
        (Some(1), Some("Prediction successful!"))
    );
    let p: Vec<f64> = ["0", "1"].iter().filter_map(|class| attack["probabilities"][class].as_f64()).collect();
    assert!((p[0] + p[1] - 1.0).abs() < 1e-9 && p[1] > 0.5, "{attack}");
    let named = json!({ "duration": 1, "SrcBytes": "120", "protocol": "udp", "more": true });
    let normal = rig.plain("POST", "/predict", Some(named)).await.json();
    assert_eq!(
        (normal["prediction"].as_i64(), normal["class"].as_str()),
        (Some(0), Some("normal")),
        "{normal}"
    );
    let many = json!([{ "duration": 1, "srcbytes": 120, "protocol": "udp" }, { "duration": 1, "srcbytes": 5300, "protocol": "udp" }]);
    let many = rig.plain("POST", "/predict", Some(many)).await.json();
    assert_eq!(many["predictions"][0]["prediction"], 0);
    assert_eq!(many["predictions"][1]["prediction"], 1);
    let lists = json!({ "features": [[1, 120, "tcp"], [1, 5300, "tcp"]] });
    assert_eq!(rig.plain("POST", "/predict", Some(lists)).await.json()["anomalies"], 1);
    let short = rig.plain("POST", "/predict", Some(json!({ "features": [1, 2] }))).await;
    assert_eq!(short.status, 422);
    assert!(short.json()["error"].as_str().unwrap().contains("duration, srcbytes, protocol"));
    let less = rig.plain("POST", "/predict", Some(json!({ "duration": 1 }))).await;
    assert!(less.json()["error"].as_str().unwrap().contains("Missing required features: srcbytes, protocol"));
    let why = rig
        .plain("POST", "/predict?explain=true", Some(json!({ "features": [1, 5200, "tcp"] })))
        .await
        .json();
    assert!(why["why"].as_str().unwrap().contains("srcbytes"), "{why}");
}

#[tokio::test]
async fn unsupervised_features_are_answered_with_one_or_minus_one() {
    let rig = Rig::new().at_work();
    promote(&rig, "plain", metric(), json!({ "detector": "isolation_forest", "steps": [] })).await;
    let normal = rig.plain("POST", "/predict", Some(json!({ "features": [104] }))).await.json();
    assert_eq!((normal["prediction"].as_i64(), normal["message"].as_str()), (Some(1), Some("Normal")));
    let strange = rig.plain("POST", "/predict", Some(json!({ "features": [9000] }))).await.json();
    assert_eq!((strange["prediction"].as_i64(), strange["message"].as_str()), (Some(-1), Some("Anomaly")));
}

#[tokio::test]
async fn a_file_is_generated_analysed_downloaded_and_drawn() {
    let rig = Rig::new().at_work();
    let wanted = json!({ "start_date": "2024-01-15T00:00:00.000Z", "duration": 12 });
    let made = rig.plain("POST", "/generate_data", Some(wanted)).await;
    assert_eq!(made.status, 200, "{}", made.json());
    let made = made.json();
    assert_eq!((made["success"].as_bool(), made["records"].as_u64()), (Some(true), Some(720)));
    let name = made["filename"].as_str().unwrap();
    let table = rig.plain("GET", &format!("/download_sample/{name}"), None).await;
    assert!(table.header("content-disposition").contains(name));
    let table = String::from_utf8(table.body).unwrap();
    assert_eq!(table.lines().count(), 721);

    let found = send_form(&rig, "network_traffic.csv", &table).await;
    assert_eq!(found.status, 200, "{}", found.json());
    let found = found.json();
    assert_eq!(found["success"], true);
    let statistics = &found["statistics"];
    assert_eq!(statistics["total_records"], 720);
    let (n, share) =
        (statistics["anomaly_count"].as_u64().unwrap(), statistics["anomaly_percentage"].as_f64().unwrap());
    assert!(n > 0 && (share - n as f64 / 7.2).abs() < 0.01, "{statistics}");
    let advice = &found["recommendations"][0];
    assert!(
        advice["type"].is_string() && advice["severity"].is_string() && advice["description"].is_string()
    );
    assert_eq!(advice["recommendations"].as_array().map(Vec::len), Some(3));

    let id = found["timestamp"].as_str().unwrap();
    assert!(id.len() > 15 && id.as_bytes()[8] == b'_', "{id}");
    let rows = rig.plain("GET", &format!("/download/{id}"), None).await;
    assert_eq!(rows.status, 200);
    let rows = String::from_utf8(rows.body).unwrap();
    assert_eq!(rows.lines().count() as u64, n + 1);
    assert!(rows.lines().next().unwrap().ends_with("anomaly_score,anomaly"), "{rows}");
    for kind in ["scatter", "distribution", "timeseries", "scores"] {
        let picture = rig.plain("GET", &format!("/visualization/{id}/{kind}"), None).await;
        assert_eq!(picture.header("content-type"), "image/png", "{kind}");
        assert!(picture.body.starts_with(b"\x89PNG"));
        let picture = rig.plain("GET", &format!("/visualization/{id}/{kind}.svg"), None).await;
        assert!(picture.body.starts_with(b"<svg") || picture.body.starts_with(b"<?xml"), "{kind}");
    }
    assert_eq!(rig.plain("GET", &format!("/visualization/{id}/pie"), None).await.status, 404);
    assert_eq!(rig.plain("GET", "/visualization/20240101_000000/scatter", None).await.status, 404);
    assert_eq!(rig.plain("GET", "/download/20240101_000000", None).await.status, 404);
    assert_eq!(rig.plain("GET", "/download_sample/..%2f..%2fetc%2fpasswd", None).await.status, 404);
}

#[tokio::test]
async fn analyses_and_jobs_detect_alike_as_the_configuration_says() {
    let mut config = crate::Config::default();
    config.detection.contamination = Some(0.05);
    config.detection.n_estimators = Some(20);
    let rig = Rig::with(config).at_work();
    let found = send_form(&rig, "metric.csv", &metric()).await.json();
    let (flagged, rule) = (&found["statistics"]["anomaly_count"], json!({ "contamination": 0.05 }));
    assert_eq!(found["threshold"]["rule"], rule, "{found}");
    let token = rig.token(Role::Analyst).await;
    let run = async |more: Value| {
        let mut ask = json!({ "kind": "detect", "dataset": found["dataset"] });
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let job = rig.job(&token, ask).await;
        let path = format!("/api/v1/runs/{}", job["result"]["run"].as_str().unwrap());
        rig.ask("GET", &path, &token, None).await.json()
    };
    let same = run(json!({})).await;
    assert_eq!(same["summary"]["threshold"]["rule"], rule);
    assert_eq!((&same["flagged"], &same["detector"]), (flagged, &json!("isolation_forest")));
    let other = run(json!({ "rule": { "budget": 7 }, "fit": { "detector": "hbos" } })).await;
    assert_eq!(other["summary"]["threshold"]["rule"], json!({ "budget": 7 }));
    assert_eq!(other["detector"], "hbos");
}

#[tokio::test]
async fn numbers_may_come_as_text_and_what_is_none_is_named() {
    let rig = Rig::new().at_work();
    let ask = async |body: Value| rig.plain("POST", "/generate_data", Some(body)).await;
    let made = ask(json!({ "duration": "2", "seed": "7" })).await;
    assert_eq!((made.status.as_u16(), &made.json()["records"]), (200, &json!(120)));
    for (body, field) in [
        (json!({ "duration": "a day" }), "duration: a number is needed, not \"a day\""),
        (json!({ "duration": [24] }), "duration: a number is needed"),
        (json!({ "seed": 1.5 }), "seed: a number is needed, not \"1.5\""),
    ] {
        let refused = ask(body).await;
        assert_eq!(refused.status, 422);
        let said = refused.json();
        assert!(said["error"].as_str().is_some_and(|error| error.starts_with(field)), "{said}");
    }
}

#[tokio::test]
async fn faulty_uploads_are_refused_with_the_words_that_clients_know() {
    let rig = Rig::new().at_work();
    let (media, _) = form("x", "");
    let empty = "------boundary--\r\n";
    let none = Request::post("/analyze").header("content-type", &media).body(Body::from(empty)).unwrap();
    let none = rig.send(none).await;
    assert_eq!((none.status.as_u16(), none.json()["error"].as_str()), (400, Some("No file uploaded")));
    let unnamed = send_form(&rig, "", "a,b\n1,2\n").await;
    assert_eq!((unnamed.status.as_u16(), unnamed.json()["error"].as_str()), (400, Some("No file selected")));
    let unreadable = send_form(&rig, "x.csv", "\u{1}\u{2}\u{3}").await;
    assert_eq!(unreadable.status, 422, "{}", unreadable.json());
}
