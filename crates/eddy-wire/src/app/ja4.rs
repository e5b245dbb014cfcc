//! The JA4 fingerprint of a TLS client, after FoxIO's public specification (technical_details/JA4.md).

use sha2::{Digest, Sha256};

use super::tls::{ClientHello, HelloTransport, is_grease};

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// The readable first part: transport, version, server name or address, counts, first protocol.
pub(super) fn head(hello: &ClientHello<'_>) -> String {
    let transport = match hello.transport {
        HelloTransport::Tcp => 't',
        HelloTransport::Quic => 'q',
        HelloTransport::Datagram => 'd',
    };
    let version = match hello.version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    };
    let name = if hello.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let count = |numbers: &[u16]| numbers.iter().filter(|number| !is_grease(**number)).count().min(99);
    let (n_ciphers, n_extensions) = (count(&hello.cipher_suites), count(&hello.extensions));
    let (first, last) = protocol_ends(hello.alpn.first().copied().unwrap_or_default());
    format!("{transport}{version}{name}{n_ciphers:02}{n_extensions:02}{first}{last}")
}

/// First and last character of a protocol's name, or of its bytes in hexadecimal where they are no letters or digits.
fn protocol_ends(name: &[u8]) -> (char, char) {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return ('0', '0') };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return (char::from(*first), char::from(*last));
    }
    (digit(first >> 4), digit(*last))
}

/// Numbers of four hexadecimal digits, between commas.
fn listed(numbers: impl Iterator<Item = u16>) -> String {
    let mut text = String::with_capacity(128);
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        let [high, low] = number.to_be_bytes();
        for nibble in [high >> 4, high, low >> 4, low] {
            text.push(digit(nibble));
        }
    }
    text
}

/// A digit of the lower four bits.
fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble & 0x0f), 16).unwrap_or('0')
}

/// The sorted cipher suites; the sorted extensions without name and protocols, with the signature algorithms as offered.
pub(super) fn lists(hello: &ClientHello<'_>) -> (String, String) {
    let sorted = |numbers: &[u16], without: &[u16]| {
        let mut kept: Vec<u16> =
            numbers.iter().copied().filter(|n| !is_grease(*n) && !without.contains(n)).collect();
        kept.sort_unstable();
        listed(kept.into_iter())
    };
    let ciphers = sorted(&hello.cipher_suites, &[]);
    let mut extensions = sorted(&hello.extensions, &[SERVER_NAME, ALPN]);
    let algorithms = listed(hello.signature_algorithms.iter().copied().filter(|n| !is_grease(*n)));
    if !algorithms.is_empty() {
        extensions.push('_');
        extensions.push_str(&algorithms);
    }
    (ciphers, extensions)
}

/// The first 12 hexadecimal digits of SHA-256, or zeros for nothing.
fn hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut digits = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(6) {
        digits.push(digit(byte >> 4));
        digits.push(digit(*byte));
    }
    digits
}

pub(super) fn fingerprint(hello: &ClientHello<'_>) -> String {
    let (ciphers, extensions) = lists(hello);
    format!("{}_{}_{}", head(hello), hash(&ciphers), hash(&extensions))
}
