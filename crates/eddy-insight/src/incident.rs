//! From sightings of behaviours to incidents: who did what to whom, since when, how sure, why.

use std::net::IpAddr;

use eddy_behaviour::{Evidence, Severity, Sighting};
use serde::Serialize;

use crate::{count, number, span_in_words};

/// A technique of MITRE ATT&CK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Its id, such as `T1046`.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// The techniques that behaviours tell of, by their names in the Enterprise matrix.
const TECHNIQUES: [Technique; 20] = [
    Technique { id: "T1018", name: "Remote System Discovery" },
    Technique { id: "T1021", name: "Remote Services" },
    Technique { id: "T1041", name: "Exfiltration Over C2 Channel" },
    Technique { id: "T1046", name: "Network Service Discovery" },
    Technique { id: "T1048", name: "Exfiltration Over Alternative Protocol" },
    Technique { id: "T1071", name: "Application Layer Protocol" },
    Technique { id: "T1071.004", name: "Application Layer Protocol: DNS" },
    Technique { id: "T1095", name: "Non-Application Layer Protocol" },
    Technique { id: "T1110", name: "Brute Force" },
    Technique { id: "T1110.001", name: "Brute Force: Password Guessing" },
    Technique { id: "T1489", name: "Service Stop" },
    Technique { id: "T1498.001", name: "Network Denial of Service: Direct Network Flood" },
    Technique { id: "T1498.002", name: "Network Denial of Service: Reflection Amplification" },
    Technique { id: "T1499", name: "Endpoint Denial of Service" },
    Technique { id: "T1499.001", name: "Endpoint Denial of Service: OS Exhaustion Flood" },
    Technique { id: "T1570", name: "Lateral Tool Transfer" },
    Technique { id: "T1571", name: "Non-Standard Port" },
    Technique { id: "T1572", name: "Protocol Tunneling" },
    Technique { id: "T1573", name: "Encrypted Channel" },
    Technique { id: "T1595.001", name: "Active Scanning: Scanning IP Blocks" },
];

/// Findings of one cause, together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// 1 = most urgent.
    pub rank: usize,
    /// What it is, in a few words: the kind of its leading sighting.
    pub kind: &'static str,
    /// Names of the behaviours that were seen.
    pub behaviours: Vec<&'static str>,
    /// Who does it; empty where senders are forged or nobody does.
    pub actors: Vec<IpAddr>,
    /// To whom, the first few.
    pub targets: Vec<IpAddr>,
    /// How many targets there are, about.
    pub n_targets: u64,
    /// Port it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Begin, nanoseconds since the epoch.
    pub first_ns: i64,
    /// When the evidence sufficed.
    pub detected_ns: i64,
    /// End of its last flow.
    pub last_ns: i64,
    /// Flows that belong to it.
    pub flows: u64,
    /// Bytes of these flows, both ways.
    pub octets: u64,
    /// How soon somebody should look.
    pub severity: Severity,
    /// 0 to 1, rising with how far the evidence is beyond what would have sufficed; not a probability.
    pub confidence: f64,
    /// What happened, in a sentence.
    pub sentence: String,
    /// What would have been ordinary, in a sentence.
    pub ordinary: String,
    /// The numbers of the leading sighting.
    pub evidence: Vec<Evidence>,
    /// Techniques, most fitting first.
    pub techniques: Vec<Technique>,
    /// What was seen, leading one first.
    pub sightings: Vec<Sighting>,
}

/// Sightings of one actor, or of one target, that are no further apart than this are of one cause.
const ONE_CAUSE_NS: i64 = 3_600_000_000_000;

/// Groups sightings into incidents, most urgent first.
pub fn incidents(mut sightings: Vec<Sighting>) -> Vec<Incident> {
    sightings.sort_by_key(|sighting| (sighting.first_ns, sighting.behaviour, sighting.actor));
    let mut groups: Vec<Vec<Sighting>> = Vec::new();
    for sighting in sightings {
        match groups.iter_mut().find(|group| group.iter().any(|other| of_one_cause(other, &sighting))) {
            Some(group) => group.push(sighting),
            None => groups.push(vec![sighting]),
        }
    }
    let mut found: Vec<Incident> = groups.into_iter().map(incident).collect();
    found.sort_by(|a, b| {
        let urgency = b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence));
        urgency.then(a.first_ns.cmp(&b.first_ns))
    });
    found.iter_mut().enumerate().for_each(|(at, incident)| incident.rank = at + 1);
    found
}

fn of_one_cause(a: &Sighting, b: &Sighting) -> bool {
    let near = a.first_ns <= b.last_ns.saturating_add(ONE_CAUSE_NS)
        && b.first_ns <= a.last_ns.saturating_add(ONE_CAUSE_NS);
    if !near {
        return false;
    }
    match (a.actor, b.actor) {
        (Some(a), Some(b)) => a == b,
        // A flood with forged senders, and what else is seen at its target because of it.
        _ => a.behaviour == b.behaviour && a.targets.first() == b.targets.first(),
    }
}

fn incident(mut sightings: Vec<Sighting>) -> Incident {
    sightings.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.strength.total_cmp(&a.strength)));
    let mut behaviours: Vec<&'static str> = Vec::new();
    let (mut actors, mut targets, mut techniques) = (Vec::new(), Vec::new(), Vec::new());
    let known = |id: &&'static str| TECHNIQUES.iter().find(|technique| technique.id == *id).copied();
    for sighting in &sightings {
        add(&mut behaviours, sighting.behaviour);
        sighting.actor.iter().for_each(|actor| add(&mut actors, *actor));
        sighting.targets.iter().for_each(|target| add(&mut targets, *target));
        sighting.techniques.iter().filter_map(known).for_each(|technique| add(&mut techniques, technique));
    }
    let lead = &sightings[0];
    let n_targets = sightings.iter().map(|s| s.n_targets).max().unwrap_or(0).max(targets.len() as u64);
    let severity = if behaviours.len() > 2 { Severity::High } else { lead.severity };
    Incident {
        rank: 0,
        kind: lead.kind,
        port: lead.port,
        first_ns: sightings.iter().map(|s| s.first_ns).min().unwrap_or(lead.first_ns),
        detected_ns: sightings.iter().map(|s| s.detected_ns).min().unwrap_or(lead.detected_ns),
        last_ns: sightings.iter().map(|s| s.last_ns).max().unwrap_or(lead.last_ns),
        flows: sightings.iter().map(|s| s.flows).sum(),
        octets: sightings.iter().fold(0u64, |sum, s| sum.saturating_add(s.octets)),
        severity,
        confidence: confidence(&sightings),
        sentence: sentence(&sightings),
        ordinary: ordinary(lead),
        evidence: lead.evidence.clone(),
        behaviours,
        actors,
        targets,
        n_targets,
        techniques,
        sightings,
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// One half where the evidence just suffices, nine tenths where it is five times that; several behaviours of one cause
/// bear each other out.
fn confidence(sightings: &[Sighting]) -> f64 {
    let doubt: f64 = sightings.iter().take(4).map(|s| 0.5 / s.strength.clamp(1.0, 50.0)).product();
    ((1.0 - doubt) * 100.0).round() / 100.0
}

fn whom(targets: &[IpAddr], n: u64) -> String {
    match targets {
        [] => "nobody in particular".into(),
        [one] if n <= 1 => one.to_string(),
        [first, ..] if n > 4 => format!("about {} hosts ({first} and others)", count(n)),
        some => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn clause(sighting: &Sighting) -> String {
    let target = whom(&sighting.targets, sighting.n_targets);
    let on_port =
        sighting.port.filter(|&port| port > 0).map_or(String::new(), |port| format!(" on port {port}"));
    let seen =
        |at: usize| sighting.evidence.get(at).map_or_else(String::new, |evidence| number(evidence.seen));
    match sighting.behaviour {
        "scan" => format!(
            "{} of {target}{on_port}: {} pairs of host and port tried in vain",
            sighting.kind,
            seen(0)
        ),
        "flood" => {
            let first = sighting.evidence.first();
            let what = first.map_or("packets", |evidence| evidence.what);
            format!("{} of {target}{on_port}: {} {what}", sighting.kind, seen(0))
        }
        "brute_force" => {
            format!("guessing of passwords at {target}{on_port}: {} short connections", count(sighting.flows))
        }
        "beaconing" => format!(
            "regular calls to {target}{on_port}, every {} s, {} so far",
            seen(1),
            count(sighting.flows)
        ),
        "exfiltration" => format!("{} bytes sent to {target} within an hour", seen(0)),
        "tunnel" if sighting.kind == "tunnel in questions" => {
            format!("{} long questions asked of {target} in ten minutes", seen(0))
        }
        "unusual" => {
            let what = sighting.evidence.first().map_or("", |evidence| evidence.what);
            format!("unusual, of no known shape: {} {what}", seen(0))
        }
        "tunnel" if sighting.kind == "tunnel in names" => {
            format!("{} different names below one domain asked of {target} in ten minutes", seen(0))
        }
        "tunnel" => format!("echo packets of {} bytes to and from {target}", seen(0)),
        "lateral_spread" => format!("log-ons to {} hosts inside for the first time{on_port}", seen(0)),
        "silence" => format!("{target} has not spoken for {} minutes, where it always did", seen(0)),
        _ => format!("{} with {target}{on_port}", sighting.kind),
    }
}

/// What happened: the leading sighting, and in short what else the same actor did.
fn sentence(sightings: &[Sighting]) -> String {
    let lead = &sightings[0];
    let who = match (lead.actor, lead.behaviour) {
        (Some(actor), _) => format!("{actor}: "),
        (None, "flood") => "many or forged senders: ".into(),
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

fn ordinary(lead: &Sighting) -> String {
    lead.evidence.first().map_or_else(String::new, |evidence| {
        format!("ordinary would have been fewer than {} {}", number(evidence.usual), evidence.what)
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sighting(
        behaviour: &'static str,
        kind: &'static str,
        actor: Option<u8>,
        target: u8,
        at_s: i64,
    ) -> Sighting {
        let address = |host| IpAddr::V4(Ipv4Addr::new(10, 0, 0, host));
        Sighting {
            behaviour,
            kind,
            actor: actor.map(address),
            targets: vec![address(target)],
            n_targets: 1,
            port: Some(22),
            first_ns: at_s * 1_000_000_000,
            detected_ns: (at_s + 5) * 1_000_000_000,
            last_ns: (at_s + 60) * 1_000_000_000,
            flows: 100,
            octets: 10_000,
            evidence: vec![Evidence { what: "short connections in 10 min", seen: 60.0, usual: 12.0 }],
            severity: Severity::High,
            strength: 5.0,
            techniques: &["T1110.001"],
        }
    }

    #[test]
    fn what_one_actor_does_is_one_incident() {
        let found = incidents(vec![
            sighting("scan", "vertical scan", Some(66), 5, 0),
            sighting("brute_force", "guessing of passwords", Some(66), 5, 600),
            sighting("scan", "vertical scan", Some(67), 5, 600),
            sighting("scan", "vertical scan", Some(66), 5, 50_000),
        ]);
        let seen: Vec<(usize, usize)> = found.iter().map(|i| (i.rank, i.sightings.len())).collect();
        assert_eq!(seen, [(1, 2), (2, 1), (3, 1)]);
        assert_eq!(found[0].behaviours.len(), 2);
        assert!(found[0].sentence.contains("; also "), "{}", found[0].sentence);
        assert!(found[0].confidence > found[1].confidence);
    }

    #[test]
    fn a_flood_by_forged_senders_names_nobody() {
        let found = incidents(vec![
            sighting("flood", "SYN flood", None, 5, 0),
            sighting("flood", "SYN flood", None, 5, 1_000),
            sighting("flood", "SYN flood", None, 6, 0),
        ]);
        assert_eq!(found.len(), 2);
        assert!(found[0].actors.is_empty() && found[0].sentence.starts_with("many or forged senders"));
    }
}
