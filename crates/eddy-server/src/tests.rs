//! The service as a whole, without sockets.

mod accounts;
mod api;
mod compat;
mod matrix;
mod tls;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use eddy_store::{Role, Store};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::Config;
use crate::access::Peer;
use crate::app::App;
use crate::jobs::Workers;
use crate::password::Hasher;
use crate::router::router;

/// A server of its own for a test, whose workers are threads.
struct Rig {
    app: Arc<App>,
    service: Router,
    _folder: tempfile::TempDir,
}

/// An answer that was read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Rig {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().0;
        let app = App::new(config, None, store, Workers::Thread, Hasher::with_cost((64, 1, 1)));
        app.logins.stand_still();
        let service = router(&app);
        Self { app, service, _folder: folder }
    }

    /// With people at work in the background.
    fn at_work(self) -> Self {
        tokio::spawn(self.app.clone().work());
        self
    }

    /// The secret of a token with a role.
    async fn token(&self, role: Role) -> String {
        let secret = format!("eddy_{role:?}_for_tests").to_lowercase();
        let asked = secret.clone();
        self.app
            .ask(move |store| {
                let name = format!("{role:?}");
                let known = store.user_by_name(&name)?;
                if known.is_some() {
                    return Ok(());
                }
                let user = store.add_user(&name, role, "no password")?;
                store.add_token(&user.id, "test", &asked, role, i64::MAX)?;
                Ok(())
            })
            .await
            .unwrap();
        secret
    }

    async fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(Peer(SocketAddr::from(([127, 0, 0, 1], 50_000))));
        request
            .headers_mut()
            .entry(header::HOST)
            .or_insert(header::HeaderValue::from_static("127.0.0.1:7700"));
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request with a token.
    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = match body {
            Some(body) => {
                request.header("content-type", "application/json").body(Body::from(body.to_string()))
            }
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    /// A request of a program without a token.
    async fn plain(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask(method, path, "", body).await
    }

    /// Asks for a job and waits until it is over.
    async fn job(&self, token: &str, body: Value) -> Value {
        let answer = self.ask("POST", "/api/v1/jobs", token, Some(body)).await;
        assert_eq!(answer.status, 202, "{}", answer.json());
        self.over(&answer.json()).await
    }

    async fn over(&self, job: &Value) -> Value {
        let id = job["id"].as_str().unwrap();
        let job = self.app.outcome(id, Duration::from_mins(2)).await.unwrap().expect("it ends");
        serde_json::to_value(job).unwrap()
    }

    /// Sends a file and waits until it was looked at.
    async fn upload(&self, token: &str, name: &str, content: impl Into<Vec<u8>>) -> Value {
        let request = Request::post(format!("/api/v1/datasets?name={name}&wait=60"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/octet-stream")
            .body(Body::from(content.into()))
            .unwrap();
        let answer = self.send(request).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()
    }
}

/// A form with one file.
fn form(name: &str, content: &str) -> (String, String) {
    let boundary = "----boundary";
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/csv\r\n\r\n{content}\r\n--{boundary}--\r\n"
    );
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// A small metric series with one event.
fn metric() -> String {
    let mut text = String::from("timestamp,value\n");
    for n in 0..400u32 {
        let value = if (300..306).contains(&n) { 9_000.0 } else { 100.0 + f64::from(n * 7 % 11) };
        let (day, minute) = (1 + n / 288, n % 288 * 5);
        let _ = writeln!(text, "2024-01-{day:02} {:02}:{:02}:00,{value}", minute / 60, minute % 60);
    }
    text
}

/// A small labelled table of connections: attacks send much more.
fn labelled() -> String {
    let mut text = String::from("duration,srcbytes,protocol,attack\n");
    for n in 0..300u32 {
        let attack = n % 5 == 0;
        let bytes = if attack { 5_000 + n * 13 % 700 } else { 100 + n * 7 % 90 };
        let label = if attack { "neptune" } else { "normal" };
        let _ = writeln!(text, "{},{bytes},{},{label}", n % 7, if n % 3 == 0 { "udp" } else { "tcp" });
    }
    text
}
