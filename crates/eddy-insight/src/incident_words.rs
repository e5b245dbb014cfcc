//! What hosts did, in plain words.

use std::net::IpAddr;

use eddy_behaviour::Sighting;

use crate::{count, number, span_in_words};

pub(crate) fn whom(targets: &[IpAddr], n: u64) -> String {
    match targets {
        [] => "nobody in particular".into(),
        [one] if n <= 1 => one.to_string(),
        [first, ..] if n > 4 => format!("about {} hosts ({first} and others)", count(n)),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

pub(crate) fn clause(sighting: &Sighting) -> String {
    let target = whom(&sighting.targets, sighting.n_targets);
    let on_port =
        sighting.port.filter(|&port| port > 0).map_or(String::new(), |port| format!(" on port {port}"));
    let seen =
        |at: usize| sighting.evidence.get(at).map_or_else(String::new, |evidence| number(evidence.seen));
    let what = sighting.evidence.first().map_or("", |evidence| evidence.what);
    match sighting.behaviour {
        "scan" if sighting.kind == "ARP sweep" => {
            format!("{} addresses asked for by ARP within a minute", seen(0))
        }
        "scan" if sighting.kind == "scan by many hosts" => {
            format!("{} ports of {target} tried in vain by {} hosts within a minute", seen(0), seen(1))
        }
        "scan"
            if matches!(sighting.kind, "probes with odd flags" | "probes of the system")
                || sighting.kind.starts_with("quick") =>
        {
            format!("{} of {target}: {} {what}", sighting.kind, seen(0))
        }
        "forged_answers" | "crafted_packets" => {
            let to = if sighting.targets.is_empty() { String::new() } else { format!(" to {target}") };
            format!("{}{to}: {} {what}", sighting.kind, seen(0))
        }
        "scan" => format!(
            "{} of {target}{on_port}: {} pairs of host and port tried in vain",
            sighting.kind,
            seen(0)
        ),
        "flood" => {
            let what = if what.is_empty() { "packets" } else { what };
            let of = if sighting.targets.is_empty() { String::new() } else { format!(" of {target}") };
            format!("{}{of}{on_port}: {} {what}", sighting.kind, seen(0))
        }
        "brute_force" if sighting.kind == "guessing of SNMP communities" => {
            format!("{} at {target}{on_port}: {} questions without an answer", sighting.kind, seen(0))
        }
        "brute_force" if sighting.kind == "guessing of SIP accounts" => {
            format!("{} at {target}{on_port}: {} questions, each refused", sighting.kind, seen(0))
        }
        "brute_force" if sighting.kind == "guessing of names of files" => {
            format!("{} at {target}{on_port}: {} names", sighting.kind, count(sighting.flows))
        }
        "brute_force" if what.starts_with("questions") => {
            format!("{} at {target}{on_port}: {} {what}", sighting.kind, seen(0))
        }
        "made_up_names" => {
            format!("{} different domains that are not there asked of {target} in ten minutes", seen(0))
        }
        "brute_force" => {
            format!("guessing of passwords at {target}{on_port}: {} short connections", count(sighting.flows))
        }
        "beaconing" => {
            let interval = sighting.evidence.iter().find(|evidence| evidence.what.contains("seconds"));
            let every = interval.map_or_else(String::new, |one| format!(", every {} s", number(one.seen)));
            format!("regular calls to {target}{on_port}{every}, {} so far", count(sighting.flows))
        }
        "exfiltration" if sighting.kind == "slow transfer outwards" => {
            format!("{} bytes sent to {target} within a day, a little at a time", seen(0))
        }
        "exfiltration" => format!("{} bytes sent to {target} within an hour", seen(0)),
        "tunnel" if sighting.kind == "tunnel in questions" => {
            format!("{} long questions asked of {target} in ten minutes", seen(0))
        }
        "unusual" => format!("unusual, of no known shape: {} {what}", seen(0)),
        "tunnel" if sighting.kind == "tunnel in names" => {
            format!("{} different names below one domain asked of {target} in ten minutes", seen(0))
        }
        "tunnel" => format!("echo packets of {} bytes to and from {target}", seen(0)),
        "lateral_spread" => format!("log-ons to {} hosts inside for the first time{on_port}", seen(0)),
        "arp_spoofing" if sighting.kind == "ARP spoofing" => format!(
            "{} answers that nobody had asked for give the address {target} to another adapter",
            seen(0)
        ),
        "arp_spoofing" => format!("{} announcements of addresses within a minute", seen(0)),
        "silence" => format!("{target} has not spoken for {} minutes, where it always did", seen(0)),
        _ => format!("{} with {target}{on_port}", sighting.kind),
    }
}

/// What happened: the leading sighting, and in short what else the same actor did.
pub(crate) fn sentence(sightings: &[Sighting], actors: &[IpAddr]) -> String {
    let lead = &sightings[0];
    let who = match (lead.actor, lead.behaviour) {
        (Some(actor), _) if actors.len() > 1 => format!("{actor} and {} more: ", actors.len() - 1),
        (Some(actor), _) => format!("{actor}: "),
        (None, "flood") => "many or forged senders: ".into(),
        (None, "brute_force") => "many senders: ".into(),
        (None, _) => String::new(),
    };
    let mut text = format!("{who}{}", clause(lead));
    let lasted = lead.last_ns.saturating_sub(lead.first_ns);
    if lasted >= 1_000_000_000 && lead.behaviour != "silence" {
        text.push_str(", over ");
        text.push_str(&span_in_words(lasted));
    }
    for other in sightings.iter().skip(1).filter(|s| s.behaviour != lead.behaviour).take(2) {
        text.push_str("; also ");
        text.push_str(&clause(other));
    }
    text
}

pub(crate) fn ordinary(lead: &Sighting) -> String {
    lead.evidence.first().map_or_else(String::new, |evidence| {
        format!("ordinary would have been fewer than {} {}", number(evidence.usual), evidence.what)
    })
}
