//! `eddy compare`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use eddy_engine::{CompareOptions, Comparison, Detail, Leaks, Split, Target, compare, compare_report};
use eddy_insight::count;
use eddy_report::compare_html;

use crate::args::{FitArgs, ReadArgs};
use crate::terminal;

/// Train models on labelled rows under one protocol, and say how far the figures can be trusted.
#[derive(Args)]
pub(crate) struct Compare {
    /// Files with a label column
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    /// Models to compare; by default all that suit
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    models: Vec<String>,
    /// Which rows are measured on: random, stratified, time, time-in-class,
    /// official:FILE, group:COLUMN
    #[arg(long, default_value = "stratified", value_parser = split)]
    split: Split,
    /// Folds of a cross-validation; 1 holds rows out once
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=100))]
    folds: u16,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    fit: FitArgs,
    /// Print everything as JSON instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Write everything: .html = report, .json. May be given several times
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: Vec<PathBuf>,
}

/// What is learned and how it is measured.
#[derive(Args)]
pub(crate) struct ProtocolArgs {
    /// Share of the rows that is measured on, with one fold
    #[arg(long, default_value_t = 0.3, value_name = "SHARE")]
    test_share: f64,
    /// Classes to keep from the models, to see whether they are caught all the same
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    holdout_class: Vec<String>,
    /// What models that learn from labels learn: every class, or attacks from normal rows only
    #[arg(long, value_enum, default_value = "classes")]
    target: TargetArg,
    /// Use columns that give the label away as well, to see what they are worth
    #[arg(long)]
    with_leaks: bool,
    /// How rare attacks are where the model is to work
    #[arg(long, value_name = "SHARE,...", value_delimiter = ',', default_values_t = [1e-2, 1e-3, 1e-4])]
    base_rate: Vec<f64>,
}

impl ProtocolArgs {
    /// Checks the flags and puts them where they belong.
    pub(crate) fn apply(&self, options: &mut CompareOptions) -> anyhow::Result<()> {
        if !(self.test_share > 0.0 && self.test_share < 1.0) {
            bail!("--test-share {}: a share above 0 and below 1 is needed", self.test_share);
        }
        if let Some(rate) = self.base_rate.iter().find(|rate| !(**rate > 0.0 && **rate < 1.0)) {
            bail!("--base-rate {rate}: a share above 0 and below 1 is needed");
        }
        options.test_share = self.test_share;
        options.base_rates.clone_from(&self.base_rate);
        options.holdout.clone_from(&self.holdout_class);
        options.target = match self.target {
            TargetArg::Classes => Target::Classes,
            TargetArg::Attack => Target::Attack,
        };
        options.leaks = if self.with_leaks { Leaks::Used } else { Leaks::LeftOut };
        Ok(())
    }
}

#[derive(clap::ValueEnum, Clone, Copy)]
enum TargetArg {
    Classes,
    Attack,
}

pub(crate) fn split(text: &str) -> Result<Split, String> {
    text.parse()
}

impl Compare {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let fitting = self.fit.fitting()?;
        let mut options = CompareOptions {
            run: self.read.options(),
            detectors: self.models.iter().cloned().chain(fitting.detector.clone()).collect(),
            split: self.split.clone(),
            folds: usize::from(self.folds),
            steps: fitting.steps,
            set: fitting.set,
            seed: fitting.seed,
            detail: if self.json || !self.out.is_empty() { Detail::Everything } else { Detail::Figures },
            ..CompareOptions::default()
        };
        self.protocol.apply(&mut options)?;
        let found = compare(&self.inputs, &options)?;
        let whole = serde_json::json!({
            "read": { "description": found.description, "stats": found.stats },
            "label": found.label,
            "classes": found.classes,
            "split": found.split,
            "models": found.contenders,
            "agreement": found.agreement,
            "checks": found.checks,
        });
        for path in &self.out {
            let is_page = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html"));
            let text = if is_page {
                compare_html(&compare_report(&found))
            } else {
                serde_json::to_string_pretty(&whole)? + "\n"
            };
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
        if self.json {
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))?;
        } else {
            terminal::print(&leaderboard(&found))?;
        }
        Ok(0)
    }
}

/// The models, best first, and what was looked into.
fn leaderboard(found: &Comparison) -> String {
    let mut text = String::new();
    let shown: Vec<String> = found
        .classes
        .iter()
        .take(6)
        .map(|class| format!("{} {}", terminal::plain(&class.name), count(class.rows)))
        .collect();
    let more = found.classes.len().saturating_sub(6);
    let _ =
        writeln!(text, "read       {} rows, {}", count(found.stats.rows_read), found.description.shape.title);
    let _ = writeln!(
        text,
        "label      {}: {} classes ({}{})",
        terminal::plain(&found.label),
        found.classes.len(),
        shown.join(", "),
        if more > 0 { format!(" and {more} more") } else { String::new() }
    );
    let _ = writeln!(text, "split      {}\n", found.split);
    let _ = writeln!(
        text,
        "{:<28} {:>8} {:>8} {:>7} {:>7} {:>7} {:>8} {:>8} {:>8} {:>7} {:>7} {:>9}",
        "model",
        "balanced",
        "accuracy",
        "recall",
        "false+",
        "F1",
        "ROC AUC",
        "classes",
        "at 1e-4",
        "fit s",
        "score s",
        "size"
    );
    for one in &found.contenders {
        let Some(binary) = &one.binary else {
            let why = one.failed.as_deref().unwrap_or("the measured rows hold only attacks, or none");
            let _ = writeln!(text, "{:<28} {}", one.detector, terminal::plain(why));
            continue;
        };
        let classes = one.multi.as_ref().map_or("-".to_owned(), |multi| format!("{:.4}", multi.macro_f1));
        let rarest = binary.at_base_rates.last().map_or(0.0, |(_, precision)| *precision);
        let name =
            if one.learned_from == "labels" { one.detector.clone() } else { format!("{} *", one.detector) };
        let _ = writeln!(
            text,
            "{name:<28} {:>8.4} {:>8.4} {:>7.4} {:>7.4} {:>7.4} {:>8.5} {classes:>8} {:>7.1}% {:>7.2} {:>7.2} {:>9}",
            binary.balanced_accuracy,
            binary.accuracy,
            binary.recall,
            binary.false_positive_rate,
            binary.f1,
            binary.roc_auc,
            rarest * 100.0,
            one.fit_seconds,
            one.score_seconds,
            count(one.bytes)
        );
        for (class, rows, caught) in &one.unseen {
            let share = 100.0 * *caught as f64 / (*rows).max(1) as f64;
            let _ = writeln!(
                text,
                "    never shown '{}': {} of {} rows caught ({share:.1} %)",
                terminal::plain(class),
                count(*caught),
                count(*rows)
            );
        }
    }
    text.push_str(
        "\n* learned from the normal rows alone. balanced: mean of the recall of attacks and of normal rows; false+:\n\
         share of normal rows flagged; classes: mean F1 of all classes; at 1e-4 (or the last --base-rate): share of\n\
         alarms that would be real if one row in 10,000 were an attack.\n\nhow far to trust this\n",
    );
    for check in &found.checks {
        let mark = if check.found { "careful" } else { "       " };
        let _ = writeln!(text, "  {mark}  {}: {}", check.name, terminal::plain(&check.evidence));
    }
    text
}
