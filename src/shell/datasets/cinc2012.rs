//! PhysioNet/Computing in Cardiology Challenge 2012, sets a and b: 8,000 intensive-care stays, first 48 hours.
//!
//! Source: Silva et al., Computing in Cardiology 2012;39:245-248; Goldberger et al., Circulation 2000;101(23):e215-e220.
//! Licence: Open Data Commons Attribution License 1.0. The folder holds `set-a/`, `set-b/` (or one of them) and `Outcomes-a.txt`, `Outcomes-b.txt`.
//!
//! - Rows are `HH:MM,Parameter,Value`, the time counted from admission to the unit. All stays begin at 2012-01-01T00:00Z.
//! - The files have one time per row: results count as issued when their time stamp says, laboratory results too.
//! - Invasive and non-invasive pressures fill the same columns; within one minute the invasive one wins.
//! - -1 means not known. Descriptors at 00:00 and the record id are kept as context, later weights are not used.
//! - The stay's end is not in the data: there are admissions, but no discharges.

use super::account::Skip;
use super::collect::{Collector, Parameter, TableId, none, same, scaled, second};
use super::table::{number, whole};
use super::{
    Dataset, DatasetError, Outcome, Progress, Stay, assemble, files_in, io_error, patient_of,
};
use crate::modality::Registry;
use crate::types::EventTime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// 2012-01-01T00:00:00Z, the admission of every stay.
pub(super) const BASE: EventTime = EventTime::from_millis(1_325_376_000_000);

/// The data set's description says mmol/L for magnesium, but its values (median 2.0, where 0.7 to 1.0 mmol/L is
/// normal) are mg/dL, as in the hospital system they come from, and are taken as such.
pub(super) static PARAMETERS: [Parameter; 37] = [
    same("HR", "heart_rate_per_min"),
    same("MAP", "mean_pressure_mmhg"),
    same("SysABP", "systolic_pressure_mmhg"),
    same("DiasABP", "diastolic_pressure_mmhg"),
    none("Urine"),
    none("Weight"),
    second("NISysABP", "systolic_pressure_mmhg"),
    second("NIDiasABP", "diastolic_pressure_mmhg"),
    second("NIMAP", "mean_pressure_mmhg"),
    same("Temp", "temperature_celsius"),
    same("GCS", "gcs_total"),
    same("RespRate", "respiratory_rate_per_min"),
    scaled("FiO2", "fio2_percent", 100.0),
    same("MechVent", "mech_vent"),
    same("pH", "ph_arterial"),
    same("PaCO2", "paco2_mmhg"),
    same("PaO2", "pao2_mmhg"),
    same("HCT", "hematocrit_percent"),
    same("K", "potassium_mmol_per_l"),
    same("Platelets", "platelets_10e9_per_l"),
    same("Creatinine", "creatinine_mg_per_dl"),
    same("BUN", "bun_mg_per_dl"),
    same("Mg", "magnesium_mg_per_dl"),
    same("Na", "sodium_mmol_per_l"),
    same("HCO3", "bicarbonate_mmol_per_l"),
    same("Glucose", "glucose_mg_per_dl"),
    same("WBC", "wbc_10e9_per_l"),
    same("Lactate", "lactate_mmol_per_l"),
    same("SaO2", "spo2_percent"),
    same("Bilirubin", "bilirubin_mg_per_dl"),
    same("AST", "ast_u_per_l"),
    same("ALT", "alt_u_per_l"),
    same("ALP", "alp_u_per_l"),
    same("Albumin", "albumin_g_per_dl"),
    same("TroponinT", "troponin_t_ng_per_ml"),
    same("TroponinI", "troponin_i_ng_per_ml"),
    same("Cholesterol", "cholesterol_mg_per_dl"),
];

/// What a stay's file says at 00:00.
static DESCRIPTORS: [&str; 6] = ["RecordID", "Age", "Gender", "Height", "ICUType", "Weight"];

pub(super) fn read(
    folder: &Path,
    registry: &Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Dataset, DatasetError> {
    let files = record_files(folder)?;
    let mut collector = Collector::new(registry);
    let outcomes = read_outcomes(folder, &mut collector)?;
    let records = collector.table("records", &PARAMETERS);
    let mut stays = Vec::with_capacity(files.len());
    for (i, path) in files.iter().enumerate() {
        let text = std::fs::read(path).map_err(io_error(path))?;
        let name = path.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
        let outcome = outcomes.get(name.as_ref()).cloned().unwrap_or_default();
        let mut stay = Stay {
            patient: patient_of(path, &name)?,
            begins: BASE,
            ends: None,
            unit: None,
            context: Default::default(),
            outcome,
        };
        for line in text.split(|b| *b == b'\n').skip(1).filter(|line| !line.is_empty()) {
            collector.account(records).rows += 1;
            row(&mut collector, records, i as u32, &mut stay, line);
        }
        stays.push(stay);
        progress(Progress { done: i as u64 + 1, total: files.len() as u64 });
    }
    Ok(assemble(collector, BASE, stays))
}

/// The record files of set a, then of set b.
fn record_files(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let mut files = Vec::new();
    for set in ["set-a", "set-b"] {
        let path = folder.join(set);
        if path.is_dir() {
            files.extend(files_in(&path, "txt")?);
        }
    }
    if files.is_empty() {
        let missing =
            "no `set-a` or `set-b` with record files; unpack the archive into it with `tar -xJf`";
        return Err(DatasetError::Incomplete {
            path: folder.to_owned(),
            missing: missing.to_owned(),
        });
    }
    Ok(files)
}

/// One line of a record file.
fn row(collector: &mut Collector<'_>, table: TableId, index: u32, stay: &mut Stay, line: &[u8]) {
    let line = line.trim_ascii_end();
    let mut fields = line.splitn(3, |b| *b == b',');
    let (Some(time), Some(name), Some(value)) = (fields.next(), fields.next(), fields.next())
    else {
        return collector.skip(table, Skip::Unparsable, "");
    };
    if name.is_empty() {
        return collector.skip(table, Skip::EmptyParameter, "");
    }
    let at_admission = time == b"00:00";
    let descriptor = DESCRIPTORS.iter().find(|d| d.as_bytes() == name).filter(|_| at_admission);
    let parameter = PARAMETERS.iter().position(|p| p.name.as_bytes() == name);
    let named = match (descriptor, parameter) {
        (Some(name), _) => name,
        (None, Some(i)) => PARAMETERS[i].name,
        (None, None) => return collector.skip(table, Skip::UnknownParameter, ""),
    };
    let (Some(minute), Some(value)) = (minutes(time), number(value)) else {
        return collector.skip(table, Skip::Unparsable, named);
    };
    if value == -1.0 {
        collector.skip(table, Skip::NotKnown, named);
    } else if descriptor.is_some() {
        describe(stay, named, value);
        collector.context(table, 1);
    } else if let Some(parameter) = parameter {
        collector.add(table, parameter, (index, None), minute, value);
    }
}

/// Minutes of `HH:MM`.
fn minutes(time: &[u8]) -> Option<i32> {
    let [h1, h2, b':', m1, m2] = time else { return None };
    let (hours, minutes) = (whole(&[*h1, *h2])?, whole(&[*m1, *m2])?);
    i32::try_from(hours * 60 + minutes).ok().filter(|_| minutes < 60)
}

fn describe(stay: &mut Stay, name: &str, value: f64) {
    match name {
        "Age" => stay.context.age_years = Some(value),
        "Gender" => stay.context.male = Some(value == 1.0),
        "Height" => stay.context.height_cm = Some(value).filter(|v| *v > 0.0),
        "Weight" => stay.context.weight_kg = Some(value).filter(|v| *v > 0.0),
        "ICUType" => stay.unit = unit(value).map(Into::into),
        _ => {} // the record id is the file's name
    }
}

/// The units by their numbers in the data set's description.
fn unit(number: f64) -> Option<&'static str> {
    match number as i64 {
        1 => Some("coronary-care"),
        2 => Some("cardiac-surgery-recovery"),
        3 => Some("medical"),
        4 => Some("surgical"),
        _ => None,
    }
}

/// `RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death`; -1 means not known.
fn read_outcomes(
    folder: &Path,
    collector: &mut Collector<'_>,
) -> Result<BTreeMap<String, Outcome>, DatasetError> {
    let table = collector.table("outcomes", &[]);
    let mut outcomes = BTreeMap::new();
    for name in ["Outcomes-a.txt", "Outcomes-b.txt"] {
        let path = folder.join(name);
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(io_error(&path))?;
        for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
            collector.account(table).rows += 1;
            let Some((record, outcome)) = outcome(line.trim_end()) else {
                collector.skip(table, Skip::Unparsable, "");
                continue;
            };
            collector.context(table, 1);
            outcomes.insert(record, outcome);
        }
    }
    Ok(outcomes)
}

fn outcome(line: &str) -> Option<(String, Outcome)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [record, saps_i, sofa, days, _survival, died] = fields.as_slice() else { return None };
    let known = |text: &str| number(text.as_bytes()).filter(|v| *v >= 0.0);
    let outcome = Outcome {
        died_in_hospital: match *died {
            "0" => Some(false),
            "1" => Some(true),
            _ => return None,
        },
        saps_i: known(saps_i),
        sofa: known(sofa),
        length_of_stay_days: known(days),
        ..Outcome::default()
    };
    Some(((*record).to_owned(), outcome))
}
