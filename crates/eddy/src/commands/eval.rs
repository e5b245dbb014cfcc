//! `eddy eval`

mod captures;
mod drills;
mod generated;
mod nab;
mod network;
mod pages;
mod series;

use std::fmt::Write as _;

use anyhow::Context;
use clap::{Args, Subcommand};
use eddy_detect::Seed;
use eddy_engine::{Band, EventsOf};
use serde_json::Value;

/// Hold detectors against their judges.
#[derive(Args)]
pub(crate) struct Eval {
    #[command(subcommand)]
    judge: Judge,
}

#[derive(Subcommand)]
enum Judge {
    /// The Numenta Anomaly Benchmark: leaderboard in three profiles, or files of results
    Nab(nab::Nab),
    /// Any labelled series: volumes under surfaces, events, false alarms a day, time to detect
    Series(series::Series),
    /// Generated series with planted events: detection rate, delay and false alarms by kind and size
    Generated(generated::Generated),
    /// Captures and logs of which it is known who did what to whom: incidents right, and false ones
    Captures(captures::Captures),
    /// Short generated captures of one attack each, recorded in several ways: incidents right
    Drills(drills::Drills),
    /// Generated networks with planted behaviours: detection rate, time to detect, false incidents a day
    Network(network::Network),
}

impl Eval {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        match &self.judge {
            Judge::Nab(judge) => judge.run(),
            Judge::Series(judge) => judge.run(),
            Judge::Generated(judge) => judge.run(),
            Judge::Captures(judge) => judge.run(),
            Judge::Drills(judge) => judge.run(),
            Judge::Network(judge) => judge.run(),
        }
    }
}

/// What confidence was worth, as cells of a table: incidents, true ones, their share, mean confidence.
fn numbers(band: &Band) -> String {
    let Band { incidents, right, mean_confidence, .. } = band;
    let share = *right as f64 / (*incidents).max(1) as f64;
    format!("{incidents} | {right} | {share:.2} | {mean_confidence:.2}")
}

/// A table of what confidence was worth.
fn confidences(bands: &[Band]) -> String {
    let mut text = String::from(
        "| confidence from | incidents | true | share true | mean confidence |\n|---|---|---|---|---|\n",
    );
    for band in bands {
        let _ = writeln!(text, "| {:.1} | {} |", band.from, numbers(band));
    }
    text
}

/// Which detectors, and how.
#[derive(Args)]
struct WhichArgs {
    /// Detector (see `eddy models list`); may be given several times; by default the ensemble for series
    #[arg(long, short, value_name = "NAME", help_heading = "Model")]
    detector: Vec<String>,
    /// Set a parameter of a detector
    #[arg(long, value_name = "NAME.PARAMETER=VALUE", help_heading = "Model")]
    set: Vec<String>,
    /// Where random choices start
    #[arg(long, default_value_t = 42, help_heading = "Model")]
    seed: u64,
    /// Surprise from which a row raises an alarm (-log10 of the share of typical rows), for detectors that raise no
    /// alarms themselves
    #[arg(long, value_name = "SURPRISE", default_value_t = 5.0)]
    alarm_surprise: f64,
    /// Judge detectors that raise no alarms themselves by events made of their scores: a row opens one that scores
    /// higher than all rows of the last fifth of the rows that are not judged
    #[arg(long)]
    records: bool,
    /// Alarms a day and series that there is time to look at
    #[arg(long, value_name = "ALARMS", default_value_t = 0.14)]
    alarms_per_day: f64,
}

/// A parameter that was set: detector, parameter, value.
type SetParam = (String, String, Value);

impl WhichArgs {
    fn set(&self) -> anyhow::Result<Vec<SetParam>> {
        self.set
            .iter()
            .map(|text| {
                let help = || format!("--set {text}: write NAME.PARAMETER=VALUE");
                let (path, value) = text.split_once('=').with_context(help)?;
                let (owner, name) = path.split_once('.').with_context(help)?;
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
                Ok((owner.trim().to_owned(), name.trim().to_owned(), value))
            })
            .collect()
    }

    fn events_of(&self) -> EventsOf {
        if self.records { EventsOf::Records } else { EventsOf::Scores }
    }

    fn seed(&self) -> anyhow::Result<Seed> {
        Seed::try_from(self.seed as f64).map_err(|reason| anyhow::anyhow!("--seed: {reason}"))
    }

    fn check(&self) -> anyhow::Result<()> {
        for (flag, value) in
            [("alarm-surprise", self.alarm_surprise), ("alarms-per-day", self.alarms_per_day)]
        {
            anyhow::ensure!(
                value.is_finite() && value >= 0.0,
                "--{flag} {value}: a number of 0 or more is needed"
            );
        }
        Ok(())
    }
}

/// A number that may be missing.
fn shown(number: Option<f64>, decimals: usize) -> String {
    number
        .filter(|number| number.is_finite())
        .map_or_else(|| "-".to_owned(), |number| format!("{number:.decimals$}"))
}

/// A stretch of time in words.
fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "-".to_owned(),
        Some(seconds) if seconds < 120.0 => format!("{seconds:.0} s"),
        Some(seconds) if seconds < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        Some(seconds) if seconds < 172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        Some(seconds) => format!("{:.1} days", seconds / 86_400.0),
    }
}
