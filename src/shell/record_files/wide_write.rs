//! Writes wide tables: for tests, the simulator, benchmarks and exports.

use super::wide::{code_of, schema};
use super::{FileError, Format, io_error};
use crate::modality::Modality;
use crate::types::Event;
use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The events of one modality as one batch of [`schema`]'s columns.
///
/// # Errors
/// Texts of more than 2 GiB in all.
pub fn to_batch(modality: &Modality, events: &[Event]) -> Result<RecordBatch, ArrowError> {
    let times = |millis: Vec<i64>| TimestampMillisecondArray::from(millis).with_timezone("UTC");
    let event_times = times(events.iter().map(|e| e.event_time.as_millis()).collect());
    let issued = times(events.iter().map(|e| e.issued.as_millis()).collect());
    let patients = StringArray::from_iter_values(events.iter().map(|e| e.patient.as_str()));
    let statuses = StringArray::from_iter_values(events.iter().map(|e| code_of(e.status)));
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(patients),
        Arc::new(event_times),
        Arc::new(issued),
        Arc::new(UInt64Array::from_iter_values(events.iter().map(|e| e.id.0))),
        Arc::new(UInt32Array::from_iter_values(events.iter().map(|e| e.version))),
        Arc::new(statuses),
    ];
    for (column, spec) in (0_u8..).zip(modality.columns) {
        let value = |event: &Event| event.values.get(column).map(|steps| spec.to_value(steps));
        columns.push(Arc::new(events.iter().map(value).collect::<Float64Array>()));
    }
    RecordBatch::try_new(schema(modality), columns)
}

/// Deterministic Parquet: nothing of it depends on the time, the machine or a library's version string.
pub(super) fn parquet_properties() -> Result<WriterProperties, ParquetError> {
    let compression = Compression::ZSTD(ZstdLevel::try_new(1)?);
    Ok(WriterProperties::builder()
        .set_created_by("latefusion".to_owned())
        .set_compression(compression)
        .build())
}

enum Sink {
    Parquet(Box<ArrowWriter<File>>),
    File(Box<FileWriter<BufWriter<File>>>),
    Stream(Box<StreamWriter<BufWriter<File>>>),
}

/// Writes events of one modality to a file, its format by the ending of its name (`.arrows`: IPC stream).
pub struct Writer {
    path: PathBuf,
    modality: &'static Modality,
    sink: Sink,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Writer {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// A file that cannot be created, or an ending that stands for no wide format.
    pub fn create(path: &Path, modality: &'static Modality) -> Result<Self, FileError> {
        let format = Format::of(path)?;
        if format == Format::JsonLines {
            return Err(FileError::UnknownFormat { path: path.to_owned() });
        }
        let file = File::create(path).map_err(io_error(path))?;
        let schema = schema(modality);
        let stream = path.extension().is_some_and(|e| e == "arrows");
        let arrow_error = |source| FileError::Arrow { path: path.to_owned(), source };
        let sink = match format {
            Format::Parquet => {
                let writer = parquet_properties()
                    .and_then(|properties| ArrowWriter::try_new(file, schema, Some(properties)))
                    .map_err(|source| FileError::Parquet { path: path.to_owned(), source })?;
                Sink::Parquet(Box::new(writer))
            }
            _ if stream => {
                let writer = StreamWriter::try_new_buffered(file, &schema);
                Sink::Stream(Box::new(writer.map_err(arrow_error)?))
            }
            _ => {
                let writer = FileWriter::try_new_buffered(file, &schema);
                Sink::File(Box::new(writer.map_err(arrow_error)?))
            }
        };
        Ok(Self { path: path.to_owned(), modality, sink })
    }

    /// Adds events; in an IPC file they become one batch.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, events: &[Event]) -> Result<(), FileError> {
        let path = &self.path;
        let arrow_error = |source| FileError::Arrow { path: path.clone(), source };
        let batch = to_batch(self.modality, events).map_err(arrow_error)?;
        match &mut self.sink {
            Sink::Parquet(writer) => writer
                .write(&batch)
                .map_err(|source| FileError::Parquet { path: path.clone(), source }),
            Sink::File(writer) => writer.write(&batch).map_err(arrow_error),
            Sink::Stream(writer) => writer.write(&batch).map_err(arrow_error),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(self) -> Result<(), FileError> {
        let path = self.path;
        let arrow_error = |source| FileError::Arrow { path: path.clone(), source };
        match self.sink {
            Sink::Parquet(writer) => writer
                .close()
                .map(|_| ())
                .map_err(|source| FileError::Parquet { path: path.clone(), source }),
            Sink::File(mut writer) => writer.finish().map_err(arrow_error),
            Sink::Stream(mut writer) => writer.finish().map_err(arrow_error),
        }
    }
}
