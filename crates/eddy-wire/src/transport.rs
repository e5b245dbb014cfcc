//! TCP, UDP, ICMP, SCTP, DCCP, and what rides on IP directly.

use crate::cursor::{Cursor, len32, u16_at};
use crate::decode::{Step, Walk};
use crate::limits::Tunnels;
use crate::network::embedded;
use crate::packet::{Reason, TCP_SYN, TcpHeader, TunnelKind, protocol};
use crate::tunnel;

#[inline]
pub(crate) fn start(walk: &mut Walk<'_, '_>, protocol: u8) -> Result<Step, Reason> {
    match protocol {
        protocol::TCP => tcp(walk),
        protocol::UDP | protocol::UDP_LITE => udp(walk),
        protocol::ICMP | protocol::ICMPV6 => icmp(walk, protocol),
        protocol::SCTP | protocol::DCCP => ports_and_more(walk, 12),
        protocol::AH => authentication(walk),
        _ => other(walk, protocol),
    }
}

#[cold]
fn other(walk: &mut Walk<'_, '_>, protocol: u8) -> Result<Step, Reason> {
    let allowed = walk.limits.tunnels;
    let step = match protocol {
        protocol::IPV4 | protocol::IPV6 if allowed != Tunnels::None => {
            walk.enter(TunnelKind::IpInIp, 0);
            Step::Ip
        }
        protocol::ETHERIP if allowed == Tunnels::All => {
            walk.enter(TunnelKind::EtherIp, 0);
            walk.cursor.skip(2).ok_or(Reason::TunnelHeader)?;
            Step::Ethernet
        }
        protocol::GRE if allowed == Tunnels::All => tunnel::gre(walk),
        protocol::MPLS if allowed == Tunnels::All => {
            walk.enter(TunnelKind::Mpls, 0);
            Step::Mpls
        }
        _ => {
            walk.end_here();
            Step::Done
        }
    };
    Ok(step)
}

/// Ports alone, of a header that is cut or wrong.
fn ports(walk: &mut Walk<'_, '_>) {
    let bytes = walk.cursor.rest();
    if let (Some(source), Some(destination)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        walk.packet.source_port = source;
        walk.packet.destination_port = destination;
    }
}

#[inline]
fn tcp(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let Some(header) = walk.cursor.rest().first_chunk::<20>() else {
        ports(walk);
        return Err(Reason::TransportTruncated);
    };
    let [sp1, sp2, dp1, dp2, s1, s2, s3, s4, a1, a2, a3, a4, f1, f2, w1, w2, ..] = *header;
    walk.packet.source_port = u16::from_be_bytes([sp1, sp2]);
    walk.packet.destination_port = u16::from_be_bytes([dp1, dp2]);
    let header_len = (f1 >> 4) << 2;
    let flags = u16::from_be_bytes([f1 & 1, f2]);
    walk.packet.tcp = TcpHeader {
        flags,
        sequence: u32::from_be_bytes([s1, s2, s3, s4]),
        acknowledgement: u32::from_be_bytes([a1, a2, a3, a4]),
        window: u16::from_be_bytes([w1, w2]),
        header_len,
        ..TcpHeader::default()
    };
    if header_len < 20 || u32::from(header_len) > walk.declared {
        return Err(Reason::TransportHeader);
    }
    let Some(header) = walk.cursor.take(usize::from(header_len)) else {
        return Err(Reason::TransportTruncated);
    };
    if flags & TCP_SYN != 0 {
        tcp_options(&mut walk.packet.tcp, header.get(20..).unwrap_or_default());
    }
    walk.declared = walk.declared.saturating_sub(u32::from(header_len));
    walk.end_here();
    Ok(Step::Done)
}

fn tcp_options(tcp: &mut TcpHeader, options: &[u8]) {
    let mut cursor = Cursor::new(options);
    while let Some(kind) = cursor.u8() {
        match kind {
            0 => return,
            1 => continue,
            _ => {}
        }
        let Some(value) = cursor.u8().and_then(|len| cursor.take(usize::from(len.checked_sub(2)?))) else {
            return;
        };
        match (kind, value) {
            (2, [a, b]) => tcp.mss = u16::from_be_bytes([*a, *b]),
            (3, [shift]) => tcp.window_scale = shift.saturating_add(1),
            _ => {}
        }
    }
}

#[inline]
fn udp(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let Some([sp1, sp2, dp1, dp2, l1, l2, _, _]) = walk.cursor.array::<8>() else {
        ports(walk);
        return Err(Reason::TransportTruncated);
    };
    walk.packet.source_port = u16::from_be_bytes([sp1, sp2]);
    walk.packet.destination_port = u16::from_be_bytes([dp1, dp2]);
    walk.declared = walk.declared.saturating_sub(8);
    // UDP-Lite has the covered length there, and a first fragment has the length of the whole.
    let stated = u32::from(u16::from_be_bytes([l1, l2])).saturating_sub(8);
    if walk.packet.protocol == protocol::UDP && stated > 0 && stated < walk.declared {
        walk.declared = stated;
        let most = usize::try_from(stated).unwrap_or(usize::MAX);
        if walk.cursor.len() > most {
            walk.cursor = Cursor::new(walk.cursor.take_most(most));
        }
    }
    walk.end_here();
    let tunnelled = walk.limits.tunnels == Tunnels::All
        && (tunnel::is_port(walk.packet.destination_port) || tunnel::is_port(walk.packet.source_port));
    Ok(if tunnelled { Step::UdpTunnel } else { Step::Done })
}

fn ports_and_more(walk: &mut Walk<'_, '_>, header: u32) -> Result<Step, Reason> {
    ports(walk);
    walk.cursor.skip(usize::try_from(header).unwrap_or(usize::MAX)).ok_or(Reason::TransportTruncated)?;
    walk.declared = walk.declared.saturating_sub(header);
    walk.end_here();
    Ok(Step::Done)
}

fn icmp(walk: &mut Walk<'_, '_>, protocol: u8) -> Result<Step, Reason> {
    let Some([kind, code, _, _]) = walk.cursor.array::<4>() else {
        return Err(Reason::TransportTruncated);
    };
    walk.packet.icmp_type = kind;
    walk.packet.icmp_code = code;
    let more = walk.cursor.take_most(4);
    walk.packet.icmp_rest = more.first_chunk().copied().unwrap_or_default();
    walk.declared = walk.declared.saturating_sub(4).saturating_sub(len32(more));
    let (echo, error) = if protocol == protocol::ICMP {
        (matches!(kind, 0 | 8 | 13..=18), matches!(kind, 3 | 4 | 5 | 11 | 12))
    } else {
        (matches!(kind, 128 | 129), matches!(kind, 1..=4))
    };
    if echo {
        walk.packet.icmp_id = u16_at(more, 0).unwrap_or(0);
    }
    if error {
        walk.packet.embedded = embedded(walk.cursor.rest());
    }
    walk.end_here();
    Ok(Step::Done)
}

/// The authentication header over IPv4; over IPv6 it is one of the extensions.
fn authentication(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let [next, words] = walk.cursor.array().ok_or(Reason::TransportTruncated)?;
    let len = u32::from(words).saturating_mul(4).saturating_add(8);
    let rest = usize::try_from(len).unwrap_or(usize::MAX).saturating_sub(2);
    walk.cursor.skip(rest).ok_or(Reason::TransportTruncated)?;
    walk.declared = walk.declared.saturating_sub(len);
    walk.packet.protocol = next;
    Ok(Step::Transport(next))
}
