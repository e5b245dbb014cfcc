//! Trees of cuts as flat arrays, and many rows walked down them at a time: what every tree learner shares.
//!
//! A row goes down a tree as bytes: the number of the bin that each value falls into, between the cuts that the trees
//! make. A node is eight bytes, a row one byte a column, so that most of a tree stays near the processor.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;

use crate::{binned::bin_of, checked::check_len, columns::finite};

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
/// The bin of missing values, where a column may have them.
const MISSING_BIN: u8 = 255;
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

/// Where a column is cut, and what is missing in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Cuts {
    /// Values up to `cuts[b]` are in bin `b` or before.
    pub(crate) cuts: Vec<f32>,
    pub(crate) kind: CutKind,
}

/// What the bins of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CutKind {
    /// Numbers; a missing one counts as very large.
    #[default]
    Numbers,
    /// Numbers, and a bin of its own for missing ones.
    WithMissing,
    /// Numbers of categories, which are their bins.
    Categories,
}

impl Cuts {
    /// Writes the cuts of all columns.
    pub(crate) fn save_all(all: &[Self], section: &mut SectionWriter<'_>) {
        section.u8("kinds", &all.iter().map(|cuts| cuts.kind as u8).collect::<Vec<_>>());
        section.u32("n_cuts", &all.iter().map(|cuts| cuts.cuts.len() as u32).collect::<Vec<_>>());
        section.f32("cuts", &all.iter().flat_map(|cuts| &cuts.cuts).copied().collect::<Vec<_>>());
    }

    /// Reads what [`Cuts::save_all`] wrote.
    pub(crate) fn load_all(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Self>, LoadError> {
        let n_cuts = section.u32("n_cuts")?;
        check_len("n_cuts", n_cuts.len(), n_features)?;
        let mut values = section.f32("cuts")?;
        check_len("cuts", values.len(), n_cuts.iter().map(|&n| n as usize).sum())?;
        let mut all = load_kinds(section, n_features)?;
        for (cuts, &n) in all.iter_mut().zip(n_cuts) {
            let (own, rest) = values.split_at(n as usize);
            values = rest;
            let most = if cuts.kind == CutKind::Numbers { 255 } else { 254 };
            if own.len() > most || !own.iter().all(|cut| cut.is_finite()) || !own.is_sorted() {
                return Err(LoadError::content("cuts", "are not a few ascending numbers"));
            }
            cuts.cuts = own.to_vec();
        }
        Ok(all)
    }

    /// The bin of a value.
    pub(crate) fn bin(&self, value: f32) -> u8 {
        match self.kind {
            CutKind::Numbers => bin_of(&self.cuts, finite(value)) as u8,
            _ if value.is_nan() => MISSING_BIN,
            CutKind::WithMissing => bin_of(&self.cuts, finite(value)) as u8,
            CutKind::Categories if (0.0..255.0).contains(&value) => value as u8,
            CutKind::Categories => MISSING_BIN,
        }
    }
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
    /// Whether all tests are plain comparisons.
    is_plain: bool,
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
/// Rows that are walked down together.
const LANES: usize = 16;

impl FlatTree {
    /// A tree of one leaf.
    pub(crate) fn leaf() -> Self {
        Self {
            nodes: vec![Node::leaf(0)],
            leaves: LeafNumbers::new(&[Node::leaf(0)]),
            sets: Vec::new(),
            set_of: Vec::new(),
            depth: 0,
            is_plain: true,
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
        self.is_plain = self.nodes.iter().all(|node| node.flags == 0);
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
        for (block, out) in tile.bins.chunks(LANES * n_cols).zip(out.chunks_mut(LANES)) {
            if let (Ok(out), true) = (<&mut [u32; LANES]>::try_from(&mut *out), self.is_plain) {
                *out = [0; LANES];
                self.descend(block, n_cols, out);
            } else {
                for (row, node) in block.chunks_exact(n_cols).zip(&mut *out) {
                    *node = self.leaf_node(row);
                }
            }
            out.iter_mut().for_each(|node| *node = self.leaves.of(*node));
        }
    }

    /// Walks a full block of rows down together: while one waits for memory the others go on.
    fn descend(&self, block: &[u8], n_cols: usize, nodes: &mut [u32; LANES]) {
        let step = |lane: usize, at: u32| {
            let node = self.nodes[at as usize];
            let bin = block[lane * n_cols + usize::from(node.feature)];
            node.low + u32::from(bin > node.bin)
        };
        for _ in 0..self.depth.div_ceil(4) {
            for _ in 0..3 {
                nodes.iter_mut().enumerate().for_each(|(lane, at)| *at = step(lane, *at));
            }
            // A leaf leads to itself, so what does not move has arrived.
            let mut moved = 0;
            for (lane, at) in nodes.iter_mut().enumerate() {
                let next = step(lane, *at);
                moved |= next ^ *at;
                *at = next;
            }
            if moved == 0 {
                return;
            }
        }
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

/// Columns without cuts, each of the kind that was saved; without any, all are numbers.
fn load_kinds(section: &SectionReader<'_>, n_features: usize) -> Result<Vec<Cuts>, LoadError> {
    let mut cuts = vec![Cuts::default(); n_features];
    if let Ok(kinds) = section.u8("kinds") {
        check_len("kinds", kinds.len(), n_features)?;
        for (cuts, kind) in cuts.iter_mut().zip(kinds) {
            cuts.kind = match kind {
                0 => CutKind::Numbers,
                1 => CutKind::WithMissing,
                2 => CutKind::Categories,
                _ => return Err(LoadError::content("kinds", "names a kind that there is not")),
            };
        }
    }
    Ok(cuts)
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
        let mut bins = vec![0; rows.values().len()];
        for (row, bins) in rows.iter().zip(bins.chunks_exact_mut(rows.n_cols())) {
            for ((bin, &value), cuts) in bins.iter_mut().zip(row).zip(cuts) {
                *bin = cuts.bin(value);
            }
        }
        Self { bins, n_cols: rows.n_cols() }
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
