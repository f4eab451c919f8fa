//! `latefusion replay` of recorded topics, as the program itself does it.

use std::process::Command;

#[test]
fn a_record_that_was_refused_shows_as_rejected_as_in_the_running_pipeline() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let vitals = r#"{\"patient\":\"p1\",\"event_time\":\"2026-01-05T08:00:01Z\",\"heart_rate_per_min\":96,\"respiratory_rate_per_min\":22,\"spo2_percent\":93}"#;
    let labs = r#"{\"patient\":\"p1\",\"specimen_time\":\"2026-01-05T08:00:02Z\",\"result_time\":\"2026-01-05T08:00:02Z\",\"analyte\":\"lactate\",\"value\":2.5,\"unit\":\"furlong\"}"#;
    let recorded = |labs: &str| {
        format!(
            "{{\"topic\":\"vitals\",\"ts\":1767600001000,\"key\":\"p1\",\"payload\":\"{vitals}\"}}\n\
             {{\"topic\":\"labs\",\"ts\":1767600002000,\"key\":\"p1\",\"payload\":\"{labs}\"}}\n"
        )
    };
    // What the last fused score says of labs.
    let labs_said = |name: &str, payload: &str| {
        let (events, fused) =
            (path(&format!("{name}.jsonl")), path(&format!("{name}-fused.jsonl")));
        std::fs::write(&events, recorded(payload)).expect("the folder is there");
        let mut program = Command::new(env!("CARGO_BIN_EXE_latefusion"));
        program.args(["replay", "--profile", "ward", "--out"]).arg(&fused).arg(&events);
        let output = program.output().expect("the program can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(fused).expect("fused scores were written");
        let last = text.lines().last().expect("one at least").to_owned();
        let score: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(score["modalities"]["vitals"]["presence"], "present", "{last}");
        score["modalities"]["labs"].clone()
    };
    let refused = labs_said("refused", labs);
    assert_eq!(refused["presence"], "absent", "{refused}");
    assert_eq!(refused["why"], "rejected", "{refused}");
    let good = labs_said("good", &labs.replace("furlong", "mmol/L"));
    assert_eq!(good["presence"], "present", "{good}");
}
