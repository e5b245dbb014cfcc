use super::*;
use crate::ConnectionState;
use crate::watch::tests::{address, flow, watched};

fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
    watched::<Scan>(flows)
}

#[test]
fn many_ports_of_one_host_are_a_vertical_scan_and_many_hosts_a_horizontal_one() {
    let failed = |at: u16| Flow { state: ConnectionState::Rejected, ..flow(f64::from(at) * 0.1, 1, 2, at) };
    let found = run((1..200).map(failed));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].actor), ("vertical scan", Some(address(1))));
    assert_eq!(found[0].targets, [address(2)]);
    assert!(found[0].detected_ns <= found[0].first_ns + 2_000_000_000, "{:?}", found[0]);

    let sweep = |at: u8| Flow { state: ConnectionState::Unanswered, ..flow(f64::from(at), 1, at, 445) };
    let found = run((10..60).map(sweep));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].port), ("horizontal scan", Some(445)));
    assert!(found[0].n_targets.abs_diff(50) <= 6);
}

#[test]
fn a_scan_of_two_an_hour_is_seen_within_the_day() {
    let slow = |at: u16| Flow { state: ConnectionState::Unanswered, ..flow(f64::from(at) * 600.0, 1, 2, at) };
    let found = run((1..140).map(slow));
    assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["slow vertical scan"]);
}

#[test]
fn flags_tell_stealth_scans_apart() {
    let fin = |at: u16| Flow {
        flags: Some(0x01),
        packets: 1,
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.1, 1, 2, at)
    };
    assert_eq!(run((1..60).map(fin))[0].kind, "FIN scan");
    let ack = |at: u16, target: u8| Flow {
        flags: Some(0x10),
        octets: 40,
        reverse_octets: 40,
        reverse_packets: 1,
        ..Flow { destination: address(target), ..fin(at) }
    };
    assert_eq!(run((1..60).map(|at| ack(at, 2)))[0].kind, "ACK scan");
    // What is left of connections that began before the record did.
    assert!(
        run((1..60).map(|at| Flow {
            destination_port: 443,
            source_port: 40_000 + at,
            ..ack(at, at as u8 + 3)
        }))
        .is_empty()
    );
}

#[test]
fn a_scan_is_told_of_its_answers_alone() {
    let refusal = |at: u16| Flow {
        source_port: at,
        packets: 1,
        octets: 40,
        reverse_packets: 0,
        reverse_octets: 0,
        flags: Some(0x14),
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.1, 2, 1, 50_000)
    };
    let found = run((1..100).map(refusal));
    assert_eq!(
        found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
        [("vertical scan", Some(address(1)))]
    );
    assert_eq!(found[0].targets, [address(2)]);
    // A client that drops its connections to a server, which began before the record did.
    let hangs_up = |at: u16| Flow { source_port: 49_800 + at, destination_port: 443, ..refusal(at) };
    assert!(run((1..100).map(hangs_up)).is_empty());
}

#[test]
fn acknowledgements_to_many_hosts_that_know_of_no_connection_are_a_scan() {
    let probe = |at: u16| Flow {
        destination: address((at % 250) as u8),
        flags: Some(0x10),
        reverse_flags: Some(0x04),
        packets: 1,
        octets: 40,
        reverse_packets: 1,
        reverse_octets: 40,
        source_port: 40_000 + at,
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.1, 1, 2, 80)
    };
    assert_eq!(run((0..100).map(probe))[0].kind, "ACK scan");
    // Left of connections that began before the record: acknowledged in turn, or not at all.
    let left = |at: u16| Flow { reverse_flags: Some(0x10), ..probe(at) };
    assert!(run((0..100).map(left)).is_empty());
}

#[test]
fn a_thrown_away_association_is_a_try_in_vain() {
    let association = |at: u16| Flow {
        protocol: SCTP,
        packets: 1,
        octets: 52,
        reverse_packets: 1,
        reverse_octets: 36,
        ..flow(f64::from(at) * 0.1, 1, 2, at)
    };
    assert_eq!(run((1..100).map(association)).len(), 1);
    assert!(
        run((1..100).map(|at| Flow { packets: 3, octets: 700, reverse_packets: 3, ..association(at) }))
            .is_empty()
    );
}

#[test]
fn who_asks_for_the_adapters_of_a_whole_network_is_told() {
    let claim = |asked: u64| ArpClaim {
        address: address(66),
        mac: [2, 0, 0, 0, 0, 66],
        first_ns: 0,
        last_ns: 1,
        asks: asked,
        answers: 0,
        unasked: 0,
        announcements: 0,
        asked,
        told: Vec::new(),
    };
    let (mut scan, mut out) = (Scan::default(), Vec::new());
    scan.see_claim(&claim(20), &mut out);
    assert!(out.is_empty());
    scan.see_claim(&claim(200), &mut out);
    assert_eq!((out[0].kind, out[0].actor, out[0].n_targets), ("ARP sweep", Some(address(66)), 200));
}

#[test]
fn reading_the_web_does_not_hide_a_slow_scan_inside() {
    let outside = |at: u32| Flow {
        destination: IpAddr::from([203, 0, 113, (at % 250) as u8]),
        ..flow(f64::from(at) * 20.0, 1, 2, 443)
    };
    let mut flows: Vec<_> = (0..1_000).map(outside).collect();
    flows.extend(
        (0..120u8)
            .map(|at| Flow { state: ConnectionState::Unanswered, ..flow(f64::from(at) * 60.0, 1, at, 445) }),
    );
    flows.sort_by_key(|flow| flow.start_ns);
    let found = run(flows);
    assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["slow horizontal scan"]);
    assert!(found[0].flows <= 140, "only tries in vain belong to it: {}", found[0].flows);
}

#[test]
fn a_round_that_is_made_again_and_again_is_told_once() {
    let round = |at: u32| Flow {
        state: ConnectionState::Unanswered,
        ..flow(f64::from(at / 40) * 7_200.0 + f64::from(at % 40), 1, (at % 40) as u8 + 2, 9_100)
    };
    let found = run((0..400).map(round));
    assert_eq!(found.iter().map(|s| s.severity).collect::<Vec<_>>(), [Severity::Low]);
    assert_eq!(run((0..40).map(round))[0].severity, Severity::High);
}

#[test]
fn answers_to_a_question_to_all_are_no_tries() {
    let answer = |at: u16| Flow {
        protocol: Flow::UDP,
        source_port: 1_900,
        reverse_packets: 0,
        reverse_octets: 0,
        state: ConnectionState::Unanswered,
        ..flow(f64::from(at) * 30.0, 1, 2, 40_000 + at)
    };
    assert!(run((0..500).map(answer)).is_empty());
}

#[test]
fn ordinary_talk_is_no_scan() {
    // Many servers that answer; one server in vain again and again; one port each at many peers in vain.
    let busy = |at: u16| flow(f64::from(at) * 0.5, 1, (at % 200) as u8, 443);
    assert!(run((0..500).map(busy)).is_empty());
    let stubborn = |at: u16| Flow { state: ConnectionState::Rejected, ..flow(f64::from(at), 1, 2, 25) };
    assert!(run((0..500).map(stubborn)).is_empty());
    let peers = |at: u16| Flow {
        state: ConnectionState::Unanswered,
        ..flow(f64::from(at), 1, (at % 250) as u8, 20_000 + at)
    };
    assert!(run((0..50).map(peers)).is_empty());
}

#[test]
fn many_hosts_that_together_try_the_ports_of_one_are_a_crowd_and_forged_senders_are_not() {
    let tried = |at: u16, hosts: u16| Flow {
        source: IpAddr::from([203, 0, (at % hosts / 250) as u8, (at % hosts % 250) as u8]),
        state: ConnectionState::Rejected,
        ..flow(f64::from(at) * 0.05, 1, 2, (u32::from(at) * 389 % 1_021) as u16 + 1)
    };
    let found = run((0..400).map(|at| tried(at, 60)));
    assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("scan by many hosts", None)]);
    assert_eq!(found[0].targets, [address(2)]);
    assert!(run((0..400).map(|at| tried(at, 400))).is_empty());
}
