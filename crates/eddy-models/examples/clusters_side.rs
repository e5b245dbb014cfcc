//! Eddy's side of `bench/clusters.py`: does one task over one table and says in one JSON line how long it took.
//!
//! `clusters_side TASK ROWS N_COLS PARAMS [LABELS] [OUT] [SCORED]`: `TASK` is a detector (fitted on the rows, which it then
//! scores), or `dbscan_labels` (the number of the cluster of each row, -1 for noise). `ROWS` is a file of little-endian 32-bit floats, row after row; `LABELS` one of bytes, a class each (`-` for
//! none); `OUT` gets the scores as 64-bit floats; `SCORED` is a table to score in place of the
//! rows.

use std::{error::Error, fs, time::Instant};

use eddy_detect::{ClassLabels, Classes, FitContext, Model, Seed};
use eddy_frame::Rows;
use eddy_models::{DETECTORS, clustering::dbscan_labels};
use rayon::prelude::*;
use serde_json::{Value, json};

/// Rows handed to a thread at a time, as in a run.
const CHUNK_ROWS: usize = 8_192;

/// What one task gave: seconds of its two parts and a number per row.
struct Done {
    fit: f64,
    score: f64,
    out: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |at: usize| args.get(at).map_or("-", String::as_str);
    let n_cols: usize = arg(2).parse()?;
    let rows = table(arg(1), n_cols)?;
    let others = if arg(6) == "-" { None } else { Some(table(arg(6), n_cols)?) };
    let params: Value = serde_json::from_str(arg(3))?;
    let labels = if arg(4) == "-" { Vec::new() } else { fs::read(arg(4))? };
    let (held, worked) = (status("VmRSS:")?, cpu_seconds()?);
    // The high-water mark begins anew, so that reading the file does not count.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let done = match arg(0) {
        "dbscan_labels" => dbscan(&rows, &params)?,
        name => detector(name, &rows, &params, &labels, others.as_ref().unwrap_or(&rows))?,
    };
    let (peak, cpu) = (status("VmHWM:")?, cpu_seconds()? - worked);
    if arg(5) != "-" {
        fs::write(arg(5), done.out.iter().flat_map(|score| score.to_le_bytes()).collect::<Vec<u8>>())?;
    }
    println!(
        "{}",
        json!({ "fit_s": done.fit, "score_s": done.score, "cpu_s": cpu, "peak_mb": peak, "grown_mb": peak - held,
            "sum": done.out.iter().sum::<f64>(), "squares": done.out.iter().map(|x| x * x).sum::<f64>() })
    );
    Ok(())
}

fn table(path: &str, n_cols: usize) -> Result<Rows, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    Ok(Rows::new(bytes.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect(), n_cols))
}

fn dbscan(rows: &Rows, params: &Value) -> Result<Done, Box<dyn Error>> {
    let eps = params["eps"].as_f64().ok_or("eps is missing")?;
    let min_samples = params["min_samples"].as_u64().ok_or("min_samples is missing")? as usize;
    let start = Instant::now();
    let points = dbscan_labels(rows.view(), eps, min_samples);
    let fit = start.elapsed().as_secs_f64();
    let out = points.iter().map(|point| point.cluster().map_or(-1.0, f64::from)).collect();
    Ok(Done { fit, score: 0.0, out })
}

fn detector(
    name: &str,
    rows: &Rows,
    params: &Value,
    labels: &[u8],
    scored: &Rows,
) -> Result<Done, Box<dyn Error>> {
    let detector = DETECTORS.get(name)?.parse(params)?;
    let n_classes = labels.iter().max().map_or(0, |most| usize::from(*most) + 1);
    let classes = Classes {
        names: (0..n_classes).map(|class| format!("class {class:03}")).collect(),
        is_attack: (0..n_classes).map(|class| class > 0).collect(),
    };
    let of_rows: Vec<u16> = labels.iter().map(|&label| u16::from(label)).collect();
    let class_labels = (n_classes > 1).then_some(ClassLabels { classes: &classes, of_rows: &of_rows });
    let start = Instant::now();
    let context = FitContext { class_labels, seed: seed()?, ..FitContext::default() };
    let Model::Row(model) = detector.fit(rows.view(), &context)? else {
        return Err("not a row model".into());
    };
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut out = vec![0.0; scored.n_rows()];
    out.par_chunks_mut(CHUNK_ROWS).enumerate().for_each(|(at, out)| {
        model.score(scored.view().slice(at * CHUNK_ROWS, at * CHUNK_ROWS + out.len()), out);
    });
    Ok(Done { fit, score: start.elapsed().as_secs_f64(), out })
}

/// The seed, from the environment.
fn seed() -> Result<Seed, Box<dyn Error>> {
    let text = std::env::var("EDDY_SEED").unwrap_or_else(|_| "42".into());
    Ok(Seed::try_from(text.parse::<f64>()?)?)
}

/// A number of mebibytes from the status of this process.
fn status(name: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).ok_or("no such line in the status")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number in the status")?.parse::<f64>()? / 1024.0)
}

/// CPU seconds of all threads so far, in steps of a hundredth.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, after_name) = stat.rsplit_once(')').ok_or("the process has no name")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}
