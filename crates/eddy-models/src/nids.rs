//! The recipe for intrusion detection: known attacks and unknown ones.

use std::sync::Arc;

use eddy_detect::{
    About, Calibration, ClassLabels, Classes, Detector, FitContext, FitError, LearnsFrom, LoadError, Model,
    ModelKind, RowModel, SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    DETECTORS,
    forest::{class_labels, load_classes},
    held::gather,
    stream::part_seed,
};

/// Known attacks and unknown ones: forests that learned the attacks, and a distance from what is normal.
///
/// A forest knows the attacks that it was shown and gives new ones to whatever lies nearest, often to the normal rows.
/// A distance from the normal rows knows no attack, so none is new to it. A random forest and extra trees learn from the
/// labels, a Mahalanobis distance from the normal rows alone; every fifth normal row is held out, and tells how rare each
/// score is among normal rows that the models have not seen. The negative logarithms of these shares are added up.
///
/// Score range: 0 to 1: one less the estimated share of normal rows that look as strange. From 0.95 on (5 % of normal
/// rows) a row is taken for an attack. The class probabilities are those of the random forest: which known attack a row
/// is most like. Input: columns that are symmetric and on one scale. A missing value counts as a very large one. Blind
/// to: attacks that look like normal rows in every column. Cost: that of the two forests.
///
/// Source: adding up negative logarithms of tail shares is Fisher's method ("Statistical Methods for Research Workers",
/// 1932); what was tried is in `docs/explanation/unknown-attacks.md`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Nids {}

/// The models that vote. The first one names classes.
const MEMBERS: [&str; 3] = ["random_forest", "extra_trees", "mahalanobis"];
/// One normal row in so many is held out.
const HELD_OUT: usize = 5;
/// With fewer held out the normal rows that were learned from have to do.
const LEAST_HELD_OUT: usize = 50;
/// Held-out scores that are kept at most, at evenly spaced ranks.
const MOST_STEPS: usize = 1 << 15;

impl Detector for Nids {
    const ABOUT: About = About {
        name: "nids",
        title: "Known and unknown attacks",
        kind: ModelKind::Row,
        summary: "Adds up how strange two forests that know the attacks and a distance from the normal rows find a row.",
        blind_to: "Attacks that look like normal rows in every column.",
        cost: "That of a random forest, extra trees and a Mahalanobis distance.",
        source: "Fisher's method, 1932, on shares among held-out normal rows.",
        natural_threshold: Some(0.95),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let is_normal = |row: usize| !labels.classes.is_attack[usize::from(labels.of_rows[row])];
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
        let kept: Vec<usize> = (0..rows.n_rows()).filter(|&row| !is_held[row]).collect();
        let of_kept: Vec<u16> = kept.iter().map(|&row| labels.of_rows[row]).collect();
        let (kept, normal, held) = (gather(rows, &kept), gather(rows, &normal), gather(rows, &held));
        let all_normal = vec![false; normal.n_rows()];
        let mut members = Vec::with_capacity(MEMBERS.len());
        for (idx, name) in MEMBERS.iter().enumerate() {
            let entry = DETECTORS.get(name)?;
            let detector = entry.parse(&Value::Null)?;
            let context = FitContext { seed: part_seed(context.seed, idx), times: None, series_ends: &[], ..*context };
            let model = if entry.learns_from == LearnsFrom::Labels {
                let class_labels = Some(ClassLabels { of_rows: &of_kept, ..labels });
                detector.fit(kept.view(), &FitContext { class_labels, labels: None, ..context })?
            } else {
                let labels = Some(all_normal.as_slice());
                detector.fit(normal.view(), &FitContext { class_labels: None, labels, ..context })?
            };
            let mut scores = vec![0.0; held.n_rows()];
            model.score_once(held.view(), &[], &mut scores);
            members.push(Member { model, rarity: Rarity::new(scores) });
        }
        let mut model = NidsModel {
            members,
            total: Calibration::identity(),
            classes: labels.classes.clone(),
            n_features: rows.n_cols(),
        };
        let mut totals = vec![0.0; held.n_rows()];
        model.add_up(held.view(), &mut totals);
        model.total = Calibration::fit(&totals);
        Ok(Model::Row(Arc::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let classes = load_classes(section)?;
        let mut members = Vec::with_capacity(MEMBERS.len());
        for name in MEMBERS {
            let part = section.part(name);
            let entry = DETECTORS.get(name).map_err(|error| LoadError::content("members", error.to_string()))?;
            members.push(Member { model: entry.load(&part)?, rarity: Rarity::load(&part)? });
        }
        let n_features = members[0].model.n_features();
        let fits = |member: &Member| member.model.n_features() == n_features;
        let same_classes = matches!(&members[0].model, Model::Row(model) if model.classes() == Some(&classes));
        if !members.iter().all(fits) || !same_classes {
            return Err(LoadError::content("members", "were not fitted together"));
        }
        let total = Calibration::load(&section.part("total"))?;
        Ok(Model::Row(Arc::new(NidsModel { members, total, classes, n_features })))
    }
}

/// How rare a score is among the held-out normal rows.
struct Rarity {
    /// Scores, ascending.
    steps: Vec<f64>,
}

impl Rarity {
    fn new(mut scores: Vec<f64>) -> Self {
        scores.sort_unstable_by(f64::total_cmp);
        let n = scores.len();
        let n_kept = n.min(MOST_STEPS);
        let rank = |idx: usize| if n_kept == n { idx } else { idx * (n - 1) / (n_kept - 1) };
        let steps = (0..n_kept).map(|idx| scores[rank(idx)]).collect();
        Self { steps }
    }

    /// `-log10` of the share of held-out rows that score as high, as the steps have it.
    fn surprise(&self, score: f64) -> f64 {
        let n = self.steps.len();
        let as_high = n - self.steps.partition_point(|&step| step < score);
        -((as_high as f64 + 0.5) / (n as f64 + 1.0)).log10()
    }

    fn load(section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let steps = section.f64("held_out_scores")?.to_vec();
        if steps.is_empty() || !steps.iter().all(|step| step.is_finite()) || !steps.is_sorted() {
            return Err(LoadError::content("held_out_scores", "are not ascending finite numbers"));
        }
        Ok(Self { steps })
    }
}

struct Member {
    model: Model,
    rarity: Rarity,
}

/// A fitted [`Nids`].
struct NidsModel {
    members: Vec<Member>,
    /// Scale of the sums.
    total: Calibration,
    classes: Classes,
    n_features: usize,
}

/// Part of a raw score that is added, so that rows beyond all that were held out are told apart.
const TIE_BREAK: f64 = 1e-3;

impl NidsModel {
    fn add_up(&self, rows: RowsView<'_>, out: &mut [f64]) {
        out.fill(0.0);
        let mut scores = vec![0.0; out.len()];
        for member in &self.members {
            member.model.score_once(rows, &[], &mut scores);
            for (sum, &score) in out.iter_mut().zip(&scores) {
                *sum += member.rarity.surprise(score) + TIE_BREAK * score.max(0.0).ln_1p();
            }
        }
    }
}

impl RowModel for NidsModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        self.add_up(rows, out);
        for score in out {
            *score = 1.0 - 10f64.powf(-self.total.surprise(*score));
        }
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        if let Model::Row(model) = &self.members[0].model {
            model.probabilities(rows, out);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("classes", &self.classes);
        for (name, member) in MEMBERS.iter().zip(&self.members) {
            let mut part = section.part(name);
            part.f64("held_out_scores", &member.rarity.steps);
            member.model.save(&mut part);
        }
        self.total.save(&mut section.part("total"));
    }
}
