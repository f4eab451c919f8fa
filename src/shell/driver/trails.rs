//! The trace contexts of the newest predictions, so that a fused score carries the one of the newest record in it: a pane on time is made
//! by a heartbeat, long after the records that it is made of.

use crate::types::{FusedScore, Position, Presence, Present};
use std::collections::{BTreeMap, VecDeque};

/// Contexts kept of a lane; older ones are forgotten, and their scores go without.
const MOST: usize = 16_384;

/// By input record. Nothing where the inputs carry no trace context.
#[derive(Debug, Default)]
pub(super) struct Trails {
    headers: BTreeMap<Position, Vec<u8>>,
    order: VecDeque<Position>,
}

impl Trails {
    /// Notes what came with a prediction made from `source`.
    pub(super) fn note(&mut self, source: Position, header: Vec<u8>) {
        if self.headers.insert(source, header).is_none() {
            self.order.push_back(source);
        }
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.headers.remove(&oldest);
        }
    }

    /// Of the newest record in a score that is known.
    pub(super) fn of(&self, score: &FusedScore) -> Option<&Vec<u8>> {
        if self.headers.is_empty() {
            return None;
        }
        let present = score.modalities.iter().filter_map(|presence| match presence {
            Presence::Present(Present { event_time, source, .. }) => Some((*event_time, *source)),
            Presence::Absent(..) => None,
        });
        let known = present.filter(|(_, source)| self.headers.contains_key(source));
        known.max().and_then(|(_, source)| self.headers.get(&source))
    }
}
