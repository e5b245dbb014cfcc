//! How many to flag.

use serde::{Deserialize, Serialize};

use crate::{Fraction, anomaly_score, surprise_of};

/// What decides which rows are flagged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// As many as the data bear out: the expected share of typical rows among those flagged is at most this
    /// (Benjamini and Hochberg, "Controlling the false discovery rate", 1995, on shares taken from the calibration).
    ErrorRate(Fraction),
    /// A fixed share of the rows, whatever they are.
    Contamination(Fraction),
    /// Rows at least as strange as this share of typical rows: so many false alarms are taken, however many attacks
    /// there are. The shares are those of the calibration.
    FalsePositiveRate(Fraction),
    /// The threshold that the detector's own source names, on the raw score.
    Natural,
    /// A fixed number of rows, whatever they are.
    Budget(u64),
    /// An anomaly score given by the user.
    Score(f64),
    /// The detector's own alarms, for detectors of series that have an event stream of their own.
    Events,
}

impl Default for Rule {
    fn default() -> Self {
        Self::ErrorRate(Fraction::new(0.05))
    }
}

/// A threshold, where it came from and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// What decided.
    pub rule: Rule,
    /// Rows whose surprise is at least this are flagged.
    pub surprise: f64,
    /// A caution that belongs beside the count.
    #[serde(default)]
    pub warning: Option<String>,
}

impl Threshold {
    /// The threshold on the 0..1 scale.
    pub fn anomaly_score(&self) -> f64 {
        anomaly_score(self.surprise)
    }

    /// Whether a row is flagged.
    pub fn flags(&self, surprise: f64) -> bool {
        surprise >= self.surprise
    }

    /// The rule in words.
    pub fn in_words(&self) -> String {
        match self.rule {
            Rule::ErrorRate(q) => {
                format!("at most {} of the flagged rows are expected to be ordinary", percent(q.get()))
            }
            Rule::Contamination(share) => format!("the top {} of the rows, as asked", percent(share.get())),
            Rule::FalsePositiveRate(rate) => {
                format!("as strange as {} of typical rows, as asked", percent(rate.get()))
            }
            Rule::Natural => "the detector's own threshold on its raw score (see eddy models show)".into(),
            Rule::Budget(n) => format!("the top {n} rows, as asked"),
            Rule::Score(score) => format!("anomaly score at least {score}, as asked"),
            Rule::Events => "the detector's own alarms: few, each the beginning of an event".into(),
        }
    }

    /// Finds the threshold of a rule, given the surprise of every row. `natural` is the surprise of the detector's own
    /// threshold, if it has one.
    pub fn find(rule: Rule, surprises: &[f64], natural: Option<f64>) -> Result<Self, String> {
        let n = surprises.len();
        let quota = |count: usize| {
            if count == 0 {
                return f64::MAX;
            }
            let mut values = surprises.to_vec();
            let at = n.saturating_sub(count);
            if values.is_empty() { f64::MAX } else { *values.select_nth_unstable_by(at, f64::total_cmp).1 }
        };
        let (surprise, warning) = match rule {
            Rule::Score(score) => (surprise_of(score.clamp(0.0, 1.0)), None),
            Rule::Natural => (
                natural.ok_or("this detector's source names no threshold; use --contamination with a share, --budget or --error-rate")?,
                None,
            ),
            Rule::Contamination(share) => {
                let count = ((n as f64 * share.get()).round() as usize).clamp(1, n.max(1));
                (quota(count), Some(format!(
                    "the count is only the rule: {} of any data, ordinary or not, would be flagged",
                    percent(share.get())
                )))
            }
            Rule::Budget(budget) => {
                let count = usize::try_from(budget).unwrap_or(usize::MAX).min(n);
                (quota(count), Some(format!(
                    "the count is only the rule: the {count} highest of any data, ordinary or not, would be flagged"
                )))
            }
            Rule::ErrorRate(q) => (benjamini_hochberg(surprises, q.get()), None),
            // No score decides.
            Rule::Events => (f64::MAX, None),
            Rule::FalsePositiveRate(rate) => (-rate.get().log10() + 0.0, None),
        };
        let mut threshold = Self { rule, surprise, warning };
        if matches!(rule, Rule::Contamination(_) | Rule::Budget(_)) {
            let borne_out =
                Self { rule: Rule::default(), surprise: benjamini_hochberg(surprises, 0.05), warning: None };
            let count = surprises.iter().filter(|&&s| borne_out.flags(s)).count();
            if let Some(warning) = &mut threshold.warning {
                write_warning(warning, format_args!("; without a quota {count} would be"));
            }
            // Ties at the threshold are all flagged; say so when they exceed the quota by much.
            let flagged = surprises.iter().filter(|&&s| threshold.flags(s)).count();
            let asked = match rule {
                Rule::Budget(budget) => usize::try_from(budget).unwrap_or(usize::MAX).min(n),
                Rule::Contamination(share) => ((n as f64 * share.get()).round() as usize).max(1),
                _ => flagged,
            };
            if flagged > asked && asked > 0 {
                threshold.surprise = next_above(surprises, threshold.surprise);
                if let Some(warning) = &mut threshold.warning {
                    let left = flagged - surprises.iter().filter(|&&s| threshold.surprise <= s).count();
                    write_warning(
                        warning,
                        format_args!(
                            "; {left} rows share the score at the limit and were left out rather than exceed it"
                        ),
                    );
                }
            }
        }
        Ok(threshold)
    }
}

fn write_warning(warning: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = std::fmt::Write::write_fmt(warning, text);
}

/// The smallest surprise above `limit`, or a value above all when there is none.
fn next_above(surprises: &[f64], limit: f64) -> f64 {
    surprises.iter().copied().filter(|&s| s > limit).fold(f64::MAX, f64::min)
}

/// The surprise from which rows are flagged at false discovery rate `q`. Where none is, the surprise that a single row
/// would need.
fn benjamini_hochberg(surprises: &[f64], q: f64) -> f64 {
    let n = surprises.len().max(1) as f64;
    let single = (n / q).log10();
    // Only rows that could pass the mildest step matter: p <= q.
    let mut high: Vec<f64> = surprises.iter().copied().filter(|&s| s >= -q.log10()).collect();
    high.sort_unstable_by(|a, b| b.total_cmp(a));
    let passing = high.iter().enumerate().rev().find(|(at, s)| **s >= (n / (q * (at + 1) as f64)).log10());
    passing.map_or(single, |(_, &surprise)| surprise.min(single))
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 1.0 {
        format!("{} %", (percent * 100.0).round() / 100.0)
    } else {
        format!("{percent:.2} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Surprises of `n` typical rows, spread as they should be.
    fn typical(n: usize) -> Vec<f64> {
        (0..n).map(|i| -((i as f64 + 0.5) / n as f64).log10()).collect()
    }

    #[test]
    fn ordinary_rows_are_not_flagged() {
        let surprises = typical(10_000);
        let t = Threshold::find(Rule::default(), &surprises, None).unwrap();
        assert_eq!(surprises.iter().filter(|&&s| t.flags(s)).count(), 0);
    }

    #[test]
    fn a_rate_of_false_positives_is_kept_whatever_else_there_is() {
        for rate in [0.05, 0.01, 0.001] {
            let mut surprises = typical(10_000);
            surprises.extend(std::iter::repeat_n(9.0, 5_000));
            let rule = Rule::FalsePositiveRate(Fraction::new(rate));
            let t = Threshold::find(rule, &surprises, None).unwrap();
            let flagged = |of: &[f64]| of.iter().filter(|&&s| t.flags(s)).count();
            assert_eq!(flagged(&surprises[..10_000]), (rate * 10_000.0) as usize, "{rate}");
            assert_eq!(flagged(&surprises[10_000..]), 5_000, "{rate}");
        }
    }

    #[test]
    fn strange_rows_are_flagged_and_few_others() {
        let mut surprises = typical(10_000);
        surprises.extend([9.0; 100]);
        let t = Threshold::find(Rule::default(), &surprises, None).unwrap();
        let flagged = surprises.iter().filter(|&&s| t.flags(s)).count();
        assert!((100..=106).contains(&flagged), "{flagged}");
    }

    #[test]
    fn a_quota_finds_its_quota_and_says_so() {
        let surprises = typical(1_000);
        for (rule, expect) in
            [(Rule::Budget(7), 7), (Rule::Contamination(Fraction::new(0.15)), 150), (Rule::Budget(0), 0)]
        {
            let t = Threshold::find(rule, &surprises, None).unwrap();
            assert_eq!(surprises.iter().filter(|&&s| t.flags(s)).count(), expect);
            assert!(t.warning.unwrap().contains("only the rule"));
        }
    }

    #[test]
    fn ties_do_not_break_a_quota() {
        let surprises = vec![1.0; 100];
        let t = Threshold::find(Rule::Budget(5), &surprises, None).unwrap();
        assert_eq!(surprises.iter().filter(|&&s| t.flags(s)).count(), 0);
        assert!(t.warning.unwrap().contains("share the score"));
    }

    #[test]
    fn a_detector_without_its_own_threshold_says_what_to_use() {
        assert!(Threshold::find(Rule::Natural, &[1.0], None).unwrap_err().contains("--budget"));
    }
}
