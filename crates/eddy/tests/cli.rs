//! The program as a person runs it, on data it makes itself.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

fn eddy(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eddy")).args(args).current_dir(folder).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with `flows.csv`: a day of flow features with planted scenarios.
fn with_flows() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    stdout(&eddy(folder.path(), &["generate", "-o", "flows.csv", "--truth", "truth.csv"]));
    folder
}

#[test]
fn detect_reads_names_the_shape_and_writes_every_format() {
    let folder = with_flows();
    let mut args = vec!["detect", "flows.csv", "--budget", "7"];
    let files = ["o.csv", "o.tsv", "o.parquet", "o.ndjson", "o.json", "o.csv.gz", "o.html", "o.svg", "o.png"];
    files.iter().for_each(|file| args.extend(["--out", file]));
    let text = stdout(&eddy(folder.path(), &args));
    assert!(text.contains("flow features") && text.contains("7 of 1,440 rows"), "{text}");
    assert!(text.contains("only the rule"), "a quota says that it is one: {text}");
    for file in files {
        assert!(folder.path().join(file).metadata().unwrap().len() > 500, "{file}");
    }
    let scored = std::fs::read_to_string(folder.path().join("o.csv")).unwrap();
    assert!(scored.lines().next().unwrap().ends_with("anomaly_score,verdict"));
    assert_eq!(scored.lines().filter(|line| line.ends_with(",anomaly")).count(), 7);
    assert_eq!(scored.lines().count(), 1_441);
}

#[test]
fn original_values_are_written_as_they_were_read() {
    let folder = with_flows();
    stdout(&eddy(folder.path(), &["detect", "flows.csv", "--out", "o.csv"]));
    let before = std::fs::read_to_string(folder.path().join("flows.csv")).unwrap();
    let after = std::fs::read_to_string(folder.path().join("o.csv")).unwrap();
    for (before, after) in before.lines().zip(after.lines()) {
        assert!(after.starts_with(before), "{before}\n{after}");
    }
}

#[test]
fn a_saved_model_scores_as_the_fresh_one() {
    let folder = with_flows();
    for detector in ["voting", "isolation_forest", "ecod", "hbos"] {
        let fresh = ["detect", "flows.csv", "-d", detector, "--out", "fresh.csv"];
        stdout(&eddy(folder.path(), &fresh));
        let train = ["train", "flows.csv", "-d", detector, "-o", "m.eddy"];
        stdout(&eddy(folder.path(), &train));
        stdout(&eddy(folder.path(), &["score", "m.eddy", "flows.csv", "--out", "loaded.csv"]));
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("fresh.csv") == read("loaded.csv"), "{detector}");
        let shown = stdout(&eddy(folder.path(), &["models", "show", "m.eddy"]));
        assert!(shown.contains(detector), "{shown}");
    }
}

#[test]
fn a_metric_series_with_a_spike_has_the_spike_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("timestamp,value\n");
    for idx in 0..2_000 {
        let value = if (1_500..1_503).contains(&idx) { 9_000.0 } else { 100.0 + f64::from(idx * 7 % 13) };
        let (day, hour, minute) = (1 + idx / 288, idx / 12 % 24, idx * 5 % 60);
        writeln!(text, "2024-01-{day:02} {hour:02}:{minute:02}:00,{value}").unwrap();
    }
    std::fs::write(folder.path().join("m.csv"), text).unwrap();
    let json = stdout(&eddy(folder.path(), &["detect", "m.csv", "--json"]));
    let run: serde_json::Value = serde_json::from_str(&json).unwrap();
    let flagged = run["flagged"].as_u64().unwrap();
    assert!((3..=12).contains(&flagged), "{flagged} flagged");
    let rows: Vec<u64> =
        run["findings"].as_array().unwrap().iter().map(|f| f["place"]["row"].as_u64().unwrap()).collect();
    assert!(rows.contains(&1_501), "{rows:?}");
    assert!(run["findings"][0]["sentence"].as_str().unwrap().contains("value"));
}

#[test]
fn a_few_values_are_judged_and_what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let series = |rows: usize, spike: usize| -> String {
        let row = |row: usize| {
            let value = if row == spike { 900.0 } else { 100.0 + ((row * 7919) % 23) as f64 };
            format!("2024-03-01T{:02}:{:02}:00Z,{value}\n", row / 12, row % 12 * 5)
        };
        "time,bytes\n".to_owned() + &(0..rows).map(row).collect::<String>()
    };
    std::fs::write(folder.path().join("few.csv"), series(40, 30)).unwrap();
    let text = stdout(&eddy(folder.path(), &["detect", "few.csv"]));
    assert!(text.contains("rolling_z") && text.contains("flagged    1 of 40 rows"), "{text}");
    std::fs::write(folder.path().join("more.csv"), series(200, 250)).unwrap();
    let text = stdout(&eddy(folder.path(), &["detect", "more.csv"]));
    assert!(text.contains("series_ensemble") && text.contains("the first 100 rows of a series"), "{text}");
}

#[test]
fn pure_noise_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("a,b,c\n");
    let mut state = 12_345u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    for _ in 0..3_000 {
        // The sum of twelve uniform numbers is close to normal.
        let mut normal = || (0..12).map(|_| draw()).sum::<f64>() - 6.0;
        writeln!(text, "{:.5},{:.5},{:.5}", normal(), normal(), normal()).unwrap();
    }
    std::fs::write(folder.path().join("noise.csv"), text).unwrap();
    let json = stdout(&eddy(folder.path(), &["detect", "noise.csv", "--json"]));
    let run: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(run["flagged"].as_u64().unwrap() <= 2, "{}", run["flagged"]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = with_flows();
    let run = |out: &str, threads: &str| {
        let status = Command::new(env!("CARGO_BIN_EXE_eddy"))
            .args(["detect", "flows.csv", "--seed", "7", "--out", out])
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(status.status.success());
        std::fs::read(folder.path().join(out)).unwrap()
    };
    assert!(run("one.csv", "1") == run("two.csv", "2"));
}

#[test]
fn a_small_memory_limit_changes_no_score_of_a_small_file() {
    let folder = with_flows();
    stdout(&eddy(folder.path(), &["detect", "flows.csv", "--out", "kept.csv"]));
    stdout(&eddy(folder.path(), &["detect", "flows.csv", "--max-memory", "1KiB", "--out", "streamed.csv"]));
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("kept.csv") == read("streamed.csv"));
}

#[test]
fn bad_input_is_refused_in_words() {
    let folder = with_flows();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.csv", b"");
    write("header.csv", b"a,b,c\n");
    write("pickle.eddy", b"\x80\x04\x95\x00\x00");
    for (args, expect) in [
        (&["detect", "nowhere.csv"][..], "nowhere.csv"),
        (&["detect", "empty.csv"], "empty"),
        (&["detect", "header.csv"], "header"),
        (&["detect", "flows.csv", "-d", "crystal_ball"], "there are: "),
        (&["detect", "flows.csv", "--set", "voting.nonsense=1"], "nonsense"),
        (&["detect", "flows.csv", "--contamination", "2"], "share"),
        (&["detect", "flows.csv", "--label", "nothing"], "nothing"),
        (&["detect", "flows.csv", "--out", "o.xyz"], ".parquet"),
        (&["score", "pickle.eddy", "flows.csv"], "pickle"),
        (&["generate", "--scenario", "earthquake", "-o", "g.csv"], "earthquake"),
    ] {
        let message = refusal(&eddy(folder.path(), args));
        assert!(message.contains(expect), "{args:?}: {message}");
        assert!(!message.contains("panicked"), "{message}");
    }
}

/// Every cut and ten thousand flipped bits are tried in `eddy-engine/tests/model_files.rs`; this is about the message.
#[test]
fn a_damaged_model_file_is_refused_in_words() {
    let folder = with_flows();
    stdout(&eddy(folder.path(), &["train", "flows.csv", "-o", "m.eddy"]));
    let mut bytes = std::fs::read(folder.path().join("m.eddy")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(folder.path().join("d.eddy"), bytes).unwrap();
    let message = refusal(&eddy(folder.path(), &["score", "d.eddy", "flows.csv"]));
    assert!(message.contains("d.eddy") && message.contains("damaged"), "{message}");
}

#[test]
fn fail_on_sets_the_exit_code() {
    let folder = with_flows();
    let status = eddy(folder.path(), &["detect", "flows.csv", "--budget", "3", "--fail-on", "1"]).status;
    assert_eq!(status.code(), Some(3));
    let status = eddy(folder.path(), &["detect", "flows.csv", "--budget", "3", "--fail-on", "4"]).status;
    assert_eq!(status.code(), Some(0));
    assert_eq!(eddy(folder.path(), &["detect"]).status.code(), Some(2));
}

#[test]
fn explore_describes_every_generated_shape() {
    let folder = tempfile::tempdir().unwrap();
    for shape in ["metric-series", "flow-features", "connection-records", "packet-list", "snmp-mib"] {
        let file = format!("{shape}.csv");
        stdout(&eddy(folder.path(), &["generate", "--shape", shape, "--duration", "6", "-o", &file]));
        let text = stdout(&eddy(folder.path(), &["explore", &file, "--out", "page.html"]));
        assert!(text.contains("median"), "{text}");
        let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
        assert!(page.contains("</html>"));
        stdout(&eddy(folder.path(), &["detect", &file]));
    }
}

#[test]
fn the_demo_measures_itself() {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout(&eddy(folder.path(), &["demo"]));
    assert!(text.contains("events found") && text.contains("falsely raised"), "{text}");
    assert!(folder.path().join("eddy-demo/report.html").exists());
}

#[test]
fn compare_ranks_models_and_says_how_far_to_trust_them() {
    let folder = with_flows();
    let models = "random_forest,decision_tree,isolation_forest";
    let text = stdout(&eddy(folder.path(), &["compare", "flows.csv", "--models", models, "-q"]));
    for expected in
        ["random_forest", "isolation_forest *", "majority baseline", "duplicates across the split"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let args = ["compare", "flows.csv", "--models", models, "--folds", "3", "--json", "-q"];
    let found: serde_json::Value = serde_json::from_str(&stdout(&eddy(folder.path(), &args))).unwrap();
    let forest =
        &found["models"].as_array().unwrap().iter().find(|m| m["detector"] == "random_forest").unwrap();
    assert!(forest["binary"]["roc_auc"].as_f64().unwrap() > 0.9, "{forest}");
    let measured = forest["multi"]["n_rows"].as_u64().unwrap();
    assert_eq!(measured, 1_440, "every row is measured once in a cross-validation");
    let importance = forest["curves"]["importance"].as_array().unwrap();
    assert!(importance[0]["drop"].as_f64() > importance.last().unwrap()["drop"].as_f64(), "{importance:?}");
    assert_eq!(found["agreement"]["kappa"].as_array().unwrap().len(), 9);
    let at_rates = forest["binary"]["at_base_rates"].as_array().unwrap();
    assert_eq!(at_rates.len(), 3);
}

#[test]
fn compare_refuses_labels_that_cannot_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.csv"), "a,label\n1,normal\n2,normal\n3,normal\n").unwrap();
    let message = refusal(&eddy(folder.path(), &["compare", "one.csv"]));
    assert!(message.contains("only one value"), "{message}");
    let mut names = String::from("a,label\n");
    (0..50).for_each(|idx| writeln!(names, "{idx},name{idx}").unwrap());
    std::fs::write(folder.path().join("names.csv"), names).unwrap();
    let message = refusal(&eddy(folder.path(), &["compare", "names.csv"]));
    assert!(message.contains("identifier"), "{message}");
    std::fs::write(folder.path().join("none.csv"), "a,b\n1,2\n3,4\n").unwrap();
    let message = refusal(&eddy(folder.path(), &["compare", "none.csv"]));
    assert!(message.contains("--label"), "{message}");
}

#[test]
fn a_supervised_model_is_trained_saved_and_scored() {
    let folder = with_flows();
    for detector in ["random_forest", "extra_trees", "decision_tree"] {
        stdout(&eddy(folder.path(), &["train", "flows.csv", "-d", detector, "-o", "m.eddy"]));
        let args = ["score", "m.eddy", "flows.csv", "--contamination", "auto", "--json"];
        let run: serde_json::Value = serde_json::from_str(&stdout(&eddy(folder.path(), &args))).unwrap();
        let recall = run["evaluation"]["measured"]["recall"].as_f64().unwrap();
        assert!(recall > 0.95, "{detector}: {recall}");
    }
}

#[test]
fn tune_tries_every_combination_and_goes_on_where_it_stopped() {
    let folder = with_flows();
    let args = |values: &'static str| {
        ["tune", "flows.csv", "-d", "decision-tree", "--try", values, "-o", "trials.ndjson", "--json", "-q"]
    };
    let trials = |text: &str| -> Vec<serde_json::Value> {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["trials"].as_array().unwrap().clone()
    };
    let first = trials(&stdout(&eddy(folder.path(), &args("decision_tree.max_depth=1,2"))));
    assert_eq!(first.len(), 2);
    assert!(first[0]["metric"].as_f64() >= first[1]["metric"].as_f64());
    // A line that was cut short is run again, what is whole is not.
    let path = folder.path().join("trials.ndjson");
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &log[..log.len() - 5]).unwrap();
    let more = stdout(&eddy(
        folder.path(),
        &[
            "tune",
            "flows.csv",
            "-d",
            "decision-tree",
            "--try",
            "decision_tree.max_depth=1,2,3",
            "-o",
            "trials.ndjson",
            "-q",
        ],
    ));
    assert!(more.contains("trials     3, 1 of them from the log"), "{more}");
    let message = refusal(&eddy(
        folder.path(),
        &["tune", "flows.csv", "-d", "decision-tree", "--try", "decision_tree.depth=1"],
    ));
    assert!(message.contains("depth"), "{message}");
}

#[test]
fn explore_tells_what_sets_attacks_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("bytes,noise,proto,label\n");
    for row in 0..400 {
        let (bytes, proto, label) = match row % 4 {
            0 => (9_000 + row, "udp", "flood"),
            _ => (100 + row * 13 % 40, "tcp", "normal"),
        };
        writeln!(text, "{bytes},{},{proto},{label}", row * 37 % 101).unwrap();
    }
    std::fs::write(folder.path().join("flows.csv"), text).unwrap();
    let shown = stdout(&eddy(folder.path(), &["explore", "flows.csv", "-o", "table.html"]));
    for wanted in [
        "classes    normal 300 (75.0 %), flood 100 (25.0 %)",
        "always naming one class is right for 75.0 %",
        "attacks are higher in 100 % of pairs",
        "udp in 100 % of attacks, 0 % of normal rows",
        "2 of 3 are significant after Holm",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    let page = std::fs::read_to_string(folder.path().join("table.html")).unwrap();
    for section in ["classes", "apart", "correlation", "projection"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
    let json = stdout(&eddy(folder.path(), &["explore", "flows.csv", "--json"]));
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let tests = found["labelled"]["tests"].as_array().unwrap();
    let measured = tests.iter().find(|test| test["name"] == "bytes").unwrap();
    assert_eq!(measured["difference"]["auc"], 1.0);
    assert_eq!(found["projection"]["n_columns"], 2);
}

#[test]
fn explore_finds_clusters_and_noise() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1u64;
    let mut below = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let mut text = String::from("bytes,packets,label\n");
    for row in 0..300 {
        let (bytes, packets, label) = match row {
            at if at % 60 == 7 => (2_000 + 50 * at, 900 + at / 60 % 2 * 200, "scan"),
            at if at % 3 == 0 => (9_000 + below(1_500), 20 + below(120), "normal"),
            _ => (100 + below(1_200), 400 + below(110), "normal"),
        };
        writeln!(text, "{bytes},{packets},{label}").unwrap();
    }
    std::fs::write(folder.path().join("flows.csv"), text).unwrap();
    let shown = stdout(&eddy(folder.path(), &["explore", "flows.csv", "-o", "table.html"]));
    for wanted in [
        "clusters   2 of 300 rows (195, 100), noise 1.7 % (5 of 5 are attacks): DBSCAN",
        "parts the rows best",
    ] {
        assert!(shown.contains(wanted), "{wanted}\n{shown}");
    }
    let page = std::fs::read_to_string(folder.path().join("table.html")).unwrap();
    for wanted in
        ["id=\"clusters-h\"", "noise, 5 rows", "silhouette of each cluster", "Radii that were tried"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    let json = stdout(&eddy(folder.path(), &["explore", "flows.csv", "--json"]));
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    let clustering = &found["projection"]["clustering"];
    assert_eq!(clustering["noise"]["rows"], 5);
    assert_eq!(clustering["k_distance"]["distances"].as_array().unwrap().len(), 300);
}

#[test]
fn flows_brings_logs_onto_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = String::from(
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label\n",
    );
    for row in 0..300 {
        let _ = writeln!(
            log,
            "2011/08/10 09:46:{:02}.607825,1.5,tcp,10.0.0.{},{},   ->,192.0.2.7,443,SPA_SPA,0,0,{},{},{},flow=Background",
            row % 60,
            row % 9,
            40_000 + row,
            8 + row % 3,
            2760 + row % 7,
            1560 + row % 5
        );
    }
    std::fs::write(folder.path().join("a.binetflow"), log).unwrap();
    for file in ["flows.parquet", "flows.csv", "flows.ndjson", "conn.log"] {
        let output = eddy(folder.path(), &["flows", "a.binetflow", "-o", file]);
        stdout(&output);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("300 flows from CTU-13"), "{told}");
        let text = stdout(&eddy(folder.path(), &["detect", file]));
        assert!(text.contains("300 rows") && text.contains("entity: sourceAddress"), "{file}: {text}");
    }
    let error = refusal(&eddy(folder.path(), &["flows", "flows.csv", "-o", "flows.xyz"]));
    assert!(error.contains(".log"), "{error}");
    std::fs::write(folder.path().join("t.csv"), "a,b\n1,2\n").unwrap();
    let error = refusal(&eddy(folder.path(), &["flows", "t.csv", "-o", "o.csv"]));
    assert!(error.contains("no log of flows"), "{error}");
}
