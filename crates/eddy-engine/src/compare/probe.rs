//! Small fits beside the comparison, to see what a figure is worth.

use eddy_detect::{
    CalibrateOn, Classes, FitError, Memory, Pipeline, PipelineSpec, Seed, StepSpec, Truth, default_steps,
};
use eddy_frame::Frame;
use eddy_models::DETECTORS;
use serde_json::{Value, json};

use super::Labelled;
use super::split::Fold;
use crate::scoring::score_all;

/// Rows learned from and measured on at most.
const MOST_ROWS: usize = 20_000;

/// Shares of right verdicts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Right {
    /// Of all rows.
    pub(super) accuracy: f64,
    /// Mean of those of attacks and normal rows.
    pub(super) balanced: f64,
}

/// How right a small random forest is about attacks, learned from some rows of the fold.
pub(super) fn forest(frame: &Frame, rows: &Labelled, fold: &Fold, seed: Seed) -> Result<Right, FitError> {
    probe("random_forest", json!({ "n_estimators": 30 }), None, frame, rows, fold, seed)
}

/// How right a detector is about attacks, learned from some rows of the fold.
pub(super) fn probe(
    detector: &str,
    params: Value,
    steps: Option<Vec<StepSpec>>,
    frame: &Frame,
    rows: &Labelled,
    fold: &Fold,
    seed: Seed,
) -> Result<Right, FitError> {
    let some = |idxs: &[usize]| -> Vec<usize> {
        let stride = idxs.len().div_ceil(MOST_ROWS).max(1);
        idxs.iter().copied().step_by(stride).collect()
    };
    let (train, test) = (some(&fold.train), some(&fold.test));
    let entry = DETECTORS.get(detector)?;
    let spec = PipelineSpec {
        steps: steps.unwrap_or_else(|| default_steps(frame.schema(), entry)),
        detector: detector.to_owned(),
        params,
        seed,
    };
    let classes = Classes { names: vec!["attack".into(), "normal".into()], is_attack: vec![true, false] };
    let attacks: Vec<bool> = train.iter().map(|&row| rows.is_attack(row)).collect();
    let of_rows: Vec<u16> = attacks.iter().map(|&attack| u16::from(!attack)).collect();
    let truth = Truth {
        attacks: Some(&attacks),
        classes: Some((&classes, &of_rows)),
        calibrate_on: CalibrateOn::Training,
        ..Truth::default()
    };
    let pipeline = Pipeline::fit(&spec, frame.take(&train), DETECTORS, truth, &score_all)?;
    let encoded = pipeline.encode(pipeline.features(&frame.take(&test), &mut Memory::default())?)?;
    let mut scores = vec![0.0; test.len()];
    score_all(&pipeline.model, encoded.view(), &[], &mut scores);
    let verdicts: Vec<bool> = scores.iter().map(|&score| score >= 0.5).collect();
    let truths: Vec<bool> = test.iter().map(|&row| rows.is_attack(row)).collect();
    let right = verdicts.iter().zip(&truths).filter(|(a, b)| a == b).count();
    let balanced = super::figures::balanced_accuracy(&verdicts, &truths)
        .ok_or_else(|| FitError::Data("the measured rows hold only attacks, or none".into()))?;
    Ok(Right { accuracy: right as f64 / test.len().max(1) as f64, balanced })
}
