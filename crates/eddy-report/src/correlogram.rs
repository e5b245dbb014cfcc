//! How a series goes with its own past.

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type};
use crate::ticks::Scale;
use crate::trace::ticks_for;
use crate::words;

/// Needles at every lag from 1, with the band that white noise keeps within. `period` is the lag that is pointed out.
pub(crate) fn correlogram(
    drawing: &mut Drawing,
    area: Area,
    title: &str,
    values: &[f64],
    band: f64,
    period: Option<u64>,
) {
    let plot = area.inside(22.0, 8.0, 36.0, 40.0);
    drawing.text(plot.x, plot.y - 9.0, title, LABEL);
    let last = values.len().saturating_sub(1).max(1) as f64;
    let lowest = values.iter().skip(1).copied().filter(|v| v.is_finite()).fold(-band.abs(), f64::min);
    let up = Scale::from_to((lowest * 10.0 - 0.5).floor() / 10.0, 1.0);
    let across = Scale::from_to(0.0, last + 0.5);
    let (top, bottom) = (plot.at_y(&up, band), plot.at_y(&up, -band));
    drawing.rect(Area { x: plot.x, y: top, width: plot.width, height: bottom - top }, Ink::Usual);
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    let ticks = across.ticks(ticks_for(plot.width, 60.0)).into_iter().filter(|tick| tick.at.fract() == 0.0);
    drawing.bottom_side(plot, &across, &ticks.collect::<Vec<_>>());
    let base = plot.at_y(&up, 0.0);
    drawing.line((plot.x, base), (plot.right(), base), Ink::Muted, 0.75);
    let width = (plot.width / last * 0.5).clamp(1.0, 4.0);
    for (lag, &value) in values.iter().enumerate().skip(1).filter(|(_, value)| value.is_finite()) {
        let (x, y) = (plot.at_x(&across, lag as f64), plot.at_y(&up, value));
        let ink = if value.abs() > band { Ink::Normal } else { Ink::Muted };
        let (top, height) = (y.min(base), (y - base).abs().max(0.5));
        drawing.rect(Area { x: x - width / 2.0, y: top, width, height }, ink);
    }
    if let Some(period) = period.filter(|period| (*period as f64) <= last) {
        let x = plot.at_x(&across, period as f64);
        drawing.dashes((x, plot.y), (x, plot.bottom()), Ink::Ink, 1.0);
        let look = Type { anchor: Anchor::End, ..NOTE };
        drawing.text(
            plot.right(),
            plot.y - 9.0,
            &format!("repeats every {}", words::counted(period, "row", "rows")),
            look,
        );
    }
    drawing.text(plot.x, plot.bottom() + 30.0, "lag in rows · band: white noise stays inside, 95 %", NOTE);
}
