//! The fast Fourier transform for lengths that are powers of two.

use std::f64::consts::PI;

/// A complex number: real and imaginary part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Complex {
    pub(crate) re: f64,
    pub(crate) im: f64,
}

impl Complex {
    pub(crate) fn magnitude(self) -> f64 {
        (self.re * self.re + self.im * self.im).sqrt()
    }

    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }
}

/// The first half of the roots of unity that transforms of `n` numbers need.
pub(crate) fn roots(n: usize) -> Vec<Complex> {
    let root = |k: usize| {
        let angle = -2.0 * PI * k as f64 / n as f64;
        Complex { re: angle.cos(), im: angle.sin() }
    };
    (0..n / 2).map(root).collect()
}

/// Transforms in place. The length is a power of two, and `roots` are those of that length: radix 2, decimation in time
/// (Cooley & Tukey 1965).
pub(crate) fn fourier(values: &mut [Complex], roots: &[Complex]) {
    let n = values.len();
    debug_assert!(n.is_power_of_two() && roots.len() >= n / 2);
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
pub(crate) fn inverse_fourier(values: &mut [Complex], roots: &[Complex]) {
    let share = 1.0 / values.len() as f64;
    values.iter_mut().for_each(|value| value.im = -value.im);
    fourier(values, roots);
    values.iter_mut().for_each(|value| *value = Complex { re: value.re * share, im: -value.im * share });
}

/// The autocorrelation of numbers whose mean is about 0, at lags from 0 to half their number. All zero where they do
/// not vary.
pub(crate) fn autocorrelation(values: &[f64]) -> Vec<f64> {
    let n = (2 * values.len()).next_power_of_two().max(2);
    let roots = roots(n);
    let mut work = vec![Complex::default(); n];
    work.iter_mut().zip(values).for_each(|(work, &value)| work.re = value);
    fourier(&mut work, &roots);
    work.iter_mut()
        .for_each(|value| *value = Complex { re: value.re * value.re + value.im * value.im, im: 0.0 });
    inverse_fourier(&mut work, &roots);
    let whole = work[0].re;
    let lags = 0..values.len().div_ceil(2);
    // Fewer pairs lie far apart: the sum is brought to the same number of pairs.
    let at = |lag: usize| work[lag].re / whole * values.len() as f64 / (values.len() - lag) as f64;
    if whole > 0.0 { lags.map(at).collect() } else { vec![0.0; lags.len()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_follows_its_definition_and_comes_back() {
        let numbers: Vec<f64> = (0..32u64).map(|k| (k * k * 7 % 31) as f64).collect();
        let mut work: Vec<Complex> = numbers.iter().map(|&re| Complex { re, im: 0.0 }).collect();
        let roots = roots(32);
        fourier(&mut work, &roots);
        for (k, got) in work.iter().enumerate() {
            let term = |(idx, &value): (usize, &f64)| {
                let angle = -2.0 * PI * (k * idx) as f64 / 32.0;
                (value * angle.cos(), value * angle.sin())
            };
            let (re, im) =
                numbers.iter().enumerate().map(term).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
            assert!((got.re - re).abs() < 1e-9 && (got.im - im).abs() < 1e-9, "{k}: {got:?} vs {re} {im}");
        }
        inverse_fourier(&mut work, &roots);
        for (got, wanted) in work.iter().zip(&numbers) {
            assert!((got.re - wanted).abs() < 1e-9 && got.im.abs() < 1e-9);
        }
    }

    #[test]
    fn a_wave_is_like_itself_after_a_period_and_unlike_after_half_of_it() {
        let wave: Vec<f64> = (0..300).map(|idx| (2.0 * PI * f64::from(idx) / 20.0).sin()).collect();
        let found = autocorrelation(&wave);
        assert!(found[20] > 0.99 && found[10] < -0.99, "{} {}", found[20], found[10]);
        assert!(autocorrelation(&[0.0; 9]).iter().all(|&share| share == 0.0));
    }
}
