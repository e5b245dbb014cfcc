//! The request line and two headers of HTTP/1 (RFC 9112).

use crate::limits::Limits;

/// Methods that a request may begin with, those of WebDAV and of UPnP's own included.
const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "SEARCH",
    "REPORT",
    "NOTIFY",
    "M-SEARCH",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PURGE",
];

/// A request of HTTP/1, as far as it is in the payload. All texts come from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// What is asked for: a path, or a host and port for CONNECT.
    pub target: &'a [u8],
    /// The minor version: 0 or 1; nothing where the line was cut before it.
    pub minor_version: Option<u8>,
    /// The Host header.
    pub host: Option<&'a [u8]>,
    /// The User-Agent header.
    pub user_agent: Option<&'a [u8]>,
}

/// A line without its end, and what comes after it.
fn line(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            (line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..))
        }
        None => (bytes, None),
    }
}

impl<'a> HttpRequest<'a> {
    /// Reads the payload of a segment that begins a request.
    pub fn parse(payload: &'a [u8], limits: &Limits) -> Option<Self> {
        let space = payload.iter().take(16).position(|byte| *byte == b' ')?;
        let (method, rest) = payload.split_at_checked(space)?;
        let method = METHODS.iter().find(|known| known.as_bytes() == method)?;
        let (first, mut rest) = line(rest.get(1..)?);
        let (target, minor_version) = match first.iter().rposition(|byte| *byte == b' ') {
            Some(space) => match first.split_at_checked(space)? {
                (target, b" HTTP/1.0") => (target, Some(0)),
                (target, b" HTTP/1.1") => (target, Some(1)),
                // A line that goes on may have been cut in its version; one that ends may not.
                _ if rest.is_some() => return None,
                (target, _) => (target, None),
            },
            None if rest.is_some() => return None,
            None => (first, None),
        };
        let mut request = Self { method, target, minor_version, host: None, user_agent: None };
        for _ in 0..limits.options {
            let Some((header, more)) = rest.map(line) else { break };
            // A header that was cut is not given.
            if header.is_empty() || more.is_none() {
                break;
            }
            rest = more;
            let Some(colon) = header.iter().position(|byte| *byte == b':') else { continue };
            let (name, value) = header.split_at_checked(colon)?;
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"host") {
                request.host = Some(value);
            } else if name.eq_ignore_ascii_case(b"user-agent") {
                request.user_agent = Some(value);
            }
        }
        Some(request)
    }
}
