//! Columns brought to mean 0 and deviation 1.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;

/// The most columns a saved model may claim; a guard against nonsense, far above any real table.
const MOST_FEATURES: usize = 1 << 20;
/// Deviations beyond which values grow by their logarithm only.
const STRAIGHT: f64 = 10.0;
/// Below the least difference of 32-bit floats, shared out over more rows than there can be.
const LEAST_SCALE: f64 = 1e-70;

/// Mean and deviation of each column.
///
/// A value that is more than ten deviations out counts as ten and the logarithm of what is beyond, so that nothing
/// overflows and farther out is still farther out. A missing value counts as the largest number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standard {
    means: Vec<f64>,
    scales: Vec<f64>,
}

impl Standard {
    /// Of the given rows, of which there is at least one.
    pub(crate) fn learn(rows: RowsView<'_>, row_idxs: &[u32]) -> Self {
        let n = row_idxs.len() as f64;
        let mut means = vec![0.0; rows.n_cols()];
        for &row_idx in row_idxs {
            for (mean, &value) in means.iter_mut().zip(rows.row(row_idx as usize)) {
                *mean += f64::from(finite(value));
            }
        }
        means.iter_mut().for_each(|mean| *mean /= n);
        let mut scales = vec![0.0; rows.n_cols()];
        for &row_idx in row_idxs {
            for ((square, &value), mean) in scales.iter_mut().zip(rows.row(row_idx as usize)).zip(&means) {
                *square += (f64::from(finite(value)) - mean).powi(2);
            }
        }
        for (scale, mean) in scales.iter_mut().zip(&means) {
            let deviation = (*scale / n).sqrt();
            // A constant column stays at its own unit.
            let varies = deviation > mean.abs() * 1e-9 && deviation > 1e-30;
            *scale = if varies { deviation } else { mean.abs().max(1.0) };
        }
        Self { means, scales }
    }

    /// Number of columns.
    pub(crate) fn n_features(&self) -> usize {
        self.means.len()
    }

    /// Writes the standardised row; `out` may be longer and keeps what lies beyond.
    pub(crate) fn apply(&self, row: &[f32], out: &mut [f32]) {
        for (((out, &value), mean), scale) in out.iter_mut().zip(row).zip(&self.means).zip(&self.scales) {
            let z = (f64::from(finite(value)) - mean) / scale;
            *out = if z.abs() <= STRAIGHT {
                z as f32
            } else {
                (STRAIGHT + (z.abs() - STRAIGHT).ln_1p()).copysign(z) as f32
            };
        }
    }

    /// The given rows, each padded with zeros to `width`.
    pub(crate) fn apply_all(&self, rows: RowsView<'_>, row_idxs: &[u32], width: usize) -> Vec<f32> {
        let mut out = vec![0.0; row_idxs.len() * width];
        for (&row_idx, out) in row_idxs.iter().zip(out.chunks_exact_mut(width)) {
            self.apply(rows.row(row_idx as usize), out);
        }
        out
    }

    /// Names and writes the parts.
    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.means.len());
        section.f64("means", &self.means);
        section.f64("scales", &self.scales);
    }

    /// Reads what [`Self::save`] wrote.
    pub(crate) fn load(section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let n_features: usize = section.value("n_features")?;
        if !(1..=MOST_FEATURES).contains(&n_features) {
            return Err(LoadError::content(
                "n_features",
                format!("is {n_features}, not 1 to {MOST_FEATURES}"),
            ));
        }
        let (means, scales) = (section.f64("means")?, section.f64("scales")?);
        if means.len() != n_features || scales.len() != n_features {
            return Err(LoadError::content("means", "have not the length of a row"));
        }
        if !means.iter().all(|mean| mean.abs() <= f64::from(f32::MAX)) {
            return Err(LoadError::content("means", "hold a number that no column can reach"));
        }
        if !scales.iter().all(|&scale| scale > LEAST_SCALE && scale.is_finite()) {
            return Err(LoadError::content("scales", "hold a number that is not above 0"));
        }
        Ok(Self { means: means.to_vec(), scales: scales.to_vec() })
    }
}

/// The number itself; what is not finite becomes the largest or smallest number there is, a missing value the largest.
pub(crate) fn finite(value: f32) -> f32 {
    if value.is_nan() { f32::MAX } else { value.clamp(f32::MIN, f32::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_mean_0_and_deviation_1() {
        let values = [1.0, 7.0, 3.0, 7.0, 5.0, 7.0, 7.0, 7.0];
        let rows = RowsView::new(&values, 2);
        let standard = Standard::learn(rows, &[0, 1, 2, 3]);
        let all = standard.apply_all(rows, &[0, 1, 2, 3], 3);
        let deviation = 5f32.sqrt();
        let wanted = [-3.0, -1.0, 1.0, 3.0].map(|x| x / deviation);
        for (row, wanted) in all.chunks(3).zip(wanted) {
            assert!((row[0] - wanted).abs() < 1e-6 && row[1..] == [0.0, 0.0], "{row:?}");
        }
    }

    #[test]
    fn wild_values_stay_in_order_and_small() {
        let rows: Vec<f32> = (0..100).map(|idx| (idx % 10) as f32).collect();
        let standard = Standard::learn(RowsView::new(&rows, 1), &(0..100).collect::<Vec<_>>());
        let mut last = [f32::MIN];
        for value in [f32::NEG_INFINITY, -1e30, -1e3, 0.0, 5.0, 33.0, 34.0, 1e3, 1e30, f32::NAN] {
            let mut out = [0.0];
            standard.apply(&[value], &mut out);
            assert!(out[0] > last[0] && out[0].abs() < 200.0, "{value}: {out:?}");
            last = out;
        }
    }
}
