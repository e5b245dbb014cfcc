//! Gaussian mixture.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, FitStep, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::{Rows, RowsView};
use nalgebra::{Cholesky, DMatrix};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use eddy_detect::wide;

use crate::{
    checked,
    columns::finite,
    kmeans::{self, Search},
    moments::{self, Weights},
    sampling::sampled,
    tiles::{LANES, Range},
};

/// Shape of the spread of each component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CovarianceKind {
    /// Any: columns may go together.
    #[default]
    Full,
    /// Columns are taken to be independent within a component.
    Diagonal,
}

/// Gaussian mixture: rows that are unlikely under a sum of bell-shaped clouds are anomalous.
///
/// Columns are brought to deviation 1. Clouds start at the clusters of k-means; then the share of each cloud in each
/// row and the clouds made of these shares are computed in turn (expectation maximisation).
///
/// Score range: any number, the negative logarithm of the density of the row. Input: any numbers; works best on columns
/// that are symmetric. A missing value counts as a very large one. Blind to: anomalies that are so many and so alike
/// that they make up a cloud. Cost: fit `O(n d^2 components)` a round, score `O(d^2 components)` per row (`d` instead of
/// its square for `diagonal`); at most 2,048 columns.
///
/// Source: Dempster, Laird & Rubin, "Maximum likelihood from incomplete data via the EM algorithm", 1977; start and stop
/// as in scikit-learn. Ours scales the columns first, so that `reg_covar` means the same for all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianMixture {
    /// Number of clouds.
    pub n_components: Count,
    /// Shape of their spread.
    pub covariance: CovarianceKind,
    /// Added to the variance of each column, in units of its whole variance.
    pub reg_covar: Positive,
    /// Rounds at most.
    pub max_iter: Count,
    /// Rounds end when the mean logarithm of the density grows by less than this.
    pub tol: Positive,
    /// Rows learned from at most, drawn with the seed.
    pub max_samples: Count,
}

impl Default for GaussianMixture {
    fn default() -> Self {
        Self {
            n_components: Count::new(4),
            covariance: CovarianceKind::Full,
            reg_covar: Positive::new(1e-6),
            max_iter: Count::new(100),
            tol: Positive::new(1e-3),
            max_samples: Count::new(20_000),
        }
    }
}

/// Most columns: beyond, the matrices alone take many megabytes each.
const MOST_COLS: usize = 2048;
/// Most clouds.
const MOST_COMPONENTS: usize = 1 << 16;
/// A value this many deviations out is as far as any.
const FARTHEST: f64 = 1e30;
/// Matrices with larger numbers have no spread to speak of in some direction; a ridge is added.
const MOST_WHITENING: f64 = 1e9;
/// Rows whose shares are computed by one thread at a time.
const CHUNK_ROWS: usize = 8 * LANES;

impl Detector for GaussianMixture {
    const ABOUT: About = About {
        name: "gaussian_mixture",
        title: "Gaussian mixture",
        kind: ModelKind::Row,
        summary: "How unlikely a row is under a sum of bell-shaped clouds.",
        blind_to: "Anomalies that are so many and so alike that they make up a cloud of their own.",
        cost: "Fit O(n d^2 components) a round; score O(d^2 components) per row; memory O(d^2 components + n components).",
        source: "Dempster et al. 1977; start and stop as in scikit-learn; columns are scaled first.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let d = rows.n_cols();
        if d > MOST_COLS {
            return Err(FitError::Data(format!(
                "gaussian_mixture takes at most {MOST_COLS} columns and there are {d}; put the step pca before it"
            )));
        }
        let sample = sampled(rows, self.max_samples.get(), context.seed);
        let (center, scale) = spread(sample.view());
        let standard =
            |row: &[f32]| standardised(row, &center, &scale).map(|value| value as f32).collect::<Vec<_>>();
        let rows = Rows::new(sample.view().iter().flat_map(standard).collect(), d);
        drop(sample);
        let rows = rows.view();
        let mut shares = self.start(rows, context);
        let n_components = shares.len() / rows.n_rows();
        let mut components = self.components(rows, &shares, n_components)?;
        let mut last = f64::NEG_INFINITY;
        let most = self.max_iter.get();
        for done in 1..=most {
            let mean = expect(rows, &components, d, &mut shares);
            components = self.components(rows, &shares, n_components)?;
            context.report(&FitStep { done, of: most, what: "round", loss: -mean, held_out_loss: None });
            if (mean - last).abs() < self.tol.get() {
                break;
            }
            last = mean;
        }
        Ok(Model::Row(Arc::new(MixtureModel { center, scale, components })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let d = checked::n_features(section)?;
        if d > MOST_COLS {
            return Err(LoadError::content("n_features", "is more than this model takes"));
        }
        let center = checked::f32_range(section, "center", d)?;
        let scale = checked::positives(section, "scale", d)?;
        let kind: CovarianceKind = section.value("covariance")?;
        let n_components = section.f64("heights")?.len();
        if !(1..=MOST_COMPONENTS).contains(&n_components) {
            return Err(LoadError::content("heights", "are none or too many"));
        }
        let n_whitening = n_whitening(kind, d);
        let heights = checked::floats(section, "heights", n_components)?;
        let means = checked::floats(section, "means", n_components * d)?;
        let whitening = checked::floats(section, "whitening", n_components * n_whitening)?;
        let fits = |values: &[f64], most: f64| values.iter().all(|value| value.abs() <= most);
        if !fits(&heights, 1e12) || !fits(&means, 2.0 * FARTHEST) || !fits(&whitening, MOST_WHITENING) {
            return Err(LoadError::content("heights", "or means or whitening are out of range"));
        }
        let parts = heights.into_iter().zip(means.chunks_exact(d)).zip(whitening.chunks_exact(n_whitening));
        let component = |((height, mean), whitening): ((f64, &[f64]), &[f64])| Component {
            height,
            mean: mean.to_vec(),
            whitening: whitening.to_vec(),
        };
        Ok(Model::Row(Arc::new(MixtureModel { center, scale, components: parts.map(component).collect() })))
    }

    fn check(&self) -> Result<(), String> {
        if self.n_components.get() > MOST_COMPONENTS {
            return Err(format!("n_components: {} is more than {MOST_COMPONENTS}", self.n_components.get()));
        }
        Ok(())
    }
}

/// Numbers that turn offsets from a mean into independent ones of deviation 1.
fn n_whitening(kind: CovarianceKind, d: usize) -> usize {
    if kind == CovarianceKind::Full { d * (d + 1) / 2 } else { d }
}

/// Mean and deviation of each column; a constant column stays at its own unit.
fn spread(rows: RowsView<'_>) -> (Vec<f64>, Vec<f64>) {
    let n = rows.n_rows() as f64;
    let center: Vec<f64> = moments::sums(rows, Weights::EQUAL).into_iter().map(|sum| sum / n).collect();
    let squares = moments::squares(rows, &center, Weights::EQUAL);
    let deviation = |(square, center): (f64, &f64)| {
        let deviation = (square / n).sqrt();
        if deviation > center.abs() * 1e-9 && deviation > 1e-30 { deviation } else { center.abs().max(1.0) }
    };
    let scale = squares.into_iter().zip(&center).map(deviation).collect();
    (center, scale)
}

fn standardised<'a>(row: &'a [f32], center: &'a [f64], scale: &'a [f64]) -> impl Iterator<Item = f64> {
    let standard = |((&value, center), scale): ((&f32, &f64), &f64)| {
        ((f64::from(finite(value)) - center) / scale).clamp(-FARTHEST, FARTHEST)
    };
    row.iter().zip(center).zip(scale).map(standard)
}

/// One cloud.
#[derive(Debug)]
struct Component {
    /// Logarithm of the density at the mean, the weight of the cloud included, without the constant of all clouds.
    height: f64,
    mean: Vec<f64>,
    /// The inverse of the Cholesky factor of the covariance, its lower triangle row after row; or one through each
    /// deviation.
    whitening: Vec<f64>,
}

impl GaussianMixture {
    /// Each row belongs to the cluster that k-means puts it into.
    fn start(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Vec<f64> {
        let how = Search { n_clusters: self.n_components.get(), n_init: 1, max_iter: 300, tol: 1e-4 };
        let clusters = kmeans::search(rows, Range::of(rows), &how, context.seed);
        let n_components = clusters.counts.len();
        let mut shares = vec![0.0; rows.n_rows() * n_components];
        for (shares, &label) in shares.chunks_exact_mut(n_components).zip(&clusters.labels) {
            shares[label as usize] = 1.0;
        }
        shares
    }

    /// The clouds made of the shares that each row has in them.
    fn components(
        &self,
        rows: RowsView<'_>,
        shares: &[f64],
        n_components: usize,
    ) -> Result<Vec<Component>, FitError> {
        let d = rows.n_cols();
        let component = |which: usize| {
            let weights = Weights { values: Some(shares), stride: n_components, which };
            // A cloud that has lost all its rows keeps a trace, so that nothing is divided by zero.
            let weight = shares.iter().skip(which).step_by(n_components).sum::<f64>() + 10.0 * f64::EPSILON;
            let mean: Vec<f64> = moments::sums(rows, weights).into_iter().map(|sum| sum / weight).collect();
            let (whitening, log_det) = match self.covariance {
                CovarianceKind::Full => {
                    let products = moments::products(rows, &mean, weights);
                    whiten(&products, d, weight, self.reg_covar.get())?
                }
                CovarianceKind::Diagonal => {
                    let squares = moments::squares(rows, &mean, weights);
                    let inverse = |square: f64| {
                        (1.0 / (square / weight + self.reg_covar.get()).sqrt()).min(MOST_WHITENING)
                    };
                    let whitening: Vec<f64> = squares.into_iter().map(inverse).collect();
                    let log_det = whitening.iter().map(|value| value.max(f64::MIN_POSITIVE).ln()).sum();
                    (whitening, log_det)
                }
            };
            let height = (weight / rows.n_rows() as f64).ln() + log_det;
            Ok(Component { height, mean, whitening })
        };
        (0..n_components).map(component).collect()
    }
}

/// The inverse of the Cholesky factor of a covariance, and the logarithm of its determinant.
fn whiten(products: &[f64], d: usize, weight: f64, ridge: f64) -> Result<(Vec<f64>, f64), FitError> {
    let mut ridge = ridge;
    // A covariance without spread in some direction, rounding included, is given a little more.
    while ridge < 1e60 {
        let mut matrix = DMatrix::<f64>::zeros(d, d);
        let mut products = products.iter();
        for i in 0..d {
            for j in 0..=i {
                matrix[(i, j)] = products.next().map_or(0.0, |product| product / weight);
            }
            matrix[(i, i)] += ridge;
        }
        let inverse = Cholesky::new(matrix)
            .and_then(|cholesky| cholesky.l_dirty().solve_lower_triangular(&DMatrix::identity(d, d)));
        if let Some(inverse) = inverse {
            let whitening: Vec<f64> =
                (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|at| inverse[at]).collect();
            if whitening.iter().all(|value| value.abs() <= MOST_WHITENING) {
                let log_det = (0..d).map(|i| inverse[(i, i)].max(f64::MIN_POSITIVE).ln()).sum();
                return Ok((whitening, log_det));
            }
        }
        ridge *= 10.0;
    }
    Err(FitError::Data("the columns have no spread that could be inverted; raise reg_covar".into()))
}

/// Computes the share of each cloud in each row; the mean logarithm of the density.
fn expect(rows: RowsView<'_>, components: &[Component], d: usize, shares: &mut [f64]) -> f64 {
    let k = components.len();
    let constant = d as f64 / 2.0 * std::f64::consts::TAU.ln();
    let of_chunk = |(values, shares): (&[f32], &mut [f64])| {
        let mut tile = vec![0.0; d * LANES];
        let mut logs = vec![0.0; k * LANES];
        let mut sum = 0.0;
        for (values, shares) in values.chunks(LANES * d).zip(shares.chunks_mut(LANES * k)) {
            for (lane, row) in values.chunks_exact(d).enumerate() {
                tile.chunks_exact_mut(LANES)
                    .zip(row)
                    .for_each(|(column, &value)| column[lane] = f64::from(value));
            }
            log_densities(&tile, components, &mut logs);
            for (lane, shares) in shares.chunks_exact_mut(k).enumerate() {
                let total = log_sum(&logs, lane);
                shares
                    .iter_mut()
                    .zip(logs.chunks_exact(LANES))
                    .for_each(|(share, logs)| *share = (logs[lane] - total).exp());
                sum += total - constant;
            }
        }
        sum
    };
    let chunks = rows.values().par_chunks(CHUNK_ROWS * d).zip(shares.par_chunks_mut(CHUNK_ROWS * k));
    let sums: Vec<f64> = chunks.map(of_chunk).collect();
    sums.iter().sum::<f64>() / rows.n_rows() as f64
}

/// The logarithm of the sum of what the logarithms of one lane stand for.
fn log_sum(logs: &[f64], lane: usize) -> f64 {
    let of_lane = || logs.chunks_exact(LANES).map(|logs| logs[lane]);
    let most = of_lane().fold(f64::MIN, f64::max);
    most + of_lane().map(|log| (log - most).exp()).sum::<f64>().ln()
}

wide! {
    /// The logarithm of the density of each cloud at each row of a tile, without the constant of all clouds.
    fn log_densities(tile: &[f64], components: &[Component], logs: &mut [f64]) {
        let d = tile.len() / LANES;
        let mut offsets = vec![[0.0f64; LANES]; d];
        for (component, logs) in components.iter().zip(logs.chunks_exact_mut(LANES)) {
            for ((offsets, column), &mean) in offsets.iter_mut().zip(tile.chunks_exact(LANES)).zip(&component.mean) {
                offsets.iter_mut().zip(column).for_each(|(offset, value)| *offset = value - mean);
            }
            let mut squares = [0.0f64; LANES];
            let is_full = component.whitening.len() > d || d == 1;
            let mut rest = component.whitening.as_slice();
            for i in 0..d {
                let n_weights = if is_full { i + 1 } else { 1 };
                let (weights, others) = rest.split_at(n_weights);
                rest = others;
                let against = if is_full { &offsets[..=i] } else { &offsets[i..=i] };
                for half in 0..LANES / 16 {
                    let mut sums = [0.0f64; 16];
                    for (&weight, offsets) in weights.iter().zip(against) {
                        for lane in 0..16 {
                            sums[lane] += weight * offsets[half * 16 + lane];
                        }
                    }
                    for lane in 0..16 {
                        squares[half * 16 + lane] += sums[lane] * sums[lane];
                    }
                }
            }
            for (log, square) in logs.iter_mut().zip(&squares) {
                *log = component.height - 0.5 * square;
            }
        }
    }
}

/// A fitted [`GaussianMixture`].
#[derive(Debug)]
struct MixtureModel {
    center: Vec<f64>,
    scale: Vec<f64>,
    components: Vec<Component>,
}

impl RowModel for MixtureModel {
    fn n_features(&self) -> usize {
        self.center.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let d = self.center.len();
        let log_scales: f64 = self.scale.iter().map(|scale| scale.ln()).sum();
        let constant = d as f64 / 2.0 * std::f64::consts::TAU.ln() + log_scales;
        let mut tile = vec![0.0; d * LANES];
        let mut logs = vec![0.0; self.components.len() * LANES];
        for (values, out) in rows.values().chunks(LANES * d).zip(out.chunks_mut(LANES)) {
            for (lane, row) in values.chunks_exact(d).enumerate() {
                let standard = standardised(row, &self.center, &self.scale);
                tile.chunks_exact_mut(LANES).zip(standard).for_each(|(column, value)| column[lane] = value);
            }
            log_densities(&tile, &self.components, &mut logs);
            out.iter_mut().enumerate().for_each(|(lane, score)| *score = constant - log_sum(&logs, lane));
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        let d = self.center.len();
        let is_full = self.components.iter().all(|component| component.whitening.len() > d || d == 1);
        section.value("n_features", &d);
        section.value("covariance", &if is_full { CovarianceKind::Full } else { CovarianceKind::Diagonal });
        section.f64("center", &self.center);
        section.f64("scale", &self.scale);
        section.f64("heights", &self.components.iter().map(|component| component.height).collect::<Vec<_>>());
        section.f64(
            "means",
            &self.components.iter().flat_map(|component| component.mean.clone()).collect::<Vec<_>>(),
        );
        let whitening: Vec<f64> =
            self.components.iter().flat_map(|component| component.whitening.clone()).collect();
        section.f64("whitening", &whitening);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{normal, stream};

    fn fitted(detector: &GaussianMixture, training: &[f32], d: usize, rows: &[f32]) -> Vec<f64> {
        let model = Detector::fit(detector, RowsView::new(training, d), &FitContext::default()).unwrap();
        let mut out = vec![0.0; rows.len() / d];
        model.score_once(RowsView::new(rows, d), &[], &mut out);
        out
    }

    #[test]
    fn one_cloud_gives_the_density_of_the_formula() {
        // Deviations 1 and 2, no correlation.
        let training: Vec<f32> =
            [(-1.0, -2.0), (-1.0, 2.0), (1.0, -2.0), (1.0, 2.0)].iter().flat_map(|&(a, b)| [a, b]).collect();
        for covariance in [CovarianceKind::Full, CovarianceKind::Diagonal] {
            let one =
                GaussianMixture { n_components: Count::new(1), covariance, ..GaussianMixture::default() };
            let got = fitted(&one, &training, 2, &[3.0, 4.0]);
            let expect = std::f64::consts::TAU.ln() + 2.0f64.ln() + 6.5;
            assert!((got[0] - expect).abs() < 1e-4, "{got:?} {expect}");
        }
    }

    #[test]
    fn a_row_between_two_clouds_is_unlikely() {
        let mut rng = stream(eddy_detect::Seed::default(), 0);
        let training: Vec<f32> =
            (0..2000).map(|at| normal(&mut rng) as f32 + (at / 2 % 2 * 20) as f32).collect();
        let two = GaussianMixture { n_components: Count::new(2), ..GaussianMixture::default() };
        let got = fitted(&two, &training, 2, &[10.0, 10.0, 0.0, 0.0, 20.0, 20.0]);
        assert!(got[0] > 50.0 && got[1] < 5.0 && got[2] < 5.0, "{got:?}");
    }
}
