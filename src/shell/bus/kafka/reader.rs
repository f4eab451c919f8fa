//! Reading outside of the group: restore, ends of partitions.

use super::context::{Context, Notes};
use super::errors;
use super::native;
use super::settings::KafkaSettings;
use super::source::Source;
use crate::shell::bus::{BusError, Progress, Record, TopicPartition, Worker};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one question to a broker may take before it is asked again.
const SLICE: Duration = Duration::from_secs(2);
/// How often to look whether an open transaction has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A restore that takes longer holds what else flows, so that it does not pile up.
const HOLD_AFTER: Duration = Duration::from_millis(200);

/// Two clients without a group: one sees what is committed, the other where the log really ends.
pub(super) struct Reader {
    committed: BaseConsumer<Context>,
    ends: BaseConsumer<Context>,
    topics: BTreeMap<String, Arc<str>>,
    patience: Duration,
    used: Instant,
}

impl Reader {
    pub(super) fn connect(settings: &KafkaSettings, worker: &Worker) -> Result<Self, BusError> {
        let create = |committed: bool| {
            (settings.reader(worker, committed))
                // The end of a partition shows only when a fetch comes back empty: a restore waits for that, lane after lane.
                .set("fetch.wait.max.ms", "5")
                .create_with_context(Context::new(settings))
                .map_err(|e| errors::bus_error("cannot create a reader", &e, &Notes::default()))
        };
        Ok(Self {
            committed: create(true)?,
            ends: create(false)?,
            topics: BTreeMap::new(),
            patience: Duration::from_millis(settings.patience.as_millis().max(0) as u64),
            used: Instant::now(),
        })
    }

    /// How long nobody has asked anything.
    pub(super) fn idle(&self) -> Duration {
        self.used.elapsed()
    }

    /// The watermarks are those of the client's isolation level: the last stable offset of one, the end of the other.
    pub(super) fn progress(&mut self, place: &TopicPartition) -> Result<Progress, BusError> {
        self.used = Instant::now();
        let (start, stable) = ask(&self.committed, place)?;
        let (_, end) = ask(&self.ends, place)?;
        Ok(Progress { start, stable, end: end.max(stable) })
    }

    /// See [`crate::shell::bus::Bus::read_back`].
    pub(super) fn read_back(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: Option<i64>,
        each: &mut dyn FnMut(Record),
        source: &mut Source,
    ) -> Result<i64, BusError> {
        let began = Instant::now();
        let progress = self.progress(place)?;
        let to = to.map_or(progress.end, |to| to.min(progress.end));
        let from = from.max(progress.start);
        let mut held = false;
        let mut keep_alive = |source: &mut Source| {
            if !held && began.elapsed() > HOLD_AFTER {
                source.hold_all(true)?;
                held = true;
            }
            source.keep_alive_if_due();
            Ok::<(), BusError>(())
        };
        let read = self.wait_until_stable(place, to, progress.stable, || keep_alive(source));
        let read = read.and_then(|()| self.read(place, from, to, each, || keep_alive(source)));
        if held {
            source.hold_all(false)?;
        }
        self.used = Instant::now();
        read.map(|()| to)
    }

    /// A restore bounded by the last stable offset would silently miss committed state behind somebody's open transaction.
    fn wait_until_stable(
        &self,
        place: &TopicPartition,
        to: i64,
        mut stable: i64,
        mut meanwhile: impl FnMut() -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        let deadline = Instant::now() + self.patience;
        while stable < to {
            if Instant::now() > deadline {
                return Err(BusError::Retry(format!(
                    "{place} has held an open transaction at offset {stable} for {} s; it ends by itself when it times out, or end it \
                     with kafka-transactions.sh",
                    self.patience.as_secs()
                )));
            }
            meanwhile()?;
            std::thread::sleep(LOOK_EVERY);
            stable = ask(&self.committed, place)?.1;
        }
        Ok(())
    }

    fn read(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(Record),
        mut meanwhile: impl FnMut() -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        if from >= to {
            return Ok(());
        }
        let what = format!("cannot read {place} from offset {from}");
        let failed = |c: &BaseConsumer<Context>, e: &KafkaError| {
            errors::bus_error(&what, e, &c.context().notes())
        };
        let list = native::list([(place, from)]).map_err(|e| failed(&self.committed, &e))?;
        self.committed.assign(&list).map_err(|e| failed(&self.committed, &e))?;
        let mut deadline = Instant::now() + self.patience;
        let read = loop {
            let outcome = match self.committed.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => Some(Ok(native::record(&message, &mut self.topics))),
                Some(Err(KafkaError::PartitionEOF(_))) => break Ok(()),
                Some(Err(error)) => Some(Err(error)),
                None => None,
            };
            match outcome {
                Some(Ok(record)) if record.place != *place => {}
                Some(Ok(record)) if record.offset >= to => break Ok(()),
                Some(Ok(record)) => {
                    let last = record.offset + 1 == to;
                    each(record);
                    deadline = Instant::now() + self.patience;
                    if last {
                        break Ok(());
                    }
                }
                Some(Err(error)) => match failed(&self.committed, &error) {
                    BusError::Retry(_) if Instant::now() < deadline => {}
                    error => break Err(error),
                },
                None if Instant::now() > deadline => {
                    let waited = self.patience.as_secs();
                    break Err(BusError::Retry(format!("{what}: no answer for {waited} s")));
                }
                None => {}
            }
            if let Err(error) = meanwhile() {
                break Err(error);
            }
        };
        self.committed.unassign().map_err(|e| failed(&self.committed, &e))?;
        read
    }
}

fn ask(consumer: &BaseConsumer<Context>, place: &TopicPartition) -> Result<(i64, i64), BusError> {
    let answer = consumer.fetch_watermarks(&place.topic, place.partition as i32, SLICE);
    // Serves callbacks; an unassigned client has no records.
    while consumer.poll(Duration::ZERO).is_some() {}
    let what = format!("cannot ask how far {place} is");
    answer.map_err(|error| errors::bus_error(&what, &error, &consumer.context().notes()))
}
