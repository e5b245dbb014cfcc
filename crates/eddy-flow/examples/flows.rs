//! Counts the flows of captures: `flows FILE...`; with `--times N` from memory, to measure speed; with
//! `--features statistics` or `--features all` these are computed of each flow, from the file where N is 1.

use std::io::Read;
use std::time::Instant;

use eddy_flow::features::{FeatureSet, FlowFeatures, Measured};
use eddy_flow::{FlowSettings, FlowTable};
use eddy_wire::{CaptureReader, Limits, decode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut times = 1;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--times").is_some() {
        times = arguments.next().ok_or("--times wants a number")?.parse()?;
    }
    let mut set = None;
    if arguments.next_if_eq("--features").is_some() {
        let which = arguments.next().ok_or("--features wants statistics or all")?;
        set = Some(if which == "all" { FeatureSet::All } else { FeatureSet::Statistics });
    }
    let limits = Limits::default();
    for path in arguments {
        if let (Some(set), 1) = (set, times) {
            let begin = Instant::now();
            let packets = with_features(std::fs::File::open(&path)?, &limits, set)?;
            println!(
                "{path}: {packets} packets, {:.2} M/s",
                packets as f64 / begin.elapsed().as_secs_f64() / 1e6
            );
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let begin = Instant::now();
        let mut packets = 0;
        for _ in 0..times {
            if let Some(set) = set {
                packets += with_features(&bytes[..], &limits, set)?;
                continue;
            }
            let mut reader = CaptureReader::new(&bytes[..], &limits)?;
            let mut table: FlowTable = FlowTable::new(FlowSettings::without_timeouts(), &limits);
            let (mut flows, mut octets) = (0_u64, 0);
            while let Some(frame) = reader.next_frame()? {
                let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
                table.add(&packet, frame.time_ns, |_, ()| {});
                packets += 1;
            }
            table.finish(|flow, ()| {
                flows += 1;
                octets += flow.layer2_octets();
            });
            if times == 1 {
                let stats = table.stats();
                let aside = stats.set_aside_total() + stats.arp;
                println!("{path}\t{}\t{octets}\t{flows}\t{aside}", stats.packets_in_flows);
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        if times > 1 {
            println!("{path}: {packets} packets, {:.2} M/s", packets as f64 / seconds / 1e6);
        }
    }
    Ok(())
}

/// Packets of a capture whose flows are told with features.
fn with_features(
    bytes: impl Read,
    limits: &Limits,
    set: FeatureSet,
) -> Result<u64, Box<dyn std::error::Error>> {
    let mut reader = CaptureReader::new(bytes, limits)?;
    let mut table: FlowTable<FlowFeatures> = FlowTable::new(FlowSettings::default(), limits);
    let wanted = set.features();
    let mut sum = 0.0;
    let mut end = |flow: &eddy_flow::Biflow, kept: &FlowFeatures| {
        let measured = Measured::of(flow, kept);
        for feature in &wanted {
            let value = feature.of(&measured);
            sum += if value.is_nan() { 0.0 } else { value };
        }
    };
    while let Some(frame) = reader.next_frame()? {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, limits);
        table.add(&packet, frame.time_ns, &mut end);
    }
    table.finish(&mut end);
    assert!(sum.is_finite());
    Ok(table.stats().packets)
}
