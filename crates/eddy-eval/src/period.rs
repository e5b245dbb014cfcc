//! How long a series takes to repeat itself.

/// Largest lag that is looked at.
const MOST_LAG: usize = 400;
/// Smallest lag that counts.
const LEAST_LAG: usize = 3;
/// What is taken where no period is found.
const NO_PERIOD: usize = 125;
/// Rows that are looked at.
const MOST_ROWS: usize = 20_000;

/// The lag of the largest local maximum of the autocorrelation, between 6 and 303; 125 where there is none.
///
/// Source: `find_length` of TSB-AD (Liu & Paparrizos, "The Elephant in the Room", NeurIPS 2024), with its limits.
pub fn period(values: &[f64]) -> usize {
    let values: Vec<f64> =
        values.iter().copied().take(MOST_ROWS).map(|v| if v.is_finite() { v } else { 0.0 }).collect();
    let n = values.len();
    if n < 8 {
        return NO_PERIOD;
    }
    // Divided by the largest, so that no square overflows.
    let most = values.iter().fold(0.0f64, |most, v| most.max(v.abs())).max(f64::MIN_POSITIVE);
    let mean = values.iter().map(|v| v / most).sum::<f64>() / n as f64;
    let centred: Vec<f64> = values.iter().map(|v| v / most - mean).collect();
    let at = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let variance = at(0);
    if variance <= 0.0 {
        return NO_PERIOD;
    }
    let correlations: Vec<f64> = (LEAST_LAG..=MOST_LAG.min(n - 1)).map(|lag| at(lag) / variance).collect();
    let mut best: Option<usize> = None;
    for idx in 1..correlations.len().saturating_sub(1) {
        let is_peak = correlations[idx] > correlations[idx - 1] && correlations[idx] > correlations[idx + 1];
        if is_peak && best.is_none_or(|best| correlations[idx] > correlations[best]) {
            best = Some(idx);
        }
    }
    best.filter(|idx| (3..=300).contains(idx)).map_or(NO_PERIOD, |idx| idx + LEAST_LAG)
}

#[cfg(test)]
mod tests {
    use super::period;

    #[test]
    fn a_season_is_found() {
        let values: Vec<f64> =
            (0..2000).map(|i| (f64::from(i) * std::f64::consts::TAU / 48.0).sin()).collect();
        assert_eq!(period(&values), 48);
    }

    #[test]
    fn where_nothing_repeats_the_period_is_125() {
        for values in [vec![1.0; 500], vec![], (0..500).map(f64::from).collect(), vec![f64::NAN; 100]] {
            assert_eq!(period(&values), 125);
        }
        assert!(period(&[3.4e38, -3.4e38, 1.0, 2.0, 3.0, 4.0, 5.0, 1e300, 0.0]) >= 3);
    }
}
