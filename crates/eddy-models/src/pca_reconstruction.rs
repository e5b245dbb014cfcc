//! Distance from principal components.

use std::sync::Arc;

use eddy_detect::{
    About, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use nalgebra::{DMatrix, SymmetricEigen};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use eddy_detect::wide;

use crate::{
    checked,
    columns::finite,
    moments::{self, Weights},
    tiles::LANES,
};

/// What makes a row anomalous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PcaDistance {
    /// How far it lies from what the components can express, and how far out along them, each in units of its
    /// variance.
    #[default]
    Combined,
    /// How far it lies from what the components can express, squared.
    Reconstruction,
}

/// Principal components: rows that the main directions of the table cannot express are anomalous.
///
/// The components that keep a share of the variance are found, at least one fewer than there are columns. A row is
/// rebuilt from them; what is left over is the reconstruction error. By default the squares of the components, each
/// divided by its variance, are added to that of the error, divided by the mean variance of the directions left out: by
/// itself the error sees nothing that is far out along a component.
///
/// Score range: 0 upwards; about the number of columns for ordinary rows, or the squared error in the units of the
/// columns. Input: any numbers on like scales. A missing value counts as a very large one. Blind to: several clusters of
/// ordinary rows; relations that are not straight lines. Cost: fit `O(n d^2 + d^3)`, score `O(d components)` per row; at
/// most 2,048 columns.
///
/// Source: Jackson & Mudholkar, "Control procedures for residuals associated with principal component analysis",
/// Technometrics 1979; Shyu et al., "A novel anomaly detection scheme based on principal component classifier", 2003;
/// the sum as the distance in Tipping & Bishop, "Probabilistic principal component analysis", 1999.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PcaReconstruction {
    /// Share of the variance that the components keep.
    pub variance: Fraction,
    /// What makes a row anomalous.
    pub distance: PcaDistance,
}

impl Default for PcaReconstruction {
    fn default() -> Self {
        Self { variance: Fraction::new(0.95), distance: PcaDistance::Combined }
    }
}

/// Most columns: beyond, finding the components takes minutes.
const MOST_COLS: usize = 2048;
/// Variances are no smaller than this share of the largest: what is less is rounding.
const LEAST_VARIANCE: f64 = 1e-12;
/// Rounds of the search for components, for each column.
const MOST_ROUNDS: usize = 1000;

impl Detector for PcaReconstruction {
    const ABOUT: About = About {
        name: "pca_reconstruction",
        title: "Principal components",
        kind: ModelKind::Row,
        summary: "How far a row lies from what the main directions of the table can express, and how far out along them.",
        blind_to: "Several clusters of ordinary rows; relations between columns that are not straight lines.",
        cost: "Fit O(n d^2 + d^3); score O(d components) per row; memory O(d^2).",
        source: "Jackson & Mudholkar 1979; Shyu et al. 2003; the sum as in Tipping & Bishop 1999.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, _: &FitContext<'_>) -> Result<Model, FitError> {
        let d = rows.n_cols();
        if d > MOST_COLS {
            return Err(FitError::Data(format!(
                "pca_reconstruction takes at most {MOST_COLS} columns and there are {d}; choose with --features"
            )));
        }
        let n = rows.n_rows() as f64;
        let center: Vec<f64> = moments::sums(rows, Weights::EQUAL).into_iter().map(|sum| sum / n).collect();
        let products = moments::products(rows, &center, Weights::EQUAL);
        let largest = (0..d).map(|i| products[i * (i + 3) / 2]).fold(0.0, f64::max);
        // The unit keeps the search for components within numbers of ordinary size.
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let mut matrix = DMatrix::<f64>::zeros(d, d);
        let mut products = products.into_iter();
        for i in 0..d {
            for j in 0..=i {
                matrix[(i, j)] = products.next().unwrap_or(0.0) / unit;
                matrix[(j, i)] = matrix[(i, j)];
            }
        }
        let eigen = SymmetricEigen::try_new(matrix, f64::EPSILON, MOST_ROUNDS * d)
            .ok_or_else(|| FitError::Data("the principal components cannot be found".into()))?;
        let mut order: Vec<usize> = (0..d).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]).then(a.cmp(&b)));
        let variance = |at: usize| eigen.eigenvalues[at].max(0.0) * (unit / n);
        let total: f64 = order.iter().map(|&at| variance(at)).sum();
        // Where nothing varies, the size of the numbers is the only unit there is.
        let size = center.iter().fold(1.0f64, |most, center| most.max(center.abs()));
        let least = if total > 0.0 { variance(order[0]) } else { size * size } * LEAST_VARIANCE;
        let (mut kept, mut n_kept) = (0.0, 0);
        while n_kept + 1 < d && kept < self.variance.get() * total {
            kept += variance(order[n_kept]);
            n_kept += 1;
        }
        let variances = order[..n_kept].iter().map(|&at| variance(at).max(least)).collect();
        let left_over = order[n_kept..].iter().map(|&at| variance(at)).sum::<f64>() / (d - n_kept) as f64;
        let components = order[..n_kept].iter().flat_map(|&at| signed(&eigen, at)).collect();
        Ok(Model::Row(Arc::new(PcaModel {
            center,
            components,
            variances,
            left_over: left_over.max(least),
            distance: self.distance,
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let d = checked::n_features(section)?;
        if d > MOST_COLS {
            return Err(LoadError::content("n_features", "is more than this model takes"));
        }
        let center = checked::f32_range(section, "center", d)?;
        let n_kept = section.f64("variances")?.len();
        if n_kept > d {
            return Err(LoadError::content("variances", "are more than there are columns"));
        }
        let variances = checked::positives(section, "variances", n_kept)?;
        let components = checked::floats(section, "components", n_kept * d)?;
        if !components.iter().all(|value| value.abs() < 1.1) {
            return Err(LoadError::content("components", "are no directions"));
        }
        let left_over = checked::positives(section, "left_over", 1)?[0];
        let distance = section.value("distance")?;
        Ok(Model::Row(Arc::new(PcaModel { center, components, variances, left_over, distance })))
    }
}

/// A direction whose largest coefficient is positive: directions are found up to their sign.
fn signed(eigen: &SymmetricEigen<f64, nalgebra::Dyn>, at: usize) -> Vec<f64> {
    let vector = eigen.eigenvectors.column(at);
    let largest = vector
        .iter()
        .copied()
        .fold(0.0, |most: f64, value| if value.abs() > most.abs() { value } else { most });
    vector.iter().map(|value| value * largest.signum()).collect()
}

wide! {
    /// For each row of a tile of offsets from the centre, the sum of the squares along the components, each divided by its
    /// variance, and the square of what the components leave over. The tile is used up.
    fn part_squares(
        components: &[f64],
        variances: &[f64],
        tile: &mut [[f64; LANES]],
        along: &mut [f64; LANES],
        errors: &mut [f64; LANES],
    ) {
        for (component, &variance) in components.chunks_exact(tile.len()).zip(variances) {
            let mut lengths = [0.0; LANES];
            for (half, lengths) in lengths.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let mut sums = [0.0; 16];
                for (&weight, column) in component.iter().zip(tile.iter()) {
                    for lane in 0..16 {
                        sums[lane] += weight * column[half * 16 + lane];
                    }
                }
                *lengths = sums;
            }
            for (&weight, column) in component.iter().zip(tile.iter_mut()) {
                for lane in 0..LANES {
                    column[lane] -= weight * lengths[lane];
                }
            }
            for lane in 0..LANES {
                along[lane] += lengths[lane] * lengths[lane] / variance;
            }
        }
        for column in tile.iter() {
            for lane in 0..LANES {
                errors[lane] += column[lane] * column[lane];
            }
        }
    }
}

/// A fitted [`PcaReconstruction`].
#[derive(Debug)]
struct PcaModel {
    center: Vec<f64>,
    /// Directions of length 1, one after another.
    components: Vec<f64>,
    /// Variance along each.
    variances: Vec<f64>,
    /// Mean variance along the directions left out.
    left_over: f64,
    distance: PcaDistance,
}

impl RowModel for PcaModel {
    fn n_features(&self) -> usize {
        self.center.len()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let d = self.center.len();
        let mut tile = vec![[0.0; LANES]; d];
        for (values, out) in rows.values().chunks(LANES * d).zip(out.chunks_mut(LANES)) {
            for (lane, row) in values.chunks_exact(d).enumerate() {
                for ((column, &value), center) in tile.iter_mut().zip(row).zip(&self.center) {
                    column[lane] = f64::from(finite(value)) - center;
                }
            }
            let mut along = [0.0; LANES];
            let mut errors = [0.0; LANES];
            part_squares(&self.components, &self.variances, &mut tile, &mut along, &mut errors);
            for (score, (along, error)) in out.iter_mut().zip(along.iter().zip(&errors)) {
                *score = match self.distance {
                    PcaDistance::Combined => (along + error / self.left_over).min(f64::MAX),
                    PcaDistance::Reconstruction => error.min(f64::MAX),
                };
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.center.len());
        section.value("distance", &self.distance);
        section.f64("center", &self.center);
        section.f64("components", &self.components);
        section.f64("variances", &self.variances);
        section.f64("left_over", &[self.left_over]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(distance: PcaDistance, rows: &[f32]) -> Vec<f64> {
        // On the line y = x but for a little.
        let training: Vec<f32> = (0..101)
            .flat_map(|at| [at as f32 - 50.0, at as f32 - 50.0 + (at % 2) as f32 - 50.0 / 101.0])
            .collect();
        let detector = PcaReconstruction { distance, ..PcaReconstruction::default() };
        let model = Detector::fit(&detector, RowsView::new(&training, 2), &FitContext::default()).unwrap();
        let mut out = vec![0.0; rows.len() / 2];
        model.score_once(RowsView::new(rows, 2), &[], &mut out);
        out
    }

    #[test]
    fn the_error_is_the_squared_distance_from_the_line() {
        let out = scores(PcaDistance::Reconstruction, &[0.0, 20.0, 300.0, 300.0]);
        assert!((out[0] - 200.0).abs() < 2.0 && out[1] < 1.0, "{out:?}");
    }

    #[test]
    fn both_ways_out_are_far_when_combined() {
        let out = scores(PcaDistance::Combined, &[0.0, 20.0, 300.0, 300.0, 10.0, 10.0]);
        assert!(out[0] > 100.0 && out[1] > 50.0 && out[2] < 4.0, "{out:?}");
    }
}
