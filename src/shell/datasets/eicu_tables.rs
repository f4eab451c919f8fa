//! Which column each parameter of the eICU demo stands for, and which diagnoses name an imaging finding.

use super::collect::{Parameter, none, same, second};

/// The hourly table (names and units of YAIB/ricu): temperature in degrees Celsius, FiO2 in percent, CRP in mg/L,
/// magnesium in mg/dL, troponin T in ng/mL. Its pressures give way to a measurement of the same minute.
pub(super) static HOURLY: [Parameter; 48] = [
    same("hr", "heart_rate_per_min"),
    same("resp", "respiratory_rate_per_min"),
    same("o2sat", "spo2_percent"),
    same("temp", "temperature_celsius"),
    second("sbp", "systolic_pressure_mmhg"),
    second("dbp", "diastolic_pressure_mmhg"),
    second("map", "mean_pressure_mmhg"),
    same("alb", "albumin_g_per_dl"),
    same("alp", "alp_u_per_l"),
    same("alt", "alt_u_per_l"),
    same("ast", "ast_u_per_l"),
    same("bicar", "bicarbonate_mmol_per_l"),
    same("bili", "bilirubin_mg_per_dl"),
    same("bun", "bun_mg_per_dl"),
    same("crea", "creatinine_mg_per_dl"),
    same("crp", "crp_mg_per_l"),
    same("fio2", "fio2_percent"),
    same("glu", "glucose_mg_per_dl"),
    same("hgb", "hemoglobin_g_per_dl"),
    same("inr_pt", "inr"),
    same("k", "potassium_mmol_per_l"),
    same("lact", "lactate_mmol_per_l"),
    same("mg", "magnesium_mg_per_dl"),
    same("na", "sodium_mmol_per_l"),
    same("pco2", "paco2_mmhg"),
    same("ph", "ph_arterial"),
    same("plt", "platelets_10e9_per_l"),
    same("po2", "pao2_mmhg"),
    same("tnt", "troponin_t_ng_per_ml"),
    same("wbc", "wbc_10e9_per_l"),
    none("be"),
    none("bili_dir"),
    none("bnd"),
    none("ca"),
    none("cai"),
    none("ck"),
    none("ckmb"),
    none("cl"),
    none("fgn"),
    none("lymph"),
    none("mch"),
    none("mchc"),
    none("mcv"),
    none("methb"),
    none("neut"),
    none("phos"),
    none("ptt"),
    none("urine"),
];

/// The values of `vitalaperiodic`.
pub(super) static APERIODIC: [Parameter; 10] = [
    same("noninvasivesystolic", "systolic_pressure_mmhg"),
    same("noninvasivediastolic", "diastolic_pressure_mmhg"),
    same("noninvasivemean", "mean_pressure_mmhg"),
    none("paop"),
    none("cardiacoutput"),
    none("cardiacinput"),
    none("svr"),
    none("svri"),
    none("pvr"),
    none("pvri"),
];

/// The findings that diagnoses are read for, by the first words in the order of this list that a diagnosis holds.
pub(super) static FINDINGS: [Parameter; 8] = [
    same("aspiration", "aspiration"),
    same("pneumonia", "consolidation"),
    same("ARDS", "ards"),
    same("acute pulmonary edema", "pulmonary_edema"),
    same("pneumothorax", "pneumothorax"),
    same("hemothorax", "hemothorax"),
    same("pleural effusion", "pleural_effusion"),
    same("atelectasis", "atelectasis"),
];

/// The finding that a diagnosis names, as its place in [`FINDINGS`]; `None`: it names none.
///
/// A diagnosis is a path such as `pulmonary|pulmonary infections|pneumonia|aspiration`: the pneumonia that is an
/// aspiration counts as aspiration; pneumonia shows as consolidation. "Acute respiratory distress" is a state, not ARDS, and counts as neither.
pub(super) fn finding_of(text: &str) -> Option<usize> {
    FINDINGS.iter().position(|finding| text.contains(finding.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str) -> Option<&'static str> {
        finding_of(text).map(|i| FINDINGS[i].column)
    }

    #[test]
    fn a_diagnosis_path_names_at_most_one_finding() {
        let cases = [
            ("pulmonary|pulmonary infections|pneumonia", Some("consolidation")),
            ("pulmonary|pulmonary infections|pneumonia|aspiration", Some("aspiration")),
            ("pulmonary|respiratory failure|pulmonary aspiration", Some("aspiration")),
            ("pulmonary|respiratory failure|ARDS|pulmonary etiology", Some("ards")),
            ("pulmonary|respiratory failure|acute respiratory distress", None),
            ("cardiovascular|ventricular disorders|acute pulmonary edema", Some("pulmonary_edema")),
            ("pulmonary|disorders of the airways|due to angioedema", None),
            ("pulmonary|pleural disorders|pleural effusion|right", Some("pleural_effusion")),
            ("cardiovascular|pericardial diseases|pericardial effusion", None),
            ("pulmonary|pleural disorders|hemothorax", Some("hemothorax")),
            ("pulmonary|disorders of lung parenchyma|atelectasis/collapse", Some("atelectasis")),
            ("burns/trauma|trauma - chest|pneumothorax", Some("pneumothorax")),
        ];
        for (text, finding) in cases {
            assert_eq!(name_of(text), finding, "{text}");
        }
    }
}
