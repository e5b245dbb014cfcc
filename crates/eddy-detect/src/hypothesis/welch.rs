//! Whether two means differ.

use statrs::function::beta::beta_reg;

use super::Sample;

/// The outcome of [`welch`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// Mean of the second group minus mean of the first, over its standard error; positive when the second is larger.
    pub t: f64,
    /// Degrees of freedom after Welch and Satterthwaite.
    pub degrees_of_freedom: f64,
    /// Two-sided p-value.
    pub p: f64,
    /// Difference of the means in pooled standard deviations.
    pub cohens_d: f64,
}

/// The t-test of Welch: does the second group have another mean than the first? Variances may differ.
///
/// A mean of long-tailed values (bytes, durations) is made by a few rows, and so is this test; [`super::mann_whitney`]
/// is the one to trust. It stands here because everybody asks for it. The p-value takes means to be normally
/// distributed. As `scipy.stats.ttest_ind` with `equal_var=False`. None when a group has fewer than two values, no group
/// varies, or values are too large for their squares.
///
/// Source: B. L. Welch, "The generalization of Student's problem when several different population variances are
/// involved", Biometrika 34 (1947); J. Cohen, "Statistical Power Analysis for the Behavioral Sciences" (1988), 2.2.
pub fn welch(first: &Sample, second: &Sample) -> Option<Welch> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let (n, m) = (first.len() as f64, second.len() as f64);
    let ((mean_a, var_a), (mean_b, var_b)) = (moments(first), moments(second));
    let (share_a, share_b) = (var_a / n, var_b / m);
    let error = (share_a + share_b).sqrt();
    let t = (mean_b - mean_a) / error;
    // Scaled, so that the square of a variance neither overflows nor vanishes.
    let (part_a, part_b) = (share_a / (share_a + share_b), share_b / (share_a + share_b));
    let degrees_of_freedom = 1.0 / (part_a * part_a / (n - 1.0) + part_b * part_b / (m - 1.0));
    let pooled = (((n - 1.0) * var_a + (m - 1.0) * var_b) / (n + m - 2.0)).sqrt();
    let cohens_d = (mean_b - mean_a) / pooled;
    if ![t, degrees_of_freedom, cohens_d].iter().all(|number| number.is_finite()) {
        return None;
    }
    Some(Welch { t, degrees_of_freedom, p: two_sided(t, degrees_of_freedom), cohens_d })
}

/// Mean and variance with divisor n - 1.
fn moments(sample: &Sample) -> (f64, f64) {
    let (values, n) = (sample.values(), sample.len() as f64);
    let first = values[0];
    if values[values.len() - 1] == first {
        // Without the rounding of a sum, so that a constant has no variance.
        return (first, 0.0);
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (n - 1.0))
}

/// Probability that Student's t with so many degrees of freedom is at least as far from 0.
fn two_sided(t: f64, degrees_of_freedom: f64) -> f64 {
    let square = t * t;
    if !square.is_finite() {
        return 0.0;
    }
    beta_reg(degrees_of_freedom / 2.0, 0.5, degrees_of_freedom / (degrees_of_freedom + square))
        .clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `scipy.stats.t.sf`, doubled.
    #[test]
    fn tails_are_those_of_students_t() {
        for (t, df, expect) in [
            (0.0, 5.0, 1.0),
            (2.0, 3.0, 0.139_325_968_558_843_05),
            (-1.96, 1000000.0, 0.049_996_067_585_269_85),
            (0.01, 1000000.0, 0.992_021_289_365_547_6),
            (5.0, 100000.0, 5.742_701_678_641_679e-07),
            (20.0, 1000000.0, 5.733_087_047_390_268e-89),
            (1.5, 40.0, 0.141_466_776_879_148_16),
            (1e200, 10.0, 0.0),
        ] {
            let p = two_sided(t, df);
            assert!(
                (p - expect).abs() <= 1e-8 * expect,
                "t {t}, {df} degrees of freedom: {p:e}, expected {expect:e}"
            );
        }
    }

    #[test]
    fn means_one_deviation_apart_have_an_effect_of_one() {
        let low = Sample::new(vec![-1.0, 0.0, 1.0]);
        let high = Sample::new(vec![0.0, 1.0, 2.0]);
        let found = welch(&low, &high).unwrap();
        assert!((found.cohens_d - 1.0).abs() < 1e-12 && (found.degrees_of_freedom - 4.0).abs() < 1e-9);
        assert!(found.t > 0.0 && welch(&high, &low).unwrap().t < 0.0);
    }

    #[test]
    fn what_does_not_vary_or_is_too_large_has_no_test() {
        let constant = Sample::new(vec![0.1; 9]);
        for other in [constant.clone(), Sample::new(vec![0.2; 9]), Sample::new(vec![1.0])] {
            assert_eq!(welch(&constant, &other), None);
        }
        let huge = Sample::new(vec![1e200, -1e200, f64::MAX]);
        assert_eq!(welch(&huge, &huge), None);
        assert!(welch(&constant, &Sample::new(vec![0.0, 1.0])).is_some(), "one that varies is enough");
    }
}
