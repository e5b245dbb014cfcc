//! Rows in tiles, column after column, so that one instruction works on many rows.

use eddy_frame::RowsView;

use eddy_detect::wide;

use crate::columns::finite;

/// Rows of a tile.
pub(crate) const LANES: usize = 32;

/// Brings all values into a range where squared distances cannot overflow.
///
/// Tables whose values are all within the range are left as they are; others are multiplied by a power of two, which
/// loses nothing. Rows that come later and lie outside count as lying at the border.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    /// What values are multiplied by: a power of two, at most 1.
    pub(crate) scale: f32,
    /// Largest magnitude.
    pub(crate) limit: f32,
}

impl Range {
    /// The largest magnitude for this many columns: the sum of that many squares of twice the limit is below 2^127.
    fn limit(n_cols: usize) -> f32 {
        (60.0 - (n_cols.max(1) as f32).log2() / 2.0).floor().exp2()
    }

    /// The range for a table.
    pub(crate) fn of(rows: RowsView<'_>) -> Self {
        let limit = Self::limit(rows.n_cols());
        let mut most = 0.0f32;
        rows.values().iter().for_each(|&value| most = most.max(finite(value).abs()));
        let mut scale = 1.0;
        while most * scale > limit {
            scale /= 2.0;
        }
        Self { scale, limit }
    }

    /// The range that a saved scale stands for, if it can be one.
    pub(crate) fn from_scale(scale: f32, n_cols: usize) -> Option<Self> {
        let fits = scale > 1e-30 && scale <= 1.0 && scale.to_bits().trailing_zeros() >= 23;
        fits.then(|| Self { scale, limit: Self::limit(n_cols) })
    }

    /// The value within the range. NaN counts as very large.
    #[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
    #[inline(always)]
    pub(crate) fn bring(self, value: f32) -> f32 {
        let value = if value.is_nan() { f32::MAX } else { value };
        (value * self.scale).clamp(-self.limit, self.limit)
    }

    /// A row within the range.
    pub(crate) fn bring_row(self, row: &[f32], out: &mut [f32]) {
        out.iter_mut().zip(row).for_each(|(out, &value)| *out = self.bring(value));
    }
}

/// Puts one row into a tile.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
pub(crate) fn put(tile: &mut [f32], lane: usize, row: &[f32], range: Range) {
    for (column, &value) in tile.chunks_exact_mut(LANES).zip(row) {
        column[lane] = range.bring(value);
    }
}

/// Squared distances of all rows of a tile to a point. The sum runs over the columns in their order, whatever the lane,
/// so that a pair of rows has the same distance wherever it is met.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
pub(crate) fn squared_distances(tile: &[f32], point: &[f32], out: &mut [f32; LANES]) {
    let mut sums = [0.0f32; LANES];
    for (column, &value) in tile.as_chunks::<LANES>().0.iter().zip(point) {
        for lane in 0..LANES {
            let difference = column[lane] - value;
            sums[lane] += difference * difference;
        }
    }
    *out = sums;
}

wide! {
    /// The same for one tile, for callers that are not compiled for wide vectors themselves.
    pub(crate) fn tile_squares(tile: &[f32], point: &[f32], out: &mut [f32; LANES]) {
        squared_distances(tile, point, out);
    }
}

/// The squared distance of two points, in 64 bits.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_within_the_range_are_left_alone_and_others_brought_there_exactly() {
        let tame = Range::of(RowsView::new(&[1e15, -2.0, 3.5, 0.0], 2));
        assert_eq!(tame.scale, 1.0);
        assert_eq!(tame.bring(3.7), 3.7);
        let wild = Range::of(RowsView::new(&[3e38, -2.0, f32::NAN, 0.0], 2));
        assert!(wild.scale < 1.0 && wild.bring(1e38) / wild.scale == 1e38);
        assert_eq!(wild.bring(f32::NAN), wild.bring(f32::MAX));
        assert_eq!(Range::from_scale(wild.scale, 2), Some(wild));
        assert_eq!(Range::from_scale(0.3, 2), None);
    }

    #[test]
    fn processors_with_and_without_wide_vectors_agree() {
        let tile: Vec<f32> = (0..7 * LANES).map(|at| (at * at % 1009) as f32 / 7.0).collect();
        let point = [0.1, 20.0, 3.3, 100.0, 7.7, 0.0, 55.5];
        let (mut wide, mut narrow) = ([0.0; LANES], [0.0; LANES]);
        tile_squares(&tile, &point, &mut wide);
        squared_distances(&tile, &point, &mut narrow);
        assert_eq!(wide, narrow);
    }

    #[test]
    fn distances_never_overflow() {
        for n_cols in [1, 5, 300] {
            let rows = vec![f32::MAX; n_cols];
            let range = Range::of(RowsView::new(&rows, n_cols));
            let mut tile = vec![0.0; n_cols * LANES];
            put(&mut tile, 3, &rows, range);
            let mut out = [0.0; LANES];
            squared_distances(&tile, &vec![-range.limit; n_cols], &mut out);
            assert!(out.iter().all(|distance| distance.is_finite()) && out[3] > out[0]);
        }
    }
}
