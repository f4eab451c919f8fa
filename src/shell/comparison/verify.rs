//! The evaluated risks against those of the running pipeline.

use super::folds::Fold;
use super::scored::Scored;
use crate::fuse::package::Package;
use crate::score::ActiveModel;
use crate::shell::datasets::{Dataset, Stay};
use crate::shell::local_lane::{Known, LaneSetup, Models};
use crate::shell::replay::{ReplayConfig, Sink, replay};
use crate::shell::setup::reference_scorer;
use crate::types::{EventTime, FusedScore, Pane, PatientId, Risk, Span};
use anyhow::Context;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verified {
    /// Stays with a fused risk in either.
    pub compared: usize,
    /// Those whose risks differ in any bit, or where only one has a risk.
    pub different: usize,
}

/// Replays each fold's stays through scoring and fusion with the fold's models and its first fitted method, and compares
/// the fused risk as of `at` with the evaluated one (first column of `scored`).
///
/// # Errors
/// A package or model that the pipeline refuses.
pub fn verify(
    dataset: &Dataset,
    setup: &LaneSetup,
    config: &ReplayConfig,
    package: &Package,
    folds: &[&Fold],
    (at, scored): (Span, &Scored),
) -> anyhow::Result<Verified> {
    let mut verified = Verified::default();
    for fold in folds {
        let mut setup = setup.clone();
        for ((slot, late), (_, modality)) in
            setup.models.iter_mut().zip(&fold.late).zip(setup.registry.clone().iter())
        {
            let active = match late.clone() {
                Some(late) => {
                    let model = late.model.clone();
                    let calibrate = Arc::new(move |margin: f64| model.risk_of(margin));
                    ActiveModel::new(Arc::new(late), Some(calibrate), modality)?
                }
                // Held out as uncalibrated: what was not trained is not fused.
                None => ActiveModel::new(
                    reference_scorer(crate::fuse::package::Profile::Hourly, modality),
                    None,
                    modality,
                )?,
            };
            *slot = Models { active, shadows: Vec::new() };
        }
        let (_, method) = fold.fusion.first().context("a fold without a fitted method")?;
        let package = Package { method: method.clone(), ..package.clone() };
        setup.package = toml::to_string(&package)?.into();
        let stays: Vec<(usize, &Stay)> = dataset
            .stays
            .iter()
            .enumerate()
            .filter(|(_, stay)| fold.patients.contains(stay.patient.as_str()))
            .collect();
        let mut keep = Keep {
            at: stays.iter().map(|(_, s)| (s.patient.clone(), s.begins + at)).collect(),
            risks: BTreeMap::new(),
        };
        let (inputs, run_on) = inputs(dataset, &keep.at);
        let config = ReplayConfig { run_on: config.run_on + run_on, ..config.clone() };
        replay(&setup, &config, inputs, &mut keep, &mut |_| {})?;
        for (i, stay) in stays {
            let evaluated = scored.get(i).and_then(|row| row.first()).filter(|risk| !risk.is_nan());
            let published = keep.risks.get(&stay.patient).map(|risk| risk.get());
            if evaluated.is_some() || published.is_some() {
                verified.compared += 1;
                let same = evaluated.map(|risk| risk.to_bits()) == published.map(f64::to_bits);
                verified.different += usize::from(!same);
            }
        }
    }
    Ok(verified)
}

/// The inputs of these patients that are issued by their times, and how far after the last one the last time is.
fn inputs(dataset: &Dataset, at: &BTreeMap<PatientId, EventTime>) -> (Vec<Known>, Span) {
    let encounters = dataset.encounters.iter().cloned().map(Known::Encounter);
    let events = dataset.events.iter().cloned().map(Known::Event);
    let in_time = |known: &Known| {
        let until = at.get(known.patient()).map(|until| until.as_millis());
        until.is_some_and(|until| known.issued().as_millis() <= until)
    };
    let mut inputs: Vec<Known> = encounters.chain(events).filter(in_time).collect();
    inputs.sort_by_key(Known::issued);
    let last = inputs.last().map_or(0, |known| known.issued().as_millis());
    let until = at.values().max().map_or(last, |until| until.as_millis());
    (inputs, Span::millis((until - last).max(0)))
}

struct Keep {
    at: BTreeMap<PatientId, EventTime>,
    risks: BTreeMap<PatientId, Risk>,
}

impl Sink for Keep {
    fn fused(&mut self, score: FusedScore) -> std::io::Result<()> {
        let asked = self.at.get(&score.patient).is_some_and(|at| score.window.end() == *at);
        if asked && score.pane != Pane::Late {
            match score.risk {
                Some(risk) => self.risks.insert(score.patient.clone(), risk),
                None => self.risks.remove(&score.patient),
            };
        }
        Ok(())
    }
}
