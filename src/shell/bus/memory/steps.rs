//! A commit as single steps, so that a worker can die, or sleep and wake, between any two of them.

use super::group::MemberId;
use super::log::ProducerId;
use super::state::{Producer, Refusal, State};
use super::{Commit, Outgoing, TopicPartition};
use crate::shell::bus::Guarantee;
use std::collections::VecDeque;

/// One request to the broker.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// One idempotent append.
    Append(Outgoing),
    /// Opens the transaction.
    Begin,
    /// One append inside the transaction.
    AppendIn(Outgoing),
    /// The offsets, inside the transaction.
    OffsetsIn(Vec<(TopicPartition, i64)>),
    /// Commits the transaction.
    End,
    /// The offsets, by themselves.
    Offsets(Vec<(TopicPartition, i64)>),
}

/// The steps of a commit. A checkpoint in idempotent mode brings the offsets into its transaction: see [`super::super::Guarantee`].
pub(super) fn steps(commit: &Commit, guarantee: Guarantee) -> VecDeque<Step> {
    let offsets = commit.offsets.clone();
    let transaction = |records: Vec<Outgoing>| {
        let appends = records.into_iter().map(Step::AppendIn);
        let with_offsets = (!offsets.is_empty()).then(|| Step::OffsetsIn(offsets.clone()));
        std::iter::once(Step::Begin).chain(appends).chain(with_offsets).chain([Step::End])
    };
    match guarantee {
        Guarantee::Transactional => {
            let records = commit.outputs.iter().chain(&commit.checkpoint).cloned().collect();
            transaction(records).collect()
        }
        Guarantee::Idempotent => {
            let mut steps: VecDeque<Step> =
                commit.outputs.iter().cloned().map(Step::Append).collect();
            if !commit.checkpoint.is_empty() {
                steps.extend(transaction(commit.checkpoint.clone()));
            } else if !offsets.is_empty() {
                steps.push_back(Step::Offsets(offsets));
            }
            steps
        }
    }
}

/// Whom the broker takes a step from.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) group: String,
    pub(super) member: Option<MemberId>,
    /// The idempotent producer.
    pub(super) idempotent: ProducerId,
    /// The transactional one: of the whole commit, or of the checkpoint.
    pub(super) transactional: Option<Producer>,
}

impl Sender {
    /// Takes one step.
    pub(super) fn take(&self, step: Step, state: &mut State) -> Result<(), Refusal> {
        match step {
            Step::Append(outgoing) => {
                state.append(&outgoing, Some(self.idempotent), false);
            }
            Step::Begin => state.begin(self.producer()?)?,
            Step::AppendIn(outgoing) => {
                let producer = self.producer()?;
                state.check(producer)?;
                state.append(&outgoing, Some(producer.id), true);
            }
            Step::OffsetsIn(offsets) => {
                let producer = self.producer()?;
                state.check(producer)?;
                self.in_group(state)?;
                state.group(&self.group).commit_in_transaction(producer.id, &offsets);
            }
            Step::End => state.end(self.producer()?, true)?,
            Step::Offsets(offsets) => {
                self.in_group(state)?;
                state.group(&self.group).commit(&offsets);
            }
        }
        Ok(())
    }

    fn producer(&self) -> Result<&Producer, Refusal> {
        self.transactional.as_ref().ok_or(Refusal::Fenced)
    }

    fn in_group(&self, state: &mut State) -> Result<(), Refusal> {
        let known = self.member.is_some_and(|member| state.group(&self.group).has(member));
        if known { Ok(()) } else { Err(Refusal::StaleMember) }
    }
}
