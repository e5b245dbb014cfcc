//! Gradient boosting.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Count, Detector, FitContext, FitError, FitStep, Fraction, LearnsFrom, LoadError, Model,
    ModelKind, Positive, RowModel, SectionReader, SectionWriter,
};
use eddy_frame::{Rows, RowsView};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    boosting::{Grower, Growth, Slopes, Table},
    checked::{self, check_len},
    cuts::Cuts,
    flat_tree::{FlatTree, Tile},
    forest::{ClassWeight, check_width, class_labels, load_classes, score_by_probabilities},
    platt::{logistic, shares_of_logarithms},
    stream::stream,
};

/// Gradient boosting: trees grown one after the other, each on what those before it still get wrong.
///
/// Trees are grown leaf by leaf on histograms of at most 256 bins. A tenth of the rows is held out where there are at
/// least 1,000, and growing stops when they have got no better for some trees. Missing values are a value of their own
/// and go to the better side of each cut; columns of category codes (`encode` with `method = ordinal`) are cut into two
/// sets of categories rather than at a threshold.
///
/// Score range: 0 to 1, the probability of an attack. Input: any numbers; scaling makes no difference. Missing values
/// are understood. Blind to: attacks unlike any it was shown. Cost: fit `O(trees * classes * d * n)` additions of bytes,
/// score `O(trees * classes * depth)` per row.
///
/// Source: Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 2001; leaf-wise
/// growth, histograms, subtraction and category sets as in Ke et al., "LightGBM", NeurIPS 2017; second-order steps as in
/// Chen & Guestrin, "XGBoost", KDD 2016. Gradients are rounded to whole numbers of about a billionth of their sum, so
/// that sums do not depend on their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// Number of trees at most (for more than two classes: of each class).
    pub n_estimators: Count,
    /// Share of each tree's step that is taken.
    pub learning_rate: Fraction,
    /// Leaves of a tree at most.
    pub max_leaves: Count,
    /// Levels at most; none is no limit.
    pub max_depth: Option<Count>,
    /// Training rows that each side of a cut must have, as their share of the hessian tells.
    pub min_samples_leaf: Count,
    /// How much the values of leaves are drawn towards zero, as so much hessian that says nothing; none is not at all,
    /// which goes wrong where classes are rare.
    pub l2: Option<Positive>,
    /// Trees without progress on the held-out rows after which growing stops; none: all trees are grown and nothing is
    /// held out.
    pub patience: Option<Count>,
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        Self {
            n_estimators: Count::new(100),
            learning_rate: Fraction::new(0.1),
            max_leaves: Count::new(31),
            max_depth: None,
            min_samples_leaf: Count::new(20),
            l2: Some(Positive::new(1.0)),
            patience: Some(Count::new(10)),
            class_weight: ClassWeight::Equal,
        }
    }
}

/// With fewer rows nothing is held out.
const LEAST_ROWS_TO_STOP: usize = 1000;
/// One row in so many is held out.
const HELD_OUT: usize = 10;
/// Rows whose gradients are computed at a time on one thread.
const PIECE_ROWS: usize = 1 << 13;

impl Detector for GradientBoosting {
    const ABOUT: About = About {
        name: "gradient_boosting",
        title: "Gradient boosting",
        kind: ModelKind::Row,
        summary: "Grows trees one after the other, each on what those before it still get wrong.",
        blind_to: "Attacks unlike any it was shown; it knows only the classes in its labels.",
        cost: "Fit O(trees * classes * d * n); score O(trees * classes * depth) per row; memory O(d n) bytes while fitting.",
        source: "Friedman 2001; histograms and leaf-wise growth as in LightGBM (Ke et al. 2017).",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const TAKES_MISSING: bool = true;

    fn check(&self) -> Result<(), String> {
        if self.max_leaves.get() < 2 {
            return Err("max_leaves: a tree of one leaf tells nothing apart; 2 is the least".into());
        }
        Ok(())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        check_width(rows)?;
        let n_outputs = n_outputs(labels.classes);
        let table = Table::new(rows, context.categories);
        let weights: Vec<f64> = self.class_weight.weights(&labels);
        let mut order: Vec<u32> = (0..table.n_rows() as u32).collect();
        let mut held_idxs = Vec::new();
        if self.patience.is_some() && order.len() >= LEAST_ROWS_TO_STOP {
            order.shuffle(&mut stream(context.seed, 0));
            held_idxs = order.split_off(order.len() - order.len() / HELD_OUT);
            order.sort_unstable();
        }
        let of_held: Vec<u16> = held_idxs.iter().map(|&row| labels.of_rows[row as usize]).collect();
        let held_values: Vec<f32> =
            held_idxs.iter().flat_map(|&row| rows.row(row as usize)).copied().collect();
        let held_rows = Rows::new(held_values, rows.n_cols());
        let cuts = table.cuts();
        let held_tile = Tile::new(held_rows.view(), &cuts);

        let bias = first_guess(&order, labels.of_rows, &weights, n_outputs);
        let mut learned = Outputs::new(&bias, table.n_rows());
        let mut held = Outputs::new(&bias, of_held.len());
        let mut leaves = vec![0; of_held.len()];
        let mut grower = Grower::new(
            &table,
            Growth {
                max_leaves: self.max_leaves.get(),
                max_depth: self.max_depth.map_or(usize::MAX, Count::get),
                min_samples_leaf: self.min_samples_leaf.get(),
                l2: self.l2.map_or(0.0, Positive::get),
            },
        );
        let rate = self.learning_rate.get();
        let mut trees: Vec<Boosted> = Vec::new();
        let (mut best_loss, mut best_rounds) = (f64::INFINITY, 0);
        let is_learned = {
            let mut is_learned = vec![held_idxs.is_empty(); table.n_rows()];
            order.iter().for_each(|&row| is_learned[row as usize] = true);
            is_learned
        };
        let mut slopes = Derivatives::new(table.n_rows(), n_outputs);
        for round in 0..self.n_estimators.get() {
            let loss = slopes.measure(&learned, labels.of_rows, &weights, &is_learned);
            let mut moved = false;
            for output in 0..n_outputs {
                let packed = Slopes::new(slopes.gradients(output), slopes.hessians(output));
                let grown = grower.grow(&packed, &order);
                moved |= grown.values.len() > 1;
                let values: Vec<f32> = grown.values.iter().map(|value| (value * rate) as f32).collect();
                for (rows, &value) in grown.rows.iter().zip(&values) {
                    let outputs = learned.of_mut(output);
                    rows.iter().for_each(|&row| outputs[row as usize] += value);
                }
                if !of_held.is_empty() {
                    grown.tree.leaves(&held_tile, &mut leaves);
                    let outputs = held.of_mut(output);
                    outputs.iter_mut().zip(&leaves).for_each(|(sum, &leaf)| *sum += values[leaf as usize]);
                }
                trees.push(Boosted { tree: grown.tree, values });
            }
            let held_out_loss = (!of_held.is_empty()).then(|| held.loss(&of_held, &weights));
            context.report(&FitStep {
                done: round + 1,
                of: self.n_estimators.get(),
                what: "tree",
                loss,
                held_out_loss,
            });
            match (held_out_loss, self.patience) {
                (Some(loss), Some(patience)) => {
                    if loss < best_loss {
                        (best_loss, best_rounds) = (loss, round + 1);
                    } else if round + 1 >= best_rounds + patience.get() {
                        break;
                    }
                }
                _ => best_rounds = round + 1,
            }
            if !moved {
                break;
            }
        }
        trees.truncate(best_rounds.max(1) * n_outputs);
        Ok(Model::Row(Arc::new(BoostingModel {
            trees,
            cuts,
            bias,
            classes: labels.classes.clone(),
            n_features: rows.n_cols(),
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let classes = load_classes(section)?;
        if classes.len() < 2 {
            return Err(LoadError::content("classes", "are fewer than two"));
        }
        let bias = checked::floats(section, "bias", n_outputs(&classes))?;
        let (trees, cuts) = FlatTree::load_all(section, n_features)?;
        let mut values = section.f32("values")?;
        check_len("values", values.len(), trees.iter().map(FlatTree::n_leaves).sum())?;
        if !values.iter().all(|value| value.is_finite()) || trees.len() % bias.len() != 0 {
            return Err(LoadError::content("values", "are not finite, or a class lacks a tree"));
        }
        let with_values = |tree: FlatTree| {
            let (own, rest) = values.split_at(tree.n_leaves());
            values = rest;
            Boosted { tree, values: own.to_vec() }
        };
        let trees = trees.into_iter().map(with_values).collect();
        Ok(Model::Row(Arc::new(BoostingModel { trees, cuts, bias, classes, n_features })))
    }
}

/// Sums that a row has: one tells two classes apart, more classes have one each.
fn n_outputs(classes: &Classes) -> usize {
    if classes.len() == 2 { 1 } else { classes.len() }
}

/// What is known before the first tree: how frequent the classes are, as logarithms.
fn first_guess(rows: &[u32], of_rows: &[u16], weights: &[f64], n_outputs: usize) -> Vec<f64> {
    let mut counts = vec![0.0; weights.len()];
    rows.iter().for_each(|&row| {
        let class = usize::from(of_rows[row as usize]);
        counts[class] += weights[class];
    });
    let whole: f64 = counts.iter().sum();
    // A class all of whose rows are held out is not impossible.
    let log = |count: f64| ((count + 1e-3) / (whole + 1e-3 * counts.len() as f64)).ln();
    if n_outputs == 1 { vec![log(counts[1]) - log(counts[0])] } else { counts.iter().copied().map(log).collect() }
}

/// The sums of trees so far, class by class.
struct Outputs {
    sums: Vec<f32>,
    n_rows: usize,
    /// Sums of a row.
    width: usize,
}

impl Outputs {
    fn new(bias: &[f64], n_rows: usize) -> Self {
        let sums = bias.iter().flat_map(|&bias| std::iter::repeat_n(bias as f32, n_rows)).collect();
        Self { sums, n_rows, width: bias.len() }
    }

    fn of_mut(&mut self, output: usize) -> &mut [f32] {
        &mut self.sums[output * self.n_rows..(output + 1) * self.n_rows]
    }

    /// The probabilities of the classes of a row.
    fn probabilities(&self, row: usize, out: &mut [f64]) {
        for output in 0..self.width {
            out[output] = f64::from(self.sums[output * self.n_rows + row]);
        }
        to_probabilities(out, self.width);
    }

    /// Mean negative logarithm of the probability of the true class.
    fn loss(&self, of_rows: &[u16], weights: &[f64]) -> f64 {
        let mut probabilities = vec![0.0; weights.len()];
        let (mut sum, mut whole) = (0.0, 0.0);
        for (row, &class) in of_rows.iter().enumerate() {
            self.probabilities(row, &mut probabilities);
            let weight = weights[usize::from(class)];
            sum -= weight * probabilities[usize::from(class)].max(f64::MIN_POSITIVE).ln();
            whole += weight;
        }
        sum / whole
    }
}

/// Turns the leading sums of a row into the probabilities of its classes, in place.
fn to_probabilities(values: &mut [f64], n_outputs: usize) {
    if n_outputs == 1 {
        let second = logistic(values[0]);
        values[0] = 1.0 - second;
        values[1] = second;
        return;
    }
    shares_of_logarithms(values);
}

/// First and second derivatives of the loss, class by class.
struct Derivatives {
    gradients: Vec<f32>,
    hessians: Vec<f32>,
    n_rows: usize,
    n_outputs: usize,
}

impl Derivatives {
    fn new(n_rows: usize, n_outputs: usize) -> Self {
        let empty = vec![0.0; n_rows * n_outputs];
        Self { gradients: empty.clone(), hessians: empty, n_rows, n_outputs }
    }

    fn gradients(&self, output: usize) -> &[f32] {
        &self.gradients[output * self.n_rows..(output + 1) * self.n_rows]
    }

    fn hessians(&self, output: usize) -> &[f32] {
        &self.hessians[output * self.n_rows..(output + 1) * self.n_rows]
    }

    /// Computes both for every row that is learned from, and the mean loss of those.
    fn measure(&mut self, outputs: &Outputs, of_rows: &[u16], weights: &[f64], is_learned: &[bool]) -> f64 {
        let n_outputs = self.n_outputs;
        let pieces: Vec<(f64, f64)> = if n_outputs == 1 {
            let measure = |(start, (gradients, hessians)): (usize, (&mut [f32], &mut [f32]))| {
                let (mut loss, mut whole) = (0.0, 0.0);
                for (idx, (gradient, hessian)) in gradients.iter_mut().zip(hessians).enumerate() {
                    let row = start * PIECE_ROWS + idx;
                    if !is_learned[row] {
                        continue;
                    }
                    let class = usize::from(of_rows[row]);
                    let (weight, is_second) = (weights[class] as f32, class == 1);
                    let second = 1.0 / (1.0 + (-outputs.sums[row]).exp());
                    *gradient = weight * (second - f32::from(u8::from(is_second)));
                    *hessian = weight * second * (1.0 - second);
                    let right = if is_second { second } else { 1.0 - second };
                    loss -= weights[class] * f64::from(right.max(f32::MIN_POSITIVE).ln());
                    whole += weights[class];
                }
                (loss, whole)
            };
            let pieces = self.gradients.par_chunks_mut(PIECE_ROWS).zip(self.hessians.par_chunks_mut(PIECE_ROWS));
            pieces.enumerate().map(measure).collect()
        } else {
            // Rows of all classes are gathered piece by piece, then put where their class has them.
            let n_rows = self.n_rows;
            let starts: Vec<usize> = (0..n_rows).step_by(PIECE_ROWS).collect();
            let measured: Vec<(Vec<f64>, f64, f64)> = starts
                .par_iter()
                .map(|&start| {
                    let end = (start + PIECE_ROWS).min(n_rows);
                    let mut all = vec![0.0; (end - start) * n_outputs];
                    let (mut loss, mut whole) = (0.0, 0.0);
                    for (row, probabilities) in (start..end).zip(all.chunks_exact_mut(n_outputs)) {
                        outputs.probabilities(row, probabilities);
                        let class = usize::from(of_rows[row]);
                        if is_learned[row] {
                            loss -= weights[class] * probabilities[class].max(f64::MIN_POSITIVE).ln();
                            whole += weights[class];
                        }
                    }
                    (all, loss, whole)
                })
                .collect();
            for (&start, (all, ..)) in starts.iter().zip(&measured) {
                for (row, probabilities) in (start..).zip(all.chunks_exact(n_outputs)) {
                    if !is_learned[row] {
                        continue;
                    }
                    let class = usize::from(of_rows[row]);
                    for (output, &probability) in probabilities.iter().enumerate() {
                        let is_it = f64::from(u8::from(output == class));
                        self.gradients[output * n_rows + row] = (weights[class] * (probability - is_it)) as f32;
                        self.hessians[output * n_rows + row] =
                            (weights[class] * probability * (1.0 - probability)) as f32;
                    }
                }
            }
            measured.into_iter().map(|(_, loss, whole)| (loss, whole)).collect()
        };
        let (loss, whole) = pieces.iter().fold((0.0, 0.0), |(a, b), (loss, whole)| (a + loss, b + whole));
        loss / whole
    }
}

/// One tree and the values of its leaves.
struct Boosted {
    tree: FlatTree,
    values: Vec<f32>,
}

/// A fitted [`GradientBoosting`]: trees round by round, in each round one for each sum.
struct BoostingModel {
    trees: Vec<Boosted>,
    cuts: Vec<Cuts>,
    bias: Vec<f64>,
    classes: Classes,
    n_features: usize,
}

/// Rows that go down a tree before the next tree.
const TILE_ROWS: usize = 8192;

impl RowModel for BoostingModel {
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
        let (n_classes, n_outputs) = (self.classes.len(), self.bias.len());
        let mut leaves = vec![0; TILE_ROWS.min(rows.n_rows())];
        for (idx, out) in out.chunks_mut(TILE_ROWS * n_classes).enumerate() {
            let n_rows = out.len() / n_classes;
            let start = idx * TILE_ROWS;
            let tile = Tile::new(rows.slice(start, start + n_rows), &self.cuts);
            out.chunks_exact_mut(n_classes).for_each(|row| row[..n_outputs].copy_from_slice(&self.bias));
            for (tree_idx, one) in self.trees.iter().enumerate() {
                let leaves = &mut leaves[..n_rows];
                one.tree.leaves(&tile, leaves);
                let output = tree_idx % n_outputs;
                for (row, &leaf) in out.chunks_exact_mut(n_classes).zip(&*leaves) {
                    row[output] += f64::from(one.values[leaf as usize]);
                }
            }
            out.chunks_exact_mut(n_classes).for_each(|row| to_probabilities(row, n_outputs));
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f64("bias", &self.bias);
        FlatTree::save_all(&self.trees.iter().map(|one| &one.tree), &self.cuts, section);
        section.f32("values", &self.trees.iter().flat_map(|one| &one.values).copied().collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use eddy_detect::{ClassLabels, Seed};

    use super::*;

    fn fitted(rows: &Rows, of_rows: &[u16], names: &[&str], categories: &[bool], params: &GradientBoosting) -> Model {
        let classes = Classes {
            names: names.iter().map(|&name| name.into()).collect(),
            is_attack: (0..names.len()).map(|class| class > 0).collect(),
        };
        let class_labels = Some(ClassLabels { classes: &classes, of_rows });
        let context = FitContext { seed: Seed::new(1), class_labels, categories, ..FitContext::default() };
        params.fit(rows.view(), &context).unwrap()
    }

    fn wrong(model: &Model, rows: &Rows, of_rows: &[u16]) -> usize {
        let Model::Row(model) = model else { panic!("boosting gives row models") };
        let n_classes = model.classes().unwrap().len();
        let mut probabilities = vec![0.0; of_rows.len() * n_classes];
        model.probabilities(rows.view(), &mut probabilities);
        let found = eddy_detect::most_probable(&probabilities, n_classes);
        found.iter().zip(of_rows).filter(|(found, wanted)| found != wanted).count()
    }

    #[test]
    fn three_classes_of_a_checkerboard_are_told_apart() {
        let mut rng = stream(Seed::new(3), 0);
        let values: Vec<f32> = (0..6000).map(|_| rand::RngExt::random::<f32>(&mut rng) * 3.0).collect();
        let of_rows: Vec<u16> = values.chunks_exact(2).map(|cell| (cell[0] as u16 + cell[1] as u16) % 3).collect();
        let rows = Rows::new(values, 2);
        let model = fitted(&rows, &of_rows, &["a", "b", "c"], &[], &GradientBoosting::default());
        assert!(wrong(&model, &rows, &of_rows) < 30, "{}", wrong(&model, &rows, &of_rows));
    }

    #[test]
    fn what_is_missing_may_be_what_matters() {
        let cells: Vec<f32> = (0..800).map(|idx| if idx % 3 == 0 { f32::NAN } else { (idx % 7) as f32 }).collect();
        let of_rows: Vec<u16> = (0..800).map(|idx| u16::from(idx % 3 == 0)).collect();
        let rows = Rows::new(cells, 1);
        let model = fitted(&rows, &of_rows, &["a", "b"], &[], &GradientBoosting::default());
        assert_eq!(wrong(&model, &rows, &of_rows), 0);
    }

    #[test]
    fn one_cut_parts_categories_that_no_threshold_could() {
        let cells: Vec<f32> = (0..1000).map(|idx| (idx * 7 % 20) as f32).collect();
        let of_rows: Vec<u16> = cells.iter().map(|&code| u16::from([1.0, 4.0, 9.0, 13.0].contains(&code))).collect();
        let rows = Rows::new(cells, 1);
        let stump = GradientBoosting { max_leaves: Count::new(2), n_estimators: Count::new(20), ..GradientBoosting::default() };
        let with = fitted(&rows, &of_rows, &["a", "b"], &[true], &stump);
        assert_eq!(wrong(&with, &rows, &of_rows), 0);
        let without = fitted(&rows, &of_rows, &["a", "b"], &[], &stump);
        assert!(wrong(&without, &rows, &of_rows) > 0);
    }

    #[test]
    fn growing_stops_when_there_is_nothing_more_to_learn() {
        let mut rng = stream(Seed::new(5), 0);
        let values: Vec<f32> = (0..2000).map(|_| rand::RngExt::random::<f32>(&mut rng)).collect();
        // Labels that have nothing to do with the rows.
        let of_rows: Vec<u16> = (0..2000).map(|_| rand::RngExt::random_range(&mut rng, 0..2u16)).collect();
        let seen = std::sync::Mutex::new(Vec::new());
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let report = |step: &FitStep| seen.lock().unwrap().push(*step);
        let context = FitContext {
            class_labels: Some(ClassLabels { classes: &classes, of_rows: &of_rows }),
            progress: Some(eddy_detect::Progress(&report)),
            ..FitContext::default()
        };
        GradientBoosting::default().fit(RowsView::new(&values, 1), &context).unwrap();
        let steps = seen.into_inner().unwrap();
        assert!(steps.len() < 40, "{}", steps.len());
        assert!(steps.windows(2).all(|pair| pair[1].loss <= pair[0].loss), "the loss grew");
    }
}
