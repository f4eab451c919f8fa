//! `latefusion check`: everything that is wrong, at once, before anything runs.

use super::deployed::{ConfigArgs, connect, start_models};
use super::output::{say, warn};
use crate::shell::bus::kafka::topics;
use crate::shell::config::Deployment;
use std::process::ExitCode;

/// Arguments of `latefusion check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Look at the files alone and at no broker.
    #[arg(long)]
    offline: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut deployment = args.config.load()?;
    start_models(&mut deployment, |_| true)?;
    let refused = deployment.lanes.roster.refused();
    if !refused.is_empty() {
        refused.iter().for_each(|refusal| warn(&refusal.to_string()));
        warn(&format!("latefusion: {} models are refused", refused.len()));
        return Ok(ExitCode::FAILURE);
    }
    say(&format!(
        "configuration, models and fusion package {}: no mistakes",
        short(&deployment.package_digest())
    ));
    if args.offline {
        return Ok(ExitCode::SUCCESS);
    }
    let wrong = wrong_with_brokers(&deployment);
    for line in &wrong {
        warn(line);
    }
    if wrong.is_empty() {
        say(&format!(
            "brokers at {}: reached, every topic as it should be",
            deployment.kafka.brokers
        ));
        return Ok(ExitCode::SUCCESS);
    }
    warn(&format!("latefusion: {} things are wrong", wrong.len()));
    Ok(ExitCode::FAILURE)
}

fn wrong_with_brokers(deployment: &Deployment) -> Vec<String> {
    if let Err(error) = connect(deployment, "check") {
        return vec![format!("brokers: {error:#}")];
    }
    let specs = deployment.config.topic_specs(&deployment.registry);
    let plan = match topics::plan(&deployment.kafka, &specs) {
        Ok(plan) => plan,
        Err(error) => return vec![format!("topics: {error}")],
    };
    super::topics::told(&plan, false)
}

pub(super) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
