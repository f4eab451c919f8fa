//! Real, open, de-identified clinical data sets as events with their real time stamps.
//!
//! Every value read is accounted for: [`Account`] says for each table what became an event, what is kept as
//! context, and what was skipped and why, and it must balance. Research use only; cite the sources
//! wherever a figure made with them is published (see each reader).
//!
//! Stays are de-identified and their dates shifted, so all of one data set begin at its base time. Events are in
//! the order in which they became known: by issue time, then modality, patient, event time and id.

mod account;
mod cinc2012;
mod cinc2019;
mod collect;
mod eicu_demo;
mod eicu_tables;
mod hourly;
mod table;

pub use account::{Account, Skip, TableAccount};

use crate::modality::Registry;
use crate::types::{
    Encounter, EncounterChange, Event, EventTime, IssueTime, PatientId, PatientIdError,
};
use compact_str::CompactString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A data set that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PhysioNet/CinC Challenge 2012, sets a and b: first 48 h of 8,000 stays, minute stamps.
    Cinc2012,
    /// PhysioNet/CinC Challenge 2019, training set B: hourly rows with a sepsis label.
    Cinc2019,
    /// eICU Collaborative Research Database Demo 2.0 with the hourly table of YAIB.
    EicuDemo,
}

impl Kind {
    /// All of them, in the order of their names.
    pub const ALL: [Self; 3] = [Self::Cinc2012, Self::Cinc2019, Self::EicuDemo];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cinc2012 => "cinc2012",
            Self::Cinc2019 => "cinc2019",
            Self::EicuDemo => "eicu-demo",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// A name that is no data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the data sets cinc2012, cinc2019, eicu-demo")]
pub struct UnknownKind(pub String);

/// Why a data set could not be read. What is wrong with single rows is in the [`Account`] instead.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A Parquet table cannot be read.
    #[error("cannot read {path} as Parquet")]
    Parquet {
        /// Which.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// The folder does not hold what the data set consists of.
    #[error("{path} does not hold the data set: {missing}")]
    Incomplete {
        /// The folder.
        path: PathBuf,
        /// What is missing, and how to get it.
        missing: String,
    },
    /// A table lacks a column, or has one of another type.
    #[error("{path} has no column `{column}` of the expected type")]
    Column {
        /// The table.
        path: PathBuf,
        /// The column.
        column: &'static str,
    },
    /// A stay's id cannot be a patient id.
    #[error("{path} holds a stay id that cannot be used")]
    StayId {
        /// The table.
        path: PathBuf,
        /// Why.
        source: PatientIdError,
    },
    /// The account does not balance: a fault of the reader.
    #[error("values read and values accounted for differ in a table:\n{0}")]
    Unbalanced(Box<Account>),
}

/// How far the reader is; for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps done: files, or tables.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
}

/// What is known of a stay beside its events. Nothing of it is an input of a shipped model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Age in years; 90 stands for older in eICU (`> 89`).
    pub age_years: Option<f64>,
    /// As the source says: true for male.
    pub male: Option<bool>,
    /// Height at admission.
    pub height_cm: Option<f64>,
    /// Weight at admission.
    pub weight_kg: Option<f64>,
}

/// How a stay went, as far as its data set says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Died before leaving the hospital.
    pub died_in_hospital: Option<bool>,
    /// SAPS-I, 0 or more (cinc2012).
    pub saps_i: Option<f64>,
    /// SOFA, 0 or more (cinc2012).
    pub sofa: Option<f64>,
    /// Risk of in-hospital death by APACHE IVa, else IV, in 0..=1 (eicu-demo).
    pub apache_risk: Option<f64>,
    /// First time with `SepsisLabel` 1: six hours before onset (cinc2019); `None` there: never.
    pub sepsis_label_from: Option<EventTime>,
    /// Hospital stay in days (cinc2012).
    pub length_of_stay_days: Option<f64>,
}

/// One stay; in a replay, one patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Stay {
    /// The stay's id.
    pub patient: PatientId,
    /// When it begins.
    pub begins: EventTime,
    /// When it ends; `None`: the data set does not say, or ends before the stay does.
    pub ends: Option<EventTime>,
    /// The unit; `None`: not said.
    pub unit: Option<CompactString>,
    /// What else is known.
    pub context: Context,
    /// How it went.
    pub outcome: Outcome,
}

/// A data set, read.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// In replay order.
    pub events: Vec<Event>,
    /// Admissions and discharges in order of issue time, then patient; an admission before a discharge.
    pub encounters: Vec<Encounter>,
    /// In order of patient id.
    pub stays: Vec<Stay>,
    /// What became of every value.
    pub account: Account,
}

/// Reads a data set from its unpacked folder. Parameters go to the columns of `registry` by name.
///
/// # Errors
/// A file that is missing or unreadable; never a bad row, which is counted instead.
pub fn open(
    kind: Kind,
    folder: &Path,
    registry: &Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Dataset, DatasetError> {
    let dataset = match kind {
        Kind::Cinc2012 => cinc2012::read(folder, registry, progress),
        Kind::Cinc2019 => cinc2019::read(folder, registry, progress),
        Kind::EicuDemo => eicu_demo::read(folder, registry, progress),
    }?;
    if dataset.account.balances() {
        Ok(dataset)
    } else {
        Err(DatasetError::Unbalanced(Box::new(dataset.account)))
    }
}

/// Makes the events and encounters of what was collected.
fn assemble(collector: collect::Collector<'_>, base: EventTime, mut stays: Vec<Stay>) -> Dataset {
    let (events, mut account) = collector.finish(base, &stays);
    let mut encounters: Vec<Encounter> = stays.iter().flat_map(encounters_of).collect();
    encounters.sort_by(|a, b| (a.issued, &a.patient).cmp(&(b.issued, &b.patient)));
    account.encounters = encounters.len() as u64;
    stays.sort_by(|a, b| a.patient.cmp(&b.patient));
    Dataset { events, encounters, stays, account }
}

fn encounters_of(stay: &Stay) -> impl Iterator<Item = Encounter> {
    let at = |change, time: EventTime| Encounter {
        patient: stay.patient.clone(),
        change,
        event_time: time,
        issued: IssueTime::from_millis(time.as_millis()),
        unit: stay.unit.clone(),
    };
    let discharge = stay.ends.map(|end| at(EncounterChange::Discharge, end));
    std::iter::once(at(EncounterChange::Admit, stay.begins)).chain(discharge)
}

/// Puts events in replay order: by issue time, then modality, patient, event time and id.
pub fn order_events(events: &mut [Event]) {
    events.sort_by(|a, b| {
        (a.issued, a.modality, &a.patient, a.event_time, a.id).cmp(&(
            b.issued,
            b.modality,
            &b.patient,
            b.event_time,
            b.id,
        ))
    });
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> DatasetError {
    let path = path.to_owned();
    move |source| DatasetError::Io { path, source }
}

/// The files of a folder with this ending, in order of their names.
fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, DatasetError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io_error(folder))? {
        let path = entry.map_err(io_error(folder))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn patient_of(path: &Path, text: &str) -> Result<PatientId, DatasetError> {
    PatientId::new(text).map_err(|source| DatasetError::StayId { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use collect::Parameter;

    #[test]
    fn every_column_that_a_parameter_names_is_shipped() {
        let registry = Registry::shipped();
        let tables: [&[Parameter]; 5] = [
            &cinc2012::PARAMETERS,
            &cinc2019::PARAMETERS,
            &eicu_tables::HOURLY,
            &eicu_tables::APERIODIC,
            &eicu_tables::FINDINGS,
        ];
        // Ventilation is the example of a modality that a user adds.
        let named = |p: &&Parameter| !p.column.is_empty() && p.column != "mech_vent";
        let mut compared = 0;
        for parameter in tables.into_iter().flatten().filter(named) {
            let column = parameter.column;
            assert!(registry.iter().any(|(_, m)| m.column(column).is_some()), "{column}");
            compared += 1;
        }
        assert!(compared > 90, "{compared}");
    }
}
