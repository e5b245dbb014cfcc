//! Fast descent of shallow isolation trees: many rows at a time through perfect trees.

use eddy_frame::RowsView;

use crate::{columns::finite, isolation_tree::IsolationTree};

/// Levels of a perfect tree: enough for samples of up to 256 rows, the default.
const LEVELS: u32 = 8;
/// Leaves of a perfect tree, and inner nodes counted from 1.
const LEAVES: usize = 1 << LEVELS;
/// Rows that go through a tree together: columns of a tile stay in the first-level cache.
const TILE_ROWS: usize = 128;
/// Columns a tile has room for, so that every offset of a column fits into 16 bits.
const TILE_COLS: usize = (1 << 16) / TILE_ROWS;
/// Any 16-bit offset of a column plus any row lies inside: the compiler sees that no bounds need to be checked.
const TILE_LEN: usize = (TILE_COLS + 1) * TILE_ROWS;
/// Fewer rows than this are quicker one by one.
const MIN_TILE_ROWS: usize = 16;

/// The keys of some rows, column after column.
type Tile = [i32; TILE_LEN];

/// A whole number that orders as the value does: cheaper to compare. NaN counts as very large.
fn key(value: f32) -> i32 {
    // Adding zero makes the two zeros one.
    let bits = (finite(value) + 0.0).to_bits() as i32;
    if bits < 0 { bits ^ i32::MAX } else { bits }
}

/// A tree of exactly [`LEVELS`] levels. The children of node `i` are `2 i` (high) and `2 i + 1` (low), the root is 1.
/// A leaf higher up is a chain of nodes whose threshold is below all keys, where all rows take the high side.
#[derive(Debug, Clone)]
struct PerfectTree {
    /// Where the column of each node starts in a tile.
    columns: [u16; LEAVES],
    thresholds: [i32; LEAVES],
    paths: [f64; LEAVES],
}

impl PerfectTree {
    fn new(tree: &IsolationTree) -> Self {
        let mut perfect = Self { columns: [0; LEAVES], thresholds: [i32::MIN; LEAVES], paths: [0.0; LEAVES] };
        perfect.place(tree, 0, 1, LEVELS);
        perfect
    }

    fn place(&mut self, tree: &IsolationTree, node_idx: usize, place: usize, levels_left: u32) {
        let node = tree.nodes[node_idx];
        if node.is_leaf() {
            self.paths[(place << levels_left) - LEAVES] = tree.paths[node_idx];
        } else {
            self.columns[place] = (node.feature as usize * TILE_ROWS) as u16;
            self.thresholds[place] = key(node.threshold);
            self.place(tree, node.low as usize, 2 * place + 1, levels_left - 1);
            self.place(tree, node.low as usize + 1, 2 * place, levels_left - 1);
        }
    }

    /// Adds the path length of each row of the tile to `sums`.
    ///
    /// All rows do one level, then all the next: a row's steps wait for each other, those of different rows overlap.
    #[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
    #[inline(always)]
    fn add_paths(&self, tile: &Tile, sums: &mut [f64; TILE_ROWS]) {
        let mut places = self.first_places(tile);
        let step = |place: usize, row: usize| {
            let is_low = tile[usize::from(self.columns[place]) + row] <= self.thresholds[place];
            2 * place + usize::from(is_low)
        };
        for _ in 3..LEVELS {
            for row in 0..TILE_ROWS {
                places[row] = step(places[row] as usize % LEAVES, row) as u32;
            }
        }
        for (sum, &place) in sums.iter_mut().zip(&places) {
            *sum += self.paths[place as usize % LEAVES];
        }
    }

    /// Where each row is after three levels. All seven cuts are tried on all rows and the answers that matter are
    /// picked: no row looks anything up, so the compiler does several rows per instruction.
    #[expect(clippy::inline_always, reason = "as its caller")]
    #[inline(always)]
    fn first_places(&self, tile: &Tile) -> [u32; TILE_ROWS] {
        let columns: [&[i32]; 8] = std::array::from_fn(|place| {
            let start = usize::from(self.columns[place]);
            &tile[start..start + TILE_ROWS]
        });
        let mut places = [0; TILE_ROWS];
        for row in 0..TILE_ROWS {
            let is_low = |place: usize| u32::from(columns[place][row] <= self.thresholds[place]);
            let pick = |low: u32, if_low: u32, if_high: u32| if low == 1 { if_low } else { if_high };
            let first = is_low(1);
            let second = pick(first, is_low(3), is_low(2));
            let third = pick(first, pick(second, is_low(7), is_low(6)), pick(second, is_low(5), is_low(4)));
            places[row] = 8 + 4 * first + 2 * second + third;
        }
        places
    }
}

/// Adds the path lengths in all trees. The steps are the same on every processor, and so are the bits; one with vectors
/// of 256 bits does more of them at a time.
fn add_all_paths(trees: &[PerfectTree], tile: &Tile, sums: &mut [f64; TILE_ROWS]) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[expect(
            unsafe_code,
            reason = "there is no safe call of code compiled for a feature found at run time"
        )]
        // SAFETY: the processor has the one feature that the function asks for; the line above has just made sure.
        return unsafe { add_all_paths_avx2(trees, tile, sums) };
    }
    trees.iter().for_each(|tree| tree.add_paths(tile, sums));
}

/// The same, compiled for processors with AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_all_paths_avx2(trees: &[PerfectTree], tile: &Tile, sums: &mut [f64; TILE_ROWS]) {
    trees.iter().for_each(|tree| tree.add_paths(tile, sums));
}

/// A forest of perfect trees.
#[derive(Debug, Clone)]
pub(crate) struct TreeTiles {
    trees: Vec<PerfectTree>,
}

impl TreeTiles {
    /// The trees in the fast form, if they fit: few levels, few columns, and not so small that the fast form would be
    /// many times their size.
    pub(crate) fn new(trees: &[IsolationTree], n_features: usize) -> Option<Self> {
        let n_nodes: usize = trees.iter().map(|tree| tree.nodes.len()).sum();
        let fits = n_features <= TILE_COLS
            && trees.iter().all(|tree| tree.depth <= LEVELS)
            && n_nodes >= 16 * trees.len();
        fits.then(|| Self { trees: trees.iter().map(PerfectTree::new).collect() })
    }

    /// Writes the sum of path lengths over all trees for the leading rows; how many rows it did. The rest, if any, is
    /// too little to be worth it.
    pub(crate) fn sum_paths(&self, rows: RowsView<'_>, out: &mut [f64]) -> usize {
        if rows.n_rows() < MIN_TILE_ROWS {
            return 0;
        }
        let mut tile: Box<Tile> = vec![0; TILE_LEN].try_into().expect("the length of a tile");
        let mut done = 0;
        while rows.n_rows() - done >= MIN_TILE_ROWS {
            let end = rows.n_rows().min(done + TILE_ROWS);
            for (row_idx, row) in rows.slice(done, end).iter().enumerate() {
                for (column, &value) in tile.chunks_exact_mut(TILE_ROWS).zip(row) {
                    column[row_idx] = key(value);
                }
            }
            let mut sums = [0.0; TILE_ROWS];
            add_all_paths(&self.trees, &tile, &mut sums);
            out[done..end].copy_from_slice(&sums[..end - done]);
            done = end;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stream::stream;

    #[test]
    fn tiles_give_the_same_bits_as_one_row_at_a_time() {
        let mut rng = stream(42.0.try_into().unwrap(), 0);
        let columns: Vec<Vec<f32>> =
            (0..5).map(|_| (0..200).map(|_| rng.random::<f32>()).collect()).collect();
        let trees: Vec<IsolationTree> =
            (0..7).map(|_| IsolationTree::grow(&[0, 1, 2, 3, 4], &columns, &mut rng)).collect();
        let tiles = TreeTiles::new(&trees, 5).unwrap();
        let mut values: Vec<f32> = (0..300 * 5).map(|_| rng.random::<f32>() * 1.2 - 0.1).collect();
        values[7] = f32::NAN;
        values[9] = f32::NEG_INFINITY;
        values[11] = f32::INFINITY;
        let rows = RowsView::new(&values, 5);
        let mut out = vec![0.0; 300];
        let done = tiles.sum_paths(rows, &mut out);
        assert_eq!(done, 300);
        for (row, sum) in rows.iter().zip(out) {
            assert_eq!(trees.iter().map(|tree| tree.path_length(row)).sum::<f64>(), sum);
        }
    }

    #[test]
    fn processors_with_and_without_wide_vectors_agree() {
        let mut rng = stream(42.0.try_into().unwrap(), 0);
        let columns: Vec<Vec<f32>> =
            (0..3).map(|_| (0..256).map(|_| rng.random::<f32>()).collect()).collect();
        let trees: Vec<PerfectTree> =
            (0..5).map(|_| PerfectTree::new(&IsolationTree::grow(&[0, 1, 2], &columns, &mut rng))).collect();
        let mut tile: Box<Tile> = vec![0; TILE_LEN].try_into().unwrap();
        tile.iter_mut().for_each(|cell| *cell = key(rng.random()));
        let (mut wide, mut narrow) = ([0.0; TILE_ROWS], [0.0; TILE_ROWS]);
        add_all_paths(&trees, &tile, &mut wide);
        trees.iter().for_each(|tree| tree.add_paths(&tile, &mut narrow));
        assert_eq!(wide, narrow);
    }

    #[test]
    fn trees_that_are_deep_or_tiny_are_left_alone() {
        let mut rng = stream(42.0.try_into().unwrap(), 0);
        let column = vec![(0..1000).map(|_| rng.random::<f32>()).collect::<Vec<_>>()];
        assert!(TreeTiles::new(&[IsolationTree::grow(&[0], &column, &mut rng)], 1).is_none());
        let tiny = IsolationTree::grow(&[0], &[vec![1.0, 2.0]], &mut rng);
        assert!(TreeTiles::new(&[tiny], 1).is_none());
    }
}
