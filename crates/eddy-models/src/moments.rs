//! Means and covariances of columns, in 64 bits.

use eddy_frame::RowsView;
use rayon::prelude::*;

use eddy_detect::wide;

use crate::columns::finite;

/// Parts that sums are made of, whatever the number of threads; fewer where each is large.
const MOST_PARTS: usize = 32;
/// Numbers that all parts together hold at most.
const ROOM: usize = 1 << 23;
/// Rows that are multiplied at a time.
const BLOCK: usize = 64;

/// The rows of each part.
fn part_len(n_rows: usize, n_sums: usize) -> usize {
    let n_parts = (ROOM / n_sums.max(1)).clamp(1, MOST_PARTS);
    n_rows.div_ceil(n_parts).next_multiple_of(BLOCK)
}

/// Sums over parts, combined in their order.
fn sum_parts(
    rows: RowsView<'_>,
    n_sums: usize,
    of_part: impl Fn(usize, RowsView<'_>) -> Vec<f64> + Sync + Send,
) -> Vec<f64> {
    let len = part_len(rows.n_rows(), n_sums);
    let parts: Vec<Vec<f64>> = (0..rows.n_rows().div_ceil(len))
        .into_par_iter()
        .map(|part| {
            let start = part * len;
            of_part(start, rows.slice(start, (start + len).min(rows.n_rows())))
        })
        .collect();
    let mut whole = vec![0.0; n_sums];
    for part in parts {
        whole.iter_mut().zip(part).for_each(|(whole, part)| *whole += part);
    }
    whole
}

/// The weight of a row: all the same, or one number in every so many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights<'a> {
    /// None for weights of 1.
    pub(crate) values: Option<&'a [f64]>,
    /// How many weights a row has.
    pub(crate) stride: usize,
    /// Which of them counts.
    pub(crate) which: usize,
}

impl Weights<'_> {
    /// Every row counts the same.
    pub(crate) const EQUAL: Self = Self { values: None, stride: 1, which: 0 };

    fn of(&self, row_idx: usize) -> f64 {
        self.values.map_or(1.0, |values| values[row_idx * self.stride + self.which])
    }
}

/// The weighted sum of each column.
pub(crate) fn sums(rows: RowsView<'_>, weights: Weights<'_>) -> Vec<f64> {
    sum_parts(rows, rows.n_cols(), |start, rows| {
        let mut sums = vec![0.0; rows.n_cols()];
        for (row_idx, row) in rows.iter().enumerate() {
            let weight = weights.of(start + row_idx);
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += weight * f64::from(finite(value)));
        }
        sums
    })
}

/// The weighted sum of the squares of each column, measured from a centre.
pub(crate) fn squares(rows: RowsView<'_>, center: &[f64], weights: Weights<'_>) -> Vec<f64> {
    sum_parts(rows, rows.n_cols(), |start, rows| {
        let mut sums = vec![0.0; rows.n_cols()];
        for (row_idx, row) in rows.iter().enumerate() {
            let weight = weights.of(start + row_idx);
            for ((sum, &value), center) in sums.iter_mut().zip(row).zip(center) {
                let offset = f64::from(finite(value)) - center;
                *sum += weight * offset * offset;
            }
        }
        sums
    })
}

/// The weighted sum of the products of each pair of columns, measured from a centre: the lower triangle, row after row.
pub(crate) fn products(rows: RowsView<'_>, center: &[f64], weights: Weights<'_>) -> Vec<f64> {
    let d = rows.n_cols();
    sum_parts(rows, d * (d + 1) / 2, |start, rows| {
        let mut sums = vec![0.0; d * (d + 1) / 2];
        let (mut offsets, mut weighted) = (vec![0.0; d * BLOCK], vec![0.0; d * BLOCK]);
        for (block, values) in rows.values().chunks(BLOCK * d).enumerate() {
            let first = start + block * BLOCK;
            fill_block(values, center, first, weights, &mut offsets, &mut weighted);
            add_products(&offsets, &weighted, &mut sums);
        }
        sums
    })
}

/// Offsets from the centre, column after column, and the same with their weights. Lanes without a row are zero.
fn fill_block(
    values: &[f32],
    center: &[f64],
    first: usize,
    weights: Weights<'_>,
    offsets: &mut [f64],
    weighted: &mut [f64],
) {
    let d = center.len();
    if values.len() < BLOCK * d {
        offsets.fill(0.0);
        weighted.fill(0.0);
    }
    for (lane, row) in values.chunks_exact(d).enumerate() {
        let weight = weights.of(first + lane);
        for (col, (&value, center)) in row.iter().zip(center).enumerate() {
            let offset = f64::from(finite(value)) - center;
            offsets[col * BLOCK + lane] = offset;
            weighted[col * BLOCK + lane] = offset * weight;
        }
    }
}

wide! {
    fn add_products(offsets: &[f64], weighted: &[f64], sums: &mut [f64]) {
        let mut sums = sums.iter_mut();
        for (i, one) in weighted.chunks_exact(BLOCK).enumerate() {
            for (other, sum) in offsets.chunks_exact(BLOCK).take(i + 1).zip(&mut sums) {
                let mut lanes = [0.0f64; 8];
                for (one, other) in one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0) {
                    for lane in 0..8 {
                        lanes[lane] += one[lane] * other[lane];
                    }
                }
                *sum += lanes.iter().sum::<f64>();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_formula() {
        let values: Vec<f32> = (0..300 * 3).map(|at| (at * at % 101) as f32 / 10.0).collect();
        let weights: Vec<f64> = (0..600).map(|at| f64::from(at % 7)).collect();
        let weights = Weights { values: Some(&weights), stride: 2, which: 1 };
        let rows = RowsView::new(&values, 3);
        let center = [1.0, 2.0, 3.0];
        let got = products(rows, &center, weights);
        let mut at = 0;
        for i in 0..3 {
            for j in 0..=i {
                let offset = |row: &[f32], col: usize| f64::from(row[col]) - center[col];
                let expect: f64 = rows
                    .iter()
                    .enumerate()
                    .map(|(row_idx, row)| weights.of(row_idx) * offset(row, i) * offset(row, j))
                    .sum();
                assert!((got[at] - expect).abs() < 1e-9 * expect.abs(), "{i} {j}");
                if i == j {
                    assert!((squares(rows, &center, weights)[i] - expect).abs() < 1e-9 * expect);
                }
                at += 1;
            }
        }
        let sum: f64 = rows.iter().map(|row| f64::from(row[2])).sum();
        assert!((sums(rows, Weights::EQUAL)[2] - sum).abs() < 1e-9 * sum);
    }
}
