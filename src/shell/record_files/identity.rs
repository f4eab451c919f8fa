//! The identity of an observation whose source gives none.

use crate::modality::Modality;
use crate::modality::header::{fold, hash};
use crate::types::{EventTime, MAX_COLUMNS, ObservationId, Values};

/// Derives ids from event time and column names, as the decoders of vitals and labs do, so that a record has the same
/// id from a file and from a topic. (A study's id on the wire comes from its procedure, which a table does not hold:
/// imaging tables should carry ids.)
#[derive(Clone, Debug)]
pub struct Identity {
    names: [u64; MAX_COLUMNS],
}

impl Identity {
    /// For the observations of a modality.
    pub fn of(modality: &Modality) -> Self {
        let mut names = [0; MAX_COLUMNS];
        for (name, column) in names.iter_mut().zip(modality.columns) {
            *name = hash(column.name.as_bytes());
        }
        Self { names }
    }

    /// The id of what these columns say at that time; the order of the columns does not matter.
    pub fn derive(&self, event_time: EventTime, values: &Values) -> ObservationId {
        let name = |(column, _): (u8, i16)| self.names.get(usize::from(column)).copied();
        let subject = values.iter().filter_map(name).fold(0, u64::wrapping_add);
        let time = fold(hash(b"") ^ 1, event_time.as_millis() as u64);
        ObservationId(fold(time, subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::Registry;

    #[test]
    fn a_record_has_the_same_id_from_a_table_and_from_its_topic() {
        let registry = Registry::shipped();
        let records = [
            (
                "vitals",
                r#"{"patient":"p","event_time":"2026-01-05T08:00:00Z","spo2_percent":97,"heart_rate_per_min":80}"#,
            ),
            (
                "labs",
                r#"{"patient":"p","specimen_time":"2026-01-05T08:00:00Z","result_time":"2026-01-05T08:40:00Z","analyte":"lactate","value":2.5,"unit":"mmol/L"}"#,
            ),
        ];
        for (name, payload) in records {
            let (id, modality) = registry.find(name).expect("a shipped modality");
            let event = (modality.decode)(payload.as_bytes(), id).expect("a valid record");
            let derived = Identity::of(modality).derive(event.event_time, &event.values);
            assert_eq!(derived, event.id, "{name}");
        }
    }
}
