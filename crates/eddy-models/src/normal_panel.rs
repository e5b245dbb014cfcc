//! Several detectors that learn what is normal, and how rare normal rows find their scores.

use std::sync::Arc;

use eddy_detect::{FitContext, FitError, LoadError, RowModel, SectionReader, SectionWriter};
use eddy_frame::{Rows, RowsView};
use rayon::prelude::*;

use crate::{
    held::{Held, gather},
    normal_scale::NormalScale,
    rarity::{Rarity, Tail},
};

/// Name and parameters that differ from the default.
pub(crate) type Part = (&'static str, &'static str);

/// One normal row in so many is held out.
const HELD_OUT: usize = 5;
/// With fewer held out the normal rows that were learned from have to do.
const LEAST_HELD_OUT: usize = 50;
/// Rows scored at a time on one thread.
const PIECE_ROWS: usize = 2048;

/// The detector that a part names.
pub(crate) fn detector_of(part: &Part) -> Result<Held, FitError> {
    let params = serde_json::from_str(part.1).map_err(|error| FitError::Data(error.to_string()))?;
    Ok(Held { detector: part.0.to_owned(), params })
}

/// Reads the model of a part.
pub(crate) fn load_part(part: &Part, section: &SectionReader<'_>) -> Result<Arc<dyn RowModel>, LoadError> {
    Held::of(part.0).load(&section.part(part.0))
}

/// Scores of many rows, over threads.
pub(crate) fn in_pieces(rows: RowsView<'_>, score: impl Fn(RowsView<'_>, &mut [f64]) + Sync) -> Vec<f64> {
    let mut out = vec![0.0; rows.n_rows()];
    out.par_chunks_mut(PIECE_ROWS).enumerate().for_each(|(at, out)| {
        score(rows.slice(at * PIECE_ROWS, at * PIECE_ROWS + out.len()), out);
    });
    out
}

/// The rows that models learn from, and those that tell how rare a score is.
pub(crate) struct Parted {
    /// Places of all rows that were not held out.
    pub(crate) kept_idxs: Vec<usize>,
    /// The normal ones of these.
    pub(crate) normal: Rows,
    /// Normal rows.
    pub(crate) held: Rows,
}

impl Parted {
    /// Holds out every fifth normal row; where none is normal all are taken for it.
    pub(crate) fn new(rows: RowsView<'_>, is_normal: impl Fn(usize) -> bool) -> Self {
        let mut normal: Vec<usize> = (0..rows.n_rows()).filter(|&row| is_normal(row)).collect();
        if normal.is_empty() {
            normal = (0..rows.n_rows()).collect();
        }
        let mut held: Vec<usize> = normal.iter().copied().skip(HELD_OUT - 1).step_by(HELD_OUT).collect();
        let mut is_held = vec![false; rows.n_rows()];
        if held.len() >= LEAST_HELD_OUT {
            held.iter().for_each(|&row| is_held[row] = true);
            normal.retain(|&row| !is_held[row]);
        } else {
            held.clone_from(&normal);
        }
        let kept_idxs = (0..rows.n_rows()).filter(|&row| !is_held[row]).collect();
        Self { kept_idxs, normal: gather(rows, &normal), held: gather(rows, &held) }
    }
}

/// Fitted detectors of what is normal.
pub(crate) struct NormalPanel {
    scale: NormalScale,
    /// Each with how rare its scores are.
    members: Vec<(Arc<dyn RowModel>, Rarity)>,
}

impl NormalPanel {
    /// Fits the parts, numbered from `first` on, to the normal rows.
    pub(crate) fn fit(
        parts: &[Part],
        rows: &Parted,
        all: RowsView<'_>,
        context: &FitContext<'_>,
        first: usize,
    ) -> Result<Self, FitError> {
        let scale = NormalScale::learn(rows.normal.view(), all);
        let (normal, held) = (scale.bring(rows.normal.view()), scale.bring(rows.held.view()));
        let mut members = Vec::with_capacity(parts.len());
        for (idx, part) in parts.iter().enumerate() {
            let model = detector_of(part)?.fit(normal.view(), context, first + idx)?;
            let scores = in_pieces(held.view(), |rows, out| model.score(rows, out));
            members.push((model, Rarity::new(scores, Tail::Power)));
        }
        Ok(Self { scale, members })
    }

    /// Adds the mean surprise of the members to `out`.
    pub(crate) fn add(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let scaled = self.scale.bring(rows);
        let mut scores = vec![0.0; out.len()];
        let share = 1.0 / self.members.len() as f64;
        for (model, rarity) in &self.members {
            model.score(scaled.view(), &mut scores);
            out.iter_mut().zip(&scores).for_each(|(sum, &score)| *sum += share * rarity.surprise(score));
        }
    }

    /// Number of columns it was fitted on.
    pub(crate) fn n_features(&self) -> usize {
        self.members[0].0.n_features()
    }

    pub(crate) fn save(&self, parts: &[Part], section: &mut SectionWriter<'_>) {
        self.scale.save(section);
        for (part, (model, rarity)) in parts.iter().zip(&self.members) {
            let mut part = section.part(part.0);
            rarity.save(&mut part);
            model.save(&mut part);
        }
    }

    /// Reads what [`NormalPanel::save`] wrote.
    pub(crate) fn load(parts: &[Part], section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let mut members = Vec::with_capacity(parts.len());
        for part in parts {
            let rarity = Rarity::load(&section.part(part.0), Tail::Power)?;
            members.push((load_part(part, section)?, rarity));
        }
        let n_features = members[0].0.n_features();
        if !members.iter().all(|(model, _)| model.n_features() == n_features) {
            return Err(LoadError::content("members", "were not fitted together"));
        }
        Ok(Self { scale: NormalScale::load(section, n_features)?, members })
    }
}
