//! Incidents of tables without addresses: unusual rows of one kind and of one stretch, with advice at their level.

use std::borrow::Cow;

use eddy_behaviour::Severity;
use eddy_detect::Typical;
use serde::Serialize;

use crate::attack::ATTACK_VERSION;
use crate::confidence::MOST;
use crate::incident::{NO_TIME, rank};
use crate::measure::{Measure, finite};
use crate::mitigation::{Mitigation, table_advice};
use crate::{Cause, EventKind, Finding, Incident, Seen, count, identity};

/// Rows of one kind at most so many rows apart are one incident.
const GAP_ROWS: u64 = 5;
/// Rows that an incident names.
const MOST_ROWS: usize = 20;
/// Incidents of a table at most, the most urgent.
const MOST_INCIDENTS: usize = 200;
/// Surprise of a spike or an exfiltration that somebody should look at now: one ordinary row in ten thousand.
const URGENT: f64 = 4.0;
/// Rows learned from that are so few that a sure thing is only half sure.
const UNSURE_ROWS: f64 = 20.0;

/// A row that proves an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofRow {
    /// Row number over all files, counted from 1.
    pub row: u64,
    /// File, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Line in that file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Time as the source writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Calibrated score, 0 to 1.
    pub anomaly_score: f64,
    /// What is unusual about it.
    pub sentence: String,
}

/// What unusual rows of a table can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TableKind {
    Spike,
    Exfiltration,
    Protocol,
    Pattern,
    Unknown,
}

impl TableKind {
    fn in_words(self) -> &'static str {
        match self {
            Self::Spike => "traffic spike",
            Self::Exfiltration => "data exfiltration",
            Self::Protocol => "protocol anomaly",
            Self::Pattern => "pattern anomaly",
            Self::Unknown => "unusual, of no known shape",
        }
    }

    fn severity(self, surprise: f64) -> Severity {
        match self {
            Self::Spike | Self::Exfiltration if surprise >= URGENT => Severity::High,
            Self::Unknown => Severity::Low,
            _ => Severity::Medium,
        }
    }

    fn ordinary(self, timed: bool) -> &'static str {
        match self {
            Self::Pattern if !timed => "ordinary would have been values as most rows have them",
            Self::Spike => "ordinary would have been a volume within what is usual here",
            Self::Exfiltration => "ordinary would have been as much out, for as long, as is usual here",
            Self::Protocol => "ordinary would have been one of the usual protocols and states",
            Self::Pattern => "ordinary would have been what is expected from the rows before",
            Self::Unknown => "ordinary would have been values that go together as they usually do",
        }
    }
}

/// Unusual rows as incidents, most urgent first. `times_ns` are the times of the findings, none where rows have none;
/// `threshold` is the least surprise that was flagged, `learned` the number of rows that the detector learned from.
pub fn table_incidents(
    findings: &[Finding],
    times_ns: &[Option<i64>],
    threshold: f64,
    learned: u64,
) -> Vec<Incident> {
    let mut at_row: Vec<Placed<'_>> = findings
        .iter()
        .enumerate()
        .map(|(at, finding)| (kind(finding), finding, times_ns.get(at).copied().flatten()))
        .collect();
    at_row.sort_by_cached_key(|one| {
        (one.1.place.entity.clone(), one.0, one.2.is_none().then(|| main_features(one.1)), one.1.place.row)
    });
    let mut groups: Vec<Vec<Placed<'_>>> = Vec::new();
    for one in at_row {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|last| of_one_cause(last, &one)) => group.push(one),
            _ => groups.push(vec![one]),
        }
    }
    let mut found: Vec<Incident> = groups.iter().map(|group| incident(group, threshold, learned)).collect();
    rank(&mut found);
    found.truncate(MOST_INCIDENTS);
    found
}

type Placed<'a> = (TableKind, &'a Finding, Option<i64>);

/// Whether two rows have one cause: near one another in time, or, where rows have no time, unusual in the same features.
fn of_one_cause(a: &Placed<'_>, b: &Placed<'_>) -> bool {
    let (one, other) = (a.1, b.1);
    let same =
        a.0 == b.0 && one.place.entity == other.place.entity && one.event.is_none() && other.event.is_none();
    if same && a.2.is_none() && b.2.is_none() && !one.causes.is_empty() {
        return main_features(one) == main_features(other);
    }
    let stretch = one.stretch.is_some()
        && one.stretch.as_ref().map(|s| s.first_row) == other.stretch.as_ref().map(|s| s.first_row);
    same && (stretch || other.place.row.abs_diff(one.place.row) <= GAP_ROWS)
}

fn incident(group: &[Placed<'_>], threshold: f64, learned: u64) -> Incident {
    let mut strongest: Vec<&Placed<'_>> = group.iter().collect();
    strongest.sort_by(|a, b| b.1.surprise.total_cmp(&a.1.surprise).then(a.1.place.row.cmp(&b.1.place.row)));
    let &&(kind, lead, _) = &strongest[0];
    let n_rows = lead.event.as_ref().map_or(group.len() as u64, |e| (e.last - e.first + 1) as u64);
    // A finding of a stretch is told at one of its rows, and lasts from its first to its last.
    let spans = || {
        let of = |one: &Placed<'_>| {
            one.1.stretch.as_ref().and_then(|stretch| stretch.span_ns).or(one.2.zip(one.2))
        };
        group.iter().filter_map(of)
    };
    let first_ns = spans().map(|span| span.0).min().unwrap_or(NO_TIME);
    let last_ns = spans().map(|span| span.1).max().unwrap_or(NO_TIME);
    let detected_ns = group.iter().filter_map(|one| one.2).min().unwrap_or(first_ns);
    let subject =
        lead.place.entity.clone().or_else(|| lead.causes.first().map(|cause| cause.feature.clone()));
    let rows: Vec<ProofRow> = strongest
        .iter()
        .take(MOST_ROWS)
        .map(|(_, finding, _)| ProofRow {
            row: finding.place.row,
            source: finding.place.source.clone(),
            line: finding.place.line,
            time: finding.place.time.clone(),
            anomaly_score: finding.anomaly_score,
            sentence: finding.sentence.clone(),
        })
        .collect();
    let first_row = group.iter().map(|one| one.1.place.row).min().unwrap_or(0);
    let name = format!("{}|{}|{first_row}|{first_ns}", kind.in_words(), subject.as_deref().unwrap_or(""));
    let more = match n_rows {
        0 | 1 => String::new(),
        n if lead.event.is_some() => format!(" ({} rows)", count(n)),
        n => format!("; {} rows in all, the strangest in {}", count(n), place(lead)),
    };
    Incident {
        id: identity::short(&name),
        rank: 0,
        kind: kind.in_words(),
        behaviours: Vec::new(),
        actors: Vec::new(),
        targets: Vec::new(),
        n_targets: 0,
        port: None,
        first_ns,
        detected_ns,
        last_ns,
        flows: 0,
        octets: 0,
        severity: kind.severity(lead.surprise),
        confidence: confidence(lead.surprise, threshold, group.len(), learned),
        sentence: format!("{}: {}{more}", kind.in_words(), lead.sentence),
        ordinary: kind.ordinary(lead.place.time.is_some()).to_owned(),
        evidence: evidence(lead),
        techniques: Vec::new(),
        attack_version: ATTACK_VERSION,
        entities: Vec::new(),
        timeline: Vec::new(),
        evidence_flows: Vec::new(),
        mitigation: Mitigation { advice: table_advice(kind, lead, n_rows), filters: Vec::new() },
        subject,
        n_rows,
        rows,
        sightings: Vec::new(),
    }
}

fn place(finding: &Finding) -> String {
    finding.place.line.map_or_else(|| format!("row {}", finding.place.row), |line| format!("line {line}"))
}

/// One half where one row just reaches the threshold, more the stranger it is and the more rows bear it out; never more
/// than so few rows as were learned from can say.
fn confidence(surprise: f64, threshold: f64, rows: usize, learned: u64) -> f64 {
    let beyond = (surprise.clamp(0.1, 300.0) / threshold.clamp(0.1, 300.0)).max(1.0);
    let doubt = 0.5 / beyond / (rows.max(1) as f64).sqrt();
    let known = learned as f64 / (learned as f64 + UNSURE_ROWS);
    (((1.0 - doubt) * known * 100.0).round() / 100.0).min(MOST)
}

fn evidence(finding: &Finding) -> Vec<Measure> {
    if let Some(event) = &finding.event {
        let name = finding.causes.first().map_or("the value", |cause| cause.feature.as_str());
        return vec![Measure {
            what: Cow::Owned(name.to_owned()),
            seen: finite(event.seen),
            usual: finite(event.high),
            usual_from: Some(finite(event.low)),
            unit: finding.causes.first().and_then(|cause| cause.unit.clone()).map(Cow::Owned),
        }];
    }
    let number = |cause: &Cause| match (&cause.seen, &cause.expected) {
        (Seen::Number(Some(seen)), Typical::Number { low, high, .. }) => Some(Measure {
            what: Cow::Owned(cause.feature.clone()),
            seen: finite(*seen),
            usual: finite(*high),
            usual_from: Some(finite(*low)),
            unit: cause.unit.clone().map(Cow::Owned),
        }),
        // A rare level: how common it is, in per cent.
        (Seen::Text(level), Typical::Category { levels, share, .. }) => Some(Measure {
            what: Cow::Owned(format!("share of rows with {} = {level}", cause.feature)),
            seen: 100.0 * levels.iter().find(|(other, _)| other == level).map_or(0.0, |(_, share)| *share),
            usual: 100.0 * finite(*share),
            usual_from: None,
            unit: Some(Cow::Borrowed("%")),
        }),
        _ => None,
    };
    finding.causes.iter().filter_map(number).collect()
}

/// The causes that made a finding: those with at least half the part of the first.
fn main_causes(finding: &Finding) -> impl Iterator<Item = &Cause> {
    let first = finding.causes.first().map_or(0.0, |cause| cause.share);
    finding.causes.iter().filter(move |cause| cause.share >= 0.5 * first)
}

/// The features of those causes, sorted.
fn main_features(finding: &Finding) -> Vec<&str> {
    let mut features: Vec<&str> = main_causes(finding).map(|cause| cause.feature.as_str()).collect();
    features.sort_unstable();
    features
}

/// What a finding is, by the shape of its event or by the features that made it.
fn kind(finding: &Finding) -> TableKind {
    if let Some(event) = &finding.event {
        let up = event.seen > event.expected;
        let traffic =
            finding.causes.first().is_none_or(|cause| is_volume(&cause.feature) || cause.unit.is_none());
        return match event.kind {
            EventKind::Spike if traffic => TableKind::Spike,
            EventKind::LevelShift if traffic && up => TableKind::Spike,
            // A rhythm that is broken by far more than usual is told by that.
            EventKind::SeasonBroken if traffic && event.high > 0.0 && event.seen > 2.0 * event.high => {
                TableKind::Spike
            }
            EventKind::Unusual => TableKind::Unknown,
            _ => TableKind::Pattern,
        };
    }
    let beyond = |cause: &Cause| match (&cause.seen, &cause.expected) {
        (Seen::Number(Some(seen)), Typical::Number { low, high, .. }) => {
            if seen > high {
                1
            } else if seen < low {
                -1
            } else {
                0
            }
        }
        _ => 0,
    };
    // A cause with a small part does not make the kind.
    let main = || main_causes(finding);
    let above = |test: fn(&str) -> bool| main().any(|cause| test(&cause.feature) && beyond(cause) > 0);
    let inward = finding.causes.iter().any(|cause| is_inward(&cause.feature) && beyond(cause) > 0);
    if above(is_outward) && !inward || above(is_duration) && !above(is_volume) {
        TableKind::Exfiltration
    } else if above(is_volume) {
        TableKind::Spike
    } else if main().any(|cause| is_protocol(&cause.feature)) {
        TableKind::Protocol
    } else if main().any(|cause| beyond(cause) != 0) {
        TableKind::Pattern
    } else {
        TableKind::Unknown
    }
}

/// A name in lower case without what parts its words.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn has(name: &str, words: &[&str]) -> bool {
    let name = plain(name);
    words.iter().any(|word| name.contains(word))
}

fn is_volume(name: &str) -> bool {
    has(
        name,
        &[
            "byte", "octet", "packet", "pkt", "volume", "traffic", "network", "load", "rate", "segs",
            "requests", "length", "count",
        ],
    ) && !is_protocol(name)
        && !has(name, &["since", "seconds", "delay", "latency", "interarrival"])
}

fn is_outward(name: &str) -> bool {
    has(
        name,
        &[
            "bytesout",
            "outoctet",
            "srcbytes",
            "bytessent",
            "sentbytes",
            "upload",
            "egress",
            "origbytes",
            "sbytes",
            "totlenfwd",
            "networkout",
        ],
    )
}

fn is_inward(name: &str) -> bool {
    has(
        name,
        &[
            "bytesin",
            "inoctet",
            "dstbytes",
            "bytesreceived",
            "download",
            "ingress",
            "respbytes",
            "dbytes",
            "totlenbwd",
            "networkin",
        ],
    )
}

fn is_duration(name: &str) -> bool {
    has(name, &["duration", "elapsed"])
}

fn is_protocol(name: &str) -> bool {
    has(
        name,
        &[
            "proto", "flag", "service", "port", "retrans", "error", "fragment", "state", "icmp", "discard",
            "reset", "info", "ttl",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Stretch};

    fn number(feature: &str, share: f64, seen: f64) -> Cause {
        Cause {
            feature: feature.into(),
            unit: None,
            share,
            seen: Seen::Number(Some(seen)),
            expected: Typical::Number { median: 50.0, low: 10.0, high: 100.0 },
        }
    }

    fn level(feature: &str, share: f64) -> Cause {
        let levels = vec![("TCP".to_owned(), 0.9)];
        let expected = Typical::Category { mode: "TCP".into(), share: 0.9, levels };
        Cause { feature: feature.into(), unit: None, share, seen: Seen::Text("GRE".into()), expected }
    }

    fn finding(row: u64, surprise: f64, causes: Vec<Cause>) -> Finding {
        Finding {
            rank: 1,
            place: Place { row, line: Some(row + 1), ..Place::default() },
            anomaly_score: surprise / (surprise + 3.0),
            surprise,
            alone: None,
            stretch: None,
            sentence: "x is unusual".into(),
            causes,
            event: None,
            label: None,
        }
    }

    #[test]
    fn the_four_kinds_are_told_by_what_made_the_row() {
        fn check(causes: Vec<Cause>, expect: &str) {
            let found = table_incidents(&[finding(7, 5.0, causes)], &[None], 3.0, 10_000);
            assert_eq!(found[0].kind, expect);
            assert!(found[0].mitigation.advice.len() >= 3, "three things to do at least");
            assert_eq!((found[0].n_rows, found[0].rows[0].row), (1, 7));
        }
        check(vec![number("bytes_transferred", 0.8, 900.0)], "traffic spike");
        check(vec![number("bytes_out", 0.8, 900.0)], "data exfiltration");
        check(
            vec![number("connection_duration", 0.8, 900.0), number("bytes", 0.1, 40.0)],
            "data exfiltration",
        );
        check(vec![level("protocol", 0.8)], "protocol anomaly");
        check(vec![number("retransmission_rate", 0.8, 900.0)], "protocol anomaly");
        check(vec![number("bytes_per_packet", 0.8, 2.0)], "pattern anomaly");
        check(vec![number("x", 0.3, 50.0), number("y", 0.3, 50.0)], "unusual, of no known shape");
        check(vec![], "unusual, of no known shape");
    }

    #[test]
    fn rows_without_time_are_one_incident_where_the_same_features_made_them() {
        let row = |row, feature| finding(row, 5.0, vec![number(feature, 0.9, 900.0)]);
        let rows = [row(10, "bytes"), row(900, "bytes"), row(11, "packets"), row(9_000, "bytes")];
        let found = table_incidents(&rows, &[None; 4], 3.0, 10_000);
        assert_eq!(found.iter().map(|one| one.n_rows).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(found[0].rows.iter().map(|one| one.row).collect::<Vec<_>>(), [10, 900, 9_000]);
    }

    #[test]
    fn what_lasts_for_a_stretch_is_as_long_as_that_and_told_at_its_row() {
        let stretch = Stretch {
            first_row: 5,
            last_row: 40,
            flagged: 9,
            from: None,
            to: None,
            span_ns: Some((300, 2_400)),
        };
        let row = Finding { stretch: Some(stretch), ..finding(10, 5.0, vec![number("bytes", 0.9, 900.0)]) };
        let found = table_incidents(&[row], &[Some(600)], 3.0, 10_000);
        assert_eq!((found[0].first_ns, found[0].detected_ns, found[0].last_ns), (300, 600, 2_400));
    }

    #[test]
    fn rows_of_one_kind_that_follow_one_another_are_one_incident() {
        let spike = |row, surprise| finding(row, surprise, vec![number("bytes", 0.9, 900.0)]);
        let rows = [spike(10, 5.0), spike(12, 3.5), spike(11, 4.0), spike(900, 3.2)];
        let times: Vec<Option<i64>> = rows.iter().map(|row| Some(row.place.row as i64 * 60)).collect();
        let found = table_incidents(&rows, &times, 3.0, 10_000);
        let seen: Vec<(u64, i64, i64, Severity)> =
            found.iter().map(|i| (i.n_rows, i.first_ns, i.last_ns, i.severity)).collect();
        assert_eq!(seen, [(3, 600, 720, Severity::High), (1, 54_000, 54_000, Severity::Medium)]);
        assert!(found[0].confidence > found[1].confidence && found[0].id != found[1].id);
        assert_eq!(found, table_incidents(&rows, &times, 3.0, 10_000), "the same names in a second run");
        let of_few = table_incidents(&rows, &times, 3.0, 20);
        assert!(
            of_few[0].confidence <= 0.5,
            "twenty rows cannot say what is ordinary: {}",
            of_few[0].confidence
        );
    }
}
