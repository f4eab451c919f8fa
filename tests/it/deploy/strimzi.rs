//! deploy/strimzi: the topics are the program's own, the users know no topic that is not there, and both are what Strimzi defines.

use super::text;
use super::tools::{Part, part};
use latefusion::modality::Registry;
use latefusion::shell::config::{Config, Deployment};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that a user may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// `topic`, `group` or `transactionalId`.
    pub kind: String,
    pub name: String,
    /// `literal` or `prefix`.
    pub pattern: String,
    /// `Read`, `Write`, ...
    pub operation: String,
}

/// The documents of a YAML file.
pub(super) fn documents(text: &str) -> Vec<Value> {
    let each = yaml_serde::Deserializer::from_str(text);
    let values = each.map(|document| Value::deserialize(document).expect("it is YAML"));
    values.filter(|value| !value.is_null()).collect()
}

/// What each user may do.
pub(super) fn users() -> BTreeMap<String, Vec<Rule>> {
    let users = documents(&text("deploy/strimzi/users.yaml")).into_iter().map(|user| {
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        let acls = user["spec"]["authorization"]["acls"].as_array().expect("there are rules");
        let rules = acls.iter().flat_map(|acl| {
            let resource = &acl["resource"];
            let operations = acl["operations"].as_array().expect("there are operations");
            operations.iter().map(move |operation| Rule {
                kind: word(&resource["type"]),
                name: word(&resource["name"]),
                pattern: word(&resource["patternType"]),
                operation: word(operation),
            })
        });
        (word(&user["metadata"]["name"]), rules.collect::<Vec<_>>())
    });
    users.collect()
}

/// As in production.
const PRODUCTION: &str = "[topics]\nreplication = 3\nmin_insync_replicas = 2\n";

#[test]
fn the_topics_are_those_that_the_program_makes() {
    let config = Config::parse(PRODUCTION).expect("no mistakes");
    let mut wanted = BTreeMap::new();
    for spec in config.topic_specs(&Registry::shipped()) {
        let of = (spec.partitions, spec.replication.expect("it is set"), spec.settings);
        wanted.insert(spec.name, of);
    }
    let mut found = BTreeMap::new();
    for topic in documents(&text("deploy/strimzi/topics.yaml")) {
        assert!(topic["metadata"]["labels"]["strimzi.io/cluster"].is_string(), "{topic}");
        let number = |name: &str| topic["spec"][name].as_u64().expect(name);
        let settings = topic["spec"]["config"].as_object().expect("there are settings").iter();
        let settings: BTreeMap<String, String> = settings
            .map(|(name, value)| {
                (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            })
            .collect();
        let name = topic["metadata"]["name"].as_str().expect("a name").to_owned();
        let of = (number("partitions") as u32, number("replicas") as u16, settings);
        assert!(found.insert(name, of).is_none(), "{topic} is there twice");
    }
    assert_eq!(found, wanted);
    assert!(found.len() >= 10);
}

#[test]
fn users_name_topics_groups_and_transactions_that_there_are() {
    let deployment = Deployment::load(None).expect("the defaults");
    let specs = deployment.config.topic_specs(&deployment.registry);
    let topics: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    let (users, mut named) = (users(), BTreeSet::new());
    for (user, rules) in &users {
        for (at, rule) in rules.iter().enumerate() {
            assert!(!rules[..at].contains(rule), "{user}: {rule:?} is there twice");
            match rule.kind.as_str() {
                "topic" => {
                    assert!(topics.contains(rule.name.as_str()), "{user}: {rule:?}");
                    named.insert(rule.name.as_str());
                }
                "group" | "transactionalId" => {
                    assert!(rule.name.starts_with("latefusion-"), "{user}: {rule:?}");
                }
                other => panic!("{user} has a right to {other}"),
            }
        }
    }
    assert_eq!(named, topics, "a topic that nobody may use");
    for role in roles(&deployment) {
        let rules = users.get(&format!("latefusion-{role}"));
        let rules = rules.unwrap_or_else(|| panic!("{role} has no user"));
        let group = rules.iter().find(|rule| rule.kind == "group").expect("it joins a group");
        assert_eq!(group.name, format!("latefusion-{role}"));
    }
}

/// `score-vitals`, ..., `fuse`.
pub(super) fn roles(deployment: &Deployment) -> Vec<String> {
    let modalities = deployment.registry.iter().map(|(_, modality)| modality.name);
    let scored = modalities.chain(["encounters"]).map(|name| format!("score-{name}"));
    scored.chain(["fuse".to_owned()]).collect()
}

/// No field but those that are defined, as the API server refuses them with strict validation.
fn close(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if fields.contains_key("properties") && !open {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(close);
    }
    fields.get_mut("items").into_iter().for_each(close);
}

#[test]
fn topics_and_users_are_what_strimzi_defines() {
    let Some(folder) = part(Part::Strimzi) else { return };
    let mut checked = 0;
    for (kind, file) in [("KafkaTopic", "topics"), ("KafkaUser", "users")] {
        let definition = std::fs::read_to_string(folder.join(format!("{kind}.yaml")));
        let definition = &documents(&definition.expect("it was made"))[0];
        let versions = definition["spec"]["versions"].as_array().expect("there are versions");
        for document in documents(&text(&format!("deploy/strimzi/{file}.yaml"))) {
            let version = document["apiVersion"].as_str().and_then(|v| v.split('/').nth(1));
            let version = versions.iter().find(|v| v["name"].as_str() == version);
            let mut schema =
                version.expect("the version is defined")["schema"]["openAPIV3Schema"].clone();
            close(&mut schema);
            schema["properties"]["metadata"] = json!({ "type": "object" });
            let validator = jsonschema::draft4::new(&schema).expect("a schema");
            let wrong: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{document}: {wrong:#?}");
            let mut broken = document.clone();
            broken["spec"]["surprise"] = json!(1);
            assert!(!validator.is_valid(&broken), "the definition refuses nothing");
            checked += 1;
        }
    }
    assert!(checked >= 19, "only {checked} were looked at");
}
