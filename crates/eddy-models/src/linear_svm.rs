//! Linear support vector machine.

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
    platt::{Sigmoid, shares_of_one},
};

/// Linear support vector machine: the straight border with the widest margin between the classes.
///
/// More than two classes have a border each, against the rest. Distances from the borders become probabilities by a
/// logistic function fitted to the training rows.
///
/// Score range: 0 to 1, the probability of an attack. Input: columns on one scale, as the `scale` step gives them. A
/// missing value counts as a very large one. Blind to: whatever no straight border parts; attacks unlike any it was
/// shown. Cost: fit `O(n d classes)` per step, score `O(d classes)` per row.
///
/// Source: Cortes & Vapnik, "Support-Vector Networks", Machine Learning 1995; with squared hinge loss and unpenalised
/// intercept, solved in the primal by L-BFGS; probabilities as in Platt 1999.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinearSvm {
    /// How much rows on the wrong side cost, against a wide margin.
    pub c: Positive,
    /// Steps at most.
    pub max_iter: Count,
    /// The steepest slope of the mean loss at which it stops.
    pub tolerance: Positive,
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
}

impl Default for LinearSvm {
    fn default() -> Self {
        Self {
            c: Positive::new(1.0),
            max_iter: Count::new(200),
            tolerance: Positive::new(1e-4),
            class_weight: ClassWeight::Equal,
        }
    }
}

impl Detector for LinearSvm {
    const ABOUT: About = About {
        name: "linear_svm",
        title: "Linear support vector machine",
        kind: ModelKind::Row,
        summary: "Finds the straight border with the widest margin between the classes.",
        blind_to: "What no straight border parts, and attacks unlike any it was shown.",
        cost: "Fit O(n d classes) per step; score O(d classes) per row.",
        source: "Cortes & Vapnik 1995, squared hinge loss, solved by L-BFGS; probabilities as in Platt 1999.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let weights = self.class_weight.weights(&labels);
        let whole: f64 = labels.of_rows.iter().map(|&class| weights[usize::from(class)]).sum();
        let penalty = Penalty { l2: 1.0 / (self.c.get() * whole), l1: 0.0 };
        let problem =
            Problem { rows, of_rows: labels.of_rows, weights: &weights, loss: Loss::SquaredHinge, penalty };
        let sums = problem.solve(self.max_iter.get(), self.tolerance.get());
        let n_outputs = sums.n_outputs;
        let mut margins = vec![Vec::with_capacity(rows.n_rows()); n_outputs];
        let (mut wide, mut one) = (vec![0.0; rows.n_cols()], vec![0.0; n_outputs]);
        for row in rows.iter() {
            sums.of(row, &mut wide, &mut one);
            margins.iter_mut().zip(&one).for_each(|(margins, &margin)| margins.push(margin));
        }
        let sigmoids = margins.iter().enumerate().map(|(output, margins)| {
            let class = if n_outputs == 1 { 1 } else { output };
            let truths: Vec<bool> = labels.of_rows.iter().map(|&of_row| usize::from(of_row) == class).collect();
            Sigmoid::fit(margins, &truths)
        });
        let sigmoids = sigmoids.collect();
        let classes = labels.classes.clone();
        Ok(Model::Row(Arc::new(SvmModel { sums, sigmoids, classes, n_features: rows.n_cols() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let classes = load_classes(section)?;
        let n_outputs = n_outputs(classes.len());
        let weights = checked::floats(section, "weights", n_outputs * (n_features + 1))?;
        let sigmoids = Sigmoid::load_all(section, n_outputs)?;
        Ok(Model::Row(Arc::new(SvmModel { sums: Sums { weights, n_outputs }, sigmoids, classes, n_features })))
    }
}

/// A fitted [`LinearSvm`].
struct SvmModel {
    sums: Sums,
    sigmoids: Vec<Sigmoid>,
    classes: Classes,
    n_features: usize,
}

impl RowModel for SvmModel {
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
        let n_outputs = self.sums.n_outputs;
        let mut wide = vec![0.0; self.n_features];
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.classes.len())) {
            self.sums.of(row, &mut wide, &mut out[..n_outputs]);
            for (sum, sigmoid) in out.iter_mut().zip(&self.sigmoids) {
                *sum = sigmoid.probability(*sum);
            }
            shares_of_one(out, n_outputs);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f64("weights", &self.sums.weights);
        Sigmoid::save_all(&self.sigmoids, section);
    }
}
