//! How the values of a column are spread: bars, and a box for the quartiles.

use std::fmt::Write;

use crate::Counts;
use crate::distribution::{bar_width, part};
use crate::drawing::{Anchor, Area, Drawing, Ink, TICK, Type, px};

/// Bars of counts with the box plot below and the ends of the axis in the words of `label`. Bins are drawn equally wide.
/// Returns whether there was anything to draw.
pub(crate) fn spread(
    drawing: &mut Drawing,
    area: Area,
    counts: &Counts,
    quartiles: Option<[f64; 5]>,
    label: &dyn Fn(f64) -> String,
) -> bool {
    let n_bins = counts.counts.len();
    if n_bins == 0 || counts.edges.len() != n_bins + 1 {
        return false;
    }
    let bars = area.inside(0.0, 0.0, if quartiles.is_some() { 36.0 } else { 18.0 }, 0.0);
    let most = counts.counts.iter().copied().max().unwrap_or(0).max(1);
    let width = bars.width / n_bins as f64;
    let bar = bar_width(width);
    let mut path = String::new();
    for (bin, &count) in counts.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = bars.height * (count as f64 / most as f64).max(0.02);
        let left = bars.x + width * (bin as f64 + 0.5) - bar / 2.0;
        let _ = write!(path, "M{} {}h{}v-{}h-{}z", px(left), px(bars.bottom()), px(bar), px(height), px(bar));
    }
    drawing.fill(&path, Ink::Normal, "");
    drawing.line((bars.x, bars.bottom()), (bars.right(), bars.bottom()), Ink::Muted, 0.75);
    if let Some([min, q1, median, q3, max]) = quartiles {
        let x = |value: f64| bars.x + bars.width * part(&counts.edges, value);
        let y = bars.bottom() + 10.0;
        drawing.line((x(min), y), (x(max), y), Ink::Muted, 1.0);
        drawing.rect(
            Area { x: x(q1), y: y - 4.5, width: (x(q3) - x(q1)).max(1.0), height: 9.0 },
            Ink::NormalSoft,
        );
        drawing.line((x(median), y - 4.5), (x(median), y + 4.5), Ink::Ink, 1.5);
    }
    let y = area.bottom() - 3.0;
    let (first, middle, last) =
        (label(counts.edges[0]), label(counts.edges[n_bins / 2]), label(counts.edges[n_bins]));
    // Three dates have no room side by side.
    if n_bins > 3 && n_bins.is_multiple_of(2) && middle.len() < 10 {
        drawing.text(bars.x + bars.width / 2.0, y, &middle, TICK);
    }
    drawing.text(bars.x, y, &first, Type { anchor: Anchor::Start, ..TICK });
    drawing.text(bars.right(), y, &last, Type { anchor: Anchor::End, ..TICK });
    true
}
