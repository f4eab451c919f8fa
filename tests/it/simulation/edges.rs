//! What a driver says and does where it cannot simply go on: no activation, no log, another topic, panics.

use super::deployment::{ROLES, broker_partitions, create_topics, pipeline};
use super::world::{Weather, World};
use fastrand::Rng;
use latefusion::shell::bus::memory::{Limits, MemoryBroker};
use latefusion::shell::bus::{Bus, BusError, Commit, Guarantee, Outgoing, TopicPartition};
use latefusion::shell::driver::{
    Board, Clock, Crew, EngineStatus, Phase, Pipeline, Role, RunState, StopFlag, WallClock, Worker,
    activate, run_roles,
};
use latefusion::types::{Feed, IngestTime, ModalityId, ScorerClock, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

fn deployment() -> (MemoryBroker, Arc<Pipeline>) {
    let mut random = Rng::with_seed(7);
    let pipeline = pipeline(&mut random, Span::minutes(1));
    let broker = MemoryBroker::new(Limits::default());
    create_topics(&mut random, &broker, &pipeline);
    (broker, Arc::new(pipeline))
}

fn fuse_worker(broker: &MemoryBroker, pipeline: &Arc<Pipeline>) -> (impl Bus, Worker) {
    let bus = broker.connect(Role::Fuse.membership(pipeline, "sim", "9", 0)).expect("it is there");
    (bus, Worker::new(pipeline.clone(), Role::Fuse, Arc::new(WallClock::new())))
}

#[test]
fn a_fusion_lane_without_activation_says_so() {
    let (broker, pipeline) = deployment();
    let (mut bus, mut worker) = fuse_worker(&broker, &pipeline);
    for _ in 0..3 {
        worker.turn(&mut bus).expect("nothing is wrong");
    }
    let lanes = worker.lanes();
    assert!(!lanes.is_empty() && lanes.iter().all(|lane| lane.is_not_activated()), "{lanes:?}");
    let package = pipeline.lanes.package.clone();
    let mistaken = package.replace("every", "ever");
    assert!(activate(&mut bus, &pipeline, &mistaken).is_err());
    activate(&mut bus, &pipeline, &package).expect("the package is valid");
    worker.turn(&mut bus).expect("nothing is wrong");
    assert!(worker.lanes().iter().all(|lane| !lane.is_not_activated()));
}

#[test]
fn a_lane_whose_log_is_gone_starts_incomplete_and_says_so() {
    let mut world = World::new(3, Weather::Calm, Span::minutes(1));
    world.run();
    let topic = world.pipeline.topics.predictions.clone();
    for partition in 0..broker_partitions(&world.broker, &topic) {
        let place = TopicPartition::new(topic.as_str(), partition);
        let end = world.broker.progress(&place).expect("it is there").end;
        world.broker.truncate(&place, end - 5);
    }
    for partition in 0..broker_partitions(&world.broker, &world.pipeline.state_topics.fuse) {
        let place = TopicPartition::new(world.pipeline.state_topics.fuse.as_str(), partition);
        world.broker.lose(&place, |_| true);
    }
    let (mut bus, mut worker) = fuse_worker(&world.broker, &world.pipeline);
    worker.turn(&mut bus).expect("it goes on all the same");
    let lanes = worker.lanes();
    assert!(!lanes.is_empty());
    for lane in lanes {
        assert_eq!((lane.phase, lane.counts.incomplete), (Phase::Running, 1), "{lane:?}");
        assert!(matches!(lane.engine, Some(EngineStatus::Fuse { package: None, .. })));
    }
}

#[test]
fn a_topic_made_anew_under_old_offsets_is_refused() {
    let (broker, pipeline) = deployment();
    let (mut bus, mut worker) = fuse_worker(&broker, &pipeline);
    let place = TopicPartition::new(pipeline.topics.predictions.as_str(), 0);
    bus.poll(Duration::ZERO).expect("it is there");
    let commit = Commit { offsets: vec![(place, 100)], ..Commit::default() };
    bus.commit(&commit).expect("it is assigned");
    bus.close();
    let (mut bus, _) = fuse_worker(&broker, &pipeline);
    let Err(BusError::Stop(why)) = worker.turn(&mut bus) else { panic!("it must stop") };
    assert!(why.contains("made anew") && why.contains("epoch"), "{why}");
}

/// The machine's time, as the broker's.
fn now(clock: &WallClock) -> (IngestTime, ScorerClock) {
    let now = clock.now();
    (IngestTime::from_millis(now.as_millis()), now)
}

#[test]
fn workers_on_threads_survive_a_panic_fail_alone_and_drain_when_told() {
    let (broker, pipeline) = deployment();
    let clock = WallClock::new();
    broker.set_clock(now(&clock).0);
    let writer = latefusion::shell::bus::Worker {
        group: "a".into(),
        id: "a".into(),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    };
    let mut bus = broker.connect(writer).expect("it is there");
    activate(&mut bus, &pipeline, &pipeline.lanes.package).expect("the package is valid");
    let (stop, board, panics) = (StopFlag::default(), Board::default(), AtomicU32::new(0));
    let crews = ROLES.map(|role| Crew { role, workers: 1 });
    let labs = Role::Score(Feed::Modality(ModalityId(1)));
    let connect = |role: Role, worker: usize| {
        if role == Role::Score(Feed::Encounters) {
            return Err(BusError::Stop("wrong password for encounters".to_owned()));
        }
        assert!(role != labs || panics.fetch_add(1, Ordering::Relaxed) > 0, "a first panic");
        broker.connect(role.membership(&pipeline, "run", "0", worker))
    };
    let shared: Arc<dyn Clock> = Arc::new(clock);
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_roles(&pipeline, &crews, connect, &shared, &stop, &board));
        let published = || !broker.records(&pipeline.topics.fused_scores).is_empty();
        let back = || panics.load(Ordering::Relaxed) > 1;
        for n in 0..2_000 {
            let (ingest, time) = now(&clock);
            broker.set_clock(ingest);
            if n % 20 == 0 {
                let vitals = format!(
                    r#"{{"patient":"p-1","event_time":"{time}","heart_rate_per_min":131}}"#
                );
                broker.append(&Outgoing {
                    topic: "vitals".into(),
                    partition: None,
                    key: Some("p-1".into()),
                    payload: Some(vitals.into()),
                    headers: Vec::new(),
                });
            }
            if published() && back() {
                break;
            }
            StopFlag::default().wait(Duration::from_millis(10));
        }
        stop.stop();
        run.join().expect("panics are contained")
    });
    assert!(!broker.records(&pipeline.topics.fused_scores).is_empty(), "{:?}", board.workers());
    let errors = ended.expect_err("encounters cannot run");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("wrong password"), "{}", errors[0]);
    for worker in board.workers() {
        let failed = matches!(worker.state, RunState::Failed(_));
        assert_eq!(failed, worker.role == "score-encounters", "{worker:?}");
        assert!(failed || worker.state == RunState::Stopped, "{worker:?}");
        assert_eq!(worker.restarts > 0, worker.role == "score-labs", "{worker:?}");
    }
}
