//! Which tests a laboratory is asked for, and what it finds.
//!
//! Reference values are textbook orders of magnitude; nothing here is fitted to data.

use super::course::{CourseKind, Latent};
use super::input::Reported;
use super::random::Random;
use super::tables::column;
use crate::modality::{Modality, analytes::ANALYTES, units::Unit};
use crate::types::Values;

/// An analyte: its column's name, mean and deviation of the well, and what full severity adds in sepsis, lung and
/// heart disease.
struct Row(&'static str, f64, f64, [f64; 3]);

const BASIC: [Row; 6] = [
    Row("sodium_mmol_per_l", 139.0, 2.5, [-3.0, 0.0, -6.0]),
    Row("potassium_mmol_per_l", 4.1, 0.3, [0.9, 0.2, 0.6]),
    Row("bicarbonate_mmol_per_l", 25.0, 1.5, [-9.0, 4.0, -3.0]),
    Row("bun_mg_per_dl", 15.0, 3.5, [38.0, 6.0, 28.0]),
    Row("creatinine_mg_per_dl", 0.9, 0.15, [2.4, 0.2, 1.3]),
    Row("glucose_mg_per_dl", 108.0, 15.0, [80.0, 30.0, 30.0]),
];
const COUNT: [Row; 4] = [
    Row("wbc_10e9_per_l", 8.0, 1.4, [14.0, 8.0, 1.0]),
    Row("hemoglobin_g_per_dl", 13.0, 1.1, [-2.5, 0.0, -0.6]),
    Row("hematocrit_percent", 39.0, 3.2, [-7.0, 0.0, -2.0]),
    Row("platelets_10e9_per_l", 240.0, 40.0, [-150.0, 0.0, -25.0]),
];
const LIVER: [Row; 4] = [
    Row("bilirubin_mg_per_dl", 0.7, 0.15, [3.0, 0.0, 1.0]),
    Row("ast_u_per_l", 26.0, 5.0, [150.0, 5.0, 80.0]),
    Row("alt_u_per_l", 25.0, 5.0, [120.0, 5.0, 70.0]),
    Row("albumin_g_per_dl", 3.9, 0.25, [-1.5, -0.4, -0.5]),
];
const INFLAMMATION: [Row; 2] =
    [Row("crp_mg_per_l", 9.0, 2.5, [260.0, 130.0, 15.0]), Row("inr", 1.05, 0.05, [0.9, 0.0, 0.3])];
const GAS: [Row; 4] = [
    Row("ph_arterial", 7.41, 0.015, [-0.2, -0.16, -0.1]),
    Row("paco2_mmhg", 40.0, 2.5, [-6.0, 30.0, 2.0]),
    Row("pao2_mmhg", 88.0, 6.0, [-20.0, -34.0, -25.0]),
    Row("lactate_mmol_per_l", 1.2, 0.2, [7.0, 1.5, 4.0]),
];
const HEART: [Row; 1] = [Row("troponin_t_ng_per_ml", 0.012, 0.003, [0.08, 0.03, 1.8])];

/// Panels and how often they are ordered: of the well, and what full severity adds.
const PANELS: [(&[Row], f64, f64); 6] = [
    (&BASIC, 1.0, 0.0),
    (&COUNT, 0.8, 0.2),
    (&LIVER, 0.2, 0.6),
    (&INFLAMMATION, 0.3, 0.6),
    (&GAS, 0.05, 1.2),
    (&HEART, 0.05, 0.3),
];

/// One test of the laboratory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    pub(super) column: u8,
    mean: f64,
    deviation: f64,
    slopes: [f64; 3],
}

/// The laboratory's tests by panel.
#[derive(Clone, Debug)]
pub(super) struct Laboratory {
    modality: &'static Modality,
    panels: Vec<Vec<Test>>,
}

impl Laboratory {
    /// Finds the columns; what is not there becomes a mistake.
    pub(super) fn new(modality: &'static Modality, mistakes: &mut Vec<String>) -> Self {
        let mut test = |Row(name, mean, deviation, slopes): &Row| Test {
            column: column(modality, name, mistakes),
            mean: *mean,
            deviation: *deviation,
            slopes: *slopes,
        };
        let panels = PANELS.iter().map(|(rows, ..)| rows.iter().map(&mut test).collect()).collect();
        Self { modality, panels }
    }

    /// The panels that are ordered for a patient now.
    pub(super) fn order(&self, random: &mut Random, latent: Latent) -> u8 {
        let mut ordered = 0;
        for (i, (_, well, ill)) in PANELS.iter().enumerate() {
            let wanted = random.chance(well + ill * latent.severity);
            ordered |= u8::from(wanted) << i;
        }
        ordered
    }

    /// The tests of the panels ordered.
    pub(super) fn tests(&self, ordered: u8) -> impl Iterator<Item = Test> + '_ {
        let panels = self.panels.iter().enumerate().filter(move |(i, _)| ordered >> i & 1 == 1);
        panels.flat_map(|(_, tests)| tests.iter().copied())
    }

    /// A result in the column's unit, or in the second unit of the analyte, where it has one, as far as
    /// laboratories write it out. The values hold what a decoder makes of it.
    pub(super) fn measure(&self, test: Test, exact: f64, foreign: bool) -> (Reported, Values) {
        let column = usize::from(test.column);
        let units =
            ANALYTES.get(column).and_then(|a| a.namings.first()).map_or(&[][..], |n| n.units);
        let mut values = Values::default();
        let (Some(spec), Some(own)) = (self.modality.columns.get(column), units.first()) else {
            return (Reported { column: test.column, value: None }, values);
        };
        let exact = exact.clamp(spec.plausible[0], spec.plausible[1]);
        let unit = if foreign { units.get(1).unwrap_or(own) } else { own };
        let written = written(unit.from_column(exact), unit, spec.steps_per_unit);
        let fits = self.modality.set(&mut values, test.column, unit.to_column(written));
        let value = fits.is_ok().then_some((written, unit));
        (Reported { column: test.column, value }, values)
    }
}

/// Rounded to what is written: the column's resolution, or three digits in other units.
fn written(value: f64, unit: &Unit, steps_per_unit: f64) -> f64 {
    let steps = if unit.factor == 1.0 {
        steps_per_unit
    } else {
        [(100.0, 1.0), (10.0, 10.0), (1.0, 100.0)]
            .iter()
            .find(|(from, _)| value >= *from)
            .map_or(1_000.0, |(_, steps)| *steps)
    };
    (value * steps).round() / steps
}

impl Test {
    /// The concentration in a patient, in the column's unit.
    pub(super) fn draw(&self, random: &mut Random, latent: Latent) -> f64 {
        let [septic, lung, heart] = self.slopes;
        let slope = match latent.course {
            CourseKind::Septic => septic,
            CourseKind::Respiratory => lung,
            CourseKind::Cardiac => heart,
            CourseKind::Stable | CourseKind::Improving => 0.2 * (septic + lung + heart),
        };
        let severity = latent.severity;
        self.mean + self.deviation * random.normal() + slope * severity * severity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::labs::LABS;

    #[test]
    fn every_test_has_a_column_and_a_plausible_value_at_both_ends_of_severity() {
        let mut mistakes = Vec::new();
        let laboratory = Laboratory::new(&LABS, &mut mistakes);
        assert_eq!(mistakes, Vec::<String>::new());
        let mut random = Random::new(1, 1);
        let mut measured = 0;
        for course in
            [CourseKind::Stable, CourseKind::Septic, CourseKind::Respiratory, CourseKind::Cardiac]
        {
            for severity in [0.0, 1.0] {
                for test in laboratory.tests(u8::MAX) {
                    for foreign in [false, true] {
                        let exact = test.draw(&mut random, Latent { course, severity });
                        let (reported, values) = laboratory.measure(test, exact, foreign);
                        let (value, unit) = reported.value.expect("plausible");
                        let spec = &LABS.columns[usize::from(test.column)];
                        let steps = values.get(test.column).expect("set");
                        assert_eq!(
                            spec.to_steps(unit.to_column(value)),
                            Ok(steps),
                            "{}",
                            spec.name
                        );
                        measured += 1;
                    }
                }
            }
        }
        assert_eq!(measured, 4 * 2 * 21 * 2);
    }

    #[test]
    fn the_ill_are_tested_more() {
        let laboratory = Laboratory::new(&LABS, &mut Vec::new());
        let tests = |severity| {
            let mut random = Random::new(2, 2);
            let latent = Latent { course: CourseKind::Septic, severity };
            (0..200)
                .map(|_| laboratory.tests(laboratory.order(&mut random, latent)).count())
                .sum::<usize>()
        };
        assert!(tests(0.9) > tests(0.1) * 3 / 2);
    }
}
