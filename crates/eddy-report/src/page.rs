//! What all pages have in common: head, policy, styles, script.

use std::fmt::Write;

use serde::Serialize;

use crate::{ReadSummary, escape, words};

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The parts of a page that differ.
pub(crate) struct Page<'a, D: Serialize> {
    /// Heading.
    pub(crate) title: &'a str,
    /// What kind of page it is ("Detection").
    pub(crate) kind: &'a str,
    /// Version of Eddy.
    pub(crate) version: &'a str,
    /// Where the skip link leads, and its words.
    pub(crate) skip: (&'a str, &'a str),
    /// The sections, as HTML.
    pub(crate) main: String,
    /// What the script draws from.
    pub(crate) data: D,
}

/// What the script of a page draws from where it draws nothing, and only sorts tables.
#[derive(Serialize)]
pub(crate) struct TablesOnly {
    kind: &'static str,
}

pub(crate) const TABLES_ONLY: TablesOnly = TablesOnly { kind: "compare" };

/// The spiral of the name.
const MARK: &str = concat!(
    r#"<svg class="mark" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">"#,
    r#"<path d="M2.5 12a9.5 9.5 0 0 1 19 0a7.5 7.5 0 0 1-15 0a5.5 5.5 0 0 1 11 0a3.5 3.5 0 0 1-7 0" "#,
    r#"fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>"#
);

impl<D: Serialize> Page<'_, D> {
    /// The whole page as one text.
    pub(crate) fn html(self) -> String {
        let mut out = String::with_capacity(SCRIPT.len() + STYLE.len() + self.main.len() * 2);
        let title = escape::text(self.title);
        let _ = write!(
            out,
            concat!(
                "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; ",
                "style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'\">\n",
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                "<meta name=\"color-scheme\" content=\"light dark\">\n",
                "<meta name=\"generator\" content=\"Eddy {}\">\n",
                "<title>{title} · Eddy</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n</head>\n"
            ),
            SCRIPT_HASH,
            STYLE_HASH,
            escape::text(self.version),
            STYLE,
            title = title,
        );
        let _ = write!(
            out,
            concat!(
                "<body>\n<a class=\"skip\" href=\"#{}\">{}</a>\n<header class=\"masthead\">{}",
                "<span class=\"wordmark\">Eddy</span><span class=\"kind\">{}</span>",
                "<span class=\"subject\">{title}</span><span class=\"tools\" data-live=\"tools\"></span></header>\n",
                "<main>\n"
            ),
            self.skip.0,
            self.skip.1,
            MARK,
            escape::text(self.kind),
            title = title,
        );
        if !MISSING.is_empty() {
            let _ = write!(
                out,
                concat!(
                    "<p class=\"notice\">This copy of Eddy was built without the interactive part of its reports ({}). ",
                    "Everything is here as tables and pictures; zooming, filtering and the threshold slider are not.</p>\n"
                ),
                escape::text(MISSING)
            );
        }
        out.push_str(&self.main);
        let _ = write!(
            out,
            concat!(
                "</main>\n<footer class=\"foot\">Made by Eddy {} on the machine that held the data. ",
                "This page loads nothing and sends nothing.</footer>\n"
            ),
            escape::text(self.version)
        );
        if !SCRIPT.is_empty() {
            out.push_str("<script type=\"application/json\" id=\"data\">");
            out.push_str(&escape::json(&self.data));
            out.push_str("</script>\n<script>");
            out.push_str(SCRIPT);
            out.push_str("</script>\n");
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

/// A list of names, of which the first few are shown.
pub(crate) fn names(names: &[String], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(String::as_str).collect();
    let rest = names.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// From the first to the last of some times in milliseconds, in words; nothing when there is none.
pub(crate) fn period(times_ms: &[f64]) -> String {
    let finite = || times_ms.iter().copied().filter(|time| time.is_finite());
    let (first, last) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    if first > last {
        return String::new();
    }
    if first == last {
        return words::moment(first);
    }
    format!(
        "{} to {} <span class=\"aside\">{}</span>",
        words::moment(first),
        words::moment(last),
        words::duration(last - first)
    )
}

/// The names of a table's columns, each with its class, up to the beginning of the table's body.
pub(crate) fn table_head(out: &mut String, columns: &[(&str, &str)]) {
    for &(name, class) in columns {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = write!(out, "<th scope=\"col\"{class}>{name}</th>");
    }
    out.push_str("</tr></thead><tbody>");
}

/// One line of a list of facts; nothing when there is nothing to say. `value` is HTML.
pub(crate) fn fact(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = write!(out, "<div><dt>{}</dt><dd>{value}</dd></div>", escape::text(name));
    }
}

/// Cautions as a list that stands out.
pub(crate) fn cautions<'a>(out: &mut String, cautions: impl Iterator<Item = &'a str>) {
    let items: Vec<String> = cautions.map(|caution| format!("<li>{}</li>", escape::text(caution))).collect();
    let items = items.concat();
    if !items.is_empty() {
        let _ = write!(out, "<ul class=\"cautions\" aria-label=\"Cautions\">{items}</ul>");
    }
}

/// What was read, assumed and set aside.
pub(crate) fn reading(out: &mut String, read: &ReadSummary, sources: &[String]) {
    out.push_str("<dl class=\"facts\">");
    fact(out, "Read from", &escape::text(&names(sources, 8)));
    fact(out, "Recognised as", &escape::text(&read.shape_title));
    fact(out, "Format", &escape::text(&read.format));
    fact(out, "Rows read", &words::count(read.rows_read));
    let aside = |n: u64| if n == 0 { "none".to_owned() } else { words::count(n) };
    fact(out, "Rows set aside", &aside(read.rows_set_aside));
    fact(out, "Cells set aside", &aside(read.cells_set_aside));
    out.push_str("</dl>");
    if !read.notes.is_empty() {
        out.push_str("<h3>What was assumed</h3><ul class=\"notes\">");
        for note in &read.notes {
            let _ = write!(out, "<li>{}</li>", escape::text(note));
        }
        out.push_str("</ul>");
    }
    if !read.first_set_aside.is_empty() {
        out.push_str(concat!(
            "<h3>The first that were set aside</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Set aside\">",
            "<table class=\"plain\"><thead><tr><th scope=\"col\">Where</th><th scope=\"col\">Why</th>",
            "<th scope=\"col\">Text</th></tr></thead><tbody>"
        ));
        for row in &read.first_set_aside {
            let _ = write!(
                out,
                "<tr><td>{}</td><td>{}</td><td class=\"verbatim\">{}</td></tr>",
                escape::text(&row.place),
                escape::text(&row.reason),
                escape::text(&row.text)
            );
        }
        out.push_str("</tbody></table></div>");
    }
}
