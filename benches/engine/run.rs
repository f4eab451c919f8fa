//! Both stages over a ward, each step timed by the thread's own CPU clock.

use crate::input::{Payloads, Source, Ward};
use latefusion::fuse::package::{Package, Profile};
use latefusion::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage, digest_of};
use latefusion::modality::Registry;
use latefusion::modality::vitals::{self, VITALS};
use latefusion::score::{ScoreConfig, ScoreInput, ScoreOutput, ScoreStage};
use latefusion::shell::record_files::wide::{Decoder, schema};
use latefusion::shell::setup;
use latefusion::shell::wire::{Names, Topics, encode_fused_score};
use latefusion::stage::Stage;
use latefusion::types::{
    Activation, Event, Fault, Feed, IngestTime, LogEntry, ModalityId, ScorerClock, SourceLane,
};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;

const VITALS_ID: ModalityId = ModalityId(0);

/// Nanoseconds of CPU time by step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steps {
    /// Bytes or columns to events.
    pub decode: u64,
    /// Events to predictions.
    pub score: u64,
    /// Predictions to fused scores.
    pub fuse: u64,
    /// Fused scores to JSON.
    pub encode: u64,
}

/// What is run.
pub struct Plan {
    patients: u32,
    source: Source,
    batch: usize,
    /// Rounds of one second that are not timed, and those that are.
    rounds: [u32; 2],
    repeats: u32,
}

impl Plan {
    /// The first ten seconds after three: the same life for any number of patients, and one pane of each.
    pub fn first_hop(patients: u32, source: Source, batch: usize) -> Self {
        let repeats = (1_000_000 / (patients * 10).max(1)).clamp(1, 20);
        Self { patients, source, batch, rounds: [3, 10], repeats }
    }

    /// 100 seconds after a quarter of an hour: every list at its steady length.
    pub fn steady(patients: u32, source: Source, batch: usize) -> Self {
        Self { patients, source, batch, rounds: [900, 100], repeats: 1 }
    }
}

/// What a run showed.
#[derive(Debug)]
pub struct Measured {
    /// Patients.
    pub patients: u32,
    /// Source.
    pub source: Source,
    /// Events timed.
    pub events: u64,
    /// Fused scores among what was timed.
    pub fused: u64,
    /// CPU time.
    pub steps: Steps,
}

/// Bytes of state a patient.
#[derive(Debug)]
pub struct Memory {
    /// Fusion stage.
    pub fuse: f64,
    /// Score stage of vitals.
    pub score: f64,
}

/// Runs a plan.
pub fn measure(plan: &Plan) -> Measured {
    let mut measured = Measured {
        patients: plan.patients,
        source: plan.source,
        events: 0,
        fused: 0,
        steps: Steps::default(),
    };
    for _ in 0..plan.repeats {
        let ward = Ward::new(plan.patients, 1_000);
        let mut engine = Engine::new(cpu);
        for round in 0..plan.rounds[0] {
            engine.round(&ward, plan, round);
        }
        engine.fused = 0;
        engine.steps = Steps::default();
        for round in plan.rounds[0]..plan.rounds[0] + plan.rounds[1] {
            engine.round(&ward, plan, round);
            measured.events += u64::from(plan.patients);
        }
        assert!(engine.fused >= u64::from(plan.patients), "a pane of every patient was timed");
        assert_eq!(engine.rejected, 0, "every event is a good one");
        let Steps { decode, score, fuse, encode } = engine.steps;
        measured.fused += engine.fused;
        measured.steps.decode += decode;
        measured.steps.score += score;
        measured.steps.fuse += fuse;
        measured.steps.encode += encode;
    }
    measured
}

/// Runs so many seconds of stream, every patient once a second, and returns how many events that were. Looks at no clock: valgrind
/// has no vDSO to ask for one.
pub fn count(patients: u32, source: Source, batch: usize, seconds: u32) -> u64 {
    let plan = Plan { patients, source, batch, rounds: [0, seconds], repeats: 1 };
    let (ward, mut engine) = (Ward::new(patients, 1_000), Engine::new(|| 0));
    for round in 0..seconds {
        engine.round(&ward, &plan, round);
    }
    assert_eq!(engine.rejected, 0, "every event is a good one");
    u64::from(patients) * u64::from(seconds)
}

/// State of patients observed once a minute for four hours, which is longer than anything is kept.
pub fn memory(patients: u32) -> Memory {
    let plan = Plan { patients, source: Source::Arrow, batch: 1_024, rounds: [0, 240], repeats: 1 };
    let ward = Ward::new(patients, 60_000);
    let mut engine = Engine::new(cpu);
    for round in 0..plan.rounds[1] {
        engine.round(&ward, &plan, round);
    }
    let each = |bytes: usize| bytes as f64 / f64::from(patients);
    Memory { fuse: each(engine.fuse.memory_bytes()), score: each(engine.score.memory_bytes()) }
}

struct Engine {
    score: ScoreStage,
    fuse: FuseStage,
    decoder: Decoder,
    names: Names,
    payloads: Payloads,
    events: Vec<Result<Event, Fault>>,
    inputs: Vec<ScoreInput>,
    scored: Vec<ScoreOutput>,
    log: Vec<FuseInput>,
    out: Vec<FuseOutput>,
    bytes: Vec<u8>,
    next_offset: i64,
    log_offset: i64,
    fused: u64,
    rejected: u64,
    steps: Steps,
    clock: fn() -> u64,
}

impl Engine {
    fn new(clock: fn() -> u64) -> Self {
        let registry = Registry::shipped();
        let package = Package::shipped(Profile::Ward, &registry);
        let package: Arc<str> = toml::to_string(&package).expect("a package is TOML").into();
        let setup = setup::shipped(Profile::Ward, &registry, package.clone());
        let scoring = setup.scoring[VITALS_ID.index()];
        let config = ScoreConfig {
            source: SourceLane { feed: Feed::Modality(VITALS_ID), epoch: 0, partition: 0 },
            modality: VITALS_ID,
            columns: &VITALS,
            lanes: 1,
            lookback: scoring.lookback,
            reach: scoring.reach,
            out_of_orderness: scoring.out_of_orderness,
            max_clock_skew: scoring.max_clock_skew,
            state_ttl: scoring.state_ttl,
            max_patients: setup.max_patients,
            max_observations: scoring.max_observations,
        };
        let model = setup.models[VITALS_ID.index()].active.clone();
        let mut fuse = FuseStage::new(FuseConfig {
            partition: 0,
            registry: registry.clone(),
            max_patients: setup.max_patients,
            max_history: setup.max_history,
        });
        let activation = Activation { digest: digest_of(&package).into(), package };
        let entry = Ok(LogEntry::Activation(activation));
        let mut log = vec![FuseInput { offset: 0, ingest_time: IngestTime::MIN, entry }];
        let mut out = Vec::new();
        fuse.step(&mut log, &mut out);
        assert!(out.is_empty(), "the package is valid");
        Self {
            score: ScoreStage::new(config, model, Vec::new()),
            fuse,
            decoder: Decoder::new(&schema(&VITALS), VITALS_ID, &VITALS).expect("its own schema"),
            names: Names::new(&registry, &Topics::default()).expect("the default topics"),
            payloads: Payloads::default(),
            events: Vec::new(),
            inputs: Vec::new(),
            scored: Vec::new(),
            log,
            out,
            bytes: Vec::new(),
            next_offset: 0,
            log_offset: 1,
            fused: 0,
            rejected: 0,
            steps: Steps::default(),
            clock,
        }
    }

    /// One observation of every patient, and the heartbeat after them.
    fn round(&mut self, ward: &Ward, plan: &Plan, round: u32) {
        let ingest_time = IngestTime::from_millis(ward.ingest_time(round));
        let patients = plan.patients as usize;
        for start in (0..patients).step_by(plan.batch) {
            let places = start..(start + plan.batch).min(patients);
            match plan.source {
                Source::Json => self.decode_json(ward, round, places),
                Source::Arrow => self.decode_arrow(ward, round, places),
            }
            self.through_both(ingest_time);
        }
        let clock = ScorerClock::from_millis(ingest_time.as_millis());
        let beat = self.score.heartbeat(self.next_offset, clock, false);
        let entry = Ok(LogEntry::Heartbeat(beat));
        self.log.push(FuseInput { offset: self.log_offset, ingest_time, entry });
        self.log_offset += 1;
        let before = (self.clock)();
        self.fuse.step(&mut self.log, &mut self.out);
        self.steps.fuse += (self.clock)() - before;
        self.encode();
    }

    fn decode_json(&mut self, ward: &Ward, round: u32, places: std::ops::Range<usize>) {
        ward.json(round, places, &mut self.payloads);
        let before = (self.clock)();
        self.events.extend(self.payloads.iter().map(|p| vitals::decode(p, VITALS_ID)));
        self.steps.decode += (self.clock)() - before;
    }

    fn decode_arrow(&mut self, ward: &Ward, round: u32, places: std::ops::Range<usize>) {
        let batch = ward.arrow(round, places);
        let before = (self.clock)();
        self.decoder.decode(&batch, &mut self.events).expect("the schema's columns");
        self.steps.decode += (self.clock)() - before;
    }

    fn through_both(&mut self, ingest_time: IngestTime) {
        let started = (self.clock)();
        for event in self.events.drain(..) {
            let key = event.as_ref().ok().map(|event| event.patient.clone());
            self.inputs.push(ScoreInput { offset: self.next_offset, ingest_time, key, event });
            self.next_offset += 1;
        }
        self.score.step(&mut self.inputs, &mut self.scored);
        let scored = (self.clock)();
        for output in self.scored.drain(..) {
            let ScoreOutput::Scored(scored) = output else {
                self.rejected += 1;
                continue;
            };
            let entry = Ok(LogEntry::Scored(scored));
            self.log.push(FuseInput { offset: self.log_offset, ingest_time, entry });
            self.log_offset += 1;
        }
        self.fuse.step(&mut self.log, &mut self.out);
        self.steps.score += scored - started;
        self.steps.fuse += (self.clock)() - scored;
        self.encode();
    }

    fn encode(&mut self) {
        let before = (self.clock)();
        for output in self.out.drain(..) {
            if let FuseOutput::Fused(score) = output {
                self.bytes.clear();
                encode_fused_score(&score, &self.names, &mut self.bytes);
                self.fused += 1;
            }
        }
        self.steps.encode += (self.clock)() - before;
    }
}

/// CPU time of this thread in nanoseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
