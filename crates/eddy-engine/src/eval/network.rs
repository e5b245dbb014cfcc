//! Incidents held against generated networks of which everything is known.

use std::net::IpAddr;

use eddy_behaviour::Severity;
use eddy_frame::Frame;
use eddy_insight::Incident;
use eddy_io::{Description, Note, ReadError, ReadStats, ShapeName, Source};
use eddy_sim::{
    Behaviour, BehaviourEvent, BehaviourPlanting, FlowTable, Label, OfficeHabits, OfficeSpec, OfficeTraffic,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use serde::Serialize;

use super::band::{Band, bands};
use super::captures::Raised;
use crate::incidents::watch;
use crate::input::Input;
use crate::{EngineError, RunOptions};

/// Nanoseconds of an hour.
const HOUR_NS: i64 = 3_600_000_000_000;
/// How long after its end something may still be told of.
const SLACK_NS: i64 = 2 * HOUR_NS;
/// First moment of the traffic: a Monday, midnight.
const START_NS: i64 = 1_705_276_800_000_000_000;

/// What to generate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkOptions {
    /// Networks, each with a seed of its own.
    pub seeds: u64,
    /// The first seed.
    pub first_seed: u64,
    /// How long each is watched, in hours.
    pub hours: f64,
    /// Hosts of the office.
    pub hosts: usize,
    /// Scales how often hosts talk.
    pub rate: f64,
    /// What the office is used to.
    pub habits: OfficeHabits,
    /// What is planted, once in each network; empty for clean traffic.
    pub behaviours: Vec<Behaviour>,
    /// Each planting is so many times as strong, or so many times as weak, at most; drawn for each.
    pub spread: f64,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            seeds: 20,
            first_seed: 1,
            hours: 24.0,
            hosts: 50,
            rate: 0.95,
            habits: OfficeHabits::Usual,
            behaviours: Behaviour::MIX.to_vec(),
            spread: 2.0,
        }
    }
}

/// How one behaviour was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BehaviourFound {
    /// What was planted.
    pub behaviour: Behaviour,
    /// How often.
    pub planted: usize,
    /// How often an incident names it and who does it (its target, where nobody does or senders are forged).
    pub found: usize,
    /// How often there is an incident of the right host at the right time, of whatever kind.
    pub seen: usize,
    /// Median seconds from its first packet until it was told, over those found.
    pub median_delay_s: Option<f64>,
    /// The same that nine in ten stay below.
    pub late_delay_s: Option<f64>,
}

/// An incident that nothing was planted for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalseIncident {
    /// Seed of the network.
    pub seed: u64,
    /// Hours after the start at which it was told.
    pub at_hours: f64,
    /// What it says.
    pub raised: Raised,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkReport {
    /// What was generated.
    pub options: NetworkOptions,
    /// Flows watched, over all networks.
    pub flows: u64,
    /// Days watched, over all networks.
    pub days: f64,
    /// By behaviour.
    pub found: Vec<BehaviourFound>,
    /// False incidents of severity medium or more, and those of low severity, over all networks.
    pub false_incidents: Vec<FalseIncident>,
    /// By confidence.
    pub bands: Vec<Band>,
}

impl NetworkReport {
    /// False incidents a day of at least a severity.
    pub fn false_per_day(&self, least: Severity) -> f64 {
        let many = self.false_incidents.iter().filter(|one| one.raised.severity >= least).count();
        many as f64 / self.days.max(f64::MIN_POSITIVE)
    }

    /// The greatest number of false incidents in one network.
    pub fn most_false(&self) -> usize {
        let of = |seed: u64| self.false_incidents.iter().filter(|one| one.seed == seed).count();
        self.false_incidents.iter().map(|one| of(one.seed)).max().unwrap_or(0)
    }
}

/// What came of one network.
struct Judged {
    flows: u64,
    events: Vec<EventFate>,
    incidents: Vec<(Raised, bool, i64)>,
    seed: u64,
}

struct EventFate {
    behaviour: Behaviour,
    delay_s: Option<f64>,
    seen: bool,
}

/// Generates networks with planted behaviours, watches their flows as `detect` does, and holds the incidents against what
/// was planted.
///
/// # Errors
/// [`EngineError::Input`] when the options make no network.
pub fn eval_network(options: &NetworkOptions) -> Result<NetworkReport, EngineError> {
    let seeds: Vec<u64> = (0..options.seeds).map(|at| options.first_seed + at).collect();
    let judged: Vec<Judged> =
        seeds.par_iter().map(|&seed| judge(options, seed)).collect::<Result<_, EngineError>>()?;
    let mut found: Vec<BehaviourFound> = Vec::new();
    for &behaviour in &options.behaviours {
        if found.iter().any(|one| one.behaviour == behaviour) {
            continue;
        }
        let fates = || judged.iter().flat_map(|one| &one.events).filter(|fate| fate.behaviour == behaviour);
        let mut delays: Vec<f64> = fates().filter_map(|fate| fate.delay_s).collect();
        delays.sort_unstable_by(f64::total_cmp);
        let at =
            |share: f64| delays.get(((delays.len().max(1) - 1) as f64 * share).round() as usize).copied();
        found.push(BehaviourFound {
            behaviour,
            planted: fates().count(),
            found: delays.len(),
            seen: fates().filter(|fate| fate.seen).count(),
            median_delay_s: at(0.5),
            late_delay_s: at(0.9),
        });
    }
    let false_incidents = judged
        .iter()
        .flat_map(|one| {
            one.incidents.iter().filter(|(_, right, _)| !right).map(|(raised, _, at_ns)| FalseIncident {
                seed: one.seed,
                at_hours: ((at_ns - START_NS) as f64 / HOUR_NS as f64 * 100.0).round() / 100.0,
                raised: raised.clone(),
            })
        })
        .collect();
    let all: Vec<(f64, bool)> = judged
        .iter()
        .flat_map(|one| one.incidents.iter().map(|(raised, right, _)| (raised.confidence, *right)))
        .collect();
    Ok(NetworkReport {
        options: options.clone(),
        flows: judged.iter().map(|one| one.flows).sum(),
        days: options.seeds as f64 * options.hours / 24.0,
        found,
        false_incidents,
        bands: bands(&all),
    })
}

/// The specification of the network of a seed: strengths are drawn, and so is the offset of each start (by the seed of
/// the traffic itself).
fn specification(options: &NetworkOptions, seed: u64) -> OfficeSpec {
    let mut draw = Pcg64Mcg::seed_from_u64(seed ^ 0x6e65_7477_6f72_6b00);
    let mut spec = OfficeSpec::new(START_NS, options.hours, seed);
    spec.hosts = options.hosts;
    spec.rate = options.rate;
    spec.habits = options.habits;
    let most = options.spread.max(1.0).ln();
    spec.behaviours = options
        .behaviours
        .iter()
        .map(|&behaviour| {
            let strength = (most * draw.random_range(-1.0..=1.0)).exp();
            BehaviourPlanting::new(behaviour).strength(strength)
        })
        .collect();
    spec
}

fn judge(options: &NetworkOptions, seed: u64) -> Result<Judged, EngineError> {
    let spec = specification(options, seed);
    let source = Office::new(spec).map_err(|error| EngineError::Input(error.to_string()))?;
    let run = RunOptions::default();
    let events = source.events.clone();
    let mut input = Input::read(Box::new(source), run.max_memory, run.fit_rows, &|_, _| {})?;
    let watched =
        watch(&mut input)?.ok_or_else(|| EngineError::Input("the generated table has no flows".into()))?;
    let events = events.lock().map_or_else(|held| held.into_inner().clone(), |held| held.clone());
    let fates = events.iter().map(|event| fate(event, &watched.incidents)).collect();
    let incidents = watched
        .incidents
        .iter()
        .map(|incident| {
            let is_right = events.iter().any(|event| explains(event, incident));
            (Raised::of(incident), is_right, incident.detected_ns)
        })
        .collect();
    Ok(Judged { flows: watched.flows, events: fates, incidents, seed })
}

/// The behaviours by whose name a planting is told rightly.
fn names(behaviour: Behaviour) -> &'static [&'static str] {
    match behaviour {
        Behaviour::HorizontalScan
        | Behaviour::VerticalScan
        | Behaviour::SlowScan
        | Behaviour::FinScan
        | Behaviour::NullScan
        | Behaviour::XmasScan => &["scan"],
        Behaviour::SynFlood | Behaviour::UdpAmplification => &["flood"],
        Behaviour::BruteForce => &["brute_force"],
        Behaviour::Beaconing => &["beaconing"],
        Behaviour::Exfiltration => &["exfiltration"],
        Behaviour::DnsTunnel | Behaviour::IcmpTunnel => &["tunnel"],
        Behaviour::LateralSpread => &["lateral_spread", "scan"],
        Behaviour::Silence => &["silence"],
        Behaviour::WrongPort => &["wrong_port"],
        Behaviour::ArpSpoofing => &["arp_spoofing"],
    }
}

fn meets(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.iter().any(|one| b.contains(one))
}

/// Whether something of an incident was told while an event went on or soon after.
fn in_time(event: &BehaviourEvent, incident: &Incident) -> bool {
    incident.sightings.iter().any(|sighting| {
        sighting.first_ns <= event.end_ns.saturating_add(SLACK_NS)
            && sighting.last_ns >= event.start_ns
            && sighting.detected_ns >= event.start_ns
    })
}

fn is_of_kind(event: &BehaviourEvent, incident: &Incident) -> bool {
    incident.behaviours.iter().any(|name| names(event.kind).contains(name))
}

/// Whether an incident names the actor of an event; its target, where nobody acts or senders are forged.
fn names_who(event: &BehaviourEvent, incident: &Incident) -> bool {
    if event.actors.is_empty() {
        incident.actors.is_empty() && meets(&event.targets, &incident.targets)
    } else {
        meets(&event.actors, &incident.actors)
    }
}

/// Whether an incident is there because of an event: it names who does it, or is of its kind and about its target.
fn explains(event: &BehaviourEvent, incident: &Incident) -> bool {
    let of_target = || {
        is_of_kind(event, incident)
            && (meets(&event.targets, &incident.targets) || meets(&event.targets, &incident.actors))
    };
    in_time(event, incident) && (names_who(event, incident) || of_target())
}

fn fate(event: &BehaviourEvent, incidents: &[Incident]) -> EventFate {
    let begun_ns = event.first_packet_ns.unwrap_or(event.start_ns).max(event.start_ns);
    let of_it = || incidents.iter().filter(|one| in_time(event, one) && names_who(event, one));
    let first = of_it()
        .filter(|one| is_of_kind(event, one))
        .flat_map(|one| &one.sightings)
        .filter(|sighting| names(event.kind).contains(&sighting.behaviour))
        .map(|sighting| sighting.detected_ns)
        .filter(|&at_ns| at_ns >= event.start_ns)
        .min();
    EventFate {
        behaviour: event.kind,
        delay_s: first.map(|at_ns| at_ns.saturating_sub(begun_ns).max(0) as f64 / 1e9),
        seen: of_it().next().is_some(),
    }
}

/// Events as far as they have been generated, for who made the source and for the source.
type Events = std::sync::Arc<std::sync::Mutex<Vec<BehaviourEvent>>>;

/// Generated traffic as a source of flows.
struct Office {
    spec: OfficeSpec,
    traffic: OfficeTraffic,
    table: FlowTable,
    description: Description,
    stats: ReadStats,
    events: Events,
}

impl Office {
    fn new(spec: OfficeSpec) -> Result<Self, eddy_sim::SimError> {
        let traffic = OfficeTraffic::new(&spec)?;
        let table = FlowTable::new(traffic.events(), Label::None);
        let description = Description {
            sources: vec![format!("generated network of seed {}", spec.seed)],
            bytes: None,
            format: "generated".into(),
            shape: ShapeName { id: "flows".into(), title: "Flows".into() },
            schema: table.schema().clone(),
            notes: Vec::<Note>::new(),
        };
        let events = Events::default();
        Ok(Self { spec, traffic, table, description, stats: ReadStats::default(), events })
    }
}

impl Source for Office {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        for flow in self.traffic.by_ref() {
            if let Some(frame) = self.table.push(&flow) {
                self.stats.rows_read += frame.n_rows() as u64;
                return Ok(Some(frame));
            }
        }
        if let Ok(mut events) = self.events.lock() {
            *events = self.traffic.events().to_vec();
        }
        let frame = self.table.finish();
        self.stats.rows_read += frame.as_ref().map_or(0, |frame| frame.n_rows() as u64);
        Ok(frame)
    }

    fn stats(&self) -> ReadStats {
        self.stats.clone()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        if let Ok(fresh) = Self::new(self.spec.clone()) {
            let events = self.events.clone();
            *self = Self { events, ..fresh };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> NetworkOptions {
        NetworkOptions {
            seeds: 2,
            hours: 2.0,
            hosts: 20,
            rate: 0.3,
            behaviours: vec![Behaviour::VerticalScan, Behaviour::DnsTunnel],
            ..NetworkOptions::default()
        }
    }

    #[test]
    fn what_is_planted_is_found_and_the_same_seeds_give_the_same_report() {
        let report = eval_network(&small()).unwrap();
        let found: Vec<(Behaviour, usize, usize)> =
            report.found.iter().map(|one| (one.behaviour, one.planted, one.found)).collect();
        assert_eq!(found, [(Behaviour::VerticalScan, 2, 2), (Behaviour::DnsTunnel, 2, 2)]);
        assert!(report.found.iter().all(|one| one.median_delay_s.is_some_and(|s| s < 1_800.0)));
        assert!(report.flows > 1_000 && report.bands.iter().map(|band| band.right).sum::<usize>() >= 4);
        assert_eq!(eval_network(&small()).unwrap(), report);
    }

    #[test]
    fn strengths_are_drawn_by_the_seed() {
        let options = small();
        let strengths = |seed| {
            specification(&options, seed).behaviours.iter().map(|one| one.strength).collect::<Vec<_>>()
        };
        assert_ne!(strengths(1), strengths(2));
        assert!((1..50).flat_map(strengths).all(|strength| (0.5..=2.0).contains(&strength)));
    }
}
