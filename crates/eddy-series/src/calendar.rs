//! Values by hour of the day and day of the week.

use eddy_frame::{CivilTime, MISSING_TIME};
use serde::Serialize;

/// A group of values as a box plot shows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct BoxFigures {
    /// Hour of the day, 0 to 23, or day of the week, 0 = Monday.
    pub key: u8,
    /// Values.
    pub n: u64,
    /// Smallest, lower quartile, median, upper quartile, largest; NaN where there is no value.
    pub five: [f64; 5],
    /// Smallest and largest value within one and a half interquartile ranges of the box (Tukey).
    pub whiskers: [f64; 2],
    /// Values beyond the whiskers.
    pub outliers: u64,
}

/// The values of each hour of the day in UTC, 24 groups. `times` in nanoseconds.
pub fn by_hour(times: &[i64], values: &[f64]) -> Vec<BoxFigures> {
    grouped(times, values, 24, |time| time.hour as usize)
}

/// The values of each day of the week in UTC, 7 groups from Monday on. `times` in nanoseconds.
pub fn by_weekday(times: &[i64], values: &[f64]) -> Vec<BoxFigures> {
    grouped(times, values, 7, |time| time.weekday as usize)
}

fn grouped(times: &[i64], values: &[f64], n: usize, key: fn(&CivilTime) -> usize) -> Vec<BoxFigures> {
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); n];
    for (&time, &value) in times.iter().zip(values) {
        if time != MISSING_TIME && value.is_finite() {
            groups[key(&CivilTime::from_nanos(time))].push(value);
        }
    }
    groups.into_iter().enumerate().map(|(key, values)| figures(key as u8, values)).collect()
}

fn figures(key: u8, mut values: Vec<f64>) -> BoxFigures {
    if values.is_empty() {
        return BoxFigures { key, five: [f64::NAN; 5], whiskers: [f64::NAN; 2], ..BoxFigures::default() };
    }
    values.sort_unstable_by(f64::total_cmp);
    let five = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&values, share));
    let reach = 1.5 * (five[3] - five[1]);
    let low = values.partition_point(|&value| value < five[1] - reach).min(values.len() - 1);
    let high = values.partition_point(|&value| value <= five[3] + reach).max(1);
    BoxFigures {
        key,
        n: values.len() as u64,
        five,
        whiskers: [values[low], values[high - 1]],
        outliers: (low + values.len() - high) as u64,
    }
}

/// The quantile of sorted values by straight lines between order statistics (type 7 of Hyndman and Fan).
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low * (1.0 - place.fract()) + high * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * eddy_frame::NANOS_PER_SECOND;

    #[test]
    fn hours_and_days_are_parted() {
        // 1970-01-05 was a Monday.
        let times: Vec<i64> = (0..24 * 14).map(|hour| (4 * 24 + hour) * HOUR).collect();
        let values: Vec<f64> = (0..24 * 14)
            .map(|hour| f64::from(hour % 24) + if hour % 168 >= 120 { 100.0 } else { 0.0 })
            .collect();
        let hours = by_hour(&times, &values);
        assert_eq!((hours.len(), hours[5].n, hours[5].five[0], hours[5].five[2]), (24, 14, 5.0, 5.0));
        let days = by_weekday(&times, &values);
        assert_eq!((days[0].five[4], days[5].five[0], days[6].n), (23.0, 100.0, 48));
    }

    #[test]
    fn outliers_lie_beyond_the_whiskers() {
        let mut values: Vec<f64> = (0..20).map(f64::from).collect();
        values.push(1e9);
        let got = figures(0, values);
        assert_eq!((got.whiskers, got.outliers), ([0.0, 19.0], 1));
    }

    #[test]
    fn groups_without_values_say_so() {
        let got = by_weekday(&[MISSING_TIME, 0], &[1.0, f64::NAN]);
        assert!(got.iter().all(|day| day.n == 0 && day.five[2].is_nan()));
    }
}
