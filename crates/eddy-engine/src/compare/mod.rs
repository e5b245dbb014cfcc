//! Many models under one protocol.

mod honesty;
mod split;

use std::time::Instant;

use eddy_detect::{
    CalibrateOn, ClassEvaluation, Classes, Entry, Evaluation, FitError, LearnsFrom, Memory, Model, ModelKind,
    Pipeline, PipelineSpec, Rule, Seed, StepSpec, Threshold, Truth, default_steps, encode, most_probable,
    precision_at_base_rate,
};
use eddy_frame::Frame;
use eddy_io::{Description, ReadStats};
use eddy_models::DETECTORS;
use serde::Serialize;
use serde_json::Value;

pub use honesty::Check;
pub use split::Split;

use crate::labels::classes;
use crate::run::{RunOptions, Stage, read};
use crate::scoring::score_all;
use crate::{EngineError, labels};
use split::{Fold, folds};

/// How to compare.
#[derive(Clone)]
pub struct CompareOptions {
    /// How to read.
    pub run: RunOptions,
    /// Which models; none = all that suit.
    pub detectors: Vec<String>,
    /// Which rows are learned from.
    pub split: Split,
    /// Number of folds; 1 holds out `test_share` once.
    pub folds: usize,
    /// Share of the rows that is measured on, with one fold.
    pub test_share: f64,
    /// Steps; none = chosen from the roles of the columns.
    pub steps: Option<Vec<StepSpec>>,
    /// Parameters of models as (model, parameter, value).
    pub set: Vec<(String, String, Value)>,
    /// Where random choices start.
    pub seed: Seed,
    /// How rare attacks may be where the model is to work.
    pub base_rates: Vec<f64>,
    /// Classes that are kept from the models, to see whether they are caught all the same.
    pub holdout: Vec<String>,
}

/// How one model fared, over all folds.
#[derive(Debug, Clone, Serialize)]
pub struct Contender {
    /// Name of the detector.
    pub detector: String,
    /// What it learned from.
    pub learned_from: &'static str,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Attack or not: mean over the folds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary: Option<Binary>,
    /// Class by class, all folds together, for models that tell classes apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi: Option<ClassEvaluation>,
    /// Rows of classes that were kept from it: name, rows, caught.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<(String, u64, u64)>,
    /// Seconds to fit, steps and calibration included, of all folds.
    pub fit_seconds: f64,
    /// Seconds to score, of all folds.
    pub score_seconds: f64,
    /// Size of the model file.
    pub bytes: u64,
}

/// The figures of attack against normal, means over the folds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Binary {
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Standard deviation of the accuracy over the folds.
    pub accuracy_sd: f64,
    /// Mean of the recalls of attack and normal.
    pub balanced_accuracy: f64,
    /// Share of flagged rows that are attacks.
    pub precision: f64,
    /// Share of attacks that are flagged.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Share of normal rows that are flagged.
    pub false_positive_rate: f64,
    /// Area under the ROC curve.
    pub roc_auc: f64,
    /// Average precision.
    pub average_precision: f64,
    /// Base rate, and the precision that the same recall and false positive rate give there.
    pub at_base_rates: Vec<(f64, f64)>,
    /// Attacks among the 10, 100 and 1000 highest scores.
    pub at_alerts: Vec<(usize, f64)>,
}

/// A finished comparison.
pub struct Comparison {
    /// What was read.
    pub description: Description,
    /// What reading met.
    pub stats: ReadStats,
    /// Label column.
    pub label: String,
    /// The classes and the rows of each.
    pub classes: Vec<(String, u64)>,
    /// What was learned from and measured on.
    pub split: String,
    /// The models, best first.
    pub contenders: Vec<Contender>,
    /// What was looked into.
    pub checks: Vec<Check>,
}

/// Highest scores that are looked at one by one in a day.
const ALERTS: [usize; 3] = [10, 100, 1000];
/// Most rows compared on; more are sampled evenly.
const MOST_ROWS: usize = 1 << 20;

/// Labelled rows.
struct Labelled {
    frame: Frame,
    of_rows: Vec<u16>,
}

/// Trains and measures models under one protocol.
pub fn compare(paths: &[String], options: &CompareOptions) -> Result<Comparison, EngineError> {
    let input = read(paths, &RunOptions { fit_rows: MOST_ROWS, ..options.run.clone() })?;
    let (description, stats) = (input.description.clone(), input.stats.clone());
    let label =
        labels::label_of(&description.schema).map_or_else(String::new, |field| field.name.to_string());
    let frame = input
        .to_fit(matches!(options.split, Split::Time | Split::TimeInClass), MOST_ROWS)
        .map_err(EngineError::Input)?;
    drop(input);
    let (mut all, mut of_rows) = classes(&frame).map_err(EngineError::Fit)?;
    let mut frame = frame;
    let parts = if let Split::Official(file) = &options.split {
        let test = read(std::slice::from_ref(file), &options.run)?;
        let test = test.to_fit(true, MOST_ROWS).map_err(EngineError::Input)?;
        let n_train = frame.n_rows();
        let shape = |error: eddy_frame::ShapeError| EngineError::Fit(FitError::Data(error.to_string()));
        frame = Frame::concat(&[frame, test]).map_err(shape)?;
        (all, of_rows) = classes(&frame).map_err(EngineError::Fit)?;
        vec![Fold { train: (0..n_train).collect(), test: (n_train..of_rows.len()).collect() }]
    } else {
        folds(&options.split, &frame, &of_rows, options.folds, options.test_share, options.seed)
            .map_err(EngineError::Fit)?
    };
    let held: Vec<bool> = all.names.iter().map(|name| options.holdout.contains(name)).collect();
    if let Some(missing) = options.holdout.iter().find(|name| !all.names.contains(name)) {
        return Err(EngineError::Input(format!(
            "--holdout-class {missing}: there is no such class; there are {}",
            all.names.join(", ")
        )));
    }
    let shuffled = matches!(options.split, Split::Random | Split::Stratified | Split::Group(_));
    let mut checks = honesty::of_data(&frame, &all, &of_rows, &parts[0], shuffled);
    let mut counts = vec![0u64; all.len()];
    of_rows.iter().for_each(|&class| counts[usize::from(class)] += 1);
    let rows = Labelled { frame, of_rows };
    let mut contenders = Vec::new();
    let entries = wanted(&options.detectors)?;
    for (at, entry) in entries.iter().enumerate() {
        (options.run.progress)(Stage::Fit, at as u64, entries.len() as u64);
        let contender = contend(entry, &rows, &all, &held, &parts, options);
        if let Some(check) =
            contender.multi.as_ref().and_then(|multi| honesty::one_class(entry.about.name, multi))
        {
            checks.push(check);
        }
        contenders.push(contender);
    }
    let rank = |one: &Contender| one.binary.as_ref().map_or(-1.0, |binary| binary.balanced_accuracy);
    contenders.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    Ok(Comparison {
        description,
        stats,
        label,
        classes: all.names.iter().cloned().zip(counts).collect(),
        split: options.split.in_words(options.folds, options.test_share),
        contenders,
        checks,
    })
}

/// The named models, or all that look at rows.
fn wanted(names: &[String]) -> Result<Vec<&'static Entry>, EngineError> {
    if names.is_empty() {
        return Ok(DETECTORS.0.iter().filter(|entry| entry.about.kind == ModelKind::Row).collect());
    }
    names.iter().map(|name| Ok(DETECTORS.get(name)?)).collect()
}

/// What one model gave for the test rows of one fold.
struct Outcome {
    surprises: Vec<f64>,
    verdicts: Vec<bool>,
    predicted: Option<Vec<u16>>,
}

/// The parameters of a model that were set; null if none was.
fn params_of(entry: &Entry, set: &[(String, String, Value)]) -> Value {
    let own = set.iter().filter(|(owner, ..)| owner.replace('-', "_") == entry.about.name);
    let params: serde_json::Map<_, _> = own.map(|(_, name, value)| (name.clone(), value.clone())).collect();
    if params.is_empty() { Value::Null } else { Value::Object(params) }
}

fn contend(
    entry: &'static Entry,
    rows: &Labelled,
    all: &Classes,
    held: &[bool],
    parts: &[Fold],
    options: &CompareOptions,
) -> Contender {
    let params = params_of(entry, &options.set);
    let parsed = entry.parse(&params);
    let from_labels = parsed.as_ref().is_ok_and(|detector| detector.learns_from() == LearnsFrom::Labels);
    let mut contender = Contender {
        detector: entry.about.name.to_owned(),
        learned_from: if from_labels { "labels" } else { "normal rows" },
        failed: parsed.err().map(|error| error.to_string()),
        binary: None,
        multi: None,
        unseen: Vec::new(),
        fit_seconds: 0.0,
        score_seconds: 0.0,
        bytes: 0,
    };
    if contender.failed.is_some() {
        return contender;
    }
    let spec = PipelineSpec {
        steps: options.steps.clone().unwrap_or_else(|| default_steps(rows.frame.schema(), entry)),
        detector: entry.about.name.to_owned(),
        params,
        seed: options.seed,
    };
    let mut binaries = Vec::new();
    let (mut truth, mut predicted) = (Vec::new(), Vec::new());
    let mut caught = vec![(0u64, 0u64); all.len()];
    for fold in parts {
        let outcome = match one_fold(&spec, from_labels, rows, all, held, fold, &mut contender) {
            Ok(outcome) => outcome,
            Err(error) => {
                contender.failed = Some(error.to_string());
                return contender;
            }
        };
        let attacks: Vec<bool> =
            fold.test.iter().map(|&row| all.is_attack[usize::from(rows.of_rows[row])]).collect();
        if let Some(binary) = binary(&outcome, &attacks, &options.base_rates) {
            binaries.push(binary);
        }
        for (&row, &flagged) in fold.test.iter().zip(&outcome.verdicts) {
            let class = usize::from(rows.of_rows[row]);
            caught[class].0 += 1;
            caught[class].1 += u64::from(flagged);
        }
        if let Some(classes) = outcome.predicted {
            truth.extend(fold.test.iter().map(|&row| rows.of_rows[row]));
            predicted.extend(classes);
        }
    }
    contender.binary = mean(&binaries);
    contender.multi = ClassEvaluation::measure(all, &truth, &predicted);
    contender.unseen = (0..all.len())
        .filter(|&class| held[class])
        .map(|class| (all.names[class].clone(), caught[class].0, caught[class].1))
        .collect();
    contender
}

fn one_fold(
    spec: &PipelineSpec,
    from_labels: bool,
    rows: &Labelled,
    all: &Classes,
    held: &[bool],
    fold: &Fold,
    contender: &mut Contender,
) -> Result<Outcome, FitError> {
    let is_attack = |row: usize| all.is_attack[usize::from(rows.of_rows[row])];
    let learned: Vec<usize> = fold
        .train
        .iter()
        .copied()
        .filter(|&row| !held[usize::from(rows.of_rows[row])] && (from_labels || !is_attack(row)))
        .collect();
    if learned.is_empty() {
        return Err(FitError::TooFewRows { wanted: 1, got: 0 });
    }
    // Only classes that have rows to learn from can be told apart.
    let mut place = vec![None; all.len()];
    let mut known = Classes { names: Vec::new(), is_attack: Vec::new() };
    let mut of_known = Vec::new();
    let mut present: Vec<u16> = learned.iter().map(|&row| rows.of_rows[row]).collect();
    present.sort_unstable();
    present.dedup();
    for class in present {
        let class = usize::from(class);
        place[class] = Some(known.names.len() as u16);
        of_known.push(class as u16);
        known.names.push(all.names[class].clone());
        known.is_attack.push(all.is_attack[class]);
    }
    let of_rows: Vec<u16> =
        learned.iter().map(|&row| place[usize::from(rows.of_rows[row])].unwrap_or_default()).collect();
    let attacks: Vec<bool> = learned.iter().map(|&row| is_attack(row)).collect();
    let truth = Truth {
        attacks: Some(&attacks),
        classes: from_labels.then_some((&known, of_rows.as_slice())),
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
    let mut scores = vec![0.0; fold.test.len()];
    score_all(&pipeline.model, encoded.view(), &[], &mut scores);
    let surprises: Vec<f64> = scores.iter().map(|&score| pipeline.calibration.surprise(score)).collect();
    let predicted = match &pipeline.model {
        Model::Row(model) if from_labels => {
            let mut probabilities = vec![0.0; fold.test.len() * known.len()];
            model.probabilities(encoded.view(), &mut probabilities);
            let classes = most_probable(&probabilities, known.len());
            Some(classes.into_iter().map(|class| of_known[usize::from(class)]).collect())
        }
        _ => None,
    };
    contender.score_seconds += started.elapsed().as_secs_f64();
    let natural = pipeline.natural_threshold.filter(|_| from_labels);
    let verdicts = if let Some(natural) = natural {
        scores.iter().map(|&score| score >= natural).collect()
    } else {
        let threshold = Threshold::find(Rule::default(), &surprises, None).map_err(FitError::Data)?;
        surprises.iter().map(|&surprise| threshold.flags(surprise)).collect()
    };
    // Models that know labels are ranked by their probability: its scale only orders it anew.
    let surprises = if from_labels { scores } else { surprises };
    Ok(Outcome { surprises, verdicts, predicted })
}

fn binary(outcome: &Outcome, attacks: &[bool], base_rates: &[f64]) -> Option<Binary> {
    // The verdicts are given, so the threshold asked of the evaluation is one that reproduces none of them.
    let ranking = Evaluation::measure(&outcome.surprises, attacks, f64::INFINITY)?;
    let count = |flagged: bool, attack: bool| {
        outcome.verdicts.iter().zip(attacks).filter(|(f, a)| **f == flagged && **a == attack).count() as f64
    };
    let (hits, wrong) = (count(true, true), count(true, false));
    let (missed, passed) = (count(false, true), count(false, false));
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (precision, recall) = (share(hits, hits + wrong), share(hits, hits + missed));
    let false_positive_rate = share(wrong, wrong + passed);
    let mut order: Vec<usize> = (0..attacks.len()).collect();
    order.sort_unstable_by(|&a, &b| outcome.surprises[b].total_cmp(&outcome.surprises[a]).then(a.cmp(&b)));
    Some(Binary {
        accuracy: (hits + passed) / attacks.len() as f64,
        accuracy_sd: 0.0,
        balanced_accuracy: f64::midpoint(recall, 1.0 - false_positive_rate),
        precision,
        recall,
        f1: share(2.0 * precision * recall, precision + recall),
        false_positive_rate,
        roc_auc: ranking.roc_auc,
        average_precision: ranking.average_precision,
        at_base_rates: base_rates
            .iter()
            .map(|&rate| (rate, precision_at_base_rate(recall, false_positive_rate, rate)))
            .collect(),
        at_alerts: ALERTS
            .iter()
            .filter(|&&n| n <= order.len())
            .map(|&n| (n, order[..n].iter().filter(|&&row| attacks[row]).count() as f64))
            .collect(),
    })
}

fn mean(folds: &[Binary]) -> Option<Binary> {
    let first = folds.first()?;
    let n = folds.len() as f64;
    let of = |figure: fn(&Binary) -> f64| folds.iter().map(figure).sum::<f64>() / n;
    let accuracy = of(|one| one.accuracy);
    let spread = folds.iter().map(|one| (one.accuracy - accuracy).powi(2)).sum::<f64>();
    Some(Binary {
        accuracy,
        accuracy_sd: if folds.len() > 1 { (spread / (n - 1.0)).sqrt() } else { 0.0 },
        balanced_accuracy: of(|one| one.balanced_accuracy),
        precision: of(|one| one.precision),
        recall: of(|one| one.recall),
        f1: of(|one| one.f1),
        false_positive_rate: of(|one| one.false_positive_rate),
        roc_auc: of(|one| one.roc_auc),
        average_precision: of(|one| one.average_precision),
        at_base_rates: (0..first.at_base_rates.len())
            .map(|at| {
                (first.at_base_rates[at].0, folds.iter().map(|one| one.at_base_rates[at].1).sum::<f64>() / n)
            })
            .collect(),
        at_alerts: (0..first.at_alerts.len())
            .map(|at| {
                let hits = |one: &Binary| one.at_alerts.get(at).map_or(0.0, |(_, hits)| *hits);
                (first.at_alerts[at].0, folds.iter().map(hits).sum::<f64>() / n)
            })
            .collect(),
    })
}
