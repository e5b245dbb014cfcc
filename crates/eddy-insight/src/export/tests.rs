//! Each format holds what its schema requires, and nothing from traffic is more than text.

use std::net::IpAddr;

use eddy_behaviour::{ConnectionState, Flow};
use serde_json::Value;

use super::*;
use crate::incident::tests::{address, flow, sighting};
use crate::{Examination, incidents};

/// What somebody might hope to be run, shown or obeyed.
const HOSTILE: &str = "=cmd|' /C calc'!A0\"><script>alert(1)</script>\u{1b}]0;x\u{7}";

/// Guessing of passwords, one after another, among ordinary flows; and a flood by senders of both families.
pub(crate) fn told() -> Vec<Incident> {
    let flood = |at: u32| Flow {
        source: IpAddr::V6(std::net::Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(at))),
        destination: IpAddr::V6(std::net::Ipv6Addr::from(0x2001_0db8_u128 << 96 | 0xffff)),
        state: ConnectionState::Unanswered,
        packets: 1,
        octets: 60,
        reverse_packets: 0,
        reverse_octets: 0,
        ..flow(f64::from(at) / 100.0, 0, 0, 443)
    };
    let guess = |at: u32| Flow { dns_name: HOSTILE, ..flow(f64::from(at) / 2.0, 66, 5, 22) };
    let ordinary = |at: u32| flow(f64::from(at), (at % 5) as u8 + 1, 5, 443);
    let mut of_flood = sighting("flood", None, 0, 0);
    of_flood.kind = "SYN flood";
    of_flood.targets = vec![flood(0).destination];
    of_flood.port = Some(443);
    of_flood.techniques = &["T1499.001", "T1498.001"];
    let mut examination =
        Examination::new(incidents(vec![sighting("brute_force", Some(66), 5, 0), of_flood]));
    let flows = || (0..100).map(guess).chain((0..60).map(ordinary)).chain((0..400).map(flood));
    flows().for_each(|flow| examination.see(&flow, HOSTILE));
    let mut trial = examination.end();
    flows().for_each(|flow| trial.see(&flow, HOSTILE));
    trial.end()
}

fn written(name: &str) -> String {
    let origin = Origin { version: "0.0.0".into(), sources: vec!["made.csv".into()] };
    IncidentFormat::named(name).unwrap().write(&told(), &origin)
}

fn events(name: &str) -> Vec<Value> {
    written(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Holds a value against what a schema requires: a pointer, and the type there.
fn check(value: &Value, required: &[(&str, &str)]) {
    for (pointer, kind) in required {
        let found = value.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing in {value}"));
        let is = match *kind {
            "integer" => found.is_i64() || found.is_u64(),
            "text" => found.as_str().is_some_and(|text| !text.is_empty()),
            "list" => found.as_array().is_some_and(|list| !list.is_empty()),
            "truth" => found.is_boolean(),
            "object" => found.is_object(),
            other => panic!("no such type: {other}"),
        };
        assert!(is, "{pointer} is {found}, not {kind}");
    }
}

#[test]
fn ocsf_events_have_what_the_class_requires() {
    let events = events("ocsf");
    assert_eq!(events.len(), 2);
    for event in &events {
        check(
            event,
            &[
                ("/activity_id", "integer"),
                ("/category_uid", "integer"),
                ("/class_uid", "integer"),
                ("/type_uid", "integer"),
                ("/severity_id", "integer"),
                ("/time", "integer"),
                ("/metadata/version", "text"),
                ("/metadata/product/vendor_name", "text"),
                ("/finding_info/uid", "text"),
                ("/finding_info/title", "text"),
                ("/is_alert", "truth"),
                ("/anomaly_analyses", "list"),
                ("/anomaly_analyses/0/analysis_target/name", "text"),
                ("/anomaly_analyses/0/anomalies/0/observed_attribute", "text"),
                ("/anomaly_analyses/0/anomalies/0/observations/0/value", "text"),
                ("/anomaly_analyses/0/baselines/0/observed_attribute", "text"),
                ("/anomaly_analyses/0/baselines/0/observations/0/value", "text"),
                ("/evidences/0/src_endpoint/ip", "text"),
                ("/remediation/desc", "text"),
                ("/finding_info/attacks/0/technique/uid", "text"),
                ("/finding_info/attacks/0/tactic/uid", "text"),
                ("/observables/0/type_id", "integer"),
            ],
        );
        assert_eq!(event["class_uid"], 2004);
        assert_eq!(event["type_uid"], 2004 * 100 + 1);
    }
}

#[test]
fn ecs_documents_have_what_the_schema_requires_and_allows() {
    for document in events("ecs") {
        check(
            &document,
            &[
                ("/@timestamp", "text"),
                ("/ecs/version", "text"),
                ("/event/kind", "text"),
                ("/event/category", "list"),
                ("/event/type", "list"),
                ("/event/severity", "integer"),
                ("/event/start", "text"),
                ("/event/duration", "integer"),
                ("/related/ip", "list"),
                ("/destination/ip", "text"),
                ("/threat/framework", "text"),
                ("/threat/technique/id", "list"),
                ("/threat/tactic/name", "list"),
            ],
        );
        assert_eq!(document["event"]["kind"], "alert");
        for category in document["event"]["category"].as_array().unwrap() {
            assert!(["network", "intrusion_detection"].contains(&category.as_str().unwrap()));
        }
    }
}

#[test]
fn eve_alerts_have_what_readers_of_eve_look_for() {
    for alert in events("eve") {
        check(
            &alert,
            &[
                ("/timestamp", "text"),
                ("/event_type", "text"),
                ("/src_ip", "text"),
                ("/dest_ip", "text"),
                ("/proto", "text"),
                ("/alert/action", "text"),
                ("/alert/gid", "integer"),
                ("/alert/signature_id", "integer"),
                ("/alert/rev", "integer"),
                ("/alert/signature", "text"),
                ("/alert/category", "text"),
                ("/alert/severity", "integer"),
                ("/flow_id", "integer"),
            ],
        );
        let stamp = alert["timestamp"].as_str().unwrap();
        assert!(stamp.len() == 31 && stamp.ends_with("+0000"), "{stamp}");
        assert!(u32::try_from(alert["alert"]["signature_id"].as_u64().unwrap()).is_ok());
    }
}

#[test]
fn a_stix_bundle_is_well_formed_and_refers_to_nothing_that_is_not_there() {
    let bundle: Value = serde_json::from_str(&written("stix")).unwrap();
    let objects = bundle["objects"].as_array().unwrap();
    let names: Vec<&str> = objects.iter().map(|object| object["id"].as_str().unwrap()).collect();
    for (at, object) in objects.iter().enumerate() {
        let kind = object["type"].as_str().unwrap();
        let (of_kind, uuid) = names[at].split_once("--").unwrap();
        assert_eq!((of_kind, uuid.len(), uuid.as_bytes()[14]), (kind, 36, b'5'));
        assert_eq!(object["spec_version"], "2.1");
        assert!(!names[..at].contains(&names[at]), "{} twice", names[at]);
        if kind.ends_with("-addr") {
            check(object, &[("/value", "text")]);
        } else {
            check(object, &[("/created", "text"), ("/modified", "text")]);
        }
        let own: &[(&str, &str)] = match kind {
            "identity" | "attack-pattern" | "course-of-action" | "incident" => &[("/name", "text")],
            "observed-data" => &[
                ("/first_observed", "text"),
                ("/last_observed", "text"),
                ("/number_observed", "integer"),
                ("/object_refs", "list"),
            ],
            "relationship" => {
                &[("/relationship_type", "text"), ("/source_ref", "text"), ("/target_ref", "text")]
            }
            "note" => &[("/content", "text"), ("/object_refs", "list")],
            _ => &[],
        };
        check(object, own);
        let refs = object["object_refs"].as_array().into_iter().flatten();
        let refs = refs.chain([&object["source_ref"], &object["target_ref"], &object["created_by_ref"]]);
        for name in refs.filter_map(Value::as_str) {
            assert!(names.contains(&name), "{name} is not in the bundle");
        }
    }
    assert_eq!(objects.iter().filter(|object| object["type"] == "incident").count(), 2);
    // What everybody who knows the address calls it.
    assert!(names.contains(&format!("ipv4-addr--{}", crate::identity::stix_address(address(66))).as_str()));
}

#[test]
fn what_comes_from_traffic_is_text_and_the_same_twice() {
    for format in INCIDENT_FORMATS {
        let text = written(format.name);
        assert_eq!(text, written(format.name), "{}", format.name);
        assert!(text.ends_with('\n') && !text.contains('\u{1b}'), "{}", format.name);
        let cells = text.lines().flat_map(|line| line.split(','));
        assert!(format.name != "csv" || cells.into_iter().all(|cell| !cell.starts_with(['=', '+', '@'])));
    }
    assert!(IncidentFormat::named("xml").is_none());
}

#[test]
fn every_format_looks_as_it_did() {
    for format in INCIDENT_FORMATS {
        insta::assert_snapshot!(format!("incidents_as_{}", format.name), written(format.name));
    }
}
