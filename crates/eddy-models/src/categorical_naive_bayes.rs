//! Categorical naive Bayes.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, Positive,
    RowModel, SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    binned::cuts_of,
    checked::{self, check_len},
    cuts::{CutKind, Cuts},
    forest::{class_labels, load_classes, score_by_probabilities},
    naive_bayes::log_priors,
    platt::shares_of_logarithms,
};

/// Categorical naive Bayes: how often each class has each category, the columns taken as independent.
///
/// Numeric columns are cut into bins of about equally many training rows, which are its categories; missing values are
/// a category of their own.
///
/// Score range: 0 to 1, the probability of an attack, which is far too sure of itself where columns say the same thing.
/// Input: category codes (`encode` with `method = ordinal`) and numbers; scaling makes no difference. Missing values are
/// understood. Blind to: whatever lies in the columns together. Cost: fit `O(n d)`, score `O(d (log bins + classes))`
/// per row.
///
/// Source: Maron, "Automatic Indexing", 1961; counts are smoothed as by Laplace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CategoricalNaiveBayes {
    /// Rows that each category of each class has to begin with.
    pub alpha: Positive,
    /// Bins of a numeric column at most, up to 254.
    pub n_bins: Count,
}

impl Default for CategoricalNaiveBayes {
    fn default() -> Self {
        Self { alpha: Positive::new(1.0), n_bins: Count::new(32) }
    }
}

/// Bins that there may be: 255 is that of missing values.
const PLACES: usize = 256;

impl Detector for CategoricalNaiveBayes {
    const ABOUT: About = About {
        name: "categorical_naive_bayes",
        title: "Categorical naive Bayes",
        kind: ModelKind::Row,
        summary: "Counts how often each class has each category, and takes the columns as independent.",
        blind_to: "What lies in the columns together, and attacks unlike any it was shown.",
        cost: "Fit O(n d); score O(d (log bins + classes)) per row.",
        source: "Maron 1961; counts smoothed as by Laplace.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const TAKES_MISSING: bool = true;

    fn check(&self) -> Result<(), String> {
        if self.n_bins.get() > 254 { Err("n_bins: 254 is the most".into()) } else { Ok(()) }
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let n_classes = labels.classes.len();
        let alpha = self.alpha.get().min(1e9);
        let columns: Vec<(Cuts, Vec<f32>)> = (0..rows.n_cols())
            .into_par_iter()
            .map(|col_idx| {
                let is_category = context.categories.get(col_idx) == Some(&true);
                let (cuts, kind) = if is_category {
                    (Vec::new(), CutKind::Categories)
                } else {
                    (cuts_of(rows, col_idx, self.n_bins.get()), CutKind::WithMissing)
                };
                let cuts = Cuts { cuts, kind };
                let mut counts = vec![0.0; n_classes * PLACES];
                for (row, &class) in rows.iter().zip(labels.of_rows) {
                    counts[usize::from(class) * PLACES + usize::from(cuts.bin(row[col_idx]))] += 1.0;
                }
                let n_seen = (0..PLACES).filter(|bin| (0..n_classes).any(|class| counts[class * PLACES + bin] > 0.0));
                let n_seen = n_seen.count() as f64;
                let logs = counts
                    .chunks_exact(PLACES)
                    .flat_map(|counts| {
                        let whole: f64 = counts.iter().sum::<f64>() + alpha * (n_seen + 1.0);
                        counts.iter().map(move |count| ((count + alpha) / whole).ln() as f32)
                    })
                    .collect();
                (cuts, logs)
            })
            .collect();
        let (cuts, logs): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let priors = log_priors(&labels);
        let classes = labels.classes.clone();
        Ok(Model::Row(Arc::new(CategoricalModel { log_priors: priors, cuts, logs, classes, n_features: rows.n_cols() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let classes = load_classes(section)?;
        let log_priors = checked::floats(section, "log_priors", classes.len())?;
        let cuts = Cuts::load_all(section, n_features)?;
        let logs = section.f32("log_shares")?;
        let n_logs = classes.len() * PLACES;
        check_len("log_shares", logs.len(), n_features * n_logs)?;
        if !logs.iter().all(|log| (-1e6..=0.0).contains(log)) {
            return Err(LoadError::content("log_shares", "are not logarithms of shares"));
        }
        let logs = logs.chunks_exact(n_logs).map(<[f32]>::to_vec).collect();
        Ok(Model::Row(Arc::new(CategoricalModel { log_priors, cuts, logs, classes, n_features })))
    }
}

/// A fitted [`CategoricalNaiveBayes`].
struct CategoricalModel {
    log_priors: Vec<f64>,
    cuts: Vec<Cuts>,
    /// For each column, class by class, the logarithm of the share of each bin.
    logs: Vec<Vec<f32>>,
    classes: Classes,
    n_features: usize,
}

impl RowModel for CategoricalModel {
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
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(self.classes.len())) {
            out.copy_from_slice(&self.log_priors);
            for ((cuts, logs), &cell) in self.cuts.iter().zip(&self.logs).zip(row) {
                let bin = usize::from(cuts.bin(cell));
                for (out, logs) in out.iter_mut().zip(logs.chunks_exact(PLACES)) {
                    *out += f64::from(logs[bin]);
                }
            }
            shares_of_logarithms(out);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f64("log_priors", &self.log_priors);
        Cuts::save_all(&self.cuts, section);
        section.f32("log_shares", &self.logs.concat());
    }
}
