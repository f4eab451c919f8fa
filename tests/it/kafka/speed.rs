//! Commits do not wait on the client's polling intervals.

use super::{Kafka, shared};
use crate::bus_contract::scene::{Scene, Seen};
use latefusion::shell::bus::{Commit, Guarantee};
use std::time::{Duration, Instant};

/// `flush` and `commit_transaction` look for acknowledgements every 100 ms when they are left to it. The median of a commit done
/// right is about 5 ms; a busy machine gets some room.
#[test]
fn a_commit_does_not_wait_on_a_polling_interval() {
    let kafka = Kafka(shared());
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(&kafka, 1);
        let (mut bus, mut seen) = (scene.connect("w", guarantee), Seen::default());
        seen.until(&mut *bus, "assigned", |seen| !seen.owned.is_empty());
        let mut took: Vec<Duration> = Vec::new();
        for offset in 0..60 {
            let commit = Commit {
                outputs: vec![scene.outgoing("out", "k", "x")],
                checkpoint: Vec::new(),
                offsets: vec![(scene.input(0), offset)],
            };
            let began = Instant::now();
            bus.commit(&commit).expect("the broker is there");
            took.push(began.elapsed());
            seen.poll(&mut *bus, 0).expect("the broker is there");
        }
        took.sort();
        let (median, late) = (took[30], took[57]);
        println!(
            "{guarantee:?}: median {median:?}, 95th percentile {late:?} of {} commits",
            took.len()
        );
        assert!(median < Duration::from_millis(80), "{guarantee:?}: {median:?}");
        bus.close();
    }
}
