//! What has been usual of late, as a feature.

use eddy_frame::{Field, Frame, Kind, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, numeric_inputs, wanted};
use crate::{Count, FitError, FittedStep, LoadError, ParamError, SectionReader, SectionWriter, Step, StepMemory};

/// Adds the median of the last rows of the same series, this one included, for every numeric column (`name (median of
/// 8 rows)`).
///
/// A rate read off a counter swings from poll to poll, and a single flood or a single gap says little; the median of
/// the last few says at what level the device is running and is moved by neither. It looks back only, so that it is the
/// same live as in a file. Missing and infinite values are passed over; before the first finite value there is no
/// median. Cost: `O(rows)` per value; memory: `rows` numbers per column and series.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecentMedian {
    /// Rows the median is taken over, the newest included.
    pub rows: Count,
    /// Columns; empty = all numeric inputs.
    pub columns: Vec<String>,
}

impl Default for RecentMedian {
    fn default() -> Self {
        Self { rows: Count::new(8), columns: Vec::new() }
    }
}

/// Most rows: each is a number to keep per column and series.
const MOST_ROWS: usize = 1024;

struct Fitted {
    columns: Vec<String>,
    rows: usize,
}

impl Fitted {
    fn new(columns: Vec<String>, rows: Count) -> Result<Self, String> {
        let rows = rows.get();
        if rows == 0 || rows > MOST_ROWS {
            return Err(format!("the median of {rows} rows is not between 1 and {MOST_ROWS}"));
        }
        Ok(Self { columns, rows })
    }
}

impl Step for RecentMedian {
    const NAME: &'static str = "recent_median";
    const SERIES: bool = true;
    const SUMMARY: &'static str = "the median of the last rows, as a feature";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let refuse = |reason| ParamError::Invalid { detector: Self::NAME.to_owned(), reason };
        let columns = if self.columns.is_empty() {
            numeric_inputs(frame).into_iter().map(|(_, name)| name).collect()
        } else {
            self.columns.clone()
        };
        Ok(Box::new(Fitted::new(columns, self.rows).map_err(refuse)?))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        let refuse = |reason: String| LoadError::content("rows", reason);
        Ok(Box::new(Fitted::new(section.value("columns")?, section.value("rows")?).map_err(refuse)?))
    }
}

/// The middle of sorted values, the mean of the two in the middle of an even number.
fn middle(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

impl FittedStep for Fitted {
    fn is_series(&self) -> bool {
        true
    }

    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        let mut sorted = Vec::with_capacity(self.rows + 1);
        for (slot, name) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            let queue = memory.queue(slot);
            sorted.clear();
            sorted.extend(queue.iter().copied());
            sorted.sort_unstable_by(f64::total_cmp);
            let median = |now: &f64| {
                // A value that is not there takes the place of none: the level is that of the last ones that were.
                if now.is_finite() {
                    queue.push_back(*now);
                    let at = sorted.partition_point(|value| value.total_cmp(now).is_lt());
                    sorted.insert(at, *now);
                    if queue.len() > self.rows
                        && let Some(oldest) = queue.pop_front()
                    {
                        sorted.remove(sorted.partition_point(|value| value.total_cmp(&oldest).is_lt()));
                    }
                }
                middle(&sorted)
            };
            let medians = values.iter().map(median).collect();
            let mut field =
                Field::new(format!("{name} (median of {} rows)", self.rows), Kind::Float, Role::Feature);
            field.unit.clone_from(&edit.field_mut(idx).unit);
            edit.push(field, medians);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("median of the last {} rows of {} columns", self.rows, self.columns.len())
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
        section.value("rows", &Count::new(self.rows));
    }
}

#[cfg(test)]
mod tests {
    use eddy_frame::Column;

    use super::*;

    fn frame(values: &[f64]) -> Frame {
        let field = Field::new("rate", Kind::Float, Role::Feature);
        Frame::from_pairs(vec![(field, Column::Float(values.to_vec()))]).unwrap()
    }

    fn medians(step: &dyn FittedStep, values: &[f64], memory: &mut StepMemory) -> Vec<f64> {
        let made = step.apply(frame(values), memory).unwrap();
        (0..values.len()).map(|row_idx| made.column(1).number(row_idx)).collect()
    }

    fn fitted(rows: usize) -> Box<dyn FittedStep> {
        RecentMedian { rows: Count::new(rows), ..RecentMedian::default() }.fit(&frame(&[1.0])).unwrap()
    }

    #[test]
    fn it_is_the_middle_of_the_last_rows() {
        let found = medians(fitted(3).as_ref(), &[4.0, 2.0, 9.0, 1.0, 1.0, 5.0], &mut StepMemory::default());
        assert_eq!(found, [4.0, 3.0, 4.0, 2.0, 1.0, 1.0]);
    }

    #[test]
    fn values_that_are_not_there_are_passed_over() {
        let values = [f64::NAN, 3.0, f64::INFINITY, 5.0, f64::NAN];
        let found = medians(fitted(2).as_ref(), &values, &mut StepMemory::default());
        assert!(found[0].is_nan());
        assert_eq!(found[1..], [3.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn cutting_the_rows_into_frames_changes_nothing() {
        let values: Vec<f64> = (0..40).map(|row| f64::from(row * 37 % 11)).collect();
        let step = fitted(8);
        let whole = medians(step.as_ref(), &values, &mut StepMemory::default());
        let mut memory = StepMemory::default();
        let parts: Vec<f64> =
            values.chunks(7).flat_map(|part| medians(step.as_ref(), part, &mut memory)).collect();
        assert_eq!(whole, parts);
        assert!(memory.values[0].len() <= 8);
    }

    #[test]
    fn huge_values_have_a_finite_median_and_endless_windows_are_refused() {
        let found = medians(fitted(2).as_ref(), &[f64::MAX, f64::MAX], &mut StepMemory::default());
        assert_eq!(found, [f64::MAX, f64::MAX]);
        let step = RecentMedian { rows: Count::new(5000), ..RecentMedian::default() };
        assert!(step.fit(&frame(&[1.0])).is_err_and(|error| error.to_string().contains("5000")));
    }
}
