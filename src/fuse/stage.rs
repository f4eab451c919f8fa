//! The fusion stage: one partition of `predictions` in, fused scores and availability out.

use super::active::Active;
use super::availability::Tally;
use super::checkpoint;
use super::groups::Groups;
use super::lanes::{HeartbeatFault, Lanes, LogClock};
use super::ward::Ward;
use crate::modality::Registry;
use crate::stage::{BadCheckpoint, Stage, StateEntry};
use crate::types::{
    Activation, Availability, EventTime, Fault, FusedScore, Heartbeat, IngestTime, LogEntry,
    ModelName, PatientId, RejectReason, SourceLane, Span,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// What a lane of fusion is told when it is made.
#[derive(Clone, Debug)]
pub struct FuseConfig {
    /// Partition of `predictions`.
    pub partition: u32,
    /// The modalities, in the order of every per-modality array.
    pub registry: Registry,
    /// Most patients kept at once; predictions of further ones are rejected.
    pub max_patients: usize,
    /// Most predictions kept of one patient and modality; the oldest go first.
    pub max_history: usize,
}

/// One record of `predictions`.
#[derive(Clone, Debug)]
pub struct FuseInput {
    /// Its offset.
    pub offset: i64,
    /// Its broker time.
    pub ingest_time: IngestTime,
    /// Its content, or why it cannot be read.
    pub entry: Result<LogEntry, Fault>,
}

impl FuseInput {
    /// Whom predictions are about.
    fn patient(&self) -> Option<&PatientId> {
        match &self.entry {
            Ok(LogEntry::Scored(scored)) => Some(&scored.patient),
            _ => None,
        }
    }
}

/// What fusion publishes.
#[derive(Clone, Debug, PartialEq)]
pub enum FuseOutput {
    /// A fused score.
    Fused(FusedScore),
    /// The availability of a window end.
    Availability(Availability),
    /// A record of `predictions` that could not be used, by its offset.
    Rejected(i64, Fault),
}

/// Counts since the start; none of them is part of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FuseCounters {
    /// Records dropped because their source position was already taken (repeats and zombies).
    pub repeated: u64,
    /// Records dropped because no package was active yet.
    pub before_activation: u64,
    /// By modality: late predictions that revised an open window.
    pub merged: Vec<u64>,
    /// By modality: late predictions too late for every open window they could have changed, kept for panes to come.
    pub carried: Vec<u64>,
    /// By modality: late predictions past their validity when they came.
    pub expired: Vec<u64>,
    /// Predictions dropped by `max_history`.
    pub overflowed: u64,
    /// Old heartbeats ignored.
    pub old_heartbeats: u64,
    /// Patients forgotten.
    pub forgotten: u64,
    /// Panes computed, before the publishing policy.
    pub panes: u64,
}

/// The state machine of one partition.
pub struct FuseStage {
    pub(super) config: FuseConfig,
    pub(super) active: Option<Active>,
    pub(super) clock: LogClock,
    pub(super) lanes: Lanes,
    pub(super) groups: Groups,
    pub(super) ward: Ward,
    pub(super) models: Vec<ModelName>,
    pub(super) tally: Tally,
    /// False after a start without the state that should have been there.
    pub(super) complete: bool,
    /// Patients forgotten since the last checkpoint.
    pub(super) forgotten: BTreeSet<PatientId>,
    pub(super) counters: FuseCounters,
}

impl std::fmt::Debug for FuseStage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FuseStage")
            .field("partition", &self.config.partition)
            .finish_non_exhaustive()
    }
}

impl FuseStage {
    /// An empty lane; it fuses nothing until an activation stands in its log.
    pub fn new(config: FuseConfig) -> Self {
        let per_modality = vec![0; config.registry.len()];
        let counters = FuseCounters {
            merged: per_modality.clone(),
            carried: per_modality.clone(),
            expired: per_modality,
            ..FuseCounters::default()
        };
        Self {
            config,
            active: None,
            clock: LogClock::default(),
            lanes: Lanes::default(),
            groups: Groups::default(),
            ward: Ward::default(),
            models: Vec::new(),
            tally: Tally::default(),
            complete: true,
            forgotten: BTreeSet::new(),
            counters,
        }
    }

    /// Marks the lane as having lost the state it should have had: every availability record then says so.
    pub fn mark_incomplete(&mut self) {
        self.complete = false;
    }

    /// Counts since the start.
    pub fn counters(&self) -> &FuseCounters {
        &self.counters
    }

    /// Patients in state.
    pub fn patients(&self) -> usize {
        self.ward.len()
    }

    /// Bytes of state of all patients, spare room of their lists included.
    pub fn memory_bytes(&self) -> usize {
        self.ward.memory_bytes()
    }

    /// Digest of the active package; `None`: not activated.
    pub fn active_digest(&self) -> Option<&str> {
        self.active.as_ref().map(|active| &*active.digest)
    }

    /// Watermark of every source lane heard of.
    pub fn watermarks(&self) -> impl Iterator<Item = (SourceLane, EventTime)> + '_ {
        self.lanes.iter().map(|lane| (lane.source, lane.watermark))
    }

    /// Source lanes that said last that they are idle: nobody waits for them.
    pub fn idle_lanes(&self) -> impl Iterator<Item = SourceLane> + '_ {
        self.lanes.iter().filter(|lane| lane.idle).map(|lane| lane.source)
    }

    /// By modality, how long its predictions count as evidence; `None`: not activated.
    pub fn validities(&self) -> Option<Vec<Span>> {
        let active = self.active.as_ref()?;
        Some(active.policies.iter().map(|policy| policy.validity).collect())
    }

    /// Takes a record; `seen` is the slot that its patient had a moment ago.
    fn take(&mut self, input: FuseInput, seen: Option<u32>, out: &mut Vec<FuseOutput>) {
        let longest = self.active.as_ref().map_or(Span::ZERO, |a| a.package.longest_clock_step);
        self.clock.advance(input.ingest_time, longest);
        let taken = match input.entry {
            Ok(LogEntry::Heartbeat(heartbeat)) => {
                self.take_heartbeat(&heartbeat, input.ingest_time, out)
            }
            Ok(LogEntry::Scored(scored)) => self.take_scored(scored, seen, out),
            Ok(LogEntry::Stay(stay)) => self.take_stay(&stay, out),
            Ok(LogEntry::Activation(activation)) => self.take_activation(&activation),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = taken {
            out.push(FuseOutput::Rejected(input.offset, fault));
        }
    }

    fn take_activation(&mut self, activation: &Activation) -> Result<(), Fault> {
        let fault = |detail: String| Fault::new(RejectReason::BadActivation, detail);
        let digest = digest_of(&activation.package);
        if digest != activation.digest.as_str() {
            return Err(fault(format!("the package's digest is {digest}, not the one announced")));
        }
        let active = Active::build(activation, &self.config.registry).map_err(|mistakes| {
            let listed: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            fault(listed.join("; "))
        })?;
        self.active = Some(active);
        Ok(())
    }

    fn take_heartbeat(
        &mut self,
        heartbeat: &Heartbeat,
        ingest_time: IngestTime,
        out: &mut Vec<FuseOutput>,
    ) -> Result<(), Fault> {
        let lane = self.lane(heartbeat.lane)?;
        match self.lanes.hear(lane, heartbeat, ingest_time, &self.clock) {
            Ok(()) => {}
            Err(HeartbeatFault::Old) => {
                self.counters.old_heartbeats += 1;
                return Ok(());
            }
            Err(HeartbeatFault::ChangedLanes { pinned }) => {
                let detail = format!(
                    "{} source lanes announced, {pinned} pinned: partition counts cannot change, migrate to new topics",
                    heartbeat.lanes
                );
                return Err(Fault::new(RejectReason::ChangedPartitionCount, detail));
            }
        }
        self.advance(ingest_time, out);
        Ok(())
    }

    pub(super) fn lane(&mut self, source: SourceLane) -> Result<u16, Fault> {
        let full = || Fault::new(RejectReason::LimitReached, "more than 65,534 source lanes");
        let lane = self.lanes.intern(source, &self.clock).ok_or_else(full)?;
        self.groups.grow_to(usize::from(lane) + 1);
        Ok(lane)
    }
}

impl Stage for FuseStage {
    type Input = FuseInput;
    type Output = FuseOutput;

    fn step(&mut self, batch: &mut Vec<FuseInput>, out: &mut Vec<FuseOutput>) {
        let mut inputs = batch.drain(..);
        while !inputs.as_slice().is_empty() {
            let slots = self.ward.look_ahead(inputs.as_slice().iter().map(FuseInput::patient));
            for (slot, input) in slots.into_iter().zip(inputs.by_ref()) {
                self.take(input, slot, out);
            }
        }
    }

    fn take_checkpoint(&mut self) -> Vec<StateEntry> {
        checkpoint::take(self)
    }

    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        checkpoint::restore(self, entries)
    }
}

/// Lower-case hexadecimal SHA-256 of a fusion package's text.
pub fn digest_of(package: &str) -> String {
    Sha256::digest(package.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
