//! Availability of each modality over the patients of a partition, one record for every window end.

use super::active::Active;
use crate::types::{
    Absence, Availability, EventTime, FusedScore, IngestTime, ModalityAvailability, Presence,
    Window,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of one window end while its patients fire.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Count {
    active: u32,
    modalities: Vec<ModalityAvailability>,
}

/// Window ends that some groups have fired and others have not, and how far records were published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    open: BTreeMap<EventTime, Count>,
    published: Option<EventTime>,
}

impl Tally {
    /// Counts an active patient's on-time pane. `produced`: bit m set where this stay has produced modality m.
    pub(super) fn count(&mut self, score: &FusedScore, produced: u64) {
        let count = self.open.entry(score.window.end()).or_default();
        count.active += 1;
        count.modalities.resize_with(score.modalities.len(), ModalityAvailability::default);
        for (m, (counted, presence)) in
            count.modalities.iter_mut().zip(&score.modalities).enumerate()
        {
            counted.expected += u32::from(produced >> m & 1 == 1);
            match presence {
                Presence::Present(_) => counted.fresh += 1,
                Presence::Absent(why, _) => {
                    let at = Absence::ALL.iter().position(|kind| kind == why).unwrap_or(0);
                    counted.absent[at] += 1;
                }
            }
        }
    }

    /// The records of every window end up to `fired`, patients or not. A gap longer than `state_ttl` (the partition was
    /// silent for a week) is skipped: there was nobody to count.
    pub(super) fn publish(
        &mut self,
        fired: EventTime,
        active: &Active,
        (partition, complete): (u32, bool),
        ingest_time: IngestTime,
    ) -> Vec<Availability> {
        let every = active.package.every;
        let from = match self.published {
            _ if fired == EventTime::MIN => return Vec::new(),
            Some(last) if fired <= last => return Vec::new(),
            Some(last) if fired - last <= active.package.state_ttl => active.end_after(last),
            _ => self.open.keys().next().copied().unwrap_or(fired).min(fired),
        };
        self.published = Some(fired);
        let later = self.open.split_off(&active.end_after(fired));
        let mut open = std::mem::replace(&mut self.open, later);
        std::iter::successors(Some(from), |end| Some(*end + every))
            .take_while(|end| *end <= fired)
            .map(|end| {
                let mut count = open.remove(&end).unwrap_or_default();
                let modalities = active.policies.len();
                count.modalities.resize_with(modalities, ModalityAvailability::default);
                Availability {
                    partition,
                    window: Window::ending(end, every),
                    active: count.active,
                    modalities: count.modalities,
                    ingest_time,
                    complete,
                }
            })
            .collect()
    }
}
