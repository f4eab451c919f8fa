//! One pipeline on the in-memory broker: the scorer of vitals and fusion, in simulated time, on the caller's thread.

use crate::input::{Payloads, Ward};
use latefusion::shell::bus::kafka::ClientFigures;
use latefusion::shell::bus::memory::{Limits, MemoryBroker, MemoryBus};
use latefusion::shell::bus::{Bus, Guarantee, Outgoing, Worker as Membership};
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::driver::{Board, Clock, Pipeline, Role, Turn, Worker, activate};
use latefusion::shell::telemetry::{Observed, Shape, Telemetry, TraceSettings};
use latefusion::types::{Feed, IngestTime, ModalityId, ScorerClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Commits of a second, as the default interval has it when records never cease.
const COMMITS: i64 = 20;

struct SetClock(Arc<AtomicI64>);

impl Clock for SetClock {
    fn now(&self) -> ScorerClock {
        ScorerClock::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).unsigned_abs())
    }
}

/// See the module.
pub struct Plant {
    broker: MemoryBroker,
    pipeline: Arc<Pipeline>,
    observed: Observed,
    time: Arc<AtomicI64>,
    members: Vec<(MemoryBus, Worker)>,
    /// What is still to be sent, in slices of a second.
    slices: Vec<Vec<Outgoing>>,
    end: i64,
}

impl Plant {
    /// With metrics and traces to an address, or with neither.
    pub fn new(collector: Option<&str>) -> Self {
        let mut config = Config::default();
        config.topics.partitions = 1;
        let deployment = Deployment::new(config).expect("the defaults are without mistakes");
        let shape = Shape::new(&deployment.names);
        let settings = collector.map(|endpoint| TraceSettings {
            endpoint: endpoint.to_owned(),
            ratio: deployment.config.telemetry.otlp_ratio,
            instance: "0".to_owned(),
        });
        let telemetry = Telemetry::with(shape, settings.is_some(), settings.as_ref());
        let telemetry = telemetry.expect("an address of this machine");
        let pipeline = Arc::new(Pipeline { telemetry, ..deployment.pipeline() });
        let broker = MemoryBroker::new(Limits::default());
        for spec in deployment.config.topic_specs(&deployment.registry) {
            broker.create(&spec.name, 1);
        }
        let time = Arc::new(AtomicI64::new(0));
        let clock: Arc<dyn Clock> = Arc::new(SetClock(time.clone()));
        let roles = [Role::Score(Feed::Modality(ModalityId(0))), Role::Fuse];
        let members = roles.map(|role| {
            let member = role.membership(&pipeline, "latefusion", "0", 0);
            let bus = broker.connect(member).expect("the broker is there");
            (bus, Worker::new(pipeline.clone(), role, clock.clone()))
        });
        let member = Membership {
            group: "activate".to_owned(),
            id: "activate".to_owned(),
            topics: Vec::new(),
            guarantee: Guarantee::Transactional,
        };
        let mut bus = broker.connect(member).expect("the broker is there");
        activate(&mut bus, &pipeline, &deployment.lanes.package).expect("the package is valid");
        let (board, clients) = (Board::default(), ClientFigures::default());
        let observed = Observed { pipeline: pipeline.clone(), board, clock, clients };
        Self {
            broker,
            pipeline,
            observed,
            time,
            members: members.into(),
            slices: Vec::new(),
            end: 0,
        }
    }

    /// Prepares a second of stream; the number of its events.
    pub fn feed(&mut self, ward: &Ward, round: u32, patients: u32) -> u64 {
        let mut payloads = Payloads::default();
        ward.json(round, 0..patients as usize, &mut payloads);
        let topic: Arc<str> = self.pipeline.names.topic(Feed::Modality(ModalityId(0))).into();
        let record = |(at, payload): (usize, &[u8])| Outgoing {
            topic: topic.clone(),
            partition: Some(0),
            key: Some(patient(payload).to_vec()),
            payload: Some(payload.to_vec()),
            // Both carry the same headers.
            headers: vec![(
                "traceparent".to_owned(),
                format!("00-{:032x}-{:016x}-01", at + 1, round + 1).into_bytes(),
            )],
        };
        let records: Vec<Outgoing> = payloads.iter().enumerate().map(record).collect();
        self.end = ward.ingest_time(round);
        let size = records.len().div_ceil(COMMITS as usize).max(1);
        self.slices = records.chunks(size).map(<[Outgoing]>::to_vec).collect();
        records.len() as u64
    }

    /// Lets the second pass.
    pub fn run(&mut self) {
        let step = 1_000 / COMMITS;
        let mut now = self.end - 1_000;
        let mut slices = std::mem::take(&mut self.slices).into_iter();
        while now < self.end {
            now += step;
            self.time.store(now, Ordering::Relaxed);
            self.broker.set_clock(IngestTime::from_millis(now));
            for record in slices.next().unwrap_or_default() {
                self.broker.append(&record).expect("the topic is there");
            }
            for (bus, worker) in &mut self.members {
                while worker.turn(bus).expect("nothing goes wrong here") != Turn::Quiet {}
            }
        }
    }

    /// Somebody asks for the metrics.
    pub fn scrape(&self) {
        let text = self.observed.metrics();
        assert_eq!(text.is_some(), self.pipeline.telemetry.measures());
    }

    /// How many were published.
    pub fn scores(&self) -> usize {
        self.broker.records(&self.pipeline.topics.fused_scores).len()
    }
}

/// Whom a payload is about: `{"patient":"..."`.
fn patient(payload: &[u8]) -> &[u8] {
    let rest = payload.get(12..).unwrap_or_default();
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}

impl Drop for Plant {
    fn drop(&mut self) {
        for (bus, _) in &mut self.members {
            bus.close();
        }
    }
}
