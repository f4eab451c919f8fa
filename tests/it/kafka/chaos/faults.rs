//! What befalls the processes and their broker, and a tally of what was seen to happen.

use super::account::{Deployed, insist};
use super::processes::Process;
use super::traffic::{Seen, now};
use crate::kafka::cluster::Cluster;
use fastrand::Rng;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, TopicPartition};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A stopped process is away for longer than its session (2 s) and its transaction (3 s, looked at every second) may last.
const ASLEEP: Duration = Duration::from_millis(4_500);
/// No fused score for so long, with every process up, is a pipeline that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// A woken process whose transaction is over finds that out at once.
const AWAKE: Duration = Duration::from_secs(8);
/// How long the coordinator is away in the long run.
const AWAY: Duration = Duration::from_secs(20);
/// What a worker says whose transaction was taken from it.
const FENCED: &str = "hung for longer than the transaction timeout";

/// Those that are killed; `score` of a modality has nobody beside it but for vitals.
pub(super) const MORTALS: [&str; 5] =
    ["score vitals", "score labs", "score imaging", "score encounters", "fuse"];
/// Those that live through everything.
pub(super) const SURVIVORS: [&str; 2] = ["score vitals", "fuse"];

/// What happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: u32,
    /// When a fusion process was killed.
    pub(super) fusion_killed: Vec<i64>,
    /// Transactions of a stopped process that the broker was seen to abort.
    pub(super) timed_out: u32,
    /// Woken fusion processes that were refused.
    pub(super) fenced: u32,
    /// When a stopped scorer of vitals was woken.
    pub(super) scorers_woken: Vec<i64>,
    /// Members that came and were given partitions, and left.
    pub(super) guests: u32,
    pub(super) broker_kills: u32,
    pub(super) broker_restarts: u32,
    pub(super) coordinator_away: u32,
}

/// One thing to befall them between kills.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Zombies,
    Guests,
    BrokerDies,
    BrokerRestarts,
    CoordinatorAway,
}

pub(super) struct Chaos<'a> {
    pub(super) random: Rng,
    pub(super) cluster: &'a Cluster,
    pub(super) folder: &'a Path,
    pub(super) deployed: &'a Deployed,
    pub(super) seen: &'a Mutex<Seen>,
    pub(super) mortals: Vec<Process>,
    pub(super) survivors: Vec<Process>,
    pub(super) tally: Tally,
    pub(super) story: String,
}

impl Chaos<'_> {
    fn pause(&mut self, millis: std::ops::Range<u64>) {
        std::thread::sleep(Duration::from_millis(self.random.u64(millis)));
    }

    fn note(&mut self, what: &str) {
        let _text_takes_everything = writeln!(self.story, "{} {what}", now());
    }

    pub(super) fn everybody(&mut self) -> impl Iterator<Item = &mut Process> {
        self.mortals.iter_mut().chain(&mut self.survivors)
    }

    fn mortal(role: &str) -> usize {
        MORTALS.iter().position(|name| *name == role).expect("it is one of them")
    }

    /// Kills, with the other faults spread between them.
    pub(super) fn run(&mut self, kills: u32, faults: &[Fault]) {
        let step = (kills / (faults.len() as u32 + 1)).max(1);
        let mut faults = faults.iter();
        for kill in 0..kills {
            self.kill_one(kill);
            if (kill + 1).is_multiple_of(step)
                && let Some(fault) = faults.next()
            {
                self.befall(*fault);
            }
        }
        faults.for_each(|fault| self.befall(*fault));
        self.expect_flow();
    }

    fn kill_one(&mut self, number: u32) {
        // Every third is fusion, the last in the list: it has the most to lose.
        let count = self.mortals.len();
        let at = if number.is_multiple_of(3) { count - 1 } else { self.random.usize(..count) };
        self.note(&format!("kill -9 {}", self.mortals[at].name));
        self.mortals[at].kill();
        self.tally.kills += 1;
        if at == count - 1 {
            self.tally.fusion_killed.push(now());
        }
        self.pause(0..400);
        self.mortals[at].restart();
        self.pause(200..1_400);
    }

    fn befall(&mut self, fault: Fault) {
        self.note(&format!("{fault:?}"));
        match fault {
            Fault::Zombies => self.zombies(),
            Fault::Guests => self.guests(),
            Fault::BrokerDies => {
                self.cluster.command("kill9");
                self.pause(500..1_500);
                self.cluster.command("start");
                self.tally.broker_kills += 1;
            }
            Fault::BrokerRestarts => {
                self.cluster.command("restart");
                self.tally.broker_restarts += 1;
            }
            Fault::CoordinatorAway => {
                self.cluster.command("pause");
                std::thread::sleep(AWAY);
                self.cluster.command("resume");
                self.tally.coordinator_away += 1;
            }
        }
        self.note("over");
        self.expect_flow();
    }

    /// Until a fusion process was seen to be fenced: a transaction seen open may have been the survivor's, on a slow machine.
    fn zombies(&mut self) {
        for _ in 0..4 {
            self.expect_flow();
            if self.sleep_and_wake() {
                (self.tally.timed_out, self.tally.fenced) =
                    (self.tally.timed_out + 1, self.tally.fenced + 1);
                return;
            }
        }
        panic!("no woken fusion process was fenced\n{}", self.story);
    }

    /// A fusion process sleeps through its session and its open transaction, a scorer of vitals through its session, while the
    /// survivors take over; then both wake. Whether fusion was fenced.
    fn sleep_and_wake(&mut self) -> bool {
        let (fuse, vitals) = (Self::mortal("fuse"), Self::mortal("score vitals"));
        let mut bus = self.deployed.connect("chaos-onlooker".to_owned());
        let (place, held) = self.stop_in_a_transaction(fuse, &mut bus);
        let stopped = Instant::now();
        self.mortals[vitals].signal("STOP");
        self.note(&format!("both are stopped; {place} is held at {held}"));
        until("the broker aborts the transaction of a stopped fusion process", || {
            insist(|| bus.progress(&place)).stable > held
        });
        bus.close();
        std::thread::sleep(ASLEEP.saturating_sub(stopped.elapsed()));
        let fences = |chaos: &Self| chaos.mortals[fuse].log().matches(FENCED).count();
        let known = fences(self);
        self.tally.scorers_woken.push(now());
        self.mortals[vitals].signal("CONT");
        self.mortals[fuse].signal("CONT");
        self.note("both are woken");
        let woken = Instant::now();
        while fences(self) == known && woken.elapsed() < AWAKE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.everybody().for_each(Process::expect_alive);
        fences(self) > known
    }

    /// Stops a process while a transaction of it is open, which is most of a commit: where it holds readers, and at which offset.
    fn stop_in_a_transaction(&mut self, at: usize, bus: &mut KafkaBus) -> (TopicPartition, i64) {
        let places = self.deployed.written_by_fusion();
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.mortals[at].signal("STOP");
            let held = |bus: &mut KafkaBus, place: &TopicPartition| {
                let progress = insist(|| bus.progress(place));
                (progress.stable < progress.end).then_some(progress.stable)
            };
            let found = places.iter().find_map(|place| Some((place, held(bus, place)?)));
            if let Some((place, offset)) = found {
                // The survivor's transactions hold readers too, but never for long; and the end of this one may be on its way.
                std::thread::sleep(Duration::from_millis(600));
                if held(bus, place) == Some(offset) {
                    return (place.clone(), offset);
                }
            }
            self.mortals[at].signal("CONT");
            self.pause(3..40);
        }
        panic!("{} was never stopped in a transaction\n{}", self.mortals[at].name, self.story);
    }

    /// Two more members come, are given partitions, and leave.
    fn guests(&mut self) {
        let mut guests =
            ["fuse", "score labs"].map(|role| Process::start(self.folder, role, "guest"));
        for guest in &guests {
            until(&format!("{} is given a partition", guest.name), || {
                guest.log().contains("lane restored")
            });
        }
        self.pause(500..1_500);
        for guest in &mut guests {
            guest.leave();
            self.tally.guests += 1;
        }
    }

    /// Waits until fused scores flow again in every partition.
    pub(super) fn expect_flow(&mut self) {
        let (from, began) = (now(), Instant::now());
        loop {
            let flows = {
                let seen = self.seen.lock().expect("nobody panics with it");
                let fresh = |times: &Vec<i64>| times.last().is_some_and(|last| *last > from);
                seen.scores.iter().filter(|times| fresh(times)).count()
            };
            if flows == super::PARTITIONS as usize {
                return;
            }
            self.everybody().for_each(Process::expect_alive);
            assert!(
                began.elapsed() < PATIENCE,
                "fused scores in {flows} partitions only for {PATIENCE:?}\n{}",
                self.story
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the reader of committed scores has read all there are.
    pub(super) fn expect_quiet(&self) {
        let mut known = (0, Instant::now());
        until("the reader of committed scores comes to their end", || {
            let panes = self.seen.lock().expect("nobody panics with it").panes.len();
            if panes != known.0 {
                known = (panes, Instant::now());
            }
            known.1.elapsed() > Duration::from_millis(1_500)
        });
    }
}

fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
