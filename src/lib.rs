//! Streaming late fusion of bedside sensor feeds.
//!
//! It informs staff and never alarms on its own; research and engineering use, not for clinical decisions
//! without local validation and regulatory assessment.

pub mod evaluate;
pub mod fuse;
pub mod modality;
pub mod score;
pub mod shell;
pub mod stage;
pub mod trees;
pub mod types;
