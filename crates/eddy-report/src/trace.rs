//! Values over time or row number.

use std::fmt::Write;

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, Type, diamond, px};
use crate::ticks::Scale;
use crate::{Axis, Band, DetectReport, FeatureSeries, words};

/// Most diamonds in one picture; further flagged rows are drawn by the line alone.
const MOST_MARKS: usize = 3_000;

/// The scores over time with the threshold, and above them the feature that did most, where there is one.
pub(crate) fn time_series(
    drawing: &mut Drawing,
    area: Area,
    report: &DetectReport,
    feature: Option<&FeatureSeries>,
) {
    let order = by_place(&report.points.x);
    if order.is_empty() {
        return nothing(drawing, area, "no rows to draw");
    }
    let across = across(report.points.axis, order.iter().map(|&idx| report.points.x[idx]));
    let mut score_area = area.inside(22.0, 8.0, 24.0, 52.0);
    if let Some(feature) = feature {
        let upper = Area { height: (area.height * 0.58).round(), ..area };
        values(drawing, upper.inside(22.0, 8.0, 26.0, 52.0), report, &order, &across, feature);
        let lower = Area { y: upper.bottom(), height: area.height - upper.height, ..area };
        score_area = lower.inside(24.0, 8.0, 24.0, 52.0);
    }
    scores(drawing, score_area, report, &order, &across);
}

fn values(
    drawing: &mut Drawing,
    plot: Area,
    report: &DetectReport,
    order: &[usize],
    across: &Scale,
    feature: &FeatureSeries,
) {
    let up = value_scale(feature);
    let (title, title_at) = (titled(&feature.name, feature.unit.as_deref()), plot.y - 9.0);
    drawing.text(plot.x, title_at, &words::shortened(&title, 60), LABEL);
    let note = Type { anchor: Anchor::End, ..NOTE };
    if let Some(band) = &feature.band {
        expected_band(drawing, (plot, across, &up), order, &report.points.x, band);
        drawing.text(plot.right(), title_at, "band: what was expected at each point", note);
    } else if let Some((low, high)) = feature.typical.filter(|(low, high)| low < high) {
        let (top, bottom) = (plot.at_y(&up, high).max(plot.y), plot.at_y(&up, low).min(plot.bottom()));
        drawing
            .rect(Area { x: plot.x, y: top, width: plot.width, height: (bottom - top).max(1.0) }, Ink::Usual);
        drawing.text(plot.right(), title_at, "band: where 90 % of the training rows lie", note);
    }
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, across, &across.axis_ticks(report.points.axis, ticks_for(plot.width, 105.0)));
    let path = line(order, &report.points.x, &|idx| feature.values[idx], plot, across, &up);
    drawing.stroke(&path, Ink::Normal, 1.1, r#" stroke-linejoin="round""#);
    lone_points(drawing, order, &report.points.x, &|idx| feature.values[idx], (plot, across, &up));
    flagged(drawing, plot, report, across, &up, &|idx| feature.values[idx]);
}

/// The band of what was expected, one piece for each stretch of points where something was.
fn expected_band(
    drawing: &mut Drawing,
    (plot, across, up): (Area, &Scale, &Scale),
    order: &[usize],
    x: &[f64],
    band: &Band,
) {
    let known = |&idx: &usize| band.low[idx].is_finite() && band.high[idx].is_finite();
    for piece in order.chunk_by(|a, b| known(a) == known(b)).filter(|piece| piece.iter().all(known)) {
        let at = |idx: usize, value: f64| {
            let y = plot.at_y(up, value).clamp(plot.y, plot.bottom());
            format!("{} {}", px(plot.at_x(across, x[idx])), px(y))
        };
        let upper = piece.iter().map(|&idx| at(idx, band.high[idx]));
        let lower = piece.iter().rev().map(|&idx| at(idx, band.low[idx]));
        let corners: Vec<String> = upper.chain(lower).collect();
        drawing.fill(&format!("M{}Z", corners.join("L")), Ink::Usual, "");
    }
}

fn scores(drawing: &mut Drawing, plot: Area, report: &DetectReport, order: &[usize], across: &Scale) {
    let points = &report.points;
    let up = score_scale(report);
    drawing.text(plot.x, plot.y - 9.0, "anomaly score", LABEL);
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 30.0)));
    drawing.bottom_side(plot, across, &across.axis_ticks(points.axis, ticks_for(plot.width, 105.0)));
    let score = |idx: usize| f64::from(points.score[idx]);
    let path = line(order, &points.x, &score, plot, across, &up);
    drawing.stroke(&path, Ink::Normal, 1.0, r#" stroke-linejoin="round" stroke-opacity="0.7""#);
    lone_points(drawing, order, &points.x, &score, (plot, across, &up));
    let threshold = report.threshold.value;
    if threshold <= up.high() {
        let y = plot.at_y(&up, threshold);
        drawing.dashes((plot.x, y), (plot.right(), y), Ink::Ink, 1.0);
    }
    let note = Type { anchor: Anchor::End, ..NOTE };
    let text = if threshold <= 1.0 {
        format!("threshold {}", words::score(threshold))
    } else {
        "nothing is flagged".into()
    };
    drawing.text(plot.right(), plot.y - 9.0, &text, note);
    flagged(drawing, plot, report, across, &up, &score);
}

fn flagged(
    drawing: &mut Drawing,
    plot: Area,
    report: &DetectReport,
    across: &Scale,
    up: &Scale,
    value: &dyn Fn(usize) -> f64,
) {
    let points = &report.points;
    let marks: String = (0..points.x.len())
        .filter(|&idx| points.flagged[idx] != 0 && value(idx).is_finite())
        .take(MOST_MARKS)
        .map(|idx| diamond(plot.at_x(across, points.x[idx]), plot.at_y(up, value(idx)), 4.0))
        .collect();
    drawing.marks(&marks, Ink::Flagged);
}

/// A series with its rolling mean and quantiles, as exploration shows it.
pub(crate) fn series(drawing: &mut Drawing, area: Area, series: &crate::SeriesProfile) {
    let plot = area.inside(22.0, 8.0, 24.0, 52.0);
    let order = by_place(&series.x);
    if order.is_empty() {
        return nothing(drawing, area, "no rows to draw");
    }
    let across = across(series.axis, order.iter().map(|&idx| series.x[idx]));
    let up = Scale::over(series.values.iter().copied());
    drawing.text(
        plot.x,
        plot.y - 9.0,
        &words::shortened(&titled(&series.name, series.unit.as_deref()), 60),
        LABEL,
    );
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 34.0)));
    drawing.bottom_side(plot, &across, &across.axis_ticks(series.axis, ticks_for(plot.width, 105.0)));
    let path = line(&order, &series.x, &|idx| series.values[idx], plot, &across, &up);
    let rolling = series.rolling_mean.len() == series.x.len() && series.window > 0;
    let values = if rolling {
        r#" stroke-linejoin="round" stroke-opacity="0.5""#
    } else {
        r#" stroke-linejoin="round""#
    };
    drawing.stroke(&path, Ink::Normal, 1.0, values);
    if rolling {
        let note = Type { anchor: Anchor::End, ..NOTE };
        let text = format!(
            "lines: mean, 5 % and 95 % quantile of the last {}",
            words::counted(series.window, "row", "rows")
        );
        drawing.text(plot.right(), plot.y - 9.0, &text, note);
        for side in [&series.rolling_low, &series.rolling_high] {
            let at = |idx: usize| side.get(idx).copied().unwrap_or(f64::NAN);
            let edge = line(&order, &series.x, &at, plot, &across, &up);
            drawing.stroke(&edge, Ink::Muted, 0.8, r#" stroke-dasharray="2 2""#);
        }
        let mean = line(&order, &series.x, &|idx| series.rolling_mean[idx], plot, &across, &up);
        drawing.stroke(&mean, Ink::Ink, 1.4, r#" stroke-linejoin="round""#);
    }
}

/// One part of a series over the same axis.
pub(crate) fn part(
    drawing: &mut Drawing,
    area: Area,
    series: &crate::SeriesProfile,
    part: &crate::SeriesPart,
) {
    let plot = area.inside(20.0, 8.0, 22.0, 52.0);
    let order = by_place(&series.x);
    if order.is_empty() || part.values.len() != series.x.len() {
        return nothing(drawing, area, "no rows to draw");
    }
    let across = across(series.axis, order.iter().map(|&idx| series.x[idx]));
    let up = Scale::over(part.values.iter().copied());
    drawing.text(plot.x, plot.y - 8.0, &part.name, LABEL);
    drawing.left_side(plot, &up, &up.ticks(ticks_for(plot.height, 26.0)));
    drawing.bottom_side(plot, &across, &across.axis_ticks(series.axis, ticks_for(plot.width, 105.0)));
    let path = line(&order, &series.x, &|idx| part.values[idx], plot, &across, &up);
    drawing.stroke(&path, Ink::Normal, 1.0, r#" stroke-linejoin="round""#);
}

/// Words where there is nothing to draw.
pub(crate) fn nothing(drawing: &mut Drawing, area: Area, what: &str) {
    let look = Type { ink: Ink::Muted, anchor: Anchor::Middle, ..LABEL };
    drawing.text(area.x + area.width / 2.0, area.y + area.height / 2.0, what, look);
}

/// A name with its unit.
pub(crate) fn titled(name: &str, unit: Option<&str>) -> String {
    unit.filter(|unit| !unit.is_empty()).map_or_else(|| name.to_owned(), |unit| format!("{name} ({unit})"))
}

/// The scale that suits a feature.
pub(crate) fn value_scale(feature: &FeatureSeries) -> Scale {
    let values = feature.values.iter().copied();
    if feature.histogram.is_logarithmic()
        && feature.values.iter().all(|value| value.is_nan() || *value >= 0.0)
    {
        Scale::logarithmic(values)
    } else {
        Scale::over(values)
    }
}

/// The scale of the scores: from 0 to a little above the highest score and the threshold.
pub(crate) fn score_scale(report: &DetectReport) -> Scale {
    let highest =
        report.points.score.iter().copied().filter(|score| score.is_finite()).fold(0.3f32, f32::max);
    let threshold = if report.threshold.value <= 1.0 { report.threshold.value } else { 0.0 };
    Scale::from_to(0.0, ((f64::from(highest).max(threshold) * 20.0 + 1.0).ceil() / 20.0).min(1.0))
}

/// How many graduations fit.
pub(crate) fn ticks_for(length: f64, each: f64) -> usize {
    ((length / each) as usize).clamp(2, 12)
}

fn across(axis: Axis, x: impl Iterator<Item = f64>) -> Scale {
    let (low, high) = x.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    if low < high {
        return Scale::from_to(low, high);
    }
    let half = if axis == Axis::Index { 0.5 } else { 30_000.0 };
    Scale::from_to(low - half, high + half)
}

/// Positions of the points from left to right; places that are not finite are left out.
fn by_place(x: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).filter(|&idx| x[idx].is_finite()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    order
}

/// A path through values from left to right. Where there are more points than pixels each column of pixels keeps its
/// first, smallest, largest and last value. Missing values leave a gap.
fn line(
    order: &[usize],
    x: &[f64],
    value: &dyn Fn(usize) -> f64,
    plot: Area,
    across: &Scale,
    up: &Scale,
) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    let dense = order.len() as f64 > plot.width * 3.0;
    let mut at = 0;
    while at < order.len() {
        let column = plot.at_x(across, x[order[at]]);
        let mut end = at + 1;
        while dense && end < order.len() && plot.at_x(across, x[order[end]]) - column < 1.0 {
            end += 1;
        }
        let ys: Vec<f64> = order[at..end]
            .iter()
            .map(|&idx| value(idx))
            .filter(|v| v.is_finite())
            .map(|v| plot.at_y(up, v))
            .collect();
        at = end;
        let (Some(&first), Some(&last)) = (ys.first(), ys.last()) else {
            pen_down &= dense;
            continue;
        };
        let _ = write!(path, "{}{} {}", if pen_down { 'L' } else { 'M' }, px(column), px(first));
        pen_down = true;
        if ys.len() > 1 {
            let low = ys.iter().copied().fold(f64::INFINITY, f64::min);
            let high = ys.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let _ = write!(path, "V{}V{}V{}", px(low), px(high), px(last));
        }
    }
    path
}

/// Dots where there are so few points that a line alone would hide where the measurements are.
fn lone_points(
    drawing: &mut Drawing,
    order: &[usize],
    x: &[f64],
    value: &dyn Fn(usize) -> f64,
    (plot, across, up): (Area, &Scale, &Scale),
) {
    if order.len() > 60 {
        return;
    }
    let dots: String = order
        .iter()
        .filter(|&&idx| value(idx).is_finite())
        .map(|&idx| dot(plot.at_x(across, x[idx]), plot.at_y(up, value(idx)), 2.2))
        .collect();
    drawing.fill(&dots, Ink::Normal, "");
}

/// A round dot as a path.
pub(crate) fn dot(x: f64, y: f64, radius: f64) -> String {
    let r = px(radius);
    format!("M{} {}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z", px(x - radius), px(y), d = px(radius * 2.0))
}
