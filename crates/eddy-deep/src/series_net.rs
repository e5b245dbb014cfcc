//! A recurrent net that reads a window of a series and gives it back.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use rand::Rng;

use crate::{
    cell::{Carried, Cell, State, StateMut},
    dense::numbers,
    matrix::{add, add_column_sums, add_product, add_product_of_transposed, fill_rows, padded, transpose},
    reconstruction::squared_error,
    stream::within,
};

/// Widest state.
pub(crate) const WIDEST_STATE: usize = 1024;

/// Where the numbers of a recurrent layer are: weights of the row, weights of the state before, bias.
#[derive(Debug, Clone)]
struct Layer {
    n_in: usize,
    /// Sums: gates times width.
    n_sums: usize,
    width: usize,
    start: usize,
}

impl Layer {
    fn weights<'v>(&self, values: &'v [f32]) -> &'v [f32] {
        &values[self.start..self.recurrent_start()]
    }

    fn recurrent_start(&self) -> usize {
        self.start + self.n_in * self.n_sums
    }

    fn bias_start(&self) -> usize {
        self.recurrent_start() + self.width * self.n_sums
    }

    fn end(&self) -> usize {
        self.bias_start() + self.n_sums
    }

    fn recurrent<'v>(&self, values: &'v [f32]) -> &'v [f32] {
        &values[self.recurrent_start()..self.bias_start()]
    }

    fn bias<'v>(&self, values: &'v [f32]) -> &'v [f32] {
        &values[self.bias_start()..self.end()]
    }
}

/// The net: a first layer reads the window; a second one is told the last state of the first at each step, and what it
/// gives becomes rows. Widths are padded; what is added is 0 and stays 0.
#[derive(Debug)]
pub(crate) struct SeriesNet<C> {
    n_features: usize,
    hidden: usize,
    reader: Layer,
    writer: Layer,
    /// Where the weights of the rows start: `width` rows, then the bias.
    out: usize,
    values: Vec<f32>,
    transposed: Transposed,
    cell: std::marker::PhantomData<C>,
}

/// Weights for the way back.
#[derive(Debug, Default)]
struct Transposed {
    reader_recurrent: Vec<f32>,
    writer_recurrent: Vec<f32>,
    writer: Vec<f32>,
    out: Vec<f32>,
}

/// What a layer did, step after step, for several windows.
#[derive(Debug)]
struct Past {
    /// Sums, then gates, then the gradients of the sums.
    sums: Vec<f32>,
    /// Gradients of what came from the state before, if apart.
    recurrent: Vec<f32>,
    /// States, from the one before the first step on.
    given: Vec<f32>,
    memory: Vec<f32>,
    kept: Vec<f32>,
}

/// Working memory for learning from some windows.
#[derive(Debug)]
pub(crate) struct SeriesRoom {
    n_windows: usize,
    /// Rows, step after step: those of all windows at the first step, and so on.
    rows: Vec<f32>,
    reader: Past,
    writer: Past,
    made: Vec<f32>,
    of_made: Vec<f32>,
    of_given: Vec<f32>,
    sums: Vec<f32>,
    of_state: Vec<f32>,
    of_memory: Vec<f32>,
}

impl SeriesRoom {
    /// Where the rows to learn from are put, padded: all windows' first rows, then their second ones.
    pub(crate) fn rows(&mut self) -> &mut [f32] {
        &mut self.rows
    }
}

impl<C: Cell> SeriesNet<C> {
    /// A net of zeros.
    pub(crate) fn new(n_features: usize, hidden: usize) -> Self {
        let (width_in, width) = (padded(n_features), padded(hidden));
        let reader = Layer { n_in: width_in, n_sums: C::GATES * width, width, start: 0 };
        let writer = Layer { n_in: width, n_sums: C::GATES * width, width, start: reader.end() };
        let out = writer.end();
        let values = vec![0.0; out + width * width_in + width_in];
        let transposed = Transposed {
            reader_recurrent: vec![0.0; width * reader.n_sums],
            writer_recurrent: vec![0.0; width * writer.n_sums],
            writer: vec![0.0; width * writer.n_sums],
            out: vec![0.0; width * width_in],
        };
        let cell = std::marker::PhantomData;
        Self { n_features, hidden, reader, writer, out, values, transposed, cell }
    }

    /// Draws the weights.
    pub(crate) fn draw(&mut self, rng: &mut impl Rng) {
        let bound = 1.0 / (self.hidden as f32).sqrt();
        for part in self.parts() {
            for row in 0..part.n_rows {
                for gate in 0..part.n_gates {
                    let start = part.cell(row, gate);
                    for value in &mut self.values[start..start + part.n_cols] {
                        *value =
                            if part.is_bias { C::BIAS[gate % C::BIAS.len()] } else { within(bound, rng) };
                    }
                }
            }
        }
        // The bias of the rows is no gate's.
        let bias = self.out + self.writer.width * self.row_width();
        self.values[bias..].fill(0.0);
        self.refresh();
    }

    /// Columns of a row.
    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    /// Padded width of a row.
    pub(crate) fn row_width(&self) -> usize {
        self.reader.n_in
    }

    /// All weights and biases.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// All weights and biases, to change; [`Self::refresh`] is due afterwards.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    fn out_weights(&self) -> &[f32] {
        &self.values[self.out..self.out + self.writer.width * self.row_width()]
    }

    fn out_bias(&self) -> &[f32] {
        &self.values[self.out + self.writer.width * self.row_width()..]
    }

    /// Transposes the weights anew.
    pub(crate) fn refresh(&mut self) {
        let n_sums = self.reader.n_sums;
        transpose(self.reader.recurrent(&self.values), &mut self.transposed.reader_recurrent, n_sums);
        transpose(self.writer.recurrent(&self.values), &mut self.transposed.writer_recurrent, n_sums);
        transpose(self.writer.weights(&self.values), &mut self.transposed.writer, n_sums);
        let (width, width_in) = (self.writer.width, self.reader.n_in);
        transpose(&self.values[self.out..self.out + width * width_in], &mut self.transposed.out, width_in);
    }

    /// Working memory for learning from `n_windows` windows of `n_steps` rows.
    pub(crate) fn room(&self, n_windows: usize, n_steps: usize) -> SeriesRoom {
        let (width, n_sums) = (self.writer.width, self.writer.n_sums);
        let zeros = |n_steps: usize, width: usize| vec![0.0; n_steps * n_windows * width];
        let past = || Past {
            sums: zeros(n_steps, n_sums),
            recurrent: zeros(if C::APART { n_steps } else { 0 }, n_sums),
            given: zeros(n_steps + 1, width),
            memory: zeros(n_steps + 1, width),
            kept: zeros(n_steps + 1, width),
        };
        SeriesRoom {
            n_windows,
            rows: zeros(n_steps, self.row_width()),
            reader: past(),
            writer: past(),
            made: zeros(n_steps, self.row_width()),
            of_made: zeros(n_steps, self.row_width()),
            of_given: zeros(n_steps, width),
            sums: zeros(1, n_sums),
            of_state: zeros(1, width),
            of_memory: zeros(1, width),
        }
    }

    /// Takes the windows in the room, all that it has space for, through; the sum of squared errors. Their gradient
    /// times half of `factor` is left in the room.
    pub(crate) fn forward(&self, room: &mut SeriesRoom, factor: f32) -> f64 {
        let (reader, writer, values) = (&self.reader, &self.writer, &self.values);
        fill_rows(&mut room.reader.sums, reader.bias(values));
        add_product(&room.rows, reader.weights(values), &mut room.reader.sums, reader.n_in, reader.n_sums);
        self.steps(reader, &mut room.reader, room.n_windows, &mut room.sums);
        let last = &room.reader.given[room.reader.given.len() - room.n_windows * reader.width..];
        let (first, others) = room.writer.sums.split_at_mut(room.n_windows * writer.n_sums);
        fill_rows(first, writer.bias(values));
        add_product(last, writer.weights(values), first, writer.n_in, writer.n_sums);
        fill_rows(others, first);
        self.steps(writer, &mut room.writer, room.n_windows, &mut room.sums);
        fill_rows(&mut room.made, self.out_bias());
        let given = &room.writer.given[room.n_windows * writer.width..];
        add_product(given, self.out_weights(), &mut room.made, writer.width, self.row_width());
        f64::from(squared_error(&room.made, &room.rows, &mut room.of_made, factor))
    }

    /// All steps of a layer.
    fn steps(&self, layer: &Layer, past: &mut Past, n_windows: usize, recurrent: &mut [f32]) {
        let len = n_windows * layer.width;
        let steps = past.sums.chunks_exact_mut(n_windows * layer.n_sums);
        for (step, sums) in steps.enumerate() {
            let (before, after) = past.given.split_at_mut((step + 1) * len);
            let given = &before[step * len..];
            if C::APART {
                recurrent.fill(0.0);
                add_product(given, layer.recurrent(&self.values), recurrent, layer.width, layer.n_sums);
            } else {
                add_product(given, layer.recurrent(&self.values), sums, layer.width, layer.n_sums);
            }
            let (memory_before, memory) = past.memory.split_at_mut((step + 1) * len);
            let before = State { given, memory: &memory_before[step * len..], kept: &[] };
            let kept = &mut past.kept[(step + 1) * len..(step + 2) * len];
            let after = StateMut { given: &mut after[..len], memory: &mut memory[..len], kept };
            C::forward(sums, recurrent, before, after, layer.width);
        }
    }

    /// Takes the gradient back, adding that of the weights to `gradient`; after [`Self::forward`].
    pub(crate) fn backward(&self, room: &mut SeriesRoom, gradient: &mut [f32]) {
        let (width, width_in, n_sums) = (self.writer.width, self.row_width(), self.writer.n_sums);
        let len = room.n_windows * width;
        let (weights, bias) = gradient[self.out..].split_at_mut(width * width_in);
        add_product_of_transposed(&room.writer.given[len..], &room.of_made, weights, width, width_in);
        add_column_sums(&room.of_made, bias);
        room.of_given.fill(0.0);
        add_product(&room.of_made, &self.transposed.out, &mut room.of_given, width_in, width);

        room.of_state.fill(0.0);
        room.of_memory.fill(0.0);
        let carried = (&mut room.of_state, &mut room.of_memory);
        let recurrent = &self.transposed.writer_recurrent;
        Self::steps_back(
            &self.writer,
            &mut room.writer,
            room.n_windows,
            carried,
            Some(&room.of_given),
            recurrent,
        );
        Self::recurrent_gradient(&self.writer, &room.writer, room.n_windows, gradient);
        // The writer is told the same at each step: its gradients add up.
        room.sums.fill(0.0);
        room.writer.sums.chunks_exact(room.sums.len()).for_each(|sums| add(&mut room.sums, sums));
        let last = &room.reader.given[room.reader.given.len() - len..];
        let (weights, rest) = gradient[self.writer.start..].split_at_mut(width * n_sums);
        add_product_of_transposed(last, &room.sums, weights, width, n_sums);
        add_column_sums(&room.sums, &mut rest[width * n_sums..][..n_sums]);

        room.of_state.fill(0.0);
        room.of_memory.fill(0.0);
        add_product(&room.sums, &self.transposed.writer, &mut room.of_state, n_sums, width);
        let carried = (&mut room.of_state, &mut room.of_memory);
        let recurrent = &self.transposed.reader_recurrent;
        Self::steps_back(&self.reader, &mut room.reader, room.n_windows, carried, None, recurrent);
        Self::recurrent_gradient(&self.reader, &room.reader, room.n_windows, gradient);
        let (weights, rest) = gradient[..self.reader.end()].split_at_mut(width_in * n_sums);
        add_product_of_transposed(&room.rows, &room.reader.sums, weights, width_in, n_sums);
        add_column_sums(&room.reader.sums, &mut rest[width * n_sums..]);
    }

    /// All steps of a layer, backwards. `of_given` holds the gradients of what each step gave, if they count.
    fn steps_back(
        layer: &Layer,
        past: &mut Past,
        n_windows: usize,
        (of_state, of_memory): (&mut Vec<f32>, &mut Vec<f32>),
        of_given: Option<&Vec<f32>>,
        transposed: &[f32],
    ) {
        let (len, n_sums) = (n_windows * layer.width, n_windows * layer.n_sums);
        for step in (0..past.sums.len() / n_sums).rev() {
            if let Some(of_given) = of_given {
                add(of_state, &of_given[step * len..(step + 1) * len]);
            }
            let state = |step: usize| State {
                given: &past.given[step * len..(step + 1) * len],
                memory: &past.memory[step * len..(step + 1) * len],
                kept: &past.kept[step * len..(step + 1) * len],
            };
            let sums = &mut past.sums[step * n_sums..(step + 1) * n_sums];
            let recurrent: &mut [f32] =
                if C::APART { &mut past.recurrent[step * n_sums..(step + 1) * n_sums] } else { &mut [] };
            let carried = Carried { given: of_state, memory: of_memory };
            C::backward(sums, recurrent, state(step), state(step + 1), carried, layer.width);
            if step > 0 {
                let of_sums = if C::APART { &*recurrent } else { &*sums };
                add_product(of_sums, transposed, of_state, layer.n_sums, layer.width);
            }
        }
    }

    /// The gradient of the weights of the state before.
    fn recurrent_gradient(layer: &Layer, past: &Past, n_windows: usize, gradient: &mut [f32]) {
        let of_sums = if C::APART { &past.recurrent } else { &past.sums };
        let n_rows = of_sums.len() / layer.n_sums - n_windows;
        // The state before the first step is 0.
        let given = &past.given[n_windows * layer.width..][..n_rows * layer.width];
        let of_sums = &of_sums[n_windows * layer.n_sums..];
        let weights = &mut gradient[layer.recurrent_start()..layer.bias_start()];
        add_product_of_transposed(given, of_sums, weights, layer.width, layer.n_sums);
    }

    /// Gives back the last row of each of `n_windows` windows of `n_steps` rows, each of which starts a row after the
    /// one before. Rows are padded, and so is what is made.
    pub(crate) fn last_rows(&self, rows: &[f32], n_windows: usize, n_steps: usize) -> Vec<f32> {
        let (reader, writer, values) = (&self.reader, &self.writer, &self.values);
        // What comes from a row is the same in every window.
        let mut from_rows = vec![0.0; (n_windows + n_steps - 1) * reader.n_sums];
        fill_rows(&mut from_rows, reader.bias(values));
        add_product(rows, reader.weights(values), &mut from_rows, reader.n_in, reader.n_sums);
        let n_sums = n_windows * reader.n_sums;
        let mut state = Walk::new(n_windows, reader.width, reader.n_sums);
        for step in 0..n_steps {
            state.sums.copy_from_slice(&from_rows[step * reader.n_sums..][..n_sums]);
            state.step::<C>(reader, reader.recurrent(values));
        }
        let mut from_last = vec![0.0; n_sums];
        fill_rows(&mut from_last, writer.bias(values));
        add_product(&state.given[0], writer.weights(values), &mut from_last, writer.n_in, writer.n_sums);
        state = Walk::new(n_windows, writer.width, writer.n_sums);
        for _ in 0..n_steps {
            state.sums.copy_from_slice(&from_last);
            state.step::<C>(writer, writer.recurrent(values));
        }
        let mut made = vec![0.0; n_windows * self.row_width()];
        fill_rows(&mut made, self.out_bias());
        add_product(&state.given[0], self.out_weights(), &mut made, writer.width, self.row_width());
        made
    }

    /// All parts that are saved.
    fn parts(&self) -> [Part; 8] {
        let (d, h, gates) = (self.n_features, self.hidden, C::GATES);
        let part = |name, start, n_rows, n_gates, n_cols, is_bias| {
            let stride = if n_gates == 1 { self.row_width() } else { self.writer.n_sums };
            let gate_stride = self.writer.width;
            Part { name, start, n_rows, n_gates, n_cols, stride, gate_stride, is_bias }
        };
        let (reader, writer) = (&self.reader, &self.writer);
        [
            part("reader_weights", reader.start, d, gates, h, false),
            part("reader_recurrent", reader.recurrent_start(), h, gates, h, false),
            part("reader_bias", reader.bias_start(), 1, gates, h, true),
            part("writer_weights", writer.start, h, gates, h, false),
            part("writer_recurrent", writer.recurrent_start(), h, gates, h, false),
            part("writer_bias", writer.bias_start(), 1, gates, h, true),
            part("row_weights", self.out, h, 1, d, false),
            part("row_bias", self.out + writer.width * self.row_width(), 1, 1, d, true),
        ]
    }

    /// Names and writes the parts, without the padding.
    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("hidden_size", &self.hidden);
        for part in self.parts() {
            let starts = (0..part.n_rows).flat_map(|row| (0..part.n_gates).map(move |gate| (row, gate)));
            let values: Vec<f32> = starts
                .flat_map(|(row, gate)| self.values[part.cell(row, gate)..][..part.n_cols].iter().copied())
                .collect();
            section.f32(part.name, &values);
        }
    }

    /// Reads what [`Self::save`] wrote.
    pub(crate) fn load(section: &SectionReader<'_>, n_features: usize) -> Result<Self, LoadError> {
        let hidden: usize = section.value("hidden_size")?;
        if !(1..=WIDEST_STATE).contains(&hidden) {
            return Err(LoadError::content("hidden_size", format!("is {hidden}, not 1 to {WIDEST_STATE}")));
        }
        // Before anything is allocated, so that a lie about the size costs nothing.
        numbers(section, "reader_weights", n_features * C::GATES * hidden)?;
        numbers(section, "reader_recurrent", hidden * C::GATES * hidden)?;
        let mut net = Self::new(n_features, hidden);
        for part in net.parts() {
            let values = numbers(section, part.name, part.n_rows * part.n_gates * part.n_cols)?;
            let starts = (0..part.n_rows).flat_map(|row| (0..part.n_gates).map(move |gate| (row, gate)));
            for ((row, gate), values) in starts.zip(values.chunks_exact(part.n_cols)) {
                net.values[part.cell(row, gate)..][..part.n_cols].copy_from_slice(values);
            }
        }
        Ok(net)
    }
}

/// A part of all numbers: rows of gates of columns, each padded.
struct Part {
    name: &'static str,
    start: usize,
    n_rows: usize,
    n_gates: usize,
    n_cols: usize,
    stride: usize,
    gate_stride: usize,
    is_bias: bool,
}

impl Part {
    /// Where the columns of a gate of a row start.
    fn cell(&self, row: usize, gate: usize) -> usize {
        self.start + row * self.stride + gate * self.gate_stride
    }
}

/// A layer going through steps, of which only the last state is wanted.
struct Walk {
    sums: Vec<f32>,
    recurrent: Vec<f32>,
    /// The state, and the one before.
    given: [Vec<f32>; 2],
    memory: [Vec<f32>; 2],
    kept: Vec<f32>,
}

impl Walk {
    fn new(n_windows: usize, width: usize, n_sums: usize) -> Self {
        let zeros = |width: usize| vec![0.0; n_windows * width];
        let twice = || [zeros(width), zeros(width)];
        Self {
            sums: zeros(n_sums),
            recurrent: zeros(n_sums),
            given: twice(),
            memory: twice(),
            kept: zeros(width),
        }
    }

    /// One step; `sums` holds what comes from the row.
    fn step<C: Cell>(&mut self, layer: &Layer, weights: &[f32]) {
        self.given.swap(0, 1);
        self.memory.swap(0, 1);
        if C::APART {
            self.recurrent.fill(0.0);
            add_product(&self.given[1], weights, &mut self.recurrent, layer.width, layer.n_sums);
        } else {
            add_product(&self.given[1], weights, &mut self.sums, layer.width, layer.n_sums);
        }
        let ([given, given_before], [memory, memory_before]) = (&mut self.given, &mut self.memory);
        let before = State { given: given_before, memory: memory_before, kept: &[] };
        let after = StateMut { given, memory, kept: &mut self.kept };
        C::forward(&mut self.sums, &self.recurrent, before, after, layer.width);
    }
}

#[cfg(test)]
mod tests {
    use eddy_detect::Seed;

    use super::*;
    use crate::{
        cell::{Gru, Lstm},
        stream::stream,
    };

    const N_STEPS: usize = 5;

    /// Two windows of three columns, of which the second starts a row after the first.
    fn rows() -> Vec<f32> {
        let value = |row: usize, col: usize| ((row * 5 + col * 3) % 7) as f32 / 3.0 - 1.0;
        (0..=N_STEPS)
            .flat_map(|row| (0..8).map(move |col| if col < 3 { value(row, col) } else { 0.0 }))
            .collect()
    }

    fn filled<C: Cell>(net: &SeriesNet<C>) -> SeriesRoom {
        let (rows, mut room) = (rows(), net.room(2, N_STEPS));
        for (step, out) in room.rows().chunks_mut(16).enumerate() {
            out.copy_from_slice(&rows[step * 8..step * 8 + 16]);
        }
        room
    }

    fn drawn<C: Cell>() -> SeriesNet<C> {
        let mut net = SeriesNet::<C>::new(3, 4);
        net.draw(&mut stream(Seed::default(), 0));
        net
    }

    fn check_gradient<C: Cell>() {
        let mut net = drawn::<C>();
        let mut room = filled(&net);
        net.forward(&mut room, 2.0);
        let mut slopes = vec![0.0; net.values().len()];
        net.backward(&mut room, &mut slopes);
        let mut n_steep = 0;
        for idx in 0..slopes.len() {
            let value = net.values()[idx];
            let mut at = |step: f32| {
                net.values_mut()[idx] = value + step;
                net.forward(&mut filled(&net), 0.0)
            };
            let slope = (at(4e-3) - at(-4e-3)) / 8e-3;
            at(0.0);
            // Numbers of the padding are 0 and must stay so.
            let is_padding = value == 0.0 && slopes[idx] == 0.0;
            let error = (slope - f64::from(slopes[idx])).abs();
            assert!(is_padding || error < 2e-3 * (1.0 + slope.abs()), "{idx}: {slope} {}", slopes[idx]);
            n_steep += usize::from(slopes[idx].abs() > 1e-3);
        }
        assert!(n_steep > 100, "{n_steep}");
    }

    #[test]
    fn the_gradient_is_the_slope() {
        check_gradient::<Lstm>();
        check_gradient::<Gru>();
    }

    fn check_last_rows<C: Cell>() {
        let net = drawn::<C>();
        let mut room = filled(&net);
        net.forward(&mut room, 0.0);
        assert_eq!(net.last_rows(&rows(), 2, N_STEPS), room.made[(N_STEPS - 1) * 16..]);
        let alone = net.last_rows(&rows()[8..], 1, N_STEPS);
        assert_eq!(alone, room.made[(N_STEPS - 1) * 16 + 8..]);
    }

    #[test]
    fn scoring_makes_the_rows_that_learning_makes() {
        check_last_rows::<Lstm>();
        check_last_rows::<Gru>();
    }
}
