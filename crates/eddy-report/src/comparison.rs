//! What a page that compares models is drawn from: plain data, filled by the runner.

use serde::Serialize;

use crate::{ClassCount, ReadSummary, compact};

/// Many models under one protocol, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct CompareReport {
    /// Heading of the page.
    pub title: String,
    /// Version of Eddy that made the run.
    pub eddy_version: String,
    /// Names of the sources, in reading order.
    pub generated_from: Vec<String>,
    /// What was read, assumed and set aside.
    pub read: ReadSummary,
    /// Things the reader should know that are not among the checks.
    pub cautions: Vec<String>,
    /// Name of the label column.
    pub label: String,
    /// What was learned from and what was measured on, in words.
    pub split: String,
    /// Rows measured on, over all folds.
    pub n_measured: u64,
    /// Share of the measured rows that are attacks, 0 to 1.
    pub base_rate: f64,
    /// The classes of all rows, most common first.
    pub classes: Vec<ClassCount>,
    /// What was looked into to see how far the figures can be trusted.
    pub checks: Vec<HonestyCheck>,
    /// The models, best first.
    pub models: Vec<ModelResult>,
    /// How far the models give the same verdicts; none with fewer than two.
    pub agreement: Option<Agreement>,
}

/// One thing that was looked into.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HonestyCheck {
    /// What was looked for.
    pub name: String,
    /// Whether it was found, so that the figures should be read with care.
    pub found: bool,
    /// What was seen, with its numbers.
    pub evidence: String,
}

/// How one model fared.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ModelResult {
    /// Name of the model.
    pub name: String,
    /// What it learned from ("labels", "normal rows", "all rows").
    pub learned_from: String,
    /// Why there are no figures.
    pub failed: Option<String>,
    /// The figures; none when it failed.
    pub figures: Option<Figures>,
    /// Attack or not.
    pub binary: Option<ConfusionMatrix>,
    /// Class by class, for models that tell classes apart.
    pub multi: Option<ConfusionMatrix>,
    /// Receiver operating characteristic: false positive rate and recall, from (0, 0) to (1, 1).
    pub roc: Curve,
    /// Recall and precision, from the highest score downward.
    pub precision_recall: Curve,
    /// Whether its shares mean what they say; only for models that give probabilities.
    pub reliability: Option<Reliability>,
    /// What shuffling one feature costs it, largest first.
    pub importance: Vec<Importance>,
    /// Classes that were kept from it: name, rows, rows caught.
    pub unseen: Vec<UnseenClass>,
    /// Seconds to fit, of all folds.
    pub fit_seconds: f64,
    /// Seconds to score, of all folds.
    pub score_seconds: f64,
    /// Size of the model file in bytes.
    pub bytes: u64,
}

/// The figures of attack against normal, means over the folds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Figures {
    /// Mean of the recalls of attacks and normal rows.
    pub balanced_accuracy: f64,
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Standard deviation of the accuracy over the folds; none with one fold.
    pub accuracy_sd: Option<f64>,
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
    /// Area under the precision-recall curve.
    pub average_precision: f64,
    /// Mean F1 of all classes; only for models that tell classes apart.
    pub macro_f1: Option<f64>,
    /// How rare attacks might be, and the share of alarms that would be real there.
    pub at_base_rates: Vec<(f64, f64)>,
    /// So many rows with the highest scores, and the share of attacks among them.
    pub at_alerts: Vec<(u64, f64)>,
}

/// Rows by their true class (row) and the class they were given (column).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ConfusionMatrix {
    /// Names of the classes.
    pub names: Vec<String>,
    /// One row of counts a true class.
    pub counts: Vec<Vec<u64>>,
}

/// A curve, thinned by the caller to a few hundred points.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Curve {
    /// Places to the right.
    #[serde(serialize_with = "compact::rounded")]
    pub x: Vec<f64>,
    /// Places upward, one for each of `x`.
    #[serde(serialize_with = "compact::rounded")]
    pub y: Vec<f64>,
}

/// Whether probabilities mean what they say.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Reliability {
    /// Mean squared difference of probability and outcome, 0 (best) to 1.
    pub brier: f64,
    /// Rows by their probability, rising.
    pub bins: Vec<ReliabilityBin>,
}

/// Rows of about the same probability.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ReliabilityBin {
    /// Mean probability of being an attack that the model gave them.
    pub predicted: f64,
    /// Share of them that are attacks.
    pub observed: f64,
    /// How many they are.
    pub rows: u64,
}

/// What shuffling one feature costs.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Importance {
    /// Name of the feature.
    pub feature: String,
    /// How far the balanced accuracy falls, mean over the repetitions.
    pub drop: f64,
    /// Standard deviation over the repetitions.
    pub sd: f64,
}

/// A class that a model was never shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UnseenClass {
    /// Name of the class.
    pub class: String,
    /// Rows of it that were measured.
    pub rows: u64,
    /// Rows of it that were flagged.
    pub caught: u64,
}

/// How far models give the same verdicts, as square matrices, row after row.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Agreement {
    /// Names of the models.
    pub names: Vec<String>,
    /// Share of the rows with the same verdict, 0 to 1.
    #[serde(serialize_with = "compact::rounded")]
    pub equal: Vec<f64>,
    /// Cohen's kappa: agreement beyond what chance gives, -1 to 1.
    #[serde(serialize_with = "compact::rounded")]
    pub kappa: Vec<f64>,
}
