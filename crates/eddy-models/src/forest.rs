//! What decision trees, random forests and extra trees share.

use std::sync::Arc;

use eddy_detect::{
    ClassLabels, Classes, FitContext, FitError, Fraction, LoadError, Model, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    binned::Binned,
    checked,
    class_tree::{ClassRows, ClassTree, Growth},
    flat_tree::{Cuts, MAX_FEATURES, Tile},
    stream::stream,
};

/// How much the rows of each class count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// Every row counts the same.
    #[default]
    Equal,
    /// Every class counts the same, however few rows it has.
    Balanced,
}

impl ClassWeight {
    /// The weight of a row of each class.
    pub(crate) fn weights(self, labels: &ClassLabels<'_>) -> Vec<f64> {
        let n_classes = labels.classes.len();
        let mut counts = vec![0usize; n_classes];
        labels.of_rows.iter().for_each(|&class| counts[usize::from(class)] += 1);
        let weight = |&count: &usize| match self {
            Self::Equal => 1.0,
            Self::Balanced => labels.of_rows.len() as f64 / (n_classes as f64 * count.max(1) as f64),
        };
        counts.iter().map(weight).collect()
    }
}

/// The labels that every detector with [`eddy_detect::LearnsFrom::Labels`] is given.
pub(crate) fn class_labels<'a>(
    detector: &'static str,
    context: &FitContext<'a>,
) -> Result<ClassLabels<'a>, FitError> {
    context.class_labels.ok_or(FitError::NeedsLabels { detector })
}

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

/// Reads the classes of a model.
pub(crate) fn load_classes(section: &SectionReader<'_>) -> Result<Classes, LoadError> {
    let classes: Classes = section.value("classes")?;
    let fits = (2..=Classes::MOST).contains(&classes.len()) && classes.is_attack.len() == classes.len();
    if fits { Ok(classes) } else { Err(LoadError::content("classes", "do not fit together")) }
}

/// A fitted forest: the class shares of a row are the mean of those of its leaves.
struct ForestModel {
    trees: Vec<ClassTree>,
    cuts: Vec<Cuts>,
    classes: Classes,
    n_features: usize,
}

/// Rows that go down a tree before the next tree: so many that fetching the tree is shared by many.
const TILE_ROWS: usize = 2048;

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

/// The probability of an attack, row by row, from a model's class probabilities.
pub(crate) fn score_by_probabilities(
    model: &impl RowModel,
    classes: &Classes,
    rows: RowsView<'_>,
    out: &mut [f64],
) {
    let n_classes = classes.len();
    let mut probabilities = vec![0.0; TILE_ROWS * n_classes];
    for (idx, out) in out.chunks_mut(TILE_ROWS).enumerate() {
        let start = idx * TILE_ROWS;
        let probabilities = &mut probabilities[..out.len() * n_classes];
        model.probabilities(rows.slice(start, start + out.len()), probabilities);
        for (score, probabilities) in out.iter_mut().zip(probabilities.chunks_exact(n_classes)) {
            *score = classes.attack_probability(probabilities);
        }
    }
}
