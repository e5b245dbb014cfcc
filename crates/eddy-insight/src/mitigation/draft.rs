//! Which rules are tried for which incident.

use std::net::IpAddr;

use eddy_behaviour::{Flow, Sighting};

use super::{Action, Packets, Rule};
use crate::Incident;
use crate::examine::Profile;

/// Seconds that rules against floods last: they hit what others send as well.
const AN_HOUR: u32 = 3_600;
/// Seconds that other rules last.
const A_DAY: u32 = 86_400;
/// Different purposes for which rules are drawn up, for one incident.
const MOST_PURPOSES: usize = 3;

/// A rule to be tried. Those of one purpose stand together, the widest first.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) purpose: &'static str,
    pub(crate) rule: Rule,
}

/// The rules to be tried for an incident, by its sightings, the leading one first.
pub(crate) fn candidates(incident: &Incident, profile: &Profile) -> Vec<Candidate> {
    let mut out: Vec<Candidate> = Vec::new();
    let mut purposes: Vec<&'static str> = Vec::new();
    for sighting in &incident.sightings {
        let (purpose, rules) = draft(sighting, profile);
        if rules.is_empty() || purposes.contains(&purpose) {
            continue;
        }
        purposes.push(purpose);
        out.extend(rules.into_iter().map(|rule| Candidate { purpose, rule }));
        if purposes.len() == MOST_PURPOSES {
            break;
        }
    }
    out
}

/// The purpose of a sighting's rules, and the rules, widest first.
fn draft(sighting: &Sighting, profile: &Profile) -> (&'static str, Vec<Rule>) {
    let actor: Vec<IpAddr> = sighting.actor.into_iter().collect();
    let targets = &sighting.targets[..];
    let protocol = profile.protocol();
    // One protocol of many flows of several behaviours says nothing of this one.
    let of_port = |port: Option<u16>| {
        protocol.filter(|p| matches!(*p, Flow::TCP | Flow::UDP)).or(port.map(|_| Flow::TCP))
    };
    let drop = |from: &[IpAddr], to: &[IpAddr], lasts| Rule::between(from, to, Action::Drop, lasts);
    let port = sighting.port.filter(|&port| port > 0);
    match (sighting.behaviour, actor.is_empty()) {
        ("silence", _) => ("", Vec::new()),
        ("flood", _) => ("Keeps the flood from its target.", flood(sighting, profile)),
        (_, true) if targets.is_empty() => ("", Vec::new()),
        (_, true) => (
            "Records what goes to the target.",
            vec![Rule::between(&[], targets, Action::Watch, A_DAY).at(of_port(port), port)],
        ),
        // The name server itself does nothing wrong.
        ("made_up_names", _) => ("Keeps the host from whoever controls it.", vec![drop(&actor, &[], A_DAY)]),
        ("scan", _) => (
            "Keeps the scanner from trying further.",
            scan(sighting, &drop(&actor, &[], A_DAY), &drop(&actor, targets, A_DAY), of_port(port)),
        ),
        ("brute_force", _) => (
            "Ends the guessing.",
            vec![
                drop(&actor, &[], A_DAY),
                drop(&actor, targets, A_DAY),
                drop(&actor, targets, A_DAY).at(of_port(port), port),
            ],
        ),
        ("beaconing", _) => (
            "Cuts the calls off.",
            vec![
                drop(&[], targets, A_DAY),
                drop(&actor, targets, A_DAY),
                drop(&actor, targets, A_DAY).at(of_port(port), port),
            ],
        ),
        ("exfiltration", _) => {
            ("Stops the transfer.", vec![drop(&[], targets, A_DAY), drop(&actor, targets, A_DAY)])
        }
        ("tunnel", _) if sighting.kind == "tunnel in echo packets" => (
            "Closes the tunnel.",
            vec![
                drop(&actor, &[], A_DAY).at(Some(Flow::ICMP), None),
                drop(&actor, targets, A_DAY).at(Some(Flow::ICMP), None),
            ],
        ),
        ("tunnel", _) => {
            ("Closes the tunnel, or narrows it to what questions need.", tunnel(sighting, profile))
        }
        ("lateral_spread", _) => (
            "Keeps it from spreading further.",
            vec![
                drop(&actor, &[], A_DAY).at(of_port(port), port),
                drop(&actor, targets, A_DAY).at(of_port(port), port),
            ],
        ),
        _ => (
            "Records it until somebody knows what it is.",
            vec![Rule::between(&actor, targets, Action::Watch, A_DAY).at(of_port(port), port)],
        ),
    }
}

/// Against a scan, widest first: everything from the scanner, its port anywhere, everything to the named targets, both.
fn scan(sighting: &Sighting, anywhere: &Rule, named: &Rule, protocol: Option<u8>) -> Vec<Rule> {
    let port = sighting.port.filter(|&port| port > 0);
    let opening = |rule: Rule| match protocol {
        Some(Flow::TCP) => Rule { packets: Packets::Opening, ..rule.at(protocol, port) },
        _ => rule.at(protocol, port),
    };
    let mut rules = vec![anywhere.clone()];
    if port.is_some() {
        rules.push(opening(anywhere.clone()));
    }
    rules.push(named.clone());
    rules.push(opening(named.clone()));
    rules
}

/// Against a flood: its sender where there is one; else what its packets have in common, up to the ordinary rate.
fn flood(sighting: &Sighting, profile: &Profile) -> Vec<Rule> {
    let targets = &sighting.targets[..];
    if targets.is_empty() {
        return Vec::new();
    }
    let port = sighting.port.filter(|&port| port > 0);
    let protocol = profile.protocol();
    if let Some(actor) = sighting.actor {
        let rule = Rule::between(&[actor], targets, Action::Drop, AN_HOUR);
        return vec![
            Rule::between(&[actor], &[], Action::Drop, AN_HOUR),
            rule.clone(),
            rule.at(protocol, port),
        ];
    }
    // What would have been ordinary in ten seconds, in one.
    let usual = sighting.evidence.first().map_or(100.0, |evidence| evidence.usual / 10.0);
    let packets_per_second = usual.clamp(1.0, 1e6).ceil() as u32;
    let limit = Action::Limit {
        packets_per_second,
        octets_per_second: u64::from(packets_per_second) * profile.packet_octets(),
    };
    if sighting.kind == "SYN flood" {
        let rule = Rule::between(&[], targets, limit, AN_HOUR).at(Some(Flow::TCP), port);
        return vec![Rule { packets: Packets::Opening, ..rule }];
    }
    if sighting.kind == "reflection flood" {
        // Answers come from the port of the service that reflects: towards the target, it is the sender's.
        let service = port.or_else(|| profile.source_port());
        let rule = Rule::between(&[], targets, Action::Drop, AN_HOUR).at(protocol, None);
        return service.map_or_else(
            || vec![Rule::between(&[], targets, limit, AN_HOUR).at(protocol, None)],
            |port| vec![rule.out_of(port)],
        );
    }
    vec![Rule::between(&[], targets, limit, AN_HOUR).at(protocol, port)]
}

/// Against a tunnel in names: no questions to its end where nobody asks it anything else, few of its host otherwise.
fn tunnel(sighting: &Sighting, profile: &Profile) -> Vec<Rule> {
    let actor: Vec<IpAddr> = sighting.actor.into_iter().collect();
    let packets_per_second = 1;
    let limit = Action::Limit {
        packets_per_second,
        octets_per_second: u64::from(packets_per_second) * profile.packet_octets(),
    };
    let questions = |from: &[IpAddr], action| {
        Rule::between(from, &sighting.targets, action, A_DAY).at(Some(Flow::UDP), Some(53))
    };
    vec![questions(&[], Action::Drop), questions(&actor, Action::Drop), questions(&actor, limit)]
}
