//! Eddy's side of `bench/series.py`: does what it is told, one JSON request a line, and answers each with one JSON line.
//!
//! A series is a file of little-endian 32-bit floats, and one of 64-bit nanoseconds since the epoch. Requests:
//!
//! - `{"do": "simulate", "seed": S, "days": D, "interval_s": I, "plant": [[scenario, at_hours, duration_hours,
//!   strength], ..], "values": P, "times": P}` writes one generated metric series;
//! - `{"do": "score", "values": P, "times": P, "train": N, "detector": D, "params": {..}, "to": P, "alarms": P, "repeat": R}` fits
//!   on the first N rows and scores all R times, each from the beginning; `times`, `to` and `alarms` are optional, the
//!   latter two get 64-bit floats. Answers with seconds of fitting and scoring, and bytes of state.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use eddy_detect::{FitContext, Model, Reading, Seed};
use eddy_frame::{Column, RowsView};
use eddy_models::DETECTORS;
use eddy_sim::{Planting, Shape, Spec, generate};
use serde_json::{Value, json};

/// The first moment of generated series: a Monday.
const START_NS: i64 = 1_704_067_200_000_000_000;

type Answer = Result<Value, Box<dyn Error>>;

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match text(&request, "do")? {
            "simulate" => simulate(&request),
            "score" => score(&request),
            other => Err(format!("'{other}' is no request").into()),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn text<'a>(request: &'a Value, key: &str) -> Result<&'a str, Box<dyn Error>> {
    request.get(key).and_then(Value::as_str).ok_or_else(|| format!("'{key}' is missing").into())
}

fn number(value: &Value) -> Result<f64, Box<dyn Error>> {
    value.as_f64().ok_or_else(|| format!("{value} is no number").into())
}

fn simulate(request: &Value) -> Answer {
    let days = number(&request["days"])?;
    let seed = request["seed"].as_u64().unwrap_or(1);
    let mut spec = Spec::new(Shape::MetricSeries, START_NS, 24.0 * days, seed);
    spec.hosts = 1;
    spec.interval_s = number(&request["interval_s"])?;
    for planted in request["plant"].as_array().into_iter().flatten() {
        let scenario = serde_json::from_value(planted[0].clone())?;
        let planting = Planting::new(scenario).at(number(&planted[1])?, number(&planted[2])?);
        spec.scenarios.push(planting.strength(number(&planted[3])?));
    }
    let generated = generate(&spec)?;
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for column in generated.frame.columns() {
        match column {
            Column::Time(column) => times.extend(column.iter().flat_map(|time| time.to_le_bytes())),
            Column::Float(column) => {
                values.extend(column.iter().flat_map(|&value| (value as f32).to_le_bytes()));
            }
            _ => {}
        }
    }
    std::fs::write(text(request, "values")?, values)?;
    std::fs::write(text(request, "times")?, times)?;
    Ok(json!({ "n_rows": generated.frame.n_rows() }))
}

fn score(request: &Value) -> Answer {
    let bytes = std::fs::read(text(request, "values")?)?;
    let values: Vec<f32> =
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let times: Vec<i64> = match text(request, "times") {
        Ok(path) => {
            let word = |b: &[u8]| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
            std::fs::read(path)?.chunks_exact(8).map(word).collect()
        }
        Err(_) => Vec::new(),
    };
    let n_train = (number(&request["train"])? as usize).clamp(1, values.len());
    let detector = DETECTORS.get(text(request, "detector")?)?.parse(&request["params"])?;
    let context = FitContext {
        seed: Seed::default(),
        times: (!times.is_empty()).then(|| &times[..n_train]),
        ..FitContext::default()
    };
    let start = Instant::now();
    let model = detector.fit(RowsView::new(&values[..n_train], 1), &context)?;
    let fit_seconds = start.elapsed().as_secs_f64();
    let Model::Series(model) = model else { return Err("no detector of series".into()) };
    let mut readings = vec![Reading::of_score(0.0); values.len()];
    let start = Instant::now();
    let repeat = request["repeat"].as_u64().unwrap_or(1).max(1);
    let mut scorer = model.clone().start();
    for _ in 0..repeat {
        scorer = model.clone().start();
        scorer.read(RowsView::new(&values, 1), &times, &mut readings);
    }
    let seconds = start.elapsed().as_secs_f64() / repeat as f64;
    let write = |key: &str, of: fn(&Reading) -> f64| -> std::io::Result<()> {
        match request[key].as_str() {
            Some(path) => {
                std::fs::write(path, readings.iter().flat_map(|r| of(r).to_le_bytes()).collect::<Vec<u8>>())
            }
            None => Ok(()),
        }
    };
    write("to", |reading| reading.score)?;
    write("alarms", |reading| reading.alarm)?;
    Ok(json!({ "fit_seconds": fit_seconds, "seconds": seconds, "state_bytes": scorer.memory_bytes() }))
}
