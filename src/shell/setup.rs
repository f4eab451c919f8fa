//! The pipeline as it ships: modalities, reference scorers with their calibrations, spans and limits.

use super::local_lane::{LaneSetup, Models, Scoring};
use super::models::Roster;
use crate::fuse::package::Profile;
use crate::modality::{DefaultPolicy, Modality, Registry};
use crate::score::calibration::CalibrationMap;
use crate::score::{ActiveModel, Calibrate, Scorer, registry};
use crate::types::Span;
use std::sync::Arc;

/// Calibration maps of the scorers that ship; made by `latefusion calibrate`, provenance inside.
const CALIBRATIONS: [&str; 6] = [
    include_str!("../../models/calibration/news2-ward-1.toml"),
    include_str!("../../models/calibration/news2-hourly-1.toml"),
    include_str!("../../models/calibration/lab-panel-ward-1.toml"),
    include_str!("../../models/calibration/lab-panel-hourly-1.toml"),
    include_str!("../../models/calibration/imaging-severity-ward-1.toml"),
    include_str!("../../models/calibration/imaging-severity-hourly-1.toml"),
];

/// Lanes with the reference scorers of a profile and this fusion package.
pub fn shipped(profile: Profile, modalities: &Registry, package: Arc<str>) -> LaneSetup {
    let models = modalities.iter().map(|(_, m)| {
        let scorer = reference_scorer(profile, m);
        let calibrate = calibration_of(scorer.model());
        models(scorer, calibrate, m)
    });
    LaneSetup {
        registry: modalities.clone(),
        models: models.collect(),
        roster: Roster::default(),
        package,
        scoring: modalities.iter().map(|(_, m)| scoring_of(policy_of(profile, m))).collect(),
        idle_after: if profile == Profile::Ward { Span::seconds(10) } else { Span::hours(1) },
        max_patients: 2_000_000,
        max_history: 4_096,
        batch: 1_024,
    }
}

/// A scorer as the one active model of its modality.
///
/// # Panics
/// Where a shipped scorer asks for a column that its modality does not have; a test looks at every one.
pub fn models(
    scorer: Arc<dyn Scorer>,
    calibrate: Option<Calibrate>,
    modality: &'static Modality,
) -> Models {
    let active = ActiveModel::new(scorer, calibrate, modality);
    Models { active: active.expect("a shipped scorer fits its modality"), shadows: Vec::new() }
}

/// The reference scorer of a modality and profile.
///
/// # Panics
/// Where none ships; a test looks at every modality and profile.
pub fn reference_scorer(profile: Profile, modality: &Modality) -> Arc<dyn Scorer> {
    let wanted = if profile == Profile::Ward { "-ward@" } else { "-hourly@" };
    let fits = |s: &Arc<dyn Scorer>| s.modality() == modality.name && s.model().contains(wanted);
    registry::shipped().into_iter().find(fits).expect("every shipped modality has a scorer")
}

/// A shipped scorer by its name (`news2-ward@1`), with its calibration; `None`: this modality has none of that name.
pub fn shipped_model(model: &str, modality: &'static Modality) -> Option<Models> {
    let scorer = registry::find(model).filter(|scorer| scorer.modality() == modality.name)?;
    let calibrate = calibration_of(scorer.model());
    Some(models(scorer, calibrate, modality))
}

/// The names of a modality's shipped scorers.
pub fn shipped_models(modality: &Modality) -> Vec<String> {
    let of_it = |s: &Arc<dyn Scorer>| s.modality() == modality.name;
    registry::shipped().into_iter().filter(of_it).map(|s| s.model().to_owned()).collect()
}

fn calibration_of(model: &str) -> Option<Calibrate> {
    let maps = CALIBRATIONS.iter().filter_map(|text| CalibrationMap::parse(text).ok());
    let map = maps.into_iter().find(|map| map.model() == model)?;
    Some(Arc::new(move |score| map.risk(score)))
}

fn policy_of(profile: Profile, modality: &'static Modality) -> &'static DefaultPolicy {
    if profile == Profile::Ward { &modality.ward } else { &modality.hourly }
}

fn scoring_of(policy: &DefaultPolicy) -> Scoring {
    Scoring {
        lookback: policy.lookback,
        reach: policy.validity.min(Span::days(3)),
        out_of_orderness: policy.out_of_orderness.unwrap_or(Span::ZERO),
        max_clock_skew: Span::minutes(5),
        state_ttl: Span::days(7),
        max_observations: 512,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modality_and_profile_has_a_reference_scorer_with_a_calibration() {
        for profile in [Profile::Ward, Profile::Hourly] {
            for (_, modality) in Registry::shipped().iter() {
                let scorer = reference_scorer(profile, modality);
                assert!(calibration_of(scorer.model()).is_some(), "{}", scorer.model());
                models(scorer, None, modality);
            }
        }
        for text in CALIBRATIONS {
            CalibrationMap::parse(text).expect("a committed calibration is valid");
        }
    }
}
