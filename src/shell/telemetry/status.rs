//! `/status`: how the process is, as JSON (`schemas/status.schema.json`). What the page `/ui` shows. No patient in it.

use super::gauges::{self, Availabilities, Observed, validities, watermark};
use super::measured::{BINS, DISPOSITIONS};
use super::totals::split;
use crate::shell::driver::{EngineStatus, LaneStatus, Phase, RunState, WorkerStatus};
use crate::shell::models::Refusal;
use crate::types::{Absence, EventTime, Feed, ModalityId, rfc3339};
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole answer. Times are RFC 3339, UTC; counts are since the process started.
#[derive(Debug, Serialize)]
pub struct Status {
    version: &'static str,
    /// The workers' clock; in a demo the stream's.
    now: String,
    ready: bool,
    /// Why it is not ready, a line each.
    problems: Vec<String>,
    /// False: `scores` and `sources` are not counted.
    measures: bool,
    /// Digest of the fusion package in force; null: fusion does not run here, or is not activated.
    package: Option<String>,
    availability: Availability,
    scores: Scores,
    sources: Vec<SourceCounts>,
    models: Vec<Model>,
    /// What is named and does not serve.
    refused_models: Vec<RefusedModel>,
    workers: Vec<Worker>,
    restores: Vec<Restore>,
}

#[derive(Debug, Serialize)]
struct Availability {
    /// The newest window end; null: none has fired here.
    window_end: Option<String>,
    active_patients: u32,
    /// False where a lane has lost its state and does not know everything yet.
    complete: bool,
    modalities: Vec<OfModality>,
}

#[derive(Debug, Serialize)]
struct OfModality {
    modality: String,
    expected: u32,
    fresh: u32,
    /// Fresh of expected, 0 to 1; null: nobody is expected to have it.
    of_expected: Option<f64>,
    /// Fresh of active, 0 to 1; null: nobody is active.
    of_active: Option<f64>,
    /// Null: not activated here.
    validity_seconds: Option<f64>,
    /// Complete up to here; null: no event yet.
    watermark: Option<String>,
}

#[derive(Debug, Serialize)]
struct Scores {
    total: u64,
    /// Null: none yet.
    last_output: Option<String>,
    by_combination: BTreeMap<String, u64>,
    /// Panes without a risk, by why the evidence is missing; `unchanged`: not published.
    withheld: BTreeMap<&'static str, u64>,
    distribution: Vec<Bin>,
}

#[derive(Debug, Serialize)]
struct Bin {
    from: f64,
    to: f64,
    count: u64,
}

#[derive(Debug, Serialize)]
struct SourceCounts {
    source: String,
    events: u64,
    rejected: u64,
    late: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct Model {
    modality: String,
    model: String,
    version: String,
    role: &'static str,
}

#[derive(Debug, Serialize)]
struct RefusedModel {
    modality: &'static str,
    /// As it was named.
    model: String,
    role: &'static str,
    why: String,
}

impl From<Refusal> for RefusedModel {
    fn from(refusal: Refusal) -> Self {
        let Refusal { modality, model, is_active, why } = refusal;
        Self { modality, model, role: gauges::role_of(!is_active), why }
    }
}

#[derive(Debug, Serialize)]
struct Worker {
    role: String,
    worker: usize,
    state: &'static str,
    restarts: u64,
    /// What goes wrong and is tried again, or why it has given up.
    trouble: Option<String>,
    lanes: Vec<Lane>,
}

#[derive(Debug, Serialize)]
struct Lane {
    topic: String,
    partition: u32,
    phase: &'static str,
    next_offset: i64,
    committed: i64,
    /// Null: not known yet.
    lag: Option<i64>,
    caught_up: bool,
    idle: bool,
    records: u64,
    patients: usize,
    bytes: usize,
    watermark: Option<String>,
}

#[derive(Debug, Serialize)]
struct Restore {
    topic: String,
    partition: u32,
    remaining: i64,
}

impl Observed {
    /// How the process is.
    pub fn status(&self) -> Status {
        let workers = self.board.workers();
        let problems = self.wrong(true);
        let restores = self.telemetry().restores().into_iter();
        Status {
            version: env!("CARGO_PKG_VERSION"),
            now: text(EventTime::from_millis(self.clock.now().as_millis())),
            ready: problems.is_empty(),
            problems,
            measures: self.telemetry().measures(),
            package: package(&workers),
            availability: self.availability(&workers),
            scores: self.scores(),
            sources: self.sources(),
            models: models(&workers),
            refused_models: self
                .pipeline
                .lanes
                .roster
                .refused()
                .into_iter()
                .map(Into::into)
                .collect(),
            workers: workers.iter().map(worker).collect(),
            restores: restores
                .map(|(place, remaining)| Restore {
                    topic: place.topic.to_string(),
                    partition: place.partition,
                    remaining,
                })
                .collect(),
        }
    }

    fn availability(&self, workers: &[WorkerStatus]) -> Availability {
        let names = &self.telemetry().shape().modalities;
        let seen = Availabilities::of(workers, names.len());
        let validities = validities(workers);
        let share = |part: u32, of: u32| (of > 0).then(|| f64::from(part) / f64::from(of));
        let modality = |(m, name): (usize, &String)| {
            let [expected, fresh] = seen.modalities[m];
            OfModality {
                modality: name.clone(),
                expected,
                fresh,
                of_expected: share(fresh, expected),
                of_active: share(fresh, seen.active),
                validity_seconds: validities.get(m).map(|validity| validity.as_seconds()),
                watermark: watermark(workers, Feed::Modality(ModalityId(m as u8)), name).map(text),
            }
        };
        Availability {
            window_end: seen.newest.map(text),
            active_patients: seen.active,
            complete: seen.complete,
            modalities: names.iter().enumerate().map(modality).collect(),
        }
    }

    fn scores(&self) -> Scores {
        let (totals, shape) = (self.telemetry().totals(), self.telemetry().shape());
        let mut by_combination: BTreeMap<String, u64> =
            shape.combinations().into_iter().map(|name| (name, 0)).collect();
        for ((present, _), count) in &totals.scores {
            *by_combination.entry(shape.combination(*present)).or_default() += count;
        }
        let reasons = Absence::ALL.iter().map(|why| why.name()).chain(["unchanged"]);
        let bin = |(at, count): (usize, &u64)| Bin {
            from: at.checked_sub(1).map_or(0.0, |below| BINS[below]),
            to: BINS[at],
            count: *count,
        };
        let last = (totals.last_output > 0).then(|| EventTime::from_millis(totals.last_output));
        Scores {
            total: totals.scores.values().sum(),
            last_output: last.map(text),
            by_combination,
            withheld: reasons.zip(totals.withheld).collect(),
            distribution: totals.bins.iter().enumerate().map(bin).collect(),
        }
    }

    fn sources(&self) -> Vec<SourceCounts> {
        let (totals, shape) = (self.telemetry().totals(), self.telemetry().shape());
        let late = |source: usize| {
            let of = |late: &Vec<u64>| late.get(source).copied().unwrap_or(0);
            DISPOSITIONS.into_iter().zip(totals.late.iter().map(of)).collect()
        };
        let counts = |(at, name): (usize, &str)| SourceCounts {
            source: name.to_owned(),
            events: totals.events[at],
            rejected: totals.rejected[at].iter().sum(),
            late: late(at),
        };
        shape.sources().enumerate().map(counts).collect()
    }
}

fn text(time: EventTime) -> String {
    let mut text = String::with_capacity(24);
    // A string takes everything; a time beyond the year 9999 leaves it empty.
    let _ = rfc3339::write(&mut text, time.as_millis());
    text
}

fn package(workers: &[WorkerStatus]) -> Option<String> {
    let mut lanes = workers.iter().flat_map(|worker| &worker.lanes);
    lanes.find_map(|lane| match &lane.engine {
        Some(EngineStatus::Fuse { package, .. }) => package.clone(),
        _ => None,
    })
}

/// The models at work, each once.
fn models(workers: &[WorkerStatus]) -> Vec<Model> {
    gauges::models(workers)
        .into_iter()
        .map(|(modality, is_shadow, name)| {
            let (model, version) = split(name);
            Model {
                modality: modality.to_owned(),
                model: model.to_owned(),
                version: version.to_owned(),
                role: gauges::role_of(is_shadow),
            }
        })
        .collect()
}

fn worker(status: &WorkerStatus) -> Worker {
    let (state, failed) = match &status.state {
        RunState::Connecting => ("connecting", None),
        RunState::Running => ("running", None),
        RunState::Draining => ("draining", None),
        RunState::Stopped => ("stopped", None),
        RunState::Failed(why) => ("failed", Some(why.clone())),
    };
    Worker {
        role: status.role.clone(),
        worker: status.worker,
        state,
        restarts: status.restarts,
        trouble: failed.or_else(|| status.trouble.clone()),
        lanes: status.lanes.iter().map(lane).collect(),
    }
}

fn lane(status: &LaneStatus) -> Lane {
    let (patients, bytes, watermark) = match &status.engine {
        Some(EngineStatus::Score { patients, bytes, watermark, .. }) => {
            (*patients, *bytes, Some(*watermark).filter(|watermark| *watermark > EventTime::MIN))
        }
        Some(EngineStatus::Fuse { patients, bytes, .. }) => (*patients, *bytes, None),
        Some(EngineStatus::Stays { .. }) | None => (0, 0, None),
    };
    Lane {
        topic: status.place.topic.to_string(),
        partition: status.place.partition,
        phase: match status.phase {
            Phase::Restoring => "restoring",
            Phase::Running => "running",
            Phase::Draining => "draining",
        },
        next_offset: status.next_offset,
        committed: status.committed,
        lag: status.lag,
        caught_up: status.caught_up,
        idle: status.idle,
        records: status.counts.records,
        patients,
        bytes,
        watermark: watermark.map(text),
    }
}
