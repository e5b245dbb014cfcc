//! One JSON value, read without making a tree of it.
//!
//! Objects within objects are flattened (`{"id":{"orig_h":1}}` gives `id.orig_h`), arrays are kept as text. Reading is a
//! little more lenient than RFC 8259: `NaN`, `Infinity` and `-Infinity`, which Python writes, are numbers.

use memchr::memchr2;

use crate::cells::number_at;

/// Objects deeper than this are kept as text.
const MAX_FLAT: usize = 16;
/// Brackets deeper than this are no table.
const MAX_DEPTH: usize = 1024;

/// A value that is no object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Leaf<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written and as a float.
    Number(&'a [u8], f64),
    /// A string between its quotes, and whether it holds escapes.
    Text(&'a [u8], Escaped),
    /// An array, or an object nested too deeply, as written.
    Nested(&'a [u8]),
}

/// Whether a string holds escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Escaped(pub bool);

/// Where a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// One past its last byte.
    To(usize),
    /// The bytes end before it does.
    Open,
    /// Brackets or quotes do not match.
    Broken,
}

/// Finds the end of the value at `start` by brackets and quotes alone.
pub(crate) fn extent(bytes: &[u8], start: usize) -> Extent {
    let mut open: Vec<u8> = Vec::new();
    let mut pos = start;
    while let Some(&byte) = bytes.get(pos) {
        match byte {
            b'"' => {
                let Some((end, _)) = string_end(bytes, pos + 1) else { return Extent::Open };
                pos = end;
            }
            b'{' | b'[' if open.len() < MAX_DEPTH => open.push(byte + 2),
            b'{' | b'[' => return Extent::Broken,
            b'}' | b']' if open.last() == Some(&byte) => {
                open.pop();
            }
            b'}' | b']' => {
                return if pos > start && open.is_empty() { Extent::To(pos) } else { Extent::Broken };
            }
            b',' | b' ' | b'\n' | b'\r' | b'\t' if open.is_empty() => return Extent::To(pos),
            _ => {
                pos += 1;
                continue;
            }
        }
        pos += 1;
        if open.is_empty() {
            return Extent::To(pos);
        }
    }
    if open.is_empty() && pos > start { Extent::To(pos) } else { Extent::Open }
}

/// The closing quote of a string whose text begins at `start`, and whether the text holds escapes.
fn string_end(bytes: &[u8], start: usize) -> Option<(usize, Escaped)> {
    let mut pos = start;
    let mut escaped = Escaped(false);
    loop {
        let at = pos + memchr2(b'"', b'\\', bytes.get(pos..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some((at, escaped));
        }
        escaped = Escaped(true);
        pos = at + 2;
    }
}

/// Reads a record that is one object. `take` is given the path of each leaf, its parts joined by dots, and the leaf.
/// The error is what is wrong, in words.
pub(crate) fn object<'a>(
    record: &'a [u8],
    path: &mut Vec<u8>,
    take: &mut impl FnMut(&[u8], Leaf<'a>),
) -> Result<(), &'static str> {
    path.clear();
    let mut cursor = Cursor { bytes: record, pos: 0 };
    cursor.blanks();
    if cursor.peek() != Some(b'{') {
        return Err("this is no JSON object");
    }
    cursor.members(path, 0, take)?;
    cursor.blanks();
    if cursor.pos < record.len() { Err("something follows the JSON object") } else { Ok(()) }
}

/// Arrays of objects within an object: path, place of the first element, and how many elements there are (as far as the
/// bytes go).
pub(crate) fn arrays_of_objects(bytes: &[u8]) -> Vec<(Vec<u8>, usize, usize)> {
    let mut found = Vec::new();
    let mut cursor = Cursor { bytes, pos: 0 };
    cursor.blanks();
    cursor.arrays(&mut Vec::new(), 0, &mut found);
    found
}

struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.pos += 1;
        }
    }

    fn from(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.pos).unwrap_or_default()
    }

    /// The members of the object at hand.
    fn members(
        &mut self,
        path: &mut Vec<u8>,
        depth: usize,
        take: &mut impl FnMut(&[u8], Leaf<'a>),
    ) -> Result<(), &'static str> {
        self.pos += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.pos += 1;
            return Ok(());
        }
        let outer = path.len();
        loop {
            self.key(path)?;
            if self.peek() == Some(b'{') && depth + 1 < MAX_FLAT {
                self.members(path, depth + 1, take)?;
            } else {
                let leaf = self.leaf()?;
                take(path, leaf);
            }
            path.truncate(outer);
            self.blanks();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(b'}') => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(_) => return Err("a comma or a closing brace is missing"),
                None => return Err("the record is cut short"),
            }
        }
    }

    /// A key, appended to the path, and its colon.
    fn key(&mut self, path: &mut Vec<u8>) -> Result<(), &'static str> {
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err(if self.peek().is_some() {
                "a key in quotes is missing"
            } else {
                "the record is cut short"
            });
        }
        let (key, escaped) = self.string()?;
        if !path.is_empty() {
            path.push(b'.');
        }
        if escaped.0 {
            path.extend_from_slice(unescape(key).as_bytes());
        } else {
            path.extend_from_slice(key);
        }
        self.blanks();
        if self.peek() != Some(b':') {
            return Err("a colon is missing after a key");
        }
        self.pos += 1;
        self.blanks();
        Ok(())
    }

    /// The text of the string at hand.
    fn string(&mut self) -> Result<(&'a [u8], Escaped), &'static str> {
        let start = self.pos + 1;
        let (end, escaped) = string_end(self.bytes, start).ok_or("a quote is not closed")?;
        let text = self.bytes.get(start..end).unwrap_or_default();
        if escaped.0 && !escapes_are_known(text) {
            return Err("an escape in a string is unknown");
        }
        self.pos = end + 1;
        Ok((text, escaped))
    }

    fn leaf(&mut self) -> Result<Leaf<'a>, &'static str> {
        let start = self.pos;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let (leaf, length) = match rest.first() {
            None => return Err("the record is cut short"),
            Some(b'"') => {
                let (text, escaped) = self.string()?;
                return Ok(Leaf::Text(text, escaped));
            }
            Some(b'[' | b'{') => {
                self.nested(0)?;
                return Ok(Leaf::Nested(self.from(start)));
            }
            Some(_) if rest.starts_with(b"null") => (Leaf::Null, 4),
            Some(_) if rest.starts_with(b"true") => (Leaf::Bool(true), 4),
            Some(_) if rest.starts_with(b"false") => (Leaf::Bool(false), 5),
            Some(_) => {
                let (value, length) = number_at(rest).ok_or("this is no JSON value")?;
                (Leaf::Number(rest.get(..length).unwrap_or_default(), value), length)
            }
        };
        self.pos += length;
        match self.peek() {
            None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t') => Ok(leaf),
            Some(_) => Err("this is no JSON value"),
        }
    }

    /// Passes over an array or an object, checking it.
    fn nested(&mut self, depth: usize) -> Result<(), &'static str> {
        if depth > MAX_DEPTH / 8 {
            return Err("brackets are nested too deeply");
        }
        let is_object = self.peek() == Some(b'{');
        let close = if is_object { b'}' } else { b']' };
        self.pos += 1;
        self.blanks();
        if self.peek() == Some(close) {
            self.pos += 1;
            return Ok(());
        }
        loop {
            if is_object {
                self.key(&mut Vec::new())?;
            }
            self.blanks();
            if matches!(self.peek(), Some(b'[' | b'{')) {
                self.nested(depth + 1)?;
            } else {
                self.leaf()?;
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.pos += 1,
                Some(byte) if byte == close => {
                    self.pos += 1;
                    return Ok(());
                }
                Some(_) => return Err("a comma or a closing bracket is missing"),
                None => return Err("the record is cut short"),
            }
        }
    }

    /// Looks for arrays of objects in the object at hand. Nothing at the end of the bytes or at damage.
    fn arrays(
        &mut self,
        path: &mut Vec<u8>,
        depth: usize,
        found: &mut Vec<(Vec<u8>, usize, usize)>,
    ) -> Option<()> {
        self.pos += 1;
        let outer = path.len();
        loop {
            self.blanks();
            if self.peek()? == b'}' {
                self.pos += 1;
                return Some(());
            }
            self.key(path).ok()?;
            match self.peek()? {
                b'{' if depth < 4 => self.arrays(path, depth + 1, found)?,
                b'[' => {
                    self.pos += 1;
                    self.blanks();
                    if self.peek()? == b'{' {
                        found.push((path.clone(), self.pos, 0));
                    }
                    self.elements(found)?;
                }
                _ => match extent(self.bytes, self.pos) {
                    Extent::To(end) => self.pos = end,
                    _ => return None,
                },
            }
            path.truncate(outer);
            self.blanks();
            if self.peek()? == b',' {
                self.pos += 1;
            }
        }
    }

    /// Passes over the elements of an array, counting them for the last one found.
    fn elements(&mut self, found: &mut [(Vec<u8>, usize, usize)]) -> Option<()> {
        let start = self.pos;
        loop {
            self.blanks();
            match self.peek()? {
                b']' => {
                    self.pos += 1;
                    return Some(());
                }
                b',' => self.pos += 1,
                _ => {
                    if let Some((_, _, count)) = found.last_mut().filter(|(_, first, _)| *first == start) {
                        *count += 1;
                    }
                    match extent(self.bytes, self.pos) {
                        Extent::To(end) => self.pos = end,
                        _ => return None,
                    }
                }
            }
        }
    }
}

fn escapes_are_known(text: &[u8]) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' {
            match bytes.next() {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                Some(b'u') if (0..4).all(|_| bytes.next().is_some_and(u8::is_ascii_hexdigit)) => {}
                _ => return false,
            }
        }
    }
    true
}

/// The text that a string with escapes stands for. Bytes that are no UTF-8 are read as Windows-1252, halves of surrogate
/// pairs as U+FFFD.
pub(crate) fn unescape(text: &[u8]) -> String {
    let (decoded, _) = crate::encoding::decode(text);
    let mut plain = String::with_capacity(decoded.len());
    let mut chars = decoded.chars();
    while let Some(letter) = chars.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match chars.next() {
            Some('b') => plain.push('\u{8}'),
            Some('f') => plain.push('\u{c}'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some('u') => {
                let mut unit = hexadecimal(&mut chars);
                if (0xd800..0xdc00).contains(&unit) {
                    let mut ahead = chars.clone();
                    if ahead.next() == Some('\\') && ahead.next() == Some('u') {
                        let low = hexadecimal(&mut ahead);
                        if (0xdc00..0xe000).contains(&low) {
                            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                            chars = ahead;
                        }
                    }
                }
                plain.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

fn hexadecimal(chars: &mut std::str::Chars<'_>) -> u32 {
    (0..4).fold(0, |unit, _| unit * 16 + chars.next().and_then(|letter| letter.to_digit(16)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str, expect: Result<&[(&str, Leaf<'static>)], &str>) {
        let mut got = Vec::new();
        let result = object(record.as_bytes(), &mut Vec::new(), &mut |path, leaf| {
            got.push((String::from_utf8(path.to_vec()).unwrap(), format!("{leaf:?}")));
        });
        let expect = expect.map(|leaves| {
            leaves.iter().map(|(path, leaf)| ((*path).to_owned(), format!("{leaf:?}"))).collect::<Vec<_>>()
        });
        assert_eq!(
            result.map(|()| got).map_err(ToOwned::to_owned),
            expect.map_err(ToOwned::to_owned),
            "{record}"
        );
    }

    #[test]
    fn objects_are_flattened() {
        check(
            r#" {"a": 1.5, "id":{"orig_h":"x","p":-0}, "l":[1,{"b":"]"}], "t":true,"n":null, "e":{} } "#,
            Ok(&[
                ("a", Leaf::Number(b"1.5", 1.5)),
                ("id.orig_h", Leaf::Text(b"x", Escaped(false))),
                ("id.p", Leaf::Number(b"-0", -0.0)),
                ("l", Leaf::Nested(br#"[1,{"b":"]"}]"#)),
                ("t", Leaf::Bool(true)),
                ("n", Leaf::Null),
            ]),
        );
        check("{\"v\": Infinity}", Ok(&[("v", Leaf::Number(b"Infinity", f64::INFINITY))]));
        check("{}", Ok(&[]));
    }

    #[test]
    fn damage_is_told_in_words() {
        check("[1]", Err("this is no JSON object"));
        check("{\"a\":1", Err("the record is cut short"));
        check("{\"a\":1}}", Err("something follows the JSON object"));
        check("{\"a\" 1}", Err("a colon is missing after a key"));
        check("{\"a\":1 \"b\":2}", Err("a comma or a closing brace is missing"));
        check("{\"a\":\"x", Err("a quote is not closed"));
        check("{\"a\":tru}", Err("this is no JSON value"));
        check("{\"a\":1x}", Err("this is no JSON value"));
        check("{\"a\":\"\\x\"}", Err("an escape in a string is unknown"));
        check("{\"a\":[1,]}", Err("this is no JSON value"));
        check("{a:1}", Err("a key in quotes is missing"));
        check("{\"a\":1,}", Err("a key in quotes is missing"));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(br#"a\"\\\/\n\t\u00e9\ud83e\udd80\ud83e!"#), "a\"\\/\n\té🦀\u{fffd}!");
    }

    #[test]
    fn deep_nesting_is_refused_not_followed() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        check(&deep, Err("brackets are nested too deeply"));
        assert_eq!(extent(deep.as_bytes(), 0), Extent::Broken);
        let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        check(&objects, Err("brackets are nested too deeply"));
    }
}
