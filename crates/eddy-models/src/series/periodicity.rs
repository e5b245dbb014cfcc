//! Finding the season of training rows.

use eddy_series::lagged_products;

use crate::robust_scale::RobustScale;

const DAY: i64 = 86_400_000_000_000;
/// The most points that the rows are gathered into.
const MOST_POINTS: usize = 16_384;
/// Shares of a spread beyond which values count no further.
const CLIP: f64 = 3.0;
/// The least likeness after a day or a week that makes a season of it: anybody would look for these.
const CALENDAR: f64 = 0.25;
/// The least likeness after any other stretch.
const OTHER: f64 = 0.4;
/// How much more alike the same times are than those between.
const CONTRAST: f64 = 0.2;
/// How much more alike days of the same weekday must be than neighbours, to make the season a week.
const WEEK: f64 = 0.08;

/// The length of the season in nanoseconds; none where there is none. `has_clock` says that times are real, so that days
/// and weeks mean something.
///
/// The rows of the series are gathered into at most 16,384 points of equal length, their trend is taken out, wild values
/// are clipped, and their autocorrelation is looked at: after a day and a week first, then at its peaks.
///
/// `eddy_series::seasons` asks for more evidence before it speaks of a season. A detector loses more by missing one than by
/// assuming one: with it, the VUS-PR of `seasonal_quantiles` on NAB is .194 instead of .231, that of `stl_residual` .234
/// instead of .268, and on generated series nothing changes.
pub(super) fn season_of(times: &[i64], values: &[f32], interval_ns: i64, has_clock: bool) -> Option<i64> {
    let (points, width) = gather(times, values, interval_ns)?;
    let likeness = autocorrelation(&without_trend(&points));
    let after = |length: i64| -> Option<f64> {
        let lag = (length as f64 / width).round() as usize;
        (lag >= 4).then(|| likeness.get(lag).copied()).flatten()
    };
    if has_clock && let Some(day) = after(DAY) {
        let least_between = after(DAY / 2).unwrap_or(1.0).min(after(3 * DAY / 4).unwrap_or(1.0));
        let others = (2..=6).filter_map(|n_days| after(n_days * DAY)).fold(day, f64::max);
        if after(7 * DAY).is_some_and(|week| week >= CALENDAR && week > others + WEEK) {
            return Some(7 * DAY);
        }
        if day >= CALENDAR && day > least_between + CONTRAST {
            return Some(DAY);
        }
    }
    highest_peak(&likeness).map(|lag| (lag * width).round() as i64)
}

/// Means of the values over stretches of equal length, and that length in nanoseconds. Empty stretches repeat the one
/// before.
fn gather(times: &[i64], values: &[f32], interval_ns: i64) -> Option<(Vec<f64>, f64)> {
    let (first, last) = (*times.iter().min()?, *times.iter().max()?);
    let length = last as f64 - first as f64;
    let mut width = interval_ns as f64;
    if length / width >= MOST_POINTS as f64 {
        width *= (length / width / MOST_POINTS as f64).ceil() + 1.0;
    }
    let n_points = (length / width).round() as usize + 1;
    if n_points < 16 {
        return None;
    }
    let mut sums = vec![(0.0, 0u32); n_points];
    for (&time, &value) in times.iter().zip(values) {
        let at = ((time as f64 - first as f64) / width).round() as usize;
        let (sum, n) = &mut sums[at.min(n_points - 1)];
        *sum += f64::from(value);
        *n += 1;
    }
    let mut latest = f64::from(values[0]);
    let mean = |(sum, n): (f64, u32)| {
        if n > 0 {
            latest = sum / f64::from(n);
        }
        latest
    };
    Some((sums.into_iter().map(mean).collect(), width))
}

/// The autocorrelation of numbers whose mean is about 0, at lags from 0 to half their number, with the sum brought to
/// the same number of pairs at every lag. All zero where they do not vary.
fn autocorrelation(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let products = lagged_products(values, n.div_ceil(2).saturating_sub(1));
    let whole = products.first().copied().unwrap_or(0.0);
    let at = |(lag, sum): (usize, &f64)| sum / whole * n as f64 / (n - lag) as f64;
    if whole > 0.0 { products.iter().enumerate().map(at).collect() } else { vec![0.0; products.len()] }
}

/// The points beside their straight line, in units of their spread, clipped.
fn without_trend(points: &[f64]) -> Vec<f64> {
    let n = points.len() as f64;
    let scale = RobustScale::of(&points.iter().map(|&point| point as f32).collect::<Vec<_>>());
    let clipped = |point: f64| ((point - scale.center) / scale.scale).clamp(-CLIP, CLIP);
    let middle = (n - 1.0) / 2.0;
    let mean = points.iter().map(|&point| clipped(point)).sum::<f64>() / n;
    let (mut along, mut square) = (0.0, 0.0);
    for (idx, &point) in points.iter().enumerate() {
        along += (idx as f64 - middle) * (clipped(point) - mean);
        square += (idx as f64 - middle).powi(2);
    }
    let slope = along / square;
    points
        .iter()
        .enumerate()
        .map(|(idx, &point)| clipped(point) - mean - slope * (idx as f64 - middle))
        .collect()
}

/// The first peak that is nearly as high as the highest, made finer by a parabola through it.
fn highest_peak(likeness: &[f64]) -> Option<f64> {
    let mut lowest = f64::INFINITY;
    let mut peaks: Vec<(usize, f64)> = Vec::new();
    // Two seasons at least must have been seen: lags go up to half of the points.
    for lag in 2..likeness.len().saturating_sub(1) {
        lowest = lowest.min(likeness[lag - 1]);
        let here = likeness[lag];
        let is_peak = here >= likeness[lag - 1] && here > likeness[lag + 1];
        if is_peak && lag >= 4 && here >= OTHER && here > lowest + CONTRAST {
            peaks.push((lag, here));
        }
    }
    let highest = peaks.iter().map(|(_, height)| *height).fold(0.0, f64::max);
    let (lag, height) = *peaks.iter().find(|(_, height)| *height >= 0.9 * highest)?;
    let (before, after) = (likeness[lag - 1], likeness[lag + 1]);
    let bend = before - 2.0 * height + after;
    let shift = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    // Rows at whole lags are the rule: only a clear shift is believed.
    Some(lag as f64 + if shift.abs() > 0.25 { shift } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn season(n: usize, interval: i64, has_clock: bool, value: impl Fn(f64) -> f64) -> Option<i64> {
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let times: Vec<i64> = (0..n as i64).map(|idx| idx * interval).collect();
        let values: Vec<f32> = times
            .iter()
            .map(|&time| (value(time as f64 / DAY as f64) + rng.random::<f64>() - 0.5) as f32)
            .collect();
        season_of(&times, &values, interval, has_clock)
    }

    #[test]
    fn a_wave_is_like_itself_after_a_period_and_unlike_after_half_of_it() {
        let wave: Vec<f64> = (0..300).map(|idx| (TAU * f64::from(idx) / 20.0).sin()).collect();
        let found = autocorrelation(&wave);
        assert!(found[20] > 0.99 && found[10] < -0.99, "{} {}", found[20], found[10]);
        assert!(autocorrelation(&[0.0; 9]).iter().all(|&share| share == 0.0));
    }

    #[test]
    fn days_weeks_and_other_seasons_are_found() {
        let daily = |days: f64| 2.0 * (TAU * days).sin() + 0.2 * days;
        assert_eq!(season(4 * 288, 5 * MINUTE, true, daily), Some(DAY));
        assert_eq!(season(40_000, MINUTE / 4, true, daily), Some(DAY));
        let weekly = |days: f64| if (days as i64) % 7 < 2 { 0.0 } else { 2.0 + (TAU * days).sin() };
        assert_eq!(season(28 * 96, 15 * MINUTE, true, weekly), Some(7 * DAY));
        let hourly = |days: f64| if (days * 24.0).fract() < 0.2 { 3.0 } else { 0.0 };
        assert_eq!(season(1500, MINUTE, true, hourly), Some(60 * MINUTE));
        assert_eq!(season(288, 5 * MINUTE, false, |days| (TAU * days * 12.0).sin()), Some(24 * 5 * MINUTE));
    }

    #[test]
    fn noise_trends_and_walks_have_no_season() {
        assert_eq!(season(3000, 5 * MINUTE, true, |_| 0.0), None);
        assert_eq!(season(3000, 5 * MINUTE, true, |days| days), None);
        assert_eq!(season(9, 5 * MINUTE, true, |days| (TAU * days).sin()), None);
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        for _ in 0..10 {
            let mut level = 0.0f32;
            let times: Vec<i64> = (0..2000).map(|idx| idx * 5 * MINUTE).collect();
            let walk: Vec<f32> = times
                .iter()
                .map(|_| {
                    level = 0.9 * level + rng.random::<f32>() - 0.5;
                    level
                })
                .collect();
            assert_eq!(season_of(&times, &walk, 5 * MINUTE, true), None);
        }
        assert_eq!(season_of(&[0; 50], &[1.0; 50], 1, true), None);
    }
}
