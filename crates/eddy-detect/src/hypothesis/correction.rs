//! p-values of many tests together.

/// p-values corrected so that the chance of even one false discovery among all tests stays below the level they are
/// compared to, whatever their dependence (Holm 1979). Not finite values count as 1.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let order = rising(p_values);
    let n = order.len() as f64;
    let mut corrected = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, &idx) in order.iter().enumerate() {
        largest = largest.max(whole(p_values[idx]) * (n - rank as f64)).min(1.0);
        corrected[idx] = largest;
    }
    corrected
}

/// p-values corrected so that the expected share of false ones among all discoveries stays below the level they are
/// compared to (Benjamini and Hochberg 1995). Gentler than [`holm`]; takes tests to be independent or to lean the same
/// way. Not finite values count as 1.
///
/// Source: Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical
/// Society B 57 (1995).
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let order = rising(p_values);
    let n = order.len() as f64;
    let mut corrected = vec![1.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (rank, &idx) in order.iter().enumerate().rev() {
        smallest = smallest.min(whole(p_values[idx]) * n / (rank + 1) as f64);
        corrected[idx] = smallest;
    }
    corrected
}

fn whole(p: f64) -> f64 {
    if p.is_finite() { p.clamp(0.0, 1.0) } else { 1.0 }
}

fn rising(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| whole(p_values[a]).total_cmp(&whole(p_values[b])).then(a.cmp(&b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[f64], expect: &[f64]) {
        assert_eq!(found.len(), expect.len());
        for (found, expect) in found.iter().zip(expect) {
            assert!((found - expect).abs() < 1e-12, "{found}, expected {expect}");
        }
    }

    /// By hand: 4 tests, the smallest times 4, the next times 3, ...
    #[test]
    fn holm_multiplies_by_the_tests_that_are_left() {
        check(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    }

    /// By hand: times 4 over the rank, never above that of a larger one.
    #[test]
    fn benjamini_and_hochberg_divide_by_the_rank() {
        check(&benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]), &[0.02, 0.04, 0.04, 0.02]);
    }

    #[test]
    fn nothing_goes_beyond_one_and_numbers_that_are_none_count_as_one() {
        check(&holm(&[0.9, f64::NAN, 0.8]), &[1.0, 1.0, 1.0]);
        check(&benjamini_hochberg(&[0.9, f64::NAN, 0.8]), &[1.0, 1.0, 1.0]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }
}
