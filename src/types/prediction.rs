//! What the score stage writes to the `predictions` topic and the fusion stage reads: the only meeting point of the two.

use super::{
    EncounterChange, EventTime, IngestTime, IssueTime, ModalityId, PatientId, Position, Risk,
    ScorerClock, SourceLane,
};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A model and its version, as `name@version`; cheap to clone.
pub type ModelName = Arc<str>;

/// What a scorer could say about a patient at one event time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A calibrated risk.
    Risk(Risk),
    /// A raw score of a model version that has no calibration: shown, never fused.
    Uncalibrated,
    /// The inputs did not suffice for this scorer.
    Unscorable,
    /// Every observation at this event time was taken back.
    Withdrawn,
    /// Ordered or registered; a result is to come.
    Pending,
    /// The newest input was rejected.
    Rejected,
}

/// One statement about a patient as of (`event_time`, `issued`).
///
/// It is a function of the observations with event time and issue time up to these two, so a later statement with the
/// same two times (after a correction, a withdrawal, a late arrival) replaces it, by order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Event time of the newest observation in it.
    pub event_time: EventTime,
    /// When it could first be known: the newest issue time among what it was made of. A correction keeps
    /// the issue time of what it corrects, which is how it reaches back.
    pub issued: IssueTime,
    /// The statement.
    pub outcome: Outcome,
    /// Raw score before calibration, in the scorer's units; `None`: none was made.
    pub score: Option<f64>,
    /// Lowest and highest raw score possible given what is missing; `None`: the score is exact or the scorer has no bounds.
    pub bounds: Option<[f64; 2]>,
}

/// Everything made from one source record of a modality: one record of `predictions`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The source record. Fusion drops what is not newer than the last position it took from this lane.
    pub source: Position,
    /// Broker time of the source record.
    pub ingest_time: IngestTime,
    /// Whom it is about; also the record's key.
    pub patient: PatientId,
    /// Which modality.
    pub modality: ModalityId,
    /// The model that made `predictions`.
    pub model: ModelName,
    /// In rising order of (`event_time`, `issued`); at least one.
    pub predictions: Vec<Prediction>,
    /// What shadow models said of the same; published, never fused.
    pub shadows: Vec<(ModelName, Vec<Prediction>)>,
}

/// An encounter change passed on to fusion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The source record in the encounters topic.
    pub source: Position,
    /// Whom it is about.
    pub patient: PatientId,
    /// What happened.
    pub change: EncounterChange,
    /// When it happened.
    pub event_time: EventTime,
    /// When the source issued it.
    pub issued: IssueTime,
    /// Unit afterwards; `None`: not said.
    pub unit: Option<CompactString>,
}

/// A source lane's word on how far it is; written to every partition of `predictions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who speaks.
    pub lane: SourceLane,
    /// Next offset the lane will read: an older heartbeat than the newest taken is ignored.
    pub next_offset: i64,
    /// No event at or before this is expected any more: newest event time seen (each at most its own ingest time)
    /// less the out-of-orderness. [`EventTime::MIN`] before the first event.
    pub watermark: EventTime,
    /// Caught up to the end after a recent successful fetch, quiet, not paused.
    pub idle: bool,
    /// The scorer's clock.
    pub clock: ScorerClock,
    /// How many source lanes this feed has.
    pub lanes: u32,
}

/// Switches the fusion configuration from this record on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Lower-case hexadecimal SHA-256 of `package`.
    pub digest: CompactString,
    /// The fusion package as it was written (TOML), so that the log alone suffices to derive every score again.
    pub package: Arc<str>,
}

/// One decoded record of `predictions`.
#[derive(Clone, Debug, PartialEq)]
pub enum LogEntry {
    /// Predictions of one patient.
    Scored(Scored),
    /// An admission, transfer or discharge.
    Stay(Stay),
    /// A lane's progress.
    Heartbeat(Heartbeat),
    /// A change of the fusion configuration.
    Activation(Activation),
}
