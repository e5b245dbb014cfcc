//! The optimisation behind support vector machines, two weights at a time.

use eddy_detect::wide;

/// Finds weights `b` that make `1/2 b' K b - c' b` small while their sum stays what it is and each stays between its
/// limits. `K` is a kernel with ones on its diagonal.
///
/// Every kind of support vector machine is one of these: for two classes with labels `y` the linear part `c` is `y` and
/// weights lie between 0 and `y C`; for one class `c` is 0.
pub(crate) struct Problem<'a> {
    /// `c`.
    pub(crate) linear: &'a [f64],
    /// Least weight of each row.
    pub(crate) low: &'a [f64],
    /// Greatest weight of each row.
    pub(crate) high: &'a [f64],
    /// Weights to begin with.
    pub(crate) start: &'a [f64],
    /// The search ends when the conditions of the optimum are met to within this.
    pub(crate) tolerance: f64,
    /// Bytes that rows of the kernel may take up.
    pub(crate) cache_bytes: usize,
}

/// Where rows of a kernel come from.
pub(crate) trait KernelRows {
    /// Length of a row: the number of rows or a little more; the rest means nothing.
    fn padded_len(&self) -> usize;
    /// Computes one row.
    fn row(&self, at: usize, out: &mut [f32]);
}

impl KernelRows for crate::rbf::KernelPoints {
    fn padded_len(&self) -> usize {
        Self::padded_len(self)
    }

    fn row(&self, at: usize, out: &mut [f32]) {
        Self::row(self, at, out);
    }
}

/// What was found.
pub(crate) struct Solution {
    /// The weight of each row.
    pub(crate) weights: Vec<f64>,
    /// What to add to the weighted sum of kernels for the decision value.
    pub(crate) bias: f64,
}

/// Curvature in the direction of two rows whose kernel says they are equal.
const LEAST_CURVATURE: f64 = 1e-12;
/// Steps at most, for each row.
const MOST_STEPS: usize = 100;
/// Lanes of a step.
const WIDE: usize = 8;

/// Solves a problem: of the row that gains most, and the other row with which it gains most by the second order (working
/// set selection 2 of Fan, Chen & Lin, "Working set selection using second order information for training support vector
/// machines", JMLR 2005), the best step between the limits (Platt, "Sequential minimal optimization", 1998).
pub(crate) fn solve(problem: &Problem<'_>, kernel: &impl KernelRows) -> Solution {
    let n = problem.linear.len();
    let padded = kernel.padded_len();
    let mut cache = Cache::new(n, padded, problem.cache_bytes);
    let mut weights = problem.start.to_vec();
    // How much each weight wants to grow: minus the gradient.
    let mut pull = problem.linear.to_vec();
    pull.resize(padded, 0.0);
    for (at, &weight) in weights.iter().enumerate() {
        if weight != 0.0 {
            let slot = cache.fetch(at, None, kernel);
            subtract(&mut pull, cache.slot(slot), weight);
        }
    }
    // Which weights may grow, as 0 or minus infinity to be added; which may shrink, as 1 or 0 to be multiplied by.
    let mut may_grow = vec![f64::NEG_INFINITY; padded];
    let mut may_shrink = vec![0.0; padded];
    for at in 0..n {
        may_grow[at] = if weights[at] < problem.high[at] { 0.0 } else { f64::NEG_INFINITY };
        may_shrink[at] = if weights[at] > problem.low[at] { 1.0 } else { 0.0 };
    }
    let (mut most, mut least) = (greatest(&pull, &may_grow), f64::NEG_INFINITY);
    for _ in 0..MOST_STEPS * n.max(1000) {
        let Some(first) = (0..n).find(|&at| pull[at] + may_grow[at] == most) else { break };
        let first_slot = cache.fetch(first, None, kernel);
        let (gain, lowest) = gains(&pull, &may_shrink, cache.slot(first_slot), most);
        least = lowest;
        if gain <= 0.0 || most - least < problem.tolerance {
            break;
        }
        let row = cache.slot(first_slot);
        let Some(second) = (0..n).find(|&at| gain_of(pull[at], may_shrink[at], row[at], most) == gain) else {
            break;
        };
        let second_slot = cache.fetch(second, Some(first_slot), kernel);
        let curvature = curvature(cache.slot(first_slot)[second]);
        let room = (problem.high[first] - weights[first]).min(weights[second] - problem.low[second]);
        let step = ((pull[first] - pull[second]) / curvature).min(room);
        // A step all the way must end at the limit itself.
        weights[first] = if step == problem.high[first] - weights[first] {
            problem.high[first]
        } else {
            weights[first] + step
        };
        weights[second] = if step == weights[second] - problem.low[second] {
            problem.low[second]
        } else {
            weights[second] - step
        };
        for at in [first, second] {
            may_grow[at] = if weights[at] < problem.high[at] { 0.0 } else { f64::NEG_INFINITY };
            may_shrink[at] = if weights[at] > problem.low[at] { 1.0 } else { 0.0 };
        }
        most = advance(&mut pull, &may_grow, cache.slot(first_slot), cache.slot(second_slot), step);
    }
    let bias = bias(problem, &weights, &pull, most, least);
    Solution { weights, bias }
}

/// The mean pull of the weights between their limits, or the middle of what the others allow.
fn bias(problem: &Problem<'_>, weights: &[f64], pull: &[f64], most: f64, least: f64) -> f64 {
    let is_free = |at: &usize| weights[*at] > problem.low[*at] && weights[*at] < problem.high[*at];
    let free: Vec<f64> = (0..weights.len()).filter(is_free).map(|at| pull[at]).collect();
    if !free.is_empty() {
        return free.iter().sum::<f64>() / free.len() as f64;
    }
    match (most.is_finite(), least.is_finite()) {
        (true, true) => f64::midpoint(most, least),
        (true, false) => most,
        (false, true) => least,
        (false, false) => 0.0,
    }
}

#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn curvature(kernel: f32) -> f64 {
    let curvature = 2.0 - 2.0 * f64::from(kernel);
    if curvature > LEAST_CURVATURE { curvature } else { LEAST_CURVATURE }
}

/// What a step between the row that pulls most and another gains, twice.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn gain_of(pull: f64, may_shrink: f64, kernel: f32, most: f64) -> f64 {
    let slope = most - pull;
    let slope = if slope > 0.0 { slope } else { 0.0 };
    may_shrink * slope * slope / curvature(kernel)
}

/// The greatest of some lanes.
fn over_lanes(lanes: [f64; WIDE]) -> f64 {
    lanes.into_iter().fold(f64::NEG_INFINITY, |most, value| if value > most { value } else { most })
}

wide! {
    fn subtract(pull: &mut [f64], row: &[f32], weight: f64) {
        for (pull, &kernel) in pull.iter_mut().zip(row) {
            *pull -= weight * f64::from(kernel);
        }
    }

    fn greatest(pull: &[f64], may_grow: &[f64]) -> f64 {
        let mut most = [f64::NEG_INFINITY; WIDE];
        for (pull, may_grow) in pull.as_chunks::<WIDE>().0.iter().zip(may_grow.as_chunks::<WIDE>().0) {
            for lane in 0..WIDE {
                let value = pull[lane] + may_grow[lane];
                most[lane] = if value > most[lane] { value } else { most[lane] };
            }
        }
        over_lanes(most)
    }

    /// Takes a step; the greatest pull of a weight that may grow.
    fn advance(pull: &mut [f64], may_grow: &[f64], first: &[f32], second: &[f32], step: f64) -> f64 {
        let mut most = [f64::NEG_INFINITY; WIDE];
        let kernels = first.as_chunks::<WIDE>().0.iter().zip(second.as_chunks::<WIDE>().0);
        let pulls = pull.as_chunks_mut::<WIDE>().0.iter_mut().zip(may_grow.as_chunks::<WIDE>().0);
        for ((pull, may_grow), (first, second)) in pulls.zip(kernels) {
            for lane in 0..WIDE {
                pull[lane] -= step * (f64::from(first[lane]) - f64::from(second[lane]));
                let value = pull[lane] + may_grow[lane];
                most[lane] = if value > most[lane] { value } else { most[lane] };
            }
        }
        over_lanes(most)
    }

    /// The best gain with a weight that may shrink, and the least pull of such weights.
    fn gains(pull: &[f64], may_shrink: &[f64], row: &[f32], most: f64) -> (f64, f64) {
        let mut best = [0.0; WIDE];
        let mut least = [f64::NEG_INFINITY; WIDE];
        let pulls = pull.as_chunks::<WIDE>().0.iter().zip(may_shrink.as_chunks::<WIDE>().0);
        for ((pull, may_shrink), row) in pulls.zip(row.as_chunks::<WIDE>().0) {
            for lane in 0..WIDE {
                let gain = gain_of(pull[lane], may_shrink[lane], row[lane], most);
                best[lane] = if gain > best[lane] { gain } else { best[lane] };
                let push = if may_shrink[lane] > 0.0 { -pull[lane] } else { f64::NEG_INFINITY };
                least[lane] = if push > least[lane] { push } else { least[lane] };
            }
        }
        (over_lanes(best), -over_lanes(least))
    }
}

/// Rows of the kernel that were computed lately.
struct Cache {
    padded: usize,
    most_slots: usize,
    values: Vec<Vec<f32>>,
    /// Slot of each row, or [`u32::MAX`].
    slots: Vec<u32>,
    /// Row in each slot, and when it was last asked for.
    used: Vec<(u32, u64)>,
    now: u64,
}

impl Cache {
    fn new(n: usize, padded: usize, bytes: usize) -> Self {
        let most_slots = (bytes / (4 * padded.max(1))).clamp(2, n.max(2));
        Self { padded, most_slots, values: Vec::new(), slots: vec![u32::MAX; n], used: Vec::new(), now: 0 }
    }

    fn slot(&self, slot: usize) -> &[f32] {
        &self.values[slot]
    }

    /// The slot with a row, which is computed if it is not there. The slot `keep` stays as it is.
    fn fetch(&mut self, at: usize, keep: Option<usize>, kernel: &impl KernelRows) -> usize {
        self.now += 1;
        let mut slot = self.slots[at] as usize;
        if self.slots[at] == u32::MAX {
            slot = self.values.len();
            if slot < self.most_slots {
                self.values.push(vec![0.0; self.padded]);
                self.used.push((0, 0));
            } else {
                let others = (0..slot).filter(|&slot| Some(slot) != keep);
                slot = others.min_by_key(|&slot| self.used[slot].1).unwrap_or(0);
                self.slots[self.used[slot].0 as usize] = u32::MAX;
            }
            kernel.row(at, &mut self.values[slot]);
            self.slots[at] = slot as u32;
        }
        self.used[slot] = (at as u32, self.now);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbf::KernelPoints;

    fn noise(n: usize) -> Vec<f32> {
        (0..n).map(|at| (at * at * 7 % 1009) as f32 / 500.0).collect()
    }

    #[test]
    fn the_conditions_of_the_optimum_are_met() {
        let n = 200;
        let kernel = KernelPoints::new(noise(n * 2), 2, 1.5);
        let labels: Vec<f64> =
            (0..n).map(|at| if kernel.point(at)[0] > kernel.point(at)[1] { 1.0 } else { -1.0 }).collect();
        let low: Vec<f64> = labels.iter().map(|label| label.min(0.0)).collect();
        let high: Vec<f64> = labels.iter().map(|label| label.max(0.0)).collect();
        let mut biases = Vec::new();
        for cache_bytes in [1, 1 << 20] {
            let start = vec![0.0; n];
            let problem = Problem {
                linear: &labels,
                low: &low,
                high: &high,
                start: &start,
                tolerance: 1e-4,
                cache_bytes,
            };
            let found = solve(&problem, &kernel);
            assert!(found.weights.iter().sum::<f64>().abs() < 1e-9);
            let mut row = vec![0.0; kernel.padded_len()];
            for at in 0..n {
                kernel.row(at, &mut row);
                let sum: f64 =
                    found.weights.iter().zip(&row).map(|(weight, &kernel)| weight * f64::from(kernel)).sum();
                let margin = labels[at] * (sum + found.bias);
                let weight = found.weights[at].abs();
                let is_met = if weight == 0.0 {
                    margin > 0.99
                } else if weight == 1.0 {
                    margin < 1.01
                } else {
                    (margin - 1.0).abs() < 0.01
                };
                assert!(is_met, "{at}: {weight} {margin}");
            }
            biases.push(found.bias);
        }
        // Rows that had to be computed again are the same rows.
        assert_eq!(biases[0], biases[1]);
    }
}
