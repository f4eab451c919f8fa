//! A consumer of what the pipeline publishes, like any other: scores, availability, dead letters.

use super::bus::{Bus, BusError, Change, Guarantee, Record, TopicPartition, Worker};
use super::wire::{
    ModelNames, Names, Topics, decode_availability, decode_dead_letter, decode_fused_score,
};
use crate::types::{Availability, FusedScore, RejectReason};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One record, read.
#[derive(Clone, Debug)]
pub enum Seen {
    /// Of `fused-scores`.
    Score(Box<FusedScore>),
    /// Of `availability`.
    Availability(Availability),
    /// Of `dead-letters`: why a record was not used.
    DeadLetter(RejectReason),
    /// A record that this version cannot read.
    Unreadable,
}

/// Reads the product topics in a group of its own and commits nothing.
pub struct Watcher {
    topics: Topics,
    names: Names,
    models: ModelNames,
    /// How many records of each partition to begin with; `None`: all there are.
    tail: Option<i64>,
    /// The next offset by partition.
    next: BTreeMap<TopicPartition, i64>,
    /// Places that wait to be started.
    waiting: Vec<TopicPartition>,
    missing: u64,
}

impl Watcher {
    /// Begins with the newest `tail` records of each partition, or with the oldest there are.
    pub fn new(topics: Topics, names: Names, tail: Option<i64>) -> Self {
        Self {
            topics,
            names,
            models: ModelNames::default(),
            tail,
            next: BTreeMap::new(),
            waiting: Vec::new(),
            missing: 0,
        }
    }

    /// How it presents itself. Two watchers of one group would share the partitions: give each a name of its own.
    pub fn membership(&self, name: &str) -> Worker {
        let topics =
            [&self.topics.fused_scores, &self.topics.availability, &self.topics.dead_letters];
        Worker {
            group: name.to_owned(),
            id: name.to_owned(),
            topics: topics.map(|topic| Arc::from(topic.as_str())).into(),
            guarantee: Guarantee::Idempotent,
        }
    }

    /// Waits up to `wait` for records and hands each to `each`; returns the places that were read on, with the next offset of each.
    ///
    /// # Errors
    /// [`BusError`]: after `Retry` call again, else connect again.
    pub fn turn(
        &mut self,
        bus: &mut dyn Bus,
        wait: Duration,
        each: &mut dyn FnMut(Seen),
    ) -> Result<BTreeMap<TopicPartition, i64>, BusError> {
        let delivery = bus.poll(wait)?;
        for change in delivery.changes {
            match change {
                Change::Assigned(places) => self.waiting.extend(places),
                Change::Revoked(places) => self.waiting.retain(|place| !places.contains(place)),
            }
        }
        while let Some(place) = self.waiting.last().cloned() {
            let from = self.beginning(bus, &place)?;
            bus.start(&place, from)?;
            self.next.insert(place, from);
            self.waiting.pop();
        }
        let mut moved = BTreeMap::new();
        for record in delivery.records {
            let next = self.next.entry(record.place.clone()).or_insert(record.offset);
            self.missing += u64::try_from(record.offset - *next).unwrap_or(0);
            *next = record.offset + 1;
            each(self.read(&record));
            moved.insert(record.place, record.offset + 1);
        }
        Ok(moved)
    }

    fn beginning(&self, bus: &mut dyn Bus, place: &TopicPartition) -> Result<i64, BusError> {
        if let Some(next) = self.next.get(place) {
            return Ok(*next);
        }
        let progress = bus.progress(place)?;
        let tail = self.tail.map_or(i64::MIN, |tail| progress.stable.saturating_sub(tail));
        Ok(progress.start.max(tail))
    }

    fn read(&mut self, record: &Record) -> Seen {
        let Some(payload) = record.payload.as_deref() else { return Seen::Unreadable };
        let topic = &*record.place.topic;
        let seen = if topic == self.topics.fused_scores {
            decode_fused_score(payload, &self.names, &mut self.models)
                .map(|score| Seen::Score(Box::new(score)))
        } else if topic == self.topics.availability {
            decode_availability(payload, &self.names).map(Seen::Availability)
        } else {
            decode_dead_letter(payload).map(|letter| Seen::DeadLetter(letter.fault.reason))
        };
        seen.unwrap_or(Seen::Unreadable)
    }

    /// Offsets passed over. On a real broker these are mostly the ends of transactions; on one without, lost records.
    pub fn missing(&self) -> u64 {
        self.missing
    }
}
