//! On a real Apache Kafka; `--skip kafka::` leaves it out. Each broker starts with the first test that needs it.
#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails and says what it measured")]

mod bounds;
mod chaos;
pub(crate) mod cluster;
mod commands;
mod deployment;
mod outages;
mod refusals;
mod security;
mod speed;
mod topics;
mod torn;

use crate::bus_contract::scene::{Broker, Held};
use cluster::{Cluster, shared};
use latefusion::shell::bus::kafka::topics::{TopicSpec, apply, plan};
use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings};
use latefusion::shell::bus::{Bus, BusError, Commit, Worker};
use latefusion::types::Span;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

crate::bus_contract::contract!(crate::kafka::Kafka(crate::kafka::cluster::shared()));

/// The suite's broker.
pub(crate) struct Kafka<'a>(pub(crate) &'a Cluster);

impl Kafka<'_> {
    fn settings(&self) -> KafkaSettings {
        KafkaSettings { brokers: self.0.get("BOOTSTRAP").to_owned(), ..KafkaSettings::default() }
    }

    /// Shorter than a foreign cluster may allow.
    fn brief_session(&self) -> Span {
        if self.0.is_own() { Span::millis(1_500) } else { Span::seconds(6) }
    }
}

pub(crate) fn spec(name: &str, partitions: u32) -> TopicSpec {
    TopicSpec { name: name.to_owned(), partitions, replication: None, settings: BTreeMap::new() }
}

impl Broker for Kafka<'_> {
    fn connect(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError> {
        Ok(Box::new(KafkaBus::connect(&self.settings(), worker)?))
    }

    fn connect_briefly(&self, worker: Worker) -> Result<Box<dyn Bus>, BusError> {
        let (session_timeout, max_poll_interval) = (self.brief_session(), self.brief_session());
        let settings = KafkaSettings { session_timeout, max_poll_interval, ..self.settings() };
        Ok(Box::new(KafkaBus::connect(&settings, worker)?))
    }

    fn create(&self, topics: &[(String, u32)]) {
        let specs: Vec<TopicSpec> =
            topics.iter().map(|(name, partitions)| spec(name, *partitions)).collect();
        let settings = self.settings();
        let plan = plan(&settings, &specs).expect("the broker is there");
        let done = apply(&settings, &plan).expect("the broker is there");
        assert_eq!(done.len(), topics.len());
    }

    fn outlive_a_session(&self) {
        std::thread::sleep(Duration::from_millis(self.brief_session().as_millis() as u64 + 700));
    }

    fn hold(&self, worker: Worker, commit: &Commit) -> Box<dyn Held> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.0.get("BOOTSTRAP"));
        let producer: BaseProducer = (config.clone())
            .set("transactional.id", &worker.id)
            .set("partitioner", "murmur2_random")
            .create()
            .expect("the settings are right");
        producer.init_transactions(Duration::from_secs(20)).expect("the broker is there");
        producer.begin_transaction().expect("none is open");
        for outgoing in commit.outputs.iter().chain(&commit.checkpoint) {
            let mut record = BaseRecord::to(&outgoing.topic)
                .key(outgoing.key.as_deref().unwrap_or_default())
                .payload(outgoing.payload.as_deref().unwrap_or_default());
            record.partition = outgoing.partition.map(|partition| partition as i32);
            producer.send(record).map_err(|(error, _)| error).expect("there is room");
        }
        producer.flush(Duration::from_secs(20)).expect("the broker is there");
        if !commit.offsets.is_empty() {
            let mut list = TopicPartitionList::new();
            for (place, offset) in &commit.offsets {
                let added = list.add_partition_offset(
                    &place.topic,
                    place.partition as i32,
                    Offset::Offset(*offset),
                );
                added.expect("the offset is one");
            }
            // A consumer that never joined: the broker takes its word as long as the group is empty.
            let consumer: BaseConsumer =
                config.set("group.id", &worker.group).create().expect("the settings are right");
            let metadata = consumer.group_metadata().expect("it has a group");
            producer
                .send_offsets_to_transaction(&list, &metadata, Duration::from_secs(20))
                .expect("the broker is there");
        }
        Box::new(HeldTransaction(producer))
    }

    fn during(&self, held: Box<dyn Held>, call: &mut dyn FnMut() -> Result<i64, BusError>) -> i64 {
        const OPEN: Duration = Duration::from_millis(800);
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                std::thread::sleep(OPEN);
                held.commit();
            });
            let answer = call().expect("the transaction ends");
            assert!(began.elapsed() >= OPEN, "it did not wait: {:?}", began.elapsed());
            answer
        })
    }
}

/// A bus is made for a worker thread of its own.
#[test]
fn a_bus_can_be_moved_to_its_worker_thread() {
    fn movable<T: Send>(size: fn() -> usize, _of: std::marker::PhantomData<T>) -> usize {
        size()
    }
    assert!(movable::<KafkaBus>(size_of::<KafkaBus>, std::marker::PhantomData) > 0);
}

struct HeldTransaction(BaseProducer);

impl Held for HeldTransaction {
    fn commit(self: Box<Self>) {
        self.0.commit_transaction(Duration::from_secs(20)).expect("nobody fenced it");
    }

    fn abort(self: Box<Self>) {
        self.0.abort_transaction(Duration::from_secs(20)).expect("nobody fenced it");
    }
}
