use super::*;

const ID: ModalityId = ModalityId(1);

fn record(fields: &str) -> Result<Event, Fault> {
    let times = r#""specimen_time":"2026-11-23T08:15:00Z","result_time":"2026-11-23T08:55:00Z""#;
    decode(format!(r#"{{"patient":"p1",{times},{fields}}}"#).as_bytes(), ID)
}

fn value(analyte: &str, value: &str, unit: &str) -> (u8, f64) {
    let fields = format!(r#""analyte":"{analyte}","value":{value},"unit":"{unit}""#);
    let event = record(&fields).expect(&fields);
    let (column, steps) = event.values.iter().next().expect("one value");
    (column, COLUMNS[usize::from(column)].to_value(steps))
}

#[test]
fn every_column_holds_its_plausible_range() {
    for column in &COLUMNS {
        for edge in column.plausible {
            let steps = column.to_steps(edge).expect(column.name);
            let half_a_step = 0.5 / column.steps_per_unit;
            assert!((column.to_value(steps) - edge).abs() <= half_a_step, "{}", column.name);
        }
    }
}

#[test]
fn name_and_code_lead_to_the_same_column_in_the_same_unit() {
    let (bun, value_of_bun) = value("bun", "20", "mg/dL");
    assert_eq!((bun, value_of_bun), (0, 20.0));
    assert_eq!(value("urea", "42.8", "mg/dL"), (0, 20.0), "whole urea is not its nitrogen");
    assert_eq!(value("urea", "7.1", "mmol/L"), (0, 19.9));
    assert_eq!(value("creatinine", "106", "umol/L").1, 1.2);
    assert_eq!(value("fio2", "0.4", "1").1, 40.0);
    assert_eq!(value("fio2", "40", "%").1, 40.0);
    let by_code = record(r#""loinc":"2160-0","value":1.2,"unit":"mg/dL""#).expect("accepted");
    assert_eq!(by_code.values.get(1), Some(120));
}

#[test]
fn a_comparator_gives_the_nearest_value_that_satisfies_it() {
    let cases = [
        ("troponin_t", r#""<0.01""#, "ng/mL", 0.009),
        ("troponin_t", r#""<14""#, "ng/L", 0.013),
        ("troponin_t", r#""<=0.01""#, "ng/mL", 0.01),
        ("lactate", r#"">15""#, "mmol/L", 15.01),
        ("lactate", r#"">=15.0""#, "mmol/L", 15.0),
        ("lactate", r#""<2""#, "mmol/L", 1.99),
        ("creatinine", r#"">1.1""#, "mg/dL", 1.11),
        ("wbc", r#""<0.05""#, "10*9/L", 0.04),
        ("wbc", r#"">0.05""#, "10*9/L", 0.06),
    ];
    for (analyte, text, unit, expected) in cases {
        assert_eq!(value(analyte, text, unit).1, expected, "{analyte} {text}");
    }
    for text in
        ["<", "<-1", "< 5", "5", "~5", "<1e3", "<.5", "<5.", "<1.2.3", "<<5", "", "<\u{665}"]
    {
        let fields = format!(r#""analyte":"lactate","value":"{text}","unit":"mmol/L""#);
        assert_eq!(record(&fields).expect_err(text).reason, RejectReason::WrongType, "{text}");
    }
}

#[test]
fn codes_of_other_fluids_are_unknown() {
    // Glucose in pleural fluid and in body fluid, creatinine in urine, unspecified-blood pH, urea nitrogen in moles.
    for code in ["2347-3", "2344-0", "2161-8", "11558-4", "14937-7"] {
        assert!(super::super::has_check_digit(code), "{code} is a code at all");
        let fault = record(&format!(r#""loinc":"{code}","value":5,"unit":"mg/dL""#));
        assert_eq!(fault.expect_err(code).reason, RejectReason::UnknownCode);
    }
}

#[test]
fn a_result_to_come_and_its_result_have_the_same_id() {
    let registered = record(r#""analyte":"lactate","status":"registered""#).expect("accepted");
    let result = record(r#""loinc":"32693-4","value":2.2,"unit":"mmol/L""#).expect("accepted");
    assert_eq!(registered.id, result.id);
    assert!(registered.values.is_empty());
    let other = record(r#""analyte":"crp","status":"registered""#).expect("accepted");
    assert_ne!(registered.id, other.id);
}

#[test]
fn a_result_is_known_only_when_issued() {
    let event = record(r#""analyte":"crp","value":5,"unit":"mg/L""#).expect("accepted");
    assert_eq!(event.issued.as_millis() - event.event_time.as_millis(), 40 * 60_000);
}

#[test]
fn what_we_write_reads_back_as_the_same_event() {
    let mut random = fastrand::Rng::with_seed(12);
    for case in 0..2_000 {
        let i = random.usize(0..COLUMNS.len());
        let [lowest, highest] = COLUMNS[i].plausible;
        let mut event = record(r#""analyte":"crp","status":"registered","id":"r1""#).expect("ok");
        let is_registered = random.u8(0..10) == 0;
        if !is_registered {
            event.status = EventStatus::Corrected;
            let value = lowest + (highest - lowest) * random.f64();
            LABS.set(&mut event.values, i as u8, value).expect("plausible");
        }
        let mut text = String::new();
        encode(&event, i as u8, Some("r1"), &mut text);
        assert_eq!(decode(text.as_bytes(), ID).as_ref(), Ok(&event), "case {case}: {text}");
    }
}
