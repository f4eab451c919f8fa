//! A modality whose scorer has gone must not hold up the others.

use super::processes::Process;
use super::traffic::{Seen, feed, now, watch};
use super::{PARTITIONS, Raised, Site};
use crate::kafka::bounds::watch_over;
use crate::kafka::cluster::Cluster;
use latefusion::types::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const PATIENTS: u32 = 60;
/// An on-time pane comes the out-of-orderness of vitals (10 s) after its window has ended.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of each phase is looked at, in windows.
const WINDOWS: i64 = 3;

/// Waits until windows that end after `from` (ms) are closed in every partition; how many patients each had, and how long after
/// its end (ms) its pane came.
fn panes_after(from: i64, seen: &Mutex<Seen>) -> (Vec<usize>, Vec<i64>) {
    let every = Span::seconds(2).as_millis();
    let first = (from / every + 1) * every;
    let wanted = (0..WINDOWS).map(|n| first + n * every);
    let began = Instant::now();
    loop {
        let closed = {
            let seen = seen.lock().expect("nobody panics with it");
            // The window after the last that is wanted: by then that one is complete.
            let next = first + WINDOWS * every;
            let beyond = seen.on_time.iter().filter(|pane| pane.end >= next);
            let partitions: BTreeSet<i32> = beyond.map(|pane| pane.partition).collect();
            partitions.len() == PARTITIONS as usize
        };
        if closed {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "no window that ends after {from} closes in every partition"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let seen = seen.lock().expect("nobody panics with it");
    let mut patients: BTreeMap<i64, BTreeSet<&str>> =
        wanted.map(|end| (end, BTreeSet::new())).collect();
    let mut delays = Vec::new();
    for pane in &seen.on_time {
        if let Some(patients) = patients.get_mut(&pane.end) {
            patients.insert(pane.patient.as_str());
            delays.push(pane.at - pane.end);
        }
    }
    delays.sort_unstable();
    (patients.values().map(BTreeSet::len).collect(), delays)
}

#[test]
fn scorers_that_stop_or_die_delay_no_patient_whose_other_modalities_keep_coming() {
    let _watch = watch_over("panes of patients whose vitals keep coming", Duration::from_secs(400));
    let cluster = Cluster::start(&["--own"]);
    let site = Site::new(&cluster, |_| {});
    let (names, topics) = (&site.deployed.pipeline.names, &site.deployed.pipeline.topics);
    let (seen, stop) = (Mutex::new(Seen::default()), AtomicBool::new(false));
    let (calm, gone) = std::thread::scope(|scope| {
        let _stop = Raised(&stop);
        scope.spawn(|| feed(&site.brokers, names, 5, PATIENTS, &stop));
        scope.spawn(|| watch(&site.brokers, names, &topics.fused_scores, &seen, &stop));
        let start = |role: &str| Process::start(site.folder.path(), role, "0");
        let _there = ["score vitals", "score encounters", "fuse"].map(start);
        let (labs, mut imaging) = (start("score labs"), start("score imaging"));
        panes_after(now(), &seen);
        let calm = panes_after(now(), &seen);
        labs.signal("STOP");
        imaging.kill();
        // As long as labs is stopped and imaging dead.
        (calm, panes_after(now(), &seen))
    });
    let tell = |what: &str, (patients, delays): &(Vec<usize>, Vec<i64>)| {
        let median = delays[delays.len() / 2];
        let longest = delays.last().copied().unwrap_or(0);
        println!(
            "modalities: {what}: patients in {WINDOWS} windows {patients:?}; ms from a window's end to its pane: median {median}, longest \
             {longest}"
        );
    };
    tell("every scorer at work", &calm);
    tell("labs stopped, imaging killed", &gone);
    let least = calm.0.iter().min().copied().unwrap_or(0);
    assert!(least > PATIENTS as usize / 2, "{calm:?}");
    // A monitor may be off for a window.
    assert!(gone.0.iter().all(|patients| *patients + 6 > least), "{gone:?}");
}
