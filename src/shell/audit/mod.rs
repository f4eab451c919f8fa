//! The proof that what was published follows from the log: every fused score is derived again from `predictions` by a fresh
//! fusion stage, and compared bit for bit with `fused-scores`.
//!
//! The last stable end of `fused-scores` lies between two looks at the fusion group's committed offset: everything derived from
//! records before the first must be published, and everything published must be derived from records before the second.

mod compare;
mod lane;
mod report;

pub use compare::{Difference, Identity, Score};
pub use report::{Partition, Report};

use super::bus::{Bus, BusError, TopicPartition};
use super::driver::{Pipeline, fuse_checkpoint};
use super::patience::insist;
use crate::types::EventTime;
use compare::{Begin, Comparison};
use lane::{Deriver, Published};
use std::sync::Arc;
use std::time::Duration;

/// Offsets that are read at once.
const CHUNK: i64 = 4_096;

/// What is to be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Windows that end before are left out.
    pub from: EventTime,
    /// Windows that end at it or later are left out.
    pub to: EventTime,
    /// How long the bus may say that it cannot answer yet.
    pub patience: Duration,
}

impl Scope {
    /// Everything there is.
    pub const fn everything(patience: Duration) -> Self {
        Self { from: EventTime::MIN, to: EventTime::from_millis(i64::MAX), patience }
    }

    fn contains(&self, window_end: EventTime) -> bool {
        self.from <= window_end && window_end < self.to
    }
}

/// Why nothing can be proved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// One output partition has one writer only where both topics have the same partitions.
    #[error(
        "{log} has {log_partitions} partitions and {scores} has {score_partitions}: they must be the same, so these are not topics of one pipeline"
    )]
    Partitions {
        /// `predictions`.
        log: String,
        /// Its partitions.
        log_partitions: u32,
        /// `fused-scores`.
        scores: String,
        /// Its partitions.
        score_partitions: u32,
    },
    /// The bus gave up.
    #[error("{0}")]
    Bus(#[from] BusError),
}

/// Audits every partition. The bus reads nothing in a group but must name the fusion group, whose committed offsets count.
///
/// # Errors
/// See [`AuditError`].
pub fn audit(
    bus: &mut dyn Bus,
    pipeline: &Arc<Pipeline>,
    scope: Scope,
    told: &mut dyn FnMut(&Partition),
) -> Result<Report, AuditError> {
    let topics = &pipeline.topics;
    let log_partitions = insist(scope.patience, || bus.partitions(&topics.predictions))?;
    let score_partitions = insist(scope.patience, || bus.partitions(&topics.fused_scores))?;
    if log_partitions != score_partitions {
        return Err(AuditError::Partitions {
            log: topics.predictions.clone(),
            log_partitions,
            scores: topics.fused_scores.clone(),
            score_partitions,
        });
    }
    let mut report = Report::default();
    for partition in 0..log_partitions {
        let done = audit_partition(bus, pipeline, scope, partition)?;
        told(&done);
        report.partitions.push(done);
    }
    Ok(report)
}

fn audit_partition(
    bus: &mut dyn Bus,
    pipeline: &Arc<Pipeline>,
    scope: Scope,
    partition: u32,
) -> Result<Partition, BusError> {
    let log = TopicPartition::new(&*pipeline.topics.predictions, partition);
    let scores = TopicPartition::new(&*pipeline.topics.fused_scores, partition);
    let patience = scope.patience;
    let before = insist(patience, || bus.committed(&log))?;
    let score_progress = insist(patience, || bus.progress(&scores))?;
    let after = insist(patience, || bus.committed(&log))?;
    let progress = insist(patience, || bus.progress(&log))?;
    let to = after.unwrap_or(progress.stable);
    let (deriver, from, from_checkpoint) =
        match base(bus, pipeline, (partition, progress.start), patience)? {
            Base::Empty => (Deriver::new(pipeline, partition), progress.start, false),
            Base::Checkpoint(deriver, offset) => (*deriver, offset, true),
            Base::Nothing(why) => return Ok(Partition::unproved(partition, why)),
        };
    let begin = match (from_checkpoint, score_progress.start > 0) {
        (true, _) => Begin::Derived,
        (false, true) => Begin::Published,
        (false, false) => Begin::Both,
    };
    let mut comparison = Comparison::new(begin, before.unwrap_or(0));
    let mut log = lane::Reader::new(log, from, to);
    let mut scores = lane::Reader::new(scores, score_progress.start, score_progress.stable);
    let (mut deriver, mut published) = (deriver, Published::new(pipeline));
    loop {
        if comparison.wants_derived() {
            match log.next(bus, patience)? {
                Some(records) => deriver.derive(&records, scope, &mut comparison),
                None => comparison.end_derived(),
            }
        } else if comparison.wants_published() {
            match scores.next(bus, patience)? {
                Some(records) => published.take(&records, scope, &mut comparison),
                None => comparison.end_published(),
            }
        }
        comparison.advance();
        if comparison.is_done() {
            break;
        }
    }
    Ok(Partition::of(partition, (from, to), from_checkpoint, comparison))
}

/// Where the derivation can begin.
enum Base {
    /// The log is whole.
    Empty,
    /// The log is not, but a checkpoint stands in for its beginning.
    Checkpoint(Box<Deriver>, i64),
    /// Neither.
    Nothing(String),
}

fn base(
    bus: &mut dyn Bus,
    pipeline: &Arc<Pipeline>,
    (partition, start): (u32, i64),
    patience: Duration,
) -> Result<Base, BusError> {
    if start == 0 {
        return Ok(Base::Empty);
    }
    let gone = format!("the log begins at offset {start}");
    let found = insist(patience, || fuse_checkpoint(bus, pipeline, partition))?;
    let Some((offset, entries)) = found.filter(|(offset, _)| *offset >= start) else {
        return Ok(Base::Nothing(format!(
            "{gone} and no whole checkpoint stands in for what came before: give the topic a longer retention"
        )));
    };
    let mut deriver = Deriver::new(pipeline, partition);
    Ok(match deriver.restore(entries) {
        Ok(()) => Base::Checkpoint(Box::new(deriver), offset),
        Err(bad) => Base::Nothing(format!("{gone} and its checkpoint cannot be used: {bad}")),
    })
}
