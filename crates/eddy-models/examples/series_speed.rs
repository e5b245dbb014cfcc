//! How many points a second the series ensemble scores on one core, and how many bytes a series takes.
//!
//! `cargo run --release -p eddy-models --example series_speed`

use std::time::Instant;

use eddy_detect::{FitContext, Model};
use eddy_frame::RowsView;
use eddy_models::DETECTORS;
use serde_json::json;

const N_POINTS: usize = 200_000;

fn main() {
    let noise = |idx: usize| ((idx * idx * 7 + idx * 13) % 1009) as f32 / 1009.0;
    let value =
        |idx: usize| (idx as f32 / 288.0 * std::f32::consts::TAU).sin() * 30.0 + 100.0 + 8.0 * noise(idx);
    let values: Vec<f32> = (0..N_POINTS).map(value).collect();
    let times: Vec<i64> = (0..N_POINTS as i64).map(|idx| idx * 300_000_000_000).collect();
    let rows = RowsView::new(&values, 1);
    for (name, params) in [
        ("series_ensemble", json!({ "size": "light" })),
        ("series_ensemble", json!({ "size": "full" })),
        ("rolling_z", json!({})),
    ] {
        let detector =
            DETECTORS.get(name).expect("a detector of the list").parse(&params).expect("its parameters");
        let fitted = detector.fit(rows.slice(0, 1000), &FitContext::default()).expect("enough rows");
        let Model::Series(model) = fitted else { continue };
        let mut scorer = model.start();
        let mut scores = vec![0.0; N_POINTS];
        let start = Instant::now();
        scorer.score(rows, &times, &mut scores);
        let rate = N_POINTS as f64 / start.elapsed().as_secs_f64();
        println!("{name} {params}: {rate:.0} points/s on one core, {} bytes a series", scorer.memory_bytes());
    }
}
