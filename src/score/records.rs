//! What goes into the score stage and what comes out: its configuration, records and counters.

use crate::modality::Modality;
use crate::types::{
    Event, Fault, IngestTime, ModalityId, PatientId, RejectReason, Rejection, Scored, SourceLane,
    Span,
};

/// What a score stage is told once and for all.
#[derive(Clone, Debug)]
pub struct ScoreConfig {
    /// The partition it reads.
    pub source: SourceLane,
    /// The modality of that topic.
    pub modality: ModalityId,
    /// Its columns.
    pub columns: &'static Modality,
    /// How many source lanes this feed has; goes into heartbeats.
    pub lanes: u32,
    /// How far back features may look; wider ones are cut to it. Above zero.
    pub lookback: Span,
    /// How far behind a patient's newest observation another may still come, be corrected or be withdrawn. Above
    /// zero. Observations are kept for `lookback + reach` (at most [`LONGEST_RETENTION`](super::LONGEST_RETENTION)), so that
    /// what is said again is said with everything that belongs to it.
    pub reach: Span,
    /// How far behind the newest event the watermark stays.
    pub out_of_orderness: Span,
    /// How far ahead of its ingest time an event or issue time may be.
    pub max_clock_skew: Span,
    /// A patient whose newest observation is older than the watermark less this is forgotten.
    pub state_ttl: Span,
    /// Most patients kept; the events of further ones are rejected.
    pub max_patients: usize,
    /// Most observations kept of one patient, 1 to [`MOST_OBSERVATIONS`](super::MOST_OBSERVATIONS). At the limit older ones are thinned to the last of each
    /// minute, and then the oldest are dropped.
    pub max_observations: usize,
}

/// One record of the source lane, decoded as far as it could be.
#[derive(Clone, Debug)]
pub struct ScoreInput {
    /// Its offset.
    pub offset: i64,
    /// When the broker took it.
    pub ingest_time: IngestTime,
    /// The record's key; `None`: it is no patient id.
    pub key: Option<PatientId>,
    /// Its payload, or what was wrong with it.
    pub event: Result<Event, Fault>,
}

/// What the stage makes of records, in the order of their offsets.
#[derive(Clone, Debug, PartialEq)]
pub enum ScoreOutput {
    /// For `predictions`.
    Scored(Scored),
    /// For the dead letters, unless it is harmless. If the record has a key and the reason is not harmless, a
    /// `Scored` with outcome `rejected` follows, unless it would hide an observation at the same instant.
    Rejected(Rejection),
}

/// What happened so far, since the stage was made; not part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScoreCounters {
    /// Records that changed or confirmed something.
    pub accepted: u64,
    /// Records rejected, by [`RejectReason::ALL`].
    pub rejected: [u64; RejectReason::ALL.len()],
    /// Statements of the active model.
    pub predictions: u64,
    /// Those of them without a score.
    pub unscorable: u64,
    /// Records that affected more predictions than are made from one record.
    pub capped: u64,
    /// Observations thinned at `max_observations`.
    pub thinned: u64,
    /// Observations dropped at `max_observations`.
    pub dropped: u64,
    /// Patients forgotten after `state_ttl`.
    pub forgotten: u64,
}
