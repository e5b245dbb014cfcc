//! Series with one planted event, for tests.

use std::f64::consts::TAU;
use std::ops::Range;

use eddy_detect::{Detector, FitContext, Model, Reading};
use eddy_frame::RowsView;

use crate::stream::{normal, stream};

/// Five minutes.
pub(crate) const INTERVAL: i64 = 300_000_000_000;
const ROWS_PER_DAY: usize = 288;
/// Days learned from, and days scored.
const N_DAYS: usize = 14;
/// The row of the scored days at which the event begins: in the morning of the eleventh.
const EVENT: usize = 10 * ROWS_PER_DAY + 100;
/// Rows of a lasting event.
const LASTING: usize = 72;
const NOISE: f64 = 2.0;
const MEAN: f64 = 100.0;

/// What happens; sizes are in standard deviations of the noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Nothing,
    /// One row up.
    Spike(f64),
    /// One row down.
    Drop(f64),
    /// Up for good.
    Shift(f64),
    /// The same value for six hours.
    Flat,
    /// Six hours at a share of what they would have been.
    Share(f64),
    /// The daily pattern turned round for six hours.
    SeasonBroken,
    /// Six hours without rows.
    Silence,
    /// Noise so many times as strong for six hours.
    Noisy(f64),
}

/// What a detector made of it.
pub(crate) struct Got {
    pub(crate) readings: Vec<Reading>,
    shape: Shape,
}

/// What is scored: rows and times.
fn series(seed: usize, first_day: usize, shape: Shape, season: f64) -> (Vec<f32>, Vec<i64>) {
    let mut rng = stream(eddy_detect::Seed::new(77), seed);
    let (mut carried, mut held) = (0.0, 0.0);
    let (mut values, mut times) = (Vec::new(), Vec::new());
    for idx in 0..N_DAYS * ROWS_PER_DAY {
        carried = 0.3 * carried + normal(&mut rng);
        let lasts = (EVENT..EVENT + LASTING).contains(&idx);
        let pattern = season * (TAU * idx as f64 / ROWS_PER_DAY as f64).sin();
        let usual = MEAN + NOISE * (pattern + carried);
        let value = match shape {
            Shape::Spike(size) if idx == EVENT => usual + size * NOISE,
            Shape::Drop(size) if idx == EVENT => usual - size * NOISE,
            Shape::Shift(size) if idx >= EVENT => usual + size * NOISE,
            Shape::Flat if lasts => held,
            Shape::Share(share) if lasts => share * usual,
            Shape::SeasonBroken if lasts => usual - 2.0 * NOISE * pattern,
            Shape::Noisy(times) if lasts => usual + (times - 1.0) * NOISE * carried,
            _ => usual,
        };
        held = value;
        if shape != Shape::Silence || !lasts {
            values.push(value as f32);
            times.push((first_day * ROWS_PER_DAY + idx) as i64 * INTERVAL);
        }
    }
    (values, times)
}

/// Fits on two quiet weeks with a daily season, and reads the two that follow.
pub(crate) fn read<D: Detector>(detector: &D, shape: Shape) -> Got {
    read_with(detector, shape, 4.0)
}

/// The same with a season of the given strength.
pub(crate) fn read_with<D: Detector>(detector: &D, shape: Shape, season: f64) -> Got {
    let (values, times) = series(1, 0, Shape::Nothing, season);
    let context = FitContext { times: Some(&times), ..FitContext::default() };
    let model = Detector::fit(detector, RowsView::new(&values, 1), &context).unwrap();
    let Model::Series(model) = model else { panic!("no series model") };
    let (values, times) = series(2, N_DAYS, shape, season);
    let mut readings = vec![Reading::of_score(f64::NAN); values.len()];
    model.start().read(RowsView::new(&values, 1), &times, &mut readings);
    assert!(readings.iter().all(|reading| reading.score.is_finite()));
    Got { readings, shape }
}

impl Got {
    /// Rows that show the event.
    fn event(&self) -> Range<usize> {
        match self.shape {
            Shape::Nothing => EVENT..EVENT,
            Shape::Spike(_) | Shape::Drop(_) | Shape::Silence => EVENT..EVENT + 1,
            Shape::Shift(_) => EVENT..EVENT + 3,
            _ => EVENT..EVENT + LASTING,
        }
    }

    /// The largest score of the rows that show the event.
    pub(crate) fn at_event(&self) -> f64 {
        largest(&self.readings[self.event()])
    }

    /// The largest score of the first rows of the event.
    pub(crate) fn after_event(&self, n_rows: usize) -> f64 {
        largest(&self.readings[EVENT..EVENT + n_rows])
    }

    /// The reading of a row counted from the beginning of the event.
    pub(crate) fn reading(&self, n_after: usize) -> Reading {
        self.readings[EVENT + n_after]
    }

    /// Rows at which events begin, counted from the event.
    pub(crate) fn alarms(&self) -> Vec<i64> {
        let opened = self.readings.iter().enumerate().filter(|(_, reading)| reading.alarm > 0.0);
        opened.map(|(idx, _)| idx as i64 - EVENT as i64).collect()
    }
}

fn largest(readings: &[Reading]) -> f64 {
    readings.iter().map(|reading| reading.score).fold(f64::NEG_INFINITY, f64::max)
}

/// The largest score before the event, without the first two days.
pub(crate) fn largest_ordinary(got: &Got) -> f64 {
    largest(&got.readings[2 * ROWS_PER_DAY..EVENT])
}
