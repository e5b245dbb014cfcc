//! Trees of cuts as flat arrays, and many rows walked down them at a time: what every tree learner shares.
//!
//! A row goes down a tree as bytes: the number of the bin that each value falls into, between the cuts that the trees
//! make. A node is eight bytes, a row one byte a column, so that most of a tree stays near the processor.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;

use crate::{
    checked::check_len,
    cuts::{CutKind, Cuts, MISSING_BIN, bin_rows, load_kinds},
};

/// A node: an inner one sends rows that pass its test to `low` and others to `low + 1`; a leaf sends all to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
struct Node {
    low: u32,
    feature: u16,
    /// Rows whose bin is at most this pass.
    bin: u8,
    flags: u8,
}

/// Categories are tested: the bin is looked up in a set.
const IN_SET: u8 = 1;
/// A missing value passes.
const MISSING_LOW: u8 = 2;
/// Columns at most.
pub(crate) const MAX_FEATURES: usize = 1 << 16;

/// Categories, by number: those in it pass.
pub(crate) type Set = [u32; 8];

/// What an inner node asks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Test {
    /// Whether the value is in this bin or before, and whether a missing one passes.
    UpTo { feature: usize, bin: usize, missing_passes: bool },
    /// Whether the value is the number of one of these categories; a missing one is not.
    Among { feature: usize, set: Set },
}

/// A tree of cuts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FlatTree {
    nodes: Vec<Node>,
    leaves: LeafNumbers,
    sets: Vec<Set>,
    /// Number of the set of each node that tests one; nothing where none does.
    set_of: Vec<u32>,
    depth: u32,
    tests: Tests,
}

/// What the tests of a tree ask for at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tests {
    /// Comparisons.
    Plain,
    /// Comparisons, some of which a missing value passes.
    Missing,
    /// Sets besides.
    Sets,
}

/// Leaves numbered in the order of nodes: a bit a node says which are leaves, and a leaf's number is how many come
/// before it. Small enough to stay near the processor where a number a node would not.
#[derive(Debug, Clone, PartialEq, Default)]
struct LeafNumbers {
    /// For each 64 nodes, which are leaves and how many leaves come before them.
    parts: Vec<(u64, u32)>,
}

impl LeafNumbers {
    fn new(nodes: &[Node]) -> Self {
        let mut before = 0;
        let parts = nodes.chunks(64).zip((0u32..).step_by(64)).map(|(part, first)| {
            let is_leaf = |(node, idx): (&Node, u32)| u64::from(node.low == idx) << (idx - first);
            let bits = part.iter().zip(first..).map(is_leaf).sum::<u64>();
            before += bits.count_ones();
            (bits, before - bits.count_ones())
        });
        Self { parts: parts.collect() }
    }

    /// The number of the leaf at a node.
    fn of(&self, node_idx: u32) -> u32 {
        let (bits, before) = self.parts[node_idx as usize / 64];
        before + (bits & ((1 << (node_idx % 64)) - 1)).count_ones()
    }

    /// How many there are.
    fn count(&self) -> usize {
        self.parts.last().map_or(0, |(bits, before)| (before + bits.count_ones()) as usize)
    }
}

/// Levels a saved tree may have.
const MAX_DEPTH: usize = 4096;
/// Rows that are walked down together: as many as a processor has registers for.
const LANES: usize = 8;
/// Rows of which those that have not arrived are gathered.
const BLOCK: usize = 1024;
/// Steps between looks at who has arrived.
const STEPS: u32 = 3;

impl FlatTree {
    /// A tree of one leaf.
    pub(crate) fn leaf() -> Self {
        Self {
            nodes: vec![Node::leaf(0)],
            leaves: LeafNumbers::new(&[Node::leaf(0)]),
            sets: Vec::new(),
            set_of: Vec::new(),
            depth: 0,
            tests: Tests::Plain,
        }
    }

    /// Turns a leaf into an inner node; the number of the node that gets what passes, the next gets the rest.
    pub(crate) fn cut(&mut self, node_idx: usize, test: Test) -> usize {
        let low = self.nodes.len();
        let (feature, bin, flags) = match test {
            Test::UpTo { feature, bin, missing_passes } => {
                (feature, bin as u8, if missing_passes { MISSING_LOW } else { 0 })
            }
            Test::Among { feature, set } => {
                self.set_of.resize(low, 0);
                self.set_of[node_idx] = self.sets.len() as u32;
                self.sets.push(set);
                (feature, 0, IN_SET)
            }
        };
        self.nodes[node_idx] = Node { low: low as u32, feature: feature as u16, bin, flags };
        self.nodes.extend([Node::leaf(low), Node::leaf(low + 1)]);
        low
    }

    /// Numbers the leaves and measures the depth; to be called once the tree is grown.
    pub(crate) fn finish(&mut self) {
        self.leaves = LeafNumbers::new(&self.nodes);
        let mut levels = vec![0u32; self.nodes.len()];
        for idx in 0..self.nodes.len() {
            let low = self.nodes[idx].low as usize;
            if low != idx {
                for child in [low, low + 1] {
                    levels[child] = levels[child].max(levels[idx] + 1);
                }
            }
        }
        self.depth = levels.iter().copied().max().unwrap_or(0);
        self.tests = match self.nodes.iter().fold(0, |flags, node| flags | node.flags) {
            0 => Tests::Plain,
            MISSING_LOW => Tests::Missing,
            _ => Tests::Sets,
        };
    }

    /// Number of nodes.
    #[cfg(test)]
    pub(crate) fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Number of leaves.
    pub(crate) fn n_leaves(&self) -> usize {
        self.leaves.count()
    }

    /// The most cuts between the root and a leaf.
    #[cfg(test)]
    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// The column and the bin of the first cut.
    #[cfg(test)]
    pub(crate) fn first_cut(&self) -> (u16, u8) {
        (self.nodes[0].feature, self.nodes[0].bin)
    }

    /// Writes the number of the leaf that each row of the tile falls into.
    pub(crate) fn leaves(&self, tile: &Tile, out: &mut [u32]) {
        let n_cols = tile.n_cols;
        for (bins, out) in tile.bins.chunks(BLOCK * n_cols).zip(out.chunks_mut(BLOCK)) {
            match self.tests {
                _ if out.len() < LANES => self.descend_alone(bins, n_cols, out),
                Tests::Plain => self.descend::<false>(bins, n_cols, out),
                Tests::Missing => self.descend::<true>(bins, n_cols, out),
                Tests::Sets => self.descend_alone(bins, n_cols, out),
            }
            out.iter_mut().for_each(|node| *node = self.leaves.of(*node));
        }
    }

    fn descend_alone(&self, bins: &[u8], n_cols: usize, out: &mut [u32]) {
        for (row, node) in bins.chunks_exact(n_cols).zip(out) {
            *node = self.leaf_node(row);
        }
    }

    /// Walks a block of rows down, some together: while one waits for memory the others go on. Few rows arrive in fewer
    /// steps than a tree of even depth would have; from there on those that have not arrived go on among themselves.
    fn descend<const MISSING: bool>(&self, bins: &[u8], n_cols: usize, out: &mut [u32]) {
        // Where the first node is a leaf no step is made.
        out.fill(0);
        let mut open = [(0u32, 0u32); BLOCK];
        let mut n_open = out.len();
        open.iter_mut().zip(0..out.len() as u32).for_each(|(open, row)| open.0 = row);
        let mut steps = self.depth.min(self.leaves.count().ilog2() + 1);
        let mut done = 0;
        while n_open > 0 && done < self.depth {
            let mut left = 0;
            for start in (0..n_open).step_by(LANES) {
                let last = n_open - 1;
                let lanes: [(u32, u32); LANES] = std::array::from_fn(|lane| open[last.min(start + lane)]);
                let rows = lanes.map(|(row, _)| row as usize * n_cols);
                let at = self.walk::<MISSING>(bins, rows, lanes.map(|(_, at)| at), steps);
                for lane in 0..LANES.min(n_open - start) {
                    let (row, at) = (lanes[lane].0, at[lane]);
                    out[row as usize] = at;
                    open[left] = (row, at);
                    left += usize::from(self.nodes[at as usize].low != at);
                }
            }
            n_open = left;
            done += steps;
            steps = STEPS;
        }
    }

    /// So many steps down, from the given nodes, of rows whose bins start at the given places.
    fn walk<const MISSING: bool>(
        &self,
        bins: &[u8],
        rows: [usize; LANES],
        mut at: [u32; LANES],
        steps: u32,
    ) -> [u32; LANES] {
        for _ in 0..steps {
            for (at, row) in at.iter_mut().zip(rows) {
                let node = self.nodes[*at as usize];
                let bin = bins[row + usize::from(node.feature)];
                // Where missing values pass all bins move up by one, and theirs becomes the first.
                let up = if MISSING { node.flags / MISSING_LOW } else { 0 };
                *at = node.low + u32::from(bin.wrapping_add(up) > node.bin.saturating_add(up));
            }
        }
        at
    }

    fn leaf_node(&self, row: &[u8]) -> u32 {
        let mut at = 0;
        loop {
            let node = self.nodes[at as usize];
            if node.low == at {
                return at;
            }
            let bin = row[usize::from(node.feature)];
            let passes = if node.flags & IN_SET != 0 {
                is_among(&self.sets[self.set_of[at as usize] as usize], bin)
            } else {
                bin <= node.bin || (bin == MISSING_BIN && node.flags & MISSING_LOW != 0)
            };
            at = node.low + u32::from(!passes);
        }
    }

    /// Writes the trees, with their thresholds as the numbers they stand for.
    pub(crate) fn save_all<'a>(
        trees: &(impl Iterator<Item = &'a Self> + Clone),
        cuts: &[Cuts],
        section: &mut SectionWriter<'_>,
    ) {
        let nodes = || {
            trees
                .clone()
                .flat_map(|tree| tree.nodes.iter().zip(0u32..).map(move |(node, idx)| (tree, node, idx)))
        };
        section.u32("n_nodes", &trees.clone().map(|tree| tree.nodes.len() as u32).collect::<Vec<_>>());
        let feature = |node: &Node| {
            let in_set = if node.flags & IN_SET != 0 { SAVED_IN_SET } else { 0 };
            let missing = if node.flags & MISSING_LOW != 0 { SAVED_MISSING_LOW } else { 0 };
            u32::from(node.feature) | in_set | missing
        };
        section.u32("feature", &nodes().map(|(_, node, _)| feature(node)).collect::<Vec<_>>());
        let threshold = |(tree, node, idx): (&Self, &Node, u32)| {
            if node.low == idx {
                0.0
            } else if node.flags & IN_SET != 0 {
                f32::from_bits(tree.set_of[idx as usize])
            } else {
                // Passing in the last bin is passing whatever the number.
                cuts[usize::from(node.feature)].cuts.get(usize::from(node.bin)).copied().unwrap_or(f32::MAX)
            }
        };
        section.f32("threshold", &nodes().map(threshold).collect::<Vec<_>>());
        section.u32("low", &nodes().map(|(_, node, _)| node.low).collect::<Vec<_>>());
        // Trees of plain numbers are written as they were before there were other kinds.
        if cuts.iter().any(|cuts| cuts.kind != CutKind::Numbers) {
            section.u8("kinds", &cuts.iter().map(|cuts| cuts.kind as u8).collect::<Vec<_>>());
            section.u32("n_sets", &trees.clone().map(|tree| tree.sets.len() as u32).collect::<Vec<_>>());
            section.u32(
                "sets",
                &trees.clone().flat_map(|tree| &tree.sets).flatten().copied().collect::<Vec<_>>(),
            );
        }
    }

    /// Reads what [`FlatTree::save_all`] wrote. `kinds`: whether columns may be other than plain numbers.
    pub(crate) fn load_all(
        section: &SectionReader<'_>,
        n_features: usize,
    ) -> Result<(Vec<Self>, Vec<Cuts>), LoadError> {
        let n_nodes = section.u32("n_nodes")?;
        let (feature, threshold, low) =
            (section.u32("feature")?, section.f32("threshold")?, section.u32("low")?);
        let total: usize = n_nodes.iter().map(|&n| n as usize).sum();
        check_len("feature", feature.len(), total)?;
        check_len("threshold", threshold.len(), total)?;
        check_len("low", low.len(), total)?;
        if n_nodes.is_empty() || n_nodes.contains(&0) {
            return Err(LoadError::content("n_nodes", "hold a tree without nodes, or no tree"));
        }
        if !threshold.iter().all(|threshold| threshold.is_finite()) || n_features > MAX_FEATURES {
            return Err(LoadError::content("threshold", "holds a number that is not finite"));
        }
        if feature.iter().any(|feature| (feature & SAVED_FEATURE) as usize >= n_features) {
            return Err(LoadError::content("feature", "names a column that there is not"));
        }
        let (n_sets, sets) = match section.u32("n_sets") {
            Ok(n_sets) => (n_sets, section.u32("sets")?),
            Err(_) => (&[][..], &[][..]),
        };
        if !n_sets.is_empty() {
            check_len("n_sets", n_sets.len(), n_nodes.len())?;
        }
        check_len("sets", sets.len(), n_sets.iter().map(|&n| n as usize * 8).sum())?;
        let cuts = load_cuts(section, n_features, n_nodes, feature, threshold, low)?;
        let (mut start, mut first_set) = (0, 0);
        let mut trees = Vec::with_capacity(n_nodes.len());
        for (tree_idx, &n) in n_nodes.iter().enumerate() {
            let n = n as usize;
            let n_sets = n_sets.get(tree_idx).map_or(0, |&n| n as usize);
            let mut tree = Self { nodes: Vec::with_capacity(n), ..Self::leaf() };
            tree.sets = sets[first_set * 8..(first_set + n_sets) * 8].as_chunks().0.to_vec();
            for idx in 0..n {
                let at = start + idx;
                if low[at] as usize == idx {
                    tree.nodes.push(Node::leaf(idx));
                    continue;
                }
                // Children come after their parents, so a walk down ends.
                if (low[at] as usize) < idx || low[at] as usize >= n - 1 {
                    return Err(LoadError::content("low", "does not lead to a node further down"));
                }
                let column = (feature[at] & SAVED_FEATURE) as usize;
                let (mut bin, mut flags) = (0, 0);
                if feature[at] & SAVED_IN_SET == 0 {
                    bin = cuts[column].cuts.partition_point(|&cut| cut < threshold[at]) as u8;
                    flags = if feature[at] & SAVED_MISSING_LOW != 0 { MISSING_LOW } else { 0 };
                } else {
                    if threshold[at].to_bits() as usize >= n_sets {
                        return Err(LoadError::content("threshold", "names a set that there is not"));
                    }
                    flags |= IN_SET;
                    tree.set_of.resize(n, 0);
                    tree.set_of[idx] = threshold[at].to_bits();
                }
                tree.nodes.push(Node { low: low[at], feature: column as u16, bin, flags });
            }
            tree.finish();
            if tree.depth as usize > MAX_DEPTH {
                return Err(LoadError::content("low", "makes a tree of more levels than any has"));
            }
            start += n;
            first_set += n_sets;
            trees.push(tree);
        }
        Ok((trees, cuts))
    }
}

/// In a file: the column in the low bits of a node's feature, and how it is tested in the high ones.
const SAVED_FEATURE: u32 = (1 << 30) - 1;
const SAVED_IN_SET: u32 = 1 << 30;
const SAVED_MISSING_LOW: u32 = 1 << 31;

impl Node {
    fn leaf(idx: usize) -> Self {
        Self { low: idx as u32, feature: 0, bin: u8::MAX, flags: 0 }
    }
}

/// Where the columns are cut, from the thresholds of all trees.
fn load_cuts(
    section: &SectionReader<'_>,
    n_features: usize,
    n_nodes: &[u32],
    feature: &[u32],
    threshold: &[f32],
    low: &[u32],
) -> Result<Vec<Cuts>, LoadError> {
    let mut cuts = load_kinds(section, n_features)?;
    let mut start = 0;
    for &n in n_nodes {
        for idx in 0..n as usize {
            let at = start + idx;
            if low[at] as usize != idx && feature[at] & SAVED_IN_SET == 0 {
                cuts[(feature[at] & SAVED_FEATURE) as usize].cuts.push(threshold[at]);
            }
        }
        start += n as usize;
    }
    for column in &mut cuts {
        column.cuts.sort_unstable_by(f32::total_cmp);
        column.cuts.dedup();
        let most = if column.kind == CutKind::Numbers { 255 } else { 254 };
        // What passes whatever the number needs a bin, and the last one there is will do.
        if column.cuts.len() > most && column.cuts.last() != Some(&f32::MAX) || column.cuts.len() > most + 1 {
            return Err(LoadError::content(
                "threshold",
                "has more cuts of a column than bytes can tell apart",
            ));
        }
    }
    Ok(cuts)
}

/// Whether the category is one of the set.
pub(crate) fn is_among(set: &Set, category: u8) -> bool {
    set[usize::from(category) / 32] >> (category % 32) & 1 == 1
}

/// Some rows, ready to be walked down: the bin of each value.
pub(crate) struct Tile {
    bins: Vec<u8>,
    n_cols: usize,
}

impl Tile {
    pub(crate) fn new(rows: RowsView<'_>, cuts: &[Cuts]) -> Self {
        Self { bins: bin_rows(rows, cuts), n_cols: rows.n_cols() }
    }
}

#[cfg(test)]
mod tests {
    use eddy_detect::Sections;

    use super::*;

    /// Up to 5 and missing pass; of the rest categories 3 and 40 of the other column.
    fn tree() -> (FlatTree, Vec<Cuts>) {
        let mut tree = FlatTree::leaf();
        let low = tree.cut(0, Test::UpTo { feature: 0, bin: 1, missing_passes: true });
        let mut set = Set::default();
        set[0] |= 1 << 3;
        set[1] |= 1 << 8;
        tree.cut(low + 1, Test::Among { feature: 1, set });
        tree.finish();
        let numbers = Cuts { cuts: vec![2.0, 5.0], kind: CutKind::WithMissing };
        (tree, vec![numbers, Cuts { cuts: Vec::new(), kind: CutKind::Categories }])
    }

    #[test]
    fn rows_find_their_leaves() {
        let (tree, cuts) = tree();
        let rows =
            [4.0, 0.0, f32::NAN, 0.0, 6.0, 3.0, 6.0, 40.0, 6.0, 4.0, 6.0, f32::NAN, 6.0, -1.0, 6.0, 1e9];
        let tile = Tile::new(RowsView::new(&rows, 2), &cuts);
        let mut leaves = [9; 8];
        tree.leaves(&tile, &mut leaves);
        assert_eq!(leaves, [0, 0, 1, 1, 2, 2, 2, 2]);
    }

    #[test]
    fn a_tree_of_one_leaf_takes_all_rows() {
        let cuts = vec![Cuts::default()];
        let tile = Tile::new(RowsView::new(&[1.0; 20], 1), &cuts);
        let mut leaves = [9; 20];
        FlatTree::leaf().leaves(&tile, &mut leaves);
        assert_eq!(leaves, [0; 20]);
    }

    #[test]
    fn one_at_a_time_and_many_together_find_the_same_leaves() {
        let mut plain = FlatTree::leaf();
        let mut at = 0;
        for level in 0..9 {
            at = plain.cut(at, Test::UpTo { feature: level % 2, bin: 8 - level, missing_passes: false });
        }
        plain.finish();
        let thresholds: Vec<f32> = (1..=9).map(|level| level as f32 * 100.0).collect();
        let cuts = vec![Cuts { cuts: thresholds, kind: CutKind::Numbers }; 2];
        let values: Vec<f32> = (0..2 * 100).map(|idx| (idx * 37 % 1000) as f32).collect();
        let tile = Tile::new(RowsView::new(&values, 2), &cuts);
        let mut leaves = vec![0; 100];
        plain.leaves(&tile, &mut leaves);
        for (row, leaf) in tile.bins.chunks_exact(2).zip(leaves) {
            assert_eq!(plain.leaves.of(plain.leaf_node(row)), leaf);
        }
    }

    #[test]
    fn missing_values_pass_where_they_should_alone_and_together() {
        let mut tree = FlatTree::leaf();
        let low = tree.cut(0, Test::UpTo { feature: 0, bin: 1, missing_passes: true });
        tree.cut(low, Test::UpTo { feature: 0, bin: 254, missing_passes: false });
        tree.cut(low + 1, Test::UpTo { feature: 0, bin: 254, missing_passes: true });
        tree.finish();
        assert_eq!(tree.tests, Tests::Missing);
        let cuts = vec![Cuts { cuts: (0..254).map(|cut| cut as f32).collect(), kind: CutKind::WithMissing }];
        let values: Vec<f32> = (0..300).map(|idx| if idx % 7 == 3 { f32::NAN } else { idx as f32 }).collect();
        let tile = Tile::new(RowsView::new(&values, 1), &cuts);
        let bins: Vec<u8> = values.iter().map(|&value| cuts[0].bin(value)).collect();
        assert_eq!(tile.bins, bins);
        let mut leaves = vec![0; 300];
        tree.leaves(&tile, &mut leaves);
        for (&bin, leaf) in bins.iter().zip(leaves) {
            assert_eq!(tree.leaves.of(tree.leaf_node(&[bin])), leaf);
        }
    }

    #[test]
    fn sets_survive_saving_and_lies_about_them_do_not() {
        let (tree, cuts) = tree();
        let trees = [tree.clone(), tree];
        let mut sections = Sections::default();
        FlatTree::save_all(&trees.iter(), &cuts, &mut sections.writer());
        let (loaded, loaded_cuts) = FlatTree::load_all(&sections.reader(), 2).unwrap();
        let mut again = Sections::default();
        FlatTree::save_all(&loaded.iter(), &loaded_cuts, &mut again.writer());
        assert_eq!(again, sections);
        assert!(FlatTree::load_all(&sections.reader(), 1).is_err());
        sections.writer().u32("n_sets", &[0, 2]);
        assert!(FlatTree::load_all(&sections.reader(), 2).is_err());
    }
}
