//! Which way to fuse: how complete one's own data are, held against the degradation curves of an evaluation.

mod crossing;
mod text;

use super::comparison::{Ahead, Curves};
use crate::modality::Registry;
use crate::types::Availability;
pub use crossing::{at, certain_from, crosses_at};
use serde::Serialize;
use std::collections::BTreeMap;

/// Patient-windows with and without each modality, counted from availability records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// Window ends of partitions.
    pub records: u64,
    /// Active patients, summed over them.
    pub active: u64,
    /// Of these, those with fresh evidence of each modality, in registry order.
    pub fresh: Vec<u64>,
}

impl Completeness {
    /// Counts one record.
    pub fn count(&mut self, record: &Availability) {
        self.records += 1;
        self.active += u64::from(record.active);
        self.fresh.resize(self.fresh.len().max(record.modalities.len()), 0);
        for (sum, modality) in self.fresh.iter_mut().zip(&record.modalities) {
            *sum += u64::from(modality.fresh.min(record.active));
        }
    }

    /// Share of patient-windows without the modality; `None` without any patient.
    pub fn missing(&self, modality: usize) -> Option<f64> {
        let fresh = self.fresh.get(modality).copied().unwrap_or(0);
        (self.active > 0).then(|| 1.0 - fresh as f64 / self.active as f64)
    }
}

/// What is best done with a modality as often missing as here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is above zero.
    Late,
    /// It holds zero: what was measured does not tell them apart.
    NoDifference,
    /// The whole interval is below zero.
    Early,
}

/// One modality (or `all`) held against its curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The modality, or `all`.
    pub target: String,
    /// Share of patient-windows without it, 0..=1.
    pub missing: f64,
    /// `None`: the evaluation holds no curve of it.
    pub verdict: Option<Verdict>,
    /// Late against each rival there, interpolated between the levels measured.
    pub ahead_of: BTreeMap<String, Ahead>,
    /// Share missing from which late fusion is ahead of each rival; absent: nowhere up to all of them.
    pub crosses_at: BTreeMap<String, f64>,
    /// Lowest level measured from which on the whole interval is above zero.
    pub certain_from: BTreeMap<String, f64>,
}

/// The advice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// Where the figures are from.
    pub data_set: String,
    /// Stays and deaths in it.
    pub stays: [usize; 2],
    /// The late method compared.
    pub late: String,
    /// The early rival that the verdict is about: the one trained with modalities dropped.
    pub rival: String,
    /// Window ends of partitions, and patients summed over them.
    pub counted: [u64; 2],
    /// Every modality, then `all` at the mean share of those that have a curve.
    pub lines: Vec<Line>,
    /// Over all of it; `None`: nothing to go by.
    pub verdict: Option<Verdict>,
}

impl Advice {
    /// Holds what was counted against the curves.
    pub fn of(counted: &Completeness, curves: &Curves, registry: &Registry) -> Self {
        let rival = curves.rivals.last().cloned().unwrap_or_default();
        let mut lines: Vec<Line> = registry
            .iter()
            .enumerate()
            .filter_map(|(m, (_, modality))| {
                Some(line(modality.name, counted.missing(m)?, curves, &rival))
            })
            .collect();
        let known: Vec<f64> =
            lines.iter().filter(|l| l.verdict.is_some()).map(|l| l.missing).collect();
        if known.len() > 1 {
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            lines.push(line("all", mean, curves, &rival));
        }
        let verdicts: Vec<Verdict> = lines.iter().filter_map(|l| l.verdict).collect();
        let any = |wanted: Verdict| verdicts.contains(&wanted);
        let verdict = match (any(Verdict::Late), any(Verdict::Early)) {
            _ if verdicts.is_empty() => None,
            (true, false) => Some(Verdict::Late),
            (false, true) => Some(Verdict::Early),
            // They contradict each other, or none tells.
            _ => Some(Verdict::NoDifference),
        };
        Self {
            data_set: curves.data_set.clone(),
            stays: curves.stays,
            late: curves.late.clone(),
            rival,
            counted: [counted.records, counted.active],
            lines,
            verdict,
        }
    }
}

fn line(target: &str, missing: f64, curves: &Curves, rival: &str) -> Line {
    let curve = curves.removed.get(target).map_or(&[][..], Vec::as_slice);
    let rivals = || curves.rivals.iter();
    let ahead_of: BTreeMap<String, Ahead> =
        rivals().filter_map(|r| Some((r.clone(), at(curve, r, missing)?))).collect();
    let verdict = ahead_of.get(rival).map(|ahead| match ahead {
        Ahead { lower, .. } if *lower > 0.0 => Verdict::Late,
        Ahead { upper, .. } if *upper < 0.0 => Verdict::Early,
        _ => Verdict::NoDifference,
    });
    Line {
        target: target.to_owned(),
        missing,
        verdict,
        ahead_of,
        crosses_at: rivals().filter_map(|r| Some((r.clone(), crosses_at(curve, r)?))).collect(),
        certain_from: rivals().filter_map(|r| Some((r.clone(), certain_from(curve, r)?))).collect(),
    }
}

#[cfg(test)]
mod tests;
