//! LODA.

use std::ops::Range;
use std::sync::Arc;

use eddy_detect::{
    About, Count, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, SectionReader,
    SectionWriter,
};
use eddy_frame::RowsView;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked,
    columns::finite,
    histogram::{Bins, Histogram},
    stream::{normal, stream},
};

/// LODA: rows that fall into rare places of many random one-dimensional views of the data are anomalous.
///
/// Each view adds up a few columns, the square root of their number, with random weights, and has a histogram. The score
/// is the mean over the views of `-ln` of the share of training rows in the row's bin. An empty bin counts as half a row;
/// beyond the bins the score goes on growing with the logarithm of the distance in bins.
///
/// Score range: 0 upwards. Input: columns should be of one scale, for a view adds them up; the pipeline's scaling step
/// sees to that. A missing value counts as a very large one. Blind to: anomalies in few of many columns; gaps narrower
/// than a bin. Cost: fit `O(n * views * sqrt d)`, score `O(views * (sqrt d + log bins))` per row.
///
/// Source: Pevny, "Loda: Lightweight on-line detector of anomalies", Machine Learning 2016, equations 1 and 2. Where
/// ours differs: the number of bins is a parameter, as in PyOD; empty bins and values outside are finite and graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Loda {
    /// Number of random views. More views make scores steadier and take proportionally longer.
    pub n_projections: Count,
    /// Bins of equal width per view.
    pub n_bins: Count,
}

impl Default for Loda {
    fn default() -> Self {
        Self { n_projections: Count::new(100), n_bins: Count::new(20) }
    }
}

/// Rows that all views look at together.
const BLOCK: usize = 256;
/// Views whose places of all rows are kept at a time on one thread, while fitting.
const VIEWS_AT_ONCE: usize = 8;

impl Detector for Loda {
    const ABOUT: About = About {
        name: "loda",
        title: "LODA",
        kind: ModelKind::Row,
        summary: "Averages, over random sparse projections, how rare the histogram bin is that the row falls into.",
        blind_to: "Anomalies in a few of many columns; gaps narrower than a bin; columns of very unlike scale.",
        cost: "Fit O(n * projections * sqrt d); score O(projections * sqrt d) per row; memory O(projections * bins).",
        source: "Pevny, Loda: Lightweight on-line detector of anomalies, Machine Learning 2016.",
        natural_threshold: None,
    };

    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let draw = |view_idx| View::draw(rows.n_cols(), &mut stream(context.seed, view_idx));
        let views: Vec<View> = (0..self.n_projections.get()).map(draw).collect();
        let surprise = |count: f64| -(count.max(0.5) / rows.n_rows() as f64).ln();
        let histogram = |values: Vec<f64>| {
            let bins = Bins::equal_width(&values, self.n_bins.get());
            let surprises = bins.counts.iter().map(|&count| surprise(count)).collect();
            Histogram::new(bins, surprises, surprise(0.0))
        };
        let fit = |views: &[View]| -> Vec<Histogram> {
            let mut values = vec![vec![0.0; rows.n_rows()]; views.len()];
            in_blocks(rows, |places, block| {
                for (view, values) in views.iter().zip(&mut values) {
                    view.project(block, &mut values[places.clone()]);
                }
            });
            values.into_iter().map(histogram).collect()
        };
        let histograms = views.par_chunks(VIEWS_AT_ONCE).flat_map_iter(fit).collect();
        Ok(Model::Row(Arc::new(LodaModel { views, histograms, n_features: rows.n_cols() })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let (features, weights) = (section.u32("feature")?, section.f32("weight")?);
        let view_len = view_len(n_features);
        let n_views = features.len() / view_len;
        if n_views == 0 {
            return Err(LoadError::content("feature", "holds no projection"));
        }
        checked::check_len("feature", features.len(), n_views * view_len)?;
        checked::check_len("weight", weights.len(), n_views * view_len)?;
        if !features.iter().all(|&feature| (feature as usize) < n_features) {
            return Err(LoadError::content("feature", "names a column that the model does not have"));
        }
        if !weights.iter().all(|weight| weight.is_finite()) {
            return Err(LoadError::content("weight", "holds a number that is not finite"));
        }
        let views = features.chunks_exact(view_len).zip(weights.chunks_exact(view_len));
        let views = views
            .map(|(features, weights)| View(features.iter().copied().zip(weights.iter().copied()).collect()))
            .collect();
        let histograms = Histogram::load_all(section, n_views)?;
        Ok(Model::Row(Arc::new(LodaModel { views, histograms, n_features })))
    }
}

/// Columns that a view adds up.
fn view_len(n_features: usize) -> usize {
    n_features.isqrt().max(1)
}

/// A sparse random projection: columns and their weights.
#[derive(Debug, Clone, PartialEq)]
struct View(Vec<(u32, f32)>);

impl View {
    fn draw(n_features: usize, rng: &mut impl rand::Rng) -> Self {
        let features = rand::seq::index::sample(rng, n_features, view_len(n_features));
        Self(features.into_iter().map(|feature| (feature as u32, normal(rng) as f32)).collect())
    }

    /// Where the rows of a block fall.
    fn project(&self, block: &Block, out: &mut [f64]) {
        // What sums of floating-point numbers begin with.
        out.fill(-0.0);
        for &(feature, weight) in &self.0 {
            add_product(block.column(feature as usize), f64::from(weight), out);
        }
    }
}

eddy_detect::wide! {
    /// Adds the numbers, each times a weight.
    fn add_product(numbers: &[f64], weight: f64, out: &mut [f64]) {
        for (sum, number) in out.iter_mut().zip(numbers) {
            *sum += number * weight;
        }
    }
}

/// Some rows, column by column.
struct Block {
    values: Vec<f64>,
    /// Most rows in it.
    width: usize,
}

impl Block {
    fn column(&self, col_idx: usize) -> &[f64] {
        &self.values[col_idx * self.width..(col_idx + 1) * self.width]
    }
}

/// The rows in blocks, for all views to look at while they are near.
fn in_blocks(rows: RowsView<'_>, mut see: impl FnMut(Range<usize>, &Block)) {
    let width = BLOCK.min(rows.n_rows()).max(1);
    let mut block = Block { values: vec![0.0; rows.n_cols() * width], width };
    for start in (0..rows.n_rows()).step_by(width) {
        let places = start..(start + width).min(rows.n_rows());
        for (idx, row) in rows.slice(places.start, places.end).iter().enumerate() {
            for (column, &value) in block.values.chunks_exact_mut(width).zip(row) {
                column[idx] = f64::from(finite(value));
            }
        }
        see(places, &block);
    }
}

/// A fitted [`Loda`].
#[derive(Debug)]
struct LodaModel {
    views: Vec<View>,
    histograms: Vec<Histogram>,
    n_features: usize,
}

impl RowModel for LodaModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        out.fill(0.0);
        let mut values = [0.0; BLOCK];
        in_blocks(rows, |places, block| {
            let (values, sums) = (&mut values[..places.len()], &mut out[places]);
            for (view, histogram) in self.views.iter().zip(&self.histograms) {
                view.project(block, values);
                histogram.add_surprises(values, sums);
            }
        });
        for score in out {
            *score /= self.views.len() as f64;
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        let parts = || self.views.iter().flat_map(|view| &view.0);
        section.value("n_features", &self.n_features);
        section.u32("feature", &parts().map(|&(feature, _)| feature).collect::<Vec<_>>());
        section.f32("weight", &parts().map(|&(_, weight)| weight).collect::<Vec<_>>());
        Histogram::save_all(&self.histograms, section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_adds_up_the_square_root_of_the_columns() {
        for (n_features, expect) in [(1, 1), (3, 1), (4, 2), (10, 3), (300, 17)] {
            let View(parts) = View::draw(n_features, &mut stream(42.0.try_into().unwrap(), 0));
            assert_eq!(parts.len(), expect);
        }
        let block = Block { values: vec![0.0, 0.0, 0.0, 3.0, 0.0, 4.0], width: 2 };
        let mut places = [0.0; 2];
        View(vec![(1, 2.0), (2, -1.0)]).project(&block, &mut places);
        assert_eq!(places, [0.0, 2.0]);
    }

    #[test]
    fn rows_score_together_as_each_alone() {
        let n_rows = 2 * BLOCK + 77;
        let mut rng = stream(7.0.try_into().unwrap(), 0);
        let values: Vec<f32> = (0..n_rows * 5).map(|_| normal(&mut rng) as f32).collect();
        let context = FitContext::default();
        let Ok(Model::Row(model)) = Loda::default().fit(RowsView::new(&values[..BLOCK * 5], 5), &context) else {
            panic!("a model of rows")
        };
        let mut values = values;
        (values[3], values[9]) = (f32::NAN, 1e30);
        let rows = RowsView::new(&values, 5);
        let mut together = vec![0.0; n_rows];
        model.score(rows, &mut together);
        for (idx, score) in together.iter().enumerate() {
            let mut alone = [0.0];
            model.score(rows.slice(idx, idx + 1), &mut alone);
            assert_eq!(alone[0].to_bits(), score.to_bits(), "row {idx}");
        }
    }
}
