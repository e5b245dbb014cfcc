//! Values one at a time to columns, for formats that are read record by record.

use std::borrow::Cow;
use std::sync::Arc;

use eddy_frame::{Column, Kind, Lines, MISSING_INT, MISSING_TIME, TextColumn};
use rustc_hash::FxHashMap;

use crate::cells::{integer, is_missing, number};
use crate::encoding::decode;
use crate::json::scan::{Leaf, unescape};
use crate::raw::{RawBatch, RawColumn, Tally, Target};
use crate::timeparse::TimeForm;
use crate::{Note, ReadStats};

/// Names of keys without a column that are kept to be shown.
const SHOWN_KEYS: usize = 64;

/// Keys that have no column, and how often each occurred.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeftOut {
    counts: FxHashMap<String, u64>,
    /// Occurrences of keys beyond the first [`SHOWN_KEYS`].
    others: u64,
}

impl LeftOut {
    /// Counts a key.
    pub(crate) fn count(&mut self, key: &[u8], times: u64) {
        let key = String::from_utf8_lossy(key);
        if let Some(count) = self.counts.get_mut(&*key) {
            *count += times;
        } else if self.counts.len() < SHOWN_KEYS {
            self.counts.insert(key.into_owned(), times);
        } else {
            self.others += times;
        }
    }

    fn add(&mut self, other: &Self) {
        other.counts.iter().for_each(|(key, times)| self.count(key.as_bytes(), *times));
        self.others += other.others;
    }

    fn note(&self) -> Option<Note> {
        let mut keys: Vec<(&String, &u64)> = self.counts.iter().collect();
        keys.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let (first, _) = keys.first()?;
        let shown: Vec<String> =
            keys.iter().take(5).map(|(key, times)| format!("'{key}' ({times})")).collect();
        let more = match keys.len().saturating_sub(shown.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!(
            "values of keys that no record of the sample has were left out: {}{more}; put a record with '{first}' at the beginning to have it as a column",
            shown.join(", ")
        );
        Some(Note { column: None, text })
    }
}

/// What a block held. Lines count from 0 at the block's first line.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// The rows.
    pub batches: Vec<RawBatch>,
    /// What was set aside.
    pub stats: ReadStats,
    /// Lines in the block.
    pub lines: u64,
    /// Cells set aside, per column.
    pub refused: Vec<u64>,
    /// Cells that were no UTF-8 and were read as Windows-1252.
    pub recoded: u64,
    /// Keys without a column.
    pub left_out: LeftOut,
}

/// What came up while reading, over all blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubts {
    recoded: u64,
    left_out: LeftOut,
}

impl Doubts {
    /// Adds those of a block.
    pub(crate) fn add(&mut self, parsed: &Parsed) {
        self.recoded += parsed.recoded;
        self.left_out.add(&parsed.left_out);
    }

    /// Them in words.
    pub(crate) fn notes(&self) -> Vec<Note> {
        let recoded = (self.recoded > 0).then(|| Note {
            column: None,
            text: format!("{} texts were no UTF-8 and were read as Windows-1252", self.recoded),
        });
        recoded.into_iter().chain(self.left_out.note()).collect()
    }
}

/// What a batcher must know of the table.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// The columns as the format describes them.
    pub columns: Vec<RawColumn>,
    /// Name of the input.
    pub source: Arc<str>,
    /// Most rows in a batch.
    pub batch_rows: usize,
    /// How many rows and cells set aside are kept.
    pub shown: usize,
}

impl Layout {
    /// Targets that ask for each column as it is.
    pub(crate) fn native_targets(&self) -> Vec<Target> {
        self.columns
            .iter()
            .map(|column| Target { name: column.name.clone(), kind: column.kind, time: None })
            .collect()
    }
}

enum Builder {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Time(Vec<i64>, TimeForm),
    Text(TextColumn),
}

/// Gathers rows.
pub(crate) struct Batcher<'a> {
    layout: &'a Layout,
    targets: &'a [Target],
    builders: Vec<Builder>,
    n_rows: usize,
    lines: Lines,
    tally: Tally,
    parsed: Parsed,
}

impl<'a> Batcher<'a> {
    /// A batcher for one block.
    pub(crate) fn new(layout: &'a Layout, targets: &'a [Target]) -> Self {
        let parsed = Parsed { refused: vec![0; layout.columns.len()], ..Parsed::default() };
        let tally = Tally::new(layout.shown);
        let mut batcher =
            Self { layout, targets, builders: Vec::new(), n_rows: 0, lines: Lines::None, tally, parsed };
        batcher.start();
        batcher
    }

    fn start(&mut self) {
        self.n_rows = 0;
        self.lines = Lines::None;
        self.builders = self
            .layout
            .columns
            .iter()
            .zip(self.targets)
            .map(|(column, target)| match (target.kind, target.time) {
                (Kind::Float, _) => Builder::Float(Vec::new()),
                (Kind::Int, _) => Builder::Int(Vec::new()),
                (Kind::Time, Some(form)) => Builder::Time(Vec::new(), form),
                // Without a form the caller knows how to convert the native kind.
                (Kind::Time, None) if column.kind == Kind::Float => Builder::Float(Vec::new()),
                (Kind::Time, None) if column.kind == Kind::Int => Builder::Int(Vec::new()),
                (Kind::Time, None) | (Kind::Text, _) => Builder::Text(TextColumn::default()),
            })
            .collect();
    }

    /// Counts a key that has no column.
    pub(crate) fn leave_out(&mut self, key: &[u8]) {
        self.parsed.left_out.count(key, 1);
    }

    /// Counts a record that is no row.
    pub(crate) fn set_aside(&mut self, line: u64, reason: &str, record: &[u8]) {
        if self.tally.has_room() {
            let text = decode(record.get(..512).unwrap_or(record)).0;
            self.tally.row(&self.layout.source, Some(line), reason.to_owned(), &text);
        } else {
            self.tally.stats.rows_set_aside += 1;
        }
    }

    /// Appends a row, one slot per column, and empties the slots.
    pub(crate) fn accept(&mut self, line: u64, slots: &mut [Leaf<'_>]) {
        let mut builders = std::mem::take(&mut self.builders);
        for (idx, (builder, slot)) in builders.iter_mut().zip(slots.iter_mut()).enumerate() {
            let leaf = std::mem::replace(slot, Leaf::Null);
            let wanted = match builder {
                Builder::Float(values) => {
                    let value = float_of(leaf);
                    values.push(value.unwrap_or(f64::NAN));
                    if value.is_some() {
                        continue;
                    }
                    "number"
                }
                Builder::Int(values) => {
                    let value = whole_of(leaf);
                    values.push(value.unwrap_or(MISSING_INT));
                    if value.is_some() {
                        continue;
                    }
                    "whole number"
                }
                Builder::Time(values, form) => {
                    let value = time_of(leaf, *form);
                    values.push(value.unwrap_or(MISSING_TIME));
                    if value.is_some() {
                        continue;
                    }
                    "time"
                }
                Builder::Text(texts) => {
                    let native = self.layout.columns.get(idx).map_or(Kind::Text, |column| column.kind);
                    let (text, recoded) = text_of(leaf, native);
                    self.parsed.recoded += u64::from(recoded);
                    texts.push(&text);
                    continue;
                }
            };
            self.refuse(line, idx, leaf, wanted);
        }
        self.builders = builders;
        match &mut self.lines {
            Lines::None => self.lines = Lines::From(line),
            Lines::From(first) if *first + self.n_rows as u64 == line => {}
            Lines::From(first) => {
                let mut lines: Vec<u64> = (*first..*first + self.n_rows as u64).collect();
                lines.push(line);
                self.lines = Lines::Each(lines);
            }
            Lines::Each(lines) => lines.push(line),
        }
        self.n_rows += 1;
        if self.n_rows >= self.layout.batch_rows {
            self.end_batch();
            self.start();
        }
    }

    fn refuse(&mut self, line: u64, idx: usize, leaf: Leaf<'_>, wanted: &str) {
        if let Some(count) = self.parsed.refused.get_mut(idx) {
            *count += 1;
        }
        if self.tally.has_room() {
            let name = self.targets.get(idx).map_or("", |target| &target.name);
            let (text, _) = text_of(leaf, Kind::Text);
            self.tally.cell(
                &self.layout.source,
                Some(line),
                name,
                format!("no {wanted}; taken as missing"),
                &text,
            );
        } else {
            self.tally.stats.cells_set_aside += 1;
        }
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
                Builder::Text(texts) => Column::Text(texts),
            })
            .collect();
        self.parsed.batches.push(RawBatch { columns, lines: std::mem::take(&mut self.lines) });
    }

    /// Everything gathered, from a block of `lines` lines.
    pub(crate) fn finish(mut self, lines: u64) -> Parsed {
        self.end_batch();
        self.parsed.lines = lines;
        self.parsed.stats = self.tally.stats;
        self.parsed
    }
}

/// The plain text of a string.
fn plain(leaf: Leaf<'_>) -> Option<Cow<'_, [u8]>> {
    match leaf {
        Leaf::Text(text, escaped) if escaped.0 => Some(unescape(text).into_bytes().into()),
        Leaf::Text(text, _) => Some(text.into()),
        _ => None,
    }
}

fn float_of(leaf: Leaf<'_>) -> Option<f64> {
    match leaf {
        Leaf::Number(_, value) => Some(value),
        Leaf::Null => Some(f64::NAN),
        Leaf::Bool(value) => Some(f64::from(value)),
        Leaf::Nested(_) => None,
        Leaf::Text(..) => {
            let text = plain(leaf)?;
            let text = text.trim_ascii();
            number(text).or_else(|| is_missing(text).then_some(f64::NAN))
        }
    }
}

fn whole_of(leaf: Leaf<'_>) -> Option<i64> {
    match leaf {
        Leaf::Number(text, value) => integer(text).or_else(|| {
            // 1e3 and 5.0 are whole numbers too.
            (value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0).then_some(value as i64)
        }),
        Leaf::Null => Some(MISSING_INT),
        Leaf::Bool(value) => Some(i64::from(value)),
        Leaf::Nested(_) => None,
        Leaf::Text(..) => {
            let text = plain(leaf)?;
            let text = text.trim_ascii();
            integer(text).or_else(|| is_missing(text).then_some(MISSING_INT))
        }
    }
}

fn time_of(leaf: Leaf<'_>, form: TimeForm) -> Option<i64> {
    match leaf {
        Leaf::Number(text, value) => form.parse(text).or_else(|| value.is_nan().then_some(MISSING_TIME)),
        Leaf::Null => Some(MISSING_TIME),
        Leaf::Bool(_) | Leaf::Nested(_) => None,
        Leaf::Text(..) => {
            let text = plain(leaf)?;
            let text = text.trim_ascii();
            form.parse(text).or_else(|| is_missing(text).then_some(MISSING_TIME))
        }
    }
}

/// A value as text, and whether its bytes were no UTF-8. In a column of numbers a truth is 0 or 1, as its sample had it.
fn text_of(leaf: Leaf<'_>, native: Kind) -> (Cow<'_, str>, bool) {
    match leaf {
        Leaf::Null => ("".into(), false),
        Leaf::Bool(value) if native == Kind::Text => (if value { "true" } else { "false" }.into(), false),
        Leaf::Bool(value) => (if value { "1" } else { "0" }.into(), false),
        Leaf::Number(_, value) if value.is_nan() => ("".into(), false),
        Leaf::Number(text, value) if native != Kind::Text && integer(text).is_none() => {
            (value.to_string().into(), false)
        }
        Leaf::Text(text, escaped) if escaped.0 => (unescape(text).into(), std::str::from_utf8(text).is_err()),
        Leaf::Number(text, _) | Leaf::Nested(text) | Leaf::Text(text, _) => decode(text),
    }
}
