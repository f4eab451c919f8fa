//! Events of one modality as a table: one row per event, one nullable number per column of the modality.
//!
//! | column | type | null |
//! |---|---|---|
//! | `patient` | text, or a dictionary of texts | never |
//! | `event_time` | timestamp, any unit (kept to the millisecond), UTC | never |
//! | `issued` | the same | never: a result that counts as known when it was drawn is a leak from the future |
//! | `id` | `uint64`: identity for corrections and duplicates; may be left out | derived from event time and columns |
//! | `version` | `uint32`; may be left out | 0 |
//! | `status` | text: a code of FHIR R4 observation-status, less `unknown`; may be left out | `final` |
//! | each column of the modality | `float64` (any number type is taken), in the unit of its name; may be left out | not in this observation |
//!
//! The schema's metadata names the modality (`latefusion.modality`); a file without it needs to be told.
//! Any other column is refused, because a misspelt one would be lost in silence.

pub use super::wide_read::{Decoder, Reader};
pub use super::wide_write::{Writer, to_batch};

use crate::modality::Modality;
use crate::modality::header::STATUSES;
use crate::types::EventStatus;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// Key of the schema's metadata whose value is the modality's name.
pub const MODALITY_KEY: &str = "latefusion.modality";

/// The columns that stand before those of the modality.
pub(super) const HEADER: [&str; 6] = ["patient", "event_time", "issued", "id", "version", "status"];

/// The schema that [`Writer`] writes.
pub fn schema(modality: &Modality) -> SchemaRef {
    let time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let types =
        [DataType::Utf8, time(), time(), DataType::UInt64, DataType::UInt32, DataType::Utf8];
    let header = HEADER.iter().zip(types).map(|(name, of)| Field::new(*name, of, false));
    let value = |name| Field::new(name, DataType::Float64, true);
    let fields: Vec<Field> = header.chain(modality.columns.iter().map(|c| value(c.name))).collect();
    let metadata = HashMap::from([(MODALITY_KEY.to_owned(), modality.name.to_owned())]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

pub(super) fn status_of(code: &str) -> Option<EventStatus> {
    STATUSES.iter().find(|(name, _)| *name == code).map(|(_, status)| *status)
}

pub(super) fn code_of(status: EventStatus) -> &'static str {
    STATUSES.iter().find(|(_, s)| *s == status).map_or("final", |(name, _)| name)
}
