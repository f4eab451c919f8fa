//! The fields that the records of all modalities share: patient, two times, id, version, status.

use super::json::{Reader, missing, twice};
use crate::types::{
    Event, EventStatus, EventTime, Fault, IssueTime, ModalityId, ObservationId, PatientId,
    RejectReason, Values, rfc3339,
};

/// How a topic names its two times.
#[derive(Debug)]
pub struct TimeFields {
    /// When it was so.
    pub event: &'static str,
    /// When the source issued it.
    pub issued: &'static str,
    /// False: the issue time may be left out and is then the event time. True where results take time,
    /// because a result that counts as known when its specimen was drawn is a leak from the future.
    pub issued_required: bool,
}

/// The shared fields as far as they have been read.
#[derive(Debug)]
pub struct Header {
    times: &'static TimeFields,
    patient: Option<PatientId>,
    event_time: Option<i64>,
    issued: Option<i64>,
    id: Option<u64>,
    version: Option<u32>,
    status: Option<EventStatus>,
}

impl Header {
    /// Nothing read yet.
    pub fn new(times: &'static TimeFields) -> Self {
        Self {
            times,
            patient: None,
            event_time: None,
            issued: None,
            id: None,
            version: None,
            status: None,
        }
    }

    /// Reads the value of a shared field; false, with nothing read, where the field is none of them.
    ///
    /// # Errors
    /// `WrongType`, `BadPatientId`, `BadTime`, `BadStatus`, `MissingField` (an empty id), `Undecodable`.
    pub fn take(&mut self, name: &str, reader: &mut Reader<'_>) -> Result<bool, Fault> {
        if name == self.times.event {
            set(&mut self.event_time, self.times.event, reader, read_time)?;
        } else if name == self.times.issued {
            set(&mut self.issued, self.times.issued, reader, read_time)?;
        } else {
            match name {
                "patient" => set(&mut self.patient, "patient", reader, read_patient)?,
                "id" => set(&mut self.id, "id", reader, read_id)?,
                "version" => set(&mut self.version, "version", reader, |r, f| r.whole(f))?,
                "status" => set(&mut self.status, "status", reader, read_status)?,
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// What the record does; `final` where it does not say.
    pub fn status(&self) -> EventStatus {
        self.status.unwrap_or(EventStatus::Final)
    }

    /// True where the source gave the observation an id.
    pub fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// The event, with `subject` standing for what was observed where the source gave no id.
    ///
    /// # Errors
    /// `MissingField`, `BadPatientId`.
    pub fn finish(
        self,
        modality: ModalityId,
        subject: u64,
        values: Values,
    ) -> Result<Event, Fault> {
        let status = self.status();
        let (version, id) = (self.version.unwrap_or(0), self.id);
        let (patient, event_time, issued) = self.whom_and_when()?;
        let derived = || fold(fold(FNV_OFFSET ^ 1, event_time.as_millis() as u64), subject);
        Ok(Event {
            patient,
            modality,
            id: ObservationId(id.unwrap_or_else(derived)),
            event_time,
            issued,
            version,
            status,
            values: if status.withdraws() { Values::default() } else { values },
        })
    }

    /// The patient and the two times; an issue time before the event time is moved up to it.
    ///
    /// # Errors
    /// `MissingField`, `BadPatientId`.
    pub fn whom_and_when(self) -> Result<(PatientId, EventTime, IssueTime), Fault> {
        let patient = self.patient.ok_or_else(|| {
            Fault::new(RejectReason::BadPatientId, "patient is required and must not be empty")
        })?;
        let event_time = self.event_time.ok_or_else(|| missing(self.times.event))?;
        let issued = match self.issued {
            Some(issued) => issued.max(event_time),
            None if self.times.issued_required => return Err(missing(self.times.issued)),
            None => event_time,
        };
        Ok((patient, EventTime::from_millis(event_time), IssueTime::from_millis(issued)))
    }
}

/// Reads a field into its slot, once; null counts as left out.
///
/// # Errors
/// Those of `read`, and `Undecodable` for a field given twice.
pub fn set<'a, T>(
    slot: &mut Option<T>,
    field: &'static str,
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>, &'static str) -> Result<T, Fault>,
) -> Result<(), Fault> {
    if slot.is_some() {
        return Err(twice(field));
    }
    if !reader.take_null() {
        *slot = Some(read(reader, field)?);
    }
    Ok(())
}

/// An RFC 3339 instant, in milliseconds since the epoch, zero or more.
fn read_time(reader: &mut Reader<'_>, field: &'static str) -> Result<i64, Fault> {
    let bad = |what: &str| Fault::new(RejectReason::BadTime, format!("{field} {what}"));
    let text = reader.text(field)?;
    let millis = rfc3339::parse(&text).ok_or_else(|| bad("is no RFC 3339 instant with offset"))?;
    if millis < 0 { Err(bad("lies before 1970")) } else { Ok(millis) }
}

fn read_patient(reader: &mut Reader<'_>, field: &'static str) -> Result<PatientId, Fault> {
    let text = reader.text(field)?;
    PatientId::new(&text).map_err(|e| Fault::new(RejectReason::BadPatientId, e.to_string()))
}

fn read_id(reader: &mut Reader<'_>, field: &'static str) -> Result<u64, Fault> {
    let text = reader.text(field)?;
    let empty = || Fault::new(RejectReason::MissingField, "id must not be empty");
    if text.is_empty() { Err(empty()) } else { Ok(hash(text.as_bytes())) }
}

fn read_status(reader: &mut Reader<'_>, field: &'static str) -> Result<EventStatus, Fault> {
    let text = reader.text(field)?;
    let known = STATUSES.iter().find(|(name, _)| *name == text);
    let unknown = || {
        Fault::new(RejectReason::BadStatus, "status is none of FHIR's that an observation can have")
    };
    known.map(|(_, status)| *status).ok_or_else(unknown)
}

/// The statuses on the wire: the codes of FHIR R4 observation-status, less `unknown`.
pub static STATUSES: [(&str, EventStatus); 7] = [
    ("final", EventStatus::Final),
    ("preliminary", EventStatus::Preliminary),
    ("registered", EventStatus::Registered),
    ("corrected", EventStatus::Corrected),
    ("amended", EventStatus::Corrected),
    ("cancelled", EventStatus::Cancelled),
    ("entered-in-error", EventStatus::EnteredInError),
];

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a, 64 bits (draft-eastlake-fnv, section 5): the same on every machine and in every version.
pub const fn hash(bytes: &[u8]) -> u64 {
    let (mut hash, mut i) = (FNV_OFFSET, 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(FNV_PRIME);
        i += 1;
    }
    hash
}

/// Adds a number to a hash, a byte at a time.
pub const fn fold(mut hash: u64, number: u64) -> u64 {
    let (bytes, mut i) = (number.to_le_bytes(), 0);
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(FNV_PRIME);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a_as_published() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fold(FNV_OFFSET, 7), hash(&7_u64.to_le_bytes()));
    }
}
