//! Rules for Suricata, inline for those that drop.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_behaviour::Flow;

use super::form::{Tag, at_span, protocols};
use super::{Action, Packets, Rule};

/// The rules, how to undo them, how they end.
pub(crate) fn render(rule: &Rule, tag: &Tag) -> (String, String, String) {
    let families: Vec<(Vec<IpAddr>, Vec<IpAddr>)> =
        [true, false].iter().filter_map(|&version4| rule.of_family(version4)).collect();
    let mut text = String::new();
    let mut numbers: Vec<u32> = Vec::new();
    for (sources, destinations) in families {
        for protocol in protocols(rule) {
            // Four at most: two families, two protocols.
            let number = tag.number_of_rule() + numbers.len() as u32;
            numbers.push(number);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", line(rule, tag, protocol, &sources, &destinations, number));
        }
    }
    if text.is_empty() {
        return Default::default();
    }
    let file = format!("{}.rules", tag.name());
    let reload = "suricatasc -c ruleset-reload-nonblocking";
    let undo = format!("rm {file} && {reload}");
    let text = format!(
        "# Eddy, incident {}: {}\n# save as {file} beside the other rules and list it in rule-files; undo: {undo}\n# end: echo \"{undo}\" | at now + {}\n{text}",
        tag.incident(),
        rule.in_words(),
        at_span(rule.lasts_s)
    );
    let expiry = format!(
        "Suricata's rules do not end by themselves: the line with 'at' takes them away after {}.",
        rule.lasts_in_words()
    );
    (text, undo, expiry)
}

fn line(
    rule: &Rule,
    tag: &Tag,
    protocol: Option<u8>,
    sources: &[IpAddr],
    destinations: &[IpAddr],
    number: u32,
) -> String {
    let list = |addresses: &[IpAddr]| match addresses {
        [] => "any".to_owned(),
        some => format!("[{}]", some.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
    };
    let port = |port: Option<u16>| port.map_or_else(|| "any".to_owned(), |port| port.to_string());
    let (word, extra) = match protocol {
        Some(Flow::TCP) => ("tcp", String::new()),
        Some(Flow::UDP) => ("udp", String::new()),
        Some(Flow::ICMP | Flow::ICMP6) => ("icmp", String::new()),
        Some(Rule::SCTP) => ("sctp", String::new()),
        Some(other) => ("ip", format!(" ip_proto:{other};")),
        None => ("ip", String::new()),
    };
    let (action, rate) = match rule.action {
        Action::Drop => ("drop", String::new()),
        Action::Limit { packets_per_second, .. } => {
            let track = if destinations.is_empty() { "by_src" } else { "by_dst" };
            let n = packets_per_second.max(1);
            // A rule of addresses alone is looked at once for each flow and way; one with the word flow, for each packet.
            ("drop", format!(" flow:stateless; detection_filter:track {track}, count {n}, seconds 1;"))
        }
        Action::Watch => ("alert", " threshold:type limit, track by_src, count 1, seconds 60;".to_owned()),
    };
    let flags = if rule.packets == Packets::Opening { " flags:S,CE;" } else { "" };
    format!(
        "{action} {word} {} {} -> {} {} (msg:\"Eddy incident {}\";{extra}{flags}{rate} sid:{number}; rev:1;)",
        list(sources),
        port(rule.source_port),
        list(destinations),
        port(rule.destination_port),
        tag.incident()
    )
}
