//! Columns of one kind to columns of another.

use std::borrow::Cow;

use eddy_frame::{Column, Kind, Lines, MISSING_INT, MISSING_TIME, TextColumn, TimeStyle, format_time};

use crate::cells::{integer, is_missing, is_missing_text, number};
use crate::raw::{Tally, Target};

/// Where values came from, to say so when one cannot be converted.
pub(crate) struct Origin<'a> {
    /// The input.
    pub source: &'a str,
    /// Lines of the rows.
    pub lines: &'a Lines,
}

/// Converts a column to the kind wanted. Texts that are not of that kind are missing, and counted. Gives their number.
pub(crate) fn convert(
    column: Column,
    target: &Target,
    origin: &Origin<'_>,
    tally: &mut Tally,
) -> (Column, u64) {
    let native = column.kind();
    if native == target.kind {
        return (column, 0);
    }
    let mut refused = 0;
    let mut refuse = |row_idx: usize, text: &str, wanted: &str| {
        refused += 1;
        let reason = format!("no {wanted}; taken as missing");
        tally.cell(origin.source, origin.lines.get(row_idx), &target.name, reason, text);
    };
    let converted = match (&column, target.kind) {
        (Column::Text(texts), Kind::Float) => Column::Float(
            texts
                .iter()
                .enumerate()
                .map(|(row_idx, text)| {
                    let cell = text.trim().as_bytes();
                    number(cell).unwrap_or_else(|| {
                        if !is_missing(cell) {
                            refuse(row_idx, text, "number");
                        }
                        f64::NAN
                    })
                })
                .collect(),
        ),
        (Column::Text(texts), Kind::Int) => Column::Int(
            texts
                .iter()
                .enumerate()
                .map(|(row_idx, text)| {
                    let cell = text.trim().as_bytes();
                    integer(cell).unwrap_or_else(|| {
                        if !is_missing(cell) {
                            refuse(row_idx, text, "whole number");
                        }
                        MISSING_INT
                    })
                })
                .collect(),
        ),
        (Column::Text(texts), Kind::Time) => Column::Time(
            texts
                .iter()
                .enumerate()
                .map(|(row_idx, text)| {
                    let cell = text.trim().as_bytes();
                    target.time.and_then(|form| form.parse(cell)).unwrap_or_else(|| {
                        if !is_missing(cell) {
                            refuse(row_idx, text, "time");
                        }
                        MISSING_TIME
                    })
                })
                .collect(),
        ),
        (Column::Float(values), Kind::Time) => Column::Time(
            values
                .iter()
                .enumerate()
                .map(|(row_idx, value)| {
                    target.time.and_then(|form| form.of_number(*value)).unwrap_or_else(|| {
                        if !value.is_nan() {
                            refuse(row_idx, &value.to_string(), "time");
                        }
                        MISSING_TIME
                    })
                })
                .collect(),
        ),
        (Column::Int(values), Kind::Time) => Column::Time(
            values
                .iter()
                .map(|value| match target.time {
                    Some(form) if *value != MISSING_INT => {
                        form.parse(value.to_string().as_bytes()).unwrap_or(MISSING_TIME)
                    }
                    _ => MISSING_TIME,
                })
                .collect(),
        ),
        (Column::Float(values), Kind::Int) => Column::Int(
            values.iter().map(|value| if value.is_finite() { *value as i64 } else { MISSING_INT }).collect(),
        ),
        (column, Kind::Float) => {
            Column::Float((0..column.len()).map(|row_idx| column.number(row_idx)).collect())
        }
        (Column::Time(values), Kind::Int) => Column::Int(values.clone()),
        (column, _) => Column::Text(texts_of(column)),
    };
    (converted, refused)
}

/// The values as text.
fn texts_of(column: &Column) -> TextColumn {
    let mut texts = TextColumn::with_capacity(column.len(), column.len() * 4);
    for row_idx in 0..column.len() {
        let text: Cow<'_, str> = match column {
            Column::Text(values) => Cow::Borrowed(values.get(row_idx)),
            column if column.is_missing(row_idx) => Cow::Borrowed(""),
            Column::Float(_) => column.number(row_idx).to_string().into(),
            Column::Int(values) => values.get(row_idx).map(ToString::to_string).unwrap_or_default().into(),
            Column::Time(values) => values
                .get(row_idx)
                .map(|nanos| format_time(*nanos, TimeStyle::default()))
                .unwrap_or_default()
                .into(),
        };
        texts.push(if is_missing_text(text.as_bytes()) { "" } else { &text });
    }
    texts
}
