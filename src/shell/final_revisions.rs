//! What was published last of every (patient, window), whenever and in however many steps it came: two runs over the same events agree
//! on it, although their panes came in another order.

use super::wire::{Names, encode_fused_score};
use crate::types::{EventTime, FusedScore, Pane, PatientId};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write;

/// Collects final revisions, as digests.
#[derive(Clone, Debug)]
pub struct FinalRevisions {
    names: Names,
    newest: BTreeMap<(PatientId, EventTime), (u32, [u8; 32])>,
}

impl FinalRevisions {
    /// None yet.
    pub fn new(names: Names) -> Self {
        Self { names, newest: BTreeMap::new() }
    }

    /// Takes a published score; of two with the same revision the later one counts.
    pub fn take(&mut self, score: &FusedScore) {
        let slot = self.newest.entry((score.patient.clone(), score.window.end()));
        if let Entry::Occupied(known) = &slot
            && known.get().0 > score.revision
        {
            return;
        }
        // Pane and revision tell how it came about, not what it says.
        let content = FusedScore { pane: Pane::OnTime, revision: 0, ..score.clone() };
        let mut bytes = Vec::new();
        encode_fused_score(&content, &self.names, &mut bytes);
        slot.insert_entry((score.revision, Sha256::digest(&bytes).into()));
    }

    /// How many (patient, window) there are.
    pub fn len(&self) -> usize {
        self.newest.len()
    }

    /// True where nothing was published.
    pub fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// SHA-256 over all of them, in order of patient and window; hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for ((patient, end), (_, content)) in &self.newest {
            hash.update(patient.as_str().as_bytes());
            hash.update([0]);
            hash.update(end.as_millis().to_le_bytes());
            hash.update(content);
        }
        let mut text = String::with_capacity(64);
        for byte in hash.finalize() {
            // A string takes everything.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The (patient, window) on which two runs differ, one-sided ones included.
    pub fn differences(&self, other: &Self) -> Vec<(PatientId, EventTime)> {
        let differs = |key: &(PatientId, EventTime)| self.content(key) != other.content(key);
        let mut found: Vec<_> = self.newest.keys().filter(|key| differs(key)).cloned().collect();
        found.extend(other.newest.keys().filter(|key| !self.newest.contains_key(*key)).cloned());
        found
    }

    fn content(&self, key: &(PatientId, EventTime)) -> Option<[u8; 32]> {
        self.newest.get(key).map(|(_, content)| *content)
    }
}
