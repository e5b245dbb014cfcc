//! Flows from lists of packets as Wireshark exports them: a line says who sent how much to whom, and in words the rest.
//!
//! Ports stand in the text of packets of TCP and UDP that carry nothing better known; what does (a page, a question) is
//! counted to the flow between the same two hosts that was seen last, or to the port that its protocol is for.

use std::net::IpAddr;

use eddy_behaviour::{ConnectionState, Flow};
use eddy_frame::{Column, Frame, MISSING_TIME, Role, Schema};
use rustc_hash::FxHashMap;

use crate::EngineError;
use crate::incidents::text;
use crate::input::Input;

/// Flows kept at most; packets of further ones are not watched.
const MOST_FLOWS: usize = 1 << 20;
/// A flow that is silent for longer is over, in nanoseconds: as with packets of a capture.
const IDLE_NS: i64 = 120_000_000_000;
/// Bytes of the header of a frame, which a flow does not count.
const FRAME_HEADER: u64 = 14;

/// A flow with texts of its own.
#[derive(Debug, Clone)]
pub(crate) struct ListedFlow {
    flow: Flow<'static>,
    dns_name: Box<str>,
    application: Box<str>,
    reset_first: bool,
}

impl ListedFlow {
    pub(crate) fn flow(&self) -> Flow<'_> {
        Flow { dns_name: &self.dns_name, application: &self.application, ..self.flow }
    }
}

/// Whether a table is a list of packets between hosts.
pub(crate) fn is_packet_list(schema: &Schema) -> bool {
    ["Time", "Source", "Destination", "Protocol", "Length", "Info"]
        .iter()
        .all(|name| schema.index_of(name).is_some())
        && schema.with_role(Role::Time).next().is_some()
}

/// The flows of a list of packets in the order of their begin, how many packets there are, and how many of them have no
/// two addresses.
pub(crate) fn flows(input: &mut Input) -> Result<(Vec<ListedFlow>, u64, u64), EngineError> {
    let mut assembler = Assembler::default();
    let (mut packets, mut unread) = (0u64, 0u64);
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            let columns = Columns::of(frame);
            packets += frame.n_rows() as u64;
            for row in 0..frame.n_rows() {
                match columns.packet(row) {
                    Some(packet) => unread += u64::from(!assembler.add(&packet)),
                    None => unread += 1,
                }
            }
        }
        Ok(())
    })?;
    Ok((assembler.end(), packets, unread))
}

struct Columns<'a> {
    times: Option<&'a [i64]>,
    source: Option<&'a Column>,
    destination: Option<&'a Column>,
    protocol: Option<&'a Column>,
    length: Option<&'a Column>,
    info: Option<&'a Column>,
}

/// A line of the list.
struct Packet<'a> {
    at_ns: i64,
    source: IpAddr,
    destination: IpAddr,
    protocol: &'a str,
    octets: u64,
    info: &'a str,
}

impl<'a> Columns<'a> {
    fn of(frame: &'a Frame) -> Self {
        let by = |name: &str| frame.by_name(name).map(|(_, column)| column);
        let times = frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time());
        Self {
            times,
            source: by("Source"),
            destination: by("Destination"),
            protocol: by("Protocol"),
            length: by("Length"),
            info: by("Info"),
        }
    }

    fn packet(&self, row: usize) -> Option<Packet<'a>> {
        let at_ns = self.times.map(|times| times[row]).filter(|&time| time != MISSING_TIME)?;
        let length = self.length.map_or(0.0, |column| column.number(row));
        let length = if length.is_finite() { length.max(0.0) as u64 } else { 0 };
        Some(Packet {
            at_ns,
            source: text(self.source, row).parse().ok()?,
            destination: text(self.destination, row).parse().ok()?,
            protocol: text(self.protocol, row),
            octets: length.saturating_sub(FRAME_HEADER),
            info: text(self.info, row),
        })
    }
}

/// Two ends of a flow, the lesser first.
type Key = (u8, (IpAddr, u16), (IpAddr, u16));

#[derive(Default)]
struct Assembler {
    open: FxHashMap<Key, usize>,
    /// The flow of TCP or UDP that two hosts used last, by protocol.
    last: FxHashMap<(u8, IpAddr, IpAddr), Key>,
    flows: Vec<ListedFlow>,
}

impl Assembler {
    /// Adds a packet; false where there is no room or it is of no protocol over IP.
    fn add(&mut self, packet: &Packet<'_>) -> bool {
        let Some((protocol, ports)) = self.ends(packet) else { return false };
        let (from, to) = ((packet.source, ports.0), (packet.destination, ports.1));
        let key = if from <= to { (protocol, from, to) } else { (protocol, to, from) };
        let flags = flags(packet.info);
        let known = self.open.get(&key).copied().filter(|&at| {
            let flow = &self.flows[at].flow;
            let begins_anew = flags == Some(0x02)
                && flow.flags.is_some_and(|seen| seen & 0x05 != 0)
                && flow.source == packet.source;
            packet.at_ns.saturating_sub(flow.end_ns()) <= IDLE_NS && !begins_anew
        });
        let at = match known {
            Some(at) => at,
            None if self.flows.len() >= MOST_FLOWS => return false,
            None => {
                self.flows.push(opened(packet, protocol, ports));
                self.open.insert(key, self.flows.len() - 1);
                self.flows.len() - 1
            }
        };
        if protocol != Flow::ICMP {
            self.last.insert((protocol, from.0.min(to.0), from.0.max(to.0)), key);
        }
        self.flows[at].take_in(packet, ports.0, flags);
        true
    }

    /// Protocol and ports of a packet: from its words, from the flow before it, or from what its protocol uses.
    fn ends(&self, packet: &Packet<'_>) -> Option<(u8, (u16, u16))> {
        let spoken = packet.protocol;
        if spoken.starts_with("ICMP") {
            // One flow for all echoes of two hosts, as in a capture.
            return Some((Flow::ICMP, (0, 0)));
        }
        if spoken.eq_ignore_ascii_case("ARP") {
            return None;
        }
        let written = ports(packet.info);
        let (transport, well_known) = transport_of(spoken, flags(packet.info).is_some());
        if let Some(ports) = written {
            return Some((transport, ports));
        }
        let pair = (transport, packet.source.min(packet.destination), packet.source.max(packet.destination));
        if let Some(&(_, a, b)) = self.last.get(&pair)
            && (well_known == 0 || a.1 == well_known || b.1 == well_known)
        {
            let mine = if a.0 == packet.source { (a.1, b.1) } else { (b.1, a.1) };
            return Some((transport, mine));
        }
        let answer = packet.info.contains("response") || packet.info.starts_with("HTTP/");
        let port = (well_known > 0).then_some(if answer { (well_known, 0) } else { (0, well_known) });
        Some((transport, port.unwrap_or((0, 0))))
    }

    fn end(self) -> Vec<ListedFlow> {
        let mut flows = self.flows;
        for listed in &mut flows {
            let flow = &mut listed.flow;
            let tcp = flow.protocol == Flow::TCP;
            flow.state = match (flow.reverse_packets, listed.reset_first) {
                (0, _) => ConnectionState::Unanswered,
                (_, true) if tcp => ConnectionState::Rejected,
                _ if tcp => ConnectionState::Established,
                _ => ConnectionState::Unknown,
            };
        }
        flows.sort_by_key(|listed| listed.flow.start_ns);
        flows
    }
}

/// A flow that begins with a packet. Where that is an answer (SYN and ACK), the other side spoke first.
fn opened(packet: &Packet<'_>, protocol: u8, ports: (u16, u16)) -> ListedFlow {
    let answer = protocol == Flow::TCP && flags(packet.info).is_some_and(|flags| flags & 0x12 == 0x12);
    let (source, destination, ports) = if answer {
        (packet.destination, packet.source, (ports.1, ports.0))
    } else {
        (packet.source, packet.destination, ports)
    };
    ListedFlow {
        flow: Flow {
            start_ns: packet.at_ns,
            duration_ns: 0,
            source,
            destination,
            source_port: ports.0,
            destination_port: ports.1,
            protocol,
            octets: 0,
            packets: 0,
            reverse_octets: 0,
            reverse_packets: 0,
            flags: None,
            state: ConnectionState::Unknown,
            application: "",
            dns_name: "",
            dns: eddy_behaviour::DnsAsked::default(),
            dns_code: None,
            icmp_type: None,
            reverse_flags: None,
        },
        dns_name: "".into(),
        application: "".into(),
        reset_first: false,
    }
}

impl ListedFlow {
    fn take_in(&mut self, packet: &Packet<'_>, from_port: u16, flags: Option<u8>) {
        let flow = &mut self.flow;
        flow.duration_ns = flow.duration_ns.max(packet.at_ns.saturating_sub(flow.start_ns));
        if (packet.source, from_port) == (flow.source, flow.source_port) {
            flow.octets = flow.octets.saturating_add(packet.octets);
            flow.packets += 1;
            if let Some(flags) = flags {
                flow.flags = Some(flow.flags.unwrap_or(0) | flags);
            }
        } else {
            if flow.reverse_packets == 0 {
                self.reset_first = flags.is_some_and(|flags| flags & 0x04 != 0);
            }
            flow.reverse_octets = flow.reverse_octets.saturating_add(packet.octets);
            flow.reverse_packets += 1;
        }
        let spoken = application(packet.protocol);
        if !spoken.is_empty() && self.application.is_empty() {
            self.application = spoken.into();
        }
        if self.dns_name.is_empty()
            && let Some(name) = asked(packet)
        {
            self.dns_name = name.chars().take(255).collect::<String>().into();
        }
    }
}

/// Ports of "50272 > https(443) [ACK]", also after remarks in brackets and with an arrow.
fn ports(info: &str) -> Option<(u16, u16)> {
    let mut rest = info.trim_start();
    while let Some(remark) = rest.strip_prefix('[') {
        rest = remark.split_once(']')?.1.trim_start();
    }
    let (from, rest) = rest.split_once([' ', '\u{a0}'])?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('>').or_else(|| rest.strip_prefix('\u{2192}'))?;
    let to = rest.split_whitespace().next()?;
    Some((port(from)?, port(to)?))
}

/// "443", or "https(443)".
fn port(word: &str) -> Option<u16> {
    let number = word.rsplit_once('(').map_or(word, |(_, number)| number.trim_end_matches(')'));
    number.parse().ok()
}

/// Flags of TCP as Wireshark lists them: "[SYN, ACK]", "[<None>]".
fn flags(info: &str) -> Option<u8> {
    info.split('[').skip(1).find_map(|part| {
        let list = part.split_once(']')?.0;
        if list == "<None>" {
            return Some(0);
        }
        list.split(',').try_fold(0u8, |sum, name| {
            let bit = match name.trim() {
                "FIN" => 0x01,
                "SYN" => 0x02,
                "RST" => 0x04,
                "PSH" => 0x08,
                "ACK" => 0x10,
                "URG" => 0x20,
                "ECN" | "ECE" => 0x40,
                "CWR" => 0x80,
                "NS" | "AE" | "Reserved" => 0,
                _ => return None,
            };
            Some(sum | bit)
        })
    })
}

/// The transport of a protocol, and the port it is for where it has one.
fn transport_of(protocol: &str, has_flags: bool) -> (u8, u16) {
    let name = protocol.to_ascii_uppercase();
    match name.as_str() {
        _ if has_flags => (Flow::TCP, 0),
        "UDP" | "STUN" | "RTP" | "RTCP" | "DTLS" => (Flow::UDP, 0),
        "DNS" => (Flow::UDP, 53),
        "MDNS" => (Flow::UDP, 5_353),
        "LLMNR" => (Flow::UDP, 5_355),
        "NBNS" => (Flow::UDP, 137),
        "DHCP" | "BOOTP" => (Flow::UDP, 67),
        "DHCPV6" => (Flow::UDP, 547),
        "NTP" => (Flow::UDP, 123),
        "SNMP" => (Flow::UDP, 161),
        "SSDP" => (Flow::UDP, 1_900),
        "QUIC" | "GQUIC" => (Flow::UDP, 443),
        "TFTP" => (Flow::UDP, 69),
        "SYSLOG" => (Flow::UDP, 514),
        "IGMP" | "IGMPV2" | "IGMPV3" => (2, 0),
        _ => (Flow::TCP, 0),
    }
}

/// The name of the protocol as other sources of flows have it; empty for the transports themselves.
fn application(protocol: &str) -> String {
    let name = protocol.to_ascii_lowercase();
    match name.as_str() {
        "tcp" | "udp" | "icmp" | "icmpv6" | "ip" | "ipv4" | "ipv6" => String::new(),
        "sshv2" | "sshv1" => "ssh".into(),
        tls if tls.starts_with("tls") || tls.starts_with("ssl") => "ssl".into(),
        _ => name,
    }
}

/// The name a question asks for: "Standard query 0x1c2d A example.com".
fn asked<'a>(packet: &Packet<'a>) -> Option<&'a str> {
    if !packet.protocol.eq_ignore_ascii_case("DNS") {
        return None;
    }
    let rest = packet.info.strip_prefix("Standard query ")?;
    let mut words = rest.split_whitespace().filter(|word| *word != "response");
    words.nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_flags_are_read_from_the_words() {
        fn check(info: &str, expect: Option<(u16, u16)>, of: Option<u8>) {
            assert_eq!((ports(info), flags(info)), (expect, of), "{info}");
        }
        check("60947  >  443 [RST, ACK] Seq=1 Ack=1 Win=2048 Len=0", Some((60_947, 443)), Some(0x14));
        check("50272  >  https(443) [ACK] Seq=1 [TCP segment]", Some((50_272, 443)), Some(0x10));
        check("443 → 50854 Len=1250", Some((443, 50_854)), None);
        check("[TCP Retransmission] 22 → 40000 [PSH, ACK] Seq=1", Some((22, 40_000)), Some(0x18));
        check("40000 → 22 [<None>] Seq=1", Some((40_000, 22)), Some(0));
        check("Standard query 0x1c2d A example.com", None, None);
        check("99999 → 22 [SYN]", None, Some(0x02));
        check("", None, None);
    }

    fn packet<'a>(at_s: i64, source: u8, destination: u8, protocol: &'a str, info: &'a str) -> Packet<'a> {
        let host = |n: u8| IpAddr::from([10, 0, 0, n]);
        let at_ns = at_s * 1_000_000_000;
        Packet { at_ns, source: host(source), destination: host(destination), protocol, octets: 60, info }
    }

    #[test]
    fn packets_of_both_ways_and_of_what_is_spoken_are_one_flow() {
        let mut assembler = Assembler::default();
        for (at_s, source, destination, protocol, info) in [
            (0, 1, 2, "TCP", "40000 → 80 [SYN] Seq=0"),
            (0, 2, 1, "TCP", "80 → 40000 [SYN, ACK] Seq=0 Ack=1"),
            (1, 1, 2, "HTTP", "GET / HTTP/1.1 "),
            (1, 2, 1, "HTTP", "HTTP/1.1 200 OK"),
            (2, 1, 3, "TCP", "40001 → 23 [SYN] Seq=0"),
            (2, 3, 1, "TCP", "23 → 40001 [RST, ACK] Seq=1"),
            (3, 1, 4, "DNS", "Standard query 0x1c2d A www.example.com"),
            (3, 4, 1, "DNS", "Standard query response 0x1c2d A www.example.com A 192.0.2.1"),
            (900, 1, 2, "TCP", "40000 → 80 [SYN] Seq=0"),
        ] {
            assert!(assembler.add(&packet(at_s, source, destination, protocol, info)));
        }
        assert!(!assembler.add(&packet(1, 1, 2, "ARP", "Who has 10.0.0.2?")));
        let flows = assembler.end();
        let seen: Vec<(u64, u64, u16, ConnectionState)> = flows
            .iter()
            .map(ListedFlow::flow)
            .map(|flow| (flow.packets, flow.reverse_packets, flow.destination_port, flow.state))
            .collect();
        assert_eq!(
            seen,
            [
                (2, 2, 80, ConnectionState::Established),
                (1, 1, 23, ConnectionState::Rejected),
                (1, 1, 53, ConnectionState::Unknown),
                (1, 0, 80, ConnectionState::Unanswered)
            ]
        );
        assert_eq!((flows[0].flow().application, flows[2].flow().dns_name), ("http", "www.example.com"));
    }
}
