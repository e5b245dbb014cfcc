//! Where drills are played: hosts, packets and a recorder.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{DrillSeen, DrillSetting, DrillWay};
use crate::conversation::Side::{self, Client, Server};
use crate::draw::{Draw, Purpose};
use crate::office::flow::{ACK, FIN, PSH, RST, SYN};
use crate::office::frame_bytes::Sum;
use crate::office::{pcap_header, pcap_record};

/// When the recorder was switched on, nanoseconds since the epoch.
const START_NS: i64 = 1_700_000_000_000_000_000;
/// Bytes of a packet that are kept.
const SNAP_BYTES: u32 = 400;
/// Most payload bytes of one segment.
const SEGMENT: usize = 1_460;

/// Types of messages of the discovery of neighbours: a question, and an answer.
const SOLICITATION: u8 = 135;
const ADVERT: u8 = 136;

/// A host and a port of it.
pub(super) type End = (IpAddr, u16);

/// What is said in a connection.
pub(super) enum Say {
    /// A text.
    Text(Side, String),
    /// So many bytes of anything.
    Bytes(Side, usize),
    /// Nothing for so many seconds.
    Wait(f64),
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    Fin,
    Reset,
    Open,
}

/// What is in an IP packet.
pub(super) enum Inside<'a> {
    Tcp(u8, &'a [u8], usize),
    Udp(&'a [u8], usize),
    Icmp(u8, u8, usize),
    Other(u8, usize),
    /// A part of a datagram, of version 4 only: its number, its offset in units of eight bytes, and its bytes.
    Fragment(u16, u16, usize),
    /// What follows the head of IP, byte by byte, of version 4 only: its protocol, the number of the packet, the word that
    /// says which part of it this is, and the bytes.
    Piece(u8, u16, u16, &'a [u8]),
    /// A message of the discovery of neighbours (RFC 4861): its type, the address that it is about, and an adapter.
    Neighbour(u8, IpAddr, u64),
}

/// The stage of a drill.
pub(super) struct Stage {
    pub(super) setting: DrillSetting,
    pub(super) draw: Draw,
    packets: Vec<(i64, u32, Vec<u8>)>,
}

impl Stage {
    pub(super) fn new(setting: DrillSetting) -> Self {
        let draw = Draw::new(setting.seed, Purpose::Planted(77));
        Self { setting, draw, packets: Vec::new() }
    }

    /// Seconds that there is something to be seen in.
    pub(super) fn until_s(&self) -> f64 {
        self.setting.from_s + self.setting.seconds
    }

    /// A host inside.
    pub(super) fn inside(&self, host: u32) -> IpAddr {
        if self.setting.is_ipv6 {
            Ipv6Addr::new(0xfd00, 0x7, 0, 0, 0, 0, 0, host as u16).into()
        } else {
            Ipv4Addr::new(10, 7, (host >> 8) as u8, host as u8).into()
        }
    }

    /// A host outside: 256 neighbours are of one network.
    pub(super) fn outside(&self, host: u32) -> IpAddr {
        if self.setting.is_ipv6 {
            Ipv6Addr::new(0x2001, 0xdb8, (host >> 8) as u16, 0, 0, 0, 0, host as u16).into()
        } else {
            Ipv4Addr::new(198, 18 + (host >> 16 & 1) as u8, (host >> 8) as u8, host as u8).into()
        }
    }

    /// Anybody outside, such as a forged sender.
    pub(super) fn anybody(&mut self) -> IpAddr {
        let host = self.draw.whole(0x4000, 0x1_ffff);
        self.outside(host)
    }

    pub(super) fn attacker(&self) -> IpAddr {
        if self.setting.way == DrillWay::Inward { self.outside(0x709) } else { self.inside(66) }
    }

    pub(super) fn victim(&self) -> IpAddr {
        self.neighbour(9)
    }

    /// A host of the network that is attacked.
    pub(super) fn neighbour(&self, host: u32) -> IpAddr {
        if self.setting.way == DrillWay::Outward { self.outside(0x900 + host) } else { self.inside(host) }
    }

    /// Moments at which something is done, so many a second by the mean.
    pub(super) fn moments(&mut self, rate: f64) -> Vec<f64> {
        let (mean_s, until_s) = (1.0 / (rate * self.setting.strength), self.until_s());
        let mut at_s = 0.0;
        let mut out = Vec::new();
        loop {
            at_s += self.draw.exponential(mean_s);
            if at_s >= until_s {
                return out;
            }
            out.push(at_s);
        }
    }

    pub(super) fn port(&mut self) -> u16 {
        self.draw.client_port()
    }

    /// Records a packet, if the recorder sees it.
    pub(super) fn put(&mut self, at_s: f64, side: Side, from: End, to: End, inside: &Inside<'_>) {
        let recorded = at_s >= self.setting.from_s && at_s < self.until_s();
        let seen = match self.setting.seen {
            DrillSeen::Both => true,
            DrillSeen::Requests => side == Client,
            DrillSeen::Answers => side == Server,
        };
        if recorded && seen {
            let (frame, wire) = frame(self.setting.vlan, from, to, inside);
            self.packets.push((START_NS + (at_s * 1e9) as i64, wire, frame));
        }
    }

    /// Records a packet that seems to come from an adapter, if the recorder sees it.
    pub(super) fn put_by(&mut self, at_s: f64, adapter: u64, from: End, to: End, inside: &Inside<'_>) {
        let before = self.packets.len();
        self.put(at_s, Client, from, to, inside);
        if let Some((.., frame)) = self.packets.get_mut(before) {
            frame[6..12].copy_from_slice(&adapter.to_be_bytes()[2..]);
        }
    }

    pub(super) fn tcp(&mut self, at_s: f64, side: Side, from: End, to: End, flags: u8) {
        self.put(at_s, side, from, to, &Inside::Tcp(flags, &[], 0));
    }

    pub(super) fn udp(&mut self, at_s: f64, side: Side, from: End, to: End, bytes: usize) {
        self.put(at_s, side, from, to, &Inside::Udp(&[], bytes));
    }

    pub(super) fn icmp(
        &mut self,
        at_s: f64,
        side: Side,
        from: IpAddr,
        to: IpAddr,
        kind: (u8, u8),
        bytes: usize,
    ) {
        self.put(at_s, side, (from, 0), (to, 0), &Inside::Icmp(kind.0, kind.1, bytes));
    }

    /// Echo request and reply of the version of the protocol.
    pub(super) fn echo(&self) -> [(u8, u8); 2] {
        if self.setting.is_ipv6 { [(128, 0), (129, 0)] } else { [(8, 0), (0, 0)] }
    }

    /// A packet of the address resolution protocol: 1 asks, 2 answers.
    pub(super) fn arp(&mut self, at_s: f64, operation: u8, sender: (u64, Ipv4Addr), target: (u64, Ipv4Addr)) {
        let mut frame = Vec::new();
        let to = if operation == 1 { 0xffff_ffff_ffff } else { target.0 };
        frame.extend(&to.to_be_bytes()[2..]);
        frame.extend(&sender.0.to_be_bytes()[2..]);
        tag(self.setting.vlan, 0x0806, &mut frame);
        frame.extend([0, 1, 8, 0, 6, 4, 0, operation]);
        frame.extend(&sender.0.to_be_bytes()[2..]);
        frame.extend(sender.1.octets());
        frame.extend(&(if operation == 1 { 0 } else { target.0 }).to_be_bytes()[2..]);
        frame.extend(target.1.octets());
        frame.resize(60, 0);
        if at_s >= self.setting.from_s && at_s < self.until_s() {
            self.packets.push((START_NS + (at_s * 1e9) as i64, 60, frame));
        }
    }

    /// An adapter asks for an address.
    pub(super) fn solicit(&mut self, at_s: f64, (adapter, from): (u64, IpAddr), about: IpAddr) {
        self.put(at_s, Client, (from, 0), (about, 0), &Inside::Neighbour(SOLICITATION, about, adapter));
    }

    /// An adapter says to somebody that it has an address.
    pub(super) fn advert(&mut self, at_s: f64, (adapter, address): (u64, IpAddr), to: IpAddr) {
        self.put(at_s, Client, (address, 0), (to, 0), &Inside::Neighbour(ADVERT, address, adapter));
    }

    /// A connection with all that is said in it; when it is over.
    pub(super) fn talk(&mut self, at_s: f64, client: End, server: End, says: &[Say], close: Close) -> f64 {
        let half_s = self.draw.uniform(0.002, 0.012);
        let mut at = at_s;
        self.tcp(at, Client, client, server, SYN);
        at += half_s;
        self.tcp(at, Server, server, client, SYN | ACK);
        at += half_s;
        self.tcp(at, Client, client, server, ACK);
        for say in says {
            let (side, text, bytes) = match say {
                Say::Wait(seconds) => {
                    at += seconds;
                    continue;
                }
                Say::Text(side, text) => (*side, text.as_bytes(), text.len()),
                Say::Bytes(side, bytes) => (*side, &[][..], *bytes),
            };
            let (from, to, other) =
                if side == Client { (client, server, Server) } else { (server, client, Client) };
            let mut left = bytes;
            while left > 0 {
                at += 0.000_2;
                let piece = left.min(if text.is_empty() { SEGMENT } else { left });
                self.put(at, side, from, to, &Inside::Tcp(PSH | ACK, text, piece));
                left -= piece;
            }
            at += half_s;
            self.tcp(at, other, to, from, ACK);
        }
        match close {
            Close::Open => {}
            Close::Reset => self.tcp(at + 0.001, Client, client, server, RST | ACK),
            Close::Fin => {
                self.tcp(at + 0.001, Client, client, server, FIN | ACK);
                self.tcp(at + 0.001 + half_s, Server, server, client, FIN | ACK);
                self.tcp(at + 0.001 + 2.0 * half_s, Client, client, server, ACK);
            }
        }
        at
    }

    /// A few hosts inside that read pages outside.
    pub(super) fn ordinary_traffic(&mut self) {
        let resolver = (self.inside(2), 53);
        let rate = 2.0 / self.setting.strength;
        let seen = std::mem::replace(&mut self.setting.seen, DrillSeen::Both);
        for at_s in self.moments(rate) {
            let host = self.inside(self.draw.clone().whole(101, 108));
            let port = self.port();
            let site = 0x100 * self.draw.whole(30, 60) + 5;
            self.udp(at_s, Client, (host, port), resolver, 34);
            self.udp(at_s + 0.004, Server, resolver, (host, port), 90);
            let answer = self.draw.log_normal(9_000.0, 1.0).min(60_000.0) as usize;
            let question = self.draw.whole(500, 1_900) as usize;
            let says = [
                Say::Bytes(Client, 517),
                Say::Bytes(Server, 2_900),
                Say::Bytes(Client, question),
                Say::Bytes(Server, answer),
            ];
            let server = (self.outside(site), 443);
            self.talk(at_s + 0.01, (host, port), server, &says, Close::Fin);
        }
        self.setting.seen = seen;
    }

    /// Packets recorded so far.
    pub(super) fn packets(&self) -> usize {
        self.packets.len()
    }

    /// The bytes of the capture file.
    pub(super) fn capture(mut self) -> Vec<u8> {
        self.packets.sort_by_key(|(at_ns, ..)| *at_ns);
        let mut out = pcap_header(SNAP_BYTES).to_vec();
        for (at_ns, wire, frame) in &self.packets {
            let from = out.len();
            pcap_record(*at_ns, SNAP_BYTES, frame, &mut out);
            out[from + 12..from + 16].copy_from_slice(&wire.to_le_bytes());
        }
        out
    }
}

fn mac(address: IpAddr) -> [u8; 6] {
    match address {
        // Everything outside is behind the router.
        IpAddr::V4(v4) if v4.octets()[0] == 10 => [2, 0, 10, 7, v4.octets()[2], v4.octets()[3]],
        IpAddr::V6(v6) if v6.is_unique_local() => [2, 0, 10, 7, v6.octets()[14], v6.octets()[15]],
        _ => [2, 0, 10, 7, 0, 1],
    }
}

fn tag(vlan: Option<u16>, kind: u16, out: &mut Vec<u8>) {
    if let Some(vlan) = vlan {
        out.extend(0x8100_u16.to_be_bytes());
        out.extend(vlan.to_be_bytes());
    }
    out.extend(kind.to_be_bytes());
}

/// The bytes of a frame as far as they are kept, and its length on the wire.
fn frame(vlan: Option<u16>, from: End, to: End, inside: &Inside<'_>) -> (Vec<u8>, u32) {
    let (protocol, mut body, payload, length) = match *inside {
        Inside::Tcp(flags, text, bytes) => {
            let mut head = vec![0; 20];
            head[..2].copy_from_slice(&from.1.to_be_bytes());
            head[2..4].copy_from_slice(&to.1.to_be_bytes());
            (head[12], head[13], head[14]) = (0x50, flags, 4);
            (6, head, text, bytes)
        }
        Inside::Udp(text, bytes) => {
            let mut head = vec![0; 8];
            head[..2].copy_from_slice(&from.1.to_be_bytes());
            head[2..4].copy_from_slice(&to.1.to_be_bytes());
            head[4..6].copy_from_slice(&((8 + bytes) as u16).to_be_bytes());
            (17, head, text, bytes)
        }
        Inside::Icmp(kind, code, bytes) => {
            let number = if from.0.is_ipv6() { 58 } else { 1 };
            (number, vec![kind, code, 0, 0, 0, 7, 0, 1], &[][..], bytes)
        }
        Inside::Other(number, bytes) => {
            let mut head = vec![0; 8];
            head[..2].copy_from_slice(&from.1.to_be_bytes());
            head[2..4].copy_from_slice(&to.1.to_be_bytes());
            (number, head, &[][..], bytes)
        }
        Inside::Fragment(_, 0, bytes) => {
            let mut head = vec![0; 8];
            head[..2].copy_from_slice(&from.1.to_be_bytes());
            head[2..4].copy_from_slice(&to.1.to_be_bytes());
            head[4..6].copy_from_slice(&60_000_u16.to_be_bytes());
            (17, head, &[][..], bytes)
        }
        Inside::Fragment(_, _, bytes) => (17, Vec::new(), &[][..], bytes),
        Inside::Piece(protocol, _, _, bytes) => (protocol, bytes.to_vec(), &[][..], 0),
        Inside::Neighbour(kind, address, adapter) => {
            // An answer goes before what was known.
            let mut head = vec![kind, 0, 0, 0, if kind == ADVERT { 0x20 } else { 0 }, 0, 0, 0];
            head.extend(match address {
                IpAddr::V6(v6) => v6.octets(),
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            });
            head.extend([if kind == ADVERT { 2 } else { 1 }, 1]);
            head.extend(&adapter.to_be_bytes()[2..]);
            (58, head, &[][..], 0)
        }
    };
    let (number, part) = match *inside {
        Inside::Fragment(number, 0, _) => (number, 0x2000_u16),
        Inside::Fragment(number, offset, _) => (number, offset),
        Inside::Piece(_, number, part, _) => (number, part),
        _ => (7, 0x4000),
    };
    let whole = body.len() + length;
    body.extend(payload);
    body.resize(whole.min(SNAP_BYTES as usize), 0x61);
    let mut out = Vec::with_capacity(body.len() + 60);
    out.extend(mac(to.0));
    out.extend(mac(from.0));
    match (from.0, to.0) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            tag(vlan, 0x0800, &mut out);
            let mut head = vec![0x45, 0];
            head.extend(((20 + whole) as u16).to_be_bytes());
            head.extend(number.to_be_bytes());
            head.extend(part.to_be_bytes());
            head.extend([61, protocol, 0, 0]);
            head.extend(source.octets());
            head.extend(destination.octets());
            let checksum = Sum::default().add(&head).fold();
            head[10..12].copy_from_slice(&checksum.to_be_bytes());
            out.extend(head);
        }
        (source, destination) => {
            tag(vlan, 0x86dd, &mut out);
            out.extend([0x60, 0, 0, 0]);
            out.extend((whole as u16).to_be_bytes());
            // Nobody believes a neighbour who is further away (RFC 4861, section 7.1).
            out.extend([protocol, if matches!(inside, Inside::Neighbour(..)) { 255 } else { 61 }]);
            for address in [source, destination] {
                out.extend(match address {
                    IpAddr::V6(v6) => v6.octets(),
                    IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                });
            }
        }
    }
    let wire = (out.len() + whole) as u32;
    out.extend(body);
    (out, wire)
}
