//! From an assigned partition to a running lane: the start path, which is also the recovery path.
//!
//! The stable committed offset, the newest checkpoint, the log from the one to the other with the outputs thrown away.
//! Without a usable checkpoint the log is replayed from its beginning; where the log does not reach back far enough,
//! the lane takes what is left and says that it is incomplete.

use super::checkpoint::{self, Found, Ledger, Shelf};
use super::lane::{Engine, Lane, Making};
use super::score_lane::ScoreLane;
use super::status::Phase;
use super::{Pipeline, Role, fuse_lane::FuseLane, stay_lane::StayLane};
use crate::shell::bus::{Bus, BusError, Progress, Record, TopicPartition};
use crate::stage::StateEntry;
use crate::types::Feed;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};

/// Records that are replayed at once.
const REPLAY_BATCH: usize = 1_024;

/// Where a lane begins.
struct Base {
    engine: Box<dyn Engine>,
    ledger: Ledger,
    /// The state is true for it.
    offset: i64,
    torn: bool,
}

/// Brings a lane to life and lets its partition flow.
///
/// # Errors
/// As the bus's; [`BusError::Retry`] leaves the lane as it was. [`BusError::Stop`] where the committed offset is beyond the log.
pub(super) fn restore(
    bus: &mut dyn Bus,
    lane: &mut Lane,
    making: &Making<'_>,
    elapsed: Duration,
) -> Result<(), BusError> {
    let place = lane.place.clone();
    let committed = bus.committed(&place)?;
    let progress = bus.progress(&place)?;
    if committed.is_some_and(|committed| committed > progress.end) {
        return Err(made_anew(making, committed, progress));
    }
    let mut base = base(bus, making, committed)?;
    let without = if base.engine.has_state() { base.offset } else { progress.start };
    let to = committed.unwrap_or(without).max(progress.start);
    let from = if base.engine.has_state() { base.offset } else { committed.unwrap_or(to) };
    let incomplete = from < progress.start;
    if incomplete {
        warn!(lane = %place, needed = from, oldest = progress.start,
            "the log does not reach back far enough: the lane starts incomplete; give the topic a longer retention");
        base.engine.mark_incomplete();
    }
    let tell = |remaining| lane.restoring.iter().for_each(|lane| lane.remaining(remaining));
    let replayed = replay(bus, &mut *base.engine, &place, (from.max(progress.start), to), tell)?;
    bus.start(&place, to)?;
    info!(lane = %place, checkpoint = base.offset, committed = to, replayed, "lane restored");
    lane.engine = Some(base.engine);
    lane.ledger = base.ledger;
    lane.checkpoint = (if base.torn { Duration::ZERO } else { elapsed }, base.offset);
    (lane.next, lane.committed, lane.phase) = (to, to, Phase::Running);
    lane.restoring = None;
    lane.counts.restores += 1;
    lane.counts.replayed += replayed;
    lane.counts.bad_checkpoints += u64::from(base.torn);
    lane.counts.incomplete += u64::from(incomplete);
    Ok(())
}

/// The newest whole checkpoint of a fusion lane and the offset of `predictions` that it is true for; `None`: there is none.
///
/// # Errors
/// As the bus's.
pub fn fuse_checkpoint(
    bus: &mut dyn Bus,
    pipeline: &Arc<Pipeline>,
    partition: u32,
) -> Result<Option<(i64, Vec<StateEntry>)>, BusError> {
    let place = TopicPartition::new(&*pipeline.topics.predictions, partition);
    let (lanes, predictions, record_limit) = (0, 0, bus.record_limit());
    let making =
        Making { pipeline, role: Role::Fuse, place: &place, lanes, predictions, record_limit };
    let shelf = Shelf::of(&making, bus)?;
    Ok(match checkpoint::read(bus, &shelf)? {
        Found::Whole { offset, entries, .. } => Some((offset, entries)),
        Found::Nothing | Found::Torn { .. } => None,
    })
}

fn made_anew(making: &Making<'_>, committed: Option<i64>, progress: Progress) -> BusError {
    let (place, topic) = (making.place, &making.place.topic);
    BusError::Stop(format!(
        "offset {} of {place} is committed, but the log ends at {}: topic `{topic}` was made anew or has lost records; \
         raise its epoch in the configuration and use another group",
        committed.unwrap_or(0),
        progress.end
    ))
}

/// The newest usable checkpoint, or nothing.
fn base(bus: &mut dyn Bus, making: &Making<'_>, committed: Option<i64>) -> Result<Base, BusError> {
    let place = making.place;
    let empty = |ledger, torn| -> Result<Base, BusError> {
        Ok(Base { engine: engine(making)?, ledger, offset: 0, torn })
    };
    let mut engine = engine(making)?;
    if !engine.has_state() {
        return empty(Ledger::default(), false);
    }
    let shelf = Shelf::of(making, bus)?;
    let (why, patients) = match checkpoint::read(bus, &shelf)? {
        Found::Nothing => return empty(Ledger::default(), false),
        Found::Torn { why, patients } => (why, patients),
        Found::Whole { offset, entries, ledger } => {
            if committed.is_none() {
                warn!(lane = %place, checkpoint = offset,
                    "there is a checkpoint but no committed offset (expired, or another group): going on from the checkpoint, outputs may repeat");
            }
            let ahead = committed.is_some_and(|committed| committed < offset);
            let patients = entries.iter().filter_map(|entry| match &entry.key {
                crate::stage::StateKey::Patient(id) => Some(id.clone()),
                crate::stage::StateKey::Lane => None,
            });
            let patients = patients.collect();
            match engine.restore(entries) {
                Ok(()) if !ahead => return Ok(Base { engine, ledger, offset, torn: false }),
                Ok(()) => ("it is ahead of the committed offset".to_owned(), patients),
                Err(bad) => (bad.0, patients),
            }
        }
    };
    error!(lane = %place, %why, "the checkpoint cannot be used: replaying the log from its beginning");
    empty(Ledger::of_orphans(patients), true)
}

fn engine(making: &Making<'_>) -> Result<Box<dyn Engine>, BusError> {
    Ok(match making.role {
        Role::Score(Feed::Encounters) => Box::new(StayLane::new(making)),
        Role::Fuse => Box::new(FuseLane::new(making)),
        Role::Score(Feed::Modality(id)) => {
            let lane = ScoreLane::new(making, id);
            Box::new(lane.ok_or_else(|| {
                BusError::Stop(format!(
                    "modality {} has no model: add one to the configuration, or do not run its role",
                    making.pipeline.names.modality(id)
                ))
            })?)
        }
    })
}

fn replay(
    bus: &mut dyn Bus,
    engine: &mut dyn Engine,
    place: &TopicPartition,
    (from, to): (i64, i64),
    tell: impl Fn(i64),
) -> Result<u64, BusError> {
    if from >= to || !engine.has_state() {
        return Ok(0);
    }
    tell(to - from);
    let (mut batch, mut replayed) = (Vec::<Record>::new(), 0);
    bus.read_back(place, from, Some(to), &mut |record| {
        replayed += 1;
        batch.push(record);
        if batch.len() == REPLAY_BATCH {
            engine.replay(&batch);
            tell(batch.last().map_or(0, |record| to - record.offset - 1));
            batch.clear();
        }
    })?;
    engine.replay(&batch);
    Ok(replayed)
}
