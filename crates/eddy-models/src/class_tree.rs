//! Decision trees over classes: growing them from binned columns, storing them, and walking many rows down at a time.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use rand::{Rng, RngExt};

use crate::{
    binned::{Binned, MAX_BINS},
    checked::check_len,
    cuts::Cuts,
    flat_tree::{FlatTree, Test, Tile},
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
    /// Weight that is dealt out evenly to the classes of each leaf.
    pub(crate) smoothing: f64,
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

/// A grown tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassTree {
    tree: FlatTree,
    /// Share of each class in each leaf.
    shares: Vec<f32>,
}

/// In nodes of more rows all bins are gone through, in others those that hold rows.
const MANY_ROWS: usize = 512;

/// The best cut found so far in a node.
struct Cut {
    feature: usize,
    bin: usize,
    gain: f64,
}

/// What is needed while a tree grows, allocated once.
struct Scratch {
    /// Rows by bin and class; all zero between uses.
    counts: Vec<u32>,
    /// Rows by bin, one class in each half, counted in two places; all zero between uses.
    pairs: [[u64; MAX_BINS]; 2],
    left: Vec<f64>,
    right: Vec<f64>,
    total: Vec<f64>,
    /// Rows of the node, each as often as it was drawn.
    n_drawn: usize,
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
            counts: vec![0; MAX_BINS * n_classes],
            pairs: [[0; MAX_BINS]; 2],
            n_drawn: 0,
            left: vec![0.0; n_classes],
            right: vec![0.0; n_classes],
            total: vec![0.0; n_classes],
            features: (0..rows.binned.columns.len() as u32).collect(),
            spare: Vec::with_capacity(drawn.len()),
        };
        let mut tree = FlatTree::leaf();
        // The shares of each node that turns out to be a leaf.
        let mut shares: Vec<(usize, Vec<f32>)> = Vec::new();
        // Node, its rows, its level. A stack: the order of random numbers is that of a walk through the tree.
        let mut open = vec![(0usize, 0usize, drawn.len(), 0usize)];
        while let Some((node, start, end, level)) = open.pop() {
            let part = &mut drawn[start..end];
            scratch.total.fill(0.0);
            scratch.n_drawn = 0;
            for one in part.iter() {
                let class = usize::from(one.class);
                scratch.total[class] += f64::from(one.times) * rows.weights[class];
                scratch.n_drawn += usize::from(one.times);
            }
            let is_pure = scratch.total.iter().filter(|&&weight| weight > 0.0).count() <= 1;
            let cut = if is_pure
                || scratch.n_drawn < growth.min_samples_split.max(2)
                || level >= growth.max_depth
            {
                None
            } else {
                best_cut(rows, part, growth, &mut scratch, rng)
            };
            let Some(cut) = cut else {
                let whole = scratch.total.iter().sum::<f64>() + growth.smoothing;
                let each = growth.smoothing / n_classes as f64;
                let share = |weight: &f64| ((weight + each) / whole) as f32;
                shares.push((node, scratch.total.iter().map(share).collect()));
                continue;
            };
            let column = &rows.binned.columns[cut.feature];
            let n_low = part_in_two(part, &mut scratch.spare, |one| {
                usize::from(column.bins[one.row as usize]) <= cut.bin
            });
            let test = Test::UpTo { feature: cut.feature, bin: cut.bin, missing_passes: false };
            let low = tree.cut(node, test);
            open.push((low + 1, start + n_low, end, level + 1));
            open.push((low, start, start + n_low, level + 1));
        }
        tree.finish();
        shares.sort_unstable_by_key(|(node, _)| *node);
        Self { tree, shares: shares.into_iter().flat_map(|(_, shares)| shares).collect() }
    }

    /// Adds the class shares of each row's leaf to `sums` (rows times classes). `leaves` has room for a number a row.
    pub(crate) fn add_shares(&self, tile: &Tile, leaves: &mut [u32], sums: &mut [f64]) {
        self.tree.leaves(tile, leaves);
        let n_classes = sums.len() / leaves.len();
        if n_classes == 2 {
            let (sums, shares) = (sums.as_chunks_mut::<2>().0, self.shares.as_chunks::<2>().0);
            for (sums, &leaf) in sums.iter_mut().zip(&*leaves) {
                let shares = shares[leaf as usize];
                *sums = [sums[0] + f64::from(shares[0]), sums[1] + f64::from(shares[1])];
            }
            return;
        }
        for (sums, &leaf) in sums.chunks_exact_mut(n_classes).zip(&*leaves) {
            let start = leaf as usize * n_classes;
            for (sum, share) in sums.iter_mut().zip(&self.shares[start..start + n_classes]) {
                *sum += f64::from(*share);
            }
        }
    }

    pub(crate) fn save_all(trees: &[Self], cuts: &[Cuts], section: &mut SectionWriter<'_>) {
        FlatTree::save_all(&trees.iter().map(|tree| &tree.tree), cuts, section);
        section.f32("shares", &trees.iter().flat_map(|tree| &tree.shares).copied().collect::<Vec<_>>());
    }

    /// Reads what [`ClassTree::save_all`] wrote.
    pub(crate) fn load_all(
        section: &SectionReader<'_>,
        n_features: usize,
        n_classes: usize,
    ) -> Result<(Vec<Self>, Vec<Cuts>), LoadError> {
        let (trees, cuts) = FlatTree::load_all(section, n_features)?;
        let mut shares = section.f32("shares")?;
        check_len("shares", shares.len(), trees.iter().map(|tree| tree.n_leaves() * n_classes).sum())?;
        if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            return Err(LoadError::content("shares", "are not shares"));
        }
        let with_shares = |tree: FlatTree| {
            let (own, rest) = shares.split_at(tree.n_leaves() * n_classes);
            shares = rest;
            Self { tree, shares: own.to_vec() }
        };
        Ok((trees.into_iter().map(with_shares).collect(), cuts))
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
    let bins = &rows.binned.columns[feature].bins;
    if growth.random_cuts {
        return random_cut(rows, bins, part, growth, scratch, rng);
    }
    let n_classes = rows.weights.len();
    let least = growth.min_samples_leaf.max(1);
    let Scratch { counts, pairs, left, right, total, n_drawn: n_all, .. } = scratch;
    let n_all = *n_all;
    let mut best: Option<(usize, f64)> = None;
    if n_classes == 2 && growth.criterion == Criterion::Gini {
        // Both classes in one word: one addition counts a row.
        let mut seen = Occupied::default();
        let add = |pairs: &mut [u64; MAX_BINS], one: &Drawn| {
            let bin = bins[one.row as usize];
            pairs[usize::from(bin)] += u64::from(one.times) << (32 * one.class);
            bin
        };
        if part.len() > MANY_ROWS {
            // Neighbours are counted apart, so that one need not wait for the other where their bin is the same.
            let [even, odd] = pairs;
            let (twos, rest) = part.as_chunks::<2>();
            for [one, other] in twos {
                add(even, one);
                add(odd, other);
            }
            rest.iter().for_each(|one| _ = add(even, one));
            for (even, odd) in even.iter_mut().zip(odd) {
                *even += std::mem::take(odd);
            }
        } else {
            part.iter().for_each(|one| seen.note(add(&mut pairs[0], one)));
        }
        let pairs = &mut pairs[0];
        let whole = [total[0], total[1]];
        let mut low = 0u64;
        seen.for_each(|bin, is_last| {
            low += std::mem::take(&mut pairs[bin]);
            let counted = [f64::from(low as u32), f64::from((low >> 32) as u32)];
            let n_low = (counted[0] + counted[1]) as usize;
            if is_last || n_low < least || n_all - n_low < least || low == 0 {
                return;
            }
            let left = [counted[0] * rows.weights[0], counted[1] * rows.weights[1]];
            let right = [whole[0] - left[0], whole[1] - left[1]];
            let (left_sum, right_sum) = (left[0] + left[1], right[0] + right[1]);
            let gain = ((left[0] * left[0] + left[1] * left[1]) * right_sum
                + (right[0] * right[0] + right[1] * right[1]) * left_sum)
                / (left_sum * right_sum);
            if best.is_none_or(|(_, best)| gain > best) {
                best = Some((bin, gain));
            }
        });
        return best;
    }
    let mut seen = Occupied::default();
    for one in part {
        let bin = bins[one.row as usize];
        counts[usize::from(bin) * n_classes + usize::from(one.class)] += u32::from(one.times);
        if part.len() <= MANY_ROWS {
            seen.note(bin);
        }
    }
    left.fill(0.0);
    let mut n_low = 0;
    seen.for_each(|bin, is_last| {
        let mut n_here = 0;
        let here = &mut counts[bin * n_classes..(bin + 1) * n_classes];
        for ((left, count), weight) in left.iter_mut().zip(here).zip(rows.weights) {
            n_here += *count;
            *left += f64::from(std::mem::take(count)) * weight;
        }
        n_low += n_here as usize;
        if is_last || n_low < least || n_all - n_low < least || n_here == 0 {
            return;
        }
        right.iter_mut().zip(&*total).zip(&*left).for_each(|((right, total), left)| *right = total - left);
        let gain = purity(growth.criterion, left) + purity(growth.criterion, right);
        if best.is_none_or(|(_, best)| gain > best) {
            best = Some((bin, gain));
        }
    });
    best
}

/// A cut at a random place between the least and the greatest value, and what it gains.
fn random_cut(
    rows: &ClassRows<'_>,
    bins: &[u8],
    part: &[Drawn],
    growth: &Growth,
    scratch: &mut Scratch,
    rng: &mut impl Rng,
) -> Option<(usize, f64)> {
    let (mut low, mut high) = (u8::MAX, 0);
    for one in part {
        let bin = bins[one.row as usize];
        low = low.min(bin);
        high = high.max(bin);
    }
    if low >= high {
        return None;
    }
    let cut = rng.random_range(usize::from(low)..usize::from(high));
    let Scratch { left, right, total, .. } = scratch;
    left.fill(0.0);
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
    Some((cut, purity(growth.criterion, left) + purity(growth.criterion, right)))
}

/// Which bins hold rows. In large nodes nobody keeps book: all bins are gone through.
#[derive(Default)]
struct Occupied([u64; 4]);

impl Occupied {
    #[inline]
    fn note(&mut self, bin: u8) {
        self.0[usize::from(bin / 64)] |= 1 << (bin % 64);
    }

    /// Calls back with each bin, ascending, and whether it is the last.
    #[inline]
    fn for_each(self, mut call: impl FnMut(usize, bool)) {
        if self.0 == [0; 4] {
            (0..MAX_BINS).for_each(|bin| call(bin, bin == MAX_BINS - 1));
            return;
        }
        let mut left: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        for (at, mut word) in self.0.into_iter().enumerate() {
            while word != 0 {
                let bin = at * 64 + word.trailing_zeros() as usize;
                word &= word - 1;
                left -= 1;
                call(bin, left == 0);
            }
        }
    }
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
    use eddy_frame::RowsView;

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
        smoothing: 0.0,
    };

    fn shares(tree: &ClassTree, rows: RowsView<'_>) -> Vec<f64> {
        let mut sums = vec![0.0; rows.n_rows() * 2];
        tree.add_shares(
            &Tile::new(rows, &Binned::new(rows).into_cuts()),
            &mut vec![0; rows.n_rows()],
            &mut sums,
        );
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
        assert_eq!(tree.tree.first_cut(), (0, 2));
        assert_eq!(tree.tree.depth(), 1);
    }

    #[test]
    fn small_and_large_nodes_find_the_same_cut() {
        let n = MANY_ROWS as u16;
        let cells = |n: u16| (0..n).map(|i| f32::from(i * 7 % 31)).collect::<Vec<_>>();
        let classes = |n: u16| (0..n).map(|i| u16::from(i * 7 % 31 > 18)).collect::<Vec<_>>();
        let few = grown(&cells(n), 1, &classes(n), ALL);
        let many = grown(&cells(n + 1), 1, &classes(n + 1), ALL);
        assert_eq!(few.tree.first_cut().1, many.tree.first_cut().1);
        assert_eq!(few.tree.first_cut().1, 18);
    }

    #[test]
    fn depth_and_leaf_size_are_kept() {
        let values: Vec<f32> = (0..500u16).map(|i| f32::from(i * 37 % 499)).collect();
        let of_rows: Vec<u16> = (0..500).map(|i| i * 53 % 7 % 2).collect();
        let shallow = grown(&values, 1, &of_rows, Growth { max_depth: 3, ..ALL });
        assert!(shallow.tree.depth() <= 3);
        let coarse = grown(&values, 1, &of_rows, Growth { min_samples_leaf: 100, ..ALL });
        assert!(coarse.tree.n_nodes() <= 9, "{}", coarse.tree.n_nodes());
    }

    #[test]
    fn smoothing_tells_leaves_of_few_rows_from_leaves_of_many() {
        // By hand: leaves of four rows and of one, half a row more in each, of which each class gets a quarter.
        let values = [1.0, 2.0, 3.0, 4.0, 9.0];
        let tree = grown(&values, 1, &[0, 0, 0, 0, 1], Growth { smoothing: 0.5, ..ALL });
        let got = shares(&tree, RowsView::new(&values, 1));
        let wanted = [4.25 / 4.5, 0.25 / 4.5, 0.25 / 1.5, 1.25 / 1.5];
        let got = got[..2].iter().chain(&got[8..]);
        assert!(got.clone().zip(wanted).all(|(got, wanted)| (got - wanted).abs() < 1e-6), "{got:?}");
    }
}
