//! What the incidents of a page are drawn from: plain data, filled by the runner.
//!
//! Texts may come from traffic: the page shows them as text and nothing else.

use serde::Serialize;

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// When there is time.
    #[default]
    Low,
    /// Today.
    Medium,
    /// Now.
    High,
}

impl Urgency {
    /// In a word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// An incident, whole.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct IncidentCard {
    /// What it is called: letters and digits.
    pub id: String,
    /// 1 = most urgent.
    pub rank: u64,
    /// How soon somebody should look.
    pub urgency: Urgency,
    /// What it is, in a few words.
    pub kind: String,
    /// What happened, in a sentence.
    pub sentence: String,
    /// What would have been ordinary, in a sentence; empty where nobody knows.
    pub ordinary: String,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Begin, when it was told, and end, in milliseconds since 1970; none where rows have no time.
    pub times_ms: Option<[f64; 3]>,
    /// Flows that belong to it.
    pub flows: u64,
    /// Bytes of these flows.
    pub octets: u64,
    /// Rows that belong to it, in a table without addresses.
    pub n_rows: u64,
    /// Techniques of MITRE ATT&CK: id, name, tactic.
    pub techniques: Vec<[String; 3]>,
    /// The version they are of.
    pub attack_version: String,
    /// Who does it.
    pub actors: Vec<Host>,
    /// To whom.
    pub targets: Vec<Host>,
    /// Targets that are not named.
    pub more_targets: u64,
    /// What was seen and what is ordinary.
    pub evidence: Vec<EvidenceRow>,
    /// When how much of it happened: begin of each part in milliseconds, and flows.
    pub timeline: Vec<(f64, u64)>,
    /// Some of its flows, the cells of each as [`FLOW_COLUMNS`] has them.
    pub evidence_flows: Vec<[String; FLOW_COLUMNS.len()]>,
    /// The rows that prove it, in a table without addresses: where, score, what is unusual.
    pub rows: Vec<[String; 3]>,
    /// What to do, most urgent first: when, and what.
    pub advice: Vec<(String, String)>,
    /// Ready rules.
    pub filters: Vec<FilterCard>,
}

/// The columns of a table of flows.
pub const FLOW_COLUMNS: [&str; 8] =
    ["Time", "From", "To", "Protocol", "Bytes out", "Bytes back", "State", "Name"];

/// A host of an incident.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Host {
    /// Its address.
    pub name: String,
    /// Whether it belongs to a private network.
    pub inside: bool,
    /// Flows of the incident that it has part in.
    pub flows: u64,
}

/// A number of evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct EvidenceRow {
    /// What was counted or measured.
    pub what: String,
    /// What was seen.
    pub seen: f64,
    /// What would have been ordinary, at most.
    pub usual: f64,
    /// What would have been ordinary, at least, where there is such a limit.
    pub usual_from: Option<f64>,
    /// Its unit, where known.
    pub unit: Option<String>,
}

/// A rule against an incident, in several forms.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FilterCard {
    /// What it is for, in a sentence.
    pub purpose: String,
    /// The rule in words.
    pub in_words: String,
    /// How long it lasts, in words.
    pub lasts: String,
    /// What it would have done to the flows at hand, in a sentence.
    pub effect: String,
    /// Share of the flows of the incident that it would have met, 0 to 1.
    pub share: f64,
    /// Other flows that it would have met.
    pub other_flows: u64,
    /// Whom these are with: address, name, flows.
    pub peers: Vec<(String, String, u64)>,
    /// The rule as filters take it.
    pub forms: Vec<FormCard>,
}

/// A rule as one kind of filter takes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct FormCard {
    /// Name of the kind of filter.
    pub title: String,
    /// The rule.
    pub text: String,
    /// What takes it away again.
    pub undo: String,
    /// How it ends by itself, in a sentence.
    pub expiry: String,
}
