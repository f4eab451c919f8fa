//! What the commands for a deployment have in common: its configuration, and a connection that reads in no group.

use crate::shell::bus::kafka::KafkaBus;
use crate::shell::bus::{Guarantee, Worker};
use crate::shell::config::Deployment;
use crate::shell::local_lane::LaneSetup;
use crate::shell::models::{ModelsFolder, Trial, Watcher};
use anyhow::{Context, bail};
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

/// Puts the configured folder's models to work on the modalities for which `scores_here` holds; `None`: there is no folder.
pub(super) fn start_models(
    deployment: &mut Deployment,
    scores_here: impl Fn(&str) -> bool,
) -> anyhow::Result<Option<Watcher>> {
    let folder = deployment.config.models_folder(this_program()?);
    let lanes = &mut deployment.lanes;
    folder.map(|folder| start_watcher(folder, lanes, scores_here)).transpose()
}

/// Puts a folder's models to work; an active one that is refused is an error.
pub(super) fn start_watcher(
    folder: ModelsFolder,
    lanes: &mut LaneSetup,
    scores_here: impl Fn(&str) -> bool,
) -> anyhow::Result<Watcher> {
    let shown = folder.folder.display().to_string();
    Watcher::start(folder, lanes, scores_here).or_else(|refused| {
        let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
        bail!("models in {shown} are refused\n  {}", told.join("\n  "))
    })
}

/// This program tries the packages.
pub(super) fn this_program() -> anyhow::Result<Trial> {
    Trial::by_this_program().context("cannot find this program")
}
