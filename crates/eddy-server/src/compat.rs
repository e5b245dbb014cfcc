//! Routes that programs written for other servers call: the same requests, and answers with at least the same fields.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use eddy_frame::{TimeStyle, format_time};
use eddy_store::{JobState, PageRequest, Role, Run};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use crate::access::Caller;
use crate::api::{PredictQuery, add_arrived, asked, first_file, picture, predicted};
use crate::app::App;
use crate::extract::{In, Path, Q};
use crate::files;
use crate::jobs::{GenerateRequest, JobRequest, Recommendation, recommendations};
use crate::problem::Problem;
use crate::route::Access::Local;
use crate::route::Route;

const GROUP: &str = "For programs written for other servers";
/// Findings that recommendations rest on.
const LOOKED_AT: usize = 1_000;

pub(crate) fn routes() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        asked(Route::new(post.clone(), "/predict", Local(Role::Predictor), GROUP,
            "Ask the promoted model: {\"network_in\": 12345}, {\"features\": [...]}, named fields, or a list of records", predict)),
        Route::new(post.clone(), "/analyze", Local(Role::Analyst), GROUP, "Send a file and get what is unusual in it", analyze)
            .takes_other(&["multipart/form-data"])
            .gives::<Analysis>(200, "Statistics and recommendations")
            .costly(),
        Route::new(post, "/generate_data", Local(Role::Analyst), GROUP, "Make a table of traffic, a row a minute", generate)
            .takes::<Wanted>()
            .gives::<Generated>(200, "Its name and number of rows")
            .costly(),
        Route::new(get.clone(), "/download/{id}", Local(Role::Viewer), GROUP, "The flagged rows of an analysis", download)
            .gives_other(200, "CSV", &["text/csv"]),
        Route::new(get.clone(), "/download_sample/{name}", Local(Role::Viewer), GROUP, "A table that was made", download_sample)
            .gives_other(200, "CSV", &["text/csv"]),
        Route::new(get, "/visualization/{id}/{kind}", Local(Role::Viewer), GROUP,
            "A picture of an analysis: scatter, distribution, timeseries, scores; PNG, or SVG for those who accept it", visualization)
            .gives_other(200, "The picture", &["image/png", "image/svg+xml"]),
    ]
}

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// First moment.
    #[serde(default = "start")]
    start_date: String,
    /// Hours; also as text.
    #[serde(default = "hours", deserialize_with = "duration")]
    #[schemars(with = "NumberOrText")]
    duration: f64,
    /// The same seed gives the same rows; also as text.
    #[serde(default = "seed", deserialize_with = "seed_of")]
    #[schemars(with = "NumberOrText")]
    seed: u64,
}

/// A number, as such or as the text that forms send.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum NumberOrText {
    Number(serde_json::Number),
    Text(String),
}

impl NumberOrText {
    /// The number, or what is wrong with the field.
    fn read<T: std::str::FromStr>(self, field: &str) -> Result<T, String> {
        let text = match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        };
        text.trim().parse().map_err(|_| format!("{field}: a number is needed, not {text:?}"))
    }
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    read(from, "duration")
}

fn seed_of<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    read(from, "seed")
}

fn read<'de, D: Deserializer<'de>, T: std::str::FromStr>(from: D, field: &str) -> Result<T, D::Error> {
    let asked = NumberOrText::deserialize(from)
        .map_err(|_| D::Error::custom(format!("{field}: a number is needed")))?;
    asked.read(field).map_err(D::Error::custom)
}

fn start() -> String {
    "2024-01-15".into()
}

fn hours() -> f64 {
    24.0
}

fn seed() -> u64 {
    42
}

/// What is unusual in a file.
#[derive(Serialize, JsonSchema)]
struct Analysis {
    /// Always true; what fails is a problem.
    success: bool,
    /// Names the analysis for `/download` and `/visualization`.
    timestamp: String,
    /// How much there is of it.
    statistics: Statistics,
    /// What to do, each with its evidence.
    recommendations: Vec<Recommendation>,
    /// Id of the run.
    run: String,
    /// Id of the data set.
    dataset: String,
    /// How rows were flagged.
    threshold: Value,
    /// What to be careful about.
    cautions: Value,
    /// Sentences of the most unusual findings.
    findings: Vec<Value>,
    /// Sentences of the incidents, most urgent first.
    incidents: Vec<Value>,
}

/// How much of a file is unusual.
#[derive(Serialize, JsonSchema)]
struct Statistics {
    /// Rows.
    total_records: u64,
    /// Rows flagged.
    anomaly_count: u64,
    /// Their share, in percent.
    anomaly_percentage: f64,
}

/// A table that was made.
#[derive(Serialize, JsonSchema)]
struct Generated {
    /// Always true; what fails is a problem.
    success: bool,
    /// Its name for `/download_sample`.
    filename: String,
    /// Rows.
    records: u64,
    /// Id of the data set.
    dataset: String,
}

async fn predict(
    State(app): State<Arc<App>>,
    Q(query): Q<PredictQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let alias = app.config().compatibility.alias.clone();
    let model = app.predictor_of_alias(&alias).await?;
    predicted(&app, model, &query, request).await
}

/// How an analysis is named: the moment it was made, and its run.
fn stamp(run: &Run) -> String {
    let moment = format_time(run.created_ms.saturating_mul(1_000_000), TimeStyle::Spaced);
    let digits: String =
        moment.chars().take_while(|letter| *letter != '.').filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}_{time}_{}", run.id)
}

/// The run that a name speaks of.
async fn run_of(app: &App, stamp: &str) -> Result<Run, Problem> {
    let id = stamp.rsplit('_').next().unwrap_or_default().to_owned();
    app.ask(move |store| Ok(store.run(&id)?)).await
}

async fn finished(app: &App, id: &str) -> Result<eddy_store::Job, Problem> {
    let patience = Duration::from_secs_f64(app.config().limits.wait_seconds);
    let Some(job) = app.outcome(id, patience).await? else {
        return Err(Problem::slow(format!("it goes on without you: see /api/v1/jobs/{id}")));
    };
    if job.state == JobState::Done {
        return Ok(job);
    }
    Err(Problem::invalid(job.reason.unwrap_or_else(|| "it could not be done".into())))
}

async fn analyze(
    State(app): State<Arc<App>>,
    caller: Caller,
    upload: Request,
) -> Result<Json<Analysis>, Problem> {
    let (arrived, name) = first_file(&app, upload).await?;
    let (dataset, check) = add_arrived(&app, arrived, &name, caller.name()).await?;
    finished(&app, &check.id).await?;
    let job = app.submit(JobRequest::detect(dataset.id.clone()), caller.name()).await?;
    let job = finished(&app, &job.id).await?;
    let id = job.result.as_ref().and_then(|result| result["run"].as_str()).unwrap_or_default().to_owned();
    let (run, findings, incidents) = app
        .ask(move |store| {
            let page = PageRequest { cursor: None, limit: LOOKED_AT };
            let run = store.run(&id)?;
            let findings = store.findings_of(&id, &page)?.items;
            let incidents = store.incidents(&page, Some(&id))?.items;
            Ok((run, findings, incidents))
        })
        .await?;
    let share = run.flagged as f64 / run.rows.max(1) as f64;
    let findings: Vec<Value> = findings.into_iter().map(|one| one.body).collect();
    let incidents: Vec<Value> = incidents.into_iter().map(|one| one.body).collect();
    Ok(Json(Analysis {
        success: true,
        timestamp: stamp(&run),
        statistics: Statistics {
            total_records: run.rows,
            anomaly_count: run.flagged,
            anomaly_percentage: (share * 10_000.0).round() / 100.0,
        },
        recommendations: recommendations(&findings, &incidents),
        threshold: run.summary["threshold"].clone(),
        cautions: run.summary["cautions"].clone(),
        run: run.id,
        dataset: dataset.id,
        findings: findings.iter().take(10).map(|one| one["sentence"].clone()).collect(),
        incidents: incidents.iter().map(|one| one["sentence"].clone()).collect(),
    }))
}

async fn generate(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<Wanted>,
) -> Result<Json<Generated>, Problem> {
    let wanted = json!({
        "shape": "flow-features",
        "start": asked.start_date,
        "duration_hours": asked.duration,
        "seed": asked.seed,
    });
    let wanted: GenerateRequest =
        serde_json::from_value(wanted).map_err(|error| Problem::invalid(error.to_string()))?;
    let job = app.submit(JobRequest::Generate(wanted), caller.name()).await?;
    let job = finished(&app, &job.id).await?;
    let id = job.result.as_ref().and_then(|result| result["dataset"].as_str()).unwrap_or_default().to_owned();
    let dataset = app.ask(move |store| Ok(store.dataset(&id)?)).await?;
    let records = dataset.about.as_ref().and_then(|about| about["rows"].as_u64()).unwrap_or(0);
    let filename = format!("network_traffic_{}.csv", dataset.id);
    Ok(Json(Generated { success: true, filename, records, dataset: dataset.id }))
}

async fn download(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let run = run_of(&app, &id).await?;
    let path = app.folder().run(&run.id).join("anomalies.csv");
    files::file(&path, files::media_of("a.csv"), Some(&format!("anomalies_{}.csv", stamp(&run)))).await
}

async fn download_sample(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Response, Problem> {
    let id =
        name.strip_prefix("network_traffic_").and_then(|rest| rest.strip_suffix(".csv")).unwrap_or(&name);
    let id = id.to_owned();
    let dataset = app.ask(move |store| Ok(store.dataset(&id)?)).await?;
    if dataset.origin != eddy_store::Origin::Generated {
        return Err(Problem::missing("there is no such table"));
    }
    let path = app.folder().dataset(&dataset.id).join(&dataset.file);
    files::file(&path, files::media_of(&dataset.file), Some(&name)).await
}

async fn visualization(
    State(app): State<Arc<App>>,
    Path((id, kind)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let run = run_of(&app, &id).await?;
    let accepts = request.headers().get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (kind, as_png) = match kind.rsplit_once('.') {
        Some((kind, "svg")) => (kind.to_owned(), false),
        Some((kind, "png")) => (kind.to_owned(), true),
        _ => (kind, !accepts.starts_with("image/svg+xml")),
    };
    picture(&app, &run, &kind, as_png, None).await
}
