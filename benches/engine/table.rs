//! The rows as text and as JSON.

use crate::{Measured, Memory, Steps};
use serde_json::json;

/// Nanoseconds of CPU time; the total is decode, score and fuse.
pub const HEADER: &str = "\
| source | patients | life | events | decode ns | score ns | fuse ns | **total ns** | **events/s** | encode ns/fused |
|---|---:|---|---:|---:|---:|---:|---:|---:|---:|";

struct PerEvent {
    decode: f64,
    score: f64,
    fuse: f64,
    total: f64,
    encode_per_fused: f64,
}

impl PerEvent {
    fn of(row: &Measured) -> Self {
        let each = |nanoseconds: u64| nanoseconds as f64 / row.events as f64;
        let Steps { decode, score, fuse, encode } = row.steps;
        Self {
            decode: each(decode),
            score: each(score),
            fuse: each(fuse),
            total: each(decode + score + fuse),
            encode_per_fused: encode as f64 / row.fused as f64,
        }
    }
}

/// A row of the table.
pub fn line(life: &str, row: &Measured) -> String {
    let PerEvent { decode, score, fuse, total, encode_per_fused } = PerEvent::of(row);
    format!(
        "| {} | {} | {life} | {} | {decode:.0} | {score:.0} | {fuse:.0} | **{total:.0}** | **{:.0}** | {encode_per_fused:.0} |",
        row.source.name(),
        row.patients,
        row.events,
        1e9 / total,
    )
}

/// A row as one JSON object.
pub fn json(life: &str, row: &Measured) -> String {
    let PerEvent { decode, score, fuse, total, encode_per_fused } = PerEvent::of(row);
    json!({
        "part": "engine",
        "case": format!("{}, {} patients, {life}", row.source.name(), row.patients),
        "events": row.events,
        "fused": row.fused,
        "decode_ns": decode,
        "score_ns": score,
        "fuse_ns": fuse,
        "total_ns": total,
        "events_per_second": 1e9 / total,
        "encode_ns_per_fused": encode_per_fused,
    })
    .to_string()
}

/// The memory figures as text.
pub fn memory_line(memory: &Memory) -> String {
    format!(
        "State of a patient observed once a minute, eight values, 60 minutes of lookback: {:.0} bytes in fusion, {:.0} in score.",
        memory.fuse, memory.score
    )
}

/// The memory figures as one JSON object.
pub fn memory_json(memory: &Memory) -> String {
    json!({
        "part": "memory",
        "case": "a patient with an hour of observations, one a minute",
        "fuse_bytes_per_patient": memory.fuse,
        "score_bytes_per_patient": memory.score,
    })
    .to_string()
}
