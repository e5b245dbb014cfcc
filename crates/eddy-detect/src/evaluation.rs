//! How good scores are, where the truth is known.

use serde::Serialize;

/// Counts of right and wrong verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Attacks flagged.
    pub true_positives: u64,
    /// Normal rows flagged.
    pub false_positives: u64,
    /// Normal rows passed.
    pub true_negatives: u64,
    /// Attacks passed.
    pub false_negatives: u64,
}

/// Scores and verdicts measured against labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// Rows with a label.
    pub n_rows: u64,
    /// Rows labelled as attacks.
    pub n_attacks: u64,
    /// Area under the receiver operating characteristic; ties count half.
    pub roc_auc: f64,
    /// Average precision: the area under the precision-recall curve by steps.
    pub average_precision: f64,
    /// Verdict counts at the threshold.
    pub confusion: Confusion,
    /// Share of flagged rows that are attacks (0 when none is flagged).
    pub precision: f64,
    /// Share of attacks that are flagged.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share of normal rows that are flagged.
    pub false_positive_rate: f64,
}

impl Evaluation {
    /// Measures scores (higher = more anomalous) and the verdict `score >= threshold` against labels. Nothing where
    /// one of the two classes is missing.
    ///
    /// # Panics
    /// When there are not as many labels as scores.
    pub fn measure(scores: &[f64], labels: &[bool], threshold: f64) -> Option<Self> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        let n_attacks = labels.iter().filter(|label| **label).count();
        let n_normal = labels.len() - n_attacks;
        if n_attacks == 0 || n_normal == 0 {
            return None;
        }
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        let (mut tp, mut fp) = (0u64, 0u64);
        let (mut auc, mut average_precision) = (0.0, 0.0);
        let mut at = 0;
        while at < order.len() {
            let score = scores[order[at] as usize];
            let (mut ties_attack, mut ties_normal) = (0u64, 0u64);
            while at < order.len() && scores[order[at] as usize] == score {
                if labels[order[at] as usize] {
                    ties_attack += 1;
                } else {
                    ties_normal += 1;
                }
                at += 1;
            }
            auc += ties_normal as f64 * (tp as f64 + ties_attack as f64 / 2.0);
            tp += ties_attack;
            fp += ties_normal;
            average_precision += ties_attack as f64 * tp as f64 / (tp + fp) as f64;
        }
        let mut confusion = Confusion::default();
        for (score, attack) in scores.iter().zip(labels) {
            match (*score >= threshold, attack) {
                (true, true) => confusion.true_positives += 1,
                (true, false) => confusion.false_positives += 1,
                (false, false) => confusion.true_negatives += 1,
                (false, true) => confusion.false_negatives += 1,
            }
        }
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let precision = share(confusion.true_positives, confusion.true_positives + confusion.false_positives);
        let recall = share(confusion.true_positives, n_attacks as u64);
        Some(Self {
            n_rows: labels.len() as u64,
            n_attacks: n_attacks as u64,
            roc_auc: auc / (n_attacks as f64 * n_normal as f64),
            average_precision: average_precision / n_attacks as f64,
            confusion,
            precision,
            recall,
            f1: if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 },
            false_positive_rate: share(confusion.false_positives, n_normal as u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scores: &[f64], labels: &[u8], auc: f64, ap: f64) {
        let labels: Vec<bool> = labels.iter().map(|l| *l == 1).collect();
        let e = Evaluation::measure(scores, &labels, 0.5).unwrap();
        assert!((e.roc_auc - auc).abs() < 1e-12, "auc {}", e.roc_auc);
        assert!((e.average_precision - ap).abs() < 1e-12, "ap {}", e.average_precision);
    }

    #[test]
    fn areas_agree_with_hand_computed_ones() {
        check(&[0.9, 0.8, 0.2, 0.1], &[1, 1, 0, 0], 1.0, 1.0);
        check(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.75, 5.0 / 6.0);
        check(&[0.5, 0.5, 0.5, 0.5], &[1, 0, 1, 0], 0.5, 0.5);
    }

    #[test]
    fn one_class_cannot_be_measured() {
        assert!(Evaluation::measure(&[1.0, 2.0], &[true, true], 0.0).is_none());
    }

    #[test]
    fn verdicts_are_counted() {
        let e = Evaluation::measure(&[0.9, 0.6, 0.4, 0.1], &[true, false, true, false], 0.5).unwrap();
        assert_eq!((e.precision, e.recall, e.f1, e.false_positive_rate), (0.5, 0.5, 0.5, 0.5));
    }
}
