//! What the pipeline writes: every value survives its bytes, any bytes give a value or a fault, and both agree with the
//! schemas.

#![allow(clippy::panic, clippy::print_stdout, reason = "a test fails and says what it compared")]

mod explain;
mod laws;
mod random;
mod schemas;

use latefusion::modality::{DefaultPolicy, Modality, Registry};
use latefusion::shell::wire::{
    DeadLetter, ModelNames, Names, Topics, decode_availability, decode_dead_letter, decode_entry,
    decode_fused_score, encode_availability, encode_dead_letter, encode_entry, encode_fused_score,
};
use latefusion::types::{
    Availability, Event, Fault, FusedScore, LogEntry, ModalityId, RejectReason, Span,
};

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

fn registry() -> Registry {
    Registry::new(vec![&VITALS, &LABS, &IMAGING])
}

fn names() -> Names {
    Names::new(&registry(), &Topics::default()).expect("the default topics")
}

/// One value of any topic.
#[derive(Clone, Debug, PartialEq)]
enum Record {
    Entry(LogEntry),
    Score(FusedScore),
    Availability(Availability),
    Letter(DeadLetter),
}

/// The topics, by the names of their schemas.
const TOPICS: [&str; 4] = ["predictions", "fused-scores", "availability", "dead-letters"];

impl Record {
    fn topic(&self) -> &'static str {
        match self {
            Self::Entry(_) => "predictions",
            Self::Score(_) => "fused-scores",
            Self::Availability(_) => "availability",
            Self::Letter(_) => "dead-letters",
        }
    }

    fn encode(&self, names: &Names) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Entry(entry) => encode_entry(entry, names, &mut out),
            Self::Score(score) => encode_fused_score(score, names, &mut out),
            Self::Availability(availability) => encode_availability(availability, names, &mut out),
            Self::Letter(letter) => encode_dead_letter(letter, &mut out),
        }
        out
    }

    fn decode(topic: &str, payload: &[u8], names: &Names) -> Result<Self, Fault> {
        let mut models = ModelNames::default();
        match topic {
            "predictions" => decode_entry(payload, names, &mut models).map(Self::Entry),
            "fused-scores" => decode_fused_score(payload, names, &mut models).map(Self::Score),
            "availability" => decode_availability(payload, names).map(Self::Availability),
            _ => decode_dead_letter(payload).map(Self::Letter),
        }
    }
}
