//! From predictions to fused scores: watermarks, windows, evidence, panes, and the fusion methods.

mod active;
mod availability;
mod checkpoint;
mod firing;
mod groups;
mod history;
mod intake;
mod lanes;
pub mod methods;
pub mod package;
mod panes;
mod patient;
mod publish;
mod stage;
mod ward;

pub use stage::{FuseConfig, FuseCounters, FuseInput, FuseOutput, FuseStage, digest_of};

use arrow::array::Float64Array;

/// The evidence of n patients at one window end, one column for each of m modalities.
///
/// Null means not available; its null count *is* the availability.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// m columns of \[n\] calibrated risk in 0..=1; null = absent.
    pub risk: Vec<Float64Array>,
    /// m columns of \[n\] age at the window end in seconds, zero or more; null where the risk is.
    pub age_seconds: Vec<Float64Array>,
}

/// What a method makes of the evidence.
#[derive(Clone, Debug)]
pub struct Fused {
    /// \[n\] fused risk in 0..=1; null exactly where no modality is present.
    pub risk: Float64Array,
    /// \[n\] lower end of the uncertainty interval; null with the risk.
    pub lower: Float64Array,
    /// \[n\] upper end; null with the risk.
    pub upper: Float64Array,
    /// m columns of \[n\] share in the combination, decay included; 0 where absent; each row sums to 1 or is all 0.
    pub weight: Vec<Float64Array>,
    /// m columns of \[n\] what the modality adds to the fused log-odds; 0 where absent.
    pub contribution: Vec<Float64Array>,
}

/// A fusion method: a pure function of evidence rows.
pub trait Fuser: Send + Sync {
    /// Fuses n rows; row i depends on row i alone.
    fn fuse(&self, evidence: &Evidence) -> Fused;
}
