//! `eddy serve`

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use eddy_server::{Config, LogForm, LogLevel, Start, Workers};

/// Everything Eddy does, in a browser and over HTTP.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command")]
pub(crate) struct Serve {
    /// Address and port to listen on [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder for everything that is kept; one server at a time owns it [default: eddy-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Configuration (see `eddy config show`); flags go over the environment, and that over the file
    #[arg(long, short, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Listen beyond this machine even without TLS or without anybody who can log in
    #[arg(long)]
    force: bool,
    /// Print a new one-time link to become admin with
    #[arg(long)]
    new_link: bool,
    /// How the log is written, to standard error [default: text]
    #[arg(long, value_enum)]
    log: Option<LogArg>,
    /// Print the description of the API (OpenAPI 3.1) and end
    #[arg(long)]
    openapi: bool,
    /// Log every request
    #[arg(long, short)]
    verbose: bool,
}

#[derive(ValueEnum, Clone, Copy)]
enum LogArg {
    Text,
    Json,
}

impl Serve {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        if self.openapi {
            let description = serde_json::to_string_pretty(&eddy_server::api_description())?;
            crate::terminal::print(&format!("{description}\n"))?;
            return Ok(0);
        }
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        let server = &mut config.server;
        server.listen = self.listen.unwrap_or(server.listen);
        if let Some(data) = &self.data {
            server.data.clone_from(data);
        }
        server.force |= self.force;
        match self.log {
            Some(LogArg::Text) => server.log = LogForm::Text,
            Some(LogArg::Json) => server.log = LogForm::Json,
            None => {}
        }
        if self.verbose {
            server.log_level = LogLevel::Debug;
        }
        eddy_server::log(server.log, server.log_level);
        // What runs, even if the file was replaced meanwhile; by its name where the system has no such link.
        let own = PathBuf::from("/proc/self/exe");
        let program = if own.exists() { own } else { std::env::current_exe()? };
        let workers = Workers::Process(program, vec!["serve-worker".to_owned()]);
        let start = Start { config, config_file: self.config.clone(), workers, new_link: self.new_link };
        eddy_server::serve(start)?;
        Ok(0)
    }
}
