//! The Gaussian kernel (radial basis function) over many rows at a time.

use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use eddy_detect::wide;

use crate::{
    columns::finite,
    tiles::{LANES, Range, put, squared_distances},
};

/// What the width of the kernel is where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GammaRule {
    /// One through the number of columns times the variance of all values.
    #[default]
    Scale,
    /// One through the number of columns.
    Auto,
}

impl GammaRule {
    /// The width for a table.
    pub(crate) fn gamma(self, rows: RowsView<'_>) -> f64 {
        let d = rows.n_cols() as f64;
        let n = rows.values().len() as f64;
        let values = || rows.values().iter().map(|&value| f64::from(finite(value)));
        let mean = values().sum::<f64>() / n;
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
        match self {
            Self::Scale if variance > 0.0 => 1.0 / (d * variance),
            Self::Scale => 1.0,
            Self::Auto => 1.0 / d,
        }
    }
}

/// The width in the units of a range.
pub(crate) fn gamma_in(range: Range, gamma: f64) -> f32 {
    (gamma / f64::from(range.scale).powi(2)).clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)) as f32
}

/// `e` to the power of a number that is at most 0, to about one part in ten million: by two to the nearest whole power
/// and a polynomial for the rest. Every step is one that processors do for many numbers at a time.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // Adding this rounds to whole numbers, which are then found in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // The logarithm of 2 in two parts, so that the product with the first is exact.
    let rest = (x - whole * 0.693_359_4) - whole * -2.121_944_4e-4;
    let series = 1.0
        + rest
            * (1.0
                + rest
                    * (0.5
                        + rest
                            * (0.166_666_67
                                + rest * (0.041_666_67 + rest * (0.008_333_34 + rest * 0.001_388_9)))));
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    series * power
}

/// The kernel between a point and the rows of a tile.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn tile_kernel(tile: &[f32], point: &[f32], gamma: f32, out: &mut [f32; LANES]) {
    squared_distances(tile, point, out);
    for value in out.iter_mut() {
        *value = exp(-gamma * *value);
    }
}

/// Points that kernels are computed between.
#[derive(Debug)]
pub(crate) struct KernelPoints {
    tiles: Vec<f32>,
    points: Vec<f32>,
    n_cols: usize,
    gamma: f32,
}

impl KernelPoints {
    /// Points within the range, point after point.
    pub(crate) fn new(points: Vec<f32>, n_cols: usize, gamma: f32) -> Self {
        let n = points.len() / n_cols;
        let as_it_is = Range { scale: 1.0, limit: f32::MAX };
        let mut tiles = vec![0.0; n.next_multiple_of(LANES) * n_cols];
        for (tile, points) in tiles.chunks_exact_mut(LANES * n_cols).zip(points.chunks(LANES * n_cols)) {
            points
                .chunks_exact(n_cols)
                .enumerate()
                .for_each(|(lane, point)| put(tile, lane, point, as_it_is));
        }
        Self { tiles, points, n_cols, gamma }
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.points.len() / self.n_cols
    }

    /// Length of a row of the kernel: the number of points, rounded up to whole tiles.
    pub(crate) fn padded_len(&self) -> usize {
        self.len().next_multiple_of(LANES)
    }

    /// A point.
    pub(crate) fn point(&self, at: usize) -> &[f32] {
        &self.points[at * self.n_cols..(at + 1) * self.n_cols]
    }

    /// The kernel between one point and all. What lies beyond the last means nothing.
    pub(crate) fn row(&self, at: usize, out: &mut [f32]) {
        kernel_row(&self.tiles, self.point(at), self.gamma, out);
    }
}

wide! {
    fn kernel_row(tiles: &[f32], point: &[f32], gamma: f32, out: &mut [f32]) {
        for (tile, out) in tiles.chunks_exact(LANES * point.len()).zip(out.as_chunks_mut::<LANES>().0) {
            tile_kernel(tile, point, gamma, out);
        }
    }

    /// Adds the weighted sums over `points` of their kernels with each row of a tile. Each point has as many weights as
    /// there are targets, and the first is for the sum that the first target names; what is zero costs nothing.
    pub(crate) fn add_weighted(
        tile: &[f32],
        points: &[f32],
        weights: &[f64],
        targets: &[usize],
        gamma: f32,
        sums: &mut [[f64; LANES]],
    ) {
        let d = tile.len() / LANES;
        let mut kernel = [0.0f32; LANES];
        for (point, weights) in points.chunks_exact(d).zip(weights.chunks_exact(targets.len())) {
            tile_kernel(tile, point, gamma, &mut kernel);
            for (&target, &weight) in targets.iter().zip(weights) {
                if weight != 0.0 {
                    let sums = &mut sums[target];
                    for lane in 0..LANES {
                        sums[lane] += weight * f64::from(kernel[lane]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_close() {
        for step in 0..87_000 {
            let x = -(step as f32) / 1000.0;
            let expect = f64::from(x).exp();
            assert!((f64::from(exp(x)) - expect).abs() <= 3e-7 * expect, "{x}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(0.0) == 1.0);
    }

    #[test]
    fn processors_with_and_without_wide_vectors_agree() {
        let tile: Vec<f32> = (0..3 * LANES).map(|at| (at * at % 1009) as f32 / 500.0).collect();
        let (mut wide, mut narrow) = ([0.0; LANES], [0.0; LANES]);
        kernel_row(&tile, &[0.3, 1.0, 0.7], 2.2, &mut wide);
        tile_kernel(&tile, &[0.3, 1.0, 0.7], 2.2, &mut narrow);
        assert_eq!(wide, narrow);
    }

    #[test]
    fn kernels_are_those_of_the_formula() {
        let points: Vec<f32> = (0..40 * 3).map(|at| (at * at % 17) as f32 / 10.0).collect();
        let kernel = KernelPoints::new(points.clone(), 3, 0.7);
        let mut row = vec![0.0; kernel.padded_len()];
        kernel.row(5, &mut row);
        for (point, value) in points.chunks(3).zip(row) {
            let square = crate::tiles::squared_distance(&points[15..18], point);
            assert!((f64::from(value) - (-0.7 * square).exp()).abs() < 1e-6);
        }
    }
}
