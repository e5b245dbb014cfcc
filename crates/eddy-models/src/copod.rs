//! COPOD.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{checked, columns::column, ecdf::{Ecdf, Tails}};

/// COPOD: rows whose values lie far in the longer tail of many columns are anomalous.
///
/// Per column, the tail on the side that the column is skewed to counts in full, and both tails count half if that is
/// more; the score is the sum over columns. There is nothing to tune.
///
/// Score range: 0 upwards, at most `2 columns * ln(n + 1)`. Input: any numbers; scaling makes no difference. A missing
/// value counts as a very large one. Blind to: how far beyond the training values a row lies; gaps in the middle of a
/// column; odd combinations of ordinary values; values in the short tail of a skewed column count half. Cost: fit
/// `O(d n log n)`, score `O(d log n)` per row.
///
/// Source: Li, Zhao, Botta, Ionescu & Hu, "COPOD: Copula-Based Outlier Detection", ICDM 2020, Algorithm 1, with the
/// larger of the two taken column by column as in PyOD. Where ours differs from PyOD: tails and skewness are those of
/// the training rows only, so that a score does not depend on the batch it came in. On the training rows the two agree.
/// Beyond 65,536 training rows, as many evenly spaced order statistics per column are kept.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Copod {}

impl Detector for Copod {
    const ABOUT: About = About {
        name: "copod",
        title: "COPOD",
        kind: ModelKind::Row,
        summary: "Like ECOD, with the tail that each column is skewed to counting most.",
        blind_to: "How far beyond the training values a row lies; gaps inside a column; odd combinations.",
        cost: "Fit O(d n log n); score O(d log n) per row; memory O(d min(n, 65536)).",
        source: "Li et al., COPOD, ICDM 2020, as PyOD computes it; scores do not depend on the batch.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let skews = (0..rows.n_cols()).into_par_iter().map(|col_idx| Skew::of(&column(rows, col_idx)));
        Ok(Model::Row(Arc::new(CopodModel { skews: skews.collect(), ecdfs: Ecdf::of_columns(rows) })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let ecdfs = Ecdf::load_all(section)?;
        let codes = section.u8("skew")?;
        checked::check_len("skew", codes.len(), ecdfs.len())?;
        let skews = codes.iter().map(|&code| Skew::from_code(code)).collect::<Result<_, _>>()?;
        Ok(Model::Row(Arc::new(CopodModel { skews, ecdfs })))
    }
}

/// The side of a column's longer tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skew {
    Left = 0,
    None = 1,
    Right = 2,
}

impl Skew {
    /// The sign of the third central moment.
    fn of(values: &[f32]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let third = values.iter().map(|&value| (f64::from(value) - mean).powi(3)).sum::<f64>();
        // In a constant column only rounding errors are left.
        let is_constant = values.iter().all(|&value| value == values[0]);
        match third {
            _ if is_constant => Self::None,
            third if third < 0.0 => Self::Left,
            third if third > 0.0 => Self::Right,
            _ => Self::None,
        }
    }

    fn from_code(code: u8) -> Result<Self, LoadError> {
        [Self::Left, Self::None, Self::Right]
            .into_iter()
            .find(|&skew| skew as u8 == code)
            .ok_or_else(|| LoadError::content("skew", format!("holds {code}, not 0, 1 or 2")))
    }

    fn surprise(self, tails: Tails) -> f64 {
        let skewed = match self {
            Self::Left => tails.left,
            Self::None => tails.left + tails.right,
            Self::Right => tails.right,
        };
        skewed.max(f64::midpoint(tails.left, tails.right))
    }
}

/// A fitted [`Copod`].
#[derive(Debug)]
struct CopodModel {
    skews: Vec<Skew>,
    ecdfs: Vec<Ecdf>,
}

impl RowModel for CopodModel {
    fn n_features(&self) -> usize {
        self.ecdfs.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        Ecdf::sum_over_columns(&self.ecdfs, rows, out, |col_idx, tails| self.skews[col_idx].surprise(tails));
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        Ecdf::save_all(&self.ecdfs, section);
        section.u8("skew", &self.skews.iter().map(|&skew| skew as u8).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_tail_is_found() {
        for (values, expect) in [
            ([1.0, 2.0, 30.0], Skew::Right),
            ([-30.0, 1.0, 2.0], Skew::Left),
            ([1.0, 2.0, 3.0], Skew::None),
            ([0.1, 0.1, 0.1], Skew::None),
            ([f32::MIN, 0.0, f32::MAX], Skew::None),
        ] {
            assert_eq!(Skew::of(&values), expect, "{values:?}");
        }
    }

    #[test]
    fn the_skewed_side_counts_in_full_and_the_other_half() {
        let tails = Tails { left: 4.0, right: 1.0 };
        assert_eq!(Skew::Left.surprise(tails), 4.0);
        assert_eq!(Skew::Right.surprise(tails), 2.5);
        assert_eq!(Skew::None.surprise(tails), 5.0);
    }
}
