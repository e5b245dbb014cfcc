//! Calibration of probabilities.

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
    held::{Held, out_of_fold},
    isotonic::Isotonic,
    linear::n_outputs,
    platt::{Sigmoid, shares_of_one},
};

/// How scores become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// Any rising steps: needs about a thousand rows of each class.
    #[default]
    Isotonic,
    /// A logistic function of the log odds: does with few rows.
    Sigmoid,
}

/// Calibration of probabilities: of the rows that are given 0.8, eight in ten shall be attacks.
///
/// The probabilities that a model gives rows it has not seen (each part of the rows is left out once) are compared with
/// the labels; what is learned from that corrects those of the model fitted on all rows. More than two classes are
/// corrected each against the rest, then brought to a sum of 1.
///
/// Score range: 0 to 1, the probability of an attack. Input and missing values: as the base has them. Blind to: what the
/// base is blind to; probabilities hold for rows like those it was shown, with attacks as frequent. Cost: that of the
/// base, `folds + 1` times.
///
/// Source: Platt 1999; Zadrozny & Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability
/// Estimates", KDD 2002.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CalibratedClassifier {
    /// The model whose probabilities are corrected.
    pub base: Held,
    /// How they are corrected.
    pub method: CalibrationMethod,
    /// Parts of the rows, each of which is left out once.
    pub folds: Count,
}

impl Default for CalibratedClassifier {
    fn default() -> Self {
        Self { base: Held::of("random_forest"), method: CalibrationMethod::Isotonic, folds: Count::new(5) }
    }
}

/// Most folds.
const MAX_FOLDS: usize = 100;

impl Detector for CalibratedClassifier {
    const ABOUT: About = About {
        name: "calibrated_classifier",
        title: "Calibrated classifier",
        kind: ModelKind::Row,
        summary: "Corrects the probabilities of another model by how often it was right on rows it had not seen.",
        blind_to: "What the corrected model is blind to, attacks unlike any it was shown among it.",
        cost: "That of the corrected model, folds + 1 times.",
        source: "Platt 1999; Zadrozny & Elkan 2002.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn check(&self) -> Result<(), String> {
        if !(2..=MAX_FOLDS).contains(&self.folds.get()) {
            return Err(format!("folds: from 2 to {MAX_FOLDS}"));
        }
        self.base.check_classifier("base")
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let labels = class_labels(Self::ABOUT.name, context)?;
        let n_classes = labels.classes.len();
        let n_outputs = n_outputs(n_classes);
        let n_folds = self.folds.get().min(rows.n_rows());
        let probabilities = if n_folds >= 2 {
            out_of_fold(&self.base, rows, &labels, context, n_folds, 0)?
        } else {
            vec![1.0 / n_classes as f64; rows.n_rows() * n_classes]
        };
        let of_output = |output: usize| {
            let class = if n_outputs == 1 { 1 } else { output };
            let scores: Vec<f64> = probabilities.chunks_exact(n_classes).map(|row| self.method.score(row[class])).collect();
            let truths: Vec<bool> = labels.of_rows.iter().map(|&of_row| usize::from(of_row) == class).collect();
            (scores, truths)
        };
        let curves = match self.method {
            CalibrationMethod::Isotonic => {
                let fit = |output| {
                    let (scores, truths) = of_output(output);
                    Isotonic::fit(&scores, &truths)
                };
                Curves::Isotonic((0..n_outputs).map(fit).collect())
            }
            CalibrationMethod::Sigmoid => {
                let fit = |output| {
                    let (scores, truths) = of_output(output);
                    Sigmoid::fit(&scores, &truths)
                };
                Curves::Sigmoid((0..n_outputs).map(fit).collect())
            }
        };
        let model = self.base.fit(rows, context, 0)?;
        let classes = labels.classes.clone();
        Ok(Model::Row(Arc::new(CalibratedModel { base: self.base.clone(), model, curves, classes })))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let classes = load_classes(section)?;
        let base: Held = section.value("base")?;
        let model = base.load(&section.part("base"))?;
        if model.classes() != Some(&classes) {
            return Err(LoadError::content("classes", "are not those of the base"));
        }
        let n_outputs = n_outputs(classes.len());
        let curves = match section.value("method")? {
            CalibrationMethod::Isotonic => Curves::Isotonic(Isotonic::load_all(section, n_outputs)?),
            CalibrationMethod::Sigmoid => Curves::Sigmoid(Sigmoid::load_all(section, n_outputs)?),
        };
        Ok(Model::Row(Arc::new(CalibratedModel { base, model, curves, classes })))
    }
}

impl CalibrationMethod {
    /// What the curve is a function of.
    fn score(self, probability: f64) -> f64 {
        match self {
            Self::Isotonic => probability,
            Self::Sigmoid => {
                let probability = probability.clamp(1e-9, 1.0 - 1e-9);
                (probability / (1.0 - probability)).ln()
            }
        }
    }
}

/// One curve a class, or one for the second of two.
enum Curves {
    Isotonic(Vec<Isotonic>),
    Sigmoid(Vec<Sigmoid>),
}

/// A fitted [`CalibratedClassifier`].
struct CalibratedModel {
    base: Held,
    model: Arc<dyn RowModel>,
    curves: Curves,
    classes: Classes,
}

impl RowModel for CalibratedModel {
    fn n_features(&self) -> usize {
        self.model.n_features()
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        score_by_probabilities(self, &self.classes, rows, out);
    }

    fn classes(&self) -> Option<&Classes> {
        Some(&self.classes)
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        self.model.probabilities(rows, out);
        let n_outputs = n_outputs(self.classes.len());
        for row in out.chunks_exact_mut(self.classes.len()) {
            if n_outputs == 1 {
                row[0] = row[1];
            }
            for (output, share) in row[..n_outputs].iter_mut().enumerate() {
                *share = match &self.curves {
                    Curves::Isotonic(curves) => curves[output].probability(CalibrationMethod::Isotonic.score(*share)),
                    Curves::Sigmoid(curves) => curves[output].probability(CalibrationMethod::Sigmoid.score(*share)),
                };
            }
            shares_of_one(row, n_outputs);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("classes", &self.classes);
        section.value("base", &self.base);
        self.model.save(&mut section.part("base"));
        match &self.curves {
            Curves::Isotonic(curves) => {
                section.value("method", &CalibrationMethod::Isotonic);
                Isotonic::save_all(curves, section);
            }
            Curves::Sigmoid(curves) => {
                section.value("method", &CalibrationMethod::Sigmoid);
                Sigmoid::save_all(curves, section);
            }
        }
    }
}
