//! What operators see of a running process: metrics, health, status, a page, logs and traces.
//!
//! The stages know nothing of it. A lane notes what it does in [`Measured`], plain data that travels with its commit; when the commit
//! stands, [`Telemetry::committed`] adds it to the process's totals and histograms with one look at the clock. Gauges are read from the
//! [`Board`](super::driver::Board) when somebody asks.
//!
//! No patient, bed, device, offset or trace is ever a label, and nothing above `debug` in the logs names one.

mod exporter;
mod gauges;
mod health;
pub mod logs;
mod measured;
pub mod names;
mod restoring;
mod sample;
mod server;
mod shape;
mod status;
mod totals;
mod traces;

pub use gauges::Observed;
pub use health::ask;
pub use measured::{BINS, Measured};
pub use restoring::Restoring;
pub use sample::Sample;
pub use server::serve;
pub use shape::Shape;
pub use status::Status;
pub use totals::Totals;
pub use traces::TraceSettings;

use super::bus::{BusError, TopicPartition};
use super::driver::Role;
use crate::types::{ModalityId, ScorerClock};
use exporter::Exporter;
use restoring::Restores;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use traces::Traces;

/// What all workers of a process report to; clones share it.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    shape: Shape,
    totals: Mutex<Totals>,
    /// `None`: nothing is measured.
    exporter: Option<Exporter>,
    /// `None`: no traces are sent.
    traces: Option<Traces>,
    restores: Restores,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("measures", &self.measures()).finish_non_exhaustive()
    }
}

impl Telemetry {
    /// With metrics, without traces.
    pub fn on(shape: Shape) -> Self {
        let exporter = Some(Exporter::new(&shape));
        Self::new(shape, exporter, None)
    }

    /// Without either: health and status work all the same.
    pub fn off(shape: Shape) -> Self {
        Self::new(shape, None, None)
    }

    /// With what is asked for.
    ///
    /// # Errors
    /// What is wrong with the address that traces go to.
    pub fn with(shape: Shape, metrics: bool, to: Option<&TraceSettings>) -> Result<Self, String> {
        let exporter = metrics.then(|| Exporter::new(&shape));
        let traces = to.map(Traces::to).transpose().map_err(|error| error.to_string())?;
        Ok(Self::new(shape, exporter, traces))
    }

    fn new(shape: Shape, exporter: Option<Exporter>, traces: Option<Traces>) -> Self {
        let (totals, restores) = (Mutex::new(Totals::new(&shape)), Restores::default());
        Self(Arc::new(Inner { shape, totals, exporter, traces, restores }))
    }

    /// Whether the commit that a lane begins now is to be traced.
    pub fn chooses(&self) -> bool {
        self.0.traces.as_ref().is_some_and(Traces::chooses)
    }

    /// Sends the traces that wait; the process is about to end.
    pub fn flush(&self) {
        self.0.traces.iter().for_each(Traces::flush);
    }

    /// False: whatever lanes would note is thrown away, so they need not.
    pub fn measures(&self) -> bool {
        self.0.exporter.is_some()
    }

    /// The label sets.
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// What happened so far.
    pub fn totals(&self) -> Totals {
        self.guard().clone()
    }

    fn guard(&self) -> MutexGuard<'_, Totals> {
        self.0.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what the lanes of a worker did, now that their commit stands.
    pub fn committed<'a>(
        &self,
        role: Role,
        lanes: impl Iterator<Item = (&'a TopicPartition, &'a Measured)> + Clone,
        took: Duration,
        now: ScorerClock,
    ) {
        let source = self.source(role);
        let traced = lanes.clone().filter(|(_, measured)| measured.traced);
        for (place, measured) in traced {
            let Some(traces) = &self.0.traces else { break };
            let name = match role {
                Role::Score(_) => format!("score {}", self.0.shape.name(source)),
                Role::Fuse => "fuse".to_owned(),
            };
            traces.committed(&name, place, measured, now);
        }
        let Some(Exporter { histograms, .. }) = &self.0.exporter else { return };
        let mut totals = self.guard();
        if role == Role::Fuse {
            totals.transactions[0] += 1;
            histograms.transaction.record(took.as_secs_f64());
        }
        for (_, measured) in lanes {
            totals.add(source, measured);
            if !measured.due.is_empty() {
                totals.last_output = totals.last_output.max(now.as_millis());
            }
            let since = |then: i64| (now.as_millis() - then).max(0) as f64 / 1e3;
            for due in &measured.due {
                histograms.processing.record(since(due.taken.as_millis()));
                if let Some(newest) = due.newest {
                    histograms.end_to_end.record(since(newest.as_millis()));
                }
            }
            for (m, age) in &measured.ages {
                histograms.age.get(usize::from(*m)).inspect(|h| h.record(f64::from(*age)));
            }
            let pairs = [
                (&histograms.ingest_delay, &measured.ingest_delays),
                (&histograms.shadow, &measured.shadow_differences),
            ];
            for (by_source, samples) in pairs {
                let Some(histogram) = by_source.get(source) else { continue };
                samples.iter().for_each(|sample| histogram.record(f64::from(*sample)));
            }
        }
    }

    /// A commit that does not stand, or not yet.
    pub fn not_committed(&self, role: Role, error: &BusError) {
        let result = match error {
            BusError::Retry(_) => 1,
            BusError::Rewind(_) => 2,
            BusError::Restart(_) | BusError::Stop(_) => 3,
        };
        if role == Role::Fuse {
            self.guard().transactions[result] += 1;
        }
    }

    /// Partitions came (`true`) or went.
    pub fn rebalanced(&self, assigned: bool) {
        self.guard().rebalances[usize::from(!assigned)] += 1;
    }

    /// Another model version was to be put to work on a modality.
    pub fn model_swapped(&self, modality: ModalityId, done: bool) {
        if let Some(swaps) = self.guard().swaps.get_mut(modality.index()) {
            swaps[usize::from(!done)] += 1;
        }
    }

    /// A lane that is being restored, until the answer is dropped.
    pub fn restoring(&self, place: &TopicPartition) -> Restoring {
        self.0.restores.begin(place)
    }

    /// Lanes that are being restored, with the records that they have still to step through.
    pub fn restores(&self) -> Vec<(TopicPartition, i64)> {
        self.0.restores.all()
    }

    fn source(&self, role: Role) -> usize {
        match role {
            Role::Score(feed) => self.0.shape.source(feed),
            Role::Fuse => self.0.shape.predictions(),
        }
    }

    /// All metrics in the text format, with these counters beside its own and these gauges; `None`: nothing is measured.
    fn render(&self, mut counters: Vec<Sample>, gauges: &[Sample]) -> Option<String> {
        let exporter = self.0.exporter.as_ref()?;
        counters.extend(self.guard().samples(&self.0.shape));
        Some(exporter.render(&counters, gauges))
    }

    fn upkeep(&self) {
        if let Some(exporter) = &self.0.exporter {
            exporter.upkeep();
        }
    }
}
