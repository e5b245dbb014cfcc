//! From any earlier schema of the database to that of today.

use rusqlite::Connection;

/// One step a version; a step is never changed once it was published. Each runs in a transaction of its own together
/// with the number it ends in, so that a crash in between leaves the version before.
const STEPS: &[&str] = &["
CREATE TABLE datasets(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, file TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, origin TEXT NOT NULL,
  bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, created_ms INTEGER NOT NULL, created_by TEXT, about TEXT) STRICT;
CREATE TABLE jobs(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL, title TEXT NOT NULL, dataset TEXT, request TEXT NOT NULL,
  result TEXT, reason TEXT, attempts INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, started_ms INTEGER,
  finished_ms INTEGER, created_by TEXT) STRICT;
CREATE INDEX jobs_by_state ON jobs(state, id);
CREATE INDEX jobs_by_dataset ON jobs(dataset, id);
CREATE TABLE runs(
  id TEXT PRIMARY KEY, job TEXT, dataset TEXT, dataset_name TEXT NOT NULL, model TEXT, detector TEXT NOT NULL,
  rows INTEGER NOT NULL, flagged INTEGER NOT NULL, summary TEXT NOT NULL, created_ms INTEGER NOT NULL,
  created_by TEXT) STRICT;
CREATE INDEX runs_by_dataset ON runs(dataset, id);
CREATE TABLE findings(
  id TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, rank INTEGER NOT NULL,
  anomaly_score REAL NOT NULL, sentence TEXT NOT NULL, body TEXT NOT NULL) STRICT;
CREATE UNIQUE INDEX findings_by_run ON findings(run, rank);
CREATE INDEX findings_by_score ON findings(anomaly_score DESC, id DESC);
CREATE TABLE incidents(
  id TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, rank INTEGER NOT NULL,
  severity INTEGER NOT NULL, confidence REAL NOT NULL, kind TEXT NOT NULL, sentence TEXT NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX incidents_by_run ON incidents(run, rank);
CREATE INDEX incidents_by_urgency ON incidents(severity DESC, id DESC);
CREATE TABLE feedback(
  id TEXT PRIMARY KEY, subject_kind TEXT NOT NULL, subject TEXT NOT NULL, opinion TEXT NOT NULL, note TEXT NOT NULL,
  created_ms INTEGER NOT NULL, created_by TEXT) STRICT;
CREATE INDEX feedback_by_subject ON feedback(subject, id);
CREATE TABLE models(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, detector TEXT NOT NULL, bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL, dataset TEXT, job TEXT, about TEXT NOT NULL, created_ms INTEGER NOT NULL, created_by TEXT,
  UNIQUE(name, version)) STRICT;
CREATE TABLE aliases(
  alias TEXT PRIMARY KEY, model TEXT NOT NULL REFERENCES models(id), changed_ms INTEGER NOT NULL) STRICT;
CREATE TABLE alias_history(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, alias TEXT NOT NULL, model TEXT NOT NULL, changed_ms INTEGER NOT NULL,
  changed_by TEXT) STRICT;
CREATE TABLE users(
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL, password TEXT NOT NULL,
  disabled INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, last_login_ms INTEGER) STRICT;
CREATE TABLE sessions(
  hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, address TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE tokens(
  id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE, name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE, scope TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  used_ms INTEGER) STRICT;
CREATE TABLE invitation(only INTEGER PRIMARY KEY CHECK(only = 1), hash BLOB NOT NULL, expires_ms INTEGER NOT NULL) STRICT;
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, actor TEXT, address TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT, outcome TEXT NOT NULL, detail TEXT) STRICT;
", "
DROP INDEX incidents_by_urgency;
CREATE INDEX incidents_by_urgency ON incidents(severity DESC, run DESC, rank);
"];

/// The version this program writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// The version of a database; 0 = empty.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the database to the version of today.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let from = version(connection)?;
    for (at, step) in STEPS.iter().enumerate().skip(usize::try_from(from).unwrap_or(0)) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}", at + 1))?;
        transaction.commit()?;
    }
    Ok(())
}
