//! What is handed to a worker, and what it says.

use std::path::PathBuf;

use eddy_engine::Metric;
use eddy_store::{FindingRecord, IncidentRecord};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::Protocol;
use super::{FitRequest, GenerateRequest, ReadRequest, RuleRequest};

/// A file to read, and the name that people know it by.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
}

/// Everything a worker needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What to do.
    pub(crate) work: Work,
    /// Folder for what comes out; it is there and empty.
    pub(crate) out: PathBuf,
    /// Most bytes of memory to ask the system for.
    pub(crate) memory: u64,
    /// Bytes of rows that are kept in memory.
    pub(crate) rows_memory: usize,
    /// Most rows of a data set.
    pub(crate) most_rows: u64,
    /// Most bytes that one byte of a file may unpack to.
    pub(crate) unpacked_ratio: f64,
    /// Bars of pictures, where the configuration says how many.
    pub(crate) bars: Bars,
}

/// Bars of the pictures that have some.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bars {
    /// Of the spread of a feature.
    pub(crate) distribution: Option<usize>,
    /// Of the spread of scores.
    pub(crate) scores: Option<usize>,
}

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    Check {
        input: Input,
    },
    Explore {
        input: Input,
        read: ReadRequest,
    },
    Detect {
        input: Input,
        read: ReadRequest,
        fit: FitRequest,
        rule: Option<RuleRequest>,
        prefer: Vec<String>,
    },
    Score {
        input: Input,
        read: ReadRequest,
        model: PathBuf,
        rule: Option<RuleRequest>,
    },
    /// What a model says of each row, as one table.
    Predict {
        input: Input,
        model: PathBuf,
    },
    Train {
        input: Input,
        read: ReadRequest,
        fit: FitRequest,
        rule: Option<RuleRequest>,
    },
    Compare {
        input: Input,
        read: ReadRequest,
        models: Vec<String>,
        protocol: Protocol,
        official: Option<PathBuf>,
    },
    Tune {
        input: Input,
        read: ReadRequest,
        fit: FitRequest,
        space: Vec<String>,
        random: Option<usize>,
        metric: Metric,
        protocol: Protocol,
        official: Option<PathBuf>,
    },
    Generate(GenerateRequest),
    /// Looks at a model file that was sent.
    Inspect {
        model: PathBuf,
    },
    /// Ends in a crash: what a worker that does so leaves behind is tested with it.
    Crash,
}

/// A line that a worker says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// How far it is.
    Progress { stage: String, done: u64, of: u64 },
    /// It is done; what came out besides files.
    Done(Value),
    /// It cannot be done.
    Failed(String),
}

/// What a detection or scoring says besides its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunSaid {
    pub(crate) detector: String,
    pub(crate) rows: u64,
    pub(crate) flagged: u64,
    pub(crate) summary: Value,
    pub(crate) findings: Vec<Value>,
    pub(crate) incidents: Vec<Value>,
}

impl RunSaid {
    /// The findings, as they are remembered.
    pub(crate) fn finding_records(&self) -> Vec<FindingRecord> {
        let record = |(at, body): (usize, &Value)| FindingRecord {
            id: String::new(),
            run: String::new(),
            rank: at as u32 + 1,
            anomaly_score: body["anomaly_score"].as_f64().unwrap_or(0.0),
            sentence: text(&body["sentence"]),
            body: body.clone(),
            opinion: None,
        };
        self.findings.iter().enumerate().map(record).collect()
    }

    /// The incidents, as they are remembered.
    pub(crate) fn incident_records(&self) -> Vec<IncidentRecord> {
        let record = |(at, body): (usize, &Value)| IncidentRecord {
            id: String::new(),
            run: String::new(),
            dataset_name: String::new(),
            rank: at as u32 + 1,
            severity: match body["severity"].as_str() {
                Some("high") => 3,
                Some("medium") => 2,
                _ => 1,
            },
            confidence: body["confidence"].as_f64().unwrap_or(0.0),
            kind: text(&body["kind"]),
            sentence: text(&body["sentence"]),
            first_ns: body["first_ns"].as_i64().unwrap_or(0),
            last_ns: body["last_ns"].as_i64().unwrap_or(0),
            body: body.clone(),
            opinion: None,
        };
        self.incidents.iter().enumerate().map(record).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
