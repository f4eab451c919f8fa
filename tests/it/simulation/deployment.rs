//! What a simulated world runs on: topics, roles, settings, clock.

use fastrand::Rng;
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::score::Calibrate;
use latefusion::shell::bus::TopicPartition;
use latefusion::shell::bus::memory::MemoryBroker;
use latefusion::shell::driver::{Clock, Pace, Pipeline, Role, StateTopics};
use latefusion::shell::setup::{models, reference_scorer, shipped};
use latefusion::shell::telemetry::{Shape, Telemetry};
use latefusion::shell::wire::{Limits as LetterLimits, Names, Topics};
use latefusion::types::{Feed as Source, ModalityId, Risk, ScorerClock, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// When the broker's clock and everything else begins.
pub(super) const BEGINNING: i64 = 1_700_000_000_000;
/// Every role of the pipeline.
pub(super) const ROLES: [Role; 5] = [
    Role::Score(Source::Modality(ModalityId(0))),
    Role::Score(Source::Modality(ModalityId(1))),
    Role::Score(Source::Modality(ModalityId(2))),
    Role::Score(Source::Encounters),
    Role::Fuse,
];

/// The simulation's clock: true time, and how far this member's clock is off.
pub(super) struct SimClock(pub(super) Arc<AtomicI64>, pub(super) i64);

impl Clock for SimClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.0.load(Ordering::Relaxed) + self.1)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.0.load(Ordering::Relaxed) - BEGINNING).unsigned_abs())
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
    let names = Names::new(&registry, &topics).expect("the defaults are valid");
    Pipeline {
        telemetry: Telemetry::on(Shape::new(&names)),
        names,
        lanes,
        topics,
        state_topics: StateTopics::default(),
        epochs: [("labs".to_owned(), 2)].into(),
        pace,
        max_payload: 64 << 10,
        dead_letters: LetterLimits::default(),
    }
}
