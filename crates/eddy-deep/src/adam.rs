//! Steps down a gradient.

use eddy_detect::wide;

/// Adam: each number moves by the mean of its recent gradients over the root of their mean square.
///
/// Source: Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1 in the faster order of its
/// section 2.
#[derive(Debug)]
pub(crate) struct Adam {
    means: Vec<f32>,
    squares: Vec<f32>,
    learning_rate: f64,
    /// What the fading has left of the weight of all steps: products rather than powers, whose last bits differ from one
    /// platform to the next.
    left: [f64; 2],
}

/// How fast old gradients fade from their mean.
const FADE_MEAN: f32 = 0.9;
/// How fast old gradients fade from their mean square.
const FADE_SQUARE: f32 = 0.999;
/// Keeps quotients finite.
const EPSILON: f64 = 1e-8;

impl Adam {
    /// For `n` numbers that have not moved yet.
    pub(crate) fn new(n: usize, learning_rate: f64) -> Self {
        Self { means: vec![0.0; n], squares: vec![0.0; n], learning_rate, left: [1.0; 2] }
    }

    /// One step.
    pub(crate) fn step(&mut self, values: &mut [f32], gradient: &[f32]) {
        let [mean, square] = &mut self.left;
        *mean *= f64::from(FADE_MEAN);
        *square *= f64::from(FADE_SQUARE);
        let root = (1.0 - *square).sqrt();
        let rate = (self.learning_rate * root / (1.0 - *mean)) as f32;
        let epsilon = (EPSILON * root) as f32;
        step(values, gradient, &mut self.means, &mut self.squares, rate, epsilon);
    }
}

wide! {
    fn step(values: &mut [f32], gradient: &[f32], means: &mut [f32], squares: &mut [f32], rate: f32, epsilon: f32) {
        let moments = means.iter_mut().zip(squares);
        for ((value, &gradient), (mean, square)) in values.iter_mut().zip(gradient).zip(moments) {
            *mean = FADE_MEAN * *mean + (1.0 - FADE_MEAN) * gradient;
            *square = FADE_SQUARE * *square + (1.0 - FADE_SQUARE) * gradient * gradient;
            *value -= rate * *mean / (square.sqrt() + epsilon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_are_those_of_the_paper() {
        // By hand: with gradients 2 and -1 the corrected means are 2 and (0.9 * 0.2 - 0.1) / 0.19.
        let mut adam = Adam::new(1, 0.1);
        let mut value = [1.0];
        adam.step(&mut value, &[2.0]);
        assert!((value[0] - 0.9).abs() < 1e-6, "{value:?}");
        adam.step(&mut value, &[-1.0]);
        let square: f64 = (0.999 * 0.004 + 0.001) / (1.0 - 0.999f64.powi(2));
        let wanted = 0.9 - 0.1 * (0.08 / 0.19) / square.sqrt();
        assert!((f64::from(value[0]) - wanted).abs() < 1e-5, "{value:?} {wanted}");
    }

    #[test]
    fn a_bowl_is_walked_to_its_bottom() {
        let mut adam = Adam::new(2, 0.05);
        let mut at = [3.0, -2.0];
        for _ in 0..500 {
            let gradient = at.map(|x| 2.0 * (x - 1.0));
            adam.step(&mut at, &gradient);
        }
        assert!(at.iter().all(|x| (x - 1.0).abs() < 0.01), "{at:?}");
    }
}
