//! Data sets.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use eddy_store::{Dataset, DatasetState, Job, Origin, Page, Role, new_id, now_ms};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::jobs::JobView;
use crate::access::Caller;
use crate::app::App;
use crate::extract::{In, PageQuery, Path, Q, media_type};
use crate::files;
use crate::jobs::{GenerateRequest, JobRequest};
use crate::problem::{Problem, Subject};
use crate::route::Access::Role as Needs;
use crate::route::{PAGE, Param, Route};
use crate::upload::{Arrived, Pieces, receive, safe_name, shown_name};

const GROUP: &str = "Data sets";

/// Parameters of an upload.
const UPLOAD: &[Param] = &[
    Param { name: "name", kind: "string", about: "Name of the file, where it is not sent as a form." },
    Param { name: "wait", kind: "number", about: "Seconds to wait for what it holds; 0 unless given." },
];

pub(super) fn routes() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        Route::new(get.clone(), "/api/v1/datasets", Needs(Role::Viewer), GROUP, "Data sets, newest first", list)
            .query(PAGE)
            .gives::<Page<Dataset>>(200, "A page of them"),
        Route::new(post.clone(), "/api/v1/datasets", Needs(Role::Analyst), GROUP,
            "Send a file of any format that Eddy reads, as the body or as `file` of a form; the format is found from the \
             content. What it holds is known when its state is `ready`", upload)
            .query(UPLOAD)
            .takes_other(&["application/octet-stream", "multipart/form-data"])
            .gives::<Dataset>(201, "It has arrived")
            .costly(),
        Route::new(post.clone(), "/api/v1/datasets/generate", Needs(Role::Analyst), GROUP, "Make a data set, with events planted at known times", generate)
            .takes::<GenerateRequest>()
            .gives::<JobView>(202, "The job that makes it; its result names the data set")
            .costly(),
        Route::new(get.clone(), "/api/v1/samples", Needs(Role::Viewer), GROUP, "Samples to begin with", samples)
            .gives::<Vec<Sample>>(200, "The samples"),
        Route::new(post, "/api/v1/samples/{name}", Needs(Role::Analyst), GROUP, "Make a data set of a sample", take_sample)
            .gives::<JobView>(202, "The job that makes it; its result names the data set")
            .costly(),
        Route::new(get.clone(), "/api/v1/datasets/{id}", Needs(Role::Viewer), GROUP, "A data set", show)
            .gives::<Dataset>(200, "The data set"),
        Route::new(Method::PATCH, "/api/v1/datasets/{id}", Needs(Role::Analyst), GROUP, "Give a data set another name", rename)
            .takes::<Rename>()
            .gives::<Dataset>(200, "The data set"),
        Route::new(Method::DELETE, "/api/v1/datasets/{id}", Needs(Role::Analyst), GROUP, "Remove a data set; its runs stay", remove)
            .gives_nothing(204, "Removed"),
        Route::new(get, "/api/v1/datasets/{id}/content", Needs(Role::Viewer), GROUP, "The file as it was sent", content)
            .gives_other(200, "The file", &["application/octet-stream"]),
    ]
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UploadQuery {
    name: Option<String>,
    wait: Option<f64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rename {
    /// The name from now on.
    name: String,
}

/// Something to begin with.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Sample {
    /// Its name.
    name: &'static str,
    /// What it holds.
    about: &'static str,
    #[serde(skip)]
    shape: &'static str,
    #[serde(skip)]
    hours: f64,
}

/// The samples. They are made when they are asked for, always the same.
const SAMPLES: [Sample; 5] = [
    Sample {
        name: "metric",
        about: "Two weeks of bytes in five minutes, with events planted in it.",
        shape: "metric-series",
        hours: 336.0,
    },
    Sample {
        name: "flow-features",
        about: "Four days of traffic, a row a minute, with attacks and outages.",
        shape: "flow-features",
        hours: 96.0,
    },
    Sample {
        name: "connections",
        about: "Half an hour of labelled connections with the columns of NSL-KDD.",
        shape: "connection-records",
        hours: 2.0,
    },
    Sample {
        name: "office-flows",
        about: "Four hours of flows of an office in which ten things go wrong.",
        shape: "flows",
        hours: 4.0,
    },
    Sample {
        name: "office-capture",
        about: "Half an hour of packets of the same office.",
        shape: "pcap",
        hours: 0.5,
    },
];

async fn list(State(app): State<Arc<App>>, Q(page): Q<PageQuery>) -> Result<Json<Page<Dataset>>, Problem> {
    let page = page.page()?;
    Ok(Json(app.ask(move |store| Ok(store.datasets(&page)?)).await?))
}

async fn upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Q(query): Q<UploadQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let wait = patience(&app, query.wait)?;
    let (arrived, name) = if media_type(request.headers()).as_deref() == Some("multipart/form-data") {
        first_file(&app, request).await?
    } else {
        let mut body: Body = request.into_body();
        (receive(&app, Pieces::Body(&mut body)).await?, query.name.clone().unwrap_or_else(|| "upload".into()))
    };
    let (dataset, job) =
        add_arrived(&app, arrived, query.name.as_deref().unwrap_or(&name), caller.name()).await?;
    let dataset = if wait > Duration::ZERO {
        app.outcome(&job.id, wait).await?;
        let id = dataset.id.clone();
        app.ask(move |store| Ok(store.dataset(&id)?)).await?
    } else {
        dataset
    };
    Ok((StatusCode::CREATED, Subject::beside(dataset.id.clone()), Json(dataset)).into_response())
}

/// How long a caller is kept waiting.
fn patience(app: &App, seconds: Option<f64>) -> Result<Duration, Problem> {
    let most = app.config().limits.wait_seconds;
    let seconds = seconds.unwrap_or(0.0);
    if !(0.0..=3_600.0).contains(&seconds) {
        return Err(Problem::invalid("wait: seconds, 0 or more, are needed"));
    }
    Ok(Duration::from_secs_f64(seconds.min(most)))
}

/// The part of a form that is called `file`, received.
pub(crate) async fn first_file(app: &App, request: Request) -> Result<(Arrived, String), Problem> {
    let broken =
        |error: &dyn std::fmt::Display| Problem::malformed(format!("the form cannot be read: {error}"));
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| broken(&error.body_text()))?;
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error.body_text()))? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(Problem::malformed("No file selected"));
        }
        let arrived = receive(app, Pieces::Field(&mut field)).await?;
        return Ok((arrived, name));
    }
    Err(Problem::malformed("No file uploaded"))
}

/// Gives what has arrived its place and its name, and has it looked at.
pub(crate) async fn add_arrived(
    app: &App,
    arrived: Arrived,
    name: &str,
    by: Option<&str>,
) -> Result<(Dataset, Job), Problem> {
    app.make_room().await?;
    let dataset = Dataset {
        id: new_id(),
        name: shown_name(name),
        file: safe_name(name),
        state: DatasetState::Checking,
        reason: None,
        origin: Origin::Upload,
        bytes: arrived.bytes,
        sha256: arrived.sha256.clone(),
        created_ms: now_ms(),
        created_by: by.map(str::to_owned),
        about: None,
    };
    let kept = dataset.clone();
    app.ask(move |store| {
        let folder = store.folder();
        // A folder with the one file is made aside and then takes its name as a whole.
        let aside = folder.incoming(&new_id());
        std::fs::create_dir(&aside)?;
        std::fs::rename(&arrived.path, aside.join(&kept.file))?;
        folder.settle(&aside, &folder.dataset(&kept.id))?;
        Ok(store.add_dataset(&kept)?)
    })
    .await?;
    let job = app.submit(JobRequest::Check { dataset: dataset.id.clone() }, by).await?;
    app.announce("dataset", &json!({ "id": dataset.id }));
    Ok((dataset, job))
}

async fn generate(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<GenerateRequest>,
) -> Result<Response, Problem> {
    let job = app.submit(JobRequest::Generate(asked), caller.name()).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app, job))).into_response())
}

async fn samples() -> Json<&'static [Sample]> {
    Json(&SAMPLES)
}

async fn take_sample(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let sample = SAMPLES
        .iter()
        .find(|sample| sample.name == name)
        .ok_or_else(|| Problem::missing("there is no such sample; GET /api/v1/samples lists them"))?;
    let asked = json!({ "name": format!("sample: {}", sample.name), "shape": sample.shape, "duration_hours": sample.hours });
    let asked: GenerateRequest =
        serde_json::from_value(asked).map_err(|error| Problem::internal(error.to_string()))?;
    let job = app.submit(JobRequest::Generate(asked), caller.name()).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app, job))).into_response())
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Dataset>, Problem> {
    Ok(Json(app.ask(move |store| Ok(store.dataset(&id)?)).await?))
}

async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    In(asked): In<Rename>,
) -> Result<Json<Dataset>, Problem> {
    let name = shown_name(&asked.name);
    let dataset = app
        .ask(move |store| {
            store.rename_dataset(&id, &name)?;
            Ok(store.dataset(&id)?)
        })
        .await?;
    app.announce("dataset", &json!({ "id": dataset.id }));
    Ok(Json(dataset))
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let removed = id.clone();
    app.ask(move |store| Ok(store.remove_dataset(&id)?)).await?;
    app.announce("dataset", &json!({ "id": removed, "removed": true }));
    Ok(StatusCode::NO_CONTENT)
}

async fn content(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let dataset = app.ask(move |store| Ok(store.dataset(&id)?)).await?;
    let path = app.folder().dataset(&dataset.id).join(&dataset.file);
    files::file(&path, "application/octet-stream", Some(&dataset.name)).await
}
