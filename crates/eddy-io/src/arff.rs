//! ARFF, the format of Weka (Attribute-Relation File Format, stable version of Weka 3.9): a header that names the
//! columns and their kinds, then rows with commas between cells, or sparse rows `{3 value, 7 value}`.
//!
//! `?` is missing. Cells left out of a sparse row are zero, or the first of a nominal column's values. Instance weights
//! (`{0.5}` after the last cell) are passed over. Dates are texts here; how they are written is told from their values, as
//! with any other text.

use std::io::Read;

use eddy_frame::{Column, Kind};
use memchr::memchr;

use crate::batcher::{Batcher, Layout, Parsed};
use crate::cells::number;
use crate::encoding::decode;
use crate::grouped::{BlockParser, Extract, Grouped};
use crate::json::scan::{Escaped, Leaf};
use crate::pieces::{Block, Cut, Pieces};
use crate::place::Place;
use crate::raw::{RawColumn, RawSource, RawTable, SAMPLE_ROWS, Target, most_rows};
use crate::{Note, ReadError, ReadOptions};

/// A header longer than this is none.
const MAX_HEADER: u64 = 64 << 20;
/// Most columns.
const MAX_COLUMNS: usize = 1 << 16;

/// Whether text is ARFF, by its beginning: comments, then `@relation`.
pub(crate) fn is(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"%"))
        .is_some_and(|line| keyword(line).is_some_and(|(word, _)| word == "relation"))
}

/// Opens ARFF.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let Header { attributes, bytes, lines, notes } = header(place)?;
    let layout = Layout {
        columns: attributes
            .iter()
            .map(|attribute| RawColumn::new(&*attribute.name, attribute.kind))
            .collect(),
        source: place.name().clone(),
        batch_rows: most_rows(options.batch_rows, attributes.len()),
        shown: options.shown,
    };
    let extract = Extract { cut: Cut::Lines, skip: bytes, first_line: lines + 1 };
    let parser = ArffParser { attributes, layout };
    let mut sample: Vec<Column> =
        parser.layout.columns.iter().map(|column| Column::empty(column.kind)).collect();
    if let Some(mut block) = Pieces::open(place, extract.cut, extract.skip, SAMPLE_ROWS)?.next()? {
        block.truncate(most_rows(SAMPLE_ROWS, sample.len()));
        let layout = Layout { batch_rows: usize::MAX, shown: 0, ..parser.layout.clone() };
        for batch in parser.parse_as(&layout, &block, &layout.native_targets()).batches {
            sample.iter_mut().zip(&batch.columns).for_each(|(to, from)| to.append(from));
        }
    }
    let table = RawTable {
        format: "ARFF".to_owned(),
        named: true,
        columns: parser.layout.columns.clone(),
        contiguous: sample.first().map_or(0, Column::len),
        sample,
        bytes: place.stored_bytes(),
        notes,
        ..RawTable::default()
    };
    Ok(Box::new(Grouped::new(place, extract, parser, table, options.shown)))
}

/// A column as declared.
#[derive(Debug, Clone, PartialEq)]
struct Attribute {
    name: String,
    kind: Kind,
    /// What a cell left out of a sparse row holds.
    default: Option<String>,
}

struct Header {
    attributes: Vec<Attribute>,
    /// Bytes and lines up to the first row.
    bytes: u64,
    lines: u64,
    notes: Vec<Note>,
}

/// The word after `@` in lower case, and what follows it.
fn keyword(line: &[u8]) -> Option<(String, &[u8])> {
    let rest = line.strip_prefix(b"@")?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = rest.split_at_checked(length)?;
    Some((String::from_utf8_lossy(word).to_ascii_lowercase(), rest.trim_ascii()))
}

fn header(place: &Place) -> Result<Header, ReadError> {
    let mut reader = std::io::BufReader::new(place.text()?.take(MAX_HEADER));
    let mut header = Header { attributes: Vec::new(), bytes: 0, lines: 0, notes: Vec::new() };
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = std::io::BufRead::read_until(&mut reader, b'\n', &mut line)
            .map_err(|source| place.error(source))?;
        header.bytes += length as u64;
        header.lines += 1;
        let malformed = |what: String, mend: &str| ReadError::Malformed {
            path: place.name().to_string(),
            place: format!("line {}", header.lines),
            what,
            mend: mend.to_owned(),
        };
        if length == 0 {
            let what = format!("there is no @data line within {} MiB", MAX_HEADER >> 20);
            return Err(malformed(what, "the header is cut short; fetch the file again"));
        }
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"%") {
            continue;
        }
        match keyword(text) {
            Some((word, _)) if word == "relation" => {}
            Some((word, rest)) if word == "attribute" => {
                let attribute = attribute(rest).map_err(|what| {
                    malformed(what, "write '@attribute name numeric', 'string' or '{value, value}'")
                })?;
                if header.attributes.len() >= MAX_COLUMNS {
                    return Err(malformed(format!("more than {MAX_COLUMNS} columns"), "split the table"));
                }
                header.attributes.push(attribute);
            }
            Some((word, _)) if word == "data" => {
                if header.attributes.is_empty() {
                    return Err(malformed(
                        "the rows begin and no column is declared".to_owned(),
                        "put an @attribute line for each column before @data",
                    ));
                }
                return Ok(header);
            }
            // The end of a relational attribute, whose columns stand in the rows as one quoted text.
            Some((word, _)) if word == "end" => {}
            _ => {
                let text =
                    format!("line {} of the header was not understood: {}", header.lines, decode(text).0);
                header.notes.push(Note { column: None, text: text.chars().take(160).collect() });
            }
        }
    }
}

/// Reads what follows `@attribute`.
fn attribute(text: &[u8]) -> Result<Attribute, String> {
    let mut cursor = Cursor { text, pos: 0 };
    let (name, escaped) = cursor.token(b" \t{").ok_or("the name's quote is not closed")?;
    let name = plain(name, escaped);
    if name.is_empty() {
        return Err("the column has no name".to_owned());
    }
    cursor.blanks();
    let declared = text.get(cursor.pos..).unwrap_or_default();
    if declared.first() == Some(&b'{') {
        cursor.pos += 1;
        cursor.blanks();
        let (first, escaped) = cursor.token(b",}").ok_or("a value's quote is not closed")?;
        return Ok(Attribute { name, kind: Kind::Text, default: Some(plain(first, escaped)) });
    }
    let length = declared.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = String::from_utf8_lossy(declared.get(..length).unwrap_or_default()).to_ascii_lowercase();
    match word.as_str() {
        "numeric" | "real" | "integer" => {
            Ok(Attribute { name, kind: Kind::Float, default: Some("0".to_owned()) })
        }
        "string" | "date" | "relational" => Ok(Attribute { name, kind: Kind::Text, default: None }),
        _ => Err(format!("column '{name}' is of the unknown kind '{word}'")),
    }
}

/// Whether a token holds backslashes.
type Backslashes = bool;

/// Walks the tokens of a line.
struct Cursor<'a> {
    text: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.pos).copied()
    }

    fn blanks(&mut self) {
        self.blanks_but(b"");
    }

    /// Passes over blanks that are no separators.
    fn blanks_but(&mut self, separators: &[u8]) {
        while matches!(self.peek(), Some(byte @ (b' ' | b'\t')) if !separators.contains(&byte)) {
            self.pos += 1;
        }
    }

    /// The token at hand: in single or double quotes, or up to one of `ends`. Nothing when a quote is not closed.
    fn token(&mut self, ends: &[u8]) -> Option<(&'a [u8], Backslashes)> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            let start = self.pos;
            while self.peek().is_some_and(|byte| !ends.contains(&byte)) {
                self.pos += 1;
            }
            return Some((self.text.get(start..self.pos).unwrap_or_default().trim_ascii(), false));
        };
        self.pos += 1;
        let start = self.pos;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'\\' => {
                    escaped = true;
                    self.pos += 2;
                }
                byte if byte == quote => {
                    let token = self.text.get(start..self.pos)?;
                    self.pos += 1;
                    return Some((token, escaped));
                }
                _ => self.pos += 1,
            }
        }
    }
}

/// The text of a token.
fn plain(token: &[u8], escaped: Backslashes) -> String {
    let text = decode(token).0;
    if !escaped {
        return text.into_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(letter) = chars.next() {
        match if letter == '\\' { chars.next() } else { None } {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(other) => plain.push(other),
            None => plain.push(letter),
        }
    }
    plain
}

struct ArffParser {
    attributes: Vec<Attribute>,
    layout: Layout,
}

impl ArffParser {
    fn parse_as(&self, layout: &Layout, block: &Block, targets: &[Target]) -> Parsed {
        let mut batcher = Batcher::new(layout, targets);
        let mut slots = vec![Leaf::Null; self.attributes.len()];
        let lines = block.each(|line, record, _| {
            if record.starts_with(b"%") {
                return;
            }
            let result = if record.first() == Some(&b'{') {
                self.sparse(record, &mut slots)
            } else {
                self.dense(record, &mut slots)
            };
            match result {
                Ok(()) => batcher.accept(line, &mut slots),
                Err(reason) => {
                    slots.fill(Leaf::Null);
                    batcher.set_aside(line, &reason, record);
                }
            }
        });
        batcher.finish(lines)
    }

    /// The cells of a row.
    fn dense<'a>(&self, record: &'a [u8], slots: &mut [Leaf<'a>]) -> Result<(), String> {
        // Commas are usual, tabs allowed.
        let ends: &[u8] = if memchr(b',', record).is_some() { b"," } else { b",\t" };
        let mut cursor = Cursor { text: record, pos: 0 };
        let mut n_cells = 0;
        loop {
            cursor.blanks_but(ends);
            let weight = n_cells == self.attributes.len() && cursor.peek() == Some(b'{');
            let quoted = matches!(cursor.peek(), Some(b'\'' | b'"'));
            let (token, escaped) = cursor.token(ends).ok_or("a quote is not closed")?;
            if let (Some(slot), Some(attribute)) = (slots.get_mut(n_cells), self.attributes.get(n_cells)) {
                *slot = leaf(token, quoted, escaped, attribute.kind);
            }
            n_cells += usize::from(!weight);
            cursor.blanks_but(ends);
            match cursor.peek() {
                None => break,
                Some(byte) if ends.contains(&byte) => cursor.pos += 1,
                Some(_) => return Err("text follows a closing quote".to_owned()),
            }
        }
        if n_cells == self.attributes.len() {
            Ok(())
        } else {
            Err(format!("{n_cells} fields instead of {}", self.attributes.len()))
        }
    }

    /// The cells of a sparse row.
    fn sparse<'a, 'b: 'a>(&'b self, record: &'a [u8], slots: &mut [Leaf<'a>]) -> Result<(), String> {
        for (slot, attribute) in slots.iter_mut().zip(&self.attributes) {
            *slot = match &attribute.default {
                Some(text) => leaf(text.as_bytes(), true, false, attribute.kind),
                None => Leaf::Null,
            };
        }
        let mut cursor = Cursor { text: record, pos: 1 };
        loop {
            cursor.blanks();
            match cursor.peek() {
                Some(b'}') => return Ok(()),
                Some(b',') => {
                    cursor.pos += 1;
                    continue;
                }
                None => return Err("the closing brace of a sparse row is missing".to_owned()),
                Some(_) => {}
            }
            let (position, _) = cursor.token(b" \t,}").ok_or("a quote is not closed")?;
            let position = decode(position).0;
            let idx: usize = position.parse().map_err(|_| format!("'{position}' is no column number"))?;
            cursor.blanks();
            let quoted = matches!(cursor.peek(), Some(b'\'' | b'"'));
            let (token, escaped) = cursor.token(b",}").ok_or("a quote is not closed")?;
            let (Some(slot), Some(attribute)) = (slots.get_mut(idx), self.attributes.get(idx)) else {
                return Err(format!("there is no column {idx}: they are numbered from 0"));
            };
            *slot = leaf(token, quoted, escaped, attribute.kind);
        }
    }
}

/// What a cell holds.
fn leaf(token: &[u8], quoted: bool, escaped: Backslashes, kind: Kind) -> Leaf<'_> {
    if !quoted && (token == b"?" || token.is_empty()) {
        return Leaf::Null;
    }
    match number(token) {
        Some(value) if kind == Kind::Float => Leaf::Number(token, value),
        _ => Leaf::Text(token, Escaped(escaped)),
    }
}

impl BlockParser for ArffParser {
    fn parse(&self, block: &Block, targets: &[Target]) -> Parsed {
        self.parse_as(&self.layout, block, targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "% a comment\n@RELATION 'net flows'\n\n@attribute 'dur ation' real\n@attribute proto {tcp, 'u dp'}\n@attribute note string\n@attribute day date 'yyyy-MM-dd'\n@attribute n INTEGER\n@DATA\n";

    fn check(rows: &str, expect: &[&[&str]], set_aside: &[&str]) {
        let place = Place::memory("test.arff", format!("{HEADER}{rows}").into_bytes()).unwrap();
        let mut source = open(&place, &ReadOptions::default()).unwrap();
        let targets: Vec<Target> = source
            .table()
            .columns
            .iter()
            .map(|column| Target { name: column.name.clone(), kind: Kind::Text, time: None })
            .collect();
        let mut got: Vec<Vec<String>> = Vec::new();
        while let Some(batch) = source.next_batch(&targets).unwrap() {
            for row_idx in 0..batch.columns[0].len() {
                got.push(
                    batch.columns.iter().map(|c| c.as_text().unwrap().get(row_idx).to_owned()).collect(),
                );
            }
        }
        assert_eq!(got, expect, "{rows}");
        let reasons: Vec<String> = source.stats().first_set_aside.into_iter().map(|row| row.reason).collect();
        assert_eq!(reasons, set_aside, "{rows}");
    }

    #[test]
    fn headers_name_columns_and_their_kinds() {
        assert!(is(HEADER.as_bytes()) && !is(b"@relations of mine\n") && !is(b"a,b\n"));
        let place =
            Place::memory("test.arff", format!("{HEADER}1,tcp,x,2020-01-01,3\n").into_bytes()).unwrap();
        let source = open(&place, &ReadOptions::default()).unwrap();
        let columns: Vec<_> = source.table().columns.iter().map(|c| (c.name.clone(), c.kind)).collect();
        let expect = [
            ("dur ation", Kind::Float),
            ("proto", Kind::Text),
            ("note", Kind::Text),
            ("day", Kind::Text),
            ("n", Kind::Float),
        ];
        assert_eq!(columns, expect.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn rows_are_dense_or_sparse() {
        check(
            "1.5, tcp, 'it\\'s, fine', 2020-01-01, 7\n% aside\n\n?,?,?,?,?\n0,'u dp',\"two \\\\ three\",\"2020-01-02\",1,{0.5}\n",
            &[
                &["1.5", "tcp", "it's, fine", "2020-01-01", "7"],
                &["", "", "", "", ""],
                &["0", "u dp", "two \\ three", "2020-01-02", "1"],
            ],
            &[],
        );
        check(
            "{0 2.5, 2 'a b'}\n{}\n{1 'u dp',4 ?}\n",
            &[&["2.5", "tcp", "a b", "", "0"], &["0", "tcp", "", "", "0"], &["0", "u dp", "", "", ""]],
            &[],
        );
        check("1\ttcp\tx\ty\t2\n", &[&["1", "tcp", "x", "y", "2"]], &[]);
    }

    #[test]
    fn damaged_rows_are_set_aside() {
        check(
            "1,tcp\n1,tcp,'x,2020-01-01,2\n{9 1}\n{x 1}\n{0 1\n1,tcp,x,y,2\n",
            &[&["1", "tcp", "x", "y", "2"]],
            &[
                "2 fields instead of 5",
                "a quote is not closed",
                "there is no column 9: they are numbered from 0",
                "'x' is no column number",
                "the closing brace of a sparse row is missing",
            ],
        );
    }

    #[test]
    fn a_header_without_rows_or_columns_is_refused() {
        for text in [
            "@relation x\n@data\n1\n",
            "@relation x\n@attribute a numeric\n",
            "@relation x\n@attribute a odd\n@data\n",
        ] {
            let place = Place::memory("test.arff", text.as_bytes().to_vec()).unwrap();
            assert!(open(&place, &ReadOptions::default()).is_err(), "{text}");
        }
    }
}
