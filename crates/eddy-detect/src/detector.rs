//! The contract of detectors and fitted models.

use std::sync::Arc;

use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{FitError, LoadError, SectionReader, SectionWriter, Seed};

/// The three kinds of fitted model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// A pure function of a row: the input may be split anywhere.
    Row,
    /// A function of a row and the series' own bounded memory: the input may be split by series.
    Series,
    /// Scores, and separately learns: one owner per partition.
    Online,
}

/// What a raw score means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ScoreScale {
    /// The detector's own units: the pipeline calibrates them.
    #[default]
    Raw,
    /// Already a surprise (`-log10` of a share of typical rows): the pipeline leaves it alone.
    Surprise,
}

/// What a detector learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LearnsFrom {
    /// The rows alone; labels, if there are any, only tell which rows are known to be normal.
    #[default]
    Rows,
    /// Rows with labels: it knows the classes that it was shown, and no other.
    Labels,
}

/// The classes of labelled rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Classes {
    /// Names in alphabetical order, at least one.
    pub names: Vec<String>,
    /// Whether each class is an attack.
    pub is_attack: Vec<bool>,
}

impl Classes {
    /// The most classes that can be told apart; more different labels are no classes.
    pub const MOST: usize = 1024;

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none, which a fitted model never has.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The raw score of a row from the probabilities of its classes: the probability that it is an attack.
    pub fn attack_probability(&self, probabilities: &[f64]) -> f64 {
        let attacks = probabilities.iter().zip(&self.is_attack).filter(|(_, is_attack)| **is_attack);
        attacks.map(|(probability, _)| probability).sum::<f64>().clamp(0.0, 1.0)
    }
}

/// The class of each row.
#[derive(Debug, Clone, Copy)]
pub struct ClassLabels<'a> {
    /// The classes there are; each has at least one row.
    pub classes: &'a Classes,
    /// Index of each row's class.
    pub of_rows: &'a [u16],
}

/// What a detector says about itself. Help, documentation, API and forms are made from this.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct About {
    /// Name in flags, files and URLs, in `snake_case`.
    pub name: &'static str,
    /// Name in prose.
    pub title: &'static str,
    /// What fitting gives.
    pub kind: ModelKind,
    /// How it works, in one or two sentences.
    pub summary: &'static str,
    /// What it cannot see.
    pub blind_to: &'static str,
    /// Time and memory to fit and to score, for n rows of d features.
    pub cost: &'static str,
    /// Authors, title, year; where ours differs.
    pub source: &'static str,
    /// The raw score above which the source itself calls a row anomalous, if it names one
    /// (`--contamination auto`).
    pub natural_threshold: Option<f64>,
}

/// What a detector may use besides the rows while it is fitted.
#[derive(Debug, Clone, Copy, Default)]
pub struct FitContext<'a> {
    /// Where random choices start.
    pub seed: Seed,
    /// Nanoseconds since the epoch per row, when the input has a time column.
    pub times: Option<&'a [i64]>,
    /// Ends of the series: rows are grouped by series, `ends[i]` is one past the last row of series `i`. Empty
    /// means one series.
    pub series_ends: &'a [usize],
    /// Whether each row is an attack, where that is known: for detectors that know what to make of normal rows.
    pub labels: Option<&'a [bool]>,
    /// Class of each row, for detectors that learn from labels.
    pub class_labels: Option<ClassLabels<'a>>,
    /// Whether each column says how rare the category of the row is, the greater the rarer: a distance in it is no
    /// magnitude. Empty means no column does.
    pub rarities: &'a [bool],
    /// Whether each column holds numbers of categories, from 0 on, whose order means nothing. Empty means no column
    /// does.
    pub categories: &'a [bool],
    /// Told how fitting goes, for detectors that take long.
    pub progress: Option<Progress<'a>>,
}

/// Who is told how fitting goes.
#[derive(Clone, Copy)]
pub struct Progress<'a>(pub &'a (dyn Fn(&FitStep) + Sync));

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

/// One step of a fit that takes long: an epoch, a round of boosting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitStep {
    /// Steps done, from 1 on.
    pub done: usize,
    /// Steps at most.
    pub of: usize,
    /// What the steps are called: "epoch", "tree".
    pub what: &'static str,
    /// What is being made small, over the rows learned from.
    pub loss: f64,
    /// The same over rows held out, if some were.
    pub held_out_loss: Option<f64>,
}

impl FitContext<'_> {
    /// Says how fitting goes, if anybody wants to know.
    pub fn report(&self, step: &FitStep) {
        if let Some(Progress(report)) = self.progress {
            report(step);
        }
    }
}

/// A detector: plain parameters that can be fitted.
///
/// Implementors are structs of public fields with doc comments (which become the help text and the JSON schema),
/// `#[serde(default, deny_unknown_fields)]`, and a [`Default`] that is the recommended setting.
pub trait Detector:
    Clone + Default + Send + Sync + Serialize + DeserializeOwned + JsonSchema + 'static
{
    /// What the detector says about itself.
    const ABOUT: About;

    /// What its raw scores mean.
    const SCALE: ScoreScale = ScoreScale::Raw;

    /// What it learns from. One that learns from labels finds [`FitContext::class_labels`] filled, with two classes at
    /// least, and gives a row model with [`RowModel::classes`], whose score is the probability of an attack (or
    /// something like it that its documentation describes) and whose natural threshold is where it says attack.
    const LEARNS_FROM: LearnsFrom = LearnsFrom::Rows;

    /// Whether it makes a difference on which scale each column is: distances, weights and gradients do, orders do not.
    const SCALE_SENSITIVE: bool = false;

    /// Whether it understands missing values (NaN). If not, what is still missing after the steps counts as 0.
    const TAKES_MISSING: bool = false;

    /// What it learns from with these parameters, for detectors that hold detectors.
    fn learns_from(&self) -> LearnsFrom {
        Self::LEARNS_FROM
    }

    /// Learns from the rows. Every value is finite, or missing (NaN) if it takes missing values. Must give the same model on any number of threads.
    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError>;

    /// Rebuilds a fitted model from what [`RowModel::save`] (or its like) wrote. Checks everything: hostile input is
    /// an error, never a panic, never an allocation beyond the size of the input.
    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError>;

    /// Refuses combinations of parameters that are each in range but make no sense together.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A fitted model that is a pure function of a row.
pub trait RowModel: Send + Sync {
    /// Number of columns it was fitted on.
    fn n_features(&self) -> usize;

    /// Writes one score per row into `out`. Higher = more anomalous; finite for finite rows. Runs on one thread: the
    /// caller splits rows over threads.
    fn score(&self, rows: RowsView<'_>, out: &mut [f64]);

    /// The classes it tells apart, if it learned from labels.
    fn classes(&self) -> Option<&Classes> {
        None
    }

    /// Writes the probability of each class, row by row, into `out` (rows times classes; each row adds up to 1). Only
    /// for models that have classes.
    fn probabilities(&self, _rows: RowsView<'_>, _out: &mut [f64]) {}

    /// Names and writes the arrays that make up the model.
    fn save(&self, section: &mut SectionWriter<'_>);
}

/// A fitted model whose score also depends on what the same series did before.
pub trait SeriesModel: Send + Sync {
    /// Number of columns it was fitted on.
    fn n_features(&self) -> usize;

    /// A scorer with the memory of a series that has not begun.
    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer>;

    /// Names of what a [`Reading`]'s reason may be: its members, if the model is made of several.
    fn reasons(&self) -> &[&'static str] {
        &[]
    }

    /// Names and writes the arrays that make up the model (not the memory of any series).
    fn save(&self, section: &mut SectionWriter<'_>);
}

/// What a series model makes of one row: more than its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The dense score, the same that [`SeriesScorer::score`] gives: for ranking and plots.
    pub score: f64,
    /// The score of the event that this row opens; 0 where it opens none. Below 0, a row would open one if the threshold
    /// were lower by so much. Models without an event stream of their own leave it at NaN: the threshold decides.
    pub alarm: f64,
    /// The column that did it.
    pub column: u32,
    /// What was expected of that column, in the units of the row; NaN where nothing was.
    pub expected: f32,
    /// Lower end of the band of ordinary values; NaN where there is none.
    pub low: f32,
    /// Upper end of the band.
    pub high: f32,
    /// What made the score, as an index into [`SeriesModel::reasons`].
    pub reason: u32,
}

impl Reading {
    /// A reading that knows nothing but the score.
    pub fn of_score(score: f64) -> Self {
        let nothing = f32::NAN;
        Self { score, alarm: f64::NAN, column: 0, expected: nothing, low: nothing, high: nothing, reason: 0 }
    }
}

/// One series being scored: the model and the series' own bounded memory.
pub trait SeriesScorer: Send {
    /// Scores the next rows of the series, in order. `times` is empty when there is no time column. Cutting the rows
    /// into several calls changes no bit. A score uses nothing after its row.
    fn score(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]);

    /// As [`SeriesScorer::score`], and says what was expected, where an event begins and what made the score.
    fn read(&mut self, rows: RowsView<'_>, times: &[i64], out: &mut [Reading]) {
        let mut scores = vec![0.0; out.len()];
        self.score(rows, times, &mut scores);
        for (reading, score) in out.iter_mut().zip(scores) {
            *reading = Reading::of_score(score);
        }
    }

    /// Bytes of memory the series holds.
    fn memory_bytes(&self) -> usize;
}

/// A fitted model that goes on learning, apart from scoring.
pub trait OnlineModel: Send + Sync {
    /// Number of columns it was fitted on.
    fn n_features(&self) -> usize;

    /// Writes one score per row into `out`, without learning.
    fn score(&self, rows: RowsView<'_>, out: &mut [f64]);

    /// Learns the rows, in order.
    fn learn(&mut self, rows: RowsView<'_>);

    /// Names and writes the arrays that make up the model as it stands.
    fn save(&self, section: &mut SectionWriter<'_>);
}

/// A fitted model.
pub enum Model {
    /// See [`ModelKind::Row`].
    Row(Arc<dyn RowModel>),
    /// See [`ModelKind::Series`].
    Series(Arc<dyn SeriesModel>),
    /// See [`ModelKind::Online`].
    Online(Box<dyn OnlineModel>),
}

impl Model {
    /// Which kind it is.
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Row(_) => ModelKind::Row,
            Self::Series(_) => ModelKind::Series,
            Self::Online(_) => ModelKind::Online,
        }
    }

    /// Number of columns it was fitted on.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Row(model) => model.n_features(),
            Self::Series(model) => model.n_features(),
            Self::Online(model) => model.n_features(),
        }
    }

    /// Names and writes the arrays that make up the model.
    pub fn save(&self, section: &mut SectionWriter<'_>) {
        match self {
            Self::Row(model) => model.save(section),
            Self::Series(model) => model.save(section),
            Self::Online(model) => model.save(section),
        }
    }

    /// Scores rows of one series from its beginning, on one thread: the plain reference that runners must agree with.
    /// An online model scores without learning.
    pub fn score_once(&self, rows: RowsView<'_>, times: &[i64], out: &mut [f64]) {
        match self {
            Self::Row(model) => model.score(rows, out),
            Self::Series(model) => model.clone().start().score(rows, times, out),
            Self::Online(model) => model.score(rows, out),
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model::{:?}({} features)", self.kind(), self.n_features())
    }
}
