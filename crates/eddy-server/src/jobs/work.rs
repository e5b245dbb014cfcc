//! What a worker does: calls the engine and writes files.

use std::path::Path;
use std::sync::Arc;

use eddy_engine::{Run, RunOptions, Stage, TuneOptions};
use eddy_frame::Role;
use eddy_models::DETECTORS;
use serde_json::{Value, json};

use super::order::{Input, Order, RunSaid, Work};
use super::request::search;
use super::{FitRequest, ReadRequest, RuleRequest, outputs, predictions};

/// Told how far it is: stage, done, of.
pub(crate) type Tell = Arc<dyn Fn(&str, u64, u64) + Send + Sync>;

/// Does what was ordered.
pub(crate) fn carry_out(order: &Order, tell: &Tell) -> Result<Value, String> {
    match &order.work {
        Work::Check { input } => check(input, order, tell),
        Work::Explore { input, read } => explore(input, read, order, tell),
        Work::Detect { input, read, fit, rule, prefer } => {
            detect(input, read, fit, *rule, prefer, order, tell)
        }
        Work::Score { input, read, model, rule } => score(input, read, model, *rule, order, tell),
        Work::Predict { input, model } => predict(input, model, order, tell),
        Work::Train { input, read, fit, rule } => train(input, read, fit, *rule, order, tell),
        Work::Compare { .. } => compare(order, tell),
        Work::Tune { .. } => tune(order, tell),
        Work::Generate(request) => {
            let path = order.out.join(request.file());
            request.write(&path, &|rows| tell("write", rows, 0))?;
            let input = Input { path, name: request.file().to_owned() };
            check(&input, order, tell)
        }
        Work::Inspect { model } => {
            eddy_engine::load_model(model).map(|pipeline| outputs::model_about(&pipeline)).map_err(|error| {
                // The path is of no use to who sent the file.
                error.to_string().replace(&model.display().to_string(), "the file")
            })
        }
        Work::Crash => std::process::abort(),
    }
}

fn told(tell: &Tell) -> Arc<dyn Fn(Stage, u64, u64) + Send + Sync> {
    let tell = tell.clone();
    Arc::new(move |stage, done, of| {
        let (name, of) = match stage {
            Stage::Read => ("read", 0),
            Stage::Fit => ("fit", of),
            Stage::Compare => ("compare", of),
            Stage::Score => ("score", of),
            Stage::Write => ("write", of),
        };
        tell(name, done, of);
    })
}

fn options(read: &ReadRequest, order: &Order, tell: &Tell) -> Result<RunOptions, String> {
    let mut options = read.options(order.rows_memory)?;
    options.read.max_flow_memory = order.rows_memory;
    options.progress = told(tell);
    let tell = tell.clone();
    options.fit_progress = Arc::new(move |step| tell("fit", step.done as u64, step.of as u64));
    Ok(options)
}

fn paths(input: &Input) -> Vec<String> {
    vec![input.path.display().to_string()]
}

/// What went wrong, with the name that people know.
fn said(error: &dyn std::fmt::Display, input: &Input) -> String {
    error.to_string().replace(&input.path.display().to_string(), &input.name)
}

/// Reads a data set to its end and says what it holds.
fn check(input: &Input, order: &Order, tell: &Tell) -> Result<Value, String> {
    let options = ReadRequest::default().options(order.rows_memory)?;
    let read = eddy_io::ReadOptions { max_flow_memory: order.rows_memory, ..options.read };
    let packed = std::fs::metadata(&input.path).map_err(|error| said(&error, input))?.len();
    let most_bytes = (packed.max(1 << 20) as f64 * order.unpacked_ratio) as u64;
    let mut source = eddy_io::open(&paths(input), &read).map_err(|error| said(&error, input))?;
    while source.next_frame().map_err(|error| said(&error, input))?.is_some() {
        let stats = source.stats();
        tell("read", stats.rows_read, 0);
        if stats.rows_read > order.most_rows {
            return Err(format!("more than {} rows; send a part of them", order.most_rows));
        }
        if stats.bytes_read > most_bytes {
            return Err(format!(
                "it unpacks to more than {} times its size; send it unpacked",
                order.unpacked_ratio
            ));
        }
    }
    let (stats, about) = (source.stats(), source.description());
    if stats.rows_read == 0 {
        return Err("there is no row or packet that could be read".into());
    }
    let columns: Vec<Value> = about
        .schema
        .fields
        .iter()
        .map(
            |field| json!({ "name": field.name, "kind": field.kind, "role": field.role, "unit": field.unit }),
        )
        .collect();
    let set_aside: Vec<Value> = stats
        .first_set_aside
        .iter()
        .map(|one| json!({ "line": one.line, "column": one.column, "reason": one.reason, "text": one.text }))
        .collect();
    Ok(json!({
        "format": about.format,
        "shape": about.shape,
        "rows": stats.rows_read,
        "rows_set_aside": stats.rows_set_aside,
        "cells_set_aside": stats.cells_set_aside,
        "first_set_aside": set_aside,
        "bytes_read": stats.bytes_read,
        "columns": columns,
        "label": about.names(Role::Label).first(),
        "notes": about.notes,
    }))
}

fn explore(input: &Input, read: &ReadRequest, order: &Order, tell: &Tell) -> Result<Value, String> {
    let options = options(read, order, tell)?;
    let mut found = eddy_engine::explore(&paths(input), &options).map_err(|error| said(&error, input))?;
    found.description.sources = vec![input.name.clone()];
    found.stats.first_set_aside.iter_mut().for_each(|one| one.source.clone_from(&input.name));
    outputs::write_json(&order.out.join("exploration.json"), &found)?;
    let page = eddy_report::explore_html(&eddy_engine::explore_report(&found));
    outputs::write(&order.out.join("report.html"), page.as_bytes())?;
    Ok(json!({ "rows": found.n_rows, "columns": found.columns.len(), "cautions": found.cautions }))
}

fn detect(
    input: &Input,
    read: &ReadRequest,
    fit: &FitRequest,
    rule: Option<RuleRequest>,
    prefer: &[String],
    order: &Order,
    tell: &Tell,
) -> Result<Value, String> {
    let mut options = options(read, order, tell)?;
    if !prefer.is_empty() && has_all(input, prefer, &options) {
        options.read.overrides.features = prefer.to_vec();
    }
    options.rule = rule.map(RuleRequest::rule).transpose()?;
    let run = eddy_engine::detect(&paths(input), &fit.fitting()?, &options);
    finish(run.map_err(|error| said(&error, input))?, input, order, &options)
}

/// Whether a table has all these columns.
fn has_all(input: &Input, names: &[String], options: &RunOptions) -> bool {
    let Ok(source) = eddy_io::open(&paths(input), &options.read) else { return false };
    let schema = source.description().schema.clone();
    names.iter().all(|name| schema.index_of(name).is_some())
}

fn score(
    input: &Input,
    read: &ReadRequest,
    model: &Path,
    rule: Option<RuleRequest>,
    order: &Order,
    tell: &Tell,
) -> Result<Value, String> {
    let options = options(read, order, tell)?;
    let rule = rule.map(RuleRequest::rule).transpose()?;
    let run = eddy_engine::score(model, &paths(input), rule, &options);
    finish(run.map_err(|error| said(&error, input))?, input, order, &options)
}

/// Scores a table and writes it with what the model says.
fn predict(input: &Input, model: &Path, order: &Order, tell: &Tell) -> Result<Value, String> {
    let options = options(&ReadRequest::default(), order, tell)?;
    let mut run =
        eddy_engine::score(model, &paths(input), None, &options).map_err(|error| said(&error, input))?;
    predictions::write(&mut run, &order.out.join("table.csv"), &options)
        .map_err(|error| said(&error, input))?;
    Ok(json!({ "rows": run.surprises.len() }))
}

/// Writes everything that a run shows.
fn finish(mut run: Run, input: &Input, order: &Order, options: &RunOptions) -> Result<Value, String> {
    run.description.sources = vec![input.name.clone()];
    run.stats.first_set_aside.iter_mut().for_each(|one| one.source.clone_from(&input.name));
    for finding in &mut run.findings {
        finding.place.source = finding.place.source.as_ref().map(|_| input.name.clone());
    }
    for row in run.incidents.iter_mut().flat_map(|incident| &mut incident.rows) {
        row.source = row.source.as_ref().map(|_| input.name.clone());
    }
    outputs::write_run(&mut run, &order.out, options, order.bars)?;
    let said = RunSaid {
        detector: run.pipeline.spec.detector.clone(),
        rows: run.surprises.len() as u64,
        flagged: run.flagged,
        summary: outputs::run_summary(&run),
        findings: run.findings.iter().map(as_json).collect(),
        incidents: run.incidents.iter().map(as_json).collect(),
    };
    Ok(as_json(&said))
}

fn as_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn train(
    input: &Input,
    read: &ReadRequest,
    fit: &FitRequest,
    rule: Option<RuleRequest>,
    order: &Order,
    tell: &Tell,
) -> Result<Value, String> {
    let mut options = options(read, order, tell)?;
    options.rule = rule.map(RuleRequest::rule).transpose()?;
    let path = order.out.join("model");
    let mut run = eddy_engine::train(&paths(input), &fit.fitting()?, &options, &path)
        .map_err(|error| said(&error, input))?;
    run.pipeline.notes.insert("trained_on".into(), json!([input.name]));
    let mut about = outputs::model_about(&run.pipeline);
    about["training"] = outputs::run_summary(&run);
    Ok(json!({ "detector": run.pipeline.spec.detector, "about": about }))
}

fn compare(order: &Order, tell: &Tell) -> Result<Value, String> {
    let Work::Compare { input, read, models, protocol, official } = &order.work else {
        return Err("not a comparison".into());
    };
    let mut options = protocol.apply(official.as_deref())?;
    options.run = self::options(read, order, tell)?;
    options.detectors.clone_from(models);
    let mut found = eddy_engine::compare(&paths(input), &options).map_err(|error| said(&error, input))?;
    found.description.sources = vec![input.name.clone()];
    if let Some(path) = official {
        found.split = found.split.replace(&path.display().to_string(), "the official data set");
    }
    let whole = json!({
        "label": found.label,
        "classes": found.classes,
        "split": found.split,
        "base_rate": found.base_rate,
        "n_measured": found.n_measured,
        "models": found.contenders,
        "agreement": found.agreement,
        "checks": found.checks,
    });
    outputs::write_json(&order.out.join("comparison.json"), &whole)?;
    let page = eddy_report::compare_html(&eddy_engine::compare_report(&found));
    outputs::write(&order.out.join("report.html"), page.as_bytes())?;
    let best = found.contenders.first().map(|one| one.detector.clone());
    Ok(json!({ "models": found.contenders.len(), "best": best }))
}

fn tune(order: &Order, tell: &Tell) -> Result<Value, String> {
    let Work::Tune { input, read, fit, space, random, metric, protocol, official } = &order.work else {
        return Err("not a search".into());
    };
    let mut compare = protocol.apply(official.as_deref())?;
    compare.run = self::options(read, order, tell)?;
    compare.detail = eddy_engine::Detail::Figures;
    let fitting = fit.fitting()?;
    compare.steps = fitting.steps;
    compare.set = fitting.set;
    let detector = fitting.detector.unwrap_or_default();
    let space = space
        .iter()
        .map(|text| text.parse().map_err(|error| format!("{text}: {error}")))
        .collect::<Result<_, _>>()?;
    let options = TuneOptions {
        compare,
        detector: DETECTORS.get(&detector).map_err(|error| error.to_string())?.about.name.to_owned(),
        space,
        search: search(*random),
        metric: *metric,
        log: Some(order.out.join("trials.ndjson")),
    };
    let found = eddy_engine::tune(&paths(input), &options).map_err(|error| said(&error, input))?;
    let whole = json!({ "split": found.split, "trials": found.trials, "resumed": found.resumed });
    outputs::write_json(&order.out.join("trials.json"), &whole)?;
    let best = found.trials.first().map(|trial| json!({ "values": trial.values, "metric": trial.metric }));
    Ok(json!({ "trials": found.trials.len(), "best": best }))
}
