//! A lane of `predictions`: log entries in, fused scores, availability and dead letters out.

use super::Pipeline;
use super::dead_letters::DeadLetters;
use super::lane::{Engine, Made, Making};
use super::score_lane::{dead_letters, readable, trace};
use super::status::EngineStatus;
use super::trails::Trails;
use crate::fuse::{FuseConfig, FuseCounters, FuseInput, FuseOutput, FuseStage};
use crate::shell::bus::{Headers, Outgoing, Record};
use crate::shell::telemetry::Measured;
use crate::shell::wire::{
    ModelNames, Names, TRACEPARENT, check_key, decode_entry, encode_availability,
    encode_fused_score, write_availability_key, write_fused_score_key,
};
use crate::stage::{BadCheckpoint, Stage, StateEntry};
use crate::types::{
    Availability, Band, FusedScore, IngestTime, LogEntry, Pane, PatientId, ScorerClock,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A record of `predictions` as fusion takes it, and as `audit` must take it again.
pub fn fuse_input(record: &Record, names: &Names, models: &mut ModelNames) -> FuseInput {
    // A prediction may be longer than an event; what the broker took is read.
    let entry = readable(record.payload.as_deref(), usize::MAX)
        .and_then(|payload| decode_entry(payload, names, models))
        .and_then(|entry| check_key(&entry, record.key.as_deref()).map(|()| entry));
    FuseInput { offset: record.offset, ingest_time: record.ingest_time, entry }
}

/// See the module.
pub(super) struct FuseLane {
    pipeline: Arc<Pipeline>,
    fused_scores: Arc<str>,
    availability: Arc<str>,
    stage: FuseStage,
    models: ModelNames,
    dead_letters: DeadLetters,
    /// Patients last published in the highest band: who joins them is published at once. Decides about haste alone.
    high: BTreeSet<PatientId>,
    input: Vec<FuseInput>,
    outputs: Vec<FuseOutput>,
    trails: Trails,
    /// The newest availability, for people.
    newest: Option<Box<Availability>>,
    /// What of the stage's counters has been noted for telemetry.
    noted: FuseCounters,
}

impl FuseLane {
    pub(super) fn new(making: &Making<'_>) -> Self {
        let (pipeline, setup) = (making.pipeline, &making.pipeline.lanes);
        let config = FuseConfig {
            partition: making.place.partition,
            registry: setup.registry.clone(),
            max_patients: setup.max_patients,
            max_history: setup.max_history,
        };
        Self {
            fused_scores: pipeline.topics.fused_scores.as_str().into(),
            availability: pipeline.topics.availability.as_str().into(),
            stage: FuseStage::new(config),
            models: ModelNames::default(),
            dead_letters: dead_letters(making),
            high: BTreeSet::new(),
            pipeline: pipeline.clone(),
            input: Vec::new(),
            outputs: Vec::new(),
            trails: Trails::default(),
            newest: None,
            noted: FuseCounters::default(),
        }
    }

    /// One record at a time: the stage gains nothing from batches, and so each output is known by its record.
    /// Gives the broker's time of the input record that it goes back to; its own where it goes back to none.
    fn step(&mut self, record: &Record) -> IngestTime {
        let input = fuse_input(record, &self.pipeline.names, &mut self.models);
        let taken = match &input.entry {
            Ok(LogEntry::Scored(scored)) => {
                if let Some((_, header)) = trace(record) {
                    self.trails.note(scored.source, header);
                }
                scored.ingest_time
            }
            _ => record.ingest_time,
        };
        self.input.push(input);
        self.stage.step(&mut self.input, &mut self.outputs);
        let newest = self.outputs.iter().rev().find_map(|output| match output {
            FuseOutput::Availability(availability) => Some(availability),
            _ => None,
        });
        if let Some(newest) = newest {
            self.newest = Some(Box::new(newest.clone()));
        }
        taken
    }

    /// Notes what the stage has counted since the last call; `published` of its panes were noted one by one.
    fn note(&mut self, measured: &mut Measured, published: u64) {
        let (now, before) = (self.stage.counters(), &self.noted);
        let late = |of: &FuseCounters| {
            [&of.merged, &of.carried, &of.expired].map(|n| n.iter().sum::<u64>())
        };
        if late(now) == late(before) {
            measured.unchanged((now.panes - before.panes).saturating_sub(published));
            self.noted.panes = now.panes;
            return;
        }
        let pairs = [
            (&now.merged, &before.merged),
            (&now.carried, &before.carried),
            (&now.expired, &before.expired),
        ];
        for (noted, (now, before)) in measured.late.iter_mut().zip(pairs) {
            noted.resize(now.len(), 0);
            for (m, noted) in noted.iter_mut().enumerate() {
                *noted += now[m] - before.get(m).copied().unwrap_or(0);
            }
        }
        measured.unchanged((now.panes - before.panes).saturating_sub(published));
        self.noted = now.clone();
    }

    fn add_score(&mut self, score: &FusedScore, headers: Headers, made: &mut Made) {
        let is_high = score.band == Some(Band::High);
        let newly_high = if is_high {
            self.high.insert(score.patient.clone())
        } else {
            self.high.remove(&score.patient);
            false
        };
        if self.high.len() > self.pipeline.lanes.max_patients {
            self.high.clear();
        }
        made.urgent |= newly_high || score.pane == Pane::Early;
        let (mut key, mut payload) = (Vec::new(), Vec::new());
        write_fused_score_key(score, &mut key);
        encode_fused_score(score, &self.pipeline.names, &mut payload);
        let topic = self.fused_scores.clone();
        made.outputs.push(Outgoing {
            topic,
            partition: None,
            key: Some(key),
            payload: Some(payload),
            headers,
        });
    }

    fn add_availability(&self, availability: &Availability, made: &mut Made) {
        let (mut key, mut payload) = (Vec::new(), Vec::new());
        write_availability_key(availability, &mut key);
        encode_availability(availability, &self.pipeline.names, &mut payload);
        made.outputs.push(Outgoing {
            topic: self.availability.clone(),
            partition: None,
            key: Some(key),
            payload: Some(payload),
            headers: Headers::new(),
        });
    }
}

impl Engine for FuseLane {
    fn take(&mut self, records: &[Record], made: &mut Made) {
        let measures = self.pipeline.telemetry.measures();
        let mut published = 0;
        for record in records {
            let taken = self.step(record);
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                match output {
                    FuseOutput::Fused(score) => {
                        published += 1;
                        if measures {
                            made.measured.fused(&score, taken);
                        }
                        let header = self.trails.of(&score).cloned();
                        let headers = header.map(|header| (TRACEPARENT.to_owned(), header));
                        if let Some((_, header)) = &headers {
                            made.measured.link(header);
                        }
                        self.add_score(&score, headers.into_iter().collect(), made);
                    }
                    FuseOutput::Availability(availability) => {
                        self.add_availability(&availability, made);
                    }
                    FuseOutput::Rejected(_, fault) => self.dead_letters.add(record, fault, made),
                }
            }
            self.outputs = outputs;
        }
        if measures {
            self.note(&mut made.measured, published);
        }
    }

    fn replay(&mut self, records: &[Record]) {
        for record in records {
            self.step(record);
            self.outputs.clear();
        }
        // What is published already has been counted by whoever published it.
        self.noted = self.stage.counters().clone();
    }

    fn speak(&mut self, _: i64, _: ScorerClock, _: bool, _: &mut Made) {}

    fn has_state(&self) -> bool {
        true
    }

    fn take_checkpoint(&mut self) -> Vec<StateEntry> {
        self.stage.take_checkpoint()
    }

    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        self.stage.restore(entries)
    }

    fn mark_incomplete(&mut self) {
        self.stage.mark_incomplete();
    }

    fn status(&self) -> EngineStatus {
        EngineStatus::Fuse {
            counters: Box::new(self.stage.counters().clone()),
            patients: self.stage.patients(),
            bytes: self.stage.memory_bytes(),
            watermarks: self.stage.watermarks().collect(),
            idle: self.stage.idle_lanes().collect(),
            availability: self.newest.clone(),
            validities: self.stage.validities(),
            package: self.stage.active_digest().map(str::to_owned),
        }
    }
}
