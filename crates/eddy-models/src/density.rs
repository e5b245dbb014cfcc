//! Dense regions of a table, as DBSCAN defines them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;

use crate::{
    neighbours::{Neighbours, Visit},
    tiles::LANES,
};

/// The radius of a neighbourhood. Squared distances in 32 bits tell most rows inside from those outside; those too near
/// the border for that are looked at in 64 bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Radius {
    /// In the units of the range.
    square: f64,
    surely_inside: f32,
    maybe_inside: f32,
}

impl Radius {
    /// The radius `eps`, in the units of the columns.
    pub(crate) fn new(index: &Neighbours, eps: f64) -> Self {
        let scaled = eps * f64::from(index.range().scale);
        let square = scaled * scaled;
        // Each of the steps of a distance rounds by at most half of 2^-23; twice as much for good measure. Numbers too
        // small for 32 bits are lost altogether.
        let n_steps = index.n_cols() as f64 + 4.0;
        let slack = square * n_steps * f64::from(f32::EPSILON) + n_steps * f64::from(f32::MIN_POSITIVE);
        Self {
            square,
            surely_inside: (square - slack).min(f64::from(f32::MAX)) as f32,
            maybe_inside: (square + slack).min(f64::from(f32::MAX)) as f32,
        }
    }

    fn holds(&self, index: &Neighbours, point: &[f32], place: usize, square: f32) -> bool {
        square <= self.maybe_inside
            && (square < self.surely_inside || index.square_to(point, place) <= self.square)
    }
}

/// What is known of each row.
pub(crate) struct Density {
    /// Whether the neighbourhood of the row is dense.
    pub(crate) is_core: Vec<bool>,
    /// The cluster of each row, if it has one. Clusters are numbered in the order of their first core rows; an edge row
    /// within reach of several belongs to the one with the lowest number.
    pub(crate) clusters: Vec<Option<u32>>,
}

/// Whether each row has at least `min_samples` rows, itself counted, within `eps`.
pub(crate) fn core_rows(index: &Neighbours, eps: f64, min_samples: usize) -> Vec<bool> {
    let radius = Radius::new(index, eps);
    let of_leaf = |leaf: usize| {
        each_lane(index, leaf, |_, point| {
            let mut count = Count { index, radius, point, own: leaf, n: 0, enough: min_samples };
            let mut squares = [0.0; LANES];
            index.leaf_squares(leaf, point, &mut squares);
            if count.add(leaf, &squares) {
                index.within(point, radius.maybe_inside, &mut count);
            }
            count.n >= min_samples
        })
    };
    by_row(index, of_leaf, false)
}

/// Parts the rows into clusters.
pub(crate) fn dbscan(index: &Neighbours, eps: f64, min_samples: usize) -> Density {
    let radius = Radius::new(index, eps);
    let is_core = core_rows(index, eps, min_samples);
    let sets = Sets::new(index, &is_core);
    (0..index.n_leaves()).into_par_iter().for_each(|leaf| {
        each_lane(index, leaf, |row_idx, point| {
            if is_core[row_idx] {
                index.within(
                    point,
                    radius.maybe_inside,
                    &mut Join { index, radius, point, row_idx, own: leaf, sets: &sets },
                );
            }
        });
    });
    // The root of a set is its first row.
    let mut numbers = vec![u32::MAX; index.n_rows()];
    let mut n_clusters = 0;
    for row_idx in 0..index.n_rows() {
        if is_core[row_idx] && sets.root(row_idx as u32) == row_idx as u32 {
            numbers[row_idx] = n_clusters;
            n_clusters += 1;
        }
    }
    let cluster_of = |leaf: usize| {
        each_lane(index, leaf, |row_idx, point| {
            let mut first = if is_core[row_idx] { sets.root(row_idx as u32) } else { u32::MAX };
            if !is_core[row_idx] {
                let mut reach = Reach { index, radius, point, sets: &sets, first: u32::MAX };
                index.within(point, radius.maybe_inside, &mut reach);
                first = reach.first;
            }
            (first != u32::MAX).then(|| numbers[first as usize])
        })
    };
    let clusters = by_row(index, cluster_of, None);
    Density { is_core, clusters }
}

/// Does something for each row of a leaf.
fn each_lane<T>(index: &Neighbours, leaf: usize, mut of_row: impl FnMut(usize, &[f32]) -> T) -> Vec<T> {
    let mut point = vec![0.0; index.n_cols()];
    let mut results = Vec::with_capacity(LANES);
    for (lane, &row_idx) in index.leaf_rows(leaf).iter().enumerate() {
        if row_idx != u32::MAX {
            index.copy_point(leaf * LANES + lane, &mut point);
            results.push(of_row(row_idx as usize, &point));
        }
    }
    results
}

/// Puts what was found for the rows of each leaf in the order of the rows.
fn by_row<T: Copy + Send>(
    index: &Neighbours,
    of_leaf: impl Fn(usize) -> Vec<T> + Sync + Send,
    none: T,
) -> Vec<T> {
    let found: Vec<Vec<T>> = (0..index.n_leaves()).into_par_iter().map(of_leaf).collect();
    let mut all = vec![none; index.n_rows()];
    for (leaf, found) in found.into_iter().enumerate() {
        for (&row_idx, value) in index.leaf_rows(leaf).iter().zip(found) {
            all[row_idx as usize] = value;
        }
    }
    all
}

/// Counts rows within the radius until there are enough.
struct Count<'a> {
    index: &'a Neighbours,
    radius: Radius,
    point: &'a [f32],
    own: usize,
    n: usize,
    enough: usize,
}

impl Count<'_> {
    fn add(&mut self, leaf: usize, squares: &[f32; LANES]) -> bool {
        let surely = self.radius.surely_inside;
        let n_surely: u32 = squares.iter().map(|&square| u32::from(square < surely)).sum();
        self.n += n_surely as usize;
        let maybe = self.radius.maybe_inside;
        let n_maybe: u32 = squares.iter().map(|&square| u32::from(square <= maybe)).sum();
        if n_maybe > n_surely {
            for (lane, &square) in squares.iter().enumerate() {
                let is_in = square >= surely
                    && self.radius.holds(self.index, self.point, leaf * LANES + lane, square);
                self.n += usize::from(is_in);
            }
        }
        self.n < self.enough
    }
}

impl Visit for Count<'_> {
    fn wants(&mut self, leaf: usize) -> bool {
        leaf != self.own
    }

    fn take(&mut self, leaf: usize, squares: &[f32; LANES]) -> bool {
        self.add(leaf, squares)
    }
}

/// Sets of core rows that reach each other. Whoever joins them in whatever order, the sets are the same in the end, and
/// so are their roots: their first rows.
struct Sets {
    parents: Vec<AtomicU32>,
    /// The core rows of each leaf, a bit each.
    cores: Vec<u32>,
    /// Whether all core rows of a leaf are known to be in one set.
    is_one: Vec<AtomicBool>,
}

impl Sets {
    fn new(index: &Neighbours, is_core: &[bool]) -> Self {
        let core_bits = |leaf: usize| {
            let bits = index.leaf_rows(leaf).iter().enumerate();
            bits.filter(|(_, row_idx)| is_core.get(**row_idx as usize) == Some(&true))
                .map(|(lane, _)| 1u32 << lane)
                .sum()
        };
        let cores: Vec<u32> = (0..index.n_leaves()).map(core_bits).collect();
        Self {
            parents: (0..index.n_rows() as u32).map(AtomicU32::new).collect(),
            is_one: cores.iter().map(|bits| AtomicBool::new(bits.is_power_of_two())).collect(),
            cores,
        }
    }

    fn root(&self, mut row_idx: u32) -> u32 {
        loop {
            let parent = self.parents[row_idx as usize].load(Relaxed);
            if parent == row_idx {
                return row_idx;
            }
            let grandparent = self.parents[parent as usize].load(Relaxed);
            // Parents only ever come before their children, so that halving the path makes no circle.
            self.parents[row_idx as usize].fetch_min(grandparent, Relaxed);
            row_idx = grandparent;
        }
    }

    fn join(&self, a: u32, b: u32) {
        let (mut a, mut b) = (self.root(a), self.root(b));
        while a != b {
            let (low, high) = (a.min(b), a.max(b));
            if self.parents[high as usize].compare_exchange(high, low, Relaxed, Relaxed).is_ok() {
                return;
            }
            (a, b) = (self.root(low), self.root(high));
        }
    }

    /// A core row of a leaf that has one.
    fn first_core(&self, index: &Neighbours, leaf: usize) -> u32 {
        index.leaf_rows(leaf)[self.cores[leaf].trailing_zeros() as usize]
    }
}

/// Joins a core row with the core rows within its radius.
struct Join<'a> {
    index: &'a Neighbours,
    radius: Radius,
    point: &'a [f32],
    row_idx: usize,
    own: usize,
    sets: &'a Sets,
}

impl Visit for Join<'_> {
    fn wants(&mut self, leaf: usize) -> bool {
        // Each pair of leaves is looked at from one side only; rows that are together already need no second look.
        leaf >= self.own
            && self.sets.cores[leaf] != 0
            && !(self.sets.is_one[leaf].load(Relaxed)
                && self.sets.root(self.sets.first_core(self.index, leaf))
                    == self.sets.root(self.row_idx as u32))
    }

    fn take(&mut self, leaf: usize, squares: &[f32; LANES]) -> bool {
        let cores = self.sets.cores[leaf];
        let mut joined = 0u32;
        for (lane, (&square, &row_idx)) in squares.iter().zip(self.index.leaf_rows(leaf)).enumerate() {
            let bit = 1 << lane;
            if cores & bit != 0 && self.radius.holds(self.index, self.point, leaf * LANES + lane, square) {
                self.sets.join(self.row_idx as u32, row_idx);
                joined |= bit;
            }
        }
        if joined == cores {
            self.sets.is_one[leaf].store(true, Relaxed);
        }
        true
    }
}

/// Looks for the first cluster that reaches a row.
struct Reach<'a> {
    index: &'a Neighbours,
    radius: Radius,
    point: &'a [f32],
    sets: &'a Sets,
    first: u32,
}

impl Visit for Reach<'_> {
    fn wants(&mut self, leaf: usize) -> bool {
        self.sets.cores[leaf] != 0
    }

    fn take(&mut self, leaf: usize, squares: &[f32; LANES]) -> bool {
        for (lane, (&square, &row_idx)) in squares.iter().zip(self.index.leaf_rows(leaf)).enumerate() {
            let is_core = self.sets.cores[leaf] & 1 << lane != 0;
            if is_core && self.radius.holds(self.index, self.point, leaf * LANES + lane, square) {
                self.first = self.first.min(self.sets.root(row_idx));
            }
        }
        true
    }
}
