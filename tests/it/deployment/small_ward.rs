//! A small simulated ward run through every role on the in-memory broker, in simulated time.

use latefusion::fuse::package::{Package, Profile, Publish};
use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus};
use latefusion::shell::bus::{Bus, Guarantee, Outgoing, TopicPartition, Worker as Membership};
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::driver::{Clock, Pipeline, Role, Turn, Worker, activate};
use latefusion::shell::simulator::{Ward, WardConfig};
use latefusion::types::{EventTime, Feed, IngestTime, ModalityId, ScorerClock, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const BEGINNING: i64 = 1_700_000_000_000;
const TICK: i64 = 500;
pub(crate) const PARTITIONS: u32 = 2;

struct StepClock(Arc<AtomicI64>);

impl Clock for StepClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.0.load(Ordering::Relaxed) - BEGINNING).unsigned_abs())
    }
}

pub(crate) struct SmallWard {
    pub(crate) broker: MemoryBroker,
    pub(crate) pipeline: Arc<Pipeline>,
    time: Arc<AtomicI64>,
    members: Vec<(MemoryBus, Worker)>,
    ward: Ward,
}

pub(crate) fn on_change() -> Publish {
    Publish::OnChange { smallest_change: 0.02, longest_silence: Span::minutes(1) }
}

impl SmallWard {
    pub(crate) fn new(publish: Publish) -> Self {
        Self::with(publish, |_| {})
    }

    /// With other lanes, or other telemetry.
    pub(crate) fn with(publish: Publish, change: impl FnOnce(&mut Pipeline)) -> Self {
        let mut config = Config::default();
        config.lanes.checkpoint_interval = Span::seconds(20);
        config.lanes.dead_letter_bytes = 300;
        let deployment = Deployment::new(config).expect("the defaults are without mistakes");
        let registry = deployment.registry.clone();
        let mut package = Package::shipped(Profile::Ward, &registry);
        package.publish = publish;
        let package = toml::to_string(&package).expect("plain data");
        let mut pipeline = deployment.pipeline();
        change(&mut pipeline);
        let pipeline = Arc::new(pipeline);
        let broker = MemoryBroker::new(Limits::default());
        broker.set_clock(IngestTime::from_millis(BEGINNING));
        for spec in deployment.config.topic_specs(&registry) {
            broker.create(&spec.name, PARTITIONS);
        }
        let time = Arc::new(AtomicI64::new(BEGINNING));
        let feeds = (0..3).map(|m| Feed::Modality(ModalityId(m))).chain([Feed::Encounters]);
        let members = feeds.map(Role::Score).chain([Role::Fuse]).map(|role| {
            let member = role.membership(&pipeline, "latefusion", "0", 0);
            let bus = broker.connect(member).expect("the broker is there");
            (bus, Worker::new(pipeline.clone(), role, Arc::new(StepClock(time.clone()))))
        });
        let members = members.collect();
        let start = EventTime::from_millis(BEGINNING);
        let vitals_every = Span::seconds(5);
        let config =
            WardConfig { seed: 7, patients: 12, start, vitals_every, ..WardConfig::default() };
        let ward = Ward::new(config, &registry).expect("a right configuration");
        let mut small = Self { broker, pipeline, time, members, ward };
        let mut bus = small.outsider(Guarantee::Transactional);
        activate(&mut bus, &small.pipeline, &package).expect("the package is valid");
        small.run(Span::ZERO);
        small
    }

    /// Somebody who joins no group and asks for fusion's offsets.
    pub(crate) fn outsider(&self, guarantee: Guarantee) -> MemoryBus {
        let (group, id) = ("latefusion-fuse".to_owned(), "outsider".to_owned());
        let member = Membership { group, id, topics: Vec::new(), guarantee };
        self.broker.connect(member).expect("the broker is there")
    }

    /// Lets time pass, and everybody do what there is to do.
    pub(crate) fn run(&mut self, span: Span) {
        let end = self.time.load(Ordering::Relaxed) + span.as_millis();
        loop {
            let now = self.time.load(Ordering::Relaxed);
            while let Some(input) = self.ward.next_before(IngestTime::from_millis(now)) {
                let payload = input.payload().into_owned();
                let topic = self.pipeline.names.topic(input.feed).into();
                let key = Some(input.key.as_str().as_bytes().to_vec());
                self.append(Outgoing {
                    topic,
                    partition: None,
                    key,
                    payload: Some(payload),
                    headers: Vec::new(),
                });
            }
            for (bus, worker) in &mut self.members {
                while worker.turn(bus).expect("nothing goes wrong here") != Turn::Quiet {}
            }
            if now >= end {
                return;
            }
            self.broker.advance(Span::millis(TICK));
            self.time.fetch_add(TICK, Ordering::Relaxed);
        }
    }

    pub(crate) fn append(&self, record: Outgoing) -> (TopicPartition, i64) {
        self.broker.append(&record).expect("the topic is there")
    }

    /// Every worker is gone without a word, and another one starts in its place.
    pub(crate) fn crash(&mut self) {
        let session = Limits::default().session_timeout + Span::millis(1);
        let roles: Vec<Role> = self.members.iter().map(|(_, worker)| worker.role()).collect();
        self.members.clear();
        self.broker.advance(session);
        self.time.fetch_add(session.as_millis(), Ordering::Relaxed);
        let members = roles.into_iter().map(|role| {
            let member = role.membership(&self.pipeline, "latefusion", "0", 0);
            let bus = self.broker.connect(member).expect("the broker is there");
            let clock = Arc::new(StepClock(self.time.clone()));
            (bus, Worker::new(self.pipeline.clone(), role, clock))
        });
        self.members = members.collect();
    }

    /// Everybody commits and leaves.
    pub(crate) fn end(&mut self) {
        for (bus, worker) in &mut self.members {
            assert_eq!(worker.drain(bus), Ok(true));
            bus.close();
        }
    }
}
