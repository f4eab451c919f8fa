//! PhysioNet/Computing in Cardiology Challenge 2019 (early prediction of sepsis), training set B: hourly rows.
//!
//! Source: Reyna et al., Crit Care Med 2020;48(2):210-217; Goldberger et al., Circulation 2000;101(23):e215-e220. Licence: CC BY 4.0.
//! The folder holds `training_setB/` (or itself the files) with one `.psv` file per stay.
//!
//! - `ICULOS` counts the hours in the unit from 1. A row sums up its hour, so what it says is taken as observed and
//!   issued at the hour's end: row n at n hours after 2019-01-01T00:00Z, where every stay begins.
//! - When the stay ends is not said: discharge is taken to be one hour after its last row, so that this row still counts.
//! - Measurements are cells that hold a number; `NaN` means not measured. `SaO2` is of arterial blood, not pulse
//!   oximetry, and fills no column here.

use super::account::Skip;
use super::collect::{Collector, Parameter, TableId, none, same, scaled};
use super::table::number;
use super::{Dataset, DatasetError, Progress, Stay, assemble, files_in, io_error, patient_of};
use crate::modality::Registry;
use crate::types::{EventTime, Span};
use std::path::{Path, PathBuf};

/// 2019-01-01T00:00:00Z, the beginning of every stay.
const BASE: EventTime = EventTime::from_millis(1_546_300_800_000);

/// The measurements. The description gives magnesium in "mmol/dL"; the values (mean 2.1) are mg/dL.
pub(super) static PARAMETERS: [Parameter; 34] = [
    same("HR", "heart_rate_per_min"),
    same("O2Sat", "spo2_percent"),
    same("Temp", "temperature_celsius"),
    same("SBP", "systolic_pressure_mmhg"),
    same("MAP", "mean_pressure_mmhg"),
    same("DBP", "diastolic_pressure_mmhg"),
    same("Resp", "respiratory_rate_per_min"),
    none("EtCO2"),
    none("BaseExcess"),
    same("HCO3", "bicarbonate_mmol_per_l"),
    scaled("FiO2", "fio2_percent", 100.0),
    same("pH", "ph_arterial"),
    same("PaCO2", "paco2_mmhg"),
    none("SaO2"),
    same("AST", "ast_u_per_l"),
    same("BUN", "bun_mg_per_dl"),
    same("Alkalinephos", "alp_u_per_l"),
    none("Calcium"),
    none("Chloride"),
    same("Creatinine", "creatinine_mg_per_dl"),
    none("Bilirubin_direct"),
    same("Glucose", "glucose_mg_per_dl"),
    same("Lactate", "lactate_mmol_per_l"),
    same("Magnesium", "magnesium_mg_per_dl"),
    none("Phosphate"),
    same("Potassium", "potassium_mmol_per_l"),
    same("Bilirubin_total", "bilirubin_mg_per_dl"),
    same("TroponinI", "troponin_i_ng_per_ml"),
    same("Hct", "hematocrit_percent"),
    same("Hgb", "hemoglobin_g_per_dl"),
    none("PTT"),
    same("WBC", "wbc_10e9_per_l"),
    none("Fibrinogen"),
    same("Platelets", "platelets_10e9_per_l"),
];

/// The columns that are no measurements.
static DESCRIPTORS: [&str; 7] =
    ["Age", "Gender", "Unit1", "Unit2", "HospAdmTime", "ICULOS", "SepsisLabel"];

/// What a column of a file is.
#[derive(Clone, Copy)]
enum Column {
    Parameter(usize),
    Descriptor(&'static str),
    Unknown,
}

pub(super) fn read(
    folder: &Path,
    registry: &Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Dataset, DatasetError> {
    let files = stay_files(folder)?;
    let mut collector = Collector::new(registry);
    let table = collector.table("hourly rows", &PARAMETERS);
    let mut stays = Vec::with_capacity(files.len());
    for (i, path) in files.iter().enumerate() {
        let text = std::fs::read(path).map_err(io_error(path))?;
        let name = path.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default();
        let mut stay = Stay {
            patient: patient_of(path, &name)?,
            begins: BASE,
            ends: None,
            unit: None,
            context: Default::default(),
            outcome: Default::default(),
        };
        let mut lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let columns = header(lines.next().unwrap_or_default());
        let hour_column = columns.iter().position(|c| matches!(c, Column::Descriptor("ICULOS")));
        let Some(hour_column) = hour_column else {
            return Err(DatasetError::Column { path: path.clone(), column: "ICULOS" });
        };
        for line in lines {
            row(&mut collector, table, i as u32, &mut stay, &columns, hour_column, line);
        }
        stays.push(stay);
        progress(Progress { done: i as u64 + 1, total: files.len() as u64 });
    }
    Ok(assemble(collector, BASE, stays))
}

fn stay_files(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let inner = folder.join("training_setB");
    let files = files_in(if inner.is_dir() { &inner } else { folder }, "psv")?;
    if files.is_empty() {
        let missing =
            "no `training_setB` with `.psv` files; unpack the archive into it with `tar -xJf`";
        return Err(DatasetError::Incomplete {
            path: folder.to_owned(),
            missing: missing.to_owned(),
        });
    }
    Ok(files)
}

fn header(line: &[u8]) -> Vec<Column> {
    let column = |name: &[u8]| {
        let parameter = PARAMETERS.iter().position(|p| p.name.as_bytes() == name);
        let descriptor = DESCRIPTORS.iter().find(|d| d.as_bytes() == name);
        match (parameter, descriptor) {
            (Some(i), _) => Column::Parameter(i),
            (None, Some(name)) => Column::Descriptor(name),
            (None, None) => Column::Unknown,
        }
    };
    line.trim_ascii_end().split(|b| *b == b'|').map(column).collect()
}

/// One hour of a stay.
fn row(
    collector: &mut Collector<'_>,
    table: TableId,
    index: u32,
    stay: &mut Stay,
    columns: &[Column],
    hour_column: usize,
    line: &[u8],
) {
    collector.account(table).rows += 1;
    let cells = || line.trim_ascii_end().split(|b| *b == b'|');
    let hour = cells().nth(hour_column).and_then(number).filter(|h| (1.0..=1e5).contains(h));
    let Some(hour) = hour else { return collector.skip(table, Skip::Unparsable, "") };
    let minute = (hour * 60.0).round() as i32;
    let at = BASE + Span::minutes(i64::from(minute));
    stay.ends = stay.ends.max(Some(at + Span::hours(1)));
    for (cell, column) in cells().zip(columns).filter(|(cell, _)| *cell != b"NaN") {
        match (*column, number(cell)) {
            (Column::Unknown, _) => collector.skip(table, Skip::UnknownParameter, ""),
            (Column::Parameter(i), None) => {
                collector.skip(table, Skip::Unparsable, PARAMETERS[i].name);
            }
            (Column::Descriptor(name), None) => collector.skip(table, Skip::Unparsable, name),
            (Column::Parameter(i), Some(value)) => {
                collector.add(table, i, (index, None), minute, value);
            }
            (Column::Descriptor(name), Some(value)) => {
                describe(stay, name, value, at);
                collector.context(table, 1);
            }
        }
    }
}

fn describe(stay: &mut Stay, name: &str, value: f64, at: EventTime) {
    match name {
        "Age" => stay.context.age_years = Some(value),
        "Gender" => stay.context.male = Some(value == 1.0),
        "Unit1" if value == 1.0 => stay.unit = Some("medical".into()),
        "Unit2" if value == 1.0 => stay.unit = Some("surgical".into()),
        "SepsisLabel" if value == 1.0 => {
            let first = &mut stay.outcome.sepsis_label_from;
            *first = Some(first.map_or(at, |known| known.min(at)));
        }
        _ => {} // hours from hospital to unit admission, the hour itself: nothing to keep
    }
}
