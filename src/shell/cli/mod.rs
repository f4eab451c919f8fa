//! The command line. Results go to standard output (`--json` for machines), progress and warnings to standard error.

mod advise;
mod as_of;
mod audit;
mod calibrate;
mod check;
mod compare;
mod config;
mod connection;
mod dead_letters;
mod demo;
mod deployed;
mod evaluate;
mod explain;
mod face;
mod features;
mod inputs;
mod model;
mod output;
mod produce;
mod replay;
mod run;
mod sources;
mod summary;
mod topics;
mod watch;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Streaming late fusion of bedside sensor feeds.
///
/// It informs staff and never alarms on its own. Research and engineering use; not for clinical decisions without local
/// validation and regulatory assessment.
#[derive(Debug, Parser)]
#[command(name = "latefusion", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole pipeline live in one process: embedded broker, all roles, a ward or a data set. Begin here.
    Demo(demo::Args),
    /// A simulated ward or a data set into a real cluster.
    Produce(produce::Args),
    /// The live table over a real cluster.
    Watch(watch::Args),
    /// Recorded events or a real data set through both stages, in the order in which they became known.
    Replay(replay::Args),
    /// What one fused score was made of, and what was absent and why.
    Explain(explain::Args),
    /// How well the fused score and each modality tell who died, next to the published scores of the data set.
    Evaluate(evaluate::Args),
    /// How complete the data are, and which way to fuse them, with the figures.
    Advise(advise::Args),
    /// Training tables with the features of the running score stage, as of any times into each stay.
    Features(features::Args),
    /// Fits the calibration maps of the scorers that ship, on a data set.
    Calibrate(calibrate::Args),
    /// Prints the configuration in effect; secrets are masked.
    Config(config::Args),
    /// Looks for everything that is wrong: configuration, files, brokers, topics.
    Check(check::Args),
    /// Model packages: whether one can be put to work, and if not, why.
    Model(model::Args),
    /// Creates the topics, or brings their settings in line; may be run again at any time.
    Topics(topics::Args),
    /// Switches the fusion package on by an activation record in the log.
    Activate(run::ActivateArgs),
    /// Runs roles until SIGTERM.
    Run(run::Args),
    /// Derives every published fused score again from the log and compares bit for bit.
    Audit(audit::Args),
    /// What could not be used: list by reason, show one, send back after a fix.
    DeadLetters(dead_letters::Args),
    /// Asks the running process on this machine whether its workers are at work.
    Healthcheck(run::HealthArgs),
}

/// Runs the program with the process's arguments.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Produce(args) => produce::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Advise(args) => advise::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Model(args) => model::run(&args),
        Command::Topics(args) => topics::run(&args),
        Command::Activate(args) => run::activate(&args),
        Command::Run(args) => run::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::DeadLetters(args) => dead_letters::run(&args),
        Command::Healthcheck(args) => run::healthcheck(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            output::warn(&format!("latefusion: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
