//! What NAB pays and charges.

use serde::Serialize;
use serde_json::Value;

use crate::EvalError;

/// What a detector is paid for a window that it finds, and charged for one that it misses and for false alarms.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Name, as in result files.
    pub name: String,
    /// Most that a found window is worth.
    pub true_positive: f64,
    /// Most that a false alarm costs.
    pub false_positive: f64,
    /// What a missed window costs.
    pub false_negative: f64,
}

impl Profile {
    /// NAB's three profiles (`config/profiles.json`), the standard one first.
    pub fn all() -> Vec<Self> {
        let profile = |name: &str, false_positive, false_negative| Self {
            name: name.to_owned(),
            true_positive: 1.0,
            false_positive,
            false_negative,
        };
        vec![
            profile("standard", 0.11, 1.0),
            profile("reward_low_FP_rate", 0.22, 1.0),
            profile("reward_low_FN_rate", 0.11, 2.0),
        ]
    }

    /// Reads a document like NAB's `config/profiles.json`, in its order.
    pub fn read(text: &str) -> Result<Vec<Self>, EvalError> {
        let refuse = |reason: String| EvalError::Document(format!("profiles: {reason}"));
        let document: Value = serde_json::from_str(text).map_err(|error| refuse(error.to_string()))?;
        let Value::Object(profiles) = document else { return Err(refuse("is no object".into())) };
        profiles
            .iter()
            .map(|(name, profile)| {
                let weight = |key: &str| {
                    let value = profile.get("CostMatrix").and_then(|matrix| matrix.get(key));
                    value
                        .and_then(Value::as_f64)
                        .filter(|weight| weight.is_finite() && *weight >= 0.0)
                        .ok_or_else(|| refuse(format!("'{name}' has no {key} of 0 or more")))
                };
                Ok(Self {
                    name: name.clone(),
                    true_positive: weight("tpWeight")?,
                    false_positive: weight("fpWeight")?,
                    false_negative: weight("fnWeight")?,
                })
            })
            .collect()
    }

    /// What a detector without any alarm gets.
    pub fn null(&self, n_windows: usize) -> f64 {
        -self.false_negative * n_windows as f64
    }

    /// A score from 0 (no alarm at all) to 100 (every window at its first row, no false alarm); NaN without windows.
    pub fn normalised(&self, score: f64, n_windows: usize) -> f64 {
        let null = self.null(n_windows);
        100.0 * (score - null) / (self.true_positive * n_windows as f64 - null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_of_a_document_are_read() {
        let text = r#"{"standard": {"CostMatrix": {"tpWeight": 1.0, "fnWeight": 1.0, "fpWeight": 0.11, "tnWeight": 1.0}}}"#;
        assert_eq!(Profile::read(text).unwrap(), Profile::all()[..1]);
        assert!(Profile::read(r#"{"standard": {}}"#).unwrap_err().to_string().contains("tpWeight"));
        assert!(Profile::read("[]").is_err());
    }

    #[test]
    fn nothing_is_worth_0_and_perfection_100() {
        for profile in Profile::all() {
            assert_eq!(profile.normalised(profile.null(116), 116), 0.0);
            assert_eq!(profile.normalised(116.0, 116), 100.0);
        }
    }
}
