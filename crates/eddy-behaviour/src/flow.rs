//! A flow, as behaviours look at it.

use std::net::IpAddr;

/// How far a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionState {
    /// Nobody answered.
    Unanswered,
    /// The target refused it.
    Rejected,
    /// Both sides spoke.
    Established,
    /// The source does not say.
    #[default]
    Unknown,
}

/// One bidirectional flow. The source is the side that spoke first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flow<'a> {
    /// Begin, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Duration in nanoseconds.
    pub duration_ns: i64,
    /// Who spoke first.
    pub source: IpAddr,
    /// Whom it spoke to.
    pub destination: IpAddr,
    /// Port of the source; 0 where there is none.
    pub source_port: u16,
    /// Port of the destination; 0 where there is none.
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Bytes from the source.
    pub octets: u64,
    /// Packets from the source.
    pub packets: u64,
    /// Bytes back.
    pub reverse_octets: u64,
    /// Packets back.
    pub reverse_packets: u64,
    /// Union of the TCP flags from the source, where known.
    pub flags: Option<u8>,
    /// Union of the TCP flags back, where known.
    pub reverse_flags: Option<u8>,
    /// How far it came.
    pub state: ConnectionState,
    /// Protocol spoken, in lower case; empty where unknown.
    pub application: &'a str,
    /// Name asked for, of DNS; empty otherwise.
    pub dns_name: &'a str,
    /// All that was asked for in it, of DNS.
    pub dns: DnsAsked,
    /// Code of the first answer, of DNS: 3 where there is no such name.
    pub dns_code: Option<u8>,
    /// Type of the first packet, of ICMP of version 4 of the internet protocol.
    pub icmp_type: Option<u8>,
}

/// What was asked of a name server in one flow, summed up; all zero where the source does not say.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DnsAsked {
    /// Questions.
    pub queries: u32,
    /// Different names in them.
    pub names: u32,
    /// Length of the name with most bits a character.
    pub length: u32,
    /// Bits a character of that name.
    pub entropy: f64,
}

/// Ports that systems give to clients begin here (Linux; others begin higher).
pub(crate) const FIRST_OF_CLIENTS: u16 = 32_768;
/// Ports below are those of services.
const LAST_OF_SERVERS: u16 = 1_024;

impl Flow<'_> {
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// ICMP of IPv6.
    pub const ICMP6: u8 = 58;

    /// A short TCP connection that was answered: 600 bytes there, 4,000 back, in six packets each. What is told of it
    /// otherwise is changed field by field.
    ///
    /// ```
    /// # use eddy_behaviour::{ConnectionState, Flow};
    /// let hosts = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
    /// let tried = Flow { state: ConnectionState::Rejected, ..Flow::answered(0, hosts[0], hosts[1], 22) };
    /// assert!(tried.failed());
    /// ```
    pub fn answered(start_ns: i64, source: IpAddr, destination: IpAddr, port: u16) -> Self {
        Self {
            start_ns,
            duration_ns: 50_000_000,
            source,
            destination,
            source_port: 40_000,
            destination_port: port,
            protocol: Self::TCP,
            octets: 600,
            packets: 6,
            reverse_octets: 4_000,
            reverse_packets: 6,
            flags: None,
            reverse_flags: None,
            state: ConnectionState::Established,
            application: "",
            dns_name: "",
            dns: DnsAsked::default(),
            dns_code: None,
            icmp_type: None,
        }
    }

    /// Whether nothing came of it: no answer, or a refusal.
    pub fn failed(&self) -> bool {
        match self.state {
            ConnectionState::Unanswered => !self.was_taken_up_unseen(),
            ConnectionState::Rejected => true,
            ConnectionState::Established => false,
            ConnectionState::Unknown => self.reverse_packets == 0 && !self.was_taken_up_unseen(),
        }
    }

    /// Whether it is a connection of which only what the opener sent was recorded: who acknowledges was answered.
    pub fn was_taken_up_unseen(&self) -> bool {
        self.protocol == Self::TCP
            && self.reverse_packets == 0
            && self.packets >= 2
            && self.flags.is_some_and(|flags| flags & 0x12 == 0x12)
    }

    /// An answer of which the question was not recorded, seen from whoever must have asked: a refusal of a connection, or
    /// the reply to an echo request. The smurf attack is made of such replies as well, from many.
    pub(crate) fn unseen_question(&self) -> Option<Self> {
        if self.reverse_packets > 0 {
            return None;
        }
        let is_reply = self.protocol == Self::ICMP && self.icmp_type == Some(0);
        // A client that gives up its connections to a server resets them with the same flags.
        let hangs_up = self.source_port >= FIRST_OF_CLIENTS && self.destination_port < LAST_OF_SERVERS;
        let is_refusal = self.protocol == Self::TCP
            && !hangs_up
            && matches!(self.packets, 1 | 2)
            && matches!(self.flags.map(|flags| flags & 0x3f), Some(0x04 | 0x14));
        if is_reply {
            return Some(Self { state: ConnectionState::Established, ..self.turned() });
        }
        is_refusal.then(|| Self { flags: None, state: ConnectionState::Rejected, ..self.turned() })
    }

    /// The same seen from the other end.
    pub(crate) fn turned(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            octets: self.reverse_octets,
            packets: self.reverse_packets,
            reverse_octets: self.octets,
            reverse_packets: self.packets,
            flags: self.reverse_flags,
            reverse_flags: self.flags,
            ..*self
        }
    }

    /// Time of its last packet.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.duration_ns.max(0))
    }

    /// Whether it goes to one host and not to all or many.
    pub fn is_unicast(&self) -> bool {
        match self.destination {
            IpAddr::V4(address) => {
                !address.is_broadcast() && !address.is_multicast() && address.octets()[3] != 255
            }
            IpAddr::V6(address) => !address.is_multicast(),
        }
    }
}

/// Whether an address belongs to a private network: RFC 1918 and 4193, link-local and loopback.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// The network an address is of, as far as one operator usually has it: 24 bits of the old protocol, 48 of the new.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            IpAddr::from([a, b, c, 0, 0, 0, 0, 0])
        }
    }
}
