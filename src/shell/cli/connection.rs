//! How `produce` and `watch` reach a cluster.

use crate::shell::bus::kafka::KafkaSettings;
use anyhow::Context;
use std::path::PathBuf;

/// A real cluster.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ConnectionArgs {
    /// Bootstrap addresses, host:port,...
    #[arg(long, value_name = "ADDRESSES", required_unless_present = "kafka")]
    brokers: Option<String>,
    /// TOML file with the keys of the configuration's kafka section (TLS, SASL, any librdkafka setting); --brokers wins over its own.
    #[arg(long, value_name = "FILE")]
    kafka: Option<PathBuf>,
}

impl ConnectionArgs {
    pub fn settings(&self) -> anyhow::Result<KafkaSettings> {
        let mut settings = match &self.kafka {
            None => KafkaSettings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                toml::from_str(&text).with_context(|| format!("cannot use {}", path.display()))?
            }
        };
        if let Some(brokers) = &self.brokers {
            settings.brokers.clone_from(brokers);
        }
        Ok(settings)
    }
}
