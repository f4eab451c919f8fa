//! What the in-memory broker holds, and its two coordinators.

use super::group::{Group, MemberId};
use super::log::{Log, ProducerId};
use super::{Limits, Outage, Outgoing, TopicPartition};
use crate::shell::bus::murmur2;
use crate::types::{IngestTime, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why the broker refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another producer took over the transactional id, or the transaction timed out.
    Fenced,
    /// The member is not in the group any more.
    StaleMember,
}

/// A transactional producer's right to write: void as soon as its epoch is not the newest.
#[derive(Clone, Debug)]
pub(super) struct Producer {
    transactional_id: String,
    pub(super) id: ProducerId,
    epoch: u64,
}

#[derive(Debug)]
struct Transactional {
    producer: ProducerId,
    epoch: u64,
    /// When the open transaction began, in milliseconds that passed.
    open_since: Option<i64>,
}

/// Everything, behind one lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: Limits,
    pub(super) topics: BTreeMap<Arc<str>, Vec<Log>>,
    pub(super) outage: Option<Outage>,
    /// Every append is sent twice, as after a lost acknowledgement.
    pub(super) resend: bool,
    pub(super) clock: IngestTime,
    /// Time that passed, for time-outs; unlike the clock it never jumps.
    passed: i64,
    groups: BTreeMap<String, Group>,
    transactional: BTreeMap<String, Transactional>,
    next_id: u64,
    keyless: u32,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            topics: BTreeMap::new(),
            outage: None,
            resend: false,
            clock: IngestTime::from_millis(0),
            passed: 0,
            groups: BTreeMap::new(),
            transactional: BTreeMap::new(),
            next_id: 1,
            keyless: 0,
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn log(&self, place: &TopicPartition) -> Option<&Log> {
        self.topics.get(&place.topic)?.get(place.partition as usize)
    }

    pub(super) fn log_mut(&mut self, place: &TopicPartition) -> Option<&mut Log> {
        self.topics.get_mut(&place.topic)?.get_mut(place.partition as usize)
    }

    /// Where a record goes; `None`: no such topic or partition. Keyless records take turns.
    pub(super) fn place(&mut self, outgoing: &Outgoing) -> Option<TopicPartition> {
        let count = self.topics.get(&outgoing.topic)?.len() as u32;
        let partition = match (outgoing.partition, &outgoing.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => murmur2::partition(key, count),
            (None, None) => {
                self.keyless = self.keyless.wrapping_add(1);
                self.keyless % count
            }
        };
        (partition < count).then(|| TopicPartition::new(outgoing.topic.clone(), partition))
    }

    /// Appends; a place that does not exist was refused before. Returns where it stands.
    pub(super) fn append(
        &mut self,
        outgoing: &Outgoing,
        producer: Option<ProducerId>,
        in_transaction: bool,
    ) -> Option<(TopicPartition, i64)> {
        let place = self.place(outgoing)?;
        let (clock, sends) = (self.clock, if self.resend { 2 } else { 1 });
        let log = self.log_mut(&place)?;
        let numbered = producer.map(|id| (id, log.sequence(id)));
        let mut offset = 0;
        for _ in 0..if numbered.is_some() { sends } else { 1 } {
            offset = log.append(outgoing, clock, numbered, in_transaction);
        }
        Some((place, offset))
    }

    // ---- groups ---------------------------------------------------------------------------------------------------

    pub(super) fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }

    pub(super) fn rebalance(&mut self, name: &str) {
        let counts: BTreeMap<Arc<str>, u32> =
            self.topics.iter().map(|(topic, logs)| (topic.clone(), logs.len() as u32)).collect();
        self.group(name).rebalance(&counts);
    }

    pub(super) fn rebalance_all(&mut self) {
        for name in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.rebalance(&name);
        }
    }

    pub(super) fn join(&mut self, name: &str, worker: &str, topics: &[Arc<str>]) -> MemberId {
        let (id, now) = (self.next_id(), self.passed);
        self.group(name).join(id, worker, topics, now);
        self.rebalance(name);
        id
    }

    pub(super) fn leave(&mut self, name: &str, id: MemberId) {
        self.group(name).leave(id);
        self.rebalance(name);
    }

    pub(super) fn heartbeat(&mut self, name: &str, id: MemberId) {
        let now = self.passed;
        self.group(name).seen(id, now);
    }

    /// Evicts members in every group; the others share their partitions at their next polls.
    pub(super) fn evict(&mut self, gone: impl Fn(&str, i64) -> bool) {
        let mut changed = Vec::new();
        for (name, group) in &mut self.groups {
            if group.evict(&gone) {
                changed.push(name.clone());
            }
        }
        for name in changed {
            self.rebalance(&name);
        }
    }

    // ---- transactions ---------------------------------------------------------------------------------------------

    /// Takes over a transactional id: whoever had it is fenced and its open transaction aborted.
    pub(super) fn init_producer(&mut self, transactional_id: &str) -> Producer {
        self.abort_open(transactional_id);
        let fresh = self.next_id();
        let entry = self
            .transactional
            .entry(transactional_id.to_owned())
            .or_insert(Transactional { producer: fresh, epoch: 0, open_since: None });
        entry.epoch += 1;
        let (id, epoch) = (entry.producer, entry.epoch);
        Producer { transactional_id: transactional_id.to_owned(), id, epoch }
    }

    pub(super) fn begin(&mut self, producer: &Producer) -> Result<(), Refusal> {
        let now = self.passed;
        self.owned(producer)?.open_since = Some(now);
        Ok(())
    }

    /// Refuses a producer that was fenced.
    pub(super) fn check(&mut self, producer: &Producer) -> Result<(), Refusal> {
        self.owned(producer).map(|_| ())
    }

    fn owned(&mut self, producer: &Producer) -> Result<&mut Transactional, Refusal> {
        self.transactional
            .get_mut(&producer.transactional_id)
            .filter(|entry| entry.epoch == producer.epoch)
            .ok_or(Refusal::Fenced)
    }

    pub(super) fn end(&mut self, producer: &Producer, committed: bool) -> Result<(), Refusal> {
        self.owned(producer)?.open_since = None;
        self.end_everywhere(producer.id, committed);
        Ok(())
    }

    /// What the coordinator does when a transaction takes too long: abort it and fence its producer.
    pub(super) fn abort_open(&mut self, transactional_id: &str) {
        let Some(entry) = self.transactional.get_mut(transactional_id) else { return };
        if entry.open_since.take().is_some() {
            entry.epoch += 1;
            let id = entry.producer;
            self.end_everywhere(id, false);
        }
    }

    fn end_everywhere(&mut self, producer: ProducerId, committed: bool) {
        for log in self.topics.values_mut().flatten() {
            log.end_transaction(producer, committed);
        }
        for group in self.groups.values_mut() {
            group.end_transaction(producer, committed);
        }
    }

    /// Transactions that have not ended, by transactional id.
    pub(super) fn open_transactions(&self) -> BTreeSet<String> {
        let open = self.transactional.iter().filter(|(_, entry)| entry.open_since.is_some());
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Time passes: sessions and transactions time out.
    pub(super) fn pass(&mut self, span: Span) {
        self.clock = self.clock + span;
        self.passed += span.as_millis();
        let oldest_session = self.passed - self.limits.session_timeout.as_millis();
        self.evict(|_, last_seen| last_seen < oldest_session);
        let oldest_transaction = self.passed - self.limits.transaction_timeout.as_millis();
        let late: Vec<String> = (self.transactional.iter())
            .filter(|(_, entry)| entry.open_since.is_some_and(|since| since < oldest_transaction))
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.abort_open(&id);
        }
    }
}
