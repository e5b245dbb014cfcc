//! Season, trend and the rest by local regression.

use serde::Serialize;

use crate::loess::Loess;

/// STL: a season-trend decomposition by local regression.
///
/// Inner loop: the values without trend are smoothed cycle by cycle (all Mondays together), a low-pass filter takes
/// what is no season out of that, and the values without season are smoothed to the trend. Outer loop: values that are
/// far off get less weight (bisquare of six median absolute residuals), and missing values have none from the start.
///
/// Source: R. B. Cleveland, W. S. Cleveland, J. E. McRae, I. Terpenning, "STL: A Seasonal-Trend Decomposition Procedure
/// Based on Loess", 1990. With `jump` 1 and no missing values the results are those of statsmodels' `STL` to about
/// 1e-9. Ours differs in missing values, which have weight 0 throughout, and in `jump`, which is one share for all
/// three smoothers.
///
/// Time O(n * span / jump) for each inner pass, memory 8 numbers a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Stl {
    /// Values in a season, at least 2.
    pub period: usize,
    /// Cycles in the neighbourhood of the seasonal smoother; odd, at least 3. The larger the less the season may change.
    pub seasonal: usize,
    /// Values in the neighbourhood of the trend smoother; none = the smallest odd number above
    /// `1.5 * period / (1 - 1.5 / seasonal)`, the authors' advice.
    pub trend: Option<usize>,
    /// Passes of the inner loop; 5, or 2 where there is an outer loop, are enough.
    pub inner: usize,
    /// Passes of the outer loop, 0 for none: 15 make it robust to the last.
    pub outer: usize,
    /// Share of a smoother's span between two fits, 0 to 1; 0 fits at every value. The authors' advice is 0.1.
    pub jump: f64,
}

/// What a decomposition gives; the parts add up to the values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Components {
    /// The season.
    pub seasonal: Vec<f64>,
    /// The trend.
    pub trend: Vec<f64>,
    /// What is left; missing where the value is.
    pub remainder: Vec<f64>,
    /// Weight of each value in the last pass, 0 (ignored) to 1.
    pub weights: Vec<f64>,
}

impl Stl {
    /// The usual setting for a period, not robust: seven cycles, five passes.
    pub fn new(period: usize) -> Self {
        Self { period, seasonal: 7, trend: None, inner: 5, outer: 0, jump: 0.0 }
    }

    /// The robust setting: two passes in each of fifteen.
    pub fn robust(period: usize) -> Self {
        Self { inner: 2, outer: 15, ..Self::new(period) }
    }

    /// Parts the values. None where there are fewer than two periods, or nothing but missing values.
    pub fn decompose(&self, values: &[f64]) -> Option<Components> {
        let n = values.len();
        let period = self.period.max(2);
        if n < period.checked_mul(2)? || !values.iter().any(|value| value.is_finite()) {
            return None;
        }
        let (values, scale) = crate::scaled(values);
        let there: Vec<f64> = values.iter().map(|value| f64::from(u8::from(value.is_finite()))).collect();
        let complete = !there.contains(&0.0);
        let filled = crate::interpolated(&values);
        let smoothers = self.smoothers(period, n);
        let mut work =
            Work { trend: vec![0.0; n], seasonal: vec![0.0; n], cycles: vec![0.0; n + 2 * period] };
        let mut weights: Option<Vec<f64>> = (!complete).then(|| there.clone());
        for pass in 0..=self.outer {
            for _ in 0..self.inner.max(1) {
                work.inner(&filled, weights.as_deref(), period, &smoothers);
            }
            if pass < self.outer {
                weights = Some(work.robust_weights(&filled, &there));
            }
        }
        let back = |values: Vec<f64>| -> Vec<f64> { values.into_iter().map(|value| value * scale).collect() };
        let remainder = (0..n).map(|at| {
            if there[at] > 0.0 { values[at] - work.seasonal[at] - work.trend[at] } else { f64::NAN }
        });
        let remainder = back(remainder.collect());
        Some(Components {
            remainder,
            seasonal: back(work.seasonal),
            trend: back(work.trend),
            weights: weights.unwrap_or(there),
        })
    }

    fn smoothers(&self, period: usize, n: usize) -> Smoothers {
        let odd = |span: usize| span.max(3) | 1;
        let seasonal = odd(self.seasonal);
        let advised = (1.5 * period as f64 / (1.0 - 1.5 / seasonal as f64)).ceil() as usize;
        let of = |span: usize| {
            let jump = (self.jump.clamp(0.0, 1.0) * span as f64).ceil() as usize;
            // A span beyond twice the series only flattens the weights.
            Loess { span: span.min(4 * n + 1), degree: 1, jump: jump.max(1) }
        };
        Smoothers {
            seasonal: of(seasonal),
            low_pass: of(odd(period + 1)),
            trend: of(odd(self.trend.unwrap_or(advised))),
        }
    }
}

struct Smoothers {
    seasonal: Loess,
    low_pass: Loess,
    trend: Loess,
}

struct Work {
    trend: Vec<f64>,
    seasonal: Vec<f64>,
    /// The smoothed cycles, with a period more at either end.
    cycles: Vec<f64>,
}

impl Work {
    fn inner(&mut self, values: &[f64], weights: Option<&[f64]>, period: usize, by: &Smoothers) {
        let n = values.len();
        let without_trend: Vec<f64> =
            values.iter().zip(&self.trend).map(|(value, trend)| value - trend).collect();
        self.smooth_cycles(&without_trend, weights, period, by.seasonal);
        let low = moving_average(&moving_average(&moving_average(&self.cycles, period), period), 3);
        let mut smooth = vec![0.0; low.len()];
        by.low_pass.smooth(&low, None, &mut smooth);
        for at in 0..n {
            self.seasonal[at] = self.cycles[period + at] - smooth[at];
        }
        let without_season: Vec<f64> =
            values.iter().zip(&self.seasonal).map(|(value, season)| value - season).collect();
        by.trend.smooth(&without_season, weights, &mut self.trend);
    }

    /// Smooths the values of each place in the cycle and extends them by one cycle at either end.
    fn smooth_cycles(&mut self, values: &[f64], weights: Option<&[f64]>, period: usize, by: Loess) {
        let n = values.len();
        for phase in 0..period {
            let pick = |values: &[f64]| values[phase..].iter().step_by(period).copied().collect::<Vec<f64>>();
            let cycle = pick(values);
            let cycle_weights = weights.map(pick);
            let weights = cycle_weights.as_deref();
            let n_cycles = (n - phase).div_ceil(period);
            let mut smooth = vec![0.0; n_cycles];
            by.smooth(&cycle, weights, &mut smooth);
            let span = by.span.min(n_cycles);
            let before = by.fit(&cycle, weights, -1.0, (0, span - 1));
            let after = by.fit(&cycle, weights, n_cycles as f64, (n_cycles - span, n_cycles - 1));
            self.cycles[phase] = before.unwrap_or(smooth[0]);
            for (at, &value) in smooth.iter().enumerate() {
                self.cycles[(at + 1) * period + phase] = value;
            }
            self.cycles[(n_cycles + 1) * period + phase] = after.unwrap_or(smooth[n_cycles - 1]);
        }
    }

    fn robust_weights(&self, values: &[f64], there: &[f64]) -> Vec<f64> {
        let off: Vec<f64> =
            (0..values.len()).map(|at| (values[at] - self.seasonal[at] - self.trend[at]).abs()).collect();
        let mut known: Vec<f64> =
            off.iter().zip(there).filter(|(_, there)| **there > 0.0).map(|(off, _)| *off).collect();
        known.sort_unstable_by(f64::total_cmp);
        let n = known.len();
        let bound = 3.0 * (known[n / 2] + known[n - n / 2 - 1]);
        off.iter()
            .zip(there)
            .map(|(&off, there)| {
                there
                    * match off {
                        off if off <= 0.001 * bound => 1.0,
                        off if off <= 0.999 * bound => (1.0 - (off / bound).powi(2)).powi(2),
                        _ => 0.0,
                    }
            })
            .collect()
    }
}

/// Means of `length` adjacent values; as many fewer than there are values.
fn moving_average(values: &[f64], length: usize) -> Vec<f64> {
    let mut sum: f64 = values[..length].iter().sum();
    let mut out = Vec::with_capacity(values.len() + 1 - length);
    out.push(sum / length as f64);
    for at in length..values.len() {
        sum += values[at] - values[at - length];
        out.push(sum / length as f64);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(n: usize, period: usize) -> Vec<f64> {
        let season = |t: usize| 5.0 * (t as f64 / period as f64 * std::f64::consts::TAU).sin();
        (0..n)
            .map(|t| 100.0 + 0.05 * t as f64 + season(t) + ((t * 7_919 % 101) as f64 / 50.0 - 1.0) * 0.1)
            .collect()
    }

    #[test]
    fn the_parts_add_up_and_are_what_was_put_in() {
        let values = made(400, 24);
        let parts = Stl::new(24).decompose(&values).unwrap();
        for at in 0..400 {
            let sum = parts.seasonal[at] + parts.trend[at] + parts.remainder[at];
            assert!((sum - values[at]).abs() < 1e-9);
            assert!(parts.remainder[at].abs() < 0.3, "{at}");
        }
        assert!((parts.trend[200] - 110.0).abs() < 0.2);
    }

    #[test]
    fn missing_values_and_outliers_do_not_bend_the_season() {
        let mut values = made(480, 24);
        let clean = Stl::robust(24).decompose(&values).unwrap();
        (100..130).for_each(|at| values[at] = f64::NAN);
        values[300] = 1e3;
        let parts = Stl::robust(24).decompose(&values).unwrap();
        for at in 0..480 {
            let off = (parts.seasonal[at] - clean.seasonal[at], parts.trend[at] - clean.trend[at]);
            assert!(off.0.abs() < 0.5 && off.1.abs() < 0.5, "{at} {off:?}");
        }
        assert_eq!((parts.weights[300], parts.weights[110]), (0.0, 0.0));
        assert!(parts.remainder[110].is_nan() && parts.remainder[300] > 8e2);
    }

    #[test]
    fn jumps_change_little() {
        let values = made(2_000, 48);
        let exact = Stl::new(48).decompose(&values).unwrap();
        let quick = Stl { jump: 0.1, ..Stl::new(48) }.decompose(&values).unwrap();
        assert!(exact.trend.iter().zip(&quick.trend).all(|(a, b)| (a - b).abs() < 0.02));
    }

    #[test]
    fn short_and_hostile_series_are_answered() {
        assert!(Stl::new(24).decompose(&made(47, 24)).is_none());
        assert!(Stl::new(usize::MAX).decompose(&made(47, 24)).is_none());
        assert!(Stl::new(2).decompose(&[f64::NAN; 10]).is_none());
        for values in [vec![3.0; 20], [1e308, -1e308].repeat(10), [f64::NAN, 1.0].repeat(10)] {
            let parts = Stl::robust(4).decompose(&values).unwrap();
            assert!(parts.trend.iter().chain(&parts.seasonal).all(|value| value.is_finite()), "{values:?}");
        }
    }
}
