//! Numbers for models: row-major, 32-bit, finite by construction of the pipeline.

/// A matrix of `n_rows` x `n_cols` numbers, row after row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    values: Vec<f32>,
    n_cols: usize,
}

impl Rows {
    /// A matrix from row-major values.
    ///
    /// # Panics
    /// When the number of values is no multiple of `n_cols`.
    pub fn new(values: Vec<f32>, n_cols: usize) -> Self {
        assert!(
            if n_cols == 0 { values.is_empty() } else { values.len().is_multiple_of(n_cols) },
            "{} values are no whole number of rows of {n_cols}",
            values.len()
        );
        Self { values, n_cols }
    }

    /// A view of all rows.
    pub fn view(&self) -> RowsView<'_> {
        RowsView { values: &self.values, n_cols: self.n_cols }
    }

    /// Number of rows (0 when there are no columns).
    pub fn n_rows(&self) -> usize {
        self.view().n_rows()
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// One row.
    pub fn row(&self, row_idx: usize) -> &[f32] {
        self.view().row(row_idx)
    }

    /// The values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values, to change in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The given rows, in that order.
    ///
    /// # Panics
    /// When a row does not exist.
    pub fn take(&self, row_idxs: &[usize]) -> Self {
        let mut values = Vec::with_capacity(row_idxs.len() * self.n_cols);
        row_idxs.iter().for_each(|&row_idx| values.extend_from_slice(self.row(row_idx)));
        Self { values, n_cols: self.n_cols }
    }

    /// Appends the rows of `other`, which must have as many columns (or this matrix none yet).
    ///
    /// # Panics
    /// When the widths differ.
    pub fn append(&mut self, other: RowsView<'_>) {
        if self.values.is_empty() {
            self.n_cols = other.n_cols;
        }
        assert_eq!(self.n_cols, other.n_cols, "rows of different widths cannot be joined");
        self.values.extend_from_slice(other.values);
    }
}

/// A borrowed run of rows.
#[derive(Debug, Clone, Copy)]
pub struct RowsView<'a> {
    values: &'a [f32],
    n_cols: usize,
}

impl<'a> RowsView<'a> {
    /// A view over row-major values.
    ///
    /// # Panics
    /// When the number of values is no multiple of `n_cols`.
    pub fn new(values: &'a [f32], n_cols: usize) -> Self {
        assert!(
            if n_cols == 0 { values.is_empty() } else { values.len().is_multiple_of(n_cols) },
            "{} values are no whole number of rows of {n_cols}",
            values.len()
        );
        Self { values, n_cols }
    }

    /// Number of rows (0 when there are no columns).
    pub fn n_rows(&self) -> usize {
        self.values.len().checked_div(self.n_cols).unwrap_or(0)
    }

    /// Number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// One row.
    pub fn row(&self, row_idx: usize) -> &'a [f32] {
        &self.values[row_idx * self.n_cols..(row_idx + 1) * self.n_cols]
    }

    /// The values, row after row.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The rows `start..end`.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        Self { values: &self.values[start * self.n_cols..end * self.n_cols], n_cols: self.n_cols }
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.n_cols.max(1))
    }
}
