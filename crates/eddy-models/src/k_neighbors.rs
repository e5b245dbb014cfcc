//! Nearest neighbours as a classifier.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    forest::{class_labels, load_classes, score_by_probabilities},
    neighbours::{Neighbours, Room},
    sampling::{labelled_sample, take},
};

/// How much each neighbour counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NeighborWeights {
    /// All the same.
    #[default]
    Uniform,
    /// Each by one through its distance; neighbours at no distance outweigh all others.
    Distance,
}

/// Nearest neighbours: a row is what the labelled rows nearest to it are.
///
/// Score range: 0 to 1, the probability of an attack: the share of attacks among the nearest training rows. Input: any
/// numbers on like scales. A missing value counts as a very large one. Blind to: attacks unlike any it was shown; columns
/// that matter count no more than others. Cost: score `O(log n)` where few columns matter, up to `O(n d)` per row.
///
/// Source: Cover & Hart, "Nearest neighbor pattern classification", 1967. Ours keeps a sample of large tables, in which
/// rare classes have a little more than their share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KNeighbors {
    /// How many of the nearest training rows are looked at.
    pub n_neighbors: Count,
    /// How much each of them counts.
    pub weights: NeighborWeights,
    /// Training rows kept at most, drawn with the seed.
    pub max_samples: Count,
}

impl Default for KNeighbors {
    fn default() -> Self {
        Self {
            n_neighbors: Count::new(5),
            weights: NeighborWeights::Uniform,
            max_samples: Count::new(50_000),
        }
    }
}

impl Detector for KNeighbors {
    const ABOUT: About = About {
        name: "k_neighbors",
        title: "Nearest neighbours",
        kind: ModelKind::Row,
        summary: "Looks up what the labelled rows nearest to a row are.",
        blind_to: "Attacks unlike any it was shown; columns that matter count no more than others.",
        cost: "Fit O(n d log n); score O(log n) to O(n d) per row; memory O(n d), n at most about max_samples.",
        source: "Cover & Hart 1967; a sample of large tables is kept.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let kept = labelled_sample(&labels, self.max_samples.get(), context.seed);
        let index = Neighbours::new(take(rows, &kept).view());
        Ok(Model::Row(Arc::new(KNeighborsModel {
            n_neighbors: self.n_neighbors.get().min(index.n_rows()),
            index,
            weights: self.weights,
            of_rows: kept.iter().map(|&row_idx| u32::from(labels.of_rows[row_idx])).collect(),
            classes: labels.classes.clone(),
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let index = Neighbours::load(section)?;
        let n_neighbors: usize = section.value("n_neighbors")?;
        if !(1..=index.n_rows()).contains(&n_neighbors) {
            return Err(LoadError::content("n_neighbors", "is more than there are rows"));
        }
        let classes = load_classes(section)?;
        let of_rows = section.u32("of_rows")?.to_vec();
        checked::check_len("of_rows", of_rows.len(), index.n_rows())?;
        if !of_rows.iter().all(|&class| (class as usize) < classes.len()) {
            return Err(LoadError::content("of_rows", "names a class that there is not"));
        }
        let weights = section.value("weights")?;
        Ok(Model::Row(Arc::new(KNeighborsModel { index, n_neighbors, weights, of_rows, classes })))
    }
}

/// A fitted [`KNeighbors`].
#[derive(Debug)]
struct KNeighborsModel {
    index: Neighbours,
    n_neighbors: usize,
    weights: NeighborWeights,
    /// Class of each training row.
    of_rows: Vec<u32>,
    classes: Classes,
}

impl RowModel for KNeighborsModel {
    fn n_features(&self) -> usize {
        self.index.n_cols()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let points: Vec<f32> = rows.values().iter().map(|&value| self.index.range().bring(value)).collect();
        let (d, n_classes) = (rows.n_cols(), self.classes.len());
        out.fill(0.0);
        self.index.nearest(&points, self.n_neighbors, &mut Room::default(), |at, found| {
            let point = &points[at * d..(at + 1) * d];
            let out = &mut out[at * n_classes..(at + 1) * n_classes];
            // Distances in units of the nearest, so that no weight is above 1.
            let nearest = self.index.distance(point, found[0].row());
            for near in found {
                let weight = match self.weights {
                    NeighborWeights::Uniform => 1.0,
                    NeighborWeights::Distance => {
                        let distance = self.index.distance(point, near.row());
                        if distance <= nearest { 1.0 } else { nearest / distance }
                    }
                };
                out[self.of_rows[near.row()] as usize] += weight;
            }
            let sum: f64 = out.iter().sum();
            out.iter_mut().for_each(|share| *share /= sum);
        });
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.index.save(section);
        section.value("n_neighbors", &self.n_neighbors);
        section.value("weights", &self.weights);
        section.value("classes", &self.classes);
        section.u32("of_rows", &self.of_rows);
    }
}

#[cfg(test)]
mod tests {
    use eddy_detect::ClassLabels;

    use super::*;

    fn probabilities(weights: NeighborWeights, row: f32) -> [f64; 2] {
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &[0, 0, 1, 1, 1] });
        let detector = KNeighbors { n_neighbors: Count::new(3), weights, ..KNeighbors::default() };
        let training = [0.0, 1.0, 3.0, 20.0, 30.0];
        let context = FitContext { class_labels, ..FitContext::default() };
        let Ok(Model::Row(model)) = Detector::fit(&detector, RowsView::new(&training, 1), &context) else {
            panic!("a row model")
        };
        let mut out = [0.0; 2];
        model.probabilities(RowsView::new(&[row], 1), &mut out);
        out
    }

    #[test]
    fn shares_are_those_among_the_nearest() {
        let [a, b] = probabilities(NeighborWeights::Uniform, 2.0);
        assert!((a - 2.0 / 3.0).abs() < 1e-12 && (b - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn near_neighbours_count_more_where_distance_does() {
        // Distances 1, 1 and 2.
        let [a, b] = probabilities(NeighborWeights::Distance, 2.0);
        assert!((a - 1.5 / 2.5).abs() < 1e-12 && (b - 1.0 / 2.5).abs() < 1e-12, "{a} {b}");
        assert_eq!(probabilities(NeighborWeights::Distance, 3.0), [0.0, 1.0]);
    }
}
