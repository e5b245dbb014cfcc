//! Decision trees over classes: growing them from binned columns, storing them, and walking many rows down at a time.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;
use rand::{Rng, RngExt};

use crate::{
    binned::{Binned, MAX_BINS},
    checked::check_len,
    columns::finite,
};

/// How a tree is grown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    /// Columns that are looked at for each cut; more when those are constant in the node.
    pub(crate) n_tried: usize,
    /// Whether each column is cut at one random place instead of the best.
    pub(crate) random_cuts: bool,
    /// Levels at most.
    pub(crate) max_depth: usize,
    /// Nodes with fewer rows are leaves.
    pub(crate) min_samples_split: usize,
    /// Cuts that would leave fewer rows on a side are not made.
    pub(crate) min_samples_leaf: usize,
    /// How mixed a node is.
    pub(crate) criterion: Criterion,
}

/// How mixed the classes of a node are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// Gini impurity: the chance that two rows of the node differ.
    #[default]
    Gini,
    /// Entropy of the classes, in nats.
    Entropy,
}

/// Rows with their classes and weights, as a tree learner sees them.
pub(crate) struct ClassRows<'a> {
    pub(crate) binned: &'a Binned,
    pub(crate) of_rows: &'a [u16],
    /// Weight of each class.
    pub(crate) weights: &'a [f64],
}

/// One row in the sample of a tree.
#[derive(Clone, Copy)]
struct Drawn {
    row: u32,
    class: u16,
    /// How many times it was drawn.
    times: u16,
}

/// A node: an inner one sends rows up to its threshold to `low` and others to `low + 1`; a leaf sends all to itself.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    feature: u32,
    threshold: f32,
    low: u32,
}

/// A grown tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassTree {
    nodes: Vec<Node>,
    /// Where the class shares of each node begin, in numbers of leaves; inner nodes have [`INNER`].
    leaf_of: Vec<u32>,
    /// Share of each class in each leaf.
    shares: Vec<f32>,
    depth: u32,
}

/// In place of a leaf's number.
const INNER: u32 = u32::MAX;
/// Levels a saved tree may have.
const MAX_DEPTH: usize = 4096;
/// Rows that are walked down together.
const LANES: usize = 16;
/// Nodes of fewer rows are sorted instead of counted into bins.
const FEW_ROWS: usize = 48;

/// The best cut found so far in a node.
struct Cut {
    feature: usize,
    bin: usize,
    gain: f64,
}

/// What is needed while a tree grows, allocated once.
struct Scratch {
    /// Weighted rows by bin and class.
    counts: Vec<f64>,
    rows_in_bin: Vec<u32>,
    left: Vec<f64>,
    right: Vec<f64>,
    total: Vec<f64>,
    features: Vec<u32>,
    spare: Vec<Drawn>,
}

impl ClassTree {
    /// Grows a tree on the rows that were drawn: `times[i]` is how often row `i` was.
    pub(crate) fn grow(rows: &ClassRows<'_>, times: &[u16], growth: &Growth, rng: &mut impl Rng) -> Self {
        let mut drawn: Vec<Drawn> = times
            .iter()
            .enumerate()
            .filter(|(_, times)| **times > 0)
            .map(|(row, &times)| Drawn { row: row as u32, class: rows.of_rows[row], times })
            .collect();
        let n_classes = rows.weights.len();
        let mut scratch = Scratch {
            counts: vec![0.0; MAX_BINS * n_classes],
            rows_in_bin: vec![0; MAX_BINS],
            left: vec![0.0; n_classes],
            right: vec![0.0; n_classes],
            total: vec![0.0; n_classes],
            features: (0..rows.binned.columns.len() as u32).collect(),
            spare: Vec::with_capacity(drawn.len()),
        };
        let leaf = Node { feature: 0, threshold: f32::INFINITY, low: 0 };
        let mut tree = Self { nodes: vec![leaf], leaf_of: vec![INNER], shares: Vec::new(), depth: 0 };
        // Node, its rows, its level. A stack: the order of random numbers is that of a walk through the tree.
        let mut open = vec![(0usize, 0usize, drawn.len(), 0usize)];
        while let Some((node, start, end, level)) = open.pop() {
            tree.depth = tree.depth.max(level as u32);
            let part = &mut drawn[start..end];
            scratch.total.fill(0.0);
            let mut n_drawn = 0;
            for one in part.iter() {
                let class = usize::from(one.class);
                scratch.total[class] += f64::from(one.times) * rows.weights[class];
                n_drawn += usize::from(one.times);
            }
            let is_pure = scratch.total.iter().filter(|&&weight| weight > 0.0).count() <= 1;
            let cut = if is_pure || n_drawn < growth.min_samples_split.max(2) || level >= growth.max_depth {
                None
            } else {
                best_cut(rows, part, growth, &mut scratch, rng)
            };
            let Some(cut) = cut else {
                let whole: f64 = scratch.total.iter().sum();
                tree.leaf_of[node] = (tree.shares.len() / n_classes) as u32;
                tree.nodes[node].low = node as u32;
                tree.shares.extend(scratch.total.iter().map(|weight| (weight / whole) as f32));
                continue;
            };
            let column = &rows.binned.columns[cut.feature];
            let n_low = part_in_two(part, &mut scratch.spare, |one| {
                usize::from(column.bins[one.row as usize]) <= cut.bin
            });
            let low = tree.nodes.len();
            tree.nodes[node] =
                Node { feature: cut.feature as u32, threshold: column.cuts[cut.bin], low: low as u32 };
            for _ in 0..2 {
                tree.nodes.push(leaf);
                tree.leaf_of.push(INNER);
            }
            open.push((low + 1, start + n_low, end, level + 1));
            open.push((low, start, start + n_low, level + 1));
        }
        tree.number_leaves(n_classes);
        tree
    }

    /// Brings the shares into the order of the nodes, which is the order they are saved in.
    fn number_leaves(&mut self, n_classes: usize) {
        let mut shares = Vec::with_capacity(self.shares.len());
        for leaf in self.leaf_of.iter_mut().filter(|leaf| **leaf != INNER) {
            let start = *leaf as usize * n_classes;
            *leaf = (shares.len() / n_classes) as u32;
            shares.extend_from_slice(&self.shares[start..start + n_classes]);
        }
        self.shares = shares;
    }

    /// Adds the class shares of each row's leaf to `sums` (rows times classes).
    pub(crate) fn add_shares(&self, tile: &Tile, sums: &mut [f64]) {
        let n_classes = sums.len() / tile.n_rows;
        for (block, sums) in tile.values.chunks(LANES * tile.n_cols).zip(sums.chunks_mut(LANES * n_classes)) {
            let mut nodes = [0u32; LANES];
            let n_rows = block.len() / tile.n_cols;
            if n_rows == LANES {
                self.descend(block, tile.n_cols, &mut nodes);
            } else {
                for (row, node) in block.chunks_exact(tile.n_cols).zip(&mut nodes) {
                    *node = self.leaf_node(row);
                }
            }
            for (sums, &node) in sums.chunks_exact_mut(n_classes).zip(&nodes) {
                let start = self.leaf_of[node as usize] as usize * n_classes;
                for (sum, share) in sums.iter_mut().zip(&self.shares[start..start + n_classes]) {
                    *sum += f64::from(*share);
                }
            }
        }
    }

    /// Walks a full block of rows down together: while one waits for memory the others go on.
    fn descend(&self, block: &[f32], n_cols: usize, nodes: &mut [u32; LANES]) {
        let mut left = self.depth;
        while left > 0 {
            let steps = left.min(4);
            for _ in 0..steps {
                for (lane, at) in nodes.iter_mut().enumerate() {
                    let node = self.nodes[*at as usize];
                    let value = block[lane * n_cols + node.feature as usize];
                    *at = node.low + u32::from(value > node.threshold);
                }
            }
            left -= steps;
            if nodes.iter().all(|&at| self.nodes[at as usize].low == at) {
                return;
            }
        }
    }

    fn leaf_node(&self, row: &[f32]) -> u32 {
        let mut at = 0;
        loop {
            let node = self.nodes[at as usize];
            if node.low == at {
                return at;
            }
            at = node.low + u32::from(row[node.feature as usize] > node.threshold);
        }
    }

    pub(crate) fn save_all(trees: &[Self], section: &mut SectionWriter<'_>) {
        let nodes = || trees.iter().flat_map(|tree| &tree.nodes);
        section.u32("n_nodes", &trees.iter().map(|tree| tree.nodes.len() as u32).collect::<Vec<_>>());
        section.u32("feature", &nodes().map(|node| node.feature).collect::<Vec<_>>());
        let threshold = |node: &Node| if node.threshold.is_finite() { node.threshold } else { 0.0 };
        section.f32("threshold", &nodes().map(threshold).collect::<Vec<_>>());
        section.u32("low", &nodes().map(|node| node.low).collect::<Vec<_>>());
        section.f32("shares", &trees.iter().flat_map(|tree| &tree.shares).copied().collect::<Vec<_>>());
    }

    /// Reads what [`ClassTree::save_all`] wrote.
    pub(crate) fn load_all(
        section: &SectionReader<'_>,
        n_features: usize,
        n_classes: usize,
    ) -> Result<Vec<Self>, LoadError> {
        let n_nodes = section.u32("n_nodes")?;
        let (feature, threshold, low) =
            (section.u32("feature")?, section.f32("threshold")?, section.u32("low")?);
        let total: usize = n_nodes.iter().map(|&n| n as usize).sum();
        check_len("feature", feature.len(), total)?;
        check_len("threshold", threshold.len(), total)?;
        check_len("low", low.len(), total)?;
        let mut shares = section.f32("shares")?;
        if n_nodes.is_empty() || n_nodes.contains(&0) {
            return Err(LoadError::content("n_nodes", "hold a tree without nodes, or no tree"));
        }
        let is_share = |share: &f32| (0.0..=1.0).contains(share);
        if !shares.iter().all(is_share) || !threshold.iter().all(|threshold| threshold.is_finite()) {
            return Err(LoadError::content("shares", "are not shares, or a threshold is no number"));
        }
        let mut start = 0;
        let mut trees = Vec::with_capacity(n_nodes.len());
        for &n in n_nodes {
            let n = n as usize;
            let mut tree =
                Self { nodes: Vec::with_capacity(n), leaf_of: vec![INNER; n], shares: Vec::new(), depth: 0 };
            let mut levels = vec![0u32; n];
            let mut n_leaves = 0;
            for idx in 0..n {
                let at = start + idx;
                let is_leaf = low[at] as usize == idx;
                // Children come after their parents, so a walk down ends.
                let fine = is_leaf || (low[at] as usize > idx && (low[at] as usize) < n - 1);
                if !fine || feature[at] as usize >= n_features {
                    return Err(LoadError::content("low", "does not lead to a node further down"));
                }
                if is_leaf {
                    tree.leaf_of[idx] = n_leaves;
                    n_leaves += 1;
                } else {
                    let child = low[at] as usize;
                    let level = levels[idx] + 1;
                    levels[child] = levels[child].max(level);
                    levels[child + 1] = levels[child + 1].max(level);
                    tree.depth = tree.depth.max(level);
                }
                let threshold = if is_leaf { f32::INFINITY } else { threshold[at] };
                let feature = if is_leaf { 0 } else { feature[at] };
                tree.nodes.push(Node { feature, threshold, low: low[at] });
            }
            let n_shares = n_leaves as usize * n_classes;
            if tree.depth as usize > MAX_DEPTH || shares.len() < n_shares {
                return Err(LoadError::content("shares", "are not one a class and leaf"));
            }
            tree.shares = shares[..n_shares].to_vec();
            shares = &shares[n_shares..];
            start += n;
            trees.push(tree);
        }
        Ok(trees)
    }
}

/// Some rows, cleaned of what is not finite.
pub(crate) struct Tile {
    values: Vec<f32>,
    n_cols: usize,
    n_rows: usize,
}

impl Tile {
    pub(crate) fn new(rows: RowsView<'_>) -> Self {
        Self {
            values: rows.values().iter().map(|&value| finite(value)).collect(),
            n_cols: rows.n_cols(),
            n_rows: rows.n_rows(),
        }
    }
}

/// Puts the rows of the low side first, in their order, and those of the high side after; the number of the former.
fn part_in_two(part: &mut [Drawn], spare: &mut Vec<Drawn>, is_low: impl Fn(&Drawn) -> bool) -> usize {
    spare.clear();
    let mut n_low = 0;
    for idx in 0..part.len() {
        let one = part[idx];
        if is_low(&one) {
            part[n_low] = one;
            n_low += 1;
        } else {
            spare.push(one);
        }
    }
    part[n_low..].copy_from_slice(spare);
    n_low
}

/// The best cut over columns drawn at random, if there is any.
fn best_cut(
    rows: &ClassRows<'_>,
    part: &[Drawn],
    growth: &Growth,
    scratch: &mut Scratch,
    rng: &mut impl Rng,
) -> Option<Cut> {
    let mut best: Option<Cut> = None;
    let mut features = std::mem::take(&mut scratch.features);
    let n = features.len();
    for tried in 0..n {
        // As in scikit-learn: go on beyond the number asked for until one column can be cut.
        if tried >= growth.n_tried && best.is_some() {
            break;
        }
        if growth.n_tried < n {
            let pick = rng.random_range(tried..n);
            features.swap(tried, pick);
        }
        let feature = features[tried] as usize;
        if let Some((bin, gain)) = cut_of(rows, part, feature, growth, scratch, rng)
            && best.as_ref().is_none_or(|best| gain > best.gain)
        {
            best = Some(Cut { feature, bin, gain });
        }
    }
    scratch.features = features;
    best
}

/// The best cut of one column and what it gains; none when the column is constant in the node.
fn cut_of(
    rows: &ClassRows<'_>,
    part: &[Drawn],
    feature: usize,
    growth: &Growth,
    scratch: &mut Scratch,
    rng: &mut impl Rng,
) -> Option<(usize, f64)> {
    let column = &rows.binned.columns[feature];
    let bins = &column.bins;
    let n_classes = rows.weights.len();
    let (mut low, mut high) = (u8::MAX, 0);
    let few = part.len() <= FEW_ROWS;
    for one in part {
        let bin = bins[one.row as usize];
        low = low.min(bin);
        high = high.max(bin);
    }
    if low >= high {
        return None;
    }
    let (low, high) = (usize::from(low), usize::from(high));
    let Scratch { counts, rows_in_bin, left, right, total, .. } = scratch;
    left.fill(0.0);
    if growth.random_cuts {
        let cut = rng.random_range(low..high);
        let (mut n_low, mut n_high) = (0, 0);
        for one in part {
            if usize::from(bins[one.row as usize]) <= cut {
                let class = usize::from(one.class);
                left[class] += f64::from(one.times) * rows.weights[class];
                n_low += usize::from(one.times);
            } else {
                n_high += usize::from(one.times);
            }
        }
        if n_low.min(n_high) < growth.min_samples_leaf.max(1) {
            return None;
        }
        right.iter_mut().zip(&*total).zip(&*left).for_each(|((right, total), left)| *right = total - left);
        return Some((cut, purity(growth.criterion, left) + purity(growth.criterion, right)));
    }
    let n_all: usize = part.iter().map(|one| usize::from(one.times)).sum();
    let least = growth.min_samples_leaf.max(1);
    let mut best: Option<(usize, f64)> = None;
    let mut n_low = 0;
    let mut consider = |bin: usize, n_low: usize, left: &[f64], right: &mut [f64]| {
        if n_low < least || n_all - n_low < least {
            return;
        }
        right.iter_mut().zip(&*total).zip(left).for_each(|((right, total), left)| *right = total - left);
        let gain = purity(growth.criterion, left) + purity(growth.criterion, right);
        if best.is_none_or(|(_, best)| gain > best) {
            best = Some((bin, gain));
        }
    };
    if few {
        // Few rows: put them in order and go through them.
        let mut order = [(0u8, 0u16, 0u16); FEW_ROWS];
        let order = &mut order[..part.len()];
        for (slot, one) in order.iter_mut().zip(part) {
            *slot = (bins[one.row as usize], one.class, one.times);
        }
        order.sort_unstable();
        for (idx, &(bin, class, times)) in order.iter().enumerate() {
            let class = usize::from(class);
            left[class] += f64::from(times) * rows.weights[class];
            n_low += usize::from(times);
            if order.get(idx + 1).is_some_and(|next| next.0 > bin) {
                consider(usize::from(bin), n_low, left, right);
            }
        }
        return best;
    }
    counts[low * n_classes..(high + 1) * n_classes].fill(0.0);
    rows_in_bin[low..=high].fill(0);
    for one in part {
        let bin = usize::from(bins[one.row as usize]);
        counts[bin * n_classes + usize::from(one.class)] += f64::from(one.times);
        rows_in_bin[bin] += u32::from(one.times);
    }
    for bin in low..high {
        if rows_in_bin[bin] == 0 {
            continue;
        }
        n_low += rows_in_bin[bin] as usize;
        let here = &counts[bin * n_classes..(bin + 1) * n_classes];
        for ((left, count), weight) in left.iter_mut().zip(here).zip(rows.weights) {
            *left += count * weight;
        }
        consider(bin, n_low, left, right);
    }
    best
}

/// Weight times purity of one side: the larger the sum over both sides, the better the cut.
fn purity(criterion: Criterion, weights: &[f64]) -> f64 {
    let whole: f64 = weights.iter().sum();
    if whole <= 0.0 {
        return 0.0;
    }
    match criterion {
        Criterion::Gini => weights.iter().map(|weight| weight * weight).sum::<f64>() / whole,
        Criterion::Entropy => {
            weights.iter().filter(|&&weight| weight > 0.0).map(|weight| weight * (weight / whole).ln()).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::stream;

    fn grown(values: &[f32], n_cols: usize, of_rows: &[u16], growth: Growth) -> ClassTree {
        let binned = Binned::new(RowsView::new(values, n_cols));
        let rows = ClassRows { binned: &binned, of_rows, weights: &[1.0, 1.0] };
        ClassTree::grow(&rows, &vec![1; of_rows.len()], &growth, &mut stream(eddy_detect::Seed::new(1), 0))
    }

    const ALL: Growth = Growth {
        n_tried: usize::MAX,
        random_cuts: false,
        max_depth: usize::MAX,
        min_samples_split: 2,
        min_samples_leaf: 1,
        criterion: Criterion::Gini,
    };

    fn shares(tree: &ClassTree, rows: RowsView<'_>) -> Vec<f64> {
        let mut sums = vec![0.0; rows.n_rows() * 2];
        tree.add_shares(&Tile::new(rows), &mut sums);
        sums
    }

    #[test]
    fn exclusive_or_is_learned_by_heart() {
        let mut values = Vec::new();
        let mut of_rows = Vec::new();
        for idx in 0..100u16 {
            let (a, b) = (idx % 10, idx / 10);
            values.extend([f32::from(a), f32::from(b)]);
            of_rows.push(u16::from((a < 5) != (b < 4)));
        }
        for growth in
            [ALL, Growth { random_cuts: true, ..ALL }, Growth { criterion: Criterion::Entropy, ..ALL }]
        {
            let tree = grown(&values, 2, &of_rows, growth);
            let got = shares(&tree, RowsView::new(&values, 2));
            assert!(got.chunks(2).zip(&of_rows).all(|(s, &class)| s[usize::from(class)] == 1.0));
        }
    }

    #[test]
    fn the_first_cut_is_the_best_one() {
        // By hand: cutting after 3 parts the classes wholly.
        let tree = grown(&[1.0, 2.0, 3.0, 10.0, 11.0], 1, &[0, 0, 0, 1, 1], ALL);
        assert_eq!(tree.nodes[0], Node { feature: 0, threshold: 6.5, low: 1 });
        assert_eq!(tree.depth, 1);
    }

    #[test]
    fn counting_and_sorting_find_the_same_cut() {
        let n = FEW_ROWS as u16;
        let cells = |n: u16| (0..n).map(|i| f32::from(i * 7 % 31)).collect::<Vec<_>>();
        let classes = |n: u16| (0..n).map(|i| u16::from(i * 7 % 31 > 18)).collect::<Vec<_>>();
        let few = grown(&cells(n), 1, &classes(n), ALL);
        let many = grown(&cells(n * 4), 1, &classes(n * 4), ALL);
        assert_eq!(few.nodes[0].threshold, many.nodes[0].threshold);
        assert_eq!(few.nodes[0].threshold, 18.5);
    }

    #[test]
    fn depth_and_leaf_size_are_kept() {
        let values: Vec<f32> = (0..500u16).map(|i| f32::from(i * 37 % 499)).collect();
        let of_rows: Vec<u16> = (0..500).map(|i| i * 53 % 7 % 2).collect();
        let shallow = grown(&values, 1, &of_rows, Growth { max_depth: 3, ..ALL });
        assert!(shallow.depth <= 3);
        let coarse = grown(&values, 1, &of_rows, Growth { min_samples_leaf: 100, ..ALL });
        assert!(coarse.nodes.len() <= 9, "{}", coarse.nodes.len());
    }
}
