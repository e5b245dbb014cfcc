//! Where columns are cut into bins, and the bins of many rows.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;

use crate::{binned::bin_of, checked::check_len, columns::finite};

/// The bin of missing values, where a column may have them.
pub(crate) const MISSING_BIN: u8 = 255;
/// Values that are looked up together.
const LANES: usize = 8;

/// Where a column is cut, and what is missing in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cuts {
    /// Values up to `cuts[b]` are in bin `b` or before.
    pub(crate) cuts: Vec<f32>,
    pub(crate) kind: CutKind,
}

/// What the bins of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CutKind {
    /// Numbers; a missing one counts as very large.
    #[default]
    Numbers,
    /// Numbers, and a bin of its own for missing ones.
    WithMissing,
    /// Numbers of categories, which are their bins.
    Categories,
}

impl Cuts {
    /// Writes the cuts of all columns.
    pub(crate) fn save_all(all: &[Self], section: &mut SectionWriter<'_>) {
        section.u8("kinds", &all.iter().map(|cuts| cuts.kind as u8).collect::<Vec<_>>());
        section.u32("n_cuts", &all.iter().map(|cuts| cuts.cuts.len() as u32).collect::<Vec<_>>());
        section.f32("cuts", &all.iter().flat_map(|cuts| &cuts.cuts).copied().collect::<Vec<_>>());
    }

    /// Reads what [`Cuts::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Self>, LoadError> {
        let n_cuts = section.u32("n_cuts")?;
        check_len("n_cuts", n_cuts.len(), n_features)?;
        let mut values = section.f32("cuts")?;
        check_len("cuts", values.len(), n_cuts.iter().map(|&n| n as usize).sum())?;
        let mut all = load_kinds(section, n_features)?;
        for (cuts, &n) in all.iter_mut().zip(n_cuts) {
            let (own, rest) = values.split_at(n as usize);
            values = rest;
            let most = if cuts.kind == CutKind::Numbers { 255 } else { 254 };
            if own.len() > most || !own.iter().all(|cut| cut.is_finite()) || !own.is_sorted() {
                return Err(LoadError::content("cuts", "are not a few ascending numbers"));
            }
            cuts.cuts = own.to_vec();
        }
        Ok(all)
    }

    /// The bin of a value.
    pub(crate) fn bin(&self, value: f32) -> u8 {
        match self.kind {
            CutKind::Numbers => bin_of(&self.cuts, finite(value)) as u8,
            _ if value.is_nan() => MISSING_BIN,
            CutKind::WithMissing => bin_of(&self.cuts, finite(value)) as u8,
            CutKind::Categories if (0.0..255.0).contains(&value) => value as u8,
            CutKind::Categories => MISSING_BIN,
        }
    }

    /// Writes the bins of a column of rows into rows of bins.
    fn bin_column(&self, rows: RowsView<'_>, col_idx: usize, out: &mut [u8]) {
        let (n_cols, n_rows) = (rows.n_cols(), rows.n_rows());
        let values = rows.values();
        let mut done = 0;
        if self.kind != CutKind::Categories && n_rows >= LANES && self.cuts.len() < 256 {
            // Several values are looked up at a time: the steps of one wait for each other, those of several do not.
            let mut table = [f32::INFINITY; 256];
            table[..self.cuts.len()].copy_from_slice(&self.cuts);
            while done + LANES <= n_rows {
                let place = |lane: usize| (done + lane) * n_cols + col_idx;
                let lanes: [f32; LANES] = std::array::from_fn(|lane| values[place(lane)]);
                let found = look_up(&table, lanes.map(finite));
                for (lane, (value, found)) in lanes.into_iter().zip(found).enumerate() {
                    let is_missing = self.kind == CutKind::WithMissing && value.is_nan();
                    out[place(lane)] = if is_missing { MISSING_BIN } else { found };
                }
                done += LANES;
            }
        }
        for row in done..n_rows {
            let place = row * n_cols + col_idx;
            out[place] = self.bin(values[place]);
        }
    }
}

/// How many numbers of an ascending table are below each value.
fn look_up(table: &[f32; 256], values: [f32; LANES]) -> [u8; LANES] {
    let mut at = [0; LANES];
    // Written out: with the widths known the compiler needs no jumps.
    halve::<128>(table, values, &mut at);
    halve::<64>(table, values, &mut at);
    halve::<32>(table, values, &mut at);
    halve::<16>(table, values, &mut at);
    halve::<8>(table, values, &mut at);
    halve::<4>(table, values, &mut at);
    halve::<2>(table, values, &mut at);
    halve::<1>(table, values, &mut at);
    at.map(|at| at as u8)
}

/// One step of a binary search for several values.
#[inline]
fn halve<const WIDTH: u32>(table: &[f32; 256], values: [f32; LANES], at: &mut [u32; LANES]) {
    for (at, value) in at.iter_mut().zip(values) {
        *at |= u32::from(table[(*at + WIDTH - 1) as usize & 255] < value) * WIDTH;
    }
}

/// Rows whose values are looked up together, column after column.
const BIN_ROWS: usize = 128;

/// The bins of all values, row after row.
pub(crate) fn bin_rows(rows: RowsView<'_>, cuts: &[Cuts]) -> Vec<u8> {
    let n_cols = rows.n_cols();
    let mut bins = vec![0; rows.values().len()];
    for start in (0..rows.n_rows()).step_by(BIN_ROWS) {
        let part = rows.slice(start, rows.n_rows().min(start + BIN_ROWS));
        let bins = &mut bins[start * n_cols..];
        for (col_idx, cuts) in cuts.iter().enumerate() {
            cuts.bin_column(part, col_idx, bins);
        }
    }
    bins
}

/// Columns without cuts, each of the kind that was saved; without any, all are numbers.
pub(crate) fn load_kinds(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Cuts>, LoadError> {
    let mut cuts = vec![Cuts::default(); n_features];
    if let Ok(kinds) = section.u8("kinds") {
        check_len("kinds", kinds.len(), n_features)?;
        for (cuts, kind) in cuts.iter_mut().zip(kinds) {
            cuts.kind = match kind {
                0 => CutKind::Numbers,
                1 => CutKind::WithMissing,
                2 => CutKind::Categories,
                _ => return Err(LoadError::content("kinds", "names a kind that there is not")),
            };
        }
    }
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_bins_alone_and_together() {
        for n_cuts in [0, 1, 2, 3, 100, 127, 128, 254, 255] {
            let column = Cuts { cuts: (0..n_cuts).map(|cut| cut as f32).collect(), kind: CutKind::Numbers };
            let mut values: Vec<f32> = (0..300).map(|idx| idx as f32 - 10.0).collect();
            values.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, -0.0]);
            let together = bin_rows(RowsView::new(&values, 1), std::slice::from_ref(&column));
            let alone: Vec<u8> = values.iter().map(|&value| column.bin(value)).collect();
            assert_eq!(together, alone, "{n_cuts} cuts");
        }
    }
}
