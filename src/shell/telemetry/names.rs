//! Every metric that this process exports: its name, kind, unit, labels and meaning. Nothing else names one.
//!
//! Labels come from closed sets only (modality, reason, partition, model version ...): never a patient, a bed, a device, an offset or a trace.

use metrics::Unit;

/// What kind of a figure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only rises; 0 at the start of the process.
    Counter,
    /// A state.
    Gauge,
    /// Samples counted by these upper bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// With prefix and unit.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// What it counts in.
    pub unit: Unit,
    /// Its labels, in order.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

/// From 5 ms to 5 min.
const LATENCIES: [f64; 17] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0,
    300.0,
];
/// From 5 ms to 10 s, the longest transaction.
const TRANSACTIONS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// From a monitor's delay to that of a culture.
const DELAYS: [f64; 14] =
    [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// From a second to four days: modalities are valid from minutes to days.
const AGES: [f64; 19] = [
    1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0,
    21_600.0, 43_200.0, 86_400.0, 129_600.0, 259_200.0, 345_600.0,
];
/// Differences of risks.
const DIFFERENCES: [f64; 10] = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0];

macro_rules! metrics {
    ($($constant:ident $name:literal $kind:expr, $unit:ident, $labels:expr, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = concat!("latefusion_", $name);)*
        /// Every one, by name. `process_*` come from the crate metrics-process beside these.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $constant, kind: $kind, unit: Unit::$unit, labels: &$labels, help: $help,
        },)*];
    };
}

metrics! {
    ACTIVE_PATIENTS "active_patients" Kind::Gauge, Count, [],
        "Patients with an accepted observation within the activity window, or admitted and not discharged, at the newest window end.";
    ASSIGNED_PARTITIONS "assigned_partitions" Kind::Gauge, Count, [],
        "Partitions that the workers of this process read.";
    BROKER_RTT "broker_rtt_seconds" Kind::Gauge, Seconds, ["broker"],
        "Mean round trip of requests to a broker over the last statistics interval, the slowest client's.";
    BUILD_INFO "build_info" Kind::Gauge, Count, ["version", "revision"],
        "1, with the version and revision of this build.";
    CONFIG_VALIDITY "config_validity_seconds" Kind::Gauge, Seconds, ["modality"],
        "How long a prediction of the modality counts as evidence, by the fusion package in force.";
    CONSUMER_LAG "consumer_lag_messages" Kind::Gauge, Count, ["topic", "partition"],
        "Records up to the last stable offset that this process has not committed yet; 0 for a partition that it gave up.";
    END_TO_END "end_to_end_latency_seconds" Kind::Histogram(&LATENCIES), Seconds, [],
        "From the newest event in a fused score (revisions left out) to the commit of that score; includes waiting for the watermark.";
    EXPECTED_PATIENTS "expected_patients" Kind::Gauge, Count, ["modality"],
        "Active patients who have produced the modality in this stay.";
    FRESH_PATIENTS "fresh_patients" Kind::Gauge, Count, ["modality"],
        "Active patients whose newest prediction of the modality is within its validity.";
    FUSED_SCORES "fused_scores_total" Kind::Counter, Count, ["combination", "pane"],
        "Fused scores committed, by the modalities that were present and the kind of pane.";
    FUSED_WITH_MODALITY "fused_scores_with_modality_total" Kind::Counter, Count, ["modality"],
        "Fused scores committed that used the modality.";
    INGEST_DELAY "ingest_delay_seconds" Kind::Histogram(&DELAYS), Seconds, ["modality"],
        "From the event time of an input record to its arrival at the broker: the feed's share of the latency.";
    INPUT_EVENTS "input_events_total" Kind::Counter, Count, ["modality"],
        "Input records taken and committed, good or bad.";
    KAFKA_ERRORS "kafka_errors_total" Kind::Counter, Count, ["kind"],
        "Errors that the Kafka client reported.";
    LAST_OUTPUT "last_output_timestamp_seconds" Kind::Gauge, Seconds, [],
        "When fused scores were last committed, in seconds since 1970; 0: not yet.";
    LATE_EVENTS "late_events_total" Kind::Counter, Count, ["modality", "disposition"],
        "Predictions that came after their window had fired: merged into a revision, carried for later windows, or expired.";
    MODALITY_AGE "modality_age_seconds" Kind::Histogram(&AGES), Seconds, ["modality"],
        "Age at the window end of the prediction used in a fused score.";
    MODEL_INFO "model_info" Kind::Gauge, Count, ["modality", "model", "version", "role"],
        "1 for a model at work; 0 for one that was replaced. Role: active or shadow.";
    MODEL_SWAPS "model_swaps_total" Kind::Counter, Count, ["modality", "result"],
        "Attempts to put another model version to work while running.";
    PREDICTIONS "predictions_total" Kind::Counter, Count, ["modality", "model", "version"],
        "Statements of active models committed to the predictions topic.";
    PROCESSING "processing_duration_seconds" Kind::Histogram(&LATENCIES), Seconds, [],
        "From the arrival at the broker of the record that made a fused score due to the commit of that score: our share of the latency.";
    PRODUCER_QUEUE "producer_queue_messages" Kind::Gauge, Count, [],
        "Records handed to the Kafka clients and not acknowledged yet.";
    READY "ready" Kind::Gauge, Count, [],
        "1 where /ready says yes: every worker is at work, restored and activated, and none is draining.";
    REBALANCES "rebalances_total" Kind::Counter, Count, ["event"],
        "Times that partitions were assigned to or revoked from a worker.";
    REJECTED_EVENTS "rejected_events_total" Kind::Counter, Count, ["modality", "reason"],
        "Records not used, by reason; duplicate and superseded ones are normal traffic, all others are in the dead letters.";
    RESTORE_REMAINING "restore_remaining_records" Kind::Gauge, Count, ["topic", "partition"],
        "Records that a lane has still to step through before it is restored.";
    SCORE_BIN_BASELINE "score_bin_baseline_ratio" Kind::Gauge, Count, ["bin"],
        "Share of the bin among the fused scores that the shipped models gave on their validation data.";
    SCORE_BIN "score_bin_total" Kind::Counter, Count, ["bin"],
        "Fused scores with a risk committed, by bin of the risk.";
    SHADOW_DIFFERENCE "shadow_difference" Kind::Histogram(&DIFFERENCES), Count, ["modality"],
        "Distance of a shadow model's risk from the active model's for the same statement.";
    STATE_ENTRIES "state_entries" Kind::Gauge, Count, [],
        "Patients kept, all lanes together (a patient counts once in each stage).";
    STATE_SIZE "state_size_bytes" Kind::Gauge, Bytes, [],
        "Bytes kept of patients, all lanes together.";
    TRANSACTION_DURATION "transaction_duration_seconds" Kind::Histogram(&TRANSACTIONS), Seconds, [],
        "How long a committed transaction of fusion took.";
    TRANSACTIONS_TOTAL "transactions_total" Kind::Counter, Count, ["result"],
        "Transactions of fusion: committed, aborted and taken back, of unknown outcome, or to be tried again.";
    WATERMARK "watermark_timestamp_seconds" Kind::Gauge, Seconds, ["modality"],
        "Event time that the modality's slowest busy lane is complete up to, in seconds since 1970; 0: no event yet.";
    WITHHELD_SCORES "withheld_scores_total" Kind::Counter, Count, ["reason"],
        "Panes committed without a risk, by why the evidence was missing; and panes not published because nothing changed.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_follows_the_conventions() {
        for metric in ALL {
            let (name, help) = (metric.name, metric.help);
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert_eq!(name.contains("_seconds"), metric.unit == Unit::Seconds, "{name}");
            assert_eq!(name.ends_with("_bytes"), metric.unit == Unit::Bytes, "{name}");
            assert!(help.ends_with('.') && help.len() > 20, "{name}");
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.is_sorted_by(|a, b| a < b), "{name}");
            }
        }
        assert!(ALL.is_sorted_by(|a, b| a.name < b.name), "listed by name, each once");
        assert!(ALL.len() > 30, "{} were looked at", ALL.len());
    }
}
