//! Autoencoder.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter, Share,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    dense::{After, Dense, MOST_LAYERS, check_hidden},
    reconstruction::{Reconstruction, row_error},
    standard::Standard,
    stream::stream,
    training::{Training, sample, split},
};

/// Autoencoder: a net that squeezes each row through few values and gives it back; rows that it gives back badly are
/// unlike those it learned from.
///
/// Columns are brought to mean 0 and deviation 1; what is more than ten deviations out counts as ten and the logarithm
/// of what is beyond. Hidden layers are rectified and, while learning, thinned by dropout; the narrowest one, the code,
/// is neither. It has at most half as many values as there are columns, else the net could copy. The rows of a batch that
/// are given back worst are left out of its step, unless all rows are labelled normal: anomalies among them should not be
/// learned. Learning ends when rows held out are no longer given back better; the best weights are kept. Small tables are
/// gone through more often than `epochs` says, until there have been 500 steps.
///
/// Score range: 0 upwards, the mean squared error in deviations; about 0.1 to 1 for ordinary rows. Input: any numbers.
/// A missing value counts as a very large one. Blind to: odd rows that obey the same relations between columns as
/// ordinary ones. Cost: fit `O(epochs * n * weights)`, score `O(weights)` per row.
///
/// Source: Rumelhart, Hinton & Williams, "Learning internal representations by error propagation", 1986; for anomalies
/// Sakurada & Yairi, "Anomaly detection using autoencoders with nonlinear dimensionality reduction", 2014. Dropout:
/// Srivastava et al., JMLR 2014. Leaving out the worst rows is ours, after the trimmed estimators of Rousseeuw 1984.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Autoencoder {
    /// Widths of the hidden layers down to the code; the way back mirrors them.
    pub hidden: Vec<Count>,
    /// Share of the hidden values that are dropped at random while learning.
    pub dropout: Share,
    /// Share of the rows of each batch that nothing is learned from, those given back worst, where rows may hold
    /// anomalies.
    pub trimmed: Share,
    /// Times that the training rows are gone through, at most.
    pub epochs: Count,
    /// Rows between two steps of learning.
    pub batch_size: Count,
    /// Length of a step of learning.
    pub learning_rate: Positive,
    /// Share of the rows that is held out to know when to stop.
    pub validation_share: Share,
    /// Epochs without improvement after which learning ends.
    pub patience: Count,
    /// Rows learned from at most, drawn at random.
    pub max_samples: Count,
}

impl Default for Autoencoder {
    fn default() -> Self {
        Self {
            hidden: vec![Count::new(64), Count::new(32), Count::new(10)],
            dropout: Share::new(0.05),
            trimmed: Share::new(0.1),
            epochs: Count::new(20),
            batch_size: Count::new(32),
            learning_rate: Positive::new(1e-3),
            validation_share: Share::new(0.1),
            patience: Count::new(5),
            max_samples: Count::new(1 << 18),
        }
    }
}

/// Steps that learning takes at least, if it does not end by itself.
const LEAST_STEPS: usize = 500;
/// Times that small tables are gone through at most.
const MOST_EPOCHS: usize = 100;
/// Rows scored at a time.
const TILE_ROWS: usize = 64;

/// What the layers of a net of this many do: the middle one makes the code, the last one the row.
fn after(n_layers: usize) -> Vec<After> {
    let of = |idx| if idx + 1 == n_layers / 2 || idx + 1 == n_layers { After::Nothing } else { After::Relu };
    (0..n_layers).map(of).collect()
}

impl Autoencoder {
    /// Widths of all layers for so many columns.
    fn sizes(&self, n_cols: usize) -> Vec<usize> {
        let mut sizes = vec![n_cols];
        sizes.extend(self.hidden.iter().map(|width| width.get()));
        if let Some(code) = sizes.last_mut() {
            *code = (*code).min(n_cols / 2).max(1);
        }
        sizes.extend(sizes.clone().iter().rev().skip(1));
        sizes
    }
}

impl Detector for Autoencoder {
    const ABOUT: About = About {
        name: "autoencoder",
        title: "Autoencoder",
        kind: ModelKind::Row,
        summary: "A neural net squeezes each row through few values and gives it back; how badly is the score.",
        blind_to: "Odd rows that obey the same relations between columns as ordinary ones.",
        cost: "Fit O(epochs * n * weights); score O(weights) per row; memory O(n d) while fitting.",
        source: "Rumelhart, Hinton & Williams 1986; Sakurada & Yairi 2014; the code is linear and at most half as wide as a row.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        check_hidden(&self.hidden, MOST_LAYERS / 2)?;
        if self.hidden.is_empty() {
            Err("hidden: there must be one layer at least, the code".into())
        } else {
            Ok(())
        }
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let chosen = sample(rows.n_rows(), self.max_samples.get(), context);
        let standard = Standard::learn(rows, &chosen);
        let sizes = self.sizes(rows.n_cols());
        let mut net = Dense::new(&sizes, &after(sizes.len() - 1));
        net.draw(&mut stream(context.seed, 0));
        let values = standard.apply_all(rows, &chosen, net.width_in());
        let all_normal = context.labels.is_some_and(|is_attack| !is_attack.contains(&true));
        let mut task = Reconstruction {
            net,
            rows: values,
            n_features: rows.n_cols(),
            dropout: self.dropout.get() as f32,
            trimmed: if all_normal { 0.0 } else { self.trimmed.get() },
        };
        let (training, held_out) = split(chosen.len(), self.validation_share.get(), context);
        let n_batches = training.len().div_ceil(self.batch_size.get());
        let plan = Training {
            epochs: self.epochs.get().max(LEAST_STEPS.div_ceil(n_batches).min(MOST_EPOCHS)),
            batch_size: self.batch_size.get(),
            learning_rate: self.learning_rate.get(),
            patience: self.patience.get(),
            longest_gradient: None,
        };
        plan.run(&mut task, training, &held_out, context)?;
        Ok(Model::Row(Arc::new(AutoencoderModel { standard, net: task.net })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let standard = Standard::load(section)?;
        let net = Dense::load(section, standard.n_features(), standard.n_features(), after)?;
        Ok(Model::Row(Arc::new(AutoencoderModel { standard, net })))
    }
}

/// A fitted [`Autoencoder`].
#[derive(Debug)]
struct AutoencoderModel {
    standard: Standard,
    net: Dense,
}

impl RowModel for AutoencoderModel {
    fn n_features(&self) -> usize {
        self.standard.n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let (width, n_features) = (self.net.width_in(), self.n_features());
        let mut room = self.net.room(TILE_ROWS.min(rows.n_rows()));
        let mut targets = vec![0.0; n_features * TILE_ROWS.min(rows.n_rows())];
        for (idx, out) in out.chunks_mut(TILE_ROWS).enumerate() {
            let tile = rows.slice(idx * TILE_ROWS, idx * TILE_ROWS + out.len());
            let inputs = room.input().chunks_exact_mut(width);
            for ((row, input), target) in tile.iter().zip(inputs).zip(targets.chunks_exact_mut(n_features)) {
                self.standard.apply(row, target);
                input[..n_features].copy_from_slice(target);
            }
            self.net.forward(out.len(), &mut room, None);
            let outputs = room.output().0.chunks_exact(width);
            for ((score, output), target) in out.iter_mut().zip(outputs).zip(targets.chunks_exact(n_features))
            {
                *score = row_error(&output[..n_features], target);
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.standard.save(section);
        self.net.save(section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_against_the_relation_is_given_back_badly() {
        let values: Vec<f32> = (0..1000u32)
            .flat_map(|idx| {
                let (x, y) = ((idx * 37 % 101) as f32 / 50.0 - 1.0, (idx * 53 % 97) as f32 / 48.0 - 1.0);
                [x, y, x + y, x - y]
            })
            .collect();
        let rows = RowsView::new(&values, 4);
        let model = Detector::fit(&Autoencoder::default(), rows, &FitContext::default()).unwrap();
        let mut out = [0.0; 2];
        model.score_once(RowsView::new(&[0.5, 0.5, 1.0, 0.0, 0.5, 0.5, -1.0, 0.0], 4), &[], &mut out);
        assert!(out[1] > 20.0 * out[0], "{out:?}");
    }

    #[test]
    fn the_code_is_narrower_than_a_row() {
        let sizes = |n_cols| Autoencoder::default().sizes(n_cols);
        assert_eq!(sizes(40), [40, 64, 32, 10, 32, 64, 40]);
        assert_eq!(sizes(5), [5, 64, 32, 2, 32, 64, 5]);
        assert_eq!(sizes(1), [1, 64, 32, 1, 32, 64, 1]);
        assert_eq!(after(6).iter().filter(|after| **after == After::Nothing).count(), 2);
    }

    #[test]
    fn layers_without_bounds_are_refused() {
        let wide = Autoencoder { hidden: vec![Count::new(5000)], ..Autoencoder::default() };
        assert!(Detector::check(&wide).unwrap_err().contains("too wide"));
        let deep = Autoencoder { hidden: vec![Count::new(5); 17], ..Autoencoder::default() };
        assert!(Detector::check(&deep).unwrap_err().contains("too many"));
        assert!(Detector::check(&Autoencoder { hidden: vec![], ..Autoencoder::default() }).is_err());
    }

    #[test]
    fn each_epoch_is_reported() {
        let steps = std::sync::Mutex::new(Vec::new());
        let report = |step: &eddy_detect::FitStep| steps.lock().unwrap().push(*step);
        let context = FitContext { progress: Some(eddy_detect::Progress(&report)), ..FitContext::default() };
        let values: Vec<f32> = (0..2000).map(|idx| (idx * idx % 17) as f32).collect();
        let detector =
            Autoencoder { patience: Count::new(1000), batch_size: Count::new(2), ..Autoencoder::default() };
        Detector::fit(&detector, RowsView::new(&values, 4), &context).unwrap();
        let steps = steps.into_inner().unwrap();
        assert_eq!(steps.iter().map(|step| step.done).collect::<Vec<_>>(), (1..=20).collect::<Vec<_>>());
        assert!(
            steps.iter().all(|step| step.of == 20 && step.loss.is_finite() && step.held_out_loss.is_some())
        );
        assert!(steps[19].loss < steps[0].loss);
    }
}
