use super::*;

const ID: ModalityId = ModalityId(2);

fn record(fields: &str) -> Result<Event, Fault> {
    let times = r#""study_time":"2026-11-23T08:15:00Z","report_time":"2026-11-23T09:20:00Z""#;
    let text = format!(r#"{{"patient":"p1",{times},"procedure":"xr_chest",{fields}}}"#);
    decode(text.as_bytes(), ID)
}

#[test]
fn structured_findings_are_kept_as_probabilities_and_silence_is_not_absence() {
    let fields =
        r#""findings":[{"name":"mass","probability":0.0},{"probability":0.8125,"name":"ards"}]"#;
    let event = record(fields).expect("accepted");
    let of = |name: &str| event.values.get(IMAGING.column(name).expect(name));
    assert_eq!((of("mass"), of("ards"), of("pneumothorax")), (Some(0), Some(8_125), None));
}

#[test]
fn structured_findings_win_over_the_text() {
    let fields = r#""findings":[{"name":"mass","probability":1}],"text":"anything""#;
    assert_eq!(record(fields).expect("accepted").values.len(), 1);
}

#[test]
fn a_text_that_nothing_reads_is_refused_as_unreadable() {
    for fields in [r#""text":"""#, r#""text":"","findings":[]"#, r#""text":"\u0000""#] {
        assert_eq!(record(fields).expect_err(fields).reason, RejectReason::UnreadableText);
    }
}

#[test]
fn a_withdrawal_needs_no_readable_report() {
    let event = record(r#""text":"","status":"entered-in-error""#).expect("accepted");
    assert!(event.values.is_empty());
}

#[test]
fn every_finding_fits_in_one_report() {
    let all: Vec<String> =
        FINDINGS.iter().map(|name| format!(r#"{{"name":"{name}","probability":0.5}}"#)).collect();
    let event = record(&format!(r#""findings":[{}]"#, all.join(","))).expect("accepted");
    assert_eq!(event.values.len(), FINDINGS.len());
}

#[test]
fn procedures_have_codes_with_check_digits() {
    let codes: Vec<&str> = PROCEDURES.iter().flat_map(|p| p.loinc.iter().copied()).collect();
    assert!(codes.len() >= 4 && codes.iter().all(|code| super::super::has_check_digit(code)));
}

#[test]
fn what_we_write_reads_back_as_the_same_event() {
    let mut random = fastrand::Rng::with_seed(13);
    for case in 0..1_000 {
        let mut event = record(r#""status":"final","id":"r1""#).expect("status only");
        for i in 0..COLUMNS.len() as u8 {
            if random.bool() {
                IMAGING.set(&mut event.values, i, random.f64()).expect("a probability");
            }
        }
        let mut text = String::new();
        let procedure = &PROCEDURES[random.usize(0..PROCEDURES.len())];
        encode(&event, procedure, Some("r1"), &mut text);
        assert_eq!(decode(text.as_bytes(), ID).as_ref(), Ok(&event), "case {case}: {text}");
    }
}
