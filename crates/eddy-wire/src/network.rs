//! IPv4, IPv6 and its extension headers.

use crate::cursor::{Cursor, u16_at};
use crate::decode::{Step, Walk};
use crate::packet::{FragmentPart, Network, Reason, mapped, protocol};

/// Cuts the packet at the length its header states; Ethernet pads short ones.
#[inline]
fn bound(walk: &mut Walk<'_, '_>, declared: u32) {
    walk.declared = declared;
    let most = usize::try_from(declared).unwrap_or(usize::MAX);
    if walk.cursor.len() > most {
        walk.cursor = Cursor::new(walk.cursor.rest().get(..most).unwrap_or_default());
    }
}

#[inline]
pub(crate) fn ipv4(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let on_wire = walk.on_wire();
    let header = walk.cursor.array::<20>().ok_or(Reason::IpTruncated)?;
    let [first, class, l1, l2, i1, i2, f1, f2, ttl, protocol, _, _, s1, s2, s3, s4, d1, d2, d3, d4] = header;
    if first >> 4 != 4 {
        return Err(Reason::IpVersion);
    }
    let header_len = u16::from(first & 0x0f) << 2;
    let Some(options) = header_len.checked_sub(20) else { return Err(Reason::IpHeader) };
    let total = match u16::from_be_bytes([l1, l2]) {
        // Segmentation in the network card: the length is not known yet when the packet is captured.
        0 => on_wire,
        total => u32::from(total),
    };
    let declared = total.checked_sub(u32::from(header_len)).ok_or(Reason::IpHeader)?;
    if options > 0 {
        walk.cursor.skip(usize::from(options)).ok_or(Reason::IpTruncated)?;
    }
    bound(walk, declared);
    let packet = &mut walk.packet;
    packet.network = Network::Ipv4;
    packet.source = mapped([s1, s2, s3, s4]);
    packet.destination = mapped([d1, d2, d3, d4]);
    packet.protocol = protocol;
    packet.ttl = ttl;
    packet.traffic_class = class;
    packet.identification = u32::from(u16::from_be_bytes([i1, i2]));
    packet.ip_len = total;
    let fragment = u16::from_be_bytes([f1, f2]);
    Ok(fragment_of(walk, (fragment & 0x1fff) << 3, fragment & 0x2000 != 0, protocol))
}

#[inline]
fn fragment_of(walk: &mut Walk<'_, '_>, offset: u16, more: bool, protocol: u8) -> Step {
    walk.packet.more_fragments = more;
    if offset > 0 {
        walk.packet.fragment = FragmentPart::Later;
        walk.packet.fragment_offset = offset;
        walk.end_here();
        return Step::Done;
    }
    if more {
        walk.packet.fragment = FragmentPart::First;
    }
    Step::Transport(protocol)
}

#[inline]
pub(crate) fn ipv6(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let header = walk.cursor.array::<40>().ok_or(Reason::IpTruncated)?;
    let (fixed, addresses) = header.split_at(8);
    let [first, second, _, _, l1, l2, next, ttl] = *fixed else { return Err(Reason::IpTruncated) };
    if first >> 4 != 6 {
        return Err(Reason::IpVersion);
    }
    let (source, destination) = addresses.split_at(16);
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |chunk| u128::from_be_bytes(*chunk));
    let declared = match u16::from_be_bytes([l1, l2]) {
        // A jumbogram, or segmentation in the network card.
        0 => walk.on_wire(),
        length => u32::from(length),
    };
    bound(walk, declared);
    let packet = &mut walk.packet;
    packet.network = Network::Ipv6;
    packet.source = number(source);
    packet.destination = number(destination);
    packet.protocol = next;
    packet.ttl = ttl;
    packet.traffic_class = (first << 4) | (second >> 4);
    packet.ip_len = declared.saturating_add(40);
    extensions(walk, next)
}

/// Goes through the extension headers; each counts as a header of the packet.
#[inline]
fn extensions(walk: &mut Walk<'_, '_>, mut next: u8) -> Result<Step, Reason> {
    loop {
        // Hop-by-hop, routing, destination, mobility, host identity, shim: length in units of 8 bytes.
        let len = match next {
            0 | 43 | 60 | 135 | 139 | 140 => {
                let len = walk.cursor.rest().get(1).map(|units| usize::from(*units).saturating_mul(8));
                len.ok_or(Reason::IpTruncated)?.saturating_add(8)
            }
            44 => 8,
            protocol::AH => {
                let len = walk.cursor.rest().get(1).map(|words| usize::from(*words).saturating_mul(4));
                len.ok_or(Reason::IpTruncated)?.saturating_add(8)
            }
            other => {
                walk.packet.protocol = other;
                return Ok(Step::Transport(other));
            }
        };
        walk.deeper()?;
        let header = walk.cursor.take(len).ok_or(Reason::IpTruncated)?;
        walk.declared = walk.declared.saturating_sub(u32::try_from(len).unwrap_or(u32::MAX));
        let fragment = (next == 44).then(|| header.first_chunk::<8>()).flatten();
        next = header.first().copied().unwrap_or(protocol::NO_NEXT);
        walk.packet.protocol = next;
        if let Some(&[_, _, o1, o2, i1, i2, i3, i4]) = fragment {
            let word = u16::from_be_bytes([o1, o2]);
            walk.packet.identification = u32::from_be_bytes([i1, i2, i3, i4]);
            let (offset, more) = (word & 0xfff8, word & 1 != 0);
            if offset > 0 {
                return Ok(fragment_of(walk, offset, more, next));
            }
            if more {
                walk.packet.more_fragments = true;
                walk.packet.fragment = FragmentPart::First;
            }
        }
    }
}

/// The addresses, protocol and ports of a packet that an ICMP error quotes.
pub(crate) fn embedded(bytes: &[u8]) -> Option<crate::packet::Embedded> {
    let mut cursor = Cursor::new(bytes);
    let mut found = crate::packet::Embedded::default();
    match bytes.first()? >> 4 {
        4 => {
            let [first, .., p, _, _, s1, s2, s3, s4, d1, d2, d3, d4] = cursor.array::<20>()?;
            found.protocol = p;
            found.source = mapped([s1, s2, s3, s4]);
            found.destination = mapped([d1, d2, d3, d4]);
            cursor.skip(usize::from((first & 0x0f) << 2).checked_sub(20)?)?;
            // Later fragments have no ports.
            if u16_at(bytes, 6)? & 0x1fff != 0 {
                return Some(found);
            }
        }
        6 => {
            cursor.skip(6)?;
            found.protocol = cursor.u8()?;
            cursor.skip(1)?;
            found.source = u128::from_be_bytes(cursor.array()?);
            found.destination = u128::from_be_bytes(cursor.array()?);
        }
        _ => return None,
    }
    if matches!(
        found.protocol,
        protocol::TCP | protocol::UDP | protocol::SCTP | protocol::DCCP | protocol::UDP_LITE
    ) {
        found.source_port = cursor.u16().unwrap_or(0);
        found.destination_port = cursor.u16().unwrap_or(0);
    }
    Some(found)
}
