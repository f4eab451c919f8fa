//! Recorded events in files, and fused scores into files.
//!
//! | content | format | file name ends in |
//! |---|---|---|
//! | records of any input topic | JSON lines, see [`json_lines`] | `.jsonl`, `.ndjson`, `.json` |
//! | events of one modality, a column each | Parquet, see [`wide`] | `.parquet` |
//! | the same | Arrow IPC, file or stream | `.arrow`, `.arrows`, `.feather`, `.ipc` |
//!
//! A bad row is a `Fault` in its place and never stops the reader; a file that cannot be read is a [`FileError`].

mod identity;
pub mod json_lines;
pub mod scores;
mod scores_batch;
pub mod wide;
mod wide_header;
mod wide_read;
mod wide_write;

pub use identity::Identity;

use crate::types::{Encounter, Event, Fault};
use std::path::{Path, PathBuf};

/// One decoded input record.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Of a modality.
    Event(Event),
    /// Of the encounters topic.
    Encounter(Encounter),
}

/// A row as read: a record, or what is wrong with it.
pub type Row = Result<Record, Fault>;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file system says no.
    #[error("cannot read or write {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No Arrow IPC file or stream, or a damaged one.
    #[error("cannot read or write {path} as Arrow IPC")]
    Arrow {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: arrow::error::ArrowError,
    },
    /// No Parquet file, or a damaged one.
    #[error("cannot read or write {path} as Parquet")]
    Parquet {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// The columns are not those of a modality.
    #[error("{path} {detail}")]
    Schema {
        /// Which file.
        path: PathBuf,
        /// What was expected.
        detail: String,
    },
    /// The ending of the file name stands for no format.
    #[error(
        "{path} ends in no format that can be read: use .jsonl, .ndjson, .parquet, .arrow or .arrows"
    )]
    UnknownFormat {
        /// Which file.
        path: PathBuf,
    },
}

/// A format of recorded events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// Wide columns in a Parquet file.
    Parquet,
    /// Wide columns in an Arrow IPC file or stream; which of the two is seen from the first bytes.
    Arrow,
}

impl Format {
    /// The format by the ending of a file's name.
    ///
    /// # Errors
    /// An ending that stands for none.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("jsonl" | "ndjson" | "json") => Ok(Self::JsonLines),
            Some("parquet") => Ok(Self::Parquet),
            Some("arrow" | "arrows" | "feather" | "ipc") => Ok(Self::Arrow),
            _ => Err(FileError::UnknownFormat { path: path.to_owned() }),
        }
    }
}

fn io_error(path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { path, source }
}
