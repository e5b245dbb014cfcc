//! Whether a series wanders: the augmented test of Dickey and Fuller.

use serde::Serialize;

/// Result of the test: its null hypothesis is a unit root, that is a series that wanders and does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Adf {
    /// The statistic; the more negative the more it speaks for a series that comes back.
    pub statistic: f64,
    /// Probability of a statistic as low under the null hypothesis.
    pub p_value: f64,
    /// Lagged differences in the regression, chosen by Akaike's criterion.
    pub lags: usize,
    /// Rows of the regression.
    pub n_rows: usize,
}

/// Lags that are tried at most, whatever the length.
const MOST_LAGS: usize = 72;

/// The test with a constant; lags up to `12 * (n / 100)^(1/4)`, the number of them chosen by Akaike's criterion.
/// Missing values are bridged by straight lines. None of fewer than 15 values or of a constant.
///
/// Source: D. Dickey, W. Fuller, "Distribution of the estimators for autoregressive time series with a unit root", 1979;
/// S. Said, D. Dickey, 1984; lags after W. Schwert, 1989; probability by the response surface of J. MacKinnon,
/// "Approximate asymptotic distribution functions for unit-root and cointegration tests", 1994, table of one variable
/// with a constant. As statsmodels' `adfuller(regression="c", autolag="AIC")`. Time O(n * lags).
pub fn adf(values: &[f64]) -> Option<Adf> {
    if !values.iter().any(|value| value.is_finite()) {
        return None;
    }
    let values = standard(&crate::interpolated(values))?;
    let n = values.len();
    let rule = (12.0 * (n as f64 / 100.0).powf(0.25)).ceil() as usize;
    let most = rule.min(MOST_LAGS).min((n / 2).saturating_sub(2));
    if n < 15 {
        return None;
    }
    // All numbers of lags are compared on the rows that the longest one leaves.
    let lags = best_lags(&values, most)?;
    let rows = n - 1 - lags;
    let factor = Factor::of(&gram(&values, lags, lags), lags + 3)?;
    let (slope, error) = factor.first_coefficient(rows)?;
    let statistic = slope / error;
    statistic.is_finite().then(|| Adf { statistic, p_value: p_value(statistic), lags, n_rows: rows })
}

/// The values around 0 with deviation 1, which changes nothing of the test; none of a constant.
fn standard(values: &[f64]) -> Option<Vec<f64>> {
    let (values, _) = crate::scaled(values);
    let mean = crate::mean(&values);
    let n = values.len().max(1) as f64;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let magnitude = values.iter().fold(0.0f64, |most, value| most.max(value.abs()));
    (sd > magnitude * 1e-13).then(|| values.iter().map(|value| (value - mean) / sd).collect())
}

/// Products of the columns of the regression: level before, constant, `lags` lagged differences, and last the
/// difference itself. The first `skip` differences are left out for lags.
fn gram(values: &[f64], lags: usize, skip: usize) -> Vec<f64> {
    let width = lags + 3;
    let differences: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rows = skip..differences.len();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let ones = vec![1.0; rows.len()];
    // Column `idx` as a slice of the rows.
    let column = |idx: usize| -> &[f64] {
        match idx {
            0 => &values[rows.start..rows.end],
            1 => &ones,
            idx if idx == width - 1 => &differences[rows.clone()],
            idx => &differences[rows.start - (idx - 1)..rows.end - (idx - 1)],
        }
    };
    let mut out = vec![0.0; width * width];
    let mut put = |i: usize, j: usize, sum: f64| (out[i * width + j], out[j * width + i]) = (sum, sum);
    for i in 0..width {
        for j in 0..=i.min(1) {
            put(i, j, product(column(i), column(j)));
        }
    }
    // Differences with each other: a product of two lags later is that of the two with other ends.
    let place = |lag: usize| if lag == 0 { width - 1 } else { lag + 1 };
    for apart in 0..=lags {
        let mut sum = product(column(width - 1), column(place(apart)));
        put(width - 1, place(apart), sum);
        for lag in 1..=lags - apart {
            let at = |end: usize, lag: usize| differences[end - lag];
            sum += at(rows.start, lag) * at(rows.start, lag + apart)
                - at(rows.end, lag) * at(rows.end, lag + apart);
            put(place(lag), place(lag + apart), sum);
        }
    }
    out
}

/// The lower triangle of Cholesky's factor.
struct Factor {
    lower: Vec<f64>,
    width: usize,
}

impl Factor {
    fn of(gram: &[f64], width: usize) -> Option<Self> {
        let mut lower = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| lower[i * width + k] * lower[j * width + k]).sum();
                let left = gram[i * width + j] - sum;
                lower[i * width + j] = if i == j {
                    // A column that the others make up: no unique answer. The last may well be made up.
                    if left <= gram[i * width + i] * 1e-13 && i + 1 < width {
                        return None;
                    }
                    left.max(0.0).sqrt()
                } else {
                    left / lower[j * width + j]
                };
            }
        }
        Some(Self { lower, width })
    }

    /// Sum of squared residuals of the regression of the last column on the first `n` columns.
    fn residual(&self, n: usize) -> f64 {
        let last = &self.lower[(self.width - 1) * self.width..];
        last[n..self.width].iter().map(|value| value * value).sum()
    }

    /// The first coefficient of the regression of the last column on all others, and its standard error.
    fn first_coefficient(&self, rows: usize) -> Option<(f64, f64)> {
        let (width, n) = (self.width, self.width - 1);
        let at = |i: usize, j: usize| self.lower[i * width + j];
        let mut coefficients = vec![0.0; n];
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|k| at(k, i) * coefficients[k]).sum();
            coefficients[i] = (at(width - 1, i) - sum) / at(i, i);
        }
        // The first diagonal element of the inverse is the squared length of the solution of L x = e1.
        let mut solution = vec![0.0; n];
        for i in 0..n {
            let sum: f64 = (0..i).map(|k| at(i, k) * solution[k]).sum();
            solution[i] = (f64::from(u8::from(i == 0)) - sum) / at(i, i);
        }
        let free = rows.checked_sub(n).filter(|&free| free > 0)?;
        let variance = self.residual(n) / free as f64;
        let inverse: f64 = solution.iter().map(|value| value * value).sum();
        let error = (variance * inverse).sqrt();
        (error > 0.0).then_some((coefficients[0], error))
    }
}

/// The number of lags with the least value of Akaike's criterion.
fn best_lags(values: &[f64], most: usize) -> Option<usize> {
    let rows = (values.len() - 1 - most) as f64;
    let mut most = most;
    let factor = loop {
        // Fewer lags where they make each other up.
        match Factor::of(&gram(values, most, most), most + 3) {
            Some(factor) => break factor,
            None if most == 0 => return None,
            None => most /= 2,
        }
    };
    let criterion = |lags: usize| rows * (factor.residual(lags + 2) / rows).ln() + 2.0 * (lags as f64 + 2.0);
    (0..=most).min_by(|&a, &b| criterion(a).total_cmp(&criterion(b)))
}

/// MacKinnon's polynomials in the statistic, of one variable with a constant.
fn p_value(statistic: f64) -> f64 {
    const LOWEST: f64 = -18.83;
    const HIGHEST: f64 = 2.74;
    const BETWEEN: f64 = -1.61;
    const LOW: [f64; 3] = [2.1659, 1.4412, 0.038_269];
    const HIGH: [f64; 4] = [1.7339, 0.932_02, -0.127_45, -0.010_368];
    let polynomial = |terms: &[f64]| terms.iter().rev().fold(0.0, |sum, term| sum * statistic + term);
    match statistic {
        t if t > HIGHEST => 1.0,
        t if t < LOWEST => 0.0,
        t if t <= BETWEEN => normal(polynomial(&LOW)),
        _ => normal(polynomial(&HIGH)),
    }
}

/// The standard normal distribution function, by the continued fraction and series of its tail to about 1e-15.
fn normal(x: f64) -> f64 {
    let z = x.abs();
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let tail = if z < 4.0 {
        // 1/2 - density * (z + z^3/3 + z^5/(3*5) + ...)
        let (mut term, mut sum, mut k) = (z, z, 1.0);
        while term > sum * 1e-17 {
            k += 2.0;
            term *= z * z / k;
            sum += term;
        }
        0.5 - density * sum
    } else {
        let fraction = (1..=80).rev().fold(z, |below, k| z + f64::from(k) / below);
        density / fraction
    };
    if x > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise around 0.
    fn noise(n: usize) -> Vec<f64> {
        let mut state = 42u64;
        (0..n)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            })
            .collect()
    }

    #[test]
    fn noise_comes_back_and_its_sum_wanders() {
        let noise = noise(800);
        let walk: Vec<f64> = noise
            .iter()
            .scan(0.0, |sum, value| {
                *sum += value;
                Some(*sum)
            })
            .collect();
        assert!(adf(&noise).unwrap().p_value < 1e-6);
        assert!(adf(&walk).unwrap().p_value > 0.05);
    }

    #[test]
    fn the_normal_distribution_is_that_of_the_tables() {
        for (x, p) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-1.96, 0.024_997_895_148_220),
            (-6.0, 9.865_876_450e-10),
        ] {
            assert!((normal(x) - p).abs() <= 1e-9 * p, "{x} {}", normal(x));
        }
    }

    #[test]
    fn constants_and_scraps_have_no_answer() {
        for values in [vec![], vec![5.1; 200], vec![1.0, 2.0, 1.0], vec![f64::NAN; 90]] {
            assert_eq!(adf(&values), None);
        }
        for values in [[1e308, -1e308, 0.0, 1.0].repeat(30), (0..100).map(f64::from).collect()] {
            assert!(adf(&values).is_none_or(|test| (0.0..=1.0).contains(&test.p_value)));
        }
    }
}
