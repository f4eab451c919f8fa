//! What every bus promises about who may write.

use super::scene::{Broker, Scene, Seen, both_until};
use latefusion::shell::bus::{BusError, Commit, Guarantee, TopicPartition};

fn commit(scene: &Scene<'_>, place: &TopicPartition, text: &str) -> Commit {
    Commit {
        outputs: vec![scene.outgoing("out", "k", text)],
        checkpoint: vec![scene.outgoing("state", "lane", text)],
        offsets: vec![(place.clone(), 1)],
    }
}

pub(crate) fn a_second_worker_with_the_same_id_fences_the_first(broker: &dyn Broker) {
    let scene = Scene::new(broker, 1);
    let mut first = scene.connect("w", Guarantee::Transactional);
    let output =
        |text| Commit { outputs: vec![scene.outgoing("out", "k", text)], ..Commit::default() };
    first.commit(&output("a")).expect("it is the only one");
    let mut second = scene.connect("w", Guarantee::Transactional);
    let refused = first.commit(&output("b"));
    assert!(matches!(refused, Err(BusError::Restart(_))), "{refused:?}");
    second.commit(&output("c")).expect("it is the newest");
    assert_eq!(scene.payloads("out"), ["a", "c"]);
    first.close();
    second.close();
}

pub(crate) fn a_zombie_commits_neither_offsets_nor_outputs_nor_checkpoint(broker: &dyn Broker) {
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(broker, 1);
        let place = scene.input(0);
        let (mut zombie, mut zombie_saw) =
            (scene.connect_briefly("zombie", guarantee), Seen::default());
        zombie_saw.until(&mut *zombie, "assigned", |seen| !seen.owned.is_empty());
        broker.outlive_a_session();
        let (mut heir, mut heir_saw) = (scene.connect("heir", guarantee), Seen::default());
        heir_saw.until(&mut *heir, "taken over", |seen| !seen.owned.is_empty());
        let refused = zombie.commit(&commit(&scene, &place, "zombie"));
        match guarantee {
            Guarantee::Transactional => {
                assert!(matches!(refused, Err(BusError::Rewind(_) | BusError::Restart(_))))
            }
            // Either before anything was sent, or after the outputs.
            Guarantee::Idempotent => assert!(refused.is_err()),
        }
        assert_eq!(scene.payloads("state"), [""; 0], "{guarantee:?}");
        assert_eq!(scene.committed(0), None, "{guarantee:?}");
        heir.commit(&commit(&scene, &place, "heir")).expect("it owns the partition");
        assert_eq!(scene.payloads("state"), ["heir"], "{guarantee:?}");
        assert_eq!(scene.payloads("out").last().map(String::as_str), Some("heir"));
        if guarantee == Guarantee::Transactional {
            assert_eq!(scene.payloads("out"), ["heir"]);
        }
        both_until((&mut *zombie, &mut zombie_saw), (&mut *heir, &mut heir_saw), |zombie, _| {
            zombie.revoked == [place.clone()]
        });
        zombie.close();
        heir.close();
    }
}

pub(crate) fn work_of_a_revoked_partition_is_refused(broker: &dyn Broker) {
    let scene = Scene::new(broker, 2);
    for partition in 0..2 {
        scene.feed(partition, &["1"]);
    }
    let (mut first, mut first_saw) =
        (scene.connect("a", Guarantee::Transactional), Seen::default());
    first_saw.until(&mut *first, "both partitions", |seen| seen.records.len() == 2);
    let (mut second, mut second_saw) =
        (scene.connect("b", Guarantee::Transactional), Seen::default());
    both_until((&mut *first, &mut first_saw), (&mut *second, &mut second_saw), |first, second| {
        first.owned.len() == 1 && second.owned.len() == 1
    });
    assert_eq!(first_saw.revoked.len(), 1, "only what moves is revoked");
    let moved = first_saw.revoked[0].clone();
    assert!(second_saw.owned.contains(&moved));
    let refused = first.commit(&commit(&scene, &moved, "too late"));
    assert!(matches!(refused, Err(BusError::Rewind(_))), "{refused:?}");
    assert_eq!(scene.payloads("out"), [""; 0]);
    let kept = first_saw.owned.first().cloned().expect("it kept one");
    first.commit(&commit(&scene, &kept, "kept")).expect("it owns this one");
    second.commit(&commit(&scene, &moved, "moved")).expect("it owns this one");
    assert_eq!(scene.payloads("out"), ["kept", "moved"]);
    first.close();
    second.close();
}

pub(crate) fn a_worker_that_closes_hands_its_partitions_over_at_once(broker: &dyn Broker) {
    let scene = Scene::new(broker, 2);
    let (mut first, mut first_saw) = (scene.connect("a", Guarantee::Idempotent), Seen::default());
    first_saw.until(&mut *first, "both partitions", |seen| seen.owned.len() == 2);
    let (mut second, mut second_saw) = (scene.connect("b", Guarantee::Idempotent), Seen::default());
    both_until((&mut *first, &mut first_saw), (&mut *second, &mut second_saw), |first, second| {
        first.owned.len() == 1 && second.owned.len() == 1
    });
    first.close();
    second_saw.until(&mut *second, "everything", |seen| seen.owned.len() == 2);
    assert!(second_saw.revoked.is_empty(), "what it had it keeps");
    second.close();
}
