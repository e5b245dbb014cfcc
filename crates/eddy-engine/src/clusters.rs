//! Clusters among a table's rows, found by DBSCAN with a radius that the rows themselves suggest.

use std::fmt::Write;

use eddy_detect::Seed;
use eddy_frame::{Frame, Rows};
use eddy_models::clustering::{Trial, dbscan_labels, k_distances, knee, search, silhouettes};
use eddy_report::{ClusterRows, ClusterSilhouette, ClusterTrial, Clustering, KDistance, Silhouette};

/// Fewer rows say nothing of clusters.
const LEAST_ROWS: usize = 50;
/// Rows that clusters are looked for among; more are sampled evenly.
const MOST_ROWS: usize = 5_000;
/// Numbers of a pass over all pairs of rows at most: of wide tables fewer rows are taken.
const MOST_WORK: usize = 1_000_000_000;
/// Shares of the rows whose k-distance is tried as a radius, beside the knee: at least as many are in clusters.
const SHARES: [f64; 6] = [0.25, 0.5, 0.75, 0.9, 0.95, 0.98];
/// From which share of the rows in one cluster on the others are hardly worth the name.
const ONE_CROWD: f64 = 0.9;

/// How rows are made ready and told about.
pub(crate) struct Sampled<'a> {
    /// Scaled columns.
    pub(crate) scaled: &'a Frame,
    /// The two components of each row.
    pub(crate) places: [&'a dyn Fn(usize) -> f64; 2],
    /// Whether a row is labelled an attack, where there are labels.
    pub(crate) is_attack: Option<&'a dyn Fn(usize) -> bool>,
    /// Rows that are drawn at most.
    pub(crate) most_points: usize,
}

/// Looks for clusters; none with too few rows, or where rows are only ever the same as others.
pub(crate) fn clusters(of: &Sampled<'_>) -> Option<Clustering> {
    let n_cols = of.scaled.columns().len();
    let most = MOST_ROWS.min((MOST_WORK / n_cols.max(1)).isqrt());
    let places = evenly(of.scaled.n_rows(), most);
    let n = places.len();
    if n < LEAST_ROWS || n_cols < 2 {
        return None;
    }
    let values =
        places.iter().flat_map(|&at| of.scaled.columns().iter().map(move |column| column.number(at) as f32));
    let rows = Rows::new(values.collect(), n_cols);
    // A cluster of fewer than half a percent of the rows is no part of the big picture.
    let min_samples = n.div_ceil(200).max(5);
    let curve = k_distances(rows.view(), min_samples - 1);
    let knee = knee(&curve);
    let radii = radii(&curve, knee);
    let trials = search(rows.view(), &radii, &[min_samples], Seed::default());
    let at_knee = knee.and_then(|at| trials.iter().position(|trial| trial.eps == curve[at]));
    let taken = best(&trials, n).or(at_knee).or(trials.len().checked_sub(1))?;
    let labels: Vec<Option<u32>> = dbscan_labels(rows.view(), trials[taken].eps, min_samples)
        .into_iter()
        .map(eddy_models::clustering::Point::cluster)
        .collect();
    let (labels, sizes) = by_size(&labels);
    let counted = |cluster: Option<u32>, rows: u64| ClusterRows {
        rows,
        attacks: of.is_attack.map(|is_attack| {
            places.iter().zip(&labels).filter(|&(&at, label)| *label == cluster && is_attack(at)).count()
                as u64
        }),
    };
    let drawn = evenly(n, of.most_points);
    let place = |axis: usize| drawn.iter().map(|&row| of.places[axis](places[row])).collect();
    Some(Clustering {
        method: format!(
            "DBSCAN with radius {} and at least {min_samples} rows",
            eddy_insight::number(trials[taken].eps)
        ),
        choice: choice(&trials, taken, at_knee, n, &sizes),
        n_rows: n as u64,
        clusters: sizes.iter().zip(0..).map(|(&rows, number)| counted(Some(number), rows)).collect(),
        noise: counted(None, n as u64 - sizes.iter().sum::<u64>()),
        x: place(0),
        y: place(1),
        cluster: drawn.iter().map(|&row| labels[row].map_or(-1, |number| number as i32)).collect(),
        silhouette: silhouette(&silhouettes(rows.view(), &labels), &labels, sizes.len()),
        trials: trials
            .iter()
            .enumerate()
            .map(|(at, trial)| ClusterTrial {
                radius: trial.eps,
                n_clusters: trial.n_clusters as u64,
                n_noise: trial.n_noise as u64,
                silhouette: trial.silhouette,
                taken: at == taken,
            })
            .collect(),
        k_distance: Some(KDistance {
            k: min_samples as u64 - 1,
            distances: curve,
            knee,
            radius: Some(trials[taken].eps),
        }),
    })
}

/// The radii to try, rising: those within which some shares of the rows have neighbours enough, and the knee.
fn radii(curve: &[f64], knee: Option<usize>) -> Vec<f64> {
    let last = curve.len().saturating_sub(1);
    let at_share = |share: &f64| (last as f64 * share).round() as usize;
    let mut radii: Vec<f64> =
        SHARES.iter().map(at_share).chain(knee).filter_map(|at| curve.get(at).copied()).collect();
    radii.retain(|radius| *radius > 0.0 && radius.is_finite());
    radii.sort_unstable_by(f64::total_cmp);
    radii.dedup();
    radii
}

/// The silhouette of all rows, those in no cluster counted as 0: clusters are not to look better by leaving rows out.
fn worth(trial: &Trial, n_rows: usize) -> Option<f64> {
    trial.silhouette.map(|silhouette| silhouette * (n_rows - trial.n_noise) as f64 / n_rows as f64)
}

/// How much less a trial may be worth than the best and still be taken.
const NEARLY: f64 = 0.05;

/// The trial to take, if one finds two clusters: of those nearly as good as the best, the one with the most clusters,
/// then the one with the least noise. One crowd and a few far rows have the best silhouette and say the least.
fn best(trials: &[Trial], n_rows: usize) -> Option<usize> {
    let worths: Vec<Option<f64>> = trials.iter().map(|trial| worth(trial, n_rows)).collect();
    let most = worths.iter().flatten().copied().reduce(f64::max)?;
    let nearly = (0..trials.len()).filter(|&at| worths[at].is_some_and(|worth| worth >= most - NEARLY));
    nearly.min_by_key(|&at| (usize::MAX - trials[at].n_clusters, trials[at].n_noise))
}

fn choice(trials: &[Trial], taken: usize, at_knee: Option<usize>, n_rows: usize, sizes: &[u64]) -> String {
    let radius = eddy_insight::number(trials[taken].eps);
    let Some(own) = worth(&trials[taken], n_rows) else {
        let which = if at_knee == Some(taken) { "the knee of the curve" } else { "the largest" };
        return format!(
            "None of the {} radii that were tried parts the rows into two clusters; {which}, {radius}, is shown.",
            trials.len()
        );
    };
    let most = trials.iter().filter_map(|trial| worth(trial, n_rows)).fold(own, f64::max);
    let mut text = format!(
        "Of {} radii off the curve of distances, {radius} {}; the mean silhouette of all rows, noise counted as 0, is {own:.2}",
        trials.len(),
        if own == most {
            "parts the rows best"
        } else {
            "finds the most clusters of those within 0.05 of the best"
        },
    );
    match at_knee {
        Some(at) if at == taken => text.push_str(". It is the knee of the curve."),
        Some(at) => {
            let knee = eddy_insight::number(trials[at].eps);
            let _ = match worth(&trials[at], n_rows) {
                Some(worth) => write!(text, " (at the knee, {knee}, {worth:.2})."),
                None => write!(text, " (at the knee, {knee}, there are no two clusters)."),
            };
        }
        None => text.push('.'),
    }
    let share = sizes[0] as f64 / n_rows as f64;
    if share > ONE_CROWD {
        let _ = write!(
            text,
            " {:.0} % of the rows are in one cluster: with this scale of the columns there are hardly any parts.",
            share * 100.0
        );
    }
    text
}

/// Clusters numbered by size, largest first, and their sizes.
fn by_size(labels: &[Option<u32>]) -> (Vec<Option<u32>>, Vec<u64>) {
    let n = labels.iter().flatten().max().map_or(0, |most| *most as usize + 1);
    let mut sizes = vec![0u64; n];
    labels.iter().flatten().for_each(|&label| sizes[label as usize] += 1);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| sizes[b].cmp(&sizes[a]).then(a.cmp(&b)));
    let mut number = vec![0u32; n];
    order.iter().zip(0..).for_each(|(&from, to)| number[from] = to);
    let labels = labels.iter().map(|label| label.map(|label| number[label as usize])).collect();
    (labels, order.iter().map(|&from| sizes[from]).collect())
}

fn silhouette(values: &[Option<f64>], labels: &[Option<u32>], n_clusters: usize) -> Option<Silhouette> {
    let mut clusters: Vec<ClusterSilhouette> =
        (0..n_clusters as i32).map(|cluster| ClusterSilhouette { cluster, values: Vec::new() }).collect();
    for (value, label) in values.iter().zip(labels) {
        if let (Some(value), Some(label)) = (value, label) {
            clusters[*label as usize].values.push(*value);
        }
    }
    clusters.iter_mut().for_each(|one| one.values.sort_unstable_by(|a, b| b.total_cmp(a)));
    let n = values.iter().flatten().count();
    let mean = values.iter().flatten().sum::<f64>() / n as f64;
    (n > 0).then_some(Silhouette { clusters, mean })
}

/// Places of at most so many of `n`, evenly.
fn evenly(n: usize, most: usize) -> Vec<usize> {
    let taken = n.min(most);
    (0..taken).map(|at| at * n / taken).collect()
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use eddy_frame::{Column, Field, Kind, Role};

    use super::*;

    /// Numbers from -1 to 1 without a pattern that matters.
    fn scattered(at: usize) -> f64 {
        let mut bits = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    fn of(columns: &[Vec<f64>], is_attack: Option<&dyn Fn(usize) -> bool>) -> Option<Clustering> {
        let pairs = columns.iter().enumerate().map(|(at, values)| {
            (Field::new(format!("c{at}"), Kind::Float, Role::Feature), Column::Float(values.clone()))
        });
        let scaled = Frame::from_pairs(pairs.collect()).unwrap();
        let places: [&dyn Fn(usize) -> f64; 2] = [&|at| scaled.column(0).number(at), &|at| at as f64];
        clusters(&Sampled { scaled: &scaled, places, is_attack, most_points: 100 })
    }

    /// Three blobs of 60, 100 and 140 rows, and ten rows in a wide ring around them.
    fn blobs() -> Vec<Vec<f64>> {
        let centre = |row: usize| match row {
            0..60 => (0.0, 0.0),
            60..160 => (10.0, 0.0),
            160..300 => (0.0, 10.0),
            _ => (40.0 * (row as f64 * 0.2 * PI).cos(), 40.0 * (row as f64 * 0.2 * PI).sin()),
        };
        let x = (0..310).map(|row| centre(row).0 + scattered(row)).collect();
        let y = (0..310).map(|row| centre(row).1 + scattered(row + 1_000)).collect();
        vec![x, y]
    }

    #[test]
    fn blobs_are_clusters_and_stragglers_are_noise() {
        let found = of(&blobs(), Some(&|row| row >= 300)).unwrap();
        let rows: Vec<u64> = found.clusters.iter().map(|one| one.rows).collect();
        assert_eq!(rows, [140, 100, 60]);
        assert_eq!(found.noise, ClusterRows { rows: 10, attacks: Some(10) });
        assert!(found.clusters.iter().all(|one| one.attacks == Some(0)));
        let silhouette = found.silhouette.unwrap();
        assert!(silhouette.mean > 0.7, "{}", silhouette.mean);
        assert_eq!(silhouette.clusters[1].values.len(), 100);
        assert!(silhouette.clusters[1].values.is_sorted_by(|a, b| a >= b));
        // Every third row is drawn, in the order of the rows.
        assert_eq!((found.x.len(), found.cluster[0], found.cluster[99]), (100, 2, -1));
        assert_eq!(found.trials.iter().filter(|trial| trial.taken).count(), 1);
        assert!(found.choice.starts_with("Of "), "{}", found.choice);
    }

    #[test]
    fn rows_that_are_all_alike_are_one_cluster_or_none() {
        let one: Vec<f64> = (0..200).map(scattered).collect();
        let other: Vec<f64> = (0..200).map(|row| scattered(row + 500)).collect();
        let found = of(&[one, other], None).unwrap();
        assert_eq!(found.noise.attacks, None);
        assert!(found.clusters.len() <= 1 || found.silhouette.unwrap().mean < 0.5);
        assert_eq!(of(&[vec![1.0; 200], vec![2.0; 200]], None), None);
    }

    #[test]
    fn small_tables_are_left_alone() {
        let mut few = blobs();
        few.iter_mut().for_each(|column| column.truncate(49));
        assert_eq!(of(&few, None), None);
        assert_eq!(of(&blobs()[..1], None), None);
    }

    #[test]
    fn noise_is_no_way_to_look_better() {
        let trial =
            |n_noise, silhouette| Trial { eps: 1.0, min_samples: 5, n_clusters: 2, n_noise, silhouette };
        assert_eq!(best(&[trial(90, Some(0.99)), trial(10, Some(0.6)), trial(0, None)], 100), Some(1));
        assert_eq!(best(&[trial(0, None)], 100), None);
    }

    #[test]
    fn of_radii_about_as_good_the_one_with_the_most_clusters_is_taken() {
        let trial = |n_clusters, silhouette| Trial {
            eps: 1.0,
            min_samples: 5,
            n_clusters,
            n_noise: 0,
            silhouette: Some(silhouette),
        };
        assert_eq!(best(&[trial(9, 0.4), trial(5, 0.58), trial(2, 0.6)], 100), Some(1));
    }

    #[test]
    fn the_largest_cluster_comes_first() {
        let labels = [Some(0), Some(1), None, Some(1)];
        assert_eq!(by_size(&labels), (vec![Some(1), Some(0), None, Some(0)], vec![2, 1]));
        assert_eq!(by_size(&[None]), (vec![None], vec![]));
    }
}
