//! What a page about a labelled table is drawn from: classes, tests of each feature, distributions.

use serde::Serialize;

use crate::{Histogram, compact, words};

/// What the label column says about a table.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Labelled {
    /// Name of the label column.
    pub column: String,
    /// The classes, most common first.
    pub classes: Vec<ClassCount>,
    /// What the tests say of each feature, largest effect first; empty unless there are both attacks and normal rows.
    pub tests: Vec<FeatureTest>,
    /// How many p-values were corrected together.
    pub n_p_values: u64,
    /// The features with the largest effect, class by class.
    pub distributions: Vec<ClassDistribution>,
}

/// A class and its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ClassCount {
    /// Name; empty where the label is missing.
    pub name: String,
    /// Whether it is an attack.
    pub is_attack: bool,
    /// Rows of it.
    pub rows: u64,
}

/// Shares of right answers that need no model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Baseline {
    /// Always naming the most common class.
    pub most_common_class: f64,
    /// Always naming the more common of attack and normal.
    pub attack_or_normal: f64,
    /// Share of the rows that are attacks.
    pub attacks: f64,
}

impl Labelled {
    /// What can be reached without looking at any feature; none without rows.
    pub fn baseline(&self) -> Option<Baseline> {
        let total: u64 = self.classes.iter().map(|class| class.rows).sum();
        let attacks: u64 = self.classes.iter().filter(|class| class.is_attack).map(|class| class.rows).sum();
        let most = self.classes.iter().map(|class| class.rows).max().unwrap_or(0);
        (total > 0).then(|| Baseline {
            most_common_class: most as f64 / total as f64,
            attack_or_normal: attacks.max(total - attacks) as f64 / total as f64,
            attacks: attacks as f64 / total as f64,
        })
    }

    /// Features whose main p-value stays below 0.05 after Holm's correction.
    pub fn n_significant(&self) -> u64 {
        self.tests.iter().filter(|test| test.difference.p_value().holm < 0.05).count() as u64
    }
}

/// How one feature differs between attacks and normal rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeatureTest {
    /// Name of the feature.
    pub name: String,
    /// Unit, where known.
    pub unit: Option<String>,
    /// Normal rows with a value.
    pub n_normal: u64,
    /// Attacks with a value.
    pub n_attack: u64,
    /// Effect size by which features are ordered, 0 (no difference) to 1 (no overlap): for numbers the larger of
    /// Cliff's delta without its sign and the Kolmogorov-Smirnov distance, for categories the corrected Cramer's V.
    pub effect: f64,
    /// What was measured.
    pub difference: Difference,
    /// Why to read it with care, in whole sentences.
    pub cautions: Vec<String>,
}

/// A p-value, alone and among all others of the table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PValue {
    /// Of this test alone.
    pub alone: f64,
    /// Corrected after Holm: against even one false discovery.
    pub holm: f64,
    /// Corrected after Benjamini and Hochberg: against too large a share of false discoveries.
    pub benjamini_hochberg: f64,
}

/// What the tests of one feature measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Difference {
    /// A number.
    Number {
        /// Share of pairs of an attack and a normal row in which the attack's value is the larger; the area under the
        /// ROC curve of the feature alone.
        auc: f64,
        /// `2 auc - 1`, -1 to 1; positive when attacks have the larger values.
        cliffs_delta: f64,
        /// Of Mann and Whitney's test.
        mann_whitney: PValue,
        /// Kolmogorov-Smirnov distance of the two distributions, 0 to 1.
        ks_distance: f64,
        /// The value at which the distributions are farthest apart.
        ks_at: f64,
        /// Share of the normal rows that are at most there.
        normal_below: f64,
        /// Share of the attacks that are at most there.
        attack_below: f64,
        /// Of Kolmogorov and Smirnov's test.
        kolmogorov_smirnov: PValue,
        /// Difference of the means in pooled standard deviations; none when nothing varies.
        cohens_d: Option<f64>,
        /// Welch's t.
        welch_t: Option<f64>,
        /// Of Welch's test.
        welch: Option<PValue>,
        /// Median of the normal rows.
        normal_median: f64,
        /// Median of the attacks.
        attack_median: f64,
    },
    /// A category or a flag.
    Category {
        /// Pearson's statistic.
        chi_square: f64,
        /// Degrees of freedom.
        degrees_of_freedom: u64,
        /// Of the chi-square test of independence.
        independence: PValue,
        /// Cramer's V, 0 to 1.
        cramers_v: f64,
        /// Cramer's V less what chance alone gives, 0 to 1.
        cramers_v_corrected: f64,
        /// Different levels, missing not among them.
        n_levels: u64,
        /// The level whose share differs most.
        level: String,
        /// Share of the normal rows with that level.
        normal_share: f64,
        /// Share of the attacks with that level.
        attack_share: f64,
    },
}

impl Difference {
    /// The p-value that stands for the feature: Mann and Whitney's for numbers, the chi-square test's for categories.
    pub fn p_value(&self) -> PValue {
        match self {
            Self::Number { mann_whitney, .. } => *mann_whitney,
            Self::Category { independence, .. } => *independence,
        }
    }
}

impl FeatureTest {
    /// The effect in a word. The bounds are those of Romano and others (2006) for Cliff's delta, and those of Cohen
    /// (1988) for Cramer's V of two groups.
    pub fn strength(&self) -> &'static str {
        let bounds = match self.difference {
            Difference::Number { .. } => [0.147, 0.33, 0.474],
            Difference::Category { .. } => [0.1, 0.3, 0.5],
        };
        match bounds.iter().filter(|bound| self.effect >= **bound).count() {
            0 => "negligible",
            1 => "small",
            2 => "medium",
            _ => "large",
        }
    }

    /// The difference in a sentence without a full stop.
    pub fn in_words(&self) -> String {
        match &self.difference {
            Difference::Number {
                auc, cliffs_delta, ks_distance, ks_at, normal_below, attack_below, ..
            } => {
                // The order of values explains the effect, or else their shape does.
                if self.effect < 0.01 {
                    "attacks and normal rows are alike".into()
                } else if cliffs_delta.abs() + 0.1 >= *ks_distance {
                    let (what, share) = if *auc >= 0.5 { ("higher", *auc) } else { ("lower", 1.0 - auc) };
                    format!("attacks are {what} in {} of pairs", words::near_percent(share))
                } else {
                    format!(
                        "{} of attacks are at most {}, of normal rows {}",
                        words::near_percent(*attack_below),
                        words::rough(*ks_at),
                        words::near_percent(*normal_below)
                    )
                }
            }
            Difference::Category { level, normal_share, attack_share, .. } => format!(
                "{} in {} of attacks, {} of normal rows",
                if level.is_empty() { "missing" } else { level },
                words::near_percent(*attack_share),
                words::near_percent(*normal_share)
            ),
        }
    }
}

/// A p-value in words: "0.031", "2e-14", "< 1e-300".
pub fn p_in_words(p: f64) -> String {
    if !p.is_finite() {
        "none".into()
    } else if p < 1e-300 {
        "< 1e-300".into()
    } else if p < 0.000_95 {
        format!("{p:.0e}")
    } else {
        format!("{p:.3}")
    }
}

/// One feature, class by class.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ClassDistribution {
    /// Name of the feature.
    pub name: String,
    /// Unit, where known.
    pub unit: Option<String>,
    /// The levels of a category, most common first; empty for numbers.
    pub levels: Vec<String>,
    /// Distribution over all rows, normal rows and (as `flagged`) attacks. For a category bin `i` is level `i`.
    pub histogram: Histogram,
    /// One box a class, most common class first; numbers only.
    pub boxes: Vec<ClassBox>,
}

/// The middle of one class.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ClassBox {
    /// Name of the class.
    pub class: String,
    /// Whether it is an attack.
    pub is_attack: bool,
    /// Rows with a value.
    pub rows: u64,
    /// Quantiles at 5 %, 25 %, 50 %, 75 % and 95 %.
    #[serde(serialize_with = "compact::rounded")]
    pub quantiles: [f64; 5],
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PValue = PValue { alone: 0.01, holm: 0.04, benjamini_hochberg: 0.02 };

    fn number(cliffs_delta: f64, ks_distance: f64) -> FeatureTest {
        FeatureTest {
            name: "bytes".into(),
            unit: None,
            n_normal: 100,
            n_attack: 50,
            effect: cliffs_delta.abs().max(ks_distance),
            difference: Difference::Number {
                auc: f64::midpoint(cliffs_delta, 1.0),
                cliffs_delta,
                mann_whitney: P,
                ks_distance,
                ks_at: 12.0,
                normal_below: 0.4,
                attack_below: 0.999,
                kolmogorov_smirnov: P,
                cohens_d: None,
                welch_t: None,
                welch: None,
                normal_median: 1.0,
                attack_median: 2.0,
            },
            cautions: vec![],
        }
    }

    #[test]
    fn differences_read_well() {
        for (test, strength, words) in [
            (number(-0.8, 0.7), "large", "attacks are lower in 90 % of pairs"),
            (number(0.2, 0.25), "small", "attacks are higher in 60 % of pairs"),
            (number(0.0, 0.599), "large", "99.9 % of attacks are at most 12, of normal rows 40 %"),
            (number(0.001, 0.002), "negligible", "attacks and normal rows are alike"),
            (number(0.1, 0.1), "negligible", "attacks are higher in 55 % of pairs"),
        ] {
            assert_eq!((test.strength(), test.in_words().as_str()), (strength, words));
        }
    }

    #[test]
    fn the_baseline_is_what_naming_one_class_reaches() {
        let class = |name: &str, is_attack, rows| ClassCount { name: name.into(), is_attack, rows };
        let labelled = Labelled {
            classes: vec![class("normal", false, 50), class("dos", true, 30), class("probe", true, 40)],
            ..Labelled::default()
        };
        let baseline = labelled.baseline().unwrap();
        assert!((baseline.most_common_class - 50.0 / 120.0).abs() < 1e-12);
        assert!((baseline.attack_or_normal - 70.0 / 120.0).abs() < 1e-12);
        assert_eq!(Labelled::default().baseline(), None);
    }

    #[test]
    fn p_values_read_well() {
        for (p, expect) in [(0.0312, "0.031"), (2.2e-14, "2e-14"), (0.0, "< 1e-300"), (1.0, "1.000")] {
            assert_eq!(p_in_words(p), expect);
        }
    }
}
