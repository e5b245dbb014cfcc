//! What must hold for any model file whatever: shared by the tests of this crate and by the fuzz target in `fuzz/`.

#![allow(unreachable_pub)] // the fuzz target sees it from another crate

use std::sync::Arc;

use eddy_detect::{Memory, Pipeline, Reading, anomaly_score, decode, encode};
use eddy_frame::{Column, Frame, Kind, MISSING_INT, MISSING_TIME, Schema};
use eddy_models::DETECTORS;

/// Loads a model and scores a few rows with it, as saved and saved again. The surprise of each row, or nothing when
/// the model was refused, on loading or because it does not fit the columns it names itself.
///
/// # Panics
/// When a score is not finite, or when saving and loading changes one.
pub fn survive_model(bytes: &[u8]) -> Option<Vec<f64>> {
    let pipeline = match decode(bytes).and_then(|sections| Pipeline::load(&sections, DETECTORS)) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            assert!(error.to_string().len() > 10, "{error}");
            return None;
        }
    };
    let rows = probe(&pipeline.input);
    let scores = score(&pipeline, &rows)?;
    let again = decode(&encode(&pipeline.save())).and_then(|sections| Pipeline::load(&sections, DETECTORS));
    let again = again.unwrap_or_else(|error| panic!("saved again it is refused: {error}"));
    let bits = |scores: &[f64]| scores.iter().map(|score| score.to_bits()).collect::<Vec<_>>();
    assert_eq!(score(&again, &rows).map(|scores| bits(&scores)), Some(bits(&scores)), "saved and loaded");
    Some(scores)
}

/// The surprise of every row, along the way that the program takes.
pub fn score(pipeline: &Pipeline, rows: &Frame) -> Option<Vec<f64>> {
    let mut memory = Memory::default();
    let features = pipeline.features(rows, &mut memory).ok()?;
    let numbers = pipeline.encode(features).ok()?;
    let mut readings = vec![Reading::of_score(0.0); rows.n_rows()];
    pipeline.read_series(rows, &numbers, &mut memory, &mut readings);
    let mut scores: Vec<f64> = readings.iter().map(|reading| reading.score).collect();
    assert!(scores.iter().all(|score| score.is_finite()), "{scores:?}");
    scores.iter_mut().for_each(|score| *score = pipeline.calibration.surprise(*score));
    if let Some(runs) = &pipeline.runs {
        runs.raise(&mut scores);
    }
    assert!(scores.iter().all(|score| score.is_finite()), "calibrated: {scores:?}");
    assert!(scores.iter().all(|score| (0.0..=1.0).contains(&anomaly_score(*score))), "{scores:?}");
    if let Some(threshold) = &pipeline.threshold {
        scores.iter().for_each(|score| _ = threshold.flags(*score));
        assert!(!threshold.in_words().is_empty() && !threshold.anomaly_score().is_nan());
    }
    assert!(pipeline.steps_in_words().iter().all(|words| !words.is_empty()));
    Some(scores)
}

/// Ordinary rows, rows from the corners of their types, and one of which everything is missing.
pub fn probe(input: &Schema) -> Frame {
    let float = [0.0, 1.0, 1500.0, -1.0, 0.25, f64::MAX, f64::MIN, f64::INFINITY, 5e-324, f64::NAN];
    let int = [0, 1, 1500, -1, 80, i64::MAX, i64::MIN + 1, 1 << 53, 7, MISSING_INT];
    let day = 86_400_000_000_000;
    let time =
        [0, day, day + 1, day, -day, i64::MAX, i64::MIN + 1, 1_700_000_000_000_000_000, 7, MISSING_TIME];
    let text = ["a", "tcp", "10.0.0.1", "a", "http", "\u{1f}", "größe", "0", " ", ""];
    let column = |kind| match kind {
        Kind::Float => Column::Float(float.into()),
        Kind::Int => Column::Int(int.into()),
        Kind::Time => Column::Time(time.into()),
        Kind::Text => Column::Text(text.into_iter().collect()),
    };
    let columns = input.fields.iter().map(|field| column(field.kind)).collect();
    Frame::new(Arc::new(input.clone()), columns).expect("columns of the kinds asked for")
}
