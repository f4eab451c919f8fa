//! Traces over OTLP: one span for each commit of a lane, linked to the traces of the records in it. A span an event would cost more than
//! the event. Off unless an endpoint is configured; then a lane pays for nothing but a look whether it is on.

use super::measured::Measured;
use crate::shell::bus::TopicPartition;
use crate::types::ScorerClock;
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, TraceFlags, TraceId, TraceState,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Records of a commit that its span is linked to at most.
pub(super) const MOST_LINKS: usize = 32;

/// Where spans go.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// Base address of a collector that takes OTLP over HTTP: `http://localhost:4318`.
    pub endpoint: String,
    /// Share of the commits that get a span, 0 to 1.
    pub ratio: f64,
    /// Tells this process from others of the same service.
    pub instance: String,
}

/// Sends spans on a thread of its own.
pub(super) struct Traces {
    /// One commit in so many gets a span; 0: none.
    every: u64,
    begun: AtomicU64,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    pub(super) fn to(settings: &TraceSettings) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", settings.endpoint.trim_end_matches('/')))
            .with_timeout(Duration::from_secs(5))
            .build()?;
        let resource = Resource::builder_empty()
            .with_service_name("latefusion")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", settings.instance.clone()))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::AlwaysOn)
            .with_max_links_per_span(MOST_LINKS as u32)
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("latefusion");
        let every = if settings.ratio > 0.0 { (1.0 / settings.ratio).round() as u64 } else { 0 };
        Ok(Self { every, begun: AtomicU64::new(0), provider, tracer })
    }

    /// Whether the commit that begins now gets a span: decided before anything is noted for it.
    pub(super) fn chooses(&self) -> bool {
        self.every > 0 && self.begun.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every)
    }

    /// The span of what a lane has committed.
    pub(super) fn committed(
        &self,
        role: &str,
        place: &TopicPartition,
        measured: &Measured,
        now: ScorerClock,
    ) {
        let at = |clock: ScorerClock| {
            UNIX_EPOCH + Duration::from_millis(clock.as_millis().max(0).unsigned_abs())
        };
        let links = measured.links.iter().filter_map(|header| context(header));
        let scores: u64 = measured.scores.values().sum();
        let attributes = [
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", place.topic.to_string()),
            KeyValue::new("messaging.destination.partition.id", place.partition.to_string()),
            KeyValue::new("messaging.batch.message_count", count(measured.records)),
            KeyValue::new("latefusion.fused_scores", count(scores)),
        ];
        let began: SystemTime = at(measured.since.unwrap_or(now));
        let span = SpanBuilder::from_name(format!("{role} commit"))
            .with_kind(SpanKind::Consumer)
            .with_start_time(began)
            .with_links(links.map(Link::with_context).collect())
            .with_attributes(attributes);
        span.start_with_context(&self.tracer, &Context::new())
            .end_with_timestamp(at(now).max(began));
    }

    /// Sends what waits; the process is about to end.
    pub(super) fn flush(&self) {
        // Whoever collects traces may be away; nobody waits for it.
        let _lost = self.provider.shutdown_with_timeout(Duration::from_secs(2));
    }
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A sampled trace context from its header (`00-{32 hex}-{16 hex}-{2 hex}`).
fn context(header: &[u8]) -> Option<SpanContext> {
    let mut parts = std::str::from_utf8(header).ok()?.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    (context.is_valid() && context.is_sampled()).then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sampled_valid_context_is_linked() {
        let header =
            |flags: &str| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        let linked = context(header("01").as_bytes()).expect("it is sampled");
        assert_eq!(linked.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(context(header("00").as_bytes()).is_none(), "not sampled");
        let zeros = b"00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        assert!(context(zeros).is_none());
    }
}
