//! One step ahead.

/// Values before that a prediction is made of.
const ORDER: usize = 6;
/// All that it is made of: those, the usual value of the time of day, the value of a week ago, and one.
const INPUTS: usize = ORDER + 3;
/// Numbers of a symmetric matrix of the inputs.
const HALF: usize = INPUTS * (INPUTS + 1) / 2;
/// What is left of a value's weight after the next one.
const KEPT: f64 = 0.998;

/// A linear prediction of the next value from the last six, the usual value of the time of day and the one of a week ago,
/// fitted by recursive least squares with forgetting; wild errors teach no more than three usual ones.
#[derive(Debug, Clone)]
pub struct Predictor {
    weights: [f64; INPUTS],
    /// Row by row up to the diagonal.
    inverse: [f64; HALF],
    last: [f32; ORDER],
    usual_error: f64,
    n_seen: u32,
}

/// Where the number of a row and a column not after it stands.
const fn place(row: usize, column: usize) -> usize {
    row * (row + 1) / 2 + column
}

impl Default for Predictor {
    fn default() -> Self {
        let mut inverse = [0.0; HALF];
        (0..INPUTS).for_each(|idx| inverse[place(idx, idx)] = 10.0);
        let mut weights = [0.0; INPUTS];
        weights[0] = 0.9;
        Self { weights, inverse, last: [0.0; ORDER], usual_error: 0.0, n_seen: 0 }
    }
}

impl Predictor {
    /// Takes in the next value (on a scale where it lies between -8 and 8) the usual one of its time of day
    /// and the one of a week ago, and gives what was expected and the usual error.
    pub fn push(&mut self, value: f32, usual: Option<f32>, week: Option<f32>) -> (f32, f32) {
        let mut inputs = [1.0; INPUTS];
        for (input, &last) in inputs.iter_mut().zip(&self.last) {
            *input = f64::from(last);
        }
        inputs[ORDER] = usual.map_or(inputs[0], f64::from);
        inputs[ORDER + 1] = week.map_or(inputs[ORDER], f64::from);
        let expected: f64 = self.weights.iter().zip(&inputs).map(|(weight, input)| weight * input).sum();
        let expected = expected.clamp(-8.0, 8.0);
        let out = (expected as f32, self.usual_error as f32);
        let error = f64::from(value) - expected;
        let is_warm = self.n_seen >= 30;
        let most = if is_warm { 3.0 * self.usual_error + 1e-6 } else { 16.0 };
        self.learn(&inputs, error.clamp(-most, most));
        self.n_seen = self.n_seen.saturating_add(1);
        let weight = (1.0 / f64::from(self.n_seen)).max(0.005);
        self.usual_error += weight * (error.abs().min(2.0 * most) - self.usual_error);
        self.last.copy_within(..ORDER - 1, 1);
        self.last[0] = value;
        out
    }

    /// Takes note that the scale has changed: what the last values are on the new one, the newest first, and by how much
    /// small differences are larger.
    pub fn rescale(&mut self, last: impl Iterator<Item = f32>, factor: f32) {
        for (before, value) in self.last.iter_mut().zip(last) {
            *before = value;
        }
        self.usual_error *= f64::from(factor);
    }

    fn learn(&mut self, inputs: &[f64; INPUTS], error: f64) {
        let mut gain = [0.0; INPUTS];
        for (i, gain) in gain.iter_mut().enumerate() {
            let row = (0..INPUTS).map(|j| self.inverse[place(i.max(j), i.min(j))]);
            *gain = row.zip(inputs).map(|(a, b)| a * b).sum();
        }
        let power: f64 = gain.iter().zip(inputs).map(|(a, b)| a * b).sum();
        let share = 1.0 / (KEPT + power.max(0.0));
        for (weight, gain) in self.weights.iter_mut().zip(&gain) {
            *weight = (*weight + gain * share * error).clamp(-10.0, 10.0);
        }
        let trace: f64 = (0..INPUTS).map(|idx| self.inverse[place(idx, idx)]).sum();
        let growth = if trace < 1e3 { 1.0 / KEPT } else { 1.0 };
        for i in 0..INPUTS {
            for j in 0..=i {
                let value = &mut self.inverse[place(i, j)];
                *value = ((*value - gain[i] * gain[j] * share) * growth).clamp(-1e4, 1e4);
            }
        }
        if !(trace > 0.0 && trace < 1e5) {
            let fresh = Self::default();
            (self.inverse, self.weights) = (fresh.inverse, fresh.weights);
        }
    }
}
