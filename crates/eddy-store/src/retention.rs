//! Nothing is kept for ever by accident.

use rusqlite::params;
use schemars::JsonSchema;
use serde::Serialize;

use crate::folder::bytes_below;
use crate::{Store, StoreError, now_ms};

/// How long things are kept. What an alias points to is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retention {
    /// Days that runs with their findings and incidents are kept.
    pub run_days: f64,
    /// Days that data sets are kept.
    pub dataset_days: f64,
    /// Days that jobs that are over are kept.
    pub job_days: f64,
    /// Days that the audit log goes back.
    pub audit_days: f64,
    /// Most lines of the audit log; beyond, the oldest go first.
    pub audit_lines: u64,
    /// Most bytes of the whole folder; beyond, the oldest data sets and runs go first.
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
}

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
        for id in self.older_than("runs", before(keep.run_days))? {
            self.remove_run(&id)?;
            gone.runs += 1;
        }
        for id in self.older_than("datasets", before(keep.dataset_days))? {
            gone.datasets += usize::from(self.let_go_of_dataset(&id)?);
        }
        let over = "AND state NOT IN ('queued', 'running')";
        let jobs: Vec<String> = self.read(|db| {
            db.prepare(&format!("SELECT id FROM jobs WHERE created_ms < ?1 {over} ORDER BY id"))?
                .query_map([before(keep.job_days)], |row| row.get(0))?
                .collect()
        })?;
        for id in jobs {
            self.remove_job(&id)?;
            gone.jobs += 1;
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

    /// Makes room for what has arrived and lies in the folder already: lets the oldest go until it fits. False when it
    /// cannot fit, because what must stay is too much with it; then nothing goes.
    pub fn make_room(&self, most_bytes: u64) -> Result<bool, StoreError> {
        if !self.is_over(most_bytes)? {
            return Ok(true);
        }
        let mut may_go = 0;
        for id in self.older_than("runs", i64::MAX)? {
            may_go += bytes_below(&self.folder().run(&id));
        }
        for id in self.older_than("datasets", i64::MAX)? {
            if !self.is_busy(&id)? {
                may_go += bytes_below(&self.folder().dataset(&id));
            }
        }
        if self.folder().bytes().saturating_sub(may_go) > most_bytes {
            return Ok(false);
        }
        self.shrink(most_bytes, &mut Expired::default())?;
        Ok(self.folder().bytes() <= most_bytes)
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
            let runs = self.older_than("runs", i64::MAX)?;
            let datasets = self.older_than("datasets", i64::MAX)?;
            let mut freed = false;
            // Ids sort by time.
            for (id, is_run) in oldest_first(&runs, &datasets) {
                freed = if is_run {
                    self.remove_run(id)?;
                    gone.runs += 1;
                    true
                } else {
                    let went = self.let_go_of_dataset(id)?;
                    gone.datasets += usize::from(went);
                    went
                };
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

    fn older_than(&self, table: &str, before_ms: i64) -> Result<Vec<String>, StoreError> {
        self.read(|db| {
            db.prepare(&format!("SELECT id FROM {table} WHERE created_ms < ?1 ORDER BY id"))?
                .query_map([before_ms], |row| row.get(0))?
                .collect()
        })
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

    fn let_go_of_dataset(&self, id: &str) -> Result<bool, StoreError> {
        if self.is_busy(id)? {
            return Ok(false);
        }
        self.remove_dataset(id).map(|()| true)
    }
}

fn oldest_first<'a>(runs: &'a [String], datasets: &'a [String]) -> Vec<(&'a str, bool)> {
    let mut all: Vec<(&str, bool)> = runs.iter().map(|id| (id.as_str(), true)).collect();
    all.extend(datasets.iter().map(|id| (id.as_str(), false)));
    all.sort_unstable();
    all
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
        assert!(!store.make_room(most_bytes).unwrap());
        assert_eq!(store.usage().unwrap().runs, 3, "nothing goes in vain");
        std::fs::write(&arrived, vec![0; 4_000_000]).unwrap();
        assert!(store.make_room(most_bytes).unwrap());
        assert!(store.folder().bytes() <= most_bytes);
        assert_eq!(store.usage().unwrap().runs, 1);
    }
}
