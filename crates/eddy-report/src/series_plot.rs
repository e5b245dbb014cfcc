//! Pictures of a series: its parts, its hours and days, what is missing.

use eddy_series::BoxFigures;

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, TICK, Type};
use crate::ticks::{Scale, Tick};
use crate::trace::ticks_for;
use crate::{Axis, words};

/// Height of the strip that shows what is missing.
pub(crate) const PRESENCE_HEIGHT: f64 = 58.0;

/// A box for each group of values, side by side: the middle half with the median in it, and whiskers. The vertical scale
/// holds the boxes and whiskers; outliers are counted, not drawn.
pub(crate) fn boxes(
    drawing: &mut Drawing,
    area: Area,
    title: &str,
    groups: &[BoxFigures],
    name: &dyn Fn(u8) -> String,
) {
    let plot = area.inside(22.0, 8.0, 36.0, 52.0);
    drawing.text(plot.x, plot.y - 9.0, title, LABEL);
    let known = || groups.iter().filter(|group| group.n > 0);
    let up = Scale::over(known().flat_map(|group| group.whiskers));
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    let across = Scale::from_to(-0.5, groups.len() as f64 - 0.5);
    let ticks: Vec<Tick> =
        groups.iter().map(|group| Tick { at: f64::from(group.key), label: name(group.key) }).collect();
    let width = (plot.width / groups.len().max(1) as f64 * 0.56).clamp(3.0, 34.0);
    for group in known() {
        let x = plot.at_x(&across, f64::from(group.key));
        let y = |value: f64| plot.at_y(&up, value);
        drawing.line((x, y(group.whiskers[0])), (x, y(group.whiskers[1])), Ink::Normal, 1.0);
        let [_, q1, median, q3, _] = group.five;
        let spot = Area { x: x - width / 2.0, y: y(q3), width, height: (y(q1) - y(q3)).max(1.5) };
        drawing.rect(spot, Ink::NormalSoft);
        drawing.line((spot.x, y(median)), (spot.x + width, y(median)), Ink::Ink, 2.0);
    }
    drawing.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), Ink::Muted, 0.75);
    let mut free_from = f64::NEG_INFINITY;
    for tick in ticks {
        let (x, half) = (plot.at_x(&across, tick.at), tick.label.chars().count() as f64 * TICK.size * 0.301);
        if x - half > free_from {
            drawing.text(x, plot.bottom() + 14.0, &tick.label, TICK);
            free_from = x + half + 6.0;
        }
    }
    let outliers: u64 = groups.iter().map(|group| group.outliers).sum();
    let note = format!(
        "box: middle half and median · beyond the whiskers: {}",
        words::counted(outliers, "value", "values")
    );
    drawing.text(plot.x, plot.bottom() + 30.0, &note, NOTE);
}

/// The stretches of a series, the darker the more of their rows are there.
pub(crate) fn presence(drawing: &mut Drawing, area: Area, axis: Axis, shares: &[f64], span: [f64; 2]) {
    let plot = area.inside(20.0, 8.0, 22.0, 52.0);
    drawing.text(plot.x, plot.y - 8.0, "rows that are there", LABEL);
    let missing = shares.iter().filter(|share| **share < 0.5).count() as f64 / shares.len().max(1) as f64;
    let look = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(
        plot.right(),
        plot.y - 8.0,
        &format!("orange: missing; {} of the stretches miss half or more", words::percent(missing)),
        look,
    );
    let each = plot.width / shares.len().max(1) as f64;
    drawing.rect(plot, Ink::Usual);
    for (at, share) in shares.iter().enumerate().filter(|(_, share)| **share < 0.999) {
        let spot = Area { x: plot.x + each * at as f64, width: each + 0.3, ..plot };
        drawing.shade(spot, (1.0 - share).max(0.15), Ink::Flagged, Ink::Flagged);
    }
    let across = Scale::from_to(span[0], span[1]);
    drawing.bottom_side(plot, &across, &across.axis_ticks(axis, ticks_for(plot.width, 105.0)));
}
