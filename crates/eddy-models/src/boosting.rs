//! Growing the trees of gradient boosting: leaf by leaf, on histograms of gradients kept as whole numbers.
//!
//! Eight columns lie side by side in one 64-bit word a row, so that one load serves eight histograms. Gradient and
//! hessian of a row are two 32-bit whole numbers in one word, so that one addition adds both, and sums are exact: they
//! do not depend on the order of the rows, nor on the number of threads.

use eddy_frame::RowsView;
use rayon::prelude::*;

use crate::{
    binned::{bin_of, cuts_of},
    columns::finite,
    cuts::{CutKind, Cuts},
    flat_tree::{FlatTree, Set, Test, is_among},
};

/// Columns in one word.
const LANES: usize = 8;
/// Bins of a column at most, that of missing values included.
const MAX_BINS: usize = 256;
/// Fewer numbers to add are added on the thread at hand.
const FEW_UPDATES: usize = 1 << 16;
/// Rows a thread adds up at a time in a large node.
const PIECE_ROWS: usize = 1 << 15;
/// Categories are put in order of their gradients, softened by this much hessian, as LightGBM's `cat_smooth`.
const CATEGORY_SMOOTHING: f64 = 10.0;
/// No leaf steps further: where next to nothing is left to learn, a hessian of next to nothing would have it leap.
const MOST_STEP: f64 = 20.0;
/// The least hessian on a side of a cut.
const LEAST_HESSIAN: f64 = 1e-3;

/// How a tree is grown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) max_leaves: usize,
    pub(crate) max_depth: usize,
    pub(crate) min_samples_leaf: usize,
    pub(crate) l2: f64,
}

/// A column cut into bins.
struct Column {
    cuts: Vec<f32>,
    /// The bin of missing values, if there are any; always the last.
    missing_bin: Option<usize>,
    n_bins: usize,
    /// Whether bins are categories, the number of the bin being that of the category.
    is_category: bool,
}

/// The rows that are learned from: bins, eight columns a word.
pub(crate) struct Table {
    columns: Vec<Column>,
    /// Word of each row, for each eight columns.
    words: Vec<Vec<u64>>,
    n_rows: usize,
}

impl Table {
    /// Cuts the columns into bins; `is_category` may be empty.
    pub(crate) fn new(rows: RowsView<'_>, is_category: &[bool]) -> Self {
        let n_cols = rows.n_cols();
        let columns: Vec<Column> = (0..n_cols)
            .into_par_iter()
            .map(|col_idx| Column::new(rows, col_idx, is_category.get(col_idx) == Some(&true)))
            .collect();
        let words = columns
            .par_chunks(LANES)
            .enumerate()
            .map(|(block_idx, columns)| {
                let start = block_idx * LANES;
                let word = |row: &[f32]| {
                    columns
                        .iter()
                        .zip(&row[start..])
                        .enumerate()
                        .fold(0u64, |word, (lane, (column, &value))| {
                            word | (column.bin(value) as u64) << (8 * lane)
                        })
                };
                rows.iter().map(word).collect()
            })
            .collect();
        Self { columns, words, n_rows: rows.n_rows() }
    }
}

impl Column {
    fn new(rows: RowsView<'_>, col_idx: usize, is_category: bool) -> Self {
        let values = || rows.iter().map(|row| row[col_idx]);
        let has_missing = values().any(f32::is_nan);
        let is_code = |value: f32| value.is_nan() || (value.fract() == 0.0 && (0.0..255.0).contains(&value));
        if is_category && values().all(is_code) {
            let most = values().filter(|value| !value.is_nan()).fold(0.0, f32::max) as usize;
            let missing_bin = has_missing.then_some(most + 1);
            let n_bins = most + 1 + usize::from(has_missing);
            return Self { cuts: Vec::new(), missing_bin, n_bins, is_category: true };
        }
        let cuts = cuts_of(rows, col_idx, MAX_BINS - usize::from(has_missing));
        let n_bins = cuts.len() + 1 + usize::from(has_missing);
        Self { missing_bin: has_missing.then_some(cuts.len() + 1), cuts, n_bins, is_category: false }
    }

    fn bin(&self, value: f32) -> usize {
        match self.missing_bin {
            Some(bin) if value.is_nan() => bin,
            _ if self.is_category => value as usize,
            _ => bin_of(&self.cuts, finite(value)),
        }
    }
}

/// Gradient in the high half, hessian in the low one, as whole numbers; sums of them likewise.
type Packed = u64;

fn gradient(sum: Packed) -> f64 {
    f64::from((sum as i64 >> 32) as i32)
}

fn hessian(sum: Packed) -> f64 {
    f64::from(sum as u32)
}

/// The first and second derivatives of the loss of each row, as whole numbers of units.
pub(crate) struct Slopes {
    packed: Vec<Packed>,
    gradient_unit: f64,
    hessian_unit: f64,
}

impl Slopes {
    /// Rounds gradients and hessians so finely that no sum over the rows overflows. Rows that are not to be learned
    /// from have zeros.
    pub(crate) fn new(gradients: &[f32], hessians: &[f32]) -> Self {
        // Sums over fixed pieces: the same on any number of threads.
        let whole = |values: &[f32]| -> f64 {
            let pieces: Vec<f64> = values
                .par_chunks(PIECE_ROWS)
                .map(|piece| piece.iter().map(|&value| f64::from(value.abs())).sum())
                .collect();
            pieces.iter().sum()
        };
        // Half a unit is added to each row at most by rounding.
        let n = gradients.len() as f64;
        let unit = |sum: f64, most: f64| {
            if sum > 0.0 { (sum / (most - n).max(1.0)).max(f64::MIN_POSITIVE) } else { 1.0 }
        };
        let gradient_unit = unit(whole(gradients), f64::from(1 << 30));
        let hessian_unit = unit(whole(hessians), f64::from(1u32 << 31));
        let (g_scale, h_scale) = (1.0 / gradient_unit, 1.0 / hessian_unit);
        let mut packed = vec![0; gradients.len()];
        packed
            .par_chunks_mut(PIECE_ROWS)
            .zip(gradients.par_chunks(PIECE_ROWS))
            .zip(hessians.par_chunks(PIECE_ROWS))
            .for_each(|((packed, gradients), hessians)| {
                for ((packed, &g), &h) in packed.iter_mut().zip(gradients).zip(hessians) {
                    let g = (f64::from(g) * g_scale).round_ties_even() as i32;
                    let h = (f64::from(h) * h_scale).round_ties_even() as u32;
                    *packed = ((i64::from(g) << 32) as u64).wrapping_add(u64::from(h));
                }
            });
        Self { packed, gradient_unit, hessian_unit }
    }
}

/// The best cut of a leaf.
#[derive(Clone)]
struct Cut {
    column: usize,
    rule: Rule,
    gain: f64,
    /// Sums of what passes.
    low: Packed,
}

#[derive(Clone)]
enum Rule {
    UpTo { bin: usize, missing_passes: bool },
    Among(Set),
}

/// A leaf that may still be cut.
struct Open {
    node: usize,
    start: usize,
    end: usize,
    level: usize,
    sum: Packed,
    /// Histograms of all columns, one after the other.
    histogram: Vec<Packed>,
    cut: Option<Cut>,
}

/// A grown tree and the sums of its leaves.
pub(crate) struct Grown {
    pub(crate) tree: FlatTree,
    /// Value of each leaf, in the order of leaves: the step that makes the loss smallest.
    pub(crate) values: Vec<f64>,
    /// The rows of each leaf.
    pub(crate) rows: Vec<Vec<u32>>,
}

/// What is needed while trees grow, for all trees of a model.
pub(crate) struct Grower<'a> {
    table: &'a Table,
    growth: Growth,
    /// Where the histogram of each column starts.
    offsets: Vec<usize>,
    rows: Vec<u32>,
    spare: Vec<u32>,
    ordered: Vec<Packed>,
    /// Histograms that are free again.
    free: Vec<Vec<Packed>>,
}

impl<'a> Grower<'a> {
    pub(crate) fn new(table: &'a Table, growth: Growth) -> Self {
        let mut offsets = vec![0];
        for column in &table.columns {
            offsets.push(offsets.last().copied().unwrap_or(0) + column.n_bins);
        }
        Self {
            table,
            growth,
            offsets,
            rows: Vec::new(),
            spare: Vec::new(),
            ordered: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Grows a tree on the given rows (ascending).
    pub(crate) fn grow(&mut self, slopes: &Slopes, rows: &[u32]) -> Grown {
        self.rows.clear();
        self.rows.extend_from_slice(rows);
        self.spare.resize(rows.len(), 0);
        let sum = rows.iter().fold(0u64, |sum, &row| sum.wrapping_add(slopes.packed[row as usize]));
        let mut histogram = self.histogram();
        let cut = self.fill(slopes, 0, rows.len(), sum, &mut histogram);
        let mut tree = FlatTree::leaf();
        let mut open = vec![Open { node: 0, start: 0, end: rows.len(), level: 0, sum, histogram, cut }];
        let mut n_leaves = 1;
        while n_leaves < self.growth.max_leaves {
            let gain = |leaf: &Open| leaf.cut.as_ref().map_or(0.0, |cut| cut.gain);
            // The first of the best, so that ties do not depend on anything but the order of cutting.
            let mut best = 0;
            for idx in 1..open.len() {
                if gain(&open[idx]) > gain(&open[best]) {
                    best = idx;
                }
            }
            let Some(cut) = open[best].cut.take() else { break };
            let leaf = open.swap_remove(best);
            let (low, high) = self.split(slopes, &mut tree, leaf, &cut);
            open.push(low);
            open.push(high);
            n_leaves += 1;
        }
        tree.finish();
        open.sort_unstable_by_key(|leaf| leaf.node);
        let value = |leaf: &Open| {
            let h = hessian(leaf.sum) * slopes.hessian_unit + self.growth.l2;
            if h > 0.0 {
                (-gradient(leaf.sum) * slopes.gradient_unit / h).clamp(-MOST_STEP, MOST_STEP)
            } else {
                0.0
            }
        };
        let values = open.iter().map(value).collect();
        let rows = open.iter().map(|leaf| self.rows[leaf.start..leaf.end].to_vec()).collect();
        self.free
            .extend(open.into_iter().map(|leaf| leaf.histogram).filter(|histogram| !histogram.is_empty()));
        Grown { tree, values, rows }
    }

    fn histogram(&mut self) -> Vec<Packed> {
        self.free.pop().unwrap_or_else(|| vec![0; self.offsets[self.table.columns.len()]])
    }

    fn split(&mut self, slopes: &Slopes, tree: &mut FlatTree, leaf: Open, cut: &Cut) -> (Open, Open) {
        let test = match &cut.rule {
            Rule::UpTo { bin, missing_passes } => {
                Test::UpTo { feature: cut.column, bin: *bin, missing_passes: *missing_passes }
            }
            Rule::Among(set) => Test::Among { feature: cut.column, set: *set },
        };
        let node = tree.cut(leaf.node, test);
        let middle = leaf.start + self.part_in_two(leaf.start, leaf.end, cut);
        let level = leaf.level + 1;
        let (low_sum, high_sum) = (cut.low, leaf.sum.wrapping_sub(cut.low));
        let empty = |node: usize, start: usize, end: usize, sum: Packed| Open {
            node,
            start,
            end,
            level,
            sum,
            histogram: Vec::new(),
            cut: None,
        };
        let mut low = empty(node, leaf.start, middle, low_sum);
        let mut high = empty(node + 1, middle, leaf.end, high_sum);
        let can_be_cut = |leaf: &Open| {
            leaf.level < self.growth.max_depth && leaf.end - leaf.start >= 2 * self.growth.min_samples_leaf
        };
        if !can_be_cut(&low) && !can_be_cut(&high) {
            self.free.push(leaf.histogram);
            return (low, high);
        }
        let (small, large) = if middle - leaf.start <= leaf.end - middle {
            (&mut low, &mut high)
        } else {
            (&mut high, &mut low)
        };
        let mut histogram = self.histogram();
        small.cut = self.fill(slopes, small.start, small.end, small.sum, &mut histogram);
        // What the larger side has is what the smaller side left.
        let mut rest = leaf.histogram;
        large.cut = self.take_away(slopes, &mut rest, &histogram, large);
        small.histogram = histogram;
        large.histogram = rest;
        for side in [&mut low, &mut high] {
            if side.level >= self.growth.max_depth || side.end - side.start < 2 * self.growth.min_samples_leaf
            {
                side.cut = None;
            }
        }
        (low, high)
    }

    /// Puts the rows that pass first, each side in its order; how many pass.
    fn part_in_two(&mut self, start: usize, end: usize, cut: &Cut) -> usize {
        let shift = 8 * (cut.column % LANES);
        let words = &self.table.words[cut.column / LANES];
        let column = &self.table.columns[cut.column];
        let mut passes = [false; MAX_BINS];
        for (bin, passes) in passes.iter_mut().enumerate().take(column.n_bins) {
            *passes = match &cut.rule {
                Rule::UpTo { missing_passes, .. } if column.missing_bin == Some(bin) => *missing_passes,
                Rule::UpTo { bin: last, .. } => bin <= *last,
                Rule::Among(set) => is_among(set, bin as u8) && column.missing_bin != Some(bin),
            };
        }
        let rows = &mut self.rows[start..end];
        let spare = &mut self.spare[..rows.len()];
        let (mut n_low, mut n_high) = (0, 0);
        for idx in 0..rows.len() {
            let row = rows[idx];
            let bin = (words[row as usize] >> shift) as u8;
            let is_low = usize::from(passes[usize::from(bin)]);
            // Both are written and one counts: no branch to guess wrong.
            rows[n_low] = row;
            spare[n_high] = row;
            n_low += is_low;
            n_high += 1 - is_low;
        }
        rows[n_low..].copy_from_slice(&spare[..n_high]);
        n_low
    }

    /// Adds up the histograms of the rows from `start` to `end` and finds the best cut.
    fn fill(
        &mut self,
        slopes: &Slopes,
        start: usize,
        end: usize,
        sum: Packed,
        histogram: &mut [Packed],
    ) -> Option<Cut> {
        let table = self.table;
        let rows = &self.rows[start..end];
        self.ordered.clear();
        self.ordered.extend(rows.iter().map(|&row| slopes.packed[row as usize]));
        let ordered = &self.ordered[..];
        let search = Search { slopes, growth: &self.growth, sum, n_rows: end - start };
        let n_columns = table.columns.len();
        let offsets = &self.offsets;
        let one = |(block_idx, histogram): (usize, &mut [Packed])| {
            let counts = if rows.len() > PIECE_ROWS {
                rows.par_chunks(PIECE_ROWS)
                    .zip(ordered.par_chunks(PIECE_ROWS))
                    .map(|(rows, ordered)| add_up(&table.words[block_idx], rows, ordered))
                    .reduce_with(|mut sum, piece| {
                        sum.iter_mut()
                            .zip(piece.iter())
                            .for_each(|(sum, piece)| *sum = sum.wrapping_add(*piece));
                        sum
                    })
                    .unwrap_or_else(|| add_up(&[], &[], &[]))
            } else {
                add_up(&table.words[block_idx], rows, ordered)
            };
            let first = block_idx * LANES;
            let mut best = None;
            let mut histogram = histogram;
            for lane in 0..LANES.min(n_columns - first) {
                let column = &table.columns[first + lane];
                let (own, rest) = histogram.split_at_mut(column.n_bins);
                own.copy_from_slice(&counts[lane * MAX_BINS..lane * MAX_BINS + column.n_bins]);
                search.best_of(first + lane, column, own, &mut best);
                histogram = rest;
            }
            best
        };
        let blocks = blocks(histogram, offsets, n_columns);
        let bests: Vec<Option<Cut>> = if rows.len() * n_columns <= FEW_UPDATES {
            blocks.into_iter().enumerate().map(one).collect()
        } else {
            blocks.into_par_iter().enumerate().map(one).collect()
        };
        best_in_order(bests)
    }

    /// Takes the histogram of the smaller side away from that of both, and finds the best cut of what is left.
    fn take_away(&self, slopes: &Slopes, whole: &mut [Packed], part: &[Packed], leaf: &Open) -> Option<Cut> {
        let table = self.table;
        let search = Search { slopes, growth: &self.growth, sum: leaf.sum, n_rows: leaf.end - leaf.start };
        let n_columns = table.columns.len();
        let offsets = &self.offsets;
        let one = |(block_idx, whole): (usize, &mut [Packed])| {
            let first = block_idx * LANES;
            let mut best = None;
            let mut whole = whole;
            for lane in 0..LANES.min(n_columns - first) {
                let column = &table.columns[first + lane];
                let (own, rest) = whole.split_at_mut(column.n_bins);
                let start = offsets[first + lane];
                for (whole, part) in own.iter_mut().zip(&part[start..start + column.n_bins]) {
                    *whole = whole.wrapping_sub(*part);
                }
                search.best_of(first + lane, column, own, &mut best);
                whole = rest;
            }
            best
        };
        let blocks = blocks(whole, offsets, n_columns);
        let bests: Vec<Option<Cut>> = if offsets[n_columns] <= FEW_UPDATES / 32 {
            blocks.into_iter().enumerate().map(one).collect()
        } else {
            blocks.into_par_iter().enumerate().map(one).collect()
        };
        best_in_order(bests)
    }
}

/// The parts of a histogram that belong to each eight columns.
fn blocks<'h>(mut histogram: &'h mut [Packed], offsets: &[usize], n_columns: usize) -> Vec<&'h mut [Packed]> {
    let mut parts = Vec::with_capacity(n_columns.div_ceil(LANES));
    for first in (0..n_columns).step_by(LANES) {
        let last = (first + LANES).min(n_columns);
        let (part, rest) = histogram.split_at_mut(offsets[last] - offsets[first]);
        parts.push(part);
        histogram = rest;
    }
    parts
}

/// The best of some cuts, the first of those that are equal.
fn best_in_order(cuts: Vec<Option<Cut>>) -> Option<Cut> {
    cuts.into_iter().flatten().reduce(|best, cut| if cut.gain > best.gain { cut } else { best })
}

/// Sums by bin of eight columns.
fn add_up(words: &[u64], rows: &[u32], ordered: &[Packed]) -> Box<[Packed; LANES * MAX_BINS]> {
    let mut sums: Box<[Packed; LANES * MAX_BINS]> =
        vec![0; LANES * MAX_BINS].try_into().expect("as many as were asked for");
    for (&row, &slope) in rows.iter().zip(ordered) {
        let word = words[row as usize];
        for lane in 0..LANES {
            let bin = usize::from((word >> (8 * lane)) as u8);
            let sum = &mut sums[lane * MAX_BINS + bin];
            *sum = sum.wrapping_add(slope);
        }
    }
    sums
}

/// Looks for the best cut of a leaf.
struct Search<'a> {
    slopes: &'a Slopes,
    growth: &'a Growth,
    /// Sum over the leaf.
    sum: Packed,
    n_rows: usize,
}

impl Search<'_> {
    /// Whether both sides of a cut are large enough. Rows are not counted but told by their share of the hessian, as
    /// LightGBM does.
    fn is_allowed(&self, low_hessian: f64, high_hessian: f64) -> bool {
        let least = low_hessian.min(high_hessian);
        let whole = low_hessian + high_hessian;
        least * self.slopes.hessian_unit >= LEAST_HESSIAN
            && least * self.n_rows as f64 >= self.growth.min_samples_leaf as f64 * whole
    }

    fn best_of(&self, column_idx: usize, column: &Column, histogram: &[Packed], best: &mut Option<Cut>) {
        if column.is_category {
            self.best_set(column_idx, column, histogram, best);
            return;
        }
        match column.missing_bin {
            None => self.best_threshold(column_idx, histogram, 0, false, false, best),
            Some(bin) => {
                // Missing values are tried on either side.
                let missing = histogram[bin];
                self.best_threshold(column_idx, &histogram[..bin], missing, true, true, best);
                self.best_threshold(column_idx, &histogram[..bin], 0, true, false, best);
            }
        }
    }

    /// Scans the bins of a numeric column. `first` is what passes whatever the threshold; `with_last`: whether a cut
    /// after the last bin makes sense, as it does if missing values are on the other side.
    fn best_threshold(
        &self,
        column: usize,
        histogram: &[Packed],
        first: Packed,
        has_missing: bool,
        missing_passes: bool,
        best: &mut Option<Cut>,
    ) {
        let (g_all, h_all) = (gradient(self.sum), hessian(self.sum));
        let l2 = self.growth.l2 / self.slopes.hessian_unit;
        // All gains in units of gradient squared by hessian.
        let unit = self.slopes.gradient_unit * self.slopes.gradient_unit / self.slopes.hessian_unit;
        let whole = g_all * g_all / (h_all + l2);
        let mut most = best.as_ref().map_or(0.0, |cut| cut.gain / unit) + whole;
        let mut found = None;
        let n_bins =
            if has_missing && !missing_passes { histogram.len() } else { histogram.len().saturating_sub(1) };
        let mut low = first;
        for (bin, &here) in histogram[..n_bins].iter().enumerate() {
            if here == 0 {
                continue;
            }
            low = low.wrapping_add(here);
            let (g_low, h_low) = (gradient(low), hessian(low));
            let (g_high, h_high) = (g_all - g_low, h_all - h_low);
            let (low_weight, high_weight) = (h_low + l2, h_high + l2);
            let value =
                (g_low * g_low * high_weight + g_high * g_high * low_weight) / (low_weight * high_weight);
            if value > most && self.is_allowed(h_low, h_high) {
                most = value;
                found = Some((bin, low));
            }
        }
        if let Some((bin, low)) = found {
            let gain = (most - whole) * unit;
            if gain > 0.0 {
                *best = Some(Cut { column, rule: Rule::UpTo { bin, missing_passes }, gain, low });
            }
        }
    }

    /// Puts categories in the order of their mean gradient and scans them, from either end (Fisher 1958).
    fn best_set(&self, column_idx: usize, column: &Column, histogram: &[Packed], best: &mut Option<Cut>) {
        let unit = self.slopes.gradient_unit * self.slopes.gradient_unit / self.slopes.hessian_unit;
        let (g_all, h_all) = (gradient(self.sum), hessian(self.sum));
        let l2 = self.growth.l2 / self.slopes.hessian_unit;
        let whole = g_all * g_all / (h_all + l2);
        let smoothing = CATEGORY_SMOOTHING / self.slopes.hessian_unit.max(f64::MIN_POSITIVE);
        let mean = |bin: usize| gradient(histogram[bin]) / (hessian(histogram[bin]) + smoothing);
        let mut order: Vec<usize> = (0..histogram.len())
            .filter(|&bin| histogram[bin] != 0 && column.missing_bin != Some(bin))
            .collect();
        order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
        for from_end in [false, true] {
            let (mut low, mut set) = (0u64, Set::default());
            for idx in 0..order.len() {
                let bin = if from_end { order[order.len() - 1 - idx] } else { order[idx] };
                low = low.wrapping_add(histogram[bin]);
                set[bin / 32] |= 1 << (bin % 32);
                let (g_low, h_low) = (gradient(low), hessian(low));
                let (g_high, h_high) = (g_all - g_low, h_all - h_low);
                if !self.is_allowed(h_low, h_high) {
                    continue;
                }
                let gain = (g_low * g_low / (h_low + l2) + g_high * g_high / (h_high + l2) - whole) * unit;
                if gain > best.as_ref().map_or(0.0, |cut| cut.gain) {
                    *best = Some(Cut { column: column_idx, rule: Rule::Among(set), gain, low });
                }
            }
        }
    }
}

impl Table {
    /// Where the columns were cut.
    pub(crate) fn cuts(&self) -> Vec<Cuts> {
        let kind = |column: &Column| match column.missing_bin {
            _ if column.is_category => CutKind::Categories,
            Some(_) => CutKind::WithMissing,
            None => CutKind::Numbers,
        };
        self.columns.iter().map(|column| Cuts { kind: kind(column), cuts: column.cuts.clone() }).collect()
    }

    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }
}
