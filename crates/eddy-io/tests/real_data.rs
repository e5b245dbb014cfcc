//! Real files, where they are to be had: $EDDY_DATA, else ../shared/data beside the workspace.

#[path = "../../../testing/real_data.rs"]
mod real_data;
mod survival;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use eddy_frame::{Column, Role};
use eddy_io::{ReadOptions, open, open_flows};
use rayon::prelude::*;
use real_data::{data, files};
use survival::{Outcome, survive, survive_once};

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
    ("ctu13/jingzbu/capture20110816.binetflow.sliced", "ctu13", 29, 0, &["label"]),
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
    let Some(data) = data("") else { return };
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

/// Most bytes of each file that are looked at whole, and of each that are damaged.
const WHOLE: u64 = 256 << 10;
const DAMAGED: usize = 16 << 10;

/// The first bytes of a file.
fn beginning(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        file.take(WHOLE).read_to_end(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn no_beginning_of_a_real_file_makes_the_reader_panic() {
    let Some(data) = data("") else { return };
    let found = files(&data);
    let n_read = AtomicUsize::new(0);
    found.par_iter().for_each(|path| {
        let outcome = survive(&beginning(path));
        n_read.fetch_add(usize::from(outcome != Outcome::Refused), Ordering::Relaxed);
    });
    // Captures and the like are refused, tables are not.
    assert!(n_read.into_inner() > 100);
}

#[test]
fn no_damage_to_a_real_file_makes_the_reader_panic() {
    let Some(data) = data("") else { return };
    let found = files(&data);
    found.par_iter().enumerate().for_each(|(seed, path)| {
        let mut bytes = beginning(path);
        bytes.truncate(DAMAGED);
        let mut random = Random(seed as u64);
        for _ in 0..3 {
            survive_once(&bytes[..random.below(bytes.len() + 1)]);
            survive_once(&damaged(&bytes, &mut random));
        }
    });
}

/// Some bytes replaced, and now and then a stretch moved or left out.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const SHARP: &[u8] = b"\"',;|\t\r\n\0\xff{}[]:\\-.eE#@%0129 ";
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    for _ in 0..=random.below(16) {
        let at = random.below(bytes.len());
        bytes[at] =
            if random.below(2) == 0 { SHARP[random.below(SHARP.len())] } else { random.below(256) as u8 };
    }
    let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
    match random.below(4) {
        0 => drop(bytes.drain(from.min(to)..from.max(to))),
        1 => bytes.copy_within(from.min(to)..from.max(to), 0),
        _ => {}
    }
    bytes
}

/// Numbers that look random: `SplitMix64` (Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

#[test]
fn series_of_the_numenta_benchmark_are_metric_series() {
    let Some(data) = data("") else { return };
    let found = files(&data.join("nab/data"));
    for path in found.iter().filter(|path| path.extension().is_some_and(|ending| ending == "csv")) {
        let source = open(&[path.display().to_string()], &ReadOptions::default()).unwrap();
        assert_eq!(source.description().shape.id, "metric_series", "{}", path.display());
    }
}

/// An input that holds flows: path, shape, flows, rows set aside, sum of the octets of both directions, columns that must
/// hold something.
type FlowLog = (&'static str, &'static str, u64, u64, i64, &'static [&'static str]);

const FLOWS: [FlowLog; 15] = [
    (
        "zeek-logs/iot23-labeled/conn.log.labeled",
        "zeek_conn",
        23_145,
        0,
        87_384_656,
        &["label", "tcpControlBits"],
    ),
    ("zeek-logs/rita/truncated/conn.log", "zeek_conn", 58, 1, 9_226, &["connectionState"]),
    ("zeek-logs/rita/truncated/conn_top.log", "zeek_conn", 58, 1, 9_226, &["connectionState"]),
    ("zeek-logs/rita/truncated/conn_json.log", "zeek_conn", 3, 1, 41_056, &["applicationName"]),
    ("zeek-logs/rita/has_unknown_field/http.log", "zeek_http", 4, 1, 0, &["httpUserAgent"]),
    ("zeek-logs/rita/open_conns/open", "zeek_logs", 110, 0, 2_531_254, &["dnsQueryName", "tlsServerName"]),
    (
        "zeek-logs/rita/proxy",
        "zeek_logs",
        936,
        0,
        1_306_473,
        &["dnsQueryName", "tlsServerName", "httpRequestHost"],
    ),
    ("slips/test10-mixed-zeek-dir", "zeek_logs", 141, 0, 1_213_329, &["dnsQueryName", "tlsServerName"]),
    ("slips/port-scans/horizontal/conn.log", "zeek_conn", 41, 0, 266_175, &["flowStartMilliseconds"]),
    (
        "slips/test6-malicious.suricata.json",
        "suricata_eve",
        3_847,
        0,
        5_047_149,
        &["alertSignature", "dnsQueryName"],
    ),
    ("slips/test1-malicious.nfdump", "nfdump", 4_593, 0, 241_025, &["tcpControlBits"]),
    ("slips/test2-malicious.binetflow", "ctu13", 6_751, 0, 348_705_565, &["connectionState"]),
    ("slips/test3-mixed.binetflow", "ctu13", 89, 0, 39_779, &["connectionState"]),
    ("ctu13/jingzbu/capture20110816.binetflow.sliced", "ctu13", 29, 0, 4_227_895_824, &["label"]),
    ("vpc-flow-logs/wwiicode_flow_logs_with_errors.txt", "vpc_flow_log", 13, 1, 99_000, &["connectionState"]),
];

#[test]
fn known_logs_of_flows_have_known_flows() {
    let Some(data) = data("") else { return };
    for (file, shape, rows, aside, octets, filled) in FLOWS {
        let path = data.join(file);
        if !path.exists() {
            eprintln!("skipped: {file} is missing");
            continue;
        }
        let mut source = open_flows(&[path.display().to_string()], &ReadOptions::default()).unwrap();
        let schema = source.description().schema.clone();
        assert_eq!(source.description().shape.id, shape, "{file}");
        let mut sum = 0;
        let mut found = vec![false; filled.len()];
        while let Some(frame) = source.next_frame().unwrap() {
            for name in ["octetDeltaCount", "reverseOctetDeltaCount"] {
                if let Some((_, Column::Int(values))) = frame.by_name(name) {
                    sum += values.iter().filter(|value| **value > 0).sum::<i64>();
                }
            }
            for (name, found) in filled.iter().zip(&mut found) {
                let column =
                    frame.column(schema.index_of(name).unwrap_or_else(|| panic!("{file}: no {name}")));
                *found |= (0..frame.n_rows()).any(|row_idx| !column.is_missing(row_idx));
            }
        }
        let stats = source.stats();
        assert_eq!((stats.rows_read, stats.rows_set_aside, sum), (rows, aside, octets), "{file}");
        assert_eq!(found, vec![true; filled.len()], "{file}: {filled:?}");
    }
}

/// Every capture: packets in flows and packets set aside are all packets, and nothing takes long.
#[test]
fn captures_are_read_and_every_packet_is_counted() {
    let Some(folder) = data("") else { return };
    let mut paths = files(&folder.join("pcap"));
    let is_capture = |path: &PathBuf| {
        let name = path.to_string_lossy().to_lowercase();
        let name = name.trim_end_matches(".gz");
        [".pcap", ".pcapng", ".cap"].iter().any(|ending| name.ends_with(ending))
    };
    paths.retain(is_capture);
    let read = AtomicUsize::new(0);
    paths.par_iter().for_each(|path| {
        let path = path.display().to_string();
        let Ok(mut source) = open_flows(std::slice::from_ref(&path), &ReadOptions::default()) else { return };
        let mut in_rows = 0;
        while let Some(frame) = source.next_frame().unwrap() {
            for name in ["packetDeltaCount", "reversePacketDeltaCount"] {
                let (_, column) = frame.by_name(name).unwrap();
                in_rows += (0..frame.n_rows()).map(|row| column.number(row).max(0.0) as u64).sum::<u64>();
            }
        }
        let (stats, notes) = (source.stats(), &source.description().notes);
        let told = notes.iter().find(|note| note.text.contains(" packets: ")).unwrap();
        let mut numbers = told.text.split(' ').filter_map(|word| word.parse::<u64>().ok());
        let (packets, in_flows) = (numbers.next().unwrap(), numbers.next().unwrap());
        // Records that exporters sent are rows besides.
        if !notes.iter().any(|note| note.text.contains("exporters") || note.text.contains("sampled")) {
            assert_eq!(in_rows, in_flows, "{path}");
        }
        assert!(packets <= in_flows + stats.rows_set_aside, "{path}: {told:?} {stats:?}");
        read.fetch_add(1, Ordering::Relaxed);
    });
    let read = read.into_inner();
    eprintln!("{read} of {} captures have flows", paths.len());
    assert!(read * 10 >= paths.len() * 9, "{read} of {}", paths.len());
}
