//! Patients that fire together: those whose panes wait for the same source lane.

use super::patient::UNGATED;
use crate::types::EventTime;
use serde::{Deserialize, Serialize};

/// The patients of one gate, and how far their panes have fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Group {
    /// Window ends up to here have fired; never falls.
    pub frontier: EventTime,
    /// Slots in rising order; rebuilt from the patients on restore.
    #[serde(skip)]
    pub members: Vec<u32>,
}

impl Default for Group {
    fn default() -> Self {
        Self { frontier: EventTime::MIN, members: Vec::new() }
    }
}

/// One group for each source lane, by its index, and one for patients without a gate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Groups {
    gated: Vec<Group>,
    ungated: Group,
}

impl Groups {
    /// Makes room for lane indices below `lanes`.
    pub(super) fn grow_to(&mut self, lanes: usize) {
        if self.gated.len() < lanes {
            self.gated.resize_with(lanes, Group::default);
        }
    }

    pub(super) fn get(&self, gate: u16) -> &Group {
        self.gated.get(usize::from(gate)).unwrap_or(&self.ungated)
    }

    pub(super) fn get_mut(&mut self, gate: u16) -> &mut Group {
        self.gated.get_mut(usize::from(gate)).unwrap_or(&mut self.ungated)
    }

    /// The gates in firing order; the one without a lane last.
    pub(super) fn gates(&self) -> impl Iterator<Item = u16> + use<> {
        (0..self.gated.len() as u16).chain([UNGATED])
    }

    pub(super) fn join(&mut self, gate: u16, slot: u32) {
        let members = &mut self.get_mut(gate).members;
        if let Err(at) = members.binary_search(&slot) {
            members.insert(at, slot);
        }
    }

    pub(super) fn leave(&mut self, gate: u16, slot: u32) {
        let members = &mut self.get_mut(gate).members;
        if let Ok(at) = members.binary_search(&slot) {
            members.remove(at);
        }
    }

    /// How far every group with patients has fired; the group without a gate counts always, because it moves
    /// whenever any scorer is alive.
    pub(super) fn all_fired(&self) -> EventTime {
        let gated = self.gated.iter().filter(|group| !group.members.is_empty());
        gated.map(|group| group.frontier).fold(self.ungated.frontier, EventTime::min)
    }
}
