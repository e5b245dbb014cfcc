//! Rows on two principal components, and what a clustering of them was chosen by.

use std::fmt::Write;

use crate::curve::{Key, through};
use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, SERIES_INKS, TICK, Type, mark, px};
use crate::ticks::Scale;
use crate::trace::{nothing, ticks_for};
use crate::{KDistance, Projection, Silhouette, words};

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
    pub(crate) fn of_clusters(cluster: &[i32]) -> Self {
        let mut sizes: Vec<(i32, usize)> = Vec::new();
        let mut sorted = cluster.to_vec();
        sorted.sort_unstable();
        for same in sorted.chunk_by(|a, b| a == b) {
            sizes.push((same[0], same.len()));
        }
        sizes.retain(|(number, _)| *number >= 0);
        sizes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let n_noise = cluster.iter().filter(|number| **number < 0).count();
        let mut keys: Vec<(usize, Ink, String)> = Vec::new();
        // The second ink and shape belong to noise.
        let own: Vec<usize> = (0..SERIES_INKS).filter(|at| *at != 1).take(MOST_MARKS - 1).collect();
        for ((number, n), at) in sizes.iter().zip(&own) {
            let words = format!("cluster {number}, {}", words::counted(*n as u64, "point", "points"));
            keys.push((*at, Ink::Series(*at), words));
        }
        let place = |number: &i32| sizes.iter().position(|(one, _)| one == number).unwrap_or(0);
        let n_own = keys.len();
        let has_rest = sizes.len() > n_own;
        if has_rest {
            let more = (sizes.len() - n_own) as u64;
            keys.push((REST.0, REST.1, words::counted(more, "smaller cluster", "smaller clusters")));
        }
        let noise = keys.len();
        if n_noise > 0 {
            let words = format!("noise, {}", words::counted(n_noise as u64, "point", "points"));
            keys.push((1, Ink::Flagged, words));
        }
        let group = |number: &i32| if *number < 0 { noise } else { place(number).min(n_own) };
        Self { of_point: cluster.iter().map(group).collect(), keys }
    }

    /// The ink of a cluster's points.
    fn ink(&self, clusters: &[i32], number: i32) -> Ink {
        let point = clusters.iter().position(|one| *one == number);
        point.map_or(REST.1, |point| self.keys[self.of_point[point]].1)
    }

    /// The legend; empty where there is nothing to tell apart.
    pub(crate) fn legend(&self) -> Vec<(Key, String)> {
        let told = self.keys.iter().filter(|(.., words)| !words.is_empty());
        told.map(|(shape, ink, words)| (Key::Mark(*shape, *ink), words.clone())).collect()
    }
}

/// Points on the two components. A few far points do not squeeze the others: they are drawn at the edge. Returns how many.
pub(crate) fn scatter(drawing: &mut Drawing, area: Area, projection: &Projection, groups: &Groups) -> usize {
    let (x, y) = (&projection.x, &projection.y);
    if x.is_empty() || x.len() != y.len() || groups.of_point.len() != x.len() {
        nothing(drawing, area, "no rows to draw");
        return 0;
    }
    let plot = area.inside(22.0, 10.0, 38.0, 52.0);
    let (across, up) = (middle(x), middle(y));
    let title = |at: usize| {
        format!("component {}, {} of the variance", at + 1, words::percent(projection.shares[at]))
    };
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
    let highest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let up = Scale::from_to(0.0, highest * 1.05);
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 70.0)));
    let every = values.len().div_ceil(1_000).max(1);
    let places = (0..values.len()).step_by(every).chain([values.len() - 1]);
    let points = places.map(|at| (at as f64 + 1.0, values[at]));
    drawing.stroke(&through(points, plot, &across, &up), Ink::Normal, 1.6, r#" stroke-linejoin="round""#);
    if let Some((at, &value)) = curve.knee.and_then(|at| Some((at, values.get(at)?))) {
        let (x, y) = (plot.at_x(&across, at as f64 + 1.0), plot.at_y(&up, value));
        drawing.dashes((plot.x, y), (x, y), Ink::Ink, 1.0);
        drawing.dashes((x, y), (x, plot.bottom()), Ink::Ink, 1.0);
        drawing.marks(&mark(1, x, y, 4.5), Ink::Flagged);
        let text = format!("knee at {}", words::number(value));
        drawing.text(plot.x + 8.0, (y - 6.0).max(plot.y + 10.0), &text, Type { ink: Ink::Ink, ..NOTE });
    }
    let look = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(plot.right(), plot.bottom() + 32.0, "points, in rising order", look);
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
pub(crate) fn silhouette(drawing: &mut Drawing, area: Area, silhouette: &Silhouette, clusters: &[i32]) {
    let groups = Groups::of_clusters(clusters);
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
        drawing.fill(&path, groups.ink(clusters, one.cluster), r#" fill-opacity="0.8""#);
        if height >= 10.0 || shown.len() <= 12 {
            let look = Type { anchor: Anchor::End, mono: false, ..TICK };
            let text = format!("{}: {}", one.cluster, words::counted(n as u64, "point", "points"));
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
    use crate::ClassCount;

    #[test]
    fn noise_is_the_flagged_diamond_and_large_clusters_come_first() {
        let groups = Groups::of_clusters(&[0, 1, 1, -1, 1, 0, 2]);
        let words: Vec<&str> = groups.keys.iter().map(|(.., words)| words.as_str()).collect();
        assert_eq!(
            words,
            ["cluster 1, 3 points", "cluster 0, 2 points", "cluster 2, 1 point", "noise, 1 point"]
        );
        assert_eq!(groups.of_point, [1, 0, 0, 3, 0, 1, 2]);
        assert_eq!((groups.keys[3].0, groups.keys[3].1), (1, Ink::Flagged));
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
    fn ordinals_end_as_they_should() {
        for (k, expect) in [(1, "1st"), (2, "2nd"), (11, "11th"), (23, "23rd"), (4, "4th")] {
            assert_eq!(ordinal(k), expect);
        }
    }
}
