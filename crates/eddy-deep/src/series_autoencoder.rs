//! What the recurrent autoencoders share: learning from windows of series, and scoring series row by row.

use std::sync::Arc;

use eddy_detect::{
    FitContext, FitError, LoadError, Model, SectionReader, SectionWriter, SeriesModel, SeriesScorer,
};
use eddy_frame::RowsView;

use crate::{
    cell::Cell,
    reconstruction::row_error,
    series_net::{SeriesNet, SeriesRoom, WIDEST_STATE},
    standard::Standard,
    stream::stream,
    training::{Task, Training, sample},
};

/// Longest window.
const LONGEST_WINDOW: usize = 4096;
/// Most numbers in a window: a series being scored holds as many.
const MOST_IN_WINDOW: usize = 1 << 22;
/// Fewer windows than this are not worth holding some of them out.
const LEAST_WINDOWS: usize = 50;
/// Length that a gradient is cut to, as Pascanu, Mikolov & Bengio 2013 advise for recurrent nets.
const LONGEST_GRADIENT: f32 = 1.0;
/// Rows scored at a time.
const TILE_ROWS: usize = 128;

/// The parameters that the recurrent autoencoders share, with the same names.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) window: usize,
    pub(crate) stride: usize,
    pub(crate) hidden_size: usize,
    pub(crate) held_out_share: f64,
    pub(crate) max_samples: usize,
    pub(crate) training: Training,
}

impl Plan {
    /// How learning goes, with gradients cut.
    pub(crate) fn training(
        epochs: usize,
        batch_size: usize,
        learning_rate: f64,
        patience: usize,
    ) -> Training {
        Training { epochs, batch_size, learning_rate, patience, longest_gradient: Some(LONGEST_GRADIENT) }
    }
}

/// Refuses what is too large.
pub(crate) fn check(window: usize, hidden_size: usize) -> Result<(), String> {
    if window > LONGEST_WINDOW {
        return Err(format!("window: {window} rows are too many, at most {LONGEST_WINDOW} are possible"));
    }
    if hidden_size > WIDEST_STATE {
        return Err(format!("hidden_size: {hidden_size} is too wide, at most {WIDEST_STATE} are possible"));
    }
    Ok(())
}

/// One window: the row where its series starts, and its own last row.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    series_start: usize,
    last: usize,
}

/// The windows to learn from: in each series the first row ends one, and then every row that is a number of strides
/// further on. A window that reaches back before its series has the first row there.
fn windows(n_rows: usize, series_ends: &[usize], stride: usize) -> Vec<Window> {
    let ends = if series_ends.is_empty() { &[n_rows] } else { series_ends };
    let mut start = 0;
    let mut all = Vec::new();
    for &end in ends {
        let end = end.min(n_rows);
        all.extend((start..end).step_by(stride).map(|last| Window { series_start: start, last }));
        start = start.max(end);
    }
    all
}

/// A net that learns to give back windows.
struct Windows<C> {
    net: SeriesNet<C>,
    /// Standardised rows, padded to the width of the net.
    rows: Vec<f32>,
    examples: Vec<Window>,
    n_steps: usize,
}

impl<C: Cell> Windows<C> {
    fn gather(&self, examples: &[u32], room: &mut (usize, SeriesRoom)) {
        if room.0 != examples.len() {
            *room = (examples.len(), self.net.room(examples.len(), self.n_steps));
        }
        let width = self.net.row_width();
        let mut outs = room.1.rows().chunks_exact_mut(width);
        for step in 0..self.n_steps {
            for (&example, out) in examples.iter().zip(&mut outs) {
                let Window { series_start, last } = self.examples[example as usize];
                let row = (last + step + 1).saturating_sub(self.n_steps).max(series_start);
                out.copy_from_slice(&self.rows[row * width..(row + 1) * width]);
            }
        }
    }

    fn n_values(&self) -> f64 {
        (self.n_steps * self.net.n_features()) as f64
    }
}

impl<C: Cell> Task for Windows<C> {
    type Room = (usize, SeriesRoom);
    const PIECE: usize = 16;

    fn room(&self) -> Self::Room {
        (Self::PIECE, self.net.room(Self::PIECE, self.n_steps))
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
        _: u32,
        share: f32,
        room: &mut Self::Room,
        gradient: &mut [f32],
    ) -> f64 {
        self.gather(examples, room);
        let loss = self.net.forward(&mut room.1, 2.0 * share / self.n_values() as f32);
        self.net.backward(&mut room.1, gradient);
        loss / self.n_values()
    }

    fn loss(&self, examples: &[u32], room: &mut Self::Room) -> f64 {
        self.gather(examples, room);
        self.net.forward(&mut room.1, 0.0) / self.n_values()
    }
}

/// Learns from the series.
pub(crate) fn fit<C: Cell>(
    rows: RowsView<'_>,
    plan: &Plan,
    context: &FitContext<'_>,
) -> Result<Model, FitError> {
    if plan.window.saturating_mul(rows.n_cols()) > MOST_IN_WINDOW {
        return Err(FitError::Data(format!(
            "a window of {} rows of {} columns is too large; lower window or put the step pca before it",
            plan.window,
            rows.n_cols()
        )));
    }
    let all: Vec<u32> = (0..rows.n_rows() as u32).collect();
    let standard = Standard::learn(rows, &all);
    let mut net = SeriesNet::<C>::new(rows.n_cols(), plan.hidden_size);
    net.draw(&mut stream(context.seed, 0));
    let windows = windows(rows.n_rows(), context.series_ends, plan.stride);
    let mut training = sample(windows.len(), plan.max_samples, context);
    // Neighbouring windows share rows: those held out are the last ones, not any.
    let n_held_out =
        if training.len() < LEAST_WINDOWS { 0.0 } else { training.len() as f64 * plan.held_out_share };
    let held_out = training.split_off(training.len() - n_held_out as usize);
    let values = standard.apply_all(rows, &all, net.row_width());
    let mut task = Windows { net, rows: values, examples: windows, n_steps: plan.window };
    plan.training.run(&mut task, training, &held_out, context)?;
    Ok(Model::Series(Arc::new(SeriesAutoencoder { standard, net: task.net, n_steps: plan.window })))
}

/// Reads what a model wrote.
pub(crate) fn load<C: Cell>(section: &SectionReader<'_>) -> Result<Model, LoadError> {
    let standard = Standard::load(section)?;
    let n_steps: usize = section.value("window")?;
    let fits = (1..=LONGEST_WINDOW).contains(&n_steps) && n_steps * standard.n_features() <= MOST_IN_WINDOW;
    if !fits {
        return Err(LoadError::content("window", format!("is {n_steps}, which is 0 or too long")));
    }
    let net = SeriesNet::<C>::load(section, standard.n_features())?;
    Ok(Model::Series(Arc::new(SeriesAutoencoder { standard, net, n_steps })))
}

/// A fitted recurrent autoencoder.
struct SeriesAutoencoder<C> {
    standard: Standard,
    net: SeriesNet<C>,
    n_steps: usize,
}

impl<C: Cell> SeriesModel for SeriesAutoencoder<C> {
    fn n_features(&self) -> usize {
        self.standard.n_features()
    }

    fn start(self: Arc<Self>) -> Box<dyn SeriesScorer> {
        let past = vec![0.0; (self.n_steps - 1) * self.net.row_width()];
        Box::new(Scorer { model: self, past, has_begun: false })
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.standard.save(section);
        section.value("window", &self.n_steps);
        self.net.save(section);
    }
}

/// One series being scored.
struct Scorer<C> {
    model: Arc<SeriesAutoencoder<C>>,
    /// The rows before the next one that its window takes in, standardised and padded.
    past: Vec<f32>,
    has_begun: bool,
}

impl<C: Cell> SeriesScorer for Scorer<C> {
    fn score(&mut self, rows: RowsView<'_>, _: &[i64], out: &mut [f64]) {
        let model = &self.model;
        let (width, n_features) = (model.net.row_width(), model.standard.n_features());
        for (tile, out) in out.chunks_mut(TILE_ROWS).enumerate() {
            let mut recent = std::mem::take(&mut self.past);
            let n_past = recent.len();
            recent.resize(n_past + out.len() * width, 0.0);
            let tile = rows.slice(tile * TILE_ROWS, tile * TILE_ROWS + out.len());
            for (row, recent) in tile.iter().zip(recent[n_past..].chunks_exact_mut(width)) {
                model.standard.apply(row, recent);
            }
            if !self.has_begun {
                self.has_begun = true;
                let (before, first) = recent.split_at_mut(n_past);
                before.chunks_exact_mut(width).for_each(|before| before.copy_from_slice(&first[..width]));
            }
            let made = model.net.last_rows(&recent, out.len(), model.n_steps);
            let both = made.chunks_exact(width).zip(recent[n_past..].chunks_exact(width));
            for (score, (made, row)) in out.iter_mut().zip(both) {
                *score = row_error(&made[..n_features], &row[..n_features]);
            }
            self.past = recent.split_off(recent.len() - n_past);
        }
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(self.past.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_never_cross_series() {
        let of = |series_start, last| Window { series_start, last };
        assert_eq!(windows(5, &[], 2), [of(0, 0), of(0, 2), of(0, 4)]);
        assert_eq!(windows(5, &[3, 5], 2), [of(0, 0), of(0, 2), of(3, 3)]);
        assert_eq!(windows(5, &[2, 2, 5], 9), [of(0, 0), of(2, 2)]);
    }
}
