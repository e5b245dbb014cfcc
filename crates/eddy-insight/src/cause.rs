//! Why a row scored as it did, feature by feature.

use eddy_detect::{FitError, Model, Pipeline, Typical};
use eddy_frame::{Column, Frame, TextColumn};
use serde::Serialize;

/// A value as it was in the row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Seen {
    /// A number; not finite when it was missing.
    Number(Option<f64>),
    /// A category.
    Text(String),
}

/// One feature's part in a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cause {
    /// Name of the feature.
    pub feature: String,
    /// Its unit, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its share of all that made the row unusual, 0 to 1.
    pub share: f64,
    /// The value in the row.
    pub seen: Seen,
    /// What is ordinary in the training rows.
    pub expected: Typical,
}

/// Features named per finding at most.
const MOST_CAUSES: usize = 5;
/// Features with a smaller share are not named.
const LEAST_SHARE: f64 = 0.05;
/// Rows scored in one go.
const BATCH_ROWS: usize = 16_384;

/// Explains rows by removal and insertion. `features` holds the rows to explain, as [`Pipeline::features`] gave them.
///
/// Each feature in turn is set to its typical value (median or most common level): how far does the surprise fall?
/// And in a row that is typical in everything, each feature in turn is set to what was seen: how far does the surprise
/// rise? A feature's part is the mean of the two, which for two features is their Shapley value (Shapley, "A value for
/// n-person games", 1953). Scores come from the same pipeline as the finding, so an explanation cannot disagree with
/// the model. A series model is asked without the memory of the series.
pub fn explain(pipeline: &Pipeline, features: &Frame) -> Result<Vec<Vec<Cause>>, FitError> {
    let schema = features.schema().clone();
    let inputs: Vec<usize> = schema.inputs().collect();
    let d = inputs.len();
    let per_row = 2 * d + 2;
    let chunk = (BATCH_ROWS / per_row).max(1);
    let mut explained = Vec::with_capacity(features.n_rows());
    for start in (0..features.n_rows()).step_by(chunk) {
        let end = (start + chunk).min(features.n_rows());
        let probes = probes(pipeline, features, &inputs, start, end)?;
        let rows = pipeline.encode(probes)?;
        let mut scores = vec![0.0; rows.n_rows()];
        if let Model::Series(_) = &pipeline.model {
            for (row_idx, score) in scores.iter_mut().enumerate() {
                let one = rows.view().slice(row_idx, row_idx + 1);
                pipeline.model.score_once(one, &[], std::slice::from_mut(score));
            }
        } else {
            pipeline.model.score_once(rows.view(), &[], &mut scores);
        }
        let surprise = |at: usize| pipeline.calibration.surprise(scores[at]);
        for row_idx in start..end {
            let base = (row_idx - start) * per_row;
            let (whole, typical) = (surprise(base), surprise(base + 1));
            let parts: Vec<f64> = (0..d)
                .map(|j| {
                    let fall = whole - surprise(base + 2 + j);
                    let rise = surprise(base + 2 + d + j) - typical;
                    f64::midpoint(fall, rise).max(0.0)
                })
                .collect();
            explained.push(causes(pipeline, features, &inputs, row_idx, &parts));
        }
    }
    Ok(explained)
}

/// For each row: the row itself, the typical row, d rows with one feature typical, d typical rows with one feature
/// seen.
fn probes(
    pipeline: &Pipeline,
    features: &Frame,
    inputs: &[usize],
    start: usize,
    end: usize,
) -> Result<Frame, FitError> {
    let d = inputs.len();
    let per_row = 2 * d + 2;
    let n = (end - start) * per_row;
    let mut columns = Vec::with_capacity(features.columns().len());
    for (idx, column) in features.columns().iter().enumerate() {
        let input = inputs.iter().position(|&at| at == idx);
        // Whether probe `k` of a row holds what was seen in this column.
        let seen = |k: usize| match (input, k) {
            (_, 0) => true,
            (_, 1) => false,
            (Some(j), k) if k < 2 + d => k != 2 + j,
            (Some(j), k) => k == 2 + d + j,
            (None, _) => true,
        };
        columns.push(match (column, input.map(|j| &pipeline.typical[j])) {
            (Column::Text(texts), typical) => {
                let mode = match typical {
                    Some(Typical::Category { mode, .. }) => mode.as_str(),
                    _ => "",
                };
                let mut out = TextColumn::with_capacity(n, n * 4);
                for row_idx in start..end {
                    (0..per_row).for_each(|k| out.push(if seen(k) { texts.get(row_idx) } else { mode }));
                }
                Column::Text(out)
            }
            (Column::Time(times), _) => {
                Column::Time((start..end).flat_map(|r| std::iter::repeat_n(times[r], per_row)).collect())
            }
            (column, typical) => {
                let median = match typical {
                    Some(Typical::Number { median, .. }) => *median,
                    _ => 0.0,
                };
                let values = (start..end).flat_map(|row_idx| {
                    (0..per_row).map(move |k| if seen(k) { column.number(row_idx) } else { median })
                });
                if let Column::Int(_) = column {
                    Column::Int(
                        values.map(|v| if v.is_nan() { eddy_frame::MISSING_INT } else { v as i64 }).collect(),
                    )
                } else {
                    Column::Float(values.collect())
                }
            }
        });
    }
    Frame::new(features.schema().clone(), columns).map_err(|error| FitError::Data(error.to_string()))
}

fn causes(
    pipeline: &Pipeline,
    features: &Frame,
    inputs: &[usize],
    row_idx: usize,
    parts: &[f64],
) -> Vec<Cause> {
    let total: f64 = parts.iter().sum();
    let shares: Vec<f64> = if total > 0.0 {
        parts.iter().map(|part| part / total).collect()
    } else {
        // Nothing alone moves the score: fall back on how far each value lies outside its usual range.
        let distance: Vec<f64> = inputs
            .iter()
            .zip(&pipeline.typical)
            .map(|(&idx, t)| outside(features.column(idx), row_idx, t))
            .collect();
        let total: f64 = distance.iter().sum();
        distance.iter().map(|d| if total > 0.0 { d / total } else { 0.0 }).collect()
    };
    let mut order: Vec<usize> = (0..shares.len()).filter(|&j| shares[j] >= LEAST_SHARE).collect();
    order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
    if order.is_empty() {
        order.extend((0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b])));
    }
    order.truncate(MOST_CAUSES);
    let schema = features.schema();
    order
        .into_iter()
        .map(|j| {
            let column = features.column(inputs[j]);
            Cause {
                feature: schema.fields[inputs[j]].name.to_string(),
                unit: schema.fields[inputs[j]].unit.as_deref().map(str::to_owned),
                share: shares[j],
                seen: match column {
                    Column::Text(texts) => Seen::Text(texts.get(row_idx).to_owned()),
                    column => Seen::Number(Some(column.number(row_idx)).filter(|value| value.is_finite())),
                },
                expected: pipeline.typical[j].clone(),
            }
        })
        .collect()
}

/// How many widths of the usual range a value lies outside it; for categories, how rare the level is.
fn outside(column: &Column, row_idx: usize, typical: &Typical) -> f64 {
    match (column, typical) {
        (Column::Text(texts), Typical::Category { levels, .. }) => {
            1.0 - levels
                .iter()
                .find(|(level, _)| level == texts.get(row_idx))
                .map_or(0.0, |(_, share)| *share)
        }
        (column, Typical::Number { low, high, .. }) => {
            let value = column.number(row_idx);
            let width = (high - low).max(f64::MIN_POSITIVE);
            if value.is_finite() { ((low - value).max(value - high).max(0.0) / width).min(1e6) } else { 1.0 }
        }
        _ => 0.0,
    }
}
