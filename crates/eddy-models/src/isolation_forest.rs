//! Isolation forest.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked, columns,
    isolation_tree::{IsolationTree, isolation_score, sample_size},
    stream::stream,
    tree_tiles::TreeTiles,
};

/// Isolation forest: rows that few random cuts set apart from all others are anomalous.
///
/// Each tree cuts a small random sample of the training rows at random values of random columns until every row is
/// alone. The score of a row is `2^(-E[h] / c(psi))`, where `E[h]` is its mean path length over the trees and `c(psi)`
/// the mean path length over a sample of `psi` rows: near 1 for rows that are set apart at once, below 0.5 for ordinary
/// ones.
///
/// Score range: 0 to 1. Input: any numbers; scaling makes no difference. A missing value counts as a very large one.
/// Blind to: rows that are odd only in the combination of columns each of which is ordinary; anomalies that form a
/// cluster as dense as the sample is fine. Cost: fit `O(trees * psi * log psi)` whatever the number of rows; score
/// `O(trees * log psi)` per row.
///
/// Source: Liu, Ting & Zhou, "Isolation Forest", ICDM 2008, equations 1 and 2; the treatment of samples of 0, 1 and 2
/// rows is that of scikit-learn. Columns that are constant in a node are not drawn, as in scikit-learn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IsolationForest {
    /// Number of trees. More trees make scores steadier and take proportionally longer.
    pub n_estimators: Count,
    /// Training rows that each tree sees, drawn without replacement; all rows when there are fewer. Small samples
    /// keep anomalies from hiding among each other: 256 unless set, as in the source. Where the training rows are all
    /// labelled normal there is nothing to hide, and 2048 draw a finer picture of them.
    pub max_samples: Option<Count>,
    /// Share of the columns that each tree sees, at least one column.
    pub max_features: Fraction,
}

impl Default for IsolationForest {
    fn default() -> Self {
        Self {
            n_estimators: Count::new(100),
            max_samples: None,
            max_features: Fraction::new(1.0),
        }
    }
}

impl IsolationForest {
    fn grow_tree(&self, rows: RowsView<'_>, psi: usize, rng: &mut impl rand::Rng) -> IsolationTree {
        let n_drawn = ((self.max_features.get() * rows.n_cols() as f64) as usize).max(1);
        let mut features = rand::seq::index::sample(rng, rows.n_cols(), n_drawn).into_vec();
        features.sort_unstable();
        let sample = rand::seq::index::sample(rng, rows.n_rows(), psi);
        let mut columns: Vec<Vec<f32>> = features.iter().map(|_| Vec::with_capacity(psi)).collect();
        for row_idx in sample {
            let row = rows.row(row_idx);
            for (column, &feature) in columns.iter_mut().zip(&features) {
                column.push(columns::finite(row[feature]));
            }
        }
        let features: Vec<u32> = features.into_iter().map(|feature| feature as u32).collect();
        IsolationTree::grow(&features, &columns, rng)
    }
}

impl Detector for IsolationForest {
    const ABOUT: About = About {
        name: "isolation_forest",
        title: "Isolation forest",
        kind: ModelKind::Row,
        summary: "Random trees cut small samples until every row is alone; rows that few cuts set apart are anomalous.",
        blind_to: "Odd combinations of values that are each ordinary; dense clusters of anomalies.",
        cost: "Fit O(trees * samples * log samples) whatever n; score O(trees * log samples) per row; memory O(trees * samples).",
        source: "Liu, Ting & Zhou, Isolation Forest, ICDM 2008; details as in scikit-learn.",
        natural_threshold: Some(0.5),
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let psi = sample_size(self.max_samples, context).min(rows.n_rows());
        let trees = (0..self.n_estimators.get())
            .into_par_iter()
            .map(|tree_idx| self.grow_tree(rows, psi, &mut stream(context.seed, tree_idx)))
            .collect();
        Ok(Model::Row(Arc::new(IsolationForestModel::new(trees, psi, rows.n_cols()))))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let psi = section.value("n_samples")?;
        let trees = IsolationTree::load_all(section, n_features)?;
        Ok(Model::Row(Arc::new(IsolationForestModel::new(trees, psi, n_features))))
    }
}

/// A fitted [`IsolationForest`].
#[derive(Debug)]
struct IsolationForestModel {
    trees: Vec<IsolationTree>,
    /// The same trees in a form that is faster for many rows, when they fit into it.
    tiles: Option<TreeTiles>,
    /// Training rows each tree saw.
    psi: usize,
    n_features: usize,
}

impl IsolationForestModel {
    fn new(trees: Vec<IsolationTree>, psi: usize, n_features: usize) -> Self {
        let tiles = TreeTiles::new(&trees, n_features);
        Self { trees, tiles, psi, n_features }
    }
}

impl RowModel for IsolationForestModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let done = self.tiles.as_ref().map_or(0, |tiles| tiles.sum_paths(rows, out));
        for row_idx in done..rows.n_rows() {
            out[row_idx] = self.trees.iter().map(|tree| tree.path_length(rows.row(row_idx))).sum();
        }
        for score in out {
            *score = isolation_score(*score, self.trees.len(), self.psi);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("n_samples", &self.psi);
        IsolationTree::save_all(&self.trees, section);
    }
}
