//! Left matrix profile.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Positive, SectionReader, Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Known, Level, Method, Moment, Outlook, weight_of};
use crate::streaming::{History, LeftProfile};

/// The longest window.
const MOST_WINDOW: usize = 64;
/// The most rows that windows are compared with.
const MOST_HISTORY: usize = 16_384;
/// Share of the score of the row before that a row must exceed to count: a strange row stays in the newest window for a
/// while, and those after it should not rank beside it.
const CARRIED: f64 = 0.5;
/// Least spread of distances, in units of the usual spread of the values.
const LEAST_SPREAD: f64 = 0.1;
/// Scores above are all the same.
const MOST_SCORE: f64 = 1e6;

/// Left matrix profile: windows unlike all windows before them are anomalous (streaming discords).
///
/// The distance between the newest `window` rows of a column and the most similar earlier window within `history` is
/// compared with what such distances have been: the score is by how many deviations it is larger, less half of what the
/// row before scored. Values are put on a scale of the column's own, linear within its usual spread and logarithmic
/// beyond.
///
/// Score range: 0 upwards. Input: rows of a series at regular intervals, in order. A missing value is left out, and scored
/// as the largest there is. Blind to: what looks like anything before, however long ago within `history`; slow changes.
/// Warm-up: twice `window` rows, which score 0. Cost: fit `O(d)`, score `O(d h)` per row for a history of `h`; memory
/// `15.5 h` bytes per column of a series.
///
/// Source: Yeh et al., "Matrix Profile I", ICDM 2016; the left profile of Zhu et al., "Matrix Profile XI", ICDM 2018. Where
/// ours differs: distances are not z-normalised (that calls the noise of a flat stretch a shape), but plain or less the
/// windows' means; the history is bounded; the score is measured against earlier distances.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixProfile {
    /// Rows of a window, from 4 to 64.
    pub window: Count,
    /// Rows that windows are compared with, at most 16,384.
    pub history: Count,
    /// Whether windows are compared less their means: then only shapes count, not levels.
    pub shape_only: bool,
    /// Time after which the weight of an earlier distance has halved ("2d"), or a number of rows.
    pub half_life: Span,
    /// Deviations beyond which a distance is not taken into the usual ones in full.
    pub clip: Positive,
}

impl Default for MatrixProfile {
    fn default() -> Self {
        Self {
            window: Count::new(16),
            history: Count::new(2_048),
            shape_only: false,
            half_life: Span::days(2),
            clip: Positive::new(3.0),
        }
    }
}

impl Detector for MatrixProfile {
    const ABOUT: About = About {
        name: "matrix_profile",
        title: "Left matrix profile",
        kind: ModelKind::Series,
        summary: "How far the newest window of rows is from the most similar one before it, for what is usual.",
        blind_to: "What looks like anything within the history; slow changes.",
        cost: "Score O(d h) per row for a history of h rows; memory 15.5 h bytes per column of a series.",
        source: "Yeh et al., Matrix Profile I, 2016; the left profile with distances that are not z-normalised.",
        natural_threshold: None,
    };

    fn check(&self) -> Result<(), String> {
        let (window, history) = (self.window.get(), self.history.get());
        if !(4..=MOST_WINDOW).contains(&window) {
            return Err(format!("window: {window} is not between 4 and {MOST_WINDOW}"));
        }
        if !(2 * window..=MOST_HISTORY).contains(&history) {
            return Err(format!("history: {history} is not between two windows and {MOST_HISTORY}"));
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// What one column remembers.
pub(crate) struct Past {
    history: History,
    profile: LeftProfile,
    /// Distances so far.
    usual: Level,
    latest: f64,
}

impl Method for MatrixProfile {
    /// Weight of a distance among the usual ones.
    type Plan = f64;
    type Memory = Past;

    fn plan(&self, interval_ns: i64) -> f64 {
        weight_of(self.half_life.n_rows(interval_ns))
    }

    fn begin(&self, _: &f64, _: &Known) -> Past {
        let (window, history) = (self.window.get(), self.history.get());
        Past {
            history: History::with_sums(history + window),
            profile: LeftProfile::new(window, history),
            usual: Level::default(),
            latest: 0.0,
        }
    }

    fn step(&self, weight: &f64, _: &Known, past: &mut Past, at: &Moment, value: f64) -> Outlook {
        if at.is_missing {
            return Outlook::of_score(MOST_SCORE);
        }
        let is_new_scale = past.history.push(value as f32).is_some();
        let Some((plain, free)) = past.profile.push(&past.history, is_new_scale) else {
            return Outlook::of_score(0.0);
        };
        let distance = f64::from(if self.shape_only { free } else { plain });
        let is_warm = past.usual.n_seen() as usize >= self.window.get();
        let z = past.usual.deviation(distance, LEAST_SPREAD).z().clamp(0.0, MOST_SCORE);
        past.usual.learn(distance, *weight, self.clip.get(), LEAST_SPREAD);
        let score = if is_warm { (z - CARRIED * past.latest).max(0.0) } else { 0.0 };
        past.latest = z;
        Outlook::of_score(score)
    }

    fn heap_bytes(past: &Past) -> usize {
        past.history.memory_bytes() + past.profile.memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read, read_with};

    #[test]
    fn spikes_and_shifts_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(12.0), Shape::Drop(12.0), Shape::Shift(8.0)] {
            let got = read(&MatrixProfile::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    #[test]
    fn a_pattern_turned_round_is_a_shape_never_seen() {
        let detector = MatrixProfile { window: Count::new(48), ..MatrixProfile::default() };
        let strong = read_with(&detector, Shape::SeasonBroken, 12.0);
        assert!(strong.after_event(72) > largest_ordinary(&strong), "{}", strong.after_event(72));
    }

    #[test]
    fn levels_do_not_count_where_only_shapes_do() {
        let score = |shape_only: bool| {
            let detector = MatrixProfile { shape_only, ..MatrixProfile::default() };
            // Long after the step itself has left the window.
            let mut steps: Vec<f32> = (0..900).map(|row| (row % 7) as f32).collect();
            steps[600..].iter_mut().for_each(|value| *value += 40.0);
            let model = Detector::fit(&detector, RowsView::new(&steps, 1), &FitContext::default()).unwrap();
            let mut out = vec![0.0; steps.len()];
            model.score_once(RowsView::new(&steps, 1), &[], &mut out);
            out[600..620].iter().copied().fold(0.0, f64::max)
        };
        assert!(score(false) > score(true), "{} {}", score(false), score(true));
    }
}
