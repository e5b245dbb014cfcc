//! What a series did lately.

use std::collections::VecDeque;

/// The latest values of a series, their mean, deviation, extremes and quantiles, with bounded memory.
///
/// A missing value takes a place but counts in none of the figures. A new value costs O(log w) comparisons and O(w)
/// moves of memory, a quantile O(1).
#[derive(Debug, Clone, Default)]
pub struct RollingWindow {
    values: VecDeque<f64>,
    /// The finite values, rising.
    sorted: Vec<f64>,
    mean: f64,
    squares: f64,
    /// Values since the sums were last made afresh.
    since: usize,
}

impl RollingWindow {
    /// Takes in the newest value.
    pub fn push(&mut self, value: f64) {
        self.values.push_back(value);
        if !value.is_finite() {
            return;
        }
        let place = self.sorted.partition_point(|&other| other < value);
        self.sorted.insert(place, value);
        // Welford's update: no differences of large sums.
        let delta = value - self.mean;
        self.mean += delta / self.sorted.len() as f64;
        self.squares += delta * (value - self.mean);
    }

    /// Drops the oldest value.
    pub fn pop(&mut self) {
        let Some(value) = self.values.pop_front() else { return };
        if !value.is_finite() {
            return;
        }
        let place = self.sorted.partition_point(|&other| other < value);
        self.sorted.remove(place);
        self.since += 1;
        let n = self.sorted.len();
        if n == 0 || self.since > 4 * n || !self.squares.is_finite() || !self.mean.is_finite() {
            return self.afresh();
        }
        let delta = value - self.mean;
        self.mean -= delta / n as f64;
        let before = self.squares;
        self.squares -= delta * (value - self.mean);
        // A value that made up nearly all of the sum leaves nothing but rounding.
        if self.squares < before * 1e-6 {
            self.afresh();
        }
    }

    fn afresh(&mut self) {
        self.since = 0;
        self.mean = crate::mean(&self.sorted);
        self.squares = self.sorted.iter().map(|value| (value - self.mean).powi(2)).sum();
    }

    /// Values in the window, missing ones too.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, oldest first.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        self.values.iter().copied()
    }

    /// Mean; missing where there is no value.
    pub fn mean(&self) -> f64 {
        if self.sorted.is_empty() { f64::NAN } else { crate::finite(self.mean) }
    }

    /// Standard deviation with divisor n; missing where there is no value.
    pub fn sd(&self) -> f64 {
        match self.sorted.as_slice() {
            [] => f64::NAN,
            [first, .., last] if first == last => 0.0,
            sorted => crate::finite((self.squares.max(0.0) / sorted.len() as f64).sqrt()),
        }
    }

    /// The quantile at a share of 0 to 1 (type 7 of Hyndman and Fan); missing where there is no value.
    pub fn quantile(&self, share: f64) -> f64 {
        if self.sorted.is_empty() {
            f64::NAN
        } else {
            crate::calendar::quantile(&self.sorted, share.clamp(0.0, 1.0))
        }
    }
}

/// Mean and standard deviation (divisor n) of the last `window` values at each place; the first ones use what there is.
pub fn rolling_mean_sd(values: &[f64], window: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rolling = RollingWindow::default();
    let mut step = |value: &f64| {
        rolling.push(*value);
        if rolling.len() > window.max(1) {
            rolling.pop();
        }
        (rolling.mean(), rolling.sd())
    };
    values.iter().map(&mut step).unzip()
}

/// Quantiles of the last `window` values at each place, one series for each share.
pub fn rolling_quantiles(values: &[f64], window: usize, shares: &[f64]) -> Vec<Vec<f64>> {
    let mut rolling = RollingWindow::default();
    let mut out = vec![Vec::with_capacity(values.len()); shares.len()];
    for &value in values {
        rolling.push(value);
        if rolling.len() > window.max(1) {
            rolling.pop();
        }
        shares.iter().zip(&mut out).for_each(|(&share, out)| out.push(rolling.quantile(share)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_last_values() {
        let values: Vec<f64> = (0..300).map(|t| f64::from(t * 7_919 % 101)).collect();
        let (means, sds) = rolling_mean_sd(&values, 20);
        let medians = rolling_quantiles(&values, 20, &[0.5]);
        for at in [0, 5, 19, 20, 150, 299] {
            let mut part = values[(at + 1usize).saturating_sub(20)..=at].to_vec();
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let sd = (part.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / part.len() as f64).sqrt();
            part.sort_unstable_by(f64::total_cmp);
            assert!((means[at] - mean).abs() < 1e-9 && (sds[at] - sd).abs() < 1e-9, "{at}");
            assert_eq!(medians[0][at], crate::calendar::quantile(&part, 0.5));
        }
    }

    #[test]
    fn a_huge_value_leaves_nothing_behind() {
        let mut values = vec![1.0, 2.0, 3.0, 2.0];
        values.push(1e15);
        values.extend([1.0, 2.0, 3.0, 2.0, 1.0]);
        let (means, sds) = rolling_mean_sd(&values, 3);
        assert_eq!(means[9], 2.0);
        assert!((sds[9] - (2.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn any_numbers_are_finite_or_missing() {
        let values = [f64::NAN, 1e308, -1e308, 1e308, f64::INFINITY, 5.0, 5.0, 5.0, f64::NAN];
        let (means, sds) = rolling_mean_sd(&values, 2);
        assert!(means.iter().chain(&sds).all(|value| !value.is_infinite()), "{means:?} {sds:?}");
        assert!(means[0].is_nan() && means[8] == 5.0 && sds[8] == 0.0);
    }
}
