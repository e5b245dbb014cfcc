//! How well a net gives back what went in.

use eddy_detect::wide;

use crate::{
    activation::Dropout,
    dense::{Dense, DenseRoom},
    standard::finite,
    training::Task,
};

/// A net that learns to give back the rows that go in.
#[derive(Debug)]
pub(crate) struct Reconstruction {
    /// The net; it gives back as many columns as it takes.
    pub(crate) net: Dense,
    /// Standardised rows, padded to the width of the net.
    pub(crate) rows: Vec<f32>,
    /// Columns that count.
    pub(crate) n_features: usize,
    /// Share of the hidden values that are dropped.
    pub(crate) dropout: f32,
    /// Share of the rows that count for nothing, those given back worst.
    pub(crate) trimmed: f64,
}

impl Reconstruction {
    /// What is wrong with what came out, times `factor`, is left in the room, but for the rows that count for nothing; the
    /// sum of squares, for the others.
    fn differences(&self, target: &[f32], room: &mut DenseRoom, factor: f32) -> f64 {
        let (output, differences) = room.output();
        let (width, differences) = (self.net.width_in(), &mut differences[..target.len()]);
        let whole = squared_error(&output[..target.len()], target, differences, factor);
        let n_trimmed = ((target.len() / width) as f64 * self.trimmed) as usize;
        if n_trimmed == 0 {
            return f64::from(whole);
        }
        let rows = output.chunks_exact(width).zip(target.chunks_exact(width));
        let mut errors: Vec<(f64, usize)> =
            rows.map(|(output, target)| row_error(output, target)).zip(0..).collect();
        let n_kept = errors.len() - n_trimmed;
        errors.sort_by(|a, b| a.0.total_cmp(&b.0));
        for &(_, row) in &errors[n_kept..] {
            differences[row * width..(row + 1) * width].fill(0.0);
        }
        errors[..n_kept].iter().map(|(error, _)| error * width as f64).sum()
    }
}

impl Task for Reconstruction {
    type Room = (DenseRoom, Vec<f32>);
    const PIECE: usize = 64;

    fn room(&self) -> Self::Room {
        (self.net.room(Self::PIECE), vec![0.0; Self::PIECE * self.net.width_in()])
    }

    fn values(&self) -> &[f32] {
        self.net.values()
    }

    fn values_mut(&mut self) -> &mut [f32] {
        self.net.values_mut()
    }

    fn refresh(&mut self) {
        self.net.refresh();
    }

    fn gradient(
        &self,
        examples: &[u32],
        chance: u32,
        share: f32,
        (room, target): &mut Self::Room,
        gradient: &mut [f32],
    ) -> f64 {
        room.gather(&self.rows, examples, self.net.width_in());
        let len = examples.len() * self.net.width_in();
        target[..len].copy_from_slice(&room.input()[..len]);
        self.net.forward(examples.len(), room, Some(Dropout { key: chance, share: self.dropout }));
        let factor = 2.0 * share / self.n_features as f32;
        let loss = self.differences(&target[..len], room, factor);
        self.net.backward(examples.len(), room, self.dropout, gradient);
        loss / self.n_features as f64
    }

    fn loss(&self, examples: &[u32], (room, target): &mut Self::Room) -> f64 {
        room.gather(&self.rows, examples, self.net.width_in());
        let len = examples.len() * self.net.width_in();
        target[..len].copy_from_slice(&room.input()[..len]);
        self.net.forward(examples.len(), room, None);
        self.differences(&target[..len], room, 0.0) / self.n_features as f64
    }
}

wide! {
    /// The sum of squared differences, and its gradient times half of `factor`. Lengths are multiples of eight.
    pub(crate) fn squared_error(output: &[f32], target: &[f32], gradient: &mut [f32], factor: f32) -> f32 {
        let mut sums = [0.0f32; 8];
        let both = output.chunks_exact(8).zip(target.chunks_exact(8));
        for ((output, target), gradient) in both.zip(gradient.chunks_exact_mut(8)) {
            for lane in 0..8 {
                let difference = output[lane] - target[lane];
                sums[lane] += difference * difference;
                gradient[lane] = difference * factor;
            }
        }
        sums.iter().sum()
    }
}

/// The mean squared difference of one row, always finite.
pub(crate) fn row_error(output: &[f32], target: &[f32]) -> f64 {
    let square = |(&output, &target): (&f32, &f32)| (f64::from(finite(output)) - f64::from(target)).powi(2);
    output.iter().zip(target).map(square).sum::<f64>() / target.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::After;

    #[test]
    fn the_worst_rows_count_for_nothing() {
        // A net of zeros gives back zeros: what goes in is what is wrong.
        let net = Dense::new(&[8, 8], &[After::Nothing]);
        let rows: Vec<f32> = [1.0, 5.0, 2.0, 3.0].iter().flat_map(|&value| [value; 8]).collect();
        let task = Reconstruction { net, rows, n_features: 8, dropout: 0.0, trimmed: 0.25 };
        let mut room = task.room();
        let mut gradient = vec![0.0; task.values().len()];
        assert_eq!(task.loss(&[0, 1, 2, 3], &mut room), 1.0 + 4.0 + 9.0);
        assert_eq!(task.gradient(&[0, 1, 2, 3], 0, 0.5, &mut room, &mut gradient), 14.0);
        // The bias moves by the differences of the others.
        assert_eq!(gradient[64..], [-(1.0 + 2.0 + 3.0) / 8.0; 8]);
        assert_eq!(task.loss(&[0, 1], &mut room), 26.0);
    }

    #[test]
    fn errors_are_those_of_the_formula() {
        let (output, target) = ([1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0], [0.0; 8]);
        let mut gradient = [0.0; 8];
        assert_eq!(squared_error(&output, &target, &mut gradient, 0.5), 14.0);
        assert_eq!(gradient, [0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.5]);
        assert_eq!(row_error(&output[..2], &target[..2]), 2.5);
        assert!(row_error(&[f32::NAN, f32::INFINITY], &[0.0, f32::MIN]).is_finite());
    }
}
