//! Captures through the command: features of flows, statistics of packets, and captures without flows.

use std::path::Path;
use std::process::{Command, Output};

fn eddy(folder: &Path, args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_eddy")).args(args).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder with the packets of a small office, `office.pcap`.
fn office() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let office = ["generate", "--as", "pcap", "--hosts", "12", "--rate", "0.1", "--duration", "0.3"];
    let planted = ["--start", "2024-01-15T10:00:00", "--plant", "vertical-scan@0.1", "--out", "office.pcap"];
    eddy(folder.path(), &[&office[..], &planted].concat());
    folder
}

#[test]
fn kitnet_runs_on_the_damped_statistics_of_a_capture() {
    let folder = office();
    let flows = ["flows", "office.pcap", "--packets", "damped", "-o", "packets.parquet"];
    let told = String::from_utf8(eddy(folder.path(), &flows).stderr).unwrap();
    assert!(told.contains("packets from damped packet statistics"), "{told}");
    let seen = eddy(folder.path(), &["detect", "packets.parquet", "--detector", "kitnet", "-q"]);
    let text = stdout(&seen);
    assert!(text.contains("features   100 (MI_dir_L5_weight"), "{text}");
    assert!(text.contains("detector   kitnet"), "{text}");
}

#[test]
fn a_table_of_features_is_known_again_and_still_tells_what_hosts_do() {
    let folder = office();
    eddy(folder.path(), &["flows", "office.pcap", "--features", "all", "-o", "flows.parquet", "-q"]);
    let text = stdout(&eddy(folder.path(), &["detect", "flows.parquet", "-q"]));
    assert!(text.contains("flow statistics (Parquet)"), "{text}");
    assert!(text.contains("vertical scan"), "{text}");
    let basic = stdout(&eddy(folder.path(), &["detect", "office.pcap", "-q"]));
    assert!(basic.contains("vertical scan"), "{basic}");
}

#[test]
fn a_capture_without_flows_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let spoofed =
        ["generate", "--as", "pcap", "--rate", "0", "--duration", "1", "--plant", "arp-spoofing@0.1"];
    eddy(folder.path(), &[&spoofed[..], &["--start", "2024-01-15T10:00:00", "--out", "arp.pcap"]].concat());
    let text = stdout(&eddy(folder.path(), &["detect", "arp.pcap", "-q"]));
    assert!(text.contains("ARP") && text.contains("nothing to judge"), "{text}");
    assert!(text.contains("1 incident"), "{text}");
    let json = stdout(&eddy(folder.path(), &["detect", "arp.pcap", "-q", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["incidents"][0]["kind"], "ARP spoofing");
}
