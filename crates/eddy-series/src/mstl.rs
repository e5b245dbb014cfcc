//! Several seasons at once.

use serde::Serialize;

use crate::{Components, Stl, median};

/// A series as the sum of a trend, seasons and the rest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decomposition {
    /// The periods, rising.
    pub periods: Vec<usize>,
    /// The season of each period.
    pub seasonal: Vec<Vec<f64>>,
    /// The trend.
    pub trend: Vec<f64>,
    /// What is left; missing where the value is.
    pub remainder: Vec<f64>,
}

impl Decomposition {
    /// How strong a season is, 0 (none) to 1 (nothing else): `1 - var(remainder) / var(season + remainder)`, at least 0.
    ///
    /// Source: X. Wang, K. Smith, R. Hyndman, "Characteristic-based clustering for time series data", 2006.
    pub fn season_strength(&self, idx: usize) -> f64 {
        self.seasonal.get(idx).map_or(0.0, |season| strength(season, &self.remainder))
    }

    /// What the parts leave of values.
    fn rest_of(&self, values: &[f64]) -> Vec<f64> {
        let season = |at: usize| self.seasonal.iter().map(|season| season[at]).sum::<f64>();
        values.iter().enumerate().map(|(at, value)| value - season(at) - self.trend[at]).collect()
    }

    /// How strong the trend is, measured as [`Self::season_strength`] measures a season.
    pub fn trend_strength(&self) -> f64 {
        strength(&self.trend, &self.remainder)
    }
}

fn strength(part: &[f64], remainder: &[f64]) -> f64 {
    let rest: Vec<f64> = remainder.iter().copied().filter(|value| value.is_finite()).collect();
    let both: Vec<f64> = part
        .iter()
        .zip(remainder)
        .filter(|(_, rest)| rest.is_finite())
        .map(|(part, rest)| part + rest)
        .collect();
    let whole = variance(&both);
    if whole > 0.0 && whole.is_finite() { (1.0 - variance(&rest) / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn variance(values: &[f64]) -> f64 {
    let (values, scale) = crate::scaled(values);
    let mean = crate::mean(&values);
    let var =
        values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len().max(1) as f64;
    // What is left of a constant after subtraction is rounding.
    let noise = values.iter().fold(0.0f64, |most, value| most.max(value.abs())) * 1e-13;
    if var <= noise * noise { 0.0 } else { var * scale * scale }
}

/// MSTL: STL for one season after the other, each on what the others leave, twice over.
///
/// `base` gives the passes, the jump and the trend; its `period` and `seasonal` are replaced: season number i of the
/// rising periods has a span of `7 + 4 * i` cycles, counted from 1. Periods of which there are not two cycles are left
/// out; without any period the trend alone is smoothed (over a tenth of the series) .
///
/// Source: K. Bandara, R. J. Hyndman, C. Bergmeir, "MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with
/// Multiple Seasonal Patterns", 2021; as statsmodels' `MSTL` to about 1e-8.
pub fn mstl(values: &[f64], periods: &[usize], base: &Stl) -> Decomposition {
    let n = values.len();
    let mut periods: Vec<usize> =
        periods.iter().copied().filter(|&period| period >= 2 && period <= n / 2).collect();
    periods.sort_unstable();
    periods.dedup();
    let mut rest: Vec<f64> = values.iter().map(|&value| crate::finite(value)).collect();
    let mut seasonal = vec![vec![0.0; n]; periods.len()];
    let mut last: Option<Components> = None;
    let rounds = if periods.len() > 1 { 2 } else { 1 };
    for _ in 0..rounds {
        for (at, &period) in periods.iter().enumerate() {
            rest.iter_mut().zip(&seasonal[at]).for_each(|(rest, season)| *rest += season);
            let stl = Stl { period, seasonal: 7 + 4 * (at + 1), ..base.clone() };
            let Some(parts) = stl.decompose(&rest) else { continue };
            rest.iter_mut().zip(&parts.seasonal).for_each(|(rest, season)| *rest -= season);
            seasonal[at].clone_from(&parts.seasonal);
            last = Some(parts);
        }
    }
    let trend = last.map_or_else(|| trend_alone(&rest), |parts| parts.trend);
    let remainder = rest.iter().zip(&trend).map(|(rest, trend)| rest - trend).collect();
    Decomposition { periods, seasonal, trend, remainder }
}

/// MSTL without what is far off: the quick way to parts that outliers do not bend, for looking at a series.
///
/// First all goes in but values ten robust deviations off the median of all; then once more without those six robust
/// deviations off the first parts. What was left out weighs nothing and stands in the remainder. Fits are made at every
/// tenth of a span.
pub fn robust_mstl(values: &[f64], periods: &[usize]) -> Decomposition {
    let base = Stl { jump: 0.1, ..Stl::new(2) };
    let (values, scale) = crate::scaled(values);
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let middle = median(&mut known).unwrap_or(0.0);
    let off: Vec<f64> = values.iter().map(|value| value - middle).collect();
    let first = mstl(&without(&values, &off, 10.0), periods, &base);
    let mut parts = mstl(&without(&values, &first.rest_of(&values), 6.0), periods, &base);
    parts.remainder = parts.rest_of(&values);
    let all = parts.seasonal.iter_mut().chain([&mut parts.trend, &mut parts.remainder]);
    all.for_each(|part| part.iter_mut().for_each(|value| *value *= scale));
    parts
}

/// The values, missing where `off` is more than `bound` robust deviations.
fn without(values: &[f64], off: &[f64], bound: f64) -> Vec<f64> {
    let mut sizes: Vec<f64> = off.iter().filter(|value| value.is_finite()).map(|value| value.abs()).collect();
    let bound = bound * 1.4826 * median(&mut sizes).unwrap_or(0.0);
    let far = |off: f64| bound > 0.0 && off.abs() > bound;
    values.iter().zip(off).map(|(&value, &off)| if far(off) { f64::NAN } else { value }).collect()
}

/// A local regression over a tenth of the series, at least 7 values.
fn trend_alone(values: &[f64]) -> Vec<f64> {
    let span = (values.len() / 10).max(7) | 1;
    let weights: Vec<f64> = values.iter().map(|value| f64::from(u8::from(value.is_finite()))).collect();
    let filled = crate::interpolated(values);
    let (filled, scale) = crate::scaled(&filled);
    let mut out = vec![0.0; filled.len()];
    let weights = weights.contains(&0.0).then_some(weights);
    crate::loess::Loess { span, degree: 1, jump: span.div_ceil(10) }.smooth(
        &filled,
        weights.as_deref(),
        &mut out,
    );
    out.iter().map(|value| value * scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn day_and_week_are_told_apart() {
        let day = |t: usize| 10.0 * (t as f64 / 24.0 * TAU).sin();
        let week = |t: usize| if t / 24 % 7 < 5 { 3.0 } else { -7.5 };
        let values: Vec<f64> =
            (0..24 * 7 * 8).map(|t| 50.0 + day(t) + week(t) + (t * 31 % 17) as f64 / 17.0).collect();
        let parts = mstl(&values, &[168, 24], &Stl::new(24));
        assert_eq!(parts.periods, [24, 168]);
        let middle = 24 * 7 * 4..24 * 7 * 5;
        let error = middle.clone().map(|t| (parts.seasonal[0][t] - day(t)).abs()).sum::<f64>() / 168.0;
        assert!(error < 1.0, "{error}");
        assert!(parts.season_strength(0) > 0.95 && parts.season_strength(1) > 0.9);
        assert!(parts.season_strength(2) == 0.0);
    }

    #[test]
    fn outliers_stay_in_the_remainder() {
        let clean: Vec<f64> = (0..24 * 20)
            .map(|t| 10.0 * (t as f64 / 24.0 * TAU).sin() + (t * 31 % 17) as f64 / 17.0)
            .collect();
        let mut values = clean.clone();
        values[200] = 1e7;
        values[300..310].fill(-4e3);
        let (a, b) = (robust_mstl(&clean, &[24]), robust_mstl(&values, &[24]));
        for at in 0..480 {
            let off = (a.trend[at] - b.trend[at], a.seasonal[0][at] - b.seasonal[0][at]);
            assert!(off.0.abs() < 0.3 && off.1.abs() < 1.0, "{at} {off:?}");
        }
        assert!(b.remainder[200] > 9.9e6 && b.remainder[305] < -3.9e3);
    }

    #[test]
    fn without_a_season_there_is_a_trend_and_the_rest() {
        let values: Vec<f64> = (0..500).map(|t| f64::from(t) + f64::from(t * 7_919 % 13)).collect();
        let parts = mstl(&values, &[400], &Stl::new(2));
        assert!(parts.periods.is_empty() && parts.trend_strength() > 0.99);
        for hostile in [vec![], vec![1.0], vec![f64::NAN; 9], vec![1e308, -1e308, 0.0]] {
            let parts = robust_mstl(&hostile, &[2]);
            assert!(parts.trend.iter().all(|value| value.is_finite()), "{hostile:?}");
            assert!(parts.trend_strength().is_finite());
        }
    }
}
