//! The recipe for tables without attack labels: what is normal, seen in three ways.

use std::sync::Arc;

use eddy_detect::{
    About, Calibration, Detector, FitContext, FitError, LoadError, Model, ModelKind, RowModel, ScoreScale,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::normal_panel::{NormalPanel, Part, Parted, in_pieces};

/// What is normal, learned from normal rows alone: a vote of three distances.
///
/// A Mahalanobis distance knows how columns hang together, the distance to the nearest neighbours knows every cluster,
/// and the local outlier factor how dense it is there. Columns are brought to the scale of the normal rows and cut off
/// at ten deviations. Every fifth row is held out, and tells how rare each score is; the mean of the negative logarithms
/// of these shares is brought to scale on the held-out rows again. Where labels are known, rows labelled as attacks are
/// left out.
///
/// Score range: 0 upwards: `-log10` of the estimated share of typical rows that look as strange. Input: columns that are
/// symmetric. A missing value counts as a very large one. Blind to: attacks that look like normal rows in every column.
/// Cost: that of the nearest neighbours among at most 20,000 rows, twice.
///
/// Source: Mahalanobis 1936; Ramaswamy, Rastogi & Shim 2000; Breunig et al. 2000; the negative logarithms of shares are
/// those of Fisher's method, 1932. What was tried is in `docs/explanation/unknown-attacks.md`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Normals {}

/// What is asked.
const MEMBERS: [Part; 3] = [("mahalanobis", r#"{"ridge": 0.01}"#), ("knn", "{}"), ("lof", "{}")];

impl Detector for Normals {
    const ABOUT: About = About {
        name: "normals",
        title: "What is normal",
        kind: ModelKind::Row,
        summary: "Adds up how far a row lies from normal rows: from their centre, their nearest and their densest.",
        blind_to: "Attacks that look like normal rows in every column.",
        cost: "That of a Mahalanobis distance, the nearest neighbours and the local outlier factor.",
        source: "Fisher's method, 1932, on shares among held-out rows.",
        natural_threshold: None,
    };

    const SCALE: ScoreScale = ScoreScale::Surprise;
    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let parts = Parted::new(rows, |row| context.labels.is_none_or(|is_attack| !is_attack[row]));
        let all_normal = vec![false; parts.normal.n_rows()];
        let labels = context.labels.map(|_| all_normal.as_slice());
        let context = FitContext { times: None, series_ends: &[], class_labels: None, labels, ..*context };
        let panel = NormalPanel::fit(&MEMBERS, &parts, rows, &context, 0)?;
        let totals = in_pieces(parts.held.view(), |rows, out| panel.add(rows, out));
        Ok(Model::Row(Arc::new(NormalsModel { panel, total: Calibration::fit(&totals) })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let panel = NormalPanel::load(&MEMBERS, section)?;
        let total = Calibration::load(&section.part("total"))?;
        Ok(Model::Row(Arc::new(NormalsModel { panel, total })))
    }
}

/// A fitted [`Normals`].
struct NormalsModel {
    panel: NormalPanel,
    total: Calibration,
}

impl RowModel for NormalsModel {
    fn n_features(&self) -> usize {
        self.panel.n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        out.fill(0.0);
        self.panel.add(rows, out);
        out.iter_mut().for_each(|score| *score = self.total.surprise(*score));
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        self.panel.save(&MEMBERS, section);
        self.total.save(&mut section.part("total"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows along a line, and one in ten far off it that is labelled as an attack.
    fn table(n: usize) -> (Vec<f32>, Vec<bool>) {
        let is_attack: Vec<bool> = (0..n).map(|at| at % 10 == 9).collect();
        let row = |(at, &attack): (usize, &bool)| {
            let x = (at * 37 % 101) as f32;
            [x, x + (at * 7 % 5) as f32 + if attack { 60.0 } else { 0.0 }]
        };
        (is_attack.iter().enumerate().flat_map(row).collect(), is_attack)
    }

    #[test]
    fn rows_labelled_as_attacks_are_not_learned_from() {
        let (values, is_attack) = table(1_000);
        let context = FitContext { labels: Some(&is_attack), ..FitContext::default() };
        let model = Detector::fit(&Normals {}, RowsView::new(&values, 2), &context).unwrap();
        let mut scores = vec![0.0; 1_000];
        model.score_once(RowsView::new(&values, 2), &[], &mut scores);
        let of = |attack| scores.iter().zip(&is_attack).filter(move |(_, a)| **a == attack).map(|(s, _)| *s);
        let highest = of(false).fold(0.0, f64::max);
        assert!(of(true).all(|score| score > highest), "{highest}");
    }
}
