//! One incident a row, for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula.

use super::{Origin, advice, moment, percent, severity_word};
use crate::Incident;

const HEAD: [&str; 17] = [
    "id",
    "rank",
    "severity",
    "confidence_percent",
    "kind",
    "actors",
    "targets",
    "n_targets",
    "port",
    "first",
    "detected",
    "last",
    "flows",
    "bytes",
    "techniques",
    "sentence",
    "advice",
];

pub(super) fn write(incidents: &[Incident], _: &Origin) -> String {
    let mut text = HEAD.join(",");
    text.push_str("\r\n");
    for incident in incidents {
        let cells: Vec<String> = row(incident).iter().map(|cell| quoted(cell)).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn row(incident: &Incident) -> [String; HEAD.len()] {
    let list = |addresses: &[std::net::IpAddr]| {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let time = |nanos| if incident.is_timed() { moment(nanos) } else { String::new() };
    let targets = if incident.targets.is_empty() {
        incident.subject.clone().unwrap_or_default()
    } else {
        list(&incident.targets)
    };
    [
        incident.id.clone(),
        incident.rank.to_string(),
        severity_word(incident.severity).to_lowercase(),
        percent(incident.confidence).to_string(),
        incident.kind.to_owned(),
        list(&incident.actors),
        targets,
        incident.n_targets.to_string(),
        incident.port.map_or_else(String::new, |port| port.to_string()),
        time(incident.first_ns),
        time(incident.detected_ns),
        time(incident.last_ns),
        incident.flows.max(incident.n_rows).to_string(),
        incident.octets.to_string(),
        incident.techniques.iter().map(|technique| technique.id).collect::<Vec<_>>().join(" "),
        incident.sentence.clone(),
        advice(incident),
    ]
}

/// A cell: what a spreadsheet would take for a formula gets a quote before it, and quotes are doubled.
fn quoted(cell: &str) -> String {
    let safe = if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    // A NUL ends the text for some readers, and a line break alone the row for others.
    let safe: String = safe.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if safe.contains([',', '"', ';', '\'']) || safe.contains(char::is_whitespace) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The cells of one line of RFC 4180.
    fn cells(line: &str) -> Vec<String> {
        let (mut out, mut cell, mut inside) = (Vec::new(), String::new(), false);
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if inside && letters.peek() == Some(&'"') => cell.push(letters.next().unwrap_or('"')),
                '"' => inside = !inside,
                ',' if !inside => out.push(std::mem::take(&mut cell)),
                other => cell.push(other),
            }
        }
        out.push(cell);
        out
    }

    proptest! {
        #[test]
        fn no_cell_is_a_formula_and_every_cell_comes_back(texts in prop::collection::vec("\\PC{0,20}|[=+@,\"\r\n\t'-]{0,6}", 1..6)) {
            let line: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            let read = cells(&line.join(","));
            prop_assert_eq!(read.len(), texts.len());
            for (cell, text) in read.iter().zip(&texts) {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{:?}", cell);
                let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                prop_assert!(cell == &plain || cell == &format!("'{plain}"), "{:?} {:?}", cell, plain);
            }
        }
    }
}
