//! docker-compose.yml as the real docker-compose reads it.

use super::tools::{Part, part, said};
use super::{path, strings, text};
use latefusion::shell::config::Config;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The services by name, everything merged and with the simulator's profile; `None` without the tool.
pub(super) fn services() -> Option<BTreeMap<String, Value>> {
    let whole = whole()?;
    let services = whole["services"].as_object().expect("there are services").clone();
    Some(services.into_iter().collect())
}

fn whole() -> Option<Value> {
    let compose = part(Part::Python)?.join("bin/docker-compose");
    let printed = said(
        Command::new(compose)
            .args(["--profile", "ward", "--file"])
            .arg(path("docker-compose.yml"))
            .args(["config", "--format", "json"]),
    );
    Some(serde_json::from_str(&printed).expect("it prints JSON"))
}

/// The services that run our image.
pub(super) fn ours(services: &BTreeMap<String, Value>) -> Vec<(&str, &Value)> {
    let built = services.iter().filter(|(_, service)| service.get("build").is_some());
    built.map(|(name, service)| (name.as_str(), service)).collect()
}

#[test]
fn every_service_is_hardened_limited_and_pinned() {
    let Some(services) = services() else { return };
    assert!(services.len() >= 11, "{:?}", services.keys());
    for (name, service) in &services {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        let user = service["user"].as_str().expect(name).split(':').next();
        assert!(
            user.is_some_and(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
            "{name}: {user:?}"
        );
        for limit in ["mem_limit", "cpus", "pids_limit"] {
            assert!(!service[limit].is_null(), "{name} has no {limit}");
        }
        let image = service["image"].as_str().expect(name);
        let (_, tag) = image.rsplit_once(':').expect("a tag");
        let is_pinned = tag.contains('.') || service.get("build").is_some();
        assert!(is_pinned && tag != "latest", "{name}: {image}");
        assert!(service.get("privileged").is_none(), "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} can be reached from outside");
        }
        let grace = service["stop_grace_period"].as_str().expect(name);
        assert_eq!(grace, "30s", "{name}");
    }
    let grace =
        Config::parse(&text("deploy/compose/latefusion.toml")).expect("no mistakes").lanes.grace;
    assert!(
        grace.as_seconds() < 25.0,
        "stop_grace_period is not longer than the drain of {grace:?}"
    );
}

#[test]
fn everything_that_runs_on_is_looked_after_and_starts_after_what_it_needs() {
    let Some(services) = services() else { return };
    let mut checked = 0;
    for (name, service) in &services {
        let check = &service["healthcheck"];
        if name == "ward" || service["restart"] == "on-failure:5" {
            assert_eq!(check["disable"], true, "{name}");
            continue;
        }
        assert!(strings(&check["test"]).len() > 1, "{name} has no health check");
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} health checks were looked at");
    let needs = |name: &str, other: &str| {
        services[name]["depends_on"][other]["condition"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(needs("topics", "kafka"), "service_healthy");
    assert_eq!(needs("activate", "topics"), "service_completed_successfully");
    for role in roles(&services).keys() {
        assert_eq!(needs(role, "activate"), "service_completed_successfully", "{role}");
        assert_eq!(
            strings(&services[*role]["healthcheck"]["test"]),
            ["CMD", "latefusion", "healthcheck"]
        );
    }
}

fn roles(services: &BTreeMap<String, Value>) -> BTreeMap<&str, Vec<&str>> {
    let commands = ours(services).into_iter().map(|(name, it)| (name, strings(&it["command"])));
    commands.filter(|(_, command)| command.first() == Some(&"run")).collect()
}

#[test]
fn every_role_is_a_service_of_its_own() {
    let Some(services) = services() else { return };
    let names = latefusion::shell::config::Deployment::load(None).expect("the defaults").names;
    let mut expected: BTreeSet<Vec<String>> = (0..names.modalities())
        .map(|id| names.modality(latefusion::types::ModalityId(id as u8)))
        .map(|modality| vec!["run".to_owned(), "score".to_owned(), modality.to_owned()])
        .collect();
    expected.insert(["run", "score", "encounters"].map(str::to_owned).to_vec());
    expected.insert(["run", "fuse"].map(str::to_owned).to_vec());
    let found: BTreeSet<Vec<String>> = roles(&services)
        .values()
        .map(|command| command.iter().map(|word| (*word).to_owned()).collect())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_file_that_is_mounted_exists_and_secrets_are_files() {
    let Some(whole) = whole() else { return };
    let mut mounted: Vec<String> = Vec::new();
    for kind in ["configs", "secrets"] {
        for (_, entry) in whole[kind].as_object().expect("there are some") {
            mounted.push(entry["file"].as_str().expect("it is a file").to_owned());
        }
    }
    for (_, service) in whole["services"].as_object().expect("there are services") {
        let volumes = service["volumes"].as_array().into_iter().flatten();
        for volume in volumes.filter(|volume| volume["type"] == "bind") {
            assert_eq!(volume["read_only"], true, "{volume}");
            mounted.push(volume["source"].as_str().expect("it has a source").to_owned());
        }
        for (name, value) in service["environment"].as_object().into_iter().flatten() {
            let is_secret = ["PASSWORD", "SECRET", "TOKEN"].iter().any(|word| name.contains(word));
            let is_file = value.as_str().is_some_and(|value| value.starts_with("/run/secrets/"));
            assert!(!is_secret || is_file, "{name} holds a secret");
        }
    }
    for source in &mounted {
        assert!(Path::new(source).exists(), "{source} is mounted and is not there");
    }
    assert!(mounted.len() >= 4, "only {} mounts were looked at", mounted.len());
}
