//! `latefusion model check`: whether a model package can be put to work, and if not, why.

use super::deployed::this_program;
use super::output::{say, warn};
use crate::shell::models::{Findings, Verdict, inspect, limit_this_process};
use anyhow::Context;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `latefusion model`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Reads a package, checks every part and compares its golden vectors, in a process with limits on memory and time.
    ///
    /// Exit code 0: it can be put to work. 1: something is wrong with it. 3: the trial died or exceeded its limits (2 GiB, 30 s
    /// of processor time, 60 s): do not use the file.
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Folder with manifest.toml, golden.json and the model file.
    #[arg(value_name = "DIR")]
    package: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Try it in this process, which then has the limits; implies --json.
    #[arg(long, hide = true)]
    trial: bool,
}

/// Exit code where the trial died.
const DIED: u8 = 3;

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Command::Check(args) = &args.command;
    if args.trial {
        limit_this_process().context("cannot limit this process")?;
        let findings = inspect(&args.package);
        say(&serde_json::to_string(&findings)?);
        return Ok(code(&findings));
    }
    match this_program()?.run(&args.package) {
        Verdict::Told(findings) if args.json => {
            say(&serde_json::to_string(&findings)?);
            Ok(code(&findings))
        }
        Verdict::Told(findings) => {
            say(&format!("{}: {findings}", args.package.display()));
            Ok(code(&findings))
        }
        Verdict::Died(why) => {
            if args.json {
                say(&serde_json::to_string(&Findings::Unsound { problems: vec![why] })?);
            } else {
                warn(&format!("latefusion: {}: {why}", args.package.display()));
            }
            Ok(ExitCode::from(DIED))
        }
    }
}

fn code(findings: &Findings) -> ExitCode {
    if findings.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
