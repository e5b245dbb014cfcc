//! Rows of a table that a run has left, a piece at a time.

use std::path::Path;

use eddy_frame::{Column, Field, Frame, TimeStyle, format_time};
use eddy_io::{ReadOptions, open};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// Most rows of a piece.
const MOST: usize = 1_000;
/// Rows whose place is beyond this are not skipped to: ask for another order instead.
const FARTHEST: usize = 50_000_000;

/// Which rows, in which order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RowsQuery {
    /// Rows to skip.
    offset: Option<usize>,
    /// Most rows.
    limit: Option<usize>,
    /// Column to sort by.
    sort: Option<String>,
    /// Largest first.
    descending: Option<bool>,
    /// Only rows with this verdict.
    verdict: Option<String>,
    /// Column that has to contain a text.
    column: Option<String>,
    /// That text.
    contains: Option<String>,
}

/// Some rows.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the answer")]
pub(crate) struct Rows {
    /// Names of the columns.
    columns: Vec<String>,
    /// Number of each row in the table, counted from 1.
    numbers: Vec<u64>,
    /// The rows, each with its cells in the order of the columns.
    rows: Vec<Vec<Value>>,
    /// How many rows there are in all, after filtering.
    total: u64,
}

impl RowsQuery {
    fn piece(&self) -> Result<(usize, usize), Problem> {
        let (offset, limit) = (self.offset.unwrap_or(0), self.limit.unwrap_or(100));
        if !(1..=MOST).contains(&limit) || offset > FARTHEST {
            return Err(Problem::invalid(format!("limit: 1 to {MOST}; offset: up to {FARTHEST}")));
        }
        Ok((offset, limit))
    }
}

/// Reads a piece. Two passes at most: one to find the rows, one to read them.
pub(crate) fn rows(path: &Path, query: &RowsQuery) -> Result<Rows, Problem> {
    let (offset, limit) = query.piece()?;
    let broken = |error: eddy_io::ReadError| {
        tracing::error!(%error, "a table cannot be read");
        Problem::internal("the table cannot be read any more; the log of the server says why")
    };
    let path = [path.display().to_string()];
    let mut source = open(&path, &ReadOptions::default()).map_err(broken)?;
    let schema = source.description().schema.clone();
    let place = |name: &Option<String>| match name {
        Some(name) => schema.index_of(name).map(Some).ok_or_else(|| {
            Problem::invalid(format!("there is no column '{}'", name.chars().take(60).collect::<String>()))
        }),
        None => Ok(None),
    };
    let (sort, searched) = (place(&query.sort)?, place(&query.column)?);
    let verdict = query.verdict.as_deref().map(|word| (schema.fields.len() - 1, word.to_owned()));
    let contains = query.contains.as_ref().map(|text| text.to_lowercase());
    let wanted = |frame: &Frame, row: usize| {
        let of = |at: usize| text(&schema.fields[at], frame.column(at), row);
        verdict.as_ref().is_none_or(|(at, word)| of(*at) == *word)
            && contains.as_ref().is_none_or(|part| match searched {
                Some(at) => of(at).to_lowercase().contains(part),
                None => (0..schema.fields.len()).any(|at| of(at).to_lowercase().contains(part)),
            })
    };
    let mut found: Vec<(Key, u64)> = Vec::new();
    let mut first = 0;
    while let Some(frame) = source.next_frame().map_err(broken)? {
        for row in 0..frame.n_rows() {
            if wanted(&frame, row) {
                let key = sort.map_or(Key::None, |at| key_of(frame.column(at), row));
                found.push((key, first + row as u64));
            }
        }
        first += frame.n_rows() as u64;
    }
    let total = found.len() as u64;
    if sort.is_some() {
        found.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.cmp(&b.1)));
        if query.descending == Some(true) {
            found.reverse();
        }
    }
    let order: Vec<u64> = found.into_iter().skip(offset).take(limit).map(|(_, row)| row).collect();
    let mut cells: Vec<Vec<Value>> = vec![Vec::new(); order.len()];
    let mut at: Vec<(u64, usize)> = order.iter().enumerate().map(|(place, row)| (*row, place)).collect();
    at.sort_unstable();
    source.rewind().map_err(broken)?;
    let (mut first, mut next) = (0, 0);
    while next < at.len() {
        let Some(frame) = source.next_frame().map_err(broken)? else { break };
        let end = first + frame.n_rows() as u64;
        while next < at.len() && at[next].0 < end {
            let row = (at[next].0 - first) as usize;
            cells[at[next].1] = schema
                .fields
                .iter()
                .zip(frame.columns())
                .map(|(field, column)| value(field, column, row))
                .collect();
            next += 1;
        }
        first = end;
    }
    Ok(Rows {
        columns: schema.fields.iter().map(|field| field.name.to_string()).collect(),
        numbers: order.iter().map(|row| row + 1).collect(),
        rows: cells,
        total,
    })
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    None,
    Number(u64),
    Text(String),
}

fn key_of(column: &Column, row: usize) -> Key {
    match column {
        Column::Text(texts) => Key::Text(texts.get(row).to_owned()),
        Column::Time(times) => Key::Number((times[row] as u64) ^ (1 << 63)),
        _ => {
            // Bits of a number in the order of the numbers; what is missing comes first.
            let number = column.number(row);
            let bits = number.to_bits();
            Key::Number(if number.is_nan() {
                0
            } else if bits >> 63 == 1 {
                !bits
            } else {
                bits | 1 << 63
            })
        }
    }
}

fn text(field: &Field, column: &Column, row: usize) -> String {
    match value(field, column, row) {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn value(field: &Field, column: &Column, row: usize) -> Value {
    match column {
        Column::Text(texts) => Value::from(texts.get(row)),
        _ if column.is_missing(row) => Value::Null,
        Column::Time(times) => {
            let style = match field.time_style {
                TimeStyle::RelativeSeconds => TimeStyle::RelativeSeconds,
                _ => TimeStyle::Iso,
            };
            Value::from(format_time(times[row], style))
        }
        // What JSON has no number for is text.
        Column::Int(values) => Value::from(values[row]),
        Column::Float(values) => {
            let number = values[row];
            serde_json::Number::from_f64(number)
                .map_or_else(|| Value::from(number.to_string()), Value::Number)
        }
    }
}
