//! One partition of the in-memory broker: records, transaction markers, the last stable offset.

use super::{Outgoing, Record, TopicPartition};
use crate::types::IngestTime;
use std::collections::{BTreeMap, BTreeSet};

/// A producer as the broker counts them.
pub(super) type ProducerId = u64;

/// Whether readers may see a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open(ProducerId),
    Visible,
    Aborted,
}

#[derive(Debug)]
struct Entry {
    record: Record,
    fate: Fate,
}

/// A partition's log. Offsets have gaps where a transaction ended (its marker takes one) and where compaction removed records.
#[derive(Debug)]
pub(super) struct Log {
    place: TopicPartition,
    start: i64,
    end: i64,
    entries: Vec<Entry>,
    /// First offset of each open transaction.
    open: BTreeMap<ProducerId, i64>,
    /// Next sequence number of each idempotent producer.
    sequences: BTreeMap<ProducerId, u64>,
}

impl Log {
    pub(super) fn new(place: TopicPartition) -> Self {
        Self {
            place,
            start: 0,
            end: 0,
            entries: Vec::new(),
            open: BTreeMap::new(),
            sequences: BTreeMap::new(),
        }
    }

    pub(super) fn start(&self) -> i64 {
        self.start
    }

    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Everything before it is decided.
    pub(super) fn stable(&self) -> i64 {
        self.open.values().copied().min().unwrap_or(self.end)
    }

    /// The sequence number that the broker expects next of a producer.
    pub(super) fn sequence(&self, producer: ProducerId) -> u64 {
        self.sequences.get(&producer).copied().unwrap_or(0)
    }

    /// Appends and returns the offset. A record whose sequence number was taken already is acknowledged and not appended again.
    pub(super) fn append(
        &mut self,
        outgoing: &Outgoing,
        now: IngestTime,
        producer: Option<(ProducerId, u64)>,
        in_transaction: bool,
    ) -> i64 {
        if let Some((producer, sequence)) = producer {
            let next = self.sequences.entry(producer).or_insert(0);
            if sequence < *next {
                return self.end - 1;
            }
            *next = sequence + 1;
        }
        let offset = self.end;
        let fate = match producer {
            Some((producer, _)) if in_transaction => {
                self.open.entry(producer).or_insert(offset);
                Fate::Open(producer)
            }
            _ => Fate::Visible,
        };
        let record = Record {
            place: self.place.clone(),
            offset,
            ingest_time: now,
            key: outgoing.key.clone(),
            payload: outgoing.payload.clone(),
            headers: outgoing.headers.clone(),
        };
        self.entries.push(Entry { record, fate });
        self.end += 1;
        offset
    }

    /// Ends a producer's transaction; its marker takes an offset.
    pub(super) fn end_transaction(&mut self, producer: ProducerId, committed: bool) {
        let Some(first) = self.open.remove(&producer) else { return };
        let fate = if committed { Fate::Visible } else { Fate::Aborted };
        let from = self.index(first);
        for entry in &mut self.entries[from..] {
            if entry.fate == Fate::Open(producer) {
                entry.fate = fate;
            }
        }
        self.end += 1;
    }

    /// Up to `limit` visible records at or after `from` and before `to` (which is at most the last stable offset), and the
    /// offset up to which the log was read.
    pub(super) fn read(&self, from: i64, to: i64, limit: usize) -> (Vec<Record>, i64) {
        let mut records = Vec::new();
        for entry in &self.entries[self.index(from)..] {
            if entry.record.offset >= to {
                break;
            }
            if records.len() == limit {
                return (records, entry.record.offset);
            }
            if entry.fate == Fate::Visible {
                records.push(entry.record.clone());
            }
        }
        (records, to.max(from))
    }

    /// Keeps of each key the newest decided record (a record without a key stays). Offsets stay as they are.
    pub(super) fn compact(&mut self) {
        let stable = self.stable();
        let mut newer: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut kept = Vec::with_capacity(self.entries.len());
        for entry in self.entries.drain(..).rev() {
            let keep = match (&entry.record.key, entry.fate) {
                _ if entry.record.offset >= stable => true,
                (_, Fate::Aborted) => false,
                (Some(key), _) => newer.insert(key.clone()),
                (None, _) => true,
            };
            if keep {
                kept.push(entry);
            }
        }
        kept.reverse();
        self.entries = kept;
    }

    /// Forgets everything before an offset, as retention does.
    pub(super) fn truncate(&mut self, before: i64) {
        self.start = self.start.max(before.min(self.end));
        let keep = self.index(self.start);
        self.entries.drain(..keep);
    }

    /// Loses the records that `which` picks (damage, not something a broker does); returns how many.
    pub(super) fn lose(&mut self, which: &mut dyn FnMut(&Record) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !which(&entry.record));
        before - self.entries.len()
    }

    fn index(&self, offset: i64) -> usize {
        self.entries.partition_point(|entry| entry.record.offset < offset)
    }
}
