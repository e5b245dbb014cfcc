//! Series detectors before their judges: the Numenta Anomaly Benchmark, and any labelled series.

mod corpus;
mod nab;
mod results;
mod series;
mod standing;
mod stream;

use serde::Serialize;

pub use corpus::NabCorpus;
pub use nab::{NabBoard, NabOptions, eval_nab};
pub use results::{Checked, eval_results};
pub use series::{SeriesOptions, SeriesStanding, SeriesVerdict, eval_series};
pub use standing::{Standing, UnderProfile};
pub use stream::{EventsOf, Stream};

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
