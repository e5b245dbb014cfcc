//! Clusters for those who explore a table: DBSCAN labels, the curve that shows a good radius, and how well clusters
//! are apart.
//!
//! Distances are those of the numbers as they are: columns should be on like scales.

use eddy_detect::Seed;
use eddy_frame::RowsView;
use rayon::prelude::*;

use crate::{
    density,
    neighbours::Neighbours,
    sampling::sample,
    tiles::{LANES, Range, put, tile_squares},
};

/// What DBSCAN makes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// Its neighbourhood is dense: it makes up the cluster of this number.
    Core(u32),
    /// Within reach of a core row of the cluster of this number, but not dense itself.
    Edge(u32),
    /// Out of reach of all clusters.
    Noise,
}

impl Point {
    /// The number of its cluster, if it belongs to one.
    pub fn cluster(self) -> Option<u32> {
        match self {
            Self::Core(cluster) | Self::Edge(cluster) => Some(cluster),
            Self::Noise => None,
        }
    }
}

/// Clusters of rows that reach each other in steps of at most `eps` through neighbourhoods of at least `min_samples`
/// rows, the row itself counted.
///
/// Clusters are numbered in the order of their first core rows, and an edge row within reach of several belongs to the
/// first: the labels are those of scikit-learn. Cost: time `O(n log n)` where few columns matter, up to `O(n^2 d)`;
/// memory `O(n d)`.
///
/// Source: Ester, Kriegel, Sander & Xu, "A density-based algorithm for discovering clusters", KDD 1996.
pub fn dbscan_labels(rows: RowsView<'_>, eps: f64, min_samples: usize) -> Vec<Point> {
    if rows.n_rows() == 0 {
        return Vec::new();
    }
    labels_in(&Neighbours::new(rows), eps, min_samples)
}

fn labels_in(index: &Neighbours, eps: f64, min_samples: usize) -> Vec<Point> {
    let found = density::dbscan(index, eps, min_samples);
    let point = |(&is_core, &cluster): (&bool, &Option<u32>)| match cluster {
        Some(cluster) if is_core => Point::Core(cluster),
        Some(cluster) => Point::Edge(cluster),
        None => Point::Noise,
    };
    found.is_core.iter().zip(&found.clusters).map(point).collect()
}

/// The distance of each row to its `k`-th nearest other row, ascending. Empty when there are not that many.
pub fn k_distances(rows: RowsView<'_>, k: usize) -> Vec<f64> {
    if k == 0 || rows.n_rows() <= k { Vec::new() } else { k_distances_in(&Neighbours::new(rows), k) }
}

pub(crate) fn k_distances_in(index: &Neighbours, k: usize) -> Vec<f64> {
    let scale = f64::from(index.range().scale);
    let others = index.nearest_others(k);
    let mut distances: Vec<f64> =
        others.chunks_exact(k).map(|others| f64::from(others[k - 1].square()).sqrt() / scale).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances
}

/// Where an ascending curve that is flat first and steep later turns from one to the other: the place farthest below
/// the straight line from its first value to its last. None for fewer than three values and for curves without a turn.
///
/// Source: Satopaa, Albrecht, Irwin & Raghavan, "Finding a kneedle in a haystack", 2011; the most marked knee of a
/// curve that is not smoothed.
pub fn knee(curve: &[f64]) -> Option<usize> {
    let (first, last) = (*curve.first()?, *curve.last()?);
    let (width, height) = ((curve.len() - 1) as f64, last - first);
    if curve.len() < 3 || height.is_nan() || height <= 0.0 || !height.is_finite() {
        return None;
    }
    let below = |at: usize| at as f64 / width - (curve[at] - first) / height;
    let knee = (0..curve.len()).fold(0, |best, at| if below(at) > below(best) { at } else { best });
    (below(knee) > 0.0).then_some(knee)
}

/// Most rows that a silhouette is computed from; of larger tables a sample is taken.
pub const MOST_SILHOUETTE_ROWS: usize = 10_000;

/// How well clusters are apart, from -1 to 1: for each row with a cluster, how much nearer the rows of its own cluster
/// are than those of the nearest other; the mean over all rows. None when there are not at least two clusters.
///
/// Exact up to [`MOST_SILHOUETTE_ROWS`] rows with a cluster, else of as many drawn with the seed. Cost: `O(n^2 d)`.
///
/// Source: Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis", 1987.
pub fn silhouette(rows: RowsView<'_>, clusters: &[Option<u32>], seed: Seed) -> Option<f64> {
    silhouette_of(rows, clusters, MOST_SILHOUETTE_ROWS, seed)
}

/// How much nearer each row is to its own cluster than to the nearest other, from -1 to 1; none for rows without a
/// cluster, and for all rows when there are not at least two clusters. A row alone in its cluster has 0.
///
/// Cost: `O(n^2 d)`, with all rows. Source: as [`silhouette`], which is the mean.
pub fn silhouettes(rows: RowsView<'_>, clusters: &[Option<u32>]) -> Vec<Option<f64>> {
    let members: Vec<usize> = (0..rows.n_rows()).filter(|&row_idx| clusters[row_idx].is_some()).collect();
    let mut all = vec![None; rows.n_rows()];
    if let Some(widths) = widths(rows, clusters, &members) {
        members.iter().zip(widths).for_each(|(&row_idx, width)| all[row_idx] = Some(width));
    }
    all
}

fn silhouette_of(rows: RowsView<'_>, clusters: &[Option<u32>], most: usize, seed: Seed) -> Option<f64> {
    let labelled: Vec<usize> = (0..rows.n_rows()).filter(|&row_idx| clusters[row_idx].is_some()).collect();
    let members: Vec<usize> = sample(labelled.len(), most, seed).into_iter().map(|at| labelled[at]).collect();
    let widths = widths(rows, clusters, &members)?;
    Some(widths.iter().sum::<f64>() / widths.len() as f64)
}

/// The silhouettes of some rows that are in clusters, among themselves.
fn widths(rows: RowsView<'_>, clusters: &[Option<u32>], members: &[usize]) -> Option<Vec<f64>> {
    let mut names: Vec<u32> = members.iter().filter_map(|&row_idx| clusters[row_idx]).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < 2 || names.len() >= members.len() {
        return None;
    }
    let cluster_of = |row_idx: usize| names.partition_point(|&name| Some(name) < clusters[row_idx]);
    let own: Vec<usize> = members.iter().map(|&row_idx| cluster_of(row_idx)).collect();
    let mut sizes = vec![0usize; names.len()];
    own.iter().for_each(|&cluster| sizes[cluster] += 1);
    let range = Range::of(rows);
    let d = rows.n_cols();
    let mut tiles = vec![0.0; members.len().div_ceil(LANES) * LANES * d];
    for (at, &row_idx) in members.iter().enumerate() {
        put(&mut tiles[at / LANES * LANES * d..][..LANES * d], at % LANES, rows.row(row_idx), range);
    }
    let width = |at: usize| {
        let mut point = vec![0.0; d];
        range.bring_row(rows.row(members[at]), &mut point);
        let mut sums = vec![0.0; names.len()];
        let mut squares = [0.0; LANES];
        for (tile, own) in tiles.chunks_exact(LANES * d).zip(own.chunks(LANES)) {
            tile_squares(tile, &point, &mut squares);
            own.iter()
                .zip(&squares)
                .for_each(|(&cluster, &square)| sums[cluster] += f64::from(square).sqrt());
        }
        if sizes[own[at]] == 1 {
            return 0.0;
        }
        let inside = sums[own[at]] / (sizes[own[at]] - 1) as f64;
        let others = (0..names.len()).filter(|&cluster| cluster != own[at]);
        let outside =
            others.map(|cluster| sums[cluster] / sizes[cluster] as f64).fold(f64::INFINITY, f64::min);
        let most = inside.max(outside);
        if most > 0.0 { (outside - inside) / most } else { 0.0 }
    };
    Some((0..members.len()).into_par_iter().map(width).collect())
}

/// What clusters came of one pair of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// The radius.
    pub eps: f64,
    /// Rows that make a neighbourhood dense.
    pub min_samples: usize,
    /// Clusters there are.
    pub n_clusters: usize,
    /// Rows out of reach of all clusters.
    pub n_noise: usize,
    /// The silhouette of the rows in clusters, of a sample of at most 2,048 of them.
    pub silhouette: Option<f64>,
}

/// Rows that the silhouette of a trial is computed from.
const TRIAL_ROWS: usize = 2_048;

/// Tries all pairs of parameters, in their order.
pub fn search(rows: RowsView<'_>, eps: &[f64], min_samples: &[usize], seed: Seed) -> Vec<Trial> {
    if rows.n_rows() == 0 {
        return Vec::new();
    }
    search_in(&Neighbours::new(rows), rows, eps, min_samples, seed)
}

pub(crate) fn search_in(
    index: &Neighbours,
    rows: RowsView<'_>,
    eps: &[f64],
    min_samples: &[usize],
    seed: Seed,
) -> Vec<Trial> {
    let pairs = eps.iter().flat_map(|&eps| min_samples.iter().map(move |&min_samples| (eps, min_samples)));
    pairs
        .map(|(eps, min_samples)| {
            let clusters = density::dbscan(index, eps, min_samples).clusters;
            Trial {
                eps,
                min_samples,
                n_clusters: clusters.iter().flatten().max().map_or(0, |most| *most as usize + 1),
                n_noise: clusters.iter().filter(|cluster| cluster.is_none()).count(),
                silhouette: silhouette_of(rows, &clusters, TRIAL_ROWS, seed),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::stream::stream;

    /// Labels straight from the definition.
    fn reference(values: &[f32], d: usize, eps: f64, min_samples: usize) -> Vec<Point> {
        let rows: Vec<&[f32]> = values.chunks(d).collect();
        let near = |a: usize| {
            let square = |b: usize| {
                rows[a].iter().zip(rows[b]).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>()
            };
            (0..rows.len()).filter(|&b| square(b) <= eps * eps).collect::<Vec<_>>()
        };
        let around: Vec<Vec<usize>> = (0..rows.len()).map(near).collect();
        let is_core = |at: usize| around[at].len() >= min_samples;
        let mut points = vec![Point::Noise; rows.len()];
        let mut n_clusters = 0;
        for start in 0..rows.len() {
            if !is_core(start) || points[start] != Point::Noise {
                continue;
            }
            let mut waiting = vec![start];
            points[start] = Point::Core(n_clusters);
            while let Some(at) = waiting.pop() {
                for &other in around[at].iter().filter(|_| is_core(at)) {
                    if points[other] == Point::Noise {
                        points[other] =
                            if is_core(other) { Point::Core(n_clusters) } else { Point::Edge(n_clusters) };
                        waiting.push(other);
                    }
                }
            }
            n_clusters += 1;
        }
        points
    }

    #[test]
    fn labels_are_those_of_the_definition() {
        let mut rng = stream(Seed::default(), 1);
        // On a grid many distances are exactly the radius.
        let grid: Vec<f32> = (0..1200).map(|_| rng.random_range(0..60) as f32 * 0.5).collect();
        let noise: Vec<f32> = (0..3000).map(|_| rng.random::<f32>() * 10.0).collect();
        for (values, d) in [(&grid, 2), (&noise, 2), (&noise, 3)] {
            for (eps, min_samples) in [(0.5, 3), (0.25, 2), (1.0, 5), (1.5, 4), (0.1, 1)] {
                let labels = dbscan_labels(RowsView::new(values, d), eps, min_samples);
                assert_eq!(labels, reference(values, d, eps, min_samples), "{d} {eps} {min_samples}");
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_label() {
        let mut rng = stream(Seed::default(), 4);
        let values: Vec<f32> = (0..8000).map(|_| rng.random::<f32>() * 30.0).collect();
        let on = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| dbscan_labels(RowsView::new(&values, 2), 0.5, 4))
        };
        let one = on(1);
        assert!(one.iter().any(|point| point.cluster() > Some(5)) && one.contains(&Point::Noise));
        assert_eq!(one, on(2));
        assert_eq!(one, on(3));
    }

    #[test]
    fn clouds_and_a_straggler() {
        let values = [0.0, 0.1, 0.2, 0.3, 0.75, 5.0, 5.1, 5.2, 9.0f32];
        let labels = dbscan_labels(RowsView::new(&values, 1), 0.5, 3);
        let expect = [Point::Core(0); 4].into_iter().chain([Point::Edge(0)]).chain([Point::Core(1); 3]);
        assert_eq!(labels, expect.chain([Point::Noise]).collect::<Vec<_>>());
    }

    #[test]
    fn the_knee_is_where_the_curve_turns() {
        let curve: Vec<f64> =
            (0..100).map(|at| if at < 90 { at as f64 * 0.01 } else { 0.9 + (at - 89) as f64 }).collect();
        assert_eq!(knee(&curve), Some(89));
        assert_eq!(knee(&[1.0, 1.0, 1.0]), None);
        assert_eq!(knee(&[0.0, 1.0]), None);
        assert_eq!(knee(&[0.0, 2.0, 3.0]), None);
    }

    #[test]
    fn the_silhouette_is_that_of_the_formula() {
        let rows = [0.0, 1.0, 10.0, 11.0];
        let clusters = [Some(0), Some(0), Some(7), Some(7)];
        // Rows at the outer ends: (10.5 - 1) / 10.5; at the inner ends: (9.5 - 1) / 9.5.
        let expect = f64::midpoint(9.5 / 10.5, 8.5 / 9.5);
        let got = silhouette(RowsView::new(&rows, 1), &clusters, Seed::default()).unwrap();
        assert!((got - expect).abs() < 1e-12, "{got}");
        let each = silhouettes(
            RowsView::new(&[0.0, 1.0, 50.0, 10.0, 11.0], 1),
            &[Some(0), Some(0), None, Some(7), Some(7)],
        );
        let expect = [9.5 / 10.5, 8.5 / 9.5];
        for (at, expect) in [(0, expect[0]), (1, expect[1]), (3, expect[1]), (4, expect[0])] {
            assert!((each[at].unwrap() - expect).abs() < 1e-12, "{at} {each:?}");
        }
        assert_eq!(each[2], None);
        assert_eq!(silhouettes(RowsView::new(&rows, 1), &[Some(1); 4]), [None; 4]);
        assert_eq!(silhouette(RowsView::new(&rows, 1), &[Some(1); 4], Seed::default()), None);
        assert_eq!(silhouette(RowsView::new(&rows, 1), &[None; 4], Seed::default()), None);
    }

    #[test]
    fn a_search_prefers_the_radius_that_parts_the_clouds() {
        let mut rng = stream(Seed::default(), 2);
        let values: Vec<f32> = (0..600).map(|at| (at % 3 * 10) as f32 + rng.random::<f32>()).collect();
        let trials = search(RowsView::new(&values, 1), &[0.2, 20.0], &[4], Seed::default());
        assert_eq!((trials[0].n_clusters, trials[0].n_noise), (3, 0));
        assert!(trials[0].silhouette.unwrap() > 0.9);
        assert_eq!((trials[1].n_clusters, trials[1].silhouette), (1, None));
    }
}
