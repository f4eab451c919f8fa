//! Fused scores as one Arrow batch of flat columns; the columns are explained in [`super::scores`].

use crate::modality::Registry;
use crate::types::{Band, Feed, FusedScore, FusedStatus, Pane, Presence, Present};
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

/// The columns for the modalities of a registry.
pub(super) fn schema(registry: &Registry) -> SchemaRef {
    let (text, number) = (DataType::Utf8, DataType::Float64);
    let mut fields = vec![
        Field::new("patient", text.clone(), false),
        Field::new("window_end", time(), false),
        Field::new("window_seconds", number.clone(), false),
        Field::new("pane", text.clone(), false),
        Field::new("revision", DataType::UInt32, false),
        Field::new("status", text.clone(), false),
        Field::new("risk", number.clone(), true),
        Field::new("lower", number.clone(), true),
        Field::new("upper", number.clone(), true),
        Field::new("band", text.clone(), true),
        Field::new("band_held", DataType::Boolean, false),
        Field::new("band_without_hold", text.clone(), true),
        Field::new("band_held_by", text.clone(), true),
        Field::new("unit", text.clone(), true),
        Field::new("package", text.clone(), false),
    ];
    for (_, modality) in registry.iter() {
        let field = |name: &str, of: &DataType, nullable| {
            Field::new(format!("{}_{name}", modality.name), of.clone(), nullable)
        };
        fields.extend([
            field("presence", &text, false),
            field("event_time", &time(), true),
            field("age_seconds", &number, true),
            field("risk", &number, true),
            field("weight", &number, true),
            field("contribution", &number, true),
            field("model", &text, true),
            field("source_topic", &text, true),
            field("source_epoch", &DataType::UInt32, true),
            field("source_partition", &DataType::UInt32, true),
            field("source_offset", &DataType::Int64, true),
        ]);
    }
    Arc::new(Schema::new(fields))
}

/// The scores as a batch of that schema.
pub(super) fn to_batch(
    schema: &SchemaRef,
    registry: &Registry,
    scores: &[FusedScore],
) -> Result<RecordBatch, ArrowError> {
    let mut columns = shared_columns(registry, scores);
    for (id, _) in registry.iter() {
        let of = |score| presence(score, id.index());
        columns.extend(modality_columns(registry, &scores.iter().map(of).collect::<Vec<_>>()));
    }
    RecordBatch::try_new(schema.clone(), columns)
}

fn texts<'a>(items: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(items.collect::<StringArray>())
}

fn numbers(items: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(items.collect::<Float64Array>())
}

fn shared_columns(registry: &Registry, scores: &[FusedScore]) -> Vec<ArrayRef> {
    let all = || scores.iter();
    let ends = all().map(|s| s.window.end().as_millis()).collect::<Vec<i64>>();
    let length = |s: &FusedScore| (s.window.end() - s.window.start()).as_seconds();
    let end_of = |s: &FusedScore, i: usize| s.interval.map(|ends| ends[i].get());
    let held_by: Vec<Option<String>> = all().map(|s| held_by(registry, s)).collect();
    let without = |s: &FusedScore| s.band_held.and_then(|held| held.without_hold).map(band_name);
    vec![
        texts(all().map(|s| Some(s.patient.as_str()))),
        Arc::new(TimestampMillisecondArray::from(ends).with_timezone("UTC")),
        numbers(all().map(|s| Some(length(s)))),
        texts(all().map(|s| Some(pane_name(s.pane)))),
        Arc::new(UInt32Array::from_iter_values(all().map(|s| s.revision))),
        texts(all().map(|s| Some(status_name(s.status)))),
        numbers(all().map(|s| s.risk.map(|r| r.get()))),
        numbers(all().map(|s| end_of(s, 0))),
        numbers(all().map(|s| end_of(s, 1))),
        texts(all().map(|s| s.band.map(band_name))),
        Arc::new(all().map(|s| Some(s.band_held.is_some())).collect::<BooleanArray>()),
        texts(all().map(without)),
        texts(held_by.iter().map(|names| names.as_deref())),
        texts(all().map(|s| s.unit.as_deref())),
        texts(all().map(|s| Some(&*s.package))),
    ]
}

/// What a score says of a modality; one that it does not list was never there.
fn presence(score: &FusedScore, index: usize) -> &Presence {
    const NEVER: &Presence = &Presence::Absent(crate::types::Absence::Never, None);
    score.modalities.get(index).unwrap_or(NEVER)
}

fn modality_columns(registry: &Registry, of: &[&Presence]) -> [ArrayRef; 11] {
    let present = || {
        of.iter().map(|p| match p {
            Presence::Present(present) => Some(present),
            Presence::Absent(..) => None,
        })
    };
    let name = |p: &&Presence| match p {
        Presence::Present(_) => "present",
        Presence::Absent(why, _) => why.name(),
    };
    let event_time = |p: &&Presence| match p {
        Presence::Present(present) => Some(present.event_time.as_millis()),
        Presence::Absent(_, newest) => newest.map(|time| time.as_millis()),
    };
    let topic = |p: &Present| match p.source.lane.feed {
        Feed::Modality(id) => registry.get(id).map(|m| m.topic),
        Feed::Encounters => Some("encounters"),
    };
    let times = of.iter().map(event_time).collect::<TimestampMillisecondArray>();
    let source = |p: Option<&Present>| p.map(|p| p.source);
    [
        texts(of.iter().map(|p| Some(name(p)))),
        Arc::new(times.with_timezone("UTC")),
        numbers(present().map(|p| p.map(|p| p.age.as_seconds()))),
        numbers(present().map(|p| p.map(|p| p.risk.get()))),
        numbers(present().map(|p| p.map(|p| p.weight))),
        numbers(present().map(|p| p.map(|p| p.contribution))),
        texts(present().map(|p| p.map(|p| p.model.as_ref()))),
        texts(present().map(|p| p.and_then(topic))),
        Arc::new(present().map(|p| source(p).map(|s| s.lane.epoch)).collect::<UInt32Array>()),
        Arc::new(present().map(|p| source(p).map(|s| s.lane.partition)).collect::<UInt32Array>()),
        Arc::new(present().map(|p| source(p).map(|s| s.offset)).collect::<Int64Array>()),
    ]
}

/// The modalities whose stale evidence holds the band, in registry order.
fn held_by(registry: &Registry, score: &FusedScore) -> Option<String> {
    let held = score.band_held?;
    let holds = |index: usize| held.by.checked_shr(index as u32).is_some_and(|bits| bits & 1 == 1);
    let names = registry.iter().filter(|(id, _)| holds(id.index())).map(|(_, m)| m.name);
    Some(names.collect::<Vec<_>>().join(","))
}

const fn pane_name(pane: Pane) -> &'static str {
    match pane {
        Pane::Early => "early",
        Pane::OnTime => "on_time",
        Pane::Late => "late",
    }
}

const fn status_name(status: FusedStatus) -> &'static str {
    match status {
        FusedStatus::Ok => "ok",
        FusedStatus::Degraded => "degraded",
        FusedStatus::InsufficientData => "insufficient_data",
    }
}

const fn band_name(band: Band) -> &'static str {
    match band {
        Band::Low => "low",
        Band::Medium => "medium",
        Band::High => "high",
    }
}
