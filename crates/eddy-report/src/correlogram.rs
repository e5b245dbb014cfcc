//! How a series goes with its own past.

use std::fmt::Write;

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type, px};
use crate::ticks::Scale;
use crate::trace::ticks_for;
use crate::words;

/// A correlation at lags from 0 on.
pub(crate) struct Correlogram<'a> {
    /// Heading.
    pub(crate) title: &'a str,
    /// Correlation at each lag.
    pub(crate) values: &'a [f64],
    /// Half width of the 95 % band at each lag.
    pub(crate) bands: &'a [f64],
    /// What the band says.
    pub(crate) note: &'a str,
    /// Lags that are pointed out, with their names.
    pub(crate) seasons: &'a [(f64, String)],
}

/// Needles at every lag from 1, with the band that chance keeps within.
pub(crate) fn correlogram(drawing: &mut Drawing, area: Area, shown: &Correlogram<'_>) {
    let plot = area.inside(22.0, 8.0, 36.0, 40.0);
    drawing.text(plot.x, plot.y - 9.0, shown.title, LABEL);
    let values = shown.values;
    let band = |lag: usize| shown.bands.get(lag).copied().filter(|band| band.is_finite()).unwrap_or(0.0);
    let last = values.len().saturating_sub(1).max(1) as f64;
    let widest = (1..values.len()).map(band).fold(0.0, f64::max).min(1.0);
    let lowest = values.iter().skip(1).copied().filter(|v| v.is_finite()).fold(-widest, f64::min);
    let up = Scale::from_to((lowest * 10.0 - 0.5).floor() / 10.0, 1.0);
    let across = Scale::from_to(0.0, last + 0.5);
    let at = |lag: usize, value: f64| (px(plot.at_x(&across, lag as f64)), px(plot.at_y(&up, value)));
    let mut edge = String::new();
    let lags = 1..values.len();
    for (lag, side) in lags.clone().map(|lag| (lag, 1.0)).chain(lags.rev().map(|lag| (lag, -1.0))) {
        let (x, y) = at(lag, (band(lag) * side).clamp(-1.0, 1.0));
        let _ = write!(edge, "{}{x} {y}", if edge.is_empty() { 'M' } else { 'L' });
    }
    if !edge.is_empty() {
        drawing.fill(&format!("{edge}z"), Ink::Usual, "");
    }
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    let ticks = across.ticks(ticks_for(plot.width, 60.0)).into_iter().filter(|tick| tick.at.fract() == 0.0);
    drawing.bottom_side(plot, &across, &ticks.collect::<Vec<_>>());
    let base = plot.at_y(&up, 0.0);
    drawing.line((plot.x, base), (plot.right(), base), Ink::Muted, 0.75);
    let width = (plot.width / last * 0.5).clamp(0.6, 4.0);
    let (mut inside, mut outside) = (String::new(), String::new());
    for (lag, &value) in values.iter().enumerate().skip(1).filter(|(_, value)| value.is_finite()) {
        let path = if value.abs() > band(lag) { &mut outside } else { &mut inside };
        let (x, y) = at(lag, value);
        let _ = write!(path, "M{x} {}V{y}", px(base));
    }
    drawing.stroke(&inside, Ink::Muted, width, "");
    drawing.stroke(&outside, Ink::Normal, width, "");
    let mut named = String::new();
    for (period, name) in shown.seasons.iter().filter(|(period, _)| *period <= last) {
        let x = plot.at_x(&across, *period);
        drawing.dashes((x, plot.y), (x, plot.bottom()), Ink::Ink, 1.0);
        let _ = write!(named, "{}{name}", if named.is_empty() { "dashed: " } else { ", " });
    }
    let look = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(plot.right(), plot.y - 9.0, &words::shortened(&named, 60), look);
    drawing.text(plot.x, plot.bottom() + 30.0, shown.note, NOTE);
}
