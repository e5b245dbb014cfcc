//! Support vector machine with a Gaussian kernel, as a classifier.

use std::sync::Arc;

use eddy_detect::{
    About, ClassLabels, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model,
    ModelKind, Positive, RowModel, SectionReader, SectionWriter, Seed,
};
use eddy_frame::RowsView;
use rand::RngExt;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    forest::{ClassWeight, class_labels, load_classes, score_by_probabilities},
    pairwise::{couple, pair_at},
    platt::Sigmoid,
    rbf::{GammaRule, KernelPoints, add_weighted, gamma_in},
    sampling::labelled_sample,
    smo::{self, Problem, Solution},
    stream::stream,
    tiles::{LANES, Range, put},
};

/// Support vector machine: a row belongs to the side of the border on which it lies, between the labelled rows of each
/// two classes.
///
/// A border is a weighted sum of bells around the rows near it, the support vectors. Distances from the borders become
/// probabilities by curves learned on rows held out in turn, and those of the pairs of classes are combined.
///
/// Score range: 0 to 1, the probability of an attack. Input: any numbers on like scales. A missing value counts as a very
/// large one. Blind to: attacks unlike any it was shown: far from all training rows all is as probable as it is on the
/// whole. Cost: fit `O(n^2 d)` for each two classes, score `O(d * support vectors)` per row; at most 64 classes.
///
/// Source: Cortes & Vapnik, "Support-vector networks", 1995; solved as in Fan, Chen & Lin 2005 (LIBSVM), without
/// shrinking; probabilities as in Lin, Lin & Weng 2007 from 3 folds, combined as in Wu, Lin & Weng 2004. Ours learns from
/// a sample of large tables, in which rare classes have a little more than their share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RbfSvm {
    /// How much a row on the wrong side counts against a wide margin.
    pub c: Positive,
    /// How narrow the bells are; unless set, `gamma_rule` says.
    pub gamma: Option<Positive>,
    /// How narrow the bells are where that is not given.
    pub gamma_rule: GammaRule,
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
    /// Rounds end when the conditions of the optimum are met to within this.
    pub tol: Positive,
    /// Rows learned from at most, or a few more, drawn with the seed.
    pub max_samples: Count,
}

impl Default for RbfSvm {
    fn default() -> Self {
        Self {
            c: Positive::new(1.0),
            gamma: None,
            gamma_rule: GammaRule::Scale,
            class_weight: ClassWeight::Equal,
            tol: Positive::new(1e-3),
            max_samples: Count::new(20_000),
        }
    }
}

/// Most classes: there are nearly two thousand pairs of them.
const MOST_CLASSES: usize = 64;
/// Folds that probabilities are learned from.
const N_FOLDS: usize = 3;
/// Bytes for rows of the kernel of one task while fitting.
const CACHE_BYTES: usize = 48 << 20;
/// Support vectors whose kernels are computed for one tile after the other.
const BLOCK: usize = 256;

impl Detector for RbfSvm {
    const ABOUT: About = About {
        name: "rbf_svm",
        title: "Support vector machine",
        kind: ModelKind::Row,
        summary: "Draws a smooth border with the widest margin between the labelled rows of each two classes.",
        blind_to: "Attacks unlike any it was shown; it knows only the classes in its labels.",
        cost: "Fit O(n^2 d), n at most about max_samples; score O(d * support vectors) per row; memory O(n d) and 96 MiB per thread.",
        source: "Cortes & Vapnik 1995; solved as in Fan, Chen & Lin 2005; probabilities by Lin et al. 2007 and Wu et al. 2004.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let n_classes = labels.classes.len();
        if n_classes > MOST_CLASSES {
            return Err(FitError::Labels {
                reason: format!("rbf_svm takes at most {MOST_CLASSES} classes and there are {n_classes}"),
            });
        }
        let table = Table::new(self, rows, &labels, context.seed);
        let pairs: Vec<(usize, usize)> =
            (0..n_classes).flat_map(|a| (a + 1..n_classes).map(move |b| (a, b))).collect();
        // The folds and the whole of each pair are tasks of their own.
        let tasks: Vec<(usize, usize)> =
            (0..pairs.len()).flat_map(|pair| (0..=N_FOLDS).map(move |fold| (pair, fold))).collect();
        let mut done: Vec<Task> = tasks
            .into_par_iter()
            .with_max_len(1)
            .map(|(pair, fold)| table.task(pairs[pair], fold, context.seed.part(pair as u64)))
            .collect();
        let mut machines = Vec::with_capacity(pairs.len());
        for of_pair in done.chunks_mut(N_FOLDS + 1) {
            let held_out = of_pair.iter().skip(1).flat_map(|task| &task.held_out);
            let (values, is_first): (Vec<f64>, Vec<bool>) = held_out.copied().unzip();
            let whole = std::mem::take(&mut of_pair[0].weights);
            machines.push(Machine {
                weights: whole,
                bias: of_pair[0].bias,
                sigmoid: Sigmoid::fit(&values, &is_first),
            });
        }
        Ok(Model::Row(Arc::new(table.model(&pairs, &machines, labels.classes))))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let range = checked::range(section, n_features)?;
        let classes = load_classes(section)?;
        let k = classes.len();
        if !(2..=MOST_CLASSES).contains(&k) {
            return Err(LoadError::content("classes", "are too few or too many"));
        }
        let n_pairs = k * (k - 1) / 2;
        let points = checked::points(section, "support", n_features, range)?;
        let weights = checked::floats(section, "weights", points.len() / n_features * k)?;
        let n_support = section.u32("n_support")?.to_vec();
        let n_points = n_support.iter().map(|&n| n as usize).sum::<usize>();
        if n_support.len() != k || n_points != points.len() / n_features {
            return Err(LoadError::content("n_support", "does not fit the support vectors"));
        }
        let biases = checked::floats(section, "biases", n_pairs)?;
        let sigmoids = Sigmoid::load_all(section, n_pairs)?;
        if !weights.iter().chain(&biases).all(|value| value.abs() < 1e100) {
            return Err(LoadError::content("weights", "or biases are out of range"));
        }
        let gamma = checked::gamma(section)?;
        Ok(Model::Row(Arc::new(SvmModel {
            n_features,
            range,
            gamma,
            classes,
            points,
            n_support,
            weights,
            biases,
            sigmoids,
        })))
    }
}

/// The rows learned from, by class.
struct Table {
    points: Vec<f32>,
    n_cols: usize,
    range: Range,
    gamma: f32,
    of_class: Vec<Vec<usize>>,
    /// How much a row of each class may weigh.
    most: Vec<f64>,
    tolerance: f64,
}

/// What came of one task: a machine for a whole pair, or the decision values of the rows that a fold held out.
#[derive(Default)]
struct Task {
    weights: Vec<(usize, f64)>,
    bias: f64,
    held_out: Vec<(f64, bool)>,
}

/// What tells two classes apart.
struct Machine {
    weights: Vec<(usize, f64)>,
    bias: f64,
    sigmoid: Sigmoid,
}

impl Table {
    fn new(params: &RbfSvm, rows: RowsView<'_>, labels: &ClassLabels<'_>, seed: Seed) -> Self {
        let kept = labelled_sample(labels, params.max_samples.get(), seed);
        let sample = crate::sampling::take(rows, &kept);
        let range = Range::of(sample.view());
        let gamma = params.gamma.map_or_else(|| params.gamma_rule.gamma(sample.view()), Positive::get);
        let mut of_class = vec![Vec::new(); labels.classes.len()];
        kept.iter()
            .enumerate()
            .for_each(|(at, &row_idx)| of_class[usize::from(labels.of_rows[row_idx])].push(at));
        Self {
            points: sample.values().iter().map(|&value| range.bring(value)).collect(),
            n_cols: rows.n_cols(),
            range,
            gamma: gamma_in(range, gamma),
            of_class,
            most: params
                .class_weight
                .weights(labels)
                .iter()
                .map(|weight| (weight * params.c.get()).min(1e12))
                .collect(),
            tolerance: params.tol.get(),
        }
    }

    fn point(&self, at: usize) -> &[f32] {
        &self.points[at * self.n_cols..(at + 1) * self.n_cols]
    }

    fn task(&self, (first, second): (usize, usize), fold: usize, seed: Seed) -> Task {
        let mut members: Vec<(usize, bool)> = self.of_class[first].iter().map(|&at| (at, true)).collect();
        members.extend(self.of_class[second].iter().map(|&at| (at, false)));
        let most = |is_first: bool| self.most[if is_first { first } else { second }];
        if fold == 0 {
            let (_, found) = self.solve(&members, most);
            let weights = members.iter().zip(found.weights).filter(|(_, weight)| *weight != 0.0);
            let weights = weights.map(|((at, _), weight)| (*at, weight)).collect();
            return Task { weights, bias: found.bias, held_out: Vec::new() };
        }
        let mut rng = stream(seed, 0);
        for at in (1..members.len()).rev() {
            members.swap(at, rng.random_range(0..=at));
        }
        let is_held = |at: &usize| at % N_FOLDS == fold - 1;
        let part = |held: bool| -> Vec<(usize, bool)> {
            (0..members.len()).filter(|at| is_held(at) == held).map(|at| members[at]).collect()
        };
        let (learned, held) = (part(false), part(true));
        let n_first = learned.iter().filter(|(_, is_first)| *is_first).count();
        if n_first == 0 || n_first == learned.len() {
            // Only one class was seen: it is all there is, if any at all.
            let value = if learned.is_empty() {
                0.0
            } else if n_first > 0 {
                1.0
            } else {
                -1.0
            };
            return Task {
                held_out: held.iter().map(|(_, is_first)| (value, *is_first)).collect(),
                ..Task::default()
            };
        }
        let (kernel, found) = self.solve(&learned, most);
        let support: Vec<usize> = (0..learned.len()).filter(|&at| found.weights[at] != 0.0).collect();
        let points: Vec<f32> = support.iter().flat_map(|&at| kernel.point(at)).copied().collect();
        let weights: Vec<f64> = support.iter().map(|&at| found.weights[at]).collect();
        drop(kernel);
        let as_it_is = Range { scale: 1.0, limit: f32::MAX };
        let mut tile = vec![0.0; self.n_cols * LANES];
        let mut held_out = Vec::with_capacity(held.len());
        for some in held.chunks(LANES) {
            some.iter()
                .enumerate()
                .for_each(|(lane, (at, _))| put(&mut tile, lane, self.point(*at), as_it_is));
            let mut sums = [[found.bias; LANES]];
            add_weighted(&tile, &points, &weights, &[0], self.gamma, &mut sums);
            held_out.extend(some.iter().zip(sums[0]).map(|((_, is_first), sum)| (sum, *is_first)));
        }
        Task { held_out, ..Task::default() }
    }

    fn solve(&self, members: &[(usize, bool)], most: impl Fn(bool) -> f64) -> (KernelPoints, Solution) {
        let points = members.iter().flat_map(|(at, _)| self.point(*at)).copied().collect();
        let kernel = KernelPoints::new(points, self.n_cols, self.gamma);
        let column = |of: &dyn Fn(bool) -> f64| -> Vec<f64> {
            members.iter().map(|(_, is_first)| of(*is_first)).collect()
        };
        let found = smo::solve(
            &Problem {
                linear: &column(&|is_first| if is_first { 1.0 } else { -1.0 }),
                low: &column(&|is_first| if is_first { 0.0 } else { -most(false) }),
                high: &column(&|is_first| if is_first { most(true) } else { 0.0 }),
                start: &vec![0.0; members.len()],
                tolerance: self.tolerance,
                cache_bytes: CACHE_BYTES,
            },
            &kernel,
        );
        (kernel, found)
    }

    fn model(&self, pairs: &[(usize, usize)], machines: &[Machine], classes: &Classes) -> SvmModel {
        let k = classes.len();
        // The weights of each row in its class's pairs with the others.
        let mut of_row = vec![Vec::new(); self.points.len() / self.n_cols];
        for (&(first, second), machine) in pairs.iter().zip(machines) {
            for &(at, weight) in &machine.weights {
                of_row[at].resize(k, 0.0);
                // Rows of the first class have weights above 0, those of the second below.
                of_row[at][if weight > 0.0 { second } else { first }] = weight;
            }
        }
        let is_support = |at: &&usize| !of_row[**at].is_empty();
        let n_support =
            self.of_class.iter().map(|rows| rows.iter().filter(is_support).count() as u32).collect();
        let support: Vec<usize> = self.of_class.iter().flatten().filter(is_support).copied().collect();
        SvmModel {
            n_features: self.n_cols,
            range: self.range,
            gamma: self.gamma,
            classes: classes.clone(),
            points: support.iter().flat_map(|&at| self.point(at)).copied().collect(),
            weights: support.iter().flat_map(|&at| of_row[at].iter().copied()).collect(),
            n_support,
            biases: machines.iter().map(|machine| machine.bias).collect(),
            sigmoids: machines.iter().map(|machine| machine.sigmoid).collect(),
        }
    }
}

/// A fitted [`RbfSvm`].
#[derive(Debug)]
struct SvmModel {
    n_features: usize,
    range: Range,
    gamma: f32,
    classes: Classes,
    /// The support vectors, class after class, within the range.
    points: Vec<f32>,
    /// How many each class has.
    n_support: Vec<u32>,
    /// For each support vector its weight against each class; 0 against its own.
    weights: Vec<f64>,
    biases: Vec<f64>,
    sigmoids: Vec<Sigmoid>,
}

impl RowModel for SvmModel {
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
        let (d, k, n_pairs) = (self.n_features, self.classes.len(), self.biases.len());
        let n_tiles = rows.n_rows().div_ceil(LANES);
        let mut tiles = vec![0.0; n_tiles * d * LANES];
        for (values, tile) in rows.values().chunks(LANES * d).zip(tiles.chunks_exact_mut(d * LANES)) {
            values.chunks_exact(d).enumerate().for_each(|(lane, row)| put(tile, lane, row, self.range));
        }
        let mut sums: Vec<[f64; LANES]> = self.biases.iter().map(|&bias| [bias; LANES]).collect();
        sums = sums.repeat(n_tiles);
        let mut start = 0;
        for (class, &n_support) in self.n_support.iter().enumerate() {
            let end = start + n_support as usize;
            let (points, weights) = (&self.points[start * d..end * d], &self.weights[start * k..end * k]);
            start = end;
            // The pair with each other class; the weight against the own class is 0.
            let pair = |other: usize| {
                if class == other { 0 } else { pair_at(class.min(other), class.max(other), k) }
            };
            let targets: Vec<usize> = (0..k).map(pair).collect();
            // A block of support vectors is used for all tiles while it is at hand.
            for (points, weights) in points.chunks(BLOCK * d).zip(weights.chunks(BLOCK * k)) {
                for (tile, sums) in tiles.chunks_exact(d * LANES).zip(sums.chunks_exact_mut(n_pairs)) {
                    add_weighted(tile, points, weights, &targets, self.gamma, sums);
                }
            }
        }
        let mut pairs = vec![0.0; n_pairs];
        for (row_idx, out) in out.chunks_exact_mut(k).enumerate() {
            for (pair, probability) in pairs.iter_mut().enumerate() {
                let value = sums[row_idx / LANES * n_pairs + pair][row_idx % LANES];
                *probability = self.sigmoids[pair].probability(value);
            }
            couple(&pairs, out);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("classes", &self.classes);
        section.f32("scale", &[self.range.scale]);
        section.f32("gamma", &[self.gamma]);
        section.f32("support", &self.points);
        section.u32("n_support", &self.n_support);
        section.f64("weights", &self.weights);
        section.f64("biases", &self.biases);
        Sigmoid::save_all(&self.sigmoids, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_and_a_core_are_told_apart_which_no_line_could() {
        let n = 300;
        let names = vec!["core".to_owned(), "inner ring".to_owned(), "outer ring".to_owned()];
        let classes = Classes { names, is_attack: vec![false, true, true] };
        let of_rows: Vec<u16> = (0..n).map(|at| at % 3).collect();
        let values: Vec<f32> = (0..n)
            .flat_map(|at| {
                let (radius, angle) = (f32::from(at % 3) * 2.0, f32::from(at) * 0.37);
                [radius * angle.sin() + f32::from(at % 7) * 0.05, radius * angle.cos()]
            })
            .collect();
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let context = FitContext { class_labels, ..FitContext::default() };
        let rows = RowsView::new(&values, 2);
        let Ok(Model::Row(model)) = Detector::fit(&RbfSvm::default(), rows, &context) else {
            panic!("a row model")
        };
        let mut out = vec![0.0; usize::from(n) * 3];
        model.probabilities(rows, &mut out);
        let most_probable = |of_row: &[f64]| (0..3).max_by(|&a, &b| of_row[a].total_cmp(&of_row[b])).unwrap();
        let n_right = out
            .chunks(3)
            .zip(&of_rows)
            .filter(|(of_row, class)| most_probable(of_row) == usize::from(**class))
            .count();
        assert!(n_right >= 297, "{n_right}");
        assert!(out.chunks(3).all(|of_row| (of_row.iter().sum::<f64>() - 1.0).abs() < 1e-9));
    }
}
