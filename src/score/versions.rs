//! Versions of one observation: which one counts, and what a new one changes.

use super::lookback::Lookback;
use super::packed::{Kind, LONGEST_DELAY, Row, Spot, short_id};
use crate::types::{Event, EventStatus, Fault, IssueTime, RejectReason, Span, Values};

/// Order among the versions of one id: version, then issue time, then how far the result has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) version: u32,
    pub(super) issued: IssueTime,
    stage: u8,
}

impl Rank {
    pub(super) const fn new(version: u32, issued: IssueTime, kind: Kind) -> Self {
        Self { version, issued, stage: stage(kind) }
    }
    /// The rank of most rows, which is not stored: version 0, issued when first issued.
    pub(super) const fn first(issued: IssueTime, kind: Kind) -> Self {
        Self::new(0, issued, kind)
    }
}

/// A source without versions may register, report and withdraw within one instant; this is their order.
const fn stage(kind: Kind) -> u8 {
    match kind {
        Kind::Registered | Kind::Settled => 0,
        Kind::Value | Kind::Moved | Kind::Overtaken => 1,
        Kind::Withdrawn | Kind::Cancelled => 2,
    }
}

/// What only some patients need: further column masks, and the ranks of rows with a second version.
#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    pub(super) shapes: Vec<u64>,
    amended: Vec<(u32, u32, IssueTime)>,
}

impl Rare {
    pub(super) fn rank(&self, id: u32, kind: Kind) -> Option<Rank> {
        let (_, version, issued) = self.amended.iter().find(|(other, ..)| *other == id)?;
        Some(Rank::new(*version, *issued, kind))
    }
    pub(super) fn amend(&mut self, id: u32, rank: Rank) {
        self.amended.push((id, rank.version, rank.issued));
    }
    pub(super) fn forget(&mut self, id: u32) {
        if let Some(i) = self.amended.iter().position(|(other, ..)| *other == id) {
            self.amended.swap_remove(i);
        }
    }
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.shapes.capacity() * 8
            + self.amended.capacity() * size_of::<(u32, u32, IssueTime)>()
    }
}

/// What an accepted record changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Where values came or went: predictions that see these times may differ now.
    pub(super) spots: [Option<Spot>; 2],
    /// The first spot is said again as it was; no prediction differs.
    pub(super) only_restated: bool,
    /// Here was an observation whose loss or new values may leave no score at its event time.
    pub(super) lost: Option<Spot>,
}

impl Change {
    pub(super) const fn at(spot: Spot) -> Self {
        Self { spots: [Some(spot), None], only_restated: false, lost: None }
    }
    const fn restated(spot: Spot) -> Self {
        Self { only_restated: true, ..Self::at(spot) }
    }
}

/// How far back a patient's rows are kept and may change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A change must be newer than the newest row less this.
    pub(super) reach: Span,
    /// A row newer than the newest row less this is kept.
    pub(super) retention: Span,
}

/// Takes an event into the lookback.
///
/// An event about an observation that was forgotten already is rejected as too old by its event time; if it names
/// another, newer time, it counts as a new observation.
///
/// # Errors
/// Nothing was changed: too old, known already, or impossible.
pub(super) fn apply(
    lookback: &mut Lookback,
    event: &Event,
    limits: Limits,
) -> Result<Change, Fault> {
    let issued = event.issued.max(IssueTime::from_millis(event.event_time.as_millis()));
    let spot = Spot { event_time: event.event_time, issued };
    let head = lookback.find(short_id(event));
    let wanted = wanted(event);
    if let Some(at) = head {
        check_rank(lookback, at, Rank::new(event.version, issued, wanted))?;
    }
    check_reach(lookback, event, head, limits.reach)?;
    if spot.issued - IssueTime::from_millis(event.event_time.as_millis()) > LONGEST_DELAY {
        return Err(Fault::new(
            RejectReason::LimitReached,
            "issued more than 49 days after its event time",
        ));
    }
    let mut step = Step { lookback, event, spot, retention: limits.retention };
    match wanted {
        Kind::Registered => step.register(head),
        Kind::Withdrawn => Ok(step.withdraw(head)),
        _ if event.values.is_empty() => step.restate(head),
        _ => Ok(step.observe(head)),
    }
}

/// The kind of row that an event asks for.
fn wanted(event: &Event) -> Kind {
    match event.status {
        EventStatus::Registered => Kind::Registered,
        status if status.withdraws() => Kind::Withdrawn,
        _ => Kind::Value,
    }
}

fn check_reach(
    lookback: &Lookback,
    event: &Event,
    head: Option<usize>,
    reach: Span,
) -> Result<(), Fault> {
    let Some(newest) = lookback.newest() else { return Ok(()) };
    let kept = head.map(|at| lookback.row(at).spot.event_time);
    // A withdrawal, or a status without a value, is about where the observation stands, whatever time it names.
    let moves = !event.values.is_empty() && !event.status.withdraws();
    // A move across more than the reach is refused with the rest: what it left behind would be forgotten unsaid.
    let named = kept.filter(|_| !moves).unwrap_or(event.event_time);
    if named.min(kept.unwrap_or(named)) <= newest.max(named) - reach {
        let detail = "older than what may still change predictions of this patient";
        return Err(Fault::new(RejectReason::BeyondLookback, detail));
    }
    Ok(())
}

fn check_rank(lookback: &Lookback, at: usize, rank: Rank) -> Result<(), Fault> {
    match rank.cmp(&lookback.rank(at)) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal => {
            Err(Fault::new(RejectReason::Duplicate, "this version is known"))
        }
        std::cmp::Ordering::Less => {
            Err(Fault::new(RejectReason::Superseded, "a newer version is known"))
        }
    }
}

struct Step<'a> {
    lookback: &'a mut Lookback,
    event: &'a Event,
    spot: Spot,
    retention: Span,
}

impl Step<'_> {
    fn rank(&self, kind: Kind) -> Rank {
        Rank::new(self.event.version, self.spot.issued, kind)
    }

    fn insert(&mut self, spot: Spot, kind: Kind) {
        let values = if kind == Kind::Value { self.event.values } else { Values::default() };
        let row = Row { spot, id: short_id(self.event), kind };
        self.lookback.insert(row, self.rank(kind), &values, self.retention);
    }

    fn observe(&mut self, head: Option<usize>) -> Change {
        let Some(at) = head else {
            self.insert(self.spot, Kind::Value);
            return Change::at(self.spot);
        };
        let old = self.lookback.row(at);
        match old.kind {
            Kind::Registered => self.lookback.clear(at, Kind::Settled),
            Kind::Value | Kind::Withdrawn if old.spot.event_time == self.spot.event_time => {
                self.lookback.replace(at, self.rank(Kind::Value), &self.event.values);
                return Change { lost: lost(old), ..Change::at(old.spot) };
            }
            Kind::Value | Kind::Withdrawn => return self.shift(at, old),
            _ => self.lookback.clear(at, Kind::Overtaken),
        }
        self.insert(self.spot, Kind::Value);
        Change::at(self.spot)
    }

    /// A correction that gives another event time: the first issue time stays, as far as it can.
    fn shift(&mut self, at: usize, old: Row) -> Change {
        self.lookback.clear(at, Kind::Moved);
        let earliest = IssueTime::from_millis(self.spot.event_time.as_millis());
        let spot = Spot { issued: old.spot.issued.max(earliest), ..self.spot };
        self.insert(spot, Kind::Value);
        Change { spots: [Some(old.spot), Some(spot)], only_restated: false, lost: lost(old) }
    }

    fn withdraw(&mut self, head: Option<usize>) -> Change {
        let Some(at) = head else {
            self.insert(self.spot, Kind::Cancelled);
            return Change::at(self.spot);
        };
        let old = self.lookback.row(at);
        let kind = if old.kind.was_observed() { Kind::Withdrawn } else { Kind::Cancelled };
        let was_dead = old.kind == kind;
        self.lookback.clear(at, kind);
        self.lookback.set_rank(at, self.rank(kind));
        if was_dead {
            return Change::restated(old.spot);
        }
        Change { lost: lost(old), ..Change::at(old.spot) }
    }

    fn register(&mut self, head: Option<usize>) -> Result<Change, Fault> {
        if let Some(at) = head {
            let old = self.lookback.row(at);
            match old.kind {
                Kind::Registered if old.spot.event_time == self.spot.event_time => {
                    self.lookback.set_rank(at, self.rank(Kind::Registered));
                    return Ok(Change::restated(old.spot));
                }
                Kind::Registered | Kind::Cancelled => {
                    self.lookback.clear(at, Kind::Overtaken);
                    self.insert(self.spot, Kind::Registered);
                    return Ok(Change {
                        spots: [Some(old.spot), Some(self.spot)],
                        only_restated: false,
                        lost: None,
                    });
                }
                _ => {
                    return Err(Fault::new(
                        RejectReason::BadStatus,
                        "registered, but a result is known",
                    ));
                }
            }
        }
        self.insert(self.spot, Kind::Registered);
        Ok(Change::at(self.spot))
    }

    /// A status without a value keeps the value already known.
    fn restate(&mut self, head: Option<usize>) -> Result<Change, Fault> {
        match head.map(|at| (at, self.lookback.row(at))) {
            Some((at, old)) if old.kind == Kind::Value => {
                self.lookback.set_rank(at, self.rank(Kind::Value));
                Ok(Change::restated(old.spot))
            }
            _ => Err(Fault::new(RejectReason::BadStatus, "no value, and none is known")),
        }
    }
}

/// What may be lost when a row changes: evidence, if it had values.
fn lost(old: Row) -> Option<Spot> {
    (old.kind == Kind::Value).then_some(old.spot)
}
