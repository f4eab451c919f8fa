//! Every band, every boundary, both scales, on air and on oxygen.

use super::{A, complete, normal, of};
use latefusion::score::news2::{ClinicalBand, Parameter, Parameters, Spo2Scale, news2};

/// The chart as printed: for each parameter its cells as (lowest, highest, points), both ends included, in
/// whole units (temperature: tenths). Written independently of the code under test, which holds upper ends only.
type Cells = &'static [(i32, i32, u8)];
const RR: Cells = &[(0, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, 999, 3)];
const SCALE_1: Cells = &[(0, 91, 3), (92, 93, 2), (94, 95, 1), (96, 999, 0)];
const SCALE_2_AIR: Cells = &[(0, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, 999, 0)];
const SCALE_2_O2: Cells =
    &[(0, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, 94, 1), (95, 96, 2), (97, 999, 3)];
const SBP: Cells = &[(0, 90, 3), (91, 100, 2), (101, 110, 1), (111, 219, 0), (220, 999, 3)];
const PULSE: Cells =
    &[(0, 40, 3), (41, 50, 1), (51, 90, 0), (91, 110, 1), (111, 130, 2), (131, 999, 3)];
const TEMPERATURE: Cells =
    &[(0, 350, 3), (351, 360, 1), (361, 380, 0), (381, 390, 1), (391, 999, 2)];

fn cell(cells: Cells, charted: i32) -> u8 {
    let mut found = cells.iter().filter(|(low, high, _)| (*low..=*high).contains(&charted));
    let (_, _, points) = found.next().expect("the chart covers every value");
    assert!(found.next().is_none(), "the chart has one cell for {charted}");
    *points
}

fn spo2_cells(scale: Spo2Scale, oxygen: bool) -> Cells {
    match (scale, oxygen) {
        (Spo2Scale::One, _) => SCALE_1,
        (Spo2Scale::Two, false) => SCALE_2_AIR,
        (Spo2Scale::Two, true) => SCALE_2_O2,
    }
}

#[test]
fn every_charted_value_scores_as_the_chart_prints_it() {
    let mut compared = 0;
    for charted in 0..=320 {
        let value = Some(f64::from(charted));
        let cases = [
            (Parameter::RespiratoryRate, Parameters { respiratory_rate: value, ..normal() }, RR),
            (Parameter::SystolicPressure, Parameters { systolic_pressure: value, ..normal() }, SBP),
            (Parameter::Pulse, Parameters { pulse: value, ..normal() }, PULSE),
        ];
        for (parameter, parameters, cells) in cases {
            assert_eq!(
                of(parameter, parameters),
                Some(cell(cells, charted)),
                "{parameter:?} {charted}"
            );
            compared += 1;
        }
    }
    for tenths in 200..=450 {
        let got = of(
            Parameter::Temperature,
            Parameters { temperature: Some(f64::from(tenths) / 10.0), ..normal() },
        );
        assert_eq!(got, Some(cell(TEMPERATURE, tenths)), "{tenths} tenths");
        compared += 1;
    }
    for (scale, oxygen) in [
        (Spo2Scale::One, false),
        (Spo2Scale::One, true),
        (Spo2Scale::Two, false),
        (Spo2Scale::Two, true),
    ] {
        for percent in 0..=100 {
            let spo2 = Some(f64::from(percent));
            let got = news2(&Parameters { spo2, scale, on_oxygen: Some(oxygen), ..normal() });
            let expected =
                [Some(cell(spo2_cells(scale, oxygen), percent)), Some(if oxygen { 2 } else { 0 })];
            assert_eq!(
                [got.points[1], got.points[2]],
                expected,
                "{scale:?} oxygen {oxygen}: {percent}"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 321 + 251 + 4 * 101);
}

#[test]
fn values_between_two_charted_ones_take_the_nearer_and_halves_go_up() {
    let mut compared = 0;
    for hundredths in 0..=30_000_i32 {
        let value = f64::from(hundredths) / 100.0;
        let charted = (hundredths + 50) / 100;
        let pulse = of(Parameter::Pulse, Parameters { pulse: Some(value), ..normal() });
        assert_eq!(pulse, Some(cell(PULSE, charted)), "{value}");
        let rate = of(
            Parameter::RespiratoryRate,
            Parameters { respiratory_rate: Some(value), ..normal() },
        );
        assert_eq!(rate, Some(cell(RR, charted)), "{value}");
        compared += 2;
    }
    for hundredths in 3_000..=4_500_i32 {
        let celsius = f64::from(hundredths) / 100.0;
        let got = of(Parameter::Temperature, Parameters { temperature: Some(celsius), ..normal() });
        assert_eq!(got, Some(cell(TEMPERATURE, (hundredths + 5) / 10)), "{celsius}");
        compared += 1;
    }
    assert_eq!(compared, 2 * 30_001 + 1_501);
}

/// One value from each cell of each parameter.
pub(super) fn corners() -> Vec<Parameters> {
    let values = |cells: Cells| cells.iter().map(|(low, ..)| f64::from(*low)).collect::<Vec<_>>();
    let mut all = Vec::new();
    for rr in values(RR) {
        for spo2 in [83.0, 85.0, 87.0, 90.0, 92.0, 93.0, 95.0, 97.0] {
            for (scale, oxygen) in [
                (Spo2Scale::One, false),
                (Spo2Scale::One, true),
                (Spo2Scale::Two, false),
                (Spo2Scale::Two, true),
            ] {
                for sbp in values(SBP) {
                    for pulse in values(PULSE) {
                        for acvpu in ['A', 'C'] {
                            for t in values(TEMPERATURE) {
                                all.push(complete(
                                    rr,
                                    spo2,
                                    (oxygen, scale),
                                    sbp,
                                    pulse,
                                    acvpu,
                                    t / 10.0,
                                ));
                            }
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn totals_and_bands_are_right_for_every_combination_of_cells() {
    let all = corners();
    for p in &all {
        let charted = |value: Option<f64>| value.expect("complete").round() as i32;
        let oxygen = p.on_oxygen == Some(true);
        let points = [
            cell(RR, charted(p.respiratory_rate)),
            cell(spo2_cells(p.scale, oxygen), charted(p.spo2)),
            if oxygen { 2 } else { 0 },
            cell(SBP, charted(p.systolic_pressure)),
            cell(PULSE, charted(p.pulse)),
            if p.consciousness == A { 0 } else { 3 },
            cell(TEMPERATURE, charted(p.temperature.map(|t| t * 10.0))),
        ];
        let total: u8 = points.iter().sum();
        let red = points.contains(&3);
        let band = match (total, red) {
            (0..=4, false) => ClinicalBand::Low,
            (0..=4, true) => ClinicalBand::LowMedium,
            (5..=6, _) => ClinicalBand::Medium,
            _ => ClinicalBand::High,
        };
        let got = news2(p);
        assert_eq!((got.total, got.any_red, got.band()), (Some(total), red, Some(band)), "{p:?}");
        assert_eq!((got.bounds, got.missing.len()), ([total, total], 0), "{p:?}");
    }
    assert_eq!(all.len(), 5 * 8 * 4 * 5 * 6 * 2 * 5);
}
