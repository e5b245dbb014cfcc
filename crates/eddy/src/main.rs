//! The `eddy` command: finds what is unusual in network traffic and says why.

mod args;
mod commands;
mod terminal;

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
            eprintln!("eddy: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
