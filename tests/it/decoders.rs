//! The four decoders on anything at all: they decode or give a fault, and accept nothing that is not JSON.

use latefusion::modality::{Registry, encounters};
use latefusion::types::{Fault, ModalityId, RejectReason};
use std::collections::BTreeMap;

const MUTATIONS: usize = 20_000;

fn decode(topic: &str, payload: &[u8]) -> Result<(), Fault> {
    if topic == encounters::TOPIC {
        return encounters::decode(payload).map(drop);
    }
    let registry = Registry::shipped();
    let (_, modality) = registry.iter().find(|(_, m)| m.topic == topic).expect("a topic");
    (modality.decode)(payload, ModalityId(0)).map(drop)
}

/// Fragments that break things in ways that random bytes rarely do.
const FRAGMENTS: [&str; 16] = [
    "null",
    "1e999",
    "-0",
    "NaN",
    "\"",
    "\\u",
    "\\ud800",
    "{",
    "[",
    "}",
    ",",
    "0x1",
    "\u{0}",
    "\"patient\":\"x\",",
    "01",
    "1970-01-01T00:00:00Z",
];

fn mutate(payload: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..5) {
        let at = random.usize(0..=payload.len());
        match random.u8(0..5) {
            0 if at < payload.len() => payload[at] = random.u8(..),
            1 => payload.truncate(at),
            2 => payload.insert(at, random.u8(32..127)),
            3 if at < payload.len() => drop(payload.remove(at)),
            _ => {
                let fragment = FRAGMENTS[random.usize(0..FRAGMENTS.len())];
                payload.splice(at..at, fragment.bytes());
            }
        }
    }
}

#[test]
fn twenty_thousand_mutations_of_each_topic_decode_or_give_a_fault() {
    for topic in super::schemas::TOPICS {
        let seeds: Vec<Vec<u8>> =
            super::schemas::examples(topic, "accepted").into_iter().map(|e| e.payload).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut accepted, mut reasons) = (0, BTreeMap::<RejectReason, usize>::new());
        for case in 0..MUTATIONS {
            let mut payload = seeds[random.usize(0..seeds.len())].clone();
            mutate(&mut payload, &mut random);
            let is_json = serde_json::from_slice::<serde_json::Value>(&payload).is_ok();
            match decode(topic, &payload) {
                Ok(()) => {
                    assert!(is_json, "{topic}, seed 7, case {case}: accepted what is no JSON");
                    accepted += 1;
                }
                Err(fault) => {
                    let is_undecodable = fault.reason == RejectReason::Undecodable;
                    let is_doubled = fault.detail.contains("twice");
                    let is_object = payload.trim_ascii_start().first() == Some(&b'{');
                    let blamed = is_undecodable && !is_doubled && is_object && is_json;
                    assert!(!blamed, "{topic}, seed 7, case {case}: refused valid JSON: {fault}");
                    *reasons.entry(fault.reason).or_default() += 1;
                }
            }
        }
        println!("{topic}: {accepted} accepted, {reasons:?}");
        assert!(accepted > 100 && reasons.len() >= 7, "{topic}: the mutations reach too little");
    }
}

#[test]
fn every_prefix_of_a_record_is_undecodable() {
    let mut compared = 0;
    for topic in super::schemas::TOPICS {
        for example in super::schemas::examples(topic, "accepted") {
            let end = example.payload.trim_ascii_end().len();
            for length in 0..end {
                let fault = decode(topic, &example.payload[..length]).expect_err("a prefix");
                assert_eq!(fault.reason, RejectReason::Undecodable, "{} {length}", example.name);
                compared += 1;
            }
        }
    }
    println!("{compared} prefixes");
    assert!(compared > 1_000);
}

#[test]
fn random_bytes_are_undecodable() {
    let mut random = fastrand::Rng::with_seed(8);
    for topic in super::schemas::TOPICS {
        for _ in 0..2_000 {
            let payload: Vec<u8> = (0..random.usize(0..300)).map(|_| random.u8(..)).collect();
            let fault = decode(topic, &payload).expect_err("noise");
            assert_eq!(fault.reason, RejectReason::Undecodable);
        }
    }
}
