//! Errors as RFC 9457 says them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use eddy_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    kind: &'static str,
    title: &'static str,
    status: StatusCode,
    detail: String,
    retry_after: Option<u64>,
    /// Methods that would have been right.
    allow: Option<String>,
    /// Whom or what the request was about, for the audit log.
    subject: Option<Box<str>>,
}

/// Whom or what a request was about, where its path does not name it; laid beside the answer for the audit log.
#[derive(Debug, Clone)]
pub(crate) struct Subject(pub(crate) Box<str>);

impl Subject {
    /// To be put before the body of an answer.
    pub(crate) fn beside(text: impl Into<Box<str>>) -> Extension<Self> {
        Extension(Self(text.into()))
    }
}

/// What went wrong, for programs and for people (RFC 9457, "Problem Details for HTTP APIs").
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct InJson<'a> {
    /// Names the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words; the same for every problem of a kind.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time and what would mend it.
    detail: &'a str,
    /// The same as `detail`, where older clients look for it.
    error: &'a str,
    /// Seconds to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, title, status, detail: detail.into(), retry_after: None, allow: None, subject: None }
    }

    /// 400: the request cannot be read.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read", detail)
    }

    /// 401: nobody said who they are.
    pub(crate) fn unknown_caller(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unknown-caller", "Log in first", detail)
    }

    /// 403: they may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "This is not allowed", detail)
    }

    /// 404: there is no such thing.
    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "missing", "There is no such thing", detail)
    }

    /// 405: the route does not know this method.
    pub(crate) fn method(allow: String) -> Self {
        let detail = format!("this route knows {allow}");
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "The route does not know this method",
            detail,
        );
        Self { allow: Some(allow), ..problem }
    }

    /// 408: the request did not arrive in time.
    pub(crate) fn late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "late", "The request came too slowly", "send it again, faster")
    }

    /// 409: it would contradict what is there.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "This contradicts what is there", detail)
    }

    /// 413: too much.
    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "This is more than is taken", detail)
    }

    /// 415: not in this form.
    pub(crate) fn media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "The body is not in a form that is understood",
            detail,
        )
    }

    /// 422: it can be read and makes no sense.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request makes no sense", detail)
    }

    /// 429: too often.
    pub(crate) fn too_often(seconds: u64) -> Self {
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-often",
            "Too many tries",
            format!("try again in {seconds} s"),
        );
        Self { retry_after: Some(seconds), ..problem }
    }

    /// 500: a fault of this program.
    pub(crate) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong here", detail)
    }

    /// 503: not now.
    pub(crate) fn busy(detail: impl Into<String>, seconds: u64) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Not just now", detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    /// 504: it took longer than the caller may be kept waiting.
    pub(crate) fn slow(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "slow", "This takes longer than a request may", detail)
    }

    /// 507: the disk is full.
    fn full(detail: String) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "There is no room on the disk", detail)
    }

    /// 507: more than may be kept.
    pub(crate) fn over_quota(detail: String) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "over-quota", "This is more than may be kept", detail)
    }

    /// Notes whom or what the request was about.
    pub(crate) fn about(self, subject: impl Into<Box<str>>) -> Self {
        Self { subject: Some(subject.into()), ..self }
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { .. } => Self::missing(error.to_string()),
            StoreError::Conflict(reason) => Self::conflict(reason),
            // The path is for the log, not for callers.
            StoreError::Full { .. } => Self::full("the disk of the server is full; make room there".into()),
            other => {
                tracing::error!(error = %other, "the store failed");
                Self::internal("the store failed; the log of the server says how")
            }
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
            return Self::full("the disk of the server is full; make room there".into());
        }
        tracing::error!(%error, "a file failed");
        Self::internal("a file could not be read or written; the log of the server says which")
    }
}

impl From<tokio::task::JoinError> for Problem {
    fn from(error: tokio::task::JoinError) -> Self {
        tracing::error!(%error, "a task failed");
        Self::internal("a part of the server failed; its log says which")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = InJson {
            kind: format!("/api/v1/docs#{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            error: &self.detail,
            retry_after: self.retry_after,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(subject) = self.subject {
            response.extensions_mut().insert(Subject(subject));
        }
        response
    }
}
