//! Clusters around means.

use eddy_detect::Seed;
use eddy_frame::RowsView;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;

use eddy_detect::wide;

use crate::{
    stream::stream,
    tiles::{LANES, Range, put, squared_distance, squared_distances},
};

/// Parts that sums are made of, whatever the number of threads.
const PARTS: usize = 32;
/// Rounding of distances in 32 bits, generously: bounds are widened by it.
const SLACK: f32 = 1e-5;

/// How clusters are searched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Search {
    /// Clusters; at most as many as there are rows.
    pub(crate) n_clusters: usize,
    /// Times that all is begun anew; the best is kept.
    pub(crate) n_init: usize,
    /// Rounds at most.
    pub(crate) max_iter: usize,
    /// Centres that move less than this, squared, all together and in units of the mean variance of the columns, stand.
    pub(crate) tol: f64,
}

/// Clusters that were found. Centres are within the range.
#[derive(Debug, Clone)]
pub(crate) struct Clusters {
    /// Where the centres are, centre after centre.
    pub(crate) centers: Vec<f32>,
    /// Rows nearest to each centre.
    pub(crate) counts: Vec<usize>,
    /// The cluster of each row.
    pub(crate) labels: Vec<u32>,
    /// Sum of squared distances of the rows to their centres.
    pub(crate) inertia: f64,
}

/// Searches clusters: seeds drawn by squared distance, the best of a few draws each (Arthur & Vassilvitskii 2007), then
/// means and nearest means in turn (Lloyd 1982), passing over rows that bounds show to stay where they are (Hamerly
/// 2010).
pub(crate) fn search(rows: RowsView<'_>, range: Range, how: &Search, seed: Seed) -> Clusters {
    let table = Table { rows, range, part_len: rows.n_rows().div_ceil(PARTS).next_multiple_of(LANES) };
    let n_clusters = how.n_clusters.min(rows.n_rows());
    let tolerance = if how.tol > 0.0 { how.tol * table.mean_variance() } else { 0.0 };
    let runs = (0..how.n_init).map(|run| {
        let centers = table.seeds(n_clusters, &mut stream(seed, run));
        table.lloyd(centers, how.max_iter, tolerance)
    });
    // The first of equally good ones.
    runs.reduce(|best, next| if next.inertia < best.inertia { next } else { best }).expect("at least one run")
}

/// The rows as all parts see them.
#[derive(Clone, Copy)]
struct Table<'a> {
    rows: RowsView<'a>,
    range: Range,
    part_len: usize,
}

/// What is known of a row: which centre is nearest, at most how far it is, and at least how far all others are.
#[derive(Clone, Copy)]
struct Standing {
    label: u32,
    nearest: f32,
    others: f32,
}

/// What changed in a part: what to add to the sums and counts of the clusters.
struct Change {
    sums: Vec<f64>,
    counts: Vec<i64>,
    n_moved: usize,
}

/// Where the centres stand and how they moved last.
struct Centers<'a> {
    at: &'a [f32],
    /// How far each has moved.
    shifts: &'a [f32],
    /// Half the distance of each to the nearest other.
    halves: &'a [f32],
    /// The largest shift, whose it is, and the second largest.
    most: (f32, u32, f32),
}

impl Table<'_> {
    fn part(&self, part: usize) -> RowsView<'_> {
        let start = (part * self.part_len).min(self.rows.n_rows());
        self.rows.slice(start, (start + self.part_len).min(self.rows.n_rows()))
    }

    fn mean_variance(&self) -> f64 {
        let d = self.rows.n_cols();
        let parts: Vec<(Vec<f64>, Vec<f64>)> = (0..PARTS)
            .into_par_iter()
            .map(|part| {
                let (mut sums, mut squares) = (vec![0.0; d], vec![0.0; d]);
                for row in self.part(part).iter() {
                    for ((sum, square), &value) in sums.iter_mut().zip(&mut squares).zip(row) {
                        let value = f64::from(self.range.bring(value));
                        *sum += value;
                        *square += value * value;
                    }
                }
                (sums, squares)
            })
            .collect();
        let n = self.rows.n_rows() as f64;
        let of_column = |col: usize| {
            let sum: f64 = parts.iter().map(|(sums, _)| sums[col]).sum();
            let square: f64 = parts.iter().map(|(_, squares)| squares[col]).sum();
            (square / n - (sum / n).powi(2)).max(0.0)
        };
        (0..d).map(of_column).sum::<f64>() / d as f64
    }

    fn row(&self, row_idx: usize) -> Vec<f32> {
        self.rows.row(row_idx).iter().map(|&value| self.range.bring(value)).collect()
    }

    /// The first centres: each is the best of a few rows drawn with the square of their distance to the centres there
    /// are.
    fn seeds(&self, n_clusters: usize, rng: &mut Pcg64Mcg) -> Vec<f32> {
        let n = self.rows.n_rows();
        let n_draws = 2 + (n_clusters as f64).ln() as usize;
        let mut centers = self.row(rng.random_range(0..n));
        let mut closest = vec![f32::INFINITY; n];
        let mut last = centers.clone();
        for _ in 1..n_clusters {
            let parts: Vec<f64> = closest
                .par_chunks_mut(self.part_len)
                .enumerate()
                .map(|(part, closest)| come_closer(self.part(part), self.range, &last, closest))
                .collect();
            let total: f64 = parts.iter().sum();
            let drawn: Vec<usize> = (0..n_draws)
                .map(|_| {
                    let share = rng.random::<f64>();
                    if total > 0.0 {
                        pick(share * total, &parts, &closest, self.part_len)
                    } else {
                        (share * n as f64) as usize
                    }
                })
                .collect();
            let candidates: Vec<f32> = drawn.iter().flat_map(|&row_idx| self.row(row_idx)).collect();
            let potentials: Vec<Vec<f64>> = closest
                .par_chunks(self.part_len)
                .enumerate()
                .map(|(part, closest)| potentials(self.part(part), self.range, &candidates, closest))
                .collect();
            let potential = |draw: usize| potentials.iter().map(|part| part[draw]).sum::<f64>();
            let best = (0..n_draws).min_by(|&a, &b| potential(a).total_cmp(&potential(b))).unwrap_or(0);
            last = self.row(drawn[best]);
            centers.extend_from_slice(&last);
        }
        centers
    }

    fn lloyd(&self, mut centers: Vec<f32>, max_iter: usize, tolerance: f64) -> Clusters {
        let d = self.rows.n_cols();
        let k = centers.len() / d;
        let unknown = Standing { label: u32::MAX, nearest: f32::INFINITY, others: 0.0 };
        let mut standings = vec![unknown; self.rows.n_rows()];
        let (mut sums, mut counts) = (vec![0.0f64; k * d], vec![0i64; k]);
        let mut shifts = vec![0.0f32; k];
        for _ in 0..max_iter {
            let n_moved = self.assign(&mut standings, &centers, &shifts, &mut sums, &mut counts);
            self.fill_empty(&mut standings, &centers, &mut sums, &mut counts);
            let mut moved = 0.0;
            for (at, shift) in shifts.iter_mut().enumerate() {
                let center = &mut centers[at * d..(at + 1) * d];
                let mut square = 0.0;
                if counts[at] > 0 {
                    for (center, sum) in center.iter_mut().zip(&sums[at * d..]) {
                        let new = (sum / counts[at] as f64) as f32;
                        square += (f64::from(new) - f64::from(*center)).powi(2);
                        *center = new;
                    }
                }
                *shift = square.sqrt() as f32 * (1.0 + SLACK);
                moved += square;
            }
            if n_moved == 0 || moved <= tolerance {
                break;
            }
        }
        self.assign(&mut standings, &centers, &shifts, &mut sums, &mut counts);
        let labels: Vec<u32> = standings.iter().map(|standing| standing.label).collect();
        drop(standings);
        let parts: Vec<f64> = labels
            .par_chunks(self.part_len)
            .enumerate()
            .map(|(part, labels)| inertia(self.part(part), self.range, labels, &centers))
            .collect();
        let counts = counts.into_iter().map(|count| count as usize).collect();
        Clusters { centers, counts, labels, inertia: parts.iter().sum() }
    }

    /// Brings every row to its nearest centre; how many went to another.
    fn assign(
        &self,
        standings: &mut [Standing],
        centers: &[f32],
        shifts: &[f32],
        sums: &mut [f64],
        counts: &mut [i64],
    ) -> usize {
        let halves = halves(centers, self.rows.n_cols());
        let mut most = (0.0, u32::MAX, 0.0f32);
        for (at, &shift) in shifts.iter().enumerate() {
            if shift > most.0 {
                most = (shift, at as u32, most.0);
            } else {
                most.2 = most.2.max(shift);
            }
        }
        let centers = Centers { at: centers, shifts, halves: &halves, most };
        let changes: Vec<Change> = standings
            .par_chunks_mut(self.part_len)
            .enumerate()
            .map(|(part, standings)| assign_part(self.part(part), self.range, &centers, standings))
            .collect();
        for change in &changes {
            sums.iter_mut().zip(&change.sums).for_each(|(sum, change)| *sum += change);
            counts.iter_mut().zip(&change.counts).for_each(|(count, change)| *count += change);
        }
        changes.iter().map(|change| change.n_moved).sum()
    }

    /// Gives each empty cluster the row that lies farthest from its centre.
    fn fill_empty(&self, standings: &mut [Standing], centers: &[f32], sums: &mut [f64], counts: &mut [i64]) {
        let d = self.rows.n_cols();
        for empty in 0..counts.len() {
            if counts[empty] > 0 {
                continue;
            }
            let mut farthest: Option<(f64, usize)> = None;
            for (row_idx, standing) in standings.iter().enumerate() {
                let bound = f64::from(standing.nearest).powi(2) * (1.0 + f64::from(SLACK));
                if counts[standing.label as usize] > 1 && farthest.is_none_or(|(most, _)| bound > most) {
                    let at = standing.label as usize * d;
                    let square = squared_distance(&self.row(row_idx), &centers[at..at + d]);
                    if square > farthest.map_or(0.0, |(most, _)| most) {
                        farthest = Some((square, row_idx));
                    }
                }
            }
            let Some((_, row_idx)) = farthest else { return };
            let from = standings[row_idx].label as usize;
            for (col, value) in self.row(row_idx).into_iter().enumerate() {
                sums[from * d + col] -= f64::from(value);
                sums[empty * d + col] = f64::from(value);
            }
            counts[from] -= 1;
            counts[empty] = 1;
            standings[row_idx] = Standing { label: empty as u32, nearest: f32::INFINITY, others: 0.0 };
        }
    }
}

/// The row at which the running sum of `closest` passes `mark`.
fn pick(mark: f64, parts: &[f64], closest: &[f32], part_len: usize) -> usize {
    let mut left = mark;
    let mut last = 0;
    for (part, sum) in parts.iter().enumerate() {
        if left > *sum && part + 1 < parts.len() {
            left -= sum;
            continue;
        }
        for (row_idx, &square) in closest.iter().enumerate().skip(part * part_len).take(part_len) {
            if square > 0.0 {
                last = row_idx;
                left -= f64::from(square);
                if left <= 0.0 {
                    return row_idx;
                }
            }
        }
        // What rounding left over goes to the next part.
        left = 0.0;
    }
    last
}

/// Half the distance of each centre to the nearest other.
fn halves(centers: &[f32], d: usize) -> Vec<f32> {
    let k = centers.len() / d;
    // Beyond some hundred centres looking at all pairs costs more than it saves.
    if k > 512 {
        return vec![0.0; k];
    }
    let center = |at: usize| &centers[at * d..(at + 1) * d];
    let nearest_other = |at: usize| {
        let others = (0..k).filter(|&other| other != at);
        let square = others.map(|other| squared_distance(center(at), center(other))).fold(f64::MAX, f64::min);
        square.sqrt() as f32 / 2.0 * (1.0 - SLACK)
    };
    (0..k).map(nearest_other).collect()
}

wide! {
    /// Lowers the squared distance of each row to the nearest centre by a new centre; the sum of all.
    fn come_closer(rows: RowsView<'_>, range: Range, center: &[f32], closest: &mut [f32]) -> f64 {
        let d = rows.n_cols();
        let mut tile = vec![0.0f32; d * LANES];
        let mut squares = [0.0f32; LANES];
        let mut sums = [0.0f64; LANES];
        for (closest, values) in closest.chunks_mut(LANES).zip(rows.values().chunks(LANES * d)) {
            values.chunks_exact(d).enumerate().for_each(|(lane, row)| put(&mut tile, lane, row, range));
            squared_distances(&tile, center, &mut squares);
            for ((closest, square), sum) in closest.iter_mut().zip(&squares).zip(&mut sums) {
                *closest = closest.min(*square);
                *sum += f64::from(*closest);
            }
        }
        sums.iter().sum()
    }

    /// What the sum of squared distances would be with each candidate as one more centre.
    fn potentials(rows: RowsView<'_>, range: Range, candidates: &[f32], closest: &[f32]) -> Vec<f64> {
        let d = rows.n_cols();
        let mut tile = vec![0.0f32; d * LANES];
        let mut squares = [0.0f32; LANES];
        let mut sums = vec![[0.0f64; LANES]; candidates.len() / d];
        for (closest, values) in closest.chunks(LANES).zip(rows.values().chunks(LANES * d)) {
            values.chunks_exact(d).enumerate().for_each(|(lane, row)| put(&mut tile, lane, row, range));
            for (candidate, sums) in candidates.chunks_exact(d).zip(&mut sums) {
                squared_distances(&tile, candidate, &mut squares);
                for ((closest, square), sum) in closest.iter().zip(&squares).zip(sums.iter_mut()) {
                    *sum += f64::from(closest.min(*square));
                }
            }
        }
        sums.iter().map(|sums| sums.iter().sum()).collect()
    }

    /// The nearest centre of each row of a tile and the squared distances to it and to the second nearest.
    pub(crate) fn nearest_two(
        tile: &[f32],
        centers: &[f32],
        labels: &mut [u32; LANES],
        first: &mut [f32; LANES],
        second: &mut [f32; LANES],
    ) {
        let d = tile.len() / LANES;
        let mut squares = [0.0f32; LANES];
        labels.fill(0);
        first.fill(f32::INFINITY);
        second.fill(f32::INFINITY);
        for (at, center) in centers.chunks_exact(d).enumerate() {
            squared_distances(tile, center, &mut squares);
            for lane in 0..LANES {
                let square = squares[lane];
                let is_closer = square < first[lane];
                let loser = if is_closer { first[lane] } else { square };
                second[lane] = if loser < second[lane] { loser } else { second[lane] };
                labels[lane] = if is_closer { at as u32 } else { labels[lane] };
                first[lane] = if is_closer { square } else { first[lane] };
            }
        }
    }

    /// Brings each row of a part to its nearest centre.
    fn assign_part(rows: RowsView<'_>, range: Range, centers: &Centers<'_>, standings: &mut [Standing]) -> Change {
        let d = rows.n_cols();
        let k = centers.shifts.len();
        let mut change = Change { sums: vec![0.0; k * d], counts: vec![0; k], n_moved: 0 };
        let mut tile = vec![0.0f32; d * LANES];
        let mut waiting = [0usize; LANES];
        let mut n_waiting = 0;
        let (most, whose, second) = centers.most;
        for row_idx in 0..standings.len() {
            let standing = &mut standings[row_idx];
            let label = standing.label as usize;
            if label < k {
                standing.nearest = (standing.nearest + centers.shifts[label]) * (1.0 + SLACK);
                let shift = if standing.label == whose { second } else { most };
                standing.others = (standing.others - shift) * (1.0 - SLACK);
                let bound = standing.others.max(centers.halves[label]);
                if standing.nearest < bound {
                    continue;
                }
            }
            put(&mut tile, n_waiting, rows.row(row_idx), range);
            waiting[n_waiting] = row_idx;
            n_waiting += 1;
            if n_waiting == LANES {
                settle(rows, range, centers, &tile, &waiting, standings, &mut change);
                n_waiting = 0;
            }
        }
        settle(rows, range, centers, &tile, &waiting[..n_waiting], standings, &mut change);
        change
    }
}

/// Finds the nearest centres of the rows in a tile and notes who moved.
fn settle(
    rows: RowsView<'_>,
    range: Range,
    centers: &Centers<'_>,
    tile: &[f32],
    waiting: &[usize],
    standings: &mut [Standing],
    change: &mut Change,
) {
    let d = rows.n_cols();
    let (mut labels, mut first, mut second) = ([0; LANES], [0.0; LANES], [0.0; LANES]);
    nearest_two(tile, centers.at, &mut labels, &mut first, &mut second);
    for (lane, &row_idx) in waiting.iter().enumerate() {
        let standing = &mut standings[row_idx];
        let (from, to) = (standing.label as usize, labels[lane] as usize);
        *standing = Standing {
            label: labels[lane],
            nearest: first[lane].sqrt() * (1.0 + SLACK),
            others: second[lane].sqrt() * (1.0 - SLACK),
        };
        if from == to {
            continue;
        }
        change.n_moved += 1;
        change.counts[to] += 1;
        let row = rows.row(row_idx);
        for (sum, &value) in change.sums[to * d..].iter_mut().zip(row) {
            *sum += f64::from(range.bring(value));
        }
        if from < change.counts.len() {
            change.counts[from] -= 1;
            for (sum, &value) in change.sums[from * d..].iter_mut().zip(row) {
                *sum -= f64::from(range.bring(value));
            }
        }
    }
}

fn inertia(rows: RowsView<'_>, range: Range, labels: &[u32], centers: &[f32]) -> f64 {
    let d = rows.n_cols();
    let of_row = |(row, &label): (&[f32], &u32)| {
        let center = &centers[label as usize * d..(label as usize + 1) * d];
        let square =
            |(&value, &center): (&f32, &f32)| (f64::from(range.bring(value)) - f64::from(center)).powi(2);
        row.iter().zip(center).map(square).sum::<f64>()
    };
    rows.iter().zip(labels).map(of_row).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: Search = Search { n_clusters: 3, n_init: 1, max_iter: 100, tol: 0.0 };

    fn clusters_of(values: &[f32], n_cols: usize, how: &Search) -> Clusters {
        let rows = RowsView::new(values, n_cols);
        search(rows, Range::of(rows), how, Seed::default())
    }

    fn blobs(n_rows: usize, n_cols: usize) -> Vec<f32> {
        let mut rng = stream(Seed::default(), 9);
        (0..n_rows * n_cols).map(|at| (at / n_cols % 3 * 4) as f32 + rng.random::<f32>()).collect()
    }

    #[test]
    fn clouds_apart_are_found_and_counted() {
        let clusters = clusters_of(&blobs(900, 3), 3, &HOW);
        assert_eq!(clusters.counts, [300; 3]);
        assert!(clusters.labels.chunks(3).all(|three| three[0] != three[1] && three[1] != three[2]));
        assert!(clusters.inertia < 900.0 * 3.0 * 0.1, "{}", clusters.inertia);
    }

    #[test]
    fn rows_that_bounds_pass_over_would_have_stayed() {
        let mut rng = stream(Seed::default(), 5);
        let values: Vec<f32> = (0..3000 * 4).map(|_| rng.random()).collect();
        let clusters = clusters_of(&values, 4, &Search { n_clusters: 12, tol: 0.0, ..HOW });
        for (row, &label) in values.chunks(4).zip(&clusters.labels) {
            let to = |at: usize| squared_distance(row, &clusters.centers[at * 4..at * 4 + 4]);
            let nearest = (0..12).map(to).fold(f64::INFINITY, f64::min);
            assert!(to(label as usize) <= nearest * 1.0001);
        }
    }

    #[test]
    fn fewer_different_rows_than_clusters_are_no_trouble() {
        let clusters = clusters_of(&[1.0, 1.0, 1.0, 5.0, 5.0], 1, &HOW);
        assert_eq!(clusters.inertia, 0.0);
        assert_eq!(clusters.counts.iter().sum::<usize>(), 5);
        assert_eq!(clusters_of(&[2.0], 1, &HOW).centers, [2.0]);
    }
}
