//! What this process has done since it started, all lanes together: one plain struct that commits add to, behind `/metrics` and
//! `/status`.

use super::measured::{BINS, DISPOSITIONS, Measured, WITHHELD};
use super::names;
use super::sample::Sample;
use super::shape::Shape;
use crate::types::{Absence, ModelName, Pane, RejectReason};
use std::collections::BTreeMap;

/// How a transaction can end.
pub const RESULTS: [&str; 4] = ["committed", "retried", "aborted", "unknown"];
/// Changes of the assignment.
pub const EVENTS: [&str; 2] = ["assigned", "revoked"];
/// How a model swap can end.
pub const SWAPS: [&str; 2] = ["swapped", "refused"];
/// Model versions that are told apart in a modality; what comes after them shares one series.
const MOST_VERSIONS: usize = 16;

/// See the module. Lists by source are in the order of [`Shape::sources`].
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Input records, by source.
    pub events: Vec<u64>,
    /// Records not used, by source and [`RejectReason::ALL`].
    pub rejected: Vec<[u64; RejectReason::ALL.len()]>,
    /// Statements, by modality and model.
    pub predictions: Vec<BTreeMap<ModelName, u64>>,
    /// Late predictions, by `DISPOSITIONS` and modality.
    pub late: [Vec<u64>; 3],
    /// Fused scores, by modalities present and pane.
    pub scores: BTreeMap<(u64, Pane), u64>,
    /// Fused scores that used a modality.
    pub with_modality: Vec<u64>,
    /// Fused scores with a risk, by [`BINS`].
    pub bins: [u64; BINS.len()],
    /// Panes without a risk, by reason.
    pub withheld: [u64; WITHHELD],
    /// Transactions, by `RESULTS`.
    pub transactions: [u64; RESULTS.len()],
    /// Changes of the assignment, by `EVENTS`.
    pub rebalances: [u64; EVENTS.len()],
    /// Model swaps, by modality and `SWAPS`.
    pub swaps: Vec<[u64; SWAPS.len()]>,
    /// When fused scores were last committed, in milliseconds since 1970; 0: not yet.
    pub last_output: i64,
}

impl Totals {
    /// Nothing yet.
    pub fn new(shape: &Shape) -> Self {
        let (sources, modalities) = (shape.sources().count(), shape.modalities.len());
        Self {
            events: vec![0; sources],
            rejected: vec![[0; RejectReason::ALL.len()]; sources],
            predictions: vec![BTreeMap::new(); modalities],
            late: [vec![0; modalities], vec![0; modalities], vec![0; modalities]],
            with_modality: vec![0; modalities],
            swaps: vec![[0; SWAPS.len()]; modalities],
            ..Self::default()
        }
    }

    /// Adds what a lane of `source` has committed.
    pub fn add(&mut self, source: usize, measured: &Measured) {
        if let Some(events) = self.events.get_mut(source) {
            *events += measured.events;
        }
        if let Some(rejected) = self.rejected.get_mut(source) {
            for (reason, count) in &measured.rejected {
                rejected[*reason as usize] += count;
            }
        }
        if let Some(by_model) = self.predictions.get_mut(source) {
            for (model, count) in &measured.predictions {
                let known = by_model.len() < MOST_VERSIONS || by_model.contains_key(model);
                let model = if known { model.clone() } else { ModelName::from("other@other") };
                *by_model.entry(model).or_default() += count;
            }
        }
        for (totals, counts) in self.late.iter_mut().zip(&measured.late) {
            totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        }
        for ((present, pane), count) in &measured.scores {
            *self.scores.entry((*present, *pane)).or_default() += count;
            for (m, total) in self.with_modality.iter_mut().enumerate() {
                *total += count * (present >> m & 1);
            }
        }
        let pairs = self.bins.iter_mut().zip(&measured.bins);
        pairs.chain(self.withheld.iter_mut().zip(&measured.withheld)).for_each(|(a, b)| *a += b);
    }

    /// Every counter, those of closed label sets at 0 included.
    pub fn samples(&self, shape: &Shape) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut add = |name, labels: &[&str], value: u64| {
            samples.push(Sample::new(name, labels, value as f64));
        };
        for (source, name) in shape.sources().enumerate() {
            if source != shape.predictions() {
                add(names::INPUT_EVENTS, &[name], self.events[source]);
            }
            for (reason, count) in RejectReason::ALL.iter().zip(self.rejected[source]) {
                add(names::REJECTED_EVENTS, &[name, reason.name()], count);
            }
        }
        for (m, name) in shape.modalities.iter().enumerate() {
            for (model, count) in &self.predictions[m] {
                let (model, version) = split(model);
                add(names::PREDICTIONS, &[name, model, version], *count);
            }
            for (disposition, late) in DISPOSITIONS.iter().zip(&self.late) {
                add(names::LATE_EVENTS, &[name, disposition], late[m]);
            }
            for (result, count) in SWAPS.iter().zip(self.swaps[m]) {
                add(names::MODEL_SWAPS, &[name, result], count);
            }
            add(names::FUSED_WITH_MODALITY, &[name], self.with_modality[m]);
        }
        for ((combination, pane), count) in self.by_combination(shape) {
            add(names::FUSED_SCORES, &[&combination, pane_name(pane)], count);
        }
        for (bin, count) in self.bins.iter().enumerate() {
            add(names::SCORE_BIN, &[&bin_name(bin)], *count);
        }
        let reasons = Absence::ALL.iter().map(|why| why.name()).chain(["unchanged"]);
        for (reason, count) in reasons.zip(self.withheld) {
            add(names::WITHHELD_SCORES, &[reason], count);
        }
        for (result, count) in RESULTS.iter().zip(self.transactions) {
            add(names::TRANSACTIONS_TOTAL, &[result], count);
        }
        for (event, count) in EVENTS.iter().zip(self.rebalances) {
            add(names::REBALANCES, &[event], count);
        }
        samples
    }

    fn by_combination(&self, shape: &Shape) -> BTreeMap<(String, Pane), u64> {
        let panes = [Pane::Early, Pane::OnTime, Pane::Late];
        let all = shape.combinations();
        let mut counts: BTreeMap<(String, Pane), u64> =
            all.iter().flat_map(|name| panes.map(|pane| ((name.clone(), pane), 0))).collect();
        for ((present, pane), count) in &self.scores {
            *counts.entry((shape.combination(*present), *pane)).or_default() += count;
        }
        counts
    }
}

/// Name and version of a model.
pub fn split(model: &str) -> (&str, &str) {
    model.split_once('@').unwrap_or((model, "none"))
}

/// `0.10-0.15`; sorts as the bins do.
pub fn bin_name(bin: usize) -> String {
    let from = bin.checked_sub(1).map_or(0.0, |below| BINS[below]);
    format!("{from:.2}-{:.2}", BINS[bin])
}

const fn pane_name(pane: Pane) -> &'static str {
    match pane {
        Pane::Early => "early",
        Pane::OnTime => "on_time",
        Pane::Late => "late",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape() -> Shape {
        Shape { modalities: vec!["vitals".to_owned(), "labs".to_owned()] }
    }

    #[test]
    fn what_is_committed_is_counted_under_its_source_and_combination() {
        let mut totals = Totals::new(&shape());
        let mut measured = Measured { events: 3, ..Measured::default() };
        measured.reject(RejectReason::BadTime);
        measured.scores.insert((0b10, Pane::Early), 2);
        totals.add(0, &measured);
        totals.add(1, &measured);
        let samples = totals.samples(&shape());
        let value = |name: &str, labels: &[&str]| {
            let found = samples.iter().find(|s| s.name == name && s.labels == labels);
            found.map(|sample| sample.value)
        };
        assert_eq!(value(names::INPUT_EVENTS, &["labs"]), Some(3.0));
        assert_eq!(value(names::REJECTED_EVENTS, &["vitals", "bad_time"]), Some(1.0));
        assert_eq!(value(names::FUSED_SCORES, &["labs", "early"]), Some(4.0));
        assert_eq!(value(names::FUSED_SCORES, &["none", "on_time"]), Some(0.0));
        assert_eq!(value(names::FUSED_WITH_MODALITY, &["vitals"]), Some(0.0));
        assert_eq!(value(names::FUSED_WITH_MODALITY, &["labs"]), Some(4.0));
    }

    #[test]
    fn versions_beyond_the_limit_share_a_series() {
        let mut totals = Totals::new(&shape());
        for version in 0..40 {
            let predictions = vec![(ModelName::from(format!("m@{version}")), 1)];
            totals.add(0, &Measured { predictions, ..Measured::default() });
        }
        assert_eq!(totals.predictions[0].len(), MOST_VERSIONS + 1);
        assert_eq!(totals.predictions[0].values().sum::<u64>(), 40);
    }
}
