//! Where records and cells end.
//!
//! Quotes follow RFC 4180, read leniently: a quote opens a cell only at the cell's start, and closes it only before a
//! delimiter or a line end; any other quote inside is part of the text. A quote that is not closed within
//! [`MAX_QUOTED`] bytes, or closed some lines later only to give a record of the wrong width or with lone quotes in it,
//! is taken for a broken line: that line alone is set aside, and reading goes on after it.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::encoding::decode;

/// The quote character.
pub(crate) const QUOTE: u8 = b'"';
/// A quoted cell longer than this was never closed.
pub(crate) const MAX_QUOTED: usize = 1 << 20;

/// How records are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Between cells.
    pub delimiter: u8,
    /// After records: LF (with or without CR before it), or CR for files of old Macs.
    pub newline: u8,
    /// Records may begin with `#` before the first quote (as some exports of packet lists do).
    pub hash_prefix: bool,
}

/// One cell, as a range of the bytes given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cell {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Whether it holds doubled quotes that stand for one.
    pub escaped: bool,
}

impl Cell {
    /// The bytes, without quotes around them and blanks at the ends.
    pub(crate) fn bytes<'a>(&self, block: &'a [u8]) -> Cow<'a, [u8]> {
        let bytes = block.get(self.start..self.end).unwrap_or_default().trim_ascii();
        if !self.escaped {
            return bytes.into();
        }
        let mut plain = Vec::with_capacity(bytes.len());
        let mut was_quote = false;
        for &byte in bytes {
            if byte == QUOTE && was_quote {
                was_quote = false;
                continue;
            }
            was_quote = byte == QUOTE;
            plain.push(byte);
        }
        plain.into()
    }

    /// The text, decoded. The flag says whether it was no UTF-8.
    pub(crate) fn text<'a>(&self, block: &'a [u8]) -> (Cow<'a, str>, bool) {
        match self.bytes(block) {
            Cow::Borrowed(bytes) => decode(bytes),
            Cow::Owned(bytes) => {
                let (text, replaced) = decode(&bytes);
                (text.into_owned().into(), replaced)
            }
        }
    }
}

/// Where a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Just after its newline.
    At(usize),
    /// A quote is opened and not closed where it should be; the line ends just after this newline.
    Broken(usize),
    /// The bytes end before the record does.
    Open,
}

/// Walks the records of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walker {
    marks: Marks,
    /// Cells of a record; 0 when not known yet.
    width: usize,
    /// Before this place a quote has been followed in vain: others must close on their own line, so that many broken lines
    /// cost no more than one.
    in_vain_until: usize,
    /// Whether the record at hand has a lone quote inside a quoted cell.
    stray: bool,
}

impl Walker {
    /// A walker over one block.
    pub(crate) fn new(marks: Marks, width: usize) -> Self {
        Self { marks, width, in_vain_until: 0, stray: false }
    }

    /// The end of the record that begins at `start`, with its cells handed to `take` (cells of a record that proves broken
    /// among them).
    pub(crate) fn record(&mut self, block: &[u8], start: usize, mut take: impl FnMut(Cell)) -> End {
        let mut n_cells = 0;
        self.stray = false;
        let end = self.walk(block, start, |cell| {
            n_cells += 1;
            take(cell);
        });
        if let End::At(end) = end
            && self.width > 0
            && ((n_cells != self.width && n_cells != self.width + 1) || self.stray)
            && let Some(line) = memchr(self.marks.newline, block.get(start..end - 1).unwrap_or_default())
        {
            self.in_vain_until = end;
            return End::Broken(start + line + 1);
        }
        end
    }

    fn walk(&mut self, block: &[u8], start: usize, mut take: impl FnMut(Cell)) -> End {
        let Marks { delimiter, newline, hash_prefix } = self.marks;
        let mut pos = start;
        if hash_prefix && block.get(pos) == Some(&b'#') && block.get(pos + 1) == Some(&QUOTE) {
            pos += 1;
        }
        loop {
            let opening = if delimiter == b' ' { pos } else { pos + blanks(block, pos) };
            if block.get(opening) == Some(&QUOTE) {
                match self.quoted(block, opening + 1) {
                    Quoted::Cell { cell, next, last } => {
                        take(cell);
                        if last {
                            return End::At(next);
                        }
                        pos = next;
                    }
                    Quoted::Unclosed { certain } => {
                        let line_end = memchr(newline, block.get(start..).unwrap_or_default());
                        return match line_end {
                            Some(length) if certain => End::Broken(start + length + 1),
                            _ => End::Open,
                        };
                    }
                }
                continue;
            }
            let Some(length) = memchr2(delimiter, newline, block.get(pos..).unwrap_or_default()) else {
                return End::Open;
            };
            let end = pos + length;
            let last = block.get(end) == Some(&newline);
            let cut = usize::from(last && length > 0 && block.get(end - 1) == Some(&b'\r'));
            take(Cell { start: pos, end: end - cut, escaped: false });
            if last {
                return End::At(end + 1);
            }
            pos = end + 1;
        }
    }

    /// Reads a quoted cell whose text begins at `start`.
    fn quoted(&mut self, block: &[u8], start: usize) -> Quoted {
        let Marks { delimiter, newline, .. } = self.marks;
        let mut escaped = false;
        let mut pos = start;
        let limit = if start < self.in_vain_until {
            let line = memchr(newline, block.get(start..).unwrap_or_default());
            line.map_or(block.len(), |length| start + length)
        } else {
            block.len().min(start + MAX_QUOTED)
        };
        while let Some(length) = memchr(QUOTE, block.get(pos..limit).unwrap_or_default()) {
            let quote = pos + length;
            match block.get(quote + 1) {
                Some(&QUOTE) => {
                    // `"",` may be an empty cell's closing quote after a literal one, but doubling is far commoner.
                    escaped = true;
                    pos = quote + 2;
                    continue;
                }
                None => break,
                Some(_) => {}
            }
            let after = quote + 1 + if delimiter == b' ' { 0 } else { blanks(block, quote + 1) };
            let cell = Cell { start, end: quote, escaped };
            match block.get(after) {
                Some(&byte) if byte == delimiter => {
                    return Quoted::Cell { cell, next: after + 1, last: false };
                }
                Some(&byte) if byte == newline => return Quoted::Cell { cell, next: after + 1, last: true },
                Some(b'\r') if block.get(after + 1) == Some(&newline) => {
                    return Quoted::Cell { cell, next: after + 2, last: true };
                }
                None => break,
                _ => {
                    self.stray = true;
                    pos = quote + 1;
                }
            }
        }
        let certain = start < self.in_vain_until || limit == start + MAX_QUOTED;
        self.in_vain_until = self.in_vain_until.max(limit);
        Quoted::Unclosed { certain }
    }
}

enum Quoted {
    Cell {
        cell: Cell,
        next: usize,
        last: bool,
    },
    Unclosed {
        /// Whether the limit was reached (else only the bytes ran out).
        certain: bool,
    },
}

fn blanks(block: &[u8], start: usize) -> usize {
    block.get(start..).unwrap_or_default().iter().take_while(|&&byte| byte == b' ').count()
}

/// The cells of the record at `start`, and where it ends. At the end of the input a record needs no newline: callers append
/// one. A broken record has no cells.
pub(crate) fn cells_at(walker: &mut Walker, block: &[u8], start: usize, cells: &mut Vec<Cell>) -> End {
    cells.clear();
    let end = walker.record(block, start, |cell| cells.push(cell));
    if !matches!(end, End::At(_)) {
        cells.clear();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, delimiter: u8, expect: &[&[&str]]) {
        let marks = Marks { delimiter, newline: b'\n', hash_prefix: true };
        let mut walker = Walker::new(marks, 0);
        let mut cells = Vec::new();
        let (mut pos, mut got) = (0, Vec::new());
        while let End::At(end) = cells_at(&mut walker, text.as_bytes(), pos, &mut cells) {
            got.push(cells.iter().map(|cell| cell.text(text.as_bytes()).0.into_owned()).collect::<Vec<_>>());
            pos = end;
        }
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn cells_end_at_delimiters_outside_quotes() {
        check("a,b,c\n1,,3\r\n", b',', &[&["a", "b", "c"], &["1", "", "3"]]);
        check("\"a,b\",\"c\nd\"\n", b',', &[&["a,b", "c\nd"]]);
        check("\"he said \"\"no\"\"\",x\n", b',', &[&["he said \"no\"", "x"]]);
        check("5\" disk,\"a \"b\" c\"\r\n", b',', &[&["5\" disk", "a \"b\" c"]]);
        check("a; \"b;c\" ;d\n", b';', &[&["a", "b;c", "d"]]);
        check("#\"1\",2\n#x,3\n", b',', &[&["1", "2"], &["#x", "3"]]);
        check("a,b,\n", b',', &[&["a", "b", ""]]);
        check("\"open", b',', &[]);
    }

    #[test]
    fn a_quote_that_is_never_closed_breaks_one_line_only() {
        let text = format!("\"a,b\n{}", "x,y\n".repeat(MAX_QUOTED / 4 + 1));
        let mut walker = Walker::new(Marks { delimiter: b',', newline: b'\n', hash_prefix: false }, 2);
        assert_eq!(walker.record(text.as_bytes(), 0, |_| {}), End::Broken(5));
        assert_eq!(walker.record(text.as_bytes(), 5, |_| {}), End::At(9));
        // The lost quote would meet the next line's: a lone quote in a cell of two lines gives it away.
        let text = "\"a,b\n1,2\n\"c\",3\nx,\"y\"\n";
        let mut walker = Walker::new(Marks { delimiter: b',', newline: b'\n', hash_prefix: false }, 2);
        assert_eq!(walker.record(text.as_bytes(), 0, |_| {}), End::Broken(5));
        assert_eq!(walker.record(text.as_bytes(), 9, |_| {}), End::At(15));
        assert_eq!(walker.record(text.as_bytes(), 15, |_| {}), End::At(21));
    }
}
