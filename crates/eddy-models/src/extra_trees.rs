//! Extra trees.

use eddy_detect::{About, Count, Detector, FitContext, FitError, Fraction, LearnsFrom, LoadError, Model, ModelKind, SectionReader, Share};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    class_tree::{Criterion, Growth},
    forest::{self, ClassWeight, Sampling, class_labels},
};

/// Extra trees: the mean of many decision trees on all rows whose columns are cut at random places.
///
/// Of a few columns, each cut at the border of a random bin between the least and the greatest value in the node, the
/// best is taken.
///
/// Score range: 0 to 1, the probability of an attack: the mean share of attacks in the leaves. Input: any numbers;
/// scaling makes no difference. A missing value counts as a very large one. Blind to: attacks unlike any it was shown.
/// Cost: fit `O(trees * d / 2 * n log n)`, score `O(trees * depth)` per row.
///
/// Source: Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine Learning 2006. Where ours differs: a cut
/// is drawn among the bins between the least and greatest value, not among all numbers; and half of the columns are
/// looked at for each cut rather than the square root of their number, because tables of traffic hold many columns that
/// are nearly always zero (the source finds the same for such tables).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExtraTrees {
    /// Number of trees.
    pub n_estimators: Count,
    /// Share of the columns that are looked at for each cut; if null, the square root of their number, which fits faster
    /// and is enough where most columns tell something.
    pub max_features: Option<Fraction>,
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
    /// Rows that are added to each leaf, dealt out evenly to the classes (Laplace's correction, of a part of a row). A tenth
    /// changes next to no share, but tells leaves of few rows from leaves of many, and so ranks rows of which all trees say
    /// the same.
    pub smoothing: Share,
}

impl Default for ExtraTrees {
    fn default() -> Self {
        Self {
            n_estimators: Count::new(100),
            max_features: Some(Fraction::new(0.5)),
            max_depth: None,
            min_samples_split: Count::new(2),
            min_samples_leaf: Count::new(1),
            criterion: Criterion::Gini,
            class_weight: ClassWeight::Equal,
            smoothing: Share::new(0.0),
        }
    }
}

impl Detector for ExtraTrees {
    const ABOUT: About = About {
        name: "extra_trees",
        title: "Extra trees",
        kind: ModelKind::Row,
        summary: "Averages many decision trees on all rows whose cuts are drawn at random and the best of a few taken.",
        blind_to: "Attacks unlike any it was shown; it knows only the classes in its labels.",
        cost: "Fit O(trees * d / 2 * n log n); score O(trees * depth) per row; memory O(d n) bytes while fitting.",
        source: "Geurts, Ernst & Wehenkel, Extremely randomized trees, 2006; cuts are drawn among bins.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let growth = Growth {
            n_tried: forest::n_tried(self.max_features, rows.n_cols()),
            random_cuts: true,
            max_depth: self.max_depth.map_or(usize::MAX, Count::get),
            min_samples_split: self.min_samples_split.get(),
            min_samples_leaf: self.min_samples_leaf.get(),
            criterion: self.criterion,
            smoothing: self.smoothing.get(),
        };
        forest::fit(rows, &labels, context, self.n_estimators.get(), Sampling::All, &growth, self.class_weight)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        forest::load(section)
    }
}
