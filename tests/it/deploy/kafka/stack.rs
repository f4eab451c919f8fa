//! docker-compose.yml without containers: the broker with the settings of its service, then every service's own command in the order
//! that `depends_on` says, until fused scores come; only addresses and places of files are others.

use super::super::compose::{ours, services};
use super::super::{path, strings, text};
use super::{Process, free_port, latefusion, succeeded, wait_for};
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, Guarantee, TopicPartition, Worker};
use latefusion::shell::config::Deployment;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the image's start script takes for itself and does not make a setting of.
const NOT_SETTINGS: [&str; 2] = ["KAFKA_OPTS", "KAFKA_HEAP_OPTS"];

struct Stack {
    folder: tempfile::TempDir,
    /// Where a port of the file really is.
    ports: BTreeMap<&'static str, u16>,
    services: BTreeMap<String, Value>,
    /// The port of each service of ours for its health.
    health: BTreeMap<String, u16>,
}

impl Stack {
    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The image's rule: KAFKA_A_B is the setting a.b.
    fn properties(&self, service: &Value) -> PathBuf {
        let mut lines = Vec::new();
        for (name, value) in service["environment"].as_object().expect("it has some") {
            let Some(setting) = name.strip_prefix("KAFKA_") else { continue };
            if NOT_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            let setting = setting.to_lowercase().replace('_', ".");
            let mut value = value.as_str().expect("compose prints texts").to_owned();
            for (port, real) in &self.ports {
                value = value.replace(&format!(":{port}"), &format!(":{real}"));
            }
            value = value.replace("/kafka:", "/127.0.0.1:").replace("/localhost:", "/127.0.0.1:");
            if setting == "log.dirs" {
                value = self.at("data").display().to_string();
            }
            lines.push(format!("{setting}={value}"));
        }
        assert!(lines.len() >= 15, "only {} settings", lines.len());
        let file = self.at("server.properties");
        std::fs::write(&file, lines.join("\n")).expect("the folder is there");
        file
    }

    fn kafka(&self) -> Process {
        let service = &self.services["kafka"];
        let properties = self.properties(service);
        let environment =
            |name: &str| service["environment"][name].as_str().expect(name).to_owned();
        let java = |class: &str| {
            let mut command = Command::new(path("tests/kafka/kafka.sh"));
            // The secret stands where its service mounts it.
            let options = environment("KAFKA_OPTS").replace(
                "/run/secrets/kafka_jaas",
                &path("deploy/compose/kafka_jaas.conf").display().to_string(),
            );
            command.args(["tool", class]).env("JAVA_TOOL_OPTIONS", options);
            command
        };
        let id = environment("CLUSTER_ID");
        let formatted =
            (java("kafka.tools.StorageTool").args(["format", "-t", &id, "-c"]).arg(&properties))
                .output();
        succeeded("format", &formatted.expect("java can be run"));
        Process::start(java("kafka.Kafka").arg(&properties), self.at("kafka.log"))
    }

    /// The configuration of a service; only places are others.
    fn config(&self, service: &str) -> PathBuf {
        let secret = path("deploy/compose/kafka_password").display().to_string();
        let replaced = text("deploy/compose/latefusion.toml")
            .replace("kafka:9092", &format!("127.0.0.1:{}", self.ports["9092"]))
            .replace("/run/secrets/kafka_password", &secret)
            .replace("0.0.0.0:9464", &format!("127.0.0.1:{}", self.health[service]));
        let file = self.at(&format!("{service}.toml"));
        std::fs::write(&file, replaced).expect("the folder is there");
        file
    }

    /// Our services, each after those that it needs.
    fn in_order(&self) -> Vec<String> {
        let (mut order, mut started) = (Vec::new(), BTreeSet::from(["kafka".to_owned()]));
        let mut left: Vec<(&str, &Value)> = ours(&self.services);
        while !left.is_empty() {
            let before = left.len();
            left.retain(|(name, service)| {
                let needs = service["depends_on"].as_object().into_iter().flatten();
                let ready = needs.into_iter().all(|(need, _)| started.contains(need));
                if ready {
                    order.push((*name).to_owned());
                }
                !ready
            });
            started.extend(order.iter().cloned());
            assert!(left.len() < before, "they wait for each other: {left:?}");
        }
        order
    }
}

fn fused_scores(config: &Path) -> i64 {
    let deployment = Deployment::load(Some(config)).expect("it is without mistakes");
    let worker = Worker {
        group: "test".to_owned(),
        id: "test".to_owned(),
        topics: Vec::new(),
        guarantee: Guarantee::Idempotent,
    };
    let mut bus = KafkaBus::connect(&deployment.kafka, worker).expect("the broker is there");
    let topic = deployment.topics.fused_scores.as_str();
    let stable = |partition| {
        let place = TopicPartition::new(topic, partition);
        // A client does not know a topic yet that was made a moment ago.
        wait_for("the end of a topic", || bus.progress(&place).ok()).stable
    };
    let count = (0..deployment.config.topics.partitions).map(stable).sum();
    bus.close();
    count
}

#[test]
fn the_services_of_the_compose_file_run_and_give_fused_scores() {
    let Some(services) = services() else { return };
    let health =
        ours(&services).into_iter().map(|(name, _)| (name.to_owned(), free_port())).collect();
    let ports =
        ["9092", "9093", "9094", "9095"].into_iter().map(|port| (port, free_port())).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stack = Stack { folder, ports, services, health };
    let mut kafka = stack.kafka();
    // The health check of the service, at the real port.
    let check = strings(&stack.services["kafka"]["healthcheck"]["test"])[1..].join("\n");
    let check = check.replace("9095", &stack.ports["9095"].to_string());
    let words: Vec<&str> = check.split('\n').collect();
    wait_for("the broker", || {
        assert_eq!(kafka.child.try_wait().expect("our child"), None, "{}", kafka.log());
        let asked = Command::new(words[0]).args(&words[1..]).output().expect("bash is there");
        asked.status.success().then_some(())
    });
    let mut running: Vec<(String, Process)> = Vec::new();
    let mut ran_once = 0;
    for name in stack.in_order() {
        let (service, config) = (&stack.services[&name], stack.config(&name));
        let command = strings(&service["command"]);
        if service["restart"] == "on-failure:5" {
            let output = latefusion(&config, &command).output().expect("it can be run");
            succeeded(&name, &output);
            ran_once += 1;
        } else {
            let log = stack.at(&format!("{name}.log"));
            running.push((name, Process::start(&mut latefusion(&config, &command), log)));
        }
    }
    assert_eq!((ran_once, running.len()), (2, 6), "two that end, five roles and the ward");
    let logs = |running: &[(String, Process)]| -> String {
        running.iter().map(|(name, process)| format!("{name}:\n{}\n", process.log())).collect()
    };
    for (name, process) in &mut running {
        let check = strings(&stack.services[name.as_str()]["healthcheck"]["test"]);
        let Some(words) = check.get(2..) else { continue };
        let config = stack.config(name);
        wait_for("health", || {
            assert_eq!(
                process.child.try_wait().expect("our child"),
                None,
                "{name}: {}",
                process.log()
            );
            let asked = latefusion(&config, words).output().expect("it can be run");
            asked.status.success().then_some(())
        });
    }
    let config = stack.config("fuse");
    let scores =
        wait_for("fused scores", || Some(fused_scores(&config)).filter(|scores| *scores > 10));
    assert!(scores > 10, "{}", logs(&running));
    for (name, process) in &mut running {
        // The ward has nothing to drain and no handler: the container's init ends it.
        if name != "ward" {
            let took = process.end();
            assert!(
                took < Duration::from_secs(30),
                "{name} took {took:?}, longer than stop_grace_period"
            );
        }
    }
}
