//! Isolation forest over what a series did lately.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, RowModel, SectionReader,
    Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    IsolationForest,
    series::{self, Baseline, Complex, Known, Method, Moment, Outlook, SeasonRule, Past, fourier, roots, weight_of},
};

/// Rows that are remembered, and rows of the short window.
const LONG: usize = 32;
const SHORT: usize = 8;
/// Rows that the spectrum is taken of.
const SPECTRUM: usize = 16;
/// What is seen of each row.
const N_FEATURES: usize = 17;
/// Deviations beyond which a value is not taken into level and spread in full.
const CLIP: f64 = 4.0;
/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;
/// Features are bounded, so that they stay finite in 32 bits.
const MOST: f64 = 1e6;
/// Energies are not below this, in squared deviations.
const LEAST_ENERGY: f64 = 1e-4;
/// The most training rows that features are kept of.
const MOST_TRAINING: usize = 1 << 16;

const DAY: i64 = 86_400_000_000_000;

/// Series forest: rows that an isolation forest sets apart by what the series did just before are anomalous.
///
/// Each row of a column is described by its distance from the running level, its rate and acceleration, earlier values, the
/// mean and spread of the last 8 and 32 rows, the energy of slow, middle and quick swings in the last 16, the remainder
/// beside the season (if the training rows repeat themselves) and, where there are times, the time of day and the weekday;
/// all in units of the running spread. An isolation forest over these says how few cuts set the row apart from those of the
/// training rows.
///
/// Score range: 0 to 1; ordinary rows below 0.5. Input: rows of a series at regular intervals, in order. A missing value
/// counts as a very large one. Blind to: how far out a row lies beyond all training rows; shapes that last longer than 32
/// rows. Warm-up: 32 rows, which are scored against the training rows. Cost: fit `O(d (n + trees * psi * log psi))`, score
/// `O(d trees log psi)` per row; memory at most 2.6 KB per column of a series.
///
/// Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008, on features of time series as in common practice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesForest {
    /// Number of trees for each column.
    pub n_estimators: Count,
    /// Training rows that each tree sees, drawn without replacement.
    pub max_samples: Count,
    /// Time after which a row's weight in level and spread has halved ("1d"), or a number of rows.
    pub half_life: Span,
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for SeriesForest {
    fn default() -> Self {
        Self {
            n_estimators: Count::new(60),
            max_samples: Count::new(256),
            half_life: Span::days(1),
            season: None,
            min_spread: Fraction::new(0.05),
        }
    }
}

impl Detector for SeriesForest {
    const ABOUT: About = About {
        name: "series_forest",
        title: "Series forest",
        kind: ModelKind::Series,
        summary: "An isolation forest over lags, rates, rolling means and spreads, spectrum, season and calendar of each row.",
        blind_to: "How far out a row lies beyond all training rows; shapes that last longer than 32 rows.",
        cost: "Fit O(d (n + trees * samples)); score O(d trees log samples) per row; memory at most 2.6 KB per column of a series.",
        source: "Liu, Ting & Zhou, Isolation Forest, ICDM 2008, on features of time series.",
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
#[derive(Debug, Clone)]
pub(crate) struct Lately {
    baseline: Baseline,
    /// The last rows, round and round.
    rows: [f32; LONG],
    n_seen: u64,
}

impl Lately {
    /// The row so many rows back.
    fn back(&self, n_back: usize) -> f64 {
        f64::from(self.rows[((self.n_seen as usize).wrapping_sub(1 + n_back)) % LONG])
    }

    fn push(&mut self, value: f64) {
        let value = value as f32;
        if self.n_seen == 0 {
            self.rows.fill(value);
        }
        self.rows[self.n_seen as usize % LONG] = value;
        self.n_seen += 1;
    }

    /// Mean and spread of the last rows.
    fn window(&self, n_rows: usize) -> (f64, f64) {
        let mean = (0..n_rows).map(|back| self.back(back)).sum::<f64>() / n_rows as f64;
        let square = (0..n_rows).map(|back| (self.back(back) - mean).powi(2)).sum::<f64>() / n_rows as f64;
        (mean, square.sqrt())
    }

    /// Energies of the slow, the middle and the quick swings of the last rows.
    fn swings(&self, roots: &[Complex], level: f64, sigma: f64) -> [f64; 3] {
        let mut work = [Complex::default(); SPECTRUM];
        for (back, value) in work.iter_mut().enumerate() {
            value.re = ((self.back(back) - level) / sigma).clamp(-MOST, MOST);
        }
        fourier(&mut work, roots);
        let energy = |from: usize, to: usize| {
            let sum: f64 = work[from..to].iter().map(|value| value.re * value.re + value.im * value.im).sum();
            (sum / (SPECTRUM * (to - from)) as f64 + LEAST_ENERGY).ln()
        };
        [energy(1, 2), energy(2, 4), energy(4, SPECTRUM / 2 + 1)]
    }

    /// What is seen of the newest row, and the level that is expected.
    fn features(&self, plan: &Plan, known: &Known, at: &Moment, floor: f64) -> [f32; N_FEATURES] {
        let level = self.baseline.level.mean;
        let value = self.back(0);
        let pattern = self.baseline.pattern(known, at);
        let rest = self.baseline.level.deviation(value - pattern, floor);
        let sigma = rest.sigma;
        let (short, short_spread) = self.window(SHORT);
        let (long, long_spread) = self.window(LONG);
        let rate = value - self.back(1);
        let [slow, middle, quick] = self.swings(&plan.roots, level, sigma);
        let spread = |spread: f64| (spread / sigma + LEAST_ENERGY).ln();
        let z = |difference: f64| difference / sigma;
        let (day, weekday) = if known.tuned[0] > 0.0 {
            (at.time_ns.rem_euclid(DAY) as f64 / DAY as f64, at.time_ns.div_euclid(DAY).rem_euclid(7) as f64)
        } else {
            (0.0, 0.0)
        };
        let angle = std::f64::consts::TAU * day;
        let features = [
            z(value - level),
            z(rate),
            z(rate - (self.back(1) - self.back(2))),
            z(self.back(1) - level),
            z(value - self.back(4)),
            z(short - level),
            spread(short_spread),
            z(long - level),
            spread(long_spread),
            (value - short) / short_spread.max(floor),
            slow,
            middle,
            quick,
            z(rest.raw),
            angle.sin(),
            angle.cos(),
            weekday,
        ];
        features.map(|feature| feature.clamp(-MOST, MOST) as f32)
    }
}

/// What follows from the parameters.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    weight: f64,
    roots: Vec<Complex>,
}

impl SeriesForest {
    /// Takes in a row: its features.
    fn advance(&self, plan: &Plan, known: &Known, lately: &mut Lately, at: &Moment, value: f64) -> [f32; N_FEATURES] {
        let floor = self.min_spread.get() * known.scale.scale;
        lately.push(value);
        let features = lately.features(plan, known, at, floor);
        lately.baseline.learn(known, at, value, plan.weight, CLIP, floor);
        features
    }

    /// Features of the training rows, evenly thinned out if there are very many; the beginnings of series left out.
    fn training(&self, past: &Past<'_>, known: &Known) -> Vec<f32> {
        let plan = self.plan(past.interval_ns);
        let every = past.values.len().div_ceil(MOST_TRAINING).max(1);
        let mut features = Vec::new();
        for range in past.series {
            let mut lately = self.begin(&plan, known);
            let skipped = if range.len() > 2 * LONG { LONG } else { 0 };
            for (nth, idx) in range.clone().enumerate() {
                let at = Moment { idx: nth as u64, time_ns: past.times[idx], since_ns: 0, is_missing: false };
                let row = self.advance(&plan, known, &mut lately, &at, f64::from(past.values[idx]));
                if nth >= skipped && nth % every == 0 {
                    features.extend(row);
                }
            }
        }
        features
    }
}

impl Method for SeriesForest {
    type Plan = Plan;
    type Memory = Lately;
    /// Whether the times are real: 1 or 0.
    const N_TUNED: usize = 1;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn learn(&self, past: &Past<'_>, known: &mut Known) -> Result<(), FitError> {
        known.tuned = vec![f64::from(u8::from(past.has_clock))];
        let features = self.training(past, known);
        let forest = IsolationForest {
            n_estimators: self.n_estimators,
            max_samples: Some(self.max_samples),
            ..IsolationForest::default()
        };
        let context = FitContext { seed: past.seed, ..FitContext::default() };
        if let Model::Row(forest) = Detector::fit(&forest, RowsView::new(&features, N_FEATURES), &context)? {
            known.inner = Some(forest);
        }
        Ok(())
    }

    fn load_inner(section: &SectionReader<'_>) -> Result<Option<Arc<dyn RowModel>>, LoadError> {
        match IsolationForest::load(section)? {
            Model::Row(forest) if forest.n_features() == N_FEATURES => Ok(Some(forest)),
            _ => Err(LoadError::content("n_features", format!("is not {N_FEATURES}"))),
        }
    }

    fn plan(&self, interval_ns: i64) -> Plan {
        Plan { weight: weight_of(self.half_life.n_rows(interval_ns)), roots: roots(SPECTRUM) }
    }

    fn begin(&self, _: &Plan, known: &Known) -> Lately {
        Lately { baseline: Baseline::begin(known), rows: [0.0; LONG], n_seen: 0 }
    }

    fn step(&self, plan: &Plan, known: &Known, lately: &mut Lately, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        let expected = lately.baseline.level.mean + lately.baseline.pattern(known, at);
        let sigma = lately.baseline.deviation(known, at, value, floor).sigma;
        let is_warm = lately.n_seen >= LONG as u64;
        let features = self.advance(plan, known, lately, at, value);
        let mut score = [0.0];
        match &known.inner {
            Some(forest) if is_warm => forest.score(RowsView::new(&features, N_FEATURES), &mut score),
            _ => {
                // From 0 to 1 as the scores of the forest are: 0.5 at three deviations.
                let far = ((value - known.scale.center) / known.scale.scale).abs();
                score = [1.0 - (-far / 3.0).exp2()];
            }
        }
        if is_warm {
            Outlook::around(score[0], expected, BAND * sigma)
        } else {
            Outlook::around(score[0], known.scale.center, BAND * known.scale.scale)
        }
    }

    fn heap_bytes(lately: &Lately) -> usize {
        lately.baseline.heap_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};

    #[test]
    fn spikes_and_broken_shapes_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(12.0), Shape::Drop(12.0), Shape::Share(0.7), Shape::Noisy(6.0), Shape::SeasonBroken] {
            let got = read(&SeriesForest::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    #[test]
    fn quick_and_slow_swings_are_told_apart() {
        let roots = roots(SPECTRUM);
        let wave = |period: usize| {
            let known_rows = |idx: usize| (std::f64::consts::TAU * idx as f64 / period as f64).sin();
            let mut lately = Lately { baseline: Baseline::default(), rows: [0.0; LONG], n_seen: 0 };
            (0..LONG).for_each(|idx| lately.push(known_rows(idx)));
            lately.swings(&roots, 0.0, 1.0)
        };
        let [slow, middle, quick] = wave(SPECTRUM);
        assert!(slow > middle + 2.0 && slow > quick + 2.0);
        let [slow, _, quick] = wave(3);
        assert!(quick > slow + 2.0);
    }
}
