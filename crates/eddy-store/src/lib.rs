//! What a server remembers: data sets, jobs, runs with their findings and incidents, models with their aliases,
//! feedback, people, tokens and an audit log.
//!
//! Everything lies in one folder that one process owns ([`Folder`]). Small things are rows of an SQLite database with a
//! write-ahead log and `synchronous = FULL`: what a call of this crate has returned from is on the disk. Large things
//! are files beside it; a file is written under another name, synchronised, renamed, and its folder synchronised, and
//! only then does the database speak of it. So after a crash the database never names a file that is not whole, and a
//! file that no row names is swept away when the folder is opened the next time ([`Store::open`]).
//!
//! This crate knows nothing of HTTP, of models or of the rows of tables.

mod accounts;
mod audit;
mod clock;
mod datasets;
mod error;
mod feedback;
mod folder;
mod id;
mod jobs;
mod migrations;
mod models;
mod page;
mod retention;
mod runs;
mod store;

pub use accounts::{Role, Session, Token, User};
pub use audit::{AuditEntry, Outcome};
pub use clock::now_ms;
pub use datasets::{Dataset, DatasetState, Origin};
pub use error::StoreError;
pub use feedback::{Feedback, Opinion, Subject};
pub use folder::Folder;
pub use id::{new_id, random_bytes};
pub use jobs::{Job, JobKind, JobState};
pub use models::{Alias, Model, NewModel};
pub use page::{Page, PageRequest};
pub use retention::{Expired, Retention, Usage};
pub use runs::{FindingRecord, IncidentRecord, NewRun, Run};
pub use store::{Store, Swept};
