//! Earlier values of the same series as further features.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{Count, FitError, FittedStep, LoadError, ParamError, SectionReader, SectionWriter, Step, StepMemory};

/// Adds the values of the rows before (`value[-1]`, `value[-2]`, ...) for every value column. Before the first row of
/// a series its first value stands in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lag {
    /// How many rows back.
    pub lags: Count,
}

impl Default for Lag {
    fn default() -> Self {
        Self { lags: Count::new(4) }
    }
}

/// Most lags.
const MOST_LAGS: usize = 1024;
/// Most columns that are added: each takes memory for every row, whatever a model file says.
const MOST_ADDED: usize = 1 << 16;

struct Fitted {
    columns: Vec<String>,
    lags: usize,
}

impl Fitted {
    fn new(columns: Vec<String>, lags: Count) -> Result<Self, String> {
        let lags = lags.get().min(MOST_LAGS);
        if lags * columns.len() > MOST_ADDED {
            return Err(format!(
                "{lags} earlier values of {} columns are more than {MOST_ADDED}; ask for fewer",
                columns.len()
            ));
        }
        Ok(Self { columns, lags })
    }
}

impl Step for Lag {
    const NAME: &'static str = "lag";
    const SUMMARY: &'static str = "the values of the rows before, as features";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let refuse = |reason| ParamError::Invalid { detector: Self::NAME.to_owned(), reason };
        Ok(Box::new(Fitted::new(series_columns(frame), self.lags).map_err(refuse)?))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let refuse = |reason: String| LoadError::content("lags", reason);
        Ok(Box::new(Fitted::new(section.value("columns")?, section.value("lags")?).map_err(refuse)?))
    }
}

/// Value columns, or all numeric inputs where there is none.
pub(crate) fn series_columns(frame: &Frame) -> Vec<String> {
    let schema = frame.schema();
    let inputs = numeric_inputs(frame);
    let values: Vec<String> = inputs
        .iter()
        .filter(|(idx, _)| schema.fields[*idx].role == Role::Value)
        .map(|(_, name)| name.clone())
        .collect();
    if values.is_empty() { inputs.into_iter().map(|(_, name)| name).collect() } else { values }
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
            let queue = memory.queue(slot);
            let mut lagged: Vec<Vec<f64>> = vec![Vec::with_capacity(values.len()); self.lags];
            for &now in &values {
                for (back, column) in lagged.iter_mut().enumerate() {
                    let earlier = queue.len().checked_sub(back + 1).and_then(|at| queue.get(at));
                    column.push(earlier.or(queue.front()).copied().unwrap_or(now));
                }
                queue.push_back(now);
                if queue.len() > self.lags {
                    queue.pop_front();
                }
            }
            let unit = edit.field_mut(idx).unit.clone();
            for (back, values) in lagged.into_iter().enumerate() {
                let mut field = Field::new(format!("{name}[-{}]", back + 1), Kind::Float, Role::Feature);
                field.unit.clone_from(&unit);
                edit.push(field, values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("{} earlier values of {}", self.lags, self.columns.join(", "))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("lags", &self.lags);
    }
}
