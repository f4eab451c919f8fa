//! The stage's state as bytes: one entry for each patient and one for the lane, each beginning with [`VERSION`].

use super::lookback::Lookback;
use super::packed::{Kind, LONGEST_DELAY, LONGEST_RETENTION, MOST_OBSERVATIONS, Row, Spot};
use super::versions::Rank;
use crate::stage::BadCheckpoint;
use crate::types::{EventTime, IssueTime, MAX_COLUMNS, Span, Values};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// First byte of every entry; raised with every change of the formats below.
const VERSION: u8 = 1;

/// The lane as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedLane {
    pub(super) next_offset: i64,
    pub(super) watermark: EventTime,
}

/// A patient; true before the record at `next_offset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedPatient {
    pub(super) next_offset: i64,
    newest: EventTime,
    rows: Vec<SavedRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedRow {
    /// Milliseconds before the newest row.
    age: u64,
    /// Milliseconds from event time to first issue.
    delay: u32,
    id: u32,
    kind: u16,
    version: u32,
    /// Issue time of the version that counts, less the first.
    reissued: i64,
    values: Vec<(u8, i16)>,
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Writing integers to a growing vector cannot fail; an empty entry would be refused when it is read.
    postcard::to_extend(value, vec![VERSION]).unwrap_or_default()
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, BadCheckpoint> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            let (value, rest) = postcard::take_from_bytes(rest).map_err(|e| bad(e.to_string()))?;
            if rest.is_empty() { Ok(value) } else { Err(bad("bytes are left over")) }
        }
        Some((other, _)) => Err(bad(format!("version {other}, expected {VERSION}"))),
        None => Err(bad("it is empty")),
    }
}

pub(super) fn bad(what: impl Into<String>) -> BadCheckpoint {
    BadCheckpoint(what.into())
}

pub(super) fn save(lookback: &Lookback, next_offset: i64) -> SavedPatient {
    let newest = lookback.newest().unwrap_or_default();
    let mut start = 0;
    let mut saved = |at: usize| {
        let (row, rank) = (lookback.row(at), lookback.rank(at));
        let values = lookback.values_of(at, start).iter().collect();
        start += lookback.width_at(at);
        let delay = row.spot.issued.as_millis() - row.spot.event_time.as_millis();
        SavedRow {
            age: (newest - row.spot.event_time).as_millis() as u64,
            delay: delay as u32,
            id: row.id,
            kind: row.kind as u16,
            version: rank.version,
            reissued: (rank.issued - row.spot.issued).as_millis(),
            values,
        }
    };
    let rows = (0..lookback.len()).map(&mut saved).collect();
    SavedPatient { next_offset, newest, rows }
}

pub(super) fn load(saved: &SavedPatient, retention: Span) -> Result<Lookback, BadCheckpoint> {
    if saved.rows.is_empty() || saved.rows.len() > MOST_OBSERVATIONS + 1 {
        return Err(bad("a patient must have observations, and no more than can be kept"));
    }
    let mut lookback = Lookback::default();
    for row in &saved.rows {
        let (row, rank, values) = row.unpack(saved.newest)?;
        lookback.insert(row, rank, &values, retention);
    }
    Ok(lookback)
}

impl SavedRow {
    fn unpack(&self, newest: EventTime) -> Result<(Row, Rank, Values), BadCheckpoint> {
        let kind = Kind::from_bits(self.kind).ok_or_else(|| bad("a row of unknown kind"))?;
        let age = i64::try_from(self.age).ok().filter(|age| *age < LONGEST_RETENTION.as_millis());
        let event_time = newest - Span::millis(age.ok_or_else(|| bad("a row is too old"))?);
        debug_assert!(i64::from(self.delay) <= LONGEST_DELAY.as_millis(), "both are 32 bits");
        let issued =
            IssueTime::from_millis(event_time.as_millis()) + Span::millis(i64::from(self.delay));
        let mut values = Values::default();
        let fits = self.values.iter().all(|(column, steps)| {
            usize::from(*column) < MAX_COLUMNS
                && values.get(*column).is_none()
                && values.set(*column, *steps)
        });
        if !fits || values.is_empty() == (kind == Kind::Value) {
            return Err(bad("a row whose values do not fit its kind"));
        }
        let rank = Rank::new(self.version, issued + Span::millis(self.reissued), kind);
        Ok((Row { spot: Spot { event_time, issued }, id: self.id, kind }, rank, values))
    }
}
