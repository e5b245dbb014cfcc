//! Rolling z-score.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive,
    SectionReader, SectionWriter, SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    robust_scale::RobustScale,
};

/// Keeps quotients finite whatever the parameters.
const LEAST_SPREAD: f64 = 1e-90;

/// Rolling z-score: rows with a value far from what the same series did lately are anomalous.
///
/// Each series keeps an exponentially weighted mean and variance per column. A new row is scored by its largest
/// deviation from the mean in units of the deviation so far, and only then taken into both; wild values are taken in only
/// up to `clip` deviations, so that one spike does not hide the next. While a series is shorter than `warm_up`, its rows
/// are scored against the median and spread of the training rows instead.
///
/// Score range: 0 upwards; 3 or 4 is much for bell-shaped columns. Input: rows of a series at regular intervals, in
/// order. A missing value counts as a very large one. Blind to: slow drifts; odd combinations of ordinary values; levels
/// that were odd from the start. Cost: fit `O(d n)`, score `O(d)` per row; memory `16 d` bytes per series.
///
/// Source: exponentially weighted mean and variance as in Finch, "Incremental calculation of weighted mean and variance",
/// 2009, equations 124 and 143, with plain averages until the weights have caught up; the clipping is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RollingZ {
    /// Rows after which a row's weight in mean and variance has halved.
    pub half_life: Positive,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Deviations beyond which a value is not taken into mean and variance in full.
    pub clip: Positive,
    /// Least spread of a series, as a share of the training rows' spread: keeps a series that has been constant from
    /// calling the smallest change an anomaly.
    pub min_spread: Fraction,
}

impl Default for RollingZ {
    fn default() -> Self {
        Self {
            half_life: Positive::new(60.0),
            warm_up: Count::new(20),
            clip: Positive::new(4.0),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for RollingZ {
    const ABOUT: About = About {
        name: "rolling_z",
        title: "Rolling z-score",
        kind: ModelKind::Series,
        summary: "How many deviations a row lies from the exponentially weighted mean of its own series.",
        blind_to: "Slow drifts; odd combinations of ordinary values; levels that were odd from the start.",
        cost: "Fit O(d n); score O(d) per row; memory 16 d bytes per series.",
        source: "Finch, Incremental calculation of weighted mean and variance, 2009; wild values are clipped.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let columns = (0..rows.n_cols()).into_par_iter();
        let training =
            columns.map(|col_idx| RobustScale::of(&column(rows, col_idx))).collect();
        Ok(Model::Series(Arc::new(RollingZModel { training, params: self.clone() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let training = RobustScale::load_all(section, n_features)?;
        Ok(Model::Series(Arc::new(RollingZModel { training, params: section.value("params")? })))
    }
}

/// A fitted [`RollingZ`].
#[derive(Debug)]
struct RollingZModel {
    training: Vec<RobustScale>,
    params: RollingZ,
}

impl SeriesModel for RollingZModel {
    fn n_features(&self) -> usize {
        self.training.len()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let past = vec![Past { mean: 0.0, variance: 0.0 }; self.training.len()];
        Box::new(RollingZScorer { model: self, past, n_seen: 0 })
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.training.len());
        section.value("params", &self.params);
        RobustScale::save_all(&self.training, section);
    }
}

/// What one column of one series did so far.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Past {
    mean: f64,
    variance: f64,
}

impl Past {
    /// Takes a deviation from the mean into mean and variance, with a weight between 0 and 1.
    fn update(&mut self, deviation: f64, weight: f64) {
        self.mean += weight * deviation;
        self.variance = (1.0 - weight) * (self.variance + weight * deviation * deviation);
    }
}

struct RollingZScorer {
    model: Arc<RollingZModel>,
    past: Vec<Past>,
    n_seen: u64,
}

impl RollingZScorer {
    fn score_row(&mut self, row: &[f32]) -> f64 {
        let params = &self.model.params;
        let is_warm = self.n_seen >= params.warm_up.get() as u64;
        // Plain averages until the weight of one row among all would be less than the steady weight.
        let weight = (1.0 - (-1.0 / params.half_life.get()).exp2()).max(1.0 / (self.n_seen + 1) as f64);
        let mut largest = 0.0f64;
        for ((past, training), &value) in self.past.iter_mut().zip(&self.model.training).zip(row) {
            let value = finite(value);
            let mut deviation = f64::from(value) - past.mean;
            if is_warm {
                let spread = past.variance.sqrt().max(params.min_spread.get() * training.scale).max(LEAST_SPREAD);
                largest = largest.max(deviation.abs() / spread);
                let most = params.clip.get() * spread;
                deviation = deviation.clamp(-most, most);
            } else {
                largest = largest.max(training.z(value).abs());
            }
            past.update(deviation, weight);
        }
        self.n_seen += 1;
        largest
    }
}

impl SeriesScorer for RollingZScorer {
    fn score(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [f64]) {
        for (row, score) in rows.iter().zip(out) {
            *score = self.score_row(row);
        }
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.past.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_variance_are_plain_at_first() {
        let mut past = Past { mean: 0.0, variance: 0.0 };
        for (n_seen, value) in [2.0, 4.0, 9.0].into_iter().enumerate() {
            past.update(value - past.mean, 1.0 / (n_seen + 1) as f64);
        }
        assert!((past.mean - 5.0).abs() < 1e-12);
        assert!((past.variance - 26.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn a_level_that_is_ordinary_elsewhere_is_odd_for_this_series() {
        let training: Vec<f32> = (0..200).map(|idx| (idx % 2 * 100 + idx % 7) as f32).collect();
        let model =
            Detector::fit(&RollingZ::default(), RowsView::new(&training, 1), &FitContext::default()).unwrap();
        let mut series: Vec<f32> = (0..60).map(|idx| (idx % 7) as f32).collect();
        series[50] = 100.0;
        let mut out = vec![0.0; 60];
        model.score_once(RowsView::new(&series, 1), &[], &mut out);
        assert!(out[50] > 10.0 && out[51..].iter().all(|&score| score < 4.0), "{out:?}");
    }
}
