//! What people think of a finding or an incident.

use rusqlite::params;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{to_word, word};
use crate::{Store, StoreError, new_id, now_ms};

/// What feedback is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A finding.
    Finding,
    /// An incident.
    Incident,
}

/// What somebody thinks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// It is what it is said to be.
    Real,
    /// It is harmless.
    Benign,
    /// They do not know yet.
    Unsure,
}

/// What somebody said about a finding or an incident.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Feedback {
    /// Id.
    pub id: String,
    /// What it is about.
    pub subject_kind: Subject,
    /// Id of that.
    pub subject: String,
    /// What they think.
    pub opinion: Opinion,
    /// Why.
    pub note: String,
    /// When they said so, in milliseconds since 1970.
    pub created_ms: i64,
    /// Who.
    pub created_by: Option<String>,
}

impl Store {
    /// Remembers what somebody said.
    pub fn add_feedback(
        &self,
        kind: Subject,
        subject: &str,
        opinion: Opinion,
        note: &str,
        by: Option<&str>,
    ) -> Result<Feedback, StoreError> {
        match kind {
            Subject::Finding => drop(self.finding(subject)?),
            Subject::Incident => drop(self.incident(subject)?),
        }
        let said = Feedback {
            id: new_id(),
            subject_kind: kind,
            subject: subject.to_owned(),
            opinion,
            note: note.to_owned(),
            created_ms: now_ms(),
            created_by: by.map(str::to_owned),
        };
        self.write(|tx| {
            tx.execute(
                "INSERT INTO feedback(id, subject_kind, subject, opinion, note, created_ms, created_by)
                 VALUES(?1,?2,?3,?4,?5,?6,?7)",
                params![said.id, to_word(&kind), subject, to_word(&opinion), note, said.created_ms, by],
            )
        })?;
        Ok(said)
    }

    /// What was said about something, oldest first.
    pub fn feedback(&self, subject: &str) -> Result<Vec<Feedback>, StoreError> {
        self.read(|db| {
            db.prepare_cached(
                "SELECT id, subject_kind, subject, opinion, note, created_ms, created_by FROM feedback
                 WHERE subject = ?1 ORDER BY rowid LIMIT 1000",
            )?
            .query_map([subject], |row| {
                Ok(Feedback {
                    id: row.get(0)?,
                    subject_kind: word(row, 1)?,
                    subject: row.get(2)?,
                    opinion: word(row, 3)?,
                    note: row.get(4)?,
                    created_ms: row.get(5)?,
                    created_by: row.get(6)?,
                })
            })?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PageRequest;
    use crate::runs::tests::sample;
    use crate::store::tests::store;

    #[test]
    fn feedback_is_kept_with_what_it_is_about() {
        let (_folder, store) = store();
        store.finish_run(&sample(None)).unwrap();
        let page = PageRequest { cursor: None, limit: 1 };
        let incident = store.incidents(&page, None).unwrap().items.remove(0);
        store
            .add_feedback(Subject::Incident, &incident.id, Opinion::Benign, "our scanner", Some("anna"))
            .unwrap();
        let said = store.feedback(&incident.id).unwrap();
        assert_eq!((said[0].opinion, said[0].note.as_str()), (Opinion::Benign, "our scanner"));
        store.add_feedback(Subject::Incident, &incident.id, Opinion::Unsure, "", None).unwrap();
        let page = PageRequest { cursor: None, limit: 9 };
        let told = store.incidents(&page, None).unwrap().items;
        let opinions: Vec<_> = told.iter().map(|one| (one.id == incident.id, one.opinion)).collect();
        assert_eq!(opinions[0], (true, Some(Opinion::Unsure)), "the last word counts");
        assert!(opinions[1..].iter().all(|one| *one == (false, None)));
        let finding = store.findings(&page).unwrap().items.swap_remove(0);
        store.add_feedback(Subject::Finding, &finding.id, Opinion::Real, "", None).unwrap();
        assert_eq!(store.findings_of(&finding.run, &page).unwrap().items[0].opinion, Some(Opinion::Real));
        assert_eq!(store.findings(&page).unwrap().items[1].opinion, None);
        assert!(store.add_feedback(Subject::Finding, &incident.id, Opinion::Real, "", None).is_err());
    }
}
