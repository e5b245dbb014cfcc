//! Logistic regression.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, Positive,
    RowModel, SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    forest::{ClassWeight, class_labels, load_classes, score_by_probabilities},
    linear::{Loss, Penalty, Problem, Sums, n_outputs},
    platt::{logistic, shares_of_logarithms},
};

/// What weights cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PenaltyKind {
    /// Half the sum of their squares: all become smaller.
    #[default]
    L2,
    /// The sum of their absolute values: those that say little become 0.
    L1,
}

/// Logistic regression: a weighted sum of the columns as the logarithm of the odds of an attack.
///
/// Two classes have one weighted sum, more classes have one each (multinomial).
///
/// Score range: 0 to 1, the probability of an attack. Input: columns on one scale, as the `scale` step gives them: with
/// raw columns the largest one decides. A missing value counts as a very large one. Blind to: whatever no straight
/// border parts; attacks unlike any it was shown. Cost: fit `O(n d classes)` per step, score `O(d classes)` per row.
///
/// Source: Cox, "The Regression Analysis of Binary Sequences", 1958; fitted by L-BFGS (Liu & Nocedal 1989), with
/// absolute penalties by OWL-QN (Andrew & Gao, "Scalable Training of L1-Regularized Log-Linear Models", ICML 2007).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// What weights cost.
    pub penalty: PenaltyKind,
    /// How little weights cost: the larger, the closer to the training rows (scikit-learn's `C`).
    pub c: Positive,
    /// Steps at most.
    pub max_iter: Count,
    /// The steepest slope of the mean loss at which it stops.
    pub tolerance: Positive,
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self {
            penalty: PenaltyKind::L2,
            c: Positive::new(1.0),
            max_iter: Count::new(200),
            tolerance: Positive::new(1e-4),
            class_weight: ClassWeight::Equal,
        }
    }
}

impl Detector for LogisticRegression {
    const ABOUT: About = About {
        name: "logistic_regression",
        title: "Logistic regression",
        kind: ModelKind::Row,
        summary: "A weighted sum of the columns tells the odds of an attack.",
        blind_to: "What no straight border parts, and attacks unlike any it was shown.",
        cost: "Fit O(n d classes) per step; score O(d classes) per row.",
        source: "Cox 1958; fitted by L-BFGS (Liu & Nocedal 1989) or OWL-QN (Andrew & Gao 2007).",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let weights = self.class_weight.weights(&labels);
        // The mean loss is made small, so that penalties are by row as well.
        let whole: f64 = labels.of_rows.iter().map(|&class| weights[usize::from(class)]).sum();
        let strength = 1.0 / (self.c.get() * whole);
        let penalty = match self.penalty {
            PenaltyKind::L2 => Penalty { l2: strength, l1: 0.0 },
            PenaltyKind::L1 => Penalty { l2: 0.0, l1: strength },
        };
        let problem = Problem { rows, of_rows: labels.of_rows, weights: &weights, loss: Loss::Logistic, penalty };
        let sums = problem.solve(self.max_iter.get(), self.tolerance.get());
        Ok(Model::Row(Arc::new(LogisticModel { sums, classes: labels.classes.clone(), n_features: rows.n_cols() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let classes = load_classes(section)?;
        let n_outputs = n_outputs(classes.len());
        let weights = checked::floats(section, "weights", n_outputs * (n_features + 1))?;
        Ok(Model::Row(Arc::new(LogisticModel { sums: Sums { weights, n_outputs }, classes, n_features })))
    }
}

/// A fitted [`LogisticRegression`].
struct LogisticModel {
    sums: Sums,
    classes: Classes,
    n_features: usize,
}

impl RowModel for LogisticModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let mut wide = vec![0.0; self.n_features];
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.classes.len())) {
            self.sums.of(row, &mut wide, &mut out[..self.sums.n_outputs]);
            if self.sums.n_outputs == 1 {
                out[1] = logistic(out[0]);
                out[0] = 1.0 - out[1];
            } else {
                shares_of_logarithms(out);
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f64("weights", &self.sums.weights);
    }
}
