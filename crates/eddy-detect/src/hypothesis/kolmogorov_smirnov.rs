//! Whether two groups have one distribution.

use std::f64::consts::PI;

use super::{Sample, merge};

/// The outcome of [`kolmogorov_smirnov`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// Largest distance of the two distribution functions, 0 (the same) to 1 (no overlap).
    pub d: f64,
    /// The value at which they are farthest apart.
    pub at: f64,
    /// Share of the first group's values that are at most `at`.
    pub first_below: f64,
    /// Share of the second group's values that are at most `at`.
    pub second_below: f64,
    /// Two-sided p-value.
    pub p: f64,
}

/// The test of Kolmogorov and Smirnov for two samples: do they come from one distribution? It sees every kind of
/// difference: of place, of spread, of shape.
///
/// The p-value is that of Kolmogorov's limiting distribution at `(sqrt(e) + 0.12 + 0.11 / sqrt(e)) * d` with
/// `e = n m / (n + m)`, which Stephens found to be good from `e` = 4 on. `scipy.stats.ks_2samp` takes the distribution of
/// a sample of `e` values instead; the two agree in the digits that matter. With many ties the p-value is too large,
/// never too small. None when a group is empty.
///
/// Source: N. V. Smirnov, "Table for estimating the goodness of fit of empirical distributions", Annals of Mathematical
/// Statistics 19 (1948); M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and related statistics without
/// extensive tables", Journal of the Royal Statistical Society B 32 (1970).
pub fn kolmogorov_smirnov(first: &Sample, second: &Sample) -> Option<KolmogorovSmirnov> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let (n, m) = (first.len() as f64, second.len() as f64);
    let (mut in_first, mut in_second) = (0u64, 0u64);
    let mut found =
        KolmogorovSmirnov { d: 0.0, at: first.values()[0], first_below: 0.0, second_below: 0.0, p: 1.0 };
    merge(first, second, |value, a, b| {
        in_first += a;
        in_second += b;
        let (first_below, second_below) = (in_first as f64 / n, in_second as f64 / m);
        let d = (first_below - second_below).abs();
        if d > found.d {
            found = KolmogorovSmirnov { d, at: value, first_below, second_below, ..found };
        }
    });
    let root = (n * m / (n + m)).sqrt();
    found.p = kolmogorov((root + 0.12 + 0.11 / root) * found.d);
    Some(found)
}

/// Probability that Kolmogorov's statistic is above `x` in the limit of many values. Two series, each where it
/// converges in a few terms.
fn kolmogorov(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let below: f64 = (1..=4).map(|k| (-((2 * k - 1) as f64 * PI / x).powi(2) / 8.0).exp()).sum::<f64>()
            * (2.0 * PI).sqrt()
            / x;
        return (1.0 - below).clamp(0.0, 1.0);
    }
    let terms = (1..=5).map(|k| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * (f64::from(k) * x).powi(2)).exp()
    });
    terms.sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_do_not_overlap_are_wholly_apart() {
        let (low, high) = (Sample::new(vec![1.0, 2.0, 3.0]), Sample::new(vec![7.0, 8.0]));
        let found = kolmogorov_smirnov(&low, &high).unwrap();
        assert_eq!((found.d, found.at, found.first_below, found.second_below), (1.0, 3.0, 1.0, 0.0));
    }

    #[test]
    fn a_difference_of_spread_alone_is_seen() {
        let narrow = Sample::new((-50..=50).map(|i| f64::from(i) / 100.0).collect());
        let wide = Sample::new((-50..=50).map(f64::from).collect());
        let found = kolmogorov_smirnov(&narrow, &wide).unwrap();
        assert!(found.d > 0.45 && found.p < 1e-8, "{found:?}");
        assert!(super::super::mann_whitney(&narrow, &wide).unwrap().cliffs_delta.abs() < 0.02);
    }

    /// Values of `scipy.special.kolmogorov`.
    #[test]
    fn the_limiting_distribution_is_kolmogorovs() {
        for (x, expect) in [
            (0.0, 1.0),
            (0.3, 0.999_990_694_198_665_5),
            (0.828, 0.499_329_621_193_798_3),
            (0.999999, 0.270_000_743_627_456_46),
            (1.0, 0.269_999_671_677_354_56),
            (1.36, 0.049_485_876_755_377_876),
            (3.0, 3.045_995_948_942_526e-08),
            (20.0, 0.0),
        ] {
            let p = kolmogorov(x);
            assert!((p - expect).abs() <= 1e-11 * expect, "{x}: {p}, expected {expect}");
        }
    }

    #[test]
    fn the_same_values_are_one_distribution() {
        let same = Sample::new(vec![1.0, 1.0, 2.0]);
        let found = kolmogorov_smirnov(&same, &same).unwrap();
        assert_eq!((found.d, found.p), (0.0, 1.0));
        assert_eq!(kolmogorov_smirnov(&Sample::default(), &same), None);
    }
}
