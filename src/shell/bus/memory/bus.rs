//! One worker's connection to the in-memory broker.

use super::group::MemberId;
use super::reach::{Need, partitions, reachable};
use super::state::{Refusal, State};
use super::steps::{Sender, Step, steps};
use super::{Bus, BusError, Commit, MemoryBroker, Progress, Record, TopicPartition, Worker};
use crate::shell::bus::{Change, Delivery, Guarantee};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Where an assigned partition stands.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    /// The next offset to read; `None`: not started.
    position: Option<i64>,
    paused: bool,
}

/// A bus to a [`MemoryBroker`]. Dropping it is a crash: nobody is told. [`Bus::close`] leaves properly.
#[derive(Debug)]
pub struct MemoryBus {
    broker: MemoryBroker,
    worker: Worker,
    sender: Sender,
    flows: BTreeMap<TopicPartition, Flow>,
    /// Which partition the next poll begins with, so that a full one cannot starve the others.
    turn: usize,
    halt_after: Option<usize>,
    /// What a halted worker had still to do.
    rest: Option<VecDeque<Step>>,
}

impl MemoryBus {
    pub(super) fn connect(broker: MemoryBroker, worker: Worker) -> Result<Self, BusError> {
        let mut state = broker.state();
        reachable(&state, Need::Coordinators)?;
        for topic in &worker.topics {
            partitions(&state, topic)?;
        }
        let transactional =
            (worker.guarantee == Guarantee::Transactional).then(|| state.init_producer(&worker.id));
        let member = (!worker.topics.is_empty())
            .then(|| state.join(&worker.group, &worker.id, &worker.topics));
        let idempotent = state.next_id();
        drop(state);
        let sender = Sender { group: worker.group.clone(), member, idempotent, transactional };
        let (flows, turn, halt_after, rest) = (BTreeMap::new(), 0, None, None);
        Ok(Self { broker, worker, sender, flows, turn, halt_after, rest })
    }

    /// The worker halts after so many steps of its next commit (0: before the first; [`MemoryBus::steps`]: after the last, never
    /// having heard of it): the commit returns [`BusError::Restart`]. Drop the bus for a crash, or [`MemoryBus::wake`] a zombie.
    pub fn halt_after(&mut self, steps: usize) {
        self.halt_after = Some(steps);
    }

    /// How many steps a commit takes.
    pub fn steps(&self, commit: &Commit) -> usize {
        steps(commit, self.worker.guarantee).len()
    }

    /// A halted worker goes on with its commit where it stopped, as if no time had passed.
    ///
    /// # Errors
    /// As [`Bus::commit`]. Without a halted commit nothing happens.
    pub fn wake(&mut self) -> Result<(), BusError> {
        match self.rest.take() {
            Some(rest) => self.run(rest),
            None => Ok(()),
        }
    }

    fn run(&mut self, mut rest: VecDeque<Step>) -> Result<(), BusError> {
        let broker = self.broker.clone();
        let mut state = broker.state();
        let halt_after = self.halt_after.take();
        let mut taken = 0;
        while halt_after != Some(taken) {
            let Some(step) = rest.pop_front() else { return Ok(()) };
            if matches!(step, Step::Begin) && self.worker.guarantee == Guarantee::Idempotent {
                self.checkpoint_producer(&mut state);
            }
            if let Err(refusal) = self.sender.take(step, &mut state) {
                return Err(self.refused(refusal, &mut state));
            }
            taken += 1;
        }
        self.rest = Some(rest);
        Err(BusError::Restart(format!("worker {} halted after {taken} steps", self.worker.id)))
    }

    fn checkpoint_producer(&mut self, state: &mut State) {
        if self.sender.transactional.is_none() {
            let id = format!("{}-checkpoint", self.worker.id);
            self.sender.transactional = Some(state.init_producer(&id));
        }
    }

    /// What a refusal means for the worker. An open transaction is aborted.
    fn refused(&mut self, refusal: Refusal, state: &mut State) -> BusError {
        let Worker { id, group, guarantee, .. } = &self.worker;
        if let Some(producer) = &self.sender.transactional
            && refusal == Refusal::StaleMember
        {
            // A fenced producer has nothing left to abort.
            let _aborted_by_the_coordinator = state.end(producer, false);
        }
        match (refusal, guarantee) {
            (Refusal::Fenced, _) => BusError::Restart(format!(
                "worker {id} was fenced: its transaction timed out or another worker took over its id"
            )),
            (Refusal::StaleMember, Guarantee::Transactional) => BusError::Rewind(format!(
                "worker {id} is no longer in group {group}: its commit was aborted"
            )),
            (Refusal::StaleMember, Guarantee::Idempotent) => BusError::Restart(format!(
                "worker {id} is no longer in group {group}: its outputs stand, its offsets do not"
            )),
        }
    }

    /// Refuses before anything is sent what could not be sent as a whole.
    fn check(&self, state: &State, commit: &Commit) -> Result<(), BusError> {
        let id = &self.worker.id;
        if let Some((place, _)) = commit.offsets.iter().find(|(p, _)| !self.flows.contains_key(p)) {
            return Err(BusError::Rewind(format!(
                "worker {id} does not own {place} any more: nothing was committed"
            )));
        }
        for outgoing in commit.outputs.iter().chain(&commit.checkpoint) {
            let count = partitions(state, &outgoing.topic)?;
            if let Some(partition) = outgoing.partition.filter(|partition| *partition >= count) {
                return Err(BusError::no_partition(&TopicPartition::new(
                    outgoing.topic.clone(),
                    partition,
                )));
            }
            outgoing.check_size(state.limits.record_bytes)?;
        }
        Ok(())
    }

    /// Joins the group again after an eviction, and hears what was given and taken.
    fn changes(&mut self, state: &mut State) -> Vec<Change> {
        let Some(member) = self.sender.member else { return Vec::new() };
        let mut changes = Vec::new();
        if !state.group(&self.worker.group).has(member) {
            let revoked: Vec<TopicPartition> =
                std::mem::take(&mut self.flows).into_keys().collect();
            if !revoked.is_empty() {
                changes.push(Change::Revoked(revoked));
            }
            self.sender.member =
                Some(state.join(&self.worker.group, &self.worker.id, &self.worker.topics));
        }
        let member: MemberId = self.sender.member.unwrap_or(member);
        let (revoked, assigned) = state.group(&self.worker.group).sync(member);
        if !revoked.is_empty() {
            self.flows.retain(|place, _| !revoked.contains(place));
            changes.push(Change::Revoked(revoked));
        }
        if !assigned.is_empty() {
            self.flows.extend(assigned.iter().map(|place| (place.clone(), Flow::default())));
            changes.push(Change::Assigned(assigned));
        }
        changes
    }

    fn records(&mut self, state: &State, delivery: &mut Delivery) -> Result<(), BusError> {
        let flowing: Vec<TopicPartition> = (self.flows.iter())
            .filter(|(_, flow)| flow.position.is_some() && !flow.paused)
            .map(|(place, _)| place.clone())
            .collect();
        self.turn = self.turn.wrapping_add(1);
        for n in 0..flowing.len() {
            let place = &flowing[(self.turn + n) % flowing.len()];
            let Some(position) = self.flows.get_mut(place).and_then(|f| f.position.as_mut()) else {
                continue;
            };
            let log = state.log(place).ok_or_else(|| BusError::no_partition(place))?;
            if *position < log.start() || *position > log.end() {
                return Err(BusError::Restart(format!(
                    "offset {position} of {place} is gone: the log holds {}..{}; give the topic a longer retention",
                    log.start(),
                    log.end()
                )));
            }
            let room = state.limits.poll_records - delivery.records.len();
            let (records, next) = log.read(*position, log.stable(), room);
            *position = next;
            delivery.records.extend(records);
            if next >= log.stable() {
                delivery.caught_up.push(place.clone());
            }
        }
        Ok(())
    }
}

impl Bus for MemoryBus {
    fn poll(&mut self, _wait: Duration) -> Result<Delivery, BusError> {
        let broker = self.broker.clone();
        let mut state = broker.state();
        reachable(&state, Need::Broker)?;
        let mut delivery = Delivery::default();
        if reachable(&state, Need::Coordinators).is_ok() {
            delivery.changes = self.changes(&mut state);
            if let Some(member) = self.sender.member {
                state.heartbeat(&self.worker.group, member);
            }
        }
        self.records(&state, &mut delivery)?;
        Ok(delivery)
    }

    fn start(&mut self, place: &TopicPartition, offset: i64) -> Result<(), BusError> {
        if let Some(flow) = self.flows.get_mut(place) {
            *flow = Flow { position: Some(offset), paused: false };
        }
        Ok(())
    }

    fn pause(&mut self, place: &TopicPartition, paused: bool) -> Result<(), BusError> {
        if let Some(flow) = self.flows.get_mut(place) {
            flow.paused = paused;
        }
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), BusError> {
        let broker = self.broker.clone();
        let mut state = broker.state();
        reachable(&state, Need::Coordinators)?;
        self.check(&state, commit)?;
        if let Some(member) = self.sender.member {
            state.heartbeat(&self.worker.group, member);
        }
        drop(state);
        self.run(steps(commit, self.worker.guarantee))
    }

    fn record_limit(&self) -> usize {
        self.broker.state().limits.record_bytes
    }

    fn committed(&mut self, place: &TopicPartition) -> Result<Option<i64>, BusError> {
        let mut state = self.broker.state();
        reachable(&state, Need::Coordinators)?;
        let group = &self.worker.group;
        state.group(group).committed(place).map_err(|()| {
            BusError::Retry(format!(
                "the offset of {place} in group {group} is inside a transaction that has not ended"
            ))
        })
    }

    fn read_back(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: Option<i64>,
        each: &mut dyn FnMut(Record),
    ) -> Result<i64, BusError> {
        let mut state = self.broker.state();
        reachable(&state, Need::Broker)?;
        if let Some(member) = self.sender.member {
            state.heartbeat(&self.worker.group, member);
        }
        let log = state.log(place).ok_or_else(|| BusError::no_partition(place))?;
        let to = to.unwrap_or(log.end()).min(log.end());
        if log.stable() < to {
            return Err(BusError::Retry(format!(
                "{place} holds an open transaction at offset {}; it ends by itself when it times out",
                log.stable()
            )));
        }
        let (records, _) = log.read(from.max(log.start()), to, usize::MAX);
        drop(state);
        records.into_iter().for_each(each);
        Ok(to)
    }

    fn progress(&mut self, place: &TopicPartition) -> Result<Progress, BusError> {
        reachable(&self.broker.state(), Need::Broker)?;
        self.broker.progress(place).ok_or_else(|| BusError::no_partition(place))
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, BusError> {
        let state = self.broker.state();
        reachable(&state, Need::Broker)?;
        partitions(&state, topic)
    }

    fn close(&mut self) {
        let mut state = self.broker.state();
        if let Some(member) = self.sender.member.take() {
            state.leave(&self.worker.group, member);
        }
        self.flows.clear();
    }
}
