//! One-class support vector machine.

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
    rbf::{GammaRule, KernelPoints, add_weighted, gamma_in},
    sampling::sampled,
    smo::{self, Problem},
    tiles::{LANES, Range, put},
};

/// One-class support vector machine: rows outside of a smooth border around most training rows are anomalous.
///
/// The border is a weighted sum of bells around the rows at and beyond it, the support vectors.
///
/// Score range: any number, the height of the border less the height at the row; above 0 is outside. Input: any numbers
/// on like scales. A missing value counts as a very large one. Blind to: differences between rows that are all far out.
/// Cost: fit `O(n^2 d)`, score `O(d * support vectors)` per row, which are at least the share `nu` of the training rows.
///
/// Source: Schölkopf, Platt, Shawe-Taylor, Smola & Williamson, "Estimating the support of a high-dimensional
/// distribution", 2001; solved as in Fan, Chen & Lin 2005 (LIBSVM), without shrinking. Ours learns from a sample of
/// large tables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OneClassSvm {
    /// Share of the training rows that may lie outside, at most.
    pub nu: Fraction,
    /// How narrow the bells are; unless set, `gamma_rule` says.
    pub gamma: Option<Positive>,
    /// How narrow the bells are where that is not given.
    pub gamma_rule: GammaRule,
    /// Rounds end when the conditions of the optimum are met to within this.
    pub tol: Positive,
    /// Rows learned from at most, drawn with the seed.
    pub max_samples: Count,
}

impl Default for OneClassSvm {
    fn default() -> Self {
        Self {
            nu: Fraction::new(0.1),
            gamma: None,
            gamma_rule: GammaRule::Scale,
            tol: Positive::new(1e-3),
            max_samples: Count::new(10_000),
        }
    }
}

/// Bytes for rows of the kernel while fitting.
const CACHE_BYTES: usize = 128 << 20;

impl Detector for OneClassSvm {
    const ABOUT: About = About {
        name: "one_class_svm",
        title: "One-class support vector machine",
        kind: ModelKind::Row,
        summary: "Draws a smooth border around most training rows; how far outside of it a row lies.",
        blind_to: "Differences between rows that are all far out.",
        cost: "Fit O(n^2 d), n at most max_samples; score O(d * support vectors) per row; memory O(n d) and 128 MiB.",
        source: "Schölkopf et al. 2001; solved as in Fan, Chen & Lin 2005, without shrinking; a sample of large tables.",
        natural_threshold: Some(0.0),
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let sample = sampled(rows, self.max_samples.get(), context.seed);
        let rows = sample.view();
        let (n, d) = (rows.n_rows(), rows.n_cols());
        let range = Range::of(rows);
        let gamma = gamma_in(range, self.gamma.map_or_else(|| self.gamma_rule.gamma(rows), Positive::get));
        let points = rows.values().iter().map(|&value| range.bring(value)).collect();
        let kernel = KernelPoints::new(points, d, gamma);
        // To begin with, the first rows bear all the weight there is.
        let whole = self.nu.get() * n as f64;
        let start: Vec<f64> = (0..n).map(|at| (whole - at as f64).clamp(0.0, 1.0)).collect();
        let problem = Problem {
            linear: &vec![0.0; n],
            low: &vec![0.0; n],
            high: &vec![1.0; n],
            start: &start,
            tolerance: self.tol.get(),
            cache_bytes: CACHE_BYTES,
        };
        let found = smo::solve(&problem, &kernel);
        let support: Vec<usize> = (0..n).filter(|&at| found.weights[at] > 0.0).collect();
        Ok(Model::Row(Arc::new(OneClassModel {
            n_features: d,
            range,
            gamma,
            points: support.iter().flat_map(|&at| kernel.point(at)).copied().collect(),
            weights: support.iter().map(|&at| found.weights[at]).collect(),
            bias: found.bias,
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let range = checked::range(section, n_features)?;
        let points = checked::points(section, "support", n_features, range)?;
        let weights = checked::floats(section, "weights", points.len() / n_features)?;
        let bias = checked::floats(section, "bias", 1)?[0];
        if !weights.iter().chain([&bias]).all(|value| value.abs() < 1e12) {
            return Err(LoadError::content("weights", "or bias are out of range"));
        }
        let gamma = checked::gamma(section)?;
        Ok(Model::Row(Arc::new(OneClassModel { n_features, range, gamma, points, weights, bias })))
    }
}

/// A fitted [`OneClassSvm`].
#[derive(Debug)]
struct OneClassModel {
    n_features: usize,
    range: Range,
    gamma: f32,
    /// The support vectors, within the range.
    points: Vec<f32>,
    weights: Vec<f64>,
    bias: f64,
}

impl RowModel for OneClassModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let d = self.n_features;
        let mut tile = vec![0.0; d * LANES];
        for (values, out) in rows.values().chunks(LANES * d).zip(out.chunks_mut(LANES)) {
            values.chunks_exact(d).enumerate().for_each(|(lane, row)| put(&mut tile, lane, row, self.range));
            let mut sums = [[0.0; LANES]];
            add_weighted(&tile, &self.points, &self.weights, &[0], self.gamma, &mut sums);
            out.iter_mut().zip(&sums[0]).for_each(|(score, sum)| *score = -(sum + self.bias));
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.f32("scale", &[self.range.scale]);
        section.f32("gamma", &[self.gamma]);
        section.f32("support", &self.points);
        section.f64("weights", &self.weights);
        section.f64("bias", &[self.bias]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_the_share_nu_of_the_training_rows_is_outside() {
        let mut rng = crate::stream::stream(eddy_detect::Seed::default(), 0);
        let training: Vec<f32> = (0..1000).map(|_| crate::stream::normal(&mut rng) as f32).collect();
        let rows = RowsView::new(&training, 2);
        let model = Detector::fit(&OneClassSvm::default(), rows, &FitContext::default()).unwrap();
        let mut out = vec![0.0; 500];
        model.score_once(rows, &[], &mut out);
        let n_outside = out.iter().filter(|&&score| score > 1e-2).count();
        assert!((30..=50).contains(&n_outside), "{n_outside}");
        let mut far = [0.0];
        model.score_once(RowsView::new(&[9.0, 9.0], 2), &[], &mut far);
        assert!(far[0] > out.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
}
