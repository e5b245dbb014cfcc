//! `eddy serve` as a process: starting, answering, working, dying at any moment, and starting again.

mod client;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use client::{Client, Running};
use serde_json::json;

/// Kills of the crash test unless `EDDY_KILLS` says otherwise.
const KILLS: usize = 4;

#[test]
fn the_newcomers_path_works_over_http() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), &[]);
    let client = server.set_up();
    let made = client.post("/api/v1/samples/metric", &json!({}));
    let job = client.wait_for(&made);
    let dataset = job["result"]["dataset"].as_str().unwrap().to_owned();
    let job = client.post("/api/v1/jobs", &json!({ "kind": "detect", "dataset": dataset }));
    let job = client.wait_for(&job);
    assert_eq!(job["state"], "done", "{job}");
    let run = client.get(&format!("/api/v1/runs/{}", job["result"]["run"].as_str().unwrap()));
    assert!(run["flagged"].as_u64().unwrap() > 0);
    let shows_a_path = |shown: &str| shown.contains(&folder.path().display().to_string());
    assert!(!shows_a_path(&run.to_string()), "a path of the server is shown");
    let incidents = client.get("/api/v1/incidents");
    assert!(!incidents["items"].as_array().unwrap().is_empty());
    for incident in incidents["items"].as_array().unwrap() {
        let incident = client.get(&format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap()));
        assert!(!shows_a_path(&incident.to_string()), "a path of the server is shown: {incident}");
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_by_the_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), &[]);
    let second = client::eddy()
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("process {}", server.pid())), "{said}");
}

#[test]
fn nobody_is_let_in_from_outside_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let open = client::eddy()
        .args(["serve", "--listen", "0.0.0.0:0", "--data"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(open.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&open.stderr).contains("TLS"));
}

#[test]
fn a_worker_that_dies_dies_alone() {
    let folder = tempfile::tempdir().unwrap();
    // Too little memory to begin with: every job dies.
    let server = Running::start(folder.path(), &[("EDDY_LIMITS__JOB_MEMORY", "30000000")]);
    let client = server.set_up();
    let dataset = client.upload("a.csv", b"a,b\n1,2\n3,4\n");
    assert_eq!(dataset["state"], "failed", "{dataset}");
    assert!(!dataset["reason"].as_str().unwrap().is_empty());
    assert_eq!(client.get("/readyz")["status"], "ok");
}

#[test]
fn a_stop_lets_go_of_everything_and_parks_what_is_at_work() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), &[("EDDY_SERVER__SHUTDOWN_SECONDS", "0.1")]);
    let client = server.set_up();
    let long = json!({ "kind": "generate", "shape": "packet-list", "duration_hours": 60, "scenarios": [] });
    let job = client.post("/api/v1/jobs", &long);
    let id = job["id"].as_str().unwrap().to_owned();
    client.until(|| client.get(&format!("/api/v1/jobs/{id}"))["state"] != "queued");
    let token = client.token.clone();
    assert!(server.terminate().success());
    let server = Running::start(folder.path(), &[]);
    let client = Client { address: server.address, token };
    let job = client.get(&format!("/api/v1/jobs/{id}"));
    assert_eq!(job["state"], "interrupted", "{job}");
    let left: Vec<_> = std::fs::read_dir(folder.path().join("work")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A small file system of its own, where this may be made.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(bytes: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|done| done.status.success()).then(|| Self(folder))
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.path().join("ballast")).unwrap();
        for piece in [1 << 16, 1] {
            while file.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let Some(disk) = SmallDisk::new("16m") else {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let data = disk.0.path().join("data");
    let server = Running::start(&data, &[]);
    let client = server.set_up();
    let before = client.upload("before.csv", &table(200));
    disk.fill();
    let media = "application/octet-stream";
    let (status, said) = client.answer("POST", "/api/v1/datasets?name=a.csv", media, &vec![b'1'; 1 << 20]);
    assert_eq!(status, 507, "{said}");
    assert!(said["detail"].as_str().unwrap().contains("disk"), "{said}");
    // What is asked for is either refused or kept, and what is there is still shown.
    let change = json!({ "name": "another name" }).to_string();
    let path = format!("/api/v1/datasets/{}", before["id"].as_str().unwrap());
    let (mut refused, mut kept) = (0, 0);
    for _ in 0..400 {
        match client.answer("PATCH", &path, "application/json", change.as_bytes()).0 {
            200 => kept += 1,
            507 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "{kept} changes were kept on a full disk");
    assert_eq!(client.get(&path)["id"], before["id"]);
    assert_eq!(client.fetch("/healthz").0, 200);
    assert_eq!(client.fetch("/readyz").0, 507);
    disk.make_room();
    assert_eq!(client.fetch("/readyz").0, 200);
    assert_eq!(client.upload("after.csv", &table(300))["state"], "ready");
    let job = client.post("/api/v1/jobs", &json!({ "kind": "detect", "dataset": before["id"] }));
    assert_eq!(client.wait_for(&job)["state"], "done");
    let left: Vec<_> = std::fs::read_dir(data.join("incoming")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    drop(server);
    let server = Running::start(&data, &[]);
    let client = Client { address: server.address, token: client.token };
    assert_eq!(client.get("/api/v1/datasets")["items"].as_array().unwrap().len(), 2);
}

/// What was acknowledged before a kill.
#[derive(Default)]
struct Acknowledged {
    datasets: HashSet<String>,
    runs: HashSet<String>,
    alias: Option<String>,
}

#[test]
fn nothing_acknowledged_is_lost_whenever_it_is_killed() {
    let kills: usize = std::env::var("EDDY_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), &[]);
    let token = server.set_up().token;
    let models = two_models(&Client { address: server.address, token: token.clone() });
    drop(server);
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut known = Acknowledged::default();
    let mut found = Found::default();
    let mut starts: Vec<Duration> = Vec::new();
    let mut start = || {
        let began = Instant::now();
        let server = Running::start(folder.path(), &[]);
        let client = Client { address: server.address, token: token.clone() };
        assert_eq!(client.fetch("/readyz").0, 200);
        starts.push(began.elapsed());
        (server, client)
    };
    let mut rounds = 0;
    for _ in 0..kills {
        let (server, client) = start();
        found.add(&client, &known, &models);
        // Any moment within a second, the same ones in every run of this test.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis(5 + (seed >> 33) % 900);
        let killer = server.kill_after(after);
        let mut n = 0;
        while disturb(&client, &mut known, &models, n).is_some() {
            n += 1;
        }
        killer.join().unwrap();
        rounds += n;
    }
    let (_server, client) = start();
    found.add(&client, &known, &models);
    starts.sort_unstable();
    let (median, slowest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    eprintln!(
        "{kills} kills, {} starts (median {} ms, slowest {} ms), {rounds} rounds; acknowledged: {} data sets, {} runs, \
         a promotion a round; lost: {}; half done: {}",
        starts.len(),
        median.as_millis(),
        slowest.as_millis(),
        known.datasets.len(),
        known.runs.len(),
        found.lost.len(),
        found.half_done.len()
    );
    assert_eq!((&found.lost, &found.half_done), (&Vec::new(), &Vec::new()));
    assert!(median < Duration::from_secs(2), "a start takes {median:?}");
}

/// What is not as it was acknowledged, over all starts.
#[derive(Default)]
struct Found {
    lost: Vec<String>,
    half_done: Vec<String>,
}

fn two_models(client: &Client) -> Vec<String> {
    let dataset = client.upload("train.csv", &table(200));
    (0..2)
        .map(|_| {
            let ask = json!({ "kind": "train", "dataset": dataset["id"], "name": "m",
                "fit": { "detector": "isolation_forest" } });
            let job = client.wait_for(&client.post("/api/v1/jobs", &ask));
            job["result"]["model"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned()
        })
        .collect()
}

fn table(rows: u32) -> Vec<u8> {
    let mut text = String::from("a,b\n");
    (0..rows).for_each(|n| _ = writeln!(text, "{},{}", n * 7 % 13, n * 11 % 17));
    text.into_bytes()
}

/// One round of work; none once the server is gone.
fn disturb(client: &Client, known: &mut Acknowledged, models: &[String], n: usize) -> Option<()> {
    let dataset = client.try_upload("more.csv", &table(100))?;
    let id = dataset["id"].as_str()?.to_owned();
    known.datasets.insert(id.clone());
    let model = &models[n % models.len()];
    // From here on either may be in force, until one is acknowledged.
    let before = known.alias.take();
    if client.try_send("PUT", "/api/v1/aliases/predict", &json!({ "model": model })).is_none() {
        known.alias = before.filter(|before| before == model);
        return None;
    }
    known.alias = Some(model.clone());
    let ask = json!({ "kind": "score", "dataset": id, "model": model });
    let job = client.try_send("POST", "/api/v1/jobs", &ask)?;
    let job = client.try_wait_for(&job)?;
    if let Some(run) = job["result"]["run"].as_str() {
        known.runs.insert(run.to_owned());
    }
    Some(())
}

impl Found {
    /// Looks for everything that was acknowledged, and whether what is shown as done is whole.
    fn add(&mut self, client: &Client, known: &Acknowledged, models: &[String]) {
        for id in &known.datasets {
            let dataset = client.get(&format!("/api/v1/datasets/{id}"));
            let (status, content) = client.fetch(&format!("/api/v1/datasets/{id}/content"));
            if dataset["id"] != json!(id) || (status, content.len()) != (200, table(100).len()) {
                self.lost.push(format!("data set {id}"));
            }
        }
        for id in &known.runs {
            if client.get(&format!("/api/v1/runs/{id}"))["id"] != json!(id) {
                self.lost.push(format!("run {id}"));
            }
        }
        if let Some(model) = &known.alias
            && client.get("/api/v1/aliases/predict")["model"] != json!(model)
        {
            self.lost.push(format!("promotion of {model}"));
        }
        for model in models {
            if client.fetch(&format!("/api/v1/models/{model}/content")).0 != 200 {
                self.lost.push(format!("model {model}"));
            }
        }
        let runs = client.get("/api/v1/runs?limit=1000");
        for run in runs["items"].as_array().unwrap().iter().take(20) {
            let id = run["id"].as_str().unwrap();
            let (status, scores) = client.fetch(&format!("/api/v1/runs/{id}/scores"));
            if (status, scores.len() as u64) != (200, 4 * run["rows"].as_u64().unwrap()) {
                self.half_done.push(format!("run {id}"));
            }
        }
        let done = client.get("/api/v1/jobs?state=done&limit=1000");
        for job in done["items"].as_array().unwrap().iter().filter(|job| job["result"].is_null()) {
            self.half_done.push(format!("job {}", job["id"]));
        }
    }
}
