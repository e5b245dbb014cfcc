//! The page that compares models.

use std::fmt::Write;

use crate::compare_plot::{
    MOST_CLASSES, MOST_LINES, Sides, confusion, curves, keys, matrix_size, readable, reliability,
};
use crate::correlation::matrix;
use crate::curve::legend;
use crate::drawing::{Area, Drawing};
use crate::page::{Page, TABLES_ONLY, cautions, fact, names, reading, table_head};
use crate::{Agreement, CompareReport, ConfusionMatrix, Figures, ModelResult, escape, words};

/// Features in a list of importances.
const MOST_IMPORTANT: usize = 10;
/// Models with pictures of their own.
const MOST_MODELS: usize = 16;

/// Renders a comparison as one HTML page that works from disk and loads nothing.
pub fn compare_html(report: &CompareReport) -> String {
    let mut main = String::new();
    head(&mut main, report);
    checks_section(&mut main, report);
    leaderboard_section(&mut main, report);
    curves_section(&mut main, report);
    confusion_section(&mut main, report);
    reliability_section(&mut main, report);
    alerts_section(&mut main, report);
    importance_section(&mut main, report);
    if let Some(agreement) = report.agreement.as_ref().filter(|agreement| agreement.names.len() > 1) {
        agreement_section(&mut main, agreement);
    }
    main.push_str(
        "<section id=\"origin\" aria-labelledby=\"origin-h\"><h2 id=\"origin-h\">How it was read</h2>",
    );
    reading(&mut main, &report.read, &report.generated_from);
    main.push_str("</section>\n");
    Page {
        title: &report.title,
        kind: "Comparison",
        version: &report.eddy_version,
        skip: ("leaderboard", "Skip to the leaderboard"),
        main,
        data: TABLES_ONLY,
    }
    .html()
}

/// The models with figures, best first.
fn measured(report: &CompareReport) -> Vec<&ModelResult> {
    report.models.iter().filter(|model| model.figures.is_some()).collect()
}

fn head(out: &mut String, report: &CompareReport) {
    let n_models = words::counted(report.models.len() as u64, "model", "models");
    out.push_str("<section class=\"verdict\" id=\"verdict\"><div>");
    match report.models.iter().find_map(|model| Some((model, model.figures.as_ref()?))) {
        Some((best, figures)) => {
            let _ = write!(
                out,
                "<h1><span class=\"lead\">{}</span> leads {n_models}</h1><p class=\"best\">It catches {} of the attacks and flags {} of the normal rows{}.</p>",
                escape::text(&best.name),
                words::near_percent(figures.recall),
                words::percent(figures.false_positive_rate),
                rare(figures).map_or_else(String::new, |(rate, precision)| format!(
                    "; where one row in {} is an attack, {} of its alarms would be real",
                    words::number((1.0 / rate).round()),
                    words::percent(precision)
                ))
            );
        }
        None => {
            let _ = write!(out, "<h1>None of {n_models} could be measured</h1>");
        }
    }
    let found = report.checks.iter().filter(|check| check.found).count() as u64;
    if found > 0 {
        let _ = write!(
            out,
            "<p class=\"best\">{} below to be read first.</p>",
            if found == 1 {
                "There is one reason for doubt".to_owned()
            } else {
                format!("There are {found} reasons for doubt")
            }
        );
    }
    out.push_str("</div><div>");
    cautions(out, report.cautions.iter().map(String::as_str));
    out.push_str("<dl class=\"facts\">");
    fact(out, "Source", &escape::text(&names(&report.generated_from, 3)));
    let n_classes = words::counted(report.classes.len() as u64, "class", "classes");
    fact(out, "Label", &escape::text(&format!("{}, {n_classes}", report.label)));
    fact(out, "Protocol", &escape::text(&report.split));
    let measured = format!(
        "{} <span class=\"aside\">{} attacks</span>",
        words::counted(report.n_measured, "row", "rows"),
        words::percent(report.base_rate)
    );
    fact(out, "Measured on", &measured);
    out.push_str("</dl></div></section>\n");
}

/// The rarest attacks that a precision was worked out for.
fn rare(figures: &Figures) -> Option<(f64, f64)> {
    let rates = figures.at_base_rates.iter().copied().filter(|(rate, _)| *rate > 0.0);
    rates.min_by(|a, b| a.0.total_cmp(&b.0))
}

fn checks_section(out: &mut String, report: &CompareReport) {
    if report.checks.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<section id=\"trust\" aria-labelledby=\"trust-h\"><h2 id=\"trust-h\">How far to trust this</h2>",
        "<ul class=\"checks\">"
    ));
    let (found, fine): (Vec<_>, Vec<_>) = report.checks.iter().partition(|check| check.found);
    for check in found.into_iter().chain(fine) {
        let _ = write!(
            out,
            "<li{}><b>{}</b> <span class=\"unit\">{}</span><p>{}</p></li>",
            if check.found { " class=\"doubt\"" } else { "" },
            escape::text(&check.name),
            if check.found { "careful" } else { "looked into" },
            escape::text(&check.evidence)
        );
    }
    out.push_str("</ul></section>\n");
}

fn leaderboard_section(out: &mut String, report: &CompareReport) {
    let _ = write!(
        out,
        concat!(
            "<section id=\"leaderboard\" aria-labelledby=\"leaderboard-h\"><h2 id=\"leaderboard-h\">Leaderboard</h2>",
            "<p class=\"note\">By balanced accuracy, the mean of the recalls of attacks and of normal rows: 0.5 is guessing, ",
            "whatever the share of attacks. Always giving one answer has an accuracy of {:.4} here.</p>",
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"leaderboard-h\">",
            "<table class=\"plain measured board\" data-live=\"sortable\"><thead><tr>"
        ),
        report.base_rate.max(1.0 - report.base_rate)
    );
    table_head(
        out,
        &[
            ("Model", ""),
            ("Learned from", ""),
            ("Balanced", "num"),
            ("Accuracy", "num"),
            ("Recall", "num"),
            ("False +", "num"),
            ("Precision", "num"),
            ("F1", "num"),
            ("ROC AUC", "num"),
            ("PR AUC", "num"),
            ("Macro F1", "num"),
            ("Fit", "num"),
            ("Score", "num"),
            ("Size", "num"),
        ],
    );
    for model in &report.models {
        board_row(out, model);
    }
    out.push_str("</tbody></table></div>");
    let unseen: Vec<String> = report
        .models
        .iter()
        .flat_map(|model| model.unseen.iter().map(move |one| (model, one)))
        .map(|(model, one)| {
            format!(
                "<li><span class=\"num\">{}</span> <span>{} catches {} of {} of <b>{}</b></span></li>",
                words::percent(one.caught as f64 / one.rows.max(1) as f64),
                escape::text(&model.name),
                words::count(one.caught),
                words::counted(one.rows, "row", "rows"),
                escape::text(&one.class)
            )
        })
        .collect();
    if !unseen.is_empty() {
        let _ = write!(
            out,
            "<h3>Classes that no model was shown</h3><ul class=\"pairs\">{}</ul>",
            unseen.concat()
        );
    }
    out.push_str("</section>\n");
}

fn board_row(out: &mut String, model: &ModelResult) {
    let _ = write!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{}</td>",
        escape::text(&model.name),
        escape::text(&model.learned_from)
    );
    let Some(figures) = &model.figures else {
        let why = model.failed.as_deref().unwrap_or("not measured");
        let _ = write!(
            out,
            "<td colspan=\"12\"><span class=\"unit\">failed</span> {}</td></tr>",
            escape::text(why)
        );
        return;
    };
    number(out, Some(figures.balanced_accuracy), &|value| {
        format!(
            concat!(
                "{:.4}<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg>"
            ),
            value,
            ((value - 0.5) * 200.0).clamp(0.0, 100.0)
        )
    });
    let four = |value: f64| format!("{value:.4}");
    number(out, Some(figures.accuracy), &|value| match figures.accuracy_sd {
        Some(sd) if sd.is_finite() => format!("{value:.4} <span class=\"aside\">±{sd:.4}</span>"),
        _ => format!("{value:.4}"),
    });
    number(out, Some(figures.recall), &four);
    number(out, Some(figures.false_positive_rate), &|value| format!("{value:.5}"));
    number(out, Some(figures.precision), &four);
    number(out, Some(figures.f1), &four);
    number(out, Some(figures.roc_auc), &|value| format!("{value:.5}"));
    number(out, Some(figures.average_precision), &four);
    number(out, figures.macro_f1, &four);
    let seconds = |value: f64| if value < 10.0 { format!("{value:.2} s") } else { format!("{value:.0} s") };
    number(out, Some(model.fit_seconds), &seconds);
    number(out, Some(model.score_seconds), &seconds);
    number(out, Some(model.bytes as f64), &|value| format!("{}B", words::rough(value)));
    out.push_str("</tr>");
}

/// A number to sort by; `show` gives HTML.
fn number(out: &mut String, value: Option<f64>, show: &dyn Fn(f64) -> String) {
    match value.filter(|value| value.is_finite()) {
        Some(value) => {
            let _ = write!(out, "<td class=\"num\" data-value=\"{value}\">{}</td>", show(value));
        }
        None => out.push_str("<td class=\"num none\">–</td>"),
    }
}

fn curves_section(out: &mut String, report: &CompareReport) {
    let models: Vec<&ModelResult> =
        measured(report).into_iter().filter(|model| !model.roc.x.is_empty()).take(MOST_LINES).collect();
    if models.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<section id=\"curves\" aria-labelledby=\"curves-h\"><h2 id=\"curves-h\">At every threshold</h2>",
        "<p class=\"note\">Left: attacks caught for normal rows flagged. Right: real alarms for attacks caught. Where attacks ",
        "are rare the right one is what an analyst sees.</p>"
    ));
    let numbered: Vec<(usize, &ModelResult)> = models.iter().copied().enumerate().collect();
    legend(out, &keys(&numbered, &|model| model.name.clone()));
    out.push_str("<div class=\"twins\">");
    let roc = Sides {
        across: "false positive rate",
        up: "recall",
        guess: (0.0, 1.0),
        guess_in_words: "dashed: guessing".into(),
    };
    let recall = Sides {
        across: "recall",
        up: "precision",
        guess: (report.base_rate, report.base_rate),
        guess_in_words: format!("dashed: share of attacks, {}", words::percent(report.base_rate)),
    };
    for (sides, label, which) in [
        (roc, "ROC curves", (|model| &model.roc) as fn(&ModelResult) -> &crate::Curve),
        (recall, "Precision-recall curves", |model| &model.precision_recall),
    ] {
        let mut drawing = Drawing::default();
        let area = Area { x: 0.0, y: 0.0, width: 590.0, height: 430.0 };
        curves(&mut drawing, area, &models, &sides, &which);
        let _ = write!(out, "<div>{}</div>", drawing.finish(590.0, 430.0, "picture", label, None));
    }
    out.push_str("</div>");
    let more = measured(report).len().saturating_sub(models.len()) as u64;
    if more > 0 {
        let _ = write!(
            out,
            "<p class=\"note under\">The best {} are drawn, {} not.</p>",
            models.len(),
            words::counted(more, "other is", "others are")
        );
    }
    out.push_str("</section>\n");
}

fn confusion_section(out: &mut String, report: &CompareReport) {
    let models: Vec<&ModelResult> =
        report.models.iter().filter(|model| model.binary.is_some() || model.multi.is_some()).collect();
    if models.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<section id=\"confusion\" aria-labelledby=\"confusion-h\"><h2 id=\"confusion-h\">What is taken for what</h2>",
        "<p class=\"note\">Rows: the true class. Columns: what the model says. Shades and percentages are shares of the true ",
        "class; blue is right, orange is wrong.</p><div class=\"matrices\">"
    ));
    for model in models.iter().take(MOST_MODELS) {
        if let Some(binary) = &model.binary {
            confusion_figure(out, &model.name, binary, "small");
        }
    }
    out.push_str("</div><div class=\"matrices\">");
    for model in models.iter().take(MOST_MODELS) {
        if let Some(multi) = model.multi.as_ref().filter(|multi| multi.names.len() > 2) {
            confusion_figure(out, &format!("{}, class by class", model.name), &readable(multi), "large");
        }
    }
    out.push_str("</div>");
    if models.iter().filter_map(|model| model.multi.as_ref()).any(|multi| multi.names.len() > MOST_CLASSES) {
        let _ = write!(
            out,
            "<p class=\"note under\">Beyond the {} most common, classes are taken together; mistakes among these do not show.</p>",
            MOST_CLASSES - 1
        );
    }
    out.push_str("</section>\n");
}

fn confusion_figure(out: &mut String, title: &str, matrix: &ConfusionMatrix, class: &str) {
    let (width, height) = matrix_size(matrix.names.len());
    let mut drawing = Drawing::default();
    confusion(&mut drawing, Area { x: 0.0, y: 0.0, width, height }, matrix);
    let label = format!("Confusion matrix of {title}");
    let _ = write!(
        out,
        "<figure class=\"{class}\"><figcaption>{}</figcaption>{}</figure>",
        escape::text(title),
        drawing.finish(width, height, "heat", &label, None)
    );
}

fn reliability_section(out: &mut String, report: &CompareReport) {
    let models: Vec<(usize, &ModelResult)> = measured(report)
        .into_iter()
        .filter(|model| model.reliability.is_some())
        .take(MOST_LINES)
        .enumerate()
        .collect();
    if models.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<section id=\"reliability\" aria-labelledby=\"reliability-h\">",
        "<h2 id=\"reliability-h\">Do probabilities mean what they say?</h2>",
        "<p class=\"note\">On the dashed line, of the rows given 80 % four in five are attacks. Below it a model is too sure. ",
        "The Brier score is the mean squared error of the probabilities: 0 is best, always answering the share of attacks gives "
    ));
    let _ = write!(out, "{:.3}.</p>", report.base_rate * (1.0 - report.base_rate));
    let brier = |model: &ModelResult| {
        let brier = model.reliability.as_ref().map_or(f64::NAN, |found| found.brier);
        format!("{}, Brier score {brier:.4}", model.name)
    };
    legend(out, &keys(&models, &brier));
    let mut drawing = Drawing::default();
    let area = Area { x: 0.0, y: 0.0, width: 590.0, height: 430.0 };
    reliability(&mut drawing, area, &models);
    let svg = drawing.finish(590.0, 430.0, "picture", "Reliability of probabilities", None);
    let _ = write!(out, "<div class=\"twins\"><div>{svg}</div></div></section>");
    out.push('\n');
}

fn alerts_section(out: &mut String, report: &CompareReport) {
    let models = measured(report);
    let with = |which: &dyn Fn(&Figures) -> bool| {
        models.iter().any(|model| model.figures.as_ref().is_some_and(which))
    };
    let (alerts, rates) =
        (with(&|figures| !figures.at_alerts.is_empty()), with(&|figures| !figures.at_base_rates.is_empty()));
    let Some(first) = models.iter().find_map(|model| model.figures.as_ref()).filter(|_| alerts || rates)
    else {
        return;
    };
    out.push_str(concat!(
        "<section id=\"alerts\" aria-labelledby=\"alerts-h\"><h2 id=\"alerts-h\">What an analyst would see</h2>",
        "<p class=\"note\">Left columns: share of attacks among the rows with the highest scores here. Right columns: share of ",
        "alarms that would be real where attacks are as rare as that, at the same recall and false positive rate.</p>",
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"alerts-h\">",
        "<table class=\"plain measured\" data-live=\"sortable\"><thead><tr><th scope=\"col\">Model</th>"
    ));
    for (n, _) in &first.at_alerts {
        let _ = write!(out, "<th scope=\"col\" class=\"num\">Top {}</th>", words::count(*n));
    }
    for (rate, _) in &first.at_base_rates {
        let _ = write!(
            out,
            "<th scope=\"col\" class=\"num\">1 in {}</th>",
            words::number((1.0 / rate.max(1e-12)).round())
        );
    }
    out.push_str("</tr></thead><tbody>");
    for (model, figures) in models.iter().filter_map(|model| Some((model, model.figures.as_ref()?))) {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape::text(&model.name));
        for at in 0..first.at_alerts.len() {
            number(out, figures.at_alerts.get(at).map(|(_, share)| *share), &words::near_percent);
        }
        for at in 0..first.at_base_rates.len() {
            number(out, figures.at_base_rates.get(at).map(|(_, share)| *share), &words::near_percent);
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></section>\n");
}

fn importance_section(out: &mut String, report: &CompareReport) {
    let models: Vec<&ModelResult> =
        report.models.iter().filter(|model| !model.importance.is_empty()).take(MOST_MODELS).collect();
    if models.is_empty() {
        return;
    }
    out.push_str(concat!(
        "<section id=\"importance\" aria-labelledby=\"importance-h\"><h2 id=\"importance-h\">What they go by</h2>",
        "<p class=\"note\">How far the balanced accuracy falls when the values of one feature are shuffled among the measured rows. ",
        "Of two features that say the same neither may show.</p><div class=\"lists\">"
    ));
    for model in models {
        let most = model.importance.iter().map(|one| one.drop).fold(0.0, f64::max);
        let _ = write!(out, "<div><h3>{}</h3><ol class=\"levels\">", escape::text(&model.name));
        // What is nothing in four digits is no feature that the model goes by.
        let shown = model.importance.iter().take(MOST_IMPORTANT).filter(|one| one.drop >= 0.00005);
        if shown.clone().next().is_none() {
            out.push_str("<li><span class=\"name\">no single feature</span></li>");
        }
        for one in shown {
            let part = if most > 0.0 { (one.drop / most).clamp(0.0, 1.0) * 100.0 } else { 0.0 };
            let _ = write!(
                out,
                concat!(
                    "<li><span class=\"name\">{}</span><span class=\"num\">{:.4} <span class=\"aside\">±{:.4}</span></span>",
                    "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                    "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-normal\" width=\"{:.1}\" height=\"4\"/></svg></li>"
                ),
                escape::text(&one.feature),
                one.drop,
                one.sd,
                part
            );
        }
        out.push_str("</ol></div>");
    }
    out.push_str("</div></section>\n");
}

fn agreement_section(out: &mut String, agreement: &Agreement) {
    out.push_str(concat!(
        "<section id=\"agreement\" aria-labelledby=\"agreement-h\"><h2 id=\"agreement-h\">Do they say the same?</h2>",
        "<p class=\"note\">Left: share of rows with the same verdict. Right: Cohen’s kappa, which leaves out the agreement that ",
        "chance alone gives: 0 is chance, 1 is always. Models that agree add little to one another in a vote.</p>",
        "<div class=\"twins\">"
    ));
    let n = agreement.names.len();
    for (title, values) in [("equal verdicts", &agreement.equal), ("Cohen’s kappa", &agreement.kappa)] {
        if values.len() == n * n {
            let mut drawing = Drawing::default();
            let area = Area { x: 0.0, y: 0.0, width: 640.0, height: 650.0 };
            matrix(&mut drawing, area, &agreement.names, values, title);
            let label = format!("Agreement of models, {title}");
            let _ = write!(out, "<div>{}</div>", drawing.finish(640.0, 650.0, "picture", &label, None));
        }
    }
    out.push_str("</div></section>\n");
}
