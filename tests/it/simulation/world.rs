//! A simulated deployment: one in-memory broker, workers of every role, and what befalls them. One thread, one seed.

use super::deployment::{BEGINNING, ROLES, SimClock, broker_partitions, create_topics, pipeline};
use super::feed::Feed;
use super::tally::{Fault, Tally};
use fastrand::Rng;
use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus};
use latefusion::shell::bus::{Bus, BusError, Guarantee, TopicPartition, Worker as Membership};
use latefusion::shell::driver::{Pipeline, Role, Turn, Worker, activate};
use latefusion::types::{IngestTime, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Between two rounds of the world.
const TICK: i64 = 500;
/// After the feed has ended, until every window of it has fired and every member has recovered.
const SETTLE: i64 = 75_000;

/// What may happen to a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// Nothing.
    Calm,
    /// Faults that end soon, and much allowed lateness.
    Rough,
    /// Long outages and little allowed lateness.
    Harsh,
}

/// One process of one worker, alive or not.
pub(super) struct Slot {
    pub(super) role: Role,
    pub(super) ordinal: usize,
    skew: i64,
    pub(super) state: State,
}

pub(super) enum State {
    Up { bus: Box<MemoryBus>, worker: Box<Worker>, asleep_until: i64 },
    Down { until: i64 },
}

/// See the module.
pub(super) struct World {
    pub(super) broker: MemoryBroker,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) feed: Feed,
    pub(super) allowed_lateness: i64,
    /// Windows up to here are compared.
    pub(super) horizon: i64,
    pub(super) tally: Tally,
    /// What befell it, for whoever has to find out why.
    pub(super) story: Vec<String>,
    /// Ends of the partitions of `predictions` at true times: when each record was really appended.
    pub(super) ends: Vec<(i64, Vec<i64>)>,
    /// The clock that jumps is that of the sources' broker too: their records are then not those of the calm run.
    pub(super) jumps_reach_sources: bool,
    pub(super) weather: Weather,
    pub(super) random: Rng,
    time: Arc<AtomicI64>,
    pub(super) slots: Vec<Slot>,
    zombies: Vec<(i64, MemoryBus)>,
    pub(super) outage_until: i64,
}

impl World {
    /// The world of a seed: the same feed and settings in any weather.
    pub(super) fn new(seed: u64, weather: Weather, lateness: Span) -> Self {
        let mut random = Rng::with_seed(seed);
        let start = BEGINNING + 1_000;
        let end = start + random.i64(40_000..80_000);
        let feed = Feed::new(&mut random, (start, end));
        let pipeline = Arc::new(pipeline(&mut random, lateness));
        let limits = Limits { poll_records: random.usize(6..80), ..Limits::default() };
        let broker = MemoryBroker::new(limits);
        broker.set_clock(IngestTime::from_millis(BEGINNING));
        create_topics(&mut random, &broker, &pipeline);
        let mut slots = Vec::new();
        for role in ROLES {
            for ordinal in 0..random.usize(1..=2) {
                let joins = if ordinal == 0 { 0 } else { random.i64(0..30_000) };
                let state = State::Down { until: BEGINNING + joins };
                slots.push(Slot { role, ordinal, skew: random.i64(-300..300), state });
            }
        }
        let mut world = Self {
            broker,
            pipeline,
            feed,
            allowed_lateness: lateness.as_millis(),
            horizon: end,
            tally: Tally::default(),
            story: Vec::new(),
            ends: Vec::new(),
            jumps_reach_sources: seed.is_multiple_of(8),
            weather,
            random: Rng::with_seed(seed ^ 0x005e_ed0f_fa17),
            time: Arc::new(AtomicI64::new(BEGINNING)),
            slots,
            zombies: Vec::new(),
            outage_until: 0,
        };
        world.switch_on();
        world
    }

    fn switch_on(&mut self) {
        let (id, group) = ("activate".to_owned(), "activate".to_owned());
        let writer =
            Membership { group, id, topics: Vec::new(), guarantee: Guarantee::Transactional };
        let mut bus = self.broker.connect(writer).expect("the broker is there");
        let package = self.pipeline.lanes.package.clone();
        activate(&mut bus, &self.pipeline, &package).expect("the package is valid");
    }

    pub(super) fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        let at = self.now() - BEGINNING;
        self.story.push(format!("{at:>6} ms  {what}"));
    }

    pub(super) fn fault(&mut self, fault: Fault, what: std::fmt::Arguments<'_>) {
        self.tally.fault(fault);
        self.tell(what);
    }

    /// From the first record to the last commit.
    pub(super) fn run(&mut self) {
        let mut next = 0;
        let end = self.horizon + SETTLE;
        while self.now() < end {
            let troubled = self.weather != Weather::Calm && self.now() < self.horizon + 5_000;
            let until = self.now() + TICK;
            self.broker.advance(Span::millis(TICK));
            self.time.store(until, Ordering::Relaxed);
            let jumped = self.broker.now();
            if !self.jumps_reach_sources {
                self.broker.set_clock(IngestTime::from_millis(until));
            }
            while let Some(due) = self.feed.due.get(next).filter(|due| due.time <= until) {
                self.broker.append(&due.record).expect("the topic is there");
                next += 1;
            }
            self.broker.set_clock(jumped);
            if troubled {
                self.befall();
            }
            if until >= self.outage_until {
                self.broker.outage(None);
            }
            self.wake_zombies(!troubled);
            let mut order: Vec<usize> = (0..self.slots.len()).collect();
            if self.weather != Weather::Calm {
                self.random.shuffle(&mut order);
            }
            for at in order {
                self.turn(at, troubled);
            }
            self.note_ends();
        }
        assert_eq!(next, self.feed.due.len(), "the whole feed was sent");
        self.finish();
    }

    fn note_ends(&mut self) {
        let topic = &self.pipeline.topics.predictions;
        let count = broker_partitions(&self.broker, topic);
        let end = |p| self.broker.progress(&TopicPartition::new(topic.as_str(), p));
        let ends = (0..count).filter_map(end).map(|progress| progress.end).collect();
        self.ends.push((self.now(), ends));
    }

    /// Every member drains and leaves, fusion last; nothing is left uncommitted anywhere.
    fn finish(&mut self) {
        for fuse in [false, true] {
            let (mut quiet, mut rounds) = (false, 0);
            while fuse && !quiet {
                (quiet, rounds) = (true, rounds + 1);
                assert!(rounds < 10_000, "fusion never comes to the end of the log");
                for slot in self.slots.iter_mut().filter(|slot| slot.role == Role::Fuse) {
                    let State::Up { bus, worker, .. } = &mut slot.state else { continue };
                    quiet &= worker.turn(&mut **bus) == Ok(Turn::Quiet);
                }
            }
            for slot in self.slots.iter_mut().filter(|slot| (slot.role == Role::Fuse) == fuse) {
                let State::Up { bus, worker, .. } = &mut slot.state else {
                    unreachable!("everybody has had time to come back")
                };
                assert_eq!(worker.drain(&mut **bus), Ok(true), "it drains");
                self.tally.counts(worker.counts(), &worker.lanes());
                bus.close();
            }
        }
        for role in ROLES {
            let group = role.membership(&self.pipeline, "sim", "", 0).group;
            let topic = role.topic(&self.pipeline);
            for partition in 0..broker_partitions(&self.broker, &topic) {
                let place = TopicPartition::new(topic.clone(), partition);
                let end = self.broker.progress(&place).expect("it is there").end;
                let committed = self.broker.committed(&group, &place).unwrap_or(0);
                assert_eq!(committed, end, "{place} is committed to its end");
            }
        }
    }

    /// One round of one member.
    fn turn(&mut self, at: usize, troubled: bool) {
        let now = self.now();
        match &self.slots[at].state {
            State::Down { until } if *until <= now => self.connect(at),
            State::Down { .. } => return,
            State::Up { asleep_until, .. } if troubled && *asleep_until > now => return,
            State::Up { .. } => {}
        }
        let halts = troubled && self.random.u16(0..150) == 0;
        let most = if self.random.bool() { 8 } else { 60 };
        let steps = self.random.usize(0..most);
        let wakes = self.random.bool().then(|| now + self.random.i64(500..20_000));
        let longest = if self.weather == Weather::Harsh { 25_000 } else { 3_000 };
        let down = now + self.random.i64(0..longest);
        let name = self.name(at);
        let slot = &mut self.slots[at];
        let State::Up { bus, worker, .. } = &mut slot.state else { return };
        if halts {
            bus.halt_after(steps);
        }
        // A member does a few rounds while the others do theirs.
        let mut rounds = 0;
        let error = loop {
            rounds += 1;
            match worker.turn(&mut **bus) {
                Ok(Turn::Busy) if rounds < 6 => {}
                Ok(_) => return,
                Err(error) => break error,
            }
        };
        assert!(!matches!(error, BusError::Stop(_)), "{name}: {error}");
        self.tally.counts(worker.counts(), &worker.lanes());
        let State::Up { bus, .. } = std::mem::replace(&mut slot.state, State::Down { until: down })
        else {
            return;
        };
        let halted = error.to_string().contains("halted");
        match wakes.filter(|_| halted) {
            Some(wakes) => {
                self.zombies.push((wakes, *bus));
                self.fault(Fault::Zombie, format_args!("{name} becomes a zombie: {error}"));
            }
            None if halted => self.fault(Fault::CrashInCommit, format_args!("{name}: {error}")),
            None => self.tell(format_args!("{name} starts again: {error}")),
        }
    }

    pub(super) fn name(&self, at: usize) -> String {
        let slot = &self.slots[at];
        format!("{}-{}", slot.role.name(&self.pipeline.names), slot.ordinal)
    }

    fn connect(&mut self, at: usize) {
        let (now, name) = (self.now(), self.name(at));
        let slot = &mut self.slots[at];
        let clock = Arc::new(SimClock(self.time.clone(), slot.skew));
        let ordinal = slot.ordinal;
        match self.broker.connect(slot.role.membership(&self.pipeline, "sim", "0", ordinal)) {
            Ok(bus) => {
                let worker = Box::new(Worker::new(self.pipeline.clone(), slot.role, clock));
                slot.state = State::Up { bus: Box::new(bus), worker, asleep_until: 0 };
                self.tell(format_args!("{name} connects"));
            }
            Err(error) => {
                assert!(matches!(error, BusError::Retry(_)), "{name}: {error}");
                slot.state = State::Down { until: now + 1_000 };
            }
        }
    }

    fn wake_zombies(&mut self, all: bool) {
        let now = self.now();
        for (wakes, mut bus) in std::mem::take(&mut self.zombies) {
            if wakes > now && !all {
                self.zombies.push((wakes, bus));
                continue;
            }
            let outcome = bus.wake();
            self.tell(format_args!("a zombie wakes: {outcome:?}"));
        }
    }
}
