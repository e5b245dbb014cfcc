//! Isolation forest, then random forest.

use eddy_detect::{
    About, ClassLabels, Classes, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind,
    SectionReader,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{IsolationForest, RandomForest, forest, normal_panel::in_pieces};

/// Isolation forest, then random forest: the rows that are easiest to isolate become the labels of a classifier.
///
/// A random forest learns to tell the share of rows with the highest isolation scores from the others. It says the same
/// with fewer questions, and smoothly; what the isolation forest does not see it cannot learn.
///
/// Score range: 0 to 1, the probability of being among the share that was asked for, so that a share of about that size
/// lies above 0.5 whatever the data. Input: any numbers. A missing value counts as a very large one. Blind to: what an
/// isolation forest is blind to. Cost: that of both forests.
///
/// Source: the two steps are common in notebooks of this field; Liu, Ting & Zhou 2008; Breiman 2001.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HybridForest {
    /// Share of the training rows that become the class of the unusual.
    pub contamination: Fraction,
    /// Number of trees of each forest.
    pub n_estimators: Count,
}

impl Default for HybridForest {
    fn default() -> Self {
        Self { contamination: Fraction::new(0.01), n_estimators: Count::new(100) }
    }
}

impl Detector for HybridForest {
    const ABOUT: About = About {
        name: "hybrid_forest",
        title: "Isolation forest, then random forest",
        kind: ModelKind::Row,
        summary: "A random forest learns to tell the rows that an isolation forest finds easiest to isolate from the others.",
        blind_to: "What an isolation forest is blind to; the share that is flagged is the share that was asked for.",
        cost: "That of an isolation forest and a random forest.",
        source: "Liu, Ting & Zhou 2008; Breiman 2001; the two steps are common in notebooks of this field.",
        natural_threshold: Some(0.5),
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let isolation = IsolationForest { n_estimators: self.n_estimators, ..IsolationForest::default() };
        let first = isolation.fit(rows, &FitContext { seed: context.seed.part(0), ..*context })?;
        let scores = in_pieces(rows, |rows, out| first.score_once(rows, &[], out));
        let n_odd = ((rows.n_rows() as f64 * self.contamination.get()).round() as usize).max(1);
        let mut order: Vec<usize> = (0..rows.n_rows()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let mut of_rows = vec![0u16; rows.n_rows()];
        order[..n_odd.min(rows.n_rows())].iter().for_each(|&row| of_rows[row] = 1);
        let classes = Classes { names: vec!["usual".into(), "unusual".into()], is_attack: vec![false, true] };
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let forest = RandomForest { n_estimators: self.n_estimators, max_features: None, ..RandomForest::default() };
        forest.fit(rows, &FitContext { seed: context.seed.part(1), class_labels, ..*context })
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        forest::load(section)
    }
}
