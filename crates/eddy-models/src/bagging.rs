//! Bagging.

use std::sync::Arc;

use eddy_detect::{
    About, Calibration, ClassLabels, Classes, Count, Detector, FitContext, FitError, Fraction, LearnsFrom,
    LoadError, Model, ModelKind, RowModel, SectionReader, SectionWriter,
};
use eddy_frame::{Rows, RowsView};
use rand::{RngExt, seq::index};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    checked::{self, check_len},
    forest::{load_classes, score_by_probabilities},
    held::{Held, part_name, save},
    stream::stream,
};

/// Bagging: the mean of many models of one kind, each fitted on rows drawn with replacement.
///
/// Any detector that looks at rows one by one can be bagged. If it learns from labels, class probabilities are averaged;
/// if not, scores are, each on the scale of surprise among its own training rows.
///
/// Score range: 0 to 1, the probability of an attack, for detectors that learn from labels; else 0 upwards, the mean
/// surprise. Input and missing values: as the base has them. Blind to: what the base is blind to. Cost: that of the base
/// times the number of models.
///
/// Source: Breiman, "Bagging Predictors", Machine Learning 1996; columns may be drawn as well (Ho 1998).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bagging {
    /// What is fitted many times.
    pub base: Held,
    /// Number of models.
    pub n_estimators: Count,
    /// Rows drawn for each model, as a share of those there are.
    pub max_samples: Fraction,
    /// Columns drawn for each model, without replacement, as a share of those there are.
    pub max_features: Fraction,
}

impl Default for Bagging {
    fn default() -> Self {
        Self {
            base: Held::of("decision_tree"),
            n_estimators: Count::new(50),
            max_samples: Fraction::new(1.0),
            max_features: Fraction::new(1.0),
        }
    }
}

impl Detector for Bagging {
    const ABOUT: About = About {
        name: "bagging",
        title: "Bagging",
        kind: ModelKind::Row,
        summary: "Averages many models of one kind, each fitted on rows drawn with replacement.",
        blind_to: "What the detector that is bagged is blind to.",
        cost: "That of the detector that is bagged, times the number of models.",
        source: "Breiman, Bagging Predictors, 1996; with columns drawn as in Ho 1998.",
        natural_threshold: Some(0.5),
    };

    const LEARNS_FROM: LearnsFrom = LearnsFrom::Labels;

    fn learns_from(&self) -> LearnsFrom {
        self.base.parse().map_or(Self::LEARNS_FROM, |detector| detector.learns_from())
    }

    fn check(&self) -> Result<(), String> {
        self.base.parse().map(|_| ()).map_err(|error| format!("base: {error}"))
    }

    fn fit(&self, rows: RowsView<'_>, context: &FitContext<'_>) -> Result<Model, FitError> {
        let (n_rows, n_cols) = (rows.n_rows(), rows.n_cols());
        let n_drawn = ((n_rows as f64 * self.max_samples.get()).round() as usize).max(1);
        let n_features = ((n_cols as f64 * self.max_features.get()).round() as usize).clamp(1, n_cols);
        let learns = Detector::learns_from(self);
        let classes = context.class_labels.filter(|_| learns == LearnsFrom::Labels).map(|labels| labels.classes);
        let fit = |idx: usize| {
            let mut rng = stream(context.seed, idx);
            let mut drawn: Vec<usize> = (0..n_drawn).map(|_| rng.random_range(0..n_rows)).collect();
            drawn.sort_unstable();
            let mut columns: Vec<u32> =
                index::sample(&mut rng, n_cols, n_features).into_iter().map(|column| column as u32).collect();
            columns.sort_unstable();
            let own = Columns(columns);
            let mut sample = Vec::with_capacity(n_drawn * n_features);
            drawn.iter().for_each(|&row| own.copy(rows.row(row), &mut sample));
            let sample = Rows::new(sample, n_features);
            let of_rows: Vec<u16> = context.class_labels.map_or_else(Vec::new, |labels| {
                drawn.iter().map(|&row| labels.of_rows[row]).collect()
            });
            let attacks: Option<Vec<bool>> =
                context.labels.map(|attacks| drawn.iter().map(|&row| attacks[row]).collect());
            let (rarities, categories) = (own.of(context.rarities), own.of(context.categories));
            let context = FitContext {
                class_labels: classes.map(|classes| ClassLabels { classes, of_rows: &of_rows }),
                labels: attacks.as_deref(),
                rarities: &rarities,
                categories: &categories,
                times: None,
                series_ends: &[],
                ..*context
            };
            let model = self.base.fit(sample.view(), &context, idx)?;
            let mut scores = vec![0.0; if classes.is_some() { 0 } else { n_drawn }];
            if classes.is_none() {
                model.score(sample.view(), &mut scores);
            }
            Ok((own, model, Calibration::fit(&scores)))
        };
        let fitted: Vec<_> =
            (0..self.n_estimators.get()).into_par_iter().map(fit).collect::<Result<_, FitError>>()?;
        let mut model = BaggingModel {
            base: self.base.clone(),
            columns: Vec::new(),
            members: Vec::new(),
            calibrations: Vec::new(),
            classes: classes.cloned(),
            n_features: n_cols,
        };
        for (columns, member, calibration) in fitted {
            model.columns.push(columns);
            model.members.push(member);
            model.calibrations.push(calibration);
        }
        Ok(Model::Row(Arc::new(model)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Model, LoadError> {
        let n_features = checked::n_features(section)?;
        let base: Held = section.value("base")?;
        let classes = if section.value("has_classes")? { Some(load_classes(section)?) } else { None };
        let n_columns = section.u32("n_columns")?;
        let mut columns = section.u32("columns")?;
        check_len("columns", columns.len(), n_columns.iter().map(|&n| n as usize).sum())?;
        if columns.iter().any(|&column| column as usize >= n_features) || n_columns.is_empty() {
            return Err(LoadError::content("columns", "are none, or name one that there is not"));
        }
        let mut model =
            BaggingModel { base, columns: Vec::new(), members: Vec::new(), calibrations: Vec::new(), classes, n_features };
        for (idx, &n) in n_columns.iter().enumerate() {
            let part = section.part(&part_name(idx));
            let member = model.base.load(&part)?;
            let (own, rest) = columns.split_at(n as usize);
            columns = rest;
            if member.n_features() != own.len() || member.classes() != model.classes.as_ref() {
                return Err(LoadError::content("columns", "do not fit the models"));
            }
            model.columns.push(Columns(own.to_vec()));
            model.members.push(member);
            model.calibrations.push(Calibration::load(&part.part("calibration"))?);
        }
        Ok(Model::Row(Arc::new(model)))
    }
}

/// The columns that a model sees.
struct Columns(Vec<u32>);

impl Columns {
    fn copy(&self, row: &[f32], to: &mut Vec<f32>) {
        if self.0.len() == row.len() {
            to.extend_from_slice(row);
        } else {
            to.extend(self.0.iter().map(|&column| row[column as usize]));
        }
    }

    fn of(&self, flags: &[bool]) -> Vec<bool> {
        if flags.is_empty() { Vec::new() } else { self.0.iter().map(|&column| flags[column as usize]).collect() }
    }
}

/// Rows that all models see before the next ones.
const TILE_ROWS: usize = 2048;

/// A fitted [`Bagging`].
struct BaggingModel {
    base: Held,
    columns: Vec<Columns>,
    members: Vec<Arc<dyn RowModel>>,
    calibrations: Vec<Calibration>,
    classes: Option<Classes>,
    n_features: usize,
}

impl BaggingModel {
    /// Hands the rows to each model in turn, with the columns that it sees.
    fn each(&self, rows: RowsView<'_>, mut call: impl FnMut(usize, RowsView<'_>)) {
        let mut values = Vec::new();
        for (idx, columns) in self.columns.iter().enumerate() {
            if columns.0.len() == rows.n_cols() {
                call(idx, rows);
                continue;
            }
            values.clear();
            rows.iter().for_each(|row| columns.copy(row, &mut values));
            call(idx, RowsView::new(&values, columns.0.len()));
        }
    }
}

impl RowModel for BaggingModel {
    fn n_features(&self) -> usize {
        self.n_features
    }

    fn score(&self, rows: RowsView<'_>, out: &mut [f64]) {
        if let Some(classes) = &self.classes {
            score_by_probabilities(self, classes, rows, out);
            return;
        }
        out.fill(0.0);
        let mut scores = vec![0.0; out.len()];
        self.each(rows, |idx, rows| {
            self.members[idx].score(rows, &mut scores);
            for (sum, &score) in out.iter_mut().zip(&scores) {
                *sum += self.calibrations[idx].surprise(score);
            }
        });
        out.iter_mut().for_each(|sum| *sum /= self.members.len() as f64);
    }

    fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    fn probabilities(&self, rows: RowsView<'_>, out: &mut [f64]) {
        let Some(n_classes) = self.classes.as_ref().map(Classes::len) else { return };
        let mut room = vec![0.0; TILE_ROWS.min(rows.n_rows()) * n_classes];
        for (idx, out) in out.chunks_mut(TILE_ROWS * n_classes).enumerate() {
            let start = idx * TILE_ROWS;
            let room = &mut room[..out.len()];
            out.fill(0.0);
            self.each(rows.slice(start, start + out.len() / n_classes), |idx, rows| {
                self.members[idx].probabilities(rows, room);
                out.iter_mut().zip(&*room).for_each(|(sum, share)| *sum += share);
            });
            out.iter_mut().for_each(|sum| *sum /= self.members.len() as f64);
        }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("n_features", &self.n_features);
        section.value("base", &self.base);
        section.value("has_classes", &self.classes.is_some());
        if let Some(classes) = &self.classes {
            section.value("classes", classes);
        }
        section.u32("n_columns", &self.columns.iter().map(|columns| columns.0.len() as u32).collect::<Vec<_>>());
        section.u32("columns", &self.columns.iter().flat_map(|columns| &columns.0).copied().collect::<Vec<_>>());
        save(&self.members, section);
        for (idx, calibration) in self.calibrations.iter().enumerate() {
            calibration.save(&mut section.part(&part_name(idx)).part("calibration"));
        }
    }
}
