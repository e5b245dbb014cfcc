//! Eddy's side of the bench of neural detectors: fits one on a file of 32-bit floats and prints, epoch by epoch, the
//! seconds it took and the loss, as lines of JSON.
//!
//! `deep_side rows.f32 N_COLS DETECTOR '{"epochs": 3}' SEED`

use std::{env, error::Error, fs, sync::Mutex, time::Instant};

use eddy_deep::{Autoencoder, GruAutoencoder, Kitnet, LstmAutoencoder};
use eddy_detect::{Entry, FitContext, FitStep, Progress};
use eddy_frame::RowsView;
use serde_json::json;

/// What is measured.
const ENTRIES: [Entry; 4] = [
    Entry::of::<Autoencoder>(),
    Entry::of::<LstmAutoencoder>(),
    Entry::of::<GruAutoencoder>(),
    Entry::of::<Kitnet>(),
];

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [path, n_cols, name, params, seed] = args.as_slice() else {
        return Err("usage: deep_side rows.f32 N_COLS DETECTOR PARAMS SEED".into());
    };
    let values: Vec<f32> =
        fs::read(path)?.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let rows = RowsView::new(&values, n_cols.parse()?);
    let entry = ENTRIES.iter().find(|entry| entry.about.name == *name).ok_or("there is no such detector")?;
    let detector = entry.parse(&serde_json::from_str(params)?)?;
    let since = Mutex::new(Instant::now());
    let report = |step: &FitStep| {
        let mut since = since.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        println!(
            "{}",
            json!({ "epoch": step.done, "seconds": since.elapsed().as_secs_f64(), "loss": step.loss,
            "held_out_loss": step.held_out_loss })
        );
        *since = Instant::now();
    };
    let seed = seed.parse::<f64>()?.try_into()?;
    let model = detector
        .fit(rows, &FitContext { seed, progress: Some(Progress(&report)), ..FitContext::default() })?;
    let mut out = vec![0.0; rows.n_rows()];
    let start = Instant::now();
    model.score_once(rows, &[], &mut out);
    let seconds = start.elapsed().as_secs_f64();
    let mean = out.iter().sum::<f64>() / rows.n_rows() as f64;
    println!("{}", json!({ "score_seconds": seconds, "mean_score": mean }));
    Ok(())
}
