//! What workers and lanes say of themselves, for `/status`, telemetry and tests. No patient, no value.

use crate::fuse::FuseCounters;
use crate::score::ScoreCounters;
use crate::shell::bus::TopicPartition;
use crate::types::{Availability, EventTime, ModelName, SourceLane, Span};
use std::time::Duration;

/// Where a lane is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is assigned, and its state is being put back.
    Restoring,
    /// Records flow.
    Running,
    /// The worker is told to stop: what was made is being committed.
    Draining,
}

/// Where a worker is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Connecting, or waiting to connect again.
    Connecting,
    /// At work.
    Running,
    /// Told to stop: committing what it has.
    Draining,
    /// It ended because it was told to.
    Stopped,
    /// It ended because it cannot go on; the text says what to do.
    Failed(String),
}

/// Counts of a lane since it was assigned; of a worker since it connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records taken.
    pub records: u64,
    /// Outputs committed, dead letters included.
    pub outputs: u64,
    /// Dead letters committed.
    pub dead_letters: u64,
    /// Commits.
    pub commits: u64,
    /// Checkpoints committed.
    pub checkpoints: u64,
    /// Times that it went back to its last committed state.
    pub rewinds: u64,
    /// Restores finished.
    pub restores: u64,
    /// Records stepped through again by restores.
    pub replayed: u64,
    /// Restores that found no usable checkpoint although there was one.
    pub bad_checkpoints: u64,
    /// Restores that could not put back everything: the log it needed is gone.
    pub incomplete: u64,
    /// Calls to be made again.
    pub retries: u64,
}

/// What the engine of a lane knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineStatus {
    /// A score stage.
    Score {
        /// Its counters.
        counters: Box<ScoreCounters>,
        /// Patients kept.
        patients: usize,
        /// Bytes kept.
        bytes: usize,
        /// [`EventTime::MIN`] before the first event.
        watermark: EventTime,
        /// The active model, then the shadows.
        models: Vec<ModelName>,
    },
    /// Encounters, passed on.
    Stays {
        /// Records that could not be read.
        rejected: u64,
    },
    /// A fusion stage.
    Fuse {
        /// Its counters.
        counters: Box<FuseCounters>,
        /// Patients kept.
        patients: usize,
        /// Bytes kept.
        bytes: usize,
        /// Watermark of every source lane heard of.
        watermarks: Vec<(SourceLane, EventTime)>,
        /// Source lanes that nobody waits for.
        idle: Vec<SourceLane>,
        /// The newest record that it made; `None`: no window end has fired yet.
        availability: Option<Box<Availability>>,
        /// By modality, as the package says; `None`: not activated.
        validities: Option<Vec<Span>>,
        /// Digest of the package in force; `None`: nothing is fused until `latefusion activate` is run.
        package: Option<String>,
    },
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// The partition it reads.
    pub place: TopicPartition,
    /// Where it is in its life.
    pub phase: Phase,
    /// The next offset it takes.
    pub next_offset: i64,
    /// The offset committed.
    pub committed: i64,
    /// Records of the partition that are not committed yet; `None`: not known yet.
    pub lag: Option<i64>,
    /// True where it has read up to the end of the partition.
    pub caught_up: bool,
    /// What it last said of being idle; scoring only.
    pub idle: bool,
    /// What its engine knows; `None` while it is restored.
    pub engine: Option<EngineStatus>,
    /// Since it was assigned.
    pub counts: Counts,
}

impl LaneStatus {
    /// True for a fusion lane that has read its whole log and found no activation: it fuses nothing.
    pub fn is_not_activated(&self) -> bool {
        self.caught_up && matches!(self.engine, Some(EngineStatus::Fuse { package: None, .. }))
    }
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// `score-vitals`, `fuse`.
    pub role: String,
    /// Its ordinal within the process and role.
    pub worker: usize,
    /// Where it is in its life.
    pub state: RunState,
    /// Times that it connected anew.
    pub restarts: u64,
    /// What went wrong last, and is being tried again; `None`: nothing is wrong.
    pub trouble: Option<String>,
    /// When it last connected, by [`super::Clock::elapsed`]; `None`: it has not yet.
    pub since: Option<Duration>,
    /// It has had a partition since it last connected.
    pub was_assigned: bool,
    /// Its lanes, by partition.
    pub lanes: Vec<LaneStatus>,
}
