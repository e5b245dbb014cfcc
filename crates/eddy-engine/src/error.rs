//! What can go wrong in a run.

use eddy_detect::{FitError, LoadError, ParamError};
use eddy_insight::Incident;
use eddy_io::{Description, ReadError, ReadStats, WriteError};

/// A run that could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing failed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Fitting or applying failed.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// A parameter was refused.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// A model file was refused.
    #[error("{path}: {source}")]
    Model {
        /// The file.
        path: String,
        /// Why.
        source: LoadError,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The input has nothing to work on.
    #[error("{0}")]
    Input(String),
    /// The input was read, and is a capture of packets none of which belongs to a flow: there is nothing to judge, which is
    /// an answer where the question is what is unusual.
    #[error("{0}")]
    NothingToJudge(Box<NothingToJudge>),
}

/// A capture of packets without flows.
#[derive(Debug, Clone)]
pub struct NothingToJudge {
    /// Why, in words.
    pub why: String,
    /// What was found out before reading, with notes on what became of the packets.
    pub description: Description,
    /// What reading met.
    pub stats: ReadStats,
    /// What hosts did all the same, as far as packets without flows tell (ARP).
    pub incidents: Vec<Incident>,
}

impl std::fmt::Display for NothingToJudge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}
