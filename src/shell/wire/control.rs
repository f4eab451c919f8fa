//! The records of `predictions` that hold no prediction: stays, heartbeats and activations.

use super::json::Object;
use super::parts::{
    lane_of, missing, offset, patient, position_of, time, word, word_of, write_lane, write_position,
};
use super::prediction::Record;
use super::topics::Names;
use crate::types::{
    Activation, EncounterChange, EventTime, Fault, Heartbeat, IssueTime, RejectReason, ScorerClock,
    Stay,
};
use std::sync::Arc;

const CHANGES: [(EncounterChange, &str); 3] = [
    (EncounterChange::Admit, "admit"),
    (EncounterChange::Transfer, "transfer"),
    (EncounterChange::Discharge, "discharge"),
];

pub(super) fn write_stay(object: &mut Object<'_>, stay: &Stay, names: &Names) {
    object.word("kind", "stay");
    object.text("patient", stay.patient.as_str());
    write_position(object, "source", stay.source, names);
    object.word("change", word_of(&CHANGES, &stay.change));
    object.time("event_time", stay.event_time.as_millis());
    object.time("issued", stay.issued.as_millis());
    if let Some(unit) = &stay.unit {
        object.text("unit", unit);
    }
}

pub(super) fn stay_of(record: &Record<'_>, names: &Names) -> Result<Stay, Fault> {
    Ok(Stay {
        source: position_of(record.source.as_ref(), names)?,
        patient: patient(record.patient.as_ref())?,
        change: word(&CHANGES, record.change.as_ref(), "change")?,
        event_time: EventTime::from_millis(time(record.event_time.as_ref(), "event_time")?),
        issued: IssueTime::from_millis(time(record.issued.as_ref(), "issued")?),
        unit: record.unit.as_deref().map(Into::into),
    })
}

/// A lane that has seen no event yet has no watermark: `null` on the wire, [`EventTime::MIN`] here.
pub(super) fn write_heartbeat(object: &mut Object<'_>, heartbeat: &Heartbeat, names: &Names) {
    object.word("kind", "heartbeat");
    let mut lane = object.object("lane");
    write_lane(&mut lane, heartbeat.lane, names);
    lane.end();
    object.whole("next_offset", heartbeat.next_offset);
    let watermark = (heartbeat.watermark != EventTime::MIN).then_some(heartbeat.watermark);
    object.optional_time("watermark", watermark.map(EventTime::as_millis));
    object.flag("idle", heartbeat.idle);
    object.time("clock", heartbeat.clock.as_millis());
    object.whole("lanes", heartbeat.lanes);
}

pub(super) fn heartbeat_of(record: &Record<'_>, names: &Names) -> Result<Heartbeat, Fault> {
    let watermark = match &record.watermark {
        Some(_) => EventTime::from_millis(time(record.watermark.as_ref(), "watermark")?),
        None => EventTime::MIN,
    };
    Ok(Heartbeat {
        lane: lane_of(record.lane.as_ref(), names)?,
        next_offset: offset(record.next_offset, "next_offset")?,
        watermark,
        idle: record.idle.ok_or_else(|| missing("idle"))?,
        clock: ScorerClock::from_millis(time(record.clock.as_ref(), "clock")?),
        lanes: record.lanes.ok_or_else(|| missing("lanes"))?,
    })
}

pub(super) fn write_activation(object: &mut Object<'_>, activation: &Activation) {
    object.word("kind", "activation");
    object.text("digest", &activation.digest);
    object.text("package", &activation.package);
}

/// Whether the digest is that of the package, and the package of any use, is fusion's to say.
pub(super) fn activation_of(record: &Record<'_>) -> Result<Activation, Fault> {
    let digest = record.digest.as_deref().ok_or_else(|| missing("digest"))?;
    let package = record.package.as_deref().ok_or_else(|| missing("package"))?;
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if digest.len() != 64 || !digest.bytes().all(is_hex) {
        let detail = "digest must be 64 lower-case hexadecimal digits";
        return Err(Fault::new(RejectReason::BadActivation, detail));
    }
    Ok(Activation { digest: digest.into(), package: Arc::from(package) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_named_as_serde_names_it() {
        for (change, name) in CHANGES {
            let wire = serde_json::to_string(&change).expect("a unit variant");
            assert_eq!(wire, format!("\"{name}\""));
        }
    }
}
