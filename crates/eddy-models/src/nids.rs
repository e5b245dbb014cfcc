//! The recipe for intrusion detection: known attacks and unknown ones.

use std::sync::Arc;

use eddy_detect::{
    About, ClassLabels, Classes, Detector, FitContext, FitError, LearnsFrom, LoadError, Model,
    ModelKind, RowModel, ScoreScale, SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    forest::{class_labels, load_classes},
    held::gather,
    normal_panel::{NormalPanel, Part, Parted, detector_of, in_pieces, load_part},
    rarity::{Rarity, Tail},
};

/// Known attacks and unknown ones: trees that learned the attacks, and distances from what is normal.
///
/// Trees know the attacks that they were shown and give new ones to whatever lies nearest, often to the normal rows. A
/// distance from the normal rows knows no attack, so none is new to it. A random forest, extra trees and gradient
/// boosting learn from the labels, and the mean of their probabilities of an attack is one voice. The other is the mean
/// surprise of the local outlier factor and of the distance to the nearest dense region, both learned from the normal
/// rows alone, brought to their scale and cut off at ten deviations. Every fifth normal row is held out, and tells how
/// rare each score is among normal rows that the models have not seen. The negative logarithms of these shares are added
/// up, that of the more surprised voice twice, and the sums held against those of the held-out rows again.
///
/// Score range: 0 upwards: `-log10` of the estimated share of normal rows that look as strange. From 1.3 on (5 % of
/// normal rows) a row is taken for an attack. The class probabilities are those of the random forest: which known attack
/// a row is most like. Input: columns that are symmetric. A missing value counts as a very large one. Blind to: attacks
/// that look like normal rows in every column. Cost: that of the trees and of the nearest neighbours among at most
/// 20,000 rows, twice.
///
/// Source: adding up negative logarithms of tail shares is Fisher's method ("Statistical Methods for Research Workers",
/// 1932); what was tried is in `docs/explanation/unknown-attacks.md`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nids {}

/// What learns from labels; the mean of these is one voice. The first one learns all classes and names them, the others
/// attacks and normal rows. Trees that look at few columns for each cut differ more from each other, and so rank attacks
/// better that none of them was shown; leaves that are smoothed tell rows of which all trees say "normal" by how many
/// normal rows say so.
const KNOWING: [Part; 3] = [
    ("random_forest", r#"{"max_features": null, "smoothing": 0.1}"#),
    ("extra_trees", r#"{"max_features": null, "smoothing": 0.1}"#),
    ("gradient_boosting", "{}"),
];
/// What learns from normal rows; the mean of their surprises is the other voice.
const UNKNOWING: [Part; 2] = [("lof", "{}"), ("dbscan", "{}")];
/// Surprise of the sum for each unit of it beyond all held-out rows: voices that say the same, one of them twice, count
/// once.
const TAIL: f64 = 1.0 / 3.0;

impl Detector for Nids {
    const ABOUT: About = About {
        name: "nids",
        title: "Known and unknown attacks",
        kind: ModelKind::Row,
        summary: "Adds up how strange trees that know the attacks and distances from the normal rows find a row.",
        blind_to: "Attacks that look like normal rows in every column.",
        cost: "That of a random forest, extra trees, gradient boosting, and twice the nearest of 20,000 rows.",
        source: "Fisher's method, 1932, on shares among held-out normal rows.",
        // One normal row in twenty.
        natural_threshold: Some(1.301_029_995_663_981_2),
    };

    const SCALE: ScoreScale = ScoreScale::Surprise;
    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;
    const SCALE_SENSITIVE: bool = true;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let is_attack = |row: usize| labels.classes.is_attack[usize::from(labels.of_rows[row])];
        let parts = Parted::new(rows, |row| !is_attack(row));
        let blank = FitContext { times: None, series_ends: &[], class_labels: None, labels: None, ..*context };
        let binary = Classes { names: vec!["attack".into(), "normal".into()], is_attack: vec![true, false] };
        let of_kept: Vec<u16> = parts.kept_idxs.iter().map(|&row| labels.of_rows[row]).collect();
        let attacks: Vec<bool> = parts.kept_idxs.iter().map(|&row| is_attack(row)).collect();
        let of_binary: Vec<u16> = attacks.iter().map(|&attack| u16::from(!attack)).collect();
        let kept = gather(rows, &parts.kept_idxs);
        let mut knowing = Vec::with_capacity(KNOWING.len());
        for (idx, part) in KNOWING.iter().enumerate() {
            let (classes, of_rows) = if idx == 0 { (labels.classes, &of_kept) } else { (&binary, &of_binary) };
            let class_labels = Some(ClassLabels { classes, of_rows });
            let context = FitContext { class_labels, labels: Some(&attacks), ..blank };
            knowing.push(detector_of(part)?.fit(kept.view(), &context, idx)?);
        }
        drop(kept);
        let all_normal = vec![false; parts.normal.n_rows()];
        let context = FitContext { labels: Some(&all_normal), ..blank };
        let panel = NormalPanel::fit(&UNKNOWING, &parts, rows, &context, KNOWING.len())?;
        let held = parts.held.view();
        let known = Rarity::new(in_pieces(held, |rows, out| mean_into(&knowing, rows, out)), Tail::Power);
        let total = Rarity::new(vec![0.0], Tail::Exponential(TAIL));
        let mut model = NidsModel { knowing, known, panel, total, classes: labels.classes.clone() };
        let totals = in_pieces(held, |rows, out| model.add_up(rows, out));
        model.total = Rarity::new(totals, Tail::Exponential(TAIL));
        Ok(Model::Row(Arc::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let classes = load_classes(section)?;
        let mut knowing = Vec::with_capacity(KNOWING.len());
        for part in &KNOWING {
            knowing.push(load_part(part, section)?);
        }
        let panel = NormalPanel::load(&UNKNOWING, section)?;
        let n_features = panel.n_features();
        if !knowing.iter().all(|model| model.n_features() == n_features)
            || knowing[0].classes() != Some(&classes)
        {
            return Err(LoadError::content("members", "were not fitted together"));
        }
        Ok(Model::Row(Arc::new(NidsModel {
            known: Rarity::load(&section.part("known"), Tail::Power)?,
            total: Rarity::load(&section.part("total"), Tail::Exponential(TAIL))?,
            knowing,
            panel,
            classes,
        })))
    }
}

fn mean_into(models: &[Arc<dyn RowModel>], rows: RowsView<'_>, out: &mut [f64]) {
    let mut scores = vec![0.0; out.len()];
    out.fill(0.0);
    for model in models {
        model.score(rows, &mut scores);
        out.iter_mut().zip(&scores).for_each(|(mean, score)| *mean += score / models.len() as f64);
    }
}

/// A fitted [`Nids`].
struct NidsModel {
    knowing: Vec<Arc<dyn RowModel>>,
    /// How rare their mean is.
    known: Rarity,
    panel: NormalPanel,
    /// How rare the sums are.
    total: Rarity,
    classes: Classes,
}

impl NidsModel {
    /// The surprises of both voices, that of the more surprised one twice.
    fn add_up(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let mut distant = vec![0.0; out.len()];
        self.panel.add(rows, &mut distant);
        mean_into(&self.knowing, rows, out);
        for (total, distant) in out.iter_mut().zip(distant) {
            let known = self.known.surprise(*total);
            *total = known + distant + known.max(distant);
        }
    }
}

impl RowModel for NidsModel {
    fn n_features(&self) -> usize {
        self.knowing[0].n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        self.add_up(rows, out);
        out.iter_mut().for_each(|score| *score = self.total.surprise(*score));
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        self.knowing[0].probabilities(rows, out);
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("classes", &self.classes);
        for (part, model) in KNOWING.iter().zip(&self.knowing) {
            model.save(&mut section.part(part.0));
        }
        self.known.save(&mut section.part("known"));
        self.panel.save(&UNKNOWING, section);
        self.total.save(&mut section.part("total"));
    }
}
