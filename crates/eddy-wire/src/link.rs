//! Link layers: from the first byte of a frame to IP.

use crate::cursor::Cursor;
use crate::decode::{Step, Walk};
use crate::packet::{Arp, Network, Reason, TunnelKind, mapped};
use crate::wlan;

/// How the bytes of a frame begin: a number of the list at tcpdump.org, as capture files carry it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(
    /// The number.
    pub u32,
);

impl LinkType {
    /// BSD loopback: the address family as 4 bytes in the order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// Token Ring.
    pub const TOKEN_RING: Self = Self(6);
    /// SLIP with a header of 16 bytes.
    pub const SLIP: Self = Self(8);
    /// PPP, with or without address and control.
    pub const PPP: Self = Self(9);
    /// FDDI.
    pub const FDDI: Self = Self(10);
    /// IP without anything before it, as most capture files number it.
    pub const RAW: Self = Self(101);
    /// PPP or Cisco's HDLC, told apart by the first byte.
    pub const PPP_HDLC: Self = Self(50);
    /// A PPPoE session.
    pub const PPP_ETHER: Self = Self(51);
    /// ATM with LLC.
    pub const ATM_RFC1483: Self = Self(100);
    /// Cisco's HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// 802.11.
    pub const WLAN: Self = Self(105);
    /// Frame Relay.
    pub const FRAME_RELAY: Self = Self(107);
    /// OpenBSD loopback: as [`Self::NULL`], in network order.
    pub const LOOP: Self = Self(108);
    /// Linux "any" device.
    pub const LINUX_SLL: Self = Self(113);
    /// OpenBSD's firewall log.
    pub const PFLOG: Self = Self(117);
    /// 802.11 with a Prism header.
    pub const PRISM: Self = Self(119);
    /// 802.11 with a radiotap header.
    pub const RADIOTAP: Self = Self(127);
    /// IP over FireWire.
    pub const FIREWIRE: Self = Self(138);
    /// 802.11 with an AVS header.
    pub const AVS: Self = Self(163);
    /// PPP with a byte for the direction (Linux).
    pub const PPP_DIRECTION: Self = Self(166);
    /// A header that tells the link type of the rest.
    pub const PPI: Self = Self(192);
    /// PPP with a byte for the direction.
    pub const PPP_WITH_DIRECTION: Self = Self(204);
    /// Solaris between zones.
    pub const IPNET: Self = Self(226);
    /// IPv4.
    pub const IPV4: Self = Self(228);
    /// IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux firewall log.
    pub const NFLOG: Self = Self(239);
    /// Apple's capture header.
    pub const PKTAP: Self = Self(258);
    /// Linux "any" device, second version.
    pub const LINUX_SLL2: Self = Self(276);
    /// Ethernet with the tag of a Broadcom switch.
    pub const BRCM_TAG: Self = Self(281);
    /// Ethernet after the tag of a Broadcom switch.
    pub const BRCM_PREPEND: Self = Self(282);
    /// Ethernet with the tag of a Marvell switch.
    pub const DSA: Self = Self(284);
    /// Ethernet with the long tag of a Marvell switch.
    pub const EDSA: Self = Self(285);
}

/// Types of Ethernet frames.
mod kind {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const ARP: u16 = 0x0806;
    pub(super) const RARP: u16 = 0x8035;
    pub(super) const BRIDGED: u16 = 0x6558;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const PPP: u16 = 0x880b;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const MPLS_MULTICAST: u16 = 0x8848;
    pub(super) const PPPOE: u16 = 0x8864;
    pub(super) const BACKBONE: u16 = 0x88e7;
    pub(super) const CISCO_METADATA: u16 = 0x8909;
    pub(super) const SERVICE_HEADER: u16 = 0x894f;
}

/// Skips bytes of a link header.
fn skip(walk: &mut Walk<'_, '_>, n: usize) -> Result<(), Reason> {
    walk.cursor.skip(n).ok_or(Reason::LinkTruncated)
}

#[cold]
pub(crate) fn start(walk: &mut Walk<'_, '_>, link: LinkType) -> Result<Step, Reason> {
    match link {
        LinkType::ETHERNET => Ok(Step::Ethernet),
        // 12 and 14 are the numbers of RAW on some systems.
        LinkType::RAW | LinkType(12 | 14) => Ok(Step::Ip),
        LinkType::IPV4 => Ok(Step::Ipv4),
        LinkType::IPV6 => Ok(Step::Ipv6),
        LinkType::SLIP => skip(walk, 16).map(|()| Step::Ip),
        LinkType::NULL | LinkType::LOOP => family_word(walk),
        LinkType::LINUX_SLL => linux_any(walk),
        LinkType::LINUX_SLL2 => linux_any_2(walk),
        // Some captures of Cisco's HDLC are numbered as PPP.
        LinkType::PPP | LinkType::PPP_HDLC => Ok(Step::PppOrHdlc),
        LinkType::PPP_DIRECTION | LinkType::PPP_WITH_DIRECTION => skip(walk, 1).map(|()| Step::Ppp),
        LinkType::PPP_ETHER => pppoe(walk),
        LinkType::CISCO_HDLC => Ok(Step::CiscoHdlc),
        // Classical IP over ATM (106) uses the same header.
        LinkType::ATM_RFC1483 | LinkType(106) => Ok(Step::Llc),
        LinkType::FRAME_RELAY => frame_relay(walk),
        LinkType::FDDI => skip(walk, 13).map(|()| Step::Llc),
        LinkType::TOKEN_RING => token_ring(walk),
        LinkType::FIREWIRE => {
            skip(walk, 16)?;
            walk.cursor.u16().map(Step::EtherType).ok_or(Reason::LinkTruncated)
        }
        LinkType::WLAN => Ok(Step::Wlan),
        LinkType::RADIOTAP => wlan::radiotap(walk),
        LinkType::PRISM | LinkType::AVS => wlan::prism_or_avs(walk),
        LinkType::PPI => told_by_header(walk, 2, 4, 2),
        // 149 is a number for users that Apple's system used.
        LinkType::PKTAP | LinkType(149) => told_by_header(walk, 0, 8, 4),
        LinkType::PFLOG => firewall_log(walk),
        LinkType::NFLOG => linux_firewall_log(walk),
        LinkType::IPNET => zones(walk),
        LinkType::BRCM_TAG | LinkType::DSA => switch_tag(walk, 4),
        LinkType::EDSA => switch_tag(walk, 8),
        LinkType::BRCM_PREPEND => skip(walk, 4).map(|()| Step::Ethernet),
        _ => Err(Reason::UnsupportedLink),
    }
}

#[inline]
pub(crate) fn ethernet(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let header = walk.cursor.array::<14>().ok_or(Reason::LinkTruncated)?;
    let [d1, d2, d3, d4, d5, d6, s1, s2, s3, s4, s5, s6, t1, t2] = header;
    if walk.packet.n_tunnels == 0 {
        walk.packet.destination_mac = [d1, d2, d3, d4, d5, d6];
        walk.packet.source_mac = [s1, s2, s3, s4, s5, s6];
    }
    ether_type(walk, u16::from_be_bytes([t1, t2]))
}

#[inline]
pub(crate) fn ether_type(walk: &mut Walk<'_, '_>, kind: u16) -> Result<Step, Reason> {
    walk.packet.ether_type = kind;
    match kind {
        kind::IPV4 => Ok(Step::Ipv4),
        kind::IPV6 => Ok(Step::Ipv6),
        _ => other_type(walk, kind),
    }
}

fn other_type(walk: &mut Walk<'_, '_>, kind: u16) -> Result<Step, Reason> {
    match kind {
        kind::ARP | kind::RARP => arp(walk),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
            let tag = walk.cursor.u16().ok_or(Reason::LinkTruncated)? & 0x0fff;
            let packet = &mut walk.packet;
            match packet.n_vlans {
                0 => packet.vlan = tag,
                _ => packet.inner_vlan = tag,
            }
            packet.n_vlans = packet.n_vlans.saturating_add(1);
            walk.cursor.u16().map(Step::EtherType).ok_or(Reason::LinkTruncated)
        }
        kind::MPLS | kind::MPLS_MULTICAST => Ok(Step::Mpls),
        kind::PPPOE => pppoe(walk),
        kind::PPP => Ok(Step::Ppp),
        kind::BRIDGED => Ok(Step::Ethernet),
        kind::BACKBONE => {
            skip(walk, 4)?;
            Ok(Step::Ethernet)
        }
        kind::CISCO_METADATA => {
            skip(walk, 6)?;
            walk.cursor.u16().map(Step::EtherType).ok_or(Reason::LinkTruncated)
        }
        kind::SERVICE_HEADER => service_header(walk),
        0..=1500 => Ok(Step::Llc),
        _ => Err(Reason::NotIp),
    }
}

/// The network service header (RFC 8300, section 2.2): its length is in words of 4 bytes.
fn service_header(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [_, words, _, next] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    let rest = (usize::from(words & 0x3f) << 2).checked_sub(4).ok_or(Reason::LinkHeader)?;
    skip(walk, rest)?;
    match next {
        1 => Ok(Step::Ipv4),
        2 => Ok(Step::Ipv6),
        3 => Ok(Step::Ethernet),
        5 => Ok(Step::Mpls),
        _ => Err(Reason::NotIp),
    }
}

/// Logical link control, and the subnetwork access protocol that most use over it.
pub(crate) fn llc(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [to, from, control] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    match (to, from, control) {
        (0xaa, 0xaa, 0x03) => {
            let organisation: [u8; 3] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
            let kind = walk.cursor.u16().ok_or(Reason::LinkTruncated)?;
            match organisation {
                [0, 0, 0 | 0xf8] => Ok(Step::EtherType(kind)),
                // Ethernet bridged over ATM or Frame Relay, with or without its checksum.
                [0, 0x80, 0xc2] if matches!(kind, 1 | 7) => Ok(Step::Ethernet),
                _ => Err(Reason::NotIp),
            }
        }
        (0x06, 0x06, 0x03) => Ok(Step::Ipv4),
        _ => Err(Reason::NotIp),
    }
}

fn arp(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let mut cursor = walk.cursor;
    let mut read = || {
        let [_, hardware, p1, p2, 6, 4, o1, o2] = cursor.array::<8>()? else { return None };
        let sender_mac = cursor.array()?;
        let sender = cursor.array()?;
        let target_mac = cursor.array()?;
        let target = cursor.array()?;
        let arp = Arp { operation: u16::from_be_bytes([o1, o2]), sender_mac, target_mac };
        (hardware != 0 && [p1, p2] == [8, 0]).then_some((arp, sender, target))
    };
    let found = read();
    walk.packet.network = Network::Arp;
    walk.declared = walk.on_wire();
    walk.end_here();
    let Some((arp, sender, target)) = found else { return Err(Reason::LinkTruncated) };
    walk.packet.arp = Some(arp);
    walk.packet.source = mapped(sender);
    walk.packet.destination = mapped(target);
    Ok(Step::Done)
}

/// A stack of labels, and what is likely under it.
pub(crate) fn mpls(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    loop {
        let word = walk.cursor.u32().ok_or(Reason::LinkTruncated)?;
        walk.packet.mpls_label = word >> 12;
        if walk.packet.tunnel == TunnelKind::Mpls {
            walk.packet.tunnel_id = word >> 12;
        }
        if word & 0x100 != 0 {
            break;
        }
        walk.deeper()?;
    }
    match walk.cursor.rest().first().map(|byte| byte >> 4) {
        Some(4) => Ok(Step::Ipv4),
        Some(6) => Ok(Step::Ipv6),
        // A control word and Ethernet (RFC 4385, 4448).
        Some(0) => skip(walk, 4).map(|()| Step::Ethernet),
        Some(_) => Err(Reason::NotIp),
        None => Err(Reason::LinkTruncated),
    }
}

fn pppoe(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [_, _, s1, s2, _, _] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    walk.packet.pppoe_session = u16::from_be_bytes([s1, s2]);
    Ok(Step::Ppp)
}

pub(crate) fn ppp(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    if walk.cursor.rest().starts_with(&[0xff, 0x03]) {
        skip(walk, 2)?;
    }
    // A number of one byte is odd.
    let first = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
    let protocol = if first & 1 == 1 {
        u16::from(first)
    } else {
        u16::from_be_bytes([first, walk.cursor.u8().ok_or(Reason::LinkTruncated)?])
    };
    match protocol {
        0x0021 => Ok(Step::Ipv4),
        0x0057 => Ok(Step::Ipv6),
        0x0281 | 0x0283 => Ok(Step::Mpls),
        _ => Err(Reason::NotIp),
    }
}

pub(crate) fn ppp_or_hdlc(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    match walk.cursor.rest().first() {
        Some(0x0f | 0x8f) => Ok(Step::CiscoHdlc),
        Some(_) => Ok(Step::Ppp),
        None => Err(Reason::LinkTruncated),
    }
}

pub(crate) fn cisco_hdlc(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    skip(walk, 2)?;
    let kind = walk.cursor.u16().ok_or(Reason::LinkTruncated)?;
    // Keep-alives and ISO have numbers of their own.
    if kind < 0x0600 { Err(Reason::NotIp) } else { Ok(Step::EtherType(kind)) }
}

/// RFC 2427: an address of 2 to 4 bytes, control, and the number of the network protocol.
fn frame_relay(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let mut address = walk.cursor.take(2).ok_or(Reason::LinkTruncated)?.last().copied().unwrap_or(1);
    for _ in 0..2 {
        if address & 1 == 0 {
            address = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
        }
    }
    let control = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
    if control != 0x03 {
        // Cisco's way: the type comes at once.
        let low = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
        let kind = u16::from_be_bytes([control, low]);
        return if kind < 0x0600 { Err(Reason::NotIp) } else { Ok(Step::EtherType(kind)) };
    }
    let mut network = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
    if network == 0 {
        network = walk.cursor.u8().ok_or(Reason::LinkTruncated)?;
    }
    match network {
        0xcc => Ok(Step::Ipv4),
        0x8e => Ok(Step::Ipv6),
        0x80 => {
            let organisation: [u8; 3] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
            let kind = walk.cursor.u16().ok_or(Reason::LinkTruncated)?;
            match organisation {
                [0, 0, 0] => Ok(Step::EtherType(kind)),
                [0, 0x80, 0xc2] if matches!(kind, 1 | 7) => Ok(Step::Ethernet),
                _ => Err(Reason::NotIp),
            }
        }
        _ => Err(Reason::NotIp),
    }
}

fn token_ring(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    skip(walk, 8)?;
    let source: [u8; 6] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    if source.first().is_some_and(|byte| byte & 0x80 != 0) {
        let route = walk.cursor.rest().first().map(|byte| usize::from(byte & 0x1f));
        skip(walk, route.ok_or(Reason::LinkTruncated)?)?;
    }
    Ok(Step::Llc)
}

/// What follows for an address family, as the systems number them.
fn family(number: u32) -> Result<Step, Reason> {
    match number {
        2 => Ok(Step::Ipv4),
        10 | 24 | 28 | 30 => Ok(Step::Ipv6),
        _ => Err(Reason::NotIp),
    }
}

fn family_word(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let word = walk.cursor.u32().ok_or(Reason::LinkTruncated)?;
    family(word.min(word.swap_bytes()))
}

fn linux_any(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let header = walk.cursor.array::<16>().ok_or(Reason::LinkTruncated)?;
    let [_, _, _, _, _, _, s1, s2, s3, s4, s5, s6, _, _, t1, t2] = header;
    walk.packet.source_mac = [s1, s2, s3, s4, s5, s6];
    linux_type(u16::from_be_bytes([t1, t2]))
}

fn linux_any_2(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [t1, t2, rest @ ..] = walk.cursor.array::<20>().ok_or(Reason::LinkTruncated)?;
    if let Some([s1, s2, s3, s4, s5, s6, ..]) = rest.get(10..) {
        walk.packet.source_mac = [*s1, *s2, *s3, *s4, *s5, *s6];
    }
    linux_type(u16::from_be_bytes([t1, t2]))
}

fn linux_type(kind: u16) -> Result<Step, Reason> {
    match kind {
        4 => Ok(Step::Llc),
        0..0x0600 => Err(Reason::NotIp),
        _ => Ok(Step::EtherType(kind)),
    }
}

/// A header with its length (2 or 4 bytes, little-endian) and, further on, the link type of what follows.
fn told_by_header(
    walk: &mut Walk<'_, '_>,
    len_at: usize,
    type_at: usize,
    width: usize,
) -> Result<Step, Reason> {
    let word = |at: usize| {
        let mut cursor: Cursor<'_> = walk.cursor;
        cursor.skip(at)?;
        Some(u32::from_le_bytes(cursor.array()?))
    };
    let len = word(len_at).ok_or(Reason::LinkTruncated)?;
    let len = if width == 2 { len & 0xffff } else { len };
    let link = LinkType(word(type_at).ok_or(Reason::LinkTruncated)?);
    // It has to go on, or one header could tell of itself for ever.
    if len < 8 || matches!(link, LinkType::PPI | LinkType::PKTAP) {
        return Err(Reason::LinkHeader);
    }
    skip(walk, usize::try_from(len).unwrap_or(usize::MAX))?;
    Ok(Step::Link(link))
}

fn firewall_log(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [len, number] = walk.cursor.rest().first_chunk::<2>().copied().ok_or(Reason::LinkTruncated)?;
    skip(walk, usize::from(len).next_multiple_of(4))?;
    family(u32::from(number))
}

fn linux_firewall_log(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [number, _, _, _] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    loop {
        let [l1, l2, k1, k2] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
        // In the order of the capturing machine: lengths are small.
        let (len, kind) = match (u16::from_le_bytes([l1, l2]), u16::from_be_bytes([l1, l2])) {
            (little, big) if little <= big => (little, u16::from_le_bytes([k1, k2])),
            (_, big) => (big, u16::from_be_bytes([k1, k2])),
        };
        if kind == 9 {
            return family(u32::from(number));
        }
        let value = usize::from(len).checked_sub(4).ok_or(Reason::LinkHeader)?;
        skip(walk, value.next_multiple_of(4))?;
    }
}

fn zones(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [_, number] = walk.cursor.rest().first_chunk::<2>().copied().ok_or(Reason::LinkTruncated)?;
    skip(walk, 24)?;
    match number {
        2 => Ok(Step::Ipv4),
        26 => Ok(Step::Ipv6),
        _ => Err(Reason::NotIp),
    }
}

/// The tag of a switch between the addresses and the type.
fn switch_tag(walk: &mut Walk<'_, '_>, tag: usize) -> Result<Step, Reason> {
    walk.packet.destination_mac = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    walk.packet.source_mac = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    skip(walk, tag)?;
    walk.cursor.u16().map(Step::EtherType).ok_or(Reason::LinkTruncated)
}
