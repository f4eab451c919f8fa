//! NEWS2 against worked examples, against a second table written as the chart prints it, and against the
//! mistakes that published implementations make.

mod chart;
mod missing;
mod mistakes;

use latefusion::score::news2::{Consciousness, Parameter, Parameters, Spo2Scale, news2};

const A: Option<Consciousness> = Some(Consciousness::Alert);

fn complete(
    rr: f64,
    spo2: f64,
    (oxygen, scale): (bool, Spo2Scale),
    sbp: f64,
    pulse: f64,
    alert: char,
    t: f64,
) -> Parameters {
    let consciousness = match alert {
        'A' => Consciousness::Alert,
        'C' => Consciousness::NewConfusion,
        'V' => Consciousness::Voice,
        'P' => Consciousness::Pain,
        _ => Consciousness::Unresponsive,
    };
    Parameters {
        respiratory_rate: Some(rr),
        spo2: Some(spo2),
        scale,
        on_oxygen: Some(oxygen),
        systolic_pressure: Some(sbp),
        pulse: Some(pulse),
        consciousness: Some(consciousness),
        gcs_total: None,
        temperature: Some(t),
    }
}

fn normal() -> Parameters {
    complete(16.0, 98.0, (false, Spo2Scale::One), 120.0, 72.0, 'A', 36.8)
}

fn of(parameter: Parameter, parameters: Parameters) -> Option<u8> {
    news2(&parameters).points[parameter as usize]
}

#[test]
fn the_worked_examples_come_out() {
    // RR, SpO2, oxygen, scale, systolic, pulse, ACVPU, temperature; the points in that order; total; band.
    #[rustfmt::skip]
    let examples = "
        16 98 air 1 120  72 A 36.8  0 0 0 0 0 0 0   0 Low
        25 96 air 1 120  80 A 37.0  3 0 0 0 0 0 0   3 LowMedium
        22 93 O2  1 108 112 A 38.6  2 2 2 1 2 0 1  10 High
         8 85 O2  1  85  38 U 34.5  3 3 2 3 3 3 3  20 High
        20 88 air 1 130  88 A 37.2  0 3 0 0 0 0 0   3 LowMedium
        20 96 air 2 130  88 A 37.2  0 0 0 0 0 0 0   0 Low
        12 96 air 1 111  51 A 36.1  0 0 0 0 0 0 0   0 Low
        11 95 air 1 110  50 A 36.0  1 1 0 1 1 0 1   5 Medium
         9 92 O2  1 100  41 P 35.1  1 2 2 2 1 3 1  12 High
        25 97 O2  2  90 131 A 39.1  3 3 2 3 3 0 2  16 High
        17 91 air 1 112 111 A 36.5  0 3 0 0 2 0 0   5 Medium
        14 86 air 2 140  60 A 36.6  0 1 0 0 0 0 0   1 Low
        19 93 O2  2 130  80 A 37.0  0 1 2 0 0 0 0   3 Low
        19 95 O2  2 130  80 A 37.0  0 2 2 0 0 0 0   4 Low
        21 93 air 1 120  95 A 37.5  2 2 0 0 1 0 0   5 Medium";
    let mut compared = 0;
    for line in examples.lines().filter(|line| !line.trim().is_empty()) {
        let word: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| word[i].parse::<f64>().expect("a number");
        let scale = if word[3] == "2" { Spo2Scale::Two } else { Spo2Scale::One };
        let acvpu = word[6].chars().next().expect("a letter");
        let got = news2(&complete(
            number(0),
            number(1),
            (word[2] == "O2", scale),
            number(4),
            number(5),
            acvpu,
            number(7),
        ));
        let points: Vec<Option<u8>> = (8..15).map(|i| word[i].parse().ok()).collect();
        assert_eq!(got.points.to_vec(), points, "{line}");
        assert_eq!(got.total, word[15].parse().ok(), "{line}");
        assert_eq!(format!("{:?}", got.band()), format!("Some({})", word[16]), "{line}");
        compared += 1;
    }
    assert_eq!(compared, 15);
}

#[test]
fn a_wrong_scale_changes_the_score_of_the_same_patient() {
    let patient =
        |scale| news2(&complete(20.0, 88.0, (false, scale), 130.0, 88.0, 'A', 37.2)).total;
    assert_eq!((patient(Spo2Scale::One), patient(Spo2Scale::Two)), (Some(3), Some(0)));
}

#[test]
fn the_coma_scale_stands_in_for_consciousness_only_where_that_is_missing() {
    let with = |consciousness, gcs_total| {
        of(Parameter::Consciousness, Parameters { consciousness, gcs_total, ..normal() })
    };
    assert_eq!(
        (with(None, Some(15.0)), with(None, Some(14.0)), with(None, Some(3.0))),
        (Some(0), Some(3), Some(3))
    );
    assert_eq!(with(A, Some(14.0)), Some(0), "long-standing confusion charted as alert");
    assert_eq!(with(Some(Consciousness::NewConfusion), Some(15.0)), Some(3));
    assert_eq!(with(None, None), None);
}
