//! What a simulation did and looked at, printed at the end: a kind of fault that never came is a hole in the test.

use crate::seeds::say;
use latefusion::shell::driver::{Counts, LaneStatus};
use std::collections::BTreeMap;

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Crash,
    CrashInCommit,
    Zombie,
    Sleep,
    Rebalance,
    Abort,
    Outage,
    ClockJump,
    Resend,
    Compaction,
    TornCheckpoint,
    Leave,
    Poison,
    Disorder,
}

const ALL: [Fault; 14] = [
    Fault::Crash,
    Fault::CrashInCommit,
    Fault::Zombie,
    Fault::Sleep,
    Fault::Rebalance,
    Fault::Abort,
    Fault::Outage,
    Fault::ClockJump,
    Fault::Resend,
    Fault::Compaction,
    Fault::TornCheckpoint,
    Fault::Leave,
    Fault::Poison,
    Fault::Disorder,
];

/// Sums over seeds.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    faults: BTreeMap<Fault, u64>,
    seen: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults(fault, 1);
    }

    pub(super) fn faults(&mut self, fault: Fault, count: u64) {
        *self.faults.entry(fault).or_default() += count;
    }

    pub(super) fn see(&mut self, what: &'static str, count: u64) {
        *self.seen.entry(what).or_default() += count;
    }

    pub(super) fn seen(&self, what: &'static str) -> u64 {
        self.seen.get(what).copied().unwrap_or(0)
    }

    pub(super) fn injected(&self) -> u64 {
        self.faults.values().sum()
    }

    /// What a worker that is about to end has been through.
    pub(super) fn counts(&mut self, counts: Counts, lanes: &[LaneStatus]) {
        self.see("commits", counts.commits);
        self.see("checkpoints", counts.checkpoints);
        self.see("rewinds", counts.rewinds);
        self.see("retries", counts.retries);
        for lane in lanes {
            self.see("restores", lane.counts.restores);
            self.see("records replayed", lane.counts.replayed);
            self.see("torn checkpoints noticed", lane.counts.bad_checkpoints);
            assert_eq!(lane.counts.incomplete, 0, "the log is never gone here");
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (what, count) in &other.seen {
            *self.seen.entry(what).or_default() += count;
        }
    }

    pub(super) fn print(&self, name: &str, seeds: u64) {
        say(format_args!("simulation, {name}: {seeds} seeds"));
        say(format_args!("  faults: {:?}", self.faults));
        say(format_args!("  seen: {:?}", self.seen));
    }

    /// Fails where a kind of fault, or one of these, never came.
    pub(super) fn assert_all(&self, seen: &[&'static str]) {
        for fault in ALL {
            assert!(self.faults.get(&fault).is_some_and(|n| *n > 0), "{fault:?} never came");
        }
        for what in seen {
            assert!(self.seen(what) > 0, "no {what}");
        }
    }
}
