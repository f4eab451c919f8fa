//! Record keys and the one header that travels on.
//!
//! | topic | record | key | partition |
//! |---|---|---|---|
//! | `predictions` | scored, stay | patient id | by key |
//! | `predictions` | heartbeat | ` heartbeat/{topic}/{epoch}/{partition}` of its source lane | each, explicitly |
//! | `predictions` | activation | ` activation` | each, explicitly |
//! | `fused-scores` | all | patient id | by key |
//! | `availability` | all | partition of `predictions`, decimal | by key |
//! | `dead-letters` | all | `{topic}/{epoch}/{partition}/{offset}` of the record | by key |
//!
//! The keys of heartbeats and activations begin with a space, which no patient id can.

use super::dead_letter::RecordPlace;
use super::json::whole;
use super::topics::Names;
use crate::types::{Availability, Fault, FusedScore, LogEntry, RejectReason, SourceLane};

/// Header of W3C Trace Context; passed on from the source record to what is made from it.
pub const TRACEPARENT: &str = "traceparent";

/// Appends the key of a record of `predictions`.
pub fn write_entry_key(entry: &LogEntry, names: &Names, out: &mut Vec<u8>) {
    match entry {
        LogEntry::Scored(scored) => out.extend_from_slice(scored.patient.as_str().as_bytes()),
        LogEntry::Stay(stay) => out.extend_from_slice(stay.patient.as_str().as_bytes()),
        LogEntry::Activation(_) => out.extend_from_slice(b" activation"),
        LogEntry::Heartbeat(heartbeat) => {
            let SourceLane { feed, epoch, partition } = heartbeat.lane;
            out.extend_from_slice(b" heartbeat/");
            write_path(out, names.topic(feed), epoch, partition);
        }
    }
}

/// Appends the key of a record of `fused-scores`.
pub fn write_fused_score_key(score: &FusedScore, out: &mut Vec<u8>) {
    out.extend_from_slice(score.patient.as_str().as_bytes());
}

/// Appends the key of a record of `availability`.
pub fn write_availability_key(availability: &Availability, out: &mut Vec<u8>) {
    whole(out, availability.partition);
}

/// Appends the key of a record of `dead-letters`.
pub fn write_dead_letter_key(source: &RecordPlace, out: &mut Vec<u8>) {
    write_path(out, &source.topic, source.epoch, source.partition);
    out.push(b'/');
    whole(out, source.offset);
}

fn write_path(out: &mut Vec<u8>, topic: &str, epoch: u32, partition: u32) {
    out.extend_from_slice(topic.as_bytes());
    for number in [epoch, partition] {
        out.push(b'/');
        whole(out, number);
    }
}

/// True where a key of `predictions` may be a patient's; false for heartbeats and activations.
pub fn is_patient_key(key: &[u8]) -> bool {
    key.first().is_some_and(|byte| *byte != b' ')
}

/// Compares a decoded entry with its record's key.
///
/// # Errors
/// `KeyMismatch`: another patient's key, a patient's entry without one, or a patient's key on an entry of no patient.
pub fn check_key(entry: &LogEntry, key: Option<&[u8]>) -> Result<(), Fault> {
    let patient = match entry {
        LogEntry::Scored(scored) => Some(&scored.patient),
        LogEntry::Stay(stay) => Some(&stay.patient),
        LogEntry::Heartbeat(_) | LogEntry::Activation(_) => None,
    };
    let agrees = match patient {
        Some(patient) => key == Some(patient.as_str().as_bytes()),
        None => !key.is_some_and(is_patient_key),
    };
    let detail = "the key does not name the one whom the payload is about";
    if agrees { Ok(()) } else { Err(Fault::new(RejectReason::KeyMismatch, detail)) }
}

/// The trace context among a record's headers, if it is well formed (`00-{32 hex}-{16 hex}-{2 hex}`); the last one
/// counts. What is malformed is not passed on.
pub fn traceparent<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Option<&'a [u8]> {
    let found = headers.filter(|(name, _)| *name == TRACEPARENT).last();
    found.map(|(_, value)| value).filter(|value| is_traceparent(value))
}

fn is_traceparent(value: &[u8]) -> bool {
    let well_formed = |(at, byte): (usize, &u8)| match at {
        2 | 35 | 52 => *byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(byte),
    };
    value.len() == 55 && value.starts_with(b"00-") && value.iter().enumerate().all(well_formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_trace_context_is_passed_on() {
        let good: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let headers = |value| [("other", &b"x"[..]), (TRACEPARENT, value)].into_iter();
        assert_eq!(traceparent(headers(good)), Some(good));
        let upper = good.to_ascii_uppercase();
        for bad in [&good[..54], b"", b"patient-17", &upper] {
            assert_eq!(traceparent(headers(bad)), None);
        }
        assert_eq!(traceparent(std::iter::empty()), None);
    }

    #[test]
    fn no_key_of_a_heartbeat_or_activation_can_be_a_patient() {
        for key in [&b" activation"[..], b" heartbeat/vitals/0/3", b""] {
            assert!(!is_patient_key(key));
        }
        assert!(is_patient_key(b"p-17"));
    }
}
