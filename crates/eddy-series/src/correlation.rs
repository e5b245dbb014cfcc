//! How a series goes with its own past.

use crate::fourier::lagged_products;

/// Autocorrelation at the lags 0 to `most` (fewer where the series is shorter).
///
/// The estimator with divisor n of Box and Jenkins, as statsmodels' `acf`: sums of products of the centred values over
/// the sum of squares. Where values are missing, the sum at a lag is scaled by the share of pairs that are there. All
/// values are finite; a constant has 1 at lag 0 and 0 elsewhere. Time O(n log n).
pub fn autocorrelation(values: &[f64], most: usize) -> Vec<f64> {
    let (values, _) = crate::scaled(values);
    let n = values.len();
    if n == 0 {
        return Vec::new();
    }
    let most = most.min(n - 1);
    let mean = crate::mean(&values);
    let centred: Vec<f64> =
        values.iter().map(|value| if value.is_finite() { value - mean } else { 0.0 }).collect();
    let products = lagged_products(&centred, most);
    let complete = values.iter().all(|value| value.is_finite());
    let pairs = if complete {
        Vec::new()
    } else {
        let there: Vec<f64> = values.iter().map(|value| f64::from(u8::from(value.is_finite()))).collect();
        lagged_products(&there, most)
    };
    // Sums of squares of a constant are rounding errors of its mean.
    let noise =
        values.iter().filter(|value| value.is_finite()).map(|value| value * value).sum::<f64>() * 1e-28;
    if products[0] <= noise || !products[0].is_finite() {
        return (0..=most).map(|lag| f64::from(u8::from(lag == 0))).collect();
    }
    let scale = |lag: usize| match (pairs.get(lag), pairs.first()) {
        (Some(&there), Some(&all)) if there >= 0.5 => all / there.round() * ((n - lag) as f64 / n as f64),
        (Some(_), _) => 0.0,
        _ => 1.0,
    };
    products
        .iter()
        .enumerate()
        .map(|(lag, product)| (product / products[0] * scale(lag)).clamp(-1.0, 1.0))
        .collect()
}

/// Partial autocorrelation at the lags of `acf`, by the recursion of Levinson and Durbin on biased autocovariances
/// (statsmodels' method `ldb`; Durbin 1960, "The fitting of time-series models").
pub fn partial_autocorrelation(acf: &[f64], most: usize) -> Vec<f64> {
    let most = most.min(acf.len().saturating_sub(1));
    if acf.is_empty() {
        return Vec::new();
    }
    let mut out = vec![1.0];
    let mut before: Vec<f64> = Vec::new();
    let mut error = 1.0;
    for lag in 1..=most {
        let above = acf[lag] - before.iter().enumerate().map(|(j, phi)| phi * acf[lag - 1 - j]).sum::<f64>();
        // A series that its past foretells wholly leaves nothing to correlate with.
        let last: f64 = if error > 1e-12 { (above / error).clamp(-1.0, 1.0) } else { 0.0 };
        let mut next: Vec<f64> =
            (0..before.len()).map(|j| before[j] - last * before[before.len() - 1 - j]).collect();
        next.push(last);
        error *= 1.0 - last * last;
        out.push(last);
        before = next;
    }
    out
}

/// Half width of the 95 % band around 0 at each lag, if the series were a moving average of the orders below it
/// (Bartlett 1946, as in statsmodels' `acf`): `1.96 * sqrt((1 + 2 * sum of r^2 at the lags between) / n)`; 0 at lag 0.
/// `n` is the number of values that are there.
pub fn bartlett_band(acf: &[f64], n: usize) -> Vec<f64> {
    let mut sum = 0.0;
    acf.iter()
        .enumerate()
        .map(|(lag, r)| {
            let band =
                if lag == 0 || n == 0 { 0.0 } else { NORMAL_95 * ((1.0 + 2.0 * sum) / n as f64).sqrt() };
            if lag > 0 {
                sum += r * r;
            }
            band
        })
        .collect()
}

/// The 97.5 % quantile of the standard normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// Lags at which the autocorrelation has a peak outside its band, highest first, `most` at most.
pub fn peaks(acf: &[f64], bands: &[f64], most: usize) -> Vec<usize> {
    let mut lags: Vec<usize> = (2..acf.len().saturating_sub(1))
        .filter(|&lag| acf[lag] > acf[lag - 1] && acf[lag] >= acf[lag + 1])
        .filter(|&lag| acf[lag] > bands.get(lag).copied().unwrap_or(0.0))
        .collect();
    lags.sort_by(|&a, &b| acf[b].total_cmp(&acf[a]).then(a.cmp(&b)));
    lags.truncate(most);
    lags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rhythm_returns_after_its_period() {
        let values: Vec<f64> =
            (0..1_000).map(|t| (f64::from(t) / 24.0 * std::f64::consts::TAU).sin()).collect();
        let acf = autocorrelation(&values, 200);
        assert!((acf[0] - 1.0).abs() < 1e-12);
        assert_eq!(peaks(&acf, &bartlett_band(&acf, 1_000), 1), [24]);
    }

    #[test]
    fn missing_values_are_left_out_of_the_pairs() {
        let whole: Vec<f64> = (0..2_000).map(|t| (f64::from(t) / 10.0).sin()).collect();
        let mut holed = whole.clone();
        holed.iter_mut().step_by(7).for_each(|value| *value = f64::NAN);
        let (a, b) = (autocorrelation(&whole, 60), autocorrelation(&holed, 60));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.01));
    }

    #[test]
    fn partial_autocorrelation_of_a_first_order_process_ends_after_lag_one() {
        let acf: Vec<f64> = (0..10).map(|lag| 0.7f64.powi(lag)).collect();
        let pacf = partial_autocorrelation(&acf, 5);
        assert!((pacf[1] - 0.7).abs() < 1e-12);
        assert!(pacf[2..].iter().all(|value| value.abs() < 1e-12));
    }

    #[test]
    fn any_numbers_have_a_correlation() {
        for values in
            [vec![], vec![3.0], vec![0.1; 50], vec![f64::NAN; 4], vec![1e308, -1e308, 3.0, f64::INFINITY]]
        {
            let acf = autocorrelation(&values, 10);
            let pacf = partial_autocorrelation(&acf, 10);
            assert!(acf.iter().chain(&pacf).all(|value| value.abs() <= 1.0), "{values:?}: {acf:?} {pacf:?}");
            assert_eq!(acf.len(), values.len().min(11));
        }
    }
}
