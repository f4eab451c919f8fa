//! Laws of the score stage over thousands of seeded histories.

use super::bench::*;
use super::oracle::{Oracle, Truth};
use latefusion::score::{FeatureSpec, ScoreConfig, ScoreInput, ScoreOutput, ScoreStage};
use latefusion::stage::{Stage, StateKey};
use latefusion::types::*;
use std::collections::BTreeMap;

type Said = BTreeMap<(EventTime, IssueTime), Prediction>;

/// What the newest statements say against what the oracle says; how many were compared.
fn compare(seed: u64, said: &Said, oracle: &Oracle, inputs: &[FeatureSpec]) -> usize {
    for ((t, k), prediction) in said {
        let truth = oracle.truth(*t, *k, inputs);
        let agrees = match truth {
            Truth::Pending => prediction.outcome == Outcome::Pending,
            Truth::Withdrawn => prediction.outcome == Outcome::Withdrawn,
            Truth::Score(score) => {
                let near = |said: f64| (said - score).abs() <= 1e-9 * score.abs().max(1.0);
                matches!(prediction.outcome, Outcome::Risk(_)) && prediction.score.is_some_and(near)
            }
        };
        assert!(
            agrees,
            "seed {seed}: at ({t}, {k}) the stage says {prediction:?}, the truth is {truth:?}"
        );
    }
    said.len()
}

#[test]
fn the_newest_statement_at_every_two_times_is_the_one_that_the_accepted_events_call_for() {
    let (mut compared, mut complete, mut accepted, mut withdrawn) = (0, 0, 0, 0);
    for seed in 0..4_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let span = Span::seconds([15, 60, 100][seed as usize % 3]);
        let inputs = every_statistic(span);
        let reach = Span::seconds([60, 300][random.usize(0..2)]);
        let mut stage = ScoreStage::new(
            ScoreConfig { reach, ..config() },
            model("m@1", inputs.clone()),
            vec![],
        );
        let (mut taken, mut said): (Vec<Event>, Said) = Default::default();
        let length = random.usize(1..40);
        for event in history(&mut random, 1, length) {
            // What follows an observation that was forgotten, and names another time, is a new observation.
            let newest = taken.iter().map(|e| e.event_time).max().unwrap_or(EventTime::MIN);
            if taken.iter().any(|e| e.id == event.id && e.event_time <= newest - reach) {
                continue;
            }
            let made = run(&mut stage, 1_000, std::slice::from_ref(&event));
            let Some(ScoreOutput::Scored(scored)) = made[0].first() else { continue };
            taken.push(event);
            assert!(!scored.predictions.is_empty(), "seed {seed}: a record says something");
            assert!(
                scored.predictions.is_sorted_by_key(|p| (p.event_time, p.issued)),
                "seed {seed}"
            );
            said.extend(scored.predictions.iter().map(|p| ((p.event_time, p.issued), *p)));
            if seed % 16 == 0 {
                compared += compare(seed, &said, &Oracle::of(&taken), &inputs);
            }
        }
        let oracle = Oracle::of(&taken);
        compared += compare(seed, &said, &oracle, &inputs);
        withdrawn += said.values().filter(|p| p.outcome == Outcome::Withdrawn).count();
        for spot in oracle.spots(span) {
            assert!(
                said.contains_key(&spot),
                "seed {seed}: nothing was ever said at ({}, {})",
                spot.0,
                spot.1
            );
            complete += 1;
        }
        accepted += taken.len();
    }
    println!(
        "{accepted} accepted events: {compared} statements compared, {withdrawn} withdrawn; {complete} spots complete"
    );
    assert!(accepted > 0 && compared > 0 && complete > 0 && withdrawn > 0);
}

#[test]
fn a_record_says_nothing_outside_what_its_observation_reaches() {
    let (mut compared, mut again) = (0, 0);
    for seed in 0..1_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let span = Span::seconds(60);
        let mut stage = ScoreStage::new(config(), model("m@1", every_statistic(span)), vec![]);
        let mut said: Said = Said::new();
        // New observations only: none that takes anything back.
        for mut event in history(&mut random, 1, 30) {
            (event.id, event.version, event.status) =
                (ObservationId(random.u64(..)), 0, EventStatus::Final);
            event.values.set(0, 1);
            let made = run(&mut stage, 1_000, std::slice::from_ref(&event));
            let Some(ScoreOutput::Scored(scored)) = made[0].first() else { continue };
            let first = event.issued.max(IssueTime::from_millis(event.event_time.as_millis()));
            for p in &scored.predictions {
                let reached =
                    p.event_time >= event.event_time && p.event_time < event.event_time + span;
                assert!(reached && p.issued >= first, "seed {seed}: {p:?}");
                compared += 1;
                again += usize::from(said.insert((p.event_time, p.issued), *p).is_some());
            }
        }
    }
    println!("{compared} predictions within reach, {again} of them said again");
    assert!(compared > 0 && again > 0);
}

#[test]
fn a_stream_in_order_makes_exactly_one_prediction_of_each_record() {
    let mut compared = 0;
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut stage =
            ScoreStage::new(config(), model("m@1", every_statistic(Span::seconds(60))), vec![]);
        let (mut time, mut issued) = (0, 0);
        for id in 0..60 {
            time += random.i64(1..20);
            issued = (time + random.i64(0..30)).max(issued);
            let out = run(&mut stage, issued, &[event(id, time, issued, random.i16(0..100))]);
            assert_eq!(said(&out[0]).len(), 1, "seed {seed}, observation {id}");
            compared += 1;
        }
    }
    println!("{compared} records in order, one prediction each");
    assert!(compared > 0);
}

/// Newest event time with a usable risk, from what a reader knows that keeps nothing older than that.
fn newest_usable(known: &mut Said) -> Option<(EventTime, f64)> {
    let mut groups: BTreeMap<EventTime, Prediction> = BTreeMap::new();
    groups.extend(known.values().map(|p| (p.event_time, *p)));
    let usable = |p: &&Prediction| matches!(p.outcome, Outcome::Risk(_));
    let newest =
        groups.values().rev().find(usable).map(|p| (p.event_time, p.score.unwrap_or(f64::NAN)));
    known.retain(|(t, _), _| newest.is_none_or(|(kept, _)| *t >= kept));
    newest
}

#[test]
fn a_reader_that_drops_what_newer_evidence_replaced_gets_back_what_it_needs_when_that_is_lost() {
    let (mut compared, mut fell_back, mut unscorable) = (0, 0, 0);
    for seed in 0..3_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let inputs = every_statistic(Span::seconds(60));
        let config = ScoreConfig { reach: Span::seconds(300), ..config() };
        let mut stage = ScoreStage::new(config, particular("m@1", inputs.clone()), vec![]);
        let (mut taken, mut known): (Vec<Event>, Said) = Default::default();
        let mut before = None;
        for event in history(&mut random, 1, 30) {
            let made = run(&mut stage, 1_000, std::slice::from_ref(&event));
            let Some(ScoreOutput::Scored(scored)) = made[0].first() else { continue };
            taken.push(event);
            known.extend(scored.predictions.iter().map(|p| ((p.event_time, p.issued), *p)));
            unscorable +=
                scored.predictions.iter().filter(|p| p.outcome == Outcome::Unscorable).count();
            let found = newest_usable(&mut known);
            let truth = Oracle::of(&taken).newest_usable(&inputs);
            let near = |(a, b): ((EventTime, f64), (EventTime, f64))| {
                a.0 == b.0 && (a.1 - b.1).abs() < 1e-6
            };
            let agrees = found.is_none() && truth.is_none() || found.zip(truth).is_some_and(near);
            assert!(agrees, "seed {seed}: the reader has {found:?}, the truth is {truth:?}");
            compared += 1;
            fell_back += usize::from(found.map(|f| f.0) < before);
            before = found.map(|f| f.0);
        }
    }
    println!(
        "{compared} times compared, {fell_back} of them after falling back, {unscorable} unscorable predictions"
    );
    assert!(compared > 0 && fell_back > 0 && unscorable > 0);
}

/// A lane's records: several patients, rejections, and time that goes on so that patients expire.
fn lane(random: &mut fastrand::Rng) -> Vec<ScoreInput> {
    let (events, mut clock) = (history(random, 6, 60), 0);
    let input = |(offset, mut event): (usize, Event)| {
        clock += if random.u32(0..12) == 0 { 1_000 } else { random.i64(0..5) };
        event.event_time = event.event_time + Span::seconds(clock);
        event.issued = event.issued + Span::seconds(clock);
        let mut record = record(offset as i64, clock + 210, event);
        match random.u32(0..20) {
            0 => record.event = Err(Fault::new(RejectReason::Undecodable, "not JSON")),
            1 => record.key = None,
            2 => record.ingest_time = IngestTime::from_millis(EPOCH - 1_000_000),
            _ => {}
        }
        record
    };
    events.into_iter().enumerate().map(input).collect()
}

fn small(random: &mut fastrand::Rng) -> ScoreConfig {
    ScoreConfig {
        state_ttl: Span::seconds(400),
        max_patients: random.usize(3..8),
        max_observations: random.usize(2..20),
        ..config()
    }
}

fn fresh(config: &ScoreConfig) -> ScoreStage {
    let shadows = vec![model("shadow@1", every_statistic(Span::seconds(20)))];
    ScoreStage::new(config.clone(), model("m@1", every_statistic(Span::seconds(100))), shadows)
}

type Store = BTreeMap<StateKey, Vec<u8>>;

fn keep(store: &mut Store, stage: &mut ScoreStage) {
    for entry in stage.take_checkpoint() {
        match entry.value {
            Some(value) => store.insert(entry.key, value),
            None => store.remove(&entry.key),
        };
    }
}

fn back(store: &Store, config: &ScoreConfig, random: &mut fastrand::Rng) -> ScoreStage {
    let entry = |(key, value): (&StateKey, &Vec<u8>)| latefusion::stage::StateEntry {
        key: key.clone(),
        value: Some(value.clone()),
    };
    let mut entries: Vec<_> = store.iter().map(entry).collect();
    random.shuffle(&mut entries);
    let mut stage = fresh(config);
    stage.restore(entries).expect("what was written can be read");
    stage
}

#[test]
fn neither_the_cut_into_batches_nor_a_restore_at_any_point_shows() {
    let (mut records, mut predictions, mut restores, mut tombstones) = (0, 0, 0, 0);
    for seed in 0..3_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let config = small(&mut random);
        let inputs = lane(&mut random);
        let (mut calm, mut shaken) = (fresh(&config), fresh(&config));
        let (mut calm_store, mut shaken_store) = (Store::new(), Store::new());
        let (mut calm_out, mut shaken_out) = (Vec::new(), Vec::new());
        let mut rest = inputs.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(random.usize(1..=rest.len().min(20)));
            rest = after;
            shaken.step(&mut batch.to_vec(), &mut shaken_out);
            for input in batch {
                calm.step(&mut vec![input.clone()], &mut calm_out);
            }
            if random.bool() {
                keep(&mut calm_store, &mut calm);
                keep(&mut shaken_store, &mut shaken);
                assert_eq!(calm_store, shaken_store, "seed {seed}: checkpoints differ");
                shaken = back(&shaken_store, &config, &mut random);
                restores += 1;
            }
        }
        assert_eq!(calm_out, shaken_out, "seed {seed}: outputs differ");
        let beat = |stage: &ScoreStage| stage.heartbeat(60, ScorerClock::from_millis(0), false);
        assert_eq!(beat(&calm), beat(&shaken), "seed {seed}");
        records += inputs.len();
        predictions += said(&calm_out).len();
        tombstones += calm.counters().forgotten;
    }
    println!(
        "{records} records, {predictions} predictions compared over {restores} restores; {tombstones} patients forgotten"
    );
    assert!(records > 0 && predictions > 0 && restores > 0 && tombstones > 0);
}

#[test]
fn entries_of_a_checkpoint_that_is_ahead_of_its_lane_entry_are_not_applied_twice() {
    let (mut compared, mut held) = (0, 0);
    for seed in 0..500 {
        let mut random = fastrand::Rng::with_seed(seed);
        let config = ScoreConfig {
            max_observations: 1_000,
            max_patients: 100,
            state_ttl: Span::days(7),
            ..config()
        };
        let inputs = lane(&mut random);
        let (first, second) = (random.usize(0..30), random.usize(30..60));
        let (mut calm, mut store, mut out) = (fresh(&config), Store::new(), Vec::new());
        calm.step(&mut inputs[..first].to_vec(), &mut out);
        keep(&mut store, &mut calm);
        let lane_entry = store[&StateKey::Lane].clone();
        calm.step(&mut inputs[first..second].to_vec(), &mut out);
        keep(&mut store, &mut calm);
        store.insert(StateKey::Lane, lane_entry);
        let mut late = back(&store, &config, &mut random);
        assert_eq!(late.next_offset(), first as i64);
        let mut thrown_away = Vec::new();
        late.step(&mut inputs[first..second].to_vec(), &mut thrown_away);
        held += second - first;
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        calm.step(&mut inputs[second..].to_vec(), &mut expected);
        late.step(&mut inputs[second..].to_vec(), &mut found);
        assert_eq!(expected, found, "seed {seed}");
        compared += found.len();
    }
    println!("{compared} outputs compared after {held} records that some patients held already");
    assert!(compared > 0 && held > 0);
}
