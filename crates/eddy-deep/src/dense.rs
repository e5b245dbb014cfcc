//! Nets of dense layers.

use eddy_detect::{Count, LoadError, SectionReader, SectionWriter};
use rand::Rng;

use crate::{
    activation::{Dropout, relu, relu_gradient, relu_with_dropout},
    matrix::{add_column_sums, add_product, add_product_of_transposed, fill_rows, padded, transpose},
    stream::within,
};

/// Most layers.
pub(crate) const MOST_LAYERS: usize = 32;
/// Most values in a hidden layer.
const WIDEST: usize = 4096;

/// What a layer does with its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Negative ones become 0; while learning, some of the others as well.
    Relu,
    /// Nothing.
    Nothing,
}

/// One layer: where its numbers are.
#[derive(Debug, Clone)]
struct Layer {
    /// Padded widths.
    n_in: usize,
    n_out: usize,
    /// Where the weights start in all numbers: `n_in` rows of `n_out`, then the bias.
    start: usize,
    /// Where the transposed weights start.
    transposed: usize,
    after: After,
}

impl Layer {
    fn bias(&self) -> usize {
        self.start + self.n_in * self.n_out
    }

    fn end(&self) -> usize {
        self.bias() + self.n_out
    }
}

/// A net of dense layers. Widths are padded; what is added is 0 and stays 0.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    sizes: Vec<usize>,
    layers: Vec<Layer>,
    values: Vec<f32>,
    /// The weights of each layer but the first, transposed: for the way back.
    transposed: Vec<f32>,
}

/// Working memory for some rows going through a net.
#[derive(Debug)]
pub(crate) struct DenseRoom {
    /// What goes into each layer, and what comes out of the last.
    made: Vec<Vec<f32>>,
    /// Gradients on the way back: those of a layer's sums and those of the layer before.
    gradients: [Vec<f32>; 2],
}

impl DenseRoom {
    /// Where the rows to go through are put, padded.
    pub(crate) fn input(&mut self) -> &mut [f32] {
        &mut self.made[0]
    }

    /// Puts the examples among `rows`, padded to `width` numbers each, where they go through.
    pub(crate) fn gather(&mut self, rows: &[f32], examples: &[u32], width: usize) {
        for (&example, out) in examples.iter().zip(self.input().chunks_exact_mut(width)) {
            out.copy_from_slice(&rows[example as usize * width..][..width]);
        }
    }

    /// What came out, and where its gradient is to be put.
    pub(crate) fn output(&mut self) -> (&[f32], &mut [f32]) {
        (self.made.last().map_or(&[], Vec::as_slice), &mut self.gradients[0])
    }
}

impl Dense {
    /// A net of zeros: the widths of the input, the hidden layers and the output, and what each layer but the first
    /// does.
    pub(crate) fn new(sizes: &[usize], after: &[After]) -> Self {
        let (mut layers, mut start, mut transposed) = (Vec::new(), 0, 0);
        for (pair, &after) in sizes.windows(2).zip(after) {
            let layer = Layer { n_in: padded(pair[0]), n_out: padded(pair[1]), start, transposed, after };
            start = layer.end();
            transposed += layer.n_in * layer.n_out;
            layers.push(layer);
        }
        Self { sizes: sizes.to_vec(), layers, values: vec![0.0; start], transposed: vec![0.0; transposed] }
    }

    /// Draws the weights (Glorot & Bengio 2010); biases are 0.
    pub(crate) fn draw(&mut self, rng: &mut impl Rng) {
        for (layer, pair) in self.layers.iter().zip(self.sizes.windows(2)) {
            let bound = (6.0 / (pair[0] + pair[1]) as f32).sqrt();
            for row in self.values[layer.start..layer.bias()].chunks_exact_mut(layer.n_out).take(pair[0]) {
                row[..pair[1]].iter_mut().for_each(|weight| *weight = within(bound, rng));
            }
        }
        self.refresh();
    }

    /// All weights and biases.
    pub(crate) fn values(&self) -> &[f32] {
        &self.values
    }

    /// All weights and biases, to change; [`Self::refresh`] is due afterwards.
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Transposes the weights anew.
    pub(crate) fn refresh(&mut self) {
        for layer in self.layers.iter().skip(1) {
            let out = &mut self.transposed[layer.transposed..layer.transposed + layer.n_in * layer.n_out];
            transpose(&self.values[layer.start..layer.bias()], out, layer.n_out);
        }
    }

    /// Padded width of a row that goes in.
    pub(crate) fn width_in(&self) -> usize {
        self.layers[0].n_in
    }

    /// Padded width of a row that comes out.
    pub(crate) fn width_out(&self) -> usize {
        self.layers[self.layers.len() - 1].n_out
    }

    /// Working memory for `n_rows` rows.
    pub(crate) fn room(&self, n_rows: usize) -> DenseRoom {
        let mut made = vec![vec![0.0; n_rows * self.width_in()]];
        made.extend(self.layers.iter().map(|layer| vec![0.0; n_rows * layer.n_out]));
        let widest = self.layers.iter().map(|layer| layer.n_in.max(layer.n_out)).max().unwrap_or(0);
        DenseRoom { made, gradients: [vec![0.0; n_rows * widest], vec![0.0; n_rows * widest]] }
    }

    /// Takes the first `n_rows` rows through. With dropout, values of rectified layers are dropped.
    pub(crate) fn forward(&self, n_rows: usize, room: &mut DenseRoom, dropout: Option<Dropout>) {
        for (idx, layer) in self.layers.iter().enumerate() {
            let (before, after) = room.made.split_at_mut(idx + 1);
            let (input, sums) = (&before[idx][..n_rows * layer.n_in], &mut after[0][..n_rows * layer.n_out]);
            fill_rows(sums, &self.values[layer.bias()..layer.end()]);
            add_product(input, &self.values[layer.start..layer.bias()], sums, layer.n_in, layer.n_out);
            match (layer.after, dropout) {
                (After::Nothing, _) => {}
                (After::Relu, Some(Dropout { key, share })) if share > 0.0 => {
                    let key = key.wrapping_add((idx as u32).wrapping_mul(0x9e37_79b9));
                    relu_with_dropout(sums, Dropout { key, share });
                }
                (After::Relu, _) => relu(sums),
            }
        }
    }

    /// Takes the gradient of the output back, adding that of the weights to `gradient`; after [`Self::forward`] of the
    /// same rows with the same share dropped.
    pub(crate) fn backward(&self, n_rows: usize, room: &mut DenseRoom, dropped: f32, gradient: &mut [f32]) {
        for (idx, layer) in self.layers.iter().enumerate().rev() {
            let [of_sums, of_input] = &mut room.gradients;
            let of_sums = &mut of_sums[..n_rows * layer.n_out];
            if layer.after == After::Relu {
                relu_gradient(&room.made[idx + 1][..n_rows * layer.n_out], of_sums, 1.0 / (1.0 - dropped));
            }
            let (weights, bias) = gradient[layer.start..layer.end()].split_at_mut(layer.n_in * layer.n_out);
            let input = &room.made[idx][..n_rows * layer.n_in];
            add_product_of_transposed(input, of_sums, weights, layer.n_in, layer.n_out);
            add_column_sums(of_sums, bias);
            if idx > 0 {
                let of_input = &mut of_input[..n_rows * layer.n_in];
                of_input.fill(0.0);
                let transposed =
                    &self.transposed[layer.transposed..layer.transposed + layer.n_in * layer.n_out];
                add_product(of_sums, transposed, of_input, layer.n_out, layer.n_in);
                room.gradients.swap(0, 1);
            }
        }
    }

    /// Names and writes the parts, without the padding.
    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("sizes", &self.sizes);
        for (idx, (layer, pair)) in self.layers.iter().zip(self.sizes.windows(2)).enumerate() {
            let rows = self.values[layer.start..layer.bias()].chunks_exact(layer.n_out).take(pair[0]);
            let weights: Vec<f32> = rows.flat_map(|row| row[..pair[1]].iter().copied()).collect();
            section.f32(&format!("weights_{idx}"), &weights);
            section.f32(&format!("bias_{idx}"), &self.values[layer.bias()..layer.bias() + pair[1]]);
        }
    }

    /// Reads what [`Self::save`] wrote; `after` tells what each layer does, given how many there are.
    pub(crate) fn load(
        section: &SectionReader<'_>,
        n_in: usize,
        n_out: usize,
        after: impl Fn(usize) -> Vec<After>,
    ) -> Result<Self, LoadError> {
        let sizes: Vec<usize> = section.value("sizes")?;
        let fits = (2..=MOST_LAYERS + 1).contains(&sizes.len())
            && sizes.first() == Some(&n_in)
            && sizes.last() == Some(&n_out)
            && sizes[1..sizes.len() - 1].iter().all(|size| (1..=WIDEST).contains(size));
        if !fits {
            return Err(LoadError::content("sizes", "are no widths of layers for these columns"));
        }
        for (idx, pair) in sizes.windows(2).enumerate() {
            numbers(section, &format!("weights_{idx}"), pair[0].saturating_mul(pair[1]))?;
            numbers(section, &format!("bias_{idx}"), pair[1])?;
        }
        let mut net = Self::new(&sizes, &after(sizes.len() - 1));
        for (idx, (layer, pair)) in net.layers.iter().zip(sizes.windows(2)).enumerate() {
            let weights = section.f32(&format!("weights_{idx}"))?;
            let rows = net.values[layer.start..layer.bias()].chunks_exact_mut(layer.n_out);
            for (row, weights) in rows.zip(weights.chunks_exact(pair[1])) {
                row[..pair[1]].copy_from_slice(weights);
            }
            let bias = section.f32(&format!("bias_{idx}"))?;
            net.values[layer.bias()..layer.bias() + pair[1]].copy_from_slice(bias);
        }
        Ok(net)
    }
}

/// Refuses hidden layers that are too many or too wide.
pub(crate) fn check_hidden(hidden: &[Count], most: usize) -> Result<(), String> {
    if hidden.len() > most {
        return Err(format!("hidden: {} layers are too many, at most {most} are possible", hidden.len()));
    }
    match hidden.iter().find(|width| width.get() > WIDEST) {
        Some(width) => {
            Err(format!("hidden: a layer of {} is too wide, at most {WIDEST} are possible", width.get()))
        }
        None => Ok(()),
    }
}

/// An array of `len` finite numbers.
pub(crate) fn numbers<'a>(
    section: &SectionReader<'a>,
    name: &str,
    len: usize,
) -> Result<&'a [f32], LoadError> {
    let values = section.f32(name)?;
    if values.len() != len {
        return Err(LoadError::content(name, format!("has {} elements, {len} are expected", values.len())));
    }
    if !values.iter().all(|value| value.is_finite()) {
        return Err(LoadError::content(name, "holds a number that is not finite"));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use eddy_detect::{Sections, Seed};

    use super::*;
    use crate::stream::stream;

    const AFTER: [After; 3] = [After::Relu, After::Nothing, After::Nothing];

    fn net() -> Dense {
        let mut net = Dense::new(&[3, 9, 2, 3], &AFTER);
        net.draw(&mut stream(Seed::default(), 0));
        net
    }

    /// Half the sum of the squares of what comes out, over two rows.
    fn loss(net: &Dense, room: &mut DenseRoom) -> f64 {
        for (row, values) in room.input().chunks_mut(net.width_in()).zip([[0.3, -1.0, 2.0], [1.1, 0.4, -0.2]])
        {
            row[..3].copy_from_slice(&values);
        }
        net.forward(2, room, None);
        room.output().0.iter().map(|value| f64::from(value * value) / 2.0).sum()
    }

    #[test]
    fn the_gradient_is_the_slope() {
        let mut net = net();
        let mut room = net.room(2);
        loss(&net, &mut room);
        let (output, gradient) = room.output();
        gradient[..output.len()].copy_from_slice(output);
        let mut slopes = vec![0.0; net.values().len()];
        net.backward(2, &mut room, 0.0, &mut slopes);
        let mut n_steep = 0;
        for idx in 0..slopes.len() {
            let value = net.values()[idx];
            let mut at = |step: f32| {
                net.values_mut()[idx] = value + step;
                loss(&net, &mut room)
            };
            let slope = (at(1e-3) - at(-1e-3)) / 2e-3;
            at(0.0);
            // Numbers of the padding count in the loss of this test only if they lead to the output.
            let is_padding = value == 0.0 && slopes[idx] == 0.0;
            assert!(
                is_padding || (slope - f64::from(slopes[idx])).abs() < 2e-3,
                "{idx}: {slope} {}",
                slopes[idx]
            );
            n_steep += usize::from(slopes[idx].abs() > 1e-3);
        }
        assert!(n_steep > 30, "{n_steep}");
    }

    #[test]
    fn a_net_survives_saving() {
        let net = net();
        let mut sections = Sections::default();
        net.save(&mut sections.writer());
        let loaded = Dense::load(&sections.reader(), 3, 3, |_| AFTER.to_vec()).unwrap();
        assert_eq!(loaded.values(), net.values());
        assert!(Dense::load(&sections.reader(), 3, 4, |_| AFTER.to_vec()).is_err());
        assert!(Dense::load(&sections.reader(), 2, 3, |_| AFTER.to_vec()).is_err());
    }
}
