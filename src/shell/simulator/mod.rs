//! A ward that does not exist: what its monitors, laboratory, radiology and front desk would send, in the order
//! in which it reaches the broker, from a seed.
//!
//! Patients have a course that nobody sees ([`Latent`]); vitals, results and reports follow from it (`physiology`,
//! `panels`, `report`); then everything happens to them that happens to real records (`monitor`, `observations`,
//! `outbox`, `bad`). No number here is fitted to patients: it exercises the pipeline, it is no evidence that a model is good.
//!
//! A [`Ward`] is lazy and endless. It keeps a few hundred bytes for a bed and the records in flight, which are those of the
//! results not yet issued, of Wi-Fi gaps, and of feeds that are off. Bed and patient draw from streams of their own, so that
//! who falls ill and when does not depend on what goes wrong with records.

mod bad;
mod bed;
mod config;
mod course;
mod front_desk;
mod input;
mod monitor;
mod observations;
mod outbox;
mod panels;
mod physiology;
mod random;
mod report;
mod statistics;
mod tables;

pub use bad::{BadKind, BadRecord};
pub use config::{Outage, Rates, WardConfig, WardError, WhileOff};
pub use course::{CourseKind, Latent};
pub use input::{Content, Input, Reported, SourceId};
pub use report::{FINDINGS, MARK, Report, Statement};
pub use statistics::{Disturbance, Statistics};

use crate::modality::Registry;
use crate::types::{EventTime, Feed, IngestTime, PatientId, Span};
use bed::{Bed, Numbers};
use outbox::{Delivery, Outbox, Traffic};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use tables::Tables;

/// Records a millisecond at which what was kept comes when its feed is on again.
const CATCH_UP_PER_MILLI: usize = 5;

/// A simulated ward. As an iterator it never ends, except while all its feeds are switched off; then
/// [`Ward::next_before`] is what goes on.
#[derive(Debug)]
pub struct Ward {
    config: WardConfig,
    tables: Tables,
    beds: Vec<Bed>,
    /// What a bed does next.
    due: BinaryHeap<Reverse<(EventTime, u32)>>,
    traffic: Traffic,
    feeds: [FeedState; 4],
    numbers: Numbers,
    statistics: Statistics,
    now: IngestTime,
}

#[derive(Debug, Default)]
struct FeedState {
    is_off: bool,
    /// Kept while off.
    kept: VecDeque<Delivery>,
    /// End of the scheduled outage that records are kept for, and how many.
    waiting: (EventTime, usize),
}

impl Ward {
    /// The ward of a configuration, with the ids that `registry` gives its modalities.
    ///
    /// # Errors
    /// Every mistake in the configuration; a registry without vitals, labs, imaging or one of their columns.
    pub fn new(config: WardConfig, registry: &Registry) -> Result<Self, WardError> {
        let mut mistakes = config.mistakes();
        let tables = Tables::new(registry, &mut mistakes);
        let (Some(tables), true) = (tables, mistakes.is_empty()) else {
            return Err(WardError(mistakes));
        };
        let mut ward = Self {
            now: IngestTime::from_millis(config.start.as_millis()),
            beds: Vec::with_capacity(config.patients as usize),
            due: BinaryHeap::with_capacity(config.patients as usize),
            traffic: Traffic::default(),
            feeds: Default::default(),
            numbers: Numbers::default(),
            statistics: Statistics::default(),
            config,
            tables,
        };
        for number in 0..ward.config.patients {
            let (config, tables) = (&ward.config, &ward.tables);
            let (traffic, statistics) = (&mut ward.traffic, &mut ward.statistics);
            let mut out = Outbox { config, tables, traffic, statistics };
            let bed = Bed::new(number, &mut ward.numbers, &mut out);
            ward.due.push(Reverse((bed.next(), number)));
            ward.beds.push(bed);
        }
        Ok(ward)
    }

    /// The next record that arrives before `limit`; `None`: there is none, go on later. For callers that follow a clock.
    pub fn next_before(&mut self, limit: IngestTime) -> Option<Input> {
        loop {
            let arrival = self.traffic.next_arrival();
            let happens =
                self.due.peek().map(|Reverse((at, _))| IngestTime::from_millis(at.as_millis()));
            let is_next = match (arrival, happens) {
                (Some(arrival), Some(happens)) => arrival <= happens,
                (arrival, _) => arrival.is_some(),
            };
            let next = if is_next { arrival } else { happens };
            if next.is_none_or(|next| next >= limit) {
                return None;
            }
            if !is_next {
                self.run_bed();
            } else if let Some(input) = self.traffic.pop().and_then(|d| self.deliver(d)) {
                return Some(input);
            }
        }
    }

    /// Switches a feed off or on, from the record last returned on. False: the ward has no such feed.
    pub fn set_feed(&mut self, feed: Feed, on: bool) -> bool {
        let Some(state) = self.tables.index(feed).and_then(|i| self.feeds.get_mut(i)) else {
            return false;
        };
        state.is_off = !on;
        if on {
            for (i, mut delivery) in std::mem::take(&mut state.kept).into_iter().enumerate() {
                delivery.input.arrival = self.now + catch_up(i);
                self.traffic.push(delivery);
            }
        }
        true
    }

    /// True where the feed is on, scheduled outages aside.
    pub fn is_on(&self, feed: Feed) -> bool {
        self.tables.index(feed).is_some_and(|i| !self.feeds[i].is_off)
    }

    /// The arrival time of the record last returned; the start before the first.
    pub fn now(&self) -> IngestTime {
        self.now
    }

    /// What has been sent and what went wrong.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Records made and not yet sent.
    pub fn in_flight(&self) -> usize {
        self.traffic.len() + self.feeds.iter().map(|feed| feed.kept.len()).sum::<usize>()
    }

    /// Who is there and how ill they really are, in bed order.
    pub fn present(&self) -> impl Iterator<Item = (&PatientId, Latent)> + '_ {
        let stays = self.beds.iter().filter_map(|bed| bed.stay.as_ref());
        stays.map(|stay| (&stay.sender.patient, stay.latent()))
    }

    /// Lets the bed whose turn it is do what is next.
    fn run_bed(&mut self) {
        let Some(mut top) = self.due.peek_mut() else { return };
        let Reverse((_, number)) = *top;
        let bed = &mut self.beds[number as usize];
        let mut out = Outbox {
            config: &self.config,
            tables: &self.tables,
            traffic: &mut self.traffic,
            statistics: &mut self.statistics,
        };
        bed.run(&mut self.numbers, &mut out);
        *top = Reverse((bed.next(), number));
    }

    /// Hands a record over, unless its stay has ended or its feed is off.
    fn deliver(&mut self, delivery: Delivery) -> Option<Input> {
        if self.has_left(&delivery) {
            self.statistics.count(Disturbance::AfterDischarge);
            return None;
        }
        let feed = self.tables.index(delivery.input.feed)?;
        if self.feeds[feed].is_off {
            self.hold(feed, delivery);
            return None;
        }
        if let Some(until) = self.outage(&delivery.input) {
            self.postpone(feed, delivery, until);
            return None;
        }
        debug_assert!(delivery.input.arrival >= self.now, "records are made before they arrive");
        self.now = delivery.input.arrival;
        self.statistics.sent[feed] += 1;
        if let Content::Bad(bad) = &delivery.input.content {
            self.statistics.bad[bad.kind as usize] += 1;
        }
        Some(delivery.input)
    }

    fn has_left(&self, delivery: &Delivery) -> bool {
        let Some((bed, number)) = delivery.stay else { return false };
        let stay = self.beds.get(bed as usize).and_then(|bed| bed.stay.as_ref());
        stay.is_none_or(|stay| stay.sender.stay != number)
    }

    /// The end of the scheduled outage that a record arrives in.
    fn outage(&self, input: &Input) -> Option<EventTime> {
        let at = EventTime::from_millis(input.arrival.as_millis());
        let outages = self.config.outages.iter().filter(|o| o.feed == input.feed);
        outages.filter(|o| o.from <= at && at < o.until).map(|o| o.until).max()
    }

    /// Keeps or loses a record while its feed is switched off.
    fn hold(&mut self, feed: usize, delivery: Delivery) {
        let state = &mut self.feeds[feed];
        if let WhileOff::Kept { most } = self.config.while_off
            && state.kept.len() < most
        {
            state.kept.push_back(delivery);
            self.statistics.count(Disturbance::Kept);
        } else {
            self.statistics.count(Disturbance::Lost);
        }
    }

    /// Delays or loses a record of a scheduled outage.
    fn postpone(&mut self, feed: usize, mut delivery: Delivery, until: EventTime) {
        let waiting = &mut self.feeds[feed].waiting;
        if waiting.0 != until {
            *waiting = (until, 0);
        }
        if let WhileOff::Kept { most } = self.config.while_off
            && waiting.1 < most
        {
            let arrival = IngestTime::from_millis(until.as_millis()) + catch_up(waiting.1);
            waiting.1 += 1;
            delivery.input.arrival = arrival;
            self.traffic.push(delivery);
            self.statistics.count(Disturbance::Kept);
        } else {
            self.statistics.count(Disturbance::Lost);
        }
    }
}

fn catch_up(number: usize) -> Span {
    Span::millis((number / CATCH_UP_PER_MILLI) as i64)
}

impl Iterator for Ward {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        if self.feeds.iter().all(|feed| feed.is_off) {
            return None;
        }
        self.next_before(IngestTime::from_millis(i64::MAX))
    }
}
