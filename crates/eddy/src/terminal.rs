//! What is printed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use eddy_engine::{Exploration, NothingToJudge, Run};
use eddy_frame::Role;
use eddy_insight::{Finding, count, number};
use eddy_io::{Description, ReadStats};
use eddy_report::{Clustering, Labelled, p_in_words};

/// Prints to standard output; a reader that went away ends the program quietly.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Text from traffic is only ever text: control characters cannot reach the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) { '\u{fffd}' } else { c })
        .collect()
}

/// A number of rows, in words.
fn rows(n: u64) -> String {
    if n == 1 { "1 row".to_owned() } else { format!("{} rows", count(n)) }
}

/// A list that does not run away.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(8).map(|name| plain(name)).collect();
    let more = names.len().saturating_sub(8);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// What a capture without flows holds.
pub(crate) fn nothing(nothing: &NothingToJudge, top: usize, out: &[PathBuf]) -> String {
    let mut text = String::new();
    head(&mut text, &nothing.description, &nothing.stats);
    text.push('\n');
    let inputs = plain(&nothing.description.sources.join(" "));
    crate::incident_list::write(&mut text, &nothing.incidents, top, &inputs);
    text.push_str("There are no flows between hosts in it: nothing to judge.\n");
    for path in out {
        let _ = writeln!(text, "not written: {}", plain(&path.display().to_string()));
    }
    text
}

/// The same for programs.
pub(crate) fn nothing_json(nothing: &NothingToJudge) -> serde_json::Value {
    serde_json::json!({
        "nothing_to_judge": nothing.why,
        "read": { "description": nothing.description, "stats": nothing.stats },
        "incidents": nothing.incidents,
    })
}

/// What was read and what was assumed.
fn head(text: &mut String, description: &Description, stats: &ReadStats) {
    let source = match description.sources.as_slice() {
        [one] => plain(one),
        many => format!("{} files", many.len()),
    };
    let _ = writeln!(
        text,
        "read       {source}: {}, {} ({})",
        rows(stats.rows_read),
        description.shape.title,
        description.format
    );
    if stats.rows_set_aside + stats.cells_set_aside > 0 {
        let _ = writeln!(
            text,
            "set aside  {}, {} cells that could not be read:",
            rows(stats.rows_set_aside),
            count(stats.cells_set_aside)
        );
        for one in stats.first_set_aside.iter().take(3) {
            let line = one.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            let column = one.column.as_ref().map(|c| format!("'{}': ", plain(c))).unwrap_or_default();
            let _ = writeln!(text, "             {line}{column}{} ({})", one.reason, plain(&one.text));
        }
    }
    let roles = [
        (Role::Time, "time"),
        (Role::Entity, "entity"),
        (Role::Label, "label"),
        (Role::LeakSuspect, "left out: gives the label away"),
        (Role::Identifier, "left out: only names the row"),
    ];
    let inputs: Vec<&str> =
        description.schema.inputs().map(|idx| &*description.schema.fields[idx].name).collect();
    let _ = writeln!(text, "features   {} ({})", inputs.len(), listed(&inputs));
    let others: Vec<String> = roles
        .iter()
        .map(|(role, words)| (description.names(*role), words))
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, words)| format!("{words}: {}", listed(&names)))
        .collect();
    if !others.is_empty() {
        let _ = writeln!(text, "columns    {}", others.join("; "));
    }
    for note in description.notes.iter().take(6) {
        let _ = writeln!(text, "note       {}", plain(&note.text));
    }
}

/// The summary of a run, to fit a screen.
pub(crate) fn summary(run: &Run, inputs: &[String], top: usize, wrote: &[String]) -> String {
    let mut text = String::new();
    head(&mut text, &run.description, &run.stats);
    let steps = run.pipeline.steps_in_words();
    let _ = writeln!(text, "steps      {}", steps.join(" > "));
    let _ = writeln!(
        text,
        "detector   {}, learned from {}",
        run.pipeline.spec.detector,
        rows(run.pipeline.trained_rows)
    );
    let total = run.surprises.len() as u64;
    let _ = writeln!(
        text,
        "threshold  anomaly score {:.3}: {}",
        run.threshold.anomaly_score(),
        run.threshold.in_words()
    );
    let share = 100.0 * run.flagged as f64 / total.max(1) as f64;
    let _ = writeln!(text, "flagged    {} of {} ({share:.2} %)", count(run.flagged), rows(total));
    if let Some(warning) = &run.threshold.warning {
        let _ = writeln!(text, "careful    {warning}");
    }
    for caution in &run.cautions {
        let _ = writeln!(text, "careful    {caution}");
    }
    if let Some((label, e)) = &run.evaluation {
        let _ = writeln!(
            text,
            "measured   against '{}': ROC AUC {:.4}, average precision {:.4}; of {} attacks {} flagged (recall {:.3}), \
             of the flagged {:.1} % are attacks, false positive rate {:.4}",
            plain(label),
            e.roc_auc,
            e.average_precision,
            count(e.n_attacks),
            count(e.confusion.true_positives),
            e.recall,
            e.precision * 100.0,
            e.false_positive_rate
        );
    }
    text.push('\n');
    crate::incident_list::write(&mut text, &run.incidents, top, &plain(&inputs.join(" ")));
    if run.findings.is_empty() {
        text.push_str("Nothing stands out from what is ordinary here.\n");
        if let Some(best) = run.surprises.iter().copied().reduce(f64::max) {
            let _ = writeln!(
                text,
                "The most unusual row scores {:.3}, below the threshold; --budget 5 would show the top five all the same.",
                eddy_detect::anomaly_score(best)
            );
        }
    }
    let shown = strongest_of_stretches(&run.findings);
    let mut rows_shown = 0;
    for finding in shown.iter().take(top) {
        rows_shown += finding.stretch.as_ref().map_or(1, |stretch| stretch.flagged);
        let label = finding.label.as_ref().map(|label| format!("  [label: {label}]")).unwrap_or_default();
        let _ = writeln!(
            text,
            "{:>3}. {:.3}  {}{}",
            finding.rank,
            finding.anomaly_score,
            plain(&where_in_words(finding, run.description.sources.len() > 1)),
            plain(&label)
        );
        let _ = writeln!(text, "     {}", plain(&finding.sentence));
    }
    let more = run.flagged.saturating_sub(rows_shown);
    if more > 0 {
        let _ = writeln!(text, "     ... and {} more", rows(more));
    }
    for path in wrote {
        let _ = writeln!(text, "\nwrote      {}", plain(path));
    }
    if wrote.is_empty() {
        let input = plain(&inputs.join(" "));
        let _ = writeln!(
            text,
            "\nnext       eddy detect {input} --out report.html    charts and every finding with its why"
        );
        let _ = writeln!(
            text,
            "           eddy detect {input} --out scored.csv     the rows with score and verdict"
        );
    }
    text
}

/// The findings without those that are in the same stretch of rows as a stronger one.
pub(crate) fn strongest_of_stretches(findings: &[Finding]) -> Vec<&Finding> {
    let mut seen = std::collections::HashSet::new();
    let is_first =
        |finding: &&Finding| finding.stretch.as_ref().is_none_or(|stretch| seen.insert(stretch.first_row));
    findings.iter().filter(is_first).collect()
}

/// Where and when a finding is, with the stretch of rows that it stands for.
pub(crate) fn where_in_words(finding: &Finding, many_sources: bool) -> String {
    let place = &finding.place;
    let mut at = match place.line {
        Some(line) => format!("line {line}"),
        None => format!("row {}", place.row),
    };
    if many_sources && let Some(source) = &place.source {
        at = format!("{} {at}", source.rsplit('/').next().unwrap_or(source));
    }
    if let Some(time) = &place.time {
        let _ = write!(at, ", {time}");
    }
    if let Some(entity) = &place.entity {
        let _ = write!(at, ", {entity}");
    }
    if let Some(stretch) = &finding.stretch {
        let _ = write!(at, ", the strangest of {} rows", stretch.flagged);
        if let (Some(from), Some(to)) = (&stretch.from, &stretch.to) {
            let _ = write!(at, " from {from} to {}", without_same_day(from, to));
        }
    }
    at
}

/// The later of two times without its date where that is the earlier one's.
fn without_same_day<'a>(from: &str, to: &'a str) -> &'a str {
    match (from.split_once([' ', 'T']), to.split_once([' ', 'T'])) {
        (Some((day, _)), Some((same, time))) if day == same => time,
        _ => to,
    }
}

/// What training printed.
pub(crate) fn trained(run: &Run, to: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    head(&mut text, &run.description, &run.stats);
    let _ = writeln!(text, "steps      {}", run.pipeline.steps_in_words().join(" > "));
    let _ = writeln!(
        text,
        "detector   {}, learned from {}",
        run.pipeline.spec.detector,
        rows(run.pipeline.trained_rows)
    );
    let _ = writeln!(
        text,
        "threshold  anomaly score {:.3}: {}; {} of {} training rows are above it",
        run.threshold.anomaly_score(),
        run.threshold.in_words(),
        count(run.flagged),
        count(run.surprises.len() as u64)
    );
    for caution in run.cautions.iter().chain(&run.threshold.warning) {
        let _ = writeln!(text, "careful    {caution}");
    }
    let size = std::fs::metadata(to)?.len();
    let name = plain(&to.display().to_string());
    let _ =
        writeln!(text, "wrote      {name} ({} bytes)\n\nnext       eddy score {name} NEWFILE", count(size));
    Ok(text)
}

/// A run as JSON.
pub(crate) fn run_json(run: &Run) -> serde_json::Value {
    let mut whole = eddy_engine::summary(run);
    whole["incidents"] = serde_json::json!(run.incidents);
    whole["findings"] = serde_json::json!(run.findings);
    whole
}

/// What DBSCAN found, and where its radius is from.
fn clusters(text: &mut String, found: &Clustering) {
    let sizes: Vec<String> = found.clusters.iter().take(6).map(|one| count(one.rows)).collect();
    let more = if found.clusters.len() > sizes.len() { ", ..." } else { "" };
    let _ = writeln!(
        text,
        "clusters   {} of {} rows ({}{more}), noise {:.1} %{}: {}",
        found.clusters.len(),
        count(found.n_rows),
        sizes.join(", "),
        100.0 * found.noise.rows as f64 / found.n_rows.max(1) as f64,
        found.noise.attacks.map_or(String::new(), |attacks| format!(
            " ({} of {} are attacks)",
            count(attacks),
            count(found.noise.rows)
        )),
        found.method
    );
    let _ = writeln!(text, "           {}", found.choice);
}

/// What exploring found, to fit a screen.
pub(crate) fn exploration(found: &Exploration, inputs: &[String]) -> String {
    let mut text = String::new();
    head(&mut text, &found.description, &found.stats);
    if found.n_rows < found.stats.rows_read {
        let _ = writeln!(
            text,
            "careful    the numbers below are from an even sample of {} rows",
            count(found.n_rows)
        );
    }
    let _ = writeln!(
        text,
        "\n{:<28} {:<12} {:>8} {:>9} {:>11} {:>11} {:>11} {:>11} {:>11}",
        "column", "role", "missing", "distinct", "min", "q1", "median", "q3", "max"
    );
    for column in found.columns.iter().take(48) {
        let name: String = plain(&column.name).chars().take(28).collect();
        let _ = write!(
            text,
            "{name:<28} {:<12} {:>8} {:>9}",
            column.role.name(),
            count(column.missing),
            count(column.distinct)
        );
        if let (Some(q), true) = (column.quartiles, column.kind != eddy_frame::Kind::Time) {
            for value in q {
                let _ = write!(text, " {:>11}", number(value));
            }
            if let Some(histogram) = &column.histogram {
                let _ = write!(text, "  {}", spark(&histogram.counts));
            }
        } else if !column.top.is_empty() {
            let top: Vec<String> = column
                .top
                .iter()
                .take(4)
                .map(|(level, n)| format!("{} {}", plain(level), count(*n)))
                .collect();
            let _ = write!(text, "  {}", top.join(", "));
        }
        text.push('\n');
    }
    if found.columns.len() > 48 {
        let _ = writeln!(text, "... and {} more columns (--json has all)", found.columns.len() - 48);
    }
    for caution in &found.cautions {
        let _ = writeln!(text, "careful    {}", plain(caution));
    }
    if let Some(labelled) = &found.labelled {
        classes_and_tests(&mut text, labelled);
    }
    strong_pairs(&mut text, found);
    if let Some(projection) = &found.projection {
        let [first, second] = projection.shares.map(|share| share * 100.0);
        let leading = |at: usize| {
            let names = projection.leading[at].iter().take(2).map(|(name, _)| plain(name));
            names.collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(
            text,
            "pca        two components hold {:.0} % of the variance of {} scaled columns: {first:.0} % ({}), {second:.0} % ({})",
            first + second,
            projection.n_columns,
            leading(0),
            leading(1)
        );
        if let Some(clustering) = &projection.clustering {
            clusters(&mut text, clustering);
        }
    }
    crate::terminal_series::series(&mut text, found);
    for list in &found.top {
        let items: Vec<String> =
            list.items.iter().take(6).map(|(name, n, _)| format!("{} {}", plain(name), count(*n))).collect();
        let _ = writeln!(text, "top        {}: {}", plain(&list.title), items.join(", "));
    }
    let input = plain(&inputs.join(" "));
    let _ = writeln!(text, "\nnext       eddy detect {input}");
    text
}

/// Features in the list of what tells attacks from normal rows.
const MOST_TESTS: usize = 8;

fn classes_and_tests(text: &mut String, labelled: &Labelled) {
    let Some(baseline) = labelled.baseline() else { return };
    let total: u64 = labelled.classes.iter().map(|class| class.rows).sum();
    let shown: Vec<String> = labelled
        .classes
        .iter()
        .take(6)
        .map(|class| {
            let name = if class.name.is_empty() { "(missing)".to_owned() } else { plain(&class.name) };
            format!("{name} {} ({:.1} %)", count(class.rows), class.rows as f64 / total as f64 * 100.0)
        })
        .collect();
    let more = labelled.classes.len().saturating_sub(6);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let _ = writeln!(text, "\nclasses    {}{more}", shown.join(", "));
    let _ = writeln!(
        text,
        "           {:.1} % are attacks; always naming one class is right for {:.1} %, always saying {} for {:.1} %",
        baseline.attacks * 100.0,
        baseline.most_common_class * 100.0,
        if baseline.attacks > 0.5 { "attack" } else { "normal" },
        baseline.attack_or_normal * 100.0
    );
    if labelled.tests.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "apart      attacks and normal rows by effect size, 0 (no difference) to 1 (no overlap):"
    );
    for test in labelled.tests.iter().take(MOST_TESTS) {
        let name: String = plain(&test.name).chars().take(28).collect();
        let _ = writeln!(
            text,
            "           {name:<28} {:.2} {:<10}  p {:<9}  {}",
            test.effect,
            test.strength(),
            p_in_words(test.difference.p_value().holm),
            plain(&test.in_words())
        );
    }
    let n = labelled.tests.len();
    let more = n.saturating_sub(MOST_TESTS);
    let more = if more > 0 { format!("and {more} more (--out FILE.html has all); ") } else { String::new() };
    let many = if total >= 5_000 { ", as nearly all are with many rows: go by the effect" } else { "" };
    let _ = writeln!(
        text,
        "           {more}{} of {n} are significant after Holm{many}",
        labelled.n_significant()
    );
}

fn strong_pairs(text: &mut String, found: &Exploration) {
    let d = found.correlated.len();
    let mut pairs: Vec<(usize, usize)> = (0..d).flat_map(|i| (i + 1..d).map(move |j| (i, j))).collect();
    pairs.retain(|(i, j)| found.pearson[i * d + j].abs() > 0.7);
    pairs.sort_by(|a, b| found.pearson[b.0 * d + b.1].abs().total_cmp(&found.pearson[a.0 * d + a.1].abs()));
    if pairs.is_empty() {
        return;
    }
    let more = match found.nearly_the_same.len() {
        0 => String::new(),
        1 => "; 1 pair beyond 0.9, linear or by rank".to_owned(),
        n => format!("; {n} pairs beyond 0.9, linear or by rank"),
    };
    let shown: Vec<String> = pairs
        .iter()
        .take(6)
        .map(|(i, j)| {
            let r = found.pearson[i * d + j];
            format!("{} ~ {} {r:.2}", plain(&found.correlated[*i]), plain(&found.correlated[*j]))
        })
        .collect();
    let _ = writeln!(text, "\ntogether   {}{more}", shown.join(", "));
}

/// Counts as a row of blocks.
fn spark(counts: &[u64]) -> String {
    let merged: Vec<f64> = counts.chunks(2).map(|pair| pair.iter().sum::<u64>() as f64).collect();
    blocks(&merged.iter().map(|value| value.sqrt()).collect::<Vec<_>>())
}

/// Values as a row of blocks, from the smallest to the largest; a missing one is a blank.
pub(crate) fn blocks(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    let place =
        |value: f64| if high > low { ((value - low) / (high - low) * 7.0).round() as usize } else { 0 };
    values.iter().map(|&value| if value.is_nan() { ' ' } else { BLOCKS[place(value).min(7)] }).collect()
}

/// Writes the report or a picture.
pub(crate) fn write_picture(run: &mut Run, path: &Path, ending: &str) -> anyhow::Result<()> {
    let report = eddy_engine::detect_report(run)?;
    let plot = eddy_report::Plot::default();
    let bytes = match ending {
        "svg" => eddy_report::svg(&report, &plot)?.into_bytes(),
        "png" => {
            let (width, height) = plot.natural_size();
            eddy_report::png(&report, &plot, width, height)?
        }
        _ => eddy_report::detect_html(&report).into_bytes(),
    };
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the page of an exploration.
pub(crate) fn write_exploration(found: &Exploration, path: &Path) -> anyhow::Result<()> {
    let page = eddy_report::explore_html(&eddy_engine::explore_report(found));
    std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))
}
