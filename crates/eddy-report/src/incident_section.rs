//! The part of a page about incidents: all on one line of time, then each whole. Nothing of it needs a script.

use std::fmt::Write;

use crate::drawing::{Anchor, Area, Drawing, Ink, NOTE, Type};
use crate::incident::FLOW_COLUMNS;
use crate::series_section::picture;
use crate::{EvidenceRow, FilterCard, IncidentCard, Urgency, entity_graph, escape, words};

/// Incidents shown whole.
const MOST_WHOLE: usize = 60;
/// Incidents on the line of time.
const MOST_LANES: usize = 16;
/// Height of a lane.
const LANE: f64 = 20.0;

/// The list on the first screen: what, and since when.
pub(crate) fn incident_list(out: &mut String, incidents: &[IncidentCard]) {
    out.push_str("<ol class=\"incident-list\" aria-label=\"Incidents\">");
    for card in incidents.iter().take(5) {
        let _ = write!(
            out,
            "<li>{} <a href=\"#incident-{}\">{}</a></li>",
            badge(card.urgency),
            escape::text(&card.id),
            escape::text(&card.sentence)
        );
    }
    out.push_str("</ol>");
    let rest = incidents.len().saturating_sub(5) as u64;
    if rest > 0 {
        let _ = write!(
            out,
            "<p class=\"next\"><a href=\"#incidents\">{} more below.</a></p>",
            words::count(rest)
        );
    }
}

fn badge(urgency: Urgency) -> String {
    format!("<span class=\"badge {0}\">{0}</span>", urgency.word())
}

/// All incidents, most urgent first.
pub(crate) fn incidents_section(out: &mut String, incidents: &[IncidentCard]) {
    if incidents.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<section id=\"incidents\" aria-labelledby=\"incidents-h\"><h2 id=\"incidents-h\">{}</h2>",
        words::counted(incidents.len() as u64, "incident", "incidents")
    );
    lanes(out, incidents);
    for (at, card) in incidents.iter().take(MOST_WHOLE).enumerate() {
        whole(out, card, at == 0);
    }
    if incidents.len() > MOST_WHOLE {
        let _ = write!(
            out,
            "<p class=\"note\">The first {MOST_WHOLE} of {} are shown.</p>",
            words::count(incidents.len() as u64)
        );
    }
    out.push_str("</section>\n");
}

/// Begin, when it was told, and end, where they are known.
fn times(card: &IncidentCard) -> Option<[f64; 3]> {
    card.times_ms.filter(|times| times.iter().all(|time| time.is_finite()))
}

/// A share as it may be drawn.
fn share(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

/// From the first begin to the last end.
fn span(incidents: &[IncidentCard]) -> Option<(f64, f64)> {
    let times = || incidents.iter().filter_map(times);
    let first = times().map(|[first, ..]| first).fold(f64::INFINITY, f64::min);
    let last = times().map(|[.., last]| last).fold(f64::NEG_INFINITY, f64::max);
    (first.is_finite() && last.is_finite()).then_some((first, last))
}

fn ink(urgency: Urgency) -> Ink {
    match urgency {
        Urgency::High => Ink::Flagged,
        Urgency::Medium => Ink::Series(4),
        Urgency::Low => Ink::Normal,
    }
}

/// When each incident was, one lane each.
fn lanes(out: &mut String, incidents: &[IncidentCard]) {
    let Some((first, last)) = span(incidents) else { return };
    let shown = &incidents[..incidents.len().min(MOST_LANES)];
    let height = shown.len() as f64 * LANE + 24.0;
    let length = (last - first).max(1.0);
    out.push_str("<figure class=\"lanes\">");
    out.push_str(&picture(1000.0, height, "When each incident was", |drawing, area| {
        let plot = area.inside(2.0, 12.0, 22.0, 190.0);
        for (at, card) in shown.iter().enumerate() {
            let y = plot.y + at as f64 * LANE;
            let label = Type { size: 11.5, ink: Ink::Ink, anchor: Anchor::End, mono: false };
            let name = format!("{}. {}", card.rank, words::shortened(&card.kind, 26));
            drawing.text(plot.x - 10.0, y + 14.0, &name, label);
            drawing.line((plot.x, y + LANE / 2.0), (plot.right(), y + LANE / 2.0), Ink::Hair, 0.75);
            let Some([begin, _, end]) = times(card) else { continue };
            let at_x = |time: f64| plot.x + plot.width * ((time - first) / length).clamp(0.0, 1.0);
            let width = (at_x(end) - at_x(begin)).max(4.0);
            let x = at_x(begin).min(plot.right() - width);
            drawing.rect(Area { x, y: y + 4.0, width, height: LANE - 8.0 }, ink(card.urgency));
        }
        drawing.text(plot.x, height - 6.0, &words::moment(first), NOTE);
        drawing.text(plot.right(), height - 6.0, &words::moment(last), Type { anchor: Anchor::End, ..NOTE });
    }));
    out.push_str("</figure>");
}

fn whole(out: &mut String, card: &IncidentCard, open: bool) {
    let when = times(card).map_or_else(String::new, |[first, _, last]| {
        format!("{}, {}", words::moment(first), words::duration(last - first))
    });
    let _ = write!(
        out,
        concat!(
            "<details class=\"incident {urgency}\" id=\"incident-{id}\"{open}><summary>{badge} <b>{sentence}</b> ",
            "<span class=\"aside\">{when}{apart}{sure} sure</span></summary><div class=\"incident-body\">"
        ),
        urgency = card.urgency.word(),
        id = escape::text(&card.id),
        open = if open { " open" } else { "" },
        badge = badge(card.urgency),
        sentence = escape::text(&card.sentence),
        when = escape::text(&when),
        apart = if when.is_empty() { "" } else { " · " },
        sure = words::percent(share(card.confidence)),
    );
    if !card.ordinary.is_empty() {
        let _ = write!(out, "<p class=\"note\">{}.</p>", escape::text(&card.ordinary));
    }
    out.push_str("<div class=\"incident-parts\"><div>");
    evidence(out, &card.evidence);
    advice(out, card);
    out.push_str("</div><div>");
    if let Some(height) = entity_graph::height(card) {
        let label = entity_graph::in_words(card);
        out.push_str(&picture(entity_graph::WIDTH, height, &label, |drawing, area| {
            entity_graph::entity_graph(drawing, area, card);
        }));
    }
    timeline(out, card);
    techniques(out, card);
    out.push_str("</div></div>");
    flows(out, card);
    rows(out, card);
    filters(out, card);
    out.push_str("</div></details>\n");
}

fn evidence(out: &mut String, rows: &[EvidenceRow]) {
    if rows.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<h3>Evidence</h3><table class=\"plain evidence\"><thead><tr><th scope=\"col\">What</th>",
        "<th scope=\"col\">Seen</th><th scope=\"col\">Ordinary</th></tr></thead><tbody>"
    ));
    for row in rows {
        let usual = match row.usual_from {
            Some(from) if from != row.usual => {
                format!("{} to {}", words::number(from), words::number(row.usual))
            }
            _ => words::number(row.usual),
        };
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"num hit\">{}</td><td class=\"num\">{}</td></tr>",
            escape::text(&row.what),
            escape::text(&words::with_unit(row.seen, row.unit.as_deref())),
            usual
        );
    }
    out.push_str("</tbody></table>");
}

fn advice(out: &mut String, card: &IncidentCard) {
    if card.advice.is_empty() {
        return;
    }
    out.push_str("<h3>What to do</h3><ol class=\"advice\">");
    for (when, what) in &card.advice {
        let _ = write!(
            out,
            "<li><span class=\"when\">{}</span><span>{}</span></li>",
            escape::text(when),
            escape::text(what)
        );
    }
    out.push_str("</ol>");
}

fn timeline(out: &mut String, card: &IncidentCard) {
    let [(first, _), (second, _), ..] = card.timeline[..] else { return };
    let width = second - first;
    if !(first.is_finite() && width.is_finite() && width > 0.0) {
        return;
    }
    let last = card.timeline[card.timeline.len() - 1].0 + width;
    let most = card.timeline.iter().map(|part| part.1).max().unwrap_or(0).max(1);
    out.push_str(&picture(460.0, 110.0, "Flows of the incident over time", |drawing: &mut Drawing, area| {
        let plot = area.inside(18.0, 4.0, 20.0, 4.0);
        let each = plot.width / card.timeline.len() as f64;
        drawing.line((plot.x, plot.bottom()), (plot.right(), plot.bottom()), Ink::Muted, 0.75);
        for (at, &(_, flows)) in card.timeline.iter().enumerate() {
            let height = plot.height * flows as f64 / most as f64;
            let bar = Area {
                x: plot.x + at as f64 * each,
                y: plot.bottom() - height,
                width: (each - 1.0).max(0.5),
                height,
            };
            drawing.rect(bar, ink(card.urgency));
        }
        let top = format!("flows, at most {} in {}", words::count(most), words::duration(width));
        drawing.text(plot.x, 12.0, &top, NOTE);
        drawing.text(plot.x, 104.0, &words::moment(first), NOTE);
        drawing.text(plot.right(), 104.0, &words::moment(last), Type { anchor: Anchor::End, ..NOTE });
    }));
}

fn techniques(out: &mut String, card: &IncidentCard) {
    if card.techniques.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<p class=\"note techniques\">MITRE ATT&amp;CK {}: {}</p>",
        escape::text(&card.attack_version),
        card.techniques
            .iter()
            .map(|[id, name, tactic]| format!(
                "<b>{}</b> {} ({})",
                escape::text(id),
                escape::text(name),
                escape::text(tactic)
            ))
            .collect::<Vec<_>>()
            .join(", ")
    );
}

/// A table that may be wider than the page.
fn table<const N: usize>(out: &mut String, label: &str, head: [&str; N], rows: &[[String; N]]) {
    let _ = write!(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table class=\"plain flows\"><thead><tr>"
    );
    for name in head {
        let _ = write!(out, "<th scope=\"col\">{name}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", escape::text(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
}

fn flows(out: &mut String, card: &IncidentCard) {
    if card.evidence_flows.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details class=\"more\"><summary>Flows behind it ({} of {}: the first and the largest)</summary>",
        card.evidence_flows.len(),
        words::count(card.flows)
    );
    table(out, "Flows behind it", FLOW_COLUMNS, &card.evidence_flows);
    out.push_str("</details>");
}

fn rows(out: &mut String, card: &IncidentCard) {
    if card.rows.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details class=\"more\"><summary>Rows that prove it ({} of {}, the strangest first)</summary>",
        card.rows.len(),
        words::count(card.n_rows.max(card.rows.len() as u64))
    );
    table(out, "Rows that prove it", ["Where", "Score", "What"], &card.rows);
    out.push_str("</details>");
}

fn filters(out: &mut String, card: &IncidentCard) {
    if card.filters.is_empty() {
        return;
    }
    out.push_str("<h3>Rules <span class=\"aside\">for you to apply, or not: Eddy never does</span></h3>");
    for (n, filter) in card.filters.iter().enumerate() {
        one_filter(out, &format!("{}-{n}", card.id), filter);
    }
}

fn one_filter(out: &mut String, name: &str, filter: &FilterCard) {
    let name = escape::text(name);
    let _ = write!(
        out,
        concat!(
            "<div class=\"filter\"><p>{} <b>{}</b>, for {}.</p><p class=\"effect\">{}</p>",
            "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
            "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg>"
        ),
        escape::text(&filter.purpose),
        escape::text(&filter.in_words),
        escape::text(&filter.lasts),
        escape::text(&filter.effect),
        share(filter.share) * 100.0
    );
    if !filter.peers.is_empty() {
        out.push_str("<ul class=\"peers\" aria-label=\"Others it would have hit\">");
        for (address, server, flows) in &filter.peers {
            let server = if server.is_empty() { String::new() } else { format!(" {}", escape::text(server)) };
            let flows = words::counted(*flows, "flow", "flows");
            let _ = write!(
                out,
                "<li><span class=\"mono\">{}</span>{server}, {flows}</li>",
                escape::text(address)
            );
        }
        out.push_str("</ul>");
    }
    // Radio buttons are tabs that need no script.
    let _ = write!(out, "<fieldset class=\"tabs\"><legend>Ready for</legend>");
    for (at, form) in filter.forms.iter().enumerate() {
        let checked = if at == 0 { " checked" } else { "" };
        let _ = write!(
            out,
            concat!(
                "<input type=\"radio\" name=\"form-{name}\" id=\"form-{name}-{at}\"{checked}>",
                "<label for=\"form-{name}-{at}\">{title}</label>",
                "<div class=\"tab\"><p class=\"note\">{expiry}</p><pre data-copy>{text}</pre>",
                "<p class=\"note\">Undo</p><pre data-copy>{undo}</pre></div>"
            ),
            name = name,
            at = at,
            checked = checked,
            title = escape::text(&form.title),
            expiry = escape::text(&form.expiry),
            text = lines(&form.text),
            undo = lines(&form.undo)
        );
    }
    out.push_str("</fieldset></div>");
}

/// Lines of text, each harmless by itself.
fn lines(text: &str) -> String {
    let lines: Vec<String> =
        text.trim_end().lines().map(|line| escape::text(&line.replace('\t', "    "))).collect();
    lines.join("\n")
}
