//! Records on their way: the order in which they arrive, and what the network does to them.

use super::bad::spoil;
use super::config::WardConfig;
use super::input::{Content, Input, SourceId};
use super::random::Random;
use super::statistics::{Disturbance, Statistics};
use super::tables::Tables;
use crate::types::{EventTime, Feed, IngestTime, IssueTime, PatientId, Span};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A record and the stay that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) input: Input,
    /// Bed and stay; the record is dropped when that stay has ended. `None`: sent in any case.
    pub(super) stay: Option<(u32, u32)>,
}

type Order = BinaryHeap<Reverse<(IngestTime, u64, u32)>>;

/// Records further away than this wait apart, so that the many that come at once need not pass those that take hours.
const SOON: Span = Span::seconds(2);

/// Records in flight, by arrival; those of one arrival in the order in which they were put in.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    soon: Order,
    later: Order,
    /// Arrival of the record last taken out.
    now: IngestTime,
    slots: Vec<Option<Delivery>>,
    free: Vec<u32>,
    sequence: u64,
}

impl Traffic {
    pub(super) fn push(&mut self, delivery: Delivery) {
        let arrival = delivery.input.arrival;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        self.slots[slot as usize] = Some(delivery);
        let order = if arrival < self.now + SOON { &mut self.soon } else { &mut self.later };
        order.push(Reverse((arrival, self.sequence, slot)));
        self.sequence += 1;
    }

    /// The heap that the next record is in.
    fn next(&mut self) -> &mut Order {
        // Reversed: the greater one comes first; nothing is the least.
        if self.later.peek() > self.soon.peek() { &mut self.later } else { &mut self.soon }
    }

    /// When the next record arrives.
    pub(super) fn next_arrival(&mut self) -> Option<IngestTime> {
        self.next().peek().map(|Reverse((arrival, ..))| *arrival)
    }

    /// The next record.
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        let Reverse((arrival, _, slot)) = self.next().pop()?;
        self.now = arrival;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// Records in flight.
    pub(super) fn len(&self) -> usize {
        self.soon.len() + self.later.len()
    }
}

/// Who sends: the patient's name on the record, and the stay that it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) patient: PatientId,
    pub(super) bed: u32,
    pub(super) stay: u32,
}

/// What a bed needs to send.
#[derive(Debug)]
pub(super) struct Outbox<'a> {
    pub(super) config: &'a WardConfig,
    pub(super) tables: &'a Tables,
    pub(super) traffic: &'a mut Traffic,
    pub(super) statistics: &'a mut Statistics,
}

/// Longest time before the ward's start that something may have been issued and still come at its start.
const BACKLOG: Span = Span::hours(48);
/// Within this time after the start everything from before it has arrived.
const BACKLOG_ARRIVES_WITHIN: Span = Span::seconds(5);

impl Outbox<'_> {
    /// Sends a record that its source hands over at `sent`; with its twin and its bad companion, if it gets any.
    pub(super) fn send(
        &mut self,
        travel: &mut Random,
        sender: &Sender,
        feed: Feed,
        sent: EventTime,
        content: Content,
    ) {
        let arrival = self.arrival(sent + travel.skewed_span(Span::millis(20), Span::millis(400)));
        let input = Input { arrival, feed, key: sender.patient.clone(), content };
        let stay = Some((sender.bed, sender.stay));
        if travel.chance(self.config.rates.duplicate) {
            self.statistics.count(Disturbance::Duplicate);
            let later = arrival + travel.skewed_span(Span::millis(5), Span::seconds(20));
            let input = Input { arrival: later, ..input.clone() };
            self.traffic.push(Delivery { input, stay });
        }
        if travel.chance(self.config.rates.bad) {
            let id = SourceId(travel.bits() | 1 << 63);
            let input = spoil(&input, id, self.config.oversized_bytes, travel);
            self.traffic.push(Delivery { input, stay });
        }
        self.traffic.push(Delivery { input, stay });
    }

    /// As [`Self::send`], but certain to come, once, and even after the stay: how a stay ends must be known.
    pub(super) fn send_last(&mut self, sender: &Sender, sent: EventTime, content: Content) {
        let (arrival, key) = (self.arrival(sent), sender.patient.clone());
        let input = Input { arrival, feed: Feed::Encounters, key, content };
        self.traffic.push(Delivery { input, stay: None });
    }

    /// What is from before the start comes right after it, in its old order.
    fn arrival(&self, sent: EventTime) -> IngestTime {
        let start = self.config.start;
        let age = (start - sent).as_millis().clamp(0, BACKLOG.as_millis());
        let earlier = BACKLOG_ARRIVES_WITHIN.as_millis() * age / BACKLOG.as_millis();
        let at =
            if age > 0 { start + BACKLOG_ARRIVES_WITHIN - Span::millis(earlier) } else { sent };
        IngestTime::from_millis(at.as_millis())
    }
}

/// The same instant on the source's clock.
pub(super) fn issue(at: EventTime) -> IssueTime {
    IssueTime::from_millis(at.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modality::Registry;

    #[test]
    fn what_was_before_the_start_arrives_after_it_in_its_order() {
        let config = WardConfig::default();
        let tables = Tables::new(&Registry::shipped(), &mut Vec::new()).expect("all there");
        let (mut traffic, mut statistics) = (Traffic::default(), Statistics::default());
        let outbox = Outbox {
            config: &config,
            tables: &tables,
            traffic: &mut traffic,
            statistics: &mut statistics,
        };
        let sent =
            [-60, -48, -30, -1].map(|hours| outbox.arrival(config.start + Span::hours(hours)));
        assert!(sent.is_sorted() && sent[2] < sent[3]);
        let start = IngestTime::from_millis(config.start.as_millis());
        assert!(sent[0] >= start && sent[3] <= start + BACKLOG_ARRIVES_WITHIN);
        let later = config.start + Span::minutes(3);
        assert_eq!(outbox.arrival(later).as_millis(), later.as_millis());
    }
}
