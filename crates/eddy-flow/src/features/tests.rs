//! Formulas against numbers computed by hand.

use std::collections::HashSet;

use eddy_wire::{Limits, Network, Packet, TCP_ACK, TCP_FIN, TCP_PSH, TCP_SYN, TcpHeader, protocol};

use super::*;
use crate::{FlowSettings, FlowTable};

const MS: i64 = 1_000_000;

/// A packet of TCP: time in milliseconds, whether the client sent it, payload, flags.
fn segment(from_client: bool, payload: u32, flags: u16) -> Packet<'static> {
    let (client, server) = ((10_u128, 40_000), (20_u128, 80));
    let (from, to) = if from_client { (client, server) } else { (server, client) };
    Packet {
        network: Network::Ipv4,
        protocol: protocol::TCP,
        source: 0xffff_0a00_0000 + from.0,
        destination: 0xffff_0a00_0000 + to.0,
        source_port: from.1,
        destination_port: to.1,
        ttl: if from_client { 64 } else { 57 },
        ip_len: 40 + payload,
        wire_len: 54 + payload,
        payload_len: payload,
        tcp: TcpHeader { flags, window: if from_client { 1000 } else { 2000 }, ..TcpHeader::default() },
        ..Packet::default()
    }
}

/// The value of a feature of the only flow of packets.
fn value(packets: &[(i64, Packet<'_>)], name: &str) -> f64 {
    let mut table: FlowTable<FlowFeatures> =
        FlowTable::new(FlowSettings::without_timeouts(), &Limits::default());
    for (time_ns, packet) in packets {
        table.add(packet, *time_ns, |_, _| panic!("the flow ends too early"));
    }
    let mut values = Vec::new();
    let feature = features().find(|feature| feature.name == name).unwrap_or_else(|| panic!("no {name}"));
    table.finish(|flow, features| values.push(feature.of(&Measured::of(flow, features))));
    assert_eq!(values.len(), 1);
    values[0]
}

fn check(packets: &[(i64, Packet<'_>)], expected: &[(&str, f64)]) {
    for (name, expected) in expected {
        let value = value(packets, name);
        assert!(
            (value - expected).abs() < 1e-9 || (value.is_nan() && expected.is_nan()),
            "{name}: {value} instead of {expected}"
        );
    }
}

/// A short conversation: 54, 54, 54, 154, 254, 54 bytes at 0, 10, 20, 40, 90, 7,090 ms.
fn conversation() -> Vec<(i64, Packet<'static>)> {
    vec![
        (0, segment(true, 0, TCP_SYN)),
        (10 * MS, segment(false, 0, TCP_SYN | TCP_ACK)),
        (20 * MS, segment(true, 0, TCP_ACK)),
        (40 * MS, segment(true, 100, TCP_PSH | TCP_ACK)),
        (90 * MS, segment(false, 200, TCP_PSH | TCP_ACK)),
        (7_090 * MS, segment(true, 0, TCP_FIN | TCP_ACK)),
    ]
}

#[test]
fn sizes_are_those_of_frames_of_ip_and_of_payloads() {
    // Frames 54 54 54 154 254 54: Σ 624, Σ² 4 · 2916 + 23716 + 64516 = 99896; (6 · 99896 - 624²) / 30 = 7000.
    check(
        &conversation(),
        &[
            ("bidirectional_packets", 6.0),
            ("bidirectional_bytes", 624.0),
            ("bidirectional_min_ps", 54.0),
            ("bidirectional_mean_ps", 104.0),
            ("bidirectional_stddev_ps", 7_000.0_f64.sqrt()),
            ("bidirectional_max_ps", 254.0),
            ("src2dst_packets", 4.0),
            ("src2dst_bytes", 316.0),
            ("src2dst_mean_ps", 79.0),
            // 54 54 54 154: each 25 below the mean but the last, 75 above: (3 · 625 + 5625) / 3 = 2500.
            ("src2dst_stddev_ps", 50.0),
            ("src2dst_max_ps", 154.0),
            ("dst2src_min_ps", 54.0),
            ("dst2src_mean_ps", 154.0),
            ("dst2src_stddev_ps", 20_000.0_f64.sqrt()),
            ("src2dst_ip_bytes", 260.0),
            ("src2dst_min_ip_ps", 40.0),
            ("dst2src_max_ip_ps", 240.0),
            ("dst2src_mean_ip_ps", 140.0),
            ("dst2src_stddev_ip_ps", 20_000.0_f64.sqrt()),
            ("bidirectional_payload_bytes", 300.0),
            ("bidirectional_mean_payload_ps", 50.0),
            ("src2dst_min_payload_ps", 0.0),
            ("src2dst_stddev_payload_ps", 50.0),
            ("dst2src_max_payload_ps", 200.0),
            ("bidirectional_header_bytes", 240.0),
            ("src2dst_header_bytes", 160.0),
            ("src2dst_min_header_bytes", 40.0),
            ("bidirectional_non_empty_packets", 2.0),
            ("bidirectional_small_packets", 0.0),
            ("dst2src_large_packets", 0.0),
            ("dst2src_first_payload_bytes", 200.0),
        ],
    );
}

#[test]
fn times_between_packets_are_told_of_both_and_of_each_direction() {
    // Gaps of both: 10 10 20 50 7000: Σ 7090, Σ² 49,003,100; (5 · 49,003,100 - 7090²) / 20 = 9,737,370.
    check(
        &conversation(),
        &[
            ("bidirectional_duration_ms", 7_090.0),
            ("src2dst_duration_ms", 7_090.0),
            ("dst2src_duration_ms", 80.0),
            ("bidirectional_min_piat_ms", 10.0),
            ("bidirectional_mean_piat_ms", 1_418.0),
            ("bidirectional_stddev_piat_ms", 9_737_370.0_f64.sqrt()),
            ("bidirectional_max_piat_ms", 7_000.0),
            // The client: 20 20 7050.
            ("src2dst_min_piat_ms", 20.0),
            ("src2dst_mean_piat_ms", 7_090.0 / 3.0),
            ("src2dst_max_piat_ms", 7_050.0),
            // The server: 80 alone.
            ("dst2src_mean_piat_ms", 80.0),
            ("dst2src_stddev_piat_ms", 0.0),
            ("bidirectional_bytes_per_s", 540.0 / 7.09),
            ("src2dst_packets_per_s", 4.0 / 7.09),
            ("dst2src_bytes_per_s", 280.0 / 0.08),
        ],
    );
}

#[test]
fn flags_windows_and_hops_are_those_of_each_side() {
    check(
        &conversation(),
        &[
            ("bidirectional_syn_packets", 2.0),
            ("src2dst_syn_packets", 1.0),
            ("dst2src_syn_packets", 1.0),
            ("bidirectional_ack_packets", 5.0),
            ("src2dst_ack_packets", 3.0),
            ("src2dst_psh_packets", 1.0),
            ("src2dst_fin_packets", 1.0),
            ("dst2src_fin_packets", 0.0),
            ("bidirectional_rst_packets", 0.0),
            ("bidirectional_urg_packets", 0.0),
            ("bidirectional_ece_packets", 0.0),
            ("bidirectional_cwr_packets", 0.0),
            ("src2dst_init_window_bytes", 1_000.0),
            ("dst2src_init_window_bytes", 2_000.0),
            ("src2dst_initial_tcp_flags", 2.0),
            ("dst2src_initial_tcp_flags", 18.0),
            ("src2dst_min_ttl", 64.0),
            ("dst2src_max_ttl", 57.0),
        ],
    );
}

#[test]
fn activity_rest_and_subflows_follow_from_the_gaps() {
    check(
        &conversation(),
        &[
            // Active from 0 to 90 ms; the FIN after the rest is alone and no time of activity.
            ("active_periods", 1.0),
            ("active_min_ms", 90.0),
            ("active_mean_ms", 90.0),
            ("active_stddev_ms", 0.0),
            ("active_max_ms", 90.0),
            ("idle_periods", 1.0),
            ("idle_min_ms", 7_000.0),
            ("idle_mean_ms", 7_000.0),
            ("idle_stddev_ms", 0.0),
            ("idle_max_ms", 7_000.0),
            ("subflows", 2.0),
            ("src2dst_subflow_packets", 2.0),
            ("dst2src_subflow_bytes", 100.0),
            ("down_up_packets", 0.5),
            ("down_up_bytes", 2.0),
        ],
    );
    // 0, 1 s | 7, 9 s | 20 s: times of activity of 1 s and 2 s, rests of 6 s and 11 s; the gap of 2 s parts a subflow.
    let at = |seconds: i64| (seconds * 1_000 * MS, segment(true, 10, TCP_ACK));
    check(
        &[at(0), at(1), at(7), at(9), at(20)],
        &[
            ("active_periods", 2.0),
            ("active_min_ms", 1_000.0),
            ("active_mean_ms", 1_500.0),
            ("active_stddev_ms", 500_000.0_f64.sqrt()),
            ("active_max_ms", 2_000.0),
            ("idle_periods", 2.0),
            ("idle_mean_ms", 8_500.0),
            ("idle_stddev_ms", 12_500_000.0_f64.sqrt()),
            ("subflows", 4.0),
            ("src2dst_small_packets", 5.0),
        ],
    );
}

#[test]
fn four_payloads_in_a_row_are_a_bulk_and_an_answer_ends_it() {
    let mut packets: Vec<(i64, Packet<'_>)> =
        (0..5).map(|at| (at * 100 * MS, segment(true, 1_000, TCP_ACK))).collect();
    packets.push((500 * MS, segment(false, 0, TCP_ACK)));
    packets.push((600 * MS, segment(true, 1_000, TCP_ACK)));
    packets.push((700 * MS, segment(false, 50, TCP_ACK)));
    packets.extend((8..11).map(|at| (at * 100 * MS, segment(true, 1_000, TCP_ACK))));
    // Six payloads from 0 to 600 ms; an answer without payload does not end them, one with payload does. The last
    // three are too few.
    check(
        &packets,
        &[
            ("src2dst_bulks", 1.0),
            ("src2dst_bulk_packets", 6.0),
            ("src2dst_bulk_bytes", 6_000.0),
            ("src2dst_bulk_bytes_per_s", 10_000.0),
            ("src2dst_large_packets", 9.0),
            ("dst2src_bulks", 0.0),
            ("dst2src_bulk_bytes", 0.0),
            ("dst2src_bulk_packets", 0.0),
            ("dst2src_bulk_bytes_per_s", 0.0),
        ],
    );
    // A gap of more than a second ends a run.
    let slow: Vec<(i64, Packet<'_>)> =
        (0..6).map(|at| (at * 1_001 * MS, segment(false, 1_000, TCP_ACK))).collect();
    check(&slow, &[("src2dst_bulks", 0.0), ("subflows", 6.0)]);
}

#[test]
fn the_first_packets_are_kept_one_by_one() {
    check(
        &conversation(),
        &[
            ("splt_ps_1", 54.0),
            ("splt_direction_1", 0.0),
            ("splt_piat_ms_1", 0.0),
            ("splt_ps_2", 54.0),
            ("splt_direction_2", 1.0),
            ("splt_piat_ms_2", 10.0),
            ("splt_ps_5", 254.0),
            ("splt_direction_5", 1.0),
            ("splt_piat_ms_5", 50.0),
            ("splt_ps_6", 54.0),
            ("splt_direction_6", 0.0),
            ("splt_ps_7", f64::NAN),
            ("splt_direction_10", f64::NAN),
        ],
    );
}

#[test]
fn a_packet_that_comes_late_makes_no_gap_below_nothing() {
    let packets = [
        (100 * MS, segment(true, 10, TCP_ACK)),
        (40 * MS, segment(true, 10, TCP_ACK)),
        (110 * MS, segment(true, 10, TCP_ACK)),
    ];
    check(
        &packets,
        &[
            ("bidirectional_min_piat_ms", 0.0),
            ("bidirectional_max_piat_ms", 10.0),
            ("src2dst_duration_ms", 10.0),
        ],
    );
}

#[test]
fn every_feature_has_a_name_of_its_own_and_is_finite_or_missing_whatever_comes() {
    let names: HashSet<&str> = features().map(|feature| feature.name).collect();
    assert_eq!(names.len(), features().count());
    assert!(features().all(|feature| !feature.formula.is_empty()));
    let hostile = Packet {
        network: Network::Ipv6,
        source: 1,
        destination: 2,
        ip_len: u32::MAX,
        wire_len: u32::MAX,
        payload_len: u32::MAX,
        ..Packet::default()
    };
    let times = [i64::MIN, 0, i64::MAX, i64::MIN, 5];
    for n in 1..=times.len() {
        let packets: Vec<(i64, Packet<'_>)> = times[..n].iter().map(|time| (*time, hostile)).collect();
        let mut table: FlowTable<FlowFeatures> =
            FlowTable::new(FlowSettings::without_timeouts(), &Limits::default());
        let mut told = 0;
        let mut end = |flow: &Biflow, measured: &FlowFeatures| {
            let measured = Measured::of(flow, measured);
            for feature in features() {
                let value = feature.of(&measured);
                let is_whole = !feature.is_whole || value.fract() == 0.0;
                assert!(value.is_nan() || (value.is_finite() && is_whole), "{}: {value}", feature.name);
            }
            told += 1;
        };
        for (time, packet) in packets {
            table.add(&packet, time, &mut end);
        }
        table.finish(&mut end);
        assert!(told > 0);
    }
    assert!(size_of::<FlowFeatures>() < 1_000);
}
