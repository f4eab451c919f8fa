//! The bus: reading and writing as one act, because exactly-once is their coupling.
//!
//! A bus belongs to one worker thread and blocks it; librdkafka's transaction calls do, so an async face would only hide that.
//! Two implementations: the in-memory broker (tests, simulation) and Kafka. One contract suite runs on both.

use crate::types::IngestTime;
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

    /// Lets an assigned partition flow from an offset on.
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
    ///
    /// # Errors
    /// See [`BusError`].
    fn commit(&mut self, commit: Commit) -> Result<(), BusError>;

    /// The group's committed offset of a partition, waiting out pending transactional commits; `None`: never committed.
    ///
    /// # Errors
    /// See [`BusError`].
    fn committed(&mut self, place: &TopicPartition) -> Result<Option<i64>, BusError>;

    /// Reads committed records of any partition from `from` (clamped to the oldest there is) up to `to`, or to the end that the
    /// partition has now, open transactions waited out; gives each to `each`, and returns the offset after the last.
    /// Used by restore; keeps the membership alive meanwhile.
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
