//! Rows of a table that a run has left, a piece at a time.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
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

/// Reads a piece of a table of so many rows. Two passes at most: one to find the rows, where not all are wanted as they
/// stand, and one to read them.
pub(crate) fn rows(path: &Path, n_rows: u64, query: &RowsQuery) -> Result<Rows, Problem> {
    let (offset, limit) = query.piece()?;
    let broken = |error: eddy_io::ReadError| {
        tracing::error!(%error, "a table cannot be read");
        Problem::internal("the table cannot be read any more; the log of the server says why")
    };
    let path = [path.display().to_string()];
    let mut source = open(&path, &ReadOptions::default()).map_err(broken)?;
    let schema = source.description().schema.clone();
    let wanted = Wanted::new(query, &schema.fields)?;
    let order: Vec<u64>;
    let total;
    if wanted.is_all() {
        let start = (offset as u64).min(n_rows);
        order = (start..(start + limit as u64).min(n_rows)).collect();
        total = n_rows;
    } else {
        (order, total) = wanted.places(source.as_mut(), offset, limit).map_err(broken)?;
        source.rewind().map_err(broken)?;
    }
    let mut cells: Vec<Vec<Value>> = vec![Vec::new(); order.len()];
    let mut at: Vec<(u64, usize)> = order.iter().enumerate().map(|(place, row)| (*row, place)).collect();
    at.sort_unstable();
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

/// Which rows, by the places of the columns.
struct Wanted<'s> {
    fields: &'s [Field],
    sort: Option<usize>,
    descending: bool,
    verdict: Option<&'s str>,
    column: Option<usize>,
    contains: Option<String>,
    /// Whether no number or time can contain the text.
    in_texts_only: bool,
}

impl<'s> Wanted<'s> {
    fn new(query: &'s RowsQuery, fields: &'s [Field]) -> Result<Self, Problem> {
        let place = |name: &Option<String>| match name {
            Some(name) => fields.iter().position(|field| *field.name == **name).map(Some).ok_or_else(|| {
                let name: String = name.chars().take(60).collect();
                Problem::invalid(format!("there is no column '{name}'"))
            }),
            None => Ok(None),
        };
        let contains = query.contains.as_ref().map(|text| text.to_lowercase());
        // What numbers and times are written with: exponents, "inf", "nan", and the T and Z of times.
        let in_words = |letter: char| letter.is_alphabetic() && !"einfatz".contains(letter);
        Ok(Self {
            fields,
            sort: place(&query.sort)?,
            descending: query.descending == Some(true),
            verdict: query.verdict.as_deref(),
            column: place(&query.column)?,
            in_texts_only: contains.as_ref().is_some_and(|part| part.contains(in_words)),
            contains,
        })
    }

    /// All rows as they stand.
    fn is_all(&self) -> bool {
        self.sort.is_none() && self.verdict.is_none() && self.contains.is_none()
    }

    fn has(&self, frame: &Frame, row: usize) -> bool {
        let of = |at: usize| text(&self.fields[at], frame.column(at), row);
        self.verdict.is_none_or(|word| of(self.fields.len() - 1) == word)
            && self.contains.as_ref().is_none_or(|part| match self.column {
                Some(at) => of(at).to_lowercase().contains(part),
                None => (0..self.fields.len())
                    .filter(|&at| !self.in_texts_only || matches!(frame.column(at), Column::Text(_)))
                    .any(|at| of(at).to_lowercase().contains(part)),
            })
    }

    /// Numbers of the rows of a piece, in order, and how many rows there are. Keeps no more rows than come up to the end
    /// of the piece.
    fn places(
        &self,
        source: &mut dyn eddy_io::Source,
        offset: usize,
        limit: usize,
    ) -> Result<(Vec<u64>, u64), eddy_io::ReadError> {
        let mut first_ones: BinaryHeap<Ranked> = BinaryHeap::new();
        let mut as_they_stand = Vec::new();
        let (mut first, mut total) = (0, 0);
        while let Some(frame) = source.next_frame()? {
            for row in (0..frame.n_rows()).filter(|&row| self.has(&frame, row)) {
                let number = first + row as u64;
                if let Some(at) = self.sort {
                    let key = key_of(frame.column(at), row);
                    let ranked = Ranked { key, row: number, descending: self.descending };
                    if first_ones.len() < offset + limit {
                        first_ones.push(ranked);
                    } else if let Some(mut last) = first_ones.peek_mut()
                        && ranked < *last
                    {
                        *last = ranked;
                    }
                } else if (offset as u64..(offset + limit) as u64).contains(&total) {
                    as_they_stand.push(number);
                }
                total += 1;
            }
            first += frame.n_rows() as u64;
        }
        if self.sort.is_some() {
            let sorted = first_ones.into_sorted_vec();
            as_they_stand = sorted.into_iter().skip(offset).map(|ranked| ranked.row).collect();
        }
        Ok((as_they_stand, total))
    }
}

/// A row in the order that was asked for.
#[derive(PartialEq, Eq)]
struct Ranked {
    key: Key,
    row: u64,
    descending: bool,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.key.cmp(&other.key).then(self.row.cmp(&other.row));
        if self.descending { order.reverse() } else { order }
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
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
