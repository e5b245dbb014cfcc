//! Where a detector stands.

use eddy_eval::{
    EventFigures, Judged, Profile, Ranking, Tally, Volumes, event_figures, period, threshold_for_budget,
    volumes,
};
use rayon::prelude::*;
use serde::Serialize;

use super::{Mode, NabCorpus, Stream};
use crate::EngineError;

/// Series with as many rows or more are left out of the volumes: the protocol of the measurements printed beside ours.
const MOST_VOLUME_ROWS: usize = 6_000;
/// The widest buffer around windows.
const MOST_BUFFER: usize = 125;

/// A detector under one profile.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UnderProfile {
    /// The profile.
    pub profile: String,
    /// From 0 (no alarm) to 100 (perfect), at the threshold that is best for the whole corpus.
    pub score: f64,
    /// That threshold.
    pub threshold: f64,
    /// What its alarms came to.
    pub tally: Tally,
    /// The score where the threshold of each series was chosen on the others.
    pub left_out: f64,
    /// The score at the threshold that the product uses; nothing is chosen here.
    pub fixed: Option<f64>,
    /// What the alarms at that threshold came to.
    pub fixed_tally: Option<Tally>,
    /// The score at the thresholds that came with stored results.
    pub stored: Option<f64>,
}

/// A detector on the whole benchmark.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// The detector.
    pub detector: String,
    /// What it may know of a series; none for stored results.
    pub mode: Option<Mode>,
    /// Whether it was judged by events of its own or by its scores.
    pub by_events: bool,
    /// Under each profile.
    pub profiles: Vec<UnderProfile>,
    /// Mean volumes of the dense score, and the number of series they are the mean of.
    pub volumes: Option<(Volumes, usize)>,
    /// Alarms at the fixed threshold.
    pub events: Option<EventFigures>,
    /// Alarms at the threshold that keeps the budget.
    pub events_in_budget: Option<EventFigures>,
    /// Seconds that scoring took.
    pub seconds: f64,
    /// How it fares with weights for other deals of the series into groups, and with this one; empty where there are no
    /// such weights.
    pub deals: Vec<Deal>,
    /// What every series came to under the first profile at its threshold.
    pub series: Vec<(String, Tally)>,
}

/// How a detector with cross-fitted weights fares where the series are dealt into groups with one seed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deal {
    /// The seed.
    pub fold_seed: u64,
    /// The score under each profile, the threshold chosen for the corpus.
    pub scores: Vec<f64>,
    /// Under the first profile, the threshold of each series chosen on the others.
    pub left_out: f64,
    /// The score under the first profile at the threshold that the product uses.
    pub fixed: Option<f64>,
}

impl Deal {
    pub(crate) fn of(fold_seed: u64, standing: &Standing) -> Self {
        let first = standing.profiles.first();
        Self {
            fold_seed,
            scores: standing.profiles.iter().map(|under| under.score).collect(),
            left_out: first.map_or(f64::NAN, |under| under.left_out),
            fixed: first.and_then(|under| under.fixed),
        }
    }
}

/// How to judge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rules {
    /// Alarms at or above it, where nothing is chosen; none where there is no such threshold.
    pub(crate) fixed: Option<f64>,
    /// Alarms a day and series.
    pub(crate) per_day: f64,
    /// Whether to measure volumes, which takes longest.
    pub(crate) volumes: bool,
}

/// Judges the streams of a detector on all series.
pub(crate) fn judge(
    corpus: &NabCorpus,
    streams: &[Stream],
    rules: Rules,
    stored: &[Option<f64>],
) -> Result<Standing, EngineError> {
    let pairs: Vec<_> = corpus
        .series
        .iter()
        .zip(streams)
        .map(|(series, stream)| (&series.truth, stream.submitted()))
        .collect();
    let ranking = Ranking::new(&pairs).map_err(|error| EngineError::Input(error.to_string()))?;
    let profiles: Vec<UnderProfile> = corpus
        .profiles
        .par_iter()
        .enumerate()
        .map(|(at, profile)| under(&ranking, profile, rules, stored.get(at).copied().flatten()))
        .collect();
    let judged: Vec<Judged<'_>> = corpus
        .series
        .iter()
        .zip(streams)
        .map(|(series, stream)| Judged {
            truth: &series.truth,
            times: &series.times,
            scores: stream.submitted(),
        })
        .collect();
    let series = match (profiles.first(), corpus.profiles.first()) {
        (Some(first), Some(profile)) => ranking.tallies(first.threshold, profile),
        _ => Vec::new(),
    };
    Ok(Standing {
        detector: String::new(),
        mode: None,
        by_events: streams.iter().any(|stream| stream.alarms.is_some()),
        profiles,
        volumes: if rules.volumes { mean_volumes(corpus, streams)? } else { None },
        events: rules.fixed.map(|threshold| event_figures(&judged, threshold)),
        events_in_budget: threshold_for_budget(&judged, rules.per_day)
            .map(|threshold| event_figures(&judged, threshold)),
        seconds: 0.0,
        deals: Vec::new(),
        series: corpus.series.iter().map(|series| series.name.clone()).zip(series).collect(),
    })
}

fn under(ranking: &Ranking<'_>, profile: &Profile, rules: Rules, stored: Option<f64>) -> UnderProfile {
    let n_windows = ranking.n_windows();
    let sweep = ranking.sweep(profile);
    let (threshold, _) = sweep.best();
    let each: Vec<usize> = (0..ranking.n_series()).collect();
    let tally = ranking.tally(threshold, profile);
    let fixed = rules.fixed.map(|threshold| ranking.tally(threshold, profile));
    let score = |points: f64| profile.normalised(points, n_windows);
    UnderProfile {
        profile: profile.name.clone(),
        score: score(tally.score),
        threshold,
        tally,
        left_out: score(sweep.left_out(&each)),
        fixed: fixed.map(|tally| score(tally.score)),
        fixed_tally: fixed,
        stored: stored.map(|threshold| score(ranking.tally(threshold, profile).score)),
    }
}

/// Mean volumes of the dense scores over the series with windows that are not too long, without probation.
fn mean_volumes(corpus: &NabCorpus, streams: &[Stream]) -> Result<Option<(Volumes, usize)>, EngineError> {
    let found: Vec<Option<Volumes>> = corpus
        .series
        .par_iter()
        .zip(streams)
        .with_max_len(1)
        .map(|(series, stream)| {
            if series.values.len() >= MOST_VOLUME_ROWS {
                return Ok(None);
            }
            let from = series.truth.probation();
            let labels = &series.truth.labels()[from..];
            let buffer = period(&series.values[from..]).min(MOST_BUFFER);
            volumes(labels, &stream.dense[from..], buffer)
                .map_err(|error| EngineError::Input(error.to_string()))
        })
        .collect::<Result<_, _>>()?;
    let found: Vec<Volumes> = found.into_iter().flatten().collect();
    let mean = |of: fn(&Volumes) -> f64| found.iter().map(of).sum::<f64>() / found.len() as f64;
    Ok((!found.is_empty())
        .then(|| (Volumes { pr: mean(|one| one.pr), roc: mean(|one| one.roc) }, found.len())))
}
