//! The registry of models: versions of a name, and aliases that point to one.

use rusqlite::{OptionalExtension, Row, params};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::jobs::finish;
use crate::store::json;
use crate::{JobState, Page, PageRequest, Store, StoreError, now_ms};

/// A version of a model.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Model {
    /// Id.
    pub id: String,
    /// Name that its versions share.
    pub name: String,
    /// 1, 2, 3 ...
    pub version: u32,
    /// Name of the detector.
    pub detector: String,
    /// Size of its file.
    pub bytes: u64,
    /// SHA-256 digest of its file.
    pub sha256: String,
    /// The data set it learned from, where that was one of ours.
    pub dataset: Option<String>,
    /// The job that made it.
    pub job: Option<String>,
    /// What it learned from, what it reads, its threshold.
    pub about: Value,
    /// When it was made or imported, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who made it.
    pub created_by: Option<String>,
    /// Aliases that point to it.
    pub aliases: Vec<String>,
}

/// A model that is to be remembered. Its version is given by the store.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Id; its file is in its place already.
    pub id: String,
    /// Name that its versions share.
    pub name: String,
    /// Name of the detector.
    pub detector: String,
    /// Size of its file.
    pub bytes: u64,
    /// SHA-256 digest of its file.
    pub sha256: String,
    /// The data set it learned from.
    pub dataset: Option<String>,
    /// The job that made it, which ends with it.
    pub job: Option<String>,
    /// What is known of it.
    pub about: Value,
    /// Who made it.
    pub created_by: Option<String>,
}

/// A name that points to a model, so that callers need not change when the model does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Alias {
    /// The name.
    pub alias: String,
    /// Id of the model it points to.
    pub model: String,
    /// Since when, in milliseconds since 1970.
    pub changed_ms: i64,
    /// Ids of the models it pointed to, this one last.
    pub history: Vec<String>,
}

const COLUMNS: &str = "id, name, version, detector, bytes, sha256, dataset, job, about, created_ms, created_by, \
     (SELECT group_concat(alias, ' ') FROM aliases WHERE model = models.id)";

fn model(row: &Row<'_>) -> rusqlite::Result<Model> {
    let aliases: Option<String> = row.get(11)?;
    let mut aliases: Vec<String> =
        aliases.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    aliases.sort();
    Ok(Model {
        id: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        detector: row.get(3)?,
        bytes: row.get::<_, i64>(4)?.max(0) as u64,
        sha256: row.get(5)?,
        dataset: row.get(6)?,
        job: row.get(7)?,
        about: json(row, 8)?,
        created_ms: row.get(9)?,
        created_by: row.get(10)?,
        aliases,
    })
}

impl Store {
    /// Remembers a model whose file is in its place already, and ends its job, in one step. None when the job had been
    /// called off meanwhile; then nothing is remembered. Otherwise its version.
    pub fn finish_model(&self, new: &NewModel) -> Result<Option<u32>, StoreError> {
        let version = self.write(|tx| {
            if let Some(job) = &new.job
                && finish(tx, job, JobState::Done, Some(&json!({ "model": new.id })), None)? == 0
            {
                return Ok(None);
            }
            let version: u32 = tx.query_row(
                "SELECT coalesce(max(version), 0) + 1 FROM models WHERE name = ?1",
                [&new.name],
                |row| row.get(0),
            )?;
            tx.execute(
                "INSERT INTO models(id, name, version, detector, bytes, sha256, dataset, job, about, created_ms, created_by)
                 VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
                params![
                    new.id,
                    new.name,
                    version,
                    new.detector,
                    new.bytes as i64,
                    new.sha256,
                    new.dataset,
                    new.job,
                    new.about.to_string(),
                    now_ms(),
                    new.created_by
                ],
            )?;
            Ok(Some(version))
        })?;
        if version.is_none() {
            self.folder().remove(&self.folder().model(&new.id))?;
        }
        Ok(version)
    }

    /// A model.
    pub fn model(&self, id: &str) -> Result<Model, StoreError> {
        self.read(|db| {
            db.prepare_cached(&format!("SELECT {COLUMNS} FROM models WHERE id = ?1"))?
                .query_row([id], model)
                .optional()
        })?
        .ok_or_else(|| StoreError::missing("model", id))
    }

    /// Models, newest first; versions of one name only.
    pub fn models(&self, page: &PageRequest, name: Option<&str>) -> Result<Page<Model>, StoreError> {
        let items = self.read(|db| {
            db.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM models WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR name = ?2)
                 ORDER BY id DESC LIMIT ?3"
            ))?
            .query_map(params![page.cursor, name, page.rows()], model)?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.id.clone()))
    }

    /// Forgets a model and removes its file. Refused while an alias points to it.
    pub fn remove_model(&self, id: &str) -> Result<(), StoreError> {
        let found = self.model(id)?;
        let removed = self.write(|tx| {
            tx.execute(
                "DELETE FROM models WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM aliases WHERE model = ?1)",
                [id],
            )
        })?;
        if removed == 0 {
            return Err(StoreError::Conflict(format!(
                "the alias {} points to this model; point it to another one first",
                found.aliases.join(", ")
            )));
        }
        self.folder().remove(&self.folder().model(id))
    }

    /// Points an alias to a model.
    pub fn point_alias(&self, alias: &str, model: &str, by: Option<&str>) -> Result<Alias, StoreError> {
        self.model(model)?;
        self.write(|tx| point(tx, alias, model, by))?;
        self.alias(alias)
    }

    /// Points an alias to the model it pointed to before.
    pub fn roll_back_alias(&self, alias: &str, by: Option<&str>) -> Result<Alias, StoreError> {
        let now = self.alias(alias)?;
        let before = self.read(|db| {
            db.prepare_cached(
                "SELECT model FROM alias_history WHERE alias = ?1 AND model <> ?2
                 AND model IN (SELECT id FROM models) AND seq < (SELECT max(seq) FROM alias_history WHERE alias = ?1)
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![alias, now.model], |row| row.get::<_, String>(0))
            .optional()
        })?;
        let Some(before) = before else {
            return Err(StoreError::Conflict(format!(
                "the alias {alias} has pointed to no other model that is left"
            )));
        };
        self.write(|tx| point(tx, alias, &before, by))?;
        self.alias(alias)
    }

    /// Where an alias points to.
    pub fn alias(&self, alias: &str) -> Result<Alias, StoreError> {
        self.read(|db| {
            let mut found = db
                .prepare_cached("SELECT alias, model, changed_ms FROM aliases WHERE alias = ?1")?
                .query_row([alias], |row| {
                    Ok(Alias {
                        alias: row.get(0)?,
                        model: row.get(1)?,
                        changed_ms: row.get(2)?,
                        history: Vec::new(),
                    })
                })
                .optional()?;
            if let Some(found) = &mut found {
                found.history = db
                    .prepare_cached(
                        "SELECT model FROM alias_history WHERE alias = ?1 ORDER BY seq DESC LIMIT 50",
                    )?
                    .query_map([alias], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                found.history.reverse();
            }
            Ok(found)
        })?
        .ok_or_else(|| StoreError::missing("alias", alias))
    }

    /// All aliases, by name.
    pub fn aliases(&self) -> Result<Vec<Alias>, StoreError> {
        let names: Vec<String> = self.read(|db| {
            db.prepare_cached("SELECT alias FROM aliases ORDER BY alias")?
                .query_map([], |row| row.get(0))?
                .collect()
        })?;
        names.iter().map(|name| self.alias(name)).collect()
    }

    /// Forgets an alias; the model stays.
    pub fn remove_alias(&self, alias: &str) -> Result<(), StoreError> {
        let n = self.write(|tx| {
            tx.execute("DELETE FROM alias_history WHERE alias = ?1", [alias])?;
            tx.execute("DELETE FROM aliases WHERE alias = ?1", [alias])
        })?;
        if n == 0 { Err(StoreError::missing("alias", alias)) } else { Ok(()) }
    }
}

fn point(tx: &rusqlite::Transaction<'_>, alias: &str, model: &str, by: Option<&str>) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT INTO aliases(alias, model, changed_ms) VALUES(?1, ?2, ?3)
         ON CONFLICT(alias) DO UPDATE SET model = excluded.model, changed_ms = excluded.changed_ms",
        params![alias, model, now_ms()],
    )?;
    tx.execute(
        "INSERT INTO alias_history(alias, model, changed_ms, changed_by) VALUES(?1, ?2, ?3, ?4)",
        params![alias, model, now_ms(), by],
    )
    .map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new_id;
    use crate::store::tests::store;

    fn sample(name: &str) -> NewModel {
        NewModel {
            id: new_id(),
            name: name.into(),
            detector: "isolation_forest".into(),
            bytes: 1,
            sha256: String::new(),
            dataset: None,
            job: None,
            about: json!({}),
            created_by: None,
        }
    }

    #[test]
    fn versions_count_up_and_an_alias_goes_forth_and_back() {
        let (_folder, store) = store();
        let (a, b, other) = (sample("m"), sample("m"), sample("n"));
        assert_eq!(store.finish_model(&a).unwrap(), Some(1));
        assert_eq!(store.finish_model(&b).unwrap(), Some(2));
        assert_eq!(store.finish_model(&other).unwrap(), Some(1));
        assert!(store.roll_back_alias("predict", None).is_err(), "there is no alias yet");
        store.point_alias("predict", &a.id, None).unwrap();
        assert!(store.roll_back_alias("predict", None).is_err(), "there is nothing before");
        store.point_alias("predict", &b.id, Some("anna")).unwrap();
        assert_eq!(store.model(&b.id).unwrap().aliases, ["predict"]);
        assert!(store.remove_model(&b.id).unwrap_err().to_string().contains("predict"));
        assert_eq!(store.roll_back_alias("predict", None).unwrap().model, a.id);
        assert_eq!(store.alias("predict").unwrap().history, [a.id.clone(), b.id.clone(), a.id.clone()]);
        store.remove_model(&b.id).unwrap();
        assert!(store.roll_back_alias("predict", None).is_err(), "the other model is gone");
        assert!(store.point_alias("predict", &b.id, None).is_err());
        assert_eq!(store.aliases().unwrap().len(), 1);
        store.remove_alias("predict").unwrap();
        store.remove_model(&a.id).unwrap();
        let left = store.models(&PageRequest { cursor: None, limit: 9 }, None).unwrap().items;
        assert_eq!(left.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["n"]);
    }
}
