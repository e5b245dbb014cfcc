//! From incidents to the plain data that pages are drawn from.

use std::net::IpAddr;

use eddy_frame::moment_in_words;
use eddy_insight::{Filter, FlowRecord, Incident, Measure, Role, Severity, count};
use eddy_report::{EvidenceRow, FLOW_COLUMNS, FilterCard, FormCard, Host, IncidentCard, Urgency};

/// Incidents that a page gets, the most urgent.
const MOST_CARDS: usize = 200;

/// The incidents of a run as a page shows them.
pub(crate) fn cards(incidents: &[Incident]) -> Vec<IncidentCard> {
    incidents.iter().take(MOST_CARDS).map(card).collect()
}

fn card(incident: &Incident) -> IncidentCard {
    let hosts = |role: Role| -> Vec<Host> {
        incident
            .entities
            .iter()
            .filter(|entity| entity.role == role)
            .map(|entity| Host {
                name: entity.address.to_string(),
                inside: entity.inside,
                flows: entity.flows,
            })
            .collect()
    };
    let targets = hosts(Role::Target);
    IncidentCard {
        id: incident.id.clone(),
        rank: incident.rank as u64,
        urgency: match incident.severity {
            Severity::Low => Urgency::Low,
            Severity::Medium => Urgency::Medium,
            Severity::High => Urgency::High,
        },
        kind: incident.kind.to_owned(),
        sentence: incident.sentence.clone(),
        ordinary: incident.ordinary.clone(),
        confidence: incident.confidence,
        times_ms: incident.is_timed().then(|| {
            [incident.first_ns, incident.detected_ns, incident.last_ns].map(|nanos| nanos as f64 / 1e6)
        }),
        flows: incident.flows,
        octets: incident.octets,
        n_rows: incident.n_rows,
        techniques: incident
            .techniques
            .iter()
            .map(|one| [one.id, one.name, one.tactic].map(str::to_owned))
            .collect(),
        attack_version: incident.attack_version.to_owned(),
        actors: hosts(Role::Actor),
        more_targets: incident.n_targets.saturating_sub(targets.len() as u64),
        targets,
        evidence: incident.evidence.iter().map(evidence).collect(),
        timeline: incident.timeline.iter().map(|part| (part.at_ns as f64 / 1e6, part.flows)).collect(),
        evidence_flows: incident.evidence_flows.iter().map(flow).collect(),
        rows: incident
            .rows
            .iter()
            .map(|row| {
                let place =
                    row.line.map_or_else(|| format!("row {}", row.row), |line| format!("line {line}"));
                let time = row.time.as_ref().map(|time| format!(", {time}")).unwrap_or_default();
                [format!("{place}{time}"), format!("{:.3}", row.anomaly_score), row.sentence.clone()]
            })
            .collect(),
        advice: incident
            .mitigation
            .advice
            .iter()
            .map(|advice| (advice.when.in_words().to_owned(), advice.text.clone()))
            .collect(),
        filters: incident.mitigation.filters.iter().map(filter).collect(),
    }
}

fn evidence(measure: &Measure) -> EvidenceRow {
    // What is measured names its unit already where it is a number of evidence of a behaviour.
    let named = measure.unit.as_deref().is_some_and(|unit| measure.what.contains(unit));
    EvidenceRow {
        what: measure.what.to_string(),
        seen: measure.seen,
        usual: measure.usual,
        usual_from: measure.usual_from,
        unit: measure.unit.as_deref().filter(|_| !named).map(str::to_owned),
    }
}

fn flow(flow: &FlowRecord) -> [String; FLOW_COLUMNS.len()] {
    let side = |address: IpAddr, port: u16| match (address, port) {
        (_, 0) => address.to_string(),
        (IpAddr::V6(_), port) => format!("[{address}]:{port}"),
        (IpAddr::V4(_), port) => format!("{address}:{port}"),
    };
    let protocol = match flow.protocol {
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        1 | 58 => "ICMP".to_owned(),
        other => other.to_string(),
    };
    let protocol =
        if flow.application.is_empty() { protocol } else { format!("{protocol} {}", flow.application) };
    [
        moment_in_words(flow.start_ns, 3),
        side(flow.source, flow.source_port),
        side(flow.destination, flow.destination_port),
        protocol,
        count(flow.octets),
        count(flow.reverse_octets),
        if flow.failed { "in vain".to_owned() } else { "answered".to_owned() },
        flow.name.clone(),
    ]
}

fn filter(filter: &Filter) -> FilterCard {
    let simulation = &filter.simulation;
    FilterCard {
        purpose: filter.purpose.clone(),
        in_words: filter.in_words.clone(),
        lasts: filter.rule.lasts_in_words(),
        effect: filter.effect.clone(),
        share: simulation.share_of_flows,
        other_flows: simulation.other_flows,
        peers: simulation
            .top_peers
            .iter()
            .map(|peer| (peer.address.to_string(), peer.name.clone(), peer.flows))
            .collect(),
        forms: filter
            .rendered
            .iter()
            .map(|one| FormCard {
                title: one.title.to_owned(),
                text: one.text.clone(),
                undo: one.undo.clone(),
                expiry: one.expiry.clone(),
            })
            .collect(),
    }
}
