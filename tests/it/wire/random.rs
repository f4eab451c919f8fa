//! Random values of everything that goes over the wire, within what their types promise.

use super::Record;
use compact_str::CompactString;
use fastrand::Rng;
use latefusion::shell::wire::{Clipped, DeadLetter, Header, Limits, Original, RecordPlace};
use latefusion::types::{
    Absence, Activation, Availability, Band, BandHeld, EncounterChange, EventTime, Fault, Feed,
    FusedScore, FusedStatus, Heartbeat, IngestTime, IssueTime, LogEntry, ModalityAvailability,
    ModalityId, ModelName, Outcome, Pane, PatientId, Position, Prediction, Presence, Present,
    RejectReason, Risk, Scored, ScorerClock, SourceLane, Span, Stay, Window,
};

/// Stands in every random patient id, so that a test can look for it where no patient may appear.
pub(super) const MARKER: &str = "MARKER";

/// A value of any topic.
pub(super) fn record(rng: &mut Rng) -> Record {
    match rng.u8(0..8) {
        0..3 => Record::Entry(LogEntry::Scored(scored(rng))),
        3 => Record::Entry(control(rng)),
        4 | 5 => Record::Score(fused_score(rng)),
        6 => Record::Availability(availability(rng)),
        _ => Record::Letter(dead_letter(rng)),
    }
}

fn pick<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

fn maybe<T>(rng: &mut Rng, value: impl FnOnce(&mut Rng) -> T) -> Option<T> {
    rng.bool().then(|| value(rng))
}

/// Any finite float, bit patterns and awkward ones included.
fn float(rng: &mut Rng) -> f64 {
    let awkward = [0.0, -0.0, 1.0, 5e-324, f64::MAX, f64::MIN_POSITIVE, 0.1 + 0.2, 1e16, -1e-7];
    match rng.u8(0..3) {
        0 => pick(rng, &awkward),
        1 => (rng.f64() - 0.5) * 20.0,
        _ => Some(f64::from_bits(rng.u64(..))).filter(|f| f.is_finite()).unwrap_or(1.5),
    }
}

fn risk(rng: &mut Rng) -> Risk {
    let value = match rng.u8(0..8) {
        0 => pick(rng, &[0.0, 1.0, 5e-324, 1.0 - f64::EPSILON / 2.0]),
        1 => f64::from_bits(rng.u64(..=1.0f64.to_bits())),
        _ => rng.f64(),
    };
    Risk::new(value).expect("within 0..=1")
}

/// Milliseconds in the years 0000 to 9999, mostly of our days.
fn millis(rng: &mut Rng) -> i64 {
    if rng.u8(..) == 0 {
        rng.i64(-62_167_219_200_000..=253_402_300_799_999)
    } else {
        rng.i64(1_700_000_000_000..1_900_000_000_000)
    }
}

fn event_time(rng: &mut Rng) -> EventTime {
    EventTime::from_millis(millis(rng))
}

fn text(rng: &mut Rng, longest: usize) -> String {
    let length = rng.usize(0..=longest);
    (0..length)
        .map(|_| if rng.u8(0..8) == 0 { rng.char(..) } else { rng.char('!'..='~') })
        .collect()
}

fn patient(rng: &mut Rng) -> PatientId {
    let length = rng.usize(0..=PatientId::MAX_BYTES - MARKER.len());
    let tail: String = (0..length).map(|_| rng.char('!'..='~')).collect();
    PatientId::new(&format!("{MARKER}{tail}")).expect("printable ASCII")
}

fn model(rng: &mut Rng) -> ModelName {
    let known = ["news2@1", "lab_panel@12", "findings@3", "vitals-gbm@2026-10-01"];
    if rng.u8(0..4) == 0 { text(rng, 90).into() } else { pick(rng, &known).into() }
}

fn modality(rng: &mut Rng) -> ModalityId {
    ModalityId(rng.u8(0..3))
}

fn lane(rng: &mut Rng) -> SourceLane {
    let feed = if rng.u8(0..4) == 0 { Feed::Encounters } else { Feed::Modality(modality(rng)) };
    let small = rng.bool();
    let mut number = || if small { rng.u32(0..20) } else { rng.u32(..) };
    SourceLane { feed, epoch: number(), partition: number() }
}

fn offset(rng: &mut Rng) -> i64 {
    if rng.u8(0..8) == 0 { rng.i64(0..) } else { rng.i64(0..5_000_000) }
}

fn position(rng: &mut Rng) -> Position {
    Position { lane: lane(rng), offset: offset(rng) }
}

fn predictions(rng: &mut Rng, fewest: usize) -> Vec<Prediction> {
    let count = rng.usize(fewest..4);
    let bare = [
        Outcome::Uncalibrated,
        Outcome::Unscorable,
        Outcome::Withdrawn,
        Outcome::Pending,
        Outcome::Rejected,
    ];
    (0..count)
        .map(|_| Prediction {
            event_time: event_time(rng),
            issued: IssueTime::from_millis(millis(rng)),
            outcome: if rng.bool() { Outcome::Risk(risk(rng)) } else { pick(rng, &bare) },
            score: maybe(rng, float),
            bounds: maybe(rng, |rng| [float(rng), float(rng)]),
        })
        .collect()
}

fn scored(rng: &mut Rng) -> Scored {
    let shadows = if rng.bool() { 0 } else { rng.usize(0..3) };
    Scored {
        source: position(rng),
        ingest_time: IngestTime::from_millis(millis(rng)),
        patient: patient(rng),
        modality: modality(rng),
        model: model(rng),
        predictions: predictions(rng, 1),
        shadows: (0..shadows).map(|_| (model(rng), predictions(rng, 0))).collect(),
    }
}

fn control(rng: &mut Rng) -> LogEntry {
    let changes = [EncounterChange::Admit, EncounterChange::Transfer, EncounterChange::Discharge];
    match rng.u8(0..3) {
        0 => LogEntry::Stay(Stay {
            source: position(rng),
            patient: patient(rng),
            change: pick(rng, &changes),
            event_time: event_time(rng),
            issued: IssueTime::from_millis(millis(rng)),
            unit: maybe(rng, |rng| text(rng, 40).into()),
        }),
        1 => LogEntry::Heartbeat(Heartbeat {
            lane: lane(rng),
            next_offset: offset(rng),
            watermark: maybe(rng, event_time).unwrap_or(EventTime::MIN),
            idle: rng.bool(),
            clock: ScorerClock::from_millis(millis(rng)),
            lanes: rng.u32(..),
        }),
        _ => LogEntry::Activation(Activation {
            digest: digest(rng),
            package: text(rng, 2_000).into(),
        }),
    }
}

fn digest(rng: &mut Rng) -> CompactString {
    (0..64).map(|_| rng.digit(16).to_ascii_lowercase()).collect()
}

/// A fused score whose risk, interval, status and presences agree.
pub(super) fn fused_score(rng: &mut Rng) -> FusedScore {
    let window = Window::ending(event_time(rng), Span::millis(rng.i64(1..100_000_000)));
    let modalities: Vec<Presence> = (0..3).map(|_| presence(rng)).collect();
    let any = modalities.iter().any(|p| matches!(p, Presence::Present(_)));
    let bands = [Band::Low, Band::Medium, Band::High];
    let held = |rng: &mut Rng| BandHeld {
        without_hold: maybe(rng, |rng| pick(rng, &bands)),
        by: rng.u64(1..8),
    };
    let status = if any {
        pick(rng, &[FusedStatus::Ok, FusedStatus::Degraded])
    } else {
        FusedStatus::InsufficientData
    };
    FusedScore {
        patient: patient(rng),
        window,
        pane: pick(rng, &[Pane::Early, Pane::OnTime, Pane::Late]),
        revision: if rng.bool() { rng.u32(0..4) } else { rng.u32(..) },
        status,
        risk: any.then(|| risk(rng)),
        interval: any.then(|| [risk(rng), risk(rng)]),
        band: maybe(rng, |rng| pick(rng, &bands)),
        band_held: maybe(rng, held),
        modalities,
        unit: maybe(rng, |rng| text(rng, 60).into()),
        package: digest(rng).as_str().into(),
    }
}

fn presence(rng: &mut Rng) -> Presence {
    if rng.u8(0..3) == 0 {
        return Presence::Absent(pick(rng, &Absence::ALL), maybe(rng, event_time));
    }
    Presence::Present(Present {
        event_time: event_time(rng),
        age: Span::millis(if rng.bool() { 0 } else { rng.i64(0..400_000_000_000) }),
        risk: risk(rng),
        weight: risk(rng).get(),
        contribution: float(rng),
        model: model(rng),
        source: position(rng),
    })
}

fn availability(rng: &mut Rng) -> Availability {
    let mut counts = || ModalityAvailability {
        expected: rng.u32(..),
        fresh: rng.u32(..),
        absent: std::array::from_fn(|_| rng.u32(..)),
    };
    let modalities = (0..3).map(|_| counts()).collect();
    Availability {
        partition: rng.u32(..),
        window: Window::ending(event_time(rng), Span::millis(rng.i64(1..100_000_000))),
        active: rng.u32(..),
        modalities,
        ingest_time: IngestTime::from_millis(millis(rng)),
        complete: rng.bool(),
    }
}

fn dead_letter(rng: &mut Rng) -> DeadLetter {
    let bytes = |rng: &mut Rng| -> Vec<u8> { (0..rng.usize(0..300)).map(|_| rng.u8(..)).collect() };
    let headers: Vec<Header> = (0..rng.usize(0..4))
        .map(|_| Header { name: text(rng, 20), value: maybe(rng, bytes) })
        .collect();
    let (key, payload) = (maybe(rng, bytes), maybe(rng, bytes));
    let original = Original {
        ingest_time: maybe(rng, |rng| IngestTime::from_millis(millis(rng))),
        key: key.as_deref(),
        payload: payload.as_deref(),
        headers: &headers,
    };
    let place = RecordPlace {
        topic: pick(rng, &["vitals", "predictions", "a.topic_of-others"]).to_owned(),
        epoch: rng.u32(..),
        partition: rng.u32(..),
        offset: offset(rng),
    };
    let fault = Fault::new(pick(rng, &RejectReason::ALL), text(rng, 60));
    let limits = Limits { payload: 200, key: 100, headers: 400 };
    let letter = DeadLetter::new(fault, place, &original, limits);
    let kept = |clipped: &Option<Clipped>| clipped.as_ref().map_or(0, |c| c.bytes.len());
    assert!(kept(&letter.payload) <= limits.payload && kept(&letter.key) <= limits.key);
    letter
}
