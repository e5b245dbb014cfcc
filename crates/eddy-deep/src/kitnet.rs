//! KitNET.

use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, Fraction, LoadError, Model, ModelKind, Positive, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    correlation_clusters::correlation_clusters,
    dense::numbers,
    standard::Standard,
    stream::{shuffle, stream},
    tied::{Tied, TiedRoom},
    training::sample,
};

/// KitNET: many tiny autoencoders, each over a few columns that go together, and one more over their errors.
///
/// Columns are standardised, brought to the range from 0 to 1 that they have in training, and put into sets of at most
/// `max_features` by single linkage on their correlation. Each set has a net of one hidden layer that learns row by row
/// to give it back; a last net learns to give back the errors of the others, brought to 0 to 1 as well. Where there is
/// one set only, its error is the score. Small tables are gone through more often than `epochs` says, until there have
/// been 20,000 steps; what was learned is frozen afterwards.
///
/// Score range: 0 upwards, a root mean squared error; about 0.05 to 0.3 for ordinary rows. Input: any numbers. A missing
/// value counts as a very large one. Blind to: odd combinations of columns that are in different sets. Cost: fit
/// `O(d^2 n + epochs * n * d * max_features)`, score `O(d * max_features)` per row; at most 4,096 columns.
///
/// Source: Mirsky, Doitshman, Elovici & Shabtai, "Kitsune: an ensemble of autoencoders for online network intrusion
/// detection", NDSS 2018. Theirs may have as many hidden values as go in, and learns
/// online, all nets at once; ours learns the nets one after the other from rows in random order, and is given the
/// columns instead of making them from packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Kitnet {
    /// Columns that one net looks at, at most.
    pub max_features: Count,
    /// Hidden values for each value that goes into a net, rounded up, but fewer than go in.
    pub hidden_ratio: Fraction,
    /// Length of a step of learning.
    pub learning_rate: Positive,
    /// Times that the training rows are gone through.
    pub epochs: Count,
    /// Rows learned from at most, drawn at random.
    pub max_samples: Count,
}

impl Default for Kitnet {
    fn default() -> Self {
        Self {
            max_features: Count::new(10),
            hidden_ratio: Fraction::new(0.75),
            learning_rate: Positive::new(0.1),
            epochs: Count::new(1),
            max_samples: Count::new(1 << 18),
        }
    }
}

/// Most columns: beyond, the matrix of correlations alone takes 64 MiB.
const MOST_COLS: usize = 4096;
/// Rows that the sets of columns are found from, at most.
const MOST_MAPPED: usize = 10_000;
/// Steps that each net learns at least.
const LEAST_STEPS: usize = 20_000;
/// Times that small tables are gone through at most.
const MOST_EPOCHS: usize = 50;
/// Narrower ranges count as this wide.
const LEAST_RANGE: f64 = 1e-6;

impl Kitnet {
    fn net(&self, n_in: usize) -> Tied {
        // As many as go in could be copied.
        let hidden = (n_in as f64 * self.hidden_ratio.get()).ceil() as usize;
        Tied::new(n_in, hidden.clamp(1, (n_in - 1).max(1)))
    }

    /// Learns to give back the rows, each of `n_in` numbers.
    fn learn(&self, rows: &[f32], n_in: usize, part: u64, context: &FitContext<'_>) -> Tied {
        let mut rng = stream(context.seed, part);
        let mut net = self.net(n_in);
        net.draw(&mut rng);
        let mut order: Vec<u32> = (0..(rows.len() / n_in) as u32).collect();
        let n_epochs = self.epochs.get().max(LEAST_STEPS.div_ceil(order.len()).min(MOST_EPOCHS));
        let mut room = net.room();
        for _ in 0..n_epochs {
            shuffle(&mut order, &mut rng);
            for &row in &order {
                net.learn(&rows[row as usize * n_in..][..n_in], self.learning_rate.get() as f32, &mut room);
            }
        }
        net
    }
}

impl Detector for Kitnet {
    const ABOUT: About = About {
        name: "kitnet",
        title: "KitNET",
        kind: ModelKind::Row,
        summary: "Many tiny autoencoders, each over a few columns that go together, and one more over their errors.",
        blind_to: "Odd combinations of columns that do not usually go together.",
        cost: "Fit O(d^2 n + epochs * n * d * max_features); score O(d * max_features) per row; memory O(n d).",
        source: "Mirsky et al., Kitsune, NDSS 2018; learned in batch, frozen afterwards, columns are given.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        let most = self.max_features.get();
        if most > 1024 {
            Err(format!("max_features: {most} is too many, at most 1024 are possible"))
        } else {
            Ok(())
        }
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let n_cols = rows.n_cols();
        if n_cols > MOST_COLS {
            return Err(FitError::Data(format!(
                "kitnet takes at most {MOST_COLS} columns and there are {n_cols}; put the step pca before it"
            )));
        }
        let chosen = sample(rows.n_rows(), self.max_samples.get(), context);
        let standard = Standard::learn(rows, &chosen);
        let mut values = standard.apply_all(rows, &chosen, n_cols);
        let stride = chosen.len().div_ceil(MOST_MAPPED);
        let mapped: Vec<f32> = values.chunks_exact(n_cols).step_by(stride).flatten().copied().collect();
        let sets = correlation_clusters(&mapped, n_cols, self.max_features.get());
        let columns = Ranges::learn(&values, n_cols);
        values.chunks_exact_mut(n_cols).for_each(|row| columns.apply(row));
        let learn = |(idx, set): (usize, &Vec<usize>)| {
            let own: Vec<f32> =
                values.chunks_exact(n_cols).flat_map(|row| set.iter().map(|&col| row[col])).collect();
            self.learn(&own, set.len(), idx as u64 + 16, context)
        };
        let nets: Vec<Tied> = sets.par_iter().enumerate().map(learn).collect();
        let first = Ensemble { sets, nets };
        let n_sets = first.nets.len();
        let mut errors = vec![0.0; chosen.len() * n_sets];
        let room = || first.room();
        let errors_of =
            |room: &mut EnsembleRoom, (row, errors): (&[f32], &mut [f32])| first.errors(row, errors, room);
        values
            .par_chunks_exact(n_cols)
            .zip(errors.par_chunks_exact_mut(n_sets))
            .for_each_init(room, errors_of);
        let ranges = Ranges::learn(&errors, n_sets);
        errors.chunks_exact_mut(n_sets).for_each(|row| ranges.apply(row));
        let last = self.learn(&errors, n_sets, 15, context);
        let model = KitnetModel { standard, columns, first, errors: ranges, last };
        if !model.numbers().all(f32::is_finite) {
            return Err(FitError::Data(
                "learning led nowhere: the weights have no bounds; lower learning_rate".into(),
            ));
        }
        Ok(Model::Row(Arc::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let standard = Standard::load(section)?;
        let n_cols = standard.n_features();
        let columns = Ranges::load(&section.part("columns"), n_cols)?;
        let first = Ensemble::load(section, n_cols)?;
        let n_sets = first.nets.len();
        let errors = Ranges::load(&section.part("errors"), n_sets)?;
        let last = load_nets(section, "last", &[n_sets])?.remove(0);
        Ok(Model::Row(Arc::new(KitnetModel { standard, columns, first, errors, last })))
    }
}

/// What becomes 0 and 1 in each column.
#[derive(Debug)]
struct Ranges {
    least: Vec<f64>,
    widths: Vec<f64>,
}

impl Ranges {
    fn learn(rows: &[f32], n_cols: usize) -> Self {
        let (mut least, mut most) = (vec![f64::MAX; n_cols], vec![f64::MIN; n_cols]);
        for row in rows.chunks_exact(n_cols) {
            for ((least, most), &value) in least.iter_mut().zip(&mut most).zip(row) {
                *least = least.min(f64::from(value));
                *most = most.max(f64::from(value));
            }
        }
        let widths = most.iter().zip(&least).map(|(most, least)| (most - least).max(LEAST_RANGE)).collect();
        Self { least, widths }
    }

    fn apply(&self, row: &mut [f32]) {
        for ((value, least), width) in row.iter_mut().zip(&self.least).zip(&self.widths) {
            *value = ((f64::from(*value) - least) / width) as f32;
        }
    }

    fn save(&self, mut section: SectionWriter<'_>) {
        section.f64("least", &self.least);
        section.f64("widths", &self.widths);
    }

    fn load(section: &SectionReader<'_>, n_cols: usize) -> Result<Self, LoadError> {
        let (least, widths) = (section.f64("least")?, section.f64("widths")?);
        let fits = least.len() == n_cols
            && widths.len() == n_cols
            && least.iter().all(|least| least.abs() <= 1e9)
            && widths.iter().all(|width| (LEAST_RANGE..=1e9).contains(width));
        if !fits {
            return Err(LoadError::content("least", "and 'widths' are no ranges of these columns"));
        }
        Ok(Self { least: least.to_vec(), widths: widths.to_vec() })
    }
}

/// The nets over the sets of columns.
#[derive(Debug)]
struct Ensemble {
    sets: Vec<Vec<usize>>,
    nets: Vec<Tied>,
}

/// Working memory: for each net its columns of a row, and its own.
type EnsembleRoom = Vec<(Vec<f32>, TiedRoom)>;

impl Ensemble {
    fn room(&self) -> EnsembleRoom {
        self.nets.iter().map(|net| (vec![0.0; net.n_in], net.room())).collect()
    }

    /// The error of each net for a row.
    fn errors(&self, row: &[f32], errors: &mut [f32], room: &mut EnsembleRoom) {
        for ((error, (set, net)), (own, room)) in
            errors.iter_mut().zip(self.sets.iter().zip(&self.nets)).zip(room)
        {
            own.iter_mut().zip(set).for_each(|(own, &col)| *own = row[col]);
            *error = net.error(own, room) as f32;
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.u32("set_sizes", &self.sets.iter().map(|set| set.len() as u32).collect::<Vec<_>>());
        section.u32("set_columns", &self.sets.iter().flatten().map(|&col| col as u32).collect::<Vec<_>>());
        save_nets(section, "first", &self.nets);
    }

    fn load(section: &SectionReader<'_>, n_cols: usize) -> Result<Self, LoadError> {
        let sizes: Vec<usize> = section.u32("set_sizes")?.iter().map(|&size| size as usize).collect();
        let columns: Vec<usize> = section.u32("set_columns")?.iter().map(|&col| col as usize).collect();
        let whole = sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        let fits = !sizes.is_empty()
            && sizes.iter().all(|&size| size > 0)
            && whole == Some(columns.len())
            && columns.iter().all(|&col| col < n_cols);
        if !fits {
            return Err(LoadError::content("set_sizes", "and 'set_columns' are no sets of these columns"));
        }
        let nets = load_nets(section, "first", &sizes)?;
        let mut rest = columns.as_slice();
        let take = |size: &usize| {
            let (set, others) = rest.split_at(*size);
            rest = others;
            set.to_vec()
        };
        Ok(Self { sets: sizes.iter().map(take).collect(), nets })
    }
}

fn save_nets(section: &mut SectionWriter<'_>, name: &str, nets: &[Tied]) {
    section.u32(&format!("{name}_hidden"), &nets.iter().map(|net| net.hidden as u32).collect::<Vec<_>>());
    section.f32(&format!("{name}_numbers"), &nets.iter().flat_map(Tied::numbers).collect::<Vec<_>>());
}

/// Reads nets that take so many values.
fn load_nets(section: &SectionReader<'_>, name: &str, sizes: &[usize]) -> Result<Vec<Tied>, LoadError> {
    let (hidden_name, numbers_name) = (format!("{name}_hidden"), format!("{name}_numbers"));
    let hidden = section.u32(&hidden_name)?;
    let pairs = || sizes.iter().zip(hidden).map(|(&n_in, &hidden)| (n_in, hidden as usize));
    if hidden.len() != sizes.len() || !pairs().all(|(n_in, hidden)| (1..=n_in).contains(&hidden)) {
        return Err(LoadError::content(hidden_name, "are no hidden values of these nets"));
    }
    let wanted =
        pairs().fold(0usize, |sum, (n_in, hidden)| sum.saturating_add(Tied::n_numbers(n_in, hidden)));
    let mut rest = numbers(section, &numbers_name, wanted)?;
    let take = |(n_in, hidden)| {
        let (own, others) = rest.split_at(Tied::n_numbers(n_in, hidden));
        rest = others;
        Tied::of(n_in, hidden, own)
    };
    Ok(pairs().map(take).collect())
}

/// A fitted [`Kitnet`].
#[derive(Debug)]
struct KitnetModel {
    standard: Standard,
    columns: Ranges,
    first: Ensemble,
    errors: Ranges,
    last: Tied,
}

impl KitnetModel {
    fn numbers(&self) -> impl Iterator<Item = f32> {
        self.first.nets.iter().chain([&self.last]).flat_map(Tied::numbers)
    }
}

impl RowModel for KitnetModel {
    fn n_features(&self) -> usize {
        self.standard.n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let (mut first_room, mut last_room) = (self.first.room(), self.last.room());
        let (mut values, mut errors) = (vec![0.0; self.n_features()], vec![0.0; self.first.nets.len()]);
        for (row, score) in rows.iter().zip(out) {
            self.standard.apply(row, &mut values);
            self.columns.apply(&mut values);
            self.first.errors(&values, &mut errors, &mut first_room);
            let error = if let [only] = errors.as_slice() {
                f64::from(*only)
            } else {
                self.errors.apply(&mut errors);
                self.last.error(&errors, &mut last_room)
            };
            // Weights from a damaged file may make something that is no number.
            *score = if error.is_nan() { f64::MAX } else { error.min(f64::MAX) };
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.standard.save(section);
        self.columns.save(section.part("columns"));
        self.first.save(section);
        self.errors.save(section.part("errors"));
        save_nets(section, "last", std::slice::from_ref(&self.last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_against_the_relation_is_odd() {
        // Six columns show two hidden numbers.
        let row = |idx: u32| {
            let (x, y) = ((idx * 37 % 101) as f32 / 100.0, (idx * 53 % 97) as f32 / 96.0);
            [x, y, 1.0 - x, 2.0 * y, 3.0 * x, -y]
        };
        let values: Vec<f32> = (0..2000).flat_map(row).collect();
        let kitnet = Kitnet { hidden_ratio: Fraction::new(0.4), epochs: Count::new(20), ..Kitnet::default() };
        let model = Detector::fit(&kitnet, RowsView::new(&values, 6), &FitContext::default()).unwrap();
        let mut out = vec![0.0; 100];
        model.score_once(RowsView::new(&values[..600], 6), &[], &mut out);
        let most = out.iter().copied().fold(0.0, f64::max);
        let mut odd = row(0);
        odd[2] = 1.0 - odd[2];
        model.score_once(RowsView::new(&odd, 6), &[], &mut out[..1]);
        assert!(out[0] > 2.0 * most, "{} {most}", out[0]);
    }
}
