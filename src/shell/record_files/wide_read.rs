//! Reads wide tables batch by batch, column by column, straight into events.

use super::wide::{HEADER, MODALITY_KEY};
use super::wide_header::Header;
use super::{FileError, Format, Identity, io_error};
use crate::modality::{Column, Modality, Registry};
use crate::types::{Event, EventStatus, Fault, ModalityId, RejectReason, Values};
use arrow::array::{Array, AsArray, Float64Array, RecordBatch, RecordBatchReader};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Rows that are filled together, so that they stay in the processor's cache while column after column is added.
const CHUNK: usize = 512;
/// Rows of a Parquet file decoded at a time.
const PARQUET_BATCH: usize = 8_192;

/// Reads a Parquet file, or an Arrow IPC file or stream, of one modality.
pub struct Reader {
    path: PathBuf,
    batches: Batches,
    decoder: Decoder,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a file; `modality` is used where the file does not name its own.
    ///
    /// # Errors
    /// A file that cannot be opened, is of another format, or has other columns.
    pub fn open(
        path: &Path,
        registry: &Registry,
        modality: Option<&str>,
    ) -> Result<Self, FileError> {
        let (schema, batches) = open_batches(path)?;
        let refuse = |detail| FileError::Schema { path: path.to_owned(), detail };
        let named = schema.metadata().get(MODALITY_KEY).map(String::as_str).or(modality);
        let name = named.ok_or_else(|| refuse("does not name its modality".to_owned()))?;
        let (id, modality) = registry.find(name).ok_or_else(|| {
            refuse(format!("is of the modality `{name}`, which is not configured"))
        })?;
        let decoder = Decoder::new(&schema, id, modality).map_err(refuse)?;
        Ok(Self { path: path.to_owned(), batches, decoder })
    }

    /// Replaces what is in `rows` by the next rows, in file order; false, with none, at the end.
    ///
    /// # Errors
    /// A damaged file.
    pub fn next_batch(&mut self, rows: &mut Vec<Result<Event, Fault>>) -> Result<bool, FileError> {
        rows.clear();
        let arrow_error = |source| FileError::Arrow { path: self.path.clone(), source };
        match self.batches.next() {
            None => Ok(false),
            Some(batch) => {
                let batch = batch.map_err(arrow_error)?;
                self.decoder.decode(&batch, rows).map_err(arrow_error)?;
                Ok(true)
            }
        }
    }
}

type Batches = Box<dyn RecordBatchReader + Send>;

fn open_batches(path: &Path) -> Result<(SchemaRef, Batches), FileError> {
    let mut file = File::open(path).map_err(io_error(path))?;
    if Format::of(path)? == Format::Parquet {
        let parquet_error = |source| FileError::Parquet { path: path.to_owned(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(parquet_error)?;
        // The builder's schema, because the reader's has lost its metadata.
        let schema = builder.schema().clone();
        let reader = builder.with_batch_size(PARQUET_BATCH).build().map_err(parquet_error)?;
        return Ok((schema, Box::new(reader)));
    }
    let mut magic = [0; 6];
    let length = file.read(&mut magic).map_err(io_error(path))?;
    file.rewind().map_err(io_error(path))?;
    let arrow_error = |source| FileError::Arrow { path: path.to_owned(), source };
    let input = BufReader::with_capacity(1 << 20, file);
    let batches: Batches = if magic.get(..length) == Some(b"ARROW1".as_slice()) {
        Box::new(FileReader::try_new(input, None).map_err(arrow_error)?)
    } else {
        Box::new(StreamReader::try_new(input, None).map_err(arrow_error)?)
    };
    Ok((batches.schema(), batches))
}

/// Turns record batches of one schema into events.
#[derive(Debug)]
pub struct Decoder {
    modality: ModalityId,
    spec: &'static Modality,
    identity: Identity,
    /// Places in the schema of the columns of [`HEADER`].
    header: [Option<usize>; 6],
    /// Columns of the modality with their places in the schema.
    values: Vec<(u8, usize)>,
}

impl Decoder {
    /// For batches of this schema.
    ///
    /// # Errors
    /// What is wrong with the columns, as the end of a sentence that begins with the file's name.
    pub fn new(
        schema: &Schema,
        modality: ModalityId,
        spec: &'static Modality,
    ) -> Result<Self, String> {
        let (mut header, mut values) = ([None; 6], Vec::new());
        for (place, field) in schema.fields().iter().enumerate() {
            let name = field.name().as_str();
            if let Some(i) = HEADER.iter().position(|h| *h == name) {
                header[i] = Some(place);
            } else if let Some(column) = spec.column(name) {
                if !field.data_type().is_numeric() {
                    return Err(format!("has a column `{name}` that holds no numbers"));
                }
                values.push((column, place));
            } else {
                let modality = spec.name;
                return Err(format!(
                    "has a column `{name}` that the modality `{modality}` has not"
                ));
            }
        }
        match HEADER.iter().zip(header).take(3).find(|(_, place)| place.is_none()) {
            Some((name, _)) => Err(format!("has no column `{name}`")),
            None => Ok(Self { modality, spec, identity: Identity::of(spec), header, values }),
        }
    }

    /// Adds one row for each row of the batch.
    ///
    /// # Errors
    /// A batch whose columns are not of the types of the schema.
    pub fn decode(
        &self,
        batch: &RecordBatch,
        rows: &mut Vec<Result<Event, Fault>>,
    ) -> Result<(), ArrowError> {
        let header = Header::of(batch, &self.header)?;
        let mut columns = Vec::with_capacity(self.values.len());
        for (column, place) in &self.values {
            let Some(spec) = self.spec.columns.get(usize::from(*column)) else { continue };
            let numbers = cast(batch.column(*place), &DataType::Float64)?;
            columns.push((*column, spec, numbers.as_primitive::<Float64Type>().clone()));
        }
        rows.reserve(batch.num_rows());
        for start in (0..batch.num_rows()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(batch.num_rows());
            let first = rows.len();
            rows.extend(range.clone().map(|row| header.event(row, self.modality)));
            for (column, spec, numbers) in &columns {
                fill(&mut rows[first..], *column, spec, numbers, range.clone());
            }
            for (row, event) in range.zip(&mut rows[first..]) {
                self.complete(event, header.has_id(row));
            }
        }
        Ok(())
    }

    /// Derives the id where none was given, and checks what the status allows.
    fn complete(&self, row: &mut Result<Event, Fault>, has_id: bool) {
        let Ok(event) = row else { return };
        let empty = event.values.is_empty();
        let fault = match event.status {
            EventStatus::Registered if !empty => {
                Some((RejectReason::BadStatus, "a registered result has no value yet"))
            }
            EventStatus::Preliminary | EventStatus::Corrected if empty => {
                Some((RejectReason::MissingField, "a value is required"))
            }
            status if empty && !has_id && status != EventStatus::Registered => {
                Some((RejectReason::MissingField, "a value or an id is required"))
            }
            _ => None,
        };
        if !has_id {
            event.id = self.identity.derive(event.event_time, &event.values);
        }
        if event.status.withdraws() {
            event.values = Values::default();
        }
        if let Some((reason, detail)) = fault {
            *row = Err(Fault::new(reason, detail));
        }
    }
}

/// Adds one column's values to the rows of a range.
fn fill(
    rows: &mut [Result<Event, Fault>],
    column: u8,
    spec: &Column,
    numbers: &Float64Array,
    range: Range<usize>,
) {
    if numbers.null_count() == numbers.len() {
        return;
    }
    for (row, event) in range.zip(rows) {
        if numbers.is_null(row) {
            continue;
        }
        let Ok(known) = event else { continue };
        match spec.to_steps(numbers.value(row)) {
            Ok(steps) if known.values.set(column, steps) => {}
            Ok(_) => {
                let detail = "too many values in one observation";
                *event = Err(Fault::new(RejectReason::LimitReached, detail));
            }
            Err(fault) => *event = Err(fault),
        }
    }
}
