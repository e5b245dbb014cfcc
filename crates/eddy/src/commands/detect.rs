//! `eddy detect`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{EngineError, NothingToJudge, Run, RunOptions, detect};
use eddy_insight::{INCIDENT_FORMATS, IncidentFormat, Origin, Severity};

use crate::args::{FitArgs, ReadArgs, RuleArgs};
use crate::terminal;

/// Find what is unusual in a file, and why.
#[derive(Args)]
pub(crate) struct Detect {
    /// Files, folders, globs, or - for standard input; the format is found from the content
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) fit: FitArgs,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Where results go.
#[derive(Args, Clone, Default)]
pub(crate) struct OutputArgs {
    /// Print everything as JSON instead of the summary
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Write results; the ending decides: .csv .tsv .parquet .ndjson .json = the original rows with score and verdict,
    /// .html = report, .svg .png = picture. May be given several times
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    out: Vec<PathBuf>,
    /// Write the incidents to this file (- for standard output, instead of the summary)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    incidents: Option<PathBuf>,
    /// How incidents are written: json (everything), ocsf (Detection Finding), ecs, eve, stix or csv [default: csv for
    /// a file that ends in .csv, else json]
    #[arg(long, value_name = "FORMAT", value_parser = incident_format, requires = "incidents", help_heading = "Output")]
    incidents_as: Option<IncidentFormat>,
    /// Findings shown in the terminal
    #[arg(long, default_value_t = 10, value_name = "N", help_heading = "Output")]
    top: usize,
    /// End with exit code 3 when at least this many rows are flagged, or when there is an incident of at least this
    /// severity: low, medium or high
    #[arg(long, value_name = "N|SEVERITY", help_heading = "Output")]
    fail_on: Option<FailOn>,
}

/// What ends in exit code 3.
#[derive(Clone, Copy)]
enum FailOn {
    Flagged(u64),
    Incident(Severity),
}

impl std::str::FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "low" => Self::Incident(Severity::Low),
            "medium" => Self::Incident(Severity::Medium),
            "high" => Self::Incident(Severity::High),
            number => Self::Flagged(
                number
                    .parse()
                    .map_err(|_| "is neither a number of rows nor low, medium or high".to_owned())?,
            ),
        })
    }
}

/// A format of incidents by its name.
fn incident_format(text: &str) -> Result<IncidentFormat, String> {
    IncidentFormat::named(text).ok_or_else(|| {
        let names: Vec<&str> = INCIDENT_FORMATS.iter().map(|format| format.name).collect();
        format!("is none of {}", names.join(", "))
    })
}

impl OutputArgs {
    /// Writes the incidents, where asked for; whether standard output is taken by them.
    fn write_incidents(&self, run: &Run) -> anyhow::Result<bool> {
        let Some(path) = &self.incidents else { return Ok(false) };
        let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        let by_ending = IncidentFormat::named(if is_csv { "csv" } else { "json" });
        let Some(format) = self.incidents_as.or(by_ending) else { return Ok(false) };
        let origin = Origin {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sources: run.description.sources.clone(),
        };
        let text = format.write(&run.incidents, &origin);
        if path.as_os_str() == "-" {
            terminal::print(&text)?;
            return Ok(true);
        }
        std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(false)
    }

    /// Writes and prints what was asked for.
    pub(crate) fn deliver(
        &self,
        run: &mut Run,
        inputs: &[String],
        options: &RunOptions,
    ) -> anyhow::Result<u8> {
        for path in &self.out {
            crate::commands::detect::write(run, path, options)?;
        }
        let taken = self.write_incidents(run)?;
        if !taken && self.json {
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&terminal::run_json(run))?))?;
        } else if !taken {
            let wrote = self.out.iter().chain(&self.incidents).map(|path| path.display().to_string());
            let wrote: Vec<String> = wrote.collect();
            terminal::print(&terminal::summary(run, inputs, self.top, &wrote))?;
        }
        let failed = self.fail_on.is_some_and(|limit| match limit {
            FailOn::Flagged(limit) => run.flagged >= limit.max(1),
            FailOn::Incident(least) => run.incidents.iter().any(|incident| incident.severity >= least),
        });
        Ok(if failed { 3 } else { 0 })
    }

    /// Says what a capture without flows holds.
    fn nothing(&self, nothing: &NothingToJudge) -> anyhow::Result<u8> {
        let text = if self.json {
            format!("{}\n", serde_json::to_string_pretty(&terminal::nothing_json(nothing))?)
        } else {
            terminal::nothing(nothing, self.top, &self.out)
        };
        terminal::print(&text)?;
        let failed = match self.fail_on {
            Some(FailOn::Incident(least)) => nothing.incidents.iter().any(|one| one.severity >= least),
            _ => false,
        };
        Ok(if failed { 3 } else { 0 })
    }
}

/// Writes one output file, by its ending.
pub(crate) fn write(run: &mut Run, path: &std::path::Path, options: &RunOptions) -> anyhow::Result<()> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "html" | "svg" | "png" => crate::terminal::write_picture(run, path, &ending),
        _ => Ok(eddy_engine::write_table(run, path, options)?),
    }
}

impl Detect {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let mut options = self.read.options();
        options.rule = self.rule.rule()?;
        let mut run = match detect(&self.inputs, &self.fit.fitting()?, &options) {
            Err(EngineError::NothingToJudge(nothing)) => return self.output.nothing(&nothing),
            run => run?,
        };
        self.output.deliver(&mut run, &self.inputs, &options)
    }
}
