//! ECOD.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ecdf::Ecdf;

/// ECOD: rows whose values lie far in the tails of many columns are anomalous.
///
/// The share of training rows at most, and at least, as large is counted per column; the score is the sum over columns
/// of `-ln` of the smaller of the two. There is nothing to tune.
///
/// Score range: 0 upwards, at most `columns * ln(n + 1)`. Input: any numbers; scaling makes no difference. A missing
/// value counts as a very large one. Blind to: how far beyond the training values a row lies; gaps in the middle of a
/// column; odd combinations of ordinary values. Cost: fit `O(d n log n)`, score `O(d log n)` per row.
///
/// Source: Li, Zhao, Hu, Botta, Ionescu & Chen, "ECOD: Unsupervised Outlier Detection Using Empirical Cumulative
/// Distribution Functions", TKDE 2022, Algorithm 1. As in PyOD the larger tail is taken column by column; the paper
/// takes it once for the whole row, and picks the tail by skewness, which then never decides. Where ours differs from
/// PyOD: PyOD counts the rows to be scored among the training rows, so that a score depends on the batch it came in;
/// ours counts training rows only. On the training rows the two agree. Beyond 65,536 training rows, as many evenly
/// spaced order statistics per column are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ecod {}

impl Detector for Ecod {
    const ABOUT: About = About {
        name: "ecod",
        title: "ECOD",
        kind: ModelKind::Row,
        summary: "Adds up, over the columns, how far in the tail of the training values each value lies.",
        blind_to: "How far beyond the training values a row lies; gaps inside a column; odd combinations.",
        cost: "Fit O(d n log n); score O(d log n) per row; memory O(d min(n, 65536)).",
        source: "Li et al., ECOD, TKDE 2022, as PyOD computes it; scores do not depend on the batch.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        Ok(Model::Row(Arc::new(EcodModel { ecdfs: Ecdf::of_columns(rows) })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        Ok(Model::Row(Arc::new(EcodModel { ecdfs: Ecdf::load_all(section)? })))
    }
}

/// A fitted [`Ecod`].
#[derive(Debug)]
struct EcodModel {
    ecdfs: Vec<Ecdf>,
}

impl RowModel for EcodModel {
    fn n_features(&self) -> usize {
        self.ecdfs.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        Ecdf::sum_over_columns(&self.ecdfs, rows, out, |_, tails| tails.left.max(tails.right));
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        Ecdf::save_all(&self.ecdfs, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_sum_of_the_rarer_tails() {
        let rows = RowsView::new(&[1.0, 5.0, 2.0, 5.0, 3.0, 5.0, 4.0, 9.0], 2);
        let model = Detector::fit(&Ecod::default(), rows, &FitContext::default()).unwrap();
        let mut out = [0.0; 4];
        model.score_once(rows, &[], &mut out);
        let expect = -(0.25f64.ln()) - 0.25f64.ln();
        assert!((out[3] - expect).abs() < 1e-12, "{out:?}");
    }
}
