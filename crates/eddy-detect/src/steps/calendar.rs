//! Hour, weekday and weekend.

use eddy_frame::{CivilTime, Field, Frame, Kind, MISSING_TIME, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, times};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Adds hour of day (0 to 24, with fraction), weekday (0 = Monday) and weekend (0 or 1), in UTC, from the time column.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {}

struct Fitted;

impl Step for Calendar {
    const NAME: &'static str = "calendar";
    const SUMMARY: &'static str = "hour, weekday and weekend from the time column";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        if times(frame).is_none() {
            return Err(FitError::Column {
                column: "time".into(),
                reason: "is needed by the step calendar; name it with --time".into(),
            });
        }
        Ok(Box::new(Fitted))
    }

    fn load(_: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let Some(times) = times(&frame).map(<[i64]>::to_vec) else {
            return Err(FitError::Column {
                column: "time".into(),
                reason: "is missing; the model was fitted with it".into(),
            });
        };
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for &time in &times {
            let civil = CivilTime::from_nanos(time);
            let values = if time == MISSING_TIME {
                [f64::NAN; 3]
            } else {
                [
                    f64::from(civil.hour) + f64::from(civil.minute) / 60.0,
                    f64::from(civil.weekday),
                    f64::from(u8::from(civil.weekday >= 5)),
                ]
            };
            parts.iter_mut().zip(values).for_each(|(part, value)| part.push(value));
        }
        let mut edit = Edit::new(frame);
        for (name, values) in ["hour", "weekday", "weekend"].into_iter().zip(parts) {
            let name = if edit.index_of(name).is_some() { format!("{name} (calendar)") } else { name.to_owned() };
            edit.push(Field::new(name, Kind::Float, Role::Feature), values);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        "hour, weekday, weekend".into()
    }

    fn save(&self, _: &mut SectionWriter<'_>) {}
}
