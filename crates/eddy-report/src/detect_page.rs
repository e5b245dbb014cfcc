//! The page of a detection.

use std::fmt::Write;

use serde::Serialize;

use crate::drawing::{Area, Drawing};
use crate::event::{Event, event_list, events, number_of_events};
use crate::incident_section::{incident_list, incidents_section};
use crate::page::{Page, cautions, fact, period, reading};
use crate::scatter::scatter;
use crate::{
    Axis, Cause, DetectReport, Evaluation, FeatureSeries, FindingRow, Histogram, Points, distribution,
    escape, leading, plot, score_plot, trace, words,
};

/// Events in the part of the page that needs no script.
const STATIC_EVENTS: usize = 100;
/// Features named in the list of what did most.
const MOST_LEADERS: usize = 10;

/// What the script of the page draws from.
#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    threshold: f64,
    flagged: u64,
    points: &'a Points,
    features: Vec<Feature<'a>>,
    ranking: Vec<usize>,
    score_histogram: &'a Histogram,
    findings: &'a [FindingRow],
    finding_columns: &'a [String],
}

#[derive(Serialize)]
struct Feature<'a> {
    #[serde(flatten)]
    series: &'a FeatureSeries,
    logarithmic: bool,
}

/// Renders a detection as one HTML page that works from disk and loads nothing.
pub fn detect_html(report: &DetectReport) -> String {
    let ranking = leading::ranking(report);
    let mut main = String::new();
    let events = events(&report.findings);
    verdict(&mut main, report, &events);
    // What hosts did comes first; rows of a table say more one by one.
    let by_hosts = tells_of_hosts(report);
    if by_hosts {
        incidents_section(&mut main, &report.incidents);
    }
    if !report.points.x.is_empty() {
        main.push_str("<div class=\"console\" data-live=\"console\"></div>\n");
        trace_section(&mut main, report);
    }
    findings_section(&mut main, report, &events);
    if !by_hosts {
        incidents_section(&mut main, &report.incidents);
    }
    if let Some(evaluation) = &report.evaluation {
        evaluation_section(&mut main, evaluation);
    }
    features_section(&mut main, report, &ranking);
    origin_section(&mut main, report);
    Page {
        title: &report.title,
        kind: "Detection",
        version: &report.eddy_version,
        skip: ("findings", "Skip to the findings"),
        main,
        data: Data {
            kind: "detect",
            threshold: report.threshold.value,
            flagged: report.threshold.flagged,
            points: &report.points,
            features: report
                .features
                .iter()
                .map(|series| Feature { series, logarithmic: series.histogram.is_logarithmic() })
                .collect(),
            ranking: ranking.clone(),
            score_histogram: &report.score_histogram,
            findings: &report.findings,
            finding_columns: &report.finding_columns,
        },
    }
    .html()
}

/// Whether incidents are told from what hosts do.
fn tells_of_hosts(report: &DetectReport) -> bool {
    report.incidents.iter().any(|card| !card.actors.is_empty() || !card.targets.is_empty())
}

fn verdict(out: &mut String, report: &DetectReport, events: &[Event<'_>]) {
    let threshold = &report.threshold;
    let total = words::counted(report.points.total_rows, "row", "rows");
    out.push_str("<section class=\"verdict\" id=\"verdict\"><div>");
    match threshold.flagged {
        0 => {
            let _ = write!(out, "<h1><span class=\"lead\">Nothing</span> in {total} stands out</h1>");
        }
        n => {
            let verb = if n == 1 { "stands" } else { "stand" };
            let in_events = number_of_events(report, events)
                .map_or_else(String::new, |n| format!(", in {}", words::counted(n, "event", "events")));
            let _ = write!(
                out,
                "<h1><span class=\"lead hit\">{}</span> of {total} {verb} out{in_events}</h1>",
                words::count(n)
            );
        }
    }
    if tells_of_hosts(report) {
        incident_list(out, &report.incidents);
    } else if !events.is_empty() {
        event_list(out, events);
    }
    out.push_str("</div><div>");
    cautions(out, threshold.warning.iter().chain(&report.cautions).map(String::as_str));
    out.push_str("<dl class=\"facts\">");
    fact(out, "Source", &escape::text(&crate::page::names(&report.generated_from, 3)));
    fact(out, "Read as", &escape::text(&report.read.shape_title));
    if report.points.axis == Axis::Time {
        fact(out, "Period", &period(&report.points.x));
    }
    fact(out, "Detector", &escape::text(&report.detector));
    fact(out, "Rule", &escape::text(&threshold.rule));
    let value = if report.points.total_rows == 0 {
        String::new()
    } else if threshold.value <= 1.0 {
        format!(
            "{} <span class=\"aside\">{} flagged</span>",
            words::score(threshold.value),
            words::percent(threshold.share)
        )
    } else {
        "none reached".into()
    };
    fact(out, "Threshold", &value);
    if report.read.rows_set_aside + report.read.cells_set_aside > 0 {
        let aside = format!(
            "{}, {} <a href=\"#origin\">see below</a>",
            words::counted(report.read.rows_set_aside, "row", "rows"),
            words::counted(report.read.cells_set_aside, "cell", "cells")
        );
        fact(out, "Set aside", &aside);
    }
    out.push_str("</dl></div></section>\n");
}

fn trace_section(out: &mut String, report: &DetectReport) {
    let over = if report.points.axis == Axis::Index { "row by row" } else { "over time" };
    let _ = write!(
        out,
        "<section id=\"trace\" aria-labelledby=\"trace-h\"><h2 id=\"trace-h\">The record, {over}</h2>"
    );
    let drawn = report.points.x.len() as u64;
    if drawn < report.points.total_rows {
        let _ = write!(
            out,
            "<p class=\"note\">{} of {} are drawn: flagged rows, and the extremes of every stretch in between.</p>",
            words::count(drawn),
            words::counted(report.points.total_rows, "row", "rows")
        );
    }
    out.push_str("<div data-live=\"trace\"></div><div class=\"still\">");
    let feature = leading::numbers(report).first().map(|&idx| &report.features[idx]);
    let height = if feature.is_some() { 440.0 } else { 240.0 };
    out.push_str(&picture(1000.0, height, "The record with its flagged rows", |drawing, area| {
        trace::time_series(drawing, area, report, feature);
    }));
    out.push_str(&picture(1000.0, 220.0, "How the scores are spread", |drawing, area| {
        score_plot::scores(drawing, area, report);
    }));
    out.push_str("</div></section>\n");
}

fn picture(width: f64, height: f64, label: &str, draw: impl FnOnce(&mut Drawing, Area)) -> String {
    let mut drawing = Drawing::default();
    draw(&mut drawing, Area { x: 0.0, y: 0.0, width, height });
    drawing.finish(width, height, "picture", label, None)
}

fn findings_section(out: &mut String, report: &DetectReport, events: &[Event<'_>]) {
    out.push_str(
        "<section id=\"findings\" aria-labelledby=\"findings-h\"><h2 id=\"findings-h\">Findings</h2>",
    );
    let explained = report.findings.len() as u64;
    if explained == 0 {
        let why = if report.points.total_rows == 0 {
            "There was no row to look at."
        } else if report.threshold.flagged == 0 {
            "No row reached the threshold, so there is nothing to explain. Lower the threshold above to see what comes closest."
        } else {
            "Rows were flagged, but none was explained."
        };
        let _ = writeln!(out, "<p class=\"empty\">{why}</p></section>");
        return;
    }
    if explained < report.threshold.flagged {
        let _ = write!(
            out,
            "<p class=\"note\">The {} most unusual of {} flagged rows are explained.</p>",
            words::count(explained),
            words::count(report.threshold.flagged)
        );
    }
    out.push_str(
        "<div data-live=\"findings\"></div><div class=\"still\"><table class=\"plain findings\"><thead><tr>",
    );
    let labelled = report.findings.iter().any(|finding| finding.label.is_some());
    for (name, shown) in [("#", true), ("Where", true), ("Score", true), ("What", true), ("Label", labelled)]
    {
        if shown {
            let _ = write!(out, "<th scope=\"col\">{name}</th>");
        }
    }
    out.push_str("</tr></thead><tbody>");
    for (number, event) in (1..).zip(events.iter().take(STATIC_EVENTS)) {
        let finding = event.lead;
        let place = event.place();
        let (first, rest) = place.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let _ = write!(
            out,
            "<tr><td class=\"num\">{}</td><td class=\"where\">{} <span class=\"aside\">{}</span></td><td class=\"num\">{}</td><td class=\"what\"><p>{}</p>",
            number,
            escape::text(first),
            escape::text(&rest.join(" · ")),
            words::score(finding.score),
            escape::text(&finding.sentence)
        );
        if finding.causes.len() > 1 {
            let shares: Vec<String> = finding.causes.iter().map(share_in_words).collect();
            let _ = write!(out, "<p class=\"shares\">{}</p>", escape::text(&shares.join(" · ")));
        }
        out.push_str("</td>");
        if labelled {
            let _ = write!(
                out,
                "<td class=\"label\">{}</td>",
                escape::text(finding.label.as_deref().unwrap_or(""))
            );
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
    if events.len() > STATIC_EVENTS {
        let _ = write!(
            out,
            "<p class=\"note\">The first {STATIC_EVENTS} of {} are listed here.</p>",
            words::counted(events.len() as u64, "event", "events")
        );
    }
    out.push_str("</div></section>\n");
}

fn share_in_words(cause: &Cause) -> String {
    format!("{} {}", cause.feature, words::percent(cause.share))
}

fn evaluation_section(out: &mut String, evaluation: &Evaluation) {
    let _ = write!(
        out,
        concat!(
            "<section id=\"evaluation\" aria-labelledby=\"evaluation-h\"><h2 id=\"evaluation-h\">Against the labels</h2>",
            "<p class=\"note\">Measured on the column <b>{}</b> at the run's threshold.</p>",
            "<div class=\"evaluation\"><dl class=\"gauges\">"
        ),
        escape::text(&evaluation.label_column)
    );
    let share = |value: f64| if value.is_finite() { words::percent(value) } else { "none".into() };
    for (name, value, shown, meaning) in [
        ("Precision", evaluation.precision, share(evaluation.precision), "of flagged rows are attacks"),
        ("Recall", evaluation.recall, share(evaluation.recall), "of attacks are flagged"),
        ("F1", evaluation.f1, words::score(evaluation.f1), "harmonic mean of the two"),
        ("ROC AUC", evaluation.roc_auc, words::score(evaluation.roc_auc), "0.5 is guessing"),
        ("PR AUC", evaluation.pr_auc, words::score(evaluation.pr_auc), "average precision"),
        (
            "False positives",
            evaluation.false_positive_rate,
            share(evaluation.false_positive_rate),
            "of normal rows are flagged",
        ),
    ] {
        let part = if value.is_finite() { value.clamp(0.0, 1.0) * 100.0 } else { 0.0 };
        let _ = write!(
            out,
            concat!(
                "<div><dt>{}</dt><dd>{}<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg>",
                "<span class=\"aside\">{}</span></dd></div>"
            ),
            name, shown, part, meaning
        );
    }
    let _ = write!(
        out,
        concat!(
            "</dl><table class=\"plain confusion\"><caption>Verdicts and labels</caption><thead><tr><td></td>",
            "<th scope=\"col\">flagged</th><th scope=\"col\">passed</th></tr></thead><tbody>",
            "<tr><th scope=\"row\">attack</th><td class=\"num good\">{}</td><td class=\"num\">{}</td></tr>",
            "<tr><th scope=\"row\">normal</th><td class=\"num\">{}</td><td class=\"num good\">{}</td></tr>",
            "</tbody></table></div></section>\n"
        ),
        words::count(evaluation.true_positives),
        words::count(evaluation.false_negatives),
        words::count(evaluation.false_positives),
        words::count(evaluation.true_negatives)
    );
}

fn features_section(out: &mut String, report: &DetectReport, ranking: &[usize]) {
    if report.features.is_empty() {
        return;
    }
    out.push_str("<section id=\"features\" aria-labelledby=\"features-h\"><h2 id=\"features-h\">Two features at a time</h2>");
    out.push_str("<div class=\"pair\"><div><div data-live=\"scatter\"></div><div class=\"still\">");
    let sides = plot::sides(report, None, None).ok().flatten();
    out.push_str(&picture(720.0, 460.0, "Two features against each other", |drawing, area| {
        scatter(drawing, area, report, sides);
    }));
    out.push_str("</div></div>");
    let leaders = leading::causes(report);
    if let Some(most) = leaders.first().map(|leader| leader.share) {
        out.push_str("<div class=\"leaders\"><h3>What makes rows stand out</h3><p class=\"note\">Share of all causes of all findings.</p><ol>");
        for leader in leaders.iter().take(MOST_LEADERS) {
            let drawn = leader.feature.map_or_else(String::new, |idx| format!(" data-feature=\"{idx}\""));
            let _ = write!(
                out,
                concat!(
                    "<li{}><span class=\"name\">{}</span><span class=\"num\">{}</span>",
                    "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                    "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-flagged\" width=\"{:.1}\" height=\"4\"/></svg></li>"
                ),
                drawn,
                escape::text(leader.name),
                words::percent(leader.share),
                leader.share / most * 100.0
            );
        }
        out.push_str("</ol></div>");
    }
    out.push_str("</div></section>\n");
    distributions(out, report, ranking);
}

fn distributions(out: &mut String, report: &DetectReport, ranking: &[usize]) {
    out.push_str(concat!(
        "<section id=\"distributions\" aria-labelledby=\"distributions-h\"><h2 id=\"distributions-h\">Feature by feature</h2>",
        "<p class=\"note\">Upward: ordinary rows. Downward: flagged rows, on a scale of their own. ",
        "Shaded: where 90 % of the training rows lie.</p><div class=\"multiples\" data-live=\"multiples\">"
    ));
    for idx in ranking {
        let feature = &report.features[*idx];
        let _ = write!(
            out,
            "<figure data-feature=\"{idx}\"><figcaption>{}{}</figcaption>",
            escape::text(&feature.name),
            feature.unit.as_deref().filter(|unit| !unit.is_empty()).map_or_else(String::new, |unit| format!(
                " <span class=\"unit\">{}</span>",
                escape::text(unit)
            ))
        );
        let mut drawing = Drawing::default();
        distribution::halves(&mut drawing, Area { x: 0.0, y: 0.0, width: 240.0, height: 88.0 }, feature);
        out.push_str(&drawing.finish(240.0, 104.0, "spread", &spread_in_words(feature), None));
        out.push_str("</figure>");
    }
    out.push_str("</div></section>\n");
}

fn spread_in_words(feature: &FeatureSeries) -> String {
    let flagged: u64 = feature.histogram.flagged.iter().sum();
    let rows = words::counted(flagged, "flagged row", "flagged rows");
    match feature.quartiles {
        Some([min, q1, median, q3, max]) => format!(
            "Distribution of {}: from {} to {}, quartiles {}, {} and {}; {rows}",
            feature.name,
            words::number(min),
            words::number(max),
            words::number(q1),
            words::number(median),
            words::number(q3)
        ),
        None => format!("Distribution of {}; {rows}", feature.name),
    }
}

fn origin_section(out: &mut String, report: &DetectReport) {
    out.push_str("<section id=\"origin\" aria-labelledby=\"origin-h\"><h2 id=\"origin-h\">How this came about</h2><div class=\"origin\"><div>");
    reading(out, &report.read, &report.generated_from);
    if !report.pipeline.is_empty() {
        out.push_str("<h3>What was done with the rows</h3><ol class=\"steps\">");
        for step in report.pipeline.iter().chain([&report.detector]) {
            let _ = write!(out, "<li>{}</li>", escape::text(step));
        }
        out.push_str("</ol>");
    }
    out.push_str("</div><div>");
    if !report.columns.is_empty() {
        let n = words::counted(report.columns.len() as u64, "column", "columns");
        let _ = write!(
            out,
            concat!(
                "<h3>{}</h3><div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Columns\">",
                "<table class=\"plain columns\"><thead><tr><th scope=\"col\">Column</th><th scope=\"col\">Used as</th>",
                "<th scope=\"col\">Kind</th><th scope=\"col\">Unit</th></tr></thead><tbody>"
            ),
            n
        );
        for column in &report.columns {
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape::text(&column.name),
                escape::text(&column.role),
                escape::text(&column.kind),
                escape::text(column.unit.as_deref().unwrap_or(""))
            );
        }
        out.push_str("</tbody></table></div>");
    }
    out.push_str("</div></div></section>\n");
}
