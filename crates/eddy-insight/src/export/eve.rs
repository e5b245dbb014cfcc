//! Alerts in the form of Suricata's `eve.json`.

use eddy_behaviour::{Role, Severity};
use serde_json::{Value, json};

use super::{Origin, lines, moment, of_role, percent};
use crate::Incident;
use crate::mitigation::protocol_in_words;

/// Numbers of rules begin here, far above those of any rule set.
const FIRST_NUMBER: u32 = 4_000_000_000;

pub(super) fn write(incidents: &[Incident], _: &Origin) -> String {
    lines(incidents.iter().map(alert))
}

fn alert(incident: &Incident) -> Value {
    // Suricata counts down: 1 is the most urgent.
    let severity = match incident.severity {
        Severity::High => 1,
        Severity::Medium => 2,
        Severity::Low => 3,
    };
    let flow = incident.evidence_flows.first();
    let mut alert = json!({
        "timestamp": stamp(if incident.is_timed() { incident.detected_ns } else { 0 }),
        "event_type": "alert",
        "flow_id": u64::from_str_radix(&incident.id, 16).unwrap_or(0),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": number(incident.kind),
            "rev": 1,
            "signature": format!("EDDY {}", incident.kind),
            "category": incident.techniques.first().map_or("Anomaly", |technique| technique.tactic),
            "severity": severity,
            "metadata": {
                "incident": [incident.id],
                "confidence": [percent(incident.confidence).to_string()],
                "mitre_technique_id": incident.techniques.iter().map(|t| t.id.replace('.', "_")).collect::<Vec<_>>(),
                "mitre_technique_name": incident.techniques.iter().map(|t| t.name).collect::<Vec<_>>(),
            },
        },
        "eddy": {
            "sentence": incident.sentence,
            "ordinary": incident.ordinary,
            "evidence": incident.evidence,
            "flows": incident.flows,
            "bytes": incident.octets,
            "rows": incident.n_rows,
        },
    });
    let actor = of_role(incident, Role::Actor).next();
    let target = of_role(incident, Role::Target).next();
    if let Some(source) = actor.map(|entity| entity.address).or(flow.map(|flow| flow.source)) {
        alert["src_ip"] = json!(source);
    }
    if let Some(destination) = target.map(|entity| entity.address).or(flow.map(|flow| flow.destination)) {
        alert["dest_ip"] = json!(destination);
    }
    if let Some(port) = incident.port {
        alert["dest_port"] = port.into();
    }
    if let Some(flow) = flow {
        alert["proto"] = protocol_in_words(flow.protocol).into();
        alert["flow"] = json!({
            "pkts_toserver": flow.packets,
            "pkts_toclient": flow.reverse_packets,
            "bytes_toserver": flow.octets,
            "bytes_toclient": flow.reverse_octets,
            "start": stamp(flow.start_ns),
        });
    }
    alert
}

/// A time as Suricata writes it.
fn stamp(nanos: i64) -> String {
    moment(nanos).replace('Z', "000+0000")
}

/// The same number for the same kind.
fn number(kind: &str) -> u32 {
    let hash =
        kind.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    FIRST_NUMBER + hash % 100_000
}
