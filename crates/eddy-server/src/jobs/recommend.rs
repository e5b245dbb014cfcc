//! What to do about a run, for clients that ask `/analyze`: each recommendation names its evidence.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A kind of recommendation: name, description, severity, and three things to do.
#[derive(Default)]
struct Kind {
    name: &'static str,
    description: &'static str,
    severity: &'static str,
    todo: [&'static str; 3],
}

const SPIKE: Kind = Kind {
    name: "TRAFFIC_SPIKE",
    description: "Unusual spike in network traffic",
    severity: "HIGH",
    todo: ["Implement rate limiting", "Enable traffic throttling", "Deploy DDoS protection"],
};
const PATTERN: Kind = Kind {
    name: "PATTERN_ANOMALY",
    description: "Unusual traffic patterns",
    severity: "MEDIUM",
    todo: ["Enable behavioral analysis", "Update IDS signatures", "Implement traffic segmentation"],
};
const PROTOCOL: Kind = Kind {
    name: "PROTOCOL_ANOMALY",
    description: "Unusual protocol behavior",
    severity: "MEDIUM",
    todo: ["Update firewall rules", "Enable deep packet inspection", "Implement protocol validation"],
};
const EXFILTRATION: Kind = Kind {
    name: "DATA_EXFILTRATION",
    description: "Potential data exfiltration",
    severity: "HIGH",
    todo: ["Enable data loss prevention", "Implement egress filtering", "Monitor data transfer patterns"],
};

/// Recommendations for the findings and incidents of a run, each with the first sentence that speaks for it and the
/// numbers of findings and incidents that do. Where a finding is a row of an incident, both are of one kind.
pub(crate) fn recommendations(findings: &[Value], incidents: &[Value]) -> Vec<Recommendation> {
    let mut found = [SPIKE, PATTERN, PROTOCOL, EXFILTRATION].map(|kind| Found { kind, ..Found::default() });
    let mut of_row: HashMap<u64, usize> = HashMap::new();
    for incident in incidents {
        let at = kind_of_incident(incident["kind"].as_str().unwrap_or_default());
        found[at].incidents += 1;
        found[at].sentences.push(incident["sentence"].as_str().unwrap_or_default().to_owned());
        let rows = incident["rows"].as_array().into_iter().flatten();
        of_row.extend(rows.filter_map(|row| Some((row["row"].as_u64()?, at))));
    }
    // An incident names its strangest rows only: those beside them in a stretch are of it as well.
    let row = |finding: &Value| finding["place"]["row"].as_u64().and_then(|row| of_row.get(&row).copied());
    let stretch = |finding: &Value| finding["stretch"]["first_row"].as_u64();
    let of_stretch: HashMap<u64, usize> =
        findings.iter().filter_map(|one| Some((stretch(one)?, row(one)?))).collect();
    for finding in findings {
        let beside = || of_stretch.get(&stretch(finding)?).copied();
        let at = row(finding).or_else(beside).unwrap_or_else(|| kind_of(finding));
        found[at].findings += 1;
        found[at].sentences.push(finding["sentence"].as_str().unwrap_or_default().to_owned());
    }
    found
        .into_iter()
        .filter_map(|Found { kind, sentences, findings, incidents }| {
            Some(Recommendation {
                kind: kind.name,
                description: kind.description,
                recommendations: kind.todo,
                severity: kind.severity,
                evidence: sentences.into_iter().next()?,
                findings,
                incidents,
            })
        })
        .collect()
}

/// What to do about findings of a kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Recommendation {
    /// `TRAFFIC_SPIKE`, `PATTERN_ANOMALY`, `PROTOCOL_ANOMALY` or `DATA_EXFILTRATION`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    description: &'static str,
    /// What to do.
    recommendations: [&'static str; 3],
    /// `HIGH` or `MEDIUM`.
    severity: &'static str,
    /// The first sentence that speaks for it.
    evidence: String,
    /// Findings of this kind.
    findings: usize,
    /// Incidents of this kind.
    incidents: usize,
}

/// What speaks for a kind.
#[derive(Default)]
struct Found {
    kind: Kind,
    sentences: Vec<String>,
    findings: usize,
    incidents: usize,
}

/// Which kind an incident is of, by its words.
fn kind_of_incident(words: &str) -> usize {
    let has = |some: &[&str]| some.iter().any(|one| words.contains(one));
    if has(&["exfiltration", "tunnel"]) {
        3
    } else if has(&["flood", "amplification", "spike"]) {
        0
    } else if has(&["protocol", "crafted", "forged", "spoof"]) {
        2
    } else {
        1
    }
}

/// Which kind a finding is of, by the feature that did most of it.
fn kind_of(finding: &Value) -> usize {
    let cause = &finding["causes"][0];
    let feature = cause["feature"].as_str().unwrap_or_default().to_ascii_lowercase();
    let (seen, expected) = (number(&cause["seen"]), &cause["expected"]);
    let above = seen.is_some_and(|seen| number(&expected["high"]).is_some_and(|high| seen > high));
    if ["protocol", "port", "service", "flag"].iter().any(|word| feature.contains(word)) {
        return 2;
    }
    let is_volume = ["byte", "octet", "packet", "value", "network_in", "length"]
        .iter()
        .any(|word| feature.contains(word));
    if is_volume && above {
        return 0;
    }
    // Long connections that carry little at a time.
    if feature.contains("duration") && above {
        return 3;
    }
    1
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_object()?.values().find_map(Value::as_f64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recommended(findings: &[Value], incidents: &[Value]) -> Vec<Value> {
        recommendations(findings, incidents).iter().map(|one| serde_json::to_value(one).unwrap()).collect()
    }

    #[test]
    fn a_recommendation_rests_on_what_was_found() {
        let finding = |feature: &str, seen: f64| {
            json!({ "sentence": format!("{feature} is {seen}"), "causes": [{ "feature": feature, "seen": seen,
                "expected": { "kind": "number", "median": 1.0, "low": 0.5, "high": 2.0 } }] })
        };
        assert!(recommended(&[], &[]).is_empty());
        let found =
            recommended(&[finding("bytes_transferred", 9.0), finding("connection_duration", 9.0)], &[]);
        let kinds: Vec<&str> = found.iter().filter_map(|one| one["type"].as_str()).collect();
        assert_eq!(kinds, ["TRAFFIC_SPIKE", "DATA_EXFILTRATION"]);
        assert_eq!(found[0]["evidence"], "bytes_transferred is 9");
        assert_eq!(found[0]["recommendations"].as_array().map(Vec::len), Some(3));
        assert_eq!((&found[0]["findings"], &found[0]["incidents"]), (&json!(1), &json!(0)));
        let quiet = recommended(&[finding("bytes_transferred", 0.1)], &[]);
        assert_eq!(quiet[0]["type"], "PATTERN_ANOMALY");
    }

    #[test]
    fn a_finding_is_of_the_kind_of_its_incident_and_is_counted_once() {
        let finding = |row: u64, stretch: u64| {
            json!({ "sentence": format!("row {row}"), "place": { "row": row }, "causes": [],
                "stretch": { "first_row": stretch } })
        };
        let incident = |kind: &str, rows: &[u64]| {
            let rows: Vec<Value> = rows.iter().map(|row| json!({ "row": row })).collect();
            json!({ "kind": kind, "sentence": kind, "rows": rows })
        };
        let findings = [finding(1, 1), finding(2, 1), finding(9, 9), finding(20, 20)];
        let incidents = [incident("traffic spike", &[1]), incident("protocol anomaly", &[9])];
        let found = recommended(&findings, &incidents);
        let told: Vec<_> = found
            .iter()
            .map(|one| (one["type"].as_str().unwrap(), &one["evidence"], &one["findings"], &one["incidents"]))
            .map(|(kind, evidence, n, m)| {
                (kind, evidence.as_str().unwrap(), n.as_u64().unwrap(), m.as_u64().unwrap())
            })
            .collect();
        let wanted = [
            ("TRAFFIC_SPIKE", "traffic spike", 2, 1),
            ("PATTERN_ANOMALY", "row 20", 1, 0),
            ("PROTOCOL_ANOMALY", "protocol anomaly", 1, 1),
        ];
        assert_eq!(told, wanted);
        for (kind, at) in [("SYN flood", 0), ("DNS tunnel", 3), ("port scan", 1), ("forged answers", 2)] {
            assert_eq!(kind_of_incident(kind), at, "{kind}");
        }
    }
}
