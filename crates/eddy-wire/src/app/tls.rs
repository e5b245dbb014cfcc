//! The first message of TLS (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2; RFC 9147).

use std::fmt::Write as _;

use super::ja4;
use crate::cursor::Cursor;
use crate::limits::Limits;

/// Over what a hello came; the first letter of JA4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloTransport {
    /// TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// UDP (DTLS).
    Datagram,
}

/// What a TLS client offers, in the order in which it does.
///
/// Lists longer than [`Limits::tls_items`] are cut, and a hello that goes on in the next packet is given as far as it goes:
/// [`ClientHello::is_complete`] tells, and a fingerprint of one that is not complete means little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Over what it came.
    pub transport: HelloTransport,
    /// The version of the record and of the hello: 0x0303 is TLS 1.2.
    pub legacy_version: u16,
    /// The versions offered by the extension, if there is one.
    pub supported_versions: Vec<u16>,
    /// The cipher suites.
    pub cipher_suites: Vec<u16>,
    /// The extensions, by number.
    pub extensions: Vec<u16>,
    /// The signature algorithms.
    pub signature_algorithms: Vec<u16>,
    /// The name of the server that is wanted.
    pub server_name: Option<&'a [u8]>,
    /// The protocols over TLS that are offered.
    pub alpn: Vec<&'a [u8]>,
    /// Whether all of it was there.
    pub is_complete: bool,
}

/// GREASE (RFC 8701): numbers that stand for nothing.
pub(super) fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
}

/// Numbers of two bytes, at most `most` of them.
fn numbers(bytes: &[u8], most: u16) -> Vec<u16> {
    let pairs = bytes.chunks_exact(2).take(usize::from(most));
    pairs.filter_map(|pair| pair.first_chunk().map(|pair| u16::from_be_bytes(*pair))).collect()
}

impl<'a> ClientHello<'a> {
    /// Reads the payload of the first segment of a TCP connection.
    pub fn parse(payload: &'a [u8], limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let [22, 3, _] = cursor.array()? else { return None };
        let len = usize::from(cursor.u16()?);
        Self::from_handshake(cursor.take_most(len), HelloTransport::Tcp, limits)
    }

    /// Reads the payload of a datagram of DTLS; a hello in several fragments is read as far as the first goes.
    pub fn parse_datagram(payload: &'a [u8], limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let [22, 0xfe, _] = cursor.array()? else { return None };
        cursor.skip(8)?;
        let len = usize::from(cursor.u16()?);
        let mut cursor = Cursor::new(cursor.take_most(len));
        if cursor.u8()? != 1 {
            return None;
        }
        let whole = usize::try_from(cursor.u24()?).ok()?;
        // Its number, and where the fragment begins: only the first is read.
        cursor.skip(2)?;
        if cursor.u24()? != 0 {
            return None;
        }
        cursor.skip(3)?;
        Self::body(cursor.take_most(whole), whole, HelloTransport::Datagram, limits)
    }

    /// Reads a handshake message, such as QUIC carries without records.
    pub fn from_handshake(bytes: &'a [u8], transport: HelloTransport, limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        if cursor.u8()? != 1 {
            return None;
        }
        let len = usize::try_from(cursor.u24()?).ok()?;
        Self::body(cursor.take_most(len), len, transport, limits)
    }

    fn body(body: &'a [u8], len: usize, transport: HelloTransport, limits: &Limits) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let legacy_version = cursor.u16()?;
        if !matches!(legacy_version >> 8, 3 | 0xfe) {
            return None;
        }
        cursor.skip(32)?;
        if cursor.block8()?.len() > 32 {
            return None;
        }
        if transport == HelloTransport::Datagram {
            cursor.block8()?;
        }
        let most = limits.tls_items;
        let suites = usize::from(cursor.u16()?);
        let mut hello = Self {
            transport,
            legacy_version,
            supported_versions: Vec::new(),
            cipher_suites: numbers(cursor.take_most(suites), most),
            extensions: Vec::new(),
            signature_algorithms: Vec::new(),
            server_name: None,
            alpn: Vec::new(),
            is_complete: body.len() == len,
        };
        if cursor.block8().is_some()
            && let Some(len) = cursor.u16()
        {
            hello.read_extensions(cursor.take_most(usize::from(len)), most);
        }
        Some(hello)
    }

    fn read_extensions(&mut self, bytes: &'a [u8], most: u16) {
        let mut cursor = Cursor::new(bytes);
        for _ in 0..most {
            let (Some(kind), Some(len)) = (cursor.u16(), cursor.u16()) else { return };
            self.extensions.push(kind);
            let Some(value) = cursor.take(usize::from(len)) else { return };
            let _ = self.extension(kind, value, most);
        }
    }

    fn extension(&mut self, kind: u16, value: &'a [u8], most: u16) -> Option<()> {
        let mut value = Cursor::new(value);
        match kind {
            0 => {
                let mut list = Cursor::new(value.block16()?);
                if list.u8()? == 0 {
                    self.server_name = Some(list.block16()?);
                }
            }
            13 => self.signature_algorithms = numbers(value.block16()?, most),
            16 => {
                let mut list = Cursor::new(value.block16()?);
                for _ in 0..most {
                    let Some(name) = list.block8() else { break };
                    self.alpn.push(name);
                }
            }
            43 => self.supported_versions = numbers(value.block8()?, most),
            _ => {}
        }
        Some(())
    }

    /// The newest version offered.
    pub fn version(&self) -> u16 {
        let real = self.supported_versions.iter().copied().filter(|version| !is_grease(*version));
        // Versions of DTLS count downwards.
        let newest = if self.transport == HelloTransport::Datagram { real.min() } else { real.max() };
        newest.unwrap_or(self.legacy_version)
    }

    /// The name of the server as text, if it is UTF-8.
    pub fn server_name_text(&self) -> Option<&'a str> {
        self.server_name.and_then(|name| std::str::from_utf8(name).ok())
    }

    /// The JA4 fingerprint of the client (FoxIO, "JA4: TLS Client Fingerprinting", 2023): what it offers, in an order
    /// that does not depend on the order in which it does.
    pub fn ja4(&self) -> String {
        ja4::fingerprint(self)
    }

    /// The lists that the two hashes of JA4 are made of, in clear.
    pub fn ja4_raw(&self) -> String {
        let (ciphers, extensions) = ja4::lists(self);
        let mut raw = ja4::head(self);
        let _ = write!(raw, "_{ciphers}_{extensions}");
        raw
    }
}
