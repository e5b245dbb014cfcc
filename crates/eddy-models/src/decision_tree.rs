//! Decision tree.

use eddy_detect::{About, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, SectionReader};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    class_tree::{Criterion, Growth},
    forest::{self, ClassWeight, Sampling, class_labels},
};

/// Decision tree: cuts the columns, one at a time, until the rows of each part are of one class.
///
/// Columns are cut at the borders of at most 256 bins of about equally many training rows; columns of at most 256
/// different values are cut exactly. Each cut is the one that leaves the purest parts.
///
/// Score range: 0 to 1, the probability of an attack: the share of attacks among the training rows of the leaf. Input:
/// any numbers; scaling makes no difference. A missing value counts as a very large one. Blind to: attacks unlike any
/// it was shown. Cost: fit `O(d n log n)`, score `O(depth)` per row.
///
/// Source: Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", 1984, without pruning; bins as in
/// Ke et al., "LightGBM", NeurIPS 2017.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DecisionTree {
    /// Levels at most; none is no limit.
    pub max_depth: Option<Count>,
    /// Nodes with fewer training rows are not cut.
    pub min_samples_split: Count,
    /// Training rows that each side of a cut must have.
    pub min_samples_leaf: Count,
    /// What makes a cut good.
    pub criterion: Criterion,
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self {
            max_depth: None,
            min_samples_split: Count::new(2),
            min_samples_leaf: Count::new(1),
            criterion: Criterion::Gini,
            class_weight: ClassWeight::Equal,
        }
    }
}

impl Detector for DecisionTree {
    const ABOUT: About = About {
        name: "decision_tree",
        title: "Decision tree",
        kind: ModelKind::Row,
        summary: "Cuts one column at a time until the rows of each part are of one class.",
        blind_to: "Attacks unlike any it was shown; it knows only the classes in its labels.",
        cost: "Fit O(d n log n); score O(depth) per row; memory O(d n) bytes while fitting.",
        source: "Breiman et al., Classification and Regression Trees, 1984; columns are cut into 256 bins.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let growth = Growth {
            n_tried: rows.n_cols(),
            random_cuts: false,
            max_depth: self.max_depth.map_or(usize::MAX, Count::get),
            min_samples_split: self.min_samples_split.get(),
            min_samples_leaf: self.min_samples_leaf.get(),
            criterion: self.criterion,
            smoothing: 0.0,
        };
        forest::fit(rows, &labels, context, 1, Sampling::All, &growth, self.class_weight)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        forest::load(section)
    }
}
