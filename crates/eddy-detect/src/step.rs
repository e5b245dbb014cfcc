//! What a step is: a transformation of a frame, fitted on the training rows.

use std::collections::VecDeque;
use std::sync::Arc;

use eddy_frame::{Column, Field, Frame, Kind, Role, Schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{FitError, LoadError, ParamError, SectionReader, SectionWriter};

/// A step: plain parameters that can be fitted. Same rules as for [`crate::Detector`].
pub trait Step: Clone + Default + Send + Sync + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// Name in flags and files.
    const NAME: &'static str;
    /// What it does, in one sentence.
    const SUMMARY: &'static str;
    /// Whether its result for a row depends on earlier rows of the series.
    const SERIES: bool = false;

    /// Learns from the training rows.
    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError>;

    /// Rebuilds a fitted step from what [`FittedStep::save`] wrote.
    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError>;
}

/// A fitted step.
pub trait FittedStep: Send + Sync {
    /// Whether the result for a row depends on earlier rows of its series.
    fn is_series(&self) -> bool {
        false
    }

    /// Transforms rows. A series step keeps what it needs of earlier rows in `memory`; others leave it alone.
    fn apply(&self, frame: Frame, memory: &mut StepMemory) -> Result<Frame, FitError>;

    /// What it does to these columns, in a sentence for the summary.
    fn describe(&self) -> String;

    /// Names and writes the arrays that make it up.
    fn save(&self, section: &mut SectionWriter<'_>);
}

/// What a series step remembers of one series: a bounded number of earlier values per column, newest last.
#[derive(Debug, Clone, Default)]
pub struct StepMemory {
    /// Earlier values, one queue per column the step works on.
    pub values: Vec<VecDeque<f64>>,
    /// Time of the newest row, in nanoseconds.
    pub last_time: Option<i64>,
}

impl StepMemory {
    /// The queue of column `idx`, made when first asked for.
    pub fn queue(&mut self, idx: usize) -> &mut VecDeque<f64> {
        if self.values.len() <= idx {
            self.values.resize_with(idx + 1, VecDeque::new);
        }
        &mut self.values[idx]
    }
}

/// A step by name with its parameters, as written in flags and files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSpec {
    /// Name of the step.
    pub name: String,
    /// Parameters that differ from the default.
    #[serde(default)]
    pub params: Value,
}

impl StepSpec {
    /// Gives a parameter another value.
    pub fn set(&mut self, name: &str, value: Value) {
        match &mut self.params {
            Value::Object(params) => {
                params.insert(name.to_owned(), value);
            }
            params => *params = Value::Object(std::iter::once((name.to_owned(), value)).collect()),
        }
    }

    /// A step with default parameters.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), params: Value::Null }
    }
}

type FitStep = fn(&Value, &Frame) -> Result<Box<dyn FittedStep>, FitError>;

/// One line of the list of steps.
#[derive(Debug, Clone, Copy)]
pub struct StepEntry {
    /// Name in flags and files.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Whether it wants adjacent rows in order.
    pub series: bool,
    fit: FitStep,
    load: fn(&SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError>,
    schema: fn() -> Value,
}

impl StepEntry {
    /// The entry of a step type.
    pub const fn of<S: Step>() -> Self {
        Self {
            name: S::NAME,
            summary: S::SUMMARY,
            series: S::SERIES,
            fit: fit::<S>,
            load: S::load,
            schema: schema::<S>,
        }
    }

    /// Parses parameters and fits.
    pub fn fit(&self, params: &Value, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        (self.fit)(params, frame)
    }

    /// Rebuilds a fitted step.
    pub fn load(&self, section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        (self.load)(section)
    }

    /// The JSON schema of the parameters.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

fn fit<S: Step>(params: &Value, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
    let step: S = if params.is_null() {
        S::default()
    } else {
        serde_json::from_value(params.clone()).map_err(|error| ParamError::Invalid {
            detector: S::NAME.to_owned(),
            reason: error.to_string(),
        })?
    };
    step.fit(frame)
}

fn schema<S: Step>() -> Value {
    serde_json::to_value(schemars::schema_for!(S)).unwrap_or_default()
}

/// Replaces and adds columns: the common end of most steps.
#[derive(Debug)]
pub(crate) struct Edit {
    frame: Frame,
    fields: Vec<Field>,
    columns: Vec<Column>,
}

impl Edit {
    pub(crate) fn new(frame: Frame) -> Self {
        let hollow = frame.slice(0, 0);
        let first_row = frame.first_row;
        let lines = frame.lines.clone();
        let (schema, columns) = frame.into_parts();
        let mut frame = hollow;
        frame.first_row = first_row;
        frame.lines = lines;
        Self { frame, fields: schema.fields.clone(), columns }
    }

    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }

    pub(crate) fn column(&self, idx: usize) -> &Column {
        &self.columns[idx]
    }

    pub(crate) fn column_mut(&mut self, idx: usize) -> &mut Column {
        &mut self.columns[idx]
    }

    pub(crate) fn field_mut(&mut self, idx: usize) -> &mut Field {
        &mut self.fields[idx]
    }

    pub(crate) fn push(&mut self, field: Field, values: Vec<f64>) {
        self.fields.push(field);
        self.columns.push(Column::Float(values));
    }

    pub(crate) fn replace(&mut self, idx: usize, values: Vec<f64>) {
        self.columns[idx] = Column::Float(values);
        self.fields[idx].kind = Kind::Float;
    }

    /// Numbers of categories: whole, and in no order that means anything.
    pub(crate) fn replace_by_codes(&mut self, idx: usize, codes: Vec<i64>) {
        self.columns[idx] = Column::Int(codes);
        self.fields[idx].kind = Kind::Int;
    }

    pub(crate) fn set_role(&mut self, idx: usize, role: Role) {
        self.fields[idx].role = role;
    }

    pub(crate) fn remove(&mut self, idx: usize) {
        self.fields.remove(idx);
        self.columns.remove(idx);
    }

    pub(crate) fn finish(self) -> Result<Frame, FitError> {
        self.frame
            .with_columns(Arc::new(Schema { fields: self.fields }), self.columns)
            .map_err(|error| FitError::Data(error.to_string()))
    }
}

/// Positions and names of the numeric inputs of a frame.
pub(crate) fn numeric_inputs(frame: &Frame) -> Vec<(usize, String)> {
    let schema = frame.schema();
    schema
        .inputs()
        .filter(|&idx| matches!(schema.fields[idx].kind, Kind::Float | Kind::Int))
        .map(|idx| (idx, schema.fields[idx].name.to_string()))
        .collect()
}

/// All values of a column as numbers.
pub(crate) fn numbers(column: &Column) -> Vec<f64> {
    match column {
        Column::Float(values) => values.clone(),
        other => (0..other.len()).map(|row_idx| other.number(row_idx)).collect(),
    }
}

/// Values of the first time column, in nanoseconds.
pub(crate) fn times(frame: &Frame) -> Option<&[i64]> {
    let idx = frame.schema().with_role(Role::Time).find(|&idx| frame.column(idx).as_time().is_some())?;
    frame.column(idx).as_time()
}

/// The column called `name`, or an error that names it.
pub(crate) fn wanted(edit: &Edit, name: &str) -> Result<usize, FitError> {
    edit.index_of(name).ok_or_else(|| FitError::Column {
        column: name.to_owned(),
        reason: "is missing; the model was fitted with it".into(),
    })
}
