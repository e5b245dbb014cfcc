//! Multi-layer perceptron.

use std::sync::Arc;

use eddy_detect::{
    About, ClassLabels, ClassWeight, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError,
    Model, ModelKind, Positive, RowModel, SectionReader, SectionWriter, Share, class_labels, load_classes,
    score_by_probabilities,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    activation::exp,
    dense::{After, Dense, DenseRoom, MOST_LAYERS, check_hidden},
    standard::{Standard, finite},
    stream::stream,
    training::{Task, Training, sample, split},
};

/// Multi-layer perceptron: a net of dense layers that learns which class a row belongs to.
///
/// Columns are brought to mean 0 and deviation 1; what is more than ten deviations out counts as ten and the logarithm
/// of what is beyond. Hidden layers are rectified; the loss is the cross-entropy of the classes. Learning ends when rows
/// held out are no longer told apart better; the best weights are kept.
///
/// Score range: 0 to 1, the probability of an attack. Input: any numbers. A missing value counts as a very large one.
/// Blind to: attacks unlike any it was shown, of which it may be wrongly sure. Cost: fit `O(epochs * n * weights)`, score
/// `O(weights)` per row.
///
/// Source: Rumelhart, Hinton & Williams, "Learning internal representations by error propagation", 1986; defaults as in
/// scikit-learn, but that columns are standardised, rows are held out to know when to stop, and weights do not decay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mlp {
    /// Widths of the hidden layers; none makes it a logistic regression.
    pub hidden: Vec<Count>,
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
    /// How much the rows of each class count.
    pub class_weight: ClassWeight,
    /// Rows learned from at most, drawn at random.
    pub max_samples: Count,
}

impl Default for Mlp {
    fn default() -> Self {
        Self {
            hidden: vec![Count::new(100)],
            epochs: Count::new(200),
            batch_size: Count::new(200),
            learning_rate: Positive::new(1e-3),
            validation_share: Share::new(0.1),
            patience: Count::new(10),
            class_weight: ClassWeight::Equal,
            max_samples: Count::new(1 << 18),
        }
    }
}

/// Rows whose probabilities are found at a time.
const TILE_ROWS: usize = 64;

/// What the layers of a net of this many do.
fn after(n_layers: usize) -> Vec<After> {
    let mut after = vec![After::Relu; n_layers];
    after[n_layers - 1] = After::Nothing;
    after
}

impl Detector for Mlp {
    const ABOUT: About = About {
        name: "mlp",
        title: "Multi-layer perceptron",
        kind: ModelKind::Row,
        summary: "A neural net of dense layers that learns which class a row belongs to.",
        blind_to: "Attacks unlike any it was shown; it knows only the classes in its labels.",
        cost: "Fit O(epochs * n * weights); score O(weights) per row; memory O(n d) while fitting.",
        source: "Rumelhart, Hinton & Williams 1986; defaults as in scikit-learn; columns are standardised.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;
    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        check_hidden(&self.hidden, MOST_LAYERS - 1)
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let chosen = sample(rows.n_rows(), self.max_samples.get(), context);
        let of_rows: Vec<u16> = chosen.iter().map(|&row| labels.of_rows[row as usize]).collect();
        let weights = self.class_weight.weights(&ClassLabels { classes: labels.classes, of_rows: &of_rows });
        let standard = Standard::learn(rows, &chosen);
        let mut sizes = vec![rows.n_cols()];
        sizes.extend(self.hidden.iter().map(|width| width.get()));
        sizes.push(labels.classes.len());
        let mut net = Dense::new(&sizes, &after(sizes.len() - 1));
        net.draw(&mut stream(context.seed, 0));
        let values = standard.apply_all(rows, &chosen, net.width_in());
        let mut task = Classification { net, rows: values, of_rows, weights };
        let (training, held_out) = split(chosen.len(), self.validation_share.get(), context);
        let plan = Training {
            epochs: self.epochs.get(),
            batch_size: self.batch_size.get(),
            learning_rate: self.learning_rate.get(),
            patience: self.patience.get(),
            longest_gradient: None,
        };
        plan.run(&mut task, training, &held_out, context)?;
        Ok(Model::Row(Arc::new(MlpModel { standard, net: task.net, classes: labels.classes.clone() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let standard = Standard::load(section)?;
        let classes = load_classes(section)?;
        let net = Dense::load(section, standard.n_features(), classes.len(), after)?;
        Ok(Model::Row(Arc::new(MlpModel { standard, net, classes })))
    }
}

/// A net that learns the classes of rows.
struct Classification {
    net: Dense,
    /// Standardised rows, padded to the width of the net.
    rows: Vec<f32>,
    of_rows: Vec<u16>,
    /// How much a row of each class counts.
    weights: Vec<f64>,
}

impl Classification {
    /// The sum of cross-entropies of the rows that went through; their gradient times `share` is left in the room.
    fn cross_entropy(&self, examples: &[u32], share: f32, room: &mut DenseRoom) -> f64 {
        let (width, n_classes) = (self.net.width_out(), self.weights.len());
        let (output, gradient) = room.output();
        let both = output.chunks_exact(width).zip(gradient.chunks_exact_mut(width));
        let mut sum = 0.0;
        for (&example, (output, gradient)) in examples.iter().zip(both) {
            let class = usize::from(self.of_rows[example as usize]);
            let weight = self.weights[class];
            let (output, padding) = (&output[..n_classes], &mut gradient[n_classes..]);
            padding.fill(0.0);
            let most = output.iter().copied().fold(f32::MIN, f32::max);
            let mut whole = 0.0;
            for (gradient, &value) in gradient.iter_mut().zip(output) {
                *gradient = exp(value - most);
                whole += *gradient;
            }
            let factor = share * weight as f32;
            gradient[..n_classes].iter_mut().for_each(|value| *value *= factor / whole);
            gradient[class] -= factor;
            sum += weight * (f64::from(whole).ln() + f64::from(most - output[class]));
        }
        sum
    }
}

impl Task for Classification {
    type Room = DenseRoom;
    const PIECE: usize = 64;

    fn room(&self) -> Self::Room {
        self.net.room(Self::PIECE)
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
        room: &mut DenseRoom,
        gradient: &mut [f32],
    ) -> f64 {
        room.gather(&self.rows, examples, self.net.width_in());
        self.net.forward(examples.len(), room, None);
        let loss = self.cross_entropy(examples, share, room);
        self.net.backward(examples.len(), room, 0.0, gradient);
        loss
    }

    fn loss(&self, examples: &[u32], room: &mut DenseRoom) -> f64 {
        room.gather(&self.rows, examples, self.net.width_in());
        self.net.forward(examples.len(), room, None);
        self.cross_entropy(examples, 0.0, room)
    }
}

/// A fitted [`Mlp`].
#[derive(Debug)]
struct MlpModel {
    standard: Standard,
    net: Dense,
    classes: Classes,
}

impl RowModel for MlpModel {
    fn n_features(&self) -> usize {
        self.standard.n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let n_classes = self.classes.len();
        let mut room = self.net.room(TILE_ROWS.min(rows.n_rows()));
        for (idx, out) in out.chunks_mut(TILE_ROWS * n_classes).enumerate() {
            let n_rows = out.len() / n_classes;
            let tile = rows.slice(idx * TILE_ROWS, idx * TILE_ROWS + n_rows);
            for (row, input) in tile.iter().zip(room.input().chunks_exact_mut(self.net.width_in())) {
                self.standard.apply(row, input);
            }
            self.net.forward(n_rows, &mut room, None);
            let outputs = room.output().0.chunks_exact(self.net.width_out());
            for (out, output) in out.chunks_exact_mut(n_classes).zip(outputs) {
                softmax(&output[..n_classes], out);
            }
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.standard.save(section);
        section.value("classes", &self.classes);
        self.net.save(section);
    }
}

/// Probabilities from what the net says of each class.
fn softmax(output: &[f32], out: &mut [f64]) {
    let most = output.iter().map(|&value| finite(value)).fold(f32::MIN, f32::max);
    for (out, &value) in out.iter_mut().zip(output) {
        *out = (f64::from(finite(value)) - f64::from(most)).exp();
    }
    let whole: f64 = out.iter().sum();
    out.iter_mut().for_each(|share| *share /= whole);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_line_tells_apart_is_told_apart() {
        // The corners of a square: equal ones are one class, others the other.
        let corner = |idx: usize| [(idx % 2) as f32, (idx / 2 % 2) as f32];
        let values: Vec<f32> = (0..400).flat_map(corner).collect();
        let of_rows: Vec<u16> = (0..400).map(|idx| u16::from(idx % 2 != idx / 2 % 2)).collect();
        let classes = Classes { names: vec!["same".into(), "other".into()], is_attack: vec![false, true] };
        let class_labels = Some(ClassLabels { classes: &classes, of_rows: &of_rows });
        let context = FitContext { class_labels, ..FitContext::default() };
        let model = Detector::fit(&Mlp::default(), RowsView::new(&values, 2), &context).unwrap();
        let mut out = [0.0; 4];
        model.score_once(RowsView::new(&values[..8], 2), &[], &mut out);
        assert!(out[0] < 0.1 && out[1] > 0.9 && out[2] > 0.9 && out[3] < 0.1, "{out:?}");
    }

    #[test]
    fn probabilities_add_up_to_one() {
        let mut out = [0.0; 3];
        softmax(&[1.0, 2.0, 3.0], &mut out);
        assert!((out[2] - 0.665_240_955_774_821_8).abs() < 1e-12, "{out:?}");
        softmax(&[f32::NAN, f32::MIN, f32::INFINITY], &mut out);
        assert!((out.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{out:?}");
    }
}
