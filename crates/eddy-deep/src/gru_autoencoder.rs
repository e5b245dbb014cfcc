//! GRU autoencoder.

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Positive, SectionReader, Share,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    cell::Gru,
    series_autoencoder::{self, Plan},
};

/// GRU autoencoder: a recurrent net reads the last rows of a series and gives them back; a row that it gives back badly
/// is unlike what followed such rows while it learned.
///
/// A first layer (gated recurrent unit) reads the window, and its last state is all that a second one is told when it gives the
/// window back from its first row on. Columns are brought to mean 0 and deviation 1; what is more than ten deviations
/// out counts as ten and the logarithm of what is beyond. The first rows of a series are judged as if its first row had
/// always been there. Learning ends when the last windows, held out, are no longer given back better; the best weights
/// are kept. A score uses nothing after its row, and a window never crosses series.
///
/// Score range: 0 upwards, the mean squared error of the row in deviations. Input: numbers in the order of time. A
/// missing value counts as a very large one. Blind to: what takes longer than a window; rows whose like was often seen
/// while it learned. Cost: fit `O(epochs * windows * window * weights)`, score `O(window * weights)` per row, memory
/// `4 * window * d` bytes per series.
///
/// Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014, in the form in which the reset gate comes after the product; for anomalies Malhotra et al., "LSTM-based
/// encoder-decoder for multi-sensor anomaly detection", ICML workshop 2016. Theirs is told its own last row when giving
/// back, last row first; ours is told the state, first row first, and scores plain squared errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GruAutoencoder {
    /// Rows that a row is judged with, its own included.
    pub window: Count,
    /// Rows from one training window to the next.
    pub stride: Count,
    /// Width of the state.
    pub hidden_size: Count,
    /// Times that the training windows are gone through, at most.
    pub epochs: Count,
    /// Windows between two steps of learning.
    pub batch_size: Count,
    /// Length of a step of learning.
    pub learning_rate: Positive,
    /// Share of the windows that is held out to know when to stop.
    pub validation_share: Share,
    /// Epochs without improvement after which learning ends.
    pub patience: Count,
    /// Windows learned from at most, drawn at random.
    pub max_samples: Count,
}

impl Default for GruAutoencoder {
    fn default() -> Self {
        Self {
            window: Count::new(24),
            stride: Count::new(4),
            hidden_size: Count::new(32),
            epochs: Count::new(20),
            batch_size: Count::new(32),
            learning_rate: Positive::new(3e-3),
            validation_share: Share::new(0.1),
            patience: Count::new(3),
            max_samples: Count::new(10_000),
        }
    }
}

impl Detector for GruAutoencoder {
    const ABOUT: About = About {
        name: "gru_autoencoder",
        title: "GRU autoencoder",
        kind: ModelKind::Series,
        summary: "A recurrent net (gated recurrent unit) reads the last rows of a series and gives them back; how badly the last is the score.",
        blind_to: "What takes longer than a window; rows whose like was often seen while it learned.",
        cost: "Fit O(epochs * windows * window * weights); score O(window * weights) per row; memory 4 * window * d bytes per series.",
        source: "Cho et al. 2014; Malhotra et al. 2016; plain squared errors.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        series_autoencoder::check(self.window.get(), self.hidden_size.get())
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let plan = Plan {
            window: self.window.get(),
            stride: self.stride.get(),
            hidden_size: self.hidden_size.get(),
            held_out_share: self.validation_share.get(),
            max_samples: self.max_samples.get(),
            training: Plan::training(
                self.epochs.get(),
                self.batch_size.get(),
                self.learning_rate.get(),
                self.patience.get(),
            ),
        };
        series_autoencoder::fit::<Gru>(rows, &plan, context)
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        series_autoencoder::load::<Gru>(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_that_does_not_follow_is_odd() {
        let wave = |idx: usize| [(idx as f32 / 4.0).sin(), (idx as f32 / 4.0).cos()];
        let training: Vec<f32> = (0..400).flat_map(wave).collect();
        let detector =
            GruAutoencoder { window: Count::new(12), stride: Count::new(1), ..GruAutoencoder::default() };
        let model = Detector::fit(&detector, RowsView::new(&training, 2), &FitContext::default()).unwrap();
        // Every value was seen before, but not after these.
        let series: Vec<f32> = (0..60).chain(72..100).flat_map(wave).collect();
        let mut out = vec![0.0; 88];
        model.score_once(RowsView::new(&series, 2), &[], &mut out);
        let most = out[20..60].iter().copied().fold(0.0, f64::max);
        assert!(out[60] > 5.0 * most, "{} {most}", out[60]);
    }
}
