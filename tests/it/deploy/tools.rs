//! Tools that are no part of the build, fetched into the target folder by tests/deploy/tools.sh.

use super::path;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A set of tools with pins of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// docker-compose, hadolint, Helm, kubernetes-validate.
    Python,
    /// The AsyncAPI parser, the models of custom resources, TypeScript.
    Node,
    /// The definitions of Strimzi's custom resources.
    Strimzi,
}

/// The folder of a part, fetched by whoever asks first; `None`, said loudly, where it cannot be had.
pub(super) fn part(part: Part) -> Option<PathBuf> {
    static PARTS: [OnceLock<Option<PathBuf>>; 3] = [const { OnceLock::new() }; 3];
    PARTS[part as usize].get_or_init(|| fetch(part)).clone()
}

fn fetch(part: Part) -> Option<PathBuf> {
    let name = format!("{part:?}").to_lowercase();
    let tools = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("deploy-tools");
    let fetched = Command::new(path("tests/deploy/tools.sh"))
        .arg(&name)
        .arg(&tools)
        .stdin(Stdio::null())
        .output()
        .expect("bash is there");
    if fetched.status.success() {
        return Some(tools.join(name));
    }
    let why = String::from_utf8_lossy(&fetched.stderr).into_owned();
    // Straight to the terminal: what a test prints is shown only where it fails.
    let line = format!("DEPLOYMENT CHECKS LEFT OUT, {name} tools cannot be had: {}\n", why.trim());
    let _nobody_listens = std::io::stderr().write_all(line.as_bytes());
    None
}

/// What a tool printed to standard output; it must succeed.
pub(super) fn said(command: &mut Command) -> String {
    let output = ran(command, "");
    assert!(output.status.success(), "{command:?}\n{}", both(&output));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// Runs a tool with `input` as its standard input.
pub(super) fn ran(command: &mut Command, input: &str) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut pipe = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it is our child");
    let _it_may_have_ended_without_reading = writer.join();
    output
}

/// All that a tool printed.
pub(super) fn both(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
