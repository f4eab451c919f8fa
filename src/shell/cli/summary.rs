//! What a replay prints at its end.

use crate::modality::Registry;
use crate::shell::replay::ReplayCounts;
use crate::types::{Availability, FusedScore, FusedStatus, Pane};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Counts of one replay.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    /// What became of the rows of the source, as its reader tells it.
    account: Option<String>,
    inputs: u64,
    rejected: BTreeMap<&'static str, u64>,
    scores: u64,
    panes: BTreeMap<&'static str, u64>,
    revisions: u64,
    statuses: BTreeMap<&'static str, u64>,
    bands_held: u64,
    modalities: Vec<ModalitySummary>,
    patients_at_end: u64,
    state_bytes_at_end: BTreeMap<&'static str, u64>,
    /// Final revisions and their digest, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finals: Option<(usize, String)>,
    reading_seconds: f64,
    replay_seconds: f64,
    inputs_per_second: f64,
}

#[derive(Debug, Default, Serialize)]
struct ModalitySummary {
    name: &'static str,
    /// Fresh over expected, summed over window ends and patients; `None`: never expected.
    availability: Option<f64>,
    /// Share of the published scores that used it.
    coverage: Option<f64>,
    late_merged: u64,
    late_carried: u64,
    late_expired: u64,
    #[serde(skip)]
    used: u64,
    #[serde(skip)]
    fresh: u64,
    #[serde(skip)]
    expected: u64,
}

impl Summary {
    pub(super) fn new(registry: &Registry, account: Option<String>) -> Self {
        let modality = |name| ModalitySummary { name, ..ModalitySummary::default() };
        let modalities = registry.iter().map(|(_, m)| modality(m.name)).collect();
        Self { account, modalities, ..Self::default() }
    }

    pub(super) fn count(&mut self, score: &FusedScore) {
        self.scores += 1;
        self.revisions += u64::from(score.revision > 0);
        self.bands_held += u64::from(score.band_held.is_some());
        let pane = match score.pane {
            Pane::Early => "early",
            Pane::OnTime => "on_time",
            Pane::Late => "late",
        };
        *self.panes.entry(pane).or_default() += 1;
        let status = match score.status {
            FusedStatus::Ok => "ok",
            FusedStatus::Degraded => "degraded",
            FusedStatus::InsufficientData => "insufficient_data",
        };
        *self.statuses.entry(status).or_default() += 1;
        for (modality, presence) in self.modalities.iter_mut().zip(&score.modalities) {
            modality.used += u64::from(matches!(presence, crate::types::Presence::Present(_)));
        }
    }

    pub(super) fn count_availability(&mut self, record: &Availability) {
        for (modality, counted) in self.modalities.iter_mut().zip(&record.modalities) {
            modality.fresh += u64::from(counted.fresh);
            modality.expected += u64::from(counted.expected);
        }
    }

    pub(super) fn finish(&mut self, counts: ReplayCounts, [reading, replay]: [Duration; 2]) {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        self.inputs = counts.inputs;
        self.rejected = counts.rejected.iter().map(|(reason, n)| (reason.name(), *n)).collect();
        self.patients_at_end = counts.patients;
        let [fusion, score] = counts.state_bytes;
        self.state_bytes_at_end = BTreeMap::from([("fusion", fusion), ("score", score)]);
        for (m, modality) in self.modalities.iter_mut().enumerate() {
            let of = |late: &[u64]| late.get(m).copied().unwrap_or(0);
            modality.late_merged = of(&counts.fusion.merged);
            modality.late_carried = of(&counts.fusion.carried);
            modality.late_expired = of(&counts.fusion.expired);
            modality.availability = share(modality.fresh, modality.expected);
            modality.coverage = share(modality.used, self.scores);
        }
        self.reading_seconds = reading.as_secs_f64();
        self.replay_seconds = replay.as_secs_f64();
        self.inputs_per_second = self.inputs as f64 / self.replay_seconds.max(1e-9);
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(account) = &self.account {
            text.push_str(account.trim_end());
            text.push_str("\n\n");
        }
        let list = |counts: &BTreeMap<&'static str, u64>| match counts.is_empty() {
            true => "none".to_owned(),
            false => {
                let each: Vec<String> = counts.iter().map(|(k, n)| format!("{k} {n}")).collect();
                each.join(", ")
            }
        };
        let percent = |share: Option<f64>| {
            share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        let lines = [
            ("events", format!("{} ({:.0} a second)", self.inputs, self.inputs_per_second)),
            ("rejected", list(&self.rejected)),
            ("fused scores", format!("{} ({})", self.scores, list(&self.panes))),
            ("revisions", self.revisions.to_string()),
            ("status", list(&self.statuses)),
            ("bands held", self.bands_held.to_string()),
            ("patients at end", self.patients_at_end.to_string()),
            ("bytes at end", list(&self.state_bytes_at_end)),
        ];
        for (name, value) in lines {
            // A string takes everything.
            let _ = writeln!(text, "{name:16} {value}");
        }
        let _ = writeln!(
            text,
            "\n{:12} {:>12} {:>10} {:>12} {:>12} {:>12}",
            "modality", "availability", "coverage", "late merged", "late carried", "late expired"
        );
        for m in &self.modalities {
            let _ = writeln!(
                text,
                "{:12} {:>12} {:>10} {:>12} {:>12} {:>12}",
                m.name,
                percent(m.availability),
                percent(m.coverage),
                m.late_merged,
                m.late_carried,
                m.late_expired
            );
        }
        if let Some((count, digest)) = &self.finals {
            let _ = writeln!(text, "\nfinal revisions  {count}, digest {digest}");
        }
        text.push_str(
            "\nIt informs staff and never alarms on its own; insufficient_data is not a low risk.",
        );
        text
    }
}
