//! Bad input is a value: what was wrong, with what, and where it stood.

use super::Position;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Why a record was not used. A closed set: it is a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Not the wire format at all (bad JSON, bad UTF-8, truncated, empty).
    Undecodable,
    /// Larger than the configured record limit.
    Oversized,
    /// A field that the schema does not know.
    UnknownField,
    /// A field that the schema requires is absent.
    MissingField,
    /// A field of the wrong JSON type.
    WrongType,
    /// A unit outside the conversion table of its column.
    UnknownUnit,
    /// An analyte, parameter or procedure code outside the table.
    UnknownCode,
    /// NaN, infinite, or outside the plausible range of its column.
    ImplausibleValue,
    /// No patient id, too long, or not printable ASCII.
    BadPatientId,
    /// The record's key names another patient than its payload.
    KeyMismatch,
    /// An instant that does not parse, or before 1970.
    BadTime,
    /// Event time further ahead of ingest time than `max_clock_skew`.
    FutureEventTime,
    /// Older than the lookback: nothing it could change is kept any more.
    BeyondLookback,
    /// The same version of the same observation again.
    Duplicate,
    /// An older version than the one already taken.
    Superseded,
    /// A status that this event cannot have (a final result with no value and nothing before it).
    BadStatus,
    /// The report text holds nothing that can be read: empty or not English.
    UnreadableText,
    /// A record of `predictions` that this version cannot use.
    BadPrediction,
    /// An activation record whose package is invalid or does not match its digest.
    BadActivation,
    /// A heartbeat whose number of source lanes differs from the pinned one.
    ChangedPartitionCount,
    /// A limit of the configuration was reached (patients in a lane, observations of one patient).
    LimitReached,
}

impl RejectReason {
    /// Every reason, in label order.
    pub const ALL: [Self; 21] = [
        Self::Undecodable,
        Self::Oversized,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::UnknownUnit,
        Self::UnknownCode,
        Self::ImplausibleValue,
        Self::BadPatientId,
        Self::KeyMismatch,
        Self::BadTime,
        Self::FutureEventTime,
        Self::BeyondLookback,
        Self::Duplicate,
        Self::Superseded,
        Self::BadStatus,
        Self::UnreadableText,
        Self::BadPrediction,
        Self::BadActivation,
        Self::ChangedPartitionCount,
        Self::LimitReached,
    ];

    /// The name on the wire and in metric labels: `unknown_unit`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Oversized => "oversized",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::UnknownUnit => "unknown_unit",
            Self::UnknownCode => "unknown_code",
            Self::ImplausibleValue => "implausible_value",
            Self::BadPatientId => "bad_patient_id",
            Self::KeyMismatch => "key_mismatch",
            Self::BadTime => "bad_time",
            Self::FutureEventTime => "future_event_time",
            Self::BeyondLookback => "beyond_lookback",
            Self::Duplicate => "duplicate",
            Self::Superseded => "superseded",
            Self::BadStatus => "bad_status",
            Self::UnreadableText => "unreadable_text",
            Self::BadPrediction => "bad_prediction",
            Self::BadActivation => "bad_activation",
            Self::ChangedPartitionCount => "changed_partition_count",
            Self::LimitReached => "limit_reached",
        }
    }

    /// Duplicates and superseded versions are normal traffic: counted, not sent to the dead letters.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Duplicate | Self::Superseded)
    }
}

/// What was wrong with a record, before its place is known. `detail` never holds patient data:
/// it names the field, the column or the limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", reason.name())]
pub struct Fault {
    /// The class.
    pub reason: RejectReason,
    /// Which field and what was expected; no value of a patient.
    pub detail: Cow<'static, str>,
}

impl Fault {
    /// A fault with its explanation.
    pub fn new(reason: RejectReason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// A fault and the record it was found in. The shell adds the original bytes when it writes the dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The record.
    pub source: Position,
    /// What was wrong with it.
    pub fault: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_listed_once_and_named_as_serde_names_it() {
        for (i, reason) in RejectReason::ALL.into_iter().enumerate() {
            assert_eq!(RejectReason::ALL.iter().position(|r| *r == reason), Some(i));
            let wire = serde_json::to_string(&reason).expect("a unit variant");
            assert_eq!(wire, format!("\"{}\"", reason.name()));
        }
    }
}
