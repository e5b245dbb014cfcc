//! What must hold for any capture whatever: shared by the tests of this crate and by the fuzz targets in `fuzz/`.

// The targets see it from another crate.
#![allow(dead_code, unreachable_pub)]

use eddy_flow::damped::Damped;
use eddy_flow::features::{FlowFeatures, Measured, features};
use eddy_flow::{Biflow, FlowSettings, FlowTable, community_id};
use eddy_wire::{CaptureReader, Limits, decode};

/// Packets, octets on the wire and flows.
pub type Totals = (u64, u64, u64);

/// Reads a capture into flows; nothing for what is no capture.
///
/// # Panics
/// When a packet is not accounted for, or a flow makes no sense.
pub fn totals(bytes: &[u8], settings: FlowSettings) -> Option<Totals> {
    let limits = Limits::default();
    let mut reader = CaptureReader::new(bytes, &limits).ok()?;
    let most_bytes = settings.memory_bytes;
    let mut table: FlowTable = FlowTable::new(settings, &limits);
    let (mut packets, mut octets, mut flows) = (0, 0, 0);
    let mut end = |flow: &Biflow, (): &()| {
        assert!(flow.duration_ns() >= 0 && flow.packets() > 0);
        assert_eq!(community_id(flow, 0).len(), 30);
        packets += flow.packets();
        octets += flow.layer2_octets();
        flows += 1;
    };
    while let Some(frame) = reader.next_frame().expect("memory can be read") {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
        table.add(&packet, frame.time_ns, &mut end);
    }
    assert!(table.memory_bytes() <= most_bytes, "{} bytes", table.memory_bytes());
    table.finish(&mut end);
    let stats = table.stats();
    assert_eq!(stats.packets, reader.stats().frames);
    assert_eq!(stats.packets, packets + stats.arp + stats.set_aside_total());
    assert_eq!((stats.packets_in_flows, stats.octets_in_flows), (packets, octets));
    assert_eq!((stats.flows, stats.ended_total(), table.len()), (flows, flows, 0));
    Some((packets, octets, flows))
}

/// Reads a capture into flows, once without timeouts and once with short ones in a small table.
///
/// # Panics
/// When the two count different packets.
pub fn survive_flows(bytes: &[u8]) {
    let short = FlowSettings {
        memory_bytes: 1 << 20,
        active_timeout_ns: 2_000_000_000,
        idle_timeout_ns: 1_000_000_000,
        ..FlowSettings::default()
    };
    let whole = totals(bytes, FlowSettings::without_timeouts());
    let cut = totals(bytes, short);
    assert_eq!(
        whole.map(|(packets, octets, _)| (packets, octets)),
        cut.map(|(packets, octets, _)| (packets, octets))
    );
    assert!(whole.map(|totals| totals.2) <= cut.map(|totals| totals.2));
}

/// Reads a capture with all features and with the statistics of single packets.
///
/// # Panics
/// When a number is infinite, or a packet is not accounted for.
pub fn survive_features(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(mut reader) = CaptureReader::new(bytes, &limits) else { return };
    let settings = FlowSettings { memory_bytes: 4 << 20, ..FlowSettings::default() };
    let mut table: FlowTable<FlowFeatures> = FlowTable::new(settings, &limits);
    let mut damped = Damped::new(1 << 14);
    let mut packets = 0;
    let mut end = |flow: &Biflow, kept: &FlowFeatures| {
        let measured = Measured::of(flow, kept);
        for feature in features() {
            let value = feature.of(&measured);
            assert!(!value.is_infinite(), "{}: {value}", feature.name);
        }
        let told = features().find(|feature| feature.name == "bidirectional_packets");
        assert_eq!(told.map(|feature| feature.of(&measured)), Some(flow.packets() as f64));
        packets += flow.packets();
    };
    while let Some(frame) = reader.next_frame().expect("memory can be read") {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
        table.add(&packet, frame.time_ns, &mut end);
        let numbers = damped.see(&packet, frame.time_ns);
        assert!(numbers.is_none_or(|numbers| numbers.iter().all(|number| number.is_finite())));
    }
    table.finish(&mut end);
    assert_eq!(table.stats().packets_in_flows, packets);
}
