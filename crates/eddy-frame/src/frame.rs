//! A batch of records.

use std::sync::Arc;

use crate::{Column, Field, Schema};

/// Columns that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The column that does not fit.
    pub column: Arc<str>,
    /// Rows (or kind) wanted.
    pub wanted: String,
    /// Rows (or kind) got.
    pub got: String,
}

impl std::fmt::Display for ShapeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column '{}' has {}, wanted {}", self.column, self.got, self.wanted)
    }
}

impl std::error::Error for ShapeError {}

/// Where the rows of a frame stood in their source, as 1-based line numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Lines {
    /// The source has no lines (Parquet, Arrow, generated).
    #[default]
    None,
    /// Row `i` stood on line `first + i`.
    From(u64),
    /// The line of each row.
    Each(Vec<u64>),
}

impl Lines {
    /// The line of row `row_idx`.
    pub fn get(&self, row_idx: usize) -> Option<u64> {
        match self {
            Self::None => None,
            Self::From(first) => Some(first + row_idx as u64),
            Self::Each(lines) => lines.get(row_idx).copied(),
        }
    }
}

/// A batch of records: columns of equal length under a shared schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    n_rows: usize,
    /// Position of the first row in the whole input, counted from 0 over all files of one run.
    pub first_row: u64,
    /// Name of the file (or "-") the rows came from.
    pub source: Option<Arc<str>>,
    /// Lines of the rows in their source.
    pub lines: Lines,
}

impl Frame {
    /// Builds a frame, checking that every column has the schema's kind and the same number of rows.
    pub fn new(schema: Arc<Schema>, columns: Vec<Column>) -> Result<Self, ShapeError> {
        let n_rows = columns.first().map_or(0, Column::len);
        if schema.fields.len() != columns.len() {
            return Err(ShapeError {
                column: "*".into(),
                wanted: format!("{} columns", schema.fields.len()),
                got: format!("{} columns", columns.len()),
            });
        }
        for (field, column) in schema.fields.iter().zip(&columns) {
            if field.kind != column.kind() || column.len() != n_rows {
                return Err(ShapeError {
                    column: field.name.clone(),
                    wanted: format!("{n_rows} rows of {:?}", field.kind),
                    got: format!("{} rows of {:?}", column.len(), column.kind()),
                });
            }
        }
        Ok(Self { schema, columns, n_rows, first_row: 0, source: None, lines: Lines::None })
    }

    /// Builds a frame from pairs of field and column.
    pub fn from_pairs(pairs: Vec<(Field, Column)>) -> Result<Self, ShapeError> {
        let (fields, columns) = pairs.into_iter().unzip();
        Self::new(Arc::new(Schema { fields }), columns)
    }

    /// The shared schema.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The columns, in schema order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column at position `idx`.
    pub fn column(&self, idx: usize) -> &Column {
        &self.columns[idx]
    }

    /// The field and column called `name`.
    pub fn by_name(&self, name: &str) -> Option<(&Field, &Column)> {
        let idx = self.schema.index_of(name)?;
        Some((&self.schema.fields[idx], &self.columns[idx]))
    }

    /// Takes the frame apart.
    pub fn into_parts(self) -> (Arc<Schema>, Vec<Column>) {
        (self.schema, self.columns)
    }

    /// The same place in the input, other columns (a step's result).
    pub fn with_columns(&self, schema: Arc<Schema>, columns: Vec<Column>) -> Result<Self, ShapeError> {
        let mut frame = Self::new(schema, columns)?;
        if frame.columns.is_empty() {
            frame.n_rows = self.n_rows;
        }
        frame.first_row = self.first_row;
        frame.source.clone_from(&self.source);
        frame.lines = self.lines.clone();
        Ok(frame)
    }

    /// The same columns under another schema of the same kinds (other roles, for example).
    pub fn with_schema(mut self, schema: Arc<Schema>) -> Result<Self, ShapeError> {
        let columns = std::mem::take(&mut self.columns);
        let mut frame = Self::new(schema, columns)?;
        frame.n_rows = self.n_rows;
        frame.first_row = self.first_row;
        frame.source = self.source;
        frame.lines = self.lines;
        Ok(frame)
    }

    /// A copy of the rows `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let lines = match &self.lines {
            Lines::None => Lines::None,
            Lines::From(first) => Lines::From(first + start as u64),
            Lines::Each(lines) => Lines::Each(lines[start..end].to_vec()),
        };
        Self {
            schema: self.schema.clone(),
            columns: self.columns.iter().map(|column| column.slice(start, end)).collect(),
            n_rows: end - start,
            first_row: self.first_row + start as u64,
            source: self.source.clone(),
            lines,
        }
    }

    /// A copy of the rows at the given positions, in that order. Row numbers are lost where rows are not adjacent;
    /// lines are kept.
    pub fn take(&self, row_idxs: &[usize]) -> Self {
        let lines = match &self.lines {
            Lines::None => Lines::None,
            lines => Lines::Each(row_idxs.iter().map(|&idx| lines.get(idx).unwrap_or(0)).collect()),
        };
        Self {
            schema: self.schema.clone(),
            columns: self.columns.iter().map(|column| column.take(row_idxs)).collect(),
            n_rows: row_idxs.len(),
            first_row: self.first_row + row_idxs.first().map_or(0, |&idx| idx as u64),
            source: self.source.clone(),
            lines,
        }
    }

    /// Joins frames of one schema into one. Lines are kept; the place is the first frame's.
    pub fn concat(frames: &[Self]) -> Result<Self, ShapeError> {
        let Some(first) = frames.first() else {
            return Self::new(Arc::new(Schema::default()), Vec::new());
        };
        let mut whole = first.clone();
        let mut lines: Vec<u64> = Vec::new();
        let keep_lines = frames.iter().all(|frame| frame.lines != Lines::None);
        for (idx, frame) in frames.iter().enumerate() {
            if keep_lines {
                lines.extend((0..frame.n_rows).filter_map(|row_idx| frame.lines.get(row_idx)));
            }
            if idx == 0 {
                continue;
            }
            for ((to, from), field) in whole.columns.iter_mut().zip(&frame.columns).zip(&first.schema.fields)
            {
                if to.kind() != from.kind() {
                    return Err(ShapeError {
                        column: field.name.clone(),
                        wanted: format!("{:?}", to.kind()),
                        got: format!("{:?}", from.kind()),
                    });
                }
                to.append(from);
            }
            whole.n_rows += frame.n_rows;
        }
        whole.lines = if keep_lines { Lines::Each(lines) } else { Lines::None };
        Ok(whole)
    }
}
