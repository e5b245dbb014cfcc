//! Centre and spread of a column that a few wild values do not move.

use eddy_detect::{LoadError, SectionReader, SectionWriter};

use crate::checked;

/// The median and a robust estimate of the standard deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RobustScale {
    pub(crate) center: f64,
    /// Greater than 0.
    pub(crate) scale: f64,
}

/// The median absolute deviation of a normal distribution with standard deviation 1.
const MAD_OF_NORMAL: f64 = 0.6745;
/// The mean absolute deviation of a normal distribution with standard deviation 1: `sqrt(2 / pi)`.
const MEAN_DEVIATION_OF_NORMAL: f64 = 0.797_884_560_802_865_4;
/// The spread given to a constant column, as a share of its value (or of 1, if that is more).
const SHARE_OF_CONSTANT: f64 = 1e-6;

impl RobustScale {
    /// From values in any order, at least one: the median absolute deviation; the mean absolute deviation if more than
    /// half of the values are equal; a millionth of the value if all are.
    pub(crate) fn of(values: &[f32]) -> Self {
        let mut values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        let center = median(&mut values);
        for value in &mut values {
            *value = (*value - center).abs();
        }
        let mad = median(&mut values);
        // Selecting the median shuffled the values, but always in the same way: the sum is the same every time.
        let mean_deviation = values.iter().sum::<f64>() / values.len() as f64;
        let scale = if mad > 0.0 {
            mad / MAD_OF_NORMAL
        } else if mean_deviation > 0.0 {
            mean_deviation / MEAN_DEVIATION_OF_NORMAL
        } else {
            SHARE_OF_CONSTANT * center.abs().max(1.0)
        };
        Self { center, scale }
    }

    /// Distance from the centre in units of the spread.
    pub(crate) fn z(self, value: f32) -> f64 {
        (f64::from(value) - self.center) / self.scale
    }

    /// Writes the scales of all columns.
    pub(crate) fn save_all(scales: &[Self], section: &mut SectionWriter<'_>) {
        section.f64("center", &scales.iter().map(|scale| scale.center).collect::<Vec<_>>());
        section.f64("scale", &scales.iter().map(|scale| scale.scale).collect::<Vec<_>>());
    }

    /// Reads what [`RobustScale::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Self>, LoadError> {
        let centers = checked::f32_range(section, "center", n_features)?;
        let scales = checked::positives(section, "scale", n_features)?;
        Ok(centers.into_iter().zip(scales).map(|(center, scale)| Self { center, scale }).collect())
    }
}

/// The median. Puts the values into another order.
fn median(values: &mut [f64]) -> f64 {
    let n = values.len();
    let (below, &mut upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return upper;
    }
    f64::midpoint(below.iter().copied().fold(f64::NEG_INFINITY, f64::max), upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_falls_back_when_values_are_equal() {
        let check = |values: &[f32], center: f64, scale: f64| {
            let got = RobustScale::of(values);
            assert_eq!(got.center, center, "{values:?}");
            assert!((got.scale - scale).abs() < 1e-9 * scale, "{values:?}: {got:?}");
        };
        check(&[3.0, 2.0, 100.0, 1.0, 4.0], 3.0, 1.0 / 0.6745);
        check(&[100.0, 1.0, 4.0, 2.0], 3.0, 1.5 / 0.6745);
        check(&[5.0, 5.0, 5.0, 9.0], 5.0, 1.0 / 0.797_884_560_802_865_4);
        check(&[7.0, 7.0], 7.0, 7e-6);
        check(&[0.0], 0.0, 1e-6);
    }
}
