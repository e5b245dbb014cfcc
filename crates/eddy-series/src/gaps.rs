//! Missing values.

/// The series with straight lines across missing values; before the first and after the last value they repeat it. A
/// series of missing values only becomes 0.
pub fn interpolated(values: &[f64]) -> Vec<f64> {
    let mut out: Vec<f64> = values.iter().map(|&value| crate::finite(value)).collect();
    let Some(first) = out.iter().position(|value| value.is_finite()) else {
        return vec![0.0; values.len()];
    };
    let start = out[first];
    out[..first].fill(start);
    let mut last = first;
    for at in first + 1..out.len() {
        if out[at].is_nan() {
            continue;
        }
        let (from, to, steps) = (out[last], out[at], (at - last) as f64);
        for gap in last + 1..at {
            let share = (gap - last) as f64 / steps;
            out[gap] = from * (1.0 - share) + to * share;
        }
        last = at;
    }
    let end = out[last];
    out[last..].fill(end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_bridged_by_lines() {
        let nan = f64::NAN;
        assert_eq!(interpolated(&[nan, 1.0, nan, nan, 4.0, nan]), [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]);
        assert_eq!(interpolated(&[nan, f64::INFINITY]), [0.0, 0.0]);
        assert!(interpolated(&[]).is_empty());
    }
}
