//! The program as a real process, with an embedded broker in the test.

use super::showing::LONGEST;
use latefusion::modality::Registry;
use latefusion::shell::bus::kafka::{KafkaBus, KafkaSettings};
use latefusion::shell::bus::{Bus, Commit, Guarantee, Outgoing, Record, TopicPartition, Worker};
use latefusion::shell::config::Deployment;
use latefusion::shell::driver::activate;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Instant;

/// See the module.
pub(super) struct Site {
    /// Goes last: the broker must outlive its clients.
    _cluster: MockCluster<'static, DefaultProducerContext>,
    folder: tempfile::TempDir,
    deployment: Deployment,
    bus: KafkaBus,
    child: Option<Child>,
}

impl Site {
    /// A broker with all topics; nothing runs and nothing is activated yet.
    pub(super) fn new(collector: SocketAddr) -> Self {
        let cluster = MockCluster::new(1).expect("an embedded broker");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = format!(
            "[kafka]\nbrokers = \"{}\"\n[kafka.extra]\n\"fetch.wait.max.ms\" = \"5\"\n\
             [topics]\npartitions = 1\n[lanes]\ncheckpoint_interval = \"1h\"\nmax_payload_bytes = 2000\n\
             [telemetry]\nlisten = \"127.0.0.1:0\"\nlog_format = \"json\"\nlog_level = \"info\"\n\
             otlp_endpoint = \"http://{collector}\"\notlp_ratio = 1.0\n",
            cluster.bootstrap_servers()
        );
        let file = folder.path().join("latefusion.toml");
        std::fs::write(&file, text).expect("the folder is there");
        let deployment = Deployment::load(Some(&file)).expect("no mistakes");
        for spec in deployment.config.topic_specs(&Registry::shipped()) {
            cluster.create_topic(&spec.name, 1, 1).expect("a topic");
        }
        let worker = Worker {
            group: "test".to_owned(),
            id: "test".to_owned(),
            topics: Vec::new(),
            guarantee: Guarantee::Idempotent,
        };
        let settings: &KafkaSettings = &deployment.kafka;
        let bus = KafkaBus::connect(settings, worker).expect("the broker is there");
        Self { _cluster: cluster, folder, deployment, bus, child: None }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `latefusion run` and waits for the address that it logs.
    pub(super) fn run(&mut self) -> SocketAddr {
        let open = |name| std::fs::File::create(self.file(name)).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_latefusion"))
            .args(["run", "--config"])
            .arg(self.file("latefusion.toml"))
            .stdout(open("stdout"))
            .stderr(open("stderr"))
            .spawn();
        self.child = Some(child.expect("the program can be run"));
        let began = Instant::now();
        loop {
            let lines = self.logged();
            let starting = lines.lines().filter_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                line["address"].as_str()?.parse().ok()
            });
            if let Some(address) = starting.into_iter().next() {
                return address;
            }
            assert!(began.elapsed() < LONGEST, "it does not start:\n{lines}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }

    /// Puts the shipped package in force.
    pub(super) fn activate(&mut self) {
        let pipeline = self.deployment.pipeline();
        let package = self.deployment.lanes.package.clone();
        activate(&mut self.bus, &pipeline, &package).expect("it is activated");
    }

    pub(super) fn send(&mut self, records: Vec<Outgoing>) {
        let commit = Commit { outputs: records, ..Commit::default() };
        self.bus.commit(&commit).expect("the broker takes it");
    }

    /// All records of a topic.
    pub(super) fn read(&mut self, topic: &str) -> Vec<Record> {
        let mut records = Vec::new();
        let place = TopicPartition::new(topic, 0);
        let mut each = |record| records.push(record);
        self.bus.read_back(&place, 0, None, &mut each).expect("the topic can be read");
        records
    }

    /// What the process has written to standard error.
    pub(super) fn logged(&self) -> String {
        std::fs::read_to_string(self.file("stderr")).expect("it is UTF-8")
    }

    pub(super) fn printed(&self) -> String {
        std::fs::read_to_string(self.file("stdout")).expect("it is UTF-8")
    }

    /// SIGTERM, and the end.
    pub(super) fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let kill = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        assert!(kill.is_ok_and(|status| status.success()), "kill can be run");
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{status}\n{}", self.logged());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _it_may_have_ended = child.kill();
            let _its_code_does_not_matter = child.wait();
        }
    }
}
