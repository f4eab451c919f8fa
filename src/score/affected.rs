//! Which predictions a change affects. A prediction is named by two times: see "Predictions" in ARCHITECTURE.md.

use super::lookback::Lookback;
use super::packed::{Kind, Row, Spot};
use super::versions::Change;
use crate::types::{EventTime, IssueTime, Span};

/// What is to be said at a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Say {
    /// The model's score of the observations known there.
    Score,
    /// Ordered, no result yet.
    Pending,
    /// Nothing is left there.
    Withdrawn,
    /// The record was rejected.
    Rejected,
}

/// One statement to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) spot: Spot,
    pub(super) say: Say,
    /// Nothing changed there; it is said again because fusion may have dropped it in favour of what was lost.
    pub(super) predecessor: bool,
}

/// How far a model sees, and how far back everything it sees is still kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    /// Widest feature span: a prediction at t reads (t - span, t].
    pub(super) span: Span,
    /// Rows at or before this event time may have been forgotten.
    pub(super) forgotten: EventTime,
}

/// Most predictions made from one record for one model; the newest are kept.
pub const MOST_PREDICTIONS: usize = 1_024;
/// How many event times with something known in time are offered as what came before a lost one.
const PREDECESSORS: usize = 16;

/// Adds the affected statements in rising order of their spots. False when there were more than
/// [`MOST_PREDICTIONS`] and the oldest were left out.
pub(super) fn affected(
    lookback: &Lookback,
    change: &Change,
    sight: Sight,
    out: &mut Vec<Statement>,
) -> bool {
    if let [Some(spot), None] = change.spots
        && lookback.is_in_order(spot)
        && change.lost.is_none()
    {
        let kind = lookback.row(lookback.len() - 1).kind;
        out.push(Statement { spot, say: alone(kind), predecessor: false });
        return true;
    }
    let rows: Vec<Row> = (0..lookback.len()).map(|at| lookback.row(at)).collect();
    let rows = Rows { rows: &rows, sight };
    let start = out.len();
    let complete = if change.only_restated {
        let spot = change.spots[0].unwrap_or(rows.rows[0].spot);
        out.push(Statement {
            spot,
            say: rows.say(rows.group(spot.event_time), spot.issued),
            predecessor: false,
        });
        true
    } else {
        rows.changed(change, out) && rows.before_the_lost(change, out)
    };
    out[start..].sort_unstable_by_key(|s| (s.spot, s.predecessor));
    let mut last = None;
    let mut at = 0;
    out.retain(|s| {
        at += 1;
        at <= start || last.replace(s.spot) != Some(s.spot)
    });
    complete
}

/// What the only row at an event time says.
const fn alone(kind: Kind) -> Say {
    match kind {
        Kind::Value => Say::Score,
        kind if kind.was_registered() => Say::Pending,
        _ => Say::Withdrawn,
    }
}

struct Rows<'a> {
    rows: &'a [Row],
    sight: Sight,
}

impl<'a> Rows<'a> {
    /// The rows at an event time.
    fn group(&self, event_time: EventTime) -> &'a [Row] {
        let start = self.rows.partition_point(|row| row.spot.event_time < event_time);
        let end = self.rows.partition_point(|row| row.spot.event_time <= event_time);
        &self.rows[start..end]
    }

    /// The groups of equal event time, from the newest on.
    fn groups(&self) -> impl Iterator<Item = &'a [Row]> {
        self.rows.chunk_by(|a, b| a.spot.event_time == b.spot.event_time).rev()
    }

    /// The issue times that predictions at the group's event time were made for, rising, from `lower` on.
    fn issues(&self, group: &[Row], lower: IssueTime) -> Vec<IssueTime> {
        let (Some(first), Some(last)) = (group.first(), self.rows.last()) else {
            return Vec::new();
        };
        let (time, lower) = (first.spot.event_time, lower.max(first.spot.issued));
        debug_assert!(time <= last.spot.event_time, "a group is made of rows");
        let seen = self.rows.iter().filter(|row| {
            let t = row.spot.event_time;
            t <= time && t > time - self.sight.span && (row.kind.was_observed() || t == time)
        });
        let mut issues: Vec<IssueTime> =
            seen.map(|row| row.spot.issued).filter(|k| *k >= lower).collect();
        issues.sort_unstable();
        issues.dedup();
        issues
    }

    fn say(&self, group: &[Row], issued: IssueTime) -> Say {
        let known = |row: &&Row| row.spot.issued <= issued;
        if group.iter().filter(known).any(|row| row.kind == Kind::Value) {
            return Say::Score;
        }
        let came =
            |id: u32| group.iter().filter(known).any(|row| row.id == id && row.kind.was_observed());
        let pending = |row: &Row| row.kind.was_registered() && !came(row.id);
        if group.iter().filter(known).any(pending) { Say::Pending } else { Say::Withdrawn }
    }

    fn changed(&self, change: &Change, out: &mut Vec<Statement>) -> bool {
        let spots = || change.spots.iter().flatten();
        let Some(oldest) = spots().map(|spot| spot.event_time).min() else { return true };
        let start = out.len();
        for group in self.groups() {
            let time = group[0].spot.event_time;
            if time < oldest {
                break;
            }
            let live = first_live(group);
            let lower = spots().filter_map(|spot| match spot.event_time {
                t if t == time => Some(spot.issued),
                t if t < time && time < t + self.sight.span => {
                    live.map(|live| live.max(spot.issued))
                }
                _ => None,
            });
            let Some(lower) = lower.min() else { continue };
            for issued in self.issues(group, lower).into_iter().rev() {
                if out.len() - start == MOST_PREDICTIONS {
                    return false;
                }
                let spot = Spot { event_time: time, issued };
                out.push(Statement { spot, say: self.say(group, issued), predecessor: false });
            }
        }
        true
    }

    /// What fusion falls back to where something was lost: older event times, back to some that were known when the
    /// lost one was. Which of them suffice shows when their scores are known.
    fn before_the_lost(&self, change: &Change, out: &mut Vec<Statement>) -> bool {
        let Some(lost) = change.lost else { return true };
        let mut known_then = 0;
        for group in self.groups().skip_while(|group| group[0].spot.event_time >= lost.event_time) {
            let event_time = group[0].spot.event_time;
            if event_time - self.sight.span < self.sight.forgotten || known_then == PREDECESSORS {
                break;
            }
            let Some(live) = first_live(group) else { continue };
            let issues = self.issues(group, live);
            let then = issues.partition_point(|issued| *issued <= lost.issued);
            known_then += usize::from(then > 0);
            for issued in &issues[then.saturating_sub(1)..] {
                if out.len() > MOST_PREDICTIONS {
                    return false;
                }
                let spot = Spot { event_time, issued: *issued };
                out.push(Statement { spot, say: self.say(group, *issued), predecessor: true });
            }
        }
        true
    }
}

fn first_live(group: &[Row]) -> Option<IssueTime> {
    group.iter().find(|row| row.kind == Kind::Value).map(|row| row.spot.issued)
}
