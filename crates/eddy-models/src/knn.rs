//! Distance to the nearest neighbours.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    neighbours::{Neighbours, Room},
    sampling::sampled,
};

/// Which of the distances to the nearest rows counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DistanceAggregation {
    /// The largest: that to the last of them.
    #[default]
    Largest,
    /// Their mean.
    Mean,
    /// Their median.
    Median,
}

/// Distance to the nearest neighbours: rows whose nearest training rows are far away are anomalous.
///
/// A row that equals training rows is taken for one of them, which is left out: a training row is not its own
/// neighbour. Distances are exact.
///
/// Score range: 0 upwards, a distance in the units of the columns. Input: any numbers on like scales. A missing value
/// counts as a very large one. Blind to: anomalies of which the training rows hold more than `n_neighbors` alike; regions
/// of unlike density, of which the thinnest looks odd. Cost: score `O(log n)` where few columns matter, up to `O(n d)`
/// per row.
///
/// Source: Ramaswamy, Rastogi & Shim, "Efficient algorithms for mining outliers from large data sets", SIGMOD 2000; the
/// mean by Angiulli & Pizzuti, "Fast outlier detection in high dimensional spaces", 2002. Ours keeps a sample of large
/// tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Knn {
    /// How many of the nearest training rows are looked at.
    pub n_neighbors: Count,
    /// Which of their distances counts.
    pub aggregation: DistanceAggregation,
    /// Training rows kept at most, drawn with the seed.
    pub max_samples: Count,
}

impl Default for Knn {
    fn default() -> Self {
        Self {
            n_neighbors: Count::new(5),
            aggregation: DistanceAggregation::Largest,
            max_samples: Count::new(20_000),
        }
    }
}

impl Detector for Knn {
    const ABOUT: About = About {
        name: "knn",
        title: "Distance to the nearest neighbours",
        kind: ModelKind::Row,
        summary: "How far away the nearest training rows are.",
        blind_to: "Anomalies of which there are several alike; regions of unlike density.",
        cost: "Fit O(n d log n); score O(log n) to O(n d) per row; memory O(n d), n at most max_samples.",
        source: "Ramaswamy et al. 2000; Angiulli & Pizzuti 2002; a sample of large tables is kept.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let index = Neighbours::new(sampled(rows, self.max_samples.get(), context.seed).view());
        let n_neighbors = self.n_neighbors.get().min(index.most_others());
        Ok(Model::Row(Arc::new(KnnModel { index, n_neighbors, aggregation: self.aggregation })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let index = Neighbours::load(section)?;
        let n_neighbors: usize = section.value("n_neighbors")?;
        if !(1..=index.most_others()).contains(&n_neighbors) {
            return Err(LoadError::content("n_neighbors", "is more than there are rows"));
        }
        let aggregation = section.value("aggregation")?;
        Ok(Model::Row(Arc::new(KnnModel { index, n_neighbors, aggregation })))
    }
}

/// A fitted [`Knn`].
#[derive(Debug)]
struct KnnModel {
    index: Neighbours,
    n_neighbors: usize,
    aggregation: DistanceAggregation,
}

/// The distance that counts, of distances in ascending order.
fn aggregate(aggregation: DistanceAggregation, distances: &[f64]) -> f64 {
    let n = distances.len();
    match aggregation {
        DistanceAggregation::Largest => distances[n - 1],
        DistanceAggregation::Mean => distances.iter().sum::<f64>() / n as f64,
        DistanceAggregation::Median => f64::midpoint(distances[(n - 1) / 2], distances[n / 2]),
    }
}

impl RowModel for KnnModel {
    fn n_features(&self) -> usize {
        self.index.n_cols()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let points: Vec<f32> = rows.values().iter().map(|&value| self.index.range().bring(value)).collect();
        let d = rows.n_cols();
        let mut distances = vec![0.0; self.n_neighbors];
        self.index.nearest_but_itself(&points, self.n_neighbors, &mut Room::default(), |at, found| {
            let point = &points[at * d..(at + 1) * d];
            for (distance, near) in distances.iter_mut().zip(found) {
                *distance = self.index.distance(point, near.row());
            }
            out[at] = aggregate(self.aggregation, &distances);
        });
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.index.save(section);
        section.value("n_neighbors", &self.n_neighbors);
        section.value("aggregation", &self.aggregation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_row_is_not_its_own_neighbour() {
        let training = [0.0, 1.0, 3.0, 7.0, 7.0];
        let scores = |aggregation| {
            let detector = Knn { n_neighbors: Count::new(2), aggregation, ..Knn::default() };
            let model =
                Detector::fit(&detector, RowsView::new(&training, 1), &FitContext::default()).unwrap();
            let mut out = [0.0; 3];
            model.score_once(RowsView::new(&[0.0, 7.0, 2.0], 1), &[], &mut out);
            out
        };
        assert_eq!(scores(DistanceAggregation::Largest), [3.0, 4.0, 1.0]);
        assert_eq!(scores(DistanceAggregation::Mean), [2.0, 2.0, 1.0]);
        assert_eq!(scores(DistanceAggregation::Median), [2.0, 2.0, 1.0]);
    }
}
