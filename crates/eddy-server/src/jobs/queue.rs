//! Jobs that wait, jobs at work, and what becomes of what they made.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eddy_store::{
    Dataset, DatasetState, Job, JobKind, JobState, NewModel, NewRun, Origin, Run, new_id, now_ms,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use super::order::{Bars, Input, Order, RunSaid, Work};
use super::process::{Ended, run_order};
use super::request::{JobRequest, by_configuration};
use super::work::Tell;
use crate::app::App;
use crate::problem::Problem;

/// Tries to write down how a job ended while the disk is full.
const TRIES: usize = 30;
/// How often one job is begun at most: what brought two workers down is not given to a third.
pub(crate) const MOST_ATTEMPTS: u32 = 3;

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Progress {
    /// What it is doing: "read", "fit", "compare", "score", "write".
    pub(crate) stage: String,
    /// How much of it is done.
    pub(crate) done: u64,
    /// Of how much; 0 = not known.
    pub(crate) of: u64,
}

struct Active {
    cancel: watch::Sender<bool>,
    progress: Progress,
}

/// Jobs that wait and jobs at work.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<String>>,
    active: Mutex<HashMap<String, Active>>,
    wake: Notify,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    pub(crate) fn push(&self, id: String) {
        held(&self.waiting).push_back(id);
        self.wake.notify_one();
    }

    /// Jobs that wait, and jobs at work.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        (held(&self.waiting).len(), held(&self.active).len())
    }

    pub(crate) fn progress(&self, id: &str) -> Option<Progress> {
        held(&self.active).get(id).map(|active| active.progress.clone())
    }

    /// Calls a job off; false when it is not here.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let waited = {
            let mut waiting = held(&self.waiting);
            let before = waiting.len();
            waiting.retain(|one| one != id);
            waiting.len() < before
        };
        match held(&self.active).get(id) {
            Some(active) => {
                active.cancel.send_replace(true);
                true
            }
            None => waited,
        }
    }

    /// Ends whatever is at work.
    pub(crate) fn cancel_all(&self) {
        for active in held(&self.active).values() {
            active.cancel.send_replace(true);
        }
    }

    /// The next job, when there is one.
    async fn next(&self) -> String {
        loop {
            let woken = self.wake.notified();
            if let Some(id) = held(&self.waiting).pop_front() {
                // There may be more, for another worker.
                self.wake.notify_one();
                return id;
            }
            woken.await;
        }
    }
}

impl App {
    /// Takes a job on.
    pub(crate) async fn submit(&self, request: JobRequest, by: Option<&str>) -> Result<Job, Problem> {
        request.check().map_err(Problem::invalid)?;
        let limits = &self.config().limits;
        if self.queue.lengths().0 >= limits.queue {
            return Err(Problem::busy(format!("{} jobs wait already", limits.queue), 10));
        }
        let job = Job {
            id: new_id(),
            kind: request.kind(),
            state: JobState::Queued,
            title: String::new(),
            dataset: request.dataset().map(str::to_owned),
            request: serde_json::to_value(&request).unwrap_or_default(),
            result: None,
            reason: None,
            attempts: 0,
            created_ms: now_ms(),
            started_ms: None,
            finished_ms: None,
            created_by: by.map(str::to_owned),
        };
        let job = self
            .ask(move |store| {
                let mut job = job;
                let mut name = String::new();
                for id in [request.dataset(), request.official()].into_iter().flatten() {
                    let dataset = store.dataset(id)?;
                    if dataset.state != DatasetState::Ready && job.kind != JobKind::Check {
                        return Err(Problem::conflict(match dataset.state {
                            DatasetState::Checking => "the data set is still being looked at".into(),
                            _ => {
                                format!("the data set cannot be read: {}", dataset.reason.unwrap_or_default())
                            }
                        }));
                    }
                    if name.is_empty() {
                        name = dataset.name;
                    }
                }
                if let JobRequest::Score { model, .. } = &request {
                    store.model(model)?;
                }
                job.title = title(&request, &name);
                store.add_job(&job)?;
                Ok(job)
            })
            .await?;
        self.queue.push(job.id.clone());
        self.announce("job", &json!({ "id": job.id, "state": job.state, "kind": job.kind }));
        Ok(job)
    }

    /// Waits until a job is over; none when that takes too long.
    pub(crate) async fn outcome(&self, id: &str, patience: Duration) -> Result<Option<Job>, Problem> {
        let mut events = self.events.subscribe();
        let until = tokio::time::Instant::now() + patience;
        loop {
            let id = id.to_owned();
            let job = self.ask(move |store| Ok(store.job(&id)?)).await?;
            if job.state.is_over() {
                return Ok(Some(job));
            }
            // Any news may be the end; without news it is looked up all the same.
            let soon = tokio::time::Instant::now() + Duration::from_millis(500);
            let _ = tokio::time::timeout_at(soon.min(until), events.recv()).await;
            if tokio::time::Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    /// Takes jobs from the queue, one after the other, until the server stops.
    pub(crate) async fn work(self: Arc<Self>) {
        let mut stop = self.stopping();
        loop {
            let id = tokio::select! {
                id = self.queue.next() => id,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            self.run_job(&id).await;
        }
    }

    async fn run_job(&self, id: &str) {
        let job = {
            let id = id.to_owned();
            self.ask(move |store| Ok(if store.begin_job(&id)? { Some(store.job(&id)?) } else { None })).await
        };
        let job = match job {
            Ok(Some(job)) => job,
            // Called off before its turn.
            Ok(None) => return,
            Err(problem) => {
                tracing::error!(job = id, problem = problem.detail(), "a job could not be begun");
                return;
            }
        };
        let (cancel, cancelled) = watch::channel(false);
        held(&self.queue.active).insert(job.id.clone(), Active { cancel, progress: Progress::default() });
        self.announce("job", &json!({ "id": job.id, "state": JobState::Running, "kind": job.kind }));
        tracing::info!(job = job.id, kind = ?job.kind, "begun");
        let ended = self.carried_out(&job, cancelled).await;
        held(&self.queue.active).remove(&job.id);
        self.settle(&job, ended).await;
        let _ = self.store.folder().remove(&self.store.folder().work(&job.id));
    }

    async fn carried_out(&self, job: &Job, cancelled: watch::Receiver<bool>) -> Ended {
        let order = match self.order(job).await {
            Ok(order) => order,
            Err(problem) => return Ended::Failed(problem.detail().to_owned()),
        };
        let (events, id) = (self.events.clone(), job.id.clone());
        let app = self.me();
        let tell: Tell = Arc::new(move |stage, done, of| {
            let Some(app) = app.upgrade() else { return };
            let progress = Progress { stage: stage.to_owned(), done, of };
            if let Some(active) = held(&app.queue.active).get_mut(&id) {
                active.progress = progress.clone();
            }
            events.send("progress", &json!({ "id": id, "progress": progress }));
        });
        let deadline = Duration::from_secs_f64(self.config().limits.job_seconds);
        run_order(&self.workers, order, deadline, cancelled, tell).await
    }

    /// What the worker is told, with a folder of its own.
    async fn order(&self, job: &Job) -> Result<Order, Problem> {
        let config = self.config();
        let request: JobRequest = serde_json::from_value(job.request.clone())
            .map_err(|error| Problem::internal(format!("the job cannot be read again: {error}")))?;
        let job_id = job.id.clone();
        self.ask(move |store| {
            let folder = store.folder();
            let input = |id: &str| -> Result<Input, Problem> {
                let dataset = store.dataset(id)?;
                Ok(Input { path: folder.dataset(id).join(&dataset.file), name: dataset.name })
            };
            let official = request.official().map(|id| input(id).map(|input| input.path)).transpose()?;
            // A search goes on where it stopped, so its folder stays.
            let out = match &request {
                JobRequest::Tune { .. } => folder.result(&job_id),
                _ => folder.work(&job_id),
            };
            if !matches!(request, JobRequest::Tune { .. }) {
                folder.remove(&out)?;
            }
            std::fs::create_dir_all(&out)?;
            let work = match request {
                JobRequest::Check { dataset } => Work::Check { input: input(&dataset)? },
                JobRequest::Explore { dataset, read } => Work::Explore { input: input(&dataset)?, read },
                JobRequest::Detect { dataset, mut read, mut fit, mut rule } => {
                    let prefer = by_configuration(&config.detection, &mut read, &mut fit, &mut rule);
                    Work::Detect { input: input(&dataset)?, read, fit, rule, prefer }
                }
                JobRequest::Score { dataset, model, read, rule } => {
                    Work::Score { input: input(&dataset)?, read, model: folder.model(&model), rule }
                }
                JobRequest::Train { dataset, read, fit, rule, .. } => {
                    Work::Train { input: input(&dataset)?, read, fit, rule }
                }
                JobRequest::Compare { dataset, read, models, protocol } => {
                    Work::Compare { input: input(&dataset)?, read, models, protocol, official }
                }
                JobRequest::Tune { dataset, read, fit, space, random, metric, protocol } => {
                    let input = input(&dataset)?;
                    Work::Tune { input, read, fit, space, random, metric, protocol, official }
                }
                JobRequest::Generate(request) => Work::Generate(request),
            };
            Ok(order_of(work, out, &config))
        })
        .await
    }

    /// Puts what a job made in its place and writes down how it ended.
    async fn settle(&self, job: &Job, ended: Ended) {
        let (state, outcome) = match ended {
            Ended::Done(said) => {
                let job = job.clone();
                let kept = self.ask(move |store| keep(store, &job, said)).await;
                match kept {
                    Ok(news) => {
                        news.iter().for_each(|(kind, about)| self.announce(kind, about));
                        (JobState::Done, Ok(()))
                    }
                    Err(problem) => (JobState::Failed, Err(problem.detail().to_owned())),
                }
            }
            Ended::Failed(reason) => (JobState::Failed, Err(reason)),
            Ended::Cancelled if *self.stopping().borrow() => {
                (JobState::Interrupted, Err("the server stopped while this was at work".into()))
            }
            Ended::Cancelled => (JobState::Cancelled, Err("called off".into())),
        };
        self.metrics.job_ended(state);
        self.added.notify_one();
        if let Err(reason) = &outcome {
            tracing::warn!(job = job.id, ?state, reason, "not done");
            for _ in 0..TRIES {
                let (job, reason) = (job.clone(), reason.clone());
                let written = self
                    .ask(move |store| {
                        store.end_job(&job.id, state, None, Some(&reason))?;
                        if job.kind == JobKind::Check
                            && state != JobState::Interrupted
                            && let Some(dataset) = &job.dataset
                        {
                            store.judge_dataset(dataset, Err(&reason))?;
                        }
                        Ok(())
                    })
                    .await;
                if written.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        } else {
            tracing::info!(job = job.id, "done");
        }
        if let Some(dataset) = job.dataset.as_ref().filter(|_| job.kind == JobKind::Check) {
            self.announce("dataset", &json!({ "id": dataset }));
        }
        self.announce(
            "job",
            &json!({ "id": job.id, "state": state, "kind": job.kind, "reason": outcome.err() }),
        );
    }
}

/// An order under the limits of the configuration.
pub(crate) fn order_of(work: Work, out: PathBuf, config: &crate::Config) -> Order {
    Order {
        work,
        out,
        memory: config.limits.job_memory,
        rows_memory: config.limits.job_rows_memory,
        most_rows: config.limits.rows,
        unpacked_ratio: config.limits.unpacked_ratio,
        bars: Bars {
            distribution: config.visualization.distribution_plot.bins.map(|n| n as usize),
            scores: config.visualization.scores_plot.bins.map(|n| n as usize),
        },
    }
}

fn title(request: &JobRequest, name: &str) -> String {
    match request {
        JobRequest::Check { .. } => format!("look at {name}"),
        JobRequest::Explore { .. } => format!("describe {name}"),
        JobRequest::Detect { .. } => format!("find what is unusual in {name}"),
        JobRequest::Score { .. } => format!("score {name}"),
        JobRequest::Train { name: model, .. } => format!("learn {model} from {name}"),
        JobRequest::Compare { .. } => format!("compare models on {name}"),
        JobRequest::Tune { .. } => format!("try parameters on {name}"),
        JobRequest::Generate(request) => format!("make {}", request.shape),
    }
}

type News = Vec<(&'static str, Value)>;

/// Keeps what came out of a job. Files first, then the one transaction that speaks of them.
fn keep(store: &eddy_store::Store, job: &Job, said: Value) -> Result<News, Problem> {
    let folder = store.folder();
    let out = folder.work(&job.id);
    let unreadable =
        |error: serde_json::Error| Problem::internal(format!("the worker was not understood: {error}"));
    match job.kind {
        JobKind::Check => {
            if let Some(dataset) = &job.dataset {
                store.judge_dataset(dataset, Ok(&said))?;
            }
            store.end_job(&job.id, JobState::Done, Some(&json!({ "dataset": job.dataset })), None)?;
            Ok(Vec::new())
        }
        JobKind::Explore | JobKind::Compare => {
            let to = folder.result(&job.id);
            folder.remove(&to)?;
            folder.settle(&out, &to)?;
            store.end_job(&job.id, JobState::Done, Some(&said), None)?;
            Ok(Vec::new())
        }
        JobKind::Tune => {
            store.end_job(&job.id, JobState::Done, Some(&said), None)?;
            Ok(Vec::new())
        }
        JobKind::Detect | JobKind::Score => {
            let said: RunSaid = serde_json::from_value(said).map_err(unreadable)?;
            let id = new_id();
            folder.settle(&out, &folder.run(&id))?;
            let new = NewRun {
                run: run_of(store, job, &said, &id),
                findings: said.finding_records(),
                incidents: said.incident_records(),
            };
            let n_incidents = new.incidents.len();
            if !store.finish_run(&new)? {
                return Err(Problem::conflict("called off"));
            }
            Ok(vec![("run", json!({ "id": id, "flagged": said.flagged, "incidents": n_incidents }))])
        }
        JobKind::Train => keep_model(store, job, &said, &out),
        JobKind::Generate => keep_generated(store, job, said, &out),
    }
}

fn run_of(store: &eddy_store::Store, job: &Job, said: &RunSaid, id: &str) -> Run {
    let name =
        job.dataset.as_ref().and_then(|id| store.dataset(id).ok()).map_or_else(String::new, |one| one.name);
    Run {
        id: id.to_owned(),
        job: Some(job.id.clone()),
        dataset: job.dataset.clone(),
        dataset_name: name,
        model: job.request["model"].as_str().map(str::to_owned),
        detector: said.detector.clone(),
        rows: said.rows,
        flagged: said.flagged,
        summary: said.summary.clone(),
        created_ms: now_ms(),
        created_by: job.created_by.clone(),
    }
}

fn keep_model(store: &eddy_store::Store, job: &Job, said: &Value, out: &Path) -> Result<News, Problem> {
    let file = out.join("model");
    let (bytes, sha256) = crate::upload::digest_of(&file)?;
    let id = new_id();
    store.folder().settle(&file, &store.folder().model(&id))?;
    let name = job.request["name"].as_str().unwrap_or("model").to_owned();
    let new = NewModel {
        id: id.clone(),
        name,
        detector: said["detector"].as_str().unwrap_or_default().to_owned(),
        bytes,
        sha256,
        dataset: job.dataset.clone(),
        job: Some(job.id.clone()),
        about: said["about"].clone(),
        created_by: job.created_by.clone(),
    };
    match store.finish_model(&new)? {
        Some(version) => Ok(vec![("model", json!({ "id": id, "name": new.name, "version": version }))]),
        None => Err(Problem::conflict("called off")),
    }
}

fn keep_generated(store: &eddy_store::Store, job: &Job, about: Value, out: &Path) -> Result<News, Problem> {
    let file = if job.request["shape"] == "pcap" { "traffic.pcap" } else { "traffic.csv" };
    let (bytes, sha256) = crate::upload::digest_of(&out.join(file))?;
    let id = new_id();
    let name = job.request["name"].as_str().map_or_else(
        || {
            let seed = &job.request["seed"];
            format!("{} (seed {seed})", job.request["shape"].as_str().unwrap_or("traffic"))
        },
        str::to_owned,
    );
    store.folder().settle(out, &store.folder().dataset(&id))?;
    store.add_dataset(&Dataset {
        id: id.clone(),
        name,
        file: file.to_owned(),
        state: DatasetState::Ready,
        reason: None,
        origin: Origin::Generated,
        bytes,
        sha256,
        created_ms: now_ms(),
        created_by: job.created_by.clone(),
        about: Some(about),
    })?;
    if !store.end_job(&job.id, JobState::Done, Some(&json!({ "dataset": id })), None)? {
        store.remove_dataset(&id)?;
        return Err(Problem::conflict("called off"));
    }
    Ok(vec![("dataset", json!({ "id": id }))])
}
