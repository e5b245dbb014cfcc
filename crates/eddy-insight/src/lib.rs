//! From flagged rows to findings that say why, and from what hosts do to incidents that say what to do.
//!
//! A [`Finding`] names the features that made a row unusual, each with what was seen and what would have been ordinary,
//! and says so in a sentence. An [`Incident`] is what one cause did: who, to whom, since when, how sure, with the flows
//! behind it and what to do about it. `export` writes incidents for other programs. This crate knows nothing of storage
//! or HTTP, and applies nothing.

mod attack;
mod cause;
mod confidence;
mod examine;
mod export;
mod finding;
mod identity;
mod incident;
mod incident_words;
mod measure;
mod mitigation;
mod scope;
mod series;
mod table;
mod words;

pub use eddy_behaviour::{Evidence, Role, Severity, Sighting};

pub use attack::{ATTACK_VERSION, Technique};
pub use cause::{Cause, Seen, explain};
pub use examine::{Examination, FlowRecord, Moment, Trial};
pub use export::{INCIDENT_FORMATS, IncidentFormat, Origin};
pub use finding::{Finding, Place, Stretch};
pub use incident::{Entity, Incident, NO_TIME, incidents};
pub use measure::Measure;
pub use mitigation::{
    Action, Advice, Filter, Mitigation, Packets, PeerHit, Rendered, Rule, Simulation, When,
};
pub use series::{
    Alarm, EventKind, SeriesEvent, SeriesRecord, event_sentence, events as series_events, span_in_words,
};
pub use table::{ProofRow, table_incidents};
pub use words::{count, number, sentence};
