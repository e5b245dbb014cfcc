//! Rules for nftables: a table of its own, whose addresses leave by themselves.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_behaviour::Flow;

use super::form::Tag;
use super::{Action, Packets, Rule};

/// The rule, how to undo it, how it ends. Sets with a timeout hold the addresses, so that the rule matches nothing once
/// they are gone.
pub(crate) fn render(rule: &Rule, tag: &Tag) -> (String, String, String) {
    let name = tag.name();
    let (mut sets, mut lines) = (String::new(), String::new());
    for version4 in [true, false] {
        if let Some((sources, destinations)) = rule.of_family(version4) {
            family(rule, version4, &sources, &destinations, (&mut sets, &mut lines));
        }
    }
    if lines.is_empty() {
        return Default::default();
    }
    let undo = format!("nft delete table inet {name}");
    let mut text = format!(
        "# Eddy, incident {}: {}\n# check: nft -c -f FILE   apply: nft -f FILE   undo: {undo}\ntable inet {name} {{\n{sets}",
        tag.incident(),
        rule.in_words()
    );
    let _ = write!(text, "\tchain judge {{\n{lines}\t}}\n");
    for hook in ["forward", "input"] {
        let _ = write!(
            text,
            "\tchain {hook} {{\n\t\ttype filter hook {hook} priority -10; policy accept;\n\t\tjump judge\n\t}}\n"
        );
    }
    text.push_str("}\n");
    let expiry = format!(
        "The addresses leave the table by themselves {} after it is loaded; the empty table stays and matches nothing.",
        rule.lasts_in_words()
    );
    (text, undo, expiry)
}

fn family(
    rule: &Rule,
    version4: bool,
    sources: &[IpAddr],
    destinations: &[IpAddr],
    (sets, lines): (&mut String, &mut String),
) {
    let (word, number) = if version4 { ("ip", 4) } else { ("ip6", 6) };
    let mut matches = String::new();
    for (side, addresses) in [("saddr", sources), ("daddr", destinations)] {
        if addresses.is_empty() {
            continue;
        }
        let set = format!("{side}{number}");
        let elements: Vec<String> =
            addresses.iter().map(|address| format!("{address} timeout {}s", rule.lasts_s)).collect();
        // Writing to a string cannot fail.
        let _ = write!(
            sets,
            "\tset {set} {{\n\t\ttype ipv{number}_addr\n\t\tflags timeout\n\t\telements = {{ {} }}\n\t}}\n",
            elements.join(", ")
        );
        let _ = write!(matches, "{word} {side} @{set} ");
    }
    matches.push_str(&protocol(rule, version4));
    let _ = writeln!(lines, "\t\t{matches}{}", verdict(rule));
}

fn protocol(rule: &Rule, version4: bool) -> String {
    let ports = [("sport", rule.source_port), ("dport", rule.destination_port)];
    let named = match rule.protocol {
        Some(Flow::TCP) => Some("tcp"),
        Some(Flow::UDP) => Some("udp"),
        _ => None,
    };
    let mut text = match (rule.protocol, named) {
        (None, _) if ports.iter().any(|(_, port)| port.is_some()) => "meta l4proto { tcp, udp } ".to_owned(),
        (None, _) => String::new(),
        (Some(Flow::ICMP | Flow::ICMP6), _) if version4 => "meta l4proto icmp ".to_owned(),
        (Some(Flow::ICMP | Flow::ICMP6), _) => "meta l4proto ipv6-icmp ".to_owned(),
        (Some(_), Some(name)) => format!("meta l4proto {name} "),
        (Some(other), None) => format!("meta l4proto {other} "),
    };
    for (word, port) in ports {
        if let Some(port) = port {
            let _ = write!(text, "{} {word} {port} ", named.unwrap_or("th"));
        }
    }
    if rule.packets == Packets::Opening {
        text.push_str("tcp flags & (fin | syn | rst | ack) == syn ");
    }
    text
}

fn verdict(rule: &Rule) -> String {
    match rule.action {
        Action::Drop => "counter drop".to_owned(),
        Action::Limit { packets_per_second, .. } => {
            let n = packets_per_second.max(1);
            format!("limit rate over {n}/second burst {n} packets counter drop")
        }
        Action::Watch => "counter limit rate 10/second log prefix \"eddy \"".to_owned(),
    }
}
