//! What the program refuses to work on, and what it says then; and a producer whose queue is full.

use super::bounds::{Ended, run};
use super::{Kafka, shared};
use crate::bus_contract::scene::Scene;
use latefusion::shell::bus::kafka::KafkaBus;
use latefusion::shell::bus::{Bus, Commit, Guarantee, Worker};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// It finds out within seconds.
const LONGEST: Duration = Duration::from_secs(120);

/// A configuration whose topics nobody else uses.
fn configure(folder: &Path, partitions: u32) -> String {
    let prefix = format!("refusals-{}", std::process::id());
    let mut text = format!(
        "[kafka]\nbrokers = \"{}\"\n[lanes]\napp = \"{prefix}\"\n[telemetry]\nlisten = \"127.0.0.1:0\"\n[topics]\npartitions = {partitions}\n",
        Kafka(shared()).settings().brokers
    );
    for key in ["encounters", "predictions", "fused_scores", "availability", "dead_letters"] {
        text += &format!("{key} = \"{prefix}-{key}\"\n");
    }
    text +=
        &format!("state_score = \"{prefix}-s\"\nstate_fuse = \"{prefix}-f\"\n[topics.modality]\n");
    for modality in ["vitals", "labs", "imaging"] {
        text += &format!("{modality} = \"{prefix}-{modality}\"\n");
    }
    std::fs::write(folder.join("latefusion.toml"), text).expect("the folder is there");
    prefix
}

fn program(folder: &Path, words: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latefusion"));
    let config = folder.join("latefusion.toml");
    run(command.args(words).arg("--config").arg(config), LONGEST)
}

#[test]
fn missing_topics_and_other_partition_counts_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let prefix = configure(folder.path(), 2);
    let ended = program(folder.path(), &["run"]);
    assert!(!ended.status.success(), "there are no topics");
    for topic in ["vitals", "labs", "imaging", "encounters", "predictions"] {
        let missing =
            format!("there is no topic `{prefix}-{topic}`: create it with `latefusion topics`");
        assert!(ended.stderr.contains(&missing), "{missing}\n{}", ended.stderr);
    }
    assert!(program(folder.path(), &["topics"]).status.success());

    // As if somebody had taken the count for a setting like any other.
    configure(folder.path(), 3);
    let ended = program(folder.path(), &["run"]);
    assert!(!ended.status.success(), "the topics have two partitions");
    for topic in ["vitals", "labs", "imaging", "encounters", "predictions"] {
        let other =
            format!("topic `{prefix}-{topic}` has 2 partitions, and `topics.partitions` is 3");
        assert!(ended.stderr.contains(&other), "{other}\n{}", ended.stderr);
    }
    assert!(ended.stderr.contains("create new topics"), "{}", ended.stderr);
}

#[test]
fn a_commit_larger_than_the_producers_queue_waits_for_room_and_arrives_whole() {
    let kafka = Kafka(shared());
    for guarantee in [Guarantee::Transactional, Guarantee::Idempotent] {
        let scene = Scene::new(&kafka, 1);
        let mut settings = kafka.settings();
        settings.extra.insert("queue.buffering.max.messages".to_owned(), "10".to_owned());
        let worker = Worker { topics: Vec::new(), ..scene.worker("w", guarantee) };
        let mut bus = KafkaBus::connect(&settings, worker).expect("the broker is there");
        let outputs = (0..1_000).map(|n: i32| scene.outgoing("out", "k", &n.to_string()));
        let commit = Commit { outputs: outputs.collect(), ..Commit::default() };
        bus.commit(&commit).expect("it waits for room");
        bus.close();
        let expected: Vec<String> = (0..1_000).map(|n: i32| n.to_string()).collect();
        assert_eq!(scene.payloads("out"), expected, "{guarantee:?}");
    }
}
