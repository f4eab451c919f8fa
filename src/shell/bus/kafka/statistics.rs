//! The part of librdkafka's statistics that tells whether a partition is really caught up.

use crate::shell::bus::TopicPartition;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The leader answered within this long: fetches are flowing (they wait at most 0.1 s at the broker).
const ANSWERED_WITHIN_MICROS: i64 = 1_000_000;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Statistics {
    /// The client's own name: `latefusion-fuse-0-0#producer-2`.
    #[serde(default)]
    name: String,
    /// Records handed to a producer and not acknowledged yet; 0 for a consumer.
    #[serde(default)]
    msg_cnt: u64,
    #[serde(default)]
    brokers: BTreeMap<String, Broker>,
    #[serde(default)]
    topics: BTreeMap<String, Topic>,
}

#[derive(Debug, Deserialize)]
struct Broker {
    nodeid: i32,
    /// `LEARNED` or `CONFIGURED` are connections to a node; the group coordinator's own connection is `LOGICAL`.
    source: String,
    state: String,
    /// Microseconds since anything was received; -1: nothing yet.
    rxidle: i64,
    #[serde(default)]
    rtt: RoundTrip,
}

/// Over the last interval, in microseconds.
#[derive(Debug, Default, Deserialize)]
struct RoundTrip {
    avg: i64,
    cnt: i64,
}

#[derive(Debug, Deserialize)]
struct Topic {
    partitions: BTreeMap<String, Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    broker: i32,
    fetch_state: String,
    fetchq_cnt: i64,
    next_offset: i64,
    ls_offset: i64,
}

impl Statistics {
    pub(super) fn client(&self) -> &str {
        &self.name
    }

    pub(super) fn queued(&self) -> u64 {
        self.msg_cnt
    }

    /// Mean round trip in seconds to each broker that answered something.
    pub(super) fn round_trips(&self) -> BTreeMap<i32, f64> {
        let answered = self.brokers.values().filter(|b| b.nodeid >= 0 && b.rtt.cnt > 0);
        answered.map(|broker| (broker.nodeid, broker.rtt.avg as f64 / 1e6)).collect()
    }

    /// Whether the partition's leader answers.
    pub(super) fn leader_answers(&self, place: &TopicPartition) -> bool {
        self.partition(place).is_some_and(|partition| {
            partition.fetch_state == "active"
                && self.brokers.values().any(|broker| {
                    broker.nodeid == partition.broker
                        && broker.source != "logical"
                        && broker.state == "UP"
                        && (0..=ANSWERED_WITHIN_MICROS).contains(&broker.rxidle)
                })
        })
    }

    /// Whether everything up to the last stable offset has been fetched and handed over.
    pub(super) fn at_end(&self, place: &TopicPartition) -> bool {
        self.partition(place).is_some_and(|partition| {
            partition.fetchq_cnt == 0
                && partition.ls_offset >= 0
                && partition.next_offset >= partition.ls_offset
        })
    }

    fn partition(&self, place: &TopicPartition) -> Option<&Partition> {
        self.topics.get(&*place.topic)?.partitions.get(&place.partition.to_string())
    }
}
