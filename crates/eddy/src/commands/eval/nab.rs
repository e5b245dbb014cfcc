//! `eddy eval nab`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{Checked, Mode, NabBoard, NabOptions, Standing, eval_nab, eval_results};
use eddy_insight::count;

use super::{WhichArgs, pages, shown, time};
use crate::terminal;

/// The Numenta Anomaly Benchmark.
///
/// Runs detectors over all series of a copy of NAB (data/, labels/, config/), judges them by its rules and prints the
/// leaderboard beside the published one. With --results it judges files of results that somebody else wrote, and says
/// how far their columns of worth agree with its own.
#[derive(Args)]
pub(crate) struct Nab {
    /// Folder with NAB's data, labels and config
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Judge these files of results instead of running detectors: DIR/category/detector_file.csv, or folders of such
    #[arg(long, value_name = "DIR", conflicts_with_all = ["detector", "set", "mode", "fold_seed"])]
    results: Option<PathBuf>,
    /// What a detector may know of a series: nothing but its past, or also the least and greatest value of the whole
    /// series, which NAB hands to every detector (look-ahead)
    #[arg(long, value_enum, default_value = "causal")]
    mode: ModeArg,
    /// Where the groups of series start that cross-fitted weights were learned without
    #[arg(long, value_name = "SEED", default_value_t = eddy_eval::FOLD_SEEDS[0])]
    fold_seed: u64,
    #[command(flatten)]
    which: WhichArgs,
    /// Write files of results as NAB has them, with the columns of what alarms are worth
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    write: Option<PathBuf>,
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

#[derive(clap::ValueEnum, Clone, Copy)]
enum ModeArg {
    Causal,
    Official,
}

impl Nab {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        self.which.check()?;
        let (board, checked) = if let Some(results) = &self.results {
            eval_results(&self.folder, results, self.write.as_deref(), self.which.alarms_per_day)?
        } else {
            let options = NabOptions {
                detectors: self.which.detector.clone(),
                set: self.which.set()?,
                mode: match self.mode {
                    ModeArg::Causal => Mode::Causal,
                    ModeArg::Official => Mode::Official,
                },
                seed: self.which.seed()?,
                fold_seed: self.fold_seed,
                alarm_surprise: self.which.alarm_surprise,
                events_of: self.which.events_of(),
                alarms_per_day: self.which.alarms_per_day,
                write: self.write.clone(),
            };
            (eval_nab(&self.folder, &options)?, Vec::new())
        };
        if let Some(path) = &self.json {
            let whole = serde_json::json!({ "board": board, "checked": checked });
            std::fs::write(path, serde_json::to_string_pretty(&whole)? + "\n")
                .with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &self.html {
            pages::write(path, &pages::nab(&board))?;
        }
        let mut text = leaderboard(&board);
        if self.results.is_none() {
            text.push_str(&details(&board));
        }
        checked.iter().for_each(|one| text.push_str(&agreement(one)));
        if self.each {
            board.standings.iter().for_each(|one| text.push_str(&by_series(one)));
        }
        for caution in &board.cautions {
            let _ = writeln!(text, "note: {}", terminal::plain(caution));
        }
        terminal::print(&text)?;
        Ok(0)
    }
}

/// Numbers in columns.
fn numbers(all: impl Iterator<Item = f64>) -> String {
    all.fold(String::new(), |mut text, number| {
        let _ = write!(text, " {number:>8.2}");
        text
    })
}

/// Name, three scores, and what they rest on.
fn line(text: &mut String, one: &Standing) {
    let mode = one.mode.map_or_else(|| "-".to_owned(), |mode| mode.to_string());
    let scores = numbers(one.profiles.iter().map(|under| under.score));
    let first = &one.profiles[0];
    let (pr, roc) = one.volumes.map_or((None, None), |(volumes, _)| (Some(volumes.pr), Some(volumes.roc)));
    let fixed = first.fixed.or(first.stored);
    let _ = writeln!(
        text,
        "{:<22} {mode:<8}{scores} {:>8.2} {:>8} {:>4}/{:<4} {:>5} {:>7} {:>7} {:>7}",
        terminal::plain(&one.detector),
        first.left_out,
        shown(fixed, 2),
        first.tally.windows_hit,
        first.tally.windows,
        first.tally.false_positives,
        shown(pr, 3),
        shown(roc, 3),
        if one.seconds > 0.0 { format!("{:.1}", one.seconds) } else { "-".to_owned() },
    );
}

fn leaderboard(board: &NabBoard) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Numenta Anomaly Benchmark: {} series, {} rows, {} windows\n",
        board.size.0,
        count(board.size.1 as u64),
        board.windows
    );
    let fixed =
        if board.standings.iter().any(|one| one.profiles[0].fixed.is_some()) { "fixed" } else { "stored" };
    let names = board.periodic.profiles.iter().fold(String::new(), |mut text, under| {
        let name = under.profile.replace("reward_low_", "low ").replace("_rate", "");
        let _ = write!(text, " {name:>8}");
        text
    });
    let _ = writeln!(
        text,
        "{:<22} {:<8}{names} {:>8} {fixed:>8} {:>9} {:>5} {:>7} {:>7} {:>7}",
        "detector", "mode", "left out", "windows", "false", "VUS-PR", "VUS-ROC", "s"
    );
    board.standings.iter().for_each(|one| line(&mut text, one));
    line(&mut text, &board.periodic);
    if !board.published.is_empty() {
        let _ = writeln!(
            text,
            "\npublished ({}), each with the range of the whole series at hand:",
            board.published_in
        );
        for (name, scores) in &board.published {
            let scores = numbers(scores.iter().copied());
            let _ = writeln!(text, "{:<22} {:<8}{scores}", terminal::plain(name), "official");
        }
    }
    let n_volumes = board.periodic.volumes.map_or(0, |(_, n)| n);
    let meaning = if fixed == "fixed" {
        "fixed     standard, at the product's own threshold: nothing is chosen"
    } else {
        "stored    standard, at the threshold that came with the results"
    };
    let _ = writeln!(
        text,
        "\nThree profiles, one threshold for each, chosen on the labels as NAB does.\n\
         causal    nothing of a series but its past; official: also the range of the whole series (look-ahead)\n\
         left out  standard, the threshold of each series chosen on the others\n\
         {meaning}\n\
         windows   windows hit; false: rows of false alarms; standard\n\
         VUS       mean volume under the surface of the dense score, on the {n_volumes} series with windows and fewer than\n          \
         6,000 rows\n\
         periodic  one alarm every 5 % of a series, never looking at the data: hold all else against it"
    );
    text
}

/// What an operator would ask of each detector.
fn details(board: &NabBoard) -> String {
    let mut text = String::from("\n");
    for one in &board.standings {
        let judged = if one.by_events { "its own events" } else { "its scores" };
        let _ = writeln!(text, "{} (judged by {judged})", terminal::plain(&one.detector));
        for under in &one.profiles {
            let Some(tally) = under.fixed_tally else { continue };
            let _ = writeln!(
                text,
                "  {:<20} best threshold {:.6}; fixed threshold: score {}, {} of {} windows, {} rows of false alarms",
                under.profile,
                under.threshold,
                shown(under.fixed, 2),
                tally.windows_hit,
                tally.windows,
                count(tally.false_positives)
            );
        }
        text.push_str(&deals(one));
        let figures = [("at the fixed threshold", one.events), ("within the budget", one.events_in_budget)];
        for (name, figures) in figures {
            let Some(figures) = figures else { continue };
            let _ = writeln!(
                text,
                "  {name:<22} {} alarms, precision {:.3}, recall {:.3}, {} false alarms a day and series, found {} after \
                 the window opens (median, {} of its length)",
                count(figures.alarms),
                figures.precision(),
                figures.recall(),
                shown(figures.false_alarms_per_day, 3),
                time(figures.median_delay_seconds),
                shown(figures.median_delay_share, 2)
            );
        }
    }
    text
}

/// How far the scores depend on how the series are dealt into groups.
fn deals(one: &Standing) -> String {
    let mut text = String::new();
    if one.deals.is_empty() {
        return text;
    }
    let rows: Vec<Vec<f64>> = one.deals.iter().map(pages::of_deal).collect();
    for (deal, row) in one.deals.iter().zip(&rows) {
        let _ = writeln!(text, "  groups of fold seed {:<2}{}", deal.fold_seed, numbers(row.iter().copied()));
    }
    let column = |at: usize| rows.iter().map(move |row| row[at]);
    let spread = (0..rows.first().map_or(0, Vec::len))
        .map(|at| column(at).fold(f64::MIN, f64::max) - column(at).fold(f64::MAX, f64::min));
    let _ =
        writeln!(text, "  spread over fold seeds{}   (profiles as above, left out, fixed)", numbers(spread));
    text
}

/// How far stored columns agree with ours.
fn agreement(one: &Checked) -> String {
    let found = &one.agreement;
    let name = terminal::plain(&one.detector);
    if found.cells == 0 {
        return format!("{name}: the files have no columns of worth to compare\n");
    }
    let mut text = format!(
        "{name}: {} of {} stored S(t) values are the same to the last digit",
        count(found.same),
        count(found.cells)
    );
    if found.rounded > 0 {
        let _ = write!(text, ", {} up to rounding in reading and writing again", count(found.rounded));
    }
    let _ = writeln!(text, " (thresholds: {})", one.thresholds_from);
    if let Some((column, line, stored, right)) = &found.first_different {
        let _ = writeln!(
            text,
            "  the first that is not: {column}, line {line}: stored {}, right {right}",
            terminal::plain(stored)
        );
    }
    text
}

fn by_series(one: &Standing) -> String {
    let mut text =
        format!("\n{}, standard, at the best threshold for the corpus\n", terminal::plain(&one.detector));
    for (name, tally) in &one.series {
        let _ = writeln!(
            text,
            "  {:<58} {:>8.3} {:>3} of {} windows, {:>4} rows of false alarms",
            terminal::plain(name),
            tally.score,
            tally.windows_hit,
            tally.windows,
            count(tally.false_positives)
        );
    }
    text
}
