//! When panes fire: frontiers move, groups fire, patients that are over are forgotten.

use super::active::Active;
use super::panes::{Computed, Names, Row, compute};
use super::patient::{Patient, UNGATED};
use super::publish::{self, Published};
use super::stage::{FuseOutput, FuseStage};
use super::ward::Ward;
use crate::types::{EventTime, IngestTime, Pane};

/// Panes computed at once at most: what one batch needs in between then stays in the processor's cache.
const MOST_ROWS: usize = 256;

impl FuseStage {
    /// Moves every frontier as far as the lanes allow and fires what has become due.
    pub(super) fn advance(&mut self, ingest_time: IngestTime, out: &mut Vec<FuseOutput>) {
        let Some(active) = self.active.take() else { return };
        for gate in self.groups.gates() {
            let reach = if gate == UNGATED {
                self.lanes.ungated(active.slack)
            } else {
                self.lanes.reach(gate, &self.clock, active.package.lane_timeout, active.slack)
            };
            if reach > EventTime::MIN {
                self.fire_group(&active, gate, active.end_at_or_before(reach), out);
            }
        }
        let from = (self.config.partition, self.complete);
        let records = self.tally.publish(self.groups.all_fired(), &active, from, ingest_time);
        out.extend(records.into_iter().map(FuseOutput::Availability));
        self.active = Some(active);
    }

    fn fire_group(&mut self, active: &Active, gate: u16, to: EventTime, out: &mut Vec<FuseOutput>) {
        let group = self.groups.get(gate);
        if to <= group.frontier {
            return;
        }
        let members = group.members.clone();
        let frontier = group.frontier;
        let next = |after: EventTime, ward: &Ward| {
            let due = members.iter().filter_map(|slot| ward.get(*slot));
            due.map(|p| p.first.max(active.end_after(after.max(p.fired_ahead)))).min()
        };
        let mut end = next(frontier, &self.ward);
        while let Some(now) = end.filter(|end| *end <= to) {
            self.forget_those_over(active, gate, &members, now);
            let due: Vec<u32> = members
                .iter()
                .copied()
                .filter(|slot| {
                    self.ward
                        .get(*slot)
                        .is_some_and(|p| p.fired_ahead < now && p.has_pane_at(now, &active.package))
                })
                .collect();
            let rows: Vec<(u32, EventTime)> = due.into_iter().map(|slot| (slot, now)).collect();
            self.publish_panes(active, &rows, Pane::OnTime, out);
            end = next(now, &self.ward);
        }
        self.forget_those_over(active, gate, &members, to);
        self.groups.get_mut(gate).frontier = to;
    }

    fn forget_those_over(&mut self, active: &Active, gate: u16, members: &[u32], now: EventTime) {
        for slot in members {
            let over = |p: &Patient| p.is_over_at(now, &active.package, active.longest);
            if self.ward.get(*slot).is_some_and(over) {
                self.groups.leave(gate, *slot);
                if let Some(patient) = self.ward.forget(*slot) {
                    self.forgotten.insert(patient.id);
                    self.counters.forgotten += 1;
                }
            }
        }
    }

    /// Computes panes of these (slot, window end) rows, a batch at a time, and publishes those that the policy admits.
    pub(super) fn publish_panes(
        &mut self,
        active: &Active,
        rows: &[(u32, EventTime)],
        pane: Pane,
        out: &mut Vec<FuseOutput>,
    ) {
        for rows in rows.chunks(MOST_ROWS) {
            let names = Names { lanes: &self.lanes, models: &self.models };
            let patients = rows.iter().filter_map(|(slot, end)| {
                self.ward.get(*slot).map(|patient| Row { patient, end: *end })
            });
            let computed = compute(active, &names, &patients.collect::<Vec<_>>());
            for ((slot, _), computed) in rows.iter().zip(computed) {
                self.publish_pane(active, *slot, computed, pane, out);
            }
        }
    }

    fn publish_pane(
        &mut self,
        active: &Active,
        slot: u32,
        computed: Computed,
        pane: Pane,
        out: &mut Vec<FuseOutput>,
    ) {
        let Some(patient) = self.ward.get_mut(slot) else { return };
        let Computed { mut score, present } = computed;
        let end = score.window.end();
        let frontier = self.groups.get(patient.gate).frontier.max(patient.fired_ahead);
        let fired_on_time = pane == Pane::Late && end <= frontier && patient.first <= end;
        let unchanged = (patient.shown, patient.counts.len());
        score.pane = pane;
        score.revision = patient.next_revision(end, fired_on_time, pane == Pane::OnTime);
        if pane != Pane::Late {
            patient.shown = present;
        }
        let known = Published::of(&score, present);
        let admitted = publish::admits(&active.package.publish, &mut patient.published, known);
        self.counters.panes += 1;
        if pane == Pane::OnTime && patient.is_active_at(end, &active.package) {
            self.tally.count(&score, patient.produced);
        }
        let on_change = !patient.published.is_empty();
        let counted_again = pane == Pane::OnTime && score.revision > 0;
        if unchanged != (patient.shown, patient.counts.len()) || on_change || counted_again {
            self.ward.touch(slot);
        }
        if admitted {
            out.push(FuseOutput::Fused(score));
        }
    }

    /// Fires on time what the group that a patient has just joined has fired already.
    pub(super) fn catch_up(&mut self, active: &Active, slot: u32, out: &mut Vec<FuseOutput>) {
        let Some(patient) = self.ward.get(slot) else { return };
        let frontier = self.groups.get(patient.gate).frontier;
        if patient.fired_ahead >= frontier {
            return;
        }
        let from = active.end_after(patient.fired_ahead).max(patient.first);
        let rows: Vec<(u32, EventTime)> = ends(from, frontier, active)
            .filter(|end| patient.has_pane_at(*end, &active.package))
            .map(|end| (slot, end))
            .collect();
        self.publish_panes(active, &rows, Pane::OnTime, out);
        if let Some(patient) = self.ward.get_mut(slot) {
            patient.fired_ahead = EventTime::MIN;
        }
    }

    /// Window ends up to here have fired for a patient.
    pub(super) fn fired(&self, patient: &Patient) -> EventTime {
        self.groups.get(patient.gate).frontier.max(patient.fired_ahead)
    }
}

/// The window ends from `from` to `to`, both included.
pub(super) fn ends(
    from: EventTime,
    to: EventTime,
    active: &Active,
) -> impl Iterator<Item = EventTime> + use<> {
    let every = active.package.every;
    std::iter::successors(Some(from), move |end| Some(*end + every))
        .take_while(move |end| *end <= to)
}
