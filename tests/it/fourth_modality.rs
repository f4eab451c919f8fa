//! The recipe for a new modality, followed from outside the crate: columns, a decoder, one registry line.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use latefusion::fuse::FuseOutput;
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::header::{self, Header, TimeFields};
use latefusion::modality::json::{self, Reader, missing, unknown_field};
use latefusion::modality::{Column, DefaultPolicy, Modality, Registry, imaging, labs, vitals};
use latefusion::score::{FeatureSpec, Scorer, Scores, Statistic};
use latefusion::shell::local_lane::{Known, LaneSetup, LocalLane, Published};
use latefusion::shell::setup::{self, models};
use latefusion::types::{
    Event, Fault, ModalityId, Presence, RejectReason, Risk, ScorerClock, Span, Values,
};
use std::sync::Arc;

const fn column(name: &'static str, steps_per_unit: f64, plausible: [f64; 2]) -> Column {
    Column { name, steps_per_unit, plausible, loinc: None }
}

static COLUMNS: [Column; 5] = [
    column("ph", 1_000.0, [6.3, 8.2]),
    column("paco2_mmhg", 10.0, [3.0, 300.0]),
    column("pao2_mmhg", 10.0, [10.0, 800.0]),
    column("fio2_percent", 10.0, [20.0, 100.0]),
    column("mech_vent", 1.0, [0.0, 1.0]),
];

static TIMES: TimeFields =
    TimeFields { event: "event_time", issued: "issued", issued_required: false };

const POLICY: DefaultPolicy = DefaultPolicy {
    validity: Span::hours(8),
    half_life: Span::hours(4),
    gating: false,
    out_of_orderness: None,
    lookback: Span::hours(24),
};

pub(crate) static VENTILATION: Modality = Modality {
    name: "ventilation",
    topic: "ventilation",
    columns: &COLUMNS,
    decode,
    ward: POLICY,
    hourly: POLICY,
};

fn decode(payload: &[u8], modality: ModalityId) -> Result<Event, Fault> {
    let mut header = Header::new(&TIMES);
    let mut fields = [None; COLUMNS.len()];
    json::read_record(payload, |name, reader| {
        if let Some(i) = COLUMNS.iter().position(|column| column.name == name) {
            return header::set(&mut fields[i], COLUMNS[i].name, reader, Reader::number);
        }
        if header.take(name, reader)? { Ok(()) } else { Err(unknown_field()) }
    })?;
    let (mut values, mut subject) = (Values::default(), 0);
    for (i, value) in fields.into_iter().enumerate() {
        if let Some(value) = value {
            VENTILATION.set(&mut values, i as u8, value)?;
            subject = header::fold(subject, header::hash(COLUMNS[i].name.as_bytes()));
        }
    }
    if values.is_empty() {
        Err(missing("a parameter"))
    } else {
        header.finish(modality, subject, values)
    }
}

pub(crate) fn registry() -> Registry {
    Registry::new(vec![&vitals::VITALS, &labs::LABS, &imaging::IMAGING, &VENTILATION])
}

#[test]
fn a_fourth_modality_needs_its_own_file_and_one_registry_line() {
    let (id, modality) = registry().find("ventilation").expect("registered");
    assert_eq!(id, ModalityId(3));
    let payload = br#"{"patient":"p1","event_time":"2026-11-23T08:15:00Z","ph":7.31,"paco2_mmhg":48.5,"mech_vent":1}"#;
    let event = (modality.decode)(payload, id).expect("accepted");
    let of = |name: &str| {
        let column = modality.column(name).expect(name);
        event.values.get(column).map(|steps| modality.columns[usize::from(column)].to_value(steps))
    };
    assert_eq!((event.modality, of("ph"), of("paco2_mmhg")), (id, Some(7.31), Some(48.5)));
    assert_eq!((of("mech_vent"), of("fio2_percent")), (Some(1.0), None));
}

#[test]
fn a_fourth_modality_gets_the_exact_reject_reasons_for_nothing() {
    let head = r#"{"patient":"p1","event_time":"2026-11-23T08:15:00Z""#;
    for (rest, reason) in [
        (r#","ph":73.1}"#, RejectReason::ImplausibleValue),
        (r#","ph":"7.31"}"#, RejectReason::WrongType),
        (r#","peep":8}"#, RejectReason::UnknownField),
        ("}", RejectReason::MissingField),
        (r#","ph":7.31"#, RejectReason::Undecodable),
        (r#","ph":7.31,"status":"F"}"#, RejectReason::BadStatus),
        (r#","ph":7.31,"issued":"now"}"#, RejectReason::BadTime),
    ] {
        let fault = decode(format!("{head}{rest}").as_bytes(), ModalityId(3)).expect_err(rest);
        assert_eq!(fault.reason, reason, "{rest}");
    }
}

/// The recipe for a scorer: a pure function of feature rows. One point each for acidosis and for hypercapnia.
struct Ventilation {
    inputs: [FeatureSpec; 2],
}

impl Scorer for Ventilation {
    fn model(&self) -> &str {
        "ventilation-points@1"
    }
    fn modality(&self) -> &'static str {
        "ventilation"
    }
    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }
    fn score(&self, features: &RecordBatch) -> Scores {
        let column = |i: usize| features.column(i).as_primitive::<Float64Type>();
        let points = column(0).iter().zip(column(1)).map(|(ph, paco2)| {
            let known = ph.is_some() || paco2.is_some();
            let points = [ph.is_some_and(|ph| ph < 7.35), paco2.is_some_and(|p| p > 45.0)];
            known.then(|| points.into_iter().filter(|point| *point).count() as f64)
        });
        Scores { score: points.collect(), bounds: None }
    }
}

fn four() -> LaneSetup {
    let package = Package::shipped(Profile::Ward, &registry());
    let package = toml::to_string(&package).expect("plain data");
    let mut setup = setup::shipped(Profile::Ward, &Registry::shipped(), package.into());
    let last = |column| FeatureSpec { column, statistic: Statistic::Last, within: Span::hours(8) };
    let scorer = Ventilation { inputs: [last("ph"), last("paco2_mmhg")] };
    let calibrate = |points: f64| Risk::clamped(0.1 + 0.2 * points);
    setup.models.push(models(Arc::new(scorer), Some(Arc::new(calibrate)), &VENTILATION));
    setup.scoring.push(setup.scoring[1]);
    setup.registry = registry();
    setup
}

#[test]
fn a_fourth_modality_is_scored_and_fused_like_the_others() {
    let payload =
        br#"{"patient":"p1","event_time":"2026-11-23T08:15:00Z","ph":7.31,"paco2_mmhg":48.5}"#;
    let (id, modality) = registry().find("ventilation").expect("registered");
    let event = (modality.decode)(payload, id).expect("accepted");
    let (mut lane, mut out) = (LocalLane::new(&four(), 0), Vec::new());
    let clock = |seconds: i64| ScorerClock::from_millis(event.issued.as_millis() + seconds * 1_000);
    lane.take(Known::Event(event.clone()), &mut out);
    (0..60).for_each(|second| lane.beat(clock(second), true, &mut out));
    let risks: Vec<Option<f64>> = out
        .into_iter()
        .filter_map(|published| match published {
            Published::Fused(FuseOutput::Fused(score)) => Some(score),
            _ => None,
        })
        .map(|score| {
            assert!(matches!(score.modalities[3], Presence::Present(_)), "{:?}", score.modalities);
            score.risk.map(Risk::get)
        })
        .collect();
    assert!(risks.len() > 3, "{} fused scores", risks.len());
    assert!(risks.iter().all(|risk| risk.is_some_and(|r| (r - 0.5).abs() < 1e-9)), "{risks:?}");
}
