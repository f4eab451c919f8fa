//! The speed of light: two hops over bare librdkafka with the guarantees of the pipeline and nothing in between.
//!
//! Hop one reads a topic and writes one record for each, idempotently, and commits its offsets; hop two reads those, writes one for
//! every so many, and commits both in a transaction. The same client settings as the pipeline's.

use crate::site::{PATIENCE, Process};
use rdkafka::ClientConfig;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a passthrough reads and writes.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Told {
    pub brokers: String,
    pub input: String,
    pub middle: String,
    pub output: String,
    /// Records of the input, and bytes of each that hop one writes.
    pub records: u64,
    pub middle_bytes: usize,
    /// Records that hop two writes, and bytes of each.
    pub outputs: u64,
    pub output_bytes: usize,
}

const COMMIT_EVERY: Duration = Duration::from_millis(50);
const COMMIT_RECORDS: u64 = 10_000;

/// Runs both hops to the end of the input and prints the CPU time of this process in milliseconds.
pub fn run(told: &str) {
    let told: Told = serde_json::from_str(told).expect("our own words");
    std::thread::scope(|scope| {
        scope.spawn(|| hop(&told, false));
        scope.spawn(|| hop(&told, true));
    });
    println!("{}", Process::own_cpu().as_millis());
}

fn consumer(told: &Told, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &told.brokers)
        .set("group.id", topic)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.queue.backoff.ms", "2")
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "16384")
        .create()
        .expect("the settings are right");
    consumer.subscribe(&[topic]).expect("it is a topic");
    consumer
}

fn producer(told: &Told, transactional_id: Option<&str>) -> BaseProducer {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &told.brokers)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "lz4")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "100000");
    if let Some(id) = transactional_id {
        config.set("transactional.id", id);
    }
    let producer: BaseProducer = config.create().expect("the settings are right");
    if transactional_id.is_some() {
        producer.init_transactions(PATIENCE).expect("the broker is there");
        producer.begin_transaction().expect("none is open");
    }
    producer
}

fn hop(told: &Told, second: bool) {
    let (from, to) =
        if second { (&told.middle, &told.output) } else { (&told.input, &told.middle) };
    let bytes = if second { told.output_bytes } else { told.middle_bytes };
    let every = if second { (told.records / told.outputs.max(1)).max(1) } else { 1 };
    let payload = vec![b'x'; bytes];
    let consumer = consumer(told, from);
    let producer = producer(told, second.then_some(to.as_str()));
    let mut offsets: BTreeMap<i32, i64> = BTreeMap::new();
    let (mut taken, mut pending, mut last, began) = (0, 0, Instant::now(), Instant::now());
    while taken < told.records {
        if let Some(message) = consumer.poll(Duration::from_millis(5)) {
            let message = message.expect("the broker is there");
            taken += 1;
            pending += 1;
            if taken % every == 0 {
                let key = message.key().unwrap_or_default();
                let mut record = BaseRecord::to(to).key(key).payload(&payload);
                while let Err((error, back)) = producer.send(record) {
                    let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
                    assert_eq!(error, full, "cannot send");
                    producer.poll(Duration::from_millis(1));
                    record = back;
                }
            }
            offsets.insert(message.partition(), message.offset() + 1);
        }
        let due = last.elapsed() >= COMMIT_EVERY || pending >= COMMIT_RECORDS;
        if pending > 0 && (due || taken == told.records) {
            commit(&consumer, &producer, from, &offsets, second);
            (pending, last) = (0, Instant::now());
        }
        assert!(began.elapsed() < 3 * PATIENCE, "{from}: {taken} of {} records", told.records);
    }
}

fn commit(
    consumer: &BaseConsumer,
    producer: &BaseProducer,
    topic: &str,
    offsets: &BTreeMap<i32, i64>,
    transaction: bool,
) {
    // `flush` and `commit_transaction` look for acknowledgements every 100 ms when they are left to it.
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_micros(100));
    }
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("it is one");
    }
    if transaction {
        let metadata = consumer.group_metadata().expect("it has a group");
        producer
            .send_offsets_to_transaction(&list, &metadata, PATIENCE)
            .and_then(|()| producer.commit_transaction(PATIENCE))
            .and_then(|()| producer.begin_transaction())
            .expect("the broker is there");
    } else {
        consumer.commit(&list, CommitMode::Sync).expect("the broker is there");
    }
}
