//! What a page or picture of a detection is drawn from: plain data, filled by the runner.
//!
//! Everything long is columnar: one vector per quantity, all of the same length. Numbers that are not finite mean
//! "missing" and are written as `null`. Row numbers count from 1 over all files of a run.

use serde::Serialize;

use crate::{IncidentCard, compact};

/// A finished detection, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct DetectReport {
    /// Heading of the page and of pictures ("flows.csv", "3 files").
    pub title: String,
    /// Version of Eddy that made the run.
    pub eddy_version: String,
    /// Names of the sources, in reading order.
    pub generated_from: Vec<String>,
    /// What was read, assumed and set aside.
    pub read: ReadSummary,
    /// The columns as they were read.
    pub columns: Vec<ColumnRow>,
    /// The steps of the pipeline, each in words.
    pub pipeline: Vec<String>,
    /// The detector, in words.
    pub detector: String,
    /// Which rows are flagged, and why so many.
    pub threshold: ThresholdInfo,
    /// Things the reader should know before trusting the counts.
    pub cautions: Vec<String>,
    /// The rows that are drawn.
    pub points: Points,
    /// The features, with one value for each point.
    pub features: Vec<FeatureSeries>,
    /// Distribution of the anomaly score over **all** rows.
    pub score_histogram: Histogram,
    /// Flagged rows that are explained, best first.
    pub findings: Vec<FindingRow>,
    /// Names of the columns whose cells stand in [`FindingRow::values`].
    pub finding_columns: Vec<String>,
    /// Scores and verdicts measured against labels, where there are any.
    pub evaluation: Option<Evaluation>,
    /// What happened, most urgent first.
    pub incidents: Vec<IncidentCard>,
}

/// What was read, what was assumed and what was set aside.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ReadSummary {
    /// How the bytes were read ("CSV, comma, header, UTF-8, LF").
    pub format: String,
    /// The known table shape, in prose ("metric series").
    pub shape_title: String,
    /// Rows read.
    pub rows_read: u64,
    /// Rows that could not be read.
    pub rows_set_aside: u64,
    /// Cells that were not of their column's kind and were treated as missing.
    pub cells_set_aside: u64,
    /// The first few rows and cells set aside.
    pub first_set_aside: Vec<SetAside>,
    /// What was assumed, in whole sentences.
    pub notes: Vec<String>,
}

/// A row or a cell that could not be read.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SetAside {
    /// Where it stood ("flows.csv, line 17, column dst_port").
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// The beginning of the text at fault.
    pub text: String,
}

/// A column as it was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ColumnRow {
    /// Name.
    pub name: String,
    /// What it is for ("feature", "label").
    pub role: String,
    /// How its values are stored ("float", "text").
    pub kind: String,
    /// Unit, where known.
    pub unit: Option<String>,
}

/// Which rows are flagged.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ThresholdInfo {
    /// The rule, in words.
    pub rule: String,
    /// Rows with an anomaly score of at least this are flagged; above 1 when nothing is.
    pub value: f64,
    /// Rows flagged, of all rows.
    pub flagged: u64,
    /// Share of the rows that are flagged, 0 to 1.
    pub share: f64,
    /// A caution that belongs beside the count.
    pub warning: Option<String>,
}

/// What the horizontal axis of a trace counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Time,
    /// Milliseconds since an unknown start (the first packet of a capture).
    Elapsed,
    /// Row number, counted from 1.
    #[default]
    Index,
}

/// The rows that are drawn, as columns of equal length, in reading order.
///
/// The caller thins a long run with [`crate::downsample`], so that every flagged row stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Points {
    /// What `x` counts.
    pub axis: Axis,
    /// Place on the horizontal axis; finite.
    #[serde(serialize_with = "compact::exact")]
    pub x: Vec<f64>,
    /// Anomaly score, 0 to 1, `s / (s + 3)` of a surprise `s = -log10(share of typical rows that score as high)`.
    #[serde(serialize_with = "compact::singles")]
    pub score: Vec<f32>,
    /// 1 where the row is flagged, else 0.
    pub flagged: Vec<u8>,
    /// Row number, counted from 1.
    pub row: Vec<u64>,
    /// 1 where the label says attack, else 0; empty when there are no labels.
    pub truth: Vec<u8>,
    /// Rows in all, drawn or not.
    pub total_rows: u64,
}

/// One feature over the points.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FeatureSeries {
    /// Name.
    pub name: String,
    /// Unit, where known.
    pub unit: Option<String>,
    /// One value for each point, in the unit; for a category the position of its level in `levels`.
    #[serde(serialize_with = "compact::rounded")]
    pub values: Vec<f64>,
    /// The levels of a category, most common first; empty for numbers.
    pub levels: Vec<String>,
    /// Distribution over all rows. For a category bin `i` is level `i`, with edges 0, 1, 2, ...
    pub histogram: Histogram,
    /// Smallest, lower quartile, median, upper quartile, largest; numbers only.
    pub quartiles: Option<[f64; 5]>,
    /// Between which values 90 % of the training rows lie; numbers only.
    pub typical: Option<(f64, f64)>,
    /// What was expected at each point, by a model that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
}

/// Between which values each point was expected: as many as there are points, NaN where nothing was.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Band {
    /// Lower ends.
    #[serde(serialize_with = "compact::rounded")]
    pub low: Vec<f64>,
    /// Upper ends.
    #[serde(serialize_with = "compact::rounded")]
    pub high: Vec<f64>,
}

/// Counts in bins, ordinary and flagged rows apart. Made by hand or by [`Histogram::of`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Histogram {
    /// Edges of the bins, rising, one more than there are counts. They need not be evenly spaced: bins are drawn
    /// equally wide and labelled by their edges, so logarithmic bins show as a logarithmic axis.
    #[serde(serialize_with = "compact::rounded")]
    pub edges: Vec<f64>,
    /// Rows that are not flagged; the last bin holds its upper edge too.
    pub normal: Vec<u64>,
    /// Rows that are flagged.
    pub flagged: Vec<u64>,
}

/// A flagged row, explained.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FindingRow {
    /// 1 = most unusual.
    pub rank: u64,
    /// Row number, counted from 1, as in [`Points::row`].
    pub row: u64,
    /// Line in the source, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Name of the source, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Time as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whom the row is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The flagged rows around it, where several follow one another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stretch: Option<Stretch>,
    /// Anomaly score, 0 to 1.
    #[serde(serialize_with = "compact::one")]
    pub score: f64,
    /// What it is, in a sentence.
    pub sentence: String,
    /// What the label column says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The features that made it, most important first.
    pub causes: Vec<Cause>,
    /// The cells of the row as text, one for each of [`DetectReport::finding_columns`].
    pub values: Vec<String>,
}

/// Flagged rows that follow one another: most likely one event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stretch {
    /// Row number of the first, counted from 1.
    pub first_row: u64,
    /// Row number of the last.
    pub last_row: u64,
    /// Flagged rows in it.
    pub flagged: u64,
    /// Time of the first, as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Time of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// One feature's part in a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cause {
    /// Name of the feature.
    pub feature: String,
    /// Its unit, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its share of all that made the row unusual, 0 to 1.
    #[serde(serialize_with = "compact::one")]
    pub share: f64,
    /// What was seen and what is ordinary.
    #[serde(flatten)]
    pub contrast: Contrast,
}

/// What was seen against what is ordinary.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Contrast {
    /// A number, in the feature's unit.
    Number {
        /// The value in the row; none when it is missing.
        seen: Option<f64>,
        /// The median of the training rows.
        expected: f64,
        /// 5 % of the training rows lie below.
        low: f64,
        /// 5 % of the training rows lie above.
        high: f64,
    },
    /// A category.
    Category {
        /// The level in the row; empty when missing.
        seen: String,
        /// Share of the training rows with that level, 0 to 1.
        seen_share: f64,
        /// The most common level.
        expected: String,
        /// Its share of the training rows, 0 to 1.
        expected_share: f64,
    },
}

/// Scores and verdicts measured against a label column.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Evaluation {
    /// Name of the label column.
    pub label_column: String,
    /// Area under the receiver operating characteristic, 0 to 1.
    pub roc_auc: f64,
    /// Average precision, 0 to 1.
    pub pr_auc: f64,
    /// Share of flagged rows that are attacks.
    pub precision: f64,
    /// Share of attacks that are flagged.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Share of normal rows that are flagged.
    pub false_positive_rate: f64,
    /// Attacks flagged.
    pub true_positives: u64,
    /// Normal rows flagged.
    pub false_positives: u64,
    /// Normal rows passed.
    pub true_negatives: u64,
    /// Attacks passed.
    pub false_negatives: u64,
}
