//! What the audience sees: the watcher's records as a picture, with the numbers above it.

use super::clock::StreamClock;
use super::feeder::Progress;
use super::marks::Marks;
use super::{Audience, Command, DemoError, Outcome};
use crate::shell::bus::kafka::{KafkaBus, KafkaSettings};
use crate::shell::bus::{Bus, BusError, TopicPartition};
use crate::shell::driver::{Board, Clock, Pipeline, RunState};
use crate::shell::final_revisions::FinalRevisions;
use crate::shell::view::{Flow, Picture};
use crate::shell::watcher::{Seen, Watcher};
use crate::types::{EventTime, Feed, RejectReason};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Between two looks of the audience.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Rates are taken over so long.
const RATE_OVER: Duration = Duration::from_secs(4);

pub(super) struct Show<'a> {
    pub started: Instant,
    pub title: String,
    pub pipeline: &'a Pipeline,
    pub marks: &'a Marks,
    pub board: &'a Board,
    pub progress: &'a Progress,
    pub clock: &'a StreamClock,
    pub picture: Picture,
    pub finals: FinalRevisions,
    pub rejected: BTreeMap<RejectReason, u64>,
    pub scores: u64,
    pub first_score_after: Option<Duration>,
    /// Records that the watcher missed.
    pub missing: u64,
    /// When, records sent and scores seen by then; the oldest first.
    pub past: VecDeque<(Instant, u64, u64)>,
}

impl Show<'_> {
    /// Reads what is published and lets the audience look, until `is_over`.
    pub(super) fn watch(
        &mut self,
        settings: &KafkaSettings,
        audience: &mut dyn Audience,
        commands: &Sender<Command>,
        is_over: impl Fn() -> bool,
    ) -> Result<(), DemoError> {
        let mut watcher =
            Watcher::new(self.pipeline.topics.clone(), self.pipeline.names.clone(), None);
        let membership = watcher.membership("latefusion-demo-watch");
        let mut bus = KafkaBus::connect(settings, membership)?;
        let mut looked: Option<Instant> = None;
        loop {
            let over = is_over();
            let moved = self.turn(&mut watcher, &mut bus, audience)?;
            for (place, next) in &moved {
                self.marks.commit(place, *next);
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) || over {
                looked = Some(Instant::now());
                self.check_workers()?;
                let flow = self.flow();
                self.picture.prune(flow.now);
                for command in audience.look(&self.picture, &flow)? {
                    // A feeder that has ended takes no commands, and needs none.
                    let _ = commands.send(command);
                }
            }
            if over && moved.is_empty() {
                self.missing = watcher.missing();
                bus.close();
                return Ok(());
            }
        }
    }

    fn turn(
        &mut self,
        watcher: &mut Watcher,
        bus: &mut dyn Bus,
        audience: &mut dyn Audience,
    ) -> Result<BTreeMap<TopicPartition, i64>, DemoError> {
        let turned = watcher.turn(bus, Duration::from_millis(10), &mut |seen| match seen {
            Seen::Score(score) => {
                self.scores += 1;
                self.first_score_after.get_or_insert_with(|| self.started.elapsed());
                self.finals.take(&score);
                let change = self.picture.take_score((*score).clone());
                audience.score(&score, change);
            }
            Seen::Availability(record) => self.picture.take_availability(record),
            Seen::DeadLetter(reason) => *self.rejected.entry(reason).or_default() += 1,
            Seen::Unreadable => {}
        });
        match turned {
            Ok(moved) => Ok(moved),
            Err(BusError::Retry(_)) => Ok(BTreeMap::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// A worker that cannot go on would leave the feeder waiting.
    fn check_workers(&self) -> Result<(), DemoError> {
        for worker in self.board.workers() {
            if let RunState::Failed(why) = worker.state {
                return Err(DemoError::Worker(format!("{}: {why}", worker.role)));
            }
        }
        Ok(())
    }

    fn flow(&mut self) -> Flow {
        let fed = self.progress.get().clone();
        let now = Instant::now();
        self.past.push_back((now, fed.sent, self.scores));
        while self.past.len() > 2 && self.past.front().is_some_and(|p| now - p.0 > RATE_OVER) {
            self.past.pop_front();
        }
        let (then, sent, scores) = self.past.front().copied().unwrap_or((now, 0, 0));
        let seconds = (now - then).as_secs_f64().max(1e-3);
        let behind = |ends: &BTreeMap<TopicPartition, i64>| -> i64 {
            ends.iter().map(|(place, end)| (end - self.marks.committed(place)).max(0)).sum()
        };
        let lag = behind(&fed.inputs) + behind(&fed.predictions);
        let registry = &self.pipeline.lanes.registry;
        let is_on = |id| !fed.off.contains(&Feed::Modality(id));
        let note = match (fed.is_behind, fed.left, self.trouble()) {
            (_, _, Some(trouble)) => trouble,
            (_, Some(left), _) => format!("{left} records to come"),
            (true, ..) => "catching up with the history".to_owned(),
            _ => String::new(),
        };
        Flow {
            title: self.title.clone(),
            now: EventTime::from_millis(self.clock.now().as_millis()),
            events_per_second: Some((fed.sent - sent) as f64 / seconds),
            scores_per_second: (self.scores - scores) as f64 / seconds,
            scores: self.scores,
            lag: Some(lag.unsigned_abs()),
            rejected: Some(self.rejected.values().sum()),
            modalities: registry.iter().map(|(id, m)| (m.name.to_owned(), is_on(id))).collect(),
            note,
            hint: String::new(),
        }
    }

    fn trouble(&self) -> Option<String> {
        let workers = self.board.workers();
        workers.into_iter().find_map(|w| Some(format!("{}: {}", w.role, w.trouble?)))
    }

    /// After everything has ended.
    pub(super) fn outcome(self) -> Outcome {
        let fed = self.progress.get().clone();
        let workers = self.board.workers();
        let taken = |fuse: bool| -> i64 {
            let of_role = workers.iter().filter(|worker| (worker.role == "fuse") == fuse);
            of_role.flat_map(|worker| &worker.lanes).map(|lane| lane.counts.records as i64).sum()
        };
        // Of predictions, what fusion took beyond the last look came while everybody was stopping.
        let predictions: i64 = fed.predictions.values().sum();
        Outcome {
            sent: fed.sent,
            bytes: fed.bytes,
            rejected: self.rejected,
            scores: self.scores,
            finals: self.finals,
            lost: [
                fed.inputs.values().sum::<i64>() - taken(false),
                (predictions - taken(true)).max(0),
                self.missing as i64,
            ],
            most_bytes: fed.most_bytes,
            restarts: workers.iter().map(|worker| worker.restarts).sum(),
            swaps: self
                .pipeline
                .telemetry
                .totals()
                .swaps
                .iter()
                .fold([0, 0], |all, of| [all[0] + of[0], all[1] + of[1]]),
            first_score_after: self.first_score_after,
            took: self.started.elapsed(),
        }
    }
}
