//! What one frame says, in one flat struct.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::link::LinkType;

/// The sender has no more data.
pub const TCP_FIN: u16 = 0x001;
/// The first segment of a connection.
pub const TCP_SYN: u16 = 0x002;
/// The connection is refused or broken off.
pub const TCP_RST: u16 = 0x004;
/// The data is to be handed over at once.
pub const TCP_PSH: u16 = 0x008;
/// The acknowledgement number counts.
pub const TCP_ACK: u16 = 0x010;
/// The urgent pointer counts.
pub const TCP_URG: u16 = 0x020;
/// Congestion was seen on the way.
pub const TCP_ECE: u16 = 0x040;
/// The sender has slowed down.
pub const TCP_CWR: u16 = 0x080;
/// The sum bit of explicit congestion notification.
pub const TCP_NS: u16 = 0x100;

/// Numbers of protocols over IP, as IANA assigns them.
pub mod protocol {
    /// Internet Control Message Protocol.
    pub const ICMP: u8 = 1;
    /// Internet Group Management Protocol.
    pub const IGMP: u8 = 2;
    /// IPv4 inside IP.
    pub const IPV4: u8 = 4;
    /// Transmission Control Protocol.
    pub const TCP: u8 = 6;
    /// User Datagram Protocol.
    pub const UDP: u8 = 17;
    /// Datagram Congestion Control Protocol.
    pub const DCCP: u8 = 33;
    /// IPv6 inside IP.
    pub const IPV6: u8 = 41;
    /// Generic Routing Encapsulation.
    pub const GRE: u8 = 47;
    /// Encapsulating Security Payload.
    pub const ESP: u8 = 50;
    /// Authentication Header.
    pub const AH: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// No header follows (IPv6).
    pub const NO_NEXT: u8 = 59;
    /// Ethernet inside IP.
    pub const ETHERIP: u8 = 97;
    /// Stream Control Transmission Protocol.
    pub const SCTP: u8 = 132;
    /// UDP with a checksum over part of the data.
    pub const UDP_LITE: u8 = 136;
    /// Labels inside IP.
    pub const MPLS: u8 = 137;
}

/// Which network layer a packet has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Network {
    /// None that is read here.
    #[default]
    None,
    /// Address resolution; the addresses of the packet are those of sender and target.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// Which part of a packet of IP this is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FragmentPart {
    /// All of it.
    #[default]
    Whole,
    /// The first fragment, which has the ports.
    First,
    /// A later fragment, which has none.
    Later,
}

/// The tunnel that the addresses of a packet were found in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// None: the addresses are the outermost.
    #[default]
    None,
    /// IP directly in IP (4in4, 6in4, 4in6, 6in6).
    IpInIp,
    /// Ethernet in IP.
    EtherIp,
    /// Generic Routing Encapsulation, PPTP's form and ERSPAN included; the id is its key.
    Gre,
    /// VXLAN; the id is its network identifier.
    Vxlan,
    /// Geneve; the id is its network identifier.
    Geneve,
    /// GTP-U; the id is its tunnel endpoint identifier.
    Gtp,
    /// IPv6 over UDP (Teredo).
    Teredo,
    /// Labels over UDP or IP; the id is the last label.
    Mpls,
    /// L2TP over UDP; the id is tunnel and session.
    L2tp,
}

/// Why a packet was not read to its end.
///
/// A packet may have addresses all the same: [`Packet::is_ip`] says whether it counts for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The link type is not read here.
    UnsupportedLink,
    /// The frame ends inside its link header.
    LinkTruncated,
    /// The link header says something impossible.
    LinkHeader,
    /// The frame carries something other than IP or ARP.
    NotIp,
    /// The frame is encrypted (802.11).
    Encrypted,
    /// What is said to be IP has another version.
    IpVersion,
    /// The packet ends inside its IP header or an extension of it.
    IpTruncated,
    /// The IP header says something impossible.
    IpHeader,
    /// The packet ends inside its transport header.
    TransportTruncated,
    /// The transport header says something impossible.
    TransportHeader,
    /// A tunnel's header says something impossible.
    TunnelHeader,
    /// There are more headers than [`crate::Limits::headers`].
    TooDeep,
}

impl Reason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::UnsupportedLink,
        Self::LinkTruncated,
        Self::LinkHeader,
        Self::NotIp,
        Self::Encrypted,
        Self::IpVersion,
        Self::IpTruncated,
        Self::IpHeader,
        Self::TransportTruncated,
        Self::TransportHeader,
        Self::TunnelHeader,
        Self::TooDeep,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnsupportedLink => "the link type is not read",
            Self::LinkTruncated => "the frame ends inside its link header",
            Self::LinkHeader => "the link header is impossible",
            Self::NotIp => "the frame carries neither IP nor ARP",
            Self::Encrypted => "the frame is encrypted",
            Self::IpVersion => "the IP version is unknown",
            Self::IpTruncated => "the packet ends inside its IP header",
            Self::IpHeader => "the IP header is impossible",
            Self::TransportTruncated => "the packet ends inside its transport header",
            Self::TransportHeader => "the transport header is impossible",
            Self::TunnelHeader => "a tunnel's header is impossible",
            Self::TooDeep => "there are too many headers",
        })
    }
}

/// The fixed part of a TCP header, and two options of its first segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// The flags, `TCP_FIN` and so on.
    pub flags: u16,
    /// The sequence number.
    pub sequence: u32,
    /// The acknowledgement number.
    pub acknowledgement: u32,
    /// The receive window, not scaled.
    pub window: u16,
    /// Largest segment the sender takes, from a SYN; 0 where it says nothing.
    pub mss: u16,
    /// Window scale of a SYN and 1; 0 where it says nothing.
    pub window_scale: u8,
    /// Length of the header with its options, in bytes.
    pub header_len: u8,
}

/// The packet that an ICMP error is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Embedded {
    /// Its source, as in [`Packet::source`].
    pub source: u128,
    /// Its destination.
    pub destination: u128,
    /// Its protocol.
    pub protocol: u8,
    /// Its source port, 0 where there is none.
    pub source_port: u16,
    /// Its destination port, 0 where there is none.
    pub destination_port: u16,
}

/// What an ARP packet says besides the two addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arp {
    /// 1 asks, 2 answers.
    pub operation: u16,
    /// The sender's hardware address.
    pub sender_mac: [u8; 6],
    /// The target's hardware address.
    pub target_mac: [u8; 6],
}

/// One frame, read down to its innermost transport header.
///
/// Addresses are numbers of 128 bits; an IPv4 address is `::ffff:a.b.c.d`, as [`Ipv4Addr::to_ipv6_mapped`] gives it, and
/// [`Packet::network`] tells which it is. Fields that a packet does not have are 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packet<'a> {
    /// How the frame began.
    pub link: LinkType,
    /// Length of the frame on the wire.
    pub wire_len: u32,
    /// Length of the frame as captured.
    pub captured_len: u32,
    /// The source's hardware address, outermost.
    pub source_mac: [u8; 6],
    /// The destination's hardware address, outermost.
    pub destination_mac: [u8; 6],
    /// The last Ethernet type.
    pub ether_type: u16,
    /// The outer VLAN tag's number.
    pub vlan: u16,
    /// The inner VLAN tag's number.
    pub inner_vlan: u16,
    /// How many VLAN tags there are.
    pub n_vlans: u8,
    /// The last label of a stack of labels.
    pub mpls_label: u32,
    /// The PPPoE session.
    pub pppoe_session: u16,
    /// The network layer.
    pub network: Network,
    /// The source address.
    pub source: u128,
    /// The destination address.
    pub destination: u128,
    /// The protocol over IP.
    pub protocol: u8,
    /// Hops that are left.
    pub ttl: u8,
    /// The differentiated services field, congestion bits included.
    pub traffic_class: u8,
    /// The identification of IPv4 or of the fragment header.
    pub identification: u32,
    /// Which part of the packet this is.
    pub fragment: FragmentPart,
    /// Where in the whole packet the fragment begins, in bytes.
    pub fragment_offset: u16,
    /// Whether more fragments of the packet follow.
    pub more_fragments: bool,
    /// The length of the IP packet as its header states it.
    pub ip_len: u32,
    /// The source port.
    pub source_port: u16,
    /// The destination port.
    pub destination_port: u16,
    /// The TCP header.
    pub tcp: TcpHeader,
    /// The type of an ICMP message.
    pub icmp_type: u8,
    /// The code of an ICMP message.
    pub icmp_code: u8,
    /// The identifier of an ICMP echo.
    pub icmp_id: u16,
    /// The second word of an ICMP message, whose meaning depends on its type.
    pub icmp_rest: [u8; 4],
    /// The packet that an ICMP error is about.
    pub embedded: Option<Embedded>,
    /// What an ARP packet says.
    pub arp: Option<Arp>,
    /// Length of what the transport carries, as the headers state it.
    pub payload_len: u32,
    /// What was captured of it.
    pub payload: &'a [u8],
    /// The innermost tunnel that was entered.
    pub tunnel: TunnelKind,
    /// Its number, if it has one.
    pub tunnel_id: u32,
    /// How many tunnels were entered.
    pub n_tunnels: u8,
    /// The source address outside of all tunnels.
    pub outer_source: u128,
    /// The destination address outside of all tunnels.
    pub outer_destination: u128,
    /// Why the packet was not read to its end.
    pub reason: Option<Reason>,
}

impl Packet<'_> {
    /// Whether it is a packet of IP whose addresses are known.
    #[inline]
    pub fn is_ip(&self) -> bool {
        matches!(self.network, Network::Ipv4 | Network::Ipv6)
    }

    /// The source address, where there is one.
    pub fn source_address(&self) -> Option<IpAddr> {
        address(self.network, self.source)
    }

    /// The destination address, where there is one.
    pub fn destination_address(&self) -> Option<IpAddr> {
        address(self.network, self.destination)
    }

    /// The router that an ICMP redirect says is nearer, as a number of 128 bits; 0 where the packet is none.
    pub fn icmp_gateway(&self) -> u128 {
        match (self.network, self.icmp_type) {
            (Network::Ipv4, 5) => mapped(self.icmp_rest),
            // The first thing in the message is the target (RFC 4861, section 4.5).
            (Network::Ipv6, 137) => {
                self.payload.first_chunk().map_or(0, |target| u128::from_be_bytes(*target))
            }
            _ => 0,
        }
    }

    /// Whether less was captured than the headers tell of.
    #[inline]
    pub fn is_cut(&self) -> bool {
        u64::from(self.payload_len) > self.payload.len() as u64
    }
}

fn address(network: Network, bits: u128) -> Option<IpAddr> {
    let v6 = Ipv6Addr::from_bits(bits);
    match network {
        Network::None => None,
        Network::Ipv6 => Some(IpAddr::V6(v6)),
        Network::Arp | Network::Ipv4 => v6.to_ipv4_mapped().map(IpAddr::V4),
    }
}

/// An IPv4 address as a number of 128 bits.
#[inline]
pub(crate) fn mapped(v4: [u8; 4]) -> u128 {
    0xffff_0000_0000 | u128::from(u32::from_be_bytes(v4))
}

/// The number of any address, as in [`Packet::source`].
pub(crate) fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => mapped(Ipv4Addr::octets(&v4)),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
