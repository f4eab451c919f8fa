//! Feeds the pipeline no faster than it goes.
//!
//! The embedded broker drops what exceeds 5 MiB or 100,000 message sets of a partition, whether it was read or not. So records go in
//! rounds: no more than [`Limits::bytes`] into one partition, then the feeder waits until scorers, fusion and watcher have taken all
//! of it. The scorers' clock moves only then, hence no clock runs ahead of the records, and what is published is what `replay` of the
//! same events gives.

use super::clock::StreamClock;
use super::marks::Marks;
use super::script::Switch;
use super::writer::Writer;
use super::{Command, DemoError, Schedule};
use crate::shell::bus::{TopicPartition, murmur2};
use crate::shell::feed::{Message, Source};
use crate::shell::wire::{Names, Topics};
use crate::types::{Feed, IngestTime, Span};
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest time between two rounds while the source waits for the wall clock; shorter ones only cost.
const BREATH: Duration = Duration::from_millis(100);

/// What may be under way at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of payload and key written into one input partition before the pipeline has to be done with them. What scorers and fusion
    /// make of them is a few times as much, and must stay below 5 MiB too.
    pub bytes: usize,
    /// How long the pipeline may stand still before the demo gives up.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 512 << 10, patience: Duration::from_secs(60) }
    }
}

/// What the feeder has done, for those who watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Fed {
    /// Records written.
    pub sent: u64,
    /// Up to which offset the broker has each input partition.
    pub inputs: BTreeMap<TopicPartition, i64>,
    /// Up to which offset the broker had each partition of `predictions` when last asked.
    pub predictions: BTreeMap<TopicPartition, i64>,
    /// Bytes written, keys included.
    pub bytes: u64,
    /// Feeds that are off.
    pub off: BTreeSet<Feed>,
    /// Records left; `None`: endless.
    pub left: Option<usize>,
    /// True while the source is behind where it should be.
    pub is_behind: bool,
    /// The most bytes that were under way in one input partition.
    pub most_bytes: usize,
}

/// Shared with those who watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<Mutex<Fed>>);

impl Progress {
    pub(super) fn get(&self) -> MutexGuard<'_, Fed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Feeder<'a> {
    pub source: Source,
    pub schedule: Schedule,
    pub script: Vec<Switch>,
    pub limits: Limits,
    pub writer: Writer,
    /// Asks the broker for ends of partitions.
    pub asker: BaseConsumer,
    pub marks: &'a Marks,
    pub clock: &'a StreamClock,
    pub topics: &'a Topics,
    pub names: &'a Names,
    pub partitions: u32,
    pub progress: Progress,
    pub commands: Receiver<Command>,
    /// Bytes by input partition since the pipeline was last done with everything.
    pub under_way: BTreeMap<(Feed, u32), usize>,
    pub last_was_discharge: bool,
    /// True where something was sent that the scorers may not have written to `predictions` yet.
    pub is_disordered: bool,
}

impl Feeder<'_> {
    /// Until the source has ended and everything is fused, the time is over, or somebody quits.
    pub(super) fn run(mut self) -> Result<(), DemoError> {
        let started = Instant::now();
        let mut position = self.schedule.begins;
        let mut last_round = started;
        let mut live: Option<Instant> = None;
        while self.goes_on(started, live) {
            if position >= self.schedule.begins + self.schedule.history {
                live.get_or_insert_with(Instant::now);
            }
            let target = self.schedule.target(started.elapsed());
            if self.source.ends().is_none_or(|ends| position > ends)
                && self.source.left() == Some(0)
            {
                return self.run_on();
            }
            let round = self.schedule.round.as_millis().max(1);
            let boundary = (position.as_millis().div_euclid(round) + 1) * round;
            let until = target.min(IngestTime::from_millis(boundary));
            let is_behind = until < target;
            self.progress.get().is_behind = is_behind;
            let breath = BREATH.saturating_sub(last_round.elapsed());
            if !is_behind && !breath.is_zero() {
                std::thread::sleep(breath.min(Duration::from_millis(20)));
            } else if until > position {
                last_round = Instant::now();
                self.round(until)?;
                position = until;
            }
        }
        self.settle(None)
    }

    /// The script counts from when the history has been sent, however long that took.
    fn goes_on(&mut self, started: Instant, live: Option<Instant>) -> bool {
        let elapsed = started.elapsed();
        let due = |switch: &Switch| live.is_some_and(|live| switch.after <= live.elapsed());
        while self.script.first().is_some_and(due) {
            let Switch { feed, on, .. } = self.script.remove(0);
            self.switch(feed, on);
        }
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Quit => return false,
                Command::Toggle(feed) => {
                    let on = self.progress.get().off.contains(&feed);
                    self.switch(feed, on);
                }
            }
        }
        self.schedule.seconds.is_none_or(|longest| elapsed < longest)
    }

    fn switch(&mut self, feed: Feed, on: bool) {
        if self.source.set_feed(feed, on) {
            let mut fed = self.progress.get();
            if on {
                fed.off.remove(&feed)
            } else {
                fed.off.insert(feed)
            };
        }
    }

    /// Everything that arrives before `until`, and then the clock.
    fn round(&mut self, until: IngestTime) -> Result<(), DemoError> {
        while let Some(message) = self.source.next_before(until) {
            // A discharge ends panes for whatever topic: what came before it must be in the log before it, and what comes after it, after.
            if message.is_discharge != self.last_was_discharge && self.is_disordered {
                self.put_in_order(Some(message.time))?;
            }
            self.last_was_discharge = message.is_discharge;
            self.send(&message)?;
        }
        self.progress.get().left = self.source.left();
        self.settle(Some(until))
    }

    fn send(&mut self, message: &Message) -> Result<(), DemoError> {
        let place = (message.feed, murmur2::partition(&message.key, self.partitions));
        let size = message.key.len() + message.payload.len();
        let under_way = self.under_way.get(&place).copied().unwrap_or(0);
        if under_way > 0 && under_way + size > self.limits.bytes {
            self.settle(None)?;
        }
        let bytes = self.under_way.entry(place).or_insert(0);
        *bytes += size;
        self.is_disordered = true;
        let mut fed = self.progress.get();
        fed.sent += 1;
        fed.bytes += size as u64;
        fed.most_bytes = fed.most_bytes.max(*bytes);
        drop(fed);
        self.writer.send(self.names.topic(message.feed), message)
    }

    /// Waits until the scorers have written everything to `predictions`, so that what is sent from now on stands behind it; then the
    /// clock may move, and every scorer has told fusion so.
    fn put_in_order(&mut self, clock: Option<IngestTime>) -> Result<(), DemoError> {
        let patience = self.limits.patience;
        let ends = self.writer.settle()?;
        self.progress.get().inputs.clone_from(&ends);
        self.marks.wait(&ends, patience).map_err(stuck)?;
        if let Some(clock) = clock {
            self.clock.advance(clock);
            self.marks.wait_for_a_round("score", patience).map_err(DemoError::Stuck)?;
        }
        self.is_disordered = false;
        Ok(())
    }

    /// Waits until the whole pipeline, the watcher included, is done with everything.
    fn settle(&mut self, clock: Option<IngestTime>) -> Result<(), DemoError> {
        self.put_in_order(clock)?;
        let ends = self.ends(&self.topics.predictions)?;
        self.progress.get().predictions.clone_from(&ends);
        self.marks.wait(&ends, self.limits.patience).map_err(stuck)?;
        let mut ends = self.ends(&self.topics.fused_scores)?;
        ends.extend(self.ends(&self.topics.availability)?);
        self.marks.wait(&ends, self.limits.patience).map_err(stuck)?;
        self.under_way.clear();
        Ok(())
    }

    fn ends(&self, topic: &str) -> Result<BTreeMap<TopicPartition, i64>, DemoError> {
        let end = |partition: u32| {
            let asked = self.asker.fetch_watermarks(topic, partition as i32, self.limits.patience);
            let place = TopicPartition::new(topic, partition);
            asked.map(|(_, end)| (place, end)).map_err(|error| {
                DemoError::Broker(format!(
                    "cannot ask for the end of {topic}[{partition}]: {error}"
                ))
            })
        };
        (0..self.partitions).map(end).collect()
    }

    /// The clock goes on for a while after the last record, one window at a time, so that the last panes fire.
    fn run_on(&mut self) -> Result<(), DemoError> {
        let Some(last) = self.source.ends() else { return Ok(()) };
        let beat = self.schedule.heartbeat.as_millis().max(1);
        let end = (last + self.schedule.run_on).as_millis();
        let end = IngestTime::from_millis(
            end.div_euclid(beat) * beat + if end % beat == 0 { 0 } else { beat },
        );
        let mut at = last;
        while at < end {
            at = (at + self.schedule.round).min(end);
            self.settle(Some(at))?;
        }
        let rejected = self.ends(&self.topics.dead_letters)?;
        self.marks.wait(&rejected, self.limits.patience).map_err(stuck)
    }
}

fn stuck(place: TopicPartition) -> DemoError {
    DemoError::Stuck(place.to_string())
}

impl Schedule {
    /// Up to where the source should have sent by now.
    fn target(&self, elapsed: Duration) -> IngestTime {
        let Some(speed) = self.speed else { return IngestTime::from_millis(i64::MAX) };
        let streamed = Span::millis((elapsed.as_millis() as f64 * speed) as i64);
        self.begins + self.history + streamed
    }
}
