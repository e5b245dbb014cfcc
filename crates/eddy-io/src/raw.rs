//! What every format reader gives: names, a sample and batches of values. What the columns mean is decided afterwards,
//! in one place, for all formats (`roles.rs`).
//!
//! A new format is one file with `open(place, options) -> Result<Box<dyn RawSource>, ReadError>` and one line in
//! the list of formats in `sniff.rs`.

use eddy_frame::{Column, Kind, Lines, TimeStyle};

use crate::timeparse::TimeForm;
use crate::{ArpClaim, Note, PacketSign, ReadError, ReadStats, SetAside};

/// Rows of a sample: enough to tell kinds and roles, little enough to be read at once.
pub(crate) const SAMPLE_ROWS: usize = 4096;

/// Most cells made at a time. Where a row may take fewer bytes than it has cells (`{}` in JSON and ARFF, columns of nulls
/// in Arrow) a small input could otherwise ask for any amount of memory. Rows that are written out in full have fewer
/// cells than this in a block.
const MOST_CELLS: usize = 1 << 23;

/// Most rows of `n_columns` columns made at a time, of `wanted`; at least one.
pub(crate) fn most_rows(wanted: usize, n_columns: usize) -> usize {
    wanted.min(MOST_CELLS / n_columns.max(1)).max(1)
}

/// A column as the format itself describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RawColumn {
    /// The name as written, neither trimmed nor made unique (the role inference does both). Empty when unnamed.
    pub name: String,
    /// The kind of the format's own values: CSV has only [`Kind::Text`]; JSON and ARFF numbers are [`Kind::Float`],
    /// booleans are floats 0 and 1; Parquet and Arrow timestamps and dates are [`Kind::Time`], whole numbers
    /// [`Kind::Float`] unless a value lies beyond 2^53 ([`Kind::Int`]), decimals floats.
    pub kind: Kind,
    /// How times were written, for a native [`Kind::Time`].
    pub time_style: TimeStyle,
    /// Unit, where the format says so.
    pub unit: Option<String>,
}

impl RawColumn {
    /// A column of the given name and native kind.
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind, time_style: TimeStyle::default(), unit: None }
    }
}

/// What is known of a table once it is open and before its rows are read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RawTable {
    /// "CSV, comma, header, UTF-8, LF", "Parquet", "NDJSON" ...
    pub format: String,
    /// Whether the names come from the input. False for a CSV without header: `columns` then has empty names.
    pub named: bool,
    /// The columns, in order.
    pub columns: Vec<RawColumn>,
    /// Values of up to [`SAMPLE_ROWS`] rows or so, one entry per column, each of its column's native kind.
    pub sample: Vec<Column>,
    /// How many rows at the start of the sample follow each other in the source (counters are found in these).
    pub contiguous: usize,
    /// Numbers in text have a comma before their decimals.
    pub decimal_comma: bool,
    /// Total size on disk in bytes, where known.
    pub bytes: Option<u64>,
    /// What was assumed while opening.
    pub notes: Vec<Note>,
}

/// How a column is to be handed out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The column's final name, for messages.
    pub name: String,
    /// The kind wanted.
    pub kind: Kind,
    /// How to read times from text or numbers, when `kind` is [`Kind::Time`] and the native kind is another.
    pub time: Option<TimeForm>,
}

/// A run of rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct RawBatch {
    /// One column per column of the table, equally long.
    pub columns: Vec<Column>,
    /// Where the rows stood.
    pub lines: Lines,
}

/// A table whose columns have names and kinds but no meaning yet.
pub(crate) trait RawSource: Send {
    /// What was found out while opening.
    fn table(&self) -> &RawTable;

    /// The next rows (at most `ReadOptions::batch_rows`; never an empty batch), or nothing at the end. `targets` has one entry per
    /// column. A reader that can parse straight into the wanted kind does so (CSV); any other hands out the native
    /// kind, and the caller converts whatever is not of the wanted kind yet.
    fn next_batch(&mut self, targets: &[Target]) -> Result<Option<RawBatch>, ReadError>;

    /// Rows and cells set aside and bytes read so far (`rows_read` is counted by the caller: leave it 0).
    fn stats(&self) -> ReadStats;

    /// Cells set aside so far, per column. Readers that hand out native kinds set none aside.
    fn refused(&self) -> Vec<u64> {
        Vec::new()
    }

    /// What came up while reading that the user should know, asked for at the end of the rows.
    fn doubts(&self) -> Vec<Note> {
        Vec::new()
    }

    /// What ARP packets said of who has which address, asked for at the end of the rows.
    fn arp_claims(&self) -> &[ArpClaim] {
        &[]
    }

    /// What single packets tell that nobody sends in good faith, asked for at the end of the rows.
    fn packet_signs(&self) -> &[PacketSign] {
        &[]
    }

    /// Starts again from the first row, with the counts at zero.
    fn rewind(&mut self) -> Result<(), ReadError>;
}

/// Counts what is set aside and keeps the first few to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// The counts.
    pub stats: ReadStats,
    /// How many are kept.
    shown: usize,
}

impl Tally {
    /// A tally that keeps the first `shown`.
    pub(crate) fn new(shown: usize) -> Self {
        Self { stats: ReadStats::default(), shown }
    }

    /// Counts a row that could not be read. `text` is cut to 120 characters.
    pub(crate) fn row(&mut self, source: &str, line: Option<u64>, reason: String, text: &str) {
        self.stats.rows_set_aside += 1;
        self.keep(source, line, None, reason, text);
    }

    /// Counts a cell that was treated as missing. `text` is cut to 120 characters.
    pub(crate) fn cell(&mut self, source: &str, line: Option<u64>, column: &str, reason: String, text: &str) {
        self.stats.cells_set_aside += 1;
        self.keep(source, line, Some(column.to_owned()), reason, text);
    }

    /// Whether there is room to show another one (so that no text is made for nothing).
    pub(crate) fn has_room(&self) -> bool {
        self.stats.first_set_aside.len() < self.shown
    }

    /// Adds the counts of `other`, which came later.
    pub(crate) fn add(&mut self, other: &ReadStats) {
        self.stats.rows_read += other.rows_read;
        self.stats.rows_set_aside += other.rows_set_aside;
        self.stats.cells_set_aside += other.cells_set_aside;
        self.stats.bytes_read += other.bytes_read;
        let room = self.shown.saturating_sub(self.stats.first_set_aside.len());
        self.stats.first_set_aside.extend(other.first_set_aside.iter().take(room).cloned());
    }

    fn keep(&mut self, source: &str, line: Option<u64>, column: Option<String>, reason: String, text: &str) {
        if self.has_room() {
            let text = text.chars().take(120).collect();
            self.stats.first_set_aside.push(SetAside {
                source: source.to_owned(),
                line,
                column,
                reason,
                text,
            });
        }
    }
}
