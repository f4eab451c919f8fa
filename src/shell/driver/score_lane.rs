//! A lane of a modality's topic: payloads in, predictions, heartbeats and dead letters out.

use super::Pipeline;
use super::dead_letters::DeadLetters;
use super::lane::{Engine, Made, Making};
use super::status::EngineStatus;
use crate::modality::Modality;
use crate::score::{ScoreConfig, ScoreInput, ScoreOutput, ScoreStage};
use crate::shell::bus::{Outgoing, Record};
use crate::shell::telemetry::Measured;
use crate::shell::wire::{TRACEPARENT, encode_entry, traceparent, write_entry_key};
use crate::stage::{BadCheckpoint, Stage, StateEntry};
use crate::types::{
    Event, Fault, Feed, LogEntry, ModalityId, PatientId, RejectReason, Rejection, ScorerClock,
};
use std::sync::Arc;

/// See the module.
pub(super) struct ScoreLane {
    pipeline: Arc<Pipeline>,
    modality: (ModalityId, &'static Modality),
    stage: ScoreStage,
    /// The newest swap of models that was looked at.
    swap: u64,
    writer: LogWriter,
    dead_letters: DeadLetters,
    inputs: Vec<ScoreInput>,
    outputs: Vec<ScoreOutput>,
}

impl ScoreLane {
    /// `None`: the registry, the models or the spans do not have the modality.
    pub(super) fn new(making: &Making<'_>, id: ModalityId) -> Option<Self> {
        let setup = &making.pipeline.lanes;
        let modality = setup.registry.get(id)?;
        let (models, scoring) = (setup.models.get(id.index())?, setup.scoring.get(id.index())?);
        let config = ScoreConfig {
            source: making.source(Feed::Modality(id)),
            modality: id,
            columns: modality,
            lanes: making.lanes,
            lookback: scoring.lookback,
            reach: scoring.reach,
            out_of_orderness: scoring.out_of_orderness,
            max_clock_skew: scoring.max_clock_skew,
            state_ttl: scoring.state_ttl,
            max_patients: setup.max_patients,
            max_observations: scoring.max_observations,
        };
        let mut swap = 0;
        let swapped = setup.roster.newer(id, &mut swap);
        let models = swapped.as_deref().unwrap_or(models);
        Some(Self {
            dead_letters: dead_letters(making),
            swap,
            stage: ScoreStage::new(config, models.active.clone(), models.shadows.clone()),
            modality: (id, modality),
            writer: LogWriter::new(making),
            pipeline: making.pipeline.clone(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        })
    }

    /// Puts other models to work where the roster says so. Between two batches: what was said stays said.
    fn look_at_roster(&mut self) {
        if let Some(models) = self.pipeline.lanes.roster.newer(self.modality.0, &mut self.swap) {
            self.stage.set_models(models.active.clone(), models.shadows.clone());
        }
    }

    fn step(&mut self, records: &[Record], mut measured: Option<&mut Measured>) {
        self.look_at_roster();
        self.inputs.clear();
        self.outputs.clear();
        for record in records {
            let event = self.decode(record.payload.as_deref());
            if let Some(measured) = measured.as_deref_mut() {
                let event_time = event.as_ref().ok().map(|event| event.event_time);
                measured.event(record.ingest_time, event_time);
            }
            self.inputs.push(ScoreInput {
                offset: record.offset,
                ingest_time: record.ingest_time,
                key: patient_of(record.key.as_deref()),
                event,
            });
        }
        self.stage.step(&mut self.inputs, &mut self.outputs);
    }

    fn decode(&self, payload: Option<&[u8]>) -> Result<Event, Fault> {
        let (id, modality) = self.modality;
        (modality.decode)(readable(payload, self.pipeline.max_payload)?, id)
    }
}

impl Engine for ScoreLane {
    fn take(&mut self, records: &[Record], made: &mut Made) {
        let measures = self.pipeline.telemetry.measures();
        for batch in records.chunks(self.pipeline.lanes.batch.max(1)) {
            self.step(batch, measures.then_some(&mut made.measured));
            let record = |offset: i64| {
                let at = batch.binary_search_by_key(&offset, |record| record.offset);
                at.ok().and_then(|at| batch.get(at))
            };
            for output in self.outputs.drain(..) {
                match output {
                    ScoreOutput::Scored(scored) => {
                        if measures {
                            made.measured.scored(&scored);
                        }
                        let source = record(scored.source.offset);
                        self.writer.add(&LogEntry::Scored(scored), source, made);
                    }
                    ScoreOutput::Rejected(Rejection { fault, .. })
                        if fault.reason.is_harmless() =>
                    {
                        made.measured.reject(fault.reason);
                    }
                    ScoreOutput::Rejected(rejection) => {
                        if let Some(record) = record(rejection.source.offset) {
                            self.dead_letters.add(record, rejection.fault, made);
                        }
                    }
                }
            }
        }
    }

    fn replay(&mut self, records: &[Record]) {
        for batch in records.chunks(self.pipeline.lanes.batch.max(1)) {
            self.step(batch, None);
        }
    }

    fn speak(&mut self, next_offset: i64, clock: ScorerClock, idle: bool, made: &mut Made) {
        // A lane without records takes part in a swap too, so that what it says of itself is true.
        self.look_at_roster();
        let heartbeat = self.stage.heartbeat(next_offset, clock, idle);
        self.writer.add_everywhere(&LogEntry::Heartbeat(heartbeat), made);
    }

    fn has_state(&self) -> bool {
        true
    }

    fn take_checkpoint(&mut self) -> Vec<StateEntry> {
        self.stage.take_checkpoint()
    }

    fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        self.stage.restore(entries)
    }

    /// A lookback that is not whole shows in the features (null), not in a flag.
    fn mark_incomplete(&mut self) {}

    fn status(&self) -> EngineStatus {
        EngineStatus::Score {
            counters: Box::new(self.stage.counters().clone()),
            patients: self.stage.patients(),
            bytes: self.stage.memory_bytes(),
            watermark: self.stage.heartbeat(0, ScorerClock::MIN, false).watermark,
            models: self.stage.models().cloned().collect(),
        }
    }
}

/// Dead letters of an input lane.
pub(super) fn dead_letters(making: &Making<'_>) -> DeadLetters {
    let (pipeline, topic) = (making.pipeline, &making.place.topic);
    let limits = (pipeline.dead_letters, making.record_limit);
    DeadLetters::new(&pipeline.topics.dead_letters, pipeline.epoch(topic), limits.0, limits.1)
}

/// The payload, if it may be read.
pub(super) fn readable(payload: Option<&[u8]>, longest: usize) -> Result<&[u8], Fault> {
    let payload = payload.ok_or_else(|| {
        Fault::new(RejectReason::Undecodable, "a record without a payload says nothing here")
    })?;
    if payload.len() <= longest {
        return Ok(payload);
    }
    let detail = format!("the payload has {} bytes, and {longest} are allowed", payload.len());
    Err(Fault::new(RejectReason::Oversized, detail))
}

/// The patient that a record's key names.
pub(super) fn patient_of(key: Option<&[u8]>) -> Option<PatientId> {
    key.and_then(|key| std::str::from_utf8(key).ok()).and_then(|text| PatientId::new(text).ok())
}

/// Writes entries of `predictions`.
pub(super) struct LogWriter {
    pipeline: Arc<Pipeline>,
    topic: Arc<str>,
    partitions: u32,
}

impl LogWriter {
    pub(super) fn new(making: &Making<'_>) -> Self {
        Self {
            topic: making.pipeline.topics.predictions.as_str().into(),
            pipeline: making.pipeline.clone(),
            partitions: making.predictions,
        }
    }

    fn outgoing(&self, entry: &LogEntry, partition: Option<u32>) -> Outgoing {
        let (mut key, mut payload) = (Vec::new(), Vec::new());
        write_entry_key(entry, &self.pipeline.names, &mut key);
        encode_entry(entry, &self.pipeline.names, &mut payload);
        Outgoing {
            topic: self.topic.clone(),
            partition,
            key: Some(key),
            payload: Some(payload),
            headers: Vec::new(),
        }
    }

    /// An entry about a patient, with the trace context of the record it was made from.
    pub(super) fn add(&self, entry: &LogEntry, source: Option<&Record>, made: &mut Made) {
        let mut outgoing = self.outgoing(entry, None);
        let header = source.and_then(trace);
        if let Some((_, header)) = &header {
            made.measured.link(header);
        }
        outgoing.headers.extend(header);
        made.outputs.push(outgoing);
    }

    /// An entry that every partition must have.
    pub(super) fn add_everywhere(&self, entry: &LogEntry, made: &mut Made) {
        let first = self.outgoing(entry, Some(0));
        made.outputs.extend(
            (0..self.partitions)
                .map(|partition| Outgoing { partition: Some(partition), ..first.clone() }),
        );
    }
}

/// The trace context of a record, to be passed on.
pub(super) fn trace(record: &Record) -> Option<(String, Vec<u8>)> {
    let headers = record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
    traceparent(headers).map(|value| (TRACEPARENT.to_owned(), value.to_vec()))
}
