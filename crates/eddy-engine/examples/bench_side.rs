//! Eddy's side of `bench/`: does what it is told, one JSON request a line, and answers each with one JSON line.
//!
//! A table of numbers is a file of little-endian 32-bit floats, row after row. Requests:
//!
//! - `{"do": "load", "name": N, "path": P, "n_cols": C}` reads one and keeps it;
//! - `{"do": "fit", "rows": N, "detector": D, "params": {..}, "seed": S, "repeat": R, "labels": P}` fits R times (the mean
//!   counts); `labels` is for detectors that learn from them: a file of one byte a row, the number of its class, of which
//!   0 is normal;
//! - `{"do": "score", "rows": N, "to": P}` scores with the last model; `to` is optional and gets 64-bit floats;
//! - `{"do": "encode", "path": P, "fit_on": "all" | "normal", "to": P, "attacks_to": P}` runs the default steps over a
//!   table file and writes what a detector would see, and one byte a row: 1 = attack by its label.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use eddy_detect::{
    ClassLabels, Classes, FitContext, Memory, Model, Pipeline, PipelineSpec, Seed, Truth, default_steps,
};
use eddy_frame::{Column, Frame, Role, Rows, RowsView, is_normal_label};
use eddy_io::{ReadOptions, open};
use eddy_models::DETECTORS;
use rayon::prelude::*;
use serde_json::{Value, json};

type Answer = Result<Value, Box<dyn Error>>;

#[derive(Default)]
struct Bench {
    tables: Vec<(String, Rows)>,
    model: Option<Model>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut bench = Bench::default();
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match text(&request, "do")? {
            "load" => bench.load(&request),
            "fit" => bench.fit(&request),
            "score" => bench.score(&request),
            "encode" => encode(&request),
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

fn whole(request: &Value, key: &str, default: u64) -> u64 {
    request.get(key).and_then(Value::as_u64).unwrap_or(default)
}

impl Bench {
    fn rows(&self, request: &Value) -> Result<RowsView<'_>, Box<dyn Error>> {
        let name = text(request, "rows")?;
        let found = self.tables.iter().find(|(known, _)| known == name);
        Ok(found.ok_or_else(|| format!("no table is called '{name}'"))?.1.view())
    }

    fn load(&mut self, request: &Value) -> Answer {
        let bytes = std::fs::read(text(request, "path")?)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        let rows = Rows::new(values, whole(request, "n_cols", 1) as usize);
        let name = text(request, "name")?.to_owned();
        let answer = json!({ "n_rows": rows.n_rows() });
        self.tables.retain(|(known, _)| *known != name);
        self.tables.push((name, rows));
        Ok(answer)
    }

    fn fit(&mut self, request: &Value) -> Answer {
        let rows = self.rows(request)?;
        let entry = DETECTORS.get(text(request, "detector")?)?;
        let detector = entry.parse(request.get("params").unwrap_or(&Value::Null))?;
        let seed = Seed::try_from(whole(request, "seed", 42) as f64)?;
        let labels = request.get("labels").and_then(Value::as_str).map(std::fs::read).transpose()?;
        let of_rows: Vec<u16> = labels.iter().flatten().map(|&class| u16::from(class)).collect();
        let n_classes = of_rows.iter().max().map_or(0, |&most| most + 1);
        let classes = Classes {
            names: (0..n_classes).map(|class| format!("class {class}")).collect(),
            is_attack: (0..n_classes).map(|class| class > 0).collect(),
        };
        let class_labels = labels.is_some().then_some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let context = FitContext { seed, class_labels, ..FitContext::default() };
        let repeat = whole(request, "repeat", 1).max(1);
        let start = Instant::now();
        let mut model = detector.fit(rows, &context)?;
        for _ in 1..repeat {
            model = detector.fit(rows, &context)?;
        }
        let seconds = start.elapsed().as_secs_f64() / repeat as f64;
        self.model = Some(model);
        Ok(json!({ "seconds": seconds }))
    }

    fn score(&self, request: &Value) -> Answer {
        let rows = self.rows(request)?;
        let Some(Model::Row(model)) = &self.model else { return Err("no row model is fitted".into()) };
        let mut scores = vec![0.0; rows.n_rows()];
        let start = Instant::now();
        let chunk = eddy_engine::chunk_rows(rows.n_rows());
        scores.par_chunks_mut(chunk).enumerate().for_each(|(at, out)| {
            model.score(rows.slice(at * chunk, at * chunk + out.len()), out);
        });
        let seconds = start.elapsed().as_secs_f64();
        if let Some(path) = request.get("to").and_then(Value::as_str) {
            std::fs::write(path, scores.iter().flat_map(|score| score.to_le_bytes()).collect::<Vec<u8>>())?;
        }
        Ok(json!({ "seconds": seconds }))
    }
}

fn encode(request: &Value) -> Answer {
    let mut source = open(&[text(request, "path")?.to_owned()], &ReadOptions::default())?;
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame()? {
        frames.push(frame);
    }
    let frame = Frame::concat(&frames)?;
    let label = frame.schema().with_role(Role::Label).next().ok_or("the table has no label column")?;
    let attacks: Vec<bool> = match frame.column(label) {
        Column::Text(texts) => texts.iter().map(|text| !is_normal_label(text)).collect(),
        column => (0..column.len()).map(|row_idx| column.number(row_idx) > 0.0).collect(),
    };
    let fitted = if text(request, "fit_on")? == "normal" {
        frame.take(&(0..frame.n_rows()).filter(|&row_idx| !attacks[row_idx]).collect::<Vec<_>>())
    } else {
        frame.clone()
    };
    let spec = PipelineSpec {
        steps: default_steps(frame.schema(), DETECTORS.get("isolation_forest")?),
        // Any detector would do: only the steps are used.
        detector: "robust_z".to_owned(),
        params: Value::Null,
        seed: Seed::default(),
    };
    let pipeline = Pipeline::fit(&spec, fitted, DETECTORS, Truth::default(), &|model, rows, times, out| {
        model.score_once(rows, times, out);
    })?;
    let rows = pipeline.encode(pipeline.features(&frame, &mut Memory::default())?)?;
    let bytes: Vec<u8> = rows.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(text(request, "to")?, bytes)?;
    std::fs::write(text(request, "attacks_to")?, attacks.iter().map(|&a| u8::from(a)).collect::<Vec<u8>>())?;
    Ok(json!({ "n_rows": rows.n_rows(), "columns": pipeline.columns }))
}
