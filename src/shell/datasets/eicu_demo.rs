//! eICU Collaborative Research Database Demo 2.0: vitals, laboratory results, imaging, admission and discharge.
//!
//! Source: Pollard et al., Sci Data 2018;5:180178; the hourly table by YAIB (van de Water et al., ICLR 2024, arXiv
//! 2306.05109); Goldberger et al., Circulation 2000;101(23):e215-e220. Licence: ODbL 1.0 (share-alike for derived databases).
//! The folder holds `patient`, `apachepatientresult`, `vitalaperiodic`, `treatment`, `diagnosis` (`.csv.gz` or `.csv`)
//! and `hourly_dyn.parquet`.
//!
//! - A stay is a unit stay (`patientunitstayid`); all begin at 2014-01-01T00:00Z. Offsets are minutes from admission to
//!   the unit; discharge is `unitdischargeoffset`.
//! - The hourly table sums up hour h, from h to h + 1 hours: known, and taken as observed, at its end. A last hour cut by
//!   discharge is therefore left out. Its laboratory results carry no other time.
//! - `vitalaperiodic` holds non-invasive pressures by the minute; at an hour's end they go before the hourly summary.
//! - Imaging events are a proxy made of rows that staff entered, one event for a stay and minute: a diagnosis that
//!   names a thoracic finding counts as that finding with probability 1; a chest x-ray without one counts as
//!   registered, its result to come. A row's absence says nothing.

use super::account::Skip;
use super::collect::{Collector, TableId};
use super::eicu_tables::{APERIODIC, FINDINGS, HOURLY, finding_of};
use super::table::{Table, number};
use super::{Dataset, DatasetError, Progress, Stay, assemble, hourly, patient_of};
use crate::modality::Registry;
use crate::types::{EventTime, ModalityId, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// 2014-01-01T00:00:00Z, the admission of every stay.
pub(super) const BASE: EventTime = EventTime::from_millis(1_388_534_400_000);

/// Stays by the id in the files, as (index, minutes from admission to discharge).
pub(super) type Known = BTreeMap<i64, (u32, Option<i32>)>;

pub(super) fn read(
    folder: &Path,
    registry: &Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Dataset, DatasetError> {
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(Progress { done, total: 6 });
    };
    let mut collector = Collector::new(registry);
    let (mut stays, known) = read_stays(folder, &mut collector)?;
    step();
    read_apache(folder, &mut collector, &known, &mut stays)?;
    step();
    let hourly_table = collector.table("hourly_dyn", &HOURLY);
    hourly::read(&folder.join("hourly_dyn.parquet"), &mut collector, hourly_table, &known)?;
    step();
    read_aperiodic(folder, &mut collector, &known)?;
    step();
    let imaging = registry.find("imaging").map(|(id, _)| id);
    read_treatments(folder, &mut collector, &known, imaging)?;
    step();
    read_diagnoses(folder, &mut collector, &known)?;
    step();
    Ok(assemble(collector, BASE, stays))
}

/// `name.csv.gz`, or else `name.csv`.
fn path_of(folder: &Path, name: &str) -> Result<PathBuf, DatasetError> {
    let found = ["csv.gz", "csv"].iter().map(|e| folder.join(format!("{name}.{e}")));
    found.into_iter().find(|path| path.is_file()).ok_or_else(|| DatasetError::Incomplete {
        path: folder.to_owned(),
        missing: format!("no `{name}.csv.gz`"),
    })
}

fn whole(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn read_stays(
    folder: &Path,
    collector: &mut Collector<'_>,
) -> Result<(Vec<Stay>, Known), DatasetError> {
    let path = path_of(folder, "patient")?;
    let mut table = Table::open(&path)?;
    let names = [
        "patientunitstayid",
        "gender",
        "age",
        "admissionheight",
        "admissionweight",
        "unittype",
        "unitdischargeoffset",
        "hospitaldischargestatus",
    ];
    let [id, gender, age, height, weight, unit, end, status] = table.columns(&path, names)?;
    let patients = collector.table("patient", &[]);
    let (mut stays, mut known, mut row) = (Vec::new(), Known::new(), Vec::new());
    while table.next_row(&mut row) {
        collector.account(patients).rows += 1;
        let field = |i: usize| row.get(i).map_or("", String::as_str);
        let minutes = whole(field(end)).and_then(|m| i32::try_from(m).ok()).filter(|m| *m >= 0);
        let Some(stay_id) = whole(field(id)).filter(|i| !known.contains_key(i)) else {
            collector.skip(patients, Skip::Unparsable, "");
            continue;
        };
        known.insert(stay_id, (stays.len() as u32, minutes));
        let mut stay = Stay {
            patient: patient_of(&path, field(id))?,
            begins: BASE,
            ends: minutes.map(|m| BASE + Span::minutes(i64::from(m))),
            unit: Some(field(unit)).filter(|u| !u.is_empty()).map(unit_name),
            context: Default::default(),
            outcome: Default::default(),
        };
        let positive = |i: usize| number(field(i).as_bytes()).filter(|v| *v > 0.0);
        stay.context.age_years = if field(age) == "> 89" { Some(90.0) } else { positive(age) };
        stay.context.male = choose(field(gender), ("Male", "Female"));
        (stay.context.height_cm, stay.context.weight_kg) = (positive(height), positive(weight));
        stay.outcome.died_in_hospital = choose(field(status), ("Expired", "Alive"));
        stays.push(stay);
        collector.context(patients, 1);
    }
    Ok((stays, known))
}

/// `Med-Surg ICU` becomes `med-surg-icu`: no spaces, one case.
fn unit_name(text: &str) -> compact_str::CompactString {
    text.chars().map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

fn choose(text: &str, (yes, no): (&str, &str)) -> Option<bool> {
    if text == yes {
        Some(true)
    } else if text == no {
        Some(false)
    } else {
        None
    }
}

/// APACHE IVa's risk of death where it is given, else IV's; and the outcome where `patient` does not say it.
fn read_apache(
    folder: &Path,
    collector: &mut Collector<'_>,
    known: &Known,
    stays: &mut [Stay],
) -> Result<(), DatasetError> {
    let path = path_of(folder, "apachepatientresult")?;
    let mut table = Table::open(&path)?;
    let names = [
        "patientunitstayid",
        "apacheversion",
        "predictedhospitalmortality",
        "actualhospitalmortality",
    ];
    let [id, version, predicted, actual] = table.columns(&path, names)?;
    let results = collector.table("apachepatientresult", &[]);
    let mut row = Vec::new();
    while table.next_row(&mut row) {
        collector.account(results).rows += 1;
        let field = |i: usize| row.get(i).map_or("", String::as_str);
        let stay = whole(field(id)).and_then(|id| known.get(&id));
        let Some(stay) = stay.and_then(|(index, _)| stays.get_mut(*index as usize)) else {
            collector.skip(results, Skip::UnknownStay, "");
            continue;
        };
        let outcome = &mut stay.outcome;
        let risk = number(field(predicted).as_bytes()).filter(|r| (0.0..=1.0).contains(r));
        if field(version) == "IVa" {
            outcome.apache_risk = risk.or(outcome.apache_risk);
        } else {
            outcome.apache_risk = outcome.apache_risk.or(risk);
        }
        let died = choose(field(actual), ("EXPIRED", "ALIVE"));
        outcome.died_in_hospital = outcome.died_in_hospital.or(died);
        collector.context(results, 1);
    }
    Ok(())
}

fn read_aperiodic(
    folder: &Path,
    collector: &mut Collector<'_>,
    known: &Known,
) -> Result<(), DatasetError> {
    let path = path_of(folder, "vitalaperiodic")?;
    let mut table = Table::open(&path)?;
    let [id, offset] = table.columns(&path, ["patientunitstayid", "observationoffset"])?;
    let values = table.columns(&path, APERIODIC.map(|p| p.name))?;
    let pressures = collector.table("vitalaperiodic", &APERIODIC);
    let mut row = Vec::new();
    while table.next_row(&mut row) {
        collector.account(pressures).rows += 1;
        let field = |i: usize| row.get(i).map_or("", String::as_str);
        let place = place(known, field(id), field(offset));
        for (parameter, column) in values.into_iter().enumerate() {
            let (text, name) = (field(column), APERIODIC[parameter].name);
            match (text.is_empty(), place, number(text.as_bytes())) {
                (true, _, _) => {}
                (_, Err(reason), _) => collector.skip(pressures, reason, name),
                (_, _, None) => collector.skip(pressures, Skip::Unparsable, name),
                (_, Ok((stay, minute)), Some(value)) => {
                    collector.add(pressures, parameter, stay, minute, value);
                }
            }
        }
    }
    Ok(())
}

/// The stay and the minute that a row is about.
fn place(known: &Known, id: &str, offset: &str) -> Result<((u32, Option<i32>), i32), Skip> {
    let stay = *whole(id).and_then(|id| known.get(&id)).ok_or(Skip::UnknownStay)?;
    let minute = whole(offset).and_then(|m| i32::try_from(m).ok()).ok_or(Skip::Unparsable)?;
    Ok((stay, minute))
}

fn read_treatments(
    folder: &Path,
    collector: &mut Collector<'_>,
    known: &Known,
    imaging: Option<ModalityId>,
) -> Result<(), DatasetError> {
    let table = collector.table("treatment", &[]);
    each_text(folder, "treatment", ["treatmentoffset", "treatmentstring"], &mut |id, at, text| {
        collector.account(table).rows += 1;
        if !text.contains("chest x-ray") {
            return collector.skip(table, Skip::OtherSubject, "");
        }
        match (place(known, id, at), imaging) {
            (Err(reason), _) => collector.skip(table, reason, "chest x-ray"),
            (Ok(_), None) => collector.skip(table, Skip::NoColumn, "chest x-ray"),
            (Ok((stay, minute)), Some(imaging)) => {
                collector.register(table, imaging, stay, minute);
            }
        }
    })
}

fn read_diagnoses(
    folder: &Path,
    collector: &mut Collector<'_>,
    known: &Known,
) -> Result<(), DatasetError> {
    let table = collector.table("diagnosis", &FINDINGS);
    each_text(folder, "diagnosis", ["diagnosisoffset", "diagnosisstring"], &mut |id, at, text| {
        collector.account(table).rows += 1;
        diagnosis(collector, table, place(known, id, at), text);
    })
}

fn diagnosis(
    collector: &mut Collector<'_>,
    table: TableId,
    place: Result<((u32, Option<i32>), i32), Skip>,
    text: &str,
) {
    match (finding_of(text), place) {
        (None, _) => collector.skip(table, Skip::OtherSubject, ""),
        (Some(finding), Err(reason)) => collector.skip(table, reason, FINDINGS[finding].name),
        (Some(finding), Ok((stay, minute))) => collector.add(table, finding, stay, minute, 1.0),
    }
}

/// Calls `take` with stay id, offset and text of every row.
fn each_text(
    folder: &Path,
    name: &str,
    [offset, text]: [&'static str; 2],
    take: &mut dyn FnMut(&str, &str, &str),
) -> Result<(), DatasetError> {
    let path = path_of(folder, name)?;
    let mut table = Table::open(&path)?;
    let [id, offset, text] = table.columns(&path, ["patientunitstayid", offset, text])?;
    let mut row = Vec::new();
    while table.next_row(&mut row) {
        let field = |i: usize| row.get(i).map_or("", String::as_str);
        take(field(id), field(offset), field(text));
    }
    Ok(())
}
