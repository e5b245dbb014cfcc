//! How unusual a statistic is for its own stream.

/// The logarithm of a share of the record that says nothing: where there is no statistic yet.
const NEUTRAL: f32 = -2.0;
/// Values before which nothing is said.
const WARM_UP: u32 = 20;
/// Values after which a record counts half, once it has been seen for long enough.
const RECORD_HALF_LIFE: f32 = 3000.0;
/// The longest memory of mean and deviation.
const LONGEST_MEMORY: f32 = 1000.0;

/// The inverse hyperbolic sine, quicker and to some six digits, or to 1e-7 near 0.
pub(super) fn asinh(value: f32) -> f32 {
    let size = value.abs().min(1e18);
    (size + (size * size + 1.0).sqrt()).ln().copysign(value)
}

/// A statistic from 0 on, measured by its own past: against its record, and against its usual level.
///
/// The record of numbers drawn alike is broken about `ln n` times in `n` draws, whatever they are drawn from, so
/// that "as large as never before" means much the same for every statistic.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    greatest: f32,
    recent: [f32; 2],
    mean: f32,
    variance: f32,
    n_seen: u32,
}

impl Default for Record {
    fn default() -> Self {
        Self { greatest: 0.0, recent: [0.0; 2], mean: 0.0, variance: 0.0, n_seen: 0 }
    }
}

impl Record {
    /// Takes the next value (`None`: there is none) and gives the logarithm of its share of the decayed record before
    /// it (between -4 and 3), and the deviation of the mean of the last three from the usual level (between -3 and 5, on
    /// a scale that grows like a logarithm).
    pub fn push(&mut self, value: Option<f32>) -> [f32; 2] {
        let Some(value) = value else {
            return [NEUTRAL, 0.0];
        };
        let value = value.clamp(0.0, 1e18);
        let mean_of_three = (value + self.recent[0] + self.recent[1]) / 3.0;
        self.recent = [self.recent[1], value];
        let is_warm = self.n_seen >= WARM_UP;
        let ratio = if is_warm {
            ((value + 1e-12).ln() - (self.greatest + 1e-12).ln()).clamp(-4.0, 3.0)
        } else {
            NEUTRAL
        };
        let deviation = mean_of_three - self.mean;
        let spread = self.variance.sqrt().max(1e-3 * self.mean.abs()).max(1e-9);
        let z = if is_warm { asinh(deviation / spread).clamp(-3.0, 5.0) } else { 0.0 };
        self.n_seen = self.n_seen.saturating_add(1);
        let weight = 1.0 / (self.n_seen as f32).min(LONGEST_MEMORY);
        let step = deviation.clamp(-8.0 * spread, if is_warm { 8.0 * spread } else { f32::MAX });
        self.mean += weight * step;
        self.variance = (1.0 - weight) * (self.variance + (weight * step * step).min(1e36));
        self.greatest = (self.greatest * (-1.0 / RECORD_HALF_LIFE).exp2()).max(value);
        [ratio, z]
    }

    /// Makes the past as it would have been in another unit: every value times `factor`.
    pub fn rescale(&mut self, factor: f32) {
        self.greatest *= factor;
        self.recent = self.recent.map(|value| value * factor);
        self.mean *= factor;
        self.variance *= factor * factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_never_as_large_is_beyond_the_record() {
        let mut record = Record::default();
        for idx in 0..200 {
            let [ratio, _] = record.push(Some(1.0 + (idx * 7 % 10) as f32 / 10.0));
            assert!(ratio <= 0.05, "{idx}: {ratio}");
        }
        let [ratio, z] = record.push(Some(19.0));
        assert!((ratio - 10.0f32.ln()).abs() < 0.01 && z > 2.0, "{ratio} {z}");
        assert_eq!(record.push(None), [NEUTRAL, 0.0]);
    }

    #[test]
    fn another_unit_changes_nothing() {
        let (mut one, mut other) = (Record::default(), Record::default());
        for idx in 0..100 {
            let value = 1.0 + (idx * idx % 13) as f32;
            if idx == 50 {
                other.rescale(8.0);
            }
            let factor = if idx >= 50 { 8.0 } else { 1.0 };
            let (a, b) = (one.push(Some(value)), other.push(Some(value * factor)));
            assert!((a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4, "{idx}: {a:?} {b:?}");
        }
    }

    #[test]
    fn the_inverse_of_the_hyperbolic_sine_is_what_it_says() {
        for value in [0.0f32, 1e-9, 0.01, 0.5, 3.0, 1e4, 1e18] {
            let wanted = f64::from(value).asinh() as f32;
            assert!((asinh(value) - wanted).abs() <= 2e-7 + 1e-6 * wanted, "{value}");
            assert_eq!(asinh(-value), -asinh(value));
        }
        assert!(asinh(f32::MAX).is_finite());
    }
}
