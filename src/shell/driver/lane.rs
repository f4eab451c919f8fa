//! A lane: one partition that a worker reads, with the engine behind it and what waits to be committed.

use super::status::{Counts, EngineStatus, Phase};
use super::{Pipeline, Role};
use crate::shell::bus::{Outgoing, Record, TopicPartition};
use crate::shell::telemetry::{Measured, Restoring, Telemetry};
use crate::stage::{BadCheckpoint, StateEntry};
use crate::types::{Feed, ScorerClock, SourceLane};
use std::sync::Arc;
use std::time::Duration;

/// What an engine has made since the last commit.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// In the order in which they are to be appended.
    pub outputs: Vec<Outgoing>,
    /// Something that should not wait for the commit interval.
    pub urgent: bool,
    /// Dead letters among the outputs.
    pub dead_letters: u64,
    /// For telemetry; nothing where it does not measure.
    pub measured: Measured,
}

/// What drives a stage, or stands where no stage is needed: bytes in, bytes out. Total.
pub(super) trait Engine {
    /// Takes records of the lane in offset order.
    fn take(&mut self, records: &[Record], made: &mut Made);

    /// Takes records whose outputs are published already.
    fn replay(&mut self, records: &[Record]);

    /// Says how far the lane is, to every partition of `predictions`; nothing where the role does not speak.
    fn speak(&mut self, next_offset: i64, clock: ScorerClock, idle: bool, made: &mut Made);

    /// False: there is nothing to restore, replay or save.
    fn has_state(&self) -> bool;

    /// See [`crate::stage::Stage::take_checkpoint`].
    fn take_checkpoint(&mut self) -> Vec<StateEntry>;

    /// See [`crate::stage::Stage::restore`].
    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint>;

    /// The lane starts without the state that it should have.
    fn mark_incomplete(&mut self);

    /// For people.
    fn status(&self) -> EngineStatus;
}

/// What a new engine is made from.
pub(super) struct Making<'a> {
    pub pipeline: &'a Arc<Pipeline>,
    pub role: Role,
    pub place: &'a TopicPartition,
    /// Partitions of the input topic.
    pub lanes: u32,
    /// Partitions of `predictions`.
    pub predictions: u32,
    /// The bus's limit.
    pub record_limit: usize,
}

impl Making<'_> {
    /// The source lane that a place of this role is; `None`: it is one of fusion.
    pub(super) fn source(&self, feed: Feed) -> SourceLane {
        let epoch = self.pipeline.epoch(&self.place.topic);
        SourceLane { feed, epoch, partition: self.place.partition }
    }
}

/// One assigned partition.
pub(super) struct Lane {
    pub place: TopicPartition,
    pub phase: Phase,
    /// `None` until restored.
    pub engine: Option<Box<dyn Engine>>,
    /// The next offset to be taken.
    pub next: i64,
    /// The offset that the group has committed.
    pub committed: i64,
    /// Not committed yet.
    pub made: Made,
    /// Records taken since the last commit.
    pub waiting: usize,
    /// What the checkpoint topic holds of this lane.
    pub ledger: super::checkpoint::Ledger,
    /// When the newest checkpoint was taken, and for which offset.
    pub checkpoint: (Duration, i64),
    pub voice: Voice,
    pub counts: Counts,
    /// As of the last look.
    pub lag: Option<i64>,
    /// Tells how the restore goes; `None` once restored.
    pub restoring: Option<Restoring>,
}

/// What a lane said last, and when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Voice {
    /// By both clocks; `None`: it has not spoken.
    pub spoke: Option<(Duration, ScorerClock)>,
    pub idle: bool,
    /// Read up to the end by the newest poll.
    pub caught_up: bool,
    /// When the newest record was taken.
    pub heard: Option<ScorerClock>,
}

impl Lane {
    pub(super) fn new(place: TopicPartition, telemetry: &Telemetry) -> Self {
        Self {
            restoring: Some(telemetry.restoring(&place)),
            place,
            phase: Phase::Restoring,
            engine: None,
            next: 0,
            committed: 0,
            made: Made::default(),
            waiting: 0,
            ledger: super::checkpoint::Ledger::default(),
            checkpoint: (Duration::ZERO, 0),
            voice: Voice::default(),
            counts: Counts::default(),
            lag: None,
        }
    }

    /// Forgets everything that is not committed; the lane is restored before it goes on.
    pub(super) fn rewind(&mut self, telemetry: &Telemetry) {
        let counts = Counts { rewinds: self.counts.rewinds + 1, ..self.counts };
        *self = Self { counts, ..Self::new(self.place.clone(), telemetry) };
    }

    /// Takes records of this lane. A record before the next offset was taken already.
    pub(super) fn take(&mut self, records: &[Record], now: ScorerClock, telemetry: &Telemetry) {
        let Some(engine) = self.engine.as_mut() else { return };
        let known = records.partition_point(|record| record.offset < self.next);
        let records = records.get(known..).unwrap_or_default();
        let Some(last) = records.last() else { return };
        self.made.measured.take(records.len(), now, || telemetry.chooses());
        engine.take(records, &mut self.made);
        self.next = last.offset + 1;
        self.waiting += records.len();
        self.counts.records += records.len() as u64;
        self.voice.heard = Some(now);
    }

    /// Speaks where it is time to: at least once in `every`, and at once when the lane becomes idle or ceases to be.
    pub(super) fn speak(
        &mut self,
        (elapsed, now): (Duration, ScorerClock),
        every: Duration,
        idle_after: crate::types::Span,
    ) {
        let Some(engine) = self.engine.as_mut() else { return };
        let heard = *self.voice.heard.get_or_insert(now);
        let idle = self.voice.caught_up && now - heard >= idle_after;
        let quiet = self.voice.spoke.is_some_and(|(spoke, clock)| {
            elapsed.saturating_sub(spoke) < every && now - clock < super::span(every)
        });
        if quiet && idle == self.voice.idle {
            return;
        }
        engine.speak(self.next, now, idle, &mut self.made);
        self.voice.spoke = Some((elapsed, now));
        self.voice.idle = idle;
    }

    /// True where something waits to be committed.
    pub(super) fn has_news(&self) -> bool {
        self.engine.is_some() && (self.next != self.committed || !self.made.outputs.is_empty())
    }

    /// True where a checkpoint would say something new.
    pub(super) fn checkpoint_due(&self, elapsed: Duration, every: Duration) -> bool {
        let due = elapsed.saturating_sub(self.checkpoint.0) >= every;
        due && self.checkpoint.1 != self.next
            && self.engine.as_ref().is_some_and(|engine| engine.has_state())
    }
}
