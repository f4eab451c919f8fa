//! The `availability` topic: one record for every partition of `predictions` and every window end, patients or not.

use super::json::{Entries, Object, Text, read, record};
use super::parts::{check_schema, missing, time, unusable};
use super::topics::Names;
use crate::types::{
    Absence, Availability, EventTime, Fault, IngestTime, ModalityAvailability, ModalityId, Window,
};

const SCHEMA: &str = "availability/1";

record! {
    /// One availability record.
    struct Record {
        schema: Text<'a>,
        partition: u32,
        window_start: Text<'a>,
        window_end: Text<'a>,
        active: u32,
        complete: bool,
        ingest_time: Text<'a>,
        modalities: Entries<'a, Part<'a>>,
    }
}

record! {
    /// The counts of one modality.
    struct Part {
        expected: u32,
        fresh: u32,
        absent: Entries<'a, u32>,
    }
}

/// Appends an availability record as one JSON object.
pub fn encode_availability(availability: &Availability, names: &Names, out: &mut Vec<u8>) {
    out.reserve(1_024);
    let mut object = Object::start(out);
    object.word("schema", SCHEMA);
    object.whole("partition", availability.partition);
    object.time("window_start", availability.window.start().as_millis());
    object.time("window_end", availability.window.end().as_millis());
    object.whole("active", availability.active);
    object.flag("complete", availability.complete);
    object.time("ingest_time", availability.ingest_time.as_millis());
    let mut modalities = object.object("modalities");
    for (id, counts) in (0..).map(ModalityId).zip(&availability.modalities) {
        let mut part = modalities.object(names.modality(id));
        part.whole("expected", counts.expected);
        part.whole("fresh", counts.fresh);
        let mut absent = part.object("absent");
        for (absence, count) in Absence::ALL.iter().zip(counts.absent) {
            absent.whole(absence.name(), count);
        }
        absent.end();
        part.end();
    }
    modalities.end();
    object.end();
}

/// Reads an availability record. A modality of the configuration that the record does not name counts zero everywhere;
/// one that the configuration does not know is ignored, and so is an unknown kind of absence.
///
/// # Errors
/// As [`super::decode_entry`].
pub fn decode_availability(payload: &[u8], names: &Names) -> Result<Availability, Fault> {
    let record: Record<'_> = read(payload)?;
    check_schema(record.schema.as_ref(), SCHEMA)?;
    let end = EventTime::from_millis(time(record.window_end.as_ref(), "window_end")?);
    let start = EventTime::from_millis(time(record.window_start.as_ref(), "window_start")?);
    if end <= start {
        return Err(unusable("a window that ends before it begins"));
    }
    let mut modalities = vec![ModalityAvailability::default(); names.modalities()];
    for (name, part) in record.modalities.ok_or_else(|| missing("modalities"))?.0 {
        let known = names.find_modality(&name).and_then(|id| modalities.get_mut(id.index()));
        if let Some(counts) = known {
            *counts = counts_of(&part)?;
        }
    }
    Ok(Availability {
        partition: record.partition.ok_or_else(|| missing("partition"))?,
        window: Window::ending(end, end - start),
        active: record.active.ok_or_else(|| missing("active"))?,
        modalities,
        ingest_time: IngestTime::from_millis(time(record.ingest_time.as_ref(), "ingest_time")?),
        complete: record.complete.ok_or_else(|| missing("complete"))?,
    })
}

fn counts_of(part: &Part<'_>) -> Result<ModalityAvailability, Fault> {
    let counted = part.absent.as_ref().ok_or_else(|| missing("absent"))?;
    let mut absent = [0; Absence::ALL.len()];
    for (count, absence) in absent.iter_mut().zip(Absence::ALL) {
        let found = counted.0.iter().find(|(name, _)| **name == *absence.name());
        *count = found.ok_or_else(|| missing(absence.name()))?.1;
    }
    Ok(ModalityAvailability {
        expected: part.expected.ok_or_else(|| missing("expected"))?,
        fresh: part.fresh.ok_or_else(|| missing("fresh"))?,
        absent,
    })
}
