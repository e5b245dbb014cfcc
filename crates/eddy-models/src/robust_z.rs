//! Robust z-score.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    robust_scale::RobustScale,
};

/// Robust z-score: rows with a value many typical deviations from the column's median are anomalous.
///
/// The modified z-score of a value is `0.6745 * |x - median| / MAD`, where MAD is the median absolute deviation from the
/// median. A column more than half of whose values are equal has no MAD; its mean absolute deviation stands in
/// (`0.7979 * |x - median| / mean deviation`), and for a constant column a millionth of its value.
///
/// Score range: 0 upwards; 3.5 is the source's limit. Input: any numbers; works best on columns that are symmetric, so
/// take the logarithm of heavy-tailed ones first. A missing value counts as a very large one. Blind to: gaps and
/// several modes inside a column; odd combinations of ordinary values. Cost: fit `O(d n)`, score `O(d)` per row.
///
/// Source: Iglewicz & Hoaglin, "How to Detect and Handle Outliers", ASQC 1993, chapter 3; the fallback to the mean
/// absolute deviation is IBM's (SPSS), the aggregation over columns is ours.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RobustZ {
    /// How the columns' z-scores become one score.
    pub aggregation: Aggregation,
}

/// How the columns' z-scores become one score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// The largest one: one odd column is enough.
    #[default]
    Max,
    /// The root of the mean of their squares: several somewhat odd columns count as well.
    RootMeanSquare,
}

impl Aggregation {
    fn of(self, z: impl ExactSizeIterator<Item = f64>) -> f64 {
        match self {
            Self::Max => z.map(f64::abs).fold(0.0, f64::max),
            Self::RootMeanSquare => {
                let n = z.len() as f64;
                (z.map(|z| z * z).sum::<f64>() / n).sqrt()
            }
        }
    }
}

impl Detector for RobustZ {
    const ABOUT: About = About {
        name: "robust_z",
        title: "Robust z-score",
        kind: ModelKind::Row,
        summary: "How many typical deviations (MAD) the most deviating value lies from its column's median.",
        blind_to: "Gaps and several modes inside a column; odd combinations of values that are each ordinary.",
        cost: "Fit O(d n); score O(d) per row; memory O(d).",
        source: "Iglewicz & Hoaglin, How to Detect and Handle Outliers, 1993.",
        natural_threshold: Some(3.5),
    };

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let columns = (0..rows.n_cols()).into_par_iter();
        let scales = columns.map(|col_idx| RobustScale::of(&column(rows, col_idx))).collect();
        Ok(Model::Row(Arc::new(RobustZModel { scales, aggregation: self.aggregation })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let scales = RobustScale::load_all(section, n_features)?;
        Ok(Model::Row(Arc::new(RobustZModel { scales, aggregation: section.value("aggregation")? })))
    }
}

/// A fitted [`RobustZ`].
#[derive(Debug)]
struct RobustZModel {
    scales: Vec<RobustScale>,
    aggregation: Aggregation,
}

impl RowModel for RobustZModel {
    fn n_features(&self) -> usize {
        self.scales.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        for (row, score) in rows.iter().zip(out) {
            *score = self.aggregation.of(self.scales.iter().zip(row).map(|(scale, &x)| scale.z(finite(x))));
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.scales.len());
        section.value("aggregation", &self.aggregation);
        RobustScale::save_all(&self.scales, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aggregated_as_asked() {
        let rows = RowsView::new(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0], 2);
        for (aggregation, expect) in
            [(Aggregation::Max, 0.6745 * 3.0), (Aggregation::RootMeanSquare, 0.6745 * 5f64.sqrt())]
        {
            let model = Detector::fit(&RobustZ { aggregation }, rows, &FitContext::default()).unwrap();
            let mut out = [0.0];
            model.score_once(RowsView::new(&[5.0, 10.0], 2), &[], &mut out);
            assert!((out[0] - expect).abs() < 1e-12, "{aggregation:?}: {out:?}");
        }
    }
}
