//! How busy a network is at a moment of the week.

use eddy_frame::{CivilTime, NANOS_PER_SECOND};

/// The load curve of an office network, in UTC: quiet nights, busy office hours with a lunch dip, a small evening
/// peak, and weekends at about half. Its mean over a week is 1.
#[derive(Debug, Clone)]
pub(crate) struct Rhythm {
    mean: f64,
}

impl Rhythm {
    pub(crate) fn new() -> Self {
        let quarters = 7 * 24 * 4;
        let sum: f64 = (0..quarters)
            .map(|quarter| raw_load(f64::from(quarter) / 4.0 % 24.0, quarter >= 5 * 24 * 4))
            .sum();
        Self { mean: sum / f64::from(quarters) }
    }

    /// The load at a moment: 1 is the mean of the week.
    pub(crate) fn load(&self, at_ns: i64) -> f64 {
        raw_load(hour_of_day(at_ns), CivilTime::from_nanos(at_ns).weekday >= 5) / self.mean
    }
}

/// The hour of day with its fraction, 0 to 24.
pub(crate) fn hour_of_day(at_ns: i64) -> f64 {
    at_ns.rem_euclid(86_400 * NANOS_PER_SECOND) as f64 / (3600.0 * NANOS_PER_SECOND as f64)
}

fn raw_load(hour: f64, is_weekend: bool) -> f64 {
    let step = |at: f64, width: f64| 1.0 / (1.0 + ((at - hour) / width).exp());
    let bump = |at: f64, width: f64| (-((hour - at) / width).powi(2)).exp();
    let office = step(8.4, 0.5) * (1.0 - step(17.8, 0.7)) * (1.0 - 0.18 * bump(12.6, 0.7));
    let evening = bump(20.4, 1.5);
    if is_weekend { 0.35 + 0.2 * office + 0.3 * evening } else { 0.35 + 1.25 * office + 0.25 * evening }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * NANOS_PER_SECOND;

    #[test]
    fn the_week_has_mean_one_and_the_expected_order() {
        let rhythm = Rhythm::new();
        // 1970-01-05 was a Monday.
        let load = |day: i64, hour: i64| rhythm.load((4 + day) * 24 * HOUR + hour * HOUR);
        let mean = (0..168).map(|hour| load(hour / 24, hour % 24)).sum::<f64>() / 168.0;
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!(load(0, 11) > 3.0 * load(0, 3));
        assert!(load(0, 11) > load(0, 20) && load(0, 20) > load(0, 23));
        assert!(load(0, 12) < load(0, 11));
        assert!(load(5, 11) < 0.5 * load(0, 11));
        assert!((load(5, 3) - load(0, 3)).abs() < 0.01);
    }
}
