//! `eddy eval series`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{SeriesOptions, SeriesStanding, Together, ToldBy, eval_series};
use eddy_eval::EventFigures;
use eddy_frame::{TimeStyle, format_time};
use eddy_insight::count;

use super::{WhichArgs, pages, shown, time};
use crate::args::ReadArgs;
use crate::terminal;

/// Any labelled series.
///
/// Each file (and each entity in it) is a series of its own. Detectors learn from its beginning only and are judged on
/// the rest. The label column says which rows are anomalous; adjacent ones are one window.
#[derive(Args)]
pub(crate) struct Series {
    /// Files of series
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    /// Windows instead of a label column: JSON of file names with the first and last time of each window, as in NAB
    #[arg(long, value_name = "FILE")]
    windows: Option<PathBuf>,
    /// Share of each series to learn from, which is not judged [default: 15 %, but never more than 750 rows]
    #[arg(long, value_name = "SHARE")]
    warm_up: Option<f64>,
    /// The windows are of each file as a whole, such as a port that was shut: any series of the file may tell them
    #[arg(long)]
    together: bool,
    #[command(flatten)]
    which: WhichArgs,
    #[command(flatten)]
    read: ReadArgs,
    /// Print what every series came to
    #[arg(long = "per-series", help_heading = "Output")]
    each: bool,
    /// Write everything as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
    /// Write the tables as a page that works from disk
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,
}

impl Series {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        self.which.check()?;
        if let Some(share) = self.warm_up
            && !(share > 0.0 && share < 1.0)
        {
            anyhow::bail!("--warm-up {share}: a share above 0 and below 1 is needed");
        }
        let options = SeriesOptions {
            run: self.read.options(),
            windows: self.windows.clone(),
            detectors: self.which.detector.clone(),
            set: self.which.set()?,
            seed: self.which.seed()?,
            warm_up: self.warm_up,
            alarm_surprise: self.which.alarm_surprise,
            events_of: self.which.events_of(),
            alarms_per_day: self.which.alarms_per_day,
            told_by: if self.together { ToldBy::Any } else { ToldBy::Each },
        };
        let found = eval_series(&self.inputs, &options)?;
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&found)? + "\n")
                .with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &self.html {
            pages::write(path, &pages::series(&found, self.which.alarms_per_day))?;
        }
        let mut text = table(&found, self.which.alarms_per_day);
        for one in &found {
            if let Some(together) = &one.together {
                text.push_str(&by_any(&one.detector, together));
            }
        }
        if self.each {
            found.iter().for_each(|one| text.push_str(&by_series(one)));
        }
        terminal::print(&text)?;
        Ok(0)
    }
}

/// Precision, recall, false alarms a day, delay.
fn figures(found: Option<&EventFigures>) -> String {
    let Some(found) = found else { return format!("{:>6} {:>6} {:>8} {:>9}", "-", "-", "-", "-") };
    format!(
        "{:>6.3} {:>6.3} {:>8} {:>9}",
        found.precision(),
        found.recall(),
        shown(found.false_alarms_per_day, 3),
        time(found.median_delay_seconds)
    )
}

fn table(found: &[SeriesStanding], per_day: f64) -> String {
    let mut text = String::new();
    if let Some(first) = found.first() {
        let rows: usize = first.series.iter().map(|one| one.rows).sum();
        let windows: usize = first.series.iter().map(|one| one.windows).sum();
        let _ = writeln!(
            text,
            "{} series, {} rows judged, {} windows; causal: nothing of a series but its past\n",
            first.series.len(),
            count(rows as u64),
            count(windows as u64)
        );
    }
    let _ = writeln!(
        text,
        "{:<22} {:>7} {:>7}   {:<32}   {:<32} {:>9} {:>7}",
        "",
        "",
        "",
        "at the fixed threshold",
        format!("within {per_day} alarms a day"),
        "affili-",
        ""
    );
    let heads = format!("{:>6} {:>6} {:>8} {:>9}", "prec.", "recall", "false/d", "delay");
    let _ = writeln!(
        text,
        "{:<22} {:>7} {:>7}   {heads}   {heads} {:>9} {:>7}",
        "detector", "VUS-PR", "VUS-ROC", "ation F1", "s"
    );
    for one in found {
        let _ = writeln!(
            text,
            "{:<22} {:>7} {:>7}   {}   {} {:>9} {:>7.2}",
            terminal::plain(&one.detector),
            shown(one.volumes.map(|volumes| volumes.pr), 3),
            shown(one.volumes.map(|volumes| volumes.roc), 3),
            figures(Some(&one.fixed)),
            figures(one.in_budget.as_ref()),
            shown(one.affiliation.map(|near| near.f1()), 3),
            one.seconds
        );
    }
    text.push_str(
        "\nVUS: mean volume under the surface over the series that have windows, no threshold. prec., recall: of alarms and\n\
         of windows. false/d: false alarms a day and series. delay: median time from the first row of a found window to its\n\
         alarm. affiliation F1: how near alarms lie to windows; lenient, a second opinion only.\n",
    );
    text
}

/// The windows of whole files, and who told them.
fn by_any(detector: &str, together: &Together) -> String {
    let told = together.windows.iter().filter(|window| window.delay_seconds.is_some()).count();
    let mut text = format!(
        "\n{}: {told} of {} windows told by any series of their file; {} alarms elsewhere in {:.2} series-days\n",
        terminal::plain(detector),
        together.windows.len(),
        together.other_alarms,
        together.series_days
    );
    for window in &together.windows {
        let by = window.by.first().map_or_else(String::new, |name| terminal::plain(name));
        let others = match window.by.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let from = format_time(window.from_ns, TimeStyle::Spaced);
        if window.by.is_empty() {
            let _ = writeln!(text, "  {from}: not told");
        } else {
            let _ = writeln!(text, "  {from}: after {}, by {by}{others}", time(window.delay_seconds));
        }
    }
    text
}

fn by_series(one: &SeriesStanding) -> String {
    let mut text = format!("\n{}\n", terminal::plain(&one.detector));
    for series in &one.series {
        let figures = series.in_budget.as_ref().unwrap_or(&series.fixed);
        let _ = writeln!(
            text,
            "  {:<50} VUS-PR {:>5}, {} of {} windows, {} false alarms, delay {}",
            terminal::plain(&series.series),
            shown(series.volumes.map(|volumes| volumes.pr), 3),
            figures.windows_found,
            figures.windows,
            figures.false_alarms,
            time(figures.median_delay_seconds)
        );
    }
    text
}
