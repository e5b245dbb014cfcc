//! Gaussian naive Bayes.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::finite,
    forest::{class_labels, load_classes, score_by_probabilities},
    naive_bayes::log_priors,
    platt::shares_of_logarithms,
};

/// Gaussian naive Bayes: each class as a bell curve in each column, the columns taken as independent.
///
/// Score range: 0 to 1, the probability of an attack, which is far too sure of itself where columns say the same thing.
/// Input: numbers; scaling makes next to no difference. A missing value counts as a very large one. Blind to: whatever
/// lies in the columns together, and columns of more than one hump. Cost: fit `O(n d)`, score `O(d classes)` per row.
///
/// Source: Maron, "Automatic Indexing", 1961; variances are widened a little as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianNaiveBayes {
    /// Part of the largest variance of any column that is added to all variances.
    pub var_smoothing: Positive,
}

impl Default for GaussianNaiveBayes {
    fn default() -> Self {
        Self { var_smoothing: Positive::new(1e-9) }
    }
}

/// The least variance, where all columns are constant.
const LEAST_VARIANCE: f64 = 1e-30;

impl Detector for GaussianNaiveBayes {
    const ABOUT: About = About {
        name: "gaussian_naive_bayes",
        title: "Gaussian naive Bayes",
        kind: ModelKind::Row,
        summary: "Takes each class as a bell curve in each column, and the columns as independent.",
        blind_to: "What lies in the columns together, columns of more than one hump, and attacks unlike any it was shown.",
        cost: "Fit O(n d); score O(d classes) per row.",
        source: "Maron 1961; variances widened as in scikit-learn.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let n_classes = labels.classes.len();
        let n_cols = rows.n_cols();
        // Mean and variance of each class in each column, and the variance of the column.
        let columns: Vec<(Vec<(f64, f64)>, f64)> = (0..n_cols)
            .into_par_iter()
            .map(|col_idx| {
                let cells = || {
                    let cell = |row: &[f32]| f64::from(finite(row[col_idx]));
                    rows.iter().map(cell).zip(labels.of_rows.iter().map(|&class| usize::from(class)))
                };
                // The last place is that of all rows.
                let mut sums = vec![(0.0, 0.0); n_classes + 1];
                for (cell, class) in cells() {
                    for place in [class, n_classes] {
                        sums[place].0 += 1.0;
                        sums[place].1 += cell;
                    }
                }
                let means: Vec<f64> = sums.iter().map(|(n, sum)| if *n > 0.0 { sum / n } else { 0.0 }).collect();
                let mut squares = vec![0.0; n_classes + 1];
                for (cell, class) in cells() {
                    for place in [class, n_classes] {
                        squares[place] += (cell - means[place]).powi(2);
                    }
                }
                let variance = |place: usize| if sums[place].0 > 0.0 { squares[place] / sums[place].0 } else { 0.0 };
                ((0..n_classes).map(|class| (means[class], variance(class))).collect(), variance(n_classes))
            })
            .collect();
        let widest = columns.iter().map(|(_, variance)| *variance).fold(0.0, f64::max);
        let added = (self.var_smoothing.get().min(1e30) * widest).max(LEAST_VARIANCE);
        let mut means = vec![0.0; n_classes * n_cols];
        let mut variances = vec![0.0; n_classes * n_cols];
        for (col_idx, (classes, _)) in columns.iter().enumerate() {
            for (class, (mean, variance)) in classes.iter().enumerate() {
                means[class * n_cols + col_idx] = *mean;
                variances[class * n_cols + col_idx] = variance + added;
            }
        }
        Ok(Model::Row(Arc::new(GaussianModel::new(log_priors(&labels), means, variances, labels.classes.clone(), n_cols))))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let classes = load_classes(section)?;
        let priors = checked::floats(section, "log_priors", classes.len())?;
        let means = checked::f32_range(section, "means", classes.len() * n_features)?;
        let variances = checked::positives(section, "variances", classes.len() * n_features)?;
        Ok(Model::Row(Arc::new(GaussianModel::new(priors, means, variances, classes, n_features))))
    }
}

/// A fitted [`GaussianNaiveBayes`].
struct GaussianModel {
    log_priors: Vec<f64>,
    /// Class by class, column by column.
    means: Vec<f64>,
    variances: Vec<f64>,
    /// For each class what does not depend on the row.
    constants: Vec<f64>,
    classes: Classes,
    n_features: usize,
}

impl GaussianModel {
    fn new(log_priors: Vec<f64>, means: Vec<f64>, variances: Vec<f64>, classes: Classes, n_features: usize) -> Self {
        let by_class = variances.chunks_exact(n_features).zip(&log_priors);
        let constants =
            by_class.map(|(variances, prior)| prior - 0.5 * variances.iter().map(|v| v.ln()).sum::<f64>()).collect();
        Self { log_priors, means, variances, constants, classes, n_features }
    }
}

impl RowModel for GaussianModel {
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
        let d = self.n_features;
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.classes.len())) {
            for (class, out) in out.iter_mut().enumerate() {
                let means = &self.means[class * d..(class + 1) * d];
                let variances = &self.variances[class * d..(class + 1) * d];
                let far: f64 = row
                    .iter()
                    .zip(means.iter().zip(variances))
                    .map(|(&cell, (mean, variance))| (f64::from(finite(cell)) - mean).powi(2) / variance)
                    .sum();
                *out = self.constants[class] - 0.5 * far;
            }
            shares_of_logarithms(out);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f64("log_priors", &self.log_priors);
        section.f64("means", &self.means);
        section.f64("variances", &self.variances);
    }
}
