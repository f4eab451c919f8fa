//! What the roles run as.

use super::{everything, name, of_kind, render};
use crate::deploy::compose;
use crate::deploy::strings;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn every_role_is_a_hardened_set_of_stable_instances() {
    for values in [json!({}), everything()] {
        let Some(rendered) = render(&values) else { return };
        let sets = of_kind(&rendered, "StatefulSet");
        assert_eq!(sets.len(), 5);
        for set in sets {
            let pod = &set["spec"]["template"]["spec"];
            let container = &pod["containers"][0];
            let environment = container["env"].as_array().expect("there is some");
            let instance = environment.iter().find(|entry| entry["name"] == "LATEFUSION_INSTANCE");
            let from = &instance.expect("it is set")["valueFrom"]["fieldRef"]["fieldPath"];
            assert_eq!(from, "metadata.labels['apps.kubernetes.io/pod-index']");
            assert_eq!(set["spec"]["serviceName"], set["metadata"]["name"]);
            assert_eq!(
                container["livenessProbe"]["httpGet"],
                json!({ "path": "/live", "port": "health" })
            );
            assert_eq!(
                container["readinessProbe"]["httpGet"],
                json!({ "path": "/ready", "port": "health" })
            );
            hardened(name(set), pod);
            let grace = if values == json!({}) { 40 } else { 90 };
            assert_eq!(pod["terminationGracePeriodSeconds"], grace);
        }
        for job in of_kind(&rendered, "Job") {
            hardened(name(job), &job["spec"]["template"]["spec"]);
        }
        for budget in of_kind(&rendered, "PodDisruptionBudget") {
            assert_eq!(budget["spec"]["maxUnavailable"], 1);
        }
    }
}

fn hardened(name: &str, pod: &Value) {
    let security = &pod["securityContext"];
    assert_eq!(security["runAsNonRoot"], true, "{name}");
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{name}");
    assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
    let containers = pod["containers"].as_array().expect("there is one");
    for container in containers {
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(strings(&security["capabilities"]["drop"]), ["ALL"], "{name}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{name}");
    }
    assert_eq!(containers.len(), 1, "{name}");
}

/// Those of the compose file are run for real in `deploy::kafka::stack`.
#[test]
fn the_command_lines_are_those_of_the_compose_file() {
    let (Some(rendered), Some(services)) = (render(&json!({})), compose::services()) else {
        return;
    };
    let pods = rendered.iter().filter(|m| m["kind"] == "StatefulSet" || m["kind"] == "Job");
    let found: BTreeSet<Vec<&str>> = pods
        .map(|pod| strings(&pod["spec"]["template"]["spec"]["containers"][0]["args"]))
        .collect();
    let ours = compose::ours(&services).into_iter().filter(|(name, _)| *name != "ward");
    let wanted: BTreeSet<Vec<&str>> =
        ours.map(|(_, service)| strings(&service["command"])).collect();
    assert_eq!(found, wanted);
    assert_eq!(found.len(), 7);
}

#[test]
fn the_jobs_run_before_the_roles_and_in_their_order() {
    let Some(rendered) = render(&json!({})) else { return };
    let weight = |manifest: &Value| -> i32 {
        let annotations = &manifest["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/hook"], "pre-install,pre-upgrade");
        annotations["helm.sh/hook-weight"]
            .as_str()
            .and_then(|weight| weight.parse().ok())
            .expect("a number")
    };
    let of = |kind: &str, end: &str| {
        let found =
            of_kind(&rendered, kind).into_iter().find(|manifest| name(manifest).ends_with(end));
        weight(found.expect("it is there"))
    };
    assert!(of("ConfigMap", "-topics") < of("Job", "-topics"));
    assert!(of("ConfigMap", "-activate") < of("Job", "-activate"));
    assert!(of("Job", "-topics") < of("Job", "-activate"));
    let without = json!({ "topics": { "create": false }, "activate": { "enabled": false } });
    let Some(rendered) = render(&without) else { return };
    assert!(of_kind(&rendered, "Job").is_empty());
}

#[test]
fn scaling_never_exceeds_the_partitions_and_counts_the_right_group() {
    let Some(rendered) = render(&everything()) else { return };
    let scaled = of_kind(&rendered, "ScaledObject");
    assert_eq!(scaled.len(), 5);
    let mut topics = BTreeSet::new();
    for scaled in scaled {
        assert_eq!(scaled["spec"]["maxReplicaCount"], 3, "the partitions");
        let trigger = &scaled["spec"]["triggers"][0];
        assert_eq!(trigger["authenticationRef"]["name"], "kafka");
        let role =
            scaled["metadata"]["labels"]["app.kubernetes.io/component"].as_str().expect("a role");
        assert_eq!(trigger["metadata"]["consumerGroup"], format!("latefusion-{role}"));
        topics.insert(trigger["metadata"]["topic"].as_str().expect("a topic").to_owned());
        let target = scaled["spec"]["scaleTargetRef"]["name"].as_str();
        let sets = of_kind(&rendered, "StatefulSet");
        let set = sets.iter().find(|set| Some(name(set)) == target).expect("its target is there");
        assert!(set["spec"]["replicas"].is_null(), "the scaler counts them");
    }
    let expected = ["ward-7-vitals", "labs", "imaging-reports", "encounters", "predictions"];
    assert_eq!(topics, expected.map(str::to_owned).into_iter().collect());
}

/// Rules and dashboards look at jobs whose names begin so.
#[test]
fn metrics_are_scraped_under_a_job_that_the_rules_look_at() {
    let Some(rendered) = render(&everything()) else { return };
    let monitor = of_kind(&rendered, "ServiceMonitor")[0];
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!((&endpoint["port"], &endpoint["path"]), (&json!("health"), &json!("/metrics")));
    let relabelings = endpoint["relabelings"].as_array().expect("there are some");
    let job = relabelings.iter().find(|relabeling| relabeling["targetLabel"] == "job");
    assert_eq!(job.expect("it is set")["replacement"], "latefusion-ward-prod");
    let services = of_kind(&rendered, "Service");
    assert_eq!(services.len(), 5);
    for service in services {
        let selector = monitor["spec"]["selector"]["matchLabels"].as_object().expect("labels");
        let labels = &service["metadata"]["labels"];
        assert!(selector.iter().all(|(label, value)| labels[label] == *value), "{}", name(service));
        assert_eq!(service["spec"]["ports"][0]["name"], "health");
    }
}
