//! A small and strict reader of captures, written apart from the generator: it refuses whatever a network card would.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet as it stands in a capture.
pub(crate) struct Captured<'a> {
    pub(crate) at_us: u64,
    pub(crate) original_bytes: usize,
    pub(crate) frame: &'a [u8],
}

/// One packet in its layers.
#[derive(Debug)]
pub(crate) struct Layers<'a> {
    pub(crate) macs: [&'a [u8]; 2],
    /// None for ARP.
    pub(crate) ip: Option<Ip<'a>>,
    pub(crate) arp: Option<&'a [u8]>,
}

/// An IP packet.
#[derive(Debug)]
pub(crate) struct Ip<'a> {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) protocol: u8,
    /// Bytes from the IP header on.
    pub(crate) bytes: u64,
    pub(crate) ports: (u16, u16),
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    pub(crate) payload: &'a [u8],
}

pub(crate) fn captured(file: &[u8]) -> Vec<Captured<'_>> {
    assert_eq!(file[..4], 0xa1b2_c3d4_u32.to_le_bytes(), "magic");
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((word(4), word(20)), (2 | 4 << 16, 1), "version 2.4, Ethernet");
    let snap = word(16) as usize;
    let mut packets = Vec::new();
    let (mut at, mut last_us) = (24, 0);
    while at < file.len() {
        let (kept, original_bytes) = (word(at + 8) as usize, word(at + 12) as usize);
        assert!(word(at + 4) < 1_000_000 && kept == original_bytes.min(snap));
        let at_us = u64::from(word(at)) * 1_000_000 + u64::from(word(at + 4));
        assert!(at_us >= last_us, "packets stand in order of time");
        last_us = at_us;
        packets.push(Captured { at_us, original_bytes, frame: &file[at + 16..at + 16 + kept] });
        at += 16 + kept;
    }
    packets
}

fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
            sum = (sum & 0xffff) + (sum >> 16);
        }
    }
    sum as u16
}

/// Takes a whole frame apart and checks every length and checksum.
pub(crate) fn layers(frame: &[u8]) -> Layers<'_> {
    let macs = [&frame[6..12], &frame[..6]];
    let body = &frame[14..];
    match [frame[12], frame[13]] {
        [0x08, 0x06] => {
            assert_eq!((body.len(), &body[..6]), (28, &[0, 1, 8, 0, 6, 4][..]));
            assert_eq!(&body[8..14], macs[0], "who answers is who sends");
            Layers { macs, ip: None, arp: Some(body) }
        }
        [0x08, 0x00] => {
            assert_eq!((body[0], sum(&[&body[..20]])), (0x45, 0xffff), "IPv4 header checksum");
            assert_eq!(usize::from(u16::from_be_bytes([body[2], body[3]])), body.len(), "IPv4 length");
            assert!(body[8] > 1, "time to live");
            let source = Ipv4Addr::from(<[u8; 4]>::try_from(&body[12..16]).unwrap());
            let destination = Ipv4Addr::from(<[u8; 4]>::try_from(&body[16..20]).unwrap());
            let ip = transport(source.into(), destination.into(), body[9], &body[12..20], &body[20..], 20);
            Layers { macs, ip: Some(ip), arp: None }
        }
        [0x86, 0xdd] => {
            assert_eq!(body[0], 0x60);
            assert_eq!(usize::from(u16::from_be_bytes([body[4], body[5]])), body.len() - 40, "IPv6 length");
            let source = Ipv6Addr::from(<[u8; 16]>::try_from(&body[8..24]).unwrap());
            let destination = Ipv6Addr::from(<[u8; 16]>::try_from(&body[24..40]).unwrap());
            let ip = transport(source.into(), destination.into(), body[6], &body[8..40], &body[40..], 40);
            Layers { macs, ip: Some(ip), arp: None }
        }
        other => panic!("ethertype {other:?}"),
    }
}

fn transport<'a>(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    addresses: &[u8],
    rest: &'a [u8],
    ip_header: u64,
) -> Ip<'a> {
    let length = (rest.len() as u16).to_be_bytes();
    let pseudo = [addresses, &[0, protocol][..], &length[..]];
    let word = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
    let long = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap());
    let [a, b, c] = pseudo;
    let mut ip = Ip {
        source,
        destination,
        protocol,
        bytes: ip_header + rest.len() as u64,
        ports: (0, 0),
        flags: 0,
        sequence: 0,
        acknowledged: 0,
        payload: &[],
    };
    match protocol {
        6 => {
            assert_eq!(sum(&[a, b, c, rest]), 0xffff, "TCP checksum");
            ip.ports = (word(0), word(2));
            (ip.sequence, ip.acknowledged, ip.flags) = (long(4), long(8), rest[13]);
            ip.payload = &rest[usize::from(rest[12] >> 4) * 4..];
        }
        17 => {
            assert_eq!(sum(&[a, b, c, rest]), 0xffff, "UDP checksum");
            assert_eq!(usize::from(word(4)), rest.len(), "UDP length");
            ip.ports = (word(0), word(2));
            ip.payload = &rest[8..];
        }
        1 => {
            assert_eq!(sum(&[rest]), 0xffff, "ICMP checksum");
            assert!(matches!(rest[..2], [0 | 8, 0]));
            // One conversation in both directions has one identifier.
            ip.ports = (word(4), word(4));
            ip.payload = &rest[8..];
        }
        other => panic!("protocol {other}"),
    }
    ip
}

/// Reads a DNS message to its last byte: the name asked for, type, response code, number of answers.
pub(crate) fn dns(message: &[u8]) -> (String, u16, u8, usize) {
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    assert_eq!((word(4), word(8), word(10)), (1, 0, 1), "one question, one additional record");
    let (mut at, mut name) = (12, String::new());
    while message[at] > 0 {
        let len = usize::from(message[at]);
        assert!(len < 64);
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(&message[at + 1..at + 1 + len]).unwrap());
        at += len + 1;
    }
    let kind = word(at + 1);
    at += 5;
    for _ in 0..word(6) {
        assert_eq!((word(at), word(at + 2)), (0xc00c, kind));
        at += 12 + usize::from(word(at + 10));
    }
    assert_eq!((message[at], word(at + 1)), (0, 41), "an OPT record");
    assert_eq!(at + 11, message.len(), "nothing behind the last record");
    (name, kind, message[3] & 15, usize::from(word(6)))
}

/// The server name of a TLS client hello, which must fill its record.
pub(crate) fn server_name(hello: &[u8]) -> String {
    let word = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
    assert_eq!((hello[0], hello[5], word(3) + 5, word(7) + 9), (22, 1, hello.len(), hello.len()));
    let mut at = 9 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + word(at);
    at += 1 + usize::from(hello[at]);
    assert_eq!(at + 2 + word(at), hello.len(), "extensions fill the hello");
    at += 2;
    let mut name = String::new();
    while at < hello.len() {
        let (kind, len) = (word(at), word(at + 2));
        if kind == 0 {
            assert_eq!((word(at + 4) + 2, word(at + 7) + 5), (len, len));
            name = String::from_utf8(hello[at + 9..at + 4 + len].to_vec()).unwrap();
        }
        at += 4 + len;
    }
    assert_eq!(at, hello.len());
    name
}

/// What one side of a five-tuple sent: packets, bytes, flags.
pub(crate) type Sent = (u64, u64, u8);
/// Source, destination, ports, protocol.
pub(crate) type Tuple = (IpAddr, IpAddr, u16, u16, u8);

/// Adds packets to what was counted.
pub(crate) fn count(sent: &mut BTreeMap<Tuple, Sent>, key: Tuple, packets: u64, bytes: u64, flags: u8) {
    let entry = sent.entry(key).or_default();
    *entry = (entry.0 + packets, entry.1 + bytes, entry.2 | flags);
}
