//! What a filter would look for and do, whatever program carries it out.

use std::net::IpAddr;

use eddy_behaviour::Flow;
use serde::Serialize;

/// What is done with the packets a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// They are dropped.
    Drop,
    /// They pass up to a rate; what is beyond is dropped.
    Limit {
        /// Packets a second that pass.
        packets_per_second: u32,
        /// The same in bytes, for filters that count bytes, by the mean size of the packets of the incident.
        octets_per_second: u64,
    },
    /// They pass and are recorded.
    Watch,
}

/// Which packets of a connection are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Packets {
    /// All.
    All,
    /// Those that open a TCP connection.
    Opening,
}

/// A filter rule in plain terms. It holds addresses and numbers and nothing else from traffic, so that no text of a
/// sender can become part of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// From whom; from anybody where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<IpAddr>,
    /// To whom; to anybody where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<IpAddr>,
    /// IANA protocol number; any where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<u8>,
    /// Port of the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_port: Option<u16>,
    /// Port of the receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// Which packets.
    pub packets: Packets,
    /// What is done with them.
    pub action: Action,
    /// Seconds after which the rule should be gone.
    pub lasts_s: u32,
}

/// Which way of a flow a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The packets of the side that spoke first.
    Forward,
    /// The packets back.
    Back,
}

impl Rule {
    /// The number of the Stream Control Transmission Protocol.
    pub(crate) const SCTP: u8 = 132;

    /// A rule for all packets between two sides.
    pub(crate) fn between(sources: &[IpAddr], destinations: &[IpAddr], action: Action, lasts_s: u32) -> Self {
        Self {
            sources: sources.to_vec(),
            destinations: destinations.to_vec(),
            protocol: None,
            source_port: None,
            destination_port: None,
            packets: Packets::All,
            action,
            lasts_s,
        }
    }

    /// The same for one protocol and port of the receiver. Protocol 0 stands for one that was not recorded; a port is left
    /// out where the protocol has none.
    pub(crate) fn at(self, protocol: Option<u8>, port: Option<u16>) -> Self {
        let protocol = protocol.filter(|&protocol| protocol > 0);
        let port = port.filter(|&port| port > 0 && has_ports(protocol));
        Self { protocol, destination_port: port, ..self }
    }

    /// The same for packets from one port, where the protocol has any.
    pub(crate) fn out_of(self, port: u16) -> Self {
        let port = Some(port).filter(|&port| port > 0 && has_ports(self.protocol));
        Self { source_port: port, ..self }
    }

    /// Which way of a flow a stateless filter with this rule would see, if any.
    pub(crate) fn sees(&self, flow: &Flow<'_>) -> Option<Way> {
        if self.protocol.is_some_and(|protocol| !same_protocol(protocol, flow.protocol)) {
            return None;
        }
        let side = |source: IpAddr, destination: IpAddr, from: u16, to: u16| {
            (self.sources.is_empty() || self.sources.contains(&source))
                && (self.destinations.is_empty() || self.destinations.contains(&destination))
                && self.source_port.is_none_or(|port| port == from)
                && self.destination_port.is_none_or(|port| port == to)
        };
        if flow.packets > 0 && side(flow.source, flow.destination, flow.source_port, flow.destination_port) {
            return Some(Way::Forward);
        }
        let back = flow.reverse_packets > 0
            && self.packets == Packets::All
            && side(flow.destination, flow.source, flow.destination_port, flow.source_port);
        back.then_some(Way::Back)
    }

    /// The rule in a few words: "drop TCP from 10.0.0.66 to 10.0.0.5, port 22".
    pub fn in_words(&self) -> String {
        let mut text = match self.action {
            Action::Drop => "drop ".to_owned(),
            Action::Limit { packets_per_second, .. } => {
                format!("let at most {packets_per_second} packets a second pass of ")
            }
            Action::Watch => "record ".to_owned(),
        };
        if self.packets == Packets::Opening {
            text.push_str("new connections over ");
        }
        text.push_str(&self.protocol.map_or_else(|| "everything".to_owned(), protocol_in_words));
        let list = |addresses: &[IpAddr]| match addresses {
            [] => None,
            [one] => Some(one.to_string()),
            [first, _] => Some(format!("{first} and one other")),
            [first, rest @ ..] => Some(format!("{first} and {} others", rest.len())),
        };
        for (word, side, port) in [
            (" from ", list(&self.sources), self.source_port),
            (" to ", list(&self.destinations), self.destination_port),
        ] {
            if let Some(side) = &side {
                text.push_str(word);
                text.push_str(side);
            }
            if let Some(port) = port {
                text.push_str(if side.is_some() { ", port " } else { word });
                if side.is_none() {
                    text.push_str("port ");
                }
                text.push_str(&port.to_string());
            }
        }
        text
    }

    /// How long the rule lasts, in words.
    pub fn lasts_in_words(&self) -> String {
        crate::span_in_words(i64::from(self.lasts_s) * 1_000_000_000)
    }

    /// Sources and destinations of one family of addresses: true = version 4. None where the rule has nothing to do with
    /// the family.
    pub(crate) fn of_family(&self, version4: bool) -> Option<(Vec<IpAddr>, Vec<IpAddr>)> {
        let pick = |addresses: &[IpAddr]| -> Vec<IpAddr> {
            addresses.iter().copied().filter(|address| address.is_ipv4() == version4).collect()
        };
        let (sources, destinations) = (pick(&self.sources), pick(&self.destinations));
        let missing = |all: &[IpAddr], some: &[IpAddr]| !all.is_empty() && some.is_empty();
        let bare = self.sources.is_empty() && self.destinations.is_empty();
        (!bare && !missing(&self.sources, &sources) && !missing(&self.destinations, &destinations))
            .then_some((sources, destinations))
    }
}

/// Whether a protocol has ports that every filter knows of; any protocol stands for those that have.
fn has_ports(protocol: Option<u8>) -> bool {
    matches!(protocol, None | Some(Flow::TCP | Flow::UDP | Rule::SCTP))
}

/// Whether two protocol numbers mean the same, with ICMP of both versions as one.
fn same_protocol(a: u8, b: u8) -> bool {
    let one = |protocol| if protocol == Flow::ICMP6 { Flow::ICMP } else { protocol };
    one(a) == one(b)
}

/// A protocol number in words.
pub(crate) fn protocol_in_words(protocol: u8) -> String {
    match protocol {
        Flow::TCP => "TCP".into(),
        Flow::UDP => "UDP".into(),
        Flow::ICMP | Flow::ICMP6 => "ICMP".into(),
        other => format!("protocol {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::tests::{address, flow};

    #[test]
    fn a_rule_sees_the_packets_of_both_ways_of_a_flow() {
        let rule = Rule::between(&[address(1)], &[], Action::Drop, 60);
        assert_eq!(rule.sees(&flow(0.0, 1, 2, 22)), Some(Way::Forward));
        assert_eq!(rule.sees(&flow(0.0, 2, 1, 22)), Some(Way::Back), "the answers of the one to be silenced");
        assert_eq!(rule.sees(&flow(0.0, 2, 3, 22)), None);
        let opening = Rule { packets: Packets::Opening, ..rule.clone() };
        assert_eq!(opening.sees(&flow(0.0, 2, 1, 22)), None);
        let port = rule.at(Some(Flow::TCP), Some(22));
        assert_eq!(port.sees(&flow(0.0, 1, 2, 22)), Some(Way::Forward));
        assert_eq!(port.sees(&flow(0.0, 1, 2, 80)), None);
        assert_eq!(port.sees(&Flow { protocol: Flow::UDP, ..flow(0.0, 1, 2, 22) }), None);
    }

    #[test]
    fn a_port_is_named_only_where_the_protocol_has_ports() {
        let to =
            |protocol| Rule::between(&[], &[address(2)], Action::Drop, 60).at(protocol, Some(80)).out_of(53);
        let ports = |rule: Rule| (rule.protocol, rule.source_port, rule.destination_port);
        for protocol in [None, Some(Flow::TCP), Some(Flow::UDP), Some(Rule::SCTP)] {
            assert_eq!(ports(to(protocol)), (protocol, Some(53), Some(80)));
        }
        for protocol in [Flow::ICMP, Flow::ICMP6, 47, 89] {
            assert_eq!(ports(to(Some(protocol))), (Some(protocol), None, None));
        }
        assert_eq!(ports(to(Some(0))), (None, Some(53), Some(80)), "a protocol that was not recorded");
    }

    #[test]
    fn a_rule_reads_as_a_sentence() {
        let rule = Rule::between(&[address(1)], &[address(2)], Action::Drop, 86_400).at(Some(6), Some(22));
        assert_eq!(rule.in_words(), "drop TCP from 10.0.0.1 to 10.0.0.2, port 22");
        assert_eq!(rule.lasts_in_words(), "1 day");
        let limit = Action::Limit { packets_per_second: 10, octets_per_second: 600 };
        let rule = Rule { packets: Packets::Opening, ..Rule::between(&[], &[address(2)], limit, 3_600) };
        assert_eq!(
            rule.at(Some(6), None).in_words(),
            "let at most 10 packets a second pass of new connections over TCP to 10.0.0.2"
        );
        let asked = Rule { source_port: Some(53), ..Rule::between(&[], &[address(2)], Action::Watch, 60) };
        assert_eq!(asked.in_words(), "record everything from port 53 to 10.0.0.2");
    }
}
