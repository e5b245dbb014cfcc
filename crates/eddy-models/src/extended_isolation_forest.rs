//! Extended isolation forest.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::{Rows, RowsView};
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{dot, finite},
    isolation_tree::{Link, PathLengths, height_limit, isolation_score, partition, sample_size},
    stream::{normal, stream},
};

/// Rows that go through a tree together.
const BLOCK_ROWS: usize = 256;
/// Marks a leaf in the array of planes.
const LEAF: u32 = u32::MAX;

/// Extended isolation forest: an isolation forest whose cuts are tilted.
///
/// Where an isolation forest cuts at a value of one column, this one cuts along a plane of random direction through a
/// random point of the node's bounding box. Scores no longer depend on the axes, and the bands of low scores beside
/// clusters that axis-parallel cuts leave behind are gone.
///
/// Score range: 0 to 1, as for the isolation forest. Input: columns should be of one scale, for a tilted cut adds them
/// up; the pipeline's scaling step sees to that. A missing value counts as a very large one. Blind to: anomalies in few
/// of many columns, the more so the higher the extension level; dense clusters of anomalies. Cost: fit
/// `O(trees * psi * log psi * d)`, score `O(trees * log psi * d)` per row; memory `O(trees * psi * d)`.
///
/// Source: Hariri, Carrasco Kind & Brunner, "Extended Isolation Forest", TKDE 2021, Algorithms 2 and 3. Where ours
/// differs: the columns of a cut are drawn among those that vary in the node, and a node whose rows are all equal is not
/// cut further.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExtendedIsolationForest {
    /// Number of trees. More trees make scores steadier and take proportionally longer.
    pub n_estimators: Count,
    /// Training rows that each tree sees, drawn without replacement; all rows when there are fewer. 256
    /// unless set; 2048 where the training rows are all labelled normal.
    pub max_samples: Option<Count>,
    /// How many columns beyond the first a cut involves: 0 is the plain isolation forest, one less than the number of
    /// columns (or nothing, or more) is the fully extended one.
    pub extension_level: Option<u32>,
}

impl Default for ExtendedIsolationForest {
    fn default() -> Self {
        Self { n_estimators: Count::new(100), max_samples: None, extension_level: None }
    }
}

impl Detector for ExtendedIsolationForest {
    const ABOUT: About = About {
        name: "extended_isolation_forest",
        title: "Extended isolation forest",
        kind: ModelKind::Row,
        summary: "An isolation forest whose cuts are tilted at random, so that scores do not depend on the axes.",
        blind_to: "Anomalies in a few of many columns; dense clusters of anomalies; columns of very unlike scale.",
        cost: "Fit O(trees * samples * log samples * d); score O(trees * log samples * d) per row.",
        source: "Hariri, Carrasco Kind & Brunner, Extended Isolation Forest, TKDE 2021.",
        natural_threshold: Some(0.5),
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let psi = sample_size(self.max_samples, context).min(rows.n_rows());
        let level = self.extension_level.map_or(usize::MAX, |level| level as usize);
        let n_involved = level.min(rows.n_cols() - 1) + 1;
        let grow = |tree_idx| {
            let mut rng = stream(context.seed, tree_idx);
            let sample = rand::seq::index::sample(&mut rng, rows.n_rows(), psi);
            let sample = sample.into_iter().flat_map(|row_idx| rows.row(row_idx)).map(|&value| finite(value));
            let sample = Rows::new(sample.collect(), rows.n_cols());
            TiltedTree::grow(sample.view(), n_involved, &mut rng)
        };
        let trees = (0..self.n_estimators.get()).into_par_iter().map(grow).collect();
        Ok(Model::Row(Arc::new(ExtendedModel { trees, psi, n_features: rows.n_cols() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let trees = TiltedTree::load_all(section, n_features)?;
        Ok(Model::Row(Arc::new(ExtendedModel { trees, psi: section.value("n_samples")?, n_features })))
    }
}

/// Draws a plane through a random point of the bounding box of the members: a weight for `n_involved` of the columns that
/// vary (or all of them), 0 for the others, and how far along the plane is. None when all members are equal.
fn draw_plane(
    sample: RowsView<'_>,
    members: &[u32],
    n_involved: usize,
    rng: &mut impl rand::Rng,
) -> Option<(Vec<f32>, f32)> {
    let mut low = vec![f32::MAX; sample.n_cols()];
    let mut high = vec![f32::MIN; sample.n_cols()];
    for &member in members {
        for (col_idx, &value) in sample.row(member as usize).iter().enumerate() {
            low[col_idx] = low[col_idx].min(value);
            high[col_idx] = high[col_idx].max(value);
        }
    }
    let mut varying: Vec<usize> = (0..sample.n_cols()).filter(|&idx| low[idx] < high[idx]).collect();
    if varying.is_empty() {
        return None;
    }
    let mut direction = vec![0.0; sample.n_cols()];
    let mut point = low.clone();
    for _ in 0..n_involved.min(varying.len()) {
        let col_idx = varying.swap_remove(rng.random_range(0..varying.len()));
        let (low, high) = (f64::from(low[col_idx]), f64::from(high[col_idx]));
        direction[col_idx] = normal(rng) as f32;
        point[col_idx] = (low + rng.random::<f64>() * (high - low)) as f32;
    }
    let offset = finite(dot::<4>(&direction, &point));
    Some((direction, offset))
}

/// One tree. Children come after their parent; node 0 is the root.
#[derive(Debug, Clone, Default)]
struct TiltedTree {
    /// Per node: the index of its plane, or [`LEAF`].
    plane: Vec<u32>,
    /// Per node: index of the low child, the high child follows it; in a leaf, the number of rows that ended here.
    low: Vec<u32>,
    /// Per plane and column: the direction.
    directions: Vec<f32>,
    /// Per plane: rows no further along than this are low.
    offsets: Vec<f32>,
    /// Per node: path length of a row that ends here.
    paths: Vec<f64>,
}

impl TiltedTree {
    fn grow(sample: RowsView<'_>, n_involved: usize, rng: &mut impl rand::Rng) -> Self {
        let n_rows = sample.n_rows();
        let limit = height_limit(n_rows);
        let mut order: Vec<u32> = (0..n_rows as u32).collect();
        let mut tree = Self { plane: vec![LEAF], low: vec![n_rows as u32], ..Self::default() };
        let mut open = vec![(0, 0, 0..n_rows)];
        while let Some((node, depth, range)) = open.pop() {
            if depth >= limit || range.len() <= 1 {
                continue;
            }
            let members = &mut order[range.clone()];
            let Some((direction, offset)) = draw_plane(sample, members, n_involved, rng) else { continue };
            let n_low = partition(members, |row| dot::<4>(&direction, sample.row(row as usize)) <= offset);
            let (child, middle) = (tree.plane.len(), range.start + n_low);
            tree.plane[node] = tree.offsets.len() as u32;
            tree.low[node] = child as u32;
            tree.directions.extend(direction);
            tree.offsets.push(offset);
            tree.plane.extend([LEAF; 2]);
            tree.low.extend([n_low as u32, (range.len() - n_low) as u32]);
            open.push((child + 1, depth + 1, middle..range.end));
            open.push((child, depth + 1, range.start..middle));
        }
        tree.measure().expect("a grown tree is well formed")
    }

    /// Checks that the nodes form a tree and works out the path lengths.
    fn measure(mut self) -> Result<Self, LoadError> {
        let link = |(&plane, &low)| if plane == LEAF { Link::Leaf(low) } else { Link::Children(low) };
        self.paths = PathLengths::measure(self.plane.iter().zip(&self.low).map(link))?.paths;
        Ok(self)
    }

    fn path_length(&self, row: &[f32]) -> f64 {
        let mut node = 0;
        while self.plane[node] != LEAF {
            let plane = self.plane[node] as usize;
            let direction = &self.directions[plane * row.len()..(plane + 1) * row.len()];
            let is_low = dot::<4>(direction, row) <= self.offsets[plane];
            node = self.low[node] as usize + usize::from(!is_low);
        }
        self.paths[node]
    }

    fn save_all(trees: &[Self], section: &mut SectionWriter<'_>) {
        let u32s = |array: fn(&Self) -> &Vec<u32>| -> Vec<u32> { trees.iter().flat_map(array).copied().collect() };
        let f32s = |array: fn(&Self) -> &Vec<f32>| -> Vec<f32> { trees.iter().flat_map(array).copied().collect() };
        section.u32("n_nodes", &trees.iter().map(|tree| tree.plane.len() as u32).collect::<Vec<_>>());
        section.u32("n_planes", &trees.iter().map(|tree| tree.offsets.len() as u32).collect::<Vec<_>>());
        section.u32("plane", &u32s(|tree| &tree.plane));
        section.u32("low", &u32s(|tree| &tree.low));
        section.f32("direction", &f32s(|tree| &tree.directions));
        section.f32("offset", &f32s(|tree| &tree.offsets));
    }

    fn load_all(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Self>, LoadError> {
        let (n_nodes, n_planes) = (section.u32("n_nodes")?, section.u32("n_planes")?);
        let (mut plane, mut low) = (section.u32("plane")?, section.u32("low")?);
        let (mut directions, mut offsets) = (section.f32("direction")?, section.f32("offset")?);
        let total = |counts: &[u32]| counts.iter().map(|&n| n as usize).sum::<usize>();
        if n_nodes.is_empty() {
            return Err(LoadError::content("n_nodes", "is empty: a forest has at least one tree"));
        }
        checked::check_len("n_planes", n_planes.len(), n_nodes.len())?;
        checked::check_len("plane", plane.len(), total(n_nodes))?;
        checked::check_len("low", low.len(), total(n_nodes))?;
        checked::check_len("offset", offsets.len(), total(n_planes))?;
        checked::check_len("direction", directions.len(), offsets.len() * n_features)?;
        if !directions.iter().chain(offsets).all(|value| value.is_finite()) {
            return Err(LoadError::content("direction", "holds a number that is not finite"));
        }
        let tree = |(&n_nodes, &n_planes): (&u32, &u32)| {
            let (n_nodes, n_planes) = (n_nodes as usize, n_planes as usize);
            let tree = Self {
                plane: take(&mut plane, n_nodes),
                low: take(&mut low, n_nodes),
                directions: take(&mut directions, n_planes * n_features),
                offsets: take(&mut offsets, n_planes),
                paths: Vec::new(),
            };
            if !tree.plane.iter().all(|&plane| plane == LEAF || (plane as usize) < n_planes) {
                return Err(LoadError::content("plane", "is out of range"));
            }
            tree.measure()
        };
        n_nodes.iter().zip(n_planes).map(tree).collect()
    }
}

/// Takes the first `n` elements off a slice that is known to have them.
fn take<T: Copy>(from: &mut &[T], n: usize) -> Vec<T> {
    let (taken, rest) = from.split_at(n);
    *from = rest;
    taken.to_vec()
}

/// A fitted [`ExtendedIsolationForest`].
#[derive(Debug)]
struct ExtendedModel {
    trees: Vec<TiltedTree>,
    /// Training rows each tree saw.
    psi: usize,
    n_features: usize,
}

impl RowModel for ExtendedModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        for (block, out) in rows.values().chunks(BLOCK_ROWS * self.n_features).zip(out.chunks_mut(BLOCK_ROWS)) {
            let block = Rows::new(block.iter().map(|&value| finite(value)).collect(), self.n_features);
            out.fill(0.0);
            // One tree after the other: a tree and a block of rows stay in the cache together.
            for tree in &self.trees {
                for (row, sum) in block.view().iter().zip(&mut *out) {
                    *sum += tree.path_length(row);
                }
            }
            for score in out {
                *score = isolation_score(*score, self.trees.len(), self.psi);
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("n_samples", &self.psi);
        TiltedTree::save_all(&self.trees, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plane_involves_as_many_varying_columns_as_asked() {
        let sample = [1.0, 5.0, 2.0, 0.0, 2.0, 5.0, 1.0, 3.0, 0.0, 5.0, 7.0, 9.0];
        let sample = RowsView::new(&sample, 4);
        let mut rng = stream(42.0.try_into().unwrap(), 0);
        for n_involved in 1..=4 {
            let (direction, _) = draw_plane(sample, &[0, 1, 2], n_involved, &mut rng).unwrap();
            assert_eq!(direction.iter().filter(|&&weight| weight != 0.0).count(), n_involved.min(3));
            assert_eq!(direction[1], 0.0);
        }
        assert!(draw_plane(sample, &[1], 2, &mut rng).is_none());
    }
}
