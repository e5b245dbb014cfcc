//! The part of the page about a labelled table: classes, and what tells attacks from normal rows.

use std::fmt::Write;

use crate::class_plot::{class_plot, height};
use crate::drawing::{Area, Drawing};
use crate::labelled::p_in_words;
use crate::page::table_head;
use crate::{ClassDistribution, Difference, FeatureTest, Labelled, escape, words};

/// Classes listed one by one.
const MOST_CLASSES: usize = 24;
/// Features in the table of tests.
const MOST_TESTS: usize = 300;
/// From how many rows on nearly everything is significant.
const MANY_ROWS: u64 = 5_000;

/// Both sections.
pub(crate) fn labelled_sections(out: &mut String, labelled: &Labelled) {
    classes_section(out, labelled);
    if !labelled.tests.is_empty() {
        tests_section(out, labelled);
    }
}

fn classes_section(out: &mut String, labelled: &Labelled) {
    let Some(baseline) = labelled.baseline() else { return };
    let total: u64 = labelled.classes.iter().map(|class| class.rows).sum();
    let most = labelled.classes.first().map_or("", |class| class.name.as_str());
    let _ = write!(
        out,
        concat!(
            "<section id=\"classes\" aria-labelledby=\"classes-h\"><h2 id=\"classes-h\">Classes</h2>",
            "<p class=\"note\">{} of {} are attacks by the column <b>{}</b>. Always answering <b>{}</b> is right in {} of ",
            "the rows, always answering {} in {}: an accuracy means something only beside these.</p>",
            "<ol class=\"levels classes\">"
        ),
        words::percent(baseline.attacks),
        words::counted(total, "row", "rows"),
        escape::text(&labelled.column),
        escape::text(if most.is_empty() { "missing" } else { most }),
        words::percent(baseline.most_common_class),
        if baseline.attacks > 0.5 { "attack" } else { "normal" },
        words::percent(baseline.attack_or_normal),
    );
    let tallest = labelled.classes.iter().map(|class| class.rows).max().unwrap_or(1).max(1);
    for class in labelled.classes.iter().take(MOST_CLASSES) {
        let _ = write!(
            out,
            concat!(
                "<li><span class=\"name\">{}{}</span><span class=\"num\">{} <span class=\"aside\">{}</span></span>",
                "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-{}\" width=\"{:.1}\" height=\"4\"/></svg></li>"
            ),
            if class.name.is_empty() { "<i>missing</i>".to_owned() } else { escape::text(&class.name) },
            if class.is_attack { " <span class=\"unit\">attack</span>" } else { "" },
            words::count(class.rows),
            words::percent(class.rows as f64 / total as f64),
            if class.is_attack { "flagged" } else { "normal" },
            class.rows as f64 / tallest as f64 * 100.0
        );
    }
    out.push_str("</ol>");
    let more = labelled.classes.len().saturating_sub(MOST_CLASSES) as u64;
    if more > 0 {
        let rows: u64 = labelled.classes.iter().skip(MOST_CLASSES).map(|class| class.rows).sum();
        let _ = write!(
            out,
            "<p class=\"note\">And {} with {}.</p>",
            words::counted(more, "class", "classes"),
            words::counted(rows, "row", "rows")
        );
    }
    out.push_str("</section>\n");
}

fn tests_section(out: &mut String, labelled: &Labelled) {
    out.push_str(concat!(
        "<section id=\"apart\" aria-labelledby=\"apart-h\">",
        "<h2 id=\"apart-h\">What tells attacks from normal rows</h2><p class=\"note\">"
    ));
    let n_rows = labelled.tests.iter().map(|test| test.n_normal + test.n_attack).max().unwrap_or(0);
    let (significant, n) = (labelled.n_significant(), labelled.tests.len() as u64);
    let _ = write!(
        out,
        "{} of {} differ at p &lt; 0.05 after Holm’s correction for {} tests. {}",
        words::count(significant),
        words::counted(n, "feature", "features"),
        words::count(labelled.n_p_values),
        if n_rows >= MANY_ROWS {
            format!(
                "With {} nearly every difference is significant, however small: go by the effect size.",
                words::counted(n_rows, "row", "rows")
            )
        } else {
            "A p-value says whether there is a difference, the effect size how much it matters.".to_owned()
        }
    );
    out.push_str(concat!(
        " The effect goes from 0, no difference, to 1, no overlap. Each feature is tested alone: two weak ones may tell ",
        "together what neither tells by itself, and a feature close to 1 may be the label in other words.</p>",
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-labelledby=\"apart-h\">",
        "<table class=\"plain measured tests\" data-live=\"sortable\"><thead><tr>"
    ));
    table_head(
        out,
        &[
            ("Feature", ""),
            ("Effect", "num"),
            ("Size", ""),
            ("What it says", "says"),
            ("p, Holm", "num"),
            ("p, BH", "num"),
            ("AUC", "num"),
            ("Cliff’s δ", "num"),
            ("KS distance", "num"),
            ("Cohen’s d", "num"),
            ("Cramér’s V", "num"),
            ("Median normal", "num"),
            ("Median attack", "num"),
        ],
    );
    for test in labelled.tests.iter().take(MOST_TESTS) {
        test_row(out, test);
    }
    out.push_str("</tbody></table></div>");
    let more = labelled.tests.len().saturating_sub(MOST_TESTS) as u64;
    if more > 0 {
        let _ = write!(
            out,
            "<p class=\"note\">And {} with smaller effects.</p>",
            words::counted(more, "feature", "features")
        );
    }
    out.push_str(concat!(
        "<p class=\"note under\">AUC, Cliff’s δ: Mann–Whitney. KS distance: Kolmogorov–Smirnov. Cohen’s d: Welch’s t. ",
        "Cramér’s V: chi-square. p-values are those of Mann–Whitney for numbers and of chi-square for categories; they take ",
        "rows to be independent, which rows of one scan or flood are not.</p>"
    ));
    if !labelled.distributions.is_empty() {
        out.push_str(concat!(
            "<h3>Class by class</h3><p class=\"note\">Features with the largest effect. Upward: normal rows. Downward: attacks, ",
            "on a scale of their own. Boxes hold the middle half of a class, lines reach from its 5 % to its 95 % quantile.</p>",
            "<div class=\"twins\">"
        ));
        labelled.distributions.iter().for_each(|one| figure(out, one));
        out.push_str("</div>");
    }
    out.push_str("</section>\n");
}

fn test_row(out: &mut String, test: &FeatureTest) {
    let mut cautions = String::new();
    for caution in &test.cautions {
        let _ = write!(cautions, " <span class=\"aside\">{}</span>", escape::text(caution));
    }
    let _ = write!(
        out,
        "<tr><th scope=\"row\">{}{}</th><td class=\"num\" data-value=\"{}\">{:.2}</td><td>{}</td><td class=\"says\">{}{cautions}</td>",
        escape::text(&words::shortened(&test.name, 48)),
        test.unit
            .as_deref()
            .filter(|unit| !unit.is_empty())
            .map_or_else(String::new, |unit| format!(" <span class=\"unit\">{}</span>", escape::text(unit))),
        test.effect,
        test.effect,
        test.strength(),
        escape::text(&test.in_words()),
    );
    let p = test.difference.p_value();
    cell(out, Some(p.holm), &p_in_words, None);
    cell(out, Some(p.benjamini_hochberg), &p_in_words, None);
    let two = |value: f64| format!("{value:.2}");
    match &test.difference {
        Difference::Number {
            auc,
            cliffs_delta,
            ks_distance,
            kolmogorov_smirnov,
            cohens_d,
            welch,
            normal_median,
            attack_median,
            ..
        } => {
            cell(out, Some(*auc), &two, None);
            cell(out, Some(*cliffs_delta), &|value| format!("{value:+.2}"), None);
            cell(out, Some(*ks_distance), &two, Some(kolmogorov_smirnov.holm));
            let rough =
                |value: f64| if value.abs() < 100.0 { format!("{value:+.2}") } else { words::rough(value) };
            cell(out, *cohens_d, &rough, welch.map(|p| p.holm));
            cell(out, None, &two, None);
            cell(out, Some(*normal_median), &words::rough, None);
            cell(out, Some(*attack_median), &words::rough, None);
        }
        Difference::Category { cramers_v, .. } => {
            (0..4).for_each(|_| cell(out, None, &two, None));
            cell(out, Some(*cramers_v), &two, None);
            (0..2).for_each(|_| cell(out, None, &two, None));
        }
    }
    out.push_str("</tr>");
}

/// A number to sort by, with the p-value of its test below where it is not that of the row.
fn cell(out: &mut String, value: Option<f64>, show: &dyn Fn(f64) -> String, p: Option<f64>) {
    match value.filter(|value| value.is_finite()) {
        Some(value) => {
            let p = p.map_or_else(String::new, |p| {
                format!("<span class=\"aside\">p {}</span>", escape::text(&p_in_words(p)))
            });
            let shown = escape::text(&show(value));
            let _ = write!(out, "<td class=\"num\" data-value=\"{value}\">{shown}{p}</td>");
        }
        None => out.push_str("<td class=\"num none\">–</td>"),
    }
}

fn figure(out: &mut String, distribution: &ClassDistribution) {
    let tall = height(distribution);
    let mut drawing = Drawing::default();
    let area = Area { x: 0.0, y: 0.0, width: 590.0, height: tall };
    class_plot(&mut drawing, area, distribution);
    let label = format!("Distribution of {} in each class", distribution.name);
    let _ = write!(
        out,
        "<figure><figcaption>{}{}</figcaption>{}</figure>",
        escape::text(&words::shortened(&distribution.name, 60)),
        distribution
            .unit
            .as_deref()
            .filter(|unit| !unit.is_empty())
            .map_or_else(String::new, |unit| format!(" <span class=\"unit\">{}</span>", escape::text(unit))),
        drawing.finish(590.0, tall, "picture", &label, None)
    );
}
