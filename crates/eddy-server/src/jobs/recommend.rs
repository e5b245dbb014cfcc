//! What to do about a run, for clients that ask `/analyze`: each recommendation names its evidence.

use serde_json::{Value, json};

/// A kind of recommendation: name, description, severity, and three things to do.
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
/// number of findings that do.
pub(crate) fn recommendations(findings: &[Value], incidents: &[Value]) -> Vec<Value> {
    let mut evidence: [(Kind, Vec<String>); 4] =
        [SPIKE, PATTERN, PROTOCOL, EXFILTRATION].map(|kind| (kind, Vec::new()));
    for finding in findings {
        let sentence = finding["sentence"].as_str().unwrap_or_default().to_owned();
        evidence[kind_of(finding)].1.push(sentence);
    }
    for incident in incidents {
        let words = incident["kind"].as_str().unwrap_or_default();
        let at = match words {
            _ if words.contains("exfiltration") || words.contains("tunnel") => 3,
            _ if words.contains("flood") || words.contains("amplification") => 0,
            _ => 1,
        };
        evidence[at].1.insert(0, incident["sentence"].as_str().unwrap_or_default().to_owned());
    }
    evidence
        .iter()
        .filter(|(_, sentences)| !sentences.is_empty())
        .map(|(kind, sentences)| {
            json!({
                "type": kind.name,
                "description": kind.description,
                "recommendations": kind.todo,
                "severity": kind.severity,
                "evidence": sentences[0],
                "findings": sentences.len(),
            })
        })
        .collect()
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
    use super::*;

    #[test]
    fn a_recommendation_rests_on_what_was_found() {
        let finding = |feature: &str, seen: f64| {
            json!({ "sentence": format!("{feature} is {seen}"), "causes": [{ "feature": feature, "seen": seen,
                "expected": { "kind": "number", "median": 1.0, "low": 0.5, "high": 2.0 } }] })
        };
        assert!(recommendations(&[], &[]).is_empty());
        let found =
            recommendations(&[finding("bytes_transferred", 9.0), finding("connection_duration", 9.0)], &[]);
        let kinds: Vec<&str> = found.iter().filter_map(|one| one["type"].as_str()).collect();
        assert_eq!(kinds, ["TRAFFIC_SPIKE", "DATA_EXFILTRATION"]);
        assert_eq!(found[0]["evidence"], "bytes_transferred is 9");
        assert_eq!(found[0]["recommendations"].as_array().map(Vec::len), Some(3));
        let quiet = recommendations(&[finding("bytes_transferred", 0.1)], &[]);
        assert_eq!(quiet[0]["type"], "PATTERN_ANOMALY");
    }
}
