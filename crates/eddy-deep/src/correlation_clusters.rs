//! Columns that go together.

/// Sets of at most `most` columns, each in ascending order: columns are joined by single linkage on one minus their
/// correlation, and joins are undone from the last one on until every set is small enough.
///
/// `rows` has `n_cols` numbers a row, of mean 0 and deviation 1 (or 0).
pub(crate) fn correlation_clusters(rows: &[f32], n_cols: usize, most: usize) -> Vec<Vec<usize>> {
    let tree = Dendrogram::new(&spanning_tree(&distances(rows, n_cols), n_cols), n_cols);
    let mut clusters = Vec::new();
    let mut open = vec![tree.joins.len() + n_cols - 1];
    while let Some(node) = open.pop() {
        let columns = tree.columns(node);
        if columns.len() <= most {
            clusters.push(columns);
        } else {
            let (low, high) = tree.joins[node - n_cols];
            open.extend([low, high]);
        }
    }
    clusters.sort_unstable();
    clusters
}

/// One minus the correlation of each pair of columns.
fn distances(rows: &[f32], n_cols: usize) -> Vec<f32> {
    let mut products = vec![0.0f32; n_cols * n_cols];
    for row in rows.chunks_exact(n_cols) {
        for (products, &value) in products.chunks_exact_mut(n_cols).zip(row) {
            products.iter_mut().zip(row).for_each(|(product, other)| *product += value * other);
        }
    }
    let spread: Vec<f32> = (0..n_cols).map(|col| products[col * n_cols + col].sqrt()).collect();
    for (col, products) in products.chunks_exact_mut(n_cols).enumerate() {
        for (product, other) in products.iter_mut().zip(&spread) {
            let correlation = *product / (spread[col] * other);
            *product = if correlation.is_finite() { 1.0 - correlation } else { 1.0 };
        }
    }
    products
}

/// The pairs of columns that join all with the least sum of distances (Prim), nearest first.
fn spanning_tree(distances: &[f32], n_cols: usize) -> Vec<(usize, usize)> {
    let mut nearest: Vec<(f32, usize)> = distances[..n_cols].iter().map(|&distance| (distance, 0)).collect();
    let mut outside: Vec<usize> = (1..n_cols).collect();
    let mut pairs = Vec::with_capacity(n_cols.saturating_sub(1));
    while !outside.is_empty() {
        let order = |&a: &usize, &b: &usize| nearest[outside[a]].0.total_cmp(&nearest[outside[b]].0);
        let Some(at) = (0..outside.len()).min_by(order) else { break };
        let col = outside.swap_remove(at);
        pairs.push((nearest[col].0, nearest[col].1, col));
        for &other in &outside {
            let distance = distances[col * n_cols + other];
            if distance < nearest[other].0 {
                nearest[other] = (distance, col);
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs.into_iter().map(|(_, low, high)| (low, high)).collect()
}

/// Joins one after the other: node `n_cols + i` is the `i`th join, nodes below are columns.
struct Dendrogram {
    joins: Vec<(usize, usize)>,
    n_cols: usize,
}

impl Dendrogram {
    fn new(pairs: &[(usize, usize)], n_cols: usize) -> Self {
        let mut node_of: Vec<usize> = (0..n_cols).collect();
        let mut joins = Vec::with_capacity(pairs.len());
        for &(a, b) in pairs {
            let (a, b) = (node_of[a], node_of[b]);
            let node = n_cols + joins.len();
            node_of.iter_mut().filter(|of| **of == a || **of == b).for_each(|of| *of = node);
            joins.push((a, b));
        }
        Self { joins, n_cols }
    }

    /// The columns below a node, ascending.
    fn columns(&self, node: usize) -> Vec<usize> {
        let (mut columns, mut open) = (Vec::new(), vec![node]);
        while let Some(node) = open.pop() {
            if node < self.n_cols {
                columns.push(node);
            } else {
                let (low, high) = self.joins[node - self.n_cols];
                open.extend([low, high]);
            }
        }
        columns.sort_unstable();
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_go_together_end_in_one_set() {
        // Columns 0, 2 and 4 are one wave, 1 and 3 another.
        let wave = |row: usize, col: usize| {
            (row as f32 * (1.0 + (col % 2) as f32)).sin() + (row * col % 7) as f32 * 0.01
        };
        let rows: Vec<f32> = (0..500).flat_map(|row| (0..5).map(move |col| wave(row, col))).collect();
        assert_eq!(correlation_clusters(&rows, 5, 3), [vec![0, 2, 4], vec![1, 3]]);
        assert_eq!(correlation_clusters(&rows, 5, 5), [vec![0, 1, 2, 3, 4]]);
        assert_eq!(correlation_clusters(&rows, 5, 1).len(), 5);
    }

    #[test]
    fn constant_columns_go_with_anything() {
        let clusters = correlation_clusters(&[0.0; 40], 4, 2);
        let mut all: Vec<usize> = clusters.concat();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
        assert_eq!(correlation_clusters(&[1.0, -1.0], 1, 10), [vec![0]]);
    }
}
