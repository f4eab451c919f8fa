//! A broker in memory: topics, groups, transactions and faults, deterministic when driven from one thread.
//!
//! It never waits: what Kafka would wait out ([`Bus::committed`], [`Bus::read_back`] behind an open transaction) is a
//! [`BusError::Retry`], and [`MemoryBroker::advance`] is the only thing that makes time pass. What it leaves out: replication
//! and loss of acknowledged records ([`MemoryBroker::lose`] does that by hand), authorisation, batches.

mod bus;
mod group;
mod log;
mod reach;
mod state;
mod steps;
#[cfg(test)]
mod tests;

pub use bus::MemoryBus;

use super::{Bus, BusError, Commit, Outgoing, Progress, Record, TopicPartition, Worker};
use crate::types::{IngestTime, Span};
use state::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the broker allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A member that called nothing for longer loses its partitions.
    pub session_timeout: Span,
    /// A transaction open for longer is aborted and its producer fenced.
    pub transaction_timeout: Span,
    /// The largest record, in bytes of [`Outgoing::size`].
    pub record_bytes: usize,
    /// The most records that one poll brings.
    pub poll_records: usize,
}

impl Default for Limits {
    /// The Kafka bus's: 6 s, 10 s, 1 MB; 500 records.
    fn default() -> Self {
        Self {
            session_timeout: Span::seconds(6),
            transaction_timeout: Span::seconds(10),
            record_bytes: 1_000_000,
            poll_records: 500,
        }
    }
}

/// What is away; whoever needs it gets [`BusError::Retry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The coordinators: no commit, no joining; records can be read.
    Coordinators,
    /// The whole broker.
    Broker,
}

/// The broker; clones share it.
#[derive(Clone, Debug)]
pub struct MemoryBroker(Arc<Mutex<State>>);

impl MemoryBroker {
    /// An empty broker; its clock stands at 1970-01-01.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State::new(limits))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a topic, or gives one that exists more partitions; groups take them up at their members' next polls.
    pub fn create(&self, topic: &str, partitions: u32) {
        let mut state = self.state();
        let name: Arc<str> = topic.into();
        let logs = state.topics.entry(name.clone()).or_default();
        for partition in logs.len() as u32..partitions {
            logs.push(log::Log::new(TopicPartition::new(name.clone(), partition)));
        }
        state.rebalance_all();
    }

    /// Connects a worker; with [`super::Guarantee::Transactional`] whoever holds the same [`Worker::id`] is fenced.
    ///
    /// # Errors
    /// [`BusError::Retry`] during an outage, [`BusError::Stop`] where a topic to be read does not exist.
    pub fn connect(&self, worker: Worker) -> Result<MemoryBus, BusError> {
        MemoryBus::connect(self.clone(), worker)
    }

    /// Appends a record from outside; `None`: no such topic or partition.
    pub fn append(&self, outgoing: &Outgoing) -> Option<(TopicPartition, i64)> {
        self.state().append(outgoing, None, false)
    }

    /// All records of a topic that a `read_committed` reader sees, partition by partition.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let state = self.state();
        let logs = state.topics.get(topic).into_iter().flatten();
        logs.flat_map(|log| log.read(log.start(), log.stable(), usize::MAX).0).collect()
    }

    /// How far a partition is; `None`: there is no such partition.
    pub fn progress(&self, place: &TopicPartition) -> Option<Progress> {
        let state = self.state();
        let log = state.log(place)?;
        Some(Progress { start: log.start(), stable: log.stable(), end: log.end() })
    }

    /// A group's committed offset; `None`: none, or a transaction that has not ended holds one.
    pub fn committed(&self, group: &str, place: &TopicPartition) -> Option<i64> {
        self.state().group(group).committed(place).ok().flatten()
    }

    /// How often a group has shared out its partitions.
    pub fn generation(&self, group: &str) -> u64 {
        self.state().group(group).generation()
    }

    /// The `transactional.id`s with an open transaction, sorted.
    pub fn open_transactions(&self) -> Vec<String> {
        self.state().open_transactions().into_iter().collect()
    }

    // ---- time -----------------------------------------------------------------------------------------------------

    /// The clock that stamps records.
    pub fn now(&self) -> IngestTime {
        self.state().clock
    }

    /// Sets the clock, also backwards, as a broker's clock may jump. No time passes: nothing times out.
    pub fn set_clock(&self, now: IngestTime) {
        self.state().clock = now;
    }

    /// Time passes: the clock moves, sessions and transactions time out.
    pub fn advance(&self, span: Span) {
        self.state().pass(span);
    }

    // ---- what befalls a broker ------------------------------------------------------------------------------------

    /// Begins or ends an outage.
    pub fn outage(&self, outage: Option<Outage>) {
        self.state().outage = outage;
    }

    /// From now on every producer sends every record twice, as after a lost acknowledgement; sequence numbers drop the second.
    pub fn resend(&self, on: bool) {
        self.state().resend = on;
    }

    /// Ends the session of the members of a worker at once, in every group.
    pub fn evict(&self, worker: &str) {
        self.state().evict(|name, _| name == worker);
    }

    /// Lets the open transaction of a `transactional.id` time out at once.
    pub fn abort_transaction(&self, transactional_id: &str) {
        self.state().abort_open(transactional_id);
    }

    /// Compacts a topic: of each key the newest record stays.
    pub fn compact(&self, topic: &str) {
        for log in self.state().topics.get_mut(topic).into_iter().flatten() {
            log.compact();
        }
    }

    /// Forgets all records before an offset, as retention does.
    pub fn truncate(&self, place: &TopicPartition, before: i64) {
        if let Some(log) = self.state().log_mut(place) {
            log.truncate(before);
        }
    }

    /// Loses the records that `which` picks, so that a checkpoint can be torn; returns how many.
    pub fn lose(&self, place: &TopicPartition, mut which: impl FnMut(&Record) -> bool) -> usize {
        self.state().log_mut(place).map_or(0, |log| log.lose(&mut which))
    }
}
