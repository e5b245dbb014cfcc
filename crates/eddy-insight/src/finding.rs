//! A flagged row, with its place and its reasons.

use serde::Serialize;

use crate::{Cause, SeriesEvent};

/// Where a row stood in the input.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Place {
    /// Row number over all files, counted from 1.
    pub row: u64,
    /// File.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Line in that file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Time as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whom the row is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
}

/// Flagged rows that follow one another: most likely one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// The same times in nanoseconds since the epoch.
    #[serde(skip)]
    pub span_ns: Option<(i64, i64)>,
}

/// A flagged row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// 1 = most unusual.
    pub rank: usize,
    /// Where the row stood.
    pub place: Place,
    /// Calibrated score, 0 to 1: 0.5 is one typical row in a thousand.
    pub anomaly_score: f64,
    /// `-log10` of the estimated share of typical rows that score as high.
    pub surprise: f64,
    /// The surprise of the row alone, where it was raised because the rows around it are unusual as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alone: Option<f64>,
    /// The flagged rows around it, where rows are in the order of time and there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stretch: Option<Stretch>,
    /// What it is, in a sentence.
    pub sentence: String,
    /// The features that made it, most important first.
    pub causes: Vec<Cause>,
    /// What happened to the series, where the finding is an event of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<SeriesEvent>,
    /// What the label column says, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}
