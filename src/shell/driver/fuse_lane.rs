//! A lane of `predictions`: log entries in, fused scores, availability and dead letters out.

use super::Pipeline;
use super::dead_letters::DeadLetters;
use super::lane::{Engine, Made, Making};
use super::score_lane::{dead_letters, readable, trace};
use super::status::EngineStatus;
use crate::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage};
use crate::shell::bus::{Headers, Outgoing, Record};
use crate::shell::wire::{
    ModelNames, Names, check_key, decode_entry, encode_availability, encode_fused_score,
    write_availability_key, write_fused_score_key,
};
use crate::stage::{BadCheckpoint, Stage, StateEntry};
use crate::types::{Availability, Band, FusedScore, Pane, PatientId, ScorerClock};
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
        }
    }

    /// One record at a time: the stage gains nothing from batches, and so each output is known by its record.
    fn step(&mut self, record: &Record) {
        self.input.push(fuse_input(record, &self.pipeline.names, &mut self.models));
        self.stage.step(&mut self.input, &mut self.outputs);
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
        for record in records {
            self.step(record);
            let mut outputs = std::mem::take(&mut self.outputs);
            for output in outputs.drain(..) {
                match output {
                    FuseOutput::Fused(score) => {
                        self.add_score(&score, trace(record).into_iter().collect(), made);
                    }
                    FuseOutput::Availability(availability) => {
                        self.add_availability(&availability, made);
                    }
                    FuseOutput::Rejected(_, fault) => self.dead_letters.add(record, fault, made),
                }
            }
            self.outputs = outputs;
        }
    }

    fn replay(&mut self, records: &[Record]) {
        for record in records {
            self.step(record);
            self.outputs.clear();
        }
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
            package: self.stage.active_digest().map(str::to_owned),
        }
    }
}
