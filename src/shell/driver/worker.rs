//! A worker: one connection, the lanes assigned to it, one round after another.

use super::committing::Share;
use super::lane::{Lane, Making};
use super::restore::restore;
use super::status::{Counts, LaneStatus, Phase};
use super::{Clock, Pace, Pipeline, Role};
use crate::shell::bus::{Bus, BusError, Change, Commit, Delivery, Record, TopicPartition};
use crate::types::Feed;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, info, warn};

/// How a round went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Something was read or committed.
    Busy,
    /// There was nothing to do.
    Quiet,
    /// Something could not be done and is to be tried again after a pause; the text says what.
    Retry(String),
}

/// Runs one role over one connection. Make another one after an error: its lanes are no longer true then.
pub struct Worker {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) role: Role,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lanes: BTreeMap<TopicPartition, Lane>,
    /// A commit that is to be tried again as it is, and what each lane has in it.
    pub(super) unsent: Option<(Commit, Vec<Share>)>,
    pub(super) last_commit: Duration,
    last_progress: Option<Duration>,
    /// Since when the same thing is being tried.
    trying_since: Option<Duration>,
    pub(super) draining: bool,
    pub(super) counts: Counts,
}

impl Worker {
    /// A worker without lanes; its connection will assign them.
    pub fn new(pipeline: Arc<Pipeline>, role: Role, clock: Arc<dyn Clock>) -> Self {
        Self {
            pipeline,
            role,
            last_commit: clock.elapsed(),
            clock,
            lanes: BTreeMap::new(),
            unsent: None,
            last_progress: None,
            trying_since: None,
            draining: false,
            counts: Counts::default(),
        }
    }

    /// One round: poll, take, speak, commit what is due.
    ///
    /// # Errors
    /// [`BusError::Restart`]: drop the bus and this worker, connect again. [`BusError::Stop`]: it will not work until
    /// somebody changes something.
    pub fn turn(&mut self, bus: &mut dyn Bus) -> Result<Turn, BusError> {
        let round = self.round(bus);
        self.judge(round)
    }

    /// The last rounds: reads no more, commits what was made and a checkpoint of it. True when that is done.
    ///
    /// # Errors
    /// As [`Worker::turn`].
    pub fn drain(&mut self, bus: &mut dyn Bus) -> Result<bool, BusError> {
        self.draining = true;
        let sent = self.commit(bus);
        match self.judge(sent)? {
            Turn::Retry(_) => Ok(false),
            Turn::Busy | Turn::Quiet => Ok(self.unsent.is_none()),
        }
    }

    /// Turns what can be handled here into another round.
    fn judge(&mut self, round: Result<bool, BusError>) -> Result<Turn, BusError> {
        let elapsed = self.clock.elapsed();
        match round {
            Ok(busy) => {
                self.trying_since = None;
                Ok(if busy { Turn::Busy } else { Turn::Quiet })
            }
            Err(BusError::Retry(why)) => {
                self.counts.retries += 1;
                let since = *self.trying_since.get_or_insert(elapsed);
                if elapsed.saturating_sub(since) > self.pace().retry_for {
                    return Err(BusError::Restart(why));
                }
                debug!(%why, "to be tried again");
                Ok(Turn::Retry(why))
            }
            Err(BusError::Rewind(why)) => {
                warn!(role = %self.role.name(&self.pipeline.names), %why, "back to the last committed state");
                self.rewind();
                Ok(Turn::Retry(why))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pipeline.pace
    }

    fn rewind(&mut self) {
        self.unsent = None;
        self.counts.rewinds += 1;
        self.lanes.values_mut().for_each(|lane| lane.rewind(&self.pipeline.telemetry));
    }

    fn round(&mut self, bus: &mut dyn Bus) -> Result<bool, BusError> {
        let mut busy = false;
        // Nothing is taken while a commit is open: its outcome decides what the lanes are worth.
        if self.unsent.is_none() {
            let delivery = match bus.poll(self.wait()) {
                Ok(delivery) => delivery,
                Err(error) => {
                    self.lanes.values_mut().for_each(|lane| lane.voice.caught_up = false);
                    return Err(error);
                }
            };
            busy = !delivery.records.is_empty() || !delivery.changes.is_empty();
            self.take(delivery);
            let restored = self.restore_lanes(bus);
            self.speak();
            busy |= self.commit(bus)?;
            restored?;
        } else {
            busy |= self.commit(bus)?;
        }
        self.look_at_progress(bus);
        Ok(busy)
    }

    /// Until the next commit or heartbeat is due.
    fn wait(&self) -> Duration {
        let (elapsed, pace) = (self.clock.elapsed(), self.pace());
        if self.lanes.values().any(|lane| lane.phase == Phase::Restoring) {
            return Duration::ZERO;
        }
        let since_commit = elapsed.saturating_sub(self.last_commit);
        let commit = (self.lanes.values().any(Lane::has_news))
            .then(|| pace.commit_interval.saturating_sub(since_commit));
        let spoke = self.lanes.values().filter_map(|lane| lane.voice.spoke);
        let beat = spoke.map(|(spoke, _)| (spoke + pace.heartbeat).saturating_sub(elapsed)).min();
        [commit, beat].into_iter().flatten().fold(pace.poll_wait, Duration::min)
    }

    fn take(&mut self, delivery: Delivery) {
        let telemetry = &self.pipeline.telemetry;
        for change in delivery.changes {
            match change {
                Change::Assigned(places) => {
                    telemetry.rebalanced(true);
                    for place in places {
                        info!(lane = %place, "assigned");
                        self.lanes.insert(place.clone(), Lane::new(place, telemetry));
                    }
                }
                Change::Revoked(places) => {
                    telemetry.rebalanced(false);
                    for place in places {
                        info!(lane = %place, "revoked");
                        self.lanes.remove(&place);
                    }
                }
            }
        }
        for lane in self.lanes.values_mut() {
            lane.voice.caught_up = delivery.caught_up.contains(&lane.place);
        }
        let now = self.clock.now();
        let mut by_lane: BTreeMap<TopicPartition, Vec<Record>> = BTreeMap::new();
        for record in delivery.records {
            match by_lane.get_mut(&record.place) {
                Some(records) => records.push(record),
                None => {
                    by_lane.insert(record.place.clone(), vec![record]);
                }
            }
        }
        for (place, records) in by_lane {
            if let Some(lane) = self.lanes.get_mut(&place) {
                lane.take(&records, now, telemetry);
                self.counts.records += records.len() as u64;
            }
        }
    }

    /// Restores every lane that waits for it; one that has to wait longer does not keep the others waiting.
    fn restore_lanes(&mut self, bus: &mut dyn Bus) -> Result<(), BusError> {
        let waiting = self.lanes.values_mut().filter(|lane| lane.phase == Phase::Restoring);
        let waiting: Vec<&mut Lane> = waiting.collect();
        if waiting.is_empty() {
            return Ok(());
        }
        // Encounters are passed on and leave no state behind.
        if self.role != Role::Score(Feed::Encounters) {
            bus.prepare_checkpoints()?;
        }
        let record_limit = bus.record_limit();
        let lanes = bus.partitions(&self.role.topic(&self.pipeline))?;
        let predictions = bus.partitions(&self.pipeline.topics.predictions)?;
        let mut outcome = Ok(());
        for lane in waiting {
            let place = lane.place.clone();
            let (pipeline, role) = (&self.pipeline, self.role);
            let making = Making { pipeline, role, place: &place, lanes, predictions, record_limit };
            match restore(bus, lane, &making, self.clock.elapsed()) {
                Err(BusError::Retry(why)) => outcome = Err(BusError::Retry(why)),
                done => done?,
            }
        }
        outcome
    }

    fn speak(&mut self) {
        let (clocks, pipeline) = ((self.clock.elapsed(), self.clock.now()), &self.pipeline);
        for lane in self.lanes.values_mut().filter(|lane| lane.phase == Phase::Running) {
            lane.speak(clocks, pipeline.pace.heartbeat, pipeline.lanes.idle_after);
        }
    }

    /// Lag is for people: a look that fails is made again later.
    fn look_at_progress(&mut self, bus: &mut dyn Bus) {
        let elapsed = self.clock.elapsed();
        let fresh = |last: Duration| elapsed.saturating_sub(last) < self.pipeline.pace.progress;
        if self.last_progress.is_some_and(fresh) {
            return;
        }
        self.last_progress = Some(elapsed);
        for lane in self.lanes.values_mut() {
            if let Ok(progress) = bus.progress(&lane.place) {
                lane.lag = Some((progress.stable - lane.committed).max(0));
            }
        }
    }

    /// What the lanes say of themselves.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let status = |lane: &Lane| LaneStatus {
            place: lane.place.clone(),
            phase: if self.draining { Phase::Draining } else { lane.phase },
            next_offset: lane.next,
            committed: lane.committed,
            lag: lane.lag,
            caught_up: lane.voice.caught_up,
            idle: lane.voice.idle,
            engine: lane.engine.as_ref().map(|engine| engine.status()),
            counts: lane.counts,
        };
        self.lanes.values().map(status).collect()
    }

    /// What it does.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Since it was made, all lanes together.
    pub const fn counts(&self) -> Counts {
        self.counts
    }
}
