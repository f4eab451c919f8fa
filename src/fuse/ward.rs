//! The patients of a lane in numbered slots, so that firing sweeps an array and a lookup is one hash.

use super::patient::Patient;
use crate::types::PatientId;
use foldhash::fast::FixedState;
use std::collections::{BTreeSet, HashMap};

/// How many records are looked ahead; their patients must fit the processor's first cache together.
pub(super) const AHEAD: usize = 16;

/// Patients by slot and by id. The map is never iterated: its order would reach the output.
#[derive(Debug, Default)]
pub(super) struct Ward {
    slots: Vec<Option<Patient>>,
    by_id: HashMap<PatientId, u32, FixedState>,
    free: BTreeSet<u32>,
    /// Slots touched since the last checkpoint, each once.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl Ward {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn slot(&self, id: &PatientId) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// The slots of the next few records' patients (`None`: new, or no patient), with their state fetched into the
    /// cache. The reads do not wait for each other; made one record at a time, each would wait for memory by itself.
    pub(super) fn look_ahead<'a>(
        &self,
        ids: impl Iterator<Item = Option<&'a PatientId>>,
    ) -> [Option<u32>; AHEAD] {
        let mut slots = [None; AHEAD];
        for (slot, id) in slots.iter_mut().zip(ids) {
            *slot = id.and_then(|id| self.slot(id));
        }
        let patients = slots.iter().flatten().filter_map(|slot| self.get(*slot));
        std::hint::black_box(patients.fold(0, |sum, patient| sum ^ patient.touch()));
        slots
    }

    /// The slot of a patient, `seen` being where it may have stood a moment ago.
    pub(super) fn slot_near(&self, id: &PatientId, seen: Option<u32>) -> Option<u32> {
        let still = |slot: &u32| self.get(*slot).is_some_and(|patient| patient.id == *id);
        seen.filter(still).or_else(|| self.slot(id))
    }

    pub(super) fn get(&self, slot: u32) -> Option<&Patient> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Patient> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut)
    }

    /// Takes the lowest free slot, so that slots are a function of the log.
    pub(super) fn admit(&mut self, patient: Patient) -> u32 {
        let slot = self.free.pop_first().unwrap_or(self.slots.len() as u32);
        self.put(slot, patient);
        slot
    }

    /// Puts a patient back into the slot that a checkpoint names.
    pub(super) fn put(&mut self, slot: u32, patient: Patient) {
        let at = slot as usize;
        if at >= self.slots.len() {
            self.free.extend(self.slots.len() as u32..slot);
            self.slots.resize_with(at + 1, || None);
            self.is_touched.resize(at + 1, false);
        }
        self.free.remove(&slot);
        self.by_id.insert(patient.id.clone(), slot);
        self.slots[at] = Some(patient);
    }

    pub(super) fn forget(&mut self, slot: u32) -> Option<Patient> {
        let patient = self.slots.get_mut(slot as usize)?.take()?;
        self.by_id.remove(&patient.id);
        self.free.insert(slot);
        Some(patient)
    }

    /// Marks a patient for the next checkpoint.
    pub(super) fn touch(&mut self, slot: u32) {
        if let Some(touched) = self.is_touched.get_mut(slot as usize).filter(|touched| !**touched) {
            *touched = true;
            self.touched.push(slot);
        }
    }

    /// The patients touched since the last call, by slot.
    pub(super) fn take_touched(&mut self) -> Vec<u32> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.iter().for_each(|slot| self.is_touched[*slot as usize] = false);
        touched.retain(|slot| self.get(*slot).is_some());
        touched.sort_unstable();
        touched
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Patient)> {
        self.slots.iter().zip(0..).filter_map(|(p, slot)| p.as_ref().map(|p| (slot, p)))
    }

    /// Bytes of all patients, the index included.
    pub(super) fn memory_bytes(&self) -> usize {
        let per_index_entry = size_of::<(PatientId, u32)>() + 1;
        let empty =
            self.slots.iter().filter(|p| p.is_none()).count() * size_of::<Option<Patient>>();
        self.iter().map(|(_, p)| p.memory_bytes()).sum::<usize>()
            + empty
            + self.by_id.capacity() * per_index_entry
    }
}
