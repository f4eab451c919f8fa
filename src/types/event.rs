//! What came from the bedside, decoded: one observation of one patient in one modality.

use super::{EventTime, IssueTime, ModalityId, PatientId};
use serde::{Deserialize, Serialize};

/// Most columns that a modality may have; a presence mask is one `u64`.
pub const MAX_COLUMNS: usize = 64;
/// Most columns that one observation may fill.
pub const MAX_VALUES: usize = 28;

/// The numbers of one observation: up to [`MAX_VALUES`] pairs of (column, whole steps of the column's resolution).
///
/// Fixed point, because charted precision is what clinical bands are defined on, and because a lookback of
/// an hour then fits two bytes a value. A column not listed is not known, never zero.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values {
    length: u8,
    columns: [u8; MAX_VALUES],
    steps: [i16; MAX_VALUES],
}

impl Default for Values {
    fn default() -> Self {
        Self { length: 0, columns: [0; MAX_VALUES], steps: [0; MAX_VALUES] }
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Values {
    /// Adds or replaces a column's value, in steps of its resolution. False when there is no room left.
    pub fn set(&mut self, column: u8, steps: i16) -> bool {
        let length = usize::from(self.length);
        let at = self.columns[..length].iter().position(|c| *c == column).unwrap_or(length);
        if at >= MAX_VALUES || usize::from(column) >= MAX_COLUMNS {
            return false;
        }
        self.columns[at] = column;
        self.steps[at] = steps;
        self.length = self.length.max(at as u8 + 1);
        true
    }

    /// The value of a column in steps of its resolution; `None`: not in this observation.
    pub fn get(&self, column: u8) -> Option<i16> {
        self.iter().find(|(c, _)| *c == column).map(|(_, steps)| steps)
    }

    /// The pairs in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (u8, i16)> + '_ {
        self.columns.iter().copied().zip(self.steps.iter().copied()).take(usize::from(self.length))
    }

    /// How many columns have a value.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// True when no column has a value.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// The life of a result, after FHIR R4 observation-status and HL7 v2 table 0085 (CLINICAL facts, E5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventStatus {
    /// Ordered or in process: no value yet, the modality is pending.
    Registered,
    /// A value that may still change.
    Preliminary,
    /// A final value. A status-only event (no value) makes the value already known final.
    Final,
    /// Replaces the value of the same observation id (`amended`, `corrected`).
    Corrected,
    /// Withdrawn before a value existed, or cannot be obtained.
    Cancelled,
    /// Was wrong (also: wrong patient): the observation never was.
    EnteredInError,
}

impl EventStatus {
    /// True where the event takes back the observation.
    pub const fn withdraws(self) -> bool {
        matches!(self, Self::Cancelled | Self::EnteredInError)
    }
}

/// Identity of an observation within (patient, modality): the 64-bit FNV-1a of the source's id or, where the source
/// gives none, of the event time and what was observed. Corrections and duplicates are found by it.
/// FNV rather than SHA-256: it is as stable, needs a tenth of the time, and nobody gains by forging an id of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObservationId(pub u64);

/// One accepted input record of a modality.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Whom it is about.
    pub patient: PatientId,
    /// Which modality.
    pub modality: ModalityId,
    /// Identity for corrections and duplicates.
    pub id: ObservationId,
    /// When it was so: measured, specimen drawn, study made.
    pub event_time: EventTime,
    /// When the source issued this version. Not before `event_time` (earlier ones are moved up to it).
    pub issued: IssueTime,
    /// Rank among the versions of one id, from 0; ties are broken by `issued`.
    pub version: u32,
    /// What this version does.
    pub status: EventStatus,
    /// The numbers; empty for status-only events.
    pub values: Values,
}

/// What an encounter record says about a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncounterChange {
    /// The stay begins: evidence from before it does not count.
    Admit,
    /// The patient moved to another unit.
    Transfer,
    /// The stay ends: no pane at or after this time, and state is forgotten.
    Discharge,
}

/// One accepted record of the encounters topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encounter {
    /// Whom it is about.
    pub patient: PatientId,
    /// What happened.
    pub change: EncounterChange,
    /// When it happened.
    pub event_time: EventTime,
    /// When the source issued it.
    pub issued: IssueTime,
    /// The unit the patient is in afterwards, from the source's closed list; `None`: not said.
    pub unit: Option<compact_str::CompactString>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_one_entry_per_column_and_refuse_what_does_not_fit() {
        let mut values = Values::default();
        assert!(values.set(3, 10) && values.set(3, 11));
        assert_eq!((values.len(), values.get(3), values.get(4)), (1, Some(11), None));
        assert!(!values.set(64, 1), "columns end at 63");
        for column in 0..MAX_VALUES as u8 {
            assert!(values.set(column, 0));
        }
        assert!(!values.set(60, 0), "a full observation takes no further column");
    }
}
