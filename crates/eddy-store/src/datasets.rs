//! Data sets.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{json_or_none, to_word, word};
use crate::{Page, PageRequest, Store, StoreError};

/// How far a data set is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatasetState {
    /// It has arrived and is being looked at.
    Checking,
    /// It can be read; what it holds is known.
    Ready,
    /// It cannot be read; the reason says why.
    Failed,
}

/// Where a data set is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody sent it.
    Upload,
    /// It was generated here.
    Generated,
    /// It is one of the samples.
    Sample,
}

/// A table or capture that somebody sent or that was generated.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Dataset {
    /// Id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Name of the file in its folder.
    pub file: String,
    /// How far it is.
    pub state: DatasetState,
    /// Why it cannot be read.
    pub reason: Option<String>,
    /// Where it is from.
    pub origin: Origin,
    /// Size in bytes, as it was sent.
    pub bytes: u64,
    /// SHA-256 digest of these bytes.
    pub sha256: String,
    /// When it arrived, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who sent it.
    pub created_by: Option<String>,
    /// What it holds: format, shape, rows, columns; none until it was looked at.
    pub about: Option<Value>,
}

const COLUMNS: &str = "id, name, file, state, reason, origin, bytes, sha256, created_ms, created_by, about";

fn dataset(row: &Row<'_>) -> rusqlite::Result<Dataset> {
    Ok(Dataset {
        id: row.get(0)?,
        name: row.get(1)?,
        file: row.get(2)?,
        state: word(row, 3)?,
        reason: row.get(4)?,
        origin: word(row, 5)?,
        bytes: row.get::<_, i64>(6)?.max(0) as u64,
        sha256: row.get(7)?,
        created_ms: row.get(8)?,
        created_by: row.get(9)?,
        about: json_or_none(row, 10)?,
    })
}

impl Store {
    /// Remembers a data set whose file is in its place already.
    pub fn add_dataset(&self, new: &Dataset) -> Result<(), StoreError> {
        self.write(|tx| {
            tx.execute(
                &format!("INSERT INTO datasets({COLUMNS}) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"),
                params![
                    new.id,
                    new.name,
                    new.file,
                    to_word(&new.state),
                    new.reason,
                    to_word(&new.origin),
                    new.bytes as i64,
                    new.sha256,
                    new.created_ms,
                    new.created_by,
                    new.about.as_ref().map(Value::to_string)
                ],
            )
            .map(|_| ())
        })
    }

    /// A data set.
    pub fn dataset(&self, id: &str) -> Result<Dataset, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM datasets WHERE id = ?1"))?
                .query_row([id], dataset)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("data set", id))
    }

    /// Data sets, newest first.
    pub fn datasets(&self, page: &PageRequest) -> Result<Page<Dataset>, StoreError> {
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM datasets WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2"
            ))?
            .query_map(params![page.cursor, page.rows()], dataset)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.id.clone()))
    }

    /// Gives a data set another name.
    pub fn rename_dataset(&self, id: &str, name: &str) -> Result<(), StoreError> {
        let n = self.write(|tx| tx.execute("UPDATE datasets SET name = ?2 WHERE id = ?1", [id, name]))?;
        if n == 0 { Err(StoreError::missing("data set", id)) } else { Ok(()) }
    }

    /// Says what was found out about a data set, or why it cannot be read.
    pub fn judge_dataset(&self, id: &str, about: Result<&Value, &str>) -> Result<(), StoreError> {
        let (state, reason, about) = match about {
            Ok(about) => (DatasetState::Ready, None, Some(about.to_string())),
            Err(reason) => (DatasetState::Failed, Some(reason), None),
        };
        self.write(|tx| {
            tx.execute(
                "UPDATE datasets SET state = ?2, reason = ?3, about = coalesce(?4, about) WHERE id = ?1",
                params![id, to_word(&state), reason, about],
            )
            .map(|_| ())
        })
    }

    /// Forgets a data set and removes its file. Runs that were made from it stay.
    pub fn remove_dataset(&self, id: &str) -> Result<(), StoreError> {
        let n = self.write(|tx| tx.execute("DELETE FROM datasets WHERE id = ?1", [id]))?;
        if n == 0 {
            return Err(StoreError::missing("data set", id));
        }
        // A crash before this leaves a folder that no row names, which the next start sweeps.
        self.folder().remove(&self.folder().dataset(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    fn sample(id: &str) -> Dataset {
        Dataset {
            id: id.to_owned(),
            name: "a.csv".into(),
            file: "a.csv".into(),
            state: DatasetState::Checking,
            reason: None,
            origin: Origin::Upload,
            bytes: 3,
            sha256: String::new(),
            created_ms: 1,
            created_by: None,
            about: None,
        }
    }

    #[test]
    fn pages_go_through_all_and_each_once() {
        let (_folder, store) = store();
        let ids: Vec<String> = (0..7).map(|_| crate::new_id()).collect();
        ids.iter().for_each(|id| store.add_dataset(&sample(id)).unwrap());
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.datasets(&PageRequest { cursor, limit: 3 }).unwrap();
            assert!(page.items.len() <= 3);
            seen.extend(page.items.into_iter().map(|one| one.id));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let mut wanted = ids.clone();
        wanted.sort();
        wanted.reverse();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn a_data_set_is_judged_renamed_and_forgotten() {
        let (_folder, store) = store();
        let id = crate::new_id();
        store.add_dataset(&sample(&id)).unwrap();
        store.judge_dataset(&id, Ok(&serde_json::json!({ "rows": 3 }))).unwrap();
        store.rename_dataset(&id, "b").unwrap();
        let found = store.dataset(&id).unwrap();
        assert_eq!((found.state, found.name.as_str()), (DatasetState::Ready, "b"));
        assert_eq!(found.about.unwrap()["rows"], 3);
        store.judge_dataset(&id, Err("broken")).unwrap();
        assert_eq!(store.dataset(&id).unwrap().reason.as_deref(), Some("broken"));
        store.remove_dataset(&id).unwrap();
        assert!(matches!(store.dataset(&id), Err(StoreError::Missing { .. })));
        assert!(matches!(store.remove_dataset(&id), Err(StoreError::Missing { .. })));
    }
}
