//! `eddy tune`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use eddy_engine::{CompareOptions, Dimension, Metric, Search, Split, TuneOptions, Tuning, tune};
use eddy_insight::count;

use super::compare::{ProtocolArgs, split};
use crate::args::{FitArgs, ReadArgs};
use crate::terminal;

/// Try values of a model's parameters, or of a step's, under one protocol.
#[derive(Args)]
pub(crate) struct Tune {
    /// Files with a label column
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    /// Values to try: NAME.PARAMETER=A,B,C, or NAME.PARAMETER=LOW..HIGH with --random (and :log after it where tenfolds
    /// count). NAME is the detector or a step. May be given several times
    #[arg(long = "try", required = true, value_name = "NAME.PARAMETER=VALUES")]
    space: Vec<Dimension>,
    /// Draw so many combinations at random instead of trying all
    #[arg(long, value_name = "TRIALS")]
    random: Option<usize>,
    /// What makes a trial better: roc-auc, average-precision, balanced-accuracy, accuracy, f1, macro-f1
    #[arg(long, default_value = "roc-auc")]
    metric: Metric,
    /// Which rows are measured on: random, stratified, time, time-in-class,
    /// official:FILE, group:COLUMN
    #[arg(long, default_value = "stratified", value_parser = split)]
    split: Split,
    /// Folds of a cross-validation; 1 holds rows out once
    #[arg(long, default_value_t = 3, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=100))]
    folds: u16,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    fit: FitArgs,
    /// Rows of the table
    #[arg(long, default_value_t = 20, value_name = "N", help_heading = "Output")]
    top: usize,
    /// Print all trials as JSON instead of the table
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Write every trial as it ends, one JSON object a line; a search that was cut short goes on where it stopped
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
}

impl Tune {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let fitting = self.fit.fitting()?;
        let Some(detector) = fitting.detector.clone() else {
            bail!("--detector: name the model whose parameters are to be tried (see `eddy models list`)");
        };
        let mut compare = CompareOptions {
            run: self.read.options(),
            split: self.split.clone(),
            folds: usize::from(self.folds),
            steps: fitting.steps,
            set: fitting.set,
            seed: fitting.seed,
            ..CompareOptions::default()
        };
        self.protocol.apply(&mut compare)?;
        let options = TuneOptions {
            compare,
            detector,
            space: self.space.clone(),
            search: self.random.map_or(Search::Grid, Search::Random),
            metric: self.metric,
            log: self.out.clone(),
        };
        let found = tune(&self.inputs, &options)?;
        if self.json {
            let whole = serde_json::json!({ "split": found.split, "trials": found.trials });
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&whole)?))?;
        } else {
            terminal::print(&table(&found, self.top))?;
        }
        Ok(0)
    }
}

/// The trials, best first.
fn table(found: &Tuning, top: usize) -> String {
    let mut text = format!("split      {}\ntrials     {}", found.split, count(found.trials.len() as u64));
    if found.resumed > 0 {
        let _ = write!(text, ", {} of them from the log", count(found.resumed as u64));
    }
    let _ = writeln!(
        text,
        "\n\n{:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9}  values",
        "metric", "ROC AUC", "balanced", "accuracy", "classes", "fit s", "size"
    );
    for trial in found.trials.iter().take(top) {
        let values: Vec<String> =
            trial.values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let values = terminal::plain(&values.join(" "));
        let (Some(metric), Some(binary)) = (trial.metric, &trial.binary) else {
            let why = trial.failed.as_deref().unwrap_or("no figure");
            let _ = writeln!(text, "{:>8} {:>54}  {values}: {}", "-", "", terminal::plain(why));
            continue;
        };
        let classes = trial.macro_f1.map_or("-".to_owned(), |f1| format!("{f1:.4}"));
        let _ = writeln!(
            text,
            "{metric:>8.5} {:>8.5} {:>8.4} {:>8.4} {classes:>8} {:>8.2} {:>9}  {values}",
            binary.roc_auc,
            binary.balanced_accuracy,
            binary.accuracy,
            trial.fit_seconds,
            count(trial.bytes)
        );
    }
    if found.trials.len() > top {
        let _ = writeln!(text, "and {} more (--top, --json)", count((found.trials.len() - top) as u64));
    }
    text.push_str(
        "\nThe best of many trials looks a little better than it is: measure it once more on rows that no trial saw.\n",
    );
    text
}
