//! The `eddy` command: finds what is unusual in network traffic and says why.

mod args;
mod commands;
mod explanation;
mod incident_list;
mod terminal;
mod terminal_series;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match commands::run(args.command) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // A reader that went away (`eddy ... | head`) is no error.
            if broken_pipe(&error) {
                return ExitCode::SUCCESS;
            }
            eprintln!("eddy: {}", in_full(&error));
            ExitCode::from(1)
        }
    }
}

/// The error with its causes, each said once: many errors name their cause already.
fn in_full(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
