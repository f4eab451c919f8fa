//! The words of the domain. Plain data; imports nothing of the crate.

mod event;
mod fused;
mod patient;
mod position;
mod prediction;
mod rejection;
pub mod rfc3339;
mod risk;
mod time;

pub use event::{
    Encounter, EncounterChange, Event, EventStatus, MAX_COLUMNS, MAX_VALUES, ObservationId, Values,
};
pub use fused::{
    Absence, Availability, BandHeld, FusedScore, FusedStatus, ModalityAvailability, Pane, Presence,
    Present, Window,
};
pub use patient::{PatientId, PatientIdError};
pub use position::{Feed, ModalityId, Position, SourceLane};
pub use prediction::{
    Activation, Heartbeat, LogEntry, ModelName, Outcome, Prediction, Scored, Stay,
};
pub use rejection::{Fault, RejectReason, Rejection};
pub use risk::{Band, LOGIT_FLOOR, LogOdds, NotAProbability, Risk};
pub use time::{EventTime, IngestTime, IssueTime, NotASpan, ScorerClock, Span, span_text};
