//! The two sides of an audit: scores derived from the log, and scores read as published.

use super::compare::{Comparison, Difference, Identity, Score};
use super::{CHUNK, Scope};
use crate::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage};
use crate::shell::bus::{Bus, BusError, Record, TopicPartition};
use crate::shell::driver::{Pipeline, fuse_input};
use crate::shell::patience::insist;
use crate::shell::wire::{
    ModelNames, decode_fused_score, encode_fused_score, write_fused_score_key,
};
use crate::stage::{BadCheckpoint, Stage, StateEntry};
use crate::types::FusedScore;
use std::sync::Arc;
use std::time::Duration;

/// Reads a range of a partition piece by piece.
pub(super) struct Reader {
    place: TopicPartition,
    next: i64,
    to: i64,
}

impl Reader {
    pub(super) fn new(place: TopicPartition, from: i64, to: i64) -> Self {
        Self { place, next: from, to }
    }

    /// The next records, perhaps none (markers of transactions take offsets too); `None`: the range has ended.
    pub(super) fn next(
        &mut self,
        bus: &mut dyn Bus,
        patience: Duration,
    ) -> Result<Option<Vec<Record>>, BusError> {
        if self.next >= self.to {
            return Ok(None);
        }
        let until = (self.next + CHUNK).min(self.to);
        let records = insist(patience, || {
            let mut records = Vec::new();
            bus.read_back(&self.place, self.next, Some(until), &mut |record| records.push(record))?;
            Ok(records)
        })?;
        self.next = until;
        Ok(Some(records))
    }
}

/// A fresh fusion stage.
pub(super) struct Deriver {
    pipeline: Arc<Pipeline>,
    stage: FuseStage,
    models: ModelNames,
    input: Vec<FuseInput>,
    outputs: Vec<FuseOutput>,
}

impl Deriver {
    pub(super) fn new(pipeline: &Arc<Pipeline>, partition: u32) -> Self {
        let setup = &pipeline.lanes;
        let config = FuseConfig {
            partition,
            registry: setup.registry.clone(),
            max_patients: setup.max_patients,
            max_history: setup.max_history,
        };
        Self {
            pipeline: pipeline.clone(),
            stage: FuseStage::new(config),
            models: ModelNames::default(),
            input: Vec::new(),
            outputs: Vec::new(),
        }
    }

    pub(super) fn restore(&mut self, entries: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        self.stage.restore(entries)
    }

    pub(super) fn derive(&mut self, records: &[Record], scope: Scope, into: &mut Comparison) {
        for record in records {
            self.input.push(fuse_input(record, &self.pipeline.names, &mut self.models));
            self.stage.step(&mut self.input, &mut self.outputs);
            for output in self.outputs.drain(..) {
                let FuseOutput::Fused(score) = output else { continue };
                if !scope.contains(score.window.end()) {
                    continue;
                }
                let mut bytes = (Vec::new(), Vec::new());
                write_fused_score_key(&score, &mut bytes.0);
                encode_fused_score(&score, &self.pipeline.names, &mut bytes.1);
                into.derive(of(&score, record, bytes));
            }
        }
    }
}

/// The published side.
pub(super) struct Published {
    pipeline: Arc<Pipeline>,
    models: ModelNames,
}

impl Published {
    pub(super) fn new(pipeline: &Arc<Pipeline>) -> Self {
        Self { pipeline: pipeline.clone(), models: ModelNames::default() }
    }

    pub(super) fn take(&mut self, records: &[Record], scope: Scope, into: &mut Comparison) {
        for record in records {
            let payload = record.payload.as_deref().unwrap_or_default();
            match decode_fused_score(payload, &self.pipeline.names, &mut self.models) {
                Ok(score) if scope.contains(score.window.end()) => {
                    let key = record.key.clone().unwrap_or_default();
                    into.publish(of(&score, record, (key, payload.to_vec())));
                }
                Ok(_) => {}
                Err(fault) => into
                    .differences
                    .push(Difference::Unreadable { offset: record.offset, why: fault.to_string() }),
            }
        }
    }
}

fn of(score: &FusedScore, record: &Record, bytes: (Vec<u8>, Vec<u8>)) -> Score {
    Score {
        identity: Identity {
            patient: score.patient.clone(),
            window_end: score.window.end(),
            revision: score.revision,
        },
        offset: record.offset,
        ingest_time: record.ingest_time,
        bytes,
    }
}
