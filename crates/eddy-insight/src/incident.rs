//! From sightings of behaviours to incidents: who did what to whom, since when, how sure, why.

use std::net::IpAddr;

use eddy_behaviour::{Role, SENDERS, Severity, Sighting, is_private};
use serde::Serialize;

use crate::attack::{ATTACK_VERSION, Technique, technique};
use crate::confidence::confidence;
use crate::examine::{FlowRecord, Moment, is_burst};
use crate::identity;
use crate::incident_words::{ordinary, sentence};
use crate::measure::Measure;
use crate::mitigation::Mitigation;
use crate::table::ProofRow;

/// A host and its part in an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entity {
    /// Its address.
    pub address: IpAddr,
    /// What part it has.
    pub role: Role,
    /// Whether it belongs to a private network.
    pub inside: bool,
    /// Flows of the incident that it has part in; 0 where they were not counted.
    pub flows: u64,
    /// Their bytes, both ways.
    pub octets: u64,
}

impl Entity {
    pub(crate) fn new(address: IpAddr, role: Role) -> Self {
        Self { address, role, inside: is_private(address), flows: 0, octets: 0 }
    }
}

/// Findings of one cause, together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// What it is called: twelve hexadecimal digits from its kind, hosts and begin, the same in every run over the same
    /// input.
    pub id: String,
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
    /// Begin, nanoseconds since the epoch; [`NO_TIME`] where the rows have no time.
    #[serde(skip_serializing_if = "is_no_time")]
    pub first_ns: i64,
    /// When the evidence sufficed.
    #[serde(skip_serializing_if = "is_no_time")]
    pub detected_ns: i64,
    /// End of its last flow, or time of its last row.
    #[serde(skip_serializing_if = "is_no_time")]
    pub last_ns: i64,
    /// Flows that belong to it; 0 in a table that is not of flows between addresses.
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
    /// The numbers of the leading sighting, or of the strangest row.
    pub evidence: Vec<Measure>,
    /// Techniques, most fitting first.
    pub techniques: Vec<Technique>,
    /// Version of MITRE ATT&CK that the techniques are of.
    pub attack_version: &'static str,
    /// Hosts and their parts: those who do it first, the named targets, and the busiest of many senders.
    pub entities: Vec<Entity>,
    /// When how much of it happened: parts of equal length, none after the last that has flows.
    pub timeline: Vec<Moment>,
    /// Some of its flows: the first and the largest, in the order of time. `flows` says how many there are.
    pub evidence_flows: Vec<FlowRecord>,
    /// What to do about it.
    pub mitigation: Mitigation,
    /// Whom or what it is about in a table without addresses: the series, the device, the column. Text from the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Rows that belong to it, in a table without addresses.
    #[serde(skip_serializing_if = "is_zero")]
    pub n_rows: u64,
    /// The rows that prove it, the strangest first, a few of `n_rows`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<ProofRow>,
    /// What was seen, leading one first.
    pub sightings: Vec<Sighting>,
}

/// Time of what has none.
pub const NO_TIME: i64 = i64::MIN;

// Serde hands references over.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_no_time(time_ns: &i64) -> bool {
    *time_ns == NO_TIME
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Incident {
    /// Whether it is known when it was.
    pub fn is_timed(&self) -> bool {
        self.first_ns != NO_TIME
    }

    /// Ends the scans and floods of it at a time, where they last longer.
    pub(crate) fn shorten(&mut self, last_ns: i64) {
        for sighting in self.sightings.iter_mut().filter(|one| is_burst(one.behaviour)) {
            sighting.last_ns = sighting.last_ns.min(last_ns).max(sighting.first_ns);
        }
        self.last_ns = self.sightings.iter().map(|sighting| sighting.last_ns).max().unwrap_or(last_ns);
        self.sentence = sentence(&self.sightings, &self.actors);
    }

    /// Who does it to whom, in a few words.
    pub fn parties(&self) -> String {
        let first = |list: &[IpAddr], n: u64| match list {
            [] => String::new(),
            [one] if n <= 1 => one.to_string(),
            [one, ..] => format!("{one} and {} more", n.saturating_sub(1)),
        };
        let actors = first(&self.actors, self.actors.len() as u64);
        let targets = first(&self.targets, self.n_targets);
        match (actors.is_empty(), targets.is_empty()) {
            (true, true) => self.subject.clone().unwrap_or_default(),
            (true, false) => targets,
            (false, true) => actors,
            (false, false) => format!("{actors} to {targets}"),
        }
    }
}

/// Sightings of one actor, or of one target, that are no further apart than this are of one cause.
const ONE_CAUSE_NS: i64 = 3_600_000_000_000;

/// Groups sightings into incidents, most urgent first.
pub fn incidents(mut sightings: Vec<Sighting>) -> Vec<Incident> {
    sightings.sort_by_key(|sighting| (sighting.first_ns, sighting.behaviour, sighting.actor));
    let mut groups: Vec<Vec<Sighting>> = Vec::new();
    for sighting in sightings {
        // A flood brings together what its senders were told of before it.
        let mut of_it =
            groups.extract_if(.., |group| group.iter().any(|other| of_one_cause(other, &sighting)));
        let mut group = of_it.next().unwrap_or_default();
        of_it.for_each(|other| group.extend(other));
        group.push(sighting);
        groups.push(group);
    }
    let mut found: Vec<Incident> = groups.into_iter().map(incident).collect();
    rank(&mut found);
    found
}

/// Puts incidents in the order of their urgency.
pub(crate) fn rank(found: &mut [Incident]) {
    found.sort_by(|a, b| {
        let urgency = b.severity.cmp(&a.severity).then(b.confidence.total_cmp(&a.confidence));
        urgency.then(a.first_ns.cmp(&b.first_ns)).then(a.id.cmp(&b.id))
    });
    found.iter_mut().enumerate().for_each(|(at, incident)| incident.rank = at + 1);
}

fn of_one_cause(a: &Sighting, b: &Sighting) -> bool {
    let near = a.first_ns <= b.last_ns.saturating_add(ONE_CAUSE_NS)
        && b.first_ns <= a.last_ns.saturating_add(ONE_CAUSE_NS);
    if !near {
        return false;
    }
    match (a.actor, b.actor) {
        (Some(one), Some(other)) if one == other => true,
        _ if is_part_of(a, b) || is_part_of(b, a) => true,
        (Some(_), Some(_)) => false,
        // A flood with forged senders, and what else is seen at its target because of it.
        _ => a.behaviour == b.behaviour && a.targets.first() == b.targets.first(),
    }
}

/// Whether somebody's guesses at one host are part of a flood that several send it: each of them sends the same again and
/// again, as who guesses does.
fn is_part_of(tries: &Sighting, flood: &Sighting) -> bool {
    let is_of_several = || flood.evidence.iter().any(|one| one.what == SENDERS && one.seen >= 2.0);
    flood.behaviour == "flood"
        && (flood.actor.is_none() || is_of_several())
        && tries.behaviour == "brute_force"
        && tries.severity <= flood.severity
        && tries.targets.iter().all(|target| flood.targets.contains(target))
        && (flood.port.is_none() || tries.port == flood.port)
        && tries.first_ns <= flood.last_ns
        && flood.first_ns <= tries.last_ns
}

fn incident(mut sightings: Vec<Sighting>) -> Incident {
    sightings.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.strength.total_cmp(&a.strength)));
    // A flood tries many ports of its target as well, or logs on to it.
    let is_flood = |one: &Sighting| one.behaviour == "flood";
    if matches!(sightings[0].behaviour, "scan" | "brute_force")
        && let Some(at) =
            sightings.iter().position(|one| is_flood(one) && one.severity == sightings[0].severity)
        && sightings[0].targets.iter().all(|target| sightings[at].targets.contains(target))
    {
        sightings.swap(0, at);
    }
    let mut behaviours: Vec<&'static str> = Vec::new();
    let (mut actors, mut targets, mut techniques) = (Vec::new(), Vec::new(), Vec::new());
    let is_of_crowd =
        |one: &Sighting| sightings.iter().any(|flood| flood.actor.is_none() && is_part_of(one, flood));
    for sighting in &sightings {
        add(&mut behaviours, sighting.behaviour);
        // Of a crowd nobody is named for being told apart.
        let named = sighting.actor.iter().filter(|_| !is_of_crowd(sighting));
        named.for_each(|actor| add(&mut actors, *actor));
        sighting.targets.iter().for_each(|target| add(&mut targets, *target));
        sighting.techniques.iter().filter_map(|id| technique(id)).for_each(|one| add(&mut techniques, one));
    }
    let lead = &sightings[0];
    let n_targets = sightings.iter().map(|s| s.n_targets).max().unwrap_or(0).max(targets.len() as u64);
    let severity = if behaviours.len() > 2 { Severity::High } else { lead.severity };
    let first_ns = sightings.iter().map(|s| s.first_ns).min().unwrap_or(lead.first_ns);
    let entities = actors.iter().map(|&actor| Entity::new(actor, Role::Actor));
    let entities = entities.chain(targets.iter().map(|&target| Entity::new(target, Role::Target))).collect();
    Incident {
        id: name(lead.kind, &actors, &targets, first_ns),
        rank: 0,
        kind: lead.kind,
        port: lead.port,
        first_ns,
        detected_ns: sightings.iter().map(|s| s.detected_ns).min().unwrap_or(lead.detected_ns),
        last_ns: sightings.iter().map(|s| s.last_ns).max().unwrap_or(lead.last_ns),
        flows: sightings.iter().map(|s| s.flows).sum(),
        octets: sightings.iter().fold(0u64, |sum, s| sum.saturating_add(s.octets)),
        severity,
        confidence: confidence(&sightings),
        sentence: sentence(&sightings, &actors),
        ordinary: ordinary(lead),
        evidence: lead.evidence.iter().map(Measure::from).collect(),
        behaviours,
        actors,
        targets,
        n_targets,
        techniques,
        attack_version: ATTACK_VERSION,
        entities,
        timeline: Vec::new(),
        evidence_flows: Vec::new(),
        mitigation: Mitigation::default(),
        subject: None,
        n_rows: 0,
        rows: Vec::new(),
        sightings,
    }
}

/// The id of an incident. Who does it names it; where nobody does, the first of those it is done to.
fn name(kind: &str, actors: &[IpAddr], targets: &[IpAddr], first_ns: i64) -> String {
    let mut hosts: Vec<IpAddr> =
        if actors.is_empty() { targets.iter().take(1).copied().collect() } else { actors.to_vec() };
    hosts.sort_unstable();
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    identity::short(&format!("{kind}|{}|{first_ns}", hosts.join(",")))
}

fn add<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::Ipv4Addr;

    use eddy_behaviour::{Evidence, Flow};

    use super::*;

    /// A host of the test network.
    pub(crate) fn address(host: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
    }

    /// An ordinary TCP flow `at_s` seconds after the epoch.
    pub(crate) fn flow(at_s: f64, source: u8, destination: u8, port: u16) -> Flow<'static> {
        Flow::answered((at_s * 1e9) as i64, address(source), address(destination), port)
    }

    /// A sighting of a minute, of one host by another.
    pub(crate) fn sighting(behaviour: &'static str, actor: Option<u8>, target: u8, at_s: i64) -> Sighting {
        Sighting {
            behaviour,
            kind: match behaviour {
                "scan" => "vertical scan",
                "flood" => "SYN flood",
                "brute_force" => "guessing of passwords",
                other => other,
            },
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
        let weak =
            |behaviour, actor, at_s| Sighting { strength: 1.5, ..sighting(behaviour, Some(actor), 5, at_s) };
        let found = incidents(vec![
            weak("scan", 66, 0),
            weak("brute_force", 66, 600),
            weak("scan", 67, 600),
            weak("scan", 66, 50_000),
        ]);
        let seen: Vec<(usize, usize)> = found.iter().map(|i| (i.rank, i.sightings.len())).collect();
        assert_eq!(seen, [(1, 2), (2, 1), (3, 1)]);
        assert_eq!(found[0].behaviours.len(), 2);
        assert!(found[0].sentence.contains("; also "), "{}", found[0].sentence);
        assert!(found[0].confidence > found[1].confidence);
    }

    #[test]
    fn what_the_few_senders_of_a_flood_send_is_one_incident_that_names_them() {
        let senders = |seen: f64| vec![Evidence { what: SENDERS, seen, usual: 12.0 }];
        let flood = Sighting { evidence: senders(3.0), ..sighting("flood", Some(4), 9, 3) };
        let tries = |host: u8, at_s: i64| sighting("brute_force", Some(host), 9, at_s);
        let found = incidents(vec![flood.clone(), tries(4, 0), tries(5, 1), tries(6, 10)]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].actors, [address(4), address(5), address(6)]);
        assert!(found[0].sentence.starts_with("10.0.0.4 and 2 more: SYN flood"), "{}", found[0].sentence);
        // One who floods alone has nothing to do with what others do there.
        let alone = Sighting { evidence: senders(1.0), ..flood };
        assert_eq!(incidents(vec![alone, tries(5, 1)]).len(), 2);
    }

    #[test]
    fn a_flood_by_forged_senders_names_nobody() {
        let found = incidents(vec![
            sighting("flood", None, 5, 0),
            sighting("flood", None, 5, 1_000),
            sighting("flood", None, 6, 0),
        ]);
        assert_eq!(found.len(), 2);
        assert!(found[0].actors.is_empty() && found[0].sentence.starts_with("many or forged senders"));
    }

    #[test]
    fn what_one_of_a_crowd_sends_belongs_to_the_flood_and_names_nobody() {
        let flood = sighting("flood", None, 9, 0);
        let one = Sighting { severity: Severity::Medium, ..sighting("brute_force", Some(5), 9, 10) };
        let found = incidents(vec![flood.clone(), one.clone()]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].actors.len()), ("SYN flood", 0));
        // At another host, at another port, or at another time it is something of its own.
        let elsewhere = Sighting { targets: vec![address(8)], ..one.clone() };
        let other_port = Sighting { port: Some(22), ..one.clone() };
        let flood_of_port = Sighting { port: Some(80), ..flood.clone() };
        let later = Sighting { first_ns: flood.last_ns + 1, last_ns: flood.last_ns + 2, ..one };
        for (flood, other) in [(&flood, elsewhere), (&flood_of_port, other_port), (&flood, later)] {
            assert_eq!(incidents(vec![flood.clone(), other]).len(), 2);
        }
    }
}
