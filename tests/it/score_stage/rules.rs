//! One scenario for each rule of the score stage.

use super::bench::*;
use latefusion::score::{
    ActiveModel, FeatureSpec, MOST_PREDICTIONS, ScoreConfig, ScoreOutput, ScoreStage, Statistic,
};
use latefusion::stage::{Stage, StateEntry, StateKey};
use latefusion::types::*;
use std::sync::Arc;

fn last_a() -> ActiveModel {
    model("last@1", vec![spec("a", Statistic::Last, Span::seconds(60))])
}

fn stage() -> ScoreStage {
    ScoreStage::new(config(), last_a(), vec![])
}

/// What a prediction of [`last_a`] says when the newest value is `a` tenths.
fn says(event_time: i64, issued: i64, a: i16) -> (i64, i64, Outcome) {
    let risk = squash()(term(0, Some(f64::from(a) / 10.0))).expect("a number");
    (event_time, issued, Outcome::Risk(risk))
}

const fn gone(event_time: i64, issued: i64) -> (i64, i64, Outcome) {
    (event_time, issued, Outcome::Withdrawn)
}

fn said_by(stage: &mut ScoreStage, events: &[Event]) -> Vec<Vec<(i64, i64, Outcome)>> {
    run(stage, 1_000, events).iter().map(|out| said(out)).collect()
}

fn reasons(stage: &mut ScoreStage, events: &[Event]) -> Vec<Vec<RejectReason>> {
    run(stage, 1_000, events).iter().map(|out| rejected(out)).collect()
}

#[test]
fn a_late_observation_says_again_only_the_later_times_that_see_it() {
    let none = vec![
        spec("b", Statistic::Last, Span::seconds(10)),
        spec("a", Statistic::Count, Span::seconds(20)),
    ];
    let mut stage = ScoreStage::new(config(), model("m@1", none), vec![]);
    let events =
        [event(1, 10, 10, 5), event(2, 20, 20, 6), event(3, 40, 40, 7), event(4, 15, 45, 8)];
    let made = said_by(&mut stage, &events);
    let spots: Vec<(i64, i64)> = made[3].iter().map(|(t, k, _)| (*t, *k)).collect();
    assert_eq!(spots, [(15, 45), (20, 45)], "t = 40 looks back 20 s only, t = 10 was before");
}

#[test]
fn a_correction_keeps_the_first_issue_time_and_a_lower_version_is_superseded() {
    let first = event(1, 10, 12, 50);
    let corrected = Event {
        status: EventStatus::Corrected,
        version: 1,
        issued: issue(30),
        ..event(1, 10, 30, 70)
    };
    let mut stage = stage();
    let made = said_by(&mut stage, &[first.clone(), event(2, 20, 22, 60), corrected.clone()]);
    assert_eq!(made[2], [says(10, 12, 70), says(20, 22, 60)]);
    let again = reasons(&mut stage, &[corrected, first]);
    assert_eq!(again, [vec![RejectReason::Duplicate], vec![RejectReason::Superseded]]);
}

#[test]
fn a_withdrawal_leaves_withdrawn_and_says_its_predecessor_again() {
    let (one, two, three) = (event(1, 10, 10, 50), event(2, 20, 20, 60), event(3, 30, 30, 70));
    let withdrawal = follow(&three, EventStatus::EnteredInError, 0, 40);
    let made = said_by(&mut stage(), &[one, two, three.clone(), withdrawal]);
    assert_eq!(made[3], [says(20, 20, 60), gone(30, 30)]);
}

#[test]
fn a_predecessor_that_became_known_later_is_not_enough() {
    let (one, two, three) = (event(1, 10, 10, 50), event(2, 20, 35, 60), event(3, 30, 30, 70));
    let withdrawal = follow(&three, EventStatus::EnteredInError, 0, 40);
    let made = said_by(&mut stage(), &[one, three.clone(), two, withdrawal]);
    assert_eq!(made[3], [says(10, 10, 50), says(20, 35, 60), gone(30, 30), gone(30, 35)]);
}

#[test]
fn an_observation_that_comes_after_its_withdrawal_stays_dead() {
    let observation = event(1, 10, 10, 50);
    let withdrawal = follow(&observation, EventStatus::EnteredInError, 0, 20);
    let mut stage = stage();
    assert_eq!(said_by(&mut stage, &[withdrawal]), [[gone(10, 20)]]);
    assert_eq!(reasons(&mut stage, &[observation]), [[RejectReason::Superseded]]);
}

#[test]
fn a_status_without_a_value_keeps_the_value_and_alone_is_a_bad_status() {
    let mut preliminary = event(1, 10, 10, 50);
    preliminary.status = EventStatus::Preliminary;
    let done = follow(&preliminary, EventStatus::Final, 0, 20);
    let mut stage = stage();
    assert_eq!(said_by(&mut stage, &[preliminary, done.clone()])[1], [says(10, 10, 50)]);
    assert_eq!(
        reasons(&mut stage, &[Event { id: ObservationId(2), ..done }]),
        [[RejectReason::BadStatus]]
    );
}

#[test]
fn registered_is_pending_until_cancelled_and_hides_no_result_of_the_same_specimen() {
    let registered = follow(&event(1, 10, 10, 0), EventStatus::Registered, 0, 12);
    let cancelled = follow(&registered, EventStatus::Cancelled, 0, 20);
    let mut stage = stage();
    let made = said_by(&mut stage, &[registered, cancelled]);
    assert_eq!(made, [[(10, 12, Outcome::Pending)], [gone(10, 12)]]);
    let other = follow(&event(3, 30, 30, 0), EventStatus::Registered, 0, 34);
    let made = said_by(&mut stage, &[event(2, 30, 32, 50), other]);
    assert_eq!(made[1], [says(30, 34, 50)], "the result known at 32 still counts at 34");
}

#[test]
fn the_future_is_rejected_and_no_event_moves_the_watermark_past_its_ingest_time() {
    let mut stage = stage();
    let clock = ScorerClock::from_millis(0);
    assert_eq!(stage.heartbeat(0, clock, true).watermark, EventTime::MIN);
    let out =
        run(&mut stage, 0, &[event(1, 301, 301, 5), event(2, 1, 301, 5), event(3, 299, 299, 5)]);
    assert_eq!([rejected(&out[0]), rejected(&out[1])], [[RejectReason::FutureEventTime]; 2]);
    assert_eq!(said(&out[0])[0].2, Outcome::Rejected, "fusion hears of a rejection");
    let watermark = EventTime::from_millis(EPOCH + 7 - 10_000);
    assert_eq!(
        stage.heartbeat(3, clock, false).watermark,
        watermark,
        "four minutes fast, held at ingest time"
    );
}

#[test]
fn a_rejection_is_said_at_its_ingest_time_unless_an_observation_is_there() {
    let broken = |millis: i64, key: Option<PatientId>| {
        let fault = Fault::new(RejectReason::Undecodable, "not JSON");
        let ingest_time = IngestTime::from_millis(millis);
        latefusion::score::ScoreInput { offset: 9, ingest_time, key, event: Err(fault) }
    };
    let mut stage = stage();
    run(&mut stage, 50, &[event(1, 50, 50, 5)]);
    let mut out = Vec::new();
    let free = EPOCH + 60_000;
    stage.step(&mut vec![broken(free, Some(patient(1)))], &mut out);
    assert!(matches!(&out[..], [ScoreOutput::Rejected(_), ScoreOutput::Scored(scored)]
        if scored.predictions[0].event_time.as_millis() == free && scored.predictions[0].issued.as_millis() == free));
    for (millis, key) in [(EPOCH + 50_000, Some(patient(1))), (free, None)] {
        out.clear();
        stage.step(&mut vec![broken(millis, key)], &mut out);
        assert_eq!((out.len(), rejected(&out)), (1, vec![RejectReason::Undecodable]));
    }
}

#[test]
fn a_key_that_is_not_the_patient_is_a_mismatch_and_a_duplicate_is_harmless() {
    let mut wrong = record(0, 100, event(1, 10, 10, 5));
    wrong.key = Some(patient(2));
    let mut out = Vec::new();
    let good = record(1, 100, event(1, 10, 10, 5));
    stage().step(&mut vec![wrong, good.clone(), good], &mut out);
    assert_eq!(rejected(&out), [RejectReason::KeyMismatch, RejectReason::Duplicate]);
    assert_eq!(out.len(), 4, "mismatch, its rejected statement, the observation, the duplicate");
}

#[test]
fn what_is_beyond_the_reach_or_past_a_limit_is_rejected() {
    let mut stage = ScoreStage::new(ScoreConfig { max_patients: 1, ..config() }, last_a(), vec![]);
    let stranger = Event { patient: patient(2), ..event(3, 200, 200, 5) };
    let events = [event(1, 200, 200, 5), event(2, 100, 201, 5), event(4, 101, 201, 5), stranger];
    let found = reasons(&mut stage, &events);
    assert_eq!(
        found,
        [vec![], vec![RejectReason::BeyondLookback], vec![], vec![RejectReason::LimitReached]]
    );
}

#[test]
fn a_full_patient_is_thinned_to_the_last_of_each_older_minute_and_then_loses_the_oldest() {
    let inputs = vec![spec("a", Statistic::Count, Span::hours(2))];
    let config = ScoreConfig { lookback: Span::hours(2), max_observations: 90, ..config() };
    let mut stage = ScoreStage::new(config, model("count@1", inputs), vec![]);
    // The epoch is 20 s into a minute: 40 readings in the first minute, then 50 in the second, and one more.
    assert_eq!(EPOCH % 60_000, 20_000);
    let events: Vec<Event> = (0..91).map(|n| event(n, n as i64, n as i64, 5)).collect();
    run(&mut stage, 1_000, &events);
    assert_eq!((stage.counters().thinned, stage.counters().dropped), (39, 0));
    let sparse: Vec<Event> =
        (0..120).map(|n| event(1_000 + n, 200 + 60 * n as i64, 200 + 60 * n as i64, 5)).collect();
    run(&mut stage, 9_000, &sparse);
    assert!(stage.counters().dropped > 0, "one a minute cannot be thinned");
}

#[test]
fn a_patient_not_seen_for_the_state_ttl_is_forgotten_with_a_tombstone() {
    let config = ScoreConfig { state_ttl: Span::seconds(640), ..config() };
    let mut stage = ScoreStage::new(config, last_a(), vec![]);
    let other = |id, t| Event { patient: patient(2), ..event(id, t, t, 5) };
    run(&mut stage, 2_000, &[event(1, 0, 0, 5), other(2, 0), other(3, 600)]);
    assert_eq!(stage.take_checkpoint().len(), 3, "two patients and the lane");
    run(&mut stage, 2_000, &[other(4, 700)]);
    let entries = stage.take_checkpoint();
    let tombstone = StateEntry { key: StateKey::Patient(patient(1)), value: None };
    assert!(entries.contains(&tombstone) && entries.len() == 3);
    assert_eq!(entries.last().map(|entry| &entry.key), Some(&StateKey::Lane));
    assert_eq!((stage.patients(), stage.counters().forgotten), (1, 1));
    run(&mut stage, 2_000, &[event(1, 690, 690, 5)]);
    assert_eq!(stage.take_checkpoint().len(), 2, "it came back as a new patient");
}

#[test]
fn models_are_swapped_between_batches_and_shadows_speak_beside_the_active_one() {
    let shadow = model("shadow@1", vec![spec("a", Statistic::Max, Span::seconds(60))]);
    let uncalibrated = ActiveModel::new(
        Arc::new(Weighted {
            name: "new@2",
            inputs: vec![spec("a", Statistic::Last, Span::seconds(60))],
            needs_first: false,
        }),
        None,
        &MODALITY,
    );
    let mut stage = ScoreStage::new(config(), last_a(), vec![shadow]);
    let before = run(&mut stage, 100, &[event(1, 10, 10, 5)]);
    stage.set_models(uncalibrated.expect("the column exists"), vec![]);
    let after = run(&mut stage, 100, &[event(2, 20, 20, 5)]);
    let (ScoreOutput::Scored(before), ScoreOutput::Scored(after)) = (&before[0][0], &after[0][0])
    else {
        unreachable!("both are scored");
    };
    assert_eq!(
        (&*before.model, &*before.shadows[0].0, before.shadows[0].1.len()),
        ("last@1", "shadow@1", 1)
    );
    assert_eq!((&*after.model, after.shadows.len()), ("new@2", 0));
    assert_eq!(after.predictions[0].outcome, Outcome::Uncalibrated);
    assert!(after.predictions[0].score.is_some());
}

#[test]
fn a_model_that_asks_for_an_unknown_column_is_refused() {
    let inputs: Vec<FeatureSpec> = vec![spec("lactate", Statistic::Last, Span::seconds(60))];
    let refused = ActiveModel::new(
        Arc::new(Weighted { name: "m@1", inputs, needs_first: false }),
        None,
        &MODALITY,
    );
    assert_eq!(refused.expect_err("no such column").column, "lactate");
}

#[test]
fn one_record_makes_no_more_predictions_than_the_limit_and_keeps_the_newest() {
    let limits = ScoreConfig {
        lookback: Span::hours(2),
        reach: Span::hours(2),
        max_observations: 2_000,
        ..config()
    };
    let inputs = vec![spec("a", Statistic::Count, Span::hours(2))];
    let mut stage = ScoreStage::new(limits, model("count@1", inputs), vec![]);
    let events: Vec<Event> = (1..1_501).map(|n| event(n, n as i64, n as i64, 5)).collect();
    run(&mut stage, 5_000, &events);
    let made = said(&run(&mut stage, 5_000, &[event(9_999, 0, 2_000, 5)])[0]);
    assert_eq!((made.len(), made.last().map(|s| s.0)), (MOST_PREDICTIONS, Some(1_500)));
    assert_eq!(stage.counters().capped, 1);
}

#[test]
fn torn_or_foreign_checkpoint_entries_are_refused_and_never_panic() {
    let mut written = stage();
    run(&mut written, 100, &[event(1, 10, 10, 5), event(2, 20, 20, 5)]);
    let entries = written.take_checkpoint();
    let (mut refused, mut random) = (0, fastrand::Rng::with_seed(7));
    for _ in 0..20_000 {
        let mut torn = entries.clone();
        let entry = random.usize(0..torn.len());
        let bytes = torn[entry].value.as_mut().expect("no tombstones here");
        match random.u32(0..3) {
            0 => bytes.truncate(random.usize(0..bytes.len())),
            1 => bytes[0] = random.u8(2..),
            _ => *random.choice(&mut *bytes).expect("not empty") = random.u8(..),
        }
        let mut restored = stage();
        match restored.restore(torn) {
            Err(_) => refused += 1,
            Ok(()) => drop(run(&mut restored, 200, &[event(3, 30, 30, 5)])),
        }
    }
    println!("{refused} of 20000 damaged checkpoints refused");
    assert!(refused > 6_000);
}

#[test]
fn sixty_observations_of_eight_values_take_at_most_two_kibibytes_a_patient() {
    let patients = 1_000;
    let inputs = vec![spec("a", Statistic::Last, Span::minutes(60))];
    let lookback = Span::minutes(60) - Span::millis(1);
    let limits = ScoreConfig { lookback, reach: Span::millis(1), max_patients: 10_000, ..config() };
    let mut stage = ScoreStage::new(limits, model("last@1", inputs), vec![]);
    let mut out = Vec::new();
    for minute in 0..180 {
        let record = |n: u64| {
            let mut event =
                event(minute * patients + n, 60 * minute as i64, 60 * minute as i64 + 1, 5);
            event.patient = patient(n);
            (1..8).for_each(|column| assert!(event.values.set(column, 7)));
            record((minute * patients + n) as i64, 60 * minute as i64 + 1, event)
        };
        stage.step(&mut (0..patients).map(record).collect(), &mut out);
        stage.take_checkpoint();
    }
    assert_eq!(said(&out).len() as u64, 180 * patients);
    let bytes = stage.memory_bytes() as u64 / patients;
    println!("{bytes} bytes a patient, {patients} patients with 60 observations of 8 values each");
    assert!(bytes > 60 * (14 + 16), "less than the observations themselves cannot be");
    assert!(bytes <= 2_048, "{bytes} bytes");
}
