//! What can go wrong while judging.

/// Labels, series or results that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A file is not what it should be.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1 on.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A file does not have a column that is needed.
    #[error("there is no column '{name}'")]
    Column {
        /// The column.
        name: String,
    },
    /// A window does not lie in its series.
    #[error("the window from {from} to {to} does not lie in the series: no row has the time of its {end}")]
    Window {
        /// Its first time.
        from: String,
        /// Its last time.
        to: String,
        /// Which end is missing.
        end: &'static str,
    },
    /// Two things that belong together are not of one length.
    #[error("{got} scores for {wanted} rows")]
    Length {
        /// Rows of the series.
        wanted: usize,
        /// Scores that were given.
        got: usize,
    },
    /// A document of labels or profiles cannot be read.
    #[error("{0}")]
    Document(String),
}
