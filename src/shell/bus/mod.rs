//! The bus: reading and writing as one act, because exactly-once is their coupling.
//!
//! A bus belongs to one worker thread and blocks it; librdkafka's transaction calls do, so an async face would only hide that.
//! Two implementations: the in-memory broker (tests, simulation) and Kafka. One contract suite runs on both.

pub mod kafka;
pub mod memory;
pub mod murmur2;

use crate::types::IngestTime;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A partition of a topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// A partition of a topic.
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

/// `predictions[3]`
impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)
    }
}

/// A record's headers, in order.
pub type Headers = Vec<(String, Vec<u8>)>;

/// A record as the broker holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub place: TopicPartition,
    /// Its offset.
    pub offset: i64,
    /// When the broker took it (`LogAppendTime`).
    pub ingest_time: IngestTime,
    /// Its key; `None`: no key.
    pub key: Option<Vec<u8>>,
    /// Its payload; `None`: a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition; `None`: by the murmur2 hash of the key, as every Kafka client agrees.
    pub partition: Option<u32>,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its payload; `None`: a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Headers,
}

impl Outgoing {
    /// Key, payload and header names and values together, in bytes: what [`Bus::record_limit`] limits.
    pub fn size(&self) -> usize {
        let of = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        of(&self.key) + of(&self.payload) + headers
    }

    /// Refuses a record above the limit before a producer dies of it.
    pub(crate) fn check_size(&self, limit: usize) -> Result<(), BusError> {
        let (size, key) = (self.size(), self.key.as_ref().map_or(0, Vec::len));
        if size <= limit {
            return Ok(());
        }
        Err(BusError::Stop(format!(
            "a record for topic `{}` has {size} bytes (key {key}); the limit is {limit}: raise message.max.bytes here \
             and max.message.bytes of the topic",
            self.topic
        )))
    }
}

/// A change of what this bus reads. Nothing of a revoked or lost partition may be committed any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These are read from now on; each waits paused until [`Bus::start`].
    Assigned(Vec<TopicPartition>),
    /// These go to another member. What was made from them and is not committed is to be dropped; the next owner makes it again.
    Revoked(Vec<TopicPartition>),
}

/// What one poll brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Changes first, in order; the records are of partitions still assigned after them.
    pub changes: Vec<Change>,
    /// Records, in offset order within a partition.
    pub records: Vec<Record>,
    /// Partitions read up to the broker's end by a fetch that succeeded during or shortly before this poll: caught up.
    pub caught_up: Vec<TopicPartition>,
}

/// What becomes visible together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Outputs, in order.
    pub outputs: Vec<Outgoing>,
    /// Checkpoint entries, in order (a lane-wide entry is last among its lane's).
    pub checkpoint: Vec<Outgoing>,
    /// For each input partition the offset of the next record to read.
    pub offsets: Vec<(TopicPartition, i64)>,
}

/// How a bus couples outputs and offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// Outputs are appended idempotently and in order, then the offsets are committed: after a crash a prefix may be repeated,
    /// which the reader drops by source position. The checkpoint is one transaction of its own with the group's metadata,
    /// so that a zombie cannot write one; its entries hold for the offsets of the same commit.
    Idempotent,
    /// Outputs, checkpoint and offsets are one transaction.
    Transactional,
}

/// Whom a bus speaks for: one worker thread of one instance of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The consumer group: its members share the partitions of `topics`, and the committed offsets are its.
    pub group: String,
    /// The same at every start and no other worker's (`{app}-{role}-{instance}-{worker}`): who connects with it fences whoever
    /// still holds it. It is the `transactional.id`; a random one would leave open transactions that block readers.
    pub id: String,
    /// What it reads; none: it only writes, and joins no group.
    pub topics: Vec<Arc<str>>,
    /// How outputs and offsets are coupled.
    pub guarantee: Guarantee,
}

/// What went wrong, as what is to be done about it. The text says what happened, to what, and what a person can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nothing happened; the same call may be made again.
    #[error("{0}")]
    Retry(String),
    /// The commit was aborted and nothing of it will ever be visible: every lane goes back to its last committed state.
    #[error("{0}")]
    Rewind(String),
    /// The outcome is unknown, or another member has taken over (fenced): drop the bus with all its lanes and connect again.
    #[error("{0}")]
    Restart(String),
    /// It will not work until somebody changes something (credentials, topics, authorisation, configuration).
    #[error("{0}")]
    Stop(String),
}

impl BusError {
    /// A topic that does not exist.
    pub(crate) fn no_topic(topic: &str) -> Self {
        Self::Stop(format!(
            "there is no topic `{topic}`: create it with `latefusion topics`, or correct its name in the configuration"
        ))
    }

    /// A partition that does not exist.
    pub(crate) fn no_partition(place: &TopicPartition) -> Self {
        Self::Stop(format!(
            "there is no {place}: give topic `{}` more partitions, or correct the configuration",
            place.topic
        ))
    }
}

/// How far a partition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Oldest offset that is still there.
    pub start: i64,
    /// Last stable offset: what a `read_committed` reader can read up to (exclusive).
    pub stable: i64,
    /// End of the log, open transactions included (exclusive).
    pub end: i64,
}

/// One worker's connection.
pub trait Bus {
    /// Waits up to `wait` for records or changes. Also what keeps the membership alive: call it often.
    ///
    /// # Errors
    /// See [`BusError`].
    fn poll(&mut self, wait: Duration) -> Result<Delivery, BusError>;

    /// Lets an assigned partition flow from an offset on, or again from another one (a rewind); it is not paused then. Where the partition has been taken
    /// away meanwhile nothing happens; the next poll tells. An offset that the log no longer has, or not yet, makes a later poll fail
    /// with [`BusError::Restart`]: compare with [`Bus::progress`] first.
    ///
    /// # Errors
    /// See [`BusError`].
    fn start(&mut self, place: &TopicPartition, offset: i64) -> Result<(), BusError>;

    /// Stops or resumes the flow of an assigned partition without giving it up.
    ///
    /// # Errors
    /// See [`BusError`].
    fn pause(&mut self, place: &TopicPartition, paused: bool) -> Result<(), BusError>;

    /// Makes all of a commit visible or none of it, as the bus's [`Guarantee`] says; returns when the broker has acknowledged.
    /// Refused before anything is sent: offsets of a partition that is not (or no longer) this bus's ([`BusError::Rewind`]),
    /// an unknown topic or partition, a record above [`Bus::record_limit`] ([`BusError::Stop`]).
    ///
    /// # Errors
    /// See [`BusError`]. Borrowed, so that a [`BusError::Retry`] costs no copy.
    fn commit(&mut self, commit: &Commit) -> Result<(), BusError>;

    /// Gets ready for commits with a checkpoint, so that the first of them keeps no record waiting longer than the others do.
    ///
    /// # Errors
    /// See [`BusError`].
    fn prepare_checkpoints(&mut self) -> Result<(), BusError> {
        Ok(())
    }

    /// The largest [`Outgoing::size`] that a commit takes, in bytes: cut what may be cut (dead letters) before.
    fn record_limit(&self) -> usize;

    /// The group's committed offset of a partition, waiting out pending transactional commits ([`BusError::Retry`] where that takes
    /// too long); `None`: never committed.
    ///
    /// # Errors
    /// See [`BusError`].
    fn committed(&mut self, place: &TopicPartition) -> Result<Option<i64>, BusError>;

    /// Reads committed records of any partition from `from` (clamped to the oldest there is) up to `to`, or to the end that the
    /// partition has now, open transactions waited out; gives each to `each`, and returns the offset up to which it has read
    /// (less than `to` only where the log ends before it). Used by restore; keeps the membership alive meanwhile.
    /// After an error forget what was given: the next call gives it again.
    ///
    /// # Errors
    /// See [`BusError`].
    fn read_back(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: Option<i64>,
        each: &mut dyn FnMut(Record),
    ) -> Result<i64, BusError>;

    /// How far a partition is at the broker.
    ///
    /// # Errors
    /// See [`BusError`].
    fn progress(&mut self, place: &TopicPartition) -> Result<Progress, BusError>;

    /// How many partitions a topic has.
    ///
    /// # Errors
    /// See [`BusError`]; [`BusError::Stop`] where there is no such topic.
    fn partitions(&mut self, topic: &str) -> Result<u32, BusError>;

    /// Leaves the group without waiting for its session to time out. Uncommitted work is dropped.
    fn close(&mut self);
}
