//! One detector on one series.

use std::sync::Arc;

use eddy_detect::{
    AnyDetector, Calibration, Entry, FitContext, FitError, Memory, Model, ModelKind, Pipeline, PipelineSpec,
    Reading, ScoreScale, Seed, SeriesModel, Truth, anomaly_score, default_steps,
};
use eddy_frame::{Column, Frame, Role, Rows, RowsView};
use eddy_models::DETECTORS;
use serde_json::{Map, Value};

use super::Mode;
use crate::events::Readings;
use crate::scoring::surprises;

/// The score from which an alarm of a detector with events of its own has opened one.
pub(crate) const OPENED: f64 = 0.5;

/// What a detector makes of a series: anomaly scores between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The score of every row.
    pub dense: Vec<f64>,
    /// The score of the event that a row opens, from [`OPENED`] on; less where it would open one at a lower threshold; 0
    /// where it opens none. None if the detector has no events of its own.
    pub alarms: Option<Vec<f64>>,
}

/// What a detector without events of its own is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventsOf {
    /// Its scores, row by row, as NAB does: every row above the threshold counts.
    #[default]
    Scores,
    /// Events made of its scores: a row opens one that scores higher than all rows of the last fifth of a probation.
    Records,
}

impl Stream {
    /// Makes events of the scores of a detector that has none of its own. Nothing after a row is used.
    pub(crate) fn with_events(mut self, events: EventsOf, truth: &eddy_eval::Truth) -> Self {
        if events == EventsOf::Records && self.alarms.is_none() {
            self.alarms = Some(records(&self.dense, (truth.probation() / 5).max(1)));
        }
        self
    }

    /// What stands for the detector: its events, if it has any, else its scores.
    pub fn submitted(&self) -> &[f64] {
        self.alarms.as_deref().unwrap_or(&self.dense)
    }
}

/// The parameter that says for which deal of the series into groups weights are wanted.
pub(crate) const FOLD_SEED: &str = "fold_seed";

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) entry: &'static Entry,
    /// Parameters that differ from the default.
    pub(crate) params: Map<String, Value>,
    pub(crate) seed: Seed,
    pub(crate) mode: Mode,
}

impl Plan {
    /// Whether the detector has a parameter of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry.schema().get("properties").and_then(|properties| properties.get(name)).is_some()
    }

    /// The same with the weights for another deal of the series into groups.
    pub(crate) fn dealt(mut self, fold_seed: u64) -> Self {
        if self.has(FOLD_SEED) {
            self.params.insert(FOLD_SEED.into(), fold_seed.into());
        }
        self
    }

    /// The mode the detector is really run in: one that cannot be told to use nothing but the range of what it was
    /// fitted on (`range = fitted`) is never shown the whole series.
    pub(crate) fn mode(&self) -> Mode {
        let can_be_told = self.has("range") && self.entry.schema().to_string().contains("\"fitted\"");
        if can_be_told { self.mode } else { Mode::Causal }
    }

    /// Fits on the first rows (or, in official mode, lets the detector see the range of all), then scores all rows from
    /// the first on.
    pub(crate) fn run(
        &self,
        frame: &Frame,
        warm_up: usize,
        group: Option<usize>,
    ) -> Result<Stream, FitError> {
        let mut params = self.params.clone();
        if let Some(group) = group
            && self.has("without")
            && !params.contains_key("without")
        {
            params.insert("without".into(), group.into());
        }
        if self.mode() == Mode::Official && !params.contains_key("range") {
            params.insert("range".into(), "fitted".into());
        }
        // NAB tells every detector how long its probation is.
        if group.is_some() && self.has("span") && !params.contains_key("span") {
            params.insert("span".into(), warm_up.max(1).into());
        }
        let params = Value::Object(params);
        let warm_up = warm_up.clamp(1, frame.n_rows().max(1));
        if self.entry.about.kind == ModelKind::Row {
            return self.run_pipeline(frame, warm_up, params);
        }
        let detector = self.entry.parse(&params)?;
        let rows = rows_of(frame, self.entry.takes_missing);
        let times = times_of(frame);
        let n_fit = if self.mode() == Mode::Official { rows.n_rows() } else { warm_up };
        let ends = [n_fit];
        let context = FitContext {
            seed: self.seed,
            times: (!times.is_empty()).then(|| &times[..n_fit]),
            series_ends: &ends,
            ..FitContext::default()
        };
        let model = detector.fit(rows.view().slice(0, n_fit), &context)?;
        let (scores, alarms) = match model {
            Model::Series(model) => read_series(model, rows.view(), &times),
            Model::Online(mut model) => {
                let mut scores = vec![0.0; rows.n_rows()];
                for row in 0..rows.n_rows() {
                    let one = rows.view().slice(row, row + 1);
                    model.score(one, &mut scores[row..=row]);
                    // The first rows were learned already.
                    if row >= n_fit {
                        model.learn(one);
                    }
                }
                (scores, None)
            }
            Model::Row(model) => {
                let mut scores = vec![0.0; rows.n_rows()];
                model.score(rows.view(), &mut scores);
                (scores, None)
            }
        };
        Ok(on_one_scale(detector.as_ref(), &scores, alarms, warm_up))
    }

    /// A row model goes through the steps that `eddy detect` would choose.
    fn run_pipeline(&self, frame: &Frame, warm_up: usize, params: Value) -> Result<Stream, FitError> {
        let spec = PipelineSpec {
            steps: default_steps(frame.schema(), self.entry),
            detector: self.entry.about.name.to_owned(),
            params,
            seed: self.seed,
        };
        let score_all = |model: &Model, rows: RowsView<'_>, times: &[i64], out: &mut [f64]| {
            model.score_once(rows, times, out);
        };
        let pipeline =
            Pipeline::fit(&spec, frame.slice(0, warm_up), DETECTORS, Truth::default(), &score_all)?;
        let mut dense = Vec::with_capacity(frame.n_rows());
        surprises(
            &pipeline,
            std::slice::from_ref(frame),
            &mut Memory::default(),
            &mut dense,
            &mut Readings::default(),
        )?;
        dense.iter_mut().for_each(|surprise| *surprise = bounded(*surprise));
        Ok(Stream { dense, alarms: None })
    }
}

/// The scores that are higher than all of the `reach` rows before; 0 elsewhere.
fn records(scores: &[f64], reach: usize) -> Vec<f64> {
    // Rows that may still be the highest of those in reach, by falling score.
    let mut highest: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let mut out = vec![0.0; scores.len()];
    for (row, &score) in scores.iter().enumerate() {
        while highest.front().is_some_and(|&before| before + reach < row) {
            highest.pop_front();
        }
        if highest.front().is_none_or(|&before| score > scores[before]) {
            out[row] = score;
        }
        while highest.back().is_some_and(|&before| scores[before] <= score) {
            highest.pop_back();
        }
        highest.push_back(row);
    }
    out
}

/// All readings of a series model: scores, and alarms where the model raises its own.
fn read_series(
    model: Arc<dyn SeriesModel>,
    rows: RowsView<'_>,
    times: &[i64],
) -> (Vec<f64>, Option<Vec<f64>>) {
    let mut readings = vec![Reading::of_score(0.0); rows.n_rows()];
    model.start().read(rows, times, &mut readings);
    let has_alarms = readings.iter().any(|reading| !reading.alarm.is_nan());
    let alarms = has_alarms.then(|| readings.iter().map(|reading| reading.alarm).collect());
    (readings.iter().map(|reading| reading.score).collect(), alarms)
}

/// Brings scores to 0..1. What is in the detector's own units is held against the rows it was fitted on, never against
/// later ones.
fn on_one_scale(
    detector: &dyn AnyDetector,
    scores: &[f64],
    alarms: Option<Vec<f64>>,
    warm_up: usize,
) -> Stream {
    let calibration = match detector.scale() {
        ScoreScale::Surprise => Calibration::identity(),
        ScoreScale::Raw => Calibration::fit(&scores[..warm_up.min(scores.len())]),
    };
    let is_surprise = detector.scale() == ScoreScale::Surprise;
    let dense =
        scores.iter().map(|&score| bounded(if is_surprise { score } else { calibration.surprise(score) }));
    Stream { dense: dense.collect(), alarms: alarms.map(|alarms| alarms.into_iter().map(strength).collect()) }
}

/// An anomaly score that is finite whatever came in.
fn bounded(surprise: f64) -> f64 {
    if surprise.is_nan() { 0.0 } else { anomaly_score(surprise.clamp(0.0, 1e12)) }
}

/// The score of an alarm, between 0 and 1: from [`OPENED`] on if it opens an event, below where it is short of the threshold.
fn strength(alarm: f64) -> f64 {
    if alarm > 0.0 {
        OPENED + (1.0 - OPENED) * bounded(alarm)
    } else if alarm < 0.0 {
        OPENED * alarm.max(-1e3).exp2()
    } else {
        0.0
    }
}

/// The numeric inputs of a frame as rows.
fn rows_of(frame: &Frame, keep_missing: bool) -> Rows {
    let columns: Vec<&Column> = frame
        .schema()
        .inputs()
        .map(|idx| frame.column(idx))
        .filter(|column| !matches!(column, Column::Text(_)))
        .collect();
    let mut values = Vec::with_capacity(frame.n_rows() * columns.len());
    for row in 0..frame.n_rows() {
        for column in &columns {
            let number = column.number(row);
            values.push(match number {
                number if !number.is_nan() => number.clamp(-1e30, 1e30) as f32,
                _ if keep_missing => f32::NAN,
                _ => 0.0,
            });
        }
    }
    Rows::new(values, columns.len())
}

/// The time of every row; empty where there is no time column.
pub(crate) fn times_of(frame: &Frame) -> Vec<i64> {
    let column = frame.schema().with_role(Role::Time).next().map(|idx| frame.column(idx));
    match column {
        Some(Column::Time(times)) => times.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_opens_where_the_score_is_the_highest_for_a_while() {
        let scores = [1.0, 3.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        assert_eq!(records(&scores, 2), [1.0, 3.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(records(&scores, 100), [1.0, 3.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn an_alarm_that_opens_an_event_is_above_all_that_fall_short() {
        let alarms = [f64::NEG_INFINITY, -2.0, -0.1, 1e-9, 3.0, f64::INFINITY];
        let strengths = alarms.map(strength);
        assert!(strengths.windows(2).all(|pair| pair[0] < pair[1]), "{strengths:?}");
        assert!(strengths[2] < OPENED && strengths[3] >= OPENED && strengths[5] <= 1.0);
        assert_eq!([0.0, f64::NAN].map(strength), [0.0; 2]);
    }

    #[test]
    fn scores_are_finite_whatever_comes_in() {
        for surprise in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 3.4e38] {
            assert!((0.0..=1.0).contains(&bounded(surprise)));
        }
    }
}
