//! Writes input records with the stream's own timestamps, and knows up to which offset the broker has them.

use super::DemoError;
use crate::shell::bus::TopicPartition;
use crate::shell::bus::kafka::KafkaSettings;
use crate::shell::feed::Message;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
struct Receipts {
    /// The next offset by partition.
    ends: BTreeMap<TopicPartition, i64>,
    failed: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Context(Arc<Mutex<Receipts>>);

impl Context {
    fn guard(&self) -> MutexGuard<'_, Receipts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut receipts = self.guard();
        match result {
            Ok(message) => {
                let partition = u32::try_from(message.partition()).unwrap_or_default();
                let place = TopicPartition::new(message.topic(), partition);
                let end = receipts.ends.entry(place).or_insert(0);
                *end = (*end).max(message.offset() + 1);
            }
            Err((error, message)) => {
                let text = format!("a record for topic {} was refused: {error}", message.topic());
                receipts.failed.get_or_insert(text);
            }
        }
    }
}

/// An idempotent producer.
pub(super) struct Writer {
    producer: BaseProducer<Context>,
    patience: Duration,
}

impl Writer {
    pub(super) fn connect(settings: &KafkaSettings, patience: Duration) -> Result<Self, DemoError> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &settings.brokers)
            .set("client.id", "latefusion-demo-feeder")
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("message.timeout.ms", "0")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "1")
            .create_with_context(Context::default())
            .map_err(|error| DemoError::Broker(format!("cannot create the feeder: {error}")))?;
        Ok(Self { producer, patience })
    }

    pub(super) fn send(&self, topic: &str, message: &Message) -> Result<(), DemoError> {
        let deadline = Instant::now() + self.patience;
        let mut record = BaseRecord::to(topic)
            .key(&message.key)
            .payload(&message.payload)
            .timestamp(message.time.as_millis());
        loop {
            let full = match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    back
                }
                Err((error, _)) => {
                    return Err(DemoError::Broker(format!("cannot write to {topic}: {error}")));
                }
            };
            record = full;
            self.producer.poll(Duration::ZERO);
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Waits until the broker has acknowledged everything; up to which offset it has each partition.
    pub(super) fn settle(&self) -> Result<BTreeMap<TopicPartition, i64>, DemoError> {
        let deadline = Instant::now() + self.patience;
        loop {
            self.producer.poll(Duration::ZERO);
            let receipts = self.producer.context().guard();
            if let Some(failed) = &receipts.failed {
                return Err(DemoError::Broker(failed.clone()));
            }
            if self.producer.in_flight_count() == 0 {
                return Ok(receipts.ends.clone());
            }
            drop(receipts);
            if Instant::now() > deadline {
                return Err(DemoError::Broker("the broker does not acknowledge".to_owned()));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}
