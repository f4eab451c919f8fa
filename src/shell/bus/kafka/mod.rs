//! The Kafka bus, over librdkafka.
//!
//! **Transactional** (fusion): one transaction holds the outputs, the checkpoint and, with the group's metadata, the offsets.
//!
//! **Idempotent** (scoring): outputs are appended by an idempotent producer that never skips a record, and acknowledged; then the
//! offsets are committed. A commit with a checkpoint commits its offsets *inside* the checkpoint's transaction, by a second
//! producer. Why that is the fence: the entries are true for exactly these offsets, so both must become visible or neither; and the
//! group coordinator takes offsets into a transaction only from a living member of the present generation, so a zombie's
//! transaction fails there and is aborted. A zombie that got its offsets in and then froze holds them pending: the next owner's
//! [`Bus::committed`] waits until the transaction has ended, before it reads the checkpoint, so it sees both or neither.
//! The outputs come first and are acknowledged before: a crash between leaves repeats, never gaps.

mod ask;
mod context;
mod errors;
mod figures;
mod membership;
mod native;
mod nudge;
mod reader;
mod settings;
mod sink;
mod source;
mod statistics;
pub mod topics;

pub use figures::{ClientFigures, ERROR_KINDS};
pub use settings::{KafkaSettings, Mechanism, Security};

use super::{
    Bus, BusError, Commit, Delivery, Guarantee, Outgoing, Progress, Record, TopicPartition, Worker,
};
use errors::Remedy;
use rdkafka::consumer::Consumer;
use reader::Reader;
use sink::{Failure, Sink};
use source::Source;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one question to the brokers may take before it is asked again.
const SLICE: Duration = Duration::from_secs(2);
/// Readers that nobody used for as long are closed.
const READER_IDLE: Duration = Duration::from_secs(30);

/// One worker's connection to Kafka. It blocks; give it its own thread. Dropping it leaves the group.
pub struct KafkaBus {
    settings: KafkaSettings,
    worker: Worker,
    patience: Duration,
    source: Option<Source>,
    /// Of outputs.
    sink: Sink,
    /// Of checkpoints, in idempotent mode; created when it is known that there will be some.
    checkpoints: Option<Sink>,
    reader: Option<Reader>,
    partitions: BTreeMap<Arc<str>, u32>,
}

impl KafkaBus {
    /// Connects a worker; with [`Guarantee::Transactional`] whoever holds the same [`Worker::id`] is fenced.
    ///
    /// # Errors
    /// [`BusError::Retry`] where no broker answers within `patience`, [`BusError::Stop`] for wrong credentials, settings or topics.
    pub fn connect(settings: &KafkaSettings, worker: Worker) -> Result<Self, BusError> {
        let patience = Duration::from_millis(settings.patience.as_millis().max(0) as u64);
        let source = Source::connect(settings, &worker)?;
        // Asked first: it finds out about credentials, which producers do not tell.
        ask::reach(&source.consumer, patience)?;
        let mut partitions = BTreeMap::new();
        for topic in &worker.topics {
            partitions.insert(topic.clone(), ask::partitions(&source.consumer, topic, patience)?);
        }
        let (of_outputs, _) = KafkaSettings::transactional_ids(&worker);
        let sink = Sink::connect(settings, &worker, of_outputs.as_deref())?;
        if !worker.topics.is_empty() {
            source.subscribe(&worker.topics)?;
        }
        let (settings, source) = (settings.clone(), Some(source));
        let (checkpoints, reader) = (None, None);
        Ok(Self { settings, worker, patience, source, sink, checkpoints, reader, partitions })
    }

    /// librdkafka's newest statistics of the consumer, as JSON; empty: none yet. For telemetry.
    pub fn statistics(&self) -> Vec<u8> {
        self.source
            .as_ref()
            .map(|source| source.notes().statistics_json.clone())
            .unwrap_or_default()
    }

    /// The newest error of any of the connections. For telemetry.
    pub fn last_error(&self) -> Option<String> {
        let source = self.source.as_ref().and_then(|source| source.notes().last_error.clone());
        source.or_else(|| self.sink.notes().last_error.clone())
    }

    fn source(&mut self) -> Result<&mut Source, BusError> {
        open(self.source.as_mut())
    }

    /// Refuses before anything is sent what could not be sent as a whole.
    fn check(&mut self, commit: &Commit) -> Result<(), BusError> {
        let id = self.worker.id.clone();
        let source = self.source()?;
        if source.consumer.assignment_lost() && !commit.offsets.is_empty() {
            return Err(BusError::Rewind(format!(
                "worker {id} has lost its place in the group: nothing was committed"
            )));
        }
        if let Some((place, _)) = commit.offsets.iter().find(|(place, _)| !source.owns(place)) {
            return Err(BusError::Rewind(format!(
                "worker {id} does not own {place} any more: nothing was committed"
            )));
        }
        for outgoing in commit.outputs.iter().chain(&commit.checkpoint) {
            outgoing.check_size(self.settings.record_bytes)?;
            let count = self.partitions(&outgoing.topic)?;
            if let Some(partition) = outgoing.partition.filter(|partition| *partition >= count) {
                let place = TopicPartition::new(outgoing.topic.clone(), partition);
                return Err(BusError::no_partition(&place));
            }
        }
        Ok(())
    }

    fn commit_transaction(&mut self, commit: &Commit) -> Result<(), BusError> {
        let source = open(self.source.as_mut())?;
        let records = commit.outputs.iter().chain(&commit.checkpoint);
        let done = self.sink.transaction(records, &commit.offsets, || source.membership());
        done.map_err(|failure| match failure {
            Failure::Aborted(Remedy::Change, text) => BusError::Stop(text),
            Failure::Aborted(_, text) => BusError::Rewind(text),
            Failure::Lost(text) => BusError::Restart(text),
        })
    }

    fn commit_idempotently(&mut self, commit: &Commit) -> Result<(), BusError> {
        if !commit.checkpoint.is_empty() {
            self.prepare_checkpoints()?;
        }
        let source = open(self.source.as_mut())?;
        let sent = self.sink.append(commit.outputs.iter(), || source.keep_alive_if_due());
        sent.map_err(|failure| self.sink.append_failed(failure))?;
        if commit.checkpoint.is_empty() {
            return source.commit(&commit.offsets, self.patience);
        }
        let sink = open(self.checkpoints.as_ref())?;
        let records: &[Outgoing] = &commit.checkpoint;
        let done = sink.transaction(records.iter(), &commit.offsets, || source.membership());
        // The outputs stand already, so there is nothing to rewind to.
        done.map_err(|failure| match failure {
            Failure::Aborted(Remedy::Change, text) => BusError::Stop(text),
            Failure::Aborted(_, text) | Failure::Lost(text) => BusError::Restart(text),
        })
    }

    fn reader(&mut self) -> Result<(&mut Reader, &mut Source), BusError> {
        if self.reader.is_none() {
            self.reader = Some(Reader::connect(&self.settings, &self.worker)?);
        }
        Ok((open(self.reader.as_mut())?, open(self.source.as_mut())?))
    }
}

fn open<T>(part: Option<T>) -> Result<T, BusError> {
    part.ok_or_else(|| BusError::Restart("the bus was closed: connect again".to_owned()))
}

impl Bus for KafkaBus {
    fn poll(&mut self, wait: Duration) -> Result<Delivery, BusError> {
        self.sink.serve();
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.serve();
        }
        self.reader = self.reader.take().filter(|reader| reader.idle() < READER_IDLE);
        if self.worker.topics.is_empty() {
            std::thread::sleep(wait);
            return Ok(Delivery::default());
        }
        self.source()?.poll(wait)
    }

    fn start(&mut self, place: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.source()?.start(place, offset)
    }

    fn pause(&mut self, place: &TopicPartition, paused: bool) -> Result<(), BusError> {
        self.source()?.pause(place, paused)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), BusError> {
        self.check(commit)?;
        if *commit == Commit::default() {
            return Ok(());
        }
        match self.worker.guarantee {
            Guarantee::Transactional => self.commit_transaction(commit),
            Guarantee::Idempotent => self.commit_idempotently(commit),
        }
    }

    fn prepare_checkpoints(&mut self) -> Result<(), BusError> {
        if self.worker.guarantee == Guarantee::Idempotent && self.checkpoints.is_none() {
            let (_, id) = KafkaSettings::transactional_ids(&self.worker);
            self.checkpoints = Some(Sink::connect(&self.settings, &self.worker, Some(&id))?);
        }
        Ok(())
    }

    fn record_limit(&self) -> usize {
        self.settings.record_bytes
    }

    fn committed(&mut self, place: &TopicPartition) -> Result<Option<i64>, BusError> {
        let deadline = Instant::now() + self.patience;
        let what = format!("cannot ask group {} for its offset of {place}", self.worker.group);
        let source = self.source()?;
        loop {
            let asked = native::list([(place, -1)])
                // A `read_committed` consumer asks for stable offsets: pending transactions are waited out.
                .and_then(|list| source.consumer.committed_offsets(list, SLICE))
                .and_then(|list| {
                    let elements = list.elements();
                    let Some(element) = elements.first() else { return Ok(None) };
                    element.error()?;
                    Ok(element.offset().to_raw().filter(|offset| *offset >= 0))
                });
            match asked {
                Ok(offset) => return Ok(offset),
                Err(error) => {
                    let error = errors::bus_error(&what, &error, &source.notes());
                    if !matches!(error, BusError::Retry(_)) || Instant::now() > deadline {
                        return Err(error);
                    }
                }
            }
            source.keep_alive();
        }
    }

    fn read_back(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: Option<i64>,
        each: &mut dyn FnMut(Record),
    ) -> Result<i64, BusError> {
        let (reader, source) = self.reader()?;
        reader.read_back(place, from, to, each, source)
    }

    fn progress(&mut self, place: &TopicPartition) -> Result<Progress, BusError> {
        self.reader()?.0.progress(place)
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, BusError> {
        if let Some(count) = self.partitions.get(topic) {
            return Ok(*count);
        }
        let consumer = &open(self.source.as_ref())?.consumer;
        let count = ask::partitions(consumer, topic, self.patience)?;
        self.partitions.insert(topic.into(), count);
        Ok(count)
    }

    fn close(&mut self) {
        // Dropping the consumer leaves the group; uncommitted work is nowhere but in the lanes.
        self.source = None;
        self.reader = None;
        self.checkpoints = None;
    }
}
