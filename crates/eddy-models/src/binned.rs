//! Columns cut into at most 256 bins: what tree learners count instead of sorting.

use eddy_frame::RowsView;
use rayon::prelude::*;

use crate::{
    columns::finite,
    cuts::{CutKind, Cuts},
};

/// Bins of a column at most: a bin number is one byte.
pub(crate) const MAX_BINS: usize = 256;
/// Rows that the cuts are learned from at most, evenly spread.
const MAX_SAMPLE: usize = 1 << 16;

/// The bin numbers of all rows, column after column.
pub(crate) struct Binned {
    pub(crate) columns: Vec<BinnedColumn>,
    pub(crate) n_rows: usize,
}

/// The bin numbers of one column, and where one bin ends and the next begins.
pub(crate) struct BinnedColumn {
    pub(crate) bins: Vec<u8>,
    /// Between the bins, ascending: values up to `cuts[b]` are in bin `b` or before.
    pub(crate) cuts: Vec<f32>,
}

impl Binned {
    /// Cuts every column. Columns of at most 256 different values keep them apart; others are cut into bins of about
    /// equally many rows.
    pub(crate) fn new(rows: RowsView<'_>) -> Self {
        let columns = (0..rows.n_cols()).into_par_iter().map(|col_idx| bin_column(rows, col_idx)).collect();
        Self { columns, n_rows: rows.n_rows() }
    }

    /// Where the columns were cut.
    pub(crate) fn into_cuts(self) -> Vec<Cuts> {
        self.columns.into_iter().map(|column| Cuts { cuts: column.cuts, kind: CutKind::Numbers }).collect()
    }
}

fn bin_column(rows: RowsView<'_>, col_idx: usize) -> BinnedColumn {
    let cuts = cuts_of(rows, col_idx, MAX_BINS);
    let bins = rows.iter().map(|row| bin_of(&cuts, finite(row[col_idx])) as u8).collect();
    BinnedColumn { bins, cuts }
}

/// The number of cuts below the value.
pub(crate) fn bin_of(cuts: &[f32], value: f32) -> usize {
    cuts.partition_point(|&cut| cut < value)
}

/// Where to cut a column into at most `max_bins` bins; missing values do not count.
pub(crate) fn cuts_of(rows: RowsView<'_>, col_idx: usize, max_bins: usize) -> Vec<f32> {
    let stride = rows.n_rows().div_ceil(MAX_SAMPLE).max(1);
    let cells = (0..rows.n_rows()).step_by(stride).map(|row_idx| rows.row(row_idx)[col_idx]);
    let mut sample: Vec<f32> = cells.filter(|cell| !cell.is_nan()).map(|cell| finite(cell) + 0.0).collect();
    sample.sort_unstable_by(f32::total_cmp);
    let n = sample.len();
    let mut levels: Vec<(f32, usize)> = Vec::new();
    for &value in &sample {
        match levels.last_mut() {
            Some((last, count)) if *last == value => *count += 1,
            _ => levels.push((value, 1)),
        }
    }
    if levels.len() <= max_bins {
        return levels.windows(2).map(|pair| between(pair[0].0, pair[1].0)).collect();
    }
    // Walk through the levels and close a bin whenever it holds its share of the rows that are left.
    let mut cuts = Vec::with_capacity(max_bins - 1);
    let (mut in_bin, mut left, mut bins_left) = (0usize, n, max_bins);
    for pair in levels.windows(2) {
        in_bin += pair[0].1;
        if in_bin * bins_left >= left && bins_left > 1 {
            cuts.push(between(pair[0].0, pair[1].0));
            left -= in_bin;
            bins_left -= 1;
            in_bin = 0;
        }
    }
    cuts
}

/// A number from `low` on and below `high`: their mean where it can be told apart.
fn between(low: f32, high: f32) -> f32 {
    let middle = f32::midpoint(low, high);
    if low <= middle && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_keep_a_bin_each() {
        let binned = Binned::new(RowsView::new(&[3.0, 1.0, 1.0, -2.0, 3.0], 1));
        assert_eq!(binned.columns[0].bins, [2, 1, 1, 0, 2]);
        assert_eq!(binned.columns[0].cuts, [-0.5, 2.0]);
    }

    #[test]
    fn many_values_are_shared_out_evenly() {
        let values: Vec<f32> = (0..10_000).map(|idx| (idx as f32).powi(2)).collect();
        let column = &Binned::new(RowsView::new(&values, 1)).columns[0];
        assert_eq!(column.cuts.len() + 1, MAX_BINS);
        let mut counts = [0; MAX_BINS];
        column.bins.iter().for_each(|&bin| counts[usize::from(bin)] += 1);
        assert!(counts.iter().all(|count| (35..=45).contains(count)), "{counts:?}");
        assert!(column.bins.is_sorted());
    }

    #[test]
    fn neighbouring_numbers_are_told_apart() {
        let (low, high) = (1.0f32, 1.0f32.next_up());
        let cut = between(low, high);
        assert!(low <= cut && cut < high);
        assert_eq!(between(f32::MIN, f32::MAX), 0.0);
        assert_eq!(Binned::new(RowsView::new(&[7.0; 9], 1)).columns[0].cuts.len(), 0);
    }
}
