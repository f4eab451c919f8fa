//! The broker in this process: librdkafka's mock cluster. It speaks the Kafka protocol to any client on this machine, keeps 5 MiB a
//! partition in memory, and does not isolate transactions: enough to show the pipeline, no place for data.

use super::DemoError;
use crate::modality::Registry;
use crate::shell::bus::kafka::KafkaSettings;
use crate::shell::driver::StateTopics;
use crate::shell::wire::Topics;
use crate::types::Feed;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// The embedded broker; gone when dropped.
pub(super) struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
}

impl Cluster {
    /// Starts it, with all topics. The mock does not answer `CreateTopics`, so they are made here.
    pub(super) fn start(
        topics: &Topics,
        state: &StateTopics,
        registry: &Registry,
        partitions: u32,
    ) -> Result<Self, DemoError> {
        let failed = |error| DemoError::Broker(format!("the embedded broker: {error}"));
        let mock = MockCluster::new(1).map_err(failed)?;
        let inputs = registry.iter().map(|(id, _)| Feed::Modality(id));
        let inputs = inputs.chain([Feed::Encounters]);
        let mut names: Vec<String> =
            inputs.filter_map(|feed| topics.of_feed(feed, registry)).collect();
        names.extend(
            [
                &topics.predictions,
                &topics.fused_scores,
                &topics.availability,
                &topics.dead_letters,
                &state.score,
                &state.fuse,
            ]
            .map(Clone::clone),
        );
        for name in names {
            mock.create_topic(&name, partitions as i32, 1).map_err(failed)?;
        }
        Ok(Self { mock })
    }

    pub(super) fn address(&self) -> String {
        self.mock.bootstrap_servers()
    }

    /// What clients have to be told of it.
    pub(super) fn settings(&self) -> KafkaSettings {
        let mut settings = KafkaSettings { brokers: self.address(), ..KafkaSettings::default() };
        // The mock answers a waiting fetch only when its time is over, whatever has arrived meanwhile.
        settings.extra.insert("fetch.wait.max.ms".to_owned(), "5".to_owned());
        settings
    }
}
