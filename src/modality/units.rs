//! Units: a closed table for each quantity. A unit outside its table is refused, never guessed.

use crate::types::{Fault, RejectReason};

/// One way to express a quantity, and how it becomes the unit of its column: `(value - zero) * factor`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Spellings, UCUM's first; compared exactly, because in UCUM case carries meaning.
    pub names: &'static [&'static str],
    /// Column units in one of this unit.
    pub factor: f64,
    /// The value in this unit that is zero in the column's.
    pub zero: f64,
}

impl Unit {
    /// In the column's unit.
    pub fn to_column(&self, value: f64) -> f64 {
        (value - self.zero) * self.factor
    }

    /// From the column's unit back into this one.
    pub fn from_column(&self, value: f64) -> f64 {
        value / self.factor + self.zero
    }
}

/// Finds a unit by its spelling.
///
/// # Errors
/// `UnknownUnit`; the detail names `field` and the spellings there are.
pub fn find(units: &'static [Unit], field: &str, name: &str) -> Result<&'static Unit, Fault> {
    units.iter().find(|unit| unit.names.contains(&name)).ok_or_else(|| {
        let known: Vec<&str> = units.iter().flat_map(|u| u.names.iter().copied()).collect();
        let detail = format!("the unit of {field} must be one of {}", known.join(", "));
        Fault::new(RejectReason::UnknownUnit, detail)
    })
}

const fn same(names: &'static [&'static str]) -> Unit {
    scaled(names, 1.0)
}

const fn scaled(names: &'static [&'static str], factor: f64) -> Unit {
    Unit { names, factor, zero: 0.0 }
}

const MG_PER_DL: &[&str] = &["mg/dL", "mg/dl"];
const MMOL_PER_L: &[&str] = &["mmol/L", "mmol/l"];
/// With U+00B5 (micro sign) and U+03BC (Greek mu): both are in use.
const UMOL_PER_L: &[&str] = &["umol/L", "umol/l", "\u{b5}mol/L", "\u{3bc}mol/L"];
const MEQ_PER_L: &[&str] = &["meq/L", "mEq/L"];
const G_PER_DL: &[&str] = &["g/dL", "g/dl"];
const G_PER_L: &[&str] = &["g/L", "g/l"];
const MMHG: &[&str] = &["mm[Hg]", "mmHg"];
const FRACTION: &[&str] = &["1", "{fraction}"];

/// Rates, to 1/min.
pub static PER_MINUTE: [Unit; 1] =
    [same(&["/min", "1/min", "{beats}/min", "{breaths}/min", "bpm"])];
/// Shares, to %.
pub static PERCENT: [Unit; 2] = [same(&["%"]), scaled(FRACTION, 100.0)];
/// Gas flow, to L/min.
pub static LITRES_PER_MINUTE: [Unit; 1] = [same(&["L/min", "l/min"])];
/// Pressures, to mmHg. 1 kPa = 7.50062 mmHg (conventional millimetre of mercury, 133.322 Pa).
pub static PRESSURE: [Unit; 2] = [same(MMHG), scaled(&["kPa"], 7.500_62)];
/// Temperatures, to degrees Celsius.
pub static TEMPERATURE: [Unit; 2] = [
    same(&["Cel", "degC", "\u{b0}C", "C"]),
    Unit { names: &["[degF]", "degF", "\u{b0}F", "F"], factor: 5.0 / 9.0, zero: 32.0 },
];
/// Glucose, to mg/dL. 18.016: molar mass 180.16 g/mol.
pub static GLUCOSE: [Unit; 2] = [same(MG_PER_DL), scaled(MMOL_PER_L, 18.016)];
/// Creatinine, to mg/dL. 88.4: molar mass 113.12 g/mol.
pub static CREATININE: [Unit; 2] = [same(MG_PER_DL), scaled(UMOL_PER_L, 1.0 / 88.4)];
/// Bilirubin, to mg/dL. 17.1: molar mass 584.66 g/mol.
pub static BILIRUBIN: [Unit; 2] = [same(MG_PER_DL), scaled(UMOL_PER_L, 1.0 / 17.1)];
/// Urea nitrogen, to mg/dL. 1 mmol of urea carries 2.8 mg/dL of nitrogen in a litre (28.01 g/mol).
pub static UREA_NITROGEN: [Unit; 2] = [same(MG_PER_DL), scaled(MMOL_PER_L, 2.8)];
/// Whole urea, to mg/dL of urea nitrogen. 2.14: urea 60.06 g/mol over its nitrogen, 28.01 g/mol.
pub static UREA: [Unit; 2] = [scaled(MG_PER_DL, 1.0 / 2.14), scaled(MMOL_PER_L, 2.8)];
/// Lactate, to mmol/L. 0.111: molar mass of lactic acid 90.08 g/mol.
pub static LACTATE: [Unit; 2] = [same(MMOL_PER_L), scaled(MG_PER_DL, 0.111)];
/// Cholesterol, to mg/dL. 38.67: molar mass 386.65 g/mol.
pub static CHOLESTEROL: [Unit; 2] = [same(MG_PER_DL), scaled(MMOL_PER_L, 38.67)];
/// Magnesium, to mg/dL. 2.4305: molar mass 24.305 g/mol; two charges, so 1 meq is half a mmol.
pub static MAGNESIUM: [Unit; 3] =
    [same(MG_PER_DL), scaled(MMOL_PER_L, 2.4305), scaled(MEQ_PER_L, 2.4305 / 2.0)];
/// Ions of one charge (sodium, potassium, bicarbonate), to mmol/L.
pub static ONE_CHARGE: [Unit; 2] = [same(MMOL_PER_L), same(MEQ_PER_L)];
/// Protein mass (hemoglobin, albumin), to g/dL.
pub static PROTEIN: [Unit; 2] = [same(G_PER_DL), scaled(G_PER_L, 0.1)];
/// Hematocrit, to %.
pub static HEMATOCRIT: [Unit; 2] = [same(&["%"]), scaled(&["1", "{fraction}", "L/L"], 100.0)];
/// Cell counts, to 10*9/L.
pub static CELLS: [Unit; 2] = [
    same(&[
        "10*9/L",
        "10*3/uL",
        "10^9/L",
        "10^3/uL",
        "x10^9/L",
        "x10^3/uL",
        "K/uL",
        "K/\u{b5}L",
        "G/L",
    ]),
    scaled(&["/uL", "/mm3"], 1e-3),
];
/// Enzyme activities, to U/L. 1 ukat = 1 umol/s = 60 umol/min = 60 U.
pub static ENZYME: [Unit; 2] =
    [same(&["U/L", "[IU]/L", "IU/L"]), scaled(&["ukat/L", "\u{b5}kat/L"], 60.0)];
/// Troponins, to ng/mL.
pub static TROPONIN: [Unit; 2] =
    [same(&["ng/mL", "ug/L", "\u{b5}g/L", "ng/ml"]), scaled(&["ng/L", "pg/mL", "pg/ml"], 1e-3)];
/// C-reactive protein, to mg/L.
pub static CRP: [Unit; 2] = [same(&["mg/L", "mg/l"]), scaled(MG_PER_DL, 10.0)];
/// International normalized ratio.
pub static INR: [Unit; 1] = [same(&["{INR}", "1", "INR"])];
/// pH.
pub static PH: [Unit; 1] = [same(&["[pH]", "pH", "1"])];

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantity, unit, value, value in the column's unit (CLINICAL facts E3; textbook equivalents).
    fn pairs() -> Vec<(&'static [Unit], &'static str, f64, f64)> {
        vec![
            (&TEMPERATURE, "[degF]", 94.9, 34.944),
            (&TEMPERATURE, "degF", 101.2, 38.444),
            (&TEMPERATURE, "\u{b0}F", 98.6, 37.0),
            (&TEMPERATURE, "Cel", 36.6, 36.6),
            (&PRESSURE, "kPa", 16.0, 120.010),
            (&GLUCOSE, "mmol/L", 5.5, 99.088),
            (&CREATININE, "umol/L", 88.4, 1.0),
            (&BILIRUBIN, "\u{3bc}mol/L", 34.2, 2.0),
            (&UREA_NITROGEN, "mmol/L", 7.1, 19.88),
            (&UREA, "mmol/L", 7.1, 19.88),
            (&UREA, "mg/dL", 42.8, 20.0),
            (&LACTATE, "mg/dL", 18.0, 1.998),
            (&CHOLESTEROL, "mmol/L", 5.0, 193.35),
            (&MAGNESIUM, "mmol/L", 0.8, 1.944),
            (&MAGNESIUM, "mEq/L", 1.6, 1.944),
            (&ONE_CHARGE, "mEq/L", 140.0, 140.0),
            (&PROTEIN, "g/L", 135.0, 13.5),
            (&HEMATOCRIT, "L/L", 0.42, 42.0),
            (&PERCENT, "1", 0.21, 21.0),
            (&CELLS, "K/uL", 250.0, 250.0),
            (&CELLS, "/uL", 250_000.0, 250.0),
            (&ENZYME, "ukat/L", 0.5, 30.0),
            (&TROPONIN, "ng/L", 14.0, 0.014),
            (&CRP, "mg/dL", 1.2, 12.0),
            (&PER_MINUTE, "/min", 72.0, 72.0),
            (&LITRES_PER_MINUTE, "L/min", 2.0, 2.0),
            (&INR, "{INR}", 1.1, 1.1),
            (&PH, "[pH]", 7.4, 7.4),
        ]
    }

    #[test]
    fn every_unit_converts_both_ways() {
        let mut compared = 0;
        for (units, name, value, expected) in pairs() {
            let unit = find(units, "it", name).expect("in the table");
            assert!((unit.to_column(value) - expected).abs() < 1e-3, "{name} {value}");
            assert!((unit.from_column(unit.to_column(value)) - value).abs() < 1e-9, "{name}");
            assert!((unit.to_column(unit.from_column(expected)) - expected).abs() < 1e-9);
            compared += 1;
        }
        assert_eq!(compared, 28);
    }

    #[test]
    fn a_temperature_charted_in_tenths_of_fahrenheit_rounds_once() {
        // Keeping hundredths of a degree Celsius and rounding to tenths later must give what rounding at once gives.
        for tenths in 680..1_130 {
            let exact_ninetieths = (tenths - 320) * 5; // of a degree Celsius: (F - 32) * 5 / 9, F in tenths
            let rounded_once = (exact_ninetieths + 4) / 9; // in tenths, half up; no exact halves occur
            let kept = (TEMPERATURE[1].to_column(f64::from(tenths) / 10.0) * 100.0).round();
            assert_eq!((kept / 10.0).round() as i32, rounded_once, "{tenths} tenths of degF");
        }
    }

    #[test]
    fn an_unknown_unit_is_refused_and_case_matters() {
        for name in ["", "CEL", "Fahrenheit", "K", "mmol/L"] {
            let fault = find(&TEMPERATURE, "temperature", name).expect_err(name);
            assert_eq!(fault.reason, RejectReason::UnknownUnit);
        }
        assert!(find(&UREA, "urea", "g/L").is_err() && find(&GLUCOSE, "glucose", "mg/L").is_err());
    }

    #[test]
    fn no_quantity_lists_a_spelling_twice() {
        for (units, ..) in pairs() {
            let mut names: Vec<&str> = units.iter().flat_map(|u| u.names.iter().copied()).collect();
            let listed = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), listed);
        }
    }
}
