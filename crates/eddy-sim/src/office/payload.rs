//! What stands in the packets: names asked for, hellos, requests; the rest is filler without pattern.

use std::net::IpAddr;

use super::flow::{Content, Detail, Flow, Step, TlsClient};
use crate::conversation::Side;

/// Bytes of a TLS client hello with its record header, padded as browsers do (RFC 7685).
pub(crate) const TLS_HELLO_BYTES: u64 = 517;
/// Bytes of the smallest HTTP response: its header.
pub(crate) const LEAST_HTTP_RESPONSE_BYTES: u64 = HTTP_RESPONSE.len() as u64;
/// Bytes of an OPT record (RFC 6891) of a question or answer.
const OPT_BYTES: u64 = 11;
/// Most bytes of a TLS record's payload.
const TLS_RECORD_BYTES: u64 = 16_384;
const HTTP_RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n";

/// Bytes of the question or the answer of a DNS flow.
pub(crate) fn dns_bytes(detail: &Detail, side: Side) -> u64 {
    let Detail::Dns { name, kind, answers, text_bytes, .. } = detail else { return 12 };
    let question = 12 + name.len() as u64 + 2 + 4 + OPT_BYTES;
    match side {
        Side::Client => question,
        Side::Server => question + u64::from(*answers) * (12 + answer_bytes(*kind, *text_bytes)),
    }
}

fn answer_bytes(kind: u16, text_bytes: u8) -> u64 {
    match kind {
        1 => 4,
        28 => 16,
        _ => 1 + u64::from(text_bytes),
    }
}

/// Bytes of the HTTP request of a flow.
pub(crate) fn http_request_bytes(detail: &Detail) -> u64 {
    let mut request = Vec::new();
    http_request(detail, &mut request);
    request.len() as u64
}

/// Appends `len` payload bytes of a step from `offset` on.
pub(crate) fn write(flow: &Flow, step: &Step, offset: u64, len: usize, out: &mut Vec<u8>) {
    let (start, end) = (out.len(), out.len() + len);
    if offset == 0 || is_message_each(step.content) {
        head(flow, step, out);
        out.truncate(end);
    }
    let written = out.len() - start;
    filler(flow.id ^ offset.rotate_left(17) ^ (step.side as u64) << 63, end - start - written, out);
    if step.content == Content::TlsData {
        tls_records(step, offset, &mut out[start..]);
    }
}

/// Whether every datagram of a train is a whole message.
fn is_message_each(content: Content) -> bool {
    matches!(content, Content::Rtp | Content::NtpMonlist | Content::Snmp | Content::Ntp | Content::DnsAnswer)
}

/// Appends what a message begins with.
fn head(flow: &Flow, step: &Step, out: &mut Vec<u8>) {
    match step.content {
        Content::Filler | Content::TlsData => {}
        Content::Text(text) => out.extend_from_slice(text.as_bytes()),
        Content::TlsHello => tls_hello(flow, out),
        Content::TlsServerHello => tls_server_hello(flow, out),
        // A long header with version 1 and an identifier of eight bytes (RFC 9000, section 17.2).
        Content::QuicHello => {
            out.extend_from_slice(&[0xc3, 0, 0, 0, 1, 8]);
            out.extend_from_slice(&flow.id.to_be_bytes());
        }
        Content::HttpRequest => http_request(&flow.detail, out),
        Content::HttpResponse => out.extend_from_slice(HTTP_RESPONSE),
        Content::DnsQuery => dns(flow, Side::Client, out),
        Content::DnsAnswer => dns(flow, Side::Server, out),
        Content::Ntp => {
            let mode = if step.side == Side::Client { 0x23 } else { 0x24 };
            out.extend_from_slice(&[mode, 2, 6, 0xec]);
        }
        // An answer of the private mode of NTP to the request 42 (list of clients).
        Content::NtpMonlist => out.extend_from_slice(&[0xd7, 0, 3, 42, 0, 6, 0, 72]),
        Content::Dhcp => dhcp(flow, step, out),
        // A sequence, version 2c, community "public".
        Content::Snmp => {
            out.extend_from_slice(&[0x30, step.bytes.saturating_sub(2).min(127) as u8, 2, 1, 1, 4, 6]);
            out.extend_from_slice(b"public");
            out.push(if step.side == Side::Client { 0xa0 } else { 0xa2 });
        }
        // A NetBIOS length, the protocol identifier of SMB 2 and the length of its header.
        Content::Smb => {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(&(step.bytes as u16).saturating_sub(4).to_be_bytes());
            out.extend_from_slice(&[0xfe, b'S', b'M', b'B', 64, 0]);
        }
        Content::Rtp => out.extend_from_slice(&[0x80, 96]),
    }
}

/// Puts TLS record headers where they fall in the stream of a message.
fn tls_records(step: &Step, offset: u64, bytes: &mut [u8]) {
    let record = TLS_RECORD_BYTES + 5;
    let mut start = offset / record * record;
    while start < offset + bytes.len() as u64 {
        let len = (step.bytes - start).min(record).saturating_sub(5) as u16;
        let [high, low] = len.to_be_bytes();
        for (at, byte) in (start..).zip([0x17, 3, 3, high, low]) {
            if let Some(slot) = at.checked_sub(offset).and_then(|at| bytes.get_mut(at as usize)) {
                *slot = byte;
            }
        }
        start += record;
    }
}

fn http_request(detail: &Detail, out: &mut Vec<u8>) {
    let Detail::Http { host, target, agent } = detail else { return };
    for part in
        ["GET ", target, " HTTP/1.1\r\nHost: ", host, "\r\nUser-Agent: ", agent, "\r\nAccept: */*\r\n\r\n"]
    {
        out.extend_from_slice(part.as_bytes());
    }
}

fn dns(flow: &Flow, side: Side, out: &mut Vec<u8>) {
    let Detail::Dns { name, kind, code, answers, address, text_bytes } = &flow.detail else { return };
    let count = if side == Side::Server { *answers } else { 0 };
    out.extend_from_slice(&(flow.id as u16).to_be_bytes());
    out.extend_from_slice(&match side {
        Side::Client => [0x01, 0x00],
        Side::Server => [0x81, 0x80 | (code & 15)],
    });
    for n in [1, u16::from(count), 0, 1] {
        out.extend_from_slice(&n.to_be_bytes());
    }
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&[0, 1]);
    for at in 0..count {
        // The name is that of the question; class IN, five minutes.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 1, 44]);
        out.extend_from_slice(&(answer_bytes(*kind, *text_bytes) as u16).to_be_bytes());
        match (kind, address) {
            (1, Some(IpAddr::V4(v4))) => {
                out.extend_from_slice(&(u32::from(*v4).wrapping_add(u32::from(at))).to_be_bytes());
            }
            (28, Some(IpAddr::V6(v6))) => {
                out.extend_from_slice(&(u128::from(*v6).wrapping_add(u128::from(at))).to_be_bytes());
            }
            (1 | 28, _) => out.extend_from_slice(&[0; 16][..answer_bytes(*kind, 0) as usize]),
            _ => {
                out.push(*text_bytes);
                let base = out.len();
                filler(flow.id ^ u64::from(at), usize::from(*text_bytes), out);
                // Text of an alphabet that survives name servers.
                out[base..].iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
            }
        }
    }
    // OPT: 1,232 bytes of UDP are welcome.
    out.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
}

/// A TLS 1.3 client hello with server name, ALPN, versions, groups, key share, signatures and padding.
fn tls_hello(flow: &Flow, out: &mut Vec<u8>) {
    let (name, client) = match &flow.detail {
        Detail::Tls { server_name, client } => (&**server_name, *client),
        _ => ("", TlsClient::Browser),
    };
    let mut body = vec![3, 3];
    filler(flow.id, 32, &mut body);
    body.push(32);
    filler(flow.id ^ 1, 32, &mut body);
    let ciphers: &[u16] = match client {
        TlsClient::Browser => {
            &[0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc013, 0xc014, 0x9c]
        }
        TlsClient::Thing => &[0x1301, 0xc02b, 0xc02f],
        TlsClient::Script => &[0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x9f, 0xcca9, 0xcca8, 0xccaa, 0xc02b],
    };
    body.extend_from_slice(&(ciphers.len() as u16 * 2).to_be_bytes());
    ciphers.iter().for_each(|cipher| body.extend_from_slice(&cipher.to_be_bytes()));
    body.extend_from_slice(&[1, 0]);
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, bytes: &[u8]| {
        extensions.extend_from_slice(&kind.to_be_bytes());
        extensions.extend_from_slice(&(bytes.len() as u16).to_be_bytes());
        extensions.extend_from_slice(bytes);
    };
    if !name.is_empty() {
        let len = name.len() as u16;
        let mut bytes = Vec::with_capacity(name.len() + 5);
        bytes.extend_from_slice(&(len + 3).to_be_bytes());
        bytes.push(0);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        extension(0, &bytes);
    }
    extension(10, &[0, 6, 0, 29, 0, 23, 0, 24]);
    match client {
        TlsClient::Browser => extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
        TlsClient::Script => extension(16, b"\x00\x09\x08http/1.1"),
        TlsClient::Thing => {}
    }
    extension(13, &[0, 8, 4, 3, 8, 4, 4, 1, 5, 3]);
    extension(43, &[4, 3, 4, 3, 3]);
    let mut share = vec![0, 36, 0, 29, 0, 32];
    filler(flow.id ^ 2, 32, &mut share);
    extension(51, &share);
    let without_padding = 9 + body.len() + 2 + extensions.len();
    if let Some(padding) = (TLS_HELLO_BYTES as usize).checked_sub(without_padding + 4) {
        extensions.extend_from_slice(&[0, 21]);
        extensions.extend_from_slice(&(padding as u16).to_be_bytes());
        extensions.resize(extensions.len() + padding, 0);
    }
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    out.extend_from_slice(&[0x16, 3, 1]);
    out.extend_from_slice(&(body.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(&body);
}

/// A TLS 1.3 server hello; what follows it in the message is encrypted.
fn tls_server_hello(flow: &Flow, out: &mut Vec<u8>) {
    let mut body = vec![3, 3];
    filler(flow.id ^ 3, 32, &mut body);
    body.push(32);
    filler(flow.id ^ 1, 32, &mut body);
    body.extend_from_slice(&[0x13, 1, 0, 0, 46, 0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32]);
    filler(flow.id ^ 4, 32, &mut body);
    out.extend_from_slice(&[0x16, 3, 3]);
    out.extend_from_slice(&(body.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(&[2, 0]);
    out.extend_from_slice(&(body.len() as u16).to_be_bytes());
    out.extend_from_slice(&body);
    // The rest of the message is one encrypted record per segment at most; its header is written as the first.
    out.extend_from_slice(&[0x17, 3, 3, 5, 0xb4]);
}

/// The fixed part of a DHCP message (RFC 2131) with its type.
fn dhcp(flow: &Flow, step: &Step, out: &mut Vec<u8>) {
    let is_request = step.side == Side::Client && flow.source_port == 68;
    let mac = flow.links[0][usize::from(!is_request)];
    out.extend_from_slice(&[if is_request { 1 } else { 2 }, 1, 6, 0]);
    out.extend_from_slice(&(flow.id as u32).to_be_bytes());
    out.extend_from_slice(&[0; 20]);
    out.extend_from_slice(&mac.to_be_bytes()[2..]);
    out.resize(out.len() + 10 + 64 + 128, 0);
    out.extend_from_slice(&[99, 130, 83, 99, 53, 1, if is_request { 3 } else { 5 }, 255]);
    // What is left of the message is padding.
    out.resize(out.len() + 64, 0);
}

/// Appends bytes without pattern (xorshift64*, Vigna 2016).
fn filler(seed: u64, len: usize, out: &mut Vec<u8>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    };
    let whole = len / 8;
    for _ in 0..whole {
        out.extend_from_slice(&next());
    }
    out.extend_from_slice(&next()[..len % 8]);
}
