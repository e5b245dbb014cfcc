//! What is had for nothing.

use crate::Truth;

/// Alarms that never looked at the data: one every `share` of the rows.
///
/// Whatever a detector scores should be held against this: NAB's windows are wide, and a window found pays far more
/// than a false alarm costs.
pub fn periodic_alarms(truth: &Truth, share: f64) -> Vec<f64> {
    let step = ((share * truth.n_rows() as f64).floor() as usize).max(1);
    (1..=truth.n_rows()).map(|number| f64::from(u8::from(number % step == 0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alarm_comes_every_twentieth_of_the_rows() {
        let truth = Truth::of_rows(1000, &[]);
        let alarms = periodic_alarms(&truth, 0.05);
        let rows: Vec<usize> = (0..1000).filter(|&row| alarms[row] > 0.0).collect();
        assert_eq!(rows[..3], [49, 99, 149]);
        assert_eq!(rows.len(), 20);
        assert_eq!(periodic_alarms(&Truth::of_rows(3, &[]), 0.05), [1.0, 1.0, 1.0]);
    }
}
