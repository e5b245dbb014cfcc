//! One file per command.

mod compare;
mod config;
mod demo;
mod detect;
mod eval;
mod explain;
mod explore;
mod flows;
mod generate;
mod health;
mod models;
mod network_traffic;
mod score;
mod serve;
mod train;
mod tune;

use clap::Subcommand;

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Find what is unusual in a file, and why
    Detect(detect::Detect),
    /// Show one incident whole: evidence, flows, timeline, what to do, ready rules and what they would have done
    Explain(explain::Explain),
    /// Describe what is in a file: columns, classes, tests, correlation, rhythm, top talkers
    Explore(explore::Explore),
    /// Bring captures and logs of flows onto one table of flows, whatever program wrote them
    Flows(flows::Flows),
    /// Learn from a file and save the model
    Train(train::Train),
    /// Train models on labelled rows under one protocol, and say how far the figures can be trusted
    Compare(compare::Compare),
    /// Try values of a model's parameters, or of a step's, under one protocol
    Tune(tune::Tune),
    /// Hold series detectors against their judges: NAB, or any labelled series
    Eval(eval::Eval),
    /// Score a file with a saved model
    Score(score::Score),
    /// List the detectors, or show what a model file holds
    Models(models::Models),
    /// Write labelled traffic with named scenarios at known times: a table, or the traffic of an office
    Generate(generate::Generate),
    /// See Eddy at work on traffic it makes itself
    Demo(demo::Demo),
    /// Everything in a browser and over HTTP
    Serve(serve::Serve),
    /// Show or check the configuration of the server
    Config(config::Config),
    /// Ask a server whether it is well
    #[command(hide = true)]
    Health(health::Health),
    /// Do one job of the server, which speaks to it
    #[command(hide = true)]
    ServeWorker,
}

/// Runs a command; the number is the exit code.
pub(crate) fn run(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Detect(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Explore(command) => command.run(),
        Command::Flows(command) => command.run(),
        Command::Train(command) => command.run(),
        Command::Compare(command) => command.run(),
        Command::Tune(command) => command.run(),
        Command::Eval(command) => command.run(),
        Command::Score(command) => command.run(),
        Command::Models(command) => command.run(),
        Command::Generate(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Health(command) => command.run(),
        Command::ServeWorker => Ok(eddy_server::worker_main()),
    }
}
