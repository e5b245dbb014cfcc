//! Access lists as Cisco IOS and its kin take them; a limit becomes a policy that polices.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_behaviour::Flow;

use super::form::{Tag, pairs, protocols};
use super::{Action, Packets, Rule};

/// Rates are policed in steps of this many bits a second, which is also the least.
const STEP_BITS: u64 = 8_000;
/// The highest rate that every router of this kind polices, bits a second.
const MOST_BITS: u64 = 2_000_000_000;

/// The configuration, how to undo it, how it ends; nothing where an access list cannot say it: ports of another protocol
/// than TCP and UDP, or a rate beyond what is policed.
pub(crate) fn render(rule: &Rule, tag: &Tag) -> (String, String, String) {
    let ports = rule.source_port.or(rule.destination_port).is_some();
    if ports && !matches!(rule.protocol, None | Some(Flow::TCP | Flow::UDP)) {
        return Default::default();
    }
    let bits = match rule.action {
        Action::Limit { octets_per_second, .. } => {
            octets_per_second.saturating_mul(8).div_ceil(STEP_BITS).max(1).saturating_mul(STEP_BITS)
        }
        Action::Drop | Action::Watch => 0,
    };
    if bits > MOST_BITS {
        return Default::default();
    }
    let name = tag.name().to_ascii_uppercase().replace('_', "-");
    let mut text = format!("! Eddy, incident {}: {}\n", tag.incident(), rule.in_words());
    let mut undo: Vec<String> = Vec::new();
    let mut policed: Vec<String> = Vec::new();
    for version4 in [true, false] {
        let Some((sources, destinations)) = rule.of_family(version4) else { continue };
        let (list, end) = if version4 {
            (format!("{name}-4"), "permit ip any any")
        } else {
            (format!("{name}-6"), "permit ipv6 any any")
        };
        let head = if version4 {
            format!("ip access-list extended {list}")
        } else {
            format!("ipv6 access-list {list}")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{head}");
        for (source, destination) in pairs(&sources, &destinations) {
            for protocol in protocols(rule) {
                for entry in entries(rule, protocol, source, destination, version4) {
                    let _ = writeln!(text, " {entry}");
                }
            }
        }
        undo.push(format!("no {head}"));
        if let Action::Limit { .. } = rule.action {
            policed.push(list);
        } else {
            let _ = writeln!(text, " {end}");
            let apply = if version4 {
                format!("ip access-group {list} in")
            } else {
                format!("ipv6 traffic-filter {list} in")
            };
            let _ = writeln!(text, "! at the interface it comes in by: {apply}");
        }
    }
    if undo.is_empty() {
        return Default::default();
    }
    if !policed.is_empty() {
        let _ = writeln!(text, "class-map match-any {name}");
        policed.iter().for_each(|list| {
            let _ = writeln!(text, " match access-group name {list}");
        });
        let _ = writeln!(
            text,
            "policy-map {name}\n class {name}\n  police {bits} conform-action transmit exceed-action drop"
        );
        let _ = writeln!(text, "! at the interface it comes in by: service-policy input {name}");
        undo.insert(0, format!("no policy-map {name}"));
        undo.insert(1, format!("no class-map {name}"));
    }
    let _ = write!(text, "event manager applet {name}-END\n event timer countdown time {}\n", rule.lasts_s);
    let steps = ["enable".to_owned(), "configure terminal".to_owned()]
        .into_iter()
        .chain(undo.iter().cloned())
        .chain([format!("no event manager applet {name}-END")]);
    steps.enumerate().for_each(|(at, step)| {
        let _ = writeln!(text, " action {}.0 cli command \"{step}\"", at + 1);
    });
    undo.push(format!("no event manager applet {name}-END"));
    let expiry = format!(
        "The applet takes the list away {} after it is entered; take it off the interface before.",
        rule.lasts_in_words()
    );
    (text, undo.join("\n"), expiry)
}

/// The entries for one source, destination and protocol.
fn entries(
    rule: &Rule,
    protocol: Option<u8>,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    version4: bool,
) -> Vec<String> {
    let side = |address: Option<IpAddr>, port: Option<u16>| {
        let who = address.map_or_else(|| "any".to_owned(), |address| format!("host {}", word_of(address)));
        port.map_or_else(|| who.clone(), |port| format!("{who} eq {port}"))
    };
    let word = match protocol {
        None if version4 => "ip".into(),
        None => "ipv6".into(),
        Some(Flow::TCP) => "tcp".into(),
        Some(Flow::UDP) => "udp".into(),
        Some(Flow::ICMP | Flow::ICMP6) => "icmp".into(),
        Some(other) => other.to_string(),
    };
    let (verb, other, log) = match rule.action {
        Action::Drop => ("deny", "permit", " log"),
        Action::Limit { .. } => ("permit", "deny", ""),
        Action::Watch => ("permit", "permit", " log"),
    };
    let sides = format!("{} {}", side(source, rule.source_port), side(destination, rule.destination_port));
    match rule.packets {
        Packets::Opening if version4 => vec![format!("{verb} {word} {sides} match-all +syn -ack{log}")],
        // Lists of version 6 cannot ask for a flag that is not set: answers are taken out before.
        Packets::Opening => {
            vec![format!("{other} {word} {sides} established"), format!("{verb} {word} {sides} syn{log}")]
        }
        Packets::All => vec![format!("{verb} {word} {sides}{log}")],
    }
}

/// An address as routers write it: one of version 6 in groups of hexadecimal digits, never with one of version 4 in it.
fn word_of(address: IpAddr) -> String {
    match address {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            let [.., high, low] = six.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        other => other.to_string(),
    }
}
