//! Who did what.

use rusqlite::params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{to_word, word};
use crate::{Page, PageRequest, Store, StoreError, now_ms};

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
}

/// A line of the audit log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AuditEntry {
    /// Number of the line; it only grows.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Name of who did it; none when they were not known.
    pub actor: Option<String>,
    /// Network address they did it from.
    pub address: String,
    /// What was done: method and route.
    pub action: String,
    /// Id of what it was done to.
    pub subject: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// More, in words.
    pub detail: Option<String>,
}

impl Store {
    /// Writes a line. Its number and time are given by the store.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let short = |text: &str| text.chars().take(500).collect::<String>();
        self.write(|tx| {
            tx.execute(
                "INSERT INTO audit(at_ms, actor, address, action, subject, outcome, detail) VALUES(?1,?2,?3,?4,?5,?6,?7)",
                params![
                    now_ms(),
                    entry.actor.as_deref().map(short),
                    entry.address,
                    entry.action,
                    entry.subject.as_deref().map(short),
                    to_word(&entry.outcome),
                    entry.detail.as_deref().map(short)
                ],
            )
            .map(|_| ())
        })
    }

    /// Lines, newest first.
    pub fn audit_log(&self, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
        let before: Option<i64> = page.cursor.as_deref().and_then(|text| text.parse().ok());
        let items = self.read(|db| {
            db.prepare_cached(
                "SELECT seq, at_ms, actor, address, action, subject, outcome, detail FROM audit
                 WHERE ?1 IS NULL OR seq < ?1 ORDER BY seq DESC LIMIT ?2",
            )?
            .query_map(params![before, page.rows()], |row| {
                Ok(AuditEntry {
                    seq: row.get(0)?,
                    at_ms: row.get(1)?,
                    actor: row.get(2)?,
                    address: row.get(3)?,
                    action: row.get(4)?,
                    subject: row.get(5)?,
                    outcome: word(row, 6)?,
                    detail: row.get(7)?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        Ok(page.cut(items, |one| one.seq.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::store;

    #[test]
    fn lines_come_newest_first_and_are_cut_to_size() {
        let (_folder, store) = store();
        for n in 0..3 {
            let entry = AuditEntry {
                seq: 0,
                at_ms: 0,
                actor: Some("a".repeat(10_000)),
                address: "127.0.0.1".into(),
                action: format!("POST /{n}"),
                subject: None,
                outcome: Outcome::Refused,
                detail: None,
            };
            store.audit(&entry).unwrap();
        }
        let page = store.audit_log(&PageRequest { cursor: None, limit: 2 }).unwrap();
        assert_eq!(page.items[0].action, "POST /2");
        assert_eq!(page.items[0].actor.as_ref().map(String::len), Some(500));
        let rest = store.audit_log(&PageRequest { cursor: page.next, limit: 2 }).unwrap();
        assert_eq!(rest.items.len(), 1);
    }
}
