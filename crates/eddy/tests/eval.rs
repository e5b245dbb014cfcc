//! `eddy eval` as a person runs it, on series made here.

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

fn time(row: usize) -> String {
    let minutes = row * 5;
    format!("2024-01-{:02} {:02}:{:02}:00", 1 + minutes / 1440, minutes / 60 % 24, minutes % 60)
}

/// 600 rows five minutes apart, with a jump in rows 400 to 419.
fn value(row: usize) -> f64 {
    let jump = if (400..420).contains(&row) { 40.0 } else { 0.0 };
    50.0 + (row as f64 / 20.0).sin() + (row * 7919 % 101) as f64 / 100.0 + jump
}

#[test]
fn a_labelled_series_is_judged_by_its_label_column_or_by_windows() {
    let folder = tempfile::tempdir().unwrap();
    let mut labelled = String::from("timestamp,bytes,label\n");
    let mut plain = String::from("timestamp,bytes\n");
    for row in 0..600 {
        let _ = writeln!(labelled, "{},{:.3},{}", time(row), value(row), u8::from((400..420).contains(&row)));
        let _ = writeln!(plain, "{},{:.3}", time(row), value(row));
    }
    std::fs::write(folder.path().join("labelled.csv"), labelled).unwrap();
    std::fs::write(folder.path().join("plain.csv"), plain).unwrap();
    let windows = format!(r#"{{"plain.csv": [["{}", "{}"]]}}"#, time(400), time(419));
    std::fs::write(folder.path().join("windows.json"), windows).unwrap();
    let judge = |args: &[&str]| {
        let all = [&["eval", "series", "-d", "rolling_z", "--quiet", "--json", "o.json"], args].concat();
        let text = stdout(&eddy(folder.path(), &all));
        assert!(text.contains("1 windows") && text.contains("rolling_z"), "{text}");
        let found = std::fs::read_to_string(folder.path().join("o.json")).unwrap();
        serde_json::from_str::<serde_json::Value>(&found).unwrap()[0].clone()
    };
    let by_label = judge(&["labelled.csv", "--label", "label"]);
    assert_eq!(by_label["fixed"]["windows_found"], 1);
    assert_eq!(by_label["fixed"]["median_delay_rows"], 0.0);
    let by_windows = judge(&["plain.csv", "--windows", "windows.json"]);
    assert_eq!(by_label["volumes"], by_windows["volumes"]);
    let together = [
        "eval",
        "series",
        "plain.csv",
        "-d",
        "rolling_z",
        "--windows",
        "windows.json",
        "--together",
        "--quiet",
    ];
    let text = stdout(&eddy(folder.path(), &together));
    assert!(text.contains(&format!("  {}: after ", time(400))), "{text}");
    let without = eddy(folder.path(), &["eval", "series", "plain.csv", "--quiet"]);
    assert!(refusal(&without).contains("--windows"));
}

#[test]
fn the_benchmark_is_run_from_a_folder_and_its_files_are_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("nab/data/made")).unwrap();
    std::fs::create_dir_all(folder.path().join("nab/labels")).unwrap();
    let mut text = String::from("timestamp,value\n");
    (0..600).for_each(|row| {
        let _ = writeln!(text, "{},{:.3}", time(row), value(row));
    });
    std::fs::write(folder.path().join("nab/data/made/one.csv"), text).unwrap();
    let windows = format!(r#"{{"made/one.csv": [["{}", "{}"]]}}"#, time(380), time(430));
    std::fs::write(folder.path().join("nab/labels/combined_windows.json"), windows).unwrap();
    let text = stdout(&eddy(
        folder.path(),
        &["eval", "nab", "nab", "-d", "rolling_z", "--write", "out", "--per-series", "--json", "o.json"],
    ));
    for wanted in ["rolling_z", "causal", "periodic alarm", "left out", "made/one.csv"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let written =
        std::fs::read_to_string(folder.path().join("out/rolling_z/made/rolling_z_one.csv")).unwrap();
    let header =
        "timestamp,value,anomaly_score,label,S(t)_reward_low_FP_rate,S(t)_reward_low_FN_rate,S(t)_standard";
    assert_eq!(written.lines().next(), Some(header));
    let text = stdout(&eddy(folder.path(), &["eval", "nab", "nab", "--results", "out"]));
    assert!(text.contains("1,800 of 1,800 stored S(t) values are the same to the last digit"), "{text}");
    let text =
        stdout(&eddy(folder.path(), &["eval", "nab", "nab", "--html", "page.html", "--json", "o.json"]));
    for wanted in ["groups of fold seed 2", "groups of fold seed 3", "spread over fold seeds"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let found = std::fs::read_to_string(folder.path().join("o.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let standing = &found["board"]["standings"][0];
    assert_eq!(standing["deals"].as_array().unwrap().len(), 3);
    assert_eq!(standing["deals"][0]["scores"][0], standing["profiles"][0]["score"]);
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    for wanted in ["series_ensemble", "fold seed", "periodic alarm", "made/one.csv"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    let unknown = eddy(folder.path(), &["eval", "nab", "nab", "--fold-seed", "9"]);
    assert!(refusal(&unknown).contains("a deal from 1 to 3"));
    let other = eddy(folder.path(), &["eval", "nab", "nab", "-d", "no_such"]);
    assert!(refusal(&other).contains("no_such"));
}
