//! Detection Finding of the Open Cybersecurity Schema Framework, version 1.5.0 (class 2004).

use eddy_behaviour::{Role, Severity};
use serde_json::{Map, Value, json};

use super::{Origin, advice, lines, millis, of_role, percent, severity_word};
use crate::{FlowRecord, Incident, Measure};

const SCHEMA_VERSION: &str = "1.5.0";

pub(super) fn write(incidents: &[Incident], origin: &Origin) -> String {
    lines(incidents.iter().map(|incident| event(incident, origin)))
}

fn event(incident: &Incident, origin: &Origin) -> Value {
    let severity_id = match incident.severity {
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
    };
    let score = percent(incident.confidence);
    let (confidence_id, confidence) = match score {
        0..50 => (1, "Low"),
        50..80 => (2, "Medium"),
        _ => (3, "High"),
    };
    let mut event = json!({
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "type_uid": 200_401,
        "type_name": "Detection Finding: Create",
        "activity_id": 1,
        "activity_name": "Create",
        "time": millis(incident.detected_ns),
        "severity_id": severity_id,
        "severity": severity_word(incident.severity),
        "status_id": 1,
        "status": "New",
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": score,
        "is_alert": incident.severity == Severity::High,
        "message": incident.sentence,
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": { "name": "Eddy", "vendor_name": "Eddy", "version": origin.version },
            "log_name": "incidents",
            "uid": crate::identity::uuid(&incident.id),
        },
        "finding_info": finding_info(incident),
        "remediation": { "desc": advice(incident) },
    });
    if let Some(fields) = event.as_object_mut() {
        add_context(fields, incident);
    }
    event
}

/// When it was, what was seen against what is ordinary, the flows or rows behind it, and the hosts.
fn add_context(fields: &mut Map<String, Value>, incident: &Incident) {
    if incident.is_timed() {
        fields.insert("start_time".into(), millis(incident.first_ns).into());
        fields.insert("end_time".into(), millis(incident.last_ns).into());
        let lasted = incident.last_ns.saturating_sub(incident.first_ns).max(0) / 1_000_000;
        fields.insert("duration".into(), lasted.into());
    }
    let analyses = analyses(incident);
    if !analyses.is_empty() {
        fields.insert("anomaly_analyses".into(), analyses.into());
    }
    let evidences: Vec<Value> =
        incident.evidence_flows.iter().map(connection).chain(rows(incident)).collect();
    if !evidences.is_empty() {
        fields.insert("evidences".into(), evidences.into());
    }
    let observables: Vec<Value> = incident
        .entities
        .iter()
        .map(|entity| {
            let name = if entity.role == Role::Actor {
                "evidences[].src_endpoint.ip"
            } else {
                "evidences[].dst_endpoint.ip"
            };
            json!({ "name": name, "type_id": 2, "type": "IP Address", "value": entity.address })
        })
        .collect();
    if !observables.is_empty() {
        fields.insert("observables".into(), observables.into());
    }
    let resources: Vec<Value> = of_role(incident, Role::Target)
        .map(|entity| json!({ "ip": entity.address, "uid": entity.address, "type": "host" }))
        .collect();
    if !resources.is_empty() {
        fields.insert("resources".into(), resources.into());
    }
}

fn finding_info(incident: &Incident) -> Value {
    let attacks: Vec<Value> = incident
        .techniques
        .iter()
        .map(|technique| {
            let mut attack = json!({
                "version": incident.attack_version,
                "tactic": { "uid": technique.tactic_id, "name": technique.tactic },
                "technique": { "uid": technique.id, "name": technique.name },
            });
            // A sub-technique stands beside its technique.
            if let (Some((whole, _)), Some((parent, part))) =
                (technique.id.split_once('.'), technique.name.split_once(": "))
            {
                attack["technique"] = json!({ "uid": whole, "name": parent });
                attack["sub_technique"] = json!({ "uid": technique.id, "name": part });
            }
            attack
        })
        .collect();
    let mut info = json!({
        "uid": incident.id,
        "title": incident.kind,
        "desc": incident.sentence,
        "analytic": { "name": incident.behaviours.first().copied().unwrap_or(incident.kind), "type_id": 2, "type": "Behavioral" },
        "types": incident.behaviours,
    });
    if let Some(fields) = info.as_object_mut() {
        if !attacks.is_empty() {
            fields.insert("attacks".into(), attacks.into());
        }
        if incident.is_timed() {
            fields.insert("first_seen_time".into(), millis(incident.first_ns).into());
            fields.insert("last_seen_time".into(), millis(incident.last_ns).into());
            fields.insert("created_time".into(), millis(incident.detected_ns).into());
        }
    }
    info
}

/// What was seen against what is ordinary, as the schema has it.
fn analyses(incident: &Incident) -> Vec<Value> {
    if incident.evidence.is_empty() {
        return Vec::new();
    }
    let timespan = || {
        let lasted = incident.last_ns.saturating_sub(incident.first_ns).max(0) / 1_000_000;
        json!({
            "type_id": 1,
            "start_time": millis(incident.first_ns),
            "end_time": millis(incident.last_ns),
            "duration": lasted,
        })
    };
    let observation = |value: f64, counted: u64| {
        let mut one = json!({ "value": value.to_string() });
        if counted > 0 {
            one["count"] = counted.into();
        }
        if incident.is_timed() && counted > 0 {
            one["timespan"] = timespan();
        }
        one
    };
    let part = |measure: &Measure, values: Vec<Value>, pattern: &str| {
        json!({
            "observation_type": "Deviation Analysis",
            "observed_attribute": measure.what,
            "observed_pattern": pattern,
            "observations": values,
        })
    };
    let counted = incident.flows.max(incident.n_rows);
    let anomalies: Vec<Value> =
        incident.evidence.iter().map(|m| part(m, vec![observation(m.seen, counted)], "seen")).collect();
    let baselines: Vec<Value> = incident
        .evidence
        .iter()
        .map(|m| {
            let ends = m.usual_from.into_iter().chain([m.usual]);
            part(m, ends.map(|value| observation(value, 0)).collect(), "ordinary")
        })
        .collect();
    vec![json!({
        "analysis_target": { "name": incident.parties(), "type": if incident.entities.is_empty() { "series" } else { "host" } },
        "anomalies": anomalies,
        "baselines": baselines,
    })]
}

fn connection(flow: &FlowRecord) -> Value {
    let mut one = Map::new();
    one.insert("src_endpoint".into(), json!({ "ip": flow.source, "port": flow.source_port }));
    let mut destination = json!({ "ip": flow.destination, "port": flow.destination_port });
    if !flow.name.is_empty() {
        destination["hostname"] = flow.name.as_str().into();
    }
    one.insert("dst_endpoint".into(), destination);
    one.insert("connection_info".into(), json!({ "protocol_num": flow.protocol, "direction_id": 0 }));
    one.insert(
        "data".into(),
        json!({
            "start_time": millis(flow.start_ns),
            "duration_ms": flow.duration_ns / 1_000_000,
            "bytes_out": flow.octets,
            "bytes_in": flow.reverse_octets,
            "packets_out": flow.packets,
            "packets_in": flow.reverse_packets,
        }),
    );
    Value::Object(one)
}

/// Rows of a table as evidence.
fn rows(incident: &Incident) -> impl Iterator<Item = Value> {
    incident.rows.iter().map(|row| json!({ "name": "row", "uid": row.row.to_string(), "data": row }))
}
