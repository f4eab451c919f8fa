//! What fusion knows of one patient.

use super::history::{Entry, Found, History, Reach};
use super::package::{Package, Policy};
use crate::types::{EncounterChange, EventTime, PatientId, Span, Stay};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// No source lane gates: the patient has no prediction of a gating modality.
pub(super) const UNGATED: u16 = u16::MAX;

/// The state of one patient. Kept small: it is there for every bed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Patient {
    pub id: PatientId,
    /// One for each modality of the registry.
    pub histories: Box<[History]>,
    /// The lane whose watermark panes wait for, or [`UNGATED`].
    pub gate: u16,
    /// First window end of this patient's panes.
    pub first: EventTime,
    /// Window ends up to here have fired although the gate's frontier is not there yet (the gate has changed).
    pub fired_ahead: EventTime,
    /// Window ends up to here are closed for good, whatever a later package allows or a new gate has not reached:
    /// their pane counts are gone.
    pub closed: EventTime,
    /// Event time of the newest prediction of any outcome.
    pub last_activity: EventTime,
    /// Admission; evidence from before does not count. [`EventTime::MIN`]: not known.
    pub since: EventTime,
    /// Admission that followed a discharge; no pane before it. [`EventTime::MIN`]: there was none.
    pub reopened: EventTime,
    /// Discharge; no pane at or after it.
    pub until: Option<EventTime>,
    pub unit: Option<CompactString>,
    /// Bit m: this stay has produced modality m.
    pub produced: u64,
    /// Bit m: present in the pane computed last.
    pub shown: u64,
    /// How many panes were computed of windows that had others than their one on-time pane.
    pub counts: Vec<(EventTime, u32)>,
    /// What was published of the panes still open to revision, and the last one before; used by `on_change` alone.
    pub published: Vec<super::publish::Published>,
}

impl Patient {
    pub(super) fn new(id: PatientId, modalities: usize, fired: EventTime) -> Self {
        Self {
            id,
            histories: vec![History::default(); modalities].into(),
            gate: UNGATED,
            first: NEVER,
            fired_ahead: fired,
            closed: EventTime::MIN,
            last_activity: EventTime::MIN,
            since: EventTime::MIN,
            reopened: EventTime::MIN,
            until: None,
            unit: None,
            produced: 0,
            shown: 0,
            counts: Vec::new(),
            published: Vec::new(),
        }
    }

    /// Reads what the next record will need; see [`Ward::look_ahead`](super::ward::Ward::look_ahead).
    pub(super) fn touch(&self) -> u64 {
        let newest = self.histories.iter().filter_map(History::newest);
        let times = newest.fold(0, |sum, entry| sum ^ entry.event_time.as_millis() as u64);
        times ^ self.shown ^ self.published.len() as u64
    }

    /// What the evidence rule finds of modality `m` at a window end.
    pub(super) fn find(&self, m: usize, end: EventTime, policy: &Policy) -> Found<'_> {
        // An admission scopes the panes from then on: those before it showed what was true then.
        let since = if end >= self.since { self.since } else { EventTime::MIN };
        let reach = Reach { validity: policy.validity, hold_limit: policy.hold_limit, since };
        match self.histories.get(m) {
            Some(history) => history.find(end, reach),
            None => Found::Absent { why: crate::types::Absence::Never, newest: None, holds: None },
        }
    }

    /// True where a pane at `end` belongs to the stay, and there was a sign of the patient within `state_ttl`.
    pub(super) fn has_pane_at(&self, end: EventTime, package: &Package) -> bool {
        let in_stay = self.first <= end && self.until.is_none_or(|until| end < until);
        in_stay && end - self.newest_sign() <= package.state_ttl
    }

    fn newest_sign(&self) -> EventTime {
        self.last_activity.max(self.since).max(self.until.unwrap_or(self.since))
    }

    pub(super) fn is_active_at(&self, end: EventTime, package: &Package) -> bool {
        let admitted = self.since > EventTime::MIN && self.until.is_none_or(|until| end < until);
        admitted || end - self.last_activity <= package.activity_window
    }

    /// Adds an entry; `closed` as in [`History::put`]. False: nothing changed.
    pub(super) fn put(&mut self, m: usize, entry: Entry, closed: EventTime) -> bool {
        self.last_activity = self.last_activity.max(entry.event_time);
        self.produced |= if entry.event_time >= self.since { 1 << m } else { 0 };
        self.histories.get_mut(m).is_some_and(|history| history.put(entry, closed))
    }

    /// Takes an admission, transfer or discharge; those of an earlier stay change nothing.
    pub(super) fn take(&mut self, stay: &Stay) {
        match stay.change {
            EncounterChange::Admit if stay.event_time >= self.since => {
                let again = self.until.take().is_some_and(|until| until <= stay.event_time);
                let unused = if again { stay.event_time } else { self.since };
                self.histories.iter_mut().for_each(|h| h.drop_before(unused));
                self.since = stay.event_time;
                self.produced = self.produced_since(stay.event_time);
                if again {
                    self.first = NEVER;
                    self.reopened = stay.event_time;
                    self.shown = 0;
                }
            }
            EncounterChange::Discharge if stay.event_time >= self.since => {
                self.until = Some(self.until.map_or(stay.event_time, |u| u.min(stay.event_time)));
            }
            EncounterChange::Admit | EncounterChange::Transfer | EncounterChange::Discharge => {}
        }
        if stay.event_time >= self.since && stay.unit.is_some() {
            self.unit.clone_from(&stay.unit);
        }
    }

    fn produced_since(&self, since: EventTime) -> u64 {
        let holds = |h: &History| h.iter().any(|entry| entry.event_time >= since);
        self.histories.iter().enumerate().fold(0, |mask, (m, h)| mask | u64::from(holds(h)) << m)
    }

    /// True when nothing of it is of use any more: discharged and past every validity, or silent for `state_ttl`, and
    /// every pane it had is closed.
    pub(super) fn is_over_at(&self, end: EventTime, package: &Package, longest: Span) -> bool {
        let after = |since: EventTime, span: Span| end - since > span;
        let gone = self.until.is_some_and(|until| {
            let kept = longest + package.allowed_lateness;
            after(until, kept) && after(self.last_activity, kept)
        });
        gone || after(self.newest_sign(), package.state_ttl + package.allowed_lateness)
    }

    /// The revision number of the next pane of window `end`, given that windows up to `fired` have fired on time
    /// from `first` on; counts it.
    pub(super) fn next_revision(
        &mut self,
        end: EventTime,
        fired_on_time: bool,
        plain: bool,
    ) -> u32 {
        if let Some((_, count)) = self.counts.iter_mut().find(|(window, _)| *window == end) {
            *count += 1;
            return *count - 1;
        }
        let revision = u32::from(fired_on_time);
        if !plain {
            self.counts.push((end, revision + 1));
        }
        revision
    }

    /// Counts the one on-time pane of a window that had no other.
    pub(super) fn remember_pane(&mut self, end: EventTime) {
        if !self.counts.iter().any(|(window, _)| *window == end) {
            self.counts.push((end, 1));
        }
    }

    /// Forgets the pane counts of windows that cannot be revised any more, and, once none from before the admission
    /// can, what was predicted before it.
    pub(super) fn close(&mut self, closed: EventTime) {
        self.closed = closed;
        self.counts.retain(|(window, _)| *window > closed);
        // Without an admission nothing is from before it, and the histories need not be looked at.
        if EventTime::MIN < self.since && self.since <= closed {
            self.histories.iter_mut().for_each(|h| h.drop_before(self.since));
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let histories: usize =
            self.histories.iter().map(|h| size_of::<History>() + h.memory_bytes()).sum();
        size_of::<Self>()
            + histories
            + self.counts.capacity() * size_of::<(EventTime, u32)>()
            + self.published.capacity() * size_of::<super::publish::Published>()
    }
}

/// After every window end.
pub(super) const NEVER: EventTime = EventTime::from_millis(i64::MAX);
