//! `eddy train`

use std::path::PathBuf;

use clap::Args;
use eddy_engine::train;

use crate::args::{FitArgs, ReadArgs, RuleArgs};
use crate::terminal;

/// Learn from a file and save the model.
#[derive(Args)]
pub(crate) struct Train {
    /// Files, folders, globs, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    /// Where to save the model
    #[arg(long, short, value_name = "MODEL")]
    out: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    rule: RuleArgs,
}

impl Train {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let mut options = self.read.options();
        options.rule = self.rule.rule()?;
        let run = train(&self.inputs, &self.fit.fitting()?, &options, &self.out)?;
        terminal::print(&terminal::trained(&run, &self.out)?)?;
        Ok(0)
    }
}
