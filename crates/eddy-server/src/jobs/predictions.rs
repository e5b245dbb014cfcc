//! A table with what a model says of each row, as the answers to single records say it.

use std::path::Path;

use eddy_detect::{LearnsFrom, Memory, Model, Pipeline, RowModel};
use eddy_engine::{EngineError, Run, RunOptions, rounded, verdicts, write_rows, write_table};
use eddy_frame::{Column, Kind, is_normal_label};

use crate::verdict::most_probable;

/// Model and classes, where it learned from labels.
fn classes(pipeline: &Pipeline) -> Option<(&dyn RowModel, &[String])> {
    let Model::Row(model) = &pipeline.model else { return None };
    let names = &model.classes()?.names;
    (pipeline.learns_from == LearnsFrom::Labels && !names.is_empty()).then_some((model.as_ref(), names))
}

/// Writes the rows of a run with score and verdict; for models that learned from labels, the verdict is that of the most
/// probable class, and that class and the probability of each are there as well.
pub(crate) fn write(run: &mut Run, path: &Path, options: &RunOptions) -> Result<(), EngineError> {
    let Some((_, names)) = classes(&run.pipeline) else { return write_table(run, path, options) };
    let named = [("anomaly_score", Kind::Float), ("verdict", Kind::Text), ("class", Kind::Text)];
    let mut added: Vec<(String, Kind)> = named.map(|(name, kind)| (name.to_owned(), kind)).into();
    added.extend(names.iter().map(|name| (format!("probability of {name}"), Kind::Float)));
    let mut memory = Memory::default();
    let mut probabilities = Vec::new();
    write_rows(run, path, &added, options, &mut |frame, judged| {
        let Some((model, names)) = classes(judged.pipeline) else { return Ok(Vec::new()) };
        let k = names.len();
        probabilities.clear();
        probabilities.resize(frame.n_rows() * k, 0.0);
        let rows = judged.pipeline.encode(judged.pipeline.features(frame, &mut memory)?)?;
        model.probabilities(rows.view(), &mut probabilities);
        let best: Vec<&str> = probabilities
            .chunks_exact(k)
            .map(|row| names[most_probable(row).unwrap_or(0)].as_str())
            .collect();
        let anomalies = best.iter().map(|class| !is_normal_label(class));
        let mut columns = vec![judged.scores(), Column::Text(verdicts(anomalies))];
        columns.push(Column::Text(best.iter().copied().collect()));
        for class in 0..k {
            let of_class = probabilities.iter().skip(class).step_by(k).copied().map(rounded).collect();
            columns.push(Column::Float(of_class));
        }
        Ok(columns)
    })
}
