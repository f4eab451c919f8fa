//! The deployment files: every check runs the tool that will read them, or the program itself.
#![allow(clippy::panic, reason = "a test fails")]

mod asyncapi;
mod compose;
mod helm;
mod image;
mod kafka;
mod strimzi;
mod tools;

use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
