//! The reading side: one member of the group.

use super::context::{Context, Notes};
use super::errors::{self, Remedy, remedy};
use super::native::{list, record};
use super::settings::KafkaSettings;
use crate::shell::bus::{BusError, Change, Delivery, Record, TopicPartition, Worker};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionList;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

/// An end-of-partition event by itself proves that fetches flow for as long; after that statistics have to.
const FRESH: Duration = Duration::from_secs(1);
/// Statistics come every 0.5 s; older ones prove nothing.
const STATISTICS_LIVE: Duration = Duration::from_millis(1_500);
/// A lost assignment is revoked within milliseconds, unless librdkafka waits for the assignment that it announced before to be taken,
/// which a lost one no longer is. After so long the member is given up.
const LOST_FOR: Duration = Duration::from_secs(3);
/// How often brokers that are away are reported.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Where an assigned partition stands.
#[derive(Clone, Copy, Debug, Default)]
struct Flow {
    started: bool,
    paused: bool,
    /// When its end was reached, with nothing read since.
    end_reached: Option<Instant>,
}

/// The member of the group, and what it was given.
pub(super) struct Source {
    pub(super) consumer: BaseConsumer<Context>,
    pub(super) group: String,
    flows: BTreeMap<TopicPartition, Flow>,
    /// Told by librdkafka, not yet handed on.
    changes: Vec<Change>,
    /// Taken out of librdkafka while something else was waited for.
    waiting: VecDeque<Record>,
    /// An error met while something else was waited for.
    trouble: Option<BusError>,
    /// Topic names, so that a record shares one.
    topics: BTreeMap<String, Arc<str>>,
    poll_records: usize,
    reported: Option<Instant>,
    /// When librdkafka was last polled.
    polled: Instant,
    /// Since when the assignment has been lost and not revoked.
    lost: Option<Instant>,
}

impl Source {
    pub(super) fn connect(settings: &KafkaSettings, worker: &Worker) -> Result<Self, BusError> {
        let context = Context::new(settings);
        let what = format!("cannot create the consumer of worker {}", worker.id);
        let failed = |error: KafkaError| errors::bus_error(&what, &error, &Notes::default());
        let consumer: BaseConsumer<Context> =
            settings.consumer(worker).create_with_context(context).map_err(failed)?;
        Ok(Self {
            consumer,
            group: worker.group.clone(),
            flows: BTreeMap::new(),
            changes: Vec::new(),
            waiting: VecDeque::new(),
            trouble: None,
            topics: worker.topics.iter().map(|t| (t.to_string(), t.clone())).collect(),
            poll_records: settings.poll_records,
            reported: None,
            polled: Instant::now(),
            lost: None,
        })
    }

    pub(super) fn subscribe(&self, topics: &[Arc<str>]) -> Result<(), BusError> {
        let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
        let what = format!("cannot join group {}", self.group);
        self.consumer.subscribe(&names).map_err(|e| errors::bus_error(&what, &e, &self.notes()))
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.consumer.context().notes()
    }

    pub(super) fn owns(&self, place: &TopicPartition) -> bool {
        self.flows.contains_key(place)
    }

    // ---- polling --------------------------------------------------------------------------------------------------

    pub(super) fn poll(&mut self, wait: Duration) -> Result<Delivery, BusError> {
        let mut records: Vec<Record> = self.waiting.drain(..).collect();
        let mut wait =
            if records.is_empty() && self.changes.is_empty() { wait } else { Duration::ZERO };
        while records.len() < self.poll_records {
            let Some(record) = self.take(wait) else { break };
            records.extend(record);
            wait = Duration::ZERO;
        }
        if let Some(trouble) = self.trouble.take() {
            self.waiting.extend(records);
            return Err(trouble);
        }
        records.retain(|record| self.flows.get(&record.place).is_some_and(|flow| flow.started));
        self.look_at_membership()?;
        let changes = std::mem::take(&mut self.changes);
        Ok(Delivery { changes, records, caught_up: self.caught_up() })
    }

    fn look_at_membership(&mut self) -> Result<(), BusError> {
        if !self.consumer.assignment_lost() {
            self.lost = None;
            return Ok(());
        }
        if self.lost.get_or_insert_with(Instant::now).elapsed() < LOST_FOR {
            return Ok(());
        }
        let group = &self.group;
        Err(BusError::Restart(format!(
            "group {group}: the assignment was lost and is not taken back; connect again"
        )))
    }

    /// Keeps the membership alive while something else is waited for; what comes is kept for the next poll.
    pub(super) fn keep_alive(&mut self) {
        for _ in 0..self.poll_records {
            let Some(record) = self.take(Duration::ZERO) else { break };
            self.waiting.extend(record);
        }
    }

    /// Keeps the membership alive where it has not been looked after for a while.
    pub(super) fn keep_alive_if_due(&mut self) {
        if self.polled.elapsed() > FRESH {
            self.keep_alive();
        }
    }

    /// Takes one event; `None`: there was nothing (more), `Some(None)`: it was no record.
    fn take(&mut self, wait: Duration) -> Option<Option<Record>> {
        let event = self.consumer.poll(wait);
        self.polled = Instant::now();
        let taken = match event {
            None => None,
            Some(Ok(message)) => Some(Ok(record(&message, &mut self.topics))),
            Some(Err(error)) => Some(Err(error)),
        };
        self.take_changes();
        Some(match taken? {
            Ok(record) => {
                if let Some(flow) = self.flows.get_mut(&record.place) {
                    flow.end_reached = None;
                }
                Some(record)
            }
            Err(KafkaError::PartitionEOF(partition)) => {
                self.end_reached(partition as u32);
                None
            }
            Err(error) => {
                self.trouble(&error);
                None
            }
        })
    }

    fn take_changes(&mut self) {
        let changes = std::mem::take(&mut self.notes().changes);
        for change in changes {
            match &change {
                Change::Assigned(places) => {
                    self.flows.extend(places.iter().map(|place| (place.clone(), Flow::default())));
                }
                Change::Revoked(places) => {
                    self.flows.retain(|place, _| !places.contains(place));
                    self.waiting.retain(|record| !places.contains(&record.place));
                }
            }
            self.changes.push(change);
        }
    }

    /// The event names no topic. Where several topics have that partition, statistics say which of them are at their end.
    fn end_reached(&mut self, partition: u32) {
        let now = Instant::now();
        for (place, flow) in &mut self.flows {
            if place.partition == partition && flow.started {
                flow.end_reached = Some(now);
            }
        }
    }

    fn caught_up(&self) -> Vec<TopicPartition> {
        let notes = self.notes();
        let statistics = notes.statistics.as_ref().filter(|(at, _)| at.elapsed() < STATISTICS_LIVE);
        let mut caught_up = Vec::new();
        for (place, flow) in &self.flows {
            let Some(reached) = flow.end_reached.filter(|_| !flow.paused) else { continue };
            let live = reached.elapsed() < FRESH
                || statistics.is_some_and(|(_, statistics)| statistics.leader_answers(place));
            let namesake =
                |other: &&TopicPartition| other.partition == place.partition && *other != place;
            let sure = self.flows.keys().find(namesake).is_none()
                || statistics.is_some_and(|(at, s)| *at > reached && s.at_end(place));
            if live && sure {
                caught_up.push(place.clone());
            }
        }
        caught_up
    }

    /// Keeps what the caller has to hear of; the client gets over the rest by itself.
    fn trouble(&mut self, error: &KafkaError) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let what = format!("group {} cannot read", self.group);
        let fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
        let remedy = if fatal { Remedy::Reconnect } else { remedy(code) };
        let waiting = matches!(remedy, Remedy::Wait | Remedy::Abort);
        // A lost membership heals by itself (its partitions come back as a change); brokers that are away do too, and fail many
        // times a second meanwhile.
        if code == Code::PollExceeded || remedy == Remedy::Abort {
            tracing::warn!(target: "kafka", %error, group = self.group, "membership lost");
            return;
        }
        if waiting && self.reported.is_some_and(|at| at.elapsed() < REPORT_EVERY) {
            return;
        }
        self.reported = Some(Instant::now());
        let trouble = if fatal {
            let known = self.consumer.client().fatal_error();
            let text =
                known.map_or_else(|| error.to_string(), |(code, text)| format!("{code}: {text}"));
            BusError::Restart(format!("{what}: {text}; connect again"))
        } else {
            errors::of_code(&what, code, &self.notes())
        };
        // Told once: should it heal after all, it is not told again.
        self.notes().hopeless = None;
        // The gravest one is what the caller has to hear.
        if self.trouble.is_none() || !matches!(trouble, BusError::Retry(_)) {
            self.trouble = Some(trouble);
        }
    }

    // ---- flowing --------------------------------------------------------------------------------------------------

    /// Gives a partition to the fetchers, or moves it. Moving is a seek: taking it out of the assignment and putting it back would
    /// answer a revocation that waits to be served, and release partitions before their lanes have heard of it.
    pub(super) fn start(&mut self, place: &TopicPartition, offset: i64) -> Result<(), BusError> {
        // An assignment that was lost is about to be revoked; `incremental_assign` would hide that it was lost.
        if !self.flows.contains_key(place) || self.consumer.assignment_lost() {
            return Ok(());
        }
        let what = format!("cannot start {place} at offset {offset}");
        let failed = |error: &KafkaError| errors::bus_error(&what, error, &self.notes());
        let list = list([(place, offset)]).map_err(|e| failed(&e))?;
        let flow = self.flows.get(place).copied().unwrap_or_default();
        if flow.started {
            if flow.paused {
                self.consumer.resume(&list).map_err(|e| failed(&e))?;
            }
            self.seek(&list).map_err(|e| failed(&e))?;
        } else {
            self.consumer.incremental_assign(&list).map_err(|e| failed(&e))?;
        }
        self.waiting.retain(|record| record.place != *place);
        self.flows.insert(place.clone(), Flow { started: true, ..Flow::default() });
        Ok(())
    }

    /// A partition that was assigned a moment ago cannot be sought in yet.
    fn seek(&self, list: &TopicPartitionList) -> Result<(), KafkaError> {
        let mut tries = 0;
        loop {
            let sought = self.consumer.seek_partitions(list.clone(), FRESH);
            let result =
                sought.and_then(|sought| sought.elements().iter().try_for_each(|e| e.error()));
            tries += 1;
            if result.is_ok() || tries == 20 {
                return result;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn pause(&mut self, place: &TopicPartition, paused: bool) -> Result<(), BusError> {
        let Some(flow) = self.flows.get_mut(place).filter(|flow| flow.started) else {
            return Ok(());
        };
        flow.paused = paused;
        flow.end_reached = None;
        self.set_paused([place], paused)
    }

    fn set_paused<'a>(
        &self,
        places: impl IntoIterator<Item = &'a TopicPartition>,
        paused: bool,
    ) -> Result<(), BusError> {
        let failed = |e: &KafkaError| errors::bus_error("cannot pause or resume", e, &self.notes());
        let list = list(places.into_iter().map(|place| (place, -1_001))).map_err(|e| failed(&e))?;
        let done = if paused { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        done.map_err(|e| failed(&e))
    }

    /// Holds or lets go everything that flows, so that a long wait does not pile up records.
    pub(super) fn hold_all(&self, hold: bool) -> Result<(), BusError> {
        let flowing = self.flows.iter().filter(|(_, flow)| flow.started && !flow.paused);
        self.set_paused(flowing.map(|(place, _)| place), hold)
    }
}
