//! How unusual a statistic is for its own stream.

/// The logarithm of a share of the record that says nothing: where there is no statistic yet.
const NEUTRAL: f32 = -2.0;
/// Values before which nothing is said.
const WARM_UP: f32 = 20.0;
/// Values after which a record counts half, once it has been seen for long enough.
const RECORD_HALF_LIFE: f32 = 3000.0;
/// The longest memory of mean and deviation.
const LONGEST_MEMORY: f32 = 1000.0;
/// The most statistics there can be.
pub(super) const MOST: usize = 33;

/// The larger of two numbers, the second where the first is none: one step, unlike that of the standard library.
#[inline]
pub(super) fn larger(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The smaller of two numbers, the second where the first is none.
#[inline]
pub(super) fn smaller(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The natural logarithm of a positive number that is neither subnormal nor infinite, to 2e-7 of it or of 1: by the series
/// of the inverse hyperbolic tangent, without a branch, so that many are counted at once.
#[inline]
fn ln(value: f32) -> f32 {
    const ROOT_HALF: u32 = 0x3f35_04f3;
    let bits = value.to_bits();
    let exponent = (bits.wrapping_sub(ROOT_HALF) as i32) >> 23;
    let part = f32::from_bits(bits.wrapping_sub((exponent << 23) as u32));
    let (s, two) = ((part - 1.0) / (part + 1.0), 2.0);
    let square = s * s;
    let rest = square * (1.0 / 3.0 + square * (1.0 / 5.0 + square * (1.0 / 7.0 + square * (1.0 / 9.0))));
    exponent as f32 * std::f32::consts::LN_2 + two * (s + s * rest)
}

/// The inverse hyperbolic sine to some six digits, or to 1e-7 near 0.
#[inline]
pub(super) fn asinh(value: f32) -> f32 {
    let size = smaller(value.abs(), 1e18);
    ln(size + (size * size + 1.0).sqrt()).copysign(value)
}

/// Numbers of each statistic that are kept.
const KEPT: usize = 6;

/// Statistics from 0 on, each measured by its own past: against its record, and against its usual level.
///
/// The record of numbers drawn alike is broken about `ln n` times in `n` draws, whatever they are drawn from, so
/// that "as large as never before" means much the same for every statistic.
#[derive(Debug, Clone)]
pub struct Records {
    /// Of all statistics: the logarithm of the record, then the value before the last, then the last, the mean, the
    /// variance, and the number of values, which is counted up to the longest memory.
    kept: Vec<f32>,
}

/// The logarithm of nothing.
const LOG_OF_NOTHING: f32 = -27.631_021;
/// What is added before a logarithm is taken.
const LEAST: f32 = 1e-12;
/// What is lost of the logarithm of a record with each value.
const FADING: f32 = std::f32::consts::LN_2 / RECORD_HALF_LIFE;

eddy_detect::wide! {
    /// Takes one value of each statistic in, NaN where there is none, and writes what it says in two lists.
    fn advance(kept: [&mut [f32]; KEPT], values: &[f32], ratios: &mut [f32], deviations: &mut [f32]) {
        let [records, olds, lasts, means, variances, counts] = kept;
        let n = values.len();
        let (records, olds, lasts) = (&mut records[..n], &mut olds[..n], &mut lasts[..n]);
        let (means, variances, counts) = (&mut means[..n], &mut variances[..n], &mut counts[..n]);
        let (ratios, deviations) = (&mut ratios[..n], &mut deviations[..n]);
        for idx in 0..n {
            let is_there = !values[idx].is_nan();
            let value = smaller(larger(values[idx], 0.0), 1e18);
            let (record, last, mean) = (records[idx], lasts[idx], means[idx]);
            let (variance, count) = (variances[idx], counts[idx]);
            let is_warm = count >= WARM_UP;
            let log = ln(value + LEAST);
            let ratio = larger(smaller(log - record, 3.0), -4.0);
            let deviation = (value + olds[idx] + last) / 3.0 - mean;
            let spread = larger(larger(variance.sqrt(), 1e-3 * mean.abs()), 1e-9);
            let z = larger(smaller(asinh(deviation / spread), 5.0), -3.0);
            ratios[idx] = if is_there && is_warm { ratio } else { NEUTRAL };
            deviations[idx] = if is_there && is_warm { z } else { 0.0 };
            let counted = smaller(count + 1.0, LONGEST_MEMORY);
            let weight = 1.0 / counted;
            let most = if is_warm { 8.0 * spread } else { f32::MAX };
            let step = smaller(larger(deviation, -8.0 * spread), most);
            let spread_out = (1.0 - weight) * (variance + smaller(weight * step * step, 1e36));
            records[idx] = if is_there { larger(record - FADING, log) } else { record };
            olds[idx] = if is_there { last } else { olds[idx] };
            lasts[idx] = if is_there { value } else { last };
            means[idx] = if is_there { mean + weight * step } else { mean };
            variances[idx] = if is_there { spread_out } else { variance };
            counts[idx] = if is_there { counted } else { count };
        }
    }
}

impl Records {
    /// Records of so many statistics (at most [`MOST`]) that have seen nothing.
    pub fn new(n: usize) -> Self {
        let n = n.min(MOST);
        let mut kept = vec![0.0; KEPT * n];
        kept[..n].fill(LOG_OF_NOTHING);
        Self { kept }
    }

    /// Takes the next value of each statistic (NaN: there is none) and gives, one after another, the logarithm of its share
    /// of the decayed record before it (between -4 and 3), and the deviation of the mean of the last three from the
    /// usual level (between -3 and 5, on a scale that grows like a logarithm).
    pub fn push(&mut self, values: &[f32], out: &mut [f32]) {
        let n_all = self.n_statistics();
        let n = n_all.min(values.len());
        let (mut ratios, mut deviations) = ([0.0; MOST], [0.0; MOST]);
        let mut parts = self.kept.chunks_exact_mut(n_all.max(1));
        let parts: [&mut [f32]; KEPT] = std::array::from_fn(|_| parts.next().unwrap_or_default());
        advance(parts, &values[..n], &mut ratios[..n], &mut deviations[..n]);
        for (idx, told) in out.chunks_exact_mut(2).enumerate().take(n) {
            (told[0], told[1]) = (ratios[idx], deviations[idx]);
        }
    }

    /// Makes the past of one statistic as it would have been in another unit: every value times `factor`.
    pub fn rescale(&mut self, idx: usize, factor: f32) {
        let n = self.n_statistics();
        let part = |part: usize| part * n + idx;
        self.kept[idx] = (self.kept[idx] + factor.max(LEAST).ln()).max(LOG_OF_NOTHING);
        for scaled in [part(1), part(2), part(3)] {
            self.kept[scaled] *= factor;
        }
        self.kept[part(4)] *= factor * factor;
    }

    /// Statistics there are.
    pub fn n_statistics(&self) -> usize {
        self.kept.len() / KEPT
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(self.kept.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(records: &mut Records, value: Option<f32>) -> [f32; 2] {
        let mut out = [0.0; 2];
        records.push(&[value.unwrap_or(f32::NAN)], &mut out);
        out
    }

    #[test]
    fn only_what_was_never_as_large_is_beyond_the_record() {
        let mut record = Records::new(1);
        for idx in 0..200 {
            let [ratio, _] = push(&mut record, Some(1.0 + (idx * 7 % 10) as f32 / 10.0));
            assert!(ratio <= 0.05, "{idx}: {ratio}");
        }
        let [ratio, z] = push(&mut record, Some(19.0));
        assert!((ratio - 10.0f32.ln()).abs() < 0.01 && z > 2.0, "{ratio} {z}");
        assert_eq!(push(&mut record, None), [NEUTRAL, 0.0]);
    }

    #[test]
    fn another_unit_changes_nothing() {
        let (mut one, mut other) = (Records::new(1), Records::new(1));
        for idx in 0..100 {
            let value = 1.0 + (idx * idx % 13) as f32;
            if idx == 50 {
                other.rescale(0, 8.0);
            }
            let factor = if idx >= 50 { 8.0 } else { 1.0 };
            let (a, b) = (push(&mut one, Some(value)), push(&mut other, Some(value * factor)));
            assert!((a[0] - b[0]).abs() < 1e-4 && (a[1] - b[1]).abs() < 1e-4, "{idx}: {a:?} {b:?}");
        }
    }

    #[test]
    fn each_statistic_is_measured_by_itself() {
        let mut all = Records::new(MOST);
        let mut alone: Vec<Records> = (0..MOST).map(|_| Records::new(1)).collect();
        for row in 0..300usize {
            let value = |idx: usize| match (row * 31 + idx * 17) % 11 {
                0 => f32::NAN,
                other => other as f32 * 10f32.powi(idx as i32 - 16),
            };
            let values: [f32; MOST] = std::array::from_fn(value);
            let mut out = [0.0; 2 * MOST];
            all.push(&values, &mut out);
            for (idx, one) in alone.iter_mut().enumerate() {
                let told = [out[2 * idx], out[2 * idx + 1]];
                assert_eq!(told, push(one, Some(values[idx])), "{row} {idx}");
                if row == 200 {
                    one.rescale(0, 3.0);
                    all.rescale(idx, 3.0);
                }
            }
        }
    }

    #[test]
    fn the_logarithm_is_what_it_says() {
        for idx in 0..4000 {
            let value = 10f32.powf(idx as f32 / 60.0 - 29.0);
            let wanted = f64::from(value).ln() as f32;
            assert!(
                (ln(value) - wanted).abs() <= 2e-7 * wanted.abs().max(1.0),
                "{value}: {} {wanted}",
                ln(value)
            );
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
