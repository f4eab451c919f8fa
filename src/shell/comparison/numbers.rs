//! Every number of a comparison as Parquet: one row for each condition, method and measure.

use super::Comparison;
use crate::shell::record_files::FileError;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Writes `as_of_hours, disturbance, target, level, pattern, method, patients, events, measure, value, lower, upper`;
/// `lower` and `upper` are the ends of a 95 % bootstrap interval, null where there is none.
///
/// # Errors
/// A file that cannot be written.
pub fn write(path: &Path, comparison: &Comparison) -> Result<(), FileError> {
    let mut rows = Vec::new();
    for cell in &comparison.cells {
        let named = cell.measures.iter().map(|(name, value)| ((*name).to_owned(), *value));
        let single = [
            ("calibration_slope", cell.calibration_slope),
            ("score_1", cell.score_1),
            ("score_2", cell.score_2),
        ];
        let single = single.into_iter().filter_map(|(name, v)| Some((name.to_owned(), (v?, None))));
        let ahead = cell.ahead_of.iter();
        let ahead = ahead.map(|(rival, value)| (format!("auroc_ahead_of_{rival}"), *value));
        rows.extend(named.chain(single).chain(ahead).map(|measure| (cell, measure)));
    }
    let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows.len()).map(of)))
    };
    let number = |of: &dyn Fn(usize) -> Option<f64>| -> ArrayRef {
        Arc::new((0..rows.len()).map(of).collect::<Float64Array>())
    };
    let count = |of: &dyn Fn(usize) -> usize| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values((0..rows.len()).map(|i| of(i) as u64)))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("as_of_hours", number(&|i| Some(rows[i].0.as_of_hours))),
        ("disturbance", text(&|i| rows[i].0.disturbance.clone())),
        ("target", text(&|i| rows[i].0.target.clone())),
        ("level", number(&|i| Some(rows[i].0.level))),
        ("pattern", text(&|i| rows[i].0.pattern.clone())),
        ("method", text(&|i| rows[i].0.method.clone())),
        ("patients", count(&|i| rows[i].0.patients)),
        ("events", count(&|i| rows[i].0.events)),
        ("measure", text(&|i| rows[i].1.0.clone())),
        ("value", number(&|i| Some(rows[i].1.1.0).filter(|v| !v.is_nan()))),
        ("lower", number(&|i| rows[i].1.1.1.map(|ends| ends[0]))),
        ("upper", number(&|i| rows[i].1.1.1.map(|ends| ends[1]))),
    ];
    let field =
        |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let io = |source| FileError::Io { path: path.to_owned(), source };
    let wrong = |source: ParquetError| FileError::Parquet { path: path.to_owned(), source };
    let file = File::create(path).map_err(io)?;
    let properties = WriterProperties::builder().set_created_by("latefusion".to_owned()).build();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).map_err(|e| wrong(e.into()))?;
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(wrong)?;
    writer.write(&batch).map_err(wrong)?;
    writer.close().map_err(wrong).map(|_| ())
}
