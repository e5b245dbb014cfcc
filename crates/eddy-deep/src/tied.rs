//! Tiny autoencoders whose way back uses the weights of the way in.

use rand::Rng;

use eddy_detect::wide;

use crate::{
    activation::sigmoid,
    matrix::{LANES, padded},
    stream::within,
};

/// A net of one hidden layer: `h = sigmoid(x W + b)`, `y = sigmoid(h W' + c)`.
#[derive(Debug, Clone)]
pub(crate) struct Tied {
    /// Values that go in.
    pub(crate) n_in: usize,
    /// Hidden values.
    pub(crate) hidden: usize,
    /// `n_in` rows of hidden values, padded with zeros.
    weights: Vec<f32>,
    /// The bias of the hidden values; where there is padding, they are held at 0 by [`Self::mask`].
    bias: Vec<f32>,
    /// The bias of what is given back.
    bias_back: Vec<f32>,
    /// 1 for hidden values, 0 for padding.
    mask: Vec<f32>,
}

/// Working memory.
#[derive(Debug, Clone)]
pub(crate) struct TiedRoom {
    hidden: Vec<f32>,
    made: Vec<f32>,
    of_hidden: Vec<f32>,
    of_made: Vec<f32>,
}

impl Tied {
    /// A net of zeros.
    pub(crate) fn new(n_in: usize, hidden: usize) -> Self {
        let width = padded(hidden);
        let mask = (0..width).map(|idx| f32::from(u8::from(idx < hidden))).collect();
        let (weights, bias, bias_back) = (vec![0.0; n_in * width], vec![0.0; width], vec![0.0; n_in]);
        Self { n_in, hidden, weights, bias, bias_back, mask }
    }

    /// Draws the weights, as the source does: up to one over the number of values.
    pub(crate) fn draw(&mut self, rng: &mut impl Rng) {
        let bound = 1.0 / self.n_in as f32;
        for row in self.weights.chunks_exact_mut(self.mask.len()) {
            row[..self.hidden].iter_mut().for_each(|weight| *weight = within(bound, rng));
        }
    }

    /// Working memory.
    pub(crate) fn room(&self) -> TiedRoom {
        let (width, n_in) = (self.mask.len(), self.n_in);
        TiedRoom {
            hidden: vec![0.0; width],
            made: vec![0.0; n_in],
            of_hidden: vec![0.0; width],
            of_made: vec![0.0; n_in],
        }
    }

    /// The root of the mean squared error with which `x` is given back.
    pub(crate) fn error(&self, x: &[f32], room: &mut TiedRoom) -> f64 {
        give_back(
            x,
            &self.weights,
            &self.bias,
            &self.bias_back,
            &self.mask,
            &mut room.hidden,
            &mut room.made,
        );
        let square = |(&x, &made): (&f32, &f32)| (f64::from(x) - f64::from(made)).powi(2);
        (x.iter().zip(&room.made).map(square).sum::<f64>() / self.n_in as f64).sqrt()
    }

    /// One step of learning to give `x` back.
    pub(crate) fn learn(&mut self, x: &[f32], rate: f32, room: &mut TiedRoom) {
        give_back(
            x,
            &self.weights,
            &self.bias,
            &self.bias_back,
            &self.mask,
            &mut room.hidden,
            &mut room.made,
        );
        room.of_made.iter_mut().zip(x).zip(&room.made).for_each(|((of, x), made)| *of = x - made);
        let Self { weights, bias, bias_back, .. } = self;
        step(x, &room.of_made, &room.hidden, &mut room.of_hidden, weights, bias, rate);
        bias_back.iter_mut().zip(&room.of_made).for_each(|(bias, of)| *bias += rate * of);
    }

    /// Weights, bias and bias of the way back, without the padding.
    pub(crate) fn numbers(&self) -> Vec<f32> {
        let rows = self.weights.chunks_exact(self.mask.len());
        let weights = rows.flat_map(|row| row[..self.hidden].iter());
        weights.chain(&self.bias[..self.hidden]).chain(&self.bias_back).copied().collect()
    }

    /// How many [`Self::numbers`] there are.
    pub(crate) fn n_numbers(n_in: usize, hidden: usize) -> usize {
        n_in * hidden + hidden + n_in
    }

    /// A net of the given numbers.
    pub(crate) fn of(n_in: usize, hidden: usize, numbers: &[f32]) -> Self {
        let mut net = Self::new(n_in, hidden);
        let (weights, biases) = numbers.split_at(n_in * hidden);
        for (row, weights) in net.weights.chunks_exact_mut(net.mask.len()).zip(weights.chunks_exact(hidden)) {
            row[..hidden].copy_from_slice(weights);
        }
        net.bias[..hidden].copy_from_slice(&biases[..hidden]);
        net.bias_back.copy_from_slice(&biases[hidden..]);
        net
    }
}

wide! {
    fn give_back(
        x: &[f32],
        weights: &[f32],
        bias: &[f32],
        bias_back: &[f32],
        mask: &[f32],
        hidden: &mut [f32],
        made: &mut [f32],
    ) {
        hidden.copy_from_slice(bias);
        for (&x, weights) in x.iter().zip(weights.chunks_exact(bias.len())) {
            hidden.iter_mut().zip(weights).for_each(|(hidden, weight)| *hidden += x * weight);
        }
        hidden.iter_mut().zip(mask).for_each(|(hidden, mask)| *hidden = sigmoid(*hidden) * mask);
        let rows = weights.chunks_exact(bias.len());
        for ((made, weights), bias) in made.iter_mut().zip(rows).zip(bias_back) {
            *made = *bias + dot(weights, hidden);
        }
        made.iter_mut().for_each(|made| *made = sigmoid(*made));
    }

    /// The source's step: `of_made` is what is missing, without the slope of the last sigmoid.
    fn step(
        x: &[f32],
        of_made: &[f32],
        hidden: &[f32],
        of_hidden: &mut [f32],
        weights: &mut [f32],
        bias: &mut [f32],
        rate: f32,
    ) {
        of_hidden.fill(0.0);
        for (&of_made, weights) in of_made.iter().zip(weights.chunks_exact(bias.len())) {
            of_hidden.iter_mut().zip(weights).for_each(|(of, weight)| *of += of_made * weight);
        }
        of_hidden.iter_mut().zip(hidden).for_each(|(of, hidden)| *of *= hidden * (1.0 - hidden));
        for ((&x, &of_made), weights) in x.iter().zip(of_made).zip(weights.chunks_exact_mut(bias.len())) {
            let parts = of_hidden.iter().zip(hidden);
            weights.iter_mut().zip(parts).for_each(|(weight, (of, hidden))| *weight += rate * (x * of + of_made * hidden));
        }
        bias.iter_mut().zip(&*of_hidden).for_each(|(bias, of)| *bias += rate * of);
    }
}

/// The sum of products, eight at a time.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use eddy_detect::Seed;

    use super::*;
    use crate::stream::stream;

    #[test]
    fn a_net_learns_to_give_back_what_it_is_shown() {
        let mut net = Tied::new(4, 3);
        net.draw(&mut stream(Seed::default(), 0));
        let mut room = net.room();
        let shown = [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.1, 0.2]];
        for _ in 0..5000 {
            shown.iter().for_each(|x| net.learn(x, 0.1, &mut room));
        }
        let worst = shown.iter().map(|x| net.error(x, &mut room)).fold(0.0, f64::max);
        let other = net.error(&[0.9, 0.1, 0.9, 0.1], &mut room);
        assert!(worst < 0.05 && other > 0.3, "{worst} {other}");
        // The padding has not moved.
        assert!(net.weights.chunks(8).all(|row| row[3..].iter().all(|&weight| weight == 0.0)));
        assert!(net.bias[3..].iter().all(|&bias| bias == 0.0));
    }

    #[test]
    fn a_net_is_its_numbers() {
        let mut net = Tied::new(5, 9);
        net.draw(&mut stream(Seed::default(), 0));
        let numbers = net.numbers();
        assert_eq!(numbers.len(), Tied::n_numbers(5, 9));
        let again = Tied::of(5, 9, &numbers);
        let x = [0.5, 0.1, 0.9, 0.3, 0.0];
        assert_eq!(again.error(&x, &mut again.room()), net.error(&x, &mut net.room()));
    }
}
