//! The laws of the fusion stage over seeded worlds. `LATEFUSION_SEED` brings one case back.

use crate::oracle::final_scores;
use crate::seeds::{Count, law};
use crate::worlds::{Flavour, Record, World};
use fastrand::Rng;
use latefusion::fuse::package::Package;
use latefusion::fuse::{FuseConfig, FuseInput, FuseOutput, FuseStage};
use latefusion::stage::{Stage, StateEntry, StateKey};
use latefusion::types::{
    Band, EncounterChange, FusedScore, FusedStatus, LogEntry, Pane, PatientId, Prediction, Presence,
};
use std::collections::{BTreeMap, BTreeSet};

const CASES: u64 = 2_000;

fn stage(world: &World) -> FuseStage {
    FuseStage::new(FuseConfig {
        partition: 0,
        registry: world.registry.clone(),
        max_patients: 1_000,
        max_history: 4_096,
    })
}

fn input(record: &Record) -> FuseInput {
    FuseInput {
        offset: record.offset,
        ingest_time: record.ingest_time,
        entry: record.entry.clone(),
    }
}

fn step(stage: &mut FuseStage, records: &[Record]) -> Vec<FuseOutput> {
    let mut out = Vec::new();
    stage.step(&mut records.iter().map(input).collect(), &mut out);
    out
}

fn scores(outputs: &[FuseOutput]) -> impl Iterator<Item = &FusedScore> {
    outputs.iter().filter_map(|output| match output {
        FuseOutput::Fused(score) => Some(score),
        _ => None,
    })
}

/// With the patient, whom `Debug` hides.
fn named(output: Option<&FuseOutput>) -> String {
    let patient = match output {
        Some(FuseOutput::Fused(score)) => score.patient.as_str(),
        _ => "",
    };
    format!("{patient} {output:?}")
}

fn assert_same(expected: &[FuseOutput], found: &[FuseOutput]) -> Count {
    if expected != found {
        let differ = |i: &usize| expected.get(*i) != found.get(*i);
        let at = (0..expected.len().max(found.len())).find(differ).unwrap_or(0);
        assert_eq!(
            named(expected.get(at)),
            named(found.get(at)),
            "output {at} of {}",
            expected.len()
        );
    }
    Count { compared: expected.len() as u64, faults: 0 }
}

/// Runs `0..to`, taking checkpoints after each of `at`; returns the compacted topic.
fn checkpoint(world: &World, at: &[usize]) -> BTreeMap<StateKey, StateEntry> {
    let mut stage = stage(world);
    let (mut topic, mut from) = (BTreeMap::new(), 0);
    for to in at {
        step(&mut stage, &world.log[from..*to]);
        publish(&mut topic, stage.take_checkpoint());
        from = *to;
    }
    topic
}

/// What compaction leaves: the newest entry of each key, tombstones gone.
fn publish(topic: &mut BTreeMap<StateKey, StateEntry>, entries: Vec<StateEntry>) {
    for entry in entries {
        if entry.value.is_some() {
            topic.insert(entry.key.clone(), entry);
        } else {
            topic.remove(&entry.key);
        }
    }
}

fn restored(world: &World, topic: &BTreeMap<StateKey, StateEntry>, random: &mut Rng) -> FuseStage {
    let mut stage = stage(world);
    let mut entries: Vec<StateEntry> = topic.values().cloned().collect();
    random.shuffle(&mut entries);
    stage.restore(entries).expect("its own checkpoint");
    stage
}

/// Rising places in the log.
fn places(random: &mut Rng, world: &World, count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).map(|_| random.usize(0..=world.log.len())).collect();
    places.sort_unstable();
    places
}

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

/// What was said of a patient and what was published for one window, to see why they differ.
fn story(world: &World, outputs: &[FuseOutput], patient: &PatientId, end: i64) -> String {
    let mut story = format!("\n{:#?}\nlog of the patient:\n", world.package);
    for record in &world.log {
        let (offset, ingest) = (record.offset, record.ingest_time.as_millis());
        match &record.entry {
            Ok(LogEntry::Scored(s)) if s.patient == *patient => {
                let says = |p: &Prediction| {
                    let (t, k) = (p.event_time.as_millis(), p.issued.as_millis());
                    format!("({t}, {k}) {:?}", p.outcome)
                };
                let says: Vec<String> = s.predictions.iter().map(says).collect();
                story += &format!("{offset} at {ingest}: {:?} {says:?}\n", s.source);
            }
            Ok(LogEntry::Stay(s)) if s.patient == *patient => {
                story +=
                    &format!("{offset} at {ingest}: {:?} {}\n", s.change, s.event_time.as_millis());
            }
            _ => {}
        }
    }
    story += "published for the window:\n";
    for score in scores(outputs) {
        if score.patient == *patient && score.window.end().as_millis() == end {
            story += &format!("{score:?}\n");
        }
    }
    story
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

/// How long a discharge is remembered at least.
fn memory(package: &Package) -> i64 {
    let holds = package.modality.values().map(|policy| policy.hold_limit.as_millis());
    holds.max().unwrap_or(0) + package.allowed_lateness.as_millis()
}

#[test]
fn a_discharged_patient_has_no_pane_at_or_after_the_discharge() {
    law("no pane after discharge", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut stage = stage(&world);
        let mut discharged: BTreeMap<PatientId, i64> = BTreeMap::new();
        let (mut count, mut taken) = (Count::default(), -1);
        // After that nothing is known of a patient any more, not even the discharge.
        let kept = world.packages().map(|p| memory(&p)).min().unwrap_or(0);
        for record in &world.log {
            if let Ok(LogEntry::Stay(stay)) = &record.entry
                && stay.source.offset > taken
            {
                let (who, time) = (stay.patient.clone(), stay.event_time.as_millis());
                taken = stay.source.offset;
                match stay.change {
                    EncounterChange::Discharge => {
                        discharged.insert(who, time);
                        count.faults += 1;
                    }
                    _ => discharged.retain(|patient, until| *patient != who || time < *until),
                }
            }
            for score in scores(&step(&mut stage, std::slice::from_ref(record))) {
                let end = score.window.end().as_millis();
                let who = score.patient.as_str();
                let remembered = |until: &&i64| record.ingest_time.as_millis() < **until + kept;
                if let Some(until) = discharged.get(&score.patient).filter(remembered) {
                    let why = || story(&world, &[], &score.patient, end);
                    assert!(
                        end < *until,
                        "{who} at {end}, discharged at {until}, by {record:?}{}",
                        why()
                    );
                    count.compared += 1;
                }
            }
        }
        count
    });
}

#[test]
fn within_out_of_orderness_no_pane_is_late() {
    law("2: no late pane within out-of-orderness", CASES, |seed| {
        let world = World::new(seed, Flavour::Orderly);
        let outputs = step(&mut stage(&world), &world.log);
        let mut count = world.count(0);
        for score in scores(&outputs) {
            let who = (score.patient.as_str(), score.window.end().as_millis());
            assert_ne!(score.pane, Pane::Late, "{who:?}");
            count.compared += 1;
        }
        count
    });
}

#[test]
fn restored_at_any_point_is_never_stopped() {
    law("3: restored = never stopped", CASES, |seed| {
        let flavour = if seed % 3 == 0 { Flavour::Forgivable } else { Flavour::Wild };
        let world = World::new(seed, flavour);
        let mut random = Rng::with_seed(seed);
        let count = random.usize(1..5);
        let at = places(&mut random, &world, count);
        let stop = at.last().copied().unwrap_or(0);
        let mut calm = stage(&world);
        step(&mut calm, &world.log[..stop]);
        let mut again = restored(&world, &checkpoint(&world, &at), &mut random);
        let mut count = world.count(0);
        count.faults += 1;
        count += assert_same(
            &step(&mut calm, &world.log[stop..]),
            &step(&mut again, &world.log[stop..]),
        );
        count
    });
}

#[test]
fn taking_checkpoints_changes_nothing_and_a_restored_stage_checkpoints_like_any_other() {
    law("3: checkpoints of restored stages", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut random = Rng::with_seed(seed);
        let expected = step(&mut stage(&world), &world.log);
        let (mut outputs, mut topic) = (Vec::new(), BTreeMap::new());
        let (mut from, mut running) = (0, stage(&world));
        let mut count = world.count(0);
        for to in places(&mut random, &world, 6) {
            outputs.extend(step(&mut running, &world.log[from..to]));
            publish(&mut topic, running.take_checkpoint());
            if random.bool() {
                running = restored(&world, &topic, &mut random);
                count.faults += 1;
            }
            from = to;
        }
        outputs.extend(step(&mut running, &world.log[from..]));
        count += assert_same(&expected, &outputs);
        count
    });
}

#[test]
fn after_a_lost_checkpoint_the_log_is_stepped_over_with_the_outputs_thrown_away() {
    law("3: lost checkpoint", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut random = Rng::with_seed(seed);
        let [first, second, committed] = places(&mut random, &world, 3)[..] else {
            return Count::default();
        };
        let mut stage = stage(&world);
        let mut topic = BTreeMap::new();
        step(&mut stage, &world.log[..first]);
        publish(&mut topic, stage.take_checkpoint());
        step(&mut stage, &world.log[first..second]);
        // The second checkpoint's transaction aborts, whatever the stage has marked as taken.
        let lost = stage.take_checkpoint().len() as u64;
        step(&mut stage, &world.log[second..committed]);
        let mut again = restored(&world, &topic, &mut random);
        step(&mut again, &world.log[first..committed]);
        let mut count = assert_same(
            &step(&mut stage, &world.log[committed..]),
            &step(&mut again, &world.log[committed..]),
        );
        count.faults += lost;
        count
    });
}

#[test]
fn the_cut_into_batches_never_shows() {
    law("5: any cut gives the same outputs", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut random = Rng::with_seed(seed);
        let whole = step(&mut stage(&world), &world.log);
        let (mut cut, mut from, mut pieces) = (Vec::new(), 0, stage(&world));
        let longest = *random.choice(&[1, 3, 40]).expect("not empty");
        while from < world.log.len() {
            let to = (from + random.usize(0..=longest)).min(world.log.len());
            cut.extend(step(&mut pieces, &world.log[from..to]));
            from = to;
        }
        assert_same(&whole, &cut)
    });
}

#[test]
fn a_repeated_record_publishes_nothing_and_changes_nothing() {
    law("repeats are dropped", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let mut random = Rng::with_seed(seed);
        let (mut calm, mut disturbed) = (stage(&world), stage(&world));
        let mut count = Count::default();
        for (i, record) in world.log.iter().enumerate() {
            let mut expected = step(&mut calm, std::slice::from_ref(record));
            let mut found = step(&mut disturbed, std::slice::from_ref(record));
            let past = &world.log[random.usize(0..=i)];
            if random.u8(0..4) == 0
                && matches!(&past.entry, Ok(LogEntry::Scored(_) | LogEntry::Stay(_)))
            {
                // The repeat takes the time of its neighbour: only what it says is old.
                let again = Record { ingest_time: record.ingest_time, ..past.clone() };
                let again = Record { offset: record.offset, ..again };
                found.extend(step(&mut disturbed, &[again]));
                // The calm run has a record without content in its place.
                let calm_record = Record { entry: Err(fault()), ..record.clone() };
                expected.extend(step(&mut calm, &[calm_record]));
                count.faults += 1;
            }
            let keep = |outputs: Vec<FuseOutput>| -> Vec<FuseOutput> {
                outputs.into_iter().filter(|o| !matches!(o, FuseOutput::Rejected(..))).collect()
            };
            count += assert_same(&keep(expected), &keep(found));
        }
        count
    });
}

fn fault() -> latefusion::types::Fault {
    latefusion::types::Fault::new(latefusion::types::RejectReason::BadPrediction, "torn")
}

#[test]
fn revisions_count_the_panes_of_a_window_from_zero() {
    law("revisions are contiguous", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
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

#[test]
fn an_absent_modality_has_no_part_and_weights_sum_to_one() {
    law("absence has weight zero", CASES / 2, |seed| {
        let world = World::new(seed, Flavour::Wild);
        let outputs = step(&mut stage(&world), &world.log);
        let mut count = world.count(0);
        for score in scores(&outputs) {
            let present = score.modalities.iter().filter_map(|presence| match presence {
                Presence::Present(present) => Some(present.weight),
                Presence::Absent(..) => None,
            });
            let weights: Vec<f64> = present.collect();
            let sum: f64 = weights.iter().sum();
            assert!(weights.is_empty() || (sum - 1.0).abs() < 1e-12, "{sum}");
            assert_eq!(weights.is_empty(), score.risk.is_none());
            assert_eq!(weights.is_empty(), score.status == FusedStatus::InsufficientData);
            assert_eq!(score.risk.is_some(), score.interval.is_some());
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
