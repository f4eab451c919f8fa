//! What operators see of a running process: metrics, health, status, the page, logs and traces; and that no patient is in any of it.
#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails and says what it measured")]

mod browser;
mod exposition;
mod http;
mod page;
mod privacy;
mod process;
mod protobuf;
mod showing;
mod spans;
mod truth;

use latefusion::shell::bus::kafka::ClientFigures;
use latefusion::shell::config::{Config, Deployment};
use latefusion::shell::driver::{Board, WallClock};
use latefusion::shell::telemetry::{Observed, serve};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;

/// Checks an answer of `/status`: its schema, and that it has no field that the schema does not describe.
fn check_status(text: &str) -> Value {
    fn close(value: &mut Value) {
        if let Value::Object(object) = value {
            if object.contains_key("required") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            object.values_mut().for_each(close);
        }
    }
    let mut schema: Value =
        serde_json::from_str(include_str!("../../../schemas/status.schema.json")).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a valid schema");
    close(&mut schema);
    let validator = jsonschema::draft202012::new(&schema).expect("a schema of draft 2020-12");
    let status: Value = serde_json::from_str(text).expect("/status is JSON");
    let errors: Vec<String> =
        validator.iter_errors(&status).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    status
}

/// A process that has not started any worker, and measures nothing.
fn nobody() -> SocketAddr {
    let deployment = Deployment::new(Config::default()).expect("the defaults have no mistakes");
    let observed = Observed {
        pipeline: Arc::new(deployment.pipeline()),
        board: Board::default(),
        clock: Arc::new(WallClock::new()),
        clients: ClientFigures::default(),
    };
    serve("127.0.0.1:0", observed).expect("a free port")
}

#[test]
fn a_process_without_workers_is_live_and_not_ready_and_says_what_it_does_not_measure() {
    let address = nobody();
    let (code, text) = http::get(address, "/live");
    assert_eq!((code, text.as_str()), (200, "ok\n"));
    let (code, text) = http::get(address, "/ready");
    assert!(code == 503 && text.contains("no worker has started"), "{code} {text}");
    let (code, text) = http::get(address, "/metrics");
    assert!(code == 404 && text.contains("telemetry.metrics is false"), "{code} {text}");
    let (code, text) = http::get(address, "/other");
    assert!(code == 404 && text.contains("/status"), "{code} {text}");
    let status = check_status(&http::get(address, "/status").1);
    assert_eq!(status["ready"], false);
    assert_eq!(status["measures"], false);
    assert_eq!(status["availability"]["modalities"].as_array().map(Vec::len), Some(3));
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let (code, page) = http::get(nobody(), "/ui");
    assert_eq!(code, 200);
    let looked_at = ["src=", "href=", "url(", "import ", "fetch("];
    let found: Vec<&str> = looked_at
        .iter()
        .flat_map(|word| {
            page.match_indices(word).map(|(at, _)| &page[at..(at + 24).min(page.len())])
        })
        .collect();
    assert!(found.len() >= 2, "{found:?}");
    let ours =
        |text: &&str| text.starts_with("href=\"data:,\"") || text.starts_with("fetch(\"/status\"");
    let strange: Vec<&&str> = found.iter().filter(|text| !ours(text)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let links = page.matches("http://").count() + page.matches("https://").count();
    assert_eq!(links, page.matches("http://www.w3.org/2000/svg").count(), "a name, not a link");
}
