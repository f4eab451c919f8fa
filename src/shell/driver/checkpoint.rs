//! Checkpoints in a compacted topic: what an entry looks like, and how a torn one is noticed.
//!
//! The key is the lane's prefix (`score/vitals/0/3`, `fuse/0/3`: epoch, partition), for a patient's entry followed by `/` and
//! the id. The value is a version, the offset that the entry is true for, and the stage's bytes; the lane-wide entry also
//! holds how many patients' entries belong to it and the sum of all hashes, its own included. So whatever is missing, left over or
//! damaged shows before anything is computed with it.

use super::lane::Making;
use super::{Pipeline, Role};
use crate::shell::bus::{Bus, BusError, Outgoing, TopicPartition};
use crate::shell::wire::Names;
use crate::stage::{StateEntry, StateKey};
use crate::types::{Feed, PatientId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// First byte of every value; raised with every change of the envelope.
const VERSION: u8 = 1;

/// Where a lane's checkpoint stands.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    place: TopicPartition,
    prefix: Vec<u8>,
}

impl Shelf {
    /// The checkpoint of a lane. Its entries share one partition, so that their order is the order of writing.
    ///
    /// # Errors
    /// As [`Bus::partitions`].
    pub(super) fn of(making: &Making<'_>, bus: &mut dyn Bus) -> Result<Self, BusError> {
        let Pipeline { state_topics, names, .. } = &**making.pipeline;
        let (topic, role) = match making.role {
            Role::Score(feed) => (&state_topics.score, format!("score/{}", feed_name(feed, names))),
            Role::Fuse => (&state_topics.fuse, "fuse".to_owned()),
        };
        let count = bus.partitions(topic)?.max(1);
        let TopicPartition { topic: read, partition } = making.place;
        let prefix = format!("{role}/{}/{partition}", making.pipeline.epoch(read));
        let topic: Arc<str> = topic.as_str().into();
        Ok(Self {
            place: TopicPartition::new(topic, partition % count),
            prefix: prefix.into_bytes(),
        })
    }

    /// `None`: another lane's.
    fn key_of(&self, key: &[u8]) -> Option<StateKey> {
        let rest = key.strip_prefix(&*self.prefix)?;
        if rest.is_empty() {
            return Some(StateKey::Lane);
        }
        let id = std::str::from_utf8(rest.strip_prefix(b"/")?).ok()?;
        PatientId::new(id).ok().map(StateKey::Patient)
    }

    fn key(&self, key: &StateKey) -> Vec<u8> {
        match key {
            StateKey::Lane => self.prefix.clone(),
            StateKey::Patient(id) => [&*self.prefix, b"/", id.as_str().as_bytes()].concat(),
        }
    }
}

fn feed_name(feed: Feed, names: &Names) -> &str {
    match feed {
        Feed::Modality(id) => names.modality(id),
        Feed::Encounters => "encounters",
    }
}

/// What the checkpoint topic holds of a lane: a hash of each patient's newest entry, and their sum.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    hashes: BTreeMap<u64, u64>,
    sum: u64,
    /// Patients of an unusable checkpoint, whose entries the next one must clear away.
    orphans: BTreeSet<PatientId>,
}

impl Ledger {
    /// The records of a checkpoint that is true for `offset`: `entries` with the lane-wide one last.
    pub(super) fn write(
        &mut self,
        shelf: &Shelf,
        entries: Vec<StateEntry>,
        offset: i64,
    ) -> Vec<Outgoing> {
        let mut orphans = std::mem::take(&mut self.orphans);
        let mut records = Vec::with_capacity(entries.len() + orphans.len());
        let mut lane = None;
        for StateEntry { key, value } in entries {
            if let StateKey::Patient(id) = &key {
                orphans.remove(id);
                let value = value.map(|bytes| envelope(offset, &bytes));
                self.put(id, value.as_deref());
                records.push(shelf.outgoing(&key, value));
            } else {
                lane = value;
            }
        }
        let cleared = orphans.into_iter().map(|id| shelf.outgoing(&StateKey::Patient(id), None));
        records.extend(cleared);
        let lane = lane.unwrap_or_default();
        let sum = self.sum.wrapping_add(hash(offset as u64, &lane));
        let mut value = (self.hashes.len() as u64).to_le_bytes().to_vec();
        value.extend_from_slice(&sum.to_le_bytes());
        value.extend_from_slice(&lane);
        records.push(shelf.outgoing(&StateKey::Lane, Some(envelope(offset, &value))));
        records
    }

    fn put(&mut self, id: &PatientId, value: Option<&[u8]>) {
        let key = hash(0, id.as_str().as_bytes());
        let old = match value {
            Some(value) => {
                let new = hash(key, value);
                self.sum = self.sum.wrapping_add(new);
                self.hashes.insert(key, new)
            }
            None => self.hashes.remove(&key),
        };
        self.sum = self.sum.wrapping_sub(old.unwrap_or(0));
    }

    /// A ledger of nothing but entries to be cleared away.
    pub(super) fn of_orphans(orphans: BTreeSet<PatientId>) -> Self {
        Self { orphans, ..Self::default() }
    }
}

impl Shelf {
    fn outgoing(&self, key: &StateKey, payload: Option<Vec<u8>>) -> Outgoing {
        Outgoing {
            topic: self.place.topic.clone(),
            partition: Some(self.place.partition),
            key: Some(self.key(key)),
            payload,
            headers: Vec::new(),
        }
    }
}

/// What was found in the checkpoint topic.
pub(super) enum Found {
    /// No checkpoint of this lane.
    Nothing,
    /// A whole one.
    Whole {
        /// The offset that it is true for.
        offset: i64,
        /// For the stage.
        entries: Vec<StateEntry>,
        /// Goes on with it.
        ledger: Ledger,
    },
    /// One that must not be used.
    Torn {
        /// What is wrong with it; no patient data.
        why: String,
        /// Whose entries are there.
        patients: BTreeSet<PatientId>,
    },
}

/// Reads a lane's checkpoint to its end.
///
/// # Errors
/// As [`Bus::read_back`].
pub(super) fn read(bus: &mut dyn Bus, shelf: &Shelf) -> Result<Found, BusError> {
    let mut newest: BTreeMap<StateKey, Vec<u8>> = BTreeMap::new();
    bus.read_back(&shelf.place, 0, None, &mut |record| {
        let Some(key) = record.key.as_deref().and_then(|key| shelf.key_of(key)) else { return };
        match record.payload {
            Some(value) => newest.insert(key, value),
            None => newest.remove(&key),
        };
    })?;
    Ok(open(newest))
}

fn open(mut newest: BTreeMap<StateKey, Vec<u8>>) -> Found {
    let lane = newest.remove(&StateKey::Lane);
    let patients = || newest.keys().filter_map(patient).cloned().collect();
    let torn = |why: &str| Found::Torn { why: why.to_owned(), patients: patients() };
    let Some(lane) = lane else {
        let nothing = newest.is_empty();
        return if nothing { Found::Nothing } else { torn("its lane-wide entry is missing") };
    };
    let Some((offset, count, sum, lane)) = open_lane(&lane) else {
        return torn("its lane-wide entry cannot be read");
    };
    let mut ledger = Ledger::default();
    let mut entries = Vec::with_capacity(newest.len() + 1);
    for (key, value) in &newest {
        if let Some(id) = patient(key) {
            ledger.put(id, Some(value));
        }
        match open_envelope(value) {
            Some((at, bytes)) if at <= offset => {
                entries.push(StateEntry { key: key.clone(), value: Some(bytes.to_vec()) });
            }
            Some(_) => return torn("an entry is newer than the lane-wide one"),
            None => return torn("an entry cannot be read"),
        }
    }
    let found = ledger.sum.wrapping_add(hash(offset as u64, lane));
    if (count, sum) != (ledger.hashes.len() as u64, found) {
        let why = format!("{count} entries belong to it, {} others are there", newest.len());
        return torn(&why);
    }
    entries.push(StateEntry { key: StateKey::Lane, value: Some(lane.to_vec()) });
    Found::Whole { offset, entries, ledger }
}

fn patient(key: &StateKey) -> Option<&PatientId> {
    match key {
        StateKey::Patient(id) => Some(id),
        StateKey::Lane => None,
    }
}

fn envelope(offset: i64, bytes: &[u8]) -> Vec<u8> {
    [&[VERSION][..], &offset.to_le_bytes(), bytes].concat()
}

fn open_envelope(value: &[u8]) -> Option<(i64, &[u8])> {
    let (offset, bytes) = value.strip_prefix(&[VERSION])?.split_first_chunk()?;
    Some((i64::from_le_bytes(*offset), bytes))
}

fn open_lane(value: &[u8]) -> Option<(i64, u64, u64, &[u8])> {
    let (offset, rest) = open_envelope(value)?;
    let (count, rest) = rest.split_first_chunk()?;
    let (sum, bytes) = rest.split_first_chunk()?;
    Some((offset, u64::from_le_bytes(*count), u64::from_le_bytes(*sum), bytes))
}

/// A hash that stays the same for ever (a library's may change with its version, and every checkpoint would be torn).
/// Against accidents, not against forgery.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mix = |h: u64, word: u64| {
        let mixed = (h ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let h = words.iter().fold(mix(seed, bytes.len() as u64), |h, w| mix(h, u64::from_le_bytes(*w)));
    rest.iter().fold(h, |h, byte| mix(h, u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> Shelf {
        Shelf { place: TopicPartition::new("state", 0), prefix: b"fuse/0/3".to_vec() }
    }

    fn entry(id: Option<&str>, value: Option<&str>) -> StateEntry {
        let patient = |id| PatientId::new(id).expect("printable");
        let key = id.map_or(StateKey::Lane, |id| StateKey::Patient(patient(id)));
        StateEntry { key, value: value.map(|v| v.as_bytes().to_vec()) }
    }

    /// Two checkpoints: a and b, then b changed, a forgotten and c new.
    fn topic() -> Vec<Outgoing> {
        let (shelf, mut ledger) = (shelf(), Ledger::default());
        let lane = || entry(None, Some("lane"));
        let first = vec![entry(Some("a"), Some("1")), entry(Some("b"), Some("2")), lane()];
        let second = vec![
            entry(Some("a"), None),
            entry(Some("b"), Some("3")),
            entry(Some("c"), Some("4")),
            lane(),
        ];
        let mut records = ledger.write(&shelf, first, 10);
        records.extend(ledger.write(&shelf, second, 20));
        records
    }

    fn found(records: &[Outgoing]) -> Found {
        let mut newest = BTreeMap::new();
        for record in records {
            let key = shelf().key_of(record.key.as_ref().expect("written with one"));
            let key = key.expect("of this lane");
            match record.payload.clone() {
                Some(value) => newest.insert(key, value),
                None => newest.remove(&key),
            };
        }
        open(newest)
    }

    #[test]
    fn the_newest_entry_of_each_key_comes_back_with_its_offset() {
        let Found::Whole { offset, entries, .. } = found(&topic()) else { panic!("it is whole") };
        let expected =
            [entry(Some("b"), Some("3")), entry(Some("c"), Some("4")), entry(None, Some("lane"))];
        assert_eq!((offset, entries), (20, expected.to_vec()));
        assert!(matches!(found(&[]), Found::Nothing));
    }

    #[test]
    fn whatever_record_of_the_newest_checkpoint_is_lost_or_damaged_it_is_noticed() {
        let records = topic();
        let first = 3;
        for lost in first..records.len() {
            let mut left = records.clone();
            left.remove(lost);
            assert!(matches!(found(&left), Found::Torn { .. }), "record {lost} lost");
            let Some(value) = &records[lost].payload else { continue };
            for byte in 0..value.len() {
                let mut damaged = records.clone();
                damaged[lost].payload.as_mut().expect("it has one")[byte] ^= 1;
                assert!(matches!(found(&damaged), Found::Torn { .. }), "{lost} {byte}");
            }
        }
        assert_eq!(records.len(), 7);
    }

    #[test]
    fn another_lanes_entries_are_not_ours() {
        let shelf = shelf();
        for key in ["fuse/0/31", "fuse/0/31/a", "fuse/1/3/a", "score/fuse/0/3/a", "fuse/0/3/"] {
            assert_eq!(shelf.key_of(key.as_bytes()), None, "{key}");
        }
        assert_eq!(shelf.key_of(b"fuse/0/3"), Some(StateKey::Lane));
    }

    #[test]
    fn the_checkpoint_after_a_torn_one_clears_its_leftovers() {
        let mut records = topic();
        records.remove(4);
        let Found::Torn { patients, .. } = found(&records) else { panic!("it is torn") };
        let mut ledger = Ledger::of_orphans(patients);
        let fresh = vec![entry(Some("c"), Some("9")), entry(None, Some("lane"))];
        records.extend(ledger.write(&shelf(), fresh, 30));
        let Found::Whole { entries, .. } = found(&records) else { panic!("it is whole") };
        assert_eq!(entries, [entry(Some("c"), Some("9")), entry(None, Some("lane"))]);
    }
}
