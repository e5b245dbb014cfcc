//! What recurrent nets do from one row of a series to the next.

use eddy_detect::wide;

use crate::activation::{sigmoid, tanh};

/// One step of a recurrent layer, for several series at once. All matrices have one row per series.
pub(crate) trait Cell: Send + Sync + 'static {
    /// Gates: how many times the width of the state the sums are.
    const GATES: usize;

    /// Whether what comes from the state before is kept apart from what comes from the row.
    const APART: bool;

    /// What the bias of each gate starts from.
    const BIAS: &'static [f32];

    /// Makes the next state. `sums` holds what comes from the row (and, unless [`Self::APART`], from the state before)
    /// and is left with the gates; `recurrent` holds what comes from the state before, if apart.
    fn forward(sums: &mut [f32], recurrent: &[f32], before: State<'_>, after: StateMut<'_>, width: usize);

    /// Takes the gradient of a state back. `gates` holds the gates and is left with the gradient of the sums;
    /// `recurrent` is left with the gradient of what came from the state before, if apart. `carried` holds the gradients
    /// of the state and is left with those parts for the state before that do not go through the sums.
    fn backward(
        gates: &mut [f32],
        recurrent: &mut [f32],
        before: State<'_>,
        after: State<'_>,
        carried: Carried<'_>,
        width: usize,
    );
}

/// The state after a step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State<'a> {
    /// What the net gives.
    pub(crate) given: &'a [f32],
    /// What it remembers, if that is something else.
    pub(crate) memory: &'a [f32],
    /// What the way back needs besides.
    pub(crate) kept: &'a [f32],
}

/// The state after a step, to be written.
#[derive(Debug)]
pub(crate) struct StateMut<'a> {
    /// As in [`State`].
    pub(crate) given: &'a mut [f32],
    /// As in [`State`].
    pub(crate) memory: &'a mut [f32],
    /// As in [`State`].
    pub(crate) kept: &'a mut [f32],
}

/// The gradients that go from a state to the one before.
#[derive(Debug)]
pub(crate) struct Carried<'a> {
    /// Of what the net gives.
    pub(crate) given: &'a mut [f32],
    /// Of what it remembers.
    pub(crate) memory: &'a mut [f32],
}

/// Long short-term memory. Gates: input, forget, output, candidate.
#[derive(Debug)]
pub(crate) struct Lstm;

impl Cell for Lstm {
    const GATES: usize = 4;
    const APART: bool = false;
    // Nothing is forgotten at first (Gers, Schmidhuber & Cummins 2000).
    const BIAS: &'static [f32] = &[0.0, 1.0, 0.0, 0.0];

    fn forward(sums: &mut [f32], _: &[f32], before: State<'_>, after: StateMut<'_>, width: usize) {
        lstm_forward(sums, before.memory, after.memory, after.kept, after.given, width);
    }

    fn backward(
        gates: &mut [f32],
        _: &mut [f32],
        before: State<'_>,
        after: State<'_>,
        carried: Carried<'_>,
        width: usize,
    ) {
        lstm_backward(gates, before.memory, after.kept, carried.given, carried.memory, width);
    }
}

/// Gated recurrent unit. Gates: reset, update, candidate.
#[derive(Debug)]
pub(crate) struct Gru;

impl Cell for Gru {
    const GATES: usize = 3;
    const APART: bool = true;
    const BIAS: &'static [f32] = &[0.0; 3];

    fn forward(sums: &mut [f32], recurrent: &[f32], before: State<'_>, after: StateMut<'_>, width: usize) {
        gru_forward(sums, recurrent, before.given, after.kept, after.given, width);
    }

    fn backward(
        gates: &mut [f32],
        recurrent: &mut [f32],
        before: State<'_>,
        after: State<'_>,
        carried: Carried<'_>,
        width: usize,
    ) {
        gru_backward(gates, recurrent, before.given, after.kept, carried.given, width);
    }
}

wide! {
    fn lstm_forward(
        sums: &mut [f32],
        memory_before: &[f32],
        memory: &mut [f32],
        kept: &mut [f32],
        given: &mut [f32],
        width: usize,
    ) {
        let outs = memory.chunks_exact_mut(width).zip(kept.chunks_exact_mut(width)).zip(given.chunks_exact_mut(width));
        let ins = sums.chunks_exact_mut(4 * width).zip(memory_before.chunks_exact(width));
        for ((gates, memory_before), ((memory, kept), given)) in ins.zip(outs) {
            let (open, candidate) = gates.split_at_mut(3 * width);
            open.iter_mut().for_each(|sum| *sum = sigmoid(*sum));
            candidate.iter_mut().for_each(|sum| *sum = tanh(*sum));
            let (input, rest) = open.split_at(width);
            let (forget, output) = rest.split_at(width);
            remember(input, forget, candidate, memory_before, memory);
            kept.iter_mut().zip(&*memory).for_each(|(kept, &memory)| *kept = tanh(memory));
            let pairs = output.iter().zip(&*kept);
            given.iter_mut().zip(pairs).for_each(|(given, (output, kept))| *given = output * kept);
        }
    }

    fn lstm_backward(
        gates: &mut [f32],
        memory_before: &[f32],
        kept: &[f32],
        of_given: &mut [f32],
        of_memory: &mut [f32],
        width: usize,
    ) {
        let carried = of_given.chunks_exact_mut(width).zip(of_memory.chunks_exact_mut(width));
        let states = memory_before.chunks_exact(width).zip(kept.chunks_exact(width));
        for ((gates, (of_given, of_memory)), (memory_before, kept)) in
            gates.chunks_exact_mut(4 * width).zip(carried).zip(states)
        {
            let (input, rest) = gates.split_at_mut(width);
            let (forget, rest) = rest.split_at_mut(width);
            let (output, candidate) = rest.split_at_mut(width);
            lstm_row_backward(input, forget, output, candidate, memory_before, kept, of_given, of_memory);
            of_given.fill(0.0);
        }
    }

    fn gru_forward(
        sums: &mut [f32],
        recurrent: &[f32],
        before: &[f32],
        kept: &mut [f32],
        given: &mut [f32],
        width: usize,
    ) {
        let outs = kept.chunks_exact_mut(width).zip(given.chunks_exact_mut(width));
        let ins = sums.chunks_exact_mut(3 * width).zip(recurrent.chunks_exact(3 * width)).zip(before.chunks_exact(width));
        for (((gates, recurrent), before), (kept, given)) in ins.zip(outs) {
            let (open, candidate) = gates.split_at_mut(2 * width);
            open.iter_mut().zip(recurrent).for_each(|(sum, more)| *sum = sigmoid(*sum + more));
            let (reset, update) = open.split_at(width);
            kept.copy_from_slice(&recurrent[2 * width..]);
            let pairs = reset.iter().zip(&*kept);
            candidate.iter_mut().zip(pairs).for_each(|(sum, (reset, kept))| *sum = tanh(*sum + reset * kept));
            let parts = candidate.iter().zip(before).zip(update);
            given.iter_mut().zip(parts).for_each(|(given, ((new, old), update))| *given = new + update * (old - new));
        }
    }

    fn gru_backward(
        gates: &mut [f32],
        recurrent: &mut [f32],
        before: &[f32],
        kept: &[f32],
        of_given: &mut [f32],
        width: usize,
    ) {
        let states = before.chunks_exact(width).zip(kept.chunks_exact(width)).zip(of_given.chunks_exact_mut(width));
        let both = gates.chunks_exact_mut(3 * width).zip(recurrent.chunks_exact_mut(3 * width));
        for ((gates, recurrent), ((before, kept), of_given)) in both.zip(states) {
            let (reset, rest) = gates.split_at_mut(width);
            let (update, candidate) = rest.split_at_mut(width);
            let (of_open, of_kept) = recurrent.split_at_mut(2 * width);
            gru_row_backward(reset, update, candidate, of_kept, before, kept, of_given);
            of_open[..width].copy_from_slice(reset);
            of_open[width..].copy_from_slice(update);
        }
    }
}

#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn remember(input: &[f32], forget: &[f32], candidate: &[f32], before: &[f32], memory: &mut [f32]) {
    let n = memory.len();
    let (input, forget, candidate, before) = (&input[..n], &forget[..n], &candidate[..n], &before[..n]);
    for at in 0..n {
        memory[at] = forget[at] * before[at] + input[at] * candidate[at];
    }
}

#[expect(clippy::inline_always, reason = "as above")]
#[expect(clippy::too_many_arguments, reason = "slices apart are what the compiler makes vectors of")]
#[inline(always)]
fn lstm_row_backward(
    input: &mut [f32],
    forget: &mut [f32],
    output: &mut [f32],
    candidate: &mut [f32],
    memory_before: &[f32],
    kept: &[f32],
    of_given: &[f32],
    of_memory: &mut [f32],
) {
    let n = of_memory.len();
    let (input, forget, output, candidate) =
        (&mut input[..n], &mut forget[..n], &mut output[..n], &mut candidate[..n]);
    let (memory_before, kept, of_given) = (&memory_before[..n], &kept[..n], &of_given[..n]);
    for at in 0..n {
        let (i, f, o, g, tanh) = (input[at], forget[at], output[at], candidate[at], kept[at]);
        let of_this = of_memory[at] + of_given[at] * o * (1.0 - tanh * tanh);
        input[at] = of_this * g * i * (1.0 - i);
        forget[at] = of_this * memory_before[at] * f * (1.0 - f);
        output[at] = of_given[at] * tanh * o * (1.0 - o);
        candidate[at] = of_this * i * (1.0 - g * g);
        of_memory[at] = of_this * f;
    }
}

#[expect(clippy::inline_always, reason = "as above")]
#[inline(always)]
fn gru_row_backward(
    reset: &mut [f32],
    update: &mut [f32],
    candidate: &mut [f32],
    of_kept: &mut [f32],
    before: &[f32],
    kept: &[f32],
    of_given: &mut [f32],
) {
    let n = of_given.len();
    let (reset, update, candidate, of_kept) =
        (&mut reset[..n], &mut update[..n], &mut candidate[..n], &mut of_kept[..n]);
    let (before, kept) = (&before[..n], &kept[..n]);
    for at in 0..n {
        let (r, z, new, of_this) = (reset[at], update[at], candidate[at], of_given[at]);
        let of_sum = of_this * (1.0 - z) * (1.0 - new * new);
        reset[at] = of_sum * kept[at] * r * (1.0 - r);
        update[at] = of_this * (before[at] - new) * z * (1.0 - z);
        candidate[at] = of_sum;
        of_kept[at] = of_sum * r;
        of_given[at] = of_this * z;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logistic(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }

    fn close(ours: f32, wanted: f64) {
        assert!((f64::from(ours) - wanted).abs() < 1e-5, "{ours} vs {wanted}");
    }

    #[test]
    fn a_long_short_term_memory_is_that_of_the_formula() {
        let (mut sums, mut memory, mut kept, mut given) = ([0.3, -0.5, 0.7, 0.9], [0.0], [0.0], [0.0]);
        lstm_forward(&mut sums, &[0.4], &mut memory, &mut kept, &mut given, 1);
        let wanted = logistic(-0.5) * 0.4 + logistic(0.3) * 0.9f64.tanh();
        close(memory[0], wanted);
        close(given[0], logistic(0.7) * wanted.tanh());
    }

    #[test]
    fn a_gated_recurrent_unit_is_that_of_the_formula() {
        let (mut sums, recurrent) = ([0.3, -0.5, 0.7], [0.2, 0.1, -0.4]);
        let (mut kept, mut given) = ([0.0], [0.0]);
        gru_forward(&mut sums, &recurrent, &[0.6], &mut kept, &mut given, 1);
        let new = (0.7 + logistic(0.5) * -0.4).tanh();
        close(given[0], (1.0 - logistic(-0.4)) * new + logistic(-0.4) * 0.6);
    }
}
