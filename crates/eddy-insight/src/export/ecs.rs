//! Documents of the Elastic Common Schema, version 8.17.

use eddy_behaviour::{Role, Severity};
use serde_json::{Value, json};

use super::{Origin, advice, lines, moment, of_role, percent};
use crate::Incident;

const SCHEMA_VERSION: &str = "8.17.0";

pub(super) fn write(incidents: &[Incident], origin: &Origin) -> String {
    lines(incidents.iter().map(|incident| document(incident, origin)))
}

fn document(incident: &Incident, origin: &Origin) -> Value {
    // 0 to 100, as signals of detection rules there have it.
    let (severity, risk) = match incident.severity {
        Severity::Low => (21, 21.0),
        Severity::Medium => (47, 47.0),
        Severity::High => (73, 73.0),
    };
    let at = if incident.is_timed() { moment(incident.detected_ns) } else { moment(0) };
    let mut document = json!({
        "@timestamp": at,
        "ecs": { "version": SCHEMA_VERSION },
        "message": incident.sentence,
        "event": {
            "id": crate::identity::uuid(&incident.id),
            "kind": "alert",
            "category": if incident.entities.is_empty() { json!(["network"]) } else { json!(["network", "intrusion_detection"]) },
            "type": ["info"],
            "module": "eddy",
            "dataset": "eddy.incident",
            "provider": "eddy",
            "action": incident.kind,
            "severity": severity,
            "risk_score": risk,
            "reason": incident.ordinary,
        },
        "observer": { "vendor": "Eddy", "product": "Eddy", "type": "ids", "version": origin.version },
        "rule": { "id": incident.behaviours.first().copied().unwrap_or("table"), "name": incident.kind },
        "tags": ["eddy"],
        "eddy": {
            "incident": {
                "id": incident.id,
                "rank": incident.rank,
                "confidence": percent(incident.confidence),
                "flows": incident.flows,
                "bytes": incident.octets,
                "rows": incident.n_rows,
                "evidence": incident.evidence,
                "remediation": advice(incident),
            }
        },
    });
    if incident.is_timed() {
        let lasted = incident.last_ns.saturating_sub(incident.first_ns).max(0);
        document["event"]["start"] = moment(incident.first_ns).into();
        document["event"]["end"] = moment(incident.last_ns).into();
        document["event"]["duration"] = lasted.into();
    }
    add_hosts(&mut document, incident);
    add_threat(&mut document, incident);
    document
}

fn add_hosts(document: &mut Value, incident: &Incident) {
    if let Some(actor) = of_role(incident, Role::Actor).next().filter(|_| !incident.actors.is_empty()) {
        document["source"] = json!({ "ip": actor.address, "address": actor.address });
    }
    if let Some(target) = of_role(incident, Role::Target).next() {
        let mut destination = json!({ "ip": target.address, "address": target.address });
        if let Some(port) = incident.port {
            destination["port"] = port.into();
        }
        document["destination"] = destination;
    }
    if !incident.entities.is_empty() {
        let addresses: Vec<String> = incident.entities.iter().map(|e| e.address.to_string()).collect();
        document["related"] = json!({ "ip": addresses });
        document["network"] = json!({ "bytes": incident.octets });
    }
}

fn add_threat(document: &mut Value, incident: &Incident) {
    if let Some(lead) = incident.techniques.first() {
        let ids: Vec<&str> = incident.techniques.iter().map(|technique| technique.id).collect();
        let whole: Vec<&str> = ids.iter().map(|id| id.split('.').next().unwrap_or(id)).collect();
        let below: Vec<&str> = ids.iter().copied().filter(|id| id.contains('.')).collect();
        document["threat"] = json!({
            "framework": "MITRE ATT&CK",
            "tactic": { "id": [lead.tactic_id], "name": [lead.tactic] },
            "technique": { "id": deduplicated(whole) },
        });
        if !below.is_empty() {
            document["threat"]["technique"]["subtechnique"] = json!({ "id": below });
        }
    }
}

fn deduplicated(ids: Vec<&str>) -> Vec<&str> {
    ids.into_iter().fold(Vec::new(), |mut out, id| {
        if !out.contains(&id) {
            out.push(id);
        }
        out
    })
}
