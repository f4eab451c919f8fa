//! What users subscribe to: fused risk scores and per-modality availability.

use super::{Band, EventTime, IngestTime, PatientId, Position, Risk, Span, prediction::ModelName};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Half-open, left end excluded: the times t with `end - length < t <= end`.
///
/// A reading exactly at a window's end belongs to it, because a score published for 12:00:10 may use what was known at 12:00:10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    end: EventTime,
    length: Span,
}

impl Window {
    /// The window of `length` that ends at `end`.
    pub const fn ending(end: EventTime, length: Span) -> Self {
        Self { end, length }
    }
    /// Last instant inside.
    pub const fn end(self) -> EventTime {
        self.end
    }
    /// Last instant before the window.
    pub fn start(self) -> EventTime {
        self.end - self.length
    }
    /// True for `start < time <= end`.
    pub fn contains(self, time: EventTime) -> bool {
        self.start() < time && time <= self.end
    }
}

/// Why a pane was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pane {
    /// Before its window end, because a slow modality arrived or a presence changed.
    Early,
    /// When the watermark passed the window end.
    OnTime,
    /// After that, because its evidence changed within allowed lateness.
    Late,
}

/// What a fused score can be relied on for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FusedStatus {
    /// Every modality that this stay has produced is present.
    Ok,
    /// Something that was there, or that is required, is absent; or the band is held.
    Degraded,
    /// No modality is present: there is no risk, and none must be inferred.
    InsufficientData,
}

/// Why a modality is absent from a fused score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// This stay has produced nothing of it.
    Never,
    /// Ordered or registered, result to come.
    Pending,
    /// The newest prediction is older than its validity.
    Stale,
    /// It became known only after its validity had passed.
    Late,
    /// The newest input was rejected, or did not suffice for the scorer.
    Rejected,
    /// The source took it back.
    Withdrawn,
    /// The model version has no calibration and is held out.
    Uncalibrated,
}

impl Absence {
    /// Every kind, in label order.
    pub const ALL: [Self; 7] = [
        Self::Never,
        Self::Pending,
        Self::Stale,
        Self::Late,
        Self::Rejected,
        Self::Withdrawn,
        Self::Uncalibrated,
    ];

    /// The name on the wire and in metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Pending => "pending",
            Self::Stale => "stale",
            Self::Late => "late",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Uncalibrated => "uncalibrated",
        }
    }
}

/// A modality's part in a fused score while it is present.
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// Event time of the prediction used.
    pub event_time: EventTime,
    /// Window end less event time; zero or more.
    pub age: Span,
    /// Calibrated risk of this modality alone.
    pub risk: Risk,
    /// Share of this modality in the combination, decay included; 0..=1, summing to 1 over the present ones.
    pub weight: f64,
    /// What it adds to the fused log-odds; its meaning is given by the method.
    pub contribution: f64,
    /// The model and version that made the prediction.
    pub model: ModelName,
    /// The input record it was made from.
    pub source: Position,
}

/// A modality as seen at a window end.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// Used.
    Present(Present),
    /// Not used, and why; with the event time of the newest thing known of it, if anything is.
    Absent(Absence, Option<EventTime>),
}

/// The band is kept up by evidence that has gone stale: vanishing may not lower a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandHeld {
    /// The band that the present evidence alone would give; `None`: no evidence is present.
    pub without_hold: Option<Band>,
    /// Bit m set: stale evidence of modality m holds the band.
    pub by: u64,
}

/// One published fused score.
#[derive(Clone, Debug, PartialEq)]
pub struct FusedScore {
    /// Whom it is about; also the record's key.
    pub patient: PatientId,
    /// The hop that it closes; evidence reaches further back, by each modality's validity.
    pub window: Window,
    /// Why it was published.
    pub pane: Pane,
    /// Counts the panes of (patient, window) from 0.
    pub revision: u32,
    /// What it can be relied on for.
    pub status: FusedStatus,
    /// Fused risk; `None` exactly when the status is `insufficient_data`.
    pub risk: Option<Risk>,
    /// Lower and upper end of the uncertainty interval around `risk`; `None` with it.
    pub interval: Option<[Risk; 2]>,
    /// Risk band, holds included; `None`: no evidence, not even stale evidence that could hold a band.
    pub band: Option<Band>,
    /// Set when the band is held above what the present evidence gives.
    pub band_held: Option<BandHeld>,
    /// One for each modality of the registry, in its order.
    pub modalities: Vec<Presence>,
    /// The unit the patient is in; `None`: not known.
    pub unit: Option<CompactString>,
    /// Digest of the fusion package it was computed with.
    pub package: Arc<str>,
}

/// What one modality looked like over the patients of a partition at a window end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModalityAvailability {
    /// Active patients that produced it at least once in this stay.
    pub expected: u32,
    /// Active patients whose newest prediction of it is within validity.
    pub fresh: u32,
    /// Active patients without it, by [`Absence::ALL`].
    pub absent: [u32; 7],
}

/// The availability record that every partition publishes at every window end, patients or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// Partition of `predictions`.
    pub partition: u32,
    /// The window.
    pub window: Window,
    /// Patients with an accepted observation within `activity_window`, or admitted and not discharged.
    pub active: u32,
    /// One for each modality of the registry, in its order.
    pub modalities: Vec<ModalityAvailability>,
    /// Broker time of the record that closed the window.
    pub ingest_time: IngestTime,
    /// False when the lane lost its state and started empty: what it knows is not yet the whole.
    pub complete: bool,
}
