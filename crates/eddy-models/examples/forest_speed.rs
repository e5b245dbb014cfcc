//! Measures the isolation forest on 1,000,000 rows of 10 columns: `cargo run --release -p eddy-models --example
//! forest_speed`. The number to compare with is scikit-learn's `IsolationForest` on the same shape.

use std::time::Instant;

use eddy_detect::{FitContext, Model, Seed};
use eddy_frame::{Rows, RowsView};
use eddy_models::DETECTORS;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

const N_ROWS: usize = 1_000_000;
const N_COLS: usize = 10;
const CHUNK_ROWS: usize = 8192;
const REPEATS: usize = 5;

fn main() {
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(1);
    // Sums of uniform numbers: bell-shaped columns, so that trees are as uneven as real ones.
    let mut bell = || (0..6).map(|_| rng.random::<f32>() - 0.5).sum();
    let rows = Rows::new((0..N_ROWS * N_COLS).map(|_| bell()).collect(), N_COLS);
    let detector =
        DETECTORS.get("isolation_forest").and_then(|entry| entry.parse(&serde_json::Value::Null)).unwrap();
    let context = FitContext { seed: Seed::default(), ..FitContext::default() };
    for _ in 0..REPEATS {
        let start = Instant::now();
        let model = detector.fit(rows.view(), &context).unwrap();
        let fit = start.elapsed();
        let Model::Row(model) = model else { unreachable!("an isolation forest is a row model") };

        let mut out = vec![0.0; N_ROWS];
        let start = Instant::now();
        out.par_chunks_mut(CHUNK_ROWS)
            .zip(rows.values().par_chunks(CHUNK_ROWS * N_COLS))
            .for_each(|(out, values)| model.score(RowsView::new(values, N_COLS), out));
        let parallel = start.elapsed();

        let start = Instant::now();
        model.score(rows.view(), &mut out);
        let single = start.elapsed();
        println!(
            "fit {:.1} ms; score {:.3} s on {} threads, {:.3} s on one; mean score {:.4}",
            fit.as_secs_f64() * 1e3,
            parallel.as_secs_f64(),
            rayon::current_num_threads(),
            single.as_secs_f64(),
            out.iter().sum::<f64>() / N_ROWS as f64,
        );
    }
}
