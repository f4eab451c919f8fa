//! What an audit found, for people and for machines.

use super::compare::{Comparison, Difference, Identity, Score};
use crate::types::{EventTime, rfc3339};
use serde_json::{Value, json};
use std::fmt;

/// What was found in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Partition of `predictions` and `fused-scores`.
    pub partition: u32,
    /// Offsets of `predictions` that were derived from: first, and one past the last.
    pub derived_from: (i64, i64),
    /// The beginning of the log is gone: the derivation began with a checkpoint.
    pub from_checkpoint: bool,
    /// Scores that are in both.
    pub compared: u64,
    /// Published scores older than what the log can still prove.
    pub skipped: u64,
    /// Derived from records that fusion has not committed yet.
    pub pending: u64,
    /// All of them.
    pub differences: Vec<Difference>,
    /// Why nothing can be proved here; `None`: it was.
    pub unproved: Option<String>,
}

impl Partition {
    pub(super) fn of(
        partition: u32,
        derived_from: (i64, i64),
        from_checkpoint: bool,
        comparison: Comparison,
    ) -> Self {
        let Comparison { compared, skipped, pending, differences, .. } = comparison;
        Self {
            partition,
            derived_from,
            from_checkpoint,
            compared,
            skipped,
            pending,
            differences,
            unproved: None,
        }
    }

    pub(super) fn unproved(partition: u32, why: String) -> Self {
        let nothing = Self::of(partition, (0, 0), false, Comparison::default());
        Self { unproved: Some(why), ..nothing }
    }
}

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By number.
    pub partitions: Vec<Partition>,
}

impl Report {
    /// Scores that are in both sequences.
    pub fn compared(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.compared).sum()
    }

    /// How many differences there are.
    pub fn differences(&self) -> usize {
        self.partitions.iter().map(|partition| partition.differences.len()).sum()
    }

    /// Every partition was looked at and nothing differs.
    pub fn is_clean(&self) -> bool {
        let unproved = self.partitions.iter().any(|partition| partition.unproved.is_some());
        !unproved && self.differences() == 0
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let partitions: Vec<Value> = self.partitions.iter().map(partition_json).collect();
        json!({
            "clean": self.is_clean(),
            "compared": self.compared(),
            "differences": self.differences(),
            "partitions": partitions,
        })
    }
}

fn partition_json(partition: &Partition) -> Value {
    let differences: Vec<Value> = partition.differences.iter().map(difference_json).collect();
    json!({
        "partition": partition.partition,
        "derived_from": [partition.derived_from.0, partition.derived_from.1],
        "from_checkpoint": partition.from_checkpoint,
        "compared": partition.compared,
        "skipped": partition.skipped,
        "pending": partition.pending,
        "differences": differences,
        "unproved": partition.unproved,
    })
}

fn difference_json(difference: &Difference) -> Value {
    let text = |score: &Score| String::from_utf8_lossy(&score.bytes.1).into_owned();
    let of = |kind: &str, score: &Score| {
        json!({
            "kind": kind,
            "patient": score.identity.patient.as_str(),
            "window_end": time(score.identity.window_end),
            "revision": score.identity.revision,
            "offset": score.offset,
        })
    };
    match difference {
        Difference::Differs { derived, published } => {
            let mut value = of("differs", published);
            value["derived_from_offset"] = derived.offset.into();
            value["derived"] = text(derived).into();
            value["published"] = text(published).into();
            value
        }
        Difference::NotDerived(score) => of("not_derived", score),
        Difference::NotPublished(score) => of("not_published", score),
        Difference::Unreadable { offset, why } => {
            json!({ "kind": "unreadable", "offset": offset, "why": why })
        }
    }
}

fn time(time: EventTime) -> String {
    let mut text = String::new();
    match rfc3339::write(&mut text, time.as_millis()) {
        Ok(()) => text,
        Err(fmt::Error) => format!("{} ms", time.as_millis()),
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {}, revision {}",
            self.patient.as_str(),
            time(self.window_end),
            self.revision
        )
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { derived, published } => write!(
                f,
                "{}: published at offset {} with other bytes than the log gives at offset {}\n  derived   {}\n  published {}",
                published.identity,
                published.offset,
                derived.offset,
                String::from_utf8_lossy(&derived.bytes.1),
                String::from_utf8_lossy(&published.bytes.1)
            ),
            Self::NotDerived(score) => {
                write!(
                    f,
                    "{}: published at offset {}, and the log does not give it",
                    score.identity, score.offset
                )
            }
            Self::NotPublished(score) => {
                write!(
                    f,
                    "{}: the log gives it at offset {}, and it was not published",
                    score.identity, score.offset
                )
            }
            Self::Unreadable { offset, why } => {
                write!(f, "offset {offset} is no fused score: {why}")
            }
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}: ", self.partition)?;
        if let Some(why) = &self.unproved {
            return write!(f, "NOTHING PROVED, {why}");
        }
        let (from, to) = self.derived_from;
        write!(
            f,
            "{} compared, {} differences, from offsets {from} to {to}",
            self.compared,
            self.differences.len()
        )?;
        if self.from_checkpoint {
            write!(f, "; the log before is gone: begun with the checkpoint at {from}")?;
        }
        if self.skipped > 0 {
            write!(f, "; {} older scores can no longer be proved", self.skipped)?;
        }
        if self.pending > 0 {
            write!(f, "; {} not yet published", self.pending)?;
        }
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}
