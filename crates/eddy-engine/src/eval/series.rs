//! Detectors on any labelled series.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use eddy_detect::{ModelKind, Seed, anomaly_score};
use eddy_eval::{
    Affiliation, EventFigures, Judged, Limits, Truth, Volumes, affiliation, event_figures, parse_time,
    period, probation, read_windows, threshold_for_budget, volumes,
};
use eddy_frame::{Frame, Role};
use eddy_models::DETECTORS;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::corpus::{about, text_of};
use super::stream::{OPENED, Plan, times_of};
use super::together::{Alarms, Together, told_together};
use super::{EventsOf, Mode, Stream};
use crate::findings::cell;
use crate::labels::{attacks, label_of};
use crate::run::read;
use crate::{EngineError, RunOptions};

/// The widest buffer around windows.
const MOST_BUFFER: usize = 125;
/// Fewest rows that a series is judged with.
const LEAST_ROWS: usize = 20;

/// How to judge.
#[derive(Clone)]
pub struct SeriesOptions {
    /// How to read; names the label column.
    pub run: RunOptions,
    /// A document of windows by file instead of a label column.
    pub windows: Option<PathBuf>,
    /// Detectors by name; none = the ensemble for series, or else all series detectors that are no neural nets.
    pub detectors: Vec<String>,
    /// Parameters as (detector, parameter, value).
    pub set: Vec<(String, String, Value)>,
    /// Where random choices start.
    pub seed: Seed,
    /// Share of each series that a detector may learn from and that is not judged; none = NAB's rule, 15 per cent but
    /// never more than 750 rows.
    pub warm_up: Option<f64>,
    /// The surprise from which a row raises an alarm, for detectors without events of their own.
    pub alarm_surprise: f64,
    /// What detectors without events of their own are judged by.
    pub events_of: EventsOf,
    /// Alarms a day and series that an operator can look at.
    pub alarms_per_day: f64,
    /// Who must tell a window.
    pub told_by: ToldBy,
}

/// Who must tell a window of a file with several series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToldBy {
    /// Each series has the windows for itself.
    #[default]
    Each,
    /// The windows are of the file as a whole: any of its series may tell them.
    Any,
}

/// A series and what was found on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesVerdict {
    /// File, and whom the series is about if the file holds several.
    pub series: String,
    /// Rows that are judged.
    pub rows: usize,
    /// Windows that are judged.
    pub windows: usize,
    /// Widest buffer around windows.
    pub buffer: usize,
    /// Volumes of the dense score; none where nothing or everything is labelled.
    pub volumes: Option<Volumes>,
    /// Alarms at the fixed threshold.
    pub fixed: EventFigures,
    /// Alarms at the threshold that keeps the budget over all series.
    pub in_budget: Option<EventFigures>,
    /// How near the rows at that threshold lie to windows.
    pub affiliation: Option<Affiliation>,
}

/// A detector on all series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesStanding {
    /// The detector.
    pub detector: String,
    /// Whether it was judged by events of its own or by its scores.
    pub by_events: bool,
    /// Series by series.
    pub series: Vec<SeriesVerdict>,
    /// Mean volumes.
    pub volumes: Option<Volumes>,
    /// Mean affiliation.
    pub affiliation: Option<Affiliation>,
    /// Alarms of all series at the fixed threshold.
    pub fixed: EventFigures,
    /// Alarms of all series at the threshold that keeps the budget.
    pub in_budget: Option<EventFigures>,
    /// How windows of whole files were told at the fixed threshold, if that was asked.
    pub together: Option<Together>,
    /// Seconds that scoring took.
    pub seconds: f64,
}

/// A series with its labels.
struct Labelled {
    name: String,
    frame: Frame,
    times: Vec<i64>,
    truth: Truth,
    buffer: usize,
    /// The file, by its place.
    file: usize,
}

/// Runs detectors on labelled series, each series on its own, and judges them.
pub fn eval_series(paths: &[String], options: &SeriesOptions) -> Result<Vec<SeriesStanding>, EngineError> {
    let mut series = Vec::new();
    let windows = match &options.windows {
        Some(path) => Some(read_windows(&text_of(path)?).map_err(|error| about(path, &error))?),
        None => None,
    };
    let mut limits = Vec::with_capacity(paths.len());
    for (file, path) in paths.iter().enumerate() {
        limits.push(read_file((file, path), windows.as_ref(), options, &mut series)?);
    }
    let mut names = options.detectors.clone();
    if names.is_empty() {
        let ensemble = DETECTORS.get("series_ensemble").ok();
        let entries = DETECTORS.0.iter().filter(|entry| entry.about.kind == ModelKind::Series);
        let entries = entries.filter(|entry| !entry.about.name.contains("autoencoder"));
        names = ensemble.map_or_else(
            || entries.map(|entry| entry.about.name.to_owned()).collect(),
            |entry| vec![entry.about.name.to_owned()],
        );
    }
    let mut standings =
        names.iter().map(|name| contend(name, &series, &limits, options)).collect::<Result<Vec<_>, _>>()?;
    let rank = |one: &SeriesStanding| one.volumes.map_or(f64::NEG_INFINITY, |volumes| volumes.pr);
    standings.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    Ok(standings)
}

/// The series of a file: one for each entity, in the order of time. Gives the windows of the file as a whole.
fn read_file(
    (file, path): (usize, &str),
    windows: Option<&BTreeMap<String, Limits>>,
    options: &SeriesOptions,
    out: &mut Vec<Labelled>,
) -> Result<Vec<(i64, i64)>, EngineError> {
    let refuse = |reason: String| EngineError::Input(format!("{path}: {reason}"));
    let input = read(std::slice::from_ref(&path.to_owned()), &options.run)?;
    let frame = input.to_fit(true, usize::MAX).map_err(refuse)?;
    if frame.n_rows() as u64 != input.n_rows {
        return Err(refuse("is larger than --max-memory".into()));
    }
    let limits =
        windows.map(|windows| times_of_limits(&of_file(windows, path))).transpose().map_err(refuse)?;
    if limits.is_none() && label_of(frame.schema()).is_none() {
        return Err(refuse("has no label column; name it with --label, or give --windows".into()));
    }
    let parts = by_entity(&frame);
    let several = parts.len() > 1;
    for (key, mut rows) in parts {
        let all_times = times_of(&frame);
        if !all_times.is_empty() {
            rows.sort_by_key(|&row| all_times[row]);
        }
        let part = frame.take(&rows);
        let times = times_of(&part);
        let labels = match &limits {
            Some(limits) => labels_of(limits, &times).map_err(refuse)?,
            None => attacks(&part).unwrap_or_default(),
        };
        if labels.len() < LEAST_ROWS {
            continue;
        }
        let n = labels.len();
        let warm_up =
            options.warm_up.map_or(probation(n), |share| (share * n as f64) as usize).clamp(1, n - 1);
        let truth = Truth::of_labels(&labels).with_probation(warm_up);
        let name = if several { format!("{path}: {key}") } else { path.to_owned() };
        let first = part.schema().with_role(Role::Value).chain(part.schema().inputs()).next();
        let values: Vec<f64> =
            first.map_or_else(Vec::new, |idx| (warm_up..n).map(|row| part.column(idx).number(row)).collect());
        out.push(Labelled {
            name,
            buffer: period(&values).min(MOST_BUFFER),
            frame: part,
            times,
            truth,
            file,
        });
    }
    if out.is_empty() {
        return Err(refuse(format!("holds no series of at least {LEAST_ROWS} rows")));
    }
    Ok(limits.unwrap_or_default())
}

/// The rows of each entity, in order of first appearance.
fn by_entity(frame: &Frame) -> Vec<(String, Vec<usize>)> {
    let fields = &frame.schema().fields;
    let entities: Vec<usize> = frame.schema().with_role(Role::Entity).collect();
    let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    for row in 0..frame.n_rows() {
        let cells: Vec<String> =
            entities.iter().map(|&idx| cell((&fields[idx], frame.column(idx)), row)).collect();
        let key = cells.join(", ");
        let place = *places.entry(key.clone()).or_insert_with(|| {
            parts.push((key, Vec::new()));
            parts.len() - 1
        });
        parts[place].1.push(row);
    }
    parts
}

/// The windows of a file in a document: under its path, or the longest end of it that is named.
fn of_file(windows: &BTreeMap<String, Limits>, path: &str) -> Limits {
    let named = windows.iter().filter(|(name, _)| Path::new(path).ends_with(name));
    named.max_by_key(|(name, _)| name.len()).map(|(_, limits)| limits.clone()).unwrap_or_default()
}

/// The first and last time of each window.
fn times_of_limits(limits: &Limits) -> Result<Vec<(i64, i64)>, String> {
    let times = limits.iter().map(|(from, to)| match (parse_time(from), parse_time(to)) {
        (Some(from), Some(to)) => Ok((from, to)),
        _ => Err(format!("'{from}' or '{to}' is no time")),
    });
    times.collect()
}

/// Whether each time lies in a window.
fn labels_of(limits: &[(i64, i64)], times: &[i64]) -> Result<Vec<bool>, String> {
    if times.is_empty() {
        return Err("windows need a time column; name it with --time".into());
    }
    Ok(times.iter().map(|time| limits.iter().any(|(from, to)| (from..=to).contains(&time))).collect())
}

fn contend(
    name: &str,
    series: &[Labelled],
    limits: &[Vec<(i64, i64)>],
    options: &SeriesOptions,
) -> Result<SeriesStanding, EngineError> {
    let entry = DETECTORS.get(name)?;
    let own = options.set.iter().filter(|(owner, ..)| owner.replace('-', "_") == entry.about.name);
    let params: Map<String, Value> = own.map(|(_, name, value)| (name.clone(), value.clone())).collect();
    let plan = Plan { entry, params, seed: options.seed, mode: Mode::Causal };
    let started = Instant::now();
    let streams: Vec<Stream> = series
        .par_iter()
        .with_max_len(1)
        .map(|one| Ok(plan.run(&one.frame, one.truth.probation(), None)?))
        .collect::<Result<_, EngineError>>()?;
    let seconds = started.elapsed().as_secs_f64();
    let by_events = streams.iter().any(|stream| stream.alarms.is_some());
    let streams: Vec<Stream> = series
        .iter()
        .zip(streams)
        .map(|(one, stream)| stream.with_events(options.events_of, &one.truth))
        .collect();
    let fixed = if by_events { OPENED } else { anomaly_score(options.alarm_surprise) };
    let judged: Vec<Judged<'_>> = series
        .iter()
        .zip(&streams)
        .map(|(one, stream)| Judged { truth: &one.truth, times: &one.times, scores: stream.submitted() })
        .collect();
    let together = (options.told_by == ToldBy::Any).then(|| {
        let alarms = series.iter().zip(&judged).map(|(one, judged)| Alarms {
            name: &one.name,
            file: one.file,
            times: &one.times,
            scores: judged.scores,
            warm_up: one.truth.probation(),
        });
        told_together(&alarms.collect::<Vec<_>>(), limits, fixed)
    });
    let budget = threshold_for_budget(&judged, options.alarms_per_day);
    let verdicts: Vec<SeriesVerdict> = series
        .par_iter()
        .zip(&streams)
        .zip(&judged)
        .map(|((one, stream), judged)| verdict(one, stream, *judged, fixed, budget))
        .collect::<Result<_, _>>()?;
    let found: Vec<Volumes> = verdicts.iter().filter_map(|verdict| verdict.volumes).collect();
    let near: Vec<Affiliation> = verdicts.iter().filter_map(|verdict| verdict.affiliation).collect();
    Ok(SeriesStanding {
        detector: entry.about.name.to_owned(),
        by_events,
        volumes: mean(&found, |one| one.pr)
            .zip(mean(&found, |one| one.roc))
            .map(|(pr, roc)| Volumes { pr, roc }),
        affiliation: mean(&near, |one| one.precision)
            .zip(mean(&near, |one| one.recall))
            .map(|(precision, recall)| Affiliation { precision, recall }),
        fixed: event_figures(&judged, fixed),
        in_budget: budget.map(|threshold| event_figures(&judged, threshold)),
        series: verdicts,
        together,
        seconds,
    })
}

fn mean<T>(of: &[T], number: impl Fn(&T) -> f64) -> Option<f64> {
    (!of.is_empty()).then(|| of.iter().map(number).sum::<f64>() / of.len() as f64)
}

fn verdict(
    one: &Labelled,
    stream: &Stream,
    judged: Judged<'_>,
    fixed: f64,
    budget: Option<f64>,
) -> Result<SeriesVerdict, EngineError> {
    let from = one.truth.probation();
    let found = volumes(&one.truth.labels()[from..], &stream.dense[from..], one.buffer)
        .map_err(|error| EngineError::Input(format!("{}: {error}", one.name)))?;
    let threshold = budget.unwrap_or(fixed);
    let flagged: Vec<bool> = judged.scores.iter().map(|&score| score >= threshold).collect();
    Ok(SeriesVerdict {
        series: one.name.clone(),
        rows: one.truth.n_rows() - from,
        windows: one.truth.judged_windows().count(),
        buffer: one.buffer,
        volumes: found,
        fixed: event_figures(&[judged], fixed),
        in_budget: budget.map(|threshold| event_figures(&[judged], threshold)),
        affiliation: affiliation(&one.truth, &flagged),
    })
}
