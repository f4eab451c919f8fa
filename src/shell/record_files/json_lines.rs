//! Records of input topics as newline-delimited JSON: ours, and what `kcat -J` prints of a topic.
//!
//! One line is one record:
//!
//! ```json
//! {"topic":"vitals","partition":0,"offset":17,"ingest_time":"2026-01-05T08:00:01.250Z","key":"p1","value":{"patient":"p1"}}
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `topic` | required; the topic of a modality of the registry, or `encounters` |
//! | `value` | required; the payload as it stands in the topic, as JSON. `payload`, a text holding it, is taken too (kcat) |
//! | `key` | the record's key; where given, it must be the payload's patient. `null` (kcat's for none): not given |
//! | `partition`, `offset` | where the record stood; whole numbers |
//! | `ingest_time` | when the broker took it: RFC 3339, or milliseconds since the epoch. `ts` is taken too (kcat) |
//!
//! Other fields (kcat's `tstype`, `broker`, `headers`) are passed over. Empty lines are skipped and not counted.

use super::{FileError, Record, Row, io_error};
use crate::modality::Registry;
use crate::types::{Encounter, Fault, IngestTime, ModalityId, PatientId, RejectReason, rfc3339};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line in bytes, its end included; of a longer one only this much is read and the rest passed over.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// Decodes a payload of the encounters topic.
pub type DecodeEncounter = fn(&[u8]) -> Result<Encounter, Fault>;

/// One line, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Number of the line, from 1.
    pub number: u64,
    /// Partition, as far as given.
    pub partition: Option<u32>,
    /// Offset, as far as given.
    pub offset: Option<i64>,
    /// When the broker took it, as far as given.
    pub ingest_time: Option<IngestTime>,
    /// Whose record of what it is by its topic and key, as far as given; known of a record that cannot be used, too.
    pub about: Option<(ModalityId, PatientId)>,
    /// The record, or what is wrong with it.
    pub row: Row,
}

/// Reads a file line by line.
#[derive(Debug)]
pub struct Reader<'r, R> {
    input: R,
    path: PathBuf,
    registry: &'r Registry,
    encounters: (&'r str, DecodeEncounter),
    number: u64,
    buffer: Vec<u8>,
}

impl<'r> Reader<'r, BufReader<File>> {
    /// Opens a file. `encounters` is the topic of encounters with its decoder.
    ///
    /// # Errors
    /// A file that cannot be opened.
    pub fn open(
        path: &Path,
        registry: &'r Registry,
        encounters: (&'r str, DecodeEncounter),
    ) -> Result<Self, FileError> {
        let file = File::open(path).map_err(io_error(path))?;
        Ok(Self::new(BufReader::with_capacity(1 << 16, file), path, registry, encounters))
    }
}

impl<'r, R: BufRead> Reader<'r, R> {
    /// Reads from `input`; `path` is for error messages.
    pub fn new(
        input: R,
        path: &Path,
        registry: &'r Registry,
        encounters: (&'r str, DecodeEncounter),
    ) -> Self {
        let path = path.to_owned();
        Self { input, path, registry, encounters, number: 0, buffer: Vec::new() }
    }

    /// The next line that is not empty; `None` at the end.
    ///
    /// # Errors
    /// A file that cannot be read on.
    pub fn next_line(&mut self) -> Result<Option<Line>, FileError> {
        loop {
            let Some(complete) = self.fill().map_err(io_error(&self.path))? else {
                return Ok(None);
            };
            self.number += 1;
            let text = self.buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            if !complete {
                let detail = format!("a line must not be longer than {MAX_LINE_BYTES} bytes");
                let row = Err(Fault::new(RejectReason::Oversized, detail));
                return Ok(Some(Line { row, ..self.empty_line() }));
            }
            return Ok(Some(self.decode(text)));
        }
    }

    /// Reads one line into the buffer; `None` at the end, false for a line that is too long (its rest is passed over).
    fn fill(&mut self) -> std::io::Result<Option<bool>> {
        self.buffer.clear();
        let limit = MAX_LINE_BYTES as u64;
        let length = self.input.by_ref().take(limit).read_until(b'\n', &mut self.buffer)?;
        if length == 0 {
            return Ok(None);
        }
        let complete = length < MAX_LINE_BYTES || self.buffer.last() == Some(&b'\n');
        if !complete {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(complete))
    }

    fn empty_line(&self) -> Line {
        let row = Err(Fault::new(RejectReason::Undecodable, "nothing was read"));
        let (number, partition, offset) = (self.number, None, None);
        Line { number, partition, offset, ingest_time: None, about: None, row }
    }

    fn decode(&self, text: &[u8]) -> Line {
        let envelope: Envelope<'_> = match serde_json::from_slice(text) {
            Ok(envelope) => envelope,
            Err(error) => {
                let (column, what) = (error.column(), "is no record in JSON");
                let detail = format!("the line {what}, seen at column {column}");
                let row = Err(Fault::new(RejectReason::Undecodable, detail));
                return Line { row, ..self.empty_line() };
            }
        };
        let ingest_time = envelope.ingest_time.map(millis).transpose();
        let (ingest_time, row) = match ingest_time {
            Ok(time) => (time.map(IngestTime::from_millis), self.row(&envelope)),
            Err(fault) => (None, Err(fault)),
        };
        let (partition, offset) = (envelope.partition, envelope.offset);
        let about = self.about(&envelope);
        Line { number: self.number, partition, offset, ingest_time, about, row }
    }

    fn about(&self, envelope: &Envelope<'_>) -> Option<(ModalityId, PatientId)> {
        let name = envelope.topic.as_ref();
        let (id, _) = self.registry.iter().find(|(_, modality)| modality.topic == name)?;
        let patient = PatientId::new(&text(envelope.key?)?).ok()?;
        Some((id, patient))
    }

    fn row(&self, envelope: &Envelope<'_>) -> Row {
        let payload = envelope.payload()?;
        let (topic, decode_encounter) = self.encounters;
        let name = envelope.topic.as_ref();
        let (record, patient) = if name == topic {
            let encounter = decode_encounter(payload.as_bytes())?;
            let patient = encounter.patient.clone();
            (Record::Encounter(encounter), patient)
        } else {
            let found = self.registry.iter().find(|(_, m)| m.topic == name);
            let unknown = || Fault::new(RejectReason::UnknownCode, "topic is none of those read");
            let (id, modality) = found.ok_or_else(unknown)?;
            let event = (modality.decode)(payload.as_bytes(), id)?;
            let patient = event.patient.clone();
            (Record::Event(event), patient)
        };
        match envelope.key {
            Some(key) if text(key).as_deref() != Some(patient.as_str()) => {
                let detail = "the record's key is not the payload's patient";
                Err(Fault::new(RejectReason::KeyMismatch, detail))
            }
            _ => Ok(record),
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    partition: Option<u32>,
    offset: Option<i64>,
    #[serde(alias = "ts", borrow)]
    ingest_time: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
}

impl Envelope<'_> {
    fn payload(&self) -> Result<Cow<'_, str>, Fault> {
        match (self.value, &self.payload) {
            (Some(value), None) => Ok(Cow::Borrowed(value.get())),
            (None, Some(text)) => Ok(Cow::Borrowed(text)),
            (Some(_), Some(_)) => {
                let detail = "value and payload must not both be given";
                Err(Fault::new(RejectReason::Undecodable, detail))
            }
            (None, None) => Err(Fault::new(RejectReason::MissingField, "value is required")),
        }
    }
}

/// A JSON text, borrowed where it holds no escapes: two of them stand in every line.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str(raw.get()).ok().map(|Text(text)| text)
}

/// Milliseconds since the epoch of an instant given as text or as milliseconds.
fn millis(raw: &RawValue) -> Result<i64, Fault> {
    let of_text = || text(raw).and_then(|text| rfc3339::parse(&text));
    let millis = raw.get().parse().ok().or_else(of_text);
    let bad = "ingest_time must be an RFC 3339 instant or milliseconds, not before 1970";
    millis.filter(|m| *m >= 0).ok_or_else(|| Fault::new(RejectReason::BadTime, bad))
}
