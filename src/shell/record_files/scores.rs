//! Fused scores into files: Parquet with flat columns, or JSON lines.
//!
//! The same scores in the same order give the same bytes, however they are cut into calls.
//!
//! | column | type | null |
//! |---|---|---|
//! | `patient` | text | never |
//! | `window_end` | timestamp (ms, UTC): last instant inside the window | never |
//! | `window_seconds` | float64: length of the window | never |
//! | `pane` | text: `early`, `on_time`, `late` | never |
//! | `revision` | uint32, from 0 | never |
//! | `status` | text: `ok`, `degraded`, `insufficient_data` | never |
//! | `risk`, `lower`, `upper` | float64 in 0..=1: fused risk and its interval | no modality is present |
//! | `band` | text: `low`, `medium`, `high`, holds included | no evidence at all |
//! | `band_held` | boolean: the band is held above what the present evidence gives | never |
//! | `band_without_hold` | text: the band that the present evidence alone gives | not held, or nothing is present |
//! | `band_held_by` | text: modalities whose stale evidence holds it, separated by commas | not held |
//! | `unit` | text | not known |
//! | `package` | text: digest of the fusion package | never |
//!
//! and for each modality `m` of the registry, in its order:
//!
//! | column | type | null |
//! |---|---|---|
//! | `m_presence` | text: `present`, or why it is absent (`never`, `pending`, `stale`, …) | never |
//! | `m_event_time` | timestamp (ms, UTC) of the prediction used, or of the newest thing known | nothing known |
//! | `m_age_seconds` | float64: window end less event time, zero or more | absent |
//! | `m_risk` | float64 in 0..=1: calibrated risk of this modality alone | absent |
//! | `m_weight` | float64 in 0..=1: its share | absent |
//! | `m_contribution` | float64: what it adds to the fused log-odds | absent |
//! | `m_model` | text: `name@version` | absent |
//! | `m_source_topic`, `m_source_epoch`, `m_source_partition`, `m_source_offset` | text, uint32, uint32, int64: the record it was made from | absent |

use super::scores_batch::{schema, to_batch};
use super::wide_write::parquet_properties;
use super::{FileError, io_error};
use crate::modality::Registry;
use crate::types::FusedScore;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Scores written to the Parquet encoder at a time: fixed, because page bounds depend on it.
const BATCH: usize = 8_192;

/// Writes fused scores as Parquet.
#[derive(Debug)]
pub struct ParquetWriter {
    path: PathBuf,
    registry: Registry,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    waiting: Vec<FusedScore>,
}

impl ParquetWriter {
    /// Creates the file, or empties it.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(path: &Path, registry: &Registry) -> Result<Self, FileError> {
        let file = File::create(path).map_err(io_error(path))?;
        let schema = schema(registry);
        let writer = parquet_properties()
            .and_then(|p| ArrowWriter::try_new(file, schema.clone(), Some(p)))
            .map_err(|source| FileError::Parquet { path: path.to_owned(), source })?;
        let (path, registry) = (path.to_owned(), registry.clone());
        Ok(Self { path, registry, schema, writer, waiting: Vec::with_capacity(BATCH) })
    }

    /// Adds a score.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, score: FusedScore) -> Result<(), FileError> {
        self.waiting.push(score);
        if self.waiting.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Writes what waits and completes the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(mut self) -> Result<(), FileError> {
        self.flush()?;
        let closed = self.writer.close();
        closed.map(|_| ()).map_err(|source| FileError::Parquet { path: self.path, source })
    }

    fn flush(&mut self) -> Result<(), FileError> {
        let batch = to_batch(&self.schema, &self.registry, &self.waiting)
            .map_err(|source| FileError::Arrow { path: self.path.clone(), source })?;
        self.waiting.clear();
        self.writer
            .write(&batch)
            .map_err(|source| FileError::Parquet { path: self.path.clone(), source })
    }
}

/// Writes fused scores as JSON lines, each encoded by a function given: the one that also makes the topic's records.
pub struct JsonLinesWriter<E> {
    path: PathBuf,
    file: BufWriter<File>,
    encode: E,
    line: Vec<u8>,
}

impl<E> std::fmt::Debug for JsonLinesWriter<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLinesWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<E: FnMut(&FusedScore, &mut Vec<u8>)> JsonLinesWriter<E> {
    /// Creates the file, or empties it. `encode` adds one JSON object, without a line end, to the bytes.
    ///
    /// # Errors
    /// A file that cannot be created.
    pub fn create(path: &Path, encode: E) -> Result<Self, FileError> {
        let file = BufWriter::new(File::create(path).map_err(io_error(path))?);
        Ok(Self { path: path.to_owned(), file, encode, line: Vec::new() })
    }

    /// Adds a score.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&mut self, score: &FusedScore) -> Result<(), FileError> {
        self.line.clear();
        (self.encode)(score, &mut self.line);
        self.line.push(b'\n');
        self.file.write_all(&self.line).map_err(io_error(&self.path))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(mut self) -> Result<(), FileError> {
        self.file.flush().map_err(io_error(&self.path))
    }
}
