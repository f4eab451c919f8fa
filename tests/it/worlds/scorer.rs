//! What the score stage promises about its statements, in a few lines: each (event time, issue time) is a function of
//! the observations known by then, whatever changes one emits it again, and a withdrawal is followed by what it uncovers.

use latefusion::types::{EventTime, IssueTime, Outcome, Prediction, Risk};
use std::collections::{BTreeMap, BTreeSet};

/// What an observation says in one version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reading {
    Value(u32),
    Says(Outcome),
}

/// One change that a source record makes; times in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// A new observation, or a later version of one (registered, then final).
    Version { id: usize, event_time: i64, issued: i64, reading: Reading },
    /// Another value for the newest version, which keeps its issue time.
    Correct { id: usize, reading: Reading },
    /// The observation never was.
    Withdraw { id: usize },
}

#[derive(Default)]
struct Observation {
    event_time: i64,
    versions: BTreeMap<i64, Reading>,
    withdrawn: bool,
}

/// One patient in one modality.
#[derive(Default)]
pub(crate) struct Lookback {
    observations: BTreeMap<usize, Observation>,
    stated: BTreeMap<(i64, i64), Outcome>,
}

impl Lookback {
    /// Takes a change and returns the statements to emit, in rising order; none where nothing changed.
    pub(crate) fn take(&mut self, change: Change, lookback: i64) -> Vec<Prediction> {
        match change {
            Change::Version { id, event_time, issued, reading } => {
                let observation = self.observations.entry(id).or_default();
                observation.event_time = event_time;
                observation.versions.insert(issued, reading);
            }
            Change::Correct { id, reading } => {
                let observation = self.observations.entry(id).or_default();
                if let Some(mut newest) = observation.versions.last_entry() {
                    newest.insert(reading);
                }
            }
            Change::Withdraw { id } => {
                self.observations.entry(id).or_default().withdrawn = true;
            }
        }
        let mut emit = BTreeSet::new();
        for key in self.keys(lookback) {
            let outcome = self.outcome(key, lookback);
            let before = self.stated.insert(key, outcome);
            if before != Some(outcome) {
                emit.insert(key);
            }
            let usable = |outcome| matches!(outcome, Outcome::Risk(_));
            if before.is_some_and(usable) && !usable(outcome) {
                emit.extend(self.uncovered(key));
            }
        }
        emit.into_iter().map(|key| prediction(key, self.stated[&key])).collect()
    }

    /// Every (event time, issue time) that has to be stated.
    fn keys(&self, lookback: i64) -> BTreeSet<(i64, i64)> {
        let mut keys: BTreeSet<(i64, i64)> = self.stated.keys().copied().collect();
        let live = || self.observations.values().filter(|o| !o.withdrawn);
        for t in live().map(|o| o.event_time) {
            let at = live().filter(|o| o.event_time == t).flat_map(|o| o.versions.keys());
            let Some(first) = at.min().copied() else { continue };
            let within = live().filter(|o| t - lookback < o.event_time && o.event_time <= t);
            let issues = within.flat_map(|o| o.versions.keys()).filter(|k| **k >= first);
            keys.extend(issues.map(|k| (t, *k)));
        }
        keys
    }

    fn outcome(&self, (t, k): (i64, i64), lookback: i64) -> Outcome {
        let mut mixed = 0x9e37_79b9_u64;
        let mut newest = None;
        for observation in self.observations.values().filter(|o| !o.withdrawn) {
            let inside = t - lookback < observation.event_time && observation.event_time <= t;
            let known = observation.versions.range(..=k).next_back();
            if let (true, Some((_, reading))) = (inside, known) {
                if let Reading::Value(value) = reading {
                    mixed = (mixed ^ u64::from(*value)).wrapping_mul(0x2545_f491_4f6c_dd1d);
                    mixed ^= mixed >> 29;
                }
                if observation.event_time == t {
                    newest = Some(*reading);
                }
            }
        }
        match newest {
            None => Outcome::Withdrawn,
            Some(Reading::Says(outcome)) => outcome,
            Some(Reading::Value(_)) => {
                let unit = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
                // Squared: most patients are at low risk, and all bands are met.
                Risk::new(unit * unit).map_or(Outcome::Unscorable, Outcome::Risk)
            }
        }
    }

    /// The statements before a withdrawn one, back to a usable one that was known when that one was.
    fn uncovered(&self, (t, k): (i64, i64)) -> Vec<(i64, i64)> {
        let mut keys = Vec::new();
        for (key, outcome) in self.stated.range(..(t, i64::MIN)).rev() {
            keys.push(*key);
            if matches!(outcome, Outcome::Risk(_)) && key.1 <= k {
                // The rest of its group comes along.
                keys.extend(self.stated.range((key.0, i64::MIN)..*key).map(|(key, _)| *key));
                break;
            }
        }
        keys
    }
}

fn prediction((event_time, issued): (i64, i64), outcome: Outcome) -> Prediction {
    Prediction {
        event_time: EventTime::from_millis(event_time),
        issued: IssueTime::from_millis(issued),
        outcome,
        score: None,
        bounds: None,
    }
}
