//! Incidents for other programs: one file a format.
//!
//! Everything is written by a JSON serializer or by a CSV writer that quotes, so that text from traffic stays text. Names
//! (UUIDs) and order depend on the incidents alone: the same run writes the same bytes.

mod csv;
mod ecs;
mod eve;
mod ocsf;
mod stix;

use eddy_behaviour::{Role, Severity};
use eddy_frame::{TimeStyle, format_time};
use serde_json::Value;

use crate::{Entity, Incident, NO_TIME};

/// A format that incidents are written in.
#[derive(Clone, Copy)]
pub struct IncidentFormat {
    /// Its name, as a person writes it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    write: fn(&[Incident], &Origin) -> String,
}

/// The list of formats.
pub const INCIDENT_FORMATS: &[IncidentFormat] = &[
    IncidentFormat {
        name: "json",
        summary: "Eddy's own record, everything it knows, as one array",
        write: own,
    },
    IncidentFormat {
        name: "ocsf",
        summary: "OCSF 1.5 Detection Finding (class 2004), one event a line",
        write: ocsf::write,
    },
    IncidentFormat {
        name: "ecs",
        summary: "Elastic Common Schema 8, one document a line",
        write: ecs::write,
    },
    IncidentFormat {
        name: "eve",
        summary: "alerts as in Suricata's eve.json, one a line",
        write: eve::write,
    },
    IncidentFormat { name: "stix", summary: "STIX 2.1 bundle", write: stix::write },
    IncidentFormat {
        name: "csv",
        summary: "CSV, one incident a row, safe to open in a spreadsheet",
        write: csv::write,
    },
];

/// Where incidents come from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Version of Eddy.
    pub version: String,
    /// Names of the inputs.
    pub sources: Vec<String>,
}

impl IncidentFormat {
    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        INCIDENT_FORMATS.iter().find(|format| format.name == name).copied()
    }

    /// Incidents in this format, as one text that ends with a line break.
    pub fn write(&self, incidents: &[Incident], origin: &Origin) -> String {
        (self.write)(incidents, origin)
    }
}

fn own(incidents: &[Incident], _: &Origin) -> String {
    // Plain data with text keys has no way to fail.
    let mut text = serde_json::to_string_pretty(incidents).unwrap_or_else(|_| "[]".into());
    text.push('\n');
    text
}

/// One JSON value a line.
fn lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut text, value| {
        text.push_str(&value.to_string());
        text.push('\n');
        text
    })
}

/// A time as RFC 3339 with milliseconds, in UTC.
fn moment(nanos: i64) -> String {
    let text = format_time(nanos.div_euclid(1_000_000).saturating_mul(1_000_000), TimeStyle::Iso);
    let body = text.trim_end_matches('Z');
    let (seconds, fraction) = body.split_once('.').unwrap_or((body, ""));
    format!("{seconds}.{fraction:0<3}Z")
}

/// A time as milliseconds since the epoch; 0 where there is none.
fn millis(nanos: i64) -> i64 {
    if nanos == NO_TIME { 0 } else { nanos.div_euclid(1_000_000) }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
    }
}

/// A percentage.
fn percent(confidence: f64) -> u64 {
    (confidence.clamp(0.0, 1.0) * 100.0).round() as u64
}

fn of_role(incident: &Incident, role: Role) -> impl Iterator<Item = &Entity> {
    incident.entities.iter().filter(move |entity| entity.role == role)
}

/// What to do, as one text.
fn advice(incident: &Incident) -> String {
    let texts: Vec<&str> = incident.mitigation.advice.iter().map(|advice| advice.text.as_str()).collect();
    texts.join(" ")
}

#[cfg(test)]
mod tests;
