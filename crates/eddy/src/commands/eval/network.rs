//! `eddy eval network`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{NetworkOptions, NetworkReport, eval_network};
use eddy_insight::{Severity, count};
use eddy_sim::{Behaviour, OfficeHabits};

use super::{confidences, time};
use crate::terminal;

/// Generated networks with planted behaviours.
///
/// Each network is watched for a day as `eddy detect` watches flows. Strength, time and hosts of what is planted are
/// drawn by the seed. Prints how much was found and how soon, false incidents a day, and how far confidence can be
/// trusted.
#[derive(Args)]
pub(crate) struct Network {
    /// How many networks
    #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    first_seed: u64,
    /// How long each is watched
    #[arg(long, default_value_t = 24.0, value_name = "HOURS")]
    duration: f64,
    /// Hosts of each
    #[arg(long, default_value_t = 50)]
    hosts: usize,
    /// Scales how often hosts talk; the default gives about a million flows a day with 50 hosts
    #[arg(long, default_value_t = NetworkOptions::default().rate, value_name = "FACTOR")]
    rate: f64,
    /// What the networks are used to: usual, or unlike (cameras, copies to a store outside, a scanner with leave,
    /// administration by a server, crowds behind few addresses) as a check on false alarms
    #[arg(long, default_value = "usual", value_parser = habits)]
    habits: OfficeHabits,
    /// What to plant: names, `default` for a mix of ten, `all` for everything that flows show, `none`
    #[arg(long, value_delimiter = ',', default_value = "default", value_name = "BEHAVIOUR,...")]
    plant: Vec<String>,
    /// Strengths are drawn between one part in so many and so many times the typical one
    #[arg(long, default_value_t = 2.0, value_name = "FACTOR")]
    spread: f64,
    /// Print every false incident
    #[arg(long = "false", help_heading = "Output")]
    show_false: bool,
    /// Write everything as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
}

fn habits(text: &str) -> Result<OfficeHabits, String> {
    match text {
        "usual" => Ok(OfficeHabits::Usual),
        "unlike" => Ok(OfficeHabits::Unlike),
        other => Err(format!("'{other}' is neither usual nor unlike")),
    }
}

impl Network {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let mut behaviours = Vec::new();
        for name in &self.plant {
            match name.as_str() {
                "none" | "" => {}
                "default" => behaviours.extend(Behaviour::MIX),
                // ARP is in packets, not in flows.
                "all" => behaviours.extend(Behaviour::ALL.iter().filter(|one| one.name() != "arp-spoofing")),
                name => behaviours.push(Behaviour::parse(name)?),
            }
        }
        let options = NetworkOptions {
            seeds: self.seeds,
            first_seed: self.first_seed,
            hours: self.duration,
            hosts: self.hosts,
            rate: self.rate,
            habits: self.habits,
            behaviours,
            spread: self.spread,
        };
        let report = eval_network(&options)?;
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&report)? + "\n")
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        terminal::print(&table(&report, self.show_false))?;
        Ok(0)
    }
}

fn table(report: &NetworkReport, show_false: bool) -> String {
    let mut text = format!(
        "{} networks, {} flows in {:.1} days\n\n\
         | behaviour | found | share | right host, any kind | median time to detect | nine in ten within |\n\
         |---|---|---|---|---|---|\n",
        report.options.seeds,
        count(report.flows),
        report.days
    );
    for one in &report.found {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} of {} | {:.0} % | {} | {} | {} |",
            one.behaviour,
            one.found,
            one.planted,
            100.0 * one.found as f64 / one.planted.max(1) as f64,
            one.seen,
            time(one.median_delay_s),
            time(one.late_delay_s)
        );
    }
    let _ = writeln!(
        text,
        "\nfalse incidents a day: {:.2} (severity medium or more {:.2}, high {:.2}; most in one network {})\n",
        report.false_per_day(Severity::Low),
        report.false_per_day(Severity::Medium),
        report.false_per_day(Severity::High),
        report.most_false()
    );
    text.push_str(&confidences(&report.bands));
    if show_false && !report.false_incidents.is_empty() {
        text.push_str("\n| seed | hours after start | severity | confidence | false incident |\n|---|---|---|---|---|\n");
        for one in &report.false_incidents {
            let sentence = terminal::plain(&one.raised.sentence).replace('|', "/");
            let _ = writeln!(
                text,
                "| {} | {:.2} | {:?} | {:.2} | {}: {sentence} |",
                one.seed, one.at_hours, one.raised.severity, one.raised.confidence, one.raised.kind
            );
        }
    }
    text
}
