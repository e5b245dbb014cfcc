//! The values of one column.

use crate::Kind;

/// The missing value of [`Column::Int`].
pub const MISSING_INT: i64 = i64::MIN;
/// The missing value of [`Column::Time`].
pub const MISSING_TIME: i64 = i64::MIN;

/// The values of one column of a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// Numbers; missing is NaN.
    Float(Vec<f64>),
    /// Wide whole numbers; missing is [`MISSING_INT`].
    Int(Vec<i64>),
    /// Text; missing is the empty string.
    Text(TextColumn),
    /// Nanoseconds since the epoch, UTC; missing is [`MISSING_TIME`].
    Time(Vec<i64>),
}

impl Column {
    /// An empty column of the given kind.
    pub fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Float => Self::Float(Vec::new()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Text => Self::Text(TextColumn::default()),
            Kind::Time => Self::Time(Vec::new()),
        }
    }

    /// How the values are stored.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Float(_) => Kind::Float,
            Self::Int(_) => Kind::Int,
            Self::Text(_) => Kind::Text,
            Self::Time(_) => Kind::Time,
        }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Float(values) => values.len(),
            Self::Int(values) | Self::Time(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, if this is a float column.
    pub fn as_float(&self) -> Option<&[f64]> {
        match self {
            Self::Float(values) => Some(values),
            _ => None,
        }
    }

    /// The times in nanoseconds, if this is a time column.
    pub fn as_time(&self) -> Option<&[i64]> {
        match self {
            Self::Time(values) => Some(values),
            _ => None,
        }
    }

    /// The texts, if this is a text column.
    pub fn as_text(&self) -> Option<&TextColumn> {
        match self {
            Self::Text(values) => Some(values),
            _ => None,
        }
    }

    /// Value at `row_idx` as a number: floats as they are, integers rounded to the nearest float, times in seconds,
    /// text as NaN. Missing is NaN.
    pub fn number(&self, row_idx: usize) -> f64 {
        match self {
            Self::Float(values) => values[row_idx],
            Self::Int(values) => missing_to_nan(values[row_idx], 1.0),
            Self::Time(values) => missing_to_nan(values[row_idx], 1e-9),
            Self::Text(_) => f64::NAN,
        }
    }

    /// Whether the value at `row_idx` is missing.
    pub fn is_missing(&self, row_idx: usize) -> bool {
        match self {
            Self::Float(values) => values[row_idx].is_nan(),
            Self::Int(values) | Self::Time(values) => values[row_idx] == i64::MIN,
            Self::Text(values) => values.get(row_idx).is_empty(),
        }
    }

    /// A copy of the rows `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        match self {
            Self::Float(values) => Self::Float(values[start..end].to_vec()),
            Self::Int(values) => Self::Int(values[start..end].to_vec()),
            Self::Time(values) => Self::Time(values[start..end].to_vec()),
            Self::Text(values) => Self::Text((start..end).map(|idx| values.get(idx)).collect()),
        }
    }

    /// A copy of the rows at the given positions, in that order.
    pub fn take(&self, row_idxs: &[usize]) -> Self {
        match self {
            Self::Float(values) => Self::Float(row_idxs.iter().map(|&idx| values[idx]).collect()),
            Self::Int(values) => Self::Int(row_idxs.iter().map(|&idx| values[idx]).collect()),
            Self::Time(values) => Self::Time(row_idxs.iter().map(|&idx| values[idx]).collect()),
            Self::Text(values) => Self::Text(row_idxs.iter().map(|&idx| values.get(idx)).collect()),
        }
    }

    /// Appends the values of `other`.
    ///
    /// # Panics
    /// When `other` is of another kind.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Float(to), Self::Float(from)) => to.extend_from_slice(from),
            (Self::Int(to), Self::Int(from)) | (Self::Time(to), Self::Time(from)) => {
                to.extend_from_slice(from);
            }
            (Self::Text(to), Self::Text(from)) => from.iter().for_each(|text| to.push(text)),
            _ => panic!("columns of different kinds cannot be joined"),
        }
    }
}

fn missing_to_nan(value: i64, scale: f64) -> f64 {
    if value == i64::MIN { f64::NAN } else { value as f64 * scale }
}

/// Text values in one buffer: no allocation per value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextColumn {
    bytes: String,
    ends: Vec<usize>,
}

impl TextColumn {
    /// An empty column with room for `rows` values of `bytes` bytes in all.
    pub fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { bytes: String::with_capacity(bytes), ends: Vec::with_capacity(rows) }
    }

    /// Appends a value.
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value at `row_idx`; the empty string when missing.
    pub fn get(&self, row_idx: usize) -> &str {
        let start = if row_idx == 0 { 0 } else { self.ends[row_idx - 1] };
        &self.bytes[start..self.ends[row_idx]]
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|idx| self.get(idx))
    }
}

impl<'a> FromIterator<&'a str> for TextColumn {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut column = Self::default();
        texts.into_iter().for_each(|text| column.push(text));
        column
    }
}
