//! The pipeline as it ships: modalities, reference scorers with their calibrations, spans and limits.

use super::local_lane::{LaneSetup, Models, Scoring};
use super::models::Roster;
use crate::fuse::package::Profile;
use crate::modality::{DefaultPolicy, Modality, Registry};
use crate::score::calibration::CalibrationMap;
use crate::score::learned::{LearnedModel, PackageFiles};
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

/// Manifest, model file and golden vectors of a learned package that ships.
macro_rules! package {
    ($folder:literal) => {
        [
            include_str!(concat!("../../models/", $folder, "/manifest.toml")),
            include_str!(concat!("../../models/", $folder, "/model.txt")),
            include_str!(concat!("../../models/", $folder, "/golden.json")),
        ]
    };
}

/// The learned models that ship, by profile; made by `make train`, a card beside each.
const LEARNED_HOURLY: [[&str; 3]; 2] =
    [package!("vitals/vitals-mortality-trees/1"), package!("labs/labs-mortality-trees/1")];
const LEARNED_WARD: [[&str; 3]; 2] =
    [package!("vitals/vitals-mortality-ward-trees/1"), package!("labs/labs-mortality-trees/1")];

/// The fusion package that was fitted for the learned models of a profile.
pub const fn learned_fusion(profile: Profile) -> &'static str {
    match profile {
        Profile::Hourly => include_str!("../../models/fusion/hourly-mortality-stack.toml"),
        Profile::Ward => include_str!("../../models/fusion/ward-mortality-stack.toml"),
    }
}

/// Puts the learned models of a profile beside the reference scorers as shadows, or in their place, where one ships.
///
/// # Errors
/// What is wrong with a shipped package; a test looks at every one.
pub fn put_learned(
    setup: &mut LaneSetup,
    profile: Profile,
    as_shadows: bool,
) -> Result<(), Vec<String>> {
    let packages = if profile == Profile::Ward { &LEARNED_WARD } else { &LEARNED_HOURLY };
    for [manifest, model, golden] in packages {
        let files = PackageFiles {
            manifest: (*manifest).to_owned(),
            model: model.as_bytes().to_vec(),
            golden: (*golden).to_owned(),
        };
        let loaded = LearnedModel::load(&files, &setup.registry)?;
        let places = setup.registry.iter().zip(&mut setup.models);
        for ((_, modality), slot) in places {
            match modality.name == loaded.modality.name {
                true if as_shadows => slot.shadows.push(loaded.active.clone()),
                true => *slot = Models { active: loaded.active.clone(), shadows: Vec::new() },
                false => {}
            }
        }
    }
    Ok(())
}

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
    use crate::fuse::package::Package;
    use std::path::Path;

    #[test]
    fn the_learned_models_of_both_profiles_load_and_fit_their_lookback_and_their_fusion_package() {
        let registry = Registry::shipped();
        for profile in [Profile::Ward, Profile::Hourly] {
            let package = Package::parse(learned_fusion(profile), &registry);
            let expected = Package::shipped(profile, &registry);
            let package = package.expect("the shipped fusion package has no mistakes");
            assert_eq!(package.method.name, "stack");
            assert_eq!(package.modality, expected.modality, "the policies are the profile's");
            let mut setup = shipped(profile, &registry, learned_fusion(profile).into());
            put_learned(&mut setup, profile, true).expect("the shipped packages load");
            assert_eq!(setup.models.iter().map(|m| m.shadows.len()).sum::<usize>(), 2);
            put_learned(&mut setup, profile, false).expect("the shipped packages load");
            let names: Vec<String> =
                setup.models.iter().map(|m| m.active.name().to_string()).collect();
            assert!(names[0].starts_with("vitals-mortality"), "{names:?}");
            assert!(names[1].starts_with("labs-mortality"), "{names:?}");
        }
    }

    #[test]
    fn every_package_in_the_models_folder_agrees_with_its_golden_vectors() {
        let registry = Registry::shipped();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let mut compared = 0;
        for (_, modality) in registry.iter() {
            let folder = models.join(modality.name);
            for name in std::fs::read_dir(&folder).expect("each modality has a folder").flatten() {
                for version in std::fs::read_dir(name.path()).expect("a folder").flatten() {
                    let read = |file: &str| std::fs::read(version.path().join(file));
                    let text = |file| String::from_utf8(read(file).expect("a file")).expect("text");
                    let manifest = text("manifest.toml");
                    let named = manifest.lines().find_map(|line| line.strip_prefix("file = \""));
                    let file = named.expect("the model file's name").trim_end_matches('"');
                    let model = read(file).expect("the model file");
                    let files = PackageFiles {
                        model,
                        golden: text("golden.json"),
                        manifest: manifest.clone(),
                    };
                    let loaded = LearnedModel::load(&files, &registry);
                    let loaded = loaded.unwrap_or_else(|e| panic!("{:?}: {e:?}", version.path()));
                    assert!(loaded.golden.0 > 0 && loaded.golden.1 < 1e-5);
                    assert!(loaded.span <= modality.hourly.lookback);
                    assert!(!text("MODEL_CARD.md").is_empty());
                    compared += 1;
                }
            }
        }
        assert!(compared >= 6, "{compared}");
    }

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
