//! `eddy generate --as`, as a person runs it.

use std::path::Path;
use std::process::{Command, Output};

fn eddy(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eddy")).args(args).current_dir(folder).output().unwrap()
}

/// Twelve minutes of a small office.
fn generate(folder: &Path, more: &[&str]) -> String {
    let mut args = vec!["generate", "--start", "2024-01-15T10:00:00", "--duration", "0.2", "--hosts", "16"];
    args.extend(more);
    let output = eddy(folder, &args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_form_is_written_with_its_truth() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let plant = ["--plant", "brute-force@0.05+0.1,dns-tunnel@0.1", "--truth", "truth.json"];
    let mut truths = Vec::new();
    for (form, out) in [
        ("flows", "f.csv"),
        ("flows", "f.parquet"),
        ("zeek", "logs"),
        ("netflow", "n.bin"),
        ("pcap", "p.pcap"),
    ] {
        let mut args = vec!["--as", form, "-o", out];
        args.extend(plant);
        let text = generate(folder.path(), &args);
        assert!(text.contains("planted    brute-force ") && text.contains("-> 10.20.0.14: "), "{text}");
        truths.push(read("truth.json"));
    }
    assert!(truths.windows(2).all(|pair| pair[0] == pair[1]), "one traffic, one truth");
    let truth: serde_json::Value = serde_json::from_slice(&truths[0]).unwrap();
    let event = &truth["events"][0];
    assert_eq!(
        (event["kind"].as_str(), event["technique"].as_str()),
        (Some("brute-force"), Some("T1110.001"))
    );
    assert_eq!(event["start"], "2024-01-15T10:03:00Z");
    assert_eq!(truth["hosts"].as_array().unwrap().len(), 16);
    let table = String::from_utf8(read("f.csv")).unwrap();
    let labelled = table.lines().filter(|line| line.ends_with(",brute-force")).count();
    assert_eq!(Some(labelled as u64), event["flows"].as_u64());
    let conn = String::from_utf8(read("logs/conn.log")).unwrap();
    let lines = conn.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(lines + 1, table.lines().count());
    assert_eq!(read("p.pcap")[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    assert_eq!(read("n.bin")[..2], [0, 9]);
}

#[test]
fn captures_can_be_cut_packed_and_exported_by_an_old_router() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    generate(folder.path(), &["--as", "pcap", "-o", "a.pcap", "--snap-length", "64", "--rate", "0.1"]);
    generate(folder.path(), &["--as", "pcap", "-o", "b.pcap.gz", "--snap-length", "64", "--rate", "0.1"]);
    assert!(read("b.pcap.gz").starts_with(&[0x1f, 0x8b]));
    assert!(read("b.pcap.gz").len() < read("a.pcap").len());
    let five = ["--as", "netflow", "--netflow-version", "5", "--rate", "0.1", "-o"];
    let text = generate(folder.path(), &[&five[..], &["n.pcap"]].concat());
    assert!(text.contains("records in"), "{text}");
    generate(folder.path(), &[&five[..], &["n.bin"]].concat());
    assert_eq!(read("n.bin")[..2], [0, 5]);
    assert!(read("n.pcap").len() > read("n.bin").len());
}

#[test]
fn what_cannot_be_written_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for (args, expect) in [
        (&["--as", "flows", "--plant", "arp-spoofing", "-o", "f.csv"][..], "use --as pcap"),
        (&["--as", "flows", "--plant", "worm", "-o", "f.csv"], "lateral-spread"),
        (&["--as", "flows", "--plant", "silence@x", "-o", "f.csv"], "'x' is no number"),
        (&["--as", "flows", "--truth", "t.csv", "-o", "f.csv"], ".json"),
        (&["--as", "netflow", "--netflow-version", "7", "-o", "n"], "write 5 or 9"),
        (&["--as", "zeek", "-o", "-"], "name a folder"),
        (&["--as", "pcap", "--hosts", "3", "-o", "p.pcap"], "hosts is 3"),
        (&["--as", "pcap", "--shape", "packet-list", "-o", "p.pcap"], "cannot be used with"),
        (&["--plant", "silence", "-o", "f.csv"], "--as"),
    ] {
        let output = eddy(folder.path(), &[&["generate"], args].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(expect), "{args:?}: {text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}
