//! The configuration that the chart writes is one that the program takes, and says what the values say.

use super::{everything, name, of_kind, render, strimzi};
use crate::deploy::{path, text};
use latefusion::shell::bus::kafka::{Mechanism, Security};
use latefusion::shell::config::{Config, shipped_package};
use latefusion::types::Span;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every latefusion.toml by ConfigMap and key.
fn files(rendered: &[Value]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for map in of_kind(rendered, "ConfigMap") {
        for (key, file) in map["data"].as_object().expect("there is data") {
            if key != "package.toml" {
                files.insert(
                    format!("{}/{key}", name(map)),
                    file.as_str().expect("a text").to_owned(),
                );
            }
        }
    }
    files
}

fn parsed(files: &BTreeMap<String, String>) -> BTreeMap<&str, Config> {
    let parse = |(name, text): (&String, &String)| match Config::parse(text) {
        Ok(config) => config,
        Err(mistakes) => panic!("{name}: {mistakes:?}\n{text}"),
    };
    files.iter().map(|pair| (pair.0.as_str(), parse(pair))).collect()
}

#[test]
fn the_program_takes_every_configuration() {
    for (values, count) in [(json!({}), 7), (strimzi(), 6)] {
        let Some(rendered) = render(&values) else { return };
        let files = files(&rendered);
        let configs = parsed(&files);
        assert_eq!(configs.len(), count, "five roles and the jobs: {:?}", configs.keys());
        for config in configs.values() {
            assert_eq!(config.telemetry.listen, "0.0.0.0:9464");
            assert_eq!(config.topics.partitions, 8);
            assert_eq!(
                (config.topics.replication, config.topics.min_insync_replicas),
                (Some(3), Some(2))
            );
        }
    }
}

#[test]
fn what_needs_care_in_toml_arrives_as_it_was_written() {
    let Some(rendered) = render(&everything()) else { return };
    let files = files(&rendered);
    for (name, config) in parsed(&files) {
        let kafka = &config.kafka;
        assert_eq!(kafka.username.as_deref(), Some("o'\"brien\\"), "{name}");
        assert_eq!(kafka.brokers, "a:9093,b:9093");
        assert_eq!(
            (kafka.security, kafka.mechanism),
            (Security::SaslTls, Some(Mechanism::ScramSha512))
        );
        assert_eq!(kafka.extra["client.rack"], "room <2> & \"3\"");
        assert_eq!((kafka.session_timeout, kafka.record_bytes), (Span::seconds(10), 2_000_000));
        assert_eq!(config.topics.modality["vitals"], "ward-7-vitals");
        assert_eq!(config.topics.epochs["labs"], 2);
        assert_eq!((config.lanes.workers, config.lanes.grace), (2, Span::minutes(1)));
        assert_eq!(config.models.of["vitals"].active.as_deref(), Some("reference"));
        assert!((config.telemetry.otlp_ratio - 0.25).abs() < 1e-9);
        for file in [&kafka.password_file, &kafka.ca_file, &kafka.certificate_file, &kafka.key_file]
        {
            let file = file.as_ref().expect("a secret that is mounted");
            assert!(file.starts_with("/run/secrets/latefusion"), "{}", file.display());
        }
    }
}

/// Every file that a configuration names is mounted where it says; the program itself looks.
#[test]
fn every_file_that_a_configuration_names_is_mounted() {
    let package = shipped_package(
        latefusion::fuse::package::Profile::Ward,
        &latefusion::modality::Registry::shipped(),
    );
    let mut values = everything();
    values["fusionPackage"] = json!(&*package);
    values["config"]["topics"]["epochs"] = json!({});
    let Some(rendered) = render(&values) else { return };
    let mut looked_at = 0;
    for manifest in rendered.iter().filter(|m| m["kind"] == "StatefulSet" || m["kind"] == "Job") {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pod = &manifest["spec"]["template"]["spec"];
        let volumes = pod["volumes"].as_array().expect("there are volumes");
        for mount in pod["containers"][0]["volumeMounts"].as_array().expect("there are mounts") {
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]);
            let at = mount["mountPath"].as_str().expect("a path").trim_start_matches('/');
            let at = folder.path().join(at);
            std::fs::create_dir_all(&at).expect("the folder is there");
            for (file, text) in contents(volume.expect("a mount has its volume"), &rendered) {
                std::fs::write(at.join(file), text).expect("the folder is there");
            }
        }
        let environment = pod["containers"][0]["env"].as_array().expect("there is some");
        let config = environment.iter().find(|entry| entry["name"] == "LATEFUSION_CONFIG");
        let config = config.and_then(|entry| entry["value"].as_str()).expect("it is said");
        let config = folder.path().join(config.trim_start_matches('/'));
        // The pod's files, below the folder.
        let text = std::fs::read_to_string(&config).expect("the configuration is mounted");
        let below = |root: &str| format!("{}{root}", folder.path().display());
        let text = text
            .replace("\"/run/secrets/", &format!("\"{}", below("/run/secrets/")))
            .replace("\"/etc/latefusion/", &format!("\"{}", below("/etc/latefusion/")));
        std::fs::write(&config, text).expect("the folder is there");
        let mut check = Command::new(env!("CARGO_BIN_EXE_latefusion"));
        let said = crate::deploy::tools::said(
            check.args(["check", "--offline"]).env("LATEFUSION_CONFIG", &config),
        );
        assert!(said.contains("no mistakes"), "{}: {said}", name(manifest));
        looked_at += 1;
    }
    assert_eq!(looked_at, 7);
}

/// What a volume holds, by file name.
fn contents(volume: &Value, rendered: &[Value]) -> Vec<(String, String)> {
    let items = |of: &Value| -> Vec<(String, String)> {
        let items = of["items"].as_array().into_iter().flatten();
        let word = |value: &Value| value.as_str().expect("a word").to_owned();
        items.map(|item| (word(&item["key"]), word(&item["path"]))).collect()
    };
    if let Some(map) = volume["configMap"]["name"].as_str() {
        let maps = of_kind(rendered, "ConfigMap");
        let map = maps.iter().find(|found| name(found) == map).expect("the ConfigMap is there");
        let text = |key: &str| map["data"][key].as_str().expect("the key is there").to_owned();
        return items(&volume["configMap"])
            .into_iter()
            .map(|(key, file)| (file, text(&key)))
            .collect();
    }
    let sources = volume["projected"]["sources"].as_array().into_iter().flatten();
    let secrets = sources.flat_map(|source| items(&source["secret"]));
    secrets.map(|(_, file)| (file, "secret".to_owned())).collect()
}

#[test]
fn with_strimzi_every_role_has_its_own_user_and_its_secret() {
    let Some(rendered) = render(&strimzi()) else { return };
    let users = crate::deploy::strimzi::users();
    let files = files(&rendered);
    let mut seen = BTreeSet::new();
    for (name, config) in parsed(&files) {
        let user = config.kafka.username.expect("it has a user");
        assert!(users.contains_key(&user), "{name}: {user}");
        assert!(seen.insert(user.clone()), "{user} is there twice");
        let secret = json!({ "secret": { "name": user, "items": [{ "key": "password", "path": "password" }] } });
        let mounted = rendered.iter().any(|manifest| {
            let volumes =
                manifest["spec"]["template"]["spec"]["volumes"].as_array().into_iter().flatten();
            volumes
                .flat_map(|volume| volume["projected"]["sources"].as_array())
                .flatten()
                .any(|source| *source == secret)
        });
        assert!(mounted, "{user}'s secret is mounted nowhere");
    }
    assert_eq!(seen.len(), 6);
}

#[test]
fn the_values_know_the_sections_of_the_configuration() {
    let schema: Value =
        serde_json::from_str(&text("deploy/helm/latefusion/values.schema.json")).expect("JSON");
    let sections =
        schema["properties"]["config"]["properties"].as_object().expect("there are some");
    let known: BTreeSet<String> =
        Config::keys().iter().filter_map(|key| key.split('.').next().map(str::to_owned)).collect();
    assert_eq!(sections.keys().cloned().collect::<BTreeSet<_>>(), known);
    for (section, rules) in sections {
        for key in rules["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
            let path = format!("{section}.{key}");
            assert!(Config::keys().contains(&path), "{path} is no key");
        }
    }
}

#[test]
fn versions_agree_and_every_value_is_explained() {
    let chart =
        crate::deploy::strimzi::documents(&text("deploy/helm/latefusion/Chart.yaml")).remove(0);
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    let readme = text("deploy/helm/latefusion/README.md");
    let values =
        crate::deploy::strimzi::documents(&text("deploy/helm/latefusion/values.yaml")).remove(0);
    let mut leaves = Vec::new();
    walk(&values, "", &mut leaves);
    let unexplained: Vec<&String> = leaves
        .iter()
        .filter(|leaf| {
            let role = leaf.strip_prefix("roles.").and_then(|rest| rest.split_once('.'));
            let name = role.map_or((*leaf).clone(), |(_, key)| format!("roles.ROLE.{key}"));
            !readme.contains(&format!("`{name}`"))
        })
        .collect();
    assert!(leaves.len() > 60, "only {} values were looked at", leaves.len());
    assert!(unexplained.is_empty(), "{unexplained:?}");
    assert!(path("deploy/helm/latefusion/templates/NOTES.txt").exists());
}

fn walk(value: &Value, path: &str, leaves: &mut Vec<String>) {
    match value.as_object().filter(|fields| !fields.is_empty() && path != "resources") {
        None => leaves.push(path.to_owned()),
        Some(fields) => {
            for (key, inner) in fields {
                let inner_path =
                    if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(inner, &inner_path, leaves);
            }
        }
    }
}
