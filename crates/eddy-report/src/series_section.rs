//! The part of a page about one series.

use std::fmt::Write;

use crate::correlogram::{Correlogram, correlogram};
use crate::drawing::{Area, Drawing};
use crate::page::fact;
use crate::series_plot::{PRESENCE_HEIGHT, boxes, presence};
use crate::{Axis, SeriesProfile, escape, trace};

/// Days of the week as [`eddy_series::by_weekday`] counts them.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Height of the picture of one part.
const PART_HEIGHT: f64 = 120.0;

/// A picture of a page.
pub(crate) fn picture(width: f64, height: f64, label: &str, draw: impl FnOnce(&mut Drawing, Area)) -> String {
    let mut drawing = Drawing::default();
    draw(&mut drawing, Area { x: 0.0, y: 0.0, width, height });
    drawing.finish(width, height, "picture", label, None)
}

/// Everything about one series: sentences, the record with its parts, correlation, hours and days.
pub(crate) fn series_section(out: &mut String, idx: usize, series: &SeriesProfile) {
    let _ = write!(
        out,
        "<section class=\"series\" aria-labelledby=\"series-{idx}\"><h2 id=\"series-{idx}\">{}{}{}</h2>",
        escape::text(&series.name),
        if series.axis == Axis::Index { ", row by row" } else { " over time" },
        series.unit.as_deref().filter(|unit| !unit.is_empty()).map_or_else(String::new, |unit| format!(
            " <span class=\"unit\">in {}</span>",
            escape::text(unit)
        ))
    );
    if !series.facts.is_empty() {
        out.push_str("<dl class=\"facts found\">");
        series.facts.iter().for_each(|(name, text)| fact(out, name, &escape::text(text)));
        out.push_str("</dl>");
    }
    let _ = write!(out, "<div data-live=\"series\" data-series=\"{idx}\"></div><div class=\"still\">");
    out.push_str(&picture(1000.0, 270.0, "The values with their rolling mean", |drawing, area| {
        trace::series(drawing, area, series);
    }));
    for part in &series.parts {
        out.push_str(&picture(1000.0, PART_HEIGHT, &part.name, |drawing, area| {
            trace::part(drawing, area, series, part);
        }));
    }
    out.push_str("</div>");
    if !series.presence.is_empty() {
        out.push_str(&picture(1000.0, PRESENCE_HEIGHT, "Which rows are there", |drawing, area| {
            presence(drawing, area, series.axis, &series.presence, series.presence_span);
        }));
    }
    correlograms(out, series);
    calendar(out, series);
    out.push_str("</section>\n");
}

fn correlograms(out: &mut String, series: &SeriesProfile) {
    if series.acf.len() < 2 {
        return;
    }
    let even = vec![series.band; series.pacf.len()];
    out.push_str("<div class=\"twins\">");
    for (title, values, bands, note, seasons) in [
        (
            "autocorrelation",
            &series.acf,
            &series.acf_band,
            "lag in rows · band: 95 %, after Bartlett",
            series.seasons.as_slice(),
        ),
        (
            "partial autocorrelation",
            &series.pacf,
            &even,
            "lag in rows · band: white noise stays inside, 95 %",
            &[],
        ),
    ] {
        if values.len() > 1 {
            let svg = picture(590.0, 210.0, &format!("{title} of {}", series.name), |drawing, area| {
                correlogram(drawing, area, &Correlogram { title, values, bands, note, seasons });
            });
            let _ = write!(out, "<div>{svg}</div>");
        }
    }
    out.push_str("</div>");
}

fn calendar(out: &mut String, series: &SeriesProfile) {
    let hour = |key: u8| format!("{key}");
    let day = |key: u8| DAYS.get(usize::from(key)).copied().unwrap_or_default().to_owned();
    let name: [&dyn Fn(u8) -> String; 2] = [&hour, &day];
    let plots = [
        ("by hour of the day, UTC", series.by_hour.as_slice(), name[0]),
        ("by day of the week, UTC", series.by_weekday.as_slice(), name[1]),
    ];
    if plots.iter().all(|(_, groups, _)| groups.is_empty()) {
        return;
    }
    out.push_str("<div class=\"twins\">");
    for (title, groups, name) in plots.into_iter().filter(|(_, groups, _)| !groups.is_empty()) {
        let svg = picture(590.0, 230.0, &format!("{} {title}", series.name), |drawing, area| {
            boxes(drawing, area, title, groups, name);
        });
        let _ = write!(out, "<div>{svg}</div>");
    }
    out.push_str("</div>");
}
