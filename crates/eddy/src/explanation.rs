//! One incident whole, in the terminal.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_detect::Typical;
use eddy_frame::moment_in_words;
use eddy_insight::{Finding, FlowRecord, Incident, Moment, Role, Seen, count, number, span_in_words};

use crate::incident_list::{counted, urgency};
use crate::terminal::plain;

/// Signs of a bar from least to most.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Everything that is known of an incident, `of` so many.
pub(crate) fn text(incident: &Incident, of: usize, form: &str) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}  {} ({} of {of}, id {})\n{}\n",
        urgency(incident.severity).trim_end(),
        incident.kind,
        incident.rank,
        incident.id,
        plain(&incident.sentence)
    );
    facts(&mut text, incident);
    evidence(&mut text, incident);
    timeline(&mut text, &incident.timeline);
    flows(&mut text, incident);
    rows(&mut text, incident);
    if !incident.mitigation.advice.is_empty() {
        text.push_str("\nWhat to do\n");
        for advice in &incident.mitigation.advice {
            let _ = writeln!(text, "  {:<6} {}", advice.when.in_words(), plain(&advice.text));
        }
    }
    rules(&mut text, incident, form);
    text
}

/// Everything that is known of an unusual row, and the incident in which its host has part.
pub(crate) fn of_finding(finding: &Finding, incidents: &[Incident]) -> String {
    let place = &finding.place;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}  {:.3}  {}\n\n{:<40} {:>8} {:>20} {:>28}",
        plain(&crate::terminal::where_in_words(finding, false)),
        finding.anomaly_score,
        plain(&finding.sentence),
        "Cause",
        "part",
        "seen",
        "ordinary"
    );
    for cause in &finding.causes {
        let seen = match &cause.seen {
            Seen::Number(value) => value.map_or_else(|| "missing".to_owned(), number),
            Seen::Text(level) => plain(level),
        };
        let expected = match &cause.expected {
            Typical::Number { low, high, .. } => range(*low, *high),
            Typical::Category { mode, share, .. } => format!("{} ({:.0} %)", plain(mode), 100.0 * share),
        };
        let name = plain(&cause.feature);
        let _ = writeln!(text, "  {name:<38} {:>6.0} % {seen:>20} {expected:>28}", 100.0 * cause.share);
    }
    if let Some(source) = &place.source {
        let _ = writeln!(text, "\nfrom       {}", plain(source));
    }
    let host = place.entity.as_deref().and_then(|name| name.parse::<IpAddr>().ok());
    let of_host = host.and_then(|host| {
        incidents.iter().find(|incident| incident.entities.iter().any(|entity| entity.address == host))
    });
    let _ = match (host, of_host) {
        (Some(host), Some(incident)) => writeln!(
            text,
            "\n{host} has part in incident {} (id {}): {}",
            incident.rank,
            incident.id,
            plain(&incident.sentence)
        ),
        (Some(host), None) => writeln!(text, "\nNo incident names {host}."),
        (None, _) => Ok(()),
    };
    text
}

/// `3 to 5`, or `3` where both ends read the same.
fn range(low: f64, high: f64) -> String {
    let (low, high) = (number(low), number(high));
    if low == high { low } else { format!("{low} to {high}") }
}

/// A time with three digits after the second.
fn at(nanos: i64) -> String {
    moment_in_words(nanos, 3)
}

fn facts(text: &mut String, incident: &Incident) {
    if incident.is_timed() {
        let lasted = incident.last_ns.saturating_sub(incident.first_ns);
        let _ = writeln!(
            text,
            "when       {} to {} ({}), told at {}",
            at(incident.first_ns),
            at(incident.last_ns),
            span_in_words(lasted),
            at(incident.detected_ns)
        );
    }
    let _ = writeln!(text, "sure       {:.0} %", 100.0 * incident.confidence);
    for (name, role) in [("by", Role::Actor), ("to", Role::Target)] {
        let of_role = || incident.entities.iter().filter(move |entity| entity.role == role);
        for (n, entity) in of_role().take(8).enumerate() {
            let part = if entity.flows > 0 {
                format!(", {}, {} bytes", counted(entity.flows, "flow", "flows"), count(entity.octets))
            } else {
                String::new()
            };
            let place = if entity.inside { "inside" } else { "outside" };
            let name = if n == 0 { name } else { "" };
            let _ = writeln!(text, "{name:<10} {} ({place}{part})", entity.address);
        }
        let rest = of_role().count().saturating_sub(8) as u64;
        let rest = if role == Role::Target { rest.max(incident.n_targets.saturating_sub(8)) } else { rest };
        if rest > 0 {
            let _ = writeln!(text, "           and {} more", count(rest));
        }
    }
    if let Some(subject) = &incident.subject {
        let _ = writeln!(text, "about      {}", plain(subject));
    }
    for (n, technique) in incident.techniques.iter().enumerate() {
        let name = if n == 0 { "ATT&CK" } else { "" };
        let _ = writeln!(
            text,
            "{name:<10} {} {} ({}; version {})",
            technique.id, technique.name, technique.tactic, incident.attack_version
        );
    }
    if !incident.ordinary.is_empty() {
        let _ = writeln!(
            text,
            "ordinary   {}",
            plain(incident.ordinary.trim_start_matches("ordinary would have been "))
        );
    }
}

fn evidence(text: &mut String, incident: &Incident) {
    if incident.evidence.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{:<58} {:>14} {:>20}", "Evidence", "seen", "ordinary");
    for measure in &incident.evidence {
        let usual = match measure.usual_from {
            Some(from) => range(from, measure.usual),
            None => number(measure.usual),
        };
        let what: String = plain(&measure.what).chars().take(57).collect();
        let _ = writeln!(text, "  {what:<56} {:>14} {usual:>20}", number(measure.seen));
    }
}

fn timeline(text: &mut String, moments: &[Moment]) {
    let [first, second, ..] = moments else { return };
    let most = moments.iter().map(|moment| moment.flows).max().unwrap_or(0).max(1);
    let bar = |moment: &Moment| match moment.flows {
        0 => ' ',
        n => BARS[((n * 8).div_ceil(most) as usize).clamp(1, 8) - 1],
    };
    let width = second.at_ns - first.at_ns;
    let _ = writeln!(
        text,
        "\nTimeline (flows; a sign is {}, the highest {})\n  {}\n  {}  to  {}",
        if width < 1_000_000_000 { format!("{} ms", width / 1_000_000) } else { span_in_words(width) },
        count(most),
        moments.iter().map(bar).collect::<String>(),
        at(first.at_ns),
        at(moments[moments.len() - 1].at_ns.saturating_add(width))
    );
}

fn flows(text: &mut String, incident: &Incident) {
    if incident.evidence_flows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nFlows ({} of {}: the first and the largest)",
        incident.evidence_flows.len(),
        count(incident.flows)
    );
    for flow in &incident.evidence_flows {
        let _ = writeln!(text, "  {}", plain(&flow_line(flow)));
    }
}

fn flow_line(flow: &FlowRecord) -> String {
    let protocol = match flow.protocol {
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        1 | 58 => "ICMP".to_owned(),
        other => other.to_string(),
    };
    let side = |address: IpAddr, port: u16| match (address, port) {
        (_, 0) => address.to_string(),
        (IpAddr::V6(_), port) => format!("[{address}]:{port}"),
        _ => format!("{address}:{port}"),
    };
    format!(
        "{}  {:<22} > {:<22} {protocol:<4} {:>12} out {:>12} back{}  {}",
        at(flow.start_ns),
        side(flow.source, flow.source_port),
        side(flow.destination, flow.destination_port),
        count(flow.octets),
        count(flow.reverse_octets),
        if flow.failed { "  in vain" } else { "" },
        if flow.name.is_empty() { &flow.application } else { &flow.name }
    )
}

fn rows(text: &mut String, incident: &Incident) {
    if incident.rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nRows ({} of {}, the strangest first)",
        incident.rows.len(),
        count(incident.n_rows.max(incident.rows.len() as u64))
    );
    for row in &incident.rows {
        let place = row.line.map_or_else(|| format!("row {}", row.row), |line| format!("line {line}"));
        let time = row.time.as_ref().map(|time| format!(", {time}")).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:.3}  {}: {}",
            row.anomaly_score,
            plain(&format!("{place}{time}")),
            plain(&row.sentence)
        );
    }
}

fn rules(text: &mut String, incident: &Incident, form: &str) {
    if incident.mitigation.filters.is_empty() {
        return;
    }
    text.push_str(
        "\nRules (Eddy never applies them; --rules all shows nftables, Suricata, flowspec and access list)\n",
    );
    for (n, filter) in incident.mitigation.filters.iter().enumerate() {
        let _ = writeln!(
            text,
            "{:>3}. {} {}, for {}.\n     {}",
            n + 1,
            filter.purpose,
            capital(&filter.in_words),
            filter.rule.lasts_in_words(),
            filter.effect
        );
        for one in filter.rendered.iter().filter(|one| form == "all" || one.form == form) {
            let _ = writeln!(text, "\n     {}. {}", one.title, one.expiry);
            one.text.lines().for_each(|line| {
                let _ = writeln!(text, "       {}", plain(&line.replace('\t', "  ")));
            });
            text.push_str("     undo\n");
            one.undo.lines().for_each(|line| {
                let _ = writeln!(text, "       {}", plain(line));
            });
        }
    }
}

/// With a capital first letter.
fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
