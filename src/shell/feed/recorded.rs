//! Recorded events as messages.

use super::Message;
use crate::modality::{Registry, encounters, imaging, labs, vitals};
use crate::shell::local_lane::{Known, Refused};
use crate::types::{EncounterChange, Event, Feed, IngestTime, IssueTime, Span};
use std::collections::{BTreeSet, VecDeque};

/// Recorded events, in the order in which they became known; each arrives when it was issued.
#[derive(Debug)]
pub struct Recorded {
    inputs: VecDeque<Known>,
    registry: Registry,
    off: BTreeSet<Feed>,
    ends: Option<IngestTime>,
}

impl Recorded {
    /// From inputs in rising order of [`Known::issued`], moved by `shift`.
    pub fn new(inputs: Vec<Known>, registry: &Registry, shift: Span) -> Self {
        let inputs: VecDeque<Known> = inputs.into_iter().map(|known| moved(known, shift)).collect();
        let ends = inputs.back().map(|known| arrival(known.issued()));
        Self { inputs, registry: registry.clone(), off: BTreeSet::new(), ends }
    }

    /// When the first message comes; `None`: there is none left.
    pub fn begins(&self) -> Option<IngestTime> {
        self.inputs.front().map(|known| arrival(known.issued()))
    }

    pub(super) fn ends(&self) -> Option<IngestTime> {
        self.ends
    }

    pub(super) fn left(&self) -> usize {
        self.inputs.len()
    }

    pub(super) fn set_feed(&mut self, feed: Feed, on: bool) -> bool {
        if on {
            self.off.remove(&feed);
        } else {
            self.off.insert(feed);
        }
        true
    }

    pub(super) fn next_before(&mut self, limit: IngestTime) -> Option<Message> {
        loop {
            let known = self.inputs.pop_front_if(|known| arrival(known.issued()) < limit)?;
            let message = message(&known, &self.registry);
            if !self.off.contains(&message.feed) {
                return Some(message);
            }
        }
    }
}

fn arrival(issued: IssueTime) -> IngestTime {
    IngestTime::from_millis(issued.as_millis())
}

fn moved(known: Known, shift: Span) -> Known {
    match known {
        Known::Event(event) => Known::Event(Event {
            event_time: event.event_time + shift,
            issued: event.issued + shift,
            ..event
        }),
        Known::Encounter(encounter) => Known::Encounter(crate::types::Encounter {
            event_time: encounter.event_time + shift,
            issued: encounter.issued + shift,
            ..encounter
        }),
        Known::Refused(refused) => {
            Known::Refused(Refused { ingest_time: refused.ingest_time + shift, ..refused })
        }
    }
}

fn message(known: &Known, registry: &Registry) -> Message {
    let mut text = String::with_capacity(320);
    let (feed, is_discharge) = match known {
        Known::Event(event) => {
            encode(event, registry, &mut text);
            (Feed::Modality(event.modality), false)
        }
        Known::Encounter(encounter) => {
            encounters::encode(encounter, &mut text);
            (Feed::Encounters, encounter.change == EncounterChange::Discharge)
        }
        // What was wrong with it is not known any more; a record without content is refused as well.
        Known::Refused(refused) => (Feed::Modality(refused.modality), false),
    };
    Message {
        feed,
        key: known.patient().as_str().as_bytes().to_vec(),
        payload: text.into_bytes(),
        time: arrival(known.issued()),
        is_discharge,
    }
}

/// Appends an event as the JSON of its topic; nothing for a modality that does not ship, whose encoding is its owner's.
///
/// The event's id is left out, because only its hash is known; readers derive the same one for vitals and labs, and another one,
/// as unique, for imaging.
pub fn encode(event: &Event, registry: &Registry, out: &mut String) {
    match registry.get(event.modality).map(|modality| modality.name) {
        Some("vitals") => vitals::encode(event, None, out),
        Some("labs") => {
            let column = event.values.iter().next().map_or(u8::MAX, |(column, _)| column);
            labs::encode(event, column, None, out);
        }
        Some("imaging") => imaging::encode(event, &imaging::PROCEDURES[0], None, out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{EventStatus, EventTime, ModalityId, ObservationId, PatientId, Values};

    fn event(registry: &Registry, name: &str, column: &str, value: f64, minute: i64) -> Event {
        let (id, modality) = registry.find(name).expect("a shipped modality");
        let mut values = Values::default();
        let column = modality.column(column).expect("a column");
        modality.set(&mut values, column, value).expect("a plausible value");
        let at = EventTime::from_millis(1_000_000_000_000) + Span::minutes(minute);
        Event {
            patient: PatientId::new("p1").expect("printable"),
            modality: id,
            id: ObservationId(0),
            event_time: at,
            issued: IssueTime::from_millis(at.as_millis()),
            version: 0,
            status: EventStatus::Final,
            values,
        }
    }

    fn events(registry: &Registry) -> Vec<Event> {
        let mut events: Vec<Event> =
            (0..3).map(|i| event(registry, "vitals", "heart_rate_per_min", 71.5, i)).collect();
        events.push(event(registry, "labs", "lactate_mmol_per_l", 2.13, 3));
        events.push(event(registry, "labs", "ph_arterial", 7.314, 3));
        events.push(event(registry, "imaging", "pneumothorax", 0.75, 4));
        events
    }

    #[test]
    fn a_recorded_event_reads_back_from_its_topic_as_it_was() {
        let registry = Registry::shipped();
        let events = events(&registry);
        for event in &events {
            let mut text = String::new();
            encode(event, &registry, &mut text);
            let modality = registry.get(event.modality).expect("a shipped modality");
            let read = (modality.decode)(text.as_bytes(), event.modality).expect("a valid record");
            assert_eq!(read, Event { id: read.id, ..event.clone() }, "{text}");
        }
        assert_eq!(events.len(), 6);
    }

    #[test]
    fn messages_come_in_order_up_to_the_limit_and_without_the_feed_that_is_off() {
        let registry = Registry::shipped();
        let inputs: Vec<Known> = events(&registry).into_iter().map(Known::Event).collect();
        let mut recorded = Recorded::new(inputs, &registry, Span::hours(1));
        let begins = recorded.begins().expect("there are some");
        assert_eq!(begins.as_millis(), 1_000_003_600_000, "moved by an hour");
        let limit = begins + Span::minutes(1);
        assert!(recorded.next_before(limit).is_some());
        assert_eq!(recorded.next_before(limit), None, "the second one is at the limit");
        recorded.set_feed(Feed::Modality(ModalityId(1)), false);
        let rest: Vec<Feed> = std::iter::from_fn(|| recorded.next_before(limit + Span::hours(1)))
            .map(|message| message.feed)
            .collect();
        let feed = |id| Feed::Modality(ModalityId(id));
        assert_eq!(rest, [feed(0), feed(0), feed(2)]);
        assert_eq!((recorded.left(), recorded.ends()), (0, Some(begins + Span::minutes(4))));
    }
}
