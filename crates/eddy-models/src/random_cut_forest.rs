//! Random cut forest over the last rows of a series.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Reading, SectionReader, SectionWriter,
    Seed, SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::{column, finite},
    cut_tree::CutTree,
    robust_scale::RobustScale,
    stream::stream,
};

/// Bounds of the parameters, and of trees times rows times shingle.
const MOST_TREES: usize = 512;
const MOST_ROWS: usize = 4096;
const MOST_SHINGLE: usize = 64;
const MOST_NUMBERS: usize = 1 << 21;
/// Deviations beyond which values count no further: one wild row would draw all cuts as long as it is in the window.
const FARTHEST: f32 = 30.0;

/// Random cut forest: rows that change many random trees of the last rows are anomalous.
///
/// The last rows of a series, each together with the `shingle - 1` before it, are kept in trees whose cuts fall in random
/// columns in proportion to their range. A new row is put into each tree, the oldest one is taken out. The score is the
/// collusive displacement: by how much the largest group around the row would move up in the tree if the row and those like
/// it were gone, in rows of that group per row of its own, averaged over the trees.
///
/// Score range: about 1 (in the middle of many) up to `window`. Input: rows of a series at regular intervals, in order;
/// columns are brought to the scale of the training rows. A missing value counts as a very large one. Blind to: what lasts
/// longer than the window, which becomes ordinary; one odd column among many ordinary ones. Warm-up: a quarter of the
/// window, scored against the training rows. Cost: fit `O(d n)`, score `O(trees (log w + d shingle))` per row; memory
/// `trees w (56 + 8 d shingle)` bytes per series and a little more: some 550 KB at the defaults for one column.
///
/// Source: Guha, Mishra, Roy & Schrijvers, "Robust Random Cut Forest Based Anomaly Detection On Streams", ICML 2016;
/// displacement as in Bartos, Mullapudi & Troutman, "rrcf", JOSS 2019. All trees hold the same last rows, as there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RandomCutForest {
    /// Number of trees, at most 512.
    pub n_estimators: Count,
    /// Rows that the trees hold, from 8 to 4096.
    pub window: Count,
    /// Rows that are looked at together, at most 64.
    pub shingle: Count,
}

impl Default for RandomCutForest {
    fn default() -> Self {
        Self { n_estimators: Count::new(24), window: Count::new(256), shingle: Count::new(4) }
    }
}

impl Detector for RandomCutForest {
    const ABOUT: About = About {
        name: "random_cut_forest",
        title: "Random cut forest",
        kind: ModelKind::Series,
        summary: "Keeps the last rows in random trees; a row whose group moves many others by being there is anomalous.",
        blind_to: "What lasts longer than the window; one odd column among many ordinary ones.",
        cost: "Score O(trees (log w + d shingle)) per row for a window of w; some 550 KB per series at the defaults.",
        source: "Guha, Mishra, Roy & Schrijvers, Robust Random Cut Forest, ICML 2016.",
        natural_threshold: None,
    };

    fn check(&self) -> Result<(), String> {
        let (n_trees, window, shingle) = (self.n_estimators.get(), self.window.get(), self.shingle.get());
        if n_trees > MOST_TREES {
            return Err(format!("n_estimators: {n_trees} is above {MOST_TREES}"));
        }
        if !(8..=MOST_ROWS).contains(&window) {
            return Err(format!("window: {window} is not between 8 and {MOST_ROWS}"));
        }
        if shingle > MOST_SHINGLE {
            return Err(format!("shingle: {shingle} is above {MOST_SHINGLE}"));
        }
        if n_trees * window * shingle > MOST_NUMBERS {
            return Err(format!("window: trees times rows times shingle are more than {MOST_NUMBERS}"));
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let columns = (0..rows.n_cols()).into_par_iter();
        let scales = columns.map(|col_idx| RobustScale::of(&column(rows, col_idx))).collect();
        Ok(Model::Series(Arc::new(RandomCutModel { scales, params: self.clone(), seed: context.seed })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let params: Self = section.value("params")?;
        params.check().map_err(|reason| LoadError::content("params", reason))?;
        let scales = RobustScale::load_all(section, n_features)?;
        Ok(Model::Series(Arc::new(RandomCutModel { scales, params, seed: section.value("seed")? })))
    }
}

/// A fitted [`RandomCutForest`].
#[derive(Debug)]
struct RandomCutModel {
    scales: Vec<RobustScale>,
    params: RandomCutForest,
    seed: Seed,
}

impl SeriesModel for RandomCutModel {
    fn n_features(&self) -> usize {
        self.scales.len()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        Box::new(RandomCutScorer::new(self))
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.scales.len());
        section.value("params", &self.params);
        section.value("seed", &self.seed);
        RobustScale::save_all(&self.scales, section);
    }
}

struct RandomCutScorer {
    model: Arc<RandomCutModel>,
    trees: Vec<(CutTree, Pcg64Mcg)>,
    /// The last rows with those before each, place by place, round and round.
    points: Vec<f32>,
    /// The newest row with those before it, the oldest first.
    newest: Vec<f32>,
    /// Displacement by column.
    by_column: Vec<f64>,
    n_seen: u64,
}

impl RandomCutScorer {
    fn new(model: Arc<RandomCutModel>) -> Self {
        let params = &model.params;
        let n_cols = model.scales.len();
        let (window, dims) = (params.window.get(), params.shingle.get() * n_cols);
        let tree = |idx| (CutTree::new(window, dims), stream(model.seed, idx));
        Self {
            trees: (0..params.n_estimators.get()).map(tree).collect(),
            points: vec![0.0; window * dims],
            newest: vec![0.0; dims],
            by_column: vec![0.0; n_cols],
            n_seen: 0,
            model,
        }
    }

    fn read_row(&mut self, row: &[f32]) -> Reading {
        let n_cols = row.len();
        let dims = self.newest.len();
        self.newest.copy_within(n_cols.., 0);
        let (mut farthest, mut far_col) = (0.0, 0);
        for (col_idx, (scale, &value)) in self.model.scales.iter().zip(row).enumerate() {
            let z = scale.z(finite(value));
            if z.abs() > farthest {
                (farthest, far_col) = (z.abs(), col_idx);
            }
            self.newest[dims - n_cols + col_idx] = (z as f32).clamp(-FARTHEST, FARTHEST);
        }
        if self.n_seen == 0 {
            // Before its first row a series is taken to have been the same.
            for start in (0..dims - n_cols).step_by(n_cols) {
                self.newest.copy_within(dims - n_cols.., start);
            }
        }
        let window = self.model.params.window.get();
        let slot = (self.n_seen % window as u64) as usize;
        let is_full = self.n_seen >= window as u64;
        if is_full {
            for (tree, _) in &mut self.trees {
                tree.remove(&self.points, slot);
            }
        }
        self.points[slot * dims..(slot + 1) * dims].copy_from_slice(&self.newest);
        self.by_column.fill(0.0);
        let mut sum = 0.0;
        for (tree, rng) in &mut self.trees {
            tree.insert(&self.points, slot, rng);
            let (displacement, dim) = tree.displacement(slot);
            sum += displacement;
            self.by_column[dim % n_cols] += displacement;
        }
        self.n_seen += 1;
        if self.n_seen <= (window / 4) as u64 {
            return Reading { column: far_col as u32, ..Reading::of_score(farthest.min(window as f64)) };
        }
        let mut column = 0;
        for (col_idx, &share) in self.by_column.iter().enumerate() {
            if share > self.by_column[column] {
                column = col_idx;
            }
        }
        Reading { column: column as u32, ..Reading::of_score(sum / self.trees.len() as f64) }
    }
}

impl SeriesScorer for RandomCutScorer {
    fn score(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [f64]) {
        for (row, score) in rows.iter().zip(out) {
            *score = self.read_row(row).score;
        }
    }

    fn read(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [Reading]) {
        for (row, reading) in rows.iter().zip(out) {
            *reading = self.read_row(row);
        }
    }

    fn memory_bytes(&self) -> usize {
        let trees: usize = self.trees.iter().map(|(tree, _)| tree.heap_bytes()).sum();
        size_of::<Self>()
            + size_of_val(self.trees.as_slice())
            + trees
            + size_of_val(self.points.as_slice())
            + size_of_val(self.newest.as_slice())
            + size_of_val(self.by_column.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::testing::{Shape, largest_ordinary, read, read_with};

    #[test]
    fn spikes_and_broken_shapes_rank_above_everything_ordinary() {
        for shape in [Shape::Spike(12.0), Shape::Drop(14.0)] {
            let got = read_with(&RandomCutForest::default(), shape, 0.0);
            let (event, ordinary) = (got.at_event(), largest_ordinary(&got));
            assert!(event > ordinary, "{shape:?}: {event} {ordinary}");
        }
    }

    #[test]
    fn the_column_that_did_it_is_named() {
        let training: Vec<f32> = (0..900).map(|idx| (idx * idx * 7 % 101) as f32 / 50.0).collect();
        let detector = RandomCutForest::default();
        let model = Detector::fit(&detector, RowsView::new(&training, 3), &FitContext::default()).unwrap();
        let Model::Series(model) = model else { panic!() };
        let mut rows = training.clone();
        rows[3 * 290 + 1] = 20.0;
        let mut out = vec![Reading::of_score(0.0); 300];
        model.start().read(RowsView::new(&rows, 3), &[], &mut out);
        assert_eq!(out[290].column, 1);
        assert!(out[..290].iter().skip(64).all(|reading| reading.score < out[290].score));
    }

    #[test]
    fn memory_is_what_the_documentation_says() {
        let got = read(&RandomCutForest::default(), Shape::Nothing);
        assert_eq!(got.alarms(), [0i64; 0]);
        let model = Detector::fit(&RandomCutForest::default(), RowsView::new(&[1.0, 2.0], 1), &FitContext::default());
        let Ok(Model::Series(model)) = model else { panic!() };
        let bytes = model.start().memory_bytes();
        assert!((530_000..560_000).contains(&bytes), "{bytes}");
    }
}
