use eddy_wire::{
    FragmentPart, Limits, Network, Packet, Reason, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TcpHeader, protocol,
};
use proptest::prelude::*;

use super::{FlowSettings, FlowTable, Placed, SECOND};
use crate::{Biflow, EndReason, PerFlow, Side, TcpState};

/// A packet of 100 bytes on the wire with 40 of payload.
fn packet(source: u32, destination: u32, protocol: u8, ports: [u16; 2], flags: u16) -> Packet<'static> {
    let bits = |v4: u32| 0xffff_0000_0000 | u128::from(v4);
    Packet {
        network: Network::Ipv4,
        source: bits(source),
        destination: bits(destination),
        protocol,
        source_port: ports[0],
        destination_port: ports[1],
        tcp: TcpHeader { flags, ..TcpHeader::default() },
        wire_len: 100,
        ip_len: 86,
        payload_len: 40,
        ..Packet::default()
    }
}

fn tcp(from_client: bool, flags: u16) -> Packet<'static> {
    if from_client {
        packet(1, 2, protocol::TCP, [4000, 80], flags)
    } else {
        packet(2, 1, protocol::TCP, [80, 4000], flags)
    }
}

fn udp(source: u32, port: u16) -> Packet<'static> {
    packet(source, 9, protocol::UDP, [port, 53], 0)
}

fn table(settings: FlowSettings) -> FlowTable {
    FlowTable::new(settings, &Limits::default())
}

/// All flows that end while the packets go in, and at the end.
fn run(settings: FlowSettings, packets: &[(i64, Packet<'_>)]) -> Vec<Biflow> {
    let mut table = table(settings);
    let mut flows = Vec::new();
    for (time_ns, packet) in packets {
        table.add(packet, *time_ns, |flow, ()| flows.push(*flow));
    }
    table.finish(|flow, ()| flows.push(*flow));
    let stats = table.stats();
    assert_eq!(stats.packets, stats.packets_in_flows + stats.arp + stats.set_aside_total());
    assert_eq!(stats.packets_in_flows, flows.iter().map(Biflow::packets).sum::<u64>());
    assert_eq!(stats.octets_in_flows, flows.iter().map(Biflow::layer2_octets).sum::<u64>());
    assert_eq!((stats.flows, stats.ended_total()), (flows.len() as u64, flows.len() as u64));
    assert!(table.is_empty());
    flows
}

#[test]
fn both_directions_are_one_flow_with_counts_of_their_own() {
    let packets = [
        (10, tcp(true, TCP_SYN)),
        (20, tcp(false, TCP_SYN | TCP_ACK)),
        (30, tcp(true, TCP_ACK)),
        (40, tcp(false, TCP_ACK)),
        (50, tcp(false, TCP_ACK)),
    ];
    let flows = run(FlowSettings::default(), &packets);
    let flow = flows[0];
    assert_eq!(flows.len(), 1);
    assert_eq!((flow.source_transport_port, flow.destination_transport_port), (4000, 80));
    assert_eq!(flow.source_address().to_string(), "0.0.0.1");
    assert_eq!((flow.forward.packet_delta_count, flow.reverse.packet_delta_count), (2, 3));
    assert_eq!((flow.forward.octet_delta_count, flow.forward.layer2_octet_delta_count), (172, 200));
    assert_eq!(flow.reverse.transport_octet_delta_count, 120);
    assert_eq!(flow.forward.tcp_control_bits, TCP_SYN | TCP_ACK);
    assert_eq!((flow.flow_start_ns, flow.flow_end_ns, flow.duration_ns()), (10, 50, 40));
    assert_eq!((flow.tcp_state, flow.flow_end_reason), (TcpState::Established, EndReason::Forced));
}

#[test]
fn a_flow_first_seen_by_its_answer_is_turned_round() {
    let flows = run(FlowSettings::default(), &[(0, tcp(false, TCP_SYN | TCP_ACK)), (1, tcp(true, TCP_ACK))]);
    assert_eq!((flows[0].source_transport_port, flows[0].tcp_state), (4000, TcpState::Established));
    assert_eq!(flows[0].reverse.packet_delta_count, 1);
}

#[test]
fn silence_ends_a_flow_and_what_follows_is_another() {
    let s = SECOND;
    let packets = [(0, udp(1, 5)), (119 * s, udp(1, 5)), (239 * s, udp(1, 5)), (500 * s, udp(2, 5))];
    let flows = run(FlowSettings::default(), &packets);
    let found: Vec<_> = flows.iter().map(|flow| (flow.packets(), flow.flow_end_reason, flow.part)).collect();
    assert_eq!(found, [(2, EndReason::Idle, 0), (1, EndReason::Idle, 0), (1, EndReason::Forced, 0)]);
}

#[test]
fn time_passes_without_packets() {
    let (mut table, mut ended) = (table(FlowSettings::default()), 0);
    table.add(&udp(1, 5), 0, |_, ()| {});
    table.advance(119 * SECOND, |_, ()| ended += 1);
    assert_eq!((ended, table.len()), (0, 1));
    table.advance(120 * SECOND, |_, ()| ended += 1);
    assert_eq!((ended, table.len()), (1, 0));
}

#[test]
fn a_long_flow_is_handed_out_in_parts() {
    let packets: Vec<_> = (0..50).map(|idx| (idx * 100 * SECOND, udp(1, 5))).collect();
    let flows = run(FlowSettings::default(), &packets);
    let found: Vec<_> = flows.iter().map(|flow| (flow.packets(), flow.flow_end_reason, flow.part)).collect();
    assert_eq!(found, [(18, EndReason::Active, 0), (18, EndReason::Active, 1), (14, EndReason::Forced, 2)]);
    assert_eq!(run(FlowSettings::without_timeouts(), &packets).len(), 1);
}

#[test]
fn a_closed_connection_waits_for_stragglers_and_not_for_the_next() {
    let fin = TCP_FIN | TCP_ACK;
    let opening = [(0, tcp(true, TCP_SYN)), (1, tcp(false, TCP_SYN | TCP_ACK)), (2, tcp(true, TCP_ACK))];
    let closing = [(3, tcp(true, fin)), (4, tcp(false, fin)), (5, tcp(true, TCP_ACK))];
    let whole =
        [&opening[..], &closing, &[(6, tcp(true, TCP_SYN)), (7, tcp(false, TCP_RST | TCP_ACK))]].concat();
    let flows = run(FlowSettings::default(), &whole);
    let found: Vec<_> =
        flows.iter().map(|flow| (flow.packets(), flow.tcp_state, flow.flow_end_reason)).collect();
    assert_eq!(found, [(6, TcpState::Closed, EndReason::Ended), (2, TcpState::Refused, EndReason::Ended)]);
    // Nothing more comes: five seconds of other traffic end it.
    let later = [&opening[..], &closing, &[(6 * SECOND, udp(1, 5)), (7 * SECOND, udp(1, 5))]].concat();
    assert_eq!(run(FlowSettings::default(), &later)[0].flow_end_reason, EndReason::Ended);
}

#[test]
fn vlans_networks_and_protocols_keep_flows_apart_and_tunnels_do_not_matter() {
    let plain = udp(1, 5);
    let packets = [
        (0, plain),
        (0, Packet { vlan: 7, ..plain }),
        (0, Packet { network: Network::Ipv6, ..plain }),
        (0, Packet { protocol: protocol::SCTP, ..plain }),
        (0, Packet { destination_port: 54, ..plain }),
        (0, Packet { tunnel_id: 9, ..plain }),
    ];
    assert_eq!(run(FlowSettings::default(), &packets).len(), 5);
}

#[test]
fn late_packets_go_to_their_flow_and_durations_are_never_negative() {
    let s = SECOND;
    let packets = [(100 * s, udp(1, 5)), (90 * s, udp(1, 5)), (95 * s, udp(1, 5)), (101 * s, udp(1, 5))];
    let flows = run(FlowSettings::default(), &packets);
    assert_eq!((flows.len(), flows[0].late_packets, flows[0].duration_ns()), (1, 2, 11 * s));
    let mut table = table(FlowSettings::default());
    for time in [i64::MAX, 0, i64::MIN, 5, -7, i64::MAX, 12] {
        table.add(&udp(1, 5), time, |flow, ()| assert!(flow.duration_ns() >= 0));
    }
    assert!(table.stats().clock_set_back > 0);
}

#[test]
fn one_packet_from_the_future_does_not_stop_the_table() {
    let s = SECOND;
    let mut packets = vec![(0, udp(1, 5)), (1_000_000 * s, udp(2, 5))];
    packets.extend((1..400).map(|second| (second * s, udp(1, 5))));
    packets.extend((1..400).map(|second| (second * s, udp(3, 5))));
    packets.sort_by_key(|(time, packet)| (*time == 1_000_000 * s, *time, packet.source));
    let future = packets.pop().unwrap();
    packets.insert(20, future);
    let flows = run(FlowSettings::default(), &packets);
    // The clock ran ahead once: each flow is cut in two there, and the stranger ends in its time.
    assert_eq!(flows.len(), 5);
    assert!(
        flows.iter().any(|flow| flow.source == future.1.source && flow.flow_end_reason == EndReason::Idle)
    );
}

#[test]
fn packets_without_addresses_are_counted_by_their_reason() {
    let mut table = table(FlowSettings::default());
    let arp = Packet { network: Network::Arp, ..Packet::default() };
    let bad = Packet { reason: Some(Reason::NotIp), ..Packet::default() };
    let half = Packet { reason: Some(Reason::TransportTruncated), ..udp(1, 0) };
    assert_eq!(table.add(&arp, 0, |_, ()| {}), Placed::Arp);
    assert_eq!(table.add(&bad, 0, |_, ()| {}), Placed::SetAside(Reason::NotIp));
    assert_eq!(table.add(&half, 0, |_, ()| {}), Placed::InFlow { side: Side::Forward, is_first: true });
    let stats = table.stats();
    assert_eq!((stats.packets, stats.arp, stats.set_aside_total(), stats.packets_in_flows), (3, 1, 1, 1));
}

#[test]
fn later_fragments_join_the_flow_of_the_first() {
    let first = Packet { fragment: FragmentPart::First, identification: 4, ..udp(1, 5) };
    let later = Packet {
        fragment: FragmentPart::Later,
        identification: 4,
        source_port: 0,
        destination_port: 0,
        ..udp(1, 5)
    };
    assert_eq!(run(FlowSettings::default(), &[(0, first), (1, later)]).len(), 1);
    assert_eq!(run(FlowSettings::default(), &[(0, later), (1, first)]).len(), 2);
}

/// Counts its packets, as the flow does.
#[derive(Default)]
struct Counted(u64);

impl PerFlow for Counted {
    fn add(&mut self, flow: &Biflow, _: &Packet<'_>, _: Side, _: i64) {
        self.0 += 1;
        assert_eq!(self.0, flow.packets());
    }
}

#[test]
fn a_flood_stays_within_the_cap_and_every_packet_is_accounted_for() {
    let settings = FlowSettings { memory_bytes: 2 << 20, ..FlowSettings::default() };
    let mut table: FlowTable<Counted> = FlowTable::new(settings.clone(), &Limits::default());
    let (mut packets, mut flows) = (0, 0);
    let mut honest = Vec::new();
    let mut end = |flow: &Biflow, counted: &Counted| {
        assert_eq!(counted.0, flow.packets());
        packets += flow.packets();
        flows += 1;
        if flow.protocol_identifier == protocol::TCP {
            honest.push(flow.packets());
        }
    };
    for idx in 0..100_000_u32 {
        let time = i64::from(idx) * 1000;
        table.add(&udp(idx, 5), time, &mut end);
        if idx % 500 == 0 {
            table.add(&tcp(true, TCP_ACK), time, &mut end);
            table.add(&tcp(false, TCP_ACK), time, &mut end);
        }
        assert!(table.memory_bytes() <= settings.memory_bytes);
    }
    table.finish(&mut end);
    let stats = table.stats();
    assert_eq!((packets, flows), (100_400, stats.flows));
    // The connection that is answered stays whole while strangers come and go.
    assert_eq!(honest, [400]);
    assert!(stats.evicted() > 50_000 && stats.packets_evicted == stats.evicted(), "{stats:?}");
    assert!(stats.most_flows <= table.capacity() as u64);
}

#[test]
fn a_nearly_full_table_drops_unanswered_flows_sooner() {
    let settings = FlowSettings { memory_bytes: 1, ..FlowSettings::default() };
    let mut table = table(settings);
    let (mut idle, most) = (0, table.capacity() as u32);
    for idx in 0..most - 1 {
        table.add(&udp(idx, 5), 0, |_, ()| {});
    }
    table.add(&udp(most, 5), 6 * SECOND, |flow, ()| {
        idle += u32::from(flow.flow_end_reason == EndReason::Idle);
    });
    assert!(idle > 0 && idle < most / 4, "{idle}");
}

#[test]
fn two_tables_hash_with_different_keys() {
    let (one, other) = (table(FlowSettings::default()), table(FlowSettings::default()));
    let (key, _) = crate::key::Key::of(&udp(1, 5));
    assert_ne!(key.hash(&one.keys), key.hash(&other.keys));
    let (back, from_low) = crate::key::Key::of(&packet(9, 1, protocol::UDP, [53, 5], 0));
    assert_eq!((key.hash(&one.keys), from_low), (back.hash(&one.keys), false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_in_are_packets_out(
        steps in proptest::collection::vec((0_u32..40, 0_u16..4, -20_i64..200, 0_u16..64, any::<bool>()), 0..600),
        small in any::<bool>(),
    ) {
        let memory_bytes = if small { 1 } else { 1 << 20 };
        let mut time = 0;
        let packets: Vec<_> = steps.iter().map(|(source, port, after, flags, forward)| {
            time += after * SECOND / 4;
            let packet = if *forward {
                packet(*source, 9, protocol::TCP, [*port, 80], *flags)
            } else {
                packet(9, *source, protocol::TCP, [80, *port], *flags)
            };
            (time, packet)
        }).collect();
        // The counts are checked inside.
        run(FlowSettings { memory_bytes, ..FlowSettings::default() }, &packets);
    }
}
