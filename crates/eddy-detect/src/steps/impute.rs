//! Values in place of missing ones.

use eddy_frame::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// What stands in for a missing value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The training rows' median.
    #[default]
    Median,
    /// The training rows' mean.
    Mean,
    /// The number given as `constant`.
    Constant,
}

/// Fills missing numbers with the training rows' median, mean or a constant. Infinite values become the largest (or
/// smallest) finite value seen in training.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Impute {
    /// What stands in for a missing value.
    pub strategy: Strategy,
    /// The number for `strategy = constant`.
    pub constant: f64,
}

struct Fitted {
    columns: Vec<String>,
    fill: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    strategy: Strategy,
}

impl Step for Impute {
    const NAME: &'static str = "impute";
    const SUMMARY: &'static str = "median, mean or a constant for missing values";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let mut fitted = Fitted {
            columns: Vec::new(),
            fill: Vec::new(),
            low: Vec::new(),
            high: Vec::new(),
            strategy: self.strategy,
        };
        for (idx, name) in numeric_inputs(frame) {
            let mut values = numbers(frame.column(idx));
            values.retain(|value| value.is_finite());
            let fill = match self.strategy {
                _ if !self.constant.is_finite() => 0.0,
                Strategy::Constant => self.constant,
                _ if values.is_empty() => 0.0,
                Strategy::Mean => values.iter().sum::<f64>() / values.len() as f64,
                Strategy::Median => {
                    let middle = values.len() / 2;
                    *values.select_nth_unstable_by(middle, f64::total_cmp).1
                }
            };
            fitted.columns.push(name);
            fitted.fill.push(fill);
            fitted.low.push(values.iter().copied().fold(fill, f64::min));
            fitted.high.push(values.iter().copied().fold(fill, f64::max));
        }
        Ok(Box::new(fitted))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let columns: Vec<String> = section.value("columns")?;
        let array = |name: &str| -> Result<Vec<f64>, LoadError> {
            let values = section.f64(name)?;
            if values.len() != columns.len() || values.iter().any(|value| !value.is_finite()) {
                return Err(LoadError::content(name, "must hold one finite number a column"));
            }
            Ok(values.to_vec())
        };
        Ok(Box::new(Fitted {
            fill: array("fill")?,
            low: array("low")?,
            high: array("high")?,
            strategy: section.value("strategy")?,
            columns,
        }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let mend = |value: &mut f64| {
                if value.is_nan() {
                    *value = self.fill[slot];
                } else if value.is_infinite() {
                    *value = if *value > 0.0 { self.high[slot] } else { self.low[slot] };
                }
            };
            if let eddy_frame::Column::Float(values) = edit.column_mut(idx) {
                values.iter_mut().for_each(mend);
            } else {
                let mut values = numbers(edit.column(idx));
                values.iter_mut().for_each(mend);
                edit.replace(idx, values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        let what = match self.strategy {
            Strategy::Median => "the median",
            Strategy::Mean => "the mean",
            Strategy::Constant => "a constant",
        };
        format!("missing values become {what}")
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("strategy", &self.strategy);
        section.f64("fill", &self.fill);
        section.f64("low", &self.low);
        section.f64("high", &self.high);
    }
}
