//! Work that takes a while.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{json, json_or_none, to_word, word};
use crate::{Page, PageRequest, Store, StoreError, now_ms};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Looks at a data set that has arrived: format, shape, columns, rows.
    Check,
    /// Describes a data set in full.
    Explore,
    /// Finds what is unusual in a data set.
    Detect,
    /// Scores a data set with a model.
    Score,
    /// Learns a model from a data set.
    Train,
    /// Trains several models under one protocol.
    Compare,
    /// Tries parameters of a model.
    Tune,
    /// Makes a data set.
    Generate,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for its turn.
    Queued,
    /// It is at work.
    Running,
    /// It is finished; the result says what came out.
    Done,
    /// It could not be done; the reason says why.
    Failed,
    /// Somebody called it off.
    Cancelled,
    /// The server stopped while it was at work; it can be resumed.
    Interrupted,
}

impl JobState {
    /// Whether nothing more will happen by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A piece of work.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Job {
    /// Id.
    pub id: String,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// What it does, in words.
    pub title: String,
    /// The data set it works on.
    pub dataset: Option<String>,
    /// What was asked for.
    pub request: Value,
    /// What came out: `run`, `model`, or nothing but files of its own.
    pub result: Option<Value>,
    /// Why it failed or was interrupted.
    pub reason: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was asked for, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was begun.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub finished_ms: Option<i64>,
    /// Who asked for it.
    pub created_by: Option<String>,
}

const COLUMNS: &str = "id, kind, state, title, dataset, request, result, reason, attempts, created_ms, started_ms, \
                       finished_ms, created_by";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get(0)?,
        kind: word(row, 1)?,
        state: word(row, 2)?,
        title: row.get(3)?,
        dataset: row.get(4)?,
        request: json(row, 5)?,
        result: json_or_none(row, 6)?,
        reason: row.get(7)?,
        attempts: row.get(8)?,
        created_ms: row.get(9)?,
        started_ms: row.get(10)?,
        finished_ms: row.get(11)?,
        created_by: row.get(12)?,
    })
}

impl Store {
    /// Remembers a job.
    pub fn add_job(&self, new: &Job) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                &format!("INSERT INTO jobs({COLUMNS}) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)"),
                params![
                    new.id,
                    to_word(&new.kind),
                    to_word(&new.state),
                    new.title,
                    new.dataset,
                    new.request.to_string(),
                    new.result.as_ref().map(Value::to_string),
                    new.reason,
                    new.attempts,
                    new.created_ms,
                    new.started_ms,
                    new.finished_ms,
                    new.created_by
                ],
            )
            .map(|_| ())
        })
    }

    /// A job.
    pub fn job(&self, id: &str) -> Result<Job, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1"))?
                .query_row([id], job)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("job", id))
    }

    /// Jobs, newest first; those of one data set, or in one state, only.
    pub fn jobs(
        &self,
        page: &PageRequest,
        dataset: Option<&str>,
        state: Option<JobState>,
    ) -> Result<Page<Job>, StoreError> {
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM jobs WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR dataset = ?2)
                 AND (?3 IS NULL OR state = ?3) ORDER BY id DESC LIMIT ?4"
            ))?
            .query_map(params![page.cursor, dataset, state.map(|state| to_word(&state)), page.rows()], job)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.id.clone()))
    }

    /// Jobs that wait, oldest first.
    pub fn queued_jobs(&self) -> Result<Vec<Job>, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE state = 'queued' ORDER BY id"))?
                .query_map([], job)?
                .collect()
        })
    }

    /// Begins a job; false when it no longer waits.
    pub fn begin_job(&self, id: &str) -> Result<bool, StoreError> {
        let n = self.write(|tx| {
            tx.execute(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_ms = ?2, reason = NULL
                 WHERE id = ?1 AND state = 'queued'",
                params![id, now_ms()],
            )
        })?;
        Ok(n == 1)
    }

    /// Ends a job that was not finished by something it made; false when it had ended already.
    pub fn end_job(
        &self,
        id: &str,
        state: JobState,
        result: Option<&Value>,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let n = self.write(|tx| finish(tx, id, state, result, reason))?;
        Ok(n == 1)
    }

    /// Puts a job that failed, was cancelled or interrupted back into the queue; false when it is none of these.
    pub fn resume_job(&self, id: &str) -> Result<bool, StoreError> {
        let n = self.write(|tx| {
            tx.execute(
                "UPDATE jobs SET state = 'queued', finished_ms = NULL
                 WHERE id = ?1 AND state IN ('failed', 'cancelled', 'interrupted')",
                [id],
            )
        })?;
        Ok(n == 1)
    }

    /// Forgets a job that is over, with its files.
    pub fn remove_job(&self, id: &str) -> Result<(), StoreError> {
        let n = self.write(|tx| {
            tx.execute("DELETE FROM jobs WHERE id = ?1 AND state NOT IN ('queued', 'running')", [id])
        })?;
        if n == 0 {
            self.job(id)?;
            return Err(StoreError::Conflict("the job is not over; cancel it first".into()));
        }
        self.folder().remove(&self.folder().result(id))
    }
}

pub(crate) fn finish(
    tx: &rusqlite::Transaction<'_>,
    id: &str,
    state: JobState,
    result: Option<&Value>,
    reason: Option<&str>,
) -> rusqlite::Result<usize> {
    tx.execute(
        "UPDATE jobs SET state = ?2, result = ?3, reason = ?4, finished_ms = ?5
         WHERE id = ?1 AND state IN ('queued', 'running')",
        params![id, to_word(&state), result.map(Value::to_string), reason, now_ms()],
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::store::tests::store;

    pub(crate) fn sample(kind: JobKind) -> Job {
        Job {
            id: crate::new_id(),
            kind,
            state: JobState::Queued,
            title: "find".into(),
            dataset: None,
            request: serde_json::json!({}),
            result: None,
            reason: None,
            attempts: 0,
            created_ms: 1,
            started_ms: None,
            finished_ms: None,
            created_by: None,
        }
    }

    #[test]
    fn a_job_at_work_is_interrupted_by_a_restart_and_can_be_resumed() {
        let (folder, store) = store();
        let job = sample(JobKind::Detect);
        store.add_job(&job).unwrap();
        assert!(store.begin_job(&job.id).unwrap());
        assert!(!store.begin_job(&job.id).unwrap(), "begun twice");
        drop(store);
        let (store, swept) = Store::open(folder.path()).unwrap();
        assert_eq!(swept.interrupted, std::slice::from_ref(&job.id));
        assert_eq!(store.job(&job.id).unwrap().state, JobState::Interrupted);
        assert!(store.resume_job(&job.id).unwrap());
        assert_eq!(store.queued_jobs().unwrap().len(), 1);
        assert!(store.begin_job(&job.id).unwrap());
        assert_eq!(store.job(&job.id).unwrap().attempts, 2);
    }

    #[test]
    fn a_cancelled_job_is_not_finished_afterwards() {
        let (_folder, store) = store();
        let job = sample(JobKind::Train);
        store.add_job(&job).unwrap();
        store.begin_job(&job.id).unwrap();
        assert!(store.end_job(&job.id, JobState::Cancelled, None, None).unwrap());
        assert!(!store.end_job(&job.id, JobState::Done, None, None).unwrap());
        assert_eq!(store.job(&job.id).unwrap().state, JobState::Cancelled);
        store.remove_job(&job.id).unwrap();
    }

    #[test]
    fn a_waiting_job_cannot_be_removed() {
        let (_folder, store) = store();
        let job = sample(JobKind::Train);
        store.add_job(&job).unwrap();
        assert!(matches!(store.remove_job(&job.id), Err(StoreError::Conflict(_))));
        let page = PageRequest { cursor: None, limit: 10 };
        assert_eq!(store.jobs(&page, None, Some(JobState::Queued)).unwrap().items.len(), 1);
        assert!(store.jobs(&page, Some("x"), None).unwrap().items.is_empty());
    }
}
