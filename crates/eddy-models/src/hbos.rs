//! Histogram-based outlier score.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    histogram::{Bins, Histogram},
};

/// Histogram-based outlier score: rows whose values fall into low bins of the columns' histograms are anomalous.
///
/// Each column has a histogram whose highest bin has height 1; the score is the sum over columns of
/// `log2((1 + smoothing) / (height + smoothing))`. Beyond the training values the score of a column goes on growing with
/// the logarithm of the distance in bins.
///
/// Score range: 0 upwards. Input: any numbers; static bins see little of heavy-tailed columns, take their logarithm
/// first or use dynamic bins. A missing value counts as a very large one. Blind to: odd combinations of ordinary
/// values, for columns are looked at one by one. Cost: fit `O(d n)` (dynamic: `O(d n log n)`), score `O(d log bins)`
/// per row.
///
/// Source: Goldstein & Dengel, "Histogram-based Outlier Score (HBOS): A fast Unsupervised Anomaly Detection Algorithm",
/// KI 2012. Where ours differs: heights are smoothed as in PyOD so that empty bins are finite, but relative to the
/// highest bin as in the paper, so that the unit of a column makes no difference (in PyOD it does); and values outside
/// the bins are not treated as one more empty bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hbos {
    /// Bins per column.
    pub n_bins: Count,
    /// How the range of a column is cut into bins.
    pub bins: BinKind,
    /// Height, relative to the highest bin, that is added to every bin. Smaller values make rare values count more.
    pub smoothing: Positive,
}

/// How the range of a column is cut into bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BinKind {
    /// Bins of equal width.
    Static,
    /// Bins that hold about equally many training rows: for columns with long tails and gaps.
    Dynamic,
}

impl Default for Hbos {
    fn default() -> Self {
        Self { n_bins: Count::new(10), bins: BinKind::Static, smoothing: Positive::new(0.1) }
    }
}

impl Hbos {
    fn fit_column(&self, values: &[f32]) -> Histogram {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let bins = match self.bins {
            BinKind::Static => Bins::equal_width(&values, self.n_bins.get()),
            BinKind::Dynamic => Bins::equal_count(&values, self.n_bins.get()),
        };
        let densities: Vec<f64> = bins.counts.iter().zip(bins.widths()).map(|(n, width)| n / width).collect();
        let highest = densities.iter().copied().fold(0.0, f64::max);
        let smoothing = self.smoothing.get();
        // The difference of logarithms is finite even where the quotient would not be.
        let surprise = |height: f64| (1.0 + smoothing).log2() - (height + smoothing).log2();
        let surprises = densities.iter().map(|density| surprise(density / highest)).collect();
        Histogram::new(bins, surprises, surprise(0.0))
    }
}

impl Detector for Hbos {
    const ABOUT: About = About {
        name: "hbos",
        title: "HBOS",
        kind: ModelKind::Row,
        summary: "Adds up, over the columns, how low the histogram bin is that each value falls into.",
        blind_to: "Odd combinations of values that are each ordinary.",
        cost: "Fit O(d n), dynamic bins O(d n log n); score O(d log bins) per row; memory O(d bins).",
        source: "Goldstein & Dengel, Histogram-based Outlier Score, KI 2012; smoothed, and growing beyond the edges.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let columns = (0..rows.n_cols()).into_par_iter();
        let histograms = columns.map(|col_idx| self.fit_column(&column(rows, col_idx))).collect();
        Ok(Model::Row(Arc::new(HbosModel { histograms })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        Ok(Model::Row(Arc::new(HbosModel { histograms: Histogram::load_all(section, n_features)? })))
    }
}

/// A fitted [`Hbos`].
#[derive(Debug)]
struct HbosModel {
    histograms: Vec<Histogram>,
}

impl RowModel for HbosModel {
    fn n_features(&self) -> usize {
        self.histograms.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        for (row, score) in rows.iter().zip(out) {
            let columns = self.histograms.iter().zip(row);
            *score = columns.map(|(histogram, &x)| histogram.surprise(f64::from(finite(x)))).sum();
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.histograms.len());
        Histogram::save_all(&self.histograms, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bin_is_no_surprise_and_an_empty_one_the_greatest_inside() {
        let mut values = vec![0.5; 90];
        values.extend([0.0, 2.0, 3.0]);
        for bins in [BinKind::Static, BinKind::Dynamic] {
            let hbos = Hbos { n_bins: Count::new(3), bins, smoothing: Positive::new(0.1) };
            let histogram = hbos.fit_column(&values);
            assert_eq!(histogram.surprise(0.5), 0.0, "{bins:?}");
            assert!(histogram.surprise(3.0) > 1.0 && histogram.surprise(30.0) > histogram.surprise(3.0));
        }
    }
}
