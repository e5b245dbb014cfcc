//! Captures as tables of packets: one row a packet, with the statistics that forget of [`eddy_flow::damped`].

use eddy_flow::damped::{DAMPED_FEATURES, Damped, damped_names};
use eddy_frame::{Column, Field, Frame, Kind, MISSING_INT, Role, Schema, TextColumn};
use eddy_wire::{CaptureReader, Limits, Packet, Reason, decode};

use super::features::{add_note, captures, description, made};
use super::{Bytes, is_cut, reader};
use crate::names::note;
use crate::place::Place;
use crate::raw::Tally;
use crate::{Description, Note, ReadError, ReadOptions, ReadStats, ShapeName, Source};

/// Most packets of one frame: a row is 800 bytes and more.
const MOST_ROWS: usize = 8_192;
/// Columns before the statistics: time, number, sender, receiver, length.
const TOLD: usize = 5;

/// The packets of captures, one capture after the other, all seen by the same tables.
pub(crate) struct DampedSource {
    places: Vec<Place>,
    at: usize,
    reader: Option<CaptureReader<Bytes>>,
    options: ReadOptions,
    limits: Limits,
    damped: Damped,
    description: Description,
    /// Packets met so far.
    packets: u64,
    first_row: u64,
    tally: Tally,
}

impl DampedSource {
    /// Opens captures.
    pub(crate) fn open(places: Vec<Place>, options: &ReadOptions) -> Result<Self, ReadError> {
        let format = captures(&places)?;
        let mut fields = vec![
            Field::new("time", Kind::Time, Role::Time),
            Field::new("packetNumber", Kind::Int, Role::Identifier),
            Field::new("sender", Kind::Text, Role::Identifier),
            Field::new("receiver", Kind::Text, Role::Identifier),
            Field::new("frameLength", Kind::Int, Role::Ignored),
        ];
        fields.extend(damped_names().into_iter().map(|name| Field::new(name, Kind::Float, Role::Feature)));
        let shape =
            ShapeName { id: "damped_packets".to_owned(), title: "damped packet statistics".to_owned() };
        Ok(Self {
            description: description(&places, format, shape, Schema { fields }),
            places,
            at: 0,
            reader: None,
            limits: Limits::default(),
            damped: Damped::new(options.max_flow_memory),
            options: options.clone(),
            packets: 0,
            first_row: 0,
            tally: Tally::new(options.shown),
        })
    }

    /// Reads packets of one capture into `batch`; whether it goes on.
    fn read(&mut self, place: &Place, batch: &mut Batch) -> Result<bool, ReadError> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => reader(place, &self.limits)?,
        };
        let most = self.options.batch_rows.clamp(1, MOST_ROWS);
        while batch.times.len() < most {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    self.packets += 1;
                    let packet = decode(frame.link, frame.bytes, frame.wire_len, &self.limits);
                    match self.damped.see(&packet, frame.time_ns) {
                        Some(numbers) => batch.push(&packet, frame.time_ns, self.packets, &numbers),
                        None => self.set_aside(&packet, place),
                    }
                }
                Ok(None) => {
                    self.conclude(&reader);
                    return Ok(false);
                }
                Err(error) if is_cut(&error) => {
                    let text = format!(
                        "the capture is cut short or damaged; packets up to there were read ({error})"
                    );
                    add_note(&mut self.description, note(text));
                    self.conclude(&reader);
                    return Ok(false);
                }
                Err(error) => return Err(place.error(error)),
            }
        }
        self.reader = Some(reader);
        Ok(true)
    }

    fn set_aside(&mut self, packet: &Packet<'_>, place: &Place) {
        let reason = packet.reason.unwrap_or(Reason::NotIp).to_string();
        self.tally.row(place.name(), None, reason, &format!("packet {}", self.packets));
    }

    /// The counts of a capture that was read to its end.
    fn conclude(&mut self, reader: &CaptureReader<Bytes>) {
        self.tally.stats.rows_set_aside += reader.stats().frames_set_aside;
        self.tally.stats.bytes_read += reader.offset();
        let notes: Vec<Note> = reader.notes().iter().take(3).map(|fault| note(fault.to_string())).collect();
        notes.into_iter().for_each(|note| add_note(&mut self.description, note));
    }
}

/// Packets that become a frame.
#[derive(Default)]
struct Batch {
    times: Vec<i64>,
    numbers: Vec<i64>,
    senders: TextColumn,
    receivers: TextColumn,
    lengths: Vec<i64>,
    statistics: Vec<Vec<f64>>,
}

impl Batch {
    fn new() -> Self {
        Self { statistics: vec![Vec::new(); DAMPED_FEATURES], ..Self::default() }
    }

    fn push(&mut self, packet: &Packet<'_>, time_ns: i64, number: u64, statistics: &[f64; DAMPED_FEATURES]) {
        let shown = |address: Option<std::net::IpAddr>, mac: [u8; 6]| {
            let [a, b, c, d, e, f] = mac;
            address.map_or_else(
                || format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"),
                |address| address.to_string(),
            )
        };
        self.times.push(time_ns);
        self.numbers.push(i64::try_from(number).unwrap_or(MISSING_INT));
        self.senders.push(&shown(packet.source_address(), packet.source_mac));
        self.receivers.push(&shown(packet.destination_address(), packet.destination_mac));
        self.lengths.push(packet.wire_len.into());
        for (column, value) in self.statistics.iter_mut().zip(statistics) {
            column.push(*value);
        }
    }

    fn columns(self) -> Vec<Column> {
        let mut columns = Vec::with_capacity(TOLD + DAMPED_FEATURES);
        columns.push(Column::Time(self.times));
        columns.push(Column::Int(self.numbers));
        columns.push(Column::Text(self.senders));
        columns.push(Column::Text(self.receivers));
        columns.push(Column::Int(self.lengths));
        columns.extend(self.statistics.into_iter().map(Column::Float));
        columns
    }
}

impl Source for DampedSource {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        while let Some(place) = self.places.get(self.at).cloned() {
            let mut batch = Batch::new();
            let goes_on = self.read(&place, &mut batch)?;
            self.at += usize::from(!goes_on);
            if self.at == self.places.len() && self.damped.evicted() > 0 {
                let text = format!(
                    "{} channels made room for others and began anew; a larger --max-memory keeps more",
                    self.damped.evicted()
                );
                add_note(&mut self.description, note(text));
            }
            if batch.times.is_empty() {
                continue;
            }
            let frame =
                made(&self.description.schema, batch.columns(), Some(place.name().clone()), self.first_row)?;
            self.first_row += frame.n_rows() as u64;
            self.tally.stats.rows_read += frame.n_rows() as u64;
            return Ok(Some(frame));
        }
        Ok(None)
    }

    fn stats(&self) -> ReadStats {
        let mut stats = self.tally.stats.clone();
        stats.bytes_read += self.reader.as_ref().map_or(0, CaptureReader::offset);
        stats
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.at = 0;
        self.reader = None;
        self.damped = Damped::new(self.options.max_flow_memory);
        self.packets = 0;
        self.first_row = 0;
        self.tally = Tally::new(self.options.shown);
        Ok(())
    }
}
