//! Judges of series detectors.
//!
//! * [`Truth`], [`Ranking`] and [`Profile`] are the rules of the Numenta Anomaly Benchmark: what an alarm is worth, one
//!   threshold for a whole corpus, and the score that comes of it. [`ResultFile`] reads and writes its files of results.
//! * [`volumes`] needs no threshold: the volume under the surface of precision-recall and ROC curves.
//! * [`event_figures`] is what an operator asks: events found, false alarms a day, time to detect.
//! * [`affiliation`] measures how near alarms lie to windows.
//!
//! There is no point-adjusted score here: under it random scores look excellent. Everything is computed from plain
//! arrays; this crate knows nothing of models, files or clocks.

mod affiliation;
mod error;
mod event_figures;
mod folds;
mod nab_series;
mod period;
mod periodic;
mod profile;
mod python_float;
mod result_file;
mod sweep;
mod timestamp;
mod truth;
mod volume;

pub use affiliation::{Affiliation, affiliation};
pub use error::EvalError;
pub use event_figures::{EventFigures, Judged, event_figures, threshold_for_budget};
pub use folds::{FOLD_SEEDS, GROUPS, fold_groups};
pub use nab_series::{Limits, NabSeries, read_windows};
pub use period::period;
pub use periodic::periodic_alarms;
pub use profile::Profile;
pub use python_float::{Digits, python_float};
pub use result_file::{Agreement, Layout, ResultFile, worth};
pub use sweep::{Ranking, Sweep, Tally, tally};
pub use timestamp::parse_time;
pub use truth::{MOST_PROBATION, PROBATION_SHARE, Truth, Window, probation};
pub use volume::{Volumes, volumes};
