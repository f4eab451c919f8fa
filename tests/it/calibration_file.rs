//! Calibration maps as files: what is read, what is refused and how much of it at once.

use latefusion::score::calibration::{Between, CalibrationMap, Curve};

const PROVENANCE: &str = "
[provenance]
data_set = \"cinc2012 a+b\"
outcome = \"in-hospital death\"
patients = 8000
events = 1122
date = \"2026-01-31\"
command = \"latefusion calibrate\"
";

fn mistakes(text: &str) -> Vec<String> {
    let found = CalibrationMap::parse(text).expect_err("the map is refused");
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn both_kinds_are_read_and_come_back_to_the_last_bit() {
    let platt =
        format!("model = \"news2-hourly@1\"\n[platt]\nslope = 0.1\nintercept = -4{PROVENANCE}");
    let isotonic = format!(
        "model = \"x@2\"\n[isotonic]\nbetween = \"step\"\nknots = [[0, 0.1], [0.30000000000000004, 0.1], [7, 1]]{PROVENANCE}"
    );
    for text in [platt, isotonic] {
        let map = CalibrationMap::parse(&text).expect("valid");
        assert_eq!(CalibrationMap::parse(&map.to_toml()), Ok(map));
    }
}

#[test]
fn what_was_read_is_what_was_written() {
    let text = format!(
        "model = \"x@2\"\n[isotonic]\nbetween = \"linear\"\nknots = [[0, 0.1], [2.5, 1]]{PROVENANCE}"
    );
    let map = CalibrationMap::parse(&text).expect("valid");
    assert_eq!(
        *map.curve(),
        Curve::Isotonic { knots: vec![[0.0, 0.1], [2.5, 1.0]], between: Between::Linear }
    );
    assert_eq!(
        (map.model(), map.provenance().patients, map.provenance().events),
        ("x@2", 8000, 1122)
    );
}

#[test]
fn every_mistake_of_shape_is_listed_at_once() {
    let found = mistakes(
        "modell = \"x@1\"\n[platt]\nslope = \"steep\"\nbend = 1\n[provenance]\ndata_set = 3\npatients = -1\nevents = 2.5\n",
    );
    let expected = [
        "modell: no such key",
        "model: must be a text",
        "platt.bend: no such key",
        "platt.slope: must be a number",
        "platt.intercept: must be a number",
        "provenance.data_set: must be a text",
        "provenance.outcome: must be a text",
        "provenance.date: must be a text",
        "provenance.command: must be a text",
        "provenance.patients: must be a whole number",
        "provenance.events: must be a whole number",
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_mistake_of_value_is_listed_at_once() {
    let found = mistakes(
        "model = \"x\"\n[platt]\nslope = -1\nintercept = nan\n[provenance]\ndata_set = \" \"\noutcome = \"death\"\n\
         patients = 3\nevents = 3\ndate = \"31.1.2026\"\ncommand = \"\"\n",
    );
    let paths: Vec<&str> = found.iter().filter_map(|m| m.split(':').next()).collect();
    let expected = [
        "model",
        "platt.slope",
        "platt.intercept",
        "provenance.patients",
        "provenance.date",
        "provenance.data_set",
        "provenance.command",
    ];
    assert_eq!(paths, expected, "{found:?}");
}

#[test]
fn knots_that_fall_repeat_or_leave_the_unit_interval_are_refused() {
    let with = |knots: &str| {
        mistakes(&format!(
            "model = \"x@1\"\n[isotonic]\nbetween = \"step\"\nknots = {knots}{PROVENANCE}"
        ))
    };
    assert_eq!(with("[]"), ["isotonic.knots: must be 1 to 10000 knots"]);
    assert_eq!(with("[[1, 0.1], [1, 0.2]]"), ["isotonic.knots: scores must rise strictly"]);
    assert_eq!(with("[[1, 0.3], [2, 0.2]]"), ["isotonic.knots: risks must never fall"]);
    assert_eq!(with("[[1, 0.3], [2, 1.2]]"), ["isotonic.knots: risks must be within 0..=1"]);
    assert_eq!(with("[[inf, 0.3]]"), ["isotonic.knots: scores must be finite"]);
    assert_eq!(with("[[1, 0.3, 4]]"), ["isotonic.knots: must be a list of pairs [score, risk]"]);
}

#[test]
fn a_map_is_one_kind_and_a_text_that_is_no_toml_is_one_mistake() {
    let both = format!(
        "model = \"x@1\"\n[platt]\nslope = 1\nintercept = 0\n[isotonic]\nknots = []{PROVENANCE}"
    );
    let refused = "platt: exactly one of `platt` and `isotonic` must be there";
    assert_eq!(mistakes(&both), [refused]);
    assert_eq!(mistakes(&format!("model = \"x@1\"{PROVENANCE}")), [refused]);
    assert_eq!(mistakes("model = ").len(), 1);
}
