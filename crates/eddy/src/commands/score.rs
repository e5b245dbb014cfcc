//! `eddy score`

use std::path::PathBuf;

use clap::Args;
use eddy_engine::score;

use crate::args::{ReadArgs, RuleArgs};
use crate::commands::detect::OutputArgs;

/// Score a file with a saved model.
#[derive(Args)]
pub(crate) struct Score {
    /// Model file, as `eddy train` wrote it
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Files, folders, globs, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    rule: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl Score {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = self.read.options();
        let mut run = score(&self.model, &self.inputs, self.rule.rule()?, &options)?;
        self.output.deliver(&mut run, &self.inputs, &options)
    }
}
