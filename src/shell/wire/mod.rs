//! The bytes of everything the pipeline writes: JSON in and out of the topics `predictions`, `fused-scores`,
//! `availability` and `dead-letters`; their schemas are in `schemas/`.
//!
//! Writing appends to a buffer that the caller reuses and cannot fail. Reading is total: any bytes give the value or a
//! [`Fault`](crate::types::Fault). Every number and every instant of the years 0000 to 9999 survives bit for bit.
//!
//! Each record names its schema and version (`"schema":"prediction/1"`). A field may be added without a new version, so
//! readers ignore fields they do not know; a version they do not know is refused.

mod availability;
mod control;
mod dead_letter;
mod fused;
mod json;
mod keys;
mod parts;
mod prediction;
mod topics;
mod words;

pub use availability::{decode_availability, encode_availability};
pub use dead_letter::{
    Clipped, DeadLetter, Header, Limits, Original, RecordPlace, decode_dead_letter,
    encode_dead_letter,
};
pub use fused::{decode_fused_score, encode_fused_score};
pub use keys::{
    TRACEPARENT, check_key, is_patient_key, traceparent, write_availability_key,
    write_dead_letter_key, write_entry_key, write_fused_score_key,
};
pub use parts::ModelNames;
pub use prediction::{decode_entry, encode_entry};
pub use topics::{Names, Topics};
pub(super) use words::{band_name, notice, pane_name, status_name};
