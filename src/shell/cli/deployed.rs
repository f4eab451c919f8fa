//! What the commands for a deployment have in common: its configuration, and a connection that reads in no group.

use crate::shell::bus::kafka::KafkaBus;
use crate::shell::bus::{Guarantee, Worker};
use crate::shell::config::Deployment;
use anyhow::Context;
use std::path::PathBuf;

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Configuration file; without one the defaults of deploy/latefusion.toml hold.
    #[arg(long, value_name = "FILE", env = "LATEFUSION_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ConfigArgs {
    pub(super) fn load(&self) -> anyhow::Result<Deployment> {
        Ok(Deployment::load(self.config.as_deref())?)
    }
}

/// Somebody who reads no topic in a group: for questions, and for records written by hand.
pub(super) fn outsider(deployment: &Deployment, what: &str) -> Worker {
    let app = &deployment.config.lanes.app;
    Worker {
        // Committed offsets of the fusion lanes are this group's; it is asked, never joined.
        group: format!("{app}-fuse"),
        id: format!("{app}-{what}-{}", std::process::id()),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    }
}

/// Connects an outsider.
pub(super) fn connect(deployment: &Deployment, what: &str) -> anyhow::Result<KafkaBus> {
    KafkaBus::connect(&deployment.kafka, outsider(deployment, what)).context("no connection")
}
