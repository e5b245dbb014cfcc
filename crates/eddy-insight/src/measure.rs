//! A number of evidence beside what would have been ordinary.

use std::borrow::Cow;

use eddy_behaviour::Evidence;
use serde::Serialize;

/// A number of evidence beside what would have been ordinary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measure {
    /// What was counted or measured.
    pub what: Cow<'static, str>,
    /// What was seen.
    pub seen: f64,
    /// What would have been ordinary, at most.
    pub usual: f64,
    /// What would have been ordinary at least, where there is such a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_from: Option<f64>,
    /// Its unit, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'static, str>>,
}

impl From<&Evidence> for Measure {
    fn from(evidence: &Evidence) -> Self {
        Self {
            what: evidence.what.into(),
            seen: finite(evidence.seen),
            usual: finite(evidence.usual),
            usual_from: None,
            unit: unit(evidence.what).map(Cow::Borrowed),
        }
    }
}

/// JSON has no infinities.
pub(crate) fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The unit of a number of evidence, which its description names.
fn unit(what: &str) -> Option<&'static str> {
    const UNITS: [(&str, &str); 15] = [
        ("per cent", "%"),
        ("regularity", "of 1"),
        ("coefficient", "of 1"),
        ("seconds", "s"),
        ("minutes", "min"),
        ("hours", "h"),
        ("bits", "bit"),
        ("bytes", "bytes"),
        ("connections", "connections"),
        ("packets", "packets"),
        ("pairs", "pairs"),
        ("hosts", "hosts"),
        ("ports", "ports"),
        ("senders", "hosts"),
        ("names", "names"),
    ];
    UNITS.iter().find(|(word, _)| what.contains(word)).map(|&(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_evidence_carry_their_unit() {
        fn check(what: &'static str, expect: Option<&str>) {
            let measure = Measure::from(&Evidence { what, seen: 1.0, usual: f64::INFINITY });
            assert_eq!(measure.unit.as_deref(), expect, "{what}");
            assert_eq!(measure.usual, 0.0);
        }
        check("bytes sent to one host outside in an hour", Some("bytes"));
        check("share of tries in vain, per cent", Some("%"));
        check("half-open connections in 10 s", Some("connections"));
        check("times as much out as back", None);
    }
}
