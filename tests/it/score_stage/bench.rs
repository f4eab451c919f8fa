//! What the score stage's tests share: a modality, scorers that show every feature, and seeded histories.

use arrow::array::{Array, Float64Array, RecordBatch};
use latefusion::modality::{Column, DefaultPolicy, Modality};
use latefusion::score::{
    ActiveModel, Calibrate, FeatureSpec, ScoreConfig, ScoreInput, ScoreOutput, ScoreStage, Scorer,
    Scores, Statistic,
};
use latefusion::stage::Stage;
use latefusion::types::*;
use std::sync::Arc;

pub(super) const EPOCH: i64 = 1_700_000_000_000;

const fn column(name: &'static str) -> Column {
    Column { name, steps_per_unit: 10.0, plausible: [-1e3, 1e3], loinc: None }
}

const POLICY: DefaultPolicy = DefaultPolicy {
    validity: Span::minutes(15),
    half_life: Span::minutes(10),
    gating: true,
    out_of_orderness: Some(Span::seconds(10)),
    lookback: Span::minutes(60),
};

fn undecodable(_: &[u8], _: ModalityId) -> Result<Event, Fault> {
    Err(Fault::new(RejectReason::Undecodable, "the tests make events, not bytes"))
}

pub(super) static MODALITY: Modality = Modality {
    name: "tested",
    topic: "tested",
    columns: &[
        column("a"),
        column("b"),
        column("c"),
        column("d"),
        column("e"),
        column("f"),
        column("g"),
        column("h"),
    ],
    decode: undecodable,
    ward: POLICY,
    hourly: POLICY,
};

/// A weighted sum of all its inputs, so that no feature can be wrong unseen; null where the first input is null and
/// `needs_first` is set.
pub(super) struct Weighted {
    pub(super) name: &'static str,
    pub(super) inputs: Vec<FeatureSpec>,
    pub(super) needs_first: bool,
}

/// The weight of input `i`, or what stands for it where it is null.
pub(super) fn term(i: usize, value: Option<f64>) -> f64 {
    let weight = 1.0 + i as f64 * 0.37;
    value.map_or(1_000.0 + weight, |value| weight * value)
}

impl Scorer for Weighted {
    fn model(&self) -> &str {
        self.name
    }
    fn modality(&self) -> &'static str {
        "tested"
    }
    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }
    fn score(&self, features: &RecordBatch) -> Scores {
        let columns: Vec<&Float64Array> = features
            .columns()
            .iter()
            .map(|column| column.as_any().downcast_ref().expect("features are Float64"))
            .collect();
        let score = |row: usize| {
            let value = |c: &Float64Array| c.is_valid(row).then(|| c.value(row));
            let enough = !self.needs_first || columns.first().is_some_and(|c| c.is_valid(row));
            enough.then(|| columns.iter().enumerate().map(|(i, c)| term(i, value(c))).sum::<f64>())
        };
        Scores { score: (0..features.num_rows()).map(score).collect(), bounds: None }
    }
}

pub(super) fn spec(column: &'static str, statistic: Statistic, within: Span) -> FeatureSpec {
    FeatureSpec { column, statistic, within }
}

/// Every statistic of two columns, the widest `widest`.
pub(super) fn every_statistic(widest: Span) -> Vec<FeatureSpec> {
    use Statistic::{Count, Last, Max, Mean, Min, SecondsSince, Slope};
    let half = Span::millis(widest.as_millis() / 2);
    let all = [Last, SecondsSince, Mean, Min, Max, Slope, Count];
    let narrow = all.into_iter().map(|statistic| spec("a", statistic, half));
    narrow.chain(all.into_iter().map(|statistic| spec("b", statistic, widest))).collect()
}

pub(super) fn squash() -> Calibrate {
    Arc::new(|score| Risk::clamped(1.0 / (1.0 + (-score / 1_000.0).exp())))
}

pub(super) fn model(name: &'static str, inputs: Vec<FeatureSpec>) -> ActiveModel {
    let scorer = Weighted { name, inputs, needs_first: false };
    ActiveModel::new(Arc::new(scorer), Some(squash()), &MODALITY).expect("the columns exist")
}

/// As [`model`], but it cannot score where its first input is null.
pub(super) fn particular(name: &'static str, inputs: Vec<FeatureSpec>) -> ActiveModel {
    let scorer = Weighted { name, inputs, needs_first: true };
    ActiveModel::new(Arc::new(scorer), Some(squash()), &MODALITY).expect("the columns exist")
}

pub(super) const LANE: SourceLane =
    SourceLane { feed: Feed::Modality(ModalityId(0)), epoch: 0, partition: 3 };

pub(super) fn config() -> ScoreConfig {
    ScoreConfig {
        source: LANE,
        modality: ModalityId(0),
        columns: &MODALITY,
        lanes: 12,
        lookback: Span::seconds(100),
        reach: Span::seconds(100),
        out_of_orderness: Span::seconds(10),
        max_clock_skew: Span::minutes(5),
        state_ttl: Span::days(7),
        max_patients: 1_000,
        max_observations: 1_000,
    }
}

pub(super) fn patient(n: u64) -> PatientId {
    PatientId::new(&format!("p{n}")).expect("printable")
}

/// Seconds after the tests' epoch.
pub(super) fn at(seconds: i64) -> EventTime {
    EventTime::from_millis(EPOCH + seconds * 1_000)
}

pub(super) fn issue(seconds: i64) -> IssueTime {
    IssueTime::from_millis(EPOCH + seconds * 1_000)
}

/// A final observation of column a (in tenths) by patient 1.
pub(super) fn event(id: u64, event_time: i64, issued: i64, a: i16) -> Event {
    let mut values = Values::default();
    assert!(values.set(0, a));
    Event {
        patient: patient(1),
        modality: ModalityId(0),
        id: ObservationId(id),
        event_time: at(event_time),
        issued: issue(issued),
        version: 0,
        status: EventStatus::Final,
        values,
    }
}

/// The same id again: another status, version and issue time, without values.
pub(super) fn follow(event: &Event, status: EventStatus, version: u32, issued: i64) -> Event {
    Event { status, version, issued: issue(issued), values: Values::default(), ..event.clone() }
}

/// The record that carries an event, taken by the broker `seconds` after the epoch and a bit.
pub(super) fn record(offset: i64, seconds: i64, event: Event) -> ScoreInput {
    let ingest_time = IngestTime::from_millis(EPOCH + seconds * 1_000 + 7);
    ScoreInput { offset, ingest_time, key: Some(event.patient.clone()), event: Ok(event) }
}

/// Steps events one by one, each taken at `seconds`; returns what each made.
pub(super) fn run(stage: &mut ScoreStage, seconds: i64, events: &[Event]) -> Vec<Vec<ScoreOutput>> {
    let step = |event: &Event| {
        let mut out = Vec::new();
        stage.step(&mut vec![record(stage.next_offset(), seconds, event.clone())], &mut out);
        out
    };
    events.iter().map(step).collect()
}

/// `(event time, issued, outcome)` of the predictions made, in seconds after the epoch.
pub(super) fn said(out: &[ScoreOutput]) -> Vec<(i64, i64, Outcome)> {
    let seconds = |millis: i64| (millis - EPOCH).div_euclid(1_000);
    let scored = out.iter().filter_map(|output| match output {
        ScoreOutput::Scored(scored) => Some(&scored.predictions),
        ScoreOutput::Rejected(_) => None,
    });
    scored
        .flatten()
        .map(|p| (seconds(p.event_time.as_millis()), seconds(p.issued.as_millis()), p.outcome))
        .collect()
}

pub(super) fn rejected(out: &[ScoreOutput]) -> Vec<RejectReason> {
    let reason = |output: &ScoreOutput| match output {
        ScoreOutput::Rejected(rejection) => Some(rejection.fault.reason),
        ScoreOutput::Scored(_) => None,
    };
    out.iter().filter_map(reason).collect()
}

/// Events of `patients` patients on a grid of 5 s, with all that may happen to an observation, in random order.
pub(super) fn history(random: &mut fastrand::Rng, patients: u64, length: usize) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for n in 0..length {
        let time = 5 * random.i64(0..=40);
        let mut event = event(random.u64(..), time, time + 5 * random.i64(0..=6), 0);
        event.patient = patient(random.u64(0..patients));
        event.values = some_values(random);
        let known = if n == 0 { None } else { events.get(random.usize(0..n)).cloned() };
        let next = match (random.u32(0..100), known) {
            (0..20, Some(known)) => version_after(random, &known),
            (20..25, Some(known)) => known,
            (25..32, _) => {
                Event { status: EventStatus::Registered, values: Values::default(), ..event }
            }
            (32..35, _) => Event { status: EventStatus::Cancelled, ..event },
            (35..50, _) => Event { status: EventStatus::Preliminary, ..event },
            _ => event,
        };
        events.push(next);
    }
    random.shuffle(&mut events);
    if random.bool() {
        events.sort_by_key(|event| event.issued);
    }
    events
}

fn some_values(random: &mut fastrand::Rng) -> Values {
    let mut values = Values::default();
    for column in 0..3 {
        if random.bool() || (column == 2 && values.is_empty()) {
            assert!(values.set(column, random.i16(-500..500)));
        }
    }
    values
}

fn version_after(random: &mut fastrand::Rng, known: &Event) -> Event {
    let mut event = known.clone();
    event.version += random.u32(0..2);
    event.issued = event.issued + Span::seconds(5 * random.i64(0..4));
    event.values = some_values(random);
    if random.u32(0..5) == 0 {
        event.event_time = at(5 * random.i64(0..=40));
    }
    event.status = match random.u32(0..10) {
        0..4 => EventStatus::Corrected,
        4..6 => EventStatus::EnteredInError,
        6 => EventStatus::Cancelled,
        7 => EventStatus::Registered,
        _ => EventStatus::Final,
    };
    if matches!(event.status, EventStatus::Registered) || random.u32(0..8) == 0 {
        event.values = Values::default();
    }
    event
}
