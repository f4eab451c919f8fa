//! The metrics of a run: every name is there, labels come from closed sets, series are few, and the counts are those of what was published.

use super::exposition::{Exposition, Series};
use super::showing::Showing;
use super::{check_status, http};
use latefusion::shell::telemetry::names;
use latefusion::types::RejectReason;
use std::collections::{BTreeMap, BTreeSet};

/// What dashboards, rules and runbooks are written against: name, kind, labels. A change here is a change for everybody who watches.
const CONTRACT: &str = "
active_patients gauge
assigned_partitions gauge
broker_rtt_seconds gauge broker
build_info gauge revision version
config_validity_seconds gauge modality
consumer_lag_messages gauge partition topic
end_to_end_latency_seconds histogram
expected_patients gauge modality
fresh_patients gauge modality
fused_scores_total counter combination pane
fused_scores_with_modality_total counter modality
ingest_delay_seconds histogram modality
input_events_total counter modality
kafka_errors_total counter kind
last_output_timestamp_seconds gauge
late_events_total counter disposition modality
modality_age_seconds histogram modality
model_info gauge modality model role version
model_swaps_total counter modality result
predictions_total counter modality model version
processing_duration_seconds histogram
producer_queue_messages gauge
ready gauge
rebalances_total counter event
rejected_events_total counter modality reason
restore_remaining_records gauge partition topic
score_bin_baseline_ratio gauge bin
score_bin_total counter bin
shadow_difference histogram modality
state_entries gauge
state_size_bytes gauge
transaction_duration_seconds histogram
transactions_total counter result
watermark_timestamp_seconds gauge modality
withheld_scores_total counter reason
";
const OF_PROCESS: [&str; 4] = [
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
];
/// Of one process.
const MOST_SERIES: usize = 2_000;

fn check_names(seen: &Exposition) {
    let mut looked_at = 0;
    for line in CONTRACT.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let name = format!("latefusion_{}", words.next().expect("a name"));
        assert_eq!(seen.kinds.get(&name).map(String::as_str), words.next(), "{name}");
        assert!(seen.explained.contains(&name), "{name} has no HELP line");
        let labels: BTreeSet<&str> = words.collect();
        for series in seen.series.iter().filter(|series| seen.metric_of(series) == name) {
            let has = series.labels.keys().map(String::as_str).filter(|label| *label != "le");
            assert_eq!(has.collect::<BTreeSet<&str>>(), labels, "{series:?}");
            assert!(series.value.is_finite(), "{series:?}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 300, "{looked_at} series were looked at");
    for name in OF_PROCESS {
        assert!(seen.kinds.contains_key(name), "{name}");
    }
    let ours = seen.kinds.keys().filter(|name| name.starts_with("latefusion_"));
    let known = CONTRACT.lines().filter(|line| !line.is_empty()).count();
    assert_eq!(ours.count(), known, "a metric that nobody is told of: {:?}", seen.kinds);
    assert_eq!(names::ALL.len(), known);
    assert!(seen.series.len() < MOST_SERIES, "{} series", seen.series.len());
    println!("{known} metrics, {} series", seen.series.len());
}

/// Values of labels are words that we chose: none comes from the data.
fn check_labels(seen: &Exposition) {
    let sources = ["vitals", "labs", "imaging", "encounters", "predictions"];
    let topics = ["vitals", "labs", "imaging-reports", "encounters", "predictions"];
    let is_number = |value: &str| value.parse::<f64>().is_ok() || value == "+Inf";
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Series { labels, .. } in &seen.series {
        for (label, value) in labels {
            values.entry(label).or_default().insert(value);
            let closed = match label.as_str() {
                "modality" => sources.contains(&value.as_str()),
                "topic" => topics.contains(&value.as_str()),
                "partition" | "broker" | "le" | "version" => is_number(value) || value == "0.1.0",
                "reason" => value.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                _ => value.len() <= 40,
            };
            assert!(closed, "{label}={value}");
        }
    }
    let reasons = RejectReason::ALL.len() + 8;
    assert!(values["reason"].len() <= reasons, "{:?}", values["reason"]);
    assert_eq!(values["combination"].len(), 8, "{:?}", values["combination"]);
    assert_eq!(values["bin"].len(), 10);
}

#[test]
fn every_metric_of_the_contract_is_exported_and_the_counts_are_those_of_what_was_published() {
    let showing = Showing::start();
    // The clients tell of their connections every few seconds.
    let seen = showing.until("/metrics", |code, text| {
        let seen = Exposition::parse(text);
        let scores =
            "latefusion_fused_scores_total{combination=\"vitals+labs+imaging\",pane=\"on_time\"} 0";
        // Workers tell of their lanes once a second.
        let told = !text.contains("latefusion_active_patients 0");
        let all = told && text.contains("latefusion_broker_rtt_seconds{") && !text.contains(scores);
        (code == 200 && all).then_some(seen)
    });
    check_names(&seen);
    check_labels(&seen);
    assert_eq!(seen.sum("latefusion_ready", &[]), 1.0);
    assert_eq!(seen.sum("latefusion_assigned_partitions", &[]), 10.0);
    assert_eq!(seen.sum("latefusion_config_validity_seconds", &[("modality", "vitals")]), 900.0);
    assert!(seen.sum("latefusion_watermark_timestamp_seconds", &[("modality", "vitals")]) > 1.7e9);

    let (address, outcome) = showing.stop();
    let seen = Exposition::parse(&http::get(address, "/metrics").1);
    let scores = seen.sum("latefusion_fused_scores_total", &[]);
    assert_eq!(scores, outcome.scores as f64, "each published score is counted once");
    assert_eq!(seen.sum("latefusion_input_events_total", &[]), outcome.sent as f64);
    assert_eq!(seen.sum("latefusion_processing_duration_seconds_count", &[]), scores);
    let without_risk = seen.sum("latefusion_withheld_scores_total", &[]);
    assert_eq!(seen.sum("latefusion_score_bin_total", &[]) + without_risk, scores);
    let none = seen.sum("latefusion_fused_scores_total", &[("combination", "none")]);
    assert_eq!(none, without_risk, "what has no evidence has no risk");
    for (reason, count) in &outcome.rejected {
        let counted = seen.sum("latefusion_rejected_events_total", &[("reason", reason.name())]);
        assert_eq!(counted, *count as f64, "{reason:?}");
    }
    for modality in ["vitals", "labs", "imaging"] {
        let labels = [("modality", modality)];
        let with = seen.sum("latefusion_fused_scores_with_modality_total", &labels);
        let containing = seen.series.iter().filter(|series| {
            series.name == "latefusion_fused_scores_total"
                && series.labels["combination"].contains(modality)
        });
        assert_eq!(with, containing.map(|series| series.value).sum::<f64>(), "{modality}");
        assert_eq!(seen.sum("latefusion_modality_age_seconds_count", &labels), with);
    }
    assert!(scores > 500.0 && outcome.sent > 200, "{scores} scores of {}", outcome.sent);

    let (code, text) = http::get(address, "/ready");
    assert!(code == 503 && text.contains("stopped"), "{code} {text}");
    let status = check_status(&http::get(address, "/status").1);
    assert_eq!(status["scores"]["total"], outcome.scores);
}
