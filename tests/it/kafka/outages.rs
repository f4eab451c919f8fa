//! Brokers that hang, die and come back. Nothing is lost, nothing comes twice.

use super::Kafka;
use super::bounds::watch_over;
use super::cluster::Cluster;
use crate::bus_contract::scene::{Scene, Seen};
use latefusion::shell::bus::{BusError, Commit, Guarantee};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Twice what a commit, its abort and a new connection may take with the default `patience`.
const LONGEST: Duration = Duration::from_secs(180);

/// A broker to be ill-treated, by one test at a time.
fn rough() -> (&'static Cluster, MutexGuard<'static, ()>) {
    static ROUGH: OnceLock<Cluster> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = ROUGH.get_or_init(|| Cluster::start(&["--own"]));
    // The test before may have failed in the middle of an outage.
    cluster.command("resume");
    cluster.command("start");
    (cluster, turn)
}

fn commit(scene: &Scene<'_>, n: usize) -> Commit {
    Commit {
        outputs: vec![scene.outgoing("out", "k", &n.to_string())],
        checkpoint: Vec::new(),
        offsets: vec![(scene.input(0), n as i64)],
    }
}

/// Commits 1, 2 and 3, the second of them while the broker is away, as a driver does: a rewound commit is made again, after a
/// restart the committed offset says whether it has to be.
fn commits_over(
    guarantee: Guarantee,
    outage: impl Fn(&Cluster) + Sync,
    back: impl Fn(&Cluster) + Sync,
) {
    let (cluster, _turn) = rough();
    let kafka = Kafka(cluster);
    let _watch = watch_over(&format!("{guarantee:?} commits over an outage"), LONGEST);
    let scene = Scene::new(&kafka, 1);
    let (mut bus, mut seen) = (scene.connect("w", guarantee), Seen::default());
    seen.until(&mut *bus, "assigned", |seen| !seen.owned.is_empty());
    bus.commit(&commit(&scene, 1)).expect("the broker is there");
    let began = Instant::now();
    let mut restarts = 0;
    std::thread::scope(|scope| {
        outage(cluster);
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            back(cluster);
        });
        while let Err(error) = bus.commit(&commit(&scene, 2)) {
            match error {
                BusError::Rewind(_) | BusError::Retry(_) => {
                    seen.poll(&mut *bus, 0).expect("it gets over it");
                }
                BusError::Restart(_) => {
                    restarts += 1;
                    bus.close();
                    (bus, seen) = (scene.connect("w", guarantee), Seen::default());
                    if bus.committed(&scene.input(0)) == Ok(Some(2)) {
                        break;
                    }
                }
                BusError::Stop(text) => panic!("nothing has to be changed: {text}"),
            }
            seen.until(&mut *bus, "assigned again", |seen| !seen.owned.is_empty());
        }
    });
    println!("{guarantee:?}: committed after {:?}, {restarts} restarts", began.elapsed());
    assert!(began.elapsed() > Duration::from_secs(1), "the broker was away");
    seen.until(&mut *bus, "assigned", |seen| !seen.owned.is_empty());
    bus.commit(&commit(&scene, 3)).expect("the broker is back");
    let mut payloads = scene.payloads("out");
    if guarantee == Guarantee::Idempotent && restarts > 0 {
        // Repeats are for the reader to drop, by position.
        payloads.dedup();
    }
    assert_eq!(payloads, ["1", "2", "3"], "{guarantee:?}");
    assert_eq!(scene.committed(0), Some(3), "{guarantee:?}");
    bus.close();
}

#[test]
fn a_transaction_outlives_a_broker_that_hangs() {
    let guarantee = Guarantee::Transactional;
    commits_over(
        guarantee,
        |cluster| cluster.command("pause"),
        |cluster| cluster.command("resume"),
    );
}

#[test]
fn an_idempotent_commit_outlives_a_broker_that_hangs() {
    let guarantee = Guarantee::Idempotent;
    commits_over(
        guarantee,
        |cluster| cluster.command("pause"),
        |cluster| cluster.command("resume"),
    );
}

#[test]
fn a_transaction_outlives_a_broker_that_is_killed() {
    let guarantee = Guarantee::Transactional;
    commits_over(guarantee, |cluster| cluster.command("kill9"), |cluster| cluster.command("start"));
}

#[test]
fn nothing_is_caught_up_while_the_broker_hangs() {
    let (cluster, _turn) = rough();
    let kafka = Kafka(cluster);
    let _watch = watch_over("an idle partition while the broker hangs", LONGEST);
    let scene = Scene::new(&kafka, 1);
    let (mut bus, mut seen) = (scene.connect("w", Guarantee::Idempotent), Seen::default());
    seen.until(&mut *bus, "caught up", |seen| !seen.caught_up.is_empty());
    // Longer than the end that was reached is proof by itself.
    for _ in 0..150 {
        seen.poll(&mut *bus, 0).expect("the broker is there");
    }
    assert_eq!(seen.caught_up.len(), 1, "an idle partition stays caught up");
    cluster.command("pause");
    seen.until(&mut *bus, "no longer caught up", |seen| seen.caught_up.is_empty());
    cluster.command("resume");
    seen.until(&mut *bus, "caught up again", |seen| !seen.caught_up.is_empty());
    bus.close();
}
