//! Logarithm of heavy-tailed columns.

use eddy_frame::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Replaces heavy-tailed columns by `sign(x) ln(1 + |x|)`.
///
/// A column is heavy-tailed when it is never negative in the training rows and its largest value lies more than
/// twenty times as far above the median as the upper quartile does (or, where quartile and median agree, the median
/// lies at least a thousand times below). Bytes and durations are; rates between 0 and 1 are not.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log1p {
    /// Columns to take; empty = those found to be heavy-tailed.
    pub columns: Vec<String>,
}

struct Fitted {
    columns: Vec<String>,
}

fn is_heavy_tailed(values: &[f64]) -> bool {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if sorted.len() < 20 {
        return false;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (low, median, upper, high) = (sorted[0], at(0.5), at(0.75), sorted[sorted.len() - 1]);
    if low < 0.0 || high < 10.0 {
        return false;
    }
    if upper > median { high - median > 20.0 * (upper - median) } else { high > 1000.0 * (1.0 + median) }
}

impl Step for Log1p {
    const NAME: &'static str = "log1p";
    const SUMMARY: &'static str = "logarithm of heavy-tailed columns";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let columns = if self.columns.is_empty() {
            numeric_inputs(frame)
                .into_iter()
                .filter(|(idx, _)| is_heavy_tailed(&numbers(frame.column(*idx))))
                .map(|(_, name)| name)
                .collect()
        } else {
            self.columns.clone()
        };
        Ok(Box::new(Fitted { columns }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted { columns: section.value("columns")? }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for name in &self.columns {
            let idx = wanted(&edit, name)?;
            let mut values = numbers(edit.column(idx));
            values.iter_mut().for_each(|value| *value = value.abs().ln_1p().copysign(*value));
            edit.replace(idx, values);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        match self.columns.len() {
            0 => "no heavy-tailed column".into(),
            1..=4 => format!("logarithm of {}", self.columns.join(", ")),
            n => format!("logarithm of {n} heavy-tailed columns"),
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
    }
}
