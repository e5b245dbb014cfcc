//! Half-space trees.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, OnlineModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    histogram::range,
    stream::stream,
};

/// Deepest trees allowed: each level doubles the memory.
const MAX_DEPTH: usize = 16;
/// A node with no more than this share of the reference window is not looked into further.
const SIZE_LIMIT: f64 = 0.1;

/// Half-space trees: rows that fall where few rows of the last full window fell are anomalous, and the window moves on.
///
/// Each tree halves random columns of a randomly shifted range, again and again, without looking at any row; it only
/// counts how many rows of the reference window fall into each part. Learning fills the next window; when it is full it
/// becomes the reference. The score compares the counts around the row with rows spread evenly:
/// `-log2(mean over trees of share * 2^depth)`.
///
/// Score range: about minus the depth upwards, 0 where rows are as dense as if spread evenly. Input: columns whose values
/// fill their range, so take the logarithm of heavy-tailed ones first; values far outside the training range fall into
/// the outermost parts. A missing value counts as a very large one. Blind to: how far outside the range a row lies; what
/// is finer than the smallest parts; anomalies that last longer than a window. Cost: `O(trees * depth)` per row to learn
/// and to score; memory `O(trees * 2^depth)`.
///
/// Source: Tan, Ting & Liu, "Fast Anomaly Detection for Streaming Data", IJCAI 2011, Algorithms 1 to 3. Where ours
/// differs: the score is minus the logarithm of theirs, so that higher is more anomalous, and a part without rows counts
/// as half a row; the range comes from the training rows; trees are 10 deep by default rather than 15.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HalfSpaceTrees {
    /// Number of trees.
    pub n_estimators: Count,
    /// Halvings from the root to the smallest parts, at most 16.
    pub max_depth: Count,
    /// Rows per window.
    pub window: Count,
}

impl Default for HalfSpaceTrees {
    fn default() -> Self {
        Self { n_estimators: Count::new(25), max_depth: Count::new(10), window: Count::new(250) }
    }
}

impl Detector for HalfSpaceTrees {
    const ABOUT: About = About {
        name: "half_space_trees",
        title: "Half-space trees",
        kind: ModelKind::Online,
        summary: "Counts the rows of the last window in randomly halved parts of the space; few neighbours score high.",
        blind_to: "How far outside the training range a row lies; detail below the smallest parts; lasting anomalies.",
        cost: "Learn and score O(trees * depth) per row; memory O(trees * 2^depth).",
        source: "Tan, Ting & Liu, Fast Anomaly Detection for Streaming Data, IJCAI 2011; minus the logarithm.",
        natural_threshold: None,
    };

    fn check(&self) -> Result<(), String> {
        if self.max_depth.get() > MAX_DEPTH {
            return Err(format!("max_depth: {} is above {MAX_DEPTH}", self.max_depth.get()));
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let ranges: Vec<(f64, f64)> = (0..rows.n_cols())
            .map(|col_idx| range(&column(rows, col_idx).into_iter().map(f64::from).collect::<Vec<_>>()))
            .collect();
        let depth = self.max_depth.get();
        let trees = (0..self.n_estimators.get())
            .map(|tree_idx| HalfSpaceTree::grow(&ranges, depth, &mut stream(context.seed, tree_idx)))
            .collect();
        let window = self.window.get();
        let mut model = HalfSpaceModel { trees, depth, window, n_reference: 0, n_latest: 0, n_features: rows.n_cols() };
        // Only the last full window and what came after it leave a trace.
        let n_full = rows.n_rows() / window;
        model.learn(rows.slice(n_full.saturating_sub(1) * window, rows.n_rows()));
        if n_full == 0 {
            model.take_reference();
            model.n_latest = rows.n_rows();
            for tree in &mut model.trees {
                tree.latest.clone_from(&tree.reference);
            }
        }
        Ok(Model::Online(Box::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let depth = section.value::<Count>("max_depth")?.get();
        if depth > MAX_DEPTH {
            return Err(LoadError::content("max_depth", format!("is above {MAX_DEPTH}")));
        }
        let window = section.value::<Count>("window")?.get();
        let n_reference = section.value::<Count>("n_reference")?.get();
        let n_latest: usize = section.value("n_latest")?;
        if n_latest >= window {
            return Err(LoadError::content("n_latest", "is as large as the window"));
        }
        let (features, thresholds) = (section.u32("feature")?, section.f32("threshold")?);
        let (reference, latest) = (section.u32("reference")?, section.u32("latest")?);
        let (n_inner, n_nodes) = (1 << depth, 2 << depth);
        let n_trees = features.len() / n_inner;
        if n_trees == 0 {
            return Err(LoadError::content("feature", "holds no tree"));
        }
        checked::check_len("feature", features.len(), n_trees * n_inner)?;
        checked::check_len("threshold", thresholds.len(), n_trees * n_inner)?;
        checked::check_len("reference", reference.len(), n_trees * n_nodes)?;
        checked::check_len("latest", latest.len(), n_trees * n_nodes)?;
        if !features.iter().all(|&feature| (feature as usize) < n_features) {
            return Err(LoadError::content("feature", "names a column that the model does not have"));
        }
        // Counts above the window could overflow while learning.
        if reference.iter().any(|&n| n as usize > n_reference) || latest.iter().any(|&n| n as usize > n_latest) {
            return Err(LoadError::content("reference", "holds more rows than the window"));
        }
        let trees = (0..n_trees)
            .map(|idx| HalfSpaceTree {
                features: features[idx * n_inner..(idx + 1) * n_inner].to_vec(),
                thresholds: thresholds[idx * n_inner..(idx + 1) * n_inner].to_vec(),
                reference: reference[idx * n_nodes..(idx + 1) * n_nodes].to_vec(),
                latest: latest[idx * n_nodes..(idx + 1) * n_nodes].to_vec(),
            })
            .collect();
        Ok(Model::Online(Box::new(HalfSpaceModel { trees, depth, window, n_reference, n_latest, n_features })))
    }
}

/// One tree. The children of node `i` are `2 i` (low) and `2 i + 1` (high), the root is 1, place 0 is not used.
#[derive(Debug, Clone)]
struct HalfSpaceTree {
    features: Vec<u32>,
    thresholds: Vec<f32>,
    /// Rows of the reference window in each node.
    reference: Vec<u32>,
    /// Rows of the window being filled in each node.
    latest: Vec<u32>,
}

impl HalfSpaceTree {
    fn grow(ranges: &[(f64, f64)], depth: usize, rng: &mut impl rand::Rng) -> Self {
        let shifted = |&(low, high): &(f64, f64)| {
            let center: f64 = rng.random();
            let reach = 2.0 * center.max(1.0 - center);
            let at = |share: f64| low + share * (high - low);
            (at(center - reach), at(center + reach))
        };
        let root: Vec<(f64, f64)> = ranges.iter().map(shifted).collect();
        let (n_inner, n_nodes) = (1 << depth, 2 << depth);
        let mut tree = Self {
            features: vec![0; n_inner],
            thresholds: vec![0.0; n_inner],
            reference: vec![0; n_nodes],
            latest: vec![0; n_nodes],
        };
        let mut open = vec![(1, root)];
        while let Some((node, ranges)) = open.pop() {
            if node >= n_inner {
                continue;
            }
            let feature = rng.random_range(0..ranges.len());
            let (low, high) = ranges[feature];
            let middle = f64::midpoint(low, high);
            tree.features[node] = feature as u32;
            tree.thresholds[node] = finite(middle as f32);
            let half = |half| {
                let mut ranges = ranges.clone();
                ranges[feature] = half;
                ranges
            };
            open.push((2 * node, half((low, middle))));
            open.push((2 * node + 1, half((middle, high))));
        }
        tree
    }

    fn child(&self, node: usize, row: &[f32]) -> usize {
        let is_high = finite(row[self.features[node] as usize]) >= self.thresholds[node];
        2 * node + usize::from(is_high)
    }

    /// Rows of the reference window in the smallest part around the row that is worth looking at, times the parts of
    /// that size there are.
    fn mass(&self, row: &[f32], size_limit: f64) -> f64 {
        let (mut node, mut n_parts) = (1, 1.0);
        while node < self.features.len() && f64::from(self.reference[node]) > size_limit {
            node = self.child(node, row);
            n_parts *= 2.0;
        }
        f64::from(self.reference[node]).max(0.5) * n_parts
    }

    fn learn(&mut self, row: &[f32]) {
        let mut node = 1;
        self.latest[node] += 1;
        while node < self.features.len() {
            node = self.child(node, row);
            self.latest[node] += 1;
        }
    }
}

/// A fitted [`HalfSpaceTrees`].
#[derive(Debug)]
struct HalfSpaceModel {
    trees: Vec<HalfSpaceTree>,
    depth: usize,
    window: usize,
    n_reference: usize,
    n_latest: usize,
    n_features: usize,
}

impl HalfSpaceModel {
    /// Makes the window that was being filled the reference.
    fn take_reference(&mut self) {
        for tree in &mut self.trees {
            std::mem::swap(&mut tree.reference, &mut tree.latest);
            tree.latest.fill(0);
        }
        self.n_reference = self.n_latest;
        self.n_latest = 0;
    }
}

impl OnlineModel for HalfSpaceModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let size_limit = SIZE_LIMIT * self.n_reference as f64;
        let even = (self.trees.len() * self.n_reference) as f64;
        for (row, score) in rows.iter().zip(out) {
            let mass: f64 = self.trees.iter().map(|tree| tree.mass(row, size_limit)).sum();
            *score = -(mass / even).log2();
        }
    }

    fn learn(&mut self, rows: RowsView<'_>) {
        for row in rows.iter() {
            for tree in &mut self.trees {
                tree.learn(row);
            }
            self.n_latest += 1;
            if self.n_latest == self.window {
                self.take_reference();
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        let u32s = |array: fn(&HalfSpaceTree) -> &Vec<u32>| -> Vec<u32> {
            self.trees.iter().flat_map(array).copied().collect()
        };
        section.value("n_features", &self.n_features);
        section.value("max_depth", &self.depth);
        section.value("window", &self.window);
        section.value("n_reference", &self.n_reference);
        section.value("n_latest", &self.n_latest);
        section.u32("feature", &u32s(|tree| &tree.features));
        section.f32("threshold", &self.trees.iter().flat_map(|tree| &tree.thresholds).copied().collect::<Vec<_>>());
        section.u32("reference", &u32s(|tree| &tree.reference));
        section.u32("latest", &u32s(|tree| &tree.latest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(rows: &[f32]) -> Box<dyn OnlineModel> {
        let detector = HalfSpaceTrees { window: Count::new(100), ..HalfSpaceTrees::default() };
        match Detector::fit(&detector, RowsView::new(rows, 1), &FitContext::default()).unwrap() {
            Model::Online(model) => model,
            other => panic!("{other:?}"),
        }
    }

    fn score(model: &dyn OnlineModel, value: f32) -> f64 {
        let mut out = [0.0];
        model.score(RowsView::new(&[value], 1), &mut out);
        out[0]
    }

    #[test]
    fn the_reference_moves_on_when_a_window_is_full() {
        let rows: Vec<f32> = (0..300).map(|idx| (idx % 10) as f32 + if idx == 0 { 100.0 } else { 0.0 }).collect();
        let mut model = fit(&rows);
        let before = score(&*model, 95.0);
        assert!(before > score(&*model, 5.0) + 2.0);
        model.learn(RowsView::new(&[95.0; 99], 1));
        assert_eq!(score(&*model, 95.0), before);
        model.learn(RowsView::new(&[95.0; 1], 1));
        assert!(score(&*model, 95.0) < score(&*model, 5.0) - 2.0);
    }

    #[test]
    fn fitting_on_more_rows_is_learning_them() {
        // The first hundred rows hold the least and the greatest value already.
        let rows: Vec<f32> = (0..350).map(|idx| (idx * 37 % 101) as f32).collect();
        let mut learned = fit(&rows[..100]);
        learned.learn(RowsView::new(&rows[100..], 1));
        let fitted = fit(&rows);
        for value in [-5.0, 0.0, 50.0, 77.0, 100.0, 1e9] {
            assert_eq!(score(&*learned, value), score(&*fitted, value));
        }
    }
}
