//! How the values of a feature are spread, ordinary rows upward and flagged rows downward.

use std::fmt::Write;

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, TICK, Type, px};
use crate::trace::{nothing, titled};
use crate::{FeatureSeries, words};

/// Share of the height that belongs to ordinary rows.
const UPPER: f64 = 0.62;

/// The distribution of one feature in an area. Both halves have their own height, so that a few flagged rows are to be
/// seen beside many ordinary ones.
pub(crate) fn distribution(drawing: &mut Drawing, area: Area, feature: &FeatureSeries) {
    let title =
        words::shortened(&titled(&feature.name, feature.unit.as_deref()), (area.width / 7.2) as usize);
    drawing.text(area.x, area.y + 13.0, &title, LABEL);
    halves(drawing, area.inside(22.0, 0.0, 18.0, 0.0), feature);
}

/// The two halves and the words below them, without a title.
pub(crate) fn halves(drawing: &mut Drawing, plot: Area, feature: &FeatureSeries) {
    let histogram = &feature.histogram;
    let n_bins = histogram.normal.len();
    if n_bins == 0 || histogram.edges.len() != n_bins + 1 || histogram.flagged.len() != n_bins {
        return nothing(drawing, plot, "no values");
    }
    let middle = plot.y + plot.height * UPPER;
    if let Some((low, high)) = feature.typical.filter(|_| feature.levels.is_empty()) {
        let (from, to) = (
            plot.x + plot.width * part(&histogram.edges, low),
            plot.x + plot.width * part(&histogram.edges, high),
        );
        drawing
            .rect(Area { x: from, y: plot.y, width: (to - from).max(1.0), height: plot.height }, Ink::Usual);
    }
    let lower = plot.bottom() - middle;
    drawing.fill(
        &bars(plot, middle, -(middle - plot.y), &histogram.normal),
        Ink::Normal,
        r#" data-half="normal""#,
    );
    drawing.fill(&bars(plot, middle, lower, &histogram.flagged), Ink::Flagged, r#" data-half="flagged""#);
    drawing.line((plot.x, middle), (plot.right(), middle), Ink::Muted, 0.75);
    let y = plot.bottom() + 13.0;
    if feature.levels.is_empty() {
        let edge = |share: f64| histogram.edges[(n_bins as f64 * share).round() as usize];
        drawing.text(plot.x, y, &words::rough(edge(0.0)), Type { anchor: Anchor::Start, ..TICK });
        if n_bins > 3 {
            drawing.text(plot.x + plot.width / 2.0, y, &words::rough(edge(0.5)), TICK);
        }
        drawing.text(plot.right(), y, &words::rough(edge(1.0)), Type { anchor: Anchor::End, ..TICK });
    } else {
        let width = plot.width / n_bins as f64;
        let letters = (width / 5.8) as usize;
        if letters >= 3 {
            for (bin, level) in feature.levels.iter().take(n_bins).enumerate() {
                let x = plot.x + width * (bin as f64 + 0.5);
                drawing.text(
                    x,
                    y,
                    &words::shortened(if level.is_empty() { "missing" } else { level }, letters),
                    Type { size: 10.0, mono: false, ..TICK },
                );
            }
        } else {
            let most = feature.levels.first().map_or("", String::as_str);
            let text = format!(
                "{}, most often {}",
                words::counted(n_bins as u64, "level", "levels"),
                words::shortened(most, 14)
            );
            drawing.text(plot.x, y, &text, NOTE);
        }
    }
}

/// Where a value lies among bins drawn equally wide, 0 to 1.
pub(crate) fn part(edges: &[f64], value: f64) -> f64 {
    let n_bins = edges.len().saturating_sub(1).max(1);
    let bin = edges.partition_point(|edge| *edge <= value).clamp(1, n_bins) - 1;
    let (low, high) = (edges[bin], edges.get(bin + 1).copied().unwrap_or(edges[bin]));
    let inside = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 };
    (bin as f64 + inside) / n_bins as f64
}

/// How wide the bar of a bin is: nearly all of it, but no block.
pub(crate) fn bar_width(bin: f64) -> f64 {
    let gap = if bin > 4.0 { 0.8 } else { 0.0 };
    (bin - gap).min(48.0)
}

/// Bars from a base line, as one path. Negative `height` rises.
fn bars(plot: Area, base: f64, height: f64, counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut path = String::new();
    let width = plot.width / counts.len().max(1) as f64;
    let gap = if width > 4.0 { 0.8 } else { 0.0 };
    for (bin, &count) in counts.iter().enumerate() {
        if count > 0 {
            // One row beside a million is still a line.
            let share = (count as f64 / most as f64).max(0.02);
            let left = plot.x + width * bin as f64;
            let _ = write!(
                path,
                "M{} {}h{}v{}h-{}z",
                px(left),
                px(base),
                px(width - gap),
                px(height * share),
                px(width - gap)
            );
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_bins() {
        let edges = [0.0, 1.0, 10.0, 100.0];
        for (value, expect) in
            [(0.0, 0.0), (1.0, 1.0 / 3.0), (55.0, 2.5 / 3.0), (100.0, 1.0), (-5.0, 0.0), (900.0, 1.0)]
        {
            assert!((part(&edges, value) - expect).abs() < 1e-12, "{value}");
        }
    }
}
