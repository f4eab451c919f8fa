//! A ward's vital signs, made at next to no cost: JSON payloads and wide Arrow batches of the same observations.

use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    UInt64Array,
};
use clap::ValueEnum;
use latefusion::modality::vitals::{ACVPU, OXYGEN, VITALS};
use latefusion::shell::record_files::wide;
use latefusion::types::rfc3339;
use std::io::Write;
use std::sync::Arc;

/// What the events are decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// One JSON payload an event, as on the topic `vitals`.
    Json,
    /// Wide record batches with every column that the crate's own writer writes.
    Arrow,
}

impl Source {
    /// As printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Arrow => "arrow",
        }
    }
}

/// 2026-11-23T08:00:08Z: the first window end comes after two seconds.
const START: i64 = 1_795_420_808_000;
/// Milliseconds from observation to issue.
const DELAY: i64 = 200;
/// Columns that every event fills, with the lowest value and how far they range, in whole units.
const VALUES: [(&str, f64, u64); 8] = [
    ("heart_rate_per_min", 55.0, 60),
    ("respiratory_rate_per_min", 10.0, 16),
    ("spo2_percent", 90.0, 10),
    ("oxygen", 0.0, 2),
    ("systolic_pressure_mmhg", 95.0, 60),
    ("diastolic_pressure_mmhg", 50.0, 40),
    ("temperature_celsius", 36.0, 3),
    ("consciousness", 0.0, 1),
];

/// The patients, each observed once a round.
pub struct Ward {
    patients: u32,
    /// Milliseconds between two rounds.
    every: i64,
}

/// Payloads one after the other, and where each ends.
#[derive(Default)]
pub struct Payloads {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Payloads {
    /// The payloads in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[*start..*end])
    }
}

impl Ward {
    /// So many patients, observed every so many milliseconds.
    pub const fn new(patients: u32, every: i64) -> Self {
        Self { patients, every }
    }

    /// Broker time of a round's records, milliseconds since the epoch.
    pub const fn ingest_time(&self, round: u32) -> i64 {
        START + (round as i64 + 1) * self.every + DELAY
    }

    /// The patient that comes at a place of a round. Later rounds come in another order than the first, so that no
    /// state lies in memory in the order in which it is used.
    fn patient(&self, round: u32, at: usize) -> u32 {
        const PRIME: u64 = 1_000_003;
        let (at, patients) = (at as u64, u64::from(self.patients));
        if round == 0 { at as u32 } else { (at * PRIME % patients) as u32 }
    }

    fn event_time(&self, round: u32, patient: u32) -> i64 {
        START + i64::from(round) * self.every + i64::from(patient % 1_000)
    }

    /// Value number `i`, in whole units; it changes every few rounds.
    fn value(&self, round: u32, patient: u32, i: usize) -> f64 {
        let (_, lowest, range) = VALUES[i];
        let mixed = (u64::from(patient) + u64::from(round) / 4 * 7 + i as u64 * 13)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        lowest + ((mixed >> 40) % range) as f64
    }

    /// The JSON payloads of the records at these places of a round.
    pub fn json(&self, round: u32, places: std::ops::Range<usize>, out: &mut Payloads) {
        out.bytes.clear();
        out.ends.clear();
        for at in places {
            let patient = self.patient(round, at);
            let time = self.event_time(round, patient);
            let text = |millis| rfc3339::text(millis).expect("a date of this century");
            let bytes = &mut out.bytes;
            let mut put = |text: &[u8]| bytes.extend_from_slice(text);
            put(b"{\"patient\":\"");
            put(&name(patient));
            put(b"\",\"event_time\":\"");
            put(&text(time));
            put(b"\",\"issued\":\"");
            put(&text(time + DELAY));
            put(b"\"");
            for (i, (column, ..)) in VALUES.iter().enumerate() {
                let value = self.value(round, patient, i);
                match *column {
                    "oxygen" => write!(bytes, ",\"{column}\":\"{}\"", OXYGEN[value as usize]),
                    "consciousness" => write!(bytes, ",\"{column}\":\"{}\"", ACVPU[value as usize]),
                    _ => write!(bytes, ",\"{column}\":{value:.1}"),
                }
                .expect("writing to memory");
            }
            bytes.push(b'}');
            out.ends.push(bytes.len());
        }
    }

    /// The records at these places of a round as one wide batch.
    pub fn arrow(&self, round: u32, places: std::ops::Range<usize>) -> RecordBatch {
        let patients: Vec<u32> = places.map(|at| self.patient(round, at)).collect();
        let n = patients.len();
        let names: Vec<[u8; 8]> = patients.iter().map(|patient| name(*patient)).collect();
        let names = names.iter().map(|name| std::str::from_utf8(name).expect("ASCII"));
        let times: Vec<i64> = patients.iter().map(|p| self.event_time(round, *p)).collect();
        let issued: Vec<i64> = times.iter().map(|time| time + DELAY).collect();
        let timestamps = |millis| TimestampMillisecondArray::from(millis).with_timezone("UTC");
        let id = |patient: &u32| u64::from(*patient) << 32 | u64::from(round);
        let ids = patients.iter().map(|p| id(p).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(names)),
            Arc::new(timestamps(times)),
            Arc::new(timestamps(issued)),
            Arc::new(UInt64Array::from_iter_values(ids)),
            Arc::new(UInt32Array::from(vec![0; n])),
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n("final", n))),
        ];
        for column in VITALS.columns {
            let values: Float64Array = match VALUES.iter().position(|v| v.0 == column.name) {
                Some(i) => {
                    patients.iter().map(|p| self.value(round, *p, i)).collect::<Vec<_>>().into()
                }
                None => Float64Array::new_null(n),
            };
            columns.push(Arc::new(values));
        }
        RecordBatch::try_new(wide::schema(&VITALS), columns).expect("the writer's columns")
    }
}

fn name(patient: u32) -> [u8; 8] {
    let mut name = *b"p0000000";
    let mut rest = patient;
    for digit in name[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name
}
