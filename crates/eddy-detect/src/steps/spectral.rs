//! Which rhythms a series had lately.

use std::collections::VecDeque;
use std::f64::consts::TAU;

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lag::series_columns;
use crate::step::{Edit, numbers, wanted};
use crate::{Count, FitError, FittedStep, LoadError, ParamError, SectionReader, SectionWriter, Step, StepMemory};

/// Adds, for every value column, how the variance of the latest rows parts by period (`value power 4-8 rows`, shares of
/// 0 to 1, an octave each) and the strongest period in rows (`value period`), from the periodogram of the window up to
/// the row, tapered by Hann's window. Until the window is full all of them are missing; a missing value is taken as the
/// one before it. A window without variance has shares and a period of 0.
///
/// Cost: rows * window^2 / 2 multiplications.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Spectral {
    /// Rows in the window, 8 to 256.
    pub window: Count,
}

impl Default for Spectral {
    fn default() -> Self {
        Self { window: Count::new(64) }
    }
}

struct Fitted {
    columns: Vec<String>,
    window: usize,
    /// Cosine and sine of every multiple of the base frequency.
    turns: Vec<(f64, f64)>,
    taper: Vec<f64>,
}

impl Fitted {
    fn new(columns: Vec<String>, window: Count) -> Result<Self, String> {
        let n = window.get();
        if !(8..=256).contains(&n) {
            return Err(format!("a window of {n} rows is not between 8 and 256"));
        }
        let angle = |at: usize| TAU * at as f64 / n as f64;
        Ok(Self {
            columns,
            window: n,
            turns: (0..n).map(|at| (angle(at).cos(), angle(at).sin())).collect(),
            taper: (0..n).map(|at| 0.5 - 0.5 * (angle(at) + TAU / (2 * n) as f64).cos()).collect(),
        })
    }

    /// First and last period of each octave, in rows.
    fn octaves(&self) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        let mut low = 2;
        while low < self.window {
            out.push((low, 2 * low));
            low *= 2;
        }
        out
    }

    /// Share of each octave, and the strongest period.
    fn figures(&self, held: &VecDeque<f64>, out: &mut [Vec<f64>]) {
        let n = self.window;
        let mean = held.iter().sum::<f64>() / n as f64;
        let tapered: Vec<f64> = held.iter().zip(&self.taper).map(|(value, taper)| (value - mean) * taper).collect();
        let octaves = self.octaves();
        let mut shares = vec![0.0; octaves.len()];
        let (mut total, mut best, mut period) = (0.0, 0.0, 0.0);
        for k in 1..=n / 2 {
            let (mut re, mut im) = (0.0, 0.0);
            for (at, value) in tapered.iter().enumerate() {
                let (cos, sin) = self.turns[k * at % n];
                re += value * cos;
                im += value * sin;
            }
            let power = re * re + im * im;
            let length = n as f64 / k as f64;
            let octave = octaves.iter().rposition(|&(low, _)| length >= low as f64).unwrap_or(0);
            shares[octave] += power;
            total += power;
            if power > best {
                (best, period) = (power, length);
            }
        }
        // What is left of a constant is rounding; what is too large to square says nothing.
        let size = held.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        let some = total > (size * 1e-12).powi(2) && total.is_finite();
        for (share, out) in shares.iter().zip(out.iter_mut()) {
            out.push(if some { share / total } else { 0.0 });
        }
        if let Some(last) = out.last_mut() {
            last.push(if some { period } else { 0.0 });
        }
    }
}

impl Step for Spectral {
    const NAME: &'static str = "spectral";
    const SUMMARY: &'static str = "how the variance of the latest rows parts by period, as features";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let refuse = |reason| ParamError::Invalid { detector: Self::NAME.to_owned(), reason };
        let columns = series_columns(frame).into_iter().filter(|name| !name.ends_with(']')).collect();
        Ok(Box::new(Fitted::new(columns, self.window).map_err(refuse)?))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let refuse = |reason: String| LoadError::content("window", reason);
        Ok(Box::new(Fitted::new(section.value("columns")?, section.value("window")?).map_err(refuse)?))
    }
}

impl FittedStep for Fitted {
    fn is_series(&self) -> bool {
        true
    }

    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        let octaves = self.octaves();
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            let queue = memory.queue(slot);
            let mut out: Vec<Vec<f64>> = vec![Vec::with_capacity(values.len()); octaves.len() + 1];
            for &now in &values {
                if let Some(value) = Some(now).filter(|now| now.is_finite()).or(queue.back().copied()) {
                    queue.push_back(value);
                }
                if queue.len() > self.window {
                    queue.pop_front();
                }
                if queue.len() == self.window {
                    self.figures(queue, &mut out);
                } else {
                    out.iter_mut().for_each(|out| out.push(f64::NAN));
                }
            }
            let names = octaves.iter().map(|(low, high)| format!("{name} power {low}-{high} rows"));
            for (title, values) in names.chain([format!("{name} period")]).zip(out) {
                edit.push(Field::new(title, Kind::Float, Role::Feature), values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("band powers and strongest period of the last {} rows of {}", self.window, self.columns.join(", "))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("window", &self.window);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_frame::Column;

    fn frame(values: Vec<f64>) -> Frame {
        Frame::from_pairs(vec![(Field::new("v", Kind::Float, Role::Value), Column::Float(values))]).unwrap()
    }

    #[test]
    fn a_rhythm_has_its_power_at_its_period() {
        let wave = |t: i32, period: f64| (f64::from(t) / period * TAU).sin();
        let values = (0..200).map(|t| 5.0 + if t < 100 { wave(t, 8.0) } else { wave(t, 16.0) }).collect();
        let frame = frame(values);
        let step = Spectral { window: Count::new(32) };
        let fitted = step.fit(&frame).unwrap();
        let got = fitted.apply(frame, &mut StepMemory::default()).unwrap();
        let column = |name: &str| numbers(got.by_name(name).unwrap().1);
        let periods = column("v period");
        assert!(periods[30].is_nan());
        assert_eq!((periods[31], periods[99], periods[199]), (8.0, 8.0, 16.0));
        assert!(column("v power 8-16 rows")[99] > 0.6 && column("v power 16-32 rows")[199] > 0.6);
        let shares: f64 = ["2-4", "4-8", "8-16", "16-32"].map(|o| column(&format!("v power {o} rows"))[150]).iter().sum();
        assert!((shares - 1.0).abs() < 1e-12);
    }

    #[test]
    fn constants_and_hostile_values_have_finite_figures() {
        let step = Spectral { window: Count::new(8) };
        for values in [vec![0.1; 20], [1e308, -1e308].repeat(10), [f64::INFINITY, 1.0, f64::NAN].repeat(10)] {
            let frame = frame(values);
            let got = step.fit(&frame).unwrap().apply(frame, &mut StepMemory::default()).unwrap();
            let last = got.n_rows() - 1;
            assert!(got.columns()[1..].iter().all(|column| column.number(last).is_finite()));
        }
        assert!(Spectral { window: Count::new(4) }.fit(&frame(vec![1.0])).is_err());
    }
}
