//! Files that a worker leaves, and what it says of runs and models.

use std::io::Write as _;
use std::path::Path;

use eddy_detect::{LearnsFrom, Model, ModelKind, Pipeline, anomaly_score};
use eddy_engine::{EngineError, Run, RunOptions, detect_report, detect_report_in, rounded, write_table};
use eddy_frame::{Column, Frame, Kind, Schema, TextColumn};
use eddy_io::TableWriter;
use eddy_report::Plot;
use serde::Serialize;
use serde_json::{Value, json};

use super::order::Bars;

/// Most flagged rows in the table of anomalies.
const MOST_ANOMALIES: usize = 200_000;

/// The pictures of a run: name of the route and of the file, and what is drawn.
pub(crate) const PLOTS: [(&str, Plot); 5] = [
    ("scatter", Plot::Scatter { x: None, y: None }),
    ("distribution", Plot::Distribution { feature: None }),
    ("timeseries", Plot::TimeSeries),
    ("scores", Plot::Scores),
    ("overview", Plot::Overview),
];

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| no_room(&error, "a result"))
}

fn no_room(error: &std::io::Error, what: &str) -> String {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return "the disk of the server is full; make room there".into();
    }
    format!("{what} cannot be written: {error}")
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let bytes = serde_json::to_vec(value).map_err(|error| error.to_string())?;
    write(path, &bytes)
}

/// Everything that a run shows: the table with scores and verdicts, the anomalies, the report, pictures, all scores.
pub(crate) fn write_run(run: &mut Run, out: &Path, options: &RunOptions, bars: Bars) -> Result<(), String> {
    let said = |error: EngineError| error.to_string();
    write_table(run, &out.join("table.parquet"), options).map_err(said)?;
    let report = detect_report(run).map_err(said)?;
    write_json(&out.join("report.json"), &report)?;
    write(&out.join("report.html"), eddy_report::detect_html(&report).as_bytes())?;
    let mut wanted: Vec<usize> = [bars.distribution, bars.scores].into_iter().flatten().collect();
    wanted.dedup();
    let mut others = Vec::new();
    for n_bins in wanted {
        others.push((n_bins, detect_report_in(run, n_bins).map_err(said)?));
    }
    for (name, plot) in PLOTS {
        let wanted = match name {
            "distribution" => bars.distribution,
            "scores" => bars.scores,
            _ => None,
        };
        let own = others.iter().find(|(n_bins, _)| Some(*n_bins) == wanted).map(|(_, own)| own);
        // A table without numbers has no scatter; then there is no such picture.
        if let Ok(svg) = eddy_report::svg(own.unwrap_or(&report), &plot) {
            write(&out.join(format!("{name}.svg")), svg.as_bytes())?;
        }
    }
    let file =
        std::fs::File::create(out.join("scores.f32")).map_err(|error| no_room(&error, "the scores"))?;
    let mut file = std::io::BufWriter::new(file);
    for &surprise in &run.surprises {
        let score = anomaly_score(surprise) as f32;
        file.write_all(&score.to_le_bytes()).map_err(|error| no_room(&error, "the scores"))?;
    }
    file.flush().map_err(|error| no_room(&error, "the scores"))?;
    write_anomalies(run, &out.join("anomalies.csv")).map_err(said)
}

/// The flagged rows, most unusual first, with original values.
fn write_anomalies(run: &mut Run, path: &Path) -> Result<(), EngineError> {
    let mut order: Vec<usize> = (0..run.verdicts.len()).filter(|&row| run.verdicts[row]).collect();
    let surprises = &run.surprises;
    order.sort_by(|&a, &b| surprises[b].total_cmp(&surprises[a]).then(a.cmp(&b)));
    order.truncate(MOST_ANOMALIES);
    let mut wanted = order.clone();
    wanted.sort_unstable();
    let mut schema: Schema = (*run.description.schema).clone();
    schema.append("anomaly_score", Kind::Float);
    schema.append("anomaly", Kind::Text);
    let schema = std::sync::Arc::new(schema);
    let mut parts: Vec<Frame> = Vec::new();
    let wrong = |error: eddy_frame::ShapeError| EngineError::Input(error.to_string());
    run.each(&mut |frame, surprises| {
        let start = frame.first_row as usize;
        let from = wanted.partition_point(|&row| row < start);
        let to = wanted.partition_point(|&row| row < start + frame.n_rows());
        if from == to {
            return Ok(());
        }
        let local: Vec<usize> = wanted[from..to].iter().map(|row| row - start).collect();
        let part = frame.take(&local);
        let mut columns = part.columns().to_vec();
        let scores = local.iter().map(|&row| rounded(anomaly_score(surprises[row]))).collect();
        columns.push(Column::Float(scores));
        let words: TextColumn = local.iter().map(|_| "Anomaly").collect();
        columns.push(Column::Text(words));
        parts.push(part.with_columns(schema.clone(), columns).map_err(wrong)?);
        Ok(())
    })?;
    let mut writer = TableWriter::create(path, &schema)?;
    if !parts.is_empty() {
        let all = Frame::concat(&parts).map_err(wrong)?;
        let places: Vec<usize> = order.iter().map(|row| wanted.partition_point(|one| one < row)).collect();
        writer.write(&all.take(&places))?;
    }
    writer.finish()?;
    Ok(())
}

/// How a run went, with the numbers of its findings and incidents.
pub(crate) fn run_summary(run: &Run) -> Value {
    let mut about = eddy_engine::summary(run);
    about["findings"] = run.findings.len().into();
    about["incidents"] = run.incidents.len().into();
    about
}

/// What is known of a model: what it reads, with what is ordinary for it, so that a form can be made.
pub(crate) fn model_about(pipeline: &Pipeline) -> Value {
    let fields: Vec<Value> = pipeline
        .input
        .fields
        .iter()
        .map(|field| {
            let at = pipeline.feature_fields.iter().position(|feature| feature.name == field.name);
            json!({
                "name": field.name,
                "kind": field.kind,
                "role": field.role,
                "unit": field.unit,
                "is_input": field.role.is_input(),
                "typical": at.map(|at| &pipeline.typical[at]),
            })
        })
        .collect();
    let classes = match &pipeline.model {
        Model::Row(model) => model.classes().map(|classes| classes.names.clone()),
        _ => None,
    };
    json!({
        "detector": pipeline.spec.detector,
        "parameters": pipeline.spec.params,
        "seed": pipeline.spec.seed,
        "steps": pipeline.steps_in_words(),
        "trained_rows": pipeline.trained_rows,
        "learns_from": if pipeline.learns_from == LearnsFrom::Labels { "labels" } else { "rows" },
        "kind": if pipeline.is_series() { "series" } else if pipeline.model.kind() == ModelKind::Online { "online" } else { "row" },
        "classes": classes,
        "threshold": pipeline.threshold.as_ref().map(|threshold| json!({
            "rule": threshold.rule,
            "in_words": threshold.in_words(),
            "anomaly_score": threshold.anomaly_score(),
        })),
        "fields": fields,
        "features": pipeline.feature_fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>(),
        "notes": pipeline.notes,
    })
}
