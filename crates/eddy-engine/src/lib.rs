//! Source to windows to pipeline to sinks: the only runner.
//!
//! [`detect`] and [`train`] fit on what a source holds; [`score`] applies a saved model. All three end in a [`Run`]:
//! what was read, what was assumed, the threshold, the findings. Input that fits the memory limit is kept; a larger one
//! is read again for each pass, so that memory stays bounded.
//!
//! This crate knows nothing of HTTP or of the command line.

mod clusters;
mod compare;
mod default_detector;
mod entities;
mod error;
mod eval;
mod events;
mod explore;
mod findings;
mod flows;
mod generated;
mod incident_cards;
mod incidents;
mod input;
mod labelled;
mod labels;
mod order;
mod packet_list;
mod projection;
mod report;
mod resample;
mod run;
mod scoring;
mod series;
mod series_words;
mod summary;
mod table;

pub use compare::{
    Agreement, Binary, Check, CompareOptions, Comparison, Contender, Curves, Detail, Dimension, Importance,
    Leaks, Metric, Reliability, Search, Split, Target, Trial, TuneOptions, Tuning, Values, compare,
    compare_report, tune,
};
pub use eddy_behaviour::{BEHAVIOURS, Per};
pub use entities::{EntityTable, entity_schema, entity_windows};
pub use error::{EngineError, NothingToJudge};
pub use eval::{
    Band, BandOfBehaviours, BehaviourFound, CaptureVerdict, CapturesOptions, CapturesReport, Checked,
    Coverage, Deal, DrillVerdict, DrillsOptions, EventsOf, FalseIncident, Mode, NabBoard, NabCorpus,
    NabOptions, NetworkOptions, NetworkReport, Raised, SeriesOptions, SeriesStanding, SeriesVerdict,
    Standing, Stream, Together, ToldBy, ToldWindow, UnderProfile, drill_bands, drill_behaviours,
    drill_halves, eval_captures, eval_drills, eval_nab, eval_network, eval_results, eval_series,
};
pub use explore::{ColumnSummary, Exploration, Histogram, TopList, explore};
pub use flows::{damped_packets, flow_features, flows};
pub use generated::{FalseAlarms, FoundShare, GeneratedOptions, GeneratedReport, eval_generated};
pub use report::{detect_report, detect_report_in, explore_report};
pub use run::{
    FitOn, Fitting, Judged, Run, RunOptions, Stage, Timings, Visit, detect, load_model, score, train,
};
pub use scoring::chunk_rows;
pub use series::{SeriesProfile, SeriesSet};
pub use summary::summary;
pub use table::{Say, rounded, verdicts, write_rows, write_table};
