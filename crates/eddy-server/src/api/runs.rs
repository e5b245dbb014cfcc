//! Runs: what a detection or a scoring left.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eddy_io::{ReadOptions, TableWriter};
use eddy_store::{FindingRecord, IncidentRecord, Page, PageRequest, Role, Run, new_id};
use serde::Deserialize;
use serde_json::json;

use crate::answers::ReportData;
use crate::app::App;
use crate::extract::{PageQuery, Path, Q};
use crate::files;
use crate::jobs::PLOTS;
use crate::picture::Picture;
use crate::problem::Problem;
use crate::route::Access::Role as Needs;
use crate::route::{PAGE, Param, Route};
use crate::table::{Rows, RowsQuery, rows};

const GROUP: &str = "Runs";
const OF_DATASET: &[Param] =
    &[Param { name: "dataset", kind: "string", about: "Only those of this data set." }];
const ROWS: &[Param] = &[
    Param { name: "offset", kind: "integer", about: "Rows to skip." },
    Param { name: "limit", kind: "integer", about: "Most rows, 1 to 1000; 100 unless given." },
    Param { name: "sort", kind: "string", about: "Column to sort by; the order of the file unless given." },
    Param { name: "descending", kind: "boolean", about: "Largest first." },
    Param { name: "verdict", kind: "string", about: "Only rows with this verdict: anomaly or normal." },
    Param { name: "column", kind: "string", about: "Column that `contains` looks into; all unless given." },
    Param { name: "contains", kind: "string", about: "Only rows with this text, whatever its case." },
];
const SIZE: &[Param] = &[
    Param { name: "width", kind: "integer", about: "Width of a PNG in pixels, 200 to 8000." },
    Param { name: "height", kind: "integer", about: "Height of a PNG in pixels, 200 to 8000." },
];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RunsQuery {
    cursor: Option<String>,
    limit: Option<usize>,
    dataset: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SizeQuery {
    width: Option<u32>,
    height: Option<u32>,
}

pub(super) fn routes() -> Vec<Route> {
    let (get, viewer) = (Method::GET, Needs(Role::Viewer));
    vec![
        Route::new(get.clone(), "/api/v1/runs", viewer, GROUP, "Runs, newest first", list)
            .query(PAGE)
            .query(OF_DATASET)
            .gives::<Page<Run>>(200, "A page of them"),
        Route::new(get.clone(), "/api/v1/runs/{id}", viewer, GROUP, "A run: how it went", show)
            .gives::<Run>(200, "The run"),
        Route::new(
            Method::DELETE,
            "/api/v1/runs/{id}",
            Needs(Role::Analyst),
            GROUP,
            "Remove a run with its findings and incidents",
            remove,
        )
        .gives_nothing(204, "Removed"),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/findings",
            viewer,
            GROUP,
            "Findings of a run, most unusual first",
            findings,
        )
        .query(PAGE)
        .gives::<Page<FindingRecord>>(200, "A page of them"),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/incidents",
            viewer,
            GROUP,
            "Incidents of a run, most urgent first",
            incidents,
        )
        .query(PAGE)
        .gives::<Page<IncidentRecord>>(200, "A page of them"),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/rows",
            viewer,
            GROUP,
            "Rows with score and verdict, a piece at a time",
            some_rows,
        )
        .query(ROWS)
        .gives::<Rows>(200, "Some rows"),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/scores",
            viewer,
            GROUP,
            "Anomaly scores of all rows, in order, as 32-bit floats in little-endian order",
            scores,
        )
        .gives_other(200, "The scores", &["application/octet-stream"]),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/report",
            viewer,
            GROUP,
            "What the report is drawn from: points, features, histograms, findings",
            report_data,
        )
        .gives::<ReportData>(200, "The data of the report"),
        Route::new(get.clone(), "/api/v1/runs/{id}/report.html", viewer, GROUP, "The report", report_page)
            .gives_other(200, "A page that needs nothing else", &["text/html"]),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/table/{format}",
            viewer,
            GROUP,
            "The whole table with score and verdict; the format is csv, parquet or ndjson",
            table,
        )
        .gives_other(
            200,
            "The table",
            &["text/csv", "application/vnd.apache.parquet", "application/x-ndjson"],
        ),
        Route::new(
            get.clone(),
            "/api/v1/runs/{id}/anomalies.csv",
            viewer,
            GROUP,
            "The flagged rows, most unusual first",
            anomalies,
        )
        .gives_other(200, "The rows", &["text/csv"]),
        Route::new(
            get,
            "/api/v1/runs/{id}/plots/{name}",
            viewer,
            GROUP,
            "A picture: scatter, distribution, timeseries, scores or overview, with .svg or .png",
            plot,
        )
        .query(SIZE)
        .gives_other(200, "The picture", &["image/svg+xml", "image/png"]),
    ]
}

async fn list(State(app): State<Arc<App>>, Q(query): Q<RunsQuery>) -> Result<Json<Page<Run>>, Problem> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=1_000).contains(&limit) {
        return Err(Problem::invalid("limit: 1 to 1000 items are given at a time"));
    }
    let page = PageRequest { cursor: query.cursor.filter(|one| !one.is_empty()), limit };
    Ok(Json(app.ask(move |store| Ok(store.runs(&page, query.dataset.as_deref())?)).await?))
}

async fn run(app: &App, id: String) -> Result<Run, Problem> {
    app.ask(move |store| Ok(store.run(&id)?)).await
}

async fn show(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Run>, Problem> {
    Ok(Json(run(&app, id).await?))
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let removed = id.clone();
    app.ask(move |store| Ok(store.remove_run(&id)?)).await?;
    app.announce("run", &json!({ "id": removed, "removed": true }));
    Ok(StatusCode::NO_CONTENT)
}

async fn findings(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Q(page): Q<PageQuery>,
) -> Result<Json<Page<FindingRecord>>, Problem> {
    let page = page.page()?;
    let found = app
        .ask(move |store| {
            store.run(&id)?;
            Ok(store.findings_of(&id, &page)?)
        })
        .await?;
    Ok(Json(found))
}

async fn incidents(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Q(page): Q<PageQuery>,
) -> Result<Json<Page<IncidentRecord>>, Problem> {
    let page = page.page()?;
    let found = app
        .ask(move |store| {
            store.run(&id)?;
            Ok(store.incidents(&page, Some(&id))?)
        })
        .await?;
    Ok(Json(found))
}

async fn some_rows(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Q(query): Q<RowsQuery>,
) -> Result<Json<Rows>, Problem> {
    let found = app
        .ask(move |store| {
            let run = store.run(&id)?;
            rows(&store.folder().run(&run.id).join("table.parquet"), run.rows, &query)
        })
        .await?;
    Ok(Json(found))
}

/// A file of a run.
async fn part(app: &App, id: String, name: &str) -> Result<(PathBuf, Run), Problem> {
    let run = run(app, id).await?;
    Ok((app.folder().run(&run.id).join(name), run))
}

async fn scores(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (path, _) = part(&app, id, "scores.f32").await?;
    files::file(&path, "application/octet-stream", None).await
}

async fn report_data(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (path, _) = part(&app, id, "report.json").await?;
    files::file(&path, "application/json", None).await
}

async fn report_page(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (path, _) = part(&app, id, "report.html").await?;
    files::report(&path, None).await
}

async fn anomalies(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (path, run) = part(&app, id, "anomalies.csv").await?;
    files::file(&path, files::media_of("a.csv"), Some(&format!("anomalies of {}.csv", run.dataset_name)))
        .await
}

async fn table(
    State(app): State<Arc<App>>,
    Path((id, format)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (path, run) = part(&app, id, "table.parquet").await?;
    let name = |ending: &str| format!("{} with scores.{ending}", run.dataset_name);
    match format.as_str() {
        "parquet" => files::file(&path, files::media_of("a.parquet"), Some(&name("parquet"))).await,
        "csv" | "ndjson" => {
            let made = app.folder().incoming(&new_id()).with_extension(&format);
            let media = files::media_of(&made.to_string_lossy());
            let file = app.ask(move |_| {
                let file = converted(&path, &made).and_then(|()| Ok(std::fs::File::open(&made)?));
                // Open files can be read after their names are gone. Nobody may be waiting for it any more.
                let _ = std::fs::remove_file(&made);
                file
            });
            files::opened(tokio::fs::File::from_std(file.await?), media, Some(&name(&format))).await
        }
        _ => Err(Problem::missing("the format is csv, parquet or ndjson")),
    }
}

fn converted(from: &std::path::Path, to: &std::path::Path) -> Result<(), Problem> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a table cannot be converted");
        Problem::internal("the table cannot be converted; the log of the server says why")
    };
    let mut source = eddy_io::open(&[from.display().to_string()], &ReadOptions::default())
        .map_err(|error| failed(&error))?;
    let mut writer =
        TableWriter::create(to, &source.description().schema.clone()).map_err(|error| failed(&error))?;
    while let Some(frame) = source.next_frame().map_err(|error| failed(&error))? {
        writer.write(&frame).map_err(|error| failed(&error))?;
    }
    writer.finish().map_err(|error| failed(&error))
}

async fn plot(
    State(app): State<Arc<App>>,
    Path((id, name)): Path<(String, String)>,
    Q(size): Q<SizeQuery>,
) -> Result<Response, Problem> {
    let unknown = || Problem::missing("scatter, distribution, timeseries, scores and overview, .svg or .png");
    let (name, ending) = name.rsplit_once('.').ok_or_else(unknown)?;
    if !matches!(ending, "svg" | "png") {
        return Err(unknown());
    }
    let run = run(&app, id).await?;
    let asked = match (size.width, size.height) {
        (Some(width), Some(height)) => Some((width, height)),
        _ => None,
    };
    picture(&app, &run, name, ending == "png", asked).await
}

/// A picture of a run; a PNG in the size asked for, or in that of the configuration.
pub(crate) async fn picture(
    app: &App,
    run: &Run,
    name: &str,
    as_png: bool,
    size: Option<(u32, u32)>,
) -> Result<Response, Problem> {
    let (name, plot) = PLOTS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
        Problem::missing("there are scatter, distribution, timeseries, scores and overview")
    })?;
    let config = app.config();
    let look = &config.visualization;
    let set: Option<&Picture> = match *name {
        "scatter" => Some(&look.scatter_plot),
        "distribution" => Some(&look.distribution_plot),
        "timeseries" => Some(&look.timeseries_plot),
        "scores" => Some(&look.scores_plot),
        _ => None,
    };
    let svg = tokio::fs::read_to_string(app.folder().run(&run.id).join(format!("{name}.svg")))
        .await
        .map_err(|_| Problem::missing("there is no such picture: the table has too few numbers for it"))?;
    let svg = match set {
        Some(picture) => picture.applied(&svg),
        None => svg,
    };
    if !as_png {
        return Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response());
    }
    let set = set.and_then(|picture| picture.figsize).map(|[w, h]| ((w * 100.0) as u32, (h * 100.0) as u32));
    let (width, height) = size.or(set).unwrap_or_else(|| plot.natural_size());
    if ![width, height].iter().all(|side| (200..=8_000).contains(side)) || width * height > 32_000_000 {
        return Err(Problem::invalid("width and height: 200 to 8000 pixels each, 32 million in all"));
    }
    let png = tokio::task::spawn_blocking(move || eddy_report::png_of_svg(&svg, width, height)).await?;
    let png = png.map_err(|error| Problem::internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}
