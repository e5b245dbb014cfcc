//! Files as answers, piece by piece.

use std::fmt::Write as _;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::io::AsyncReadExt;

use crate::problem::Problem;

/// Bytes read at a time.
const PIECE: usize = 1 << 17;

/// A file, under a name to save it by or to be shown.
pub(crate) async fn file(
    path: &Path,
    media: &'static str,
    save_as: Option<&str>,
) -> Result<Response, Problem> {
    let file = tokio::fs::File::open(path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::missing("there is no such file"),
        _ => error.into(),
    })?;
    opened(file, media, save_as).await
}

/// The same of a file that is open, and perhaps removed already.
pub(crate) async fn opened(
    file: tokio::fs::File,
    media: &'static str,
    save_as: Option<&str>,
) -> Result<Response, Problem> {
    let bytes = file.metadata().await?.len();
    let pieces = stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let mut piece = vec![0; PIECE];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(n) => {
                piece.truncate(n);
                Some((Ok(bytes::Bytes::from(piece)), Some(file)))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = (StatusCode::OK, Body::from_stream(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    if let Some(name) = save_as {
        headers.insert(header::CONTENT_DISPOSITION, disposition(name));
    }
    Ok(response)
}

/// Asks to save under a name (RFC 6266): plain letters for all, the rest for those who can.
fn disposition(name: &str) -> HeaderValue {
    let plain = crate::upload::safe_name(name);
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            whole.push(char::from(byte));
        } else {
            let _ = write!(whole, "%{byte:02X}");
        }
    }
    HeaderValue::from_str(&format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

/// The media type of a file, by its ending; nothing that a browser would run.
pub(crate) fn media_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "ndjson" => "application/x-ndjson",
        "json" => "application/json",
        "parquet" => "application/vnd.apache.parquet",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "pcap" => "application/vnd.tcpdump.pcap",
        _ => "application/octet-stream",
    }
}

/// A page of a report: it has a script of its own, so it gets an origin of its own, from which nothing of ours can be
/// reached.
pub(crate) async fn report(path: &Path, save_as: Option<&str>) -> Result<Response, Problem> {
    let mut response = file(path, "text/html; charset=utf-8", save_as).await?;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("sandbox allow-scripts allow-downloads; frame-ancestors 'self'"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let value = disposition("a\"; filename=\"evil.exe\r\nX: y/größe.csv");
        let text = value.to_str().unwrap();
        assert!(!text.contains("evil.exe\"") && text.contains("%C3%B6"), "{text}");
        assert_eq!(text.matches('"').count(), 2);
    }
}
