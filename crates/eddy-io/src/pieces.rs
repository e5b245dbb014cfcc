//! Text cut into blocks of whole records: lines, or JSON values one after the other.

use std::io::Read;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr};

use crate::ReadError;
use crate::csv::blocks::{BLOCK_BYTES, MAX_RECORD};
use crate::json::scan::{Extent, extent};
use crate::place::Place;

/// Where records end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// At line ends.
    Lines,
    /// JSON values one after the other.
    Values,
    /// JSON values in one array or several.
    Array,
    /// JSON values in an array that is a member of an object; whatever follows the array is passed over.
    Member,
}

/// One record, or a stretch that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it stands in the block.
    pub range: Range<usize>,
    /// Why it cannot be a record.
    pub fault: Option<&'static str>,
}

/// Bytes of whole records.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// The records, when they are no lines.
    pieces: Option<Vec<Piece>>,
}

impl Block {
    /// Hands out the records, each with the number of line ends before it in the block. Blank lines are passed over.
    /// Gives the number of line ends in the block.
    pub(crate) fn each<'a>(&'a self, mut take: impl FnMut(u64, &'a [u8], Option<&'static str>)) -> u64 {
        let (mut line, mut from) = (0_u64, 0_usize);
        match &self.pieces {
            None => {
                for end in memchr_iter(b'\n', &self.bytes).chain([self.bytes.len()]) {
                    let record = self.bytes.get(from..end).unwrap_or_default().trim_ascii();
                    if !record.is_empty() {
                        take(line, record, None);
                    }
                    from = end + 1;
                    line += u64::from(end < self.bytes.len());
                }
                line
            }
            Some(pieces) => {
                for piece in pieces {
                    line += count_lines(self.bytes.get(from..piece.range.start));
                    from = piece.range.start;
                    take(line, self.bytes.get(piece.range.clone()).unwrap_or_default(), piece.fault);
                }
                line + count_lines(self.bytes.get(from..))
            }
        }
    }

    /// Keeps the first `n_records`.
    pub(crate) fn truncate(&mut self, n_records: usize) {
        if let Some(pieces) = &mut self.pieces {
            pieces.truncate(n_records);
        } else {
            let end = memchr_iter(b'\n', &self.bytes).nth(n_records.saturating_sub(1));
            self.bytes.truncate(end.map_or(self.bytes.len(), |end| end + 1));
        }
    }

    /// The whole lines of a stretch from the middle of a file.
    pub(crate) fn lines_within(bytes: &[u8]) -> Option<Self> {
        let start = memchr(b'\n', bytes)? + 1;
        let end = memrchr(b'\n', bytes)?;
        Some(Self { bytes: bytes.get(start..end)?.to_vec(), pieces: None })
    }
}

fn count_lines(bytes: Option<&[u8]>) -> u64 {
    memchr_iter(b'\n', bytes.unwrap_or_default()).count() as u64
}

/// Reads blocks.
pub(crate) struct Pieces {
    place: Place,
    reader: Box<dyn Read + Send>,
    cut: Cut,
    /// Most records in a block.
    most_records: usize,
    carry: Vec<u8>,
    /// The input has ended.
    ended: bool,
    /// The array has ended.
    pub closed: bool,
    /// Bytes of text taken so far, from the first byte of the input.
    pub bytes_read: u64,
}

impl Pieces {
    /// Blocks of at most `most_records` records of the text of `place` after its first `skip` bytes.
    pub(crate) fn open(place: &Place, cut: Cut, skip: u64, most_records: usize) -> Result<Self, ReadError> {
        let mut reader = place.text()?;
        std::io::copy(&mut (&mut reader).take(skip), &mut std::io::sink())
            .map_err(|source| place.error(source))?;
        let place = place.clone();
        Ok(Self {
            place,
            reader,
            cut,
            most_records,
            carry: Vec::new(),
            ended: false,
            closed: false,
            bytes_read: skip,
        })
    }

    /// The next block, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, ReadError> {
        if self.closed && self.cut == Cut::Member {
            return Ok(None);
        }
        let mut bytes = std::mem::take(&mut self.carry);
        let mut wanted = BLOCK_BYTES;
        loop {
            let missing = wanted.saturating_sub(bytes.len());
            let n = (&mut self.reader)
                .take(missing as u64)
                .read_to_end(&mut bytes)
                .map_err(|source| self.place.error(source))?;
            self.ended = n < missing;
            if self.ended && bytes.is_empty() {
                return Ok(None);
            }
            let (mut pieces, mut end) = match self.cut {
                Cut::Lines if self.ended => (None, bytes.len()),
                Cut::Lines => (None, memrchr(b'\n', &bytes).map_or(0, |at| at + 1)),
                _ => {
                    let (pieces, end) = self.values(&bytes);
                    (Some(pieces), end)
                }
            };
            if let Some(earlier) = self.end_of_most(&bytes, pieces.as_mut()) {
                end = end.min(earlier);
            }
            if end > 0 || self.ended {
                if !(self.closed && self.cut == Cut::Member) {
                    self.carry = bytes.get(end..).unwrap_or_default().to_vec();
                }
                bytes.truncate(end);
                self.bytes_read += bytes.len() as u64;
                return Ok(Some(Block { bytes, pieces }));
            }
            if bytes.len() >= MAX_RECORD {
                return Err(ReadError::Malformed {
                    path: self.place.name().to_string(),
                    place: format!("byte {}", self.bytes_read),
                    what: format!("one record is longer than {} MiB", MAX_RECORD >> 20),
                    mend:
                        "a bracket or a line end is missing, or this is no table; write one object per record"
                            .to_owned(),
                });
            }
            wanted += BLOCK_BYTES;
        }
    }

    /// Where the last record ends that may be in a block, when there are more of them. What follows is left for the next
    /// block, also whether the array has ended.
    fn end_of_most(&mut self, bytes: &[u8], pieces: Option<&mut Vec<Piece>>) -> Option<usize> {
        match pieces {
            None => memchr_iter(b'\n', bytes).nth(self.most_records - 1).map(|at| at + 1),
            Some(pieces) if pieces.len() > self.most_records => {
                pieces.truncate(self.most_records);
                self.closed = false;
                pieces.last().map(|piece| piece.range.end)
            }
            Some(_) => None,
        }
    }

    /// The JSON values of a block, and where the last whole one ends.
    fn values(&mut self, bytes: &[u8]) -> (Vec<Piece>, usize) {
        let mut pieces = Vec::new();
        let mut pos = 0;
        loop {
            while let Some(byte) = bytes.get(pos) {
                match (byte, self.cut) {
                    (b' ' | b'\n' | b'\r' | b'\t' | b',', _) => {}
                    (b'[', Cut::Array) => self.closed = false,
                    (b']', Cut::Array) => self.closed = true,
                    (b']', Cut::Member) => {
                        self.closed = true;
                        return (pieces, bytes.len());
                    }
                    _ => break,
                }
                pos += 1;
            }
            if pos == bytes.len() {
                return (pieces, pos);
            }
            let fault = match extent(bytes, pos) {
                Extent::To(end) if end < bytes.len() || self.ended => {
                    pieces.push(Piece { range: pos..end, fault: None });
                    pos = end;
                    continue;
                }
                Extent::To(_) | Extent::Open if !self.ended => return (pieces, pos),
                Extent::To(_) | Extent::Open => "the input ends inside it",
                Extent::Broken => "brackets or quotes do not match",
            };
            // What follows is told from the broken record only where it begins on a line of its own.
            let next = next_object_line(bytes, pos);
            if next.is_none() && !self.ended {
                return (pieces, pos);
            }
            let end = next.unwrap_or(bytes.len());
            pieces.push(Piece { range: pos..end, fault: Some(fault) });
            pos = end;
        }
    }
}

/// Where the next line begins that starts with an object.
fn next_object_line(bytes: &[u8], from: usize) -> Option<usize> {
    memchr_iter(b'\n', bytes.get(from..)?).find_map(|line| {
        let start = from + line + 1;
        let blanks =
            bytes.get(start..)?.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',' | b'\r')).count();
        (bytes.get(start + blanks) == Some(&b'{')).then_some(start + blanks)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cut: Cut, expect: &[(u64, &str, bool)]) {
        let place = Place::memory("test", text.as_bytes().to_vec()).unwrap();
        let expect: Vec<_> =
            expect.iter().map(|(line, text, fault)| (*line, (*text).to_owned(), *fault)).collect();
        for most_records in [usize::MAX, 1, 2] {
            let mut pieces = Pieces::open(&place, cut, 0, most_records).unwrap();
            let (mut got, mut first_line) = (Vec::new(), 0);
            while let Some(block) = pieces.next().unwrap() {
                let before = got.len();
                first_line += block.each(|line, record, fault| {
                    let record = String::from_utf8(record.to_vec()).unwrap();
                    got.push((first_line + line, record, fault.is_some()));
                });
                assert!(got.len() - before <= most_records, "{text}");
            }
            assert_eq!(got, expect, "{text} by {most_records}");
        }
    }

    #[test]
    fn records_are_lines_or_values() {
        check("a\n\n b \r\nc", Cut::Lines, &[(0, "a", false), (2, "b", false), (3, "c", false)]);
        check(
            "[{\"a\":1},\n{\"b\":[2]} ]\n",
            Cut::Array,
            &[(0, "{\"a\":1}", false), (1, "{\"b\":[2]}", false)],
        );
        check("[{\"a\":\"]}\"}][{}]", Cut::Array, &[(0, "{\"a\":\"]}\"}", false), (0, "{}", false)]);
        check("{\"a\":1}], \"x\": [{}]}", Cut::Member, &[(0, "{\"a\":1}", false)]);
        check(
            "{\n}\n{}{} 5",
            Cut::Values,
            &[(0, "{\n}", false), (2, "{}", false), (2, "{}", false), (2, "5", false)],
        );
    }

    #[test]
    fn a_broken_value_costs_no_more_than_its_lines() {
        check(
            "[\n{\"a\":[1},\n{\"b\":2},\n{\"c\":",
            Cut::Array,
            &[(1, "{\"a\":[1},\n", true), (2, "{\"b\":2}", false), (3, "{\"c\":", true)],
        );
        check("[{\"a\":1},{\"b", Cut::Array, &[(0, "{\"a\":1}", false), (0, "{\"b", true)]);
    }
}
