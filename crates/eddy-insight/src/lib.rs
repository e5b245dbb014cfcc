//! From flagged rows to findings that say why.
//!
//! A [`Finding`] names the features that made a row unusual, each with what was seen and what would have been ordinary,
//! and says so in a sentence. This crate knows nothing of storage or HTTP.

mod cause;
mod finding;
mod incident;
mod series;
mod words;

pub use eddy_behaviour::{Evidence, Severity, Sighting};

pub use cause::{Cause, Seen, explain};
pub use finding::{Finding, Place, Stretch};
pub use incident::{Incident, Technique, incidents};
pub use series::{
    Alarm, EventKind, SeriesEvent, SeriesRecord, event_sentence, events as series_events, span_in_words,
};
pub use words::{count, number, sentence};
