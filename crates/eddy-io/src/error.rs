//! What can go wrong with files.

use std::path::PathBuf;

/// An input that could not be read at all. (Rows that cannot be read are data: see [`crate::ReadStats`].)
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content is of a kind that is not a table Eddy reads.
    #[error("{path}: {what}; {mend}")]
    NotATable {
        /// The file.
        path: String,
        /// What it is.
        what: String,
        /// What to do instead.
        mend: String,
    },
    /// The file is a table, but damaged or empty at a known place.
    #[error("{path}, {place}: {what}; {mend}")]
    Malformed {
        /// The file.
        path: String,
        /// Where ("line 17", "line 3, column 'proto'", "byte 4096").
        place: String,
        /// What is wrong there.
        what: String,
        /// What to do about it.
        mend: String,
    },
    /// A column that the user named does not exist.
    #[error("{path} has no column '{column}' ({flag}); it has: {known}")]
    NoColumn {
        /// The file.
        path: String,
        /// The name asked for.
        column: String,
        /// The flag that named it.
        flag: &'static str,
        /// The columns there are.
        known: String,
    },
    /// Files of one run do not have the same columns.
    #[error("{path} has other columns than {first}: {difference}; read them apart")]
    Mismatch {
        /// The file that differs.
        path: String,
        /// The first file.
        first: String,
        /// How it differs.
        difference: String,
    },
    /// Nothing matches a glob, or a folder has no readable table.
    #[error("nothing to read: {0}")]
    Nothing(String),
}

/// An output that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The operating system refused.
    #[error("cannot write {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The ending of the file name is none that Eddy writes.
    #[error("cannot tell the format of {path}: use one of {known}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Endings that work.
        known: &'static str,
    },
    /// The format cannot hold the table.
    #[error("cannot write {path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
