//! A feature table as Parquet: who, as of when, the features of one modality, and how the stay went.

use super::{Tables, Taken, Wanted};
use crate::shell::datasets::Stay;
use crate::types::Span;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file cannot be created.
    #[error("cannot create {path}")]
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path} as Parquet")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
}

/// Writes the rows of the `m`-th modality, one for each stay and time: `patient`, `as_of_hours`, `age_seconds` (null:
/// the modality is absent, and so are its features), a column for each feature named as it is written in manifests,
/// then what is known of the stay (`outcome_*`, `context_*`).
///
/// # Errors
/// See [`TableError`].
pub fn write(
    path: &Path,
    stays: &[Stay],
    at: &[Span],
    tables: &Tables,
    (m, wanted): (usize, &Wanted),
) -> Result<(), TableError> {
    let of = |(stay, time): (usize, usize)| tables.at(stay, time).get(m).and_then(Option::as_ref);
    let places: Vec<(usize, usize)> =
        (0..stays.len()).flat_map(|stay| (0..at.len()).map(move |time| (stay, time))).collect();
    let taken: Vec<Option<&Taken>> = places.iter().copied().map(of).collect();
    let numbers = |values: &mut dyn Iterator<Item = Option<f64>>| -> ArrayRef {
        Arc::new(values.collect::<Float64Array>())
    };
    let patients = places.iter().filter_map(|(stay, _)| stays.get(*stay));
    let hours = |time: usize| at.get(time).map(|at| at.as_seconds() / 3_600.0);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (
            "patient".to_owned(),
            Arc::new(StringArray::from_iter_values(patients.clone().map(|s| s.patient.as_str()))),
        ),
        ("as_of_hours".to_owned(), numbers(&mut places.iter().map(|(_, time)| hours(*time)))),
        (
            "age_seconds".to_owned(),
            numbers(&mut taken.iter().map(|t| t.map(|t| t.age.as_seconds()))),
        ),
    ];
    for (i, spec) in wanted.inputs.iter().enumerate() {
        let value = |t: &Option<&Taken>| {
            t.and_then(|t| t.values.get(i)).copied().filter(|value| !value.is_nan())
        };
        columns.push((spec.to_string(), numbers(&mut taken.iter().map(value))));
    }
    let stays: Vec<&Stay> = patients.collect();
    columns.extend(about(&stays));
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(name.clone(), column.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(
        schema.clone(),
        columns.into_iter().map(|(_, column)| column).collect(),
    );
    let wrong = |source| TableError::Write { path: path.to_owned(), source };
    let file = File::create(path)
        .map_err(|source| TableError::Create { path: path.to_owned(), source })?;
    let compression = Compression::ZSTD(ZstdLevel::try_new(1).map_err(wrong)?);
    let properties = WriterProperties::builder()
        .set_created_by("latefusion".to_owned())
        .set_compression(compression)
        .build();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(wrong)?;
    writer.write(&batch.map_err(|e| wrong(e.into()))?).map_err(wrong)?;
    writer.close().map_err(wrong).map(|_| ())
}

/// What is known of stays, beside their events.
fn about(stays: &[&Stay]) -> Vec<(String, ArrayRef)> {
    type Number = fn(&Stay) -> Option<f64>;
    let numbers: [(&str, Number); 7] = [
        ("outcome_saps_i", |s| s.outcome.saps_i),
        ("outcome_sofa", |s| s.outcome.sofa),
        ("outcome_apache_risk", |s| s.outcome.apache_risk),
        ("outcome_sepsis_label_from_hours", |s| {
            s.outcome.sepsis_label_from.map(|at| (at - s.begins).as_seconds() / 3_600.0)
        }),
        ("outcome_length_of_stay_days", |s| s.outcome.length_of_stay_days),
        ("context_age_years", |s| s.context.age_years),
        ("context_ends_hours", |s| s.ends.map(|end| (end - s.begins).as_seconds() / 3_600.0)),
    ];
    type Flag = fn(&Stay) -> Option<bool>;
    let flags: [(&str, Flag); 2] = [
        ("outcome_died_in_hospital", |s| s.outcome.died_in_hospital),
        ("context_male", |s| s.context.male),
    ];
    let number = |(name, of): (&str, Number)| {
        let column: Float64Array = stays.iter().map(|stay| of(stay)).collect();
        (name.to_owned(), Arc::new(column) as ArrayRef)
    };
    let flag = |(name, of): (&str, Flag)| {
        let column: BooleanArray = stays.iter().map(|stay| of(stay)).collect();
        (name.to_owned(), Arc::new(column) as ArrayRef)
    };
    let units: StringArray = stays.iter().map(|stay| stay.unit.as_deref()).collect();
    flags
        .into_iter()
        .map(flag)
        .chain(numbers.into_iter().map(number))
        .chain([("context_unit".to_owned(), Arc::new(units) as ArrayRef)])
        .collect()
}
