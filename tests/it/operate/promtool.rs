//! promtool and prometheus, Debian's package `prometheus`: what they say of configuration and rules.

use super::files::Files;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// True where the tools are there; says loudly what is left out where they are not.
pub(super) fn is_there(what: &str) -> bool {
    let is_there = ["promtool", "prometheus"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !is_there {
        // Past the test harness, which keeps what a passing test prints to itself.
        let line = format!(
            "SKIPPED: {what}: promtool and prometheus are missing (scripts/bootstrap.sh watch installs them)\n"
        );
        std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
    }
    is_there
}

/// Runs promtool in a folder that holds the files; what it said where it failed.
pub(super) fn promtool(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("promtool").current_dir(folder).args(arguments).output();
    let output = output.expect("promtool was there");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// Everything that promtool finds in configuration and rules, and in the rule tests that name `about` (all of them: "").
pub(super) fn faults(files: &Files, about: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files.write_to(folder.path());
    let run = |command: &[&str], of: &str, about: &str| {
        let chosen = files.in_folder(of, ".yml").filter(|(_, text)| text.contains(about));
        let paths: Vec<&str> = chosen.map(|(path, _)| path).collect();
        if paths.is_empty() {
            None
        } else {
            promtool(folder.path(), &[command, &paths].concat()).err()
        }
    };
    let lint = ["--lint=all", "--lint-fatal"];
    let said = [
        run(&[&["check", "config"], &lint[..]].concat(), "deploy/prometheus/prometheus", ""),
        run(&[&["check", "rules"], &lint[..]].concat(), "deploy/prometheus/rules/", ""),
        run(&["test", "rules"], "deploy/prometheus/tests/", about),
    ];
    said.into_iter().flatten().collect()
}

#[test]
fn promtool_finds_nothing_in_configuration_rules_and_their_tests() {
    if !is_there("configuration, rules and rule tests") {
        return;
    }
    let files = Files::read();
    let tests = files.in_folder("deploy/prometheus/tests/", ".yml").count();
    assert!(tests >= 7, "{tests} files of rule tests");
    let faults = faults(&files, "");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!(
        "promtool: configuration, {} rule files, {tests} test files",
        files.in_folder("deploy/prometheus/rules/", ".yml").count()
    );
}
