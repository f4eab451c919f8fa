//! What carries records from the bus through the stages and back: lanes, heartbeats, commits, checkpoints, restore.
//!
//! A [`Worker`] owns one connection and the lanes of the partitions assigned to it. [`Worker::turn`] does one round of
//! poll, step, heartbeat and commit and returns, so that a test can stop the world between any two rounds;
//! [`run_roles`] gives each worker a thread. Whoever runs it: the same code drives the in-memory broker and Kafka.

mod activate;
mod checkpoint;
mod committing;
mod dead_letters;
mod fuse_lane;
mod lane;
mod pinned;
mod restore;
mod score_lane;
mod status;
mod stay_lane;
mod supervisor;
mod trails;
mod worker;

pub use activate::{ActivateError, activate};
pub use fuse_lane::fuse_input;
pub use pinned::refuse_other_counts;
pub use restore::fuse_checkpoint;
pub use status::{Counts, EngineStatus, LaneStatus, Phase, RunState, WorkerStatus};
pub use supervisor::{Board, Crew, RunError, StopFlag, run_roles};
pub use worker::{Turn, Worker};

use super::bus::{Guarantee, Worker as Membership};
use super::local_lane::LaneSetup;
use super::telemetry::Telemetry;
use super::wire::{Limits, Names, Topics};
use crate::types::{Feed, ScorerClock, Span};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The compacted topics of the checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateTopics {
    /// Lookbacks of the score stages.
    pub score: String,
    /// State of the fusion stages.
    pub fuse: String,
}

impl Default for StateTopics {
    fn default() -> Self {
        Self {
            score: "latefusion-state-score".to_owned(),
            fuse: "latefusion-state-fuse".to_owned(),
        }
    }
}

/// How often, how much, how long. None of it shows in what fusion makes of a given log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// A score lane speaks at least so often, by either clock of [`Clock`].
    pub heartbeat: Duration,
    /// Between two commits, unless an output asks for one at once.
    pub commit_interval: Duration,
    /// Records taken after which a commit is due at once.
    pub commit_records: usize,
    /// Between two checkpoints of a lane.
    pub checkpoint: Duration,
    /// The longest wait for records.
    pub poll_wait: Duration,
    /// How long the same thing is tried again before the worker connects anew.
    pub retry_for: Duration,
    /// First and longest pause between two tries.
    pub back_off: [Duration; 2],
    /// Between two looks at the lag.
    pub progress: Duration,
    /// How long a worker that is told to stop may take to commit what it has.
    pub grace: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(1),
            commit_interval: Duration::from_millis(20),
            commit_records: 10_000,
            checkpoint: Duration::from_secs(30),
            poll_wait: Duration::from_millis(50),
            retry_for: Duration::from_secs(60),
            back_off: [Duration::from_millis(100), Duration::from_secs(5)],
            progress: Duration::from_secs(5),
            grace: Duration::from_secs(10),
        }
    }
}

/// Everything that the workers of a run share.
#[derive(Clone)]
pub struct Pipeline {
    /// Modalities, models, spans and limits of the stages.
    pub lanes: LaneSetup,
    /// Topics by what they are for.
    pub topics: Topics,
    /// Their names and those of the modalities.
    pub names: Names,
    /// Where checkpoints go.
    pub state_topics: StateTopics,
    /// Incarnation of each topic by name; 0 where it is not listed. A topic that is made anew needs the next number.
    pub epochs: BTreeMap<String, u32>,
    /// Intervals.
    pub pace: Pace,
    /// Largest payload of an input record, in bytes; a larger one is rejected unread.
    pub max_payload: usize,
    /// How much of an original a dead letter keeps at most.
    pub dead_letters: Limits,
    /// Whom the workers report to.
    pub telemetry: Telemetry,
}

impl Pipeline {
    fn epoch(&self, topic: &str) -> u32 {
        self.epochs.get(topic).copied().unwrap_or(0)
    }
}

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Scores the events of a modality, or passes on encounters.
    Score(Feed),
    /// Fuses predictions.
    Fuse,
}

impl Role {
    /// `score-vitals`, `score-encounters`, `fuse`.
    pub fn name(self, names: &Names) -> String {
        match self {
            Self::Score(Feed::Modality(id)) => format!("score-{}", names.modality(id)),
            Self::Score(Feed::Encounters) => "score-encounters".to_owned(),
            Self::Fuse => "fuse".to_owned(),
        }
    }

    /// The topic that it reads.
    pub fn topic(self, pipeline: &Pipeline) -> Arc<str> {
        match self {
            Self::Score(feed) => pipeline.names.topic(feed).into(),
            Self::Fuse => pipeline.topics.predictions.as_str().into(),
        }
    }

    /// How its outputs and offsets are coupled. Scoring uses no transaction on the first hop: one left open by a dying
    /// scorer would hold back every reader of `predictions`.
    pub const fn guarantee(self) -> Guarantee {
        match self {
            Self::Score(_) => Guarantee::Idempotent,
            Self::Fuse => Guarantee::Transactional,
        }
    }

    /// How a worker of this role presents itself: group `{app}-{role}`, id `{app}-{role}-{instance}-{worker}`.
    /// `instance` must be the same at every start of the same process and no other's.
    pub fn membership(
        self,
        pipeline: &Pipeline,
        app: &str,
        instance: &str,
        worker: usize,
    ) -> Membership {
        let group = format!("{app}-{}", self.name(&pipeline.names));
        Membership {
            id: format!("{group}-{instance}-{worker}"),
            group,
            topics: vec![self.topic(pipeline)],
            guarantee: self.guarantee(),
        }
    }
}

/// The two clocks of a worker.
pub trait Clock: Send + Sync {
    /// What heartbeats say it is; in a replay the replay's clock.
    fn now(&self) -> ScorerClock;

    /// Time that passed since some fixed moment; never goes back. Paces commits and checkpoints.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct WallClock(Instant);

impl WallClock {
    /// Starts counting now.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for WallClock {
    fn now(&self) -> ScorerClock {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ScorerClock::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A duration as a span, cut to what a span can hold.
fn span(duration: Duration) -> Span {
    Span::millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}
