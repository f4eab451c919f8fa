//! A lane of the encounters topic: it is passed on to fusion, and needs no state.

use super::Pipeline;
use super::dead_letters::DeadLetters;
use super::lane::{Engine, Made, Making};
use super::score_lane::{LogWriter, dead_letters, patient_of, readable};
use super::status::EngineStatus;
use crate::modality::encounters;
use crate::shell::bus::Record;
use crate::stage::{BadCheckpoint, StateEntry};
use crate::types::{
    Encounter, Fault, Feed, LogEntry, Position, RejectReason, ScorerClock, SourceLane, Span, Stay,
};
use std::sync::Arc;

/// See the module.
pub(super) struct StayLane {
    pipeline: Arc<Pipeline>,
    source: SourceLane,
    writer: LogWriter,
    dead_letters: DeadLetters,
    /// How far ahead of the broker's clock an encounter may be: the most that any modality allows.
    max_clock_skew: Span,
    rejected: u64,
}

impl StayLane {
    pub(super) fn new(making: &Making<'_>) -> Self {
        Self {
            dead_letters: dead_letters(making),
            source: making.source(Feed::Encounters),
            writer: LogWriter::new(making),
            max_clock_skew: max_clock_skew(making.pipeline),
            pipeline: making.pipeline.clone(),
            rejected: 0,
        }
    }

    fn stay(&self, record: &Record) -> Result<Stay, Fault> {
        let payload = readable(record.payload.as_deref(), self.pipeline.max_payload)?;
        let encounter = encounters::decode(payload)?;
        let Encounter { patient, change, event_time, issued, unit } = encounter;
        if patient_of(record.key.as_deref()).as_ref() != Some(&patient) {
            let detail = "the record's key must be the patient of its payload";
            return Err(Fault::new(RejectReason::KeyMismatch, detail));
        }
        let latest = (record.ingest_time + self.max_clock_skew).as_millis();
        if event_time.as_millis() > latest || issued.as_millis() > latest {
            let detail =
                "event and issue time must not be ahead of ingest time by more than max_clock_skew";
            return Err(Fault::new(RejectReason::FutureEventTime, detail));
        }
        let source = Position { lane: self.source, offset: record.offset };
        Ok(Stay { source, patient, change, event_time, issued, unit })
    }
}

/// An admission of tomorrow would hide all of a patient's evidence until then.
fn max_clock_skew(pipeline: &Pipeline) -> Span {
    pipeline.lanes.scoring.iter().map(|s| s.max_clock_skew).max().unwrap_or(Span::ZERO)
}

impl Engine for StayLane {
    fn take(&mut self, records: &[Record], made: &mut Made) {
        for record in records {
            let stay = self.stay(record);
            if self.pipeline.telemetry.measures() {
                let event_time = stay.as_ref().ok().map(|stay| stay.event_time);
                made.measured.event(record.ingest_time, event_time);
            }
            match stay {
                Ok(stay) => self.writer.add(&LogEntry::Stay(stay), Some(record), made),
                Err(fault) => {
                    self.rejected += 1;
                    self.dead_letters.add(record, fault, made);
                }
            }
        }
    }

    fn replay(&mut self, _: &[Record]) {}

    /// Nobody waits for encounters, and their clock must not keep windows going when every scorer is gone.
    fn speak(&mut self, _: i64, _: ScorerClock, _: bool, _: &mut Made) {}

    fn has_state(&self) -> bool {
        false
    }

    fn take_checkpoint(&mut self) -> Vec<StateEntry> {
        Vec::new()
    }

    fn restore(&mut self, _: Vec<StateEntry>) -> Result<(), BadCheckpoint> {
        Ok(())
    }

    fn mark_incomplete(&mut self) {}

    fn status(&self) -> EngineStatus {
        EngineStatus::Stays { rejected: self.rejected }
    }
}
