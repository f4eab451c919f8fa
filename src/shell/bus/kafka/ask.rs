//! Questions about the cluster.

use super::context::Context;
use super::errors;
use crate::shell::bus::BusError;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::{Duration, Instant};

/// How long one question to the brokers may take before it is asked again.
pub(super) const SLICE: Duration = Duration::from_secs(2);

/// Whether any broker answers, and takes the credentials: producers do not tell why they cannot connect.
pub(super) fn reach(consumer: &BaseConsumer<Context>, patience: Duration) -> Result<(), BusError> {
    insist(consumer, "cannot reach the brokers", patience, || {
        // Any topic will do, also one that is not there; all of them could be a long answer.
        consumer.fetch_metadata(Some("latefusion-reach"), SLICE).map(|_| ())
    })
}

/// How many partitions a topic has.
pub(super) fn partitions(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    patience: Duration,
) -> Result<u32, BusError> {
    let found = find(consumer, topic, patience)?;
    found.ok_or_else(|| BusError::no_topic(topic))
}

/// How many partitions a topic has; `None`: there is no such topic.
pub(super) fn find(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    patience: Duration,
) -> Result<Option<u32>, BusError> {
    insist(consumer, &format!("cannot ask the brokers for topic `{topic}`"), patience, || {
        let metadata = consumer.fetch_metadata(Some(topic), SLICE)?;
        let answer = metadata.topics().first();
        match (answer, answer.and_then(|answer| answer.error()).map(Code::from)) {
            (Some(answer), None) if !answer.partitions().is_empty() => {
                Ok(Some(answer.partitions().len() as u32))
            }
            (_, Some(Code::UnknownTopicOrPartition | Code::UnknownTopic)) => Ok(None),
            (_, code) => Err(KafkaError::MetadataFetch(code.unwrap_or(Code::LeaderNotAvailable))),
        }
    })
}

fn insist<T>(
    consumer: &BaseConsumer<Context>,
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, BusError> {
    let deadline = Instant::now() + patience;
    loop {
        let error = match ask() {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        // The reason comes by callback; serving it may bring the error up a second time, as an event.
        for _ in 0..10 {
            if consumer.poll(Duration::from_millis(5)).is_none() {
                break;
            }
        }
        let error = errors::bus_error(what, &error, &consumer.context().notes());
        if !matches!(error, BusError::Retry(_)) || Instant::now() > deadline {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
