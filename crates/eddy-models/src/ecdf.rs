//! Empirical distribution functions of columns, and how far in the tails a value lies.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;
use rayon::prelude::*;

use crate::{
    checked,
    columns::{finite, sorted_column},
};

/// Order statistics kept per column. Up to here the distribution is exact, beyond it evenly spaced order statistics
/// are kept and ranks between them are interpolated.
const MAX_KEPT: usize = 1 << 16;

/// Order statistics that share one entry of the guide.
const PER_GUIDE: usize = 256;

/// The distribution of one column's training values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ecdf {
    /// Order statistics at evenly spaced ranks, the least and the greatest among them.
    kept: Vec<f32>,
    /// Every 256th of them: a search starts here, where all of it fits into the first-level cache.
    guide: Vec<f32>,
    /// Number of training values.
    n_values: usize,
}

/// `-ln` of the shares of training values that are at most, and at least, a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tails {
    /// `-ln P(X <= x)`.
    pub(crate) left: f64,
    /// `-ln P(X >= x)`.
    pub(crate) right: f64,
}

impl Ecdf {
    /// The distributions of all columns.
    pub(crate) fn of_columns(rows: RowsView<'_>) -> Vec<Self> {
        (0..rows.n_cols()).into_par_iter().map(|col_idx| Self::new(&sorted_column(rows, col_idx))).collect()
    }

    fn new(sorted: &[f32]) -> Self {
        let n_values = sorted.len();
        let n_kept = n_values.min(MAX_KEPT);
        let kept = (0..n_kept).map(|idx| sorted[rank(idx, n_kept, n_values)]).collect();
        Self::from_kept(kept, n_values)
    }

    fn from_kept(kept: Vec<f32>, n_values: usize) -> Self {
        let guide = kept.iter().copied().step_by(PER_GUIDE).collect();
        Self { kept, guide, n_values }
    }

    /// How far in the tails `x` lies. Beyond the training values the share is taken as `1 / (n + 1)`, the value itself
    /// being the only one out there.
    pub(crate) fn tails(&self, x: f32) -> Tails {
        let below = self.search(|value| value < x);
        let up_to = if self.kept.get(below) == Some(&x) { self.search(|value| value <= x) } else { below };
        let n = self.n_values as f64;
        let surprise = |count: f64| if count > 0.0 { -(count / n).ln() } else { (n + 1.0).ln() };
        Tails { left: surprise(self.count(up_to, x)), right: surprise(n - self.count(below, x)) }
    }

    /// How many of the kept values come first, as `partition_point`.
    fn search(&self, comes_first: impl Fn(f32) -> bool) -> usize {
        let n_guides = self.guide.partition_point(|&value| comes_first(value));
        let start = n_guides.saturating_sub(1) * PER_GUIDE;
        let end = (n_guides * PER_GUIDE).min(self.kept.len());
        start + self.kept[start..end].partition_point(|&value| comes_first(value))
    }

    /// Adds up, row by row, what `of_tails` makes of each column's tails.
    pub(crate) fn sum_over_columns(
        ecdfs: &[Self],
        rows: RowsView<'_>,
        out: &mut [f64],
        of_tails: impl Fn(usize, Tails) -> f64,
    ) {
        out.fill(0.0);
        // Column after column: one column's order statistics stay in the cache, all columns' would not.
        for (col_idx, ecdf) in ecdfs.iter().enumerate() {
            for (row, sum) in rows.iter().zip(&mut *out) {
                *sum += of_tails(col_idx, ecdf.tails(finite(row[col_idx])));
            }
        }
    }

    /// Number of training values that come before `x` when `n_kept_before` of those kept do.
    fn count(&self, n_kept_before: usize, x: f32) -> f64 {
        if n_kept_before == 0 {
            return 0.0;
        }
        let n_kept = self.kept.len();
        let last = rank(n_kept_before - 1, n_kept, self.n_values);
        let Some(&after) = self.kept.get(n_kept_before) else { return self.n_values as f64 };
        let n_between = rank(n_kept_before, n_kept, self.n_values) - last - 1;
        let (before, after) = (f64::from(self.kept[n_kept_before - 1]), f64::from(after));
        let share = if after > before { (f64::from(x) - before) / (after - before) } else { 0.0 };
        (last + 1) as f64 + share * n_between as f64
    }

    /// Writes the distributions of all columns.
    pub(crate) fn save_all(ecdfs: &[Self], section: &mut SectionWriter<'_>) {
        section.value("n_features", &ecdfs.len());
        section.value("n_values", &ecdfs.first().map_or(0, |ecdf| ecdf.n_values));
        section
            .f32("order_statistics", &ecdfs.iter().flat_map(|ecdf| &ecdf.kept).copied().collect::<Vec<_>>());
    }

    /// Reads what [`Ecdf::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>) -> Result<Vec<Self>, LoadError> {
        let n_features = checked::n_features(section)?;
        let n_values: usize = section.value("n_values")?;
        if n_values == 0 || n_values > 1 << 53 {
            return Err(LoadError::content("n_values", "is not a number of rows"));
        }
        let n_kept = n_values.min(MAX_KEPT);
        let kept = section.f32("order_statistics")?;
        checked::check_len("order_statistics", kept.len(), n_features * n_kept)?;
        let ecdfs: Vec<Self> =
            kept.chunks_exact(n_kept).map(|kept| Self::from_kept(kept.to_vec(), n_values)).collect();
        for ecdf in &ecdfs {
            if !ecdf.kept.iter().all(|value| value.is_finite()) || !ecdf.kept.is_sorted() {
                return Err(LoadError::content("order_statistics", "are not ascending finite numbers"));
            }
        }
        Ok(ecdfs)
    }
}

/// Rank, from 0, of the `idx`th of `n_kept` evenly spaced order statistics among `n_values`.
fn rank(idx: usize, n_kept: usize, n_values: usize) -> usize {
    if n_kept == n_values {
        return idx;
    }
    (idx as u128 * (n_values - 1) as u128 / (n_kept - 1) as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_count_ties_on_both_sides() {
        let ecdf = Ecdf::new(&[1.0, 2.0, 2.0, 5.0]);
        let check = |x: f32, left: f64, right: f64| {
            let tails = ecdf.tails(x);
            assert!(
                (tails.left + left.ln()).abs() < 1e-12 && (tails.right + right.ln()).abs() < 1e-12,
                "{x}"
            );
        };
        check(1.0, 0.25, 1.0);
        check(2.0, 0.75, 0.75);
        check(3.0, 0.75, 0.25);
        check(5.0, 1.0, 0.25);
        check(0.0, 0.2, 1.0);
        check(9.0, 1.0, 0.2);
    }

    #[test]
    fn the_guide_finds_what_a_plain_search_finds() {
        let values: Vec<f32> = (0..2000).map(|idx| (idx / 3) as f32).collect();
        let ecdf = Ecdf::new(&values);
        for x in [-1.0, 0.0, 0.5, 85.0, 85.5, 86.0, 170.0, 666.0, 700.0] {
            assert_eq!(ecdf.search(|value| value < x), values.partition_point(|&value| value < x));
            assert_eq!(ecdf.search(|value| value <= x), values.partition_point(|&value| value <= x));
        }
    }

    #[test]
    fn large_columns_are_kept_nearly_exactly() {
        let n = 300_000;
        let ecdf = Ecdf::new(&(0..n).map(|idx| idx as f32).collect::<Vec<_>>());
        assert_eq!(ecdf.kept.len(), MAX_KEPT);
        for x in [0, 1, 2, 3, 77, 150_000, n - 2, n - 1] {
            let share = f64::from(x + 1) / f64::from(n);
            assert!((ecdf.tails(x as f32).left + share.ln()).abs() < 1.0 / f64::from(x + 1), "{x}");
        }
    }
}
