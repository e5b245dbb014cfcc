//! Records to verdicts, with a model of the registry that is kept in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eddy_detect::{Model, Pipeline, anomaly_score};
use eddy_frame::is_normal_label;
use serde::Serialize;

use crate::app::App;
use crate::extract::reason_of;
use crate::problem::Problem;
use crate::records::{Node, nodes, number, plain};
use crate::verdict::{NO_PAST, Verdict, scored};

/// Models kept in memory.
const KEPT: usize = 8;
/// Most records of one request.
pub(crate) const MOST_RECORDS: usize = 100_000;
/// Bytes of a body that are answered where they arrive; more go to a thread of their own.
const FEW: usize = 16 << 10;

/// A model, ready to score.
pub(crate) struct Loaded {
    id: String,
    name: String,
    version: u32,
    pub(crate) pipeline: Pipeline,
    /// Surprise from which on a record is an anomaly.
    pub(crate) limit: f64,
    /// The same as an anomaly score.
    pub(crate) threshold: f64,
    /// Names of classes, and whether each means normal, for models that learned from labels.
    pub(crate) classes: Vec<(String, bool)>,
    /// Places of the columns that models see.
    pub(crate) inputs: Vec<usize>,
    /// Names of all columns as [`plain`] has them.
    pub(crate) plain_names: Vec<String>,
}

/// A model in an answer.
#[derive(Serialize)]
pub(crate) struct Named<'m> {
    id: &'m str,
    name: &'m str,
    version: u32,
    detector: &'m str,
}

/// Models in memory, and where aliases point to.
#[derive(Default)]
pub(crate) struct Predictors {
    models: Mutex<Vec<Arc<Loaded>>>,
    aliases: Mutex<HashMap<String, String>>,
    /// How often something was to be forgotten: what was read before that is not kept.
    forgotten: AtomicU64,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Predictors {
    /// Forgets where aliases point to, after one has changed.
    pub(crate) fn forget_aliases(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        held(&self.aliases).clear();
    }

    /// Forgets a model that was removed.
    pub(crate) fn forget(&self, id: &str) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        held(&self.models).retain(|one| one.id != id);
    }

    /// Forgets all models, after some were let go.
    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        held(&self.models).clear();
    }

    fn known(&self, id: &str) -> Option<Arc<Loaded>> {
        held(&self.models).iter().find(|one| one.id == id).cloned()
    }

    /// What was read from here on is good as long as this number stays.
    fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::SeqCst)
    }

    fn keep_alias(&self, alias: &str, id: &str, forgotten: u64) {
        let mut aliases = held(&self.aliases);
        if self.forgotten() == forgotten {
            aliases.insert(alias.to_owned(), id.to_owned());
        }
    }

    fn keep(&self, loaded: Arc<Loaded>, forgotten: u64) {
        let mut models = held(&self.models);
        if self.forgotten() != forgotten {
            return;
        }
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
            let (asked, forgotten) = (alias.to_owned(), self.predictors.forgotten());
            let found = self.ask(move |store| Ok(store.alias(&asked)?.model)).await.map_err(|problem| {
                if problem.status() == 404 {
                    Problem::conflict(format!(
                        "no model answers yet: train or import one and point the alias '{alias}' to it (PUT \
                             /api/v1/aliases/{alias})"
                    ))
                } else {
                    problem
                }
            })?;
            self.predictors.keep_alias(alias, &found, forgotten);
            found
        };
        self.predictor(&id).await
    }

    /// A model.
    pub(crate) async fn predictor(&self, id: &str) -> Result<Arc<Loaded>, Problem> {
        if let Some(known) = self.predictors.known(id) {
            return Ok(known);
        }
        let (id, forgotten) = (id.to_owned(), self.predictors.forgotten());
        let loaded = self.ask(move |store| load(store, &id)).await?;
        self.predictors.keep(loaded.clone(), forgotten);
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
    let plain_names = pipeline.input.fields.iter().map(|field| plain(&field.name)).collect();
    Ok(Arc::new(Loaded {
        id: model.id,
        name: model.name,
        version: model.version,
        pipeline,
        limit,
        threshold: anomaly_score(limit),
        classes,
        inputs,
        plain_names,
    }))
}

/// What a caller sent: records, and the form of the answer.
enum Asked<'a> {
    /// One record, and whether it came as the lone number of a metric.
    One(Node<'a>, Option<f64>),
    /// Several.
    Many(Vec<Node<'a>>),
    /// Values of a series, in order.
    Series(Vec<Node<'a>>),
}

/// Reads what a caller sent.
fn asked<'a>(body: Node<'a>, model: &Loaded) -> Result<Asked<'a>, Problem> {
    let many = |records: Vec<Node<'a>>| {
        if records.is_empty() || records.len() > MOST_RECORDS {
            return Err(Problem::invalid(format!("1 to {MOST_RECORDS} records are taken at a time")));
        }
        Ok(records)
    };
    let mut fields = match body {
        Node::List(records) => return Ok(Asked::Many(many(records)?)),
        Node::Fields(fields) => fields,
        _ => {
            return Err(Problem::invalid(
                "send an object of fields, an object with `features`, or a list of records",
            ));
        }
    };
    let mut list = |name: &str| {
        let found = fields.iter_mut().find(|(key, _)| key == name)?;
        match &mut found.1 {
            Node::List(items) => Some(std::mem::take(items)),
            _ => None,
        }
    };
    if let Some(records) = list("records") {
        return Ok(Asked::Many(many(records)?));
    }
    if let Some(values) = list("values") {
        return Ok(Asked::Series(many(values)?));
    }
    if let Some(features) = list("features") {
        if matches!(features.first(), Some(Node::List(_))) {
            return Ok(Asked::Many(many(features)?));
        }
        return Ok(Asked::One(Node::List(features), None));
    }
    if model.inputs.len() == 1 {
        if let Some((_, value)) = fields.iter().find(|(key, _)| key == "network_in") {
            let number = number(value).ok().filter(|number| number.is_finite());
            let number = number.ok_or_else(|| Problem::invalid("network_in: a number is needed"))?;
            // Without a past whatever is sent would be called normal.
            if model.pipeline.is_series() {
                return Err(Problem::invalid(format!("network_in: {NO_PAST}")));
            }
            return Ok(Asked::One(Node::List(vec![Node::Real(number)]), Some(number)));
        }
        if fields.is_empty() {
            return Err(Problem::malformed("Missing 'network_in' in request JSON"));
        }
    }
    Ok(Asked::One(Node::Fields(fields), None))
}

/// The answer to several records.
#[derive(Serialize)]
struct Summed<'m> {
    predictions: &'m [Verdict<'m>],
    records: usize,
    anomalies: usize,
    model: Named<'m>,
}

/// Scores what was asked and answers, in JSON, in the form that it came in.
pub(crate) async fn answer(
    app: &App,
    model: Arc<Loaded>,
    body: bytes::Bytes,
    with_why: bool,
) -> Result<Vec<u8>, Problem> {
    let (n, answer) = if body.len() <= FEW && !with_why {
        answered(&model, &body, with_why)?
    } else {
        tokio::task::spawn_blocking(move || answered(&model, &body, with_why)).await??
    };
    app.metrics.predictions.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
    Ok(answer)
}

/// How many records were scored, and the answer.
fn answered(model: &Loaded, body: &[u8], with_why: bool) -> Result<(usize, Vec<u8>), Problem> {
    let (records, metric, is_one) = match asked(nodes(body).map_err(|error| reason_of(&error))?, model)? {
        Asked::One(record, metric) => (vec![record], metric, true),
        Asked::Many(records) => (records, None, false),
        Asked::Series(values) => {
            if model.inputs.len() != 1 {
                return Err(Problem::invalid(format!(
                    "this model reads {} columns; send `records`",
                    model.inputs.len()
                )));
            }
            (values.into_iter().map(|value| Node::List(vec![value])).collect(), None, false)
        }
    };
    let numbers = scored(model, &records, with_why)?;
    let mut verdicts = numbers.verdicts(model);
    let written = if is_one {
        if let Some(verdict) = verdicts.first_mut() {
            verdict.stands_alone(metric);
        }
        serde_json::to_vec(&verdicts.first())
    } else {
        let anomalies = verdicts.iter().filter(|verdict| verdict.is_anomaly()).count();
        let (predictions, records) = (verdicts.as_slice(), verdicts.len());
        serde_json::to_vec(&Summed { predictions, records, anomalies, model: model.named() })
    };
    written
        .map(|written| (records.len(), written))
        .map_err(|error| Problem::internal(format!("the answer cannot be written: {error}")))
}

impl Loaded {
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            id: &self.id,
            name: &self.name,
            version: self.version,
            detector: &self.pipeline.spec.detector,
        }
    }

    /// Id in the registry.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_read_before_it_was_moved_is_not_kept() {
        let predictors = Predictors::default();
        let known = || held(&predictors.aliases).get("predict").cloned();
        let forgotten = predictors.forgotten();
        predictors.keep_alias("predict", "first", forgotten);
        assert_eq!(known().as_deref(), Some("first"));
        predictors.forget_aliases();
        assert_eq!(known(), None);
        predictors.keep_alias("predict", "first", forgotten);
        assert_eq!(known(), None);
        predictors.keep_alias("predict", "second", predictors.forgotten());
        assert_eq!(known().as_deref(), Some("second"));
    }
}
