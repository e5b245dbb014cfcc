//! Flows of real captures, where they are to be had: $EDDY_DATA, else ../shared/data beside the workspace.

#[path = "../../../testing/real_data.rs"]
mod real_data;
mod survival;

use std::collections::BTreeMap;

use eddy_flow::FlowSettings;
use eddy_wire::{CaptureReader, Limits, decode};
use real_data::{data, files};
use survival::{Totals, survive_features, survive_flows, totals};

/// What nDPI counted: the lines "protocol packets bytes flows" after its list of look-ups.
/// Nothing at all where it found no packet it could use.
fn expected(text: &str) -> Option<Totals> {
    if text.is_empty() {
        return Some((0, 0, 0));
    }
    let (_, rest) = text.split_once("Patricia protocols IPv6:")?;
    let (_, rest) = rest.split_once("\n\n").unwrap_or_default();
    let mut sum = (0, 0, 0);
    for line in rest.lines().take_while(|line| !line.is_empty()) {
        let mut numbers = line.rsplit('\t').map(|cell| cell.trim().parse::<u64>());
        let (flows, bytes, packets) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        sum = (sum.0 + packets, sum.1 + bytes, sum.2 + flows);
    }
    Some(sum)
}

/// Captures that nDPI counts otherwise, and why. `docs` tells the same.
const OTHERWISE: &[(&str, &str)] = &[
    ("dns_fragmented.pcap", "nDPI leaves out later fragments"),
    ("dnscrypt-v1-and-resolver-pings.pcap", "nDPI leaves out later fragments"),
    ("fuzz-2006-06-26-2594.pcap", "nDPI leaves out packets whose lengths do not fit the frame"),
    ("fuzz-2021-06-07-c6c72a0a56.pcap", "nDPI leaves out the only packet: its lengths do not fit the frame"),
    ("ja3_lots_of_cipher_suites_2_anon.pcap", "nDPI counts captured bytes, not those on the wire"),
    ("reasm_segv_anon.pcapng", "nDPI counts captured bytes, not those on the wire"),
    ("telnet.pcap", "nDPI leaves out packets whose lengths do not fit the frame"),
];

#[test]
fn packets_octets_and_flows_are_those_of_ndpi() {
    let Some(data) = data("") else { return };
    let paths = files(&data.join("pcap/ndpi"));
    let (mut equal, mut differ) = (0, BTreeMap::new());
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read(data.join(format!("pcap/ndpi-expected/{name}.out"))) else { continue };
        let expected = expected(&String::from_utf8_lossy(&text)).unwrap_or_else(|| panic!("{name}"));
        let found = totals(&std::fs::read(&path).unwrap(), FlowSettings::without_timeouts()).unwrap();
        if found == expected {
            equal += 1;
        } else {
            differ.insert(name, (expected, found));
        }
    }
    eprintln!("{equal} captures equal, {} differ", differ.len());
    let known: Vec<&str> = OTHERWISE.iter().map(|(name, _)| *name).collect();
    assert_eq!(differ.keys().collect::<Vec<_>>(), known, "{differ:?}");
    assert!(equal >= 238, "{equal}");
}

#[test]
fn every_packet_of_every_capture_is_accounted_for() {
    let Some(data) = data("") else { return };
    let paths = files(&data.join("pcap"));
    let mut read = 0;
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        survive_flows(&bytes);
        survive_features(&bytes);
        read += 1;
    }
    assert!(read > 1000, "{read}");
}

/// A capture and the list of its packets that another program wrote.
#[test]
fn a_capture_and_its_list_of_packets_agree() {
    let Some(data) = data("") else { return };
    let folder = data.join("wireshark-csv/gabeah");
    let (Ok(capture), Ok(list)) = (
        std::fs::read(folder.join("test_packet_capture.pcapng")),
        std::fs::read_to_string(folder.join("test_packet_capture.csv")),
    ) else {
        eprintln!("skipped: no capture with its list at {}", folder.display());
        return;
    };
    let lengths: Vec<u64> =
        list.lines().skip(1).map(|line| line.split("\",\"").nth(5).unwrap().parse().unwrap()).collect();
    let (packets, octets, flows) = totals(&capture, FlowSettings::without_timeouts()).unwrap();
    assert_eq!((packets, octets), (lengths.len() as u64, lengths.iter().sum()));
    assert_eq!(flows, 3);
}

/// Reads every frame of a capture, if it is one.
fn read(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(mut reader) = CaptureReader::new(bytes, &limits) else { return };
    while let Some(frame) = reader.next_frame().unwrap() {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
        assert!(packet.payload.len() <= frame.bytes.len());
    }
}

/// Captures that are damaged: of so many bytes at most, so that each can be cut at every byte.
const DAMAGED_BYTES: usize = 4096;

#[test]
fn a_hundred_captures_are_survived_cut_anywhere_and_damaged_two_hundred_times_each() {
    let Some(data) = data("pcap") else { return };
    let paths = files(&data);
    let small: Vec<Vec<u8>> = paths
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .filter(|bytes| (200..=DAMAGED_BYTES).contains(&bytes.len()))
        .filter(|bytes| totals(bytes, FlowSettings::default()).is_some())
        .collect();
    let stride = (small.len() / 100).max(1);
    let chosen: Vec<&Vec<u8>> = small.iter().step_by(stride).take(100).collect();
    // A generator of its own, so that the same bytes are damaged each time.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    for bytes in &chosen {
        for end in 0..bytes.len() {
            read(&bytes[..end]);
        }
        for nth in 0..200 {
            let mut damaged = (*bytes).clone();
            for _ in 0..=draw(8) {
                let at = draw(damaged.len());
                damaged[at] = draw(256) as u8;
            }
            totals(&damaged, FlowSettings::default());
            if nth % 10 == 0 {
                survive_features(&damaged);
            }
        }
    }
    eprintln!("{} captures damaged", chosen.len());
    assert!(chosen.len() >= 100, "{}", chosen.len());
}
