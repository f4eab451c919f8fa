//! What the newest fused scores and availability records say, patient by patient. Pure: time comes in.

use crate::types::{
    Absence, Availability, Band, EventTime, FusedScore, FusedStatus, Pane, PatientId, Presence,
    Span,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// Most patients kept; further ones are counted and not shown.
const MAX_PATIENTS: usize = 100_000;
/// The trend looks back over so many windows: five minutes of the ward profile.
const TREND_WINDOWS: i64 = 30;
/// Without a score for so many windows a patient is shown as silent.
const SILENT_WINDOWS: i64 = 6;
/// Without a score for so many windows a patient is no longer shown: discharged, or merged away.
const GONE_WINDOWS: i64 = 60;
/// A smaller change of the risk is steady.
const SMALLEST_CHANGE: f64 = 0.02;

/// Which way the risk went over the last `TREND_WINDOWS` windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trend {
    /// Up by 0.02 or more.
    Rising,
    /// Down by 0.02 or more.
    Falling,
    /// Less than that.
    Steady,
    /// There is no risk now, or no earlier one to compare it with.
    Unknown,
}

/// One modality of one patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Used; with its age now.
    Fresh(Span),
    /// Too old to be used; with its age now, if the record says when it was.
    Stale(Option<Span>),
    /// Not used for another reason.
    Missing(Absence),
}

/// One patient.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whom it is about.
    pub patient: PatientId,
    /// The unit; `None`: not known.
    pub unit: Option<String>,
    /// Fused risk in 0..=1; `None`: insufficient data, which is not a low risk.
    pub risk: Option<f64>,
    /// Lower and upper end of its interval; `None` with it.
    pub interval: Option<[f64; 2]>,
    /// Which way it went.
    pub trend: Trend,
    /// The band as published, holds included; `None`: there is none.
    pub band: Option<Band>,
    /// True where stale evidence holds the band up.
    pub is_held: bool,
    /// What the score can be relied on for.
    pub status: FusedStatus,
    /// One for each modality.
    pub modalities: Vec<Cell>,
    /// Revision of the newest window.
    pub revision: u32,
    /// Why the newest pane was published.
    pub pane: Pane,
    /// Time since the end of the newest window; zero while that lies ahead (early panes).
    pub score_age: Span,
    /// True where no score has come for so long that something is wrong, or the patient has left.
    pub is_silent: bool,
}

/// One modality over all patients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModalityBar {
    /// Patients of whom it is fresh.
    pub fresh: u32,
    /// Patients that have had it in this stay.
    pub expected: u32,
}

impl ModalityBar {
    /// Fresh over expected, in 0..=1; `None`: no patient has had it.
    pub fn share(self) -> Option<f64> {
        (self.expected > 0).then(|| f64::from(self.fresh) / f64::from(self.expected))
    }
}

/// A patient's band is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandChange {
    /// Before; the inner `None`: there was no band. The outer: the patient is new.
    pub from: Option<Option<Band>>,
    /// Now.
    pub to: Option<Band>,
}

#[derive(Debug)]
struct Patient {
    score: FusedScore,
    /// Window ends and risks, the oldest first.
    past: VecDeque<(EventTime, f64)>,
}

/// The newest of every patient and partition.
#[derive(Debug, Default)]
pub struct Picture {
    patients: BTreeMap<PatientId, Patient>,
    availability: BTreeMap<u32, Availability>,
    /// Scores of patients beyond the limit.
    not_shown: u64,
    newest: Option<EventTime>,
}

impl Picture {
    /// Takes a fused score. Of an older window than the patient's newest, or of an older revision, nothing is kept.
    pub fn take_score(&mut self, score: FusedScore) -> Option<BandChange> {
        let end = score.window.end();
        self.newest = self.newest.max(Some(end));
        let is_full = self.patients.len() >= MAX_PATIENTS;
        let Some(known) = self.patients.get_mut(&score.patient) else {
            if is_full {
                self.not_shown += 1;
                return None;
            }
            let change = BandChange { from: None, to: score.band };
            let past = score.risk.map(|risk| (end, risk.get())).into_iter().collect();
            self.patients.insert(score.patient.clone(), Patient { score, past });
            return Some(change);
        };
        let key = |score: &FusedScore| (score.window.end(), score.revision);
        if key(&known.score) > key(&score) {
            return None;
        }
        let change = BandChange { from: Some(known.score.band), to: score.band };
        known.remember(&score);
        known.score = score;
        (change.from != Some(change.to)).then_some(change)
    }

    /// Takes an availability record; an older window than the partition's newest is passed over.
    pub fn take_availability(&mut self, record: Availability) {
        let newest = self.availability.get(&record.partition).map(|known| known.window.end());
        if newest.is_none_or(|newest| newest <= record.window.end()) {
            self.newest = self.newest.max(Some(record.window.end()));
            self.availability.insert(record.partition, record);
        }
    }

    /// The newest window end of all; `None`: nothing has come.
    pub fn newest(&self) -> Option<EventTime> {
        self.newest
    }

    /// Forgets who has not had a score for a long time. Call it now and then.
    pub fn prune(&mut self, now: EventTime) {
        self.patients.retain(|_, patient| {
            let window = patient.score.window;
            now - window.end() <= times(window.end() - window.start(), GONE_WINDOWS)
        });
    }

    /// The patients, the most at risk first; of equal ones in order of their ids. Who has no risk but a held band stands at
    /// the head of that band; who has neither, last.
    pub fn rows(&self, now: EventTime) -> Vec<Row> {
        let mut rows: Vec<Row> = self.patients.values().map(|patient| patient.row(now)).collect();
        let rank = |row: &Row| {
            let risk = row.risk.map_or(u64::MAX, |risk| (risk * 1e15) as u64);
            (Reverse(row.band), Reverse(risk))
        };
        rows.sort_by_key(rank);
        rows
    }

    /// Every modality over the newest record of every partition.
    pub fn bars(&self, modalities: usize) -> Vec<ModalityBar> {
        let mut bars = vec![ModalityBar::default(); modalities];
        for record in self.availability.values() {
            for (bar, counted) in bars.iter_mut().zip(&record.modalities) {
                bar.fresh += counted.fresh;
                bar.expected += counted.expected;
            }
        }
        bars
    }

    /// True where a partition has lost its state and does not yet know everything.
    pub fn is_incomplete(&self) -> bool {
        self.availability.values().any(|record| !record.complete)
    }

    /// Scores of patients that there was no room for.
    pub fn not_shown(&self) -> u64 {
        self.not_shown
    }
}

impl Patient {
    fn remember(&mut self, score: &FusedScore) {
        let end = score.window.end();
        // A revision or an early pane stands for the window that it is of.
        self.past.pop_back_if(|(at, _)| *at == end);
        self.past.extend(score.risk.map(|risk| (end, risk.get())));
        let span = times(end - score.window.start(), TREND_WINDOWS);
        while self.past.pop_front_if(|(at, _)| end - *at > span).is_some() {}
    }

    fn trend(&self) -> Trend {
        let (Some(now), Some((at, before))) = (self.score.risk, self.past.front()) else {
            return Trend::Unknown;
        };
        let change = now.get() - before;
        if *at == self.score.window.end() {
            Trend::Unknown
        } else if change.abs() < SMALLEST_CHANGE {
            Trend::Steady
        } else if change > 0.0 {
            Trend::Rising
        } else {
            Trend::Falling
        }
    }

    fn row(&self, now: EventTime) -> Row {
        let score = &self.score;
        let length = score.window.end() - score.window.start();
        let score_age = (now - score.window.end()).max(Span::ZERO);
        Row {
            patient: score.patient.clone(),
            unit: score.unit.as_ref().map(ToString::to_string),
            risk: score.risk.map(crate::types::Risk::get),
            interval: score.interval.map(|ends| ends.map(crate::types::Risk::get)),
            trend: self.trend(),
            band: score.band,
            is_held: score.band_held.is_some(),
            status: score.status,
            modalities: score.modalities.iter().map(|presence| cell(presence, now)).collect(),
            revision: score.revision,
            pane: score.pane,
            score_age,
            is_silent: score_age > times(length, SILENT_WINDOWS),
        }
    }
}

fn cell(presence: &Presence, now: EventTime) -> Cell {
    let age = |at: EventTime| (now - at).max(Span::ZERO);
    match presence {
        Presence::Present(present) => Cell::Fresh(age(present.event_time)),
        Presence::Absent(Absence::Stale | Absence::Late, newest) => Cell::Stale(newest.map(age)),
        Presence::Absent(why, _) => Cell::Missing(*why),
    }
}

fn times(span: Span, count: i64) -> Span {
    Span::millis(span.as_millis().saturating_mul(count))
}

#[cfg(test)]
#[path = "picture_tests.rs"]
pub(in crate::shell) mod tests;
