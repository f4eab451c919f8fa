use super::*;
use crate::types::{ObservationId, PatientId};

const ID: ModalityId = ModalityId(0);

fn record(fields: &str) -> Result<Event, Fault> {
    let text = format!(r#"{{"patient":"p1","event_time":"2026-11-23T08:15:00.250Z",{fields}}}"#);
    decode(text.as_bytes(), ID)
}

fn value(fields: &str, column: &str) -> Option<f64> {
    let event = record(fields).expect(fields);
    let column = VITALS.column(column).expect(column);
    event.values.get(column).map(|steps| COLUMNS[usize::from(column)].to_value(steps))
}

#[test]
fn every_column_holds_its_plausible_range_and_nothing_beyond() {
    for column in &COLUMNS {
        let [lowest, highest] = column.plausible;
        for edge in [lowest, highest] {
            let steps = column.to_steps(edge).expect(column.name);
            assert!((column.to_value(steps) - edge).abs() < 1e-9, "{}", column.name);
        }
        let beyond = [lowest - 0.001, highest + 0.001, f64::NAN, f64::INFINITY];
        for value in beyond {
            assert!(column.to_steps(value).is_err(), "{} {value}", column.name);
        }
    }
}

#[test]
fn a_quantity_is_converted_and_a_plain_number_is_taken_as_it_is() {
    let fahrenheit = r#""temperature":{"unit":"[degF]","value":94.9}"#;
    assert_eq!(value(fahrenheit, "temperature_celsius"), Some(34.94));
    assert_eq!(value(r#""temperature_celsius":36.05"#, "temperature_celsius"), Some(36.05));
    let kilopascal = r#""mean_pressure":{"value":10,"unit":"kPa"}"#;
    assert_eq!(value(kilopascal, "mean_pressure_mmhg"), Some(75.0));
}

#[test]
fn unknown_oxygen_is_missing_and_never_air() {
    assert_eq!(value(r#""spo2_percent":93"#, "oxygen"), None);
    assert_eq!(value(r#""oxygen_flow_l_per_min":0"#, "oxygen"), None);
    assert_eq!(value(r#""oxygen":"air""#, "oxygen"), Some(0.0));
    assert_eq!(value(r#""oxygen":"supplemental""#, "oxygen"), Some(1.0));
}

#[test]
fn consciousness_counts_up_from_alert_to_unresponsive() {
    for (i, letter) in ACVPU.iter().enumerate() {
        let fields = format!(r#""consciousness":"{letter}""#);
        assert_eq!(value(&fields, "consciousness"), Some(i as f64));
    }
}

#[test]
fn the_id_does_not_depend_on_the_order_of_fields_but_on_what_was_observed() {
    let id = |fields: &str| record(fields).expect(fields).id;
    let one = id(r#""heart_rate_per_min":70,"spo2_percent":97"#);
    assert_eq!(one, id(r#""spo2_percent":90,"heart_rate_per_min":71"#), "values do not count");
    assert_ne!(one, id(r#""heart_rate_per_min":70"#));
    assert_ne!(one, id(r#""heart_rate_per_min":70,"spo2_percent":97,"id":"x""#));
    assert_eq!(id(r#""id":"x""#), ObservationId(header::hash(b"x")), "stable across versions");
    assert_eq!(one, ObservationId(9_805_725_026_492_507_932), "stable across versions");
}

#[test]
fn an_issue_time_before_the_event_time_is_moved_up_to_it() {
    let early = record(r#""heart_rate_per_min":70,"issued":"2026-11-23T08:00:00Z""#);
    let event = early.expect("accepted");
    assert_eq!(event.issued.as_millis(), event.event_time.as_millis());
    let late = record(r#""heart_rate_per_min":70,"issued":"2026-11-23T09:16:00+01:00""#);
    let event = late.expect("accepted");
    assert_eq!(event.issued.as_millis() - event.event_time.as_millis(), 59_750);
}

#[test]
fn a_withdrawn_observation_carries_no_values() {
    let event = record(r#""heart_rate_per_min":70,"status":"entered-in-error""#).expect("accepted");
    assert!(event.values.is_empty() && event.status.withdraws());
    let original = record(r#""heart_rate_per_min":70"#).expect("accepted");
    assert_eq!(event.id, original.id, "the withdrawal finds what it withdraws");
}

#[test]
fn escapes_in_names_and_values_are_read() {
    let event = record(r#""heart_r\u0061te_per_min":70,"id":"\u00b5\ud83d\ude00\"\\\/\n""#);
    assert_eq!(event.expect("accepted").id.0, header::hash("\u{b5}\u{1f600}\"\\/\n".as_bytes()));
    for broken in [r"\ud83d", r"\ude00", r"\ud83d\u0041", r"\x41", r"\u12g4", r"\u+123", "\n"] {
        let fault = record(&format!(r#""heart_rate_per_min":70,"id":"{broken}""#));
        assert_eq!(fault.expect_err(broken).reason, RejectReason::Undecodable, "{broken}");
    }
}

#[test]
fn a_fault_never_repeats_what_the_record_said() {
    let marker = "MARKER17";
    let cases = [
        format!(r#""{marker}":1"#),
        format!(r#""temperature":{{"value":37,"unit":"{marker}"}}"#),
        format!(r#""consciousness":"{marker}""#),
        format!(r#""status":"{marker}""#),
        format!(r#""issued":"{marker}""#),
        format!(r#""heart_rate_per_min":"{marker}""#),
        format!(r#""patient":"{marker}""#),
        format!(r#""heart_rate_per_min":{marker}"#),
    ];
    for fields in cases {
        let fault = record(&fields).expect_err(&fields);
        assert!(!fault.to_string().contains(marker), "{fault}");
    }
    let bad = format!(r#"{{"patient":"{marker} {marker}"}}"#);
    let fault = decode(bad.as_bytes(), ID).expect_err("a space in the id");
    assert!(!fault.to_string().contains(marker), "{fault}");
}

#[test]
fn giants_and_deep_nesting_are_refused_at_once() {
    let giant = vec![b' '; 10_000_000];
    assert_eq!(decode(&giant, ID).expect_err("too long").reason, RejectReason::Oversized);
    let nested = format!(r#""heart_rate_per_min":{}"#, "[".repeat(500_000));
    assert_eq!(record(&nested).expect_err("nested").reason, RejectReason::WrongType);
    let nested = format!(r#""other":{}"#, "{\"a\":".repeat(100_000));
    assert_eq!(record(&nested).expect_err("nested").reason, RejectReason::UnknownField);
}

#[test]
fn what_we_write_reads_back_as_the_same_event() {
    let mut random = fastrand::Rng::with_seed(11);
    for case in 0..2_000 {
        let mut values = Values::default();
        for (i, column) in COLUMNS.iter().enumerate() {
            if random.bool() || i == 0 {
                let [lowest, highest] = column.plausible;
                let value = lowest + (highest - lowest) * random.f64();
                VITALS.set(&mut values, i as u8, value).expect(column.name);
            }
        }
        let mut event = record(r#""id":"r \" 1""#).expect("accepted");
        event.patient = PatientId::new("p\"\\1").expect("printable");
        (event.values, event.version) = (values, random.u32(..));
        let mut text = String::new();
        encode(&event, Some("r \" 1"), &mut text);
        assert_eq!(decode(text.as_bytes(), ID).as_ref(), Ok(&event), "case {case}: {text}");
    }
}
