//! Logarithm of heavy-tailed columns.

use eddy_frame::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Replaces heavy-tailed columns by `sign(x) ln(1 + |x| / unit)`.
///
/// A column that is never negative in the training rows is heavy-tailed when it reaches 10 and its largest value lies
/// more than twenty times as far above the median as the upper quartile does (or, where quartile and median agree, the
/// median lies at least a thousand times below). Bytes and durations are; rates between 0 and 1 are not.
///
/// A column with negative values, such as the change from row to row, is heavy-tailed when its largest value, sign
/// apart, is more than a thousand times as large as three quarters of them are. Its unit is that upper quartile, so
/// that ordinary values keep their distances; the unit of the others is 1.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log1p {
    /// Columns to take; empty = those found to be heavy-tailed.
    pub columns: Vec<String>,
}

struct Fitted {
    columns: Vec<String>,
    units: Vec<f64>,
}

/// The unit of the logarithm, where the column is heavy-tailed. `asked`: it is to be taken in any case.
fn unit_of(values: &[f64], asked: bool) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    if sorted.len() < 20 {
        return asked.then_some(1.0);
    }
    if sorted.iter().any(|value| *value < 0.0) {
        // Two order statistics need no sorting.
        sorted.iter_mut().for_each(|value| *value = value.abs());
        let upper_at = (sorted.len() - 1) * 3 / 4;
        let (_, upper, above) = sorted.select_nth_unstable_by(upper_at, f64::total_cmp);
        let (upper, largest) = (*upper, above.iter().copied().fold(*upper, f64::max));
        let unit = if upper > 0.0 { upper } else { 1.0 };
        return (asked || largest > 1000.0 * (1.0 + upper)).then_some(unit);
    }
    sorted.sort_unstable_by(f64::total_cmp);
    (asked || is_heavy_tailed(&sorted)).then_some(1.0)
}

/// Ascending values, none negative.
fn is_heavy_tailed(sorted: &[f64]) -> bool {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    let (median, upper, high) = (at(0.5), at(0.75), sorted[sorted.len() - 1]);
    if high < 10.0 {
        return false;
    }
    if upper > median { high - median > 20.0 * (upper - median) } else { high > 1000.0 * (1.0 + median) }
}

impl Step for Log1p {
    const NAME: &'static str = "log1p";
    const SUMMARY: &'static str = "logarithm of heavy-tailed columns";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let (mut columns, mut units) = (Vec::new(), Vec::new());
        for (idx, name) in numeric_inputs(frame) {
            let asked = self.columns.contains(&name);
            if !asked && !self.columns.is_empty() {
                continue;
            }
            if let Some(unit) = unit_of(&numbers(frame.column(idx)), asked) {
                columns.push(name);
                units.push(unit);
            }
        }
        if let Some(missing) = self.columns.iter().find(|name| !columns.contains(name)) {
            return Err(FitError::Column {
                column: missing.clone(),
                reason: "is not a numeric input, so log1p cannot take it".into(),
            });
        }
        Ok(Box::new(Fitted { columns, units }))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let columns: Vec<String> = section.value("columns")?;
        let units = section.f64("units")?.to_vec();
        if units.len() != columns.len() || !units.iter().all(|unit| unit.is_finite() && *unit > 0.0) {
            return Err(LoadError::content("units", "are not one positive number a column"));
        }
        Ok(Box::new(Fitted { columns, units }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (name, unit) in self.columns.iter().zip(&self.units) {
            let idx = wanted(&edit, name)?;
            let mut values = numbers(edit.column(idx));
            values.iter_mut().for_each(|value| *value = (value.abs() / unit).ln_1p().copysign(*value));
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
        section.f64("units", &self.units);
    }
}
