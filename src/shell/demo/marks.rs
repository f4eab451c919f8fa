//! How far the pipeline is, seen from outside of it: what its workers have committed, and how often they went round.

use crate::shell::bus::{Bus, BusError, Commit, Delivery, Progress, Record, TopicPartition};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What all workers of a run have reached; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Marks(Arc<(Mutex<Reached>, Condvar)>);

#[derive(Debug, Default)]
struct Reached {
    /// The next offset after what is committed.
    committed: BTreeMap<TopicPartition, i64>,
    /// Polls by worker.
    polls: BTreeMap<String, u64>,
    /// Nobody will get any further.
    closed: bool,
}

impl Marks {
    /// The next offset after what has been committed of a partition; 0 before the first commit.
    pub fn committed(&self, place: &TopicPartition) -> i64 {
        self.guard().committed.get(place).copied().unwrap_or(0)
    }

    /// Notes that everything before `offset` is done with.
    pub fn commit(&self, place: &TopicPartition, offset: i64) {
        self.guard().committed.insert(place.clone(), offset);
        self.0.1.notify_all();
    }

    /// Waits until every partition is committed up to its offset; `Err`: one that is not, after no commit at all for `patience`.
    pub fn wait(
        &self,
        ends: &BTreeMap<TopicPartition, i64>,
        patience: Duration,
    ) -> Result<(), TopicPartition> {
        self.wait_until(patience, |reached| {
            let behind = |place: &TopicPartition, end: i64| {
                reached.committed.get(place).copied().unwrap_or(0) < end
            };
            let found = ends.iter().find(|(place, end)| behind(place, **end));
            (found.map(|(place, _)| place.clone()), reached.committed.values().sum())
        })
    }

    /// Waits until every worker whose name begins with `prefix` has gone through a whole round that began after this call.
    pub fn wait_for_a_round(&self, prefix: &str, patience: Duration) -> Result<(), String> {
        let of_prefix = |reached: &Reached| -> BTreeMap<String, u64> {
            let polls = reached.polls.iter().filter(|(name, _)| name.starts_with(prefix));
            polls.map(|(name, polls)| (name.clone(), *polls)).collect()
        };
        let before = of_prefix(&self.guard());
        // The round that is under way may have looked at the clock already; the one after it ends when a third begins.
        self.wait_until(patience, |reached| {
            let polls = of_prefix(reached);
            let behind =
                before.iter().find(|(name, before)| polls.get(*name) < Some(&(*before + 2)));
            (behind.map(|(name, _)| name.clone()), polls.values().sum::<u64>() as i64)
        })
    }

    /// Waits until `look` finds nobody behind; gives up when its second answer has not changed for `patience`.
    fn wait_until<T>(
        &self,
        patience: Duration,
        look: impl Fn(&Reached) -> (Option<T>, i64),
    ) -> Result<(), T> {
        let (mut since, mut last) = (Instant::now(), None);
        let mut reached = self.guard();
        loop {
            let (behind, progress) = look(&reached);
            let Some(behind) = behind else { return Ok(()) };
            if last != Some(progress) {
                (since, last) = (Instant::now(), Some(progress));
            }
            let left = patience.saturating_sub(since.elapsed());
            if left.is_zero() || reached.closed {
                return Err(behind);
            }
            let waited = self.0.1.wait_timeout(reached, left);
            reached = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends every wait, now and later: what is waited for will not come.
    pub fn close(&self) {
        self.guard().closed = true;
        self.0.1.notify_all();
    }

    fn poll(&self, worker: &str) {
        let mut reached = self.guard();
        match reached.polls.get_mut(worker) {
            Some(polls) => *polls += 1,
            None => {
                reached.polls.insert(worker.to_owned(), 1);
            }
        }
        drop(reached);
        self.0.1.notify_all();
    }

    fn guard(&self) -> MutexGuard<'_, Reached> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A bus whose commits and polls leave marks.
pub struct Marked<B> {
    bus: B,
    worker: String,
    marks: Marks,
}

impl<B: Bus> Marked<B> {
    /// Of a worker.
    pub fn new(bus: B, worker: String, marks: Marks) -> Self {
        Self { bus, worker, marks }
    }
}

impl<B: Bus> Bus for Marked<B> {
    fn poll(&mut self, wait: Duration) -> Result<Delivery, BusError> {
        self.marks.poll(&self.worker);
        self.bus.poll(wait)
    }

    fn start(&mut self, place: &TopicPartition, offset: i64) -> Result<(), BusError> {
        self.bus.start(place, offset)
    }

    fn pause(&mut self, place: &TopicPartition, paused: bool) -> Result<(), BusError> {
        self.bus.pause(place, paused)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), BusError> {
        self.bus.commit(commit)?;
        for (place, offset) in &commit.offsets {
            self.marks.commit(place, *offset);
        }
        Ok(())
    }

    fn record_limit(&self) -> usize {
        self.bus.record_limit()
    }

    fn committed(&mut self, place: &TopicPartition) -> Result<Option<i64>, BusError> {
        self.bus.committed(place)
    }

    fn read_back(
        &mut self,
        place: &TopicPartition,
        from: i64,
        to: Option<i64>,
        each: &mut dyn FnMut(Record),
    ) -> Result<i64, BusError> {
        self.bus.read_back(place, from, to, each)
    }

    fn progress(&mut self, place: &TopicPartition) -> Result<Progress, BusError> {
        self.bus.progress(place)
    }

    fn partitions(&mut self, topic: &str) -> Result<u32, BusError> {
        self.bus.partitions(topic)
    }

    fn close(&mut self) {
        self.bus.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn waiting_names_the_partition_that_is_behind() {
        let marks = Marks::default();
        let (a, b) = (TopicPartition::new("t", 0), TopicPartition::new("t", 1));
        let ends = BTreeMap::from([(a.clone(), 3), (b.clone(), 2)]);
        marks.commit(&a, 3);
        assert_eq!(marks.wait(&ends, SHORT), Err(b.clone()));
        marks.close();
        assert_eq!(marks.wait(&ends, Duration::MAX), Err(b.clone()), "nobody waits for ever");
        marks.commit(&b, 5);
        assert_eq!(marks.wait(&ends, SHORT), Ok(()));
        assert_eq!((marks.committed(&a), marks.committed(&TopicPartition::new("t", 2))), (3, 0));
    }

    #[test]
    fn a_whole_round_is_over_when_the_second_poll_after_it_begins() {
        let marks = Marks::default();
        marks.poll("score-vitals-0");
        let waiting = marks.clone();
        let waiter =
            std::thread::spawn(move || waiting.wait_for_a_round("score", Duration::from_secs(10)));
        assert_eq!(marks.wait_for_a_round("score", SHORT), Err("score-vitals-0".to_owned()));
        assert_eq!(marks.wait_for_a_round("fuse", SHORT), Ok(()), "there is none");
        // However late the other thread looks, it sees two more polls in time.
        while !waiter.is_finished() {
            marks.poll("score-vitals-0");
        }
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    }
}
