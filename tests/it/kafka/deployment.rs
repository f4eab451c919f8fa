//! The program itself, as real processes on a real broker: topics, activation, two of every role, a crash, an orderly end, an audit.

use super::{Kafka, shared};
use latefusion::modality::Registry;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, Commit, Guarantee, Outgoing, TopicPartition, Worker};
use latefusion::shell::patience::insist;
use latefusion::shell::simulator::{Ward, WardConfig};
use latefusion::types::{EventTime, Feed, IngestTime, Span};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PARTITIONS: u32 = 2;
/// For anything that should happen soon, on a machine that is busy with other tests.
const LONGEST: Duration = Duration::from_secs(50);

pub(super) struct Site {
    folder: tempfile::TempDir,
    pub(super) prefix: String,
    pub(super) bus: KafkaBus,
    ward: Ward,
}

/// A child that does not outlive the test.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _it_has_ended_already = self.0.kill();
        let _its_code_was_looked_at = self.0.wait();
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("not so far")
}

impl Site {
    /// Nothing is there yet: no topic, no process.
    pub(super) fn new(name: &str) -> Self {
        let (folder, prefix) = (
            tempfile::tempdir().expect("a temporary folder"),
            format!("{name}-{}", std::process::id()),
        );
        let settings = Kafka(shared()).settings();
        let mut text = format!(
            "[kafka]\nbrokers = \"{}\"\n[lanes]\napp = \"{prefix}\"\ncheckpoint_interval = \"3s\"\n\
             [telemetry]\nlisten = \"127.0.0.1:0\"\n[topics]\npartitions = {PARTITIONS}\n",
            settings.brokers
        );
        for (key, name) in [
            ("encounters", "encounters"),
            ("predictions", "predictions"),
            ("fused_scores", "fused-scores"),
            ("availability", "availability"),
            ("dead_letters", "dead-letters"),
            ("state_score", "state-score"),
            ("state_fuse", "state-fuse"),
        ] {
            text += &format!("{key} = \"{prefix}-{name}\"\n");
        }
        text += "[topics.modality]\n";
        for modality in ["vitals", "labs", "imaging"] {
            text += &format!("{modality} = \"{prefix}-{modality}\"\n");
        }
        std::fs::write(folder.path().join("latefusion.toml"), text).expect("the folder is there");
        let worker = Worker {
            group: format!("{prefix}-test"),
            id: format!("{prefix}-test"),
            topics: Vec::new(),
            guarantee: Guarantee::Idempotent,
        };
        let bus = KafkaBus::connect(&settings, worker).expect("the broker is there");
        let (start, vitals_every) = (EventTime::from_millis(now()), Span::seconds(1));
        let config =
            WardConfig { seed: 3, patients: 20, start, vitals_every, ..WardConfig::default() };
        let ward = Ward::new(config, &Registry::shipped()).expect("a right configuration");
        Self { folder, prefix, bus, ward }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("latefusion.toml")
    }

    pub(super) fn command(&self, words: &[&str]) -> Output {
        program(&self.config(), words).output().expect("the program can be run")
    }

    /// What a command printed; it must succeed.
    pub(super) fn said(&self, words: &[&str]) -> String {
        let output = self.command(words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "{words:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    pub(super) fn start(&self, instance: &str) -> Process {
        let log = std::fs::File::create(self.folder.path().join(format!("log-{instance}")))
            .expect("the folder is there");
        let mut command = program(&self.config(), &["run", "--instance", instance]);
        Process(command.stderr(log).stdout(Stdio::null()).spawn().expect("the program can be run"))
    }

    /// What the ward has sent until now goes to the broker.
    fn feed(&mut self) {
        let mut outputs = Vec::new();
        let registry = Registry::shipped();
        while let Some(input) = self.ward.next_before(IngestTime::from_millis(now())) {
            let name = match input.feed {
                Feed::Encounters => "encounters",
                Feed::Modality(id) => registry.get(id).expect("a shipped one").name,
            };
            outputs.push(Outgoing {
                topic: format!("{}-{name}", self.prefix).into(),
                partition: None,
                key: Some(input.key.as_str().as_bytes().to_vec()),
                payload: Some(input.payload().into_owned()),
                headers: Vec::new(),
            });
        }
        let commit = Commit { outputs, ..Commit::default() };
        insist(LONGEST, || self.bus.commit(&commit)).expect("the broker is there");
    }

    fn ends(&mut self) -> Vec<i64> {
        let topic = format!("{}-fused-scores", self.prefix);
        let end = |partition| {
            let place = TopicPartition::new(topic.as_str(), partition);
            insist(LONGEST, || self.bus.progress(&place)).expect("the broker is there").stable
        };
        (0..PARTITIONS).map(end).collect()
    }

    /// Feeds until every partition of fused-scores has passed these offsets; how long it took.
    fn feed_until_past(&mut self, ends: &[i64]) -> Duration {
        let began = Instant::now();
        loop {
            self.feed();
            if self.ends().iter().zip(ends).all(|(now, before)| now > before) {
                return began.elapsed();
            }
            assert!(began.elapsed() < LONGEST, "no scores past {ends:?}:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(super) fn logs(&self) -> String {
        let log = |instance: &str| {
            std::fs::read_to_string(self.folder.path().join(format!("log-{instance}")))
                .unwrap_or_default()
        };
        format!("instance 0:\n{}\ninstance 1:\n{}", log("0"), log("1"))
    }
}

fn program(config: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latefusion"));
    command.args(words).env("LATEFUSION_CONFIG", config).env_remove("LATEFUSION_INSTANCE");
    command
}

/// SIGTERM, and how long it then took to exit 0.
fn end(mut process: Process, site: &Site) -> Duration {
    let began = Instant::now();
    let pid = process.0.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill can be run");
    assert!(sent.success());
    while began.elapsed() < LONGEST {
        if let Some(status) = process.0.try_wait().expect("it is our child") {
            assert!(status.success(), "{status}:\n{}", site.logs());
            return began.elapsed();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not end:\n{}", site.logs());
}

#[test]
fn two_processes_share_the_work_one_crashes_the_other_takes_over_and_the_audit_is_clean() {
    let mut site = Site::new("site");
    let missing = site.command(&["topics", "--dry-run"]);
    assert!(!missing.status.success(), "nothing is there yet");
    let made = site.said(&["topics"]);
    assert_eq!(made.matches("created ").count(), 10, "{made}");
    let again = site.said(&["topics"]);
    assert!(!again.contains("created") && !again.contains("set "), "{again}");
    assert!(site.said(&["topics", "--dry-run"]).contains("0 things differ"));
    assert!(site.said(&["check"]).contains("every topic as it should be"));
    assert!(site.said(&["activate", "--profile", "ward"]).contains("activated"));

    let (first, mut second) = (site.start("0"), site.start("1"));
    let zero = vec![0; PARTITIONS as usize];
    let started = site.feed_until_past(&zero);
    // Both have joined and share the partitions by now or soon: let the ward go on for a few windows.
    let until = Instant::now() + Duration::from_secs(12);
    while Instant::now() < until {
        site.feed();
        std::thread::sleep(Duration::from_millis(100));
    }
    let ends = site.ends();
    second.0.kill().expect("it runs");
    second.0.wait().expect("it is our child");
    let took_over = site.feed_until_past(&ends);
    let ended = end(first, &site);
    assert!(ended < Duration::from_secs(15), "it took {ended:?}");

    let report = site.said(&["audit"]);
    assert!(report.contains(" 0 differences"), "{report}");
    let line = report.lines().last().unwrap_or_default();
    let compared: u64 = line.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    assert!(compared > 50, "{report}");
    println!(
        "first scores {started:?} after the start; {took_over:?} from kill -9 to new scores in every partition; \
         SIGTERM to exit 0 in {ended:?}; audit: {line}"
    );
}
