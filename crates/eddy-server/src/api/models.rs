//! The registry of models.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use eddy_store::{Alias, Model, NewModel, Page, PageRequest, Role, Store, StoreError, new_id};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::access::Caller;
use crate::answers::Predicted;
use crate::app::App;
use crate::config::is_alias;
use crate::extract::{In, Path, Q, media_type, whole};
use crate::files;
use crate::jobs::{Ended, Input, Work, order_of, run_order};
use crate::predict::{Loaded, answer};
use crate::problem::{Problem, Subject};
use crate::route::Access::Role as Needs;
use crate::route::{PAGE, Param, Route};
use crate::upload::{Aside, Pieces, receive, shown_name};

const GROUP: &str = "Models";
/// Tables, beside JSON.
const CSV: &[&str] = &["text/csv"];
const NAME: &[Param] = &[Param { name: "name", kind: "string", about: "Name of the model." }];
const WHY: &[Param] =
    &[Param { name: "explain", kind: "boolean", about: "Say for each record which features did it." }];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ModelsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PredictQuery {
    explain: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pointed {
    /// Id of the model to point to.
    model: String,
}

pub(super) fn routes() -> Vec<Route> {
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let (viewer, analyst) = (Needs(Role::Viewer), Needs(Role::Analyst));
    vec![
        Route::new(get.clone(), "/api/v1/models", viewer, GROUP, "Models, newest first", list)
            .query(PAGE)
            .query(NAME)
            .gives::<Page<Model>>(200, "A page of them"),
        Route::new(
            post.clone(),
            "/api/v1/models",
            analyst,
            GROUP,
            "Import a model file that `eddy train` or an export wrote",
            import,
        )
        .query(NAME)
        .takes_other(&["application/octet-stream"])
        .gives::<Model>(201, "Imported")
        .costly(),
        Route::new(
            get.clone(),
            "/api/v1/models/{id}",
            viewer,
            GROUP,
            "A model: what it learned from, what it reads with what is ordinary for it, its threshold",
            show,
        )
        .gives::<Model>(200, "The model"),
        Route::new(
            delete.clone(),
            "/api/v1/models/{id}",
            analyst,
            GROUP,
            "Remove a model to which no alias points",
            remove,
        )
        .gives_nothing(204, "Removed"),
        Route::new(
            get.clone(),
            "/api/v1/models/{id}/content",
            viewer,
            GROUP,
            "Export a model as a file",
            content,
        )
        .gives_other(200, "The file", &["application/octet-stream"]),
        asked(Route::new(
            post.clone(),
            "/api/v1/models/{id}/predict",
            Needs(Role::Predictor),
            GROUP,
            "Ask a model: one record, an object with `records`, `features` or `values`, a list of records, or CSV",
            predict,
        )),
        Route::new(get.clone(), "/api/v1/aliases", viewer, GROUP, "Aliases and where they point to", aliases)
            .gives::<Vec<Alias>>(200, "By name"),
        Route::new(get, "/api/v1/aliases/{alias}", viewer, GROUP, "Where an alias points to", alias)
            .gives::<Alias>(200, "The alias"),
        Route::new(
            Method::PUT,
            "/api/v1/aliases/{alias}",
            analyst,
            GROUP,
            "Promote a model: point an alias to it",
            point,
        )
        .takes::<Pointed>()
        .gives::<Alias>(200, "The alias"),
        Route::new(
            post.clone(),
            "/api/v1/aliases/{alias}/rollback",
            analyst,
            GROUP,
            "Point an alias to the model before",
            roll_back,
        )
        .gives::<Alias>(200, "The alias"),
        Route::new(
            delete,
            "/api/v1/aliases/{alias}",
            analyst,
            GROUP,
            "Remove an alias; its model stays",
            remove_alias,
        )
        .gives_nothing(204, "Removed"),
        asked(Route::new(
            post,
            "/api/v1/aliases/{alias}/predict",
            Needs(Role::Predictor),
            GROUP,
            "Ask the model that an alias points to",
            predict_by_alias,
        )),
    ]
}

/// A route that asks a model, with what it takes and gives.
pub(crate) fn asked(route: Route) -> Route {
    route
        .query(WHY)
        .takes_or::<Value>(CSV)
        .gives_or::<Predicted>(
            200,
            "A verdict, or one for each record; for CSV the table with score, verdict, class and probabilities",
            CSV,
        )
        .costly_if_large()
}

async fn list(State(app): State<Arc<App>>, Q(query): Q<ModelsQuery>) -> Result<Json<Page<Model>>, Problem> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::invalid("limit: 1 to 1000 items are given at a time"));
    }
    let page = PageRequest { cursor: query.cursor.filter(|one| !one.is_empty()), limit };
    Ok(Json(app.ask(move |store| Ok(store.models(&page, query.name.as_deref())?)).await?))
}

async fn model(app: &App, id: String) -> Result<Model, Problem> {
    app.ask(move |store| Ok(store.model(&id)?)).await
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Model>, Problem> {
    Ok(Json(model(&app, id).await?))
}

async fn import(
    State(app): State<Arc<App>>,
    caller: Caller,
    Q(query): Q<ModelsQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let mut body: Body = request.into_body();
    let arrived = receive(&app, Pieces::Body(&mut body)).await?;
    app.make_room().await?;
    let (about, _) = in_worker(&app, Work::Inspect { model: arrived.path.clone() }).await?;
    let new = NewModel {
        id: new_id(),
        name: shown_name(query.name.as_deref().unwrap_or("imported")),
        detector: about["detector"].as_str().unwrap_or_default().to_owned(),
        bytes: arrived.bytes,
        sha256: arrived.sha256.clone(),
        dataset: None,
        job: None,
        about,
        created_by: caller.name().map(str::to_owned),
    };
    let id = new.id.clone();
    let made = app
        .ask(move |store| {
            store.folder().settle(&arrived.path, &store.folder().model(&new.id))?;
            store.finish_model(&new)?;
            Ok(store.model(&id)?)
        })
        .await?;
    app.announce("model", &json!({ "id": made.id, "name": made.name, "version": made.version }));
    Ok((StatusCode::CREATED, Subject::beside(made.id.clone()), Json(made)).into_response())
}

/// Longest wait for a place among those whose work is done at once.
const PLACE_IN_TIME: Duration = Duration::from_secs(5);

/// Has something done at once by a worker of its own: what it says, and the folder it wrote to.
async fn in_worker(app: &App, work: Work) -> Result<(Value, Aside), Problem> {
    let config = app.config();
    let patience = Duration::from_secs_f64(config.limits.wait_seconds);
    let place = tokio::time::timeout(patience.min(PLACE_IN_TIME), app.at_once.acquire()).await;
    let Ok(Ok(_place)) = place else {
        return Err(Problem::busy(format!("{} others are being worked on", config.limits.workers), 5));
    };
    // Removed after the worker, also where the caller does not wait for it; made here and now, so that no other thread
    // makes it after that.
    let out = Aside(app.folder().incoming(&new_id()));
    std::fs::create_dir(&out.0)?;
    let (_keep, cancel) = watch::channel(false);
    let order = order_of(work, out.0.clone(), &config);
    let ended = run_order(&app.workers, order, patience, cancel, Arc::new(|_, _, _| {})).await;
    match ended {
        Ended::Done(said) => Ok((said, out)),
        Ended::Failed(reason) => Err(Problem::invalid(reason)),
        Ended::Cancelled => Err(Problem::busy("called off", 1)),
    }
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let (removed, predictors) = (id.clone(), app.predictors.clone());
    app.ask(move |store| {
        store.remove_model(&id)?;
        predictors.forget(&id);
        Ok(())
    })
    .await?;
    app.announce("model", &json!({ "id": removed, "removed": true }));
    Ok(StatusCode::NO_CONTENT)
}

async fn content(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let found = model(&app, id).await?;
    let name = format!("{}-{}.eddy", found.name, found.version);
    files::file(&app.folder().model(&found.id), "application/octet-stream", Some(&name)).await
}

async fn aliases(State(app): State<Arc<App>>) -> Result<Json<Vec<Alias>>, Problem> {
    Ok(Json(app.ask(|store| Ok(store.aliases()?)).await?))
}

async fn alias(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Alias>, Problem> {
    Ok(Json(app.ask(move |store| Ok(store.alias(&name)?)).await?))
}

async fn point(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    In(asked): In<Pointed>,
) -> Result<(Extension<Subject>, Json<Alias>), Problem> {
    if !is_alias(&name) {
        return Err(Problem::invalid("an alias has letters, digits, - and _, 64 at most"));
    }
    let by = caller.name().map(str::to_owned);
    let point = move |store: &Store| store.point_alias(&name, &asked.model, by.as_deref());
    Ok(told(&app, changed(&app, point).await?))
}

async fn roll_back(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<(Extension<Subject>, Json<Alias>), Problem> {
    let by = caller.name().map(str::to_owned);
    let roll_back = move |store: &Store| store.roll_back_alias(&name, by.as_deref());
    Ok(told(&app, changed(&app, roll_back).await?))
}

/// Changes where an alias points to. Where it pointed before is forgotten even if the caller has gone meanwhile.
async fn changed<T: Send + 'static>(
    app: &App,
    change: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let predictors = app.predictors.clone();
    app.ask(move |store| {
        let changed = change(store);
        predictors.forget_aliases();
        Ok(changed?)
    })
    .await
}

/// Tells listeners and, by the answer, the audit log where an alias points to now.
fn told(app: &App, alias: Alias) -> (Extension<Subject>, Json<Alias>) {
    app.announce("alias", &json!({ "alias": alias.alias, "model": alias.model }));
    (Subject::beside(format!("{} to {}", alias.alias, alias.model)), Json(alias))
}

async fn remove_alias(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    changed(&app, move |store| store.remove_alias(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn predict(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Q(query): Q<PredictQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let model = app.predictor(&id).await?;
    predicted(&app, model, &query, request).await
}

async fn predict_by_alias(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Q(query): Q<PredictQuery>,
    request: Request,
) -> Result<Response, Problem> {
    if !is_alias(&name) {
        return Err(Problem::missing("there is no such alias"));
    }
    let model = app.predictor_of_alias(&name).await?;
    predicted(&app, model, &query, request).await
}

/// Answers JSON at once, and CSV by a worker.
pub(crate) async fn predicted(
    app: &App,
    model: Arc<Loaded>,
    query: &PredictQuery,
    request: Request,
) -> Result<Response, Problem> {
    match media_type(request.headers()).as_deref() {
        Some("application/json") => {
            let body = whole(request.into_body(), 64 << 20).await?;
            let answer = answer(app, model, body, query.explain == Some(true)).await?;
            Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response())
        }
        Some("text/csv") => {
            let mut body: Body = request.into_body();
            let arrived = receive(app, Pieces::Body(&mut body)).await?;
            let work = Work::Predict {
                input: Input { path: arrived.path.clone(), name: "the table".into() },
                model: app.folder().model(model.id()),
            };
            let (_, out) = in_worker(app, work).await?;
            // Open files can be read after their names are gone.
            let file = tokio::fs::File::open(out.0.join("table.csv")).await?;
            let mut response = files::opened(file, files::media_of("a.csv"), None).await?;
            response.headers_mut().remove(header::CONTENT_DISPOSITION);
            Ok(response)
        }
        _ => Err(Problem::media_type("send application/json or text/csv")),
    }
}
