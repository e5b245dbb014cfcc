//! Steps for those who name none.

use std::sync::Arc;

use eddy_frame::{Column, Field, Frame, Kind, Role, Schema};

use crate::{Entry, LearnsFrom, ModelKind, StepSpec, steps};

/// The chain of steps chosen from the roles of the columns and the detector: counters become rates, well-known ratios
/// are added and, of counters and for models that learn from labels, the median of the last rows; value columns of a
/// time series get the values before and the change; then logarithm, imputation, categories, scale, unless the detector
/// takes missing values and categories as they are. A detector of series looks at the values themselves.
pub fn default_steps(schema: &Schema, entry: &Entry) -> Vec<StepSpec> {
    let inputs: Vec<&Field> = schema.fields.iter().filter(|field| field.role.is_input()).collect();
    let mut steps = Vec::new();
    let counters = inputs.iter().any(|field| field.counter.is_some());
    if counters {
        steps.push(StepSpec::new("counter_rate"));
    }
    if let Ok(empty) = Frame::new(
        Arc::new(schema.clone()),
        schema.fields.iter().map(|field| Column::empty(field.kind)).collect(),
    ) && !steps::known_ratios(&empty).is_empty()
    {
        steps.push(StepSpec::new("ratio"));
    }
    // A model of series has a memory of its own, and looks at each column on its own scale.
    if entry.about.kind == ModelKind::Series {
        if !entry.takes_missing {
            steps.push(StepSpec::new("impute"));
        }
        if inputs.iter().any(|field| field.kind == Kind::Text) {
            steps.push(StepSpec::new("encode"));
        }
        if entry.scale_sensitive {
            steps.push(StepSpec::new("scale"));
        }
        return steps;
    }
    if counters && entry.learns_from == LearnsFrom::Labels {
        // At what level a device is running: the rates of single polls swing.
        let level = serde_json::json!({ "window": 8, "figures": ["median"] });
        steps.push(StepSpec { params: level, ..StepSpec::new("rolling") });
    }
    if inputs.iter().any(|field| field.role == Role::Value) {
        steps.push(StepSpec::new("lag"));
        steps.push(StepSpec::new("difference"));
    }
    if entry.takes_missing {
        let ordinal = serde_json::json!({ "method": "ordinal" });
        steps.push(StepSpec { params: ordinal, ..StepSpec::new("encode") });
    } else {
        steps.extend(["log1p", "impute", "encode", "scale"].map(StepSpec::new));
    }
    steps
}
