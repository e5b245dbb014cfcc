//! Change from the row before.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lag::series_columns;
use crate::step::{Edit, numbers, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Which differences to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The change from the row before.
    #[default]
    Change,
    /// The change and the change of the change.
    ChangeAndAcceleration,
}

/// Adds the change from the row before (`value change`) for every value column, 0 at the first row of a series; with
/// `order = change_and_acceleration` also the change of the change.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Difference {
    /// Which differences to add.
    pub order: Order,
}

struct Fitted {
    columns: Vec<String>,
    order: Order,
}

impl Step for Difference {
    const NAME: &'static str = "difference";
    const SUMMARY: &'static str = "the change from the row before, as a feature";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let columns = series_columns(frame).into_iter().filter(|name| !name.ends_with(']')).collect();
        Ok(Box::new(Fitted { columns, order: self.order }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted { columns: section.value("columns")?, order: section.value("order")? }))
    }
}

impl FittedStep for Fitted {
    fn is_series(&self) -> bool {
        true
    }

    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            let unit = edit.field_mut(idx).unit.clone();
            let queue = memory.queue(slot);
            let mut changes = Vec::with_capacity(values.len());
            let mut accelerations = Vec::with_capacity(values.len());
            for &now in &values {
                let change = queue.front().map_or(0.0, |before| now - before);
                let acceleration = queue.get(1).map_or(0.0, |before| change - before);
                changes.push(change);
                accelerations.push(acceleration);
                if now.is_finite() {
                    queue.clear();
                    queue.push_back(now);
                    queue.push_back(change);
                }
            }
            let mut push = |suffix: &str, values| {
                let mut field = Field::new(format!("{name} {suffix}"), Kind::Float, Role::Feature);
                field.unit.clone_from(&unit);
                edit.push(field, values);
            };
            push("change", changes);
            if self.order == Order::ChangeAndAcceleration {
                push("acceleration", accelerations);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("change from the row before of {}", self.columns.join(", "))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("order", &self.order);
    }
}
