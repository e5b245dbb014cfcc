//! A second look at the flows behind incidents, and a trial of what would be done about them.
//!
//! `incidents -> Examination -> (all flows) -> Trial -> (all flows) -> incidents, complete`
//!
//! Memory is bounded by the number of incidents looked at and by what is kept of each.

use std::collections::HashMap;
use std::net::IpAddr;

use eddy_behaviour::{Flow, Role};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::mitigation::{Candidate, Tally, candidates, mitigation};
use crate::scope::Scope;
use crate::{Entity, Incident};

/// Incidents looked at again, the most urgent first; further ones keep what the sightings say.
const MOST_INCIDENTS: usize = 256;
/// Flows of an incident that are kept from its beginning, and as many of its largest.
const KEPT: usize = 10;
/// Parts a timeline has.
const PARTS: usize = 48;
/// Parts with so many times fewer flows than the busiest are strays, at the end of a scan or a flood.
const STRAY: u64 = 20;
/// Different values counted of one thing at most.
const MOST_VALUES: usize = 512;

/// A flow, as evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlowRecord {
    /// Begin, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Duration in nanoseconds.
    pub duration_ns: i64,
    /// Who spoke first.
    pub source: IpAddr,
    /// Its port.
    pub source_port: u16,
    /// Whom it spoke to.
    pub destination: IpAddr,
    /// Its port.
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Bytes from the source.
    pub octets: u64,
    /// Packets from the source.
    pub packets: u64,
    /// Bytes back.
    pub reverse_octets: u64,
    /// Packets back.
    pub reverse_packets: u64,
    /// Whether nothing came of it.
    pub failed: bool,
    /// Protocol spoken, where known. Text from traffic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// Name asked for, or of the server. Text from traffic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl FlowRecord {
    fn of(flow: &Flow<'_>, name: &str) -> Self {
        let short = |text: &str| text.chars().take(120).collect::<String>();
        Self {
            start_ns: flow.start_ns,
            duration_ns: flow.duration_ns,
            source: flow.source,
            source_port: flow.source_port,
            destination: flow.destination,
            destination_port: flow.destination_port,
            protocol: flow.protocol,
            octets: flow.octets,
            packets: flow.packets,
            reverse_octets: flow.reverse_octets,
            reverse_packets: flow.reverse_packets,
            failed: flow.failed(),
            application: short(flow.application),
            name: short(if flow.dns_name.is_empty() { name } else { flow.dns_name }),
        }
    }

    fn both_ways(&self) -> u64 {
        self.octets.saturating_add(self.reverse_octets)
    }
}

/// A part of the time an incident lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Moment {
    /// Its begin, nanoseconds since the epoch.
    pub at_ns: i64,
    /// Flows of the incident that began in it.
    pub flows: u64,
    /// Their bytes, both ways.
    pub octets: u64,
}

/// What the flows of an incident have in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    pub(crate) flows: u64,
    pub(crate) octets: u64,
    pub(crate) packets: u64,
    pub(crate) failed: u64,
    pub(crate) protocols: FxHashMap<u8, u64>,
    pub(crate) source_ports: FxHashMap<u16, u64>,
    pub(crate) domains: FxHashMap<String, u64>,
    /// Pairs of host and port that answered, in the order they were met.
    pub(crate) answered: Vec<(IpAddr, u16)>,
    pub(crate) first: Vec<FlowRecord>,
    pub(crate) largest: Vec<FlowRecord>,
    hosts: FxHashMap<IpAddr, (u64, u64)>,
    timeline: Vec<Moment>,
    /// Flows in each part of the timeline that nothing came of.
    failed_in: Vec<u64>,
}

impl Profile {
    fn see(&mut self, flow: &Flow<'_>, name: &str, incident: &Incident) {
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        self.flows += 1;
        self.octets = self.octets.saturating_add(octets);
        self.packets = self.packets.saturating_add(flow.packets.saturating_add(flow.reverse_packets));
        self.failed += u64::from(flow.failed());
        *self.protocols.entry(flow.protocol).or_default() += 1;
        bump(&mut self.source_ports, flow.source_port, 1);
        if let Some(domain) = parent(flow.dns_name) {
            bump(&mut self.domains, domain, 1);
        }
        let answered = (flow.destination, flow.destination_port);
        if !flow.failed() && self.answered.len() < 32 && !self.answered.contains(&answered) {
            self.answered.push(answered);
        }
        for host in [flow.source, flow.destination] {
            if self.hosts.len() < MOST_VALUES || self.hosts.contains_key(&host) {
                let (flows, sum) = self.hosts.entry(host).or_default();
                *flows += 1;
                *sum = sum.saturating_add(octets);
            }
        }
        if self.first.len() < KEPT {
            self.first.push(FlowRecord::of(flow, name));
        } else if self.largest.len() < KEPT || self.largest.last().is_some_and(|l| octets > l.both_ways()) {
            let at = self.largest.partition_point(|other| other.both_ways() >= octets);
            self.largest.insert(at, FlowRecord::of(flow, name));
            self.largest.truncate(KEPT);
        }
        self.place(flow, octets, incident);
    }

    fn place(&mut self, flow: &Flow<'_>, octets: u64, incident: &Incident) {
        let width = width(incident);
        let at = (flow.start_ns.saturating_sub(incident.first_ns) / width).clamp(0, PARTS as i64 - 1);
        while self.timeline.len() <= at as usize {
            let begin = incident.first_ns.saturating_add(self.timeline.len() as i64 * width);
            self.timeline.push(Moment { at_ns: begin, flows: 0, octets: 0 });
            self.failed_in.push(0);
        }
        let moment = &mut self.timeline[at as usize];
        moment.flows += 1;
        moment.octets = moment.octets.saturating_add(octets);
        self.failed_in[at as usize] += u64::from(flow.failed());
    }

    /// The protocol of most of its flows.
    pub(crate) fn protocol(&self) -> Option<u8> {
        let (&protocol, &n) = self.protocols.iter().max_by_key(|&(protocol, n)| (*n, *protocol))?;
        (n * 10 >= self.flows * 9).then_some(protocol)
    }

    /// The port that most of its flows come from, where most come from one.
    pub(crate) fn source_port(&self) -> Option<u16> {
        let (&port, &n) = self.source_ports.iter().max_by_key(|&(port, n)| (*n, *port))?;
        (port > 0 && n * 2 > self.flows && self.flows > 4).then_some(port)
    }

    /// The name below which most names were asked for.
    pub(crate) fn domain(&self) -> Option<&str> {
        let (domain, &n) = self.domains.iter().max_by_key(|&(domain, n)| (*n, std::cmp::Reverse(domain)))?;
        (n * 2 > self.flows).then_some(domain)
    }

    /// Mean bytes of a packet.
    pub(crate) fn packet_octets(&self) -> u64 {
        (self.octets / self.packets.max(1)).clamp(40, 9_000)
    }
}

/// Length of a part of the timeline of an incident, in nanoseconds.
fn width(incident: &Incident) -> i64 {
    let lasted = incident.last_ns.saturating_sub(incident.first_ns).max(1);
    (lasted / PARTS as i64).max(1_000_000)
}

fn bump<K: std::hash::Hash + Eq>(counts: &mut FxHashMap<K, u64>, key: K, by: u64) {
    if counts.len() < MOST_VALUES || counts.contains_key(&key) {
        *counts.entry(key).or_default() += by;
    }
}

/// The last two labels of a name, where it has more than two.
fn parent(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.');
    let mut labels = name.rsplit('.');
    let (last, second) = (labels.next()?, labels.next()?);
    labels.next()?;
    Some(format!("{second}.{last}").chars().take(120).collect())
}

/// The flows of incidents, by address.
struct Members {
    scopes: Vec<(usize, Scope)>,
    by_address: FxHashMap<IpAddr, Vec<u32>>,
}

impl Members {
    fn of(incidents: &[Incident]) -> Self {
        let mut scopes = Vec::new();
        let mut by_address: FxHashMap<IpAddr, Vec<u32>> = HashMap::default();
        for (at, incident) in incidents.iter().enumerate().take(MOST_INCIDENTS) {
            for sighting in &incident.sightings {
                let scope = Scope::of(sighting);
                for key in scope.keys() {
                    by_address.entry(key).or_default().push(scopes.len() as u32);
                }
                scopes.push((at, scope));
            }
        }
        Self { scopes, by_address }
    }

    /// The incidents a flow belongs to, each once.
    fn of_flow(&self, flow: &Flow<'_>, out: &mut Vec<usize>) {
        out.clear();
        for key in [flow.source, flow.destination] {
            for &at in self.by_address.get(&key).into_iter().flatten() {
                let (incident, scope) = &self.scopes[at as usize];
                if !out.contains(incident) && scope.holds(flow) {
                    out.push(*incident);
                }
            }
        }
    }
}

/// The first of two looks at all flows: which belong to which incident, and what they have in common.
pub struct Examination {
    members: Members,
    profiles: Vec<Profile>,
    incidents: Vec<Incident>,
    found: Vec<usize>,
}

impl Examination {
    /// An examination of these incidents.
    pub fn new(incidents: Vec<Incident>) -> Self {
        let n = incidents.len().min(MOST_INCIDENTS);
        Self {
            members: Members::of(&incidents),
            profiles: vec![Profile::default(); n],
            incidents,
            found: Vec::new(),
        }
    }

    /// Sees a flow; `name` is that of the server, where known.
    pub fn see(&mut self, flow: &Flow<'_>, name: &str) {
        self.members.of_flow(flow, &mut self.found);
        for &at in &self.found {
            self.profiles[at].see(flow, name, &self.incidents[at]);
        }
    }

    /// There are no more flows: what they showed goes to the incidents, and rules are drawn up to be tried.
    pub fn end(mut self) -> Trial {
        let mut tried: Vec<Vec<Candidate>> = Vec::new();
        let mut by_address: FxHashMap<IpAddr, Vec<(u32, u32)>> = HashMap::default();
        for (at, (incident, profile)) in self.incidents.iter_mut().zip(&mut self.profiles).enumerate() {
            trim(incident, profile);
            complete(incident, profile);
            let rules = candidates(incident, profile);
            for (n, candidate) in rules.iter().enumerate() {
                let rule = &candidate.rule;
                let keys = if rule.sources.is_empty() { &rule.destinations } else { &rule.sources };
                for key in keys {
                    by_address.entry(*key).or_default().push((at as u32, n as u32));
                }
            }
            tried.push(rules);
        }
        Trial {
            tallies: tried.iter().map(|rules| vec![Tally::default(); rules.len()]).collect(),
            // Some incidents are shorter now.
            members: Members::of(&self.incidents),
            profiles: self.profiles,
            incidents: self.incidents,
            tried,
            by_address,
            flows: 0,
            found: Vec::new(),
        }
    }
}

/// Whether a behaviour comes as a burst of flows with an end.
pub(crate) fn is_burst(behaviour: &str) -> bool {
    matches!(behaviour, "scan" | "flood")
}

/// Sets the end of a scan or a flood to where the bulk of it ends: a sighting stays open for stray flows that look
/// like it, and parts of its time with hardly any flow are not it.
fn trim(incident: &mut Incident, profile: &mut Profile) {
    let lead = incident.sightings.first();
    if !lead.is_some_and(|lead| is_burst(lead.behaviour)) {
        return;
    }
    let most = profile.timeline.iter().map(|part| part.flows).max().unwrap_or(0);
    let Some(last) = profile.timeline.iter().rposition(|part| part.flows * STRAY > most) else { return };
    let after = profile.timeline[last].at_ns.saturating_add(width(incident));
    // The last part holds what is left by the division.
    if last + 1 >= PARTS || after > incident.last_ns {
        return;
    }
    // What else its actor does goes on for as long as it does.
    if incident.sightings.iter().any(|one| !is_burst(one.behaviour) && one.last_ns >= after) {
        incident.shorten(after - 1);
        return;
    }
    for part in profile.timeline.drain(last + 1..) {
        profile.flows -= part.flows;
        profile.octets = profile.octets.saturating_sub(part.octets);
    }
    profile.failed -= profile.failed_in.drain(last + 1..).sum::<u64>();
    for list in [&mut profile.first, &mut profile.largest] {
        list.retain(|flow| flow.start_ns < after);
    }
    incident.shorten(after - 1);
}

/// Writes what the flows showed into an incident.
fn complete(incident: &mut Incident, profile: &mut Profile) {
    if profile.flows == 0 {
        return;
    }
    incident.flows = profile.flows;
    incident.octets = profile.octets;
    incident.timeline = std::mem::take(&mut profile.timeline);
    let mut sample = profile.first.clone();
    sample.extend(profile.largest.iter().cloned());
    sample.sort_by_key(|flow| flow.start_ns);
    incident.evidence_flows = sample;
    for entity in &mut incident.entities {
        if let Some(&(flows, octets)) = profile.hosts.get(&entity.address) {
            (entity.flows, entity.octets) = (flows, octets);
        }
    }
    // Many or forged senders: the busiest of them, so that there is something to look at.
    if incident.actors.is_empty() && incident.entities.iter().all(|entity| entity.role == Role::Target) {
        let mut senders: Vec<(&IpAddr, &(u64, u64))> =
            profile.hosts.iter().filter(|(host, _)| !incident.targets.contains(host)).collect();
        senders.sort_by_key(|&(host, &(flows, _))| (std::cmp::Reverse(flows), *host));
        incident.entities.extend(senders.iter().take(8).map(|&(&address, &(flows, octets))| Entity {
            flows,
            octets,
            ..Entity::new(address, Role::Actor)
        }));
    }
}

/// The second look: what the rules would have done to all flows.
pub struct Trial {
    members: Members,
    profiles: Vec<Profile>,
    incidents: Vec<Incident>,
    tried: Vec<Vec<Candidate>>,
    tallies: Vec<Vec<Tally>>,
    by_address: FxHashMap<IpAddr, Vec<(u32, u32)>>,
    flows: u64,
    found: Vec<usize>,
}

impl Trial {
    /// Sees a flow; `name` is that of the server, where known.
    pub fn see(&mut self, flow: &Flow<'_>, name: &str) {
        self.flows += 1;
        let mut known = false;
        let twice = flow.source == flow.destination;
        for key in [flow.source, flow.destination].into_iter().take(if twice { 1 } else { 2 }) {
            for &(at, n) in self.by_address.get(&key).into_iter().flatten() {
                let (at, n) = (at as usize, n as usize);
                let rule = &self.tried[at][n].rule;
                // A rule with several addresses is met under each: it counts under the one it is listed by.
                let Some(way) = rule.sees(flow) else { continue };
                if !rule.counts_under(key, flow, way) {
                    continue;
                }
                if !known {
                    self.members.of_flow(flow, &mut self.found);
                    known = true;
                }
                let belongs = self.found.contains(&at);
                self.tallies[at][n].add(rule, flow, way, belongs, name);
            }
        }
    }

    /// There are no more flows: the incidents, each with what can be done about it.
    pub fn end(self) -> Vec<Incident> {
        let mut incidents = self.incidents;
        let parts = self.profiles.iter().zip(&self.tried).zip(&self.tallies);
        for (incident, ((profile, tried), tallies)) in incidents.iter_mut().zip(parts) {
            incident.mitigation = mitigation(incident, profile, tried, tallies, self.flows);
        }
        incidents
    }
}
