//! Remainder of a running decomposition.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, SectionReader,
    Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Baseline, Known, Method, Moment, Outlook, SeasonRule, Season, weight_of};

/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;
/// Visits of a place of the season before its own spread is believed as much as the spread of all.
const TRUST: f64 = 8.0;
/// Share of a deviation that the spread of a place takes in.
const SPREAD_GAIN: f64 = 0.05;
/// The mean absolute deviation of a normal distribution is this share of its standard deviation.
const MEAN_DEVIATION: f64 = 0.797_884_560_802_865_4;

/// Remainder of a running decomposition: rows far from trend plus season are anomalous.
///
/// Each column of a series is split as it goes on into a season (what is usual at this time of the day, the week, or
/// whatever repeats itself in the training rows), a trend (the level of the last day or so, without the season) and a
/// remainder. The score is the remainder in units of its usual size at this place of the season: busy hours may vary more
/// than quiet ones. Wild values move season and trend only up to `clip` deviations. The slower the trend, the longer a
/// lasting anomaly stays visible.
///
/// Score range: 0 upwards; 3 or 4 is much for bell-shaped noise. Input: rows of a series, in order, best with times. A
/// missing value counts as a very large one. Blind to: what comes slower than the trend follows; odd shapes made of values
/// that are ordinary for their time. Warm-up: `warm_up` rows, which are scored against the training rows; where the
/// training rows are of several series, each series learns its own season during its first pass. Cost: fit
/// `O(d n log n)`, score `O(d)` per row; memory at most 4.2 KB per column of a series.
///
/// Source: the model of Cleveland, Cleveland, McRae & Terpenning, "STL: A Seasonal-Trend Decomposition Procedure Based on
/// Loess", 1990, kept up to date row by row as in Mishra, Sriharsha & Zhong, "OnlineSTL", VLDB 2022 (there with kernels
/// over windows). Where ours differs: trend and season are exponentially weighted means of clipped deviations, so that
/// memory does not grow with the season; the spread depends on the season as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StlResidual {
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Time after which a row's weight in the trend has halved ("1d"), or a number of rows.
    pub trend: Span,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Deviations beyond which a value is not taken into trend, season and spread in full.
    pub clip: Positive,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for StlResidual {
    fn default() -> Self {
        Self {
            season: None,
            trend: Span::days(1),
            warm_up: Count::new(20),
            clip: Positive::new(3.0),
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for StlResidual {
    const ABOUT: About = About {
        name: "stl_residual",
        title: "STL residual",
        kind: ModelKind::Series,
        summary: "Splits each series into season, trend and remainder as it goes on; large remainders are anomalous.",
        blind_to: "Changes slower than the trend follows; odd shapes of values that are ordinary for their time.",
        cost: "Fit O(d n log n); score O(d) per row; memory at most 4.2 KB per column of a series.",
        source: "Cleveland et al., STL, 1990; row by row as in OnlineSTL (Mishra et al., VLDB 2022); robust means for kernels.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        series::fit(self, rows, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series::load::<Self>(section)
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decomposition {
    baseline: Baseline,
    /// Mean absolute remainder at each place of the season, less that of all.
    spread: Season,
}

impl Method for StlResidual {
    /// Weight of a row in the trend.
    type Plan = f64;
    type Memory = Decomposition;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn plan(&self, interval_ns: i64) -> f64 {
        weight_of(self.trend.n_rows(interval_ns))
    }

    fn begin(&self, _: &f64, known: &Known) -> Decomposition {
        let spread = Season::begin(known.cycle.as_ref(), &[], 0.0);
        Decomposition { baseline: Baseline::begin(known), spread }
    }

    fn step(&self, weight: &f64, known: &Known, parts: &mut Decomposition, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let cycle = known.cycle.as_ref();
        let clip = self.clip.get();
        let pattern = parts.baseline.pattern(known, at);
        let deviation = parts.baseline.deviation(known, at, value, floor);
        // The spread of this place is believed the more, the more often it has been seen.
        let visits = f64::from(parts.spread.n_visits(cycle, at.time_ns));
        let own = parts.spread.at(cycle, at.time_ns) * visits / (visits + TRUST);
        let sigma = (deviation.sigma + own).max(0.3 * deviation.sigma).max(floor);
        let is_warm = parts.baseline.level.n_seen() as usize >= self.warm_up.get();
        let outlook = if is_warm {
            Outlook::around(deviation.raw.abs() / sigma, parts.baseline.level.mean + pattern, BAND * sigma)
        } else {
            let score = ((value - known.scale.center) / known.scale.scale).abs();
            Outlook::around(score, known.scale.center, BAND * known.scale.scale)
        };
        if is_warm {
            let remainder = deviation.raw.abs().min(clip * sigma) / MEAN_DEVIATION;
            let error = remainder - deviation.sigma - parts.spread.at(cycle, at.time_ns);
            parts.spread.learn_with(cycle, at.time_ns, error, SPREAD_GAIN);
        }
        parts.baseline.learn(known, at, value, *weight, clip, floor);
        outlook
    }

    fn heap_bytes(parts: &Decomposition) -> usize {
        parts.baseline.heap_bytes() + parts.spread.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn spikes_drops_shifts_and_broken_seasons_rank_above_everything_ordinary() {
        let shapes =
            [Shape::Spike(9.0), Shape::Drop(9.0), Shape::Shift(7.0), Shape::SeasonBroken, Shape::Share(0.8)];
        for shape in shapes {
            let got = read(&StlResidual::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    #[test]
    fn the_expected_value_follows_the_season() {
        let got = read(&StlResidual::default(), Shape::Nothing);
        let amplitude = 8.0;
        for hour in 0..24usize {
            let idx = hour * 12;
            let usual = 100.0 + amplitude * (std::f64::consts::TAU * (100 + idx) as f64 / 288.0).sin();
            let reading = got.reading(idx);
            assert!((f64::from(reading.expected) - usual).abs() < 3.0, "{hour}: {reading:?} {usual}");
            assert!(reading.low < reading.expected && reading.expected < reading.high);
        }
    }
}
