//! A stream cut into blocks of whole records.

use std::io::Read;

use memchr::{memchr, memmem, memrchr};

use super::parse::Layout;
use super::record::{End, Marks, QUOTE, Walker};
use crate::ReadError;
use crate::place::Place;

/// Bytes of one block. Fixed, so that frames are cut at the same rows on any machine.
pub(crate) const BLOCK_BYTES: usize = 4 << 20;
/// A record longer than this is no record.
pub(crate) const MAX_RECORD: usize = 64 << 20;

/// Gives blocks that end where a record ends; the last one gets a newline if it has none.
pub(crate) struct Blocks {
    place: Place,
    reader: Box<dyn Read + Send>,
    marks: Marks,
    n_cols: usize,
    /// Three blanks stand for a delimiter (labelled Zeek logs of IoT-23).
    wide_blanks: bool,
    carry: Vec<u8>,
    spare: Vec<Vec<u8>>,
    ended: bool,
    /// Bytes of text given so far, from the first byte of the input.
    pub bytes_read: u64,
}

impl Blocks {
    /// Blocks of the text of `place` after its first `skip` bytes.
    pub(crate) fn open(
        place: &Place,
        layout: &Layout,
        wide_blanks: bool,
        skip: u64,
    ) -> Result<Self, ReadError> {
        let mut reader = place.text()?;
        std::io::copy(&mut (&mut reader).take(skip), &mut std::io::sink())
            .map_err(|source| place.error(source))?;
        Ok(Self {
            place: place.clone(),
            reader,
            marks: layout.marks,
            n_cols: layout.n_cols,
            wide_blanks,
            carry: Vec::new(),
            spare: Vec::new(),
            ended: false,
            bytes_read: skip,
        })
    }

    /// Takes a block back, so that its memory serves again.
    pub(crate) fn give_back(&mut self, mut block: Vec<u8>) {
        if block.capacity() <= 2 * BLOCK_BYTES {
            block.clear();
            self.spare.push(block);
        }
    }

    /// The next block, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut block =
            self.spare.pop().unwrap_or_else(|| Vec::with_capacity(BLOCK_BYTES + (BLOCK_BYTES >> 3)));
        block.append(&mut self.carry);
        let mut wanted = BLOCK_BYTES;
        loop {
            self.fill(&mut block, wanted)?;
            if self.ended {
                if block.is_empty() {
                    return Ok(None);
                }
                if block.last() != Some(&self.marks.newline) {
                    block.push(self.marks.newline);
                }
                break;
            }
            let cut = last_record_end(&block, self.marks, self.n_cols);
            if cut > 0 {
                self.carry.extend_from_slice(block.get(cut..).unwrap_or_default());
                block.truncate(cut);
                break;
            }
            if block.len() >= MAX_RECORD {
                return Err(ReadError::Malformed {
                    path: self.place.name().to_string(),
                    place: format!("byte {}", self.bytes_read),
                    what: format!("a line of more than {} MiB", MAX_RECORD >> 20),
                    mend: "this is hardly a table of lines; convert it to CSV, NDJSON or Parquet".to_owned(),
                });
            }
            wanted += BLOCK_BYTES;
        }
        self.bytes_read += block.len() as u64;
        Ok(Some(if self.wide_blanks { split_wide_blanks(&block, self.marks.delimiter) } else { block }))
    }

    fn fill(&mut self, block: &mut Vec<u8>, wanted: usize) -> Result<(), ReadError> {
        let missing = wanted.saturating_sub(block.len());
        let mut part = (&mut self.reader).take(missing as u64);
        let n = part.read_to_end(block).map_err(|source| self.place.error(source))?;
        self.ended = n < missing;
        Ok(())
    }
}

/// Where the last whole record of a block ends; 0 when there is none.
fn last_record_end(block: &[u8], marks: Marks, n_cols: usize) -> usize {
    if memchr(QUOTE, block).is_none() {
        return memrchr(marks.newline, block).map_or(0, |at| at + 1);
    }
    let mut walker = Walker::new(marks, n_cols);
    let mut pos = 0;
    while pos < block.len() {
        let rest = block.get(pos..).unwrap_or_default();
        let Some(line) = memchr(marks.newline, rest) else { break };
        // A line without quotes is a record: most lines are.
        if memchr(QUOTE, rest.get(..line).unwrap_or_default()).is_none() {
            pos += line + 1;
            continue;
        }
        match walker.record(block, pos, |_| {}) {
            End::At(end) | End::Broken(end) => pos = end,
            End::Open => break,
        }
    }
    pos
}

/// Replaces runs of three blanks by the delimiter.
pub(crate) fn split_wide_blanks(block: &[u8], delimiter: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(block.len());
    let mut from = 0;
    for at in memmem::find_iter(block, b"   ") {
        out.extend_from_slice(block.get(from..at).unwrap_or_default());
        out.push(delimiter);
        from = at + 3;
    }
    out.extend_from_slice(block.get(from..).unwrap_or_default());
    out
}
