//! The blood analytes: columns, names, LOINC codes and units.
//!
//! Only codes for blood, serum and plasma stand here (and inspired oxygen, which blood gases are read with). Pleural,
//! ascitic, urine and other fluids have codes of their own and stay unknown. So does 14937-7 (urea nitrogen in moles):
//! sources disagree whether it counts the moles of urea or of nitrogen.

use super::Column;
use super::units::{self, Unit};

/// One way to name an analyte, and the units that it then may have.
#[derive(Debug, PartialEq)]
pub struct Naming {
    /// Name on the wire.
    pub name: &'static str,
    /// LOINC codes that mean the same.
    pub loinc: &'static [&'static str],
    /// Units.
    pub units: &'static [Unit],
}

/// A column and the namings that feed it.
#[derive(Debug)]
pub struct Analyte {
    /// The column.
    pub column: Column,
    /// At least one; the first is the one we write, and its first unit is the column's.
    pub namings: &'static [Naming],
}

const fn analyte(
    name: &'static str,
    steps_per_unit: f64,
    plausible: [f64; 2],
    namings: &'static [Naming],
) -> Analyte {
    let loinc = Some(namings[0].loinc[0]);
    Analyte { column: Column { name, steps_per_unit, plausible, loinc }, namings }
}

/// The analytes in column order.
///
/// Resolutions are finer than what laboratories chart, except where said. Ranges are ours: they hold every published
/// extreme that a laboratory could confirm, as far as 16 bits allow, and keep out slips of unit and of decimal point.
pub static ANALYTES: [Analyte; 26] = [
    analyte(
        "bun_mg_per_dl",
        10.0,
        [0.0, 400.0],
        &[
            Naming { name: "bun", loinc: &["3094-0", "6299-2"], units: &units::UREA_NITROGEN },
            Naming {
                name: "urea",
                loinc: &["22664-7", "3091-6", "72903-8", "20977-5"],
                units: &units::UREA,
            },
        ],
    ),
    // Whole hundredths, so that KDIGO's +0.3 mg/dL is exact.
    analyte(
        "creatinine_mg_per_dl",
        100.0,
        [0.0, 50.0],
        &[Naming { name: "creatinine", loinc: &["2160-0", "14682-9"], units: &units::CREATININE }],
    ),
    analyte(
        "glucose_mg_per_dl",
        10.0,
        [5.0, 3000.0],
        &[Naming {
            name: "glucose",
            loinc: &["2345-7", "2339-0", "14749-6", "15074-8"],
            units: &units::GLUCOSE,
        }],
    ),
    // Total CO2 (2028-9) is a different quantity and stays unknown.
    analyte(
        "bicarbonate_mmol_per_l",
        10.0,
        [1.0, 80.0],
        &[Naming {
            name: "bicarbonate",
            loinc: &["1963-8", "1959-6", "1960-4"],
            units: &units::ONE_CHARGE,
        }],
    ),
    analyte(
        "hematocrit_percent",
        10.0,
        [3.0, 80.0],
        &[Naming { name: "hematocrit", loinc: &["4544-3", "20570-8"], units: &units::HEMATOCRIT }],
    ),
    analyte(
        "hemoglobin_g_per_dl",
        100.0,
        [1.0, 30.0],
        &[Naming { name: "hemoglobin", loinc: &["718-7"], units: &units::PROTEIN }],
    ),
    analyte(
        "potassium_mmol_per_l",
        100.0,
        [0.5, 25.0],
        &[Naming { name: "potassium", loinc: &["2823-3", "6298-4"], units: &units::ONE_CHARGE }],
    ),
    analyte(
        "magnesium_mg_per_dl",
        100.0,
        [0.1, 30.0],
        &[Naming { name: "magnesium", loinc: &["19123-9", "2601-3"], units: &units::MAGNESIUM }],
    ),
    analyte(
        "sodium_mmol_per_l",
        10.0,
        [80.0, 220.0],
        &[Naming { name: "sodium", loinc: &["2951-2", "2947-0"], units: &units::ONE_CHARGE }],
    ),
    analyte(
        "platelets_10e9_per_l",
        10.0,
        [0.0, 3000.0],
        &[Naming { name: "platelets", loinc: &["777-3", "26515-7"], units: &units::CELLS }],
    ),
    // Fiftieths: 16 bits must also hold the counts of leukaemia.
    analyte(
        "wbc_10e9_per_l",
        50.0,
        [0.0, 650.0],
        &[Naming { name: "wbc", loinc: &["6690-2", "26464-8"], units: &units::CELLS }],
    ),
    analyte(
        "lactate_mmol_per_l",
        100.0,
        [0.0, 50.0],
        &[Naming {
            name: "lactate",
            loinc: &["32693-4", "2524-7", "2518-9"],
            units: &units::LACTATE,
        }],
    ),
    // Total, not direct.
    analyte(
        "bilirubin_mg_per_dl",
        100.0,
        [0.0, 100.0],
        &[Naming { name: "bilirubin", loinc: &["1975-2", "14631-6"], units: &units::BILIRUBIN }],
    ),
    analyte(
        "ast_u_per_l",
        1.0,
        [0.0, 32000.0],
        &[Naming { name: "ast", loinc: &["1920-8", "30239-8"], units: &units::ENZYME }],
    ),
    analyte(
        "alt_u_per_l",
        1.0,
        [0.0, 32000.0],
        &[Naming { name: "alt", loinc: &["1742-6", "1743-4"], units: &units::ENZYME }],
    ),
    analyte(
        "alp_u_per_l",
        5.0,
        [0.0, 6500.0],
        &[Naming { name: "alp", loinc: &["6768-6"], units: &units::ENZYME }],
    ),
    analyte(
        "albumin_g_per_dl",
        100.0,
        [0.3, 10.0],
        &[Naming { name: "albumin", loinc: &["1751-7"], units: &units::PROTEIN }],
    ),
    // 1 ng/L, what high-sensitivity assays chart; assays end at 25 ng/mL.
    analyte(
        "troponin_t_ng_per_ml",
        1000.0,
        [0.0, 32.0],
        &[Naming { name: "troponin_t", loinc: &["6598-7", "67151-1"], units: &units::TROPONIN }],
    ),
    // 4 ng/L: coarser than high-sensitivity assays chart, because assays reach 100 ng/mL.
    analyte(
        "troponin_i_ng_per_ml",
        250.0,
        [0.0, 130.0],
        &[Naming { name: "troponin_i", loinc: &["10839-9", "89579-7"], units: &units::TROPONIN }],
    ),
    analyte(
        "cholesterol_mg_per_dl",
        10.0,
        [10.0, 3000.0],
        &[Naming {
            name: "cholesterol",
            loinc: &["2093-3", "14647-2"],
            units: &units::CHOLESTEROL,
        }],
    ),
    analyte(
        "inr",
        100.0,
        [0.3, 30.0],
        &[Naming { name: "inr", loinc: &["6301-6", "34714-6"], units: &units::INR }],
    ),
    analyte(
        "crp_mg_per_l",
        10.0,
        [0.0, 1000.0],
        &[Naming { name: "crp", loinc: &["1988-5"], units: &units::CRP }],
    ),
    // Arterial only: 11558-4, 11557-6 and 11556-8 do not say which blood, and stay unknown.
    analyte(
        "ph_arterial",
        1000.0,
        [6.3, 8.2],
        &[Naming { name: "ph_arterial", loinc: &["2744-1"], units: &units::PH }],
    ),
    analyte(
        "paco2_mmhg",
        10.0,
        [3.0, 300.0],
        &[Naming { name: "paco2", loinc: &["2019-8"], units: &units::PRESSURE }],
    ),
    analyte(
        "pao2_mmhg",
        10.0,
        [10.0, 800.0],
        &[Naming { name: "pao2", loinc: &["2703-7"], units: &units::PRESSURE }],
    ),
    // Inspired oxygen; room air is 20.9 %.
    analyte(
        "fio2_percent",
        10.0,
        [20.0, 100.0],
        &[Naming { name: "fio2", loinc: &["3150-0"], units: &units::PERCENT }],
    ),
];

/// The columns of [`ANALYTES`].
pub static COLUMNS: [Column; ANALYTES.len()] = {
    let (mut columns, mut i) = ([ANALYTES[0].column; ANALYTES.len()], 0);
    while i < columns.len() {
        columns[i] = ANALYTES[i].column;
        i += 1;
    }
    columns
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_code_means_one_analyte() {
        let namings: Vec<&Naming> = ANALYTES.iter().flat_map(|a| a.namings).collect();
        let mut names: Vec<&str> = namings.iter().map(|n| n.name).collect();
        names.extend(namings.iter().flat_map(|n| n.loinc.iter().copied()));
        let listed = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), listed);
        assert!(listed > 2 * ANALYTES.len());
    }

    #[test]
    fn the_first_naming_writes_the_column_in_its_own_unit() {
        for analyte in &ANALYTES {
            let naming = &analyte.namings[0];
            assert!(analyte.column.name.starts_with(naming.name), "{}", analyte.column.name);
            assert_eq!((naming.units[0].factor, naming.units[0].zero), (1.0, 0.0));
        }
    }

    #[test]
    fn every_loinc_code_has_its_check_digit() {
        let codes: Vec<&str> =
            ANALYTES.iter().flat_map(|a| a.namings).flat_map(|n| n.loinc.iter().copied()).collect();
        for code in &codes {
            assert!(super::super::has_check_digit(code), "{code}");
        }
        assert!(codes.len() >= 40);
    }
}
