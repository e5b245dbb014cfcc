//! Nothing is kept for ever by accident.

use rusqlite::params;
use schemars::JsonSchema;
use serde::Serialize;

use crate::folder::bytes_below;
use crate::{Store, StoreError, now_ms};

/// How long things are kept. A model that an alias points to is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retention {
    /// Days that runs with their findings and incidents are kept.
    pub run_days: f64,
    /// Days that data sets are kept.
    pub dataset_days: f64,
    /// Days that jobs that are over are kept, with what came out of a description, a comparison or a search.
    pub job_days: f64,
    /// Days that models are kept to which no alias points.
    pub model_days: f64,
    /// Days that the audit log goes back.
    pub audit_days: f64,
    /// Most lines of the audit log; beyond, the oldest go first.
    pub audit_lines: u64,
    /// Most bytes of the whole folder; beyond, the oldest go first: runs, data sets, results of jobs, and models to which
    /// no alias points.
    pub most_bytes: u64,
}

/// What was let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Runs.
    pub runs: usize,
    /// Data sets.
    pub datasets: usize,
    /// Jobs.
    pub jobs: usize,
    /// Models.
    pub models: usize,
}

/// What may be let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Run,
    Dataset,
    Job,
    Model,
}

/// Models to which no alias points, and to which no job at work is to go back.
const FREE_MODELS: &str = "SELECT id FROM models WHERE created_ms < ?1
     AND NOT EXISTS (SELECT 1 FROM aliases WHERE model = models.id)
     AND NOT EXISTS (SELECT 1 FROM jobs WHERE state IN ('queued', 'running') AND request ->> 'model' = models.id)
     ORDER BY id";
/// Jobs that are over.
const OVER_JOBS: &str =
    "SELECT id FROM jobs WHERE created_ms < ?1 AND state NOT IN ('queued', 'running') ORDER BY id";

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Usage {
    /// Bytes of the folder.
    pub bytes: u64,
    /// Bytes that the file system still has.
    pub free_bytes: Option<u64>,
    /// Data sets.
    pub datasets: u64,
    /// Runs.
    pub runs: u64,
    /// Findings.
    pub findings: u64,
    /// Incidents.
    pub incidents: u64,
    /// Models.
    pub models: u64,
    /// Jobs that wait or are at work.
    pub active_jobs: u64,
}

impl Store {
    /// What is there.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let counts = self.read(|db| {
            db.query_row(
                "SELECT (SELECT count(*) FROM datasets), (SELECT count(*) FROM runs), (SELECT count(*) FROM findings),
                 (SELECT count(*) FROM incidents), (SELECT count(*) FROM models),
                 (SELECT count(*) FROM jobs WHERE state IN ('queued', 'running'))",
                [],
                |row| {
                    let mut counts = [0u64; 6];
                    for (at, count) in counts.iter_mut().enumerate() {
                        *count = row.get::<_, i64>(at)?.max(0) as u64;
                    }
                    Ok(counts)
                },
            )
        })?;
        let [datasets, runs, findings, incidents, models, active_jobs] = counts;
        let (bytes, free_bytes) = (self.folder().bytes(), self.folder().free_bytes());
        Ok(Usage { bytes, free_bytes, datasets, runs, findings, incidents, models, active_jobs })
    }

    /// Lets go of what is too old, and of the oldest when there is too much.
    pub fn expire(&self, keep: &Retention) -> Result<Expired, StoreError> {
        let mut gone = Expired::default();
        let before = |days: f64| now_ms().saturating_sub((days.max(0.0) * 86_400_000.0) as i64);
        for (kind, days) in [
            (Kind::Run, keep.run_days),
            (Kind::Dataset, keep.dataset_days),
            (Kind::Job, keep.job_days),
            (Kind::Model, keep.model_days),
        ] {
            for id in self.older_than(kind, before(days))? {
                self.let_go(kind, &id, &mut gone)?;
            }
        }
        self.write(|tx| {
            tx.execute("DELETE FROM audit WHERE at_ms < ?1", [before(keep.audit_days)])?;
            // Numbers of lines only grow, by one.
            let lines = i64::try_from(keep.audit_lines).unwrap_or(i64::MAX);
            tx.execute("DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?1", [lines])?;
            tx.execute(
                "DELETE FROM feedback WHERE subject NOT IN (SELECT id FROM findings)
                 AND subject NOT IN (SELECT id FROM incidents) AND created_ms < ?1",
                params![before(keep.audit_days)],
            )
        })?;
        if self.is_over(keep.most_bytes)? {
            self.shrink(keep.most_bytes, &mut gone)?;
        }
        Ok(gone)
    }

    /// Makes room for what has arrived and lies in the folder already: lets the oldest go until it fits. Whether it
    /// fits now, and what went; where it cannot fit, because what must stay is too much with it, nothing goes.
    pub fn make_room(&self, most_bytes: u64) -> Result<(bool, Expired), StoreError> {
        let mut gone = Expired::default();
        if !self.is_over(most_bytes)? {
            return Ok((true, gone));
        }
        let mut may_go = 0;
        for (id, kind) in self.oldest_first()? {
            may_go += match kind {
                Kind::Dataset if self.is_busy(&id)? => 0,
                _ => self.bytes_of(kind, &id),
            };
        }
        if self.folder().bytes().saturating_sub(may_go) > most_bytes {
            return Ok((false, gone));
        }
        self.shrink(most_bytes, &mut gone)?;
        Ok((self.folder().bytes() <= most_bytes, gone))
    }

    /// Whether the folder is too large, also after the log of the database was settled.
    fn is_over(&self, most_bytes: u64) -> Result<bool, StoreError> {
        if self.folder().bytes() <= most_bytes {
            return Ok(false);
        }
        self.settle_log()?;
        Ok(self.folder().bytes() > most_bytes)
    }

    /// Lets the oldest go until the folder is small enough.
    fn shrink(&self, most_bytes: u64, gone: &mut Expired) -> Result<(), StoreError> {
        while self.folder().bytes() > most_bytes {
            let mut freed = false;
            for (id, kind) in self.oldest_first()? {
                freed = self.let_go(kind, &id, gone)?;
                if freed {
                    break;
                }
            }
            if !freed {
                break;
            }
        }
        Ok(())
    }

    /// What may go of one kind and is older than a moment.
    fn older_than(&self, kind: Kind, before_ms: i64) -> Result<Vec<String>, StoreError> {
        let query = match kind {
            Kind::Run => "SELECT id FROM runs WHERE created_ms < ?1 ORDER BY id",
            Kind::Dataset => "SELECT id FROM datasets WHERE created_ms < ?1 ORDER BY id",
            Kind::Job => OVER_JOBS,
            Kind::Model => FREE_MODELS,
        };
        self.read(|db| db.prepare(query)?.query_map([before_ms], |row| row.get(0))?.collect())
    }

    /// Everything that takes room and may go, oldest first. Jobs without a result of their own take none.
    fn oldest_first(&self) -> Result<Vec<(String, Kind)>, StoreError> {
        let mut all = Vec::new();
        for kind in [Kind::Run, Kind::Dataset, Kind::Job, Kind::Model] {
            all.extend(self.older_than(kind, i64::MAX)?.into_iter().map(|id| (id, kind)));
        }
        all.retain(|(id, kind)| *kind != Kind::Job || self.bytes_of(*kind, id) > 0);
        // Ids sort by time.
        all.sort_unstable();
        Ok(all)
    }

    /// Room that the files of one thing take.
    fn bytes_of(&self, kind: Kind, id: &str) -> u64 {
        let folder = self.folder();
        match kind {
            Kind::Run => bytes_below(&folder.run(id)),
            Kind::Dataset => bytes_below(&folder.dataset(id)),
            Kind::Job => bytes_below(&folder.result(id)),
            Kind::Model => std::fs::metadata(folder.model(id)).map_or(0, |file| file.len()),
        }
    }

    /// Lets one thing go and counts it; false where it has to stay after all.
    fn let_go(&self, kind: Kind, id: &str, gone: &mut Expired) -> Result<bool, StoreError> {
        let (went, n) = match kind {
            Kind::Run => (self.remove_run(id), &mut gone.runs),
            Kind::Dataset if self.is_busy(id)? => return Ok(false),
            Kind::Dataset => (self.remove_dataset(id), &mut gone.datasets),
            Kind::Job => (self.remove_job(id), &mut gone.jobs),
            Kind::Model => (self.remove_model(id), &mut gone.models),
        };
        match went {
            Ok(()) => *n += 1,
            // Meanwhile an alias was pointed to it, it was put back into the queue, or somebody removed it.
            Err(StoreError::Conflict(_) | StoreError::Missing { .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Whether a job waits for a data set or reads it.
    fn is_busy(&self, id: &str) -> Result<bool, StoreError> {
        let busy: i64 = self.read(|db| {
            db.query_row(
                "SELECT count(*) FROM jobs WHERE dataset = ?1 AND state IN ('queued', 'running')",
                [id],
                |row| row.get(0),
            )
        })?;
        Ok(busy > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::tests::sample;
    use crate::store::tests::store;

    const FOREVER: Retention = Retention {
        run_days: 1e6,
        dataset_days: 1e6,
        job_days: 1e6,
        model_days: 1e6,
        audit_days: 1e6,
        audit_lines: u64::MAX,
        most_bytes: u64::MAX,
    };

    #[test]
    fn what_is_too_old_goes_and_the_rest_stays() {
        let (_folder, store) = store();
        (0..3).for_each(|_| assert!(store.finish_run(&sample(None)).unwrap()));
        assert_eq!(store.expire(&FOREVER).unwrap(), Expired::default());
        assert_eq!(store.usage().unwrap().runs, 3);
        // Everything is older than a moment in the future.
        store.write(|tx| tx.execute("UPDATE runs SET created_ms = 0", [])).unwrap();
        assert_eq!(store.expire(&Retention { run_days: 1.0, ..FOREVER }).unwrap().runs, 3);
        assert_eq!(store.usage().unwrap().findings, 0);
    }

    #[test]
    fn the_audit_log_keeps_its_newest_lines() {
        let (_folder, store) = store();
        store.expire(&Retention { audit_lines: 3, ..FOREVER }).unwrap();
        store
            .write(|tx| {
                let line = "INSERT INTO audit(at_ms, address, action, outcome) VALUES(?1, '', ?1, 'refused')";
                (0..10).try_for_each(|n| tx.execute(line, [n + now_ms()]).map(drop))
            })
            .unwrap();
        store.expire(&Retention { audit_lines: 3, ..FOREVER }).unwrap();
        let page = crate::PageRequest { cursor: None, limit: 100 };
        let kept = store.audit_log(&page).unwrap().items;
        assert_eq!(kept.iter().map(|line| line.seq).collect::<Vec<_>>(), [10, 9, 8]);
    }

    #[test]
    fn too_much_lets_the_oldest_go_until_there_is_room() {
        let (_folder, store) = store();
        let runs: Vec<_> = (0..4).map(|_| sample(None)).collect();
        for run in &runs {
            let folder = store.folder().run(&run.run.id);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("table"), vec![0; 2_000_000]).unwrap();
            store.finish_run(run).unwrap();
        }
        let most_bytes = store.folder().bytes() - 2_400_000;
        let gone = store.expire(&Retention { most_bytes, ..FOREVER }).unwrap();
        assert_eq!(gone.runs, 2);
        assert!(store.folder().bytes() <= most_bytes);
        assert_eq!(store.usage().unwrap().runs, 2);
    }

    #[test]
    fn room_is_made_only_where_it_suffices() {
        let (_folder, store) = store();
        let runs: Vec<_> = (0..3).map(|_| sample(None)).collect();
        for run in &runs {
            let folder = store.folder().run(&run.run.id);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("table"), vec![0; 2_000_000]).unwrap();
            store.finish_run(run).unwrap();
        }
        let most_bytes = store.folder().bytes() + 1_000_000;
        let arrived = store.folder().incoming("arrived");
        std::fs::write(&arrived, vec![0; 8_000_000]).unwrap();
        assert_eq!(store.make_room(most_bytes).unwrap(), (false, Expired::default()));
        assert_eq!(store.usage().unwrap().runs, 3, "nothing goes in vain");
        std::fs::write(&arrived, vec![0; 4_000_000]).unwrap();
        let gone = store.make_room(most_bytes).unwrap();
        assert_eq!(gone, (true, Expired { runs: 2, ..Expired::default() }));
        assert!(store.folder().bytes() <= most_bytes);
        assert_eq!(store.usage().unwrap().runs, 1);
    }

    /// A model with a file of two million bytes.
    fn model(store: &Store, name: &str) -> String {
        let id = crate::new_id();
        std::fs::write(store.folder().model(&id), vec![0; 2_000_000]).unwrap();
        let new = crate::NewModel {
            id: id.clone(),
            name: name.into(),
            detector: "hbos".into(),
            bytes: 2_000_000,
            sha256: String::new(),
            dataset: None,
            job: None,
            about: serde_json::json!({}),
            created_by: None,
        };
        store.finish_model(&new).unwrap();
        id
    }

    /// A search that is over, with a result of two million bytes.
    fn search(store: &Store) -> String {
        let job = crate::jobs::tests::sample(crate::JobKind::Tune);
        store.add_job(&job).unwrap();
        let result = store.folder().result(&job.id);
        std::fs::create_dir_all(&result).unwrap();
        std::fs::write(result.join("trials.json"), vec![0; 2_000_000]).unwrap();
        store.end_job(&job.id, crate::JobState::Done, None, None).unwrap();
        job.id
    }

    #[test]
    fn models_nobody_promoted_and_results_of_jobs_go_by_age_and_for_room_and_promoted_ones_never() {
        let (_folder, store) = store();
        let promoted = model(&store, "promoted");
        store.point_alias("predict", &promoted, None).unwrap();
        let old = model(&store, "tried");
        store.write(|tx| tx.execute("UPDATE models SET created_ms = 0", [])).unwrap();
        let gone = store.expire(&Retention { model_days: 1.0, ..FOREVER }).unwrap();
        assert_eq!(gone, Expired { models: 1, ..Expired::default() });
        assert!(store.model(&old).is_err() && !store.folder().model(&old).exists());

        let (tried, search) = (model(&store, "tried"), search(&store));
        let most_bytes = store.folder().bytes() - 3_000_000;
        let arrived = store.folder().incoming("arrived");
        std::fs::write(&arrived, vec![0; 2_900_000]).unwrap();
        assert!(!store.make_room(most_bytes - 3_000_000).unwrap().0, "what is promoted stays");
        assert!(store.model(&tried).is_ok() && store.job(&search).is_ok(), "nothing goes in vain");
        std::fs::write(&arrived, vec![0; 500_000]).unwrap();
        let (fits, gone) = store.make_room(most_bytes).unwrap();
        assert!(fits && gone.models == 1, "{gone:?}");
        assert!(store.model(&tried).is_err() && store.job(&search).is_err());
        assert!(store.model(&promoted).is_ok() && store.folder().model(&promoted).exists());
    }
}
