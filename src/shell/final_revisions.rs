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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::Registry;
    use crate::shell::view::tests::score;
    use crate::shell::wire::Topics;

    fn finals(scores: &[FusedScore]) -> FinalRevisions {
        let names = Names::new(&Registry::shipped(), &Topics::default()).expect("the defaults");
        let mut finals = FinalRevisions::new(names);
        scores.iter().for_each(|score| finals.take(score));
        finals
    }

    #[test]
    fn only_the_last_revision_counts_and_not_how_it_came_about() {
        let first = score("p", 10, Some(0.2));
        let last = FusedScore { revision: 1, pane: Pane::Late, ..score("p", 10, Some(0.4)) };
        let late = finals(&[first.clone(), last.clone(), first.clone()]);
        let calm = finals(&[score("p", 10, Some(0.4))]);
        assert_eq!((late.len(), late.digest()), (1, calm.digest()));
        assert!(late.differences(&calm).is_empty());
        assert_ne!(finals(&[first]).digest(), late.digest());
    }

    #[test]
    fn a_window_that_only_one_run_has_is_a_difference() {
        let one = finals(&[score("p", 10, Some(0.2)), score("p", 20, Some(0.2))]);
        let other = finals(&[score("p", 10, Some(0.2)), score("q", 10, Some(0.2))]);
        let found: Vec<String> = one
            .differences(&other)
            .iter()
            .map(|(patient, end)| format!("{} {end}", patient.as_str()))
            .collect();
        assert_eq!(found, ["p 2026-01-05T08:00:20.000Z", "q 2026-01-05T08:00:10.000Z"]);
    }
}
