//! What of a worker's lanes goes into a commit, and when.

use super::checkpoint::Shelf;
use super::lane::{Lane, Making};
use super::worker::Worker;
use crate::shell::bus::{Bus, BusError, Commit, TopicPartition};
use crate::shell::telemetry::Measured;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a lane has in a commit.
pub(super) struct Share {
    place: TopicPartition,
    next: i64,
    checkpoint: bool,
    outputs: u64,
    dead_letters: u64,
    measured: Measured,
}

impl Worker {
    /// Commits what is due; true where something was.
    pub(super) fn commit(&mut self, bus: &mut dyn Bus) -> Result<bool, BusError> {
        if self.unsent.is_none() {
            self.unsent = self.gather(bus)?;
        }
        let Some((commit, _)) = &self.unsent else { return Ok(false) };
        let (began, telemetry) = (self.clock.elapsed(), &self.pipeline.telemetry);
        bus.commit(commit).inspect_err(|error| telemetry.not_committed(self.role, error))?;
        let (_, shares) = self.unsent.take().unwrap_or_default();
        self.last_commit = self.clock.elapsed();
        let (took, measured) = (self.last_commit.saturating_sub(began), shares.iter());
        let measured = measured.map(|share| (&share.place, &share.measured));
        telemetry.committed(self.role, measured, took, self.clock.now());
        self.counts.commits += 1;
        for share in shares {
            let Some(lane) = self.lanes.get_mut(&share.place) else { continue };
            lane.committed = share.next;
            for counts in [&mut lane.counts, &mut self.counts] {
                counts.outputs += share.outputs;
                counts.dead_letters += share.dead_letters;
                counts.checkpoints += u64::from(share.checkpoint);
            }
            lane.counts.commits += 1;
        }
        Ok(true)
    }

    /// `None`: nothing is due.
    fn gather(&mut self, bus: &mut dyn Bus) -> Result<Option<(Commit, Vec<Share>)>, BusError> {
        let (elapsed, pace) = (self.clock.elapsed(), *self.pace());
        let every = if self.draining { Duration::ZERO } else { pace.checkpoint };
        let has_checkpoint = |lane: &Lane| lane.checkpoint_due(elapsed, every);
        let waiting: usize = self.lanes.values().map(|lane| lane.waiting).sum();
        let urgent = self.lanes.values().any(|lane| lane.made.urgent);
        let late = elapsed.saturating_sub(self.last_commit) >= pace.commit_interval;
        let news = self.lanes.values().any(Lane::has_news);
        let due = news && (late || urgent || self.draining || waiting >= pace.commit_records);
        if !due && !self.lanes.values().any(has_checkpoint) {
            return Ok(None);
        }
        // Whatever can fail comes before anything is taken out of a lane.
        let shelves = self.shelves(bus, has_checkpoint)?;
        let (mut commit, mut shares) = (Commit::default(), Vec::new());
        for lane in self.lanes.values_mut() {
            let shelf = shelves.get(&lane.place);
            if !lane.has_news() && shelf.is_none() {
                continue;
            }
            let made = std::mem::take(&mut lane.made);
            lane.waiting = 0;
            shares.push(Share {
                place: lane.place.clone(),
                next: lane.next,
                checkpoint: shelf.is_some(),
                outputs: made.outputs.len() as u64,
                dead_letters: made.dead_letters,
                measured: made.measured,
            });
            commit.outputs.extend(made.outputs);
            commit.offsets.push((lane.place.clone(), lane.next));
            if let (Some(shelf), Some(engine)) = (shelf, lane.engine.as_mut()) {
                let entries = engine.take_checkpoint();
                commit.checkpoint.extend(lane.ledger.write(shelf, entries, lane.next));
                lane.checkpoint = (elapsed, lane.next);
            }
        }
        Ok(Some((commit, shares)))
    }

    /// Where the checkpoints that are due go.
    fn shelves(
        &self,
        bus: &mut dyn Bus,
        due: impl Fn(&Lane) -> bool,
    ) -> Result<BTreeMap<TopicPartition, Shelf>, BusError> {
        let mut shelves = BTreeMap::new();
        for lane in self.lanes.values().filter(|lane| due(lane)) {
            let place = &lane.place;
            let (pipeline, role) = (&self.pipeline, self.role);
            let making =
                Making { pipeline, role, place, lanes: 0, predictions: 0, record_limit: 0 };
            shelves.insert(place.clone(), Shelf::of(&making, bus)?);
        }
        Ok(shelves)
    }
}
