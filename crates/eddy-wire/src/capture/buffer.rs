//! The one buffer that frames are slices of.

use std::io::{self, ErrorKind, Read};

/// Bytes that the buffer begins with; it doubles only while it is full of bytes that were really there.
const FIRST: usize = 256 * 1024;

pub(super) struct Buffer<R> {
    reader: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Where in the file `start` is.
    offset: u64,
    at_end: bool,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, bytes: vec![0; FIRST], start: 0, end: 0, offset: 0, at_end: false }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// What is there and was not consumed.
    #[inline]
    pub(super) fn window(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until `n` bytes are there; false where the input ends before.
    #[inline]
    pub(super) fn fill(&mut self, n: usize) -> io::Result<bool> {
        if self.end.saturating_sub(self.start) >= n { Ok(true) } else { self.read_more(n) }
    }

    #[cold]
    fn read_more(&mut self, n: usize) -> io::Result<bool> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end = self.end.saturating_sub(self.start);
        self.start = 0;
        while self.end < n && !self.at_end {
            if self.end == self.bytes.len() {
                self.bytes.resize(self.bytes.len().saturating_mul(2), 0);
            }
            match self.reader.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => self.at_end = true,
                Ok(read) => self.end = self.end.saturating_add(read).min(self.bytes.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.end >= n)
    }

    /// Passes over `n` bytes that are there; where they begin in the buffer.
    #[inline]
    pub(super) fn consume(&mut self, n: usize) -> usize {
        let start = self.start;
        self.start = start.saturating_add(n).min(self.end);
        self.offset = self.offset.saturating_add(n as u64);
        start
    }

    /// Passes over `n` bytes whether they are there yet or not; false where the input ends before.
    pub(super) fn skip(&mut self, mut n: usize) -> io::Result<bool> {
        while n > 0 {
            if !self.fill(1)? {
                return Ok(false);
            }
            let some = n.min(self.window().len());
            self.consume(some);
            n = n.saturating_sub(some);
        }
        Ok(true)
    }

    /// Bytes that were consumed and not yet read over.
    #[inline]
    pub(super) fn slice(&self, start: usize, len: usize) -> &[u8] {
        self.bytes.get(start..start.saturating_add(len)).unwrap_or_default()
    }
}
