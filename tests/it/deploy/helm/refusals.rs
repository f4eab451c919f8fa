//! Wrong values are refused before anything is installed.

use super::try_render;
use serde_json::{Value, json};

#[test]
fn wrong_values_are_refused_with_their_place() {
    let wrong: Vec<(Value, &str)> = vec![
        (json!({ "surprise": 1 }), "surprise"),
        (json!({ "image": { "pullPolicy": "Sometimes" } }), "pullPolicy"),
        (json!({ "image": { "digest": "sha256:12" } }), "digest"),
        (json!({ "kafka": { "brokers": "nowhere" } }), "brokers"),
        (json!({ "kafka": { "security": "SASL_SSL" } }), "security"),
        (json!({ "kafka": { "password": "in-plain-sight" } }), "password"),
        (json!({ "kafka": { "mechanism": "GSSAPI" } }), "mechanism"),
        (json!({ "roles": { "score-ecg": { "enabled": true } } }), "score-ecg"),
        (json!({ "roles": { "fuse": { "replicas": 0 } } }), "replicas"),
        (json!({ "roles": { "fuse": { "replicas": "two" } } }), "replicas"),
        (
            json!({ "roles": { "fuse": { "replicas": 9 } } }),
            "roles.fuse.replicas is 9, but there are 8 partitions",
        ),
        (json!({ "terminationGracePeriodSeconds": 10 }), "must be longer than config.lanes.grace"),
        (
            json!({ "config": { "lanes": { "grace": "1min" } } }),
            "must be longer than config.lanes.grace",
        ),
        (json!({ "config": { "lanes": { "grace": "soon" } } }), "grace"),
        (json!({ "config": { "lanes": { "instance": "0" } } }), "instance"),
        (json!({ "config": { "lanes": { "profile": "icu" } } }), "profile"),
        (json!({ "config": { "kafka": { "brokers": "a:1" } } }), "brokers"),
        (json!({ "config": { "topic": {} } }), "topic"),
        (json!({ "config": { "topics": { "partitions": 0 } } }), "partitions"),
        (json!({ "config": { "topics": { "partitions": 2.5 } } }), "partitions"),
        (json!({ "config": { "telemetry": { "log_level": "loud" } } }), "log_level"),
        (json!({ "topics": { "create": "yes" } }), "create"),
        (json!({ "serviceMonitor": { "interval": "often" } }), "interval"),
        (json!({ "prometheusRule": { "runbookPrefix": "https://example.org" } }), "runbookPrefix"),
        (json!({ "keda": { "maxReplicas": 0 } }), "maxReplicas"),
        (json!({ "networkPolicy": { "kafkaPorts": [70_000] } }), "kafkaPorts"),
    ];
    for (values, place) in &wrong {
        let Some(rendered) = try_render(values) else { return };
        match rendered {
            Ok(_) => panic!("{values} was taken"),
            Err(said) => assert!(said.contains(place), "{values}: {said}"),
        }
    }
}
