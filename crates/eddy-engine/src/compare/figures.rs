//! The figures of attack against normal.

use eddy_detect::{Evaluation, precision_at_base_rate};
use serde::{Deserialize, Serialize};

/// The figures of attack against normal, means over the folds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Binary {
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Standard deviation of the accuracy over the folds.
    pub accuracy_sd: f64,
    /// Mean of the recalls of attack and normal.
    pub balanced_accuracy: f64,
    /// Share of flagged rows that are attacks.
    pub precision: f64,
    /// Share of attacks that are flagged.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Share of normal rows that are flagged.
    pub false_positive_rate: f64,
    /// Area under the ROC curve.
    pub roc_auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Base rate, and the precision that the same recall and false positive rate give there.
    pub at_base_rates: Vec<(f64, f64)>,
    /// Attacks among the 10, 100 and 1000 highest scores.
    pub at_alerts: Vec<(usize, f64)>,
}

/// Highest scores that are looked at one by one in a day.
const ALERTS: [usize; 3] = [10, 100, 1000];
/// Measures scores and verdicts against the truth; none where there are only attacks, or none.
pub(super) fn binary(
    scores: &[f64],
    verdicts: &[bool],
    attacks: &[bool],
    base_rates: &[f64],
) -> Option<Binary> {
    // The verdicts are given, so the threshold asked of the evaluation is one that reproduces none of them.
    let ranking = Evaluation::measure(scores, attacks, f64::INFINITY)?;
    let count = |flagged: bool, attack: bool| {
        verdicts.iter().zip(attacks).filter(|(f, a)| **f == flagged && **a == attack).count() as f64
    };
    let (hits, wrong) = (count(true, true), count(true, false));
    let (missed, passed) = (count(false, true), count(false, false));
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (precision, recall) = (share(hits, hits + wrong), share(hits, hits + missed));
    let false_positive_rate = share(wrong, wrong + passed);
    let mut order: Vec<usize> = (0..attacks.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    Some(Binary {
        accuracy: (hits + passed) / attacks.len() as f64,
        accuracy_sd: 0.0,
        balanced_accuracy: f64::midpoint(recall, 1.0 - false_positive_rate),
        precision,
        recall,
        f1: share(2.0 * precision * recall, precision + recall),
        false_positive_rate,
        roc_auc: ranking.roc_auc,
        average_precision: ranking.average_precision,
        at_base_rates: base_rates
            .iter()
            .map(|&rate| (rate, precision_at_base_rate(recall, false_positive_rate, rate)))
            .collect(),
        at_alerts: ALERTS
            .iter()
            .filter(|&&n| n <= order.len())
            .map(|&n| (n, order[..n].iter().filter(|&&row| attacks[row]).count() as f64))
            .collect(),
    })
}

/// The mean over the folds.
pub(super) fn mean(folds: &[Binary]) -> Option<Binary> {
    let first = folds.first()?;
    let n = folds.len() as f64;
    let of = |figure: fn(&Binary) -> f64| folds.iter().map(figure).sum::<f64>() / n;
    let accuracy = of(|one| one.accuracy);
    let spread = folds.iter().map(|one| (one.accuracy - accuracy).powi(2)).sum::<f64>();
    Some(Binary {
        accuracy,
        accuracy_sd: if folds.len() > 1 { (spread / (n - 1.0)).sqrt() } else { 0.0 },
        balanced_accuracy: of(|one| one.balanced_accuracy),
        precision: of(|one| one.precision),
        recall: of(|one| one.recall),
        f1: of(|one| one.f1),
        false_positive_rate: of(|one| one.false_positive_rate),
        roc_auc: of(|one| one.roc_auc),
        average_precision: of(|one| one.average_precision),
        at_base_rates: (0..first.at_base_rates.len())
            .map(|at| {
                (first.at_base_rates[at].0, folds.iter().map(|one| one.at_base_rates[at].1).sum::<f64>() / n)
            })
            .collect(),
        at_alerts: (0..first.at_alerts.len())
            .map(|at| {
                let hits = |one: &Binary| one.at_alerts.get(at).map_or(0.0, |(_, hits)| *hits);
                (first.at_alerts[at].0, folds.iter().map(hits).sum::<f64>() / n)
            })
            .collect(),
    })
}

/// Mean of the shares of attacks and of normal rows that are judged rightly; none where either is missing.
pub(super) fn balanced_accuracy(verdicts: &[bool], attacks: &[bool]) -> Option<f64> {
    let recall = |wanted: bool| {
        let (mut right, mut all) = (0u64, 0u64);
        for (&verdict, _) in verdicts.iter().zip(attacks).filter(|(_, attack)| **attack == wanted) {
            all += 1;
            right += u64::from(verdict == wanted);
        }
        (all > 0).then(|| right as f64 / all as f64)
    };
    Some(f64::midpoint(recall(true)?, recall(false)?))
}
