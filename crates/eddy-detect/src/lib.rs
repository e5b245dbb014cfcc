//! What a detector is.
//!
//! `Frame -> Steps -> Rows -> Detector::fit -> Model::score -> Calibration -> Threshold -> Verdict`
//!
//! * [`Detector`] is a set of plain parameters that can be fitted; [`Model`] is what fitting gives. They are different
//!   types, so that an unfitted model cannot be asked for a score. Higher score = more anomalous, always finite.
//! * A [`Model`] is one of three kinds, because that is all a runner must know: [`Model::Row`] (a pure function of a
//!   row), [`Model::Series`] (a row and the series' own bounded memory), [`Model::Online`] (scores, and separately
//!   learns). `score` never learns.
//! * Everything that is not the algorithm is done once, by [`Pipeline`]: column order, missing values, steps, seed,
//!   training scores, calibration, threshold, saving.
//!
//! A new detector is one file in `eddy-models` and one line in its list. This crate knows nothing of any one detector,
//! nor of files beyond the bytes of a saved model.

mod calibration;
mod class_evaluation;
mod class_labels;
mod default_steps;
mod detector;
mod error;
mod evaluation;
pub mod hypothesis;
mod model_file;
mod param;
mod pipeline;
mod registry;
mod runs;
mod section;
mod span;
mod step;
mod steps;
mod threshold;
mod typical;
mod wide;

pub use calibration::{Calibration, anomaly_score, surprise_of};
pub use class_evaluation::{ClassEvaluation, ClassReport, most_probable, precision_at_base_rate};
pub use class_labels::{ClassWeight, class_labels, load_classes, score_by_probabilities};
pub use default_steps::default_steps;
pub use detector::{
    About, ClassLabels, Classes, Detector, FitContext, FitStep, LearnsFrom, Model, ModelKind, OnlineModel,
    Progress, Reading, RowModel, ScoreScale, SeriesModel, SeriesScorer,
};
pub use error::{FitError, LoadError, ParamError};
pub use evaluation::{Confusion, Evaluation};
pub use model_file::{MAGIC, VERSION, decode, encode};
pub use param::{Count, Fraction, Positive, Seed, Share};
pub use pipeline::{CalibrateOn, Memory, Pipeline, PipelineSpec, ScoreAll, Truth};
pub use registry::{AnyDetector, Entry, Registry};
pub use runs::{Run, Runs};
pub use section::{Array, SectionReader, SectionWriter, Sections};
pub use span::Span;
pub use step::{FittedStep, Step, StepEntry, StepMemory, StepSpec};
pub use steps::{
    Acceleration, Calendar, CounterRate, Difference, Encode, Figure, Impute, Lag, Log1p, Pca, Ratio, Rolling,
    STEPS, Scale, Spectral, Window, step,
};
pub use threshold::{Rule, Threshold};
pub use typical::Typical;
