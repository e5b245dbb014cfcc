//! Lines through points, and the legend beside them.

use std::fmt::Write;

use crate::drawing::{Area, Ink, mark, px};
use crate::escape;
use crate::ticks::Scale;

/// A path through points in their order; places that are not finite leave a gap.
pub(crate) fn through(
    points: impl Iterator<Item = (f64, f64)>,
    plot: Area,
    across: &Scale,
    up: &Scale,
) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for (x, y) in points {
        if !x.is_finite() || !y.is_finite() {
            pen_down = false;
            continue;
        }
        let _ = write!(
            path,
            "{}{} {}",
            if pen_down { 'L' } else { 'M' },
            px(plot.at_x(across, x)),
            px(plot.at_y(up, y))
        );
        pen_down = true;
    }
    path
}

/// How one of several lines is broken, so that they differ in more than colour: attributes of its path.
pub(crate) fn dashes(at: usize) -> &'static str {
    const DASHES: [&str; 5] = [
        r#" stroke-linejoin="round""#,
        r#" stroke-linejoin="round" stroke-dasharray="7 3""#,
        r#" stroke-linejoin="round" stroke-dasharray="2 2""#,
        r#" stroke-linejoin="round" stroke-dasharray="8 3 2 3""#,
        r#" stroke-linejoin="round" stroke-dasharray="4 4""#,
    ];
    DASHES[at % DASHES.len()]
}

/// What stands for one thing in a legend.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    /// A mark of this shape.
    Mark(usize, Ink),
    /// A line broken like the line of this number.
    Line(usize, Ink),
}

/// A legend as an HTML list.
pub(crate) fn legend(out: &mut String, entries: &[(Key, String)]) {
    if entries.is_empty() {
        return;
    }
    out.push_str("<ul class=\"legend\">");
    for (key, words) in entries {
        let mut drawing = crate::drawing::Drawing::default();
        match *key {
            Key::Mark(shape, ink) => drawing.fill(&mark(shape, 8.0, 6.0, 4.6), ink, ""),
            Key::Line(at, ink) => drawing.stroke("M0 6H16", ink, 2.0, dashes(at)),
        }
        let _ =
            write!(out, "<li>{}<span>{}</span></li>", drawing.finish_small(16.0, 12.0), escape::text(words));
    }
    out.push_str("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_are_none_leave_a_gap() {
        let plot = Area { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };
        let unit = Scale::from_to(0.0, 1.0);
        let points = [(0.0, 0.0), (0.5, 1.0), (f64::NAN, 0.0), (1.0, 0.5)];
        assert_eq!(through(points.into_iter(), plot, &unit, &unit), "M0 10L5 0M10 5");
    }
}
