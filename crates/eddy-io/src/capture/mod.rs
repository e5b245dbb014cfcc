//! Captures of packets (pcap, pcapng) and files of bare export datagrams (NetFlow, IPFIX) as tables of flows.
//!
//! Packets are put into flows by `eddy-flow` while they are read, in bounded memory; a row is one flow, of both
//! directions, in the columns that all sources of flows share (names of IPFIX elements). What the first packets of a flow
//! say of its application is read along (`details.rs`), and flow records that a capture holds become rows too
//! (`exports.rs`).
//!
//! Every packet is counted: in a flow, or as set aside with a reason.

mod arp;
mod assembler;
mod datagrams;
mod details;
mod exports;
mod features;
#[cfg(test)]
mod parity;
mod per_packet;
mod row;
mod signs;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use eddy_flow::features::Feature;
use eddy_frame::Lines;
use eddy_wire::{CaptureError, CaptureFormat, CaptureReader, Limits};

pub(crate) use self::datagrams::{is as is_datagrams, open as open_datagrams};

pub(crate) use self::features::FeatureSource;
pub(crate) use self::per_packet::DampedSource;

use self::assembler::{Assembler, Measure};
use self::row::{Row, columns, raw_columns};
use crate::names::note;
use crate::place::Place;
use crate::raw::{RawBatch, RawSource, RawTable, SAMPLE_ROWS, Tally, Target};
use crate::{ArpClaim, Note, PacketSign, ReadError, ReadOptions, ReadStats};

/// Packets that the sample's flows are made of.
const SAMPLE_PACKETS: u64 = 20_000;
/// Flows that wait to be brought into the order of their begin: they end in another order.
const SORTED_AT_A_TIME: usize = 1 << 16;
/// Faults of a capture that are told one by one.
const SHOWN_FAULTS: usize = 3;

/// Whether bytes begin a capture.
pub(crate) fn is(head: &[u8]) -> bool {
    let Some(magic) = head.first_chunk::<4>() else { return false };
    let known = |magic: u32| matches!(magic, 0xa1b2_c3d4 | 0xa1b2_34cd | 0xa1b2_3c4d | 0xa1b2_cd34);
    *magic == [0x0a, 0x0d, 0x0d, 0x0a]
        || known(u32::from_be_bytes(*magic))
        || known(u32::from_le_bytes(*magic))
}

/// Opens a capture.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let limits = Limits::default();
    let mut reader = reader(place, &limits)?;
    let mut sampler: Assembler<()> = Assembler::new(options.max_flow_memory, Vec::new());
    while reader.stats().frames < SAMPLE_PACKETS
        && let Ok(Some(frame)) = reader.next_frame()
    {
        sampler.see(&frame);
    }
    sampler.finish();
    sampler.rows.truncate(SAMPLE_ROWS);
    Ok(Box::new(Capture::<()>::new(
        table(format_of(&reader), place, &sampler.rows),
        place,
        options,
        Vec::new(),
    )))
}

fn format_of(reader: &CaptureReader<Bytes>) -> &'static str {
    match reader.format() {
        CaptureFormat::Pcap => "capture (pcap)",
        CaptureFormat::PcapNg => "capture (pcapng)",
    }
}

/// What is known of a table of flows before its rows are read.
fn table(format: &str, place: &Place, sample: &[Row]) -> RawTable {
    let mut sample: Vec<&Row> = sample.iter().collect();
    sample.sort_by_key(|row| row.start_ns);
    RawTable {
        format: format.to_owned(),
        named: true,
        columns: raw_columns(),
        contiguous: sample.len(),
        sample: columns(&sample),
        decimal_comma: false,
        bytes: place.stored_bytes(),
        notes: Vec::new(),
    }
}

type Bytes = Box<dyn Read + Send>;

fn reader(place: &Place, limits: &Limits) -> Result<CaptureReader<Bytes>, ReadError> {
    CaptureReader::new(place.bytes()?, limits).map_err(|error| match error {
        CaptureError::Io(source) => place.error(source),
        error => ReadError::NotATable {
            path: place.name().to_string(),
            what: format!("this begins like a capture, but {error}"),
            mend: "capture or fetch the file again".to_owned(),
        },
    })
}

/// Rows that wait to be handed out, in the order of their begin as far as there is room for it.
struct Queue {
    rows: Vec<Row>,
    /// Rows in order that are handed out next, last first.
    sorted: Vec<Row>,
    batch_rows: usize,
    sorted_at_a_time: usize,
}

impl Queue {
    fn new(options: &ReadOptions, sorted_at_a_time: usize) -> Self {
        Self { rows: Vec::new(), sorted: Vec::new(), batch_rows: options.batch_rows.max(1), sorted_at_a_time }
    }

    /// Whether enough wait for the first of them to be handed out.
    fn is_full(&self) -> bool {
        !self.sorted.is_empty() || self.rows.len() >= self.sorted_at_a_time
    }

    /// The next rows: of the earlier half of those that wait, or of all of them at the end.
    fn next(&mut self, at_end: bool) -> Vec<Row> {
        if self.sorted.is_empty() {
            self.rows.sort_by_cached_key(|row| row.start_ns);
            let n = if at_end { self.rows.len() } else { self.rows.len() / 2 };
            self.sorted = self.rows.drain(..n).collect();
            self.sorted.reverse();
        }
        let left = self.sorted.len().saturating_sub(self.batch_rows);
        let mut batch = self.sorted.split_off(left);
        batch.reverse();
        batch
    }
}

/// Rows as a batch.
fn batch(rows: &[Row]) -> RawBatch {
    let rows: Vec<&Row> = rows.iter().collect();
    RawBatch { columns: columns(&rows), lines: Lines::None }
}

/// The flows of a capture.
struct Capture<M> {
    table: RawTable,
    place: Place,
    options: ReadOptions,
    limits: Limits,
    reader: Option<CaptureReader<Bytes>>,
    assembler: Assembler<M>,
    flows: Queue,
    /// Why the stream that the capture is packed in ends early.
    cut: Option<String>,
    /// All packets were read.
    ended: bool,
    /// What went wrong while reading ahead.
    fault: Option<ReadError>,
}

impl<M: Measure> Capture<M> {
    fn new(table: RawTable, place: &Place, options: &ReadOptions, wanted: Vec<&'static Feature>) -> Self {
        // Rows with features are large.
        let sorted_at_a_time = if size_of::<M>() > 0 { SORTED_AT_A_TIME / 4 } else { SORTED_AT_A_TIME };
        Self {
            table,
            place: place.clone(),
            options: options.clone(),
            limits: Limits::default(),
            reader: None,
            assembler: Assembler::new(options.max_flow_memory, wanted),
            flows: Queue::new(options, sorted_at_a_time),
            cut: None,
            ended: false,
            fault: None,
        }
    }

    /// What is made of the next rows in order, while packets after them are read; none at the end.
    fn made_of_next<T: Send>(
        &mut self,
        make: impl FnOnce(&[Row]) -> T + Send,
    ) -> Result<Option<T>, ReadError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if self.flows.sorted.is_empty() {
            self.read(self.flows.sorted_at_a_time)?;
        }
        let rows = self.flows.next(self.ended);
        if rows.is_empty() {
            return Ok(None);
        }
        let waiting = self.flows.rows.len().saturating_add(self.flows.batch_rows);
        let enough = waiting.min(self.flows.sorted_at_a_time);
        let (made, read) = rayon::join(|| make(&rows), || self.read(enough));
        self.fault = read.err();
        Ok(Some(made))
    }

    /// Reads packets until enough rows wait, or there are no more packets.
    fn read(&mut self, enough: usize) -> Result<(), ReadError> {
        if self.ended {
            return Ok(());
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => reader(&self.place, &self.limits)?,
        };
        while !self.ended && self.flows.rows.len() < enough {
            match reader.next_frame() {
                Ok(Some(frame)) => self.assembler.see(&frame),
                Ok(None) => self.ended = true,
                Err(error) if is_cut(&error) => {
                    self.cut = Some(error.to_string());
                    self.ended = true;
                }
                Err(error) => return Err(self.place.error(error)),
            }
            if self.ended {
                self.assembler.finish();
            }
            self.flows.rows.append(&mut self.assembler.rows);
        }
        self.reader = Some(reader);
        Ok(())
    }
}

/// Whether a packed stream ends early or is damaged: what came before is good.
fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput | Other)
}

impl<M: Measure> RawSource for Capture<M> {
    fn table(&self) -> &RawTable {
        &self.table
    }

    fn next_batch(&mut self, _targets: &[Target]) -> Result<Option<RawBatch>, ReadError> {
        self.made_of_next(batch)
    }

    fn stats(&self) -> ReadStats {
        let mut tally = Tally::new(self.options.shown);
        self.assembler.tell_set_aside(&mut tally, self.place.name());
        let mut stats = tally.stats;
        if let Some(reader) = &self.reader {
            stats.rows_set_aside += reader.stats().frames_set_aside;
            stats.bytes_read = reader.offset();
        }
        stats
    }

    fn doubts(&self) -> Vec<Note> {
        let mut notes = self.assembler.notes();
        let faults = self.reader.as_ref().map(CaptureReader::notes).unwrap_or_default();
        notes.extend(faults.iter().take(SHOWN_FAULTS).map(|fault| note(fault.to_string())));
        if faults.len() > SHOWN_FAULTS {
            notes.push(note(format!("{} more faults of the capture", faults.len() - SHOWN_FAULTS)));
        }
        if let Some(why) = &self.cut {
            notes.push(note(format!(
                "the stream that the capture is packed in is cut short or damaged; packets up to there were read ({why})"
            )));
        }
        notes
    }

    fn arp_claims(&self) -> &[ArpClaim] {
        self.assembler.arp_claims()
    }

    fn packet_signs(&self) -> &[PacketSign] {
        self.assembler.packet_signs()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.reader = None;
        let wanted = self.assembler.wanted().to_vec();
        self.assembler = Assembler::new(self.options.max_flow_memory, wanted);
        self.flows = Queue::new(&self.options, self.flows.sorted_at_a_time);
        self.cut = None;
        self.ended = false;
        self.fault = None;
        Ok(())
    }
}
