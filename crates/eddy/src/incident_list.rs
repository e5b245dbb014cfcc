//! Incidents in the terminal.

use std::fmt::Write as _;

use eddy_frame::moment_in_words;
use eddy_insight::{Incident, Severity, count};

use crate::terminal::plain;

/// The severity as a word, as wide as the widest.
pub(crate) fn urgency(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "HIGH  ",
        Severity::Medium => "medium",
        Severity::Low => "low   ",
    }
}

/// A number of things, with their name.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", count(n)) }
}

/// The incidents of a run, most urgent first.
pub(crate) fn write(text: &mut String, incidents: &[Incident], top: usize, inputs: &str) {
    if incidents.is_empty() {
        return;
    }
    if incidents.iter().all(|incident| incident.sightings.is_empty()) {
        of_table(text, incidents, inputs);
        return;
    }
    let n = counted(incidents.len() as u64, "incident", "incidents");
    let _ = writeln!(text, "{n} told from what hosts do:");
    for incident in incidents.iter().take(top) {
        let at = |nanos: i64| moment_in_words(nanos, 0);
        let urgency = urgency(incident.severity);
        let _ = writeln!(text, "{:>3}. {urgency}  {}", incident.rank, plain(&incident.sentence));
        let techniques: Vec<String> =
            incident.techniques.iter().take(2).map(|t| format!("{} {}", t.id, t.name)).collect();
        let _ = writeln!(
            text,
            "     {} to {}, told at {}; {} flows; {:.0} % sure; {}",
            at(incident.first_ns),
            at(incident.last_ns),
            at(incident.detected_ns),
            count(incident.flows),
            100.0 * incident.confidence,
            techniques.join(", ")
        );
        if !incident.ordinary.is_empty() {
            let _ = writeln!(text, "     {}", plain(&incident.ordinary));
        }
        if let Some(advice) = incident.mitigation.advice.first() {
            let _ = writeln!(text, "     {}: {}", advice.when.in_words(), plain(&advice.text));
        }
    }
    if incidents.len() > top {
        let _ = writeln!(text, "     ... and {} more", count((incidents.len() - top) as u64));
    }
    let _ = writeln!(text, "     eddy explain {inputs} [NUMBER]    one of them whole, with rules against it");
    text.push_str("\nUnusual rows:\n");
}

/// The incidents of a table without addresses in two lines: the rows that they are made of follow.
fn of_table(text: &mut String, incidents: &[Incident], inputs: &str) {
    let mut kinds: Vec<(&str, u64)> = Vec::new();
    for incident in incidents {
        match kinds.iter_mut().find(|(kind, _)| *kind == incident.kind) {
            Some((_, n)) => *n += 1,
            None => kinds.push((incident.kind, 1)),
        }
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{} x {kind}", count(*n))).collect();
    let high = incidents.iter().filter(|incident| incident.severity == Severity::High).count() as u64;
    let high = if high > 0 { format!("; {} of high severity", count(high)) } else { String::new() };
    let _ = writeln!(
        text,
        "{}: {}{high}\n           eddy explain {inputs} [NUMBER]    one of them whole, with what to do\n",
        counted(incidents.len() as u64, "incident", "incidents"),
        kinds.join(", ")
    );
}
