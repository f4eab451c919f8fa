//! What every bus promises about reading.

use super::scene::{Broker, Scene, Seen, payloads};
use latefusion::shell::bus::{BusError, Commit, Guarantee, Outgoing, TopicPartition, Worker};
use std::time::Duration;

pub(crate) fn records_come_in_order_and_then_their_partition_is_caught_up(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    scene.feed(0, &["1", "2", "3"]);
    scene.feed(0, &["4"]);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "caught up", |seen| {
        !seen.caught_up.is_empty() && !seen.records.is_empty()
    });
    assert_eq!(payloads(&seen.records), ["1", "2", "3", "4"]);
    assert!(seen.records.iter().map(|record| record.offset).eq(0..4));
    assert_eq!(seen.caught_up, [scene.input(0)]);
    scene.feed(0, &["5"]);
    seen.until(&mut *bus, "the next record", |seen| seen.records.len() == 5);
    seen.until(&mut *bus, "caught up again", |seen| !seen.caught_up.is_empty());
    bus.close();
}

pub(crate) fn a_rewind_reads_the_same_records_again(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    scene.feed(0, &["1", "2", "3"]);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Transactional), Seen::default());
    seen.until(&mut *bus, "three records", |seen| seen.records.len() == 3);
    for from in [1, 0, 3, 2] {
        seen.records.clear();
        bus.start(&scene.input(0), from).expect("it is assigned");
        let expected = ["1", "2", "3"][from as usize..].to_vec();
        seen.until(&mut *bus, "the rest", |seen| seen.records.len() >= expected.len());
        seen.until(&mut *bus, "the end", |seen| !seen.caught_up.is_empty());
        assert_eq!(payloads(&seen.records), expected, "from {from}");
    }
    bus.close();
}

pub(crate) fn an_idle_partition_does_not_hold_up_another(broker: &dyn Broker) {
    let scene = Scene::new(broker, 2);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "both are caught up", |seen| seen.caught_up.len() == 2);
    for n in 1..=5 {
        scene.feed(1, &["x"]);
        seen.until(&mut *bus, "the record", |seen| seen.records.len() == n);
        seen.until(&mut *bus, "both are caught up again", |seen| seen.caught_up.len() == 2);
    }
    assert!(seen.records.iter().all(|record| record.place.partition == 1));
    bus.close();
}

pub(crate) fn a_paused_partition_brings_nothing_until_it_resumes(broker: &dyn Broker) {
    let scene = Scene::new(broker, 2);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "both are caught up", |seen| seen.caught_up.len() == 2);
    bus.pause(&scene.input(0), true).expect("it is assigned");
    scene.feed(0, &["held"]);
    scene.feed(1, &["1", "2"]);
    seen.until(&mut *bus, "the other partition's records", |seen| seen.records.len() == 2);
    seen.until(&mut *bus, "its end", |seen| !seen.caught_up.is_empty());
    assert_eq!(payloads(&seen.records), ["1", "2"]);
    assert_eq!(seen.caught_up, [scene.input(1)], "what is paused is not caught up");
    bus.pause(&scene.input(0), false).expect("it is assigned");
    seen.until(&mut *bus, "the held record", |seen| seen.records.len() == 3);
    assert_eq!(payloads(&seen.records), ["1", "2", "held"]);
    bus.close();
}

pub(crate) fn an_offset_that_is_gone_restarts(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    scene.feed(0, &["1"]);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "a record", |seen| seen.records.len() == 1);
    bus.start(&scene.input(0), 77).expect("it is assigned");
    let outcome = (0..400).find_map(|_| seen.poll(&mut *bus, 0).err());
    let Some(BusError::Restart(text)) = outcome else { panic!("{outcome:?}") };
    assert!(text.contains("retention"), "{text}");
    bus.close();
}

pub(crate) fn an_unknown_topic_stops(broker: &dyn Broker) {
    let scene = Scene::new(broker, 3);
    let mut bus = scene.outsider("o");
    assert_eq!(bus.partitions(&scene.topic("in")), Ok(3));
    let Err(BusError::Stop(text)) = bus.partitions("no-such-topic") else {
        panic!("it is not there")
    };
    assert!(text.contains("`no-such-topic`") && text.contains("latefusion topics"), "{text}");
    let mut worker = scene.worker("w", Guarantee::Idempotent);
    worker.topics.push("no-such-topic".into());
    assert!(matches!(broker.connect(worker).err(), Some(BusError::Stop(_))));
    let mut nowhere = scene.outgoing("out", "k", "x");
    nowhere.partition = Some(9);
    let commit =
        Commit { outputs: vec![scene.outgoing("out", "k", "y"), nowhere], ..Commit::default() };
    let Err(BusError::Stop(text)) = bus.commit(&commit) else { panic!("it has two partitions") };
    assert!(text.contains("out[9]"), "{text}");
    assert_eq!(scene.payloads("out"), [""; 0]);
}

/// A transaction of somebody in no group.
fn writer(scene: &Scene<'_>, id: &str) -> Worker {
    Worker { topics: Vec::new(), ..scene.worker(id, Guarantee::Transactional) }
}

fn outputs(scene: &Scene<'_>, payloads: &[&str]) -> Commit {
    let output =
        |payload: &&str| Outgoing { partition: Some(0), ..scene.outgoing("out", "k", payload) };
    Commit { outputs: payloads.iter().map(output).collect(), ..Commit::default() }
}

pub(crate) fn read_back_waits_out_an_open_transaction(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    let place = TopicPartition::new(scene.topic("out"), 0);
    let mut bus = scene.outsider("reader");
    let held = broker.hold(writer(&scene, "holder"), &outputs(&scene, &["1", "2"]));
    let progress = bus.progress(&place).expect("the broker is there");
    assert_eq!((progress.start, progress.stable, progress.end), (0, 0, 2));
    let mut records = Vec::new();
    let end = broker.during(held, &mut || {
        records.clear();
        bus.read_back(&place, 0, None, &mut |record| records.push(record))
    });
    assert!(end >= 2, "the end when it was asked: {end}");
    assert_eq!(payloads(&records), ["1", "2"]);
    let progress = bus.progress(&place).expect("the broker is there");
    assert_eq!(
        (progress.start, progress.stable, progress.end),
        (0, 3, 3),
        "the marker takes an offset"
    );
}

pub(crate) fn read_back_sees_tombstones_and_its_bounds_and_nothing_aborted(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    let place = TopicPartition::new(scene.topic("out"), 0);
    broker.hold(writer(&scene, "holder"), &outputs(&scene, &["aborted", "aborted"])).abort();
    let mut commit = outputs(&scene, &["3", "4", "5"]);
    commit.outputs[1].payload = None;
    let mut bus = scene.outsider("w");
    bus.commit(&commit).expect("the broker is there");
    for (from, to, expected) in [
        (0, None, vec!["3", "(tombstone)", "5"]),
        (-5, Some(5), vec!["3", "(tombstone)"]),
        (5, Some(99), vec!["5"]),
        (4, Some(4), vec![]),
        (6, None, vec![]),
    ] {
        let mut records = Vec::new();
        let end = bus.read_back(&place, from, to, &mut |record| records.push(record));
        assert_eq!(payloads(&records), expected, "{from} {to:?}");
        assert_eq!(end, Ok(to.unwrap_or(6).min(6)), "{from} {to:?}");
    }
    assert_eq!(bus.poll(Duration::ZERO).expect("the broker is there").records, []);
}

pub(crate) fn committed_waits_for_an_open_transaction(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    assert_eq!(scene.committed(0), None);
    let mut commit = outputs(&scene, &["1"]);
    commit.offsets = vec![(scene.input(0), 7)];
    let held = broker.hold(scene.worker("holder", Guarantee::Transactional), &commit);
    let mut bus = scene.outsider("asker");
    let place = scene.input(0);
    let offset = broker.during(held, &mut || Ok(bus.committed(&place)?.expect("it is committed")));
    assert_eq!(offset, 7);
}
