//! `eddy detect --incidents` and `eddy explain`, as a person runs them.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn eddy(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eddy")).args(args).current_dir(folder).output().unwrap()
}

fn text(folder: &Path, args: &[&str]) -> String {
    let output = eddy(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Twelve minutes of a small office in which passwords are guessed.
fn office(folder: &Path) {
    let args =
        ["generate", "--as", "flows", "--start", "2024-01-15T10:00:00", "--duration", "0.2", "--hosts", "16"];
    text(folder, &[&args[..], &["--plant", "brute-force@0.05+0.1", "-o", "f.csv"]].concat());
}

#[test]
fn incidents_are_written_in_every_format_and_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    office(folder.path());
    for (format, name) in [
        ("ocsf", "o.ndjson"),
        ("ecs", "e.ndjson"),
        ("eve", "v.json"),
        ("stix", "s.json"),
        ("csv", "c.csv"),
        ("json", "j.json"),
    ] {
        let summary =
            text(folder.path(), &["detect", "f.csv", "-q", "--incidents", name, "--incidents-as", format]);
        assert!(
            summary.contains("guessing of passwords") && summary.contains(&format!("wrote      {name}")),
            "{summary}"
        );
        assert!(std::fs::metadata(folder.path().join(name)).unwrap().len() > 200, "{name}");
    }
    let own: Value = serde_json::from_slice(&std::fs::read(folder.path().join("j.json")).unwrap()).unwrap();
    let incident = own.as_array().unwrap().iter().find(|one| one["kind"] == "guessing of passwords").unwrap();
    assert!(incident["mitigation"]["advice"].as_array().unwrap().len() >= 3);
    assert!(
        incident["flows"].as_u64().unwrap() as usize >= incident["evidence_flows"].as_array().unwrap().len()
    );
    let id = incident["id"].as_str().unwrap();
    let whole = text(folder.path(), &["explain", "f.csv", &id[..6], "-q", "--rules", "all"]);
    for expect in [
        id,
        "Evidence",
        "Timeline",
        "Flows (",
        "What to do",
        "nft delete table",
        "suricatasc",
        "gobgp",
        "ip access-list",
        "T1110.001",
    ] {
        assert!(whole.contains(expect), "{expect} is missing in\n{whole}");
    }
    assert!(!whole.contains('\u{1b}'));
    let json: Value =
        serde_json::from_str(&text(folder.path(), &["explain", "f.csv", id, "-q", "--json"])).unwrap();
    assert_eq!(&json, incident);
    let piped = text(folder.path(), &["detect", "f.csv", "-q", "--incidents", "-", "--incidents-as", "csv"]);
    assert_eq!(piped.into_bytes(), std::fs::read(folder.path().join("c.csv")).unwrap(), "only the incidents");
}

#[test]
fn an_incident_that_is_not_there_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    office(folder.path());
    for (args, expect) in [
        (&["explain", "f.csv", "99999999999", "-q"][..], "no such incident"),
        (&["explain", "f.csv", "row:x", "-q"], "write row:17"),
        (&["explain", "f.csv", "row:999999999", "-q"], "not unusual"),
        (&["detect", "f.csv", "--incidents", "x", "--incidents-as", "xml"], "is none of json, ocsf"),
        (&["detect", "f.csv", "--incidents-as", "csv"], "--incidents"),
    ] {
        let output = eddy(folder.path(), args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(expect), "{args:?}: {said}");
    }
}

#[test]
fn unusual_rows_of_a_table_are_explained_with_three_things_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = String::from("timestamp,bytes_transferred,packet_count,protocol\n");
    for row in 0..600u32 {
        let bytes = if row == 300 { 90_000_000 } else { 400_000 + row * 7_919 % 90_000 };
        let (hour, minute, size) = (row / 60, row % 60, 800 + row * 31 % 90);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "2024-01-01 {hour:02}:{minute:02}:00,{bytes},{size},TCP");
    }
    std::fs::write(folder.path().join("t.csv"), table).unwrap();
    let summary = text(folder.path(), &["detect", "t.csv", "-q"]);
    assert!(summary.contains("traffic spike") && summary.contains("eddy explain t.csv"), "{summary}");
    let whole = text(folder.path(), &["explain", "t.csv", "line:302", "-q"]);
    assert!(
        whole.contains("traffic spike") && whole.contains("Rows (") && whole.contains("rate limiting"),
        "{whole}"
    );
    assert!(whole.contains("bytes_transferred"), "{whole}");
}
