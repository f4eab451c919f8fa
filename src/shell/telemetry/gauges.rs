//! What a process is like now: gauges from what its workers say of themselves.

use super::names;
use super::sample::Sample;
use super::totals::{bin_name, split};
use super::{Telemetry, health};
use crate::shell::bus::kafka::{ClientFigures, ERROR_KINDS};
use crate::shell::driver::{Board, Clock, EngineStatus, LaneStatus, Pipeline, WorkerStatus};
use crate::types::{EventTime, Feed, ModalityId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that answers over HTTP are made from; clones share it.
#[derive(Clone)]
pub struct Observed {
    /// What the workers share.
    pub pipeline: Arc<Pipeline>,
    /// What they say of themselves.
    pub board: Board,
    /// Their clock: in a demo the stream's.
    pub clock: Arc<dyn Clock>,
    /// What their Kafka clients measure.
    pub clients: ClientFigures,
}

impl Observed {
    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.pipeline.telemetry
    }

    /// What is not as it should be, a line each; `strict`: what keeps the process from being ready counts too.
    pub(super) fn wrong(&self, strict: bool) -> Vec<String> {
        let restores = self.telemetry().restores();
        health::wrong(&self.board.workers(), &restores, self.clock.elapsed(), strict)
    }

    /// All metrics in the text format; `None`: nothing is measured.
    pub fn metrics(&self) -> Option<String> {
        let workers = self.board.workers();
        let mut gauges = self.of_lanes(&workers);
        gauges.extend(self.process());
        gauges.extend(self.of_modalities(&workers));
        gauges.extend(self.of_models(&workers));
        let errors = ERROR_KINDS.iter().zip(self.clients.errors());
        let errors =
            errors.map(|(kind, count)| Sample::new(names::KAFKA_ERRORS, &[kind], count as f64));
        self.telemetry().render(errors.collect(), &gauges)
    }

    fn process(&self) -> Vec<Sample> {
        let revision = option_env!("LATEFUSION_REVISION").unwrap_or("unknown");
        let ready = self.wrong(true).is_empty();
        let totals = self.telemetry().totals();
        let mut samples = vec![
            Sample::new(names::BUILD_INFO, &[env!("CARGO_PKG_VERSION"), revision], 1.0),
            Sample::new(names::READY, &[], f64::from(u8::from(ready))),
            Sample::new(names::LAST_OUTPUT, &[], totals.last_output as f64 / 1e3),
            Sample::new(names::PRODUCER_QUEUE, &[], self.clients.queued() as f64),
        ];
        for (broker, seconds) in self.clients.round_trips() {
            samples.push(Sample::new(names::BROKER_RTT, &[&broker.to_string()], seconds));
        }
        // They come after the lanes, which have nothing left: the later value counts.
        for (place, remaining) in self.telemetry().restores() {
            let labels = [&*place.topic, &place.partition.to_string()];
            samples.push(Sample::new(names::RESTORE_REMAINING, &labels, remaining as f64));
        }
        samples
    }

    fn of_lanes(&self, workers: &[WorkerStatus]) -> Vec<Sample> {
        let lanes = || workers.iter().flat_map(|worker| &worker.lanes);
        let (mut patients, mut bytes) = (0, 0);
        for (of_lane, size) in lanes().filter_map(|lane| size(lane.engine.as_ref()?)) {
            patients += of_lane;
            bytes += size;
        }
        let mut samples = vec![
            Sample::new(names::ASSIGNED_PARTITIONS, &[], lanes().count() as f64),
            Sample::new(names::STATE_ENTRIES, &[], patients as f64),
            Sample::new(names::STATE_SIZE, &[], bytes as f64),
        ];
        for LaneStatus { place, lag, .. } in lanes() {
            let labels = [&*place.topic, &place.partition.to_string()];
            let lag = lag.unwrap_or(0) as f64;
            samples.push(Sample::new(names::CONSUMER_LAG, &labels, lag));
            samples.push(Sample::new(names::RESTORE_REMAINING, &labels, 0.0));
        }
        samples
    }

    fn of_modalities(&self, workers: &[WorkerStatus]) -> Vec<Sample> {
        let seen = Availabilities::of(workers, self.telemetry().shape().modalities.len());
        let validities = validities(workers);
        let mut samples = vec![Sample::new(names::ACTIVE_PATIENTS, &[], f64::from(seen.active))];
        for (m, name) in self.telemetry().shape().modalities.iter().enumerate() {
            let [expected, fresh] = seen.modalities[m];
            samples.push(Sample::new(names::EXPECTED_PATIENTS, &[name], f64::from(expected)));
            samples.push(Sample::new(names::FRESH_PATIENTS, &[name], f64::from(fresh)));
            let validity = validities.get(m).map_or(0.0, |validity| validity.as_seconds());
            samples.push(Sample::new(names::CONFIG_VALIDITY, &[name], validity));
            let watermark = watermark(workers, Feed::Modality(ModalityId(m as u8)), name);
            let seconds = watermark.map_or(0.0, |at| at.as_millis() as f64 / 1e3);
            samples.push(Sample::new(names::WATERMARK, &[name], seconds));
        }
        for bin in 0..super::BINS.len() {
            samples.push(Sample::new(names::SCORE_BIN_BASELINE, &[&bin_name(bin)], 0.0));
        }
        samples
    }

    fn of_models(&self, workers: &[WorkerStatus]) -> Vec<Sample> {
        let lanes = workers.iter().flat_map(|w| w.lanes.iter().map(move |lane| (&w.role, lane)));
        let mut models = BTreeMap::new();
        for (role, lane) in lanes {
            let Some(EngineStatus::Score { models: of_lane, .. }) = &lane.engine else { continue };
            for (at, model) in of_lane.iter().enumerate() {
                let modality = role.strip_prefix("score-").unwrap_or(role);
                models.insert((modality, at > 0, model), ());
            }
        }
        let sample = |(modality, is_shadow, model): (&str, bool, &crate::types::ModelName)| {
            let ((model, version), role) =
                (split(model), if is_shadow { "shadow" } else { "active" });
            Sample::new(names::MODEL_INFO, &[modality, model, version, role], 1.0)
        };
        models.into_keys().map(sample).collect()
    }
}

/// Patients and bytes of a lane's state.
fn size(engine: &EngineStatus) -> Option<(usize, usize)> {
    match engine {
        EngineStatus::Score { patients, bytes, .. }
        | EngineStatus::Fuse { patients, bytes, .. } => Some((*patients, *bytes)),
        EngineStatus::Stays { .. } => None,
    }
}

/// The newest availability of all partitions of this process together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Availabilities {
    pub active: u32,
    /// Expected and fresh, by modality.
    pub modalities: Vec<[u32; 2]>,
    /// The newest window end; `None`: none has fired.
    pub newest: Option<EventTime>,
    /// False where a lane has lost its state.
    pub complete: bool,
}

impl Availabilities {
    pub(super) fn of(workers: &[WorkerStatus], modalities: usize) -> Self {
        let mut all =
            Self { modalities: vec![[0; 2]; modalities], complete: true, ..Self::default() };
        for lane in workers.iter().flat_map(|worker| &worker.lanes) {
            let Some(EngineStatus::Fuse { availability: Some(one), .. }) = &lane.engine else {
                continue;
            };
            all.active += one.active;
            all.newest = all.newest.max(Some(one.window.end()));
            all.complete &= one.complete;
            for (sum, of_lane) in all.modalities.iter_mut().zip(&one.modalities) {
                sum[0] += of_lane.expected;
                sum[1] += of_lane.fresh;
            }
        }
        all
    }
}

/// By modality; empty where nothing is activated here.
pub(super) fn validities(workers: &[WorkerStatus]) -> Vec<crate::types::Span> {
    let mut lanes = workers.iter().flat_map(|worker| &worker.lanes);
    let found = lanes.find_map(|lane| match &lane.engine {
        Some(EngineStatus::Fuse { validities, .. }) => validities.clone(),
        _ => None,
    });
    found.unwrap_or_default()
}

/// How far a modality is complete: the slowest lane that is not idle, or the fastest where all are. A process that does not score
/// the modality says what its fusion has heard. `None`: no event yet.
pub(super) fn watermark(workers: &[WorkerStatus], feed: Feed, name: &str) -> Option<EventTime> {
    let lanes = || workers.iter().flat_map(|w| w.lanes.iter().map(move |lane| (&w.role, lane)));
    let own = lanes().filter(|(role, _)| role.strip_prefix("score-") == Some(name));
    let own: Vec<(EventTime, bool)> = own
        .filter_map(|(_, lane)| match &lane.engine {
            Some(EngineStatus::Score { watermark, .. }) => Some((*watermark, lane.idle)),
            _ => None,
        })
        .collect();
    let heard = || {
        // Every partition of fusion hears every source lane; the newest word counts.
        let mut heard = BTreeMap::new();
        for (_, lane) in lanes() {
            let Some(EngineStatus::Fuse { watermarks, idle, .. }) = &lane.engine else { continue };
            for (source, watermark) in watermarks.iter().filter(|(source, _)| source.feed == feed) {
                let known = heard.entry(*source).or_insert((*watermark, idle.contains(source)));
                *known = (*known).max((*watermark, idle.contains(source)));
            }
        }
        heard.into_values().collect()
    };
    let all: Vec<(EventTime, bool)> = if own.is_empty() { heard() } else { own };
    let begun = || all.iter().filter(|(watermark, _)| *watermark > EventTime::MIN);
    let slowest = begun().filter(|(_, idle)| !idle).map(|(watermark, _)| *watermark).min();
    slowest.or_else(|| begun().map(|(watermark, _)| *watermark).max())
}
