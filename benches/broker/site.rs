//! The broker, the topics of one run, and the processes under measurement.

use latefusion::shell::bus::kafka::topics::{TopicSpec, apply, plan};
use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings};
use latefusion::shell::bus::{Bus, Guarantee, TopicPartition, Worker};
use latefusion::shell::patience::insist;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// For anything that should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Of every topic.
pub const PARTITIONS: u32 = 4;

/// A broker of its own, which ends with this process, or those of `KAFKA_BROKERS`.
pub struct Site {
    pub brokers: String,
}

impl Site {
    pub fn start() -> Self {
        let script: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "tests", "kafka", "kafka.sh"].iter().collect();
        let watched = std::process::id().to_string();
        let mut command = Command::new(script);
        if std::env::var_os("KAFKA_JVM_OPTS").is_none() {
            command.env("KAFKA_JVM_OPTS", "-Xms1g -Xmx2g -XX:+UseG1GC");
        }
        let output = (command.args(["start", "--watch-pid", &watched]).output())
            .expect("tests/kafka/kafka.sh can be run: this needs bash and Java 17");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("BOOTSTRAP="));
        let brokers = line.unwrap_or_else(|| {
            panic!("no Kafka broker can be had: {}", String::from_utf8_lossy(&output.stderr))
        });
        Self { brokers: brokers.to_owned() }
    }

    pub fn settings(&self) -> KafkaSettings {
        KafkaSettings { brokers: self.brokers.clone(), ..KafkaSettings::default() }
    }

    /// New topics of this name, with [`PARTITIONS`] partitions.
    pub fn create(&self, names: &[String]) {
        let spec = |name: &String| TopicSpec {
            name: name.clone(),
            partitions: PARTITIONS,
            replication: None,
            settings: BTreeMap::new(),
        };
        let specs: Vec<TopicSpec> = names.iter().map(spec).collect();
        let plan = plan(&self.settings(), &specs).expect("the broker is there");
        apply(&self.settings(), &plan).expect("the broker is there");
    }

    /// A connection that only writes and asks.
    pub fn connect(&self, id: &str) -> KafkaBus {
        let worker = Worker {
            group: id.to_owned(),
            id: id.to_owned(),
            topics: Vec::new(),
            guarantee: Guarantee::Idempotent,
        };
        insist(PATIENCE, || KafkaBus::connect(&self.settings(), worker.clone()))
            .expect("the broker is there")
    }
}

/// Topics and configuration of one run of the pipeline.
pub struct Run {
    folder: tempfile::TempDir,
    pub prefix: String,
}

impl Run {
    /// Creates the topics and activates the package of the `ward` profile.
    pub fn new(site: &Site, prefix: &str, commit_ms: u32) -> Self {
        Self::with(site, prefix, &format!("commit_interval = \"{commit_ms}ms\"\n"))
    }

    /// As [`Run::new`], with these lines of `[lanes]`.
    pub fn with(site: &Site, prefix: &str, lanes: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut text = format!(
            "[kafka]\nbrokers = \"{}\"\n[lanes]\napp = \"{prefix}\"\n{lanes}\
             [telemetry]\nlisten = \"127.0.0.1:0\"\n[topics]\npartitions = {PARTITIONS}\n",
            site.brokers
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
        let run = Self { folder, prefix: prefix.to_owned() };
        for words in [&["topics"][..], &["activate", "--profile", "ward"]] {
            let output = run.program(words).output().expect("the program can be run");
            assert!(
                output.status.success(),
                "{words:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        run
    }

    pub fn topic(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latefusion"));
        let config: &Path = &self.folder.path().join("latefusion.toml");
        command.args(words).env("LATEFUSION_CONFIG", config).env_remove("LATEFUSION_INSTANCE");
        command
    }

    pub fn start(&self, words: &[&str]) -> Process {
        let log = std::fs::File::create(self.log(words)).expect("the folder is there");
        Process::start(self.program(words).stdout(Stdio::null()).stderr(log))
    }

    /// How many lanes of the process started last with these words are restored.
    pub fn restored(&self, words: &[&str]) -> usize {
        let log = std::fs::read_to_string(self.log(words)).unwrap_or_default();
        log.matches("lane restored").count()
    }

    fn log(&self, words: &[&str]) -> PathBuf {
        self.folder.path().join(format!("{}.log", words.join("-")))
    }
}

/// A process under measurement; it ends with this value.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the program can be run"))
    }

    /// CPU time so far, user and system.
    pub fn cpu(&self) -> Duration {
        cpu_of(&self.0.id().to_string())
    }

    /// Memory resident now, in MiB.
    pub fn resident_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.0.id());
        let text = std::fs::read_to_string(path).expect("it runs");
        let kib = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = kib.and_then(|rest| rest.trim().strip_suffix(" kB")).expect("proc(5)");
        kib.parse::<u64>().expect("a number") / 1_024
    }

    /// Asks the process to end and waits until it has; it commits and saves its state first.
    pub fn end(mut self) {
        let id = self.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill can be run");
        assert!(asked.success(), "it runs");
        let status = self.0.wait().expect("it is our child");
        assert!(status.success(), "it ended with {status}");
    }

    /// CPU time of this process so far.
    pub fn own_cpu() -> Duration {
        cpu_of("self")
    }
}

fn cpu_of(process: &str) -> Duration {
    let path = format!("/proc/{process}/stat");
    let text = std::fs::read_to_string(path).expect("it runs");
    // After the name, which may hold anything: fields 14 and 15 are user and system time in hundredths of a second (proc(5)).
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = rest.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _it_has_ended_already = self.0.kill();
        let _its_code_was_looked_at = self.0.wait();
    }
}

/// Ends of all partitions of a topic, for a `read_committed` reader. A topic made a moment ago may not be known everywhere yet.
pub fn ends(bus: &mut KafkaBus, topic: &str) -> Vec<i64> {
    let began = Instant::now();
    let mut end = |partition| {
        let place = TopicPartition::new(topic, partition);
        loop {
            match bus.progress(&place) {
                Ok(progress) => return progress.stable,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    (0..PARTITIONS).map(&mut end).collect()
}
