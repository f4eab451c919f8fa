//! Faults of the in-memory broker; what every bus does is in the contract suite.

use super::*;
use crate::shell::bus::Guarantee;
use std::time::Duration;

fn outgoing(topic: &str, key: &str, payload: &str) -> Outgoing {
    Outgoing {
        topic: topic.into(),
        partition: None,
        key: Some(key.into()),
        payload: Some(payload.into()),
        headers: Vec::new(),
    }
}

fn worker(id: &str, guarantee: Guarantee) -> Worker {
    Worker { group: "g".into(), id: id.into(), topics: vec!["in".into()], guarantee }
}

fn broker() -> MemoryBroker {
    let broker = MemoryBroker::new(Limits::default());
    broker.create("in", 1);
    broker.create("out", 1);
    broker.create("state", 1);
    broker.append(&outgoing("in", "k", "1")).expect("the topic was created");
    broker
}

fn commit() -> Commit {
    Commit {
        outputs: vec![outgoing("out", "k", "a"), outgoing("out", "k", "b")],
        checkpoint: vec![outgoing("state", "k", "s"), outgoing("state", "lane", "s")],
        offsets: vec![(TopicPartition::new("in", 0), 1)],
    }
}

fn connected(broker: &MemoryBroker, id: &str, guarantee: Guarantee) -> MemoryBus {
    let mut bus = broker.connect(worker(id, guarantee)).expect("the broker is there");
    let delivery = bus.poll(Duration::ZERO).expect("the broker is there");
    assert_eq!(delivery.changes.len(), 1);
    bus.start(&TopicPartition::new("in", 0), 0).expect("it is assigned");
    bus
}

#[test]
fn a_crash_at_any_step_leaves_all_or_nothing_of_a_transaction() {
    let steps = connected(&broker(), "w", Guarantee::Transactional).steps(&commit());
    assert_eq!(steps, 7);
    for halt in 0..=steps {
        let broker = broker();
        let mut bus = connected(&broker, "w", Guarantee::Transactional);
        bus.halt_after(halt);
        assert!(matches!(bus.commit(&commit()), Err(BusError::Restart(_))), "{halt}");
        drop(bus);
        broker.advance(Span::seconds(11));
        let all = usize::from(halt == steps);
        assert_eq!(broker.records("out").len(), 2 * all, "{halt}");
        assert_eq!(broker.records("state").len(), 2 * all, "{halt}");
        let committed = broker.committed("g", &TopicPartition::new("in", 0));
        assert_eq!(committed, (halt == steps).then_some(1), "{halt}");
    }
}

#[test]
fn a_crash_at_any_step_leaves_a_prefix_of_an_idempotent_commit() {
    let steps = connected(&broker(), "w", Guarantee::Idempotent).steps(&commit());
    for halt in 0..=steps {
        let broker = broker();
        let mut bus = connected(&broker, "w", Guarantee::Idempotent);
        bus.halt_after(halt);
        assert!(matches!(bus.commit(&commit()), Err(BusError::Restart(_))), "{halt}");
        drop(bus);
        broker.advance(Span::seconds(11));
        assert_eq!(broker.records("out").len(), halt.min(2), "{halt}");
        assert_eq!(broker.records("state").len(), if halt == steps { 2 } else { 0 }, "{halt}");
    }
}

#[test]
fn a_zombie_that_wakes_can_end_neither_a_transaction_nor_a_checkpoint() {
    let mut refused = 0;
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let steps = connected(&broker(), "w", guarantee).steps(&commit());
        for halt in 0..steps {
            let broker = broker();
            let mut zombie = connected(&broker, "w", guarantee);
            zombie.halt_after(halt);
            zombie.commit(&commit()).expect_err("it halts");
            broker.evict("w");
            broker.abort_transaction("w");
            broker.abort_transaction("w-checkpoint");
            assert!(matches!(zombie.wake(), Err(BusError::Restart(_) | BusError::Rewind(_))));
            assert_eq!(broker.records("state").len(), 0, "{guarantee:?} {halt}");
            assert_eq!(broker.committed("g", &TopicPartition::new("in", 0)), None);
            assert_eq!(broker.open_transactions(), Vec::<String>::new());
            refused += 1;
        }
    }
    assert_eq!(refused, 14);
}

#[test]
fn a_resent_record_is_appended_once() {
    let broker = broker();
    broker.resend(true);
    let mut bus = connected(&broker, "w", Guarantee::Idempotent);
    bus.commit(&commit()).expect("the broker is there");
    assert_eq!(broker.records("out").len(), 2);
    assert_eq!(broker.records("state").len(), 2);
}

#[test]
fn compaction_keeps_the_newest_of_each_key_and_the_offsets() {
    let broker = broker();
    for payload in ["1", "2", "3"] {
        broker.append(&outgoing("out", "x", payload));
        broker.append(&outgoing("out", "y", payload));
    }
    broker.compact("out");
    let left: Vec<i64> = broker.records("out").iter().map(|record| record.offset).collect();
    assert_eq!(left, [4, 5]);
    assert_eq!(broker.append(&outgoing("out", "x", "4")).map(|(_, offset)| offset), Some(6));
}

#[test]
fn members_share_partitions_evenly_and_keep_what_they_have() {
    let broker = broker();
    broker.create("in", 5);
    let mut first = broker.connect(worker("a", Guarantee::Idempotent)).expect("there");
    assert_eq!(first.poll(Duration::ZERO).expect("there").changes.len(), 1);
    let mut second = broker.connect(worker("b", Guarantee::Idempotent)).expect("there");
    assert_eq!(second.poll(Duration::ZERO).expect("there").changes, []);
    let given_up = first.poll(Duration::ZERO).expect("there").changes;
    let moved = vec![TopicPartition::new("in", 3), TopicPartition::new("in", 4)];
    assert_eq!(given_up, [super::super::Change::Revoked(moved.clone())]);
    let taken = second.poll(Duration::ZERO).expect("there").changes;
    assert_eq!(taken, [super::super::Change::Assigned(moved)]);
    assert_eq!(broker.generation("g"), 2);
}

#[test]
fn time_passes_only_when_told_and_a_clock_jump_times_nothing_out() {
    let broker = broker();
    let mut bus = connected(&broker, "w", Guarantee::Transactional);
    bus.halt_after(3);
    bus.commit(&commit()).expect_err("it halts");
    broker.set_clock(IngestTime::from_millis(86_400_000));
    assert_eq!(broker.open_transactions(), ["w"]);
    broker.advance(Span::millis(10_001));
    assert_eq!(broker.open_transactions(), Vec::<String>::new());
    assert_eq!(broker.now(), IngestTime::from_millis(86_410_001));
}
