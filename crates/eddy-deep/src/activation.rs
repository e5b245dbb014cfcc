//! The functions between the layers of a net, by sums and products alone, so that several are done at a time and the
//! bits are the same everywhere.

use eddy_detect::wide;

/// The hyperbolic tangent, to within 1e-6 of its value: a quotient of polynomials, as in the Eigen library.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    // Beyond, the value is 1 in 32 bits.
    let x = x.clamp(-7.905_311, 7.905_311);
    let square = x * x;
    let mut above = -2.760_768_6e-16;
    for factor in
        [2.000_188e-13, -8.604_672e-11, 5.122_297_3e-8, 1.485_722_4e-5, 6.372_619_5e-4, 4.893_524_6e-3]
    {
        above = above * square + factor;
    }
    let mut below = 1.198_258_4e-6;
    for factor in [1.185_347_1e-4, 2.268_434_5e-3, 4.893_525e-3] {
        below = below * square + factor;
    }
    x * above / below
}

/// The logistic function, to within 1e-6.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    0.5 + 0.5 * tanh(0.5 * x)
}

/// The exponential of numbers from -87 to 88 (others count as the nearest of these), to within 1e-6 of its value.
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    // Adding and taking away 1.5 * 2^23 rounds to a whole number, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    // ln 2 in two parts, of which the first has few bits: the product is exact.
    let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for factor in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        sum = sum * rest + factor;
    }
    let power = (shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127)) << 23;
    (sum * rest * rest + rest + 1.0) * f32::from_bits(power)
}

/// Which values are dropped: chance that depends on a key and a value's place only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    /// Where chance starts.
    pub(crate) key: u32,
    /// Share of the values that are dropped.
    pub(crate) share: f32,
}

wide! {
    /// Negative values become 0.
    pub(crate) fn relu(values: &mut [f32]) {
        for value in values {
            *value = if *value > 0.0 { *value } else { 0.0 };
        }
    }

    /// Negative values become 0, and so does a share of the others; those that stay grow, so that the mean is kept.
    pub(crate) fn relu_with_dropout(values: &mut [f32], dropout: Dropout) {
        let growth = 1.0 / (1.0 - dropout.share);
        // Half the range, since vectors compare signed numbers only.
        let border = (f64::from(dropout.share) * f64::from(1u32 << 31)) as i32;
        for (idx, value) in values.iter_mut().enumerate() {
            let drawn = (scatter(dropout.key.wrapping_add(idx as u32)) >> 1) as i32;
            *value = if *value > 0.0 && drawn >= border { *value * growth } else { 0.0 };
        }
    }

    /// Takes a gradient back through [`relu_with_dropout`] (or [`relu`], with growth 1), given what it made.
    pub(crate) fn relu_gradient(made: &[f32], gradient: &mut [f32], growth: f32) {
        for (gradient, &made) in gradient.iter_mut().zip(made) {
            *gradient = if made > 0.0 { *gradient * growth } else { 0.0 };
        }
    }
}

/// A number that depends on another in a scattered way (a finaliser found by Wellons 2018).
#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn scatter(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_within_a_millionth_of_their_values() {
        for idx in -90_000..=90_000 {
            let x = idx as f32 * 1e-3;
            let wide = f64::from(x);
            let close = |ours: f32, exact: f64, least: f64| {
                let error = (f64::from(ours) - exact).abs();
                assert!(error <= 1e-6 * exact.abs().max(least), "{x}: {ours} vs {exact}");
            };
            close(tanh(x), wide.tanh(), 0.0);
            close(sigmoid(x), 1.0 / (1.0 + (-wide).exp()), 1.0);
            if x.abs() < 87.0 {
                close(exp(x), wide.exp(), 0.0);
            }
        }
    }

    #[test]
    fn functions_stay_in_their_range() {
        for x in [f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 1e-45] {
            assert!(tanh(x).abs() <= 1.000_001 && (-1e-6..=1.000_001).contains(&sigmoid(x)), "{x}");
            assert!(exp(x).is_finite() && exp(x) > 0.0, "{x}");
        }
    }

    #[test]
    fn dropout_drops_its_share_and_keeps_the_mean() {
        let mut values = vec![1.0; 100_000];
        relu_with_dropout(&mut values, Dropout { key: 7, share: 0.2 });
        let dropped = values.iter().filter(|value| **value == 0.0).count();
        assert!((19_500..20_500).contains(&dropped), "{dropped}");
        let mean = values.iter().sum::<f32>() / 1e5;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
    }
}
