//! What the naive Bayes models share.

use eddy_detect::ClassLabels;

/// Logarithm of the share of rows of each class.
pub(crate) fn log_priors(labels: &ClassLabels<'_>) -> Vec<f64> {
    let mut counts = vec![0usize; labels.classes.len()];
    labels.of_rows.iter().for_each(|&class| counts[usize::from(class)] += 1);
    // A class without rows is nearly, but not wholly, impossible.
    let n = labels.of_rows.len() as f64;
    counts.iter().map(|&count| ((count as f64).max(1e-3) / n).ln()).collect()
}

/// Turns logarithms of likelihoods into shares of one, in place.
pub(crate) fn shares_of_logarithms(out: &mut [f64]) {
    let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let most = if most.is_finite() { most } else { f64::MIN };
    out.iter_mut().for_each(|log| *log = (*log - most).min(0.0).exp());
    let whole: f64 = out.iter().sum();
    let n = out.len() as f64;
    out.iter_mut().for_each(|share| *share = if whole > 0.0 { *share / whole } else { 1.0 / n });
}
