//! One conversation between two hosts, kept as the list of what each side sends, so that its totals and its packets
//! come from one source and always agree.

use std::net::IpAddr;
use std::sync::Arc;

use crate::conversation::Side;

/// The TCP flag FIN.
pub(crate) const FIN: u8 = 0x01;
/// The TCP flag SYN.
pub(crate) const SYN: u8 = 0x02;
/// The TCP flag RST.
pub(crate) const RST: u8 = 0x04;
/// The TCP flag PSH.
pub(crate) const PSH: u8 = 0x08;
/// The TCP flag ACK.
pub(crate) const ACK: u8 = 0x10;
/// The TCP flag URG.
pub(crate) const URG: u8 = 0x20;

/// Most bytes of TCP payload in one packet: an Ethernet frame of 1,514 bytes over IPv4.
pub(crate) const SEGMENT_BYTES: u16 = 1_460;
/// Bytes of the TCP options of a packet with SYN: segment size, selective acknowledgement, window scale.
pub(crate) const SYN_OPTION_BYTES: u32 = 12;
/// Longest time between a data packet and its acknowledgement, in microseconds.
const SLOWEST_ACK_US: u64 = 40_000;
/// Most a packet of a train comes late, in microseconds.
const MOST_LATE_US: u64 = 20_000;

/// What carries a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The Transmission Control Protocol.
    Tcp,
    /// The User Datagram Protocol.
    Udp,
    /// ICMP echo requests and their replies.
    Icmp,
    /// The Address Resolution Protocol: packets without an IP header, in no flow table.
    Arp,
}

impl Transport {
    /// The IANA protocol number; none for ARP, which does not ride on IP.
    pub fn number(self) -> Option<u8> {
        match self {
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Icmp => Some(1),
            Self::Arp => None,
        }
    }

    /// Bytes of the header of a packet without options.
    pub(crate) fn header_bytes(self) -> u32 {
        match self {
            Self::Tcp => 20,
            Self::Udp | Self::Icmp => 8,
            Self::Arp => 28,
        }
    }
}

/// What the payload of a packet is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Bytes without pattern, as of something encrypted.
    Filler,
    /// A line of a text protocol.
    Text(&'static str),
    /// A TLS client hello with the server name of the flow.
    TlsHello,
    /// A TLS server hello and what follows it.
    TlsServerHello,
    /// TLS application data.
    TlsData,
    /// The first packet of a QUIC connection.
    QuicHello,
    /// The HTTP request of the flow.
    HttpRequest,
    /// An HTTP response.
    HttpResponse,
    /// The DNS question of the flow.
    DnsQuery,
    /// The answer to it.
    DnsAnswer,
    /// A network time request or response.
    Ntp,
    /// A DHCP message.
    Dhcp,
    /// An SNMP request or response.
    Snmp,
    /// The start of an SMB 2 session.
    Smb,
    /// An RTP packet of video.
    Rtp,
    /// An answer of an NTP server that lists its clients.
    NtpMonlist,
}

/// What one side sends at a time: one packet, or a train of packets at even distances.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) side: Side,
    pub(crate) content: Content,
    pub(crate) flags: u8,
    /// Most payload bytes of one packet, at least 1.
    pub(crate) piece: u16,
    /// Whether the other side acknowledges every second packet and the last.
    pub(crate) is_acknowledged: bool,
    /// Time since the end of the step before.
    pub(crate) wait_us: u64,
    /// Distance of the packets of a train, at least 4.
    pub(crate) spacing_us: u64,
    /// Payload bytes in all.
    pub(crate) bytes: u64,
}

impl Step {
    /// Packets of the side that speaks.
    pub(crate) fn packets(&self) -> u64 {
        self.bytes.div_ceil(u64::from(self.piece)).max(1)
    }

    /// Acknowledgements of the other side.
    pub(crate) fn acks(&self) -> u64 {
        if self.is_acknowledged { self.packets().div_ceil(2) } else { 0 }
    }

    /// Time of an acknowledgement after the even moment of its data packet.
    pub(crate) fn ack_delay_us(&self) -> u64 {
        (self.spacing_us * 3 / 4).min(SLOWEST_ACK_US)
    }

    /// Below this a packet of a train may come late; the first and the last are on time.
    pub(crate) fn most_late_us(&self) -> u64 {
        (self.spacing_us / 2).min(MOST_LATE_US)
    }

    /// Time from the first packet of the step to its last.
    pub(crate) fn length_us(&self) -> u64 {
        (self.packets() - 1) * self.spacing_us + if self.is_acknowledged { self.ack_delay_us() } else { 0 }
    }
}

/// Which program says hello: each has its own list of ciphers, so that its fingerprint differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsClient {
    /// A browser, or what uses its library.
    Browser,
    /// The small library of a camera or sensor.
    Thing,
    /// A script.
    Script,
}

/// What a conversation is about, as far as a sensor on the wire reads it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Detail {
    #[default]
    None,
    Dns {
        name: Arc<str>,
        /// The type of record asked for: 1 A, 16 TXT, 28 AAAA ...
        kind: u16,
        /// The response code: 0 no error, 3 no such name.
        code: u8,
        answers: u8,
        address: Option<IpAddr>,
        /// Bytes of each TXT answer.
        text_bytes: u8,
    },
    Tls {
        server_name: Arc<str>,
        client: TlsClient,
    },
    Http {
        host: Arc<str>,
        target: Arc<str>,
        agent: &'static str,
    },
    Arp {
        /// 1 asks, 2 answers.
        operation: u8,
    },
}

/// A conversation between two hosts in both directions.
#[derive(Debug, Clone)]
pub struct Flow {
    /// The moment of its first packet, in nanoseconds since the epoch; whole microseconds.
    pub start_ns: i64,
    /// Who speaks first.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The port of the source; the identifier of ICMP echo.
    pub source_port: u16,
    /// The port of the destination; 0 for ICMP and ARP.
    pub destination_port: u16,
    /// What carries it.
    pub transport: Transport,
    /// What is spoken: dns, http, ssl ...; empty where a sensor could not tell.
    pub application: &'static str,
    /// The position of its event in the truth plus 1, or 0 when it is normal.
    pub truth: u8,
    pub(crate) detail: Detail,
    pub(crate) steps: Vec<Step>,
    /// Names the flow: the same for the same seed, whatever is planted.
    pub(crate) id: u64,
    /// Hardware addresses, source and destination, of the packets of either side; 0 until they are known.
    pub(crate) links: [[u64; 2]; 2],
}

/// What both sides of a flow sent; first the source, then the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Packets.
    pub packets: [u64; 2],
    /// Bytes of the packets from the IP header on (of the whole packet for ARP, without the Ethernet header).
    pub ip_bytes: [u64; 2],
    /// Bytes above TCP, UDP or ICMP.
    pub payload_bytes: [u64; 2],
    /// Union of the TCP flags.
    pub flags: [u8; 2],
    /// From the first packet to the last, in microseconds.
    pub duration_us: u64,
}

impl Flow {
    /// Bytes of IP and transport header of a packet without TCP options.
    pub(crate) fn header_bytes(&self) -> u32 {
        let ip = match (self.transport, self.source) {
            (Transport::Arp, _) => 0,
            (_, IpAddr::V4(_)) => 20,
            (_, IpAddr::V6(_)) => 40,
        };
        ip + self.transport.header_bytes()
    }

    /// Counts its packets and bytes without making them.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let header = u64::from(self.header_bytes());
        for step in &self.steps {
            let (own, other) = (step.side as usize, 1 - step.side as usize);
            let (packets, acks) = (step.packets(), step.acks());
            totals.packets[own] += packets;
            totals.packets[other] += acks;
            let options = if step.flags & SYN > 0 && self.transport == Transport::Tcp {
                u64::from(SYN_OPTION_BYTES)
            } else {
                0
            };
            totals.ip_bytes[own] += packets * (header + options) + step.bytes;
            totals.ip_bytes[other] += acks * header;
            totals.payload_bytes[own] += step.bytes;
            totals.flags[own] |= step.flags;
            totals.flags[other] |= if acks > 0 { ACK } else { 0 };
            totals.duration_us += step.wait_us + step.length_us();
        }
        totals
    }

    /// The moment of its last packet.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.totals().duration_us as i64 * 1_000)
    }

    /// The name asked for, where the flow asks for one.
    pub fn dns_name(&self) -> Option<&str> {
        match &self.detail {
            Detail::Dns { name, .. } => Some(name),
            _ => None,
        }
    }

    /// How the connection went, in the words of Zeek's `conn_state`.
    pub fn state(&self) -> &'static str {
        let both = self.steps.iter().any(|step| step.side == Side::Server || step.is_acknowledged);
        if self.transport != Transport::Tcp {
            return if both { "SF" } else { "S0" };
        }
        let sends = |side: Side, flags: u8| {
            self.steps.iter().any(|step| step.side == side && step.flags & flags == flags)
        };
        if !sends(Side::Client, SYN) {
            return "OTH";
        }
        let resets = (sends(Side::Client, RST), sends(Side::Server, RST));
        if !sends(Side::Server, SYN | ACK) {
            return match resets {
                (_, true) => "REJ",
                (true, _) => "RSTOS0",
                _ => "S0",
            };
        }
        match (resets, sends(Side::Client, FIN), sends(Side::Server, FIN)) {
            ((true, _), ..) => "RSTO",
            ((_, true), ..) => "RSTR",
            (_, true, true) => "SF",
            (_, true, false) => "S2",
            (_, false, true) => "S3",
            (_, false, false) => "S1",
        }
    }

    /// The kinds of packets in the order of their first appearance, in the letters of Zeek's `history`: small for the
    /// destination, `S` SYN, `H` SYN with ACK, `A` bare ACK, `D` data, `F` FIN, `R` RST.
    pub fn history(&self) -> String {
        let mut history = String::new();
        let mut add = |side: Side, letter: char| {
            let letter = if side == Side::Client { letter } else { letter.to_ascii_lowercase() };
            if !history.contains(letter) {
                history.push(letter);
            }
        };
        for step in &self.steps {
            let other = if step.side == Side::Client { Side::Server } else { Side::Client };
            let is_tcp = self.transport == Transport::Tcp;
            match step.flags {
                flags if is_tcp && flags & SYN > 0 => add(step.side, if flags & ACK > 0 { 'H' } else { 'S' }),
                flags if is_tcp && flags & (RST | FIN) == 0 && step.bytes == 0 && flags == ACK => {
                    add(step.side, 'A');
                }
                _ if step.bytes > 0 => add(step.side, 'D'),
                _ => {}
            }
            if is_tcp && step.is_acknowledged {
                add(other, 'A');
            }
            if is_tcp && step.flags & FIN > 0 {
                add(step.side, 'F');
            }
            if is_tcp && step.flags & RST > 0 {
                add(step.side, 'R');
            }
        }
        history
    }

    /// Takes away whatever the destination sends: it is silent, and what it would have acknowledged is not said.
    pub(crate) fn leave_unanswered(&mut self) {
        if self.transport == Transport::Tcp {
            self.steps = super::exchange::unanswered_steps();
            self.application = "";
            self.detail = Detail::None;
        } else {
            self.steps.retain(|step| step.side == Side::Client);
            if let Detail::Dns { code, .. } = &mut self.detail {
                *code = u8::MAX;
            }
        }
    }
}
