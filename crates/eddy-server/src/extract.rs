//! Reading requests, with problems instead of bare statuses.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use eddy_store::PageRequest;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Most bytes of a JSON body.
const MOST_JSON: usize = 64 << 20;

/// A body of JSON.
pub(crate) struct In<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for In<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::media_type("send JSON, with Content-Type: application/json"));
        }
        let bytes = whole(request.into_body(), MOST_JSON).await?;
        Ok(Self(parsed(&bytes)?))
    }
}

/// Reads JSON: what is no JSON is malformed, what does not fit is invalid.
pub(crate) fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| reason_of(&error))
}

/// What is wrong with a body.
pub(crate) fn reason_of(error: &serde_json::Error) -> Problem {
    match error.classify() {
        serde_json::error::Category::Data => Problem::invalid(error.to_string()),
        _ => Problem::malformed(format!("the body is no JSON: {error}")),
    }
}

/// Whether the body is said to be JSON.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media == "application/json" || media.ends_with("+json"))
}

/// The media type of the body, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Time for a body of JSON to arrive.
const IN_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// All bytes of a body, up to a limit, in time.
pub(crate) async fn whole(body: Body, most: usize) -> Result<bytes::Bytes, Problem> {
    let Ok(collected) = tokio::time::timeout(IN_TIME, Limited::new(body, most).collect()).await else {
        return Err(Problem::late());
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::too_large(format!("the body is larger than {most} bytes; send a file instead")))
        }
        Err(error) => Err(Problem::malformed(format!("the body broke off: {error}"))),
    }
}

/// Parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let axum::extract::Path(value) = axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::malformed(error.body_text()))?;
        Ok(Self(value))
    }
}

/// Parameters of the query.
pub(crate) struct Q<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Q<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(value) = Query::<T>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid(error.body_text()))?;
        Ok(Self(value))
    }
}

/// Which piece of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PageQuery {
    cursor: Option<String>,
    limit: Option<usize>,
}

impl PageQuery {
    pub(crate) fn page(&self) -> Result<PageRequest, Problem> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=1_000).contains(&limit) {
            return Err(Problem::invalid("limit: 1 to 1000 items are given at a time"));
        }
        Ok(PageRequest { cursor: self.cursor.clone().filter(|cursor| !cursor.is_empty()), limit })
    }
}
