//! The page about a table.

use std::fmt::Write;

use serde::Serialize;

use crate::correlation::{matrix, strongest};
use crate::drawing::{Area, Drawing};
use crate::labelled_section::labelled_sections;
use crate::page::{Page, cautions, fact, names, period, reading, table_head};
use crate::projection_section::projection_section;
use crate::series_section::{picture, series_section};
use crate::spread::spread;
use crate::{
    Axis, ColumnSummary, CorrelatedPair, Correlation, ExploreReport, SeriesProfile, TopList, escape, words,
};

/// Strongest correlations that are listed in words.
const MOST_PAIRS: usize = 8;
/// From which correlation on two columns say nearly the same.
const NEARLY_THE_SAME: f64 = 0.9;
/// Pairs of such columns in the table.
const MOST_TWINS: usize = 200;
/// Most common values shown of a text column.
const MOST_VALUES: usize = 6;

/// What the script of the page draws from.
#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    series: &'a [SeriesProfile],
    correlation: Option<&'a Correlation>,
}

/// Renders an exploration as one HTML page that works from disk and loads nothing.
pub fn explore_html(report: &ExploreReport) -> String {
    let mut main = String::new();
    head(&mut main, report);
    let mut rhythm = String::new();
    for (idx, series) in report.series.iter().enumerate() {
        series_section(&mut rhythm, idx, series);
    }
    // One series is the table; of several the table is the summary.
    let single = report.series.len() == 1;
    if single {
        main.push_str(&rhythm);
    }
    if let Some(labelled) = &report.labelled {
        labelled_sections(&mut main, labelled);
    }
    columns_section(&mut main, report);
    spread_section(&mut main, report);
    if !single {
        main.push_str(&rhythm);
    }
    if let Some(correlation) = report.correlation.as_ref().filter(|correlation| correlation.names.len() > 1) {
        correlation_section(&mut main, correlation);
    }
    if let Some(projection) = &report.projection {
        projection_section(&mut main, projection);
    }
    top_section(&mut main, report);
    main.push_str(
        "<section id=\"origin\" aria-labelledby=\"origin-h\"><h2 id=\"origin-h\">How it was read</h2>",
    );
    reading(&mut main, &report.read, &report.generated_from);
    main.push_str("</section>\n");
    Page {
        title: &report.title,
        kind: "Exploration",
        version: &report.eddy_version,
        skip: ("columns", "Skip to the columns"),
        main,
        data: Data { kind: "explore", series: &report.series, correlation: report.correlation.as_ref() },
    }
    .html()
}

fn head(out: &mut String, report: &ExploreReport) {
    let _ = write!(
        out,
        "<section class=\"verdict\" id=\"verdict\"><div><h1><span class=\"lead\">{}</span> {} of {}</h1>",
        words::count(report.n_rows),
        if report.n_rows == 1 { "row" } else { "rows" },
        words::counted(report.columns.len() as u64, "column", "columns")
    );
    let missing: u64 = report.columns.iter().map(|column| column.missing).sum();
    let gaps = report.columns.iter().filter(|column| column.missing > 0).count() as u64;
    let text = if missing == 0 {
        "No value is missing.".to_owned()
    } else {
        format!(
            "{} missing, in {}.",
            words::counted(missing, "value is", "values are"),
            words::counted(gaps, "column", "columns")
        )
    };
    let _ = write!(out, "<p class=\"best\">{text}</p>");
    out.push_str("</div><div>");
    cautions(out, report.cautions.iter().map(String::as_str));
    out.push_str("<dl class=\"facts\">");
    fact(out, "Source", &escape::text(&names(&report.generated_from, 3)));
    fact(out, "Read as", &escape::text(&report.read.shape_title));
    let times = report.columns.iter().find(|column| column.time == Some(Axis::Time));
    if let Some([first, .., last]) = times.and_then(|column| column.quartiles) {
        fact(out, "Period", &period(&[first * 1000.0, last * 1000.0]));
    }
    fact(out, "Format", &escape::text(&report.read.format));
    if report.n_rows < report.read.rows_read {
        fact(out, "Sampled from", &words::counted(report.read.rows_read, "row", "rows"));
    }
    let aside = report.read.rows_set_aside;
    if aside > 0 {
        fact(
            out,
            "Set aside",
            &format!("{} <a href=\"#origin\">see below</a>", words::counted(aside, "row", "rows")),
        );
    }
    out.push_str("</dl></div></section>\n");
}

fn columns_section(out: &mut String, report: &ExploreReport) {
    out.push_str(concat!(
        "<section id=\"columns\" aria-labelledby=\"columns-h\"><h2 id=\"columns-h\">Columns</h2>",
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"columns-h\">",
        "<table class=\"plain summary\" data-live=\"sortable\"><thead><tr>"
    ));
    table_head(
        out,
        &[
            ("Column", ""),
            ("Used as", ""),
            ("Kind", ""),
            ("Values", "num"),
            ("Missing", "num"),
            ("Distinct", "num"),
            ("Mean", "num"),
            ("SD", "num"),
            ("Min", "num"),
            ("Q1", "num"),
            ("Median", "num"),
            ("Q3", "num"),
            ("Max", "num"),
        ],
    );
    for column in &report.columns {
        let unit = column.unit.as_deref().filter(|unit| !unit.is_empty());
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}{}</th><td>{}</td><td>{}</td>",
            escape::text(&column.name),
            unit.map_or_else(String::new, |unit| format!(
                " <span class=\"unit\">{}</span>",
                escape::text(unit)
            )),
            escape::text(&column.role),
            escape::text(&column.kind)
        );
        for n in [column.count, column.missing, column.distinct] {
            let _ = write!(out, "<td class=\"num\" data-value=\"{n}\">{}</td>", words::count(n));
        }
        let five = column.quartiles.map_or([None; 5], |five| five.map(Some));
        // The mean of dates is a date, their deviation is not.
        let sd = column.sd.filter(|_| column.time != Some(Axis::Time));
        for value in [column.mean, sd].into_iter().chain(five) {
            match value.filter(|value| value.is_finite()) {
                Some(value) => {
                    let shown = in_words(column, value);
                    let _ = match column.time {
                        // A date may be broken before its clock, and nowhere else.
                        Some(_) => write!(
                            out,
                            "<td class=\"num date\" data-value=\"{value}\"><span>{}</span></td>",
                            shown.replace(' ', "</span> <span>")
                        ),
                        None => write!(out, "<td class=\"num\" data-value=\"{value}\">{shown}</td>"),
                    };
                }
                None => out.push_str("<td class=\"num none\">–</td>"),
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></section>\n");
}

/// A number of a column: a date, a time since the start, or just a number.
fn in_words(column: &ColumnSummary, value: f64) -> String {
    match column.time {
        Some(Axis::Time) => {
            let long = column.quartiles.is_some_and(|[first, .., last]| last - first > 7_200.0);
            // Of days and months the seconds do not matter.
            words::moment(if long { (value / 60.0).floor() * 60.0 } else { value.floor() } * 1000.0)
        }
        Some(_) => words::with_unit(value, Some("s")),
        None => words::number(value),
    }
}

fn spread_section(out: &mut String, report: &ExploreReport) {
    let figures: String = report.columns.iter().filter_map(column_figure).collect();
    if !figures.is_empty() {
        let _ = write!(
            out,
            concat!(
                "<section id=\"spread\" aria-labelledby=\"spread-h\"><h2 id=\"spread-h\">Column by column</h2>",
                "<p class=\"note\">Bars count values. The box holds the middle half of them, the line in it is the median. ",
                "The axis of a long tail is logarithmic: the number below its middle tells.</p>",
                "<div class=\"multiples\">{}</div></section>\n"
            ),
            figures
        );
    }
}

fn column_figure(column: &ColumnSummary) -> Option<String> {
    let content = if let Some(histogram) = &column.histogram {
        let mut drawing = Drawing::default();
        let area = Area { x: 0.0, y: 0.0, width: 240.0, height: 108.0 };
        let label = |value: f64| match column.time {
            Some(Axis::Time) => in_words(column, value),
            _ => words::rough(value),
        };
        spread(&mut drawing, area, histogram, column.quartiles, &label).then(|| {
            drawing.finish(240.0, 108.0, "spread", &format!("Distribution of {}", column.name), None)
        })?
    } else if column.top.is_empty() {
        return None;
    } else {
        let most = column.top.first().map_or(1, |(_, n)| (*n).max(1));
        let mut list = String::from("<ol class=\"levels\">");
        for (value, n) in column.top.iter().take(MOST_VALUES) {
            list.push_str(&level(value, *n, most, None));
        }
        list.push_str("</ol>");
        list
    };
    let unit = column.unit.as_deref().filter(|unit| !unit.is_empty());
    Some(format!(
        "<figure><figcaption>{}{}</figcaption>{content}</figure>",
        escape::text(&column.name),
        unit.map_or_else(String::new, |unit| format!(" <span class=\"unit\">{}</span>", escape::text(unit)))
    ))
}

/// One line of a list of common values, with its bar.
fn level(value: &str, n: u64, most: u64, bytes: Option<f64>) -> String {
    format!(
        concat!(
            "<li><span class=\"name\">{}</span><span class=\"num\">{}{}</span>",
            "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
            "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg></li>"
        ),
        if value.is_empty() { "<i>missing</i>".to_owned() } else { escape::text(value) },
        words::count(n),
        bytes.map_or_else(String::new, |bytes| format!(
            " <span class=\"aside\">{}B</span>",
            words::tick(bytes)
        )),
        n as f64 / most.max(1) as f64 * 100.0
    )
}

fn correlation_section(out: &mut String, correlation: &Correlation) {
    out.push_str(concat!(
        "<section id=\"correlation\" aria-labelledby=\"correlation-h\"><h2 id=\"correlation-h\">What goes together</h2>",
        "<p class=\"note\">Blue: the two rise together. Orange, with a minus: one falls as the other rises. The stronger the shade, ",
        "the more of their variance they share.</p>"
    ));
    let pairs = strongest(&correlation.names, &correlation.pearson, MOST_PAIRS);
    let twins = correlation.pairs_beyond(NEARLY_THE_SAME);
    if twins.len() >= MOST_PAIRS {
        // The table below says it all.
    } else if pairs.is_empty() {
        out.push_str("<p class=\"empty\">No two columns have a linear correlation of 0.1 or more.</p>");
    } else {
        out.push_str("<ul class=\"pairs\" aria-label=\"Strongest linear correlations\">");
        for (row, column, value) in pairs {
            let _ = write!(
                out,
                "<li><span class=\"num\">{value:+.2}</span> <span>{} – {}</span></li>",
                escape::text(&correlation.names[row]),
                escape::text(&correlation.names[column])
            );
        }
        out.push_str("</ul>");
    }
    nearly_the_same(out, &twins);
    out.push_str("<div class=\"twins\">");
    for (which, title, values) in [
        ("pearson", "Pearson: linear", &correlation.pearson),
        ("spearman", "Spearman: by rank", &correlation.spearman),
    ] {
        if values.len() == correlation.names.len() * correlation.names.len() {
            let _ = write!(out, "<div class=\"matrix\" data-live=\"matrix\" data-which=\"{which}\">");
            out.push_str(&picture(640.0, 650.0, &format!("Correlation matrix, {title}"), |drawing, area| {
                matrix(drawing, area, &correlation.names, values, title);
            }));
            out.push_str("</div>");
        }
    }
    out.push_str("</div></section>\n");
}

/// Columns of which one would do, as a table.
fn nearly_the_same(out: &mut String, pairs: &[CorrelatedPair]) {
    if pairs.is_empty() {
        let _ = write!(
            out,
            "<p class=\"note under\">No two columns have a correlation beyond ±{NEARLY_THE_SAME}.</p>"
        );
        return;
    }
    let n = pairs.len() as u64;
    let _ = write!(
        out,
        concat!(
            "<h3 id=\"same-h\">Columns that say nearly the same</h3><p class=\"note\">{} with a correlation beyond ±{}, linear ",
            "or by rank. Of each pair one column would do for most models; a linear model needs it to be dropped.{}</p>",
            "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-labelledby=\"same-h\">",
            "<table class=\"plain same\" data-live=\"sortable\"><thead><tr><th scope=\"col\">Column</th>",
            "<th scope=\"col\">goes with</th><th scope=\"col\" class=\"num\">Pearson</th>",
            "<th scope=\"col\" class=\"num\">Spearman</th></tr></thead><tbody>"
        ),
        words::counted(n, "pair", "pairs"),
        NEARLY_THE_SAME,
        if n > MOST_TWINS as u64 { format!(" The first {MOST_TWINS} are listed.") } else { String::new() },
    );
    for pair in pairs.iter().take(MOST_TWINS) {
        let _ =
            write!(out, "<tr><td>{}</td><td>{}</td>", escape::text(&pair.first), escape::text(&pair.second));
        for value in [Some(pair.pearson), pair.spearman] {
            let _ = match value.filter(|value| value.is_finite()) {
                Some(value) => write!(out, "<td class=\"num\" data-value=\"{value}\">{value:+.3}</td>"),
                None => write!(out, "<td class=\"num none\">–</td>"),
            };
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn top_section(out: &mut String, report: &ExploreReport) {
    if report.top.is_empty() && report.packet_lengths.is_none() {
        return;
    }
    out.push_str("<section id=\"top\" aria-labelledby=\"top-h\"><h2 id=\"top-h\">Who and what</h2><div class=\"lists\">");
    for list in &report.top {
        top_list(out, list);
    }
    if let Some(lengths) = &report.packet_lengths {
        let mut drawing = Drawing::default();
        let area = Area { x: 0.0, y: 0.0, width: 300.0, height: 150.0 };
        if spread(&mut drawing, area, lengths, None, &words::rough) {
            let svg = drawing.finish(300.0, 150.0, "spread", "Distribution of packet lengths", None);
            let _ = write!(out, "<div><h3>Packet lengths <span class=\"unit\">bytes</span></h3>{svg}</div>");
        }
    }
    out.push_str("</div></section>\n");
}

fn top_list(out: &mut String, list: &TopList) {
    let most = list.items.iter().map(|item| item.count).max().unwrap_or(1);
    let _ = write!(out, "<div><h3>{}</h3><ol class=\"levels\">", escape::text(&list.title));
    for item in &list.items {
        out.push_str(&level(&item.label, item.count, most, item.bytes));
    }
    out.push_str("</ol></div>");
}
