//! promtool and prometheus, Debian's package `prometheus`: what they say of configuration and rules.

use super::files::Files;
use std::path::Path;
use std::process::Command;

/// True where the tools are there; says loudly what is left out where they are not.
pub(super) fn is_there(what: &str) -> bool {
    let is_there = ["promtool", "prometheus"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok());
    if !is_there {
        eprintln!(
            "SKIPPED: {what}: promtool or prometheus is missing (scripts/bootstrap.sh watch installs Debian's package prometheus)"
        );
        assert!(std::env::var_os("CI").is_none(), "in continuous integration nothing is skipped");
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

/// Everything that promtool finds in configuration, rules and rule tests.
pub(super) fn faults(files: &Files) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files.write_to(folder.path());
    let paths = |of: &str| -> Vec<String> {
        files.in_folder(of, ".yml").map(|(path, _)| path.to_owned()).collect()
    };
    let (rules, tests) = (paths("deploy/prometheus/rules/"), paths("deploy/prometheus/tests/"));
    let with = |first: &[&str], last: &[String]| {
        let arguments: Vec<&str> =
            first.iter().copied().chain(last.iter().map(|path| &**path)).collect();
        promtool(folder.path(), &arguments).err()
    };
    let config = ["deploy/prometheus/prometheus.yml".to_owned()];
    let said = [
        with(&["check", "config", "--lint=all", "--lint-fatal"], &config),
        with(&["check", "rules", "--lint=all", "--lint-fatal"], &rules),
        with(&["test", "rules"], &tests),
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
    let faults = faults(&files);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    println!(
        "promtool: configuration, {} rule files, {tests} test files",
        files.in_folder("deploy/prometheus/rules/", ".yml").count()
    );
}
