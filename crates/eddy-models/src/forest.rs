//! What decision trees, random forests and extra trees share.

use std::sync::Arc;

pub use eddy_detect::ClassWeight;
use eddy_detect::{
    ClassLabels, Classes, FitContext, FitError, Fraction, LoadError, Model, RowModel, SectionReader,
    SectionWriter,
};
pub(crate) use eddy_detect::{class_labels, load_classes, score_by_probabilities};
use eddy_frame::RowsView;
use rand::RngExt;
use rayon::prelude::*;

use crate::{
    binned::Binned,
    checked,
    class_tree::{ClassRows, ClassTree, Growth},
    cuts::Cuts,
    flat_tree::{MAX_FEATURES, Tile},
    stream::stream,
};

/// Columns that are looked at for each cut.
pub(crate) fn n_tried(max_features: Option<Fraction>, n_cols: usize) -> usize {
    let n = max_features.map_or((n_cols as f64).sqrt(), |share| share.get() * n_cols as f64);
    (n as usize).clamp(1, n_cols)
}

/// Which rows a tree sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sampling {
    /// All of them.
    All,
    /// As many as there are, drawn with replacement.
    Bootstrap,
}

/// Grows the trees of a forest.
pub(crate) fn fit(
    rows: RowsView<'_>,
    labels: &ClassLabels<'_>,
    context: &FitContext<'_>,
    n_trees: usize,
    sampling: Sampling,
    growth: &Growth,
    class_weight: ClassWeight,
) -> Result<Model, FitError> {
    check_width(rows)?;
    let binned = Binned::new(rows);
    let weights = class_weight.weights(labels);
    let class_rows = ClassRows { binned: &binned, of_rows: labels.of_rows, weights: &weights };
    let n_rows = binned.n_rows;
    let grow = |tree_idx: usize| {
        let mut rng = stream(context.seed, tree_idx);
        let mut times = vec![u16::from(sampling == Sampling::All); n_rows];
        if sampling == Sampling::Bootstrap {
            for _ in 0..n_rows {
                let times = &mut times[rng.random_range(0..n_rows)];
                *times = times.saturating_add(1);
            }
        }
        ClassTree::grow(&class_rows, &times, growth, &mut rng)
    };
    let trees = (0..n_trees).into_par_iter().map(grow).collect();
    let classes = labels.classes.clone();
    Ok(Model::Row(Arc::new(ForestModel {
        trees,
        cuts: binned.into_cuts(),
        classes,
        n_features: rows.n_cols(),
    })))
}

/// Refuses tables of more columns than trees can name.
pub(crate) fn check_width(rows: RowsView<'_>) -> Result<(), FitError> {
    if rows.n_cols() <= MAX_FEATURES {
        return Ok(());
    }
    let reason = format!(
        "{} columns are more than the {MAX_FEATURES} that trees can name; choose some with --features",
        rows.n_cols()
    );
    Err(FitError::NoFeatures { reason })
}

/// Reads what a forest wrote.
pub(crate) fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
    let n_features = checked::n_features(section)?;
    let classes = load_classes(section)?;
    let (trees, cuts) = ClassTree::load_all(section, n_features, classes.len())?;
    Ok(Model::Row(Arc::new(ForestModel { trees, cuts, classes, n_features })))
}

/// A fitted forest: the class shares of a row are the mean of those of its leaves.
struct ForestModel {
    trees: Vec<ClassTree>,
    cuts: Vec<Cuts>,
    classes: Classes,
    n_features: usize,
}

/// Rows that go down a tree before the next tree: so many that fetching the tree is shared by many.
const TILE_ROWS: usize = 1 << 15;

impl RowModel for ForestModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        out.fill(0.0);
        let n_classes = self.classes.len();
        let mut leaves = vec![0; TILE_ROWS.min(rows.n_rows())];
        for (idx, out) in out.chunks_mut(TILE_ROWS * n_classes).enumerate() {
            let start = idx * TILE_ROWS;
            let n_rows = out.len() / n_classes;
            let tile = Tile::new(rows.slice(start, start + n_rows), &self.cuts);
            let leaves = &mut leaves[..n_rows];
            self.trees.iter().for_each(|tree| tree.add_shares(&tile, leaves, out));
            out.iter_mut().for_each(|sum| *sum /= self.trees.len() as f64);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        ClassTree::save_all(&self.trees, &self.cuts, section);
    }
}
