use super::*;
use crate::ConnectionState;
use crate::watch::tests::{address, flow, watched};

fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
    watched::<Flood>(flows)
}

fn syn(at: u32, source: u8) -> Flow<'static> {
    Flow {
        state: ConnectionState::Unanswered,
        packets: 1,
        octets: 60,
        reverse_packets: 0,
        reverse_octets: 0,
        source_port: (at % 60_000) as u16,
        ..flow(f64::from(at) * 0.01, source, 9, 80)
    }
}

#[test]
fn half_open_connections_from_a_crowd_are_a_flood_without_a_named_actor() {
    let found = run((0..2_000).map(|at| syn(at, (at * 37 % 251) as u8)));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].kind, found[0].actor), ("SYN flood", None));
    assert_eq!((found[0].targets.as_slice(), found[0].port), (&[address(9)][..], Some(80)));
    let from_one = run((0..2_000).map(|at| syn(at, 7)));
    assert_eq!(from_one[0].actor, Some(address(7)));
}

#[test]
fn half_open_connections_that_the_target_still_answers_are_a_flood_as_well() {
    let answered = |at: u32| Flow {
        flags: Some(0x02),
        state: ConnectionState::Established,
        reverse_packets: 1,
        reverse_octets: 44,
        ..syn(at, (at * 37 % 251) as u8)
    };
    let found = run((0..400).map(answered));
    assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["SYN flood"]);
}

#[test]
fn bare_answers_to_connections_that_nobody_asked_for_are_a_reflection() {
    let answer = |at: u32, octets: u64| Flow {
        packets: 0,
        octets: 0,
        reverse_packets: 1,
        reverse_octets: octets,
        flags: Some(0),
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.01, 9, (at % 200) as u8 + 10, 80)
    };
    let found = run((0..400).map(|at| answer(at, 44)));
    assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("reflection flood", None)]);
    assert_eq!(found[0].targets, [address(9)]);
    // Connections of which one direction was recorded carry data.
    assert!(run((0..400).map(|at| answer(at, 900))).is_empty());
}

#[test]
fn large_answers_that_nobody_asked_for_are_a_reflection() {
    let answer = |at: u32| Flow {
        protocol: Flow::UDP,
        source_port: 123,
        packets: 10,
        octets: 4_680,
        reverse_packets: 0,
        reverse_octets: 0,
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.1, (at % 200) as u8 + 10, 9, 5_000)
    };
    let found = run((0..50).map(answer));
    assert_eq!(found.iter().map(|s| s.kind).collect::<Vec<_>>(), ["reflection flood"]);
}

#[test]
fn connections_that_one_host_holds_open_are_a_flood_and_those_of_many_are_not() {
    let held = |at: u32, source: u8| Flow {
        flags: Some(0x1a),
        reverse_flags: Some(0x12),
        octets: 300,
        reverse_octets: 160,
        source_port: 30_000 + at as u16,
        ..flow(f64::from(at) * 0.02, source, 9, 80)
    };
    let found = run((0..300).map(|at| held(at, 66)));
    assert_eq!(
        found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
        [("connections held open", Some(address(66)))]
    );
    assert!(run((0..300).map(|at| held(at, (at % 200) as u8 + 10))).is_empty());
    assert!(run((0..300).map(|at| Flow { flags: Some(0x1b), ..held(at, 66) })).is_empty());
}

#[test]
fn datagrams_with_much_in_them_to_all_ports_are_a_flood_and_empty_ones_are_not() {
    let sent = |at: u32, octets: u64| Flow {
        protocol: Flow::UDP,
        packets: 1,
        octets,
        reverse_packets: 0,
        reverse_octets: 0,
        ..flow(f64::from(at) * 0.002, 66, 9, (at % 60_000) as u16 + 1)
    };
    assert_eq!(run((0..4_000).map(|at| sent(at, 540)))[0].kind, "UDP flood");
    assert!(run((0..4_000).map(|at| sent(at, 40))).is_empty());
}

#[test]
fn a_swarm_from_outside_that_asks_for_the_same_again_and_again_is_a_flood() {
    let visit = |at: u32| Flow {
        source: IpAddr::from([203, 0, 113, (at % 100) as u8]),
        ..flow(f64::from(at) * 0.005, 0, 9, 80)
    };
    let found = run((0..4_000).map(visit));
    assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("connection flood", None)]);
    let read = |at: u32| Flow { reverse_octets: 500 + u64::from(at * 7_919 % 30_000), ..visit(at) };
    assert!(run((0..4_000).map(read)).is_empty());
}

#[test]
fn visitors_and_downloads_are_no_flood() {
    assert!(run((0..5_000).map(|at| flow(f64::from(at) * 0.01, (at % 250) as u8, 9, 443))).is_empty());
    let download = Flow {
        packets: 40_000,
        octets: 1_700_000,
        reverse_packets: 80_000,
        reverse_octets: 110_000_000,
        ..flow(0.0, 1, 9, 443)
    };
    assert!(run([download]).is_empty());
    let one_way = |seconds: i64, packets: u64| Flow {
        protocol: Flow::UDP,
        packets,
        duration_ns: seconds * 1_000_000_000,
        reverse_packets: 0,
        reverse_octets: 0,
        ..flow(0.0, 1, 9, 5_004)
    };
    assert!(run([one_way(1_800, 600_000)]).is_empty());
    // Clips of several cameras at once.
    assert!(run((0..40).map(|_| one_way(14, 2_660))).is_empty());
    assert_eq!(run([one_way(4, 12_000)]).len(), 1);
    assert_eq!(run([one_way(600, 6_000_000)]).len(), 1);
    let question = |at: u32| Flow {
        protocol: Flow::UDP,
        packets: 1,
        octets: 70,
        reverse_packets: 1,
        reverse_octets: 300,
        ..flow(f64::from(at) * 0.5, 3, 8, 53)
    };
    assert!(run((0..500).map(question)).is_empty());
}

#[test]
fn echo_requests_segments_outside_of_connections_and_empty_connections_are_floods_as_well() {
    let kinds = |flows: Vec<Flow<'static>>| run(flows).iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>();
    let ping = |at: u32| Flow {
        protocol: Flow::ICMP,
        packets: 1,
        reverse_packets: 1,
        octets: 84,
        reverse_octets: 84,
        ..flow(f64::from(at) * 0.002, 7, 9, 0)
    };
    assert_eq!(kinds((0..3_000).map(ping).collect()), [("ICMP flood", Some(address(7)))]);
    let acknowledgement = |at: u32| Flow {
        flags: Some(0x10),
        packets: 1,
        octets: 40,
        reverse_packets: 1,
        reverse_octets: 40,
        ..flow(f64::from(at) * 0.002, (at * 37 % 251) as u8, 9, 80)
    };
    assert_eq!(kinds((0..3_000).map(acknowledgement).collect()), [("TCP flood", None)]);
    let thrown_away = |at: u32| Flow {
        flags: Some(0x16),
        packets: 2,
        octets: 80,
        reverse_packets: 1,
        reverse_octets: 44,
        ..syn(at, (at * 37 % 251) as u8)
    };
    assert_eq!(kinds((0..400).map(thrown_away).collect()), [("SYN flood", None)]);
    let page = |at: u32| flow(f64::from(at) * 0.005, 7, 9, 80);
    assert_eq!(kinds((0..3_000).map(page).collect()), [("connection flood", Some(address(7)))]);
}

#[test]
fn what_a_target_always_got_is_no_flood() {
    // A collector that gets much and answers nothing, from the beginning below the least and later above.
    let rate = |window: u32| if window < 60 { 900 } else { 1_800 };
    let flows = (0..120u32).map(|window| Flow {
        protocol: Flow::UDP,
        packets: rate(window),
        octets: 100 * rate(window),
        duration_ns: 500_000_000,
        reverse_packets: 0,
        reverse_octets: 0,
        ..flow(f64::from(window) * 10.0, 1, 9, 514)
    });
    assert!(run(flows).is_empty());
}

#[test]
fn even_packets_faster_than_sound_are_a_flood_and_full_or_uneven_ones_may_be_pictures() {
    let sent = |bytes: u64, more: u64| Flow {
        protocol: Flow::UDP,
        packets: 12_000,
        octets: 12_000 * bytes + more,
        reverse_packets: 0,
        reverse_octets: 0,
        duration_ns: 30_000_000_000,
        ..flow(0.0, 66, 9, 9_000)
    };
    assert_eq!(run([sent(540, 0)]).iter().map(|s| s.kind).collect::<Vec<_>>(), ["UDP flood"]);
    assert!(run([sent(540, 77)]).is_empty());
    assert!(run([sent(1_344, 0)]).is_empty());
}

#[test]
fn questions_within_a_few_connections_are_a_flood_from_a_rate_on_that_no_reader_has() {
    let asked = |at: u32, packets: u64, port: u16| Flow {
        packets,
        octets: packets * 130,
        reverse_packets: packets,
        reverse_octets: packets * 220,
        duration_ns: 30_000_000_000,
        ..flow(f64::from(at) * 0.01, 66, 9, port)
    };
    let found = run((0..10).map(|at| asked(at, 2_000, 80)));
    assert_eq!(
        found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
        [("flood of questions", Some(address(66)))]
    );
    assert!(run((0..10).map(|at| asked(at, 300, 80))).is_empty());
    assert!(run((0..10).map(|at| asked(at, 2_000, 5_432))).is_empty());
}

#[test]
fn full_packets_of_questions_are_a_flood_where_each_connection_is_answered_in_small_ones() {
    let sent = |at: u32, reverse_packets: u64, bytes: u64| Flow {
        packets: 2_400,
        octets: 2_400 * 1_400,
        reverse_packets,
        reverse_octets: reverse_packets * bytes,
        duration_ns: 30_000_000_000,
        ..flow(f64::from(at) * 0.1, 66, 9, 443)
    };
    let told = |flows: Vec<Flow<'static>>| run(flows).iter().map(|s| s.kind).collect::<Vec<_>>();
    assert_eq!(told((0..6).map(|at| sent(at, 1_400, 100)).collect()), ["flood of questions"]);
    // An upload is acknowledged by bare packets; a tunnel is one connection; a page is answered by full packets.
    assert!(told((0..6).map(|at| sent(at, 1_400, 60)).collect()).is_empty());
    assert!(told((0..6).map(|at| sent(at, 1_400, 1_200)).collect()).is_empty());
    assert!(told((0..6).map(|at| sent(at, 300, 100)).collect()).is_empty(), "an answer now and then");
    let tunnel = Flow { packets: 60_000, octets: 60_000 * 1_400, ..sent(0, 30_000, 100) };
    assert!(told(vec![tunnel]).is_empty());
}

#[test]
fn a_network_of_which_each_host_gets_little_is_flooded_by_many_and_tried_by_one() {
    let part = |at: u32, source: u8| Flow {
        destination: IpAddr::from([198, 51, 100, (at * 89 % 250) as u8]),
        ..Flow { start_ns: flow(f64::from(at) * 0.002, 1, 2, 80).start_ns, ..syn(at, source) }
    };
    let found = run((0..8_000).map(|at| part(at, (at * 37 % 251) as u8)));
    assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("SYN flood", None)]);
    assert!(found[0].n_targets > 150, "{}", found[0].n_targets);
    assert!(run((0..8_000).map(|at| part(at, 7))).is_empty());
}

#[test]
fn names_that_are_not_there_and_leases_for_everybody_are_floods() {
    let question = |at: u32, code: u8| Flow {
        protocol: Flow::UDP,
        dns_code: Some(code),
        ..flow(f64::from(at) * 0.005, (at % 40) as u8, 9, 53)
    };
    let kinds = |found: Vec<Sighting>| found.iter().map(|one| one.kind).collect::<Vec<_>>();
    assert_eq!(kinds(run((0..4_000).map(|at| question(at, 3)))), ["flood of questions for names"]);
    assert!(run((0..4_000).map(|at| question(at, if at % 2 == 0 { 3 } else { 0 }))).is_empty());
    let leases = |packets: u64| Flow {
        protocol: Flow::UDP,
        source: IpAddr::from([0, 0, 0, 0]),
        destination: IpAddr::from([255; 4]),
        packets,
        reverse_packets: 0,
        duration_ns: 30_000_000_000,
        ..flow(0.0, 1, 2, 67)
    };
    let found = run([leases(1_800)]);
    assert_eq!((found[0].kind, found[0].actor), ("flood of questions for leases", None));
    assert!(run([leases(60)]).is_empty());
}

#[test]
fn answers_alone_tell_who_is_flooded() {
    // A server answers connections that nobody takes up, to senders that never asked.
    let answered = |at: u32| Flow {
        source: IpAddr::from([203, 0, (at % 251) as u8, (at * 37 % 250) as u8]),
        packets: 0,
        octets: 0,
        reverse_octets: 44,
        reverse_packets: 1,
        flags: Some(0),
        reverse_flags: Some(0x12),
        state: ConnectionState::Unknown,
        ..flow(f64::from(at) * 0.01, 0, 9, 80)
    };
    let found = run((0..1_000).map(answered));
    assert_eq!(found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(), [("SYN flood", None)]);
    assert_eq!(found[0].targets, [address(9)]);
    // It refuses segments that belong to no connection.
    let refused = |at: u32| Flow {
        source_port: 80,
        packets: 1,
        octets: 40,
        reverse_packets: 0,
        reverse_octets: 0,
        flags: Some(0x04),
        state: ConnectionState::Unanswered,
        ..flow(f64::from(at) * 0.002, 9, 66, 1_024 + (at % 60_000) as u16)
    };
    let found = run((0..4_000).map(refused));
    assert_eq!((found[0].kind, found[0].actor), ("TCP flood", Some(address(66))));
    assert_eq!((found[0].targets.as_slice(), found[0].port), (&[address(9)][..], Some(80)));
}
