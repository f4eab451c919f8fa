//! All that the driver knows of the engine: a deterministic state machine over the records of one partition.

use crate::types::PatientId;

/// What a checkpoint entry is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateKey {
    /// The lane as a whole: positions, watermarks, log clock, active package. Sorts and is published last.
    Lane,
    /// One patient.
    Patient(PatientId),
}

/// One entry of a checkpoint: a record of a compacted topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// What it is about.
    pub key: StateKey,
    /// Versioned bytes that only the same stage reads; `None`: forget it (a tombstone).
    pub value: Option<Vec<u8>>,
}

/// A checkpoint that cannot be used; the lane then starts empty, marked incomplete, and says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint entry cannot be read: {0}")]
pub struct BadCheckpoint(pub String);

/// A state machine over one partition. Its outputs are a function of the records stepped through it, in order,
/// however they are cut into batches. Total: bad data is an output, never an error and never a panic.
pub trait Stage {
    /// One record, decoded as far as it could be.
    type Input;
    /// What it makes.
    type Output;

    /// Takes every record out of `batch`, in order, and adds what follows from it to `out`.
    fn step(&mut self, batch: &mut Vec<Self::Input>, out: &mut Vec<Self::Output>);

    /// What changed since the last call: patients first, the lane-wide entry last; each true as of the last step.
    fn take_checkpoint(&mut self) -> Vec<StateEntry>;

    /// Puts back the newest entry of every key, in any order; called before the first step.
    ///
    /// # Errors
    /// An entry of another version or with torn bytes. The stage is then to be thrown away.
    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint>;
}
