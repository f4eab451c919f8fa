//! The patients of a lane: found by id, changed since the last checkpoint, forgotten when their time has passed.

use super::lookback::Lookback;
use crate::types::{EventTime, PatientId, Span};
use foldhash::fast::FixedState;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};

/// How many records are looked ahead; their patients must fit the processor's first cache together.
pub(super) const AHEAD: usize = 16;

/// What the stage keeps of one patient.
#[derive(Clone, Debug, Default)]
pub(super) struct PatientState {
    pub(super) lookback: Lookback,
    /// The one of [`Patients::due`] that will look at this patient next.
    bucket: i64,
    changed: bool,
}

/// See the module. A patient is forgotten when the watermark less `state_ttl` passes the end of the slice of event
/// time, 1/64 of `state_ttl` long, that its newest observation lies in: a rule of the log alone, checked once for
/// each patient and `state_ttl`.
#[derive(Debug)]
pub(super) struct Patients {
    /// A patient's place is its place in here. The hash is fixed, because nothing may differ between two runs.
    states: IndexMap<PatientId, PatientState, FixedState>,
    /// Places to look at, by the last slice that they were seen in. A place may be listed in vain.
    due: BTreeMap<i64, Vec<u32>>,
    /// Nobody is due at a watermark before this.
    next_look: i64,
    state_ttl: Span,
    slice: i64,
    /// Changed since the last checkpoint, in the order of the first change.
    changed: Vec<PatientId>,
    forgotten: BTreeSet<PatientId>,
}

impl Patients {
    pub(super) fn new(state_ttl: Span) -> Self {
        Self {
            states: IndexMap::with_hasher(FixedState::with_seed(0)),
            due: BTreeMap::new(),
            next_look: i64::MAX,
            state_ttl,
            slice: (state_ttl.as_millis() / 64).max(1),
            changed: Vec::new(),
            forgotten: BTreeSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn find(&self, id: &PatientId) -> Option<usize> {
        self.states.get_index_of(id)
    }

    /// The places of the next few records' patients (`None`: new, or no patient), with their lookbacks fetched into the
    /// cache. The reads do not wait for each other; made one record at a time, each would wait for memory by itself.
    pub(super) fn look_ahead<'a>(
        &self,
        ids: impl Iterator<Item = Option<&'a PatientId>>,
    ) -> [Option<usize>; AHEAD] {
        let mut places = [None; AHEAD];
        for (place, id) in places.iter_mut().zip(ids) {
            *place = id.and_then(|id| self.find(id));
        }
        let lookbacks = places.iter().flatten().map(|place| &self.states[*place].lookback);
        std::hint::black_box(lookbacks.fold(0, |sum, lookback| sum ^ lookback.touch()));
        places
    }

    /// The place of a patient, `seen` being where it may have stood a moment ago.
    pub(super) fn find_near(&self, id: &PatientId, seen: Option<usize>) -> Option<usize> {
        let still = |place: &usize| self.states.get_index(*place).is_some_and(|(at, _)| at == id);
        seen.filter(still).or_else(|| self.find(id))
    }

    pub(super) fn get(&self, place: usize) -> &PatientState {
        &self.states[place]
    }

    /// A patient's lookback, to be changed; call [`Self::changed`] after.
    pub(super) fn lookback(&mut self, place: usize) -> &mut Lookback {
        &mut self.states[place].lookback
    }

    /// A new patient. It must be given an observation and [`Self::changed`].
    pub(super) fn add(&mut self, id: PatientId, lookback: Lookback) -> usize {
        let place = self.states.len();
        if place == self.states.capacity() {
            self.states.reserve_exact((place / 8).max(4));
        }
        self.states.insert(id, PatientState { lookback, bucket: i64::MIN, changed: false });
        self.list(place);
        place
    }

    /// Notes that a patient differs from its last checkpoint.
    pub(super) fn changed(&mut self, place: usize) {
        if let Some((id, state @ PatientState { changed: false, .. })) =
            self.states.get_index_mut(place)
        {
            state.changed = true;
            self.forgotten.remove(id);
            self.changed.push(id.clone());
        }
    }

    /// Forgets who is due at a watermark; returns how many.
    pub(super) fn expire(&mut self, watermark: EventTime) -> u64 {
        if watermark.as_millis() < self.next_look || watermark == EventTime::MIN {
            return 0;
        }
        let now = (watermark - self.state_ttl).as_millis().div_euclid(self.slice);
        let mut forgotten = 0;
        while self.due.first_key_value().is_some_and(|(slice, _)| *slice < now) {
            let Some((slice, places)) = self.due.pop_first() else { break };
            for place in places {
                forgotten += u64::from(self.look_at(place as usize, slice, now));
            }
        }
        self.next_look =
            self.due.first_key_value().map_or(i64::MAX, |(slice, _)| self.end_of(*slice));
        forgotten
    }

    /// The ids of the patients changed and forgotten since the last call.
    pub(super) fn take_changes(&mut self) -> (Vec<PatientId>, BTreeSet<PatientId>) {
        let mut changed = std::mem::take(&mut self.changed);
        // One that was forgotten, and maybe came back, is listed from before.
        let mut still = BTreeSet::new();
        changed.retain(|id| match self.states.get_mut(id) {
            Some(state) => state.changed && still.insert(id.clone()),
            None => false,
        });
        for id in &changed {
            if let Some(state) = self.states.get_mut(id) {
                state.changed = false;
            }
        }
        (changed, std::mem::take(&mut self.forgotten))
    }

    /// Bytes allocated for all patients and their index, slack included.
    pub(super) fn bytes(&self) -> usize {
        let heap: usize = self.states.values().map(|state| state.lookback.heap_bytes()).sum();
        let long_ids = self
            .states
            .keys()
            .map(|id| id.as_str().len())
            .filter(|length| *length > 24)
            .sum::<usize>();
        // An index map keeps (hash, key, value) in order, and a table of one place and one control byte for each slot.
        let entry = size_of::<u64>() + size_of::<PatientId>() + size_of::<PatientState>();
        let entries = self.states.capacity() * entry;
        let slots = (self.states.capacity() * 8 / 7).next_power_of_two() * (size_of::<usize>() + 1);
        let due: usize = self.due.values().map(|places| places.capacity() * size_of::<u32>()).sum();
        let changed = self.changed.capacity() * size_of::<PatientId>();
        heap + long_ids + entries + slots + due + changed
    }

    fn slice_of(&self, place: usize) -> i64 {
        let newest = self.states[place].lookback.newest().unwrap_or(EventTime::MIN);
        newest.as_millis().div_euclid(self.slice)
    }

    /// Watermark at which the patients last seen in a slice are due.
    fn end_of(&self, slice: i64) -> i64 {
        slice
            .saturating_add(1)
            .saturating_mul(self.slice)
            .saturating_add(self.state_ttl.as_millis())
    }

    fn list(&mut self, place: usize) {
        let slice = self.slice_of(place);
        self.states[place].bucket = slice;
        self.due.entry(slice).or_default().push(place as u32);
        self.next_look = self.next_look.min(self.end_of(slice));
    }

    fn look_at(&mut self, place: usize, slice: i64, now: i64) -> bool {
        if self.states.get_index(place).is_none_or(|(_, state)| state.bucket != slice) {
            return false;
        }
        if self.slice_of(place) >= now {
            self.list(place);
            return false;
        }
        if let Some((id, _)) = self.states.swap_remove_index(place) {
            self.forgotten.insert(id);
        }
        if place < self.states.len() {
            self.list(place);
        }
        true
    }
}
