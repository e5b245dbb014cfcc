use std::net::{IpAddr, Ipv4Addr};

use eddy_wire::{Embedded, TcpHeader};

use super::*;

const SECOND: i64 = 1_000_000_000;
const NOW: i64 = 1_700_000_000 * SECOND;

fn bits(host: u8) -> u128 {
    Ipv4Addr::new(10, 0, 0, host).to_ipv6_mapped().to_bits()
}

fn address(host: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, host).into()
}

fn adapter(host: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, host]
}

/// A packet between two hosts.
fn packet(from: u8, to: u8, protocol: u8) -> Packet<'static> {
    Packet {
        network: Network::Ipv4,
        source: bits(from),
        destination: bits(to),
        source_mac: adapter(from),
        destination_mac: adapter(to),
        protocol,
        wire_len: 60,
        ip_len: 46,
        ..Packet::default()
    }
}

fn segment(from: (u8, u16), to: (u8, u16), flags: u16) -> Packet<'static> {
    Packet {
        source_port: from.1,
        destination_port: to.1,
        tcp: TcpHeader { flags, header_len: 20, ..TcpHeader::default() },
        ..packet(from.0, to.0, protocol::TCP)
    }
}

/// A piece of datagram `number`: where it begins, how much it holds, and whether more follows.
fn piece(number: u32, offset: u16, length: u32, more_fragments: bool) -> Packet<'static> {
    let fragment = if offset == 0 { FragmentPart::First } else { FragmentPart::Later };
    // The head of a datagram takes eight bytes of the first.
    let payload_len = if offset == 0 { length - 8 } else { length };
    Packet {
        fragment,
        fragment_offset: offset,
        more_fragments,
        identification: number,
        payload_len,
        ..packet(66, 9, protocol::UDP)
    }
}

fn datagram(from: (u8, u16), to: (u8, u16), payload: &[u8]) -> Packet<'_> {
    Packet { source_port: from.1, destination_port: to.1, payload, ..packet(from.0, to.0, protocol::UDP) }
}

/// The signs of packets, a millisecond apart.
fn signs(packets: &[Packet<'_>]) -> Vec<PacketSign> {
    let mut book = SignBook::default();
    for (at, packet) in packets.iter().enumerate() {
        book.see(packet, NOW + at as i64 * SECOND / 1_000, &Limits::default());
    }
    book.finish();
    book.signs().to_vec()
}

fn kinds(packets: &[Packet<'_>]) -> Vec<(SignKind, u64)> {
    signs(packets).iter().map(|sign| (sign.kind, sign.packets)).collect()
}

#[test]
fn fragments_that_lie_over_one_another_are_told_once_a_packet_and_repeated_ones_are_not() {
    let teardrop = [piece(7, 0, 36, true), piece(7, 24, 4, false)];
    let found = signs(&teardrop);
    assert_eq!((found[0].kind, found[0].actor), (SignKind::Overlap, Some(address(66))));
    assert_eq!(found[0].targets, [address(9)]);
    let twice = [teardrop, teardrop.map(|one| Packet { identification: 8, ..one })].concat();
    assert_eq!(kinds(&twice), [(SignKind::Overlap, 2)]);
    let whole = [piece(7, 0, 1_480, true), piece(7, 1_480, 200, false)];
    assert_eq!(kinds(&[whole, whole].concat()), [], "a packet that was recorded twice");
    let late = [whole[1], whole[0]];
    assert_eq!(kinds(&late), [], "pieces in another order");
}

#[test]
fn a_piece_beyond_the_longest_packet_is_told_and_the_longest_packet_is_not() {
    assert_eq!(kinds(&[piece(7, 65_520, 1_480, false)]), [(SignKind::TooLong, 1)]);
    assert_eq!(kinds(&[piece(7, 64_120, 1_395, false)]), []);
}

#[test]
fn stated_lengths_of_gigabytes_are_added_up() {
    let huge = [piece(1, 0, 3_000_000_000, true), piece(1, 8, 3_000_000_000, true)];
    let long = (SignKind::TooLong, 2);
    assert_eq!(kinds(&huge), [long, (SignKind::Overlap, 1)]);
}

#[test]
fn heads_without_tails_and_tails_without_heads_are_told_together_only() {
    let head = |number: u32| piece(number, 0, 1_480, true);
    let tail = |number: u32| piece(number, 1_480, 1_400, false);
    let both: Vec<_> = (0..50).map(|at| if at % 2 == 0 { head(at) } else { tail(at) }).collect();
    let found = signs(&both);
    assert_eq!((found[0].kind, found[0].packets, found[0].different), (SignKind::Orphans, 50, 25));
    // Where the tails went another way, or were not recorded.
    assert_eq!(kinds(&(0..50).map(head).collect::<Vec<_>>()), []);
    assert_eq!(kinds(&(0..50).flat_map(|at| [head(at), tail(at)]).collect::<Vec<_>>()), []);
}

#[test]
fn a_host_that_seems_to_speak_to_itself_is_the_target_and_nobody_the_actor() {
    let found = signs(&[segment((9, 139), (9, 139), SYN)]);
    assert_eq!((found[0].kind, found[0].actor), (SignKind::SelfAddressed, None));
    assert_eq!(found[0].targets, [address(9)]);
    // Within a machine that is ordinary.
    let own = Packet { payload_len: 40, ..segment((9, 5_000), (9, 139), ACK) };
    assert_eq!(kinds(&[own]), []);
    let loopback = Ipv4Addr::LOCALHOST.to_ipv6_mapped().to_bits();
    let within = Packet { source: loopback, destination: loopback, ..segment((9, 139), (9, 139), SYN) };
    assert_eq!(kinds(&[within]), []);
}

#[test]
fn flags_that_no_connection_has_are_counted_by_port_and_flags() {
    let odd =
        [0, FIN, FIN | 8 | 32, SYN | FIN, SYN | RST, 8].map(|flags| segment((66, 5_000), (9, 80), flags));
    let found = signs(&odd);
    assert_eq!((found[0].kind, found[0].different), (SignKind::ImpossibleFlags, 6));
    let fine = [SYN, SYN | ACK, ACK, ACK | 8, FIN | ACK, RST, RST | ACK, SYN | 0xc0];
    assert_eq!(kinds(&fine.map(|flags| segment((66, 5_000), (9, 80), flags))), []);
}

#[test]
fn a_reset_is_refuted_by_what_its_sender_says_after_it() {
    let of = |flags: u16, sequence: u32, payload_len: u32| {
        let plain = segment((9, 80), (5, 5_000), flags);
        Packet { payload_len, tcp: TcpHeader { sequence, ..plain.tcp }, ..plain }
    };
    let found = signs(&[of(RST, 1_000, 0), of(ACK, 1_000, 400)]);
    assert_eq!((found[0].kind, found[0].actor, found[0].different), (SignKind::ResetByOther, None, 1));
    let fine: [&[Packet<'_>]; 4] = [
        &[of(RST, 1_000, 0)],
        // It was sent before the reset.
        &[of(RST, 1_000, 0), of(ACK, 600, 400)],
        // Another connection begins.
        &[of(RST, 1_000, 0), of(SYN | ACK, 9_000, 0), of(ACK, 9_001, 400)],
        &[of(RST, 1_000, 0), of(ACK, 1_000, 0)],
    ];
    for packets in fine {
        assert_eq!(kinds(packets), []);
    }
}

/// An answer that says which address a name has.
fn answer(name: &[u8], kind: u8) -> Vec<u8> {
    let mut out = vec![0, 7, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, name.len() as u8];
    out.extend(name);
    out.extend([0, 0, kind, 0, 1, 0, 0, 0, 30, 0, 4, 10, 0, 0, 66]);
    out
}

#[test]
fn names_that_one_host_answers_for_are_counted_but_not_those_of_a_server_of_names() {
    let names = [answer(b"files", 1), answer(b"WPAD", 1), answer(b"wpad", 28)];
    let spoken: Vec<_> = names.iter().map(|said| datagram((66, 5_355), (5, 50_000), said)).collect();
    let found = signs(&spoken);
    assert_eq!((found[0].kind, found[0].packets, found[0].different), (SignKind::NameAnswers, 3, 2));
    assert_eq!((found[0].actor, &found[0].targets[..]), (Some(address(66)), &[address(5)][..]));
    // Of NetBIOS one name has several kinds of services.
    let netbios = |name: u8, service: u8| [vec![name; 30], vec![b'A', service]].concat();
    let said = [netbios(b'C', b'A'), netbios(b'C', b'C'), netbios(b'D', b'A')].map(|name| answer(&name, 32));
    let spoken: Vec<_> = said.iter().map(|said| datagram((66, 137), (5, 137), said)).collect();
    assert_eq!(signs(&spoken)[0].different, 2);
    let mut question = said[0].clone();
    question[2] = 0;
    let asked = datagram((5, 137), (66, 137), &question);
    assert_eq!(kinds(&[&[asked][..], &spoken].concat()), [], "who is asked alone serves names");
}

/// What a server of leases says: an offer, with itself and a router.
fn offer(transaction: u8, server: u8, router: u8) -> Vec<u8> {
    let mut out = vec![2, 1, 6, 0, 0, 0, 0, transaction];
    out.resize(236, 0);
    out.extend([99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 0, 0, server, 3, 4, 10, 0, 0, router, 255]);
    out
}

#[test]
fn a_second_server_of_leases_with_another_router_is_told_whoever_answers_first() {
    let said = |said: &[(u8, u8, u8)]| -> Vec<(SignKind, Option<IpAddr>)> {
        let bytes: Vec<_> = said.iter().map(|&(of, server, router)| offer(of, server, router)).collect();
        let packets: Vec<_> = bytes
            .iter()
            .zip(said)
            .map(|(bytes, &(_, server, _))| Packet {
                destination: u128::from(u32::MAX) | 0xffff_0000_0000,
                ..datagram((server, 67), (9, 68), bytes)
            })
            .collect();
        signs(&packets).iter().map(|sign| (sign.kind, sign.actor)).collect()
    };
    let told = [(SignKind::Lease, Some(address(66)))];
    assert_eq!(said(&[(1, 1, 1), (2, 1, 1), (2, 66, 66)]), told);
    assert_eq!(said(&[(1, 1, 1), (2, 66, 66), (2, 1, 1)]), told);
    // Two servers of one network name the same router.
    assert_eq!(said(&[(1, 1, 1), (2, 2, 1), (2, 1, 1)]), []);
    assert_eq!(said(&[(1, 1, 1), (2, 66, 66)]), [], "they answer nobody twice");
}

#[test]
fn adapters_of_one_packet_each_are_told_and_those_of_a_large_network_are_not() {
    let from = |at: u16, host: u8| {
        let [high, low] = at.to_be_bytes();
        Packet { source_mac: [2, 9, 9, 9, high, low], ..segment((host, 5_000), (9, 80), SYN) }
    };
    let made_up: Vec<_> = (0..200).map(|at| from(at, (at % 200) as u8)).collect();
    let found = signs(&made_up);
    assert_eq!((found[0].kind, found[0].different, found[0].actor), (SignKind::Adapters, 200, None));
    let twice: Vec<_> = (0..200).flat_map(|at| [from(at, 5), from(at, 5)]).collect();
    assert_eq!(kinds(&twice), []);
    let to_all: Vec<_> = (0..200).map(|at| Packet { destination_mac: [0xff; 6], ..from(at, 5) }).collect();
    assert_eq!(kinds(&to_all), []);
}

#[test]
fn messages_that_ask_oddly_or_lead_astray_are_told_and_echo_requests_are_not() {
    let message =
        |kind: u8, code: u8| Packet { icmp_type: kind, icmp_code: code, ..packet(66, 9, protocol::ICMP) };
    assert_eq!(signs(&[message(8, 9)])[0].different, 2);
    assert_eq!(signs(&[message(13, 0), message(17, 0), message(13, 0)])[0].different, 2);
    assert_eq!(kinds(&[message(8, 0), message(0, 0), message(3, 3), message(11, 0)]), []);
    let redirect = Packet {
        icmp_rest: [10, 0, 0, 66],
        embedded: Some(Embedded { destination: bits(200), ..Embedded::default() }),
        ..Packet { source: bits(1), ..message(5, 1) }
    };
    let found = signs(&[redirect]);
    assert_eq!((found[0].kind, found[0].actor), (SignKind::Redirect, Some(address(66))));
    let to_all = Packet { destination: bits(255), ..message(8, 0) };
    let found = signs(&[to_all]);
    assert_eq!((found[0].kind, &found[0].targets[..]), (SignKind::ToAll, &[address(66)][..]));
}

#[test]
fn what_is_remembered_has_a_most() {
    let mut book = SignBook::default();
    for at in 0..20_000u32 {
        let flags = segment((66, 5_000), (9, 80), 0);
        let source = u128::from(at) << 8 | 0xffff_0000_0000;
        let broken = Packet { source, ..piece(at, 8 * (at % 7) as u16, 600, true) };
        book.see(&Packet { source, ..flags }, NOW, &Limits::default());
        book.see(&Packet { destination: source, ..broken }, NOW, &Limits::default());
    }
    book.finish();
    assert!(book.signs().len() <= MOST_SIGNS);
}
