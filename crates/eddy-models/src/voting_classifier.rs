//! Voting of classifiers.

use std::sync::Arc;

use eddy_detect::{
    About, Classes, Detector, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind, RowModel,
    SectionReader, SectionWriter,
};
use eddy_frame::RowsView;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    forest::{class_labels, load_classes, score_by_probabilities},
    held::{Held, fit_all, load_all, save},
};

/// How classifiers vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VotingKind {
    /// The mean of the members' probabilities.
    #[default]
    Soft,
    /// One vote a member, for its most probable class; the probability is the share of the votes.
    Hard,
}

/// Voting of classifiers: several models that learn from the same labels, and the mean of what they say.
///
/// Score range: 0 to 1, the mean probability of an attack, or the share of members that see one. Input and missing
/// values: as the members have them. Blind to: what most members are blind to. Cost: the sum of the members'.
///
/// Source: Kittler, Hatef, Duin & Matas, "On Combining Classifiers", IEEE PAMI 1998.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VotingClassifier {
    /// The models that vote.
    pub members: Vec<Held>,
    /// How they vote.
    pub voting: VotingKind,
}

impl Default for VotingClassifier {
    fn default() -> Self {
        let members = ["logistic_regression", "random_forest", "gradient_boosting"].map(Held::of);
        Self { members: members.into(), voting: VotingKind::Soft }
    }
}

impl Detector for VotingClassifier {
    const ABOUT: About = About {
        name: "voting_classifier",
        title: "Voting of classifiers",
        kind: ModelKind::Row,
        summary: "Averages the probabilities of several models that learn from the same labels, or counts their votes.",
        blind_to: "What most of its members are blind to, attacks unlike any they were shown among it.",
        cost: "The sum of the members' costs.",
        source: "Kittler, Hatef, Duin & Matas, On Combining Classifiers, 1998.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    const SCALE_SENSITIVE: bool = true;

    fn check(&self) -> Result<(), String> {
        if self.members.is_empty() {
            return Err("members: name at least one detector".into());
        }
        self.members.iter().try_for_each(|member| member.check_classifier("members"))
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let models = fit_all(&self.members, rows, context, 0)?;
        Ok(Model::Row(Arc::new(VotingClassifierModel {
            members: self.members.clone(),
            models,
            voting: self.voting,
            classes: labels.classes.clone(),
            n_features: rows.n_cols(),
        })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let classes = load_classes(section)?;
        let members: Vec<Held> = section.value("members")?;
        let (models, n_features) = load_all(&members, section, &classes)?;
        let voting = section.value("voting")?;
        Ok(Model::Row(Arc::new(VotingClassifierModel { members, models, voting, classes, n_features })))
    }
}

/// A fitted [`VotingClassifier`].
struct VotingClassifierModel {
    members: Vec<Held>,
    models: Vec<Arc<dyn RowModel>>,
    voting: VotingKind,
    classes: Classes,
    n_features: usize,
}

impl RowModel for VotingClassifierModel {
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
        let mut room = vec![0.0; out.len()];
        out.fill(0.0);
        for model in &self.models {
            model.probabilities(rows, &mut room);
            match self.voting {
                VotingKind::Soft => out.iter_mut().zip(&room).for_each(|(sum, share)| *sum += share),
                VotingKind::Hard => {
                    let votes = eddy_detect::most_probable(&room, n_classes);
                    for (out, vote) in out.chunks_exact_mut(n_classes).zip(votes) {
                        out[usize::from(vote)] += 1.0;
                    }
                }
            }
        }
        out.iter_mut().for_each(|sum| *sum /= self.models.len() as f64);
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("classes", &self.classes);
        section.value("members", &self.members);
        section.value("voting", &self.voting);
        save(&self.models, section);
    }
}
