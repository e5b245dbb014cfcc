//! One flow, both directions.

use std::net::{IpAddr, Ipv6Addr};

use eddy_wire::{Network, Packet, TunnelKind};

use crate::tcp_state::TcpState;

/// Which of the two ends sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that began.
    Forward,
    /// The one that was spoken to.
    Reverse,
}

/// Why a flow was handed out; the numbers are those of the IPFIX element `flowEndReason`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EndReason {
    /// Nothing was heard of it for the idle timeout.
    #[default]
    Idle = 1,
    /// It went on for longer than the active timeout; what follows is another record of it.
    Active = 2,
    /// It ended by itself: TCP was closed or reset.
    Ended = 3,
    /// The input ended.
    Forced = 4,
    /// It made room for others.
    LackOfResources = 5,
}

impl EndReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Idle, Self::Active, Self::Ended, Self::Forced, Self::LackOfResources];
}

/// What one side sent. Fields are named after IPFIX elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// `packetDeltaCount`.
    pub packet_delta_count: u64,
    /// `octetDeltaCount`: lengths of the packets of IP, as their headers state.
    pub octet_delta_count: u64,
    /// `layer2OctetDeltaCount`: lengths of the frames on the wire.
    pub layer2_octet_delta_count: u64,
    /// `transportOctetDeltaCount`: lengths of what the transport carried.
    pub transport_octet_delta_count: u64,
    /// `tcpControlBits`: all flags that were seen.
    pub tcp_control_bits: u16,
}

/// A flow: everything between two ends with the same ports and protocol, from the first packet to the end.
///
/// The source is the end that sent the first packet; a flow that is first seen by a SYN-ACK is turned round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Biflow {
    /// Which kind of addresses it has.
    pub network: Network,
    /// The source address, as in [`Packet::source`].
    pub source: u128,
    /// The destination address.
    pub destination: u128,
    /// `sourceTransportPort`.
    pub source_transport_port: u16,
    /// `destinationTransportPort`.
    pub destination_transport_port: u16,
    /// `protocolIdentifier`.
    pub protocol_identifier: u8,
    /// `icmpTypeCodeIPv4` or `icmpTypeCodeIPv6` of the first packet.
    pub icmp_type_code: u16,
    /// `vlanId`, of the outer tag.
    pub vlan_id: u16,
    /// The tunnel it was found in.
    pub tunnel: TunnelKind,
    /// That tunnel's number in the first packet.
    pub tunnel_id: u32,
    /// What the source sent.
    pub forward: Direction,
    /// What the destination sent.
    pub reverse: Direction,
    /// The time of the first packet, in nanoseconds since 1970.
    pub flow_start_ns: i64,
    /// The time of the last packet; never before the first.
    pub flow_end_ns: i64,
    /// How far a connection of TCP got.
    pub tcp_state: TcpState,
    /// `flowEndReason`.
    pub flow_end_reason: EndReason,
    /// How many records of the same flow came before this one, each ended by the active timeout.
    pub part: u32,
    /// Packets that came with a time before that of an earlier one of this flow.
    pub late_packets: u32,
}

impl Biflow {
    /// The source address.
    pub fn source_address(&self) -> IpAddr {
        address(self.network, self.source)
    }

    /// The destination address.
    pub fn destination_address(&self) -> IpAddr {
        address(self.network, self.destination)
    }

    /// Packets of both directions.
    pub fn packets(&self) -> u64 {
        self.forward.packet_delta_count.saturating_add(self.reverse.packet_delta_count)
    }

    /// Octets on the wire of both directions.
    pub fn layer2_octets(&self) -> u64 {
        self.forward.layer2_octet_delta_count.saturating_add(self.reverse.layer2_octet_delta_count)
    }

    /// From the first packet to the last, in nanoseconds; never negative.
    pub fn duration_ns(&self) -> i64 {
        self.flow_end_ns.saturating_sub(self.flow_start_ns)
    }

    /// Takes a packet in.
    #[inline]
    pub(crate) fn add(&mut self, packet: &Packet<'_>, side: Side, time_ns: i64) {
        if time_ns < self.flow_end_ns {
            self.late_packets = self.late_packets.saturating_add(1);
        }
        self.flow_start_ns = self.flow_start_ns.min(time_ns);
        self.flow_end_ns = self.flow_end_ns.max(time_ns);
        let direction = match side {
            Side::Forward => &mut self.forward,
            Side::Reverse => &mut self.reverse,
        };
        let sum = |total: &mut u64, more: u32| *total = total.saturating_add(u64::from(more));
        sum(&mut direction.packet_delta_count, 1);
        sum(&mut direction.octet_delta_count, packet.ip_len);
        sum(&mut direction.layer2_octet_delta_count, packet.wire_len);
        sum(&mut direction.transport_octet_delta_count, packet.payload_len);
        direction.tcp_control_bits |= packet.tcp.flags;
    }
}

fn address(network: Network, bits: u128) -> IpAddr {
    let v6 = Ipv6Addr::from_bits(bits);
    match v6.to_ipv4_mapped() {
        Some(v4) if network == Network::Ipv4 => IpAddr::V4(v4),
        _ => IpAddr::V6(v6),
    }
}

/// What is measured about a flow besides its counts. It lives in the table, so its size counts towards the cap.
pub trait PerFlow: Default {
    /// Sees one packet, after the flow has taken it in.
    fn add(&mut self, flow: &Biflow, packet: &Packet<'_>, side: Side, time_ns: i64);
}

impl PerFlow for () {
    #[inline]
    fn add(&mut self, _: &Biflow, _: &Packet<'_>, _: Side, _: i64) {}
}
