//! What a rule would have done to the flows at hand.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_behaviour::Flow;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::rule::Way;
use super::{Action, Rule};
use crate::count;
use crate::examine::Profile;

/// Hosts counted one by one at most.
const MOST_PEERS: usize = 4_096;
/// Hosts named.
const NAMED: usize = 5;
/// Seconds whose packets are counted one by one at most.
const MOST_SECONDS: usize = 100_000;
/// Other flows that may be hit without a word of caution: this many, or this share of those of the incident.
const FEW: (f64, f64) = (2.0, 0.02);

/// A host that a rule would have hit beside the incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeerHit {
    /// Its address.
    pub address: IpAddr,
    /// A name it went by in these flows. Text from traffic.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Flows with it that would have been hit.
    pub flows: u64,
    /// Their bytes, both ways.
    pub octets: u64,
}

/// What a rule would have done to the flows at hand.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Simulation {
    /// Flows of the incident that it matches.
    pub incident_flows: u64,
    /// Share of the incident's flows that would have been stopped, 0 to 1; that would have been recorded, of a rule that
    /// only watches; share of the packets, of a rule that limits.
    pub share_of_flows: f64,
    /// The same of its bytes.
    pub share_of_octets: f64,
    /// Flows that do not belong to the incident and would have been hit.
    pub other_flows: u64,
    /// Their bytes, both ways.
    pub other_octets: u64,
    /// Share of the packets of these flows that would have been dropped, 0 to 1.
    pub other_share: f64,
    /// Hosts that these flows are with; the least number where there are very many.
    pub other_peers: u64,
    /// Those with most flows.
    pub top_peers: Vec<PeerHit>,
}

/// What a rule has matched so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    flows: u64,
    octets: u64,
    packets: u64,
    other_flows: u64,
    other_octets: u64,
    other_packets: u64,
    peers: FxHashMap<IpAddr, (u64, u64, String)>,
    /// Packets of the incident and others by second, for rules that limit.
    seconds: FxHashMap<i64, (f64, f64)>,
}

impl Rule {
    /// Whether a flow that is met under several addresses of a rule counts under this one.
    pub(crate) fn counts_under(&self, key: IpAddr, flow: &Flow<'_>, way: Way) -> bool {
        let (source, destination) = match way {
            Way::Forward => (flow.source, flow.destination),
            Way::Back => (flow.destination, flow.source),
        };
        key == if self.sources.is_empty() { destination } else { source }
    }
}

impl Tally {
    /// Counts a flow that the rule sees.
    pub(crate) fn add(&mut self, rule: &Rule, flow: &Flow<'_>, way: Way, belongs: bool, name: &str) {
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let packets = match way {
            Way::Forward => flow.packets,
            Way::Back => flow.reverse_packets,
        };
        if belongs {
            self.flows += 1;
            self.octets = self.octets.saturating_add(octets);
            self.packets = self.packets.saturating_add(packets);
        } else {
            self.other_flows += 1;
            self.other_octets = self.other_octets.saturating_add(octets);
            self.other_packets = self.other_packets.saturating_add(packets);
            let peer = match (rule.sources.is_empty(), way) {
                (true, Way::Forward) | (false, Way::Back) => flow.source,
                _ => flow.destination,
            };
            if self.peers.len() < MOST_PEERS || self.peers.contains_key(&peer) {
                let (flows, sum, known) = self.peers.entry(peer).or_default();
                *flows += 1;
                *sum = sum.saturating_add(octets);
                if known.is_empty() && peer == flow.destination {
                    *known = name.chars().take(80).collect();
                }
            }
        }
        if let Action::Limit { .. } = rule.action {
            self.spread(flow, packets, belongs);
        }
    }

    /// Spreads the packets of a flow over its seconds, the first sixty of them.
    fn spread(&mut self, flow: &Flow<'_>, packets: u64, belongs: bool) {
        let first = flow.start_ns.div_euclid(1_000_000_000);
        let n = (flow.end_ns().div_euclid(1_000_000_000) - first).clamp(0, 59) + 1;
        for second in first..first.saturating_add(n) {
            if self.seconds.len() >= MOST_SECONDS && !self.seconds.contains_key(&second) {
                return;
            }
            let (incident, others) = self.seconds.entry(second).or_default();
            *if belongs { incident } else { others } += packets as f64 / n as f64;
        }
    }

    /// Shares of the packets of the incident and of others that are beyond a rate.
    fn beyond(&self, rate: f64) -> (f64, f64) {
        let (mut all, mut cut) = ((0.0, 0.0), (0.0, 0.0));
        // The order of a hash map is not that of another run: sums of floats need one.
        let mut seconds: Vec<(&i64, &(f64, f64))> = self.seconds.iter().collect();
        seconds.sort_unstable_by_key(|(second, _)| **second);
        for (_, &(incident, others)) in seconds {
            let share = (1.0 - rate / (incident + others).max(1e-9)).max(0.0);
            all = (all.0 + incident, all.1 + others);
            cut = (cut.0 + incident * share, cut.1 + others * share);
        }
        (cut.0 / all.0.max(1e-9), cut.1 / all.1.max(1e-9))
    }

    pub(crate) fn simulation(&self, rule: &Rule, profile: &Profile) -> Simulation {
        let mut peers: Vec<PeerHit> = self
            .peers
            .iter()
            .map(|(&address, (flows, octets, name))| PeerHit {
                address,
                name: name.clone(),
                flows: *flows,
                octets: *octets,
            })
            .collect();
        peers.sort_by_key(|peer| (std::cmp::Reverse(peer.flows), peer.address));
        let other_peers = peers.len() as u64;
        peers.truncate(NAMED);
        let (stopped, others) = match rule.action {
            Action::Limit { packets_per_second, .. } => self.beyond(f64::from(packets_per_second)),
            Action::Drop => (1.0, 1.0),
            Action::Watch => (1.0, 0.0),
        };
        let share = |part: u64, all: u64| rounded(stopped * part as f64 / all.max(1) as f64);
        Simulation {
            incident_flows: self.flows,
            share_of_flows: share(self.flows, profile.flows),
            share_of_octets: share(self.octets, profile.octets),
            other_flows: self.other_flows,
            other_octets: self.other_octets,
            other_share: if self.other_flows == 0 { 0.0 } else { rounded(others) },
            other_peers,
            top_peers: peers,
        }
    }
}

fn rounded(share: f64) -> f64 {
    (share.clamp(0.0, 1.0) * 1e4).round() / 1e4
}

/// How much else a rule would have hit, in flows that count in full.
fn harm(simulation: &Simulation) -> f64 {
    simulation.other_flows as f64 * simulation.other_share
}

fn is_harmless(simulation: &Simulation) -> bool {
    harm(simulation) <= FEW.0.max(FEW.1 * simulation.incident_flows as f64)
}

/// The widest of some rules, widest first, that hits next to nothing else; where all hit more, the one that hits least
/// of those that stop at least half as much as the best. With what it would have done, in a sentence.
pub(crate) fn choose(variants: &[(&Rule, Simulation)], all: u64) -> Option<(Rule, Simulation, String)> {
    let most = variants.iter().map(|(_, simulation)| simulation.share_of_flows).fold(0.0, f64::max);
    let enough: Vec<usize> = (0..variants.len())
        .filter(|&at| variants[at].1.incident_flows > 0 && 2.0 * variants[at].1.share_of_flows >= most)
        .collect();
    let harmless = enough.iter().copied().find(|&at| is_harmless(&variants[at].1));
    let least =
        || enough.iter().copied().min_by(|&a, &b| harm(&variants[a].1).total_cmp(&harm(&variants[b].1)));
    let at = harmless.or_else(least)?;
    let (rule, simulation) = &variants[at];
    // Writing to a string cannot fail.
    let mut text = effect(rule, simulation, all);
    if let Some((wider, would)) = variants[..at].first() {
        let _ = write!(
            text,
            " A wider rule ({}) would have hit {} other flows and was not chosen.",
            wider.in_words(),
            count(would.other_flows)
        );
    }
    Some(((*rule).clone(), simulation.clone(), text))
}

/// What a rule would have done, in a sentence or two.
fn effect(rule: &Rule, simulation: &Simulation, all: u64) -> String {
    let percent = |share: f64| {
        let value = share * 100.0;
        if value > 0.0 && value < 1.0 {
            "less than 1 %".to_owned()
        } else {
            format!("{:.0} %", value.floor())
        }
    };
    let (flows, octets) = (percent(simulation.share_of_flows), percent(simulation.share_of_octets));
    let mut text = match rule.action {
        Action::Drop => {
            format!("It would have stopped {flows} of the flows and {octets} of the bytes of this incident")
        }
        Action::Limit { .. } => {
            format!("It would have dropped about {flows} of the packets of this incident")
        }
        Action::Watch => {
            format!("It would have recorded {flows} of the flows of this incident and stopped none")
        }
    };
    if simulation.other_flows == 0 {
        let _ = write!(text, ", and hit nothing else among the {} flows read.", count(all));
        return text;
    }
    let hit = match rule.action {
        Action::Watch => "recorded".to_owned(),
        Action::Drop => "stopped".to_owned(),
        Action::Limit { .. } => format!("slowed (by {} of their packets)", percent(simulation.other_share)),
    };
    let named: Vec<String> = simulation
        .top_peers
        .iter()
        .map(|peer| {
            let name = if peer.name.is_empty() { String::new() } else { format!("{}, ", peer.name) };
            let flows = if peer.flows == 1 { "flow" } else { "flows" };
            format!("{} ({name}{} {flows})", peer.address, count(peer.flows))
        })
        .collect();
    let flows = if simulation.other_flows == 1 { "flow" } else { "flows" };
    let hosts = if simulation.other_peers == 1 { "host" } else { "hosts" };
    let _ = write!(
        text,
        ", and {hit} {} other {flows} with {} {hosts}: {}.",
        count(simulation.other_flows),
        count(simulation.other_peers),
        named.join(", ")
    );
    if rule.action != Action::Watch && !is_harmless(simulation) {
        text.push_str(" Look at these before you use it.");
    }
    text
}
