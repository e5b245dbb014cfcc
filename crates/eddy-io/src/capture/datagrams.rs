//! Files of bare datagrams of NetFlow v5, v9 or IPFIX, one after another.

use std::io::Read;
use std::net::Ipv4Addr;

use eddy_wire::Limits;

use super::exports::Exports;
use super::row::Row;
use super::{Bytes, Queue, SORTED_AT_A_TIME, batch, table};
use crate::names::note;
use crate::place::Place;
use crate::raw::{RawBatch, RawSource, RawTable, SAMPLE_ROWS, Target};
use crate::{Note, ReadError, ReadOptions, ReadStats};

/// Bytes that are held at a time; no message is longer than 64 KiB.
const WINDOW: usize = 1 << 18;
/// Bytes that a message may have.
const MESSAGE: usize = 1 << 16;
/// Seconds since the epoch of the years that clocks of exporters may show: 1990 to 2100.
const YEARS: std::ops::Range<u32> = 631_152_000..4_102_444_800;

/// Whether bytes begin a file of datagrams.
pub(crate) fn is(head: &[u8]) -> bool {
    let word = |at: usize| -> Option<u16> { head.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes) };
    let seconds = |at: usize| -> bool {
        let bytes: Option<[u8; 4]> = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.is_some_and(|bytes| YEARS.contains(&u32::from_be_bytes(bytes)))
    };
    let (Some(version), Some(second)) = (word(0), word(2)) else { return false };
    match version {
        5 => {
            let next = 24 + 48 * usize::from(second);
            (1..=30).contains(&second)
                && seconds(8)
                && head.len() >= 24
                && word(next).is_none_or(|version| version == 5)
        }
        9 => {
            let is_set = matches!(word(20), Some(0 | 1 | 256..)) && word(22).is_some_and(|len| len >= 4);
            second > 0 && seconds(8) && is_set
        }
        10 => {
            let fits = word(18).is_some_and(|len| len >= 4 && len <= second.saturating_sub(16));
            second >= 20 && seconds(4) && matches!(word(16), Some(2 | 3 | 256..)) && fits
        }
        _ => false,
    }
}

/// Opens a file of datagrams.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let format = match place.head(2)?.as_slice() {
        [_, 5] => "NetFlow v5 datagrams",
        [_, 9] => "NetFlow v9 datagrams",
        _ => "IPFIX messages",
    };
    let mut reader = Reader::new(place.bytes()?, options);
    let mut rows = Vec::new();
    while rows.len() < SAMPLE_ROWS && reader.read < 1 << 20 && reader.next(place, &mut rows)? {}
    reader.exports.finish(&mut rows);
    rows.truncate(SAMPLE_ROWS);
    Ok(Box::new(Datagrams {
        table: table(format, place, &rows),
        place: place.clone(),
        options: options.clone(),
        reader: None,
        flows: Queue::new(options, SORTED_AT_A_TIME),
        ended: false,
    }))
}

/// Reads messages one after another.
struct Reader {
    bytes: Bytes,
    window: Vec<u8>,
    at: usize,
    is_end: bool,
    exports: Exports,
    limits: Limits,
    /// Bytes that were read as messages.
    read: u64,
    fault: Option<String>,
}

impl Reader {
    fn new(bytes: Bytes, options: &ReadOptions) -> Self {
        let limits = Limits::default();
        let exports = Exports::new(options.max_flow_memory / 16, &limits);
        Self { bytes, window: Vec::new(), at: 0, is_end: false, exports, limits, read: 0, fault: None }
    }

    /// Reads the next message; whether there was one.
    fn next(&mut self, place: &Place, rows: &mut Vec<Row>) -> Result<bool, ReadError> {
        if !self.is_end && self.window.len() - self.at < MESSAGE {
            self.window.drain(..self.at);
            self.at = 0;
            let most = (WINDOW - self.window.len()) as u64;
            let n = self.bytes.by_ref().take(most).read_to_end(&mut self.window);
            self.is_end = (n.map_err(|error| place.error(error))? as u64) < most;
        }
        let rest = self.window.get(self.at..).unwrap_or_default();
        if rest.is_empty() || self.fault.is_some() {
            return Ok(false);
        }
        let exporter = Ipv4Addr::UNSPECIFIED.into();
        match self.exports.collect(exporter, None, rest, &self.limits, rows) {
            Ok(outcome) if outcome.consumed > 0 => {
                let consumed = outcome.consumed.min(rest.len());
                self.at += consumed;
                self.read += consumed as u64;
                return Ok(true);
            }
            Ok(_) => self.fault = Some("the message is empty".to_owned()),
            Err(error) => self.fault = Some(error.to_string()),
        }
        Ok(false)
    }
}

/// The flows of a file of datagrams.
struct Datagrams {
    table: RawTable,
    place: Place,
    options: ReadOptions,
    reader: Option<Reader>,
    flows: Queue,
    ended: bool,
}

impl RawSource for Datagrams {
    fn table(&self) -> &RawTable {
        &self.table
    }

    fn next_batch(&mut self, _targets: &[Target]) -> Result<Option<RawBatch>, ReadError> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::new(self.place.bytes()?, &self.options),
        };
        while !self.ended && !self.flows.is_full() {
            if !reader.next(&self.place, &mut self.flows.rows)? {
                reader.exports.finish(&mut self.flows.rows);
                self.ended = true;
            }
        }
        self.reader = Some(reader);
        let rows = self.flows.next(self.ended);
        Ok((!rows.is_empty()).then(|| batch(&rows)))
    }

    fn stats(&self) -> ReadStats {
        let bytes_read = self.reader.as_ref().map_or(0, |reader| reader.read);
        ReadStats { bytes_read, ..ReadStats::default() }
    }

    fn doubts(&self) -> Vec<Note> {
        let Some(reader) = &self.reader else { return Vec::new() };
        let mut notes = reader.exports.notes();
        if let Some(fault) = &reader.fault {
            notes.push(note(format!("byte {}: {fault}; nothing after it was read", reader.read)));
        }
        notes
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.reader = None;
        self.flows = Queue::new(&self.options, SORTED_AT_A_TIME);
        self.ended = false;
        Ok(())
    }
}
