//! Quantiles per time of the day or the week.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, SectionReader, Span,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::series::{self, Cycle, Known, Level, MOST_SLOTS, Method, Moment, Outlook, SeasonRule, Past, weight_of};

/// The shares whose quantiles are kept.
const SHARES: [f64; 3] = [0.1, 0.5, 0.9];
/// How many standard deviations of a normal distribution lie between its median and its upper tenth.
const REACH: f64 = 1.281_551_565_544_6;
/// Deviations that the band of ordinary values reaches to both sides.
const BAND: f64 = 3.0;
/// Share of the spread that a quantile moves at most at a row, once it has seen many.
const STEP: f64 = 0.08;
/// Rows in a slot after which it is believed.
const ENOUGH: u16 = 8;

/// Seasonal quantiles: rows outside of what is usual at their time of the day or week are anomalous.
///
/// Each column of a series keeps the lower tenth, the median and the upper tenth of its values for each part of the season:
/// a day, a week, or whatever repeats itself in the training rows. A new row is scored by its distance from the median of
/// its time, in units of the distance to the tenth on its own side: what is skewed upward may go further up than down. The
/// quantiles follow the series, a little at each visit, so that old days fade, and a level beside them takes in what
/// all times share. Parts that have been seen too rarely are
/// scored by the quantiles of the whole series.
///
/// Score range: 0 upwards, in standard deviations for bell-shaped columns. Input: rows of a series, in order, best with
/// times; without times a season is a number of rows. A missing value counts as a very large one. Blind to: odd orders of
/// ordinary values; changes that stay within the quantiles. Warm-up: `warm_up` rows, which are scored against the training
/// rows, and where those are of several series the first eight rows in each part of the season. Cost: fit
/// `O(d n log n)`, score `O(d)` per row; memory `16` bytes per part and column of a series, at most 5.5 KB, 0.9 KB for days
/// at the defaults.
///
/// Source: quantiles by stochastic approximation, Tierney, "A Space-Efficient Recursive Procedure for Estimating a
/// Quantile of an Unknown Distribution", 1983, with steps that do not vanish; seasonal bands by time of week are folklore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeasonalQuantiles {
    /// Length of the season ("1d", "7d", or a number of rows; 1 for none). Looked for in the training rows unless set.
    pub season: Option<Span>,
    /// Parts of a day that are told apart; a week has as many for each of its days as fit into 336, and any other season
    /// as many as it has rows, up to this.
    pub parts: Count,
    /// Time after which half of a change of the level, which all times of the season share, is taken in ("2d"), or a number
    /// of rows.
    pub half_life: Span,
    /// Rows at the start of a series that are scored against the training rows.
    pub warm_up: Count,
    /// Least spread of a series, as a share of the training rows' spread.
    pub min_spread: Fraction,
}

impl Default for SeasonalQuantiles {
    fn default() -> Self {
        Self { season: None, parts: Count::new(48), half_life: Span::days(2), warm_up: Count::new(20), min_spread: Fraction::new(0.05) }
    }
}

impl Detector for SeasonalQuantiles {
    const ABOUT: About = About {
        name: "seasonal_quantiles",
        title: "Seasonal quantiles",
        kind: ModelKind::Series,
        summary: "Keeps the tenths and the median for each time of the day or week; rows far outside of them are anomalous.",
        blind_to: "Odd orders of ordinary values; changes that stay within the quantiles of their time.",
        cost: "Fit O(d n log n); score O(d) per row; memory 0.9 KB per column of a series for days, at most 5.5 KB.",
        source: "Tierney, recursive quantile estimation, 1983, with steps that do not vanish; bands by time of week.",
        natural_threshold: None,
    };

    fn check(&self) -> Result<(), String> {
        if !(2..=MOST_SLOTS).contains(&self.parts.get()) {
            return Err(format!("parts: {} is not between 2 and {MOST_SLOTS}", self.parts.get()));
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

/// A number in the range of 32-bit floats.
fn bounded(value: f64) -> f32 {
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// Three quantiles and how many rows they have seen.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tenths {
    values: [f32; 3],
    n_seen: u16,
}

impl Tenths {
    /// From all values of a part, in any order, at least one.
    fn of(values: &mut [f32]) -> Self {
        values.sort_unstable_by(f32::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        Self { values: SHARES.map(at), n_seen: values.len().min(usize::from(u16::MAX)) as u16 }
    }

    /// How far the value lies from the median, in standard deviations of a normal distribution with these tenths.
    fn z(&self, value: f64, floor: f64) -> f64 {
        let [low, middle, high] = self.values.map(f64::from);
        let reach = if value >= middle { high - middle } else { middle - low };
        (value - middle).abs() / (reach / REACH).max(floor)
    }

    /// The band of ordinary values.
    fn outlook(&self, score: f64, floor: f64) -> Outlook {
        let [low, middle, high] = self.values.map(f64::from);
        let reach = |tenth: f64| BAND * (tenth / REACH).max(floor);
        let (low, high) = (middle - reach(middle - low), middle + reach(high - middle));
        Outlook { expected: middle, low, high, ..Outlook::of_score(score) }
    }

    /// Moves each quantile towards the value, up or down as its share wants.
    fn learn(&mut self, value: f64, spread: f64) {
        if self.n_seen == 0 {
            let around = |share: f64| bounded(value + spread * REACH * 2.5 * (share - 0.5));
            self.values = SHARES.map(around);
        }
        self.n_seen = self.n_seen.saturating_add(1);
        let own = f64::from(self.values[2] - self.values[0]) / (2.0 * REACH);
        let step = 2.0 * own.max(0.2 * spread) * (2.0 / f64::from(self.n_seen)).max(STEP);
        for (quantile, share) in self.values.iter_mut().zip(SHARES) {
            let wanted = if value > f64::from(*quantile) { share } else { share - 1.0 };
            *quantile = bounded(f64::from(*quantile) + step * wanted);
        }
        self.values.sort_unstable_by(f32::total_cmp);
    }
}

/// What one column remembers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bands {
    /// Of the whole series.
    whole: Tenths,
    parts: Vec<Tenths>,
    /// How far values lie from the medians of their parts lately.
    drift: Level,
}

impl Method for SeasonalQuantiles {
    /// Weight of a row in the level.
    type Plan = f64;
    type Memory = Bands;
    const WIDTH: usize = 3;

    fn season(&self) -> SeasonRule {
        SeasonRule::of(self.season)
    }

    fn most_slots(&self, length_ns: i64) -> usize {
        if length_ns == Span::days(7).ns(1) { MOST_SLOTS.min(7 * self.parts.get()) } else { self.parts.get() }
    }

    fn learn_profile(&self, past: &Past<'_>, cycle: &Cycle) -> Option<(Vec<f32>, f64)> {
        let mut by_part: Vec<Vec<f32>> = vec![Vec::new(); cycle.n_slots];
        for (&time, &value) in past.times.iter().zip(past.values) {
            by_part[cycle.nearest(time)].push(value);
        }
        let least = by_part.iter().map(Vec::len).min().filter(|&least| least > 0)?;
        // Neighbours lend their values, so that a few days are enough for a tenth.
        let n = cycle.n_slots;
        let around = |part: usize| {
            let mut values: Vec<f32> =
                [part + n - 1, part, part + 1].iter().flat_map(|&part| by_part[part % n].iter().copied()).collect();
            Tenths::of(&mut values).values
        };
        Some(((0..n).flat_map(around).collect(), 3.0 * least as f64))
    }

    fn plan(&self, interval_ns: i64) -> f64 {
        weight_of(self.half_life.n_rows(interval_ns))
    }

    fn begin(&self, _: &f64, known: &Known) -> Bands {
        let n_slots = known.cycle.map_or(0, |cycle| cycle.n_slots);
        let learned = |part: &[f32]| Tenths { values: [part[0], part[1], part[2]], n_seen: known.n_visits as u16 };
        let parts = if known.profile.is_empty() {
            vec![Tenths::default(); n_slots]
        } else {
            known.profile.chunks_exact(3).map(learned).collect()
        };
        Bands { whole: Tenths::default(), parts, drift: Level::default() }
    }

    fn step(&self, weight: &f64, known: &Known, bands: &mut Bands, at: &Moment, value: f64) -> Outlook {
        let floor = self.min_spread.get() * known.scale.scale;
        // A wild value moves a quantile no further than any other value beyond it.
        let spread = known.scale.scale;
        let part = known.cycle.map(|cycle| cycle.nearest(at.time_ns));
        let known_part = part.map(|part| bands.parts[part]).filter(|tenths| tenths.n_seen >= ENOUGH);
        let is_warm = at.idx >= self.warm_up.get() as u64;
        // A few rows say nothing about the level yet.
        let drift = if is_warm { bands.drift.mean } else { 0.0 };
        let outlook = match known_part {
            Some(tenths) => {
                let outlook = tenths.outlook(tenths.z(value - drift, floor), floor);
                let moved = |bound: f64| bound + drift;
                Outlook {
                    expected: moved(outlook.expected),
                    low: moved(outlook.low),
                    high: moved(outlook.high),
                    ..outlook
                }
            }
            None if is_warm => bands.whole.outlook(bands.whole.z(value, floor), floor),
            None => {
                let score = ((value - known.scale.center) / known.scale.scale).abs();
                Outlook::around(score, known.scale.center, BAND * known.scale.scale)
            }
        };
        if at.is_missing {
            return outlook;
        }
        bands.whole.learn(value, spread);
        if let Some(part) = part {
            if let Some(tenths) = known_part {
                bands.drift.learn(value - f64::from(tenths.values[1]), *weight, BAND, floor);
            }
            bands.parts[part].learn(value - bands.drift.mean, spread);
        }
        outlook
    }

    fn heap_bytes(bands: &Bands) -> usize {
        size_of_val(bands.parts.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read};
    use crate::stream::{normal, stream};

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut rng = stream(eddy_detect::Seed::new(1), 0);
        let mut tenths = Tenths::default();
        let (mut sums, n) = ([0.0; 3], 20_000);
        for idx in 0..2 * n {
            tenths.learn(10.0 + 2.0 * normal(&mut rng), 2.0);
            if idx >= n {
                sums.iter_mut().zip(tenths.values).for_each(|(sum, value)| *sum += f64::from(value) / f64::from(n));
            }
        }
        for (mean, expect) in sums.into_iter().zip([10.0 - 2.0 * REACH, 10.0, 10.0 + 2.0 * REACH]) {
            assert!((mean - expect).abs() < 0.35, "{mean} {expect}");
        }
    }

    #[test]
    fn what_is_usual_at_another_time_is_odd_now() {
        for shape in [Shape::Spike(10.0), Shape::Drop(10.0), Shape::SeasonBroken, Shape::Shift(8.0), Shape::Share(0.8)] {
            let got = read(&SeasonalQuantiles::default(), shape);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }
}
