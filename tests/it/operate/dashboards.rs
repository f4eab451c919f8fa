//! The dashboards' queries against the metrics that the program exports.

use super::files::{Files, Rule, list, text};
use super::promql::{Contract, RATE_INTERVAL, matches_variable, parse, uses};
use super::{layout, units};
use latefusion::shell::telemetry::names::{self, Kind};
use promql_parser::parser::Expr;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the crate metrics-process exports on Linux: counter or not.
const PROCESS: [(&str, bool); 8] = [
    ("process_cpu_seconds_total", true),
    ("process_max_fds", false),
    ("process_open_fds", false),
    ("process_resident_memory_bytes", false),
    ("process_start_time_seconds", false),
    ("process_threads", false),
    ("process_virtual_memory_bytes", false),
    ("process_virtual_memory_max_bytes", false),
];
/// Exported and shown nowhere, each for a reason.
const NOT_SHOWN: [(&str, &str); 2] = [
    ("process_virtual_memory_bytes", "says nothing of a program that maps files"),
    ("process_virtual_memory_max_bytes", "unlimited wherever it runs"),
];
/// Ranges that belong to a definition instead of to the picture: the metric, and how long.
const DEFINED: [(&str, u64); 5] = [
    ("score_bin_total", 3_600),
    ("processing_duration_seconds", 300),
    ("processing_duration_seconds", 3_600),
    ("processing_duration_seconds", 21_600),
    // Results come hours apart.
    ("ingest_delay_seconds", 1_800),
];

/// The metrics of the program and of every scrape.
pub(super) fn contract() -> Contract {
    let mut contract = Contract::default();
    for metric in names::ALL {
        match metric.kind {
            Kind::Counter => contract.add(metric.name, true, metric.labels),
            Kind::Gauge => contract.add(metric.name, false, metric.labels),
            Kind::Histogram(_) => contract.add_histogram(metric.name, metric.labels),
        }
    }
    for (name, is_counter) in PROCESS {
        contract.add(name, is_counter, &[]);
    }
    contract.add("up", false, &[]);
    contract
}

/// Everything that is wrong with the dashboards.
pub(super) fn faults(files: &Files) -> Vec<String> {
    let contract = contract();
    let mut faults = Vec::new();
    let mut uids = BTreeSet::new();
    for (name, dashboard) in files.dashboards() {
        faults.extend(layout::faults(&name, &dashboard));
        if !uids.insert(text(&dashboard, "uid").to_owned()) {
            faults.push(format!("{name}: another dashboard has its uid"));
        }
        for panel in list(&dashboard, "panels") {
            let wrong = of_panel(&contract, panel);
            faults.extend(
                wrong
                    .into_iter()
                    .map(|fault| format!("{name}: panel {:?}: {fault}", text(panel, "title"))),
            );
        }
        for variable in list(&dashboard["templating"], "list") {
            faults.extend(of_variable(&contract, variable).map(|fault| format!("{name}: {fault}")));
        }
    }
    faults.extend(availability_is_first(files));
    faults
}

fn of_panel(contract: &Contract, panel: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for target in list(panel, "targets") {
        let expr = match parse(text(target, "expr")) {
            Ok(expr) => expr,
            Err(error) => {
                faults.push(format!("its query does not parse: {error}"));
                continue;
            }
        };
        faults.extend(contract.faults(&expr));
        faults.extend(of_selectors(&expr));
        let shown = text(&panel["fieldConfig"]["defaults"], "unit");
        let unit = units::of(&expr);
        if text(panel, "type") != "table" && !unit.shown_as().contains(&shown) {
            faults.push(format!("{unit:?} is shown as {shown:?}"));
        }
        let labels = contract.labels_of(&expr);
        let legend = text(target, "legendFormat");
        let missing = placeholders(legend).into_iter().filter(|label| !labels.contains(label));
        faults.extend(missing.map(|label| format!("its legend names {label}, which is not there")));
        if labels.contains("modality") && shown == "s" {
            faults.push(
                "modalities valid for minutes and for days share one axis of seconds".to_owned(),
            );
        }
    }
    faults
}

/// Every selector matches job and instance; every range is the picture's, or part of a definition.
fn of_selectors(expr: &Expr) -> Vec<String> {
    let mut faults = Vec::new();
    for used in uses(expr) {
        for label in ["job", "instance"] {
            if !matches_variable(&used.matchers, label) {
                faults.push(format!("{} is not matched by ${label}", used.name));
            }
        }
        let Some((function, range)) = used.range else { continue };
        let is_defined = DEFINED.iter().any(|(metric, seconds)| {
            used.name.contains(metric) && range == Duration::from_secs(*seconds)
        });
        if range != RATE_INTERVAL && !is_defined {
            faults.push(format!("{function} of {} is not over $__rate_interval", used.name));
        }
    }
    faults
}

fn of_variable(contract: &Contract, variable: &Value) -> Option<String> {
    let name = text(variable, "name");
    if name == "datasource" {
        return (text(variable, "query") != "prometheus")
            .then(|| "the data source is no Prometheus".to_owned());
    }
    let query = text(&variable["query"], "query");
    if text(variable, "definition") != query {
        return Some(format!(
            "variable {name} asks {query:?} and says that it asks something else"
        ));
    }
    let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let Some((selector, label)) = inner.and_then(|inner| inner.rsplit_once(", ")) else {
        return Some(format!("variable {name} asks {query:?}"));
    };
    let faults = parse(selector).map(|expr| (contract.faults(&expr), contract.labels_of(&expr)));
    match faults {
        Ok((faults, labels)) if faults.is_empty() && labels.contains(label) && label == name => {
            None
        }
        other => Some(format!("variable {name} asks {query:?}: {other:?}")),
    }
}

/// The first thing a ward sees.
fn availability_is_first(files: &Files) -> Option<String> {
    let clinical = files.dashboards().into_iter().find(|(name, _)| name == "latefusion-clinical");
    let Some((_, dashboard)) = clinical else {
        return Some("there is no clinical dashboard".to_owned());
    };
    let asking =
        list(&dashboard, "panels").iter().filter(|panel| !list(panel, "targets").is_empty());
    let first = asking
        .min_by_key(|panel| (panel["gridPos"]["y"].as_u64(), panel["gridPos"]["x"].as_u64()))?;
    let query = text(&list(first, "targets")[0], "expr");
    let is_it = query.contains("latefusion_fresh_patients")
        && query.contains("latefusion_expected_patients");
    (!is_it).then(|| "latefusion-clinical: availability by modality does not come first".to_owned())
}

fn placeholders(legend: &str) -> Vec<String> {
    let parts = legend.split("{{").skip(1);
    parts
        .filter_map(|part| part.split_once("}}"))
        .map(|(label, _)| label.trim().to_owned())
        .collect()
}

/// What is exported and neither shown nor alerted on.
pub(super) fn unseen(files: &Files, rules: &[Rule]) -> Vec<String> {
    let dashboards = files.dashboards();
    let panels = dashboards.iter().flat_map(|(_, dashboard)| list(dashboard, "panels"));
    let targets = panels.flat_map(|panel| list(panel, "targets"));
    let queries =
        targets.map(|target| text(target, "expr")).chain(rules.iter().map(|rule| &*rule.expr));
    let seen: BTreeSet<String> = queries
        .filter_map(|query| parse(query).ok())
        .flat_map(|expr| uses(&expr).into_iter().map(|used| used.name).collect::<Vec<_>>())
        .collect();
    let all =
        names::ALL.iter().map(|metric| metric.name).chain(PROCESS.iter().map(|(name, _)| *name));
    let is_seen = |name: &str| {
        ["", "_bucket", "_count", "_sum"].iter().any(|part| seen.contains(&format!("{name}{part}")))
    };
    let is_excused = |name: &str| NOT_SHOWN.iter().any(|(not_shown, _)| *not_shown == name);
    all.filter(|name| !is_seen(name) && !is_excused(name))
        .map(|name| format!("{name} is exported and neither shown nor alerted on"))
        .collect()
}

#[test]
fn every_dashboard_keeps_the_rules_and_asks_for_metrics_that_exist() {
    let files = Files::read();
    let dashboards = files.dashboards();
    let panels: Vec<&Value> = dashboards.iter().flat_map(|(_, d)| list(d, "panels")).collect();
    let targets: usize = panels.iter().map(|panel| list(panel, "targets").len()).sum();
    println!(
        "{} dashboards, {} panels, {targets} queries looked at",
        dashboards.len(),
        panels.len()
    );
    assert_eq!(dashboards.len(), 3);
    assert!(panels.len() > 50 && targets > 50, "{} panels, {targets} targets", panels.len());
    let faults = faults(&files);
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_exported_metric_is_shown_or_alerted_on() {
    let files = Files::read();
    let unseen = unseen(&files, &files.rules());
    println!("{} metrics looked for", names::ALL.len() + PROCESS.len());
    assert!(names::ALL.len() > 30, "{}", names::ALL.len());
    assert!(unseen.is_empty(), "{unseen:#?}");
}
