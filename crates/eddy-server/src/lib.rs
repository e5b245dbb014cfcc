//! Everything Eddy does, over HTTP: the REST API under `/api/v1`, the routes that programs written for other servers
//! call, the live stream, and the dashboard, which uses nothing but that API.
//!
//! One list of routes ([`router`](crate) in `router.rs`) says of each who may call it, what it takes and what it gives;
//! the service and the description in OpenAPI are both made from it, so neither can know of a route that the other does
//! not. Jobs are done by worker processes of the same program: whatever a file does to one, it does to that one alone.
//! What is remembered is the matter of `eddy-store`; what is unusual, that of `eddy-engine`.

// Handlers are async whether they wait for something or not.
#![allow(clippy::unused_async)]

mod access;
mod answers;
mod api;
mod app;
mod compat;
mod config;
mod connection;
mod dashboard;
mod docs_page;
mod events;
mod extract;
mod files;
mod health;
mod jobs;
mod limiter;
mod metrics;
mod openapi;
mod password;
mod picture;
mod predict;
mod problem;
mod records;
mod route;
mod router;
mod serve;
mod table;
mod tls;
mod upload;
mod verdict;

#[cfg(test)]
mod tests;

pub use config::{
    Accounts, Compatibility, Config, ConfigError, Detection, Keep, Limits, LogForm, LogLevel, Server, Tls,
};
pub use health::Doorbell;
pub use jobs::{Workers, worker_main};
pub use picture::{Colors, Picture, Visualization};
pub use serve::{ServeError, Start, log, serve};

/// The description of the API, as `/api/v1/openapi.json` serves it.
pub fn api_description() -> serde_json::Value {
    openapi::openapi(&router::routes(true))
}

/// The JSON schema of the configuration.
pub fn config_schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}
