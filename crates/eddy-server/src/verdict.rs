//! What a model says of records, and how it is written.

use eddy_detect::{FitError, LearnsFrom, Memory, Model, ModelKind, Reading, anomaly_score};
use eddy_insight::Cause;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::predict::Loaded;
use crate::problem::Problem;
use crate::records::{Node, frame_of};

/// Said of a lone value by models that need those before it.
pub(crate) const NO_PAST: &str = "this model judges a value by the ones before it and was shown none: send them as `values`, oldest first, or promote \
     a model of single records (trained with \"steps\": [] and a detector of rows)";

/// What a model makes of records.
pub(crate) struct Numbers {
    surprises: Vec<f64>,
    /// Row after row, a number for each class.
    probabilities: Vec<f64>,
    /// For each row, where they were asked for.
    causes: Vec<Vec<Cause>>,
}

/// Scores records, in order.
pub(crate) fn scored(model: &Loaded, records: &[Node<'_>], with_why: bool) -> Result<Numbers, Problem> {
    let frame = frame_of(model, records)?;
    let failed = |error: FitError| Problem::invalid(error.to_string());
    let pipeline = &model.pipeline;
    let mut memory = Memory::default();
    let features = pipeline.features(&frame, &mut memory).map_err(failed)?;
    let kept = with_why.then(|| features.clone());
    let rows = pipeline.encode(features).map_err(failed)?;
    let n = frame.n_rows();
    let mut scores = vec![0.0; n];
    if pipeline.model.kind() == ModelKind::Series {
        let mut readings = vec![Reading::of_score(0.0); n];
        pipeline.read_series(&frame, &rows, &mut memory, &mut readings);
        scores.iter_mut().zip(&readings).for_each(|(score, reading)| *score = reading.score);
    } else {
        pipeline.model.score_once(rows.view(), &[], &mut scores);
    }
    let mut probabilities = vec![0.0; n * model.classes.len()];
    if let (Model::Row(row_model), false) = (&pipeline.model, probabilities.is_empty()) {
        row_model.probabilities(rows.view(), &mut probabilities);
    }
    let causes = match kept {
        Some(features) => eddy_insight::explain(pipeline, &features).map_err(failed)?,
        None => Vec::new(),
    };
    let surprises = scores.into_iter().map(|score| pipeline.calibration.surprise(score)).collect();
    Ok(Numbers { surprises, probabilities, causes })
}

/// The place of the largest probability, the first of equal ones.
pub(crate) fn most_probable(probabilities: &[f64]) -> Option<usize> {
    (0..probabilities.len())
        .reduce(|best, at| if probabilities[at] > probabilities[best] { at } else { best })
}

impl Numbers {
    /// The same as verdicts.
    pub(crate) fn verdicts<'m>(&'m self, model: &'m Loaded) -> Vec<Verdict<'m>> {
        let k = model.classes.len();
        let by_class = model.pipeline.learns_from == LearnsFrom::Labels && k > 0;
        self.surprises
            .iter()
            .enumerate()
            .map(|(row, &surprise)| {
                let probabilities = if by_class { &self.probabilities[row * k..(row + 1) * k] } else { &[] };
                let class = most_probable(probabilities);
                Verdict {
                    model,
                    surprise,
                    probabilities,
                    class,
                    causes: self.causes.get(row).map(Vec::as_slice),
                    alone: false,
                    metric: None,
                }
            })
            .collect()
    }
}

/// What a model says of a record.
pub(crate) struct Verdict<'m> {
    model: &'m Loaded,
    surprise: f64,
    /// One for each class, for models that learned from labels.
    probabilities: &'m [f64],
    /// The most probable class.
    class: Option<usize>,
    causes: Option<&'m [Cause]>,
    /// Whether it was the only record: then it names the model itself.
    alone: bool,
    /// The value, where it came as the lone number of a metric.
    metric: Option<f64>,
}

impl Verdict<'_> {
    pub(crate) fn stands_alone(&mut self, metric: Option<f64>) {
        (self.alone, self.metric) = (true, metric);
    }

    pub(crate) fn is_anomaly(&self) -> bool {
        match self.class {
            Some(class) => !self.model.classes[class].1,
            None => self.surprise >= self.model.limit,
        }
    }

    /// Probabilities by the names of the classes, or by 0 and 1 where they are normal and not.
    fn named_probabilities(&self, is_binary: bool) -> Probabilities<'_> {
        Probabilities { verdict: self, is_binary }
    }
}

/// Probabilities of the classes as an object.
struct Probabilities<'v> {
    verdict: &'v Verdict<'v>,
    is_binary: bool,
}

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Verdict { model, probabilities, .. } = self.verdict;
        let pairs = model.classes.iter().zip(*probabilities);
        let mut map = serializer.serialize_map(Some(probabilities.len()))?;
        if self.is_binary {
            for (word, wanted) in [("0", true), ("1", false)] {
                for (_, p) in pairs.clone().filter(|((_, normal), _)| *normal == wanted) {
                    map.serialize_entry(word, p)?;
                }
            }
        } else {
            for ((name, _), p) in pairs {
                map.serialize_entry(name, p)?;
            }
        }
        map.end()
    }
}

impl Serialize for Verdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (model, anomalous) = (self.model, self.is_anomaly());
        let classes = &model.classes;
        let sign = if anomalous { -1 } else { 1 };
        let mut map = serializer.serialize_map(None)?;
        if let Some(class) = self.class {
            let is_binary = classes.len() == 2 && classes.iter().filter(|(_, normal)| *normal).count() == 1;
            match (self.metric, is_binary) {
                (Some(_), _) => map.serialize_entry("prediction", &sign)?,
                (None, true) => map.serialize_entry("prediction", &i32::from(anomalous))?,
                (None, false) => map.serialize_entry("prediction", &classes[class].0)?,
            }
            map.serialize_entry("probabilities", &self.named_probabilities(is_binary))?;
            map.serialize_entry("class", &classes[class].0)?;
            map.serialize_entry("message", "Prediction successful!")?;
        } else {
            map.serialize_entry("prediction", &sign)?;
            map.serialize_entry("message", if anomalous { "Anomaly" } else { "Normal" })?;
        }
        map.serialize_entry("result", if anomalous { "Anomaly" } else { "Normal" })?;
        let description = if anomalous {
            "The network traffic is classified as Anomaly."
        } else {
            "The network traffic is classified as Normal."
        };
        map.serialize_entry("description", description)?;
        map.serialize_entry("anomaly_score", &anomaly_score(self.surprise))?;
        map.serialize_entry("threshold", &model.threshold)?;
        if let Some(causes) = self.causes {
            map.serialize_entry("why", &eddy_insight::sentence(causes))?;
            map.serialize_entry("causes", causes)?;
        }
        if self.alone {
            if model.pipeline.is_series() {
                map.serialize_entry("note", NO_PAST)?;
            }
            map.serialize_entry("model", &model.named())?;
        }
        if let Some(metric) = self.metric {
            map.serialize_entry("network_in", &metric)?;
        }
        map.end()
    }
}
