//! What traffic of an office to generate, and when what is planted happens.

use eddy_frame::NANOS_PER_SECOND;
use serde::{Deserialize, Serialize};

use super::behaviour::Behaviour;
use crate::SimError;
use crate::draw::{Draw, Purpose};
use crate::rhythm::hour_of_day;
use crate::spec::hours_to_ns;

/// The share of the traffic at its start that is kept clean unless a planting asks for it.
const CLEAN_HEAD: f64 = 0.15;
/// The largest share of the traffic a behaviour takes when no duration is given.
const LARGEST_SHARE: f64 = 0.4;
/// Draws of a start at a preferred hour before any is taken.
const TRIES: usize = 200;

/// A behaviour to plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BehaviourPlanting {
    /// What to plant.
    pub behaviour: Behaviour,
    /// When it starts, in hours after the start of the traffic. Left out, a place is drawn from the seed: after the
    /// first 15 % of the traffic, exfiltration at night and what needs people in office hours where they fit.
    #[serde(default)]
    pub at_hours: Option<f64>,
    /// How long it lasts, in hours. Left out, its typical duration, or less when the traffic is short.
    #[serde(default)]
    pub duration_hours: Option<f64>,
    /// How strong it is, above 0 and up to 10,000; see [`Behaviour::strength_about`].
    #[serde(default = "one")]
    pub strength: f64,
}

fn one() -> f64 {
    1.0
}

impl BehaviourPlanting {
    /// A planting of strength 1 at a drawn place and of typical duration.
    pub fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, at_hours: None, duration_hours: None, strength: 1.0 }
    }

    /// The same planting at a fixed place.
    pub fn at(self, at_hours: f64, duration_hours: f64) -> Self {
        Self { at_hours: Some(at_hours), duration_hours: Some(duration_hours), ..self }
    }

    /// The same planting with another strength.
    pub fn strength(self, strength: f64) -> Self {
        Self { strength, ..self }
    }
}

/// What an office is used to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfficeHabits {
    /// Workstations, a few cameras and printers, backups at night inside the office.
    #[default]
    Usual,
    /// Half of the hosts are cameras and sensors, some of which stream all day; copies of the files go to a store
    /// outside; the monitor looks for weaknesses with leave to do so; a server logs on to every workstation; programs
    /// of single hosts ask for leave to run once a minute; visitors come in crowds from a few addresses. Things that
    /// look like attacks and are none, as a check on false alarms.
    Unlike,
}

/// Traffic of an office to generate. The same specification always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficeSpec {
    /// The first moment of the traffic, in nanoseconds since the epoch, UTC.
    pub start_ns: i64,
    /// How long the traffic lasts, in hours; at most one year. Conversations that are open then go on to their end.
    pub duration_hours: f64,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Hosts of the office, from 12 to 10,000: a router, eight servers, a quarter of the rest printers, cameras and
    /// sensors, and workstations.
    pub hosts: usize,
    /// Scales how often hosts talk, 0 to 100; 0 leaves nothing but what is planted.
    pub rate: f64,
    /// What the office is used to.
    #[serde(default)]
    pub habits: OfficeHabits,
    /// What to plant; nothing means clean traffic.
    pub behaviours: Vec<BehaviourPlanting>,
}

impl OfficeSpec {
    /// Clean traffic of 50 hosts.
    pub fn new(start_ns: i64, duration_hours: f64, seed: u64) -> Self {
        let habits = OfficeHabits::default();
        Self { start_ns, duration_hours, seed, hosts: 50, rate: 1.0, habits, behaviours: Vec::new() }
    }

    pub(crate) fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(hours_to_ns(self.duration_hours))
    }

    fn check(&self) -> Result<(), SimError> {
        in_range(
            "duration_hours",
            self.duration_hours,
            self.duration_hours > 0.0 && self.duration_hours <= 8_784.0,
            "above 0 and at most 8784 (one year)",
        )?;
        in_range("hosts", self.hosts as f64, (12..=10_000).contains(&self.hosts), "from 12 to 10000")?;
        in_range("rate", self.rate, (0.0..=100.0).contains(&self.rate), "from 0 to 100")?;
        // Captures count seconds in 32 bits.
        let last = i64::from(u32::MAX - 86_400 * 30) * NANOS_PER_SECOND;
        if self.start_ns < 0 || self.end_ns() > last {
            return Err(SimError::TimeRange { start_ns: self.start_ns, duration_hours: self.duration_hours });
        }
        if self.behaviours.len() >= usize::from(u8::MAX) {
            return Err(SimError::TooMany { got: self.behaviours.len() });
        }
        for planting in &self.behaviours {
            in_range(
                "strength",
                planting.strength,
                planting.strength > 0.0 && planting.strength <= 10_000.0,
                "above 0 and at most 10000",
            )?;
            let at_hours = planting.at_hours.unwrap_or(0.0);
            in_range("at_hours", at_hours, at_hours >= 0.0 && at_hours.is_finite(), "of at least 0")?;
            let hours = planting.duration_hours.unwrap_or(1.0);
            in_range("duration_hours", hours, hours > 0.0 && hours.is_finite(), "above 0")?;
        }
        Ok(())
    }
}

/// A behaviour with its place in time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlacedBehaviour {
    pub(crate) behaviour: Behaviour,
    pub(crate) start_ns: i64,
    /// The moment after its last.
    pub(crate) end_ns: i64,
    pub(crate) strength: f64,
    /// How many of the same behaviour stand before it in the specification.
    pub(crate) nth: usize,
}

/// Places all plantings, in order of time. They may overlap: each flow belongs to one of them or to none.
pub(crate) fn place(spec: &OfficeSpec) -> Result<Vec<PlacedBehaviour>, SimError> {
    spec.check()?;
    let mut draw = Draw::new(spec.seed, Purpose::Placing);
    let mut placed = Vec::with_capacity(spec.behaviours.len());
    for (idx, planting) in spec.behaviours.iter().enumerate() {
        let nth = spec.behaviours[..idx].iter().filter(|other| other.behaviour == planting.behaviour).count();
        placed.push(place_one(spec, planting, nth, &mut draw)?);
    }
    placed.sort_by_key(|planned| planned.start_ns);
    Ok(placed)
}

fn place_one(
    spec: &OfficeSpec,
    planting: &BehaviourPlanting,
    nth: usize,
    draw: &mut Draw,
) -> Result<PlacedBehaviour, SimError> {
    let behaviour = planting.behaviour;
    let room_hours = spec.duration_hours * (1.0 - CLEAN_HEAD) * 0.98;
    let hours = planting.duration_hours.unwrap_or_else(|| {
        behaviour.typical_hours().min(LARGEST_SHARE * spec.duration_hours).min(room_hours)
    });
    let at_hours = planting.at_hours.unwrap_or_else(|| {
        let first = (CLEAN_HEAD * spec.duration_hours).min((spec.duration_hours - hours).max(0.0));
        let last = (spec.duration_hours - hours).max(first);
        let mut at = draw.uniform(first, last);
        for _ in 0..TRIES {
            let hour = hour_of_day(spec.start_ns + hours_to_ns(at));
            if behaviour.preferred_hours().is_none_or(|(from, to)| (from..to).contains(&hour)) {
                break;
            }
            at = draw.uniform(first, last);
        }
        at
    });
    if at_hours + hours > spec.duration_hours * (1.0 + 1e-9) {
        return Err(SimError::BehaviourOutside {
            behaviour,
            at_hours,
            duration_hours: hours,
            total_hours: spec.duration_hours,
        });
    }
    // Whole microseconds, as captures write them.
    let start_ns = (spec.start_ns + hours_to_ns(at_hours)).div_euclid(1_000) * 1_000;
    let end_ns = (start_ns + hours_to_ns(hours)).min(spec.end_ns()).max(start_ns + 1_000);
    Ok(PlacedBehaviour { behaviour, start_ns, end_ns, strength: planting.strength, nth })
}

fn in_range(name: &'static str, got: f64, holds: bool, wanted: &'static str) -> Result<(), SimError> {
    if holds { Ok(()) } else { Err(SimError::OutOfRange { name, got, wanted }) }
}
