//! `latefusion topics`

use super::deployed::ConfigArgs;
use super::output::{say, warn};
use crate::shell::bus::kafka::topics::{Difference, Plan, TopicState, apply, plan};
use std::process::ExitCode;

/// Arguments of `latefusion topics`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Say what differs and change nothing; fails where something does.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let deployment = args.config.load()?;
    let specs = deployment.config.topic_specs(&deployment.registry);
    let found = plan(&deployment.kafka, &specs)?;
    if args.dry_run {
        let wrong = told(&found, true);
        wrong.iter().for_each(|line| say(line));
        say(&format!("{} topics looked at, {} things differ", found.topics.len(), wrong.len()));
        return Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for done in apply(&deployment.kafka, &found)? {
        say(&done);
    }
    let left = told(&plan(&deployment.kafka, &specs)?, false);
    left.iter().for_each(|line| warn(line));
    say(&format!("{} topics looked at, {} things still differ", specs.len(), left.len()));
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line for everything that differs: what, and what to do.
pub(super) fn told(plan: &Plan, dry_run: bool) -> Vec<String> {
    let to_do = if dry_run { "without --dry-run this is done" } else { "run `latefusion topics`" };
    let mut lines = Vec::new();
    for (spec, state) in &plan.topics {
        let name = &spec.name;
        match state {
            TopicState::Missing => {
                lines.push(format!(
                    "topic {name} is missing ({} partitions wanted): {to_do}",
                    spec.partitions
                ));
            }
            TopicState::There(differences) => {
                lines.extend(differences.iter().map(|difference| match difference {
                    // It says itself what to do.
                    Difference::Partitions { .. } => format!("topic {name} {difference}"),
                    Difference::Setting { .. } => format!("topic {name}: {difference}: {to_do}"),
                }));
            }
        }
    }
    lines
}
