//! Detectors of series measured on series of which everything is known.

use std::collections::BTreeMap;

use eddy_detect::{Calibration, FitContext, FitError, Model, Reading, ScoreScale};
use eddy_frame::RowsView;
use eddy_models::DETECTORS;
use eddy_sim::{Ground, PlantedEvent, PlantedKind, PlantedSeries, planted_series};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use crate::EngineError;

/// What to measure.
#[derive(Debug, Clone)]
pub struct GeneratedOptions {
    /// Series with planted events; a fifth as many again are pure noise, as many pure season, and as many
    /// whole numbers.
    pub n_series: usize,
    /// Where random choices start.
    pub seed: u64,
    /// Detector.
    pub detector: String,
    /// Parameters of the detector that differ from the default.
    pub params: Value,
}

impl Default for GeneratedOptions {
    fn default() -> Self {
        Self { n_series: 300, seed: 1, detector: "series_ensemble".to_owned(), params: Value::Null }
    }
}

/// How one kind of event in one size was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundShare {
    /// Kind of event.
    pub kind: &'static str,
    /// Size in words.
    pub size: String,
    /// Events planted.
    pub planted: usize,
    /// Events with an alarm.
    pub found: usize,
    /// Median time from its first row to the alarm, in minutes, over those found.
    pub median_delay_min: Option<f64>,
}

/// False events on one kind of ground.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalseAlarms {
    /// What the series are.
    pub ground: &'static str,
    /// Seconds between rows.
    pub interval_s: u32,
    /// Days of all series together.
    pub series_days: f64,
    /// Events that nothing was planted for.
    pub events: usize,
}

impl FalseAlarms {
    /// False events in thirty days of one series.
    pub fn in_thirty_days(&self) -> f64 {
        30.0 * self.events as f64 / self.series_days.max(f64::MIN_POSITIVE)
    }
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratedReport {
    /// Detector.
    pub detector: String,
    /// By kind and size.
    pub found: Vec<FoundShare>,
    /// By ground and interval.
    pub false_alarms: Vec<FalseAlarms>,
    /// Points scored.
    pub points: usize,
    /// What an alarm is.
    pub alarm_rule: &'static str,
}

/// Seconds between rows of the series that are made.
const INTERVALS: [u32; 3] = [60, 300, 3_600];
/// Alarms nearer than this are one event, in seconds; at least so many rows.
const ONE_EVENT_S: u32 = 3_600;
const ONE_EVENT_ROWS: usize = 12;
/// Surprise at which a detector without alarms of its own is taken to raise one.
const LEAST_SURPRISE: f64 = 5.0;
/// Share of a series that the scale of such a detector is learned from; nothing is planted there.
const CALM_SHARE: f64 = 0.4;

/// One series to make.
struct Plan {
    ground: Ground,
    interval_s: u32,
    seed: u64,
    plant: Vec<(PlantedKind, f64)>,
}

/// All kinds in all sizes.
fn cells() -> Vec<(PlantedKind, f64)> {
    PlantedKind::ALL.iter().flat_map(|&kind| kind.sizes().map(|size| (kind, size))).collect()
}

/// The series to make: each kind and size meets each interval and stands first and second in turn.
fn plans(options: &GeneratedOptions) -> Vec<Plan> {
    let cells = cells();
    let planted = (0..options.n_series).map(|at| Plan {
        ground: Ground::Traffic,
        interval_s: INTERVALS[at / cells.len() % INTERVALS.len()],
        seed: options.seed.wrapping_mul(1_000_003).wrapping_add(at as u64),
        plant: vec![cells[at % cells.len()], cells[(at * 7 + at / cells.len() + 11) % cells.len()]],
    });
    let clean = [Ground::Noise, Ground::Season, Ground::WholeNumbers].into_iter().flat_map(|ground| {
        (0..options.n_series / 5).map(move |at| Plan {
            ground,
            interval_s: INTERVALS[at % INTERVALS.len()],
            seed: options.seed.wrapping_mul(2_000_003).wrapping_add(at as u64),
            plant: Vec::new(),
        })
    });
    planted.chain(clean).collect()
}

/// Makes the series, runs the detector over each as it would run on a stream, and counts.
pub fn eval_generated(options: &GeneratedOptions) -> Result<GeneratedReport, EngineError> {
    let detector = DETECTORS.get(&options.detector)?.parse(&options.params)?;
    let plans = plans(options);
    let outcomes: Vec<Outcome> = plans
        .par_iter()
        .map(|plan| {
            let series = planted_series(plan.seed, plan.ground, plan.interval_s, &plan.plant);
            run_one(detector.as_ref(), &series)
        })
        .collect::<Result<_, FitError>>()?;
    let found = cells().into_iter().map(|(kind, size)| {
        let of_cell = outcomes.iter().flat_map(|outcome| &outcome.found);
        let delays: Vec<Option<f64>> = of_cell
            .filter(|(event, _)| event.kind == kind && event.size.total_cmp(&size).is_eq())
            .map(|(_, delay)| *delay)
            .collect();
        let mut times: Vec<f64> = delays.iter().copied().flatten().collect();
        times.sort_unstable_by(f64::total_cmp);
        FoundShare {
            kind: kind.name(),
            size: kind.size_in_words(size),
            planted: delays.len(),
            found: times.len(),
            median_delay_min: times.get(times.len() / 2).copied(),
        }
    });
    let own_alarms = outcomes.iter().any(|outcome| outcome.own_alarms);
    Ok(GeneratedReport {
        detector: options.detector.clone(),
        found: found.collect(),
        false_alarms: false_alarms(&plans, &outcomes),
        points: outcomes.iter().map(|outcome| outcome.points).sum(),
        alarm_rule: if own_alarms {
            "the detector's own alarms"
        } else {
            "a surprise of 5 on the scale of the first 40 % of each series"
        },
    })
}

fn false_alarms(plans: &[Plan], outcomes: &[Outcome]) -> Vec<FalseAlarms> {
    let mut by_ground: BTreeMap<(u8, u32), FalseAlarms> = BTreeMap::new();
    for (plan, outcome) in plans.iter().zip(outcomes) {
        let (order, ground) = match plan.ground {
            Ground::Traffic => (0, "day, week, trend, noise, gaps, with planted events"),
            Ground::Noise => (1, "pure noise"),
            Ground::Season => (2, "pure season"),
            Ground::WholeNumbers => (3, "whole numbers"),
        };
        let nothing = FalseAlarms { ground, interval_s: plan.interval_s, series_days: 0.0, events: 0 };
        let sum = by_ground.entry((order, plan.interval_s)).or_insert(nothing);
        sum.series_days += outcome.days;
        sum.events += outcome.false_events;
    }
    by_ground.into_values().collect()
}

/// How one series went.
struct Outcome {
    found: Vec<(PlantedEvent, Option<f64>)>,
    false_events: usize,
    days: f64,
    points: usize,
    own_alarms: bool,
}

fn run_one(detector: &dyn eddy_detect::AnyDetector, series: &PlantedSeries) -> Result<Outcome, FitError> {
    let n = series.values.len();
    let values: Vec<f32> = series.values.iter().map(|&value| value as f32).collect();
    let probation = (n * 15 / 100).clamp(1, 750);
    let ends = [probation];
    let context =
        FitContext { times: Some(&series.times[..probation]), series_ends: &ends, ..FitContext::default() };
    let model = detector.fit(RowsView::new(&values[..probation], 1), &context)?;
    let mut readings = vec![Reading::of_score(0.0); n];
    match &model {
        Model::Series(model) => {
            model.clone().start().read(RowsView::new(&values, 1), &series.times, &mut readings);
        }
        other => {
            let mut scores = vec![0.0; n];
            other.score_once(RowsView::new(&values, 1), &series.times, &mut scores);
            readings.iter_mut().zip(scores).for_each(|(reading, score)| reading.score = score);
        }
    }
    let own_alarms = readings.iter().any(|reading| !reading.alarm.is_nan());
    let alarms: Vec<usize> = if own_alarms {
        (0..n).filter(|&row| readings[row].alarm > 0.0).collect()
    } else {
        let scores: Vec<f64> = readings.iter().map(|reading| reading.score).collect();
        let calm = (n as f64 * CALM_SHARE) as usize;
        let calibration = match detector.scale() {
            ScoreScale::Surprise => Calibration::identity(),
            ScoreScale::Raw => Calibration::fit(&scores[..calm]),
        };
        (0..n).filter(|&row| calibration.surprise(scores[row]) >= LEAST_SURPRISE).collect()
    };
    let one_event = ((ONE_EVENT_S / series.interval_s) as usize).max(ONE_EVENT_ROWS);
    let minutes = |rows: (usize, usize)| (series.times[rows.1] - series.times[rows.0]) as f64 / 60e9;
    let mut found = Vec::with_capacity(series.events.len());
    for event in &series.events {
        let until = event.last + grace(event, series.interval_s);
        let alarm = alarms.iter().copied().find(|&row| (event.first..=until).contains(&row));
        found.push((*event, alarm.map(|row| minutes((event.first, row)))));
    }
    // What happens in a state that goes on is not counted against anybody for a day after its beginning.
    let excused = |row: usize| {
        series.events.iter().any(|event| {
            (event.first..=event.last + one_event.max(grace(event, series.interval_s))).contains(&row)
        })
    };
    let mut false_events = 0;
    let mut last: Option<usize> = None;
    for &row in alarms.iter().filter(|&&row| !excused(row)) {
        if last.is_none_or(|last| row - last > one_event) {
            false_events += 1;
        }
        last = Some(row);
    }
    Ok(Outcome { found, false_events, days: series.days(), points: n, own_alarms })
}

/// Rows after the end of an event in which an alarm still counts as its: for a rhythm a day late and for states none
/// (their last row is a day after the first), for short events an hour, three rows at least.
fn grace(event: &PlantedEvent, interval_s: u32) -> usize {
    match event.kind {
        PlantedKind::Spike | PlantedKind::PartialDrop | PlantedKind::Silence | PlantedKind::FlatLine => {
            ((3_600 / interval_s) as usize).max(3)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_events_are_found_and_counted_by_kind_and_size() {
        let options =
            GeneratedOptions { n_series: 24, detector: "rolling_z".into(), ..GeneratedOptions::default() };
        let report = eval_generated(&options).unwrap();
        let planted: usize = report.found.iter().map(|cell| cell.planted).sum();
        assert_eq!(planted, 48);
        let spikes = report.found.iter().filter(|cell| cell.kind == "spike" && cell.size.starts_with("20 "));
        let (found, of) = spikes.fold((0, 0), |sum, cell| (sum.0 + cell.found, sum.1 + cell.planted));
        assert!(of > 0 && found == of, "{found} of {of}");
        assert!(report.false_alarms.iter().all(|sum| sum.series_days > 0.0));
    }
}
