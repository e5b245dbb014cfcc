//! What can go wrong in a run.

use eddy_detect::{FitError, LoadError, ParamError};
use eddy_io::{ReadError, WriteError};

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
}
