//! What a page about a table is drawn from, before any model has seen it.

use serde::Serialize;

use crate::{Axis, Labelled, Projection, ReadSummary, SeriesProfile, compact};

/// A table in numbers, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ExploreReport {
    /// Heading of the page.
    pub title: String,
    /// Version of Eddy that made the run.
    pub eddy_version: String,
    /// Names of the sources, in reading order.
    pub generated_from: Vec<String>,
    /// What was read, assumed and set aside.
    pub read: ReadSummary,
    /// Things the reader should know.
    pub cautions: Vec<String>,
    /// Rows the numbers are from; fewer than were read when a large input was sampled.
    pub n_rows: u64,
    /// The columns, in the source's order.
    pub columns: Vec<ColumnSummary>,
    /// Correlation of the numeric columns, where there are at least two.
    pub correlation: Option<Correlation>,
    /// Classes and tests, where there is a label column.
    pub labelled: Option<Labelled>,
    /// The rows on their first two principal components, where there are numeric columns.
    pub projection: Option<Projection>,
    /// The value columns over time or row number, with their rhythm.
    pub series: Vec<SeriesProfile>,
    /// Top sources, destinations, protocols, ports.
    pub top: Vec<TopList>,
    /// Distribution of packet lengths in bytes, where the table has packets.
    pub packet_lengths: Option<Counts>,
}

/// One column in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ColumnSummary {
    /// Name.
    pub name: String,
    /// What it is for ("feature", "label").
    pub role: String,
    /// How its values are stored ("float", "text").
    pub kind: String,
    /// Unit, where known.
    pub unit: Option<String>,
    /// Of a column of times: what its numbers, in seconds, count from.
    pub time: Option<Axis>,
    /// Values that are there.
    pub count: u64,
    /// Values that are missing.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Mean; numbers only.
    pub mean: Option<f64>,
    /// Standard deviation; numbers only.
    pub sd: Option<f64>,
    /// Smallest, lower quartile, median, upper quartile, largest; numbers only.
    pub quartiles: Option<[f64; 5]>,
    /// Distribution; numbers only.
    pub histogram: Option<Counts>,
    /// Most common values and their counts; text only.
    pub top: Vec<(String, u64)>,
}

/// Counts in bins.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Counts {
    /// Edges of the bins, rising, one more than there are counts.
    pub edges: Vec<f64>,
    /// Values in each bin; the last bin holds its upper edge too.
    pub counts: Vec<u64>,
}

/// How columns go together, as square matrices, row after row.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Correlation {
    /// Names of the columns.
    pub names: Vec<String>,
    /// Pearson correlation, -1 to 1.
    #[serde(serialize_with = "compact::rounded")]
    pub pearson: Vec<f64>,
    /// Spearman rank correlation, -1 to 1; empty when not computed.
    #[serde(serialize_with = "compact::rounded")]
    pub spearman: Vec<f64>,
}

/// Two columns that say nearly the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CorrelatedPair {
    /// Name of the one column.
    pub first: String,
    /// Name of the other.
    pub second: String,
    /// Pearson correlation.
    pub pearson: f64,
    /// Spearman rank correlation; none when not computed.
    pub spearman: Option<f64>,
}

impl Correlation {
    /// Pairs of different columns with a correlation beyond `bound` either way, linear or by rank, strongest first.
    pub fn pairs_beyond(&self, bound: f64) -> Vec<CorrelatedPair> {
        let n = self.names.len();
        let mut pairs: Vec<CorrelatedPair> = (0..n)
            .flat_map(|row| (row + 1..n).map(move |column| (row, column)))
            .filter_map(|(row, column)| {
                let at = row * n + column;
                let (pearson, spearman) = (*self.pearson.get(at)?, self.spearman.get(at).copied());
                let strong = |value: f64| value.is_finite() && value.abs() > bound;
                (strong(pearson) || spearman.is_some_and(strong)).then(|| CorrelatedPair {
                    first: self.names[row].clone(),
                    second: self.names[column].clone(),
                    pearson,
                    spearman,
                })
            })
            .collect();
        let strength = |pair: &CorrelatedPair| pair.pearson.abs().max(pair.spearman.map_or(0.0, f64::abs));
        pairs.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
        pairs
    }
}

/// The most common values of a column that names hosts, ports or protocols.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TopList {
    /// What is listed ("Top sources").
    pub title: String,
    /// The values, most common first.
    pub items: Vec<TopItem>,
}

/// One line of a [`TopList`].
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TopItem {
    /// The value.
    pub label: String,
    /// Rows with it.
    pub count: u64,
    /// Bytes of those rows, where a length column is known.
    pub bytes: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_pairs_are_found_by_either_correlation() {
        let correlation = Correlation {
            names: ["a", "b", "c"].map(String::from).to_vec(),
            pearson: vec![1.0, 0.2, -0.92, 0.2, 1.0, 0.5, -0.92, 0.5, 1.0],
            spearman: vec![1.0, 0.97, -0.5, 0.97, 1.0, 0.9, -0.5, 0.9, 1.0],
        };
        let pairs = correlation.pairs_beyond(0.9);
        let names: Vec<(&str, &str)> =
            pairs.iter().map(|pair| (pair.first.as_str(), pair.second.as_str())).collect();
        assert_eq!(names, [("a", "b"), ("a", "c")]);
        assert_eq!(Correlation { spearman: vec![], ..correlation }.pairs_beyond(0.9).len(), 1);
    }
}
