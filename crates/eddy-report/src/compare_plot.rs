//! Curves and matrices of models that are compared.

use crate::curve::{Key, dashes, through};
use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, TICK, Type, mark};
use crate::ticks::Scale;
use crate::trace::{nothing, ticks_for};
use crate::{ConfusionMatrix, Curve, ModelResult, words};

/// Lines in one plot; more could not be told apart.
pub(crate) const MOST_LINES: usize = 8;
/// Classes of a matrix that are drawn; the rarest beyond are taken together.
pub(crate) const MOST_CLASSES: usize = 20;

/// What the two sides of a plot of curves are, and the line that says nothing was learned.
pub(crate) struct Sides {
    /// Words to the right.
    pub(crate) across: &'static str,
    /// Words upward.
    pub(crate) up: &'static str,
    /// Height of the line of guessing at its left and right end.
    pub(crate) guess: (f64, f64),
    /// Words beside that line.
    pub(crate) guess_in_words: String,
}

/// The plot inside its sides, from 0 to 1 both ways, with the line of guessing.
fn unit_square(drawing: &mut Drawing, area: Area, sides: &Sides) -> (Area, Scale) {
    let plot = area.inside(22.0, 12.0, 38.0, 46.0);
    let unit = Scale::from_to(0.0, 1.0);
    drawing.text(plot.x, plot.y - 9.0, sides.up, LABEL);
    drawing.left_side(plot, &unit, &unit.ticks(ticks_for(plot.height, 40.0)));
    drawing.bottom_side(plot, &unit, &unit.ticks(ticks_for(plot.width, 70.0)));
    let right = Type { anchor: Anchor::End, ..LABEL };
    drawing.text(plot.right(), plot.bottom() + 32.0, sides.across, right);
    let guess = (plot.at_y(&unit, sides.guess.0), plot.at_y(&unit, sides.guess.1));
    drawing.dashes((plot.x, guess.0), (plot.right(), guess.1), Ink::Muted, 1.0);
    drawing.text(plot.x, plot.bottom() + 32.0, &sides.guess_in_words, NOTE);
    (plot, unit)
}

/// Curves of several models. `which` takes the curve of a model.
pub(crate) fn curves(
    drawing: &mut Drawing,
    area: Area,
    models: &[&ModelResult],
    sides: &Sides,
    which: &dyn Fn(&ModelResult) -> &Curve,
) {
    let (plot, unit) = unit_square(drawing, area, sides);
    if models.iter().all(|model| which(model).x.is_empty()) {
        return nothing(drawing, plot, "no curves");
    }
    // The best lies on top.
    for (at, model) in models.iter().enumerate().take(MOST_LINES).rev() {
        let curve = which(model);
        let points = thinned(curve, plot);
        drawing.stroke(&through(points.into_iter(), plot, &unit, &unit), Ink::Series(at), 1.7, dashes(at));
    }
}

/// Points of a curve that are at least half a pixel from the last one drawn.
fn thinned(curve: &Curve, plot: Area) -> Vec<(f64, f64)> {
    let n = curve.x.len().min(curve.y.len());
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for at in 0..n {
        let point = (curve.x[at], curve.y[at]);
        let far = kept.last().is_none_or(|last| {
            (point.0 - last.0).abs() * plot.width + (point.1 - last.1).abs() * plot.height >= 0.5
        });
        // Not a number leaves a gap, and the last point is never left out.
        if far || at + 1 == n || !point.0.is_finite() || !point.1.is_finite() {
            kept.push(point);
        }
    }
    kept
}

/// What models say against what is so.
pub(crate) fn reliability(drawing: &mut Drawing, area: Area, models: &[(usize, &ModelResult)]) {
    let sides = Sides {
        across: "probability given by the model",
        up: "share that are attacks",
        guess: (0.0, 1.0),
        guess_in_words: "dashed: probabilities mean what they say".into(),
    };
    let (plot, unit) = unit_square(drawing, area, &sides);
    for (at, model) in models.iter().rev() {
        let Some(found) = &model.reliability else { continue };
        let points: Vec<(f64, f64)> = found
            .bins
            .iter()
            .filter(|bin| bin.rows > 0)
            .map(|bin| (bin.predicted, bin.observed))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        let path = through(points.iter().copied(), plot, &unit, &unit);
        drawing.stroke(&path, Ink::Series(*at), 1.5, dashes(*at));
        let marks: String =
            points.iter().map(|(x, y)| mark(*at, plot.at_x(&unit, *x), plot.at_y(&unit, *y), 3.6)).collect();
        drawing.marks(&marks, Ink::Series(*at));
    }
}

/// The lines of a plot in words.
pub(crate) fn keys(
    models: &[(usize, &ModelResult)],
    words: &dyn Fn(&ModelResult) -> String,
) -> Vec<(Key, String)> {
    models.iter().map(|(at, model)| (Key::Line(*at, Ink::Series(*at)), words(model))).collect()
}

/// A matrix whose rarest classes are one, so that it can be read.
pub(crate) fn readable(matrix: &ConfusionMatrix) -> ConfusionMatrix {
    let n = matrix.names.len();
    if n <= MOST_CLASSES {
        return matrix.clone();
    }
    let support = |class: usize| matrix.counts.get(class).map_or(0, |row| row.iter().sum::<u64>());
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| support(b).cmp(&support(a)).then(a.cmp(&b)));
    let mut kept: Vec<usize> = order.into_iter().take(MOST_CLASSES - 1).collect();
    kept.sort_unstable();
    let place = |class: usize| kept.binary_search(&class).unwrap_or(MOST_CLASSES - 1);
    let mut counts = vec![vec![0; MOST_CLASSES]; MOST_CLASSES];
    for (truth, row) in matrix.counts.iter().enumerate().take(n) {
        for (given, count) in row.iter().enumerate().take(n) {
            counts[place(truth)][place(given)] += count;
        }
    }
    let mut names: Vec<String> = kept.iter().map(|&class| matrix.names[class].clone()).collect();
    names.push(format!("{} rarer", n - (MOST_CLASSES - 1)));
    ConfusionMatrix { names, counts }
}

/// Width and height of the picture of a matrix.
pub(crate) fn matrix_size(n: usize) -> (f64, f64) {
    let (cell, labels) = cell_and_labels(n);
    (labels + cell * n as f64 + 8.0, 24.0 + cell * n as f64 + if n <= 2 { 22.0 } else { labels.min(92.0) })
}

fn cell_and_labels(n: usize) -> (f64, f64) {
    match n {
        0..=2 => (88.0, 74.0),
        3..=8 => (58.0, 112.0),
        9..=16 => (30.0, 118.0),
        // Two fit beside each other.
        _ => (26.5, 118.0),
    }
}

/// A confusion matrix as a heat map: shades are shares of the true class, blue where right and orange where wrong.
pub(crate) fn confusion(drawing: &mut Drawing, area: Area, matrix: &ConfusionMatrix) {
    let n = matrix.names.len();
    if n == 0 || matrix.counts.len() != n || matrix.counts.iter().any(|row| row.len() != n) {
        return nothing(drawing, area, "no matrix");
    }
    let (cell, labels) = cell_and_labels(n);
    let map = Area { x: area.x + labels, y: area.y + 20.0, width: cell * n as f64, height: cell * n as f64 };
    drawing.text(map.x - 8.0, map.y - 7.0, "true", Type { anchor: Anchor::End, ..NOTE });
    drawing.text(map.x, map.y - 7.0, "given", NOTE);
    let size = if n <= 8 { 11.0 } else { 10.0 };
    for (truth, name) in matrix.names.iter().enumerate() {
        let name = if name.is_empty() { "missing" } else { name };
        let y = map.y + cell * truth as f64;
        let look = Type { size, anchor: Anchor::End, ink: Ink::Ink, ..NOTE };
        let letters = (labels / (size * 0.56)) as usize;
        drawing.text(map.x - 8.0, y + cell / 2.0 + size * 0.35, &words::shortened(name, letters), look);
        let x = map.x + cell * truth as f64 + cell / 2.0;
        if n <= 2 {
            let middle = Type { anchor: Anchor::Middle, ..look };
            drawing.text(x, map.bottom() + 16.0, &words::shortened(name, letters), middle);
        } else {
            drawing.upward(x + size * 0.35, map.bottom() + 8.0, &words::shortened(name, 14), look);
        }
        let total = matrix.counts[truth].iter().sum::<u64>();
        for (given, &count) in matrix.counts[truth].iter().enumerate() {
            let spot = Area { x: map.x + cell * given as f64, y, width: cell - 1.5, height: cell - 1.5 };
            let share = if total > 0 { count as f64 / total as f64 } else { 0.0 };
            drawing.rect(spot, Ink::Paper);
            if count > 0 {
                // Even one row in a thousand is to be seen.
                let ink = if given == truth { Ink::Normal } else { Ink::Flagged };
                drawing.shade(spot, share.max(0.06), ink, ink);
                counted(drawing, spot, count, share, cell);
            }
        }
    }
}

fn counted(drawing: &mut Drawing, spot: Area, count: u64, share: f64, cell: f64) {
    let ink = if share > 0.55 { Ink::Paper } else { Ink::Ink };
    let (x, y) = (spot.x + spot.width / 2.0, spot.y + spot.height / 2.0);
    if cell < 40.0 {
        return drawing.text(
            x,
            y + 3.2,
            &words::rough(count as f64),
            Type { ink, size: if cell < 30.0 { 7.8 } else { 8.5 }, ..TICK },
        );
    }
    let size = if cell > 70.0 { 13.0 } else { 11.0 };
    let text = if count < 100_000 { words::count(count) } else { words::tick(count as f64) };
    drawing.text(x, y + 0.5, &text, Type { size, ink, ..TICK });
    drawing.text(x, y + size + 2.0, &words::near_percent(share), Type { ink, size: size - 1.5, ..TICK });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_classes_are_taken_together_and_no_row_is_lost() {
        let n = 30;
        let matrix = ConfusionMatrix {
            names: (0..n).map(|i| format!("c{i}")).collect(),
            counts: (0..n)
                .map(|truth| (0..n).map(|given| if truth == given { 10 + truth as u64 } else { 1 }).collect())
                .collect(),
        };
        let sum = |matrix: &ConfusionMatrix| matrix.counts.iter().flatten().sum::<u64>();
        let small = readable(&matrix);
        assert_eq!((small.names.len(), small.names[19].as_str()), (20, "11 rarer"));
        assert_eq!((small.names[0].as_str(), sum(&small)), ("c11", sum(&matrix)));
    }

    #[test]
    fn thinning_keeps_the_ends_of_a_curve() {
        let n = 100_000;
        let x: Vec<f64> = (0..=n).map(|i| f64::from(i) / f64::from(n)).collect();
        let curve = Curve { y: x.clone(), x };
        let plot = Area { x: 0.0, y: 0.0, width: 300.0, height: 300.0 };
        let kept = thinned(&curve, plot);
        assert!(kept.len() < 1_300, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&(0.0, 0.0)), Some(&(1.0, 1.0))));
    }
}
