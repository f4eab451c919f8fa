//! What every bus promises about writing.

use super::scene::{Broker, Scene, Seen, payloads};
use latefusion::shell::bus::{BusError, Commit, Guarantee, Outgoing, murmur2};

pub(crate) fn a_commit_shows_outputs_checkpoint_and_offsets(broker: &dyn Broker) {
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(broker, 1);
        scene.feed(0, &["1", "2"]);
        let (mut bus, mut seen) = (scene.connect("w", guarantee), Seen::default());
        seen.until(&mut *bus, "two records", |seen| seen.records.len() == 2);
        let first = Commit {
            outputs: vec![scene.outgoing("out", "k", "a"), scene.outgoing("out", "k", "b")],
            checkpoint: Vec::new(),
            offsets: vec![(scene.input(0), 1)],
        };
        bus.commit(&first).expect("the broker is there");
        assert_eq!(scene.payloads("out"), ["a", "b"], "{guarantee:?}");
        assert_eq!(scene.committed(0), Some(1), "{guarantee:?}");
        let second = Commit {
            outputs: vec![scene.outgoing("out", "k", "c")],
            checkpoint: vec![scene.outgoing("state", "p", "s"), scene.outgoing("state", "p", "t")],
            offsets: vec![(scene.input(0), 2)],
        };
        bus.commit(&second).expect("the broker is there");
        assert_eq!(scene.payloads("out"), ["a", "b", "c"], "{guarantee:?}");
        assert_eq!(scene.payloads("state"), ["s", "t"], "{guarantee:?}");
        assert_eq!(bus.committed(&scene.input(0)), Ok(Some(2)), "{guarantee:?}");
        bus.close();
    }
}

pub(crate) fn keys_headers_and_partitions_arrive_as_they_were_sent(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    let with = |key: Option<&[u8]>, payload: &str, partition| Outgoing {
        partition,
        key: key.map(<[u8]>::to_vec),
        headers: vec![("a".into(), b"1".to_vec()), ("a".into(), Vec::new())],
        ..scene.outgoing("out", "", payload)
    };
    let keys: Vec<String> = (0..20).map(|n| format!("patient-{n}")).collect();
    let mut outputs: Vec<Outgoing> =
        keys.iter().map(|key| with(Some(key.as_bytes()), key, None)).collect();
    outputs.extend([with(Some(b"x"), "to 0", Some(0)), with(Some(b"x"), "to 1", Some(1))]);
    outputs.extend([with(None, "keyless", None), with(Some(b""), "empty", Some(0))]);
    let commit = Commit { outputs: outputs.clone(), ..Commit::default() };
    scene.outsider("w").commit(&commit).expect("the broker is there");
    let records = scene.records("out");
    assert_eq!(records.len(), outputs.len());
    for record in &records {
        let payload = payloads(std::slice::from_ref(record)).remove(0);
        let sent = outputs.iter().find(|o| o.payload == record.payload).expect("it was sent");
        assert_eq!((&record.key, &record.headers), (&sent.key, &sent.headers), "{payload}");
        let hashed = sent.key.as_ref().map(|key| murmur2::partition(key, 2));
        if let Some(partition) = sent.partition.or(hashed) {
            assert_eq!(record.place.partition, partition, "{payload}");
        }
    }
    assert!(records.iter().any(|record| record.place.partition == 1));
}

pub(crate) fn outputs_repeated_after_a_crash_are_seen_twice_without_transactions(
    broker: &dyn Broker,
) {
    let scene = Scene::new(broker, 1);
    scene.feed(0, &["1"]);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "a record", |seen| seen.records.len() == 1);
    // All that a crash after the acknowledgements leaves behind.
    let mut commit = Commit { outputs: vec![scene.outgoing("out", "k", "a")], ..Commit::default() };
    bus.commit(&commit).expect("the broker is there");
    bus.close();
    drop(bus);
    assert_eq!(scene.committed(0), None);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "the record again", |seen| seen.records.len() == 1);
    commit.offsets = vec![(scene.input(0), 1)];
    bus.commit(&commit).expect("the broker is there");
    assert_eq!(scene.payloads("out"), ["a", "a"]);
    assert_eq!(scene.committed(0), Some(1));
    bus.close();
}

pub(crate) fn a_record_too_large_is_refused_and_the_worker_goes_on(broker: &dyn Broker) {
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(broker, 1);
        let mut bus = scene.connect("w", guarantee);
        let limit = bus.record_limit();
        let large = scene.outgoing("out", "key", &"x".repeat(limit - 2));
        let commit = Commit {
            outputs: vec![scene.outgoing("out", "k", "first"), large.clone()],
            ..Commit::default()
        };
        let Err(BusError::Stop(text)) = bus.commit(&commit) else { panic!("{guarantee:?}") };
        assert!(text.contains(&(limit + 1).to_string()) && text.contains("key 3"), "{text}");
        // Cut to the limit, it goes through.
        let cut = Outgoing { payload: Some(vec![b'x'; limit - 3]), ..large };
        let commit = Commit { outputs: vec![cut], ..Commit::default() };
        bus.commit(&commit).expect("it is within the limit");
        assert_eq!(scene.records("out").len(), 1, "{guarantee:?}");
        bus.close();
    }
}

pub(crate) fn an_empty_commit_is_no_commit(broker: &dyn Broker) {
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(broker, 1);
        let mut bus = scene.connect("w", guarantee);
        bus.commit(&Commit::default()).expect("there is nothing to do");
        assert_eq!(scene.committed(0), None);
        bus.close();
    }
}
