//! Spectra by the fast Fourier transform.
//!
//! A transform of our own: that of Cooley and Tukey for powers of two, and Bluestein's for other lengths. It is small,
//! quick enough for looking at series, and has no code for particular processors, so that results are
//! the same bits on every machine.

use std::f64::consts::PI;

/// A complex number: real and imaginary part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

impl Complex {
    /// The distance from 0.
    pub fn magnitude(self) -> f64 {
        (self.re * self.re + self.im * self.im).sqrt()
    }

    /// The product.
    pub fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// The first half of the roots of unity that transforms of `n` numbers need.
pub fn roots(n: usize) -> Vec<Complex> {
    (0..n / 2).map(|k| turn(-2.0 * PI * k as f64 / n as f64)).collect()
}

/// Transforms in place. The length is a power of two, and `roots` are those of that length: radix 2, decimation in time
/// (Cooley & Tukey 1965).
pub fn fourier(values: &mut [Complex], roots: &[Complex]) {
    let n = values.len();
    debug_assert!(n.is_power_of_two() && roots.len() >= n / 2);
    if n < 2 {
        return;
    }
    let shift = usize::BITS - n.trailing_zeros();
    for idx in 1..n {
        let mirrored = idx.reverse_bits() >> shift;
        if idx < mirrored {
            values.swap(idx, mirrored);
        }
    }
    let mut half = 1;
    while half < n {
        let stride = n / (2 * half);
        for start in (0..n).step_by(2 * half) {
            let (low, high) = values[start..start + 2 * half].split_at_mut(half);
            for ((low, high), root) in low.iter_mut().zip(high).zip(roots.iter().step_by(stride)) {
                let turned = high.times(*root);
                *high = Complex { re: low.re - turned.re, im: low.im - turned.im };
                *low = Complex { re: low.re + turned.re, im: low.im + turned.im };
            }
        }
        half *= 2;
    }
}

/// The transform back, in place.
pub fn inverse_fourier(values: &mut [Complex], roots: &[Complex]) {
    let share = 1.0 / values.len() as f64;
    values.iter_mut().for_each(|value| value.im = -value.im);
    fourier(values, roots);
    values.iter_mut().for_each(|value| *value = Complex { re: value.re * share, im: -value.im * share });
}

fn turn(angle: f64) -> Complex {
    Complex { re: angle.cos(), im: angle.sin() }
}

fn real(value: f64) -> Complex {
    Complex { re: value, im: 0.0 }
}

/// Transforms any number of values (L. Bluestein 1970: a convolution with a chirp).
fn transform(values: &[f64]) -> Vec<Complex> {
    let n = values.len();
    if n.is_power_of_two() {
        let mut out: Vec<Complex> = values.iter().map(|&value| real(value)).collect();
        fourier(&mut out, &roots(n));
        return out;
    }
    // The square is taken modulo 2 n before it becomes an angle, which keeps it exact.
    let chirp = |k: usize| turn(-PI * ((k as u128 * k as u128) % (2 * n as u128)) as f64 / n as f64);
    let length = (2 * n).next_power_of_two();
    let mut signal = vec![Complex::default(); length];
    let mut filter = vec![Complex::default(); length];
    for (k, &value) in values.iter().enumerate() {
        let Complex { re, im } = chirp(k);
        signal[k] = Complex { re: value * re, im: value * im };
        filter[k] = Complex { re, im: -im };
        filter[(length - k) % length] = Complex { re, im: -im };
    }
    let roots = roots(length);
    fourier(&mut signal, &roots);
    fourier(&mut filter, &roots);
    let mut product: Vec<Complex> = signal.iter().zip(&filter).map(|(a, b)| a.times(*b)).collect();
    inverse_fourier(&mut product, &roots);
    (0..n).map(|k| product[k].times(chirp(k))).collect()
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
        .map(|bin| (bin.re * bin.re + bin.im * bin.im) / n as f64 * scale * scale)
        .map(finite_power)
        .collect()
}

fn finite_power(power: f64) -> f64 {
    if power.is_finite() { power } else { f64::MAX }
}

/// Sums of products at the lags 0 to `most` of values without missing ones: `sum of x[i] * x[i + lag]`.
pub fn lagged_products(values: &[f64], most: usize) -> Vec<f64> {
    let n = values.len();
    let most = most.min(n.saturating_sub(1));
    // A short way for few lags; it is also exact.
    if n * (most + 1) < 1 << 16 {
        return (0..=most)
            .map(|lag| values.iter().zip(values.get(lag..).unwrap_or_default()).map(|(a, b)| a * b).sum())
            .collect();
    }
    let length = (n + most + 1).next_power_of_two();
    let roots = roots(length);
    let mut buffer = vec![Complex::default(); length];
    buffer.iter_mut().zip(values).for_each(|(slot, &value)| slot.re = value);
    fourier(&mut buffer, &roots);
    buffer.iter_mut().for_each(|bin| *bin = real(bin.re * bin.re + bin.im * bin.im));
    inverse_fourier(&mut buffer, &roots);
    buffer[..=most].iter().map(|bin| bin.re).collect()
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
                    (sum.0 + values[t] * part(t).re, sum.1 + values[t] * part(t).im)
                });
                assert!((got.re - wanted.0).hypot(got.im - wanted.1) < 1e-9, "{n} {k}: {got:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn a_transform_comes_back() {
        let numbers: Vec<f64> = (0..32u64).map(|k| (k * k * 7 % 31) as f64).collect();
        let mut work = transform(&numbers);
        inverse_fourier(&mut work, &roots(32));
        for (got, wanted) in work.iter().zip(&numbers) {
            assert!((got.re - wanted).abs() < 1e-9 && got.im.abs() < 1e-9);
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
