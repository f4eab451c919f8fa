//! Which lanes are being restored, and how much is left of it: known while their worker is too busy to say anything itself.

use crate::shell::bus::TopicPartition;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Lanes = BTreeMap<u64, (TopicPartition, Arc<AtomicI64>)>;

/// All of a process; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Restores {
    lanes: Arc<Mutex<Lanes>>,
    next: Arc<AtomicU64>,
}

impl Restores {
    pub(super) fn begin(&self, place: &TopicPartition) -> Restoring {
        let (id, remaining) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::default());
        let restoring = Restoring { id, remaining: Arc::clone(&remaining), all: self.clone() };
        self.guard().insert(id, (place.clone(), remaining));
        restoring
    }

    pub(super) fn all(&self) -> Vec<(TopicPartition, i64)> {
        let lanes = self.guard();
        let each = lanes.values().map(|(place, n)| (place.clone(), n.load(Ordering::Relaxed)));
        each.collect()
    }

    fn guard(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane's restore; over when dropped.
#[derive(Debug)]
pub struct Restoring {
    id: u64,
    remaining: Arc<AtomicI64>,
    all: Restores,
}

impl Restoring {
    /// Says how many records are left.
    pub fn remaining(&self, records: i64) {
        self.remaining.store(records.max(0), Ordering::Relaxed);
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.all.guard().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_known_until_it_is_over() {
        let all = Restores::default();
        let place = TopicPartition::new("predictions", 3);
        let (first, second) = (all.begin(&place), all.begin(&place));
        first.remaining(17);
        assert_eq!(all.all(), [(place.clone(), 17), (place.clone(), 0)]);
        drop(first);
        assert_eq!(all.all(), [(place, 0)]);
        drop(second);
        assert!(all.all().is_empty());
    }
}
