//! How the values of a feature are spread in each class.

use crate::distribution::{halves, part};
use crate::drawing::{Anchor, Area, Drawing, Ink, NOTE, Type};
use crate::{ClassDistribution, FeatureSeries, words};

/// Height of the mirrored histogram with the words below.
const HALVES: f64 = 112.0;
/// Height of a box with its class.
const BOX: f64 = 19.0;
/// Room for the names of classes.
const NAMES: f64 = 128.0;
/// Room for numbers of rows.
const COUNTS: f64 = 66.0;

/// Height of the picture of a feature.
pub(crate) fn height(distribution: &ClassDistribution) -> f64 {
    let boxes = distribution.boxes.len() as f64 * BOX;
    HALVES + if boxes > 0.0 { boxes + 8.0 } else { 4.0 }
}

/// Normal rows upward and attacks downward, and below them one box a class on the same axis.
pub(crate) fn class_plot(drawing: &mut Drawing, area: Area, distribution: &ClassDistribution) {
    let plot = area.inside(2.0, COUNTS, area.height - HALVES + 20.0, NAMES);
    let feature = FeatureSeries {
        levels: distribution.levels.clone(),
        histogram: distribution.histogram.clone(),
        ..FeatureSeries::default()
    };
    halves(drawing, plot, &feature);
    let name = Type { anchor: Anchor::End, ..NOTE };
    let histogram = &distribution.histogram;
    drawing.text(plot.x - 10.0, plot.y + plot.height * 0.40, "normal", name);
    drawing.text(plot.x - 10.0, plot.y + plot.height * 0.86, "attack", Type { ink: Ink::Flagged, ..name });
    for (counts, share) in [(&histogram.normal, 0.40), (&histogram.flagged, 0.86)] {
        let text = words::rough(counts.iter().sum::<u64>() as f64);
        drawing.text(plot.right() + 10.0, plot.y + plot.height * share, &text, Type { mono: true, ..NOTE });
    }
    if histogram.edges.len() < 2 {
        return;
    }
    let x = |value: f64| plot.x + plot.width * part(&histogram.edges, value);
    for (at, one) in distribution.boxes.iter().enumerate() {
        let y = area.y + HALVES + BOX * (at as f64 + 0.5);
        let ink = if one.is_attack { Ink::Flagged } else { Ink::Normal };
        let class = if one.class.is_empty() { "missing" } else { &one.class };
        drawing.text(plot.x - 10.0, y + 3.6, &words::shortened(class, 20), Type { ink: Ink::Ink, ..name });
        let rows = words::rough(one.rows as f64);
        drawing.text(plot.right() + 10.0, y + 3.6, &rows, Type { mono: true, ..NOTE });
        let [low, q1, median, q3, high] = one.quantiles;
        if one.quantiles.iter().all(|value| value.is_finite()) {
            drawing.line((x(low), y), (x(high), y), ink, 1.0);
            let width = (x(q3) - x(q1)).max(2.0);
            let spot = Area { x: x(q1), y: y - 5.0, width, height: 10.0 };
            drawing.rect(spot, Ink::Paper);
            drawing.shade(spot, 0.45, ink, ink);
            drawing.line((x(median), y - 5.0), (x(median), y + 5.0), Ink::Ink, 2.0);
        }
    }
}
