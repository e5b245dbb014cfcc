//! `eddy config`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::terminal;

/// Show or check the configuration of the server.
#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print everything that can be set, as it would be in force
    Show {
        /// Configuration; what it does not name has its default
        #[arg(value_name = "FILE.toml")]
        file: Option<PathBuf>,
        /// Print the JSON schema instead, which says what each key means
        #[arg(long)]
        schema: bool,
    },
    /// Check a configuration; a fault is named by file, line and key
    Check {
        /// Configuration
        #[arg(value_name = "FILE.toml")]
        file: PathBuf,
    },
}

impl Config {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        match &self.what {
            What::Show { schema: true, .. } => {
                let schema = serde_json::to_string_pretty(&eddy_server::config_schema())?;
                terminal::print(&format!("{schema}\n"))?;
            }
            What::Show { file, schema: false } => {
                let config = eddy_server::Config::load(file.as_deref(), std::env::vars())?;
                terminal::print(&config.to_toml())?;
            }
            What::Check { file } => {
                eddy_server::Config::load(Some(file), std::env::vars())?;
                terminal::print(&format!("{}: good\n", terminal::plain(&file.display().to_string())))?;
            }
        }
        Ok(0)
    }
}
