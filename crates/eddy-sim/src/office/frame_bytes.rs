//! Packets as the bytes of an Ethernet frame.

use std::net::IpAddr;

use super::flow::{Detail, Flow, SYN, Transport};

/// One packet of a flow, before it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    /// The position of the side that sends it: 0 the client, 1 the server.
    pub(crate) side: usize,
    pub(crate) flags: u8,
    pub(crate) sequence: u32,
    pub(crate) acknowledged: u32,
    /// Counts the packets of this side of the flow.
    pub(crate) number: u32,
}

/// Puts the headers before a payload that stands at the end of `out` behind [`room`] bytes.
pub(crate) fn write_headers(flow: &Flow, segment: Segment, out: &mut [u8]) {
    let [destination_mac, source_mac] = {
        let [source, destination] = flow.links[segment.side];
        [destination, source]
    };
    out[..6].copy_from_slice(&destination_mac.to_be_bytes()[2..]);
    out[6..12].copy_from_slice(&source_mac.to_be_bytes()[2..]);
    let (source, destination) =
        if segment.side == 0 { (flow.source, flow.destination) } else { (flow.destination, flow.source) };
    if flow.transport == Transport::Arp {
        out[12..14].copy_from_slice(&[0x08, 0x06]);
        write_arp(flow, segment.side, (source, destination), &mut out[14..]);
        return;
    }
    let (ip, rest) = match (source, destination) {
        (IpAddr::V6(_), _) | (_, IpAddr::V6(_)) => {
            out[12..14].copy_from_slice(&[0x86, 0xdd]);
            out[14..].split_at_mut(40)
        }
        _ => {
            out[12..14].copy_from_slice(&[0x08, 0x00]);
            out[14..].split_at_mut(20)
        }
    };
    let mut pseudo = Sum::default();
    let protocol = flow.transport.number().unwrap_or(0);
    match (source, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            let identifier = (flow.id as u16).wrapping_add(segment.number as u16);
            ip[..2].copy_from_slice(&[0x45, 0]);
            ip[2..4].copy_from_slice(&(20 + rest.len() as u16).to_be_bytes());
            ip[4..6].copy_from_slice(&identifier.to_be_bytes());
            ip[6..12].copy_from_slice(&[0x40, 0, time_to_live(source), protocol, 0, 0]);
            ip[12..16].copy_from_slice(&a.octets());
            ip[16..20].copy_from_slice(&b.octets());
            let checksum = Sum::default().add(ip).fold();
            ip[10..12].copy_from_slice(&checksum.to_be_bytes());
            pseudo = pseudo.add(&a.octets()).add(&b.octets());
        }
        (a, b) => {
            let [a, b] = [a, b].map(|address| match address {
                IpAddr::V6(v6) => v6.octets(),
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            });
            ip[..4].copy_from_slice(&[0x60, 0, 0, 0]);
            ip[4..6].copy_from_slice(&(rest.len() as u16).to_be_bytes());
            ip[6..8].copy_from_slice(&[protocol, time_to_live(source)]);
            ip[8..24].copy_from_slice(&a);
            ip[24..40].copy_from_slice(&b);
            pseudo = pseudo.add(&a).add(&b);
        }
    }
    if flow.transport == Transport::Icmp {
        pseudo = Sum::default();
    } else {
        pseudo = pseudo.add(&[0, protocol]).add(&(rest.len() as u16).to_be_bytes());
    }
    write_transport(flow, segment, pseudo, rest);
}

/// Bytes of all headers before the payload.
pub(crate) fn room(flow: &Flow, flags: u8) -> usize {
    let options = if flow.transport == Transport::Tcp && flags & SYN > 0 { 12 } else { 0 };
    14 + flow.header_bytes() as usize + options
}

fn write_transport(flow: &Flow, segment: Segment, pseudo: Sum, rest: &mut [u8]) {
    let ports = [flow.source_port, flow.destination_port];
    let (from, to) = (ports[segment.side], ports[1 - segment.side]);
    let at = match flow.transport {
        Transport::Tcp => {
            rest[..2].copy_from_slice(&from.to_be_bytes());
            rest[2..4].copy_from_slice(&to.to_be_bytes());
            rest[4..8].copy_from_slice(&segment.sequence.to_be_bytes());
            rest[8..12].copy_from_slice(&segment.acknowledged.to_be_bytes());
            let has_options = segment.flags & SYN > 0;
            let window: u16 = if has_options { 64_240 } else { 2_053 };
            rest[12..14].copy_from_slice(&[if has_options { 0x80 } else { 0x50 }, segment.flags]);
            rest[14..16].copy_from_slice(&window.to_be_bytes());
            rest[16..20].fill(0);
            if has_options {
                rest[20..32].copy_from_slice(&[2, 4, 5, 180, 1, 3, 3, 8, 1, 1, 4, 2]);
            }
            16
        }
        Transport::Udp => {
            let len = rest.len() as u16;
            rest[..2].copy_from_slice(&from.to_be_bytes());
            rest[2..4].copy_from_slice(&to.to_be_bytes());
            rest[4..6].copy_from_slice(&len.to_be_bytes());
            rest[6..8].fill(0);
            6
        }
        _ => {
            let kind = if segment.side == 0 { 8 } else { 0 };
            rest[..4].copy_from_slice(&[kind, 0, 0, 0]);
            rest[4..6].copy_from_slice(&flow.source_port.to_be_bytes());
            rest[6..8].copy_from_slice(&((segment.number + 1) as u16).to_be_bytes());
            2
        }
    };
    let checksum = pseudo.add(rest).fold();
    // A UDP checksum of 0 would mean that there is none.
    let checksum = if checksum == 0 && flow.transport == Transport::Udp { 0xffff } else { checksum };
    rest[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
}

fn write_arp(flow: &Flow, side: usize, (source, destination): (IpAddr, IpAddr), out: &mut [u8]) {
    let operation = match (&flow.detail, side) {
        (Detail::Arp { operation }, 0) => *operation,
        _ => 2,
    };
    let octets = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.octets(),
        IpAddr::V6(_) => [0; 4],
    };
    let [sender, receiver] = flow.links[side];
    let asked = if operation == 1 { 0 } else { receiver };
    out[..8].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, operation]);
    out[8..14].copy_from_slice(&sender.to_be_bytes()[2..]);
    out[14..18].copy_from_slice(&octets(source));
    out[18..24].copy_from_slice(&asked.to_be_bytes()[2..]);
    out[24..28].copy_from_slice(&octets(destination));
}

/// Hops left: hosts of the office are near, the others some hops away.
fn time_to_live(source: IpAddr) -> u8 {
    match source {
        IpAddr::V4(v4) if v4.octets()[..2] == [10, 20] => 64 + 64 * u8::from(v4.octets()[2] % 100 != 0),
        IpAddr::V4(v4) => 44 + v4.octets()[3] % 12,
        IpAddr::V6(_) => 58,
    }
}

/// The sum of the internet checksum (RFC 1071).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum(u64);

impl Sum {
    pub(crate) fn add(self, bytes: &[u8]) -> Self {
        let pairs = bytes.chunks_exact(2);
        let last = pairs.remainder().first().map_or(0, |&byte| u64::from(byte) << 8);
        let sum: u32 = pairs.map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        Self(self.0 + u64::from(sum) + last)
    }

    pub(crate) fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        !(sum as u16)
    }
}

/// The first bytes of a capture file: microseconds, Ethernet, little-endian (the pcap format of libpcap).
pub fn pcap_header(snap_bytes: u32) -> [u8; 24] {
    let mut header = [0; 24];
    header[..4].copy_from_slice(&0xa1b2_c3d4_u32.to_le_bytes());
    header[4..6].copy_from_slice(&2u16.to_le_bytes());
    header[6..8].copy_from_slice(&4u16.to_le_bytes());
    header[16..20].copy_from_slice(&snap_bytes.to_le_bytes());
    header[20..24].copy_from_slice(&1u32.to_le_bytes());
    header
}

/// Appends a packet of a capture file, cut to the snap length.
pub fn pcap_record(at_ns: i64, snap_bytes: u32, frame: &[u8], out: &mut Vec<u8>) {
    let at_us = at_ns.div_euclid(1_000);
    let kept = frame.len().min(snap_bytes as usize);
    for value in [
        at_us.div_euclid(1_000_000) as u32,
        at_us.rem_euclid(1_000_000) as u32,
        kept as u32,
        frame.len() as u32,
    ] {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(&frame[..kept]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_example_of_rfc_1071() {
        // Section 3: the sum of 0001 f203 f4f5 f6f7 is ddf2.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(!Sum::default().add(&bytes).fold(), 0xddf2);
        assert_eq!(!Sum::default().add(&[0x12]).fold(), 0x1200);
    }
}
