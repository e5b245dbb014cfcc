//! Whether the level of a series stays where it is: the test of Kwiatkowski, Phillips, Schmidt and Shin.

use serde::Serialize;

/// Result of the test: its null hypothesis is that the series **is** stationary around a level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kpss {
    /// The statistic; larger speaks against a level that stays.
    pub statistic: f64,
    /// Probability of a statistic at least as large under the null hypothesis, as far as the table goes: 0.01 means
    /// 0.01 or less, 0.1 means 0.1 or more.
    pub p_value: f64,
    /// Lags in the long-run variance.
    pub lags: usize,
}

/// Critical values of a series with a level, and their probabilities (table 1 of the source).
const TABLE: [(f64, f64); 4] = [(0.347, 0.10), (0.463, 0.05), (0.574, 0.025), (0.739, 0.01)];

/// The test with a constant; lags are chosen from the data. Missing values are left out. None of fewer than 12 values
/// or of a constant.
///
/// Source: D. Kwiatkowski, P. Phillips, P. Schmidt, Y. Shin, "Testing the null hypothesis of stationarity against the
/// alternative of a unit root", 1992; lags after B. Hobijn, P. Franses, M. Ooms, "Generalizations of the KPSS-test for
/// stationarity", 1998, with Bartlett weights; as statsmodels' `kpss(regression="c", nlags="auto")`.
pub fn kpss(values: &[f64]) -> Option<Kpss> {
    let (values, _) = crate::scaled(values);
    let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    let n = values.len();
    if n < 12 {
        return None;
    }
    let mean = crate::mean(&values);
    let off: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let squares: f64 = off.iter().map(|value| value * value).sum();
    let magnitude: f64 = values.iter().map(|value| value * value).sum();
    if squares <= magnitude * 1e-28 {
        return None;
    }
    let product = |lag: usize| off[lag..].iter().zip(&off).map(|(a, b)| a * b).sum::<f64>();
    let lags = automatic_lags(n, squares, &product);
    let weighted: f64 = (1..=lags).map(|lag| product(lag) * (1.0 - lag as f64 / (lags as f64 + 1.0))).sum();
    let long_run = (squares + 2.0 * weighted) / n as f64;
    let mut sum = 0.0;
    let mut total = 0.0;
    for value in &off {
        sum += value;
        total += sum * sum;
    }
    let statistic = total / (n as f64 * n as f64) / long_run;
    statistic.is_finite().then(|| Kpss { statistic, p_value: p_value(statistic), lags })
}

fn automatic_lags(n: usize, squares: f64, product: &dyn Fn(usize) -> f64) -> usize {
    let most = (n as f64).powf(2.0 / 9.0) as usize;
    let (mut zeroth, mut first) = (squares / n as f64, 0.0);
    for lag in 1..=most {
        let part = product(lag) / (n as f64 / 2.0);
        zeroth += part;
        first += lag as f64 * part;
    }
    let ratio = first / zeroth;
    let gamma = 1.1447 * (ratio * ratio).cbrt();
    ((gamma * (n as f64).cbrt()) as usize).min(n - 1)
}

fn p_value(statistic: f64) -> f64 {
    let (first, last) = (TABLE[0], TABLE[3]);
    if statistic <= first.0 {
        return first.1;
    }
    let above = TABLE.windows(2).find(|pair| statistic <= pair[1].0);
    above.map_or(last.1, |pair| {
        let share = (statistic - pair[0].0) / (pair[1].0 - pair[0].0);
        pair[0].1 + share * (pair[1].1 - pair[0].1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_stays_is_not_doubted_and_a_trend_is() {
        let noise = |t: i32| f64::from(t * 7_919 % 1_013);
        let level: Vec<f64> = (0..500).map(noise).collect();
        let trend: Vec<f64> = (0..500).map(|t| noise(t) + 10.0 * f64::from(t)).collect();
        assert_eq!(kpss(&level).map(|test| test.p_value), Some(0.1));
        assert_eq!(kpss(&trend).map(|test| test.p_value), Some(0.01));
    }

    #[test]
    fn constants_and_scraps_have_no_answer() {
        for values in [vec![], vec![0.1; 100], vec![1.0, 2.0], vec![f64::NAN; 50]] {
            assert_eq!(kpss(&values), None);
        }
        assert!(kpss(&[1e308, -1e308, 1.0].repeat(20)).is_some());
    }
}
