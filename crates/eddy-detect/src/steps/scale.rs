//! One scale for all columns.

use eddy_frame::{Column, Frame};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// What the columns are brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Mean 0, standard deviation 1.
    #[default]
    Standard,
    /// Smallest 0, largest 1.
    MinMax,
    /// Median 0, interquartile range 1 (standard deviation where the quartiles agree).
    Robust,
}

/// Scales every numeric column by what the training rows were. A constant column becomes 0 and stays at its own unit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scale {
    /// What the columns are brought to.
    pub method: Method,
}

struct Fitted {
    columns: Vec<String>,
    center: Vec<f64>,
    width: Vec<f64>,
    method: Method,
}

fn center_and_width(values: &mut Vec<f64>, method: Method) -> (f64, f64) {
    values.retain(|value| value.is_finite());
    if values.is_empty() {
        return (0.0, 1.0);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let (center, width) = match method {
        Method::Standard => (mean, sd),
        Method::MinMax => {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high - low)
        }
        Method::Robust => {
            values.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
            let iqr = at(0.75) - at(0.25);
            (at(0.5), if iqr > 0.0 { iqr } else { sd })
        }
    };
    let fine = width.is_finite() && width > center.abs() * 1e-14;
    (if center.is_finite() { center } else { 0.0 }, if fine { width } else { 1.0 })
}

impl Step for Scale {
    const NAME: &'static str = "scale";
    const SUMMARY: &'static str = "standard, min-max or robust scaling";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let mut fitted =
            Fitted { columns: Vec::new(), center: Vec::new(), width: Vec::new(), method: self.method };
        for (idx, name) in numeric_inputs(frame) {
            let (center, width) = center_and_width(&mut numbers(frame.column(idx)), self.method);
            fitted.columns.push(name);
            fitted.center.push(center);
            fitted.width.push(width);
        }
        Ok(Box::new(fitted))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let columns: Vec<String> = section.value("columns")?;
        let (center, width) = (section.f64("center")?.to_vec(), section.f64("width")?.to_vec());
        let fine = center.len() == columns.len()
            && width.len() == columns.len()
            && center.iter().all(|value| value.is_finite())
            && width.iter().all(|value| value.is_finite() && *value > 0.0);
        if !fine {
            return Err(LoadError::content("scale", "must hold a finite center and width a column"));
        }
        Ok(Box::new(Fitted { columns, center, width, method: section.value("method")? }))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let (center, factor) = (self.center[slot], 1.0 / self.width[slot]);
            if let Column::Float(values) = edit.column_mut(idx) {
                values.iter_mut().for_each(|value| *value = (*value - center) * factor);
            } else {
                let values = numbers(edit.column(idx)).iter().map(|value| (value - center) * factor).collect();
                edit.replace(idx, values);
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        match self.method {
            Method::Standard => "scaled to mean 0, deviation 1".into(),
            Method::MinMax => "scaled to 0..1".into(),
            Method::Robust => "scaled by median and quartiles".into(),
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("method", &self.method);
        section.f64("center", &self.center);
        section.f64("width", &self.width);
    }
}
