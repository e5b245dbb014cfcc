//! One model: fitted and measured fold by fold.

use std::time::Instant;

use eddy_detect::{
    CalibrateOn, ClassEvaluation, Classes, Entry, FitError, LearnsFrom, Memory, Model, Pipeline,
    PipelineSpec, Rule, Threshold, Truth, default_steps, encode, most_probable,
};
use eddy_models::DETECTORS;
use rayon::prelude::*;
use serde_json::Value;

use super::split::Fold;
use super::{CompareOptions, Contender, Detail, Labelled, Target, curves, figures};
use crate::scoring::{chunk_rows, score_all};

/// What all models have in common.
pub(super) struct Protocol<'a> {
    pub(super) rows: &'a Labelled,
    /// Which classes are kept from the models.
    pub(super) held: &'a [bool],
    pub(super) parts: &'a [Fold],
    pub(super) options: &'a CompareOptions,
}

/// A fitted pipeline and where it begins to flag.
pub(super) struct Judge {
    pub(super) pipeline: Pipeline,
    limit: Limit,
}

/// From where on rows are flagged.
enum Limit {
    /// The raw score of a model that knows attacks.
    Raw(f64),
    /// The calibrated score of one that does not.
    Surprise(f64),
}

impl Judge {
    /// What rows are ranked by, from raw scores.
    pub(super) fn ranked(&self, mut scores: Vec<f64>) -> Vec<f64> {
        // Models that know labels are ranked by their probability: its scale only orders it anew.
        if let Limit::Surprise(_) = self.limit {
            scores.iter_mut().for_each(|score| *score = self.pipeline.calibration.surprise(*score));
        }
        scores
    }

    /// Whether a row of that rank is flagged.
    pub(super) fn flags(&self, ranked: f64) -> bool {
        let (Limit::Raw(limit) | Limit::Surprise(limit)) = self.limit;
        ranked >= limit
    }
}

/// What one model gave for the test rows of one fold.
struct Outcome {
    judge: Judge,
    ranked: Vec<f64>,
    verdicts: Vec<bool>,
    predicted: Option<Vec<u16>>,
}

/// The parameters of a model that were set; null if none was.
pub(super) fn params_of(entry: &Entry, set: &[(String, String, Value)]) -> Value {
    let own = set.iter().filter(|(owner, ..)| owner.replace('-', "_") == entry.about.name);
    let params: serde_json::Map<_, _> = own.map(|(_, name, value)| (name.clone(), value.clone())).collect();
    if params.is_empty() { Value::Null } else { Value::Object(params) }
}

/// Fits and measures a model; its figures, and its verdicts on all measured rows.
pub(super) fn contend(entry: &'static Entry, protocol: &Protocol<'_>) -> (Contender, Vec<bool>) {
    let Protocol { rows, held, parts, options } = *protocol;
    let params = params_of(entry, &options.set);
    let parsed = entry.parse(&params);
    let from_labels = parsed.as_ref().is_ok_and(|detector| detector.learns_from() == LearnsFrom::Labels);
    let mut contender = Contender {
        detector: entry.about.name.to_owned(),
        learned_from: if from_labels { "labels" } else { "normal rows" },
        failed: parsed.err().map(|error| error.to_string()),
        binary: None,
        verdicts: [[0; 2]; 2],
        multi: None,
        unseen: Vec::new(),
        curves: None,
        fit_seconds: 0.0,
        score_seconds: 0.0,
        bytes: 0,
    };
    if contender.failed.is_some() {
        return (contender, Vec::new());
    }
    let mut steps = options.steps.clone().unwrap_or_else(|| default_steps(rows.frame.schema(), entry));
    for (owner, name, value) in &options.set {
        let owner = owner.replace('-', "_");
        if let Some(step) = steps.iter_mut().find(|step| step.name == owner) {
            step.set(name, value.clone());
        }
    }
    let spec = PipelineSpec { steps, detector: entry.about.name.to_owned(), params, seed: options.seed };
    let mut binaries = Vec::new();
    let (mut truth, mut predicted) = (Vec::new(), Vec::new());
    let (mut ranked, mut verdicts, mut attacks) = (Vec::new(), Vec::new(), Vec::new());
    let mut caught = vec![(0u64, 0u64); rows.classes.len()];
    for (at, fold) in parts.iter().enumerate() {
        let outcome = match one_fold(&spec, from_labels, protocol, fold, &mut contender) {
            Ok(outcome) => outcome,
            Err(error) => {
                contender.failed = Some(error.to_string());
                return (contender, Vec::new());
            }
        };
        let of_fold: Vec<bool> = fold.test.iter().map(|&row| rows.is_attack(row)).collect();
        binaries.extend(figures::binary(&outcome.ranked, &outcome.verdicts, &of_fold, &options.base_rates));
        for (&row, &flagged) in fold.test.iter().zip(&outcome.verdicts) {
            let class = usize::from(rows.of_rows[row]);
            caught[class].0 += 1;
            caught[class].1 += u64::from(flagged);
            contender.verdicts[usize::from(rows.is_attack(row))][usize::from(flagged)] += 1;
        }
        if let Some(classes) = outcome.predicted {
            truth.extend(fold.test.iter().map(|&row| rows.of_rows[row]));
            predicted.extend(classes);
        }
        if options.detail == Detail::Everything && at + 1 == parts.len() {
            let importance = curves::importance(&outcome.judge, rows, fold, options.seed);
            contender.curves = Some(curves::Curves { importance, ..curves::Curves::default() });
        }
        ranked.extend(outcome.ranked);
        verdicts.extend(outcome.verdicts);
        attacks.extend(of_fold);
    }
    contender.binary = figures::mean(&binaries);
    contender.multi = ClassEvaluation::measure(&rows.classes, &truth, &predicted);
    contender.unseen = (0..rows.classes.len())
        .filter(|&class| held[class])
        .map(|class| (rows.classes.names[class].clone(), caught[class].0, caught[class].1))
        .collect();
    if let Some(curves) = &mut contender.curves {
        let is_probability = from_labels && entry.about.natural_threshold == Some(0.5);
        curves.draw(&ranked, &attacks, is_probability);
    }
    (contender, verdicts)
}

/// The classes that a model is shown, and where those of the table are among them.
struct Known {
    classes: Classes,
    of_rows: Vec<u16>,
    /// The class of the table that each one is; none where attacks are told from normal rows only.
    in_table: Option<Vec<u16>>,
}

fn known(rows: &Labelled, learned: &[usize], target: Target) -> Known {
    if target == Target::Attack {
        let of_rows = learned.iter().map(|&row| u16::from(!rows.is_attack(row))).collect();
        let classes = Classes { names: vec!["attack".into(), "normal".into()], is_attack: vec![true, false] };
        return Known { classes, of_rows, in_table: None };
    }
    // Only classes that have rows to learn from can be told apart.
    let mut present: Vec<u16> = learned.iter().map(|&row| rows.of_rows[row]).collect();
    present.sort_unstable();
    present.dedup();
    let mut place = vec![0u16; rows.classes.len()];
    let mut classes = Classes { names: Vec::new(), is_attack: Vec::new() };
    for (at, &class) in present.iter().enumerate() {
        place[usize::from(class)] = at as u16;
        classes.names.push(rows.classes.names[usize::from(class)].clone());
        classes.is_attack.push(rows.classes.is_attack[usize::from(class)]);
    }
    let of_rows = learned.iter().map(|&row| place[usize::from(rows.of_rows[row])]).collect();
    Known { classes, of_rows, in_table: Some(present) }
}

fn one_fold(
    spec: &PipelineSpec,
    from_labels: bool,
    protocol: &Protocol<'_>,
    fold: &Fold,
    contender: &mut Contender,
) -> Result<Outcome, FitError> {
    let Protocol { rows, held, options, .. } = *protocol;
    let is_learned =
        |&row: &usize| !held[usize::from(rows.of_rows[row])] && (from_labels || !rows.is_attack(row));
    let learned: Vec<usize> = fold.train.iter().copied().filter(is_learned).collect();
    if learned.is_empty() {
        return Err(FitError::TooFewRows { wanted: 1, got: 0 });
    }
    let known = known(rows, &learned, options.target);
    let attacks: Vec<bool> = learned.iter().map(|&row| rows.is_attack(row)).collect();
    let truth = Truth {
        attacks: Some(&attacks),
        classes: from_labels.then_some((&known.classes, known.of_rows.as_slice())),
        // Models that know classes are measured by their probabilities.
        calibrate_on: CalibrateOn::Training,
        ..Truth::default()
    };
    let started = Instant::now();
    let pipeline = Pipeline::fit(spec, rows.frame.take(&learned), DETECTORS, truth, &score_all)?;
    contender.fit_seconds += started.elapsed().as_secs_f64();
    contender.bytes = encode(&pipeline.save()).len() as u64;
    let started = Instant::now();
    let test = rows.frame.take(&fold.test);
    let features = pipeline.features(&test, &mut Memory::default())?;
    let encoded = pipeline.encode(features)?;
    let n_classes = known.classes.len();
    let mut scores = vec![0.0; fold.test.len()];
    let mut predicted = None;
    match &pipeline.model {
        Model::Row(model) if from_labels && known.in_table.is_some() => {
            // Scores and classes chunk by chunk, so that no more than a chunk's probabilities are held.
            let mut classes = vec![0u16; fold.test.len()];
            let in_table = known.in_table.as_deref().unwrap_or_default();
            let chunk = chunk_rows(scores.len());
            scores.par_chunks_mut(chunk).zip(classes.par_chunks_mut(chunk)).enumerate().for_each(
                |(at, (scores, classes))| {
                    let part = encoded.view().slice(at * chunk, at * chunk + scores.len());
                    model.score(part, scores);
                    let mut probabilities = vec![0.0; scores.len() * n_classes];
                    model.probabilities(part, &mut probabilities);
                    let found = most_probable(&probabilities, n_classes);
                    classes
                        .iter_mut()
                        .zip(found)
                        .for_each(|(class, found)| *class = in_table[usize::from(found)]);
                },
            );
            predicted = Some(classes);
        }
        model => score_all(model, encoded.view(), &[], &mut scores),
    }
    contender.score_seconds += started.elapsed().as_secs_f64();
    let limit = match pipeline.natural_threshold.filter(|_| from_labels) {
        Some(natural) => Limit::Raw(natural),
        None => Limit::Surprise(0.0),
    };
    let mut judge = Judge { pipeline, limit };
    let ranked = judge.ranked(scores);
    if let Limit::Surprise(limit) = &mut judge.limit {
        *limit = Threshold::find(Rule::default(), &ranked, None).map_err(FitError::Data)?.surprise;
    }
    let verdicts = ranked.iter().map(|&ranked| judge.flags(ranked)).collect();
    Ok(Outcome { judge, ranked, verdicts, predicted })
}
