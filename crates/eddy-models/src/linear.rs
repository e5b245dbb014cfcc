//! Linear models of classes: weighted sums of the columns, found by making a smooth loss small.

use eddy_frame::RowsView;
use rayon::prelude::*;

use crate::columns::finite;

/// Rows whose losses are added up at a time; the sums of such pieces are added in their order.
const PIECE_ROWS: usize = 4096;
/// Steps that the shape of the loss is guessed from.
const MEMORY: usize = 10;
/// Halvings of a step before giving up.
const MAX_HALVINGS: usize = 40;

/// What a wrong sum costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Negative logarithm of the probability of the true class.
    Logistic,
    /// The square of what is missing to a margin of 1, each class against the rest.
    SquaredHinge,
}

/// What weights cost, besides the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Penalty {
    /// On half the sum of squares.
    pub(crate) l2: f64,
    /// On the sum of absolute values.
    pub(crate) l1: f64,
}

/// Rows with their classes, and what is to be made small.
pub(crate) struct Problem<'a> {
    pub(crate) rows: RowsView<'a>,
    pub(crate) of_rows: &'a [u16],
    /// Weight of a row of each class.
    pub(crate) weights: &'a [f64],
    pub(crate) loss: Loss,
    pub(crate) penalty: Penalty,
}

/// Weighted sums of the columns: one for two classes, which speaks for the second; else one for each class.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sums {
    /// For each sum the weights of the columns and, last, what is added.
    pub(crate) weights: Vec<f64>,
    pub(crate) n_outputs: usize,
}

impl Sums {
    /// Writes the sums of a row; `wide` has room for its cells.
    pub(crate) fn of(&self, row: &[f32], wide: &mut [f64], out: &mut [f64]) {
        widen(row, wide);
        for (out, weights) in out.iter_mut().zip(self.weights.chunks_exact(row.len() + 1)) {
            // Weights are finite and so are cells, but their products may not be.
            *out = (dot(wide, &weights[..row.len()]) + weights[row.len()]).clamp(f64::MIN, f64::MAX);
        }
    }
}

/// Number of sums for so many classes.
pub(crate) fn n_outputs(n_classes: usize) -> usize {
    if n_classes == 2 { 1 } else { n_classes }
}

/// The sum of products, in eight lanes that are added in their order.
fn dot(row: &[f64], weights: &[f64]) -> f64 {
    let (row8, row_rest) = row.as_chunks::<8>();
    let (weights8, weights_rest) = weights.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (row, weights) in row8.iter().zip(weights8) {
        for lane in 0..8 {
            lanes[lane] += row[lane] * weights[lane];
        }
    }
    let rest: f64 = row_rest.iter().zip(weights_rest).map(|(cell, weight)| cell * weight).sum();
    lanes.iter().sum::<f64>() + rest
}

/// A row in 64 bits, what is not finite brought within range.
fn widen(row: &[f32], out: &mut [f64]) {
    out.iter_mut().zip(row).for_each(|(out, &cell)| *out = f64::from(finite(cell)));
}

fn add_scaled(row: &[f64], scale: f64, out: &mut [f64]) {
    out.iter_mut().zip(row).for_each(|(out, cell)| *out += scale * cell);
}

impl Problem<'_> {
    /// The mean loss and its gradient, without penalties.
    fn loss_and_gradient(&self, params: &[f64], n_outputs: usize, gradient: &mut [f64]) -> f64 {
        let n_cols = self.rows.n_cols();
        let starts: Vec<usize> = (0..self.rows.n_rows()).step_by(PIECE_ROWS).collect();
        let pieces: Vec<(f64, f64, Vec<f64>)> = starts
            .into_par_iter()
            .map(|start| {
                let end = (start + PIECE_ROWS).min(self.rows.n_rows());
                let mut gradient = vec![0.0; params.len()];
                let (mut loss, mut whole) = (0.0, 0.0);
                let mut sums = vec![0.0; n_outputs];
                let mut row = vec![0.0; n_cols];
                for row_idx in start..end {
                    widen(self.rows.row(row_idx), &mut row);
                    let class = usize::from(self.of_rows[row_idx]);
                    let weight = self.weights[class];
                    for (sum, params) in sums.iter_mut().zip(params.chunks_exact(n_cols + 1)) {
                        *sum = dot(&row, &params[..n_cols]) + params[n_cols];
                    }
                    loss += weight * self.slopes(class, &mut sums);
                    whole += weight;
                    for (&slope, gradient) in sums.iter().zip(gradient.chunks_exact_mut(n_cols + 1)) {
                        if slope != 0.0 {
                            add_scaled(&row, weight * slope, &mut gradient[..n_cols]);
                            gradient[n_cols] += weight * slope;
                        }
                    }
                }
                (loss, whole, gradient)
            })
            .collect();
        gradient.fill(0.0);
        let (mut loss, mut whole) = (0.0, 0.0);
        for (piece_loss, piece_whole, piece) in &pieces {
            loss += piece_loss;
            whole += piece_whole;
            gradient.iter_mut().zip(piece).for_each(|(sum, piece)| *sum += piece);
        }
        gradient.iter_mut().for_each(|sum| *sum /= whole);
        loss / whole
    }

    /// The loss of a row from its sums, which become the derivatives of the loss.
    fn slopes(&self, class: usize, sums: &mut [f64]) -> f64 {
        match (self.loss, &mut *sums) {
            (Loss::Logistic, [sum]) => {
                let z = if class == 1 { *sum } else { -*sum };
                let wrong = 1.0 / (1.0 + z.exp());
                *sum = if class == 1 { -wrong } else { wrong };
                // ln(1 + exp(-z)) without overflow.
                (-z).max(0.0) + (-z.abs()).exp().ln_1p()
            }
            (Loss::Logistic, sums) => {
                let most = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let own = sums[class];
                sums.iter_mut().for_each(|sum| *sum = (*sum - most).exp());
                let whole: f64 = sums.iter().sum();
                sums.iter_mut().for_each(|sum| *sum /= whole);
                sums[class] -= 1.0;
                whole.ln() + most - own
            }
            (Loss::SquaredHinge, sums) => {
                let is_one = sums.len() == 1;
                let mut loss = 0.0;
                for (idx, sum) in sums.iter_mut().enumerate() {
                    let sign = if (is_one && class == 1) || (!is_one && class == idx) { 1.0 } else { -1.0 };
                    let missing = (1.0 - sign * *sum).max(0.0);
                    loss += missing * missing;
                    *sum = -2.0 * sign * missing;
                }
                loss
            }
        }
    }

    /// Whether a parameter is a weight, which penalties are for, and not what is added to a sum.
    fn is_weight(&self, idx: usize) -> bool {
        idx % (self.rows.n_cols() + 1) != self.rows.n_cols()
    }

    /// Loss and smooth penalty, and their gradient; the first number has the other penalty as well.
    fn measure(&self, params: &[f64], n_outputs: usize, gradient: &mut [f64]) -> f64 {
        let mut value = self.loss_and_gradient(params, n_outputs, gradient);
        for idx in (0..params.len()).filter(|&idx| self.is_weight(idx)) {
            value += 0.5 * self.penalty.l2 * params[idx] * params[idx] + self.penalty.l1 * params[idx].abs();
            gradient[idx] += self.penalty.l2 * params[idx];
        }
        value
    }

    /// The direction of steepest descent where absolute values have a corner (Andrew & Gao 2007, equation 4).
    fn pseudo_gradient(&self, params: &[f64], gradient: &[f64]) -> Vec<f64> {
        let l1 = self.penalty.l1;
        let one = |(idx, (&param, &slope)): (usize, (&f64, &f64))| {
            if l1 == 0.0 || !self.is_weight(idx) {
                slope
            } else if param != 0.0 {
                slope + l1 * param.signum()
            } else {
                slope.signum() * (slope.abs() - l1).max(0.0)
            }
        };
        params.iter().zip(gradient).enumerate().map(one).collect()
    }

    /// Finds the weights: L-BFGS (Liu & Nocedal 1989), in its orthant-wise form where absolute values are penalised
    /// (OWL-QN: Andrew & Gao 2007). Stops when no part of the gradient is above `tolerance`.
    pub(crate) fn solve(&self, max_iter: usize, tolerance: f64) -> Sums {
        let n_outputs = n_outputs(self.weights.len());
        let n = n_outputs * (self.rows.n_cols() + 1);
        let mut params = vec![0.0; n];
        let mut gradient = vec![0.0; n];
        let mut value = self.measure(&params, n_outputs, &mut gradient);
        let mut history: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
        for iteration in 0..max_iter {
            let steepest = self.pseudo_gradient(&params, &gradient);
            if !steepest.iter().any(|slope| slope.abs() > tolerance) {
                break;
            }
            let mut direction = descent(&steepest, &history);
            if self.penalty.l1 > 0.0 {
                // Not against the descent, where the corner makes the guess of the shape wrong.
                for (step, slope) in direction.iter_mut().zip(&steepest) {
                    if *step * slope >= 0.0 {
                        *step = 0.0;
                    }
                }
            }
            let slope: f64 = direction.iter().zip(&steepest).map(|(step, slope)| step * slope).sum();
            if slope >= 0.0 || slope.is_nan() {
                if history.is_empty() {
                    break;
                }
                history.clear();
                continue;
            }
            let size = steepest.iter().map(|slope| slope * slope).sum::<f64>().sqrt();
            let mut step = if iteration == 0 || history.is_empty() { (1.0 / size).min(1.0) } else { 1.0 };
            let mut next = vec![0.0; n];
            let mut next_gradient = vec![0.0; n];
            let mut next_value = f64::INFINITY;
            for _ in 0..MAX_HALVINGS {
                for idx in 0..n {
                    next[idx] = params[idx] + step * direction[idx];
                    // No step across the corner.
                    if self.penalty.l1 > 0.0 && self.is_weight(idx) {
                        let orthant = if params[idx] == 0.0 { -steepest[idx] } else { params[idx] };
                        if next[idx] * orthant < 0.0 {
                            next[idx] = 0.0;
                        }
                    }
                }
                next_value = self.measure(&next, n_outputs, &mut next_gradient);
                if next_value.is_finite() && next_value <= value + 1e-4 * step * slope {
                    break;
                }
                next_value = f64::INFINITY;
                step *= 0.5;
            }
            if !next_value.is_finite() {
                if history.is_empty() {
                    break;
                }
                // The guess of the shape may be what is wrong.
                history.clear();
                continue;
            }
            let moved: Vec<f64> = next.iter().zip(&params).map(|(next, param)| next - param).collect();
            let turned: Vec<f64> =
                next_gradient.iter().zip(&gradient).map(|(next, slope)| next - slope).collect();
            let curvature: f64 = moved.iter().zip(&turned).map(|(moved, turned)| moved * turned).sum();
            let square: f64 = turned.iter().map(|turned| turned * turned).sum();
            if curvature > 1e-12 * square && square > 0.0 {
                if history.len() == MEMORY {
                    history.remove(0);
                }
                history.push((moved, turned, curvature));
            }
            let gained = value - next_value;
            params = next;
            gradient = next_gradient;
            value = next_value;
            if gained <= 1e-12 * value.abs() {
                break;
            }
        }
        params.iter_mut().for_each(|param| *param = param.clamp(-MAX_WEIGHT, MAX_WEIGHT));
        Sums { weights: params, n_outputs }
    }
}

/// No weight is larger: products with the largest cells stay finite.
const MAX_WEIGHT: f64 = 1e200;

/// The step that the remembered ones suggest: the two loops of Nocedal 1980.
fn descent(gradient: &[f64], history: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    let mut shares = vec![0.0; history.len()];
    for (share, (moved, turned, curvature)) in shares.iter_mut().zip(history).rev() {
        *share = dot(moved, &direction) / curvature;
        direction.iter_mut().zip(turned).for_each(|(step, turned)| *step -= *share * turned);
    }
    if let Some((_, turned, curvature)) = history.last() {
        let scale = curvature / dot(turned, turned);
        direction.iter_mut().for_each(|step| *step *= scale);
    }
    for (share, (moved, turned, curvature)) in shares.iter().zip(history) {
        let back = share - dot(turned, &direction) / curvature;
        direction.iter_mut().zip(moved).for_each(|(step, moved)| *step += back * moved);
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solved(penalty: Penalty, loss: Loss) -> Sums {
        // The first column tells, the second says nothing, in 400 rows; one row in eight is labelled wrongly.
        let values: Vec<f32> = (0..400)
            .flat_map(|idx| [(idx % 20) as f32 / 10.0 - 0.95, (idx * 7 % 13) as f32 / 6.0 - 1.0])
            .collect();
        let of_rows: Vec<u16> = (0..400).map(|idx| u16::from((idx % 20 >= 10) != (idx % 8 == 3))).collect();
        let rows = RowsView::new(&values, 2);
        Problem { rows, of_rows: &of_rows, weights: &[1.0, 1.0], loss, penalty }.solve(500, 1e-9)
    }

    #[test]
    fn the_gradient_is_zero_where_it_ends() {
        for loss in [Loss::Logistic, Loss::SquaredHinge] {
            let sums = solved(Penalty { l2: 0.01, l1: 0.0 }, loss);
            assert!(sums.weights[0] > 0.5 && sums.weights[1].abs() < 0.1, "{sums:?}");
        }
    }

    #[test]
    fn absolute_penalties_leave_out_what_says_nothing() {
        let sums = solved(Penalty { l2: 0.0, l1: 0.05 }, Loss::Logistic);
        assert!(sums.weights[0] > 0.3, "{sums:?}");
        assert_eq!(sums.weights[1], 0.0);
        let none = solved(Penalty { l2: 0.0, l1: 10.0 }, Loss::Logistic);
        assert_eq!(none.weights[..2], [0.0, 0.0]);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let values = [0.3, -1.0, 2.0, 0.5, -0.7, 1.1, 0.9, -0.2];
        let rows = RowsView::new(&values, 2);
        for (loss, weights, of_rows) in [
            (Loss::Logistic, vec![1.0, 2.0], [0, 1, 1, 0]),
            (Loss::Logistic, vec![1.0, 2.0, 0.5], [0, 1, 2, 0]),
            (Loss::SquaredHinge, vec![1.0, 2.0, 0.5], [0, 1, 2, 0]),
        ] {
            let problem = Problem {
                rows,
                of_rows: &of_rows,
                weights: &weights,
                loss,
                penalty: Penalty { l2: 0.1, l1: 0.0 },
            };
            let n_outputs = n_outputs(weights.len());
            let params: Vec<f64> = (0..3 * n_outputs).map(|idx| 0.1 * idx as f64 - 0.2).collect();
            let mut gradient = vec![0.0; params.len()];
            problem.measure(&params, n_outputs, &mut gradient);
            let mut spare = gradient.clone();
            for idx in 0..params.len() {
                let mut at = |by: f64| {
                    let mut params = params.clone();
                    params[idx] += by;
                    problem.measure(&params, n_outputs, &mut spare)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((slope - gradient[idx]).abs() < 1e-6, "{loss:?} {idx}: {slope} {}", gradient[idx]);
            }
        }
    }
}
