//! K-means.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    kmeans::{self, Search, nearest_two},
    tiles::{LANES, Range, put},
};

/// K-means: rows far from the centres of the clusters that ordinary rows form are anomalous.
///
/// The rows are parted into clusters around means. Clusters with few rows are likely to be made of the anomalies among
/// the training rows: they count as none, so that their rows are measured from the nearest large cluster.
///
/// Score range: 0 upwards, a distance in the units of the columns. Input: any numbers on like scales. A missing value
/// counts as a very large one. Blind to: odd rows between or within clusters; clusters of unlike width, of which the
/// widest look odd. Cost: fit `O(n d clusters)` a round, score `O(d clusters)` per row.
///
/// Source: Lloyd, "Least squares quantization in PCM", 1982; seeds as in Arthur & Vassilvitskii, "k-means++", SODA 2007,
/// the best of a few draws each as in scikit-learn; bounds of Hamerly, "Making k-means even faster", SDM 2010; small
/// clusters as in He, Xu & Deng, "Discovering cluster-based local outliers", 2003, but with a least share of the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KMeans {
    /// Number of clusters.
    pub n_clusters: Count,
    /// Times that clusters are searched from new seeds; the tightest are kept.
    pub n_init: Count,
    /// Rounds at most.
    pub max_iter: Count,
    /// Rounds end when the centres together move less than this, squared, in units of the columns' mean variance.
    pub tol: Positive,
    /// Clusters with a smaller share of the training rows count as none. The largest always counts.
    pub min_share: Fraction,
}

impl Default for KMeans {
    fn default() -> Self {
        Self {
            n_clusters: Count::new(8),
            n_init: Count::new(1),
            max_iter: Count::new(300),
            tol: Positive::new(1e-4),
            min_share: Fraction::new(0.03),
        }
    }
}

/// Most clusters: their numbers fit 16 bits.
const MOST_CLUSTERS: usize = 1 << 16;

impl Detector for KMeans {
    const ABOUT: About = About {
        name: "k_means",
        title: "K-means",
        kind: ModelKind::Row,
        summary: "Parts the rows into clusters around means; how far a row lies from the nearest large one.",
        blind_to: "Odd rows between or within clusters; clusters of unlike width, of which the widest look odd.",
        cost: "Fit O(n d clusters) a round; score O(d clusters) per row; memory 12 bytes per row while fitting.",
        source: "Lloyd 1982; seeds of Arthur & Vassilvitskii 2007; bounds of Hamerly 2010; small clusters as in He et al. 2003.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let range = Range::of(rows);
        let how = Search {
            n_clusters: self.n_clusters.get(),
            n_init: self.n_init.get(),
            max_iter: self.max_iter.get(),
            tol: self.tol.get(),
        };
        let clusters = kmeans::search(rows, range, &how, context.seed);
        let d = rows.n_cols();
        let most = clusters.counts.iter().copied().max().unwrap_or(0);
        let least = ((rows.n_rows() as f64 * self.min_share.get()) as usize).clamp(1, most.max(1));
        let large = clusters
            .counts
            .iter()
            .zip(clusters.centers.chunks_exact(d))
            .filter(|(count, _)| **count >= least);
        let centers = large.flat_map(|(_, center)| center.iter().copied()).collect();
        Ok(Model::Row(Arc::new(KMeansModel { n_features: d, range, centers })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let range = checked::range(section, n_features)?;
        let centers = checked::points(section, "centers", n_features, range)?;
        if !(1..=MOST_CLUSTERS).contains(&(centers.len() / n_features)) {
            return Err(LoadError::content("centers", "are too few or too many"));
        }
        Ok(Model::Row(Arc::new(KMeansModel { n_features, range, centers })))
    }

    fn check(&self) -> Result<(), String> {
        if self.n_clusters.get() > MOST_CLUSTERS {
            return Err(format!("n_clusters: {} is more than {MOST_CLUSTERS}", self.n_clusters.get()));
        }
        Ok(())
    }
}

/// A fitted [`KMeans`].
#[derive(Debug)]
struct KMeansModel {
    n_features: usize,
    range: Range,
    /// Centres of the large clusters, within the range.
    centers: Vec<f32>,
}

impl RowModel for KMeansModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let d = self.n_features;
        let mut tile = vec![0.0; d * LANES];
        let (mut labels, mut first, mut second) = ([0; LANES], [0.0; LANES], [0.0; LANES]);
        for (values, out) in rows.values().chunks(LANES * d).zip(out.chunks_mut(LANES)) {
            values.chunks_exact(d).enumerate().for_each(|(lane, row)| put(&mut tile, lane, row, self.range));
            nearest_two(&tile, &self.centers, &mut labels, &mut first, &mut second);
            for (lane, score) in out.iter_mut().enumerate() {
                let center = &self.centers[labels[lane] as usize * d..];
                let square: f64 = tile
                    .chunks_exact(LANES)
                    .zip(center)
                    .map(|(column, &center)| (f64::from(column[lane]) - f64::from(center)).powi(2))
                    .sum();
                *score = square.sqrt() / f64::from(self.range.scale);
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.f32("scale", &[self.range.scale]);
        section.f32("centers", &self.centers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_distance_to_the_nearest_center() {
        let values: Vec<f32> = (0..40).flat_map(|at| [(at % 2 * 10) as f32, (at / 2 % 2) as f32]).collect();
        let detector = KMeans { n_clusters: Count::new(2), ..KMeans::default() };
        let model = Detector::fit(&detector, RowsView::new(&values, 2), &FitContext::default()).unwrap();
        let mut out = [0.0; 2];
        model.score_once(RowsView::new(&[13.0, 4.5, 0.0, 0.5], 2), &[], &mut out);
        assert!((out[0] - 5.0).abs() < 1e-6 && out[1].abs() < 1e-6, "{out:?}");
    }

    #[test]
    fn a_small_cluster_does_not_make_its_rows_ordinary() {
        let mut values: Vec<f32> = (0..100).map(|at| (at % 10) as f32 / 10.0).collect();
        values.extend([50.0, 50.1]);
        let fit = |min_share| {
            let detector = KMeans {
                n_clusters: Count::new(2),
                min_share: Fraction::new(min_share),
                ..KMeans::default()
            };
            let model = Detector::fit(&detector, RowsView::new(&values, 1), &FitContext::default()).unwrap();
            let mut out = [0.0];
            model.score_once(RowsView::new(&[50.0], 1), &[], &mut out);
            out[0]
        };
        assert!(fit(0.03) > 40.0);
        assert!(fit(0.01) < 1.0);
    }
}
