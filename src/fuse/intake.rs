//! What a record of `predictions` does to a patient: entries, late panes, early panes.

use super::active::Active;
use super::firing::ends;
use super::history::{Entry, Found, known_from};
use super::patient::{NEVER, Patient, UNGATED};
use super::publish;
use super::stage::{FuseOutput, FuseStage};
use crate::types::{
    EventTime, Fault, Feed, IssueTime, ModelName, Pane, PatientId, RejectReason, Scored, Span, Stay,
};

impl FuseStage {
    pub(super) fn take_scored(
        &mut self,
        scored: Scored,
        seen: Option<u32>,
        out: &mut Vec<FuseOutput>,
    ) -> Result<(), Fault> {
        let m = scored.modality.index();
        let mismatch = scored.source.lane.feed != Feed::Modality(scored.modality);
        if m >= self.config.registry.len() || mismatch {
            return Err(Fault::new(RejectReason::BadPrediction, "modality is not in the registry"));
        }
        let lane = self.lane(scored.source.lane)?;
        if !self.lanes.take(lane, scored.source.offset) {
            self.counters.repeated += 1;
            return Ok(());
        }
        let Some(active) = self.active.take() else {
            self.counters.before_activation += 1;
            return Ok(());
        };
        let taken = self.fuse_scored(&active, &scored, seen, (m, lane), out);
        self.active = Some(active);
        taken
    }

    fn fuse_scored(
        &mut self,
        active: &Active,
        scored: &Scored,
        seen: Option<u32>,
        (m, lane): (usize, u16),
        out: &mut Vec<FuseOutput>,
    ) -> Result<(), Fault> {
        let gate = if active.gating == Some(m) { lane } else { UNGATED };
        let slot = self.slot_of(&scored.patient, seen, gate)?;
        let model = self.model(&scored.model)?;
        let entries = scored.predictions.iter().map(|p| Entry {
            event_time: p.event_time,
            issued: p.issued.max(IssueTime::from_millis(p.event_time.as_millis())),
            outcome: p.outcome,
            offset: scored.source.offset,
            lane,
            model,
        });
        if active.gating == Some(m) && self.attach(active, slot, lane) {
            self.catch_up(active, slot, out);
        }
        self.take_entries(active, slot, m, entries, out);
        Ok(())
    }

    fn slot_of(&mut self, id: &PatientId, seen: Option<u32>, gate: u16) -> Result<u32, Fault> {
        if let Some(slot) = self.ward.slot_near(id, seen) {
            return Ok(slot);
        }
        if self.ward.len() >= self.config.max_patients {
            let detail = format!("{} patients are in this lane already", self.config.max_patients);
            return Err(Fault::new(RejectReason::LimitReached, detail));
        }
        let modalities = self.config.registry.len();
        let mut patient = Patient::new(id.clone(), modalities, EventTime::MIN);
        patient.gate = gate;
        let slot = self.ward.admit(patient);
        self.groups.join(gate, slot);
        self.forgotten.remove(id);
        self.ward.touch(slot);
        Ok(slot)
    }

    fn model(&mut self, name: &ModelName) -> Result<u16, Fault> {
        let at = self.models.iter().position(|known| known == name).unwrap_or_else(|| {
            self.models.push(name.clone());
            self.models.len() - 1
        });
        let full = |_| Fault::new(RejectReason::LimitReached, "more than 65,535 model versions");
        u16::try_from(at).map_err(full)
    }

    /// Lets the patient wait for another lane; windows that have fired stay fired. False: it waits for it already.
    fn attach(&mut self, active: &Active, slot: u32, lane: u16) -> bool {
        let Some(patient) = self.ward.get_mut(slot).filter(|p| p.gate != lane) else {
            return false;
        };
        let fired = self.groups.get(patient.gate).frontier;
        patient.fired_ahead = patient.fired_ahead.max(fired);
        patient.closed = patient.closed.max(fired - active.package.allowed_lateness);
        let old = std::mem::replace(&mut patient.gate, lane);
        self.groups.leave(old, slot);
        self.groups.join(lane, slot);
        self.ward.touch(slot);
        true
    }

    /// Puts the entries of one record into the patient's history, revises the panes that they change and
    /// publishes early those that they bring forward.
    fn take_entries(
        &mut self,
        active: &Active,
        slot: u32,
        m: usize,
        entries: impl Iterator<Item = Entry> + Clone,
        out: &mut Vec<FuseOutput>,
    ) {
        let Some(patient) = self.ward.get(slot) else { return };
        let fired = self.fired(patient);
        let frontier = self.groups.get(patient.gate).frontier;
        let closed = patient.closed.max(frontier - active.package.allowed_lateness);
        let first_windows = entries.clone().map(|e| active.end_at_or_after(e.known_from()));
        let (mut earliest, mut late_from, mut ahead) = (NEVER, None, None);
        for window in first_windows {
            earliest = earliest.min(window);
            if window <= fired {
                late_from = Some(late_from.map_or(window, |from| window.min(from)));
            } else {
                ahead = ahead.max(Some(window));
            }
        }
        let before = late_from.map(|_| patient.clone());
        let was_early = ahead.and_then(|end| self.early_view(active, patient, m, end));

        let max_history = self.config.max_history;
        let Some(patient) = self.ward.get_mut(slot) else { return };
        for entry in entries.clone() {
            patient.put(m, entry, closed);
        }
        if let Some(history) = patient.histories.get_mut(m) {
            self.counters.overflowed += history.cut_to(max_history) as u64;
        }
        let open = active.end_after(closed).max(active.end_at_or_after(patient.reopened));
        patient.first = patient.first.min(earliest.max(open));
        patient.close(closed);
        publish::close(&mut patient.published, closed);
        self.ward.touch(slot);

        if let (Some(from), Some(before)) = (late_from, before) {
            let revised = self.revise(active, slot, &before, (from, closed, fired), out);
            self.count_late(active, m, entries, (fired, closed), revised);
        }
        if let Some(end) = ahead {
            self.publish_early(active, slot, m, (end, was_early), out);
        }
    }

    /// What an early pane would change: `None` where this modality's arrival in order is not worth one.
    fn early_view(
        &self,
        active: &Active,
        patient: &Patient,
        m: usize,
        end: EventTime,
    ) -> Option<Option<Entry>> {
        let gating = active.gating == Some(m);
        if gating && patient.shown >> m & 1 == 1 {
            return None;
        }
        Some(self.view(active, patient, m, end))
    }

    fn view(&self, active: &Active, patient: &Patient, m: usize, end: EventTime) -> Option<Entry> {
        match patient.find(m, end, active.policies.get(m)?) {
            Found::Present(entry, _) => Some(*entry),
            Found::Absent { .. } => None,
        }
    }

    fn publish_early(
        &mut self,
        active: &Active,
        slot: u32,
        m: usize,
        (end, before): (EventTime, Option<Option<Entry>>),
        out: &mut Vec<FuseOutput>,
    ) {
        let Some(patient) = self.ward.get(slot) else { return };
        let Some(now) = active.policies.get(m).map(|_| self.view(active, patient, m, end)) else {
            return;
        };
        let vanished = patient.shown >> m & 1 == 1 && now.is_none();
        let worth_it = vanished || before.is_some_and(|before| before != now);
        if worth_it && patient.has_pane_at(end, &active.package) {
            self.publish_panes(active, &[(slot, end)], Pane::Early, out);
        }
    }

    /// Publishes a late pane for every open window whose evidence differs from `before`, and for those that had none.
    /// True when there was one.
    fn revise(
        &mut self,
        active: &Active,
        slot: u32,
        before: &Patient,
        (from, closed, fired): (EventTime, EventTime, EventTime),
        out: &mut Vec<FuseOutput>,
    ) -> bool {
        let Some(patient) = self.ward.get(slot) else { return false };
        let from = from.max(active.end_after(closed)).max(patient.first);
        let changed: Vec<EventTime> = ends(from, fired, active)
            .filter(|end| patient.has_pane_at(*end, &active.package))
            .filter(|end| {
                !before.has_pane_at(*end, &active.package) || differs(active, before, patient, *end)
            })
            .collect();
        for end in &changed {
            let first_pane = !before.has_pane_at(*end, &active.package);
            self.publish_late(active, slot, *end, first_pane, out);
        }
        !changed.is_empty()
    }

    fn publish_late(
        &mut self,
        active: &Active,
        slot: u32,
        end: EventTime,
        first_pane: bool,
        out: &mut Vec<FuseOutput>,
    ) {
        if first_pane && let Some(patient) = self.ward.get_mut(slot) {
            let known = patient.counts.iter().any(|(window, _)| *window == end);
            if !known {
                patient.counts.push((end, 0));
            }
        }
        self.publish_panes(active, &[(slot, end)], Pane::Late, out);
        let Some(patient) = self.ward.get(slot) else { return };
        let (policy, every) = (&active.package.publish, active.package.every);
        let fired = self.fired(patient);
        let again = publish::carried_over(policy, &patient.published, end, fired, every);
        let rows: Vec<(u32, EventTime)> = again
            .into_iter()
            .filter(|end| patient.has_pane_at(*end, &active.package))
            .map(|end| (slot, end))
            .collect();
        self.publish_panes(active, &rows, Pane::Late, out);
    }

    fn count_late(
        &mut self,
        active: &Active,
        m: usize,
        entries: impl Iterator<Item = Entry>,
        (fired, closed): (EventTime, EventTime),
        revised: bool,
    ) {
        let validity = active.policies.get(m).map_or(Span::ZERO, |p| p.validity);
        for entry in entries {
            let window = active.end_at_or_after(entry.known_from());
            if window > fired {
                continue;
            }
            let counter = if window > closed && revised {
                &mut self.counters.merged
            } else if entry.event_time + validity > fired {
                &mut self.counters.carried
            } else {
                &mut self.counters.expired
            };
            if let Some(count) = counter.get_mut(m) {
                *count += 1;
            }
        }
    }

    /// Counts the panes that were published before their discharge was known, so that a readmission goes on from there.
    fn remember_panes(
        &mut self,
        active: &Active,
        slot: u32,
        before: &Patient,
        (closed, fired): (EventTime, EventTime),
    ) {
        let Some(patient) = self.ward.get_mut(slot) else { return };
        let Some(until) = patient.until else { return };
        let from = active.end_at_or_after(until).max(active.end_after(closed));
        for end in ends(from, fired, active).filter(|end| before.has_pane_at(*end, &active.package))
        {
            patient.remember_pane(end);
        }
    }

    pub(super) fn take_stay(
        &mut self,
        stay: &Stay,
        out: &mut Vec<FuseOutput>,
    ) -> Result<(), Fault> {
        let lane = self.lane(stay.source.lane)?;
        if !self.lanes.take(lane, stay.source.offset) {
            self.counters.repeated += 1;
            return Ok(());
        }
        let Some(active) = self.active.take() else {
            self.counters.before_activation += 1;
            return Ok(());
        };
        let taken = self.slot_of(&stay.patient, None, UNGATED).map(|slot| {
            let Some(patient) = self.ward.get_mut(slot) else { return };
            let before = patient.clone();
            patient.take(stay);
            self.ward.touch(slot);
            let fired = self.fired(&before);
            let frontier = self.groups.get(before.gate).frontier;
            let closed = before.closed.max(frontier - active.package.allowed_lateness);
            let from = active.end_at_or_after(known_from(stay.event_time, stay.issued));
            self.remember_panes(&active, slot, &before, (closed, fired));
            self.revise(&active, slot, &before, (from, closed, fired), out);
        });
        self.active = Some(active);
        taken
    }
}

fn differs(active: &Active, before: &Patient, after: &Patient, end: EventTime) -> bool {
    let policies = active.policies.iter().enumerate();
    policies.into_iter().any(|(m, p)| before.find(m, end, p) != after.find(m, end, p))
}
