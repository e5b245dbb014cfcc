//! A bundle of STIX 2.1: what was observed, by whom it was done, with which technique.

use eddy_behaviour::Severity;
use serde_json::{Value, json};

use super::{Origin, advice, moment, percent};
use crate::identity::{stix_address, uuid};
use crate::{Incident, Technique};

/// The name of what Eddy says of itself.
const SELF: &str = "eddy itself";
/// When Eddy was made up, for objects that have no time of their own.
const FIRST: &str = "2024-01-01T00:00:00.000Z";

pub(super) fn write(incidents: &[Incident], origin: &Origin) -> String {
    let mut objects: Vec<Value> = vec![json!({
        "type": "identity",
        "spec_version": "2.1",
        "id": id("identity", SELF),
        "created": FIRST,
        "modified": FIRST,
        "name": format!("Eddy {}", origin.version),
        "identity_class": "system",
    })];
    let mut known: Vec<String> = Vec::new();
    for incident in incidents {
        for object in of_incident(incident) {
            let name = object["id"].as_str().unwrap_or_default().to_owned();
            if !known.contains(&name) {
                known.push(name);
                objects.push(object);
            }
        }
    }
    let names: Vec<&str> = incidents.iter().map(|incident| incident.id.as_str()).collect();
    let bundle = json!({ "type": "bundle", "id": id("bundle", &names.join(",")), "objects": objects });
    let mut text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
    text.push('\n');
    text
}

fn id(kind: &str, name: &str) -> String {
    format!("{kind}--{}", uuid(&format!("{kind}:{name}")))
}

fn of_incident(incident: &Incident) -> Vec<Value> {
    let at = |nanos: i64| if incident.is_timed() { moment(nanos) } else { FIRST.to_owned() };
    let (created, first, last) = (at(incident.detected_ns), at(incident.first_ns), at(incident.last_ns));
    let mut out: Vec<Value> = Vec::new();
    let mut refs: Vec<String> = Vec::new();
    for entity in &incident.entities {
        let kind = if entity.address.is_ipv4() { "ipv4-addr" } else { "ipv6-addr" };
        let name = format!("{kind}--{}", stix_address(entity.address));
        out.push(json!({ "type": kind, "spec_version": "2.1", "id": name, "value": entity.address }));
        refs.push(name);
    }
    let head = |kind: &str| head(kind, incident, &created);
    let mut note_refs: Vec<String> = Vec::new();
    if !refs.is_empty() {
        let mut observed = head("observed-data");
        observed["first_observed"] = first.clone().into();
        observed["last_observed"] = last.clone().into();
        observed["number_observed"] = incident.flows.clamp(1, 999_999_999).into();
        observed["object_refs"] = json!(refs);
        note_refs.push(id("observed-data", &incident.id));
        out.push(observed);
    }
    out.push(record(incident, &created));
    note_refs.push(id("incident", &incident.id));
    for technique in &incident.techniques {
        out.push(pattern(technique, incident.attack_version));
        out.push(relationship(
            incident,
            "related-to",
            ("incident", &incident.id),
            ("attack-pattern", technique.id),
            &created,
        ));
    }
    let to_do = advice(incident);
    if !to_do.is_empty() {
        let mut course = head("course-of-action");
        course["name"] = format!("What to do about: {}", incident.kind).into();
        course["description"] = to_do.into();
        out.push(course);
        out.push(relationship(
            incident,
            "related-to",
            ("course-of-action", &incident.id),
            ("incident", &incident.id),
            &created,
        ));
    }
    let mut note = head("note");
    let numbers: Vec<String> = incident
        .evidence
        .iter()
        .map(|m| {
            format!(
                "{}: {} seen, {} would be ordinary",
                m.what,
                crate::number(m.seen),
                crate::number(m.usual)
            )
        })
        .collect();
    note["abstract"] = "Evidence".into();
    note["content"] = if numbers.is_empty() { incident.sentence.clone() } else { numbers.join("\n") }.into();
    note["object_refs"] = json!(note_refs);
    out.push(note);
    out
}

/// What every object of an incident begins with.
fn head(kind: &str, incident: &Incident, created: &str) -> Value {
    json!({
        "type": kind,
        "spec_version": "2.1",
        "id": id(kind, &incident.id),
        "created_by_ref": id("identity", SELF),
        "created": created,
        "modified": created,
    })
}

fn record(incident: &Incident, created: &str) -> Value {
    let mut record = head("incident", incident, created);
    record["name"] = format!("{}: {}", incident.kind, incident.parties()).into();
    record["description"] = incident.sentence.as_str().into();
    record["confidence"] = percent(incident.confidence).into();
    record["labels"] = json!([
        incident.kind,
        match incident.severity {
            Severity::Low => "severity-low",
            Severity::Medium => "severity-medium",
            Severity::High => "severity-high",
        }
    ]);
    record
}

fn pattern(technique: &Technique, version: &str) -> Value {
    json!({
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": id("attack-pattern", technique.id),
        "created_by_ref": id("identity", SELF),
        "created": FIRST,
        "modified": FIRST,
        "name": technique.name,
        "external_references": [{
            "source_name": "mitre-attack",
            "external_id": technique.id,
            "url": format!("https://attack.mitre.org/techniques/{}/", technique.id.replace('.', "/")),
            "description": format!("MITRE ATT&CK {version}"),
        }],
    })
}

fn relationship(
    incident: &Incident,
    kind: &str,
    (from, from_name): (&str, &str),
    (to, to_name): (&str, &str),
    created: &str,
) -> Value {
    json!({
        "type": "relationship",
        "spec_version": "2.1",
        "id": id("relationship", &format!("{}|{from}|{kind}|{to}|{to_name}", incident.id)),
        "created_by_ref": id("identity", SELF),
        "created": created,
        "modified": created,
        "relationship_type": kind,
        "source_ref": id(from, from_name),
        "target_ref": id(to, to_name),
    })
}
