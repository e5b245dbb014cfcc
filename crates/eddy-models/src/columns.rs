//! Columns of a matrix of rows, and what becomes of numbers that are none.

use eddy_frame::RowsView;

/// The number itself; what is not finite becomes the largest or smallest number there is.
///
/// The pipeline hands over finite values only. Should a value be missing all the same (NaN), it counts as the largest
/// number, that is as far out as can be, so that it is seen rather than passed over.
pub(crate) fn finite(value: f32) -> f32 {
    if value.is_nan() { f32::MAX } else { value.clamp(f32::MIN, f32::MAX) }
}

/// The sum of the products of two rows, as many sums at a time as there are lanes, which the compiler turns into one.
#[inline]
pub(crate) fn dot<const LANES: usize>(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.into_iter().sum::<f32>() + rest
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
    fn rows_of_any_width_have_a_product() {
        let values: Vec<f32> = (0..19).map(|idx| idx as f32).collect();
        for n in 0..=19 {
            let expect: f32 = values[..n].iter().map(|value| value * value).sum();
            assert_eq!(dot::<4>(&values[..n], &values[..n]), expect);
            assert_eq!(dot::<8>(&values[..n], &values[..n]), expect);
        }
    }

    #[test]
    fn columns_are_sorted_by_value() {
        let rows = [3.0, 0.0, -1.0, 1.0, 2.0, 2.0];
        assert_eq!(sorted_column(RowsView::new(&rows, 2), 0), [-1.0, 2.0, 3.0]);
    }
}
