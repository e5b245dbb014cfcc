//! Local outlier factor.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    neighbours::{Near, Neighbours, Room},
    sampling::sampled,
};

/// Local outlier factor: rows in a neighbourhood that is much thinner than those of their neighbours are anomalous.
///
/// A row that equals training rows is taken for one of them, which is left out: a training row is not its own
/// neighbour. Distances are exact.
///
/// Score range: 0 upwards; about 1 for ordinary rows; scikit-learn calls rows above 1.5 outliers. Input: any numbers on
/// like scales. A missing value counts as a very large one. Blind to: anomalies of which the training rows hold more than
/// `n_neighbors` alike. Cost: fit and score `O(log n)` where few columns matter, up to `O(n d)` per row.
///
/// Source: Breunig, Kriegel, Ng & Sander, "LOF: identifying density-based local outliers", SIGMOD 2000; of rows equally
/// far the first are the neighbours, as in scikit-learn, not all. Ours keeps a sample of large tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lof {
    /// How many of the nearest training rows make up a neighbourhood.
    pub n_neighbors: Count,
    /// Training rows kept at most, drawn with the seed.
    pub max_samples: Count,
}

impl Default for Lof {
    fn default() -> Self {
        Self { n_neighbors: Count::new(20), max_samples: Count::new(20_000) }
    }
}

/// Added to distances, so that equal rows have a density too.
const LEAST_REACH: f64 = 1e-10;
/// Farther than any two rows can be.
const FARTHEST: f64 = 1e60;

impl Detector for Lof {
    const ABOUT: About = About {
        name: "lof",
        title: "Local outlier factor",
        kind: ModelKind::Row,
        summary: "How much thinner the neighbourhood of a row is than those of its neighbours.",
        blind_to: "Anomalies of which there are more alike than a neighbourhood has rows.",
        cost: "Fit O(n log n) to O(n^2 d); score O(log n) to O(n d) per row; memory O(n d), n at most max_samples.",
        source: "Breunig et al. 2000; ties and threshold as in scikit-learn; a sample of large tables is kept.",
        natural_threshold: Some(1.5),
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let index = Neighbours::new(sampled(rows, self.max_samples.get(), context.seed).view());
        let k = self.n_neighbors.get().min(index.most_others());
        if index.n_rows() == 1 {
            let lonely =
                LofModel { index, n_neighbors: k, reaches: vec![0.0], densities: vec![1.0 / LEAST_REACH] };
            return Ok(Model::Row(Arc::new(lonely)));
        }
        let others = index.nearest_others(k);
        let mut distances = vec![0.0; others.len()];
        distances.par_chunks_mut(k).zip(others.par_chunks(k)).enumerate().for_each_init(
            || vec![0.0; index.n_cols()],
            |point, (row_idx, (distances, others))| {
                index.copy_point(index.place(row_idx), point);
                let each = distances.iter_mut().zip(others);
                each.for_each(|(distance, near)| *distance = index.distance(point, near.row()));
            },
        );
        let reaches: Vec<f64> = distances.chunks_exact(k).map(|distances| distances[k - 1]).collect();
        let of_row = |(distances, others): (&[f64], &[Near])| {
            let reached =
                distances.iter().zip(others).map(|(distance, near)| distance.max(reaches[near.row()]));
            density(reached, k)
        };
        let densities = distances.chunks_exact(k).zip(others.chunks_exact(k)).map(of_row).collect();
        Ok(Model::Row(Arc::new(LofModel { index, n_neighbors: k, reaches, densities })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let index = Neighbours::load(section)?;
        let n_neighbors: usize = section.value("n_neighbors")?;
        if !(1..=index.most_others()).contains(&n_neighbors) {
            return Err(LoadError::content("n_neighbors", "is more than there are rows"));
        }
        let reaches = checked::floats(section, "reaches", index.n_rows())?;
        let densities = checked::positives(section, "densities", index.n_rows())?;
        if !reaches.iter().chain(&densities).all(|value| (0.0..FARTHEST).contains(value)) {
            return Err(LoadError::content("reaches", "or densities are out of range"));
        }
        Ok(Model::Row(Arc::new(LofModel { index, n_neighbors, reaches, densities })))
    }
}

/// One through the mean of the distances by which a row is reached from its neighbours.
fn density(reached: impl Iterator<Item = f64>, k: usize) -> f64 {
    1.0 / (reached.sum::<f64>() / k as f64 + LEAST_REACH)
}

/// A fitted [`Lof`].
#[derive(Debug)]
struct LofModel {
    index: Neighbours,
    n_neighbors: usize,
    /// Distance of each training row to the last of its neighbours.
    reaches: Vec<f64>,
    /// Density around each training row.
    densities: Vec<f64>,
}

impl RowModel for LofModel {
    fn n_features(&self) -> usize {
        self.index.n_cols()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let points: Vec<f32> = rows.values().iter().map(|&value| self.index.range().bring(value)).collect();
        let (d, k) = (rows.n_cols(), self.n_neighbors);
        self.index.nearest_but_itself(&points, k, &mut Room::default(), |at, found| {
            let point = &points[at * d..(at + 1) * d];
            let reached = |near: &Near| self.index.distance(point, near.row()).max(self.reaches[near.row()]);
            let own = density(found.iter().map(reached), k);
            let around = found.iter().map(|near| self.densities[near.row()]).sum::<f64>() / k as f64;
            out[at] = around / own;
        });
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.index.save(section);
        section.value("n_neighbors", &self.n_neighbors);
        section.f64("reaches", &self.reaches);
        section.f64("densities", &self.densities);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_outside_of_a_thin_and_of_a_dense_cloud_is_measured_by_its_neighbours() {
        // A dense run of rows and a thin one; a gap of 3 is nothing to the thin one.
        let mut training: Vec<f32> = (0..60).map(|at| at as f32 * 0.05).collect();
        training.extend((0..60).map(|at| 1000.0 + at as f32 * 5.0));
        let model =
            Detector::fit(&Lof::default(), RowsView::new(&training, 1), &FitContext::default()).unwrap();
        let mut out = [0.0; 3];
        model.score_once(RowsView::new(&[-3.0, 997.0, 1.5], 1), &[], &mut out);
        assert!(out[0] > 3.0 && out[1] < 1.5 && (out[2] - 1.0).abs() < 0.1, "{out:?}");
    }
}
