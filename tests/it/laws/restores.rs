//! Restores, repeats and cuts into batches: what must never show in the outputs.

use super::{CASES, assert_same, stage, step};
use crate::seeds::{Count, law};
use crate::worlds::{Flavour, Record, World};
use fastrand::Rng;
use latefusion::fuse::{FuseOutput, FuseStage};
use latefusion::stage::{Stage, StateEntry, StateKey};
use latefusion::types::{Fault, LogEntry, RejectReason};
use std::collections::BTreeMap;

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

fn fault() -> Fault {
    Fault::new(RejectReason::BadPrediction, "torn")
}
