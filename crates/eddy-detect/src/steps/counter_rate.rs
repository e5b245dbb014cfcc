//! Cumulative counters to rates.

use eddy_frame::{CounterBits, Frame};
use eddy_series::increase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, numbers, times, wanted};
use crate::{FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// Turns columns marked as cumulative counters into rates per second (or increases per row where there is no time
/// column), with wrap at 2^32 or 2^64 and resets.
///
/// A smaller value than before is a wrap when the increase modulo the counter's width is below a quarter of the
/// width; otherwise the counter was reset (device restart) and the new value itself is the increase. The first row of
/// a series has no rate (missing). After RFC 2578, section 7.1.6 (Counter32) and RFC 2863 on wraps.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CounterRate {}

struct Fitted {
    columns: Vec<(String, CounterBits)>,
}

impl Step for CounterRate {
    const NAME: &'static str = "counter_rate";
    const SUMMARY: &'static str = "cumulative counters to rates, with wrap and reset";
    const SERIES: bool = true;

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let schema = frame.schema();
        let columns = schema
            .inputs()
            .filter_map(|idx| Some((schema.fields[idx].name.to_string(), schema.fields[idx].counter?)))
            .collect();
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
        let before_frame = memory.last_time;
        let mut edit = Edit::new(frame);
        for (slot, (name, bits)) in self.columns.iter().enumerate() {
            let idx = wanted(&edit, name)?;
            let values = numbers(edit.column(idx));
            let queue = memory.queue(slot);
            let mut last_time = before_frame;
            let mut rates = Vec::with_capacity(values.len());
            for (row_idx, &now) in values.iter().enumerate() {
                let time = times.as_ref().map(|times| times[row_idx]);
                let seconds = match (last_time, time) {
                    (Some(before), Some(now)) if now > before => (now - before) as f64 * 1e-9,
                    _ => 1.0,
                };
                let rate = match queue.back() {
                    Some(&before) if now.is_finite() => increase(before, now, *bits) / seconds,
                    _ => f64::NAN,
                };
                rates.push(rate);
                if now.is_finite() {
                    queue.clear();
                    queue.push_back(now);
                    last_time = time;
                }
            }
            edit.replace(idx, rates);
            let field = edit.field_mut(idx);
            field.counter = None;
            let per = if times.is_some() { "s" } else { "row" };
            field.unit = Some(format!("{}/{per}", field.unit.as_deref().unwrap_or("1")).into());
        }
        if let Some(&last) = times.as_ref().and_then(|times| times.last()) {
            memory.last_time = Some(last);
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        format!("counter to rate: {} columns", self.columns.len())
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
    }
}
