//! A table with what a model says of each row, as the answers to single records say it.

use std::path::Path;
use std::sync::Arc;

use eddy_detect::{FitError, LearnsFrom, Memory, Model, Pipeline, RowModel, anomaly_score};
use eddy_engine::{EngineError, Run};
use eddy_frame::{Column, Field, Kind, Role, Schema, TextColumn, is_normal_label};
use eddy_io::TableWriter;

/// Classes of a model that learned from labels.
struct Classes<'p> {
    model: &'p dyn RowModel,
    names: &'p [String],
}

fn classes(pipeline: &Pipeline) -> Option<Classes<'_>> {
    let Model::Row(model) = &pipeline.model else { return None };
    let names = &model.classes()?.names;
    (pipeline.learns_from == LearnsFrom::Labels && !names.is_empty())
        .then_some(Classes { model: model.as_ref(), names })
}

/// Writes the rows of a run with score and verdict; for models that learned from labels, the verdict is that of the most
/// probable class, and that class and the probability of each are there as well.
pub(crate) fn write(run: &mut Run, pipeline: &Pipeline, path: &Path) -> Result<(), EngineError> {
    let classes = classes(pipeline);
    let mut schema: Schema = (*run.description.schema).clone();
    let mut add = |name: &str, kind: Kind| {
        let mut name = name.to_owned();
        while schema.index_of(&name).is_some() {
            name = format!("eddy_{name}");
        }
        schema.fields.push(Field::new(name, kind, Role::Ignored));
    };
    add("anomaly_score", Kind::Float);
    add("verdict", Kind::Text);
    if let Some(classes) = &classes {
        add("class", Kind::Text);
        classes.names.iter().for_each(|name| add(&format!("probability of {name}"), Kind::Float));
    }
    let schema = Arc::new(schema);
    let mut writer = TableWriter::create(path, &schema)?;
    let flagged = std::mem::take(&mut run.verdicts);
    let mut memory = Memory::default();
    let mut probabilities = Vec::new();
    run.each(&mut |frame, surprises| {
        let mut columns = frame.columns().to_vec();
        columns.push(Column::Float(surprises.iter().map(|&s| rounded(anomaly_score(s))).collect()));
        let word = |anomaly: bool| if anomaly { "anomaly" } else { "normal" };
        if let Some(classes) = &classes {
            let k = classes.names.len();
            probabilities.clear();
            probabilities.resize(frame.n_rows() * k, 0.0);
            let rows = pipeline.encode(pipeline.features(frame, &mut memory)?)?;
            classes.model.probabilities(rows.view(), &mut probabilities);
            let best: Vec<&str> = probabilities
                .chunks_exact(k)
                .map(|row| {
                    let best = (0..k).reduce(|best, at| if row[at] > row[best] { at } else { best });
                    classes.names[best.unwrap_or(0)].as_str()
                })
                .collect();
            let words: TextColumn = best.iter().map(|class| word(!is_normal_label(class))).collect();
            columns.push(Column::Text(words));
            columns.push(Column::Text(best.into_iter().collect()));
            for class in 0..k {
                let of_class = probabilities.iter().skip(class).step_by(k).copied().map(rounded).collect();
                columns.push(Column::Float(of_class));
            }
        } else {
            let start = frame.first_row as usize;
            let words: TextColumn =
                flagged[start..start + frame.n_rows()].iter().map(|&flag| word(flag)).collect();
            columns.push(Column::Text(words));
        }
        let out = frame.with_columns(schema.clone(), columns).map_err(|e| FitError::Data(e.to_string()))?;
        writer.write(&out)?;
        Ok(())
    })?;
    writer.finish()?;
    Ok(())
}

/// Six digits are more than a score or a probability can mean.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}
