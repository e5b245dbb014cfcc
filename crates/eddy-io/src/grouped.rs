//! Blocks of records parsed on all cores, in order. While one group of blocks is parsed the next is read.

use std::collections::VecDeque;

use eddy_frame::Lines;

use crate::batcher::{Doubts, Parsed};
use crate::pieces::{Block, Cut, Pieces};
use crate::place::Place;
use crate::raw::{RawBatch, RawSource, RawTable, Tally, Target, most_rows};
use crate::{Note, ReadError, ReadStats};

/// Most blocks parsed at once.
const GROUP: usize = 8;

/// What tells the formats apart: how the records of a block become rows.
pub(crate) trait BlockParser: Send + Sync {
    /// Reads a block.
    fn parse(&self, block: &Block, targets: &[Target]) -> Parsed;
}

/// Where the records of an input are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extract {
    /// Where records end.
    pub cut: Cut,
    /// Bytes of text before the first.
    pub skip: u64,
    /// 1-based line of the first.
    pub first_line: u64,
}

/// A table read in groups of blocks.
pub(crate) struct Grouped<P> {
    place: Place,
    extract: Extract,
    parser: P,
    table: RawTable,
    shown: usize,
    pieces: Option<Pieces>,
    /// Blocks read and not yet parsed.
    read: Vec<Block>,
    /// Batches parsed and not yet handed out.
    ready: VecDeque<RawBatch>,
    /// The line at which the next block begins.
    line: u64,
    tally: Tally,
    refused: Vec<u64>,
    doubts: Doubts,
}

impl<P: BlockParser> Grouped<P> {
    /// A table that begins at its first row. Of what is set aside the first `shown` are kept.
    pub(crate) fn new(place: &Place, extract: Extract, parser: P, table: RawTable, shown: usize) -> Self {
        Self {
            place: place.clone(),
            extract,
            parser,
            shown,
            pieces: None,
            read: Vec::new(),
            ready: VecDeque::new(),
            line: extract.first_line,
            tally: Tally::new(shown),
            refused: vec![0; table.columns.len()],
            doubts: Doubts::default(),
            table,
        }
    }

    /// Parses the blocks at hand while the next are read. False at the end.
    fn advance(&mut self, targets: &[Target]) -> Result<bool, ReadError> {
        let mut pieces = if let Some(pieces) = self.pieces.take() {
            pieces
        } else {
            let most_records = most_rows(usize::MAX, self.table.columns.len());
            Pieces::open(&self.place, self.extract.cut, self.extract.skip, most_records)?
        };
        let blocks = match std::mem::take(&mut self.read) {
            blocks if blocks.is_empty() => read(&mut pieces, 1)?,
            blocks => blocks,
        };
        if blocks.is_empty() {
            self.pieces = Some(pieces);
            return Ok(false);
        }
        let parser = &self.parser;
        let mut slots: Vec<Option<Parsed>> = blocks.iter().map(|_| None).collect();
        let next = rayon::in_place_scope(|scope| {
            for (slot, block) in slots.iter_mut().zip(&blocks) {
                scope.spawn(move |_| *slot = Some(parser.parse(block, targets)));
            }
            read(&mut pieces, rayon::current_num_threads().clamp(1, GROUP))
        });
        self.pieces = Some(pieces);
        slots.into_iter().flatten().for_each(|parsed| self.take_over(parsed));
        self.read = next?;
        Ok(true)
    }

    /// Takes over what a block held, with lines counted from the input's first.
    fn take_over(&mut self, mut parsed: Parsed) {
        let first = self.line;
        self.line += parsed.lines;
        self.doubts.add(&parsed);
        for (sum, count) in self.refused.iter_mut().zip(&parsed.refused) {
            *sum += count;
        }
        for shown in &mut parsed.stats.first_set_aside {
            shown.line = shown.line.map(|line| line + first);
        }
        self.tally.add(&parsed.stats);
        for mut batch in parsed.batches {
            match &mut batch.lines {
                Lines::None => {}
                Lines::From(line) => *line += first,
                Lines::Each(lines) => lines.iter_mut().for_each(|line| *line += first),
            }
            self.ready.push_back(batch);
        }
    }
}

fn read(pieces: &mut Pieces, n_blocks: usize) -> Result<Vec<Block>, ReadError> {
    std::iter::from_fn(|| pieces.next().transpose()).take(n_blocks).collect()
}

impl<P: BlockParser> RawSource for Grouped<P> {
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
        stats.bytes_read = self.pieces.as_ref().map_or(0, |pieces| pieces.bytes_read);
        stats
    }

    fn refused(&self) -> Vec<u64> {
        self.refused.clone()
    }

    fn doubts(&self) -> Vec<Note> {
        let mut notes = self.doubts.notes();
        let is_array = matches!(self.extract.cut, Cut::Array | Cut::Member);
        if is_array && self.pieces.as_ref().is_some_and(|pieces| !pieces.closed) {
            let text = "the input ends before its array does; records at its end are missing".to_owned();
            notes.push(Note { column: None, text });
        }
        notes
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.pieces = None;
        self.read.clear();
        self.ready.clear();
        self.line = self.extract.first_line;
        self.tally = Tally::new(self.shown);
        self.refused.fill(0);
        self.doubts = Doubts::default();
        Ok(())
    }
}
