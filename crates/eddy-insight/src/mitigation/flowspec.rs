//! BGP flow specifications (RFC 8955, RFC 8956) as commands of GoBGP.

use std::fmt::Write as _;

use eddy_behaviour::Flow;

use super::form::{Tag, at_span, pairs, protocols};
use super::{Action, Packets, Rule};

/// Routes at most: routers hold few.
const MOST_ROUTES: usize = 32;

/// The commands, how to undo them, how they end.
pub(crate) fn render(rule: &Rule, tag: &Tag) -> (String, String, String) {
    let mut routes: Vec<(&str, String)> = Vec::new();
    for version4 in [true, false] {
        let Some((sources, destinations)) = rule.of_family(version4) else { continue };
        let (family, length) = if version4 { ("ipv4-flowspec", 32) } else { ("ipv6-flowspec", 128) };
        for (source, destination) in pairs(&sources, &destinations) {
            for protocol in protocols(rule) {
                let mut parts = vec!["match".to_owned()];
                parts.extend(destination.map(|address| format!("destination {address}/{length}")));
                parts.extend(source.map(|address| format!("source {address}/{length}")));
                parts.extend(protocol.map(|protocol| format!("protocol {}", name(protocol, version4))));
                parts.extend(rule.destination_port.map(|port| format!("destination-port '=={port}'")));
                parts.extend(rule.source_port.map(|port| format!("source-port '=={port}'")));
                if rule.packets == Packets::Opening {
                    parts.push("tcp-flags '=S&=!A'".to_owned());
                }
                parts.push(match rule.action {
                    Action::Drop => "then discard".to_owned(),
                    Action::Limit { octets_per_second, .. } => {
                        format!("then rate-limit {}", octets_per_second.max(1))
                    }
                    Action::Watch => "then action sample".to_owned(),
                });
                routes.push((family, parts.join(" ")));
            }
        }
    }
    if routes.is_empty() {
        return Default::default();
    }
    // Writing to a string cannot fail.
    let left_out = routes.len().saturating_sub(MOST_ROUTES);
    routes.truncate(MOST_ROUTES);
    let lines = |verb: &str| -> Vec<String> {
        routes.iter().map(|(family, route)| format!("gobgp global rib -a {family} {verb} {route}")).collect()
    };
    let undo = lines("del").join("\n");
    let mut text = format!("# Eddy, incident {}: {}\n", tag.incident(), rule.in_words());
    if left_out > 0 {
        let _ = writeln!(text, "# {left_out} more routes are left out: routers hold few");
    }
    text.push_str(&lines("add").join("\n"));
    // Quoted from the shell that reads it: '!' would be taken for a line of its history.
    let _ = writeln!(text, "\nat now + {} <<'EDDY'\n{undo}\nEDDY", at_span(rule.lasts_s));
    let expiry = format!(
        "A flow specification stays until it is withdrawn: what 'at' is given withdraws it after {}.",
        rule.lasts_in_words()
    );
    (text, undo, expiry)
}

fn name(protocol: u8, version4: bool) -> String {
    match protocol {
        Flow::TCP => "tcp".into(),
        Flow::UDP => "udp".into(),
        Flow::ICMP | Flow::ICMP6 if version4 => "icmp".into(),
        Flow::ICMP | Flow::ICMP6 => Flow::ICMP6.to_string(),
        other => other.to_string(),
    }
}
