//! Many models under one protocol.

mod contend;
mod curves;
mod figures;
mod honesty;
mod page;
mod probe;
mod split;
mod tune;

use eddy_detect::{ClassEvaluation, Classes, Entry, FitError, ModelKind, Seed, StepSpec};
use eddy_frame::{Frame, Role, Schema};
use eddy_io::{Description, ReadStats};
use eddy_models::DETECTORS;
use eddy_report::ClassCount;
use serde::Serialize;
use serde_json::Value;

pub use curves::{Agreement, Curves, Importance, Reliability};
pub use figures::Binary;
pub use honesty::Check;
pub use page::compare_report;
pub use split::Split;
pub use tune::{Dimension, Metric, Search, Trial, TuneOptions, Tuning, Values, tune};

use crate::labels::classes;
use crate::run::{RunOptions, Stage, read};
use crate::{EngineError, labels};
use contend::{Protocol, contend};
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
    /// What models that learn from labels learn to tell apart.
    pub target: Target,
    /// Whether columns that give the label away are used.
    pub leaks: Leaks,
    /// How much is looked into besides the figures.
    pub detail: Detail,
}

impl Default for CompareOptions {
    /// All models that suit, 30 % of the rows held out at random within each class.
    fn default() -> Self {
        Self {
            run: RunOptions::default(),
            detectors: Vec::new(),
            split: Split::Stratified,
            folds: 1,
            test_share: 0.3,
            steps: None,
            set: Vec::new(),
            seed: Seed::default(),
            base_rates: vec![1e-2, 1e-3, 1e-4],
            holdout: Vec::new(),
            target: Target::Classes,
            leaks: Leaks::LeftOut,
            detail: Detail::Figures,
        }
    }
}

/// What models that learn from labels learn to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Every class of the label column.
    #[default]
    Classes,
    /// Attacks from normal rows.
    Attack,
}

/// What becomes of columns that give the label away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leaks {
    /// They are left out.
    #[default]
    LeftOut,
    /// They are used like any other: to see what they are worth, or what somebody else's figures are.
    Used,
}

/// How much is looked into besides the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// The figures alone.
    #[default]
    Figures,
    /// Curves and the importance of features as well, which takes longer.
    Everything,
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
    /// Normal rows and attacks by verdict, all folds together: right and wrong of normal rows, wrong and right of attacks.
    pub verdicts: [[u64; 2]; 2],
    /// Class by class, all folds together, for models that tell classes apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi: Option<ClassEvaluation>,
    /// Rows of classes that were kept from it: name, rows, caught.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<(String, u64, u64)>,
    /// Curves and importances, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curves: Option<Curves>,
    /// Seconds to fit, steps and calibration included, of all folds.
    pub fit_seconds: f64,
    /// Seconds to score, of all folds.
    pub score_seconds: f64,
    /// Size of the model file.
    pub bytes: u64,
}

/// A finished comparison.
pub struct Comparison {
    /// What was read.
    pub description: Description,
    /// What reading met.
    pub stats: ReadStats,
    /// Label column.
    pub label: String,
    /// The classes and the rows of each, the most common first.
    pub classes: Vec<ClassCount>,
    /// What was learned from and measured on.
    pub split: String,
    /// Rows measured on, over all folds.
    pub n_measured: u64,
    /// Share of attacks among them.
    pub base_rate: f64,
    /// The models, best first.
    pub contenders: Vec<Contender>,
    /// How far their verdicts agree; none with fewer than two models.
    pub agreement: Option<Agreement>,
    /// What was looked into.
    pub checks: Vec<Check>,
}

/// Most rows compared on; more are sampled evenly.
const MOST_ROWS: usize = 1 << 20;

/// Labelled rows.
struct Labelled {
    frame: Frame,
    classes: Classes,
    of_rows: Vec<u16>,
}

impl Labelled {
    fn is_attack(&self, row: usize) -> bool {
        self.classes.is_attack[usize::from(self.of_rows[row])]
    }
}

/// What is read and parted before anything is fitted.
struct Prepared {
    description: Description,
    stats: ReadStats,
    label: String,
    rows: Labelled,
    parts: Vec<Fold>,
    held: Vec<bool>,
}

fn prepare(paths: &[String], options: &CompareOptions) -> Result<Prepared, EngineError> {
    let input = read(paths, &RunOptions { fit_rows: MOST_ROWS, ..options.run.clone() })?;
    let (description, stats) = (input.description.clone(), input.stats.clone());
    let label =
        labels::label_of(&description.schema).map_or_else(String::new, |field| field.name.to_string());
    let ordered = matches!(options.split, Split::Time | Split::TimeInClass);
    let mut frame = input.to_fit(ordered, MOST_ROWS).map_err(EngineError::Input)?;
    drop(input);
    let n_train = frame.n_rows();
    if let Split::Official(file) = &options.split {
        let test = read(std::slice::from_ref(file), &options.run)?;
        let test = test.to_fit(true, MOST_ROWS).map_err(EngineError::Input)?;
        frame = Frame::concat(&[frame, test])
            .map_err(|error| EngineError::Fit(FitError::Data(error.to_string())))?;
    }
    let (all, of_rows) = classes(&frame).map_err(EngineError::Fit)?;
    let parts = match options.split {
        Split::Official(_) => {
            vec![Fold { train: (0..n_train).collect(), test: (n_train..of_rows.len()).collect() }]
        }
        _ => folds(&options.split, &frame, &of_rows, options.folds, options.test_share, options.seed)
            .map_err(EngineError::Fit)?,
    };
    let held: Vec<bool> = all.names.iter().map(|name| options.holdout.contains(name)).collect();
    if let Some(missing) = options.holdout.iter().find(|name| !all.names.contains(name)) {
        return Err(EngineError::Input(format!(
            "--holdout-class {missing}: there is no such class; there are {}",
            all.names.join(", ")
        )));
    }
    Ok(Prepared { description, stats, label, rows: Labelled { frame, classes: all, of_rows }, parts, held })
}

/// Trains and measures models under one protocol.
pub fn compare(paths: &[String], options: &CompareOptions) -> Result<Comparison, EngineError> {
    let entries = wanted(&options.detectors)?;
    let Prepared { description, stats, label, mut rows, parts, held } = prepare(paths, options)?;
    let mut checks = honesty::of_data(&rows, &parts[0], options);
    if options.leaks == Leaks::Used {
        rows.frame = use_leaks(rows.frame).map_err(EngineError::Fit)?;
    }
    let mut counts = vec![0u64; rows.classes.len()];
    rows.of_rows.iter().for_each(|&class| counts[usize::from(class)] += 1);
    let names = rows.classes.names.iter().zip(&rows.classes.is_attack).zip(counts);
    let mut class_counts: Vec<ClassCount> =
        names.map(|((name, &is_attack), rows)| ClassCount { name: name.clone(), is_attack, rows }).collect();
    class_counts.sort_by_key(|class| std::cmp::Reverse(class.rows));
    let protocol = Protocol { rows: &rows, held: &held, parts: &parts, options };
    let mut contenders = Vec::new();
    let mut verdicts = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        (options.run.progress)(Stage::Compare, at as u64, entries.len() as u64);
        let (contender, said) = contend(entry, &protocol);
        if let Some(check) =
            contender.multi.as_ref().and_then(|multi| honesty::one_class(entry.about.name, multi))
        {
            checks.push(check);
        }
        if contender.failed.is_none() {
            verdicts.push((contender.detector.clone(), said));
        }
        contenders.push(contender);
    }
    (options.run.progress)(Stage::Compare, entries.len() as u64, entries.len() as u64);
    checks.extend(honesty::of_models(&protocol, &entries));
    let rank = |one: &Contender| one.binary.as_ref().map_or(-1.0, |binary| binary.balanced_accuracy);
    contenders.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let place = |name: &String| contenders.iter().position(|one| one.detector == *name);
    verdicts.sort_by_key(|(name, _)| place(name));
    let n_measured = parts.iter().map(|fold| fold.test.len()).sum::<usize>();
    let attacks = parts.iter().flat_map(|fold| &fold.test).filter(|&&row| rows.is_attack(row)).count();
    Ok(Comparison {
        description,
        stats,
        label,
        classes: class_counts,
        split: options.split.in_words(options.folds, options.test_share),
        n_measured: n_measured as u64,
        base_rate: attacks as f64 / n_measured.max(1) as f64,
        agreement: curves::agreement(&verdicts),
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

/// The rows with columns that give the label away as features.
fn use_leaks(frame: Frame) -> Result<Frame, FitError> {
    let mut fields = frame.schema().fields.clone();
    for field in fields.iter_mut().filter(|field| field.role == Role::LeakSuspect) {
        field.role = if field.kind == eddy_frame::Kind::Text { Role::Category } else { Role::Feature };
    }
    frame
        .with_schema(std::sync::Arc::new(Schema { fields }))
        .map_err(|error| FitError::Data(error.to_string()))
}
