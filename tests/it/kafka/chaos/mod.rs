//! The fault run: the real program on a real broker, killed, stopped and cut off under load, and then an account of every record.
//!
//! `LATEFUSION_CHAOS_KILLS` says how many processes are killed (12; `make chaos`: 60), `LATEFUSION_SEED` which.

mod account;
mod processes;
mod traffic;

use super::cluster::Cluster;
use crate::seeds::say;
use account::Deployed;
use fastrand::Rng;
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::types::Span;
use processes::{Process, count_in_logs, latefusion};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use traffic::{Seen, feed, now, watch};

/// Largest payload that is looked at, in bytes.
const MAX_PAYLOAD: usize = 64 << 10;
const PARTITIONS: u32 = 4;
const PATIENTS: u32 = 200;
/// A stopped process is away for longer than its session and its transaction may last.
const ASLEEP: Duration = Duration::from_millis(8_000);
/// No fused score for so long, with every process up, is a pipeline that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

const ROLES: [&str; 5] =
    ["score vitals", "score labs", "score imaging", "score encounters", "fuse"];

/// Short time-outs, so that a minute holds many faults.
fn write_config(folder: &Path, brokers: &str) {
    let mut package = Package::shipped(Profile::Ward, &Registry::shipped());
    package.every = Span::seconds(5);
    package.lane_timeout = Span::seconds(10);
    let package = toml::to_string(&package).expect("a package is TOML");
    std::fs::write(folder.join("package.toml"), package).expect("the folder is there");
    let text = format!(
        "[kafka]\nbrokers = \"{brokers}\"\nsession_timeout = \"3s\"\ntransaction_timeout = \"6s\"\npatience = \"5s\"\n\
         max_poll_interval = \"20s\"\n[kafka.extra]\n\"socket.timeout.ms\" = \"5000\"\n[topics]\npartitions = {PARTITIONS}\n[lanes]\nmax_payload_bytes = {MAX_PAYLOAD}\n\
         checkpoint_interval = \"3s\"\nretry_for = \"10s\"\n[fusion]\npackage_file = \"{}\"\n\
         [telemetry]\nlisten = \"127.0.0.1:0\"\n",
        folder.join("package.toml").display()
    );
    std::fs::write(folder.join("latefusion.toml"), text).expect("the folder is there");
}

struct Chaos<'a> {
    random: Rng,
    cluster: &'a Cluster,
    folder: &'a Path,
    seen: &'a Mutex<Seen>,
    processes: Vec<Process>,
    /// When a fusion process was killed.
    fusion_killed: Vec<i64>,
    story: String,
}

impl Chaos<'_> {
    fn pause(&mut self, millis: std::ops::Range<u64>) {
        std::thread::sleep(Duration::from_millis(self.random.u64(millis)));
    }

    fn note(&mut self, what: &str) {
        let _text_takes_everything = writeln!(self.story, "{} {what}", now());
    }

    fn kill_one(&mut self, number: u32) {
        // Every third is fusion, the last in the list: it has the most to lose.
        let count = self.processes.len();
        let at = if number.is_multiple_of(3) { count - 1 } else { self.random.usize(..count) };
        self.note(&format!("kill -9 {}", self.processes[at].name));
        self.processes[at].kill();
        if self.processes[at].name.starts_with("fuse") {
            self.fusion_killed.push(now());
        }
        self.pause(0..600);
        self.processes[at].restart();
        self.pause(300..2_000);
    }

    /// A process sleeps through its session and its transaction while another of its role takes over, and then wakes.
    fn zombie(&mut self, role: &str) {
        let mut second = Process::start(self.folder, role, "second");
        self.pause(2_500..3_000);
        let at = ROLES.iter().position(|name| *name == role).expect("it is one of them");
        self.note(&format!("SIGSTOP {}", self.processes[at].name));
        self.processes[at].signal("STOP");
        std::thread::sleep(ASLEEP);
        self.processes[at].signal("CONT");
        self.note(&format!("SIGCONT {}", self.processes[at].name));
        self.pause(1_000..2_000);
        self.processes[at].expect_alive();
        second.expect_alive();
        second.leave();
        self.note(&format!("{} left", second.name));
    }

    fn broker_dies(&mut self) {
        self.note("kill -9 of the broker");
        self.cluster.command("kill9");
        self.pause(500..1_500);
        self.cluster.command("start");
        self.note("the broker is back");
    }

    /// Waits until fused scores flow again.
    fn expect_flow(&mut self) {
        let (from, began) = (now(), Instant::now());
        loop {
            let seen = self.seen.lock().expect("nobody panics with it").scores.last().copied();
            if seen.is_some_and(|last| last > from) {
                return;
            }
            self.processes.iter_mut().for_each(Process::expect_alive);
            assert!(began.elapsed() < PATIENCE, "no fused score for {PATIENCE:?}\n{}", self.story);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn run(&mut self, kills: u32) {
        self.expect_flow();
        // Undisturbed for a while: what the latencies are measured in.
        std::thread::sleep(Duration::from_secs(5));
        for kill in 0..kills {
            self.kill_one(kill);
            if kill == kills / 3 {
                self.zombie("fuse");
            }
            if kill == kills / 2 {
                self.broker_dies();
            }
            if kill == kills * 2 / 3 {
                self.zombie("score vitals");
            }
        }
        self.expect_flow();
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice_when_everything_is_killed_under_load() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("LATEFUSION_CHAOS_KILLS").unwrap_or(12) as u32;
    let seed = number("LATEFUSION_SEED").unwrap_or(1);
    let cluster = Cluster::start(&["--own"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let brokers = cluster.get("BOOTSTRAP").to_owned();
    write_config(folder.path(), &brokers);
    let config = folder.path().join("latefusion.toml");
    latefusion(&config, &["topics"]);
    latefusion(&config, &["activate"]);
    let deployed = Deployed::load(&config);
    let seen = Mutex::new(Seen::default());
    let (stop_feed, stop_watch) = (AtomicBool::new(false), AtomicBool::new(false));
    let began = Instant::now();
    let (story, fusion_killed, sent, quiet_until) = std::thread::scope(|scope| {
        // Whatever fails in here, the threads end.
        let _stop = [Raised(&stop_feed), Raised(&stop_watch)];
        let (names, topics) = (&deployed.pipeline.names, &deployed.pipeline.topics);
        let fed = scope.spawn(|| feed(&brokers, names, seed, PATIENTS, &stop_feed));
        scope
            .spawn(|| watch(&brokers, names, &topics.fused_scores, PARTITIONS, &seen, &stop_watch));
        let processes = ROLES.map(|role| Process::start(folder.path(), role, "0")).into();
        let (random, story) = (Rng::with_seed(seed), String::new());
        let fusion_killed = Vec::new();
        let mut chaos = Chaos {
            random,
            cluster: &cluster,
            folder: folder.path(),
            seen: &seen,
            processes,
            fusion_killed,
            story,
        };
        chaos.expect_flow();
        let quiet_until = now() + 5_000;
        chaos.run(kills);
        stop_feed.store(true, Ordering::Relaxed);
        let sent = fed.join().expect("everything was sent");
        // Scorers first: their last heartbeats are fusion's to read.
        let mut fuse = chaos.processes.pop().expect("it is the last one");
        deployed.wait_until_scored(&chaos.story);
        chaos.processes.iter_mut().for_each(Process::leave);
        deployed.wait_until_fused(&chaos.story);
        fuse.leave();
        (chaos.story, chaos.fusion_killed, sent, quiet_until)
    });
    say(format_args!("{story}faults and drain took {:?}", began.elapsed()));
    let accounts = deployed.account();
    let seen = seen.into_inner().expect("nobody panics with it");
    let words = ["back to the last committed state", "worker starts again", "lane restored"];
    let told = count_in_logs(folder.path(), &words);
    println!(
        "chaos, seed {seed}: {kills} processes killed -9 and restarted, 2 stopped past their transactions and woken, 2 more members \
         joined and left, 1 broker killed -9; {} aborts, {} reconnections, {} restores; {sent} records sent",
        told[0], told[1], told[2]
    );
    println!(
        "chaos: {} source records taken once, as by scorers that never stopped; {} repeats and zombies' writes dropped; {} dead \
         letters; {} fused scores derived again from the log, bit for bit; duplicates 0, lost 0",
        accounts.taken, accounts.repeated, accounts.dead_letters, accounts.compared
    );
    let first_after = |at: &i64| seen.scores.iter().find(|seen| *seen > at).map(|seen| seen - at);
    let after: Vec<i64> = fusion_killed.iter().filter_map(first_after).collect();
    println!("chaos: ms from kill -9 of fusion to the next committed fused score: {after:?}");
    let mut early = deployed.latencies(&seen.early, quiet_until);
    early.sort_unstable();
    let at =
        |share: usize| early.get((early.len() * share / 100).min(early.len().saturating_sub(1)));
    println!(
        "chaos: {} early panes before the first fault: ms from ingest of the event to the committed score being read: p50 {:?}, p99 {:?}",
        early.len(),
        at(50),
        at(99)
    );
    assert!(accounts.compared > 1_000, "only {} fused scores", accounts.compared);
    assert!(accounts.dead_letters > 0, "no poison");
}

/// Set when it goes out of scope.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
