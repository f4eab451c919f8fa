//! From a rejected record to its dead letter.

use super::lane::Made;
use crate::shell::bus::{Outgoing, Record};
use crate::shell::wire::{
    DeadLetter, Header, Limits, Original, RecordPlace, encode_dead_letter, write_dead_letter_key,
};
use crate::types::Fault;
use std::sync::Arc;

/// Writes dead letters of one lane.
#[derive(Clone, Debug)]
pub(super) struct DeadLetters {
    topic: Arc<str>,
    /// Incarnation of the lane's topic.
    epoch: u32,
    limits: Limits,
}

impl DeadLetters {
    /// The limits are cut so that base64 and all stays below the bus's limit.
    pub(super) fn new(topic: &str, epoch: u32, limits: Limits, record_limit: usize) -> Self {
        let limits = Limits {
            payload: limits.payload.min(record_limit / 2),
            key: limits.key.min(record_limit / 32),
            headers: limits.headers.min(record_limit / 32),
        };
        Self { topic: topic.into(), epoch, limits }
    }

    /// Adds the dead letter of a record.
    pub(super) fn add(&self, record: &Record, fault: Fault, made: &mut Made) {
        made.measured.reject(fault.reason);
        let source = RecordPlace {
            topic: record.place.topic.to_string(),
            epoch: self.epoch,
            partition: record.place.partition,
            offset: record.offset,
        };
        let header = |(name, value): &(String, Vec<u8>)| Header {
            name: name.clone(),
            value: Some(value.clone()),
        };
        let headers: Vec<Header> = record.headers.iter().map(header).collect();
        let original = Original {
            ingest_time: Some(record.ingest_time),
            key: record.key.as_deref(),
            payload: record.payload.as_deref(),
            headers: &headers,
        };
        let letter = DeadLetter::new(fault, source, &original, self.limits);
        let (mut key, mut payload) = (Vec::new(), Vec::new());
        write_dead_letter_key(&letter.source, &mut key);
        encode_dead_letter(&letter, &mut payload);
        made.dead_letters += 1;
        made.outputs.push(Outgoing {
            topic: self.topic.clone(),
            partition: None,
            key: Some(key),
            payload: Some(payload),
            headers: Vec::new(),
        });
    }
}
