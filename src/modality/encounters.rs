//! Admissions, transfers and discharges: no modality, but the scope that evidence counts in.

use super::header::{self, Header, TimeFields};
use super::json::{self, Reader, missing, unknown_field};
use super::wire::Writer;
use crate::types::{Encounter, EncounterChange, Fault, RejectReason};
use compact_str::CompactString;

/// Default topic.
pub const TOPIC: &str = "encounters";
/// Longest name of a unit, in bytes of printable ASCII without spaces.
pub const MAX_UNIT_BYTES: usize = 32;

static TIMES: TimeFields =
    TimeFields { event: "event_time", issued: "issued", issued_required: false };

/// The changes on the wire.
pub const CHANGES: [(&str, EncounterChange); 3] = [
    ("admit", EncounterChange::Admit),
    ("transfer", EncounterChange::Transfer),
    ("discharge", EncounterChange::Discharge),
];

/// Reads one record. It has neither id, version nor status: corrections of stays are not handled yet.
///
/// # Errors
/// The first fault, in the order of the text; then what is missing.
pub fn decode(payload: &[u8]) -> Result<Encounter, Fault> {
    let mut header = Header::new(&TIMES);
    let (mut change, mut unit) = (None, None);
    json::read_record(payload, |name, reader| match name {
        "change" => header::set(&mut change, "change", reader, read_change),
        "unit" => header::set(&mut unit, "unit", reader, read_unit),
        "id" | "version" | "status" => Err(unknown_field()),
        _ if header.take(name, reader)? => Ok(()),
        _ => Err(unknown_field()),
    })?;
    let change = change.ok_or_else(|| missing("change"))?;
    let (patient, event_time, issued) = header.whom_and_when()?;
    Ok(Encounter { patient, change, event_time, issued, unit })
}

fn read_change(reader: &mut Reader<'_>, field: &'static str) -> Result<EncounterChange, Fault> {
    let text = reader.text(field)?;
    let known = CHANGES.iter().find(|(name, _)| *name == text);
    let unknown =
        || Fault::new(RejectReason::UnknownCode, "change must be admit, transfer or discharge");
    known.map(|(_, change)| *change).ok_or_else(unknown)
}

fn read_unit(reader: &mut Reader<'_>, field: &'static str) -> Result<CompactString, Fault> {
    let text = reader.text(field)?;
    let is_short = (1..=MAX_UNIT_BYTES).contains(&text.len());
    if is_short && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(CompactString::new(text));
    }
    let detail = format!("unit must be 1 to {MAX_UNIT_BYTES} printable ASCII bytes, no spaces");
    Err(Fault::new(RejectReason::UnknownCode, detail))
}

/// Appends an encounter as one JSON record.
pub fn encode(encounter: &Encounter, out: &mut String) {
    let mut writer = Writer::start(out);
    writer.text("patient", encounter.patient.as_str());
    writer.time(TIMES.event, encounter.event_time.as_millis());
    writer.time(TIMES.issued, encounter.issued.as_millis());
    let named = CHANGES.iter().find(|(_, change)| *change == encounter.change);
    writer.text("change", named.map_or("", |(name, _)| name));
    if let Some(unit) = &encounter.unit {
        writer.text("unit", unit);
    }
    writer.end();
}
