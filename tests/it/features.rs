//! Training tables hold what the running score stage hands its scorer, value for value, and nothing from later.

use arrow::array::{Array, Float64Array, RecordBatch};
use fastrand::Rng;
use latefusion::fuse::package::{Package, Profile};
use latefusion::modality::Registry;
use latefusion::score::{
    ActiveModel, FeatureSpec, ScoreConfig, ScoreInput, ScoreOutput, ScoreStage, Scorer, Scores,
    Statistic,
};
use latefusion::shell::datasets::{Account, Dataset, Stay, order_events};
use latefusion::shell::local_lane::LaneSetup;
use latefusion::shell::replay::ReplayConfig;
use latefusion::shell::setup;
use latefusion::shell::tables::{Request, Tables, Wanted, tables};
use latefusion::stage::Stage;
use latefusion::types::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const BASE: EventTime = EventTime::from_millis(1_325_376_000_000);
const AT: [Span; 4] = [Span::hours(3), Span::hours(12), Span::hours(24), Span::hours(48)];

fn event(patient: &PatientId, modality: usize, random: &mut Rng, registry: &Registry) -> Event {
    let minute = random.i64(0..48 * 60);
    let event_time = BASE + Span::minutes(minute);
    let delay = if modality == 0 { 0 } else { random.i64(0..180) };
    let (_, described) = registry.iter().nth(modality).expect("a shipped modality");
    let mut values = Values::default();
    for column in 0..4_u8 {
        if column == 0 || random.bool() {
            assert!(values.set(column, random.i16(300..900)), "{}", described.name);
        }
    }
    Event {
        patient: patient.clone(),
        modality: ModalityId(modality as u8),
        id: ObservationId(random.u64(..)),
        event_time,
        issued: IssueTime::from_millis((event_time + Span::minutes(delay)).as_millis()),
        version: 0,
        status: EventStatus::Final,
        values,
    }
}

fn dataset(random: &mut Rng, registry: &Registry) -> Dataset {
    let mut events = Vec::new();
    let mut stays = Vec::new();
    for number in 0..40 {
        let patient = PatientId::new(&format!("p{number:02}")).expect("valid");
        for modality in 0..2 {
            let made =
                (0..random.usize(0..60)).map(|_| event(&patient, modality, random, registry));
            let made: Vec<Event> = made.collect();
            // A value corrected some hours later keeps the time of its first issue. Between a window's end and its firing a
            // correction still counts, as it does at the bedside; those are left out here.
            let corrected = made.first().cloned().map(|mut event| {
                (event.version, event.status) = (1, EventStatus::Corrected);
                event.issued = event.issued + Span::hours(2);
                event.values.set(0, 555);
                event
            });
            let in_between = |event: &Event| {
                let after =
                    |at: &Span| (event.issued.as_millis() - (BASE + *at).as_millis()) / 60_000;
                AT.iter().any(|at| (0..120).contains(&after(at)))
            };
            let corrected = corrected.filter(|event| !in_between(event));
            events.extend(made.into_iter().chain(corrected));
        }
        let (context, outcome) = Default::default();
        stays.push(Stay { patient, begins: BASE, ends: None, unit: None, context, outcome });
    }
    order_events(&mut events);
    Dataset { events, encounters: Vec::new(), stays, account: Account::default() }
}

fn specs(registry: &Registry, modality: usize) -> Vec<FeatureSpec> {
    let (_, described) = registry.iter().nth(modality).expect("a shipped modality");
    let spans = [Span::hours(2), Span::hours(9), Span::hours(48)];
    let of = |column: usize| {
        Statistic::ALL.into_iter().flat_map(move |statistic| {
            let column = described.columns[column].name;
            spans.map(|within| FeatureSpec { column, statistic, within })
        })
    };
    (0..4).flat_map(of).collect()
}

fn lanes(registry: &Registry) -> (LaneSetup, Request) {
    let package =
        toml::to_string(&Package::shipped(Profile::Hourly, registry)).expect("plain data");
    let wanted = registry.iter().enumerate().map(|(i, (_, modality))| {
        let inputs = if i < 2 { specs(registry, i) } else { Vec::new() };
        Wanted { modality, inputs }
    });
    let replay = ReplayConfig {
        partitions: 3,
        threads: 2,
        heartbeat: Span::minutes(1),
        round: Span::hours(6),
        run_on: Span::hours(2),
    };
    let setup = setup::shipped(Profile::Hourly, registry, package.into());
    (setup, Request { wanted: wanted.collect(), at: AT.to_vec(), replay })
}

/// Keeps the rows that the stage hands it.
struct Capturing {
    inputs: Vec<FeatureSpec>,
    modality: &'static str,
    rows: Mutex<Vec<Vec<u64>>>,
}

impl Scorer for Capturing {
    fn model(&self) -> &str {
        "capturing@1"
    }
    fn modality(&self) -> &'static str {
        self.modality
    }
    fn inputs(&self) -> &[FeatureSpec] {
        &self.inputs
    }
    fn score(&self, features: &RecordBatch) -> Scores {
        let mut rows = self.rows.lock().expect("not poisoned");
        let first = rows.len();
        for row in 0..features.num_rows() {
            let bits = |column: &Arc<dyn Array>| {
                let column: &Float64Array = column.as_any().downcast_ref().expect("Float64");
                if column.is_valid(row) { column.value(row) } else { f64::NAN }.to_bits()
            };
            rows.push(features.columns().iter().map(bits).collect());
        }
        let score = (first..rows.len()).map(|row| Some(row as f64)).collect();
        Scores { score, bounds: None }
    }
}

/// Rows by (patient, event time, issue time), each wording with the time at which it was said.
type Said = BTreeMap<(PatientId, i64, i64), Vec<(i64, Vec<u64>)>>;

/// What a running stage, given one record at a time, hands its scorer for each (patient, event time, issue time).
fn said(data: &Dataset, setup: &LaneSetup, registry: &Registry, modality: usize) -> Said {
    let (id, columns) = registry.iter().nth(modality).expect("a shipped modality");
    let inputs = specs(registry, modality);
    let scorer = Arc::new(Capturing { inputs, modality: columns.name, rows: Mutex::default() });
    let model = ActiveModel::new(scorer.clone(), None, columns).expect("the columns exist");
    let scoring = setup.scoring[modality];
    let source = SourceLane { feed: Feed::Modality(id), epoch: 0, partition: 0 };
    let config = ScoreConfig {
        source,
        modality: id,
        columns,
        lanes: 1,
        lookback: scoring.lookback,
        reach: scoring.reach,
        out_of_orderness: scoring.out_of_orderness,
        max_clock_skew: scoring.max_clock_skew,
        state_ttl: scoring.state_ttl,
        max_patients: 1_000,
        max_observations: scoring.max_observations,
    };
    let mut stage = ScoreStage::new(config, model, Vec::new());
    let (mut found, mut out) = (Said::new(), Vec::new());
    let events = data.events.iter().filter(|event| event.modality == id);
    for (offset, event) in events.cloned().enumerate() {
        let ingest_time = IngestTime::from_millis(event.issued.as_millis());
        let key = Some(event.patient.clone());
        let offset = offset as i64;
        stage.step(&mut vec![ScoreInput { offset, ingest_time, key, event: Ok(event) }], &mut out);
    }
    let rows = scorer.rows.lock().expect("not poisoned");
    for output in out {
        let ScoreOutput::Scored(scored) = output else { continue };
        for prediction in scored.predictions {
            let Some(row) = prediction.score else { continue };
            let key = (
                scored.patient.clone(),
                prediction.event_time.as_millis(),
                prediction.issued.as_millis(),
            );
            let wording = (scored.ingest_time.as_millis(), rows[row as usize].clone());
            found.entry(key).or_default().push(wording);
        }
    }
    found
}

/// The newest event time known at `end` and within six hours (vitals) or 36 (labs), in its
/// latest wording by then.
fn newest<'a>(
    said: &'a Said,
    patient: &PatientId,
    end: i64,
    modality: usize,
) -> Option<(i64, &'a [u64])> {
    let validity = [Span::hours(6), Span::hours(36)][modality].as_millis();
    let known = |wordings: &'a Vec<(i64, Vec<u64>)>| {
        wordings.iter().rev().find(|(when, _)| *when <= end).map(|(_, row)| row.as_slice())
    };
    said.iter()
        .filter(|((who, time, issued), _)| who == patient && *time <= end && *issued <= end)
        .filter_map(|((_, time, issued), wordings)| Some((*time, *issued, known(wordings)?)))
        .max_by_key(|(time, issued, _)| (*time, *issued))
        .filter(|(time, ..)| end - time < validity)
        .map(|(time, _, row)| (time, row))
}

fn bits(values: &[f64]) -> Vec<u64> {
    let plain = |value: &f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    values.iter().map(plain).collect()
}

#[test]
fn a_table_holds_what_the_running_stage_hands_its_scorer_value_for_value() {
    let (mut compared, mut absent) = (0, 0);
    for seed in 0..3 {
        let registry = Registry::shipped();
        let data = dataset(&mut Rng::with_seed(seed), &registry);
        let (setup, request) = lanes(&registry);
        let made = tables(&data, &setup, &request, None, &mut |_| {}).expect("it runs");
        for modality in 0..2 {
            let said = said(&data, &setup, &registry, modality);
            for (s, stay) in data.stays.iter().enumerate() {
                for (t, at) in AT.into_iter().enumerate() {
                    let end = (BASE + at).as_millis();
                    // A patient of whom nothing was known has no pane and so no modalities.
                    let taken = made.at(s, t).get(modality).and_then(Option::as_ref);
                    let expected = newest(&said, &stay.patient, end, modality);
                    let found = taken.map(|t| (t.event_time.as_millis(), bits(&t.values)));
                    let expected = expected.map(|(time, row)| (time, row.to_vec()));
                    assert_eq!(found, expected, "seed {seed}, {}, {at}", stay.patient.as_str());
                    compared += taken.map_or(0, |t| t.values.len());
                    absent += usize::from(taken.is_none());
                }
            }
        }
    }
    println!("{compared} values compared, {absent} rows absent in both");
    assert!(compared > 30_000 && absent > 20, "{compared} values, {absent} absent");
}

#[test]
fn what_was_issued_later_changes_no_row() {
    let registry = Registry::shipped();
    let data = dataset(&mut Rng::with_seed(9), &registry);
    let (setup, mut request) = lanes(&registry);
    let all = tables(&data, &setup, &request, None, &mut |_| {}).expect("it runs");
    let mut compared = 0;
    for (t, at) in AT.into_iter().enumerate() {
        let mut past = data.clone();
        past.events.retain(|event| event.issued.as_millis() <= (BASE + at).as_millis());
        request.at = vec![at];
        let alone: Tables = tables(&past, &setup, &request, None, &mut |_| {}).expect("it runs");
        for s in 0..data.stays.len() {
            let (a, b) = (all.at(s, t), alone.at(s, 0));
            let present = |m: usize, row: &[Option<latefusion::shell::tables::Taken>]| {
                row.get(m).and_then(Option::as_ref).map(|t| (t.event_time, bits(&t.values)))
            };
            for m in 0..2 {
                assert_eq!(present(m, a), present(m, b));
                compared += usize::from(present(m, a).is_some());
            }
        }
    }
    assert!(compared > 150, "only {compared} rows were compared");
}
