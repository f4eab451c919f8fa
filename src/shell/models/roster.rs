//! Which models serve; clones share it. The watcher writes it, lanes look at it before each batch.

use super::Refusal;
use crate::shell::local_lane::Models;
use crate::types::ModalityId;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module. A look costs one atomic load as long as nothing has changed.
#[derive(Clone, Default)]
pub struct Roster(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How many swaps there were.
    count: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The number of the swap and what serves since.
    models: BTreeMap<ModalityId, (u64, Arc<Models>)>,
    refused: BTreeMap<ModalityId, Vec<Refusal>>,
}

impl std::fmt::Debug for Roster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Roster").field(&self.0.count.load(Ordering::Acquire)).finish()
    }
}

impl Roster {
    /// From the next batch of every lane of a modality on, these serve.
    pub fn put(&self, modality: ModalityId, models: Models) {
        let mut guard = self.guard();
        let count = self.0.count.load(Ordering::Acquire) + 1;
        guard.models.insert(modality, (count, Arc::new(models)));
        self.0.count.store(count, Ordering::Release);
    }

    /// What serves a modality, if that has changed since the swap numbered `seen`, which is brought up to date; 0 before
    /// the first look.
    pub fn newer(&self, modality: ModalityId, seen: &mut u64) -> Option<Arc<Models>> {
        if self.0.count.load(Ordering::Acquire) == *seen {
            return None;
        }
        let guard = self.guard();
        let newest = guard.models.get(&modality).filter(|(at, _)| at > seen);
        let newest = newest.map(|(_, models)| models.clone());
        *seen = self.0.count.load(Ordering::Acquire);
        newest
    }

    /// What of a modality is named and does not serve.
    pub fn refuse(&self, modality: ModalityId, refused: Vec<Refusal>) {
        self.guard().refused.insert(modality, refused);
    }

    /// What is named and does not serve, by modality.
    pub fn refused(&self) -> Vec<Refusal> {
        self.guard().refused.values().flatten().cloned().collect()
    }

    fn guard(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
