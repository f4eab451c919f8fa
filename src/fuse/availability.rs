//! Availability of each modality over the patients of a partition, one record for every window end.

use super::active::Active;
use crate::types::{
    Absence, Availability, EventTime, FusedScore, IngestTime, ModalityAvailability, Presence,
    Window,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most window ends that are kept open: 11 hours of the ward profile. A lane that starts with a day of old records fires each of their
/// windows for one group before the next; what is counted of them goes into one checkpoint record, which must stay below a megabyte.
const MOST_OPEN: usize = 4_096;

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
        let end = score.window.end();
        if self.open.len() >= MOST_OPEN && !self.open.contains_key(&end) && !self.skip_before(end) {
            return;
        }
        let count = self.open.entry(end).or_default();
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

    /// Gives up the oldest window end in favour of a newer one: no record will be published of it. False where `end` is older.
    fn skip_before(&mut self, end: EventTime) -> bool {
        let oldest = self.open.first_entry().filter(|oldest| *oldest.key() < end);
        let Some(skipped) = oldest.map(|oldest| oldest.remove_entry().0) else { return false };
        self.published = self.published.max(Some(skipped));
        true
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuse::digest_of;
    use crate::fuse::package::{Package, Profile};
    use crate::modality::Registry;
    use crate::types::{Activation, FusedStatus, Pane, PatientId};

    fn score(patient: &str, end: EventTime) -> FusedScore {
        FusedScore {
            patient: PatientId::new(patient).expect("printable"),
            window: Window::ending(end, crate::types::Span::seconds(10)),
            pane: Pane::OnTime,
            revision: 0,
            status: FusedStatus::InsufficientData,
            risk: None,
            interval: None,
            band: None,
            band_held: None,
            modalities: vec![Presence::Absent(Absence::Never, None); 3],
            unit: None,
            package: "digest".into(),
        }
    }

    #[test]
    fn what_is_kept_of_windows_not_yet_published_is_bounded_and_the_newest_stay() {
        let registry = Registry::shipped();
        let package = toml::to_string(&Package::shipped(Profile::Ward, &registry)).expect("plain");
        let (digest, package) = (digest_of(&package).as_str().into(), package.into());
        let active = Active::build(&Activation { digest, package }, &registry).expect("shipped");
        let mut tally = Tally::default();
        let windows = MOST_OPEN as i64 + 100;
        let end = |window: i64| {
            EventTime::from_millis(1_767_600_000_000 + window * active.package.every.as_millis())
        };
        for window in 1..=windows {
            for patient in ["a", "b"] {
                tally.count(&score(patient, end(window)), 7);
            }
        }
        assert_eq!(tally.open.len(), MOST_OPEN);
        tally.count(&score("c", end(1)), 7);
        assert_eq!(tally.open.len(), MOST_OPEN, "an older one does not come in any more");
        let bytes = postcard::to_extend(&tally, Vec::new()).expect("plain data");
        assert!(bytes.len() < 500_000, "{} bytes", bytes.len());
        let now = IngestTime::from_millis(end(windows).as_millis());
        let records = tally.publish(end(windows), &active, (0, true), now);
        assert_eq!((records.len(), tally.open.len()), (MOST_OPEN, 0));
        assert!(records.iter().all(|record| record.active == 2));
    }
}
