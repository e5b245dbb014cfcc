//! How good class predictions are, where the truth is known.

use serde::Serialize;

use crate::Classes;

/// How one class fared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// Rows of the class.
    pub support: u64,
    /// Share of the rows given to the class that are of it (0 when none is).
    pub precision: f64,
    /// Share of the rows of the class that are given to it (0 when there is none).
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

/// Predicted classes measured against true ones, as scikit-learn's `classification_report` does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassEvaluation {
    /// Rows measured.
    pub n_rows: u64,
    /// Share of rows given to their class.
    pub accuracy: f64,
    /// Mean recall of the classes that have rows.
    pub balanced_accuracy: f64,
    /// Mean F1 of the classes that have rows or were predicted.
    pub macro_f1: f64,
    /// Mean F1 weighted by the rows of each class.
    pub weighted_f1: f64,
    /// Rows by true class (outer) and predicted class (inner).
    pub confusion: Vec<Vec<u64>>,
    /// Each class.
    pub classes: Vec<ClassReport>,
}

impl ClassEvaluation {
    /// Measures predictions, given as indices of classes. None where there are no rows.
    ///
    /// # Panics
    /// When there are not as many predictions as truths, or one is no class.
    pub fn measure(classes: &Classes, truth: &[u16], predicted: &[u16]) -> Option<Self> {
        assert_eq!(truth.len(), predicted.len(), "one prediction a row");
        if truth.is_empty() {
            return None;
        }
        let n_classes = classes.len();
        let mut confusion = vec![vec![0u64; n_classes]; n_classes];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            confusion[usize::from(truth)][usize::from(predicted)] += 1;
        }
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let reports: Vec<ClassReport> = (0..n_classes)
            .map(|class| {
                let hits = confusion[class][class];
                let support: u64 = confusion[class].iter().sum();
                let given: u64 = confusion.iter().map(|row| row[class]).sum();
                let (precision, recall) = (share(hits, given), share(hits, support));
                let f1 = if precision + recall > 0.0 {
                    2.0 * precision * recall / (precision + recall)
                } else {
                    0.0
                };
                ClassReport { name: classes.names[class].clone(), support, precision, recall, f1 }
            })
            .collect();
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let n_rows = truth.len() as u64;
        let hits: u64 = (0..n_classes).map(|class| confusion[class][class]).sum();
        let there = |report: &&ClassReport| report.support > 0;
        let appears = |(class, report): &(usize, &ClassReport)| {
            report.support > 0 || confusion.iter().any(|row| row[*class] > 0)
        };
        Some(Self {
            n_rows,
            accuracy: share(hits, n_rows),
            balanced_accuracy: mean(reports.iter().filter(there).map(|report| report.recall).collect()),
            macro_f1: mean(reports.iter().enumerate().filter(appears).map(|(_, report)| report.f1).collect()),
            weighted_f1: reports.iter().map(|report| report.f1 * report.support as f64).sum::<f64>()
                / n_rows as f64,
            confusion,
            classes: reports,
        })
    }
}

/// The most probable class of each row, the first of several.
pub fn most_probable(probabilities: &[f64], n_classes: usize) -> Vec<u16> {
    let best = |row: &[f64]| {
        let mut best = 0;
        for (class, probability) in row.iter().enumerate() {
            if *probability > row[best] {
                best = class;
            }
        }
        best as u16
    };
    probabilities.chunks_exact(n_classes.max(1)).map(best).collect()
}

/// Share of flagged rows that would be attacks if attacks were this rare: what a precision measured on a data set that
/// is half attacks turns into on a real network (Axelsson, "The base-rate fallacy and the difficulty of intrusion
/// detection", 2000).
pub fn precision_at_base_rate(recall: f64, false_positive_rate: f64, base_rate: f64) -> f64 {
    let (right, wrong) = (recall * base_rate, false_positive_rate * (1.0 - base_rate));
    if right + wrong > 0.0 { right / (right + wrong) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(n: usize) -> Classes {
        Classes { names: (0..n).map(|idx| format!("class {idx}")).collect(), is_attack: vec![false; n] }
    }

    #[test]
    fn the_figures_are_those_of_the_field() {
        // By hand: class 0 has 3 rows (2 right), class 1 has 2 (1 right), class 2 has 1 (right).
        let e = ClassEvaluation::measure(&classes(3), &[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 2, 2]).unwrap();
        assert!((e.accuracy - 4.0 / 6.0).abs() < 1e-12);
        assert!((e.balanced_accuracy - (2.0 / 3.0 + 0.5 + 1.0) / 3.0).abs() < 1e-12);
        let f1 = [0.8, 0.5, 2.0 / 3.0];
        for (report, expect) in e.classes.iter().zip(f1) {
            assert!((report.f1 - expect).abs() < 1e-12, "{report:?}");
        }
        assert!((e.macro_f1 - f1.iter().sum::<f64>() / 3.0).abs() < 1e-12);
        assert!((e.weighted_f1 - (0.8 * 3.0 + 0.5 * 2.0 + 2.0 / 3.0) / 6.0).abs() < 1e-12);
        assert_eq!(e.confusion, [[2, 1, 0], [0, 1, 1], [0, 0, 1]]);
        assert!(ClassEvaluation::measure(&classes(2), &[], &[]).is_none());
    }

    #[test]
    fn classes_that_do_not_appear_do_not_count() {
        let e = ClassEvaluation::measure(&classes(3), &[0, 1], &[0, 1]).unwrap();
        assert_eq!((e.macro_f1, e.balanced_accuracy), (1.0, 1.0));
    }

    #[test]
    fn rare_attacks_drown_in_false_alarms() {
        assert!((precision_at_base_rate(1.0, 0.01, 0.5) - 0.990_099).abs() < 1e-6);
        assert!((precision_at_base_rate(1.0, 0.01, 1e-4) - 0.009_902).abs() < 1e-6);
        assert_eq!(precision_at_base_rate(0.0, 0.0, 0.1), 0.0);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(most_probable(&[0.5, 0.5, 0.1, 0.9], 2), [0, 1]);
    }
}
