//! Real files, where they are to be had: $EDDY_DATA, else ../shared/data beside the workspace.

use std::path::{Path, PathBuf};

use eddy_frame::Role;
use eddy_io::{ReadOptions, open};

fn data() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("EDDY_DATA").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no real data at {} (set EDDY_DATA)", folder.display());
    None
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// File, shape, rows read, rows set aside, label columns.
const EXPECT: [(&str, &str, u64, u64, &[&str]); 19] = [
    ("nab/data/realAWSCloudWatch/ec2_network_in_257a54.csv", "metric_series", 4032, 0, &[]),
    ("metrics/internet-traffic/internet-traffic-data-in-bits-fr.csv", "metric_series", 1231, 0, &[]),
    ("flow-features/network_traffic.csv", "flow_features", 1440, 0, &[]),
    ("nsl-kdd/KDDTrain+.txt", "nsl_kdd", 125_973, 0, &["attack"]),
    ("nsl-kdd/Network_anomaly_data.csv", "nsl_kdd", 125_973, 0, &["attack"]),
    ("kdd99/kddcup.data_10_percent.gz", "nsl_kdd", 494_021, 0, &["attack"]),
    ("unsw-nb15/UNSW_NB15_dev.csv", "unsw_nb15", 57_005, 0, &["attack_cat"]),
    ("unsw-nb15/datamart/UNSW-NB15_head.csv", "unsw_nb15", 10, 0, &["label"]),
    ("snmp-mib/snmp_mib_dev_first70pct_of_each_block.csv", "snmp_mib", 3498, 0, &["class"]),
    ("cic-ids/abhinav/CICIDS2017_sample.csv", "cic_ids", 4363, 0, &["Label"]),
    ("cic-ids/shreyas/Friday-WorkingHours-Afternoon-DDos.pcap_ISCX.csv", "cic_ids", 299, 0, &["Label"]),
    ("ctu13/jingzbu/capture20110816.binetflow.sliced", "ctu13", 29, 0, &["Label"]),
    ("wireshark-csv/popcorndevils/capture.csv", "wireshark", 44_127, 0, &[]),
    ("wireshark-csv/7682840/capture.csv", "wireshark", 217, 0, &[]),
    ("wireshark-csv/camilago/packets.csv", "scapy_packets", 62, 0, &[]),
    ("zeek-logs/iot23-labeled/conn.log.labeled", "zeek_conn", 23_145, 0, &["label"]),
    ("slips/test10-mixed-zeek-dir/conn.log", "zeek_conn", 141, 0, &[]),
    ("vpc-flow-logs/wwiicode_flow_logs_with_errors.txt", "vpc_flow_log", 13, 1, &[]),
    (
        "telemetry/cisco-ie/ds11/Dataset/Cisco-IOS-XR-infra-statsd-operinfra-statistics_interfaces_interface_latest_generic-counters.csv.gz",
        "metric_series",
        33_732,
        0,
        &[],
    ),
];

#[test]
fn known_files_have_known_shapes_and_rows() {
    let Some(data) = data() else { return };
    for (file, shape, rows, aside, labels) in EXPECT {
        let path = data.join(file);
        if !path.exists() {
            eprintln!("skipped: {file} is missing");
            continue;
        }
        let mut source = open(&[path.display().to_string()], &ReadOptions::default()).unwrap();
        while source.next_frame().unwrap().is_some() {}
        let stats = source.stats();
        assert_eq!(source.description().shape.id, shape, "{file}");
        assert_eq!((stats.rows_read, stats.rows_set_aside), (rows, aside), "{file}");
        assert_eq!(source.description().names(Role::Label), labels, "{file}");
    }
}

#[test]
fn no_real_file_makes_the_reader_panic() {
    let Some(data) = data() else { return };
    let mut found = Vec::new();
    files(&data, &mut found);
    for path in found {
        if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > 8 << 20) {
            continue;
        }
        let Ok(mut source) = open(&[path.display().to_string()], &ReadOptions::default()) else { continue };
        while let Ok(Some(_)) = source.next_frame() {}
        if path.to_string_lossy().contains("nab/data/")
            && path.extension().is_some_and(|ending| ending == "csv")
        {
            assert_eq!(source.description().shape.id, "metric_series", "{}", path.display());
        }
    }
}
