//! Finished runs, their findings and their incidents.

use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::jobs::finish;
use crate::store::{json, word};
use crate::{JobState, Opinion, Page, PageRequest, Store, StoreError, new_id, now_ms};

/// A finished detection or scoring.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Run {
    /// Id.
    pub id: String,
    /// The job that made it.
    pub job: Option<String>,
    /// The data set it was made from; it may be gone.
    pub dataset: Option<String>,
    /// Name of that data set when the run was made.
    pub dataset_name: String,
    /// The model that scored; none where a model was fitted for this run alone.
    pub model: Option<String>,
    /// Name of the detector.
    pub detector: String,
    /// Rows scored.
    pub rows: u64,
    /// Rows flagged.
    pub flagged: u64,
    /// How it went: what was read, steps, threshold, cautions, evaluation, seconds.
    pub summary: Value,
    /// When it was finished, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who asked for it.
    pub created_by: Option<String>,
}

/// A finding of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingRecord {
    /// Id.
    pub id: String,
    /// The run.
    pub run: String,
    /// Place in its run, 1 = most unusual.
    pub rank: u32,
    /// Calibrated score, 0 to 1.
    pub anomaly_score: f64,
    /// What it is, in a sentence.
    pub sentence: String,
    /// Everything that is known of it.
    pub body: Value,
    /// What was last said of it; none where nobody has said anything.
    pub opinion: Option<Opinion>,
}

/// An incident of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct IncidentRecord {
    /// Id.
    pub id: String,
    /// The run.
    pub run: String,
    /// Name of the data set of that run when it was made.
    pub dataset_name: String,
    /// Place in its run, 1 = most urgent.
    pub rank: u32,
    /// How soon somebody should look: 1 low, 2 medium, 3 high.
    pub severity: u8,
    /// 0 to 1.
    pub confidence: f64,
    /// What it is, in a few words.
    pub kind: String,
    /// What happened, in a sentence.
    pub sentence: String,
    /// Begin, nanoseconds since 1970.
    pub first_ns: i64,
    /// End, nanoseconds since 1970.
    pub last_ns: i64,
    /// Everything that is known of it.
    pub body: Value,
    /// What was last said of it; none where nobody has said anything.
    pub opinion: Option<Opinion>,
}

/// A run that is to be remembered. The ids of findings and incidents are given by the store, and the names of data sets
/// that incidents carry are that of the run; opinions come later.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The run.
    pub run: Run,
    /// Findings, in order.
    pub findings: Vec<FindingRecord>,
    /// Incidents, in order.
    pub incidents: Vec<IncidentRecord>,
}

const COLUMNS: &str =
    "id, job, dataset, dataset_name, model, detector, rows, flagged, summary, created_ms, created_by";

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        job: row.get(1)?,
        dataset: row.get(2)?,
        dataset_name: row.get(3)?,
        model: row.get(4)?,
        detector: row.get(5)?,
        rows: row.get::<_, i64>(6)?.max(0) as u64,
        flagged: row.get::<_, i64>(7)?.max(0) as u64,
        summary: json(row, 8)?,
        created_ms: row.get(9)?,
        created_by: row.get(10)?,
    })
}

fn finding(row: &Row<'_>) -> rusqlite::Result<FindingRecord> {
    Ok(FindingRecord {
        id: row.get(0)?,
        run: row.get(1)?,
        rank: row.get(2)?,
        anomaly_score: row.get(3)?,
        sentence: row.get(4)?,
        body: json(row, 5)?,
        opinion: opinion(row, 6)?,
    })
}

fn incident(row: &Row<'_>) -> rusqlite::Result<IncidentRecord> {
    Ok(IncidentRecord {
        id: row.get(0)?,
        run: row.get(1)?,
        rank: row.get(2)?,
        severity: row.get(3)?,
        confidence: row.get(4)?,
        kind: row.get(5)?,
        sentence: row.get(6)?,
        first_ns: row.get(7)?,
        last_ns: row.get(8)?,
        body: json(row, 9)?,
        dataset_name: row.get(10)?,
        opinion: opinion(row, 11)?,
    })
}

const FINDING: &str = "id, run, rank, anomaly_score, sentence, body";
const INCIDENT: &str = "id, run, rank, severity, confidence, kind, sentence, first_ns, last_ns, body";
const DATASET_NAME: &str = "(SELECT dataset_name FROM runs WHERE runs.id = incidents.run)";
/// What was last said; rows are numbered in the order in which they came.
const FINDING_OPINION: &str =
    "(SELECT opinion FROM feedback WHERE subject = findings.id ORDER BY rowid DESC LIMIT 1)";
const INCIDENT_OPINION: &str =
    "(SELECT opinion FROM feedback WHERE subject = incidents.id ORDER BY rowid DESC LIMIT 1)";

fn opinion(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Opinion>> {
    match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        _ => word(row, at).map(Some),
    }
}

impl Store {
    /// Remembers a run whose files are in their place already, and ends its job, in one step: either both are there
    /// afterwards or neither is. False when the job had been called off meanwhile; then nothing is remembered.
    pub fn finish_run(&self, new: &NewRun) -> Result<bool, StoreError> {
        let NewRun { run: one, findings, incidents } = new;
        let done = self.write(|tx| {
            if let Some(job) = &one.job
                && finish(tx, job, JobState::Done, Some(&json!({ "run": one.id })), None)? == 0
            {
                return Ok(false);
            }
            tx.execute(
                &format!("INSERT INTO runs({COLUMNS}) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"),
                params![
                    one.id,
                    one.job,
                    one.dataset,
                    one.dataset_name,
                    one.model,
                    one.detector,
                    one.rows as i64,
                    one.flagged as i64,
                    one.summary.to_string(),
                    now_ms(),
                    one.created_by
                ],
            )?;
            let mut add =
                tx.prepare_cached(&format!("INSERT INTO findings({FINDING}) VALUES(?1,?2,?3,?4,?5,?6)"))?;
            for each in findings {
                let body = each.body.to_string();
                add.execute(params![new_id(), one.id, each.rank, each.anomaly_score, each.sentence, body])?;
            }
            let mut add = tx.prepare_cached(&format!(
                "INSERT INTO incidents({INCIDENT}) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
            ))?;
            for each in incidents {
                add.execute(params![
                    new_id(),
                    one.id,
                    each.rank,
                    each.severity,
                    each.confidence,
                    each.kind,
                    each.sentence,
                    each.first_ns,
                    each.last_ns,
                    each.body.to_string()
                ])?;
            }
            Ok(true)
        })?;
        if !done {
            self.folder().remove(&self.folder().run(&one.id))?;
        }
        Ok(done)
    }

    /// A run.
    pub fn run(&self, id: &str) -> Result<Run, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM runs WHERE id = ?1"))?
                .query_row([id], run)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("run", id))
    }

    /// Runs, newest first; those of one data set only.
    pub fn runs(&self, page: &PageRequest, dataset: Option<&str>) -> Result<Page<Run>, StoreError> {
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM runs WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR dataset = ?2)
                 ORDER BY id DESC LIMIT ?3"
            ))?
            .query_map(params![page.cursor, dataset, page.rows()], run)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.id.clone()))
    }

    /// Forgets a run with its findings, incidents and files.
    pub fn remove_run(&self, id: &str) -> Result<(), StoreError> {
        let n = self.write(|tx| tx.execute("DELETE FROM runs WHERE id = ?1", [id]))?;
        if n == 0 {
            return Err(StoreError::missing("run", id));
        }
        self.folder().remove(&self.folder().run(id))
    }

    /// Findings of a run, most unusual first.
    pub fn findings_of(&self, run: &str, page: &PageRequest) -> Result<Page<FindingRecord>, StoreError> {
        let after: i64 = page.cursor.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {FINDING}, {FINDING_OPINION} FROM findings WHERE run = ?1 AND rank > ?2 ORDER BY rank LIMIT ?3"
            ))?
            .query_map(params![run, after, page.rows()], finding)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.rank.to_string()))
    }

    /// Findings of all runs, those of the newest run first, most unusual first within a run.
    pub fn findings(&self, page: &PageRequest) -> Result<Page<FindingRecord>, StoreError> {
        let (run, rank) = pair(page.cursor.as_deref());
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {FINDING}, {FINDING_OPINION} FROM findings WHERE ?1 IS NULL OR run < ?1 OR (run = ?1 AND rank > ?2)
                 ORDER BY run DESC, rank LIMIT ?3"
            ))?
            .query_map(params![run, rank, page.rows()], finding)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| format!("{}.{}", one.run, one.rank)))
    }

    /// A finding.
    pub fn finding(&self, id: &str) -> Result<FindingRecord, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {FINDING}, {FINDING_OPINION} FROM findings WHERE id = ?1"))?
                .query_row([id], finding)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("finding", id))
    }

    /// Incidents, most urgent first; among equals those of the newest run first, and within a run in its order. Those of
    /// one run only.
    pub fn incidents(
        &self,
        page: &PageRequest,
        run: Option<&str>,
    ) -> Result<Page<IncidentRecord>, StoreError> {
        let cursor = page.cursor.as_deref().and_then(|text| text.split_once('.'));
        let severity: Option<i64> = cursor.and_then(|(severity, _)| severity.parse().ok());
        let (after, rank) = pair(cursor.map(|(_, place)| place).filter(|_| severity.is_some()));
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {INCIDENT}, {DATASET_NAME}, {INCIDENT_OPINION} FROM incidents WHERE (?5 IS NULL OR run = ?5)
                 AND (?1 IS NULL OR severity < ?2 OR (severity = ?2 AND (run < ?1 OR (run = ?1 AND rank > ?3))))
                 ORDER BY severity DESC, run DESC, rank LIMIT ?4"
            ))?
            .query_map(params![after, severity, rank, page.rows(), run], incident)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| format!("{}.{}.{}", one.severity, one.run, one.rank)))
    }

    /// An incident.
    pub fn incident(&self, id: &str) -> Result<IncidentRecord, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {INCIDENT}, {DATASET_NAME}, {INCIDENT_OPINION} FROM incidents WHERE id = ?1"
            ))?
            .query_row([id], incident)
            .optional()
        })?
        .ok_or_else(|| StoreError::missing("incident", id))
    }
}

/// A cursor of two parts; one that was not made here stands for the beginning.
fn pair(cursor: Option<&str>) -> (Option<&str>, i64) {
    cursor
        .and_then(|text| text.split_once('.'))
        .and_then(|(id, number)| Some((Some(id), number.parse().ok()?)))
        .unwrap_or((None, 0))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cmp::Reverse;

    use super::*;
    use crate::jobs::tests::sample as sample_job;
    use crate::store::tests::store;
    use crate::{JobKind, StoreError};

    pub(crate) fn sample(job: Option<String>) -> NewRun {
        let finding = |rank: u32| FindingRecord {
            id: String::new(),
            run: String::new(),
            rank,
            anomaly_score: 1.0 / f64::from(rank),
            sentence: format!("finding {rank}"),
            body: json!({}),
            opinion: None,
        };
        let incident = |rank: u32| IncidentRecord {
            id: String::new(),
            run: String::new(),
            dataset_name: String::new(),
            rank,
            severity: (rank % 3 + 1) as u8,
            confidence: 0.5,
            kind: "scan".into(),
            sentence: "somebody scans".into(),
            first_ns: 1,
            last_ns: 2,
            body: json!({}),
            opinion: None,
        };
        NewRun {
            run: Run {
                id: new_id(),
                job,
                dataset: None,
                dataset_name: "a.csv".into(),
                model: None,
                detector: "voting".into(),
                rows: 10,
                flagged: 2,
                summary: json!({}),
                created_ms: 0,
                created_by: None,
            },
            findings: (1..=5).map(finding).collect(),
            incidents: (1..=6).map(incident).collect(),
        }
    }

    #[test]
    fn a_run_ends_its_job_and_brings_its_findings_in_order() {
        let (_folder, store) = store();
        let job = sample_job(JobKind::Detect);
        store.add_job(&job).unwrap();
        store.begin_job(&job.id).unwrap();
        let new = sample(Some(job.id.clone()));
        assert!(store.finish_run(&new).unwrap());
        let ended = store.job(&job.id).unwrap();
        assert_eq!((ended.state, &ended.result.unwrap()["run"]), (JobState::Done, &json!(new.run.id)));
        let first = store.findings_of(&new.run.id, &PageRequest { cursor: None, limit: 3 }).unwrap();
        let rest = store.findings_of(&new.run.id, &PageRequest { cursor: first.next, limit: 3 }).unwrap();
        let ranks: Vec<u32> = first.items.iter().chain(&rest.items).map(|one| one.rank).collect();
        assert_eq!(ranks, [1, 2, 3, 4, 5]);
        assert_eq!(store.finding(&rest.items[0].id).unwrap().sentence, "finding 4");
        store.remove_run(&new.run.id).unwrap();
        assert!(store.findings(&PageRequest { cursor: None, limit: 9 }).unwrap().items.is_empty());
        assert!(matches!(store.run(&new.run.id), Err(StoreError::Missing { .. })));
    }

    #[test]
    fn a_cancelled_job_leaves_no_run() {
        let (_folder, store) = store();
        let job = sample_job(JobKind::Detect);
        store.add_job(&job).unwrap();
        store.end_job(&job.id, JobState::Cancelled, None, None).unwrap();
        assert!(!store.finish_run(&sample(Some(job.id))).unwrap());
        assert!(store.runs(&PageRequest { cursor: None, limit: 9 }, None).unwrap().items.is_empty());
    }

    #[test]
    fn lists_over_all_runs_are_paged_without_gaps() {
        let (_folder, store) = store();
        (0..3).for_each(|_| assert!(store.finish_run(&sample(None)).unwrap()));
        let (mut incidents, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.incidents(&PageRequest { cursor, limit: 4 }, None).unwrap();
            incidents.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(incidents.len(), 18);
        let places: Vec<_> =
            incidents.iter().map(|one| (Reverse(one.severity), Reverse(&one.run), one.rank)).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
        assert!(incidents.iter().all(|one| one.dataset_name == "a.csv"));
        assert_eq!(store.incident(&incidents[0].id).unwrap().dataset_name, "a.csv");
        let of_one =
            store.incidents(&PageRequest { cursor: None, limit: 9 }, Some(&incidents[0].run)).unwrap();
        let ranks: Vec<u32> = of_one.items.iter().map(|one| one.rank).collect();
        assert_eq!(ranks, [2, 5, 1, 4, 3, 6], "by severity, then in the order of the run");
        let (mut n, mut cursor) = (0, None);
        loop {
            let page = store.findings(&PageRequest { cursor, limit: 4 }).unwrap();
            n += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(n, 15);
        let strange = PageRequest { cursor: Some("no cursor".into()), limit: 2 };
        assert_eq!(store.findings(&strange).unwrap().items.len(), 2);
        assert_eq!(store.incidents(&strange, None).unwrap().items.len(), 2);
    }
}
