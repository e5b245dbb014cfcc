//! Rows on two principal components, and what a clustering of them was chosen by.

use std::fmt::Write;

use crate::curve::{Key, through};
use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, SERIES_INKS, TICK, Type, mark, px};
use crate::ticks::Scale;
use crate::trace::{nothing, ticks_for};
use crate::{Clustering, KDistance, Projection, Silhouette, words};

/// Classes and clusters that have a mark of their own.
const MOST_MARKS: usize = 7;
/// Mark of all that have none of their own.
const REST: (usize, Ink) = (0, Ink::Muted);

/// How points are told apart: the group of each, and the mark and words of each group.
pub(crate) struct Groups {
    of_point: Vec<usize>,
    keys: Vec<(usize, Ink, String)>,
}

impl Groups {
    /// One group for all points, or one a class.
    pub(crate) fn of_classes(projection: &Projection) -> Self {
        if projection.class.len() != projection.x.len() || projection.classes.is_empty() {
            return Self {
                of_point: vec![0; projection.x.len()],
                keys: vec![(0, Ink::Normal, String::new())],
            };
        }
        let (mut keys, mut of_class, mut rest) = (Vec::new(), Vec::new(), 0);
        let mut n_attacks = 0;
        for class in &projection.classes {
            let look = match (class.is_attack, n_attacks) {
                (false, _) => Some((0, Ink::Normal)),
                (true, at) if at < MOST_MARKS - 1 => {
                    n_attacks += 1;
                    Some((1 + at, Ink::Series(1 + at)))
                }
                _ => None,
            };
            let name = if class.name.is_empty() { "missing" } else { &class.name };
            of_class.push(look.map(|(shape, ink)| {
                keys.push((shape, ink, words::shortened(name, 40)));
                keys.len() - 1
            }));
            rest += u64::from(look.is_none());
        }
        if rest > 0 {
            keys.push((REST.0, REST.1, words::counted(rest, "other class", "other classes")));
        }
        let last = keys.len() - 1;
        let group = |class: &u16| of_class.get(usize::from(*class)).copied().flatten().unwrap_or(last);
        Self { of_point: projection.class.iter().map(group).collect(), keys }
    }

    /// One group a cluster, noise in the colour of flagged rows.
    pub(crate) fn of_clusters(clustering: &Clustering) -> Self {
        let mut keys: Vec<(usize, Ink, String)> = Vec::new();
        // The second ink and shape belong to noise.
        let own: Vec<usize> = (0..SERIES_INKS).filter(|at| *at != 1).take(MOST_MARKS - 1).collect();
        for ((number, cluster), at) in clustering.clusters.iter().enumerate().zip(&own) {
            let words = format!("cluster {number}, {}", words::counted(cluster.rows, "row", "rows"));
            keys.push((*at, Ink::Series(*at), words));
        }
        let n_own = keys.len();
        if clustering.clusters.len() > n_own {
            let more = (clustering.clusters.len() - n_own) as u64;
            keys.push((REST.0, REST.1, words::counted(more, "smaller cluster", "smaller clusters")));
        }
        let noise = keys.len();
        let words = format!("noise, {}", words::counted(clustering.noise.rows, "row", "rows"));
        keys.push((1, Ink::Flagged, words));
        let group = |number: &i32| usize::try_from(*number).map_or(noise, |number| number.min(n_own));
        let of_point = clustering.cluster.iter().map(group).collect();
        if clustering.noise.rows == 0 && !clustering.cluster.iter().any(|number| *number < 0) {
            keys.pop();
        }
        Self { of_point, keys }
    }

    /// The ink of a cluster's rows, as [`Groups::of_clusters`] has it.
    fn ink(&self, number: i32) -> Ink {
        match usize::try_from(number).ok().and_then(|number| self.keys.get(number)) {
            Some((_, ink, _)) if *ink != Ink::Flagged => *ink,
            _ => REST.1,
        }
    }

    /// The legend; empty where there is nothing to tell apart.
    pub(crate) fn legend(&self) -> Vec<(Key, String)> {
        let told = self.keys.iter().filter(|(.., words)| !words.is_empty());
        told.map(|(shape, ink, words)| (Key::Mark(*shape, *ink), words.clone())).collect()
    }
}

/// Points on the two components. A few far points do not squeeze the others: they are drawn at the edge. Returns how many.
pub(crate) fn scatter(
    drawing: &mut Drawing,
    area: Area,
    (x, y): (&[f64], &[f64]),
    shares: [f64; 2],
    groups: &Groups,
) -> usize {
    if x.is_empty() || x.len() != y.len() || groups.of_point.len() != x.len() {
        nothing(drawing, area, "no rows to draw");
        return 0;
    }
    let plot = area.inside(22.0, 10.0, 38.0, 52.0);
    let (across, up) = (middle(x), middle(y));
    let title = |at: usize| format!("component {}, {} of the variance", at + 1, words::percent(shares[at]));
    drawing.text(plot.x, plot.y - 9.0, &title(1), LABEL);
    drawing.text(plot.right(), plot.bottom() + 32.0, &title(0), Type { anchor: Anchor::End, ..LABEL });
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 70.0)));
    let mut paths = vec![String::new(); groups.keys.len()];
    let mut at_edge = 0;
    let inside = |part: f64| (0.0..=1.0).contains(&part);
    for (point, (&x, &y)) in x.iter().zip(y).enumerate().filter(|(_, (x, y))| x.is_finite() && y.is_finite())
    {
        at_edge += usize::from(!inside(across.part(x)) || !inside(up.part(y)));
        let group = groups.of_point[point].min(paths.len() - 1);
        let spot = (
            plot.at_x(&across, x).clamp(plot.x, plot.right()),
            plot.at_y(&up, y).clamp(plot.y, plot.bottom()),
        );
        paths[group].push_str(&mark(groups.keys[group].0, spot.0, spot.1, 3.2));
    }
    for (path, (shape, ink, _)) in paths.iter().zip(&groups.keys) {
        let more = if *shape == 0 { r#" fill-opacity="0.45""# } else { r#" fill-opacity="0.7""# };
        drawing.fill(path, *ink, more);
    }
    at_edge
}

/// A scale over all but the farthest hundredth of the values, or over all when those are not far.
fn middle(values: &[f64]) -> Scale {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return Scale::from_to(0.0, 1.0) };
    let at = |share: f64| sorted[(last as f64 * share).round() as usize];
    let (low, high) = (at(0.005), at(0.995));
    let room = (high - low) * 0.5;
    let (low, high) = (at(0.0).max(low - room), at(1.0).min(high + room));
    let air = (high - low) * 0.03;
    Scale::from_to(low - air, high + air)
}

/// Distances to the k-th neighbour in rising order, with the knee.
pub(crate) fn k_distance(drawing: &mut Drawing, area: Area, curve: &KDistance) {
    let plot = area.inside(22.0, 12.0, 38.0, 56.0);
    let values = &curve.distances;
    let title = format!("distance to the {} nearest neighbour", ordinal(curve.k));
    drawing.text(plot.x, plot.y - 9.0, &title, LABEL);
    if values.len() < 2 {
        return nothing(drawing, plot, "too few points");
    }
    let across = Scale::from_to(1.0, values.len() as f64);
    let up = Scale::from_to(0.0, k_distance_top(curve) * 1.05);
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 70.0)));
    let every = values.len().div_ceil(1_000).max(1);
    let places = (0..values.len()).step_by(every).chain([values.len() - 1]);
    // A few far rows would make a corner of the rest: the line ends where it leaves the picture.
    let n_inside = values.iter().take_while(|value| **value <= k_distance_top(curve) * 1.05).count();
    let n_far = values[n_inside..].iter().filter(|value| value.is_finite()).count() as u64;
    if n_far > 0 {
        let text = format!("{} farther, up to {}", words::counted(n_far, "row is", "rows are"), {
            words::number(values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max))
        });
        drawing.text(plot.right(), plot.y - 9.0, &text, Type { anchor: Anchor::End, ..NOTE });
    }
    let points = places.take_while(|at| *at < n_inside).map(|at| (at as f64 + 1.0, values[at]));
    drawing.stroke(&through(points, plot, &across, &up), Ink::Normal, 1.6, r#" stroke-linejoin="round""#);
    let note = |drawing: &mut Drawing, x: f64, y: f64, text: &str| {
        // To the left, where the curve is below.
        let look = Type { ink: Ink::Ink, anchor: Anchor::End, ..NOTE };
        drawing.text((x - 8.0).max(plot.x + 90.0), (y - 6.0).max(plot.y + 10.0), text, look);
    };
    let knee = curve.knee.and_then(|at| Some((at, *values.get(at)?)));
    if let Some((at, value)) = knee {
        let (x, y) = (plot.at_x(&across, at as f64 + 1.0), plot.at_y(&up, value));
        drawing.dashes((x, y), (x, plot.bottom()), Ink::Muted, 1.0);
        drawing.marks(&mark(1, x, y, 4.5), Ink::Flagged);
        if curve.radius.is_none_or(|radius| radius == value) {
            note(drawing, x, y, &format!("knee and radius {}", words::number(value)));
        } else {
            note(drawing, x, y, &format!("knee {}", words::number(value)));
        }
    }
    if let Some(radius) = curve.radius.filter(|radius| knee.is_none_or(|(_, value)| value != *radius)) {
        let y = plot.at_y(&up, radius);
        drawing.dashes((plot.x, y), (plot.right(), y), Ink::Ink, 1.0);
        let apart = knee.map_or(f64::INFINITY, |(_, value)| (plot.at_y(&up, value) - y).abs());
        // Above its line; at the left end when the knee's words are as high.
        let x = if apart < 18.0 { plot.x + 110.0 } else { plot.at_x(&across, values.len() as f64 * 0.6) };
        note(drawing, x, y, &format!("radius {}", words::number(radius)));
    }
    let look = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(plot.right(), plot.bottom() + 32.0, "rows, in rising order", look);
}

/// Height of the curve of distances: all of it, or a few times as far as most rows and the radius when the last are far.
fn k_distance_top(curve: &KDistance) -> f64 {
    let values = &curve.distances;
    let finite = |value: &f64| value.is_finite();
    let most = values.iter().copied().filter(finite).fold(0.0, f64::max);
    let knee = curve.knee.and_then(|at| values.get(at)).copied();
    let usual = values.get(values.len() * 19 / 20).copied();
    let wanted = [knee, curve.radius, usual].into_iter().flatten().filter(finite).fold(0.0, f64::max);
    if wanted > 0.0 { most.min(wanted * 2.5) } else { most }
}

fn ordinal(k: u64) -> String {
    let ending = match (k % 10, k % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{}{ending}", words::count(k))
}

/// The silhouette of each cluster: its points from the best to the worst, as bars to the right and to the left of 0.
pub(crate) fn silhouette(drawing: &mut Drawing, area: Area, silhouette: &Silhouette, groups: &Groups) {
    let plot = area.inside(22.0, 12.0, 38.0, 84.0);
    drawing.text(plot.x, plot.y - 9.0, "silhouette of each cluster", LABEL);
    let shown: Vec<_> = silhouette.clusters.iter().filter(|one| !one.values.is_empty()).take(24).collect();
    let total: usize = shown.iter().map(|one| one.values.len()).sum();
    if total == 0 {
        return nothing(drawing, plot, "no clusters");
    }
    let lowest = shown.iter().flat_map(|one| &one.values).copied().fold(0.0, f64::min).max(-1.0);
    let across = Scale::from_to(if lowest < 0.0 { lowest - 0.02 } else { 0.0 }, 1.0);
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 70.0)));
    let gap = (plot.height * 0.02).min(6.0);
    // Small clusters get a few pixels all the same.
    let room = plot.height - gap * (shown.len() as f64 + 1.0) - 5.0 * shown.len() as f64;
    let mut top = plot.y + gap;
    let zero = plot.at_x(&across, 0.0);
    for one in &shown {
        let height = 5.0 + room.max(0.0) * one.values.len() as f64 / total as f64;
        let n = one.values.len();
        let y = |rank: usize| top + height * rank as f64 / n as f64;
        let every = n.div_ceil((height * 2.0) as usize + 1).max(1);
        let mut path = format!("M{} {}", px(zero), px(top));
        for rank in (0..n).step_by(every) {
            let x = px(plot.at_x(&across, one.values[rank].clamp(-1.0, 1.0)));
            let (from, to) = (y(rank), y((rank + every).min(n)));
            let _ = write!(path, "L{x} {}L{x} {}", px(from), px(to));
        }
        let _ = write!(path, "L{} {}z", px(zero), px(top + height));
        drawing.fill(&path, groups.ink(one.cluster), r#" fill-opacity="0.8""#);
        if height >= 10.0 || shown.len() <= 12 {
            let look = Type { anchor: Anchor::End, mono: false, ..TICK };
            let text = format!("{}: {}", one.cluster, words::counted(n as u64, "row", "rows"));
            drawing.text(plot.x - 8.0, top + height / 2.0 + 3.6, &text, look);
        }
        top += height + gap;
    }
    drawing.line((zero, plot.y), (zero, plot.bottom()), Ink::Muted, 0.75);
    if silhouette.mean.is_finite() {
        let x = plot.at_x(&across, silhouette.mean.clamp(-1.0, 1.0));
        drawing.dashes((x, plot.y - 4.0), (x, plot.bottom()), Ink::Ink, 1.0);
        let look = Type { anchor: Anchor::End, ..NOTE };
        drawing.text(plot.right(), plot.y - 9.0, &format!("mean {:.2}", silhouette.mean), look);
    }
    let look = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(plot.right(), plot.bottom() + 32.0, "silhouette value", look);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClassCount, ClusterRows};

    fn clustering(sizes: &[u64], noise: u64, cluster: &[i32]) -> Clustering {
        let rows = |&rows: &u64| ClusterRows { rows, attacks: None };
        Clustering {
            clusters: sizes.iter().map(rows).collect(),
            noise: rows(&noise),
            cluster: cluster.to_vec(),
            ..Clustering::default()
        }
    }

    #[test]
    fn noise_is_the_flagged_diamond_and_counts_are_of_all_rows() {
        let groups = Groups::of_clusters(&clustering(&[30, 20, 1], 1, &[1, 0, 0, -1, 0, 1, 2]));
        let words: Vec<&str> = groups.keys.iter().map(|(.., words)| words.as_str()).collect();
        assert_eq!(words, ["cluster 0, 30 rows", "cluster 1, 20 rows", "cluster 2, 1 row", "noise, 1 row"]);
        assert_eq!(groups.of_point, [1, 0, 0, 3, 0, 1, 2]);
        assert_eq!((groups.keys[3].0, groups.keys[3].1), (1, Ink::Flagged));
        assert_ne!(groups.ink(0), groups.ink(1));
    }

    #[test]
    fn many_clusters_share_the_last_mark_before_noise() {
        let groups = Groups::of_clusters(&clustering(&[9; 12], 0, &[0, 5, 6, 11, -1]));
        assert_eq!(groups.of_point, [0, 5, 6, 6, 7]);
        assert_eq!(groups.keys[6].2, "6 smaller clusters");
        assert_eq!((groups.ink(6), groups.ink(11), groups.ink(-1)), (REST.1, REST.1, REST.1));
        let quiet = Groups::of_clusters(&clustering(&[9, 8], 0, &[0, 1]));
        assert_eq!(quiet.keys.len(), 2);
    }

    #[test]
    fn many_classes_share_the_last_mark() {
        let classes = (0..12).map(|i| ClassCount { name: format!("c{i}"), is_attack: i > 0, rows: 20 - i });
        let projection = Projection {
            x: vec![0.0; 12],
            y: vec![0.0; 12],
            classes: classes.collect(),
            class: (0..12).collect(),
            ..Projection::default()
        };
        let groups = Groups::of_classes(&projection);
        assert_eq!(groups.keys.last().unwrap().2, "5 other classes");
        assert_eq!((groups.of_point[0], groups.of_point[6], groups.of_point[11]), (0, 6, 7));
    }

    #[test]
    fn one_far_point_does_not_squeeze_the_others() {
        let mut values: Vec<f64> = (0..1_000).map(f64::from).collect();
        values.push(1e9);
        assert!(middle(&values).part(999.0) > 0.6);
        assert!((middle(&[]).part(0.5) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn one_far_row_does_not_flatten_the_curve_of_distances() {
        let mut distances: Vec<f64> = (1..=100).map(|at| f64::from(at) / 100.0).collect();
        distances.push(1e6);
        let mut curve = KDistance { k: 4, distances, knee: Some(90), radius: Some(1.0) };
        assert!((k_distance_top(&curve) - 2.5).abs() < 1e-12);
        let mut drawing = Drawing::default();
        k_distance(&mut drawing, Area { x: 0.0, y: 0.0, width: 590.0, height: 320.0 }, &curve);
        assert!(
            drawing.finish(590.0, 320.0, "picture", "", None).contains("1 row is farther, up to 1,000,000")
        );
        curve.distances.pop();
        assert!((k_distance_top(&curve) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ordinals_end_as_they_should() {
        for (k, expect) in [(1, "1st"), (2, "2nd"), (11, "11th"), (23, "23rd"), (4, "4th")] {
            assert_eq!(ordinal(k), expect);
        }
    }
}
