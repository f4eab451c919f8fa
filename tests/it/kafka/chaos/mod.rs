//! The fault run: the real program on a real broker, killed, stopped and cut off under load, and then an account of every record.
//!
//! `LATEFUSION_CHAOS_KILLS` says how many processes are killed (10; `make chaos`: 60), `LATEFUSION_SEED` which. From 40 kills on, there
//! are more faults of the other kinds too.

mod account;
mod faults;
mod modalities;
mod processes;
mod restart;
mod traffic;
mod verdict;

use super::bounds::watch_over;
use super::cluster::Cluster;
use crate::seeds::say;
use account::{Deployed, Topics};
use fastrand::Rng;
use faults::{Chaos, Fault, MORTALS, SURVIVORS, Tally};
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::types::{Feed, ModalityId, Span};
use processes::{Process, count_in_logs, latefusion};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use traffic::{Seen, feed, now, watch};
use verdict::Verdict;

/// Largest payload that is looked at, in bytes.
const MAX_PAYLOAD: usize = 64 << 10;
const PARTITIONS: u32 = 4;
const PATIENTS: u32 = 200;
/// What the latencies are measured in, before the first fault.
const QUIET: Duration = Duration::from_secs(4);
/// A vitals event is waited for as long; so the newest windows of the run are not all closed.
const OUT_OF_ORDERNESS_MS: i64 = 10_000;
/// Writes of a woken scorer that come later are not a zombie's any more.
const AWAKE_MS: i64 = 3_000;

/// A deployment on a broker of its own, activated; nothing runs yet.
struct Site {
    folder: TempDir,
    config: PathBuf,
    brokers: String,
    deployed: Deployed,
}

impl Site {
    /// With short time-outs, so that a minute holds many faults.
    fn new(cluster: &Cluster, change: impl FnOnce(&mut Package)) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let brokers = cluster.get("BOOTSTRAP").to_owned();
        let mut package = Package::shipped(Profile::Ward, &Registry::shipped());
        package.every = Span::seconds(2);
        package.lane_timeout = Span::seconds(10);
        change(&mut package);
        let package = toml::to_string(&package).expect("a package is TOML");
        std::fs::write(folder.path().join("package.toml"), package).expect("the folder is there");
        let text = format!(
            "[kafka]\nbrokers = \"{brokers}\"\nsession_timeout = \"2s\"\ntransaction_timeout = \"3s\"\npatience = \"5s\"\n\
             max_poll_interval = \"20s\"\n[kafka.extra]\n\"socket.timeout.ms\" = \"3000\"\n[topics]\n\
             partitions = {PARTITIONS}\n[lanes]\nmax_payload_bytes = {MAX_PAYLOAD}\ncheckpoint_interval = \"3s\"\n\
             retry_for = \"10s\"\n[fusion]\npackage_file = \"{}\"\n[telemetry]\nlisten = \"127.0.0.1:0\"\n",
            folder.path().join("package.toml").display()
        );
        let config = folder.path().join("latefusion.toml");
        std::fs::write(&config, text).expect("the folder is there");
        latefusion(&config, &["topics"]);
        latefusion(&config, &["activate"]);
        let deployed = Deployed::load(&config);
        Self { folder, config, brokers, deployed }
    }
}

/// What is known when everybody has left.
struct Run {
    tally: Tally,
    story: String,
    sent: u64,
    /// The first fault came after, the feed ended at.
    quiet_until: i64,
    fed_until: i64,
    /// KiB of each process: before the faults, and when all lag was gone.
    resident: BTreeMap<String, [u64; 2]>,
    lag_gone: Duration,
}

fn run(
    chaos: &mut Chaos<'_>,
    (kills, faults): (u32, &[Fault]),
    end_of_feed: impl FnOnce() -> u64,
) -> Run {
    let resident = |chaos: &mut Chaos<'_>| -> Vec<(String, u64)> {
        chaos.everybody().map(|process| (process.name.clone(), process.resident_kib())).collect()
    };
    chaos.expect_flow();
    std::thread::sleep(QUIET);
    let quiet_until = now();
    let before = resident(chaos);
    chaos.run(kills, faults);
    let (fed_until, stopped) = (now(), Instant::now());
    let sent = end_of_feed();
    chaos.deployed.wait_until_scored(&chaos.story);
    chaos.deployed.wait_until_fused(&chaos.story);
    let lag_gone = stopped.elapsed();
    let after = resident(chaos);
    let resident = before.into_iter().zip(after);
    let resident = resident.map(|((name, before), (_, after))| (name, [before, after])).collect();
    // Scorers first: their last heartbeats are fusion's to read.
    let is_fusion = |process: &&mut Process| process.name.starts_with("fuse");
    chaos.everybody().filter(|process| !is_fusion(process)).for_each(Process::leave);
    chaos.deployed.wait_until_fused(&chaos.story);
    chaos.everybody().filter(is_fusion).for_each(Process::leave);
    chaos.expect_quiet();
    let (tally, story) = (std::mem::take(&mut chaos.tally), std::mem::take(&mut chaos.story));
    Run { tally, story, sent, quiet_until, fed_until, resident, lag_gone }
}

fn faults(is_long: bool) -> Vec<Fault> {
    let mut faults = vec![Fault::Zombies, Fault::BrokerDies, Fault::Guests, Fault::BrokerRestarts];
    if is_long {
        let more = [Fault::CoordinatorAway, Fault::Zombies, Fault::BrokerDies, Fault::Zombies];
        faults.extend(more);
    }
    faults
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_when_everything_is_killed_under_load() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("LATEFUSION_CHAOS_KILLS").unwrap_or(10) as u32;
    let seed = number("LATEFUSION_SEED").unwrap_or(1);
    let longest = Duration::from_secs(600 + 10 * u64::from(kills));
    let _watch = watch_over("the fault run and its account", longest);
    let cluster = Cluster::start(&["--own"]);
    let Site { folder, config, brokers, deployed } = Site::new(&cluster, |_| {});
    let seen = Mutex::new(Seen::default());
    let (stop_feed, stop_watch) = (AtomicBool::new(false), AtomicBool::new(false));
    let began = Instant::now();
    let run = std::thread::scope(|scope| {
        // Whatever fails in here, the threads end.
        let _stop = [Raised(&stop_feed), Raised(&stop_watch)];
        let (names, topics) = (&deployed.pipeline.names, &deployed.pipeline.topics);
        let fed = scope.spawn(|| feed(&brokers, names, seed, PATIENTS, &stop_feed));
        scope.spawn(|| watch(&brokers, names, &topics.fused_scores, &seen, &stop_watch));
        let start = |role: &str, instance| Process::start(folder.path(), role, instance);
        let mut chaos = Chaos {
            random: Rng::with_seed(seed),
            cluster: &cluster,
            folder: folder.path(),
            deployed: &deployed,
            seen: &seen,
            mortals: MORTALS.iter().map(|role| start(role, "0")).collect(),
            survivors: SURVIVORS.iter().map(|role| start(role, "survivor")).collect(),
            tally: Tally::default(),
            story: String::new(),
        };
        run(&mut chaos, (kills, &faults(kills >= 40)), || {
            stop_feed.store(true, Ordering::Relaxed);
            fed.join().expect("everything was sent")
        })
    });
    say(format_args!("{}faults and drain took {:?}", run.story, began.elapsed()));
    let seen = seen.into_inner().expect("nobody panics with it");
    tell_faults(seed, &run, folder.path());
    tell_times(&deployed, &run, &seen);
    let topics = Topics::read(&deployed);
    account(&Verdict::on(&topics, &seen), &run);
    let audit = latefusion(&config, &["audit"]);
    println!("chaos: audit: {}", audit.lines().last().unwrap_or_default());
    assert!(audit.contains(" 0 differences"), "{audit}");
    println!("chaos: all of it took {:?}", began.elapsed());
}

fn tell_faults(seed: u64, run: &Run, logs: &Path) {
    let (tally, lag_gone) = (&run.tally, run.lag_gone);
    let words = ["back to the last committed state", "worker starts again", "lane restored"];
    let told = count_in_logs(logs, &words);
    println!(
        "chaos, seed {seed}: {} processes killed -9 and restarted ({} of them fusion); broker killed -9 {} times, restarted {} times, \
         away for 20 s {} times; {} members joined and left",
        tally.kills,
        tally.fusion_killed.len(),
        tally.broker_kills,
        tally.broker_restarts,
        tally.coordinator_away,
        tally.guests
    );
    println!(
        "chaos: {} transactions aborted by time-out, {} zombies of fusion fenced, {} zombies of scoring woken; {} rewinds, {} \
         reconnections, {} restores; {} records sent; lag zero {lag_gone:?} after the last",
        tally.timed_out,
        tally.fenced,
        tally.scorers_woken.len(),
        told[0],
        told[1],
        told[2],
        run.sent
    );
    for (name, [before, after]) in &run.resident {
        println!("chaos: memory of {name}: {before} KiB before the faults, {after} KiB after");
        // What is kept of each patient grows with the run; what is left over from faults must not.
        assert!(*after < before * 2 + 65_536, "{name} has grown from {before} to {after} KiB");
    }
}

fn account(verdict: &Verdict<'_>, run: &Run) {
    let (lost, duplicates, strange) = (verdict.lost.len(), verdict.duplicates, verdict.strange);
    let letters = verdict.dead_letters();
    let zombies = |(lane, at): &&(latefusion::types::SourceLane, i64)| {
        let woken = |from: &i64| (*from..from + AWAKE_MS).contains(at);
        lane.feed == Feed::Modality(ModalityId(0)) && run.tally.scorers_woken.iter().any(woken)
    };
    let of_zombies = verdict.log.repeats.iter().filter(zombies).count();
    println!(
        "chaos: {} source records taken once, as by scorers that never stopped; {} dropped as old ({of_zombies} of them while a zombie \
         scorer woke); dead letters {letters:?}",
        verdict.log.taken,
        verdict.log.repeats.len()
    );
    let until = run.fed_until - 2 * OUT_OF_ORDERNESS_MS;
    let (windows, differ) = verdict.against_replay(until);
    println!(
        "chaos: {windows} final revisions compared with a replay, {} differences",
        differ.len()
    );
    println!("chaos: duplicates {duplicates}, lost {lost}, not derived from the log {strange}");
    let compared = verdict.published();
    println!("chaos: {compared} fused scores derived again from the log, bit for bit");
    assert!(differ.is_empty(), "the first of {}: {}", differ.len(), differ[0]);
    assert_eq!((duplicates, lost, strange), (0, 0, 0), "lost: {:?}", verdict.lost.first());
    assert!(windows > 1_000 && compared > 1_000, "only {windows} and {compared}");
    assert!(letters.len() >= 7, "poison of every kind: {letters:?}");
}

fn tell_times(deployed: &Deployed, run: &Run, seen: &Seen) {
    let first_after = |at: i64| {
        let in_partition = |times: &Vec<i64>| times.iter().find(|time| **time > at).copied();
        seen.scores.iter().map(in_partition).max().flatten().map(|time| time - at)
    };
    let mut after: Vec<i64> =
        run.tally.fusion_killed.iter().filter_map(|at| first_after(*at)).collect();
    after.sort_unstable();
    println!(
        "chaos: ms from kill -9 of a fusion process to new scores in every partition: {after:?}"
    );
    let mut early = deployed.latencies(&seen.early, run.quiet_until);
    early.sort_unstable();
    let at =
        |share: usize| early.get((early.len() * share / 100).min(early.len().saturating_sub(1)));
    println!(
        "chaos: {} early panes before the first fault: ms from ingest of the event to the committed score being read: p50 {:?}, p99 {:?}",
        early.len(),
        at(50),
        at(99)
    );
}

/// Set when it goes out of scope.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
