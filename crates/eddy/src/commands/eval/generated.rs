//! `eddy eval generated`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{GeneratedOptions, GeneratedReport, eval_generated};
use eddy_insight::count;
use serde_json::Value;

use super::{pages, shown};
use crate::terminal;

/// Generated series with planted events.
///
/// Each series has a day, a week, a trend, noise and gaps of its own, and two planted events; others are pure noise,
/// pure season, or season and noise in whole numbers. The detector runs over each from its beginning, as it would on a stream.
#[derive(Args)]
pub(crate) struct Generated {
    /// Series with planted events; a fifth as many again are pure noise, as many pure season, and as many whole numbers
    #[arg(long, default_value_t = 300, value_name = "N")]
    series: usize,
    /// Where random choices start
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Detector (see `eddy models list`)
    #[arg(long, short, default_value = "series_ensemble", value_name = "NAME")]
    detector: String,
    /// Set a parameter of the detector
    #[arg(long, value_name = "PARAMETER=VALUE")]
    set: Vec<String>,
    /// Write everything as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables as a page that works from disk
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Generated {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let mut params = serde_json::Map::new();
        for text in &self.set {
            let (name, value) =
                text.split_once('=').with_context(|| format!("--set {text}: write PARAMETER=VALUE"))?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            params.insert(name.trim().to_owned(), value);
        }
        let params = if params.is_empty() { Value::Null } else { Value::Object(params) };
        let options = GeneratedOptions {
            n_series: self.series,
            seed: self.seed,
            detector: self.detector.clone(),
            params,
        };
        let report = eval_generated(&options)?;
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_vec_pretty(&report)?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        if let Some(path) = &self.html {
            pages::write(path, &pages::generated(&report))?;
        }
        terminal::print(&table(&report))?;
        Ok(0)
    }
}

fn table(report: &GeneratedReport) -> String {
    let mut text = format!(
        "{} over {} points; an alarm is {}\n\n| event | size | found | share | median delay, min |\n|---|---|---|---|---|\n",
        report.detector,
        count(report.points as u64),
        report.alarm_rule
    );
    for cell in &report.found {
        let share = (cell.planted > 0).then(|| cell.found as f64 / cell.planted as f64);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} of {} | {} | {} |",
            cell.kind,
            cell.size,
            cell.found,
            cell.planted,
            shown(share, 2),
            shown(cell.median_delay_min, 0)
        );
    }
    text.push_str("\n| series | interval, s | series-days | false events | in 30 series-days |\n|---|---|---|---|---|\n");
    for sum in &report.false_alarms {
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {} | {:.2} |",
            sum.ground,
            sum.interval_s,
            sum.series_days,
            sum.events,
            sum.in_thirty_days()
        );
    }
    text
}
