//! The walk through the headers of one frame.

use crate::cursor::{Cursor, len32};
use crate::limits::Limits;
use crate::link::{self, LinkType};
use crate::packet::{Network, Packet, Reason, TunnelKind};
use crate::{network, transport, tunnel, wlan};

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Link(LinkType),
    Ethernet,
    EtherType(u16),
    Llc,
    Ppp,
    PppOrHdlc,
    CiscoHdlc,
    Mpls,
    Wlan,
    Ipv4,
    Ipv6,
    /// IP, of the version that its first bits tell.
    Ip,
    Transport(u8),
    /// A header that some port of UDP stands for.
    UdpTunnel,
    Done,
}

/// Where the walk is.
pub(crate) struct Walk<'a, 'l> {
    pub(crate) limits: &'l Limits,
    pub(crate) cursor: Cursor<'a>,
    pub(crate) packet: Packet<'a>,
    /// Bytes of the frame that were on the wire and not captured.
    missing: u32,
    /// Bytes that are left of the packet of IP, as its header states.
    pub(crate) declared: u32,
    /// Headers that may still be read.
    left: u8,
    /// The packet as it was outside of the last tunnel.
    outside: Option<Packet<'a>>,
}

impl Walk<'_, '_> {
    /// Bytes that were on the wire from here on.
    #[inline]
    pub(crate) fn on_wire(&self) -> u32 {
        len32(self.cursor.rest()).saturating_add(self.missing)
    }

    /// Takes one of the headers that may be read.
    #[inline]
    pub(crate) fn deeper(&mut self) -> Result<(), Reason> {
        self.left = self.left.checked_sub(1).ok_or(Reason::TooDeep)?;
        Ok(())
    }

    /// Everything that is left belongs to the payload.
    #[inline]
    pub(crate) fn end_here(&mut self) {
        self.packet.payload = self.cursor.rest();
        self.packet.payload_len = self.declared;
    }

    /// Enters a tunnel: what was found so far is kept in case that what is inside makes no sense.
    pub(crate) fn enter(&mut self, kind: TunnelKind, id: u32) {
        self.end_here();
        self.outside = Some(self.packet);
        let outer = &self.packet;
        let (outer_source, outer_destination) = if outer.n_tunnels == 0 {
            (outer.source, outer.destination)
        } else {
            (outer.outer_source, outer.outer_destination)
        };
        self.packet = Packet {
            link: outer.link,
            wire_len: outer.wire_len,
            captured_len: outer.captured_len,
            source_mac: outer.source_mac,
            destination_mac: outer.destination_mac,
            ether_type: outer.ether_type,
            vlan: outer.vlan,
            inner_vlan: outer.inner_vlan,
            n_vlans: outer.n_vlans,
            mpls_label: outer.mpls_label,
            pppoe_session: outer.pppoe_session,
            tunnel: kind,
            tunnel_id: id,
            n_tunnels: outer.n_tunnels.saturating_add(1),
            outer_source,
            outer_destination,
            ..Packet::default()
        };
    }

    fn step(&mut self, step: Step) -> Result<Step, Reason> {
        match step {
            Step::Link(link) => link::start(self, link),
            Step::Ethernet => link::ethernet(self),
            Step::EtherType(kind) => link::ether_type(self, kind),
            Step::Llc => link::llc(self),
            Step::Ppp => link::ppp(self),
            Step::PppOrHdlc => link::ppp_or_hdlc(self),
            Step::CiscoHdlc => link::cisco_hdlc(self),
            Step::Mpls => link::mpls(self),
            Step::Wlan => wlan::data(self),
            Step::Ipv4 => network::ipv4(self),
            Step::Ipv6 => network::ipv6(self),
            Step::Ip => match self.cursor.rest().first().map(|byte| byte >> 4) {
                Some(4) => network::ipv4(self),
                Some(6) => network::ipv6(self),
                Some(_) => Err(Reason::IpVersion),
                None => Err(Reason::IpTruncated),
            },
            Step::Transport(protocol) => transport::start(self, protocol),
            Step::UdpTunnel => Ok(tunnel::over_udp(self)),
            Step::Done => Ok(Step::Done),
        }
    }
}

/// Reads one frame down to its innermost transport header.
///
/// Never fails: what cannot be read is told by [`Packet::reason`], and everything found before it stays. Where a tunnel
/// carries nothing that makes sense, the packet outside of it is given. `wire_len` is the length before the capture cut
/// it. Cost: about 50 ns for TCP over Ethernet; nothing is allocated.
#[inline]
pub fn decode<'a>(link: LinkType, bytes: &'a [u8], wire_len: u32, limits: &Limits) -> Packet<'a> {
    let captured_len = len32(bytes);
    let mut walk = Walk {
        limits,
        cursor: Cursor::new(bytes),
        packet: Packet { link, wire_len, captured_len, ..Packet::default() },
        missing: wire_len.saturating_sub(captured_len),
        declared: wire_len,
        left: limits.headers,
        outside: None,
    };
    let mut step = if link == LinkType::ETHERNET { Step::Ethernet } else { Step::Link(link) };
    loop {
        match walk.deeper().and_then(|()| walk.step(step)) {
            Ok(Step::Done) => return walk.packet,
            Ok(next) => step = next,
            Err(reason) => return stopped(walk, reason),
        }
    }
}

/// The packet as far as it was read.
#[cold]
fn stopped<'a>(mut walk: Walk<'a, '_>, reason: Reason) -> Packet<'a> {
    match walk.outside {
        // The tunnel was only presumed, or is beyond what is read here: the packet outside counts.
        Some(mut outside) if walk.packet.network == Network::None => {
            outside.reason = (reason == Reason::TooDeep).then_some(reason);
            outside
        }
        _ => {
            walk.end_here();
            walk.packet.reason = Some(reason);
            walk.packet
        }
    }
}

#[cfg(test)]
mod tests;
