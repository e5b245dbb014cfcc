//! The page of a judge: what was measured, as tables.

use std::fmt::Write;

use crate::escape;
use crate::page::{Page, TABLES_ONLY, cautions, fact, table_head};

/// What a judge found, in tables.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeasuredReport {
    /// Heading of the page.
    pub title: String,
    /// Version of Eddy.
    pub eddy_version: String,
    /// What came out, in one sentence.
    pub lead: String,
    /// What it rests on: names and values.
    pub facts: Vec<(String, String)>,
    /// Things the person should know.
    pub cautions: Vec<String>,
    /// The tables, one below the other.
    pub tables: Vec<MeasuredTable>,
}

/// One table with its heading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MeasuredTable {
    /// Heading.
    pub heading: String,
    /// What the columns mean, or nothing.
    pub note: String,
    /// Names of the columns; the first is that of the rows' names.
    pub columns: Vec<String>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<MeasuredCell>>,
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum MeasuredCell {
    /// Words.
    Text(String),
    /// A number and its decimals; none where it could not be measured.
    Number(Option<f64>, usize),
    /// A number, its decimals, and the number that would fill its bar.
    Bar(Option<f64>, usize, f64),
}

/// Renders what a judge found as one HTML page that works from disk and loads nothing.
pub fn measured_html(report: &MeasuredReport) -> String {
    let mut main = String::from("<section class=\"verdict\" id=\"verdict\"><div>");
    let _ = write!(main, "<h1>{}</h1>", escape::text(&report.title));
    if !report.lead.is_empty() {
        let _ = write!(main, "<p class=\"best\">{}</p>", escape::text(&report.lead));
    }
    main.push_str("</div><div>");
    cautions(&mut main, report.cautions.iter().map(String::as_str));
    main.push_str("<dl class=\"facts\">");
    for (name, value) in &report.facts {
        fact(&mut main, name, &escape::text(value));
    }
    main.push_str("</dl></div></section>\n");
    for (place, table) in report.tables.iter().enumerate() {
        section(&mut main, place, table);
    }
    Page {
        title: &report.title,
        kind: "Evaluation",
        version: &report.eddy_version,
        skip: ("table0", "Skip to the first table"),
        main,
        data: TABLES_ONLY,
    }
    .html()
}

fn section(out: &mut String, place: usize, table: &MeasuredTable) {
    let _ = write!(
        out,
        "<section id=\"table{place}\" aria-labelledby=\"table{place}-h\"><h2 id=\"table{place}-h\">{}</h2>",
        escape::text(&table.heading)
    );
    if !table.note.is_empty() {
        let _ = write!(out, "<p class=\"note\">{}</p>", escape::text(&table.note));
    }
    let _ = write!(
        out,
        concat!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"table{}-h\">",
            "<table class=\"plain measured board\" data-live=\"sortable\"><thead><tr>"
        ),
        place
    );
    let is_text = |column: usize| {
        table.rows.iter().all(|row| matches!(row.get(column), None | Some(MeasuredCell::Text(_))))
    };
    let names: Vec<String> = table.columns.iter().map(|name| escape::text(name)).collect();
    let heads: Vec<(&str, &str)> = names
        .iter()
        .enumerate()
        .map(|(column, name)| (name.as_str(), if is_text(column) { "" } else { "num" }))
        .collect();
    table_head(out, &heads);
    for row in &table.rows {
        out.push_str("<tr>");
        row.iter().take(names.len()).enumerate().for_each(|(column, cell)| write_cell(out, column, cell));
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn write_cell(out: &mut String, column: usize, cell: &MeasuredCell) {
    let (value, decimals, full) = match cell {
        MeasuredCell::Text(text) if column == 0 => {
            let _ = write!(out, "<th scope=\"row\">{}</th>", escape::text(text));
            return;
        }
        MeasuredCell::Text(text) => {
            let _ = write!(out, "<td>{}</td>", escape::text(text));
            return;
        }
        MeasuredCell::Number(value, decimals) => (value, *decimals, 0.0),
        MeasuredCell::Bar(value, decimals, full) => (value, *decimals, *full),
    };
    let Some(value) = value.filter(|value| value.is_finite()) else {
        out.push_str("<td class=\"num none\">–</td>");
        return;
    };
    let _ = write!(out, "<td class=\"num\" data-value=\"{value}\">{value:.decimals$}");
    if full > 0.0 {
        let _ = write!(
            out,
            concat!(
                "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                "<rect class=\"f-hair\" width=\"100\" height=\"4\"/>",
                "<rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg>"
            ),
            (100.0 * value / full).clamp(0.0, 100.0)
        );
    }
    out.push_str("</td>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_on_the_page_and_names_are_text() {
        let cells = vec![
            MeasuredCell::Text("<script>alert(1)</script>".into()),
            MeasuredCell::Bar(Some(73.875), 2, 100.0),
            MeasuredCell::Number(None, 2),
            MeasuredCell::Number(Some(f64::NAN), 0),
        ];
        let table = MeasuredTable {
            heading: "Leaderboard".into(),
            columns: ["detector", "standard", "low FP", "s"].map(str::to_owned).to_vec(),
            rows: vec![cells],
            ..MeasuredTable::default()
        };
        let report =
            MeasuredReport { title: "A & B".into(), tables: vec![table], ..MeasuredReport::default() };
        let html = measured_html(&report);
        assert!(html.contains("<h1>A &amp; B</h1>"));
        assert!(html.contains("&lt;script&gt;alert") && !html.contains("<script>alert"));
        assert!(html.contains("data-value=\"73.875\">73.88<svg") && html.contains("width=\"73.9\""));
        assert_eq!(html.matches("<td class=\"num none\">").count(), 2);
        assert!(html.contains("<th scope=\"col\" class=\"num\">standard</th>"));
    }
}
