//! How a text file is laid out, found from its first bytes: line ends, delimiter, header, comments, decimal comma.

use std::net::IpAddr;

use memchr::{memchr, memchr_iter};

use super::blocks::split_wide_blanks;
use super::record::{Cell, End, Marks, Walker, cells_at};
use crate::cells::{is_missing, number, number_with_comma};
use crate::shapes;
use crate::timeparse::TimeForm;

/// A table with more columns is refused: it is likelier a matrix that lost its line ends.
pub(crate) const MAX_COLUMNS: usize = 65_536;
/// Records looked at to find the delimiter and the header.
const LOOKED_AT: usize = 200;

/// What the beginning of a text file says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dialect {
    /// How records are divided.
    pub marks: Marks,
    /// Columns.
    pub n_cols: usize,
    /// Names, when the file has a header.
    pub names: Option<Vec<String>>,
    /// The header line as it stands in the file, without line end.
    pub header_line: Vec<u8>,
    /// Lines that begin with `#` are comments.
    pub comments: bool,
    /// Numbers have a comma before their decimals.
    pub decimal_comma: bool,
    /// Three blanks stand for a delimiter.
    pub wide_blanks: bool,
    /// Where the first row begins, in bytes and as a 1-based line.
    pub data_start: usize,
    /// The line of the first row.
    pub first_line: u64,
    /// Lines before the table that belong to no row: line, reason, text.
    pub preamble: Vec<(u64, String, String)>,
    /// "comma, header, LF".
    pub description: String,
    /// What was assumed.
    pub notes: Vec<String>,
}

/// Why a text is no table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is something else.
    NotATable {
        /// What.
        what: String,
        /// What to do.
        mend: String,
    },
    /// It is a damaged table.
    Malformed {
        /// Where.
        place: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: String,
    },
}

/// A record of the head: its cells as text, where it begins, and its line.
#[derive(Debug, Clone)]
struct Record {
    cells: Vec<String>,
    start: usize,
    end: usize,
    line: u64,
}

/// Finds the layout. `head` is text that begins where the file begins and ends with a newline.
pub(crate) fn find(head: &[u8]) -> Result<Dialect, Refusal> {
    let (newline, line_end) = line_end(head);
    let mut top = Top::read(head, newline);
    if top.at >= head.len() && top.fields.is_none() {
        let what = if head.trim_ascii().is_empty() { "it is empty" } else { "it holds comments only" };
        return Err(Refusal::NotATable {
            what: what.to_owned(),
            mend: "give a file with at least a header line".to_owned(),
        });
    }
    let hash_prefix = head.get(top.at..).is_some_and(|rest| rest.starts_with(b"#\""));
    let marks_of = |delimiter| Marks { delimiter, newline, hash_prefix };
    let body = Body { head, from: top.at, line: top.line };
    let delimiter = match top.delimiter {
        Some(delimiter) => delimiter,
        None => body.delimiter(marks_of),
    };
    let marks = marks_of(delimiter);
    let wide_blanks = top.fields.as_ref().is_some_and(|line| line.windows(3).any(|three| three == b"   "));
    let mut notes = Vec::new();
    let mut preamble = Vec::new();

    if let Some(fields) = top.fields.take() {
        let fields = if wide_blanks { split_wide_blanks(&fields, delimiter) } else { fields };
        let names: Vec<String> = fields
            .split(|byte| *byte == delimiter)
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        return Ok(Dialect {
            marks,
            n_cols: names.len(),
            names: Some(names),
            header_line: Vec::new(),
            comments: true,
            decimal_comma: false,
            wide_blanks,
            data_start: top.at,
            first_line: top.line,
            preamble,
            description: format!("Zeek log, {}, {line_end}", delimiter_name(delimiter)),
            notes,
        });
    }

    let mut records = body.records(marks);
    let (modal, share) = modal(&records);
    // Title lines before the table have fewer cells than its rows.
    // One cell fewer may also be a header without a name for row numbers, unless a header follows.
    let is_title = |record: &Record, skipped: usize| {
        let follows = records.get(skipped).zip(records.get(skipped + 1..));
        record.cells.len() + 1 < modal
            || (record.cells.len() + 1 == modal
                && follows
                    .is_some_and(|(next, rest)| !rest.is_empty() && is_header(&next.cells, rest, false)))
    };
    if records.len() > 2
        && share > 0.5
        && let Some(skipped) = records.iter().take(20).position(|record| record.cells.len() == modal)
        && records.iter().take(skipped).all(|record| is_title(record, skipped))
    {
        for record in records.drain(..skipped) {
            let text = head.get(record.start..record.end).unwrap_or_default();
            let reason = format!("{} fields instead of {modal}, before the table", record.cells.len());
            preamble.push((record.line, reason, String::from_utf8_lossy(text.trim_ascii_end()).into_owned()));
        }
    }
    let Some(first) = records.first().cloned() else {
        return Err(Refusal::Malformed {
            place: format!("line {}", top.line),
            what: "a quote is opened and never closed".to_owned(),
            mend: "close it, or remove it".to_owned(),
        });
    };
    let rest = records.get(1..).unwrap_or_default();
    if delimiter == NO_DELIMITER {
        refuse_prose(&first, rest)?;
    } else if share <= 0.3 && records.len() > 5 {
        return Err(Refusal::NotATable {
            what: format!(
                "text, but no table: no delimiter divides its lines evenly (the best, {}, gives {modal} fields in {:.0} % of them)",
                delimiter_name(delimiter),
                share * 100.0
            ),
            mend: "give a table with one delimiter and the same number of fields on each line".to_owned(),
        });
    }

    let comma = matches!(delimiter, b';' | b'\t' | b'|') && uses_decimal_comma(&records);
    if comma {
        notes.push("numbers have a comma before their decimals".to_owned());
    }
    let (mut names, mut data_start, mut first_line, mut header_line) =
        (None, first.start, first.line, Vec::new());
    if is_header(&first.cells, rest, comma) {
        header_line = head.get(first.start..first.end).unwrap_or_default().trim_ascii_end().to_vec();
        first_line = first.line
            + memchr_iter(newline, head.get(first.start..first.end).unwrap_or_default()).count() as u64;
        data_start = first.end;
        names = Some(first.cells.clone());
    } else if let Some(comment) = &top.last_comment {
        let cells: Vec<String> = comment
            .split(|byte| *byte == delimiter)
            .map(|name| String::from_utf8_lossy(name).trim().trim_matches('"').to_owned())
            .collect();
        if cells.len() == modal && is_header(&cells, &records, comma) {
            notes.push("the last comment line before the rows is taken for the header".to_owned());
            names = Some(cells);
        }
    }
    let rows = if data_start == first.start { records.as_slice() } else { rest };
    let n_cols = fit_names(&mut names, rows, first.line, &mut notes)?;
    if n_cols > MAX_COLUMNS {
        return Err(Refusal::Malformed {
            place: format!("line {}", first.line),
            what: format!("it has more than {MAX_COLUMNS} fields"),
            mend: "transpose the table, or split it into tables of fewer columns".to_owned(),
        });
    }
    let header = if names.is_some() { "header" } else { "no header" };
    Ok(Dialect {
        marks,
        n_cols,
        names,
        header_line,
        comments: top.comments,
        decimal_comma: comma,
        wide_blanks: false,
        data_start,
        first_line,
        preamble,
        description: format!("CSV, {}, {header}, {line_end}", delimiter_name(delimiter)),
        notes,
    })
}

/// Stands for "no delimiter": no text holds this byte.
const NO_DELIMITER: u8 = 0;

fn delimiter_name(delimiter: u8) -> &'static str {
    match delimiter {
        b',' => "comma",
        b'\t' => "tab",
        b';' => "semicolon",
        b'|' => "pipe",
        b' ' => "blank",
        NO_DELIMITER => "one column",
        _ => "own delimiter",
    }
}

fn line_end(head: &[u8]) -> (u8, &'static str) {
    let lf = memchr_iter(b'\n', head).count();
    let crlf = memchr::memmem::find_iter(head, b"\r\n").count();
    let lone_cr = memchr_iter(b'\r', head).count() - crlf;
    if lone_cr > 4 * lf.saturating_sub(1) && lone_cr > 0 {
        (b'\r', "CR")
    } else if crlf * 2 > lf {
        (b'\n', "CRLF")
    } else {
        (b'\n', "LF")
    }
}

/// The lines before the first record: blank ones, comments, `sep=;`, and a Zeek log's header.
#[derive(Default)]
struct Top {
    at: usize,
    line: u64,
    delimiter: Option<u8>,
    /// The text after `#fields` of a Zeek log.
    fields: Option<Vec<u8>>,
    comments: bool,
    last_comment: Option<Vec<u8>>,
}

impl Top {
    fn read(head: &[u8], newline: u8) -> Self {
        let mut top = Self { line: 1, ..Self::default() };
        let mut zeek = false;
        while let Some(rest) = head.get(top.at..).filter(|rest| !rest.is_empty()) {
            let length = memchr(newline, rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default().trim_ascii_end();
            // Some copies of Zeek logs begin with a blank.
            let line = if line.trim_ascii_start().starts_with(b"#") { line.trim_ascii_start() } else { line };
            if let Some(separator) = line.strip_prefix(b"#separator ") {
                zeek = true;
                top.delimiter = Some(zeek_separator(separator));
            } else if let Some(fields) = line.strip_prefix(b"#fields").filter(|_| line.len() > 8) {
                let separator = fields.first().copied().unwrap_or(b'\t');
                top.delimiter.get_or_insert(separator);
                top.fields = fields.get(1..).map(<[u8]>::to_vec);
                zeek = true;
            } else if let Some(separator) = line.strip_prefix(b"sep=").filter(|_| top.at == 0) {
                top.delimiter = separator.first().copied();
            } else if line.first() == Some(&b'#') && line.get(1) != Some(&b'"') {
                if !zeek {
                    top.last_comment = Some(trim_hashes(line).to_vec());
                }
            } else if !line.trim_ascii().is_empty() {
                break;
            }
            top.comments |= line.first() == Some(&b'#');
            top.at += (length + 1).min(rest.len());
            top.line += 1;
        }
        top
    }
}

/// A comment without the `#` and blanks at its beginning.
fn trim_hashes(line: &[u8]) -> &[u8] {
    let n = line.iter().take_while(|byte| matches!(byte, b'#' | b' ')).count();
    line.get(n..).unwrap_or_default()
}

/// `\x09` or the character itself.
fn zeek_separator(text: &[u8]) -> u8 {
    let hexadecimal = text.strip_prefix(b"\\x").and_then(|digits| std::str::from_utf8(digits).ok());
    hexadecimal
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .or_else(|| text.first().copied())
        .unwrap_or(b'\t')
}

/// The records of the head.
struct Body<'a> {
    head: &'a [u8],
    from: usize,
    line: u64,
}

impl Body<'_> {
    fn records(&self, marks: Marks) -> Vec<Record> {
        let mut walker = Walker::new(marks, 0);
        let mut cells: Vec<Cell> = Vec::new();
        let mut records = Vec::new();
        let (mut pos, mut line) = (self.from, self.line);
        while pos < self.head.len() && records.len() < LOOKED_AT {
            let end = match cells_at(&mut walker, self.head, pos, &mut cells) {
                End::At(end) | End::Broken(end) => end,
                End::Open => {
                    let rest = self.head.get(pos..).unwrap_or_default();
                    memchr(marks.newline, rest).map_or(self.head.len(), |at| pos + at + 1)
                }
            };
            let bytes = self.head.get(pos..end).unwrap_or_default();
            if !bytes.trim_ascii().is_empty() && !cells.is_empty() {
                // One more than the most is enough to refuse the table.
                let cells = cells
                    .iter()
                    .take(MAX_COLUMNS + 1)
                    .map(|cell| cell.text(self.head).0.into_owned())
                    .collect();
                records.push(Record { cells, start: pos, end, line });
            }
            line += memchr_iter(marks.newline, bytes).count() as u64;
            pos = end;
        }
        records
    }

    /// The delimiter that divides the records most evenly.
    fn delimiter(&self, marks_of: impl Fn(u8) -> Marks) -> u8 {
        let mut best = (0.0, NO_DELIMITER);
        for delimiter in [b',', b'\t', b';', b'|'] {
            let records = self.records(marks_of(delimiter));
            let (modal, share) = modal(&records);
            if modal < 2 || (share <= 0.3 && records.len() > 5) {
                continue;
            }
            let first = records.first().is_some_and(|record| record.cells.len() == modal);
            let score = share + if first { 0.2 } else { 0.0 } + modal.min(50) as f64 * 0.001;
            if score > best.0 {
                best = (score, delimiter);
            }
        }
        if best.1 == NO_DELIMITER {
            let records = self.records(marks_of(b' '));
            let (modal, share) = modal(&records);
            let valued =
                records.iter().flat_map(|record| &record.cells).filter(|cell| is_value(cell, false)).count();
            let cells: usize = records.iter().map(|record| record.cells.len()).sum();
            let named = records.first().is_some_and(|first| names_known(&first.cells));
            if modal >= 3 && share >= 0.5 && (named || valued * 4 >= cells) {
                return b' ';
            }
        }
        best.1
    }
}

/// The commonest number of cells, and the share of records that have it.
fn modal(records: &[Record]) -> (usize, f64) {
    let mut counts: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
    for record in records {
        *counts.entry(record.cells.len()).or_default() += 1;
    }
    let (width, count) = counts.into_iter().max_by_key(|(_, count)| *count).unwrap_or((0, 0));
    (width, count as f64 / records.len().max(1) as f64)
}

/// One column of words is text, not a table.
fn refuse_prose(first: &Record, rest: &[Record]) -> Result<(), Refusal> {
    let lines = rest.len();
    let valued = rest
        .iter()
        .flat_map(|record| &record.cells)
        .filter(|cell| is_value(cell, false) || is_missing(cell.as_bytes()));
    let alone = lines == 0 && first.cells.iter().any(|cell| is_value(cell, false));
    if alone || (lines > 0 && valued.count() * 2 > lines) {
        return Ok(());
    }
    Err(Refusal::NotATable { what: "text without columns".to_owned(), mend: crate::sniff::READ.to_owned() })
}

fn is_value(cell: &str, comma: bool) -> bool {
    let bytes = cell.as_bytes();
    number(bytes).is_some()
        || (comma && number_with_comma(bytes).is_some())
        || TimeForm::TEXT.iter().any(|form| form.parse(bytes).is_some())
        || cell.parse::<IpAddr>().is_ok()
}

fn uses_decimal_comma(records: &[Record]) -> bool {
    let cells = || records.iter().skip(1).flat_map(|record| &record.cells).map(String::as_bytes);
    let with_comma = cells().filter(|cell| cell.contains(&b',') && number_with_comma(cell).is_some()).count();
    let with_point = cells().filter(|cell| cell.contains(&b'.') && number(cell).is_some()).count();
    with_comma > with_point
}

/// Whether half of the cells are names that some shape knows.
fn names_known(cells: &[String]) -> bool {
    let known = cells.iter().filter(|cell| shapes::is_known_name(cell)).count();
    known > 0 && known * 2 >= cells.iter().filter(|cell| !cell.is_empty()).count()
}

/// Whether a first record names the columns of the records after it.
fn is_header(first: &[String], rest: &[Record], comma: bool) -> bool {
    if first.iter().all(String::is_empty) {
        return false;
    }
    if names_known(first) {
        return true;
    }
    let column = |idx: usize| rest.iter().filter_map(move |record| record.cells.get(idx));
    let holds_values = |idx: usize| {
        let filled = column(idx).filter(|cell| !is_missing(cell.as_bytes())).count();
        filled > 0 && column(idx).filter(|cell| is_value(cell, comma)).count() * 2 > filled
    };
    let is_word = |cell: &String| !is_missing(cell.as_bytes()) && !is_value(cell, comma);
    let breaks = first.iter().enumerate().filter(|(idx, cell)| is_word(cell) && holds_values(*idx)).count();
    let numbers: Vec<f64> = first.iter().filter_map(|cell| number(cell.as_bytes())).collect();
    if first.iter().any(|cell| is_value(cell, comma)) {
        // Names that count: 0, 1, 2 ... above other numbers, and a word beside them.
        let counts = numbers.windows(2).all(|pair| matches!(pair, [a, b] if a + 1.0 == *b));
        let many = numbers.len() >= 3 && numbers.first().is_some_and(|first| *first == 0.0 || *first == 1.0);
        return counts && (many || (breaks > 0 && numbers.len() >= 2)) && first.iter().any(is_word);
    }
    if rest.is_empty() || breaks > 0 {
        return true;
    }
    let distinct = first.iter().collect::<std::collections::HashSet<_>>().len() == first.len();
    distinct && first.iter().enumerate().all(|(idx, cell)| column(idx).all(|other| other != cell))
}

/// Makes names and rows fit; gives the number of columns.
fn fit_names(
    names: &mut Option<Vec<String>>,
    rows: &[Record],
    line: u64,
    notes: &mut Vec<String>,
) -> Result<usize, Refusal> {
    let (modal, share) = modal(rows);
    let Some(names) = names else { return Ok(modal) };
    if rows.is_empty() || names.len() == modal {
        return Ok(names.len());
    }
    let of_modal = || rows.iter().filter(|row| row.cells.len() == modal);
    if modal == names.len() + 1 {
        if !of_modal().all(|row| row.cells.last().is_some_and(String::is_empty)) {
            notes.push("rows have one cell more than the header: the first column has no name".to_owned());
            names.insert(0, String::new());
        }
        return Ok(names.len());
    }
    let unnamed = names.iter().rev().take_while(|name| name.is_empty()).count();
    if names.len() > modal && names.len() - unnamed <= modal {
        names.truncate(modal);
        return Ok(modal);
    }
    if share > 0.9 {
        return Err(Refusal::Malformed {
            place: format!("line {line}"),
            what: format!("the header names {} columns, but rows have {modal} fields", names.len()),
            mend: "give the header and the rows the same number of fields, or quote cells that hold the delimiter".to_owned(),
        });
    }
    Ok(names.len())
}
