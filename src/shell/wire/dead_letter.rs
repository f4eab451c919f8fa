//! The `dead-letters` topic: what could not be used, why, where it stood, and its original bytes.
//!
//! It holds what the source sent, patient data included: give the topic the access rules of the inputs.

use super::json::{Object, Text, read, record};
use super::parts::{Place, check_schema, missing, offset, time, unusable, word};
use crate::types::{Fault, IngestTime, Position, RejectReason};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

const SCHEMA: &str = "dead-letter/1";

/// How much of an original is kept, so that a giant cannot stick a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the payload; base64 makes four of three, and Kafka's default record limit is 1 MB.
    pub payload: usize,
    /// Bytes of the key.
    pub key: usize,
    /// Bytes of all header names and values together; headers past them are left out and counted.
    pub headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 512 << 10, key: 1 << 10, headers: 16 << 10 }
    }
}

/// Where a record stood, by topic name: dead letters come from `predictions` as well as from the inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// Topic name.
    pub topic: String,
    /// Configured number of the topic's incarnation.
    pub epoch: u32,
    /// Partition, from 0.
    pub partition: u32,
    /// Kafka offset, from 0.
    pub offset: i64,
}

impl RecordPlace {
    /// The place of an input record.
    pub fn of(position: Position, names: &super::Names) -> Self {
        let lane = position.lane;
        let topic = names.topic(lane.feed).to_owned();
        Self { topic, epoch: lane.epoch, partition: lane.partition, offset: position.offset }
    }
}

/// Bytes, perhaps cut off, with the length and SHA-256 of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clipped {
    /// The first bytes.
    pub bytes: Vec<u8>,
    /// Length of the whole.
    pub length: u64,
    /// SHA-256 of the whole.
    pub sha256: [u8; 32],
}

impl Clipped {
    /// Keeps at most `limit` bytes.
    pub fn new(whole: &[u8], limit: usize) -> Self {
        Self {
            bytes: whole.get(..limit).unwrap_or(whole).to_vec(),
            length: whole.len() as u64,
            sha256: Sha256::digest(whole).into(),
        }
    }

    /// True where nothing was cut off: only then can it be sent back from here.
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.length
    }
}

/// One Kafka header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its bytes; `None`: a null value.
    pub value: Option<Vec<u8>>,
}

/// A record as it was read from the broker.
#[derive(Clone, Debug, Default)]
pub struct Original<'a> {
    /// Its timestamp at the broker; `None`: it has none.
    pub ingest_time: Option<IngestTime>,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; `None`: a tombstone.
    pub payload: Option<&'a [u8]>,
    /// Its headers, in order.
    pub headers: &'a [Header],
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why; the detail holds no patient data.
    pub fault: Fault,
    /// Where it stood; also the record's key, so that a repeat replaces itself.
    pub source: RecordPlace,
    /// Its timestamp at the broker; `None`: it had none.
    pub ingest_time: Option<IngestTime>,
    /// Its key; `None`: it had none.
    pub key: Option<Clipped>,
    /// Its value; `None`: it was a tombstone.
    pub payload: Option<Clipped>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
    /// How many more headers it had.
    pub headers_left_out: u32,
}

impl DeadLetter {
    /// The dead letter of a record.
    pub fn new(fault: Fault, source: RecordPlace, original: &Original<'_>, limits: Limits) -> Self {
        let mut bytes = 0;
        let fits = |header: &&Header| {
            bytes += header.name.len() + header.value.as_ref().map_or(0, Vec::len);
            bytes <= limits.headers
        };
        let headers: Vec<Header> = original.headers.iter().take_while(fits).cloned().collect();
        let left_out = original.headers.len() - headers.len();
        Self {
            fault,
            source,
            ingest_time: original.ingest_time,
            key: original.key.map(|key| Clipped::new(key, limits.key)),
            payload: original.payload.map(|payload| Clipped::new(payload, limits.payload)),
            headers,
            headers_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
        }
    }
}

record! {
    /// One dead letter.
    struct Record {
        schema: Text<'a>,
        reason: Text<'a>,
        detail: Text<'a>,
        source: Place<'a>,
        ingest_time: Text<'a>,
        key: ClippedRecord<'a>,
        payload: ClippedRecord<'a>,
        headers: Vec<HeaderRecord<'a>>,
        headers_left_out: u32,
    }
}

record! {
    /// Bytes, perhaps cut off.
    struct ClippedRecord {
        base64: Text<'a>,
        length: u64,
        sha256: Text<'a>,
    }
}

record! {
    /// One header.
    struct HeaderRecord {
        name: Text<'a>,
        base64: Text<'a>,
    }
}

/// Appends a dead letter as one JSON object.
pub fn encode_dead_letter(letter: &DeadLetter, out: &mut Vec<u8>) {
    let mut object = Object::start(out);
    object.word("schema", SCHEMA);
    object.word("reason", letter.fault.reason.name());
    object.text("detail", &letter.fault.detail);
    let mut source = object.object("source");
    source.text("topic", &letter.source.topic);
    source.whole("epoch", letter.source.epoch);
    source.whole("partition", letter.source.partition);
    source.whole("offset", letter.source.offset);
    source.end();
    object.optional_time("ingest_time", letter.ingest_time.map(IngestTime::as_millis));
    write_clipped(&mut object, "key", letter.key.as_ref());
    write_clipped(&mut object, "payload", letter.payload.as_ref());
    object.array("headers", &letter.headers, |out, header| {
        let mut object = Object::start(out);
        object.text("name", &header.name);
        match &header.value {
            Some(value) => object.text("base64", &STANDARD.encode(value)),
            None => object.null("base64"),
        }
        object.end();
    });
    object.whole("headers_left_out", letter.headers_left_out);
    object.end();
}

fn write_clipped(object: &mut Object<'_>, name: &str, clipped: Option<&Clipped>) {
    let Some(clipped) = clipped else { return object.null(name) };
    let mut inner = object.object(name);
    inner.text("base64", &STANDARD.encode(&clipped.bytes));
    inner.whole("length", clipped.length);
    inner.text("sha256", &hex(&clipped.sha256));
    inner.end();
}

/// Reads a dead letter.
///
/// # Errors
/// As [`super::decode_entry`]; and `BadPrediction` for a reason that this version does not know, bytes that are no
/// base64 or longer than the whole, and a whole that does not match its SHA-256.
pub fn decode_dead_letter(payload: &[u8]) -> Result<DeadLetter, Fault> {
    let record: Record<'_> = read(payload)?;
    check_schema(record.schema.as_ref(), SCHEMA)?;
    let reasons = RejectReason::ALL.map(|reason| (reason, reason.name()));
    let reason = word(&reasons, record.reason.as_ref(), "reason")?;
    let detail = record.detail.as_deref().ok_or_else(|| missing("detail"))?;
    let ingest_time = match &record.ingest_time {
        Some(_) => Some(IngestTime::from_millis(time(record.ingest_time.as_ref(), "ingest_time")?)),
        None => None,
    };
    let headers = record.headers.ok_or_else(|| missing("headers"))?;
    Ok(DeadLetter {
        fault: Fault::new(reason, detail.to_owned()),
        source: place_of(record.source)?,
        ingest_time,
        key: record.key.map(|clipped| clipped_of(&clipped)).transpose()?,
        payload: record.payload.map(|clipped| clipped_of(&clipped)).transpose()?,
        headers: headers.iter().map(header_of).collect::<Result<_, _>>()?,
        headers_left_out: record.headers_left_out.unwrap_or(0),
    })
}

fn place_of(place: Option<Place<'_>>) -> Result<RecordPlace, Fault> {
    let place = place.ok_or_else(|| missing("source"))?;
    let topic = place.topic.as_deref().ok_or_else(|| missing("source.topic"))?;
    Ok(RecordPlace {
        topic: topic.to_owned(),
        epoch: place.epoch.ok_or_else(|| missing("source.epoch"))?,
        partition: place.partition.ok_or_else(|| missing("source.partition"))?,
        offset: offset(place.offset, "source.offset")?,
    })
}

fn clipped_of(record: &ClippedRecord<'_>) -> Result<Clipped, Fault> {
    let bytes = bytes_of(record.base64.as_deref().ok_or_else(|| missing("base64"))?)?;
    let length = record.length.ok_or_else(|| missing("length"))?;
    let sha256 = record.sha256.as_deref().ok_or_else(|| missing("sha256"))?;
    let sha256 = from_hex(sha256).ok_or_else(|| unusable("a SHA-256 that is none"))?;
    let clipped = Clipped { bytes, length, sha256 };
    let too_long = clipped.bytes.len() as u64 > length;
    if too_long || (clipped.is_whole() && *Sha256::digest(&clipped.bytes) != sha256) {
        return Err(unusable("original bytes that do not match their length or SHA-256"));
    }
    Ok(clipped)
}

fn header_of(record: &HeaderRecord<'_>) -> Result<Header, Fault> {
    let name = record.name.as_deref().ok_or_else(|| missing("headers.name"))?;
    let value = record.base64.as_deref().map(bytes_of).transpose()?;
    Ok(Header { name: name.to_owned(), value })
}

fn bytes_of(base64: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(base64).map_err(|_| unusable("bytes that are no base64"))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|b| [b >> 4, b & 15])
        .filter_map(|n| char::from_digit(n.into(), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}
