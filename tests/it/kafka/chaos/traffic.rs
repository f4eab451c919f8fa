//! What goes in and what comes out while processes die: a ward in real time, and a reader of committed fused scores.

use latefusion::modality::Registry;
use latefusion::shell::simulator::{Content, Rates, Ward, WardConfig};
use latefusion::shell::wire::{ModelNames, Names, decode_fused_score};
use latefusion::types::{EventTime, IngestTime, Pane, PatientId, Position, Presence};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    since.as_millis() as i64
}

/// Sends a ward's records as they happen until told to stop; returns how many the broker took.
pub(super) fn feed(
    brokers: &str,
    names: &Names,
    seed: u64,
    patients: u32,
    stop: &AtomicBool,
) -> u64 {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "1")
        .set("message.timeout.ms", "120000")
        .set("message.max.bytes", "2000000")
        .create()
        .expect("the settings are right");
    let start = now();
    let config = WardConfig {
        seed,
        patients,
        start: EventTime::from_millis(start),
        // A clock that is minutes off makes a monitor late for ever: its panes are closed here, and open in a replay.
        rates: Rates {
            bad: 0.02,
            corrected: 0.2,
            duplicate: 0.01,
            skewed_clock: 0.0,
            ..Rates::default()
        },
        oversized_bytes: super::MAX_PAYLOAD + 1,
        ..WardConfig::default()
    };
    let mut ward = Ward::new(config, &Registry::shipped()).expect("the ward can be made");
    // A ward begins with the results of its last day, and fusion with all the windows since: not what is measured here.
    let issued_before = |content: &Content| match content {
        Content::Vitals(event, _) => event.issued.as_millis() < start,
        Content::Lab(event, _, _) | Content::Imaging(event, _, _) => {
            event.issued.as_millis() < start
        }
        Content::Encounter(encounter) => encounter.issued.as_millis() < start,
        Content::Bad(_) => false,
    };
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        while let Some(input) = ward.next_before(IngestTime::from_millis(now())) {
            if issued_before(&input.content) {
                continue;
            }
            let payload = input.payload();
            let record = BaseRecord::to(names.topic(input.feed))
                .key(input.key.as_str().as_bytes())
                .payload(&*payload);
            producer.send(record).map_err(|(error, _)| error).expect("there is room");
            sent += 1;
        }
        producer.poll(Duration::ZERO);
        std::thread::sleep(Duration::from_millis(2));
    }
    producer.flush(Duration::from_secs(60)).expect("the broker takes everything");
    assert_eq!(producer.in_flight_count(), 0, "the broker takes everything");
    sent
}

/// A published pane: patient, window end (ms) and revision.
pub(super) type PaneKey = (PatientId, i64, u32);

/// What a reader of committed fused scores saw, by its own clock (ms).
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// When each score came, by partition.
    pub(super) scores: Vec<Vec<i64>>,
    /// How often each pane came.
    pub(super) panes: BTreeMap<PaneKey, u64>,
    /// When each early pane came, and the source records in it.
    pub(super) early: Vec<(i64, Vec<Position>)>,
    /// On-time panes as they came.
    pub(super) on_time: Vec<OnTime>,
}

/// An on-time pane.
#[derive(Debug)]
pub(super) struct OnTime {
    pub(super) partition: i32,
    pub(super) patient: PatientId,
    /// Its window's end, in ms.
    pub(super) end: i64,
    /// When it came.
    pub(super) at: i64,
}

/// Reads committed fused scores as they come until told to stop.
pub(super) fn watch(
    brokers: &str,
    names: &Names,
    topic: &str,
    seen: &Mutex<Seen>,
    stop: &AtomicBool,
) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "chaos-watch")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("the settings are right");
    let mut list = TopicPartitionList::new();
    for partition in 0..super::PARTITIONS {
        let added = list.add_partition_offset(topic, partition as i32, Offset::Beginning);
        added.expect("the offset is one");
    }
    consumer.assign(&list).expect("the list is right");
    let mut models = ModelNames::default();
    while !stop.load(Ordering::Relaxed) {
        // An error is the broker being away.
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
        let at = now();
        let payload = message.payload().expect("no tombstones here");
        let score = decode_fused_score(payload, names, &mut models).expect("it can be read");
        let (patient, end) = (score.patient.clone(), score.window.end().as_millis());
        let mut seen = seen.lock().expect("nobody panics with it");
        seen.scores.resize(super::PARTITIONS as usize, Vec::new());
        seen.scores[message.partition() as usize].push(at);
        *seen.panes.entry((patient.clone(), end, score.revision)).or_default() += 1;
        if score.pane == Pane::OnTime {
            let partition = message.partition();
            seen.on_time.push(OnTime { partition, patient, end, at });
        }
        if score.pane == Pane::Early {
            let sources = score.modalities.iter().filter_map(|presence| match presence {
                Presence::Present(present) => Some(present.source),
                Presence::Absent(..) => None,
            });
            seen.early.push((at, sources.collect()));
        }
    }
}
