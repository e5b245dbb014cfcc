//! How fast a series changes, and how fast that changes.

use eddy_frame::{Field, Frame, Kind, MISSING_TIME, NANOS_PER_SECOND, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lag::series_columns;
use crate::step::{Edit, numbers, times, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Adds, for every value column, the change per second from the value before (`value rate`) and the change of that per
/// second (`value acceleration`); without a time column, both per row. Rows at the time of the row before repeat its
/// figures; the first two rows of a series have 0. Missing values are passed over.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Acceleration {}

struct Fitted {
    columns: Vec<String>,
}

impl Step for Acceleration {
    const NAME: &'static str = "acceleration";
    const SUMMARY: &'static str = "the change per second and how that changes, as features";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let columns = series_columns(frame).into_iter().filter(|name| !name.ends_with(']')).collect();
        Ok(Box::new(Fitted { columns }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted { columns: section.value("columns")? }))
    }
}

impl FittedStep for Fitted {
    fn is_series(&self) -> bool {
        true
    }

    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError> {
        let times: Option<Vec<i64>> = times(&frame).map(<[i64]>::to_vec);
        let mut edit = Edit::new(frame);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            // Value, rate, acceleration and the whole seconds and nanoseconds of the last row that had a value.
            let queue = memory.queue(slot);
            let (mut rates, mut accelerations) = (Vec::new(), Vec::new());
            for (row_idx, &now) in values.iter().enumerate() {
                let time = times.as_ref().map(|times| times[row_idx]);
                let held: Vec<f64> = queue.iter().copied().collect();
                let (mut rate, mut acceleration) = (0.0, 0.0);
                if let [value, last_rate, last_acceleration, seconds, nanos] = held[..] {
                    let before = seconds as i64 * NANOS_PER_SECOND + nanos as i64;
                    let apart = match time {
                        Some(time) if time == MISSING_TIME => 0.0,
                        Some(time) => time.saturating_sub(before) as f64 / NANOS_PER_SECOND as f64,
                        None => 1.0,
                    };
                    if apart > 0.0 {
                        rate = (now - value) / apart;
                        // The first rate has none before it to differ from.
                        let first = last_acceleration.is_nan();
                        acceleration = if first { 0.0 } else { (rate - last_rate) / apart };
                    } else {
                        (rate, acceleration) = (last_rate, if last_acceleration.is_nan() { 0.0 } else { last_acceleration });
                    }
                }
                rates.push(if now.is_finite() { rate } else { f64::NAN });
                accelerations.push(if now.is_finite() { acceleration } else { f64::NAN });
                if now.is_finite() && time != Some(MISSING_TIME) {
                    let time = time.unwrap_or(0);
                    let mark = if held.is_empty() { f64::NAN } else { acceleration };
                    queue.clear();
                    queue.extend([
                        now,
                        rate,
                        mark,
                        time.div_euclid(NANOS_PER_SECOND) as f64,
                        time.rem_euclid(NANOS_PER_SECOND) as f64,
                    ]);
                }
            }
            let unit = edit.field_mut(idx).unit.clone();
            let per = if times.is_some() { "s" } else { "row" };
            for (what, power, values) in [("rate", "", rates), ("acceleration", "²", accelerations)] {
                let mut field = Field::new(format!("{name} {what}"), Kind::Float, Role::Feature);
                field.unit = Some(format!("{}/{per}{power}", unit.as_deref().unwrap_or("1")).into());
                edit.push(field, values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("rate and acceleration of {}", self.columns.join(", "))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_frame::Column;

    #[test]
    fn rates_and_accelerations_are_per_second() {
        let times = [0, 10, 20, 20, 30, 40].map(|t| t * NANOS_PER_SECOND).to_vec();
        let values = vec![5.0, 25.0, 85.0, 90.0, f64::NAN, 190.0];
        let frame = Frame::from_pairs(vec![
            (Field::new("time", Kind::Time, Role::Time), Column::Time(times)),
            (Field::new("v", Kind::Float, Role::Value), Column::Float(values)),
        ])
        .unwrap();
        let fitted = Acceleration {}.fit(&frame).unwrap();
        let mut memory = StepMemory::default();
        let parts: Vec<Frame> =
            [(0, 2), (2, 6)].map(|(a, b)| fitted.apply(frame.slice(a, b), &mut memory).unwrap()).to_vec();
        let got = Frame::concat(&parts).unwrap();
        let column = |name: &str| numbers(got.by_name(name).unwrap().1);
        let rates = column("v rate");
        assert_eq!((&rates[..4], rates[5]), (&[0.0, 2.0, 6.0, 6.0][..], 5.0));
        assert!(rates[4].is_nan());
        assert_eq!(column("v acceleration")[..4], [0.0, 0.0, 0.4, 0.4]);
    }
}
