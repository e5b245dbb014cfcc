//! The nearest rows of a table.
//!
//! Rows are parted by cuts through their widest column, as in a k-d tree (Bentley, "Multidimensional binary search trees
//! used for associative searching", CACM 1975), down to leaves of [`LANES`] rows; [`LANES`] leaves are a group. Leaves,
//! and the boxes around leaves and groups, are kept in tiles, so that one instruction looks at many of them. A search
//! goes through the groups and leaves whose boxes are near enough: with few columns the nearest first, with many in their
//! order for many rows together. All distances are exact.

use eddy_detect::{LoadError, SectionReader, SectionWriter};
use eddy_frame::RowsView;
use rayon::prelude::*;

use eddy_detect::wide;

use crate::{
    checked,
    tiles::{LANES, Range, put, squared_distances, tile_squares},
};

/// Rows of a group.
const GROUP: usize = LANES * LANES;
/// More rows than this are parted by two threads.
const PARALLEL_ROWS: usize = 8 * GROUP;
/// With more columns than this most boxes are near most rows: what counts is that a leaf is fetched once for many.
const FEW_COLS: usize = 16;
/// Rows that go through the leaves together, so that a leaf is fetched once for all of them.
const BLOCK: usize = 32;

/// Rows to search in.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    n_rows: usize,
    n_cols: usize,
    range: Range,
    /// Leaf after leaf, each a tile; lanes without a row are infinite.
    leaves: Vec<f32>,
    /// Row of each lane of each leaf.
    rows: Vec<u32>,
    /// Lane of each row, counted over all leaves.
    places: Vec<u32>,
    leaf_boxes: Vec<f32>,
    group_boxes: Vec<f32>,
}

/// A squared distance and a row in one number that orders by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Near(u64);

impl Near {
    /// Farther than any row.
    const NONE: Self = Self((f32::INFINITY.to_bits() as u64) << 32);

    #[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
    #[inline(always)]
    fn new(square: f32, row_idx: u32) -> Self {
        Self(u64::from(square.to_bits()) << 32 | u64::from(row_idx))
    }

    /// The squared distance, in 32 bits and within the range.
    pub(crate) fn square(self) -> f32 {
        f32::from_bits((self.0 >> 32) as u32)
    }

    /// The row.
    pub(crate) fn row(self) -> usize {
        self.0 as u32 as usize
    }
}

/// What a search needs; kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Room {
    groups: Vec<Near>,
    leaves: Vec<Near>,
    /// What was found.
    found: Vec<Near>,
}

/// What is asked of the rows within a radius.
pub(crate) trait Visit {
    /// Whether the rows of a leaf are of interest.
    fn wants(&mut self, leaf: usize) -> bool;
    /// Takes the squared distances of the rows of a leaf, one of which at least may be within the radius; whether to
    /// go on.
    fn take(&mut self, leaf: usize, squares: &[f32; LANES]) -> bool;
}

impl Neighbours {
    /// Keeps rows to search in.
    pub(crate) fn new(rows: RowsView<'_>) -> Self {
        let range = Range::of(rows);
        let values: Vec<f32> = rows.values().iter().map(|&value| range.bring(value)).collect();
        Self::build(RowsView::new(&values, rows.n_cols()), range)
    }

    fn build(rows: RowsView<'_>, range: Range) -> Self {
        let (n, d) = (rows.n_rows(), rows.n_cols());
        let mut order: Vec<u32> = (0..n as u32).collect();
        part(rows, &mut order);
        let n_leaves = n.div_ceil(LANES);
        let mut leaves = vec![f32::INFINITY; n_leaves * LANES * d];
        let mut places = vec![0u32; n];
        let as_it_is = Range { scale: 1.0, limit: f32::MAX };
        for (leaf, (tile, members)) in leaves.chunks_exact_mut(LANES * d).zip(order.chunks(LANES)).enumerate()
        {
            for (lane, &row_idx) in members.iter().enumerate() {
                put(tile, lane, rows.row(row_idx as usize), as_it_is);
                places[row_idx as usize] = (leaf * LANES + lane) as u32;
            }
        }
        let leaf_extents: Vec<Vec<(f32, f32)>> =
            order.chunks(LANES).map(|members| extents(rows, members)).collect();
        let group_extents: Vec<Vec<(f32, f32)>> =
            order.chunks(GROUP).map(|members| extents(rows, members)).collect();
        let (leaf_boxes, group_boxes) = (boxes(&leaf_extents, d), boxes(&group_extents, d));
        order.resize(n_leaves * LANES, u32::MAX);
        Self { n_rows: n, n_cols: d, range, leaves, rows: order, places, leaf_boxes, group_boxes }
    }

    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns.
    pub(crate) fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Number of leaves.
    pub(crate) fn n_leaves(&self) -> usize {
        self.rows.len() / LANES
    }

    /// The rows of a leaf, lane by lane; [`u32::MAX`] for none.
    pub(crate) fn leaf_rows(&self, leaf: usize) -> &[u32] {
        &self.rows[leaf * LANES..(leaf + 1) * LANES]
    }

    /// Lane of a row, counted over all leaves.
    pub(crate) fn place(&self, row_idx: usize) -> usize {
        self.places[row_idx] as usize
    }

    /// The range of all values.
    pub(crate) fn range(&self) -> Range {
        self.range
    }

    fn tile(&self, leaf: usize) -> &[f32] {
        &self.leaves[leaf * LANES * self.n_cols..(leaf + 1) * LANES * self.n_cols]
    }

    /// The squared distances of the rows of a leaf to a point within the range.
    pub(crate) fn leaf_squares(&self, leaf: usize, point: &[f32], squares: &mut [f32; LANES]) {
        tile_squares(self.tile(leaf), point, squares);
    }

    /// The values of a lane, within the range.
    pub(crate) fn point(&self, place: usize) -> impl Iterator<Item = f32> {
        self.tile(place / LANES).iter().skip(place % LANES).step_by(LANES).copied()
    }

    /// Copies the values of a lane.
    pub(crate) fn copy_point(&self, place: usize, out: &mut [f32]) {
        out.iter_mut().zip(self.point(place)).for_each(|(out, value)| *out = value);
    }

    /// The squared distance of a point within the range to a lane, in 64 bits and within the range.
    pub(crate) fn square_to(&self, point: &[f32], place: usize) -> f64 {
        let square = |(a, &b): (f32, &f32)| (f64::from(a) - f64::from(b)).powi(2);
        self.point(place).zip(point).map(square).sum()
    }

    /// The distance of a point within the range to a row, in the units of the columns.
    pub(crate) fn distance(&self, point: &[f32], row_idx: usize) -> f64 {
        self.square_to(point, self.place(row_idx)).sqrt() / f64::from(self.range.scale)
    }

    /// Finds the `k` nearest rows of each point; `take` gets the number of the point and what was found, nearest first.
    /// Points are within the range, point after point; `k` is at most the number of rows.
    pub(crate) fn nearest(
        &self,
        points: &[f32],
        k: usize,
        room: &mut Room,
        mut take: impl FnMut(usize, &[Near]),
    ) {
        let d = self.n_cols;
        for (block, points) in points.chunks(BLOCK * d).enumerate() {
            room.found.clear();
            room.found.resize(points.len() / d * k, Near::NONE);
            if d > FEW_COLS {
                through_leaves_together(self, points, k, &mut room.found);
            } else {
                through_near_leaves(self, points, k, room);
            }
            room.found.chunks_exact(k).enumerate().for_each(|(at, found)| take(block * BLOCK + at, found));
        }
    }

    /// Like [`Self::nearest`], but a point that equals rows is taken for one of them, which is left out: it is not its
    /// own neighbour. `k` is at most [`Self::most_others`].
    pub(crate) fn nearest_but_itself(
        &self,
        points: &[f32],
        k: usize,
        room: &mut Room,
        mut take: impl FnMut(usize, &[Near]),
    ) {
        let d = self.n_cols;
        let n_found = (k + 1).min(self.n_rows);
        self.nearest(points, n_found, room, |at, found| {
            let is_itself = self.is_at(&points[at * d..(at + 1) * d], found[0]);
            take(at, if is_itself && n_found > k { &found[1..] } else { &found[..k] });
        });
    }

    /// Whether a row that was found equals the point.
    pub(crate) fn is_at(&self, point: &[f32], near: Near) -> bool {
        near.square() == 0.0 && self.point(self.place(near.row())).eq(point.iter().copied())
    }

    /// How many others a row has; a row that is alone has to do with itself.
    pub(crate) fn most_others(&self) -> usize {
        (self.n_rows - 1).max(1)
    }

    /// The `k` nearest other rows of every row, row after row, nearest first; `k` is less than the number of rows.
    pub(crate) fn nearest_others(&self, k: usize) -> Vec<Near> {
        let d = self.n_cols;
        // Leaf after leaf, so that what one search fetched the next finds at hand.
        let of_leaf = |leaf: usize| {
            let members: Vec<usize> = self
                .leaf_rows(leaf)
                .iter()
                .filter(|&&row_idx| row_idx != u32::MAX)
                .map(|&row_idx| row_idx as usize)
                .collect();
            let mut points = vec![0.0; members.len() * d];
            for (lane, point) in points.chunks_exact_mut(d).enumerate() {
                self.copy_point(leaf * LANES + lane, point);
            }
            let mut others = Vec::with_capacity(members.len() * k);
            self.nearest(&points, k + 1, &mut Room::default(), |at, found| {
                // With many equal rows a row need not be among its own nearest.
                let own = found.iter().position(|near| near.row() == members[at]).unwrap_or(k);
                others.extend(found.iter().enumerate().filter(|(idx, _)| *idx != own).map(|(_, near)| *near));
            });
            others
        };
        let mut all = vec![Near::NONE; self.n_rows * k];
        // A bounded number of leaves at a time: what was found is held twice only for those.
        for start in (0..self.n_leaves()).step_by(GROUP) {
            let end = (start + GROUP).min(self.n_leaves());
            let found: Vec<Vec<Near>> = (start..end).into_par_iter().map(of_leaf).collect();
            for (leaf, others) in (start..end).zip(found) {
                for (&row_idx, others) in self.leaf_rows(leaf).iter().zip(others.chunks_exact(k.max(1))) {
                    let at = row_idx as usize * k;
                    all[at..at + k].copy_from_slice(others);
                }
            }
        }
        all
    }

    /// Shows a visitor all leaves that may have rows within the squared radius of a point within the range.
    pub(crate) fn within<V: Visit>(&self, point: &[f32], square: f32, visitor: &mut V) {
        within(self, point, square, visitor);
    }

    /// Names and writes the rows, in their own order: the rest follows from them.
    pub(crate) fn save(&self, section: &mut SectionWriter<'_>) {
        let values: Vec<f32> = (0..self.n_rows).flat_map(|row_idx| self.point(self.place(row_idx))).collect();
        section.value("n_features", &self.n_cols);
        section.f32("scale", &[self.range.scale]);
        section.f32("rows", &values);
    }

    /// Reads what [`Self::save`] wrote.
    pub(crate) fn load(section: &SectionReader<'_>) -> Result<Self, LoadError> {
        let n_features = checked::n_features(section)?;
        let range = checked::range(section, n_features)?;
        let values = checked::points(section, "rows", n_features, range)?;
        if values.is_empty() || values.len() / n_features >= u32::MAX as usize {
            return Err(LoadError::content("rows", "are too few or too many"));
        }
        Ok(Self::build(RowsView::new(&values, n_features), range))
    }
}

/// Least and greatest value of each column among some rows.
fn extents(rows: RowsView<'_>, members: &[u32]) -> Vec<(f32, f32)> {
    let mut extents = vec![(f32::INFINITY, f32::NEG_INFINITY); rows.n_cols()];
    for &row_idx in members {
        for ((low, high), &value) in extents.iter_mut().zip(rows.row(row_idx as usize)) {
            *low = if value < *low { value } else { *low };
            *high = if value > *high { value } else { *high };
        }
    }
    extents
}

/// Puts rows that are near each other side by side: cuts at the middle of the widest column, again and again.
fn part(rows: RowsView<'_>, members: &mut [u32]) {
    if members.len() <= LANES {
        return;
    }
    let unit = if members.len() > GROUP { GROUP } else { LANES };
    let middle = (members.len().div_ceil(unit) / 2) * unit;
    let extents = extents(rows, members);
    let width = |col: usize| extents[col].1 - extents[col].0;
    let widest =
        (0..rows.n_cols()).fold(0, |widest, col| if width(col) > width(widest) { col } else { widest });
    let value = |row_idx: u32| rows.row(row_idx as usize)[widest];
    members.select_nth_unstable_by(middle, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
    let (low, high) = members.split_at_mut(middle);
    if low.len() > PARALLEL_ROWS {
        rayon::join(|| part(rows, low), || part(rows, high));
    } else {
        part(rows, low);
        part(rows, high);
    }
}

/// Boxes in tiles: for each [`LANES`] of them a tile of lower ends and a tile of upper ends. Lanes without a box are
/// infinitely far from everything.
fn boxes(extents: &[Vec<(f32, f32)>], d: usize) -> Vec<f32> {
    let mut boxes = Vec::with_capacity(extents.len().div_ceil(LANES) * 2 * LANES * d);
    for some in extents.chunks(LANES) {
        for end in [0, 1] {
            for col in 0..d {
                for lane in 0..LANES {
                    let none = if end == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
                    let value =
                        |extent: &Vec<(f32, f32)>| if end == 0 { extent[col].0 } else { extent[col].1 };
                    boxes.push(some.get(lane).map_or(none, value));
                }
            }
        }
    }
    boxes
}

/// Squared distances of a point to the boxes of a tile. No row of a box is nearer, rounding included: each step rounds
/// as it does for the row.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn box_distances(boxes: &[f32], point: &[f32], out: &mut [f32; LANES]) {
    let (lows, highs) = boxes.split_at(boxes.len() / 2);
    let (halves, _) = out.as_chunks_mut::<16>();
    for (half, out) in halves.iter_mut().enumerate() {
        let mut sums = [0.0f32; 16];
        for ((lows, highs), &value) in lows.chunks_exact(LANES).zip(highs.chunks_exact(LANES)).zip(point) {
            let lows: &[f32; 16] = lows[half * 16..half * 16 + 16].try_into().expect("half a tile");
            let highs: &[f32; 16] = highs[half * 16..half * 16 + 16].try_into().expect("half a tile");
            for lane in 0..16 {
                let (below, above) = (lows[lane] - value, value - highs[lane]);
                let gap = if below > above { below } else { above };
                let gap = if gap > 0.0 { gap } else { 0.0 };
                sums[lane] += gap * gap;
            }
        }
        *out = sums;
    }
}

/// Notes which boxes are within a bound, and how far they are.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn near_boxes(boxes: &[f32], first: usize, point: &[f32], bound: f32, out: &mut Vec<Near>) {
    let mut squares = [0.0f32; LANES];
    box_distances(boxes, point, &mut squares);
    if squares.iter().fold(f32::INFINITY, |least, &square| if square < least { square } else { least })
        <= bound
    {
        for (lane, &square) in squares.iter().enumerate() {
            if square <= bound && square < f32::INFINITY {
                out.push(Near::new(square, (first + lane) as u32));
            }
        }
    }
}

/// The box of least distance to a point, the first of equally near ones.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn nearest_box(boxes: &[f32], point: &[f32]) -> usize {
    let mut best = (f32::INFINITY, 0);
    let mut squares = [0.0f32; LANES];
    for (tile, boxes) in boxes.chunks_exact(2 * LANES * point.len()).enumerate() {
        box_distances(boxes, point, &mut squares);
        for (lane, &square) in squares.iter().enumerate() {
            if square < best.0 {
                best = (square, tile * LANES + lane);
            }
        }
    }
    best.1
}

/// Puts the rows of a leaf among the nearest, if they belong there.
#[expect(clippy::inline_always, reason = "it must be compiled anew for the processor of each caller")]
#[inline(always)]
fn merge_leaf(index: &Neighbours, leaf: usize, point: &[f32], found: &mut [Near]) {
    let mut squares = [0.0f32; LANES];
    squared_distances(index.tile(leaf), point, &mut squares);
    let last = found.len() - 1;
    let least =
        squares.iter().fold(f32::INFINITY, |least, &square| if square < least { square } else { least });
    if least > found[last].square() {
        return;
    }
    for (&square, &row_idx) in squares.iter().zip(index.leaf_rows(leaf)) {
        let near = Near::new(square, row_idx);
        if near < found[last] {
            let mut at = last;
            while at > 0 && found[at - 1] > near {
                found[at] = found[at - 1];
                at -= 1;
            }
            found[at] = near;
        }
    }
}

wide! {
    /// Searches the leaves near each point, the nearest first.
    fn through_near_leaves(index: &Neighbours, points: &[f32], k: usize, room: &mut Room) {
        let d = index.n_cols;
        let tile_len = 2 * LANES * d;
        let Room { groups, leaves, found } = room;
        for (point, found) in points.chunks_exact(d).zip(found.chunks_exact_mut(k)) {
            groups.clear();
            for (tile, boxes) in index.group_boxes.chunks_exact(tile_len).enumerate() {
                near_boxes(boxes, tile * LANES, point, f32::INFINITY, groups);
            }
            groups.sort_unstable();
            for group in groups.iter() {
                if group.square() > found[k - 1].square() {
                    break;
                }
                leaves.clear();
                let group = group.row();
                let boxes = &index.leaf_boxes[group * tile_len..(group + 1) * tile_len];
                near_boxes(boxes, group * LANES, point, found[k - 1].square(), leaves);
                leaves.sort_unstable();
                for leaf in leaves.iter() {
                    if leaf.square() > found[k - 1].square() {
                        break;
                    }
                    merge_leaf(index, leaf.row(), point, found);
                }
            }
        }
    }

    /// Searches the leaves near any point of a block, each for all points it is near to while it is at hand. The leaf
    /// nearest to each point comes first, so that most others are known to be too far.
    fn through_leaves_together(index: &Neighbours, points: &[f32], k: usize, found: &mut [Near]) {
        let d = index.n_cols;
        let tile_len = 2 * LANES * d;
        let mut squares = [[0.0f32; LANES]; BLOCK];
        let mut first = [usize::MAX; BLOCK];
        for (at, (point, found)) in points.chunks_exact(d).zip(found.chunks_exact_mut(k)).enumerate() {
            let group = nearest_box(&index.group_boxes, point);
            let boxes = &index.leaf_boxes[group * tile_len..(group + 1) * tile_len];
            first[at] = group * LANES + nearest_box(boxes, point);
            merge_leaf(index, first[at], point, found);
        }
        for (group, boxes) in index.leaf_boxes.chunks_exact(tile_len).enumerate() {
            for (point, squares) in points.chunks_exact(d).zip(&mut squares) {
                box_distances(boxes, point, squares);
            }
            for lane in 0..LANES.min(index.n_leaves() - group * LANES) {
                let leaf = group * LANES + lane;
                for (at, (point, found)) in points.chunks_exact(d).zip(found.chunks_exact_mut(k)).enumerate() {
                    if squares[at][lane] <= found[k - 1].square() && first[at] != leaf {
                        merge_leaf(index, leaf, point, found);
                    }
                }
            }
        }
    }

    /// Which boxes of a tile are within a bound.
    fn boxes_within(boxes: &[f32], first: usize, point: &[f32], bound: f32, out: &mut Vec<Near>) {
        near_boxes(boxes, first, point, bound, out);
    }
}

fn within<V: Visit>(index: &Neighbours, point: &[f32], square: f32, visitor: &mut V) {
    let tile_len = 2 * LANES * index.n_cols;
    let (mut groups, mut leaves) = (Vec::new(), Vec::new());
    for (tile, boxes) in index.group_boxes.chunks_exact(tile_len).enumerate() {
        boxes_within(boxes, tile * LANES, point, square, &mut groups);
    }
    // The nearest first: a visitor that wants only so many rows has them soonest there.
    groups.sort_unstable();
    let mut squares = [0.0; LANES];
    for group in groups {
        let group = group.row();
        leaves.clear();
        boxes_within(
            &index.leaf_boxes[group * tile_len..(group + 1) * tile_len],
            group * LANES,
            point,
            square,
            &mut leaves,
        );
        for leaf in &leaves {
            if visitor.wants(leaf.row()) {
                index.leaf_squares(leaf.row(), point, &mut squares);
                if !visitor.take(leaf.row(), &squares) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eddy_detect::{Sections, Seed};
    use rand::RngExt;

    use super::*;
    use crate::{stream::stream, tiles::squared_distance};

    fn noise(n_values: usize, levels: u32) -> Vec<f32> {
        let mut rng = stream(Seed::default(), 3);
        (0..n_values).map(|_| rng.random_range(0..levels) as f32 / 7.0).collect()
    }

    /// The nearest rows found one by one.
    fn reference(values: &[f32], d: usize, point: &[f32], k: usize) -> Vec<usize> {
        let mut all: Vec<(f64, usize)> = values
            .chunks(d)
            .enumerate()
            .map(|(row_idx, row)| (squared_distance(row, point), row_idx))
            .collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        all[..k].iter().map(|(_, row_idx)| *row_idx).collect()
    }

    #[test]
    fn the_nearest_rows_are_those_of_a_search_one_by_one() {
        for (n, d, k) in [(5000, 3, 7), (2500, 10, 1), (2500, 20, 6), (300, 70, 20), (40, 2, 40), (1, 1, 1)] {
            let values = noise(n * d, 1 << 24);
            let index = Neighbours::new(RowsView::new(&values, d));
            let points = noise(100 * d, 1 << 20);
            let mut n_seen = 0;
            index.nearest(&points, k, &mut Room::default(), |at, found| {
                let rows: Vec<usize> = found.iter().map(|near| near.row()).collect();
                assert_eq!(rows, reference(&values, d, &points[at * d..(at + 1) * d], k), "{n} {d} {k}");
                n_seen += 1;
            });
            assert_eq!(n_seen, 100);
        }
    }

    #[test]
    fn rows_equally_near_come_in_their_order() {
        let values = noise(3000 * 2, 4);
        let index = Neighbours::new(RowsView::new(&values, 2));
        let others = index.nearest_others(6);
        for (row_idx, point) in values.chunks(2).enumerate() {
            let mut expect = reference(&values, 2, point, 3000);
            expect.retain(|other| *other != row_idx);
            let found: Vec<usize> =
                others[row_idx * 6..row_idx * 6 + 6].iter().map(|near| near.row()).collect();
            // A row that has many equal ones before it is left out by number, not by place.
            assert_eq!(found[..6], expect[..6]);
        }
    }

    #[test]
    fn huge_values_are_brought_into_range_and_saved_so() {
        let values = [3e38, -3e38, 1.0, f32::NAN, 2.0, f32::NEG_INFINITY];
        let index = Neighbours::new(RowsView::new(&values, 2));
        let mut sections = Sections::default();
        index.save(&mut sections.writer());
        let loaded = Neighbours::load(&sections.reader()).unwrap();
        assert_eq!((loaded.leaves.clone(), loaded.range), (index.leaves.clone(), index.range));
        let mut point = [0.0; 2];
        index.range.bring_row(&[3e38, -3e38], &mut point);
        index.nearest(&point, 3, &mut Room::default(), |_, found| {
            assert_eq!(found[0].row(), 0);
            assert!(index.distance(&point, found[2].row()) > 3e38);
        });
    }
}
