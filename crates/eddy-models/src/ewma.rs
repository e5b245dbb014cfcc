//! Control chart of exponentially weighted means.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, SectionReader,
    Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Known, Level, Method, Moment, Outlook, weight_of};

/// Deviations beyond which a value counts no further in the quick mean, so that one wild value is soon forgotten.
const FARTHEST: f64 = 100.0;
/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;

/// EWMA control chart: series whose recent mean lies far from their level are anomalous.
///
/// Each column of a series keeps its level and spread over the last hours, and a second, quick mean of the last few rows.
/// The score is how far the quick mean lies from the level, in units of the deviation that such a mean has by chance:
/// small lasting shifts add up, where a chart of single values would not see them. Wild values move level and spread only
/// up to `clip` deviations. Rows that follow each other alike make the quick mean wander; that is measured and allowed
/// for.
///
/// Score range: 0 upwards; 3 is the classic control limit. Input: rows of a series at regular intervals, in order. A
/// missing value counts as a very large one. Blind to: what comes slower than `half_life`; seasons (they count as
/// deviations); odd combinations of ordinary values. Warm-up: `warm_up` rows, which are scored against the training rows.
/// Cost: fit `O(d n)`, score `O(d)` per row; memory 56 bytes per column of a series.
///
/// Source: Roberts, "Control Chart Tests Based on Geometric Moving Averages", Technometrics 1959; Lucas & Saccucci,
/// "Exponentially Weighted Moving Average Control Schemes", Technometrics 1990. Where ours differs: level and spread are
/// estimated as the series goes on, with clipped deviations (as in Gelper, Fried & Croux 2010); the limit is widened for
/// autocorrelation of first order, as in Schmid, "On EWMA charts for time series", 1997.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ewma {
    /// Weight of the newest row in the quick mean: 1 looks at single rows, 0.05 sees the smallest shifts.
    pub smoothing: Fraction,
    /// Time after which a row's weight in level and spread has halved ("2h"), or a number of rows.
    pub half_life: Span,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Deviations beyond which a value is not taken into level and spread in full.
    pub clip: Positive,
    /// Least spread of a series, as a share of the training rows' spread: keeps a series that has been constant from
    /// calling the smallest change an anomaly.
    pub min_spread: Fraction,
}

impl Default for Ewma {
    fn default() -> Self {
        Self {
            smoothing: Fraction::new(0.4),
            half_life: Span::hours(2),
            warm_up: Count::new(20),
            clip: Positive::new(3.0),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for Ewma {
    const ABOUT: About = About {
        name: "ewma",
        title: "EWMA control chart",
        kind: ModelKind::Series,
        summary: "How far the mean of the last few rows lies from the level of the last hours, for what chance allows.",
        blind_to: "Drifts slower than the half-life; seasons, which count as deviations; odd combinations of values.",
        cost: "Fit O(d n); score O(d) per row; memory 56 bytes per column of a series.",
        source: "Roberts 1959; Lucas & Saccucci 1990; robust, and widened for autocorrelation (Schmid 1997).",
        natural_threshold: Some(3.0),
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chart {
    level: Level,
    /// The quick mean.
    quick: f64,
}

impl Method for Ewma {
    /// Weight of a row in level and spread.
    type Plan = f64;
    type Memory = Chart;

    fn plan(&self, interval_ns: i64) -> f64 {
        weight_of(self.half_life.n_rows(interval_ns))
    }

    fn begin(&self, _: &f64, _: &Known) -> Chart {
        Chart::default()
    }

    fn step(&self, weight: &f64, known: &Known, chart: &mut Chart, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let n_seen = chart.level.n_seen();
        let lambda = self.smoothing.get();
        let is_warm = n_seen as usize >= self.warm_up.get();
        let deviation = chart.level.deviation(value, floor);
        let most = if is_warm { FARTHEST * deviation.sigma } else { f64::MAX };
        let value = chart.level.mean + deviation.raw.clamp(-most, most);
        let before = *chart;
        chart.quick = if n_seen == 0 { value } else { chart.quick + lambda * (value - chart.quick) };
        let outlook = if is_warm {
            // The variance of such a mean, for independent rows and then for rows that carry over.
            let carry = chart.level.carry() * (1.0 - lambda);
            let chance = (lambda / (2.0 - lambda) * (1.0 + carry) / (1.0 - carry)).min(1.0).sqrt();
            let z = (chart.quick - chart.level.mean).abs() / (deviation.sigma * chance);
            Outlook::around(z, chart.level.mean, BAND * deviation.sigma)
        } else {
            let score = ((value - known.scale.center) / known.scale.scale).abs();
            Outlook::around(score, known.scale.center, BAND * known.scale.scale)
        };
        if at.is_missing {
            *chart = before;
        } else {
            chart.level.learn(value, *weight, self.clip.get(), floor);
        }
        outlook
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read_with};

    #[test]
    fn spikes_and_level_shifts_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(12.0), Shape::Drop(12.0), Shape::Shift(6.0)] {
            let got = read_with(&Ewma::default(), shape, 0.0);
            assert!(got.at_event() > largest_ordinary(&got), "{shape:?}: {} {}", got.at_event(), largest_ordinary(&got));
        }
    }

    #[test]
    fn a_small_shift_adds_up() {
        let slow = Ewma { smoothing: Fraction::new(0.1), half_life: Span::days(3), ..Ewma::default() };
        let quick = Ewma { smoothing: Fraction::new(1.0), ..slow.clone() };
        let ratio = |detector: &Ewma| {
            let got = read_with(detector, Shape::Shift(2.0), 0.0);
            got.after_event(40) / largest_ordinary(&got)
        };
        assert!(ratio(&slow) > 1.3 * ratio(&quick), "{} {}", ratio(&slow), ratio(&quick));
    }
}
