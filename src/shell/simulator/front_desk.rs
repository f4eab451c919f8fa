//! Who is where: units, pseudonyms and the records of admissions, transfers and discharges.

use super::bed::Stay;
use super::input::Content;
use super::outbox::{Outbox, Sender, issue};
use super::random::Random;
use crate::types::{Encounter, EncounterChange, EventTime, Feed, PatientId, Span};
use compact_str::{CompactString, format_compact};

const WARDS: [&str; 3] = ["ward-a", "ward-b", "ward-c"];
const INTENSIVE_CARE: &str = "icu";
/// Severity from which a patient is moved to intensive care, and below which back.
const INTENSIVE_FROM: f64 = 0.7;
const INTENSIVE_BELOW: f64 = 0.4;

/// The ward that a bed belongs to.
pub(super) fn ward(bed: u32) -> &'static str {
    WARDS[bed as usize % WARDS.len()]
}

/// To intensive care when very ill, back to the ward when better.
pub(super) fn transfer(
    stay: &mut Stay,
    travel: &mut Random,
    bed: u32,
    now: EventTime,
    out: &mut Outbox<'_>,
) {
    let severity = stay.course.severity;
    let moves =
        if stay.intensive { severity < INTENSIVE_BELOW } else { severity >= INTENSIVE_FROM };
    if !moves {
        return;
    }
    stay.intensive = !stay.intensive;
    let unit = if stay.intensive { INTENSIVE_CARE } else { ward(bed) };
    let known = now + stay.random.skewed_span(Span::seconds(5), Span::minutes(20));
    let record = encounter(&stay.sender, EncounterChange::Transfer, now, known, Some(unit));
    out.send(travel, &stay.sender, Feed::Encounters, known, record);
}

pub(super) fn encounter(
    sender: &Sender,
    change: EncounterChange,
    at: EventTime,
    known: EventTime,
    unit: Option<&str>,
) -> Content {
    Content::Encounter(Encounter {
        patient: sender.patient.clone(),
        change,
        event_time: at,
        issued: issue(known),
        unit: unit.map(CompactString::new),
    })
}

/// The next pseudonym.
pub(super) fn pseudonym(patients: &mut u32) -> PatientId {
    *patients += 1;
    PatientId::new(&format_compact!("p{:06}", *patients)).expect("a letter and digits, and few")
}
