//! Who is calling, and whether they may.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::HttpBody;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use eddy_store::{AuditEntry, Outcome, Role, User};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::limiter::Client;
use crate::password::{hex, same};
use crate::problem::{Problem, Subject};
use crate::route::{Access, Cost};
use crate::router::Table;

/// Beginning of every token.
pub(crate) const TOKEN: &str = "eddy_";
/// Header that proves that a page of ours sends the request.
pub(crate) const CSRF: &str = "x-eddy-csrf";

/// The other end of the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Who is calling.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// Who they are; none for a program on this machine without a token.
    pub(crate) user: Option<User>,
    /// What they may do.
    pub(crate) role: Option<Role>,
    /// The secret of their session, where they have one.
    pub(crate) session: Option<String>,
    /// The name of the token they showed, where they showed one.
    pub(crate) token: Option<String>,
    /// Network address.
    pub(crate) address: Option<IpAddr>,
}

impl Caller {
    /// Their name, to be written beside what they made.
    pub(crate) fn name(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.name.as_str())
    }

    /// Who they are, for routes that only make sense for somebody.
    pub(crate) fn somebody(&self) -> Result<&User, Problem> {
        self.user.as_ref().ok_or_else(|| Problem::unknown_caller("log in, or show a token"))
    }

    pub(crate) fn ip(&self) -> IpAddr {
        self.address.unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Lets a request through to its route, or not. Every route is on the table; what is not is refused.
///
/// What changes something is done to its end, and written down, though the caller may go meanwhile.
pub(crate) async fn guard(
    State((app, table)): State<(Arc<App>, Arc<Table>)>,
    request: Request,
    next: Next,
) -> Response {
    if !is_change(request.method(), request.uri().path()) {
        return guarded(app, table, request, next).await;
    }
    tokio::spawn(guarded(app, table, request, next)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request was not answered");
        Problem::internal("the request was not answered; the log of the server says why").into_response()
    })
}

async fn guarded(app: Arc<App>, table: Arc<Table>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let address = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let named = path.as_deref().and_then(|path| named_in_path(path, request.uri().path()));
    let secure = app.config().server.tls.is_some();
    let mut caller = Caller { address, ..Caller::default() };
    let length = request.body().size_hint().exact();
    let admitted = admit(&app, &table, &method, path.as_deref(), request.headers(), &mut caller).await;
    let admitted = admitted.and_then(|cost| within_limits(&app, cost, length, &caller));
    let response = match admitted {
        Ok(()) => {
            request.extensions_mut().insert(caller.clone());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let status = response.status().as_u16();
    app.metrics.request(status, began.elapsed());
    tracing::debug!(%method, path, status, micros = began.elapsed().as_micros(), user = caller.name(), "request");
    if is_worth_noting(&method, path.as_deref(), status) {
        let subject = response.extensions().get::<Subject>().map(|subject| subject.0.to_string());
        let subject = subject.or(named).or_else(|| made_at(response.headers()));
        note(&app, &caller, &method, path.as_deref().unwrap_or("?"), subject, status).await;
    }
    with_headers(response, path.as_deref(), secure)
}

/// What a request costs, where its caller may send it.
async fn admit(
    app: &App,
    table: &Table,
    method: &Method,
    path: Option<&str>,
    headers: &HeaderMap,
    caller: &mut Caller,
) -> Result<Cost, Problem> {
    let config = app.config();
    let local = config.is_local();
    check_host(headers, local, &config.server.hosts)?;
    let is_change = !matches!(*method, Method::GET | Method::OPTIONS);
    if is_change {
        check_origin(headers)?;
    }
    // Under what is no route there are the files of the dashboard, which are the same for everybody, or nothing.
    let Some(path) = path else { return Ok(Cost::Little) };
    let Some((access, cost)) = table.entry(method, path) else {
        return Err(Problem::method(table.methods(path)));
    };
    identify(app, headers, caller).await?;
    if is_change
        && let Some(secret) = &caller.session
        && !headers.get(CSRF).is_some_and(|sent| same(sent.as_bytes(), csrf_of(secret).as_bytes()))
        && access != Access::Public
    {
        return Err(Problem::forbidden(format!(
            "send the header {CSRF} with what GET /api/v1/session gives"
        )));
    }
    let needed = match access {
        Access::Public => return Ok(cost),
        Access::Local(_)
            if caller.role.is_none()
                && local
                && is_direct(headers)
                && config.compatibility.open_to_this_machine
                && caller.address.is_some_and(|address| address.is_loopback()) =>
        {
            return Ok(cost);
        }
        Access::Role(role) | Access::Local(role) => role,
    };
    match caller.role {
        None => Err(Problem::unknown_caller("log in, or show a token: Authorization: Bearer eddy_...")),
        Some(role) if role >= needed => Ok(cost),
        Some(role) => {
            Err(Problem::forbidden(format!("{needed:?} may do this; you are {role:?}").to_lowercase()))
        }
    }
}

/// Bytes of a body up to which it holds no more than a few records.
const FEW_RECORDS: u64 = 16 << 10;

/// Refuses what costs much where somebody asks for it too often. A client is a user, or else an address.
fn within_limits(app: &App, cost: Cost, length: Option<u64>, caller: &Caller) -> Result<(), Problem> {
    let costly = match cost {
        Cost::Little => false,
        Cost::Much => true,
        Cost::MuchIfLarge => length.is_none_or(|bytes| bytes > FEW_RECORDS),
    };
    if !costly {
        return Ok(());
    }
    let client = match &caller.user {
        Some(user) => Client::User(user.id.clone()),
        None => Client::Address(caller.ip()),
    };
    let config = app.config();
    let limits = &config.limits;
    app.costly.begin(client, limits.costly_at_once, limits.costly_per_minute).map_err(Problem::too_often)
}

/// A server of this machine is called by the names of this machine: a page elsewhere whose name was made to lead here
/// is refused. Beyond, the names are those of the configuration, where it has any.
fn check_host(headers: &HeaderMap, local: bool, hosts: &[String]) -> Result<(), Problem> {
    let name = called_by(headers);
    let own = is_own(name);
    let named = hosts.iter().any(|one| one.eq_ignore_ascii_case(name));
    if own || named || (!local && hosts.is_empty()) {
        return Ok(());
    }
    Err(Problem::forbidden("this server is not known by that name; add it to server.hosts"))
}

/// The name that a request calls the server by.
fn called_by(headers: &HeaderMap) -> &str {
    without_port(headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default())
}

/// Names of this machine.
fn is_own(name: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}

/// Whether a request of this machine began here. A reverse proxy on this machine calls from here as well, whoever sent
/// the request: it is known by what it adds, or by the name that it was called by.
fn is_direct(headers: &HeaderMap) -> bool {
    let is_passed_on = headers.keys().any(|name| {
        let name = name.as_str();
        ["forwarded", "via", "x-real-ip"].contains(&name) || name.starts_with("x-forwarded-")
    });
    is_own(called_by(headers)) && !is_passed_on
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

/// What changes something comes from a page of ours or from no page.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let refused = || Err(Problem::forbidden("requests from pages of other servers are refused"));
    if headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
    {
        return refused();
    }
    if let Some(origin) = text(header::ORIGIN) {
        let host = origin.split_once("://").map_or("", |(_, host)| host);
        if host.is_empty() || Some(host) != text(header::HOST) {
            return refused();
        }
    }
    Ok(())
}

/// Finds out who is calling, by token or by session. A token that is not known is refused at once; a session that is
/// over is no session.
async fn identify(app: &App, headers: &HeaderMap, caller: &mut Caller) -> Result<(), Problem> {
    if let Some(sent) = headers.get(header::AUTHORIZATION) {
        let secret = sent
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")))
            .map(str::trim)
            .filter(|secret| secret.starts_with(TOKEN) && secret.len() < 200)
            .ok_or_else(|| Problem::unknown_caller("write Authorization: Bearer eddy_..."))?
            .to_owned();
        let found = app.ask(move |store| Ok(store.token(&secret)?)).await?;
        let (user, role, name) =
            found.ok_or_else(|| Problem::unknown_caller("the token is not known, or too old"))?;
        caller.token = Some(name);
        caller.user = Some(user);
        caller.role = Some(role);
    } else if let Some(secret) = session_cookie(headers) {
        let asked = secret.clone();
        if let Some(session) = app.ask(move |store| Ok(store.session(&asked)?)).await? {
            caller.role = Some(session.user.role);
            caller.user = Some(session.user);
            caller.session = Some(secret);
        }
    }
    Ok(())
}

/// Name of the cookie: the prefix binds it to this host and to TLS; without TLS browsers would not take it.
pub(crate) fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-eddy_session" } else { "eddy_session" }
}

fn session_cookie(headers: &HeaderMap) -> Option<String> {
    let all = headers.get_all(header::COOKIE);
    let pairs = all.iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == cookie_name(true) || *name == cookie_name(false))
        .map(|(_, value)| value.to_owned())
        .filter(|value| value.len() == 64)
}

/// What a page of ours shows to prove itself: follows from the session and says nothing about it.
pub(crate) fn csrf_of(secret: &str) -> String {
    hex(&Sha256::new().chain_update(b"eddy csrf ").chain_update(secret).finalize())
}

/// Whether a request changes something: whoever asks a model does not, but whoever moves the alias of that name does.
fn is_change(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST => !path.ends_with("/predict"),
        _ => true,
    }
}

/// What people do is written down; what programs ask all the time is not.
fn is_worth_noting(method: &Method, path: Option<&str>, status: u16) -> bool {
    path.is_some_and(|path| is_change(method, path)) && (status < 400 || matches!(status, 401 | 403 | 429))
}

/// What the path of a request names: the parts that the route has parameters for.
fn named_in_path(route: &str, path: &str) -> Option<String> {
    let pairs = route.split('/').zip(path.split('/'));
    let named: Vec<&str> = pairs.filter(|(part, _)| part.starts_with('{')).map(|(_, is)| is).collect();
    (!named.is_empty()).then(|| named.join("/"))
}

/// What was made, by the address that the answer gives for it.
fn made_at(headers: &HeaderMap) -> Option<String> {
    let place = headers.get(header::LOCATION)?.to_str().ok()?;
    place.rsplit('/').next().map(str::to_owned)
}

async fn note(app: &App, caller: &Caller, method: &Method, path: &str, subject: Option<String>, status: u16) {
    let entry = AuditEntry {
        seq: 0,
        at_ms: 0,
        actor: caller.name().map(str::to_owned),
        address: caller.ip().to_string(),
        action: format!("{method} {path}"),
        subject,
        outcome: if status < 400 { Outcome::Done } else { Outcome::Refused },
        detail: Some(match &caller.token {
            Some(name) => format!("{status}, with the token {name}"),
            None => status.to_string(),
        }),
    };
    if let Err(problem) = app.ask(move |store| Ok(store.audit(&entry)?)).await {
        tracing::error!(problem = problem.detail(), "the audit log could not be written");
    }
}

/// What every answer carries, so that a browser runs nothing that is not ours.
fn with_headers(mut response: Response, path: Option<&str>, secure: bool) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set("x-content-type-options", "nosniff");
    set("x-frame-options", "SAMEORIGIN");
    set("referrer-policy", "no-referrer");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), microphone=(), geolocation=()");
    set(
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
         connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    );
    if path.is_some_and(|path| path.starts_with("/api/") || path.starts_with("/predict")) {
        set("cache-control", "no-store");
    }
    if secure {
        set("strict-transport-security", "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_local_server_goes_by_local_names_only() {
        for (host, good) in [
            ("localhost:7700", true),
            ("127.0.0.1", true),
            ("[::1]:7700", true),
            ("evil.example", false),
            ("127.0.0.1.evil.example:7700", false),
            ("", false),
        ] {
            assert_eq!(check_host(&headers(&[("host", host)]), true, &[]).is_ok(), good, "{host}");
        }
        let names = ["eddy.example".to_owned()];
        assert!(check_host(&headers(&[("host", "eddy.example:443")]), false, &names).is_ok());
        assert!(check_host(&headers(&[("host", "other.example")]), false, &names).is_err());
        assert!(check_host(&headers(&[("host", "other.example")]), false, &[]).is_ok());
    }

    #[test]
    fn what_a_proxy_passes_on_does_not_begin_here() {
        for (pairs, direct) in [
            (&[("host", "localhost:7700")][..], true),
            (&[("host", "127.0.0.1")], true),
            (&[("host", "[::1]:1")], true),
            (&[("host", "eddy.example.org")], false),
            (&[], false),
            (&[("host", "localhost"), ("forwarded", "for=192.0.2.1")], false),
            (&[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], false),
            (&[("host", "localhost"), ("x-forwarded-proto", "https")], false),
            (&[("host", "localhost"), ("x-real-ip", "192.0.2.1")], false),
            (&[("host", "localhost"), ("via", "1.1 proxy")], false),
        ] {
            assert_eq!(is_direct(&headers(pairs)), direct, "{pairs:?}");
        }
    }

    #[test]
    fn asking_a_model_changes_nothing_and_moving_an_alias_of_that_name_does() {
        for (method, path, changes) in [
            (Method::POST, "/predict", false),
            (Method::POST, "/api/v1/aliases/predict/predict", false),
            (Method::PUT, "/api/v1/aliases/predict", true),
            (Method::DELETE, "/api/v1/aliases/predict", true),
            (Method::POST, "/api/v1/aliases/predict/rollback", true),
            (Method::GET, "/api/v1/runs", false),
            (Method::HEAD, "/api/v1/runs", false),
        ] {
            assert_eq!(is_change(&method, path), changes, "{method} {path}");
        }
    }

    #[test]
    fn changes_come_from_our_pages_or_from_no_page() {
        for (pairs, good) in [
            (&[("host", "a:1")][..], true),
            (&[("host", "a:1"), ("origin", "http://a:1"), ("sec-fetch-site", "same-origin")], true),
            (&[("host", "a:1"), ("origin", "http://b:1")], false),
            (&[("host", "a:1"), ("origin", "null")], false),
            (&[("host", "a:1"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a:1"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "a:1"), ("sec-fetch-site", "none")], true),
        ] {
            assert_eq!(check_origin(&headers(pairs)).is_ok(), good, "{pairs:?}");
        }
    }
}
