//! Bytes to UTF-8 text.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, UTF_16BE, UTF_16LE};

/// How characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8 (or ASCII, or a one-byte encoding that is dealt with cell by cell), no byte order mark.
    Utf8,
    /// UTF-8 after a byte order mark.
    Utf8Bom,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

impl Encoding {
    /// Finds the encoding from the first bytes: a byte order mark, or every second byte being zero.
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0xef, 0xbb, 0xbf, ..] => Self::Utf8Bom,
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ => {
                let pairs = head.chunks_exact(2).take(512);
                let n_pairs = pairs.len();
                let (mut low_first, mut high_first) = (0_usize, 0_usize);
                for pair in pairs {
                    match pair {
                        [a, 0] if *a != 0 => low_first += 1,
                        [0, b] if *b != 0 => high_first += 1,
                        _ => {}
                    }
                }
                // Text of mostly Latin letters has a zero in nearly every pair; no other text has any.
                if n_pairs >= 2 && low_first * 10 >= n_pairs * 9 {
                    Self::Utf16Le
                } else if n_pairs >= 2 && high_first * 10 >= n_pairs * 9 {
                    Self::Utf16Be
                } else {
                    Self::Utf8
                }
            }
        }
    }

    /// The name shown to people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Bom => "UTF-8 with BOM",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
        }
    }
}

/// A reader of UTF-8 text over a reader of encoded text.
pub(crate) struct Transcoder<R> {
    input: R,
    /// Set for UTF-16.
    decoder: Option<Decoder>,
    /// Bytes of a byte order mark still to be dropped (UTF-8 only; the UTF-16 decoders drop their own).
    skip: usize,
    encoded: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Transcoder<R> {
    /// Reads `input`, which is in `encoding`.
    pub(crate) fn new(input: R, encoding: Encoding) -> Self {
        let decoder = match encoding {
            Encoding::Utf16Le => Some(UTF_16LE.new_decoder_with_bom_removal()),
            Encoding::Utf16Be => Some(UTF_16BE.new_decoder_with_bom_removal()),
            Encoding::Utf8 | Encoding::Utf8Bom => None,
        };
        let skip = if encoding == Encoding::Utf8Bom { 3 } else { 0 };
        Self { input, decoder, skip, encoded: Vec::new(), text: Vec::new(), given: 0, ended: false }
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.skip > 0 {
            let mut mark = [0_u8; 3];
            let n = self.input.read(mark.get_mut(..self.skip).unwrap_or_default())?;
            if n == 0 {
                return Ok(0);
            }
            self.skip -= n;
        }
        let Some(decoder) = &mut self.decoder else { return self.input.read(buf) };
        while self.given == self.text.len() && !self.ended {
            self.encoded.resize(1 << 16, 0);
            let n = loop {
                match self.input.read(&mut self.encoded) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result?,
                }
            };
            self.ended = n == 0;
            let mut source = self.encoded.get(..n).unwrap_or_default();
            self.text.clear();
            self.given = 0;
            let mut room = String::with_capacity(1 << 17);
            loop {
                let (result, read, _) = decoder.decode_to_string(source, &mut room, self.ended);
                source = source.get(read..).unwrap_or_default();
                match result {
                    CoderResult::InputEmpty => break,
                    CoderResult::OutputFull => room.reserve(1 << 16),
                }
            }
            self.text.extend_from_slice(room.as_bytes());
        }
        let rest = self.text.get(self.given..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        for (to, from) in buf.iter_mut().zip(rest) {
            *to = *from;
        }
        self.given += n;
        Ok(n)
    }
}

/// A cell's bytes as text; bytes that are no UTF-8 are read as Windows-1252, so that nothing is lost. The flag says
/// whether that was needed.
pub(crate) fn decode(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.into(), false),
        Err(_) => (encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0, true),
    }
}
