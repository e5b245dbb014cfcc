//! Jobs.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eddy_store::{Job, JobKind, JobState, Page, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::answers::JobResult;
use crate::app::App;
use crate::extract::{In, Path, Q};
use crate::files;
use crate::jobs::{JobRequest, Progress};
use crate::problem::Problem;
use crate::route::Access::Role as Needs;
use crate::route::{PAGE, Param, Route};

const GROUP: &str = "Jobs";
const WHICH: &[Param] = &[
    Param { name: "dataset", kind: "string", about: "Only those of this data set." },
    Param { name: "state", kind: "string", about: "Only those in this state." },
];

/// A job and how far it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct JobView {
    #[serde(flatten)]
    job: Job,
    /// How far it is, while it is at work.
    progress: Option<Progress>,
}

impl JobView {
    pub(crate) fn of(app: &App, job: Job) -> Self {
        let progress = app.queue.progress(&job.id);
        Self { job, progress }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct JobsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    dataset: Option<String>,
    state: Option<JobState>,
}

pub(super) fn routes() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        Route::new(get.clone(), "/api/v1/jobs", Needs(Role::Viewer), GROUP, "Jobs, newest first", list)
            .query(PAGE)
            .query(WHICH)
            .gives::<Page<JobView>>(200, "A page of them"),
        Route::new(post.clone(), "/api/v1/jobs", Needs(Role::Analyst), GROUP,
            "Ask for a job: explore, detect, score, train, compare, tune, generate. What came out is in its `result`: \
             `run` after detect and score, `model` after train, `dataset` after generate; files of explore, compare and \
             tune are under `/api/v1/jobs/{id}/result`", submit)
            .takes::<JobRequest>()
            .gives::<JobView>(202, "It waits for its turn")
            .costly(),
        Route::new(get.clone(), "/api/v1/jobs/{id}", Needs(Role::Viewer), GROUP, "A job and how far it is", show)
            .gives::<JobView>(200, "The job"),
        Route::new(post.clone(), "/api/v1/jobs/{id}/cancel", Needs(Role::Analyst), GROUP, "Call a job off", cancel)
            .gives::<JobView>(200, "The job; its worker is being ended"),
        Route::new(post, "/api/v1/jobs/{id}/resume", Needs(Role::Analyst), GROUP,
            "Put a job that failed, was called off or interrupted back into the queue; a search for parameters goes on \
             where it stopped", resume)
            .gives::<JobView>(202, "It waits for its turn")
            .costly(),
        Route::new(Method::DELETE, "/api/v1/jobs/{id}", Needs(Role::Analyst), GROUP, "Forget a job that is over, with the files of its result", remove)
            .gives_nothing(204, "Forgotten"),
        Route::new(get.clone(), "/api/v1/jobs/{id}/result", Needs(Role::Viewer), GROUP,
            "What an exploration, a comparison or a search found", result)
            .gives::<JobResult>(200, "As `eddy explore --json`, `eddy compare --json`, `eddy tune --json` give it"),
        Route::new(get, "/api/v1/jobs/{id}/report.html", Needs(Role::Viewer), GROUP, "The report of an exploration or a comparison", report)
            .gives_other(200, "A page that needs nothing else", &["text/html"]),
    ]
}

async fn list(State(app): State<Arc<App>>, Q(query): Q<JobsQuery>) -> Result<Json<Page<JobView>>, Problem> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::invalid("limit: 1 to 1000 items are given at a time"));
    }
    let page = eddy_store::PageRequest { cursor: query.cursor.filter(|one| !one.is_empty()), limit };
    let found = app.ask(move |store| Ok(store.jobs(&page, query.dataset.as_deref(), query.state)?)).await?;
    Ok(Json(found.map(|job| JobView::of(&app, job))))
}

async fn submit(
    State(app): State<Arc<App>>,
    caller: Caller,
    In(asked): In<JobRequest>,
) -> Result<Response, Problem> {
    let job = app.submit(asked, caller.name()).await?;
    let place = HeaderValue::from_str(&format!("/api/v1/jobs/{}", job.id));
    let mut response = (StatusCode::ACCEPTED, Json(JobView::of(&app, job))).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn job(app: &App, id: String) -> Result<Job, Problem> {
    app.ask(move |store| Ok(store.job(&id)?)).await
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let found = job(&app, id).await?;
    Ok(Json(JobView::of(&app, found)))
}

async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<JobView>, Problem> {
    let found = job(&app, id.clone()).await?;
    if found.state.is_over() {
        return Err(Problem::conflict("the job is over already"));
    }
    let waits = found.state == JobState::Queued;
    if app.queue.cancel(&id) && waits {
        let ended = id.clone();
        app.ask(move |store| Ok(store.end_job(&ended, JobState::Cancelled, None, Some("called off"))?))
            .await?;
        app.announce("job", &serde_json::json!({ "id": id, "state": JobState::Cancelled }));
    }
    let found = job(&app, id).await?;
    Ok(Json(JobView::of(&app, found)))
}

async fn resume(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let asked = id.clone();
    app.ask(move |store| {
        let job = store.job(&asked)?;
        if job.attempts >= crate::jobs::MOST_ATTEMPTS {
            return Err(Problem::conflict(format!(
                "it was tried {} times; ask for it anew if something has changed",
                job.attempts
            )));
        }
        if !store.resume_job(&asked)? {
            return Err(Problem::conflict(
                "only a job that failed, was called off or interrupted can be resumed",
            ));
        }
        Ok(())
    })
    .await?;
    app.queue.push(id.clone());
    let found = job(&app, id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobView::of(&app, found))).into_response())
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    app.ask(move |store| Ok(store.remove_job(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn result(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = job(&app, id).await?;
    let name = match found.kind {
        JobKind::Explore => "exploration.json",
        JobKind::Compare => "comparison.json",
        JobKind::Tune => "trials.json",
        _ => {
            return Err(Problem::missing(
                "this kind of job has no result of its own; see `result` of the job",
            ));
        }
    };
    files::file(&app.folder().result(&found.id).join(name), "application/json", None).await
}

async fn report(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = job(&app, id).await?;
    files::report(&app.folder().result(&found.id).join("report.html"), None).await
}
