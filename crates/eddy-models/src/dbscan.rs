//! DBSCAN.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter, Seed,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    clustering::{k_distances_in, knee, search_in},
    density,
    neighbours::{Neighbours, Room},
    sampling::sampled,
};

/// How the radius is chosen where none is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RadiusSearch {
    /// Where the curve of the distances to the `min_samples`-th row turns steep.
    #[default]
    Knee,
    /// What parts the rows best, by the silhouette, among a grid of radii from that curve and of multiples of
    /// `min_samples`.
    Silhouette,
}

/// DBSCAN: rows out of reach of all dense regions are anomalous.
///
/// A row is in a dense region if `min_samples` rows, itself counted, lie within `eps`. The fitted model keeps the rows
/// of dense regions. A row that equals one of them is taken for it and measured from the next, so that training rows
/// score as new ones do.
///
/// Score range: 0 upwards, the distance to the nearest row of a dense region in units of `eps`: above 1 is what DBSCAN
/// calls noise. Input: any numbers on like scales. A missing value counts as a very large one. Blind to: anomalies that
/// are dense among themselves; regions much less dense than others, which one radius for all calls noise. Cost: fit
/// `O(n log n)` where few columns matter, up to `O(n^2 d)`; score the same per row.
///
/// Source: Ester, Kriegel, Sander & Xu, "A density-based algorithm for discovering clusters", KDD 1996; the radius by
/// Satopaa et al., "Finding a kneedle in a haystack", 2011, or Rousseeuw's silhouette, 1987, times the share of rows in
/// clusters. Scores for new rows are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Dbscan {
    /// The radius of a neighbourhood; unless set, it is chosen from the rows.
    pub eps: Option<Positive>,
    /// Rows within the radius, the row itself counted, that make a region dense. With many columns or much noise twice
    /// the number of columns is a good choice.
    pub min_samples: Count,
    /// How the radius is chosen where none is given.
    pub search: RadiusSearch,
    /// Rows learned from at most, drawn with the seed: a radius that is given should fit that many.
    pub max_samples: Count,
}

impl Default for Dbscan {
    fn default() -> Self {
        Self {
            eps: None,
            min_samples: Count::new(5),
            search: RadiusSearch::Knee,
            max_samples: Count::new(20_000),
        }
    }
}

/// Places on the curve of distances whose radii are tried.
const TRIED_SHARES: [f64; 7] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];
/// Multiples of `min_samples` that are tried.
const TRIED_MULTIPLES: [usize; 3] = [1, 2, 4];

impl Detector for Dbscan {
    const ABOUT: About = About {
        name: "dbscan",
        title: "DBSCAN",
        kind: ModelKind::Row,
        summary: "How far a row lies from the dense regions of the table, in units of the radius that says what dense is.",
        blind_to: "Anomalies that are dense among themselves; regions much less dense than others.",
        cost: "Fit O(n log n) to O(n^2 d); score O(log n) to O(n d) per row; memory O(n d), n at most max_samples.",
        source: "Ester et al. 1996; the radius by Satopaa et al. 2011 or Rousseeuw 1987; scores for new rows are ours.",
        natural_threshold: Some(1.0),
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let taken = sampled(rows, self.max_samples.get(), context.seed);
        let rows = taken.view();
        let index = Neighbours::new(rows);
        let (eps, min_samples) = match self.eps {
            Some(eps) => (eps.get(), self.min_samples.get()),
            None => self.choose(&index, rows, context.seed),
        };
        let is_core = density::core_rows(&index, eps, min_samples);
        let mut cores: Vec<usize> = (0..rows.n_rows()).filter(|&row_idx| is_core[row_idx]).collect();
        if cores.is_empty() {
            // Nothing is dense: every row is as good a place to be near as any.
            cores = (0..rows.n_rows()).collect();
        }
        drop(index);
        let cores = Neighbours::new(taken.take(&cores).view());
        Ok(Model::Row(Arc::new(DbscanModel { cores, eps })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let cores = Neighbours::load(section)?;
        let eps = checked::positives(section, "eps", 1)?[0];
        Ok(Model::Row(Arc::new(DbscanModel { cores, eps })))
    }
}

impl Dbscan {
    /// A radius and how many rows within it make a region dense.
    fn choose(&self, index: &Neighbours, rows: RowsView<'_>, seed: Seed) -> (f64, usize) {
        let min_samples = self.min_samples.get();
        let k = (min_samples - 1).clamp(1, rows.n_rows().saturating_sub(1).max(1));
        let curve = if rows.n_rows() > k { k_distances_in(index, k) } else { Vec::new() };
        let at_knee = knee(&curve).unwrap_or(0);
        // A table of mostly equal rows has a curve of mostly zeros.
        let positive =
            |from: usize| curve[from.min(curve.len())..].iter().copied().find(|&distance| distance > 0.0);
        let by_knee = (positive(at_knee).unwrap_or(1.0), min_samples);
        if self.search == RadiusSearch::Knee {
            return by_knee;
        }
        let radii = TRIED_SHARES.iter().map(|share| (share * curve.len() as f64) as usize).chain([at_knee]);
        let mut radii: Vec<f64> = radii.filter_map(positive).collect();
        radii.sort_unstable_by(f64::total_cmp);
        radii.dedup();
        let multiples: Vec<usize> = TRIED_MULTIPLES.iter().map(|times| times * min_samples).collect();
        let trials = search_in(index, rows, &radii, &multiples, seed);
        let in_clusters = |n_noise: usize| 1.0 - n_noise as f64 / rows.n_rows() as f64;
        let worth =
            trials.iter().filter_map(|trial| Some((trial.silhouette? * in_clusters(trial.n_noise), trial)));
        // The first of equally good ones; a single cluster has no silhouette.
        let best = worth.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map_or(by_knee, |(_, trial)| (trial.eps, trial.min_samples))
    }
}

/// A fitted [`Dbscan`].
#[derive(Debug)]
struct DbscanModel {
    /// The rows of dense regions.
    cores: Neighbours,
    eps: f64,
}

impl RowModel for DbscanModel {
    fn n_features(&self) -> usize {
        self.cores.n_cols()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let points: Vec<f32> = rows.values().iter().map(|&value| self.cores.range().bring(value)).collect();
        let d = rows.n_cols();
        let n_found = self.cores.n_rows().min(2);
        self.cores.nearest(&points, n_found, &mut Room::default(), |at, found| {
            let point = &points[at * d..(at + 1) * d];
            let is_core = self.cores.is_at(point, found[0]);
            let nearest = if is_core { found[n_found - 1] } else { found[0] };
            let score = self.cores.distance(point, nearest.row()) / self.eps;
            // A row of a dense region is never noise, however far the next.
            out[at] = if is_core { score.min(1.0) } else { score };
        });
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.cores.save(section);
        section.f64("eps", &[self.eps]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud() -> Vec<f32> {
        (0..200).map(|at| (at % 100) as f32 / 100.0 + if at < 100 { 0.0 } else { 8.0 }).collect()
    }

    fn score(detector: &Dbscan, training: &[f32], row: f32) -> f64 {
        let model = Detector::fit(detector, RowsView::new(training, 1), &FitContext::default()).unwrap();
        let mut out = [0.0];
        model.score_once(RowsView::new(&[row], 1), &[], &mut out);
        out[0]
    }

    #[test]
    fn the_score_is_the_distance_to_a_dense_region_in_radii() {
        let detector = Dbscan { eps: Some(Positive::new(0.5)), ..Dbscan::default() };
        let got = score(&detector, &cloud(), 4.0);
        assert!((got - 3.01 / 0.5).abs() < 1e-5, "{got}");
        // A training row is measured from its neighbour.
        let got = score(&detector, &cloud(), 0.5);
        assert!((got - 0.01 / 0.5).abs() < 1e-5, "{got}");
    }

    #[test]
    fn a_radius_is_found_both_ways() {
        for search in [RadiusSearch::Knee, RadiusSearch::Silhouette] {
            let detector = Dbscan { search, ..Dbscan::default() };
            assert!(score(&detector, &cloud(), 0.5) < 1.0);
            assert!(score(&detector, &cloud(), 4.0) > 1.0);
        }
    }

    #[test]
    fn rows_without_a_dense_region_are_all_kept() {
        let detector = Dbscan { eps: Some(Positive::new(0.1)), ..Dbscan::default() };
        assert_eq!(score(&detector, &[0.0, 10.0], 10.0), 1.0);
        assert_eq!(score(&detector, &[0.0, 10.0], 11.0), 10.0);
    }
}
