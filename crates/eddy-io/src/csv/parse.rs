//! A block of whole records to columns.

use std::sync::Arc;

use eddy_frame::{Column, Kind, Lines, MISSING_INT, MISSING_TIME, TextColumn};
use memchr::{memchr, memchr_iter, memchr2};

use super::record::{Cell, End, Marks, QUOTE, Walker, cells_at};
use crate::batcher::Parsed;
use crate::cells::{integer, is_missing, is_missing_text, number, number_at, number_with_comma};
use crate::encoding::decode;
use crate::raw::{RawBatch, Tally, Target};
use crate::timeparse::TimeForm;

/// What a parser must know of the file.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// How records are divided.
    pub marks: Marks,
    /// Columns.
    pub n_cols: usize,
    /// The header line as it stands in the file, without line end; empty when there is none.
    pub header_line: Vec<u8>,
    /// Lines that begin with `#` are comments.
    pub comments: bool,
    /// Numbers have a comma before their decimals.
    pub decimal_comma: bool,
    /// Name of the input.
    pub source: Arc<str>,
    /// Most rows in a batch.
    pub batch_rows: usize,
    /// How many rows and cells set aside are kept.
    pub shown: usize,
}

/// Reads a block.
pub(crate) fn parse_block(block: &[u8], layout: &Layout, targets: &[Target]) -> Parsed {
    let rows_guess = block.len() / memchr(layout.marks.newline, block).map_or(64, |line| line.max(8)) + 1;
    let mut parser = Parser {
        layout,
        targets,
        block,
        valid: std::str::from_utf8(block).ok(),
        builders: Vec::new(),
        texts: Vec::new(),
        refused: Vec::new(),
        n_rows: 0,
        rows_guess: rows_guess.min(layout.batch_rows),
        lines: Lines::From(0),
        line: 0,
        tally: Tally::new(layout.shown),
        parsed: Parsed { refused: vec![0; layout.n_cols], ..Parsed::default() },
    };
    parser.start_batch();
    parser.run();
    parser.finish()
}

enum Builder {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Time(Vec<i64>, TimeForm),
    Text(TextColumn),
}

struct Parser<'a> {
    layout: &'a Layout,
    targets: &'a [Target],
    block: &'a [u8],
    /// The block as text, when all of it is UTF-8.
    valid: Option<&'a str>,
    builders: Vec<Builder>,
    /// Text cells of the row at hand: pushed once the row has proved whole.
    texts: Vec<(usize, Cell)>,
    /// Cells of the row at hand that are not of their column's kind: counted once the row has proved whole.
    refused: Vec<(usize, Cell, &'static str)>,
    n_rows: usize,
    rows_guess: usize,
    lines: Lines,
    line: u64,
    tally: Tally,
    parsed: Parsed,
}

/// Why a row is set aside.
enum Fault {
    Fields(usize),
    OpenQuote,
    HeaderAgain,
    Empty,
}

impl Parser<'_> {
    fn start_batch(&mut self) {
        let room = self.rows_guess;
        self.builders = self
            .targets
            .iter()
            .map(|target| match target.kind {
                Kind::Float => Builder::Float(Vec::with_capacity(room)),
                Kind::Int => Builder::Int(Vec::with_capacity(room)),
                Kind::Time => {
                    Builder::Time(Vec::with_capacity(room), target.time.unwrap_or(TimeForm::YearFirst))
                }
                Kind::Text => Builder::Text(TextColumn::with_capacity(room, room * 8)),
            })
            .collect();
        self.n_rows = 0;
        self.lines = Lines::From(self.line);
    }

    fn end_batch(&mut self) {
        if self.n_rows == 0 {
            return;
        }
        let columns = std::mem::take(&mut self.builders)
            .into_iter()
            .map(|builder| match builder {
                Builder::Float(values) => Column::Float(values),
                Builder::Int(values) => Column::Int(values),
                Builder::Time(values, _) => Column::Time(values),
                Builder::Text(values) => Column::Text(values),
            })
            .collect();
        let lines = std::mem::take(&mut self.lines);
        self.parsed.batches.push(RawBatch { columns, lines });
    }

    fn finish(mut self) -> Parsed {
        self.end_batch();
        self.parsed.lines = self.line;
        self.parsed.stats = self.tally.stats;
        self.parsed
    }

    fn run(&mut self) {
        let Marks { newline, hash_prefix, .. } = self.layout.marks;
        let quotes = memchr(QUOTE, self.block).is_some();
        let mut walker = Walker::new(self.layout.marks, self.layout.n_cols);
        let mut cells = Vec::new();
        let mut pos = 0;
        while pos < self.block.len() {
            let rest = self.block.get(pos..).unwrap_or_default();
            if let Some(length) = self.passed_over(rest) {
                pos += length;
                self.line += 1;
                continue;
            }
            let plain = !quotes || {
                let line = memchr(newline, rest).unwrap_or(rest.len());
                memchr(QUOTE, rest.get(..line).unwrap_or_default()).is_none()
            };
            let (next, lines, fault) = if plain && !(hash_prefix && rest.first() == Some(&b'#')) {
                match self.plain_row(pos) {
                    Ok(next) => (next, 1, None),
                    Err(fault) => {
                        (pos + memchr(newline, rest).map_or(rest.len(), |at| at + 1), 1, Some(fault))
                    }
                }
            } else {
                let (next, fault) = match cells_at(&mut walker, self.block, pos, &mut cells) {
                    End::At(next) => (next, self.row_of_cells(&cells).err()),
                    End::Broken(next) => (next, Some(Fault::OpenQuote)),
                    // Blocks end where a record ends, so this is the end of the input inside a quote.
                    End::Open => {
                        (pos + memchr(newline, rest).map_or(rest.len(), |at| at + 1), Some(Fault::OpenQuote))
                    }
                };
                let record = self.block.get(pos..next).unwrap_or_default();
                (next, memchr_iter(newline, record).count() as u64, fault)
            };
            match fault {
                None => self.accept(),
                Some(fault) => self.set_aside(&fault, pos, next),
            }
            self.line += lines;
            pos = next;
            if self.n_rows >= self.layout.batch_rows {
                self.end_batch();
                self.start_batch();
            }
        }
    }

    /// The length of an empty line or a comment.
    fn passed_over(&self, rest: &[u8]) -> Option<usize> {
        let newline = self.layout.marks.newline;
        match rest {
            [first, ..] if *first == newline => Some(1),
            [b'\r', second, ..] if *second == newline => Some(2),
            [b'#', second, ..] if self.layout.comments && *second != QUOTE => {
                Some(memchr(newline, rest).map_or(rest.len(), |at| at + 1))
            }
            _ => None,
        }
    }

    /// Reads the row at `pos`, which holds no quote; gives where the next one begins.
    fn plain_row(&mut self, pos: usize) -> Result<usize, Fault> {
        let Marks { delimiter, newline, .. } = self.layout.marks;
        let rest = self.block.get(pos..).unwrap_or_default();
        self.check_row(rest)?;
        let n_cols = self.layout.n_cols;
        let direct = !self.layout.decimal_comma;
        let mut at = pos;
        for idx in 0..n_cols {
            let last = idx + 1 == n_cols;
            let rest = self.block.get(at..).unwrap_or_default();
            if direct && let Some(Builder::Float(values)) = self.builders.get_mut(idx) {
                // Straight from the bytes, without looking for the cell's end first.
                if let Some((value, length)) = number_at(rest) {
                    match rest.get(length) {
                        Some(&byte) if byte == delimiter && !last => {
                            values.push(value);
                            at += length + 1;
                            continue;
                        }
                        Some(&byte) if byte == newline && last => {
                            values.push(value);
                            return Ok(at + length + 1);
                        }
                        _ => {}
                    }
                }
            }
            let Some(length) = memchr2(delimiter, newline, rest) else { return Err(Fault::Fields(idx + 1)) };
            let mut end = at + length;
            let ended = self.block.get(end) == Some(&newline);
            let mut next = end + 1;
            if ended && !last {
                return Err(Fault::Fields(idx + 1));
            }
            if last && !ended {
                // One delimiter too many at the end of the line does no harm.
                match blank_to_newline(self.block.get(next..).unwrap_or_default(), newline) {
                    Some(skipped) => next += skipped,
                    None => return Err(Fault::Fields(0)),
                }
            } else if ended && length > 0 && self.block.get(end - 1) == Some(&b'\r') {
                end -= 1;
            }
            self.cell(idx, Cell { start: at, end, escaped: false });
            at = next;
        }
        Ok(at)
    }

    fn row_of_cells(&mut self, cells: &[Cell]) -> Result<(), Fault> {
        let n_cols = self.layout.n_cols;
        let extra = cells.get(n_cols).is_some_and(|cell| cell.bytes(self.block).is_empty());
        if cells.len() != n_cols && !(extra && cells.len() == n_cols + 1) {
            return Err(Fault::Fields(cells.len()));
        }
        if let Some(first) = cells.first() {
            // The check wants the whole line; the first cell begins it (perhaps after a quote).
            let start = first.start.saturating_sub(1);
            self.check_header(self.block.get(start..).unwrap_or_default())?;
            self.check_header(self.block.get(first.start..).unwrap_or_default())?;
        }
        for (idx, cell) in cells.iter().take(n_cols).enumerate() {
            self.cell(idx, *cell);
        }
        Ok(())
    }

    /// Refuses a repeated header, and a line of delimiters only.
    fn check_row(&self, rest: &[u8]) -> Result<(), Fault> {
        let Marks { delimiter, newline, .. } = self.layout.marks;
        if rest.first() == Some(&delimiter) && self.layout.n_cols > 1 {
            let filler = |byte: &&u8| **byte == delimiter || matches!(**byte, b' ' | b'\r');
            let length = rest.iter().take_while(filler).count();
            if rest.get(length) == Some(&newline) {
                return Err(Fault::Empty);
            }
        }
        self.check_header(rest)
    }

    fn check_header(&self, rest: &[u8]) -> Result<(), Fault> {
        let header = &self.layout.header_line;
        if !header.is_empty() && rest.starts_with(header) {
            let newline = self.layout.marks.newline;
            let after = rest.get(header.len()..).unwrap_or_default();
            if matches!(after, [b'\r', ..] | []) || after.first() == Some(&newline) {
                return Err(Fault::HeaderAgain);
            }
        }
        Ok(())
    }

    /// Appends one cell to its column.
    fn cell(&mut self, idx: usize, cell: Cell) {
        let Some(builder) = self.builders.get_mut(idx) else { return };
        let number_of = if self.layout.decimal_comma { number_with_comma } else { number };
        let wanted = match builder {
            Builder::Text(_) => {
                self.texts.push((idx, cell));
                return;
            }
            Builder::Float(values) => {
                let bytes = cell.bytes(self.block);
                let value = number_of(&bytes);
                values.push(value.unwrap_or(f64::NAN));
                if value.is_some() || is_missing(&bytes) {
                    return;
                }
                "number"
            }
            Builder::Int(values) => {
                let bytes = cell.bytes(self.block);
                let value = integer(&bytes).filter(|value| *value != MISSING_INT);
                values.push(value.unwrap_or(MISSING_INT));
                if value.is_some() || is_missing(&bytes) {
                    return;
                }
                "whole number"
            }
            Builder::Time(values, form) => {
                let bytes = cell.bytes(self.block);
                let value = form.parse(&bytes);
                values.push(value.unwrap_or(MISSING_TIME));
                if value.is_some() || is_missing(&bytes) {
                    return;
                }
                "time"
            }
        };
        self.refused.push((idx, cell, wanted));
    }

    /// Counts a cell that is not of its column's kind.
    fn refuse(&mut self, idx: usize, cell: Cell, wanted: &str) {
        if let Some(count) = self.parsed.refused.get_mut(idx) {
            *count += 1;
        }
        if self.tally.has_room() {
            let (text, _) = cell.text(self.block);
            let name = self.targets.get(idx).map_or("", |target| &target.name);
            self.tally.cell(
                &self.layout.source,
                Some(self.line),
                name,
                format!("no {wanted}; taken as missing"),
                &text,
            );
        } else {
            self.tally.stats.cells_set_aside += 1;
        }
    }

    /// The row is whole: its texts go to their columns.
    fn accept(&mut self) {
        if !self.refused.is_empty() {
            let mut refused = std::mem::take(&mut self.refused);
            refused.drain(..).for_each(|(idx, cell, wanted)| self.refuse(idx, cell, wanted));
            self.refused = refused;
        }
        for (idx, cell) in self.texts.drain(..) {
            let Some(Builder::Text(values)) = self.builders.get_mut(idx) else { continue };
            let plain = if cell.escaped { None } else { self.valid };
            if let Some(text) = plain.and_then(|valid| valid.get(cell.start..cell.end)) {
                let text = text.trim_ascii();
                values.push(if is_missing_text(text.as_bytes()) { "" } else { text });
            } else {
                let bytes = cell.bytes(self.block);
                let (text, recoded) = decode(&bytes);
                self.parsed.recoded += u64::from(recoded);
                values.push(if is_missing_text(&bytes) { "" } else { &text });
            }
        }
        match &mut self.lines {
            Lines::From(first) if *first + self.n_rows as u64 == self.line => {}
            Lines::From(_) if self.n_rows == 0 => self.lines = Lines::From(self.line),
            Lines::From(first) => {
                let mut lines: Vec<u64> = (*first..*first + self.n_rows as u64).collect();
                lines.push(self.line);
                self.lines = Lines::Each(lines);
            }
            Lines::Each(lines) => lines.push(self.line),
            Lines::None => {}
        }
        self.n_rows += 1;
    }

    /// Takes back what was appended of a row, and counts it.
    fn set_aside(&mut self, fault: &Fault, pos: usize, next: usize) {
        self.texts.clear();
        self.refused.clear();
        for builder in &mut self.builders {
            match builder {
                Builder::Float(values) => values.truncate(self.n_rows),
                Builder::Int(values) | Builder::Time(values, _) => values.truncate(self.n_rows),
                Builder::Text(_) => {}
            }
        }
        if !self.tally.has_room() {
            self.tally.stats.rows_set_aside += 1;
            return;
        }
        let record = self.block.get(pos..next).unwrap_or_default();
        let n_cols = self.layout.n_cols;
        let reason = match fault {
            Fault::Fields(n) => {
                let n =
                    if *n > 0 { *n } else { memchr_iter(self.layout.marks.delimiter, record).count() + 1 };
                format!("{n} fields instead of {n_cols}")
            }
            Fault::OpenQuote => "a quote is opened and never closed".to_owned(),
            Fault::HeaderAgain => "header repeated".to_owned(),
            Fault::Empty => "all cells are empty".to_owned(),
        };
        let (text, _) = decode(record.trim_ascii_end());
        self.tally.row(&self.layout.source, Some(self.line), reason, &text);
    }
}

/// How many bytes of blanks and line end are left when nothing else stands before the newline.
fn blank_to_newline(rest: &[u8], newline: u8) -> Option<usize> {
    let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\r') && **byte != newline).count();
    (rest.get(blanks) == Some(&newline)).then_some(blanks + 1)
}
