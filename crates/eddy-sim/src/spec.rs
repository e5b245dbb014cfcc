//! What to generate.

use eddy_frame::NANOS_PER_SECOND;
use serde::{Deserialize, Serialize};

use crate::{Scenario, Shape, SimError};

/// Most normal rows a table may be asked to have.
const MOST_ROWS: u64 = 1_000_000_000;
/// Longest poll of a 32-bit counter: beyond it a flood could wrap one twice between two rows, which nobody can see.
const LONGEST_POLL_S: f64 = 300.0;

/// Whether the table says which rows are anomalous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Label {
    /// Only the truth says it.
    None,
    /// A last column holds `normal` or the name of the scenario; see [`Shape::label_name`].
    #[default]
    Column,
}

/// A scenario to plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planting {
    /// What to plant.
    pub scenario: Scenario,
    /// When it starts, in hours after the start of the traffic. Left out, a free place is drawn from the seed: after
    /// the first 15 % of the traffic, apart from other events, exfiltration at night and outages in office hours
    /// where they fit.
    #[serde(default)]
    pub at_hours: Option<f64>,
    /// How long it lasts, in hours. Left out, its typical duration, or less when the traffic is short.
    #[serde(default)]
    pub duration_hours: Option<f64>,
    /// How strong it is, above 0 and up to 100; see [`Scenario::strength_about`].
    #[serde(default = "one")]
    pub strength: f64,
}

fn one() -> f64 {
    1.0
}

impl Planting {
    /// A planting of strength 1 at a drawn place and of typical duration.
    pub fn new(scenario: Scenario) -> Self {
        Self { scenario, at_hours: None, duration_hours: None, strength: 1.0 }
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

/// A table of traffic to generate. The same specification always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The shape of the table.
    pub shape: Shape,
    /// The first moment of the traffic, in nanoseconds since the epoch, UTC.
    pub start_ns: i64,
    /// How long the traffic lasts, in hours; at most ten years.
    pub duration_hours: f64,
    /// Seconds between rows: exact for tables with a fixed interval, the mean distance of normal rows otherwise.
    pub interval_s: f64,
    /// The seed of all random numbers.
    pub seed: u64,
    /// What to plant; nothing means clean traffic.
    pub scenarios: Vec<Planting>,
    /// Scales the noise of the normal traffic: 1 is natural, 0 leaves the bare rhythm, at most 5.
    pub noise: f64,
    /// Number of client hosts; for [`Shape::MetricSeries`] the number of series. [`Shape::SnmpMib`] is about one
    /// router whatever is given here. At most 10,000, or 1,000 series.
    pub hosts: usize,
    /// Whether the table has a label column.
    pub label: Label,
}

impl Spec {
    /// Clean, labelled traffic with the defaults of its shape.
    pub fn new(shape: Shape, start_ns: i64, duration_hours: f64, seed: u64) -> Self {
        Self {
            shape,
            start_ns,
            duration_hours,
            interval_s: shape.default_interval_s(),
            seed,
            scenarios: Vec::new(),
            noise: 1.0,
            hosts: shape.default_hosts(),
            label: Label::Column,
        }
    }

    /// The same traffic with a sensible mix of scenarios at drawn places: every scenario the shape can show, once a
    /// fortnight. Traffic of less than three days gets no level shift and no slow drift. A table of less than 300
    /// rows at a fixed interval (1000 seconds of connections or packets) gets only the first three scenarios, one of
    /// less than 60 rows (200 seconds) only the first, one of less than 21 rows (70 seconds) none.
    pub fn with_default_scenarios(self) -> Self {
        let events = hours_to_ns(self.duration_hours) / self.least_event_ns();
        let most = match events {
            ..7 => 0,
            7..20 => 1,
            20..100 => 3,
            100.. => Scenario::ALL.len(),
        };
        let is_short = self.duration_hours < 72.0;
        let mix: Vec<Scenario> = self
            .shape
            .scenarios()
            .filter(|scenario| !(is_short && matches!(scenario, Scenario::LevelShift | Scenario::SlowDrift)))
            .take(most)
            .collect();
        let rounds = (self.duration_hours / (14.0 * 24.0)).ceil().clamp(1.0, 8.0) as usize;
        let scenarios = (0..rounds).flat_map(|_| mix.iter().copied().map(Planting::new)).collect();
        Self { scenarios, ..self }
    }

    /// The distance of rows in nanoseconds, at least 1.
    pub(crate) fn interval_ns(&self) -> i64 {
        ((self.interval_s * NANOS_PER_SECOND as f64).round() as i64).max(1)
    }

    /// The shortest event that is planted unless asked for: three rows at a fixed interval, else ten seconds, as
    /// connections and packets need time to happen.
    pub(crate) fn least_event_ns(&self) -> i64 {
        if self.shape.has_fixed_interval() { 3 * self.interval_ns() } else { 10 * NANOS_PER_SECOND }
    }

    /// The moment after the last of the traffic.
    pub(crate) fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(hours_to_ns(self.duration_hours))
    }

    /// Refuses what cannot be generated; places of plantings are checked when they are planned.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        in_range(
            "duration_hours",
            self.duration_hours,
            self.duration_hours > 0.0 && self.duration_hours <= 87_660.0,
            "above 0 and at most 87660 (ten years)",
        )?;
        in_range(
            "interval_s",
            self.interval_s,
            self.interval_s >= 1e-6 && self.interval_s <= 86_400.0,
            "from 0.000001 to 86400",
        )?;
        in_range("noise", self.noise, (0.0..=5.0).contains(&self.noise), "from 0 to 5")?;
        let most_hosts = if self.shape == Shape::MetricSeries { 1_000 } else { 10_000 };
        in_range(
            "hosts",
            self.hosts as f64,
            (1..=most_hosts).contains(&self.hosts),
            "from 1 to 10000 (1000 series)",
        )?;
        if self.shape == Shape::SnmpMib {
            in_range(
                "interval_s",
                self.interval_s,
                self.interval_s <= LONGEST_POLL_S,
                "of at most 300 for counters, which could wrap twice between two rows otherwise",
            )?;
        }
        let rows = self.duration_hours * 3600.0 / self.interval_s;
        if rows > MOST_ROWS as f64 {
            return Err(SimError::TooManyRows { rows, limit: MOST_ROWS });
        }
        if self.start_ns.checked_add(hours_to_ns(self.duration_hours)).is_none() || self.start_ns == i64::MIN
        {
            return Err(SimError::TimeRange { start_ns: self.start_ns, duration_hours: self.duration_hours });
        }
        if self.scenarios.len() > usize::from(u8::MAX) {
            return Err(SimError::TooMany { got: self.scenarios.len() });
        }
        for planting in &self.scenarios {
            let scenario = planting.scenario;
            if let Some(why) = scenario.hidden_in(self.shape) {
                return Err(SimError::Impossible { scenario, shape: self.shape, why });
            }
            in_range(
                "strength",
                planting.strength,
                planting.strength > 0.0 && planting.strength <= 100.0,
                "above 0 and at most 100",
            )?;
            let at_hours = planting.at_hours.unwrap_or(0.0);
            in_range("at_hours", at_hours, at_hours >= 0.0 && at_hours.is_finite(), "of at least 0")?;
            let duration_hours = planting.duration_hours.unwrap_or(1.0);
            in_range(
                "duration_hours",
                duration_hours,
                duration_hours > 0.0 && duration_hours.is_finite(),
                "above 0",
            )?;
        }
        Ok(())
    }
}

/// Hours as nanoseconds; what is too long becomes the longest time there is.
pub(crate) fn hours_to_ns(hours: f64) -> i64 {
    (hours * 3600.0 * NANOS_PER_SECOND as f64).round() as i64
}

fn in_range(name: &'static str, got: f64, holds: bool, wanted: &'static str) -> Result<(), SimError> {
    if holds { Ok(()) } else { Err(SimError::OutOfRange { name, got, wanted }) }
}
