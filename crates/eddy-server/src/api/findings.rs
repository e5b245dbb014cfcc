//! Findings and incidents of all runs, and what people think of them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use eddy_store::{Feedback, FindingRecord, IncidentRecord, Opinion, Page, Role, Subject};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Caller;
use crate::app::App;
use crate::extract::{In, PageQuery, Path, Q};
use crate::problem::Problem;
use crate::route::Access::Role as Needs;
use crate::route::{PAGE, Route};

const GROUP: &str = "Findings and incidents";

pub(super) fn routes() -> Vec<Route> {
    let (get, post, viewer, analyst) = (Method::GET, Method::POST, Needs(Role::Viewer), Needs(Role::Analyst));
    vec![
        Route::new(
            get.clone(),
            "/api/v1/incidents",
            viewer,
            GROUP,
            "Incidents of all runs, most urgent first",
            incidents,
        )
        .query(PAGE)
        .gives::<Page<IncidentRecord>>(200, "A page of them"),
        Route::new(
            get.clone(),
            "/api/v1/incidents/{id}",
            viewer,
            GROUP,
            "An incident, with what was said about it",
            incident,
        )
        .gives::<IncidentView>(200, "The incident"),
        Route::new(
            post.clone(),
            "/api/v1/incidents/{id}/feedback",
            analyst,
            GROUP,
            "Say what an incident is",
            judge_incident,
        )
        .takes::<Said>()
        .gives::<Feedback>(201, "Remembered"),
        Route::new(
            get.clone(),
            "/api/v1/findings",
            viewer,
            GROUP,
            "Findings of all runs, those of the newest run first",
            findings,
        )
        .query(PAGE)
        .gives::<Page<FindingRecord>>(200, "A page of them"),
        Route::new(
            get,
            "/api/v1/findings/{id}",
            viewer,
            GROUP,
            "A finding, with what was said about it",
            finding,
        )
        .gives::<FindingView>(200, "The finding"),
        Route::new(
            post,
            "/api/v1/findings/{id}/feedback",
            analyst,
            GROUP,
            "Say what a finding is",
            judge_finding,
        )
        .takes::<Said>()
        .gives::<Feedback>(201, "Remembered"),
    ]
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    /// What it is.
    opinion: Opinion,
    /// Why.
    #[serde(default)]
    note: String,
}

#[derive(Serialize, JsonSchema)]
struct IncidentView {
    #[serde(flatten)]
    incident: IncidentRecord,
    /// What was said about it, oldest first.
    feedback: Vec<Feedback>,
}

#[derive(Serialize, JsonSchema)]
struct FindingView {
    #[serde(flatten)]
    finding: FindingRecord,
    /// What was said about it, oldest first.
    feedback: Vec<Feedback>,
}

async fn incidents(
    State(app): State<Arc<App>>,
    Q(page): Q<PageQuery>,
) -> Result<Json<Page<IncidentRecord>>, Problem> {
    let page = page.page()?;
    Ok(Json(app.ask(move |store| Ok(store.incidents(&page, None)?)).await?))
}

async fn incident(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<IncidentView>, Problem> {
    let found = app
        .ask(move |store| Ok(IncidentView { incident: store.incident(&id)?, feedback: store.feedback(&id)? }))
        .await?;
    Ok(Json(found))
}

async fn findings(
    State(app): State<Arc<App>>,
    Q(page): Q<PageQuery>,
) -> Result<Json<Page<FindingRecord>>, Problem> {
    let page = page.page()?;
    Ok(Json(app.ask(move |store| Ok(store.findings(&page)?)).await?))
}

async fn finding(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<FindingView>, Problem> {
    let found = app
        .ask(move |store| Ok(FindingView { finding: store.finding(&id)?, feedback: store.feedback(&id)? }))
        .await?;
    Ok(Json(found))
}

async fn judge_incident(
    state: State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    said: In<Said>,
) -> Result<Response, Problem> {
    judge(state, &caller, Subject::Incident, id, said).await
}

async fn judge_finding(
    state: State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    said: In<Said>,
) -> Result<Response, Problem> {
    judge(state, &caller, Subject::Finding, id, said).await
}

async fn judge(
    State(app): State<Arc<App>>,
    caller: &Caller,
    kind: Subject,
    id: String,
    In(said): In<Said>,
) -> Result<Response, Problem> {
    if said.note.chars().count() > 2_000 {
        return Err(Problem::invalid("note: at most 2000 characters are kept"));
    }
    let by = caller.name().map(str::to_owned);
    let kept = app
        .ask(move |store| Ok(store.add_feedback(kind, &id, said.opinion, &said.note, by.as_deref())?))
        .await?;
    app.announce("feedback", &serde_json::json!({ "subject": kept.subject }));
    Ok((StatusCode::CREATED, Json(kept)).into_response())
}
