//! What can go wrong in the store.

use std::path::PathBuf;

/// Something could not be remembered or recalled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process owns the folder.
    #[error("{}: process {pid} uses this folder already; stop it, or name another folder with --data", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that owns it, as its lock file says.
        pid: String,
    },
    /// The folder was written by a newer version of the program.
    #[error("{}: written by a newer version (schema {found}, this program knows {known}); use that version", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The version known.
        known: i64,
    },
    /// The disk is full.
    #[error("the disk is full; make room in {}, then try again", path.display())]
    Full {
        /// The folder.
        path: PathBuf,
    },
    /// The database is damaged.
    #[error("{}: the database is damaged ({reason}); restore it from a backup", path.display())]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It would contradict what is there.
    #[error("{0}")]
    Conflict(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database refused: {0}")]
    Database(rusqlite::Error),
    /// What stands in the database is not what this program writes there.
    #[error("a row of {table} cannot be read: {reason}")]
    Content {
        /// The table.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::StorageFull
            || source.kind() == std::io::ErrorKind::QuotaExceeded
        {
            return Self::Full { path: path.to_owned() };
        }
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn missing(what: &'static str, id: &str) -> Self {
        Self::Missing { what, id: id.chars().take(40).collect() }
    }

    pub(crate) fn database(path: &std::path::Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full { path: path.to_owned() },
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged { path: path.to_owned(), reason: error.to_string() }
            }
            _ => Self::Database(error),
        }
    }
}
