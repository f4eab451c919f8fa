//! Where a record stands: topic, partition, offset. Input positions make the first hop idempotent.

use serde::{Deserialize, Serialize};

/// A modality as an index into the run's [`crate::modality::Registry`]; names appear only at the edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModalityId(pub u8);

impl ModalityId {
    /// As an index into per-modality arrays.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Which input topic a record came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feed {
    /// The topic of a modality.
    Modality(ModalityId),
    /// Admissions, transfers and discharges.
    Encounters,
}

/// One partition of one input topic; `epoch` rises when the topic is made anew, because offsets then restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceLane {
    /// The topic.
    pub feed: Feed,
    /// Configured number of this incarnation of the topic, from 0.
    pub epoch: u32,
    /// The partition, from 0.
    pub partition: u32,
}

/// A record's place in its source lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The lane.
    pub lane: SourceLane,
    /// The Kafka offset of the record itself, from 0.
    pub offset: i64,
}
