//! The dashboard: files that are part of this program.

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::api::Home;
use crate::route::Access::Public;
use crate::route::Route;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the dashboard.
struct Asset {
    /// Its address.
    path: &'static str,
    /// Its media type.
    media: &'static str,
    /// Changes when it does.
    tag: &'static str,
    /// Its bytes.
    bytes: &'static [u8],
    /// The same, packed with gzip.
    packed: &'static [u8],
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            Method::GET,
            "/",
            Public,
            "The dashboard",
            "The dashboard for browsers, the status for programs",
            home,
        )
        .gives_or::<Home>(200, "A page or a status", &["text/html"]),
    ]
}

async fn home(request: Request) -> Response {
    if wants_page(&request) { page(&request) } else { Json(Home::now()).into_response() }
}

/// Whether a browser asks for a page.
fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepts.is_some_and(|accepts| accepts.contains("text/html"))
}

fn page(request: &Request) -> Response {
    match ASSETS.iter().find(|asset| asset.path == "/index.html") {
        Some(asset) => answer(asset, request),
        None => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
             <title>Eddy</title><link rel=stylesheet href=/api/v1/docs.css><main><h1>Eddy is running</h1>\
             <p>This program was built without its dashboard (Node was not there). Everything it does can be asked over \
             HTTP: <a href=/api/v1/docs>the API</a>.</p></main></html>",
        )
            .into_response(),
    }
}

/// A file of the dashboard, or the way to its page from any other address that a browser asks for.
pub(crate) fn asset(request: &Request) -> Option<Response> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let path = request.uri().path();
    if let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) {
        return Some(answer(asset, request));
    }
    let is_page = wants_page(request)
        && !["/api/", "//"].iter().any(|start| path.starts_with(start))
        && !path.contains('.');
    is_page.then(|| see_page(request.uri()))
}

/// Leads to the page under an address: pages stand behind the `#`. The way is told from where one is, so that it also
/// holds below the prefix of a proxy.
fn see_page(address: &Uri) -> Response {
    let up = "../".repeat(address.path().trim_start_matches('/').matches('/').count());
    let page = address.path_and_query().map_or("/", |page| page.as_str());
    let place = HeaderValue::from_str(&format!("{}#{page}", if up.is_empty() { "./" } else { &up }));
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

fn answer(asset: &Asset, request: &Request) -> Response {
    let sent = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let tag = HeaderValue::from_static(asset.tag);
    // Names of built files change with their content; the page's does not.
    let keep = if asset.path == "/index.html" { "no-cache" } else { "public, max-age=31536000, immutable" };
    let mut response = if sent(header::IF_NONE_MATCH) == Some(asset.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if sent(header::ACCEPT_ENCODING).is_some_and(|all| all.contains("gzip"))
        && !asset.packed.is_empty()
    {
        let mut response = Body::from(asset.packed).into_response();
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Body::from(asset.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_the_mark_leads_to_its_page() {
        for (path, wanted) in [
            ("/runs", "./#/runs"),
            ("/runs/abc?tab=table", "../#/runs/abc?tab=table"),
            ("/a/b/c", "../../#/a/b/c"),
        ] {
            let response = see_page(&Uri::from_static(path));
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(response.headers()[header::LOCATION], wanted, "{path}");
        }
    }
}
