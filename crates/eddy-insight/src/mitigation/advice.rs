//! What to do, in sentences that say nothing the flows do not show.

use eddy_behaviour::Sighting;
use serde::Serialize;

use super::protocol_in_words;
use crate::examine::{FlowRecord, Profile};
use crate::incident_words::whom;
use crate::{Incident, count, number};

/// How soon something should be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At once.
    Now,
    /// Today.
    Today,
    /// In the days after.
    Later,
}

impl When {
    /// In a word or two.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Today => "today",
            Self::Later => "then",
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// How soon.
    pub when: When,
    /// What, in a sentence or two.
    pub text: String,
}

/// What to do about an incident, most urgent first; no sentence twice.
pub(crate) fn advice(incident: &Incident, profile: &Profile) -> Vec<Advice> {
    let mut out: Vec<Advice> = Vec::new();
    let mut behaviours: Vec<&str> = Vec::new();
    for sighting in &incident.sightings {
        if behaviours.contains(&sighting.behaviour) {
            continue;
        }
        behaviours.push(sighting.behaviour);
        for (when, text) in about(sighting, profile) {
            if !out.iter().any(|other| other.text == text) {
                out.push(Advice { when, text });
            }
        }
        if behaviours.len() == 3 {
            break;
        }
    }
    out.sort_by_key(|advice| advice.when);
    out
}

fn about(sighting: &Sighting, profile: &Profile) -> Vec<(When, String)> {
    let who = sighting.actor.map_or_else(|| "the senders".to_owned(), |actor| actor.to_string());
    let target = whom(&sighting.targets, sighting.n_targets);
    let inside = sighting.actor.is_some_and(eddy_behaviour::is_private);
    let port = sighting.port.filter(|&port| port > 0);
    let on_port = port.map_or_else(String::new, |port| format!(" on port {port}"));
    match sighting.behaviour {
        "scan" => scan(&who, inside, profile),
        "flood" => flood(sighting, &target, profile),
        "brute_force" => brute_force(&who, &target, &on_port, profile),
        "beaconing" => beaconing(sighting, &who, &target, &on_port),
        "exfiltration" => exfiltration(sighting, &who, &target),
        "tunnel" => tunnel(sighting, &who, &target, profile),
        "lateral_spread" => lateral_spread(&who, &target, &on_port),
        "silence" => silence(sighting, &target),
        "arp_spoofing" => arp_spoofing(&who, &target),
        "forged_answers" => forged_answers(sighting, &who, &target),
        "crafted_packets" => crafted_packets(&target),
        "made_up_names" => made_up_names(sighting, &who),
        "wrong_port" if sighting.kind == "mining of currency" => vec![
            (
                When::Now,
                format!(
                    "Find the program on {who} that works for {target}{on_port}, how it came there, and end it."
                ),
            ),
            (
                When::Today,
                format!(
                    "See whether other hosts call {target}, and whether the processors of others are busy without a reason."
                ),
            ),
            (When::Later, "Let servers call only those outside that they need.".into()),
        ],
        "wrong_port" => vec![
            (
                When::Today,
                format!(
                    "Find out which program speaks it between {who} and {target}{on_port}; it is not what that port is for."
                ),
            ),
            (When::Later, "Let only what a port is for pass through it, where the firewall can tell.".into()),
        ],
        _ => vec![(
            When::Today,
            format!(
                "Find out what {who} does with {target}{on_port}; {} flows show it.",
                count(profile.flows)
            ),
        )],
    }
}

/// A number of evidence by a word of what was measured.
fn seen(sighting: &Sighting, word: &str) -> Option<String> {
    sighting.evidence.iter().find(|one| one.what.contains(word)).map(|one| number(one.seen))
}

fn beaconing(sighting: &Sighting, who: &str, target: &str, on_port: &str) -> Vec<(When, String)> {
    let every = seen(sighting, "seconds").map_or_else(String::new, |seconds| format!(" every {seconds} s"));
    let others =
        seen(sighting, "hosts").map_or_else(String::new, |n| format!(" (about {n} hosts do so far)"));
    vec![
        (
            When::Now,
            format!(
                "Find out which program on {who} calls {target}{on_port}{every}; if nobody knows it, take {who} off the \
                 network before it is cleaned."
            ),
        ),
        (When::Today, format!("See whether other hosts call {target} too{others}.")),
        (
            When::Later,
            format!("If the program is known and wanted, write down that {who} may call {target}."),
        ),
    ]
}

fn made_up_names(sighting: &Sighting, who: &str) -> Vec<(When, String)> {
    let n = seen(sighting, "not there").unwrap_or_default();
    vec![
        (
            When::Now,
            format!(
                "Find out which program on {who} asks for the {n} names; if nobody knows it, take {who} off the network before it is cleaned."
            ),
        ),
        (
            When::Today,
            format!("See which of the names was there, and whom {who} called then: that is who controls it."),
        ),
        (When::Later, "Let the name server refuse names that are on a list of made-up ones.".into()),
    ]
}

fn exfiltration(sighting: &Sighting, who: &str, target: &str) -> Vec<(When, String)> {
    let bytes = seen(sighting, "bytes").unwrap_or_else(|| count(sighting.octets));
    let lopsided = seen(sighting, "out as back")
        .map_or_else(String::new, |times| format!("; {times} bytes went out for every byte back"));
    vec![
        (When::Now, format!("Ask who uses {who} whether {bytes} bytes to {target} were meant{lopsided}.")),
        (
            When::Now,
            format!(
                "If they were not, cut {who} off from {target} and keep its disk as it is: it shows what was sent."
            ),
        ),
        (
            When::Today,
            format!(
                "See what else went to {target}, and what {who} collected before, from which hosts inside."
            ),
        ),
        (
            When::Later,
            "Let only the hosts that need it send outwards in bulk, through a proxy that records names."
                .into(),
        ),
    ]
}

fn lateral_spread(who: &str, target: &str, on_port: &str) -> Vec<(When, String)> {
    vec![
        (
            When::Now,
            format!(
                "Treat {who} as taken over until shown otherwise: separate it from the other hosts, and change the accounts that were used on it."
            ),
        ),
        (
            When::Now,
            format!(
                "Look for log-ons from {who} at {target}{on_port} from that time on, and for what was copied there."
            ),
        ),
        (When::Later, format!("Allow log-ons{on_port} only from the hosts that administer others.")),
    ]
}

fn arp_spoofing(who: &str, target: &str) -> Vec<(When, String)> {
    vec![
        (
            When::Now,
            format!(
                "Look up the adapter behind it in the address table of the switch and shut that port, unless {who} is \
                 known to take addresses over by design."
            ),
        ),
        (
            When::Now,
            format!(
                "Clear the ARP caches of {target} and of the router, and enter each other's true adapter there by hand \
                 until it is over."
            ),
        ),
        (
            When::Today,
            format!("Change the passwords that went through {target} without encryption in that time."),
        ),
        (
            When::Later,
            "Switch on dynamic ARP inspection, with DHCP snooping below it, at ports that hosts are at."
                .into(),
        ),
    ]
}

fn forged_answers(sighting: &Sighting, who: &str, target: &str) -> Vec<(When, String)> {
    let later = match sighting.kind {
        "answers for names of others" => "Switch LLMNR and NetBIOS names off where there is a name server.",
        "leases of a second server" => "Switch on DHCP snooping at ports that hosts are at.",
        "redirects of ways" => "Let hosts ignore redirects of ways; routers know them.",
        _ => "Use protocols that sign what they say: DNSSEC, TLS, IPsec.",
    };
    vec![
        (
            When::Now,
            format!(
                "Find out whether {who} may answer so; if nobody knows, take it off the network of {target}."
            ),
        ),
        (When::Today, format!("See what {target} said to {who} after that, and change the passwords in it.")),
        (When::Later, later.into()),
    ]
}

fn crafted_packets(target: &str) -> Vec<(When, String)> {
    vec![
        (When::Now, format!("See whether {target} still runs; old systems stop at one such packet.")),
        (
            When::Today,
            "Find where they came in: senders are often forged, the port of the switch is not.".into(),
        ),
        (
            When::Later,
            "Let the firewall put fragments together, and drop what comes from the wrong side.".into(),
        ),
    ]
}

fn silence(sighting: &Sighting, target: &str) -> Vec<(When, String)> {
    let before = seen(sighting, "per cent")
        .map_or_else(String::new, |share| format!("; it spoke in {share} per cent of the minutes before"));
    let since = seen(sighting, "minutes without")
        .map_or_else(String::new, |minutes| format!("; it has been silent for {minutes} minutes"));
    vec![
        (When::Now, format!("See whether {target} still runs and its service answers{before}.")),
        (
            When::Today,
            format!(
                "If it was not stopped on purpose, look at its own logs, and at the switch and the firewall, around \
                 that minute{since}."
            ),
        ),
    ]
}

fn scan(who: &str, inside: bool, profile: &Profile) -> Vec<(When, String)> {
    let mut out = Vec::new();
    if inside {
        out.push((When::Now, format!("{who} is a host of your own: find out whether a person or a known program scans from it. If not, treat it as taken over and separate it from the others.")));
    } else {
        out.push((
            When::Today,
            format!("Block {who} where your network begins: nothing it did looks like a visitor."),
        ));
    }
    let answered: Vec<String> =
        profile.answered.iter().take(6).map(|(host, port)| format!("{host} port {port}")).collect();
    if answered.is_empty() {
        out.push((
            When::Later,
            "None of its tries was answered in the flows read, so it learned little more than that.".into(),
        ));
    } else {
        let more = profile.answered.len().saturating_sub(answered.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        out.push((When::Today, format!("These answered it: {}{more}. See that each should be reachable from there and is up to date.", answered.join(", "))));
    }
    out.push((
        When::Later,
        "Close the ports that nobody outside needs, so that the next scan finds less.".into(),
    ));
    out
}

fn flood(sighting: &Sighting, target: &str, profile: &Profile) -> Vec<(When, String)> {
    let what = sighting.evidence.first();
    let numbers = what.map_or_else(String::new, |e| {
        format!(" ({} {}, where {} would be much)", number(e.seen), e.what, number(e.usual))
    });
    let first = match sighting.kind {
        "SYN flood" => {
            format!("Turn on SYN cookies at {target} and limit new connections before it{numbers}.")
        }
        "reflection flood" => {
            let port = sighting.port.or_else(|| profile.source_port());
            let from = port
                .map_or_else(|| "the reflecting service".to_owned(), |port| format!("source port {port}"));
            format!(
                "Ask your provider to drop what comes from {from} to {target}{numbers}: it fills the line before any rule of yours sees it."
            )
        }
        "flood of questions for leases" => format!(
            "Turn on DHCP snooping with a limit of questions at each port of the switches{numbers}; the port that reaches it is the sender's."
        ),
        "flood of questions for names" => format!(
            "Let {target} answer fewer times a second to each network, and no more often that a name is not there{numbers}."
        ),
        _ => format!("Limit the rate towards {target} as far upstream as you can{numbers}."),
    };
    let senders = match sighting.actor {
        Some(actor) => format!("One sender does it, {actor}: block it."),
        None => {
            "Do not block senders one by one: there are too many, and their addresses may be forged.".into()
        }
    };
    let spoken = profile.protocol().map_or_else(|| "it".to_owned(), protocol_in_words);
    vec![
        (When::Now, first),
        (When::Now, senders),
        (
            When::Today,
            format!(
                "See that {target} still serves its users; of {} flows of the flood {} got no answer.",
                count(profile.flows),
                count(profile.failed)
            ),
        ),
        (
            When::Later,
            format!(
                "If {target} need not be reached over {spoken} from everywhere, close that way for good."
            ),
        ),
    ]
}

fn brute_force(who: &str, target: &str, on_port: &str, profile: &Profile) -> Vec<(When, String)> {
    let mut out = vec![(
        When::Now,
        format!(
            "Block {who} from {target}{on_port}, and see in the log of {target} whether one of the {} tries was let in.",
            count(profile.flows)
        ),
    )];
    let usual = profile.octets / profile.flows.max(1);
    let stands_out = |flow: &&FlowRecord| flow.octets.saturating_add(flow.reverse_octets) > 4 * usual.max(1);
    if let Some(flow) = profile
        .largest
        .iter()
        .chain(&profile.first)
        .filter(stands_out)
        .max_by_key(|flow| flow.octets.saturating_add(flow.reverse_octets))
    {
        out.push((When::Now, format!(
            "One exchange stands out: {} bytes at {}, where the others have about {}. That may be the try that worked.",
            count(flow.octets.saturating_add(flow.reverse_octets)),
            eddy_frame::format_time(flow.start_ns, eddy_frame::TimeStyle::Spaced),
            count(usual)
        )));
    }
    out.push((
        When::Today,
        format!("Change the passwords of the accounts that were tried at {target}, if any was let in."),
    ));
    out.push((
        When::Later,
        format!("Ask for keys or a second factor{on_port}, and lock an address out after a few tries."),
    ));
    out
}

fn tunnel(sighting: &Sighting, who: &str, target: &str, profile: &Profile) -> Vec<(When, String)> {
    if sighting.kind == "tunnel in echo packets" {
        return vec![
            (When::Now, format!("Find the program on {who} that exchanges echo packets of {} bytes with {target}; ping sends 84 at most unless told otherwise.", number(sighting.evidence.first().map_or(0.0, |e| e.seen)))),
            (When::Later, "Let echo packets out only as small as ping sends them, and only from hosts that watch the network.".into()),
        ];
    }
    let domain = profile.domain().map_or_else(|| "that domain".to_owned(), |domain| format!("'{domain}'"));
    vec![
        (
            When::Now,
            format!(
                "Have the resolver refuse {domain}: that ends the tunnel without harm to other questions."
            ),
        ),
        (
            When::Now,
            format!("Find the program on {who} that asks for these names, and see what it could read."),
        ),
        (
            When::Today,
            format!(
                "See in the resolver's log who else asked for names below {domain}; {who} asked {target}."
            ),
        ),
    ]
}
