//! The patients of a lane: found by id, changed since the last checkpoint, forgotten when their time has passed.

use super::lookback::Lookback;
use crate::types::{EventTime, PatientId, Span};
use foldhash::fast::FixedState;
use indexmap::IndexSet;
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
    /// Place i here is place i in `states`. The hash is fixed, because nothing may differ between two runs.
    ids: IndexSet<PatientId, FixedState>,
    states: Vec<PatientState>,
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
            ids: IndexSet::with_hasher(FixedState::with_seed(0)),
            states: Vec::new(),
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
        self.ids.get_index_of(id)
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
        let still = |place: &usize| self.ids.get_index(*place) == Some(id);
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
        self.ids.insert(id);
        self.states.push(PatientState { lookback, bucket: i64::MIN, changed: false });
        self.list(place);
        place
    }

    /// Notes that a patient differs from its last checkpoint.
    pub(super) fn changed(&mut self, place: usize) {
        if let (state @ PatientState { changed: false, .. }, Some(id)) =
            (&mut self.states[place], self.ids.get_index(place))
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
        changed.retain(|id| match self.ids.get_index_of(id) {
            Some(place) => self.states[place].changed && still.insert(id.clone()),
            None => false,
        });
        for id in &changed {
            if let Some(place) = self.find(id) {
                self.states[place].changed = false;
            }
        }
        (changed, std::mem::take(&mut self.forgotten))
    }

    /// Bytes allocated for all patients and their index, slack included.
    pub(super) fn bytes(&self) -> usize {
        let heap: usize = self.states.iter().map(|state| state.lookback.heap_bytes()).sum();
        let long_ids = self
            .ids
            .iter()
            .map(|id| id.as_str().len())
            .filter(|length| *length > 24)
            .sum::<usize>();
        // An index set keeps (hash, key) in order, and a table of one place and one control byte for each slot.
        let keys = self.ids.capacity() * (size_of::<u64>() + size_of::<PatientId>());
        let slots = (self.ids.capacity() * 8 / 7).next_power_of_two() * (size_of::<usize>() + 1);
        let due: usize = self.due.values().map(|places| places.capacity() * size_of::<u32>()).sum();
        let changed = self.changed.capacity() * size_of::<PatientId>();
        heap + long_ids
            + keys
            + slots
            + due
            + changed
            + self.states.capacity() * size_of::<PatientState>()
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
        if self.states.get(place).is_none_or(|state| state.bucket != slice) {
            return false;
        }
        if self.slice_of(place) >= now {
            self.list(place);
            return false;
        }
        self.states.swap_remove(place);
        if let Some(id) = self.ids.swap_remove_index(place) {
            self.forgotten.insert(id);
        }
        if place < self.states.len() {
            self.list(place);
        }
        true
    }
}
