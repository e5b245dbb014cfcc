//! What a series did lately, as further features.

use std::collections::VecDeque;

use eddy_frame::{Field, Frame, Kind, NANOS_PER_SECOND, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lag::series_columns;
use super::window::{MOST_ROWS, Window};
use crate::step::{Edit, numbers, times, wanted};
use crate::{FitError, FittedStep, LoadError, ParamError, SectionReader, SectionWriter, Step, StepMemory};

/// A figure of the values in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Their mean.
    Mean,
    /// Their standard deviation, with divisor n.
    Sd,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The 5 % quantile.
    P05,
    /// The median.
    Median,
    /// The 95 % quantile.
    P95,
}

impl Figure {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Sd => "sd",
            Self::Min => "min",
            Self::Max => "max",
            Self::P05 => "5 %",
            Self::Median => "median",
            Self::P95 => "95 %",
        }
    }

    /// The figure of the values in order; `sorted` are the same ones rising, at least one.
    fn of(self, values: &VecDeque<f64>, sorted: &[f64]) -> f64 {
        let n = sorted.len() as f64;
        // Always summed anew in the order of the rows: the same window gives the same bits, however it came about.
        let mean = || finite_sum(values) / n;
        let quantile = |share: f64| {
            let place = share * (n - 1.0);
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            low * (1.0 - place.fract()) + high * place.fract()
        };
        match self {
            Self::Mean => mean(),
            Self::Sd => {
                let mean = mean();
                let known = values.iter().filter(|value| value.is_finite());
                (known.map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt()
            }
            Self::Min => sorted[0],
            Self::Max => sorted[sorted.len() - 1],
            Self::P05 => quantile(0.05),
            Self::Median => quantile(0.5),
            Self::P95 => quantile(0.95),
        }
    }
}

fn finite_sum(values: &VecDeque<f64>) -> f64 {
    values.iter().filter(|value| value.is_finite()).sum()
}

/// Adds figures of the latest values (`value mean of 5m`, `value sd of 12 rows`) for every value column, the row itself
/// with them and nothing after it. The first rows of a series use what there is; missing values do not count, and a
/// window of missing values only has a missing figure.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rolling {
    /// How long the window is: a duration ("5m") or a number of rows (12).
    pub window: Window,
    /// Which figures to add.
    pub figures: Vec<Figure>,
}

impl Default for Rolling {
    fn default() -> Self {
        Self { window: Window::Rows(12), figures: vec![Figure::Mean, Figure::Sd, Figure::Min, Figure::Max] }
    }
}

struct Fitted {
    columns: Vec<String>,
    window: Window,
    figures: Vec<Figure>,
}

impl Step for Rolling {
    const NAME: &'static str = "rolling";
    const SUMMARY: &'static str = "mean, deviation, extremes and quantiles of the latest values, as features";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        if self.figures.is_empty() {
            return Err(ParamError::Invalid {
                detector: Self::NAME.to_owned(),
                reason: "figures is empty; name some, as in [\"mean\", \"p95\"]".to_owned(),
            }
            .into());
        }
        if matches!(self.window, Window::Time(_)) && times(frame).is_none() {
            return Err(FitError::Data(format!(
                "the window of the step 'rolling' is {}, and there is no time column; name one with --time, or give a number of rows",
                self.window
            )));
        }
        let mut figures = self.figures.clone();
        figures.sort_by_key(|figure| *figure as usize);
        figures.dedup();
        let columns = series_columns(frame).into_iter().filter(|name| !name.ends_with(']')).collect();
        Ok(Box::new(Fitted { columns, window: self.window, figures }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted {
            columns: section.value("columns")?,
            window: section.value("window")?,
            figures: section.value("figures")?,
        }))
    }
}

impl FittedStep for Fitted {
    fn is_series(&self) -> bool {
        true
    }

    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError> {
        let seconds: Option<Vec<f64>> = times(&frame)
            .map(|times| times.iter().map(|&time| time as f64 / NANOS_PER_SECOND as f64).collect());
        let mut edit = Edit::new(frame);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            let mut held = std::mem::take(memory.queue(2 * slot));
            let mut held_times = std::mem::take(memory.queue(2 * slot + 1));
            let mut sorted: Vec<f64> = held.iter().copied().filter(|value| value.is_finite()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let mut out: Vec<Vec<f64>> = vec![Vec::with_capacity(values.len()); self.figures.len()];
            for (row_idx, &now) in values.iter().enumerate() {
                let time = seconds.as_ref().map_or(0.0, |seconds| seconds[row_idx]);
                held.push_back(now);
                held_times.push_back(time);
                if now.is_finite() {
                    sorted.insert(sorted.partition_point(|&other| other < now), now);
                }
                while self.window.is_over(held.len(), held_times.front().copied().unwrap_or(time), time) {
                    held_times.pop_front();
                    if let Some(old) = held.pop_front().filter(|old| old.is_finite()) {
                        sorted.remove(sorted.partition_point(|&other| other < old));
                    }
                }
                for (figure, out) in self.figures.iter().zip(&mut out) {
                    out.push(if sorted.is_empty() { f64::NAN } else { figure.of(&held, &sorted) });
                }
            }
            *memory.queue(2 * slot) = held;
            *memory.queue(2 * slot + 1) = held_times;
            let unit = edit.field_mut(idx).unit.clone();
            for (figure, values) in self.figures.iter().zip(out) {
                let title = format!("{name} {} of {}", figure.name(), self.window);
                let mut field = Field::new(title, Kind::Float, Role::Feature);
                field.unit.clone_from(&unit);
                edit.push(field, values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        let figures: Vec<&str> = self.figures.iter().map(|figure| figure.name()).collect();
        let columns = match self.columns.len() {
            n @ 5.. => format!("{n} columns"),
            _ => self.columns.join(", "),
        };
        format!("{} of the last {} of {columns}", figures.join(", "), self.window)
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("window", &self.window);
        section.value("figures", &self.figures);
    }
}

/// Most rows that are held of a series and column.
const _: () = assert!(MOST_ROWS <= 4_096);

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_frame::Column;

    fn frame(times: Vec<i64>, values: Vec<f64>) -> Frame {
        Frame::from_pairs(vec![
            (Field::new("time", Kind::Time, Role::Time), Column::Time(times)),
            (Field::new("v", Kind::Float, Role::Value), Column::Float(values)),
        ])
        .unwrap()
    }

    fn column(frame: &Frame, name: &str) -> Vec<f64> {
        numbers(frame.by_name(name).unwrap().1)
    }

    #[test]
    fn figures_are_those_of_the_window_up_to_the_row() {
        let frame = frame(vec![0; 6], vec![4.0, 2.0, f64::NAN, 6.0, 8.0, 1.0]);
        let step = Rolling { window: Window::Rows(3), figures: vec![Figure::Max, Figure::Mean, Figure::Median] };
        let got = step.fit(&frame).unwrap().apply(frame, &mut StepMemory::default()).unwrap();
        assert_eq!(column(&got, "v mean of 3 rows"), [4.0, 3.0, 3.0, 4.0, 7.0, 5.0]);
        assert_eq!(column(&got, "v max of 3 rows"), [4.0, 4.0, 4.0, 6.0, 8.0, 8.0]);
        assert_eq!(column(&got, "v median of 3 rows")[5], 6.0);
    }

    #[test]
    fn a_window_of_time_forgets_by_the_clock() {
        let times = [0, 10, 20, 200, 210].map(|t| t * NANOS_PER_SECOND).to_vec();
        let frame = frame(times, vec![1.0, 2.0, 3.0, 10.0, 20.0]);
        let step = Rolling { window: "30s".parse().unwrap(), figures: vec![Figure::Mean] };
        let got = step.fit(&frame).unwrap().apply(frame, &mut StepMemory::default()).unwrap();
        assert_eq!(column(&got, "v mean of 30s"), [1.0, 1.5, 2.0, 10.0, 15.0]);
    }

    #[test]
    fn cutting_the_rows_changes_no_bit() {
        let values: Vec<f64> = (0..200).map(|t| f64::from(t * 7_919 % 101) / 7.0 + 1e6).collect();
        let times: Vec<i64> = (0..200).map(|t| t * NANOS_PER_SECOND).collect();
        let step = Rolling { window: Window::Rows(17), ..Rolling::default() };
        let whole = frame(times, values);
        let fitted = step.fit(&whole).unwrap();
        let at_once = fitted.apply(whole.clone(), &mut StepMemory::default()).unwrap();
        let mut memory = StepMemory::default();
        let parts: Vec<Frame> = [(0, 3), (3, 90), (90, 200)]
            .map(|(from, to)| fitted.apply(whole.slice(from, to), &mut memory).unwrap())
            .to_vec();
        assert_eq!(Frame::concat(&parts).unwrap().columns(), at_once.columns());
    }
}
