//! The routes under `/api/v1` and those that watch the server.

mod accounts;
mod datasets;
mod findings;
mod jobs;
mod models;
mod runs;
mod system;

use crate::route::Route;

pub(crate) use datasets::{add_arrived, first_file};
pub(crate) use models::{PredictQuery, asked, predicted};
pub(crate) use runs::picture;
pub(crate) use system::{Home, nothing};

/// All of them, in the order of the documentation.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = system::routes();
    routes.extend(accounts::routes());
    routes.extend(datasets::routes());
    routes.extend(jobs::routes());
    routes.extend(runs::routes());
    routes.extend(findings::routes());
    routes.extend(models::routes());
    routes
}
