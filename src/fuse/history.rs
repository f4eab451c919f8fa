//! What fusion keeps of one patient's predictions in one modality, and the evidence rule over it.

use crate::types::{Absence, EventTime, IssueTime, Outcome, Risk, Span};
use serde::{Deserialize, Serialize};

/// One prediction as fusion keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub event_time: EventTime,
    pub issued: IssueTime,
    pub outcome: Outcome,
    /// Offset of the source record in its lane.
    pub offset: i64,
    /// Index of the source lane in the stage's table.
    pub lane: u16,
    /// Index of the model's name in the stage's table.
    pub model: u16,
}

impl Entry {
    fn key(&self) -> (EventTime, IssueTime) {
        (self.event_time, self.issued)
    }

    /// The earliest time by which it was both true and known, as an instant of event time.
    pub(super) fn known_from(&self) -> EventTime {
        known_from(self.event_time, self.issued)
    }

    pub(super) fn risk(&self) -> Option<Risk> {
        match self.outcome {
            Outcome::Risk(risk) => Some(risk),
            _ => None,
        }
    }
}

/// The greater of the two clocks, as event time: panes that end earlier cannot use such a prediction.
pub(super) fn known_from(event_time: EventTime, issued: IssueTime) -> EventTime {
    EventTime::from_millis(event_time.as_millis().max(issued.as_millis()))
}

/// How long a modality's predictions count, and from when in this stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub validity: Span,
    pub hold_limit: Span,
    /// Event times before this belong to an earlier stay.
    pub since: EventTime,
}

/// What the evidence rule finds at a window end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found<'a> {
    Present(&'a Entry, Risk),
    Absent {
        why: Absence,
        newest: Option<EventTime>,
        /// Stale evidence young enough to hold a band.
        holds: Option<(&'a Entry, Risk)>,
    },
}

/// Predictions in rising order of (event time, issue time), one for each such pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    entries: Vec<Entry>,
    /// It forgets when it is about to hold more than this many. State, and not the capacity of the list, which a
    /// restore does not bring back: what was forgotten shows when something is withdrawn too late.
    room: u32,
}

impl History {
    /// Adds a statement, or lets it replace the one with the same two times. A statement that says the same
    /// as the one it would replace changes nothing, so that a re-assertion revises no pane. False: unchanged.
    /// Before it would grow it forgets what serves no window end after `closed`.
    pub(super) fn put(&mut self, entry: Entry, closed: EventTime) -> bool {
        if self.entries.len() >= self.room as usize {
            self.make_room(closed);
        }
        let at = match self.entries.last() {
            Some(last) if last.key() >= entry.key() => {
                match self.entries.binary_search_by_key(&entry.key(), Entry::key) {
                    Ok(same) => {
                        let old = &mut self.entries[same];
                        let says_the_same =
                            (old.outcome, old.model) == (entry.outcome, entry.model);
                        if !says_the_same {
                            *old = entry;
                        }
                        return !says_the_same;
                    }
                    Err(at) => at,
                }
            }
            _ => self.entries.len(),
        };
        self.entries.insert(at, entry);
        true
    }

    /// Grows by half instead of doubling, because a million patients pay for every spare slot; and unless forgetting
    /// freed a third, because a list that is forgotten at every record costs more than it saves.
    fn make_room(&mut self, closed: EventTime) {
        self.forget(closed);
        let (length, room) = (self.entries.len(), self.room as usize);
        if length * 3 >= room * 2 {
            self.room += self.room / 2 + 1;
        }
        self.entries.reserve_exact(self.room as usize - length);
    }

    /// The evidence rule (ARCHITECTURE, "Time, exactly") at window end `end`.
    pub(super) fn find(&self, end: EventTime, reach: Reach) -> Found<'_> {
        let mut first: Option<&Entry> = None;
        let mut group = None;
        let mut holds = None;
        for entry in self.entries.iter().rev() {
            if entry.event_time < reach.since {
                break;
            }
            if entry.known_from() > end || group == Some(entry.event_time) {
                continue;
            }
            group = Some(entry.event_time);
            first = first.or(Some(entry));
            if let Some(risk) = entry.risk() {
                if entry.event_time > end - reach.validity {
                    return Found::Present(entry, risk);
                }
                if entry.event_time > end - reach.hold_limit {
                    holds = Some((entry, risk));
                }
                break;
            }
        }
        let why = first.map_or(Absence::Never, |entry| absence(entry, reach.validity));
        Found::Absent { why, newest: first.map(|e| e.event_time), holds }
    }

    /// Forgets what can serve no window end after `closed` any more, whatever may still arrive.
    ///
    /// A group (the entries of one event time) is settled when its last entry was known at `closed`: from then on it always
    /// speaks with that entry. Older than the newest settled group with a risk: never evidence again.
    /// Settled without a risk and not the newest settled: neither evidence nor the reason of an absence.
    fn forget(&mut self, closed: EventTime) {
        let settled_last = |i: usize, entries: &[Entry]| {
            let last = entries.get(i + 1).is_none_or(|e| e.event_time != entries[i].event_time);
            last && entries[i].known_from() <= closed
        };
        let entries = &self.entries;
        let settled = |i: &usize| settled_last(*i, entries);
        let newest = (0..entries.len()).rev().find(settled);
        let with_risk =
            (0..entries.len()).rev().filter(settled).find(|i| entries[*i].risk().is_some());
        let Some(newest_group) = newest.map(|i| entries[i].event_time) else { return };
        let risk_group = with_risk.map(|i| entries[i].event_time);
        let settled_groups: Vec<(EventTime, bool)> = (0..entries.len())
            .filter(settled)
            .map(|i| (entries[i].event_time, entries[i].risk().is_some()))
            .collect();
        self.entries.retain(|entry| {
            let group = entry.event_time;
            let behind_risk = risk_group.is_some_and(|risk| group < risk);
            let mute = group != newest_group
                && settled_groups
                    .binary_search_by_key(&group, |(time, _)| *time)
                    .is_ok_and(|i| !settled_groups[i].1);
            !behind_risk && !mute
        });
    }

    /// Drops the oldest entries beyond `limit`; how many went.
    pub(super) fn cut_to(&mut self, limit: usize) -> usize {
        let surplus = self.entries.len().saturating_sub(limit);
        self.entries.drain(..surplus);
        surplus
    }

    /// Drops everything from before a time: an earlier stay.
    pub(super) fn drop_before(&mut self, since: EventTime) {
        if self.entries.first().is_some_and(|entry| entry.event_time < since) {
            self.entries.retain(|entry| entry.event_time >= since);
        }
    }

    pub(super) fn newest(&self) -> Option<&Entry> {
        self.entries.last()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

fn absence(newest: &Entry, validity: Span) -> Absence {
    match newest.outcome {
        Outcome::Withdrawn => Absence::Withdrawn,
        Outcome::Pending => Absence::Pending,
        Outcome::Rejected | Outcome::Unscorable => Absence::Rejected,
        Outcome::Uncalibrated => Absence::Uncalibrated,
        Outcome::Risk(_) if newest.known_from() - newest.event_time >= validity => Absence::Late,
        Outcome::Risk(_) => Absence::Stale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REACH: Reach = Reach {
        validity: Span::seconds(60),
        hold_limit: Span::seconds(120),
        since: EventTime::MIN,
    };

    fn entry(seconds: i64, issued: i64, outcome: Outcome) -> Entry {
        Entry {
            event_time: EventTime::from_millis(seconds * 1_000),
            issued: IssueTime::from_millis(issued * 1_000),
            outcome,
            offset: 0,
            lane: 0,
            model: 0,
        }
    }

    fn risk(p: f64) -> Outcome {
        Outcome::Risk(Risk::new(p).expect("a probability"))
    }

    fn history(entries: &[Entry]) -> History {
        let mut history = History::default();
        for entry in entries {
            history.put(*entry, EventTime::MIN);
        }
        history
    }

    fn at(history: &History, seconds: i64) -> Result<f64, Absence> {
        match history.find(EventTime::from_millis(seconds * 1_000), REACH) {
            Found::Present(_, risk) => Ok(risk.get()),
            Found::Absent { why, .. } => Err(why),
        }
    }

    #[test]
    fn evidence_is_the_newest_known_and_valid_prediction() {
        let h = history(&[entry(0, 0, risk(0.1)), entry(10, 40, risk(0.2))]);
        assert_eq!(at(&h, 39), Ok(0.1), "the second was not issued yet");
        assert_eq!(at(&h, 40), Ok(0.2));
        assert_eq!(at(&h, 69), Ok(0.2));
        assert_eq!(at(&h, 70), Err(Absence::Stale), "validity is half-open");
    }

    #[test]
    fn a_result_issued_after_its_validity_is_late_not_stale() {
        let h = history(&[entry(0, 60, risk(0.1))]);
        assert_eq!(at(&h, 60), Err(Absence::Late));
        assert_eq!(at(&h, 59), Err(Absence::Never), "nothing was known yet");
    }

    #[test]
    fn a_withdrawn_prediction_gives_way_to_the_one_before() {
        let h = history(&[
            entry(0, 0, risk(0.1)),
            entry(10, 10, risk(0.2)),
            entry(10, 10, Outcome::Withdrawn),
        ]);
        assert_eq!(at(&h, 20), Ok(0.1));
        assert_eq!(at(&h, 65), Err(Absence::Withdrawn), "the newest statement gives the reason");
    }

    #[test]
    fn forgetting_changes_no_later_finding() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut compared = 0;
        for _ in 0..3_000 {
            let entries: Vec<Entry> = (0..random.usize(1..12))
                .map(|_| {
                    let time = random.i64(0..30) * 5;
                    let outcome = match random.u8(0..6) {
                        0 => Outcome::Withdrawn,
                        1 => Outcome::Unscorable,
                        2 => Outcome::Pending,
                        _ => risk(random.f64()),
                    };
                    entry(time, time + random.i64(0..4) * 15, outcome)
                })
                .collect();
            let whole = history(&entries);
            let closed = random.i64(0..150);
            let mut forgotten = whole.clone();
            forgotten.forget(EventTime::from_millis(closed * 1_000));
            for end in closed..300 {
                assert_eq!(
                    at(&forgotten, end),
                    at(&whole, end),
                    "{entries:?} closed {closed} end {end}"
                );
                compared += 1;
            }
        }
        assert!(compared > 100_000, "compared {compared}");
    }

    #[test]
    fn a_steady_stream_is_forgotten_down_to_the_open_windows() {
        let mut h = History::default();
        for second in 0..10_000 {
            let closed = EventTime::from_millis((second - 300) * 1_000);
            h.put(entry(second, second, risk(0.5)), closed);
        }
        assert!(h.iter().count() <= 600, "{} entries kept", h.iter().count());
    }
}
