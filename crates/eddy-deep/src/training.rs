//! Learning by small batches, with rows held out to know when to stop.

use eddy_detect::{FitContext, FitError, FitStep};
use rand::RngExt;
use rayon::prelude::*;

use crate::{
    adam::Adam,
    matrix::add,
    stream::{shuffle, stream},
};

/// Fewer examples than this are not worth holding some of them out.
const LEAST_EXAMPLES: usize = 50;
/// Improvements below this share are none.
const TOLERANCE: f64 = 1e-4;
/// Pieces of a batch that are worked on at a time, which bounds memory.
const MOST_PIECES: usize = 16;

/// A net and the examples that it learns from.
pub(crate) trait Task: Sync {
    /// Working memory for one piece of a batch.
    type Room: Send;

    /// Examples of one piece: batches are cut into pieces of this many, which threads share. It does not depend on
    /// their number.
    const PIECE: usize;

    /// Working memory for [`Self::PIECE`] examples.
    fn room(&self) -> Self::Room;

    /// The numbers to be learned.
    fn values(&self) -> &[f32];

    /// The numbers to be learned, to change; [`Self::refresh`] follows.
    fn values_mut(&mut self) -> &mut [f32];

    /// Brings what depends on the numbers up to date.
    fn refresh(&mut self);

    /// Adds up the losses of the examples, with dropout, and adds the gradient of that sum, times `share`, to
    /// `gradient`.
    fn gradient(
        &self,
        examples: &[u32],
        chance: u32,
        share: f32,
        room: &mut Self::Room,
        gradient: &mut [f32],
    ) -> f64;

    /// Adds up the losses of the examples, without dropout.
    fn loss(&self, examples: &[u32], room: &mut Self::Room) -> f64;
}

/// How learning goes.
#[derive(Debug, Clone)]
pub(crate) struct Training {
    /// Times that all examples are gone through.
    pub(crate) epochs: usize,
    /// Examples between two steps.
    pub(crate) batch_size: usize,
    /// Length of a step.
    pub(crate) learning_rate: f64,
    /// Epochs without improvement after which learning ends.
    pub(crate) patience: usize,
    /// Length that a gradient is cut to.
    pub(crate) longest_gradient: Option<f32>,
}

/// What one piece of a batch works with.
struct Piece<R> {
    room: R,
    gradient: Vec<f32>,
    loss: f64,
}

/// What steps work with.
struct Steps<R> {
    pieces: Vec<Piece<R>>,
    /// The gradient of a batch.
    gradient: Vec<f32>,
    adam: Adam,
}

impl Training {
    /// Learns; the numbers of the best epoch are kept.
    pub(crate) fn run<T: Task>(
        &self,
        task: &mut T,
        mut training: Vec<u32>,
        held_out: &[u32],
        context: &FitContext<'_>,
    ) -> Result<(), FitError> {
        let mut rng = stream(context.seed, 1);
        let n_values = task.values().len();
        let n_pieces = self.batch_size.min(training.len()).div_ceil(T::PIECE).clamp(1, MOST_PIECES);
        let piece = |_| Piece { room: task.room(), gradient: vec![0.0; n_values], loss: 0.0 };
        let mut steps = Steps {
            pieces: (0..n_pieces).map(piece).collect(),
            gradient: vec![0.0; n_values],
            adam: Adam::new(n_values, self.learning_rate),
        };
        let mut best = (f64::INFINITY, task.values().to_vec());
        let mut n_worse = 0;
        for epoch in 1..=self.epochs {
            shuffle(&mut training, &mut rng);
            let mut loss = 0.0;
            for batch in training.chunks(self.batch_size) {
                loss += self.step(task, batch, rng.random(), &mut steps);
            }
            let loss = loss / training.len() as f64;
            let held_out_loss = (!held_out.is_empty()).then(|| mean_loss(task, held_out, &mut steps.pieces));
            context.report(&FitStep { done: epoch, of: self.epochs, what: "epoch", loss, held_out_loss });
            let judged = held_out_loss.unwrap_or(loss);
            // What is not a number is no improvement.
            if judged < best.0 {
                n_worse = if judged < best.0 * (1.0 - TOLERANCE) { 0 } else { n_worse + 1 };
                best.0 = judged;
                best.1.copy_from_slice(task.values());
            } else {
                n_worse += 1;
            }
            if n_worse >= self.patience {
                break;
            }
        }
        if !best.0.is_finite() || !best.1.iter().all(|value| value.is_finite()) {
            return Err(FitError::Data(
                "learning led nowhere: the loss has no bounds; lower learning_rate".into(),
            ));
        }
        task.values_mut().copy_from_slice(&best.1);
        task.refresh();
        Ok(())
    }

    /// One step; the sum of losses of the batch.
    fn step<T: Task>(&self, task: &mut T, batch: &[u32], chance: u32, steps: &mut Steps<T::Room>) -> f64 {
        let Steps { pieces, gradient, adam } = steps;
        let share = 1.0 / batch.len() as f32;
        let mut loss = 0.0;
        gradient.fill(0.0);
        for (idx, some) in batch.chunks(T::PIECE * pieces.len()).enumerate() {
            let first = idx * pieces.len();
            let learn = |(idx, (piece, examples)): (usize, (&mut Piece<T::Room>, &[u32]))| {
                piece.gradient.fill(0.0);
                let chance = chance.wrapping_add(((first + idx) as u32).wrapping_mul(0x85eb_ca6b));
                piece.loss = task.gradient(examples, chance, share, &mut piece.room, &mut piece.gradient);
            };
            if some.len() <= T::PIECE {
                learn((0, (&mut pieces[0], some)));
            } else {
                pieces.par_iter_mut().zip(some.par_chunks(T::PIECE)).enumerate().for_each(learn);
            }
            for piece in &pieces[..some.len().div_ceil(T::PIECE)] {
                add(gradient, &piece.gradient);
                loss += piece.loss;
            }
        }
        if let Some(longest) = self.longest_gradient {
            let length = gradient.iter().map(|&slope| f64::from(slope).powi(2)).sum::<f64>().sqrt();
            if length > f64::from(longest) {
                let factor = (f64::from(longest) / length) as f32;
                gradient.iter_mut().for_each(|slope| *slope *= factor);
            }
        }
        adam.step(task.values_mut(), gradient);
        task.refresh();
        loss
    }
}

fn mean_loss<T: Task>(task: &T, examples: &[u32], pieces: &mut [Piece<T::Room>]) -> f64 {
    let n_pieces = pieces.len();
    let mut sum = 0.0;
    for some in examples.chunks(T::PIECE * n_pieces) {
        let measure = |(piece, examples): (&mut Piece<T::Room>, &[u32])| {
            piece.loss = task.loss(examples, &mut piece.room);
        };
        if some.len() <= T::PIECE {
            measure((&mut pieces[0], some));
        } else {
            pieces.par_iter_mut().zip(some.par_chunks(T::PIECE)).for_each(measure);
        }
        sum += pieces[..some.len().div_ceil(T::PIECE)].iter().map(|piece| piece.loss).sum::<f64>();
    }
    sum / examples.len() as f64
}

/// Random examples to learn from, and others to be held out; none where there are too few.
pub(crate) fn split(n: usize, held_out_share: f64, context: &FitContext<'_>) -> (Vec<u32>, Vec<u32>) {
    let mut examples: Vec<u32> = (0..n as u32).collect();
    if n < LEAST_EXAMPLES {
        return (examples, Vec::new());
    }
    shuffle(&mut examples, &mut stream(context.seed, 2));
    let held_out = examples.split_off(n - (n as f64 * held_out_share) as usize);
    (examples, held_out)
}

/// At most `most` of the rows, drawn without replacement, in their order.
pub(crate) fn sample(n: usize, most: usize, context: &FitContext<'_>) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..n as u32).collect();
    if n > most {
        let mut rng = stream(context.seed, 3);
        for idx in 0..most {
            rows.swap(idx, rng.random_range(idx..n));
        }
        rows.truncate(most);
        rows.sort_unstable();
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Learns the mean of its examples, and notes how batches are cut.
    struct Mean {
        numbers: Vec<f32>,
        value: Vec<f32>,
        pieces: Mutex<Vec<usize>>,
    }

    impl Task for Mean {
        type Room = ();
        const PIECE: usize = 4;

        fn room(&self) {}

        fn values(&self) -> &[f32] {
            &self.value
        }

        fn values_mut(&mut self) -> &mut [f32] {
            &mut self.value
        }

        fn refresh(&mut self) {}

        fn gradient(&self, examples: &[u32], _: u32, share: f32, (): &mut (), gradient: &mut [f32]) -> f64 {
            self.pieces.lock().unwrap().push(examples.len());
            for &example in examples {
                gradient[0] += 2.0 * share * (self.value[0] - self.numbers[example as usize]);
            }
            self.loss(examples, &mut ())
        }

        fn loss(&self, examples: &[u32], (): &mut ()) -> f64 {
            let square = |&example: &u32| f64::from(self.value[0] - self.numbers[example as usize]).powi(2);
            examples.iter().map(square).sum()
        }
    }

    fn learn(batch_size: usize, patience: usize, held_out: &[u32]) -> Mean {
        let numbers = (0..150).map(|idx| (idx % 5) as f32).collect();
        let mut task = Mean { numbers, value: vec![0.0], pieces: Mutex::new(Vec::new()) };
        let plan =
            Training { epochs: 200, batch_size, learning_rate: 0.05, patience, longest_gradient: Some(1e9) };
        plan.run(&mut task, (0..100).collect(), held_out, &FitContext::default()).unwrap();
        task
    }

    #[test]
    fn batches_are_cut_into_pieces_whose_gradients_add_up() {
        let task = learn(100, 1000, &[]);
        assert!((task.value[0] - 2.0).abs() < 0.01, "{:?}", task.value);
        let pieces = task.pieces.into_inner().unwrap();
        assert_eq!(pieces.len(), 200 * 25);
        assert!(pieces.iter().all(|&len| len == 4));
    }

    #[test]
    fn learning_ends_when_rows_held_out_are_no_better_and_keeps_the_best() {
        // The numbers held out are all 1: on the way to the mean, 2, their loss is least in between.
        let held_out: Vec<u32> = (100..150).filter(|idx| idx % 5 == 1).collect();
        let task = learn(10, 3, &held_out);
        assert!((task.value[0] - 1.0).abs() < 0.3, "{:?}", task.value);
        assert!(task.pieces.into_inner().unwrap().len() < 200 * 30);
    }

    #[test]
    fn splits_and_samples_lose_nothing() {
        let context = FitContext::default();
        let (training, held_out) = split(100, 0.1, &context);
        assert_eq!((training.len(), held_out.len()), (90, 10));
        let mut all = [training, held_out].concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        assert_eq!(split(49, 0.5, &context).1.len(), 0);
        assert_eq!(sample(5, 9, &context), [0, 1, 2, 3, 4]);
        let some = sample(1000, 9, &context);
        assert!(
            some.len() == 9 && some.is_sorted() && some.windows(2).all(|pair| pair[0] < pair[1]),
            "{some:?}"
        );
    }
}
