//! `eddy eval drills`

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use eddy_engine::{
    BandOfBehaviours, DrillVerdict, DrillsOptions, drill_bands, drill_behaviours, drill_halves, eval_drills,
};

use super::{confidences, numbers};
use crate::terminal;

/// Short generated captures of one attack each: scans, floods, guessing of passwords, tunnels and more.
///
/// Each is played inward, within and outward, weak and strong, over both versions of the internet protocol, with a tag,
/// for a few seconds only, from the middle on, and seen from one side only, as far as there is anything to see. Says in
/// how many the first incident names the actor and the kind.
#[derive(Args)]
pub(crate) struct Drills {
    /// Only drills whose name holds this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// The seed
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    seed: u64,
    /// Play each in one way only
    #[arg(long)]
    plain: bool,
    /// Write everything as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,
}

impl Drills {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = DrillsOptions { only: self.only.clone(), seed: self.seed, is_plain: self.plain };
        let verdicts = eval_drills(&options)?;
        if let Some(path) = &self.json {
            std::fs::write(path, serde_json::to_string_pretty(&verdicts)? + "\n")
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        terminal::print(&table(&verdicts))?;
        Ok(0)
    }
}

fn table(verdicts: &[DrillVerdict]) -> String {
    let mut text =
        String::from("| drill | right | of | not told rightly when recorded |\n|---|---|---|---|\n");
    for of in verdicts.chunk_by(|a, b| a.drill == b.drill) {
        let wrong: Vec<&str> =
            of.iter().filter(|one| !one.is_right()).map(|one| one.recorded.as_str()).collect();
        let (right, n) = (of.len() - wrong.len(), of.len());
        let _ = writeln!(text, "| {} | {right} | {n} | {} |", of[0].drill, wrong.join(", "));
    }
    let right = verdicts.iter().filter(|one| one.is_right()).count();
    let _ = writeln!(text, "\nactor and kind right in the first incident: {right} of {}", verdicts.len());
    text.push('\n');
    text.push_str(&confidences(&drill_bands(verdicts)));
    for (half, bands) in ["even", "odd"].iter().zip(drill_halves(verdicts)) {
        let _ = write!(text, "\nThe drills of {half} places in the list:\n\n{}", confidences(&bands));
    }
    text.push_str("\n| behaviours | incidents | true | share true | mean confidence | least |\n|---|---|---|---|---|---|\n");
    for BandOfBehaviours { behaviours, band } in drill_behaviours(verdicts) {
        let _ = writeln!(text, "| {behaviours} | {} | {:.2} |", numbers(&band), band.from);
    }
    text
}
