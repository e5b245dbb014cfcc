//! Stacking.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Count, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    forest::{class_labels, load_classes, score_by_probabilities},
    held::{Held, fit_all, load_all, out_of_fold, save},
};

/// Stacking: a model that learns what to make of what other models say.
///
/// The members' probabilities for rows that they have not seen (each part of the rows is left out once) are what the
/// final model learns from; then the members are fitted on all rows.
///
/// Score range: 0 to 1, the final model's probability of an attack. Input and missing values: as the members have them.
/// Blind to: what all members are blind to. Cost: the sum of the members', `folds + 1` times.
///
/// Source: Wolpert, "Stacked Generalization", Neural Networks 1992; with probabilities as in Ting & Witten 1999.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Stacking {
    /// The models that are listened to.
    pub members: Vec<Held>,
    /// The model that learns from what they say.
    pub final_model: Held,
    /// Parts of the rows, each of which is left out once.
    pub folds: Count,
}

impl Default for Stacking {
    fn default() -> Self {
        let members = ["logistic_regression", "random_forest", "gradient_boosting"].map(Held::of);
        Self { members: members.into(), final_model: Held::of("logistic_regression"), folds: Count::new(5) }
    }
}

/// Most folds.
const MAX_FOLDS: usize = 100;

impl Detector for Stacking {
    const ABOUT: About = About {
        name: "stacking",
        title: "Stacking",
        kind: ModelKind::Row,
        summary: "Learns what to make of the probabilities that several other models give rows they have not seen.",
        blind_to: "What all its members are blind to, attacks unlike any they were shown among it.",
        cost: "The sum of the members' costs, folds + 1 times.",
        source: "Wolpert, Stacked Generalization, 1992; with probabilities as in Ting & Witten 1999.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        if self.members.is_empty() {
            return Err("members: name at least one detector".into());
        }
        if !(2..=MAX_FOLDS).contains(&self.folds.get()) {
            return Err(format!("folds: from 2 to {MAX_FOLDS}"));
        }
        self.final_model.check_classifier("final_model")?;
        self.members.iter().try_for_each(|member| member.check_classifier("members"))
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let n_classes = labels.classes.len();
        let width = self.members.len() * n_classes;
        let mut said = vec![0.0f32; rows.n_rows() * width];
        let n_folds = self.folds.get().min(rows.n_rows());
        for (idx, member) in self.members.iter().enumerate() {
            let probabilities = if n_folds >= 2 {
                out_of_fold(member, rows, &labels, context, n_folds, idx)?
            } else {
                vec![1.0 / n_classes as f64; rows.n_rows() * n_classes]
            };
            place(&probabilities, n_classes, idx, width, &mut said);
        }
        let above = FitContext { rarities: &[], categories: &[], times: None, series_ends: &[], ..*context };
        let last = self.final_model.fit(RowsView::new(&said, width), &above, 0)?;
        let models = fit_all(&self.members, rows, context, 1)?;
        Ok(Model::Row(Arc::new(StackingModel {
            members: self.members.clone(),
            models,
            final_model: self.final_model.clone(),
            last,
            classes: labels.classes.clone(),
            n_features: rows.n_cols(),
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let classes = load_classes(section)?;
        let members: Vec<Held> = section.value("members")?;
        let (models, n_features) = load_all(&members, section, &classes)?;
        let final_model: Held = section.value("final_model")?;
        let last = final_model.load(&section.part("final"))?;
        if last.n_features() != models.len() * classes.len() || last.classes() != Some(&classes) {
            return Err(LoadError::content("final_model", "was not fitted to the members"));
        }
        Ok(Model::Row(Arc::new(StackingModel { members, models, final_model, last, classes, n_features })))
    }
}

/// Puts the probabilities of member `idx` where the final model reads them, as log odds kept within reason.
fn place(probabilities: &[f64], n_classes: usize, idx: usize, width: usize, said: &mut [f32]) {
    for (probabilities, said) in probabilities.chunks_exact(n_classes).zip(said.chunks_exact_mut(width)) {
        for (said, &probability) in said[idx * n_classes..].iter_mut().zip(probabilities) {
            let probability = probability.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
            *said = (probability / (1.0 - probability)).ln() as f32;
        }
    }
}

/// No member is believed to be surer.
const LEAST_PROBABILITY: f64 = 1e-4;

/// A fitted [`Stacking`].
struct StackingModel {
    members: Vec<Held>,
    models: Vec<Arc<dyn RowModel>>,
    final_model: Held,
    last: Arc<dyn RowModel>,
    classes: Classes,
    n_features: usize,
}

impl RowModel for StackingModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let n_classes = self.classes.len();
        let width = self.models.len() * n_classes;
        let mut said = vec![0.0; rows.n_rows() * width];
        for (idx, model) in self.models.iter().enumerate() {
            model.probabilities(rows, out);
            place(out, n_classes, idx, width, &mut said);
        }
        self.last.probabilities(RowsView::new(&said, width), out);
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("classes", &self.classes);
        section.value("members", &self.members);
        section.value("final_model", &self.final_model);
        save(&self.models, section);
        self.last.save(&mut section.part("final"));
    }
}
