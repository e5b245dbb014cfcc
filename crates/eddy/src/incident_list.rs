//! Incidents in the terminal.

use std::fmt::Write as _;

use eddy_frame::{TimeStyle, format_time};
use eddy_insight::{Incident, Severity, count};

use crate::terminal::plain;

/// The incidents of a run, most urgent first.
pub(crate) fn write(text: &mut String, incidents: &[Incident], top: usize) {
    if incidents.is_empty() {
        return;
    }
    let n = incidents.len() as u64;
    let _ = writeln!(
        text,
        "{} told from what hosts do:",
        if n == 1 { "1 incident".into() } else { format!("{} incidents", count(n)) }
    );
    for incident in incidents.iter().take(top) {
        let urgency = match incident.severity {
            Severity::High => "HIGH  ",
            Severity::Medium => "medium",
            Severity::Low => "low   ",
        };
        let at = |nanos| format_time(nanos, TimeStyle::Spaced);
        let _ = writeln!(text, "{:>3}. {urgency}  {}", incident.rank, plain(&incident.sentence));
        let techniques: Vec<String> =
            incident.techniques.iter().take(2).map(|t| format!("{} {}", t.id, t.name)).collect();
        let _ = writeln!(
            text,
            "     {} to {}, told at {}; {} flows; {}",
            at(incident.first_ns),
            at(incident.last_ns),
            at(incident.detected_ns),
            count(incident.flows),
            techniques.join(", ")
        );
        if !incident.ordinary.is_empty() {
            let _ = writeln!(text, "     {}", plain(&incident.ordinary));
        }
    }
    if incidents.len() > top {
        let _ = writeln!(text, "     ... and {} more", count((incidents.len() - top) as u64));
    }
    text.push_str("\nUnusual rows:\n");
}
