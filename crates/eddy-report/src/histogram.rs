//! Counting values into bins that suit them.

use crate::Histogram;

/// A spread this many times the middle half calls for logarithmic bins.
const HEAVY_TAIL: f64 = 40.0;

impl Histogram {
    /// Counts values into `n_bins` bins from the smallest to the largest, ordinary and flagged rows apart. Bins are
    /// evenly spaced, or evenly spaced in `ln(1 + x)` when no value is negative and the largest lies far beyond the
    /// middle half of the values. Values that are not finite are passed over.
    ///
    /// # Panics
    /// When there are not as many verdicts as values.
    pub fn of(values: &[f64], flagged: &[bool], n_bins: usize) -> Self {
        assert_eq!(values.len(), flagged.len(), "one verdict a value");
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
        let middle = at(0.75) - at(0.25);
        let heavy =
            low >= 0.0 && high > 20.0 && high - at(0.75) > HEAVY_TAIL * middle.max(at(0.75) / HEAVY_TAIL);
        let edges = if low == high {
            let half = (low.abs() * 0.05).max(0.5);
            vec![low - half, low + half]
        } else if heavy {
            let (from, to) = (low.ln_1p(), high.ln_1p());
            (0..=n_bins).map(|i| (from + (to - from) * i as f64 / n_bins as f64).exp_m1()).collect()
        } else {
            // Halves, so that the distance of the two ends is a number too.
            let (low, half) = (low, high / 2.0 - low / 2.0);
            let edge = |i: usize| low + half * (i as f64 / n_bins as f64) + half * (i as f64 / n_bins as f64);
            (0..=n_bins).map(edge).collect()
        };
        Self::with_edges(values, flagged, edges)
    }

    /// Counts values into bins with the given rising edges. Values outside belong to the first and last bin.
    ///
    /// # Panics
    /// When there are not as many verdicts as values.
    pub fn with_edges(values: &[f64], flagged: &[bool], edges: Vec<f64>) -> Self {
        assert_eq!(values.len(), flagged.len(), "one verdict a value");
        let n_bins = edges.len().saturating_sub(1);
        let (mut normal, mut anomalous) = (vec![0; n_bins], vec![0; n_bins]);
        for (&value, &flag) in values.iter().zip(flagged) {
            if value.is_finite() && n_bins > 0 {
                let bin = edges.partition_point(|edge| *edge <= value).clamp(1, n_bins) - 1;
                if flag { anomalous[bin] += 1 } else { normal[bin] += 1 }
            }
        }
        Self { edges, normal, flagged: anomalous }
    }

    /// Whether the bins grow, so that values are better drawn on a logarithmic axis.
    pub(crate) fn is_logarithmic(&self) -> bool {
        match self.edges.as_slice() {
            [a, b, .., y, z] => *a >= 0.0 && z - y > 3.0 * (b - a),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_counted_once() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let flagged: Vec<bool> = values.iter().map(|value| *value > 89.0).collect();
        let histogram = Histogram::of(&values, &flagged, 10);
        assert_eq!(histogram.normal.iter().sum::<u64>(), 90);
        assert_eq!(histogram.flagged, [0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
        assert!(!histogram.is_logarithmic());
    }

    #[test]
    fn heavy_tails_get_growing_bins() {
        let values: Vec<f64> = (0..1_000).map(|i| if i == 7 { 1e8 } else { f64::from(i % 10) }).collect();
        let histogram = Histogram::of(&values, &[false; 1_000], 20);
        assert!(histogram.is_logarithmic());
        assert_eq!(histogram.normal.iter().sum::<u64>(), 1_000);
        assert_eq!(histogram.normal[19], 1);
    }

    #[test]
    fn constants_and_nothing_survive() {
        assert_eq!(Histogram::of(&[3.0, 3.0], &[false, true], 10).normal, [1]);
        assert_eq!(Histogram::of(&[f64::NAN], &[false], 10), Histogram::default());
    }
}
