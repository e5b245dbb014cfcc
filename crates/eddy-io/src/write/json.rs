//! NDJSON and JSON arrays of objects.

use std::io::Write;
use std::sync::Arc;

use eddy_frame::{Frame, Schema};

use super::Sink;
use super::cells::{Cells, push_float, push_whole};
use super::ordered::Ordered;

/// Writes objects. Missing values are `null`; JSON has no infinities, so they are the strings `"inf"` and `"-inf"`,
/// which the reader of this crate takes for numbers among numbers.
#[derive(Debug)]
pub(super) struct Json {
    schema: Arc<Schema>,
    /// What stands before the value of each column: `{"name":` or `,"name":`.
    keys: Vec<Vec<u8>>,
    form: Form,
    ordered: Ordered,
}

/// How objects follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One a line.
    Lines,
    /// An array without any element yet.
    Array,
    /// An array with elements.
    Begun,
}

impl Json {
    /// One object a line.
    pub(super) fn lines(schema: &Arc<Schema>) -> Self {
        Self::new(schema, Form::Lines)
    }

    /// One array of objects.
    pub(super) fn array(schema: &Arc<Schema>) -> Self {
        Self::new(schema, Form::Array)
    }

    fn new(schema: &Arc<Schema>, form: Form) -> Self {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for field in &schema.fields {
            let mut key = vec![if keys.is_empty() { b'{' } else { b',' }];
            push_string(&mut key, &field.name);
            key.push(b':');
            keys.push(key);
        }
        Self { schema: schema.clone(), keys, form, ordered: Ordered::default() }
    }
}

impl Sink for Json {
    fn write(&mut self, frame: &Frame, out: &mut dyn Write) -> std::io::Result<()> {
        let (schema, keys) = (&*self.schema, self.keys.as_slice());
        let form = self.form;
        if form == Form::Array {
            self.form = Form::Begun;
        }
        self.ordered.write(frame.n_rows(), out, |rows, part| {
            let first = rows.start;
            let mut values = Cells::all(schema, frame);
            for row_idx in rows.clone() {
                match form {
                    Form::Lines => {}
                    Form::Array if row_idx == 0 && first == 0 => part.extend_from_slice(b"[\n"),
                    Form::Array | Form::Begun => part.extend_from_slice(b",\n"),
                }
                for (key, value) in keys.iter().zip(&mut values) {
                    part.extend_from_slice(key);
                    push_value(value, part, row_idx);
                }
                part.push(b'}');
                if form == Form::Lines {
                    part.push(b'\n');
                }
            }
        })
    }

    fn finish(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        match self.form {
            Form::Lines => Ok(()),
            Form::Array => out.write_all(b"[]\n"),
            Form::Begun => out.write_all(b"\n]\n"),
        }
    }
}

/// Appends a value.
fn push_value(cells: &mut Cells<'_>, part: &mut Vec<u8>, row_idx: usize) {
    match cells {
        Cells::Float(values) => match values.get(row_idx).copied().unwrap_or(f64::NAN) {
            value if value.is_finite() => push_float(part, value),
            value if value.is_nan() => part.extend_from_slice(b"null"),
            value => part.extend_from_slice(if value > 0.0 { b"\"inf\"" } else { b"\"-inf\"" }),
        },
        Cells::Int(values) => match values.get(row_idx) {
            Some(&value) if value != i64::MIN => push_whole(part, value),
            _ => part.extend_from_slice(b"null"),
        },
        Cells::Time(values, times) => match values.get(row_idx) {
            Some(&value) if value == i64::MIN => part.extend_from_slice(b"null"),
            Some(&value) if times.is_number() => times.push(part, value),
            Some(&value) => {
                part.push(b'"');
                times.push(part, value);
                part.push(b'"');
            }
            None => part.extend_from_slice(b"null"),
        },
        Cells::Text(texts) => match texts.get(row_idx) {
            "" => part.extend_from_slice(b"null"),
            text => push_string(part, text),
        },
    }
}

/// Appends a JSON string.
fn push_string(part: &mut Vec<u8>, text: &str) {
    part.push(b'"');
    for run in text.as_bytes().split_inclusive(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
        let Some((&last, before)) = run.split_last() else { continue };
        let escape = match last {
            b'"' | b'\\' => last,
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 => b'u',
            _ => {
                part.extend_from_slice(run);
                continue;
            }
        };
        part.extend_from_slice(before);
        part.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            part.extend_from_slice(format!("{last:04x}").as_bytes());
        }
    }
    part.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_json_wants() {
        for text in
            ["", "plain", "a\"b\\c", "line\nfeed\r\t", "\u{0}\u{1f}\u{7f}", "größe 🦀", "\u{2028}", "ends\n"]
        {
            let mut part = Vec::new();
            push_string(&mut part, text);
            let back: String = serde_json::from_slice(&part).unwrap();
            assert_eq!(back, text);
        }
    }
}
