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
