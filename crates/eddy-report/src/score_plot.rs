//! How the anomaly scores are spread.

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type};
use crate::ticks::{Scale, Tick};
use crate::trace::{nothing, ticks_for};
use crate::{DetectReport, words};

/// The histogram of the scores with the threshold. Heights are logarithmic, so that a single row is still to be seen
/// beside a million.
pub(crate) fn scores(drawing: &mut Drawing, area: Area, report: &DetectReport) {
    let histogram = &report.score_histogram;
    let plot = area.inside(22.0, 8.0, 38.0, 52.0);
    drawing.text(plot.x, plot.y - 9.0, "how the scores are spread", LABEL);
    let (Some(&low), Some(&high)) = (histogram.edges.first(), histogram.edges.last()) else {
        return nothing(drawing, plot, "no scores");
    };
    let across = Scale::from_to(low, high);
    let most = histogram.normal.iter().zip(&histogram.flagged).map(|(a, b)| a + b).max().unwrap_or(0).max(1);
    let up = |n: f64| (1.0 + n).log10() / (1.0 + most as f64 * 1.1).log10();
    let height = Scale::from_to(0.0, 1.0);
    let powers = (most as f64).log10().floor() as i32;
    let every = ((powers + 2) as usize).div_ceil(ticks_for(plot.height, 30.0)).max(1);
    let mut ticks = vec![Tick { at: 0.0, label: "0".into() }];
    ticks.extend((0..=powers).step_by(every).map(|power| {
        let n = 10f64.powi(power);
        Tick { at: up(n), label: words::tick(n) }
    }));
    drawing.left_side(plot, &height, &ticks);
    drawing.bottom_side(plot, &across, &across.ticks(ticks_for(plot.width, 60.0)));
    let mut bar = |from: u64, to: u64, bin: usize, ink: Ink| {
        if to > from {
            let (left, right) =
                (plot.at_x(&across, histogram.edges[bin]), plot.at_x(&across, histogram.edges[bin + 1]));
            let (bottom, top) = (plot.at_y(&height, up(from as f64)), plot.at_y(&height, up(to as f64)));
            let gap = if right - left > 3.0 { 0.75 } else { 0.0 };
            drawing.rect(Area { x: left, y: top, width: right - left - gap, height: bottom - top }, ink);
        }
    };
    for bin in 0..histogram.normal.len().min(histogram.edges.len() - 1) {
        let (normal, flagged) = (histogram.normal[bin], histogram.flagged.get(bin).copied().unwrap_or(0));
        bar(0, normal, bin, Ink::Normal);
        bar(normal, normal + flagged, bin, Ink::Flagged);
    }
    let threshold = report.threshold.value;
    if threshold <= high {
        let x = plot.at_x(&across, threshold);
        drawing.dashes((x, plot.y - 4.0), (x, plot.bottom()), Ink::Ink, 1.0);
    }
    let note = format!("{} flagged", words::counted(report.threshold.flagged, "row", "rows"));
    drawing.text(plot.right(), plot.y - 9.0, &note, Type { anchor: Anchor::End, ..NOTE });
    let below = plot.bottom() + 32.0;
    drawing.text(plot.x, below, "anomaly score", NOTE);
    drawing.text(plot.right(), below, "height: rows, logarithmic", Type { anchor: Anchor::End, ..NOTE });
}
