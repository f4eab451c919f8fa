//! The chart as Helm itself renders it, with the values that it ships, with those for Strimzi, and with everything switched on.

mod configuration;
mod refusals;
mod workloads;

use super::strimzi::documents;
use super::tools::{Part, both, part, ran};
use super::{path, text};
use serde_json::{Value, json};
use std::process::Command;

/// What is rendered, hooks too; `Err`: what Helm says of the values; `None` without the tool.
fn try_render(values: &Value) -> Option<Result<Vec<Value>, String>> {
    let python = part(Part::Python)?.join("bin/python");
    let mut command = Command::new(python);
    command.arg(path("tests/deploy/chart.py")).arg(path("deploy/helm/latefusion"));
    let output = ran(&mut command, &values.to_string());
    if !output.status.success() {
        return Some(Err(both(&output)));
    }
    let files: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let files = files.as_object().expect("there are files").iter();
    let manifests = files.filter(|(name, _)| name.ends_with(".yaml"));
    let rendered = manifests.flat_map(|(_, file)| documents(file.as_str().expect("a text")));
    Some(Ok(rendered.collect()))
}

fn render(values: &Value) -> Option<Vec<Value>> {
    try_render(values).map(|rendered| rendered.unwrap_or_else(|error| panic!("{values}: {error}")))
}

/// The values for a cluster of Strimzi.
fn strimzi() -> Value {
    documents(&text("deploy/strimzi/values.yaml")).remove(0)
}

/// Everything that the chart can do, with values that need care in TOML.
fn everything() -> Value {
    let secret = |name: &str| json!({ "name": name });
    json!({
        "image": { "digest": format!("sha256:{}", "a".repeat(64)) },
        "imagePullSecrets": [{ "name": "registry" }],
        "kafka": {
            "brokers": "a:9093,b:9093", "security": "sasl_tls", "mechanism": "SCRAM-SHA-512", "username": "o'\"brien\\",
            "passwordSecret": secret("password"), "caSecret": secret("ca"), "certificateSecret": secret("client"),
        },
        "config": {
            "kafka": { "session_timeout": "10s", "record_bytes": 2_000_000, "extra": { "client.rack": "room <2> & \"3\"" } },
            "topics": { "partitions": 3, "modality": { "vitals": "ward-7-vitals" }, "epochs": { "labs": 2 } },
            "lanes": { "workers": 2, "grace": "1min" },
            "models": { "vitals": { "active": "reference" } },
            "telemetry": { "otlp_ratio": 0.25, "otlp_endpoint": "http://localhost:4318" },
        },
        "fusionPackage": "# as shipped\n",
        "terminationGracePeriodSeconds": 90,
        "roles": { "fuse": { "replicas": 3, "resources": { "limits": { "memory": "2Gi" } } } },
        "podAnnotations": { "a": "b" }, "podLabels": { "c": "d" }, "nodeSelector": { "e": "f" }, "priorityClassName": "high",
        "tolerations": [{ "key": "g", "operator": "Exists" }],
        "affinity": { "nodeAffinity": {} },
        "extraEnv": [{ "name": "RUST_BACKTRACE", "value": "1" }],
        "extraVolumes": [{ "name": "models", "emptyDir": {} }],
        "extraVolumeMounts": [{ "name": "models", "mountPath": "/models", "readOnly": true }],
        "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" } },
        "prometheusRule": { "enabled": true, "runbookPrefix": "https://example.org/" },
        "keda": { "enabled": true, "maxReplicas": 50, "authentication": "kafka" },
        "networkPolicy": {
            "metricsFrom": [{ "namespaceSelector": {} }], "kafkaTo": [{ "podSelector": {} }],
            "extraEgress": [{ "ports": [{ "port": 4318 }] }],
        },
    })
}

fn of_kind<'a>(rendered: &'a [Value], kind: &str) -> Vec<&'a Value> {
    rendered.iter().filter(|manifest| manifest["kind"] == kind).collect()
}

fn name(manifest: &Value) -> &str {
    manifest["metadata"]["name"].as_str().expect("a name")
}

#[test]
fn what_is_rendered_is_what_kubernetes_and_the_operators_define() {
    let Some(folder) = part(Part::Python) else { return };
    let mut kinds = std::collections::BTreeMap::<String, usize>::new();
    for values in [json!({}), strimzi(), everything()] {
        let Some(rendered) = render(&values) else { return };
        for manifest in &rendered {
            let kind = manifest["kind"].as_str().expect("a kind").to_owned();
            *kinds.entry(kind).or_default() += 1;
        }
        let is_custom = |manifest: &Value| {
            let version = manifest["apiVersion"].as_str().expect("a version");
            version.starts_with("monitoring.coreos.com/") || version.starts_with("keda.sh/")
        };
        let (custom, native): (Vec<Value>, Vec<Value>) = rendered.into_iter().partition(is_custom);
        let mut command = Command::new(folder.join("bin/python"));
        // The oldest that the chart allows, and the newest that is known.
        command.arg(path("tests/deploy/manifests.py")).args(["1.28", "1.37"]);
        checked(&mut command, &native, native.len() * 2);
        if let (false, Some(folder)) = (custom.is_empty(), part(Part::Node)) {
            let mut command = Command::new("node");
            command.arg(folder.join("resources.mjs"));
            checked(&mut command, &custom, custom.len());
        }
    }
    for (kind, count) in [
        ("StatefulSet", 15),
        ("Service", 15),
        ("PodDisruptionBudget", 15),
        ("Job", 5),
        ("NetworkPolicy", 3),
        ("ScaledObject", 5),
        ("ServiceMonitor", 1),
        ("PrometheusRule", 1),
    ] {
        assert_eq!(kinds.get(kind), Some(&count), "{kind}: {kinds:?}");
    }
}

fn checked(command: &mut Command, manifests: &[Value], count: usize) {
    let output = ran(command, &Value::from(manifests.to_vec()).to_string());
    let said = both(&output);
    assert!(output.status.success() && said.trim() == format!("{count} checked"), "{said}");
}

/// A checker that refuses nothing proves nothing.
#[test]
fn fields_that_there_are_not_are_found() {
    let Some(mut rendered) = render(&everything()) else { return };
    rendered.retain(|manifest| {
        manifest["kind"] == "StatefulSet" || manifest["kind"] == "ServiceMonitor"
    });
    let of_kind = |kind: &str| -> Vec<Value> {
        rendered.iter().filter(|manifest| manifest["kind"] == kind).cloned().collect()
    };
    let mut sets = of_kind("StatefulSet");
    sets[0]["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = json!({});
    let folder = part(Part::Python).expect("it was there a moment ago");
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(path("tests/deploy/manifests.py")).arg("1.37");
    let said = both(&ran(&mut command, &Value::from(sets).to_string()));
    assert!(said.contains("readynessProbe"), "{said}");
    let Some(folder) = part(Part::Node) else { return };
    let mut monitors = of_kind("ServiceMonitor");
    monitors[0]["spec"]["endpoints"][0]["intervall"] = json!("10s");
    let mut command = Command::new("node");
    command.arg(folder.join("resources.mjs"));
    let said = both(&ran(&mut command, &Value::from(monitors).to_string()));
    assert!(said.contains("intervall"), "{said}");
}

#[test]
fn the_rules_are_those_of_prometheus() {
    let Some(rendered) = render(&json!({ "prometheusRule": { "enabled": true } })) else { return };
    let rules = of_kind(&rendered, "PrometheusRule");
    let found = rules[0]["spec"]["groups"].as_array().expect("there are groups");
    let mut wanted = Vec::new();
    for file in std::fs::read_dir(path("deploy/prometheus/rules")).expect("it is there") {
        let file = file.expect("it can be listed").path();
        let rules = std::fs::read_to_string(&file).expect("it can be read");
        let groups = documents(&rules).remove(0)["groups"].take();
        wanted.extend(groups.as_array().expect("there are groups").clone());
    }
    assert!(!wanted.is_empty() && wanted.len() == found.len());
    assert!(wanted.iter().all(|group| found.contains(group)), "{found:?}");
}
