//! Every role as a process of its own, with its own telemetry, over one in-memory broker in simulated time.

use super::SCRAPE;
use super::film::Film;
use latefusion::fuse::package::{Package, Profile};
use latefusion::shell::bus::kafka::ClientFigures;
use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus};
use latefusion::shell::bus::{Bus, Guarantee, Outgoing, Worker as Membership};
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::driver::{
    Board, Clock, Pipeline, Role, RunState, Turn, Worker, WorkerStatus, activate,
};
use latefusion::shell::simulator::{Ward, WardConfig};
use latefusion::shell::telemetry::{Observed, Shape, Telemetry};
use latefusion::types::{EventTime, Feed, IngestTime, ModalityId, ScorerClock, Span};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The simulated instant at which everything begins, in milliseconds.
pub(super) const BEGINNING: i64 = 1_700_000_000_000;
const TICK: Span = Span::seconds(1);
const PARTITIONS: u32 = 2;
const MODALITIES: [&str; 3] = ["vitals", "labs", "imaging"];

struct StepClock(Arc<AtomicI64>);

impl Clock for StepClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis((self.0.load(Ordering::Relaxed) - BEGINNING).unsigned_abs())
    }
}

struct Process {
    instance: String,
    observed: Observed,
    bus: MemoryBus,
    worker: Worker,
    is_up: bool,
}

/// How many fused scores said what of themselves.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    counts: BTreeMap<String, u64>,
    /// Scores of `insufficient_data` that give a risk all the same.
    pub(super) low_without_evidence: u64,
}

impl Statuses {
    pub(super) fn of(&self, status: &str) -> u64 {
        self.counts.get(status).copied().unwrap_or(0)
    }
}

pub(super) struct Plant {
    broker: MemoryBroker,
    time: Arc<AtomicI64>,
    pipeline: Arc<Pipeline>,
    processes: Vec<Process>,
    ward: Ward,
    /// Fused scores up to then have been looked at.
    looked_at: IngestTime,
}

impl Plant {
    pub(super) fn new(patients: u32) -> Self {
        let deployment =
            Deployment::new(Config::default()).expect("the defaults are without mistakes");
        let registry = deployment.registry.clone();
        let broker = MemoryBroker::new(Limits::default());
        broker.set_clock(IngestTime::from_millis(BEGINNING));
        for spec in deployment.config.topic_specs(&registry) {
            broker.create(&spec.name, PARTITIONS);
        }
        let time = Arc::new(AtomicI64::new(BEGINNING));
        let feeds = (0..3).map(|m| Feed::Modality(ModalityId(m))).chain([Feed::Encounters]);
        let roles = feeds.map(Role::Score).chain([Role::Fuse]);
        let processes = roles.map(|role| {
            let mut pipeline = deployment.pipeline();
            pipeline.telemetry = Telemetry::on(Shape::new(&pipeline.names));
            let pipeline = Arc::new(pipeline);
            let clock: Arc<dyn Clock> = Arc::new(StepClock(time.clone()));
            let bus = broker.connect(role.membership(&pipeline, "latefusion", "0", 0));
            let clients = ClientFigures::default();
            let board = Board::default();
            Process {
                instance: role.name(&pipeline.names),
                bus: bus.expect("the broker is there"),
                worker: Worker::new(pipeline.clone(), role, clock.clone()),
                observed: Observed { pipeline, board, clock, clients },
                is_up: true,
            }
        });
        let processes = processes.collect();
        let pipeline = Arc::new(deployment.pipeline());
        let package = Package::shipped(Profile::Ward, &registry);
        let package = toml::to_string(&package).expect("plain data");
        let (group, id) = ("latefusion-fuse".to_owned(), "outsider".to_owned());
        let outsider =
            Membership { group, id, topics: Vec::new(), guarantee: Guarantee::Transactional };
        let mut bus = broker.connect(outsider).expect("the broker is there");
        activate(&mut bus, &pipeline, &package).expect("the package is valid");
        bus.close();
        let start = EventTime::from_millis(BEGINNING);
        let config = WardConfig {
            patients,
            start,
            vitals_every: Span::seconds(15),
            ..WardConfig::default()
        };
        let ward = Ward::new(config, &registry).expect("a right configuration");
        Self {
            broker,
            time,
            pipeline,
            processes,
            ward,
            looked_at: IngestTime::from_millis(BEGINNING),
        }
    }

    /// Time since the beginning.
    pub(super) fn elapsed(&self) -> Span {
        Span::millis(self.time.load(Ordering::Relaxed) - BEGINNING)
    }

    /// Lets time pass; everybody does what there is to do, and is scraped.
    pub(super) fn play(&mut self, span: Span, film: &mut Film) {
        let end = self.elapsed() + span;
        while self.elapsed() < end {
            self.broker.advance(TICK);
            let now = self.time.fetch_add(TICK.as_millis(), Ordering::Relaxed) + TICK.as_millis();
            while let Some(input) = self.ward.next_before(IngestTime::from_millis(now)) {
                let record = Outgoing {
                    topic: self.pipeline.names.topic(input.feed).into(),
                    partition: None,
                    key: Some(input.key.as_str().as_bytes().to_vec()),
                    payload: Some(input.payload().into_owned()),
                    headers: Vec::new(),
                };
                self.broker.append(&record).expect("the topic is there");
            }
            for process in self.processes.iter_mut().filter(|process| process.is_up) {
                while process.worker.turn(&mut process.bus).expect("nothing goes wrong here")
                    != Turn::Quiet
                {}
            }
            if self.elapsed().as_millis() % SCRAPE.as_millis() == 0 {
                self.scrape(film);
            }
        }
    }

    fn scrape(&self, film: &mut Film) {
        let at = self.elapsed();
        for Process { instance, observed, worker, is_up, .. } in &self.processes {
            if !is_up {
                film.down(at, instance);
                continue;
            }
            let status = WorkerStatus {
                role: instance.clone(),
                worker: 0,
                state: RunState::Running,
                restarts: 0,
                trouble: None,
                since: Some(Duration::ZERO),
                was_assigned: true,
                lanes: worker.lanes(),
            };
            let observed = Observed { board: Board::of(vec![status]), ..observed.clone() };
            film.take(at, instance, &observed.metrics().expect("metrics are on"));
        }
    }

    pub(super) fn set_feed(&mut self, modality: &str, on: bool) {
        let m = MODALITIES.iter().position(|name| *name == modality).expect("a shipped modality");
        assert!(self.ward.set_feed(Feed::Modality(ModalityId(m as u8)), on));
    }

    /// Ends a process as a crash does: it says nothing more.
    pub(super) fn stop(&mut self, instance: &str) {
        let mut all = self.processes.iter_mut();
        all.find(|process| process.instance == instance).expect("it runs").is_up = false;
    }

    /// What the fused scores since the last look say of themselves.
    pub(super) fn statuses(&mut self) -> Statuses {
        let records = self.broker.records(&self.pipeline.topics.fused_scores);
        let mut statuses = Statuses::default();
        for record in records.iter().filter(|record| record.ingest_time > self.looked_at) {
            let Some(payload) = &record.payload else { continue };
            let score: serde_json::Value =
                serde_json::from_slice(payload).expect("a score is JSON");
            let status = score["status"].as_str().expect("a score has a status").to_owned();
            statuses.low_without_evidence +=
                u64::from(status == "insufficient_data" && !score["risk"].is_null());
            *statuses.counts.entry(status).or_default() += 1;
        }
        self.looked_at = self.broker.now();
        statuses
    }
}
