//! `eddy eval captures`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{CaptureVerdict, CapturesOptions, CapturesReport, eval_captures};

use super::confidences;
use crate::terminal;

/// Captures and logs of which it is known who did what to whom.
///
/// Watches each as `eddy detect` does and says whether the first incident names the actor, the target and the kind, at
/// which rank the right one stands, and what else was raised. The table of what is known names its sources; captures
/// that are not in the folder are left out.
#[derive(Args)]
pub(crate) struct Captures {
    /// Folder with the captures
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only files whose name holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Another table of what is known: file, kind, actor, target and source between tabs
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Print every incident
    #[arg(long, help_heading = "Output")]
    all: bool,
    /// Write everything as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
}

impl Captures {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = CapturesOptions {
            folder: self.folder.clone(),
            only: self.only.clone(),
            truth: self.truth.clone(),
        };
        let report = eval_captures(&options)?;
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        terminal::print(&table(&report, self.all))?;
        Ok(0)
    }
}

fn tick(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}

fn table(report: &CapturesReport, all: bool) -> String {
    let mut text = String::from(
        "| capture | known | actor | target | kind | rank | first incident | others: high, medium, low |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    let line = |text: &mut String, one: &CaptureVerdict| {
        let first = one.error.clone().unwrap_or_else(|| {
            one.raised.first().map_or_else(|| "none".into(), |first| first.sentence.clone())
        });
        let [high, medium, low] = one.others;
        let rank = one.rank.map_or_else(|| "-".into(), |rank| rank.to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {rank} | {} | {high}, {medium}, {low} |",
            terminal::plain(&one.file),
            one.known,
            tick(one.actor_first),
            tick(one.target_first),
            tick(one.kind_first),
            terminal::plain(&first).replace('|', "/"),
        );
    };
    report.captures.iter().filter(|one| !one.is_benign).for_each(|one| line(&mut text, one));
    for one in &report.captures {
        let Some(coverage) = &one.coverage else { continue };
        let _ = writeln!(
            text,
            "\n{}: incidents of severity medium or more cover {} of {} flows labelled as attacks (recall {:.3}); of the {} \
             flows they cover {:.3} are attacks (precision)",
            one.file,
            coverage.covered_attacks,
            coverage.attacks,
            coverage.recall(),
            coverage.covered,
            coverage.precision()
        );
        for (label, covered, flows) in &coverage.by_label {
            let _ = writeln!(text, "  {}: {covered} of {flows}", terminal::plain(label));
        }
    }
    text.push_str(
        "\nCaptures without anything in them that have an incident:\n\n\
         | capture | first incident | high, medium, low |\n|---|---|---|\n",
    );
    for one in report.captures.iter().filter(|one| one.is_benign && !one.raised.is_empty()) {
        let [high, medium, low] = one.others;
        let first = one.raised.first().map_or("", |first| first.sentence.as_str());
        let name = terminal::plain(&one.file);
        let first = terminal::plain(first).replace('|', "/");
        let _ = writeln!(text, "| {name} | {first} | {high}, {medium}, {low} |");
    }
    if all {
        for one in &report.captures {
            for (at, raised) in one.raised.iter().enumerate() {
                let sentence = terminal::plain(&raised.sentence);
                let kind = terminal::plain(&raised.kind);
                let _ = writeln!(
                    text,
                    "{} {}. {kind} [{:?} {:.2}] {sentence}",
                    terminal::plain(&one.file),
                    at + 1,
                    raised.severity,
                    raised.confidence
                );
            }
        }
    }
    text.push_str(&totals(report));
    text.push('\n');
    text.push_str(&confidences(&report.bands()));
    text
}

fn totals(report: &CapturesReport) -> String {
    let (known, right) = report.right();
    let (benign, high) = report.benign();
    let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
    let mut text = format!(
        "\nactor and kind right in the first incident: {right} of {known} captures ({:.0} %)\n\
         captures without anything in them that have an incident of severity high or more: {high} of {benign} ({:.1} %)\n",
        share(right, known),
        share(high, benign)
    );
    let unread: Vec<&CaptureVerdict> = report.captures.iter().filter(|one| one.error.is_some()).collect();
    if !unread.is_empty() {
        let attacks = unread.iter().filter(|one| !one.is_benign).count();
        let _ = writeln!(
            text,
            "captures that hold no flows or cannot be read: {} ({attacks} of them with something in them)",
            unread.len()
        );
    }
    if !report.missing.is_empty() {
        let _ = writeln!(text, "not in the folder: {}", report.missing.join(", "));
    }
    text
}
