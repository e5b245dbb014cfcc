//! CSV and TSV, after RFC 4180.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use eddy_frame::{Frame, Schema};

use super::Sink;
use super::cells::{Cells, push_float, push_whole};
use super::ordered::Ordered;

/// Writes delimited text with a header line.
#[derive(Debug)]
pub(super) struct Text {
    schema: Arc<Schema>,
    delimiter: u8,
    wrote_header: bool,
    ordered: Ordered,
}

impl Text {
    /// Text with the given delimiter.
    pub(super) fn new(schema: &Arc<Schema>, delimiter: u8) -> Self {
        Self { schema: schema.clone(), delimiter, wrote_header: false, ordered: Ordered::default() }
    }

    fn header(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        if std::mem::replace(&mut self.wrote_header, true) {
            return Ok(());
        }
        let mut line = Vec::new();
        for field in &self.schema.fields {
            push_text(&mut line, &field.name, self.delimiter);
            line.push(self.delimiter);
        }
        end_line(&mut line);
        out.write_all(&line)
    }
}

impl Sink for Text {
    fn write(&mut self, frame: &Frame, out: &mut dyn Write) -> std::io::Result<()> {
        self.header(out)?;
        let (schema, delimiter) = (&*self.schema, self.delimiter);
        self.ordered.write(frame.n_rows(), out, |rows, line| push_rows(schema, frame, rows, delimiter, line))
    }

    fn finish(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.header(out)
    }
}

/// Turns the delimiter after the last cell into the end of the line.
fn end_line(line: &mut [u8]) {
    if let Some(last) = line.last_mut() {
        *last = b'\n';
    }
}

/// Appends a value.
fn push_cell(cells: &mut Cells<'_>, line: &mut Vec<u8>, row_idx: usize, delimiter: u8) {
    match cells {
        Cells::Float(values) => push_float(line, values.get(row_idx).copied().unwrap_or(f64::NAN)),
        Cells::Int(values) => {
            if let Some(&value) = values.get(row_idx).filter(|value| **value != i64::MIN) {
                push_whole(line, value);
            }
        }
        Cells::Time(values, times) => {
            if let Some(&value) = values.get(row_idx).filter(|value| **value != i64::MIN) {
                times.push(line, value);
            }
        }
        Cells::Text(texts) => push_text(line, texts.get(row_idx), delimiter),
    }
}

fn push_rows(schema: &Schema, frame: &Frame, rows: Range<usize>, delimiter: u8, line: &mut Vec<u8>) {
    let mut cells = Cells::all(schema, frame);
    let alone = cells.len() == 1;
    for row_idx in rows {
        let start = line.len();
        for cell in &mut cells {
            push_cell(cell, line, row_idx, delimiter);
            line.push(delimiter);
        }
        // An empty line is no row to most readers; an empty cell in quotes is.
        if alone && line.len() == start + 1 {
            line.truncate(start);
            line.extend_from_slice(b"\"\" ");
        }
        end_line(line);
    }
}

/// Appends a text, in quotes where it must be, and with an apostrophe in front where a spreadsheet would run it.
fn push_text(line: &mut Vec<u8>, text: &str, delimiter: u8) {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return };
    let formula =
        matches!(first, b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n') && text.parse::<f64>().is_err();
    // A `#` at the start of a line would be read as a comment; blanks at the ends would be trimmed.
    let quote = matches!(first, b' ' | b'#')
        || last == b' '
        || bytes.iter().any(|&byte| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r'));
    if !quote {
        if formula {
            line.push(b'\'');
        }
        line.extend_from_slice(bytes);
        return;
    }
    line.push(b'"');
    if formula {
        line.push(b'\'');
    }
    for (idx, part) in text.split('"').enumerate() {
        if idx > 0 {
            line.extend_from_slice(b"\"\"");
        }
        line.extend_from_slice(part.as_bytes());
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_a_spreadsheet_would_run_are_defused() {
        fn check(text: &str, expect: &str) {
            let mut line = Vec::new();
            push_text(&mut line, text, b',');
            assert_eq!(String::from_utf8(line).unwrap(), expect);
        }
        check("=1+1", "'=1+1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0");
        check("+491234 x", "'+491234 x");
        check("\t=1", "'\t=1");
        check("\r=1", "\"'\r=1\"");
        check("\n=1", "\"'\n=1\"");
        check("-", "'-");
        check("-5", "-5");
        check("+1e3", "+1e3");
        check("-inf", "-inf");
        check("=\"x\"", "\"'=\"\"x\"\"\"");
    }

    #[test]
    fn cells_are_quoted_where_a_reader_would_cut_them() {
        fn check(text: &str, delimiter: u8, expect: &str) {
            let mut line = Vec::new();
            push_text(&mut line, text, delimiter);
            assert_eq!(String::from_utf8(line).unwrap(), expect);
        }
        check("a,b", b',', "\"a,b\"");
        check("a,b", b'\t', "a,b");
        check("a\tb", b'\t', "\"a\tb\"");
        check("say \"hi\"", b',', "\"say \"\"hi\"\"\"");
        check("two\nlines", b',', "\"two\nlines\"");
        check("# no comment", b',', "\"# no comment\"");
        check(" blank ", b',', "\" blank \"");
        check("größe", b',', "größe");
        check("", b',', "");
    }
}
