//! GRE, and the tunnels over UDP that are known by their ports.

use crate::cursor::Cursor;
use crate::decode::{Step, Walk};
use crate::packet::TunnelKind;

const L2TP: u16 = 1701;
const GTP: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const MPLS: u16 = 6635;
/// The port of VXLAN before it was assigned one, still Linux's default.
const VXLAN_OLD: u16 = 8472;

/// Whether a tunnel is known at this port.
#[inline]
pub(crate) fn is_port(port: u16) -> bool {
    matches!(port, L2TP | GTP | TEREDO | VXLAN | VXLAN_GPE | GENEVE | MPLS | VXLAN_OLD)
}

/// What the header of a tunnel says.
struct Found {
    kind: TunnelKind,
    id: u32,
    next: Step,
}

/// Looks for the tunnel that a port stands for; where there is none, the packet is one of UDP.
#[cold]
pub(crate) fn over_udp(walk: &mut Walk<'_, '_>) -> Step {
    let packet = &walk.packet;
    let mut cursor = walk.cursor;
    let port = if is_port(packet.destination_port) { packet.destination_port } else { packet.source_port };
    let to_server = port == packet.destination_port;
    let found = match port {
        GTP => gtp(&mut cursor),
        TEREDO => teredo(&mut cursor),
        VXLAN | VXLAN_OLD if to_server => vxlan(&mut cursor),
        VXLAN_GPE if to_server => vxlan_gpe(&mut cursor),
        GENEVE if to_server => geneve(&mut cursor),
        MPLS if to_server => Some(Found { kind: TunnelKind::Mpls, id: 0, next: Step::Mpls }),
        L2TP => l2tp(&mut cursor),
        _ => None,
    };
    let Some(found) = found else { return Step::Done };
    walk.enter(found.kind, found.id);
    walk.cursor = cursor;
    found.next
}

/// RFC 7348, section 5.
fn vxlan(cursor: &mut Cursor<'_>) -> Option<Found> {
    let flags = cursor.u8()?;
    cursor.skip(3)?;
    let id = cursor.u24()?;
    cursor.skip(1)?;
    (flags & 0x08 != 0).then_some(Found { kind: TunnelKind::Vxlan, id, next: Step::Ethernet })
}

fn vxlan_gpe(cursor: &mut Cursor<'_>) -> Option<Found> {
    let flags = cursor.u8()?;
    cursor.skip(2)?;
    let next = match cursor.u8()? {
        1 => Step::Ipv4,
        2 => Step::Ipv6,
        3 => Step::Ethernet,
        5 => Step::Mpls,
        _ => return None,
    };
    let id = cursor.u24()?;
    cursor.skip(1)?;
    (flags & 0x0c == 0x0c).then_some(Found { kind: TunnelKind::Vxlan, id, next })
}

/// RFC 8926, section 3.4.
fn geneve(cursor: &mut Cursor<'_>) -> Option<Found> {
    let first = cursor.u8()?;
    cursor.skip(1)?;
    let ether_type = cursor.u16()?;
    let id = cursor.u24()?;
    cursor.skip(1)?;
    cursor.skip(usize::from(first & 0x3f) << 2)?;
    (first >> 6 == 0).then_some(Found { kind: TunnelKind::Geneve, id, next: Step::EtherType(ether_type) })
}

/// 3GPP TS 29.281, section 5: only user data (255) is entered.
fn gtp(cursor: &mut Cursor<'_>) -> Option<Found> {
    let [flags, kind] = cursor.array()?;
    if flags & 0xf0 != 0x30 || kind != 0xff {
        return None;
    }
    cursor.skip(2)?;
    let id = cursor.u32()?;
    if flags & 0x07 != 0 {
        cursor.skip(3)?;
        let mut next = cursor.u8()?;
        while flags & 0x04 != 0 && next != 0 {
            // A length of 0 would not go on.
            let len = (usize::from(cursor.u8()?) << 2).checked_sub(2)?;
            cursor.skip(len)?;
            next = cursor.u8()?;
        }
    }
    Some(Found { kind: TunnelKind::Gtp, id, next: Step::Ip })
}

/// RFC 4380, section 5.1.1: IPv6, after an authentication or origin indication or none.
fn teredo(cursor: &mut Cursor<'_>) -> Option<Found> {
    if cursor.rest().starts_with(&[0, 1]) {
        cursor.skip(2)?;
        let [client, auth] = cursor.array()?;
        cursor.skip(usize::from(client).saturating_add(usize::from(auth)).saturating_add(9))?;
    }
    if cursor.rest().starts_with(&[0, 0]) {
        cursor.skip(8)?;
    }
    let first = cursor.rest().first()?;
    (first >> 4 == 6).then_some(Found { kind: TunnelKind::Teredo, id: 0, next: Step::Ipv6 })
}

/// RFC 2661, section 3.1: data messages carry PPP.
fn l2tp(cursor: &mut Cursor<'_>) -> Option<Found> {
    let flags = cursor.u16()?;
    if flags & 0x800f != 0x0002 {
        return None;
    }
    if flags & 0x4000 != 0 {
        cursor.skip(2)?;
    }
    let id = cursor.u32()?;
    if flags & 0x0800 != 0 {
        cursor.skip(4)?;
    }
    if flags & 0x0200 != 0 {
        let offset = cursor.u16()?;
        cursor.skip(usize::from(offset))?;
    }
    Some(Found { kind: TunnelKind::L2tp, id, next: Step::Ppp })
}

/// RFC 2784 and 2890; version 1 as in RFC 2637, section 4.1.
pub(crate) fn gre(walk: &mut Walk<'_, '_>) -> Step {
    let mut cursor = walk.cursor;
    let Some((id, next)) = gre_header(&mut cursor) else {
        walk.end_here();
        return Step::Done;
    };
    walk.enter(TunnelKind::Gre, id);
    walk.cursor = cursor;
    next
}

fn gre_header(cursor: &mut Cursor<'_>) -> Option<(u32, Step)> {
    let flags = cursor.u16()?;
    let kind = cursor.u16()?;
    let has = |bit: u16| flags & bit != 0;
    if flags & 0x0007 == 1 {
        let key = cursor.u32()?;
        cursor.skip(if has(0x1000) { 4 } else { 0 })?;
        cursor.skip(if has(0x0080) { 4 } else { 0 })?;
        // The key is the length and the call; a packet that only acknowledges carries nothing.
        return (kind == 0x880b && has(0x1000)).then_some((key & 0xffff, Step::Ppp));
    }
    // Source routes (0x4000) were never used; RFC 2784 allows to drop them.
    if flags & 0x0007 != 0 || has(0x4000) {
        return None;
    }
    cursor.skip(if has(0x8000) { 4 } else { 0 })?;
    let key = if has(0x2000) { cursor.u32()? } else { 0 };
    cursor.skip(if has(0x1000) { 4 } else { 0 })?;
    match kind {
        // ERSPAN I has no header of its own, II has 8 bytes; they differ by the sequence number.
        0x88be => {
            cursor.skip(if has(0x1000) { 8 } else { 0 })?;
            Some((key, Step::Ethernet))
        }
        0x22eb => {
            let sub_header = cursor.take(12)?.last().is_some_and(|byte| byte & 1 != 0);
            cursor.skip(if sub_header { 8 } else { 0 })?;
            Some((key, Step::Ethernet))
        }
        0x6558 => Some((key, Step::Ethernet)),
        // Web caches put 4 bytes of their own before the packet, or none.
        0x883e => {
            if cursor.rest().first().is_some_and(|byte| byte >> 4 != 4) {
                cursor.skip(4)?;
            }
            Some((key, Step::Ip))
        }
        0x880b => Some((key, Step::Ppp)),
        // HDLC as Cisco keeps it for its own.
        0x0001..=0x05ff => None,
        other => Some((key, Step::EtherType(other))),
    }
}
