//! The rules as text: words, severities, runbooks, metrics that exist, and a test that fires and one that stays silent for each alert.

use super::dashboards::contract;
use super::files::{Files, Rule};
use super::promql::{Contract, parse};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const RUNBOOKS: &str = "docs/runbooks/";
/// What a runbook must hold.
const SECTIONS: [&str; 3] = ["## What it means", "## See more", "## What to do"];

#[derive(Deserialize)]
struct TestFile {
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    alert_rule_test: Vec<AlertCase>,
}

#[derive(Deserialize)]
struct AlertCase {
    alertname: String,
    exp_alerts: Vec<yaml_serde::Value>,
}

/// Everything that is wrong with rules, their tests and runbooks, as far as reading tells.
pub(super) fn faults(files: &Files) -> Vec<String> {
    let rules = files.rules();
    let mut contract = contract();
    let mut faults = Vec::new();
    for rule in &rules {
        let name = format!("{}{}", rule.alert, rule.record);
        match parse(&rule.expr) {
            Ok(expr) => {
                faults.extend(
                    contract.faults(&expr).into_iter().map(|fault| format!("{name}: {fault}")),
                );
                if !rule.record.is_empty() {
                    contract.add_recorded(&rule.record, &expr);
                }
            }
            Err(error) => faults.push(format!("{name} does not parse: {error}")),
        }
    }
    let alerts: Vec<&Rule> = rules.iter().filter(|rule| !rule.alert.is_empty()).collect();
    let names: BTreeSet<&str> = alerts.iter().map(|rule| &*rule.alert).collect();
    if names.len() != alerts.len() {
        faults.push("two alerts have one name".to_owned());
    }
    faults.extend(alerts.iter().flat_map(|rule| of_alert(files, rule)));
    faults.extend(of_tests(files, &names));
    faults.extend(of_runbooks(files, &contract, &names));
    faults
}

fn of_alert(files: &Files, rule: &Rule) -> Vec<String> {
    let said = |key: &str| rule.annotations.get(key).map_or("", |text| &**text);
    let runbook = said("runbook_url");
    let severity = rule.labels.get("severity").map_or("", |severity| &**severity);
    let checks = [
        (rule.alert.starts_with("Latefusion"), "its name does not begin with Latefusion"),
        (
            ["critical", "warning"].contains(&severity),
            "its severity is neither critical nor warning",
        ),
        (said("summary").len() > 10, "it has no summary"),
        (said("description").contains("{{"), "its description has no figure"),
        (
            runbook == format!("{RUNBOOKS}{}.md", rule.alert),
            "its runbook_url is not that of its runbook",
        ),
        (files.0.contains_key(runbook), "its runbook is not there"),
    ];
    let wrong = checks.iter().filter(|(is_right, _)| !is_right);
    wrong.map(|(_, fault)| format!("{}: {fault}", rule.alert)).collect()
}

/// Every alert fires in one case and stays silent in another.
fn of_tests(files: &Files, names: &BTreeSet<&str>) -> Vec<String> {
    let mut cases: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (_, text) in files.in_folder("deploy/prometheus/tests/", ".yml") {
        let file: TestFile =
            yaml_serde::from_str(text).expect("a file of rule tests is as expected");
        for case in file.tests.into_iter().flat_map(|case| case.alert_rule_test) {
            cases.entry(case.alertname).or_default()[usize::from(case.exp_alerts.is_empty())] += 1;
        }
    }
    let mut faults = Vec::new();
    for name in names {
        let [fires, silent] = cases.remove(*name).unwrap_or_default();
        if fires == 0 || silent == 0 {
            faults.push(format!(
                "{name}: {fires} cases in which it fires, {silent} in which it is silent"
            ));
        }
    }
    faults.extend(cases.keys().map(|name| format!("{name} is tested and does not exist")));
    faults
}

fn of_runbooks(files: &Files, contract: &Contract, names: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in files.in_folder(RUNBOOKS, ".md") {
        let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
        if name == "README" {
            let missing = names.iter().filter(|name| !text.contains(&format!("({name}.md)")));
            faults.extend(missing.map(|name| format!("{path} does not list {name}")));
            continue;
        }
        if !names.contains(&*name) {
            faults.push(format!("{path} belongs to no alert"));
        }
        let missing = SECTIONS.iter().filter(|section| !text.contains(*section));
        faults.extend(missing.map(|section| format!("{path} has no {section:?}")));
        let queries = blocks(text, "promql");
        if queries.is_empty() || blocks(text, "sh").is_empty() {
            faults.push(format!("{path} gives no query or no command"));
        }
        for query in queries {
            match parse(query) {
                Ok(expr) => faults.extend(
                    contract.faults(&expr).into_iter().map(|fault| format!("{path}: {fault}")),
                ),
                Err(error) => faults.push(format!("{path}: {query:?} does not parse: {error}")),
            }
        }
    }
    faults
}

/// The fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    text.split(&*fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_alert_has_words_a_runbook_and_tests_that_fire_and_stay_silent() {
    let files = Files::read();
    let rules = files.rules();
    let alerts = rules.iter().filter(|rule| !rule.alert.is_empty()).count();
    println!("{alerts} alerts, {} recording rules looked at", rules.len() - alerts);
    assert!(alerts >= 15 && rules.len() - alerts >= 10, "{alerts} of {}", rules.len());
    let faults = faults(&files);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_latefusion_command_of_a_runbook_is_one() {
    let program = env!("CARGO_BIN_EXE_latefusion");
    let files = Files::read();
    let blocks = files.in_folder(RUNBOOKS, ".md").flat_map(|(_, text)| blocks(text, "sh"));
    let commands: BTreeSet<Vec<&str>> = blocks
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("latefusion "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    println!("{} commands looked at", commands.len());
    assert!(commands.len() > 8, "{commands:?}");
    for command in commands {
        // With --help nothing is done; every word before it must still be known.
        let with_help = command.iter().copied().chain(["--help"]);
        let output = std::process::Command::new(program).args(with_help).output().expect("it runs");
        assert!(
            output.status.success(),
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
