//! Records to verdicts, with a model of the registry that is kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eddy_detect::{FitError, LearnsFrom, Memory, Model, ModelKind, Pipeline, Reading, anomaly_score};
use eddy_frame::{Column, Frame, MISSING_INT, MISSING_TIME, Role, Schema, is_normal_label};
use eddy_store::now_ms;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::jobs::moment_ns;
use crate::problem::Problem;

/// Models kept in memory.
const KEPT: usize = 8;
/// Most records of one request.
pub(crate) const MOST_RECORDS: usize = 100_000;
/// Records that are scored where they arrive; more go to a thread of their own.
const FEW: usize = 32;
/// Distance of values that come without times.
const STEP_NS: i64 = 300_000_000_000;

/// A model, ready to score.
pub(crate) struct Loaded {
    id: String,
    name: String,
    version: u32,
    pipeline: Pipeline,
    /// Surprise from which on a record is an anomaly.
    limit: f64,
    /// Names of classes, and whether each means normal, for models that learned from labels.
    classes: Vec<(String, bool)>,
    /// Places of the columns that models see.
    inputs: Vec<usize>,
}

/// Models in memory, and where aliases point to.
#[derive(Default)]
pub(crate) struct Predictors {
    models: Mutex<Vec<Arc<Loaded>>>,
    aliases: Mutex<HashMap<String, String>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Predictors {
    /// Forgets where aliases point to, after one has changed.
    pub(crate) fn forget_aliases(&self) {
        held(&self.aliases).clear();
    }

    /// Forgets a model that was removed.
    pub(crate) fn forget(&self, id: &str) {
        held(&self.models).retain(|one| one.id != id);
    }

    fn known(&self, id: &str) -> Option<Arc<Loaded>> {
        held(&self.models).iter().find(|one| one.id == id).cloned()
    }

    fn keep(&self, loaded: Arc<Loaded>) {
        let mut models = held(&self.models);
        models.retain(|one| one.id != loaded.id);
        if models.len() >= KEPT {
            models.remove(0);
        }
        models.push(loaded);
    }
}

impl App {
    /// The model that an alias points to.
    pub(crate) async fn predictor_of_alias(&self, alias: &str) -> Result<Arc<Loaded>, Problem> {
        let known = held(&self.predictors.aliases).get(alias).cloned();
        let id = if let Some(id) = known {
            id
        } else {
            let asked = alias.to_owned();
            let found = self.ask(move |store| Ok(store.alias(&asked)?.model)).await.map_err(|problem| {
                    if problem.status() == 404 {
                        Problem::busy(
                            format!(
                                "no model answers yet: train or import one and point the alias '{alias}' to it (PUT \
                                 /api/v1/aliases/{alias})"
                            ),
                            60,
                        )
                    } else {
                        problem
                    }
                })?;
            held(&self.predictors.aliases).insert(alias.to_owned(), found.clone());
            found
        };
        self.predictor(&id).await
    }

    /// A model.
    pub(crate) async fn predictor(&self, id: &str) -> Result<Arc<Loaded>, Problem> {
        if let Some(known) = self.predictors.known(id) {
            return Ok(known);
        }
        let id = id.to_owned();
        let loaded = self.ask(move |store| load(store, &id)).await?;
        self.predictors.keep(loaded.clone());
        Ok(loaded)
    }
}

/// Reads a model file. Loading checks everything it reads and runs nothing, so it needs no process of its own.
fn load(store: &eddy_store::Store, id: &str) -> Result<Arc<Loaded>, Problem> {
    let model = store.model(id)?;
    let pipeline = eddy_engine::load_model(&store.folder().model(id)).map_err(|error| {
        tracing::error!(%error, model = id, "a model cannot be loaded");
        Problem::internal("the file of the model cannot be read any more; the log of the server says why")
    })?;
    let limit = pipeline.threshold.as_ref().map_or(3.0, |threshold| threshold.surprise);
    let classes = match &pipeline.model {
        Model::Row(model) => model.classes().map(|classes| classes.names.clone()).unwrap_or_default(),
        _ => Vec::new(),
    };
    let classes = classes.into_iter().map(|name| (name.clone(), is_normal_label(&name))).collect();
    let inputs = pipeline.input.inputs().collect();
    Ok(Arc::new(Loaded {
        id: model.id,
        name: model.name,
        version: model.version,
        pipeline,
        limit,
        classes,
        inputs,
    }))
}

/// What a caller sent: records, and the form of the answer.
pub(crate) enum Asked {
    /// One record, and whether it came as the lone number of a metric.
    One(Value, Option<f64>),
    /// Several.
    Many(Vec<Value>),
    /// Values of a series, in order.
    Series(Vec<Value>),
}

/// Reads what a caller sent.
pub(crate) fn asked(body: Value, model: &Loaded) -> Result<Asked, Problem> {
    let many = |records: Vec<Value>| {
        if records.is_empty() || records.len() > MOST_RECORDS {
            return Err(Problem::invalid(format!("1 to {MOST_RECORDS} records are taken at a time")));
        }
        Ok(records)
    };
    match body {
        Value::Array(records) => Ok(Asked::Many(many(records)?)),
        Value::Object(mut fields) => {
            if let Some(Value::Array(records)) = fields.get_mut("records") {
                return Ok(Asked::Many(many(std::mem::take(records))?));
            }
            if let Some(Value::Array(values)) = fields.get_mut("values") {
                return Ok(Asked::Series(many(std::mem::take(values))?));
            }
            if let Some(Value::Array(features)) = fields.get_mut("features") {
                let features = std::mem::take(features);
                if features.first().is_some_and(Value::is_array) {
                    return Ok(Asked::Many(many(features)?));
                }
                return Ok(Asked::One(Value::Array(features), None));
            }
            if let (Some(value), true) = (fields.get("network_in"), model.inputs.len() == 1) {
                let number = value
                    .as_f64()
                    .or_else(|| value.as_str()?.trim().parse().ok())
                    .ok_or_else(|| Problem::invalid("network_in: a number is needed"))?;
                return Ok(Asked::One(Value::Array(vec![number.into()]), Some(number)));
            }
            if fields.is_empty() && model.inputs.len() == 1 {
                return Err(Problem::malformed("Missing 'network_in' in request JSON"));
            }
            Ok(Asked::One(Value::Object(fields), None))
        }
        _ => {
            Err(Problem::invalid("send an object of fields, an object with `features`, or a list of records"))
        }
    }
}

/// Scores what was asked and answers in the form that it came in.
pub(crate) async fn answer(
    app: &App,
    model: Arc<Loaded>,
    asked: Asked,
    with_why: bool,
) -> Result<Value, Problem> {
    let count = |n: usize| {
        app.metrics.predictions.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
    };
    match asked {
        Asked::One(record, metric) => {
            count(1);
            let mut answers = scored(&model, &[record], with_why)?;
            let mut answer = answers.pop().unwrap_or_default();
            answer.insert("model".into(), model.in_json());
            if let Some(number) = metric {
                let anomalous = answer["result"] == "Anomaly";
                answer.insert("network_in".into(), json!(number));
                answer.insert("prediction".into(), json!(if anomalous { -1 } else { 1 }));
            }
            Ok(Value::Object(answer))
        }
        Asked::Many(records) => {
            count(records.len());
            let answers = in_turn(model.clone(), records, with_why).await?;
            Ok(summed(&model, &answers))
        }
        Asked::Series(values) => {
            if model.inputs.len() != 1 {
                return Err(Problem::invalid(format!(
                    "this model reads {} columns; send `records`",
                    model.inputs.len()
                )));
            }
            count(values.len());
            let records = values.into_iter().map(|value| Value::Array(vec![value])).collect();
            let answers = in_turn(model.clone(), records, with_why).await?;
            Ok(summed(&model, &answers))
        }
    }
}

async fn in_turn(
    model: Arc<Loaded>,
    records: Vec<Value>,
    with_why: bool,
) -> Result<Vec<Map<String, Value>>, Problem> {
    if records.len() <= FEW {
        return scored(&model, &records, with_why);
    }
    tokio::task::spawn_blocking(move || scored(&model, &records, with_why)).await?
}

fn summed(model: &Loaded, answers: &[Map<String, Value>]) -> Value {
    let anomalies = answers.iter().filter(|answer| answer["result"] == "Anomaly").count();
    json!({ "predictions": answers, "records": answers.len(), "anomalies": anomalies, "model": model.in_json() })
}

impl Loaded {
    fn in_json(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "version": self.version, "detector": self.pipeline.spec.detector })
    }

    /// Id in the registry.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

/// Verdicts of records, in order.
fn scored(model: &Loaded, records: &[Value], with_why: bool) -> Result<Vec<Map<String, Value>>, Problem> {
    let frame = frame_of(model, records)?;
    let failed = |error: FitError| Problem::invalid(error.to_string());
    let pipeline = &model.pipeline;
    let mut memory = Memory::default();
    let features = pipeline.features(&frame, &mut memory).map_err(failed)?;
    let kept = with_why.then(|| features.clone());
    let rows = pipeline.encode(features).map_err(failed)?;
    let n = frame.n_rows();
    let mut scores = vec![0.0; n];
    if pipeline.is_series() && pipeline.model.kind() == ModelKind::Series {
        let mut readings = vec![Reading::of_score(0.0); n];
        pipeline.read_series(&frame, &rows, &mut memory, &mut readings);
        scores.iter_mut().zip(&readings).for_each(|(score, reading)| *score = reading.score);
    } else {
        pipeline.model.score_once(rows.view(), &[], &mut scores);
    }
    let k = model.classes.len();
    let mut probabilities = vec![0.0; n * k];
    if let (Model::Row(row_model), true) = (&pipeline.model, k > 0) {
        row_model.probabilities(rows.view(), &mut probabilities);
    }
    let sentences = match kept {
        Some(features) => eddy_insight::explain(pipeline, &features).map_err(failed)?,
        None => Vec::new(),
    };
    let threshold = anomaly_score(model.limit);
    Ok((0..n)
        .map(|row| {
            let surprise = pipeline.calibration.surprise(scores[row]);
            let mut answer = verdict(model, surprise, &probabilities[row * k..(row + 1) * k]);
            answer.insert("threshold".into(), json!(threshold));
            if let Some(causes) = sentences.get(row) {
                answer.insert("why".into(), json!(eddy_insight::sentence(causes)));
                answer.insert("causes".into(), serde_json::to_value(causes).unwrap_or_default());
            }
            answer
        })
        .collect())
}

fn verdict(model: &Loaded, surprise: f64, probabilities: &[f64]) -> Map<String, Value> {
    let mut answer = Map::new();
    let mut anomalous = surprise >= model.limit;
    if model.pipeline.learns_from == LearnsFrom::Labels && !probabilities.is_empty() {
        let best = (0..probabilities.len())
            .fold(0, |best, at| if probabilities[at] > probabilities[best] { at } else { best });
        let (class, is_normal) = &model.classes[best];
        anomalous = !is_normal;
        let two = model.classes.len() == 2 && model.classes.iter().filter(|(_, normal)| *normal).count() == 1;
        if two {
            answer.insert("prediction".into(), json!(i32::from(anomalous)));
            let named = model
                .classes
                .iter()
                .zip(probabilities)
                .map(|((_, normal), p)| (if *normal { "0" } else { "1" }.to_owned(), json!(p)));
            let mut named: Vec<(String, Value)> = named.collect();
            named.sort_by(|a, b| a.0.cmp(&b.0));
            answer.insert("probabilities".into(), Value::Object(named.into_iter().collect()));
        } else {
            answer.insert("prediction".into(), json!(class));
            let named =
                model.classes.iter().zip(probabilities).map(|((name, _), p)| (name.clone(), json!(p)));
            answer.insert("probabilities".into(), Value::Object(named.collect()));
        }
        answer.insert("class".into(), json!(class));
        answer.insert("message".into(), json!("Prediction successful!"));
    } else {
        answer.insert("prediction".into(), json!(if anomalous { -1 } else { 1 }));
        answer.insert("message".into(), json!(if anomalous { "Anomaly" } else { "Normal" }));
    }
    let word = if anomalous { "Anomaly" } else { "Normal" };
    answer.insert("result".into(), json!(word));
    answer.insert("description".into(), json!(format!("The network traffic is classified as {word}.")));
    answer.insert("anomaly_score".into(), json!(anomaly_score(surprise)));
    answer
}

/// Records as the table that the model was fitted on: by name where they are objects, by place where they are lists.
fn frame_of(model: &Loaded, records: &[Value]) -> Result<Frame, Problem> {
    let schema = &model.pipeline.input;
    let mut columns: Vec<Column> = schema.fields.iter().map(|field| Column::empty(field.kind)).collect();
    let now_ns = now_ms().saturating_mul(1_000_000);
    let n = records.len() as i64;
    for (at, record) in records.iter().enumerate() {
        let said = |reason: String| {
            Problem::invalid(if records.len() == 1 { reason } else { format!("record {}: {reason}", at + 1) })
        };
        let cells = cells(model, schema, record).map_err(said)?;
        for ((field, column), cell) in schema.fields.iter().zip(&mut columns).zip(cells) {
            let stand_in = now_ns - (n - 1 - at as i64).saturating_mul(STEP_NS);
            push(column, field.role, cell, stand_in)
                .map_err(|reason| said(format!("{}: {reason}", field.name)))?;
        }
    }
    Frame::new(Arc::new(schema.clone()), columns).map_err(|error| Problem::invalid(error.to_string()))
}

/// The cell of each column; none = missing.
fn cells<'a>(model: &Loaded, schema: &Schema, record: &'a Value) -> Result<Vec<Option<&'a Value>>, String> {
    match record {
        Value::Array(values) => {
            if values.len() != model.inputs.len() {
                let names: Vec<&str> = model.inputs.iter().map(|&at| &*schema.fields[at].name).collect();
                return Err(format!(
                    "{} values instead of {}: {}",
                    values.len(),
                    model.inputs.len(),
                    names.join(", ")
                ));
            }
            let mut cells = vec![None; schema.fields.len()];
            model.inputs.iter().zip(values).for_each(|(&at, value)| cells[at] = Some(value));
            Ok(cells)
        }
        Value::Object(fields) => {
            let mut missing = Vec::new();
            let cells = schema
                .fields
                .iter()
                .map(|field| {
                    let found = fields.get(&*field.name).or_else(|| {
                        let wanted = plain(&field.name);
                        fields.iter().find(|(name, _)| plain(name) == wanted).map(|(_, value)| value)
                    });
                    // A model of one metric, whatever its column was called.
                    let lone = || {
                        fields.get("network_in").filter(|_| model.inputs.len() == 1 && field.role.is_input())
                    };
                    let found = found.or_else(lone);
                    if found.is_none() && field.role.is_input() {
                        missing.push(&*field.name);
                    }
                    found
                })
                .collect();
            if missing.is_empty() {
                Ok(cells)
            } else {
                Err(format!("Missing required features: {}", missing.join(", ")))
            }
        }
        _ => Err("a record is an object of fields or a list of values".into()),
    }
}

/// A name without case, blanks and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn push(column: &mut Column, role: Role, cell: Option<&Value>, stand_in_ns: i64) -> Result<(), String> {
    let cell = cell.filter(|value| !value.is_null());
    match column {
        Column::Float(values) => values.push(cell.map_or(Ok(f64::NAN), number)?),
        Column::Int(values) => {
            values.push(cell.map_or(Ok(MISSING_INT), |cell| number(cell).map(|value| value as i64))?);
        }
        Column::Text(texts) => match cell {
            None => texts.push(""),
            Some(Value::String(text)) => texts.push(text),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => texts.push(&value.to_string()),
            Some(_) => return Err("a text is needed".into()),
        },
        Column::Time(times) => times.push(match cell {
            None if role == Role::Time => stand_in_ns,
            None => MISSING_TIME,
            Some(Value::String(text)) => moment_ns(text)?,
            Some(value) => {
                let seconds = number(value)?;
                let nanos = seconds * 1e9;
                if nanos.abs() < 9e18 { nanos as i64 } else { return Err("is too far away".into()) }
            }
        }),
    }
    Ok(())
}

fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => number.as_f64().ok_or_else(|| "a number is needed".into()),
        Value::String(text) => text.trim().parse().map_err(|_| format!("'{}' is no number", short(text))),
        Value::Bool(yes) => Ok(f64::from(u8::from(*yes))),
        _ => Err("a number is needed".into()),
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
