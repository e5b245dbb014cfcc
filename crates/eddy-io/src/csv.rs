//! Tables of lines: comma, tab, semicolon, pipe or blank separated.
//!
//! The text is read in blocks of whole records ([`blocks`]); while one group of blocks is parsed on all cores
//! ([`parse`]), the next is read. Order is kept, and memory is bounded by the group.

pub(crate) mod blocks;
pub(crate) mod dialect;
mod parse;
pub(crate) mod record;

use std::collections::VecDeque;
use std::io::Read;

use eddy_frame::{Column, Kind, Lines};
use memchr::{memchr_iter, memrchr};

use self::blocks::{BLOCK_BYTES, Blocks, MAX_RECORD};
use self::dialect::{Dialect, Refusal};
use self::parse::{Layout, parse_block};
use crate::batcher::Parsed;
use crate::encoding::Encoding;
use crate::place::{HEAD_BYTES, Packing, Place};
use crate::raw::{RawBatch, RawColumn, RawSource, RawTable, SAMPLE_ROWS, Tally, Target};
use crate::{Note, ReadError, ReadOptions, ReadStats};

/// Most blocks parsed at once.
const GROUP: usize = 8;
/// Places of a plain file that are sampled besides its head.
const SPOTS: u64 = 8;
/// Bytes looked at in each of them.
const SPOT_BYTES: usize = 64 << 10;

/// Opens a table of lines.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let encoding = Encoding::of(&place.head(4096)?);
    let head = head(place)?;
    let dialect = dialect::find(&head).map_err(|refusal| refused(place, refusal))?;
    let layout = Layout {
        marks: dialect.marks,
        n_cols: dialect.n_cols,
        header_line: dialect.header_line.clone(),
        comments: dialect.comments,
        decimal_comma: dialect.decimal_comma,
        source: place.name().clone(),
        batch_rows: options.batch_rows.max(1),
        shown: options.shown,
    };
    let table = table(place, &head, &dialect, &layout, encoding);
    let mut source = CsvSource {
        place: place.clone(),
        refused: vec![0; dialect.n_cols],
        dialect,
        layout,
        table,
        blocks: None,
        read: Vec::new(),
        ready: VecDeque::new(),
        line: 1,
        tally: Tally::default(),
        recoded: 0,
    };
    source.reset();
    Ok(Box::new(source))
}

/// The beginning of the text, as much as holds a few lines, cut after a line end.
fn head(place: &Place) -> Result<Vec<u8>, ReadError> {
    let mut reader = place.text()?;
    let mut head = Vec::new();
    let mut limit = HEAD_BYTES;
    loop {
        let missing = limit - head.len();
        let n = (&mut reader)
            .take(missing as u64)
            .read_to_end(&mut head)
            .map_err(|source| place.error(source))?;
        if n < missing {
            let newline =
                if memchr::memchr(b'\n', &head).is_some() || !head.contains(&b'\r') { b'\n' } else { b'\r' };
            if head.last() != Some(&newline) {
                head.push(newline);
            }
            return Ok(head);
        }
        let lines = memchr_iter(b'\n', &head).count().max(memchr_iter(b'\r', &head).count());
        if lines >= 4 || limit >= MAX_RECORD {
            let cut = memrchr(b'\n', &head).or_else(|| memrchr(b'\r', &head));
            let Some(cut) = cut else {
                return Err(ReadError::Malformed {
                    path: place.name().to_string(),
                    place: "line 1".to_owned(),
                    what: format!("it is longer than {} MiB", MAX_RECORD >> 20),
                    mend: "this is hardly a table of lines; convert it to CSV, NDJSON or Parquet".to_owned(),
                });
            };
            head.truncate(cut + 1);
            return Ok(head);
        }
        limit *= 4;
    }
}

fn refused(place: &Place, refusal: Refusal) -> ReadError {
    let path = place.name().to_string();
    match refusal {
        Refusal::NotATable { what, mend } => ReadError::NotATable { path, what, mend },
        Refusal::Malformed { place, what, mend } => ReadError::Malformed { path, place, what, mend },
    }
}

fn table(place: &Place, head: &[u8], dialect: &Dialect, layout: &Layout, encoding: Encoding) -> RawTable {
    let names = dialect.names.clone().unwrap_or_else(|| vec![String::new(); dialect.n_cols]);
    let valid = std::str::from_utf8(head).is_ok();
    let encoding = if valid { encoding.name() } else { "UTF-8 with other bytes (read as Windows-1252)" };
    let packing = match place.packing() {
        Packing::Plain => "",
        Packing::Gzip => ", gzip",
        Packing::Zstd => ", zstd",
    };
    let (sample, contiguous) = sample(place, head, dialect, layout);
    RawTable {
        format: format!("{}, {encoding}{packing}", dialect.description),
        named: dialect.names.is_some(),
        columns: names.into_iter().map(|name| RawColumn::new(name, Kind::Text)).collect(),
        sample,
        contiguous,
        decimal_comma: dialect.decimal_comma,
        bytes: place.stored_bytes(),
        notes: dialect.notes.iter().map(|text| Note { column: None, text: text.clone() }).collect(),
    }
}

/// Cells of the first rows, and of a few places further on when the file can be read anywhere.
fn sample(place: &Place, head: &[u8], dialect: &Dialect, layout: &Layout) -> (Vec<Column>, usize) {
    let targets: Vec<Target> =
        (0..layout.n_cols).map(|_| Target { name: String::new(), kind: Kind::Text, time: None }).collect();
    let layout = Layout { batch_rows: SAMPLE_ROWS, shown: 0, ..layout.clone() };
    let first = |text: &[u8], rows: usize| -> Vec<Column> {
        let end = memchr_iter(layout.marks.newline, text).nth(rows).map_or(text.len(), |at| at + 1);
        let text = text.get(..end).unwrap_or_default();
        let recut = dialect.wide_blanks.then(|| blocks::split_wide_blanks(text, layout.marks.delimiter));
        let parsed = parse_block(recut.as_deref().unwrap_or(text), &layout, &targets);
        parsed.batches.into_iter().next().map(|batch| batch.columns).unwrap_or_default()
    };
    let mut columns = first(head.get(dialect.data_start..).unwrap_or_default(), SAMPLE_ROWS);
    if columns.is_empty() {
        columns = targets.iter().map(|target| Column::empty(target.kind)).collect();
    }
    let contiguous = columns.first().map_or(0, Column::len);
    let size = place.stored_bytes().unwrap_or(0);
    if size > 2 * BLOCK_BYTES as u64 {
        for spot in 1..=SPOTS {
            let offset = (size / SPOTS * spot).saturating_sub(SPOT_BYTES as u64);
            let Some(bytes) = place.plain_at(offset, SPOT_BYTES) else { break };
            // UTF-16 cannot be entered in the middle; such files are sampled at the head only.
            if memchr::memchr(0, &bytes).is_some() {
                break;
            }
            let Some(start) = memchr::memchr(layout.marks.newline, &bytes) else { continue };
            let end = memrchr(layout.marks.newline, &bytes).map_or(0, |at| at + 1);
            let more = first(bytes.get(start + 1..end).unwrap_or_default(), SAMPLE_ROWS / 16);
            for (to, from) in columns.iter_mut().zip(&more) {
                to.append(from);
            }
        }
    }
    (columns, contiguous)
}

struct CsvSource {
    place: Place,
    dialect: Dialect,
    layout: Layout,
    table: RawTable,
    /// The stream, once reading has begun.
    blocks: Option<Blocks>,
    /// Blocks read and not yet parsed.
    read: Vec<Vec<u8>>,
    /// Batches parsed and not yet handed out.
    ready: VecDeque<RawBatch>,
    /// The line at which the next block begins.
    line: u64,
    tally: Tally,
    /// Cells set aside, per column.
    refused: Vec<u64>,
    /// Cells that were no UTF-8.
    recoded: u64,
}

impl CsvSource {
    fn reset(&mut self) {
        self.blocks = None;
        self.read.clear();
        self.ready.clear();
        self.line = self.dialect.first_line;
        self.tally = Tally::new(self.layout.shown);
        self.refused = vec![0; self.layout.n_cols];
        self.recoded = 0;
        for (line, reason, text) in &self.dialect.preamble {
            self.tally.row(&self.layout.source, Some(*line), reason.clone(), text);
        }
    }

    /// Parses the blocks read and meanwhile reads as many more. False at the end.
    fn advance(&mut self, targets: &[Target]) -> Result<bool, ReadError> {
        let mut blocks = match self.blocks.take() {
            Some(blocks) => blocks,
            None => Blocks::open(
                &self.place,
                &self.layout,
                self.dialect.wide_blanks,
                self.dialect.data_start as u64,
            )?,
        };
        let group = rayon::current_num_threads().clamp(1, GROUP);
        let mut current = std::mem::take(&mut self.read);
        if current.is_empty() {
            current = read_group(&mut blocks, 1)?;
        }
        if current.is_empty() {
            self.blocks = Some(blocks);
            return Ok(false);
        }
        let layout = &self.layout;
        let mut results: Vec<Parsed> = current.iter().map(|_| Parsed::default()).collect();
        let next = rayon::in_place_scope(|scope| {
            for (result, block) in results.iter_mut().zip(&current) {
                scope.spawn(move |_| *result = parse_block(block, layout, targets));
            }
            read_group(&mut blocks, group)
        });
        for block in current {
            blocks.give_back(block);
        }
        self.blocks = Some(blocks);
        for parsed in results {
            self.collect(parsed);
        }
        self.read = next?;
        Ok(true)
    }

    /// Takes over what a block held, with lines counted from the file's first.
    fn collect(&mut self, parsed: Parsed) {
        let first = self.line;
        self.line += parsed.lines;
        self.recoded += parsed.recoded;
        for (sum, count) in self.refused.iter_mut().zip(&parsed.refused) {
            *sum += count;
        }
        let mut stats = parsed.stats;
        for shown in &mut stats.first_set_aside {
            shown.line = shown.line.map(|line| line + first);
        }
        self.tally.add(&stats);
        self.ready.extend(parsed.batches.into_iter().map(|mut batch| {
            match &mut batch.lines {
                Lines::None => {}
                Lines::From(line) => *line += first,
                Lines::Each(lines) => lines.iter_mut().for_each(|line| *line += first),
            }
            batch
        }));
    }
}

fn read_group(blocks: &mut Blocks, group: usize) -> Result<Vec<Vec<u8>>, ReadError> {
    let mut read = Vec::with_capacity(group);
    while read.len() < group
        && let Some(block) = blocks.next()?
    {
        read.push(block);
    }
    Ok(read)
}

impl RawSource for CsvSource {
    fn table(&self) -> &RawTable {
        &self.table
    }

    fn next_batch(&mut self, targets: &[Target]) -> Result<Option<RawBatch>, ReadError> {
        while self.ready.is_empty() {
            if !self.advance(targets)? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front())
    }

    fn stats(&self) -> ReadStats {
        let mut stats = self.tally.stats.clone();
        stats.bytes_read = self.blocks.as_ref().map_or(0, |blocks| blocks.bytes_read);
        stats
    }

    fn refused(&self) -> Vec<u64> {
        self.refused.clone()
    }

    fn doubts(&self) -> Vec<Note> {
        let text = format!("{} cells were no UTF-8 and were read as Windows-1252", self.recoded);
        if self.recoded > 0 { vec![Note { column: None, text }] } else { Vec::new() }
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.reset();
        Ok(())
    }
}
