//! What a series is made of: sampling, seasons, trend, correlation with its past, stationarity.
//!
//! A series is a slice of numbers, missing ones NaN, at even steps; [`Sampling`] finds the step of times as they come
//! and [`Grid`] puts values onto it. Everything else works on the slice: [`seasons`] finds what repeats, [`Stl`] and
//! [`mstl`] part it into trend, seasons and the rest, [`autocorrelation`] and [`partial_autocorrelation`] say how it
//! goes with its past, [`adf`] and [`kpss`] whether it stays where it is, [`rolling`](RollingWindow) what it did lately.
//!
//! Every function takes any numbers: infinities count as missing, constants and single values have answers too.
//! This crate is pure: it knows nothing of files, clocks, threads or models.

mod bucket;
mod calendar;
mod correlation;
mod counter;
mod duration;
mod fourier;
mod gaps;
mod grid;
mod loess;
mod mstl;
mod rolling;
mod sampling;
mod seasons;
mod stationarity;
mod stl;
mod unit_root;

pub use bucket::{Aggregate, Bucket, Resample, ResampleError};
pub use calendar::{BoxFigures, by_hour, by_weekday};
pub use correlation::{autocorrelation, bartlett_band, partial_autocorrelation, peaks};
pub use counter::{increase, rates};
pub use duration::{Duration, DurationError};
pub use fourier::{Complex, fourier, inverse_fourier, lagged_products, periodogram, roots};
pub use gaps::interpolated;
pub use grid::Grid;
pub use mstl::{Decomposition, mstl, robust_mstl};
pub use rolling::{RollingWindow, rolling_mean_sd, rolling_quantiles};
pub use sampling::{Gap, Sampling};
pub use seasons::{Season, seasons};
pub use stationarity::{Kpss, kpss};
pub use stl::{Components, Stl};
pub use unit_root::{Adf, adf};

/// The value, or NaN where it is infinite.
pub(crate) fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// Mean of the finite values; 0 where there is none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    let (sum, n) = values
        .iter()
        .filter(|value| value.is_finite())
        .fold((0.0, 0usize), |(sum, n), value| (sum + value, n + 1));
    if n == 0 || !f64::is_finite(sum) { 0.0 } else { sum / n as f64 }
}

/// The values divided by a power of two that keeps sums of their squares finite, and that power.
pub(crate) fn scaled(values: &[f64]) -> (Vec<f64>, f64) {
    let most =
        values.iter().filter(|value| value.is_finite()).fold(0.0f64, |most, value| most.max(value.abs()));
    let scale =
        if most > 1e100 || (most > 0.0 && most < 1e-100) { 2f64.powi(most.log2() as i32) } else { 1.0 };
    (values.iter().map(|&value| finite(value) / scale).collect(), scale)
}

/// The middle value, the higher of two; sorts the values in part.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    (n > 0).then(|| *values.select_nth_unstable_by(n / 2, f64::total_cmp).1)
}
