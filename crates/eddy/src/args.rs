//! Flags that several commands share.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Args as ClapArgs, Parser};
use eddy_detect::{FitStep, Fraction, Rule, Seed, StepSpec};
use eddy_engine::{FitOn, Fitting, RunOptions, Stage};
use eddy_io::{Overrides, ReadOptions};
use eddy_series::Resample;
use serde_json::Value;

/// Finds what is unusual in network traffic, says why, and says what to do about it. Offline; nothing leaves this
/// machine.
#[derive(Parser)]
#[command(name = "eddy", version, max_term_width = 110)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: crate::commands::Command,
}

/// What to read, and what the columns are for.
#[derive(ClapArgs, Clone, Default)]
pub(crate) struct ReadArgs {
    /// Label column (the truth, if somebody wrote it down); used to measure, never as a feature
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub(crate) label: Option<String>,
    /// Time column
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub(crate) time: Option<String>,
    /// Use these columns as features and no others
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) features: Vec<String>,
    /// Leave these columns out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) ignore: Vec<String>,
    /// Columns that name whom a row is about; each one's rows are a series of their own
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    pub(crate) entity: Vec<String>,
    /// Bring rows to even steps first: a duration, and what stands for the values in it (mean, sum, max, min, last or
    /// count); steps without a row stay missing. A saved model remembers it
    #[arg(long, value_name = "5m[:mean]", help_heading = "Columns")]
    pub(crate) resample: Option<Resample>,
    /// Keep rows in memory up to this size; a larger input is read again for each pass
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    pub(crate) max_memory: usize,
    /// No progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl ReadArgs {
    pub(crate) fn options(&self) -> RunOptions {
        let max_memory = if self.max_memory == 0 { 1 << 30 } else { self.max_memory };
        RunOptions {
            read: ReadOptions {
                overrides: Overrides {
                    label: self.label.clone(),
                    time: self.time.clone(),
                    features: self.features.clone(),
                    ignore: self.ignore.clone(),
                    entity: self.entity.clone(),
                },
                max_flow_memory: max_memory / 4,
                ..ReadOptions::default()
            },
            resample: self.resample,
            max_memory,
            progress: if self.quiet { Arc::new(|_, _, _| {}) } else { progress() },
            fit_progress: if self.quiet { Arc::new(|_| {}) } else { fit_progress() },
            ..RunOptions::default()
        }
    }
}

/// A line on standard error, once a run takes over a second, twice a second at most.
fn progress() -> Arc<dyn Fn(Stage, u64, u64) + Send + Sync> {
    use std::io::IsTerminal;
    let started = Instant::now();
    let last = std::sync::Mutex::new((0u128, false));
    let terminal = std::io::stderr().is_terminal();
    Arc::new(move |stage, rows, of| {
        let now = started.elapsed().as_millis();
        let Ok(mut last) = last.lock() else { return };
        let gap = if terminal { 500 } else { 10_000 };
        let done = stage != Stage::Read && rows >= of;
        if now < 1_000 || (now < last.0 + gap && !(done && last.1)) {
            return;
        }
        *last = (now, true);
        let text = match stage {
            Stage::Read => format!("read {rows} rows, {} MB", of / 1_000_000),
            Stage::Fit => format!("learning from {rows} rows"),
            Stage::Compare => format!("compared {rows} of {of} models"),
            Stage::Score => format!("scored {rows} of {of} rows"),
            Stage::Write => format!("wrote {rows} of {of} rows"),
        };
        if terminal {
            eprint!("\r\x1b[K{text}{}", if done { "\r\x1b[K" } else { "" });
        } else {
            eprintln!("eddy: {text}");
        }
    })
}

/// A bar on standard error while a detector learns step by step, with what it makes small; nothing in the first second.
fn fit_progress() -> Arc<dyn Fn(&FitStep) + Send + Sync> {
    use std::io::IsTerminal;
    let started = Instant::now();
    let last = std::sync::Mutex::new(0u128);
    let terminal = std::io::stderr().is_terminal();
    Arc::new(move |step| {
        let now = started.elapsed().as_millis();
        let Ok(mut last) = last.lock() else { return };
        if now < 1_000 || now < *last + if terminal { 100 } else { 10_000 } {
            return;
        }
        *last = now;
        let full = 20 * step.done / step.of.max(1);
        let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(20 - full.min(20)));
        let held_out =
            step.held_out_loss.map_or(String::new(), |loss| format!(", {loss:.5} on rows held out"));
        let text = format!(
            "{bar} {} {} of at most {}, loss {:.5}{held_out}",
            step.what, step.done, step.of, step.loss
        );
        if terminal {
            eprint!("\r\x1b[K{text}{}", if step.done >= step.of { "\r\x1b[K" } else { "" });
        } else {
            eprintln!("eddy: {text}");
        }
    })
}

/// `512MiB`, `2GB`, `1000000`.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim();
    let unit = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "kb" => 1_000,
        "m" | "mib" => 1 << 20,
        "mb" => 1_000_000,
        "g" | "gib" => 1 << 30,
        "gb" => 1_000_000_000,
        other => return Err(format!("'{other}' is no unit; use B, KiB, MiB or GiB")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("'{text}' is no size; write for example 512MiB"))?;
    if number > 0.0 { Ok((number * f64::from(unit)) as usize) } else { Err("a size must be above 0".into()) }
}

/// What to fit.
#[derive(ClapArgs, Clone, Default)]
pub(crate) struct FitArgs {
    /// Detector (see `eddy models list`); by default a small ensemble that explains well
    #[arg(long, short, value_name = "NAME", help_heading = "Model")]
    pub(crate) detector: Option<String>,
    /// A detector with everything around it: `nids` learns the labelled attacks and what is normal, to catch attacks
    /// that it was never shown as well; `normals` learns what is normal and needs no attack label (with `--fit-on
    /// normal` where there are labels)
    #[arg(long, value_name = "NAME", value_parser = ["nids", "normals"], conflicts_with = "detector", help_heading = "Model")]
    recipe: Option<String>,
    /// Steps before the detector, in order, instead of those chosen from the columns
    #[arg(long, value_name = "STEP,...", value_delimiter = ',', help_heading = "Model")]
    steps: Option<Vec<String>>,
    /// Set a parameter of the detector or of a step
    #[arg(long, value_name = "NAME.PARAMETER=VALUE", help_heading = "Model")]
    set: Vec<String>,
    /// Where random choices start: the same seed gives the same result on any number of threads
    #[arg(long, default_value_t = 42, help_heading = "Model")]
    seed: u64,
    /// Which rows to learn from: all, or only those labelled normal
    #[arg(long, value_enum, default_value = "all", help_heading = "Model")]
    fit_on: FitOnArg,
}

#[derive(clap::ValueEnum, Clone, Copy, Default)]
enum FitOnArg {
    #[default]
    All,
    Normal,
}

impl FitArgs {
    pub(crate) fn fitting(&self) -> anyhow::Result<Fitting> {
        let set = self
            .set
            .iter()
            .map(|text| {
                let (path, value) = text
                    .split_once('=')
                    .with_context(|| format!("--set {text}: write NAME.PARAMETER=VALUE"))?;
                let (owner, name) = path
                    .split_once('.')
                    .with_context(|| format!("--set {text}: write NAME.PARAMETER=VALUE"))?;
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
                Ok((owner.trim().to_owned(), name.trim().to_owned(), value))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        // Distances from normal rows see a level that no normal row has as a column of its own, not as a rare one.
        let mut defaults = Vec::new();
        if self.recipe.as_deref() == Some("normals") && self.steps.is_none() {
            defaults.push(("encode".to_owned(), "method".to_owned(), Value::from("one_hot")));
            defaults.push(("encode".to_owned(), "max_levels".to_owned(), Value::from(128)));
        }
        defaults.extend(set);
        Ok(Fitting {
            steps: self.steps.as_ref().map(|steps| {
                steps
                    .iter()
                    .filter(|s| !s.trim().is_empty())
                    .map(|s| StepSpec::new(&s.trim().replace('-', "_")))
                    .collect()
            }),
            detector: self.detector.clone().or_else(|| self.recipe.clone()),
            set: defaults,
            seed: Seed::try_from(self.seed as f64).map_err(|reason| anyhow::anyhow!("--seed: {reason}"))?,
            fit_on: match self.fit_on {
                FitOnArg::All => FitOn::All,
                FitOnArg::Normal => FitOn::Normal,
            },
        })
    }
}

/// How many rows to flag.
#[derive(ClapArgs, Clone, Default)]
#[group(multiple = false)]
pub(crate) struct RuleArgs {
    /// Flag as many rows as the data bear out: at most this share of them is expected to be ordinary [default: 0.05]
    #[arg(long, value_name = "SHARE", help_heading = "How many to flag")]
    error_rate: Option<f64>,
    /// Flag rows at least as strange as this share of typical rows: about that share of the ordinary rows is flagged,
    /// however many attacks there are
    #[arg(long, value_name = "SHARE", help_heading = "How many to flag")]
    false_positive_rate: Option<f64>,
    /// Flag this share of the rows whatever they are, or `auto` for the detector's own threshold
    #[arg(long, value_name = "SHARE|auto", help_heading = "How many to flag")]
    contamination: Option<String>,
    /// Flag this many rows whatever they are
    #[arg(long, value_name = "ROWS", help_heading = "How many to flag")]
    budget: Option<u64>,
    /// Flag rows with at least this anomaly score (0 to 1)
    #[arg(long, value_name = "SCORE", help_heading = "How many to flag")]
    threshold: Option<f64>,
}

impl RuleArgs {
    pub(crate) fn rule(&self) -> anyhow::Result<Option<Rule>> {
        let share = |flag: &str, value: f64| {
            Fraction::try_from(value).map_err(|reason| anyhow::anyhow!("--{flag}: {reason}"))
        };
        if let Some(rate) = self.false_positive_rate {
            return Ok(Some(Rule::FalsePositiveRate(share("false-positive-rate", rate)?)));
        }
        Ok(Some(match (self.error_rate, &self.contamination, self.budget, self.threshold) {
            (Some(q), ..) => Rule::ErrorRate(share("error-rate", q)?),
            (_, Some(text), ..) if text == "auto" => Rule::Natural,
            (_, Some(text), ..) => Rule::Contamination(share(
                "contamination",
                text.parse().with_context(|| {
                    format!("--contamination {text}: write a share such as 0.01, or auto")
                })?,
            )?),
            (_, _, Some(n), _) => Rule::Budget(n),
            (_, _, _, Some(score)) if (0.0..=1.0).contains(&score) => Rule::Score(score),
            (_, _, _, Some(score)) => bail!("--threshold {score}: an anomaly score lies between 0 and 1"),
            _ => return Ok(None),
        }))
    }
}
