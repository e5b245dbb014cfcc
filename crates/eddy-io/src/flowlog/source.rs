//! Several logs of flows as one source.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use eddy_frame::{Column, Frame, Kind, Lines, Schema, TimeStyle};
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::column::Flow;
use super::details::Details;
use super::found::{Part, find, shape_of, translated};
use super::mapped::{Class, Mapped, Raw, is_unset};
use super::{Gives, Open};
use crate::convert::{Origin, convert};
use crate::inputs::Named;
use crate::names::{list, note};
use crate::place::Place;
use crate::raw::{RawBatch, RawColumn, RawTable, Tally, Target};
use crate::roles::{Plan, plan};
use crate::{ArpClaim, Description, Note, PacketSign, ReadError, ReadOptions, ReadStats, Source};

/// Names of kinds of records passed over that are kept to be shown.
const SHOWN_KINDS: usize = 32;

/// How columns are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// As every [`Source`] promises: categories are text, counts floats.
    House,
    /// As the information elements are: ports and counts are whole numbers.
    Elements,
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Details are still to be gathered.
    Gather,
    /// The part of this number.
    Part(usize),
    /// Details whose flow never came, from this row on.
    Alone(usize),
    /// Nothing.
    End,
}

/// Flows of one log or several.
pub(crate) struct Flows {
    parts: Vec<Part>,
    options: ReadOptions,
    description: Description,
    /// The columns, in order.
    columns: Vec<Flow>,
    targets: Vec<Target>,
    /// Whether details are told to flows.
    joins: bool,
    details: Details,
    gathered: ReadStats,
    phase: Phase,
    current: Option<Open>,
    first_row: u64,
    tally: Tally,
    /// Records of other kinds, passed over.
    others: BTreeMap<String, u64>,
    /// Hashes of the keys of connections, where some may be listed twice.
    closed: Option<FxHashSet<u64>>,
    /// Connections that were listed twice.
    repeated: u64,
    /// What ARP packets said, of the parts that were read to their end.
    arp_claims: Vec<ArpClaim>,
    packet_signs: Vec<PacketSign>,
}

/// A sample of a log as flows: at most `most` rows.
pub(super) fn sample(open: &Open, most: usize) -> Mapped {
    let table = open.raw.table();
    let n_rows = table.sample.first().map_or(0, Column::len).min(most);
    let origin = Origin { source: "", lines: &Lines::None };
    let mut tally = Tally::new(0);
    let cut = |(column, target): (&Column, &Target)| {
        convert(column.slice(0, n_rows.min(column.len())), target, &origin, &mut tally).0
    };
    let columns: Vec<Column> = table.sample.iter().zip(&open.targets).map(cut).collect();
    (open.log.map)(&Raw { names: &open.names, columns: &columns, n_rows })
}

impl Flows {
    /// Opens the inputs, if there is a log of flows among them.
    pub(crate) fn open(
        inputs: &[(Place, Named)],
        options: &ReadOptions,
        kinds: Kinds,
    ) -> Result<Option<Self>, ReadError> {
        let Some(found) = find(inputs, options)? else { return Ok(None) };
        let shape = shape_of(&found.parts);
        let path = found.parts.first().map(|part| part.place.name().to_string()).unwrap_or_default();
        let style = if found.relative { TimeStyle::RelativeSeconds } else { TimeStyle::Iso };
        let raw_column = |flow: &Flow| {
            let mut column = RawColumn::new(flow.name(), flow.kind());
            column.time_style = style;
            column
        };
        let table = RawTable {
            format: found.format.clone(),
            named: true,
            columns: found.known.iter().map(raw_column).collect(),
            contiguous: found.samples.first().map_or(0, Column::len),
            sample: found.samples,
            notes: found.notes,
            ..RawTable::default()
        };
        let overrides = translated(&options.overrides, &found.known);
        let Plan { schema, mut targets, mut notes, .. } = plan(&path, &table, &overrides)?;
        let mut schema: Schema = (*schema).clone();
        if kinds == Kinds::Elements {
            for ((field, target), flow) in schema.fields.iter_mut().zip(&mut targets).zip(&found.known) {
                (field.kind, target.kind, target.time) = (flow.kind(), flow.kind(), None);
            }
        }
        // A log has columns that few of its rows fill: that a sample has none of them is nothing to tell.
        notes.retain(|note| note.column.is_some() || !note.text.starts_with("empty in the sample"));
        if !found.left.is_empty() {
            notes.push(note(format!("left out, being no logs of flows: {}", list(&found.left))));
        }
        let gives = |gives: Gives| found.parts.iter().any(|part| part.log.gives == gives);
        let joins = gives(Gives::Both) || (gives(Gives::Flows) && gives(Gives::Details));
        let description = Description {
            sources: found.parts.iter().map(|part| part.place.name().to_string()).collect(),
            bytes: found.parts.iter().map(|part| part.place.stored_bytes()).sum(),
            format: found.format,
            shape,
            schema: Arc::new(schema),
            notes,
        };
        Ok(Some(Self {
            details: Details::new(&found.known),
            closed: found.parts.iter().any(|part| part.is_open).then(FxHashSet::default),
            repeated: 0,
            arp_claims: Vec::new(),
            packet_signs: Vec::new(),
            parts: found.parts,
            options: options.clone(),
            description,
            columns: found.known,
            targets,
            joins,
            gathered: ReadStats::default(),
            phase: if joins { Phase::Gather } else { Phase::Part(0) },
            current: None,
            first_row: 0,
            tally: Tally::new(options.shown),
            others: BTreeMap::new(),
        }))
    }

    /// The part of this number, opened.
    fn open_part(&self, number: usize) -> Result<Option<Open>, ReadError> {
        let Some(part) = self.parts.get(number) else { return Ok(None) };
        match super::open_again(&part.place, &self.options, part.log, part.wanted.as_deref())? {
            Some(open) => Ok(Some(open)),
            None => Err(ReadError::Mismatch {
                path: part.place.name().to_string(),
                first: self.description.sources.first().cloned().unwrap_or_default(),
                difference: "it is no log of the same kind".to_owned(),
            }),
        }
    }

    /// Reads the details of all parts that have some.
    fn gather(&mut self) -> Result<(), ReadError> {
        if self.details.len() > 0 {
            return Ok(());
        }
        let mut tally = Tally::new(self.options.shown);
        for number in 0..self.parts.len() {
            let Some(gives) = self.parts.get(number).map(|part| part.log.gives) else { break };
            if gives == Gives::Flows {
                continue;
            }
            let Some(mut open) = self.open_part(number)? else { continue };
            let source = self.source(number);
            // Broken rows of a part that is read again are counted then.
            let mut unused = Tally::new(0);
            let counts = if gives == Gives::Details { &mut tally } else { &mut unused };
            while let Some(batch) = open.raw.next_batch(&open.targets)? {
                let (mapped, n_rows, columns, lines) = mapped(&open, batch, &source, counts);
                for row_idx in 0..n_rows {
                    match class(&mapped, row_idx, gives) {
                        Class::Detail | Class::Half => self.details.add(&mapped, row_idx),
                        Class::Broken(reason) => {
                            set_aside(counts, &source, &lines, row_idx, reason, &columns);
                        }
                        _ => {}
                    }
                }
            }
            if gives == Gives::Details {
                tally.add(&open.raw.stats());
            }
        }
        self.gathered = tally.stats;
        Ok(())
    }

    fn source(&self, number: usize) -> Arc<str> {
        self.parts.get(number).map_or_else(|| Arc::from(""), |part| part.place.name().clone())
    }

    /// The flows of a batch.
    fn flows(&mut self, open: &Open, batch: RawBatch, number: usize) -> Result<Option<Frame>, ReadError> {
        let source = self.source(number);
        let (mut mapped, n_rows, raw_columns, lines) = mapped(open, batch, &source, &mut self.tally);
        for (flow, text) in &mapped.notes {
            self.add_note(Note { column: Some(flow.name().to_owned()), text: (*text).to_owned() });
        }
        let mut rows = Vec::with_capacity(n_rows);
        for row_idx in 0..n_rows {
            match class(&mapped, row_idx, open.log.gives) {
                Class::Flow if self.is_repeated(&mapped, row_idx, number) => self.repeated += 1,
                Class::Flow => rows.push(row_idx),
                Class::Detail | Class::Half if !self.joins => rows.push(row_idx),
                Class::Detail | Class::Half => {}
                Class::Other => {
                    let kind = mapped.kinds.as_ref().map_or("", |kinds| kinds.get(row_idx));
                    if let Some(count) = self.others.get_mut(kind) {
                        *count += 1;
                    } else if self.others.len() < SHOWN_KINDS {
                        self.others.insert(kind.chars().take(64).collect(), 1);
                    }
                }
                Class::Broken(reason) => {
                    set_aside(&mut self.tally, &source, &lines, row_idx, reason, &raw_columns);
                }
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        if self.joins {
            self.details.join(&mut mapped, &rows);
        }
        let whole = rows.len() == n_rows;
        let lines = if whole { lines } else { lines_of(&lines, &rows) };
        let rows = (!whole).then_some(rows);
        let count = rows.as_ref().map_or(n_rows, Vec::len);
        self.frame(mapped, rows.as_deref(), count, Some(source), lines).map(Some)
    }

    /// Whether a connection that was still open is listed already.
    fn is_repeated(&mut self, mapped: &Mapped, row_idx: usize, number: usize) -> bool {
        let (Some(closed), Some(keys)) = (&mut self.closed, &mapped.keys) else { return false };
        let key = keys.get(row_idx);
        let is_new = is_unset(key) || closed.insert(FxBuildHasher.hash_one(key));
        !is_new && self.parts.get(number).is_some_and(|part| part.is_open)
    }

    /// A frame of the rows of `mapped`, all when none are named.
    fn frame(
        &mut self,
        mut mapped: Mapped,
        rows: Option<&[usize]>,
        n_rows: usize,
        source: Option<Arc<str>>,
        lines: Lines,
    ) -> Result<Frame, ReadError> {
        let name = source.clone().unwrap_or_else(|| Arc::from(""));
        let origin = Origin { source: &name, lines: &lines };
        let mut columns = Vec::with_capacity(self.columns.len());
        for (flow, target) in self.columns.iter().zip(&self.targets) {
            let column = match (mapped.take(*flow), rows) {
                (Some(column), Some(rows)) => column.take(rows),
                (Some(column), None) => column,
                (None, _) => missing(flow.kind(), n_rows),
            };
            columns.push(convert(column, target, &origin, &mut self.tally).0);
        }
        let mut frame =
            Frame::new(self.description.schema.clone(), columns).map_err(|error| ReadError::Malformed {
                path: name.to_string(),
                place: format!("column '{}'", error.column),
                what: error.to_string(),
                mend: "write the log again".to_owned(),
            })?;
        frame.first_row = self.first_row;
        frame.lines = lines;
        frame.source = source;
        self.first_row += frame.n_rows() as u64;
        self.tally.stats.rows_read += frame.n_rows() as u64;
        Ok(frame)
    }

    /// The flows of the next batch of a part; nothing when it has none, or at its end.
    fn next_of_part(&mut self, number: usize) -> Result<Option<Frame>, ReadError> {
        let after = if number < self.parts.len() { Phase::Part(number + 1) } else { Phase::Alone(0) };
        let gathered =
            self.joins && self.parts.get(number).is_some_and(|part| part.log.gives == Gives::Details);
        let open = match self.current.take() {
            Some(open) => Some(open),
            None if gathered => None,
            None => self.open_part(number)?,
        };
        let Some(mut open) = open else {
            self.phase = after;
            return Ok(None);
        };
        if let Some(batch) = open.raw.next_batch(&open.targets)? {
            let frame = self.flows(&open, batch, number)?;
            self.current = Some(open);
            return Ok(frame);
        }
        self.tally.add(&open.raw.stats());
        self.arp_claims.extend_from_slice(open.raw.arp_claims());
        self.packet_signs.extend_from_slice(open.raw.packet_signs());
        open.raw.doubts().into_iter().for_each(|doubt| self.add_note(doubt));
        self.phase = after;
        Ok(None)
    }

    /// The next details whose flow never came; nothing when there are no more.
    fn next_alone(&mut self, from: usize) -> Result<Option<Frame>, ReadError> {
        let count = self.details.unmatched();
        if from == 0 && count > 0 {
            self.add_note(note(format!(
                "{count} flows are known only by what happened within them; they come last"
            )));
        }
        let (mapped, n_rows, next) = self.details.alone(from, self.options.batch_rows.max(1));
        if n_rows == 0 {
            self.conclude();
            self.phase = Phase::End;
            return Ok(None);
        }
        self.phase = Phase::Alone(next);
        self.frame(mapped, None, n_rows, None, Lines::None).map(Some)
    }

    fn add_note(&mut self, note: Note) {
        if !self.description.notes.contains(&note) {
            self.description.notes.push(note);
        }
    }

    /// What came up while reading, at the end.
    fn conclude(&mut self) {
        if !self.others.is_empty() {
            let kinds: Vec<String> =
                self.others.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            self.add_note(note(format!("records that are no flows, passed over: {}", list(&kinds))));
        }
        if self.repeated > 0 {
            let repeated = self.repeated;
            self.add_note(note(format!(
                "{repeated} rows of connections still open are left out: the connections are listed elsewhere"
            )));
        }
        let cut: Vec<String> = self
            .parts
            .iter()
            .filter(|part| part.place.was_cut())
            .map(|part| part.place.name().to_string())
            .collect();
        if !cut.is_empty() {
            self.add_note(note(format!(
                "the packed stream is cut short; rows at its end are missing: {}",
                list(&cut)
            )));
        }
        if self.details.dropped > 0 {
            let dropped = self.details.dropped;
            self.add_note(note(format!(
                "{dropped} records on what happened within flows found no room and were left out"
            )));
        }
    }
}

impl Source for Flows {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        loop {
            match self.phase {
                Phase::Gather => {
                    self.gather()?;
                    self.phase = Phase::Part(0);
                }
                Phase::Part(number) => {
                    if let Some(frame) = self.next_of_part(number)? {
                        return Ok(Some(frame));
                    }
                }
                Phase::Alone(from) => {
                    if let Some(frame) = self.next_alone(from)? {
                        return Ok(Some(frame));
                    }
                }
                Phase::End => return Ok(None),
            }
        }
    }

    fn stats(&self) -> ReadStats {
        let mut tally = Tally::new(self.options.shown);
        tally.add(&self.gathered);
        tally.add(&self.tally.stats);
        if let Some(open) = &self.current {
            tally.add(&open.raw.stats());
        }
        tally.stats
    }

    fn arp_claims(&self) -> Vec<ArpClaim> {
        self.arp_claims.clone()
    }

    fn packet_signs(&self) -> Vec<PacketSign> {
        self.packet_signs.clone()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.arp_claims.clear();
        self.packet_signs.clear();
        self.phase = if self.joins { Phase::Gather } else { Phase::Part(0) };
        self.current = None;
        self.first_row = 0;
        self.tally = Tally::new(self.options.shown);
        self.others.clear();
        self.closed.iter_mut().for_each(FxHashSet::clear);
        self.repeated = 0;
        self.details.rewind();
        Ok(())
    }
}

/// A batch as flows, with its rows as they were.
fn mapped(
    open: &Open,
    batch: RawBatch,
    source: &str,
    tally: &mut Tally,
) -> (Mapped, usize, Vec<Column>, Lines) {
    let origin = Origin { source, lines: &batch.lines };
    let columns: Vec<Column> = batch
        .columns
        .into_iter()
        .zip(&open.targets)
        .map(|(column, target)| convert(column, target, &origin, tally).0)
        .collect();
    let n_rows = columns.first().map_or(0, Column::len);
    let mapped = (open.log.map)(&Raw { names: &open.names, columns: &columns, n_rows });
    (mapped, n_rows, columns, batch.lines)
}

fn class(mapped: &Mapped, row_idx: usize, gives: Gives) -> Class {
    match (mapped.classes.get(row_idx), gives) {
        (Some(Class::Flow) | None, Gives::Details) => Class::Detail,
        (Some(class), _) => *class,
        (None, _) => Class::Flow,
    }
}

/// Counts a row that cannot be used, with the beginning of it as far as it was read.
fn set_aside(
    tally: &mut Tally,
    source: &str,
    lines: &Lines,
    row_idx: usize,
    reason: &str,
    columns: &[Column],
) {
    let mut text = String::new();
    if tally.has_room() {
        for column in columns {
            if text.len() > 120 {
                break;
            }
            match column {
                Column::Text(texts) if row_idx < texts.len() => text.push_str(texts.get(row_idx)),
                column if row_idx < column.len() && !column.is_missing(row_idx) => {
                    text.push_str(&column.number(row_idx).to_string());
                }
                _ => text.push('-'),
            }
            text.push(' ');
        }
    }
    tally.row(source, lines.get(row_idx), reason.to_owned(), text.trim_end());
}

fn lines_of(lines: &Lines, rows: &[usize]) -> Lines {
    let each: Option<Vec<u64>> = rows.iter().map(|row_idx| lines.get(*row_idx)).collect();
    each.map_or(Lines::None, Lines::Each)
}

pub(super) fn missing(kind: Kind, n_rows: usize) -> Column {
    match kind {
        Kind::Float => Column::Float(vec![f64::NAN; n_rows]),
        Kind::Int => Column::Int(vec![eddy_frame::MISSING_INT; n_rows]),
        Kind::Time => Column::Time(vec![eddy_frame::MISSING_TIME; n_rows]),
        Kind::Text => Column::Text(std::iter::repeat_n("", n_rows).collect()),
    }
}
