//! Final revisions: what stands when everything has been said.

use super::{CASES, scores, stage, step, story};
use crate::oracle::final_scores;
use crate::seeds::law;
use crate::worlds::{Flavour, World};
use latefusion::types::{Band, EncounterChange, FusedScore, LogEntry, Pane, PatientId};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn final_revisions_equal_the_batch_oracle() {
    let count = law("1: final revisions equal the oracle", CASES, |seed| {
        let world = World::new(seed, Flavour::Forgivable);
        let outputs = step(&mut stage(&world), &world.log);
        let mut last: BTreeMap<(PatientId, i64), &FusedScore> = BTreeMap::new();
        for score in scores(&outputs) {
            last.insert((score.patient.clone(), score.window.end().as_millis()), score);
        }
        let expected = final_scores(&world.package, &world.registry, &world.log, world.frontier);
        for ((patient, end), expected) in &expected {
            let who = patient.as_str();
            let found = last.get(&(patient.clone(), *end));
            let differences = match found {
                Some(score) => expected.differences(score),
                None => vec!["never published".to_owned()],
            };
            let why = || story(&world, &outputs, patient, *end);
            assert!(differences.is_empty(), "{who} at {end}: {differences:#?}{}", why());
        }
        world.count(expected.len() as u64)
    });
    assert!(count.faults > 0 || count.compared == 0);
}

#[test]
fn nothing_is_published_that_the_oracle_does_not_know() {
    law("1: no window too many", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Forgivable);
        let expected = final_scores(&world.package, &world.registry, &world.log, world.frontier);
        let mut leaving = BTreeSet::new();
        for record in &world.log {
            if let Ok(LogEntry::Stay(stay)) = &record.entry
                && stay.change == EncounterChange::Discharge
            {
                leaving.insert(stay.patient.clone());
            }
        }
        let mut count = world.count(0);
        for score in scores(&step(&mut stage(&world), &world.log)) {
            let end = score.window.end().as_millis();
            // Before a discharge is known, panes after it are right to come.
            let known = expected.contains_key(&(score.patient.clone(), end));
            let excused = leaving.contains(&score.patient);
            assert!(known || excused, "{} at {end}", score.patient.as_str());
            count.compared += u64::from(!excused);
        }
        count
    });
}

#[test]
fn revisions_count_the_panes_of_a_window_from_zero() {
    law("revisions are contiguous", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Forgivable);
        let outputs = step(&mut stage(&world), &world.log);
        let mut next: BTreeMap<(PatientId, i64), (u32, bool)> = BTreeMap::new();
        let mut count = world.count(0);
        for score in scores(&outputs) {
            let end = score.window.end().as_millis();
            let key = (score.patient.clone(), end);
            let who = (score.patient.as_str(), end, score.pane);
            let (revision, on_time) = next.entry(key).or_default();
            let why = || story(&world, &outputs, &score.patient, end);
            assert_eq!(score.revision, *revision, "{who:?}{}", why());
            assert!(!*on_time || score.pane == Pane::Late, "{who:?}: only late panes follow");
            *on_time |= score.pane != Pane::Early;
            *revision += 1;
            count.compared += 1;
        }
        count
    });
}

/// The band of the final revision of every (patient, window end).
fn final_bands(world: &World) -> BTreeMap<(PatientId, i64), Option<Band>> {
    let outputs = step(&mut stage(world), &world.log);
    let band = |s: &FusedScore| ((s.patient.clone(), s.window.end().as_millis()), s.band);
    scores(&outputs).map(band).collect()
}

#[test]
fn a_modality_that_vanishes_never_lowers_the_band_by_vanishing() {
    law("vanishing lowers no band", CASES / 2, |seed| {
        let mut world = World::new(seed, Flavour::Forgivable);
        let found = final_bands(&world);
        // The same log in a world where nothing vanishes before its hold limit.
        world.activate(|package| {
            for policy in package.modality.values_mut() {
                policy.validity = policy.hold_limit;
            }
        });
        let lasting = final_bands(&world);
        let mut count = world.count(0);
        for ((patient, end), band) in &lasting {
            // An early pane may come in one of the two worlds only.
            let Some(held) = found.get(&(patient.clone(), *end)) else { continue };
            let why = || story(&world, &[], patient, *end);
            let who = patient.as_str();
            assert!(held >= band, "{who} at {end}: {held:?} under {band:?}{}", why());
            count.compared += 1;
        }
        count
    });
}
