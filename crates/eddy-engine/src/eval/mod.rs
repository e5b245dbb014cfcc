//! Detectors before their judges: the Numenta Anomaly Benchmark, any labelled series, captures and networks of which the
//! truth is known.

mod band;
mod captures;
mod corpus;
mod coverage;
mod drills;
mod nab;
mod network;
mod results;
mod series;
mod standing;
mod stream;
mod together;
mod truth;

use serde::Serialize;

pub use band::{Band, BandOfBehaviours};
pub use captures::{CaptureVerdict, CapturesOptions, CapturesReport, Raised, eval_captures};
pub use corpus::NabCorpus;
pub use coverage::Coverage;
pub use drills::{DrillVerdict, DrillsOptions, drill_bands, drill_behaviours, drill_halves, eval_drills};
pub use nab::{NabBoard, NabOptions, eval_nab};
pub use network::{BehaviourFound, FalseIncident, NetworkOptions, NetworkReport, eval_network};
pub use results::{Checked, eval_results};
pub use series::{SeriesOptions, SeriesStanding, SeriesVerdict, ToldBy, eval_series};
pub use standing::{Deal, Standing, UnderProfile};
pub use stream::{EventsOf, Stream};
pub use together::{Together, ToldWindow};

/// What a detector may know of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing but its past.
    #[default]
    Causal,
    /// Also the least and the greatest value of the whole series, as NAB hands them to every detector: look-ahead.
    Official,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Causal => "causal",
            Self::Official => "official",
        })
    }
}
