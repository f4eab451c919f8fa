//! The access rules of deploy/strimzi/users.yaml on a real broker that knows no others: every role runs under its own user, and each
//! rule of a role that is taken away makes it end with a message that says so. (The users show their passwords with PLAIN here instead of
//! SCRAM: the authorizer sees the same user.)

use super::super::strimzi::{Rule, roles, users};
use super::{LONGEST, Process, latefusion, succeeded, wait_for, wire};
use crate::kafka::cluster::Cluster;
use latefusion::shell::bus::kafka::topics::{apply, plan};
use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings};
use latefusion::shell::bus::{Bus, Commit, Guarantee, Outgoing, TopicPartition, Worker};
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::patience::insist;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PASSWORD: &str = "only-here";
/// Small, so that everything is written soon.
const SETTINGS: &str = "[topics]\npartitions = 1\n[lanes]\ncheckpoint_interval = \"1s\"\n\
                        [telemetry]\nlisten = \"127.0.0.1:0\"\n";

struct Site {
    folder: tempfile::TempDir,
    cluster: Cluster,
    users: BTreeMap<String, Vec<Rule>>,
    deployment: Deployment,
}

impl Site {
    fn new() -> Self {
        let users = users();
        let passwords: Vec<String> =
            users.keys().map(|user| format!("user_{user}=\"{PASSWORD}\"")).collect();
        let login = "org.apache.kafka.common.security.plain.PlainLoginModule";
        let login = format!("{login} required {};", passwords.join(" "));
        // Whoever comes by the open listener is the broker itself, or the test.
        let cluster = Cluster::start(&[
            "--secure",
            "--own",
            "--set",
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "--set",
            "super.users=User:ANONYMOUS",
            "--set",
            &format!("listener.name.sasl_ssl.plain.sasl.jaas.config={login}"),
        ]);
        let config = Config::parse(SETTINGS).expect("no mistakes");
        let deployment = Deployment::new(config).expect("no mistakes");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("password"), PASSWORD).expect("the folder is there");
        let site = Self { folder, cluster, users, deployment };
        let specs = site.deployment.config.topic_specs(&site.deployment.registry);
        let missing = plan(&site.settings(), &specs).expect("the broker is there");
        let made = apply(&site.settings(), &missing).expect("it is allowed everything");
        assert_eq!(made.len(), specs.len());
        for (user, rules) in &site.users {
            wire::allow(site.cluster.get("BOOTSTRAP"), user, rules);
        }
        site
    }

    /// Of the test: it may do everything.
    fn settings(&self) -> KafkaSettings {
        let brokers = self.cluster.get("BOOTSTRAP").to_owned();
        KafkaSettings { brokers, ..KafkaSettings::default() }
    }

    fn bus(&self) -> KafkaBus {
        let worker = Worker {
            group: "test".to_owned(),
            id: "test".to_owned(),
            topics: Vec::new(),
            guarantee: Guarantee::Idempotent,
        };
        KafkaBus::connect(&self.settings(), worker).expect("the broker is there")
    }

    /// The configuration of a user.
    fn config(&self, user: &str) -> PathBuf {
        let text = format!(
            "[kafka]\nbrokers = {:?}\nsecurity = \"sasl_tls\"\nmechanism = \"PLAIN\"\nusername = {user:?}\n\
             password_file = {:?}\nca_file = {:?}\n{SETTINGS}",
            self.cluster.get("SASL_BOOTSTRAP"),
            self.folder.path().join("password").display().to_string(),
            self.cluster.get("TLS_CA"),
        );
        let file = self.folder.path().join(format!("{user}.toml"));
        std::fs::write(&file, text).expect("the folder is there");
        file
    }

    fn start(&self, user: &str, words: &[&str]) -> Process {
        let log = self.folder.path().join(format!("{user}.log"));
        Process::start(&mut latefusion(&self.config(user), words), log)
    }

    /// What a command printed; it must succeed.
    fn said(&self, user: &str, words: &[&str]) -> String {
        let output = latefusion(&self.config(user), words).output().expect("it can be run");
        succeeded(&format!("{user}: {words:?}"), &output)
    }

    fn ends(&self, bus: &mut KafkaBus) -> BTreeMap<String, i64> {
        let specs = self.deployment.config.topic_specs(&self.deployment.registry);
        let mut ends = BTreeMap::new();
        for spec in specs {
            let place = TopicPartition::new(spec.name.as_str(), 0);
            // A client does not know a topic yet that was made a moment ago.
            let end = wait_for("the end of a topic", || bus.progress(&place).ok()).end;
            ends.insert(spec.name, end);
        }
        ends
    }

    /// A record that nobody can read, into everything that a role reads: each writes it to the dead letters.
    fn spoil(&self, bus: &mut KafkaBus) {
        let read = self.users.iter().filter(|(user, _)| command(user)[0] == "run");
        let topics = read.flat_map(|(_, rules)| rules).filter(|rule| {
            rule.kind == "topic" && rule.operation == "Read" && !rule.name.contains("state")
        });
        let outputs = topics.map(|rule| Outgoing {
            topic: rule.name.as_str().into(),
            partition: Some(0),
            key: Some(b"p".to_vec()),
            payload: Some(b"{".to_vec()),
            headers: Vec::new(),
        });
        let commit = Commit { outputs: outputs.collect(), ..Commit::default() };
        assert_eq!(commit.outputs.len(), 5);
        insist(LONGEST, || bus.commit(&commit)).expect("the broker is there");
    }
}

/// The command of a user, by its name.
fn command(user: &str) -> Vec<&str> {
    match user.strip_prefix("latefusion-").expect("they all begin so") {
        "activate" => vec!["activate"],
        "produce" => vec!["produce", "--patients", "30", "--vitals-every", "1s"],
        "watch" => vec!["watch", "--plain", "--summary-every", "1"],
        "inspect" => vec!["audit"],
        "fuse" => vec!["run", "fuse"],
        role => vec!["run", "score", role.strip_prefix("score-").expect("a scorer")],
    }
}

#[test]
fn every_role_runs_with_exactly_the_rights_of_its_user() {
    let site = Site::new();
    let mut bus = site.bus();
    site.said("latefusion-activate", &command("latefusion-activate"));
    let mut ward = site.start("latefusion-produce", &command("latefusion-produce"));
    let users: Vec<String> =
        roles(&site.deployment).iter().map(|role| format!("latefusion-{role}")).collect();
    let start =
        || -> Vec<Process> { users.iter().map(|user| site.start(user, &command(user))).collect() };
    let mut running = start();
    let wrote = ["fused-scores", "availability", "latefusion-state-score", "latefusion-state-fuse"];
    let until_past = |running: &mut [Process],
                      ward: &mut Process,
                      bus: &mut KafkaBus,
                      past: &BTreeMap<String, i64>| {
        site.spoil(bus);
        let before = past.get("dead-letters").copied().unwrap_or(0);
        wait_for("outputs of every kind", || {
            for process in running.iter_mut().chain([&mut *ward]) {
                let ended = process.child.try_wait().expect("it is our child");
                assert_eq!(ended, None, "{}", process.log());
            }
            let ends = site.ends(bus);
            let grown =
                wrote.iter().all(|topic| ends[*topic] > past.get(*topic).copied().unwrap_or(0) + 5);
            (grown && ends["dead-letters"] >= before + 5).then_some(())
        });
    };
    until_past(&mut running, &mut ward, &mut bus, &BTreeMap::new());
    for process in &mut running {
        process.end();
    }
    // Again, which restores: they may read what they wrote.
    let past = site.ends(&mut bus);
    running = start();
    until_past(&mut running, &mut ward, &mut bus, &past);
    for process in &running {
        assert!(!process.log().to_lowercase().contains("authoriz"), "{}", process.log());
    }
    let seen = site
        .said("latefusion-watch", &["watch", "--plain", "--seconds", "4", "--summary-every", "1"]);
    assert!(seen.lines().count() > 2, "{seen}");
    let inspect = |words: &[&str]| site.said("latefusion-inspect", words);
    assert!(inspect(&["topics", "--dry-run"]).contains(" 0 things differ"));
    assert!(inspect(&["check"]).contains("every topic as it should be"));
    assert!(!inspect(&["dead-letters", "list"]).contains("\n0 dead letters"));
    assert!(inspect(&["audit"]).contains(" 0 differences"));
    drop((running, ward));
    none_can_be_spared(&site);
}

/// The users that share no group and no transactional id are tried at the same time.
fn none_can_be_spared(site: &Site) {
    let tried = Mutex::new(0);
    // The other scorers are as the first.
    let users = ["score-vitals", "score-encounters", "fuse", "activate", "produce", "watch"];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut bus = site.bus();
            let mut feeder = Process::start(
                latefusion(&open(site), &command("latefusion-produce")).arg("--seed=5"),
                site.folder.path().join("feeder.log"),
            );
            let began = Instant::now();
            while *tried.lock().expect("no test panicked") < users.len() {
                site.spoil(&mut bus);
                assert_eq!(feeder.child.try_wait().expect("our child"), None, "{}", feeder.log());
                assert!(began.elapsed() < LONGEST * 4, "they do not end");
                std::thread::sleep(Duration::from_millis(300));
            }
        });
        for user in users.map(|role| format!("latefusion-{role}")) {
            let tried = &tried;
            scope.spawn(move || {
                let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    spare_each(site, &user)
                }));
                *tried.lock().expect("no test panicked") += 1;
                if let Err(panic) = done {
                    std::panic::resume_unwind(panic);
                }
            });
        }
    });
}

/// A configuration without a user.
fn open(site: &Site) -> PathBuf {
    let file = site.folder.path().join("open.toml");
    let brokers = site.cluster.get("BOOTSTRAP");
    let text = format!("[kafka]\nbrokers = {brokers:?}\n{SETTINGS}");
    std::fs::write(&file, text).expect("the folder is there");
    file
}

fn spare_each(site: &Site, user: &str) {
    let bootstrap = site.cluster.get("BOOTSTRAP");
    for rule in &site.users[user] {
        wire::forbid(bootstrap, user, rule);
        let mut process = site.start(user, &command(user));
        let began = Instant::now();
        let status = loop {
            if let Some(status) = process.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(
                began.elapsed() < LONGEST,
                "{user} goes on without {rule:?}:\n{}",
                last_lines(&process.log())
            );
            std::thread::sleep(Duration::from_millis(50));
        };
        let told = process.log();
        let clear = told.contains("give this user the right to it");
        assert!(
            !status.success() && clear,
            "{user} without {rule:?}: {status}\n{}",
            last_lines(&told)
        );
        wire::allow(bootstrap, user, std::slice::from_ref(rule));
    }
}

/// A log may be long.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
