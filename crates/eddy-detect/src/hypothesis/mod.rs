//! Tests of whether two groups of rows differ, and by how much.
//!
//! Pure functions of two [`Sample`]s or of a table of counts. Each gives a p-value and, beside it, an effect size: with
//! a hundred thousand rows the smallest difference is significant, so that only the effect says whether it matters.
//! p-values of many tests are corrected by [`holm`] or [`benjamini_hochberg`].
//!
//! All tests take rows to be independent of one another. Rows of traffic seldom are (a scan is a thousand rows of one
//! cause), and then every p-value is too small; effect sizes do not suffer from it.

mod chi_square;
mod correction;
mod kolmogorov_smirnov;
mod mann_whitney;
mod welch;

pub use chi_square::{ChiSquare, chi_square};
pub use correction::{benjamini_hochberg, holm};
pub use kolmogorov_smirnov::{KolmogorovSmirnov, kolmogorov_smirnov};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use welch::{Welch, welch};

/// The finite values of one group, in rising order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// Takes the finite of these values; missing and infinite ones are passed over.
    pub fn new(mut values: Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_unstable_by(f64::total_cmp);
        Self { sorted: values }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The values in rising order.
    pub fn values(&self) -> &[f64] {
        &self.sorted
    }

    /// The quantile at a share of 0 to 1, linear between two values; none of an empty sample.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let last = self.sorted.len().checked_sub(1)?;
        let position = share.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (self.sorted[position.floor() as usize], self.sorted[position.ceil() as usize]);
        // Weights instead of a difference: the two ends may be too far apart for one.
        Some(below * (1.0 - position.fract()) + above * position.fract())
    }
}

/// Goes through the distinct values of two samples in rising order. `visit` gets the value and how often each has it.
fn merge(first: &Sample, second: &Sample, mut visit: impl FnMut(f64, u64, u64)) {
    let (mut a, mut b) = (first.values(), second.values());
    while let Some(value) = match (a.first(), b.first()) {
        (Some(x), Some(y)) => Some(x.min(*y)),
        (x, y) => x.or(y).copied(),
    } {
        let of = |rest: &[f64]| rest.iter().take_while(|other| **other == value).count();
        let (in_a, in_b) = (of(a), of(b));
        (a, b) = (&a[in_a..], &b[in_b..]);
        visit(value, in_a as u64, in_b as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_holds_finite_values_in_order() {
        let sample = Sample::new(vec![3.0, f64::NAN, -1.0, f64::INFINITY, 2.0]);
        assert_eq!(sample.values(), [-1.0, 2.0, 3.0]);
        assert_eq!((sample.quantile(0.0), sample.quantile(0.75)), (Some(-1.0), Some(2.5)));
        assert_eq!(Sample::default().quantile(0.5), None);
    }

    #[test]
    fn merging_visits_every_value_once_with_its_counts() {
        let (a, b) = (Sample::new(vec![1.0, 2.0, 2.0, -0.0]), Sample::new(vec![2.0, 0.0, 5.0]));
        let mut seen = Vec::new();
        merge(&a, &b, |value, n, m| seen.push((value, n, m)));
        assert_eq!(seen, [(0.0, 1, 1), (1.0, 1, 0), (2.0, 2, 1), (5.0, 0, 1)]);
    }
}
