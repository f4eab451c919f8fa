//! The Prometheus exporter: histograms that commits record into, and counters and gauges that are set when somebody looks.

use super::names::{self, Kind, Metric};
use super::sample::Sample;
use super::shape::Shape;
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

const METADATA: Metadata<'static> = Metadata::new("latefusion", Level::INFO, None);

/// Handles of all histograms, resolved once; each series is there from the start.
pub(super) struct Histograms {
    pub end_to_end: Histogram,
    pub processing: Histogram,
    pub transaction: Histogram,
    /// By source.
    pub ingest_delay: Vec<Histogram>,
    /// By modality.
    pub age: Vec<Histogram>,
    /// By modality.
    pub shadow: Vec<Histogram>,
}

/// See the module.
pub(super) struct Exporter {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    process: metrics_process::Collector,
    pub histograms: Histograms,
    known: Mutex<Known>,
}

/// Series that exist.
#[derive(Default)]
struct Known {
    counters: BTreeMap<(&'static str, Vec<String>), Counter>,
    gauges: BTreeMap<(&'static str, Vec<String>), Gauge>,
}

impl Exporter {
    pub(super) fn new(shape: &Shape) -> Self {
        let mut builder = PrometheusBuilder::new();
        for Metric { name, kind, .. } in names::ALL {
            if let Kind::Histogram(bounds) = kind {
                let matcher = Matcher::Full((*name).to_owned());
                builder = builder
                    .set_buckets_for_metric(matcher, bounds)
                    .expect("the bounds of a histogram are listed, and there are some");
            }
        }
        let recorder = builder.build_recorder();
        for metric in names::ALL {
            let (name, unit, help) = (metric.name.into(), Some(metric.unit), metric.help.into());
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, unit, help),
                Kind::Gauge => recorder.describe_gauge(name, unit, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, unit, help),
            }
        }
        let process = metrics_process::Collector::default();
        metrics::with_local_recorder(&recorder, || process.describe());
        let one = |name: &'static str| recorder.register_histogram(&key(name, &[]), &METADATA);
        let each = |name: &'static str, count: usize| {
            let labelled = shape.sources().take(count).map(|source| {
                recorder.register_histogram(&key(name, &[source.to_owned()]), &METADATA)
            });
            labelled.collect::<Vec<_>>()
        };
        let modalities = shape.modalities.len();
        let histograms = Histograms {
            end_to_end: one(names::END_TO_END),
            processing: one(names::PROCESSING),
            transaction: one(names::TRANSACTION_DURATION),
            ingest_delay: each(names::INGEST_DELAY, modalities + 1),
            age: each(names::MODALITY_AGE, modalities),
            shadow: each(names::SHADOW_DIFFERENCE, modalities),
        };
        let (handle, known) = (recorder.handle(), Mutex::default());
        Self { recorder, handle, process, histograms, known }
    }

    /// Everything in the text format, with these counters and gauges. A gauge that was there before and is not any more is 0.
    pub(super) fn render(&self, counters: &[Sample], gauges: &[Sample]) -> String {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for Sample { name, labels, value } in counters {
            let counter = known
                .counters
                .entry((name, labels.clone()))
                .or_insert_with(|| self.recorder.register_counter(&key(name, labels), &METADATA));
            counter.absolute(*value as u64);
        }
        known.gauges.values().for_each(|gauge| gauge.set(0.0));
        for Sample { name, labels, value } in gauges {
            let gauge = known
                .gauges
                .entry((name, labels.clone()))
                .or_insert_with(|| self.recorder.register_gauge(&key(name, labels), &METADATA));
            gauge.set(*value);
        }
        metrics::with_local_recorder(&self.recorder, || self.process.collect());
        self.handle.render()
    }

    /// Sorts recorded samples into their buckets; until then each takes room.
    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// The key of a series.
fn key(name: &'static str, labels: &[String]) -> Key {
    let metric = names::ALL.iter().find(|metric| metric.name == name);
    let of = metric.map_or(&[][..], |metric| metric.labels);
    debug_assert_eq!(of.len(), labels.len(), "{name} has a value for each label");
    let labels = of.iter().zip(labels).map(|(label, value)| Label::new(*label, value.clone()));
    Key::from_parts(name, labels.collect::<Vec<_>>())
}
