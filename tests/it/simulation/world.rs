//! A simulated deployment: one in-memory broker, workers of every role, and what befalls them. One thread, one seed.

use super::feed::Feed;
use super::tally::{Fault, Tally};
use fastrand::Rng;
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::score::Calibrate;
use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus, Outage};
use latefusion::shell::bus::{Bus, BusError, Guarantee, TopicPartition, Worker as Membership};
use latefusion::shell::driver::{Clock, Pace, Pipeline, Role, StateTopics, Turn, Worker, activate};
use latefusion::shell::setup::{models, reference_scorer, shipped};
use latefusion::shell::wire::{Limits as LetterLimits, Names, Topics};
use latefusion::types::{Feed as Source, IngestTime, ModalityId, Risk, ScorerClock, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// When the broker's clock and everything else begins.
const BEGINNING: i64 = 1_700_000_000_000;
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

/// The simulation's clock: true time, and how far this member's clock is off.
struct SimClock(Arc<AtomicI64>, i64);

impl Clock for SimClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.0.load(Ordering::Relaxed) + self.1)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.0.load(Ordering::Relaxed) - BEGINNING).unsigned_abs())
    }
}

/// One process of one worker, alive or not.
struct Slot {
    role: Role,
    ordinal: usize,
    skew: i64,
    state: State,
}

enum State {
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
    weather: Weather,
    random: Rng,
    time: Arc<AtomicI64>,
    slots: Vec<Slot>,
    zombies: Vec<(i64, MemoryBus)>,
    outage_until: i64,
}

/// Every role of the pipeline.
pub(super) const ROLES: [Role; 5] = [
    Role::Score(Source::Modality(ModalityId(0))),
    Role::Score(Source::Modality(ModalityId(1))),
    Role::Score(Source::Modality(ModalityId(2))),
    Role::Score(Source::Encounters),
    Role::Fuse,
];

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
            jumps_reach_sources: seed % 8 == 0,
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

    fn now(&self) -> i64 {
        self.time.load(Ordering::Relaxed)
    }

    fn tell(&mut self, what: std::fmt::Arguments<'_>) {
        let at = self.now() - BEGINNING;
        self.story.push(format!("{at:>6} ms  {what}"));
    }

    fn fault(&mut self, fault: Fault, what: std::fmt::Arguments<'_>) {
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
                    panic!("a member is still down")
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

    fn name(&self, at: usize) -> String {
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

    /// What goes wrong between two rounds.
    fn befall(&mut self) {
        let harsh = self.weather == Weather::Harsh;
        let at = self.random.usize(0..self.slots.len());
        let (now, name) = (self.now(), self.name(at));
        let longest = if harsh { 25_000 } else { 4_000 };
        let while_ = self.random.i64(500..longest);
        match self.random.u16(0..150) {
            0..=5 => {
                if let State::Up { worker, .. } = &self.slots[at].state {
                    self.tally.counts(worker.counts(), &worker.lanes());
                    self.slots[at].state = State::Down { until: now + while_ };
                    self.fault(Fault::Crash, format_args!("{name} crashes for {while_} ms"));
                }
            }
            6..=8 => {
                let long = while_ + self.random.i64(0..9_000);
                if let State::Up { asleep_until, .. } = &mut self.slots[at].state {
                    *asleep_until = now + long;
                    self.fault(Fault::Sleep, format_args!("{name} sleeps for {long} ms"));
                }
            }
            9..=11 => {
                let id = self.membership_id(at);
                self.broker.evict(&id);
                self.fault(Fault::Rebalance, format_args!("{name} is evicted"));
            }
            12..=13 => {
                let id = self.membership_id(at);
                self.broker.abort_transaction(&id);
                self.broker.abort_transaction(&format!("{id}-checkpoint"));
                self.fault(Fault::Abort, format_args!("transactions of {name} time out"));
            }
            14..=16 => {
                let outage = if self.random.bool() { Outage::Coordinators } else { Outage::Broker };
                self.broker.outage(Some(outage));
                self.outage_until = now + while_;
                self.fault(Fault::Outage, format_args!("{outage:?} away for {while_} ms"));
            }
            17..=18 => {
                let jump = self.random.i64(-20_000..20_000);
                self.broker.set_clock(IngestTime::from_millis(now + jump));
                self.fault(Fault::ClockJump, format_args!("the broker's clock jumps {jump} ms"));
            }
            19..=20 => {
                let on = self.random.bool();
                self.broker.resend(on);
                self.fault(Fault::Resend, format_args!("producers send twice: {on}"));
            }
            21..=23 => self.compact(),
            24..=26 => self.tear(at, now + while_),
            27..=29 => self.leave(at, now + while_),
            _ => {}
        }
    }

    fn membership_id(&self, at: usize) -> String {
        let slot = &self.slots[at];
        slot.role.membership(&self.pipeline, "sim", "0", slot.ordinal).id
    }

    fn compact(&mut self) {
        let StateTopics { score, fuse } = self.pipeline.state_topics.clone();
        self.broker.compact(&score);
        self.broker.compact(&fuse);
        self.fault(Fault::Compaction, format_args!("the checkpoints are compacted"));
    }

    /// One record of the checkpoints is lost, and a member dies so that somebody reads them.
    fn tear(&mut self, at: usize, until: i64) {
        let StateTopics { score, fuse } = &self.pipeline.state_topics;
        let topic = if self.slots[at].role == Role::Fuse { fuse } else { score };
        let records = self.broker.records(topic);
        let Some(lost) = self.random.choice(&records).cloned() else { return };
        self.broker.lose(&lost.place, |record| record.offset == lost.offset);
        if let State::Up { worker, .. } = &self.slots[at].state {
            self.tally.counts(worker.counts(), &worker.lanes());
            self.slots[at].state = State::Down { until };
        }
        let (name, offset) = (self.name(at), lost.offset);
        self.fault(
            Fault::TornCheckpoint,
            format_args!("{}[{offset}] is lost, {name} crashes", lost.place),
        );
    }

    /// A member stops in good order and comes back later.
    fn leave(&mut self, at: usize, until: i64) {
        let name = self.name(at);
        if let State::Up { bus, worker, .. } = &mut self.slots[at].state {
            let _left_undone = worker.drain(&mut **bus);
            bus.close();
            self.tally.counts(worker.counts(), &worker.lanes());
            self.slots[at].state = State::Down { until };
            self.fault(Fault::Leave, format_args!("{name} leaves"));
        }
    }
}

/// Every topic, with one or two partitions; `fused-scores` has those of `predictions`.
pub(super) fn create_topics(random: &mut Rng, broker: &MemoryBroker, pipeline: &Pipeline) {
    for role in ROLES {
        broker.create(&role.topic(pipeline), random.u32(1..=2));
    }
    let predictions = broker_partitions(broker, &pipeline.topics.predictions);
    for (topic, partitions) in [
        (&pipeline.topics.fused_scores, predictions),
        (&pipeline.topics.availability, 1),
        (&pipeline.topics.dead_letters, 1),
        (&pipeline.state_topics.score, random.u32(1..=2)),
        (&pipeline.state_topics.fuse, random.u32(1..=2)),
    ] {
        broker.create(topic, partitions);
    }
}

pub(super) fn broker_partitions(broker: &MemoryBroker, topic: &str) -> u32 {
    let there = |p: &u32| broker.progress(&TopicPartition::new(topic, *p)).is_some();
    (0..).take_while(there).count() as u32
}

/// The shipped modalities and scorers with made-up calibrations, in a hurry.
pub(super) fn pipeline(random: &mut Rng, allowed_lateness: Span) -> Pipeline {
    let registry = Registry::shipped();
    let mut package = Package::shipped(Profile::Ward, &registry);
    package.every = Span::seconds(5);
    package.allowed_lateness = allowed_lateness;
    package.lane_timeout = Span::seconds(8);
    for (name, seconds) in [("vitals", 25), ("labs", 60), ("imaging", 60)] {
        if let Some(policy) = package.modality.get_mut(name) {
            policy.validity = Span::seconds(seconds);
            policy.half_life = Span::seconds(seconds);
            policy.hold_limit = Span::seconds(2 * seconds);
        }
    }
    let text = toml::to_string(&package).expect("a package is TOML");
    let mut lanes = shipped(Profile::Ward, &registry, text.into());
    let calibrate: Calibrate = Arc::new(|score| Risk::new(1.0 / (1.0 + (4.0 - score).exp())).ok());
    lanes.models = (registry.iter())
        .map(|(_, m)| models(reference_scorer(Profile::Ward, m), Some(calibrate.clone()), m))
        .collect();
    lanes.idle_after = Span::seconds(random.i64(2..6));
    lanes.batch = random.usize(1..64);
    let topics = Topics::default();
    let pace = Pace {
        commit_interval: Duration::from_millis(random.u64(0..1_500)),
        commit_records: random.usize(1..60),
        checkpoint: Duration::from_secs(random.u64(2..15)),
        retry_for: Duration::from_secs(8),
        progress: Duration::from_secs(3_600),
        ..Pace::default()
    };
    Pipeline {
        names: Names::new(&registry, &topics).expect("the defaults are valid"),
        lanes,
        topics,
        state_topics: StateTopics::default(),
        epochs: [("labs".to_owned(), 2)].into(),
        pace,
        max_payload: 64 << 10,
        dead_letters: LetterLimits::default(),
    }
}
