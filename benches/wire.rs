//! What writing and reading one record costs: `cargo bench --bench wire`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use criterion::{Criterion, criterion_group, criterion_main};
use latefusion::modality::{DefaultPolicy, Modality, Registry};
use latefusion::shell::wire::{
    ModelNames, Names, Topics, decode_entry, decode_fused_score, encode_entry, encode_fused_score,
};
use latefusion::types::{Event, Fault, ModalityId, RejectReason, Span};
use std::hint::black_box;

const SCORED: &[u8] = include_bytes!("../schemas/examples/predictions/accepted/scored.json");
const HEARTBEAT: &[u8] = include_bytes!("../schemas/examples/predictions/accepted/heartbeat.json");
const FUSED: &[u8] =
    include_bytes!("../schemas/examples/fused-scores/accepted/two_of_three_modalities.json");

const POLICY: DefaultPolicy = DefaultPolicy {
    validity: Span::minutes(15),
    half_life: Span::minutes(10),
    gating: false,
    out_of_orderness: None,
    lookback: Span::hours(1),
};

fn decode_nothing(_: &[u8], _: ModalityId) -> Result<Event, Fault> {
    Err(Fault::new(RejectReason::Undecodable, "these modalities exist by name only"))
}

const fn modality(name: &'static str, topic: &'static str) -> Modality {
    Modality { name, topic, columns: &[], decode: decode_nothing, ward: POLICY, hourly: POLICY }
}

static VITALS: Modality = modality("vitals", "vitals");
static LABS: Modality = modality("labs", "labs");
static IMAGING: Modality = modality("imaging", "imaging-reports");

fn records(criterion: &mut Criterion) {
    let registry = Registry::new(vec![&VITALS, &LABS, &IMAGING]);
    let names = Names::new(&registry, &Topics::default()).expect("the default topics");
    let mut models = ModelNames::default();
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("wire");

    for (name, example) in [("scored", SCORED), ("heartbeat", HEARTBEAT)] {
        let entry = decode_entry(example, &names, &mut models).expect("an accepted example");
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode_entry(black_box(&entry), &names, &mut out);
                out.len()
            });
        });
        let bytes = out.clone();
        group.bench_function(format!("decode {name} of {} bytes", bytes.len()), |bencher| {
            bencher.iter(|| decode_entry(black_box(&bytes), &names, &mut models));
        });
    }

    // The example's third modality is absent; with three present a record is the longest it gets.
    let third = r#"{"presence":"present","event_time":"2026-11-23T07:05:30.000Z","age_seconds":4160,"risk":0.2213,"weight":0.17,"contribution":0.112,"model":"findings@1","source":{"topic":"imaging-reports","epoch":0,"partition":3,"offset":77}}"#;
    let mut example: serde_json::Value = serde_json::from_slice(FUSED).expect("JSON");
    example["modalities"]["imaging"] = serde_json::from_str(third).expect("JSON");
    let example = serde_json::to_vec(&example).expect("JSON");
    let score = decode_fused_score(&example, &names, &mut models).expect("a fused score");
    group.bench_function("encode fused score of 3 modalities", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode_fused_score(black_box(&score), &names, &mut out);
            out.len()
        });
    });
    let bytes = out.clone();
    group.bench_function(format!("decode fused score of {} bytes", bytes.len()), |bencher| {
        bencher.iter(|| decode_fused_score(black_box(&bytes), &names, &mut models));
    });
    group.finish();
}

criterion_group!(benches, records);
criterion_main!(benches);
