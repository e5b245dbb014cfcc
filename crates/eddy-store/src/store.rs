//! Opening, asking and changing.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::migrations::{VERSION, migrate, version};
use crate::{Folder, StoreError};

/// Connections for reading that are kept.
const READERS: usize = 8;
/// A disk with less room, in bytes, counts as full.
const LEAST_ROOM: u64 = 1 << 20;

/// What a server remembers. All calls block; an async caller makes them on a thread that may.
#[derive(Debug)]
pub struct Store {
    folder: Folder,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// What a start found half done and put in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files and folders that no row named.
    pub orphans: usize,
    /// Jobs that were at work when the process ended; they can be resumed.
    pub interrupted: Vec<String>,
    /// Data sets that were being looked at.
    pub unchecked: Vec<String>,
}

impl Store {
    /// Takes possession of a folder, brings its database up to date, and puts in order what a crash left half done.
    pub fn open(root: &Path) -> Result<(Self, Swept), StoreError> {
        let folder = Folder::open(root)?;
        let path = folder.database();
        let fail = |error| StoreError::database(&path, error);
        let mut writer = Connection::open(&path).map_err(fail)?;
        let found = version(&writer).map_err(fail)?;
        if found > VERSION {
            return Err(StoreError::Newer { path, found, known: VERSION });
        }
        prepare(&writer).map_err(fail)?;
        migrate(&mut writer).map_err(fail)?;
        let store = Self { folder, writer: Mutex::new(writer), readers: Mutex::new(Vec::new()) };
        let swept = store.sweep()?;
        Ok((store, swept))
    }

    /// Where the files lie.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whether the database answers and there is room for writes.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.folder.free_bytes().is_some_and(|free| free < LEAST_ROOM) {
            return Err(StoreError::Full { path: self.folder.root().to_owned() });
        }
        self.write(|tx| tx.execute_batch("DELETE FROM invitation WHERE expires_ms < 0"))
    }

    /// Changes something; on the disk when this returns.
    pub(crate) fn write<T>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut writer = held(&self.writer);
        let run = || {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let out = change(&transaction)?;
            transaction.commit()?;
            Ok(out)
        };
        run().map_err(|error| StoreError::database(&self.folder.database(), error))
    }

    /// Brings what the write-ahead log holds into the database, and cuts the log to nothing.
    pub(crate) fn settle_log(&self) -> Result<(), StoreError> {
        let writer = held(&self.writer);
        writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| StoreError::database(&self.folder.database(), error))
    }

    /// Looks something up. Readers do not wait for writers.
    pub(crate) fn read<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.folder.database();
        let kept = held(&self.readers).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => open_reader(&path).map_err(|error| StoreError::database(&path, error))?,
        };
        let out = ask(&connection).map_err(|error| StoreError::database(&path, error));
        let mut readers = held(&self.readers);
        if readers.len() < READERS {
            readers.push(connection);
        }
        out
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for part in ["incoming", "work"] {
            for name in self.folder.names(part)? {
                self.folder.remove(&self.folder.root().join(part).join(name))?;
                swept.orphans += 1;
            }
        }
        for (part, table) in
            [("datasets", "datasets"), ("runs", "runs"), ("models", "models"), ("results", "jobs")]
        {
            let known: HashSet<String> = self.read(|db| {
                let mut ids = db.prepare(&format!("SELECT id FROM {table}"))?;
                ids.query_map([], |row| row.get(0))?.collect()
            })?;
            for name in self.folder.names(part)?.into_iter().filter(|name| !known.contains(name)) {
                self.folder.remove(&self.folder.root().join(part).join(name))?;
                swept.orphans += 1;
            }
        }
        (swept.interrupted, swept.unchecked) = self.write(|tx| {
            let interrupted = tx
                .prepare(
                    "UPDATE jobs SET state = 'interrupted', reason = 'the server stopped while this was at work'
                     WHERE state = 'running' RETURNING id",
                )?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let unchecked = tx
                .prepare("SELECT id FROM datasets WHERE state = 'checking'")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok((interrupted, unchecked))
        })?;
        Ok(swept)
    }
}

/// A lock that a panic of another thread does not close: transactions are whole or not at all.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 16777216; PRAGMA trusted_schema = OFF;",
    )
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// JSON of a column.
pub(crate) fn json<T: DeserializeOwned>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    from_text(at, &text)
}

/// JSON of a column that may be empty.
pub(crate) fn json_or_none<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    at: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(at)?;
    text.map(|text| from_text(at, &text)).transpose()
}

/// A word of an enumeration.
pub(crate) fn word<T: DeserializeOwned>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    serde_json::from_value(serde_json::Value::String(text)).map_err(|error| unreadable(at, error))
}

/// The word of an enumeration.
pub(crate) fn to_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn from_text<T: DeserializeOwned>(at: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| unreadable(at, error))
}

fn unreadable(at: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, Box::new(error))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A store of its own for a test.
    pub(crate) fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().0;
        (folder, store)
    }

    #[test]
    fn a_newer_database_is_refused() {
        let (folder, store) = store();
        store.write(|tx| tx.execute_batch("PRAGMA user_version = 999")).unwrap();
        drop(store);
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("schema 999"), "{error}");
    }

    #[test]
    fn what_is_no_database_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("eddy.db"), vec![7; 8_192]).unwrap();
        let error = Store::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("eddy.db") && error.contains("damaged"), "{error}");
    }

    #[test]
    fn leftovers_of_a_crash_are_swept() {
        let (folder, store) = store();
        let orphan = store.folder().dataset(&crate::new_id());
        std::fs::create_dir(&orphan).unwrap();
        std::fs::write(store.folder().incoming(&crate::new_id()), "half").unwrap();
        drop(store);
        let (_store, swept) = Store::open(folder.path()).unwrap();
        assert_eq!(swept.orphans, 2);
        assert!(!orphan.exists());
    }
}
