//! The server about itself.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::response::{Html, IntoResponse, Response};
use eddy_detect::{ModelKind, STEPS};
use eddy_models::DETECTORS;
use eddy_store::{AuditEntry, Page, Role, Usage};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::Config;
use crate::app::App;
use crate::docs_page::{DOCS_STYLE, docs_page};
use crate::extract::{PageQuery, Q};
use crate::jobs::{ScenarioInfo, ShapeInfo, scenarios, shapes};
use crate::openapi::openapi;
use crate::problem::Problem;
use crate::route::Access::{Local, Public, Role as Needs};
use crate::route::{PAGE, Route};
use crate::router;

const GROUP: &str = "The server";

pub(super) fn routes() -> Vec<Route> {
    let get = Method::GET;
    vec![
        Route::new(get.clone(), "/healthz", Public, GROUP, "Whether the process is alive", alive)
            .gives::<Health>(200, "It is"),
        Route::new(get.clone(), "/readyz", Public, GROUP, "Whether the server can do its work", ready)
            .gives::<Health>(200, "It can"),
        Route::new(get.clone(), "/metrics", Local(Role::Viewer), GROUP, "Figures for Prometheus", metrics)
            .gives_other(200, "The figures", &["text/plain"]),
        Route::new(get.clone(), "/api/v1", Public, GROUP, "What there is", index).gives::<Index>(200, "Version and addresses"),
        Route::new(get.clone(), "/api/v1/openapi.json", Public, GROUP, "This description", description)
            .gives::<Value>(200, "OpenAPI 3.1"),
        Route::new(get.clone(), "/api/v1/docs", Public, GROUP, "This description, for people", docs)
            .gives_other(200, "A page", &["text/html"]),
        Route::new(get.clone(), "/api/v1/docs.css", Public, GROUP, "The style of that page", style)
            .gives_other(200, "A style sheet", &["text/css"]),
        Route::new(get.clone(), "/api/v1/events", Needs(Role::Viewer), GROUP,
            "What happens, as it happens (Server-Sent Events): `job`, `progress`, `dataset`, `run`, `model`, `alias`; \
             `resync` when some were missed and everything should be asked again", events)
            .gives_other(200, "The stream", &["text/event-stream"]),
        Route::new(get.clone(), "/api/v1/usage", Needs(Role::Viewer), GROUP, "What is kept and how much room it takes", usage)
            .gives::<Usage>(200, "Counts and bytes"),
        Route::new(get.clone(), "/api/v1/detectors", Needs(Role::Viewer), GROUP,
            "Detectors and steps, each with the JSON schema of its parameters", detectors)
            .gives::<Detectors>(200, "The lists"),
        Route::new(get.clone(), "/api/v1/shapes", Needs(Role::Viewer), GROUP, "What can be generated, and what planted in it", generated)
            .gives::<Generated>(200, "The lists"),
        Route::new(get.clone(), "/api/v1/config", Needs(Role::Admin), GROUP, "The configuration that is in force", config)
            .gives::<Config>(200, "The configuration"),
        Route::new(get, "/api/v1/audit", Needs(Role::Admin), GROUP, "Who did what, newest first", audit)
            .query(PAGE)
            .gives::<Page<AuditEntry>>(200, "A page of the log"),
    ]
}

#[derive(Serialize, JsonSchema)]
struct Health {
    /// "ok".
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Index {
    name: &'static str,
    version: &'static str,
    /// Whether nobody can log in yet: then the one-time link that the server printed is the way in.
    needs_setup: bool,
    docs: &'static str,
    openapi: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct DetectorInfo {
    name: &'static str,
    title: &'static str,
    summary: &'static str,
    blind_to: &'static str,
    cost: &'static str,
    source: &'static str,
    /// "rows" or "labels".
    learns_from: &'static str,
    /// What it judges: a "row" by itself, a row of a "series" by those before it, or "online" while it learns.
    kind: ModelKind,
    /// JSON schema of the parameters.
    parameters: Value,
}

#[derive(Serialize, JsonSchema)]
struct StepInfo {
    name: &'static str,
    summary: &'static str,
    /// JSON schema of the parameters.
    parameters: Value,
}

#[derive(Serialize, JsonSchema)]
struct Detectors {
    detectors: Vec<DetectorInfo>,
    steps: Vec<StepInfo>,
}

#[derive(Serialize, JsonSchema)]
struct Generated {
    shapes: Vec<ShapeInfo>,
    scenarios: Vec<ScenarioInfo>,
}

async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    if *app.stopping().borrow() {
        return Err(Problem::busy("the server is stopping", 5));
    }
    let check = app.ask(|store| Ok(store.check()?));
    match tokio::time::timeout(Duration::from_secs(2), check).await {
        Ok(Ok(())) => Ok(Json(Health { status: "ok" })),
        Ok(Err(problem)) if problem.status() == 507 => Err(problem),
        Ok(Err(problem)) => Err(Problem::busy(problem.detail().to_owned(), 5)),
        Err(_) => Err(Problem::busy("the store takes too long", 5)),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let (waiting, active) = app.queue.lengths();
    let now = [
        ("eddy_jobs_waiting", "Jobs that wait.", waiting as f64),
        ("eddy_jobs_active", "Jobs at work.", active as f64),
        ("eddy_live_clients", "Listeners of the live stream.", app.events.listeners() as f64),
        ("eddy_uptime_seconds", "Seconds since the start.", app.started.elapsed().as_secs_f64()),
        ("eddy_disk_free_bytes", "Room on the disk.", app.folder().free_bytes().unwrap_or(0) as f64),
    ];
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.text(&now))
        .into_response()
}

async fn index(State(app): State<Arc<App>>) -> Result<Json<Index>, Problem> {
    let n_users = app.ask(|store| Ok(store.n_users()?)).await?;
    Ok(Json(Index {
        name: "Eddy",
        version: env!("CARGO_PKG_VERSION"),
        needs_setup: n_users == 0,
        docs: "/api/v1/docs",
        openapi: "/api/v1/openapi.json",
    }))
}

async fn description(State(app): State<Arc<App>>) -> Json<Value> {
    Json(openapi(&router::routes(app.config().compatibility.enabled)))
}

async fn docs(State(app): State<Arc<App>>) -> Html<String> {
    Html(docs_page(&router::routes(app.config().compatibility.enabled)))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], DOCS_STYLE)
}

async fn events(State(app): State<Arc<App>>) -> Result<Response, Problem> {
    let stream = app
        .events
        .stream(app.config().limits.live_clients, app.stopping())
        .ok_or_else(|| Problem::busy("too many listen already", 10))?;
    Ok(stream.into_response())
}

async fn usage(State(app): State<Arc<App>>) -> Result<Json<Usage>, Problem> {
    Ok(Json(app.ask(|store| Ok(store.usage()?)).await?))
}

async fn detectors() -> Json<Detectors> {
    let detectors = DETECTORS
        .0
        .iter()
        .map(|entry| DetectorInfo {
            name: entry.about.name,
            title: entry.about.title,
            summary: entry.about.summary,
            blind_to: entry.about.blind_to,
            cost: entry.about.cost,
            source: entry.about.source,
            learns_from: match entry.learns_from {
                eddy_detect::LearnsFrom::Rows => "rows",
                eddy_detect::LearnsFrom::Labels => "labels",
            },
            kind: entry.about.kind,
            parameters: entry.schema(),
        })
        .collect();
    let steps = STEPS
        .iter()
        .map(|step| StepInfo { name: step.name, summary: step.summary, parameters: step.schema() })
        .collect();
    Json(Detectors { detectors, steps })
}

async fn generated() -> Json<Generated> {
    Json(Generated { shapes: shapes(), scenarios: scenarios() })
}

async fn config(State(app): State<Arc<App>>) -> Json<Config> {
    Json((*app.config()).clone())
}

async fn audit(
    State(app): State<Arc<App>>,
    Q(page): Q<PageQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let page = page.page()?;
    Ok(Json(app.ask(move |store| Ok(store.audit_log(&page)?)).await?))
}

/// What is on no list: a part of the dashboard, or nothing.
pub(crate) async fn nothing(request: Request) -> Response {
    crate::dashboard::asset(&request).unwrap_or_else(|| {
        Problem::missing("there is nothing under this address; /api/v1/docs lists what there is")
            .into_response()
    })
}

/// The status, for programs that ask for `/`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Home {
    /// What to do next, in a sentence.
    message: &'static str,
    /// "Eddy".
    name: &'static str,
    /// Version of the program.
    version: &'static str,
    /// "ok".
    status: &'static str,
}

impl Home {
    /// That of this moment.
    pub(crate) fn now() -> Self {
        Self {
            message: "Eddy is running. Send records to /predict, files to /analyze; /api/v1/docs lists everything.",
            name: "Eddy",
            version: env!("CARGO_PKG_VERSION"),
            status: "ok",
        }
    }
}
