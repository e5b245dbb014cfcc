//! Columns of a matrix of rows, and what becomes of numbers that are none.

use eddy_frame::RowsView;

/// The number itself; what is not finite becomes the largest or smallest number there is.
///
/// The pipeline hands over finite values only. Should a value be missing all the same (NaN), it counts as the largest
/// number, that is as far out as can be, so that it is seen rather than passed over.
pub(crate) fn finite(value: f32) -> f32 {
    if value.is_nan() { f32::MAX } else { value.clamp(f32::MIN, f32::MAX) }
}

/// The finite values of one column, in row order.
pub(crate) fn column(rows: RowsView<'_>, col_idx: usize) -> Vec<f32> {
    rows.iter().map(|row| finite(row[col_idx])).collect()
}

/// The finite values of one column, ascending.
pub(crate) fn sorted_column(rows: RowsView<'_>, col_idx: usize) -> Vec<f32> {
    let mut values = column(rows, col_idx);
    values.sort_unstable_by(f32::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_is_the_largest_number() {
        assert_eq!(finite(f32::NAN), f32::MAX);
        assert_eq!(finite(f32::NEG_INFINITY), f32::MIN);
        assert_eq!(finite(2.5), 2.5);
    }

    #[test]
    fn columns_are_sorted_by_value() {
        let rows = [3.0, 0.0, -1.0, 1.0, 2.0, 2.0];
        assert_eq!(sorted_column(RowsView::new(&rows, 2), 0), [-1.0, 2.0, 3.0]);
    }
}
