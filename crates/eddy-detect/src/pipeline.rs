//! Everything around the algorithm, once: columns, steps, fitting, calibration, threshold, saving.

use std::sync::Arc;

use eddy_frame::{Column, Entities, Field, Frame, Kind, Role, Rows, RowsView, Schema};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::step::{numbers, times};
use crate::typical::{Typical, finite, typical_of};
use crate::{
    AnyDetector, Calibration, ClassLabels, Classes, FitContext, FitError, FittedStep, LearnsFrom, LoadError,
    Model, ModelKind, Progress, Reading, Registry, Runs, ScoreScale, Sections, Seed, StepEntry, StepMemory,
    StepSpec, Threshold, steps,
};

/// What to fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineSpec {
    /// Steps in order.
    pub steps: Vec<StepSpec>,
    /// Name of the detector.
    pub detector: String,
    /// Parameters of the detector that differ from the default.
    #[serde(default)]
    pub params: Value,
    /// Where random choices start.
    #[serde(default)]
    pub seed: Seed,
}

/// What series steps and series models remember, by series.
#[derive(Default)]
pub struct Memory {
    steps: FxHashMap<String, Vec<StepMemory>>,
    scorers: FxHashMap<String, Box<dyn crate::SeriesScorer>>,
    /// Series that were not remembered because there were more than [`Memory::CAPACITY`].
    pub dropped: u64,
}

impl Memory {
    /// Most series remembered at a time; the rows of further ones are treated as the beginning of a series.
    pub const CAPACITY: usize = 65_536;
}

/// A fitted pipeline: the whole way from a frame to a score.
pub struct Pipeline {
    /// Input columns it was fitted on: name, kind, role, unit.
    pub input: Schema,
    /// What was asked for.
    pub spec: PipelineSpec,
    steps: Vec<(String, Box<dyn FittedStep>)>,
    /// Steps before this one need the rows before; those from it on are pure functions of a row.
    boundary: usize,
    /// Names of the features at the boundary.
    pub feature_fields: Vec<Field>,
    /// What is ordinary for each of those features.
    pub typical: Vec<Typical>,
    /// Names of the columns that the model reads.
    pub columns: Vec<String>,
    /// Whether the model reads missing values as such.
    takes_missing: bool,
    /// What the model learned from.
    pub learns_from: LearnsFrom,
    /// The raw score above which a row is an attack or anomalous, if the detector's source names one.
    pub natural_threshold: Option<f64>,
    /// The fitted model.
    pub model: Model,
    /// Scale of its scores.
    pub calibration: Calibration,
    /// Scale of runs of rows, where the training rows were in the order of time.
    pub runs: Option<Runs>,
    /// Which rows to flag.
    pub threshold: Option<Threshold>,
    /// Rows it was fitted on.
    pub trained_rows: u64,
    /// Anything else worth keeping: sources, version, shape.
    pub notes: std::collections::BTreeMap<String, Value>,
}

/// What is known of the rows to fit on, and who is told how it goes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Truth<'a> {
    /// Whether each row is an attack.
    pub attacks: Option<&'a [bool]>,
    /// The classes of the labels, and each row's index into them.
    pub classes: Option<(&'a Classes, &'a [u16])>,
    /// Told how fitting goes, for detectors that take long.
    pub progress: Option<Progress<'a>>,
    /// What models that learn from labels are calibrated on.
    pub calibrate_on: CalibrateOn,
}

/// What the scores of a model that learned from labels are brought to scale with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CalibrateOn {
    /// Normal rows that were held out from a first fit: two fits, and a scale that holds for new rows.
    #[default]
    HeldOut,
    /// The rows learned from: one fit, for those who look at probabilities only.
    Training,
}

/// Normal rows that are held out to calibrate a model that learned from labels: one in so many.
const HELD_OUT: usize = 5;
/// With fewer of them the training rows themselves have to do.
const LEAST_HELD_OUT: usize = 50;

/// Scores rows of one series: model, rows, times, room for the scores.
pub type ScoreAll<'a> = &'a dyn Fn(&Model, RowsView<'_>, &[i64], &mut [f64]);

impl Pipeline {
    /// Fits the steps, then the detector, on all rows of `frame`. `score_all` scores the training rows for the
    /// calibration (a runner may do that on many threads).
    ///
    /// The frame is taken over and let go as soon as it can be: tables are large.
    pub fn fit(
        spec: &PipelineSpec,
        frame: Frame,
        registry: Registry,
        truth: Truth<'_>,
        score_all: ScoreAll<'_>,
    ) -> Result<Self, FitError> {
        let input = input_schema(frame.schema());
        if input.fields.iter().all(|field| !field.role.is_input()) {
            return Err(FitError::NoFeatures {
                reason: "no column has the role value, feature or category; name some with --features".into(),
            });
        }
        if frame.n_rows() == 0 {
            return Err(FitError::TooFewRows { wanted: 1, got: 0 });
        }
        let n_rows = frame.n_rows();
        let (order, ends) = group_by_entity(&frame);
        let mut whole = inputs_of(frame, &input)?;
        if let Some(order) = &order {
            whole = whole.take(order);
        }
        let mut fitted: Vec<(String, Box<dyn FittedStep>)> = Vec::new();
        let mut boundary = 0;
        // What is known of the features at the boundary; none as long as the next step may still move it.
        let mut at_boundary: Option<(Vec<Field>, Vec<Typical>)> = None;
        let mut touched = false;
        for wanted in &spec.steps {
            let entry: &StepEntry = steps::step(&wanted.name)?;
            let step = entry.fit(&wanted.params, &whole)?;
            // Calendar and ratios make features that people know as well, as long as nothing has been encoded yet.
            let moves = step.is_series() || (!touched && matches!(entry.name, "calendar" | "ratio"));
            if !moves && at_boundary.is_none() {
                at_boundary = Some(features_of(&whole));
            }
            whole = apply_by_series(step.as_ref(), whole, &ends)?;
            fitted.push((entry.name.to_owned(), step));
            if moves {
                boundary = fitted.len();
                at_boundary = None;
            } else {
                touched = true;
            }
        }
        let (features, typical) = at_boundary.unwrap_or_else(|| features_of(&whole));
        // Text at the boundary that is a category still: encoded by how rare it is, or by a number of no order.
        let encoded = |kind: Kind| -> Vec<String> {
            let was_text =
                |now: &Field| features.iter().any(|then| then.name == now.name && then.kind == Kind::Text);
            let fields = whole.schema().fields.iter();
            let found = fields.filter(|now| now.role == Role::Category && now.kind == kind && was_text(now));
            found.map(|field| field.name.to_string()).collect()
        };
        let (rarity_columns, code_columns) = (encoded(Kind::Float), encoded(Kind::Int));
        let entry = registry.get(&spec.detector)?;
        let detector = entry.parse(&spec.params)?;
        let times = times(&whole).map(<[i64]>::to_vec);
        let (rows, columns) = to_rows(whole, None, entry.takes_missing)?;
        if columns.is_empty() {
            return Err(FitError::NoFeatures { reason: "the steps left no numeric column".into() });
        }
        let rarities: Vec<bool> = columns.iter().map(|name| rarity_columns.contains(name)).collect();
        let categories: Vec<bool> = columns.iter().map(|name| code_columns.contains(name)).collect();
        let attacks = truth.attacks.map(|attacks| in_order(attacks, order.as_deref()));
        let class_labels =
            truth.classes.map(|(classes, of_rows)| (classes, in_order(of_rows, order.as_deref())));
        let context = FitContext {
            seed: spec.seed,
            times: times.as_deref(),
            series_ends: &ends,
            labels: attacks.as_deref(),
            class_labels: class_labels.as_ref().map(|(classes, of_rows)| ClassLabels { classes, of_rows }),
            rarities: &rarities,
            categories: &categories,
            progress: truth.progress,
        };
        let held_out = match detector.learns_from() {
            LearnsFrom::Labels
                if truth.calibrate_on == CalibrateOn::HeldOut && detector.scale() == ScoreScale::Raw =>
            {
                calibrate_on_held_out(detector.as_ref(), &rows, &context, score_all)?
            }
            _ => None,
        };
        let model = detector.fit(rows.view(), &context)?;
        let calibration = match (detector.scale(), held_out) {
            (ScoreScale::Surprise, _) => Calibration::identity(),
            (ScoreScale::Raw, Some(calibration)) => calibration,
            (ScoreScale::Raw, None) => {
                Calibration::fit(&training_scores(&model, &rows, times.as_deref(), &ends, score_all))
            }
        };
        Ok(Self {
            input,
            spec: spec.clone(),
            steps: fitted,
            boundary,
            feature_fields: features,
            typical,
            columns,
            takes_missing: entry.takes_missing,
            learns_from: detector.learns_from(),
            natural_threshold: detector.natural_threshold(),
            model,
            calibration,
            runs: None,
            threshold: None,
            trained_rows: n_rows as u64,
            notes: std::collections::BTreeMap::new(),
        })
    }

    /// What the steps do, in words.
    pub fn steps_in_words(&self) -> Vec<String> {
        self.steps.iter().map(|(_, step)| step.describe()).collect()
    }

    /// Whether rows must be handed over in order, series by series, by one owner.
    pub fn is_series(&self) -> bool {
        self.steps.iter().any(|(_, step)| step.is_series()) || self.model.kind() == ModelKind::Series
    }

    /// Turns a frame into the features that explanations speak of, in original units, before scaling and encoding.
    /// Series steps read and update `memory`; call in row order.
    pub fn features(&self, frame: &Frame, memory: &mut Memory) -> Result<Frame, FitError> {
        let selected = select(frame, &self.input)?;
        let series = self.steps[..self.boundary].iter().any(|(_, step)| step.is_series());
        if series {
            return self.with_memory(frame, selected, memory);
        }
        let mut frame = selected;
        for (_, step) in &self.steps[..self.boundary] {
            frame = step.apply(frame, &mut StepMemory::default())?;
        }
        Ok(frame)
    }

    /// From features at the boundary to the numbers the model reads: a pure function of each row.
    pub fn encode(&self, features: Frame) -> Result<Rows, FitError> {
        let mut frame = features;
        for (_, step) in &self.steps[self.boundary..] {
            frame = step.apply(frame, &mut StepMemory::default())?;
        }
        Ok(to_rows(frame, Some(&self.columns), self.takes_missing)?.0)
    }

    fn with_memory(&self, frame: &Frame, selected: Frame, memory: &mut Memory) -> Result<Frame, FitError> {
        let mut apply = |key: String, mut frame: Frame| -> Result<Frame, FitError> {
            let fits = memory.steps.contains_key(&key) || memory.steps.len() < Memory::CAPACITY;
            let mut fresh = Vec::new();
            let memories = if fits {
                memory.steps.entry(key).or_default()
            } else {
                memory.dropped += frame.n_rows() as u64;
                &mut fresh
            };
            memories.resize_with(self.boundary, StepMemory::default);
            for ((_, step), memory) in self.steps[..self.boundary].iter().zip(memories) {
                frame = step.apply(frame, memory)?;
            }
            Ok(frame)
        };
        let groups = Entities::of(frame).groups(frame.n_rows());
        if groups.len() <= 1 {
            return apply(groups.into_iter().next().map(|(key, _)| key).unwrap_or_default(), selected);
        }
        let mut order = Vec::with_capacity(frame.n_rows());
        let mut parts = Vec::with_capacity(groups.len());
        for (key, row_idxs) in groups {
            parts.push(apply(key, selected.take(&row_idxs))?);
            order.extend(row_idxs);
        }
        let joined = Frame::concat(&parts).map_err(|error| FitError::Data(error.to_string()))?;
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &row_idx)| back[row_idx] = at);
        let restored = joined.take(&back);
        selected
            .with_columns(restored.schema().clone(), restored.columns().to_vec())
            .map_err(|error| FitError::Data(error.to_string()))
    }

    /// Whether the model reads the numbers that explanations speak of, unchanged: then what it expects is in their units.
    pub fn reads_features_unchanged(&self) -> bool {
        self.steps[self.boundary..].is_empty()
    }

    /// What a series model makes of prepared rows, in order, with the memory of each series. Other models only score.
    pub fn read_series(&self, frame: &Frame, rows: &Rows, memory: &mut Memory, out: &mut [Reading]) {
        let Model::Series(model) = &self.model else {
            let mut scores = vec![0.0; out.len()];
            self.model.score_once(rows.view(), &[], &mut scores);
            out.iter_mut().zip(scores).for_each(|(reading, score)| *reading = Reading::of_score(score));
            return;
        };
        let times = times(frame);
        for (key, row_idxs) in Entities::of(frame).groups(frame.n_rows()) {
            let mut values = Vec::with_capacity(row_idxs.len() * rows.n_cols());
            row_idxs.iter().for_each(|&row_idx| values.extend_from_slice(rows.row(row_idx)));
            let series_times: Vec<i64> =
                times.map_or_else(Vec::new, |times| row_idxs.iter().map(|&row_idx| times[row_idx]).collect());
            let mut readings = vec![Reading::of_score(0.0); row_idxs.len()];
            let view = RowsView::new(&values, rows.n_cols());
            if memory.scorers.contains_key(&key) || memory.scorers.len() < Memory::CAPACITY {
                let scorer = memory.scorers.entry(key).or_insert_with(|| model.clone().start());
                scorer.read(view, &series_times, &mut readings);
            } else {
                memory.dropped += row_idxs.len() as u64;
                model.clone().start().read(view, &series_times, &mut readings);
            }
            row_idxs.iter().zip(readings).for_each(|(&row_idx, reading)| out[row_idx] = reading);
        }
    }

    /// The whole pipeline as named arrays and values, ready for [`crate::encode`].
    pub fn save(&self) -> Sections {
        let mut sections = Sections::default();
        let mut writer = sections.writer();
        writer.value("input", &self.input);
        writer.value("spec", &self.spec);
        writer.value("features", &self.feature_fields);
        writer.value("typical", &self.typical.iter().map(finite).collect::<Vec<_>>());
        writer.value("columns", &self.columns);
        writer.value("threshold", &self.threshold);
        writer.value("trained_rows", &self.trained_rows);
        writer.value("notes", &self.notes);
        writer.value("boundary", &self.boundary);
        writer.value("step_names", &self.steps.iter().map(|(name, _)| name).collect::<Vec<_>>());
        for (at, (_, step)) in self.steps.iter().enumerate() {
            step.save(&mut writer.part(&format!("step{at}")));
        }
        self.calibration.save(&mut writer.part("calibration"));
        writer.value("has_runs", &self.runs.is_some());
        if let Some(runs) = &self.runs {
            runs.save(&mut writer.part("runs"));
        }
        self.model.save(&mut writer.part("model"));
        sections
    }

    /// Rebuilds a pipeline from what [`Pipeline::save`] gave.
    pub fn load(sections: &Sections, registry: Registry) -> Result<Self, LoadError> {
        let reader = sections.reader();
        let spec: PipelineSpec = reader.value("spec")?;
        let entry =
            registry.get(&spec.detector).map_err(|error| LoadError::content("spec", error.to_string()))?;
        let detector =
            entry.parse(&spec.params).map_err(|error| LoadError::content("spec", error.to_string()))?;
        let model = entry.load(&reader.part("model"))?;
        let names: Vec<String> = reader.value("step_names")?;
        let fitted = names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let entry =
                    steps::step(name).map_err(|error| LoadError::content("step_names", error.to_string()))?;
                Ok((name.clone(), entry.load(&reader.part(&format!("step{at}")))?))
            })
            .collect::<Result<Vec<_>, LoadError>>()?;
        let columns: Vec<String> = reader.value("columns")?;
        let features: Vec<Field> = reader.value("features")?;
        let typical: Vec<Typical> = reader.value("typical")?;
        let boundary: usize = reader.value("boundary")?;
        if model.n_features() != columns.len() || features.len() != typical.len() || boundary > fitted.len() {
            return Err(LoadError::content("columns", "do not fit the model"));
        }
        let input: Schema = reader.value("input")?;
        // A name that comes twice would take a table's column twice: as often as a hostile file likes.
        let mut seen = FxHashSet::default();
        if let Some(field) = input.fields.iter().find(|field| !seen.insert(&field.name)) {
            return Err(LoadError::content("input", format!("names column '{}' twice", field.name)));
        }
        Ok(Self {
            input,
            steps: fitted,
            boundary,
            feature_fields: features,
            typical,
            columns,
            model,
            takes_missing: entry.takes_missing,
            learns_from: detector.learns_from(),
            natural_threshold: detector.natural_threshold(),
            calibration: Calibration::load(&reader.part("calibration"))?,
            runs: if reader.value("has_runs")? { Some(Runs::load(&reader.part("runs"))?) } else { None },
            threshold: reader.value("threshold")?,
            trained_rows: reader.value("trained_rows")?,
            notes: reader.value("notes")?,
            spec,
        })
    }
}

/// Values in another order, if there is one.
fn in_order<T: Copy>(values: &[T], order: Option<&[usize]>) -> Vec<T> {
    order.map_or_else(|| values.to_vec(), |order| order.iter().map(|&row_idx| values[row_idx]).collect())
}

/// The scale of a detector that learns from labels: how normal rows score that it has not seen. What it has seen it
/// knows by heart, which says nothing. None where there are too few.
fn calibrate_on_held_out(
    detector: &dyn AnyDetector,
    rows: &Rows,
    context: &FitContext<'_>,
    score_all: ScoreAll<'_>,
) -> Result<Option<Calibration>, FitError> {
    let Some(labels) = context.class_labels else { return Ok(None) };
    let is_attack = |row_idx: usize| labels.classes.is_attack[usize::from(labels.of_rows[row_idx])];
    let mut n_normal = 0;
    let (held, kept): (Vec<usize>, Vec<usize>) = (0..rows.n_rows()).partition(|&row_idx| {
        n_normal += usize::from(!is_attack(row_idx));
        !is_attack(row_idx) && n_normal % HELD_OUT == 0
    });
    if held.len() < LEAST_HELD_OUT {
        return Ok(None);
    }
    let of_rows = in_order(labels.of_rows, Some(&kept));
    // A class all of whose rows are held out, as the only normal row of a class may be, stays in the list.
    let times = context.times.map(|times| in_order(times, Some(&kept)));
    let attacks = context.labels.map(|attacks| in_order(attacks, Some(&kept)));
    let kept_context = FitContext {
        times: times.as_deref(),
        labels: attacks.as_deref(),
        class_labels: Some(ClassLabels { of_rows: &of_rows, ..labels }),
        ..*context
    };
    let model = detector.fit(rows.take(&kept).view(), &kept_context)?;
    let mut scores = vec![0.0; held.len()];
    score_all(&model, rows.take(&held).view(), &[], &mut scores);
    Ok(Some(Calibration::fit(&scores)))
}

/// Scores of the training rows: row by row for row models, each series from its beginning for series models.
fn training_scores(
    model: &Model,
    rows: &Rows,
    times: Option<&[i64]>,
    ends: &[usize],
    score_all: ScoreAll<'_>,
) -> Vec<f64> {
    let mut scores = vec![0.0; rows.n_rows()];
    let whole_end = [rows.n_rows()];
    let mut start = 0;
    for &end in if model.kind() == ModelKind::Series { ends } else { &whole_end } {
        let series_times = times.map_or(&[][..], |times| &times[start..end]);
        score_all(model, rows.view().slice(start, end), series_times, &mut scores[start..end]);
        start = end;
    }
    scores
}

/// Inputs, and the time and entity columns that steps need.
fn input_schema(schema: &Schema) -> Schema {
    Schema { fields: schema.fields.iter().filter(|field| is_wanted(field)).cloned().collect() }
}

fn is_wanted(field: &Field) -> bool {
    field.role.is_input() || matches!(field.role, Role::Time | Role::Entity)
}

/// The same columns as [`select`], of the frame that the schema was taken from, without a copy.
fn inputs_of(frame: Frame, input: &Schema) -> Result<Frame, FitError> {
    let (schema, columns) = frame.into_parts();
    let kept = schema.fields.iter().zip(columns).filter(|(field, _)| is_wanted(field));
    let columns = kept.map(|(_, column)| column).collect();
    Frame::new(Arc::new(input.clone()), columns).map_err(|error| FitError::Data(error.to_string()))
}

/// The features of a frame, and what is ordinary for each.
fn features_of(frame: &Frame) -> (Vec<Field>, Vec<Typical>) {
    let schema = frame.schema();
    schema.inputs().map(|idx| (schema.fields[idx].clone(), typical_of(frame.column(idx)))).unzip()
}

/// The columns a pipeline was fitted on, by name, in its order and under its roles.
fn select(frame: &Frame, input: &Schema) -> Result<Frame, FitError> {
    let mut columns = Vec::with_capacity(input.fields.len());
    for field in &input.fields {
        let Some((_, column)) = frame.by_name(&field.name) else {
            return Err(FitError::Column {
                column: field.name.to_string(),
                reason: "is missing; the model was fitted with it".into(),
            });
        };
        columns.push(match (field.kind, column) {
            (kind, column) if kind == column.kind() => column.clone(),
            (Kind::Float, Column::Int(_)) => Column::Float(numbers(column)),
            // An empty or whole-number column may come out as another kind in another file.
            (Kind::Float, Column::Text(texts)) if texts.iter().all(str::is_empty) => {
                Column::Float(vec![f64::NAN; texts.len()])
            }
            (Kind::Int, Column::Float(values)) => Column::Int(
                values.iter().map(|v| if v.is_nan() { eddy_frame::MISSING_INT } else { *v as i64 }).collect(),
            ),
            (Kind::Text, column) => Column::Text(
                (0..column.len())
                    .map(|row_idx| {
                        let number = column.number(row_idx);
                        if number.is_nan() { String::new() } else { number.to_string() }
                    })
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str)
                    .collect(),
            ),
            (kind, column) => {
                return Err(FitError::Column {
                    column: field.name.to_string(),
                    reason: format!("holds {:?}, the model was fitted on {kind:?}", column.kind()),
                });
            }
        });
    }
    frame.with_columns(Arc::new(input.clone()), columns).map_err(|error| FitError::Data(error.to_string()))
}

/// The order that brings rows of a series together (none when they are already), and the ends of the series.
fn group_by_entity(frame: &Frame) -> (Option<Vec<usize>>, Vec<usize>) {
    let groups = Entities::of(frame).groups(frame.n_rows());
    let mut ends = Vec::with_capacity(groups.len());
    let mut order = Vec::with_capacity(frame.n_rows());
    for (_, row_idxs) in groups {
        order.extend(row_idxs);
        ends.push(order.len());
    }
    (if ends.len() > 1 { Some(order) } else { None }, ends)
}

fn apply_by_series(step: &dyn FittedStep, frame: Frame, ends: &[usize]) -> Result<Frame, FitError> {
    if !step.is_series() || ends.len() <= 1 {
        return step.apply(frame, &mut StepMemory::default());
    }
    let mut parts = Vec::with_capacity(ends.len());
    let mut start = 0;
    for &end in ends {
        parts.push(step.apply(frame.slice(start, end), &mut StepMemory::default())?);
        start = end;
    }
    Frame::concat(&parts).map_err(|error| FitError::Data(error.to_string()))
}

/// Numeric inputs as row-major numbers: `wanted` columns in that order, or all. Always finite, but for missing values
/// where they are kept.
///
/// A column is let go as soon as its numbers are narrow: the frame and the rows never stand side by side.
fn to_rows(
    frame: Frame,
    wanted: Option<&[String]>,
    keep_missing: bool,
) -> Result<(Rows, Vec<String>), FitError> {
    let n_rows = frame.n_rows();
    let (schema, columns) = frame.into_parts();
    let idxs: Vec<usize> = match wanted {
        None => schema.inputs().filter(|&idx| schema.fields[idx].kind != Kind::Text).collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                schema.index_of(name).ok_or_else(|| FitError::Column {
                    column: name.clone(),
                    reason: "is missing; the model was fitted with it".into(),
                })
            })
            .collect::<Result<_, _>>()?,
    };
    let mut narrowed: Vec<Vec<f32>> = vec![Vec::new(); columns.len()];
    for (idx, column) in columns.into_iter().enumerate().filter(|(idx, _)| idxs.contains(idx)) {
        narrowed[idx] = match column {
            Column::Float(values) => values.iter().map(|value| narrow(*value, keep_missing)).collect(),
            column => (0..n_rows).map(|row_idx| narrow(column.number(row_idx), keep_missing)).collect(),
        };
    }
    let n_cols = idxs.len();
    let mut values = vec![0.0f32; n_rows * n_cols];
    for (at, &idx) in idxs.iter().enumerate() {
        let cells = values.iter_mut().skip(at).step_by(n_cols.max(1));
        cells.zip(&narrowed[idx]).for_each(|(cell, number)| *cell = *number);
    }
    let names = idxs.iter().map(|&idx| schema.fields[idx].name.to_string()).collect();
    Ok((Rows::new(values, n_cols), names))
}

/// To 32 bits, finite: a chain without imputation may still hold missing values, which count as 0 unless they are kept.
fn narrow(number: f64, keep_missing: bool) -> f32 {
    if !number.is_nan() {
        number.clamp(-1e30, 1e30) as f32
    } else if keep_missing {
        f32::NAN
    } else {
        0.0
    }
}
