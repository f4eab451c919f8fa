//! Mistakes that published implementations make, none of which is made here.

use super::{complete, normal, of};
use latefusion::score::news2::{ClinicalBand, Parameter, Parameters, Spo2Scale, news2};

#[test]
fn the_published_mistake_of_scale_two_without_oxygen_is_not_made() {
    let on_air = Parameters { spo2: Some(97.0), scale: Spo2Scale::Two, ..normal() };
    assert_eq!(
        of(Parameter::Spo2, on_air),
        Some(0),
        "97 % on air is the target exceeded without help"
    );
    let unknown = news2(&Parameters { on_oxygen: None, ..on_air });
    assert_eq!((unknown.points[1], unknown.points[2], unknown.bounds), (None, None, [0, 5]));
    assert_eq!(
        unknown.missing.iter().collect::<Vec<_>>(),
        [Parameter::Oxygen],
        "the saturation was measured"
    );
    let below = Parameters { spo2: Some(87.0), on_oxygen: None, ..on_air };
    assert_eq!(
        of(Parameter::Spo2, below),
        Some(1),
        "below the target range oxygen does not matter"
    );
}

#[test]
fn the_published_mistake_of_all_missing_being_zero_and_low_is_not_made() {
    for unknown in [None, Some(f64::NAN), Some(f64::INFINITY)] {
        let got = news2(&Parameters { respiratory_rate: unknown, ..normal() });
        assert_eq!((got.total, got.points[0], got.bounds), (None, None, [0, 3]), "{unknown:?}");
        assert_eq!(got.band(), None, "a missing rate may be a red one");
    }
}

#[test]
fn the_published_mistake_of_consciousness_always_alert_is_not_made() {
    for acvpu in ['C', 'V', 'P', 'U'] {
        let got = news2(&complete(16.0, 98.0, (false, Spo2Scale::One), 120.0, 72.0, acvpu, 36.8));
        assert_eq!((got.total, got.band()), (Some(3), Some(ClinicalBand::LowMedium)), "{acvpu}");
    }
    assert_eq!(of(Parameter::Consciousness, Parameters { consciousness: None, ..normal() }), None);
}

#[test]
fn the_published_example_that_gives_a_normal_temperature_a_point_is_not_followed() {
    let got = news2(&complete(21.0, 93.0, (false, Spo2Scale::One), 120.0, 95.0, 'A', 37.5));
    assert_eq!(
        (got.points[6], got.total),
        (Some(0), Some(5)),
        "the published example says 1 and 6"
    );
}

#[test]
fn the_published_gaps_between_float_bands_are_closed() {
    let at = |set: fn(&mut Parameters, f64), value: f64, parameter| {
        let mut p = normal();
        set(&mut p, value);
        of(parameter, p)
    };
    let rate: fn(&mut Parameters, f64) = |p, v| p.respiratory_rate = Some(v);
    let systolic: fn(&mut Parameters, f64) = |p, v| p.systolic_pressure = Some(v);
    // Each of these scored 0 there.
    assert_eq!(at(|p, v| p.temperature = Some(v), 34.944, Parameter::Temperature), Some(3));
    assert_eq!(at(systolic, 70.5, Parameter::SystolicPressure), Some(3));
    assert_eq!(at(systolic, 80.5, Parameter::SystolicPressure), Some(3));
    assert_eq!(at(systolic, 90.5, Parameter::SystolicPressure), Some(2));
    assert_eq!(at(rate, 8.5, Parameter::RespiratoryRate), Some(1));
    assert_eq!(at(rate, 29.5, Parameter::RespiratoryRate), Some(3));
    assert_eq!(at(|p, v| p.pulse = Some(v), 129.5, Parameter::Pulse), Some(2));
    assert_eq!(at(|p, v| p.spo2 = Some(v), 91.4, Parameter::Spo2), Some(3));
}

#[test]
fn the_published_mistake_of_zero_as_the_default_rate_is_not_made() {
    assert_eq!(Parameters::default().respiratory_rate, None);
    let measured_zero = Parameters { respiratory_rate: Some(0.0), ..normal() };
    assert_eq!(of(Parameter::RespiratoryRate, measured_zero), Some(3), "apnoea is a value");
}
