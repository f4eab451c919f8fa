//! How `produce` and `watch` reach a cluster.

use super::deployed::ConfigArgs;
use crate::shell::config::Deployment;

/// A real cluster.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConnectionArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Bootstrap addresses, host:port,... instead of the configuration's.
    #[arg(long, value_name = "ADDRESSES")]
    brokers: Option<String>,
}

impl ConnectionArgs {
    pub fn deployment(&self) -> anyhow::Result<Deployment> {
        let mut deployment = self.config.load()?;
        if let Some(brokers) = &self.brokers {
            deployment.kafka.brokers.clone_from(brokers);
        }
        Ok(deployment)
    }
}
