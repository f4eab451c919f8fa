//! What can befall a modality: it is not there, it fails for hours, it comes late.

use crate::shell::datasets::Stay;
use crate::shell::local_lane::Known;
use crate::types::{EventTime, IssueTime, PatientId, Span};
use std::collections::BTreeMap;

/// What happens to the modalities that are hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// Nothing of the modality ever comes.
    Removed,
    /// Nothing that is issued within `length` before the time `until` into the stay (itself included) comes.
    Outage {
        /// How long it lasts.
        length: Span,
        /// Time into the stay at which it ends.
        until: Span,
    },
    /// Everything is issued so much later.
    Delay(Span),
}

/// A hit on some modalities of every stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Disturbance {
    /// What happens.
    pub hit: Hit,
    /// To which modalities: bit i for the i-th of the registry.
    pub modalities: u64,
}

impl Disturbance {
    /// True where the modality is hit.
    pub const fn hits(&self, modality: usize) -> bool {
        modality < 64 && self.modalities >> modality & 1 == 1
    }

    /// The inputs as they come then, in the order in which they become known.
    pub fn apply(&self, inputs: &[Known], stays: &[Stay]) -> Vec<Known> {
        let begins: BTreeMap<&PatientId, EventTime> =
            stays.iter().map(|stay| (&stay.patient, stay.begins)).collect();
        let mut out: Vec<Known> = inputs
            .iter()
            .filter_map(|known| match known {
                Known::Event(event) if self.hits(event.modality.index()) => {
                    let issued = self.issued(event.issued, *begins.get(&event.patient)?)?;
                    let mut event = event.clone();
                    event.issued = issued;
                    Some(Known::Event(event))
                }
                other => Some(other.clone()),
            })
            .collect();
        out.sort_by_key(Known::issued);
        out
    }

    /// When what was issued then becomes known; `None`: never.
    fn issued(&self, issued: IssueTime, begins: EventTime) -> Option<IssueTime> {
        match self.hit {
            Hit::Removed => None,
            Hit::Outage { length, until } => {
                let end = (begins + until).as_millis();
                let lost =
                    end - length.as_millis() < issued.as_millis() && issued.as_millis() <= end;
                (!lost).then_some(issued)
            }
            Hit::Delay(by) => Some(issued + by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_takes_what_is_issued_in_it_and_a_delay_moves_everything() {
        let begins = EventTime::from_millis(1_000);
        let outage = Hit::Outage { length: Span::millis(10), until: Span::millis(100) };
        let issued = |hit, at: i64| {
            let issued = IssueTime::from_millis(1_000 + at);
            let found = Disturbance { hit, modalities: 1 }.issued(issued, begins);
            found.map(|time| time.as_millis() - 1_000)
        };
        assert_eq!(
            [89, 90, 91, 100, 101].map(|at| issued(outage, at).is_some()),
            [true, true, false, false, true]
        );
        assert_eq!(issued(Hit::Delay(Span::millis(7)), 5), Some(12));
        assert_eq!(issued(Hit::Removed, 5), None);
    }

    #[test]
    fn only_the_modalities_named_are_hit() {
        let both = Disturbance { hit: Hit::Removed, modalities: 0b101 };
        assert_eq!([0, 1, 2, 64].map(|m| both.hits(m)), [true, false, true, false]);
    }
}
