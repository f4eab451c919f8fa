//! What the ward sends: one record, typed and as bytes.

use super::bad::BadRecord;
use super::report::Report;
use crate::modality::{encounters, header, imaging, labs, units::Unit, vitals};
use crate::types::{Encounter, Event, Feed, IngestTime, ObservationId, PatientId, Values};
use std::borrow::Cow;

/// One record on its way to the broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// When it reaches the broker; never earlier than that of the record before.
    pub arrival: IngestTime,
    /// To which topic.
    pub feed: Feed,
    /// The record's key.
    pub key: PatientId,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Vital signs.
    Vitals(Event, SourceId),
    /// A laboratory result.
    Lab(Event, SourceId, Reported),
    /// An imaging study or its report. The event has the findings where they are structured; with a text its
    /// values are empty, because they are what a reader makes of the text.
    Imaging(Event, SourceId, Option<Report>),
    /// An admission, transfer or discharge.
    Encounter(Encounter),
    /// A record that must be rejected.
    Bad(Box<BadRecord>),
}

/// A laboratory result as the laboratory writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported {
    /// The analyte's column.
    pub column: u8,
    /// Value and unit; `None`: no value (yet).
    pub value: Option<(f64, &'static Unit)>,
}

/// The source's number of an observation; as text sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(pub u64);

impl SourceId {
    /// The digits.
    fn digits(self) -> [u8; 16] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        std::array::from_fn(|i| DIGITS[(self.0 >> (60 - 4 * i)) as usize & 15])
    }

    /// The id as a decoder gives it.
    pub fn observation(self) -> ObservationId {
        ObservationId(header::hash(&self.digits()))
    }

    fn with_text<T>(self, use_it: impl FnOnce(&str) -> T) -> T {
        let digits = self.digits();
        use_it(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl Input {
    /// The typed event; `None` for encounters and bad records.
    pub fn event(&self) -> Option<&Event> {
        match &self.content {
            Content::Vitals(event, _) | Content::Lab(event, ..) | Content::Imaging(event, ..) => {
                Some(event)
            }
            Content::Encounter(_) | Content::Bad(_) => None,
        }
    }

    /// The record's value: the JSON of its topic, or the bytes of a bad record.
    pub fn payload(&self) -> Cow<'_, [u8]> {
        match &self.content {
            Content::Bad(bad) => Cow::Borrowed(&bad.bytes),
            content => Cow::Owned(content.json().into_bytes()),
        }
    }
}

impl Content {
    /// The JSON of good records; empty for bad ones.
    pub(super) fn json(&self) -> String {
        let mut out = String::with_capacity(320);
        match self {
            Self::Vitals(event, id) => id.with_text(|id| vitals::encode(event, Some(id), &mut out)),
            Self::Lab(event, id, reported) => write_lab(event, *id, *reported, &mut out),
            Self::Imaging(event, id, report) => {
                id.with_text(|id| imaging::encode(event, chest_x_ray(), Some(id), &mut out));
                if let Some(report) = report {
                    let text = serde_json::Value::String(report.to_string());
                    append(&mut out, &format!("\"text\":{text}"));
                }
            }
            Self::Encounter(encounter) => encounters::encode(encounter, &mut out),
            Self::Bad(_) => {}
        }
        out
    }
}

/// With the value in the laboratory's unit, which the event has in the column's.
fn write_lab(event: &Event, id: SourceId, reported: Reported, out: &mut String) {
    let without_value = Event { values: Values::default(), ..event.clone() };
    id.with_text(|id| labs::encode(&without_value, reported.column, Some(id), out));
    if let Some((value, unit)) = reported.value {
        let unit = unit.names.first().copied().unwrap_or_default();
        append(out, &format!("\"value\":{value},\"unit\":\"{unit}\""));
    }
}

/// The only procedure that the ward orders.
fn chest_x_ray() -> &'static imaging::Procedure {
    &imaging::PROCEDURES[0]
}

/// Puts fields at the end of a JSON object that has some.
pub(super) fn append(object: &mut String, fields: &str) {
    object.pop();
    object.push(',');
    object.push_str(fields);
    object.push('}');
}

/// Puts fields at the beginning of a JSON object that has some.
pub(super) fn prepend(object: &mut String, fields: &str) {
    object.insert(1, ',');
    object.insert_str(1, fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_id_is_the_hash_of_its_sixteen_digits() {
        let id = SourceId(0x00ab_cdef_0123_4567);
        assert_eq!(id.with_text(str::to_owned), "00abcdef01234567");
        assert_eq!(id.observation(), ObservationId(header::hash(b"00abcdef01234567")));
    }

    #[test]
    fn the_only_study_is_a_chest_x_ray() {
        assert_eq!(chest_x_ray().name, "xr_chest");
    }
}
