//! Breaks dashboards, rules, tests and runbooks in many ways and demands that a check sees each: a check that sees nothing proves nothing.

use super::files::Files;
use super::{dashboards, promtool, rules};
use serde_json::{Value, json};

const CLINICAL: &str = "deploy/grafana/dashboards/latefusion-clinical.json";
const PIPELINE: &str = "deploy/grafana/dashboards/latefusion-pipeline.json";
const MODELS: &str = "deploy/grafana/dashboards/latefusion-models.json";
const ALERTS: &str = "deploy/prometheus/rules/alerts.yml";
const RECORDING: &str = "deploy/prometheus/rules/recording.yml";
const CONFIG: &str = "deploy/prometheus/prometheus.yml";
const AVAILABILITY_TESTS: &str = "deploy/prometheus/tests/availability.yml";
const RUNBOOK: &str = "docs/runbooks/LatefusionDown.md";

/// How a file is broken.
enum Break {
    /// The first such text becomes another.
    Text(&'static str, &'static str),
    /// The dashboard is changed.
    Json(fn(&mut Value)),
    /// The file is gone.
    Gone,
}
use Break::{Gone, Json, Text};

/// A mutation: the file, what is done to it, and what the finding must say.
type Mutation = (&'static str, Break, &'static str);

fn of_dashboards() -> Vec<Mutation> {
    vec![
        (
            CLINICAL,
            Text("latefusion_fresh_patients", "latefusion_recent_patients"),
            "nothing exports",
        ),
        (CLINICAL, Text("by (combination)", "by (combinations)"), "joins by combinations"),
        (CLINICAL, Text("{{combination}}", "{{combo}}"), "its legend names combo"),
        (
            CLINICAL,
            Text(r#"reason!=\"unchanged\""#, r#"cause!=\"unchanged\""#),
            "has no label cause",
        ),
        (PIPELINE, Text(r#"job=~\"$job\", "#, ""), "is not matched by $job"),
        (PIPELINE, Text(r#", instance=~\"$instance\"}"#, "}"), "is not matched by $instance"),
        (
            PIPELINE,
            Text("rate(latefusion_input_events_total", "sum(latefusion_input_events_total"),
            "parse",
        ),
        (
            MODELS,
            Text(
                r#"sum by (modality, model, version) (rate(latefusion_predictions_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval]))"#,
                r#"sum by (modality, model, version) (latefusion_predictions_total{job=~\"$job\", instance=~\"$instance\"})"#,
            ),
            "is a counter without a rate",
        ),
        (PIPELINE, Text("$__rate_interval", "10m"), "is not over $__rate_interval"),
        (
            CLINICAL,
            Text("latefusion_active_patients{", "rate(latefusion_active_patients{"),
            "parse",
        ),
        (PIPELINE, Text(r#""unit": "bytes""#, r#""unit": "s""#), "is shown as \"s\""),
        (
            CLINICAL,
            Text(r#""unit": "percentunit""#, r#""unit": "percent""#),
            "is shown as \"percent\"",
        ),
        (CLINICAL, Json(|d| d["panels"][4]["gridPos"]["x"] = json!(4)), "it overlaps another"),
        (
            CLINICAL,
            Json(|d| d["panels"][4]["gridPos"]["w"] = json!(17)),
            "it is not within 24 columns",
        ),
        (CLINICAL, Json(|d| d["panels"][4]["id"] = json!(3)), "its id is not its own"),
        (
            CLINICAL,
            Json(|d| d["panels"][2]["description"] = json!("")),
            "it has no sentence that describes it",
        ),
        (
            CLINICAL,
            Json(|d| d["panels"][3]["fieldConfig"]["defaults"]["unit"] = json!("")),
            "it has no unit",
        ),
        (
            CLINICAL,
            Json(|d| d["panels"][3]["targets"][0]["datasource"]["uid"] = json!("prom")),
            "it names a data source",
        ),
        (
            CLINICAL,
            Json(|d| {
                d["panels"][2]["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["color"] =
                    json!("green")
            }),
            "begin red and end green",
        ),
        (CLINICAL, Json(|d| d["panels"][6]["gridPos"]["y"] = json!(0)), "does not come first"),
        (
            CLINICAL,
            Json(|d| d["panels"][0]["options"]["content"] = json!("Welcome.")),
            "no panel says that it is not an alarm system",
        ),
        (
            CLINICAL,
            Json(|d| d["templating"]["list"][2]["allValue"] = json!(".*")),
            "a variable has an allValue",
        ),
        (CLINICAL, Json(|d| d["editable"] = json!(true)), "it can be edited"),
        (
            PIPELINE,
            Json(|d| d["uid"] = json!("latefusion-clinical")),
            "another dashboard has its uid",
        ),
        (
            PIPELINE,
            Text(
                "label_values(latefusion_build_info, job)",
                "label_values(latefusion_builds, job)",
            ),
            "variable job asks",
        ),
        (PIPELINE, Text("60 * sum by (event)", "sum by (event)"), "is shown as \"cpm\""),
        (
            PIPELINE,
            Text(
                r#"sum by (kind) (rate(latefusion_kafka_errors_total{"#,
                r#"sum by (event) (rate(latefusion_rebalances_total{"#,
            ),
            "latefusion_kafka_errors_total is exported and neither",
        ),
    ]
}

fn of_rules() -> Vec<Mutation> {
    vec![
        (
            RECORDING,
            Text("latefusion_fresh_patients", "latefusion_patients_fresh"),
            "nothing exports",
        ),
        (
            RECORDING,
            Text(
                "sum by (job, modality) (rate(latefusion_fused_scores_with",
                "sum by (job, mode) (rate(latefusion_fused_scores_with",
            ),
            "joins by mode",
        ),
        (
            RECORDING,
            Text(
                "/ (sum by (job, modality) (latefusion_expected_patients) > 0)",
                "/ on (job) group_left () sum by (job) (latefusion_active_patients)",
            ),
            "LatefusionAvailability",
        ),
        (
            RECORDING,
            Text(
                "(latefusion_watermark_timestamp_seconds > 0)",
                "(latefusion_watermark_timestamp_seconds)",
            ),
            "job_modality:latefusion_watermark_lag:seconds",
        ),
        (ALERTS, Text("ratio < 0.9", "ratio < 0.09"), "LatefusionAvailabilityLow"),
        (ALERTS, Text("ratio < 0.5", "ratio > 0.5"), "LatefusionAvailabilityVeryLow"),
        (
            ALERTS,
            Text("(latefusion_active_patients) >= 10", "(latefusion_active_patients) >= 1"),
            "LatefusionAvailabilityLow",
        ),
        (ALERTS, Text("for: 2m", "for: 20m"), "LatefusionAvailabilityVeryLow"),
        (ALERTS, Text("> 14.4 * 0.001", "> 14.4"), "LatefusionLatencyBudgetBurnsFast"),
        (
            ALERTS,
            Text("and on (job) job:latefusion_slow_scores:ratio_rate5m > 14.4 * 0.001", ""),
            "LatefusionLatencyBudgetBurnsFast",
        ),
        (ALERTS, Text(r#"{role="active"}"#, ""), "LatefusionMixedModelVersions"),
        (
            ALERTS,
            Text(
                "sum by (job) (rate(latefusion_input_events_total[2m])) > 0",
                "sum by (job) (latefusion_input_events_total) > 0",
            ),
            "is a counter without a rate",
        ),
        (
            ALERTS,
            Text("          severity: critical", "          severity: urgent"),
            "its severity is neither",
        ),
        (
            ALERTS,
            Text("docs/runbooks/LatefusionDown.md", "docs/runbooks/Down.md"),
            "its runbook_url is not",
        ),
        (ALERTS, Text("for: 1m", "for: soon"), "not a valid duration string"),
        (CONFIG, Text("rules/alerts.yml", "rules/alarms.yml"), "alarms.yml"),
        (CONFIG, Text("scrape_timeout: 5s", "scrape_timeout: 50s"), "scrape timeout"),
        (
            AVAILABILITY_TESTS,
            Text("alertname: LatefusionWatermarkStalled", "alertname: LatefusionWatermarkSlow"),
            "is tested and does not exist",
        ),
        (RUNBOOK, Gone, "its runbook is not there"),
        (RUNBOOK, Text("## What to do", "## Notes"), "has no \"## What to do\""),
        (
            RUNBOOK,
            Text("process_start_time_seconds", "process_started"),
            "nothing exports process_started",
        ),
    ]
}

fn broken(files: &Files, (path, how, _): &Mutation) -> Files {
    let mut mutant = files.clone();
    let text = mutant.0.get(*path).expect("the file is there").clone();
    let changed = match how {
        Gone => mutant.0.remove(*path).map(|_| String::new()).unwrap_or_default(),
        Text(from, to) => text.replacen(from, to, 1),
        Json(change) => {
            let mut dashboard: Value = serde_json::from_str(&text).expect("a dashboard is JSON");
            change(&mut dashboard);
            serde_json::to_string_pretty(&dashboard).expect("it is plain data")
        }
    };
    if !matches!(how, Gone) {
        mutant.0.insert((*path).to_owned(), changed);
    }
    assert!(mutant != *files, "{path} is not changed");
    mutant
}

/// The findings of every check that reads.
fn findings(files: &Files) -> Vec<String> {
    let mut found = dashboards::faults(files);
    found.extend(rules::faults(files));
    found.extend(dashboards::unseen(files, &files.rules()));
    found
}

#[test]
fn every_mutation_is_caught() {
    let files = Files::read();
    assert_eq!(findings(&files), Vec::<String>::new(), "before anything is broken");
    let mut missed = Vec::new();
    let mut caught = [0, 0];
    let mutations: Vec<Mutation> = of_dashboards().into_iter().chain(of_rules()).collect();
    let has_promtool = promtool::is_there("mutations that only promtool catches");
    for mutation in &mutations {
        let mutant = broken(&files, mutation);
        let wanted = mutation.2;
        let sees = |found: &[String]| found.iter().any(|fault| fault.contains(wanted));
        let read = findings(&mutant);
        if sees(&read) {
            caught[0] += 1;
        } else if has_promtool {
            let said = promtool::faults(&mutant, wanted);
            caught[1] += usize::from(sees(&said));
            if !sees(&said) {
                missed.push(format!("{}: nobody says {wanted:?}: {read:?} {said:?}", mutation.0));
            }
        }
    }
    println!(
        "{} mutations: {} caught by reading, {} by promtool",
        mutations.len(),
        caught[0],
        caught[1]
    );
    assert!(missed.is_empty(), "{missed:#?}");
    assert!(caught[0] >= 15 && (!has_promtool || caught[1] >= 5), "{caught:?}");
}
