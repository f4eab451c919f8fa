//! schemas/asyncapi.yaml as the official parser reads it, against the program's topics and the rights of the roles.

use super::strimzi::{Rule, users};
use super::tools::{Part, part, said};
use super::{path, strings, text};
use latefusion::modality::Registry;
use latefusion::shell::config::Config;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What the parser found; `None` without it.
fn document() -> Option<Value> {
    let folder = part(Part::Node)?;
    let mut command = Command::new("node");
    command.arg(folder.join("asyncapi.mjs")).arg(path("schemas/asyncapi.yaml"));
    Some(serde_json::from_str(&said(&mut command)).expect("it prints JSON"))
}

#[test]
fn it_describes_every_topic_as_the_program_makes_it_and_every_right_of_a_role() {
    let Some(found) = document() else { return };
    assert!(found["examples"].as_u64().is_some_and(|examples| examples >= 20), "{found}");
    topics(found["channels"].as_object().expect("there are channels"));
    operations(found["operations"].as_array().expect("there are operations"));
    keys(found["messages"].as_array().expect("there are messages"));
}

fn topics(channels: &serde_json::Map<String, Value>) {
    let production = "[topics]\nreplication = 3\nmin_insync_replicas = 2\n";
    let config = Config::parse(production).expect("no mistakes");
    let specs = config.topic_specs(&Registry::shipped());
    let names: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(channels.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for spec in &specs {
        let kafka = &channels[&spec.name]["kafka"];
        assert_eq!(kafka["topic"], spec.name);
        assert_eq!(kafka["partitions"], spec.partitions, "{}", spec.name);
        assert_eq!(kafka["replicas"], spec.replication.expect("it is set"), "{}", spec.name);
        let settings = kafka["topicConfiguration"].as_object().expect("there are settings");
        for (setting, value) in settings {
            let value =
                value.as_array().map_or_else(|| value.to_string(), |_| strings(value).join(","));
            assert_eq!(spec.settings.get(setting), Some(&value), "{}: {setting}", spec.name);
        }
        for setting in ["cleanup.policy", "retention.ms", "max.message.bytes"] {
            assert_eq!(
                settings.contains_key(setting),
                spec.settings.contains_key(setting),
                "{}: {setting}",
                spec.name
            );
        }
    }
}

/// A role receives from what it may read and sends to what it may write, in its group.
fn operations(operations: &[Value]) {
    let mut described: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let users = users();
    for operation in operations {
        let word = |name: &str| operation[name].as_str().expect(name).to_owned();
        let role = described.entry(word("role")).or_default();
        assert!(role.insert((word("action"), word("channel"))), "{operation} is there twice");
        let group = |rule: &Rule| {
            rule.kind == "group" && Some(rule.name.as_str()) == operation["group"].as_str()
        };
        let in_group = operation["group"].is_null()
            || users[&format!("latefusion-{}", word("role"))].iter().any(group);
        assert!(in_group, "{operation}: the role may not join this group");
    }
    let allowed =
        users.iter().filter(|(user, _)| *user != "latefusion-inspect").map(|(user, rules)| {
            let actions = rules.iter().filter(|rule| rule.kind == "topic").map(|rule| {
                let action = if rule.operation == "Read" { "receive" } else { "send" };
                (action.to_owned(), rule.name.clone())
            });
            (user.trim_start_matches("latefusion-").to_owned(), actions.collect::<BTreeSet<_>>())
        });
    assert_eq!(described, allowed.collect());
    assert!(operations.len() >= 30, "only {} operations were looked at", operations.len());
}

/// The keys are those that the program writes.
fn keys(messages: &[Value]) {
    let written = [
        ("scored", "p-000017"),
        ("stay", "p-000017"),
        ("heartbeat", " heartbeat/imaging-reports/0/3"),
        ("activation", " activation"),
        ("fused-scores", "p-000017"),
        ("availability", "3"),
        ("dead-letters", "vitals/0/3/81234"),
        ("checkpoint", "score/vitals/0/3/p-000017"),
        ("checkpoint", "fuse/0/3"),
    ];
    for (message, key) in written {
        let found =
            messages.iter().find(|found| found["name"] == message).expect("it is described");
        let pattern = found["key"].as_str().expect("it has a key");
        let schema = if pattern.starts_with('^') {
            serde_json::json!({ "pattern": pattern })
        } else {
            serde_json::json!({ "const": pattern })
        };
        assert!(
            jsonschema::is_valid(&schema, &Value::from(key)),
            "{message}: {key} is not {pattern}"
        );
        assert!(!jsonschema::is_valid(&schema, &Value::from("a b c/")), "{message}: {pattern}");
    }
    assert!(messages.iter().all(|message| message["key"].is_string()), "{messages:?}");
}

#[test]
fn its_version_is_the_programs() {
    let document = super::strimzi::documents(&text("schemas/asyncapi.yaml")).remove(0);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}
