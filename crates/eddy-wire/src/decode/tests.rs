use std::net::IpAddr;

use super::decode;
use crate::packet::protocol::{GRE, ICMP, IPV4, IPV6, SCTP, TCP, UDP};
use crate::packet::{FragmentPart, Network, Packet, Reason, TCP_ACK, TCP_SYN, TunnelKind};
use crate::{FragmentTable, Limits, LinkType, Tunnels};

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    [&addresses[..], &kind.to_be_bytes(), payload].concat()
}

fn ipv4_with(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len() as u16).to_be_bytes();
    let fragment = fragment.to_be_bytes();
    let header = [
        0x45,
        0,
        len[0],
        len[1],
        0,
        7,
        fragment[0],
        fragment[1],
        64,
        protocol,
        0,
        0,
        10,
        0,
        0,
        1,
        10,
        0,
        0,
        2,
    ];
    [&header[..], payload].concat()
}

fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(protocol, 0, payload)
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let len = (payload.len() as u16).to_be_bytes();
    let mut header = vec![0x60, 0, 0, 0, len[0], len[1], next, 64];
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    header.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    [&header[..], payload].concat()
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let len = 8 + payload.len() as u16;
    let words = [source, destination, len, 0];
    [&words.map(u16::to_be_bytes).concat()[..], payload].concat()
}

fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let offset = ((20 + options.len()) as u8 / 4) << 4;
    let mut header = vec![0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, offset, flags, 0x10, 0, 0, 0, 0, 0];
    header.extend(options);
    [&header[..], payload].concat()
}

fn read_as(link: LinkType, bytes: &[u8]) -> Packet<'_> {
    decode(link, bytes, bytes.len() as u32, &Limits::default())
}

/// Network, protocol, ports and payload of a frame that is read without a reason.
fn check(link: LinkType, bytes: &[u8], expect: (Network, u8, u16, u16, &[u8])) {
    let packet = read_as(link, bytes);
    assert_eq!(packet.reason, None);
    let found =
        (packet.network, packet.protocol, packet.source_port, packet.destination_port, packet.payload);
    assert_eq!(found, expect);
}

fn check_reason(link: LinkType, bytes: &[u8], network: Network, reason: Reason) {
    let packet = read_as(link, bytes);
    assert_eq!((packet.network, packet.reason), (network, Some(reason)));
}

const DNS: (Network, u8, u16, u16, &[u8]) = (Network::Ipv4, UDP, 4000, 53, b"abc");

fn query() -> Vec<u8> {
    ipv4(UDP, &udp(4000, 53, b"abc"))
}

#[test]
fn a_tcp_segment_is_read_with_its_flags_and_options() {
    let options = [2, 4, 0x05, 0xb4, 1, 3, 3, 7];
    let frame = ethernet(0x0800, &ipv4(TCP, &tcp(0x12, &options, b"hello")));
    let packet = read_as(LinkType::ETHERNET, &frame);
    assert_eq!(packet.reason, None);
    assert_eq!((packet.source_port, packet.destination_port, packet.ttl), (40000, 80, 64));
    assert_eq!(packet.tcp.flags, TCP_SYN | TCP_ACK);
    assert_eq!((packet.tcp.sequence, packet.tcp.acknowledgement, packet.tcp.window), (1, 2, 4096));
    assert_eq!((packet.tcp.mss, packet.tcp.window_scale, packet.tcp.header_len), (1460, 8, 28));
    assert_eq!((packet.payload, packet.payload_len, packet.ip_len), (&b"hello"[..], 5, 53));
    assert_eq!(packet.source_mac, [2, 0, 0, 0, 0, 1]);
    assert_eq!(packet.source_address(), Some(IpAddr::from([10, 0, 0, 1])));
    assert_eq!(packet.destination_address(), Some(IpAddr::from([10, 0, 0, 2])));
}

#[test]
fn padding_of_short_frames_is_no_payload_and_cut_frames_tell_so() {
    let mut frame = ethernet(0x0800, &query());
    let cut = frame[..frame.len() - 2].to_vec();
    frame.extend([0; 18]);
    check(LinkType::ETHERNET, &frame, DNS);
    let packet = decode(LinkType::ETHERNET, &cut, 64, &Limits::default());
    assert_eq!((packet.payload, packet.payload_len, packet.is_cut()), (&b"a"[..], 3, true));
}

#[test]
fn every_link_type_leads_to_the_same_packet() {
    let q = query();
    let with = |before: &[u8]| [before, &q[..]].concat();
    let snap = |before: &[u8]| [before, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &q].concat();
    let mut sll = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    sll.extend(&q);
    let mut sll2 = vec![8, 0];
    sll2.extend([0; 18]);
    sll2.extend(&q);
    let mut ipnet = vec![0; 24];
    ipnet[1] = 2;
    ipnet.extend(&q);
    let mut pflog = vec![61, 2];
    pflog.resize(64, 0);
    pflog.extend(&q);
    let nflog = [&[2, 0, 0, 0, 5, 0, 8, 0, 1, 0, 0, 0][..], &[4, 0, 9, 0], &q].concat();
    let mut dsa = vec![0; 12];
    dsa.extend([0x40, 0, 0, 0, 8, 0]);
    dsa.extend(&q);
    let mut pktap = vec![20, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0];
    pktap.resize(20, 0);
    pktap.extend(&q);
    let mut fddi = vec![0; 13];
    fddi.extend(snap(&[]));
    let mut ring = vec![0; 14];
    ring.extend(snap(&[]));
    let mut wire = vec![0; 16];
    wire.extend([8, 0]);
    wire.extend(&q);
    for (link, bytes) in [
        (LinkType::RAW, q.clone()),
        (LinkType(12), q.clone()),
        (LinkType(14), q.clone()),
        (LinkType::IPV4, q.clone()),
        (LinkType::NULL, with(&[2, 0, 0, 0])),
        (LinkType::NULL, with(&[0, 0, 0, 2])),
        (LinkType::LOOP, with(&[0, 0, 0, 2])),
        (LinkType::SLIP, with(&[0; 16])),
        (LinkType::LINUX_SLL, sll),
        (LinkType::LINUX_SLL2, sll2),
        (LinkType::PPP, with(&[0xff, 3, 0, 0x21])),
        (LinkType::PPP, with(&[0x21])),
        (LinkType::PPP_WITH_DIRECTION, with(&[1, 0xff, 3, 0, 0x21])),
        (LinkType::PPP_HDLC, with(&[0xff, 3, 0, 0x21])),
        (LinkType::PPP_HDLC, with(&[0x0f, 0, 8, 0])),
        (LinkType::PPP_ETHER, with(&[0x11, 0, 0, 9, 0, 60, 0, 0x21])),
        (LinkType::CISCO_HDLC, with(&[0x8f, 0, 8, 0])),
        (LinkType::FRAME_RELAY, with(&[0x18, 0x41, 3, 0xcc])),
        (LinkType::FRAME_RELAY, with(&[0x18, 0x41, 8, 0])),
        (LinkType::FRAME_RELAY, with(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0])),
        (LinkType::ATM_RFC1483, snap(&[])),
        (LinkType::FDDI, fddi),
        (LinkType::TOKEN_RING, ring),
        (LinkType::FIREWIRE, wire),
        (LinkType::IPNET, ipnet),
        (LinkType::PFLOG, pflog),
        (LinkType::NFLOG, nflog),
        (LinkType::DSA, dsa),
        (LinkType::BRCM_PREPEND, [&[0; 4][..], &ethernet(0x0800, &q)].concat()),
        (LinkType::PPI, with(&[0, 0, 8, 0, 12, 0, 0, 0])),
        (LinkType::PKTAP, pktap),
        (LinkType::ETHERNET, ethernet(100, &snap(&[]))),
        (LinkType::ETHERNET, ethernet(0x8100, &with(&[0, 5, 8, 0]))),
        (LinkType::ETHERNET, ethernet(0x88a8, &with(&[0, 5, 0x81, 0, 0, 6, 8, 0]))),
        (LinkType::ETHERNET, ethernet(0x8847, &with(&[0, 1, 0, 64, 0, 2, 1, 64]))),
        (LinkType::ETHERNET, ethernet(0x8864, &with(&[0x11, 0, 0, 9, 0, 60, 0, 0x21]))),
        (LinkType::ETHERNET, ethernet(0x894f, &with(&[0x0f, 0xc2, 1, 1, 0, 0, 1, 255]))),
        (LinkType::ETHERNET, ethernet(0x88e7, &[&[0; 4][..], &ethernet(0x0800, &q)].concat())),
    ] {
        check(link, &bytes, DNS);
    }
}

#[test]
fn wireless_data_frames_are_read_and_others_named() {
    let q = query();
    let addresses = [&[0, 0][..], &[1; 6], &[2; 6], &[3; 6], &[0, 0]].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &q].concat();
    let plain = [&[0x08, 0x01][..], &addresses, &snap].concat();
    let quality = [&[0x88, 0x02][..], &addresses, &[0, 0], &snap].concat();
    let padded = [&[0x88, 0x02][..], &addresses, &[0, 0, 0, 0], &snap].concat();
    let tap = [&[0, 0, 17, 0, 3, 0, 0, 0][..], &[9; 8], &[0x20], &padded].concat();
    let prism = [&[0x44, 0, 0, 0, 16, 0, 0, 0][..], &[0; 8], &plain].concat();
    check(LinkType::WLAN, &plain, DNS);
    check(LinkType::WLAN, &quality, DNS);
    check(LinkType::RADIOTAP, &tap, DNS);
    check(LinkType::PRISM, &prism, DNS);
    assert_eq!(read_as(LinkType::WLAN, &plain).destination_mac, [3; 6]);
    assert_eq!(read_as(LinkType::WLAN, &quality).source_mac, [3; 6]);
    let secret = [&[0x08, 0x41][..], &addresses, &snap].concat();
    check_reason(LinkType::WLAN, &secret, Network::None, Reason::Encrypted);
    check_reason(LinkType::WLAN, &[0x80, 0, 0], Network::None, Reason::NotIp);
}

#[test]
fn tags_labels_and_sessions_are_kept() {
    let frame = ethernet(0x88a8, &[&[0, 5, 0x81, 0, 0, 6, 8, 0][..], &query()].concat());
    let packet = read_as(LinkType::ETHERNET, &frame);
    assert_eq!((packet.vlan, packet.inner_vlan, packet.n_vlans), (5, 6, 2));
    let frame = ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64][..], &query()].concat());
    assert_eq!(read_as(LinkType::ETHERNET, &frame).mpls_label, 32);
    let frame = ethernet(0x8864, &[&[0x11, 0, 0, 9, 0, 60, 0, 0x21][..], &query()].concat());
    assert_eq!(read_as(LinkType::ETHERNET, &frame).pppoe_session, 9);
}

#[test]
fn tunnels_are_entered_and_their_outer_addresses_kept() {
    let q = query();
    let inner = ethernet(0x0800, &q);
    let outer = |protocol, payload: &[u8]| ipv6(protocol, payload);
    let over = |port, head: &[u8], rest: &[u8]| outer(UDP, &udp(9, port, &[head, rest].concat()));
    for (kind, id, bytes) in [
        (TunnelKind::IpInIp, 0, outer(IPV4, &q)),
        (TunnelKind::EtherIp, 0, outer(97, &[&[0x30, 0][..], &inner].concat())),
        (TunnelKind::Gre, 0, outer(GRE, &[&[0, 0, 8, 0][..], &q].concat())),
        (TunnelKind::Gre, 7, outer(GRE, &[&[0x20, 0, 0x65, 0x58, 0, 0, 0, 7][..], &inner].concat())),
        (
            TunnelKind::Gre,
            5,
            outer(GRE, &[&[0x30, 1, 0x88, 0x0b, 0, 9, 0, 5, 0, 0, 0, 1, 0x21][..], &q].concat()),
        ),
        (TunnelKind::Gre, 0, outer(GRE, &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8], &inner].concat())),
        (TunnelKind::Vxlan, 99, over(4789, &[8, 0, 0, 0, 0, 0, 99, 0], &inner)),
        (TunnelKind::Vxlan, 98, over(4790, &[0x0c, 0, 0, 1, 0, 0, 98, 0], &q)),
        (TunnelKind::Geneve, 3, over(6081, &[1, 0, 0x65, 0x58, 0, 0, 3, 0, 0, 0, 0, 0], &inner)),
        (TunnelKind::Gtp, 4, over(2152, &[0x30, 0xff, 0, 9, 0, 0, 0, 4], &q)),
        (TunnelKind::Gtp, 4, over(2152, &[0x34, 0xff, 0, 9, 0, 0, 0, 4, 0, 0, 0, 0x85, 1, 0, 0, 0], &q)),
        (TunnelKind::Mpls, 2, over(6635, &[0, 0, 0x21, 64], &q)),
        (TunnelKind::L2tp, 0x0001_0002, over(1701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &q)),
    ] {
        let packet = read_as(LinkType::IPV6, &bytes);
        assert_eq!((packet.tunnel, packet.tunnel_id, packet.n_tunnels), (kind, id, 1), "{kind:?}");
        assert_eq!(
            (packet.network, packet.destination_port, packet.payload),
            (Network::Ipv4, 53, &b"abc"[..])
        );
        assert_eq!(packet.outer_source, 0x2001_0db8_0000_0000_0000_0000_0000_0001);
        let outside = Limits { tunnels: Tunnels::None, ..Limits::default() };
        let packet = decode(LinkType::IPV6, &bytes, bytes.len() as u32, &outside);
        assert_eq!((packet.network, packet.tunnel), (Network::Ipv6, TunnelKind::None), "{kind:?}");
    }
    let teredo = ipv4(UDP, &udp(9, 3544, &ipv6(UDP, &udp(1, 2, b"x"))));
    check(LinkType::RAW, &teredo, (Network::Ipv6, UDP, 1, 2, b"x"));
    check(LinkType::RAW, &ipv4(IPV6, &ipv6(UDP, &udp(1, 2, b"x"))), (Network::Ipv6, UDP, 1, 2, b"x"));
}

#[test]
fn a_tunnel_that_holds_no_packet_is_left_outside() {
    check(
        LinkType::RAW,
        &ipv4(UDP, &udp(9, 2152, b"no tunnel")),
        (Network::Ipv4, UDP, 9, 2152, b"no tunnel"),
    );
    let vxlan = [8, 0, 0, 0, 0, 0, 99, 0, 1, 2, 3];
    check(LinkType::RAW, &ipv4(UDP, &udp(9, 4789, &vxlan)), (Network::Ipv4, UDP, 9, 4789, &vxlan));
    check(LinkType::RAW, &ipv4(IPV4, b"???"), (Network::Ipv4, IPV4, 0, 0, b"???"));
}

#[test]
fn the_walk_ends_at_the_limit_of_headers() {
    let mut bytes = query();
    for _ in 0..40 {
        bytes = ipv4(IPV4, &bytes);
    }
    let packet = read_as(LinkType::RAW, &bytes);
    assert_eq!((packet.reason, packet.protocol), (Some(Reason::TooDeep), IPV4));
    let tags = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(30));
    check_reason(LinkType::ETHERNET, &tags, Network::None, Reason::TooDeep);
    let labels = ethernet(0x8847, &[0, 0, 0, 1].repeat(30));
    check_reason(LinkType::ETHERNET, &labels, Network::None, Reason::TooDeep);
    let options = ipv6(0, &[60, 0, 0, 0, 0, 0, 0, 0].repeat(30));
    check_reason(LinkType::IPV6, &options, Network::Ipv6, Reason::TooDeep);
}

#[test]
fn extension_headers_of_ipv6_are_passed() {
    let hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let destination = [51, 0, 1, 4, 0, 0, 0, 0];
    let authentication = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let payload = [&hop[..], &destination, &authentication, &udp(1, 2, b"x")].concat();
    check(LinkType::IPV6, &ipv6(0, &payload), (Network::Ipv6, UDP, 1, 2, b"x"));
    assert_eq!(read_as(LinkType::IPV6, &ipv6(0, &payload)).payload_len, 1);
}

#[test]
fn later_fragments_get_the_ports_of_the_first() {
    let limits = Limits { fragments: 2, ..Limits::default() };
    let mut table = FragmentTable::new(&limits);
    let first = ipv4_with(UDP, 0x2000, &udp(7, 8, b"0123456789abcdef"));
    let later = ipv4_with(UDP, 3, b"more");
    let mut packet = read_as(LinkType::RAW, &later);
    assert_eq!((packet.fragment, packet.fragment_offset), (FragmentPart::Later, 24));
    assert!(!table.complete(&mut packet, 0));
    let mut packet = read_as(LinkType::RAW, &first);
    assert_eq!((packet.fragment, packet.source_port), (FragmentPart::First, 7));
    assert!(table.complete(&mut packet, 0));
    let mut packet = read_as(LinkType::RAW, &later);
    assert!(table.complete(&mut packet, 1));
    assert_eq!((packet.source_port, packet.destination_port), (7, 8));
    assert!(!table.complete(&mut packet, limits.fragment_timeout_ns + 1));
    for number in 10..20 {
        let mut other = first.clone();
        other[5] = number;
        assert!(table.complete(&mut read_as(LinkType::RAW, &other), 0));
    }
    let stats = table.stats();
    assert_eq!((stats.first, stats.found, stats.not_found, stats.evicted), (11, 1, 2, 9));
}

#[test]
fn fragments_of_ipv6_are_told() {
    let later = ipv6(44, &[17, 0, 0, 0x18, 0, 0, 0, 9, 1, 2, 3]);
    let packet = read_as(LinkType::IPV6, &later);
    assert_eq!(
        (packet.fragment, packet.fragment_offset, packet.identification),
        (FragmentPart::Later, 24, 9)
    );
    assert_eq!((packet.protocol, packet.payload_len), (UDP, 3));
    let first = ipv6(44, &[&[17, 0, 0, 1, 0, 0, 0, 9][..], &udp(1, 2, b"x")].concat());
    assert_eq!(read_as(LinkType::IPV6, &first).fragment, FragmentPart::First);
    let alone = ipv6(44, &[&[17, 0, 0, 0, 0, 0, 0, 9][..], &udp(1, 2, b"x")].concat());
    assert_eq!(read_as(LinkType::IPV6, &alone).fragment, FragmentPart::Whole);
}

#[test]
fn icmp_errors_tell_of_the_packet_they_are_about() {
    let bytes = ipv4(ICMP, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], &query()].concat());
    let packet = read_as(LinkType::RAW, &bytes);
    let embedded = packet.embedded.unwrap();
    assert_eq!((packet.icmp_type, packet.icmp_code), (3, 3));
    assert_eq!((embedded.protocol, embedded.source_port, embedded.destination_port), (UDP, 4000, 53));
    assert_eq!((embedded.source, embedded.destination), (packet.source, packet.destination));
    let echo = ipv4(ICMP, &[8, 0, 0, 0, 0x12, 0x34, 0, 1, b'x']);
    let packet = read_as(LinkType::RAW, &echo);
    assert_eq!((packet.icmp_id, packet.payload, packet.payload_len), (0x1234, &b"x"[..], 1));
    let bytes = ipv6(58, &[&[1, 0, 0, 0, 0, 0, 0, 0][..], &ipv6(UDP, &udp(5, 6, b""))].concat());
    assert_eq!(read_as(LinkType::IPV6, &bytes).embedded.unwrap().destination_port, 6);
}

#[test]
fn arp_and_sctp_are_read() {
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[1; 6], &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 9]].concat();
    let frame = ethernet(0x0806, &arp);
    let packet = read_as(LinkType::ETHERNET, &frame);
    assert_eq!((packet.network, packet.reason), (Network::Arp, None));
    assert_eq!(packet.destination_address(), Some(IpAddr::from([10, 0, 0, 9])));
    let arp = packet.arp.unwrap();
    assert_eq!((arp.operation, arp.sender_mac), (1, [1; 6]));
    let sctp = ipv4(SCTP, &[0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9]);
    check(LinkType::RAW, &sctp, (Network::Ipv4, SCTP, 1, 2, &[9, 9]));
}

#[test]
fn what_cannot_be_read_is_named_and_keeps_what_was_found() {
    for (link, bytes, network, reason) in [
        (LinkType::ETHERNET, vec![0; 5], Network::None, Reason::LinkTruncated),
        (LinkType::ETHERNET, ethernet(0x88cc, b"lldp"), Network::None, Reason::NotIp),
        (LinkType(147), vec![0; 50], Network::None, Reason::UnsupportedLink),
        (LinkType::RAW, vec![0x30; 40], Network::None, Reason::IpVersion),
        (LinkType::IPV4, vec![0x65; 40], Network::None, Reason::IpVersion),
        (LinkType::RAW, vec![0x42; 40], Network::None, Reason::IpHeader),
        (LinkType::RAW, vec![0x45; 19], Network::None, Reason::IpTruncated),
        (LinkType::RAW, ipv4(TCP, &[0, 1, 0, 2, 3]), Network::Ipv4, Reason::TransportTruncated),
        (LinkType::RAW, ipv4(TCP, &[0; 20]), Network::Ipv4, Reason::TransportHeader),
        (LinkType::RAW, ipv4(UDP, &[0, 1, 0, 2]), Network::Ipv4, Reason::TransportTruncated),
        (LinkType::PPI, vec![0, 0, 8, 0, 192, 0, 0, 0], Network::None, Reason::LinkHeader),
    ] {
        check_reason(link, &bytes, network, reason);
    }
    let cut = ipv4(TCP, &[0, 1, 0, 2, 3]);
    let packet = read_as(LinkType::RAW, &cut);
    assert_eq!((packet.source_port, packet.destination_port), (1, 2));
}
