//! Spectra by the fast Fourier transform.
//!
//! A transform of our own: that of Cooley and Tukey for powers of two, and Bluestein's for other lengths. It is small,
//! quick enough for looking at series, and has no code for particular processors, so that results are
//! the same bits on every machine.

use std::f64::consts::PI;

/// A complex number: real and imaginary part.
type Complex = (f64, f64);

fn times(a: Complex, b: Complex) -> Complex {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

fn turn(angle: f64) -> Complex {
    (angle.cos(), angle.sin())
}

/// Transforms in place, with `exp(-2 pi i k t / n)`; the length is a power of two.
fn transform_power_of_two(values: &mut [Complex]) {
    let n = values.len();
    if n < 2 {
        return;
    }
    let bits = n.trailing_zeros();
    for at in 0..n {
        let other = at.reverse_bits() >> (usize::BITS - bits);
        if at < other {
            values.swap(at, other);
        }
    }
    let turns: Vec<Complex> = (0..n / 2).map(|k| turn(-2.0 * PI * k as f64 / n as f64)).collect();
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let turned = times(*b, turns[k * stride]);
                *b = (a.0 - turned.0, a.1 - turned.1);
                *a = (a.0 + turned.0, a.1 + turned.1);
            }
        }
        half *= 2;
    }
}

/// Transforms any number of values (L. Bluestein 1970: a convolution with a chirp).
fn transform(values: &[f64]) -> Vec<Complex> {
    let n = values.len();
    if n.is_power_of_two() {
        let mut out: Vec<Complex> = values.iter().map(|&value| (value, 0.0)).collect();
        transform_power_of_two(&mut out);
        return out;
    }
    // The square is taken modulo 2 n before it becomes an angle, which keeps it exact.
    let chirp = |k: usize| turn(-PI * ((k as u128 * k as u128) % (2 * n as u128)) as f64 / n as f64);
    let length = (2 * n).next_power_of_two();
    let mut signal = vec![(0.0, 0.0); length];
    let mut filter = vec![(0.0, 0.0); length];
    for (k, &value) in values.iter().enumerate() {
        let (re, im) = chirp(k);
        signal[k] = (value * re, value * im);
        filter[k] = (re, -im);
        filter[(length - k) % length] = (re, -im);
    }
    transform_power_of_two(&mut signal);
    transform_power_of_two(&mut filter);
    // Conjugate, transform, conjugate: the inverse but for the factor.
    let mut product: Vec<Complex> = signal
        .iter()
        .zip(&filter)
        .map(|(&a, &b)| {
            let (re, im) = times(a, b);
            (re, -im)
        })
        .collect();
    transform_power_of_two(&mut product);
    let scale = 1.0 / length as f64;
    (0..n).map(|k| times((product[k].0 * scale, -product[k].1 * scale), chirp(k))).collect()
}

/// Power at the frequencies 0, 1/n, 2/n, ... 1/2 of values around their mean; missing values are taken as the mean.
///
/// The ordinates of white noise of variance v are exponential with mean v (but for the first and, where n is even, the
/// last). A constant and an empty series have no power.
pub fn periodogram(values: &[f64]) -> Vec<f64> {
    let (values, scale) = crate::scaled(values);
    let mean = crate::mean(&values);
    let n = values.len();
    if n == 0 {
        return Vec::new();
    }
    let centred: Vec<f64> =
        values.iter().map(|value| if value.is_finite() { value - mean } else { 0.0 }).collect();
    let bins = transform(&centred);
    bins[..=n / 2]
        .iter()
        .map(|(re, im)| (re * re + im * im) / n as f64 * scale * scale)
        .map(finite_power)
        .collect()
}

fn finite_power(power: f64) -> f64 {
    if power.is_finite() { power } else { f64::MAX }
}

/// Sums of products at the lags 0 to `most` of values without missing ones: `sum of x[i] * x[i + lag]`.
pub(crate) fn lagged_products(values: &[f64], most: usize) -> Vec<f64> {
    let n = values.len();
    let most = most.min(n.saturating_sub(1));
    // A short way for few lags; it is also exact.
    if n * (most + 1) < 1 << 16 {
        return (0..=most)
            .map(|lag| values.iter().zip(values.get(lag..).unwrap_or_default()).map(|(a, b)| a * b).sum())
            .collect();
    }
    let length = (n + most + 1).next_power_of_two();
    let mut buffer = vec![(0.0, 0.0); length];
    buffer.iter_mut().zip(values).for_each(|(slot, &value)| slot.0 = value);
    transform_power_of_two(&mut buffer);
    buffer.iter_mut().for_each(|bin| *bin = (bin.0 * bin.0 + bin.1 * bin.1, 0.0));
    // The spectrum of a power is even, so the forward transform is the inverse but for the factor.
    transform_power_of_two(&mut buffer);
    buffer[..=most].iter().map(|bin| bin.0 / length as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_has_its_power_at_its_frequency() {
        let values: Vec<f64> =
            (0..240).map(|t| (f64::from(t) / 24.0 * std::f64::consts::TAU).sin()).collect();
        let power = periodogram(&values);
        let best = (0..power.len()).max_by(|&a, &b| power[a].total_cmp(&power[b]));
        assert_eq!((power.len(), best), (121, Some(10)));
        assert!((power[10] - 60.0).abs() < 1e-9);
    }

    #[test]
    fn any_length_is_transformed_as_its_definition_says() {
        for n in [1usize, 2, 3, 7, 8, 12, 37, 64, 100] {
            let values: Vec<f64> = (0..n).map(|t| (t * 7_919 % 101) as f64 - 40.0).collect();
            for (k, got) in transform(&values).into_iter().enumerate() {
                let part = |t: usize| turn(-2.0 * PI * (k * t % n) as f64 / n as f64);
                let wanted = (0..n).fold((0.0, 0.0), |sum, t| {
                    (sum.0 + values[t] * part(t).0, sum.1 + values[t] * part(t).1)
                });
                assert!((got.0 - wanted.0).hypot(got.1 - wanted.1) < 1e-9, "{n} {k}: {got:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn both_ways_to_lagged_products_agree() {
        let values: Vec<f64> = (0..3_000).map(|t| f64::from(t * 7_919 % 1_013) - 500.0).collect();
        let long = lagged_products(&values, 900);
        for lag in [0, 1, 17, 900] {
            let short: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| a * b).sum();
            assert!((long[lag] - short).abs() < 1e-6 * long[0], "{lag}");
        }
    }

    #[test]
    fn hostile_values_have_a_finite_spectrum() {
        for values in [vec![], vec![f64::NAN; 5], vec![1e308, -1e308, 1e308], vec![f64::INFINITY, 1.0, 2.0]] {
            assert!(periodogram(&values).iter().all(|power| power.is_finite()), "{values:?}");
        }
    }
}
