//! Detectors that hold detectors: naming, fitting and keeping those held.

use std::sync::Arc;

use eddy_detect::{
    AnyDetector, ClassLabels, Classes, Entry, FitContext, FitError, LearnsFrom, LoadError, Model, ModelKind,
    ParamError, RowModel, SectionReader, SectionWriter, Seed, SeriesModel,
};
use eddy_frame::{Rows, RowsView};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{DETECTORS, stream::stream};

/// A detector that another one holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Name of the detector.
    pub detector: String,
    /// Its parameters; what is not named keeps its default.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// Detectors that hold whatever they are told to. They cannot hold each other, so that no file nests without end.
const HOLDERS: [&str; 6] =
    ["voting", "bagging", "voting_classifier", "stacking", "calibrated_classifier", "anomaly_likelihood"];

/// Rows whose probabilities are computed at a time on one thread.
const CHUNK_ROWS: usize = 8192;

/// Whether a detector holds whatever it is told to.
pub(crate) fn is_holder(name: &str) -> bool {
    HOLDERS.contains(&name)
}

impl Held {
    /// A detector with default parameters.
    pub(crate) fn of(detector: &str) -> Self {
        Self { detector: detector.to_owned(), params: Map::new() }
    }

    fn entry(&self, kind: ModelKind) -> Result<&'static Entry, ParamError> {
        let entry = DETECTORS.get(&self.detector)?;
        let name = entry.about.name;
        let refuse = |reason: String| Err(ParamError::Invalid { detector: name.to_owned(), reason });
        if is_holder(name) {
            return refuse("holds detectors itself and cannot be held".into());
        }
        if entry.about.kind != kind {
            let reason = match kind {
                ModelKind::Series => "does not look at series and cannot be held",
                _ => "looks at more than one row at a time and cannot be held",
            };
            return refuse(reason.into());
        }
        Ok(entry)
    }

    /// The detector, if it may be held.
    pub(crate) fn parse(&self) -> Result<Box<dyn AnyDetector>, ParamError> {
        self.parse_as(ModelKind::Row)
    }

    /// The detector for series, if it may be held.
    pub(crate) fn parse_series(&self) -> Result<Box<dyn AnyDetector>, ParamError> {
        self.parse_as(ModelKind::Series)
    }

    fn parse_as(&self, kind: ModelKind) -> Result<Box<dyn AnyDetector>, ParamError> {
        self.entry(kind)?.parse(&Value::Object(self.params.clone()))
    }

    /// Refuses what cannot be held, or does not tell classes apart.
    pub(crate) fn check_classifier(&self, field: &str) -> Result<(), String> {
        let detector = self.parse().map_err(|error| format!("{field}: {error}"))?;
        if detector.learns_from() == LearnsFrom::Labels {
            return Ok(());
        }
        Err(format!("{field}: {} does not learn from labels, so it knows no classes", detector.about().name))
    }

    /// Fits the detector as part number `part`.
    pub(crate) fn fit(
        &self,
        rows: RowsView<'_>,
        context: &FitContext<'_>,
        part: usize,
    ) -> Result<Arc<dyn RowModel>, FitError> {
        let context = FitContext { seed: context.seed.part(part as u64), progress: None, ..*context };
        match self.parse()?.fit(rows, &context)? {
            Model::Row(model) => Ok(model),
            _ => Err(FitError::Data(format!("{} gave no row model", self.detector))),
        }
    }

    /// Reads a model that [`save`] wrote.
    pub(crate) fn load(&self, section: &SectionReader<'_>) -> Result<Arc<dyn RowModel>, LoadError> {
        let entry =
            self.entry(ModelKind::Row).map_err(|error| LoadError::content("detector", error.to_string()))?;
        match entry.load(section)? {
            Model::Row(model) => Ok(model),
            _ => Err(LoadError::content("detector", "gives no row model")),
        }
    }

    /// Fits the detector for series.
    pub(crate) fn fit_series(
        &self,
        rows: RowsView<'_>,
        context: &FitContext<'_>,
    ) -> Result<Arc<dyn SeriesModel>, FitError> {
        match self.parse_series()?.fit(rows, context)? {
            Model::Series(model) => Ok(model),
            _ => Err(FitError::Data(format!("{} gave no model of series", self.detector))),
        }
    }

    /// Reads a model of series that was held.
    pub(crate) fn load_series(&self, section: &SectionReader<'_>) -> Result<Arc<dyn SeriesModel>, LoadError> {
        let entry = self
            .entry(ModelKind::Series)
            .map_err(|error| LoadError::content("detector", error.to_string()))?;
        match entry.load(section)? {
            Model::Series(model) => Ok(model),
            _ => Err(LoadError::content("detector", "gives no model of series")),
        }
    }
}

/// Name of the part of a file that holds a model.
pub(crate) fn part_name(idx: usize) -> String {
    format!("member_{idx}")
}

/// Writes models, each as a part of its own.
pub(crate) fn save(models: &[Arc<dyn RowModel>], section: &mut SectionWriter<'_>) {
    models.iter().enumerate().for_each(|(idx, model)| model.save(&mut section.part(&part_name(idx))));
}

/// Fits the detectors, as parts from `first` on.
pub(crate) fn fit_all(
    members: &[Held],
    rows: RowsView<'_>,
    context: &FitContext<'_>,
    first: usize,
) -> Result<Vec<Arc<dyn RowModel>>, FitError> {
    members.iter().enumerate().map(|(idx, member)| member.fit(rows, context, first + idx)).collect()
}

/// Reads models that [`save`] wrote, at least one, of the same columns and the given classes; with the number of columns.
pub(crate) fn load_all(
    members: &[Held],
    section: &SectionReader<'_>,
    classes: &Classes,
) -> Result<(Vec<Arc<dyn RowModel>>, usize), LoadError> {
    let load = |(idx, member): (usize, &Held)| member.load(&section.part(&part_name(idx)));
    let models = members.iter().enumerate().map(load).collect::<Result<Vec<_>, _>>()?;
    let n_features = models.first().map_or(0, |model| model.n_features());
    let fits =
        |model: &Arc<dyn RowModel>| model.n_features() == n_features && model.classes() == Some(classes);
    if n_features == 0 || !models.iter().all(fits) {
        return Err(LoadError::content("members", "are none, or were not fitted together"));
    }
    Ok((models, n_features))
}

/// The given rows, in that order.
pub(crate) fn gather(rows: RowsView<'_>, row_idxs: &[usize]) -> Rows {
    let mut values = Vec::with_capacity(row_idxs.len() * rows.n_cols());
    row_idxs.iter().for_each(|&row| values.extend_from_slice(rows.row(row)));
    Rows::new(values, rows.n_cols())
}

/// The probabilities of the classes of all rows, over threads.
pub(crate) fn all_probabilities(model: &dyn RowModel, rows: RowsView<'_>, n_classes: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows.n_rows() * n_classes];
    out.par_chunks_mut(CHUNK_ROWS * n_classes).enumerate().for_each(|(at, out)| {
        let start = at * CHUNK_ROWS;
        model.probabilities(rows.slice(start, start + out.len() / n_classes), out);
    });
    out
}

/// The probabilities that a model gives rows it has not seen: each of `n_folds` parts of the rows, in which every class
/// has its share, is left out once.
pub(crate) fn out_of_fold(
    held: &Held,
    rows: RowsView<'_>,
    labels: &ClassLabels<'_>,
    context: &FitContext<'_>,
    n_folds: usize,
    part: usize,
) -> Result<Vec<f64>, FitError> {
    let n_classes = labels.classes.len();
    let fold_of = folds(labels, n_folds, context.seed);
    let mut out = vec![0.0; rows.n_rows() * n_classes];
    for fold in 0..n_folds {
        let (left_out, kept): (Vec<usize>, Vec<usize>) =
            (0..rows.n_rows()).partition(|&row| fold_of[row] == fold);
        if left_out.is_empty() {
            continue;
        }
        let of_kept: Vec<u16> = kept.iter().map(|&row| labels.of_rows[row]).collect();
        let attacks: Option<Vec<bool>> =
            context.labels.map(|attacks| kept.iter().map(|&row| attacks[row]).collect());
        let fold_context = FitContext {
            class_labels: Some(ClassLabels { of_rows: &of_kept, ..*labels }),
            labels: attacks.as_deref(),
            times: None,
            series_ends: &[],
            ..*context
        };
        let model = held.fit(gather(rows, &kept).view(), &fold_context, part * n_folds + fold + 1)?;
        let probabilities = all_probabilities(&*model, gather(rows, &left_out).view(), n_classes);
        for (&row, probabilities) in left_out.iter().zip(probabilities.chunks_exact(n_classes)) {
            out[row * n_classes..(row + 1) * n_classes].copy_from_slice(probabilities);
        }
    }
    Ok(out)
}

/// The part of each row, in which every class has its share.
fn folds(labels: &ClassLabels<'_>, n_folds: usize, seed: Seed) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.of_rows.len()).collect();
    order.shuffle(&mut stream(seed.part(u64::MAX), 0));
    order.sort_by_key(|&row| labels.of_rows[row]);
    let mut fold_of = vec![0; order.len()];
    order.into_iter().enumerate().for_each(|(at, row)| fold_of[row] = at % n_folds);
    fold_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_share_of_each_fold() {
        let classes = Classes { names: vec!["a".into(), "b".into()], is_attack: vec![false, true] };
        let of_rows: Vec<u16> = (0..1000).map(|row| u16::from(row % 10 == 3)).collect();
        let fold_of = folds(&ClassLabels { classes: &classes, of_rows: &of_rows }, 5, Seed::new(1));
        for fold in 0..5 {
            let rows: Vec<usize> = (0..1000).filter(|&row| fold_of[row] == fold).collect();
            assert_eq!(rows.len(), 200);
            assert_eq!(rows.iter().filter(|&&row| of_rows[row] == 1).count(), 20);
        }
    }

    #[test]
    fn holders_are_not_held() {
        for name in HOLDERS {
            assert!(DETECTORS.get(name).is_ok(), "{name}");
            assert!(Held::of(name).parse().err().unwrap().to_string().contains("cannot be held"));
        }
        assert!(Held::of("rolling_z").parse().is_err());
        assert!(Held::of("isolation_forest").check_classifier("base").unwrap_err().contains("base"));
    }
}
