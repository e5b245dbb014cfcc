//! Mahalanobis distance.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use nalgebra::DMatrix;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{checked, columns::finite};

/// Mahalanobis distance: rows far from the centre, measured in the spread that the columns have together, are
/// anomalous.
///
/// Columns are brought to deviation 1; the distance is taken in their correlation matrix, to whose diagonal a ridge is
/// added. Rows that may hold anomalies are trimmed: centre and spread are those of the nearest rows, found anew three
/// times. Rows that are all labelled normal are taken as they are.
///
/// Score range: 0 upwards; about the root of the number of columns for ordinary rows. Input: any numbers; works best on
/// columns that are symmetric. A missing value counts as a very large one. Blind to: several clusters of ordinary rows
/// of which small ones look far away. Cost: fit `O(n d^2 + d^3)`, score `O(d^2)` per row; at most 4,096 columns.
///
/// Source: Mahalanobis, "On the generalised distance in statistics", 1936; trimming as the concentration steps of
/// Rousseeuw & Van Driessen, "A fast algorithm for the minimum covariance determinant estimator", Technometrics 1999,
/// from the whole table as the only start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mahalanobis {
    /// Share of the rows that centre and spread are learned from, where rows may hold anomalies.
    pub kept: Fraction,
    /// Added to the diagonal of the correlation matrix.
    pub ridge: Positive,
}

impl Default for Mahalanobis {
    fn default() -> Self {
        Self { kept: Fraction::new(0.9), ridge: Positive::new(1e-3) }
    }
}

/// Most columns: beyond, the matrix alone takes 128 MiB.
const MOST_COLS: usize = 4096;
/// Rows learned from at most, evenly spread.
const MOST_ROWS: usize = 1 << 18;
/// Times that the nearest rows are found anew.
const ROUNDS: usize = 3;
/// Parts that sums are made of, whatever the number of threads.
const PARTS: usize = 16;
/// A value this many deviations out is as far as any.
const FARTHEST: f64 = 1e30;

impl Detector for Mahalanobis {
    const ABOUT: About = About {
        name: "mahalanobis",
        title: "Mahalanobis distance",
        kind: ModelKind::Row,
        summary: "How far a row lies from the centre, measured in the spread that the columns have together.",
        blind_to: "Several clusters of ordinary rows: small ones look far away.",
        cost: "Fit O(n d^2 + d^3); score O(d^2) per row; memory O(d^2).",
        source: "Mahalanobis 1936; trimmed as in Rousseeuw & Van Driessen 1999, from one start.",
        natural_threshold: None,
    };

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let n_cols = rows.n_cols();
        if n_cols > MOST_COLS {
            return Err(FitError::Data(format!(
                "mahalanobis takes at most {MOST_COLS} columns and there are {n_cols}; put the step pca before it"
            )));
        }
        let stride = rows.n_rows().div_ceil(MOST_ROWS);
        let all: Vec<usize> = (0..rows.n_rows()).step_by(stride).collect();
        let mut model = MahalanobisModel::learn(rows, &all, self.ridge.get())?;
        let all_normal = context.labels.is_some_and(|is_attack| !is_attack.iter().any(|&attack| attack));
        let n_kept = ((all.len() as f64 * self.kept.get()) as usize).max(1);
        if !all_normal && n_kept < all.len() {
            for _ in 0..ROUNDS {
                let distance = |&row: &usize| (model.distance(rows.row(row), &mut vec![0.0; n_cols]), row);
                let mut distances: Vec<(f64, usize)> = all.par_iter().map(distance).collect();
                distances.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let mut nearest: Vec<usize> = distances[..n_kept].iter().map(|(_, row)| *row).collect();
                nearest.sort_unstable();
                model = MahalanobisModel::learn(rows, &nearest, self.ridge.get())?;
            }
        }
        Ok(Model::Row(Arc::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        if n_features > MOST_COLS {
            return Err(LoadError::content("n_features", "is more than this model takes"));
        }
        let center = checked::f32_range(section, "center", n_features)?;
        let scale = checked::positives(section, "scale", n_features)?;
        let whitening = checked::floats(section, "whitening", n_features * (n_features + 1) / 2)?;
        if !whitening.iter().all(|value| value.abs() < 1e12) {
            return Err(LoadError::content("whitening", "is out of range"));
        }
        Ok(Model::Row(Arc::new(MahalanobisModel { center, scale, whitening })))
    }
}

/// A fitted [`Mahalanobis`].
#[derive(Debug)]
struct MahalanobisModel {
    center: Vec<f64>,
    scale: Vec<f64>,
    /// The inverse of the Cholesky factor of the correlation matrix: its lower triangle, row after row.
    whitening: Vec<f64>,
}

impl MahalanobisModel {
    fn learn(rows: RowsView<'_>, row_idxs: &[usize], ridge: f64) -> Result<Self, FitError> {
        let d = rows.n_cols();
        let n = row_idxs.len() as f64;
        let part_len = row_idxs.len().div_ceil(PARTS).max(1);
        let sum_up = |of_row: &(dyn Fn(&[f32], &mut [f64]) + Sync), len: usize| {
            let parts: Vec<Vec<f64>> = row_idxs
                .par_chunks(part_len)
                .map(|part| {
                    let mut sum = vec![0.0; len];
                    part.iter().for_each(|&row| of_row(rows.row(row), &mut sum));
                    sum
                })
                .collect();
            parts.into_iter().fold(vec![0.0; len], |mut whole, part| {
                whole.iter_mut().zip(part).for_each(|(whole, part)| *whole += part);
                whole
            })
        };
        let center: Vec<f64> = sum_up(&|row, sum| {
            sum.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(finite(value)));
        }, d)
        .into_iter()
        .map(|sum| sum / n)
        .collect();
        let squares = sum_up(
            &|row, sum| {
                for ((sum, &value), center) in sum.iter_mut().zip(row).zip(&center) {
                    *sum += (f64::from(finite(value)) - center).powi(2);
                }
            },
            d,
        );
        // A constant column stays at its own unit.
        let deviation = |(square, center): (f64, &f64)| {
            let deviation = (square / n).sqrt();
            if deviation > center.abs() * 1e-9 && deviation > 1e-30 { deviation } else { center.abs().max(1.0) }
        };
        let scale: Vec<f64> = squares.into_iter().zip(&center).map(deviation).collect();
        let products = sum_up(
            &|row, sum| {
                let mut u = vec![0.0; d];
                for (((u, &value), center), scale) in u.iter_mut().zip(row).zip(&center).zip(&scale) {
                    *u = (f64::from(finite(value)) - center) / scale;
                }
                let mut at = 0;
                for i in 0..d {
                    for &other in &u[..=i] {
                        sum[at] += u[i] * other;
                        at += 1;
                    }
                }
            },
            d * (d + 1) / 2,
        );
        let mut matrix = DMatrix::<f64>::zeros(d, d);
        let mut at = 0;
        for i in 0..d {
            for j in 0..=i {
                let value = products[at] / n + if i == j { ridge } else { 0.0 };
                matrix[(i, j)] = value;
                matrix[(j, i)] = value;
                at += 1;
            }
        }
        let refuse = || FitError::Data("the columns have no spread that could be inverted; raise the ridge".into());
        let cholesky = nalgebra::Cholesky::new(matrix).ok_or_else(refuse)?;
        let inverse = cholesky.l().try_inverse().ok_or_else(refuse)?;
        let whitening = (0..d).flat_map(|i| (0..=i).map(move |j| (i, j))).map(|at| inverse[at]).collect();
        Ok(Self { center, scale, whitening })
    }

    /// `room` is as long as a row.
    fn distance(&self, row: &[f32], room: &mut [f64]) -> f64 {
        for (((u, &value), center), scale) in room.iter_mut().zip(row).zip(&self.center).zip(&self.scale) {
            *u = ((f64::from(finite(value)) - center) / scale).clamp(-FARTHEST, FARTHEST);
        }
        let mut rest = self.whitening.as_slice();
        let mut square = 0.0;
        for i in 0..room.len() {
            let (weights, others) = rest.split_at(i + 1);
            let part: f64 = weights.iter().zip(&*room).map(|(weight, u)| weight * u).sum();
            square += part * part;
            rest = others;
        }
        square.sqrt()
    }
}

impl RowModel for MahalanobisModel {
    fn n_features(&self) -> usize {
        self.center.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let mut room = vec![0.0; self.center.len()];
        for (row, score) in rows.iter().zip(out) {
            *score = self.distance(row, &mut room);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.center.len());
        section.f64("center", &self.center);
        section.f64("scale", &self.scale);
        section.f64("whitening", &self.whitening);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_against_the_correlation_is_far() {
        let values: Vec<f32> =
            (0..200).flat_map(|i| [i as f32, i as f32 + (i * 7 % 5) as f32]).collect();
        let rows = RowsView::new(&values, 2);
        let model = Detector::fit(&Mahalanobis::default(), rows, &FitContext::default()).unwrap();
        let mut out = [0.0; 2];
        model.score_once(RowsView::new(&[180.0, 182.0, 180.0, 20.0], 2), &[], &mut out);
        assert!(out[1] > 10.0 * out[0], "{out:?}");
    }

    #[test]
    fn the_distance_is_that_of_the_formula() {
        // Two columns without correlation and with deviation 1: the plain distance, but for the ridge.
        let values: Vec<f32> = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)].iter().flat_map(|&(a, b)| [a, b]).collect();
        let whole = Mahalanobis { kept: Fraction::new(1.0), ridge: Positive::new(1e-9) };
        let model = Detector::fit(&whole, RowsView::new(&values, 2), &FitContext::default()).unwrap();
        let mut out = [0.0];
        model.score_once(RowsView::new(&[3.0, 4.0], 2), &[], &mut out);
        assert!((out[0] - 5.0).abs() < 1e-6, "{out:?}");
    }
}
