//! Real captures and datagrams, where they are to be had: $EDDY_DATA, else ../shared/data beside the workspace.

#[path = "../../../testing/real_data.rs"]
mod real_data;
mod survival;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use eddy_wire::app::{ClientHello, StreamHead};
use eddy_wire::export::{Collector, Exported};
use eddy_wire::{CaptureReader, Limits, decode};
use real_data::{data, files};
use survival::{survive_capture, survive_datagram, survive_datagrams, survive_frame, survive_payload};

/// All captures, by their names.
fn captures() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(data) = data("") {
        found.extend(files(&data.join("pcap")));
        found.extend(files(&data.join("netflow")));
    }
    let capture =
        |ending: &std::ffi::OsStr| ["pcap", "pcapng", "cap", "dmp"].iter().any(|known| ending == *known);
    found.retain(|path| path.extension().is_some_and(capture));
    found
}

#[test]
fn every_capture_is_read() {
    let paths = captures();
    let (mut frames, mut refused) = (0, Vec::new());
    for path in &paths {
        let bytes = std::fs::read(path).unwrap();
        let begin = Instant::now();
        match survive_capture(&bytes) {
            Some(seen) => frames += seen.frames,
            None => refused.push(path.display().to_string()),
        }
        assert!(begin.elapsed() < Duration::from_secs(2), "{}", path.display());
    }
    assert!(refused.is_empty(), "{refused:?}");
    assert!(paths.is_empty() || frames > 100_000, "{frames} frames in {} captures", paths.len());
}

/// A row of numbers that looks random and is always the same.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn mutations_and_truncations_of_captures_are_survived() {
    let mut state = 88_172_645_463_325_252;
    let mut small = captures();
    small.retain(|path| path.metadata().is_ok_and(|meta| meta.len() < 20_000));
    for path in small.iter().step_by((small.len() / 100).max(1)) {
        let bytes = std::fs::read(path).unwrap();
        for _ in 0..200 {
            let mut mutated = bytes.clone();
            for _ in 0..=random(&mut state) % 8 {
                let at = random(&mut state) as usize % mutated.len();
                mutated[at] = random(&mut state) as u8;
            }
            survive_capture(&mutated);
        }
        // All truncations of short captures, some of longer ones.
        for len in (0..bytes.len()).step_by((bytes.len() / 2000).max(1)) {
            survive_capture(&bytes[..len]);
        }
    }
}

#[test]
fn every_kind_of_frame_is_survived_as_every_link_type() {
    let limits = Limits::default();
    for path in captures().iter().step_by(10) {
        let bytes = std::fs::read(path).unwrap();
        let Ok(mut reader) = CaptureReader::new(&bytes[..], &limits) else { continue };
        for _ in 0..10 {
            let Some(frame) = reader.next_frame().unwrap() else { break };
            survive_frame(frame.bytes);
            survive_payload(frame.bytes);
        }
    }
}

/// Without what nDPI reads otherwise than the specification: the letter of the name, the protocol's last character, and
/// the hash of nothing.
fn comparable(fingerprint: &str) -> String {
    let kept: String = fingerprint
        .char_indices()
        .filter(|(at, _)| ![3, 8, 9].contains(at))
        .map(|(_, letter)| letter)
        .collect();
    kept.replace("e3b0c44298fc", "000000000000")
}

#[test]
fn fingerprints_agree_with_those_that_are_published() {
    let Some(data) = data("") else { return };
    let limits = Limits::default();
    let (mut agreed, mut several, mut differ) = (0, 0, BTreeMap::new());
    let mut seen = BTreeSet::new();
    let paths = files(&data.join("pcap/ndpi"));
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Ok(expected) = std::fs::read(data.join(format!("pcap/ndpi-expected/{name}.out"))) else {
            continue;
        };
        let expected = String::from_utf8_lossy(&expected).into_owned();
        let known: Vec<String> = expected
            .split("[JA4: ")
            .skip(1)
            .filter_map(|rest| rest.split(']').next())
            .map(comparable)
            .collect();
        let bytes = std::fs::read(&path).unwrap();
        let Ok(mut reader) = CaptureReader::new(&bytes[..], &limits) else { continue };
        let mut heads = BTreeMap::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
            let ends = (packet.source, packet.source_port, packet.destination, packet.destination_port);
            let head: &mut StreamHead = heads.entry(ends).or_default();
            let more = head.add(&packet, &limits);
            let whole = |bytes| ClientHello::parse(bytes, &limits).filter(|hello| hello.is_complete);
            let one = whole(packet.payload);
            let found = one.is_some() || (more && whole(head.bytes()).is_some());
            // Once for each connection, unless a segment holds a hello of its own.
            let is_first = found && seen.insert((name.clone(), ends));
            several += usize::from(one.is_none() && is_first);
            let Some(hello) = one.or_else(|| whole(head.bytes()).filter(|_| is_first)) else { continue };
            let ours = hello.ja4();
            if known.contains(&comparable(&ours)) {
                agreed += 1;
            } else if !known.is_empty() {
                differ.entry(name.clone()).or_insert_with(Vec::new).push(ours);
            }
        }
    }
    eprintln!("{agreed} fingerprints agree, {several} hellos in several segments; others: {differ:?}");
    let others: usize = differ.values().map(Vec::len).sum();
    assert!(agreed >= 400 && others * 40 <= agreed, "{agreed} agree, {others} do not");
}

/// Datagrams of one exporter: templates are in files of their own.
#[test]
fn datagrams_of_many_vendors_are_read() {
    let Some(data) = data("") else { return };
    let mut paths = files(&data.join("netflow/logstash-codec"));
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "dat"));
    // Templates first: a vendor's are told by the word.
    paths.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (!name.contains("tpl"), name)
    });
    let mut silent = Vec::new();
    let mut total = 0;
    for path in paths.iter().filter(|path| !path.to_string_lossy().contains("tpl")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let vendor = name.split("_data").next().unwrap_or(&name).trim_end_matches(".dat").to_owned();
        let mut collector = Collector::new(&Limits::default());
        for template in &paths {
            let other = template.file_name().unwrap().to_string_lossy().into_owned();
            if other.starts_with(&vendor) && other.contains("tpl") {
                survive_datagram(&mut collector, &std::fs::read(template).unwrap(), 0);
            }
        }
        let bytes = std::fs::read(path).unwrap();
        let mut rest = &bytes[..];
        let mut records = 0;
        while !rest.is_empty() {
            let found = collector.collect([127, 0, 0, 1].into(), 0, rest, |_| records += 1);
            let Some(more) = found.ok().and_then(|outcome| rest.get(outcome.consumed.max(1)..)) else {
                break;
            };
            rest = more;
        }
        total += records;
        if records == 0 {
            silent.push(name);
        }
        let framed = [&(bytes.len() as u16).to_be_bytes()[..], &bytes].concat();
        survive_datagrams(&framed);
    }
    eprintln!("{total} records; none in {silent:?}");
    assert!(total > 400, "{total}");
    assert!(silent.len() <= 8, "{silent:?}");
}

#[test]
fn samples_of_sflow_are_read_from_captures() {
    let Some(data) = data("") else { return };
    let paths = files(&data.join("netflow/akvorado"));
    let limits = Limits::default();
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let mut reader = CaptureReader::new(&bytes[..], &limits).unwrap();
        let mut collector = Collector::new(&limits);
        let mut samples = 0;
        while let Some(frame) = reader.next_frame().unwrap() {
            let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
            let source = packet.source_address().unwrap();
            let outcome = collector.collect(source, frame.time_ns, packet.payload, |exported| {
                if let Exported::Sample(sample) = exported {
                    assert!(sample.flow.sampling_interval > 0 && sample.flow.octet_delta_count > 0);
                    assert!(sample.flow.source_address().is_some(), "{sample:?}");
                    samples += 1;
                }
            });
            assert_eq!(outcome.unwrap().set_aside, 0, "{}", path.display());
        }
        assert!(samples > 0, "{}", path.display());
    }
}
