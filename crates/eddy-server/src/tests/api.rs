//! What people do, in the order they do it.

use axum::body::Body;
use axum::http::Request;
use eddy_store::Role;
use serde_json::{Value, json};

use super::{Rig, labelled, metric};

#[tokio::test]
async fn a_data_set_is_sent_looked_at_explored_and_removed() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "ec2%20in.csv", metric()).await;
    assert_eq!(
        (dataset["state"].as_str(), dataset["name"].as_str()),
        (Some("ready"), Some("ec2 in.csv")),
        "{dataset}"
    );
    assert_eq!(dataset["about"]["rows"], 400);
    assert_eq!(dataset["about"]["columns"][1]["role"], "value");
    let id = dataset["id"].as_str().unwrap();
    let job = rig.job(&token, json!({ "kind": "explore", "dataset": id })).await;
    assert_eq!(job["state"], "done", "{job}");
    let result = format!("/api/v1/jobs/{}/result", job["id"].as_str().unwrap());
    let found = rig.ask("GET", &result, &token, None).await.json();
    assert_eq!(found["n_rows"], 400);
    assert_eq!(found["description"]["sources"], json!(["ec2 in.csv"]), "a path of the server is shown");
    let page = rig.ask("GET", &result.replace("result", "report.html"), &token, None).await;
    assert!(page.header("content-security-policy").contains("sandbox"));
    let renamed =
        rig.ask("PATCH", &format!("/api/v1/datasets/{id}"), &token, Some(json!({ "name": "other" }))).await;
    assert_eq!(renamed.json()["name"], "other");
    let content = rig.ask("GET", &format!("/api/v1/datasets/{id}/content"), &token, None).await;
    assert_eq!(content.body, metric().into_bytes());
    assert_eq!(rig.ask("DELETE", &format!("/api/v1/datasets/{id}"), &token, None).await.status, 204);
    assert_eq!(rig.ask("GET", &format!("/api/v1/datasets/{id}"), &token, None).await.status, 404);
}

#[tokio::test]
async fn a_run_gives_findings_rows_scores_pictures_and_tables() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "metric.csv", metric()).await;
    let ask = json!({ "kind": "detect", "dataset": dataset["id"], "rule": { "budget": 6 },
        "fit": { "detector": "isolation_forest" } });
    let job = rig.job(&token, ask).await;
    assert_eq!(job["state"], "done", "{job}");
    let id = job["result"]["run"].as_str().unwrap();
    let get = async |part: &str| rig.ask("GET", &format!("/api/v1/runs/{id}{part}"), &token, None).await;
    let run = get("").await.json();
    assert_eq!((run["rows"].as_u64(), run["dataset_name"].as_str()), (Some(400), Some("metric.csv")));
    assert!(!run.to_string().contains("/datasets/"), "a path of the server is shown: {run}");
    let findings = get("/findings?limit=2").await.json();
    assert_eq!(findings["items"].as_array().map(Vec::len), Some(2));
    assert!(findings["next"].is_string() && findings["items"][0]["sentence"].is_string());
    let rows = get("/rows?verdict=anomaly&sort=anomaly_score&descending=true&limit=3").await.json();
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(3), "{rows}");
    assert!(rows["total"].as_u64().unwrap() >= 6);
    let worst = rows["numbers"][0].as_u64().unwrap();
    assert!((295..=330).contains(&worst), "the event is at row 301: {rows}");
    let found = get("/rows?column=timestamp&contains=2024-01-02&limit=1").await.json();
    assert_eq!(found["total"], 112, "{found}");
    assert_eq!(get("/rows?sort=nothing").await.status, 422);
    let scores = get("/scores").await;
    assert_eq!(scores.body.len(), 4 * 400);
    assert!(get("/report").await.json()["points"].is_object());
    for (part, media) in [
        ("/report.html", "text/html; charset=utf-8"),
        ("/table/csv", "text/csv; charset=utf-8"),
        ("/table/parquet", "application/vnd.apache.parquet"),
        ("/table/ndjson", "application/x-ndjson"),
        ("/anomalies.csv", "text/csv; charset=utf-8"),
        ("/plots/overview.svg", "image/svg+xml"),
        ("/plots/timeseries.png?width=400&height=300", "image/png"),
    ] {
        let answer = get(part).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, media), "{part}");
        assert!(!answer.body.is_empty());
    }
    for part in ["/table/exe", "/plots/pie.svg", "/plots/scatter.exe", "/plots/../../x"] {
        assert_eq!(get(part).await.status, 404, "{part}");
    }
    assert_eq!(get("/plots/scores.png?width=1&height=1").await.status, 422);
    let item = findings["items"][0]["id"].as_str().unwrap();
    let said = json!({ "opinion": "benign", "note": "a backup" });
    let answer = rig.ask("POST", &format!("/api/v1/findings/{item}/feedback"), &token, Some(said)).await;
    assert_eq!(answer.status, 201);
    let finding = rig.ask("GET", &format!("/api/v1/findings/{item}"), &token, None).await.json();
    assert_eq!(finding["feedback"][0]["note"], "a backup");
    assert_eq!(rig.ask("DELETE", &format!("/api/v1/runs/{id}"), &token, None).await.status, 204);
    assert_eq!(get("/scores").await.status, 404);
}

#[tokio::test]
async fn models_are_learned_promoted_rolled_back_exported_and_imported() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "labelled.csv", labelled()).await;
    let mut models = Vec::new();
    for detector in ["random_forest", "isolation_forest"] {
        let ask = json!({ "kind": "train", "dataset": dataset["id"], "name": "mine", "fit": { "detector": detector } });
        let job = rig.job(&token, ask).await;
        assert_eq!(job["state"], "done", "{job}");
        models.push(job["result"]["model"].as_str().unwrap().to_owned());
    }
    let model = rig.ask("GET", &format!("/api/v1/models/{}", models[1]), &token, None).await.json();
    assert_eq!((model["name"].as_str(), model["version"].as_u64()), (Some("mine"), Some(2)));
    let field = &model["about"]["fields"][1];
    assert_eq!((field["name"].as_str(), field["is_input"].as_bool()), (Some("srcbytes"), Some(true)));
    assert!(field["typical"]["high"].is_number(), "{field}");
    let alias = "/api/v1/aliases/predict";
    for model in &models {
        assert_eq!(rig.ask("PUT", alias, &token, Some(json!({ "model": model }))).await.status, 200);
        let ask = json!({ "duration": 1, "srcbytes": 120, "protocol": "udp" });
        let told = rig.ask("POST", &format!("{alias}/predict"), &token, Some(ask)).await.json();
        assert_eq!(told["model"]["id"], json!(model), "an old model answers");
    }
    let back = rig.ask("POST", &format!("{alias}/rollback"), &token, None).await.json();
    assert_eq!(back["model"], json!(models[0]));
    assert_eq!(rig.ask("DELETE", &format!("/api/v1/models/{}", models[0]), &token, None).await.status, 409);
    let file = rig.ask("GET", &format!("/api/v1/models/{}/content", models[0]), &token, None).await.body;
    let import = |bytes: Vec<u8>| {
        Request::post("/api/v1/models?name=imported")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/octet-stream")
            .body(Body::from(bytes))
            .unwrap()
    };
    let imported = rig.send(import(file.clone())).await;
    assert_eq!(imported.status, 201, "{}", imported.json());
    assert_eq!(imported.json()["detector"], "random_forest");
    let id = imported.json()["id"].as_str().unwrap().to_owned();
    let csv = Request::post(format!("/api/v1/models/{id}/predict"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "text/csv")
        .body(Body::from(labelled()))
        .unwrap();
    let csv = rig.send(csv).await;
    assert_eq!(csv.status, 200, "{}", String::from_utf8_lossy(&csv.body));
    let table = String::from_utf8(csv.body).unwrap();
    assert_eq!(table.lines().count(), 301);
    let heads = "duration,srcbytes,protocol,attack,anomaly_score,verdict,class,probability of ";
    assert!(table.starts_with(heads), "{}", table.lines().next().unwrap());
    let first: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((first[5], first[6], first.len()), ("anomaly", "neptune", 9), "{first:?}");
    let record = json!({ "duration": 0, "srcbytes": 5000, "protocol": "udp" });
    let alone = rig.ask("POST", &format!("/api/v1/models/{id}/predict"), &token, Some(record)).await.json();
    let (p, q) =
        (alone["probabilities"]["1"].as_f64().unwrap(), alone["probabilities"]["0"].as_f64().unwrap());
    let mut said: Vec<f64> = first[7..].iter().map(|cell| cell.parse().unwrap()).collect();
    said.sort_by(f64::total_cmp);
    assert!((said[0] - q).abs() < 1e-5 && (said[1] - p).abs() < 1e-5, "{said:?}: {alone}");
    let described = rig.ask("GET", "/api/v1/openapi.json", &token, None).await.json();
    for path in ["/predict", "/api/v1/models/{id}/predict", "/api/v1/aliases/{alias}/predict"] {
        let post = &described["paths"][path]["post"];
        for content in [&post["requestBody"]["content"], &post["responses"]["200"]["content"]] {
            let media: Vec<&String> = content.as_object().unwrap().keys().collect();
            assert_eq!(media, ["application/json", "text/csv"], "{path}");
        }
    }
    let mut broken = file;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    for bytes in [broken, b"\x80\x04\x95 a pickle".to_vec(), b"PK\x03\x04 a joblib".to_vec()] {
        let refused = rig.send(import(bytes)).await;
        assert_eq!(refused.status, 422, "{}", refused.json());
        assert!(
            !refused.json()["detail"].as_str().unwrap().contains("incoming"),
            "a path of the server is shown"
        );
    }
    let left = std::fs::read_dir(rig.app.folder().root().join("incoming")).unwrap().count();
    assert_eq!(left, 0, "files are left behind");
}

#[tokio::test]
async fn what_costs_much_is_limited_and_single_records_are_not() {
    let mut config = crate::Config::default();
    (config.limits.costly_at_once, config.limits.costly_per_minute) = (3, 1);
    let rig = Rig::with(config);
    let token = rig.token(Role::Analyst).await;
    let ask = json!({ "kind": "explore", "dataset": "nothing" });
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(rig.ask("POST", "/api/v1/jobs", &token, Some(ask.clone())).await);
    }
    let statuses: Vec<u16> = seen.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [404, 404, 404, 429, 429]);
    let wait: u64 = seen[4].header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(rig.ask("GET", "/api/v1/jobs", &token, None).await.status, 200, "looking costs little");
    // Somebody else has their own; a program of this machine is known by its address.
    let batch = json!(vec![json!({ "a": 1.5, "and": "so on" }); 1_000]);
    for status in [409, 409, 409, 429] {
        assert_eq!(rig.plain("POST", "/predict", Some(batch.clone())).await.status, status);
    }
    for _ in 0..50 {
        assert_eq!(rig.plain("POST", "/predict", Some(json!({ "network_in": 1 }))).await.status, 409);
    }
    let described = rig.ask("GET", "/api/v1/openapi.json", &token, None).await.json();
    assert!(described["paths"]["/analyze"]["post"]["responses"]["429"].is_object());
}

#[tokio::test]
async fn bins_of_the_configuration_are_the_bars_of_the_pictures() {
    let bars = async |bins: Option<u32>| {
        let mut config = crate::Config::default();
        config.visualization.scores_plot.bins = bins;
        config.visualization.distribution_plot.bins = bins;
        let rig = Rig::with(config).at_work();
        let token = rig.token(Role::Analyst).await;
        let rows = (0..400).map(|n| format!("{},{}\n", n * 37 % 101, n * 53 % 89));
        let table = std::iter::once("a,b\n".to_owned()).chain(rows).collect::<String>();
        let dataset = rig.upload(&token, "even.csv", table).await;
        let fit = json!({ "detector": "isolation_forest" });
        let job = rig.job(&token, json!({ "kind": "detect", "dataset": dataset["id"], "fit": fit })).await;
        let run = job["result"]["run"].as_str().unwrap().to_owned();
        let mut longest = Vec::new();
        for plot in ["scores", "distribution"] {
            let path = format!("/api/v1/runs/{run}/plots/{plot}.svg");
            let svg = String::from_utf8(rig.ask("GET", &path, &token, None).await.body).unwrap();
            // One picture has a mark for each bar, the other draws them all as one path.
            let paths = svg.split(" d=\"").map(|path| path.split('"').next().unwrap_or_default());
            let in_one = paths.map(|path| path.matches('M').count()).max().unwrap_or(0);
            longest.push(in_one.max(svg.matches("f-normal").count()));
        }
        longest
    };
    let (few, usual) = (bars(Some(3)).await, bars(None).await);
    assert!(few.iter().all(|n| (1..=3).contains(n)), "{few:?}");
    assert!(usual.iter().all(|n| *n > 3), "{usual:?}");
}

#[tokio::test]
async fn tables_to_predict_take_no_more_workers_than_there_are_places() {
    let mut config = crate::Config::default();
    config.limits.workers = 2;
    let rig = Rig::with(config);
    let token = rig.token(Role::Analyst).await;
    let ask = || {
        let request =
            Request::post("/api/v1/models?name=n").header("authorization", format!("Bearer {token}"));
        request.header("content-type", "application/octet-stream").body(Body::from("no model")).unwrap()
    };
    let places: Vec<_> = (0..2).map(|_| rig.app.at_once.try_acquire().unwrap()).collect();
    let mut hasty = crate::Config::default();
    hasty.limits.wait_seconds = 0.05;
    rig.app.reconfigure(hasty);
    let refused = rig.send(ask()).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    rig.app.reconfigure(crate::Config::default());
    drop(places);
    assert_eq!(rig.send(ask()).await.status, 422, "there is a place, and the file is no model");
    assert_eq!(rig.app.at_once.available_permits(), 2, "places are given back");
}

#[tokio::test]
async fn models_are_compared_and_tuned() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "labelled.csv", labelled()).await;
    let ask = json!({ "kind": "compare", "dataset": dataset["id"], "models": ["decision_tree", "isolation_forest"] });
    let job = rig.job(&token, ask).await;
    assert_eq!(job["state"], "done", "{job}");
    let result = format!("/api/v1/jobs/{}/result", job["id"].as_str().unwrap());
    let found = rig.ask("GET", &result, &token, None).await.json();
    assert_eq!(found["models"].as_array().map(Vec::len), Some(2), "{found}");
    assert!(found["checks"].is_array());
    let ask = json!({ "kind": "tune", "dataset": dataset["id"], "fit": { "detector": "decision_tree" },
        "space": ["decision_tree.max_depth=2,4"] });
    let job = rig.job(&token, ask).await;
    assert_eq!(job["state"], "done", "{job}");
    let found =
        rig.ask("GET", &format!("/api/v1/jobs/{}/result", job["id"].as_str().unwrap()), &token, None).await;
    assert_eq!(found.json()["trials"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn jobs_are_called_off_resumed_and_refused_when_too_many_wait() {
    let mut config = crate::Config::default();
    config.limits.queue = 2;
    let rig = Rig::with(config);
    let token = rig.token(Role::Analyst).await;
    let ask = || Some(json!({ "kind": "generate", "shape": "metric-series", "duration_hours": 2 }));
    let first = rig.ask("POST", "/api/v1/jobs", &token, ask()).await;
    assert!(first.header("location").starts_with("/api/v1/jobs/"));
    assert_eq!(rig.ask("POST", "/api/v1/jobs", &token, ask()).await.status, 202);
    let third = rig.ask("POST", "/api/v1/jobs", &token, ask()).await;
    assert_eq!((third.status.as_u16(), third.header("retry-after")), (503, "10"));
    let path = first.header("location");
    let cancelled = rig.ask("POST", &format!("{path}/cancel"), &token, None).await;
    assert_eq!(cancelled.json()["state"], "cancelled");
    assert_eq!(rig.ask("POST", &format!("{path}/cancel"), &token, None).await.status, 409);
    assert_eq!(rig.ask("POST", &format!("{path}/resume"), &token, None).await.json()["state"], "queued");
    assert_eq!(rig.ask("DELETE", path, &token, None).await.status, 409);
    tokio::spawn(rig.app.clone().work());
    let job = rig.over(&first.json()).await;
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(rig.ask("DELETE", path, &token, None).await.status, 204);
}

#[tokio::test]
async fn limits_of_uploads_hold() {
    let mut config = crate::Config::default();
    config.limits.upload_bytes = 10_000;
    config.limits.rows = 50;
    let rig = Rig::with(config).at_work();
    let token = rig.token(Role::Analyst).await;
    let send = |bytes: Vec<u8>| {
        Request::post("/api/v1/datasets?wait=30")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/octet-stream")
            .body(Body::from(bytes))
            .unwrap()
    };
    let large = rig.send(send(vec![b'1'; 20_000])).await;
    assert_eq!(large.status, 413);
    let long: Vec<String> = (0..200).map(|n| format!("{n},{}\n", n * 2)).collect();
    let long = long.concat();
    let long = rig.send(send(format!("a,b\n{long}").into_bytes())).await.json();
    assert_eq!(long["state"], "failed");
    assert!(long["reason"].as_str().unwrap().contains("50 rows"), "{long}");
    let noise = rig
        .send(send((0..5_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()))
        .await
        .json();
    assert!(noise["state"] == "failed" || noise["about"]["rows"].is_u64(), "{noise}");
    let ask = json!({ "kind": "detect", "dataset": long["id"] });
    assert_eq!(rig.ask("POST", "/api/v1/jobs", &token, Some(ask)).await.status, 409);
    let left = std::fs::read_dir(rig.app.folder().root().join("incoming")).unwrap().count();
    assert_eq!(left, 0, "files are left behind");
}

#[tokio::test]
async fn no_more_is_kept_than_may_be() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let most = rig.app.folder().bytes() + 3_000_000;
    let mut config = crate::Config::default();
    config.retention.most_bytes = most;
    rig.app.reconfigure(config);
    let table = |bytes: usize| "a,b\n".to_owned() + &"123,4567\n".repeat(bytes / 9);
    let mut kept = Vec::new();
    for _ in 0..6 {
        let dataset = rig.upload(&token, "t.csv", table(1_300_000)).await;
        assert_eq!(dataset["state"], "ready", "{dataset}");
        kept.push(dataset["id"].clone());
    }
    let list = async || rig.ask("GET", "/api/v1/datasets", &token, None).await.json()["items"].clone();
    let ids: Vec<Value> = list().await.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert!(ids.len() < 4 && ids[0] == kept[5], "the oldest went: {ids:?}");
    let large = Request::post("/api/v1/datasets")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/octet-stream")
        .body(Body::from(table(4_000_000)))
        .unwrap();
    let refused = rig.send(large).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["type"]), (507, &json!("/api/v1/docs#over-quota")));
    assert_eq!(list().await.as_array().unwrap().len(), ids.len(), "nothing went in vain");

    // What a job brings is counted when it ends.
    let tidying = tokio::spawn(rig.app.clone().tidy_up());
    let mut config = crate::Config::default();
    config.retention.most_bytes = 1;
    rig.app.reconfigure(config);
    let ask = json!({ "kind": "generate", "shape": "metric-series", "duration_hours": 2 });
    assert_eq!(rig.job(&token, ask).await["state"], "done");
    let gone = async {
        while list().await != json!([]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), gone)
        .await
        .expect("what is too much goes at once");
    rig.app.stop();
    tidying.await.unwrap();
}

#[tokio::test]
async fn a_model_let_go_for_room_answers_no_more() {
    let rig = Rig::new().at_work();
    let token = rig.token(Role::Analyst).await;
    let dataset = rig.upload(&token, "labelled.csv", labelled()).await;
    let ask = json!({ "kind": "train", "dataset": dataset["id"], "name": "tried",
        "fit": { "detector": "isolation_forest", "params": { "n_estimators": 1_000 } } });
    let job = rig.job(&token, ask).await;
    let id = job["result"]["model"].as_str().unwrap_or_else(|| panic!("{job}"));
    let path = format!("/api/v1/models/{id}/predict");
    let record = json!({ "duration": 1, "srcbytes": 120, "protocol": "udp" });
    assert_eq!(rig.ask("POST", &path, &token, Some(record.clone())).await.status, 200);
    let model_bytes = std::fs::metadata(rig.app.folder().model(id)).unwrap().len();
    assert!(model_bytes > 500_000, "{model_bytes}");
    let mut config = crate::Config::default();
    config.retention.most_bytes = rig.app.folder().bytes();
    rig.app.reconfigure(config);
    let rows = (model_bytes * 3 / 4 / 9) as usize;
    let large = rig.upload(&token, "t.csv", "a,b\n".to_owned() + &"123,4567\n".repeat(rows)).await;
    assert_eq!(large["state"], "ready", "{large}");
    assert_eq!(rig.ask("POST", &path, &token, Some(record)).await.status, 404);
}

/// Whether something comes true within ten seconds.
async fn in_time(is_so: impl AsyncFn() -> bool) -> bool {
    for _ in 0..500 {
        if is_so().await {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    false
}

#[tokio::test]
async fn what_was_begun_is_done_and_written_down_though_the_caller_goes() {
    let rig = Rig::new().at_work();
    let (token, admin) = (rig.token(Role::Analyst).await, rig.token(Role::Admin).await);
    let request = |method: &str, path: &str, media: &str, body: String| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", media)
            .body(Body::from(body))
            .unwrap()
    };
    let left_after = async |micros: u64, request: Request<Body>| {
        let _ = tokio::time::timeout(std::time::Duration::from_micros(micros), rig.send(request)).await;
    };
    let table = "a,b\n".to_owned() + &"1,2\n3,5\n".repeat(50);
    for step in 0..60 {
        let upload = request("POST", "/api/v1/datasets", "application/octet-stream", table.clone());
        left_after(step * 150, upload).await;
    }
    let list = async |path: &str, token: &str| {
        rig.ask("GET", path, token, None).await.json()["items"].as_array().unwrap().clone()
    };
    let is_done = async || {
        let datasets = list("/api/v1/datasets?limit=1000", &token).await;
        let audit = list("/api/v1/audit?limit=1000", &admin).await;
        let uploads = audit.iter().filter(|line| line["action"] == "POST /api/v1/datasets").count();
        let is_ready = |one: &Value| one["state"] == "ready";
        !datasets.is_empty() && datasets.iter().all(is_ready) && uploads >= datasets.len()
    };
    assert!(in_time(is_done).await, "{:?}", list("/api/v1/datasets?limit=1000", &token).await);

    // What nobody waits for leaves nothing behind.
    let dataset = rig.upload(&token, "labelled.csv", labelled()).await;
    let train =
        json!({ "kind": "train", "dataset": dataset["id"], "name": "m", "fit": { "detector": "hbos" } });
    let model = rig.job(&token, train).await["result"]["model"].as_str().unwrap().to_owned();
    let run =
        rig.job(&token, json!({ "kind": "detect", "dataset": dataset["id"] })).await["result"]["run"].clone();
    let table_path = format!("/api/v1/runs/{}/table/csv", run.as_str().unwrap());
    for step in 0..30 {
        let path = format!("/api/v1/models/{model}/predict");
        left_after(step * 300, request("POST", &path, "text/csv", labelled())).await;
        left_after(step * 100, request("GET", &table_path, "text/csv", String::new())).await;
    }
    let incoming = rig.app.folder().root().join("incoming");
    let left = || -> Vec<_> {
        let files = std::fs::read_dir(&incoming).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.clone(), std::fs::read_dir(path).map(Iterator::count).ok())).collect()
    };
    assert!(in_time(async || left().is_empty()).await, "left behind: {:?}", left());
}

#[tokio::test]
async fn the_server_tells_about_itself() {
    let rig = Rig::new().at_work();
    for path in ["/healthz", "/readyz", "/api/v1", "/api/v1/docs", "/api/v1/docs.css", "/api/v1/openapi.json"]
    {
        assert_eq!(rig.plain("GET", path, None).await.status, 200, "{path}");
    }
    let metrics = String::from_utf8(rig.plain("GET", "/metrics", None).await.body).unwrap();
    assert!(metrics.contains("eddy_http_requests_total{status=\"2xx\"} 6"), "{metrics}");
    let token = rig.token(Role::Viewer).await;
    let detectors = rig.ask("GET", "/api/v1/detectors", &token, None).await.json();
    assert!(
        detectors["detectors"].as_array().unwrap().iter().all(|one: &Value| one["parameters"].is_object())
    );
    assert!(
        rig.ask("GET", "/api/v1/shapes", &token, None).await.json()["shapes"].as_array().unwrap().len() >= 7
    );
    assert!(rig.ask("GET", "/api/v1/usage", &token, None).await.json()["bytes"].as_u64().unwrap() > 0);
    let admin = rig.token(Role::Admin).await;
    assert!(rig.ask("GET", "/api/v1/config", &admin, None).await.json()["server"]["listen"].is_string());
}
